"""Everything of a ledger that an export shows, read at one moment. Only reads."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from bot.domain.facts import Fact
from bot.domain.holdings import Activity
from bot.domain.ledger import StrategyBook
from bot.store.database import LEDGER_NAME, moment_of, store_error
from bot.store.queries import Ledger
from bot.store.rows import number_of
from bot.store.strategy_books import read_strategy_rows

_LINES = (
    "SELECT a.id, a.type, a.symbol, a.at, a.day, a.qty, a.price, a.net_amount, a.order_id, a.group_id, a.raw_type,"
    " a.description, a.tick_id, coalesce(f.strategy, ''), coalesce(f.purpose, ''), coalesce(f.cycle, ''),"
    " coalesce(f.client_order_id, '')"
    " FROM activities a LEFT JOIN fills f ON a.type = 'FILL' AND f.execution_id = a.id ORDER BY a.at, a.id"
)
_LEG_ENDS = (
    'SELECT e.leg_id, e.symbol, e.underlying, l."right", l.strike, l.expiry, e.qty, l.opened_at, e.at, e.day, e.how,'
    " l.credit, e.price, e.income, e.tax_income, l.strategy, l.cycle, l.owner"
    " FROM leg_ends e JOIN option_legs l ON l.id = e.leg_id ORDER BY e.id"
)
_CYCLES = (
    "SELECT id, symbol, strategy, opened_at, closed_at, option_cash, share_cash, dividends, fees, legs,"
    " assignments, pnl FROM cycles ORDER BY opened_at, id"
)


class Line(NamedTuple):
    """One line of the account's history with the tick that booked it (None: imported) and whose order it filled."""

    activity: Activity
    day: date
    tick_id: int | None
    strategy: str
    purpose: str
    cycle: str
    order: str


class Record(Fact, frozen=True, kw_only=True):
    """What is exported, as the ledger stood at `at`; rows of ends and cycles are in the order of their queries."""

    broker: str
    environment: str
    account: str
    desk: str
    at: datetime | None
    lines: tuple[Line, ...]
    leg_ends: tuple[tuple[Any, ...], ...]
    cycles: tuple[tuple[Any, ...], ...]
    books: tuple[StrategyBook, ...]
    positions: tuple[tuple[str, Decimal], ...]
    drifting: frozenset[str]
    first_tick: int | None


def read_record(ledger: Ledger) -> Record | None:
    """Read the whole record in one transaction, so that no tick changes it halfway; None before the first tick."""
    connection = ledger.connection
    try:
        connection.execute("BEGIN")
        try:
            return _read(connection)
        finally:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise store_error(ledger.home / LEDGER_NAME, error) from error


def _read(connection: sqlite3.Connection) -> Record | None:
    stamp = connection.execute("SELECT broker, environment, account, desk FROM stamp").fetchone()
    if stamp is None:
        return None
    ticks = connection.execute("SELECT min(id), max(ts) FROM ticks WHERE equity IS NOT NULL").fetchone()
    return Record(
        broker=stamp[0], environment=stamp[1], account=stamp[2], desk=stamp[3],
        at=None if ticks[1] is None else moment_of(ticks[1]), first_tick=ticks[0],
        lines=tuple(_line(row) for row in connection.execute(_LINES)),
        leg_ends=tuple(connection.execute(_LEG_ENDS)), cycles=tuple(connection.execute(_CYCLES)),
        books=tuple(row.book for row in read_strategy_rows(connection)),
        positions=tuple(
            (symbol, Decimal(qty)) for symbol, qty in connection.execute("SELECT symbol, qty FROM positions ORDER BY 1")
        ),
        drifting=frozenset(
            row[0] for row in connection.execute("SELECT symbol FROM drift WHERE ended_at IS NULL")
        ),
    )  # fmt: skip


def _line(row: tuple[Any, ...]) -> Line:
    key, kind, symbol, at, day, qty, price, net, order, group, raw, words, tick, strategy, purpose, cycle, own = row
    activity = Activity(
        id=key, kind=kind, symbol=symbol, at=moment_of(at), qty=Decimal(qty), price=number_of(price),
        net_amount=Decimal(net), order_id=order, group_id=group, raw_type=raw, description=words,
    )  # fmt: skip
    return Line(activity, date.fromisoformat(day), tick, strategy, purpose, cycle, own)
