"""The same world twice is the same to the byte, and a stored Snapshot decides again as it did (design 1, 18, 19)."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.config.deskfile import read_desk
from bot.domain.snapshot import decode_snapshot, encode_snapshot
from bot.engine.tick import decide
from bot.store.chain import head
from bot.store.deciding import encode_judged
from bot.store.snapshots import load_stored
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, run_through, sessions_from
from bot.wiring import strategies_of

SEED, FIRST_DAY, SESSIONS = 5, date(2026, 3, 2), 60
"""This quarter has puts, rolls, an assignment, covered calls and buy-backs: enough to decide otherwise about."""


class Ran(NamedTuple):
    """A run that is over: its home, its ledger and the verdict bytes of each tick as they were recorded."""

    home: Path
    ledger: sqlite3.Connection

    @property
    def hashes(self) -> list[str]:
        """Give the hash of each tick's Snapshot, in order."""
        return [row[0] for row in self.ledger.execute("SELECT snapshot_hash FROM ticks ORDER BY id")]

    @property
    def judged(self) -> list[bytes]:
        """Give what each tick judged, in order."""
        return [row[0] for row in self.ledger.execute("SELECT blob FROM tick_checks ORDER BY tick_id")]


def run_home(home: Path, *, decide_on_decoded: bool) -> str:
    """Run the chosen weeks in a fresh home and give the head of its chain."""
    house = make_house(home, choice_of("balanced", 25_000), SEED)
    with run_in(house, decide_on_decoded=decide_on_decoded) as run:
        run.journal.keep_config(
            house.hash, house.desk_text, house.settings_json, sessions_from(FIRST_DAY, 1)[0].open_at
        )
        return run_through(run, moments_in(sessions_from(FIRST_DAY, SESSIONS))).head


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    yield from _opened(tmp_path_factory.mktemp("decoded") / "home", decide_on_decoded=True)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    yield from _opened(tmp_path_factory.mktemp("live") / "home", decide_on_decoded=False)


def _opened(home: Path, *, decide_on_decoded: bool) -> Iterator[Ran]:
    run_home(home, decide_on_decoded=decide_on_decoded)
    ledger = sqlite3.connect(home / "ledger.sqlite")
    yield Ran(home, ledger)
    ledger.close()


def test_the_decision_on_the_stored_bytes_is_the_decision_on_the_live_snapshot(decoded: Ran, live: Ran) -> None:
    assert len(decoded.hashes) == len(set(decoded.hashes)) > 80
    assert decoded.hashes == live.hashes
    assert decoded.judged == live.judged
    # A window in which nothing was wanted, sold, bought back or rolled would prove little.
    purposes = {row[0] for row in decoded.ledger.execute("SELECT DISTINCT purpose FROM orders")}
    assert purposes >= {"cash_secured_put", "covered_call", "take_profit", "roll_close", "roll_open"}


def test_a_stored_snapshot_decides_again_as_it_did(live: Ran) -> None:
    ((text,),) = live.ledger.execute("SELECT text FROM configs").fetchall()
    desk = read_desk(text)
    strategies = strategies_of(desk)
    stored_bytes = [load_stored(live.ledger, live.home, one) for one in live.hashes]
    assert len(stored_bytes) == len(live.judged)
    for stored, judged in zip(stored_bytes, live.judged, strict=True):
        snapshot = decode_snapshot(stored)
        assert encode_snapshot(snapshot) == stored
        verdicts, notes, errors = decide(snapshot, strategies, desk)
        assert errors == ()
        assert encode_judged(verdicts, notes) == judged, f"tick at {snapshot.at} decides otherwise today"


def test_another_number_on_the_desk_decides_otherwise(live: Ran) -> None:
    ((text,),) = live.ledger.execute("SELECT text FROM configs").fetchall()
    desk = read_desk(text.replace("put_delta_target = 0.25", "put_delta_target = 0.2", 1))
    again = []
    for one in live.hashes[:8]:
        verdicts, notes, _ = decide(
            decode_snapshot(load_stored(live.ledger, live.home, one)), strategies_of(desk), desk
        )
        again.append(encode_judged(verdicts, notes))
    assert again != live.judged[:8]


def test_two_processes_with_other_hash_seeds_end_in_the_same_chain(tmp_path: Path, live: Ran, root: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from bot.tests.world.test_world_replay import run_home;"
        " print(run_home(Path(sys.argv[1]), decide_on_decoded=False))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / name)],
            cwd=root, env={**os.environ, "PYTHONHASHSEED": name, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE, text=True,
        )
        for name in ("1", "4242")
    ]  # fmt: skip
    heads = []
    for process in running:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        heads.append(out.strip())
    assert heads == [head(live.ledger)] * 2
    for name in ("1", "4242"):
        ledger = sqlite3.connect(tmp_path / name / "ledger.sqlite")
        assert [row[0] for row in ledger.execute("SELECT snapshot_hash FROM ticks ORDER BY id")] == live.hashes
        ledger.close()
