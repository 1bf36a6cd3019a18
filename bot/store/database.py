"""The ledger file itself: opening, migrating, transactions, and what its tables mean."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Literal, NamedTuple

from bot.domain.errors import ForeignStore, StoreError
from bot.store.views import VIEWS, create_views, drop_views

LEDGER_NAME = "ledger.sqlite"
SQLITE_LEAST = (3, 37, 0)  # STRICT tables
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a full disk answers."""
Synchronous = Literal["FULL", "NORMAL", "OFF"]

_PATIENCE = 100
_HERE = Path(__file__).parent
_MIGRATION = re.compile(r"(\d{3})_\w+\.sql$")
_TABLE = re.compile(r"CREATE TABLE (\w+)")
_COLUMN = re.compile(r'    "?(\w+)"? (TEXT|INTEGER|REAL|BLOB)\b.*? -- (.+)$')


def moment_text(at: datetime) -> str:
    """Write a moment as UTC text of fixed width, so that text order is time order.

    >>> moment_text(datetime(2026, 11, 18, 17, tzinfo=UTC))
    '2026-11-18T17:00:00.000000Z'
    """
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def moment_of(text: str) -> datetime:
    """Read a moment back."""
    return datetime.fromisoformat(text)


class ColumnMeaning(NamedTuple):
    """One column as the schema documents it."""

    table: str
    column: str
    type: str
    meaning: str


def migrations() -> list[tuple[int, Path]]:
    """List the numbered migrations, oldest first."""
    found = ((_MIGRATION.match(path.name), path) for path in _HERE.iterdir())
    return sorted((int(match.group(1)), path) for match, path in found if match)


def statements_of(script: str) -> Iterator[str]:
    """Give the statements of a script one by one, each with the comments above it.

    >>> list(statements_of("CREATE TABLE a (b TEXT); -- one; two\\nDROP TABLE a;\\n"))
    ['CREATE TABLE a (b TEXT); -- one; two\\nDROP TABLE a;\\n']
    >>> list(statements_of("CREATE TABLE a (b TEXT);\\nDROP TABLE a;\\n"))
    ['CREATE TABLE a (b TEXT);\\n', 'DROP TABLE a;\\n']
    """
    found = ""
    for line in script.splitlines(keepends=True):
        found += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(found):
            yield found
            found = ""
    assert not re.sub(r"--.*", "", found).strip(), f"a statement without an end: {found.strip()[:60]}"


def describe_tables() -> list[ColumnMeaning]:
    """Give every column with its type and meaning, as the comments of the schema say."""
    found: dict[str, list[ColumnMeaning]] = {}
    for _, path in migrations():
        table = ""
        for line in path.read_text().splitlines():
            if named := _TABLE.match(line):
                table = named.group(1)
                found[table] = []  # a later migration that builds a table anew says what it is from then on
            elif column := _COLUMN.match(line):
                found[table].append(ColumnMeaning(table, *column.groups()))
    return [column for columns in found.values() for column in columns]


def describe_purposes() -> dict[str, str]:
    """Give each table and view with the sentence that stands above it."""
    found: dict[str, str] = {}
    for _, path in migrations():
        before = ""
        for line in path.read_text().splitlines():
            if named := _TABLE.match(line):
                found[named.group(1)] = before.removeprefix("-- ")
            before = line
    return found | {view.name: view.purpose for view in VIEWS}


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Turn a failure of SQLite into words that say what to do."""
    words = str(error)
    low = words.lower()
    if "readonly" in low or "unable to open" in low:
        advice = "make the file and its folder writable for this user, or name another BOT_HOME"
    elif "full" in low:
        advice = "free some disk space; nothing was sent after it"
    elif "locked" in low or "busy" in low:
        advice = "another program holds it: end that one, then try again"
    elif isinstance(error, sqlite3.IntegrityError):
        advice = "this tick contradicts what is recorded; nothing of it was kept"
    elif "disk i/o" in low:
        advice = "the disk refused: check it before anything else"
    else:
        advice = "it may be damaged: keep a copy, restore the last backup, or start in another BOT_HOME"
    return StoreError(f"{path}: {words}; {advice}")


class Transaction:
    """All or nothing: BEGIN IMMEDIATE on entry, COMMIT at the end, ROLLBACK when anything is raised."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._database.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise store_error(self._database.path, error) from error
        return self._database.connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._database.connection
        try:
            if error is None:
                connection.execute("COMMIT")
                self._database.on_disk = self._database.full and not self._database.relaxing
                return
        except sqlite3.Error as failure:
            error = failure
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise store_error(self._database.path, error) from error


class Database:
    """An open ledger. `synchronous` FULL waits for the disk at each durable commit, NORMAL only where the log is
    carried over into the file, OFF never.

    In a FULL ledger a commit that was announced with `relax()` survives the death of the process but not of
    the machine, until the next durable commit carries it to the disk too.
    """

    def __init__(self, home: Path, synchronous: Synchronous = "FULL") -> None:
        if sqlite3.sqlite_version_info < SQLITE_LEAST:
            raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: install a Python with SQLite 3.37 or newer")
        self.home = home
        self.path = home / LEDGER_NAME
        self.full = synchronous == "FULL"
        self.relaxing = not self.full
        self.on_disk = False
        """Whether the last commit of this connection waited for the disk: then everything before it is there too."""
        _prepare(home, self.path)
        try:
            self.connection = sqlite3.connect(self.path, timeout=5.0, isolation_level=None, cached_statements=256)
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error
        try:
            self._set_up(synchronous)
        except sqlite3.Error as error:
            self.connection.close()
            raise store_error(self.path, error) from error
        except ForeignStore:
            self.connection.close()
            raise

    def _set_up(self, synchronous: Synchronous) -> None:
        run = self.connection.execute
        known = migrations()
        version = self._version(known[-1][0])
        if version == 0:
            self._write_ahead()
        run(f"PRAGMA synchronous={synchronous}")
        run("PRAGMA foreign_keys=ON")
        if not self.full:
            run("PRAGMA wal_autocheckpoint=8000")
        for number, path in known:
            if number > version:
                self._migrate(number, path)
        self._version(known[-1][0])

    def _version(self, newest: int) -> int:
        """Give how far the file was migrated; raises ForeignStore where that is further than this program knows."""
        version: int = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version > newest:
            raise ForeignStore(
                f"{self.path} was written by a newer program (version {version}, this one knows {newest}): "
                "update the program, or go back with `bot restore BACKUP --home NEW` and the backup from before"
            )
        return version

    def _write_ahead(self) -> None:
        """Set the file to write-ahead logging, which SQLite refuses at once while another process has it open."""
        for attempt in range(_PATIENCE):
            try:
                self.connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError:
                if attempt == _PATIENCE - 1:
                    raise
                sleep(0.05)

    def _migrate(self, number: int, path: Path) -> None:
        """Carry one migration out, whole or not at all; one that another process did meanwhile is done."""
        run = self.connection.execute
        run("BEGIN IMMEDIATE")
        if run("PRAGMA user_version").fetchone()[0] < number:
            drop_views(self.connection)
            for statement in statements_of(path.read_text()):
                run(statement)
            if number == migrations()[-1][0]:
                create_views(self.connection)
            run(f"PRAGMA user_version={number}")
        run("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read everything inside as of one moment; taking SQLite's lock once costs less than once a statement."""
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")

    def writing(self) -> Transaction:
        """Open a durable transaction as a context; its value is the connection."""
        if self.relaxing and self.full:
            self.connection.execute("PRAGMA synchronous=FULL")
            self.relaxing = False
        return Transaction(self)

    def relaxed(self) -> Transaction:
        """Open a transaction that a killed process survives, and that the next durable one carries to disk."""
        if not self.relaxing:
            self.connection.execute("PRAGMA synchronous=NORMAL")
            self.relaxing = True
        return Transaction(self)

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self.connection.close()


def _prepare(home: Path, path: Path) -> None:
    """Make the home (0700) and an empty ledger (0600) where there is none."""
    if path.exists():
        return
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        advice = f"make {home} writable for this user, or name another BOT_HOME"
        if error.errno in NO_ROOM:
            advice = "free some disk space"
        raise StoreError(f"cannot make {path} ({error.strerror}): {advice}") from error
