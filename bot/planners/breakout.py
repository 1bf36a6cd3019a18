"""Breakout of a channel (Donchian): bought on a close above all highs of a span, sold below all lows of a shorter one.

The bar itself is no part of the channel it breaks out of.
"""

from __future__ import annotations

from typing import Any

from bot.domain.desk import BreakoutNumbers
from bot.planners.bars import planner_of
from bot.planners.indicators import Signal, View


def reach(numbers: BreakoutNumbers) -> int:
    """Give how many bars the wider channel and the bar itself need."""
    return max(numbers.entry_bars, numbers.exit_bars) + 1


def enters(seen: View, numbers: BreakoutNumbers) -> Any:
    """Say whether the close is above the channel."""
    return seen.close > seen.highest(numbers.entry_bars)


def leaves(seen: View, numbers: BreakoutNumbers) -> Any:
    """Say whether the close is below the channel."""
    return seen.close < seen.lowest(numbers.exit_bars)


def largest(numbers: BreakoutNumbers, price: int) -> int:
    """Bound what is worked out for prices up to one."""
    return price


SIGNAL = Signal("breakout", reach, enters, leaves, largest)
PLANNER = planner_of(SIGNAL)
