"""`bot check`: does any strategy of the desk see what comes later, when is it warm, is its result more than luck."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, TypeVar

from bot.commands.backtest_choice import Choice, planned_from
from bot.commands.backtesting import Planned, backtest
from bot.commands.checking_worlds import cut_world, shuffled_world, tape_of, ticks_of
from bot.commands.looking import show
from bot.domain.errors import UsageError
from bot.domain.snapshot import Snapshot
from bot.report.words import filled_text
from bot.research.checks import Judged, LookAhead, Luck, WarmUp, judged, lookahead, luck, warm_up
from bot.research.statistics import statistics_of
from bot.research.walking import FIGURES, Figure
from bot.wiring import strategies_of, wall_clock

CLEAR = 0.05
"""A chance of luck below this passes."""
SHOWN = 5
MOMENTS = 240
"""So many Snapshots of a run are planned again and again on fewer bars."""

_T = TypeVar("_T")
_R = TypeVar("_R")


class Shuffle(NamedTuple):
    """One shuffle, for a worker: what `bot check shuffle` was asked, and the seed."""

    env: str
    choice: Choice
    now: datetime
    by: Figure
    block: int
    seed: int


def run_lookahead(env: str, choice: Choice, cuts: int) -> None:
    """Cut the data at several moments; exits with 1 where a verdict before a cut is another one."""
    planned = planned_from(env, choice, wall_clock())
    found = looked_ahead(planned, cuts)
    show(lookahead_lines(planned, found))
    if found.moved:
        raise SystemExit(1)


def looked_ahead(planned: Planned, cuts: int) -> LookAhead:
    """Run over the whole and over each part cut off, and compare."""

    def judge(cut: datetime | None) -> list[Judged]:
        world = planned if cut is None else cut_world(planned, cut)
        return [judged(one.snapshot.at, one.verdicts, one.notes) for one in ticks_of(world, cut)]

    return lookahead(judge, cuts)


def lookahead_lines(planned: Planned, found: LookAhead) -> list[str]:
    """Say what was compared, and what moved first."""
    lines = [
        f"{planned.market.name}: {found.ticks} ticks; cut at {len(found.cuts)} moments, {found.compared} ticks compared"
    ]
    if not found.moved and tape_of(planned) is not None:
        return [*lines, "no verdict moves when what comes after it is cut off: no look-ahead through this data"]
    if not found.moved:
        return [*lines, "no verdict asks for a later moment; this market is no tape, so nothing was taken out of it"]
    first = found.moved[0]
    lines.append(f"LOOKS AHEAD: verdicts moved at {len(found.moved)} of {len(found.cuts)} cuts, first:")
    for one in found.moved[:SHOWN]:
        lines.append(f"  {_moment(one.at)}, data cut at {_moment(one.cut)}")
        lines += filled_text(f"with all the data: {one.whole}", hanging="    ")
        lines += filled_text(f"with it cut off: {one.cut_off}", hanging="    ")
    lines.append(f"what decides at {_moment(first.at)} knows something that came later")
    return lines


def run_warmup(env: str, choice: Choice) -> None:
    """Plan on ever fewer bars; exits with 1 for a strategy that acts before it is warm, or that remembers."""
    planned = planned_from(env, choice, wall_clock())
    found = warmed_up(planned)
    silent = [one.strategy for one in found if not one.asked and one.impure is None]
    lines = [line for one in found if one.strategy not in silent for line in warmup_lines(one)]
    if silent:
        lines.append(f"{', '.join(silent)}: ask for no bars, nothing to warm up")
    show(lines)
    if any(one.hidden or (one.asked and not one.looked_at) for one in found):
        raise SystemExit(1)


def warmed_up(planned: Planned) -> tuple[WarmUp, ...]:
    """Keep Snapshots of a run, those that wanted something first, and look at every strategy that is on."""
    count = sum(1 for _ in planned.span.moments())
    every = max(1, 2 * count // MOMENTS)
    wanting, others = list[Snapshot](), list[Snapshot]()
    for place, one in enumerate(ticks_of(planned)):
        if one.verdicts:
            wanting.append(one.snapshot)
        elif place % every == 0:
            others.append(one.snapshot)
        if len(wanting) > MOMENTS:
            wanting = wanting[::2]
    kept = sorted([*wanting, *others], key=lambda one: one.at)
    return tuple(warm_up(one, kept) for one in strategies_of(planned.house.desk) if one.enabled)


def warmup_lines(found: WarmUp) -> list[str]:
    """Say of one strategy how many bars it needs, and whether it waits for them."""
    name = found.strategy
    if found.impure is not None:
        return [
            f"{name}: REMEMBERS: the Snapshot of {_moment(found.impure)} decided twice gives two answers; a planner "
            "may know nothing but its Snapshot"
        ]
    if not found.looked_at:
        return [f"{name}: asks for {found.asked} bars and never got more than {found.most}: take a longer span"]
    told = f"{name}: asks for {found.asked} bars, warm from {found.settled} on ({found.looked_at} moments)"
    if not found.early:
        return [f"{told}; on fewer it wants nothing that it would not want on all of them"]
    count, at, words = found.early[0]
    return [
        f"{told}; ACTS EARLY on {', '.join(str(one[0]) for one in found.early[:SHOWN])} bars"
        + (f" and {len(found.early) - SHOWN} lengths more" if len(found.early) > SHOWN else ""),
        *filled_text(f"{_moment(at)} on {count} bars: {words}; on all of them it would not", hanging="    "),
    ]


def run_shuffle(env: str, choice: Choice, *, count: int, block: int, seed: int, by: str, workers: int) -> None:
    """Set the result against shuffled data; exits with 1 where luck alone may explain it."""
    figure = figure_word(by)
    if count < 1 or workers < 1 or block < 0:
        raise UsageError("--count and --workers: expected 1 or more; --block: 0 (chosen) or a number of bars")
    now = wall_clock()
    planned_once.cache_clear()
    planned = planned_once(env, choice, now)
    length = block or block_of(planned)
    real = figure_of(planned, figure)
    if real is None:
        raise UsageError(f"the run has no {figure}: its equity never moved, so there is nothing to explain")
    tasks = [Shuffle(env, choice, now, figure, length, seed + place) for place in range(count)]
    found = luck(real, spread(shuffled_figure, tasks, workers))
    show(shuffle_lines(found, figure, length, seed))
    if found.chance > CLEAR:
        raise SystemExit(1)


def figure_of(planned: Planned, by: Figure) -> float | None:
    """Run it and give one figure of its statistics."""
    found: float | None = getattr(statistics_of(backtest(planned)), by)
    return found


def shuffled_figure(task: Shuffle) -> float:
    """Run the desk over one shuffle and give the figure; a run that never moved has made nothing."""
    planned = shuffled_world(planned_once(task.env, task.choice, task.now), task.block, task.seed)
    return figure_of(planned, task.by) or 0.0


def block_of(planned: Planned) -> int:
    """Give the usual block: the cube root of the moments of the run, as for the bootstrap."""
    root: float = sum(1 for _ in planned.span.moments()) ** (1 / 3)
    return max(1, round(root))


def shuffle_lines(found: Luck, by: Figure, block: int, seed: int) -> list[str]:
    """Say how often luck did as well."""
    words = by.replace("_", " ")
    lines = [
        f"{words} {found.result:.3f}; {found.as_good} of {found.shuffles} shuffles did as well (blocks of {block} "
        f"bars, seeds {seed}..{seed + found.shuffles - 1})",
        f"chance of as much by luck: p {found.chance:.3f}, 95% of {found.low:.3f}..{found.high:.3f}",
    ]
    if found.chance <= CLEAR:
        return [*lines, "the order of the days matters to this result: more than luck at this level"]
    least = 1 / (found.shuffles + 1)
    if least > CLEAR:
        return [*lines, f"{found.shuffles} shuffles cannot show less than p {least:.3f}: take --count 99 or more"]
    return [*lines, f"NO BETTER THAN LUCK: shuffled data gives as much with p above {CLEAR}"]


@lru_cache(maxsize=64)
def planned_once(env: str, choice: Choice, now: datetime) -> Planned:
    """Plan a run, once in a process however often it is run."""
    return planned_from(env, choice, now)


def spread(run: Callable[[_T], _R], tasks: Sequence[_T], workers: int) -> list[_R]:
    """Run tasks in order, in other processes where more than one worker is wanted."""
    if workers == 1 or len(tasks) < 2:
        return [run(one) for one in tasks]
    with ProcessPoolExecutor(max_workers=min(workers, len(tasks))) as pool:
        return list(pool.map(run, tasks))


def figure_word(word: str) -> Figure:
    """Read `--by`; raises UsageError naming what it may be."""
    for one in FIGURES:
        if one == word:
            return one
    raise UsageError(f"--by: expected one of {', '.join(FIGURES)}, got {word!r}")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
