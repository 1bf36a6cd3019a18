"""The ledger file itself: opening, migrating, transactions, and what its tables mean."""

from __future__ import annotations

import os
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

from bot.domain.errors import ForeignStore, StoreError

LEDGER_NAME = "ledger.sqlite"
SQLITE_LEAST = (3, 37, 0)  # STRICT tables
Synchronous = Literal["FULL", "NORMAL"]

_HERE = Path(__file__).parent
_MIGRATION = re.compile(r"(\d{3})_\w+\.sql$")
_TABLE = re.compile(r"CREATE (?:TABLE|VIEW) (\w+)")
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
    return found


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Turn a failure of SQLite into words that say what to do."""
    words = str(error)
    low = words.lower()
    if "readonly" in low or "unable to open" in low:
        advice = "make the file and its folder writable for this user, or name another BOT_HOME"
    elif "full" in low:
        advice = "free some disk space; nothing was sent"
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
                return
        except sqlite3.Error as failure:
            error = failure
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise store_error(self._database.path, error) from error


class Database:
    """An open ledger. `synchronous` FULL waits for the disk at each durable commit; NORMAL never does.

    In a FULL ledger a commit that was announced with `relax()` survives the death of the process but not of
    the machine, until the next durable commit carries it to the disk too.
    """

    def __init__(self, home: Path, synchronous: Synchronous = "FULL") -> None:
        if sqlite3.sqlite_version_info < SQLITE_LEAST:
            raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: install a Python with SQLite 3.37 or newer")
        self.home = home
        self.path = home / LEDGER_NAME
        self.full = synchronous == "FULL"
        self._relaxed = not self.full
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
        version = run("PRAGMA user_version").fetchone()[0]
        known = migrations()
        newest = known[-1][0]
        if version > newest:
            raise ForeignStore(
                f"{self.path} was written by a newer program (version {version}, this one knows {newest}): "
                "update the program, or name another BOT_HOME"
            )
        if version == 0:
            run("PRAGMA journal_mode=WAL")
        run(f"PRAGMA synchronous={synchronous}")
        run("PRAGMA foreign_keys=ON")
        if not self.full:
            run("PRAGMA wal_autocheckpoint=8000")
        for number, path in known:
            if number > version:
                script = f"BEGIN IMMEDIATE;\n{path.read_text()}\nPRAGMA user_version={number};\nCOMMIT;"
                self.connection.executescript(script)

    def writing(self) -> Transaction:
        """Open a durable transaction as a context; its value is the connection."""
        if self._relaxed and self.full:
            self.connection.execute("PRAGMA synchronous=FULL")
            self._relaxed = False
        return Transaction(self)

    def relaxed(self) -> Transaction:
        """Open a transaction that a killed process survives, and that the next durable one carries to disk."""
        if not self._relaxed:
            self.connection.execute("PRAGMA synchronous=NORMAL")
            self._relaxed = True
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
        raise StoreError(
            f"cannot make {path} ({error.strerror}): make {home} writable for this user, or name another BOT_HOME"
        ) from error
