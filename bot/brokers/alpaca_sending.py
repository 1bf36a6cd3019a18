"""What leaves for Alpaca: orders as exact decimals in text, checked once more before they go.

The gates have judged every order; what is refused here would be a bug of ours, and is refused before it is sent
(422 in Alpaca's terms), never repaired: prices are not rounded, quantities not cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from math import gcd
from typing import Any, NoReturn

from bot.domain.claims import worst_at_expiry
from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.holdings import OrderLeg
from bot.domain.instruments import equity_grid, is_equity, is_option, parse_option, underlying_of
from bot.domain.money import CENT, HUNDRED, plain
from bot.domain.orders import PRICES_OF, OrderRequest

LEGS_MAX = 4
ID_LENGTH_MAX = 128
TRAIL_MIN = Decimal("0.1")
"""The tightest trail, in percent: where a re-armed stop stands at or above the price, it waits this far below it."""


def body_of(request: OrderRequest, trail_percent: Decimal | None = None) -> dict[str, Any]:
    """Write the body of an order. `trail_percent` stands in for the request's own (see `rearmed_trail`).

    Raises BrokerRefused (malformed) for what must not leave.
    """
    check(request)
    body: dict[str, Any] = {
        "type": request.order_type,
        "qty": plain(request.qty),
        "time_in_force": request.time_in_force,
        "client_order_id": request.client_order_id,
    }
    for name in PRICES_OF[request.order_type]:
        body[name] = plain(getattr(request, name))
    if trail_percent is not None:
        body["trail_percent"] = plain(trail_percent)
    if len(request.legs) == 1:
        one = request.legs[0]
        return body | {"symbol": one.symbol, "side": one.side, "position_intent": one.position_intent}
    legs = [
        {
            "symbol": one.symbol,
            "side": one.side,
            "ratio_qty": str(one.ratio),
            "position_intent": one.position_intent,
        }
        for one in request.legs
    ]
    return body | {"order_class": "mleg", "legs": legs}


def check(request: OrderRequest) -> None:
    """Refuse an order that is not whole, not on its grid, not of a kind its instrument takes, or of the wrong sign."""
    if not 1 <= len(request.client_order_id) <= ID_LENGTH_MAX:
        _refuse(f"client_order_id has 1 to {ID_LENGTH_MAX} characters, got {len(request.client_order_id)}")
    if not 1 <= len(request.legs) <= LEGS_MAX or len({one.symbol for one in request.legs}) != len(request.legs):
        _refuse(f"an order has 1 to {LEGS_MAX} legs with different symbols, got {len(request.legs)}")
    if not request.qty.is_finite() or request.qty <= 0 or request.qty != request.qty.to_integral_value():
        _refuse(f"qty is a whole number above zero, got {request.qty}")
    if request.order_type not in PRICES_OF or request.time_in_force not in ("day", "gtc"):
        _refuse(f"{request.order_type!r} with time in force {request.time_in_force!r} is not sent")
    for name in PRICES_OF[request.order_type]:
        value: Decimal | None = getattr(request, name)
        if value is None or not value.is_finite():
            _refuse(f"a {request.order_type} order needs a {name}, got {value}")
    for one in request.legs:
        _check_leg(one, request)
    if len(request.legs) == 1:
        _check_single(request.legs[0], request)
    else:
        _check_several(request)


def expected_sign(legs: Sequence[OrderLeg]) -> int:
    """Say what an order of several legs must be by its legs alone: 1 a debit, -1 a credit, 0 either may be right.

    The second of two lines of defence: the gate `spread_price_has_its_sign` reads the sign of what opens from the
    quotes of the legs. This one asks no quote and looks at whatever is sent, so that a bad quote alone cannot pay the
    wrong way.

    One expiry: what is worth nothing or more at every price costs something, what is worth nothing or less earns
    something. Two expiries: the leg that can never be worth less than the other decides.

    >>> from bot.domain.orders import leg
    >>> expected_sign([leg("SPY261218P00500000", "sell_to_open"), leg("SPY261218P00490000", "buy_to_open")])
    -1
    """
    rows = [(parse_option(one.symbol), one.ratio if one.side == "buy" else -one.ratio) for one in legs]
    if len({contract.expiry for contract, _ in rows}) == 1:
        if worst_at_expiry([(contract.right, contract.strike, Decimal(count)) for contract, count in rows]) == 0:
            return 1
        other_side = worst_at_expiry([(contract.right, contract.strike, Decimal(-count)) for contract, count in rows])
        return -1 if other_side == 0 else 0
    if len(rows) != 2:
        return 0
    for (better, more), (worse, less) in (rows, rows[::-1]):
        kinder = better.strike - worse.strike if better.right == "put" else worse.strike - better.strike
        never_less = better.right == worse.right and better.expiry >= worse.expiry and kinder >= 0
        if never_less and more * less < 0 and abs(more) >= abs(less):
            return 1 if more > 0 else -1
    return 0


def rearmed_trail(trail_percent: Decimal, high_water_mark: Decimal, price: Decimal) -> Decimal:
    """Give the trail that puts a new stop where the stored mark wants it, in percent (design 13).

    Alpaca starts every trailing stop at the present price and takes no mark. A mark above the price would so be
    forgotten and the stop fall; instead the trail is drawn tighter, to the same stop: never wider than asked, never
    tighter than TRAIL_MIN, which is where a stop stands that the price has passed already. A plain stop would not
    rise with the price again, and would bar buying the same shares (a trailing one does not).

    >>> rearmed_trail(Decimal(10), Decimal(40), Decimal("37.50"))
    Decimal('4.00')
    >>> rearmed_trail(Decimal(10), Decimal(40), Decimal(41))
    Decimal('10')
    """
    stop = high_water_mark * (1 - trail_percent / HUNDRED)
    if stop >= price:
        return min(trail_percent, TRAIL_MIN)
    trail = ((1 - stop / price) * HUNDRED).quantize(CENT, ROUND_FLOOR)
    return min(trail_percent, max(trail, TRAIL_MIN))


def _check_leg(one: OrderLeg, request: OrderRequest) -> None:
    if not one.position_intent.startswith(one.side):
        _refuse(f"{one.symbol}: {one.side} does not go with {one.position_intent}")
    if is_option(one.symbol):
        if request.order_type != "limit" or request.time_in_force != "day":
            _refuse(
                f"{one.symbol}: options are sent as limit orders for the day only, "
                f"got {request.order_type} {request.time_in_force}"
            )
    elif not is_equity(one.symbol):
        _refuse(f"{one.symbol!r} is no share and no option series", RefusalCode.UNKNOWN_SYMBOL)


def _check_single(one: OrderLeg, request: OrderRequest) -> None:
    if one.ratio != 1:
        _refuse(f"{one.symbol}: an order of one leg has ratio 1, got {one.ratio}")
    for name in PRICES_OF[request.order_type]:
        price: Decimal = getattr(request, name)
        if name == "trail_percent":
            if not 0 < price < HUNDRED:
                _refuse(f"trail_percent is in percent, above 0 and below 100, got {plain(price)}")
            continue
        step = CENT if is_option(one.symbol) else equity_grid(price)
        if price <= 0 or price % step:
            _refuse(f"{one.symbol}: {name} is above zero in steps of {step}, got {plain(price)}")
    if request.order_type == "trailing_stop" and one.position_intent != "sell_to_close":
        _refuse(f"{one.symbol}: a trailing stop protects shares that are held, got {one.position_intent}")


def _check_several(request: OrderRequest) -> None:
    price = request.limit_price
    assert price is not None
    if not all(is_option(one.symbol) for one in request.legs):
        _refuse("all legs of an order of several legs are options")
    if len({underlying_of(one.symbol) for one in request.legs}) != 1:
        _refuse("all legs of an order share one underlying")
    if any(one.ratio < 1 for one in request.legs) or gcd(*(one.ratio for one in request.legs)) != 1:
        _refuse("ratios of legs are whole, above zero and without a common divisor")
    if price % CENT:
        _refuse(f"limit_price has two decimals, got {plain(price)}")
    sign = expected_sign(request.legs)
    if sign and price * sign <= 0:
        what = "a debit, above zero" if sign > 0 else "a credit, below zero"
        _refuse(f"limit_price of these legs is {what}, got {plain(price)}: the sign is wrong")


def _refuse(message: str, code: RefusalCode = RefusalCode.MALFORMED) -> NoReturn:
    raise BrokerRefused(code, f"not sent: {message}", status=0)
