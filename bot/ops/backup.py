"""A verified copy of a home, taken beside a running tick, and which copies are kept.

It takes no lock, for a tick must not wait. SQLite's online backup reads one moment of the ledger in a single read
transaction, and in a write-ahead log readers and writers do not wait for each other. The order makes the whole
consistent: the ledger first; then Snapshots, which are on the disk before the ledger names them and are only ever
added to; the simulated account last, so that the broker's side is never older than ours, as it is with a real one.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bot import __version__
from bot.domain.errors import ForeignStore, StoreError
from bot.domain.facts import Fact
from bot.store import chain
from bot.store.database import LEDGER_NAME, migrations, store_error
from bot.store.lock import home_lock
from bot.store.snapshots import FOLDER
from bot.wiring import ACCOUNT_FILE, DESK_FILE

BACKUPS = "backups"
"""Where in a home its backups stand unless another folder is named."""
MANIFEST = "backup.json"
PLAIN_FILES = (DESK_FILE, "earnings.csv", "HALT")
"""What is copied as it is, where it is there; `.env` is not, for it holds secrets."""
HOURLY, DAILY, MONTHLY = 24, 14, 12
ROOM_LEFT = 16 * 1024 * 1024
COPY_SECONDS = 120.0

_NAME = re.compile(r"backup-(\d{8}T\d{6}Z)$")
_STAMP = "%Y%m%dT%H%M%SZ"
_PARTIAL = ".partial-"


class CopiedFile(Fact, frozen=True, kw_only=True):
    """One file of a backup: its path within, bytes and SHA-256."""

    path: str
    size: int
    hash: str


class Manifest(Fact, frozen=True, kw_only=True):
    """What a backup says of itself; written last, so that a folder without it is none."""

    name: str
    made_at: datetime
    home: str
    owner: tuple[str, str, str]
    """Broker, environment and account; empty words before the first tick."""
    version: int
    program: str
    head: str
    events: int
    files: tuple[CopiedFile, ...]

    @property
    def size(self) -> int:
        """Sum the bytes of all files."""
        return sum(one.size for one in self.files)


class Made(NamedTuple):
    """A backup just made."""

    manifest: Manifest
    path: Path
    linked: int
    """Bytes shared with the backup before."""
    removed: tuple[str, ...]


def make_backup(home: Path, to: Path, at: datetime, meter: Callable[[], float], *, keep: int = 0) -> Made:
    """Copy a home, prove the copy, name it, then drop what the schedule no longer keeps (`keep`: all but so many).

    Raises StoreError when there is nothing to copy, no room, or the copy does not prove sound; then nothing of it
    stays and no backup is dropped. Raises TryLater while another backup into the same folder is under way.
    """
    ledger = home / LEDGER_NAME
    if not ledger.exists():
        raise StoreError(
            f"there is no ledger in {home} yet: `bot tick --dry` begins one, and then there is what to keep"
        )
    with home_lock(to, "bot backup", at):
        for left in to.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left)
        before = list_backups(to)
        name = f"backup-{at.astimezone(UTC):{_STAMP}}"
        if (to / name).exists():
            raise StoreError(f"{to / name} stands already: one backup a second is enough")
        last = _last_of(before, home)
        _refuse_without_room(home, to, last)
        partial = to / f"{_PARTIAL}{name}"
        try:
            linked = _copy(home, partial, last, meter)
            manifest = _describe(partial, name, home, at)
            _write(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
            sync_folder(partial)
            partial.rename(to / name)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(to)
        removed = _drop(to, home, manifest, keep)
    return Made(manifest, to / name, linked, removed)


def list_backups(folder: Path) -> list[tuple[datetime, Path]]:
    """List the finished backups in a folder, oldest first."""
    found = ((_NAME.match(path.name), path) for path in folder.iterdir()) if folder.is_dir() else iter(())
    named = ((match.group(1), path) for match, path in found if match and (path / MANIFEST).exists())
    return sorted((datetime.strptime(text, _STAMP).replace(tzinfo=UTC), path) for text, path in named)


def read_manifest(backup: Path) -> Manifest:
    """Read what a backup says of itself; StoreError where the folder is no finished backup."""
    try:
        return msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"{backup} is no finished backup ({MANIFEST}: {error}): name a folder backup-<moment> that `bot backup` "
            "made"
        ) from error


def kept(moments: Iterable[datetime]) -> frozenset[datetime]:
    """Choose what the schedule keeps: the newest of each of the last 24 hours, 14 days and 12 months with a backup."""
    ordered = sorted(moments)
    chosen: set[datetime] = set()
    for form, count in (("%Y%m%d%H", HOURLY), ("%Y%m%d", DAILY), ("%Y%m", MONTHLY)):
        newest = {f"{moment:{form}}": moment for moment in ordered}
        chosen.update(sorted(newest.values())[-count:])
    return frozenset(chosen)


def prove(folder: Path) -> tuple[int, str, int, tuple[str, str, str]]:
    """Prove a copied ledger and its Snapshots; gives version, head of the chain, events and whose it is.

    SQLite's own integrity check, then the whole chain with every table and Snapshot it seals. A ledger of an older
    program is proved by its chain's tail: what later columns seal is not in it. Raises StoreError with the first fault.
    """
    path = folder / LEDGER_NAME
    newest = migrations()[-1][0]
    try:
        # Immutable: nobody writes to a copy, and proving it must leave no file beside it.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            version = copy.execute("PRAGMA user_version").fetchone()[0]
            if version > newest:
                raise ForeignStore(
                    f"{path} was written by a newer program (version {version}, this one knows {newest}): update it"
                )
            told = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            fault = None if told == "ok" else told
            if fault is None and not chain.tail_is_sound(copy):
                fault = "the newest record does not fit the one before it"
            if fault is None and version == newest:
                fault = next(chain.verify(copy, folder), None)
            if fault is not None:
                raise StoreError(
                    f"the copy {path} does not prove sound: {fault}; `bot doctor` looks at the home itself"
                )
            head, events = chain.head(copy), copy.execute("SELECT count(*) FROM events").fetchone()[0]
            owner = copy.execute("SELECT broker, environment, account FROM stamp").fetchone() or ("", "", "")
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    return version, head, events, owner


def file_hash(path: Path) -> str:
    """Give the SHA-256 of a file."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_file(source: Path, target: Path) -> None:
    """Copy a file for this user's eyes alone, and wait until the disk has it."""
    with source.open("rb") as read:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as written:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(home: Path, partial: Path, last: Path | None, meter: Callable[[], float]) -> int:
    """Fill the unnamed copy; gives the bytes linked to the backup before."""
    partial.mkdir(mode=0o700)
    _copy_database(home / LEDGER_NAME, partial / LEDGER_NAME, meter)
    linked = 0
    if (home / FOLDER).is_dir():
        (partial / FOLDER).mkdir(mode=0o700)
        months = sorted((home / FOLDER).glob("*.bin"))
        for month in months:
            former = None if last is None or month == months[-1] else last / FOLDER / month.name
            target = partial / FOLDER / month.name
            if former is not None and _link(month, former, target):
                linked += target.stat().st_size
            else:
                copy_file(month, target)
        sync_folder(partial / FOLDER)
    for name in PLAIN_FILES:
        if (home / name).exists():
            copy_file(home / name, partial / name)
    if (home / ACCOUNT_FILE).exists():
        _copy_database(home / ACCOUNT_FILE, partial / ACCOUNT_FILE, meter)
    return linked


def _link(month: Path, former: Path, target: Path) -> bool:
    """Share a closed month with the backup before, if that still has it byte for byte and the disk can share."""
    import filecmp

    if not former.exists() or not filecmp.cmp(month, former, shallow=False):
        return False
    try:
        os.link(former, target)
    except OSError:
        return False
    return True


def _copy_database(source: Path, target: Path, meter: Callable[[], float]) -> None:
    began = meter()

    def not_for_ever(status: int, remaining: int, total: int) -> None:
        if remaining and meter() - began > COPY_SECONDS:
            raise StoreError(f"{source} was held by another program for {COPY_SECONDS:.0f} s: try again when it ends")

    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written, progress=not_for_ever)
    except sqlite3.Error as error:
        raise store_error(source, error) from error


def _describe(partial: Path, name: str, home: Path, at: datetime) -> Manifest:
    version, head, events, owner = prove(partial)
    files = sorted(path for path in partial.rglob("*") if path.is_file())
    return Manifest(
        name=name, made_at=at, home=str(home.resolve()), owner=owner, version=version, program=__version__, head=head,
        events=events, files=tuple(
            CopiedFile(path=path.relative_to(partial).as_posix(), size=path.stat().st_size, hash=file_hash(path))
            for path in files
        ),
    )  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _is_of(backup: Path, home: Path) -> bool:
    """Say whether a backup is of this very home; one that cannot say so stays, and hinders no other."""
    try:
        return read_manifest(backup).home == str(home.resolve())
    except StoreError:
        return False


def _last_of(backups: list[tuple[datetime, Path]], home: Path) -> Path | None:
    """Give the newest backup of this very home."""
    for _, path in reversed(backups):
        if _is_of(path, home):
            return path
    return None


def _refuse_without_room(home: Path, to: Path, last: Path | None) -> None:
    names = (LEDGER_NAME, f"{LEDGER_NAME}-wal", ACCOUNT_FILE, f"{ACCOUNT_FILE}-wal")
    needed = ROOM_LEFT + sum((home / name).stat().st_size for name in names if (home / name).exists())
    months = sorted((home / FOLDER).glob("*.bin"))
    for month in months:
        if last is None or month == months[-1] or not (last / FOLDER / month.name).exists():
            needed += month.stat().st_size
    free = shutil.disk_usage(to).free
    if free < needed:
        raise StoreError(
            f"{to} has {free // 2**20} MB free and the backup wants {needed // 2**20} MB: free some, or name another "
            "folder with --to; nothing was copied"
        )


def _drop(to: Path, home: Path, made: Manifest, keep: int) -> tuple[str, ...]:
    """Drop this home's backups that are not kept; those of others in the same folder are left alone."""
    own = [(at, path) for at, path in list_backups(to) if _is_of(path, home)]
    moments = [at for at, _ in own]
    staying = frozenset(moments[-keep:]) if keep else kept(moments)
    gone = [path for at, path in own if at not in staying and path.name != made.name]
    for path in gone:
        # Unnamed first: half a backup must not look like one.
        away = path.rename(path.with_name(f"{_PARTIAL}{path.name}"))
        shutil.rmtree(away)
    return tuple(path.name for path in gone)
