"""What the pretended Alpaca takes as an order and what it refuses, in the order Alpaca asks."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import reduce
from math import gcd
from typing import TYPE_CHECKING, Any, NoReturn

from bot.domain.errors import BadSymbol
from bot.domain.instruments import is_equity, is_option, parse_option, underlying_of
from bot.tests.alpaca.facts import DUPLICATE, FORBIDDEN, MALFORMED, Order, Refusal
from bot.tests.alpaca.funds import (
    funds_of,
    locked_by_orders,
    need_of,
    quantities,
    shares_under_calls,
    signed,
)

if TYPE_CHECKING:
    from bot.tests.alpaca.world import AlpacaWorld

D = Decimal
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
INTENTS = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
PRICES = {"limit": "limit_price", "stop": "stop_price", "stop_limit": "limit_price"}


def accept(world: AlpacaWorld, body: Any) -> Order:
    """Check the body of POST /v2/orders and give the order as taken; raise Refusal."""
    if not isinstance(body, dict):
        raise Refusal((400, 40010000), "request body format is invalid")
    if world.trading_blocked or world.account_blocked:
        raise Refusal(FORBIDDEN, "new orders are rejected: account is restricted")
    _check_id(world, body)
    order = _read(world, body)
    for part in order.parts:
        _check_intent(world, part)
    if not order.legs:
        _check_wash(world, order)
    _check_level(world, order)
    _check_shares(world, order)
    _check_money(world, order)
    return order


def _malformed(message: str) -> NoReturn:
    raise Refusal(MALFORMED, message)


def _check_id(world: AlpacaWorld, body: dict[str, Any]) -> None:
    given = body.get("client_order_id")
    if given is None:
        return
    if not isinstance(given, str) or not 1 <= len(given) <= 128:
        _malformed("client_order_id must be 1 to 128 characters")
    if world.by_client_id(given) is not None:
        raise Refusal(DUPLICATE, "client_order_id must be unique")


def _number(body: dict[str, Any], key: str) -> Decimal | None:
    given = body.get(key)
    if given is None:
        return None
    try:
        value = D(str(given))
    except InvalidOperation:
        _malformed(f"{key} is not a number")
    if not value.is_finite():
        _malformed(f"{key} is not a number")
    return value


def _read(world: AlpacaWorld, body: dict[str, Any]) -> Order:
    kind, term = body.get("type"), body.get("time_in_force")
    if kind not in TYPES:
        _malformed(f"invalid order type: {kind}")
    if term not in ("day", "gtc"):
        _malformed(f"invalid time_in_force: {term}")
    qty = _number(body, "qty")
    if qty is None or qty <= 0:
        _malformed("qty must be > 0")
    price = body.get(PRICES.get(kind, ""))
    if kind in PRICES and price is None:
        _malformed(f"{kind} orders require {PRICES[kind]}")
    order = world.an_order(
        client_order_id=body.get("client_order_id") or world.new_id(), symbol=str(body.get("symbol") or ""),
        side=str(body.get("side") or ""), position_intent=str(body.get("position_intent") or ""), qty=qty, type=kind,
        time_in_force=term, limit_price=_number(body, "limit_price"), stop_price=_number(body, "stop_price"),
        trail_percent=_number(body, "trail_percent"), trail_price=_number(body, "trail_price"),
        order_class=str(body.get("order_class") or "simple"),
    )  # fmt: skip
    if order.order_class == "mleg":
        _read_legs(world, order, body.get("legs"))
    elif order.order_class != "simple":
        _malformed(f"order_class {order.order_class} is not supported here")
    else:
        _check_single(world, order, body)
    _check_steps(order)
    return order


def _read_legs(world: AlpacaWorld, order: Order, legs: Any) -> None:
    if order.symbol or order.side:
        _malformed("symbol and side are not allowed for mleg orders")
    if order.type not in ("market", "limit") or order.qty != order.qty.to_integral_value():
        _malformed("mleg orders are market or limit orders of whole units")
    if not isinstance(legs, list) or not 2 <= len(legs) <= 4:
        _malformed("mleg orders must have 2 to 4 legs")
    for place, leg in enumerate(legs):
        intent, ratio = leg.get("position_intent"), _number(leg, "ratio_qty")
        if intent not in INTENTS:
            _malformed(f"leg.{place} position intent is required")
        if ratio is None or ratio <= 0 or ratio != ratio.to_integral_value():
            _malformed(f"leg.{place} ratio_qty must be a whole number above zero")
        _check_listed(world, str(leg.get("symbol")))
        order.legs.append(
            world.an_order(
                client_order_id=world.new_id(), symbol=leg["symbol"], side=intent.partition("_")[0],
                position_intent=intent, qty=order.qty * ratio, type=order.type, time_in_force=order.time_in_force,
                order_class="mleg", ratio=int(ratio), parent=order.id,
            )
        )  # fmt: skip
    if len({leg.symbol for leg in order.legs}) != len(order.legs):
        _malformed("mleg symbols must be unique")
    if len({underlying_of(leg.symbol) for leg in order.legs}) != 1:
        _malformed("mleg legs must have one underlying")
    if reduce(gcd, (leg.ratio for leg in order.legs)) != 1:
        _malformed("mleg ratios must be relatively prime")


def _check_single(world: AlpacaWorld, order: Order, body: dict[str, Any]) -> None:
    if order.side not in ("buy", "sell"):
        _malformed(f"invalid side: {order.side}")
    if not order.symbol:
        _malformed("symbol is required")
    held = world.qty(order.symbol)
    closes = held < 0 if order.side == "buy" else held > 0
    inferred = f"{order.side}_to_{'close' if closes else 'open'}"
    if not order.position_intent:
        order.position_intent = inferred
    if order.position_intent not in INTENTS or not order.position_intent.startswith(order.side):
        _malformed(f"invalid position_intent: {order.position_intent}")
    if not is_option(order.symbol):
        if not is_equity(order.symbol) or order.symbol not in world.quotes:
            _malformed(f'asset "{order.symbol}" not found')
        if order.type == "trailing_stop" and (order.trail_percent is None) == (order.trail_price is None):
            _malformed("exactly one of trail_price and trail_percent is required")
        return
    _check_listed(world, order.symbol)
    if order.qty != order.qty.to_integral_value():
        _malformed("fractional qty is not allowed for options")
    if body.get("notional") is not None or body.get("extended_hours"):
        _malformed("notional and extended_hours are not allowed for options")
    if order.type == "trailing_stop":
        _malformed("trailing_stop orders are not supported for options")
    if order.type == "market" and world.session() is None:
        _malformed("options market orders are only allowed during market hours")


def _check_listed(world: AlpacaWorld, symbol: str) -> None:
    try:
        parse_option(symbol)
    except BadSymbol:
        _malformed(f'asset "{symbol}" not found')
    listed = world.contracts.get(symbol)
    if listed is None or not listed.tradable:
        _malformed(f'asset "{symbol}" not found')
    if world.has_expired(listed.expiry):
        _malformed(f"asset {symbol} is not active")


def _check_steps(order: Order) -> None:
    """Refuse prices off the grid: two decimals, four for shares under a dollar."""
    for price in (order.limit_price, order.stop_price):
        if price is None:
            continue
        if price <= 0 and not order.legs:
            _malformed("prices must be > 0")
        places = 4 if price < 1 and order.symbol and not is_option(order.symbol) else 2
        if price != round(price, places):
            _malformed(f"limit price must be limited to {places} decimal places")


def _check_intent(world: AlpacaWorld, part: Order) -> None:
    """Refuse an intent that the position contradicts and closing more than is free."""
    held = world.qty(part.symbol)
    inferred = "close" if (held < 0 if part.side == "buy" else held > 0) else "open"
    specified = part.position_intent.rpartition("_")[2]
    if part.position_intent == "sell_to_close" and held <= 0 and is_option(part.symbol):
        raise Refusal(FORBIDDEN, "account not eligible to trade uncovered option contracts")
    if inferred != specified:
        _malformed(f"position intent mismatch, inferred: {part.side}_to_{inferred}, specified: {part.position_intent}")
    free = abs(held) - locked_by_orders(world, part.symbol)
    if specified == "close" and part.qty > free:
        raise _short_of(part, abs(held), free)
    if part.position_intent == "sell_to_open" and not is_option(part.symbol):
        raise Refusal(FORBIDDEN, "account is not allowed to short")
    if specified == "open" and world.expires_soon(part.symbol):
        _malformed("contract expires soon, unable to open new positions")


def _short_of(order: Order, held: Decimal, free: Decimal) -> Refusal:
    available = max(free, D(0))
    return Refusal(
        FORBIDDEN, f"insufficient qty available for order (requested: {order.qty}, available: {available})",
        symbol=order.symbol, existing_qty=str(held), held_for_orders=str(held - available), available=str(available),
    )  # fmt: skip


def _check_wash(world: AlpacaWorld, order: Order) -> None:
    """Refuse trading against an own working order; trailing stops are exempt."""
    if order.type == "trailing_stop":
        return
    for other in world.working():
        if other.symbol != order.symbol or other.side == order.side or other.type == "trailing_stop":
            continue
        buy, sell = (order, other) if order.side == "buy" else (other, order)
        apart = buy.limit_price is not None and sell.limit_price is not None and buy.limit_price < sell.limit_price
        if not (apart and buy.type == sell.type == "limit"):
            reason = f"opposite side {other.type} order exists"
            raise Refusal(
                FORBIDDEN, "potential wash trade detected. use complex orders", existing_order_id=other.id,
                reject_reason=reason,
            )  # fmt: skip


def _check_level(world: AlpacaWorld, order: Order) -> None:
    needed = {"sell_to_open": 1, "buy_to_open": 2}.get(order.position_intent, 0) if is_option(order.symbol) else 0
    if order.legs:
        needed = 3
    if world.options_level < needed:
        raise Refusal(FORBIDDEN, f"account not eligible for level {needed} options trading")


def _check_shares(world: AlpacaWorld, order: Order) -> None:
    """Refuse a call without its shares, and selling shares that a call or an order holds."""
    root = underlying_of(order.parts[0].symbol)
    if not is_option(order.parts[0].symbol):
        free = world.qty(root) - locked_by_orders(world, root) - shares_under_calls(world, root)
        if order.side == "sell" and order.qty > free:
            raise _short_of(order, world.qty(root), free)
        return
    opens: dict[str, Decimal] = {}
    for part in order.parts:
        opens[part.symbol] = signed(part)
    needed = shares_under_calls(world, root, opens)
    shares = world.qty(root)
    # A working sale of the shares leaves nothing for a call to stand on.
    free = shares - locked_by_orders(world, root) if shares > 0 else D(0)
    if needed > max(free, D(0)) and needed > shares_under_calls(world, root):
        if shares > 0 and not order.legs:
            raise Refusal(FORBIDDEN, "insufficient underlying qty available for covered call")
        raise Refusal(FORBIDDEN, "account not eligible to trade uncovered option contracts")


def _check_money(world: AlpacaWorld, order: Order) -> None:
    free = funds_of(world).free
    option = is_option(order.parts[0].symbol)
    needed = need_of(world, order, quantities(world))
    means = free if option else free * world.multiplier
    if needed > 0 and needed > means:
        word = "options buying power" if option else "buying power"
        raise Refusal(FORBIDDEN, f"insufficient {word}", buying_power=str(max(means, D(0))), cost_basis=str(needed))
