"""Option chains of the embedded market: grids, parity, skew, term, interest, and one truth with quotes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest

from bot.domain.instruments import option_grid, option_symbol
from bot.domain.market import Chain, ChainRequest, Offer, QuotesRequest
from bot.markets.synthetic import SyntheticMarket

D = Decimal
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
MARKET = SyntheticMarket(21)
NAMES = ("SPY", "XLF", "EWZ", "TLT", "GLD", "ACME", "T", "ZM")


def chain(
    symbol: str, right: Literal["put", "call"] = "put", at: datetime = NOON, dte: tuple[int, int] = (0, 60),
    moneyness: tuple[str, str] = ("0.5", "1.7"), market: SyntheticMarket = MARKET,
) -> Chain:  # fmt: skip
    asked = ChainRequest(
        underlying=symbol, right=right, dte_min=dte[0], dte_max=dte[1],
        moneyness_min=D(moneyness[0]), moneyness_max=D(moneyness[1]),
    )  # fmt: skip
    reads = market.fetch((asked,), at)
    assert reads.errors == ()
    return reads.chains[0]


def spot(symbol: str, at: datetime = NOON) -> Decimal:
    last = MARKET.fetch((QuotesRequest(symbols=(symbol,)),), at).quotes[0].last
    assert last is not None
    return last


def offers(symbol: str, right: Literal["put", "call"] = "put", **given: object) -> list[Offer]:
    return list(chain(symbol, right, **given).offers())  # type: ignore[arg-type]


@pytest.mark.parametrize("right", ["put", "call"])
@pytest.mark.parametrize("symbol", NAMES)
def test_every_price_is_on_the_grid_and_every_spread_open(symbol: str, right: Literal["put", "call"]) -> None:
    rows = offers(symbol, right)
    assert len(rows) > 200
    for row in rows:
        assert row.ask is not None
        for price in (row.bid, row.ask):
            assert price is None or (price > 0 and price % option_grid(symbol, price, penny=row.penny) == 0), row
        assert row.bid is None or row.bid < row.ask
        assert row.open_interest is not None
        assert row.open_interest >= 0


@pytest.mark.parametrize("symbol", NAMES)
def test_prices_are_monotonic_in_the_strike(symbol: str) -> None:
    for right, rising in (("put", True), ("call", False)):
        for slab in chain(symbol, right, dte=(0, 370)).slabs:  # type: ignore[arg-type]
            for column in (slab.bids, slab.asks):
                ordered = column if rising else column[::-1]
                assert list(ordered) == sorted(ordered), (right, slab.expiry)
            deltas = [delta for delta in slab.deltas if delta >= 0]
            assert deltas == sorted(deltas, reverse=not rising)


@pytest.mark.parametrize("symbol", NAMES)
def test_puts_and_calls_agree_within_spreads_and_dividends(symbol: str) -> None:
    price = float(spot(symbol))
    calls = {(row.expiry, row.strike): row for row in offers(symbol, "call", moneyness=("0.85", "1.15"))}
    compared = 0
    for put in offers(symbol, "put", moneyness=("0.85", "1.15")):
        call = calls[put.expiry, put.strike]
        if put.bid is None or call.bid is None or put.ask is None or call.ask is None:
            continue
        gap = float(call.bid + call.ask - put.bid - put.ask) / 2 - (price - float(put.strike))
        slack = float(call.ask - call.bid + put.ask - put.bid) + 0.012 * price
        assert abs(gap) <= slack, (put, call)
        compared += 1
    assert compared > 50


def test_a_quote_of_a_series_is_its_row_in_the_chain() -> None:
    for symbol in ("XLF", "SPY", "ACME"):
        rows = offers(symbol, "put", dte=(20, 45), moneyness=("0.9", "1.02"))
        quotes = MARKET.fetch((QuotesRequest(symbols=tuple(row.symbol for row in rows)),), NOON).quotes
        for row, quote in zip(rows, quotes, strict=True):
            assert (row.bid, row.ask, row.delta, row.volatility, row.open_interest, row.at, row.penny) == (
                quote.bid, quote.ask, quote.delta, quote.volatility, quote.open_interest, quote.at, quote.penny,
            )  # fmt: skip


def test_a_walk_of_a_series_shows_the_prices_of_its_quotes() -> None:
    symbol = offers("XLF", "put", dte=(20, 45), moneyness=("0.95", "1.0"))[0].symbol
    for walked in MARKET.walk(symbol, NOON, NOON + timedelta(minutes=30)):
        shown = MARKET.fetch((QuotesRequest(symbols=(symbol,)),), walked.at).quotes[0]
        assert walked.mid is not None
        assert shown.mid is not None
        assert abs(walked.mid - shown.mid) <= D("0.03")


def test_spreads_widen_out_of_the_money() -> None:
    for symbol in ("SPY", "XLF", "GLD"):
        rows = [row.as_quote() for row in offers(symbol, dte=(30, 40), moneyness=("0.8", "1.0"))]
        near = [q.spread_fraction for q in rows if q.spread_fraction and q.delta and -0.5 < q.delta < -0.35]
        far = [q.spread_fraction for q in rows if q.spread_fraction and q.delta and -0.08 < q.delta < -0.02]
        assert sum(far) / len(far) > 2 * sum(near) / len(near)


def test_shares_fall_first_so_puts_carry_more_volatility_than_calls() -> None:
    slab = chain("SPY", dte=(30, 40)).slabs[0]
    by_delta = {
        round(delta / 1000): volatility for delta, volatility in zip(slab.deltas, slab.volatilities, strict=True)
    }
    assert by_delta[1] > by_delta[2] > by_delta[5] > by_delta[8]


def test_volatility_returns_to_its_mean_along_the_term() -> None:
    shapes = set()
    for days in range(0, 400, 20):
        at = NOON + timedelta(days=days)
        slabs = chain("IWM", at=at, dte=(3, 300), moneyness=("0.97", "1.03")).slabs
        ends = [
            min(zip(slab.deltas, slab.volatilities, strict=True), key=lambda row: abs(row[0] - 5000))[1]
            for slab in slabs
        ]
        shapes.add(ends[0] > ends[-1])
        assert abs(ends[-1] - 2200) < abs(ends[0] - 2200) + 150
    assert shapes == {True, False}, "steep when quiet, inverted when wild"


def test_open_interest_is_a_fact_of_the_day_and_gathers_near_the_money() -> None:
    morning, evening = (
        {row.strike: row.open_interest for row in offers("GLD", at=NOON + timedelta(hours=hours), dte=(30, 30))}
        for hours in (-2, 3)
    )
    both = morning.keys() & evening.keys()
    assert len(both) > 100
    assert all(morning[strike] == evening[strike] for strike in both)
    rows = offers("GLD", dte=(30, 30))
    near = [row.open_interest or 0 for row in rows if abs(row.strike / spot("GLD") - 1) < D("0.05")]
    far = [row.open_interest or 0 for row in rows if row.strike / spot("GLD") < D("0.7")]
    assert sum(near) / len(near) > 4 * sum(far) / len(far)


def test_far_series_have_no_bid_and_no_greeks() -> None:
    rows = offers("XLF", dte=(7, 12), moneyness=("0.5", "0.75"))
    assert all(row.bid is None and row.delta is None and row.volatility is None for row in rows)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2027, 3, 1), date(2027, 3, 25)),  # Good Friday
        (date(2026, 11, 18), date(2026, 12, 24)),
        (date(2026, 12, 7), date(2026, 12, 31)),
        (date(2026, 5, 26), date(2026, 6, 18)),
        (date(2025, 3, 24), date(2025, 4, 17)),
    ],
)
def test_series_end_on_thursday_where_friday_is_closed(today: date, expected: date) -> None:
    """wheel 1.16."""
    at = datetime(today.year, today.month, today.day, 17, tzinfo=UTC)
    ends = [slab.expiry for slab in chain("XLF", at=at, dte=(1, 50)).slabs]
    assert expected in ends
    assert expected + timedelta(days=1) not in ends


def test_eight_weekly_and_a_year_of_monthly_series_are_listed() -> None:
    ends = [slab.expiry for slab in chain("XLF", dte=(0, 400)).slabs]
    assert len([end for end in ends if (end - NOON.date()).days <= 57]) == 8
    assert [end for end in ends if (end - NOON.date()).days > 57] == sorted(
        end for end in ends if (end - NOON.date()).days > 57 and 14 <= end.day <= 21
    )
    midweek = [slab.expiry.weekday() for slab in chain("SPY", dte=(0, 21)).slabs]
    assert {0, 2, 4} <= set(midweek)


def test_a_listed_series_stays_listed_until_it_ends() -> None:
    listed: set[date] = set()
    for days in range(120):
        at = NOON + timedelta(days=days)
        now = {slab.expiry for slab in chain("QQQ", at=at, dte=(0, 370), moneyness=("0.99", "1.01")).slabs}
        assert {end for end in listed if end > at.date()} <= now
        listed |= now


def test_an_ending_series_is_gone_with_its_last_bell() -> None:
    friday = date(2026, 11, 20)
    close = datetime(2026, 11, 20, 21, tzinfo=UTC)
    symbol = option_symbol("XLF", friday, "put", D(30))
    asked = (QuotesRequest(symbols=(symbol,)),)
    assert [slab.expiry for slab in chain("XLF", at=close - timedelta(seconds=1), dte=(0, 1)).slabs] == [friday]
    assert len(MARKET.fetch(asked, close - timedelta(seconds=1)).quotes) == 1
    assert chain("XLF", at=close, dte=(0, 1)).slabs == ()
    assert "ended on 2026-11-20" in MARKET.fetch(asked, close).errors[0]
    assert max(one.at for one in MARKET.walk(symbol, close - timedelta(hours=1), close + timedelta(days=5))) < close


def test_deltas_are_near_one_deep_in_the_money_and_half_at_it() -> None:
    rows = offers("XLF", "call", dte=(30, 40))
    price = spot("XLF")
    assert all((row.delta or 0) > 0.97 for row in rows if row.strike < price * D("0.8"))
    middle = min(rows, key=lambda row: abs(row.strike - price))
    assert middle.delta == pytest.approx(0.5, abs=0.15)
    assert all((row.delta or 0) <= 0 for row in offers("XLF", "put", dte=(30, 40)))
