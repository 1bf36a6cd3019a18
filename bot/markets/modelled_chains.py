"""Series of a modelled market: the volatility of a strike, its price, and the quote around it."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from bot.domain.instruments import PENNY_EVERYWHERE, Contract, Right
from bot.domain.market import NOTHING, Quote, Slab
from bot.markets.modelled_listing import monthly
from bot.markets.modelled_params import ModelParams
from bot.pricing.american import bjerksund_stensland_chain
from bot.pricing.black_scholes import price_and_delta_chain

REACH_DOWN, REACH_UP = -3.5, 3.0
SHORT_YEARS = 7 / 365
YEAR_DAYS = 365.0


class Moment(NamedTuple):
    """An underlying at one moment: its price, and the volatility known then (before premium, skew and term)."""

    symbol: str
    at: datetime
    spot: float
    volatility: float
    penny: bool
    halted: bool
    source: str


class Face(NamedTuple):
    """One expiry at one moment: the price less dividends ahead, volatility at the money, T in years."""

    expiry: date
    spot: float
    volatility: float
    years: float


def face_of(moment: Moment, expiry: date, years: float, dividends: float, params: ModelParams) -> Face:
    """Give one expiry's volatility at the money and the price it is modelled from; `dividends` in dollars of today."""
    days = max(1.0, years * YEAR_DAYS)
    level = moment.volatility * params.premium_factor * (days / params.tenor_days) ** params.term
    return Face(expiry, max(moment.spot - dividends, 0.01 * moment.spot), level, years)


def make_slab(moment: Moment, right: Right, face: Face, strikes: tuple[int, ...], params: ModelParams) -> Slab:
    """Price one expiry's series at the strikes given, in thousandths."""
    sizes = [strike / 1000 for strike in strikes]
    reaches, volatilities = _smile(face, sizes, params)
    rate, paid = params.rate, params.dividend_yield
    if params.american:
        values, deltas = bjerksund_stensland_chain(right, face.spot, sizes, face.years, volatilities, rate, paid)
    else:
        values, deltas = price_and_delta_chain(right, face.spot, sizes, face.years, volatilities, rate, paid)
    fine, coarse = _steps(moment)
    least, share = float(params.spread_min) * 50, params.spread_fraction * 0.5
    sign = -1.0 if right == "put" else 1.0
    spot = moment.spot
    rows = []
    for size, value, delta, volatility in zip(sizes, values, deltas, volatilities, strict=True):
        parity = sign * (spot - size)
        cents = 100 * (parity if parity > value else value)
        half = share * cents
        if half < least:
            half = least
        low, high = cents - half, cents + half
        step = fine if low < 300 else coarse
        bid = math.floor(low / step + 1e-9) * step
        step = fine if high < 300 else coarse
        ask = math.ceil(high / step - 1e-9) * step
        if ask < step or ask <= bid:
            ask = step if bid <= 0 else bid + step
        if bid <= 0 and cents < 0.2:  # greeks of nothing say nothing
            rows.append((NOTHING, ask, NOTHING, NOTHING))
        else:
            size_of_delta = -delta if delta < 0 else delta
            rows.append(
                (bid if bid > 0 else NOTHING, ask, int(size_of_delta * 10_000 + 0.5), int(volatility * 10_000 + 0.5))
            )
    bids, asks, shown, quoted = zip(*rows, strict=True) if rows else ((), (), (), ())
    scale = params.open_interest * (1.0 if monthly(face.expiry) else 0.25)
    return Slab(
        expiry=face.expiry,
        strikes=strikes,
        bids=bids,
        asks=asks,
        open_interests=tuple([int(scale / (1 + reach * reach)) for reach in reaches]),
        deltas=shown,
        volatilities=quoted,
    )


def option_quote(contract: Contract, moment: Moment, face: Face, params: ModelParams) -> Quote:
    """Give the quote of one series, equal to its row in the chain."""
    slab = make_slab(moment, contract.right, face, (int(contract.strike * 1000),), params)
    bid, volatility = slab.bids[0], slab.volatilities[0]
    sign = -1 if contract.right == "put" else 1
    return Quote(
        symbol=contract.symbol,
        bid=None if bid == NOTHING else _dollars(bid),
        ask=_dollars(slab.asks[0]),
        bid_size=0 if bid == NOTHING else params.quote_size,
        ask_size=params.quote_size,
        at=moment.at,
        source=moment.source,
        halted=moment.halted,
        delta=None if volatility == NOTHING else sign * slab.deltas[0] / 10_000,
        volatility=None if volatility == NOTHING else volatility / 10_000,
        open_interest=slab.open_interests[0],
        penny=moment.penny,
    )


def _smile(face: Face, sizes: list[float], params: ModelParams) -> tuple[list[float], list[float]]:
    """Give how far each strike lies from the forward, in deviations, and its volatility."""
    carry = (params.rate - params.dividend_yield) * face.years
    log_forward = math.log(face.spot) + carry
    middle = min(max(face.volatility, params.volatility_floor), params.volatility_ceiling)
    stretch = 1 / (middle * math.sqrt(max(face.years, SHORT_YEARS)))
    skew, smile, floor, ceiling = params.skew, params.smile, params.volatility_floor, params.volatility_ceiling
    log = math.log
    reaches, volatilities = [], []
    for size in sizes:  # thousands of times a tick: comparisons in place of min and max
        reach = (log(size) - log_forward) * stretch
        if reach < REACH_DOWN:
            reach = REACH_DOWN
        elif reach > REACH_UP:
            reach = REACH_UP
        reaches.append(reach)
        volatility = middle * (1 - skew * reach + smile * reach * reach)
        volatilities.append(floor if volatility < floor else ceiling if volatility > ceiling else volatility)
    return reaches, volatilities


def _steps(moment: Moment) -> tuple[int, int]:
    """Give the price steps below and from 3.00 in cents (wheel 2.3)."""
    if moment.symbol in PENNY_EVERYWHERE:
        return 1, 1
    return (1, 5) if moment.penny else (5, 10)


@lru_cache(maxsize=65_536)
def _dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
