"""American exercise: a tree for the true price, and a closed approximation that is quick enough for whole chains.

Units as in `black_scholes`. Rates and yields are zero or more: below zero the early exercise region has two edges, and
neither method here knows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, expm1, inf, log, pi, sqrt
from typing import NamedTuple

from bot.domain.instruments import Right
from bot.pricing.black_scholes import price as european
from bot.pricing.black_scholes import price_and_delta

_ROOT_HALF = sqrt(0.5)
_ROOT_TWO_PI = sqrt(2 * pi)
_DEVIATION_MIN = 1e-9
_BETA_MIN = 1e-9
_BUMP = 1e-4  # of the price, each way, for a delta


def binomial(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
    steps: int = 501,
) -> float:
    """Price one American option on a Leisen-Reimer tree of an odd number of steps.

    With 501 steps within 1.2e-4 of the larger of spot and strike, where volatility times root of years is 1.2 or
    less; the time it takes grows with the square of the steps.
    Formula: Leisen and Reimer, Binomial Models for Option Valuation (1996), Peizer-Pratt inversion 2.

    >>> round(binomial("put", 50, 50, 5 / 12, 0.40, 0.10), 2)
    4.28
    """
    _check(spot, strike, years, volatility, rate, dividend_yield)
    assert steps % 2 == 1, f"an odd number of steps is needed, got {steps}"
    sign = 1.0 if right == "call" else -1.0
    deviation = volatility * sqrt(years)
    if deviation < _DEVIATION_MIN:
        return _certain(right, spot, strike, years, rate, dividend_yield)
    d1 = (log(spot / strike) + (rate - dividend_yield) * years) / deviation + 0.5 * deviation
    step = years / steps
    growth, paid = exp((rate - dividend_yield) * step), exp(-rate * step)
    up_chance, share = _peizer_pratt(d1 - deviation, steps), _peizer_pratt(d1, steps)
    if not 0.0 < up_chance < 1.0:  # so far from the strike that the tree has one side only
        return max(european(right, spot, strike, years, volatility, rate, dividend_yield), sign * (spot - strike), 0.0)
    up = growth * share / up_chance
    down = (growth - up_chance * up) / (1.0 - up_chance)
    ratio = up / down
    end = spot * down**steps
    prices = [end * ratio**n for n in range(steps + 1)]
    values = [max(sign * (price - strike), 0.0) for price in prices]
    rise, fall = paid * up_chance, paid * (1.0 - up_chance)
    for _ in range(steps):
        prices = [price / down for price in prices[:-1]]
        values = [
            held if (held := fall * low + rise * high) > (now := sign * (price - strike)) else now
            for low, high, price in zip(values, values[1:], prices, strict=False)
        ]
    return max(values[0], sign * (spot - strike))


def bjerksund_stensland(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> float:
    """Price one American option by a flat exercise boundary: a little below the true price, never below exercise.

    Formula: Bjerksund and Stensland, Closed-Form Approximation of American Options (1993); Haug, 2nd ed., 3.3.1.

    >>> round(bjerksund_stensland("call", 42, 40, 0.75, 0.35, 0.04, 0.08), 4)
    5.2704
    """
    _check(spot, strike, years, volatility, rate, dividend_yield)
    if volatility * sqrt(years) < _DEVIATION_MIN:
        return _certain(right, spot, strike, years, rate, dividend_yield)
    if right == "put":  # put-call symmetry: a put on the share is a call on the strike
        found = _call(strike, spot, years, dividend_yield, dividend_yield - rate, volatility)
    else:
        found = _call(spot, strike, years, rate, rate - dividend_yield, volatility)
    end = european(right, spot, strike, years, volatility, rate, dividend_yield)
    now = spot - strike if right == "call" else strike - spot
    return max(end, now) if found is None else max(found, end, now)


def bjerksund_stensland_chain(
    right: Right,
    spot: float,
    strikes: Sequence[float],
    years: float,
    volatilities: Sequence[float],
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> tuple[list[float], list[float]]:
    """Give American prices and deltas of all strikes of one expiry, in their order."""
    early = dividend_yield > 0.0 if right == "call" else rate > 0.0
    prices, deltas = [], []
    for strike, volatility in zip(strikes, volatilities, strict=True):
        if not early:
            value, delta = price_and_delta(right, spot, strike, years, volatility, rate, dividend_yield)
        else:
            bump = spot * _BUMP
            value, high, low = (
                bjerksund_stensland(right, at, strike, years, volatility, rate, dividend_yield)
                for at in (spot, spot + bump, spot - bump)
            )
            delta = (high - low) / (2 * bump)
        prices.append(value)
        deltas.append(delta)
    return prices, deltas


class _Boundary(NamedTuple):
    """What every term of the approximation shares: the log of price over boundary, and the numbers around it."""

    spot: float
    height: float
    years: float
    rate: float
    carry: float
    variance: float
    deviation: float


def _call(spot: float, strike: float, years: float, rate: float, carry: float, volatility: float) -> float | None:
    """Price an American call; None where it is as good as never exercised early."""
    if carry >= rate:
        return None
    variance = volatility * volatility
    lean = 0.5 - carry / variance
    beta = lean + sqrt(lean * lean + 2 * rate / variance)
    if beta - 1 < _BETA_MIN:  # the boundary is out of reach: as good as European
        return None
    far = beta / (beta - 1) * strike
    near = max(strike, rate / (rate - carry) * strike)
    deviation = volatility * sqrt(years)
    height = near + (far - near) * -expm1(-(carry * years + 2 * deviation) * near / (far - near))
    if spot >= height:
        return spot - strike
    face = _Boundary(spot, height, years, rate, carry, variance, deviation)
    rest: float = (height - strike) * ((spot / height) ** beta - _term(face, beta, height))
    at_height, at_strike = _term(face, 1.0, height), _term(face, 1.0, strike)
    cash_height, cash_strike = _term(face, 0.0, height), _term(face, 0.0, strike)
    return rest + height * (at_height - at_strike) - strike * (cash_height - cash_strike)


def _term(face: _Boundary, power: float, level: float) -> float:
    """Give phi(S, T, power, level, I) over I**power: what a payoff S**power below a level is worth before the boundary.

    Over the boundary's power nothing overflows: the price is below it.
    """
    spot, height, years, rate, carry, variance, deviation = face
    fade = (-rate + power * carry + 0.5 * power * (power - 1) * variance) * years
    d = -(log(spot / level) + (carry + (power - 0.5) * variance) * years) / deviation
    kappa = 2 * carry / variance + 2 * power - 1
    away = log(height / spot)
    return _scaled(fade - power * away, d) - _scaled(fade + (kappa - power) * away, d - 2 * away / deviation)


def _scaled(exponent: float, d: float) -> float:
    """Give exp(exponent) N(d), also where the first overflows and the second vanishes."""
    if d > -30.0:
        return exp(exponent) * 0.5 * erfc(-_ROOT_HALF * d)
    exponent -= 0.5 * d * d + log(-d * _ROOT_TWO_PI)
    return exp(exponent) if exponent > -745.0 else 0.0


def _peizer_pratt(z: float, steps: int) -> float:
    share = z / (steps + 1 / 3 + 0.1 / (steps + 1))
    away = sqrt(0.25 - 0.25 * exp(-share * share * (steps + 1 / 6)))
    return 0.5 + (away if z >= 0 else -away)


def _certain(right: Right, spot: float, strike: float, years: float, rate: float, dividend_yield: float) -> float:
    """Give the option whose path is known: exercised now, at the end, or never, whichever is worth most.

    Between now and the end the worth of exercise has no peak that matters for rates and yields of one sign.
    """
    sign = 1.0 if right == "call" else -1.0
    now = sign * (spot - strike)
    end = sign * (spot * exp(-dividend_yield * years) - strike * exp(-rate * years))
    return max(now, end, 0.0)


def _check(spot: float, strike: float, years: float, volatility: float, rate: float, dividend_yield: float) -> None:
    assert 0.0 < spot < inf, f"spot must be a finite price above zero, got {spot}"
    assert 0.0 < strike < inf, f"strike must be a finite price above zero, got {strike}"
    assert 0.0 <= years < inf, f"years must be zero or more, got {years}"
    assert volatility >= 0.0, f"volatility must be zero or more, got {volatility}"
    assert rate >= 0.0, f"rate must be zero or more, got {rate}"
    assert dividend_yield >= 0.0, f"dividend yield must be zero or more, got {dividend_yield}"
