"""Every gate, limit and trip wire is missed by the suite when it is gone."""

from __future__ import annotations

import subprocess
import sys
from random import Random

from bot.tests.faults.soaking import SOAK, seed_of
from bot.tests.gates.removals import ROOT, guards

DRAWN = 4


def test_the_suite_fails_without_any_one_guard() -> None:
    """All of them in a soak; with the suite a few, drawn by the seed, beside one of each kind."""
    seed = seed_of(1)
    every = guards()
    wanted = every if SOAK else Random(seed).sample(every, DRAWN)
    words = "import sys; from bot.tests.gates.removals import unmissed; print(*unmissed(sys.argv[1:]), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", words, *wanted], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    print(f"\n{len(wanted)} of {len(every)} guards taken out, seed {seed}")
    assert (done.returncode, done.stdout.split("\n")[:-1], done.stderr) == (0, [""], ""), f"seed {seed}"
