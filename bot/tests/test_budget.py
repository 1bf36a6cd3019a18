"""What a command may load: nothing heavy before it must. No timing here: what was loaded is counted, in a real process.

Each library named costs more to import than a whole dry tick may take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.tests.commands.typed import AT, new_home, typed

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("pandas", "numpy", "pydantic", "alpaca", "ccxt", "sqlite_utils", "matplotlib", "scipy", "requests", "aiohttp")
RUN = """
import json, sys
from bot.__main__ import main
sys.argv = ["bot", *json.loads(sys.argv[1])]
try:
    main()
finally:
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    print("LOADED " + json.dumps(loaded), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("budget")
    new_home(made)
    assert typed(made, "tick", "--dry", "--at", AT).code == 0
    return made


def loaded_by(folder: Path, *words: str) -> tuple[set[str], str]:
    """Run one command in a process of its own; give the top-level modules it loaded and what it printed."""
    path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(words)], cwd=folder, env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("LOADED "))
    return set(json.loads(line.removeprefix("LOADED "))), done.stdout


@pytest.mark.parametrize(
    ("words", "also_not"),
    [
        (("--help",), ("rich", "bot.store", "dotenv")),
        (("status", "--json"), ("rich", "dotenv")),
        (("tick", "--dry", "--json", "--at", AT), ("rich", "dotenv")),
        (("tick", "--dry", "--at", AT), ()),
        (("why", "XLF", "--json"), ("rich", "dotenv")),
        (("config", "check"), ("rich",)),
    ],
    ids=lambda words: " ".join(words) if words and words[0] not in ("rich",) else "",
)
def test_a_command_loads_nothing_heavy(folder: Path, words: tuple[str, ...], also_not: tuple[str, ...]) -> None:
    loaded, printed = loaded_by(folder, *words)
    assert printed
    assert "bot" in loaded
    assert sorted(loaded & {*HEAVY, *also_not}) == []


def test_the_runner_sees_what_is_loaded(folder: Path) -> None:
    # The picture of a tick is drawn with rich: were the list above never filled, this would fail.
    loaded, _ = loaded_by(folder, "tick", "--dry", "--at", AT)
    assert "rich" in loaded
    assert "sqlite3" in loaded
