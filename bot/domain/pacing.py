"""What a session's orders have used of its pacing: rate, turnover, round trips, refusals of one wish. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bot.domain.clearing import PANIC_STRATEGY
from bot.domain.consent import WishName, carries_on, wish_name
from bot.domain.errors import RefusalCode
from bot.domain.holdings import OrderLeg
from bot.domain.instruments import is_option
from bot.domain.ledger import Counters, Opening, Panic, Rejections, Reprices
from bot.domain.money import ONE, ZERO
from bot.domain.orders import CANCEL_PURPOSES, OwnOrder
from bot.domain.turnover import notional_of

PASSING = frozenset({RefusalCode.RATE_LIMITED.value, RefusalCode.MARKET_CLOSED.value})
"""Refusals that are about the moment and say nothing of the wish."""


def openings_of(orders: tuple[OwnOrder, ...]) -> tuple[Opening, ...]:
    """List a session's openings and reprices with the notional filled or still working (wheel 2.22).

    An order that provably never left and a roll's opening leg count for nothing.
    """
    found: dict[str, Opening] = {}
    known = {order.client_order_id: order for order in orders}
    for order in sorted(orders, key=lambda one: one.planned_at):
        if order.state == "not_sent" or not order.opens or order.purpose in CANCEL_PURPOSES:
            continue
        if order.purpose == "roll_open":
            continue
        opened = notional_of(order, order.qty if order.alive else order.filled_qty)
        before, since = known.get(order.replaces), order.planned_at
        if before is not None and order.replaces in found and order.qty <= before.remaining:
            since = found[order.replaces].since
        found[order.client_order_id] = Opening(
            underlying=order.underlying, at=order.planned_at, since=since, puts=opened.puts, shares=opened.shares,
            price=opened.price,
        )  # fmt: skip
    return tuple(found.values())


def round_trips_of(orders: tuple[OwnOrder, ...]) -> tuple[tuple[str, int], ...]:
    """Count a session's round trips by underlying (F14): what opened, filled and was closed again, once for a closing.

    Of one symbol there are no more of them than it was opened, and no more than it was closed; the parts that a
    reprice filled are one opening or one closing with their predecessor's. Rolls count: a series bought back is closed.
    A closing that still works counts as filled (design 6): its fill may have come since these orders were read.
    """
    opened: dict[str, set[str]] = {}
    closed: dict[str, set[str]] = {}
    name_of: dict[str, str] = {}
    began: dict[str, str] = {}
    for order in sorted(orders, key=lambda one: one.planned_at):
        first = began[order.client_order_id] = began.get(order.replaces, order.client_order_id)
        filled = order.filled_qty > 0
        for leg in order.legs:
            name_of[leg.symbol] = order.underlying
            if leg.position_intent.endswith("_to_open"):
                if filled:
                    opened.setdefault(leg.symbol, set()).add(first)
            elif leg.symbol in opened and (filled or order.alive):
                closed.setdefault(leg.symbol, set()).add(first)
    counts: dict[str, int] = {}
    for symbol, ends in closed.items():
        count = min(len(ends), len(opened[symbol]))
        counts[name_of[symbol]] = counts.get(name_of[symbol], 0) + count
    return tuple(sorted(counts.items()))


def was_refused(order: OwnOrder) -> bool:
    """Say whether the broker definitely refused an order."""
    return order.state == "refused" or (order.state, order.status) == ("done", "rejected")


def rejections_of(
    orders: tuple[OwnOrder, ...], reason_of: Callable[[OwnOrder], str], panic: Panic | None
) -> tuple[Rejections, ...]:
    """Count a session's definite refusals by wish, each with the newest reason; only what was refused is looked up.

    A panic said again starts anew: its owner has seen why it was refused.
    """
    found: dict[tuple[str, str, str], Rejections] = {}
    for order in sorted(orders, key=lambda one: one.planned_at):
        if not was_refused(order):
            continue
        reason = reason_of(order)
        if reason.partition(":")[0] in PASSING:
            continue
        if panic is not None and order.strategy == PANIC_STRATEGY and order.planned_at < panic.at:
            continue
        wish = (order.strategy, order.purpose, order.underlying)
        times = found[wish].count + 1 if wish in found else 1
        found[wish] = Rejections(
            strategy=order.strategy, purpose=order.purpose, underlying=order.underlying, count=times, reason=reason
        )
    return tuple(found.values())


def count_orders(orders: tuple[OwnOrder, ...]) -> Counters:
    """Count what a session's orders have used of its pacing (wheel 1.5).

    An order that provably never left counts for nothing, and neither does a roll's opening leg. A reprice of an opening
    is an order of its own; new contracts are those filled or still working, so its predecessor counts only as filled.
    A reprice of an exit counts apart: an exit that follows its market must not use up what other exits need.
    """
    opening = exits = 0
    contracts: dict[str, int] = {}
    sent = {order.client_order_id: order for order in orders}
    reprices: dict[WishName, int] = {}
    for order in orders:
        if order.state == "not_sent" or order.purpose in CANCEL_PURPOSES or order.purpose == "roll_open":
            continue
        if not order.opens:
            before = sent.get(order.replaces)
            if before is not None and carries_on(order, before):
                reprices[wish_name(order)] = reprices.get(wish_name(order), 0) + 1
            else:
                exits += 1
            continue
        opening += 1
        units = order.qty if order.alive else order.filled_qty
        count = int(units * _contracts_each(order.legs))  # by its legs, whatever purpose it claims
        if count:
            contracts[order.underlying] = contracts.get(order.underlying, 0) + count
    return Counters(
        orders_today=opening, exits_today=exits, contracts_today=tuple(sorted(contracts.items())),
        openings=openings_of(orders), round_trips=round_trips_of(orders),
        exit_reprices=tuple(
            Reprices(strategy=strategy, purpose=purpose, key=key, count=count)
            for (strategy, purpose, key), count in sorted(reprices.items())
        ),
    )  # fmt: skip


def _contracts_each(legs: tuple[OrderLeg, ...]) -> Decimal:
    """Count the option contracts that one unit opens short; bought ones where it opens none short."""
    opened: dict[str, Any] = {"sell_to_open": ZERO, "buy_to_open": ZERO}
    for leg in legs:
        if leg.position_intent in opened and is_option(leg.symbol):
            opened[leg.position_intent] += leg.ratio * ONE
    sold: Decimal = opened["sell_to_open"]
    bought: Decimal = opened["buy_to_open"]
    return sold or bought
