"""The shipped calendar against another one's, and what is said outside it (wheel 1.16, 1.21)."""

from __future__ import annotations

import warnings
from datetime import date

import pytest

from bot.domain.errors import MarketError
from bot.domain.nyse import FIRST_YEAR, LAST_YEAR
from bot.domain.sessions import add_sessions, session_on, sessions_between, sessions_from

FIRST, LAST = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)


def test_every_session_of_the_shipped_table_is_that_of_exchange_calendars() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars

        schedule = exchange_calendars.get_calendar("XNYS", start=str(FIRST), end=str(LAST)).schedule
    theirs = {
        day.date(): (opened.to_pydatetime(), closed.to_pydatetime())
        for day, opened, closed in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    }
    ours = {one.day: (one.open_at, one.close_at) for one in sessions_between(FIRST, LAST)}
    assert len(ours) > 8_000
    assert {day for day in ours.keys() | theirs.keys() if ours.get(day) != theirs.get(day)} == set()


@pytest.mark.parametrize("day", [date(FIRST_YEAR - 1, 12, 31), date(LAST_YEAR + 1, 1, 1)])
def test_a_day_outside_the_table_is_refused_and_never_guessed(day: date) -> None:
    with pytest.raises(MarketError, match=f"the calendar knows {FIRST_YEAR} to {LAST_YEAR}"):
        session_on(day)


@pytest.mark.parametrize(
    ("day", "early"), [(date(2026, 11, 27), True), (date(2026, 12, 24), True), (date(2026, 12, 23), False)]
)
def test_a_session_that_ends_at_one_is_told(day: date, early: bool) -> None:
    session = session_on(day)
    assert session is not None
    assert session.early is early


def test_counting_sessions_and_adding_them_agree_over_weeks_and_years() -> None:
    for count in (0, 1, 5, 30, 300):
        assert sessions_from(date(2026, 11, 18), add_sessions(date(2026, 11, 18), count)) == count
