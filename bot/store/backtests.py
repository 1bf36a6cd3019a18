"""Backtests in the ledger: one row a run, written whole when the run is over, beside whatever else is at work there."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import StoreError, UsageError
from bot.store.database import LEDGER_NAME, Database, migrations, moment_of, moment_text, store_error

_COLUMNS = (
    "at, strategy, market, first_day, last_day, params_json, result_json, code_version, seed, name, data_hash, "
    "config_hash, desk_text, rules_json, modelled, step_seconds, digest, statistics_json, curve"
)
_INSERT = f"INSERT INTO backtests ({_COLUMNS}) VALUES ({', '.join('?' * 19)})"
_SHORT = "id, at, strategy, market, first_day, last_day, name, result_json, data_hash, modelled, code_version"


class NewBacktest(NamedTuple):
    """A run as it is kept. `run` is the whole of it in MessagePack, uncompressed; JSON texts are ready to store."""

    at: datetime
    strategy: str
    market: str
    first_day: date
    last_day: date
    params_json: str
    result_json: str
    code_version: str
    seed: int | None
    name: str
    data_hash: str
    config_hash: str
    desk_text: str
    rules_json: str
    modelled: str
    step_seconds: int
    digest: str
    statistics_json: str
    run: bytes


class BacktestRow(NamedTuple):
    """A kept run in a list."""

    id: int
    at: datetime
    strategy: str
    market: str
    first_day: date
    last_day: date
    name: str
    result_json: str
    data_hash: str
    modelled: str
    code_version: str


@contextmanager
def open_beside(home: Path) -> Iterator[Database]:
    """Open a home's ledger for one short write: no lock of the home is taken, nothing is made or migrated.

    Raises StoreError saying what to do where there is no ledger or an older one.
    """
    path = home / LEDGER_NAME
    if not path.exists():
        raise StoreError(f"{path}: there is no ledger yet; run `bot tick --dry` once")
    _check_version(path)
    database = Database(home)
    try:
        yield database
    finally:
        database.close()


def add_backtests(database: Database, runs: list[NewBacktest]) -> list[int]:
    """Write runs in one transaction, all or none, and give their numbers."""
    found = []
    with database.writing() as connection:
        for one in runs:
            row = (
                moment_text(one.at), one.strategy, one.market, one.first_day.isoformat(), one.last_day.isoformat(),
                *one[5:18], zlib.compress(one.run, 6),
            )  # fmt: skip
            number = connection.execute(_INSERT, row).lastrowid
            assert number is not None
            found.append(number)
    return found


def list_backtests(home: Path, limit: int = 20) -> list[BacktestRow]:
    """List the newest runs, newest first."""
    with _reading(home) as connection:
        rows = connection.execute(f"SELECT {_SHORT} FROM backtests ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [
        BacktestRow(
            row[0], moment_of(row[1]), row[2], row[3], date.fromisoformat(row[4]), date.fromisoformat(row[5]), *row[6:]
        )
        for row in rows
    ]  # fmt: skip


def read_backtest(home: Path, number: int) -> bytes:
    """Give a kept run in MessagePack; raises UsageError naming the newest where there is none of that number."""
    with _reading(home) as connection:
        row = connection.execute("SELECT curve FROM backtests WHERE id = ?", (number,)).fetchone()
        newest = connection.execute("SELECT max(id) FROM backtests").fetchone()[0]
    if row is None:
        words = "none is kept yet" if newest is None else f"the newest is {newest}"
        raise UsageError(f"no backtest {number} in {home}; {words} (`bot backtest list`)")
    if row[0] is None:
        raise UsageError(f"backtest {number} was kept by an older program without its days: run it again")
    try:
        return zlib.decompress(row[0])
    except zlib.error as error:
        raise StoreError(f"backtest {number} in {home} is damaged ({error}): run it again") from error


@contextmanager
def _reading(home: Path) -> Iterator[sqlite3.Connection]:
    path = home / LEDGER_NAME
    if not path.exists():
        raise StoreError(f"{path}: there is no ledger yet; run `bot tick --dry` once")
    _check_version(path)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise store_error(path, error) from error


def _check_version(path: Path) -> None:
    newest = migrations()[-1][0]
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as asked:
            version: int = asked.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    if version < newest:
        raise StoreError(
            f"{path} is of an older version ({version}, this program has {newest}): run `bot tick --dry` once, which "
            "brings it up to date"
        )
