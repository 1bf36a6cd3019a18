"""Sessions of the New York market: when it opens and closes, and what day it is there.

Every moment in the house is UTC and aware; days are New York days. Runs over what never closes (currencies, coins)
stand inside `always_open()`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo

from bot.domain.errors import MarketError
from bot.domain.facts import Fact
from bot.domain.nyse import EARLY_CLOSES, FIRST_YEAR, HOLIDAYS, LAST_YEAR

NEW_YORK = ZoneInfo("America/New_York")
YEAR_SECONDS = 31_536_000.0
P = ParamSpec("P")
T = TypeVar("T")
_hours = {"always": False}
_kept: list[Any] = []


def follows_calendar(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Remember what a function gives, as `lru_cache` does, until the calendar in force is another one."""

    def keep(function: Callable[P, T]) -> Callable[P, T]:
        cached = lru_cache(maxsize=maxsize)(function)
        _kept.append(cached)
        return cast("Callable[P, T]", cached)

    return keep


@contextmanager
def always_open() -> Iterator[None]:
    """Let every day of the shipped years be a session from midnight to midnight New York while this stands.

    For runs over currencies and coins only: it holds for the whole process, so nothing that trades New York may run
    beside it. Every function here follows, and whatever else is kept with `follows_calendar` is forgotten, on the way
    in and on the way out.

    >>> with always_open():
    ...     session_on(date(2026, 11, 28)).open_at.isoformat()
    '2026-11-28T05:00:00+00:00'
    """
    before = _hours["always"]
    _set_hours(always=True)
    try:
        yield
    finally:
        _set_hours(always=before)


def _set_hours(*, always: bool) -> None:
    if _hours["always"] != always:
        _hours["always"] = always
        for cached in _kept:
            cached.cache_clear()


class Session(Fact, frozen=True, kw_only=True):
    """One trading day: its New York date and its first and last moment in UTC."""

    day: date
    open_at: datetime
    close_at: datetime

    def holds(self, moment: datetime) -> bool:
        """Say whether the market trades at this moment (the close itself does not)."""
        return self.open_at <= moment < self.close_at

    @property
    def early(self) -> bool:
        """Say whether the session ends before 16:00 New York."""
        return (self.close_at - self.open_at) < timedelta(hours=6, minutes=30)


@follows_calendar(maxsize=4096)
def session_on(day: date) -> Session | None:
    """Give the session of a New York day, or None when the market is closed.

    Raises MarketError outside the shipped years.

    >>> session_on(date(2026, 11, 27)).close_at.isoformat()
    '2026-11-27T18:00:00+00:00'
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise MarketError(
            f"the calendar knows {FIRST_YEAR} to {LAST_YEAR}, asked for {day}: update the program or use the "
            "broker's calendar"
        )
    if _hours["always"]:
        return Session(day=day, open_at=_midnight(day), close_at=_midnight(day + timedelta(days=1)))
    mark = f"{day:%m%d}"
    if day.weekday() >= 5 or mark in HOLIDAYS.get(day.year, "").split():
        return None
    close = time(13) if mark in EARLY_CLOSES.get(day.year, "").split() else time(16)
    return Session(
        day=day,
        open_at=datetime.combine(day, time(9, 30), NEW_YORK).astimezone(UTC),
        close_at=datetime.combine(day, close, NEW_YORK).astimezone(UTC),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), NEW_YORK).astimezone(UTC)


def new_york_day(moment: datetime) -> date:
    """Give the New York date of a moment."""
    return moment.astimezone(NEW_YORK).date()


def next_session(day: date) -> Session:
    """Give the first session after a day."""
    while True:
        day += timedelta(days=1)
        session = session_on(day)
        if session is not None:
            return session


def previous_session(day: date) -> Session:
    """Give the last session before a day."""
    while True:
        day -= timedelta(days=1)
        session = session_on(day)
        if session is not None:
            return session


def session_at(moment: datetime) -> Session | None:
    """Give the session that trades at this moment, or None."""
    session = session_on(new_york_day(moment))
    return session if session is not None and session.holds(moment) else None


def last_session_at(moment: datetime) -> Session:
    """Give the session that trades now, or the last one that opened before this moment."""
    day = new_york_day(moment)
    session = session_on(day)
    if session is not None and session.open_at <= moment:
        return session
    return previous_session(day)


def sessions_between(first: date, last: date) -> list[Session]:
    """List the sessions from first to last, both included."""
    found = []
    day = first
    while day <= last:
        session = session_on(day)
        if session is not None:
            found.append(session)
        day += timedelta(days=1)
    return found


@follows_calendar(maxsize=1)
def _days() -> list[date]:
    """Give the session dates of the shipped years in order, for counting without walking."""
    return [s.day for s in sessions_between(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))]


@follows_calendar(maxsize=65_536)
def sessions_from(first: date, last: date) -> int:
    """Count the sessions after `first` up to and including `last` (0 when last <= first).

    >>> sessions_from(date(2026, 11, 25), date(2026, 11, 30))
    2
    """
    if (last - first).days < 40:
        return sum(1 for s in _days_after(first, last) if session_on(s) is not None)
    return max(0, bisect_right(_days(), last) - bisect_right(_days(), first))


def session_seconds(first: datetime, last: datetime) -> int:
    """Count the whole seconds of trading between two moments; nights, weekends and holidays count nothing.

    >>> session_seconds(datetime(2026, 11, 25, 20, tzinfo=UTC), datetime(2026, 11, 27, 15, tzinfo=UTC)) // 60
    90
    """
    spent = timedelta(0)
    for session in sessions_between(new_york_day(first), new_york_day(last)):
        spent += max(timedelta(0), min(last, session.close_at) - max(first, session.open_at))
    return spent // timedelta(seconds=1)


def _days_after(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]


def add_sessions(day: date, count: int) -> date:
    """Give the date `count` sessions after (or before, if negative) a day.

    >>> add_sessions(date(2026, 11, 25), 1)
    datetime.date(2026, 11, 27)
    """
    if count >= 0:
        return _days()[bisect_right(_days(), day) - 1 + count] if count else day
    return _days()[bisect_left(_days(), day) + count]


def days_to_expiry(expiry: date, today: date) -> int:
    """Count calendar days from a New York day to an expiry; the expiry day is 0 (wheel.md 2.1)."""
    return (expiry - today).days


def years_to_expiry(expiry: date, moment: datetime) -> float:
    """Give T in years: seconds to that session's close over 31,536,000, at least a minute (wheel.md 2.1)."""
    session = session_on(expiry) or previous_session(expiry)
    return max(60.0, (session.close_at - moment).total_seconds()) / YEAR_SECONDS


def slot_of(moment: datetime, period_seconds: int = 900) -> datetime:
    """Floor a moment to the timer's period: the scheduled moment a tick stands for."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % period_seconds, UTC)
