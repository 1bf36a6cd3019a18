"""What the simulated broker takes and what it refuses, with Alpaca's status and codes.

422/42210000 malformed, 422/40010001 a used id, 403/40310000 capital, permission, quantity, wash trade. Working
orders hold back what they use: a purchase its cost, a put sold its collateral less the premium, a call sold its
shares. A resting trailing stop and a covered call compete for the same shares.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, NoReturn

from bot.brokers.simulator_account import (
    Powers,
    collateral_of,
    pessimistic,
    remaining_of,
    shares_under_calls,
    unit_size,
)
from bot.brokers.simulator_matching import Resting, trailing_stop_price
from bot.brokers.simulator_shape import check_shape, malformed, refuse
from bot.brokers.simulator_state import State
from bot.domain.errors import RefusalCode
from bot.domain.holdings import BrokerOrder, OrderLeg
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.market import Quote
from bot.domain.money import ZERO
from bot.domain.orders import OrderRequest
from bot.domain.sessions import new_york_day, next_session, session_at, session_on

LAST_OPENING_BEFORE_EXPIRY = timedelta(minutes=30)


class Standing(NamedTuple):
    """What acceptance needs to know of the account at one moment."""

    state: State
    at: datetime
    powers: Powers
    options_level: int
    multiplier: int
    quote_of: Callable[[str], Quote | None]


def accept(request: OrderRequest, standing: Standing, broker_order_id: str) -> Resting:
    """Check an order and give it as taken, or raise BrokerRefused with Alpaca's code.

    The caller has already made sure that the id is new.
    """
    check_shape(request)
    _check_hours(request, standing)
    for leg in request.legs:
        _check_intent(leg, request, standing)
    if len(request.legs) == 1:
        _check_wash(request, standing)
    _check_level(request, standing)
    quotes = {leg.symbol: _known_quote(leg, standing) for leg in request.legs}
    order = _as_taken(request, standing, broker_order_id, quotes)
    _check_shares(order, standing)
    reserve = _check_money(order, standing, quotes)
    session = session_on(new_york_day(standing.at))
    if session is None or standing.at >= session.close_at:
        session = next_session(new_york_day(standing.at))
    return Resting(
        order=order,
        sequence=standing.state.orders_taken + 1,
        reserve=reserve,
        session_day=session.day if request.time_in_force == "day" else None,
    )


def _check_hours(request: OrderRequest, standing: Standing) -> None:
    today = new_york_day(standing.at)
    session = session_on(today)
    for leg in request.legs:
        if not is_option(leg.symbol):
            continue
        expiry = parse_option(leg.symbol).expiry
        if expiry < today or (session is not None and expiry == today and standing.at >= session.close_at):
            malformed(f"asset {leg.symbol} is not active: it expired", RefusalCode.UNKNOWN_SYMBOL)
        if session_at(standing.at) is None and (request.order_type == "market" or request.time_in_force == "day"):
            what = "market" if request.order_type == "market" else "day"
            malformed(f"options {what} orders are only allowed during market hours", RefusalCode.MARKET_CLOSED)
        last = session.close_at - LAST_OPENING_BEFORE_EXPIRY if session is not None and expiry == today else None
        if last is not None and standing.at >= last and leg.position_intent.endswith("_to_open"):
            malformed(f"{leg.symbol} expires soon, unable to open new positions", RefusalCode.CONTRACT_EXPIRING)


def _check_intent(leg: OrderLeg, request: OrderRequest, standing: Standing) -> None:
    """Refuse an intent the position contradicts, and closing more than is free."""
    held, wanted = standing.state.qty(leg.symbol), request.qty * leg.ratio
    promised = standing.state.promised(leg.symbol, leg.side)
    intent = leg.position_intent
    if intent == "buy_to_close":
        if held >= 0:
            _mismatch(leg, "buy_to_open")
        if wanted + promised > -held:
            refuse(RefusalCode.INSUFFICIENT_QUANTITY, _short_of(leg, wanted, -held - promised))
    elif intent == "sell_to_close":
        if held <= 0:
            if is_option(leg.symbol):
                refuse(RefusalCode.NOT_PERMITTED, f"not eligible to trade uncovered option contracts: {leg.symbol}")
            refuse(RefusalCode.INSUFFICIENT_QUANTITY, _short_of(leg, wanted, ZERO))
        if wanted + promised > held:
            refuse(RefusalCode.INSUFFICIENT_QUANTITY, _short_of(leg, wanted, held - promised))
    elif intent == "buy_to_open" and held < 0:
        _mismatch(leg, "buy_to_close")
    elif intent == "sell_to_open":
        if held > 0:
            _mismatch(leg, "sell_to_close")
        if not is_option(leg.symbol):
            refuse(RefusalCode.NOT_PERMITTED, f"this account cannot sell {leg.symbol} short")


def _mismatch(leg: OrderLeg, inferred: str) -> NoReturn:
    malformed(f"{leg.symbol}: position intent mismatch, inferred: {inferred}, specified: {leg.position_intent}")


def _short_of(leg: OrderLeg, wanted: Decimal, available: Decimal) -> str:
    return f"insufficient qty available for {leg.symbol} (requested: {wanted}, available: {max(available, ZERO)})"


def _check_wash(request: OrderRequest, standing: Standing) -> None:
    """Refuse crossing one's own resting order on the other side; trailing stops are exempt."""
    leg = request.legs[0]
    if request.order_type == "trailing_stop":
        return
    for other in standing.state.working_orders():
        if len(other.legs) > 1 or other.legs[0].symbol != leg.symbol or other.legs[0].side == leg.side:
            continue
        if other.order_type == "trailing_stop":
            continue
        crosses = True
        if request.order_type == "limit" and other.order_type == "limit":
            assert request.limit_price is not None
            assert other.limit_price is not None
            buy, sell = request.limit_price, other.limit_price
            crosses = buy >= sell if leg.side == "buy" else sell >= buy
        if crosses:
            message = f"potential wash trade detected on {leg.symbol}: opposite side {other.order_type} order exists"
            refuse(RefusalCode.WASH_TRADE, message)


def _check_level(request: OrderRequest, standing: Standing) -> None:
    needed = 0
    if len(request.legs) > 1:
        needed = 3
    elif is_option(request.legs[0].symbol):
        needed = {"sell_to_open": 1, "buy_to_open": 2}.get(request.legs[0].position_intent, 0)
    if standing.options_level < needed:
        message = (
            f"account not eligible to trade this: options level {needed} is needed, it has {standing.options_level}"
        )
        refuse(RefusalCode.NOT_PERMITTED, message)


def _known_quote(leg: OrderLeg, standing: Standing) -> Quote:
    quote = standing.quote_of(leg.symbol)
    if quote is None:
        malformed(f"asset {leg.symbol} not found", RefusalCode.UNKNOWN_SYMBOL)
    return quote


def _as_taken(request: OrderRequest, standing: Standing, broker_order_id: str, quotes: dict[str, Quote]) -> BrokerOrder:
    mark, stop = request.high_water_mark, request.stop_price
    if request.order_type == "trailing_stop":
        quote = quotes[request.legs[0].symbol]
        seen = quote.bid if quote.bid is not None and quote.bid > 0 else quote.last
        mark = seen if mark is None else max(mark, seen if seen is not None else mark)
        assert request.trail_percent is not None
        stop = None if mark is None else trailing_stop_price(mark, request.trail_percent)
    return BrokerOrder(
        broker_order_id=broker_order_id,
        client_order_id=request.client_order_id,
        legs=request.legs,
        qty=request.qty,
        filled_qty=ZERO,
        order_type=request.order_type,
        limit_price=request.limit_price,
        stop_price=stop,
        trail_percent=request.trail_percent,
        high_water_mark=mark,
        time_in_force=request.time_in_force,
        status="new" if session_at(standing.at) is not None else "accepted",
        submitted_at=standing.at,
        updated_at=standing.at,
        leg_ids=leg_ids_of(broker_order_id, len(request.legs)),
    )


def leg_ids_of(broker_order_id: str, count: int) -> tuple[str, ...]:
    """Give each leg of an order of several its own id, as Alpaca does: the lines of fills name these.

    >>> leg_ids_of("5c2f00aa-0000-5000-a000-000000000000", 2)
    ('5c2f00aa-0000-5000-a000-000000000000-leg1', '5c2f00aa-0000-5000-a000-000000000000-leg2')
    """
    return tuple(f"{broker_order_id}-leg{number}" for number in range(1, count + 1)) if count > 1 else ()


def _check_shares(order: BrokerOrder, standing: Standing) -> None:
    """Refuse what would leave a call without its 100 shares, or sell shares a call or an order holds."""
    state = standing.state
    underlying = underlying_of(order.legs[0].symbol)
    working = state.working_orders()
    held = state.quantities
    before = shares_under_calls(pessimistic(held, working), underlying)
    after = shares_under_calls(pessimistic(held, [*working, order]), underlying)
    free = state.qty(underlying) - state.promised(underlying, "sell") - before
    leg = order.legs[0]
    if not is_option(leg.symbol):
        if leg.side == "sell" and order.qty > free:
            refuse(RefusalCode.INSUFFICIENT_QUANTITY, _short_of(leg, order.qty, free))
    elif after - before > max(free, ZERO):
        if leg.position_intent == "sell_to_open" and len(order.legs) == 1 and state.qty(underlying) > 0:
            message = f"insufficient underlying qty available for covered call {leg.symbol}: {max(free, ZERO)} free"
            refuse(RefusalCode.INSUFFICIENT_QUANTITY, message)
        refuse(RefusalCode.NOT_PERMITTED, f"not eligible to trade uncovered option contracts on {underlying}")


def _check_money(order: BrokerOrder, standing: Standing, quotes: dict[str, Quote]) -> Decimal:
    """Refuse what the account cannot pay or secure; give the dollars one unit holds back while it works.

    needed = cost (a credit is negative) + collateral it adds (a closing purchase may count what it frees).
    """
    cost = unit_cost(order, quotes) * remaining_of(order)
    if not is_option(order.legs[0].symbol):
        if cost > max(standing.powers.buying_power, ZERO):
            message = f"insufficient buying power: {cost} needed, {standing.powers.buying_power} available"
            refuse(RefusalCode.INSUFFICIENT_FUNDS, message)
        return max(cost, ZERO) / standing.multiplier / order.qty
    held = pessimistic(standing.state.quantities, standing.state.working_orders())
    after = dict(held)
    for leg in order.legs:
        change = order.qty * leg.ratio * (1 if leg.side == "buy" else -1)
        after[leg.symbol] = after.get(leg.symbol, ZERO) + change
    added = collateral_of(after) - collateral_of(held)
    needed = cost + added
    if needed > 0 and needed > standing.powers.options_buying_power:
        message = (
            f"insufficient options buying power: {needed} required, {standing.powers.options_buying_power} available"
        )
        refuse(RefusalCode.INSUFFICIENT_FUNDS, message)
    return max(needed, ZERO) / order.qty


def unit_cost(order: BrokerOrder, quotes: dict[str, Quote]) -> Decimal:
    """Give what one unit costs at the most (negative: brings at the least), dollars, before fees.

    At its limit, else at the far side, else at the last trade; a sale of shares or of longs costs nothing.
    """
    if len(order.legs) > 1 and order.limit_price is not None:
        return order.limit_price * unit_size(order.legs[0].symbol)
    total = ZERO
    for leg in order.legs:
        quote = quotes[leg.symbol]
        far = quote.ask if leg.side == "buy" else quote.bid
        price = order.limit_price or order.stop_price or far or quote.last or ZERO
        total += price * leg.ratio * unit_size(leg.symbol) * (1 if leg.side == "buy" else -1)
    if len(order.legs) == 1 and order.legs[0].position_intent == "sell_to_close":
        return ZERO
    return total
