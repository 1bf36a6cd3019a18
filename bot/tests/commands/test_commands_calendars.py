"""`bot import-earnings`: all rows or none, in one step, and it says what changed."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.commands import calendars
from bot.domain.errors import StoreError
from bot.store.lock import home_lock
from bot.tests.commands.typed import Done, new_home, typed

NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
GOOD = "Symbol,reportDate,time\nACME,2026-11-24,amc\nZZZ,2026-11-24,amc\n"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "wall_clock", lambda: NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A desk of one fund and two stocks."""
    folder = tmp_path / "desk"
    new_home(folder)
    desk = folder / "data" / "desk.toml"
    text = desk.read_text()
    line = next(line for line in text.splitlines() if line.startswith("EWZ = {"))
    stocks = [line.replace("EWZ", name, 1).replace('"etf"', '"stock"') for name in ("ACME", "BOLT")]
    desk.write_text(text.replace(line, "\n".join([line, *stocks])))
    return folder


def put(folder: Path, text: str, day: date | None = None) -> None:
    path = folder / "other.csv"
    path.write_text(text)
    written = NOW if day is None else datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    os.utime(path, (written.timestamp(), written.timestamp()))


def imported(folder: Path, *words: str) -> Done:
    return typed(folder, "import-earnings", "other.csv", *words)


def kept(folder: Path) -> str:
    path = folder / "data" / "earnings.csv"
    return path.read_text() if path.exists() else ""


def test_a_file_is_taken_in_and_what_changed_is_told(folder: Path) -> None:
    put(folder, GOOD)
    done = imported(folder)
    assert done.code == 0, done.err
    assert kept(folder) == "symbol,date,when,as_of\nACME,2026-11-24,amc,2026-11-18\n"
    assert "ACME   2026-11-24 amc     checked 2026-11-18 (today): new" in done.out
    assert "left out: 1 row about names that are no stocks of this desk" in done.out
    assert "ACME   known: next release 2026-11-24 (amc), checked today" in done.out
    assert "BOLT   unknown: no release is told" in done.out


def test_taking_it_in_twice_changes_nothing(folder: Path) -> None:
    put(folder, GOOD)
    imported(folder)
    before = (folder / "data" / "earnings.csv").stat()
    done = imported(folder)
    after = (folder / "data" / "earnings.csv").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert "nothing to change" in done.out


def test_a_moved_release_is_told_with_both_dates(folder: Path) -> None:
    put(folder, GOOD, date(2026, 11, 10))
    imported(folder)
    put(folder, GOOD.replace("11-24", "12-01"))
    assert "ACME   2026-12-01 amc     checked 2026-11-18 (today): moved from 2026-11-24" in imported(folder).out
    assert "2026-11-24" not in kept(folder)


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    put(folder, GOOD)
    done = imported(folder, "--dry")
    assert "would change in 1 row; --dry wrote nothing" in done.out
    assert kept(folder) == ""


def test_a_bad_row_stops_it_all_with_its_number(folder: Path) -> None:
    put(folder, GOOD + "BOLT,03/04/2026,bmo\nACME,2026-11-24,whenever\n")
    done = imported(folder)
    assert done.code == 78
    assert "other.csv:4: BOLT: date:" in done.err
    assert "other.csv:5: ACME: when:" in done.err
    assert "--skip-bad" in done.err
    assert kept(folder) == ""


def test_bad_rows_can_be_left_out_and_are_named_all_the_same(folder: Path) -> None:
    put(folder, GOOD + "BOLT,03/04/2026,bmo\n")
    done = imported(folder, "--skip-bad")
    assert done.code == 0
    assert "not read: other.csv:4: BOLT: date:" in done.out
    assert "ACME" in kept(folder)
    assert "BOLT" not in kept(folder)


def test_the_files_own_day_counts_unless_another_is_said(folder: Path) -> None:
    put(folder, GOOD, date(2026, 11, 1))
    assert "ACME   stale: next release 2026-11-24 (amc), checked 17 days ago" in imported(folder).out
    assert "checked yesterday" in imported(folder, "--as-of", "2026-11-17").out
    put(folder, GOOD, date(2027, 1, 1))  # a clock that was wrong: no day to come
    assert imported(folder, "--json").code == 0
    assert kept(folder).endswith(",2026-11-18\n")


@pytest.mark.parametrize("day", ["2026-11-19", "tomorrow", "18.11.2026"])
def test_a_day_that_cannot_be_is_a_word_it_does_not_take(folder: Path, day: str) -> None:
    put(folder, GOOD)
    assert imported(folder, "--as-of", day).code == 2


def test_one_object_says_it_all(folder: Path) -> None:
    put(folder, GOOD)
    told = json.loads(imported(folder, "--json").out)
    assert told["written"] is True
    assert told["status"] == {"ACME": "known", "BOLT": "unknown"}
    assert told["changes"] == [
        {"what": "new", "symbol": "ACME", "date": "2026-11-24", "when": "amc", "as_of": "2026-11-18", "before": None}
    ]
    assert (told["left_out"], told["faults"]) == (1, [])


def test_a_desk_of_funds_needs_none(tmp_path: Path) -> None:
    new_home(tmp_path)
    put(tmp_path, GOOD)
    assert "the universe is ETFs only" in imported(tmp_path).out
    assert kept(tmp_path) == ""


def test_a_file_that_is_not_there_or_no_text_is_named(folder: Path) -> None:
    assert imported(folder).code == 2
    (folder / "other.csv").write_bytes(b"\xff\xfe\x00symbol")
    done = imported(folder)
    assert (done.code, "no UTF-8 text" in done.err) == (2, True)
    (folder / "other.csv").unlink()
    (folder / "other.csv").mkdir()
    assert imported(folder).code == 2


def test_an_earnings_file_that_is_broken_is_not_written_over(folder: Path) -> None:
    broken = folder / "data" / "earnings.csv"
    broken.write_text("what is this\n")
    put(folder, GOOD)
    assert imported(folder).code == 78
    assert broken.read_text() == "what is this\n"


def test_it_waits_for_whoever_holds_the_home(folder: Path) -> None:
    put(folder, GOOD)
    with home_lock(folder / "data", "a tick", NOW):
        assert imported(folder).code == 75
        assert imported(folder, "--dry").code == 0
    assert kept(folder) == ""


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "earnings.csv"
    target.write_text("before")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the former file stands"):
        calendars.write_whole(target, "after")
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
