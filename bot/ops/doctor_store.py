"""What `bot doctor` finds of the ledger: whose its files are, whether it can be written, how far it was migrated, its
chain.

A ledger with a write-ahead log is three files; where another user makes one of them, the next tick cannot write.
Therefore nobody but its owner (or root, whose files SQLite hands over) opens it here.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from bot.domain.errors import BotError, StoreError
from bot.domain.sessions import last_session_at
from bot.ops.finding import Finding
from bot.report.words import ago
from bot.store import condition
from bot.store.anchor import anchor_fault, damage
from bot.store.chain import tail_fault, verify
from bot.store.database import LEDGER_NAME, migrations, store_error
from bot.store.queries import Ledger, open_for_questions
from bot.wiring import House

VERIFY_SECONDS = 1.0
"""How long the record is read back here; a longer one is read to its end by `bot audit verify` and `bot watch`."""
WAL_LOOK = 64_000_000
"""Bytes of a write-ahead log that somebody's open reading keeps from being carried over."""
STEPS = 20_000


def examine_store(house: House, now: datetime, meter: Callable[[], float]) -> Iterator[Finding]:
    """Look at the ledger of a home, one finding after the other; behind one that stops it nothing else is asked."""
    home = house.home
    path = home / LEDGER_NAME
    if not path.exists():
        at = " --at session" if house.settings.broker == "simulator" else ""
        yield Finding("look", "store", "no tick has run yet", f"`bot tick --dry{at}`")
        return
    stranger = foreign_user(path)
    if stranger is not None:
        yield stranger
        return
    beside = list(beside_it(path))
    yield from beside
    if any(one.level == "stop" for one in beside):
        return
    yield (versioned := _version(home))
    if versioned.level == "stop":
        return
    yield (written := _writable(home))
    if written.level == "stop" or versioned.level != "good":
        return
    try:
        with open_for_questions(home) as store:
            yield from _contents(house, store, now, meter)
    except BotError as error:
        yield Finding("stop", "store", str(error))
    except sqlite3.Error as error:
        yield Finding("stop", "store", str(store_error(path, error)))


def readable(home: Path) -> bool:
    """Say whether this user may open the ledger at all without leaving files that stop its owner."""
    path = home / LEDGER_NAME
    return path.exists() and foreign_user(path) is None


def foreign_user(path: Path) -> Finding | None:
    """Find that the ledger is another user's; root may look, for SQLite hands what root makes to the owner."""
    owner, me = path.stat().st_uid, os.geteuid()
    if me in (owner, 0):
        return None
    words = (
        f"{path} belongs to {_name(owner)}, you are {_name(me)}: opened by you, it could not be written by its owner"
    )
    return Finding(
        "stop", "store", words, f"sudo -u {_name(owner)} bot doctor, or sudo chown -R {_name(me)} {path.parent}"
    )


def beside_it(path: Path) -> Iterator[Finding]:
    """Look at owner and mode of the ledger's three files, and at the size of its log."""
    ledger = path.stat()
    if stat.S_IMODE(ledger.st_mode) & 0o600 != 0o600:
        mode = stat.S_IMODE(ledger.st_mode)
        yield Finding("stop", "store", f"{path} has mode {mode:o}: its owner cannot write it", f"chmod 600 {path}")
        return
    size = 0
    for ending in ("-wal", "-shm"):
        file = path.with_name(path.name + ending)
        try:
            found = file.stat()
        except OSError:
            continue
        size = found.st_size if ending == "-wal" else size
        if found.st_uid != ledger.st_uid:
            words = (
                f"{file.name} belongs to {_name(found.st_uid)}, the ledger to {_name(ledger.st_uid)}: no tick can write"
            )
            do = f"run the dashboard as {_name(ledger.st_uid)}; sudo chown {_name(ledger.st_uid)} {file}"
            yield Finding("stop", "wal files", words, do)
            return
        if stat.S_IMODE(found.st_mode) & 0o600 != 0o600:
            mode = stat.S_IMODE(found.st_mode)
            yield Finding("stop", "wal files", f"{file.name} has mode {mode:o}: no tick can write", f"chmod 600 {file}")
            return
    if size > WAL_LOOK:
        words = f"the log beside the ledger has {size / 1e6:,.0f} MB: somebody has been reading for long"
        yield Finding("look", "wal files", words, "restart the dashboard; the next tick then carries it over")
        return
    yield Finding("good", "wal files", f"{size / 1e6:,.1f} MB of log beside the ledger, all of one owner")


def _version(home: Path) -> Finding:
    try:
        version = condition.read_version(home)
    except StoreError as error:
        return Finding("stop", "store", str(error))
    newest = migrations()[-1][0]
    if version > newest:
        words = f"{home / LEDGER_NAME} was written by a newer program (version {version}, this one knows {newest})"
        do = "install that program again, or `bot restore BACKUP --home NEW` with the backup from before the upgrade"
        return Finding("stop", "store", words, do)
    if version < newest:
        words = f"version {version}, this program's is {newest}: the next tick migrates it"
        return Finding("look", "store", words, "`bot upgrade --check`, then `bot tick --dry`")
    return Finding("good", "store", f"version {version}, nothing to migrate")


def _writable(home: Path) -> Finding:
    told = condition.try_to_write(home)
    if not told:
        return Finding("good", "writing", "a trial transaction was begun and taken back")
    if "locked" in told:
        return Finding("good", "writing", "another program writes just now")
    do = f"sudo chown -R {_name((home / LEDGER_NAME).stat().st_uid)} {home}; chmod -R u+rwX {home}"
    return Finding("stop", "writing", f"the ledger takes no transaction: {told}", do)


def _contents(house: House, store: Ledger, now: datetime, meter: Callable[[], float]) -> Iterator[Finding]:
    connection = store.connection
    mode = condition.journal_mode(connection)
    if mode != "wal":
        do = f"sqlite3 {house.home / LEDGER_NAME} 'PRAGMA journal_mode=WAL'"
        yield Finding("look", "journal", f"{mode}: readers and ticks wait for each other", do)
    broken = condition.integrity(connection)
    if broken:
        yield Finding("stop", "integrity", broken, "keep a copy of the home, then `bot restore BACKUP --home NEW`")
    else:
        yield Finding("good", "integrity", "SQLite finds nothing broken in the file")
    yield chained(connection, house.home, meter)
    yield _ticks(house, store, now)


def chained(connection: sqlite3.Connection, home: Path, meter: Callable[[], float]) -> Finding:
    """Read the record back for a second at most: its end and its anchor always, all of it where the time suffices."""
    fault = tail_fault(connection) or anchor_fault(connection, home)
    whole, until = True, meter() + VERIFY_SECONDS
    if not fault:
        connection.set_progress_handler(lambda: int(meter() > until), STEPS)
        try:
            fault = next(iter(verify(connection, home)), "")
        except (StoreError, sqlite3.Error):
            if meter() <= until:
                raise
            whole = False
        finally:
            connection.set_progress_handler(None, 0)
            with suppress(sqlite3.Error):
                connection.rollback()
    if fault:
        do = "keep a copy of the home; `bot audit verify` names every fault; then restore the newest sound backup"
        return Finding("stop", "chain", f"{fault}: the store was edited or damaged", do)
    if not whole:
        words = (
            f"its newest records hold; all of it takes longer than {VERIFY_SECONDS:.0f} s: `bot audit verify` does it"
        )
        return Finding("good", "chain", words)
    damaged = damage(home)
    if damaged:
        return Finding(
            "look", "chain", f"every record is as it was sealed; {damaged}", "`bot tick --dry` writes it anew"
        )
    return Finding("good", "chain", "every record and Snapshot is as it was sealed")


def _ticks(house: House, store: Ledger, now: datetime) -> Finding:
    found = store.latest_tick()
    if found is None:
        return Finding("look", "ticks", "the store holds no tick yet", "`bot tick --dry`")
    words = f"newest {found.at:%Y-%m-%d %H:%M} UTC, {found.status}"
    if found.status == "started" and now - found.at < timedelta(minutes=5):
        return Finding("good", "ticks", f"newest {found.at:%Y-%m-%d %H:%M} UTC, at work")
    if found.status != "done":
        why = f": {found.note}" if found.note else ""
        return Finding(
            "look", "ticks", f"{words}{why}", f"`bot log --tick {found.id}`; the next tick goes on by itself"
        )
    if found.at < last_session_at(now).open_at - timedelta(days=1) and house.settings.mode == "live":
        late = f"{words}, {ago(found.at, now)}: is the timer running?"
        return Finding("look", "ticks", late, "systemctl list-timers 'bot-*', or `bot tick`")
    return Finding("good", "ticks", words)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
