"""Before anything else: whose account this is, and which session the moment stands in (wheel 1.21)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from bot.domain.errors import BrokerError, OutOfTime
from bot.domain.holdings import Account
from bot.domain.nyse import FIRST_YEAR, LAST_YEAR
from bot.domain.sessions import NEW_YORK, Session, new_york_day, session_on
from bot.domain.slots import sessions_known, walk
from bot.domain.snapshot import SessionFacts
from bot.engine.ports import Broker

CALENDAR_BEHIND = timedelta(days=7)
CALENDAR_AHEAD = timedelta(days=30)


class Arrival(NamedTuple):
    """What is known before positions, orders and prices are read.

    `errors` are what went wrong, `remarks` what the owner should know and nobody has to mend.
    """

    account: Account
    session: SessionFacts
    errors: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def never() -> bool:
    """Say that there is always time: for worlds without a deadline."""
    return False


def in_time(time_is_up: Callable[[], bool], what: str) -> None:
    """Raise OutOfTime when the deadline has passed before something could be read."""
    if time_is_up():
        raise OutOfTime(f"the tick's time was up before it could read {what}: nothing was decided or sent")


def arrive(broker: Broker, at: datetime, time_is_up: Callable[[], bool] = never) -> Arrival:
    """Read the account, first and alone, then say which session it is by the broker's calendar.

    The account comes alone because it is what shows that this is the right door: nothing else is asked behind a
    wrong one. A calendar that cannot be read leaves the shipped table in force. Raises MarketError past both, and
    OutOfTime after the deadline.
    """
    in_time(time_is_up, "the account")
    account = broker.read_account()
    in_time(time_is_up, "the calendar")
    today = new_york_day(at)
    errors: tuple[str, ...] = ()
    calendar: tuple[Session, ...] = ()
    try:
        calendar = broker.read_calendar(today - CALENDAR_BEHIND, today + CALENDAR_AHEAD)
    except BrokerError as error:
        errors = (f"the broker's calendar could not be read ({error}): the shipped table serves",)
    return Arrival(account, session_facts(at, calendar), errors, calendar_differences(calendar))


def session_facts(at: datetime, calendar: Sequence[Session] = ()) -> SessionFacts:
    """Describe the session a moment stands in: today's if there is one, else the next one.

    The broker's sessions decide the days between the first and the last they name (one left out is closed); the
    shipped table decides the others. Raises MarketError where both end (wheel 1.21).
    """
    on = sessions_known(calendar)
    today = new_york_day(at)
    session = on(today) or walk(on, today, 1)
    return SessionFacts(
        day=session.day,
        open_at=session.open_at,
        close_at=session.close_at,
        is_open=session.holds(at),
        previous_day=walk(on, session.day, -1).day,
        next_day=walk(on, session.day, 1).day,
    )


def calendar_differences(calendar: Sequence[Session]) -> tuple[str, ...]:
    """Name each day on which the broker's calendar and the shipped table disagree."""
    named = {session.day: session for session in calendar}
    if not named:
        return ()
    found: list[str] = []
    day, last = min(named), max(named)
    while day <= last:
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            told = _difference(day, named.get(day), session_on(day))
            found += [f"calendar: {told}; the broker's is used"] if told else []
        day += timedelta(days=1)
    return tuple(found)


def _difference(day: date, broker: Session | None, shipped: Session | None) -> str:
    if broker is None or shipped is None:
        if broker is shipped:
            return ""
        closed, open_ = ("the broker", "the shipped table") if broker is None else ("the shipped table", "the broker")
        return f"{closed} is closed on {day}, {open_} has a session"
    for word, theirs, ours in (
        ("closes", broker.close_at, shipped.close_at),
        ("opens", broker.open_at, shipped.open_at),
    ):
        if theirs != ours:
            return f"the broker {word} at {_clock(theirs)} on {day}, the shipped table says {_clock(ours)}"
    return ""


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(NEW_YORK):%H:%M}"
