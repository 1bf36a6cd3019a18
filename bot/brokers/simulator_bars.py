"""How orders in shares meet bars, where nothing is known between a bar's four prices. Pure.

When: a second after a bar's start its open, a second before its end the rest of it. An order sent while a bar was under
way meets the close of that bar alone: its extremes may have come before. What was decided at a bar's end meets the next
open at the earliest.

Where: always the far side, half the spread from the price. The open is a jump: market orders, limits it is better than
and stops it is beyond fill at the open, as a gap does. Between two of the prices everything in between traded: a limit
fills at itself once the price has gone through it (a touch is no fill), a stop is triggered by a touch and fills at
itself, never at the extreme.

The path: open, two extremes, close. Where the rules say `worse`, each order has its own: a trailing stop meets the low
first where the low takes it as it stands (that is the lower price), else the high that lifts it into the low's way; a
stop with a limit what leaves it less way back to its limit; limits and plain stops fill the same either way.
Where trailing stops do not rise inside a bar they rise to its high when it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import Protocol

import msgspec

from bot.brokers.simulator_matching import Execution, Meeting, Resting, trailing_stop_price
from bot.domain.fills import FillRules, PathBar
from bot.domain.holdings import BrokerOrder
from bot.domain.money import ZERO

A_SECOND = timedelta(seconds=1)
FINEST = Decimal("0.000001")
"""Prices beside the spread are rounded to this, against the order."""
STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})


class BarMarket(Protocol):
    """A market whose path is made of bars."""

    def path_bars(self, symbol: str, after: datetime, until: datetime) -> Iterator[PathBar]:
        """Give a symbol's bars that end after `after` and start before `until`, oldest first."""
        ...


def opening_of(bar: PathBar) -> datetime:
    """Give the moment at which orders meet the open."""
    return bar.at + A_SECOND


def ending_of(bar: PathBar) -> datetime:
    """Give the moment at which orders meet the rest of a bar."""
    return max(bar.end - A_SECOND, bar.at + A_SECOND)


def room_in(bar: PathBar, rules: FillRules, taken: Decimal) -> Decimal | None:
    """Give the whole shares that orders may still take of a bar after `taken`; None is without limit.

    >>> moment = datetime(2026, 11, 18, 15)
    >>> bar = PathBar(moment, moment, Decimal(9), Decimal(9), Decimal(9), Decimal(9), Decimal(1_005))
    >>> room_in(bar, FillRules(), Decimal(40))
    Decimal('60')
    """
    if bar.volume is None or rules.volume_share is None:
        return None
    return max((bar.volume * rules.volume_share).to_integral_value(ROUND_FLOOR) - taken, ZERO)


def meet_open(resting: Resting, bar: PathBar, rules: FillRules, room: Decimal | None) -> Meeting:
    """Let an order meet the open of a bar."""
    return _jump(resting, bar.open, opening_of(bar), rules, room, raises=rules.trail_inside_bar)


def meet_rest(resting: Resting, bar: PathBar, rules: FillRules, room: Decimal | None) -> Meeting:
    """Let an order meet what a bar was after its open; one that was not there at the open meets the close alone."""
    at = ending_of(bar)
    if resting.order.submitted_at >= opening_of(bar):
        return _jump(resting, bar.close, at, rules, room, raises=True)
    buying = resting.order.legs[0].side == "buy"
    first, second = (bar.high, bar.low) if high_first(resting, bar, rules) else (bar.low, bar.high)
    prices = [far_of(price, rules, buying=buying) for price in (bar.open, first, second, bar.close)]
    meeting = Meeting(resting)
    for start, stop in pairwise(prices):
        meeting = _between(meeting.resting, start, stop, at, room, raises=rules.trail_inside_bar)
        if meeting.executions:
            return meeting
    if not rules.trail_inside_bar:
        return Meeting(_raised(meeting.resting, far_of(bar.high, rules, buying=buying), at))
    return meeting


def high_first(resting: Resting, bar: PathBar, rules: FillRules) -> bool:
    """Say whether an order meets a bar's high before its low."""
    if rules.path != "worse":
        return rules.path == "open_high_low_close"
    order = resting.order
    buying = order.legs[0].side == "buy"
    if order.order_type == "trailing_stop":
        stop = order.stop_price
        return stop is None or far_of(bar.low, rules, buying=buying) > stop
    return buying if order.order_type == "limit" else not buying


def far_of(price: Decimal, rules: FillRules, *, buying: bool) -> Decimal:
    """Give the far side at a price: half the spread above it for a purchase, below it for a sale.

    >>> far_of(Decimal("1.06543"), FillRules(), buying=True), far_of(Decimal(50), FillRules(), buying=False)
    (Decimal('1.065537'), Decimal('49.995000'))
    """
    if not rules.spread_fraction:
        return price
    half = price * rules.spread_fraction / 2
    if buying:
        return (price + half).quantize(FINEST, ROUND_CEILING)
    return (price - half).quantize(FINEST, ROUND_FLOOR)


def _jump(
    resting: Resting, price: Decimal, at: datetime, rules: FillRules, room: Decimal | None, *, raises: bool
) -> Meeting:
    """Meet one price that nothing led to."""
    order = resting.order
    buying = order.legs[0].side == "buy"
    far = far_of(price, rules, buying=buying)
    if _waits(resting):
        if _reaches(order, far, buying=buying):
            resting = _triggered(resting, at)
        else:
            return Meeting(_raised(resting, far, at) if raises else resting)
    limit = order.limit_price
    if limit is not None and (far > limit if buying else far < limit):
        return Meeting(resting)
    return _filled(resting, far, room)


def _between(
    resting: Resting, start: Decimal, stop: Decimal, at: datetime, room: Decimal | None, *, raises: bool
) -> Meeting:
    """Meet everything from one price to another, both on the order's far side."""
    order = resting.order
    buying = order.legs[0].side == "buy"
    limit = order.limit_price
    if _waits(resting):
        if not _reaches(order, stop, buying=buying):
            return Meeting(_raised(resting, stop, at) if raises else resting)
        assert order.stop_price is not None
        resting = _triggered(resting, at)
        start = max(start, order.stop_price) if buying else min(start, order.stop_price)
        if limit is None or (start <= limit if buying else start >= limit):
            return _filled(resting, start, room)
    if limit is None:
        return _filled(resting, start, room)
    through = min(start, stop) < limit if buying else max(start, stop) > limit
    return _filled(resting, limit, room) if through else Meeting(resting)


def _waits(resting: Resting) -> bool:
    return resting.order.order_type in STOPS and not resting.triggered


def _reaches(order: BrokerOrder, far: Decimal, *, buying: bool) -> bool:
    stop = order.stop_price
    return stop is not None and (far >= stop if buying else far <= stop)


def _triggered(resting: Resting, at: datetime) -> Resting:
    return msgspec.structs.replace(resting, triggered=True, order=msgspec.structs.replace(resting.order, updated_at=at))


def _raised(resting: Resting, far: Decimal, at: datetime) -> Resting:
    order = resting.order
    mark = order.high_water_mark
    if order.order_type != "trailing_stop" or resting.triggered or (mark is not None and far <= mark):
        return resting
    assert order.trail_percent is not None
    stop = trailing_stop_price(far, order.trail_percent)
    raised = msgspec.structs.replace(order, high_water_mark=far, stop_price=stop, updated_at=at)
    return msgspec.structs.replace(resting, order=raised)


def _filled(resting: Resting, price: Decimal, room: Decimal | None) -> Meeting:
    order = resting.order
    units = order.qty - order.filled_qty
    units = units if room is None else min(units, room)
    if units <= 0:
        return Meeting(resting)
    return Meeting(resting, units, price, (Execution(order.legs[0], units, price),))
