"""What a Sharpe ratio is worth after everything that was tried: probabilistic and deflated, and looks at a holdout.

All Sharpe ratios here are of one period (not annualised), kurtosis is 3 for a normal distribution.

- Probabilistic Sharpe ratio (Bailey and Lopez de Prado 2012, "The Sharpe Ratio Efficient Frontier"): the chance that
  the true one is above a threshold, Z((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)).
- Deflated Sharpe ratio (the same, 2014, "The Deflated Sharpe Ratio"): the threshold is the best Sharpe ratio that
  N trials without any skill would show, sqrt(V) ((1 - g) Z^-1(1 - 1/N) + g Z^-1(1 - 1/(N e))), V the variance of the
  trials' Sharpe ratios, g the Euler-Mascheroni constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import e, isfinite, sqrt
from statistics import NormalDist

from bot.domain.errors import BadNumber, UsageError
from bot.domain.facts import Fact
from bot.research.statistics import Statistics, mean

EULER = 0.5772156649015329
_NORMAL = NormalDist()


class Deflated(Fact, frozen=True, kw_only=True):
    """A Sharpe ratio in the light of the trials against the same data; `undefined` says why there is no figure.

    `sharpe` and `threshold` are annual; `chance` is the deflated Sharpe ratio, from 0 to 1: the chance of true skill
    above what the luck of so many trials gives. `alone` is the probabilistic one, as if nothing else had been tried.
    """

    trials: int
    sharpe: float | None = None
    threshold: float | None = None
    alone: float | None = None
    chance: float | None = None
    undefined: str = ""
    aside: str = ""
    """What of the data is kept aside and how often it was looked at, where some is."""


def probabilistic_sharpe(
    sharpe: float, count: int, skew: float = 0.0, kurtosis: float = 3.0, threshold: float = 0.0
) -> float:
    """Give the chance that the true Sharpe ratio of a period is above a threshold.

    Bailey and Lopez de Prado's fund of two years: 0.458 a month, skew -2.448, kurtosis 10.164.

    >>> round(probabilistic_sharpe(0.458, 24, -2.448, 10.164), 3)
    0.913
    """
    if not all(isfinite(one) for one in (sharpe, skew, kurtosis, threshold)):
        raise BadNumber("a Sharpe ratio, its threshold and its moments: expected finite numbers")
    if count < 2:
        raise UsageError(f"a probabilistic Sharpe ratio wants 2 periods or more, got {count}")
    spread = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if spread <= 0:
        raise BadNumber(f"skew {skew} and kurtosis {kurtosis} belong to no distribution (1 + skew^2 is the least)")
    return _NORMAL.cdf((sharpe - threshold) * sqrt(count - 1) / sqrt(spread))


def best_by_luck(trials: int, variance: float) -> float:
    """Give the best Sharpe ratio of a period that so many trials without skill are expected to show.

    >>> round(best_by_luck(100, 0.5 / 250), 4)
    0.1132
    """
    if trials < 1 or not (isfinite(variance) and variance >= 0):
        raise UsageError(f"expected one trial or more and a variance of 0 or more, got {trials} and {variance}")
    if trials == 1:
        return 0.0
    high, higher = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance) * ((1 - EULER) * high + EULER * higher)


def deflated_sharpe(sharpe: float, count: int, skew: float, kurtosis: float, trials: int, variance: float) -> float:
    """Give the deflated Sharpe ratio: the chance of skill above the luck of all trials.

    The paper's example: 2.5 a year over 1250 days of 250 a year, the best of 100 trials of variance 1/2 a year.

    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, -3, 10, 100, 0.5 / 250), 4)
    0.9004
    """
    return probabilistic_sharpe(sharpe, count, skew, kurtosis, best_by_luck(trials, variance))


def deflated(one: Statistics, sharpes: Sequence[float], trials: int = 0) -> Deflated:
    """Set a run against the Sharpe ratios (of a period) of all trials on the same data, its own among them.

    `trials` counts those without one too. Two that have one are the least that tell a variance; with fewer nothing is
    known of the spread of trials, and no figure is given where more than one was tried.
    """
    count = max(len(sharpes), trials, 1)
    if one.sharpe is None or one.skew is None or one.kurtosis is None:
        return Deflated(trials=count, undefined=dict(one.undefined).get("sharpe", "the returns do not differ"))
    if count > 1 and len(sharpes) < 2:
        return Deflated(trials=count, undefined="fewer than two trials have a Sharpe ratio")
    root = sqrt(one.periods_per_year)
    sharpe, variance = one.sharpe / root, variance_of(sharpes) if count > 1 else 0.0
    threshold = best_by_luck(count, variance)
    return Deflated(
        trials=count, sharpe=one.sharpe, threshold=threshold * root,
        alone=probabilistic_sharpe(sharpe, one.periods, one.skew, one.kurtosis),
        chance=probabilistic_sharpe(sharpe, one.periods, one.skew, one.kurtosis, threshold),
    )  # fmt: skip


def variance_of(values: Sequence[float]) -> float:
    """Give the sample variance of two values or more; raises BadNumber for one that is not finite."""
    if not all(isfinite(one) for one in values):
        raise BadNumber("Sharpe ratios of trials: expected finite numbers")
    middle = mean(values)
    return sum((one - middle) ** 2 for one in values) / (len(values) - 1)
