"""What a modelled market assumes, as one fact that is stored and shown beside every result."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.errors import ConfigError
from bot.domain.facts import Fact

_FRACTIONS: tuple[tuple[str, float, float], ...] = (
    ("premium_factor", 0.1, 5.0),
    ("skew", -1.0, 1.0),
    ("smile", 0.0, 1.0),
    ("term", -1.0, 1.0),
    ("tenor_days", 1.0, 730.0),
    ("volatility_floor", 0.001, 5.0),
    ("volatility_ceiling", 0.001, 20.0),
    ("rate", -0.2, 1.0),
    ("dividend_yield", 0.0, 1.0),
    ("spread_fraction", 0.0, 1.0),
    ("strikes_low", 0.01, 1.0),
    ("strikes_high", 1.0, 10.0),
    ("weekly_days", 0, 3650),
    ("monthly_days", 0, 3650),
    ("quote_size", 0, 1_000_000),
    ("open_interest", 0, 100_000_000),
)


class ModelParams(Fact, frozen=True, kw_only=True):
    """The assumptions of a modelled market. Volatility, rate and yield are fractions a year (0.20 is 20 %).

    The volatility of a strike K that ends in `days` is
    `series x premium_factor x (days / tenor_days)**term x (1 - skew x z + smile x z**2)`, held between floor and
    ceiling, where z is log(K / forward) in deviations of the life ahead (a week at least), no further than -3.5 to 3.
    No strike is an arbitrage against its neighbour at the skew and smile set here, nor at skews of 0 to 0.15.
    `premium_factor` says how much of the series sellers really received; 1 overstates it where the series is an index
    of quoted volatility. `term` is flat at 0; below it, near expiries carry more.
    """

    premium_factor: float = 1.0
    skew: float = 0.10
    smile: float = 0.02
    term: float = 0.0
    tenor_days: float = 30.0
    volatility_floor: float = 0.03
    volatility_ceiling: float = 4.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    known_dividends: bool = True
    """Whether dividends declared by the morning and ex before an expiry come off the price it is modelled from."""
    american: bool = False
    """Whether early exercise is worth something (Bjerksund and Stensland, 1993); else European, never below parity."""
    spread_fraction: float = 0.04
    """The whole spread as a share of the price, before both sides move outward to the price grid."""
    spread_min: Decimal = Decimal("0.02")
    strike_step: Decimal | None = None
    """Dollars between strikes; None is 0.50 below 25, 1 below 200, 2.50 below 500, 5 below 5,000, then 25."""
    strikes_low: float = 0.5
    strikes_high: float = 1.5
    """Strikes are listed between these shares of the price."""
    weekly_days: int = 56
    monthly_days: int = 365
    """How far ahead Fridays and third Fridays are listed."""
    quote_size: int = 10
    open_interest: int = 1000
    """Contracts at the money of a monthly series; a quarter of it in a weekly, less away from the money."""

    @property
    def words(self) -> str:
        """Say the assumptions that move prices in one line, for beside a result."""
        exercise = "American" if self.american else "European"
        paid = ", declared dividends taken off" if self.known_dividends else ""
        return (
            f"premium factor {self.premium_factor:g}, skew {self.skew:g}, smile {self.smile:g}, term {self.term:g}, "
            f"rate {self.rate:g}, yield {self.dividend_yield:g}{paid}, {exercise}, "
            f"spread {self.spread_fraction:g} of the price and {self.spread_min} USD at least"
        )


def checked(params: ModelParams) -> ModelParams:
    """Give the parameters back, or raise ConfigError with every fault found."""
    faults = [
        f"{name}: expected a number from {low:g} to {high:g}, got {value}"
        for name, low, high in _FRACTIONS
        if not low <= (value := getattr(params, name)) <= high
    ]
    if params.american and params.rate < 0:
        faults.append(f"rate: American exercise is priced at rates of zero or more, got {params.rate:g}")
    if params.volatility_floor > params.volatility_ceiling:
        faults.append(f"volatility_floor {params.volatility_floor:g} lies above its ceiling")
    if not Decimal("0.01") <= params.spread_min <= 100:
        faults.append(f"spread_min: expected 0.01 to 100 dollars, got {params.spread_min}")
    step = params.strike_step
    if step is not None and not (Decimal("0.01") <= step <= 1000 and step * 1000 == int(step * 1000)):
        faults.append(f"strike_step: expected 0.01 to 1000 dollars in steps of 0.001, got {step}")
    if faults:
        raise ConfigError([f"modelled market: {fault}" for fault in faults])
    return params
