"""`bot drill` as a person types it: what it prints, what it seals, how it ends."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.commands import drilling
from bot.drill.playing import Removed, chosen
from bot.store.database import LEDGER_NAME
from bot.tests.commands.typed import typed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert typed(tmp_path, "init", "--symbols", "XLF,EWZ").code == 0
    return tmp_path


def drills(folder: Path) -> list[tuple[int, str, str]]:
    path = folder / "data" / LEDGER_NAME
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT passed, worlds, result_json FROM drills").fetchall()


def test_part_of_a_drill_is_printed_and_not_sealed(folder: Path) -> None:
    done = typed(folder, "drill", "--only", "f13", "--world", "alpaca")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert "seed 1, on alpaca" in lines[0]
    assert [line.split()[:3] for line in lines[1:4]] == [["F13", "alpaca", "PASSED"]] * 3
    assert "0 sent" in lines[1]
    assert "[dry sends nothing]" in lines[1]
    assert "is not sealed" in lines[-1]
    assert drills(folder) == []


def test_the_removals_are_told_one_by_one(folder: Path) -> None:
    done = typed(folder, "drill", "--only", "F12", "--world", "simulator", "--removals")
    assert done.code == 0, done.err
    assert "without quantities_are_whole: dust on simulator: missed, as it must be" in done.out
    assert "guards taken away: 2 times, 2 times the drill noticed" in done.out


def test_a_whole_drill_is_sealed_and_the_record_stays_sound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = chosen("F12")
    monkeypatch.setattr(drilling, "chosen", lambda only: scenes)
    done = typed(folder, "drill", "--json", "--seed", "5")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["passed"], told["seed"], told["worlds"]) == (True, 5, ["simulator", "alpaca"])
    assert told["scenes"] == {"passed": 4, "failed": 0, "off": 0}
    assert told["sealed"]
    ((passed, worlds, result),) = drills(folder)
    assert (passed, worlds) == (1, "simulator,alpaca")
    assert [one["name"] for one in json.loads(result)["outcomes"]] == ["remainder"] * 2 + ["dust"] * 2
    assert typed(folder, "audit", "verify").code == 0
    assert "good" in typed(folder, "doctor").out


def test_a_drill_that_fails_is_sealed_too_and_ends_with_1(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (folder / "data" / "desk.toml").read_text()
    (folder / "data" / "desk.toml").write_text(text.replace("equity_min = 2000 ", "equity_min = 90000000 ", 1))
    scenes = tuple(one for one in chosen("F13") if one.name == "dry")
    monkeypatch.setattr(drilling, "chosen", lambda only: scenes)
    done = typed(folder, "drill")
    assert done.code == 1
    assert "FAILED: 0 passed, 2 failed, 0 off" in done.out
    assert [row[0] for row in drills(folder)] == [0]


@pytest.mark.parametrize(
    ("words", "told"), [(("--only", "F16"), "F16"), (("--world", "mars"), "mars"), (("--seed", "-1"), "seed")]
)
def test_words_that_a_drill_does_not_take_are_refused(folder: Path, words: tuple[str, ...], told: str) -> None:
    done = typed(folder, "drill", *words)
    assert done.code == 2
    assert told in done.err


def test_a_guard_that_nobody_missed_is_shouted() -> None:
    line = drilling.removed_line(Removed(guard="g", scene="s", world="alpaca", noticed=False, words="it passed"))
    assert "NOT MISSED" in line
