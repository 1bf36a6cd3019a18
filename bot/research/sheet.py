"""What a tear sheet draws, as plain series: indexes, falls, months, exposure, premium."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from bot.research.beside import indexed, lines_beside, own_index
from bot.research.facts import RunFacts

OURS = "this run"
DRAWN_MOST = 700
"""Points of a line at most; a longer one keeps every so many, and its last."""
Series = tuple[tuple[date, float], ...]


class Line(NamedTuple):
    """One named line; values of an index begin at 1."""

    name: str
    points: Series

    @property
    def last(self) -> float:
        """Give its newest value."""
        return self.points[-1][1]


def lines_of(run: RunFacts) -> list[Line]:
    """Give the run's own index, then holding and the benchmark where they are known."""
    return [Line(OURS, own_index(run)), *(Line(name, indexed(levels)) for name, levels in lines_beside(run))]


def falls(points: Series) -> Series:
    """Give how far below its peak an index stood each day: fractions of zero or below."""
    found, peak = [], 0.0
    for day, value in points:
        peak = max(peak, value)
        found.append((day, value / peak - 1))
    return tuple(found)


def monthly(points: Series) -> dict[tuple[int, int], float]:
    """Give an index's return in each calendar month, the first and the last as far as they go."""
    ends: dict[tuple[int, int], float] = {}
    for day, value in points[1:]:
        ends[day.year, day.month] = value
    found, before = {}, points[0][1]
    for month, value in ends.items():
        found[month] = value / before - 1
        before = value
    return found


def yearly(points: Series) -> dict[int, float]:
    """Give an index's return in each calendar year."""
    found: dict[int, float] = {}
    for (year, _), value in monthly(points).items():
        found[year] = (1 + found.get(year, 0.0)) * (1 + value) - 1
    return found


def exposures(run: RunFacts) -> Series:
    """Give what was at risk each day as a share of equity: shares and the collateral of short puts."""
    return tuple((one.day, float(one.exposure / one.equity)) for one in run.days if one.equity > 0)


def premiums(run: RunFacts) -> dict[tuple[int, int], float]:
    """Give what options earned in each month, dollars."""
    found: dict[tuple[int, int], float] = {}
    for one in run.days:
        key = one.day.year, one.day.month
        found[key] = found.get(key, 0.0) + float(one.premium)
    return found


def thinned(points: Series) -> Series:
    """Leave points out of a long line so that it can be drawn."""
    step = -(-len(points) // DRAWN_MOST)
    kept: Sequence[tuple[date, float]] = points[::step]
    return tuple(kept) if kept[-1] == points[-1] else (*kept, points[-1])
