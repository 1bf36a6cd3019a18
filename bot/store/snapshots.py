"""Stored Snapshots: one append-only file a month beside the ledger."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import StoreError
from bot.domain.snapshot import Snapshot, decode_snapshot

FOLDER = "snapshots"


class Kept(NamedTuple):
    """Where the bytes of one Snapshot lie, and their SHA-256."""

    hash: str
    month: str
    offset: int
    length: int


class SnapshotFiles:
    """Appends Snapshot bytes; `durable` waits for the disk before it answers."""

    def __init__(self, home: Path, *, durable: bool) -> None:
        self._folder = home / FOLDER
        self._durable = durable
        self._month = ""
        self._handle = -1
        self._end = 0

    def append(self, at: datetime, stored: bytes) -> Kept:
        """Append bytes to the month's file and say where they lie; StoreError when the disk refuses."""
        month = f"{at:%Y-%m}"
        try:
            if month != self._month:
                self._open(month)
            start = self._end
            written = 0
            while written < len(stored):
                written += os.write(self._handle, stored[written:])
            if self._durable:
                _sync(self._handle)
        except OSError as error:
            self.close()
            raise StoreError(
                f"cannot write {self._folder / month}.bin ({error.strerror}): nothing was sent; free some space or "
                "make the folder writable"
            ) from error
        self._end = start + len(stored)
        return Kept(sha256(stored).hexdigest(), month, start, len(stored))

    def _open(self, month: str) -> None:
        self.close()
        made = not self._folder.exists()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{month}.bin"
        fresh = not path.exists()
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._month, self._end = month, os.fstat(self._handle).st_size
        if fresh and self._durable:
            sync_folder(self._folder)
        if made and self._durable:
            sync_folder(self._folder.parent)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle, self._month = -1, ""


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_sync = getattr(os, "fdatasync", os.fsync)  # some systems have only the slower one


def load_stored(connection: sqlite3.Connection, home: Path, hash_start: str) -> bytes:
    """Read the bytes of one Snapshot by its SHA-256 (or the start of it) and prove them.

    Raises StoreError when it is unknown, thinned out, or no longer what was hashed.
    """
    found = connection.execute(
        'SELECT hash, month, "offset", length, tick_id, thinned_at, thinned_by FROM snapshots'
        " WHERE hash >= ? AND hash < ? ORDER BY hash, thinned_by IS NOT NULL LIMIT 2",
        (hash_start, hash_start + "g"),
    ).fetchall()
    if len({row[0] for row in found}) != 1:
        raise StoreError(
            f"{'no' if not found else 'more than one'} stored Snapshot has a hash that begins {hash_start!r}"
        )
    kept, (tick_id, thinned_at, thinned_by) = Kept(*found[0][:4]), found[0][4:]
    if thinned_by is not None:
        raise StoreError(
            f"the Snapshot {kept.hash[:12]} of tick {tick_id} was thinned out on {thinned_at[:10]} (event "
            f"{thinned_by}): what was decided on it is kept with every check, but it cannot be decided again; a backup "
            "from before may still hold it"
        )
    path = home / FOLDER / f"{kept.month}.bin"
    try:
        with path.open("rb") as file:
            file.seek(kept.offset)
            stored = file.read(kept.length)
    except OSError as error:
        raise StoreError(f"cannot read {path} ({error.strerror}): restore it from the last backup") from error
    if sha256(stored).hexdigest() != kept.hash:
        raise StoreError(f"{path} no longer holds the Snapshot {kept.hash[:12]}: it was changed or cut off")
    return stored


def load_snapshot(connection: sqlite3.Connection, home: Path, hash_start: str) -> Snapshot:
    """Read one Snapshot by its SHA-256, or the start of it."""
    return decode_snapshot(load_stored(connection, home, hash_start))
