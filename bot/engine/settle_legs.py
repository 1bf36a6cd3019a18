"""Orders of several legs that filled unevenly: one leg stands without the other that was to cover it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.ledger import Books, Drift
from bot.domain.money import ZERO, plain
from bot.domain.orders import OwnOrder
from bot.engine.settle_ledger import Ledger


def uneven_legs(ledger: Ledger, books: Books, told: tuple[Drift, ...], at: datetime, apart: timedelta) -> list[Drift]:
    """Name each leg of ours that filled short of the others of its order, while the books still hold what is left.

    A broker fills the legs of an order in their ratio and lists each under a line of its own, so a difference is
    *pending* while the newest line is younger than `apart`, and unexplained after it: no new risk on the underlying.
    It is over when the legs are even, or when what stood alone is gone from the books. `told` differs already.
    """
    found: list[Drift] = []
    known = {one.symbol for one in told}
    before = {one.symbol: one for one in ledger.memory.books.drift}
    for order in ledger.orders.values():
        short = _behind(ledger, order) if len(order.legs) > 1 else {}
        if not short or _even(books, order):
            continue
        newest = max((one.at for one in ledger.reads.activities if ledger.order_of(one) is order), default=at)
        kind = "pending" if at - newest <= apart else "unexplained"
        for symbol, (filled, wanted) in short.items():
            if symbol in known:
                continue
            known.add(symbol)
            was = before.get(symbol)
            found.append(
                Drift(
                    symbol=symbol,
                    kind="pending" if kind == "pending" else "unexplained",
                    what=f"the legs of order {order.client_order_id} filled unevenly: {plain(filled)} of "
                    f"{plain(wanted)} here, the other leg stands without it",
                    broker=filled,
                    ours=wanted,
                    expected_until=newest + apart if kind == "pending" else None,
                    since=was.since if was is not None and was.kind == kind and was.since is not None else at,
                )
            )
    return found


def _behind(ledger: Ledger, order: OwnOrder) -> dict[str, tuple[Decimal, Decimal]]:
    """Give the legs behind the one that filled most: contracts filled, and those that would be even with it."""
    filled = {leg.symbol: ledger.booked(order, leg.symbol) for leg in order.legs}
    most = max(filled[leg.symbol] / leg.ratio for leg in order.legs)
    return {
        leg.symbol: (filled[leg.symbol], most * leg.ratio)
        for leg in order.legs
        if filled[leg.symbol] != most * leg.ratio
    }


def _even(books: Books, order: OwnOrder) -> bool:
    """Say whether what the books hold of an order's legs stands in its ratio: nothing of it is alone."""
    held = {leg.symbol: ZERO for leg in order.legs}
    for one in books.legs:
        if one.symbol in held and one.owner != "foreign":
            held[one.symbol] += abs(one.qty)
    return len({held[leg.symbol] / leg.ratio for leg in order.legs}) == 1
