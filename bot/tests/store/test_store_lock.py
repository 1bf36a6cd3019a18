"""One tick a home at a time."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bot.domain.errors import StoreError, TryLater
from bot.store.lock import home_lock
from bot.tests.builders import NOON


def test_a_second_holder_is_told_who_is_at_work(home: Path) -> None:
    with (
        home_lock(home, "bot tick", NOON),
        pytest.raises(TryLater, match=r"process \d+, bot tick, since 2026-11-18 17:00:00 UTC") as refusal,
        home_lock(home, "bot report", NOON),
    ):
        pytest.fail("two held one home")
    assert refusal.value.exit_code == 75


def test_a_lock_is_free_again_after_its_holder(home: Path) -> None:
    for _ in range(2):
        with home_lock(home, "bot tick", NOON):
            pass


def test_a_lock_is_free_again_after_a_failure(home: Path) -> None:
    with pytest.raises(ValueError, match="mid-way"), home_lock(home, "bot tick", NOON):
        raise ValueError("mid-way")
    with home_lock(home, "bot tick", NOON):
        pass


def test_a_killed_holder_leaves_no_lock_behind(home: Path) -> None:
    killed = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from bot.store.lock import home_lock
        from bot.tests.builders import NOON
        with home_lock(Path(sys.argv[1]), "bot tick", NOON):
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert subprocess.run([sys.executable, "-c", killed, str(home)], check=False, cwd=Path.cwd()).returncode == -9
    with home_lock(home, "bot tick", NOON):
        pass


def test_a_home_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="name another BOT_HOME"), home_lock(tmp_path / "file" / "desk", "bot", NOON):
        pytest.fail("locked a home that cannot be")
