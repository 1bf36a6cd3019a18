"""Which series of a chain may be sold, in what order, and what stands against each of the others.

The planner and the `scan` command look through the same eyes. Columns of integers are sieved first: exact
decimals are made only for the few rows inside the delta band (or for all, when every row is to be explained).
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec.structs import replace

from bot.domain.desk import WheelParams
from bot.domain.instruments import Right
from bot.domain.market import Chain, Offer, Slab
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
_NO_FAULT: Fault = (-1, Refusal(""))


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
    """Judge a symbol's chain for one side; `every` also materialises rows outside the delta band."""
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
        self.found: list[Candidate] = []
        self.waiting: list[Row] = []

    def pass_slab(self, slab: Slab) -> None:
        """Sieve one expiry; a row outside the band costs two comparisons of integers."""
        dte = days_to_expiry(slab.expiry, self.today)
        if not max(self.aim.dte_min, 1) <= dte <= self.aim.dte_max:
            return
        strikes, low, high = slab.strikes, self.low, self.high
        self.considered += len(strikes)
        blind = max(slab.deltas, default=-1) < 0
        money = int(self.spot * 1000)
        put = self.put
        outside: list[int] = []
        for row, delta in enumerate(slab.deltas):
            if delta >= 0:
                inside = low <= delta <= high
            else:
                # No delta is known; a band up to one half holds nothing that is in the money.
                inside = high > 5_000 or (strikes[row] < money if put else strikes[row] > money)
            if inside:
                self.waiting.append(self._row(slab, row, dte, blind))
            else:
                outside.append(row)
        self.counts[stages.DELTA] += len(outside)
        if self.every:
            for row in outside:
                self.found.append(self._outside(slab, row, dte))
        elif outside and len(outside) == len(strikes) and not blind:
            nearest = min(outside, key=lambda row: max(low - slab.deltas[row], slab.deltas[row] - high))
            self.found.append(self._outside(slab, nearest, dte))

    def _row(self, slab: Slab, row: int, dte: int, blind: bool) -> Row:
        """Place a row by what its columns say: as `_rank_key` would; without a delta first, its place is not known."""
        delta, strike = slab.deltas[row], slab.strikes[row]
        off = -1 if delta < 0 else abs(delta - self.target)
        return Row(abs(dte - self.aim.dte_target), dte, off, strike if self.put else -strike, slab, row, blind)

    def judge(self) -> None:
        """Judge the likeliest rows first; the first that is in ends it, unless every row is asked for."""
        ended: date | None = None
        for one in sorted(self.waiting, key=lambda row: row[:4]):
            if ended is not None and one.slab.expiry != ended:
                return
            found = self._judge(one.slab, one.row, one.dte, one.blind)
            if found.out or self.every:
                continue
            if one.off >= 0:
                return
            ended = one.slab.expiry

    def _outside(self, slab: Slab, row: int, dte: int) -> Candidate:
        offer = self.chain.offer(slab, row)
        fault = stages.DELTA, _band_miss(self.aim, offer.delta)
        return self._facts(offer, spread_fraction(offer.bid, offer.ask), dte, offer.delta, "", offer.volatility, fault)

    def _judge(self, slab: Slab, row: int, dte: int, blind: bool) -> Candidate:
        offer = self.chain.offer(slab, row)
        source: str = self.chain.greeks
        delta, volatility = offer.delta, offer.volatility
        spread = spread_fraction(offer.bid, offer.ask)
        fault = self._standing_fault(offer, spread)
        if fault is None:
            delta, source, volatility, fault = self._delta(offer, blind)
        source = source if delta is not None or fault is None else ""
        one = self._facts(offer, spread, dte, delta, source, volatility, fault)
        if one.out:
            self.counts[one.stage] += 1
        self.found.append(one)
        return one

    def _facts(
        self,
        offer: Offer,
        spread: Decimal | None,
        dte: int,
        delta: float | None,
        source: str,
        volatility: float | None,
        fault: Fault | None,
    ) -> Candidate:
        """Make the candidate; where nothing stands against it yet, its pay is judged too."""
        put = self.put
        limit = floor = annual = None
        if spread is not None and offer.bid is not None and offer.ask is not None:
            base = offer.strike if put else self.spot
            limit = ladder_limit(offer.underlying, offer.bid, offer.ask, 0, sell=True, penny=offer.penny)
            floor = credit_floor(self.numbers, self.aim, base, dte)
            annual = annualised_yield(limit, base, dte)
        if fault is None:
            fault = self._pay_fault(limit, annual, offer.expiry)
        stage, miss = fault if fault is not None else _NO_FAULT
        return Candidate(
            symbol=offer.symbol, underlying=offer.underlying, right=offer.right, expiry=offer.expiry,
            strike=offer.strike, dte=dte, bid=offer.bid, ask=offer.ask, penny=offer.penny,
            open_interest=offer.open_interest, volatility=volatility, delta=delta, delta_source=source,
            distance=(self.spot - offer.strike if put else offer.strike - self.spot) / self.spot,
            spread=spread, limit=limit, credit_floor=floor or ZERO,
            annual_yield=annual, collateral=collateral(offer.strike, ONE) if put else ZERO,
            out=miss.reason, stage=stage, value=miss.value, bound=miss.limit, unit=miss.unit,
        )  # fmt: skip

    def _standing_fault(self, offer: Offer, spread: Decimal | None) -> Fault | None:
        limits = self.limits
        if not offer.standard or offer.underlying[-1:].isdigit():
            return stages.STANDARD, Refusal("not a standard contract")
        if self.floor is not None and offer.strike < self.floor:
            return stages.FLOOR, Refusal("strike below the call floor", offer.strike, self.floor, "usd")
        if spread is None or offer.bid is None or offer.ask is None:
            return stages.QUOTE, Refusal("no valid bid and ask")
        wide = offer.ask - offer.bid
        if not spread_within(spread, wide, limits.option_spread_fraction, limits.option_spread_absolute):
            return stages.SPREAD, Refusal("spread too wide", spread, limits.option_spread_fraction, "fraction")
        if limits.open_interest_min is not None and (offer.open_interest or 0) < limits.open_interest_min:
            interest = None if offer.open_interest is None else Decimal(offer.open_interest)
            return stages.INTEREST, Refusal("open interest too small", interest, limits.open_interest_min, "contracts")
        return None

    def _delta(self, offer: Offer, blind: bool) -> tuple[float | None, str, float | None, Fault | None]:
        """Find delta, its source and the volatility: the broker's, ours from the mid, the distance (wheel 1.19)."""
        delta, source, volatility = offer.delta, str(self.chain.greeks), offer.volatility
        if delta is None:
            source = "model"
            delta, implied = delta_from_mid(
                offer.right, offer.strike, offer.expiry, mid_price(offer.bid, offer.ask), self.spot, self.at
            )
            volatility = implied if implied is not None else volatility
        odd = anomaly(volatility)
        if odd is not None:
            return delta, source, volatility, (stages.ANOMALY, odd)
        if delta is not None:
            size = from_float(abs(delta))
            inside = self.aim.delta_min <= size <= self.aim.delta_max
            return delta, source, volatility, None if inside else (stages.DELTA, _band_miss(self.aim, delta))
        return None, "otm", volatility, self._distance_fault(offer, blind)

    def _distance_fault(self, offer: Offer, blind: bool) -> Fault | None:
        """Hold a row without any delta to half and double the configured distance out of the money.

        Only where no delta of its expiry is known: one hole in a good column is a fault of the data.
        """
        target = self.numbers.otm_fallback
        if target is None:
            return stages.UNKNOWN, Refusal("delta unknown and the OTM fallback is off")
        if not blind:
            return stages.UNKNOWN, Refusal("delta unknown where its neighbours' is known")
        away = self.spot - offer.strike if offer.right == "put" else offer.strike - self.spot
        distance = away / self.spot
        if target / 2 <= distance <= target * 2:
            return None
        return stages.UNKNOWN, Refusal(
            "delta unknown, distance far from the OTM fallback", distance, target, "fraction"
        )

    def _pay_fault(self, limit: Decimal | None, annual: Decimal | None, expiry: date) -> Fault | None:
        least, yield_min = self.numbers.credit_min, self.aim.yield_min
        if limit is None or annual is None:
            return stages.QUOTE, Refusal("no valid bid and ask")
        if least is not None and limit < least:
            return stages.CREDIT, Refusal("credit too small", limit, least, "usd")
        if yield_min is not None and annual < yield_min:
            return stages.YIELD, Refusal("annualised yield too small", annual, yield_min, "fraction")
        if self.aim.earnings_avoided:
            miss = earnings_before(self.events, self.info, self.today, expiry)
            if miss is not None:
                return stages.EARNINGS, miss
        return None

    def survey(self, refusal: Refusal | None) -> Survey:
        """Put candidates in order, misses behind them, nearest first."""
        inside = sorted((one for one in self.found if not one.out), key=self._rank_key)
        outside = sorted((one for one in self.found if one.out), key=self._miss_key)
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

    def _miss_key(self, one: Candidate) -> tuple[int, Decimal, int, str]:
        short = ZERO if one.value is None or one.bound is None else abs(one.value - one.bound)
        return -one.stage, short, abs(one.dte - self.aim.dte_target), one.symbol


def _band_miss(aim: Aim, delta: float | None) -> Refusal:
    if delta is None:
        return Refusal("delta unknown and in the money")
    size = from_float(round(abs(delta), 4))
    below = size < aim.delta_min
    bound = aim.delta_min if below else aim.delta_max
    return Refusal(f"delta {'below' if below else 'above'} the band", size, bound, "delta")
