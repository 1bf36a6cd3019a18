"""Invariants as numbers: what must hold at every tick, from the Snapshot alone. Pure; zero is green.

They say what is, not what is wanted: a stop that this very tick will arm still counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from bot.domain import invariants as names
from bot.domain.claims import root_of
from bot.domain.desk import Desk
from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import is_option
from bot.domain.invariants import Invariant
from bot.domain.ledger import Drift, Lot, OptionLeg
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain, to_cents
from bot.domain.orders import UNRESOLVED_STATES, carries_name
from bot.domain.snapshot import InputAge, Snapshot
from bot.domain.subledger import worths
from bot.engine.invariants_shares import Shares, shares_without_stop, stopped_shares

CASH = "CASH"
OTHER_INPUTS = ("dividends ", "earnings ", "oldest quote ")
"""Calendars are days old by nature and have a line of their own; quotes are looked at here, without halted names."""


class Number(NamedTuple):
    """An invariant before it is known since when."""

    name: str
    value: Decimal
    unit: str
    ok: bool
    detail: str = ""
    symbols: tuple[str, ...] = ()


def invariants_of(snapshot: Snapshot, desk: Desk, before: tuple[Invariant, ...] = ()) -> tuple[Invariant, ...]:
    """Give every invariant of a tick, in the order of `names.NAMES`; `before` are those of the tick before."""
    drift, bare = snapshot.books.drift, shares_without_stop(snapshot, desk)
    numbers = (
        *_shares(bare),
        _orphans(snapshot),
        _doubled(snapshot),
        _foreign(snapshot),
        _cash(drift, "unexplained"),
        _cash(drift, "pending"),
        _unexplained(drift),
        _cash_gap(snapshot),
        _positions_gap(snapshot),
        _strategies_gap(snapshot),
        _oldest_input(snapshot, desk),
        _oldest_unknown(snapshot),
    )
    known = {one.name: one.since for one in before}
    return tuple([_dated(number, known.get(number.name), snapshot.at) for number in numbers])


def _dated(number: Number, known: datetime | None, at: datetime) -> Invariant:
    """Add the moment at which it left zero; an age is never zero, so for it that is the moment it was too much."""
    away = not number.ok or (number.value != 0 and number.name != names.OLDEST_INPUT)
    return Invariant(
        name=number.name, value=number.value, unit=number.unit, ok=number.ok,
        since=(known or at) if away else None, detail=number.detail, symbols=number.symbols,
    )  # fmt: skip


def _shares(bare: list[Shares]) -> tuple[Number, Number]:
    """Give what lies bare although protection is configured, and what a stated waiver leaves without, in dollars."""
    lacking, waived = [one for one in bare if not one.excuse], [one for one in bare if one.excuse]
    reasons = dict.fromkeys(f"{one.symbol}: {one.excuse}" for one in waived)
    return (
        Number(
            names.UNPROTECTED, _worth(lacking), "usd", not lacking,
            "; ".join(f"{plain(one.qty)} {one.symbol} of {one.lot} without a working stop" for one in lacking),
            _each(one.symbol for one in lacking),
        ),
        Number(names.WAIVED, _worth(waived), "usd", True, "; ".join(reasons), _each(one.symbol for one in waived)),
    )  # fmt: skip


def _worth(shares: list[Shares]) -> Decimal:
    return to_cents(sum((one.value for one in shares), ZERO))


def _each(symbols: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(symbols))


def _orphans(snapshot: Snapshot) -> Number:
    """Count live orders that carry this desk's name and stand in no ledger of ours."""
    found = [one for one in snapshot.foreign_orders if _is_orphan(snapshot, one)]
    told = "; ".join(
        f"{one.client_order_id} (broker id {one.broker_order_id}): {_wanted(one)}, {one.status}" for one in found
    )
    symbols = _each(root_of(leg.symbol) for one in found for leg in one.legs)
    return Number(names.ORPHANS, Decimal(len(found)), "orders", not found, told, symbols)


def _is_orphan(snapshot: Snapshot, order: BrokerOrder) -> bool:
    return not order.terminal and carries_name(snapshot.desk, order.client_order_id)


def _wanted(order: BrokerOrder) -> str:
    left = plain(order.qty - order.filled_qty)
    return (
        " and ".join(f"{leg.position_intent} {left} {leg.symbol}" for leg in order.legs) or "nothing that can be read"
    )


def _doubled(snapshot: Snapshot) -> Number:
    """Count the shares that resting stops would sell beyond what is held: two stops for one lot."""
    legs = [leg for order in snapshot.own_orders for leg in order.legs]
    legs += [leg for order in snapshot.foreign_orders for leg in order.legs]
    found: list[tuple[str, Decimal, Decimal]] = []
    for symbol in sorted({leg.symbol for leg in legs if leg.position_intent == "sell_to_close"}):
        stopped, held = stopped_shares(snapshot, symbol), max(snapshot.shares_held(symbol), ZERO)
        if stopped > held:
            found.append((symbol, stopped, held))
    told = "; ".join(f"{symbol}: stops over {plain(stopped)}, held {plain(held)}" for symbol, stopped, held in found)
    beyond = sum((stopped - held for _, stopped, held in found), ZERO)
    return Number(names.DOUBLED, beyond, "shares", not found, told, tuple(symbol for symbol, _, _ in found))


def _booked(snapshot: Snapshot) -> dict[str, Decimal]:
    """Sum what our books hold by symbol, adopted things included."""
    found: dict[str, Decimal] = {}
    things: tuple[Lot | OptionLeg, ...] = (*snapshot.books.lots, *snapshot.books.legs)
    for thing in things:
        if thing.owner != "foreign":
            found[thing.symbol] = found.get(thing.symbol, ZERO) + thing.qty
    return found


def _foreign(snapshot: Snapshot) -> Number:
    """Sum the size of what is not ours, in dollars: positions at our marks, live orders at their price.

    What is pending settlement is nobody's yet, and an order in this desk's name is counted as an orphan.
    """
    booked, waiting = _booked(snapshot), {one.symbol for one in snapshot.books.drift if one.kind == "pending"}
    found: list[tuple[str, Decimal]] = []
    for held in snapshot.positions:
        symbol, qty = held.position.symbol, held.position.qty
        if held.owner in ("ours", "adopted") or symbol in waiting:
            continue
        rest = qty - (booked.get(symbol, ZERO) if held.owner == "mixed" else ZERO)
        if rest:
            found.append((symbol, abs(rest) * _unit_price(snapshot, symbol)))
    for order in snapshot.foreign_orders:
        if order.terminal or _is_orphan(snapshot, order):
            continue
        left = max(order.qty - order.filled_qty, ZERO)
        asked = next((one for one in (order.limit_price, order.stop_price) if one is not None), None)
        worth = sum((_leg_price(snapshot, leg.symbol, asked if len(order.legs) == 1 else None) * leg.ratio
                     for leg in order.legs), ZERO)  # fmt: skip
        found.append((f"order {order.client_order_id or order.broker_order_id}", left * worth))
    value = to_cents(sum((worth for _, worth in found), ZERO))
    return Number(names.FOREIGN, value, "usd", not found, ", ".join(name for name, _ in found))


def _leg_price(snapshot: Snapshot, symbol: str, asked: Decimal | None) -> Decimal:
    if asked is None:
        return _unit_price(snapshot, symbol)
    return asked * (SHARES_PER_CONTRACT if is_option(symbol) else 1)


def _unit_price(snapshot: Snapshot, symbol: str) -> Decimal:
    """Give what one share or contract is worth: our mark, else its quote, else the broker's price, else zero."""
    mark, position = snapshot.mark_of.get(symbol), snapshot.position_of.get(symbol)
    price = mark.price if mark is not None else snapshot.spot(symbol)
    if price is None and position is not None:
        price = position.price
    return abs(price or ZERO) * (SHARES_PER_CONTRACT if is_option(symbol) else 1)


def _cash(drift: tuple[Drift, ...], kind: str) -> Number:
    """Give the broker's cash less our books' where that is a difference of this kind."""
    found = [one for one in drift if one.symbol == CASH and one.kind == kind]
    value = sum((one.broker - one.ours for one in found), ZERO)
    if kind == "pending":
        until = "; ".join(
            one.what if one.expected_until is None else f"{one.what}, until {one.expected_until:%Y-%m-%d %H:%M} UTC"
            for one in found
        )
        return Number(names.CASH_PENDING, value, "usd", True, until)
    return Number(names.CASH_UNEXPLAINED, value, "usd", not found, "; ".join(one.what for one in found))


def _unexplained(drift: tuple[Drift, ...]) -> Number:
    found = [one for one in drift if one.symbol != CASH and one.kind == "unexplained"]
    told = "; ".join(f"{one.symbol}: broker {plain(one.broker)}, ours {plain(one.ours)}, {one.what}" for one in found)
    symbols = _each(root_of(one.symbol) for one in found)
    return Number(names.POSITIONS_UNEXPLAINED, Decimal(len(found)), "positions", not found, told, symbols)


def _cash_gap(snapshot: Snapshot) -> Number:
    """Give our books' cash less the broker's, with what is pending taken off.

    What fees not booked yet may come to is allowed for by settlement: within that it holds (wheel 1.12).
    """
    books, drift = snapshot.books, [one for one in snapshot.books.drift if one.symbol == CASH]
    pending = any(one.kind == "pending" for one in drift)
    value = ZERO if books.cash is None or pending else books.cash - snapshot.account.cash
    detail = "fees that the broker has not booked yet" if value and not drift else ""
    return Number(names.CASH_GAP, value, "usd", not any(one.kind == "unexplained" for one in drift), detail)


def _positions_gap(snapshot: Snapshot) -> Number:
    """Count symbols of which the broker shows less than our books hold, with what is pending taken off.

    What it shows beyond our books is foreign, and counted as that.
    """
    waiting = {one.symbol for one in snapshot.books.drift if one.kind == "pending"}
    found: list[tuple[str, Decimal]] = []
    for symbol, ours in sorted(_booked(snapshot).items()):
        shown = snapshot.shares_held(symbol)  # contracts too: the position of a symbol, whatever it is
        if symbol not in waiting and ours and not (shown * ours > 0 and abs(shown) >= abs(ours)):
            found.append((symbol, ours - shown))
    told = "; ".join(f"{symbol}: books less broker {plain(gap)}" for symbol, gap in found)
    symbols = _each(root_of(symbol) for symbol, _ in found)
    return Number(names.POSITIONS_GAP, Decimal(len(found)), "positions", not found, told, symbols)


def _strategies_gap(snapshot: Snapshot) -> Number:
    """Give the cash of all sub-ledgers, and what their holdings are worth, beyond the ledger's cash and the account.

    Each dollar stands in exactly one of them, so nothing is allowed for; a ledger without sub-ledgers yet has no gap.
    """
    books = snapshot.books
    if books.cash is None or not books.strategies:
        return Number(names.STRATEGIES_GAP, ZERO, "usd", True)
    cash = sum((one.cash for one in books.strategies), ZERO) - books.cash
    held = worths(books, snapshot.positions, [(mark.symbol, mark.price) for mark in snapshot.marks])
    value = sum((one.value for one in held.values()), ZERO) - (snapshot.equity - snapshot.account.cash)
    parts = (("cash", cash), ("holdings", value))
    told = "; ".join(f"{name} of all strategies together are off by {plain(gap)} USD" for name, gap in parts if gap)
    return Number(names.STRATEGIES_GAP, abs(cash) + abs(value) or ZERO, "usd", not told, told)


def _oldest_input(snapshot: Snapshot, desk: Desk) -> Number:
    """Give the age of the oldest price or clock in seconds; in a session too much is more than any price may have.

    A name whose trading is halted says nothing about the feed.
    """
    still = tuple(f"chain {quote.symbol} " for quote in snapshot.quotes if quote.halted)
    ages = [one for one in snapshot.inputs if not one.name.startswith((*OTHER_INPUTS, *still))]
    moving = [quote for quote in snapshot.quotes if not quote.halted]
    if moving:
        last = min(moving, key=lambda quote: (quote.at, quote.symbol))
        ages.append(
            InputAge(
                name=f"quote {last.symbol}", source=last.source, age_seconds=(snapshot.at - last.at).total_seconds()
            )
        )
    if not ages:
        return Number(names.OLDEST_INPUT, ZERO, "seconds", True)
    oldest = max(ages, key=lambda one: (abs(one.age_seconds), one.name))
    value, limit = Decimal(int(abs(oldest.age_seconds))), desk.limits.quote_age_delayed_seconds
    ok = limit is None or value <= limit or not snapshot.session.is_open
    return Number(names.OLDEST_INPUT, value, "seconds", ok, f"{oldest.name} from {oldest.source}")


def _oldest_unknown(snapshot: Snapshot) -> Number:
    found = [order for order in snapshot.own_orders if order.state in UNRESOLVED_STATES]
    if not found:
        return Number(names.OLDEST_UNKNOWN, ZERO, "seconds", True)
    oldest = min(found, key=lambda order: (order.planned_at, order.client_order_id))
    value = Decimal(max(int((snapshot.at - oldest.planned_at).total_seconds()), 0))
    symbols = _each(order.underlying for order in found)
    return Number(names.OLDEST_UNKNOWN, value, "seconds", False, oldest.client_order_id, symbols)
