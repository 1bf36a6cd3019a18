"""Each calendar's age and next date, for the owner's eyes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from bot.domain.market import Dividend, Earnings
from bot.markets.calendar_ages import CalendarAge, calendar_ages
from bot.tests.builders import NOON, some_events

D = Decimal


def test_each_symbol_tells_both_calendars_with_the_next_date() -> None:
    dividends = (
        Dividend(symbol="ACME", ex_date=date(2026, 9, 21), amount=D("0.2")),
        Dividend(symbol="ACME", ex_date=date(2026, 12, 21), amount=D("0.2"), expected=True),
        Dividend(symbol="ACME", ex_date=date(2027, 3, 21), amount=D("0.2"), expected=True),
    )
    release = Earnings(symbol="ACME", day=date(2026, 11, 24), when="amc", as_of=date(2026, 11, 8))
    events = some_events(
        "ACME", dividend_status="known", dividends=dividends, earnings_status="known", earnings=(release,),
        as_of=NOON - timedelta(hours=2),
    )  # fmt: skip
    assert calendar_ages([events], NOON) == (
        CalendarAge("ACME", "dividends", "known", date(2026, 12, 21), True, 0),
        CalendarAge("ACME", "earnings", "known", date(2026, 11, 24), False, 10),
    )


def test_a_declared_date_comes_before_an_expected_one_of_the_same_day() -> None:
    day = date(2026, 12, 21)
    pair = tuple(Dividend(symbol="XLF", ex_date=day, amount=D(1), expected=expected) for expected in (True, False))
    assert not calendar_ages([some_events("XLF", dividend_status="known", dividends=pair)], NOON)[0].expected


def test_what_was_never_read_has_no_age() -> None:
    unread, exempt = calendar_ages([some_events("XLF", dividend_status="unknown")], NOON)
    assert (unread.status, unread.next_day, unread.age_days) == ("unknown", None, None)
    assert (exempt.status, exempt.age_days) == ("exempt", None)


def test_age_is_counted_in_new_york_days() -> None:
    late = NOON.replace(hour=4)  # 23:00 of the day before in New York
    (dividends, _) = calendar_ages([some_events("XLF", as_of=late)], NOON)
    assert dividends.age_days == 1
