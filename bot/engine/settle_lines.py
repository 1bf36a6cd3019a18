"""Every line of the broker's history that is no fill: assignment, exercise, expiry, dividend, split, fee, transfer.

Cash moves by each line's own amount; what a line means for lots, legs and cycles is worked out here. An assignment
is booked whole by its option line: the share trade beside it (OPTRD) only carries the cash, whichever comes first.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from bot.domain.claims import root_of
from bot.domain.errors import BadSymbol
from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, is_standard_root, option_symbol, parse_option
from bot.domain.ledger import OptionLeg
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO, after_split, plain
from bot.domain.sessions import new_york_day
from bot.domain.subledger import UNASSIGNED
from bot.engine.ports import Reads
from bot.engine.settle_fills import apply_fill
from bot.engine.settle_income import charge_fee, pay_dividend
from bot.engine.settle_ledger import MOVING_KINDS, Ledger, cash_effect, tidy
from bot.engine.settle_lots import end_leg, income_of, legs_of_ours, open_lot, shares_of_ours, take_shares
from bot.engine.settle_rolls import abandon
from bot.engine.settle_series import (
    follow_series,
    is_cash_in_lieu,
    pay_fraction,
    rename_legs,
    split_lots,
    transfer,
)

FLOW_KINDS = frozenset({"CSD", "CSW", "JNLC", "TRANS", "ACATC", "ACATS"})
HOLDING_KINDS = frozenset({"FILL", "OPASN", "OPEXC", "OPTRD", "OPEXP", "SPLIT", "ACATS"})
"""Lines whose quantity is what they did to a position."""
_RANK = {"SPLIT": 0, "FILL": 1, "OPASN": 2, "OPEXC": 2, "OPTRD": 3, "OPEXP": 4, "FEE": 9}


def in_order(lines: list[Activity]) -> list[Activity]:
    """Sort lines by moment; at one moment what brings shares goes before what ends, fees last, else as listed."""
    return sorted(lines, key=lambda line: (line.at, _RANK.get(line.kind, 5)))


def told_once(reads: Reads) -> Reads:
    """Give what was read with every line of history once: one told twice would count twice in fees and rolls (F7)."""
    lines = {line.key: line for line in reads.activities}
    return reads if len(lines) == len(reads.activities) else replace(reads, activities=tuple(lines.values()))


def apply_lines(ledger: Ledger, lines: list[Activity]) -> list[Activity]:
    """Book lines in their order; gives those that were booked.

    A line that ends more than the books hold waits while an order of ours shows a fill that opened it and the history
    does not list it yet: it is read again with the next tick. Then series that became others are followed.
    """
    booked = []
    for line in lines:
        if not _comes_too_early(ledger, line):
            apply_line(ledger, line)
            booked.append(line)
    follow_series(ledger)
    return booked


def _comes_too_early(ledger: Ledger, line: Activity) -> bool:
    if line.kind not in MOVING_KINDS:
        return False
    if line.kind == "FILL":
        own = ledger.order_of(line)
        words = [leg.position_intent for leg in own.legs if leg.symbol == line.symbol] if own is not None else []
        if not any(word.endswith("_to_close") for word in words):
            return False
    if is_option(line.symbol):
        held = sum((abs(leg.qty) for leg in legs_of_ours(ledger, line.symbol, short=line.qty > 0)), ZERO)
    else:
        held = shares_of_ours(ledger, line.symbol) if line.qty < 0 else abs(line.qty)
    if abs(line.qty) <= held:
        return False
    side = "sell" if line.qty > 0 else "buy"
    return any(
        leg.symbol == line.symbol
        and leg.position_intent == f"{side}_to_open"
        and order.filled_qty * leg.ratio > ledger.booked(order, leg.symbol)
        for order in ledger.orders.values()
        for leg in order.legs
    )


def apply_line(ledger: Ledger, line: Activity) -> None:
    """Book one line: its cash, what it means, whose cash that is, and what of the move was not ours."""
    before = {symbol: ledger.ours(symbol) for symbol in {line.symbol, root_of(line.symbol)} if symbol}
    _book_line(ledger, line)
    told = line.kind == "OPTRD" and _option_line_came_before(ledger, line)
    for symbol, qty in before.items():
        moved = line.qty if symbol == line.symbol and line.kind in HOLDING_KINDS and not told else ZERO
        ledger.move_others(symbol, moved - (ledger.ours(symbol) - qty))


def _option_line_came_before(ledger: Ledger, line: Activity) -> bool:
    """Say whether an assignment's option line was booked by an earlier settlement: its shares are ours already."""
    return any(
        one.group_id == line.group_id != "" and one.kind in ("OPASN", "OPEXC") and one.key in ledger.memory.seen
        for one in ledger.reads.activities
    )


def _book_line(ledger: Ledger, line: Activity) -> None:
    effect = cash_effect(line)
    ledger.cash += effect
    ledger.sub.begin_line()
    root = root_of(line.symbol) if line.symbol else ""
    if root:
        ledger.accrue(root, new_york_day(line.at))
    if line.kind == "FILL":
        apply_fill(ledger, line)
    elif line.kind in ("OPASN", "OPEXC"):
        _deliver(ledger, line)
    elif line.kind == "OPEXP":
        _expire(ledger, line)
    elif line.kind == "DIV":
        pay_dividend(ledger, line, root)
    elif line.kind == "SPLIT":
        _split(ledger, line)
    elif line.kind == "FEE":
        charge_fee(ledger, line)
    elif line.kind == "INT":
        ledger.sub.enter(UNASSIGNED, "interest", effect)
    elif line.kind in FLOW_KINDS:
        if line.kind == "ACATS":
            transfer(ledger, line)
        ledger.flow += line.net_amount
        ledger.sub.enter(UNASSIGNED, "transfers", effect)
    elif line.kind == "OTHER":
        if is_cash_in_lieu(line):
            pay_fraction(ledger, line)
        ledger.notes.append(f"{line.raw_type or 'unknown line'} {line.symbol} moved {plain(line.net_amount)} USD")
    ledger.sub.end_line(line, effect)
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


def _delivery(ledger: Ledger, line: Activity, leg: OptionLeg, qty: Decimal) -> tuple[Decimal, Decimal]:
    """Give the shares that contracts deliver, and their price; what an adjusted one delivers, the share line says."""
    if is_standard_root(leg.symbol):
        return qty * SHARES_PER_CONTRACT, leg.strike
    lines = [one for one in ledger.reads.activities if one.kind == "OPTRD" and one.group_id == line.group_id != ""]
    shares = abs(sum((one.qty for one in lines), ZERO))
    if not shares:
        ledger.notes.append(f"{leg.symbol}: an adjusted contract was delivered; no line says how many shares it was")
        return ZERO, leg.strike
    cash = abs(sum((one.net_amount for one in lines), ZERO))
    return after_split(shares, qty / abs(line.qty)), tidy(cash / shares)


def _receive(ledger: Ledger, line: Activity, leg: OptionLeg, qty: Decimal, how: str) -> None:
    shares, price = _delivery(ledger, line, leg, qty)
    cycle = ledger.cycle_for(leg.underlying, line, leg.strategy)
    income = end_leg(ledger, leg, qty, ZERO, line.at, how, tax_share=ZERO if shares else ONE, ended=not shares)
    if not shares:
        return
    open_lot(
        ledger,
        cycle,
        line,
        qty=shares,
        price=price,
        premium=income / shares,
        strategy=leg.strategy,
        name=f"{line.id}-{leg.id}",
    )
    ledger.add_to_cycle(leg.underlying, assignments=1 if how == "assigned" else 0)


def _hand_over(ledger: Ledger, line: Activity, leg: OptionLeg, qty: Decimal, how: str) -> None:
    shares, price = _delivery(ledger, line, leg, qty)
    if not shares:
        end_leg(ledger, leg, qty, ZERO, line.at, how)
        return
    premium = income_of(leg, qty, ZERO) / shares
    went = "called_away" if how == "assigned" else how
    taken = take_shares(ledger, leg.underlying, shares, price, line.at, went, premium=premium)
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
    if is_option(line.symbol) and ratio is None:
        return  # which series it became shows in the positions
    if ratio is None or ratio <= 0:
        ledger.notes.append(f"{line.symbol}: a split without a ratio was booked; check the lots")
        return
    root = root_of(line.symbol)
    for roll in [one for one in ledger.rolls.values() if one.underlying == root]:
        abandon(ledger, roll, f"{root} split {plain(ratio)} for 1")
    if is_option(line.symbol):
        _split_legs(ledger, line, ratio)
    else:
        split_lots(ledger, line, ratio)


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
    if becomes:
        rename_legs(ledger, line.symbol, target, ratio)
