"""A tape of bars as a market: what shows at a moment, the path inside a bar, and what it costs to go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.errors import MarketError
from bot.domain.fills import FillRules
from bot.domain.market import Bar, BarsRequest, ChainRequest, Dividend, EventsRequest, Quote, QuotesRequest
from bot.tapes.barbook import BarBook
from bot.tapes.facts import EventEntry
from bot.tapes.market import TapeMarket
from bot.tapes.tape import open_tape
from bot.tests.tapes.taped import OPEN, D, a_bar, a_tape, steps

FORTY = [a_bar(at, f"{50 + number % 7}.00", volume=number) for number, at in enumerate(steps(40, 60))]
RULES = FillRules()
QUARTER = timedelta(minutes=15)
THREE = [
    a_bar(OPEN, "50.00", "50.60", "49.80", "50.20"),
    a_bar(OPEN + QUARTER, "50.25", "50.40", "50.00", "50.10"),
    a_bar(OPEN + 2 * QUARTER, "50.00", "51.00", "49.00", "50.50"),
]


def market(folder: Path, bars: Sequence[Bar] = THREE, rules: FillRules = RULES, **given: object) -> TapeMarket:
    return a_tape(folder, {"XLF": bars}, **given).market(rules, {})  # type: ignore[arg-type]


def quote_at(made: TapeMarket, at: datetime) -> Quote:
    (quote,) = made.fetch((QuotesRequest(symbols=("XLF",)),), at).quotes
    return quote


def bars_at(made: TapeMarket, at: datetime, step: str = "15min", count: int = 5) -> tuple[Bar, ...]:
    (found,) = made.fetch((BarsRequest(symbol="XLF", step=step, count=count),), at).bars  # type: ignore[arg-type]
    return found.bars


def test_a_quote_is_the_close_of_the_last_bar_that_ended(tmp_path: Path) -> None:
    made = market(tmp_path)
    quote = quote_at(made, OPEN + 2 * QUARTER)
    assert (quote.last, quote.at, quote.source) == (D("50.10"), OPEN + 2 * QUARTER, "tape t")
    assert quote.mid == D("50.10")
    assert quote.bid == D("50.10") * D("0.9999")
    assert quote.ask == D("50.10") * D("1.0001")
    assert quote_at(made, OPEN + 2 * QUARTER - timedelta(seconds=1)).last == D("50.20")
    assert (made.name, made.simulated) == ("tape t", False)


def test_nothing_shows_before_the_first_bar_ended(tmp_path: Path) -> None:
    made = market(tmp_path)
    before = OPEN + QUARTER - timedelta(microseconds=1)
    reads = made.fetch((QuotesRequest(symbols=("XLF",)), BarsRequest(symbol="XLF", step="15min", count=1)), before)
    assert (reads.quotes, reads.bars) == ((), ())
    assert all("ended at or before" in error for error in reads.errors)
    assert len(reads.errors) == 2


def test_a_name_that_is_not_on_the_tape_is_an_error_by_itself(tmp_path: Path) -> None:
    reads = market(tmp_path).fetch((QuotesRequest(symbols=("EWZ", "XLF")),), OPEN + QUARTER)
    assert [one.symbol for one in reads.quotes] == ["XLF"]
    assert reads.errors == ("EWZ: no bars on tape t; it has XLF",)


def test_chains_are_not_made_up(tmp_path: Path) -> None:
    request = ChainRequest(
        underlying="XLF", right="put", dte_min=1, dte_max=9, moneyness_min=D("0.8"), moneyness_max=D(1)
    )
    assert market(tmp_path).fetch((request,), OPEN + QUARTER).errors == (
        "XLF: no chains on tape t; it has no chains at all",
    )


def test_bars_end_at_or_before_the_moment_and_are_exact(tmp_path: Path) -> None:
    made = market(tmp_path)
    assert bars_at(made, OPEN + 3 * QUARTER) == tuple(THREE)
    assert bars_at(made, OPEN + 3 * QUARTER, count=2) == tuple(THREE[1:])
    assert bars_at(made, OPEN + 2 * QUARTER + timedelta(minutes=14)) == tuple(THREE[:2])


def test_coarser_bars_are_put_together_and_finer_ones_are_not_made_up(tmp_path: Path) -> None:
    made = market(tmp_path)
    hour = a_bar(OPEN, "50.00", "51.00", "49.00", "50.50", volume=3000)
    assert bars_at(made, OPEN + 4 * QUARTER, "1hour") == (hour,)
    (error,) = made.fetch((BarsRequest(symbol="XLF", step="1min", count=1),), OPEN + QUARTER).errors
    assert "cannot be made from the 900 s bars" in error


def test_a_day_is_known_at_its_close_and_holds_the_session_only(tmp_path: Path) -> None:
    early = a_bar(OPEN - QUARTER, "10.00", "99.00", "1.00", "10.00")
    made = market(tmp_path, [early, *THREE])
    close = datetime(2026, 11, 18, 21, 0, tzinfo=UTC)
    assert made.fetch((BarsRequest(symbol="XLF", step="1day", count=1),), close - QUARTER).bars == ()
    assert bars_at(made, close, "1day") == (a_bar(OPEN, "50.00", "51.00", "49.00", "50.50", volume=3000),)


@pytest.mark.parametrize(
    ("path", "prices"),
    [
        ("open_high_low_close", ("50.00", "50.60", "49.80", "50.20")),
        ("open_low_high_close", ("50.00", "49.80", "50.60", "50.20")),
        ("worse", ("50.00", "50.60", "49.80", "50.20")),
    ],
)
def test_a_bar_is_walked_on_its_path(tmp_path: Path, path: str, prices: tuple[str, ...]) -> None:
    made = market(tmp_path, THREE[:1], FillRules(path=path))  # type: ignore[arg-type]
    quotes = list(made.walk("XLF", OPEN, OPEN + QUARTER))
    assert [one.last for one in quotes] == [D(one) for one in prices]
    seconds = [(one.at - OPEN).total_seconds() for one in quotes]
    assert seconds == [1, 300, 600, 899]


def test_what_is_decided_at_a_bars_end_meets_the_open_of_the_next_one(tmp_path: Path) -> None:
    made = market(tmp_path)
    at = OPEN + QUARTER
    assert list(made.walk("XLF", OPEN, at))[-1].last == D("50.20")
    assert next(iter(made.walk("XLF", at, at + QUARTER))).last == D("50.25")


def test_a_walk_in_parts_is_the_walk_in_one(tmp_path: Path) -> None:
    made = market(tmp_path)
    last = OPEN + 3 * QUARTER
    whole = list(made.walk("XLF", OPEN, last))
    cuts = [OPEN + timedelta(seconds=seconds) for seconds in (0, 1, 2, 300, 899, 900, 901, 1500, 2699, 2700)]
    parts = [one for first, until in pairwise(cuts) for one in made.walk("XLF", first, until)]
    assert parts == whole
    assert len(whole) == 12


def test_a_walk_stays_inside_sessions(tmp_path: Path) -> None:
    outside = [a_bar(at, "50.00") for at in (OPEN - QUARTER, OPEN, datetime(2026, 11, 18, 21, 0, tzinfo=UTC))]
    walked = list(market(tmp_path, outside).walk("XLF", OPEN - 4 * QUARTER, OPEN + timedelta(days=1)))
    assert {one.at for one in walked} == {OPEN + timedelta(seconds=one) for one in (1, 300, 600, 899)}


def test_sizes_are_a_share_of_the_bars_volume_and_unknown_where_no_volume_was_told(tmp_path: Path) -> None:
    made = market(tmp_path)
    assert quote_at(made, OPEN + QUARTER).bid_size == 100
    assert [one.ask_size for one in made.walk("XLF", OPEN, OPEN + QUARTER)] == [25] * 4
    silent = market(tmp_path, [a_bar(OPEN, "50.00", volume=0)])
    assert quote_at(silent, OPEN + QUARTER).bid_size is None


def test_without_a_spread_bid_and_ask_still_do_not_touch(tmp_path: Path) -> None:
    quote = quote_at(market(tmp_path, rules=FillRules(spread_fraction=D(0))), OPEN + QUARTER)
    assert quote.valid
    assert quote.mid == D("50.20")
    assert quote.ask is not None
    assert quote.ask - D("50.20") == D("0.000001")


def test_prices_of_before_a_split_are_shown_in_the_shares_of_today(tmp_path: Path) -> None:
    bars = [a_bar(OPEN, "100.00"), a_bar(OPEN + timedelta(days=1), "50.00")]
    made = market(tmp_path, bars, events=[EventEntry(symbol="XLF", kind="split", day=date(2026, 11, 19), amount=D(2))])
    assert quote_at(made, OPEN + QUARTER).last == D(100)
    assert quote_at(made, OPEN + timedelta(days=1)).last == D(50)
    shown = bars_at(made, OPEN + timedelta(days=1) + QUARTER)
    assert [(one.close, one.volume) for one in shown] == [(D(50), 2000), (D(50), 1000)]
    assert bars_at(made, OPEN + QUARTER)[0].close == D(100)


def test_events_show_when_they_could_be_known(tmp_path: Path) -> None:
    days = ((date(2026, 5, 18), None), (date(2026, 8, 17), None), (date(2026, 11, 30), date(2026, 11, 19)))
    paid = [EventEntry(symbol="XLF", kind="dividend", day=day, amount=D("0.2"), declared=told) for day, told in days]
    made = market(tmp_path, events=paid)
    (before,) = made.fetch((EventsRequest(symbols=("XLF",)),), OPEN).events
    (after,) = made.fetch((EventsRequest(symbols=("XLF",)),), OPEN + timedelta(days=1)).events
    assert [(one.ex_date, one.expected) for one in before.dividends][-1] == (date(2026, 11, 16), True)
    assert [(one.ex_date, one.expected) for one in after.dividends][-1] == (date(2026, 11, 30), False)
    (happened,) = made.events_between("XLF", date(2026, 8, 16), date(2026, 8, 17))
    assert happened == Dividend(symbol="XLF", ex_date=date(2026, 8, 17), amount=D("0.2"))


def test_where_no_events_were_given_none_are_known(tmp_path: Path) -> None:
    (blind,) = market(tmp_path).fetch((EventsRequest(symbols=("XLF",)),), OPEN).events
    assert (blind.dividend_status, blind.earnings_status) == ("unknown", "unknown")


def test_the_index_goes_on_and_comes_back(tmp_path: Path) -> None:
    moments = steps(5000, 60)
    tape = a_tape(tmp_path, {"XLF": [a_bar(at, "50.00") for at in moments]}, step_seconds=60)
    book = BarBook(tape.bars("XLF"))
    for number in (0, 1, 2, 4999, 17, 5000, 4998, 3, 2500):
        assert book.finished(OPEN + timedelta(minutes=number)) == min(number, 5000)
    assert book.between(1020, 1030) == tuple(a_bar(at, "50.00") for at in moments[1020:1030])


def test_a_tape_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    a_tape(tmp_path, {"XLF": THREE}, name="one")
    with pytest.raises(MarketError, match=r"no tape 'two'.*there: one"):
        open_tape(tmp_path, "two")


def test_a_tape_that_lost_a_file_says_so(tmp_path: Path) -> None:
    a_tape(tmp_path, {"XLF": THREE})
    (tmp_path / "t" / "bars-0000.npy").unlink()
    with pytest.raises(MarketError, match=r"bars-0000\.npy is missing"):
        open_tape(tmp_path, "t")


def test_the_hash_follows_the_prices_and_nothing_else(tmp_path: Path) -> None:
    first = a_tape(tmp_path, {"XLF": THREE}, name="a").hash
    assert a_tape(tmp_path, {"XLF": THREE}, name="b").hash == first
    assert a_tape(tmp_path, {"XLF": THREE[:2]}, name="b").hash != first


def test_decimals_keep_their_places(tmp_path: Path) -> None:
    tape = a_tape(tmp_path, {"EURUSD": [a_bar(OPEN, "1.07219")]}, places=5)
    made = tape.market(RULES, {})
    (found,) = made.fetch((BarsRequest(symbol="EURUSD", step="15min", count=1),), OPEN + QUARTER).bars
    assert str(found.bars[0].close) == "1.07219"
    assert isinstance(found.bars[0].close, Decimal)


@given(at=st.integers(0, 40 * 60), cut=st.integers(0, 40 * 60))
def test_what_a_market_tells_of_a_moment_does_not_change_with_what_came_later(at: int, cut: int) -> None:
    asked = (
        QuotesRequest(symbols=("XLF",)), BarsRequest(symbol="XLF", step="1min", count=7),
        BarsRequest(symbol="XLF", step="15min", count=2),
    )  # fmt: skip
    first, last = sorted((at, cut))
    moment, until = OPEN + timedelta(seconds=first), OPEN + timedelta(seconds=last)
    known = [bar for bar in FORTY if bar.at + timedelta(minutes=1) <= until]
    with TemporaryDirectory() as name:
        whole = a_tape(Path(name), {"XLF": FORTY}, step_seconds=60).market(RULES, {})
        expected = whole.fetch(asked, moment)
        if known:
            assert a_tape(Path(name), {"XLF": known}, name="cut", step_seconds=60).market(RULES, {}).fetch(
                asked, moment
            ).bars == tuple(replace(one, source="tape cut") for one in expected.bars)
        shown = [bar for one in expected.bars for bar in one.bars]
        assert all(quote.at <= moment for quote in expected.quotes)
        assert all(bar.at < moment for bar in shown)
