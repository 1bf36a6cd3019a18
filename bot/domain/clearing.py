"""What a panic has not cleared yet: openings that may still fill, and with a flatten everything of ours (wheel 1.8)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Books, Panic
from bot.domain.money import ZERO, plain
from bot.domain.orders import OwnOrder, carries_name
from bot.domain.risk import is_protective

PANIC_STRATEGY = "panic"
"""Whose orders a panic's are."""


class Left(NamedTuple):
    """What is left; `held` and `foreign` as (symbol, signed quantity), `strangers` and `orphans` as orders in words."""

    openings: tuple[OwnOrder, ...]
    closings: tuple[OwnOrder, ...]
    held: tuple[tuple[str, Decimal], ...]
    foreign: tuple[tuple[str, Decimal], ...]
    strangers: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Say whether nothing is left to clear; foreign things are nobody's to clear here, orders in our name are."""
        return not (self.openings or self.closings or self.held or self.orphans)

    def words(self) -> str:
        """Name everything left in one line.

        >>> Left((), (), (("XLF", Decimal(100)),), ()).words()
        '100 XLF'
        """
        parts = [f"{plain(qty)} {symbol}" for symbol, qty in self.held]
        parts += [f"order {order.client_order_id} (opens, {order.status or order.state})" for order in self.openings]
        parts += [f"order {order.client_order_id} ({order.status or order.state})" for order in self.closings]
        parts += [
            f"{one} in this desk's name and unknown to its ledger: cancel it at the broker" for one in self.orphans
        ]
        return ", ".join(parts) or "nothing"


def openings_alive(orders: Iterable[OwnOrder]) -> tuple[OwnOrder, ...]:
    """Give our orders that may still fill and would add risk; a protective stop never does."""
    return tuple(order for order in orders if order.alive and order.opens and not is_protective(order))


def foreign_words(order: BrokerOrder) -> str:
    """Name a foreign order with what it does."""
    name = order.client_order_id or order.broker_order_id
    wants = ", ".join(f"{leg.position_intent} {leg.symbol}" for leg in order.legs) or "unknown"
    return f"order {name} ({wants}, {plain(max(order.qty - order.filled_qty, ZERO))} to fill, {order.status})"


def left_of(
    panic: Panic, positions: Iterable[tuple[str, Decimal, str]], books: Books, orders: Iterable[OwnOrder],
    foreign_orders: Iterable[BrokerOrder] = (), desk: str = "",
) -> Left:  # fmt: skip
    """Say what is left, from what the broker listed: positions as (symbol, quantity, owner), and our orders.

    Without a flatten only orders that open count, and any in the name of `desk` that its ledger does not know. What the
    books hold and the list does not show is left: an absence proves nothing (design 12).
    """
    alive = [order for order in orders if order.alive]
    strange = [order for order in foreign_orders if not order.terminal]
    named = [order for order in strange if desk and carries_name(desk, order.client_order_id)]
    orphans = tuple(foreign_words(order) for order in named)
    strangers = tuple(foreign_words(order) for order in strange if order not in named)
    if not panic.flatten:
        return Left(openings_alive(alive), (), (), (), strangers, orphans)
    ours: dict[str, Decimal] = {}
    holdings = [(leg.symbol, leg.qty, leg.owner) for leg in books.legs]
    holdings += [(lot.symbol, lot.qty, lot.owner) for lot in books.lots]
    for symbol, qty, owner in holdings:
        if owner != "foreign":
            ours[symbol] = ours.get(symbol, ZERO) + qty
    held, foreign = dict(ours), dict[str, Decimal]()
    for symbol, qty, whose in positions:
        if whose in ("ours", "adopted"):
            held[symbol] = qty
        elif qty != ours.get(symbol, ZERO):
            foreign[symbol] = qty - ours.get(symbol, ZERO)
    return Left(
        openings=openings_alive(alive),
        closings=tuple(order for order in alive if not order.opens),
        held=tuple(sorted((symbol, qty) for symbol, qty in held.items() if qty)),
        foreign=tuple(sorted(foreign.items())),
        strangers=strangers,
        orphans=orphans,
    )
