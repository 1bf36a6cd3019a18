"""Recorded ticks come whole, proved by their seals, in order."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.config.codehash import deciding_code
from bot.domain.errors import StoreError
from bot.domain.snapshot import decode_snapshot
from bot.store.recorded import config_text, first_since, newest_tick, recorded_ticks
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, run_through, sessions_from


def test_ticks_come_in_order_with_both_their_bytes_and_who_decided(tmp_path: Path) -> None:
    house = make_house(tmp_path / "home", choice_of("balanced", 25_000), 5)
    sessions = sessions_from(date(2026, 3, 2), 3)
    with run_in(house) as run:
        run.journal.keep_config(house.hash, house.desk_text, house.settings_json, sessions[0].open_at)
        last = run_through(run, moments_in(sessions))
    ledger = sqlite3.connect(house.home / "ledger.sqlite")
    found = list(recorded_ticks(ledger, house.home, 1, 99))
    assert [one.id for one in found] == list(range(1, 13))
    assert {one.seal.code for one in found} == {deciding_code()}
    assert {(one.seal.decided_as, one.fault, one.thinned_at) for one in found} == {("", "", "")}
    assert decode_snapshot(found[-1].stored) == last.snapshot
    assert newest_tick(ledger) == (12, last.snapshot.at)
    assert first_since(ledger, sessions[1].open_at) == 5
    assert first_since(ledger, last.snapshot.at + timedelta(days=1)) is None
    assert config_text(ledger, house.hash) == house.desk_text
    with pytest.raises(StoreError, match="is not on record"):
        config_text(ledger, "0" * 64)
    next((house.home / "snapshots").glob("*.bin")).unlink()
    (gone,) = recorded_ticks(ledger, house.home, 3, 3)
    assert "cannot be read" in gone.fault
    assert (gone.stored, bool(gone.judged)) == (b"", True)
    ledger.close()
