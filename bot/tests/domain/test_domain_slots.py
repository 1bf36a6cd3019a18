"""Slots of sessions: the broker's calendar where it is known, the shipped table elsewhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.domain.errors import MarketError
from bot.domain.sessions import Session, session_on, sessions_between
from bot.domain.slots import next_open, next_slot, session_now, sessions_known, sessions_over, walk

MONDAY = date(2026, 11, 16)
WEDNESDAY = date(2026, 11, 18)
FRIDAY = date(2026, 11, 20)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def calendar(*left_out: date, early: date | None = None, more: tuple[Session, ...] = ()) -> list[Session]:
    found = [one for one in sessions_between(MONDAY, date(2026, 11, 30)) if one.day not in left_out]
    if early is not None:
        found = [
            Session(day=one.day, open_at=one.open_at, close_at=at(one.day.day, 18)) if one.day == early else one
            for one in found
        ]
    return [*found, *more]


def test_a_day_the_broker_leaves_out_is_closed_and_one_only_it_has_is_open() -> None:
    saturday = Session(day=date(2026, 11, 21), open_at=at(21, 15), close_at=at(21, 17))
    on = sessions_known(calendar(WEDNESDAY, more=(saturday,)))
    assert on(WEDNESDAY) is None
    assert on(saturday.day) == saturday
    assert session_now(at(18, 17), on) is None
    assert session_now(at(21, 16), on) == saturday
    assert [one.day.day for one in sessions_over(on, MONDAY, date(2026, 11, 22))] == [16, 17, 19, 20, 21]


def test_before_and_after_what_the_broker_names_the_shipped_table_decides() -> None:
    on = sessions_known(calendar(WEDNESDAY))
    assert on(date(2026, 11, 13)) == session_on(date(2026, 11, 13))
    assert on(date(2026, 12, 1)) == session_on(date(2026, 12, 1))
    assert sessions_known(())(WEDNESDAY) == session_on(WEDNESDAY)


@pytest.mark.parametrize(
    ("now", "coming"),
    [
        (at(17, 17, 3), at(17, 17, 15)),
        (at(17, 20, 50), at(19, 14, 30)),
        (at(18, 17, 0), at(19, 14, 30)),
        (at(20, 17, 40), at(20, 17, 45)),
        (at(20, 17, 45), at(23, 14, 30)),
        (at(20, 18, 30), at(23, 14, 30)),
    ],
)
def test_the_next_slot_is_the_brokers(now: datetime, coming: datetime) -> None:
    """Wednesday is closed by the broker's calendar alone, and Friday ends at 13:00 New York."""
    assert next_slot(now, sessions_known(calendar(WEDNESDAY, early=FRIDAY))) == coming


def test_the_next_open_is_not_the_one_under_way() -> None:
    assert next_open(at(18, 14, 29)) == at(18, 14, 30)
    assert next_open(at(18, 14, 30)) == at(19, 14, 30)


def test_a_calendar_without_a_session_for_a_month_is_not_believed() -> None:
    with pytest.raises(MarketError, match="no session within 30 days"):
        walk(lambda day: None, WEDNESDAY, 1)
    assert walk(session_on, WEDNESDAY, -1).day == WEDNESDAY - timedelta(days=1)
