"""Mean reversion: bought on a close far below the average of the last closes, sold when it is back there.

"Far" is k standard deviations of the population of n closes. With S their sum and Q the sum of their squares,
n c - S is n times the distance and n Q - S^2 is n^2 times the variance, so the test is c < S / n and
(n c - S)^2 > k^2 (n Q - S^2).
"""

from __future__ import annotations

from typing import Any

from bot.domain.desk import MeanReversionNumbers
from bot.planners.bars import planner_of
from bot.planners.indicators import Signal, View, ratio_of


def reach(numbers: MeanReversionNumbers) -> int:
    """Give how many bars the average needs."""
    return numbers.window


def enters(seen: View, numbers: MeanReversionNumbers) -> Any:
    """Say whether the close is further below its average than so many deviations."""
    count = numbers.window
    over, under = ratio_of(numbers.entry_deviations)
    total = seen.total(count)
    distance = seen.close * count - total
    spread = seen.squares(count) * count - total * total
    return (distance < 0) & (distance * distance * (under * under) > spread * (over * over))


def leaves(seen: View, numbers: MeanReversionNumbers) -> Any:
    """Say whether the close is at its average or above."""
    return seen.close * numbers.window >= seen.total(numbers.window)


def largest(numbers: MeanReversionNumbers, price: int) -> int:
    """Bound what is worked out for prices up to one."""
    return (price * numbers.window * max(ratio_of(numbers.entry_deviations))) ** 2


SIGNAL = Signal("mean_reversion", reach, enters, leaves, largest)
PLANNER = planner_of(SIGNAL)
