"""An old ledger becomes a new one whole or not at all, whatever ends the process, and for everybody who opens it."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ForeignStore, StoreError
from bot.store.database import LEDGER_NAME, Database, migrations, statements_of
from bot.store.verifying import find_faults
from bot.tests.faults.processes import child, exit_of
from bot.tests.faults.soaking import many

OLDEST, NEWEST = 2, migrations()[-1][0]
AT = "2026-01-05T15:00:00.000000Z"
ROWS = (
    f"INSERT INTO ticks (id, ts, slot, mode, status, broker, market, environment, config_hash, code_version) VALUES"
    f" (1, '{AT}', '{AT}', 'live', 'done', 'simulator', 'synthetic', 'simulated', 'c0ffee', '1')",
    f"INSERT INTO snapshots VALUES ('5ea1', 1, '{AT}', '2026-01', 0, 100)",
    "INSERT INTO activities VALUES"
    f" ('a1', 'FILL', 'XLF', 1, '{AT}', '2026-01-05', '100', '40', '-4000', 'b1', '', '', '')",
    f"INSERT INTO fills VALUES ('e1', 1, 'b1', 'desk-1', 'XLF', 'buy', '100', '40', '{AT}', 'wheel', 'p', 'c')",
    f"INSERT INTO lots VALUES ('lot', 'XLF', '100', '{AT}', 'wheel', 'ours', 'c', '40', '40', '40', NULL, 1, '{AT}')",
    f"INSERT INTO lot_ends VALUES (7, 1, 'lot', 'XLF', '100', 'sold', '{AT}', '2026-01-05', '41', '9', '9')",
    "INSERT INTO option_legs VALUES ('leg', 'XLF261218P00040000', 'XLF', 'put', '40', '2026-12-18', '-1',"
    f" '{AT}', 'wheel', 'ours', 'c', 'leg', 0, '0.6', '0', 0, 1, '{AT}')",
    "INSERT INTO leg_ends VALUES"
    f" (9, 1, 'leg', 'XLF261218P00040000', 'XLF', '1', 'expired', '{AT}', '2026-01-05', '0', '60', '60')",
    "INSERT INTO orders VALUES ('desk-1', 1, '2026-01-05', 'b1', 'wheel', 'cash_secured_put', 'k', 'XLF', '[]', '1',"
    f" '1', '0.6', 'limit', '0.6', NULL, NULL, NULL, 'day', 'done', 'filled', 0, 'c', '', '', 0, '', '{AT}', '{AT}',"
    f" 0, '{AT}')",
    f"INSERT INTO drift VALUES (3, 'XLF', 'pending', 'w', '1', '2', NULL, '{AT}', 1, '{AT}')",
    f"INSERT INTO drift VALUES (4, 'KO', 'unexplained', 'w', '1', '2', NULL, '{AT}', 1, NULL)",
    f"INSERT INTO backtests VALUES (2, '{AT}', 'wheel', 'm', '2026-01-05', '2026-01-05', '{{}}', '{{}}', '1', 7)",
)
KEPT = (
    "ticks", "snapshots", "activities", "fills", "lots", "lot_ends", "option_legs", "leg_ends", "orders", "drift",
    "entries_sent", "backtests",
)  # fmt: skip


def old_ledger(home: Path) -> Path:
    """Make a ledger as an old program left it, with a row in each table that was built anew since."""
    home.mkdir()
    with closing(sqlite3.connect(home / LEDGER_NAME, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        for number, path in migrations():
            if number <= OLDEST:
                old.executescript(path.read_text())
        for statement in ROWS:
            old.execute(statement)
        old.execute(f"PRAGMA user_version={OLDEST}")
    return home


def contents(home: Path) -> list[list[tuple[Any, ...]]]:
    """Read schema, version and every row that was there before."""
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        asked = ["SELECT type, name, sql FROM sqlite_master ORDER BY name", "PRAGMA user_version"]
        return [ledger.execute(query).fetchall() for query in (*asked, *(f"SELECT * FROM {name}" for name in KEPT))]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return old_ledger(tmp_path / "old")


@pytest.fixture
def expected(tmp_path: Path) -> list[list[tuple[Any, ...]]]:
    home = old_ledger(tmp_path / "whole")
    Database(home, "NORMAL").close()
    return contents(home)


class Counted(sqlite3.Connection):
    """A connection whose nth statement does not happen."""

    nth = 0
    done = 0
    end: Callable[[], None]

    def execute(self, *given: Any) -> sqlite3.Cursor:
        """Count a statement; end at the nth."""
        Counted.done += 1
        if Counted.done == Counted.nth:
            Counted.end()
        return super().execute(*given)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Counted]]:
    whole = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: whole(*given, factory=Counted, **named))
    yield Counted
    Counted.nth = Counted.done = 0


def fail() -> None:
    raise sqlite3.OperationalError("disk I/O error")


def test_a_row_stands_in_every_table_that_a_migration_builds_anew(old: Path) -> None:
    Database(old, "NORMAL").close()
    found = dict(zip(KEPT, contents(old)[2:], strict=True))
    assert all(found.values()), found
    assert found["entries_sent"] == [("wheel", 1)]
    assert found["drift"][0][-2:] == (AT, None)
    assert found["backtests"][0][9:] == (7, "", "", "", "", "{}", "", 0, "", "{}", None)
    rebuilt = {
        name
        for number, path in migrations()
        if number > OLDEST
        for name in re.findall(r"ALTER TABLE (\w+) RENAME TO", path.read_text())
    }
    assert rebuilt <= set(KEPT)


def test_an_old_record_is_judged_by_what_its_own_program_sealed(old: Path) -> None:
    opened = Database(old, "NORMAL")
    tables = {fault.table for fault in find_faults(opened.connection, None)}
    opened.close()
    assert not tables & {"drift", "proposals"}


def test_a_migration_that_fails_at_any_statement_leaves_a_ledger_that_opens_whole(
    old: Path, expected: list[Any], counted: type[Counted], tmp_path: Path
) -> None:
    counted.end = staticmethod(fail)
    step, statement, broke = many(3, 1), 1, True
    while broke:
        home = Path(shutil.copytree(old, tmp_path / "torn"))
        counted.nth, counted.done = statement, 0
        try:
            Database(home, "NORMAL").close()
            broke = False
        except StoreError:
            broke = True
        counted.nth = 0
        Database(home, "NORMAL").close()
        assert contents(home) == expected, statement
        shutil.rmtree(home)
        statement += step
    text = "".join(path.read_text() for number, path in migrations() if number > OLDEST)
    assert statement > len(list(statements_of(text))) > 50, "the last statement was reached"


def test_a_process_killed_at_any_statement_of_a_migration_leaves_a_ledger_that_opens_whole(
    old: Path, expected: list[Any], counted: type[Counted], tmp_path: Path
) -> None:
    counted.end = staticmethod(lambda: os.kill(os.getpid(), 9))
    step, ended, statement = many(9, 1), -9, 1
    while ended == -9:
        home = Path(shutil.copytree(old, tmp_path / "torn"))
        counted.nth, counted.done = statement, 0
        ended = exit_of(child(lambda home=home: Database(home).close()))  # type: ignore[misc]
        counted.nth = 0
        Database(home).close()
        assert contents(home) == expected, statement
        shutil.rmtree(home)
        statement += step
    assert ended == 0
    print(f"\nkilled at every {step}. of {statement - step} statements of the migrations from version {OLDEST}")


@pytest.mark.parametrize("fresh", [True, False])
def test_processes_that_open_a_ledger_together_all_find_it_whole(
    old: Path, expected: list[Any], tmp_path: Path, fresh: bool
) -> None:
    for turn in range(many(6, 60)):
        home = tmp_path / f"together{turn}"
        if not fresh:
            shutil.copytree(old, home)
        read, write = os.pipe()

        def opening(home: Path = home, read: int = read) -> None:
            os.read(read, 1)
            Database(home).close()

        started = [child(opening) for _ in range(3)]
        os.write(write, b"123")
        assert [exit_of(one) for one in started] == [0, 0, 0], turn
        os.close(read)
        os.close(write)
        assert contents(home)[: 2 if fresh else None] == expected[: 2 if fresh else None]


def test_a_newer_ledger_found_after_waiting_is_refused(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process with a newer program may migrate while this one waits for its turn."""
    real = Database._migrate

    def late(self: Database, number: int, path: Path) -> None:
        with closing(sqlite3.connect(old / LEDGER_NAME)) as other:
            other.execute("PRAGMA user_version=999")
        real(self, number, path)

    monkeypatch.setattr(Database, "_migrate", late)
    with pytest.raises(ForeignStore, match=r"newer program .*version 999"):
        Database(old, "NORMAL")
