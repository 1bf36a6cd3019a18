"""Quotes of the embedded market: shares around the path, series priced as in their chain."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from bot.domain.instruments import Contract
from bot.domain.market import NOTHING, Quote
from bot.markets.synthetic_chains import Moment, Surface, make_slab
from bot.markets.synthetic_days import Day
from bot.markets.synthetic_money import cents_of, dollars
from bot.markets.synthetic_profiles import Profile

STALE_SECONDS = 1200

Oddness = Literal["", "crossed", "no bid", "stale"]
ODD_KINDS: tuple[Oddness, ...] = ("crossed", "no bid", "stale")


def shown_quote(day: Day, second: int) -> Quote:
    """Give the share quote that shows at a second of a session, odd once in two thousand minutes."""
    made = day.quoted_second(second)
    halted = day.halted(second)
    odd: Oddness = ""
    if second < day.minutes * 60 and not halted and made // 60 in day.odd_minutes:
        odd = ODD_KINDS[day.odd_minutes[made // 60]]
    if odd == "stale":
        made = max(0, made - STALE_SECONDS)
    at = day.session.open_at + timedelta(seconds=made)
    return share_quote(day.profile, at, day.price(made), halted, odd)


def share_quote(profile: Profile, at: datetime, price: float, halted: bool, odd: Oddness) -> Quote:
    """Give a quote around a price, a cent wide at least."""
    middle = cents_of(price)
    width = max(1, round(100 * price * profile.share_width))
    bid = max(1, middle - (width + middle % 2) // 2)
    ask = bid + width
    if odd == "crossed":
        bid, ask = ask, bid
    elif odd == "no bid":
        bid = 0
    size = 100 + 100 * (middle % 9)
    return Quote(
        symbol=profile.symbol,
        bid=dollars(bid),
        ask=dollars(ask),
        last=dollars(middle),
        bid_size=0 if bid == 0 else size,
        ask_size=1000 - size,
        at=at,
        source="synthetic",
        halted=halted,
    )


def moment_of(day: Day, second: int, today: date) -> Moment:
    """Give what options need to know at a second of a session; `today` counts the days to expiry."""
    made = day.quoted_second(second)
    return Moment(
        profile=day.profile,
        at=day.session.open_at + timedelta(seconds=made),
        traded=day.session.day,
        today=today,
        spot=day.price(made),
        reference=day.reference,
        variance=day.variance,
        halted=day.halted(second),
    )


@lru_cache(maxsize=4096)
def _rung(strike: Decimal) -> tuple[tuple[int], tuple[float]]:
    """Give one strike as a ladder of its own: in thousandths, and its logarithm."""
    return (int(strike * 1000),), (math.log(float(strike)),)


def option_quote(contract: Contract, moment: Moment, face: Surface) -> Quote:
    """Give the quote of one series, equal to its row in the chain."""
    strikes, logs = _rung(contract.strike)
    slab = make_slab(moment, contract.right, contract.expiry, face, strikes, logs)
    bid, volatility = slab.bids[0], slab.volatilities[0]
    sign = -1 if contract.right == "put" else 1
    return Quote(
        symbol=contract.symbol,
        bid=None if bid == NOTHING else dollars(bid),
        ask=dollars(slab.asks[0]),
        bid_size=0 if bid == NOTHING else 10,
        ask_size=10,
        at=moment.at,
        source="synthetic",
        halted=moment.halted,
        delta=None if volatility == NOTHING else sign * slab.deltas[0] / 10_000,
        volatility=None if volatility == NOTHING else volatility / 10_000,
        open_interest=slab.open_interests[0],
        penny=moment.profile.penny,
    )
