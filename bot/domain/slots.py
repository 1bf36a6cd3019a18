"""Slots of sessions, by the broker's own calendar where it is known and by the shipped table elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from bot.domain.errors import MarketError
from bot.domain.sessions import Session, new_york_day, session_on, slot_of

SessionOn = Callable[[date], Session | None]
"""Gives the session of a New York day, None where the market is closed; MarketError where nobody knows."""
WALK_DAYS_MAX = 30
"""No market has been closed for as long as this: a calendar that says so is wrong."""


def sessions_known(calendar: Sequence[Session]) -> SessionOn:
    """Let the broker's sessions decide the days between the first and the last they name, the shipped table the others.

    A day within that the broker leaves out is closed (wheel 1.21).
    """
    named = {session.day: session for session in calendar}
    first, last = (min(named), max(named)) if named else (date.max, date.min)

    def on(day: date) -> Session | None:
        return named.get(day) if first <= day <= last else session_on(day)

    return on


def walk(on: SessionOn, start: date, step: int) -> Session:
    """Give the first session after a day (or before it, with a step of -1); raises MarketError without one near."""
    day = start
    for _ in range(WALK_DAYS_MAX):
        day += timedelta(days=step)
        session = on(day)
        if session is not None:
            return session
    raise MarketError(f"the calendar shows no session within {WALK_DAYS_MAX} days of {start}: it cannot be right")


def session_now(now: datetime, on: SessionOn = session_on) -> Session | None:
    """Give the session that trades at a moment, or None."""
    session = on(new_york_day(now))
    return session if session is not None and session.holds(now) else None


def next_open(now: datetime, on: SessionOn = session_on) -> datetime:
    """Give the open of the next session that begins after a moment."""
    today = on(new_york_day(now))
    return today.open_at if today is not None and now < today.open_at else walk(on, new_york_day(now), 1).open_at


def next_slot(now: datetime, on: SessionOn = session_on, period_seconds: int = 900) -> datetime:
    """Give the next scheduled moment after now that lies in a session."""
    following = slot_of(now, period_seconds) + timedelta(seconds=period_seconds)
    return following if session_now(following, on) is not None else next_open(now, on)


def sessions_over(on: SessionOn, first: date, last: date) -> list[Session]:
    """List the sessions from first to last, both included."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [session for session in map(on, days) if session is not None]
