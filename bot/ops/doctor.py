"""`bot doctor`: everything a tick stands on, looked at one by one in groups, with what to do about it.

Reads only. A finding of level `stop` means the next tick cannot run or may not trade; `look` wants a person's
eye; `good` is good.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from time import perf_counter

from bot.domain.errors import BotError, ConfigError
from bot.domain.sessions import NEW_YORK, new_york_day
from bot.domain.slots import next_open, session_now
from bot.ops.doctor_files import examine_files
from bot.ops.doctor_keeping import backups, drill_age, slots
from bot.ops.doctor_machine import examine_machine
from bot.ops.doctor_metrics import examine_metrics, watched
from bot.ops.doctor_money import examine_money
from bot.ops.doctor_program import calendar_end, examine_program
from bot.ops.doctor_reach import ask_channels, examine_channels
from bot.ops.doctor_store import examine_store, readable
from bot.ops.doctor_units import examine_units, installed_elsewhere, names_of, talking_of
from bot.ops.drilled import drill_finding
from bot.ops.finding import Finding, mended
from bot.ops.halting import halting
from bot.report.words import count
from bot.store.condition import newest_program
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.wiring import House, known_sessions, load_house, wall_clock

__all__ = ["Finding", "examine"]

Look = Callable[[], Iterable[Finding]]


def examine(env: str, *, reach: bool = False, backup_folder: str = "") -> tuple[Finding, ...]:
    """Look at program, configuration, home, store, account, keeping and reach; each failure is a finding.

    `reach` also asks the channels who they are; `backup_folder` is where backups stand if not in the home.
    """
    now = wall_clock()
    try:
        house = load_house(env)
    except ConfigError as error:
        faults = [Finding("stop", "configuration", fault) for fault in error.faults]
        return tuple(_group("Program", lambda: examine_program(None))) + tuple(_group("Configuration", lambda: faults))
    except BotError as error:
        fault = Finding("stop", "configuration", str(error))
        return tuple(_group("Program", lambda: examine_program(None))) + tuple(_group("Configuration", lambda: [fault]))
    with ExitStack() as open_things:
        ledger = _ledger(house, open_things)
        found: list[Finding] = []
        for name, look in _looks(house, ledger, now, reach, backup_folder):
            found += _group(name, look)
    return tuple(found)


def _looks(
    house: House, ledger: Ledger | None, now: datetime, reach: bool, backup_folder: str
) -> Iterator[tuple[str, Look]]:
    """Give every group with what is looked at in it, in the order in which a person would mend it."""
    home = house.home
    allowed = not ledger_exists(home) or readable(home)
    program = "" if ledger is None else newest_program(ledger.connection)
    newest = None if ledger is None else _newest_done(ledger)
    yield "Program", lambda: examine_program(program)
    yield "Configuration", lambda: _configuration(house)
    yield "Home", lambda: [*examine_machine(home, now), *examine_files(house, now, look_inside=allowed)]
    yield "Record", lambda: examine_store(house, now, perf_counter)
    yield "Account", lambda: examine_money(house, now, wall_clock)
    yield "Safety", lambda: [*(halting(home) if allowed else ()), *(drill_finding(house, now) if allowed else ()),
                             *(drill_age(house, ledger, now) if ledger else ())]  # fmt: skip
    yield "Calendars", lambda: [_session(house, now), calendar_end(new_york_day(now)), _earnings(house, now)]
    yield "Keeping", lambda: [backups(house, now, backup_folder), *_slots(house, ledger, now)]
    desk, talking = house.desk.name, talking_of(house.settings)
    yield "Timers", lambda: [
        *examine_units(names_of(home, desk), owner=_owner(house), talking=talking), *installed_elsewhere(home, desk),
        watched(house, now),
    ]  # fmt: skip
    yield "Reach", lambda: [*examine_channels(house, ledger, now), examine_metrics(house, newest)]
    if reach:
        yield "Asked", lambda: ask_channels(house)


def _group(name: str, look: Look) -> list[Finding]:
    """Look at one group; what breaks the looking is a finding too, and the other groups are looked at all the same."""
    found: list[Finding] = []
    try:
        found += look()
    except (BotError, OSError, sqlite3.Error) as error:
        words = f"this group could not be looked at to its end: {error}"
        found.append(Finding("stop", name.lower(), words, "mend what it names, then `bot doctor`"))
    return [mended(one, name) for one in found]


def _ledger(house: House, open_things: ExitStack) -> Ledger | None:
    """Open the ledger for those who only read it; None where that does not go, which its own finding says."""
    if not ledger_exists(house.home) or not readable(house.home):
        return None
    try:
        return open_things.enter_context(open_for_questions(house.home))
    except BotError:
        return None


def _newest_done(ledger: Ledger) -> datetime | None:
    found = ledger.latest_tick()
    return found.at if found is not None and found.status == "done" else None


def _configuration(house: House) -> Iterator[Finding]:
    settings = house.settings
    origin = settings.env_file or "no .env"
    yield Finding("good", "configuration", f"complete, mode {settings.mode}, broker {settings.broker}; {origin}")
    for warning in settings.warnings:
        name, _, rest = warning.partition(": ")
        if rest.startswith("the process environment says"):
            yield Finding("look", "environment", warning, f"unset {name}, or take it out of the unit that sets it")
        elif "chmod 600" in warning:
            words, _, do = warning.rpartition(": ")
            yield Finding("look", ".env", words, do)
        else:
            yield Finding("look", "configuration", warning)


def _slots(house: House, ledger: Ledger | None, now: datetime) -> Iterator[Finding]:
    if ledger is not None:
        yield slots(house, ledger, now, known_sessions(house, lambda: now))


def _owner(house: House) -> str:
    uid = house.home.stat().st_uid if house.home.exists() else os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _earnings(house: House, now: datetime) -> Finding:
    stocks = sorted(symbol for symbol, info in house.desk.universe.items() if info.kind == "stock")
    path = house.home / "earnings.csv"
    if not stocks:
        return Finding("good", "earnings", "the universe is ETFs only: no file is needed")
    if house.settings.market == "synthetic":
        return Finding("good", "earnings", "the embedded market knows its own dates")
    if not path.exists():
        words = f"{', '.join(stocks)} need {path}: unknown dates refuse new contracts"
        return Finding("look", "earnings", words, "`bot import-earnings FILE` writes it")
    from bot.markets.earnings import earnings_status, load_earnings, upcoming_earnings

    try:
        calendar = load_earnings(path)
    except BotError as error:
        return Finding("stop", "earnings", str(error))
    today = new_york_day(now)
    status = {symbol: earnings_status(calendar, symbol, "stock", today) for symbol in stocks}
    faulty = [f"{symbol} ({word})" for symbol, word in status.items() if word != "known"]
    if faulty:
        rule = f"no new contract until {path.name} tells the next release, checked within 14 days"
        return Finding("look", "earnings", f"{', '.join(faulty)}: {rule}", "`bot import-earnings FILE`")
    oldest = min(max(one.as_of for one in upcoming_earnings(calendar, symbol, today)) for symbol in stocks)
    age = "today" if oldest == today else f"{count((today - oldest).days, 'day')} ago"
    return Finding("good", "earnings", f"{path.name} tells the next release of {', '.join(stocks)}, checked {age}")


def _session(house: House, now: datetime) -> Finding:
    on = known_sessions(house, lambda: now)
    session = session_now(now, on)
    if session is not None:
        words = f"open until {session.close_at.astimezone(NEW_YORK):%H:%M} New York"
    else:
        words = f"closed; next {next_open(now, on).astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York"
    return Finding("good", "session", words)
