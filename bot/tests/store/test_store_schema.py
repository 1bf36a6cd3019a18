"""The ledger file: its tables say what they mean, its money is exact, and a strange file is refused."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from bot.domain.errors import ForeignStore, StoreError
from bot.domain.ledger import Cycle, Lot, OptionLeg, Roll
from bot.domain.orders import OwnOrder
from bot.store.database import LEDGER_NAME, Database, describe_purposes, describe_tables, migrations
from bot.store.journal import LedgerJournal
from bot.tests.store.scene import a_tick, rows, tamper

PROMISED = frozenset({
    "ticks", "order_intents", "events", "orders", "order_transitions", "fills", "lots", "cycles", "activities",
    "positions", "drift", "invariants", "snapshots", "configs", "signals", "halts", "commands", "outbox", "backtests",
    "strategies",
})  # fmt: skip


def columns(home: Path) -> dict[tuple[str, str], str]:
    tables = rows(home, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {
        (table, column[1]): column[2] for (table,) in tables for column in rows(home, f"PRAGMA table_info({table})")
    }


def test_every_promised_table_is_there_and_every_column_is_explained(home: Path, journal: LedgerJournal) -> None:
    found = columns(home)
    told = {(one.table, one.column): one.type for one in describe_tables()}
    assert found == told
    assert {table for table, _ in found} >= PROMISED
    assert [one for one in describe_tables() if len(one.meaning) < 3] == []
    tables = rows(home, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    assert [name for (name,) in tables if len(describe_purposes().get(name, "")) < 10] == []


def test_order_intents_keep_the_names_other_programs_know(home: Path, journal: LedgerJournal) -> None:
    known = (
        "id ts strategy symbol side qty order_type limit_price stop_price trail_percent details_json submitted"
        " alpaca_order_id status"
    )
    assert {column for table, column in columns(home) if table == "order_intents"} >= set(known.split())


def test_no_money_is_kept_as_a_float_unless_to_sort_by(home: Path, journal: LedgerJournal) -> None:
    floats = {key for key, kind in columns(home).items() if kind == "REAL"}
    drawn = ("_sort", "_index", "_fraction")  # to sort and to draw by
    rest = {column for _, column in floats if not column.endswith(drawn)}
    assert rest == {"duration_ms", "score", "sharpe", "delta", "quote_age_seconds"}
    assert {table for table, column in floats if column.endswith(("_index", "_fraction"))} == {
        "board_cycles", "board_days", "board_moments", "board_positions",
    }  # fmt: skip


def test_every_table_of_the_ledger_holds_only_the_types_it_says(home: Path, journal: LedgerJournal) -> None:
    loose = rows(home, "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%STRICT%'")
    assert loose == []


@pytest.mark.parametrize(
    ("fact", "table"),
    [(Lot, "lots"), (OptionLeg, "option_legs"), (Cycle, "cycles"), (Roll, "rolls"), (OwnOrder, "orders")],
)
def test_a_column_stands_for_each_field_of_a_fact(fact: type, table: str) -> None:
    told = {one.column for one in describe_tables() if one.table == table}
    assert set(fact.__struct_fields__) <= told  # type: ignore[attr-defined]


def test_every_view_can_be_read(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    for (name,) in rows(home, "SELECT name FROM sqlite_master WHERE type = 'view'"):
        rows(home, f"SELECT * FROM {name}")
    assert len(rows(home, "SELECT * FROM dashboard_ticks")) == 1


def test_only_the_owner_can_read_home_and_ledger(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o600}, modes
    assert {path.suffix for path in modes} >= {".sqlite", ".bin"}


def test_a_ledger_opens_again_as_it_was(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    journal.close()
    again = LedgerJournal(home, "desk")
    assert rows(home, "SELECT count(*) FROM ticks") == [(1,)]
    assert rows(home, "PRAGMA user_version") == [(migrations()[-1][0],)]
    again.close()


def test_a_ledger_of_a_newer_program_is_refused(home: Path, journal: LedgerJournal) -> None:
    journal.close()
    tamper(home, "PRAGMA user_version = 999")
    with pytest.raises(ForeignStore, match=r"newer program.*version 999.*update the program") as refusal:
        LedgerJournal(home, "desk")
    assert refusal.value.exit_code == 78


def test_a_damaged_ledger_is_refused_with_what_to_do(home: Path) -> None:
    home.mkdir()
    (home / LEDGER_NAME).write_bytes(b"this is no database, but it is long enough to look at" * 100)
    with pytest.raises(StoreError, match=r"not a database.*restore the last backup"):
        Database(home)


def test_a_home_that_cannot_be_made_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"make .* writable for this user, or name another BOT_HOME"):
        Database(tmp_path / "file" / "desk")


def test_a_read_only_disk_is_an_error_that_says_so(home: Path, journal: LedgerJournal) -> None:
    journal.database.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match=r"readonly.*make the file and its folder writable"):
        a_tick(journal)


def test_a_full_disk_stops_the_tick_before_anything_is_kept(home: Path, journal: LedgerJournal) -> None:
    pages = journal.database.connection.execute("PRAGMA page_count").fetchone()[0]
    journal.database.connection.execute(f"PRAGMA max_page_count = {pages}")

    def until_full() -> None:
        for _ in range(200):
            a_tick(journal)

    with pytest.raises(StoreError, match="full; free some disk space; nothing was sent after it"):
        until_full()


def test_a_snapshot_folder_in_the_way_stops_the_tick(home: Path, journal: LedgerJournal) -> None:
    (home / "snapshots").write_text("in the way")
    with pytest.raises(StoreError, match="nothing was sent"):
        a_tick(journal)


@pytest.mark.parametrize(("synchronous", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_a_ledger_waits_for_the_disk_as_asked(tmp_path: Path, synchronous: str, level: int) -> None:
    database = Database(tmp_path, synchronous)  # type: ignore[arg-type]

    def now() -> int:
        found: int = database.connection.execute("PRAGMA synchronous").fetchone()[0]
        return found

    assert database.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert database.connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    with database.relaxed():
        assert now() == 1
    with database.writing():
        assert now() == level
    database.close()


def test_a_foreign_key_is_held(home: Path, journal: LedgerJournal) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        journal.database.connection.execute("INSERT INTO tick_checks VALUES (77, x'00')")


def test_nothing_of_the_process_is_inherited_by_children(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    handle = journal._files._handle
    assert not os.get_inheritable(handle)
