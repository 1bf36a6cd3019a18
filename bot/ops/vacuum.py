"""The ledger built anew without the room that deleted rows left behind."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import StoreError
from bot.store import chain
from bot.store.database import LEDGER_NAME, Database, store_error

ROOM_LEFT = 16 * 1024 * 1024


class Vacuumed(NamedTuple):
    """Bytes of the ledger and its log before and after."""

    before: int
    after: int


def vacuum(home: Path) -> Vacuumed:
    """Build the ledger anew; the caller holds the home's lock. Raises StoreError without room for a copy or two."""
    path = home / LEDGER_NAME
    if not path.exists():
        raise StoreError(f"there is no ledger in {home} yet: there is nothing to vacuum")
    before = _size(path)
    # SQLite writes the new file apart, then through the log: both stand beside the old one for a while.
    needed, free = 2 * before + ROOM_LEFT, shutil.disk_usage(home).free
    if free < needed:
        raise StoreError(
            f"{home} has {free // 2**20} MB free and a vacuum wants {needed // 2**20} MB: free some; "
            "nothing was changed"
        )
    database = Database(home)
    try:
        database.connection.execute("VACUUM")
        database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert chain.tail_is_sound(database.connection), "a vacuum changes no row"
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    finally:
        database.close()
    return Vacuumed(before, _size(path))


def _size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
