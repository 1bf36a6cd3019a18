"""A chain of 10,000 contracts with greeks and implied volatility, against a loop over py_vollib.

Ours prices 10,000; the rival prices 2,000 spread evenly over the same chain, and its time is scaled by five.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

from bench.harness import against, finish, interleave_calls, line, title
from bot.domain.instruments import Right
from bot.pricing.black_scholes import Greeks, implied_chain, price_and_delta_chain, price_chain

SPOT, RATE = 100.0, 0.04
EXPIRIES, STRIKES, SHARE = 25, 200, 5


class Expiry(NamedTuple):
    """One right of one expiry with its smile and the prices that follow from it."""

    right: Right
    years: float
    strikes: list[float]
    smile: list[float]
    prices: list[float]


def some_expiries() -> list[Expiry]:
    """Make 25 expiries of 200 strikes, calls and puts: 10,000 contracts."""
    found = []
    for number in range(EXPIRIES):
        years = (21 + 14 * number) / 365
        width = 0.9 * years**0.5
        strikes = [SPOT * (1 - width + 2 * width * step / (STRIKES - 1)) for step in range(STRIKES)]
        smile = [0.18 + 0.25 * abs(strike / SPOT - 1) + 0.001 * number for strike in strikes]
        rights: tuple[Right, Right] = ("call", "put")
        for right in rights:
            prices, _ = price_and_delta_chain(right, SPOT, strikes, years, smile, RATE)
            found.append(Expiry(right, years, strikes, smile, prices))
    return found


def ours(expiries: list[Expiry]) -> list[list[Greeks]]:
    """Find the volatility of every price, then its greeks."""
    found = []
    for one in expiries:
        implied = implied_chain(one.right, one.prices, SPOT, one.strikes, one.years, RATE)
        known = [volatility or 0.0 for volatility in implied]
        found.append(price_chain(one.right, SPOT, one.strikes, one.years, known, RATE))
    return found


def rival(expiries: list[Expiry]) -> Callable[[], object]:
    """Give the same work on every fifth contract, contract by contract, with py_vollib."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from py_vollib.black_scholes import black_scholes
        from py_vollib.black_scholes.greeks.analytical import delta, gamma, rho, theta, vega
        from py_vollib.black_scholes.implied_volatility import implied_volatility

    contracts = [
        (one.right[0], one.years, strike, price)
        for one in expiries
        for strike, price in list(zip(one.strikes, one.prices, strict=True))[::SHARE]
    ]

    def loop() -> object:
        found = []
        for flag, years, strike, price in contracts:
            sigma = implied_volatility(price, SPOT, strike, years, RATE, flag)
            words = (flag, SPOT, strike, years, RATE, sigma)
            found.append(
                (black_scholes(*words), delta(*words), gamma(*words), vega(*words), theta(*words), rho(*words))
            )
        return found

    return loop


def worst_error(expiries: list[Expiry]) -> float:
    """Give the largest error of an implied volatility among contracts whose price knows it."""
    worst = 0.0
    for one in expiries:
        implied = implied_chain(one.right, one.prices, SPOT, one.strikes, one.years, RATE)
        rows = price_chain(one.right, SPOT, one.strikes, one.years, one.smile, RATE)
        for made, found, row in zip(one.smile, implied, rows, strict=True):
            if row.vega > 1e-2:
                worst = max(worst, abs(made - found) if found is not None else 1.0)
    return worst


def main() -> None:
    """Compare and print."""
    title("10,000 contracts: price, five greeks and implied volatility")
    expiries = some_expiries()
    seconds = interleave_calls({"ours": lambda: ours(expiries), "rival": rival(expiries)}, rounds=5)
    line("ours, standard library alone", f"{seconds['ours'] * 1000:.1f} ms")
    line("py_vollib, one by one (2,000 scaled)", f"{seconds['rival'] * SHARE * 1000:.1f} ms")
    line("largest error of our implied volatility", f"{worst_error(expiries):.0e}")
    finish([against("times as fast", seconds["rival"] * SHARE / seconds["ours"], "x", at_least=8)])


if __name__ == "__main__":
    main()
