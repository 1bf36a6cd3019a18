"""Trip wires in the ledger: kept, read back, audited, cleared by a person; and the losing chains they count."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Books, Halt
from bot.domain.trip import Trip
from bot.engine.ports import LegEnd
from bot.store.chain import verify
from bot.store.journal import LedgerJournal
from bot.store.tripping import clear_by_person, lift_streak, read_streak, read_trips
from bot.tests.builders import NOON, D, an_option_leg
from bot.tests.store.scene import PUT, a_settlement, a_tick, rows

SLOT = timedelta(minutes=15)
WIRE = Trip(
    name="drawdown_reduce_only", level="reduce_only", value=D("0.19"), limit=D("0.18"), unit="fraction", readings=3,
    readings_needed=3, clears="by a person", slot=NOON, day=NOON.date(), tripped_at=NOON,
)  # fmt: skip
PAUSE = replace(
    WIRE, name="losing_streak", level="pause", value=D(4), limit=D(4), unit="chains", until=NOON + timedelta(days=7)
)  # fmt: skip
WATCHING = replace(PAUSE, value=D(0), readings=0, day=None, tripped_at=None, until=None)


def tripped(journal: LedgerJournal, *trips: Trip, changed: tuple[Trip, ...] | None = None) -> None:
    a_tick(journal, trips=trips, trips_changed=trips if changed is None else changed, halt="reduce_only")


def test_a_tripped_wire_comes_back_as_it_was_and_is_the_halt_in_force(home: Path, journal: LedgerJournal) -> None:
    tripped(journal, WIRE)
    memory = journal.memory(NOON + SLOT, NOON.date())
    assert memory.trips == read_trips(journal.database.connection) == (WIRE,)
    assert (memory.halt.level, memory.halt.author) == ("reduce_only", "trip: drawdown_reduce_only")
    assert memory.halt_said == Halt()
    assert rows(home, "SELECT level, author FROM halts") == [("reduce_only", "trip: drawdown_reduce_only")]
    assert rows(home, "SELECT halt FROM ticks") == [("reduce_only",)]
    assert rows(home, "SELECT count(*) FROM events WHERE kind = 'trip'") == [(1,)]


def test_a_reading_that_changes_nothing_is_kept_and_not_audited(home: Path, journal: LedgerJournal) -> None:
    tripped(journal, WATCHING, changed=())
    assert rows(home, "SELECT count(*) FROM halts UNION ALL SELECT count(*) FROM events WHERE kind = 'trip'") == [
        (0,), (0,),
    ]  # fmt: skip
    assert rows(home, "SELECT name, readings FROM trips") == [("losing_streak", 0)]


def test_a_person_s_halt_is_kept_apart_from_what_tripped(journal: LedgerJournal) -> None:
    stop = Halt(level="stop", author="ann", reason="away", since=NOON, clears="a person")
    journal.set_halt(stop)
    tripped(journal, WIRE)
    memory = journal.memory(NOON + SLOT, NOON.date())
    assert (memory.halt, memory.halt_said) == (stop, stop)
    journal.set_halt(Halt(level="run", author="ann", reason="back", since=NOON + SLOT))
    after = journal.memory(NOON + SLOT, NOON.date())
    assert after.halt_said is not None
    assert (after.halt.level, after.halt_said.level) == ("reduce_only", "run")


def test_a_person_clears_what_needs_one_starts_a_new_peak_and_it_is_audited(home: Path, journal: LedgerJournal) -> None:
    softer = replace(WIRE, name="drawdown_no_new_risk", level="no_new_risk", limit=D("0.12"), good_needed=3)
    books = Books(cash=D(25000), nav=D("0.81"), nav_peak=D(1))
    a_tick(journal, settlement=a_settlement(books=books), trips=(WIRE, softer), trips_changed=(WIRE, softer))
    cleared = clear_by_person(journal.database, NOON + SLOT, "ann", "seen and accepted")
    assert [trip.name for trip in cleared] == ["drawdown_reduce_only"]
    memory = journal.memory(NOON + SLOT, NOON.date())
    assert (memory.halt.level, memory.halt.author) == ("no_new_risk", "trip: drawdown_no_new_risk")
    assert memory.books.nav_peak == D("0.81")
    assert rows(home, "SELECT level FROM halts ORDER BY id")[-1] == ("run",)
    assert "ann: seen and accepted" in rows(home, "SELECT payload_json FROM events ORDER BY id")[-1][0]
    assert clear_by_person(journal.database, NOON + SLOT, "ann", "again") == ()
    assert list(verify(journal.database.connection, home)) == []


def test_a_streak_sets_a_pause_on_everything_and_no_halt(home: Path, journal: LedgerJournal) -> None:
    tripped(journal, PAUSE)
    memory = journal.memory(NOON + SLOT, NOON.date())
    assert memory.halt == Halt()
    assert [(pause.symbol, pause.until) for pause in memory.books.pauses] == [("*", NOON + timedelta(days=7))]
    assert rows(home, "SELECT count(*) FROM halts") == [(0,)]


def ended(number: int, income: int, how: str = "closed", **given: Any) -> LegEnd:
    leg = an_option_leg(PUT, id=f"leg-{number}", **({"chain": f"leg-{number}"} | given))
    at = NOON + timedelta(minutes=number)
    return LegEnd(leg=leg, qty=D(1), how=how, at=at, price=D(0), income=D(income), tax_income=D(income))


@pytest.mark.parametrize(
    ("ends", "streak"),
    [
        ((), 0),
        ((ended(1, -5), ended(2, -5)), 2),
        ((ended(1, -5), ended(2, 5)), 0),
        ((ended(1, 5), ended(2, -5)), 1),
        ((ended(1, -5), ended(2, 0), ended(3, -5)), 1),
        ((ended(1, -5), ended(2, 40, "assigned"), ended(3, -5)), 2),
        ((ended(1, -5), ended(2, 9, chain="leg-1")), 0),
        ((ended(1, -9), ended(2, 5, chain="leg-1"), ended(3, -1)), 2),
    ],
)
def test_a_streak_counts_chains_with_their_rolls_and_leaves_assignments_out(
    journal: LedgerJournal, ends: tuple[LegEnd, ...], streak: int
) -> None:
    tripped(journal, WATCHING, changed=())
    a_tick(journal, NOON + SLOT, settlement=a_settlement(leg_ends=ends))
    assert read_streak(journal.database.connection) == streak


def test_a_chain_with_a_leg_still_open_is_not_judged(journal: LedgerJournal) -> None:
    tripped(journal, WATCHING, changed=())
    rolled = an_option_leg(PUT, id="leg-2", chain="leg-1")
    books = replace(a_settlement().books, legs=(rolled,))
    a_tick(journal, NOON + SLOT, settlement=a_settlement(books=books, leg_ends=(ended(1, -5),)))
    assert read_streak(journal.database.connection) == 0


def test_a_pause_starts_the_streak_again(journal: LedgerJournal) -> None:
    tripped(journal, WATCHING, changed=())
    a_tick(journal, NOON + SLOT, settlement=a_settlement(leg_ends=(ended(1, -5), ended(2, -5))))
    later = NOON + 2 * SLOT
    paused = replace(PAUSE, slot=later, tripped_at=later)
    a_tick(journal, later, trips=(paused,), trips_changed=(paused,))
    assert read_streak(journal.database.connection) == 0


def test_lifting_the_pause_clears_the_streak_so_that_new_losses_may_trip_it_again(
    home: Path, journal: LedgerJournal
) -> None:
    tripped(journal, PAUSE)
    assert journal.lift_pause("*", NOON + SLOT, "ann") == 1
    cleared = lift_streak(journal.database, NOON + SLOT, "ann")
    assert cleared is not None
    assert (cleared.tripped, cleared.readings) == (False, 0)
    assert [(one.tripped, one.readings) for one in read_trips(journal.database.connection)] == [(False, 0)]
    assert lift_streak(journal.database, NOON + SLOT, "ann") is None
    assert journal.memory(NOON + 2 * SLOT, NOON.date()).books.pauses == ()
    assert list(verify(journal.database.connection, home)) == []
    ends = (ended(20, -5), ended(21, -5))
    a_tick(journal, NOON + 2 * SLOT, settlement=a_settlement(leg_ends=ends))
    assert read_streak(journal.database.connection) == 2, "what lost before the pause is not counted again"


def test_lifting_a_pause_leaves_every_other_wire(journal: LedgerJournal) -> None:
    tripped(journal, WIRE)
    assert lift_streak(journal.database, NOON + SLOT, "ann") is None
    assert [one.tripped for one in read_trips(journal.database.connection)] == [True]
