"""Questions to the ledger: what was written is what is told, and asking changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.domain.errors import ForeignStore, StoreError
from bot.domain.ledger import Cycle, Halt
from bot.domain.strategy import Note
from bot.engine.ports import Fill, LegEnd
from bot.store.journal import LedgerJournal
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.tests.builders import NOON, D, a_lot, an_option_leg, held
from bot.tests.store.scene import (
    DAY,
    PUT,
    a_decision,
    a_planned,
    a_settlement,
    a_tick,
    an_activity,
    an_end,
    approved,
    begin,
    refused_by,
    step,
    tamper,
    too_much,
)

LATER = NOON + timedelta(minutes=15)
ORDER = a_planned()
THIN = Note(strategy="wheel", symbol="XLF", subject="put", reason="too thin", value=D("0.04"), limit=D("0.10"))
CLOSED = Cycle(
    id="cycle-KO", symbol="KO", strategy="wheel", opened_at=NOON - 60 * DAY, closed_at=NOON, option_cash=D("215.50"),
    share_cash=D(200), dividends=D(25), fees=D("0.50"), legs=3, assignments=1,
)  # fmt: skip


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """Open a ledger of two sessions for questions."""
    journal = LedgerJournal(home, "desk")
    books = replace(a_settlement().books, lots=(a_lot(),), legs=(an_option_leg(PUT),))
    ended = LegEnd(
        leg=an_option_leg(PUT, id="old"), qty=D(1), how="closed", at=NOON, price=D(0), income=D(50), tax_income=D(55)
    )
    fill = Fill(
        execution_id="e1", broker_order_id="b1", client_order_id=ORDER.client_order_id, symbol=PUT, side="sell",
        qty=D(1), price=D("0.6"), at=NOON,
    )  # fmt: skip
    line = an_activity(1, kind="DIV", symbol="KO", net_amount=D("25.10"))
    settlement = a_settlement(
        books=books, held=(held("XLF", "100"),), leg_ends=(ended,), fills=(fill,), activities=(line,),
        cycles_closed=(CLOSED,),
    )  # fmt: skip
    tick_id, kept = begin(journal)
    verdicts = (approved(), refused_by(too_much("1500"), key="other"))
    journal.record_decision(
        tick_id, a_decision(kept, verdicts=verdicts, notes=(THIN,), planned=(ORDER,), settlement=settlement)
    )
    journal.move(tick_id, step(ORDER, "sending"))
    journal.move(tick_id, step(ORDER, "working", status="accepted", broker_order_id="b1"))
    journal.seal(tick_id, an_end(stages=(("observe", 1.5), ("seal", 0.5)), errors=("no quote for KO",)))
    a_tick(
        journal, NOON + DAY, settlement=a_settlement(books=books), notes=(THIN,),
        verdicts=(refused_by(too_much("1004"), key="other"),),
    )  # fmt: skip
    journal.set_halt(Halt(level="no_new_risk", author="ada", reason="news", since=NOON + DAY))
    journal.close()
    with open_for_questions(home) as opened:
        yield opened


def test_asking_a_home_without_a_ledger_says_how_to_begin(tmp_path: Path) -> None:
    assert not ledger_exists(tmp_path)
    with (
        pytest.raises(StoreError, match=r"no ledger in .* yet: `bot tick --dry` begins one"),
        open_for_questions(tmp_path),
    ):
        pytest.fail("asked a ledger that is not there")


def test_asking_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        ledger.connection.execute("DELETE FROM ticks")


def test_a_newer_ledger_is_not_guessed_at(home: Path, ledger: Ledger) -> None:
    tamper(home, "PRAGMA user_version = 999")
    with pytest.raises(ForeignStore, match="update the program"):
        Ledger(home)


def test_a_damaged_ledger_is_an_error_that_says_what_to_do(home: Path) -> None:
    home.mkdir()
    (home / "ledger.sqlite").write_bytes(b"no database at all " * 300)
    with pytest.raises(StoreError, match="restore the last backup"):
        Ledger(home)


def test_ticks_are_told_with_their_numbers(ledger: Ledger) -> None:
    newest = ledger.latest_tick()
    assert newest is not None
    assert (newest.id, newest.at, newest.equity, newest.halt, newest.session_open) == (
        2,
        NOON + DAY,
        D(25000),
        "run",
        True,
    )
    first = ledger.tick(1)
    assert first is not None
    assert (first.intents, first.approved, first.planned, first.duration_ms) == (2, 1, 1, 2.0)
    assert first.errors == ("no quote for KO",)
    assert [tick.id for tick in ledger.ticks(limit=5)] == [2, 1]
    assert [tick.id for tick in ledger.ticks_between(NOON.date(), NOON.date())] == [1]
    assert ledger.tick(99) is None
    assert ledger.session_days(5) == [NOON.date(), (NOON + DAY).date()]


def test_a_stored_snapshot_is_read_by_its_hash(ledger: Ledger) -> None:
    tick = ledger.tick(1)
    assert tick is not None
    assert ledger.snapshot(str(tick.snapshot_hash)[:12]).at == NOON


def test_intents_are_found_by_tick_symbol_number_and_order(ledger: Ledger) -> None:
    first, second = ledger.intents_of_tick(1)
    assert (first.approved, first.status, first.broker_order_id) == (True, "accepted", "b1")
    assert (second.approved, second.refused_by, second.status) == (False, ("cash_is_free",), "blocked")
    assert [intent.tick_id for intent in ledger.intents_of_symbol("XLF")] == [2, 1, 1]
    assert ledger.find_intent(str(first.id)) == [first]
    assert ledger.find_intent(ORDER.client_order_id[:15]) == [first]
    assert ledger.find_intent("nothing") == []


def test_a_verdict_is_told_with_every_check(ledger: Ledger) -> None:
    intent = ledger.intents_of_tick(1)[1]
    verdict = ledger.verdict_of(intent)
    assert verdict.intent.key == "other"
    assert [(check.gate, check.ok) for check in verdict.checks] == [("session_is_open", True), ("cash_is_free", False)]
    assert ledger.verdicts_of_tick(99) == ()


def test_refusals_are_summed_by_gate_with_the_nearest_miss(ledger: Ledger) -> None:
    for tally in (ledger.refusals_by_gate(5)[0], ledger.refusals_by_gate(5, symbol="XLF")[0]):
        assert (tally.gate, tally.times, tally.sole, tally.symbols) == ("cash_is_free", 2, 2, ("XLF",))
        assert (tally.value, tally.limit, tally.unit, tally.distance) == (D(1004), D(1000), "usd", D(-4))
    assert ledger.refusals_by_gate(5, symbol="KO") == []


def test_notes_are_summed_by_reason(ledger: Ledger) -> None:
    (tally,) = ledger.notes_by_reason(5)
    assert (tally.symbol, tally.reason, tally.times, tally.value, tally.limit) == (
        "XLF",
        "too thin",
        2,
        D("0.04"),
        D("0.10"),
    )
    assert [note.subject for note in ledger.notes_of_tick(1)] == ["put"]


def test_books_are_told_as_facts(ledger: Ledger) -> None:
    assert ledger.open_lots() == (a_lot(),)
    assert ledger.open_legs() == (an_option_leg(PUT),)
    assert ledger.open_cycles() == ()
    (closed,) = ledger.closed_cycles()
    assert (closed.cycle, closed.pnl) == (CLOSED, D(440))


def test_orders_are_told_with_their_steps_and_fills(ledger: Ledger) -> None:
    (order,) = ledger.open_orders()
    assert order == replace(ORDER, state="working", status="accepted", broker_order_id="b1")
    assert ledger.recent_orders() == ledger.recent_orders(symbol="XLF") == ledger.orders_of_day(NOON.date()) == (order,)
    assert [one.state for one in ledger.transitions_of(order.client_order_id)] == ["planned", "sending", "working"]
    assert [fill.price for fill in ledger.fills_of(order.client_order_id)] == [D("0.6")]
    assert len(ledger.fills_between(NOON, LATER)) == 1
    assert ledger.fills_between(LATER, NOON + DAY) == []


def test_money_is_told_by_day_and_period(ledger: Ledger) -> None:
    assert [(day.day, day.equity, day.pnl) for day in ledger.equity_days()] == [
        (NOON.date(), D(25000), None), ((NOON + DAY).date(), D(25000), None),
    ]  # fmt: skip
    span = (date(2026, 11, 1), date(2026, 11, 30))
    assert [(one.group, one.kind, one.income) for one in ledger.income(*span)] == [
        ("2026-11", "dividends", D("25.10")), ("2026-11", "premium", D(50)),
    ]  # fmt: skip
    assert {one.group for one in ledger.income(*span, by="week")} == {"2026-11-16"}
    assert {one.group for one in ledger.income(*span, by="day")} == {"2026-11-18"}
    assert {one.group for one in ledger.income(*span, by="symbol")} == {"KO", "XLF"}
    assert sum(one.income for one in ledger.income(*span, by="total")) == D("75.10")
    assert ledger.positions() == []


def test_the_state_of_the_desk_is_told(ledger: Ledger) -> None:
    assert ledger.halt().level == "no_new_risk"
    assert ledger.drift() == ()
    assert [event.kind for event in ledger.events(limit=2)] == ["halt", "tick"]
    assert ledger.events(kind="tick")[0].payload["tick"] == 2
    assert not ledger.config_is_approved("c0ffee")
    assert ledger.count_intents() == 3


def test_the_whole_state_can_be_dumped_and_cut_short(ledger: Ledger) -> None:
    dumped = ledger.dump_state()
    assert len(dumped["ticks"]) == 2
    assert "blob" not in dumped["tick_checks"][0]
    assert dumped["ticks"][0]["id"] == 1
    assert [row["id"] for row in ledger.dump_state(limit=1)["ticks"]] == [2]
    since = datetime(2026, 11, 19, tzinfo=UTC)
    assert [row["id"] for row in ledger.dump_state(since=since)["ticks"]] == [2]
