"""What the pretended account can still pay and secure: collateral, reserves of working orders, shares under calls."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.tests.alpaca.facts import Order

if TYPE_CHECKING:
    from bot.tests.alpaca.world import AlpacaWorld

D = Decimal


class Funds(NamedTuple):
    """Dollars: collateral of what is held, reserves of what works, and what is left of the cash."""

    collateral: Decimal
    reserved: Decimal
    free: Decimal


def multiplier_of(symbol: str) -> Decimal:
    """Give 100 for an option and 1 for anything else."""
    return D(100) if is_option(symbol) else D(1)


def signed(order: Order) -> Decimal:
    """Give what is left of an order or leg, signed by its effect on the position."""
    return order.left if order.side == "buy" else -order.left


def quantities(world: AlpacaWorld) -> dict[str, Decimal]:
    """Give every position's signed quantity."""
    return {symbol: held.qty for symbol, held in world.holdings.items()}


def need_of(world: AlpacaWorld, order: Order, held: Mapping[str, Decimal]) -> Decimal:
    """Give the dollars an order takes on top of these positions: its cost and the collateral it adds."""
    after = dict(held)
    cost = D(0)
    for part in order.parts:
        after[part.symbol] = after.get(part.symbol, D(0)) + signed(part)
        cost += signed(part) * price_of(world, part) * multiplier_of(part.symbol)
    if order.legs and order.limit_price is not None:
        cost = order.limit_price * order.left * 100
    if not is_option(order.parts[0].symbol):
        return max(cost, D(0))
    return max(cost + secured(after).collateral - secured(held).collateral, D(0))


def price_of(world: AlpacaWorld, part: Order) -> Decimal:
    """Give the price an order can come to cost: its limit, its stop, else the far side of the quote."""
    tick = world.quotes.get(part.symbol)
    far = None if tick is None else tick.ask if part.side == "buy" else tick.bid
    return part.limit_price or part.stop_price or far or D(0)


def funds_of(world: AlpacaWorld, *, without: str = "") -> Funds:
    """Give the account's means. Working orders count as filled for what they use; closing ones free nothing."""
    held = quantities(world)
    collateral = secured(held).collateral
    reserved = D(0)
    for order in world.working():
        if order.id == without:
            continue
        reserved += need_of(world, order, held)
        for part in order.parts:
            if part.position_intent.endswith("_to_open"):
                held[part.symbol] = held.get(part.symbol, D(0)) + signed(part)
    return Funds(collateral, reserved, world.cash - collateral - reserved)


class Secured(NamedTuple):
    """Collateral in dollars, and short calls that neither shares nor long calls cover, by underlying."""

    collateral: Decimal
    uncovered: dict[str, Decimal]


def secured(held: Mapping[str, Decimal]) -> Secured:
    """Secure every short option: puts by long puts or cash, calls by shares or long calls."""
    collateral = D(0)
    uncovered: dict[str, Decimal] = {}
    for root in sorted({underlying_of(symbol) for symbol, qty in held.items() if is_option(symbol) and qty < 0}):
        for right in ("put", "call"):
            shorts, longs = _sides(held, root, right)
            covered = max(held.get(root, D(0)), D(0)) // 100 if right == "call" else D(0)
            for strike, expiry, count in shorts:
                left = count - min(count, covered)
                covered -= min(count, covered)
                left, cost = _pair(longs, right, strike, expiry, left)
                collateral += cost
                if right == "put":
                    collateral += left * strike * 100
                elif left:
                    uncovered[root] = uncovered.get(root, D(0)) + left
    return Secured(collateral, uncovered)


_Row = tuple[Decimal, int, Decimal]


def _sides(held: Mapping[str, Decimal], root: str, right: str) -> tuple[list[_Row], list[list[Decimal | int]]]:
    shorts: list[_Row] = []
    longs: list[list[Decimal | int]] = []
    for symbol, qty in sorted(held.items()):
        if not is_option(symbol) or underlying_of(symbol) != root or parse_option(symbol).right != right or not qty:
            continue
        contract = parse_option(symbol)
        if qty < 0:
            shorts.append((contract.strike, contract.expiry.toordinal(), -qty))
        else:
            longs.append([contract.strike, contract.expiry.toordinal(), qty])
    return shorts, longs


def _pair(
    longs: list[list[Decimal | int]], right: str, strike: Decimal, expiry: int, left: Decimal
) -> tuple[Decimal, Decimal]:
    """Cover short contracts by long ones of the same or a later day; give what is left and what the width costs."""
    cost = D(0)
    for row in longs:
        if row[1] < expiry or not left:
            continue
        count = min(left, D(row[2]))
        row[2] -= count
        left -= count
        width = strike - D(row[0]) if right == "put" else D(row[0]) - strike
        cost += max(width, D(0)) * 100 * count
    return left, cost


def locked_by_orders(world: AlpacaWorld, symbol: str) -> Decimal:
    """Count what working orders that close a position have taken of it."""
    held = world.qty(symbol)
    side = "sell" if held > 0 else "buy"
    return sum((p.left for o in world.working() for p in o.parts if p.symbol == symbol and p.side == side), D(0))


def shares_under_calls(world: AlpacaWorld, symbol: str, extra: Mapping[str, Decimal] | None = None) -> Decimal:
    """Count the shares that short calls on a symbol hold, held and working ones alike."""
    if is_option(symbol):
        return D(0)
    held = quantities(world) | {symbol: D(0)}
    for order in world.working():
        for part in order.parts:
            if part.position_intent == "sell_to_open" and is_option(part.symbol):
                held[part.symbol] = held.get(part.symbol, D(0)) + signed(part)
    for name, qty in (extra or {}).items():
        held[name] = held.get(name, D(0)) + qty
    return secured(held).uncovered.get(symbol, D(0)) * 100
