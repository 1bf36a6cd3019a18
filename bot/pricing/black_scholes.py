"""Black-Scholes-Merton prices, greeks and implied volatility with the standard library alone.

European exercise, continuous rate and dividend yield. Black-76 is the same arithmetic: hand in the forward
as `spot` and the rate as `dividend_yield`. The chain functions price all strikes of one expiry at once and
hoist what the expiry shares out of the loop; they give what the single functions give.

Units everywhere: prices per share, `years` as in wheel.md 2.1, volatility, rate and yield as fractions a year
(0.20 is 20 %). Formulas: Haug, The Complete Guide to Option Pricing Formulas, 2nd ed., 1.1 and 2.1 to 2.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, inf, log, pi, sqrt
from typing import NamedTuple

from bot.domain.instruments import Right

VOLATILITY_MAX = 20.0  # 2,000 % a year: above it a price says nothing about volatility
_ROOT_HALF = sqrt(0.5)
_ROOT_TWO_PI = sqrt(2 * pi)
_STEPS_MAX = 100
_DEVIATION_MIN = 1e-12  # less than this over the whole life is no uncertainty at all
_NOISE = 1e-14  # of the larger of forward and strike: extrinsic value below it is rounding


class Greeks(NamedTuple):
    """Price per share and its derivatives, per unit long.

    `delta` and `gamma` per 1.00 of spot, `vega` per 1.00 of volatility (one point is a hundredth of it),
    `theta` per year that passes, `rho` per 1.00 of rate.
    """

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


def price(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> float:
    """Price one European option.

    >>> round(price("call", 42, 40, 0.5, 0.20, 0.10), 2), round(price("put", 42, 40, 0.5, 0.20, 0.10), 2)
    (4.76, 0.81)
    """
    return price_and_delta(right, spot, strike, years, volatility, rate, dividend_yield)[0]


def price_and_delta(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> tuple[float, float]:
    """Give price and delta of one option."""
    prices, deltas = price_and_delta_chain(right, spot, (strike,), years, (volatility,), rate, dividend_yield)
    return prices[0], deltas[0]


def greeks(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Greeks:
    """Give price and greeks of one option."""
    return price_chain(right, spot, (strike,), years, (volatility,), rate, dividend_yield)[0]


def implied_volatility(
    right: Right,
    price: float,
    spot: float,
    strike: float,
    years: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> float | None:
    """Find the volatility that explains a price.

    None when no volatility up to VOLATILITY_MAX does: the price lies at or outside its no-arbitrage bounds,
    no time is left, or an input is not a positive number.

    >>> round(implied_volatility("call", 4.7594, 42, 40, 0.5, 0.10), 4)
    0.2
    """
    if not (0 < spot < inf and 0 < strike < inf and 0 < years < inf):
        return None
    return implied_chain(right, (price,), spot, (strike,), years, rate, dividend_yield)[0]


def price_and_delta_chain(
    right: Right,
    spot: float,
    strikes: Sequence[float],
    years: float,
    volatilities: Sequence[float],
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> tuple[list[float], list[float]]:
    """Give prices and deltas of all strikes of one expiry, in their order."""
    _check(spot, strikes, years, volatilities)
    sign = 1.0 if right == "call" else -1.0
    root, held, paid = sqrt(years), exp(-dividend_yield * years), exp(-rate * years)
    forward_log = log(spot) + (rate - dividend_yield) * years
    flip, half_held, half_spot, half_paid = (
        -sign * _ROOT_HALF,
        sign * 0.5 * held,
        sign * 0.5 * spot * held,
        sign * 0.5 * paid,
    )
    prices, deltas = [], []
    for strike, volatility in zip(strikes, volatilities, strict=True):
        deviation = volatility * root
        if deviation < _DEVIATION_MIN:
            certain = _certain(sign, spot, strike, years, rate, dividend_yield)
            prices.append(certain.price)
            deltas.append(certain.delta)
            continue
        d1 = (forward_log - log(strike)) / deviation + 0.5 * deviation
        near = erfc(flip * d1)
        prices.append(half_spot * near - half_paid * strike * erfc(flip * (d1 - deviation)))
        deltas.append(half_held * near)
    return prices, deltas


def price_chain(
    right: Right,
    spot: float,
    strikes: Sequence[float],
    years: float,
    volatilities: Sequence[float],
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> list[Greeks]:
    """Give price and greeks of all strikes of one expiry, in their order."""
    _check(spot, strikes, years, volatilities)
    sign = 1.0 if right == "call" else -1.0
    root, held, paid = sqrt(years), exp(-dividend_yield * years), exp(-rate * years)
    forward_log = log(spot) + (rate - dividend_yield) * years
    flip, half_held, half_paid = -sign * _ROOT_HALF, sign * 0.5 * held, sign * 0.5 * paid
    density, area = held / _ROOT_TWO_PI, spot * spot
    found = []
    for strike, volatility in zip(strikes, volatilities, strict=True):
        deviation = volatility * root
        if deviation < _DEVIATION_MIN:
            found.append(_certain(sign, spot, strike, years, rate, dividend_yield))
            continue
        d1 = (forward_log - log(strike)) / deviation + 0.5 * deviation
        delta = half_held * erfc(flip * d1)
        owed = half_paid * strike * erfc(flip * (d1 - deviation))
        worth = spot * delta
        gamma = density * exp(-0.5 * d1 * d1) / (spot * deviation)
        bend = area * gamma * volatility
        theta = -bend * volatility * 0.5 - rate * owed + dividend_yield * worth
        found.append(Greeks(worth - owed, delta, gamma, bend * years, theta, owed * years))
    return found


def implied_chain(
    right: Right,
    prices: Sequence[float],
    spot: float,
    strikes: Sequence[float],
    years: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> list[float | None]:
    """Find the volatilities behind the prices of one expiry, in their order; None as in `implied_volatility`.

    Each strike starts from its neighbour's answer: volatility changes little from one strike to the next.
    """
    _check(spot, strikes, years, ())
    if years <= 0.0:
        return [None] * len(strikes)
    sign = 1.0 if right == "call" else -1.0
    root, growth = sqrt(years), exp(rate * years)
    forward_log = log(spot) + (rate - dividend_yield) * years
    forward = exp(forward_log)
    most = VOLATILITY_MAX * root
    guess = 0.0
    found: list[float | None] = []
    for price, strike in zip(prices, strikes, strict=True):
        parity = sign * (forward - strike)
        extrinsic = price * growth - (parity if parity > 0.0 else 0.0)
        noise = _NOISE * (forward if forward > strike else strike)
        if not noise < extrinsic < (strike if strike < forward else forward) - noise:
            found.append(None)
            continue
        moneyness = -abs(forward_log - log(strike))
        deviation = _deviation(moneyness, extrinsic / sqrt(forward * strike), guess)
        if deviation > most:
            found.append(None)
            continue
        guess = deviation
        found.append(deviation / root)
    return found


def _deviation(moneyness: float, target: float, guess: float) -> float:
    """Solve the out-of-the-money option for its total deviation (volatility times root of years).

    Price over the root of forward times strike: b(s) = e^(x/2) N(x/s + s/2) - e^(-x/2) N(x/s - s/2), with
    x = `moneyness` <= 0 the log of forward over strike (Jaeckel, By Implication, 2006). Halley's method on the
    logarithm of b, which is nearly straight where b itself is flat; a bracket catches any step that leaves it.
    """
    near, far = 0.5 * exp(0.5 * moneyness), 0.5 * exp(-0.5 * moneyness)
    slope_scale, target_log = 2.0 * near / _ROOT_TWO_PI, log(target)
    point = guess if guess > 0.0 else max(sqrt(-2.0 * moneyness), target * _ROOT_TWO_PI)
    low, high = 0.0, inf
    for _ in range(_STEPS_MAX):
        ratio, half = moneyness / point, 0.5 * point
        d1 = ratio + half
        value = near * erfc(-_ROOT_HALF * d1) - far * erfc(-_ROOT_HALF * (ratio - half))
        slope = slope_scale * exp(-0.5 * d1 * d1)
        if value > 0.0 and slope > 0.0:
            miss = log(value) - target_log
            if miss > 0.0:
                high = point
            else:
                low = point
            newton = -miss * value / slope
            bend = d1 * (ratio - half) / point - slope / value
            damping = 1.0 + 0.5 * newton * bend
            step = newton / damping if damping > 0.5 else newton
        else:  # so small that the price vanishes: only larger can be right
            low, step = point, inf
        following = point + step
        if abs(step) <= 1e-7 * point:  # cubic convergence: the next step would be below rounding
            return following
        if not low < following < high:
            following = 0.5 * (low + high) if high < inf else 2.0 * point
        point = following
    return point


def _certain(sign: float, spot: float, strike: float, years: float, rate: float, dividend_yield: float) -> Greeks:
    """Give the option whose end is known (no volatility or no time): the discounted difference, or nothing."""
    worth, owed = sign * spot * exp(-dividend_yield * years), sign * strike * exp(-rate * years)
    if worth > owed:
        theta = dividend_yield * worth - rate * owed
        return Greeks(worth - owed, sign * exp(-dividend_yield * years), 0.0, 0.0, theta, owed * years)
    share = 0.5 if worth == owed else 0.0
    return Greeks(0.0, sign * share * exp(-dividend_yield * years), 0.0, 0.0, 0.0, 0.0)


def _check(spot: float, strikes: Sequence[float], years: float, volatilities: Sequence[float]) -> None:
    assert 0.0 < spot < inf, f"spot must be a finite price above zero, got {spot}"
    assert 0.0 <= years < inf, f"years must be zero or more, got {years}"
    assert min(strikes, default=1.0) > 0.0, f"strikes must be above zero, got {min(strikes)}"
    assert min(volatilities, default=0.0) >= 0.0, f"volatility must be zero or more, got {min(volatilities)}"
