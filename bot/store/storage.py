"""Is the storage fit for a tick: looked at before anything is planned, in constant time."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.errors import StoreError
from bot.store.snapshots import FOLDER

ROOM_LEAST = 16 * 1024 * 1024
"""Bytes a tick may write at its worst (Snapshot, decision, seal and the log they go through), several times over."""


def refuse_sick_storage(ledger: Path, at: datetime) -> None:
    """Raise StoreError where the disk has no room, is read-only, or ledger and Snapshots cannot be written.

    `at` names the month whose Snapshots a tick adds to. The log is not among them: without it a tick is as good, and
    its note says what was lost. Asks the file system only: neither its answer nor its time depends on how long the
    history is.
    """
    home = ledger.parent
    try:
        disk = os.statvfs(home)
    except OSError as error:
        raise StoreError(
            f"{home} cannot be looked at ({error.strerror}): nothing was planned; check the disk"
        ) from error
    if disk.f_flag & os.ST_RDONLY:
        raise StoreError(
            f"the disk of {home} is read-only: nothing was planned; check it (a disk that fails is set so), then "
            "mount it for writing"
        )
    free = disk.f_bavail * disk.f_frsize
    if free < ROOM_LEAST:
        raise StoreError(
            f"the disk of {home} has {free // 2**20} MB free and a tick wants {ROOM_LEAST // 2**20} MB: nothing was "
            "planned; free some disk space (`bot vacuum` shrinks the ledger)"
        )
    if disk.f_files and not disk.f_favail:
        raise StoreError(
            f"the disk of {home} takes no further file (no inode is free): nothing was planned; remove some"
        )
    wanted = [(home, os.W_OK | os.X_OK), (ledger, os.R_OK | os.W_OK)]
    if (home / FOLDER).is_dir():  # made with the first Snapshot
        wanted.append((home / FOLDER, os.W_OK | os.X_OK))
        month = home / FOLDER / f"{at.astimezone(UTC):%Y-%m}.bin"
        wanted += [(month, os.W_OK)] if month.exists() else []
    for path, how in wanted:
        if not os.access(path, how):
            raise StoreError(
                f"{path} is gone or cannot be written by this user: nothing was planned; restore or chmod it"
            )
