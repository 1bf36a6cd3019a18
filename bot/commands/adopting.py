"""`bot adopt`: what the broker holds and is not ours becomes ours, with what is known of its price.

Nothing is sent: the next tick counts it as ours, and the strategies manage it like anything of their own.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.commands.opening import amount, open_ledger
from bot.commands.owner import author
from bot.domain.adoption import adopt_fault
from bot.domain.errors import UsageError
from bot.domain.instruments import is_equity, is_option, underlying_of
from bot.domain.money import ZERO, plain
from bot.engine.takeover import (
    Given,
    Past,
    Takeover,
    foreign_qty,
    stated_bases,
    take_contracts,
    take_shares,
    with_cycle,
)
from bot.store.adopting import Adoption, adopt, moved_since, waiting
from bot.store.journal import LedgerJournal
from bot.wiring import House, load_house, wall_clock


class Typed(NamedTuple):
    """The options of the command as they were typed; empty is unsaid."""

    qty: str = ""
    basis: str = ""
    tax_basis: str = ""
    wheel_basis: str = ""
    put_premium: str = ""
    premium: str = ""

    def read(self) -> Given:
        """Read every number, or raise UsageError naming the option."""
        names = ("--qty", "--basis", "--tax-basis", "--wheel-basis", "--put-premium", "--premium")
        return Given(*(amount(text, name) if text else None for text, name in zip(self, names, strict=True)))


def run_adopt(env: str, *, symbol: str, everything: bool, typed: Typed) -> None:
    """Take over one foreign position, or all that the imported past explains, and say at what price."""
    house = load_house(env)
    given = typed.read()
    name = symbol.upper()
    if bool(name) == everything:
        raise UsageError("name a position (`bot adopt XLF`, `bot adopt XLF261218P00050000`), or say --all, not both")
    with open_ledger(house, f"bot adopt {name or '--all'}", wall_clock()) as journal:
        if everything:
            lines = _all_of_the_past(house, journal, given)
        else:
            lines = _one(house, journal, name, given)
    for line in lines:
        print(line)
    print(f"home {house.home}")


def _one(house: House, journal: LedgerJournal, name: str, given: Given) -> list[str]:
    if not is_equity(name) and not is_option(name):
        raise UsageError(f"adopt takes a share symbol such as XLF or an option series, got {name!r}")
    now, books = wall_clock(), journal.books()
    if is_equity(name) and given.basis is not None and given.qty is None:
        stated = stated_bases(books, name, given)
        if stated:
            adopt(journal, Adoption(lots=stated), now, author())
            return [f"{name}: the basis is {plain(given.basis)} a share now"]
    past = _past(journal, name, stated=given.prices_shares or given.premium is not None)
    strategy = strategy_for(house, name)
    if is_option(name):
        takeover = take_contracts(books, past, name, given, now, strategy)
    else:
        takeover = take_shares(books, past, name, given, now, strategy)
    return _keep(journal, past, takeover)


def _keep(journal: LedgerJournal, past: Past, takeover: Takeover) -> list[str]:
    whole = with_cycle(journal.books(), past, takeover)
    adopt(journal, Adoption(whole.lots, whole.legs, whole.cycles, whole.taken), wall_clock(), author())
    return list(whole.words)


def _past(journal: LedgerJournal, name: str, *, stated: bool) -> Past:
    """Give what the imported past knows; out of date, it is no use, and without the owner's word that is refused."""
    found = waiting(journal.database.connection)
    root = underlying_of(name)
    mine = Past(
        tuple(lot for lot in found.lots if lot.symbol == root),
        tuple(leg for leg in found.legs if leg.underlying == root),
        tuple(one for one in found.cycles if one.symbol == root),
        found.parts,
    )
    if root not in moved_since(journal.database.connection):
        return mine
    if not stated and (mine.lots or mine.legs):
        raise UsageError(
            f"{root} has moved since its past was imported: `bot import-history` brings it up to date, or say the "
            "price yourself (--basis, --premium)"
        )
    return Past()


def _all_of_the_past(house: House, journal: LedgerJournal, given: Given) -> list[str]:
    if given != Given():
        raise UsageError("--all takes over what the imported past explains, at its own prices: it takes no numbers")
    found = waiting(journal.database.connection)
    names = [lot.symbol for lot in found.lots] + [leg.symbol for leg in found.legs if leg.qty < 0]
    if not names:
        raise UsageError("no imported past waits to be adopted: `bot import-history` rebuilds it from the broker")
    lines: list[str] = []
    for name in dict.fromkeys(sorted(names, key=lambda one: (underlying_of(one), is_option(one), one))):
        try:
            past = _past(journal, name, stated=False)
            books, strategy = journal.books(), strategy_for(house, name)
            explained = sum((lot.qty for lot in past.lots if lot.symbol == name), start=ZERO) + sum(
                (abs(leg.qty) for leg in past.legs if leg.symbol == name), start=ZERO
            )
            size = Given(qty=min(explained, abs(foreign_qty(books, name))))
            take = take_contracts if is_option(name) else take_shares
            lines += _keep(journal, past, take(books, past, name, size, wall_clock(), strategy))
        except UsageError as error:
            lines.append(f"{name}: not adopted: {error}")
    foreign = _left_foreign(journal)
    return lines + [f"{name}: still foreign ({words})" for name, words in foreign]


def _left_foreign(journal: LedgerJournal) -> list[tuple[str, str]]:
    """Name what is foreign after all, and what may be done about it."""
    books = journal.books()
    found = []
    for symbol, _ in books.last_positions:
        try:
            left = foreign_qty(books, symbol)
        except UsageError:
            continue
        found.append((symbol, adopt_fault(symbol, left) or f"`bot adopt {symbol}` with its price takes it over"))
    return found


def strategy_for(house: House, symbol: str) -> str:
    """Name who will manage it: the wheel on its underlying, for shares else a trailing stop, else the owner."""
    for _, _, wheel in house.desk.wheels:
        if underlying_of(symbol) in wheel.numbers:
            return wheel.name
    if is_option(symbol) or not house.desk.trailing_stops:
        return "owner"
    return house.desk.trailing_stops[0][2].name
