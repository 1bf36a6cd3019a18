"""Fills: ours change lots, legs, cycles and rolls; anybody else's change cash and are named."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from bot.domain.claims import root_of
from bot.domain.holdings import Activity
from bot.domain.instruments import is_option
from bot.domain.money import ZERO, plain
from bot.domain.orders import OwnOrder
from bot.engine.ports import Fill
from bot.engine.settle_ledger import Ledger, tidy
from bot.engine.settle_lots import end_leg, legs_of_ours, open_leg, open_lot, shares_of_ours, take_shares
from bot.engine.settle_rolls import note_buy_back, note_opening, roll_of


def apply_fill(ledger: Ledger, line: Activity) -> None:
    """Book one execution under the strategy whose order it was, or as foreign."""
    order = ledger.order_of(line)
    if order is None:
        cycle = _foreign_fill(ledger, line)
    elif is_option(line.symbol):
        cycle = _option_fill(ledger, line, order)
    else:
        cycle = _share_fill(ledger, line, order)
    ledger.fills.append(
        Fill(
            execution_id=line.id,
            broker_order_id=line.order_id,
            client_order_id=order.client_order_id if order is not None else "",
            symbol=line.symbol,
            side="buy" if line.qty > 0 else "sell",
            qty=abs(line.qty),
            price=line.price if line.price is not None else ZERO,
            at=line.at,
            strategy=order.strategy if order is not None else "foreign",
            purpose=order.purpose if order is not None else "",
            cycle=cycle,
        )
    )


def _cycle_id(ledger: Ledger, symbol: str) -> str:
    cycle = ledger.cycles.get(symbol)
    return cycle.id if cycle is not None else ""


def _option_fill(ledger: Ledger, line: Activity, order: OwnOrder) -> str:
    root = root_of(line.symbol)
    price = line.price if line.price is not None else ZERO
    intent = next((leg.position_intent for leg in order.legs if leg.symbol == line.symbol), "")
    if intent.endswith("_to_open"):
        roll = roll_of(ledger, order) if order.purpose == "roll_open" else None
        cycle = ledger.cycle_for(root, line, order.strategy)
        open_leg(
            ledger,
            cycle,
            line,
            price=price,
            strategy=order.strategy,
            chain=roll.chain if roll is not None else "",
            rolls=roll.rolls if roll is not None else 0,
        )
        if roll is not None:
            note_opening(ledger, roll, abs(line.qty))
        return cycle.id
    cycle_id = _cycle_id(ledger, root)
    left = abs(line.qty)
    for leg in legs_of_ours(ledger, line.symbol, short=line.qty > 0):
        if left <= 0:
            break
        part = min(left, abs(leg.qty))
        left -= part
        end_leg(ledger, leg, part, price, line.at, "rolled" if order.purpose == "roll_close" else "closed")
        if order.purpose == "roll_close":
            note_buy_back(ledger, order, leg, part, price, line.at)
    if left > 0:
        ledger.notes.append(f"{line.symbol}: {plain(left)} contracts more were closed than the books held")
    return cycle_id


def _share_fill(ledger: Ledger, line: Activity, order: OwnOrder) -> str:
    price = line.price if line.price is not None else ZERO
    if line.qty > 0:
        cycle = ledger.cycle_for(line.symbol, line, order.strategy)
        place = next((n for n, lot in enumerate(ledger.lots) if lot.id == f"lot-{order.client_order_id}"), None)
        if place is None or ledger.lots[place].cycle != cycle.id:
            open_lot(
                ledger,
                cycle,
                line,
                qty=line.qty,
                price=price,
                premium=ZERO,
                strategy=order.strategy,
                name=order.client_order_id if place is None else line.id,
            )
        else:
            _join_lot(ledger, place, line.qty, price)
        return cycle.id
    cycle_id = _cycle_id(ledger, line.symbol)
    how = "stopped" if order.purpose == "trailing_stop" else "sold"
    taken = take_shares(ledger, line.symbol, -line.qty, price, line.at, how, lot_first=order.lot)
    if taken < -line.qty:
        ledger.notes.append(f"{line.symbol}: {plain(-line.qty - taken)} shares more were sold than the books held")
    return cycle_id


def _join_lot(ledger: Ledger, place: int, qty: Decimal, price: Decimal) -> None:
    """Add a further piece of the same purchase to its lot at the average price paid."""
    lot = ledger.lots[place]
    total = lot.qty + qty
    paid = tidy(((lot.basis_strike or ZERO) * lot.qty + price * qty) / total)
    ledger.lots[place] = replace(lot, qty=total, basis_strike=paid, basis_tax=paid, basis_wheel=paid)
    ledger.sub.enter(lot.strategy, "shares", -price * qty)
    ledger.add_to_cycle(lot.symbol, share_cash=-price * qty)


def _foreign_fill(ledger: Ledger, line: Activity) -> str:
    """Book a fill of an order that is not ours: what nobody else's holding explains came out of ours."""
    strange = ledger.others(line.symbol)
    option = is_option(line.symbol)
    short = line.qty > 0
    if option:
        mine = sum((abs(leg.qty) for leg in legs_of_ours(ledger, line.symbol, short=short)), ZERO)
    else:
        mine = ZERO if short else shares_of_ours(ledger, line.symbol)
    others = abs(strange) if strange * line.qty < 0 else ZERO
    taken = left = min(mine, max(abs(line.qty) - others, ZERO))
    if taken <= 0:
        return ""
    price = line.price if line.price is not None else ZERO
    cycle_id = _cycle_id(ledger, root_of(line.symbol))
    if option:
        for leg in legs_of_ours(ledger, line.symbol, short=short):
            part = min(left, abs(leg.qty))
            left -= part
            if part > 0:
                end_leg(ledger, leg, part, price, line.at, "closed_by_broker")
    else:
        take_shares(ledger, line.symbol, taken, price, line.at, "sold_by_broker")
    ledger.notes.append(
        f"{line.symbol}: {plain(taken)} of ours left at {plain(price)} through an order that is not ours "
        f"({line.description or line.order_id or 'no order named'})"
    )
    return cycle_id
