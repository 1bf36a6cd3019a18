"""Shares of ours that lie bare: protection configured and absent, and what a stated waiver leaves without (design 13).

Calls and sales take the oldest shares first, then stops that rest; what is left is bare, or excused with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from bot.domain.desk import Desk, TrailingParams
from bot.domain.exposure import standing_of
from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Lot
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OwnOrder
from bot.domain.risk import STOP_TYPES, is_protective
from bot.domain.sessions import session_on
from bot.domain.snapshot import Snapshot

WHEEL_LOT_MINUTES = 20
"""Whole lots of a wheel's symbol get their stop this near the close (wheel 1.14): calls have the day before it."""


class Shares(NamedTuple):
    """Shares of one lot without a stop, worth so much, and why that is excused; an empty reason means it is not."""

    symbol: str
    lot: str
    qty: Decimal
    value: Decimal
    excuse: str


def shares_without_stop(snapshot: Snapshot, desk: Desk) -> list[Shares]:
    """List own shares that no working stop guards, by symbol and lot, oldest first."""
    if not snapshot.books.lots:
        return []
    standing = standing_of(snapshot)
    stops = tuple(params for _, enabled, params in desk.trailing_stops if enabled)
    found: list[Shares] = []
    for symbol in sorted({lot.symbol for lot in snapshot.books.lots}):
        held = snapshot.shares_held(symbol)
        held -= sum((lot.qty for lot in snapshot.lots_of[symbol] if lot.owner == "foreign"), ZERO)
        claimed = standing.on(symbol).calls * SHARES_PER_CONTRACT + _being_sold(snapshot, symbol)
        guarded = stopped_shares(snapshot, symbol)
        price = _price(snapshot, symbol)
        for lot in snapshot.lots_of[symbol]:
            if lot.owner == "foreign" or held <= 0:
                continue
            own = min(lot.qty, held)
            held -= own
            covered = min(own, claimed)
            claimed -= covered
            resting = min(own - covered, guarded)
            guarded -= resting
            whole = (own - covered - resting).to_integral_value(ROUND_FLOOR)
            worth = price if price is not None else lot.basis_tax or lot.basis_strike or ZERO
            for qty, excuse in (
                (covered, "under a call or a sale"),
                (own - covered - resting - whole, "a fraction: a stop holds whole shares only"),
                (whole, _excuse(snapshot, stops, lot, whole)),
            ):
                if qty > 0:
                    found.append(Shares(symbol, lot.id, qty, qty * worth, excuse))
    return found


def stopped_shares(snapshot: Snapshot, symbol: str) -> Decimal:
    """Count the shares of a symbol that stops resting at the broker would sell, ours and those of others."""
    own = (order for order in snapshot.orders_on.get(symbol, ()) if order.state == "working" and is_protective(order))
    others = (order for order in snapshot.foreign_orders if not order.terminal and order.order_type in STOP_TYPES)
    return _sold_by(own, symbol) + _sold_by(others, symbol)


def _sold_by(orders: Iterable[OwnOrder | BrokerOrder], symbol: str) -> Decimal:
    return sum(
        (
            max(order.qty - order.filled_qty, ZERO) * leg.ratio
            for order in orders
            for leg in order.legs
            if leg.symbol == symbol and leg.position_intent == "sell_to_close"
        ),
        ZERO,
    )


def _being_sold(snapshot: Snapshot, symbol: str) -> Decimal:
    return _sold_by((order for order in snapshot.orders_on.get(symbol, ()) if not is_protective(order)), symbol)


def _excuse(snapshot: Snapshot, stops: tuple[TrailingParams, ...], lot: Lot, qty: Decimal) -> str:
    """Say by which stated waiver whole shares need no stop now; empty where they need one."""
    symbol = lot.symbol
    meant = [params for params in stops if not params.symbols or symbol in params.symbols]
    if not meant:
        return "no stop is configured for it"
    meant = [params for params in meant if symbol not in params.wheel_symbols or params.numbers.protect_wheel_lots]
    if not meant:
        return "the wheel's, whose lots get no stop (protect_wheel_lots = false)"
    said = [one for one in snapshot.books.instructions if one.contract == symbol]
    if said and max(said, key=lambda one: one.at).word == "close":
        return "the owner is closing it"
    to_calls = qty >= SHARES_PER_CONTRACT and all(symbol in params.wheel_symbols for params in meant)
    if to_calls and (snapshot.session.is_open or not _stood_at_the_last_close(snapshot, lot)):
        return f"left to the wheel's calls until {WHEEL_LOT_MINUTES} minutes before the close"
    return ""


def _stood_at_the_last_close(snapshot: Snapshot, lot: Lot) -> bool:
    """Say whether a lot was there when stops were last armed for whole lots of a wheel."""
    session = snapshot.session
    last = session_on(session.day if snapshot.at >= session.close_at else session.previous_day)
    return last is not None and lot.opened_at < last.close_at - timedelta(minutes=WHEEL_LOT_MINUTES)


def _price(snapshot: Snapshot, symbol: str) -> Decimal | None:
    mark = snapshot.mark_of.get(symbol)
    if mark is not None:
        return mark.price
    spot = snapshot.spot(symbol)
    return spot if spot is not None else snapshot.position_of[symbol].price if symbol in snapshot.position_of else None
