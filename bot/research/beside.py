"""What a run is set beside: the same money held in the desk's own names, and the benchmark's price."""

from __future__ import annotations

import tomllib
from datetime import date

from bot.research.facts import RunFacts
from bot.research.statistics import (
    Levels,
    Statistics,
    levels_of,
    periods_a_year,
    run_levels,
    statistics_of_levels,
)

HOLDING = "holding"
"""What equal parts of the desk's names, bought at the first tick and kept, would be worth; price only."""


def benchmark_name(run: RunFacts) -> str:
    """Give the desk's benchmark, as its file says."""
    found = tomllib.loads(run.desk_text).get("benchmark", "SPY")
    return found if isinstance(found, str) else "benchmark"


def lines_beside(run: RunFacts) -> tuple[tuple[str, Levels], ...]:
    """Give the levels of holding and of the benchmark, where the run knows them; days without a price are left out."""
    held = [(one.day, float(one.holding)) for one in run.days if one.holding]
    priced = [(one.day, float(one.benchmark)) for one in run.days if one.benchmark]
    return tuple(
        (name, levels_of(points)) for name, points in ((HOLDING, held), (benchmark_name(run), priced)) if points
    )


def compared(run: RunFacts, rate: float = 0.0) -> tuple[tuple[str, Statistics], ...]:
    """Put what a run is set beside into numbers, by the run's own conventions."""
    yearly = periods_a_year(one.day for one in run.days)
    return tuple((name, statistics_of_levels(levels, yearly, rate)) for name, levels in lines_beside(run))


def indexed(levels: Levels) -> tuple[tuple[date, float], ...]:
    """Give levels as an index that begins at 1."""
    return tuple((day, value / levels.values[0]) for day, value in zip(levels.days, levels.values, strict=True))


def own_index(run: RunFacts) -> tuple[tuple[date, float], ...]:
    """Give a run's NAV by day."""
    return indexed(run_levels(run))
