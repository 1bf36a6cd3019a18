"""A split that shows in one reading and not yet in another: pending, and nothing is traded through it (wheel 1.18)."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from bot.domain.money import ZERO, after_split, plain
from bot.engine.ports import Memory, Reads

LEAST_RATIO = Decimal("1.2")
PRICE_TOLERANCE = Decimal("0.2")
RATIO_PLACES = Decimal("0.0001")


class DifferenceLike(Protocol):
    """One symbol where the broker's signed quantity is not ours."""

    @property
    def symbol(self) -> str: ...
    @property
    def broker(self) -> Decimal: ...
    @property
    def ours(self) -> Decimal: ...


class SplitFinder:
    """Says whether a difference in shares is a split half seen."""

    def __init__(self, reads: Reads, memory: Memory) -> None:
        self._reads = reads
        self._memory = memory

    def words(self, one: DifferenceLike) -> str:
        """Say what is still to come; empty where no split explains the difference."""
        if one.ours <= 0 or one.broker <= 0:
            return ""
        for line in self._reads.activities:
            if line.kind == "SPLIT" and line.symbol == one.symbol and line.price is not None and line.price > 0:
                if 0 < one.ours - one.broker < 1:
                    return "cash in lieu of a fraction of a share is not listed yet"
                if after_split(one.broker, line.price) == one.ours:
                    return f"a split of {plain(line.price)} for 1 is listed that the positions do not show yet"
        return self._unlisted(one)

    def _unlisted(self, one: DifferenceLike) -> str:
        """See a split in shares and price together: so many times the shares at so many times less each."""
        ratio = one.broker / one.ours
        if 1 / LEAST_RATIO < ratio < LEAST_RATIO:
            return ""
        before = next((price for symbol, price, _ in self._memory.previous_marks if symbol == one.symbol), ZERO)
        now = next((held.price for held in self._reads.positions if held.symbol == one.symbol), None)
        booked = sum((lot.qty for lot in self._memory.books.lots if lot.symbol == one.symbol), ZERO)
        shown = dict(self._memory.books.last_positions).get(one.symbol, ZERO)
        waits = any(drift.symbol == one.symbol and drift.kind == "pending" for drift in self._memory.books.drift)
        if now is None or before <= 0 or booked != one.ours or (shown != one.ours and not waits):
            return ""
        if waits:  # told before: the mark kept since may be one of the new price
            return self._told_before(one.symbol)
        fits = abs(now * ratio / before - 1) <= PRICE_TOLERANCE
        return f"a split of {plain(ratio.quantize(RATIO_PLACES))} for 1 is not listed yet" if fits else ""

    def _told_before(self, symbol: str) -> str:
        return next(
            (one.what for one in self._memory.books.drift if one.symbol == symbol and one.what.startswith("a split")),
            "",
        )
