"""Which series of a chain may be sold, in what order, and what stands against each of the others.

The planner and the `scan` command look through the same eyes. Columns of integers are sieved first: exact
decimals are made only for the few rows inside the delta band (or for all, when every row is to be explained).
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.desk import WheelParams
from bot.domain.instruments import Right
from bot.domain.market import Chain, Slab, series_of
from bot.domain.money import ONE, ZERO, from_float
from bot.domain.sessions import days_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.wheelmath import annualised_yield, collateral, ladder_limit, mid_price, spread_fraction, spread_within
from bot.planners import wheel_survey as stages
from bot.planners.wheel_delta import anomaly, delta_from_mid
from bot.planners.wheel_events import earnings_before, earnings_unknown, ex_date_refusal
from bot.planners.wheel_room import call_room
from bot.planners.wheel_state import Refusal, situation_of
from bot.planners.wheel_survey import STAGES, Aim, Candidate, Row, Survey, aim_of, credit_floor

Fault = tuple[int, Refusal]
_MissKey = tuple[int, Decimal, int, str]
_NO_FAULT: Fault = (-1, Refusal(""))
_NO_QUOTE: Fault = (stages.QUOTE, Refusal("no valid bid and ask"))
_PLACE = itemgetter(slice(4))
"""Of a Row: nearness of its expiry, days, nearness of its delta, the safer strike."""


class _Priced(NamedTuple):
    """What follows from a row's bid and ask, all None unless both are valid: mid, ask less bid, spread, first limit."""

    mid: Decimal | None = None
    wide: Decimal | None = None
    spread: Decimal | None = None
    limit: Decimal | None = None


class Judged(NamedTuple):
    """A row of the chain with what its judgement found; `fault` is None where nothing stands against it."""

    slab: Slab
    row: int
    dte: int
    symbol: str
    delta: float | None
    source: str
    volatility: float | None
    fault: Fault | None


def candidates(snapshot: Snapshot, params: WheelParams, symbol: str, right: Right) -> tuple[Candidate, ...]:
    """Give every series of the window with its judgement, best first, for the owner's eyes.

    Calls are held against the floor of the lots they would stand on; where there are none, against no floor.
    """
    floor = call_room(situation_of(snapshot, params), symbol).floor if right == "call" else None
    return examine(snapshot, params, symbol, right, floor=floor, every=True).candidates


def examine(
    snapshot: Snapshot,
    params: WheelParams,
    symbol: str,
    right: Right,
    *,
    floor: Decimal | None = None,
    every: bool = False,
) -> Survey:
    """Judge a symbol's chain for one side; `every` names every row, else misses but the nearest are only counted."""
    numbers = params.numbers[symbol]
    aim = aim_of(numbers, right)
    chain, spot, quote = snapshot.chain_of.get((symbol, right)), snapshot.spot(symbol), snapshot.quote_of.get(symbol)
    if spot is None or spot <= 0 or quote is None:
        return Survey(right, aim, (), (), 0, Refusal("the share has no price"))
    if chain is None:
        return Survey(right, aim, (), (), 0, Refusal(f"no {right} chain was read"))
    sieve = _Sieve(snapshot, params, symbol, aim, chain, spot, floor, every)
    for slab in chain.slabs:
        sieve.pass_slab(slab)
    sieve.judge()
    return sieve.survey(symbol_refusal(snapshot, params, symbol, aim))


def symbol_refusal(snapshot: Snapshot, params: WheelParams, symbol: str, aim: Aim) -> Refusal | None:
    """Say what stands against every series of a symbol: a trading halt, dividends, unknown earnings."""
    quote, events = snapshot.quote_of.get(symbol), snapshot.events_of.get(symbol)
    if quote is not None and quote.halted:
        return Refusal("trading in the share is halted")
    if aim.right == "call" and params.numbers[symbol].ex_date_entry_avoided:
        refusal = ex_date_refusal(events, snapshot.session.day)
        if refusal is not None:
            return refusal
    return earnings_unknown(events, params.universe.get(symbol)) if aim.earnings_avoided else None


class _Sieve:
    """One look at one chain."""

    def __init__(
        self,
        snapshot: Snapshot,
        params: WheelParams,
        symbol: str,
        aim: Aim,
        chain: Chain,
        spot: Decimal,
        floor: Decimal | None,
        every: bool,
    ) -> None:
        self.limits, self.numbers, self.aim = params.limits, params.numbers[symbol], aim
        self.chain, self.spot, self.floor, self.every = chain, spot, floor, every
        self.at, self.today = snapshot.at, snapshot.session.day
        self.events, self.info = snapshot.events_of.get(symbol), params.universe.get(symbol)
        self.low = int((aim.delta_min * 10_000).to_integral_value(ROUND_CEILING))
        self.high = int((aim.delta_max * 10_000).to_integral_value(ROUND_FLOOR))
        self.target = int(aim.delta_target * 10_000)
        self.put = aim.right == "put"
        self.counts = [0] * len(STAGES)
        self.considered = 0
        self.adjusted = symbol[-1:].isdigit()
        least = self.limits.open_interest_min
        self.least_interest = 0 if least is None else int(least.to_integral_value(ROUND_CEILING))
        self.found: list[Candidate] = []
        self.waiting: list[Row] = []
        self.nearest: tuple[_MissKey, Judged] | None = None

    def pass_slab(self, slab: Slab) -> None:
        """Sieve one expiry; a row outside the band costs two comparisons of integers."""
        dte = days_to_expiry(slab.expiry, self.today)
        if not max(self.aim.dte_min, 1) <= dte <= self.aim.dte_max:
            return
        strikes, deltas, low, high, target = slab.strikes, slab.deltas, self.low, self.high, self.target
        self.considered += len(strikes)
        blind = max(deltas, default=-1) < 0
        money, put, deep = int(self.spot * 1000), self.put, self.high > 5_000
        # No delta is known where it stands below zero; a band up to one half holds nothing that is in the money.
        inside = [
            row for row, delta in enumerate(deltas)
            if (low <= delta <= high if delta >= 0 else deep or (strikes[row] < money if put else strikes[row] > money))
        ]  # fmt: skip
        days_off = abs(dte - self.aim.dte_target)
        for row in inside:
            # A row is placed by what its columns say: as `_rank_key` would; without a delta first, as it is not known.
            delta, strike = deltas[row], strikes[row]
            off = -1 if delta < 0 else abs(delta - target)
            self.waiting.append(Row(days_off, dte, off, strike if put else -strike, slab, row, blind))
        self.counts[stages.DELTA] += len(strikes) - len(inside)
        if self.every:
            kept = set(inside)
            for row in range(len(strikes)):
                if row not in kept:
                    self._keep(self._outside(slab, row, dte))
        elif strikes and not inside and not blind:
            nearest = min(range(len(strikes)), key=lambda row: max(low - deltas[row], deltas[row] - high))
            self._keep(self._outside(slab, nearest, dte))

    def judge(self) -> None:
        """Judge the likeliest rows first; the first that is in ends it, unless every row is asked for."""
        ended: date | None = None
        for one in sorted(self.waiting, key=_PLACE):
            if ended is not None and one.slab.expiry != ended:
                return
            found = self._judge(one)
            self._keep(found)
            if found.fault is not None:
                self.counts[found.fault[0]] += 1
                continue
            if self.every:
                continue
            if one.off >= 0:
                return
            ended = one.slab.expiry

    def _keep(self, found: Judged) -> None:
        """Keep what a Survey is made of: all that is in, and of the misses the nearest, unless all are asked for."""
        if found.fault is None or self.every:
            self.found.append(self._facts(found))
            return
        key = self._miss_key(found.fault, found.dte, found.symbol)
        if self.nearest is None or key < self.nearest[0]:
            self.nearest = key, found

    def _outside(self, slab: Slab, row: int, dte: int) -> Judged:
        offer = self.chain.offer(slab, row)
        fault = stages.DELTA, _band_miss(self.aim, offer.delta)
        return Judged(slab, row, dte, offer.symbol, offer.delta, "", offer.volatility, fault)

    def _judge(self, one: Row) -> Judged:
        """Judge a row by its columns: a Candidate is made of few of them, so exact decimals only where they decide."""
        slab, row = one.slab, one.row
        strike, symbol = series_of(self.chain.underlying, slab.expiry, self.chain.right, slab.strikes[row])
        priced = _priced(self.chain.underlying, self.chain.penny, slab.bids[row], slab.asks[row])
        delta, volatility = self.chain.greeks_of(slab, row)
        source: str = self.chain.greeks
        fault = self._standing_fault(slab, row, strike, symbol, priced)
        if fault is None:
            delta, source, volatility, fault = self._delta(slab.expiry, strike, priced, delta, volatility, one.blind)
        source = source if delta is not None or fault is None else ""
        if fault is None:
            fault = self._pay_fault(priced.limit, strike, one.dte, slab.expiry)
        return Judged(slab, row, one.dte, symbol, delta, source, volatility, fault)

    def _facts(self, found: Judged) -> Candidate:
        """Make the candidate of a judged row."""
        offer, dte, put = self.chain.offer(found.slab, found.row), found.dte, self.put
        priced = _priced(offer.underlying, offer.penny, found.slab.bids[found.row], found.slab.asks[found.row])
        floor = annual = None
        if priced.limit is not None:
            base = offer.strike if put else self.spot
            floor = credit_floor(self.numbers, self.aim, base, dte)
            annual = annualised_yield(priced.limit, base, dte)
        stage, miss = found.fault if found.fault is not None else _NO_FAULT
        return Candidate(
            symbol=offer.symbol, underlying=offer.underlying, right=offer.right, expiry=offer.expiry,
            strike=offer.strike, dte=dte, bid=offer.bid, ask=offer.ask, penny=offer.penny,
            open_interest=offer.open_interest, volatility=found.volatility, delta=found.delta,
            delta_source=found.source,
            distance=(self.spot - offer.strike if put else offer.strike - self.spot) / self.spot,
            spread=priced.spread, limit=priced.limit, credit_floor=floor or ZERO,
            annual_yield=annual, collateral=collateral(offer.strike, ONE) if put else ZERO,
            out=miss.reason, stage=stage, value=miss.value, bound=miss.limit, unit=miss.unit,
        )  # fmt: skip

    def _standing_fault(self, slab: Slab, row: int, strike: Decimal, symbol: str, priced: _Priced) -> Fault | None:
        limits, spread = self.limits, priced.spread
        if self.adjusted or symbol in slab.odd:
            return stages.STANDARD, Refusal("not a standard contract")
        if self.floor is not None and strike < self.floor:
            return stages.FLOOR, Refusal("strike below the call floor", strike, self.floor, "usd")
        if spread is None or priced.wide is None:
            return _NO_QUOTE
        if not spread_within(spread, priced.wide, limits.option_spread_fraction, limits.option_spread_absolute):
            return stages.SPREAD, Refusal("spread too wide", spread, limits.option_spread_fraction, "fraction")
        interest = slab.open_interests[row]
        if max(interest, 0) < self.least_interest:
            known = None if interest < 0 else Decimal(interest)
            return stages.INTEREST, Refusal("open interest too small", known, limits.open_interest_min, "contracts")
        return None

    def _delta(
        self, expiry: date, strike: Decimal, priced: _Priced, delta: float | None, volatility: float | None, blind: bool
    ) -> tuple[float | None, str, float | None, Fault | None]:
        """Find delta, its source and the volatility: the broker's, ours from the mid, the distance (wheel 1.19)."""
        source: str = self.chain.greeks
        told = delta is not None
        if not told:
            source = "model"
            delta, implied = delta_from_mid(self.aim.right, strike, expiry, priced.mid, self.spot, self.at)
            volatility = implied if implied is not None else volatility
        odd = anomaly(volatility)
        if odd is not None:
            return delta, source, volatility, (stages.ANOMALY, odd)
        if delta is not None:
            # What the column told was held to the band before, in the same ten-thousandths.
            inside = told or self.aim.delta_min <= from_float(abs(delta)) <= self.aim.delta_max
            return delta, source, volatility, None if inside else (stages.DELTA, _band_miss(self.aim, delta))
        return None, "otm", volatility, self._distance_fault(strike, blind)

    def _distance_fault(self, strike: Decimal, blind: bool) -> Fault | None:
        """Hold a row without any delta to half and double the configured distance out of the money.

        Only where no delta of its expiry is known: one hole in a good column is a fault of the data.
        """
        target = self.numbers.otm_fallback
        if target is None:
            return stages.UNKNOWN, Refusal("delta unknown and the OTM fallback is off")
        if not blind:
            return stages.UNKNOWN, Refusal("delta unknown where its neighbours' is known")
        away = self.spot - strike if self.put else strike - self.spot
        distance = away / self.spot
        if target / 2 <= distance <= target * 2:
            return None
        return stages.UNKNOWN, Refusal(
            "delta unknown, distance far from the OTM fallback", distance, target, "fraction"
        )

    def _pay_fault(self, limit: Decimal | None, strike: Decimal, dte: int, expiry: date) -> Fault | None:
        least, yield_min = self.numbers.credit_min, self.aim.yield_min
        if limit is None:
            return _NO_QUOTE
        if least is not None and limit < least:
            return stages.CREDIT, Refusal("credit too small", limit, least, "usd")
        if yield_min is not None:
            annual = annualised_yield(limit, strike if self.put else self.spot, dte)
            if annual < yield_min:
                return stages.YIELD, Refusal("annualised yield too small", annual, yield_min, "fraction")
        if self.aim.earnings_avoided:
            miss = earnings_before(self.events, self.info, self.today, expiry)
            if miss is not None:
                return stages.EARNINGS, miss
        return None

    def survey(self, refusal: Refusal | None) -> Survey:
        """Put candidates in order, misses behind them, nearest first; one miss unless every row is asked for."""
        if self.nearest is not None:
            self.found.append(self._facts(self.nearest[1]))
        inside = sorted((one for one in self.found if not one.out), key=self._rank_key)
        outside = sorted((one for one in self.found if one.out), key=self._miss_key_of)
        if refusal is not None:
            ranked = [replace(one, out=refusal.reason) for one in inside]
        else:
            ranked = [replace(one, rank=number) for number, one in enumerate(inside, start=1)]
        return Survey(self.aim.right, self.aim, (*ranked, *outside), tuple(self.counts), self.considered, refusal)

    def _rank_key(self, one: Candidate) -> tuple[int, int, float, Decimal, str]:
        """Order by nearness of the expiry, then of the delta (or distance), then the safer strike."""
        if one.delta is not None:
            off = abs(abs(one.delta) - float(self.aim.delta_target))
        else:
            off = abs(float(one.distance - (self.numbers.otm_fallback or ZERO)))
        return abs(one.dte - self.aim.dte_target), one.dte, round(off, 6), -one.distance, one.symbol

    def _miss_key_of(self, one: Candidate) -> _MissKey:
        return self._miss_key((one.stage, Refusal(one.out, one.value, one.bound)), one.dte, one.symbol)

    def _miss_key(self, fault: Fault, dte: int, symbol: str) -> _MissKey:
        stage, miss = fault
        short = ZERO if miss.value is None or miss.limit is None else abs(miss.value - miss.limit)
        return -stage, short, abs(dte - self.aim.dte_target), symbol


@lru_cache(maxsize=32_768)
def _priced(root: str, penny: bool, bid_cents: int, ask_cents: int) -> _Priced:
    """Give a row's prices in exact decimals: the same few pairs of cents come again tick after tick."""
    bid = None if bid_cents < 0 else Decimal(bid_cents).scaleb(-2)
    ask = None if ask_cents < 0 else Decimal(ask_cents).scaleb(-2)
    mid = mid_price(bid, ask)
    if mid is None or bid is None or ask is None:
        return _Priced()
    limit = ladder_limit(root, bid, ask, 0, sell=True, penny=penny)
    return _Priced(mid, ask - bid, spread_fraction(bid, ask), limit)


def _band_miss(aim: Aim, delta: float | None) -> Refusal:
    if delta is None:
        return Refusal("delta unknown and in the money")
    size = from_float(round(abs(delta), 4))
    below = size < aim.delta_min
    bound = aim.delta_min if below else aim.delta_max
    return Refusal(f"delta {'below' if below else 'above'} the band", size, bound, "delta")
