"""Questions about the state of a ledger and of what it keeps for talkers: what `bot doctor` and an upgrade ask."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bot.domain.errors import StoreError
from bot.store.database import LEDGER_NAME, moment_of, store_error
from bot.store.snapshots import FOLDER


class _Schema(msgspec.Struct):
    """The one field of a Snapshot that says how the others are written."""

    schema: int = 1


LOCK_SECONDS = 1.0
"""How long a trial transaction waits for whoever writes."""


class ChannelRow(NamedTuple):
    """How one channel stands: dead or waiting, when it last took something, and what waits for it."""

    channel: str
    dead_since: datetime | None
    dead_why: str
    wait_until: datetime | None
    sent_at: datetime | None
    failures: int
    waiting: int
    oldest: datetime | None
    unknown: int


class LastDrill(NamedTuple):
    """The newest drill, passed or not."""

    at: datetime
    passed: bool
    code_version: str


def read_version(home: Path) -> int:
    """Give how far a ledger was migrated, whatever program wrote it; raises StoreError where it cannot be read."""
    path = home / LEDGER_NAME
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=LOCK_SECONDS)) as ledger:
            version: int = ledger.execute("PRAGMA user_version").fetchone()[0]
            return version
    except sqlite3.Error as error:
        raise store_error(path, error) from error


def try_to_write(home: Path) -> str:
    """Begin a writing transaction and take it back; gives nothing where that went well, else SQLite's words.

    "locked" in the words says that another program writes just now. Nothing is written.
    """
    path = home / LEDGER_NAME
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=LOCK_SECONDS, isolation_level=None)
        ) as ledger:
            ledger.execute("BEGIN IMMEDIATE")
            ledger.execute("ROLLBACK")
    except sqlite3.Error as error:
        return str(error)
    return ""


def journal_mode(connection: sqlite3.Connection) -> str:
    """Give how the file is journalled; "wal" is what ticks and readers beside them need."""
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def integrity(connection: sqlite3.Connection) -> str:
    """Give the first thing that SQLite finds broken in the file itself, or nothing."""
    told = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if told == "ok" else told


def newest_program(connection: sqlite3.Connection) -> str:
    """Give the version of the program that wrote the newest tick, or nothing."""
    row = connection.execute("SELECT code_version FROM ticks ORDER BY id DESC LIMIT 1").fetchone()
    return "" if row is None else str(row[0])


def tick_under_way(connection: sqlite3.Connection) -> tuple[int, datetime] | None:
    """Give the number and moment of a newest tick that began and has not ended."""
    row = connection.execute("SELECT id, ts FROM ticks WHERE status = 'started' ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else (row[0], moment_of(row[1]))


def done_slots(connection: sqlite3.Connection, first: date, last: date) -> frozenset[datetime]:
    """Give the slots of session days from first to last that have a finished tick."""
    rows = connection.execute(
        "SELECT DISTINCT slot FROM ticks WHERE session_day BETWEEN ? AND ? AND status = 'done'",
        (first.isoformat(), last.isoformat()),
    )
    return frozenset(moment_of(row[0]) for row in rows)


def first_slot(connection: sqlite3.Connection) -> datetime | None:
    """Give the slot of the first tick."""
    row = connection.execute("SELECT slot FROM ticks ORDER BY id LIMIT 1").fetchone()
    return None if row is None else moment_of(row[0])


def last_drill(connection: sqlite3.Connection) -> LastDrill | None:
    """Give the newest drill that was sealed."""
    row = connection.execute("SELECT at, passed, code_version FROM drills ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else LastDrill(moment_of(row[0]), bool(row[1]), row[2])


def channel_rows(connection: sqlite3.Connection) -> dict[str, ChannelRow]:
    """Give how each channel stands that was ever written to."""
    found: dict[str, ChannelRow] = {}
    rows = connection.execute(
        "SELECT channel, dead_since, dead_why, wait_until, sent_at, failures FROM channels ORDER BY channel"
    )
    for channel, dead, why, wait, sent, failures in rows:
        found[channel] = ChannelRow(channel, _moment(dead), why, _moment(wait), _moment(sent), failures, 0, None, 0)
    rows = connection.execute(
        "SELECT channel, sum(state <> 'unknown'), min(CASE WHEN state <> 'unknown' THEN at END), sum(state = 'unknown')"
        " FROM outbox WHERE state IN ('pending', 'sending', 'unknown') GROUP BY channel"
    )
    for channel, waiting, oldest, unknown in rows:
        row = found.get(channel) or ChannelRow(channel, None, "", None, None, 0, 0, None, 0)
        found[channel] = row._replace(waiting=waiting, oldest=_moment(oldest), unknown=unknown)
    return found


def unanswered(connection: sqlite3.Connection) -> tuple[int, datetime | None]:
    """Count critical alerts that nobody acknowledged and that still last; with the moment of the oldest."""
    number, oldest = connection.execute(
        "SELECT count(*), min(at) FROM alerts WHERE severity = 'critical' AND acknowledged_at IS NULL"
        " AND ended_at IS NULL"
    ).fetchone()
    return number, _moment(oldest)


def newest_schema(connection: sqlite3.Connection, home: Path) -> int | None:
    """Give the schema of the newest stored Snapshot; None where there is none, or none that can be read."""
    row = connection.execute('SELECT month, "offset", length FROM snapshots ORDER BY tick_id DESC LIMIT 1').fetchone()
    if row is None:
        return None
    try:
        with (home / FOLDER / f"{row[0]}.bin").open("rb") as file:
            file.seek(row[1])
            return msgspec.msgpack.decode(zlib.decompress(file.read(row[2])), type=_Schema).schema
    except (OSError, zlib.error, msgspec.MsgspecError):
        return None


def rows_of(connection: sqlite3.Connection, tables: frozenset[str]) -> int:
    """Count the rows of tables that are there; views and names of later programs count nothing."""
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    try:
        return sum(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables & there)
    except sqlite3.Error as error:
        raise StoreError(f"the ledger's tables cannot be counted ({error}): `bot audit verify`") from error


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment_of(text)
