"""Momentum: held while the close has risen by more than a share over a span of bars.

c > (1 + g) c' with g = p / q, written c q > c' (q + p), c' the close `window` bars before.
"""

from __future__ import annotations

from typing import Any

from bot.domain.desk import MomentumNumbers
from bot.planners.bars import planner_of
from bot.planners.indicators import Signal, View, ratio_of


def reach(numbers: MomentumNumbers) -> int:
    """Give how many bars the span and the bar itself need."""
    return numbers.window + 1


def enters(seen: View, numbers: MomentumNumbers) -> Any:
    """Say whether the rise is above the one that buys."""
    over, under = ratio_of(numbers.entry_gain)
    return seen.close * under > seen.ago(numbers.window) * (under + over)


def leaves(seen: View, numbers: MomentumNumbers) -> Any:
    """Say whether the rise is no longer above the one that keeps."""
    over, under = ratio_of(numbers.exit_gain)
    return seen.close * under <= seen.ago(numbers.window) * (under + over)


def largest(numbers: MomentumNumbers, price: int) -> int:
    """Bound what is worked out for prices up to one."""
    return max(price * (under + abs(over)) for over, under in map(ratio_of, (numbers.entry_gain, numbers.exit_gain)))


SIGNAL = Signal("momentum", reach, enters, leaves, largest)
PLANNER = planner_of(SIGNAL)
