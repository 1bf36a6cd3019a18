"""A home made anew from a backup, which takes no new risk until a tick has settled it cleanly."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot.config.deskfile import read_desk, read_text
from bot.domain.errors import StoreError, UsageError
from bot.domain.ledger import Counters
from bot.ops.backup import BACKUPS, ROOM_LEFT, Manifest, copy_file, file_hash, prove, read_manifest, sync_folder
from bot.store.database import LEDGER_NAME, Database
from bot.store.lock import LOCK_NAME, home_lock
from bot.store.remembering import read_books
from bot.store.restored import mark_restored
from bot.wiring import ACCOUNT_FILE, DESK_FILE

STAGING = ".restoring"
# The account's own file is the broker's side, which is never turned back; -wal and -shm belong to it.
MAY_STAND = frozenset({".env", LOCK_NAME, BACKUPS, ACCOUNT_FILE, f"{ACCOUNT_FILE}-wal", f"{ACCOUNT_FILE}-shm"})


class Restored(NamedTuple):
    """What was restored, and whether a simulated account that stood there was kept."""

    manifest: Manifest
    head: str
    account_kept: bool


def restore(backup: Path, home: Path, at: datetime) -> Restored:
    """Make an empty or new home from a proved backup; nothing is ever overwritten.

    The desk file comes last: a home that a killed restore left behind has none, and no tick runs there.
    Raises StoreError when the backup is not what it was, UsageError when something stands in the home.
    """
    manifest = read_manifest(backup)
    refuse_occupied(home)
    _check_files(backup, manifest)
    prove(backup)
    desk = read_desk(read_text(backup / DESK_FILE), name=str(backup / DESK_FILE)).name
    with home_lock(home, "bot restore", at):
        refuse_occupied(home)
        if shutil.disk_usage(home).free < manifest.size + ROOM_LEFT:
            raise StoreError(f"{home} has no room for {manifest.size // 2**20 + 16} MB: nothing was restored")
        home.chmod(0o700)
        account_kept = (home / ACCOUNT_FILE).exists()
        late = {LEDGER_NAME, DESK_FILE} | ({ACCOUNT_FILE} if account_kept else set())
        for one in manifest.files:
            if one.path not in late:
                target = home / one.path
                target.parent.mkdir(mode=0o700, exist_ok=True)
                copy_file(backup / one.path, target)
        head = _restore_ledger(backup, home, manifest, at, desk)
        copy_file(backup / DESK_FILE, home / DESK_FILE)
        for folder in {(home / one.path).parent for one in manifest.files}:
            sync_folder(folder)
    return Restored(manifest, head, account_kept)


def refuse_occupied(home: Path) -> None:
    """Raise UsageError unless a folder is new, or holds nothing that a restore would have to overwrite."""
    if home.exists() and not home.is_dir():
        raise UsageError(f"{home} is a file: name a folder for the home")
    standing = sorted(path.name for path in home.iterdir() if path.name not in MAY_STAND) if home.exists() else []
    if standing:
        raise UsageError(
            f"{home} holds {', '.join(standing[:5])}: a restore overwrites nothing; name a new folder with --home, or "
            "move those away"
        )


def _check_files(backup: Path, manifest: Manifest) -> None:
    names = {one.path for one in manifest.files}
    if not {LEDGER_NAME, DESK_FILE} <= names:
        raise StoreError(
            f"{backup} holds no {' and '.join(sorted({LEDGER_NAME, DESK_FILE} - names))}: take another one"
        )
    for one in manifest.files:
        path = backup / one.path
        if ".." in Path(one.path).parts or Path(one.path).is_absolute():
            raise StoreError(f"{backup} names a file outside itself ({one.path}): it is no backup to be trusted")
        if not path.is_file() or path.stat().st_size != one.size or file_hash(path) != one.hash:
            raise StoreError(f"{path} is not what was copied (its SHA-256 differs): take another backup")


def _restore_ledger(backup: Path, home: Path, manifest: Manifest, at: datetime, desk: str) -> str:
    """Bring the ledger in, migrated and marked before it gets its name; gives the new head of its chain."""
    staging = home / STAGING
    staging.mkdir(mode=0o700)
    copy_file(backup / LEDGER_NAME, staging / LEDGER_NAME)
    database = Database(staging)
    try:
        books = read_books(database.connection, at, Counters())
        head = mark_restored(database, manifest.name, manifest.head, books, at)
    finally:
        database.close()
    (staging / LEDGER_NAME).rename(home / LEDGER_NAME)
    staging.rmdir()
    return head
