"""Alpaca's orders in the house's words.

A multi-leg parent carries its legs; they never appear as orders of their own. Children of a bracket do: they are
orders in their own right. What is alive and cannot be read is an error (it could hide risk); what is over needs only
its end. What was left out or is new, and what it is taken for, stands in `odd`.

Where no position intent is said: shares bought open and shares sold close, as in an account that holds no short
shares; an option counts as opening either way, because that takes cash or collateral and frees nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, get_args

from bot.brokers.alpaca_account import sane
from bot.domain.errors import BrokerUnreachable
from bot.domain.holdings import (
    TERMINAL_STATUSES,
    BrokerOrder,
    OrderLeg,
    OrderType,
    PositionIntent,
    TimeInForce,
)
from bot.domain.instruments import is_option
from bot.domain.money import ONE, ZERO, plain
from bot.domain.orders import leg
from bot.venues.parsing import Notes, decimal_of, moment_of, shown, whole_of, word_of

SPELLINGS = {"cancelled": "canceled", "pending_cancelled": "pending_cancel", "partial_fill": "partially_filled"}
INTENTS = frozenset(get_args(PositionIntent))
TYPES: dict[str, OrderType] = {one: one for one in get_args(OrderType)}
TIMES: dict[str, TimeInForce] = {"day": "day", "gtc": "gtc"}
ENDS = ("filled_at", "canceled_at", "expired_at", "failed_at", "replaced_at")
RATIO_MAX = 10_000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class ListedOrder(NamedTuple):
    """An order with the ids of the orders it replaces and is replaced by ("" where none)."""

    order: BrokerOrder
    replaces: str = ""
    replaced_by: str = ""


class _Unreadable(Exception):
    """Why an order cannot be read."""


def orders_of(raw: dict[str, Any]) -> list[ListedOrder]:
    """Read one row of a listing: the order, and the children of a bracket. Raises BrokerUnreachable."""
    found = [listed_of(raw)]
    children = raw.get("legs")
    if isinstance(children, list) and not _is_multi_leg(raw):
        for child in children:
            if not isinstance(child, dict):
                raise BrokerUnreachable(f"order {name_of(raw)}: expected orders under it, got {shown(child)}")
            found.append(listed_of(child))
    return found


def listed_of(raw: dict[str, Any]) -> ListedOrder:
    """Read one order with its links."""
    return ListedOrder(order_of(raw), word_of(raw, "replaces"), word_of(raw, "replaced_by"))


def order_of(raw: dict[str, Any]) -> BrokerOrder:
    """Read one order. Raises BrokerUnreachable for one that is alive and hides what it would trade."""
    notes: Notes = []
    word = word_of(raw, "status", notes).lower()
    status = SPELLINGS.get(word, word) or "unknown"
    ended = status in TERMINAL_STATUSES
    legs: tuple[OrderLeg, ...] = ()
    try:
        qty, limit_price = _size_of(raw, ended, notes)
        legs = _legs_of(raw, qty, notes)
    except _Unreadable as fault:
        if not ended:
            raise BrokerUnreachable(f"order {name_of(raw)} is {status} and cannot be read: {fault}") from fault
        qty, limit_price = max(decimal_of(raw, "qty") or ZERO, ZERO), decimal_of(raw, "limit_price")
    begun = _moment(raw, "submitted_at") or _moment(raw, "created_at") or _moment(raw, "updated_at")
    if begun is None:
        notes.append("submitted_at: no moment said")
    moments = [_moment(raw, key) for key in ("updated_at", *ENDS)]
    stop_price = decimal_of(raw, "stop_price", notes)
    return BrokerOrder(
        broker_order_id=word_of(raw, "id", notes),
        client_order_id=word_of(raw, "client_order_id", notes),
        legs=legs,
        qty=qty,
        filled_qty=_filled_of(raw, qty, status, notes),
        filled_avg_price=decimal_of(raw, "filled_avg_price", notes),
        order_type=_type_of(raw, limit_price, stop_price, notes),
        limit_price=limit_price,
        stop_price=stop_price,
        trail_percent=decimal_of(raw, "trail_percent", notes),
        high_water_mark=decimal_of(raw, "hwm", notes),
        time_in_force=_time_of(raw, notes),
        status=status,
        submitted_at=begun or BEGINNING,
        updated_at=max((one for one in moments if one is not None), default=begun or BEGINNING),
        odd="" if ended else "; ".join(notes),
        leg_ids=_leg_ids_of(raw),
    )


def name_of(raw: dict[str, Any]) -> str:
    """Name an order in a message by its id, ours if it has none of the broker's."""
    return shown(word_of(raw, "id") or word_of(raw, "client_order_id") or "without an id")


def submitted_at(raw: dict[str, Any]) -> datetime | None:
    """Read when an order was submitted, which is what listings go by."""
    return _moment(raw, "submitted_at") or _moment(raw, "created_at")


def _moment(raw: dict[str, Any], key: str) -> datetime | None:
    return sane(moment_of(raw.get(key)))


def _is_multi_leg(raw: dict[str, Any]) -> bool:
    return word_of(raw, "order_class").lower() == "mleg" or (not word_of(raw, "symbol") and bool(raw.get("legs")))


def _size_of(raw: dict[str, Any], ended: bool, notes: Notes) -> tuple[Decimal, Decimal | None]:
    """Give quantity and limit. An order by amount reads as that many units at one dollar: what it may spend."""
    qty = decimal_of(raw, "qty", notes)
    limit_price = decimal_of(raw, "limit_price", notes)
    if qty is None and decimal_of(raw, "notional", notes) is not None:
        amount = decimal_of(raw, "notional") or ZERO
        notes.append(f"ordered by amount: it counts as {plain(amount)} units at one dollar")
        qty, limit_price = amount, ONE
    if qty is None and ended:
        return decimal_of(raw, "filled_qty") or ZERO, limit_price
    if qty is None or qty < 0:
        raise _Unreadable(f"no quantity above zero, got {shown(raw.get('qty'))}")
    return qty, limit_price


def _filled_of(raw: dict[str, Any], qty: Decimal, status: str, notes: Notes) -> Decimal:
    filled = decimal_of(raw, "filled_qty")
    if filled is not None and filled >= 0:
        return filled
    if raw.get("filled_qty") in (None, ""):
        return qty if status == "filled" else ZERO
    if status == "filled":
        notes.append("filled_qty: nonsense; the order says filled")
        return qty
    raise BrokerUnreachable(
        f"order {name_of(raw)}: filled_qty expected a number from zero, got {shown(raw.get('filled_qty'))}"
    )


def _legs_of(raw: dict[str, Any], qty: Decimal, notes: Notes) -> tuple[OrderLeg, ...]:
    if not _is_multi_leg(raw):
        return (_leg_of(raw, 1, notes),)
    children = raw.get("legs")
    if not isinstance(children, list) or not children:
        raise _Unreadable("an order of several legs without its legs")
    legs = []
    for child in children:
        if not isinstance(child, dict):
            raise _Unreadable(f"expected its legs to be objects, got {shown(child)}")
        legs.append(_leg_of(child, _ratio_of(child, qty, notes), notes))
    return tuple(legs)


def _leg_ids_of(raw: dict[str, Any]) -> tuple[str, ...]:
    """Give the ids of the legs: a multi-leg order's fills are listed under them."""
    children = raw.get("legs")
    if not _is_multi_leg(raw) or not isinstance(children, list):
        return ()
    return tuple(key for child in children if isinstance(child, dict) and (key := word_of(child, "id")))


def _ratio_of(child: dict[str, Any], qty: Decimal, notes: Notes) -> int:
    ratio = whole_of(child, "ratio_qty", notes)
    if ratio is None and child.get("ratio_qty") in (None, ""):
        own = decimal_of(child, "qty", notes)
        each = own / qty if own is not None and qty > 0 else ZERO
        ratio = int(each) if each == each.to_integral_value() else None
    if ratio is None or not 1 <= ratio <= RATIO_MAX:
        raise _Unreadable(f"leg {name_of(child)} has no whole ratio above zero")
    return ratio


def _leg_of(raw: dict[str, Any], ratio: int, notes: Notes) -> OrderLeg:
    symbol = word_of(raw, "symbol", notes)
    side = word_of(raw, "side", notes).lower()
    intent = word_of(raw, "position_intent", notes).lower()
    if not symbol:
        raise _Unreadable("no symbol")
    if intent in INTENTS:
        if side and not side.startswith(intent[:3]):
            notes.append(f"side {shown(side)} contradicts {intent}, which is believed")
        return leg(symbol, intent, ratio)
    if side in INTENTS:
        return leg(symbol, side, ratio)
    word = "buy" if side.startswith("buy") else "sell" if side.startswith("sell") else ""
    if not word:
        raise _Unreadable(f"neither a side nor a position intent, got {shown(side)}")
    if intent:
        notes.append(f"position_intent {shown(intent)} is not known")
    if is_option(symbol):
        what = "bought" if word == "buy" else "sold"
        notes.append(f"{symbol} is to be {what}, not said whether to open or to close: it counts as opening")
        return leg(symbol, f"{word}_to_open", ratio)
    if word == "buy":
        return leg(symbol, "buy_to_open", ratio)
    return leg(symbol, "sell_to_open" if "short" in side else "sell_to_close", ratio)


def _type_of(raw: dict[str, Any], limit_price: Decimal | None, stop_price: Decimal | None, notes: Notes) -> OrderType:
    word = (word_of(raw, "type", notes) or word_of(raw, "order_type", notes)).lower()
    if word in TYPES:
        return TYPES[word]
    taken: OrderType
    if limit_price is not None:
        taken = "limit" if stop_price is None else "stop_limit"
    else:
        taken = "market" if stop_price is None else "stop"
    notes.append(f"type {shown(word)} is not known, taken for {taken}")
    return taken


def _time_of(raw: dict[str, Any], notes: Notes) -> TimeInForce:
    word = word_of(raw, "time_in_force", notes).lower()
    if word not in TIMES:
        notes.append(f"time_in_force {shown(word)} is not known, taken for day")
    return TIMES.get(word, "day")
