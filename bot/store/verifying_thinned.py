"""A Snapshot that is gone must be named by the record as thinned out: by that tick and that hash, at that moment."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from bot.store.database import LEDGER_NAME
from bot.store.kinds import THINNED
from bot.store.snapshots import FOLDER


class ThinnedOut:
    """The newest event read that says which Snapshots went: ticks of a month name the same one after another."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._number: Any = None
        self._at = ""
        self._named: dict[Any, Any] = {}

    def fault(self, tick_id: int, sealed: str, thinned_at: Any, thinned_by: Any) -> str:
        """Say how a mark of having been thinned out is not what the record says; nothing where it is."""
        if thinned_by != self._number:
            self._read(thinned_by)
        if self._named.get(tick_id) != sealed or thinned_at != self._at:
            return f"tick {tick_id}: its Snapshot is gone and no event names it as thinned out"
        return ""

    def _read(self, number: Any) -> None:
        self._number, self._at, self._named = number, "", {}
        row = self._connection.execute(
            "SELECT ts, payload_json FROM events WHERE id = ? AND kind = ?", (number, THINNED)
        ).fetchone()
        if row is None:
            return
        try:
            self._named = dict(msgspec.json.decode(row[1])["ticks"])
            self._at = row[0]
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            self._named = {}  # the chain itself tells that this event was changed


def stands_now(home: Path, tick_id: int, sealed: str, seen: Any) -> bool:
    """Say whether a Snapshot was moved, or named as thinned out, since a walk saw it in the file of a month.

    A walk sees the ledger as it was when it began; that month may have been thinned out since.
    """
    try:
        with closing(sqlite3.connect(f"{(home / LEDGER_NAME).resolve().as_uri()}?mode=ro", uri=True)) as ledger:
            month, offset, length, thinned_at, thinned_by = ledger.execute(
                'SELECT month, "offset", length, thinned_at, thinned_by FROM snapshots WHERE tick_id = ?', (tick_id,)
            ).fetchone()
            if month[:7] != str(seen)[:7]:
                return False
            if thinned_by is not None:
                return not ThinnedOut(ledger).fault(tick_id, sealed, thinned_at, thinned_by)
        with (home / FOLDER / f"{month}.bin").open("rb") as file:
            room = file.seek(0, os.SEEK_END) - file.seek(offset)
            return sha256(file.read(max(min(length, room), 0))).hexdigest() == sealed
    except (sqlite3.Error, OSError, TypeError, ValueError):
        return False
