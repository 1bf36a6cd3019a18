"""What holds for a day is asked for once, and a damaged file costs one question."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.venues.daycache import DayCache

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)


class Source:
    """Makes a new value each time it is asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Any:
        self.made += 1
        return {"rows": [{"date": "2026-11-20", "price": "1.50"}], "made": self.made}


@pytest.fixture
def source() -> Source:
    return Source()


def cache(folder: Path) -> DayCache:
    return DayCache(folder / "cache", lambda: NOW)


def test_a_value_is_made_once_a_day_across_processes(tmp_path: Path, source: Source) -> None:
    first = cache(tmp_path).get("calendar", DAY, source)
    assert cache(tmp_path).get("calendar", DAY, source) == first
    assert source.made == 1
    assert cache(tmp_path).get("calendar", DAY + timedelta(days=1), source) != first
    assert source.made == 2


def test_names_are_kept_apart_and_only_the_newest_day_is_kept(tmp_path: Path, source: Source) -> None:
    kept = cache(tmp_path)
    kept.get("a", DAY, source)
    kept.get("b", DAY, source)
    kept.get("a", DAY + timedelta(days=1), source)
    assert sorted(path.name for path in kept.folder.iterdir()) == ["a.json", "b.json"]


def test_the_file_and_its_folder_are_the_owners_alone(tmp_path: Path, source: Source) -> None:
    kept = cache(tmp_path)
    kept.get("a", DAY, source)
    assert (kept.folder / "a.json").stat().st_mode & 0o777 == 0o600
    assert kept.folder.stat().st_mode & 0o777 == 0o700


def test_what_is_forgotten_is_made_anew(tmp_path: Path, source: Source) -> None:
    kept = cache(tmp_path)
    kept.get("a", DAY, source)
    kept.forget("a")
    kept.forget("a")
    kept.get("a", DAY, source)
    assert source.made == 2


GOOD = {"schema": 1, "day": "2026-11-20", "made_at": "2026-11-20T15:00:00+00:00", "value": "old"}
DAMAGED = {
    "empty": b"",
    "garbage": b"\x00\xff garbage",
    "cut short": json.dumps(GOOD).encode()[:-5],
    "a list": b"[]",
    "too deep": b"[" * 100_000,
    "without value": json.dumps({**GOOD, "value": 1}).replace('"value"', '"other"').encode(),
    "of another schema": json.dumps({**GOOD, "schema": 99}).encode(),
    "without a moment": json.dumps({**GOOD, "made_at": None}).encode(),
    "with a moment without zone": json.dumps({**GOOD, "made_at": "2026-11-20T15:00:00"}).encode(),
    "with a day that is none": json.dumps({**GOOD, "day": "someday"}).encode(),
    "of another day": json.dumps({**GOOD, "day": "2026-11-19"}).encode(),
}


def test_the_damaged_files_below_are_damaged_in_one_way_each(tmp_path: Path, source: Source) -> None:
    kept = cache(tmp_path)
    kept.folder.mkdir()
    (kept.folder / "a.json").write_text(json.dumps(GOOD))
    assert kept.get("a", DAY, source) == "old"


@pytest.mark.parametrize("content", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_file_is_made_anew(tmp_path: Path, source: Source, content: bytes) -> None:
    kept = cache(tmp_path)
    kept.folder.mkdir()
    (kept.folder / "a.json").write_bytes(content)
    assert kept.get("a", DAY, source)["made"] == 1
    assert kept.get("a", DAY, source)["made"] == 1
    assert source.made == 1


def test_a_folder_that_cannot_be_written_only_costs_the_saving(tmp_path: Path, source: Source) -> None:
    (tmp_path / "cache").write_text("a file stands where the folder should")
    kept = cache(tmp_path)
    assert [kept.get("a", DAY, source)["made"] for _ in range(2)] == [1, 2]
    kept.forget("a")


def test_a_place_that_cannot_be_replaced_leaves_no_rubbish(tmp_path: Path, source: Source) -> None:
    kept = cache(tmp_path)
    (kept.folder / "a.json" / "full").mkdir(parents=True)
    assert kept.get("a", DAY, source)["made"] == 1
    assert [path.name for path in kept.folder.iterdir()] == ["a.json"]


def test_what_making_raises_passes_and_nothing_is_kept(tmp_path: Path) -> None:
    def fail() -> Any:
        raise RuntimeError("the venue said no")

    kept = cache(tmp_path)
    with pytest.raises(RuntimeError, match="said no"):
        kept.get("a", DAY, fail)
    assert not (kept.folder / "a.json").exists()


@pytest.mark.parametrize("value", [Decimal("1.5"), 1.5, (1,), {1: "a"}, [{"a": Decimal(1)}], DAY])
def test_a_value_that_would_not_come_back_equal_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(TypeError):
        cache(tmp_path).get("a", DAY, lambda: value)


@pytest.mark.parametrize("value", [None, True, 7, "1.50", [], {}, {"a": [None, {"b": "ü\n"}]}])
def test_a_plain_value_comes_back_equal(tmp_path: Path, value: Any) -> None:
    kept = cache(tmp_path)
    assert kept.get("a", DAY, lambda: value) == value
    assert kept.get("a", DAY, lambda: "another") == value


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "a b"])
def test_a_name_stays_inside_the_folder(tmp_path: Path, name: str, source: Source) -> None:
    with pytest.raises(AssertionError):
        cache(tmp_path).get(name, DAY, source)
