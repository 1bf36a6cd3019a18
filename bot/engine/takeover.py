"""Taking over what is foreign: shares and short options become ours with what is known of their price. Pure.

First in, first out from the rebuilt past where it explains them, else on the owner's word, else without a basis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from bot.domain.adoption import adopt_fault
from bot.domain.errors import UsageError
from bot.domain.instruments import parse_option, underlying_of
from bot.domain.ledger import Books, Cycle, Lot, OptionLeg
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain

ADOPTED = "adopted-"
T = TypeVar("T")


class Given(NamedTuple):
    """What the owner said: quantity in shares or contracts, prices in dollars per share; None is unsaid."""

    qty: Decimal | None = None
    basis: Decimal | None = None
    tax_basis: Decimal | None = None
    wheel_basis: Decimal | None = None
    put_premium: Decimal | None = None
    premium: Decimal | None = None

    @property
    def prices_shares(self) -> bool:
        """Say whether any price of shares was given."""
        return any(one is not None for one in (self.basis, self.tax_basis, self.wheel_basis, self.put_premium))


class Takeover(NamedTuple):
    """What becomes ours, how much of the past it takes (kind, key, quantity), and what to say about it."""

    lots: tuple[Lot, ...] = ()
    legs: tuple[OptionLeg, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    taken: tuple[tuple[str, str, Decimal], ...] = ()
    words: tuple[str, ...] = ()


class Past(NamedTuple):
    """What of the past waits: lots and legs first in first out with what is left, open cycles with all their parts.

    `parts` is (cycle, key, size) of every lot and leg that was open at the import, adopted since or not.
    """

    lots: tuple[Lot, ...] = ()
    legs: tuple[OptionLeg, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    parts: tuple[tuple[str, str, Decimal], ...] = ()


def foreign_qty(books: Books, symbol: str) -> Decimal:
    """Give what the broker held of a symbol beyond ours at the last settlement, signed.

    Raises UsageError where nothing looked at the account yet, or something of it is not settled.
    """
    if books.settled_at is None:
        raise UsageError("no tick has looked at the account yet: run `bot tick --dry` (or `bot import-history`) first")
    lots = sum((lot.qty for lot in books.lots if lot.symbol == symbol and lot.owner != "foreign"), ZERO)
    legs = sum((leg.qty for leg in books.legs if leg.symbol == symbol and leg.owner != "foreign"), ZERO)
    held = dict(books.last_positions).get(symbol, ZERO)
    left = held - lots - legs
    if not held and not lots and not legs:
        raise UsageError(f"the newest tick saw no {symbol} in the account; run `bot tick --dry` if it came later")
    if not left or left * held <= 0:
        unit = "shares" if lots or not legs else "contract" if abs(legs) == 1 else "contracts"
        raise UsageError(
            f"the newest tick saw no {symbol} beyond the {plain(abs(lots + legs))} {unit} that are ours already; run "
            "`bot tick --dry` if they came later"
        )
    root = underlying_of(symbol)
    waits = next((one for one in books.drift if underlying_of(one.symbol) == root), None)
    if waits is not None:
        raise UsageError(f"{root} is not settled yet ({waits.what}): adopt it after a tick that shows no drift")
    return left


def take_shares(books: Books, past: Past, symbol: str, given: Given, at: datetime, strategy: str) -> Takeover:
    """Take over shares: lots of the past with their three bases, or one lot on the owner's word."""
    if given.premium is not None:
        raise UsageError("--premium is what an option was sold for: shares take --basis and --put-premium")
    foreign = foreign_qty(books, symbol)
    fault = adopt_fault(symbol, foreign)
    if fault:
        raise UsageError(f"{symbol}: {plain(foreign)} are foreign, and {fault}")
    wanted = given.qty if given.qty is not None else foreign
    if wanted > foreign:
        raise UsageError(f"--qty {plain(wanted)}: {plain(foreign)} shares of {symbol} are foreign")
    known = [lot for lot in past.lots if lot.symbol == symbol]
    pieces = _first_in(((lot, lot.qty) for lot in known), wanted)
    taken = tuple(("lot", lot.id, part) for lot, part in pieces)
    if given.prices_shares:
        strike, tax, wheel = _bases(given)
        lot = _blank_lot(books, symbol, wanted, at, strategy)
        stated = replace(lot, basis_strike=strike, basis_tax=tax, basis_wheel=wheel)
        words = f"{symbol}: {plain(wanted)} shares are ours now, {_paid(stated)}"
        return Takeover(lots=(stated,), taken=taken, words=(words,))
    names = {lot.id for lot in books.lots}
    lots: list[Lot] = []
    told: list[str] = []
    for lot, part in pieces:
        mine = replace(
            lot, id=_free_name(f"{ADOPTED}{lot.id}", names), qty=part, owner="adopted", strategy=strategy, cycle=""
        )
        lots.append(mine)
        told.append(
            f"{symbol}: {plain(part)} shares are ours now, {_paid(mine)}, held since {lot.opened_at:%Y-%m-%d} by the "
            "account's own history"
        )
    rest = wanted - sum((part for _, part in pieces), ZERO)
    if rest:
        lots.append(_blank_lot(books, symbol, rest, at, strategy))
        told.append(
            f"{symbol}: {plain(rest)} shares are ours now, with no known basis: no call is sold on it "
            f"(`bot adopt {symbol} --basis` states it)"
        )
    return Takeover(lots=tuple(lots), taken=taken, words=tuple(told))


def _bases(given: Given) -> tuple[Decimal, Decimal, Decimal]:
    """Give what was paid, the tax basis and the wheel basis per share (wheel 2.11)."""
    if given.basis is None:
        raise UsageError("say what was paid per share as well: --basis (the strike, where a put was assigned)")
    if given.tax_basis is not None and given.put_premium is not None:
        raise UsageError("--tax-basis and --put-premium say the same thing twice: give one")
    tax = given.basis - (given.put_premium or ZERO) if given.tax_basis is None else given.tax_basis
    if tax <= 0:
        raise UsageError(f"--put-premium {plain(given.put_premium or ZERO)} leaves no basis of {plain(given.basis)}")
    return given.basis, tax, given.wheel_basis if given.wheel_basis is not None else tax


def stated_bases(books: Books, symbol: str, given: Given) -> tuple[Lot, ...]:
    """Give adopted lots of unknown basis the bases that the owner states."""
    unknown = [one for one in books.lots if (one.symbol, one.owner, one.basis_strike) == (symbol, "adopted", None)]
    if not unknown:
        return ()
    strike, tax, wheel = _bases(given)
    return tuple(replace(lot, basis_strike=strike, basis_tax=tax, basis_wheel=wheel) for lot in unknown)


def take_contracts(books: Books, past: Past, symbol: str, given: Given, at: datetime, strategy: str) -> Takeover:
    """Take over short options of one series, with the credit the past or the owner knows; else without one."""
    if given.prices_shares:
        raise UsageError("--basis and its kin are prices of shares: an option takes --premium, what it was sold for")
    foreign = foreign_qty(books, symbol)
    fault = adopt_fault(symbol, foreign)
    if fault:
        raise UsageError(f"{symbol}: {plain(foreign)} are foreign, and {fault}")
    size = abs(foreign)
    wanted = given.qty if given.qty is not None else size
    if wanted > size or wanted != wanted.to_integral_value():
        raise UsageError(f"--qty {plain(wanted)}: {plain(size)} contracts of {symbol} are foreign")
    _refuse_naked(books, symbol, wanted)
    pieces = _first_in(((leg, abs(leg.qty)) for leg in past.legs if leg.symbol == symbol), wanted)
    taken = tuple(("leg", leg.id, part) for leg, part in pieces)
    if given.premium is not None:
        leg = _blank_leg(books, symbol, wanted, at, strategy, given.premium)
        words = f"{symbol}: {plain(wanted)} short are ours now, sold at {_price(given.premium)} a share"
        return Takeover(legs=(leg,), taken=taken, words=(words,))
    names = {leg.id for leg in books.legs}
    legs: list[OptionLeg] = []
    told: list[str] = []
    for leg, part in pieces:
        name = _free_name(f"{ADOPTED}{leg.id}", names)
        fees = leg.fees * part / abs(leg.qty)
        legs.append(
            replace(
                leg, id=name, chain=name, qty=-part, fees=fees, owner="adopted", strategy=strategy, cycle="", rolls=0
            )
        )
        credit = "an unknown premium" if leg.credit is None else _price(leg.credit)
        told.append(
            f"{symbol}: {plain(part)} short are ours now, sold at {credit} a share on {leg.opened_at:%Y-%m-%d} by the "
            "account's own history"
        )
    rest = wanted - sum((part for _, part in pieces), ZERO)
    if rest:
        legs.append(_blank_leg(books, symbol, rest, at, strategy, None))
        told.append(
            f"{symbol}: {plain(rest)} short are ours now, at an unknown premium: no profit target or premium stop can "
            "act on it (adopt with --premium to say what it was sold for)"
        )
    return Takeover(legs=tuple(legs), taken=taken, words=tuple(told))


def _refuse_naked(books: Books, symbol: str, wanted: Decimal) -> None:
    contract = parse_option(symbol)
    if contract.right != "call":
        return
    shares = sum((lot.qty for lot in books.lots if lot.symbol == contract.root and lot.owner != "foreign"), ZERO)
    short = sum((-leg.qty for leg in books.legs if (leg.underlying, leg.right) == (contract.root, "call")), ZERO)
    if shares < (short + wanted) * SHARES_PER_CONTRACT:
        raise UsageError(
            f"{symbol}: a call needs its shares with it, {plain((short + wanted) * SHARES_PER_CONTRACT)} of "
            f"{contract.root} in all, and {plain(shares)} are ours: `bot adopt {contract.root}` first"
        )


def with_cycle(books: Books, past: Past, takeover: Takeover) -> Takeover:
    """Let the open cycle of the past come along once every part of it is ours: its result will then be right.

    Not where a cycle of ours is open on that symbol already, and not where a part was taken on other words.
    """
    lots, legs = list(takeover.lots), list(takeover.legs)
    came: list[Cycle] = []
    taken = list(takeover.taken)
    words = list(takeover.words)
    for cycle in past.cycles:
        if any(one.symbol == cycle.symbol for one in books.cycles):
            continue
        parts = [(key, size) for name, key, size in past.parts if name == cycle.id]
        mine_lots = [lot for lot in (*books.lots, *lots) if _is_part(lot.id, lot.cycle, parts)]
        mine_legs = [leg for leg in (*books.legs, *legs) if _is_part(leg.id, leg.cycle, parts)]
        held = sum((lot.qty for lot in mine_lots), ZERO) + sum((abs(leg.qty) for leg in mine_legs), ZERO)
        if not parts or held != sum((size for _, size in parts), ZERO):
            continue
        joined = {lot.id for lot in mine_lots} | {leg.id for leg in mine_legs}
        lots = [lot for lot in lots if lot.id not in joined] + [replace(lot, cycle=cycle.id) for lot in mine_lots]
        legs = [leg for leg in legs if leg.id not in joined] + [replace(leg, cycle=cycle.id) for leg in mine_legs]
        strategy = mine_lots[0].strategy if mine_lots else mine_legs[0].strategy
        came.append(replace(cycle, strategy=strategy))
        taken.append(("cycle", cycle.id, Decimal(1)))
        words.append(
            f"{cycle.symbol}: the cycle open since {cycle.opened_at:%Y-%m-%d} comes along: options "
            f"{cycle.option_cash:+,.2f}, shares {cycle.share_cash:+,.2f}, dividends {cycle.dividends:+,.2f}, fees "
            f"{-cycle.fees:+,.2f} so far"
        )
    return Takeover(tuple(lots), tuple(legs), tuple(came), tuple(taken), tuple(words))


def _is_part(name: str, cycle: str, parts: Sequence[tuple[str, Decimal]]) -> bool:
    return not cycle and any(name == f"{ADOPTED}{key}" or name.startswith(f"{ADOPTED}{key}-again-") for key, _ in parts)


def _first_in(things: Iterable[tuple[T, Decimal]], wanted: Decimal) -> list[tuple[T, Decimal]]:
    found: list[tuple[T, Decimal]] = []
    for thing, size in things:
        part = min(size, wanted)
        wanted -= part
        if part > 0:
            found.append((thing, part))
    return found


def _free_name(first: str, taken: set[str]) -> str:
    """Name a lot or leg so that two adoptions of one thing are two."""
    later = (f"{first}-again-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (first, *later) if name not in taken)


def _blank_lot(books: Books, symbol: str, qty: Decimal, at: datetime, strategy: str) -> Lot:
    name = _free_name(f"{ADOPTED}{symbol}-{at:%Y%m%d%H%M%S%f}", {lot.id for lot in books.lots})
    return Lot(
        id=name, symbol=symbol, qty=qty, opened_at=at, strategy=strategy, owner="adopted", basis_strike=None,
        basis_tax=None, basis_wheel=None,
    )  # fmt: skip


def _blank_leg(
    books: Books, symbol: str, qty: Decimal, at: datetime, strategy: str, credit: Decimal | None
) -> OptionLeg:
    contract = parse_option(symbol)
    name = _free_name(f"{ADOPTED}{symbol}-{at:%Y%m%d%H%M%S%f}", {leg.id for leg in books.legs})
    return OptionLeg(
        id=name, symbol=symbol, underlying=contract.root, right=contract.right, strike=contract.strike,
        expiry=contract.expiry, qty=-qty, opened_at=at, strategy=strategy, owner="adopted", chain=name, credit=credit,
    )  # fmt: skip


def _paid(lot: Lot) -> str:
    if lot.basis_strike is None or lot.basis_tax is None or lot.basis_wheel is None:
        return "with no known basis: no call is sold on it"
    if lot.basis_strike == lot.basis_tax == lot.basis_wheel:
        return f"at {_price(lot.basis_strike)} a share"
    return (
        f"at {_price(lot.basis_strike)} a share (tax basis {_price(lot.basis_tax)}, wheel basis "
        f"{_price(lot.basis_wheel)})"
    )


def _price(value: Decimal) -> str:
    return f"{value:.2f}" if value == round(value, 2) else plain(round(value, 4))
