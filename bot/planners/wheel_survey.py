"""What a look at one chain comes to: candidates in order, and how the others fell."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from bot.domain.desk import WheelNumbers
from bot.domain.facts import Fact
from bot.domain.instruments import Right
from bot.domain.market import Slab
from bot.domain.money import ZERO
from bot.domain.wheelmath import credit_for_yield
from bot.planners.wheel_state import Refusal

# From the first sieve to the last: a miss at a later stage is a nearer miss.
STAGES = (
    "no standard contract", "outside the delta band", "below the call floor", "without a two-sided quote",
    "spread too wide", "open interest too small", "volatility an anomaly", "delta unknown",
    "credit too small", "yield too small", "earnings",
)  # fmt: skip
STANDARD, DELTA, FLOOR, QUOTE, SPREAD, INTEREST, ANOMALY, UNKNOWN, CREDIT, YIELD, EARNINGS = range(len(STAGES))


class Candidate(Fact, frozen=True, kw_only=True):
    """One series as the wheel judges it. Prices per share; `distance` out of the money as a fraction of spot.

    `limit` is the first limit (step 0), `annual_yield` at that limit, `collateral` for one contract (calls: 0).
    `out` says what stands against it ("" when nothing does), with `value` against `bound` in `unit`; `rank`
    counts from 1 among those that are in, 0 for the others.
    """

    symbol: str
    underlying: str
    right: Right
    expiry: date
    strike: Decimal
    dte: int
    bid: Decimal | None
    ask: Decimal | None
    penny: bool
    open_interest: int | None
    volatility: float | None
    delta: float | None
    delta_source: str
    distance: Decimal
    spread: Decimal | None = None
    limit: Decimal | None = None
    credit_floor: Decimal = ZERO
    annual_yield: Decimal | None = None
    collateral: Decimal = ZERO
    out: str = ""
    stage: int = -1
    value: Decimal | None = None
    bound: Decimal | None = None
    unit: str = ""
    rank: int = 0


class Aim(NamedTuple):
    """What is looked for on one side: the numbers of that side, side-free."""

    right: Right
    dte_min: int
    dte_max: int
    dte_target: int
    delta_min: Decimal
    delta_target: Decimal
    delta_max: Decimal
    yield_min: Decimal | None
    earnings_avoided: bool


class Row(NamedTuple):
    """A row worth judging: nearness of its expiry, days, nearness of its delta, the safer strike first; where it is."""

    days_off: int
    dte: int
    off: int
    strike: int
    slab: Slab
    row: int
    blind: bool


class Survey(NamedTuple):
    """What a look at one chain came to: candidates best first, misses behind, and how many fell where."""

    right: Right
    aim: Aim
    candidates: tuple[Candidate, ...]
    counts: tuple[int, ...]
    considered: int
    refusal: Refusal | None = None

    @property
    def best(self) -> Candidate | None:
        """Give the first choice, or None."""
        first = self.candidates[0] if self.candidates else None
        return first if first is not None and not first.out else None

    def why_none(self) -> Refusal:
        """Say why nothing is in: how many fell where, and the nearest miss with its number."""
        if self.refusal is not None:
            return self.refusal
        if not self.considered:
            return Refusal(f"no {self.right} is listed {self.aim.dte_min} to {self.aim.dte_max} days out")
        fell = ", ".join(f"{count} {STAGES[stage]}" for stage, count in enumerate(self.counts) if count)
        what = f"of {self.considered} {self.right}s {self.aim.dte_min}-{self.aim.dte_max} days out: {fell}"
        if not self.candidates:
            return Refusal(what)
        near = self.candidates[0]
        return Refusal(f"nearest miss {near.symbol}: {near.out}; {what}", near.value, near.bound, near.unit)


def aim_of(numbers: WheelNumbers, right: Right) -> Aim:
    """Pick one side's numbers."""
    if right == "put":
        return Aim(
            right, numbers.put_dte_min, numbers.put_dte_max, numbers.put_dte_target, numbers.put_delta_min,
            numbers.put_delta_target, numbers.put_delta_max, numbers.put_yield_min, numbers.earnings_avoided_put,
        )  # fmt: skip
    return Aim(
        right, numbers.call_dte_min, numbers.call_dte_max, numbers.call_dte_target, numbers.call_delta_min,
        numbers.call_delta_target, numbers.call_delta_max, numbers.call_yield_min, numbers.earnings_avoided_call,
    )  # fmt: skip


def credit_floor(numbers: WheelNumbers, aim: Aim, base: Decimal, dte: int) -> Decimal:
    """Give the least credit per share an order may ask: the minimum credit and the minimum yield (wheel 2.5)."""
    floor = numbers.credit_min or ZERO
    if aim.yield_min is not None and dte > 0:
        floor = max(floor, credit_for_yield(aim.yield_min, base, dte))
    return floor
