"""Walk-forward: choose the numbers on one window, test them on the next, and count only the tests. Pure.

Windows are counted in session days. Each run begins with a fresh account: what stands open at a window's end is not
carried over, and the tests' daily returns are strung together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import product
from typing import Literal

from bot.domain.errors import UsageError
from bot.domain.facts import Fact
from bot.domain.sessions import Session
from bot.research.facts import RunFacts
from bot.research.statistics import (
    Levels,
    Statistics,
    levels_of,
    periods_a_year,
    run_levels,
    statistics_of,
    statistics_of_levels,
)

Figure = Literal["sharpe", "annual_return", "calmar", "sortino"]
FIGURES: tuple[Figure, ...] = ("sharpe", "annual_return", "calmar", "sortino")
POINTS_MAX = 10_000

Point = tuple[str, ...]
"""One set of numbers, as KEY=VALUE words."""
Runs = Callable[[Sequence[tuple[Point, tuple[Session, ...]]]], Sequence[RunFacts]]
"""What runs points over sessions, in the order asked."""


class Window(Fact, frozen=True, kw_only=True):
    """Sessions to choose on and the ones to test on, which begin the session after."""

    train: tuple[Session, ...]
    test: tuple[Session, ...]


class Step(Fact, frozen=True, kw_only=True):
    """One window's outcome: the chosen point, its figure where it was chosen and where it was tested."""

    train: tuple[date, date]
    test: tuple[date, date]
    chosen: Point
    train_figure: float | None
    test_figure: float | None
    test_return: float
    trades: int
    undefined: bool = False
    """No point had a figure in the window it was chosen on: the first was taken."""


class WalkForward(Fact, frozen=True, kw_only=True):
    """The tests of all windows as one series. `trials` is of each point the Sharpe of a period in its longest run."""

    by: Figure
    points: int
    steps: tuple[Step, ...]
    levels: Levels
    whole: Statistics
    trials: tuple[tuple[Point, int, float | None], ...]

    @property
    def kept(self) -> float | None:
        """Give which share of the figure survived: the mean of the tests over the mean where it was chosen."""
        pairs = [(one.train_figure, one.test_figure) for one in self.steps]
        known = [(train, test) for train, test in pairs if train is not None and test is not None]
        chosen = sum(train for train, _ in known)
        return sum(test for _, test in known) / chosen if known and chosen > 0 else None


def grid_of(sweeps: Iterable[str]) -> tuple[Point, ...]:
    """Give every combination of KEY=A,B,C words; raises UsageError for one that is none.

    >>> grid_of(["a.fast=5,10", "a.slow=50"])
    (('a.fast=5', 'a.slow=50'), ('a.fast=10', 'a.slow=50'))
    """
    axes: dict[str, list[str]] = {}
    for word in sweeps:
        key, equals, values = word.partition("=")
        found = [one.strip() for one in values.split(",")]
        if not key.strip() or not equals or not all(found) or key.strip() in axes:
            raise UsageError(f"--sweep: expected KEY=A,B,C, each key once, got {word!r}")
        axes[key.strip()] = list(dict.fromkeys(found))
    points = 1
    for values_of in axes.values():
        points *= len(values_of)
    if points > POINTS_MAX:
        raise UsageError(f"--sweep: {points} combinations, {POINTS_MAX} are the most: a search so wide finds luck")
    return tuple(product(*([f"{key}={value}" for value in values] for key, values in axes.items())))


def windows_of(sessions: Sequence[Session], train: int, test: int) -> tuple[Window, ...]:
    """Cut sessions into windows that move on by a test's length; a rest shorter than half a test is left out.

    Raises UsageError where not one window fits.
    """
    if train < 2 or test < 2:
        raise UsageError(f"--train and --test: expected 2 sessions or more each, got {train} and {test}")
    found = []
    for start in range(0, len(sessions) - train, test):
        tested = tuple(sessions[start + train : start + train + test])
        if 2 * len(tested) >= test and len(tested) >= 2:
            found.append(Window(train=tuple(sessions[start : start + train]), test=tested))
    if not found:
        raise UsageError(
            f"{len(sessions)} sessions hold no window of {train} to choose on and {test} to test on: take a longer "
            "span or shorter windows"
        )
    return tuple(found)


def walk_forward(windows: Sequence[Window], points: Sequence[Point], runs: Runs, by: Figure = "sharpe") -> WalkForward:
    """Choose the best point of each window by a figure, run it over the window's test, and string the tests together.

    The first of equals is chosen, so that the order of the grid decides and nothing else.
    """
    if not points or not windows:
        raise UsageError("expected one point and one window or more")
    steps, levels = [], list[tuple[date, float]]()
    tried: dict[Point, tuple[int, float | None]] = {}
    for window in windows:
        trained = runs([(point, window.train) for point in points])
        figures = []
        for point, one in zip(points, trained, strict=True):
            stated = statistics_of(one)
            figures.append(getattr(stated, by))
            if point not in tried or stated.periods > tried[point][0]:
                sharpe = None if stated.sharpe is None else stated.sharpe / stated.periods_per_year**0.5
                tried[point] = (stated.periods, sharpe)
        known = [place for place, figure in enumerate(figures) if figure is not None]
        best = max(known, key=lambda place: (figures[place], -place)) if known else 0
        (tested,) = runs([(points[best], window.test)])
        _string(levels, run_levels(tested))
        stated = statistics_of(tested)
        steps.append(
            Step(
                train=(window.train[0].day, window.train[-1].day), test=(window.test[0].day, window.test[-1].day),
                chosen=points[best], train_figure=figures[best], test_figure=getattr(stated, by),
                test_return=stated.total_return, trades=stated.trades, undefined=not known,
            )
        )  # fmt: skip
        if levels[-1][1] <= 0:
            break
    whole = levels_of(levels)
    return WalkForward(
        by=by, points=len(points), steps=tuple(steps), levels=whole,
        whole=statistics_of_levels(whole, periods_a_year(whole.days)),
        trials=tuple((point, *found) for point, found in tried.items()),
    )  # fmt: skip


def _string(levels: list[tuple[date, float]], more: Levels) -> None:
    """Go on with a window's levels where the one before ended; its base counts only as a day of its own."""
    scale = levels[-1][1] / more.values[0] if levels else 1.0
    for day, value in zip(more.days, more.values, strict=True):
        if not levels or day > levels[-1][0]:
            levels.append((day, value * scale))


def holdout_of(sessions: Sequence[Session], share: float) -> tuple[tuple[Session, ...], tuple[Session, ...]]:
    """Part sessions into those to search on and the last share of them, which is kept aside.

    Raises UsageError for a share that leaves either side without sessions.
    """
    count = round(len(sessions) * share)
    if not 0 < share < 1 or count < 2 or len(sessions) - count < 4:
        raise UsageError(f"--holdout: expected a share of {len(sessions)} sessions that leaves some, got {share}")
    return tuple(sessions[:-count]), tuple(sessions[-count:])


def share_of(chosen: Mapping[Point, int]) -> str:
    """Say how steady the choice was: how many windows chose the point chosen most.

    >>> share_of({("a=1",): 3, ("a=2",): 1})
    'a=1 in 3 of 4 windows'
    """
    point, times = max(chosen.items(), key=lambda one: one[1])
    return f"{' '.join(point) or 'the desk as it is'} in {times} of {sum(chosen.values())} windows"
