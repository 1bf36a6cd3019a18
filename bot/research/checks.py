"""Checks on any planner: does it see what comes later, when is it warm, is its result more than luck. Pure.

What runs the ticks is handed in; here their verdicts are compared and chances are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from math import exp, fsum, isfinite, lgamma, log, log1p
from random import Random
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from bot.domain.errors import BadNumber, UsageError
from bot.domain.facts import Fact
from bot.domain.market import BarsRequest
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Strategy

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Judged(NamedTuple):
    """What one tick came to: a hash over all verdicts and notes, and in words what was wanted."""

    at: datetime
    seal: bytes
    words: str
    wants: bool


class Moved(Fact, frozen=True, kw_only=True):
    """A verdict that was another one once what came after a cut was gone."""

    cut: datetime
    at: datetime
    whole: str
    cut_off: str


class LookAhead(Fact, frozen=True, kw_only=True):
    """The result of a look-ahead check: where the tape was cut, how many ticks were compared, what moved first."""

    cuts: tuple[datetime, ...]
    ticks: int
    compared: int
    moved: tuple[Moved, ...] = ()


def judged(at: datetime, verdicts: Sequence[Verdict], notes: Sequence[Note]) -> Judged:
    """Take down what a tick came to."""
    words = "; ".join(_wanted(one) for one in verdicts) or "nothing wanted"
    return Judged(at, sha256(_encode((verdicts, notes))).digest(), words, bool(verdicts))


def _wanted(verdict: Verdict) -> str:
    refusing = [check.gate for check in verdict.checks if not check.ok]
    return words_of(verdict.intent) + (f" (refused by {', '.join(refusing)})" if refusing else "")


def words_of(intent: OrderIntent) -> str:
    """Say an intent in short."""
    price = "" if intent.limit_price is None else f" at {intent.limit_price}"
    legs = ", ".join(f"{leg.side} {leg.symbol}" for leg in intent.legs)
    return f"{intent.strategy}: {intent.purpose} {intent.qty} {legs}{price}"


def cuts_of(whole: Sequence[Judged], count: int) -> tuple[datetime, ...]:
    """Choose where to cut: half at ticks that wanted something, the rest evenly over the run, never its last tick.

    A cut at a tick leaves that tick everything it may know and nothing more: one bar seen too early shows there.
    """
    if count < 1:
        raise UsageError(f"expected one cut or more, got {count}")
    if len(whole) < 2:
        raise UsageError(f"{len(whole)} ticks cannot be cut: take a longer span")
    inner = whole[:-1]
    wanting = [one.at for one in inner if one.wants]
    found = {*_spread(wanting, (count + 1) // 2)}
    for at in _spread([one.at for one in inner], 4 * count)[::-1]:
        if len(found) >= min(count, len(inner)):
            break
        found.add(at)
    return tuple(sorted(found))


def _spread(values: Sequence[datetime], count: int) -> list[datetime]:
    """Give so many of the values, evenly spread."""
    if len(values) <= count:
        return list(values)
    return [values[(2 * place + 1) * len(values) // (2 * count)] for place in range(count)]


def lookahead(run: Callable[[datetime | None], Iterable[Judged]], count: int = 8) -> LookAhead:
    """Run the whole, then again with everything after each of several moments gone: no verdict until then may move.

    `run(None)` ticks over the whole span, `run(cut)` over a world that knows nothing later than `cut`, until `cut`.
    """
    whole = tuple(run(None))
    cuts = cuts_of(whole, count)
    compared, moved = 0, []
    for cut in cuts:
        for known, again in zip(whole, run(cut), strict=False):
            if again.at > cut:
                break
            compared += 1
            if (known.at, known.seal) != (again.at, again.seal):
                moved.append(Moved(cut=cut, at=again.at, whole=known.words, cut_off=again.words))
                break
    moved.sort(key=lambda one: (one.at, one.cut))
    return LookAhead(cuts=cuts, ticks=len(whole), compared=compared, moved=tuple(moved))


class WarmUp(Fact, frozen=True, kw_only=True):
    """How much past a strategy's wishes hang on. `asked` bars are the most it asks for; 0: it asks for none.

    `settled` is the least number of bars from which on every wish was as with all it asks for. `early` are wishes made
    on fewer that all the bars would not have made: (bars, when, words), the most bars first. `impure` is a moment that
    decided twice gave two answers: it remembers what it was shown, which no planner may. `most` is the most bars the
    data gave; `looked_at` counts the moments that had all of them, without which nothing can be said.
    """

    strategy: str
    asked: int
    most: int
    looked_at: int
    settled: int | None = None
    early: tuple[tuple[int, datetime, str], ...] = ()
    impure: datetime | None = None

    @property
    def hidden(self) -> bool:
        """Say whether it acts before it is warm, or hangs on what it was shown before."""
        return bool(self.early) or self.impure is not None


def warm_up(strategy: Strategy, snapshots: Sequence[Snapshot]) -> WarmUp:
    """Let a strategy plan the same moments on all its bars and on ever fewer of the last: when do its wishes settle?

    A Snapshot holds what was held at that moment, so exits are looked at too. Only what is wanted counts, not the
    notes: a strategy that is silent until it has its bars is warm with those.
    """
    asked = max((_asked(one, strategy) for one in snapshots), default=0)
    full = [one for one in snapshots if not asked or min(_shown(one), default=0) >= asked]
    most = max((max(_shown(one), default=0) for one in snapshots), default=0)
    found = WarmUp(strategy=strategy.name, asked=asked, most=most, looked_at=len(full))
    firsts = [_wishes(one, strategy) for one in full]
    for snapshot, first in zip(full[::-1], firsts[::-1], strict=True):
        if _wishes(snapshot, strategy) != first:
            return replace(found, impure=snapshot.at)
    if not asked or not full:
        return found
    settled, same, early = asked, True, []
    for count in range(asked - 1, 0, -1):
        more, equal = _on_fewer(full, firsts, strategy, count)
        same = same and equal
        settled = count if same else settled
        early += [] if more is None else [(count, *more)]
    return replace(found, settled=settled, early=tuple(early))


def _on_fewer(
    full: Sequence[Snapshot], firsts: Sequence[tuple[OrderIntent, ...]], strategy: Strategy, count: int
) -> tuple[tuple[datetime, str] | None, bool]:
    """Plan every moment on `count` bars: the first wish that all bars would not have made, and whether all agree."""
    equal = True
    for snapshot, first in zip(full, firsts, strict=True):
        wishes = _wishes(_shortened(snapshot, count), strategy)
        equal = equal and wishes == first
        more = [one for one in wishes if one not in first]
        if more:
            return (snapshot.at, "; ".join(words_of(one) for one in more)), False
    return None, equal


def _asked(snapshot: Snapshot, strategy: Strategy) -> int:
    known = Holdings(
        session=snapshot.session, account=snapshot.account, positions=snapshot.positions,
        own_orders=snapshot.own_orders, books=snapshot.books, halt=snapshot.halt, follow_up=snapshot.follow_up,
    )  # fmt: skip
    wanted = strategy.planner.needs(known, strategy.params, snapshot.at)
    return max((one.count for one in wanted if isinstance(one, BarsRequest)), default=0)


def _shown(snapshot: Snapshot) -> list[int]:
    return [len(one.bars) for one in snapshot.bars]


def _shortened(snapshot: Snapshot, count: int) -> Snapshot:
    return replace(snapshot, bars=tuple(replace(one, bars=one.bars[-count:]) for one in snapshot.bars))


def _wishes(snapshot: Snapshot, strategy: Strategy) -> tuple[OrderIntent, ...]:
    try:
        return strategy.planner.plan(snapshot, strategy.params).intents
    except Exception:  # noqa: BLE001  a planner that raises loses its turn in the tick too: it wants nothing
        return ()


class Luck(Fact, frozen=True, kw_only=True):
    """A result among those on shuffled data. `chance` is p: how often luck alone does as well, within low..high (95 %).

    (as good + 1) / (shuffles + 1) (Phipson and Smyth 2010); the interval is Clopper and Pearson's (1934) around the
    share that was as good.
    """

    result: float
    shuffles: int
    as_good: int
    chance: float
    low: float
    high: float


def luck(result: float, shuffled: Sequence[float]) -> Luck:
    """Count how often shuffled data did as well; raises UsageError without one, BadNumber where one is not finite.

    >>> luck(3.0, [1.0, 2.0, 4.0]).chance
    0.5
    """
    if not shuffled:
        raise UsageError("expected one shuffle or more")
    if not all(isfinite(one) for one in (result, *shuffled)):
        raise BadNumber("results: expected finite numbers")
    count = len(shuffled)
    as_good = sum(one >= result - 1e-9 for one in shuffled)
    low, high = exact_interval(as_good, count)
    return Luck(result=result, shuffles=count, as_good=as_good, chance=(as_good + 1) / (count + 1), low=low, high=high)


def exact_interval(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Give the Clopper-Pearson interval of a share.

    >>> [round(one, 4) for one in exact_interval(0, 20)], [round(one, 4) for one in exact_interval(4, 20)]
    ([0.0, 0.1684], [0.0573, 0.4366])
    """
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else _root(lambda share: 1 - _at_most(hits - 1, count, share) - tail)
    high = 1.0 if hits == count else _root(lambda share: tail - _at_most(hits, count, share))
    return low, high


def _at_most(hits: int, count: int, share: float) -> float:
    if share in (0.0, 1.0):
        return 1.0 if share == 0.0 or hits >= count else 0.0
    terms = (
        lgamma(count + 1) - lgamma(one + 1) - lgamma(count - one + 1) + one * log(share) + (count - one) * log1p(-share)
        for one in range(hits + 1)
    )
    return min(1.0, fsum(exp(one) for one in terms))


def _root(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def shuffled_places(count: int, block: int, seed: int) -> list[int]:
    """Give places 0..count-1 in blocks of neighbours whose order is drawn anew; each place stands once.

    >>> shuffled_places(6, 3, 1), sorted(shuffled_places(7, 2, 1))
    ([3, 4, 5, 0, 1, 2], [0, 1, 2, 3, 4, 5, 6])
    """
    if count < 1 or not 1 <= block <= count:
        raise UsageError(f"a block: expected 1 to {count} bars, got {block}")
    starts = list(range(0, count, block))
    Random(seed).shuffle(starts)
    return [place for start in starts for place in range(start, min(start + block, count))]
