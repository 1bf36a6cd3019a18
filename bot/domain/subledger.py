"""Sub-ledgers: what each strategy's holdings cost and are worth, so that all books together are the account.

Two books belong to no strategy. `foreign` holds what is not ours and the cash of its trades; `unassigned` the money
that nobody traded for (transfers, interest, what the books began with) and positions whose lines are still to come.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bot.domain.instruments import is_option
from bot.domain.ledger import Books, Lot, OptionLeg
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.snapshot import HeldPosition
from bot.domain.wheelmath import collateral

FOREIGN = "foreign"
UNASSIGNED = "unassigned"
OWNERLESS = frozenset({FOREIGN, UNASSIGNED})
"""Books that are no strategy's: a strategy of a desk may not bear such a name."""


class Worth(NamedTuple):
    """What one book holds, dollars: its value at our own marks, the collateral of its short puts, its unknown cost.

    `unknown` counts shares and contracts whose price was never stated: what the book earned on them cannot be told.
    """

    value: Decimal = ZERO
    collateral: Decimal = ZERO
    unknown: Decimal = ZERO


def name_of(strategy: str) -> str:
    """Give the book of a strategy; what bears no name is nobody's."""
    return strategy or UNASSIGNED


def cost_of(thing: Lot | OptionLeg) -> Decimal:
    """Give what an open lot or leg cost in dollars; a short option brought money in. Unknown costs nothing."""
    if isinstance(thing, Lot):
        return thing.qty * (thing.basis_strike or ZERO)
    return thing.qty * (thing.credit or ZERO) * SHARES_PER_CONTRACT


def costs(books: Books) -> dict[str, Decimal]:
    """Give what each strategy's open holdings cost, dollars."""
    found: dict[str, Decimal] = {}
    things: tuple[Lot | OptionLeg, ...] = (*books.lots, *books.legs)
    for thing in things:
        if thing.owner != "foreign":
            name = name_of(thing.strategy)
            found[name] = found.get(name, ZERO) + cost_of(thing)
    return found


def worths(books: Books, held: Iterable[HeldPosition], marks: Iterable[tuple[str, Decimal]]) -> dict[str, Worth]:
    """Give what each book holds at own marks; together it is everything the broker shows, to the cent.

    Of each position a strategy's part is what its lots and legs say; what is left over is foreign, or unassigned while
    the symbol waits for lines of history. What the broker does not show is worth nothing.
    """
    price_of = dict(marks)
    waiting = {one.symbol for one in books.drift if one.kind == "pending"}
    parts: dict[str, dict[str, Decimal]] = {}
    names = [name_of(one.strategy) for one in books.strategies]
    value, secured, unknown = dict.fromkeys(names, ZERO), dict.fromkeys(names, ZERO), dict.fromkeys(names, ZERO)
    things: tuple[Lot | OptionLeg, ...] = (*books.lots, *books.legs)
    for thing in things:
        if thing.owner == "foreign":
            continue
        name, mine = name_of(thing.strategy), parts.setdefault(thing.symbol, {})
        mine[name] = mine.get(name, ZERO) + thing.qty
        value.setdefault(name, ZERO)
        if isinstance(thing, OptionLeg):
            if thing.right == "put" and thing.qty < 0:
                secured[name] = secured.get(name, ZERO) + collateral(thing.strike, -thing.qty)
            if thing.credit is None:
                unknown[name] = unknown.get(name, ZERO) + abs(thing.qty)
        elif thing.basis_strike is None:
            unknown[name] = unknown.get(name, ZERO) + thing.qty
    for one in held:
        symbol, left = one.position.symbol, one.position.qty
        each = price_of.get(symbol, ZERO) * (SHARES_PER_CONTRACT if is_option(symbol) else 1)
        rest = UNASSIGNED if symbol in waiting else FOREIGN
        for name, qty in (*parts.get(symbol, {}).items(), (rest, ZERO)):
            mine_qty = left if name == rest and not qty else qty
            left -= mine_qty
            if mine_qty:
                value[name] = value.get(name, ZERO) + mine_qty * each
    return {name: Worth(worth, secured.get(name, ZERO), unknown.get(name, ZERO)) for name, worth in value.items()}
