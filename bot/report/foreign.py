"""What the account holds that is not ours: named on every page, with the command that takes it over where there is one.

Foreign things count in risk and are never traded (design 12).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bot.domain.adoption import adopt_fault
from bot.domain.facts import Fact
from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import is_coin_pair, is_equity, is_option, is_standard_root, underlying_of
from bot.domain.ledger import Lot, OptionLeg
from bot.domain.money import ZERO, plain
from bot.domain.snapshot import Snapshot
from bot.report.shapes import HeldLike

Kind = Literal[
    "shares", "short_option", "long_option", "adjusted_option", "short_shares", "fraction", "crypto", "unknown", "order"
]

FRACTION = "a fraction of a share: never traded here"
CRYPTO = "looks like a pair of coins: never traded here"
ORDER = "counted as if filled, and never touched: cancel it at the broker, or adopt what it fills"


class ForeignLine(Fact, frozen=True, kw_only=True):
    """One thing that is not ours; `qty` is the part that is not. `command` adopts it; None where nothing does."""

    symbol: str
    kind: Kind
    qty: Decimal
    means: str = ""
    command: str | None = None


def kind_of(symbol: str, qty: Decimal) -> Kind:
    """Say what a position is, as far as taking it over goes.

    >>> kind_of("BTCUSD", Decimal("0.5")), kind_of("XLF", Decimal("0.5")), kind_of("XLF", Decimal(-3))
    ('crypto', 'fraction', 'short_shares')
    """
    if is_option(symbol):
        if not is_standard_root(symbol):
            return "adjusted_option"
        return "short_option" if qty < 0 else "long_option"
    if is_coin_pair(symbol):
        return "crypto"
    if not is_equity(symbol):
        return "unknown"
    return "short_shares" if qty < 0 else "shares" if qty >= 1 else "fraction"


def position_line(symbol: str, qty: Decimal) -> ForeignLine:
    """Name one foreign position, what it means, and the command that takes it over."""
    kind = kind_of(symbol, qty)
    means = FRACTION if kind == "fraction" else CRYPTO if kind == "crypto" else adopt_fault(symbol, qty)
    fraction = qty - qty.to_integral_value(ROUND_FLOOR)
    if kind == "shares" and fraction:
        means = f"of these {plain(fraction)} is a fraction: no call and no stop can stand on it"
    command = f"bot adopt {symbol}" if kind in ("shares", "short_option") and not adopt_fault(symbol, qty) else None
    return ForeignLine(symbol=symbol, kind=kind, qty=qty, means=means, command=command)


def order_line(order: BrokerOrder) -> ForeignLine:
    """Name one foreign order: what it wants, and what that means."""
    price = next((one for one in (order.limit_price, order.stop_price) if one is not None), None)
    at = "" if price is None else f" at {price}"
    legs = " and ".join(f"{leg.position_intent} {leg.symbol}" for leg in order.legs) or "nothing that can be read"
    return ForeignLine(
        symbol=f"order {order.client_order_id or order.broker_order_id}", kind="order",
        qty=order.qty - order.filled_qty, means=f"{legs}{at}, {order.status}: {ORDER}",
    )  # fmt: skip


def foreign_lines(
    held: Iterable[HeldLike], lots: Iterable[Lot], legs: Iterable[OptionLeg], orders: Iterable[BrokerOrder] = ()
) -> tuple[ForeignLine, ...]:
    """List every position, or part of one, and every order that is not ours."""
    ours: dict[str, Decimal] = {}
    books: list[Lot | OptionLeg] = [*lots, *legs]
    for one in books:
        if one.owner != "foreign":
            ours[one.symbol] = ours.get(one.symbol, ZERO) + one.qty
    found = []
    for position in held:
        if position.owner not in ("foreign", "mixed"):
            continue
        rest = position.qty - (ours.get(position.symbol, ZERO) if position.owner == "mixed" else ZERO)
        if rest != 0:
            found.append(position_line(position.symbol, rest))
    return (*found, *(order_line(order) for order in orders if not order.terminal))


class _Held(NamedTuple):
    symbol: str
    owner: str
    qty: Decimal
    avg_entry_price: Decimal | None
    mark: Decimal | None = None
    mark_source: str | None = None


def foreign_in(snapshot: Snapshot) -> tuple[ForeignLine, ...]:
    """List what a Snapshot shows that is not ours."""
    held = [
        _Held(one.position.symbol, one.owner, one.position.qty, one.position.avg_entry_price)
        for one in snapshot.positions
    ]
    lines = foreign_lines(held, snapshot.books.lots, snapshot.books.legs, snapshot.foreign_orders)
    waiting = {underlying_of(one.symbol): one.what for one in snapshot.books.drift}
    return tuple(
        replace(line, means=f"not settled yet: {waiting[underlying_of(line.symbol)]}", command=None)
        if line.command and underlying_of(line.symbol) in waiting
        else line
        for line in lines
    )
