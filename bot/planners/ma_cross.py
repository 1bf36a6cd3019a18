"""Moving-average cross: held while the average of the last few closes is above that of many.

F / fast > S / slow, written F x slow > S x fast, F and S the sums of the last `fast` and `slow` closes.
"""

from __future__ import annotations

from typing import Any

from bot.domain.desk import MaCrossNumbers
from bot.planners.bars import planner_of
from bot.planners.indicators import Signal, View


def reach(numbers: MaCrossNumbers) -> int:
    """Give how many bars the slow average needs."""
    return numbers.slow


def enters(seen: View, numbers: MaCrossNumbers) -> Any:
    """Say whether the fast average is above the slow one."""
    return seen.total(numbers.fast) * numbers.slow > seen.total(numbers.slow) * numbers.fast


def leaves(seen: View, numbers: MaCrossNumbers) -> Any:
    """Say whether it is not."""
    return seen.total(numbers.fast) * numbers.slow <= seen.total(numbers.slow) * numbers.fast


def largest(numbers: MaCrossNumbers, price: int) -> int:
    """Bound what is worked out for prices up to one."""
    return price * numbers.fast * numbers.slow


SIGNAL = Signal("ma_cross", reach, enters, leaves, largest)
PLANNER = planner_of(SIGNAL)
