"""What questions to the ledger come back as: small rows, money as Decimal."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from bot.domain.ledger import Cycle
from bot.store.database import moment_of
from bot.store.rows import number_of


class TickRow(NamedTuple):
    """A tick as it is kept; dollars. Numbers are None where the tick ended before it decided."""

    id: int
    at: datetime
    slot: datetime
    mode: str
    status: str
    broker: str
    market: str
    environment: str
    session_day: date | None
    session_open: bool | None
    halt: str | None
    equity: Decimal | None
    cash: Decimal | None
    buying_power: Decimal | None
    benchmark_price: Decimal | None
    flow: Decimal | None
    snapshot_hash: str | None
    intents: int
    approved: int
    planned: int
    note: str
    duration_ms: float | None
    errors: tuple[str, ...]


class IntentRow(NamedTuple):
    """An intent as it was judged; `status` None means approved and not answered yet."""

    id: int
    tick_id: int
    at: datetime
    position: int
    strategy: str
    purpose: str
    symbol: str
    underlying: str
    side: str
    qty: Decimal
    order_type: str
    limit_price: Decimal | None
    reason: str
    approved: bool
    refused_by: tuple[str, ...]
    client_order_id: str | None
    broker_order_id: str | None
    status: str | None


class GateTally(NamedTuple):
    """One gate over some sessions: refusals, those it alone caused, and its nearest miss."""

    gate: str
    times: int
    sole: int
    symbols: tuple[str, ...]
    reason: str
    value: Decimal | None
    limit: Decimal | None
    unit: str
    distance: Decimal | None


class NoteTally(NamedTuple):
    """What planners passed over for one reason over some sessions, with the newest number."""

    strategy: str
    symbol: str
    subject: str
    reason: str
    times: int
    value: Decimal | None
    limit: Decimal | None
    unit: str


class NoteRow(NamedTuple):
    """One chance a planner passed over."""

    tick_id: int
    at: datetime
    strategy: str
    symbol: str
    subject: str
    reason: str
    value: Decimal | None
    limit: Decimal | None
    unit: str


class FillRow(NamedTuple):
    """What the broker says happened; dollars per share."""

    execution_id: str
    at: datetime
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    client_order_id: str
    strategy: str
    purpose: str


class TransitionRow(NamedTuple):
    """One step in an order's life."""

    at: datetime
    state_before: str
    state: str
    status: str
    filled_qty: Decimal | None
    filled_avg_price: Decimal | None
    reason: str


class ClosedCycle(NamedTuple):
    """A finished turn of the wheel and its result in dollars."""

    cycle: Cycle
    pnl: Decimal


class EquityDay(NamedTuple):
    """Equity at the last tick of a session day; dollars."""

    day: date
    equity: Decimal
    cash: Decimal
    flow: Decimal
    pnl: Decimal | None
    nav: Decimal
    drawdown_fraction: Decimal
    benchmark_price: Decimal | None


class Income(NamedTuple):
    """Income of one group: both books in dollars, and how many entries it sums."""

    group: str
    kind: str
    income: Decimal
    tax_income: Decimal
    times: int


class PositionRow(NamedTuple):
    """A position as the last tick saw it; prices per share, value in dollars."""

    symbol: str
    underlying: str
    owner: str
    qty: Decimal
    avg_entry_price: Decimal | None
    mark: Decimal | None
    mark_source: str | None
    value: Decimal | None
    at: datetime


class EventRow(NamedTuple):
    """One link of the hash chain."""

    id: int
    at: datetime
    kind: str
    tick_id: int | None
    payload: dict[str, Any]
    hash: str


TICK_SELECT = (
    "SELECT id, ts, slot, mode, status, broker, market, environment, session_day, session_open, halt, equity, cash,"
    " buying_power, benchmark_price, flow, snapshot_hash, intents, approved, planned, note, duration_ms, errors_json"
    " FROM ticks"
)
INTENT_SELECT = (
    "SELECT id, tick_id, ts, position, strategy, purpose, symbol, underlying, side, qty, order_type, limit_price,"
    " reason, approved, refused_by, client_order_id, alpaca_order_id, status FROM order_intents"
)
NOTE_SELECT = 'SELECT tick_id, ts, strategy, symbol, subject, reason, value, "limit", unit FROM notes'


def tick_of(row: tuple[Any, ...]) -> TickRow:
    """Read a row of TICK_SELECT."""
    (
        number, ts, slot, mode, status, broker, market, environment, day, is_open, halt, equity, cash, power,
        benchmark, flow, snapshot, intents, approved, planned, note, duration, errors,
    ) = row  # fmt: skip
    return TickRow(
        number, moment_of(ts), moment_of(slot), mode, status, broker, market, environment,
        None if day is None else date.fromisoformat(day), None if is_open is None else bool(is_open), halt,
        number_of(equity), number_of(cash), number_of(power), number_of(benchmark), number_of(flow), snapshot,
        intents or 0, approved or 0, planned or 0, note, duration,
        tuple(msgspec.json.decode(errors)) if errors else (),
    )  # fmt: skip


def intent_of(row: tuple[Any, ...]) -> IntentRow:
    """Read a row of INTENT_SELECT."""
    (
        number, tick_id, ts, position, strategy, purpose, symbol, underlying, side, qty, order_type, limit_price,
        reason, approved, refused_by, order_id, broker_id, status,
    ) = row  # fmt: skip
    return IntentRow(
        number, tick_id, moment_of(ts), position, strategy, purpose, symbol, underlying, side, Decimal(qty),
        order_type, number_of(limit_price), reason, bool(approved), tuple(refused_by.split(",")) if refused_by else (),
        order_id, broker_id, status,
    )  # fmt: skip


def note_of(row: tuple[Any, ...]) -> NoteRow:
    """Read a row of NOTE_SELECT."""
    tick_id, ts, strategy, symbol, subject, reason, value, limit, unit = row
    return NoteRow(tick_id, moment_of(ts), strategy, symbol, subject, reason, number_of(value), number_of(limit), unit)
