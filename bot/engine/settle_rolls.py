"""Rolls: two orders across ticks with a durable budget (wheel 1.5).

`qty` is the whole roll while it closes and what is still to be opened afterwards; the budget shrinks with it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.ledger import HALT_RANK, OptionLeg, Roll
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OwnOrder
from bot.domain.wheelmath import option_fees
from bot.engine.settle_ledger import Ledger


def roll_of(ledger: Ledger, order: OwnOrder) -> Roll | None:
    """Find the roll an opening order serves, its closing leg taken as finished."""
    roll = ledger.rolls.get(order.roll)
    return _finish_closing(ledger, roll) if roll is not None and roll.stage == "closing" else roll


def note_buy_back(ledger: Ledger, order: OwnOrder, leg: OptionLeg, qty: Decimal, price: Decimal, at: datetime) -> None:
    """Begin or continue a roll with contracts of its old leg bought back."""
    name = order.roll or order.client_order_id
    roll = ledger.rolls.get(name)
    if roll is None:
        roll = Roll(
            id=name,
            underlying=leg.underlying,
            right=leg.right,
            old_symbol=leg.symbol,
            old_strike=leg.strike,
            qty=order.qty,
            strategy=leg.strategy,
            cycle=leg.cycle,
            chain=leg.chain or leg.id,
            rolls=leg.rolls + 1,
            stage="closing",
            ticks_left=order.roll_ticks_max,
            started_at=at,
        )
    budget = roll.budget + price * SHARES_PER_CONTRACT * qty
    if roll.stage == "opening":  # the rest of a leg whose first part is being rolled already: one roll, grown
        budget += option_fees(qty, sell=False) + option_fees(qty, sell=True)
        roll = replace(roll, qty=roll.qty + qty)
    ledger.rolls[name] = replace(roll, budget=budget)
    ledger.rolls_filled.add(name)


def note_opening(ledger: Ledger, roll: Roll, qty: Decimal) -> None:
    """Take opened contracts off a roll; it is done when none is left."""
    left = roll.qty - qty
    ledger.rolls_filled.add(roll.id)
    if left <= 0:
        ledger.rolls.pop(roll.id, None)
        ledger.rolls_ended.append(replace(roll, stage="done"))
    else:
        ledger.rolls[roll.id] = replace(roll, qty=left, budget=roll.budget * left / roll.qty)


def advance_rolls(ledger: Ledger, *, new_slot: bool) -> None:
    """Move every roll in flight on by one settlement: to its opening leg, or to its end."""
    halted = HALT_RANK[ledger.memory.halt.level] >= HALT_RANK["no_new_risk"]
    for roll in list(ledger.rolls.values()):
        if roll.stage == "closing":
            if _still_closing(ledger, roll):
                continue
            roll = _finish_closing(ledger, roll)
        elif new_slot and roll.id not in ledger.rolls_filled:
            roll = replace(roll, ticks_left=max(roll.ticks_left - 1, 0))
            ledger.rolls[roll.id] = roll
        if halted:
            abandon(ledger, roll, f"the halt is {ledger.memory.halt.level}")
        elif roll.ticks_left <= 0:
            abandon(ledger, roll, "its ticks are used up")


def abandon(ledger: Ledger, roll: Roll, why: str) -> None:
    """Give a roll up: what it kept free is released, and the owner is told."""
    ledger.rolls.pop(roll.id, None)
    ledger.rolls_ended.append(replace(roll, stage="abandoned"))
    ledger.notes.append(
        f"roll of {plain(roll.qty)} {roll.old_symbol} abandoned: {why}; bought back for "
        f"{plain(roll.budget)} USD with fees and not opened again"
    )


def _buy_backs(ledger: Ledger, roll: Roll) -> list[OwnOrder]:
    return [
        order
        for order in ledger.orders.values()
        if order.purpose == "roll_close" and (order.roll or order.client_order_id) == roll.id
    ]


def _still_closing(ledger: Ledger, roll: Roll) -> bool:
    for order in _buy_backs(ledger, roll):
        booked = ledger.booked(order, order.legs[0].symbol)
        if order.filled_qty > booked or (order.alive and booked < order.qty):
            return True
    return False


def _finish_closing(ledger: Ledger, roll: Roll) -> Roll:
    """Fix quantity and budget: what was bought back, its debit, and the fees of both orders as estimated."""
    orders = {order.client_order_id for order in _buy_backs(ledger, roll)}
    closed = ZERO
    for line in ledger.reads.activities:
        # An earlier roll of the same leg has the same name: its buy-back is not this one's.
        if line.kind == "FILL" and line.at >= roll.started_at:
            order = ledger.order_of(line)
            closed += abs(line.qty) if order is not None and order.client_order_id in orders else ZERO
    closed = closed or roll.qty
    fees = option_fees(closed, sell=False) + option_fees(closed, sell=True)
    done = replace(roll, stage="opening", qty=closed, budget=roll.budget + fees)
    ledger.rolls[roll.id] = done
    return done
