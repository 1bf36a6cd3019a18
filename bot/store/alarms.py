"""The alarms of `bot watch`: kept with their event, in force until enough good ticks came or a person resumes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bot.domain.errors import StoreError
from bot.domain.ledger import HALT_RANK, Halt
from bot.domain.trip import AUTHOR as TRIP_AUTHOR
from bot.store import chain, kinds
from bot.store.database import Database, moment_of, moment_text
from bot.store.panicking import HALT_NAME

AUTHOR = "watch"
GOOD_NEEDED = 3
"""Slots with a finished tick after which an alarm clears by itself (design 15)."""


def raise_alarm(database: Database, at: datetime, reason: str) -> bool:
    """Keep an alarm durably with its event in the chain; gives False where one is in force already."""
    ts = moment_text(at)
    with database.writing() as connection:
        if standing_alarm(connection) is not None:
            return False
        (newest,) = connection.execute("SELECT COALESCE(max(id), 0) FROM ticks").fetchone()
        connection.execute(
            "INSERT INTO alarms (at, reason, after_tick, good_needed) VALUES (?, ?, ?, ?)",
            (ts, reason, newest, GOOD_NEEDED),
        )
        chain.append(connection, ts, kinds.ALARM, {"reason": reason, "after_tick": newest, "good_needed": GOOD_NEEDED})
    return True


def standing_alarm(connection: sqlite3.Connection) -> Halt | None:
    """Give the halt that the newest alarm stands for; None once enough good ticks came, or a person resumed.

    Ticks that share a slot are one good tick. Bounded: it stops counting at the number needed.
    """
    run = connection.execute
    row = run("SELECT at, reason, after_tick, good_needed FROM alarms ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return None
    at, reason, after, needed = row
    resumed = run(
        "SELECT at FROM halts WHERE level = 'run' AND author NOT LIKE ? ORDER BY id DESC LIMIT 1", (f"{TRIP_AUTHOR}%",)
    ).fetchone()  # a trip wire that clears by itself lifts nothing but itself
    if resumed is not None and resumed[0] >= at:
        return None
    good = len(
        connection.execute(
            "SELECT DISTINCT slot FROM ticks WHERE id > ? AND status = 'done' LIMIT ?", (after, needed)
        ).fetchall()
    )
    if good >= needed:
        return None
    return Halt(
        level="reduce_only", author=AUTHOR, reason=reason, since=moment_of(at),
        clears=f"by itself after {needed} good ticks ({good} so far), or `bot resume`",
    )  # fmt: skip


def with_alarm(connection: sqlite3.Connection, halt: Halt) -> Halt:
    """Give the halt in force: a standing alarm means reduce_only, unless something as grave is in force."""
    if HALT_RANK[halt.level] >= HALT_RANK["reduce_only"]:
        return halt
    return standing_alarm(connection) or halt


def write_halt_file(home: Path, reason: str) -> bool:
    """Put a file named HALT into a home, whole or not at all; gives False where there is one already.

    Raises StoreError where the home cannot be written.
    """
    path, new = home / HALT_NAME, home / f".{HALT_NAME}.{os.getpid()}"
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with suppress(OSError):  # a full disk takes a name where it takes no words, and the name is what stops
                os.write(handle, f"{(reason.splitlines() or [''])[0]}\n".encode())
                os.fsync(handle)
            os.link(new, path)
        finally:
            os.close(handle)
            new.unlink()
        folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror}): write it by hand, it stops every tick") from error
    return True
