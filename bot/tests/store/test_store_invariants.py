"""Invariants in the ledger: one row each at every tick, read back as they were, and covered by the seal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.domain.invariants import FOREIGN, OLDEST_INPUT, ORPHANS, Invariant
from bot.domain.sessions import new_york_day
from bot.store import chain
from bot.store.database import Database, moment_text
from bot.store.invariants import read_invariants
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.tests.builders import NOON, D
from bot.tests.store.scene import a_start, a_tick, rows, tamper

LATER = NOON + timedelta(minutes=15)
SEEN = (
    Invariant(name=ORPHANS, value=D(1), unit="orders", ok=False, since=NOON, detail="desk-1 (broker id b)",
              symbols=("KO", "XLF")),
    Invariant(name=FOREIGN, value=D("0.00"), unit="usd", ok=True),
    Invariant(name=OLDEST_INPUT, value=D(3), unit="seconds", ok=True, detail="clock from simulator"),
)  # fmt: skip


def test_what_a_tick_found_is_there_and_the_next_one_remembers_it(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, invariants=SEEN)
    assert rows(home, "SELECT name, ok, value, unit, since, symbols FROM invariants ORDER BY id") == [
        (ORPHANS, 0, "1", "orders", moment_text(NOON), "KO XLF"),
        (FOREIGN, 1, "0.00", "usd", None, ""),
        (OLDEST_INPUT, 1, "3", "seconds", None, ""),
    ]
    journal.begin(a_start(LATER))
    assert journal.memory(LATER, new_york_day(LATER)).invariants == SEEN
    with open_for_questions(home) as ledger:
        assert ledger.invariants() == SEEN


def test_only_the_newest_tick_that_decided_is_read_back(home: Path, journal: LedgerJournal) -> None:
    assert read_invariants(journal.database.connection) == ()
    a_tick(journal, invariants=SEEN)
    a_tick(journal, LATER, invariants=SEEN[1:])
    assert read_invariants(journal.database.connection) == SEEN[1:]
    assert rows(home, "SELECT count(*) FROM invariants") == [(5,)]


def test_a_row_made_green_afterwards_is_found(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, invariants=SEEN)
    journal.close()
    database = Database(home)
    assert list(chain.verify(database.connection, home)) == []
    database.close()
    tamper(home, "UPDATE invariants SET ok = 1, value = '0' WHERE name = ?", ORPHANS)
    database = Database(home)
    assert "invariants" in "; ".join(chain.verify(database.connection, home))
    database.close()


def test_remembering_them_takes_the_same_steps_after_a_long_history(home: Path, journal: LedgerJournal) -> None:
    connection = journal.database.connection
    steps: list[int] = []
    for ticks in (2, 40):
        for number in range(ticks):
            a_tick(journal, NOON + timedelta(days=ticks, minutes=15 * number), invariants=SEEN)
        counted: list[int] = []
        connection.set_progress_handler(lambda counted=counted: counted.append(1), 1)  # type: ignore[misc]
        assert read_invariants(connection) == SEEN
        connection.set_progress_handler(None, 0)
        steps.append(len(counted))
    assert steps[0] == steps[1] > 10
