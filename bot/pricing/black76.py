"""Black-76 on a forward, and inverse options on it: quoted, paid and settled in the coin that they are about.

The coin's forward stands in for a price, a strike is in dollars; an inverse option's price in coin is its price in
dollars over the forward, undiscounted, since coin is what it pays. Units as in `black_scholes`. Formula: Black, The
Pricing of Commodity Contracts (1976); Haug, 2nd ed., 1.1.3.
"""

from __future__ import annotations

from bot.domain.instruments import Right
from bot.pricing import black_scholes


def price(right: Right, forward: float, strike: float, years: float, volatility: float, rate: float = 0.0) -> float:
    """Price an option on a forward in dollars, discounted at `rate`.

    >>> round(price("call", 19, 19, 0.75, 0.28, 0.10), 4)
    1.7011
    """
    return black_scholes.price(right, forward, strike, years, volatility, rate, rate)


def price_in_coin(right: Right, forward: float, strike: float, years: float, volatility: float) -> float:
    """Price an inverse option in coin: the share of one coin that it costs.

    >>> round(price_in_coin("call", 87834.33, 88000.0, 46.69 / 8760, 0.3337), 4)
    0.0088
    """
    return black_scholes.price(right, forward, strike, years, volatility) / forward


def volatility_of_coin_price(
    right: Right, coin_price: float, forward: float, strike: float, years: float
) -> float | None:  # fmt: skip
    """Find the volatility behind an inverse option's price in coin; None where no volatility explains it."""
    return black_scholes.implied_volatility(right, coin_price * forward, forward, strike, years)
