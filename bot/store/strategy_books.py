"""Sub-ledgers in the ledger file: one row a strategy, written anew by every tick that decided, kept once a day."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import NamedTuple

from bot.domain.ledger import StrategyBook
from bot.domain.subledger import Worth, worths
from bot.engine.ports import Decision
from bot.store.settling import Moment

FIELDS = StrategyBook.__struct_fields__
BOOK_COLUMNS = ", ".join((*FIELDS, "cash", *Worth._fields))
_SELECT = f"SELECT {BOOK_COLUMNS} FROM strategy_books ORDER BY strategy"
_WRITE = (
    f"INSERT OR REPLACE INTO strategy_books ({BOOK_COLUMNS}, tick_id)"
    f" VALUES ({', '.join('?' for _ in range(len(FIELDS) + len(Worth._fields) + 2))})"
)
_KEEP = f"INSERT OR REPLACE INTO strategy_days (day, {BOOK_COLUMNS}) SELECT ?, {BOOK_COLUMNS} FROM strategy_books"


class BookRow(NamedTuple):
    """One book as it is kept, with what it holds at own marks; dollars."""

    book: StrategyBook
    worth: Worth


def save_strategies(connection: sqlite3.Connection, now: Moment, decision: Decision) -> None:
    """Write every book; the first tick of a session day keeps them as the last tick of the day before left them."""
    books = decision.settlement.books
    if not books.strategies:
        return
    last = connection.execute(
        "SELECT t.session_day FROM strategy_books b JOIN ticks t ON t.id = b.tick_id LIMIT 1"
    ).fetchone()
    if last is not None and last[0] != now.day:
        connection.execute(_KEEP, last)
    held = worths(books, decision.settlement.held, [(symbol, price) for symbol, price, _ in decision.marks])
    connection.executemany(
        _WRITE, [_row(one, held.get(one.strategy, Worth()), now.tick_id) for one in books.strategies]
    )


def _row(book: StrategyBook, worth: Worth, tick_id: int) -> tuple[str | int, ...]:
    return (*(str(getattr(book, name)) for name in FIELDS), str(book.cash), *(str(one) for one in worth), tick_id)


def read_strategy_rows(connection: sqlite3.Connection) -> tuple[BookRow, ...]:
    """Read every book with what it holds, by name."""
    found = []
    for name, *values in connection.execute(_SELECT):
        numbers = [Decimal(value) for value in values]
        book = StrategyBook(strategy=name, **dict(zip(FIELDS[1:], numbers, strict=False)))
        found.append(BookRow(book, Worth(*numbers[len(FIELDS) :])))
    return tuple(found)


def read_strategies(connection: sqlite3.Connection) -> tuple[StrategyBook, ...]:
    """Read every book, by name."""
    return tuple(one.book for one in read_strategy_rows(connection))
