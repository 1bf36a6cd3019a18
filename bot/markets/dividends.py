"""Expected ex-dates, projected from past payments (wheel 1.9).

A projection is give or take five days and is treated as a date. It never replaces what is declared: it begins one
period after the last ex-date known.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from bot.domain.market import Dividend
from bot.domain.money import ZERO

PERIODS_AHEAD = 2
GIVE = timedelta(days=5)
"""How far a payment may come from its projection; an overdue one stays expected this long."""
SILENCE = timedelta(days=21)
"""How far beyond its period a payment must have failed to come before that period is ruled out."""
EXTRA_DAYS = 20
"""A payment sooner than this after another is an extra one."""
_WINDOWS = ((23, 38, 1), (80, 102, 3), (165, 200, 6), (330, 400, 12))
"""Days between two payments, from and to, and the months they stand for."""


class Payment(NamedTuple):
    """A cash dividend paid or declared: dollars per share. A special one says nothing about the next."""

    ex_date: date
    amount: Decimal
    special: bool = False


class Period(NamedTuple):
    """The time from one regular payment to the next: whole months, or days where no number of months fits."""

    months: int = 0
    days: int = 0


def period_of(days: Sequence[date], today: date) -> Period | None:
    """Give the period of regular ex-dates in order, or None where it cannot be told.

    It is the middle one of the gaps between them, so that one missing payment changes nothing. A single payment
    tells its period only when every shorter one is ruled out: after half a year of silence it is a yearly one.

    >>> period_of([date(2026, month, 20) for month in (3, 6, 9)], date(2026, 11, 2))
    Period(months=3, days=0)
    """
    if len(days) < 2:
        alone = days and today - days[0] > timedelta(days=_WINDOWS[2][1]) + SILENCE
        return Period(months=12) if alone else None
    middle = _middle(_gaps(days))
    for least, most, months in _WINDOWS:
        if least <= middle <= most:
            return Period(months=months)
    return Period(days=middle)


def regular_days(payments: Iterable[Payment]) -> list[date]:
    """Give the ex-dates that tell of the next one, oldest first.

    Special ones do not, nor one that comes within 20 days of another (funds pay a second time in December), unless
    that is how often it pays.
    """
    days = sorted({one.ex_date for one in payments if not one.special})
    gaps = _gaps(days)
    if not gaps or _middle(gaps) < EXTRA_DAYS:
        return days
    kept = days[:1]
    for day in days[1:]:
        if (day - kept[-1]).days >= EXTRA_DAYS:
            kept.append(day)
    return kept


def _gaps(days: Sequence[date]) -> list[int]:
    return [(later - day).days for day, later in pairwise(days)]


def _middle(gaps: list[int]) -> int:
    """Give the middle one; of two the longer: an extra payment makes a gap short, nothing makes all of them long."""
    return sorted(gaps)[len(gaps) // 2]


def expected_dividends(
    symbol: str, payments: Iterable[Payment], today: date, count: int = PERIODS_AHEAD
) -> tuple[Dividend, ...]:
    """Project the next `count` ex-dates beyond the last one known, at the last regular amount, oldest first.

    Nothing where no period can be told. One overdue by up to five days stays expected.

    >>> paid = [Payment(date(2026, month, 20), Decimal("0.1")) for month in (3, 6, 9)]
    >>> [str(one.ex_date) for one in expected_dividends("XLF", paid, date(2026, 11, 2))]
    ['2026-12-20', '2027-03-20']
    """
    known = list(payments)
    days = regular_days(known)
    period = period_of(days, today)
    if period is None:
        return ()
    regular = [one for one in known if not one.special]
    last, newest = days[-1], max(one.ex_date for one in regular)
    amount = sum((one.amount for one in regular if one.ex_date == last), ZERO)
    found: list[Dividend] = []
    number = 0
    while len(found) < count:
        number += 1
        day = _later(last, period, number)
        if day >= today - GIVE and day > newest:
            found.append(Dividend(symbol=symbol, ex_date=day, amount=amount, expected=True))
    return tuple(found)


def _later(day: date, period: Period, number: int) -> date:
    """Give the day `number` periods later; the 31st becomes the last of a shorter month."""
    if not period.months:
        return day + timedelta(days=period.days * number)
    years, month = divmod(day.month - 1 + period.months * number, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
