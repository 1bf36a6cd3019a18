"""Every line of the broker's history that is no fill: assignment, exercise, expiry, dividend, split, fee, transfer.

Cash moves by each line's own amount; what a line means for lots, legs and cycles is worked out here. An assignment
is booked whole by its option line: the share trade beside it (OPTRD) only carries the cash, whichever comes first.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from msgspec.structs import replace

from bot.domain.errors import BadSymbol
from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, option_symbol, parse_option, underlying_of
from bot.domain.ledger import OptionLeg
from bot.domain.money import CENT, SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.sessions import new_york_day
from bot.engine.settle_fills import apply_fill
from bot.engine.settle_ledger import MOVING_KINDS, Ledger, cash_effect
from bot.engine.settle_lots import end_leg, income_of, legs_of_ours, open_lot, take_shares
from bot.engine.settle_rolls import abandon

FLOW_KINDS = frozenset({"CSD", "CSW", "JNLC", "TRANS", "ACATC", "ACATS"})
_RANK = {"SPLIT": 0, "FILL": 1, "OPASN": 2, "OPEXC": 2, "OPTRD": 3, "OPEXP": 4, "FEE": 9}


def in_order(lines: list[Activity]) -> list[Activity]:
    """Sort lines by moment; at one moment what brings shares goes before what ends, fees last, else as listed."""
    return sorted(lines, key=lambda line: (line.at, _RANK.get(line.kind, 5)))


def apply_line(ledger: Ledger, line: Activity) -> None:
    """Book one line: its cash, and what it means."""
    ledger.cash += cash_effect(line)
    root = underlying_of(line.symbol) if line.symbol else ""
    if root:
        ledger.accrue(root, new_york_day(line.at))
    if line.kind == "FILL":
        apply_fill(ledger, line)
    elif line.kind in ("OPASN", "OPEXC"):
        _deliver(ledger, line)
    elif line.kind == "OPEXP":
        _expire(ledger, line)
    elif line.kind == "DIV":
        ledger.add_to_cycle(root, dividends=line.net_amount)
    elif line.kind == "SPLIT":
        _split(ledger, line)
    elif line.kind == "FEE":
        _charge(ledger, line)
    elif line.kind in FLOW_KINDS:
        ledger.flow += line.net_amount
    elif line.kind == "OTHER":
        ledger.notes.append(f"{line.raw_type or 'unknown line'} {line.symbol} moved {plain(line.net_amount)} USD")
    if root:
        if line.kind in MOVING_KINDS:
            ledger.moved_at[root] = line.at
        ledger.rebase(root)


def _deliver(ledger: Ledger, line: Activity) -> None:
    """End an option by assignment or exercise; its shares change hands at the strike (wheel 2.10, 2.11)."""
    assigned = line.kind == "OPASN"
    left = abs(line.qty)
    for leg in legs_of_ours(ledger, line.symbol, short=assigned):
        if left <= 0:
            break
        part = min(left, abs(leg.qty))
        left -= part
        if (leg.right == "put") == assigned:
            _receive(ledger, line, leg, part, "assigned" if assigned else "exercised")
        else:
            _hand_over(ledger, line, leg, part, "assigned" if assigned else "exercised")


def _receive(ledger: Ledger, line: Activity, leg: OptionLeg, qty: Decimal, how: str) -> None:
    cycle = ledger.cycle_for(leg.underlying, line, leg.strategy)
    income = end_leg(ledger, leg, qty, ZERO, line.at, how, tax_share=ZERO, ended=False)
    shares = qty * SHARES_PER_CONTRACT
    open_lot(
        ledger,
        cycle,
        line,
        qty=shares,
        price=leg.strike,
        premium=income / shares,
        strategy=leg.strategy,
        name=f"{line.id}-{leg.id}",
    )
    ledger.add_to_cycle(leg.underlying, assignments=1 if how == "assigned" else 0)


def _hand_over(ledger: Ledger, line: Activity, leg: OptionLeg, qty: Decimal, how: str) -> None:
    shares = qty * SHARES_PER_CONTRACT
    premium = income_of(leg, qty, ZERO) / shares
    went = "called_away" if how == "assigned" else how
    taken = take_shares(ledger, leg.underlying, shares, leg.strike, line.at, went, premium=premium)
    end_leg(ledger, leg, qty, ZERO, line.at, how, tax_share=1 - taken / shares)
    if taken < shares:
        ledger.notes.append(f"{leg.symbol}: {plain(shares - taken)} shares were delivered that the books did not hold")


def _expire(ledger: Ledger, line: Activity) -> None:
    left = abs(line.qty)
    short = line.qty > 0 or not legs_of_ours(ledger, line.symbol, short=False)
    for leg in legs_of_ours(ledger, line.symbol, short=short):
        part = min(left, abs(leg.qty))
        left -= part
        if part > 0:
            end_leg(ledger, leg, part, ZERO, line.at, "expired")


def _split(ledger: Ledger, line: Activity) -> None:
    """Multiply lots, or bring legs onto the series they became; a roll in flight does not survive it."""
    ratio = line.price
    if ratio is None or ratio <= 0:
        ledger.notes.append(f"{line.symbol}: a split without a ratio was booked; check the lots")
        return
    root = underlying_of(line.symbol)
    for roll in [one for one in ledger.rolls.values() if one.underlying == root]:
        abandon(ledger, roll, f"{root} split {plain(ratio)} for 1")
    if is_option(line.symbol):
        _split_legs(ledger, line, ratio)
        return
    for place, lot in enumerate(ledger.lots):
        if lot.symbol == line.symbol and lot.owner != "foreign":
            ledger.lots[place] = replace(
                lot,
                qty=lot.qty * ratio,
                basis_strike=None if lot.basis_strike is None else lot.basis_strike / ratio,
                basis_tax=None if lot.basis_tax is None else lot.basis_tax / ratio,
                basis_wheel=None if lot.basis_wheel is None else lot.basis_wheel / ratio,
                high_water_mark=None if lot.high_water_mark is None else lot.high_water_mark / ratio,
            )


def _split_legs(ledger: Ledger, line: Activity, ratio: Decimal) -> None:
    contract = parse_option(line.symbol)
    try:
        target = option_symbol(contract.root, contract.expiry, contract.right, contract.strike / ratio)
    except BadSymbol:
        return
    becomes = any(
        one.kind == "SPLIT" and one.group_id == line.group_id and one.symbol == target
        for one in ledger.reads.activities
    )
    if not becomes:
        return
    for place, leg in enumerate(ledger.legs):
        if leg.symbol == line.symbol and leg.owner != "foreign":
            ledger.legs[place] = replace(
                leg,
                symbol=target,
                strike=parse_option(target).strike,
                qty=leg.qty * ratio,
                credit=None if leg.credit is None else leg.credit / ratio,
            )


def _charge(ledger: Ledger, line: Activity) -> None:
    """Share a fee out over the cycles that traded on the last trading day up to it.

    Pro rata by contracts (by shares on a day without options), in whole cents, what is left over to the largest;
    fills that are not ours and symbols without an open cycle carry theirs outside every cycle. The sum is always
    the fee.
    """
    fills = [one for one in ledger.reads.activities if one.kind == "FILL" and one.at <= line.at]
    day = max((new_york_day(one.at) for one in fills), default=None)
    fills = [one for one in fills if new_york_day(one.at) == day]
    weights: dict[str, Decimal] = {}
    for one in [one for one in fills if is_option(one.symbol)] or fills:
        ours = ledger.order_of(one) is not None and underlying_of(one.symbol) in ledger.cycles
        name = one.symbol if ours else ""
        weights[name] = weights.get(name, ZERO) + abs(one.qty)
    for symbol, part in share_out(-line.net_amount, weights):
        if symbol:
            _charge_symbol(ledger, symbol, part)
        elif part:
            ledger.notes.append(f"a fee of {plain(part)} USD belongs to no cycle of ours")


def share_out(amount: Decimal, weights: dict[str, Decimal]) -> list[tuple[str, Decimal]]:
    """Split dollars by weight in whole cents; the sum is exact, the largest takes what is left over.

    >>> [(name, str(part)) for name, part in share_out(Decimal("0.10"), {"a": Decimal(1), "b": Decimal(2)})]
    [('a', '0.03'), ('b', '0.07')]
    """
    total = sum(weights.values(), ZERO)
    if total <= 0:
        return [("", amount)]
    parts = {name: (amount * weight / total).quantize(CENT, ROUND_FLOOR) for name, weight in weights.items()}
    largest = max(weights, key=lambda name: (weights[name], name))
    parts[largest] += amount - sum(parts.values(), ZERO)
    return sorted(parts.items())


def _charge_symbol(ledger: Ledger, symbol: str, part: Decimal) -> None:
    root = underlying_of(symbol)
    cycle = ledger.cycles[root]
    open_legs = [n for n, leg in enumerate(ledger.legs) if leg.symbol == symbol and leg.cycle == cycle.id]
    if open_legs:
        leg = ledger.legs[open_legs[-1]]
        ledger.legs[open_legs[-1]] = replace(leg, fees=leg.fees + part)
        ledger.add_to_cycle(root, fees=part)
    else:
        ledger.add_to_cycle(root, fees=part, premium_ended=-part)
        ledger.rebase(root)
