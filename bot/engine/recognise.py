"""Orders that left after this ledger's last row, recognised by their id: a restored ledger, or one that lost its end.

The id of an order of ours is a hash over what it is for (design 10). Every wish this desk could have had for what an
order trades is named here and hashed anew: a match proves strategy, purpose and key, and the order is ours as if its
row had never been lost. What matches nothing stays what it was: another's, named, and not touched. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.claims import root_of
from bot.domain.consent import carries_on, covering
from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import is_option, parse_option
from bot.domain.ledger import Counters, Opening
from bot.domain.money import plain
from bot.domain.orders import OrderIntent, OwnOrder, Purpose, client_order_id
from bot.domain.sessions import new_york_day, slot_of
from bot.domain.turnover import notional_of
from bot.domain.wheelmath import LADDER_LAST
from bot.engine.execute import ATTEMPTS_MAX, SPARE
from bot.engine.ports import Book, Memory, Reads, Settlement

HASHES_MAX = 200_000
"""Ids made in one tick at most: beyond it what is left stays unrecognised, and the tick says so."""
SENT_WITHIN = timedelta(minutes=2)
"""A reprice is sent directly after its predecessor is gone: within this time it took its place."""
SPARES_MAX = 2
"""How often in a row a stop can have been let rest again."""
BUY_BACKS: tuple[Purpose, ...] = (
    "roll_close", "owner_close", "ex_dividend_close", "expiry_close", "take_profit", "premium_stop", "time_exit",
)  # fmt: skip
SALES: tuple[Purpose, ...] = ("owner_close", "close")
"""Sales of a lot's shares beside its stop: by the owner's word, and by a strategy on bars."""
Wish = tuple[str, Purpose, str]
"""Strategy, purpose and key."""


class Recognised(NamedTuple):
    """Orders proved ours, as they were sent, oldest first; what the owner should know, and what went wrong."""

    orders: tuple[OwnOrder, ...] = ()
    remarks: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


NOTHING = Recognised()


def recognise(
    unknown: Sequence[BrokerOrder], reads: Reads, memory: Memory, book: Book, at: datetime, most: int = HASHES_MAX
) -> Recognised:
    """Give those of some orders with our name that are proved ours by their id.

    An order of which a fill was booked as another's before is left alone, and so is everything before the books began:
    what it did is foreign or adopted by now, and would count twice. `most` bounds the ids that are made.
    """
    if not unknown or memory.books.cash is None:
        return NOTHING
    told = {line.order_id for line in reads.activities if line.kind == "FILL" and line.key in memory.seen}
    left = most
    shown = {one.client_order_id: one for one in reads.orders}
    former = [
        (one, shown[one.client_order_id])
        for one in (*memory.recent_orders, *memory.own_orders)
        if one.client_order_id in shown
    ]
    orders: list[OwnOrder] = []
    remarks: list[str] = []
    waiting = 0
    for one in sorted(unknown, key=lambda order: (order.submitted_at, order.client_order_id)):
        if len(one.legs) != 1 or not told.isdisjoint((one.broker_order_id, *one.leg_ids)):
            continue
        wishes = tuple(dict.fromkeys(_wishes(one, reads, memory, book)))
        slots = _slots(one, book.slot_seconds)
        asked = len(wishes) * len(slots) * ATTEMPTS_MAX
        if asked > left:
            waiting += 1
            continue
        left -= asked
        own = _proved(one, wishes, slots, memory, book, at)
        if own is not None:
            own = _after(own, one, former)
            orders.append(own)
            former.append((own, one))
            remarks.append(_words(own, one))
    given_up = f"{waiting} orders with this desk's name were not looked at: a tick makes {most} ids at most"
    return Recognised(tuple(orders), tuple(remarks), (given_up,) if waiting else ())


def remembering(memory: Memory, orders: tuple[OwnOrder, ...], session_day: date) -> Memory:
    """Give the memory with orders that were lost: ours again, their approvals used up, counted in the day's pacing."""
    if not orders:
        return memory
    books = memory.books
    approvals = books.approvals
    for order in orders:
        used = covering(approvals, order)
        approvals = tuple(one for one in approvals if one is not used)
    counters = _counted(books.counters, [one for one in orders if new_york_day(one.slot) == session_day])
    return replace(
        memory,
        own_orders=(*memory.own_orders, *orders),
        books=replace(books, approvals=approvals, counters=counters),
    )


def recognised_now(settlement: Settlement) -> tuple[OwnOrder, ...]:
    """Give the orders that this settlement recognised, as the broker shows them."""
    names = {one.client_order_id for one in settlement.recognised}
    return tuple(one for one in settlement.orders if one.client_order_id in names) if names else ()


def _counted(counters: Counters, orders: Iterable[OwnOrder]) -> Counters:
    """Count orders on top of a day's pacing, each whole: from the next tick on their rows are counted as all are."""
    contracts = dict(counters.contracts_today)
    openings = list(counters.openings)
    opened = exits = 0
    for order in orders:
        if not order.opens:
            exits += 1
        elif order.purpose != "roll_open":
            opened += 1
            if is_option(order.legs[0].symbol):
                contracts[order.underlying] = contracts.get(order.underlying, 0) + int(order.qty)
            size = notional_of(order, order.qty)
            openings.append(
                Opening(
                    underlying=order.underlying, at=order.planned_at, since=order.planned_at, puts=size.puts,
                    shares=size.shares, price=size.price,
                )
            )  # fmt: skip
    return replace(
        counters, orders_today=counters.orders_today + opened, exits_today=counters.exits_today + exits,
        contracts_today=tuple(sorted(contracts.items())), openings=tuple(openings),
    )  # fmt: skip


def _slots(one: BrokerOrder, seconds: int) -> tuple[datetime, ...]:
    """List the slots an order may have been planned in: its tick may have begun in the one before.

    The one after counts too, for the broker's clock may be behind ours.
    """
    slot, step = slot_of(one.submitted_at, seconds), timedelta(seconds=seconds)
    return (slot, slot - step, slot + step)


def _proved(
    one: BrokerOrder, wishes: Iterable[Wish], slots: tuple[datetime, ...], memory: Memory, book: Book, at: datetime
) -> OwnOrder | None:
    """Give the order of ours whose id this is, or None where no wish has it."""
    found: list[tuple[OrderIntent, datetime, int]] = []
    underlying = root_of(one.legs[0].symbol)
    for strategy, purpose, key in wishes:
        wish = OrderIntent(
            strategy=strategy, purpose=purpose, key=key, underlying=underlying, legs=one.legs, qty=one.qty, reason=""
        )
        found += [
            (wish, slot, attempt)
            for slot in slots
            for attempt in range(ATTEMPTS_MAX)
            if client_order_id(book.desk.name, wish, slot, attempt) == one.client_order_id
        ]
    assert len(found) <= 1, f"{one.client_order_id} is the id of two wishes: {found}"
    if not found:
        return None
    wish, slot, attempt = found[0]
    lot, roll = _serves(wish, memory)
    return OwnOrder(
        client_order_id=one.client_order_id, strategy=wish.strategy, purpose=wish.purpose, key=wish.key,
        underlying=underlying, legs=one.legs, qty=one.qty, order_type=one.order_type, limit_price=one.limit_price,
        stop_price=one.stop_price, trail_percent=one.trail_percent, high_water_mark=one.high_water_mark,
        time_in_force=one.time_in_force, state="sending", cycle=_cycle_of(underlying, memory), lot=lot, roll=roll,
        roll_ticks_max=_roll_ticks(wish, book) if roll else 0, slot=slot, planned_at=min(one.submitted_at, at),
        attempt=attempt,
    )  # fmt: skip


def _wishes(one: BrokerOrder, reads: Reads, memory: Memory, book: Book) -> Iterator[Wish]:
    """Name every wish this desk's planners could have had for what an order trades."""
    symbol, intent = one.legs[0].symbol, one.legs[0].position_intent
    names = dict.fromkeys(strategy.name for strategy in book.strategies)
    names |= dict.fromkeys(leg.strategy for leg in memory.books.legs if leg.strategy)
    names |= dict.fromkeys(lot.strategy for lot in memory.books.lots if lot.strategy)
    root = root_of(symbol)
    keys: list[tuple[Purpose, str]]
    if intent == "sell_to_open" and is_option(symbol):
        keys = [("roll_open", f"roll-{leg}") for leg in _legs_beside(symbol, reads, memory)]
        keys += [("roll_open", roll.id) for roll in memory.books.rolls if roll.underlying == root]
        if parse_option(symbol).right == "put":
            keys.append(("cash_secured_put", f"put-{root}"))
        else:
            keys += [("covered_call", f"call-{lot}") for lot in _lots_of(root, reads, memory)]
    elif intent.endswith("_to_close") and is_option(symbol):
        legs = _legs_of(symbol, reads, memory)
        keys = [(purpose, leg) for purpose in BUY_BACKS for leg in legs]
        keys += [("owner_close", f"leg-{leg}") for leg in legs]
    elif intent == "sell_to_close":
        lots = _lots_of(root, reads, memory)
        keys = [(purpose, f"lot-{lot}") for purpose in SALES for lot in lots]
        keys += [("trailing_stop", f"{lot}{SPARE * times}") for lot in lots for times in range(SPARES_MAX + 1)]
    elif intent == "buy_to_open" and not is_option(symbol):
        keys = [("open", root)]
    else:
        return
    for name in names:
        for purpose, key in keys:
            yield name, purpose, key


def _legs_of(symbol: str, reads: Reads, memory: Memory) -> list[str]:
    """Name the legs of a series: those of the books, and those its listed fills may have opened since."""
    known = [leg.id for leg in memory.books.legs if leg.symbol == symbol]
    return known + [f"leg-{line.id}" for line in reads.activities if line.kind == "FILL" and line.symbol == symbol]


def _legs_beside(symbol: str, reads: Reads, memory: Memory) -> list[str]:
    """Name the legs of a series' underlying and right: what a roll into it may have bought back."""
    root, right = root_of(symbol), parse_option(symbol).right
    series = {leg.symbol for leg in memory.books.legs}
    series |= {line.symbol for line in reads.activities if line.kind == "FILL" and is_option(line.symbol)}
    beside = sorted(one for one in series if root_of(one) == root and parse_option(one).right == right)
    return [leg for one in beside for leg in _legs_of(one, reads, memory)]


def _lots_of(root: str, reads: Reads, memory: Memory) -> list[str]:
    """Name the lots of a share: those of the books, and those that listed deliveries or purchases may have opened."""
    known = [lot.id for lot in memory.books.lots if lot.symbol == root]
    known += [
        f"lot-{order.client_order_id}"
        for order in reads.orders
        if order.filled_qty > 0 and [(leg.symbol, leg.position_intent) for leg in order.legs] == [(root, "buy_to_open")]
    ]
    return known + [
        f"lot-{line.id}-{leg}"
        for line in reads.activities
        if line.kind in ("OPASN", "OPEXC") and root_of(line.symbol) == root
        for leg in _legs_of(line.symbol, reads, memory)
    ]


def _serves(wish: OrderIntent, memory: Memory) -> tuple[str, str]:
    """Give the lot and the roll that an order of a wish serves, as its planner would have named them."""
    lots = sorted((lot for lot in memory.books.lots if lot.symbol == wish.underlying), key=lambda one: one.opened_at)
    if wish.purpose == "covered_call":
        return wish.key.removeprefix("call-"), ""
    if wish.purpose == "trailing_stop":
        lot = wish.key
        while lot.endswith(SPARE):
            lot = lot.removesuffix(SPARE)
        return lot, ""
    if wish.purpose == "roll_close":
        return "", f"roll-{wish.key}"
    if wish.purpose == "roll_open":
        call = parse_option(wish.legs[0].symbol).right == "call"
        return lots[0].id if call and lots else "", wish.key
    closes_shares = wish.purpose in SALES and not is_option(wish.legs[0].symbol)
    return wish.key.removeprefix("lot-") if closes_shares else "", ""


def _cycle_of(underlying: str, memory: Memory) -> str:
    return next((one.id for one in memory.books.cycles if one.symbol == underlying and one.closed_at is None), "")


def _roll_ticks(wish: OrderIntent, book: Book) -> int:
    found = [one.numbers[wish.underlying] for _, _, one in book.desk.wheels
             if one.name == wish.strategy and wish.underlying in one.numbers]  # fmt: skip
    return found[0].roll_ticks_max if found else 0


def _after(own: OwnOrder, one: BrokerOrder, former: Iterable[tuple[OwnOrder, BrokerOrder]]) -> OwnOrder:
    """Say which order it took the place of: one of the same legs, cancelled directly before it.

    The rung of the ladder is no part of an id: a reprice is taken to stand one below its predecessor, anything else at
    the mid, and no order ever goes back from where it stands. An entry takes the place of its own wish alone.
    """
    before = [
        (shown.updated_at, order)
        for order, shown in former
        if shown.status == "canceled" and (carries_on(own, order) or (order.legs == own.legs and not own.opens))
        and shown.submitted_at <= one.submitted_at
        and timedelta(0) <= one.submitted_at - shown.updated_at <= SENT_WITHIN
    ]  # fmt: skip
    if not before:
        return own
    last = max(before, key=lambda pair: pair[0])[1]
    step = min(last.step + 1, LADDER_LAST) if carries_on(own, last) else own.step
    return replace(own, replaces=last.client_order_id, step=step)


def _words(own: OwnOrder, one: BrokerOrder) -> str:
    return (
        f"order {own.client_order_id} ({own.legs[0].position_intent} {own.legs[0].symbol}; {one.status}, "
        f"{plain(one.filled_qty)} of {plain(one.qty)} filled) is recognised by its id: {own.purpose} of "
        f"{own.strategy}, sent {one.submitted_at:%Y-%m-%d %H:%M} UTC and missing in this ledger. It counts as ours"
    )
