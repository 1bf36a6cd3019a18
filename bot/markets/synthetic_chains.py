"""Option series of the embedded market: volatility surface, ladder of strikes, prices, open interest.

Prices are Black-Scholes on the forward (spot less dividends, rate zero), never below intrinsic value. The
loop over strikes is written out here because it runs four thousand times in a tick.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from bot.domain.instruments import PENNY_EVERYWHERE, Right
from bot.domain.market import NOTHING, Slab
from bot.domain.sessions import years_to_expiry
from bot.markets.synthetic_calendar import is_monthly
from bot.markets.synthetic_noise import draw_bytes
from bot.markets.synthetic_profiles import RISK_PREMIUM, Profile

REVERSION = 10.3  # a year: how fast expected variance returns to its mean, as the factors' states do
VOLATILITY_FLOOR = 0.14
SMILE = 0.02
REACH_DOWN, REACH_UP = -3.5, 3.0  # the smile is flat beyond, in standard deviations
SHORT_YEARS = 7 / 365  # skew is measured in deviations of at least a week
SPOT_PUSH = 0.04  # how far implied volatility rises when the spot has fallen one deviation today
INTEREST_BYTES = 251


class Moment(NamedTuple):
    """What pricing an option needs to know of its underlying at one moment. Dollars; annual variance."""

    profile: Profile
    at: datetime
    traded: date
    """The New York day of `at`."""
    today: date
    spot: float
    reference: float
    variance: float
    halted: bool


class Surface(NamedTuple):
    """One expiry of a name at one moment: the forward, the volatility at the money, T in years."""

    forward: float
    volatility: float
    years: float


@lru_cache(maxsize=2)
def ladder(every_dollar: bool) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """List all strikes in thousandths with their logarithms; a listed strike never leaves the ladder."""
    if every_dollar:
        strikes = [*range(5_000, 2_000_001, 1_000)]
    else:
        strikes = [
            *range(1_000, 100_000, 500),
            *range(100_000, 250_000, 1_000),
            *range(250_000, 500_000, 2_500),
            *range(500_000, 3_000_001, 5_000),
        ]
    return tuple(strikes), tuple([math.log(strike / 1000) for strike in strikes])


def surface(moment: Moment, expiry: date, dividends: float, jumps: int) -> Surface:
    """Give one expiry's forward and volatility at the money.

    Variance runs back to its mean from today's, times the risk premium; `jumps` releases before the
    expiry add theirs. A spot below its reference lifts it at once.
    """
    profile = moment.profile
    years = years_to_expiry(expiry, moment.at)
    mean = profile.volatility**2
    fade = REVERSION * years
    expected = mean + (moment.variance - mean) * (1 - math.exp(-fade)) / fade
    deviation = math.log(moment.spot / moment.reference) / math.sqrt(moment.variance / 252)
    push = 1 - SPOT_PUSH * max(-3.0, min(3.0, deviation))
    level = expected * (RISK_PREMIUM * push) ** 2 + jumps * profile.jump**2 / max(years, 1 / 365)
    return Surface(max(moment.spot - dividends, 0.01), max(VOLATILITY_FLOOR, math.sqrt(level)), years)


def slab_between(moment: Moment, right: Right, expiry: date, face: Surface, lowest: float, highest: float) -> Slab:
    """Give one expiry's listed series with strikes between two prices."""
    strikes, logs = ladder(moment.profile.every_dollar)
    low = bisect_left(strikes, 1000 * max(lowest, 0.4 * moment.reference))
    high = bisect_right(strikes, 1000 * min(highest, 1.8 * moment.reference))
    return make_slab(moment, right, expiry, face, strikes[low:high], logs[low:high])


def make_slab(
    moment: Moment, right: Right, expiry: date, face: Surface, strikes: tuple[int, ...], logs: tuple[float, ...]
) -> Slab:
    """Price one expiry's series at the strikes given (thousandths, with their logarithms)."""
    profile = moment.profile
    forward, middle, years = face
    spot, log_forward, root = moment.spot, math.log(forward), math.sqrt(years)
    stretch = 1 / (middle * math.sqrt(max(years, SHORT_YEARS)))
    skew, width, is_put = profile.skew, profile.option_width / 2, right == "put"
    fine, coarse = _steps(profile)
    half, erfc, exp_root, whole = 0.5, math.erfc, math.sqrt(0.5), math.trunc
    rows = []
    # Written for few steps a strike: a sign moved elsewhere changes no bit of a float, and
    # `trunc` of a float is `int` of it without the search for a type.
    for strike, log_strike in zip(strikes, logs, strict=True):
        away = log_strike - log_forward
        reach = away * stretch
        if reach < REACH_DOWN:
            reach = REACH_DOWN
        elif reach > REACH_UP:
            reach = REACH_UP
        volatility = middle * (1 - skew * reach + SMILE * reach * reach)
        total = volatility * root
        d1 = total * half - away / total
        price = strike / 1000
        if is_put:
            delta = half * erfc(d1 * exp_root)
            value = price * half * erfc((d1 - total) * exp_root) - forward * delta
            floor = price - spot
        else:
            delta = half * erfc(-d1 * exp_root)
            value = forward * delta - price * half * erfc((total - d1) * exp_root)
            floor = spot - price
        if value < floor:
            value = floor
        cents = 100 * value if value > 0 else 0.0
        spread = width * (1 + cents * (0.008 + 0.006 * (reach if reach > 0 else -reach)))
        low, high = cents - spread, cents + spread
        step = fine if high < 300 else coarse
        ask = (whole(high / step) + 1) * step
        step = fine if low < 300 else coarse
        bid = whole(low / step) * step
        if bid > 0:
            rows.append((bid, ask, whole(delta * 10_000 + half), whole(volatility * 10_000 + half)))
        elif cents < 0.2:  # nobody computes greeks from nothing
            rows.append((NOTHING, ask, NOTHING, NOTHING))
        else:
            rows.append((NOTHING, ask, whole(delta * 10_000 + half), whole(volatility * 10_000 + half)))
    bids, asks, deltas, volatilities = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Slab(
        expiry=expiry,
        strikes=strikes,
        bids=bids,
        asks=asks,
        open_interests=_interests(
            profile.symbol, right, expiry, moment.today, moment.reference, profile.interest, profile.volatility, strikes
        ),
        deltas=deltas,
        volatilities=volatilities,
    )


def _steps(profile: Profile) -> tuple[int, int]:
    """Give the price steps below and from 3.00 in cents (wheel 2.3)."""
    if profile.symbol in PENNY_EVERYWHERE:
        return 1, 1
    return (1, 5) if profile.penny else (5, 10)


@lru_cache(maxsize=2048)
def _interests(
    symbol: str, right: Right, expiry: date, today: date, near: float, size: float, width: float,
    strikes: tuple[int, ...],
) -> tuple[int, ...]:  # fmt: skip
    """Give open interest: most near the money, at monthlies and round strikes, growing towards expiry.

    `near` is the price it lies around, `size` the interest there, `width` the name's volatility. The same all session.
    """
    noise = _interest_noise(symbol, expiry.toordinal(), right)
    scale = size * (4 if is_monthly(expiry) else 1) / (1 + (expiry - today).days / 30) / 128
    centre = 1 / (1000 * near)
    tight = 0.8 / width**2
    whole = math.trunc
    return tuple(
        [
            whole(
                scale
                * (20 + noise[strike // 500 % INTEREST_BYTES])
                * (1 if strike % 5000 else 1.6)
                / (1 + tight * ((away := strike * centre - 1) * away))
            )
            for strike in strikes
        ]
    )


@lru_cache(maxsize=1024)
def _interest_noise(symbol: str, expiry: int, right: Right) -> bytes:
    return draw_bytes(f"interest|{symbol}|{expiry}|{right}", INTEREST_BYTES)
