"""Trailing stops on shares: one resting gtc order for every lot that no call covers (C020, wheel 1.14).

A stop rests at the broker, sells at the market, and is re-armed with the stored high-water mark. Whole shares
only. A 100-share lot has one owner: a call or a stop, never both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from bot.domain.desk import TrailingParams
from bot.domain.instruments import is_option, underlying_of
from bot.domain.ledger import Lot
from bot.domain.market import QuotesRequest, Request
from bot.domain.money import HUNDRED, SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Plan, Planner

WHEEL_LOT_MINUTES = 20
"""A stop on whole lots of a wheel's symbol is armed only this near the close: calls have the day before it."""


SPLIT_DIFFERENCE = Decimal("0.3")
"""How far price times ratio may be from the stored high for it to look like a split."""


class Ward(NamedTuple):
    """One lot and how many of its shares a stop may hold now."""

    lot: Lot
    shares: Decimal


def needs(holdings: Holdings, params: TrailingParams, at: datetime) -> tuple[Request, ...]:
    """Ask for quotes of the shares a stop may protect; nothing outside the session."""
    if not holdings.session.is_open:
        return ()
    held = {one.position.symbol for one in holdings.positions if one.position.qty > 0}
    lots = {lot.symbol for lot in holdings.books.lots if lot.owner != "foreign" and lot.symbol in held}
    symbols = sorted(symbol for symbol in lots if not _left_alone(params, symbol))
    return (QuotesRequest(symbols=tuple(symbols)),) if symbols else ()


def plan(snapshot: Snapshot, params: TrailingParams) -> Plan:
    """Want one resting stop for every lot it may protect; cancel those that hold more than is there."""
    if not snapshot.session.is_open or snapshot.halt.level == "stop":
        return Plan()
    intents: list[OrderIntent] = []
    notes: list[Note] = []
    stops = [one for one in snapshot.own_orders if one.alive and one.purpose == "trailing_stop"]
    symbols = {one.underlying for one in stops} | {lot.symbol for lot in snapshot.books.lots}
    for symbol in sorted(symbols):
        mine = sorted((one for one in stops if one.underlying == symbol), key=lambda one: (one.planned_at, one.lot))
        _plan_symbol(snapshot, params, symbol, mine, intents, notes)
    return Plan(intents=tuple(intents), notes=tuple(notes))


def _left_alone(params: TrailingParams, symbol: str) -> bool:
    """Say whether the configuration gives a symbol's shares no stop: a wheel's, or not among those named."""
    if symbol in params.wheel_symbols and not params.numbers.protect_wheel_lots:
        return True
    return bool(params.symbols) and symbol not in params.symbols


def _plan_symbol(
    snapshot: Snapshot,
    params: TrailingParams,
    symbol: str,
    stops: list[OwnOrder],
    intents: list[OrderIntent],
    notes: list[Note],
) -> None:
    mine = [one for one in stops if one.strategy == params.name]
    alone = _left_alone(params, symbol)
    wards = [] if alone else _wards(snapshot, symbol, notes, params)
    if alone and not mine:
        return  # the configuration says so, today as yesterday: nothing was passed over
    kept: dict[str, OwnOrder] = {}
    room = {ward.lot.id: ward.shares for ward in wards}
    doubt = _doubt(snapshot, symbol)
    for order in mine:
        if order.lot in kept or order.remaining > room.get(order.lot, ZERO):
            if doubt is not None:
                notes.append(_note(params, symbol, f"its stop stays: {doubt}", order.lot))
                room[order.lot] = ZERO
                continue
            intents += _cancelled(snapshot, params, order, room.get(order.lot, ZERO), notes)
            # Its shares are spoken for until the cancellation is confirmed.
            room[order.lot] = ZERO
        else:
            kept[order.lot] = order
    waiting = _no_arming(snapshot, symbol)
    elsewhere = {one.lot for one in stops if one.strategy != params.name}
    for ward in wards:
        if ward.lot.id in elsewhere:
            continue
        resting = kept.get(ward.lot.id)
        if room[ward.lot.id] < 1 or (resting is not None and not _outdated(resting, ward, params)):
            continue
        hindrance = waiting or _call_first(snapshot, params, symbol, ward) or _split_first(snapshot, params, ward.lot)
        if hindrance is not None:
            notes.append(_note(params, symbol, hindrance, ward.lot.id))
        elif resting is None or resting.state == "working":
            intents.append(_stop(params, ward, resting))


def _wards(snapshot: Snapshot, symbol: str, notes: list[Note], params: TrailingParams) -> list[Ward]:
    """Give the lots with the whole shares that neither calls nor other sales claim, oldest first.

    Calls and sales take the oldest shares first, as an assignment does; a foreign lot takes nothing and gets nothing.
    """
    lots = [lot for lot in snapshot.lots_of.get(symbol, ()) if lot.owner != "foreign"]
    claimed = _claimed(snapshot, symbol)
    foreign = sum((lot.qty for lot in snapshot.lots_of.get(symbol, ()) if lot.owner == "foreign"), ZERO)
    held = snapshot.shares_held(symbol) - foreign
    wards: list[Ward] = []
    for lot in lots:
        own = min(lot.qty, max(held, ZERO))
        held -= own
        covered = min(own, claimed)
        claimed -= covered
        whole = (own - covered).to_integral_value(ROUND_FLOOR)
        if covered >= 1:
            reason = f"{plain(covered)} shares stand under a call or a sale: no stop on them"
            notes.append(_note(params, symbol, reason, lot.id))
        if whole < own - covered:
            reason = "a stop holds whole shares only; the fraction stays without"
            fraction = own - covered - whole
            notes.append(
                Note(strategy=params.name, symbol=symbol, subject=lot.id, reason=reason, value=fraction, unit="shares")
            )
        wards.append(Ward(lot, whole))
    return wards


def _claimed(snapshot: Snapshot, symbol: str) -> Decimal:
    """Count shares that short calls, orders to sell calls, rolls of calls and other sales claim."""
    calls = sum((-position.qty for position in snapshot.short_options(symbol, "call")), ZERO)
    shares = ZERO
    for order in snapshot.orders_on.get(symbol, ()):
        for one in order.legs:
            if one.position_intent == "sell_to_open" and is_option(one.symbol) and one.symbol[-9] == "C":
                calls += order.remaining * one.ratio
            elif one.position_intent == "sell_to_close" and one.symbol == symbol and order.purpose != "trailing_stop":
                shares += order.remaining * one.ratio
    for roll in snapshot.books.rolls:
        if roll.underlying == symbol and roll.right == "call" and roll.stage == "opening":
            working = [one for one in snapshot.orders_on.get(symbol, ()) if one.roll == roll.id and one.opens]
            calls += max(roll.qty - sum((one.remaining for one in working), ZERO), ZERO)
    return calls * SHARES_PER_CONTRACT + shares


def _no_arming(snapshot: Snapshot, symbol: str) -> str | None:
    """Say what forbids a new stop on a symbol: a difference being settled, the owner's sale, an empty read."""
    for drift in snapshot.books.drift:
        if underlying_of(drift.symbol) == symbol and drift.kind == "pending":
            return f"no sale while a difference is pending: {drift.what}"
    if _closing(snapshot, symbol):
        return "the owner is closing these shares"
    return None


def _doubt(snapshot: Snapshot, symbol: str) -> str | None:
    """Say why the shares read cannot be believed: a stop is never taken away on a doubted read (design 12, 15)."""
    if not snapshot.positions and snapshot.books.last_positions:
        return "the list of positions is in doubt: it is empty after a full one"
    for drift in snapshot.books.drift:
        if drift.symbol == symbol:
            return f"what is held is in doubt: {drift.what}"
    return None


def _closing(snapshot: Snapshot, symbol: str) -> bool:
    said = [one for one in snapshot.books.instructions if one.contract == symbol]
    return bool(said) and max(said, key=lambda one: one.at).word == "close"


def _call_first(snapshot: Snapshot, params: TrailingParams, symbol: str, ward: Ward) -> str | None:
    """Leave whole lots of a wheel's symbol to its calls until near the close.

    The wheel cancels a stop to write a call; armed again at once, the stop would take the lot back every tick.
    """
    if symbol not in params.wheel_symbols or ward.shares < SHARES_PER_CONTRACT:
        return None
    left = snapshot.session.close_at - snapshot.at
    if left <= timedelta(minutes=WHEEL_LOT_MINUTES):
        return None
    return f"left to the wheel's calls until {WHEEL_LOT_MINUTES} minutes before the close"


def _split_first(snapshot: Snapshot, params: TrailingParams, lot: Lot) -> str | None:
    """Say whether a split looks to be in the broker's positions and prices, and its line of history still to come.

    The stored high is one of the old price then: a stop re-armed from it would stand above the market and sell at
    once. More shares than the books hold, worth together what the books' shares were at that high, are the sign.
    """
    mark, spot, held = lot.high_water_mark, snapshot.spot(lot.symbol), snapshot.shares_held(lot.symbol)
    booked = sum((one.qty for one in snapshot.lots_of.get(lot.symbol, ())), ZERO)
    if mark is None or spot is None or not 0 < booked < held:
        return None
    percent = params.numbers.trail_percent
    if mark * (1 - percent / HUNDRED) < spot or abs(spot * held / booked - mark) > mark * SPLIT_DIFFERENCE:
        return None
    return (
        f"{plain(held)} shares at {plain(spot)} for {plain(booked)} in the books and a stored high of {plain(mark)}: "
        "a split is not booked yet, no stop from the old price"
    )


def _outdated(order: OwnOrder, ward: Ward, params: TrailingParams) -> bool:
    """Say whether a resting stop holds fewer shares than it could, or another distance than configured."""
    return order.remaining < ward.shares or order.trail_percent != params.numbers.trail_percent


def _cancelled(
    snapshot: Snapshot, params: TrailingParams, order: OwnOrder, room: Decimal, notes: list[Note]
) -> list[OrderIntent]:
    reason = (
        f"the stop holds {plain(order.remaining)} shares of lot {order.lot or '(none)'}, {plain(room)} are free for it"
    )
    if order.state != "working" or order.status == "pending_cancel":
        notes.append(_note(params, order.underlying, f"{reason}; it is {order.status or order.state}", order.lot))
        return []
    return [
        OrderIntent(
            strategy=params.name, purpose="cancel_stop", key=f"cancel-{order.client_order_id}",
            underlying=order.underlying, action="cancel", replaces=order.client_order_id, lot=order.lot,
            cycle=order.cycle, reason=reason,
        )
    ]  # fmt: skip


def _stop(params: TrailingParams, ward: Ward, replaced: OwnOrder | None) -> OrderIntent:
    lot, percent = ward.lot, params.numbers.trail_percent
    marks = [lot.high_water_mark, None if replaced is None else replaced.high_water_mark]
    known = [mark for mark in marks if mark is not None]
    mark = max(known) if known else None
    since = "" if mark is None else f", re-armed from its high of {plain(mark)}"
    return OrderIntent(
        strategy=params.name, purpose="trailing_stop", key=lot.id, underlying=lot.symbol,
        legs=(leg(lot.symbol, "sell_to_close"),), qty=ward.shares, order_type="trailing_stop", trail_percent=percent,
        high_water_mark=mark, time_in_force="gtc", lot=lot.id, cycle=lot.cycle,
        replaces="" if replaced is None else replaced.client_order_id,
        reason=f"protect {plain(ward.shares)} {lot.symbol} with a stop {plain(percent)} % below their high{since}",
        numbers=(("shares", plain(ward.shares)), ("lot_qty", plain(lot.qty)), ("trail_percent", plain(percent))),
    )  # fmt: skip


def _note(params: TrailingParams, symbol: str, reason: str, subject: str = "stop") -> Note:
    return Note(strategy=params.name, symbol=symbol, subject=subject or "stop", reason=reason)


PLANNER = Planner(kind="trailing_stop", params=TrailingParams, needs=needs, plan=plan)
