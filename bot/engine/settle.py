"""Settlement: what the broker's answers mean for our books. Pure; doing it twice changes nothing.

The first settlement starts from nothing when the broker's history explains its cash to the cent; otherwise its cash
is the baseline, what is listed so far counts as seen, and every position is foreign until adopted.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.holdings import Activity, BrokerOrder
from bot.domain.instruments import is_option, underlying_of
from bot.domain.ledger import Books, Drift, Instruction, StrategyBook
from bot.domain.money import ONE, ZERO, plain
from bot.domain.orders import UNRESOLVED_STATES, OwnOrder
from bot.domain.sessions import new_york_day, next_session, session_on, slot_of
from bot.domain.snapshot import HeldPosition, SessionFacts
from bot.domain.subledger import FOREIGN, UNASSIGNED
from bot.engine.ports import Memory, Reads, Settlement
from bot.engine.settle_drift import CASH, READS_APART, compare
from bot.engine.settle_dust import odd_shares
from bot.engine.settle_ledger import Ledger, cash_effect
from bot.engine.settle_legs import uneven_legs
from bot.engine.settle_lines import apply_lines, in_order, told_once
from bot.engine.settle_pacing import note_pacing
from bot.engine.settle_rolls import advance_rolls

NOT_FOUND = "not_found"
"""Status of an order without an answer that one complete reading did not show."""


def settle(reads: Reads, memory: Memory, at: datetime, session: SessionFacts) -> Settlement:
    """Bring the books to what the broker shows: orders, lines of history, rolls, cycles, then what still differs.

    Lines are applied once, by key, oldest first. `at` is the tick's moment. New lines that take the books away
    from the broker's cash wait for a second reading.
    """
    reads = told_once(reads)
    lines = unseen(reads.activities, memory.seen)
    booked = _settled(reads, memory, at, session, lines)
    if not lines or memory.books.cash is None or _cash_drift(memory.books.drift) or not _unexplained(booked.drift):
        return booked
    known = {line.key for line in lines}
    before = replace(reads, activities=tuple(line for line in reads.activities if line.key not in known))
    left = _settled(before, memory, at, session, [])
    if abs(_gap(left.drift)) < abs(_gap(booked.drift)) or _contradicted(lines, reads):
        return _held_back(left, booked, lines)
    return booked


def _cash_drift(drift: tuple[Drift, ...]) -> Drift | None:
    return next((one for one in drift if one.symbol == CASH), None)


def _unexplained(drift: tuple[Drift, ...]) -> bool:
    found = _cash_drift(drift)
    return found is not None and found.kind == "unexplained"


def _gap(drift: tuple[Drift, ...]) -> Decimal:
    found = _cash_drift(drift)
    return ZERO if found is None else found.broker - found.ours


def _contradicted(lines: list[Activity], reads: Reads) -> bool:
    """Say whether a fill lists another price than its order does: an average of fills is no half and no double."""
    paid = {one.broker_order_id: one.filled_avg_price for one in reads.orders if len(one.legs) == 1}
    for line in lines:
        average = paid.get(line.order_id) if line.kind == "FILL" else None
        if average and line.price is not None and not average / 2 <= line.price <= average * 2:
            return True
    return False


def _held_back(left: Settlement, booked: Settlement, lines: list[Activity]) -> Settlement:
    """Leave new lines out for one reading: with them the books are further from the broker's cash than without.

    A line that was read wrong is read right the next time; one that comes again as it was is booked then, for the
    difference it made is remembered. Until then nothing new is opened.
    """
    found = _cash_drift(booked.drift)
    assert found is not None, "lines wait only where they set cash apart"
    words = f"{len(lines)} new lines of history do not add up to the broker's cash: they are read again first"
    drift = (*(one for one in left.drift if one.symbol != CASH), replace(found, what=words))
    return replace(left, books=replace(left.books, drift=drift), drift=drift, notes=(*left.notes, words))


def _settled(reads: Reads, memory: Memory, at: datetime, session: SessionFacts, lines: list[Activity]) -> Settlement:
    changed, orders, foreign = update_orders(reads, memory)
    if _began_wrong(reads, memory, lines, changed, session.day):
        memory = replace(memory, books=replace(
            memory.books, cash=None, drift=(), equity_previous=None, equity_last=None, nav=ONE, nav_peak=ONE,
            flow_session=ZERO, session_day=None, strategies=(),
        ))  # fmt: skip
    ledger = Ledger(reads, memory, orders)
    adopted = memory.books.cash is None and not _explains_everything(lines, reads, memory.books)
    if adopted:
        ledger.cash = reads.account.cash
        ledger.sub.enter(UNASSIGNED, "opening", ledger.cash)
        ledger.notes.append(f"the books start with the broker's cash of {plain(ledger.cash)} USD")
    else:
        lines = apply_lines(ledger, lines)
    _advance(ledger, memory, at, session)
    if changed:
        _keep_marks(ledger, changed)
    ended = ledger.rolls_ended or ledger.cycles_closed
    moved = lines or changed or ledger.rolls or ledger.cycles or ended or ledger.sub.changed
    books = ledger.books() if moved else memory.books
    books = note_pacing(ledger, replace(books, instructions=_instructions(books, reads)), at)
    findings = compare(reads, memory, books, orders, at, session)
    uneven = uneven_legs(ledger, books, findings.drift, at, READS_APART)
    findings = findings._replace(drift=(*findings.drift, *uneven))
    ledger.notes.extend(odd_shares(memory.books.lots, books.lots))
    absent = absent_orders(reads, memory, findings.drift, at)
    absent = [one for one in absent if not _may_have_filled(one, ledger, findings.held)]
    changed.extend(absent)
    ledger.notes.extend(
        f"order {order.client_order_id} never reached the broker: two complete readings after its session show none"
        for order in absent
        if order.state == "not_sent"
    )
    return Settlement(
        books=replace(
            books,
            drift=findings.drift,
            last_positions=findings.last_positions,
            fees_accrued=reads.account.accrued_fees or ZERO,
            settled_at=at,
        ),
        held=findings.held,
        orders=tuple(changed),
        foreign_orders=foreign,
        activities=tuple(lines),
        fills=tuple(ledger.fills),
        leg_ends=tuple(ledger.leg_ends),
        lot_ends=tuple(ledger.lot_ends),
        cycles_closed=tuple(ledger.cycles_closed),
        rolls_ended=tuple(ledger.rolls_ended),
        drift=findings.drift,
        flow=ledger.flow,
        notes=(*ledger.notes, *findings.notes),
    )


def _began_wrong(reads: Reads, memory: Memory, lines: list[Activity], changed: list[OwnOrder], today: date) -> bool:
    """Say whether the books begin anew: their first cash stood against every reading since the session before.

    The first reading has no witness. Where nothing was ever booked on it, a difference that no line of history
    explained over a session is a beginning that was read wrong, or money that moved without a line; no loss to find.
    """
    books, found = memory.books, _cash_drift(memory.books.drift)
    if books.cash is None or books.cash == reads.account.cash or lines or changed:
        return False
    if found is None or found.since is None or new_york_day(found.since) >= today:
        return False
    if memory.own_orders or memory.recent_orders or books.lots or books.legs or books.cycles or books.rolls:
        return False
    untouched = (StrategyBook(strategy=UNASSIGNED, opening=books.cash), StrategyBook(strategy=FOREIGN))
    return all(book in untouched for book in books.strategies)


def _explains_everything(lines: list[Activity], reads: Reads, books: Books) -> bool:
    """Say whether an empty ledger and the listed history come to exactly the broker's cash."""
    if books.lots or books.legs or not lines:
        return False
    return sum((cash_effect(line) for line in lines), ZERO) == reads.account.cash


def unseen(activities: tuple[Activity, ...], seen: frozenset[tuple[str, str, str]]) -> list[Activity]:
    """List the lines not applied before, each once, in the order they are applied. A fill is known by its id alone."""
    fresh = {line.key: line for line in activities if line.key not in seen}
    if fresh:
        filled = {id_ for id_, kind, _ in seen if kind == "FILL"}
        fresh = {key: line for key, line in fresh.items() if line.kind != "FILL" or line.id not in filled}
    return in_order(list(fresh.values())) if fresh else []


def update_orders(reads: Reads, memory: Memory) -> tuple[list[OwnOrder], dict[str, OwnOrder], tuple[BrokerOrder, ...]]:
    """Join our orders with what the broker shows: those that changed, all by id, and live ones of others.

    What the broker shows is proof. What it does not show proves nothing, but for an order still `planned`: its
    request never left (design 10, 11).
    """
    orders = {order.client_order_id: order for order in memory.recent_orders}
    for order in memory.own_orders:
        orders[order.client_order_id] = order
    changed: list[OwnOrder] = []
    foreign: list[BrokerOrder] = []
    shown: set[str] = set()
    splits = [line for line in reads.activities if line.kind == "SPLIT" and line.price is not None and line.price > 0]
    by_broker = {one.broker_order_id: one for one in orders.values() if one.broker_order_id}
    for found in reads.orders:
        # One that a person found at the broker may stand there under a name we did not give it.
        own = orders.get(found.client_order_id) or by_broker.get(found.broker_order_id)
        if own is None:
            if not found.terminal:
                foreign.append(found)
            continue
        shown.add(own.client_order_id)
        updated = _join(own, found, _rescaling(own, splits, memory))
        if updated is not None:
            orders[own.client_order_id] = updated
            changed.append(updated)
    for order in memory.own_orders:
        if order.state == "planned" and order.client_order_id not in shown:
            unsent = replace(order, state="not_sent")
            orders[order.client_order_id] = unsent
            changed.append(unsent)
    return changed, orders, tuple(foreign)


def _rescaling(own: OwnOrder, splits: list[Activity], memory: Memory) -> Decimal | None:
    """Give what a mark kept with an order is divided by, or None where no split came between.

    Of an order older than a split of its shares, the broker's mark may still be one of the old price: a stop armed
    from that would stand above the market and sell at once. Ours counts from there on, brought to the new price once.
    """
    since = [one for one in splits if one.symbol == own.underlying and one.at > own.planned_at]
    ratio = ONE
    for one in since:
        if one.key not in memory.seen and one.price is not None:
            ratio *= one.price
    return ratio if since else None


def _join(own: OwnOrder, found: BrokerOrder, rescaling: Decimal | None = None) -> OwnOrder | None:
    """Give our order with the broker's words, or None when they say nothing new."""
    if own.state == "refused" and found.status == "rejected":
        return None
    stop = found.stop_price if found.stop_price is not None else own.stop_price
    mark = highest(found.high_water_mark, own.high_water_mark)
    if rescaling is not None:
        mark = None if own.high_water_mark is None else own.high_water_mark / rescaling
    state = "done" if found.terminal else "working"
    if (
        own.state == state
        and own.status == found.status
        and own.filled_qty == found.filled_qty
        and own.filled_avg_price == found.filled_avg_price
        and own.broker_order_id == found.broker_order_id
        and own.stop_price == stop
        and own.high_water_mark == mark
    ):
        return None
    return replace(
        own,
        state=state,
        status=found.status,
        filled_qty=found.filled_qty,
        filled_avg_price=found.filled_avg_price,
        broker_order_id=found.broker_order_id,
        stop_price=stop,
        high_water_mark=mark,
    )


def highest(*marks: Decimal | None) -> Decimal | None:
    """Give the highest mark that is known: a stop that rests anew counts from its own start at some brokers.

    >>> highest(None, Decimal(40), Decimal(44))
    Decimal('44')
    """
    return max((mark for mark in marks if mark is not None), default=None)


def absent_orders(reads: Reads, memory: Memory, drift: tuple[Drift, ...], at: datetime) -> list[OwnOrder]:
    """End an order without an answer that two complete readings do not show (design 11).

    Both come after the close of the session it was sent in, in two slots, with the books agreeing on its underlying.
    The first is remembered as the status `not_found`; after the second it provably never arrived.
    """
    if memory.last_slot is not None and memory.last_slot >= slot_of(at):
        return []
    shown = {order.client_order_id for order in reads.orders}
    differs = {underlying_of(one.symbol) for one in drift}
    found: list[OwnOrder] = []
    for order in memory.own_orders:
        if order.state not in UNRESOLVED_STATES or order.client_order_id in shown or order.underlying in differs:
            continue
        day = new_york_day(order.slot)
        session = session_on(day) or next_session(day)
        if at < session.close_at:
            continue
        if order.status == NOT_FOUND:
            found.append(replace(order, state="not_sent", status=""))
        else:
            found.append(replace(order, state="unknown", status=NOT_FOUND))
    return found


def _may_have_filled(order: OwnOrder, ledger: Ledger, held: tuple[HeldPosition, ...]) -> bool:
    """Say whether something on its legs that belongs to no order that is shown could be this one's doing.

    Then no reading ends it: it is left to a person (`bot order resolve`).
    A fill since it was planned under an id that nothing explains, or contracts beyond our books on the side it opens.
    """
    shown = {one for order in ledger.reads.orders for one in (order.broker_order_id, *order.leg_ids)}
    for leg in order.legs:
        sign = 1 if leg.side == "buy" else -1
        if any(
            line.kind == "FILL" and line.symbol == leg.symbol and line.qty * sign > 0 and line.at >= order.planned_at
            and ledger.order_of(line) is None and line.order_id not in shown
            for line in ledger.reads.activities
        ):  # fmt: skip
            return True
        if is_option(leg.symbol) and leg.position_intent.endswith("_to_open") and any(
            one.position.symbol == leg.symbol and one.owner in ("foreign", "mixed") and one.position.qty * sign > 0
            for one in held
        ):  # fmt: skip
            return True
    return False


def _advance(ledger: Ledger, memory: Memory, at: datetime, session: SessionFacts) -> None:
    """Do what time does: rolls run out, capital accrues by the day, flat cycles close."""
    if ledger.rolls:
        new_slot = session.is_open and (memory.last_slot is None or memory.last_slot < slot_of(at))
        advance_rolls(ledger, new_slot=new_slot)
    if ledger.cycles:
        today = new_york_day(at)
        for symbol in tuple(ledger.cycles):
            ledger.accrue(symbol, today)
        ledger.close_flat_cycles(today)


def _keep_marks(ledger: Ledger, changed: list[OwnOrder]) -> None:
    """Store the high-water mark a trailing stop reached on the lot it guards, for re-arming it (design 13)."""
    marks: dict[str, Decimal] = {
        order.lot: order.high_water_mark
        for order in changed
        if order.purpose == "trailing_stop" and order.lot and order.high_water_mark is not None
    }
    for place, lot in enumerate(ledger.lots):
        mark = marks.get(lot.id)
        best = highest(mark, lot.high_water_mark)
        if best != lot.high_water_mark:
            ledger.lots[place] = replace(lot, high_water_mark=best)


def _instructions(books: Books, reads: Reads) -> tuple[Instruction, ...]:
    """Drop the owner's word on contracts that neither we nor the broker hold any more."""
    if not books.instructions:
        return books.instructions
    held = {leg.symbol for leg in books.legs} | {position.symbol for position in reads.positions}
    return tuple(one for one in books.instructions if one.contract in held)
