"""What a gate may know: the Snapshot, the desk's limits, and what this tick has approved so far."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from bot.domain.checks import CheckResult, allowed, show
from bot.domain.claims import Claim, beyond, claim_of
from bot.domain.desk import BarParams, Desk, Limits, TrailingParams, WheelNumbers
from bot.domain.exposure import FreeCash, Standing, free_cash, price_of, standing_of
from bot.domain.facts import WideFact
from bot.domain.instruments import Contract, is_option, parse_option
from bot.domain.market import Quote
from bot.domain.money import ZERO, plain
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.risk import loss_max, predecessor_of, reduces_risk, stress_of_order
from bot.domain.snapshot import Snapshot
from bot.domain.wheelmath import collateral

Kind = Literal["cancel", "exit", "entry", "roll"]


class Wish(NamedTuple):
    """What one intent comes to in one Case, computed once for all gates.

    `kind`: a cancellation; an exit (it reduces risk); a roll's opening leg; anything else is an entry. `whole` is
    what the order claims; `added` what it claims beyond the order it replaces and the roll reserve it uses.
    `stress` and `loss` are None where they cannot be known; `contract` is set for a single option leg.
    """

    intent: OrderIntent
    kind: Kind
    reduces: bool
    whole: Claim
    added: Claim
    predecessor: OwnOrder | None
    loss: Decimal | None
    stress: Decimal | None
    contract: Contract | None

    @property
    def sells_call(self) -> bool:
        """Say whether it sells a call on shares held."""
        return self.whole.calls > 0 and self.contract is not None

    @property
    def adds_loss(self) -> bool:
        """Say whether it can lose money of its own: a covered call cannot, the shares carry it (wheel 1.2)."""
        return self.kind in ("entry", "roll") and (self.loss is None or self.loss > 0)


class Memo:
    """What successive Cases of one tick share: figures of the Snapshot, looked up once."""

    __slots__ = ("bars", "quotes", "wheels")

    def __init__(self, desk: Desk) -> None:
        self.quotes: dict[str, Quote | None] = {}
        self.wheels = {params.name: params for _, _, params in desk.wheels}
        self.bars = {params.name: params for _, _, params in desk.bars}


class Case(WideFact, frozen=True, kw_only=True):
    """One moment of the fold: successive Cases differ only in what has been accepted (design 6)."""

    snapshot: Snapshot
    desk: Desk
    accepted: tuple[OrderIntent, ...] = ()

    @property
    def limits(self) -> Limits:
        """Give the desk's limits."""
        return self.desk.limits

    @cached_property
    def memo(self) -> Memo:
        """Look-ups shared with the Cases that follow from this one."""
        return Memo(self.desk)

    @cached_property
    def standing(self) -> Standing:
        """What stood before this tick's orders."""
        return standing_of(self.snapshot)

    @cached_property
    def granted(self) -> tuple[Wish, ...]:
        """What each accepted intent came to when it was judged."""
        case = Case(snapshot=self.snapshot, desk=self.desk)
        for intent in self.accepted:
            case = case.accepting(intent)
        return case.granted if self.accepted else ()

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """What the accepted intents add, in order."""
        return tuple(wish.added for wish in self.granted)

    @cached_property
    def free_cash(self) -> FreeCash:
        """Free cash before any buffer, with the terms the broker did not say (wheel 2.6)."""
        return free_cash(self.snapshot, self.claims)

    @cached_property
    def _wishes(self) -> dict[int, Wish]:
        return {}

    def accepting(self, intent: OrderIntent) -> Case:
        """Give the next Case: the same moment with one more approved intent."""
        following = Case(snapshot=self.snapshot, desk=self.desk, accepted=(*self.accepted, intent))
        facts = following.__dict__
        facts["memo"] = self.memo
        facts["granted"] = (*self.granted, self.wish(intent))
        return following

    def wish(self, intent: OrderIntent) -> Wish:
        """Give what an intent comes to here; computed once."""
        found = self._wishes.get(id(intent))
        if found is None or found.intent is not intent:
            found = self._wishes[id(intent)] = self._measure(intent)
        return found

    def _measure(self, intent: OrderIntent) -> Wish:
        reduces = reduces_risk(intent, self.snapshot, self.claims)
        kind: Kind = "exit" if reduces else "roll" if intent.purpose == "roll_open" else "entry"
        if intent.action == "cancel":
            kind = "cancel"
        spot = price_of(self.snapshot, intent.underlying)
        paid = self._paid(intent, spot)
        predecessor = predecessor_of(intent, self.snapshot)
        whole = claim_of(intent, intent.qty, paid)
        before = self.standing.claims.get(predecessor.client_order_id) if predecessor is not None else None
        stress = stress_of_order(intent, intent.qty, spot)
        if stress is not None and paid is not None and spot is not None:
            stress += (paid - spot) * intent.qty
        if predecessor is not None and stress is not None:
            stress -= max(stress_of_order(predecessor, predecessor.remaining, spot) or ZERO, ZERO)
        single = len(intent.legs) == 1 and is_option(intent.legs[0].symbol)
        return Wish(
            intent=intent,
            kind=kind,
            reduces=reduces,
            whole=whole,
            added=self._less_reserve(intent, beyond(whole, before)),
            predecessor=predecessor,
            loss=loss_max(intent, paid),
            stress=None if stress is None else max(stress, ZERO),
            contract=parse_option(intent.legs[0].symbol) if single else None,
        )

    def _paid(self, intent: OrderIntent, spot: Decimal | None) -> Decimal | None:
        """Give the price that an order without a limit is counted at: shares bought at the market cost the ask."""
        bought = any(leg.position_intent == "buy_to_open" and not is_option(leg.symbol) for leg in intent.legs)
        if spot is None or intent.limit_price is not None or not bought:
            return spot
        quote = self.quote(intent.underlying)
        return spot if quote is None or quote.ask is None else max(spot, quote.ask)

    def _less_reserve(self, intent: OrderIntent, claim: Claim) -> Claim:
        """Take what a roll has kept free off the claim of its opening leg (wheel 1.5)."""
        reserve = self.standing.reserves.get(intent.roll) if intent.purpose == "roll_open" else None
        if reserve is None:
            return claim
        used = sum((wish.whole.contracts for wish in self.granted if wish.intent.roll == intent.roll), ZERO)
        contracts = min(max(reserve.contracts - used, ZERO), intent.qty)
        if reserve.right == "call":
            return claim._replace(calls=max(ZERO, claim.calls - contracts))
        kept = collateral(reserve.strike, contracts)
        return claim._replace(collateral=max(ZERO, claim.collateral - kept), puts=max(ZERO, claim.puts - contracts))

    def quote(self, symbol: str) -> Quote | None:
        """Give the quote of a share or series, from the quotes read or from its chain."""
        quotes = self.memo.quotes
        if symbol not in quotes:
            quotes[symbol] = self.snapshot.quote_of.get(symbol) or _quote_in_chain(self.snapshot, symbol)
        return quotes[symbol]

    def wheel_numbers(self, intent: OrderIntent) -> WheelNumbers | None:
        """Give the wheel's numbers for an intent's strategy and underlying, if a wheel made it."""
        params = self.memo.wheels.get(intent.strategy)
        return params.numbers.get(intent.underlying) if params is not None else None

    def bar_params(self, intent: OrderIntent) -> BarParams | None:
        """Give the strategy on bars that made an intent."""
        return self.memo.bars.get(intent.strategy)

    def trailing_params(self, intent: OrderIntent) -> TrailingParams | None:
        """Give the trailing-stop strategy that made an intent."""
        for _, _, params in self.desk.trailing_stops:
            if params.name == intent.strategy:
                return params
        return None


Gate = Callable[[OrderIntent, Case], CheckResult]


def _quote_in_chain(snapshot: Snapshot, symbol: str) -> Quote | None:
    if not is_option(symbol):
        return None
    contract = parse_option(symbol)
    chain = snapshot.chain_of.get((contract.root, contract.right))
    if chain is None:
        return None
    strike = int(contract.strike * 1000)
    for slab in chain.slabs:
        if slab.expiry == contract.expiry:
            row = bisect_left(slab.strikes, strike)
            if row < len(slab.strikes) and slab.strikes[row] == strike:
                return chain.offer(slab, row).as_quote()
    return None


@lru_cache(maxsize=1024)
def idle(gate: str, why: str) -> CheckResult:
    """Allow because the gate has nothing to say here."""
    return allowed(gate, f"does not apply: {why}")


CANCELS = "a cancellation"
REDUCES = "it reduces risk"
OPENS_NOTHING = "it opens nothing"
NO_OPTION = "no option"
RESTS = "a resting stop has no limit to compare"
_FRACTION_STEP = Decimal("0.000001")


def share_at_most(
    gate: str, amount: Decimal | None, equity: Decimal, limit: Decimal | None, what: str, *, adds: bool = True
) -> CheckResult:
    """Compare dollars with a share of equity, exactly; the value shown is the fraction.

    An intent that adds nothing to the figure passes and shows it (wheel 1.2).
    """
    if limit is None:
        return idle(gate, "no limit is set (off)")
    if amount is None:
        if not adds:
            return idle(gate, "it adds nothing to this figure, which is unknown")
        return CheckResult(
            gate=gate, ok=False, reason=f"{what} is unknown: something held has no price", limit=limit, unit="fraction"
        )
    if equity <= 0:
        if not adds:
            return idle(gate, "it adds nothing to this figure")
        return CheckResult(
            gate=gate,
            ok=False,
            reason=f"equity is {plain(equity)} USD: no share of it is left",
            limit=limit,
            unit="fraction",
        )
    within = amount <= limit * equity
    value = (amount / equity).quantize(_FRACTION_STEP, ROUND_HALF_EVEN if within else ROUND_CEILING)
    word = "within" if within else "above"
    reason = f"{what} {show(value, 'fraction')} is {word} {show(limit, 'fraction')} of equity"
    if not adds:
        reason = f"it adds nothing: {reason}"
    return CheckResult(
        gate=gate,
        ok=within or not adds,
        reason=reason,
        value=value,
        limit=limit,
        unit="fraction",
        distance=limit - value,
    )


def count_at_most(gate: str, value: Decimal, limit: Decimal | None, unit: str, what: str, *, adds: bool) -> CheckResult:
    """Compare a count with its cap; what adds nothing passes and shows the figure (wheel 1.2)."""
    if limit is None:
        return idle(gate, "no limit is set (off)")
    within = value <= limit
    reason = f"{what}: {plain(value)} of at most {plain(limit)}"
    if not adds:
        reason = f"it adds nothing: {reason}"
    return CheckResult(
        gate=gate,
        ok=within or not adds,
        reason=reason,
        value=value,
        limit=limit,
        unit=unit,
        distance=limit - value,
    )
