"""What a home no longer needs let go: months of Snapshots thinned, old logs packed, the ledger built anew.

Nothing of the ledger's tables is ever removed: every row is covered by the chain, and a year of a busy desk is small.
"""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bot.domain.desk import KeepNumbers
from bot.domain.errors import StoreError
from bot.store import chain
from bot.store.database import LEDGER_NAME, Database, store_error
from bot.store.logbook import FOLDER as LOGS
from bot.store.logfiles import Tidied, tidy
from bot.store.thinning import Thinned, months_due, thin

ROOM_LEFT = 16 * 1024 * 1024


class Vacuumed(NamedTuple):
    """Bytes of the ledger and its log before and after, the months thinned, and what became of old logs."""

    before: int
    after: int
    thinned: tuple[Thinned, ...] = ()
    logs: Tidied = Tidied()


def vacuum(home: Path, keep: KeepNumbers, now: datetime, author: str) -> Vacuumed:
    """Thin, tidy, and build the ledger anew; the caller holds the home's lock.

    Raises StoreError without room for a copy or two, and where months are due for thinning but the record does not
    verify: what went could no longer be compared.
    """
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
    logs = tidy(home / LOGS, now.astimezone(UTC).date(), keep.log_days)
    database = Database(home)
    try:
        thinned = _thin(database, keep, now, author)
        database.connection.execute("VACUUM")
        database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert chain.tail_is_sound(database.connection), "a vacuum changes no row"
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    finally:
        database.close()
    return Vacuumed(before, _size(path), thinned, logs)


def _thin(database: Database, keep: KeepNumbers, now: datetime, author: str) -> tuple[Thinned, ...]:
    days = keep.snapshots_full_days
    if days is None or not months_due(database.connection, now, days):
        return ()
    fault = next(chain.verify(database.connection, database.home), None)
    if fault is not None:
        raise StoreError(
            f"{database.path}: {fault}: nothing was thinned out, for what goes could no longer be compared; "
            "`bot audit verify` names every fault"
        )
    return tuple(thin(database, now, days, author))


def _size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
