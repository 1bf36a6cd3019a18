"""What must be on the disk before anything leaves: the Snapshot, then the decision (design 18)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.store import snapshots
from bot.store.database import Synchronous
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.store.scene import a_start


@pytest.mark.parametrize(("synchronous", "waits"), [("FULL", 1), ("NORMAL", 0), ("OFF", 0)])
def test_a_snapshot_is_on_the_disk_before_the_decision_may_name_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, synchronous: Synchronous, waits: int
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(snapshots, "_sync", synced.append)
    journal = LedgerJournal(home, "desk", synchronous=synchronous)
    try:
        tick_id = journal.begin(a_start())
        assert synced == []
        journal.keep_snapshot(tick_id, NOON, b"stored bytes")
        assert len(synced) == waits
    finally:
        journal.close()


def test_a_new_home_and_its_folder_survive_a_power_cut(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []
    monkeypatch.setattr(snapshots, "sync_folder", folders.append)
    journal = LedgerJournal(home, "desk")
    try:
        tick_id = journal.begin(a_start())
        journal.keep_snapshot(tick_id, NOON, b"stored bytes")
    finally:
        journal.close()
    assert folders == [home / "snapshots", home]


def test_what_is_read_together_is_of_one_moment(home: Path) -> None:
    one, other = LedgerJournal(home, "desk").database, LedgerJournal(home, "desk").database
    count = "SELECT count(*) FROM ticks"
    with one.reading() as connection:
        assert connection.execute(count).fetchone() == (0,)
        other.connection.execute(
            "INSERT INTO ticks (id, ts, slot, mode, status, broker, market, environment, config_hash, code_version)"
            " VALUES (1, 'a', 'a', 'dry', 'started', 'b', 'm', 'e', 'c', 'v')"
        )
        assert connection.execute(count).fetchone() == (0,)
    assert not one.connection.in_transaction
    assert one.connection.execute(count).fetchone() == (1,)
    one.close()
    other.close()
