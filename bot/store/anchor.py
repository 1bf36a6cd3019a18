"""The anchor: how far the chain had come, in a file beside the ledger, so that an older ledger put in its place shows.

It is written after a seal, or a person's word, is on the disk and never before it: a process that dies between leaves
it behind the ledger, which is well; only a ledger behind its anchor was cut off, or is an older copy. For the same
reason the anchor that stands is written over in place, and no tick waits for the disk a ninth time: what a power cut
takes of it leaves an older one.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import msgspec

ANCHOR_NAME = "anchor.json"
WIDTH = 128
"""Bytes of every anchor, blanks at its end: within one sector, so that writing it over leaves no half of it."""


class Anchor(NamedTuple):
    """The newest hash of the chain and the number of events then."""

    head: str
    events: int


def write_anchor(home: Path, head: str, count: int) -> bool:
    """Write the anchor, whole or not at all; gives False where the disk refuses, and the one before it stays.

    What stays is behind the ledger and wrong in nothing: no tick has to fail for it.
    """
    path, new = home / ANCHOR_NAME, home / f".{ANCHOR_NAME}.{os.getpid()}"
    words = msgspec.json.encode({"count": count, "head": head}).ljust(WIDTH - 1) + b"\n"
    if _write_over(path, words):
        return True
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(handle, words) < len(words):
                raise OSError(ENOSPC, "half of it was written")
            os.fsync(handle)
        finally:
            os.close(handle)
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        return False
    return True


def _write_over(path: Path, words: bytes) -> bool:
    """Write an anchor over one of the same width; False where none stands, or another name shares its bytes."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = os.fstat(handle)
        if not S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size != len(words):
            return False
        return os.pwrite(handle, words, 0) == len(words)
    except OSError:
        return False
    finally:
        os.close(handle)


def follow(connection: sqlite3.Connection, home: Path) -> bool:
    """Bring the anchor to the newest event, which must be on the disk; gives False where there is nothing to do.

    A ledger that does not reach its anchor is left alone: it must not be covered up.
    """
    row = connection.execute("SELECT hash, id FROM events ORDER BY id DESC LIMIT 1").fetchone()
    if row is None or anchor_fault(connection, home) or read_anchor(home) == Anchor(*row):
        return False
    return write_anchor(home, *row)


def read_anchor(home: Path) -> Anchor | None:
    """Read the anchor; None where there is none, or none that can be read."""
    try:
        told = msgspec.json.decode((home / ANCHOR_NAME).read_bytes(), type=dict[str, str | int])
        return Anchor(str(told["head"]), int(told["count"]))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError):
        return None


def damage(home: Path) -> str:
    """Say that an anchor is there and cannot be read, else nothing: it is written whole or not at all.

    It stops no tick, for one that is gone stops none either; the next seal writes it anew.
    """
    there = os.path.lexists(home / ANCHOR_NAME)
    return f"{ANCHOR_NAME} cannot be read, and nothing of ours leaves it so" if there and not read_anchor(home) else ""


def anchor_fault(connection: sqlite3.Connection, home: Path) -> str:
    """Say how a ledger does not reach its anchor, else nothing; constant time, whatever the length of the chain."""
    anchor = read_anchor(home)
    if anchor is None:
        return ""
    row = connection.execute("SELECT hash FROM events WHERE id = ?", (anchor.events,)).fetchone()
    if row is not None and row[0] == anchor.head:
        return ""
    if row is not None:
        return f"event {anchor.events} is not the one that {ANCHOR_NAME} was written after ({anchor.head[:12]})"
    count = connection.execute("SELECT COALESCE(max(id), 0) FROM events").fetchone()[0]
    return f"the chain ends at event {count} and {ANCHOR_NAME} was written after event {anchor.events}"
