"""The losing streak brought up to what this tick's settlement ended (wheel 2.19). Pure.

The journal counts what was settled before; a chain that ends now counts now, not a slot later.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bot.domain.money import ZERO
from bot.engine.ports import Memory, Settlement
from bot.engine.settle_pacing import ASSIGNED


def streak_after(memory: Memory, settlement: Settlement) -> int | None:
    """Give the losing chains in a row after a settlement; None where the journal does not know its own."""
    streak = memory.losing_chains
    if streak is None:
        return None
    for _, income in sorted(_ended(memory, settlement), key=lambda one: one[0]):
        streak = streak + 1 if income < ZERO else 0
    return streak


def _ended(memory: Memory, settlement: Settlement) -> list[tuple[datetime, Decimal]]:
    """Give when each chain and each cycle with shares assigned ended now, and what it came to; neutral ones apart."""
    books = settlement.books
    alive = {leg.chain or leg.id for leg in books.legs} | {roll.chain for roll in books.rolls}
    before = {one.chain: one for one in memory.books.chains}
    ends: dict[str, tuple[datetime, Decimal]] = {}
    neutral = {one.chain for one in memory.books.chains if one.assigned}
    for end in settlement.leg_ends:
        key = end.leg.chain or end.leg.id
        if key in alive:
            continue
        if end.how in ASSIGNED:
            neutral.add(key)
        known = before.get(key)
        at, income = ends.get(key, (end.at, ZERO if known is None else known.income))
        ends[key] = max(at, end.at), income + end.income
    for roll in settlement.rolls_ended:
        known = before.get(roll.chain)
        if roll.chain not in alive and roll.chain not in ends and known is not None:
            moment = books.settled_at or roll.started_at  # a roll given up ends its chain now
            ends[roll.chain] = moment, known.income
    found = [end for key, end in ends.items() if key not in neutral]
    for cycle in settlement.cycles_closed:
        if cycle.assignments and cycle.closed_at is not None:
            found.append((cycle.closed_at, cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees))
    return found
