"""`bot vacuum` as a person types it: months thinned, logs tidied, and who else may be at work."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.store.lock import home_lock
from bot.tests.builders import NOON
from bot.tests.commands.typed import new_home, typed
from bot.tests.store.scene import rows

MARCH = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with six quiet ticks of one November day and one of January."""
    folder = tmp_path_factory.mktemp("lived")
    new_home(folder)
    moments = [f"2026-11-18T{16 + minute // 60}:{minute % 60:02d}:00+00:00" for minute in range(0, 90, 15)]
    for at in (*moments, "2027-01-13T17:00:00+00:00"):
        done = typed(folder, "tick", "--dry", "--at", at, now=datetime.fromisoformat(at))
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def folder(lived: Path, tmp_path: Path) -> Path:
    from shutil import copytree

    copytree(lived, tmp_path, dirs_exist_ok=True)
    return tmp_path


def keep(folder: Path, key: str, value: str) -> None:
    desk = folder / "data" / "desk.toml"
    desk.write_text(desk.read_text().replace(f"{key} = 400", f"{key} = {value}"))


def thinned(folder: Path) -> list[tuple[int]]:
    query = "SELECT tick_id FROM snapshots WHERE thinned_by IS NOT NULL ORDER BY 1"
    return [(one,) for (one,) in rows(folder / "data", query)]


def test_a_month_past_its_days_is_thinned_and_said(folder: Path) -> None:
    keep(folder, "snapshots_full_days", "60")
    done = typed(folder, "vacuum", now=MARCH)
    assert done.code == 0, done.err
    gone = thinned(folder)
    assert gone
    assert f"snapshots 2026-11: {6 - len(gone)} kept, {len(gone)} thinned out" in done.out
    assert {(1,), (6,)}.isdisjoint(gone)
    assert typed(folder, "audit", "verify", now=MARCH).code == 0
    told = json.loads(typed(folder, "log", "--json", "--kind", "vacuum", now=MARCH).out)["lines"]
    assert told[0]["thinned"][0]["gone"] == len(gone)
    wishes = dict(rows(folder / "data", "SELECT tick_id, min(id) FROM order_intents GROUP BY tick_id"))
    assert "thinned" not in typed(folder, "why", f"#{wishes[1]}", now=MARCH).out
    why = typed(folder, "why", f"#{wishes[gone[0][0]]}", now=MARCH)
    assert "thinned out on 2027-03-01" in " ".join(why.out.split())


@pytest.mark.parametrize("days", ["400", '"off"'])
def test_a_month_within_its_days_or_with_off_stays_whole(folder: Path, days: str) -> None:
    keep(folder, "snapshots_full_days", days)
    assert typed(folder, "vacuum", now=MARCH).code == 0
    assert thinned(folder) == []


def test_logs_are_tidied_in_one_go(folder: Path) -> None:
    keep(folder, "log_days", "60")
    done = typed(folder, "vacuum", now=MARCH)
    assert "logs: 1 day compressed, 1 day removed" in done.out
    assert [path.name for path in sorted((folder / "data" / "logs").iterdir())] == [
        "2027-01-13.jsonl.gz", "2027-03-01.jsonl",
    ]  # fmt: skip


def test_a_vacuum_waits_for_no_backup_but_leaves(folder: Path) -> None:
    """A backup has read where Snapshots lie before it copies them."""
    with home_lock(folder / "data" / "backups", "bot backup", NOON):
        done = typed(folder, "vacuum", now=MARCH)
    assert (done.code, "bot backup" in done.err) == (75, True)
    assert typed(folder, "backup", now=MARCH).code == 0
    assert typed(folder, "vacuum", now=MARCH).code == 0


def test_a_tick_after_thinning_goes_on(folder: Path) -> None:
    keep(folder, "snapshots_full_days", "60")
    assert typed(folder, "vacuum", now=MARCH).code == 0
    done = typed(folder, "tick", "--dry", "--at", "2027-03-01T17:00:00+00:00", now=MARCH)
    assert done.code == 0, done.err
    assert typed(folder, "doctor", now=MARCH).code == 0
