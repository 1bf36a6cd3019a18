"""A record of real ticks is sound to the last row, and at every commit on the way there: nothing cries wolf."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from types import TracebackType

import pytest
from msgspec.structs import replace

from bot.domain.desk import ApproveRule
from bot.engine.tick import tick
from bot.ops.backup import make_backup
from bot.store.database import LEDGER_NAME, Transaction
from bot.store.journal import LedgerJournal
from bot.store.verifying import find_faults
from bot.tests.builders import NOON
from bot.tests.world.runs import Run, choice_of, make_house, moments_in, run_in, sessions_from
from bot.wiring import approved_strategy

HALF_HOURS = tuple(timedelta(minutes=minutes) for minutes in range(15, 385, 30))
SYMBOLS = ("EWZ", "FXI", "GDX", "SLV", "XLE", "XLF")


def a_run(home: Path, days: int, offsets: tuple[timedelta, ...] = HALF_HOURS) -> Iterator[Run]:
    """Run a desk whose orders are repriced and whose positions are assigned, stopping before each tick."""
    house = make_house(home, choice_of("balanced", 25_000, SYMBOLS), 15)
    with run_in(house) as run:
        for moment in moments_in(sessions_from(date(2026, 1, 20), days), offsets):
            run.moments[0] = moment
            yield run


def faults_beside(home: Path) -> list[str]:
    """Give what another process reading the record at this moment would say of it."""
    with closing(sqlite3.connect(home / LEDGER_NAME)) as other:
        return [f"{fault.table}: {fault.words}" for fault in find_faults(other, home)]


@contextmanager
def looking_at_every_commit(home: Path, said: list[str]) -> Iterator[list[int]]:
    """Judge the record after each commit of the ledger, as `bot watch` beside a tick may do at any moment."""
    real, seen = Transaction.__exit__, [0]

    def leave(
        self: Transaction, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        real(self, kind, error, trace)
        seen[0] += 1
        said.extend(faults_beside(home))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "__exit__", leave)
        yield seen


def test_a_record_of_real_ticks_is_sound(tmp_path: Path) -> None:
    for run in a_run(tmp_path / "desk", 40):
        run.tick_at(run.moments[0])
    home = tmp_path / "desk"
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        for table in ("fills", "leg_ends", "refusals", "notes", "income_daily", "position_days", "order_prices"):
            assert ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table
    assert faults_beside(home) == []


def test_no_commit_of_a_tick_at_work_looks_like_a_changed_record(tmp_path: Path) -> None:
    said: list[str] = []
    with looking_at_every_commit(tmp_path / "desk", said) as seen:
        for run in a_run(tmp_path / "desk", 6, HALF_HOURS[::4]):
            run.tick_at(run.moments[0])
            assert said == [], run.moments[0]
    with closing(sqlite3.connect(tmp_path / "desk" / LEDGER_NAME)) as ledger:
        sent = ledger.execute("SELECT count(*) FROM orders").fetchone()[0]
    assert seen[0] > 3 * 24 + 2 * sent > 80


def test_no_commit_around_the_owners_words_looks_like_a_changed_record(tmp_path: Path) -> None:
    said: list[str] = []
    home = tmp_path / "desk"
    house = make_house(home, choice_of("balanced", 25_000, SYMBOLS), 15)
    rule = ApproveRule(word="always", first=0, minutes=None)
    asking = house._replace(desk=replace(house.desk, approvals=(("wheel", rule),)))
    words = ["declined", "approved", "approved"]
    with looking_at_every_commit(home, said) as seen, run_in(asking) as run:
        for moment in moments_in(sessions_from(date(2026, 1, 20), 3), HALF_HOURS[1::3]):
            result = run.tick_at(moment)
            if result.proposals and words:
                word, later = words.pop(), moment + timedelta(minutes=1)
                number = result.proposals[-1].number
                run.journal.answer_proposals([number], word, later, "owner")  # type: ignore[arg-type]
                if word == "approved":
                    run.moments[0] = later
                    tick(run.world, run.book._replace(strategies=(approved_strategy(asking.desk),)))
            assert said == [], moment
    assert seen[0] > 30
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        states = {status for (status,) in ledger.execute("SELECT DISTINCT status FROM proposals")}
    assert states >= {"sent", "declined", "lapsed"}


@pytest.mark.parametrize("method", ["record_decision", "move", "seal"])
def test_a_backup_of_a_home_whose_tick_was_killed_is_sound_and_says_so(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    real = getattr(LedgerJournal, method)

    def die(self: LedgerJournal, *given: object) -> object:
        if method == "seal":
            raise Killed
        real(self, *given)
        raise Killed

    home = tmp_path / "desk"
    for number, run in enumerate(a_run(home, 2, HALF_HOURS[2::3])):
        if number == 1:
            monkeypatch.setattr(LedgerJournal, method, die)
            with pytest.raises(Killed):
                run.tick_at(run.moments[0])
            monkeypatch.undo()
            assert faults_beside(home) == []
            made = make_backup(home, tmp_path / "kept", NOON, perf_counter)
            assert made.manifest.events == 2
        else:
            run.tick_at(run.moments[0])
        assert faults_beside(home) == []


def test_an_intent_says_what_became_of_its_order_in_later_ticks(tmp_path: Path) -> None:
    """A resting order that a later tick reprices or cancels takes its first intent along (from orders.state)."""
    home = tmp_path / "desk"
    for run in a_run(home, 4, HALF_HOURS):
        run.tick_at(run.moments[0])
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        stale = ledger.execute(
            "SELECT i.id, i.status, o.state, o.status FROM order_intents i JOIN orders o USING (client_order_id)"
            " WHERE i.status IS NOT CASE WHEN o.status != '' THEN o.status WHEN o.state IN ('unknown', 'refused',"
            " 'not_sent') THEN 'error' END"
        ).fetchall()
        repriced = ledger.execute("SELECT count(*) FROM orders WHERE replaces != ''").fetchone()[0]
    assert stale == []
    assert repriced > 0
