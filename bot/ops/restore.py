"""A home made anew from a backup, which takes no new risk until a tick has settled it cleanly."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot.config.deskfile import read_desk, read_text
from bot.domain.errors import StoreError, UsageError
from bot.domain.ledger import Counters
from bot.ops.backup import (
    BACKUPS,
    PLAIN_FILES,
    ROOM_LEFT,
    Manifest,
    copy_file,
    file_hash,
    prove,
    read_manifest,
    sync_folder,
)
from bot.store.database import LEDGER_NAME, Database
from bot.store.lock import LOCK_NAME, home_lock
from bot.store.logbook import FOLDER as LOGS
from bot.store.remembering import read_books
from bot.store.restored import mark_restored
from bot.store.snapshots import FOLDER
from bot.wiring import ACCOUNT_FILE, DESK_FILE

STAGING = ".restoring"
"""Where in a home its files stand until all are there; it outlives a restore that was cut short."""
# The account's own file is the broker's side, which is never turned back; -wal and -shm belong to it. A log goes on.
MAY_STAND = frozenset({".env", LOCK_NAME, BACKUPS, LOGS, ACCOUNT_FILE, f"{ACCOUNT_FILE}-wal", f"{ACCOUNT_FILE}-shm"})
CUT_SHORT = frozenset({STAGING, LEDGER_NAME, FOLDER, *PLAIN_FILES})
"""What a restore that was cut short may have left beside those."""


class Restored(NamedTuple):
    """What was restored, and whether a simulated account that stood there was kept."""

    manifest: Manifest
    head: str
    account_kept: bool


def restore(backup: Path, home: Path, at: datetime) -> Restored:
    """Make an empty or new home from a proved backup; nothing is ever overwritten.

    Every file comes in whole, under its name once the disk has it, and the desk file after all others: a home that a
    killed restore left behind has none, no tick runs there, and a restore into it begins anew.
    Raises StoreError when the backup is not what it was, UsageError when something stands in the home.
    """
    manifest = read_manifest(backup)
    refuse_occupied(home)
    _check_files(backup, manifest)
    prove(backup)
    read_desk(read_text(backup / DESK_FILE), name=str(backup / DESK_FILE))
    with home_lock(home, "bot restore", at):
        refuse_occupied(home)
        if shutil.disk_usage(home).free < manifest.size + ROOM_LEFT:
            raise StoreError(f"{home} has no room for {manifest.size // 2**20 + 16} MB: nothing was restored")
        home.chmod(0o700)
        _clear_cut_short(home)
        account_kept = (home / ACCOUNT_FILE).exists()
        staging = home / STAGING
        staging.mkdir(mode=0o700)
        wanted = [Path(one.path) for one in manifest.files if not (account_kept and one.path == ACCOUNT_FILE)]
        hashes = {Path(one.path): one.hash for one in manifest.files}
        for path in wanted:
            (staging / path).parent.mkdir(mode=0o700, exist_ok=True)
            copy_file(backup / path, staging / path)
            if file_hash(staging / path) != hashes[path]:
                raise StoreError(f"{staging / path} is not what was written there: check this disk, or take another")
        head = _mark(staging, manifest, at)
        for folder in {staging} | {(staging / path).parent for path in wanted}:
            sync_folder(folder)
        for top in sorted({path.parts[0] for path in wanted} - {DESK_FILE}):
            (staging / top).rename(home / top)
        sync_folder(home)
        (staging / DESK_FILE).rename(home / DESK_FILE)
        staging.rmdir()
        sync_folder(home)
    return Restored(manifest, head, account_kept)


def refuse_occupied(home: Path) -> None:
    """Raise UsageError unless a folder is new, or holds nothing that a restore would have to overwrite."""
    if home.exists() and not home.is_dir():
        raise UsageError(f"{home} is a file: name a folder for the home")
    names = {path.name for path in home.iterdir()} if home.exists() else set()
    cut_short = STAGING in names and DESK_FILE not in names
    standing = sorted(names - MAY_STAND - (CUT_SHORT if cut_short else set()))
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


def _clear_cut_short(home: Path) -> None:
    """Take away what a restore that was cut short left; an account that came in whole stays, as any that stands."""
    if not (home / STAGING).exists():
        return
    for name in (LEDGER_NAME, "earnings.csv"):
        (home / name).unlink(missing_ok=True)
    shutil.rmtree(home / FOLDER, ignore_errors=True)
    shutil.rmtree(home / STAGING)


def _mark(staging: Path, manifest: Manifest, at: datetime) -> str:
    """Migrate and mark the ledger before it gets its name in a home; gives the new head of its chain."""
    database = Database(staging)
    try:
        books = read_books(database.connection, at, Counters())
        head = mark_restored(database, manifest.name, manifest.head, books, at)
    finally:
        database.close()
    if list(staging.glob(f"{LEDGER_NAME}-*")):  # closing brings all into the one file, unless the disk refused it
        raise StoreError(f"the disk refused to finish {staging / LEDGER_NAME}: nothing was restored; try again")
    return head
