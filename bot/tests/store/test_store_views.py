"""The views the dashboard reads: what they promise is what they have, and no money is compared or added in them."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.ops.reference import BOARD_SCHEMA, board_schema
from bot.store.database import LEDGER_NAME, Database, migrations
from bot.store.journal import LedgerJournal
from bot.store.views import KINDS, VIEWS, View, create_views, drop_views
from bot.tests.store.scene import rows, tamper

MONEY = {"money", "price", "qty", "number", "fraction"}
SORTED = ("_sort", "_index", "_fraction")
EXACT = {"cash", "flow", "pnl", "equity", "income", "tax_income", "fees", "dividends", "realized", "open", "value"}
NAMES = [view.name for view in VIEWS]


def made(home: Path) -> list[str]:
    return [name for (name,) in rows(home, "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")]


def test_the_dashboards_contract_is_written_from_the_views() -> None:
    assert BOARD_SCHEMA.read_text() == board_schema(), "`make docs` writes it"
    told = json.loads(BOARD_SCHEMA.read_text())
    assert told["version"] == migrations()[-1][0]
    assert list(told["views"]) == NAMES


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_a_view_has_the_columns_it_promises(home: Path, journal: LedgerJournal, view: View) -> None:
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        found = [column[0] for column in ledger.execute(f"SELECT * FROM {view.name}").description]
    assert found == list(view.kinds)
    assert set(view.kinds.values()) <= KINDS
    assert len(view.purpose) > 10


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_a_view_neither_adds_nor_compares_money(view: View) -> None:
    """design 2: money is text, and SQL would read it as float."""
    assert not re.search(
        r"[+*/<]|(?<!<)>|\b(sum|avg|total|min|max|cast|round|abs)\s*\(", view.sql.replace("<>", "is not")
    )
    asked = " ".join(re.findall(r"WHERE .*?(?=\bORDER\b|\)|$)|ORDER BY .*?(?=\)|$)", view.sql))
    exact = {name for one in VIEWS for name, kind in one.kinds.items() if kind in MONEY}
    assert not set(re.findall(r"\w+", asked)) & exact


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
def test_a_float_is_only_there_to_sort_and_to_draw_by(view: View) -> None:
    floats = {name for name, kind in view.kinds.items() if kind == "real"}
    assert {name for name in floats if not name.endswith(SORTED)} <= {"duration_ms", "delta", "quote_age_seconds"}
    assert not floats & EXACT


def test_a_kind_is_what_the_column_holds(home: Path, journal: LedgerJournal) -> None:
    """Exact kinds come from TEXT columns, floats from REAL, numbers from INTEGER."""
    types = {
        (table, column[1]): column[2]
        for (table,) in rows(home, "SELECT name FROM sqlite_master WHERE type = 'table'")
        for column in rows(home, f"PRAGMA table_info({table})")
    }
    wanted = {"int": "INTEGER", "flag": "INTEGER", "real": "REAL", "blob": "BLOB"}
    looked_at = 0
    for view in VIEWS:
        tables = dict(re.findall(r"(?:FROM|JOIN) (\w+)(?: (?!ON|WHERE|LEFT|JOIN)(\w+))?", view.body))
        alias = {short or table: table for table, short in tables.items()}
        for word in view.columns.split():
            name, kind, *source = word.split(":", 2)
            short, _, column = (source[0] if source else name).rpartition(".")
            table = alias.get(short, next(iter(tables)) if not short else "")
            if (table, column) in types:
                looked_at += 1
                assert types[table, column] == wanted.get(kind, "TEXT"), (view.name, name)
    assert looked_at > 300


def test_views_go_and_come_whole_with_the_transaction_they_are_in(home: Path, journal: LedgerJournal) -> None:
    connection = journal.database.connection
    assert made(home) == sorted(NAMES)
    connection.execute("BEGIN IMMEDIATE")
    drop_views(connection)
    create_views(connection)
    drop_views(connection)
    connection.execute("ROLLBACK")
    assert made(home) == sorted(NAMES)


def test_a_ledger_of_an_older_program_gets_todays_views(tmp_path: Path) -> None:
    home = tmp_path / "old"
    home.mkdir()
    newest = migrations()[-1][0]
    with closing(sqlite3.connect(home / LEDGER_NAME, isolation_level=None)) as old:
        for number, path in migrations():
            if number < newest:
                old.executescript(path.read_text())
        old.execute("CREATE VIEW dashboard_overview AS SELECT id FROM ticks")
        old.execute("CREATE VIEW dashboard_ticks AS SELECT id FROM ticks")
        old.execute(f"PRAGMA user_version={newest - 1}")
    Database(home).close()
    assert made(home) == sorted(NAMES), "those that are no more are gone"


def test_a_view_that_another_program_made_is_left_alone(home: Path, journal: LedgerJournal) -> None:
    tamper(home, "CREATE VIEW mine AS SELECT id FROM ticks")
    drop_views(journal.database.connection)
    assert made(home) == ["mine"]
