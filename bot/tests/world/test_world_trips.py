"""Trip wires in whole runs: a fall confirmed over slots halts the desk, exits go on, a person lifts what needs one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bot.domain.ledger import Halt, Instruction
from bot.engine.ports import TickResult
from bot.store.tripping import clear_by_person
from bot.tests.world.runs import SOME_DAY, Run, choice_of, make_house, moments_in, run_in, sessions_from


def until_short(run: Run, moments: Iterator[datetime]) -> TickResult:
    """Tick until a put of ours is short."""
    for moment in moments:
        result = run.tick_at(moment)
        if any(leg.right == "put" and leg.qty < 0 for leg in result.snapshot.books.legs):
            return result
    raise AssertionError("no put was sold in this run: choose another seed")


def fall(run: Run, peak: str) -> None:
    """Put the peak so high that what there is now is a fall from it."""
    run.journal.database.connection.execute("UPDATE ledger_state SET nav_peak = ?", (peak,))


def in_force(result: TickResult) -> list[str]:
    return [trip.name for trip in result.snapshot.trips if trip.tripped]


def test_a_fall_halts_after_three_slots_lets_exits_go_on_and_a_person_starts_a_new_peak(tmp_path: Path) -> None:
    with run_in(make_house(tmp_path / "home", choice_of("balanced", 25_000), 1)) as run:
        moments = moments_in(sessions_from(SOME_DAY, 40))
        short = until_short(run, moments).snapshot.books.legs[0]
        fall(run, "1.5")
        readings = [run.tick_at(next(moments)) for _ in range(3)]
        levels = [(one.snapshot.halt.level, in_force(one)) for one in readings]
        both = ["drawdown_no_new_risk", "drawdown_reduce_only"]
        assert levels == [("run", []), ("run", []), ("reduce_only", both)]
        assert readings[2].snapshot.halt.author == "trip: drawdown_reduce_only"

        said = Instruction(contract=short.symbol, word="close", at=readings[2].snapshot.at, author="ann")
        run.journal.add_instruction(said)
        closed = run.tick_at(next(moments))
        approved = [one.intent for one in closed.verdicts if one.approved]
        assert [one.purpose for one in approved] == ["owner_close"]
        assert any("halt reduce_only: no put is sold" in note.reason for note in closed.notes)

        run.journal.set_halt(Halt(level="no_new_risk", author="ann", reason="thinking", since=closed.snapshot.at))
        cleared = clear_by_person(run.journal.database, closed.snapshot.at, "ann", "seen")
        assert [trip.name for trip in cleared] == ["drawdown_reduce_only"]
        after = run.tick_at(next(moments))
        assert (after.snapshot.halt.author, in_force(after)) == ("ann", ["drawdown_no_new_risk"])
        for _ in range(2):
            after = run.tick_at(next(moments))
        assert in_force(after) == []
        assert (after.snapshot.halt.level, after.snapshot.halt.author) == ("no_new_risk", "ann")


def test_one_bad_reading_halts_nothing(tmp_path: Path) -> None:
    with run_in(make_house(tmp_path / "home", choice_of("balanced", 25_000), 1)) as run:
        moments = moments_in(sessions_from(SOME_DAY, 5))
        run.tick_at(next(moments))
        fall(run, "1.5")
        bad = run.tick_at(next(moments))
        assert [trip.readings for trip in bad.snapshot.trips if trip.name == "drawdown_reduce_only"] == [1]
        fall(run, "1")
        good = [run.tick_at(next(moments)) for _ in range(4)]
        assert [in_force(one) for one in good] == [[], [], [], []]
        assert [one.snapshot.halt.level for one in good] == ["run"] * 4


def test_a_dry_tick_counts_no_reading(tmp_path: Path) -> None:
    with run_in(make_house(tmp_path / "home", choice_of("balanced", 25_000), 1)) as run:
        moments = moments_in(sessions_from(SOME_DAY, 5))
        run.tick_at(next(moments))
        fall(run, "1.5")
        dry = run._replace(book=run.book._replace(dry=True))
        for _ in range(5):
            result = dry.tick_at(next(moments))
        assert in_force(result) == []
        assert result.snapshot.halt.level == "run"
