"""`bot tick`: its switches, its output, the same slot twice, two at once; exit codes and help of every command."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest
import typer.main

from bot.cli import app
from bot.domain.errors import (
    BadNumber,
    BotError,
    BrokerUnreachable,
    ConfigError,
    ForeignStore,
    StoreError,
    TryLater,
    UsageError,
)
from bot.tests.commands.typed import AT, new_home, typed

ROOT = Path(__file__).resolve().parents[3]
LATER = "2026-11-18T17:15:00+00:00"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def account(folder: Path) -> list[tuple[str, str]]:
    """Give every order the simulated account ever took, with its status."""
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as store:
        return list(store.execute("SELECT client_order_id, status FROM orders ORDER BY sequence"))


def test_a_dry_tick_sends_nothing_even_when_the_mode_is_live(folder: Path) -> None:
    done = typed(folder, "tick", "--dry", "--at", AT, BOT_MODE="live")
    assert done.code == 0
    assert account(folder) == []
    assert "dry: would have been sent, and was not" in done.out
    assert str(folder / "data") in done.out


def test_the_home_is_printed_in_one_piece_however_long_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "/".join(["a-folder-with-a-long-name"] * 4)
    new_home(folder)
    assert f"home {folder / 'data'}   head " in typed(folder, "tick", "--dry", "--at", AT).out


def test_a_dry_tick_leaves_working_orders_as_they_are(folder: Path) -> None:
    assert typed(folder, "tick", "--at", AT, BOT_MODE="live").code == 0
    before = account(folder)
    assert [status for _, status in before] == ["new"]
    assert typed(folder, "tick", "--dry", "--at", AT).code == 0
    assert account(folder) == before


def test_live_is_asserted_and_never_raised(folder: Path) -> None:
    done = typed(folder, "tick", "--live", "--at", AT)
    assert done.code == 78
    assert "BOT_MODE is dry (.env)" in done.err
    assert not (folder / "data" / "ledger.sqlite").exists()
    assert typed(folder, "tick", "--live", "--at", AT, BOT_MODE="live").code == 0
    assert len(account(folder)) == 1


def test_dry_and_live_together_are_a_usage_error(folder: Path) -> None:
    done = typed(folder, "tick", "--dry", "--live")
    assert done.code == 2
    assert "--dry always wins" in done.err


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        ("yesterday", "ISO moment"),
        ("2026-11-18T17:00:00", "with a zone"),
        ("2026-11-18", "write 2026-11-18T17:00+00:00"),
        ("soon", "'session'"),
    ],
)
def test_a_moment_that_cannot_be_read_is_a_usage_error(folder: Path, moment: str, says: str) -> None:
    done = typed(folder, "tick", "--dry", "--at", moment)
    assert done.code == 2
    assert says in done.err


def test_json_is_one_object_on_standard_output_and_the_home_on_the_other(folder: Path) -> None:
    done = typed(folder, "tick", "--dry", "--at", AT, "--json", BOT_MODE="live")
    assert done.out.count("\n") == 1
    found = json.loads(done.out)
    assert {"tick", "account", "verdicts", "notes", "orders", "drift", "errors"} <= set(found)
    assert found["follow_ups"] == []
    assert found["tick"]["mode"] == "dry"
    assert f"home {folder / 'data'}" in done.err


def test_a_stale_environment_is_named_on_standard_error(folder: Path) -> None:
    done = typed(folder, "tick", "--dry", "--at", AT, "--json", BOT_MODE="live")
    assert "warning: BOT_MODE: the process environment says 'live' and wins over .env, which says 'dry'" in done.err


def test_a_second_tick_in_the_slot_sends_nothing_twice(folder: Path) -> None:
    for second in range(3):
        done = typed(folder, "tick", "--at", f"2026-11-18T17:00:0{second}+00:00", BOT_MODE="live")
        assert done.code == 0, done.err
    orders = account(folder)
    assert len({order for order, _ in orders}) == len(orders)
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        series = [row[0] for row in ledger.execute("SELECT symbol FROM order_intents WHERE submitted = 1")]
    assert len(series) == len(set(series)) == len(orders)


def test_two_ticks_started_together_send_one_order(tmp_path: Path) -> None:
    folder = tmp_path
    assert typed(folder, "init", "--symbols", "XLF").code == 0
    path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
    environment = {**os.environ, "PYTHONPATH": path, "BOT_MODE": "live"}
    command = [sys.executable, "-m", "bot", "tick", "--at", AT, "--json"]
    running = [
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ends = [(process.communicate(timeout=60), process.returncode) for process in running]
    codes = sorted(code for _, code in ends)
    assert codes in ([0, 0], [0, 75]), ends
    for (_, errors), code in ends:
        if code == 75:
            assert "is in use by process" in errors
            assert "try again" in errors
    assert len(account(folder)) == 1
    assert typed(folder, "tick", "--dry", "--at", LATER).code == 0


def test_a_held_home_is_75_and_names_who_holds_it(folder: Path) -> None:
    from bot.store.lock import home_lock
    from bot.tests.commands.typed import SATURDAY

    with home_lock(folder / "data", "bot simulate", SATURDAY):
        done = typed(folder, "tick", "--dry", "--at", AT)
    assert done.code == 75
    assert "bot simulate, since 2026-11-21 15:00:00 UTC" in done.err
    assert not (folder / "data" / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("words"), 2),
        (TryLater("words"), 75),
        (ConfigError("words"), 78),
        (ForeignStore("words"), 78),
        (StoreError("words"), 1),
        (BrokerUnreachable("words"), 1),
        (BadNumber("words"), 1),
        (BotError("words"), 1),
        (KeyboardInterrupt(), 130),
        (OSError(28, "No space left on device", "/full"), 1),
    ],
)
def test_each_failure_ends_in_its_exit_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(*words: object, **named: object) -> None:
        raise error

    monkeypatch.setattr("bot.commands.ticking.run_tick", fail)
    done = typed(folder, "tick")
    assert done.code == code
    assert "Traceback" not in done.err
    if isinstance(error, BotError):
        assert done.err == "bot: words\n"
    if isinstance(error, OSError):
        assert "/full: No space left on device" in done.err


def test_an_unknown_command_is_a_usage_error(folder: Path) -> None:
    assert typed(folder, "dance").code == 2


def test_help_tells_every_exit_code(folder: Path) -> None:
    done = typed(folder, "--help")
    assert done.code == 0
    told = done.out[done.out.index("Exit codes") :]
    for code in ("0 done", "1 failed", "2 usage", "75 try later", "78 configuration", "130 interrupted"):
        assert code in told


def commands() -> list[tuple[str, ...]]:
    root = typer.main.get_command(app)
    found: list[tuple[str, ...]] = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [(name, below) for below in inner] if inner else [(name,)]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_for_itself_and_each_option(folder: Path, words: tuple[str, ...]) -> None:
    done = typed(folder, *words, "--help")
    assert done.code == 0
    assert "Usage:" in done.out
    root = typer.main.get_command(app)
    command = root
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert command.help
    for option in command.params:
        # A bare "--reason" says nothing to the person who must fill it in.
        assert getattr(option, "help", None), f"{' '.join(words)}: {option.name} has no help"
