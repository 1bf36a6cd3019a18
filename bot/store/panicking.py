"""What stops a tick or makes it clear the book: the HALT file and the owner's panic."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.domain.halting import HALT_FILE, halt_in_force
from bot.domain.ledger import Halt, Panic
from bot.store import chain, kinds
from bot.store.database import moment_of, moment_text

HALT_NAME = "HALT"
REASON_BYTES = 500


def read_halt_file(home: Path) -> Halt | None:
    """Give the halt that a file named HALT in the home stands for: its first line is the reason. None without one.

    It needs no database and no lock. One that cannot be read halts all the same: it is there.
    """
    path = home / HALT_NAME
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return _file_halt(path, f"whether {path} is there cannot be seen ({error.strerror})", None)
    since = datetime.fromtimestamp(int(found.st_mtime), UTC)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return _file_halt(path, f"the file cannot be read ({error.strerror})", since)
    try:
        text = os.read(handle, REASON_BYTES).decode(errors="replace")
    except OSError as error:
        text = f"the file cannot be read ({error.strerror})"
    finally:
        os.close(handle)
    words = "".join(one if one.isprintable() else " " for one in text.partition("\n")[0]).strip()
    return _file_halt(path, words or "the file says nothing", since)


def _file_halt(path: Path, reason: str, since: datetime | None) -> Halt:
    return Halt(level="stop", author=HALT_FILE, reason=reason, since=since, clears=f"remove the file {path}")


def read_panic(connection: sqlite3.Connection) -> Panic | None:
    """Give the panic that stands; one that flattens goes before a later one that does not."""
    row = connection.execute(
        "SELECT at, author, reason, flatten FROM panics WHERE ended_at IS NULL ORDER BY flatten DESC, id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    at, author, reason, flatten = row
    return Panic(at=moment_of(at), author=author, reason=reason, flatten=bool(flatten))


def in_force(stored: Halt, panic: Panic | None, home: Path) -> Halt:
    """Give what rules now: the halt set last, the panic that stands, or the file in the home: the strongest."""
    return halt_in_force(stored, panic, read_halt_file(home))


def newest_desk_text(connection: sqlite3.Connection) -> str:
    """Give the `desk.toml` that the newest tick ran with; nothing before the first."""
    row = connection.execute(
        "SELECT c.text FROM ticks t JOIN configs c ON c.hash = t.config_hash ORDER BY t.id DESC LIMIT 1"
    ).fetchone()
    return row[0] if row is not None else ""


def write_panic(connection: sqlite3.Connection, panic: Panic) -> None:
    """Keep a panic with its event, inside the caller's transaction."""
    ts = moment_text(panic.at)
    connection.execute(
        "INSERT INTO panics (at, author, reason, flatten) VALUES (?, ?, ?, ?)",
        (ts, panic.author, panic.reason, int(panic.flatten)),
    )
    chain.append(connection, ts, kinds.PANIC, msgspec.to_builtins(panic))


def end_panics(connection: sqlite3.Connection, at: datetime, author: str) -> Panic | None:
    """End every panic with its event, inside the caller's transaction, and give the one that stood."""
    standing, ts = read_panic(connection), moment_text(at)
    if standing is not None:
        connection.execute("UPDATE panics SET ended_at = ?, ended_by = ? WHERE ended_at IS NULL", (ts, author))
        chain.append(connection, ts, kinds.PANIC, {"ended": ts, "author": author, "began": moment_text(standing.at)})
    return standing
