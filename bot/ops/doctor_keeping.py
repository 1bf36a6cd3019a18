"""What `bot doctor` finds of what keeps a desk alive over months: backups, slots that were missed, the drill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import BotError, StoreError
from bot.domain.sessions import Session, new_york_day, session_on
from bot.domain.slots import SessionOn, sessions_over
from bot.ops.backup import BACKUPS, Manifest, list_backups, read_manifest
from bot.ops.finding import Finding
from bot.ops.watch import GRACE, PERIOD
from bot.report.words import ago, count
from bot.store import condition
from bot.store.queries import Ledger, ledger_exists
from bot.wiring import House

BACKUP_LOOK = timedelta(hours=26)
"""Hourly backups are late long before; one a day is not."""
CLOCK_AHEAD = timedelta(minutes=5)
SESSIONS_BACK = 5
SESSION_WALK = timedelta(days=60)
DRILL_SOON = timedelta(days=7)
"""So long before a drill's pass lapses it is said."""


class Missed(NamedTuple):
    """Slots of some sessions that are over: how many there were, and which had no finished tick."""

    sessions: int
    slots: int
    missed: tuple[datetime, ...]


def newest_backup(house: House, folder: str, now: datetime) -> tuple[Path, Manifest | None, datetime] | None:
    """Give the newest backup of this very home in a folder (default: the home's own), None without one.

    One that a clock far ahead dated counts for nothing: it would stand for fresh until its day has come.
    """
    where = Path(folder).expanduser().resolve() if folder else house.home / BACKUPS
    for at, path in reversed(list_backups(where)):
        if at > now + CLOCK_AHEAD:
            continue
        try:
            manifest = read_manifest(path)
        except StoreError:
            return path, None, at
        if manifest.home == str(house.home.resolve()):
            return path, manifest, at
    return None


def backups(house: House, now: datetime, folder: str) -> Finding:
    """Look how old the newest backup is and whether it still has all it was proved with; its bytes are not read."""
    where = folder or str(house.home / BACKUPS)
    if not ledger_exists(house.home):
        return Finding("good", "backups", "there is nothing to keep yet")
    found = newest_backup(house, folder, now)
    if found is None:
        elsewhere = "" if folder else "; kept elsewhere: `bot doctor --backups FOLDER`"
        return Finding("look", "backups", f"none of this home in {where}", f"`bot backup --to {where}`{elsewhere}")
    path, manifest, at = found
    lost = (
        ["backup.json"]
        if manifest is None
        else [one.path for one in manifest.files if _size(path / one.path) != one.size]
    )
    if lost:
        words = f"{path.name} is not whole any more ({lost[0]})"
        return Finding("look", "backups", words, f"`bot backup --to {where}`")
    words = f"newest {ago(at, now)}, proved when it was made; `bot doctor --live` restores it to see"
    if now - at > BACKUP_LOOK:
        return Finding(
            "look", "backups", words, f"`bot backup --to {where}`, and its timer: systemctl list-timers 'bot-*'"
        )
    if folder or not path.resolve().is_relative_to(house.home.resolve()):
        return Finding("good", "backups", words)
    return Finding(
        "good", "backups", f"{words}. It lies in the home itself: --to FOLDER on another disk survives this one"
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def sessions_before(now: datetime, number: int, on: SessionOn = session_on) -> list[Session]:
    """List the last sessions that are over and whose last tick had time to end, oldest first."""
    today = new_york_day(now)
    over = [one for one in sessions_over(on, today - SESSION_WALK, today) if one.close_at + GRACE <= now]
    return over[-number:]


def missed_slots(ledger: Ledger, sessions: list[Session]) -> Missed:
    """Compare the slots of sessions with finished ticks; what lies before this home's first tick counts for nothing."""
    began = condition.first_slot(ledger.connection)
    if not sessions or began is None:
        return Missed(0, 0, ())
    done = condition.done_slots(ledger.connection, sessions[0].day, sessions[-1].day)
    wanted: list[datetime] = []
    counted = 0
    for session in sessions:
        slot, before = session.open_at, len(wanted)
        while session.holds(slot):
            if slot >= began:
                wanted.append(slot)
            slot += PERIOD
        counted += len(wanted) > before
    return Missed(counted, len(wanted), tuple(slot for slot in wanted if slot not in done))


def slots(house: House, ledger: Ledger, now: datetime, on: SessionOn) -> Finding:
    """Look for slots without a finished tick in the last five sessions."""
    try:
        found = missed_slots(ledger, sessions_before(now, SESSIONS_BACK, on))
    except BotError as error:
        return Finding("look", "missed slots", str(error), "update the program")
    if not found.slots:
        return Finding("good", "missed slots", "no whole session has gone by since the first tick")
    span = f"{count(found.slots, 'slot')} of the last {count(found.sessions, 'session')}"
    if not found.missed:
        return Finding("good", "missed slots", f"none of {span}")
    words = f"{len(found.missed)} of {span} had no finished tick, the newest {found.missed[-1]:%Y-%m-%d %H:%M} UTC"
    if house.settings.mode == "dry":
        return Finding("good", "missed slots", f"{words}; dry ticks need no timer")
    return Finding("look", "missed slots", words, "`bot log --since 7d`; systemctl list-timers 'bot-*'")


def drill_age(house: House, ledger: Ledger, now: datetime) -> Iterator[Finding]:
    """Say when a pass will lapse soon, and that the newest drill failed though an older pass still counts."""
    last = condition.last_drill(ledger.connection)
    if last is not None and not last.passed:
        words = f"the newest, of {last.at:%Y-%m-%d %H:%M} UTC, failed"
        yield Finding("look", "last drill", words, "`bot drill` names each scene that failed")
    days, passed = house.desk.limits.drill_age_days, ledger.drill_pass()
    if days is not None and passed is not None:
        left = passed.at + timedelta(days=float(days)) - now
        if timedelta(0) <= left < DRILL_SOON:
            yield Finding("look", "drill lapses", f"in {count(left.days, 'day')}", "`bot drill`")
