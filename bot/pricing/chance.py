"""How likely an option ends in the money: N(d2) for a call, N(-d2) for a put, under the risk-neutral measure.

It is what the option's own price says, not a forecast. Units as in `black_scholes`. Formula: Haug, The Complete Guide
to Option Pricing Formulas, 2nd ed., 2.9.
"""

from __future__ import annotations

from math import erfc, inf, log, sqrt

from bot.domain.instruments import Right
from bot.pricing.black_scholes import implied_volatility

VOLATILITY_MIN, VOLATILITY_MAX = 0.03, 4.0
"""Outside 3 to 400 % a stated volatility is an anomaly and says nothing (wheel 1.19)."""
_ROOT_HALF = sqrt(0.5)


def chance_in_the_money(
    right: Right,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> float:
    """Give the chance, 0 to 1, that an option ends in the money.

    >>> round(chance_in_the_money("call", 100, 100, 1.0, 0.20, 0.05), 4)
    0.5596
    >>> round(chance_in_the_money("put", 40, 38.5, 0.1, 0.20), 4)
    0.2834
    """
    assert 0.0 < spot < inf, f"spot must be a finite price above zero, got {spot}"
    assert 0.0 < strike < inf, f"strike must be a finite price above zero, got {strike}"
    assert years > 0.0, f"years must be above zero, got {years}"
    assert volatility > 0.0, f"volatility must be above zero, got {volatility}"
    deviation = volatility * sqrt(years)
    d2 = (log(spot / strike) + (rate - dividend_yield) * years) / deviation - 0.5 * deviation
    return 0.5 * erfc(-_ROOT_HALF * (d2 if right == "call" else -d2))


def volatility_behind(
    right: Right, spot: float, strike: float, years: float, stated: float | None, mid: float | None
) -> tuple[float | None, str]:
    """Give the volatility to reckon with and where it comes from: "stated", "mid", or None and "unknown".

    One that is stated counts unless it is an anomaly; else the one that explains the mid, if any does.
    """
    if stated is not None and VOLATILITY_MIN <= stated <= VOLATILITY_MAX:
        return stated, "stated"
    implied = None if mid is None else implied_volatility(right, mid, spot, strike, years)
    if implied is not None and VOLATILITY_MIN <= implied <= VOLATILITY_MAX:
        return implied, "mid"
    return None, "unknown"
