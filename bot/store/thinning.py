"""Thinning of Snapshots: months past their days keep the ticks that did something, and say in the chain what went.

A month is written anew under another name; one transaction then moves its rows there, marks those whose bytes went and
names them in the chain; the old file is removed last. The ledger alone says which file counts, so that a process
killed at any step loses nothing, and the next run finishes.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import StoreError
from bot.store import chain, kinds
from bot.store.database import Database, moment_text
from bot.store.snapshots import FOLDER, Kept, sync_folder

RULE = "kept: the first and last tick of a day, each with an order, a fill, a change of the books, a halt or a failure"
TEMPORARY = ".thinning.bin"
_NAME = re.compile(r"(\d{4}-\d{2}(?:\.\d+)?)\.bin")
# Ticks between two numbers that keep their Snapshot whatever their place in the day.
_TELLING = (
    "SELECT id FROM ticks WHERE id BETWEEN ?1 AND ?2 AND status != 'done'",
    "SELECT tick_id FROM order_transitions WHERE tick_id BETWEEN ?1 AND ?2",
    "SELECT tick_id FROM fills WHERE tick_id BETWEEN ?1 AND ?2",
    "SELECT tick_id FROM book_changes WHERE tick_id BETWEEN ?1 AND ?2",
    "SELECT tick_id FROM proposals WHERE tick_id BETWEEN ?1 AND ?2",
    "SELECT tick_id FROM refusals WHERE tick_id BETWEEN ?1 AND ?2 AND gate = 'halt_allows'",
    f"SELECT tick_id FROM events WHERE kind = '{kinds.TRIP}' AND tick_id BETWEEN ?1 AND ?2",
)
_DAYS = (
    "SELECT min(id), max(id) FROM ticks WHERE status = 'done' AND session_day IN"
    " (SELECT DISTINCT session_day FROM ticks WHERE id BETWEEN ?1 AND ?2) GROUP BY session_day"
)


class Thinned(NamedTuple):
    """One month that was thinned out."""

    month: str
    kept: int
    gone: int
    bytes_before: int
    bytes_after: int


class _Row(NamedTuple):
    tick_id: int
    kept: Kept


def thin(database: Database, now: datetime, full_days: int, author: str) -> Iterator[Thinned]:
    """Thin out each month that ended so many days ago, oldest first; the caller holds the home's lock.

    Bytes that are not what was sealed are never thinned away: such a month raises StoreError and stays as it is.
    """
    folder = database.home / FOLDER
    remove_replaced(database.connection, folder)
    for month in months_due(database.connection, now, full_days):
        rows = _rows(database.connection, month)
        keep = telling(database.connection, rows[0].tick_id, rows[-1].tick_id)
        going = [row for row in rows if row.tick_id not in keep]
        if not going:
            continue
        staying = [row for row in rows if row.tick_id in keep]
        name = _next_name(month)
        before = (folder / f"{month}.bin").stat().st_size
        moved = _write(folder, month, name, rows, {row.tick_id for row in staying})
        payload = {
            "month": month[:7], "file": name, "kept": len(staying), "why": f"older than {full_days} days; {RULE}",
            "author": author, "ticks": [[row.tick_id, row.kept.hash] for row in going],
        }  # fmt: skip
        ts = moment_text(now)
        with database.writing() as connection:
            chain.append(connection, ts, kinds.THINNED, payload)
            (event,) = connection.execute("SELECT max(id) FROM events").fetchone()
            connection.executemany('UPDATE snapshots SET month = ?, "offset" = ? WHERE tick_id = ?', moved)
            connection.executemany(
                "UPDATE snapshots SET thinned_at = ?, thinned_by = ? WHERE tick_id = ?",
                [(ts, event, row.tick_id) for row in going],
            )
        remove_replaced(database.connection, folder)
        yield Thinned(month[:7], len(staying), len(going), before, (folder / f"{name}.bin").stat().st_size)


def telling(connection: sqlite3.Connection, first: int, last: int) -> frozenset[int]:
    """Give the ticks from one number to another whose Snapshot stays (and some outside them)."""
    found = {row[0] for query in _TELLING for row in connection.execute(query, (first, last))}
    for pair in connection.execute(_DAYS, (first, last)):
        found.update(pair)
    return frozenset(found)


def remove_replaced(connection: sqlite3.Connection, folder: Path) -> None:
    """Remove files of months that stand under a newer name: what a killed run left, before or after its transaction."""
    counting = {row[0] for row in connection.execute("SELECT DISTINCT month FROM snapshots WHERE thinned_by IS NULL")}
    months = {name[:7] for name in counting}
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        named = _NAME.fullmatch(path.name)
        if path.name == TEMPORARY or (named and named[1] not in counting and named[1][:7] in months):
            path.unlink()
    sync_folder(folder)


def months_due(connection: sqlite3.Connection, now: datetime, full_days: int) -> list[str]:
    """List the files whose month ended so many days ago, oldest first; the newest month is never among them."""
    cut = now.astimezone(UTC) - timedelta(days=full_days)
    months = connection.execute(
        "SELECT DISTINCT month FROM snapshots WHERE thinned_by IS NULL ORDER BY month"
    ).fetchall()
    return [month for (month,) in months[:-1] if _end_of(month) <= cut]


def _end_of(month: str) -> datetime:
    year, number = int(month[:4]), int(month[5:7])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _rows(connection: sqlite3.Connection, month: str) -> list[_Row]:
    found = connection.execute(
        'SELECT tick_id, hash, month, "offset", length FROM snapshots WHERE month = ? AND thinned_by IS NULL'
        " ORDER BY tick_id",
        (month,),
    )
    return [_Row(row[0], Kept(*row[1:])) for row in found]


def _next_name(month: str) -> str:
    """Name the file that takes a month's place: 2026-11, then 2026-11.1, then 2026-11.2."""
    return f"{month[:7]}.{int(month[8:] or 0) + 1}"


def _write(folder: Path, month: str, name: str, rows: list[_Row], staying: set[int]) -> list[tuple[str, int, int]]:
    """Write a month anew with what stays, on the disk when it returns; gives (file, offset, tick) of each row."""
    path, moved, end = folder / f"{month}.bin", [], 0
    try:
        handle = os.open(folder / TEMPORARY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as written, path.open("rb") as read:
            for row in rows:
                read.seek(row.kept.offset)
                stored = read.read(row.kept.length)
                if sha256(stored).hexdigest() != row.kept.hash:
                    raise StoreError(
                        f"{path}: the Snapshot of tick {row.tick_id} is not what was sealed: the month is left as it "
                        "is; `bot audit verify` names every fault"
                    )
                if row.tick_id in staying:
                    written.write(stored)
                    moved.append((name, end, row.tick_id))
                    end += len(stored)
            written.flush()
            os.fsync(written.fileno())
        (folder / TEMPORARY).replace(folder / f"{name}.bin")
        sync_folder(folder)
    except OSError as error:
        raise StoreError(
            f"cannot thin {path} ({error.strerror}): nothing of it was lost; free some space or make it readable"
        ) from error
    return moved
