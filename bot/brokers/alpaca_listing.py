"""Reading all of Alpaca's orders: pages, the two listings that together are complete, and replaced orders.

A page ends where the listing says; the next one begins a microsecond before the newest order of this one, so that
orders of the same moment are read twice rather than lost, and counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from bot.brokers.alpaca_orders import ListedOrder, name_of, orders_of, submitted_at
from bot.domain.errors import BrokerUnreachable
from bot.domain.holdings import BrokerOrder
from bot.domain.money import ZERO
from bot.venues.parsing import rows_of, word_of

Read = Callable[[str, Mapping[str, str], str], Any]
LookUp = Callable[[str], ListedOrder | None]

PAGE = 500
PAGES_MAX = 40
LOOK_UPS_MAX = 10
"""How many orders one reading looks up because another order says it replaced them."""
MOMENT = timedelta(microseconds=1)


def read_listing(read: Read, look_up: LookUp, since: datetime) -> tuple[BrokerOrder, ...]:
    """Give every order that is alive, and every one submitted at or after `since`, oldest first.

    Alpaca lists by submission: one submitted before and ended after is found by its id. Where both listings show an
    order, its newer state counts.
    """
    found: dict[str, ListedOrder] = {}
    for status, after in (("open", None), ("all", since)):
        for raw in read_pages(read, status, after):
            for one in orders_of(raw):
                key = one.order.broker_order_id or f"client {one.order.client_order_id}"
                known = found.get(key)
                if known is None or one.order.updated_at >= known.order.updated_at:
                    found[key] = one
    orders = followed(found, look_up)
    return tuple(sorted(orders, key=lambda order: (order.submitted_at, order.broker_order_id)))


def read_pages(read: Read, status: str, after: datetime | None) -> list[dict[str, Any]]:
    """Read one listing to its end. Raises BrokerUnreachable where it has no end that can be reached."""
    what = f"orders ({status})"
    found: dict[str, dict[str, Any]] = {}
    cursor = None if after is None else after - MOMENT
    for _ in range(PAGES_MAX):
        query = {"status": status, "limit": str(PAGE), "nested": "true", "direction": "asc"}
        if cursor is not None:
            query["after"] = f"{cursor:%Y-%m-%dT%H:%M:%S.%f}Z"
        page = rows_of(read("/orders", query, what), what)
        before = len(found)
        for raw in page:
            found[_key_of(raw)] = raw
        if sum(1 + _legs_in(raw) for raw in page) < PAGE or (len(page) < PAGE and len(found) == before):
            return list(found.values())
        moments = [moment for raw in page if (moment := submitted_at(raw)) is not None]
        if not moments or moments[0] > moments[-1]:
            raise BrokerUnreachable(f"{what}: a full page whose orders are not in the order of their submission")
        if len(found) == before or (cursor is not None and moments[-1] - MOMENT <= cursor):
            raise BrokerUnreachable(f"{what}: a full page of one moment; what comes after it cannot be reached")
        cursor = moments[-1] - MOMENT
    raise BrokerUnreachable(f"{what}: more than {PAGES_MAX} pages of {PAGE}; read a shorter time")


def followed(found: dict[str, ListedOrder], look_up: LookUp) -> list[BrokerOrder]:
    """Give each chain of replaced orders as one: under the id it began with, in the state of its newest order.

    Alpaca mints a new id when an order is replaced (by a person, or in a corporate action); to us it is the same
    wish, still resting. An order that says it replaced one the listing does not show is looked up, some at most.
    """
    spared = LOOK_UPS_MAX
    waiting = [one for one in found.values() if not one.order.terminal]
    while waiting and spared:
        one = waiting.pop()
        if one.replaces and one.replaces not in found:
            spared -= 1
            older = look_up(one.replaces)
            if older is not None:
                older = older._replace(replaced_by=older.replaced_by or one.order.broker_order_id)
                found[one.replaces] = older
                waiting.append(older)
    later = {one.replaced_by for one in found.values() if one.replaced_by in found and one.order.status == "replaced"}
    orders: list[BrokerOrder] = []
    told: set[str] = set()
    for key, one in found.items():
        if key in later:
            continue
        order, told_here = chain_from(one, found.get)
        orders.append(order)
        told |= told_here | {key}
    # A ring of orders that replace each other is nonsense: then each is told as it stands.
    orders.extend(one.order for key, one in found.items() if key not in told)
    return orders


def chain_from(first: ListedOrder, look_up: LookUp) -> tuple[BrokerOrder, set[str]]:
    """Follow an order to the newest that replaced it; give both as one, and the ids passed."""
    order, link, passed = first.order, first, set[str]()
    while link.order.status == "replaced" and link.replaced_by and link.replaced_by not in passed and len(passed) < 20:
        passed.add(link.replaced_by)
        newer = look_up(link.replaced_by)
        if newer is None:
            break
        order, link = _joined(order, newer.order), newer
    return order, passed


def _joined(old: BrokerOrder, new: BrokerOrder) -> BrokerOrder:
    """Put an order and its successor together; each counts its own executions only."""
    filled = old.filled_qty + new.filled_qty
    paid = ZERO
    known = True
    for one in (old, new):
        if one.filled_qty > 0:
            known = known and one.filled_avg_price is not None
            paid += (one.filled_avg_price or ZERO) * one.filled_qty
    price = new.filled_avg_price
    if old.filled_qty > 0:
        price = paid / filled if known else None
    return replace(
        new,
        client_order_id=old.client_order_id or new.client_order_id,
        legs=new.legs or old.legs,
        qty=new.qty + old.filled_qty,
        filled_qty=filled,
        filled_avg_price=price,
        submitted_at=old.submitted_at,
        leg_ids=(*old.leg_ids, *new.leg_ids),
    )


def _key_of(raw: dict[str, Any]) -> str:
    own = word_of(raw, "id")
    key = own or word_of(raw, "client_order_id")
    if not key:
        raise BrokerUnreachable(f"orders: {name_of(raw)}: it could neither be recognised nor cancelled")
    return key if own else f"client {key}"


def _legs_in(raw: dict[str, Any]) -> int:
    children = raw.get("legs")
    return len(children) if isinstance(children, list) else 0
