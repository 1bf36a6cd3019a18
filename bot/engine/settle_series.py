"""What a corporate action makes of holdings: splits, cash in lieu of a fraction, series that become others, transfers.

A series that the broker shows under another name is the one we hold: after an even split a standard one, else an
adjusted one, which is frozen from then on and counted at its worst; only a person closes it (wheel 1.18).
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from msgspec.structs import replace

from bot.domain.claims import root_of
from bot.domain.errors import BadSymbol
from bot.domain.holdings import Activity, Position
from bot.domain.instruments import is_option, is_standard_root, option_symbol, parse_option
from bot.domain.ledger import Lot, OptionLeg
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO, after_split, plain
from bot.domain.subledger import UNASSIGNED
from bot.engine.ports import LotEnd
from bot.engine.settle_ledger import Ledger, tidy
from bot.engine.settle_lots import shares_of_ours, take_shares


def split_lots(ledger: Ledger, line: Activity, ratio: Decimal) -> None:
    """Multiply lots and divide every price of them; a fraction that the broker paid out in the same line is sold."""
    alone = not ledger.others(line.symbol)
    for place, lot in enumerate(ledger.lots):
        if lot.symbol == line.symbol and lot.owner != "foreign":
            ledger.lots[place] = replace(
                lot,
                qty=after_split(lot.qty, ratio),
                basis_strike=_divided(lot.basis_strike, ratio),
                basis_tax=_divided(lot.basis_tax, ratio),
                basis_wheel=_divided(lot.basis_wheel, ratio),
                high_water_mark=_divided(lot.high_water_mark, ratio),
            )
    if alone and line.net_amount > 0:
        pay_fraction(ledger, line)


def _divided(price: Decimal | None, ratio: Decimal) -> Decimal | None:
    return None if price is None else tidy(price / ratio)


def is_cash_in_lieu(line: Activity) -> bool:
    """Say whether a line of no known kind pays a fraction of a share out."""
    words = f"{line.raw_type} {line.description}".lower()
    return line.net_amount > 0 and bool(line.symbol) and ("in lieu" in words or words.startswith("cil"))


def pay_fraction(ledger: Ledger, line: Activity) -> None:
    """Sell the fraction of a share that a split left in our lots for what the broker paid for it."""
    held = shares_of_ours(ledger, line.symbol)
    part = held - held.to_integral_value(ROUND_FLOOR)
    lots = [lot for lot in ledger.lots if lot.symbol == line.symbol and lot.owner != "foreign"]
    if not lots:
        return
    if not 0 < part < 1:
        _pay_back(ledger, line, lots, held)
        return
    oldest = min(lots, key=lambda lot: (lot.opened_at, lot.id))
    price = tidy(line.net_amount / part)
    take_shares(ledger, line.symbol, part, price, line.at, "cash_in_lieu")
    rest = line.net_amount - price * part
    ledger.sub.enter(oldest.strategy, "shares", rest)
    cycle = ledger.cycles.get(line.symbol)
    if cycle is not None and cycle.id == oldest.cycle:
        ledger.add_to_cycle(line.symbol, share_cash=rest)
    ledger.notes.append(f"{line.symbol}: {plain(part)} of a share was paid out with {plain(line.net_amount)} USD")


def _pay_back(ledger: Ledger, line: Activity, lots: list[Lot], held: Decimal) -> None:
    """Take a fraction's price off what the whole shares cost: the split's line had counted them alone already."""
    each = tidy(line.net_amount / held)
    for lot in lots:
        place, paid = ledger.lots.index(lot), each * lot.qty
        lower = {
            name: price - each
            for name, price in (("basis_strike", lot.basis_strike), ("basis_tax", lot.basis_tax))
            if price is not None
        }
        ledger.lots[place] = replace(lot, **lower)
        ledger.sub.enter(lot.strategy, "shares", paid)
        cycle = ledger.cycles.get(line.symbol)
        if cycle is not None and cycle.id == lot.cycle:
            ledger.add_to_cycle(line.symbol, share_cash=paid)
    rest = line.net_amount - each * held
    ledger.sub.enter(lots[0].strategy, "shares", rest)
    ledger.notes.append(
        f"{line.symbol}: {plain(line.net_amount)} USD in lieu of a fraction; the shares left cost that much less"
    )


def follow_series(ledger: Ledger) -> None:
    """Bring legs that the broker shows under another series onto it, where only one can be meant."""
    shown = {one.symbol: one for one in ledger.reads.positions if one.qty}
    gone = {leg.symbol for leg in ledger.legs if leg.owner != "foreign"} - shown.keys()
    if not gone:
        return
    known = {symbol for symbol, _ in ledger.memory.books.last_positions} | {leg.symbol for leg in ledger.legs}
    new = [one for symbol, one in shown.items() if is_option(symbol) and symbol not in known]
    for symbol in sorted(gone if new else ()):
        legs = [leg for leg in ledger.legs if leg.symbol == symbol and leg.owner != "foreign"]
        found = [(one, ratio) for one in new for ratio in _ratio_to(ledger, symbol, legs, one)]
        if len(found) == 1:
            _become(ledger, symbol, *found[0])
            new.remove(found[0][0])


def _ratio_to(ledger: Ledger, symbol: str, legs: list[OptionLeg], one: Position) -> list[Decimal]:
    """Give the ratio at which our legs of a series are what a position shows; nothing where they cannot be."""
    mine, theirs = parse_option(symbol), parse_option(one.symbol)
    if (root_of(one.symbol), theirs.right, theirs.expiry) != (root_of(symbol), mine.right, mine.expiry):
        return []
    held = sum((leg.qty for leg in legs), ZERO)
    adjusted = not is_standard_root(one.symbol)
    if adjusted and one.qty == held:
        return [ONE]
    for line in ledger.reads.activities:
        if line.kind != "SPLIT" or line.symbol != root_of(symbol) or line.price is None or line.price <= 0:
            continue
        if one.qty == after_split(held, line.price) and (
            adjusted or _strike_after(symbol, line.price) == theirs.strike
        ):
            return [line.price]
    return []


def _strike_after(symbol: str, ratio: Decimal) -> Decimal | None:
    contract = parse_option(symbol)
    try:
        return parse_option(
            option_symbol(contract.root, contract.expiry, contract.right, contract.strike / ratio)
        ).strike
    except BadSymbol:
        return None


def _become(ledger: Ledger, symbol: str, one: Position, ratio: Decimal) -> None:
    rename_legs(ledger, symbol, one.symbol, ratio)
    ledger.sub.changed = True  # no line of history says so: the books differ all the same
    frozen = f": it is frozen, and only a person closes it (`bot close {one.symbol}`)"
    ledger.notes.append(f"{symbol} became {one.symbol} at the broker{'' if is_standard_root(one.symbol) else frozen}")


def rename_legs(ledger: Ledger, symbol: str, target: str, ratio: Decimal) -> None:
    """Bring our legs of one series onto another: more contracts of a smaller strike, each sold for less."""
    for place, leg in enumerate(ledger.legs):
        if leg.symbol == symbol and leg.owner != "foreign":
            ledger.legs[place] = replace(
                leg,
                symbol=target,
                strike=parse_option(target).strike,
                qty=after_split(leg.qty, ratio),
                credit=None if leg.credit is None else tidy(leg.credit / ratio),
            )


def transfer(ledger: Ledger, line: Activity) -> None:
    """Count securities moved in or out at market, for no profit came of them (wheel 2.14); ours leave their lots.

    What comes in is foreign until a person adopts it: the broker does not say what it cost.
    """
    price = _market_price(ledger, line)
    if price is None and line.qty:
        ledger.notes.append(
            f"{line.symbol}: {plain(abs(line.qty))} were moved {'in' if line.qty > 0 else 'out'} at a price nobody "
            "states: their worth counts as result"
        )
    worth = line.qty * (price or ZERO)
    ledger.flow += worth if not is_option(line.symbol) else worth * SHARES_PER_CONTRACT
    if line.qty > 0 and not is_option(line.symbol):
        ledger.notes.append(
            f"{line.symbol}: {plain(line.qty)} shares were moved in, and the broker does not say what they cost: "
            f"`bot adopt {line.symbol} --basis PRICE` takes them over; without a basis no call is sold on them"
        )
    if line.qty < 0 and not is_option(line.symbol):
        mine = shares_of_ours(ledger, line.symbol)
        given = min(mine, max(-line.qty - max(ledger.others(line.symbol), ZERO), ZERO))
        _give_away(ledger, line, given, price)


def _market_price(ledger: Ledger, line: Activity) -> Decimal | None:
    for one in ledger.reads.positions:
        if one.symbol == line.symbol and one.price is not None:
            return one.price
    marked = next((price for symbol, price, _ in ledger.memory.previous_marks if symbol == line.symbol), None)
    return line.price if marked is None else marked


def _give_away(ledger: Ledger, line: Activity, qty: Decimal, price: Decimal | None) -> None:
    """Take shares out of lots, oldest first, without a sale: no income, and the book is paid what they were worth."""
    left = qty
    mine: list[Lot] = [lot for lot in ledger.lots if lot.symbol == line.symbol and lot.owner != "foreign"]
    for lot in sorted(mine, key=lambda lot: (lot.opened_at, lot.id)):
        part = min(left, lot.qty)
        left -= part
        if part <= 0:
            continue
        cost = lot.basis_strike if lot.basis_strike is not None else ZERO
        ledger.lot_ends.append(
            LotEnd(lot=lot, qty=part, how="transferred_out", at=line.at, price=cost, income=ZERO, tax_income=ZERO)
        )
        place = ledger.lots.index(lot)
        if part == lot.qty:
            del ledger.lots[place]
        else:
            ledger.lots[place] = replace(lot, qty=lot.qty - part)
        ledger.sub.move(lot.strategy, UNASSIGNED, part * (price if price is not None else cost))
        cycle = ledger.cycles.get(line.symbol)
        if cycle is not None and cycle.id == lot.cycle:
            ledger.add_to_cycle(line.symbol, share_cash=cost * part)
    if qty > 0:
        ledger.notes.append(f"{line.symbol}: {plain(qty)} shares of ours were moved out of the account")
