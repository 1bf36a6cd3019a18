"""The anchor: how far the chain had come, in a file beside the ledger, so that an older ledger put in its place shows.

It is written after a seal is on the disk and never before it: a process that dies between leaves it behind the
ledger, which is well; only a ledger behind its anchor was cut off, or is an older copy.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

import msgspec

ANCHOR_NAME = "anchor.json"


class Anchor(NamedTuple):
    """The newest hash of the chain and the number of events then."""

    head: str
    events: int


def write_anchor(home: Path, head: str, count: int) -> bool:
    """Write the anchor, whole or not at all; gives False where the disk refuses, and the one before it stays.

    What stays is behind the ledger and wrong in nothing: no tick has to fail for it.
    """
    path, new = home / ANCHOR_NAME, home / f".{ANCHOR_NAME}.{os.getpid()}"
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, msgspec.json.encode({"count": count, "head": head}) + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        new.replace(path)
    except OSError:
        return False
    return True


def read_anchor(home: Path) -> Anchor | None:
    """Read the anchor; None where there is none, or none that can be read."""
    try:
        told = msgspec.json.decode((home / ANCHOR_NAME).read_bytes(), type=dict[str, str | int])
        return Anchor(str(told["head"]), int(told["count"]))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError):
        return None


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
