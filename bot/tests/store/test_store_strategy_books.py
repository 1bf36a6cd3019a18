"""Sub-ledgers in the ledger file: they come back as they were, are kept once a day, and a changed one is found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.ledger import Books, StrategyBook
from bot.domain.subledger import Worth
from bot.store.chain import verify
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.store.strategy_books import BOOK_COLUMNS
from bot.tests.builders import NOON, D, a_lot, held
from bot.tests.store.scene import DAY, a_settlement, a_tick, rows, tamper

WHEEL = StrategyBook(strategy="wheel", premium=D("60.00"), shares=D(-4000), income=D("12.34"), carried=D(4000))
NOBODY = StrategyBook(strategy="unassigned", transfers=D(25000))
FOREIGN = StrategyBook(strategy="foreign")


def books(*strategies: StrategyBook) -> Books:
    return Books(cash=D(21060), settled_at=NOON, lots=(a_lot("XLF"),), strategies=strategies)


def settled(*strategies: StrategyBook) -> dict[str, Any]:
    settlement = a_settlement(books=books(*strategies), held=(held("XLF", "100"), held("KO", "3", "foreign")))
    return {"settlement": settlement, "marks": (("XLF", D("40.50"), "mid"), ("KO", D(60), "mid"))}


def test_every_field_of_a_book_has_its_column() -> None:
    assert BOOK_COLUMNS.split(", ") == [*StrategyBook.__struct_fields__, "cash", *Worth._fields]


def test_books_come_back_with_what_they_hold(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, **settled(FOREIGN, NOBODY, WHEEL))
    assert journal.books().strategies == (FOREIGN, NOBODY, WHEEL)
    with open_for_questions(home) as ledger:
        found = {row.book.strategy: row for row in ledger.strategy_books()}
    assert found["wheel"].book == WHEEL
    assert found["wheel"].worth == Worth(value=D(4050))
    assert found["foreign"].worth == Worth(value=D(180))
    assert rows(home, "SELECT strategy, cash, value FROM dashboard_books WHERE strategy = 'wheel'") == [
        ("wheel", "-3940.00", "4050.00")
    ]


def test_a_day_is_kept_as_its_last_tick_left_it(home: Path, journal: LedgerJournal) -> None:
    later = StrategyBook(strategy="wheel", premium=D(90))
    a_tick(journal, **settled(FOREIGN, WHEEL))
    a_tick(journal, NOON + timedelta(minutes=15), **settled(FOREIGN, later))
    assert rows(home, "SELECT * FROM strategy_days") == []
    a_tick(journal, NOON + DAY, **settled(FOREIGN, WHEEL))
    kept = rows(home, "SELECT day, strategy, premium FROM strategy_days ORDER BY strategy")
    assert [row[1:] for row in kept] == [("foreign", "0"), ("wheel", "90")]
    a_tick(journal, NOON + DAY + timedelta(minutes=15), **settled(FOREIGN, WHEEL))
    assert rows(home, "SELECT day, strategy, premium FROM strategy_days ORDER BY strategy") == kept


def test_a_tick_without_books_writes_none(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    assert rows(home, "SELECT * FROM strategy_books") == []


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE strategy_books SET premium = '61.00' WHERE strategy = 'wheel'", "strategy_books"),
        ("UPDATE strategy_books SET value = '0' WHERE strategy = 'wheel'", "strategy_books"),
        ("DELETE FROM strategy_books WHERE strategy = 'foreign'", "strategy_books"),
        ("UPDATE strategy_days SET income = '99' WHERE strategy = 'wheel'", "the books kept for"),
        ("DELETE FROM strategy_days WHERE strategy = 'wheel'", "the books kept for"),
        ("DELETE FROM strategy_days", "the books kept for"),
        ("UPDATE strategy_days SET day = '2026-01-01'", "strategy_days"),
    ],
)
def test_a_changed_book_is_found(home: Path, journal: LedgerJournal, statement: str, table: str) -> None:
    a_tick(journal, **settled(FOREIGN, NOBODY, WHEEL))
    a_tick(journal, NOON + DAY, **settled(FOREIGN, NOBODY, WHEEL))
    assert list(verify(journal.database.connection, home)) == []
    tamper(home, statement)
    faults = list(verify(journal.database.connection, home))
    assert faults
    assert any(table in fault for fault in faults)
