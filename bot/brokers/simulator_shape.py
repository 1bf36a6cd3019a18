"""Refusals of the simulated broker that need no account: how an order must look.

422/42210000 is what Alpaca answers to anything malformed; legs that do not cover each other are 403/40310000.
"""

from __future__ import annotations

from decimal import Decimal
from math import gcd
from typing import NoReturn

from bot.domain.errors import BadSymbol, BrokerRefused, RefusalCode
from bot.domain.holdings import OrderLeg
from bot.domain.instruments import equity_grid, is_equity, is_option, parse_option, underlying_of
from bot.domain.money import CENT
from bot.domain.orders import PRICES_OF, OrderRequest


def refuse(code: RefusalCode, message: str, status: int = 403, broker_code: int = 40310000) -> NoReturn:
    """Raise a definite refusal."""
    raise BrokerRefused(code, message, status=status, broker_code=broker_code)


def malformed(message: str, code: RefusalCode = RefusalCode.MALFORMED) -> NoReturn:
    """Raise the refusal of an order that cannot be read or does not fit its instrument or hour."""
    refuse(code, message, status=422, broker_code=42210000)


def check_shape(request: OrderRequest) -> None:
    """Refuse what no hour and no account would make valid: quantities, prices, legs."""
    if not request.client_order_id or len(request.client_order_id) > 128:
        malformed("client_order_id must have 1 to 128 characters")
    if not 1 <= len(request.legs) <= 4 or len({leg.symbol for leg in request.legs}) != len(request.legs):
        malformed("an order has 1 to 4 legs with different symbols")
    if request.qty <= 0 or request.qty != request.qty.to_integral_value():
        malformed(f"qty must be a whole number above zero, got {request.qty}")
    if request.order_type not in PRICES_OF or request.time_in_force not in ("day", "gtc"):
        malformed(f"order type {request.order_type!r} with time in force {request.time_in_force!r} is not known")
    for name in PRICES_OF[request.order_type]:
        if getattr(request, name) is None:
            malformed(f"{request.order_type} orders require {name}")
    if request.trail_percent is not None and not 0 < request.trail_percent < 100:
        malformed(f"trail_percent is in percent, above 0 and below 100, got {request.trail_percent}")
    for leg in request.legs:
        _check_leg_shape(leg, request)
    if len(request.legs) > 1:
        _check_several(request)


def _check_leg_shape(leg: OrderLeg, request: OrderRequest) -> None:
    if not leg.position_intent.startswith(leg.side):
        malformed(f"{leg.symbol}: side {leg.side} does not go with {leg.position_intent}")
    option = is_option(leg.symbol)
    if option:
        try:
            parse_option(leg.symbol)
        except BadSymbol as error:
            malformed(str(error), RefusalCode.UNKNOWN_SYMBOL)
        if request.order_type == "trailing_stop":
            malformed("trailing stops are for shares only")
    elif not is_equity(leg.symbol):
        malformed(f"asset {leg.symbol!r} not found", RefusalCode.UNKNOWN_SYMBOL)
    if len(request.legs) > 1:
        return
    if leg.ratio != 1:
        malformed("a single-leg order has ratio 1")
    if request.order_type == "trailing_stop" and leg.side == "buy":
        malformed("trailing stops only sell here: short shares do not exist in this account")
    for name in ("limit_price", "stop_price"):
        price: Decimal | None = getattr(request, name)
        if price is None:
            continue
        if price <= 0:
            malformed(f"{name} must be above zero, got {price}")
        step = CENT if option else equity_grid(price)
        if price % step:
            malformed(f"{name} {price} has more decimals than allowed: the step is {step}")


def _check_several(request: OrderRequest) -> None:
    if request.order_type not in ("market", "limit"):
        malformed("orders with several legs are market or limit orders")
    if not all(is_option(leg.symbol) for leg in request.legs):
        malformed("all legs of a multi-leg order must be options")
    if len({underlying_of(leg.symbol) for leg in request.legs}) != 1:
        malformed("all legs must share one underlying")
    if any(leg.ratio < 1 for leg in request.legs) or gcd(*(leg.ratio for leg in request.legs)) != 1:
        malformed("leg ratios must be whole, above zero, and without a common divisor")
    if request.limit_price is not None and request.limit_price % CENT:
        malformed(f"limit_price {request.limit_price} has more than two decimals")
    sold = [leg for leg in request.legs if leg.position_intent == "sell_to_open"]
    for leg in sold:
        one = parse_option(leg.symbol)
        held_back = sum(other.ratio for other in sold if parse_option(other.symbol).right == one.right)
        covering = sum(
            other.ratio
            for other in request.legs
            if other.position_intent == "buy_to_open"
            and parse_option(other.symbol).right == one.right
            and parse_option(other.symbol).expiry >= one.expiry
        )
        if covering < held_back:
            refuse(RefusalCode.NOT_PERMITTED, f"{leg.symbol} is not covered by a leg of the same multi-leg order")
