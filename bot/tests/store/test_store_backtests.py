"""Backtests in the ledger: written beside whoever holds it, all of a batch or none, and read back byte for byte."""

from __future__ import annotations

import json
import sqlite3
import zlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.domain.errors import StoreError, UsageError
from bot.store.backtests import (
    NewBacktest,
    add_backtests,
    list_backtests,
    open_beside,
    read_backtest,
)
from bot.store.database import LEDGER_NAME, Database

AT = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)


def a_backtest(name: str = "tape bac", run: bytes = b"the whole run") -> NewBacktest:
    return NewBacktest(
        at=AT, strategy="wheel", market="tape bac", first_day=date(2020, 1, 2), last_day=date(2020, 12, 31),
        params_json=json.dumps({"equity": "60000"}), result_json=json.dumps({"return": "0.1"}), code_version="0.1.0",
        seed=None, name=name, data_hash="data", config_hash="desk", desk_text="name = 'main'", rules_json="{}",
        modelled="", step_seconds=900, digest="digest", statistics_json="{}", run=run,
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Database(tmp_path).close()
    return tmp_path


def test_a_run_comes_back_byte_for_byte(home: Path) -> None:
    with open_beside(home) as database:
        assert add_backtests(database, [a_backtest("one"), a_backtest("two", b"another" * 1000)]) == [1, 2]
    assert read_backtest(home, 2) == b"another" * 1000
    newest, oldest = list_backtests(home)
    assert (newest.name, oldest.name, oldest.at, oldest.first_day) == ("two", "one", AT, date(2020, 1, 2))
    assert list_backtests(home, 1) == [newest]


def test_the_board_sees_a_run(home: Path) -> None:
    with open_beside(home) as database:
        add_backtests(database, [a_backtest()])
        database.connection.row_factory = sqlite3.Row
        row = database.connection.execute("SELECT * FROM dashboard_backtests").fetchone()
    assert (row["id"], row["name"], row["data_hash"], row["step_seconds"]) == (1, "tape bac", "data", 900)


def test_a_batch_with_a_bad_row_keeps_none(home: Path) -> None:
    with open_beside(home) as database, pytest.raises(StoreError):
        add_backtests(database, [a_backtest(), a_backtest()._replace(strategy=None)])  # type: ignore[arg-type]
    assert list_backtests(home) == []


def test_no_ledger_is_made_and_an_older_one_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no ledger yet"), open_beside(tmp_path):
        pass
    with pytest.raises(StoreError, match="no ledger yet"):
        list_backtests(tmp_path)
    assert list(tmp_path.iterdir()) == []
    Database(tmp_path).close()
    with sqlite3.connect(tmp_path / LEDGER_NAME) as connection:
        connection.execute("PRAGMA user_version=19")
    connection.close()
    with pytest.raises(StoreError, match="of an older version"), open_beside(tmp_path):
        pass


def test_what_is_not_there_or_damaged_is_said(home: Path) -> None:
    with pytest.raises(UsageError, match="none is kept yet"):
        read_backtest(home, 1)
    with open_beside(home) as database:
        add_backtests(database, [a_backtest()])
        database.connection.execute("UPDATE backtests SET curve = ?", (zlib.compress(b"run")[:-3],))
    with pytest.raises(StoreError, match="is damaged"):
        read_backtest(home, 1)
    with open_beside(home) as database:
        database.connection.execute("UPDATE backtests SET curve = NULL")
    with pytest.raises(UsageError, match="run it again"):
        read_backtest(home, 1)
    with pytest.raises(UsageError, match="the newest is 1"):
        read_backtest(home, 2)
