"""The dashboard's questions on a ledger with ten years behind it: time, counted work, and who waits for whom.

Two ledgers of the same real ticks, laid end to end: 350,000 ticks with 2,000,000 intents, and a month. Both then get
one tick of their own, which brings the board up to date. What a question costs is counted in steps of SQLite, for
time alone says little on a busy machine.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.board_pages import page_times
from bench.board_queries import QUERIES, values_of
from bench.desks import SESSION_MOMENT, TEN, a_desk
from bench.harness import ROOT, against, finish, line, median, python, title
from bench.history import LEDGER, fresh_ledger, pattern_month, write_history
from bot.store.views import VIEWS

TICKS, INTENTS = 350_000, 2_000_000
READERS, COMMITS, POLLS_A_SECOND = 8, 200, 10
BIG = ("ticks", "order_intents", "refusals", "notes", "events", "fills", "orders", "invariants", "order_transitions")
GROWTH, MILLISECONDS = 1.2, 10.0
EACH = 20
SLACK = 60
"""Steps by which small questions may differ without saying anything: a row more or less of a page."""


@contextmanager
def a_store(pattern: Path, ticks: int, intents: int) -> Iterator[tuple[Path, dict[str, float]]]:
    """Make a home with so much behind it and give its .env; with what three ticks of its own cost the board."""
    from bot.wiring import load_house

    ticking: Any = import_module("bot.commands.ticking")

    with a_desk(TEN, "100000") as env:
        at = datetime.fromisoformat(SESSION_MOMENT)
        write_history(fresh_ledger(env.parent / "data"), pattern, at.date(), ticks, intents)
        cost: dict[str, float] = {}
        whole = ticking.keep_board

        def measured(*given: Any) -> str:
            begun = time.perf_counter()
            said, steps = counted(lambda: whole(*given))
            taken = (time.perf_counter() - begun) * 1000
            assert not said, said
            cost.setdefault("first_ms", taken)
            cost["steps"], cost["ms"] = steps, taken
            return str(said)

        ticking.keep_board = measured
        try:
            for turn in range(4):
                later = at + timedelta(minutes=15 * turn)
                ticking.one_tick(load_house(str(env)), dry=True, at=later, command="bench")
        finally:
            ticking.keep_board = whole
        yield env.parent / "data" / LEDGER, cost


def counted(work: Callable[[], Any]) -> tuple[Any, int]:
    """Write a board and count the steps SQLite took for it: where it looks at its time, it counts instead."""
    boarding: Any = import_module("bot.commands.boarding")
    looks = 0

    def look() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    kept = boarding.STEPS, boarding.perf_counter
    boarding.STEPS, boarding.perf_counter = EACH, look
    try:
        return work(), looks * EACH
    finally:
        boarding.STEPS, boarding.perf_counter = kept


def steps_of(ledger: sqlite3.Connection, sql: str, values: dict[str, object]) -> tuple[int, int]:
    """Count the steps of one question, and the rows of its answer."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger.set_progress_handler(step, 1)
    rows = ledger.execute(sql, values).fetchall()
    ledger.set_progress_handler(None, 0)
    return steps, len(rows)


def milliseconds_of(ledger: sqlite3.Connection, sql: str, values: dict[str, object]) -> float:
    """Give the middle time of five runs of one question after one that warms it."""
    taken = []
    for turn in range(6):
        begun = time.perf_counter()
        ledger.execute(sql, values).fetchall()
        if turn:
            taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)


def sorted_whole(ledger: sqlite3.Connection, sql: str, values: dict[str, object]) -> bool:
    """Say whether the plan reads a table that grows from end to end to put it in order."""
    plan = [row[3] for row in ledger.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    whole = any(words.startswith("SCAN ") and " USING " not in words for words in plan)
    return whole and any("TEMP B-TREE FOR ORDER BY" in words for words in plan) and _big(sql)


def _big(sql: str) -> bool:
    name = sql.split(" FROM ", 1)[1].split()[0]
    body = next(view.body for view in VIEWS if view.name == name)
    return body.split()[1] in BIG


def questions(ten: Path, month: Path) -> list[bool]:
    """Ask both ledgers everything and say what it came to."""
    with (
        closing(sqlite3.connect(f"file:{ten}?mode=ro", uri=True)) as long,
        closing(sqlite3.connect(f"file:{month}?mode=ro", uri=True)) as short,
    ):
        of_long, of_short = values_of(long), values_of(short)
        slow, grown, scans = [(0.0, "")], [(0.0, "")], []
        for one in QUERIES:
            slow.append((milliseconds_of(long, one.sql, of_long), one.name))
            if sorted_whole(long, one.sql, of_long):
                scans.append(one.name)
            (many, rows), (few, rows_few) = steps_of(long, one.sql, of_long), steps_of(short, one.sql, of_short)
            if not one.grows:  # a young ledger may fill no page: a row is compared with a row
                share = (many - SLACK) / max(rows, 1) / (few / max(rows_few, 1))
                grown.append((share, f"{one.name}: {many} steps, {rows} rows against {few}, {rows_few}"))
    for taken, name in sorted(slow, reverse=True)[:4]:
        line(f"  slow: {name}", f"{taken:.2f} ms")
    for factor, words in sorted(grown, reverse=True)[:3]:
        print(f"    grows: {words}: {factor:.2f}x a row")
    if scans:
        line(f"  reads a whole table: {', '.join(scans)}"[:58], f"{len(scans)}")
    return [
        against(f"slowest of {len(QUERIES)} questions", max(slow)[0], " ms", at_most=MILLISECONDS),
        against("most growth of steps over a month, fixed spans", max(grown)[0], "x", at_most=GROWTH),
        against("questions that read a whole big table", len(scans), "", at_most=0),
    ]  # fmt: skip


def read_for(path: Path, seconds: float) -> None:
    """Be a reader: a page's questions in one transaction, ten times a second."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as ledger:
        values, end = values_of(ledger), time.monotonic() + seconds
        chosen = random.Random(os.getpid())
        print("ready", flush=True)
        while time.monotonic() < end:
            begun = time.monotonic()
            ledger.execute("BEGIN")
            for one in chosen.sample(QUERIES, 8):
                ledger.execute(one.sql, values).fetchall()
            ledger.execute("COMMIT")
            time.sleep(max(0.0, 1 / POLLS_A_SECOND - (time.monotonic() - begun)))


def commit_times(path: Path) -> list[float]:
    """Write as a tick does, in commits that wait for the disk, and give the milliseconds of each."""
    taken = []
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5.0)) as ledger:
        ledger.execute("PRAGMA synchronous=FULL")
        names = [row[1] for row in ledger.execute("PRAGMA table_info(order_intents)") if row[1] != "id"]
        listed = ", ".join(f'"{name}"' for name in names)
        for _ in range(COMMITS):
            begun = time.perf_counter()
            ledger.execute("BEGIN IMMEDIATE")
            ledger.execute(
                f"INSERT INTO order_intents ({listed}) SELECT {listed} FROM order_intents ORDER BY id DESC LIMIT 20"
            )
            ledger.execute("UPDATE board_desk SET next_slot = next_slot")
            ledger.execute("COMMIT")
            taken.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.02)
    return taken


def p99(values: list[float]) -> float:
    """Give what all but one in a hundred stay under."""
    return sorted(values)[int(len(values) * 0.99) - 1]


def beside_readers(path: Path) -> list[bool]:
    """Commit alone and beside readers, in turns, and compare the slowest."""
    alone, beside = [], []
    for _ in range(2):
        alone += commit_times(path)
        seconds = COMMITS * 0.06
        readers = [
            subprocess.Popen(
                python("-m", "bench.board", "read", str(path), str(seconds)), cwd=ROOT, stdout=subprocess.PIPE
            )
            for _ in range(READERS)
        ]
        try:
            for reader in readers:
                assert reader.stdout is not None
                reader.stdout.readline()
            beside += commit_times(path)
        finally:
            for reader in readers:
                reader.wait()
                assert reader.stdout is not None
                reader.stdout.close()
    line("commit p99, alone", f"{p99(alone):.1f} ms")
    line(f"commit p99, beside {READERS} readers", f"{p99(beside):.1f} ms")
    return [against("commit p99 beside readers over alone", p99(beside) - p99(alone), " ms", at_most=5)]


def main() -> None:
    """Make the ledgers, measure and print; or be one reader."""
    if sys.argv[1:2] == ["read"]:
        read_for(Path(sys.argv[2]), float(sys.argv[3]))
        return
    title(f"the dashboard on a ledger of {TICKS:,} ticks and {INTENTS:,} intents, against one of a month")
    begun = time.perf_counter()
    with a_desk(TEN, "100000") as scratch:
        pattern = pattern_month(scratch.parent, date(2026, 10, 20))
        with a_store(pattern, 1, 1) as (month, few), a_store(pattern, TICKS, INTENTS) as (ten, many):
            line("made in", f"{time.perf_counter() - begun:.0f} s")
            line("first board of a ledger that had none", f"{many['first_ms']:.0f} ms")
            line("board of a tick", f"{many['ms']:.1f} ms")
            reached = [
                against("steps of the board of a tick over a month's", many["steps"] / few["steps"], "x", at_most=1.1),
                *questions(ten, month),
                *page_times(ten.parent),
                *beside_readers(ten),
            ]
    finish(reached)


if __name__ == "__main__":
    main()
