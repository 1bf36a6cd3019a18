"""What `bot doctor` finds of the machine under a home: its folder, its disk and who holds the lock."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.ops.finding import Finding
from bot.report.words import ago, count
from bot.store.lock import LOCK_NAME

DISK_FREE_LOOK = 1_000_000_000
"""Bytes of free disk below which a person should look."""
DISK_FREE_STOP = 16 * 1024 * 1024
"""Below this no tick plans anything."""
FILES_FREE_LOOK = 1_000
HELD_LOOK = timedelta(minutes=10)
"""A tick's own deadline is four minutes; nothing else holds a home for as long as this but a restore or a vacuum."""
SHARED = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs"})
"""File systems of another machine: SQLite's write-ahead log and locks are not safe there."""
PASSING = frozenset({"tmpfs", "ramfs", "overlay"})
"""File systems that a restart, or a new container, empties."""
_PROCESS = re.compile(r"process (\d+), (.*?)(?:, since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC)?$")
_ESCAPED = re.compile(r"\\(\d{3})")


def examine_machine(home: Path, now: datetime) -> Iterator[Finding]:
    """Look at a home's folder, its disk and its lock; nothing is touched, and the lock is not taken for a moment."""
    yield folder(home)
    yield _disk(home)
    yield _files_left(home)
    yield file_system(home)
    yield lock(home, now)


def folder(home: Path) -> Finding:
    """Look whether the home is a folder of this user's own."""
    if not home.is_dir():
        return Finding("stop", "home", f"{home} is no folder", "`bot init`, or name another BOT_HOME in .env")
    if not os.access(home, os.W_OK | os.X_OK):
        do = f"chmod u+rwx {home} (as its owner), or name another BOT_HOME"
        return Finding("stop", "home", f"{home} cannot be written by this user", do)
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        return Finding("look", "home", f"{home} is open to other users (mode {mode:o})", f"chmod 700 {home}")
    return Finding("good", "home", f"{home}, mode {mode:o}")


def _disk(home: Path) -> Finding:
    try:
        disk = os.statvfs(home)
        free = shutil.disk_usage(home).free
    except OSError as error:
        return Finding("stop", "disk", f"{home} cannot be looked at ({error.strerror})", "check the disk: `dmesg`")
    if disk.f_flag & os.ST_RDONLY:
        words = f"the disk of {home} is read-only, as one is set that fails"
        return Finding("stop", "disk", words, "look into `dmesg`, then mount it for writing")
    words = f"{free / 1e9:.1f} GB free"
    do = f"free some room on the disk of {home}; `bot vacuum` shrinks the ledger"
    if free < DISK_FREE_STOP:
        words = f"{free / 2**20:.0f} MB free, and a tick wants {DISK_FREE_STOP // 2**20}: none plans anything"
        return Finding("stop", "disk", words, do)
    return Finding("look", "disk", words, do) if free < DISK_FREE_LOOK else Finding("good", "disk", words)


def _files_left(home: Path) -> Finding:
    try:
        disk = os.statvfs(home)
    except OSError:
        return Finding("good", "inodes", "not told")  # the finding about the disk says it
    if not disk.f_files:
        return Finding("good", "inodes", "this file system counts none")
    words = f"room for {count(disk.f_favail, 'further file')}"
    do = f"remove files from the disk of {home}: old backups first"
    if not disk.f_favail:
        return Finding("stop", "inodes", words, do)
    return Finding("look" if disk.f_favail < FILES_FREE_LOOK else "good", "inodes", words, do)


def file_system(home: Path, mounts: Path = Path("/proc/self/mounts")) -> Finding:
    """Look what kind of file system the home lies on."""
    kind = kind_of(home.resolve(), mounts)
    if kind in SHARED:
        words = f"{kind}: a disk of another machine, where a write-ahead log can be damaged and locks may not hold"
        return Finding(
            "stop", "file system", words, "move the home to a disk of this machine (`bot backup`, `bot restore`)"
        )
    if kind in PASSING:
        words = f"{kind}: what is written here may be gone after a restart"
        return Finding("look", "file system", words, "put the home on a disk or volume that stays")
    return Finding("good", "file system", kind or "not told on this machine")


def kind_of(path: Path, mounts: Path) -> str:
    """Give the kind of the file system that holds a path, by the longest mount point above it; empty where unknown."""
    best, kind = -1, ""
    try:
        listed = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in listed:
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        point = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), parts[1]))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), parts[2]
    return kind


def lock(home: Path, now: datetime, locks: Path = Path("/proc/locks")) -> Finding:
    """Say whether somebody holds the home, and who; the kernel is asked, for taking the lock would turn a tick away."""
    path = home / LOCK_NAME
    try:
        found = path.lstat()
    except FileNotFoundError:
        return Finding("good", "lock", "free; nobody held it yet")
    except OSError as error:
        return Finding("stop", "lock", f"{path} cannot be looked at ({error.strerror})", f"chmod 700 {home}")
    if not stat.S_ISREG(found.st_mode):
        return Finding("stop", "lock", f"{path} is no file: no tick can hold the home", f"rm -r {path}")
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding("stop", "lock", f"{path} cannot be written by this user", f"sudo chown {os.getuid()} {path}")
    name = _first_line(path)
    held = is_held(found, locks)
    if held is None:
        return Finding("good", "lock", f"whether it is held is not told on this machine; last by {name or 'nobody'}")
    if not held:
        last = f"; last held by {name}, which left the file behind and harms nobody" if name else ""
        return Finding("good", "lock", f"free{last}")
    since = _since(name)
    words = f"held by {name or 'somebody who left no name'}"
    if since is not None and now - since > HELD_LOOK and "bot loop" not in name:
        process = _PROCESS.match(name)
        do = f"look at that process (ps {process[1]}); once it is gone the lock is free by itself" if process else ""
        return Finding("look", "lock", f"{words}, {ago(since, now)}: a tick ends in four minutes", do)
    return Finding("good", "lock", f"{words}: at work just now")


def is_held(file: os.stat_result, locks: Path) -> bool | None:
    """Say whether the kernel lists a lock on a file; None where it does not tell."""
    try:
        listed = locks.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    wanted = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    return any(len(parts) > 5 and parts[1] == "FLOCK" and parts[5] == wanted for parts in map(str.split, listed))


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(4500).decode(errors="replace").partition("\n")[0]
    except OSError:
        return ""


def _since(name: str) -> datetime | None:
    found = _PROCESS.match(name)
    if found is None or found[3] is None:
        return None
    return datetime.strptime(found[3], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
