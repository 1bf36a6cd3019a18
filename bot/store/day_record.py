"""One session day out of the ledger, for who runs it again: its ticks, configurations, orders and lines of history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from bot.domain.holdings import Activity
from bot.domain.orders import OwnOrder
from bot.store.database import moment_of, moment_text, store_error
from bot.store.queries import Ledger
from bot.store.rows import ORDER_SELECT, number_of, orders_of

_NAMES = ("id", "kind", "symbol", "at", "qty", "price", "net_amount", "order_id", "group_id", "raw_type", "description")


class StoredTick(NamedTuple):
    """A tick of the day that decided: its number and mode, its Snapshot's hash, and whether that is still there."""

    id: int
    mode: str
    config_hash: str
    snapshot_hash: str
    thinned: bool


class OrderSteps(NamedTuple):
    """When an order was first known to be at the broker, when it ended, whether we asked for that, and why."""

    arrived_at: datetime | None
    ended_at: datetime | None
    cancelled: bool
    reason: str


@contextmanager
def _reading(ledger: Ledger) -> Iterator[sqlite3.Connection]:
    try:
        yield ledger.connection
    except sqlite3.Error as error:
        raise store_error(ledger.path, error) from error


def ticks_of_day(ledger: Ledger, day: date) -> list[StoredTick]:
    """List the sealed ticks of a session day whose market traded, oldest first."""
    with _reading(ledger) as connection:
        rows = connection.execute(
            "SELECT t.id, t.mode, t.config_hash, t.snapshot_hash, s.thinned_by IS NOT NULL FROM ticks t"
            " JOIN snapshots s ON s.tick_id = t.id WHERE t.session_day = ? AND t.status = 'done' AND t.session_open = 1"
            " ORDER BY t.id",
            (day.isoformat(),),
        ).fetchall()
    return [_tick_of(row) for row in rows]


def first_tick_after(ledger: Ledger, tick_id: int, day: date) -> StoredTick | None:
    """Give the first sealed tick after a number in an open session later than that of `day`.

    A tick of the night is passed over: a broker moves positions at once and may write the line next morning.
    """
    with _reading(ledger) as connection:
        row = connection.execute(
            "SELECT t.id, t.mode, t.config_hash, t.snapshot_hash, s.thinned_by IS NOT NULL FROM ticks t"
            " JOIN snapshots s ON s.tick_id = t.id WHERE t.id > ? AND t.session_day > ? AND t.status = 'done'"
            " AND t.session_open = 1 ORDER BY t.id LIMIT 1",
            (tick_id, day.isoformat()),
        ).fetchone()
    return None if row is None else _tick_of(row)


def _tick_of(row: tuple[Any, ...]) -> StoredTick:
    number, mode, config_hash, snapshot_hash, thinned = row
    return StoredTick(number, mode, config_hash, snapshot_hash, bool(thinned))


def config_text(ledger: Ledger, config_hash: str) -> str:
    """Give desk.toml as a tick had it; empty where the ledger does not know that configuration."""
    with _reading(ledger) as connection:
        row = connection.execute("SELECT text FROM configs WHERE hash = ?", (config_hash,)).fetchone()
    return "" if row is None else str(row[0])


def lines_learned(ledger: Ledger, after: int, until: int) -> list[tuple[Activity, str]]:
    """List the lines of history that ticks after one number up to another first saw, oldest first.

    Each with the client order id of the order of ours whose fill it is, or empty.
    """
    with _reading(ledger) as connection:
        rows = connection.execute(
            "SELECT a.id, a.type, a.symbol, a.at, a.qty, a.price, a.net_amount, a.order_id, a.group_id, a.raw_type,"
            " a.description, f.client_order_id FROM activities a LEFT JOIN fills f ON f.execution_id = a.id"
            " AND a.type = 'FILL' WHERE a.tick_id > ? AND a.tick_id <= ? ORDER BY a.at, a.id",
            (after, until),
        ).fetchall()
    lines = []
    for row in rows:
        fact = dict(zip(_NAMES, row[:-1], strict=True))
        fact["at"], fact["price"] = moment_of(row[3]), number_of(row[5])
        lines.append((msgspec.convert(fact, Activity, strict=False), row[-1] or ""))
    return lines


def orders_between(ledger: Ledger, first: datetime, last: datetime) -> tuple[OwnOrder, ...]:
    """List our orders planned from one moment to another, oldest first."""
    with _reading(ledger) as connection:
        rows = connection.execute(
            f"{ORDER_SELECT} WHERE planned_at BETWEEN ? AND ? ORDER BY planned_at, rowid",
            (moment_text(first), moment_text(last)),
        ).fetchall()
    return orders_of(rows)


def steps_of(ledger: Ledger, order: OwnOrder) -> OrderSteps:
    """Give when an order came to the broker and when it ended, as its steps say."""
    steps = ledger.transitions_of(order.client_order_id)
    arrived = next((one.at for one in steps if one.state in ("working", "done")), None)
    ended = next((one for one in reversed(steps) if one.state in ("done", "refused", "not_sent")), None)
    cancelled = any(one.status == "pending_cancel" for one in steps)
    if ended is None:
        return OrderSteps(arrived, None, cancelled, "")
    return OrderSteps(arrived, ended.at, cancelled, ended.reason)
