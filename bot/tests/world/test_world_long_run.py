"""Many sessions in one process: nothing grows, and the ledger's hash is the same in any other process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from bot.tests.alpaca.desk import ROOT
from bot.tests.faults.soaking import SOAK, many

SESSIONS = many(21, 252)
GROWTH_KIB = 8_192
"""What memory may differ by: memos of functions have an end, the largest at 65,536 prices, which no year fills."""
BLOCKS_GROWTH = 1.10 if SOAK else 1.35
"""What is allocated beside such memos; in a month the market's own memo of days is still filling."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Two runs of the same sessions beside each other, whose sets and dictionaries are ordered differently."""
    folder = tmp_path_factory.mktemp("long")
    children = []
    for seed in ("1", "2"):
        words = [sys.executable, "-m", "bot.tests.world.long_run", str(folder / f"home-{seed}"), str(SESSIONS)]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "XDG_STATE_HOME": str(folder / "state")}
        children.append(
            subprocess.Popen(
                words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    found = []
    for child in children:
        out, err = child.communicate(timeout=1200)
        assert child.returncode == 0, err
        found.append(json.loads(out))
    print("\n" + "\n".join(map(str, found)))
    return found


def test_the_ledger_comes_to_the_same_hash_in_another_process(runs: list[dict[str, Any]]) -> None:
    first, second = runs
    assert first["ticks"] > SESSIONS * 24
    assert first["orders"] > 10
    assert (first["head"], first["ticks"], first["orders"]) == (second["head"], second["ticks"], second["orders"])


def test_no_handle_is_left_open(runs: list[dict[str, Any]]) -> None:
    for run in runs:
        assert run["handles"] <= run["warm_handles"]


def test_memory_does_not_grow(runs: list[dict[str, Any]]) -> None:
    for run in runs:
        assert run["kib"] <= run["warm_kib"] + GROWTH_KIB
        assert run["blocks"] <= run["warm_blocks"] * BLOCKS_GROWTH
