"""What of the record is worth telling, as facts: what happened since it was last looked at, and how it stands now."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bot.domain.facts import Fact
from bot.domain.invariants import Invariant
from bot.domain.ledger import Halt, Proposal
from bot.domain.money import ZERO
from bot.domain.trip import Trip


class SeenEvent(Fact, frozen=True, kw_only=True):
    """One record of the chain that is no tick: a word of a person, a trip wire, an alarm, a drill."""

    number: int
    at: datetime
    kind: str
    facts: dict[str, Any]


class SeenTick(Fact, frozen=True, kw_only=True):
    """One sealed tick: how it ended, and what it could not read."""

    tick_id: int
    at: datetime
    slot: datetime
    status: str
    note: str = ""
    errors: tuple[str, ...] = ()


class SeenFill(Fact, frozen=True, kw_only=True):
    """What one order of ours, or one of its legs, traded as one tick learned of it; price per share is the mean."""

    tick_id: int
    order: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    at: datetime
    strategy: str
    purpose: str


class EndedOrder(Fact, frozen=True, kw_only=True):
    """An order of ours that can fill no more. `asked` says that we cancelled it; what filled stands in `filled_qty`."""

    tick_id: int
    at: datetime
    order: str
    strategy: str
    purpose: str
    what: str
    qty: Decimal
    filled_qty: Decimal
    state: str
    status: str
    reason: str
    asked: bool


class SeenEnd(Fact, frozen=True, kw_only=True):
    """An option leg or a lot that ended by assignment, exercise or expiry; `income` in dollars."""

    tick_id: int
    key: str
    at: datetime
    symbol: str
    qty: Decimal
    how: str
    income: Decimal


class ClosedTurn(Fact, frozen=True, kw_only=True):
    """A turn of the wheel that is over; dollars."""

    tick_id: int
    id: str
    symbol: str
    strategy: str
    opened_at: datetime
    closed_at: datetime
    pnl: Decimal
    assignments: int = 0


class SeenIncome(Fact, frozen=True, kw_only=True):
    """A dividend or interest as the broker listed it; dollars."""

    tick_id: int
    key: str
    kind: str
    symbol: str
    at: datetime
    amount: Decimal = ZERO


class Blocked(Fact, frozen=True, kw_only=True):
    """Refusals by one gate on one day, folded: how many, and the newest of them in words."""

    day: str
    gate: str
    opens: bool
    count: int
    at: datetime
    tick_id: int
    strategy: str
    symbol: str
    reason: str


class SeenDrift(Fact, frozen=True, kw_only=True):
    """A difference between broker and books that nothing explains: when first seen, or when it was gone."""

    tick_id: int
    symbol: str
    what: str
    at: datetime
    gone: bool


class SeenGap(Fact, frozen=True, kw_only=True):
    """Slots of one session in which no tick ran."""

    number: int
    tick_id: int
    day: date
    first: datetime
    last: datetime
    slots: int


class Noticed(Fact, frozen=True, kw_only=True):
    """Everything alerts are made of. What stands is as of the newest tick; `open` are keys of alerts that last."""

    at: datetime
    events: tuple[SeenEvent, ...] = ()
    ticks: tuple[SeenTick, ...] = ()
    fills: tuple[SeenFill, ...] = ()
    orders: tuple[EndedOrder, ...] = ()
    ends: tuple[SeenEnd, ...] = ()
    turns: tuple[ClosedTurn, ...] = ()
    income: tuple[SeenIncome, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    drift: tuple[SeenDrift, ...] = ()
    gaps: tuple[SeenGap, ...] = ()
    open: frozenset[str] = frozenset()
    invariants: tuple[Invariant, ...] = ()
    trips: tuple[Trip, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    alarm: bool = False
    halt_file: Halt | None = None
    drill_lapses: datetime | None = None
    """When the pass of the drill lapses, where real money needs one and it lapses soon or has lapsed."""
    newest_tick: tuple[int, datetime] | None = None
