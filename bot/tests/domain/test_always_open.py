"""Around the clock every session function follows, and afterwards New York is as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.domain.errors import MarketError
from bot.domain.nyse import LAST_YEAR
from bot.domain.sessions import (
    add_sessions,
    always_open,
    follows_calendar,
    last_session_at,
    next_session,
    previous_session,
    session_at,
    session_on,
    session_seconds,
    sessions_between,
    sessions_from,
    years_to_expiry,
)
from bot.engine.arrival import session_facts
from bot.markets.synthetic_calendar import expiries

SATURDAY, CHRISTMAS = date(2026, 11, 28), date(2026, 12, 25)
SATURDAY_NIGHT = datetime(2026, 11, 29, 4, 59, 59, tzinfo=UTC)


def everything() -> tuple[object, ...]:
    """Ask every function about a weekend, a holiday, an early close and the whole table."""
    return (
        [session_on(SATURDAY + timedelta(days=n)) for n in range(40)], session_at(SATURDAY_NIGHT),
        last_session_at(SATURDAY_NIGHT), next_session(SATURDAY), previous_session(SATURDAY),
        sessions_between(date(2026, 11, 20), CHRISTMAS), sessions_from(SATURDAY, CHRISTMAS),
        sessions_from(date(2020, 1, 1), CHRISTMAS), add_sessions(SATURDAY, 9), add_sessions(SATURDAY, -9),
        session_seconds(SATURDAY_NIGHT, SATURDAY_NIGHT + timedelta(days=9)),
        years_to_expiry(date(2026, 12, 18), SATURDAY_NIGHT), session_facts(SATURDAY_NIGHT),
        expiries("XLF", date(2027, 3, 1), 20, 27),
    )  # fmt: skip


def test_every_function_follows_and_nothing_of_it_is_left_afterwards() -> None:
    before = everything()
    with always_open():
        inside = everything()
        assert inside == everything()
    assert everything() == before
    assert [n for n, (one, other) in enumerate(zip(before, inside, strict=True)) if one == other] == []


def test_what_was_asked_only_inside_is_not_remembered_outside() -> None:
    with always_open():
        assert session_on(date(2027, 7, 4)) is not None
        assert add_sessions(date(2027, 7, 3), 1) == date(2027, 7, 4)
    assert session_on(date(2027, 7, 4)) is None
    assert add_sessions(date(2027, 7, 2), 1) == date(2027, 7, 6)


@pytest.mark.parametrize(
    ("day", "hours"), [(SATURDAY, 24), (CHRISTMAS, 24), (date(2026, 3, 8), 23), (date(2026, 11, 1), 25)]
)
def test_a_day_lasts_from_midnight_to_midnight_and_the_next_begins_where_it_ends(day: date, hours: int) -> None:
    with always_open():
        session, following = session_on(day), next_session(day)
        assert session is not None
        assert session.close_at - session.open_at == timedelta(hours=hours)
        assert following.open_at == session.close_at
        assert session_at(session.close_at - timedelta(seconds=1)) == session
        assert session_at(session.close_at) == following


def test_a_week_around_the_clock_is_seven_sessions_of_seconds() -> None:
    with always_open():
        assert sessions_from(date(2026, 11, 23), date(2026, 11, 30)) == 7
        start = datetime(2026, 11, 23, 9, tzinfo=UTC)
        assert session_seconds(start, start + timedelta(days=7)) == 7 * 86_400


def test_years_that_are_not_shipped_stay_refused() -> None:
    with always_open(), pytest.raises(MarketError, match="the calendar knows"):
        session_on(date(LAST_YEAR + 1, 1, 1))


def test_the_hours_come_back_after_a_failure_and_one_inside_another_changes_nothing() -> None:
    def fail() -> None:
        with always_open():
            raise RuntimeError

    with always_open():
        with pytest.raises(RuntimeError):
            fail()
        assert session_on(SATURDAY) is not None, "the inner one took the outer one's hours away"
    with pytest.raises(RuntimeError):
        fail()
    assert session_on(SATURDAY) is None


def test_what_is_kept_with_the_calendar_is_asked_again_when_it_changes() -> None:
    asked: list[date] = []

    def open_on(day: date) -> bool:
        asked.append(day)
        return session_on(day) is not None

    kept: Callable[[date], bool] = follows_calendar(maxsize=4)(open_on)
    assert [kept(SATURDAY), kept(SATURDAY)] == [False, False]
    with always_open():
        assert kept(SATURDAY)
    assert not kept(SATURDAY)
    assert len(asked) == 3
