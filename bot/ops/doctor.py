"""`bot doctor`: everything a tick stands on, looked at one by one, with what to do about it.

Reads only. A finding of level `stop` means the next tick cannot run or may not trade; `look` wants a person's
eye; `good` is good.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import BotError, ConfigError
from bot.domain.sessions import NEW_YORK, last_session_at, new_york_day
from bot.domain.slots import next_open, session_now
from bot.engine.ports import Market
from bot.ops.doctor_files import examine_files
from bot.ops.drilled import drill_finding
from bot.ops.finding import Finding
from bot.ops.halting import halting
from bot.report.words import count
from bot.wiring import House, known_sessions, load_house, looking_broker, make_market, wall_clock

if TYPE_CHECKING:
    from bot.venues.allowance import RateLimit

__all__ = ["Finding", "examine"]

DISK_FREE_LOOK = 1_000_000_000
"""Bytes of free disk below which a person should look."""


def examine(env: str) -> tuple[Finding, ...]:
    """Look at program, configuration, home, store, market and account; each failure is a finding."""
    now = wall_clock()
    findings = [_python()]
    try:
        house = load_house(env)
    except ConfigError as error:
        return (*findings, *(Finding("stop", "configuration", fault) for fault in error.faults))
    except BotError as error:
        return (*findings, Finding("stop", "configuration", str(error)))
    findings.append(
        Finding("good", "configuration", f"complete, mode {house.settings.mode}, broker {house.settings.broker}")
    )
    findings += [Finding("look", "configuration", warning) for warning in house.settings.warnings]
    findings += [_home(house.home), *examine_files(house, now), *halting(house.home), _disk(house.home)]
    findings += [*_store(house, now), _earnings(house, now)]
    findings += _simulated(house, now) if house.settings.broker == "simulator" else _real(house)
    return (*findings, *drill_finding(house, now), _session(house, now))


def _python() -> Finding:
    return Finding("good", "python", ".".join(str(part) for part in sys.version_info[:3]))


def _home(home: Path) -> Finding:
    if not os.access(home, os.W_OK | os.X_OK):
        return Finding("stop", "home", f"{home} cannot be written by this user: chown or chmod it")
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        return Finding("look", "home", f"{home} is open to other users (mode {mode:o}): chmod 700 it")
    return Finding("good", "home", f"{home}, mode {mode:o}")


def _disk(home: Path) -> Finding:
    free = shutil.disk_usage(home).free
    words = f"{free / 1e9:.1f} GB free"
    return Finding("look", "disk", f"{words}: make room") if free < DISK_FREE_LOOK else Finding("good", "disk", words)


def _store(house: House, now: datetime) -> list[Finding]:
    import sqlite3

    from bot.store.chain import verify
    from bot.store.database import store_error
    from bot.store.queries import open_for_questions

    path = house.home / "ledger.sqlite"
    if not path.exists():
        at = " --at session" if house.settings.broker == "simulator" else ""
        return [Finding("look", "store", f"no tick has run yet: `bot tick --dry{at}`")]
    try:
        with open_for_questions(house.home) as store:
            found = store.latest_tick()
            fault = next(iter(verify(store.connection, house.home)), None)
    except BotError as error:
        return [Finding("stop", "store", str(error))]
    except sqlite3.Error as error:
        return [Finding("stop", "store", str(store_error(path, error)))]
    findings = [
        Finding("good", "chain", "every record and Snapshot is as it was sealed") if fault is None
        else Finding("stop", "chain", f"{fault}: the store was edited or damaged; keep a copy of the home")
    ]  # fmt: skip
    if found is None:
        return [*findings, Finding("look", "ticks", "the store holds no tick yet")]
    last_slot = last_session_at(now).open_at
    words = f"newest {found.at:%Y-%m-%d %H:%M} UTC, {found.status}"
    if found.status != "done":
        findings.append(Finding("look", "ticks", f"{words}: {found.note}"))
    elif found.at < last_slot - timedelta(days=1) and house.settings.mode == "live":
        findings.append(Finding("look", "ticks", f"{words}: is the timer running?"))
    else:
        findings.append(Finding("good", "ticks", words))
    return findings


def _earnings(house: House, now: datetime) -> Finding:
    stocks = sorted(symbol for symbol, info in house.desk.universe.items() if info.kind == "stock")
    path = house.home / "earnings.csv"
    if not stocks:
        return Finding("good", "earnings", "the universe is ETFs only: no file is needed")
    if house.settings.market == "synthetic":
        return Finding("good", "earnings", "the embedded market knows its own dates")
    if not path.exists():
        rule = "unknown dates refuse new contracts; `bot import-earnings FILE` writes it"
        return Finding("look", "earnings", f"{', '.join(stocks)} need {path}: {rule}")
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
        return Finding("look", "earnings", f"{', '.join(faulty)}: {rule} (`bot import-earnings FILE`)")
    oldest = min(max(one.as_of for one in upcoming_earnings(calendar, symbol, today)) for symbol in stocks)
    age = "today" if oldest == today else f"{count((today - oldest).days, 'day')} ago"
    return Finding("good", "earnings", f"{path.name} tells the next release of {', '.join(stocks)}, checked {age}")


def _simulated(house: House, now: datetime) -> list[Finding]:
    try:
        market = make_market(house)
        with looking_broker(house, market, lambda: now) as broker:
            account = broker.read_account()
    except BotError as error:
        return [Finding("stop", "account", str(error))]
    return [Finding("good", "account", f"{account.id}, {account.status}, cash {account.cash:,.2f}, simulated")]


def _real(house: House) -> list[Finding]:
    """Look at a real account with the wall clock: its own clock is compared with it."""
    from bot.ops.doctor_account import examine_account, keys

    findings = [keys(house)]
    if findings[0].level == "stop":
        return findings
    findings += _approval(house)
    try:
        market = make_market(house, wall_clock)
        with looking_broker(house, market, wall_clock) as broker:
            findings += examine_account(
                house, broker, market, wall_clock, stamp=_stamp(house), limits=lambda: _limits(market)
            )
    except BotError as error:
        findings.append(Finding("stop", "account", str(error)))
    return findings


def _limits(market: Market) -> RateLimit | None:
    """Give what the tighter of the venue's two hosts last said of requests left."""
    from bot.markets.alpaca import AlpacaMarket

    if not isinstance(market, AlpacaMarket):
        return None
    told = [limits for limits in (market.client.limits, market.client.data_limits) if limits.limit is not None]
    return min(told, key=lambda limits: limits.limit or 0, default=None)


def _stamp(house: House) -> tuple[str, str, str] | None:
    """Read whose home this is; None where nobody's yet, or where the ledger cannot say (told by its own finding)."""
    from bot.commands.fresh_look import stamp_of
    from bot.store.queries import ledger_exists, open_for_questions

    if not ledger_exists(house.home):
        return None
    try:
        with open_for_questions(house.home) as ledger:
            return stamp_of(ledger)
    except BotError:
        return None


def _approval(house: House) -> list[Finding]:
    """Look whether a person approved what real money would be traded with (design 20)."""
    from bot.store.queries import ledger_exists, open_for_questions

    if house.settings.alpaca_env != "live" or house.settings.mode != "live":
        return []
    approved = False
    if ledger_exists(house.home):
        try:
            with open_for_questions(house.home) as ledger:
                approved = ledger.config_is_approved(house.hash)
        except BotError as error:
            return [Finding("stop", "approval", str(error))]
    if approved:
        return [Finding("good", "approval", f"configuration {house.hash[:16]} was approved by a person")]
    words = f"configuration {house.hash[:16]} was approved by nobody: read `bot config show`, then `bot config approve`"
    return [Finding("stop", "approval", words)]


def _session(house: House, now: datetime) -> Finding:
    on = known_sessions(house, lambda: now)
    session = session_now(now, on)
    if session is not None:
        words = f"open until {session.close_at.astimezone(NEW_YORK):%H:%M} New York"
    else:
        words = f"closed; next {next_open(now, on).astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York"
    return Finding("good", "session", words)
