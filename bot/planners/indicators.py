"""What a signal may look at on a bar, in exact numbers: averages as sums, deviations as squares, fractions as ratios.

A signal compares whole expressions and divides nothing, so it is exact in `Decimal` (the tick, one bar) and in whole
numbers (research, a column of bars at once), and both say the same of every bar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol


class View(Protocol):
    """One bar with those before it, or every bar of a column at once: prices, or columns of them."""

    @property
    def close(self) -> Any:
        """Give the close."""
        ...

    def ago(self, bars: int) -> Any:
        """Give the close so many bars before."""
        ...

    def total(self, bars: int) -> Any:
        """Give the sum of so many closes, this one the last."""
        ...

    def squares(self, bars: int) -> Any:
        """Give the sum of the squares of so many closes, this one the last."""
        ...

    def highest(self, bars: int) -> Any:
        """Give the highest high of so many bars, all before this one."""
        ...

    def lowest(self, bars: int) -> Any:
        """Give the lowest low of so many bars, all before this one."""
        ...


Condition = Callable[[View, Any], Any]
"""(what is seen, the strategy's numbers) -> true or false, or a column of both."""


class Signal(NamedTuple):
    """One idea on bars: how many bars it looks at, when it wants in and when out; never both on one bar.

    `largest` bounds what it works out: (numbers, a price in whole units) -> a whole number no step of it exceeds.
    """

    kind: str
    reach: Callable[[Any], int]
    enters: Condition
    leaves: Condition
    largest: Callable[[Any, int], int]


class LastBar:
    """The newest of some finished bars, in exact decimals; `back` moves the look to earlier ones."""

    def __init__(
        self, closes: Sequence[Decimal], highs: Sequence[Decimal], lows: Sequence[Decimal], back: int = 0
    ) -> None:
        self._closes, self._highs, self._lows = closes, highs, lows
        self._end = len(closes) - back

    @property
    def close(self) -> Decimal:
        """Give the close."""
        return self._closes[self._end - 1]

    def ago(self, bars: int) -> Decimal:
        """Give the close so many bars before."""
        return self._closes[self._end - 1 - bars]

    def total(self, bars: int) -> Decimal:
        """Give the sum of so many closes, this one the last."""
        return sum(self._closes[self._end - bars : self._end], Decimal(0))

    def squares(self, bars: int) -> Decimal:
        """Give the sum of the squares of so many closes, this one the last."""
        return sum((price * price for price in self._closes[self._end - bars : self._end]), Decimal(0))

    def highest(self, bars: int) -> Decimal:
        """Give the highest high of so many bars, all before this one."""
        return max(self._highs[self._end - 1 - bars : self._end - 1])

    def lowest(self, bars: int) -> Decimal:
        """Give the lowest low of so many bars, all before this one."""
        return min(self._lows[self._end - 1 - bars : self._end - 1])


def ratio_of(number: Decimal) -> tuple[int, int]:
    """Give a decimal as a fraction of two whole numbers.

    >>> ratio_of(Decimal("0.05"))
    (1, 20)
    """
    return number.as_integer_ratio()
