"""Shares held: their lots and bases, the calls they stand under or could, and what protects them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from bot.domain.exposure import lots_uncovered
from bot.domain.facts import Fact
from bot.domain.instruments import is_share
from bot.domain.ledger import Lot
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.outlook import CallOutlook
from bot.domain.risk import STOP_TYPES
from bot.domain.snapshot import Snapshot
from bot.report.holdings import Held
from bot.report.week_shorts import Ahead


class LotLine(Fact, frozen=True, kw_only=True):
    """One lot: bases in dollars per share."""

    id: str
    qty: Decimal
    owner: str
    basis_strike: Decimal | None
    basis_tax: Decimal | None
    basis_wheel: Decimal | None


class ShareHolding(Fact, frozen=True, kw_only=True):
    """Shares of one symbol: their lots, how many lots calls cover or could cover, and what protects them."""

    symbol: str
    owner: str
    qty: Decimal
    price: Decimal | None
    value: Decimal | None
    lots: tuple[LotLine, ...] = ()
    lots_covered: Decimal
    lots_coverable: Decimal
    calls: tuple[CallOutlook, ...] = ()
    protection: str
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None


def share_holdings(snapshot: Snapshot, held: Iterable[Held], ahead: Ahead) -> tuple[ShareHolding, ...]:
    """Give the shares of every symbol held, whoever owns them."""
    return tuple(_share_holding(snapshot, one, ahead) for one in held if is_share(one.symbol))


def _share_holding(snapshot: Snapshot, one: Held, ahead: Ahead) -> ShareHolding:
    symbol = one.symbol
    lots = [lot for lot in snapshot.lots_of.get(symbol, ()) if lot.owner != "foreign"]
    short = sum((-position.qty for position in snapshot.short_options(symbol, "call")), ZERO)
    words, stop_price, percent = _protection(snapshot, one, lots, ahead)
    return ShareHolding(
        symbol=symbol, owner=one.owner, qty=one.qty, price=one.mark,
        value=None if one.mark is None else one.mark * one.qty,
        lots=tuple(
            LotLine(
                id=lot.id, qty=lot.qty, owner=lot.owner, basis_strike=lot.basis_strike, basis_tax=lot.basis_tax,
                basis_wheel=lot.basis_wheel,
            )
            for lot in lots
        ),
        lots_covered=min(short, max(one.qty, ZERO) // SHARES_PER_CONTRACT),
        lots_coverable=lots_uncovered(snapshot, symbol),
        calls=tuple(call for call in ahead.calls if call.symbol == symbol),
        protection=words, stop_price=stop_price, trail_percent=percent,
    )  # fmt: skip


def _protection(
    snapshot: Snapshot, one: Held, lots: Sequence[Lot], ahead: Ahead
) -> tuple[str, Decimal | None, Decimal | None]:
    """Say what protects shares: a stop that rests, one that is configured and absent, or that none is wanted."""
    stops = [
        order
        for order in snapshot.orders_on.get(one.symbol, ())
        if order.alive and order.purpose == "trailing_stop" and order.legs and order.legs[0].symbol == one.symbol
    ]
    if stops:
        held = sum((order.remaining for order in stops), ZERO)
        levels = [order.stop_price for order in stops if order.stop_price is not None]
        percents = [order.trail_percent for order in stops if order.trail_percent is not None]
        words = f"a trailing stop rests on {plain(held)} of {plain(one.qty)}"
        return words, max(levels, default=None), max(percents, default=None)
    theirs = [order for order in snapshot.foreign_orders if not order.terminal and order.order_type in STOP_TYPES]
    found = next((order for order in theirs if any(leg.symbol == one.symbol for leg in order.legs)), None)
    if found is not None:
        return "a stop that is not ours rests", found.stop_price, found.trail_percent
    if not lots:
        return "none: not ours", None, None
    wanted = [stop for stop in ahead.stops if stop.symbol == one.symbol]
    if wanted:
        words = f"{wanted[0].strategy} arms a stop on what no call covers; none rests now"
        return words, None, wanted[0].trail_percent
    return "none, as configured: no stop is wanted on these shares", None, None
