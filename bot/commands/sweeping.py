"""`bot backtest --sweep KEY=A,B,C`: the same run for every value, spread over processes; every one counts as a trial.

The best of many tries looks better than it is: all of them are kept against the data's hash, so that whoever reads a
Sharpe ratio knows how many there were.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from itertools import product
from typing import cast

import msgspec

from bot.commands.backtest_choice import Choice, planned_from
from bot.commands.backtest_running import Shelf, check_target, draw, keep_runs, read_run
from bot.commands.backtest_words import luck_lines, summary
from bot.commands.backtesting import backtest
from bot.domain.errors import UsageError
from bot.report.words import count, table
from bot.research.facts import RunFacts
from bot.research.statistics import statistics_of
from bot.wiring import load_house, wall_clock

MOST = 2000
Point = tuple[str, ...]


def run_sweep(
    env: str, choice: Choice, words: Sequence[str], *, executor: str, html: str, png: str, as_json: bool
) -> None:
    """Check every point of the grid, run them all, keep them in one go, and print them best Sharpe ratio first."""
    files = [check_target(html, "--html"), check_target(png, "--png")]
    points = grid(words)
    now = wall_clock()
    for point in points:  # a value that cannot be used is said before the first of them runs
        planned_from(env, _at(choice, point), now)
    runs = _all(env, choice, points, now, executor, quiet=as_json)
    ranked = sorted(zip(points, runs, strict=True), key=lambda one: _rank(one[1]), reverse=True)
    shelf = keep_runs(load_house(env), [run for _, run in ranked], now)
    if as_json:
        rows = [
            {"set": list(point), **summary(run, shelf.numbers[place] if shelf.numbers else None)}
            for place, (point, run) in enumerate(ranked)
        ]
        print(json.dumps({"runs": rows, "luck": msgspec.to_builtins(shelf.luck), "not_kept": shelf.unkept or None}))
    else:
        print("\n".join(_lines(ranked, shelf)))
    draw(ranked[0][1], *files, as_json=as_json)


def grid(words: Sequence[str]) -> list[Point]:
    """Read KEY=A,B,C words and give every combination as KEY=VALUE words.

    >>> grid(["a=1,2", "b=x"])
    [('a=1', 'b=x'), ('a=2', 'b=x')]
    """
    axes: list[list[str]] = []
    for word in words:
        key, equals, values = word.partition("=")
        listed = [value.strip() for value in values.split(",")]
        if not equals or not key.strip() or not all(listed):
            raise UsageError(f"--sweep takes KEY=A,B,C, such as limits.symbol_share=0.2,0.3, got {word!r}")
        axes.append([f"{key.strip()}={value}" for value in dict.fromkeys(listed)])
    keys = [axis[0].partition("=")[0] for axis in axes]
    if len(set(keys)) < len(keys):
        raise UsageError("--sweep names a key twice: put all its values behind one KEY=")
    points = list(product(*axes))
    if len(points) > MOST:
        raise UsageError(f"--sweep: {len(points)} runs; at most {MOST} at a time, take fewer values")
    return points


def sweep_one(env: str, choice: Choice, now: datetime) -> bytes:
    """Run one point of a grid, in whatever process this is, and give the run in MessagePack."""
    return msgspec.msgpack.encode(backtest(planned_from(env, choice, now)))


@contextmanager
def executor_of(word: str, points: int) -> Iterator[Executor]:
    """Open processes of this machine, or what `module:factory` gives; its processes see this folder and these files."""
    if word:
        with _foreign(word) as foreign:
            yield foreign
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(points, os.cpu_count() or 1), mp_context=spawn, initializer=end_quietly)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def end_quietly() -> None:
    """Let Ctrl-C end a process of the pool at once, without a word: the one that asked for it says what there is."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _foreign(word: str) -> Executor:
    module, colon, name = word.partition(":")
    try:
        factory = getattr(import_module(module), name) if colon else None
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--executor {word}: {error}; name module:factory of something installed here") from error
    made = factory() if callable(factory) else None
    if not hasattr(made, "submit") or not hasattr(made, "__enter__"):
        raise UsageError(
            f"--executor takes module:factory, where factory() gives a concurrent.futures executor, got {word!r}"
        )
    return cast(Executor, made)


def _all(
    env: str, choice: Choice, points: Sequence[Point], now: datetime, executor: str, *, quiet: bool
) -> list[RunFacts]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("sweep"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("left"))
    console = Console(highlight=False, stderr=True, quiet=quiet)
    found: dict[int, RunFacts] = {}
    with Progress(*columns, console=console, transient=True) as progress, executor_of(executor, len(points)) as pool:
        task = progress.add_task("", total=len(points))
        waiting = {pool.submit(sweep_one, env, _at(choice, point), now): place for place, point in enumerate(points)}
        for done in as_completed(waiting):
            found[waiting[done]] = read_run(done.result(), 0)
            progress.update(task, advance=1)
    return [found[place] for place in range(len(points))]


def _at(choice: Choice, point: Point) -> Choice:
    return choice._replace(settings=(*choice.settings, *point))


def _rank(run: RunFacts) -> tuple[float, float]:
    found = statistics_of(run)
    return (float("-inf") if found.sharpe is None else found.sharpe, found.total_return)


def _lines(ranked: Sequence[tuple[Point, RunFacts]], shelf: Shelf) -> list[str]:
    keys = [word.partition("=")[0] for word in ranked[0][0]]
    short = [key.rpartition(".")[2] for key in keys]
    heads = [
        "run",
        *(short if len(set(short)) == len(short) else keys),
        "return",
        "a year",
        "Sharpe",
        "fall",
        "trades",
        "options",
        "fees",
    ]
    rows: list[list[str]] = []
    for place, (point, run) in enumerate(ranked):
        found = statistics_of(run)
        rows.append([
            str(shelf.numbers[place]) if shelf.numbers else "-", *(word.partition("=")[2] for word in point),
            _percent(found.total_return), _percent(found.annual_return),
            "-" if found.sharpe is None else f"{found.sharpe:z.2f}", f"{found.drawdown_max * 100:z.1f} %",
            str(found.trades), f"{sum(one.premium for one in run.days):+,.0f}", f"{run.fees:,.0f}",
        ])  # fmt: skip
    first = ranked[0][1]
    label = f"MODELLED: {first.modelled}" if first.modelled else "prices as recorded on the tape"
    lines = [
        f"{count(len(ranked), 'run')}, {first.days[0].day} to {first.days[-1].day}, best Sharpe ratio first",
        label, *table(heads, rows, right=frozenset(range(len(heads)))), *luck_lines(shelf.luck),
    ]  # fmt: skip
    return [*lines, f"not kept: {shelf.unkept}" if shelf.unkept else "kept: bot backtest show N, compare A B"]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:+z.1f} %"
