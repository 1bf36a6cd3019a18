"""Thinning: what stays, what the record says of what went, and that a process killed anywhere loses nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.domain.checks import refused
from bot.domain.desk import KeepNumbers
from bot.domain.errors import StoreError
from bot.ops.backup import make_backup
from bot.ops.vacuum import vacuum
from bot.store import chain, thinning
from bot.store.database import LEDGER_NAME, Database
from bot.store.journal import LedgerJournal
from bot.store.snapshots import load_stored
from bot.store.thinning import months_due, thin
from bot.store.verifying import find_faults
from bot.tests.store.scene import a_decision, a_planned, a_tick, an_end, begin, refused_by, rows, step, tamper

FIRST = datetime(2025, 9, 2, 14, 0, tzinfo=UTC)
MUCH_LATER = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def fill(home: Path) -> dict[str, list[int]]:
    """Write two old months and the newest one; gives ticks by what they did."""
    done: dict[str, list[int]] = {"ends": [], "order": [], "halt": [], "failed": [], "quiet": []}
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    for month in (9, 10):
        for day in (2, 3):
            at = FIRST.replace(month=month, day=day)
            ticks = [a_tick(journal, at + number * QUARTER) for number in range(4)]
            done["ends"] += [ticks[0]]
            done["quiet"] += ticks[1:]
            done["order"].append(_with_an_order(journal, at + 4 * QUARTER))
            stopped = refused_by(refused("halt_allows", "stop is in force"))
            done["halt"].append(a_tick(journal, at + 5 * QUARTER, verdicts=(stopped,)))
            done["failed"].append(_failed(journal, at + 6 * QUARTER))
            done["ends"].append(a_tick(journal, at + 7 * QUARTER))
    done["newest"] = [a_tick(journal, MUCH_LATER - timedelta(days=1))]
    journal.close()
    return done


def _with_an_order(journal: LedgerJournal, at: datetime) -> int:
    order = a_planned(at)
    tick_id, kept = begin(journal, at)
    journal.record_decision(tick_id, a_decision(kept, at, planned=(order,)))
    journal.move(tick_id, step(order, "not_sent", at))
    journal.seal(tick_id, an_end(at))
    return tick_id


def _failed(journal: LedgerJournal, at: datetime) -> int:
    tick_id, _ = begin(journal, at)
    journal.seal(tick_id, an_end(at, status="failed", note="the market did not answer"))
    return tick_id


def thinned(home: Path, now: datetime = MUCH_LATER, days: int = 60) -> list[thinning.Thinned]:
    database = Database(home)
    try:
        return list(thin(database, now, days, "a test"))
    finally:
        database.close()


def faults(home: Path) -> list[str]:
    database = Database(home)
    try:
        return list(chain.verify(database.connection, home))
    finally:
        database.close()


def gone(home: Path) -> list[int]:
    return [row[0] for row in rows(home, "SELECT tick_id FROM snapshots WHERE thinned_by IS NOT NULL ORDER BY tick_id")]


def readable(home: Path) -> list[int]:
    """Give the ticks whose Snapshot can be read and proved."""
    found = []
    database = Database(home)
    for tick_id, known in rows(home, "SELECT tick_id, hash FROM snapshots"):
        try:
            load_stored(database.connection, home, known)
        except StoreError:
            continue
        found.append(tick_id)
    database.close()
    return sorted(found)


def test_what_did_something_and_the_ends_of_each_day_stay(home: Path) -> None:
    done = fill(home)
    months = thinned(home)
    assert [(one.month, one.kept, one.gone) for one in months] == [("2025-09", 10, 6), ("2025-10", 10, 6)]
    assert all(one.bytes_after < one.bytes_before for one in months)
    assert gone(home) == sorted(done["quiet"])
    staying = [tick for name, ticks in done.items() if name != "quiet" for tick in ticks]
    assert readable(home) == sorted(staying)
    assert faults(home) == []


def test_the_chain_names_what_went_and_by_what_rule(home: Path) -> None:
    fill(home)
    thinned(home)
    told = rows(home, "SELECT json_extract(payload_json, '$.month'), json_array_length(payload_json, '$.ticks'),"
                " json_extract(payload_json, '$.why') FROM events WHERE kind = 'thinned' ORDER BY id")  # fmt: skip
    assert [row[:2] for row in told] == [("2025-09", 6), ("2025-10", 6)]
    assert told[0][2].startswith("older than 60 days; kept: the first and last tick of a day")
    assert rows(home, "SELECT count(*) FROM snapshots s JOIN events e ON e.id = s.thinned_by AND e.ts = s.thinned_at"
                " WHERE e.kind = 'thinned'") == [(12,)]  # fmt: skip


def test_a_thinned_snapshot_says_so_where_it_is_asked_for(home: Path) -> None:
    done = fill(home)
    thinned(home)
    ((known,),) = rows(home, "SELECT hash FROM snapshots WHERE tick_id = ?", done["quiet"][0])
    database = Database(home)
    with pytest.raises(StoreError, match=f"of tick {done['quiet'][0]} was thinned out on 2026-11-18"):
        load_stored(database.connection, home, known)
    database.close()


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2025, 11, 29, 23, 59, tzinfo=UTC), []),
        (datetime(2025, 11, 30, 0, 0, tzinfo=UTC), ["2025-09"]),
        (datetime(2025, 12, 30, 23, 59, tzinfo=UTC), ["2025-09"]),
        (datetime(2025, 12, 31, 0, 0, tzinfo=UTC), ["2025-09", "2025-10"]),
        (datetime(2031, 1, 1, tzinfo=UTC), ["2025-09", "2025-10"]),
    ],
)
def test_a_month_is_due_when_its_last_day_is_past_and_the_newest_never_is(
    home: Path, now: datetime, due: list[str]
) -> None:
    fill(home)
    database = Database(home)
    assert months_due(database.connection, now, 60) == due
    database.close()


def test_a_second_run_finds_nothing_to_do_and_a_december_ends_a_year(home: Path) -> None:
    fill(home)
    thinned(home)
    before = sorted((home / "snapshots").iterdir())
    assert thinned(home) == []
    assert sorted((home / "snapshots").iterdir()) == before
    assert [path.name for path in before] == ["2025-09.1.bin", "2025-10.1.bin", "2026-11.bin"]
    assert thinning._end_of("2025-12.3") == datetime(2026, 1, 1, tzinfo=UTC)


def test_bytes_that_were_changed_are_not_thinned_away(home: Path) -> None:
    done = fill(home)
    path = home / "snapshots" / "2025-09.bin"
    ((offset,),) = rows(home, 'SELECT "offset" FROM snapshots WHERE tick_id = ?', done["quiet"][0])
    held = bytearray(path.read_bytes())
    held[offset + 5] ^= 1
    path.write_bytes(held)
    with pytest.raises(StoreError, match=f"the Snapshot of tick {done['quiet'][0]} is not what was sealed"):
        thinned(home)
    assert path.read_bytes() == bytes(held)
    assert gone(home) == []


def test_a_vacuum_thins_only_a_record_that_verifies_and_off_means_never(home: Path) -> None:
    fill(home)
    assert vacuum(home, KeepNumbers(snapshots_full_days=None), MUCH_LATER, "a test").thinned == ()
    tamper(home, "UPDATE tick_checks SET blob = zeroblob(3) WHERE tick_id = 1")
    with pytest.raises(StoreError, match="nothing was thinned out"):
        vacuum(home, KeepNumbers(snapshots_full_days=60), MUCH_LATER, "a test")
    assert gone(home) == []


def test_a_vacuum_thins_and_the_record_still_verifies(home: Path) -> None:
    fill(home)
    assert len(vacuum(home, KeepNumbers(snapshots_full_days=60), MUCH_LATER, "a test").thinned) == 2
    assert faults(home) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE snapshots SET thinned_by = 1, thinned_at = (SELECT ts FROM events WHERE id = 1) WHERE tick_id = 1",
        "UPDATE snapshots SET thinned_by = (SELECT max(thinned_by) FROM snapshots),"
        " thinned_at = (SELECT max(thinned_at) FROM snapshots) WHERE tick_id = 1",
        "UPDATE snapshots SET thinned_at = '2026-01-01T00:00:00.000000Z' WHERE thinned_by IS NOT NULL",
        "UPDATE snapshots SET thinned_at = '2026-01-01T00:00:00.000000Z' WHERE tick_id = 1",
        "UPDATE snapshots SET thinned_by = NULL, thinned_at = NULL WHERE thinned_by IS NOT NULL",
    ],
)
def test_a_mark_that_no_event_bears_out_is_a_fault(home: Path, statement: str) -> None:
    """A missing Snapshot is accepted only where the chain names that tick with that hash."""
    fill(home)
    thinned(home)
    tamper(home, statement)
    assert any("Snapshot" in fault for fault in faults(home))


def test_an_event_that_names_another_tick_does_not_excuse_this_one(home: Path) -> None:
    fill(home)
    thinned(home)
    (home / "snapshots" / "2025-09.1.bin").unlink()
    assert any("cannot be read" in fault for fault in faults(home))


def test_a_backup_after_thinning_proves_sound(home: Path, tmp_path: Path) -> None:
    fill(home)
    (home / "desk.toml").write_text("")
    first = make_backup(home, tmp_path / "kept", MUCH_LATER, lambda: 0.0)
    thinned(home)
    second = make_backup(home, tmp_path / "kept", MUCH_LATER + timedelta(hours=1), lambda: 0.0)
    assert (first.path / "snapshots" / "2025-09.bin").exists()
    assert (second.path / "snapshots" / "2025-09.1.bin").exists()
    assert not (second.path / "snapshots" / "2025-09.bin").exists()


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the process end before the Nth step that the disk would see; gives how many there were."""
    seen = {"left": -1, "steps": 0}

    def stepping(original: Any) -> Any:
        def stepped(*given: Any, **named: Any) -> Any:
            seen["steps"] += 1
            if seen["left"] == seen["steps"]:
                raise Killed
            return original(*given, **named)

        return stepped

    monkeypatch.setattr(os, "fsync", stepping(os.fsync))
    monkeypatch.setattr(Path, "replace", stepping(Path.replace))
    monkeypatch.setattr(Path, "unlink", stepping(Path.unlink))
    monkeypatch.setattr(chain, "append", stepping(chain.append))

    def set_to(number: int) -> int:
        taken, seen["left"], seen["steps"] = seen["steps"], number, 0
        return taken

    return set_to


def test_killed_at_any_step_nothing_is_lost_and_the_next_run_finishes(tmp_path: Path, kill_at: Any) -> None:
    done = fill(tmp_path / "before")
    copytree(tmp_path / "before", tmp_path / "whole")
    kill_at(-1)
    thinned(tmp_path / "whole")
    steps = kill_at(-1)
    assert steps >= 10
    for number in range(1, steps + 1):
        home = tmp_path / f"killed-{number}"
        copytree(tmp_path / "before", home)
        kill_at(number)
        with pytest.raises(Killed):
            thinned(home)
        kill_at(-1)
        assert faults(home) == [], f"killed before step {number}"
        assert set(readable(home)) >= {tick for name, ticks in done.items() if name != "quiet" for tick in ticks}
        thinned(home)
        assert faults(home) == []
        assert gone(home) == sorted(done["quiet"])
        assert sorted(path.name for path in (home / "snapshots").iterdir()) == [
            "2025-09.1.bin", "2025-10.1.bin", "2026-11.bin",
        ]  # fmt: skip


def test_a_walk_that_began_before_the_thinning_finds_no_fault(home: Path) -> None:
    """The watch verifies beside whatever is at work; a false fault of its would stop the desk."""
    fill(home)
    with closing(sqlite3.connect(home / LEDGER_NAME)) as reader:
        walk = find_faults(reader, home)
        assert list(islice(walk, 0)) == []
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM snapshots").fetchone() == (33,)
        thinned(home)
        assert not (home / "snapshots" / "2025-09.bin").exists()
        assert list(walk) == []
        assert reader.execute("SELECT count(*) FROM snapshots WHERE thinned_by IS NOT NULL").fetchone() == (0,)


def test_a_file_that_is_none_of_ours_is_left_alone(home: Path) -> None:
    fill(home)
    for name in ("2025-09-copy.bin", "2024-01.bin", "notes.txt"):
        (home / "snapshots" / name).write_bytes(b"mine")
    thinned(home)
    assert {"2025-09-copy.bin", "2024-01.bin", "notes.txt"} <= {path.name for path in (home / "snapshots").iterdir()}


def test_ticks_go_on_after_thinning(home: Path) -> None:
    fill(home)
    thinned(home)
    journal = LedgerJournal(home, "desk")
    a_tick(journal, MUCH_LATER)
    journal.close()
    assert faults(home) == []
    assert date(2026, 11, 18).isoformat() in {row[0] for row in rows(home, "SELECT session_day FROM ticks")}
