"""Orders and rolls of the past, made out of the fills that carry one order id or stand beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from bot.domain.holdings import Activity, OrderLeg, PositionIntent
from bot.domain.instruments import is_option, underlying_of
from bot.domain.money import ZERO
from bot.domain.orders import OwnOrder, leg
from bot.domain.sessions import new_york_day, slot_of

STRATEGY = "history"


class Piece(NamedTuple):
    """A line, or the part of a fill that did one thing; `intent` None is not followed.

    `cost_share` is what a buy-back paid over what it was sold for; `moved` what the whole line did to the position,
    where that is not the line's own quantity.
    """

    line: Activity
    intent: PositionIntent | None
    cost_share: Decimal | None = None
    moved: Decimal | None = None


def rolls_in(pieces: Sequence[Piece]) -> tuple[frozenset[str], frozenset[str]]:
    """Find short puts bought back and sold again on one day: the ids of both fills.

    A roll has no mark in the broker's lines. One order of several legs is one; so are two orders of one New York day
    when the buy-back lost money. Taking profit and selling again begins a new cycle (wheel 2.13).
    """
    opens: dict[tuple[str, date], list[tuple[int, Activity]]] = {}
    for number, piece in enumerate(pieces):
        if piece.intent == "sell_to_open" and _is_put(piece.line.symbol):
            key = (underlying_of(piece.line.symbol), new_york_day(piece.line.at))
            opens.setdefault(key, []).append((number, piece.line))
    rolled: set[str] = set()
    reopened: set[str] = set()
    for number, piece in enumerate(pieces):
        line = piece.line
        if piece.intent != "buy_to_close" or not _is_put(line.symbol):
            continue
        costly = piece.cost_share is not None and piece.cost_share > 1
        for later, other in opens.get((underlying_of(line.symbol), new_york_day(line.at)), ()):
            one_order = bool(line.order_id) and line.order_id == other.order_id
            if other.symbol != line.symbol and (one_order or (costly and later > number)):
                rolled.add(line.id)
                reopened.add(other.id)
                break
    return frozenset(rolled), frozenset(reopened)


def _is_put(symbol: str) -> bool:
    return is_option(symbol) and symbol[-9] == "P"


def orders_of(pieces: Iterable[Piece]) -> dict[str, OwnOrder]:
    """Make orders out of the fills that carry one order id, by line id.

    An order that crosses zero in one symbol is two: what it closed and what it opened.
    """
    groups: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.intent is None:
            continue
        name = piece.line.order_id or f"fill-{piece.line.id}"
        group = groups.setdefault(name, [])
        crosses = any(one.line.symbol == piece.line.symbol and one.intent != piece.intent for one in group)
        (groups.setdefault(f"{name}-open", []) if crosses else group).append(piece)
    found: dict[str, OwnOrder] = {}
    for name, group in groups.items():
        order = _order(name, group)
        found.update((piece.line.id, order) for piece in group)
    return found


def _order(name: str, group: Sequence[Piece]) -> OwnOrder:
    sizes: dict[tuple[str, PositionIntent], Decimal] = {}
    paid = ZERO
    for piece in group:
        assert piece.intent is not None
        key = (piece.line.symbol, piece.intent)
        sizes[key] = sizes.get(key, ZERO) + abs(piece.line.qty)
        paid += piece.line.qty * (piece.line.price or ZERO)
    qty = min(sizes.values())
    legs = tuple(_leg(symbol, intent, size, qty) for (symbol, intent), size in sizes.items())
    price = paid / qty
    opens = any(one.position_intent.endswith("_to_open") for one in legs)
    at = group[0].line.at
    return OwnOrder(
        client_order_id=f"history-{name}",
        broker_order_id=group[0].line.order_id,
        strategy=STRATEGY,
        purpose="open" if opens else "close",
        key=name,
        underlying=underlying_of(legs[0].symbol),
        legs=legs,
        qty=qty,
        filled_qty=qty,
        filled_avg_price=abs(price) if len(legs) == 1 else price,
        order_type="limit",
        limit_price=abs(price) if len(legs) == 1 else price,
        time_in_force="day",
        state="done",
        status="filled",
        slot=slot_of(at),
        planned_at=at,
    )


def _leg(symbol: str, intent: PositionIntent, size: Decimal, qty: Decimal) -> OrderLeg:
    ratio = size / qty
    return leg(symbol, intent, int(ratio) if ratio == ratio.to_integral_value() else 1)
