"""Fills that an order shows and the history does not list yet: reads of one tick are not one instant."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.money import ZERO
from bot.domain.orders import OwnOrder
from bot.engine.ports import Memory, Reads
from bot.engine.settle_ledger import Ledger


class Unlisted(NamedTuple):
    """Signed quantities by symbol: all that is not listed, and the part so new that no position may show it yet."""

    fills: dict[str, Decimal]
    hidden: dict[str, Decimal]


def newly_filled(memory: Memory, orders: dict[str, OwnOrder], at: datetime, apart: timedelta) -> dict[str, Decimal]:
    """Give by id the units our orders filled since they were last looked at, or were sent moments ago."""
    before = {one.client_order_id: one.filled_qty for one in (*memory.recent_orders, *memory.own_orders)}
    found: dict[str, Decimal] = {}
    for name, order in orders.items():
        if order.filled_qty > 0:
            known = ZERO if at - order.planned_at <= apart else before.get(name, ZERO)
            if order.filled_qty > known:
                found[name] = order.filled_qty - known
    return found


def unlisted_fills(ledger: Ledger, orders: dict[str, OwnOrder], more: dict[str, Decimal]) -> Unlisted:
    """Sum what orders show as filled and the history does not, leg by leg; `more` is the units new of it, by id."""
    found = Unlisted({}, {})
    for order in orders.values():
        for leg in order.legs if order.filled_qty > 0 else ():
            missing = order.filled_qty * leg.ratio - ledger.booked(order, leg.symbol)
            if missing <= 0:
                continue
            sign = 1 if leg.side == "buy" else -1
            new = min(missing, more.get(order.client_order_id, ZERO) * leg.ratio)
            found.fills[leg.symbol] = found.fills.get(leg.symbol, ZERO) + sign * missing
            if new > 0:
                found.hidden[leg.symbol] = found.hidden.get(leg.symbol, ZERO) + sign * new
    return found


def strangers_fills(reads: Reads, orders: dict[str, OwnOrder]) -> dict[str, Decimal]:
    """Sum by symbol, signed, what orders of nobody of ours show as filled and the history does not list yet.

    A liquidation by the broker and the owner's own sale there are such orders.
    """
    found: dict[str, Decimal] = {}
    for order in reads.orders:
        if order.client_order_id in orders or order.filled_qty <= 0:
            continue
        names = (order.broker_order_id, *order.leg_ids)
        for leg in order.legs:
            lines = (one for one in reads.activities if one.kind == "FILL" and one.order_id in names)
            booked = sum((abs(one.qty) for one in lines if one.symbol == leg.symbol), ZERO)
            missing = order.filled_qty * leg.ratio - booked
            if missing > 0:
                sign = 1 if leg.side == "buy" else -1
                found[leg.symbol] = found.get(leg.symbol, ZERO) + sign * missing
    return found
