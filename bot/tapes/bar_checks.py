"""What is looked at in the bars of one symbol before a tape is made of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, pairwise

from bot.tapes.bars_in import DAY_SECONDS, BarOptions, Row
from bot.tapes.hours import bounds_between, day_of
from bot.tapes.reading import Findings

SPLITS = tuple(Decimal(one) for one in ("1.5", "2", "3", "4", "5", "6", "7", "8", "10", "15", "20", "25", "50"))
JUMP, END_STAMPS, OUTSIDE = "split-like jump", "look-ahead by end stamps", "outside sessions"
ACCEPTABLE = (JUMP, END_STAMPS, OUTSIDE)
"""What may be right as it stands: the owner can accept it. Everything else that refuses is a fault."""
NEAR = Decimal("0.04")
"""How near a night's jump must be to a split's ratio to look like one."""


def ordered(symbol: str, rows: list[Row], options: BarOptions, findings: Findings) -> list[Row]:
    """Give the rows oldest first, one a stamp. A file that is wholly newest first is turned round.

    Others out of order, and two rows of one stamp, refuse the import unless the owner said which one stays.
    """
    if len(rows) > 1 and all(one.start > later.start for one, later in pairwise(rows)):
        findings.add("newest first", symbol=symbol, words="the whole file, turned round")
        rows = rows[::-1]
    refuses = not options.keep
    for one, later in pairwise(rows):
        if later.start < one.start:
            findings.add("out of order", later.label, "an earlier stamp follows", symbol=symbol, refuses=refuses)
    kept: list[Row] = []
    for _, same in groupby(sorted(rows, key=lambda one: one.start), key=lambda one: one.start):
        twins = list(same)
        for one in twins[1:]:
            alike = "the same prices" if one.prices == twins[0].prices else "other prices"
            findings.add("duplicate", one.label, f"{alike} as row {twins[0].label}", symbol=symbol, refuses=refuses)
        kept.append(twins[-1] if options.keep == "last" else twins[0])
    return kept


def check(
    symbol: str, rows: Sequence[Row], options: BarOptions, step: int, now_seconds: int, split_days: frozenset[date],
    findings: Findings,
) -> None:  # fmt: skip
    """Look for overlaps, gaps, days without trading, jumps like a split, and stamps that tell the future."""
    for one, later in pairwise(rows):
        if later.start < one.end:
            words = f"it starts {one.end - later.start} s before row {one.label} ended: is the step {step} s?"
            findings.add("overlap", later.label, words, symbol=symbol, refuses=True)
    for row in rows:
        if row.end > now_seconds:
            findings.add("look-ahead stamp", row.label, "the bar had not ended yet", symbol=symbol, refuses=True)
    first, last = day_of(rows[0].start), day_of(rows[-1].end)
    days = bounds_between(first, last + timedelta(days=1), options.always_open)
    _gaps(symbol, rows, step, days, findings)
    _flat_days(symbol, rows, findings)
    if options.always_open:
        return
    if step < DAY_SECONDS and options.stamp == "start":
        _end_stamps(symbol, rows, days, findings)
    if step < DAY_SECONDS:
        _outside(symbol, rows, days, findings)
    _jumps(symbol, rows, split_days, findings)


def _outside(symbol: str, rows: Sequence[Row], days: Sequence[tuple[date, int, int]], findings: Findings) -> None:
    """Count bars that no session holds; where most are such, their clock is another one than was said."""
    opens = [one[1] for one in days]
    outside = []
    for row in rows:
        day = bisect_right(opens, row.start) - 1
        if day < 0 or row.start >= days[day][2]:
            outside.append(row.label)
    if outside:
        most = 2 * len(outside) > len(rows)
        words = "kept: nothing trades on them, and signals of their own step see them"
        if most:
            words = "most bars begin outside the sessions of New York: see --zone, or say --always-open"
        for label in outside:
            findings.add(OUTSIDE, label, words, symbol=symbol, refuses=most)


def _gaps(
    symbol: str, rows: Sequence[Row], step: int, days: Sequence[tuple[date, int, int]], findings: Findings
) -> None:
    opens, closes = [one[1] for one in days], [one[2] for one in days]
    before = [0]
    for _, opened, closed in days:
        before.append(before[-1] + closed - opened)

    def traded(until: int) -> int:
        """Count the seconds of trading before a moment."""
        day = bisect_right(opens, until) - 1
        return 0 if day < 0 else before[day] + min(until, closes[day]) - opens[day]

    places: list[tuple[int, str]] = []
    for one, later in pairwise(rows):
        if later.start <= one.end:
            continue
        if step >= DAY_SECONDS:
            missing = bisect_left(opens, later.start) - bisect_right(opens, one.end - 1)
        else:
            missing = (traded(later.start) - traded(one.end)) // step
        if missing > 0:
            places.append((missing, one.label))
    if places:
        most, label = max(places, key=lambda one: one[0])
        words = f"missing in all: {sum(one[0] for one in places)}; most at one place: {most}, after row {label}"
        for _, row in places:
            findings.add("gap", row, words, symbol=symbol)


def _flat_days(symbol: str, rows: Sequence[Row], findings: Findings) -> None:
    if not any(row.volume for row in rows):
        findings.add("no volume", symbol=symbol, words="none told: sizes count as unknown")
        return
    for day, some in groupby(rows, key=lambda one: day_of(one.start)):
        bars = list(some)
        prices = {price for one in bars for price in one.prices}
        if len(prices) == 1 and not any(one.volume for one in bars):
            findings.add("halted day", bars[0].label, f"{day}: one price and no volume", symbol=symbol)


def _end_stamps(symbol: str, rows: Sequence[Row], days: Sequence[tuple[date, int, int]], findings: Findings) -> None:
    starts = {row.start: row.label for row in rows}
    at_open = sum(one[1] in starts for one in days)
    at_close = [starts[one[2]] for one in days if one[2] in starts]
    if len(at_close) > at_open:
        words = "bars stand at the close and not at the open: the stamps are the bars' ends, say --stamp end"
        for label in at_close:
            findings.add(END_STAMPS, label, words, symbol=symbol, refuses=True)


def _jumps(symbol: str, rows: Sequence[Row], split_days: frozenset[date], findings: Findings) -> None:
    for one, later in pairwise(rows):
        day = day_of(later.start)
        if day == day_of(one.start) or day in split_days:
            continue
        close, opening = one.prices[3], later.prices[0]
        up = opening > close
        ratio = opening / close if up else close / opening
        split = next((found for found in SPLITS if abs(ratio / found - 1) <= NEAR), None)
        if split is None:
            continue
        shape = f"1 for {split}" if up else f"{split} for 1"
        words = f"{day}: from {close} to {opening}, like a split of {shape} and none is given: see --splits"
        findings.add(JUMP, later.label, words, symbol=symbol, refuses=True)
