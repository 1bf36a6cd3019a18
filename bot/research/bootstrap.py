"""How sure a statistic is: intervals from a stationary block bootstrap, seeded, without a library.

Politis and Romano (1994): a resample strings together blocks of the returns, each from a place drawn anew, of lengths
drawn from a geometric distribution, around the end back to the beginning. Blocks keep what days have to do with the
days after them. Intervals are percentiles of the resamples. The mean block is the cube root of the count (the order
of Hall, Horowitz and Jing 1995) unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import exp, isfinite, log, log1p, sqrt
from random import Random

from msgspec.structs import replace

from bot.domain.errors import BadNumber, UsageError
from bot.domain.facts import Fact
from bot.research.statistics import FLAT

LEAST = 10
"""Fewer returns than this have no interval worth a name."""

NAMES = ("annual_return", "volatility", "sharpe", "sortino", "drawdown_max")


class Interval(Fact, frozen=True, kw_only=True):
    """Where a statistic lies in the middle `level` of the resamples; None where too many of them had none."""

    name: str
    low: float | None
    high: float | None


class Intervals(Fact, frozen=True, kw_only=True):
    """Intervals of one series, with everything it takes to draw them again; `why` says why there is none."""

    level: float
    samples: int
    block: float
    seed: int
    of: tuple[Interval, ...] = ()
    why: str = ""

    def named(self, name: str) -> Interval | None:
        """Find one by the name of its statistic."""
        return next((one for one in self.of if one.name == name), None)


def blocks_of(count: int, block: float, rng: Random) -> Iterable[tuple[int, int]]:
    """Draw blocks as (start, length) that fill `count` places; a block may run over the end, on at the beginning."""
    left, shrink = count, log1p(-1 / block) if block > 1 else 0.0
    while left:
        # A geometric length by its inverse: mean `block`, one at least.
        length = 1 if not shrink else min(left, 1 + int(log(1.0 - rng.random()) / shrink))
        yield rng.randrange(count), length
        left -= length


def intervals_of(
    returns: Sequence[float], periods_per_year: float, rate: float = 0.0, rates: Sequence[float] = (), *,
    seed: int = 1, samples: int = 1000, level: float = 0.9, block: float | None = None,
) -> Intervals:  # fmt: skip
    """Give an interval for each statistic of NAMES, the conventions of `statistics`; the same seed gives the same.

    A period keeps its own rate of cash when it is drawn. Raises BadNumber for returns or rates that are not finite,
    UsageError for numbers of resamples, levels or blocks that make no sense.
    """
    if not all(isfinite(one) for one in (*returns, *rates)) or (rates and len(rates) != len(returns)):
        raise BadNumber("returns and rates of cash: expected finite numbers, as many of both")
    if samples < 100 or not 0 < level < 1 or (block is not None and not 1 <= block <= max(len(returns), 1)):
        raise UsageError("bootstrap: expected 100 resamples or more, a level between 0 and 1, a block within the data")
    count = len(returns)
    mean_block = block or max(1.0, float(round(count ** (1 / 3))))
    told = Intervals(level=level, samples=samples, block=mean_block, seed=seed)
    if count < LEAST:
        return replace(told, why=f"{count} returns: {LEAST} are the least")
    free = (1 + rate) ** (1 / periods_per_year) - 1
    twice = [*returns, *returns]
    excess = [one - cash for one, cash in zip(returns, rates or (free,) * count, strict=True)] * 2
    rng, drawn = Random(seed), {name: list[float]() for name in NAMES}
    for _ in range(samples):
        sample, over = list[float](), list[float]()
        for start, length in blocks_of(count, mean_block, rng):
            sample += twice[start : start + length]
            over += excess[start : start + length]
        for name, value in _figures(sample, over, periods_per_year):
            drawn[name].append(value)
    return replace(told, of=tuple(_interval(name, drawn[name], samples, level) for name in NAMES))


def _figures(returns: list[float], excess: list[float], yearly: float) -> Iterable[tuple[str, float]]:
    count, root = len(returns), sqrt(yearly)
    navs = list(accumulate(returns, lambda nav, one: nav * (1 + one), initial=1.0))
    peaks = accumulate(navs, max)
    yield "annual_return", exp(log(navs[-1]) * yearly / count) - 1 if navs[-1] > 0 else -1.0
    yield "volatility", _spread(returns) * root
    yield "drawdown_max", max([1 - nav / peak for nav, peak in zip(navs, peaks, strict=True)])
    middle, spread = sum(excess) / count, _spread(excess)
    below = sqrt(sum([one * one for one in excess if one < 0]) / count)
    if spread > FLAT:
        yield "sharpe", middle / spread * root
    if below > FLAT:
        yield "sortino", middle / below * root


def _spread(values: list[float]) -> float:
    middle = sum(values) / len(values)
    return sqrt(sum([(one - middle) ** 2 for one in values]) / (len(values) - 1))


def _interval(name: str, drawn: list[float], samples: int, level: float) -> Interval:
    if len(drawn) < samples * 0.9:
        return Interval(name=name, low=None, high=None)
    drawn.sort()
    return Interval(name=name, low=quantile(drawn, (1 - level) / 2), high=quantile(drawn, (1 + level) / 2))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Give a quantile of rising values, straight between neighbours (Hyndman and Fan's type 7).

    >>> quantile([1.0, 2.0, 4.0], 0.75)
    3.0
    """
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
