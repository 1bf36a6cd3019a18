"""Own marks, equity, net asset value, the day's result, worst case, premium-stop readings."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Books, Cycle
from bot.domain.wheelmath import drawdown
from bot.engine.valuation import (
    count_premium_stops,
    cycle_result,
    equity_on_marks,
    mark_positions,
    roll_nav,
)
from bot.tests.builders import NOON, a_quote, a_session, an_option_leg, call, held, put

D = Decimal
PUT = put("XLF", date(2026, 12, 18), "40")
CALL = call("XLF", date(2026, 12, 18), "45")
CAPS = (D("0.15"), D("0.10"))
DAY = timedelta(days=1)


def mark(symbol: str, qty: str, *quotes: Any, before: Any = (), at: Any = NOON, price: str | None = None) -> Any:
    (found,) = mark_positions((held(symbol, qty, price=price),), quotes, before, at, *CAPS)
    return (found.source, found.price)


# Marks (wheel 2.12)


def test_an_option_with_a_passing_spread_is_its_mid() -> None:
    assert mark(PUT, "-1", a_quote(PUT, "0.60", "0.70")) == ("mid", D("0.65"))


def test_a_wide_option_keeps_its_previous_mark_for_a_session() -> None:
    wide = a_quote(PUT, "0.10", "1.50")
    assert mark(PUT, "-1", wide, before=((PUT, D("0.66"), NOON - DAY),)) == ("previous", D("0.66"))
    assert mark(PUT, "-1", wide, before=((PUT, D("0.66"), NOON - 2 * DAY),)) == ("far_side", D("1.50"))


@pytest.mark.parametrize(("qty", "price"), [("-1", "1.50"), ("1", "0.10")])
def test_without_a_usable_mark_a_short_is_at_the_ask_and_a_long_at_the_bid(qty: str, price: str) -> None:
    assert mark(PUT, qty, a_quote(PUT, "0.10", "1.50")) == ("far_side", D(price))


def test_after_the_last_close_an_option_is_worth_what_exercise_brings() -> None:
    after = a_session(NOON.replace(month=12, day=18)).close_at
    shares = a_quote("XLF", "38.99", "39.01")
    assert mark(PUT, "-1", shares, at=after) == ("model", D("1.00"))
    assert mark(CALL, "-1", shares, at=after) == ("model", D("0"))
    assert mark(PUT, "-1", shares, before=((PUT, D("0.66"), NOON),), at=after - timedelta(seconds=1))[0] == "entry"


def test_without_any_quote_the_brokers_price_stands_then_what_was_paid() -> None:
    assert mark(PUT, "-1", price="0.71") == ("last", D("0.71"))
    assert mark(PUT, "-1") == ("entry", D(0))


@pytest.mark.parametrize(("source", "expected"), [("sip", ("mid", "40.00")), ("iex", ("last", "40.20"))])
def test_a_share_is_its_mid_or_on_one_venue_its_last_trade(source: str, expected: tuple[str, str]) -> None:
    quote = a_quote("XLF", last=D("40.20"), source=source)
    assert mark("XLF", "100", quote) == (expected[0], D(expected[1]))


def test_equity_is_cash_plus_everything_at_our_marks() -> None:
    things = (held("XLF", "100"), held(PUT, "-2"))
    marks = mark_positions(things, (a_quote("XLF"), a_quote(PUT, "0.60", "0.70")), (), NOON, *CAPS)
    assert equity_on_marks(D(10_000), things, marks) == D(10_000) + 4000 - 130


# Net asset value (wheel 2.15, 2.16)


def started(equity: str = "10000") -> Books:
    return roll_nav(Books(), D(equity), D(0), a_session(), NOON)


def test_a_deposit_is_no_gain() -> None:
    """10,000, deposit 1,000, equity 10,500: NAV 0.95, drawdown 5 %."""
    books = roll_nav(started(), D(10_500), D(1000), a_session(), NOON)
    assert books.nav == D("0.95")
    assert drawdown(books.nav, books.nav_peak) == D("0.05")
    assert (books.equity_previous, books.flow_session) == (D(10_000), D(1000))


def test_the_first_equity_starts_at_one_whatever_was_paid_in() -> None:
    books = roll_nav(Books(), D(25_000), D(25_000), a_session(), NOON)
    assert (books.nav, books.nav_peak, books.equity_previous) == (D(1), D(1), D(25_000))


def test_the_last_tick_of_a_session_is_the_next_ones_reference() -> None:
    books = roll_nav(started(), D(10_200), D(0), a_session(), NOON)
    assert books.equity_previous == D(10_000)
    books = roll_nav(books, D(10_100), D(50), a_session(NOON + DAY), NOON + DAY)
    assert (books.equity_previous, books.flow_session) == (D(10_200), D(50))


def test_rolling_again_confirms_a_peak_and_changes_nothing_else() -> None:
    books = roll_nav(started(), D(10_200), D(0), a_session(), NOON)
    again = roll_nav(books, D(10_200), D(0), a_session(), NOON)
    assert again == replace(books, nav_peak=D("1.02"))
    assert roll_nav(again, D(10_200), D(0), a_session(), NOON) == again


def test_a_peak_counts_once_two_readings_in_a_row_stood_there() -> None:
    """One answer with its point moved makes no height: the desk would be held against it for good."""
    books = started()
    for equity, peak in ((100_000, 1), (10_000, 1), (10_200, 1), (10_300, "1.02"), (10_100, "1.02"), (10_400, "1.02")):
        books = roll_nav(books, D(equity), D(0), a_session(), NOON)
        assert books.nav_peak == D(peak)


def test_the_peak_never_falls() -> None:
    books = started()
    for equity in (12_000, 12_000, 9_000):
        books = roll_nav(books, D(equity), D(0), a_session(), NOON)
    assert (books.nav, books.nav_peak) == (D("0.9"), D("1.2"))


def test_many_steps_link_without_losing_a_cent() -> None:
    books = started("25000")
    for number in range(1000):
        books = roll_nav(books, D(25_000) + D(number * 37 % 911), D(0), a_session(), NOON)
    assert books.equity_last is not None
    assert abs(books.nav * 25_000 - books.equity_last) < D("0.01")


# Premium stops (wheel 1.4)

MULTIPLES = {("wheel", "XLF"): D(2)}


def readings(*quotes: Any, leg: Any = None, **given: Any) -> int:
    books = Books(legs=(leg or an_option_leg(PUT, credit="0.60", premium_stop_readings=1),))
    return count_premium_stops(books, quotes, MULTIPLES, *CAPS, **given).legs[0].premium_stop_readings


def test_a_mid_at_the_multiple_counts_on_and_one_below_begins_again() -> None:
    assert readings(a_quote(PUT, "1.18", "1.22")) == 2
    assert readings(a_quote(PUT, "1.17", "1.21")) == 0


def test_no_reading_is_taken_wide_delayed_early_or_on_a_call() -> None:
    assert readings(a_quote(PUT, "0.90", "1.90")) == 0
    assert readings(a_quote(PUT, "1.18", "1.22", source="indicative")) == 0
    assert readings(a_quote(PUT, "1.18", "1.22"), minutes_since_open=29) == 0
    assert readings(a_quote(PUT, "1.18", "1.22"), minutes_since_open=30) == 2
    short_call = an_option_leg(CALL, credit="0.10", premium_stop_readings=1)
    assert readings(a_quote(CALL, "1.18", "1.22"), leg=short_call) == 0


# Cycles (wheel 2.13)


def test_a_cycle_that_tied_up_nothing_has_a_result_and_no_return() -> None:
    cycle = Cycle(id="c", symbol="XLF", strategy="wheel", opened_at=NOON, closed_at=NOON, option_cash=D(60))
    assert cycle_result(cycle) == (D(60), None, None)
