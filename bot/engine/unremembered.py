"""Orders that carry this desk's name and that its ledger does not know: it was restored, or it is not alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.domain.holdings import BrokerOrder
from bot.domain.money import plain
from bot.domain.orders import OwnOrder, carries_name
from bot.engine.ports import Memory, Reads, Settlement


def unknown_orders(
    reads: Reads, memory: Memory, desk: str, find_own: Callable[[str], OwnOrder | None]
) -> tuple[BrokerOrder, ...]:
    """List the orders that carry this desk's name without a row of ours."""
    known = {one.client_order_id for one in (*memory.own_orders, *memory.recent_orders)}
    return tuple(
        one
        for one in reads.orders
        if one.client_order_id not in known
        and carries_name(desk, one.client_order_id)
        and find_own(one.client_order_id) is None
    )


def unremembered(
    unknown: Iterable[BrokerOrder], recognised: Iterable[OwnOrder], settlement: Settlement
) -> tuple[str, ...]:
    """Name what of it was not recognised either: it lives, just filled, or left something foreign."""
    ours = {one.client_order_id for one in recognised}
    strange = [one for one in unknown if one.client_order_id not in ours]
    if not strange:
        return ()
    filled = {fill.broker_order_id for fill in settlement.fills}
    foreign = {held.position.symbol for held in settlement.held if held.owner in ("foreign", "mixed")}
    return tuple(
        _words(one, foreign)
        for one in strange
        if not one.terminal
        or not filled.isdisjoint((one.broker_order_id, *one.leg_ids))
        or (one.filled_qty and any(leg.symbol in foreign for leg in one.legs))
    )


def _words(order: BrokerOrder, foreign: set[str]) -> str:
    legs = ", ".join(f"{leg.position_intent} {leg.symbol}" for leg in order.legs)
    told = (
        f"order {order.client_order_id} ({legs}; {order.status}, {plain(order.filled_qty)} of {plain(order.qty)} "
        "filled) carries this desk's name, this ledger never planned it, and no wish this desk can have had gives its "
        "id: it is of another home of this desk, was changed by hand, or served what this ledger does not know"
    )
    if not order.terminal:
        return f"{told}. It counts in risk and is not touched: let it end, or cancel it at the broker"
    adopt = [f"`bot adopt {leg.symbol}`" for leg in order.legs if leg.symbol in foreign]
    return f"{told}. What it opened counts as foreign: {', '.join(adopt)}" if adopt else told
