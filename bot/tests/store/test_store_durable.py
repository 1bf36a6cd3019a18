"""What must be on the disk before anything leaves: the Snapshot, then the decision (design 18)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.store import snapshots
from bot.store.database import Synchronous, migrations
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.store.scene import a_start


@pytest.mark.parametrize(("synchronous", "waits"), [("FULL", 1), ("NORMAL", 0)])
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
    monkeypatch.setattr(snapshots, "_sync_folder", folders.append)
    journal = LedgerJournal(home, "desk")
    try:
        tick_id = journal.begin(a_start())
        journal.keep_snapshot(tick_id, NOON, b"stored bytes")
    finally:
        journal.close()
    assert folders == [home / "snapshots", home]


def test_views_do_no_arithmetic_comparison_or_sum_on_anything() -> None:
    """design 2: money is text, and SQL would read it as float."""
    found = 0
    for _, path in migrations():
        text = re.sub(r"--.*", "", path.read_text())
        for name, body in re.findall(r"CREATE VIEW (\w+)[^;]*? AS\s+(SELECT[^;]*);", text):
            found += 1
            assert name.startswith("dashboard_"), name
            assert not re.search(r"[+*/<>]|\b(sum|avg|total|min|cast)\s*\(", body, re.IGNORECASE), name
    assert found >= 5
