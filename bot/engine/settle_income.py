"""Dividends and fees, shared out to the cent: over the shares that stand there, over the contracts that traded."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import TypeVar

from msgspec.structs import replace

from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, underlying_of
from bot.domain.money import CENT, ONE, ZERO, plain
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.domain.subledger import FOREIGN, UNASSIGNED, name_of
from bot.engine.settle_ledger import Ledger

K = TypeVar("K", str, tuple[str, str])


def pay_dividend(ledger: Ledger, line: Activity, root: str) -> None:
    """Share a dividend out over the shares that stand there: only that of ours lowers their basis (wheel 2.11).

    Paid after all shares left, it is the open cycle's, if there is one.
    """
    symbol = line.symbol
    shares: dict[str, Decimal] = {}
    for lot in ledger.lots:
        if lot.symbol == symbol and lot.owner != "foreign":
            shares[name_of(lot.strategy)] = shares.get(name_of(lot.strategy), ZERO) + lot.qty
    if ledger.others(symbol) > 0:
        shares[FOREIGN] = ledger.others(symbol)
    cycle = ledger.cycles.get(root)
    if not shares:
        shares[UNASSIGNED if cycle is None else cycle.strategy] = ONE
    for name, part in share_out(line.net_amount, shares):
        ledger.sub.enter(name, "dividends", part)
        if name != FOREIGN:
            ledger.add_to_cycle(root, dividends=part)


def charge_fee(ledger: Ledger, line: Activity) -> None:
    """Share a fee out over the cycles that traded on the last trading day up to it.

    A fee that names an order is that order's alone; any other goes pro rata by contracts (by shares on a day without
    options), in whole cents, what is left over to the largest; fills that are not ours and symbols without an open
    cycle carry theirs outside every cycle. The sum is always the fee.
    """
    fills = [one for one in ledger.reads.activities if one.kind == "FILL" and one.at <= line.at]
    if line.order_id:
        fills = [one for one in fills if one.order_id == line.order_id] or fills
    day = max((new_york_day(one.at) for one in fills), default=None)
    fills = [one for one in fills if new_york_day(one.at) == day]
    weights: dict[tuple[str, str], Decimal] = {}
    for one in [one for one in fills if is_option(one.symbol)] or fills:
        order = ledger.order_of(one)
        name = ("", FOREIGN if order is None else order.strategy)
        if order is not None and underlying_of(one.symbol) in ledger.cycles:
            name = (one.symbol, _whose_shares(ledger, order, one.symbol))
        weights[name] = weights.get(name, ZERO) + abs(one.qty)
    for (symbol, book), part in share_out(-line.net_amount, weights or {("", UNASSIGNED): ONE}):
        if symbol:
            _charge_symbol(ledger, symbol, book, part)
        elif part:
            ledger.sub.enter(book, "fees", -part)
            ledger.notes.append(f"a fee of {plain(part)} USD belongs to no cycle of ours")


def share_out(amount: Decimal, weights: dict[K, Decimal]) -> list[tuple[K, Decimal]]:
    """Split dollars by weight in whole cents; the sum is exact, the largest takes what is left over.

    >>> [(name, str(part)) for name, part in share_out(Decimal("0.10"), {"a": Decimal(1), "b": Decimal(2)})]
    [('a', '0.03'), ('b', '0.07')]
    """
    total = sum(weights.values(), ZERO)
    parts = {name: (amount * weight / total).quantize(CENT, ROUND_FLOOR) for name, weight in weights.items()}
    largest = max(weights, key=lambda name: (weights[name], name))
    parts[largest] += amount - sum(parts.values(), ZERO)
    return sorted(parts.items())


def _whose_shares(ledger: Ledger, order: OwnOrder, symbol: str) -> str:
    """Name the strategy whose shares an order bought or sold; "" leaves it to the cycle, which several may share."""
    if is_option(symbol):
        return ""
    lots = (*ledger.lots, *(end.lot for end in ledger.lot_ends))
    whose = next((lot.strategy for lot in lots if order.lot and lot.id == order.lot), "")
    return whose or (order.strategy if order.purpose == "open" else "")


def _charge_symbol(ledger: Ledger, symbol: str, strategy: str, part: Decimal) -> None:
    root = underlying_of(symbol)
    cycle = ledger.cycles[root]
    open_legs = [n for n, leg in enumerate(ledger.legs) if leg.symbol == symbol and leg.cycle == cycle.id]
    if open_legs:
        leg = ledger.legs[open_legs[-1]]
        ledger.sub.enter(leg.strategy, "fees", -part)
        ledger.legs[open_legs[-1]] = replace(leg, fees=leg.fees + part)
        ledger.add_to_cycle(root, fees=part)
    else:
        ledger.sub.enter(strategy or cycle.strategy, "fees", -part)
        ledger.add_to_cycle(root, fees=part, premium_ended=-part)
        ledger.rebase(root)
