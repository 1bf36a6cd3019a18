"""What assignment would leave: cash, shares, and how much lies in one place against the limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from bot.domain.desk import Desk, Limits
from bot.domain.exposure import standing_of, symbol_exposure
from bot.domain.facts import Fact
from bot.domain.holdings import Position
from bot.domain.instruments import parse_option
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.snapshot import HeldPosition, Snapshot
from bot.report.words import six

Name = Literal["now", "in_the_money", "window", "all"]
"""Nothing assigned; what expires in the window and is in the money; all that expires in it; every short option."""


class SharesAfter(Fact, frozen=True, kw_only=True):
    """Shares of a symbol before and after; below zero after means called away beyond what is held."""

    symbol: str
    before: Decimal
    after: Decimal


class Concentration(Fact, frozen=True, kw_only=True):
    """How much lies in one symbol or group: dollars, share of equity, and the limit for new risk (None: off).

    `first` says that the wider limit of a first contract applies. An unknown price leaves exposure unknown.
    """

    name: str
    exposure: Decimal | None
    share: Decimal | None
    limit: Decimal | None
    first: bool = False
    over: bool


class Scenario(Fact, frozen=True, kw_only=True):
    """What stands after these options are assigned, everything else and all prices as they are.

    `shares` are those of every underlying of a short option; `options` may name a series twice, ours and foreign.
    """

    name: Name
    options: tuple[str, ...]
    cash_before: Decimal
    cash_after: Decimal
    cash_negative: bool
    shares: tuple[SharesAfter, ...]
    symbols: tuple[Concentration, ...]
    groups: tuple[Concentration, ...]


def scenario(
    snapshot: Snapshot, desk: Desk, name: Name, assigned: Sequence[tuple[str, Decimal]], symbols: Iterable[str]
) -> Scenario:
    """Let short options (symbol, contracts) be assigned and give what stands then, shares of `symbols` among it."""
    cash, moved = ZERO, dict[str, Decimal]()
    for symbol, qty in assigned:
        contract = parse_option(symbol)
        sign = 1 if contract.right == "put" else -1
        cash -= sign * contract.strike * qty * SHARES_PER_CONTRACT
        moved[contract.root] = moved.get(contract.root, ZERO) + sign * qty * SHARES_PER_CONTRACT
    before = snapshot.account.cash
    after = after_assignment(snapshot, assigned, moved)
    places = tuple(sorted(_symbols(after, desk.limits, snapshot.equity), key=_largest_first))
    return Scenario(
        name=name, options=tuple(symbol for symbol, _ in assigned), cash_before=before, cash_after=before + cash,
        cash_negative=before + cash < 0,
        shares=tuple(
            SharesAfter(symbol=symbol, before=snapshot.shares_held(symbol), after=after.shares_held(symbol))
            for symbol in sorted(set(symbols))
        ),
        symbols=places,
        groups=tuple(sorted(_groups(places, desk, snapshot.equity), key=_largest_first)),
    )  # fmt: skip


def after_assignment(
    snapshot: Snapshot, assigned: Iterable[tuple[str, Decimal]], moved: dict[str, Decimal]
) -> Snapshot:
    """Give the Snapshot with these short options gone and their shares come or gone, at the same prices."""
    gone: dict[str, Decimal] = {}
    for symbol, qty in assigned:
        gone[symbol] = gone.get(symbol, ZERO) + qty
    left = dict(moved)
    positions = []
    for held in snapshot.positions:
        symbol = held.position.symbol
        qty = held.position.qty + gone.get(symbol, ZERO) + left.pop(symbol, ZERO)
        if qty != 0:
            positions.append(replace(held, position=replace(held.position, qty=qty)))
    strikes = {parse_option(symbol).root: parse_option(symbol).strike for symbol in gone}
    for symbol, qty in sorted(left.items()):
        if qty != 0:  # without a quote of its own, what was paid for them
            price = strikes.get(symbol)
            positions.append(HeldPosition(position=Position(symbol=symbol, qty=qty, price=price), owner="ours"))
    rolls = tuple(roll for roll in snapshot.books.rolls if roll.old_symbol not in gone)
    return replace(snapshot, positions=tuple(positions), books=replace(snapshot.books, rolls=rolls))


def _symbols(after: Snapshot, limits: Limits, equity: Decimal) -> list[Concentration]:
    standing = standing_of(after)
    found = []
    for symbol in standing.underlyings:
        exposure, line = symbol_exposure(after, symbol), standing.on(symbol)
        if exposure == 0:
            continue
        contracts = abs(line.shares) / SHARES_PER_CONTRACT + line.puts
        first = contracts <= 1  # what a first contract may have brought (wheel 2.7)
        limit = limits.symbol_share_first if first else limits.symbol_share
        found.append(concentration(symbol, exposure, equity, limit, first=first))
    return found


def _groups(symbols: Iterable[Concentration], desk: Desk, equity: Decimal) -> list[Concentration]:
    totals: dict[str, Decimal | None] = {}
    for one in symbols:
        info = desk.universe.get(one.name)
        name = info.group if info is not None and info.group else "no group"
        total = totals.get(name, ZERO)
        totals[name] = None if total is None or one.exposure is None else total + one.exposure
    return [
        concentration(name, total, equity, None if name == "no group" else desk.limits.group_share)
        for name, total in totals.items()
    ]


def concentration(
    name: str, exposure: Decimal | None, equity: Decimal, limit: Decimal | None, *, first: bool = False
) -> Concentration:
    """Compare an exposure with its limit as a share of equity; what is unknown is not over, and says so."""
    share = None if exposure is None or equity <= 0 else exposure / equity
    over = limit is not None and share is not None and share > limit
    return Concentration(name=name, exposure=exposure, share=six(share), limit=limit, first=first, over=over)


def _largest_first(one: Concentration) -> tuple[bool, Decimal, str]:
    return one.exposure is not None, -(one.exposure or ZERO), one.name
