"""`bot check walk-forward`: choose on one window, test on the next; the last part of the data is kept aside.

What was tried is counted in the home's ledger before a result is shown, and so is every look at what is kept aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from bot.commands.backtest_choice import Choice
from bot.commands.backtesting import Planned, backtest
from bot.commands.checking import figure_word, planned_once, spread
from bot.commands.looking import show
from bot.commands.stating import figure, interval_lines, statistics_lines
from bot.commands.trying import count_trials, deflated_line, deflated_on, trial_of, tried_hash
from bot.domain.errors import UsageError
from bot.domain.sessions import Session
from bot.research.bootstrap import intervals_of
from bot.research.facts import RunFacts
from bot.research.statistics import Statistics, statistics_of
from bot.research.walking import Point, WalkForward, grid_of, holdout_of, share_of, walk_forward, windows_of
from bot.store.backtests import open_beside
from bot.store.trials import BUDGET, Holdout, count_look, read_holdout, set_aside
from bot.wiring import wall_clock

YEAR, QUARTER = 252, 63


class Walk(NamedTuple):
    """What `bot check walk-forward` was asked."""

    choice: Choice
    sweeps: tuple[str, ...]
    train: int = YEAR
    test: int = QUARTER
    by: str = "sharpe"
    holdout: float = 0.2
    budget: int = BUDGET
    look: bool = False
    spend: bool = False
    workers: int = 1
    seed: int = 1


class Task(NamedTuple):
    """One run, for a worker."""

    env: str
    choice: Choice
    now: datetime
    first: date
    last: date


def run_walk_forward(env: str, walk: Walk) -> None:
    """Walk forward, count every trial, and look at the holdout only where that was asked and may be."""
    by, points = figure_word(walk.by), grid_of(walk.sweeps)
    now = wall_clock()
    planned_once.cache_clear()
    planned = planned_once(env, walk.choice, now)
    for point in points:
        planned_once(env, _with(walk.choice, point), now)  # what one of them cannot be is said before any is run
    searched, aside, known = _parted(env, planned, walk, now)
    windows = windows_of(searched, walk.train, walk.test)
    if known is not None:
        with open_beside(planned.house.home) as database:
            known = set_aside(database, planned.data_hash, known, now)
    seen: dict[Point, RunFacts] = {}

    def runs(wanted: Sequence[tuple[Point, tuple[Session, ...]]]) -> list[RunFacts]:
        tasks = [Task(env, _with(walk.choice, point), now, one[0].day, one[-1].day) for point, one in wanted]
        found = spread(run_task, tasks, walk.workers)
        for (point, _), one in zip(wanted, found, strict=True):
            if point not in seen or len(one.days) > len(seen[point].days):
                seen[point] = one
        return found

    found = walk_forward(windows, points, runs, by)
    home = planned.house.home
    count_trials(
        home, [trial_of(one, statistics_of(one), "walk-forward", " ".join(point)) for point, one in seen.items()], now
    )
    show([
        *walk_lines(found, known), *statistics_lines(["tests only"], [found.whole]),
        *interval_lines(["tests"], [intervals_of(found.levels.returns, found.whole.periods_per_year, seed=walk.seed)]),
        deflated_line(deflated_on(home, planned.data_hash, found.whole)),
    ])  # fmt: skip
    if walk.look:
        _look(env, walk, planned, aside, found.steps[-1].chosen, now)


def _parted(
    env: str, planned: Planned, walk: Walk, now: datetime
) -> tuple[tuple[Session, ...], tuple[Session, ...], Holdout | None]:
    """Part the span into what may be searched and what is to be kept aside; once kept it stays where it is."""
    sessions = planned.span.sessions
    with open_beside(planned.house.home) as database:
        known = read_holdout(database.connection, planned.data_hash)
    if known is None and walk.holdout:
        # A part of all there is, whatever span is asked first; a market without an end has only the span.
        all_of_it = walk.choice._replace(first="", last="", days=0)
        whole = planned_once(env, all_of_it, now).span.sessions if walk.choice.tape else sessions
        _, aside = holdout_of(whole, walk.holdout)
        known = Holdout(aside[0].day, aside[-1].day, walk.budget)
    if known is None:
        if walk.look:
            raise UsageError("--look: nothing is kept aside; say --holdout 0.2")
        return sessions, (), None
    searched = tuple(one for one in sessions if one.day < known.first_day)
    aside = tuple(one for one in sessions if known.first_day <= one.day <= known.last_day)
    if not searched:
        raise UsageError(
            f"{known.first_day} to {known.last_day} of this data is kept aside and the span lies in it: begin earlier"
        )
    if walk.look and not aside:
        raise UsageError("--look: the span ends before what is kept aside: let it reach to the end of the data")
    if walk.look and not walk.spend:
        known.refuse_spent()
    return searched, aside, known


def _look(env: str, walk: Walk, planned: Planned, aside: tuple[Session, ...], chosen: Point, now: datetime) -> None:
    choice = _with(walk.choice, chosen)
    task = Task(env, choice, now, aside[0].day, aside[-1].day)
    words = " ".join(chosen)
    mark = tried_hash_of(env, choice, now)
    with open_beside(planned.house.home) as database:  # counted before it is seen
        after = count_look(database, planned.data_hash, mark, words, now, spend=walk.spend)
    run = run_task(task)
    stated: Statistics = statistics_of(run)
    count_trials(planned.house.home, [trial_of(run, stated, "holdout", words)], now)
    show([
        "", f"the holdout with {words or 'the desk as it is'}: {after.words}",
        *statistics_lines(["holdout"], [stated]), deflated_line(deflated_on(planned.house.home, run.data_hash, stated)),
    ])  # fmt: skip


def run_task(task: Task) -> RunFacts:
    """Run a desk over the sessions of one window."""
    planned = planned_once(task.env, task.choice, task.now)
    sessions = tuple(one for one in planned.span.sessions if task.first <= one.day <= task.last)
    return backtest(planned._replace(span=planned.span._replace(sessions=sessions)))


def tried_hash_of(env: str, choice: Choice, now: datetime) -> str:
    """Give the hash of what a choice would try, without running it."""
    planned = planned_once(env, choice, now)
    return tried_hash(planned.house.desk_text, planned.rules)


def _with(choice: Choice, point: Point) -> Choice:
    return choice._replace(settings=(*choice.settings, *point))


def walk_lines(found: WalkForward, known: Holdout | None) -> list[str]:
    """Show each window's choice and what its test came to."""
    by = found.by.replace("_", " ")
    lines = [f"{'chosen on':24} {'tested on':24} {by + ' there':>16} {by + ' tested':>16} {'return':>9} chosen"]
    for one in found.steps:
        spans = [f"{first} {last}" for first, last in (one.train, one.test)]
        figures = [figure(found.by, value) for value in (one.train_figure, one.test_figure)]
        chosen = " ".join(one.chosen) or "the desk as it is"
        lines.append(
            f"{spans[0]:24} {spans[1]:24} {figures[0]:>16} {figures[1]:>16} {one.test_return:>9.2%} {chosen}"
            + (" (no point had a figure)" if one.undefined else "")
        )
    kept, often = found.kept, share_of(Counter(one.chosen for one in found.steps))
    lines.append(
        f"{len(found.steps)} windows, {found.points} points each; {often}"
        + (f"; {kept:.0%} of the {by} survived its test" if kept is not None else "")
    )
    lines.append(known.words if known is not None else "nothing is kept aside")
    return lines
