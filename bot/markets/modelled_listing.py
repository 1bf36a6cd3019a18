"""Which series a modelled market lists: Fridays ahead, third Fridays further ahead, strikes on a fixed ladder."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from bot.domain.nyse import LAST_YEAR
from bot.domain.sessions import follows_calendar, session_on

STRIKE_END = 100_000_000
"""Thousandths of a dollar that no symbol of a series can hold."""


@follows_calendar(maxsize=8192)
def expiries(today: date, dte_min: int, dte_max: int, weekly_days: int, monthly_days: int) -> tuple[date, ...]:
    """List the expiries between two distances in days, soonest first; a closed Friday's series ends the session before.

    >>> expiries(date(2027, 3, 1), 0, 60, 14, 60)
    (datetime.date(2027, 3, 5), datetime.date(2027, 3, 12), datetime.date(2027, 3, 19), datetime.date(2027, 4, 16))
    """
    found = []
    first = today + timedelta(days=max(0, dte_min))
    friday = first + timedelta(days=(4 - first.weekday()) % 7)
    while (friday - today).days <= dte_max + 4 and friday.year <= LAST_YEAR:
        expiry = ending(friday)
        ahead = (friday - today).days
        listed = ahead <= weekly_days or (ahead <= monthly_days and third_friday(friday))
        if listed and expiry is not None and dte_min <= (expiry - today).days <= dte_max and expiry >= today:
            found.append(expiry)
        friday += timedelta(days=7)
    return tuple(found)


def ending(friday: date) -> date | None:
    """Give the session a Friday's series ends with: that day, else one of the two before, else None."""
    for back in range(3):
        day = friday - timedelta(days=back)
        if session_on(day) is not None:
            return day
    return None


def third_friday(friday: date) -> bool:
    """Say whether a Friday is its month's third."""
    return 15 <= friday.day <= 21


def monthly(expiry: date) -> bool:
    """Say whether a series ends with a third Friday, or before one that is closed."""
    friday = expiry + timedelta(days=(4 - expiry.weekday()) % 7)
    return third_friday(friday)


def strikes_between(low: float, high: float, step: Decimal | None) -> tuple[int, ...]:
    """List the strikes between two prices in thousandths, both included, ascending.

    >>> strikes_between(23.9, 26.1, None)
    (24000, 24500, 25000, 26000)
    """
    if step is None:
        ladder = _ladder()
        return ladder[bisect_left(ladder, low * 1000) : bisect_right(ladder, high * 1000)]
    size = int(step * 1000)
    first = max(1, -int(-low * 1000 // size))
    return tuple(range(first * size, min(int(high * 1000), STRIKE_END - 1) + 1, size))


@lru_cache(maxsize=1)
def _ladder() -> tuple[int, ...]:
    return (
        *range(500, 25_000, 500),
        *range(25_000, 200_000, 1_000),
        *range(200_000, 500_000, 2_500),
        *range(500_000, 5_000_000, 5_000),
        *range(5_000_000, STRIKE_END, 25_000),
    )
