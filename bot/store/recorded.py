"""Ticks as they stand on record, whole and in order: Snapshot bytes, verdict bytes, and what the seal says of both."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from bot.domain.errors import StoreError
from bot.engine.ports import DecidedAs
from bot.store.chain import digest
from bot.store.database import moment_of, moment_text
from bot.store.snapshots import FOLDER

_TICKS = (
    'SELECT t.id, t.ts, t.status, t.mode, t.config_hash, t.code_version, t.snapshot_hash, s.month, s."offset",'
    " s.length, s.thinned_at, c.blob FROM ticks t LEFT JOIN snapshots s ON s.tick_id = t.id"
    " LEFT JOIN tick_checks c ON c.tick_id = t.id WHERE t.id BETWEEN ? AND ? ORDER BY t.id"
)
_SEALS = (
    "SELECT tick_id, json_extract(payload_json, '$.code'), json_extract(payload_json, '$.decided_as'),"
    " json_extract(payload_json, '$.snapshot'), json_extract(payload_json, '$.verdicts'),"
    " json_extract(payload_json, '$.config') FROM events WHERE kind IN ('tick', 'died') AND tick_id BETWEEN ? AND ?"
)


class Seal(NamedTuple):
    """What a tick's seal says: who decided, and the hashes of what was decided on, what to, and by which desk."""

    code: str = ""
    decided_as: DecidedAs = ""
    snapshot: str = ""
    verdicts: str = ""
    config: str = ""


class RecordedTick(NamedTuple):
    """One tick as it stands on record. `stored` is the Snapshot, `judged` the verdicts and notes, both as bytes.

    `stored` is empty where the Snapshot was thinned out (`thinned_at` says when) or never taken; `judged` where nothing
    was decided. `fault` says how one of them is not what was sealed.
    """

    id: int
    at: datetime
    status: str
    mode: str
    config_hash: str
    code_version: str
    seal: Seal
    stored: bytes
    judged: bytes
    thinned_at: str = ""
    fault: str = ""


def newest_tick(connection: sqlite3.Connection) -> tuple[int, datetime] | None:
    """Give the number and the moment of the newest tick that ended; None before the first one."""
    row = connection.execute("SELECT id, ts FROM ticks WHERE status != 'started' ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else (row[0], moment_of(row[1]))


def first_since(connection: sqlite3.Connection, since: datetime) -> int | None:
    """Give the number of the first tick at or after a moment; None where there is none."""
    row = connection.execute("SELECT min(id) FROM ticks WHERE ts >= ?", (moment_text(since),)).fetchone()
    return cast("int | None", row[0])


def recorded_ticks(connection: sqlite3.Connection, home: Path, first: int, last: int) -> Iterator[RecordedTick]:
    """Give the ticks from one number to another, oldest first; one that still runs is left out."""
    seals = {row[0]: Seal(*(word or "" for word in row[1:])) for row in connection.execute(_SEALS, (first, last))}
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        for row in connection.execute(_TICKS, (first, last)):
            number, ts, status, mode, config, version, told, month, offset, length, thinned_at, blob = row
            if status == "started":
                continue
            seal, stored, fault = seals.get(number, Seal()), b"", ""
            if told is not None and month is not None and thinned_at is None:
                try:
                    if month not in files:
                        files[month] = stack.enter_context((home / FOLDER / f"{month}.bin").open("rb"))
                    files[month].seek(offset)
                    stored = files[month].read(length)
                except OSError as error:
                    fault = f"its Snapshot cannot be read ({month}.bin: {error.strerror}): restore it from a backup"
            yield RecordedTick(
                number, moment_of(ts), status, mode, config, version, seal, stored, blob or b"", thinned_at or "",
                fault or _fault(seal, stored, blob, config),
            )  # fmt: skip


def _fault(seal: Seal, stored: bytes, blob: bytes | None, config: str) -> str:
    """Say what of a tick is not what its seal says, or nothing."""
    if stored and sha256(stored).hexdigest() != seal.snapshot:
        return "its Snapshot is not the one that was sealed"
    if digest([(blob,)] if blob is not None else []) != seal.verdicts:
        return "its verdicts are not those that were sealed"
    return "" if seal.config == config else "its configuration is not the one that was sealed"


def config_text(connection: sqlite3.Connection, hash_: str) -> str:
    """Give the desk file of a configuration, proved by its hash; raises StoreError where it is gone or was changed."""
    row = connection.execute("SELECT text, settings_json FROM configs WHERE hash = ?", (hash_,)).fetchone()
    if row is None:
        raise StoreError(f"the configuration {hash_[:16]} is not on record")
    if sha256(f"{row[0]}\0{row[1]}".encode()).hexdigest() != hash_:
        raise StoreError(f"the configuration {hash_[:16]} is not the one its hash names: it was changed")
    return cast(str, row[0])
