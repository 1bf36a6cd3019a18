"""What cooldowns remember: the last put entry of an underlying and the last chain on it that lost (wheel 2.19).

A chain is a leg and its rolls, judged when nothing of it is left. A bare assignment is neutral: the cycle counts
when it ends.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from msgspec.structs import replace

from bot.domain.instruments import is_option, parse_option
from bot.domain.ledger import Books, ChainSoFar, Loss, PutEntry
from bot.domain.money import ZERO
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.engine.settle_ledger import Ledger

ENTRIES_KEPT = timedelta(days=30)
"""Beyond the longest cooldown after an entry: ten sessions."""
ASSIGNED = frozenset({"assigned", "exercised"})
"""Ends of a leg of which the end of the cycle tells what they came to."""
LOSSES_KEPT = timedelta(days=400)
"""Beyond the longest cooldown after a loss: 250 sessions."""


def note_pacing(ledger: Ledger, books: Books, at: datetime) -> Books:
    """Bring what cooldowns remember up to this settlement; the books as they are where nothing of it moved."""
    if not (ledger.fills or ledger.leg_ends or ledger.cycles_closed or ledger.rolls_ended):
        return books
    chains, losses = _chains(ledger, books, new_york_day(at))
    oldest = new_york_day(at) - LOSSES_KEPT
    return replace(
        books,
        put_entries=tuple(one for one in _put_entries(ledger, books) if one.filled_at >= at - ENTRIES_KEPT),
        chains=chains,
        losses=tuple(one for one in losses if one.day >= oldest),
    )


def _put_entries(ledger: Ledger, books: Books) -> list[PutEntry]:
    newest = {one.underlying: one for one in books.put_entries}
    for fill in ledger.fills:
        order = ledger.orders.get(fill.client_order_id)
        if order is None or order.purpose == "roll_open" or not _sells_put(order, fill.symbol):
            continue
        first = _first_of(ledger, order.client_order_id)
        known = newest.get(order.underlying)
        if known is None or (known.order != first and fill.at > known.filled_at):
            newest[order.underlying] = PutEntry(underlying=order.underlying, order=first, filled_at=fill.at)
        elif known.order == first and fill.at < known.filled_at:
            newest[order.underlying] = replace(known, filled_at=fill.at)
    return sorted(newest.values(), key=lambda one: one.underlying)


def _sells_put(order: OwnOrder, symbol: str) -> bool:
    """Say whether an order sells a put to open, by its legs and whatever purpose it claims."""
    opens = any(leg.symbol == symbol and leg.position_intent == "sell_to_open" for leg in order.legs)
    return opens and is_option(symbol) and parse_option(symbol).right == "put"


def _first_of(ledger: Ledger, order_id: str) -> str:
    """Name the order that a row of reprices began with."""
    walked = {order_id}
    while True:
        order = ledger.orders.get(order_id)
        if order is None or not order.replaces or order.replaces in walked:
            return order_id
        order_id = order.replaces
        walked.add(order_id)


def _chains(ledger: Ledger, books: Books, today: date) -> tuple[tuple[ChainSoFar, ...], tuple[Loss, ...]]:
    so_far = {one.chain: one for one in books.chains}
    ended_on: dict[str, date] = {}
    for end in ledger.leg_ends:
        key = end.leg.chain or end.leg.id
        known = so_far.get(key) or ChainSoFar(chain=key, underlying=end.leg.underlying, income=ZERO, bare=True)
        bare = known.bare and end.how == "assigned"
        assigned = known.assigned or end.how in ASSIGNED
        so_far[key] = replace(known, income=known.income + end.income, bare=bare, assigned=assigned)
        ended_on[key] = new_york_day(end.at)
    alive = {leg.chain or leg.id for leg in books.legs} | {roll.chain for roll in books.rolls}
    losses = {one.underlying: one for one in books.losses}
    for key, one in so_far.items():
        if key not in alive and not one.bare and one.income < 0:
            day = ended_on.get(key, today)  # a roll given up ends its chain today
            _lose(losses, Loss(underlying=one.underlying, what=key, day=day, income=one.income))
    for cycle in ledger.cycles_closed:
        result = cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees
        if cycle.assignments and result < 0:
            day = today if cycle.closed_at is None else new_york_day(cycle.closed_at)
            _lose(losses, Loss(underlying=cycle.symbol, what=cycle.id, day=day, income=result))
    going = tuple(one for key, one in sorted(so_far.items()) if key in alive)
    return going, tuple(losses[symbol] for symbol in sorted(losses))


def _lose(losses: dict[str, Loss], one: Loss) -> None:
    """Keep the newest loss of an underlying."""
    known = losses.get(one.underlying)
    if known is None or one.day >= known.day:
        losses[one.underlying] = one
