"""Prices of working orders: one concession a tick towards the natural price, never back (wheel 2.3).

A follow-up is a tick too (design 14): an order may move once in each.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from bot.domain.instruments import underlying_of
from bot.domain.market import Quote
from bot.domain.money import ZERO
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.snapshot import Snapshot
from bot.domain.wheelmath import LADDER_LAST, ladder_limit


class Rung(NamedTuple):
    """A step of the ladder and its limit."""

    step: int
    limit: Decimal


def buy_limit(quote: Quote, step: int) -> Decimal | None:
    """Give the limit to buy at a step; without a bid there is no mid and the ask stands alone. None without an ask."""
    if quote.ask is None or quote.ask <= 0:
        return None
    if quote.bid is None or not ZERO < quote.bid < quote.ask:
        return quote.ask if quote.bid is None or quote.bid < quote.ask else None
    limit = ladder_limit(
        underlying_of(quote.symbol), quote.bid, quote.ask, step, sell=False, penny=quote.penny
    )  # fmt: skip
    return limit if limit > 0 else quote.ask


def sell_limit(quote: Quote, step: int, credit_min: Decimal) -> Decimal | None:
    """Give the limit to sell at a step, never below `credit_min`; None unless 0 < bid < ask."""
    if quote.bid is None or quote.ask is None or not quote.valid:
        return None
    root = underlying_of(quote.symbol)
    return ladder_limit(root, quote.bid, quote.ask, step, sell=True, penny=quote.penny, credit_min=credit_min)


def may_move(order: OwnOrder, snapshot: Snapshot) -> bool:
    """Say whether a working order may be repriced now: in a later slot or a follow-up, never while it is unsettled."""
    waiting = order.status in ("pending_cancel", "pending_replace", "pending_new")
    later = order.slot < snapshot.slot or (snapshot.follow_up > 0 and order.planned_at < snapshot.at)
    return order.state == "working" and not waiting and later and order.remaining > 0


def next_rung(order: OwnOrder, quote: Quote, *, sell: bool, credit_min: Decimal = ZERO) -> Rung | None:
    """Give the next concession of a working order, or None where it stays.

    Steps whose limit concedes nothing are passed over: in a market a cent wide, mid and thirds are one price. At the
    last step a purchase, which is an exit, follows the ask; a sale stays where it is.
    """
    if order.limit_price is None:
        return None
    first = order.step + 1 if sell else min(order.step + 1, LADDER_LAST)
    for step in range(first, LADDER_LAST + 1):
        limit = sell_limit(quote, step, credit_min) if sell else buy_limit(quote, step)
        if limit is None:
            return None
        if (limit < order.limit_price) if sell else (limit > order.limit_price):
            return Rung(step, limit)
    return None


def repriced(order: OwnOrder, rung: Rung, reason: str, numbers: tuple[tuple[str, str], ...] = ()) -> OrderIntent:
    """Give the successor of a working order: the same wish for what is left of it, one rung on."""
    return OrderIntent(
        strategy=order.strategy, purpose=order.purpose, key=order.key, underlying=order.underlying, legs=order.legs,
        qty=order.remaining, limit_price=rung.limit, replaces=order.client_order_id, step=rung.step,
        cycle=order.cycle, lot=order.lot, roll=order.roll, roll_ticks_max=order.roll_ticks_max, reason=reason,
        numbers=numbers,
    )  # fmt: skip


def withdrawn(order: OwnOrder, reason: str) -> OrderIntent:
    """Give the cancellation of a working order that is no longer wanted."""
    return OrderIntent(
        strategy=order.strategy, purpose="cancel_stale", key=f"cancel-{order.client_order_id}",
        underlying=order.underlying, action="cancel", replaces=order.client_order_id, cycle=order.cycle,
        lot=order.lot, roll=order.roll, reason=reason,
    )  # fmt: skip
