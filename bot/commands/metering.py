"""Metrics for Prometheus' textfile collector, written after each tick and each watch, and `bot metrics`.

A failure here is told, and the next run writes anew: no tick and no watch fails because of it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import bot
from bot.commands.boarding import SECONDS_MAX, STEPS, halt_now
from bot.commands.opening import warn
from bot.domain.errors import StoreError
from bot.domain.ledger import HALT_RANK, Halt
from bot.domain.metering import Sample
from bot.gates.judge import GATES
from bot.store.database import LEDGER_NAME
from bot.store.journal import LedgerJournal
from bot.store.logged import LoggedJournal
from bot.store.metrics import read_samples
from bot.store.metrics_counted import Counts, count_samples, keep_counts, read_counts
from bot.talkers.metrics import END, exposition
from bot.wiring import CACHE_FOLDER, House, load_house, wall_clock

if TYPE_CHECKING:
    from bot.ops.watch import Watched

FOLDER = "metrics"
"""Where in a home its metrics lie unless BOT_METRICS_FOLDER names another folder."""
READ_MOST = 1_000_000
"""Bytes of a file that lies in the way which are looked at."""


def keep_metrics(house: House, journal: LedgerJournal, now: Callable[[], datetime], market: object = None) -> str:
    """Count what ended, and write the desk's metrics; gives what the owner should know, or nothing.

    `market` is the one the tick asked: where it has a door to a venue, that door has counted its requests.
    """
    connection, until = journal.database.connection, perf_counter() + SECONDS_MAX
    connection.set_progress_handler(lambda: perf_counter() > until, STEPS)
    try:
        with journal.database.relaxed():
            keep_counts(connection, requests_of(market))
            samples = ledger_samples(connection, house, now())
        said = write_text(house, "", exposition([*samples, *home_samples(house)], house.desk.name))
    except Exception as error:  # noqa: BLE001  the tick is over and sealed: nothing outside may undo that
        said = f"the metrics were not written: {type(error).__name__}: {error}"
    finally:
        connection.set_progress_handler(None, 0)
    if said and isinstance(journal, LoggedJournal):
        journal.log.say("error", message=said)
    return said


def keep_watched(house: House, seen: Watched) -> str:
    """Write what the watch saw into a file of its own, so that it lives when no tick does; gives what went wrong."""
    samples = [
        Sample("watch_timestamp_seconds", repr(seen.at.timestamp())),
        Sample("watch_alarms", str(len(seen.alarms))),
        Sample("watch_record_faults", str(len(seen.faults))),
        Sample("watch_missed_slots", str(len(seen.missed))),
        Sample("watch_pinged", str(int(seen.pinged))),
    ]
    try:
        samples.append(Sample("code_info", "1", (("hash", code_hash()[:12]),)))
        return write_text(house, "_watch", exposition(samples, house.desk.name))
    except Exception as error:  # noqa: BLE001  an alarm must reach its owner whatever becomes of a file
        return f"the watch's metrics were not written: {type(error).__name__}: {error}"


def run_metrics(env: str) -> None:
    """Print the desk's metrics as they stand in the ledger, without writing anything."""
    from bot.store.queries import open_for_questions

    house = load_house(env)
    warn(house)
    with open_for_questions(house.home) as ledger:
        samples = ledger_samples(ledger.connection, house, wall_clock())
    sys.stdout.write(exposition([*samples, *home_samples(house)], house.desk.name))


def requests_of(market: object) -> Counts:
    """Give the requests a tick made through its market's door, broker's included; none where there is no door."""
    made = getattr(getattr(market, "client", None), "requests", 0)
    return Counter({("requests_total", (str(getattr(market, "name", "")),)): made} if made else {})


def ledger_samples(connection: sqlite3.Connection, house: House, now: datetime) -> list[Sample]:
    """Read everything the ledger tells, and which halt is in force."""
    return [
        Sample("metrics_timestamp_seconds", repr(now.timestamp())),
        *read_samples(connection),
        *count_samples(read_counts(connection), tuple(name for name, _ in GATES)),
        *_halt(halt_now(connection, house, now), house.settings.secrets.mask),
    ]


def _halt(halt: Halt, mask: Callable[[str], str]) -> Iterator[Sample]:
    yield Sample("halt_level", str(HALT_RANK[halt.level]))
    words = (("level", halt.level), ("author", mask(halt.author)), ("reason", mask(halt.reason)))
    yield Sample("halt_info", "1", words)
    if halt.since is not None and halt.level != "run":
        yield Sample("halt_timestamp_seconds", repr(halt.since.timestamp()))


def code_hash() -> str:
    """Give the SHA-256 over the program's own files, name and content, tests apart; a tick has no time for it."""
    here, found = Path(bot.__file__).parent, sha256()
    for path in sorted(path for suffix in ("py", "sql") for path in here.rglob(f"*.{suffix}")):
        name = path.relative_to(here).as_posix()
        if not name.startswith("tests/"):
            found.update(f"{name}\n".encode() + path.read_bytes())
    return found.hexdigest()


def home_samples(house: House) -> Iterator[Sample]:
    """Tell what the home's files say: their size, the room, the newest backup and calendars."""
    home = house.home
    for name, path in (("ledger", home / LEDGER_NAME), ("wal", home / f"{LEDGER_NAME}-wal")):
        yield Sample("file_bytes", str(path.stat().st_size if path.exists() else 0), (("file", name),))
    room = os.statvfs(home)
    yield Sample("disk_free_bytes", str(room.f_bavail * room.f_frsize))
    backups = sorted((home / "backups").glob("backup-*/backup.json"), reverse=True)
    if backups:
        yield Sample("backup_timestamp_seconds", repr(round(backups[0].stat().st_mtime, 3)))
    written = {"earnings": [home / "earnings.csv"], "broker": sorted((home / CACHE_FOLDER).glob("*calendar*"))}
    for name, paths in written.items():
        times = [path.stat().st_mtime for path in paths if path.exists()]
        if times:
            yield Sample("calendar_timestamp_seconds", repr(round(max(times), 3)), (("calendar", name),))


def write_text(house: House, part: str, text: str) -> str:
    """Put a file of metrics in its place in one step; gives what the owner should know of what lay there.

    Raises StoreError with what to mend where it cannot be written; what lay there before then lies there still.
    """
    home = house.home.resolve()
    folder = house.settings.metrics_folder or house.home / FOLDER
    inside = folder.resolve().is_relative_to(home)
    path = folder / f"escapement_{house.desk.name}{part}.prom"
    mark = f"# escapement {house.desk.name} of home {sha256(str(home).encode()).hexdigest()[:12]}\n"
    try:
        if inside:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        said = _in_the_way(path, mark)
        if said is None and not inside:
            raise StoreError(
                f"{path} belongs to another home's desk of this name: give one of them another BOT_METRICS_FOLDER or "
                "name; where that home is gone, remove the file"
            )
        fresh = folder / f".{path.name}.new"
        fresh.unlink(missing_ok=True)  # of a run that was killed
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(mark + text + END)
            fresh.chmod(0o600 if inside else 0o644)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as error:
        advice = "it needs a folder this user may write to, with room on its disk; or name another BOT_METRICS_FOLDER"
        raise StoreError(f"{path} ({error.strerror or error}): {advice}; the next run writes anew") from error
    return said or ""


def _in_the_way(path: Path, mark: str) -> str | None:
    """Say what lies where a file is to be written: nothing odd, words about it, or None for another home's file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(found.st_mode):
        return f"{path} was no plain file; it was replaced"
    with path.open("rb") as file:
        before = file.read(READ_MOST).decode(errors="replace")
    if before.startswith(mark):
        return "" if before.endswith(END) else f"{path} was cut off, and was written anew"
    if before.startswith("# escapement ") and before.endswith(END):
        return None
    return f"{path} held something else, which was replaced"
