"""The owner's panic: `bot panic` cancels what adds risk, `bot panic --flatten` closes everything of ours (wheel 1.8).

A flatten goes in steps, each proved by the settlement before the next: openings are cancelled, short calls and puts
bought back at the far side of the market, and shares that no short call needs are sold, each lot's stop cancelled by
the sale that takes its place. Should the broker refuse that sale, the executor lets the stop rest again (design 15).
What an ended flatten still has working is taken back. What is foreign is never touched. The orders pass the same gates
and the same executor as any other.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from bot.domain.clearing import PANIC_STRATEGY, openings_alive
from bot.domain.exposure import standing_of
from bot.domain.facts import Fact
from bot.domain.holdings import PositionIntent
from bot.domain.instruments import is_option
from bot.domain.ledger import Books
from bot.domain.market import Quote, QuotesRequest, Request
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.risk import is_protective
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Plan, Planner
from bot.domain.wheelmath import LADDER_LAST, ladder_limit, share_ladder_limit
from bot.planners.wheel_ladder import buy_limit, may_move, withdrawn

NAME = PANIC_STRATEGY


class PanicParams(Fact, frozen=True, kw_only=True):
    """Nothing to choose: what is cleared is what the ledger calls ours."""


class Holding(NamedTuple):
    """One lot or leg to close: who it is, and how much of it."""

    id: str
    symbol: str
    underlying: str
    qty: Decimal
    cycle: str
    lot: str = ""


def needs(holdings: Holdings, params: PanicParams, at: datetime) -> tuple[Request, ...]:
    """Ask for quotes of everything of ours and of its underlyings while a flatten stands."""
    panic = holdings.books.panic
    if panic is None or not panic.flatten:
        return ()
    ours = [one for held in (_options(holdings.books), _shares(holdings.books)) for one in held]
    symbols = {one.symbol for one in ours} | {one.underlying for one in ours}
    return (QuotesRequest(symbols=tuple(sorted(symbols))),) if symbols else ()


def plan(snapshot: Snapshot, params: PanicParams) -> Plan:
    """Want every opening order of ours cancelled; under a flatten, everything of ours closed as well."""
    panic = snapshot.books.panic
    if panic is None:
        return Plan(intents=_withdrawn(snapshot, "the flatten was ended: its orders are taken back"))
    intents: list[OrderIntent] = []
    notes: list[Note] = []
    for order in openings_alive(snapshot.own_orders):
        if order.status == "pending_cancel":
            notes.append(_note(order.underlying, order.client_order_id, "its cancellation is not confirmed yet"))
        elif order.state != "working" or not order.broker_order_id:
            why = f"it is {order.state}: it is cancelled as soon as the broker shows it"
            notes.append(_note(order.underlying, order.client_order_id, why))
        else:
            gone = withdrawn(order, f"{panic.author}: {panic.word}: {panic.reason}")
            intents.append(gone)
    if panic.flatten:
        busy: set[str] = set()
        room: dict[str, Decimal] = {}
        for one in (*_options(snapshot.books), *_resting_first(snapshot)):
            found = _closing(snapshot, one, busy, room)
            if isinstance(found, OrderIntent):
                intents.append(found)
                busy.add(one.symbol if is_option(one.symbol) else one.lot)
            elif found:
                notes.append(_note(one.underlying, one.symbol, found))
    else:
        intents += _withdrawn(snapshot, "a panic without flatten closes nothing: orders of an earlier flatten go")
    return Plan(intents=tuple(intents), notes=tuple(notes))


def _withdrawn(snapshot: Snapshot, reason: str) -> tuple[OrderIntent, ...]:
    """Take back what an ended flatten still has working: its word is gone, and a stop may rest in its place again."""
    return tuple(
        withdrawn(order, reason)
        for order in snapshot.own_orders
        if order.strategy == NAME and order.state == "working" and order.broker_order_id
        and order.status != "pending_cancel"
    )  # fmt: skip


def _options(books: Books) -> list[Holding]:
    """List our option legs: shorts first, for a long one may bound a short one."""
    legs = sorted((one for one in books.legs if one.owner != "foreign"), key=lambda one: one.qty > 0)
    return [Holding(f"leg-{one.id}", one.symbol, one.underlying, one.qty, one.cycle) for one in legs]


def _shares(books: Books) -> list[Holding]:
    return [
        Holding(f"lot-{one.id}", one.symbol, one.symbol, one.qty, one.cycle, one.id)
        for one in books.lots
        if one.owner != "foreign"
    ]


def _resting_first(snapshot: Snapshot) -> list[Holding]:
    """List our lots, those under an order of their own first: what a short call needs is kept out of the others."""
    resting = {order.lot for order in snapshot.own_orders if order.alive and order.lot}
    return sorted(_shares(snapshot.books), key=lambda one: one.lot not in resting)


def _closing(snapshot: Snapshot, one: Holding, busy: set[str], room: dict[str, Decimal]) -> OrderIntent | str:
    """Give the order that closes one holding, or why there is none now; nothing to say where its order works."""
    qty = abs(one.qty).to_integral_value(ROUND_FLOOR)
    sell = one.qty > 0
    if qty <= 0:
        return "it is less than one whole share: sell it by hand"
    if one.symbol in busy:
        return "another order of this tick works on this series: the next tick goes on"
    waits = _waits_for(snapshot, one, qty, room) if sell else ""
    if waits:
        return waits
    working = [
        order
        for order in snapshot.own_orders
        if order.alive
        and any(part.symbol == one.symbol for part in order.legs)
        and (not one.lot or order.lot in ("", one.lot))
    ]
    if any(order.opens for order in working):
        return "an order that opens works on it: it is cancelled first"
    own = next((order for order in working if order.strategy == NAME and order.key == one.id), None)
    if own is None and any(order.strategy == NAME for order in working):
        return "an order of ours closes another part of it: the next tick goes on"
    lost = next((order for order in working if order.state != "working"), None)
    if lost is not None:
        return (
            f"order {lost.client_order_id} is {lost.state}: nothing beside it until the broker shows it or its session "
            "is over; `bot order resolve` ends it by your word"
        )
    if own is None and any(order.status == "pending_cancel" for order in working):
        return "an order on it is being cancelled: nothing beside it"
    quote = snapshot.quote_of.get(one.symbol)
    limit = None if quote is None else _far_side(one, quote, sell=sell)
    if quote is None or limit is None:
        return "it has no price to close at now; the next tick tries again"
    if own is not None and not _follows(own, limit, snapshot, sell=sell):
        return ""
    replaced = own or next((order for order in working if not is_protective(order)), None)
    replaced = replaced or next(iter(working), None)
    return _order(snapshot, one, qty if own is None else own.remaining, limit, replaced, quote, sell=sell)


def _waits_for(snapshot: Snapshot, one: Holding, qty: Decimal, room: dict[str, Decimal]) -> str:
    """Say what must be gone before a sale: no short option may need what it sells.

    A long option waits for every short one, which it may bound. Shares wait for as many as short calls need, whoever
    sold them; `room` keeps what is left of the others.
    """
    if any(order.underlying == one.underlying for order in openings_alive(snapshot.own_orders)):
        return "its sale waits until the order that opens on it is gone"
    calls = [held.symbol for held in snapshot.short_options(one.underlying, "call")]
    puts = [held.symbol for held in snapshot.short_options(one.underlying, "put")]
    line = standing_of(snapshot).on(one.underlying)
    free = room.setdefault(one.underlying, line.shares_ours - line.calls * SHARES_PER_CONTRACT)
    if is_option(one.symbol):
        short = calls + puts
    elif line.calls > 0 and qty > free:
        short = calls or ["the roll of a call"]
    else:
        room[one.underlying] = free - qty
        return ""
    return f"its sale waits until {', '.join(sorted(short))} is bought back" if short else ""


def _far_side(one: Holding, quote: Quote, *, sell: bool) -> Decimal | None:
    """Give the limit of the ladder's last step: the other side of the market."""
    if is_option(one.symbol) and not sell:
        return buy_limit(quote, LADDER_LAST)
    if quote.bid is None or quote.ask is None or not quote.valid:
        return None
    if is_option(one.symbol):
        limit = ladder_limit(one.underlying, quote.bid, quote.ask, LADDER_LAST, sell=sell, penny=quote.penny)
    else:
        limit = share_ladder_limit(quote.bid, quote.ask, LADDER_LAST, sell=sell)
    return limit if limit > ZERO else None


def _follows(own: OwnOrder, limit: Decimal, snapshot: Snapshot, *, sell: bool) -> bool:
    """Say whether a working order goes after the market: at most once a tick, and never back."""
    if not may_move(own, snapshot) or own.limit_price is None:
        return False
    return limit < own.limit_price if sell else limit > own.limit_price


def _order(
    snapshot: Snapshot, one: Holding, qty: Decimal, limit: Decimal, replaced: OwnOrder | None, quote: Quote,
    *, sell: bool,
) -> OrderIntent:  # fmt: skip
    panic = snapshot.books.panic
    assert panic is not None, "only a panic closes what nobody asked to close"
    side: PositionIntent = "sell_to_close" if sell else "buy_to_close"
    return OrderIntent(
        strategy=NAME, purpose="owner_close", key=one.id, underlying=one.underlying, legs=(leg(one.symbol, side),),
        qty=qty, limit_price=limit, replaces="" if replaced is None else replaced.client_order_id, step=LADDER_LAST,
        cycle=one.cycle, lot=one.lot, reason=f"{panic.author}: {panic.word}: {panic.reason}",
        numbers=tuple((name, plain(value)) for name, value in (("bid", quote.bid), ("ask", quote.ask)) if value),
    )  # fmt: skip


def _note(symbol: str, subject: str, reason: str) -> Note:
    return Note(strategy=NAME, symbol=symbol, subject=subject, reason=reason)


PLANNER = Planner(kind="panic", params=PanicParams, needs=needs, plan=plan)
