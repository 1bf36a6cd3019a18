"""`bot backtest`: run it, show how far it is, say what came of it, and keep it. Ctrl-C leaves nothing behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from bot.commands.backtest_choice import Choice, planned_from
from bot.commands.backtest_words import lines_of, luck_lines, result_of, rules_words, step_words, summary, traded
from bot.commands.backtesting import Planned, backtest
from bot.commands.trying import trial_of
from bot.domain.errors import StoreError, UsageError
from bot.domain.money import plain
from bot.engine.ports import TickResult
from bot.research.facts import RunFacts
from bot.research.statistics import statistics_of
from bot.research.tearsheet import html_of, png_of
from bot.research.trials import Deflated, deflated
from bot.store.backtests import NewBacktest, add_backtests, open_beside
from bot.store.trials import note_seen, note_trials, sharpes_on
from bot.wiring import House, load_house, wall_clock


def run_backtest(env: str, choice: Choice, *, executor: str, html: str, png: str, as_json: bool) -> None:
    """Run one backtest, print its table or its JSON, draw what was asked, and keep it in the home."""
    if executor:
        raise UsageError("--executor spreads the runs of a sweep: add --sweep KEY=A,B,C, or leave it out")
    files = [check_target(html, "--html"), check_target(png, "--png")]
    now = wall_clock()
    planned = planned_from(env, choice, now)
    run = backtest(planned) if as_json else _with_bar(planned)
    shelf = keep_runs(load_house(env), [run], now)
    number = shelf.numbers[0] if shelf.numbers else None
    if as_json:
        luck = msgspec.to_builtins(shelf.luck)
        print(json.dumps(summary(run, number) | {"luck": luck, "not_kept": shelf.unkept or None}))
    else:
        print("\n".join([*lines_of(run), *luck_lines(shelf.luck)]))
        print(f"kept as backtest {number}: bot backtest show {number}" if number else f"not kept: {shelf.unkept}")
    draw(run, *files, as_json=as_json)


def check_target(text: str, option: str) -> Path | None:
    """Give the file an option names, or raise UsageError before anything runs where it cannot be written."""
    if not text:
        return None
    path = Path(text).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{option} takes a file in a folder that exists, got {text!r}")
    return path


def draw(run: RunFacts, html: Path | None, png: Path | None, *, as_json: bool = False) -> None:
    """Write the tear sheet where it was asked for; the words go to standard error beside JSON."""
    where = sys.stderr if as_json else sys.stdout
    if html is not None:
        html.write_text(html_of(run, rules_words(run.rules), step_words(run.step_seconds)), encoding="utf-8")
        print(f"tear sheet: {html}", file=where)
    if png is not None:
        png.write_bytes(png_of(run))
        print(f"picture: {png}", file=where)


def _with_bar(planned: Planned) -> RunFacts:
    """Run it under a bar that shows day, equity and what is left; the estimate is of the sessions done so far."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(highlight=False, stderr=True)
    sessions = planned.span.sessions
    every = step_words(int(planned.span.step.total_seconds()))
    label = "MODELLED PRICES" if planned.modelled else "recorded prices"
    console.print(
        f"backtest, {label}, simulated money: {len(sessions)} sessions, {sessions[0].day} to {sessions[-1].day}, "
        f"a tick every {every}; Ctrl-C ends it and keeps nothing",
        soft_wrap=True,
    )
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("sessions,"),
        TimeElapsedColumn(), TextColumn("gone,"), TimeRemainingColumn(), TextColumn("left"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(sessions))

        def shown(result: TickResult) -> None:
            words = f"{result.snapshot.session.day}  equity {result.snapshot.equity:,.0f}"
            progress.update(task, advance=1, description=words)

        return backtest(planned, shown)


class Shelf(NamedTuple):
    """Where runs were put: their numbers, or why they could not be kept; and the best of them against all trials."""

    numbers: list[int]
    luck: Deflated
    unkept: str = ""


def keep_runs(house: House, runs: Sequence[RunFacts], now: datetime) -> Shelf:
    """Count runs of the same data, the best first, as trials, then write them into the home's ledger, all or none."""
    found = [statistics_of(run) for run in runs]
    trials = [trial_of(run, one, "backtest", run.name) for run, one in zip(runs, found, strict=True)]
    try:
        with open_beside(house.home) as database:
            note_trials(database, trials, now)
            aside = [note_seen(database, one, run.days[-1].day, now) for one, run in zip(trials, runs, strict=True)][-1]
            number_of, tried = sharpes_on(database.connection, runs[0].data_hash)
            numbers = add_backtests(database, [kept(run, now) for run in runs])
    except StoreError as error:
        return Shelf([], deflated(found[0], [one.sharpe for one in trials if one.sharpe is not None]), str(error))
    luck = deflated(found[0], tried, number_of)
    return Shelf(numbers, luck if aside is None else replace(luck, aside=aside.words))


def kept(run: RunFacts, now: datetime) -> NewBacktest:
    """Give a run as the ledger keeps it."""
    found = statistics_of(run)
    params: dict[str, Any] = {
        "what": run.name,
        "equity": plain(run.equity_start),
        "tick_every": step_words(run.step_seconds),
        "fills": rules_words(run.rules),
    }
    encode = msgspec.json.encode
    return NewBacktest(
        at=now, strategy=traded(run), market=run.market, first_day=run.days[0].day, last_day=run.days[-1].day,
        params_json=json.dumps(params), result_json=json.dumps(result_of(run, found)), code_version=run.code_version,
        seed=run.seed, name=run.name, data_hash=run.data_hash, config_hash=run.desk_hash, desk_text=run.desk_text,
        rules_json="{}" if run.rules is None else encode(run.rules).decode(), modelled=run.modelled,
        step_seconds=run.step_seconds, digest=run.digest, statistics_json=encode(found).decode(),
        run=msgspec.msgpack.encode(run),
    )  # fmt: skip


def read_run(stored: bytes, number: int) -> RunFacts:
    """Read a kept run back; raises StoreError where this program cannot."""
    try:
        return msgspec.msgpack.decode(stored, type=RunFacts)
    except msgspec.MsgspecError as error:
        raise StoreError(f"backtest {number} cannot be read by this program ({error}): run it again") from error
