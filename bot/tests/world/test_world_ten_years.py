"""A tick costs the same after ten years: SQLite's steps, pages, rows and the Snapshot's bytes, counted and compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.history import fresh_ledger, write_history
from bot.store.database import LEDGER_NAME
from bot.tests.commands.typed import typed
from bot.tests.faults.soaking import SOAK, many
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, run_through, sessions_from
from bot.wiring import House

TICKS = {"year": many(1_300, 6_552), "ten_years": many(4_000, 65_520)}
PATTERN_DAY, FIRST_DAY = date(2026, 1, 5), date(2026, 3, 2)
NAMES = ("EWZ", "FXI", "GDX", "SLV", "XLE", "XLF")
SEED = 15
AT_MOST = 1.05
PAGES_AT_MOST = 1.75
"""A table of the first days is one page and so is each of its indexes: what is written next to each other there is
written into pages of its own once there are more. From then on their number stands, as it must against a year."""
PAGE = 4096 + 24
LOOKING = (("status",), ("why", "XLF"), ("week",), ("books",))


class Cost(NamedTuple):
    """What one tick took of the ledger, and how large its Snapshot was."""

    steps: int
    pages: int
    rows: int
    bytes: int


def a_house(home: Path) -> House:
    return make_house(home, choice_of("balanced", 25_000, NAMES), SEED)


def first_days(home: Path) -> tuple[list[Cost], list[Any]]:
    """Run the first ticks of a home; give what each took and what each decided."""
    costs, decided = [], []
    house, before = a_house(home), home.parent / f"{home.name}-ledger" / LEDGER_NAME
    if before.exists():
        before.rename(home / LEDGER_NAME)
    with run_in(house) as run:
        ledger = run.journal.database.connection
        ledger.execute("PRAGMA wal_autocheckpoint = 0")
        wal = home / f"{LEDGER_NAME}-wal"
        counted = [0]

        def step() -> int:
            counted[0] += 1
            return 0

        for moment in moments_in(sessions_from(FIRST_DAY, 3)):
            counted[0], rows, size = 0, ledger.total_changes, wal.stat().st_size if wal.exists() else 0
            ledger.set_progress_handler(step, 1)
            result = run.tick_at(moment)
            ledger.set_progress_handler(None, 0)
            (length,) = ledger.execute("SELECT length FROM snapshots ORDER BY tick_id DESC LIMIT 1").fetchone()
            pages = (wal.stat().st_size - size) // PAGE
            costs.append(Cost(counted[0], pages, ledger.total_changes - rows, length))
            decided.append((result.verdicts, result.snapshot.books))
    return costs, decided


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Homes that only differ in what lies behind them."""
    folder = tmp_path_factory.mktemp("years")
    with run_in(a_house(folder / "pattern")) as run:
        every = tuple(timedelta(minutes=15 * slot) for slot in range(26))
        run_through(run, moments_in(sessions_from(PATTERN_DAY, many(5, 18)), every if SOAK else every[2::6]))
    for name, ticks in TICKS.items():
        ledger = fresh_ledger(folder / f"{name}-ledger")
        counts = write_history(ledger, folder / "pattern" / LEDGER_NAME, FIRST_DAY - timedelta(days=30), ticks)
        print(f"\n{name}: {counts['ticks']:,} ticks, {counts['order_intents']:,} intents, {counts['events']:,} events")
        assert counts["ticks"] >= ticks
        assert min(counts[one] for one in ("orders", "fills", "refusals", "equity_daily", "order_intents")) > 0
    return {name: folder / name for name in ("first_days", *TICKS)}


@pytest.fixture(scope="module")
def costs(homes: dict[str, Path]) -> dict[str, list[Cost]]:
    found = {}
    decided = {}
    for name, home in homes.items():
        found[name], decided[name] = first_days(home)
    assert all(one == decided["first_days"] for one in decided.values()), "what lies behind changes no decision"
    return found


def told(what: str, figures: dict[str, int]) -> None:
    print(f"\n{what}: " + ", ".join(f"{figure:,} {name}" for name, figure in figures.items()))


@pytest.mark.parametrize("what", Cost._fields)
def test_a_tick_takes_the_same_after_ten_years(what: str, costs: dict[str, list[Cost]]) -> None:
    taken = {name: sum(getattr(one, what) for one in each) for name, each in costs.items()}
    told(f"{what} of {len(costs['year'])} ticks", taken)
    assert taken["first_days"] > 0
    assert taken["ten_years"] <= taken["first_days"] * (PAGES_AT_MOST if what == "pages" else AT_MOST)
    assert taken["ten_years"] <= taken["year"] * AT_MOST


@contextmanager
def steps_counted() -> Iterator[list[int]]:
    """Count the steps of whatever opens a ledger in this process."""
    connect, counted = sqlite3.connect, [0]

    def step() -> int:
        counted[0] += 1
        return 0

    def counting(*given: Any, **named: Any) -> sqlite3.Connection:
        found: sqlite3.Connection = connect(*given, **named)
        found.set_progress_handler(step, 1)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", counting)
        yield counted


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_looking_takes_the_same_after_ten_years_as_after_one(
    words: tuple[str, ...], homes: dict[str, Path], costs: dict[str, list[Cost]]
) -> None:
    assert costs
    now = datetime.fromisoformat("2026-03-04T21:30:00+00:00")
    taken = {}
    for name, home in homes.items():
        with steps_counted() as counted:
            done = typed(home.parent, *words, now=now, BOT_HOME=str(home))
        assert done.code == 0, done.err
        taken[name] = counted[0]
    told(f"steps of bot {' '.join(words)}", taken)
    assert taken["ten_years"] <= taken["year"] * AT_MOST
