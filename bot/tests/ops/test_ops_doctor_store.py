"""The doctor on the ledger's files: the write-ahead log's traps, a trial transaction, versions, a bounded chain."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.domain.errors import StoreError
from bot.ops import doctor_store
from bot.ops.doctor_store import beside_it, chained, examine_store, foreign_user, readable
from bot.ops.finding import Finding
from bot.store import condition
from bot.store.database import LEDGER_NAME
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.tests.builders import NOON
from bot.tests.commands.typed import AT, new_home, typed
from bot.tests.store.scene import a_tick
from bot.wiring import House, load_house


@pytest.fixture
def house(tmp_path: Path) -> House:
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    return load_house(str(tmp_path / ".env"))


def found(house: House, days: int = 0) -> dict[str, Finding]:
    return {one.what: one for one in examine_store(house, NOON + timedelta(days=days), lambda: 0.0)}


def test_a_sound_ledger_is_good_in_every_line(house: House) -> None:
    seen = found(house)
    assert {one.level for one in seen.values()} == {"good"}, seen
    assert set(seen) == {"wal files", "store", "writing", "integrity", "chain", "ticks"}


def test_a_home_without_a_tick_says_what_begins_one(tmp_path: Path) -> None:
    new_home(tmp_path)
    (one,) = examine_store(load_house(str(tmp_path / ".env")), NOON, lambda: 0.0)
    assert (one.level, one.do) == ("look", "`bot tick --dry --at session`")


def test_another_users_ledger_is_not_opened(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens it may leave a -wal of their own, and then its owner's next tick cannot write."""
    path = house.home / LEDGER_NAME
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    opened: list[str] = []
    monkeypatch.setattr(sqlite3, "connect", lambda *words, **more: opened.append(str(words)))
    (one,) = examine_store(house, NOON, lambda: 0.0)
    assert (one.level, one.what, "sudo -u" in one.do, opened) == ("stop", "store", True, [])
    assert not readable(house.home)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert foreign_user(path) is None


class Stat:
    """What `stat` says, with another owner."""

    def __init__(self, real: os.stat_result, uid: int) -> None:
        self.st_mode, self.st_size, self.st_uid = real.st_mode, real.st_size, uid


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_a_file_of_another_user_beside_the_ledger_stops(
    house: House, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = house.home / LEDGER_NAME
    beside = path.with_name(path.name + ending)
    beside.touch(0o600)
    real = Path.stat

    def stat(self: Path, **more: Any) -> Any:
        told = real(self, **more)
        return Stat(told, told.st_uid + 1) if self == beside else told

    monkeypatch.setattr(Path, "stat", stat)
    (one,) = beside_it(path)
    assert (one.level, one.what) == ("stop", "wal files")
    assert f"{beside.name} belongs to" in one.words
    assert str(beside) in one.do


@pytest.mark.parametrize(("name", "what"), [(LEDGER_NAME, "store"), (f"{LEDGER_NAME}-shm", "wal files")])
def test_a_file_its_owner_cannot_write_stops_with_chmod(house: House, name: str, what: str) -> None:
    path = house.home / name
    path.touch(0o600)
    path.chmod(0o440)
    (one,) = beside_it(house.home / LEDGER_NAME)
    assert (one.level, one.what, one.do) == ("stop", what, f"chmod 600 {path}")


def test_a_log_that_grows_without_end_wants_a_look(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_store, "WAL_LOOK", 10)
    (house.home / f"{LEDGER_NAME}-wal").write_bytes(b"x" * 100)
    (one,) = beside_it(house.home / LEDGER_NAME)
    assert (one.level, "restart the dashboard" in one.do) == ("look", True)


def test_a_ledger_under_somebodys_pen_is_no_fault_and_a_refused_one_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "LOCK_SECONDS", 0.05)
    with closing(sqlite3.connect(house.home / LEDGER_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert found(house)["writing"].words == "another program writes just now"
        other.execute("ROLLBACK")
    monkeypatch.setattr(condition, "try_to_write", lambda home: "attempt to write a readonly database")
    one = found(house)["writing"]
    assert (one.level, "readonly" in one.words, "sudo chown -R" in one.do) == ("stop", True, True)


def test_a_trial_transaction_leaves_the_ledger_as_it_was(house: House) -> None:
    before = (house.home / LEDGER_NAME).read_bytes()
    assert condition.try_to_write(house.home) == ""
    assert (house.home / LEDGER_NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("version", "level", "do"), [(999, "stop", "bot restore"), (16, "look", "bot upgrade --check")]
)
def test_a_store_of_another_version_says_the_way(house: House, version: int, level: str, do: str) -> None:
    with closing(sqlite3.connect(house.home / LEDGER_NAME)) as ledger:
        ledger.execute(f"PRAGMA user_version = {version}")
    seen = found(house)
    assert (seen["store"].level, do in seen["store"].do) == (level, True)
    assert "chain" not in seen


def test_an_older_program_refuses_a_newer_store_and_names_the_restore(house: House, tmp_path: Path) -> None:
    """Going back to an older program: the store does not come down, the backup from before is the way."""
    with closing(sqlite3.connect(house.home / LEDGER_NAME)) as ledger:
        ledger.execute("PRAGMA user_version = 999")
    for words in (("tick", "--dry"), ("status",), ("upgrade", "--check")):
        done = typed(tmp_path, *words)
        assert done.code == 78, words
        assert "`bot restore BACKUP --home NEW`" in done.err, words


def test_the_chain_is_read_for_a_second_and_its_end_always(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = LedgerJournal(tmp_path / "desk", "desk", synchronous="NORMAL")
    for hours in range(3):
        a_tick(journal, NOON + timedelta(hours=hours))
    journal.close()
    monkeypatch.setattr(doctor_store, "STEPS", 1)
    ticking = iter(range(10_000_000))
    with open_for_questions(tmp_path / "desk") as ledger:
        one = chained(ledger.connection, tmp_path / "desk", lambda: float(next(ticking)))
        assert (one.level, "takes longer" in one.words) == ("good", True)
        assert chained(ledger.connection, tmp_path / "desk", lambda: 0.0).words.startswith("every record")
        monkeypatch.setattr(doctor_store, "tail_fault", lambda connection: "event 3 (tick) was changed")
        one = chained(ledger.connection, tmp_path / "desk", lambda: float(next(ticking)))
        assert (one.level, "edited or damaged" in one.words) == ("stop", True)


def test_a_ledger_that_cannot_be_asked_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / LEDGER_NAME).write_bytes(b"no database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="restore the last backup"):
        condition.read_version(tmp_path)
    house = cast(House, SimpleNamespace(home=tmp_path))
    assert [one.level for one in examine_store(house, NOON, lambda: 0.0)][-1] == "stop"
