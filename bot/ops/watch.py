"""`bot watch`: is anybody ticking, and is the record still what was written? It never trades.

A one-shot for a timer of its own, so that it lives when the tick's timer does not.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.config.pinging import ping_fault
from bot.domain.errors import BotError, StoreError
from bot.domain.sessions import NEW_YORK, new_york_day, session_on
from bot.domain.slots import SessionOn
from bot.ops.ping import ping
from bot.report.words import count
from bot.store.alarms import standing_alarm, write_halt_file
from bot.store.database import moment_of
from bot.store.panicking import HALT_NAME
from bot.store.queries import ledger_exists, open_for_questions
from bot.store.verifying import find_faults
from bot.wiring import House, known_sessions

PERIOD = timedelta(minutes=15)
GRACE = timedelta(minutes=5)
"""How long after its slot a tick may still be at work: its own deadline is four minutes."""
MISSED = 2
"""Slots without a finished tick that raise an alarm: one alone is a recorded gap."""
BACK = timedelta(days=10)
"""No further back are slots counted."""
FAULTS_SHOWN = 5


class Watched(NamedTuple):
    """What was seen. `dead` says that ticks do not come, `faults` what of the record is not what was sealed.

    `alarms` are all there is to say at once; without one all is well. `warnings` are for the owner's eye.
    """

    at: datetime
    alarms: tuple[str, ...]
    dead: str = ""
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    newest: datetime | None = None
    """Moment of the newest finished tick."""
    missed: tuple[datetime, ...] = ()
    pinged: bool = False


def slots_due(after: datetime, now: datetime, on: SessionOn = session_on) -> tuple[datetime, ...]:
    """List the slots of sessions after a slot whose tick should have ended by now, oldest first.

    Raises MarketError past the end of the calendar.
    """
    found = []
    day = new_york_day(max(after, now - BACK))
    while day <= new_york_day(now):
        session = on(day)
        slot = None if session is None else session.open_at
        while session is not None and slot is not None and session.holds(slot) and slot + PERIOD + GRACE <= now:
            if slot > after:
                found.append(slot)
            slot += PERIOD
        day += timedelta(days=1)
    return tuple(found)


def look(house: House, now: datetime) -> Watched:
    """Look at the ticks and at the whole record, beside whatever is at work; what cannot be looked at is an alarm too.

    It takes no lock: a watch that holds the home makes a tick leave.
    """
    if not ledger_exists(house.home):
        return _never(house, now)
    try:
        with open_for_questions(house.home) as ledger:
            faults = tuple(one.words for one in find_faults(ledger.connection, house.home))
            return _look_into(ledger.connection, house, now, faults)
    except sqlite3.Error as error:
        return Watched(now, (f"the ledger cannot be read ({error})",))
    except BotError as error:
        return Watched(now, (str(error),))


def _never(house: House, now: datetime) -> Watched:
    return Watched(now, (f"no tick ever ran in {house.home}: start its timer, or run `bot tick` once",))


def _look_into(connection: sqlite3.Connection, house: House, now: datetime, faults: tuple[str, ...]) -> Watched:
    alarms = [f"the record was changed or damaged: {fault}" for fault in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        alarms.append(f"... and {count(len(faults) - FAULTS_SHOWN, 'further fault')}")
    first = connection.execute("SELECT slot FROM ticks ORDER BY id LIMIT 1").fetchone()
    done = connection.execute("SELECT slot, ts FROM ticks WHERE status = 'done' ORDER BY id DESC LIMIT 1").fetchone()
    newest = None if done is None else moment_of(done[1])
    if first is None:
        return Watched(now, (*alarms, *_never(house, now).alarms), faults=faults)
    try:
        after = moment_of(first[0]) - PERIOD if done is None else moment_of(done[0])
        missed = slots_due(after, now, known_sessions(house, lambda: now))
    except BotError as error:
        return Watched(now, (*alarms, str(error)), faults=faults, newest=newest)
    dead = _words_for(connection, missed, newest) if len(missed) >= MISSED else ""
    warnings = []
    standing = standing_alarm(connection)
    if standing is not None and not dead:
        warnings.append(f"ticks come again; {standing.level} clears {standing.clears}")
    told = (dead, *alarms) if dead else tuple(alarms)
    return Watched(now, told, dead, faults, tuple(warnings), newest, missed)


def _words_for(connection: sqlite3.Connection, missed: tuple[datetime, ...], newest: datetime | None) -> str:
    """Say which ticks did not come, and how the newest that began ended."""
    since = "ever" if newest is None else f"since {newest:%Y-%m-%d %H:%M} UTC"
    words = f"no tick has ended well {since}: {count(len(missed), 'slot')} of sessions went by, the newest at " + (
        f"{missed[-1].astimezone(NEW_YORK):%a %H:%M} New York"
    )
    tick_id, status, note = connection.execute("SELECT id, status, note FROM ticks ORDER BY id DESC LIMIT 1").fetchone()
    if status == "started":
        return f"{words}; tick {tick_id} began and did not end"
    return words if status == "done" else f"{words}; tick {tick_id} {status}: {note}"


def stop_by_file(house: House, seen: Watched) -> str:
    """Put a HALT file into the home where the record is not to be trusted, and say so; nothing where it is."""
    if not seen.faults:
        return ""
    try:
        made = write_halt_file(house.home, f"bot watch: {seen.faults[0]}")
    except StoreError as error:
        return str(error)
    path = house.home / HALT_NAME
    return f"{path} {'was written' if made else 'lies there already'}: every tick stops until a person removes it"


def ping_outside(house: House, seen: Watched) -> Watched:
    """Tell the outside witness that all is well, where one is named; one that does not answer is a warning."""
    if seen.alarms or "WATCH_PING_URL" not in house.settings.secrets.names():
        return seen
    url = house.settings.secrets.reveal("WATCH_PING_URL")
    fault = ping_fault(url) or ping(url)
    if fault:
        return seen._replace(warnings=(*seen.warnings, f"the ping failed: {fault}"))
    return seen._replace(pinged=True)
