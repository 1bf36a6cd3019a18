"""`bot panic` and the file named HALT as an owner meets them: exit codes, words, what is kept (F9, A043)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from shutil import copytree

import pytest

from bot.commands.panicking import run_panic
from bot.commands.patience import WAIT_SPARE_SECONDS
from bot.domain.errors import TryLater
from bot.domain.ledger import Proposal
from bot.engine.ports import Decision
from bot.store.chain import verify
from bot.store.journal import LedgerJournal
from bot.store.kinds import HALT, PANIC
from bot.store.lock import home_lock
from bot.store.panicking import read_halt_file
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import AT, Done, clock_at, new_home, typed
from bot.wiring import DEADLINE_SECONDS

SOON = "2026-11-18T17:02:00+00:00"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk whose first put works at the broker since noon."""
    folder = tmp_path_factory.mktemp("working")
    new_home(folder)
    assert typed(folder, "tick", "--at", AT, BOT_MODE="live").code == 0
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def panic(folder: Path, *words: str, mode: str = "live") -> Done:
    return typed(folder, "panic", *words, "--at", SOON, BOT_MODE=mode)


def openings(folder: Path) -> list[str]:
    with open_for_questions(folder / "data") as ledger:
        return [order.status for order in ledger.open_orders() if order.opens]


def halt_file(folder: Path, text: str = "the feed is mad\nsecond line\n") -> Path:
    path = folder / "data" / "HALT"
    path.write_text(text)
    return path


def test_it_cancels_what_adds_risk_and_is_done_when_the_list_shows_none(folder: Path) -> None:
    assert openings(folder) != []
    done = panic(folder, "--reason", "a mad feed")
    assert done.code == 0, done.out
    assert "panic: a mad feed; halt reduce_only until `bot resume`" in done.out
    assert "asked to cancel main-" in done.out
    assert "done: the broker lists no order of ours that adds risk (tick 3)" in done.out
    assert openings(folder) == []
    with open_for_questions(folder / "data") as ledger:
        assert ledger.halt().level == "reduce_only"
        assert [row.kind for row in ledger.events(kind=PANIC)] == [PANIC]
        assert [row.kind for row in ledger.events(kind=HALT)] == [HALT]
        assert list(verify(ledger.connection, folder / "data")) == []


def test_dry_sends_nothing_says_so_and_stands(folder: Path) -> None:
    done = panic(folder, mode="dry")
    assert done.code == 1
    assert "would cancel main-" in done.out
    assert "BOT_MODE is dry" in done.out
    assert openings(folder) != []
    told = json.loads(typed(folder, "tick", "--at", "2026-11-18T17:15:00+00:00", "--json", BOT_MODE="live").out)
    assert (told["tick"]["panic"], told["orders"]) == ("panic", [])
    assert openings(folder) == []


def test_under_a_stop_it_keeps_the_stop_and_says_what_keeps_it_from_working(folder: Path) -> None:
    assert typed(folder, "halt", "stop", "--reason", "away").code == 0
    done = panic(folder)
    assert done.code == 1
    assert "LEFT: order main-" in done.out
    assert "halt stop by" in done.out
    assert "nothing is sent until it is cleared" in done.out
    with open_for_questions(folder / "data") as ledger:
        assert ledger.halt().level == "stop"


def test_a_weaker_halt_is_refused_while_a_panic_stands(folder: Path) -> None:
    panic(folder)
    done = typed(folder, "halt", "no_new_risk", "--reason", "milder")
    assert done.code == 2
    assert "no_new_risk is weaker" in done.err


def test_a_reason_is_needed(folder: Path) -> None:
    assert panic(folder, "--reason", " ").code == 2


def test_resume_ends_it_in_one_step_with_the_halt(folder: Path) -> None:
    panic(folder)
    done = typed(folder, "resume")
    assert (done.code, "the panic of" in done.out) == (0, True)
    with open_for_questions(folder / "data") as ledger:
        assert (ledger.halt().level, ledger.panic()) == ("run", None)
    assert "is ended" not in typed(folder, "resume").out


def test_a_halt_file_observes_and_records_and_sends_nothing(folder: Path) -> None:
    path = halt_file(folder)
    at = "2026-11-18T17:15:00+00:00"
    done = typed(folder, "tick", "--at", at, BOT_MODE="live")
    assert done.code == 0, done.err
    assert "halted by HALT file: the feed is mad (clears: remove the file" in " ".join(done.out.split())
    told = json.loads(typed(folder, "tick", "--at", at, "--json", BOT_MODE="live").out)
    assert (told["tick"]["halt"], told["tick"]["halt_by"], told["orders"]) == ("stop", "HALT file", [])
    assert openings(folder) != [], "nothing is sent, cancellations neither"
    status = " ".join(typed(folder, "status").out.split())
    assert "STOP by HALT file since" in status
    assert str(path) in status.replace(" ", "")
    assert "lifts it" not in status
    assert "stop halt HALT file: the feed is mad" in " ".join(typed(folder, "doctor").out.split())


def test_resume_names_the_file_and_leaves_it(folder: Path) -> None:
    path = halt_file(folder)
    done = typed(folder, "resume")
    assert f"a HALT file still stops every tick (the feed is mad): remove the file {path}" in done.out
    assert path.exists()
    path.unlink()
    assert "HALT file" not in typed(folder, "status").out


@pytest.mark.parametrize("command", ["tick", "panic", "approve"])
def test_with_a_file_and_a_store_that_cannot_be_written_nothing_is_sent(folder: Path, command: str) -> None:
    """The owner's file needs no database: with the ledger beyond use, the tick still says that it is halted."""
    halt_file(folder)
    for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
        (folder / "data" / name).unlink(missing_ok=True)
    (folder / "data" / "ledger.sqlite").write_bytes(b"no database at all" * 100)
    words = ("--all",) if command == "approve" else ()
    before = account_of(folder)
    done = typed(folder, command, *words, "--at", "2026-11-18T17:15:00+00:00", BOT_MODE="live")
    assert done.code == (75 if command == "tick" else 1)
    assert "Traceback" not in done.err
    if command == "tick":
        assert "halted by the file" in done.err
        assert "the feed is mad; nothing was sent. Nothing was recorded either" in done.err
    assert account_of(folder) == before


def account_of(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account:
        return "\n".join(account.iterdump())


def test_the_first_line_is_the_reason_whatever_the_file_is(tmp_path: Path) -> None:
    assert read_halt_file(tmp_path) is None
    path = tmp_path / "HALT"
    path.write_bytes(b"  why \x1b[31m\xff  \nmore")
    found = read_halt_file(tmp_path)
    assert found is not None
    assert (found.level, found.reason) == ("stop", "why  [31m\N{REPLACEMENT CHARACTER}")
    path.write_text("")
    found = read_halt_file(tmp_path)
    assert found is not None
    assert found.reason == "the file says nothing"
    path.unlink()
    path.mkdir()
    found = read_halt_file(tmp_path)
    assert found is not None
    assert found.reason.startswith("the file cannot be read")
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere")
    assert read_halt_file(tmp_path) is not None, "it is there, whatever it points to"


def patient(folder: Path, monkeypatch: pytest.MonkeyPatch, pause: Callable[[float], None]) -> None:
    """Say panic in this process, with a pause of the test's own."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BOT_MODE", "live")
    with clock_at(datetime.fromisoformat(SOON)):
        run_panic("", flatten=False, reason="a mad feed", at=SOON, as_json=False, pause=pause)


def test_it_waits_for_a_tick_under_way_and_then_works(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses: list[float] = []
    with ExitStack() as tick:
        tick.enter_context(home_lock(folder / "data", "bot tick", datetime.fromisoformat(AT)))

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                tick.close()

        patient(folder, monkeypatch, pause)
    said = capsys.readouterr()
    assert "done: the broker lists no order of ours that adds risk" in said.out
    assert said.err.count("waiting: ") == 1
    assert "is in use by process" in said.err
    assert (len(pauses), openings(folder)) == (3, [])


def test_it_does_not_wait_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    with (
        home_lock(folder / "data", "bot tick", datetime.fromisoformat(AT)),
        pytest.raises(TryLater, match="is in use by"),
    ):
        patient(folder, monkeypatch, pauses.append)
    assert DEADLINE_SECONDS <= sum(pauses) <= DEADLINE_SECONDS + 2 * WAIT_SPARE_SECONDS
    assert openings(folder) != []


def test_a_file_that_appears_while_a_tick_decides_stops_everything_it_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F9: the file is looked at again before each request, and what was planned ends with the reason."""
    home = new_home(tmp_path / "desk")
    decided = LedgerJournal.record_decision

    def lay(journal: LedgerJournal, tick_id: int, decision: Decision) -> tuple[Proposal, ...]:
        (home / "HALT").write_text("a mad feed")
        return decided(journal, tick_id, decision)

    monkeypatch.setattr(LedgerJournal, "record_decision", lay)
    done = typed(tmp_path / "desk", "tick", "--at", AT, "--json", BOT_MODE="live")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert {order["state"] for order in told["orders"]} == {"not_sent"}
    assert "came during the tick: a mad feed" in json.dumps(told["errors"])
    with closing(sqlite3.connect(home / "simulator.sqlite")) as account:
        assert account.execute("SELECT count(*) FROM orders").fetchone() == (0,)
    with open_for_questions(home) as ledger:
        assert ledger.open_orders() == ()


@pytest.mark.parametrize("fault", ["orders_per_tick = [", "", 'config_version = 2\nname = "main"\n'])
def test_a_broken_configuration_keeps_nobody_from_getting_out(folder: Path, fault: str) -> None:
    """It goes by the configuration of the newest tick; ordinary ticks wait until it is mended."""
    (folder / "data" / "desk.toml").write_text(fault)
    assert typed(folder, "tick", "--at", SOON, BOT_MODE="live").code == 78
    done = panic(folder, "--reason", "out")
    assert done.code == 0, done.err
    assert "the panic goes by the desk.toml of the newest tick" in done.err
    assert openings(folder) == []


def test_a_broken_configuration_without_a_tick_before_it_is_told(tmp_path: Path) -> None:
    home = new_home(tmp_path / "desk")
    (home / "desk.toml").write_text("orders_per_tick = [")
    for _ in range(2):
        done = panic(tmp_path / "desk")
        assert (done.code, "newest tick" in done.err) == (78, False)
