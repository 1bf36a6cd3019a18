"""Shares and contracts that come and go: lots first in first out, legs, what each earned in both books.

Income book: an option's (credit - debit) x 100 x contracts less its fees on the day it ends, shares at the strike.
Tax book: the premium of an assigned or exercised option is part of the shares' price, its own result is zero
(wheel 2.10). Over a flat-to-flat cycle both sums are equal.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.holdings import Activity
from bot.domain.instruments import parse_option
from bot.domain.ledger import Cycle, Lot, OptionLeg
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.engine.ports import LegEnd, LotEnd
from bot.engine.settle_ledger import Ledger, tidy


def open_lot(
    ledger: Ledger,
    cycle: Cycle,
    line: Activity,
    *,
    qty: Decimal,
    price: Decimal,
    premium: Decimal,
    strategy: str,
    name: str,
) -> None:
    """Add shares at a price per share; `premium` per share belongs to them in the tax book (wheel 2.11)."""
    tax = tidy(price - premium)
    lot = Lot(
        id=f"lot-{name}",
        symbol=cycle.symbol,
        qty=qty,
        opened_at=line.at,
        strategy=strategy,
        owner="ours",
        cycle=cycle.id,
        basis_strike=price,
        basis_tax=tax,
        basis_wheel=tax,
    )
    ledger.lots.append(lot)
    ledger.sub.enter(strategy, "shares", -price * qty)
    ledger.add_to_cycle(cycle.symbol, share_cash=-price * qty)


def shares_of_ours(ledger: Ledger, symbol: str) -> Decimal:
    """Count the shares in our lots of a symbol."""
    return sum((lot.qty for lot in ledger.lots if lot.symbol == symbol and lot.owner != "foreign"), ZERO)


def take_shares(
    ledger: Ledger,
    symbol: str,
    qty: Decimal,
    price: Decimal,
    at: datetime,
    how: str,
    *,
    premium: Decimal = ZERO,
    lot_first: str = "",
) -> Decimal:
    """Take shares out of lots, the named one first, then oldest first; give how many there were.

    `premium` per share belongs to the proceeds in the tax book. A lot of unknown basis earns zero, and says so.
    """
    mine = [lot for lot in ledger.lots if lot.symbol == symbol and lot.owner != "foreign"]
    mine.sort(key=lambda lot: (lot.id != lot_first, lot.opened_at, lot.id))
    left = qty
    for lot in mine:
        if left <= 0:
            break
        part = min(left, lot.qty)
        left -= part
        known = lot.basis_strike is not None and lot.basis_tax is not None
        if not known:
            ledger.notes.append(f"{symbol}: {plain(part)} shares left at an unknown basis; their income reads zero")
        income = (price - lot.basis_strike) * part if lot.basis_strike is not None else ZERO
        tax = (price + premium - lot.basis_tax) * part if lot.basis_tax is not None else ZERO
        ledger.lot_ends.append(
            LotEnd(lot=lot, qty=part, how=how, at=at, price=price, income=tidy(income), tax_income=tidy(tax))
        )
        ledger.sub.enter(lot.strategy, "shares", price * part)
        ledger.sub.earn(lot.strategy, tidy(income), tidy(tax))
        place = ledger.lots.index(lot)
        if part == lot.qty:
            del ledger.lots[place]
        else:
            ledger.lots[place] = replace(lot, qty=lot.qty - part)
        cycle = ledger.cycles.get(symbol)
        if cycle is not None and cycle.id == lot.cycle:
            ledger.add_to_cycle(symbol, share_cash=price * part)
    return qty - left


def open_leg(
    ledger: Ledger,
    cycle: Cycle,
    line: Activity,
    *,
    price: Decimal,
    strategy: str,
    chain: str = "",
    rolls: int = 0,
) -> OptionLeg:
    """Add contracts (signed by the line), joining the leg that the same order or wish began."""
    contract = parse_option(line.symbol)
    ledger.sub.enter(strategy, "premium", -line.qty * price * SHARES_PER_CONTRACT)
    ledger.add_to_cycle(cycle.symbol, option_cash=-line.qty * price * SHARES_PER_CONTRACT)
    for place, leg in enumerate(ledger.legs):
        same = leg.symbol == line.symbol and leg.strategy == strategy and leg.cycle == cycle.id
        if same and leg.qty * line.qty > 0 and leg.rolls == rolls and (not chain or leg.chain == chain):
            qty = leg.qty + line.qty
            credit = None if leg.credit is None else tidy((leg.credit * leg.qty + price * line.qty) / qty)
            ledger.legs[place] = replace(leg, qty=qty, credit=credit)
            return ledger.legs[place]
    name = f"leg-{line.id}"
    leg = OptionLeg(
        id=name,
        symbol=line.symbol,
        underlying=cycle.symbol,
        right=contract.right,
        strike=contract.strike,
        expiry=contract.expiry,
        qty=line.qty,
        opened_at=line.at,
        strategy=strategy,
        owner="ours",
        cycle=cycle.id,
        chain=chain or name,
        rolls=rolls,
        credit=price,
    )
    ledger.legs.append(leg)
    ledger.add_to_cycle(cycle.symbol, legs=1)
    return leg


def legs_of_ours(ledger: Ledger, symbol: str, *, short: bool) -> list[OptionLeg]:
    """List our legs of one series on one side, oldest first."""
    found = [leg for leg in ledger.legs if leg.symbol == symbol and leg.owner != "foreign" and (leg.qty < 0) == short]
    return sorted(found, key=lambda leg: (leg.opened_at, leg.id))


def income_of(leg: OptionLeg, qty: Decimal, price: Decimal) -> Decimal:
    """Give what contracts of a leg earned at an ending price, less their part of its fees (wheel 2.10)."""
    if leg.credit is None:
        return ZERO
    size = abs(leg.qty)
    fees = leg.fees if qty == size else leg.fees * qty / size
    earned = leg.credit - price if leg.qty < 0 else price - leg.credit
    return tidy(earned * SHARES_PER_CONTRACT * qty - fees)


def end_leg(
    ledger: Ledger,
    leg: OptionLeg,
    qty: Decimal,
    price: Decimal,
    at: datetime,
    how: str,
    *,
    tax_share: Decimal = Decimal(1),
    ended: bool = True,
) -> Decimal:
    """End contracts of a leg at a price per share; give their income.

    `tax_share` is the part of the income that the tax book shows here (the rest went into shares). `ended` False
    keeps the premium out of what lowers the wheel basis: an assigned put's is in the tax basis already.
    """
    income = income_of(leg, qty, price)
    if leg.credit is None:
        ledger.notes.append(f"{leg.symbol}: ended with an unknown opening price; its income reads zero")
    ledger.leg_ends.append(
        LegEnd(leg=leg, qty=qty, how=how, at=at, price=price, income=income, tax_income=tidy(income * tax_share))
    )
    paid = price * SHARES_PER_CONTRACT * qty * (-1 if leg.qty < 0 else 1)
    ledger.sub.enter(leg.strategy, "premium", paid)
    ledger.sub.earn(leg.strategy, income, tidy(income * tax_share))
    size = abs(leg.qty)
    place = next(number for number, one in enumerate(ledger.legs) if one.id == leg.id)
    if qty == size:
        del ledger.legs[place]
    else:
        rest = size - qty
        fees = tidy(leg.fees * rest / size)
        ledger.legs[place] = replace(leg, qty=rest.copy_sign(leg.qty), fees=fees)
    cycle = ledger.cycles.get(leg.underlying)
    if cycle is not None and cycle.id == leg.cycle:
        ledger.add_to_cycle(leg.underlying, option_cash=paid, premium_ended=income if ended else ZERO)
    return income
