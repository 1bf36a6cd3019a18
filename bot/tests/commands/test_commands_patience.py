"""What stops the desk waits for a tick under way; what lets it go on does not (F9)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from bot.commands.owner import run_halt
from bot.commands.patience import WAIT_SECONDS, WAIT_SPARE_SECONDS, Patience
from bot.domain.errors import StoreError, TryLater
from bot.store.lock import home_lock
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import AT, clock_at, new_home, typed
from bot.wiring import DEADLINE_SECONDS

NOW = datetime.fromisoformat(AT)


def test_a_halt_waits_for_the_tick_under_way_and_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = new_home(tmp_path)
    assert typed(tmp_path, "tick", "--at", AT).code == 0
    monkeypatch.chdir(tmp_path)
    with ExitStack() as tick, clock_at(NOW):
        tick.enter_context(home_lock(home, "bot tick", NOW))
        run_halt("", level="stop", reason="a mad feed", pause=lambda seconds: tick.close())
    assert capsys.readouterr().err.count("waiting: ") == 1
    with open_for_questions(home) as ledger:
        assert (ledger.halt().level, ledger.halt().reason) == ("stop", "a mad feed")
    with home_lock(home, "bot tick", NOW), clock_at(NOW), pytest.raises(TryLater):
        run_halt("", level="run", reason="fine again", pause=lambda seconds: pytest.fail("lifting waits for nobody"))


def busy(times: int) -> Callable[[], str]:
    left = [times]

    def work() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise TryLater("in use")
        return "done"

    return work


def test_all_pieces_of_work_share_one_patience() -> None:
    pauses: list[float] = []
    waits = Patience(pauses.append)
    whole = int((DEADLINE_SECONDS + WAIT_SPARE_SECONDS) / WAIT_SECONDS)
    assert waits.until_free(busy(whole - 1)) == "done"
    assert waits.until_free(busy(1)) == "done"
    with pytest.raises(TryLater):
        waits.until_free(busy(1))
    assert len(pauses) == whole


def test_no_other_failure_is_waited_for() -> None:
    def broken() -> str:
        raise StoreError("the disk is gone")

    with pytest.raises(StoreError):
        Patience(lambda seconds: pytest.fail("nothing to wait for")).until_free(broken)
