"""Delta where the market gives none, and volatility that cannot be believed (wheel 1.19)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from bot.domain.instruments import Right
from bot.domain.money import from_float
from bot.domain.sessions import years_to_expiry
from bot.planners.wheel_state import Refusal
from bot.pricing.black_scholes import implied_volatility, price_and_delta
from bot.pricing.chance import VOLATILITY_MAX, VOLATILITY_MIN


def delta_from_mid(
    right: Right, strike: Decimal, expiry: date, mid: Decimal | None, spot: Decimal, at: datetime
) -> tuple[float | None, float | None]:
    """Work out delta and implied volatility from the mid; (None, None) where no volatility explains it."""
    if mid is None:
        return None, None
    years = years_to_expiry(expiry, at)
    implied = implied_volatility(right, float(mid), float(spot), float(strike), years)
    if implied is None:
        return None, None
    return price_and_delta(right, float(spot), float(strike), years, implied)[1], implied


def anomaly(volatility: float | None) -> Refusal | None:
    """Refuse a volatility outside 3 to 400 %; an unknown one is no anomaly."""
    if volatility is None or VOLATILITY_MIN <= volatility <= VOLATILITY_MAX:
        return None
    bound = VOLATILITY_MIN if volatility < VOLATILITY_MIN else VOLATILITY_MAX
    return Refusal("implied volatility is an anomaly", from_float(round(volatility, 4)), from_float(bound), "fraction")
