"""Facts to rows and back: one column a field, decimals and moments as text, legs as JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from bot.domain.facts import Fact
from bot.domain.holdings import Activity, OrderLeg
from bot.domain.ledger import Cycle, Lot, OptionLeg, Roll
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.engine.ports import Fill, LegEnd, LotEnd
from bot.store.database import moment_text

F = TypeVar("F", bound=Fact)

to_json = msgspec.json.Encoder(order="deterministic").encode


def text_of(value: Decimal | None) -> str | None:
    """Write an exact number, or nothing."""
    return None if value is None else str(value)


def number_of(text: str | None) -> Decimal | None:
    """Read an exact number, or nothing."""
    return None if text is None else Decimal(text)


def optional_moment(at: datetime | None) -> str | None:
    """Write a moment, or nothing."""
    return None if at is None else moment_text(at)


class FactTable(Generic[F]):
    """A table whose first columns are a fact's fields; `end` is the column that is NULL while it is open."""

    def __init__(self, kind: str, table: str, fact: type[F], *, end: str, moments: tuple[str, ...]) -> None:
        self.kind = kind
        self.table = table
        self.fact = fact
        self.fields = tuple(fact.__struct_fields__)
        self._moments = moments
        quoted = [f'"{name}"' for name in self.fields]
        self.select = f"SELECT {', '.join(quoted)} FROM {table}"
        self._open = f"{self.select} WHERE {end} IS NULL"
        self.close_sql = f"UPDATE {table} SET {end} = ? WHERE id = ?"
        columns = [*quoted, "tick_id"] if end in self.fields else [*quoted, "tick_id", end]
        self.columns = tuple(columns)
        self.names = tuple(name.strip('"') for name in columns)
        values = [f":{name}" for name in self.names]
        kept = [name for name in columns if name not in ('"id"', "tick_id")]
        self._upsert = (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)})"
            f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in kept)}"
        )
        self._end = end
        self._of: Callable[[tuple[Any, ...]], F] = lru_cache(maxsize=512)(self._convert)

    def _convert(self, row: tuple[Any, ...]) -> F:
        return msgspec.convert(dict(zip(self.fields, row, strict=True)), self.fact)

    def of(self, rows: Iterable[tuple[Any, ...]]) -> tuple[F, ...]:
        """Turn rows of `select` into facts; an equal row gives the same fact, for facts never change."""
        return tuple([self._of(row) for row in rows])

    def read_open(self, connection: sqlite3.Connection) -> tuple[F, ...]:
        """Read everything that is open, in the order it came."""
        return self.of(connection.execute(self._open).fetchall())

    def write(
        self, connection: sqlite3.Connection, facts: Iterable[F], tick_id: int | None, ended_at: str | None = None
    ) -> None:
        """Insert or update facts; `ended_at` marks them closed where the fact has no such field of its own."""
        connection.executemany(self._upsert, [self.row(fact, tick_id, ended_at) for fact in facts])

    def row(self, fact: F, tick_id: int | None, ended_at: str | None = None) -> dict[str, Any]:
        """Turn a fact into the values of its row, by column."""
        row: dict[str, Any] = msgspec.to_builtins(fact)
        for name in self._moments:
            row[name] = optional_moment(getattr(fact, name))
        row["tick_id"] = tick_id
        row.setdefault(self._end, ended_at)
        return row


LOTS = FactTable("lot", "lots", Lot, end="closed_at", moments=("opened_at",))
LEGS = FactTable("leg", "option_legs", OptionLeg, end="closed_at", moments=("opened_at",))
CYCLES = FactTable("cycle", "cycles", Cycle, end="closed_at", moments=("opened_at", "closed_at"))
ROLLS = FactTable("roll", "rolls", Roll, end="ended_at", moments=("started_at",))

ORDER_FIELDS = tuple(OwnOrder.__struct_fields__)
ORDER_SELECT = f"SELECT {', '.join(ORDER_FIELDS)} FROM orders"
_ORDER_COLUMNS = (*ORDER_FIELDS, "tick_id", "session_day", "ended_at")
ORDER_INSERT = f"INSERT INTO orders ({', '.join(_ORDER_COLUMNS)}) VALUES ({', '.join('?' for _ in _ORDER_COLUMNS)})"


def legs_text(legs: tuple[OrderLeg, ...]) -> str:
    """Write an order's legs as JSON."""
    return to_json(legs).decode()


@lru_cache(maxsize=1024)
def order_of(row: tuple[Any, ...]) -> OwnOrder:
    """Turn a row of ORDER_SELECT into an order; an equal row gives the same order, for facts never change."""
    fact = dict(zip(ORDER_FIELDS, row, strict=True))
    fact["legs"] = msgspec.json.decode(fact["legs"])
    return msgspec.convert(fact, OwnOrder)


def orders_of(rows: Iterable[tuple[Any, ...]]) -> tuple[OwnOrder, ...]:
    """Turn rows of ORDER_SELECT into orders."""
    return tuple([order_of(row) for row in rows])


def order_row(order: OwnOrder, tick_id: int, session_day: str) -> tuple[Any, ...]:
    """Turn a new order into the values of ORDER_INSERT."""
    row: dict[str, Any] = msgspec.to_builtins(order)
    row["legs"] = legs_text(order.legs)
    row["slot"] = moment_text(order.slot)
    row["planned_at"] = moment_text(order.planned_at)
    row["tick_id"] = tick_id
    row["session_day"] = session_day
    row["ended_at"] = None if order.alive else row["planned_at"]
    return tuple([row[name] for name in _ORDER_COLUMNS])


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"


ACTIVITY_COLUMNS = (
    "id", "type", "symbol", "tick_id", "at", "day", "qty", "price", "net_amount", "order_id", "group_id", "raw_type",
    "description",
)  # fmt: skip
FILL_COLUMNS = (
    "execution_id", "tick_id", "broker_order_id", "client_order_id", "symbol", "side", "qty", "price", "at", "strategy",
    "purpose", "cycle",
)  # fmt: skip
LEG_END_COLUMNS = (
    "tick_id", "leg_id", "symbol", "underlying", "qty", "how", "at", "day", "price", "income", "tax_income",
)  # fmt: skip
LOT_END_COLUMNS = ("tick_id", "lot_id", "symbol", "qty", "how", "at", "day", "price", "income", "tax_income")
ACTIVITY_INSERT = _insert("activities", ACTIVITY_COLUMNS)
FILL_INSERT = f"{_insert('fills', FILL_COLUMNS)} ON CONFLICT (execution_id) DO NOTHING"
LEG_END_INSERT = _insert("leg_ends", LEG_END_COLUMNS)
LOT_END_INSERT = _insert("lot_ends", LOT_END_COLUMNS)


def activity_row(one: Activity, tick_id: int | None) -> tuple[Any, ...]:
    """Turn a line of history into the values of ACTIVITY_INSERT; `tick_id` None is an import's."""
    return (
        one.id, one.kind, one.symbol, tick_id, moment_text(one.at), new_york_day(one.at).isoformat(), str(one.qty),
        text_of(one.price), str(one.net_amount), one.order_id, one.group_id, one.raw_type, one.description,
    )  # fmt: skip


def fill_row(fill: Fill, tick_id: int | None) -> tuple[Any, ...]:
    """Turn a fill into the values of FILL_INSERT; `tick_id` None is an import's."""
    return (
        fill.execution_id, tick_id, fill.broker_order_id, fill.client_order_id, fill.symbol, fill.side, str(fill.qty),
        str(fill.price), moment_text(fill.at), fill.strategy, fill.purpose, fill.cycle,
    )  # fmt: skip


def leg_end_row(end: LegEnd, tick_id: int | None) -> tuple[Any, ...]:
    """Turn an ended leg into the values of LEG_END_INSERT; `tick_id` None is an import's."""
    return (
        tick_id, end.leg.id, end.leg.symbol, end.leg.underlying, str(end.qty), end.how, moment_text(end.at),
        new_york_day(end.at).isoformat(), str(end.price), str(end.income), str(end.tax_income),
    )  # fmt: skip


def lot_end_row(end: LotEnd, tick_id: int | None) -> tuple[Any, ...]:
    """Turn shares that left into the values of LOT_END_INSERT; `tick_id` None is an import's."""
    return (
        tick_id, end.lot.id, end.lot.symbol, str(end.qty), end.how, moment_text(end.at),
        new_york_day(end.at).isoformat(), str(end.price), str(end.income), str(end.tax_income),
    )  # fmt: skip
