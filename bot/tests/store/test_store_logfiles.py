"""The log's files: compressed after a month, dropped after their days, and never lost or doubled by a kill."""

from __future__ import annotations

import gzip
import os
import stat
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.store.logfiles import PLAIN_DAYS, compress, days_of, lines_of, oldest_plain, tidy, unpack

TODAY = date(2026, 11, 18)


def write(folder: Path, age: int, *kinds: str) -> Path:
    folder.mkdir(exist_ok=True)
    day = TODAY - timedelta(days=age)
    path = folder / f"{day}.jsonl"
    with path.open("a") as file:
        file.writelines(f'{{"ts":"{day}T00:00:0{n}Z","kind":"{kind}"}}\n' for n, kind in enumerate(kinds))
    return path


def kinds(folder: Path) -> list[str]:
    return [told["kind"] for told in lines_of(folder, date.min, date.max)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def test_files_are_compressed_the_day_after_their_month(folder: Path) -> None:
    for age in (0, PLAIN_DAYS, PLAIN_DAYS + 1, PLAIN_DAYS + 2):
        write(folder, age, f"age{age}")
    assert tidy(folder, TODAY, 400).compressed == 2
    assert [paths[0].suffix for paths in days_of(folder).values()] == [".gz", ".gz", ".jsonl", ".jsonl"]
    assert kinds(folder) == ["age32", "age31", "age30", "age0"]
    packed = folder / f"{TODAY - timedelta(days=31)}.jsonl.gz"
    assert gzip.decompress(packed.read_bytes()).startswith(b'{"ts":')
    assert stat.S_IMODE(packed.stat().st_mode) == 0o600


@pytest.mark.parametrize(("keep", "left"), [(None, 3), (40, 2), (39, 1), (5, 1)])
def test_files_past_their_days_are_removed_and_off_keeps_all(folder: Path, keep: int | None, left: int) -> None:
    for age in (0, 40, 500):
        write(folder, age, "one")
    tidy(folder, TODAY, keep)
    assert len(days_of(folder)) == left


def test_a_tick_tends_one_file_and_the_oldest_first(folder: Path) -> None:
    for age in (31, 32, 33, 450):
        write(folder, age, "one")
    did = [tidy(folder, TODAY, 400, most=1)[:2] for _ in range(5)]
    assert did == [(0, 1), (1, 0), (1, 0), (1, 0), (0, 0)]


def test_a_file_too_large_for_a_tick_is_left_to_the_vacuum(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.logfiles.QUICK_BYTES", 10)
    write(folder, 31, "one")
    assert tidy(folder, TODAY, 400, most=1)[:2] == (0, 0)
    assert tidy(folder, TODAY, 400)[:2] == (1, 0)


def test_without_a_folder_there_is_nothing_to_do(folder: Path) -> None:
    assert tidy(folder, TODAY, 400)[:2] == (0, 0)
    assert kinds(folder) == []


def test_what_is_no_file_of_a_day_is_left_alone(folder: Path) -> None:
    write(folder, 40, "one")
    for name in ("notes.txt", "2026-13-01.jsonl", "2020-01-01.jsonl.bak"):
        (folder / name).write_text("mine")
    tidy(folder, TODAY, 5)
    assert sorted(path.name for path in folder.iterdir()) == ["2020-01-01.jsonl.bak", "2026-13-01.jsonl", "notes.txt"]


def test_a_file_that_cannot_be_read_is_said_and_the_others_are_tended(folder: Path) -> None:
    write(folder, 33, "one")
    (folder / f"{TODAY - timedelta(days=34)}.jsonl").mkdir()
    done = tidy(folder, TODAY, 400)
    assert done.compressed == 1
    assert "Is a directory" in done.faults[0]


def test_lines_that_are_none_are_passed_over(folder: Path) -> None:
    path = write(folder, 0, "one")
    with path.open("ab") as file:
        file.write(b'{"ts":"2026\n[]\n{"kind":3,"ts":""}\n\xff\xfe\n{"ts":"2026-11-18T01:00:00Z","kind":"two"}\n')
    assert kinds(folder) == ["one", "two"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("late", [(), ("three",)])
def test_killed_at_any_step_no_line_is_lost_or_doubled(
    folder: Path, late: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`late`: a compressed file stands already, and a clock that was set back wrote another plain one."""
    left = [0]

    def stepping(original: Any) -> Any:
        def stepped(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return original(*given, **named)

        return stepped

    plain = write(folder, 40, "one", "two")
    expected = ["one", "two", *late]
    if late:
        compress(plain)
        write(folder, 40, *late)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("open", "fsync"):
        monkeypatch.setattr(os, name, stepping(getattr(os, name)))
    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, stepping(getattr(Path, name)))
    for step in range(1, 30):
        for path in folder.iterdir():
            path.unlink()
        for name, held in before.items():
            (folder / name).write_bytes(held)
        left[0] = step
        try:
            compress(plain)
        except Killed:
            left[0] = 0
            assert kinds(folder) == expected, f"killed before step {step}"
            tidy(folder, TODAY, 400)
            assert kinds(folder) == expected
            assert not plain.exists()
        else:
            assert step >= 6
            assert unpack(plain.with_name(f"{plain.name}.gz").read_bytes()).count(b"\n") == len(expected)
            return
    raise AssertionError("it never ended")


def test_a_damaged_file_is_an_error_that_names_itself_and_not_silence(folder: Path) -> None:
    plain = write(folder, 40, "one")
    compress(plain)
    packed = plain.with_name(f"{plain.name}.gz")
    packed.write_bytes(b"\x1f\x8b\x08nonsense that is no gzip")
    with pytest.raises(Exception, match="Error -3"):
        kinds(folder)


def test_files_nobody_tends_are_counted(folder: Path) -> None:
    for age in (30, 37, 38, 60):
        write(folder, age, "one")
    assert oldest_plain(folder, TODAY) == 2
