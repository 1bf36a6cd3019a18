"""Why a day went otherwise than its simulation: each difference as money, by swapping one input after the other. Pure.

A run is what moved money in one account from the same start: fills, lines of history, fees owed. Its end is worth the
start plus what each movement is worth on the recorded marks of the day's last tick. The first run is all simulated,
each following one swaps one more input for what live had, the last one is all live: a term is the difference of two
neighbours, so the terms come to the whole difference by construction. What the broker's own numbers say beyond that is
the remainder, and it is the proof: books that lack a line show here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from bot.domain.instruments import is_option
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO
from bot.domain.parity import TERMS, Movement, Pair, Part, Run, Sent, Term

FEES = "FEE"


def worth(movement: Movement, marks: Mapping[str, Decimal]) -> Decimal:
    """Give what a movement is worth at the end: the money it moved and the position it changed at its mark.

    >>> one = Movement(kind="FILL", symbol="XLF", qty=Decimal(-10), net=Decimal(400), at=datetime(2026, 1, 2))
    >>> worth(one, {"XLF": Decimal("39.50")})
    Decimal('5.00')
    """
    if not movement.qty:
        return movement.net
    unit = SHARES_PER_CONTRACT if is_option(movement.symbol) else ONE
    return movement.net + movement.qty * marks[movement.symbol] * unit


def gained(run: Run, accrued_before: Decimal, marks: Mapping[str, Decimal]) -> Decimal:
    """Give what a run made of its start: every movement, less the fees it owes more than at the start."""
    return sum((worth(one, marks) for one in run.movements), accrued_before - run.accrued)


def parts_of(run: Run, accrued_before: Decimal, marks: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Give what each order made, by its id, and each kind of line, by its word; together it is what was gained."""
    found: Counter[str] = Counter()
    for one in run.movements:
        found[one.order or one.kind] += worth(one, marks)  # type: ignore[assignment]
    found[FEES] += accrued_before - run.accrued  # type: ignore[assignment]
    return dict(found)  # type: ignore[arg-type]


def attribute(runs: Sequence[Run], accrued_before: Decimal, marks: Mapping[str, Decimal]) -> tuple[Term, ...]:
    """Give the terms of runs in the order of TERMS: the first run is all simulated, each next one swaps one more."""
    assert len(runs) == len(TERMS) + 1, f"{len(runs)} runs for {len(TERMS)} terms"
    sums = [parts_of(run, accrued_before, marks) for run in runs]
    terms = []
    for (name, what), before, after in zip(TERMS, sums, sums[1:], strict=False):
        differs = {key: after.get(key, ZERO) - before.get(key, ZERO) for key in {**before, **after}}
        parts = tuple(Part(name=key, amount=amount) for key, amount in differs.items() if amount)
        terms.append(Term(name=name, what=what, amount=sum(differs.values(), ZERO), parts=parts))
    return tuple(terms)


def side_by_side(live: Iterable[Sent], simulated: Iterable[Sent]) -> tuple[Pair, ...]:
    """Put orders beside each other by their id, oldest first.

    An order's id names its wish, slot and attempt: the same id on both sides is the same decision, and the same wish
    of another moment is another one.
    """
    theirs = {one.order: one for one in simulated}
    pairs = [Pair(live=one, simulated=theirs.pop(one.order, None)) for one in live]
    pairs += [Pair(live=None, simulated=one) for one in theirs.values()]
    return tuple(sorted(pairs, key=_moment))


def _moment(pair: Pair) -> tuple[datetime, str]:
    shown = pair.live or pair.simulated
    assert shown is not None
    return shown.at, shown.order
