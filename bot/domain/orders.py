"""From wanting to sending: intents, verdicts, order requests, order states.

An order's life (`orders.state`), ours and nobody else's:

    planned --> sending --> working --> done        (filled, canceled, expired, rejected at the broker)
       |           |           ^
       |           +--> unknown                     (left, no proof came back; ends only by proof)
       |           +--> refused                     (a definite no)
       +--> not_sent                                (provably never left)
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Literal

from bot.domain.checks import CheckResult
from bot.domain.facts import Fact
from bot.domain.holdings import OrderLeg, OrderType, TimeInForce
from bot.domain.money import plain

Purpose = Literal[
    "cash_secured_put",
    "covered_call",
    "roll_close",
    "roll_open",
    "owner_close",
    "ex_dividend_close",
    "expiry_close",
    "take_profit",
    "premium_stop",
    "time_exit",
    "trailing_stop",
    "cancel_stop",
    "cancel_stale",
    "open",
    "close",
]

# Purposes that open a chain leg sold for premium; a roll's opening leg is apart (wheel.md 1.5).
ENTRY_PURPOSES = frozenset({"cash_secured_put", "covered_call", "open"})
CANCEL_PURPOSES = frozenset({"cancel_stop", "cancel_stale"})

PRICES_OF: dict[OrderType, tuple[str, ...]] = {
    "market": (),
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("stop_price", "limit_price"),
    "trailing_stop": ("trail_percent",),
}
"""The fields of an order that its type asks for."""

OrderState = Literal["planned", "sending", "working", "unknown", "refused", "not_sent", "done"]
UNRESOLVED_STATES = frozenset({"sending", "unknown"})
LIVE_STATES = frozenset({"planned", "sending", "unknown", "working"})


class OrderIntent(Fact, frozen=True, kw_only=True):
    """What a planner would like to do, and why; not yet an order.

    `key` is unique within its plan: the lot or cycle it serves. Quantities in shares, contracts or
    units of a multi-leg order. Prices per share on the instrument's grid; a multi-leg price is
    signed, negative is a credit. `replaces` names a working order of ours (client order id) that is
    cancelled, and confirmed gone, first. An intent with `action` "cancel" only does that and has no legs.
    `numbers` are what the planner looked at, as (name, text) pairs for the owner's eyes. `high_water_mark` is
    the stored mark a trailing stop is re-armed with; `roll` names the roll an order serves.
    """

    strategy: str
    purpose: Purpose
    key: str
    underlying: str
    action: Literal["submit", "cancel"] = "submit"
    legs: tuple[OrderLeg, ...] = ()
    qty: Decimal = Decimal(0)
    order_type: OrderType = "limit"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    high_water_mark: Decimal | None = None
    time_in_force: TimeInForce = "day"
    replaces: str = ""
    step: int = 0
    """Step of the price ladder (wheel.md 2.3): 0 mid, 1 and 2 thirds, 3 natural."""
    cycle: str = ""
    lot: str = ""
    roll: str = ""
    roll_ticks_max: int = 0
    reason: str
    numbers: tuple[tuple[str, str], ...] = ()

    @property
    def opens(self) -> bool:
        """Say whether any leg opens a position."""
        return any(leg.position_intent.endswith("_to_open") for leg in self.legs)

    @property
    def symbol(self) -> str:
        """Give the traded symbol, or the underlying where there are several legs."""
        return self.legs[0].symbol if len(self.legs) == 1 else self.underlying

    @property
    def side(self) -> str:
        """Give the side as the owner reads it: sell_to_open and its kin, `mleg` or `cancel`."""
        if not self.legs:
            return "cancel"
        return self.legs[0].position_intent if len(self.legs) == 1 else "mleg"


class Verdict(Fact, frozen=True, kw_only=True):
    """An intent with all of its check results, in gate order."""

    intent: OrderIntent
    checks: tuple[CheckResult, ...]

    @property
    def approved(self) -> bool:
        """Say whether every gate allowed it. No checks means refused."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    @property
    def reason(self) -> str:
        """Give the intent's own reason, or every refusing gate with its reason."""
        if self.approved:
            return self.intent.reason
        refusals = [f"{check.gate}: {check.reason}" for check in self.checks if not check.ok]
        return "; ".join(refusals) if refusals else "no gate was asked"


class OrderRequest(Fact, frozen=True, kw_only=True):
    """What is sent to a broker: an approved intent with its id."""

    client_order_id: str
    legs: tuple[OrderLeg, ...]
    qty: Decimal
    order_type: OrderType
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    high_water_mark: Decimal | None = None
    time_in_force: TimeInForce


class OwnOrder(Fact, frozen=True, kw_only=True):
    """An order of ours as the ledger keeps it, joined with what the broker last said.

    `status` is the broker's word (empty before any answer). `submitted_at` is when it was planned.
    """

    client_order_id: str
    broker_order_id: str = ""
    strategy: str
    purpose: Purpose
    key: str
    underlying: str
    legs: tuple[OrderLeg, ...]
    qty: Decimal
    filled_qty: Decimal = Decimal(0)
    filled_avg_price: Decimal | None = None
    order_type: OrderType
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    high_water_mark: Decimal | None = None
    time_in_force: TimeInForce
    state: OrderState
    status: str = ""
    step: int = 0
    cycle: str = ""
    lot: str = ""
    roll: str = ""
    roll_ticks_max: int = 0
    replaces: str = ""
    slot: datetime
    planned_at: datetime
    attempt: int = 0

    @property
    def remaining(self) -> Decimal:
        """Give what can still fill."""
        return max(self.qty - self.filled_qty, Decimal(0))

    @property
    def is_entry(self) -> bool:
        """Say whether it opens something anew: reprices are no new entries."""
        return self.purpose in ENTRY_PURPOSES and not self.replaces

    @property
    def alive(self) -> bool:
        """Say whether it may still fill (an unresolved one may)."""
        return self.state in LIVE_STATES

    @property
    def opens(self) -> bool:
        """Say whether any leg opens a position."""
        return any(leg.position_intent.endswith("_to_open") for leg in self.legs)


TAKEN_STATES = frozenset({"working", "done"})
"""States of an order that the broker took. One whose end is not proved counts for no entry: it may never have left."""


def counts_as_entry(state: str, status: str) -> bool:
    """Say whether an order in this state was taken by the broker and not rejected after."""
    return state in TAKEN_STATES and (state, status) != ("done", "rejected")


ID_DIGITS = 24
"""Hexadecimal digits after the desk's name in the id of an order."""


def client_order_id(desk: str, intent: OrderIntent, slot: datetime, attempt: int) -> str:
    """Name an order for good: the same wish in the same slot has the same id (design 10).

    `<desk>-` and 24 hexadecimal digits of SHA-256 over strategy, purpose, key, slot, legs with
    sides, quantity and attempt. The attempt rises only when the former one is terminal by proof.
    """
    legs = ",".join(f"{leg.symbol}:{leg.position_intent}:{leg.ratio}" for leg in intent.legs)
    text = "|".join(
        (intent.strategy, intent.purpose, intent.key, slot.isoformat(), legs, plain(intent.qty), str(attempt))
    )
    return f"{desk}-{hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]}"


def carries_name(desk: str, order_id: str) -> bool:
    """Say whether an order's id is one that a desk of this name gives.

    >>> carries_name("desk", "desk-" + "0a" * 12), carries_name("desk", "desk-two-" + "0a" * 12)
    (True, False)
    """
    mark = order_id.removeprefix(f"{desk}-")
    return len(mark) == len(order_id) - len(desk) - 1 == ID_DIGITS and not mark.strip("0123456789abcdef")


def leg(symbol: str, position_intent: str, ratio: int = 1) -> OrderLeg:
    """Build a leg; the side follows from the position intent.

    >>> leg("SPY", "sell_to_close").side
    'sell'
    """
    assert position_intent in ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"), position_intent
    side: Literal["buy", "sell"] = "buy" if position_intent.startswith("buy") else "sell"
    return OrderLeg(symbol=symbol, side=side, ratio=ratio, position_intent=position_intent)  # type: ignore[arg-type]
