"""`bot data` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.tests.commands.typed import AT, new_home, typed
from bot.tests.tapes.test_tapes_import import GOOD, HEAD, a_file


@pytest.fixture
def place(tmp_path: Path) -> Path:
    a_file(tmp_path, HEAD, *GOOD)
    (tmp_path / ".env").write_text("")
    return tmp_path


def test_a_file_becomes_a_tape_that_is_listed_shown_and_checked(place: Path) -> None:
    done = typed(place, "data", "import", "xlf", "bars.csv", "--symbol", "XLF", "--note", "by hand")
    assert done.code == 0, done.err
    assert done.out.startswith("tape xlf kept in ")
    assert "bars, 15min, 1 series, 3 rows" in done.out
    (row,) = [line for line in typed(place, "data", "list").out.splitlines() if line.startswith("  xlf")]
    assert row.split()[:4] == ["xlf", "bars", "15min", "XLF"]
    shown = typed(place, "data", "show", "xlf").out
    assert "source    bars.csv" in shown
    assert "note      by hand" in shown
    assert typed(place, "data", "check", "xlf").code == 0


def test_a_refusal_is_a_report_and_exit_one(place: Path) -> None:
    a_file(place, HEAD, *GOOD, GOOD[2])
    done = typed(place, "data", "import", "xlf", "bars.csv", "--symbol", "XLF")
    assert done.code == 1
    assert "REFUSED: 4 rows read, nothing kept" in done.out
    assert "XLF: duplicate, row 5: the same prices as row 4" in done.out
    told = json.loads(typed(place, "data", "import", "xlf", "bars.csv", "--symbol", "XLF", "--json").out)
    assert (told["kept"], told["problems"][0]["rows"]) == (False, ["5"])
    assert typed(place, "data", "list").out.startswith("no tapes in ")
    kept = typed(place, "data", "import", "xlf", "bars.csv", "--symbol", "XLF", "--keep", "first", "--json")
    assert kept.code == 0
    assert json.loads(kept.out)["tape"]["series"][0]["rows"] == 3


def test_a_changed_tape_fails_its_check(place: Path) -> None:
    typed(place, "data", "import", "xlf", "bars.csv", "--symbol", "XLF")
    path = place / "tapes" / "xlf" / "bars-0000.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    done = typed(place, "data", "check", "xlf")
    assert done.code == 1
    assert "IS NOT what was imported" in done.out
    path.unlink()
    assert "BROKEN: tape xlf: bars-0000.npy is missing" in typed(place, "data", "list").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("data", "import", "x"), "name either the files to import or --home HOME"),
        (("data", "import", "x", "bars.csv", "--home", "."), "name either the files to import or --home HOME"),
        (("data", "import", "x", "bars.csv", "--stamp", "middle"), "--stamp: expected start, end"),
        (("data", "import", "x", "bars.csv", "--step", "2min"), "--step: expected 1min"),
        (("data", "import", "x", "bars.csv", "--columns", "open"), "--columns: expected pairs"),
        (("data", "import", "x", "bars.csv", "--factors", "bars.csv"), "add --symbol"),
        (("data", "import", "x", "bars.csv", "--accept", "duplicate"), "--accept: expected 'split-like jump' or"),
        (("data", "import", "x", "--home", "."), "there is no ledger"),
        (("data", "import", "x", "bars.doc"), "expected .csv"),
    ],
)
def test_wrong_words_are_said_to_be_wrong(place: Path, words: tuple[str, ...], told: str) -> None:
    done = typed(place, *words)
    assert done.code == 2
    assert told in done.err


def test_the_ticks_of_a_home_become_a_tape(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    done = typed(tmp_path, "data", "import", "mine", "--home", str(home))
    assert done.code == 0, done.err
    assert "MODELLED  prices of the embedded synthetic market" in done.out
    told = json.loads(typed(tmp_path, "data", "show", "mine", "--json").out)
    assert told["kinds"] == ["ticks"]
    assert {"XLF", "EWZ"} <= {one["symbol"] for one in told["series"]}
