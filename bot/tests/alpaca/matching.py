"""How orders meet quotes: limits, stops, trailing stops, several legs at once, pieces and expiries."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from bot.domain.instruments import is_option, parse_option
from bot.tests.alpaca.facts import Holding, Order, Tick
from bot.tests.alpaca.funds import multiplier_of

if TYPE_CHECKING:
    from bot.tests.alpaca.world import AlpacaWorld

D = Decimal
CENT = D("0.01")
FEES = (("OCC", D("0.02"), True), ("ORF", D("0.02685"), True), ("TAF", D("0.00279"), False))
"""Fee per contract by kind, and whether purchases pay it too."""


def match(world: AlpacaWorld, symbol: str = "") -> None:
    """Let working orders meet the quotes as they stand; `symbol` limits it to orders in that symbol."""
    if world.session() is None:
        return
    for order in world.working():
        if symbol and all(part.symbol != symbol for part in order.parts):
            continue
        for one in (order, *order.legs):
            if one.status in ("accepted", "pending_new"):
                one.status = "new"
        _trail(world, order)
        prices = _prices(world, order)
        if prices is None:
            continue
        ticks = [(part, world.quotes[part.symbol]) for part in order.parts]
        qty = min([order.left, *(Decimal(tick.size // part.ratio) for part, tick in ticks if tick.size is not None)])
        if qty <= 0:
            continue
        for part, tick in ticks:
            if tick.size is not None:
                tick.size -= int(qty) * part.ratio
        fill(world, order, qty, prices)


def _trail(world: AlpacaWorld, order: Order) -> None:
    """Raise a trailing stop's high-water mark and with it its stop; both are the broker's own."""
    tick = world.quotes.get(order.symbol)
    if order.type != "trailing_stop" or tick is None or tick.bid is None:
        return
    order.hwm = tick.bid if order.hwm is None else max(order.hwm, tick.bid)
    if order.trail_percent is not None:
        order.stop_price = (order.hwm * (100 - order.trail_percent) / 100).quantize(CENT)
    elif order.trail_price is not None:
        order.stop_price = order.hwm - order.trail_price


def _prices(world: AlpacaWorld, order: Order) -> list[Decimal] | None:
    """Give the price each part would trade at now, or None where the order does not trade."""
    prices: list[Decimal] = []
    for part in order.parts:
        tick = world.quotes.get(part.symbol)
        price = None if tick is None else tick.ask if part.side == "buy" else tick.bid
        if price is None:
            return None
        prices.append(price)
    if order.legs:
        net = sum((p if leg.side == "buy" else -p) * leg.ratio for p, leg in zip(prices, order.legs, strict=True))
        return prices if order.limit_price is None or net <= order.limit_price else None
    return prices if _trades(order, prices[0], world.quotes[order.symbol]) else None


def _trades(order: Order, price: Decimal, tick: Tick) -> bool:
    if order.type == "market":
        return True
    within = order.limit_price is None or (
        price <= order.limit_price if order.side == "buy" else price >= order.limit_price
    )
    if order.type == "limit":
        return within
    assert order.stop_price is not None
    seen = tick.ask if order.side == "buy" else tick.bid
    assert seen is not None
    touched = seen >= order.stop_price if order.side == "buy" else seen <= order.stop_price
    return touched and within


def fill(world: AlpacaWorld, order: Order, qty: Decimal, prices: list[Decimal]) -> None:
    """Execute part of an order: positions, cash, a line of history for each leg."""
    net = D(0)
    for part, price in zip(order.parts, prices, strict=True):
        count = qty * part.ratio
        net += (price if part.side == "buy" else -price) * part.ratio
        if part is not order:
            _count(world, part, count, count * price)
        move(world, part.symbol, count if part.side == "buy" else -count, price)
        _charge(world, part, count)
    _count(world, order, qty, qty * (net if order.legs else prices[0]))
    for part, price in zip(order.parts, prices, strict=True):
        world.write(
            "FILL", symbol=part.symbol, side=part.side, qty=qty * part.ratio, price=price, order_id=part.id,
            type="fill" if part.done else "partial_fill", cum_qty=part.filled_qty, leaves_qty=part.left,
            order_status=part.status, transaction_time=world.at,
        )  # fmt: skip


def _count(world: AlpacaWorld, order: Order, qty: Decimal, paid: Decimal) -> None:
    order.filled_qty += qty
    order.paid += paid
    order.updated_at = world.at
    if order.left <= 0:
        order.status, order.ended_at = "filled", world.at
    elif order.status != "pending_cancel":
        order.status = "partially_filled"


def move(world: AlpacaWorld, symbol: str, change: Decimal, price: Decimal, *, paid: bool = True) -> None:
    """Change a position at a price, and cash with it unless nothing was paid."""
    held = world.holdings.get(symbol, Holding(D(0), D(0)))
    after = held.qty + change
    if held.qty * change >= 0:
        average = (abs(held.qty) * held.average + abs(change) * price) / abs(after)
    else:
        average = held.average if held.qty * after > 0 else price
    if after:
        world.holdings[symbol] = Holding(after, average)
    else:
        world.holdings.pop(symbol, None)
    if paid:
        world.cash -= change * price * multiplier_of(symbol)


def _charge(world: AlpacaWorld, part: Order, contracts: Decimal) -> None:
    """Accrue the day's fees where this account pays any (paper does not)."""
    if not world.charges_fees or not is_option(part.symbol):
        return
    for kind, each, purchases in FEES:
        if purchases or part.side == "sell":
            world.fees_today[kind] = world.fees_today.get(kind, D(0)) + each * contracts


def in_the_money(symbol: str, spot: Decimal) -> bool:
    """Say whether exercise is worth a cent or more."""
    contract = parse_option(symbol)
    gain = spot - contract.strike if contract.right == "call" else contract.strike - spot
    return gain >= CENT
