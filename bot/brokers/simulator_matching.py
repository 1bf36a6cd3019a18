"""How a resting order meets one quote: pure fill rules, every chance decided by a hash.

Far side: a purchase takes the ask and a sale the bid as soon as the limit allows. Passive: a limit at the mid or
beyond it may also be hit at its own price, with a chance per minute that grows from PASSIVE_AT_MID at the mid to
PASSIVE_AT_FAR just short of the far side. A fill takes at most the displayed size of the far side a quote (all, where
none is shown). A halted or crossed quote fills, triggers and raises nothing; a series without a bid can be bought.
A sell stop triggers at bid <= stop and fills at that same quote; a gap fills at whatever the far side is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

import msgspec

from bot.domain.facts import Fact
from bot.domain.holdings import BrokerOrder, OrderLeg, Side
from bot.domain.instruments import equity_grid
from bot.domain.market import Quote
from bot.domain.money import CENT, HUNDRED, ZERO, to_grid

PASSIVE_AT_MID = 0.02
PASSIVE_AT_FAR = 0.18


class Resting(Fact, frozen=True, kw_only=True):
    """An order at the simulated broker with what the broker alone knows.

    `reserve` is dollars held back for each unit not yet filled; `spent` the signed sum of units times price;
    `session_day` the last day a day order lives; `triggered` whether a stop has become live.
    """

    order: BrokerOrder
    sequence: int
    reserve: Decimal = ZERO
    spent: Decimal = ZERO
    session_day: date | None = None
    triggered: bool = False


class Execution(NamedTuple):
    """One leg of one fill: units, and dollars per share."""

    leg: OrderLeg
    qty: Decimal
    price: Decimal


class Meeting(NamedTuple):
    """What came of one meeting: the order's new stop state, and executions (none when nothing filled)."""

    resting: Resting
    units: Decimal = ZERO
    price: Decimal = ZERO
    executions: tuple[Execution, ...] = ()


def draw(*parts: str) -> float:
    """Give a number from 0 to 1 that depends on nothing but the parts.

    >>> draw("a", "b") == draw("a", "b"), draw("a", "b") == draw("a", "c")
    (True, False)
    """
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:8]) / 2**64


def far_side(quote: Quote, side: Side, *, locked_trades: bool = False) -> Decimal | None:
    """Give the price that trades at once, or None where the quote trades nothing on that side.

    A quote whose bid is its ask trades only where it may: by fill rules, a price without a spread is one.
    """
    price = quote.ask if side == "buy" else quote.bid
    if quote.halted or price is None or price <= 0:
        return None
    if quote.bid is not None and quote.ask is not None and quote.bid >= quote.ask:
        return price if locked_trades and quote.bid == quote.ask else None
    return price


def displayed(quote: Quote, side: Side) -> Decimal | None:
    """Give the size shown on the far side; None where the market shows none."""
    size = quote.ask_size if side == "buy" else quote.bid_size
    return None if size is None else Decimal(size)


def passive_chance(limit: Decimal, mid: Decimal, far: Decimal, buying: bool) -> float:
    """Give the chance per minute that a limit between mid and far side is hit at its own price."""
    inside = (limit - mid) if buying else (mid - limit)
    reach = (far - mid) if buying else (mid - far)
    if inside < 0 or reach <= 0:
        return 0.0
    return PASSIVE_AT_MID + (PASSIVE_AT_FAR - PASSIVE_AT_MID) * min(1.0, float(inside / reach))


def meet(resting: Resting, quotes: Mapping[str, Quote], account_id: str, *, locked_trades: bool = False) -> Meeting:
    """Let an order meet the quotes of all its legs at one moment."""
    order = resting.order
    if len(order.legs) > 1:
        return _meet_several(resting, quotes, account_id, locked_trades=locked_trades)
    leg = order.legs[0]
    quote = quotes[leg.symbol]
    far = far_side(quote, leg.side, locked_trades=locked_trades)
    if far is None:
        return Meeting(resting)
    resting = with_stop(resting, leg.side, far, quote)
    order = resting.order
    waits = order.order_type in ("stop", "stop_limit", "trailing_stop") and not resting.triggered
    price = None if waits else _single_price(order, leg.side, far, quote, account_id)
    if price is None:
        return Meeting(resting)
    units = order.qty - order.filled_qty
    size = displayed(quote, leg.side)
    units = units if size is None else min(units, size)
    if units <= 0:
        return Meeting(resting)
    return Meeting(resting, units, price, (Execution(leg, units, price),))


def with_stop(resting: Resting, side: Side, far: Decimal, quote: Quote) -> Resting:
    """Trigger a stop on the far side, or raise a trailing stop's high-water mark to a new highest bid."""
    order = resting.order
    if resting.triggered or order.order_type not in ("stop", "stop_limit", "trailing_stop"):
        return resting
    stop = order.stop_price
    if stop is not None and (far <= stop if side == "sell" else far >= stop):
        return msgspec.structs.replace(
            resting, triggered=True, order=msgspec.structs.replace(order, updated_at=quote.at)
        )
    if order.order_type != "trailing_stop" or (order.high_water_mark is not None and far <= order.high_water_mark):
        return resting
    assert order.trail_percent is not None
    raised = msgspec.structs.replace(
        order, high_water_mark=far, stop_price=trailing_stop_price(far, order.trail_percent), updated_at=quote.at
    )
    return msgspec.structs.replace(resting, order=raised)


def trailing_stop_price(high_water_mark: Decimal, trail_percent: Decimal) -> Decimal:
    """Give the stop a trail of so many percent below the mark, down to the grid.

    >>> trailing_stop_price(Decimal("40.03"), Decimal(10))
    Decimal('36.02')
    """
    price = high_water_mark * (1 - trail_percent / HUNDRED)
    return to_grid(price, equity_grid(price), up=False)


def _single_price(order: BrokerOrder, side: Side, far: Decimal, quote: Quote, account_id: str) -> Decimal | None:
    if order.order_type in ("market", "stop", "trailing_stop"):
        return far
    limit = order.limit_price
    assert limit is not None
    if far <= limit if side == "buy" else far >= limit:
        return far
    if quote.mid is None:
        return None
    chance = passive_chance(limit, quote.mid, far, side == "buy")
    return limit if chance and _minute_draw(order, quote, account_id) < chance else None


def _minute_draw(order: BrokerOrder, quote: Quote, account_id: str) -> float:
    return draw(account_id, "passive", order.broker_order_id, f"{quote.at:%Y%m%d%H%M}")


def _meet_several(resting: Resting, quotes: Mapping[str, Quote], account_id: str, *, locked_trades: bool) -> Meeting:
    order = resting.order
    net_far, net_mid = ZERO, ZERO
    units = order.qty - order.filled_qty
    fars: list[Decimal] = []
    mids: list[Decimal | None] = []
    for leg in order.legs:
        quote = quotes[leg.symbol]
        far = far_side(quote, leg.side, locked_trades=locked_trades)
        if far is None:
            return Meeting(resting)
        size = displayed(quote, leg.side)
        units = units if size is None else min(units, size // leg.ratio)
        sign = leg.ratio if leg.side == "buy" else -leg.ratio
        fars.append(far)
        mids.append(quote.mid)
        net_far += sign * far
        net_mid += sign * (quote.mid if quote.mid is not None else far)
    if units <= 0:
        return Meeting(resting)
    limit = order.limit_price
    if limit is None or net_far <= limit:
        found = tuple(Execution(leg, units * leg.ratio, far) for leg, far in zip(order.legs, fars, strict=True))
        return Meeting(resting, units, net_far, found)
    chance = passive_chance(limit, net_mid, net_far, buying=True)
    if any(mid is None for mid in mids) or _minute_draw(order, quote, account_id) >= chance:
        return Meeting(resting)
    share = (limit - net_mid) / (net_far - net_mid)
    prices = _leg_prices(order.legs, fars, [mid for mid in mids if mid is not None], share, limit)
    net = sum((_signed(leg) * price for leg, price in zip(order.legs, prices, strict=True)), ZERO)
    if net > limit:
        return Meeting(resting)
    found = tuple(Execution(leg, units * leg.ratio, price) for leg, price in zip(order.legs, prices, strict=True))
    return Meeting(resting, units, net, found)


def _signed(leg: OrderLeg) -> int:
    return leg.ratio if leg.side == "buy" else -leg.ratio


def _leg_prices(
    legs: tuple[OrderLeg, ...], fars: list[Decimal], mids: list[Decimal], share: Decimal, limit: Decimal
) -> list[Decimal]:
    """Split a net limit into leg prices in cents: each the same way from mid to far side, the rest on one leg."""
    prices = []
    for leg, far, mid in zip(legs, fars, mids, strict=True):
        rounding = ROUND_FLOOR if leg.side == "buy" else ROUND_CEILING
        prices.append(max((mid + share * (far - mid)).quantize(CENT, rounding), CENT))
    rest = limit - sum((_signed(leg) * price for leg, price in zip(legs, prices, strict=True)), ZERO)
    for row, leg in enumerate(legs):
        moved = prices[row] + rest * _signed(leg)
        if leg.ratio == 1 and moved > 0:
            prices[row] = moved
            break
    return prices
