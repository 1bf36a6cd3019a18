"""Assertions stay on in production: a Python that leaves them out runs no command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def started(folder: Path, *flags: str, words: tuple[str, ...] = ("tick",), **variables: str) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(
        [sys.executable, *flags, "-m", "bot", *words], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("flags", "variables"),
    [(("-O",), {}), (("-OO",), {}), ((), {"PYTHONOPTIMIZE": "1"}), ((), {"PYTHONOPTIMIZE": "2"})],
)
def test_without_assertions_no_command_runs(tmp_path: Path, flags: tuple[str, ...], variables: dict[str, str]) -> None:
    code, said = started(tmp_path, *flags, words=("init",), **variables)
    assert code == 78
    assert "PYTHONOPTIMIZE" in said
    assert list(tmp_path.iterdir()) == [], "nothing was read or written"


def test_with_assertions_a_command_runs(tmp_path: Path) -> None:
    code, said = started(tmp_path, words=("init",))
    assert (code, (tmp_path / "data" / "desk.toml").exists()) == (0, True), said
