"""`bot check walk-forward` as typed: only tests count, every trial and look is in the ledger, the budget holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.commands import walking_forward
from bot.tests.commands.test_commands_checking import DAYS, SETTINGS, STRATEGY, SYMBOL, taped, trends
from bot.tests.commands.typed import Done, typed

SWEEP = ("--sweep", "strategies.cross.fast=2,3", "--train", "30", "--test", "10")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert typed(tmp_path, "init", "--equity", "50000").code == 0
    desk = tmp_path / "data/desk.toml"
    names = f'[symbols]\n{SYMBOL} = {{ group = "whole", kind = "etf", penny = true }}\n'
    desk.write_text(desk.read_text().replace("[symbols]\n", names, 1) + STRATEGY)
    assert typed(tmp_path, "tick", "--dry").code == 0
    taped(tmp_path, trends())
    return tmp_path


def walk(folder: Path, *words: str, command: tuple[str, ...] = ("check", "walk-forward")) -> Done:
    sets = [word for one in SETTINGS for word in ("--set", one)]
    return typed(folder, *command, "--tape", "t", *sets, *words)


def kept(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "data/ledger.sqlite") as ledger:
        return ledger.execute(sql).fetchall()


def test_a_walk_shows_each_window_its_tests_and_every_trial(folder: Path) -> None:
    done = walk(folder, *SWEEP)
    assert done.code == 0, done.out + done.err
    aside = round(len(DAYS) * 0.2)
    windows = (len(DAYS) - aside - 30) // 10
    assert f"{windows} windows, 2 points each; " in done.out or f"{windows + 1} windows, 2 points each; " in done.out
    assert f"{DAYS[-aside]} to {DAYS[-1]} is kept aside, looked at 0 times of 3" in done.out
    assert "tests only" in done.out
    assert "2 configurations tried on this data: Sharpe" in done.out
    assert kept(folder, "SELECT words, times, source FROM trials ORDER BY words") == [
        ("strategies.cross.fast=2", 1, "walk-forward"), ("strategies.cross.fast=3", 1, "walk-forward"),
    ]  # fmt: skip


def test_the_search_never_runs_over_what_is_kept_aside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[walking_forward.Task] = []
    real = walking_forward.run_task

    def noted(task: walking_forward.Task) -> object:
        asked.append(task)
        return real(task)

    monkeypatch.setattr(walking_forward, "run_task", noted)
    assert walk(folder, *SWEEP).code == 0
    aside = DAYS[-round(len(DAYS) * 0.2)]
    assert asked
    assert all(one.last < aside for one in asked)


def test_looks_are_counted_shown_and_end_with_the_budget(folder: Path) -> None:
    first = walk(folder, *SWEEP, "--look", "--budget", "1")
    assert first.code == 0, first.out + first.err
    assert "looked at 1 times of 1" in first.out
    again = walk(folder, *SWEEP, "--look")
    assert again.code == 2
    assert "looked at 1 times of 1: another look says little" in again.err
    assert again.out == ""
    spent = walk(folder, *SWEEP, "--look", "--spend")
    assert spent.code == 0
    assert "looked at 2 times of 1, 1 beyond what it bears" in spent.out
    assert kept(folder, "SELECT spent FROM holdout_looks ORDER BY id") == [(0,), (1,)]


def test_a_backtest_that_reaches_into_what_is_kept_aside_is_a_look(folder: Path) -> None:
    assert walk(folder, *SWEEP).code == 0
    before = DAYS[-round(len(DAYS) * 0.2) - 1]
    short = walk(folder, "--to", before.isoformat(), command=("backtest",))
    assert short.code == 0, short.out + short.err
    assert kept(folder, "SELECT count(*) FROM holdout_looks") == [(0,)]
    whole = walk(folder, command=("backtest",))
    assert "looked at 1 times of 3" in whole.out
    # The desk as it is, fast 3, is the same configuration that the walk tried: two of them in all.
    assert kept(folder, "SELECT count(*) FROM trials") == [(2,)]


def test_other_windows_keep_what_was_kept_aside_before(folder: Path) -> None:
    assert walk(folder, *SWEEP).code == 0
    other = walk(folder, *SWEEP, "--holdout", "0.5", "--budget", "9")
    assert f"{DAYS[-round(len(DAYS) * 0.2)]} to {DAYS[-1]} is kept aside, looked at 0 times of 3" in other.out
    early = walk(folder, *SWEEP, "--to", DAYS[60].isoformat(), "--look")
    assert "the span ends before what is kept aside" in early.err
    inside = walk(folder, *SWEEP, "--from", DAYS[-5].isoformat())
    assert inside.code == 2
    assert "is kept aside and the span lies in it" in inside.err


def test_nothing_kept_aside_is_said_and_cannot_be_looked_at(folder: Path) -> None:
    done = walk(folder, *SWEEP, "--holdout", "0")
    assert done.code == 0, done.out + done.err
    assert "nothing is kept aside" in done.out
    assert walk(folder, *SWEEP, "--holdout", "0", "--look").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sweep", "strategies.cross.fast"), "KEY=A,B,C"),
        (("--sweep", "strategies.cross.quick=1,2"), "has no such key"),
        (("--sweep", "strategies.cross.fast=2", "--by", "luck"), "--by: expected one of"),
        (("--sweep", "strategies.cross.fast=2", "--train", "500"), "hold no window"),
    ],
)
def test_words_that_make_no_walk_are_refused(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = walk(folder, *words)
    assert done.code == 2, done.out
    assert said in done.err
    assert kept(folder, "SELECT count(*) FROM holdouts") == [(0,)]  # a walk that was refused keeps nothing aside
