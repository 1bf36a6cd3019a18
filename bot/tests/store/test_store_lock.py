"""One tick a home at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import StoreError, TryLater
from bot.store.journal import LedgerJournal
from bot.store.lock import LOCK_NAME, held, home_lock
from bot.tests.builders import NOON
from bot.tests.store.scene import a_decision, a_planned, approved, begin, rows, step


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


def test_a_lock_file_that_was_removed_lets_nobody_else_in(home: Path) -> None:
    with home_lock(home, "bot tick", NOON):
        (home / LOCK_NAME).unlink()
        with pytest.raises(TryLater, match=r"in use by somebody whose \.lock was removed"), home_lock(home, "b", NOON):
            pytest.fail("two held one home")
    with home_lock(home, "bot tick", NOON):
        pass


def test_a_file_taken_away_between_opening_and_locking_is_no_lock(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    real = fcntl.flock

    def slow(handle: int, how: int) -> None:
        (home / LOCK_NAME).unlink(missing_ok=True)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    with (
        pytest.raises(TryLater, match="taken away this very moment"),
        held(home / LOCK_NAME, "it", "me", "mend it"),
    ):
        pytest.fail("a lock without a name was held")


def test_a_full_disk_takes_the_holders_name_and_not_the_lock(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with home_lock(home, "bot halt", NOON), pytest.raises(TryLater), home_lock(home, "bot tick", NOON):
        pytest.fail("two held one home")


def test_a_file_system_without_locks_stops_with_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(StoreError, match="No locks available"), home_lock(home, "bot tick", NOON):
        pytest.fail("nothing was locked")


def test_a_tick_that_another_process_ended_sends_and_decides_nothing(home: Path) -> None:
    """Should every lock fail (another host, a removed file): only one of two ticks may go on."""
    first, second = LedgerJournal(home, "desk"), LedgerJournal(home, "desk")
    number, kept = begin(first)
    first.record_decision(number, a_decision(kept, verdicts=(approved(),), planned=(a_planned(),)))
    begin(second, NOON + timedelta(minutes=1))
    with pytest.raises(StoreError, match=r"ended by another process .* nothing more is sent"):
        first.move(number, step(a_planned(), "sending"))
    first.close()
    third = LedgerJournal(home, "desk")
    begin(third, NOON + timedelta(minutes=2))
    with pytest.raises(StoreError, match="ended by another process"):
        second.record_decision(2, a_decision(second._kept.hash if second._kept else ""))
    second.close()
    third.close()
    assert rows(home, "SELECT state FROM orders") == [("planned",)]
