"""Alerts as they are made: after each tick, each word of a person and each look of the watch. It never stops those."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bot import __version__
from bot.domain import topics
from bot.domain.alerts import Alert
from bot.domain.drilling import lacking
from bot.domain.errors import BotError
from bot.domain.sessions import new_york_day
from bot.report.alert_events import RECORD
from bot.report.alerting import derive
from bot.store.alerting import end_alerts, keep_alerts, open_outbox, see_to
from bot.store.database import Database
from bot.store.drills import read_pass
from bot.store.journal import LedgerJournal
from bot.store.logged import LoggedJournal
from bot.store.noticing import read_facts, save_reached
from bot.store.panicking import read_halt_file
from bot.store.pending_alerts import leave_alert, taken_alerts
from bot.wiring import House, environment_of

if TYPE_CHECKING:
    from bot.ops.watch import Watched

LAPSES_SOON = timedelta(days=3)
"""How long before the drill's pass ends it is said."""
WATCH = f"{topics.HEALTH_REPORT}:watch"
PING = f"{topics.HEALTH_REPORT}:watch-ping"
SKIPPED = topics.DEAD_MAN_SKIPPED


def notice(
    house: House, holder: LedgerJournal | Database, now: datetime, *, seen: Iterable[Alert] = (),
    over: Iterable[str] = (),
) -> str:  # fmt: skip
    """Make alerts of what the ledger took in since the last time, in one short transaction; gives what went wrong.

    `seen` are alerts the caller made itself, `over` keys it knows to have ended. What fails is said, put in the log,
    and made up for the next time: nothing is lost but time.
    """
    database = holder.database if isinstance(holder, LedgerJournal) else holder
    try:
        with (
            taken_alerts(house.home) as (waiting, bad),
            # What lay in a file is gone from it afterwards: that must be on the disk; the rest can be made again.
            database.writing() if waiting else database.relaxed() as connection,
        ):
            _notice(connection, house, now, (*waiting, *seen), tuple(over))
        return f"{bad} lines beside the ledger were no alerts: they lie in alerts.pending.bad" if bad else ""
    except Exception as error:  # noqa: BLE001  the tick is sealed, the word is kept: no alert may undo that
        said = f"alerts were not brought up to date: {type(error).__name__}: {error}"
    if isinstance(holder, LoggedJournal):
        holder.log.say("error", message=said)
    return said


def _notice(
    connection: sqlite3.Connection, house: House, now: datetime, given: tuple[Alert, ...], over: tuple[str, ...]
) -> None:
    reading = read_facts(connection, now)
    lapses = drill_lapses(connection, house, now)
    derived = derive(replace(reading.noticed, halt_file=read_halt_file(house.home), drill_lapses=lapses))
    alerts = tuple(masked(house, one) for one in (*given, *derived.alerts))
    keep_alerts(connection, alerts, house.desk.alerts.same_minutes)
    see_to(connection, derived.acknowledged)
    end_alerts(connection, (*derived.ended, *over), now)
    save_reached(connection, reading.reached)


def masked(house: House, alert: Alert) -> Alert:
    """Give an alert without any secret of this desk in it."""
    mask = house.settings.secrets.mask
    title, words = mask(alert.title), mask(alert.words)
    return alert if (title, words) == (alert.title, alert.words) else replace(alert, title=title, words=words)


def drill_lapses(connection: sqlite3.Connection, house: House, now: datetime) -> datetime | None:
    """Give when the pass that real money trades on ends, once that is near or over; None where none counts."""
    days = house.desk.limits.drill_age_days
    if days is None or house.settings.mode != "live" or environment_of(house.settings) != "live":
        return None
    passed = read_pass(connection)
    if passed is None or lacking(passed, days, house.desk_hash, __version__, passed.at):
        return None  # it never counted for this desk: the halt in force says so at every tick
    ends = passed.at + timedelta(days=float(days))
    return ends if ends - now <= LAPSES_SOON else None


def watch_alerts(seen: Watched, failed: str) -> tuple[tuple[Alert, ...], tuple[str, ...]]:
    """Make the alerts of what the watch saw: (alerts, keys that are over). `failed` says why it could not act.

    That ticks do not come is told by the alarm it set in the ledger.
    """
    made: list[Alert] = []
    if seen.faults:
        words = f"{'; '.join(seen.faults[:3])}. Every tick is stopped by a HALT file until a person looked: `bot audit "
        made.append(_watched(seen, topics.RECORD_CHANGED, RECORD, "The record was changed or damaged",
                             words + "verify` names what it is, RUNBOOK says what to do."))  # fmt: skip
    if failed and seen.dead:
        made.append(_watched(seen, SKIPPED, SKIPPED, "Ticks do not come, and the desk could not be held back",
                             f"{seen.dead}; {failed}."))  # fmt: skip
    other = [one for one in seen.alarms if one != seen.dead and not seen.faults]
    if other:
        made.append(_watched(seen, topics.HEALTH_REPORT, WATCH, "The watch could not look", f"{'; '.join(other)}."))
    ping = [one for one in seen.warnings if one.startswith("the ping failed")]
    if ping:
        made.append(_watched(seen, topics.HEALTH_REPORT, PING, "The outside witness was not told that all is well",
                             f"{ping[0]}. If it alarms you, this is why.", severity="warning"))  # fmt: skip
    if not seen.alarms:
        day = new_york_day(seen.at).isoformat()
        made.append(Alert(
            at=seen.at, topic=topics.WATCHDOG_HEARTBEAT, severity="info", key=f"{topics.WATCHDOG_HEARTBEAT}:{day}",
            lasts="once", title=f"The watch looks after the desk on {day}", words="Ticks come and the record holds.",
        ))  # fmt: skip
    held = {one.key for one in made}
    looked = not other
    gone = {SKIPPED} | ({RECORD, WATCH} if looked else set()) | ({PING} if seen.pinged else set())
    return tuple(made), tuple(sorted(gone - held))


def _watched(
    seen: Watched, topic: str, key: str, title: str, words: str, severity: topics.Severity | None = None
) -> Alert:
    return Alert(
        at=seen.at, topic=topic, severity=severity or topics.SEVERITY_OF[topic], key=key, title=title, words=words,
        lasts="state",
    )  # fmt: skip


def tell_watch(house: House, seen: Watched, failed: str) -> str:
    """Keep what the watch saw, in the ledger or, where that cannot be, in a file beside it; gives what went wrong."""
    alerts, over = watch_alerts(seen, failed)
    try:
        with open_outbox(house.home) as database:
            said = notice(house, database, seen.at, seen=alerts, over=over)
        if not said:
            return ""
    except BotError as error:
        said = str(error)
    try:
        for one in alerts:
            if one.severity != "info":
                leave_alert(house.home, masked(house, one))
    except BotError as error:
        return f"{said}; {error}"
    return said
