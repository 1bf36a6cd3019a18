"""Real money without a drill to show runs at reduce_only and says so; a pass clears it by itself (design 15)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import __version__
from bot.config.settings import Settings
from bot.domain.drilling import AUTHOR, DrillPass, drill_halt, lacking
from bot.domain.halting import lifted_by_resume
from bot.engine.ports import TickResult
from bot.ops.drilled import drill_finding, real_money
from bot.store.database import LEDGER_NAME
from bot.store.drills import DrillRow, keep_drill, read_pass
from bot.store.verifying import find_faults
from bot.tests.builders import NOON, D
from bot.tests.world.runs import Run, choice_of, make_house, run_in
from bot.wiring import House

MORNING = datetime(2026, 3, 2, 15, 45, tzinfo=UTC)
SLOT = timedelta(minutes=15)
DAY = timedelta(days=1)


def a_drill(house_hash: str, at: datetime = MORNING, *, passed: bool = True, version: str = __version__) -> DrillRow:
    return DrillRow(
        at=at, code_version=version, desk_hash=house_hash, seed=1, worlds="simulator,alpaca", passed=passed,
        scenes_passed=81, scenes_failed=0 if passed else 1, scenes_off=0, removals=0, removals_missed=0,
        result_json="{}",
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with run_in(make_house(tmp_path / "home", choice_of("balanced", 25_000), 1)) as found:
        yield found


def live(run: Run, at: datetime, **given: object) -> TickResult:
    book = run.book._replace(environment="live", **given)  # type: ignore[arg-type]
    return run._replace(book=book).tick_at(at)


def test_real_money_without_a_drill_only_reduces_and_says_so(run: Run) -> None:
    result = live(run, MORNING)
    halt = result.snapshot.halt
    assert (halt.level, halt.author, halt.reason) == ("reduce_only", AUTHOR, "no drill has passed here")
    assert "bot drill" in halt.clears
    assert not lifted_by_resume(halt)
    assert result.orders == ()


def test_a_pass_clears_it_by_itself_and_the_next_tick_trades(run: Run) -> None:
    assert not live(run, MORNING).orders
    keep_drill(run.journal.database, a_drill(run.house.desk_hash))
    result = live(run, MORNING + SLOT)
    assert result.snapshot.halt.level == "run"
    assert result.orders


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"house_hash": "other"}, "desk.toml changed since the drill of 2026-03-02"),
        ({"version": "0.0.1"}, "the program changed"),
        ({"at": MORNING - 31 * DAY}, "31 days old, at most 30"),
        ({"passed": False}, "no drill has passed here"),
    ],
)
def test_a_pass_of_another_desk_or_program_or_month_counts_for_nothing(
    run: Run, change: dict[str, object], words: str
) -> None:
    given: dict[str, Any] = {"house_hash": run.house.desk_hash} | change
    keep_drill(run.journal.database, a_drill(**given))
    halt = live(run, MORNING + SLOT).snapshot.halt
    assert halt.level == "reduce_only"
    assert words in halt.reason


def test_paper_simulated_and_dry_ticks_need_no_drill(run: Run, tmp_path: Path) -> None:
    assert run.tick_at(MORNING).snapshot.halt.level == "run"
    with run_in(make_house(tmp_path / "other", choice_of("balanced", 25_000), 1)) as other:
        assert live(other, MORNING, dry=True).snapshot.halt.level == "run"
    with run_in(make_house(tmp_path / "paper", choice_of("balanced", 25_000), 1)) as paper:
        book = paper.book._replace(environment="paper")
        assert paper._replace(book=book).tick_at(MORNING).snapshot.halt.level == "run"


def test_a_graver_halt_stands_above_a_lacking_drill(run: Run) -> None:
    (run.house.home / "HALT").write_text("of its own\n")
    assert live(run, MORNING).snapshot.halt.level == "stop"


def test_a_pass_counts_to_its_last_day_and_no_second_longer() -> None:
    passed = DrillPass(at=NOON, code_version="1", desk_hash="a")
    assert lacking(passed, D(30), "a", "1", NOON + 30 * DAY) == ""
    assert "30 days old" in lacking(passed, D(30), "a", "1", NOON + 30 * DAY + timedelta(seconds=1))
    assert drill_halt(passed, D(30), "a", "1", NOON).level == "run"


def test_a_limit_that_is_off_asks_for_no_drill() -> None:
    assert lacking(None, None, "a", "1", NOON) == ""
    assert drill_halt(None, None, "a", "1", NOON).level == "run"


def test_the_newest_pass_counts_though_a_later_drill_failed(run: Run) -> None:
    keep_drill(run.journal.database, a_drill("a", MORNING))
    keep_drill(run.journal.database, a_drill("b", MORNING + DAY, passed=False))
    found = read_pass(run.journal.database.connection)
    assert found == DrillPass(at=MORNING, code_version=__version__, desk_hash="a")


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE drills SET passed = 1",
        "UPDATE drills SET at = '2027-01-01T00:00:00.000000Z'",
        "UPDATE drills SET desk_hash = 'mine'",
        "UPDATE drills SET code_version = '9'",
        'UPDATE drills SET result_json = \'{"all": "well"}\'',
        "DELETE FROM drills",
        "INSERT INTO drills SELECT id + 1, at, code_version, desk_hash, seed, worlds, 1, scenes_passed, 0, scenes_off,"
        " removals, removals_missed, result_json FROM drills",
    ],
)
def test_a_drill_that_was_edited_is_found_and_its_table_named(run: Run, edit: str) -> None:
    run.tick_at(MORNING)
    keep_drill(run.journal.database, a_drill(run.house.desk_hash, passed=False))
    with closing(sqlite3.connect(run.house.home / LEDGER_NAME)) as ledger:
        assert list(find_faults(ledger, None)) == []
        ledger.execute(edit)
        assert {one.table for one in find_faults(ledger, None)} == {"drills"}


def real(house: House) -> House:
    settings = Settings(home=house.home, env_file=None, mode="live", broker="alpaca", alpaca_env="live")
    return house._replace(settings=settings)


def test_the_doctor_tells_a_lacking_drill_to_everybody_and_what_it_costs_real_money(run: Run) -> None:
    (found,) = drill_finding(run.house, MORNING)
    assert (found.level, found.what) == ("look", "drill")
    assert "no drill has passed here" in found.words
    assert "reduce_only" not in found.words
    (found,) = drill_finding(real(run.house), MORNING)
    assert "reduce_only" in found.words
    keep_drill(run.journal.database, a_drill(run.house.desk_hash))
    assert [one.level for one in drill_finding(real(run.house), MORNING)] == ["good"]


def test_real_money_is_live_mode_on_a_live_account(run: Run) -> None:
    assert not real_money(run.house)
    assert real_money(real(run.house))
