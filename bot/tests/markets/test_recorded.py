"""A market from files: nothing later than asked, ages kept, faults named by file and line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.desk import SymbolInfo
from bot.domain.errors import MarketError
from bot.domain.market import BarsRequest, ChainRequest, Dividend, EventsRequest, QuotesRequest, Split
from bot.markets.recorded import RecordedMarket

D = Decimal
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
UNIVERSE = {
    "XLF": SymbolInfo(symbol="XLF", group="financials", kind="etf"),
    "ACME": SymbolInfo(symbol="ACME", group="one", kind="stock", penny=False),
}
QUOTES = """at,bid,ask,last
2026-11-18T16:45:00Z,39.90,39.92,39.91
2026-11-18T12:00:00-05:00,40.00,40.02,
2026-11-18T17:15:00Z,41.00,41.02,41.01
"""
CHAIN = """at,expiry,right,strike,bid,ask,open_interest,delta,iv,standard
2026-11-18T16:45:00Z,2026-12-18,put,38,0.40,0.44,500,-0.20,0.22,
2026-11-18T16:45:00Z,2026-12-18,put,39,0.61,0.66,400,-0.28,0.21,
2026-11-18T16:45:00Z,2026-12-18,call,41,0.70,0.74,300,0.35,0.20,
2026-11-18T17:15:00Z,2026-12-18,put,38,0.20,0.24,500,-0.10,0.22,
2026-11-18T16:45:00Z,2027-01-15,put,38.5,0.905,0.915,,,,false
"""


def folder_with(tmp_path: Path, **files: str) -> RecordedMarket:
    """Write files by name (`quotes_XLF`, `events`) and open the folder as a market."""
    for name, text in files.items():
        kind, _, symbol = name.partition("_")
        path = tmp_path / kind / f"{symbol}.csv" if symbol else tmp_path / f"{kind}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return RecordedMarket(tmp_path, earnings={}, universe=UNIVERSE)


def chain_request(
    right: str = "put", low: str = "0.5", high: str = "1.5", dte: tuple[int, int] = (0, 90)
) -> ChainRequest:
    return ChainRequest(
        underlying="XLF", right="put" if right == "put" else "call", dte_min=dte[0], dte_max=dte[1],
        moneyness_min=D(low), moneyness_max=D(high),
    )  # fmt: skip


def test_a_quote_is_the_newest_at_or_before_the_moment_and_keeps_its_own(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF=QUOTES)
    ask = (QuotesRequest(symbols=("XLF",)),)
    (at_noon,) = market.fetch(ask, NOON).quotes
    assert (at_noon.bid, at_noon.ask, at_noon.last) == (D("40.00"), D("40.02"), None)
    assert at_noon.at == NOON
    (before,) = market.fetch(ask, NOON - timedelta(microseconds=1)).quotes
    assert before.bid == D("39.90")
    assert before.at == NOON - timedelta(minutes=15)
    (much_later,) = market.fetch(ask, NOON + timedelta(days=3)).quotes
    assert much_later.at == NOON + timedelta(minutes=15)


def test_a_symbol_without_files_is_named_and_costs_the_others_nothing(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF=QUOTES)
    reads = market.fetch((QuotesRequest(symbols=("SPY", "XLF")), chain_request()), NOON)
    assert [quote.symbol for quote in reads.quotes] == ["XLF"]
    assert len(reads.errors) == 2
    assert reads.errors[0].startswith("SPY: no quote or bar recorded")
    assert "chains/XLF.csv" in reads.errors[1]


def test_a_chain_is_one_reading_bounded_by_days_and_strikes(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF=QUOTES, chains_XLF=CHAIN)
    (chain,) = market.fetch((chain_request(dte=(20, 40)),), NOON).chains
    assert chain.at == NOON - timedelta(minutes=15)
    assert [(offer.strike, offer.bid, offer.delta) for offer in chain.offers()] == [
        (D(38), D("0.40"), -0.20), (D(39), D("0.61"), -0.28),
    ]  # fmt: skip
    assert chain.greeks == "broker"
    (narrow,) = market.fetch((chain_request(high="0.95", dte=(20, 40)),), NOON).chains
    assert [offer.strike for offer in narrow.offers()] == [D(38)]
    (later,) = market.fetch((chain_request(),), NOON + timedelta(minutes=15)).chains
    assert [offer.bid for offer in later.offers()] == [D("0.20")]


def test_prices_between_cents_are_never_better_than_recorded_and_blanks_are_unknown(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF=QUOTES, chains_XLF=CHAIN)
    (chain,) = market.fetch((chain_request(dte=(50, 90)),), NOON).chains
    (offer,) = chain.offers()
    assert (offer.bid, offer.ask) == (D("0.90"), D("0.92"))
    assert (offer.delta, offer.volatility, offer.open_interest) == (None, None, None)
    assert not offer.standard
    assert chain.greeks == "none"


def test_a_single_series_is_quoted_by_its_own_newest_row(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF=QUOTES, chains_XLF=CHAIN)
    ask = (QuotesRequest(symbols=("XLF261218P00038000", "XLF261218P00039000")),)
    reads = market.fetch(ask, NOON + timedelta(hours=1))
    assert [(quote.bid, quote.at.minute) for quote in reads.quotes] == [(D("0.20"), 15), (D("0.61"), 45)]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"quotes_XLF": "at,bid\n"}, "quotes/XLF.csv:1: the header lacks ask"),
        ({"quotes_XLF": "at,bid,ask\n2026-11-18 17:00,1,2\n"}, "quotes/XLF.csv:2: expected a moment with its zone"),
        ({"quotes_XLF": "at,bid,ask\nyesterday,1,2\n"}, "quotes/XLF.csv:2: expected a moment like"),
        ({"quotes_XLF": "at,bid,ask\n2026-11-18T17:00:00Z,x,2\n"}, "quotes/XLF.csv:2: bid: expected a decimal"),
        ({"quotes_XLF": "at,bid,ask\n2026-11-18T17:00:00Z,-1,2\n"}, "quotes/XLF.csv:2: bid: expected zero or more"),
        ({"quotes_XLF": "at,bid,ask\n2026-11-18T17:00:00Z,NaN,2\n"}, "quotes/XLF.csv:2: bid: expected a finite"),
        ({"quotes_XLF": "at,bid,ask\n\n2026-11-18T17:00:00Z,1\n"}, "quotes/XLF.csv:3: expected 3 cells, got 2"),
        (
            {"bars_XLF": "time,open,high,low,close,volume\n2026-11-15,1,2,1,1,5\n"},
            "bars/XLF.csv:2: time: 2026-11-15 is",
        ),
        ({"bars_XLF": "time,open,high,low,close,volume\n2026-11-17,1,2,3,1,5\n"}, "bars/XLF.csv:2: expected low <="),
    ],
)
def test_a_malformed_row_is_named_with_file_and_line(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    market = folder_with(tmp_path, **files)
    reads = market.fetch((QuotesRequest(symbols=("XLF",)),), NOON)
    assert reads.quotes == ()
    assert reads.errors[0].startswith(fault), reads.errors


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("2026-11-18T16:45:00Z,2026-12-18,putt,38,1,2,3,,,", "right: expected put or call"),
        ("2026-11-18T16:45:00Z,18.12.2026,put,38,1,2,3,,,", "expiry: expected a day"),
        ("2026-11-18T16:45:00Z,2026-12-18,put,0,1,2,3,,,", "strike: expected a number above zero"),
        ("2026-11-18T16:45:00Z,2026-12-18,put,38.0005,1,2,3,,,", "strike: expected steps of 0.001"),
        ("2026-11-18T16:45:00Z,2026-12-18,put,38,1,2,3.5,,,", "open_interest: expected a whole number"),
        ("2026-11-18T16:45:00Z,2026-12-18,put,38,1,2,3,-1.2,,", "delta: expected a size up to 1"),
        ("2026-11-18T16:45:00Z,2026-12-18,put,38,1,2,3,,25,", "iv: expected a size up to 10"),
        ("2026-11-18T16:45:00Z,2026-12-18,put,38,1,2,3,,,no", "standard: expected true or false"),
    ],
)
def test_a_malformed_series_takes_its_whole_chain_out(tmp_path: Path, row: str, fault: str) -> None:
    market = folder_with(tmp_path, quotes_XLF=QUOTES, chains_XLF=f"{CHAIN}{row}\n")
    reads = market.fetch((chain_request(), QuotesRequest(symbols=("XLF",))), NOON)
    assert reads.chains == ()
    assert len(reads.quotes) == 1
    assert reads.errors[0].startswith(f"chains/XLF.csv:7: {fault}"), reads.errors


def test_a_contract_that_stands_twice_in_one_reading_is_refused(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF=QUOTES, chains_XLF=CHAIN + CHAIN.splitlines()[1] + "\n")
    (error,) = market.fetch((chain_request(),), NOON).errors
    assert "2026-12-18 put 38 stands twice" in error


def test_many_faults_are_cut_to_five_and_counted(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF="at,bid,ask\n" + "x,1,2\n" * 9)
    (error,) = market.fetch((QuotesRequest(symbols=("XLF",)),), NOON).errors
    assert error.count("quotes/XLF.csv:") == 5
    assert error.endswith("(and 4 more)")


def test_a_daily_bar_is_known_at_its_sessions_close_and_not_before(tmp_path: Path) -> None:
    # 2026-11-27 closes at 13:00 New York, 18:00 UTC.
    bars = "time,open,high,low,close,volume\n2026-11-25,40,41,39,40.5,100\n2026-11-27,40.5,42,40,41.5,50\n"
    market = folder_with(tmp_path, bars_XLF=bars)
    ask = (BarsRequest(symbol="XLF", step="1day", count=5), QuotesRequest(symbols=("XLF",)))
    close = datetime(2026, 11, 27, 18, tzinfo=UTC)
    before, after = market.fetch(ask, close - timedelta(seconds=1)), market.fetch(ask, close)
    assert [bar.close for bar in before.bars[0].bars] == [D("40.5")]
    assert [bar.close for bar in after.bars[0].bars] == [D("40.5"), D("41.5")]
    assert (before.quotes[0].last, after.quotes[0].last) == (D("40.5"), D("41.5"))
    assert after.quotes[0].at == close


def minutes(*closes: str, start: str = "2026-11-18T14:30:00") -> str:
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    rows = ["time,open,high,low,close,volume"]
    for number, close in enumerate(closes):
        at = first + timedelta(minutes=number)
        rows.append(f"{at.isoformat()},{close},{D(close) + 1},{D(close) - 1},{close},10")
    return "\n".join(rows) + "\n"


def test_intraday_bars_are_served_finished_and_joined_into_coarser_ones(tmp_path: Path) -> None:
    market = folder_with(tmp_path, bars_XLF=minutes(*[str(n) for n in range(10, 50)]))
    at = datetime(2026, 11, 18, 15, 5, 30, tzinfo=UTC)  # 35 whole minutes after the open
    (fine,) = market.fetch((BarsRequest(symbol="XLF", step="1min", count=2),), at).bars
    assert [bar.close for bar in fine.bars] == [D(43), D(44)]
    (coarse,) = market.fetch((BarsRequest(symbol="XLF", step="15min", count=9),), at).bars
    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in coarse.bars] == [
        (D(10), D(25), D(9), D(24), 150), (D(25), D(40), D(24), D(39), 150),
    ]  # fmt: skip
    assert market.fetch((BarsRequest(symbol="XLF", step="1day", count=1),), at).bars == ()


def test_finer_bars_than_recorded_are_not_made_up(tmp_path: Path) -> None:
    rows = "time,open,high,low,close,volume\n2026-11-18T15:00:00Z,1,1,1,1,1\n2026-11-18T15:15:00Z,1,1,1,1,1\n"
    reads = folder_with(tmp_path, bars_XLF=rows).fetch((BarsRequest(symbol="XLF", step="1min", count=1),), NOON)
    assert reads.bars == ()
    assert reads.errors[0].startswith("XLF: no 1min bar recorded")


def test_a_walk_gives_what_was_recorded_after_and_until_inside_sessions(tmp_path: Path) -> None:
    night = QUOTES + "2026-11-18T23:00:00Z,42.00,42.02,\n"
    market = folder_with(tmp_path, quotes_XLF=night, chains_XLF=CHAIN)
    walked = list(market.walk("XLF", NOON - timedelta(minutes=15), NOON + timedelta(days=1)))
    assert [quote.bid for quote in walked] == [D("40.00"), D("41.00")]
    series = list(market.walk("XLF261218P00038000", NOON - timedelta(hours=1), NOON))
    assert [quote.bid for quote in series] == [D("0.40")]


def test_a_share_with_bars_alone_walks_their_closes_as_last_trades(tmp_path: Path) -> None:
    market = folder_with(tmp_path, bars_XLF=minutes("10", "11", "12"))
    opening = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
    walked = list(market.walk("XLF", opening + timedelta(minutes=1), opening + timedelta(minutes=3)))
    assert [(quote.last, quote.bid, quote.at) for quote in walked] == [
        (D(11), None, opening + timedelta(minutes=2)), (D(12), None, opening + timedelta(minutes=3)),
    ]  # fmt: skip


def test_a_walk_over_a_malformed_file_raises(tmp_path: Path) -> None:
    market = folder_with(tmp_path, quotes_XLF="at,bid,ask\nx,1,2\n")
    with pytest.raises(MarketError, match=r"quotes/XLF\.csv:2"):
        list(market.walk("XLF", NOON, NOON))


EVENTS = """symbol,kind,day,amount,declared
XLF,dividend,2026-03-23,0.20,
XLF,dividend,2026-06-22,0.21,
XLF,dividend,2026-09-21,0.22,
XLF,dividend,2026-12-21,0.23,2026-12-10
XLF,split,2026-11-20,2,2026-11-19
ACME,dividend,2026-09-01,1.00,
"""


def known_events(market: RecordedMarket, symbol: str, at: datetime) -> tuple[str, list[Dividend], tuple[Split, ...]]:
    (events,) = market.fetch((EventsRequest(symbols=(symbol,)),), at).events
    return events.dividend_status, list(events.dividends), events.splits


def test_the_next_dividend_is_expected_from_the_past_until_it_is_declared(tmp_path: Path) -> None:
    market = folder_with(tmp_path, events=EVENTS)
    status, dividends, splits = known_events(market, "XLF", NOON)
    assert status == "known"
    assert [(one.ex_date, one.expected) for one in dividends][-1] == (date(2026, 12, 21), True)
    assert dividends[-1].amount == D("0.22")
    assert splits == ()
    status, dividends, splits = known_events(market, "XLF", NOON + timedelta(days=22))
    assert [(one.ex_date, one.amount, one.expected) for one in dividends][-1] == (date(2026, 12, 21), D("0.23"), False)
    assert [one.ratio for one in splits] == [D(2)]


def test_a_dividend_nobody_dated_is_known_two_weeks_ahead_and_not_earlier(tmp_path: Path) -> None:
    market = folder_with(tmp_path, events="symbol,kind,day,amount\nXLF,dividend,2026-12-21,0.2\n")
    fourteen = datetime(2026, 12, 7, 17, tzinfo=UTC)
    assert known_events(market, "XLF", fourteen)[0] == "known"
    assert known_events(market, "XLF", fourteen - timedelta(days=1))[0] == "none"


def test_one_past_payment_is_no_history_and_therefore_unknown(tmp_path: Path) -> None:
    """Rule 1.9: no history where a dividend is known to exist refuses."""
    market = folder_with(tmp_path, events=EVENTS)
    assert known_events(market, "ACME", NOON)[0] == "unknown"
    assert known_events(market, "GLD", NOON)[0] == "none"


def test_without_an_events_file_nothing_is_known(tmp_path: Path) -> None:
    assert known_events(folder_with(tmp_path), "XLF", NOON)[0] == "unknown"


def test_a_malformed_events_file_leaves_dividends_unknown_and_says_so(tmp_path: Path) -> None:
    market = folder_with(tmp_path, events="symbol,kind,day,amount\nXLF,spinoff,2026-12-21,0.2\n")
    reads = market.fetch((EventsRequest(symbols=("XLF",)),), NOON)
    assert reads.events[0].dividend_status == "unknown"
    assert reads.errors[0].endswith("events.csv:2: kind: expected dividend or split, got 'spinoff'")


def test_what_goes_ex_between_two_days_excludes_the_first_and_includes_the_last(tmp_path: Path) -> None:
    market = folder_with(tmp_path, events=EVENTS)
    found = market.events_between("XLF", date(2026, 9, 21), date(2026, 12, 21))
    assert [type(one) for one in found] == [Split, Dividend]
    assert folder_with(tmp_path / "empty").events_between("XLF", date(2026, 1, 1), date(2026, 12, 31)) == ()


def test_funds_are_exempt_from_earnings_and_stocks_without_dates_unknown(tmp_path: Path) -> None:
    market = folder_with(tmp_path)
    reads = market.fetch((EventsRequest(symbols=("XLF", "ACME", "ZZZ")),), NOON)
    assert [events.earnings_status for events in reads.events] == ["exempt", "unknown", "unknown"]
