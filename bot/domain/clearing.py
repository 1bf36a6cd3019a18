"""What a panic has not cleared yet: openings that may still fill, and with a flatten everything of ours (wheel 1.8)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bot.domain.ledger import Books, Panic
from bot.domain.money import ZERO, plain
from bot.domain.orders import OwnOrder
from bot.domain.risk import is_protective


class Left(NamedTuple):
    """What is left; `held` and `foreign` as (symbol, signed quantity)."""

    openings: tuple[OwnOrder, ...]
    closings: tuple[OwnOrder, ...]
    held: tuple[tuple[str, Decimal], ...]
    foreign: tuple[tuple[str, Decimal], ...]

    @property
    def done(self) -> bool:
        """Say whether nothing is left to clear; foreign things are nobody's to clear here."""
        return not (self.openings or self.closings or self.held)

    def words(self) -> str:
        """Name everything left in one line.

        >>> Left((), (), (("XLF", Decimal(100)),), ()).words()
        '100 XLF'
        """
        parts = [f"{plain(qty)} {symbol}" for symbol, qty in self.held]
        parts += [f"order {order.client_order_id} (opens, {order.status or order.state})" for order in self.openings]
        parts += [f"order {order.client_order_id} ({order.status or order.state})" for order in self.closings]
        return ", ".join(parts) or "nothing"


def openings_alive(orders: Iterable[OwnOrder]) -> tuple[OwnOrder, ...]:
    """Give our orders that may still fill and would add risk; a protective stop never does."""
    return tuple(order for order in orders if order.alive and order.opens and not is_protective(order))


def left_of(
    panic: Panic, positions: Iterable[tuple[str, Decimal, str]], books: Books, orders: Iterable[OwnOrder]
) -> Left:
    """Say what is left, from what the broker listed: positions as (symbol, quantity, owner), and our orders.

    Without a flatten only orders that open count. What the books hold and the list does not show is left: an absence
    proves nothing (design 12).
    """
    alive = [order for order in orders if order.alive]
    if not panic.flatten:
        return Left(openings_alive(alive), (), (), ())
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
    )
