"""Two homes pointed at one account never tick at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import copy
from pathlib import Path
from time import monotonic, sleep

import pytest

from bot.config.statefolder import make_private
from bot.domain.errors import TryLater
from bot.store.account_lock import AccountLock, lock_name
from bot.store.queries import open_for_questions
from bot.tests.alpaca.desk import ROOT, AlpacaDesk
from bot.tests.alpaca.facts import Fault
from bot.tests.alpaca.world import ACCOUNT
from bot.tests.commands.typed import typed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path / "first") as desk:
        yield desk


def second_home(desk: AlpacaDesk) -> AlpacaDesk:
    """Give another desk behind the same server, as a copied folder would be."""
    folder = desk.folder.parent / "second"
    folder.mkdir()
    assert typed(folder, "init", "--symbols", "EWZ,XLF").code == 0
    other = copy(desk)
    other.folder = folder
    return other


def slow_tick(desk: AlpacaDesk, **changes: str) -> subprocess.Popen[str]:
    """Start `bot tick --dry` in a process of its own and wait until it asks for something that takes its time."""
    desk.world.faults.append(Fault("/v2/positions", delay=4.0))
    seen = len(desk.world.seen)
    given = {name: value for name, value in (desk.variables | changes).items() if value}
    path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "tick", "--dry"], cwd=desk.folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, **given, "PYTHONPATH": path},
    )  # fmt: skip
    deadline = monotonic() + 30
    while not any(one.path.endswith("/positions") for one in desk.world.seen[seen:]):
        assert monotonic() < deadline
        assert process.poll() is None, process.communicate()
        sleep(0.02)
    return process


@pytest.mark.parametrize("pinned", [ACCOUNT, ""])
def test_of_two_processes_one_ticks_and_the_other_leaves_at_once_with_75(desk: AlpacaDesk, pinned: str) -> None:
    other = second_home(desk)
    first = slow_tick(desk, ALPACA_ACCOUNT=pinned)
    began = monotonic()
    refused = other.command("tick", ALPACA_ACCOUNT=pinned)
    took = monotonic() - began
    assert first.poll() is None, "the first tick ended before the second one tried"
    out, err = first.communicate(timeout=30)
    assert first.returncode == 0, err + out
    assert refused.returncode == 75, refused.stderr + refused.stdout
    assert f"the paper account ...{ACCOUNT[-4:]} at alpaca is in use by process {first.pid}" in refused.stderr
    assert f"bot tick of home {desk.home}, since " in refused.stderr
    assert took < 4.0
    assert desk.posts() == 0
    again = other.command("tick", "--dry", ALPACA_ACCOUNT=pinned)
    assert again.returncode == 0, again.stderr


@contextmanager
def account_held() -> Iterator[None]:
    """Hold the account as a home elsewhere would."""
    folder = make_private(Path(os.environ["XDG_STATE_HOME"]) / "escapement", os.getuid())
    with closing(AccountLock(folder, "alpaca", "paper", "bot loop of home /elsewhere, since noon")) as lock:
        lock.claim(ACCOUNT)
        yield


def test_a_home_that_knows_its_account_asks_the_broker_nothing_while_another_one_ticks(desk: AlpacaDesk) -> None:
    with account_held(), pytest.raises(TryLater, match="bot loop of home /elsewhere"):
        desk.tick()
    assert desk.world.seen == []
    with open_for_questions(desk.home) as ledger:
        assert ledger.latest_tick() is None
    desk.tick(dry=True)
    desk.pass_by()
    before = len(desk.world.seen)
    with account_held(), pytest.raises(TryLater, match="bot loop of home /elsewhere"):
        desk.tick(ALPACA_ACCOUNT="")  # the stamp of the ledger knows it too
    assert len(desk.world.seen) == before


def test_a_home_that_learns_its_account_reads_no_position_and_decides_nothing_while_another_one_ticks(
    desk: AlpacaDesk,
) -> None:
    with account_held(), pytest.raises(TryLater, match="bot loop of home /elsewhere"):
        desk.tick(ALPACA_ACCOUNT="")
    assert {one.path for one in desk.world.seen} == {"/v2/account", "/v2/calendar"}
    with open_for_questions(desk.home) as ledger:
        tick = ledger.latest_tick()
    assert tick is not None
    assert (tick.status, tick.intents) == ("failed", 0)


def test_a_killed_tick_leaves_the_account_free(desk: AlpacaDesk) -> None:
    other = second_home(desk)
    first = slow_tick(desk)
    first.kill()
    first.communicate(timeout=30)
    state = Path(os.environ["XDG_STATE_HOME"]) / "escapement"
    assert (state / lock_name("alpaca", "paper", ACCOUNT)).exists()
    done = other.command("tick", "--dry")
    assert done.returncode == 0, done.stderr
