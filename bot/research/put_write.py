"""A put-write modelled from an index and its volatility, held against a published one: what a premium really was.

The rules are those of the Cboe PUT index (methodology of July 2014) as far as daily closes can tell: an at-the-money
put of one month sold on each third Friday, the money in bills, as many puts as the bills will cover at the expiry. A
put is Black-Scholes at `factor` times the volatility index; the factor is found on some months and judged on others.

Closes stand in for what they do not tell. Until 1992-11-19 a put is struck, sold and settled at Friday's close: options
settled in the afternoon then, and 1990-1994 by itself fits clearly better so. From 1992-11-20 on the opening quotation
is the close before, and prices of the late morning are halfway between that close and the day's own. The strike is the
listed one (steps of 5) at or below. Bills yield what the 3-month bill did at the month-end before; dividends are those
of the twelve months before, from the index with and without them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import exp, floor, fsum, log, log1p, sqrt
from random import Random
from typing import NamedTuple

from bot.domain.errors import UsageError
from bot.domain.facts import Fact
from bot.pricing.black_scholes import price
from bot.research.bootstrap import blocks_of, quantile

MORNING_SETTLED_FROM = date(1992, 11, 20)
STRIKE_STEP = 5.0
GRID = tuple([0.5 + 0.01 * n for n in range(101)])
STALE_DAYS = 7
BLOCK_MONTHS = 3.0
MONTHS_LEAST = 12
CORRELATION_LEAST, TRACKING_MOST, GAP_MOST = 0.98, 0.014, 0.01


class MonthEnd(NamedTuple):
    """One month-end: the published put-write, the index with and without dividends, the 3-month bill (0.05 is 5 %)."""

    day: date
    put_write: float
    total_return: float
    price_index: float
    bill: float


class Material(NamedTuple):
    """What a modelled put-write is made from; closes of the index and of its volatility (0.20 is 20 %) by day."""

    closes: Mapping[date, float]
    volatilities: Mapping[date, float]
    month_ends: Sequence[MonthEnd]


class Likeness(Fact, frozen=True, kw_only=True):
    """Two series of month-end levels side by side. Fractions a year; `months` returns each.

    Tracking error is the sample deviation of the difference of returns times the root of 12.
    """

    first: date
    last: date
    months: int
    correlation: float
    tracking_error: float
    compound_modelled: float
    compound_published: float

    @property
    def gap(self) -> float:
        """Give how much more the modelled one returned a year."""
        return self.compound_modelled - self.compound_published

    @property
    def good(self) -> bool:
        """Say whether correlation, tracking error and compound return all lie within the bounds of this check."""
        close = self.correlation >= CORRELATION_LEAST and self.tracking_error <= TRACKING_MOST
        return close and abs(self.gap) <= GAP_MOST


class PutWrite(Fact, frozen=True, kw_only=True):
    """The premium factor with its interval, how it did where it was found, and where it was not.

    `unscaled` is the test with the volatility index taken as it is, factor 1.
    """

    factor: float
    low: float
    high: float
    level: float
    samples: int
    seed: int
    fit: Likeness
    test: Likeness
    unscaled: Likeness


def put_write(
    material: Material, fit: tuple[int, int], test: tuple[int, int], *, seed: int = 1, samples: int = 1000,
    level: float = 0.9,
) -> PutWrite:  # fmt: skip
    """Find the premium factor on the years of `fit` alone (least squares of monthly returns) and judge it on `test`.

    The interval is of a stationary bootstrap over the months of `fit`. Raises UsageError where the material is short.
    """
    published = {one.day: one.put_write for one in material.month_ends}
    found, judged = _span(material, fit), _span(material, test)
    theirs = returns_of(published, found)
    ours = [returns_of(levels(material, factor, found[-1]), found) for factor in GRID]
    misses = [[(one - other) ** 2 for one, other in zip(row, theirs, strict=True)] for row in ours]
    factor = _least(misses, None)
    if not GRID[0] < factor < GRID[-1]:
        raise UsageError(
            f"no premium factor from {GRID[0]:g} to {GRID[-1]:g} fits: is the volatility in percent a year?"
        )
    rng, drawn = Random(seed), []
    for _ in range(samples):
        weights = [0] * len(theirs)
        for start, length in blocks_of(len(theirs), BLOCK_MONTHS, rng):
            for n in range(length):
                weights[(start + n) % len(weights)] += 1
        drawn.append(_least(misses, weights))
    drawn.sort()
    whole, plain = levels(material, factor, judged[-1]), levels(material, 1.0, judged[-1])
    return PutWrite(
        factor=factor, low=quantile(drawn, (1 - level) / 2), high=quantile(drawn, (1 + level) / 2), level=level,
        samples=samples, seed=seed, fit=likeness(whole, published, found), test=likeness(whole, published, judged),
        unscaled=likeness(plain, published, judged),
    )  # fmt: skip


def levels(material: Material, factor: float, until: date) -> dict[date, float]:
    """Give the modelled put-write's month-end levels up to a day, from the first roll on; 100 is what it begins with.

    Raises UsageError where a close, a volatility or a year of month-ends before is missing.
    """
    book = _Book(material)
    rolls = _rolls(book.days[0], until)
    ends = [one.day for one in material.month_ends if rolls[0] < one.day <= until]
    cash, puts, strike, rate, paid = 100.0, 0.0, 0.0, 0.0, 0.0
    sold_on, expiry = rolls[0], rolls[0]
    found: dict[date, float] = {}
    for day, kind in sorted([(day, "roll") for day in rolls[:-1]] + [(day, "end") for day in ends]):
        grown = cash * (1 + rate) ** ((day - sold_on).days / 365)
        if kind == "end":
            years = max((expiry - day).days, 0) / 365
            volatility = factor * book.volatility(day)
            found[day] = grown - puts * price("put", book.close(day), strike, years, volatility, log1p(rate), paid)
            continue
        traded = book.traded(day)
        before, close = book.close(traded - timedelta(days=1)), book.close(traded)
        morning = traded >= MORNING_SETTLED_FROM
        cash = grown - puts * max(strike - (before if morning else close), 0.0)
        spot = (before + close) / 2 if morning else close
        volatility = book.volatility(traded)
        if morning:
            volatility = (volatility + book.volatility(traded - timedelta(days=1))) / 2
        strike = floor(spot / STRIKE_STEP + 1e-9) * STRIKE_STEP
        sold_on, expiry = day, rolls[rolls.index(day) + 1]
        rate, paid = book.bill(day), book.dividend_yield(day)
        years = (expiry - day).days / 365
        premium = price("put", spot, strike, years, factor * volatility, log1p(rate), paid)
        puts = cash / (strike / (1 + rate) ** years - premium)
        cash += puts * premium
    return found


def likeness(modelled: Mapping[date, float], published: Mapping[date, float], days: Sequence[date]) -> Likeness:
    """Hold two series of levels side by side on the days given."""
    ours, theirs = returns_of(modelled, days), returns_of(published, days)
    count = len(ours)
    apart = [one - other for one, other in zip(ours, theirs, strict=True)]
    return Likeness(
        first=days[0],
        last=days[-1],
        months=count,
        correlation=_covariance(ours, theirs) / sqrt(_covariance(ours, ours) * _covariance(theirs, theirs)),
        tracking_error=sqrt(12 * _covariance(apart, apart)),
        compound_modelled=exp(fsum(map(log1p, ours)) * 12 / count) - 1,
        compound_published=exp(fsum(map(log1p, theirs)) * 12 / count) - 1,
    )


def returns_of(known: Mapping[date, float], days: Sequence[date]) -> list[float]:
    """Give the simple returns from each day to the next."""
    return [known[after] / known[before] - 1 for before, after in pairwise(days)]


class _Book:
    """The material by day, as known at the end of a day."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self.days = sorted(material.closes)
        self._quoted = sorted(material.volatilities)
        self._ends = [one.day for one in material.month_ends]
        if not self.days or not self._quoted or not self._ends:
            raise UsageError("a put-write needs closes of an index, of its volatility, and month-ends: one is empty")

    def traded(self, day: date) -> date:
        """Give the last day with a close, that day or before."""
        return _last(self.days, day, "close of the index")

    def close(self, day: date) -> float:
        return self._material.closes[self.traded(day)]

    def volatility(self, day: date) -> float:
        return self._material.volatilities[_last(self._quoted, day, "close of the volatility index")]

    def bill(self, day: date) -> float:
        return self._before(day, 1).bill

    def dividend_yield(self, day: date) -> float:
        old, new = self._before(day, 13), self._before(day, 1)
        return log(new.total_return / old.total_return) - log(new.price_index / old.price_index)

    def _before(self, day: date, count: int) -> MonthEnd:
        row = bisect_left(self._ends, day) - count
        if row < 0:
            raise UsageError(f"{count} month-ends are needed before {day}, the file begins at {self._ends[0]}")
        return self._material.month_ends[row]


def _last(days: Sequence[date], day: date, what: str) -> date:
    row = bisect_right(days, day)
    if not row or (day - days[row - 1]).days > STALE_DAYS:
        raise UsageError(
            f"no {what} in the {STALE_DAYS} days up to {day}: the files have a hole there or are too short"
        )
    return days[row - 1]


def _rolls(first: date, until: date) -> list[date]:
    """List the third Fridays from a day on, and one after `until`."""
    found: list[date] = []
    year, month = first.year, first.month
    while not found or found[-1] <= until:
        day = date(year, month, 15)
        friday = day + timedelta(days=(4 - day.weekday()) % 7)
        if friday > first:
            found.append(friday)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def _span(material: Material, years: tuple[int, int]) -> list[date]:
    """List the month-ends of some years with the one before them, where the modelled series has begun by then."""
    start = min(material.closes, default=date.max) + timedelta(days=28)
    days = [one.day for one in material.month_ends if one.day >= start]
    inside = [day for day in days if years[0] <= day.year <= years[1]]
    base = [day for day in days if day.year < years[0]][-1:]
    found = [*base, *inside]
    if len(found) <= MONTHS_LEAST or not inside or inside[-1].year != years[1]:
        raise UsageError(
            f"{years[0]}-{years[1]}: the files give {max(0, len(found) - 1)} months of it; {MONTHS_LEAST} at least are "
            "needed, and some of its last year"
        )
    return found


def _least(misses: Sequence[Sequence[float]], weights: Sequence[int] | None) -> float:
    """Give the factor of the least weighted sum of squares: the lowest place of the grid, and a parabola through it."""
    sums = [
        fsum(row) if weights is None else fsum([miss * weight for miss, weight in zip(row, weights, strict=True)])
        for row in misses
    ]
    row = min(range(len(sums)), key=sums.__getitem__)
    if not 0 < row < len(sums) - 1:
        return GRID[row]
    left, middle, right = sums[row - 1 : row + 2]
    bend = left - 2 * middle + right
    return GRID[row] + (0.0 if bend <= 0 else 0.01 * 0.5 * (left - right) / bend)


def _covariance(one: Sequence[float], other: Sequence[float]) -> float:
    first, second = fsum(one) / len(one), fsum(other) / len(other)
    return fsum([(a - first) * (b - second) for a, b in zip(one, other, strict=True)]) / (len(one) - 1)
