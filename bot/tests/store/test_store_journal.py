"""The journal: what a tick writes is there, whole or not at all, and comes back as it went in."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import ForeignStore, StoreError, UsageError
from bot.domain.ledger import Books, ChainSoFar, Cycle, Drift, Loss, PutEntry, Roll, StrategyBook
from bot.domain.snapshot import encode_snapshot
from bot.domain.strategy import Note
from bot.engine.ports import Fill, Journal, LegEnd, LotEnd
from bot.store.journal import LedgerJournal
from bot.store.snapshots import load_snapshot
from bot.tests.builders import NOON, D, a_lot, a_snapshot, an_option_leg, held
from bot.tests.store.scene import (
    DAY,
    PUT,
    a_decision,
    a_planned,
    a_settlement,
    a_start,
    a_tick,
    an_activity,
    an_end,
    approved,
    begin,
    refused_by,
    rows,
    step,
    too_much,
)

LATER = NOON + timedelta(minutes=15)
A_CYCLE = Cycle(id="cycle-XLF", symbol="XLF", strategy="wheel", opened_at=NOON, option_cash=D("60.00"))
A_ROLL = Roll(
    id="roll-1", underlying="XLF", right="put", old_symbol=PUT, old_strike=D(40), qty=D(1), strategy="wheel",
    cycle="cycle-XLF", chain="leg-1", rolls=1, stage="opening", budget=D("12.30"), ticks_left=3, started_at=NOON,
)  # fmt: skip
BOOKS = Books(
    lots=(a_lot(high_water_mark=D("41.05")), a_lot("KO", basis_wheel=None)),
    legs=(an_option_leg(PUT),),
    cycles=(A_CYCLE,),
    rolls=(A_ROLL,),
    drift=(Drift(symbol="KO", kind="pending", what="a dividend is due", broker=D(1), ours=D(0), since=NOON),),
    cash=D("24000.10"),
    fees_accrued=D("0.05"),
    equity_previous=D("24990.55"),
    equity_last=D("25001.15"),
    flow_session=D("-100"),
    session_day=NOON.date(),
    nav=D("1.0123456789"),
    nav_peak=D("1.02"),
    last_positions=(("KO", D(100)), ("XLF", D(100))),
    settled_at=NOON,
    put_entries=(PutEntry(underlying="XLF", order="desk-1", filled_at=NOON),),
    chains=(ChainSoFar(chain="leg-1", underlying="XLF", income=D("-30.11"), bare=False),),
    losses=(Loss(underlying="KO", what="leg-0", day=NOON.date(), income=D("-0.05")),),
    strategies=(
        StrategyBook(strategy="foreign"),
        StrategyBook(strategy="unassigned", opening=D(25000), interest=D("0.01")),
        StrategyBook(
            strategy="wheel",
            premium=D("60.00"),
            shares=D("-4000"),
            dividends=D("12.50"),
            fees=D("-0.05"),
            transfers=D("0.00"),
            moved=D(-5),
            other=D(1),
            income=D("30.01"),
            tax_income=D("29.99"),
            carried=D("3940"),
        ),
    ),
)


def test_a_journal_is_what_the_engine_asks_for(journal: LedgerJournal) -> None:
    asked: Journal = journal
    assert asked.find_own("nobody") is None


def test_an_empty_ledger_remembers_nothing(journal: LedgerJournal) -> None:
    memory = journal.memory(NOON, NOON.date())
    assert memory.books == Books()
    assert memory.halt.level == "run"
    assert (memory.own_orders, memory.recent_orders, memory.seen, memory.previous_marks) == ((), (), frozenset(), ())
    assert memory.activities_since == date(2026, 11, 11)


def test_no_fact_of_the_books_is_left_to_chance() -> None:
    """What people say and what orders used is counted, not settled; everything else is in BOOKS."""
    same = {name for name in Books.__struct_fields__ if getattr(BOOKS, name) == getattr(Books(), name)}
    assert same == {"instructions", "pauses", "counters", "approvals", "entries_sent", "panic"}


def test_books_come_back_as_they_were_settled(journal: LedgerJournal) -> None:
    a_tick(journal, settlement=a_settlement(books=BOOKS))
    assert journal.memory(LATER, NOON.date()).books == BOOKS
    assert journal.books() == BOOKS


def test_books_come_back_to_another_process_too(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, settlement=a_settlement(books=BOOKS))
    other = LedgerJournal(home, "desk")
    assert other.memory(LATER, NOON.date()).books == BOOKS
    other.close()


def test_what_left_the_books_is_closed_and_its_end_is_kept(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, settlement=a_settlement(books=BOOKS))
    lot, leg = BOOKS.lots[0], BOOKS.legs[0]
    sold = LotEnd(lot=lot, qty=D(100), how="called_away", at=NOON, price=D(42), income=D(200), tax_income=D(260))
    ended = LegEnd(leg=leg, qty=D(1), how="expired", at=NOON, price=D(0), income=D("59.95"), tax_income=D("59.95"))
    closed = replace(A_CYCLE, closed_at=LATER, share_cash=D("200"), dividends=D("25"), fees=D("0.05"))
    after = replace(BOOKS, lots=BOOKS.lots[1:], legs=(), cycles=(), rolls=(), drift=())
    settlement = a_settlement(
        books=after, lot_ends=(sold,), leg_ends=(ended,), cycles_closed=(closed,),
        rolls_ended=(replace(A_ROLL, stage="abandoned"),),
    )  # fmt: skip
    a_tick(journal, LATER, settlement=settlement)
    assert journal.memory(LATER, NOON.date()).books == after
    assert rows(home, "SELECT how, income FROM lot_ends") == [("called_away", "200")]
    assert rows(home, "SELECT how, day FROM leg_ends") == [("expired", "2026-11-18")]
    assert rows(home, "SELECT pnl FROM cycles WHERE closed_at IS NOT NULL") == [("284.95",)]
    assert rows(home, "SELECT stage FROM rolls WHERE ended_at IS NOT NULL") == [("abandoned",)]
    assert rows(home, "SELECT symbol, kind, income FROM income_daily ORDER BY kind") == [
        ("XLF", "premium", "59.95"), ("XLF", "shares", "200"),
    ]  # fmt: skip
    assert rows(home, "SELECT symbol FROM drift WHERE ended_at IS NOT NULL") == [("KO",)]


def test_what_opened_and_ended_between_two_ticks_is_kept_too(home: Path, journal: LedgerJournal) -> None:
    leg = an_option_leg(PUT)
    ended = LegEnd(leg=leg, qty=D(1), how="closed", at=NOON, price=D("0.1"), income=D(50), tax_income=D(50))
    a_tick(journal, settlement=a_settlement(leg_ends=(ended,)))
    assert journal.memory(LATER, NOON.date()).books.legs == ()
    assert rows(home, "SELECT symbol FROM option_legs WHERE closed_at IS NOT NULL") == [(PUT,)]


def test_only_what_changed_is_written_again(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, settlement=a_settlement(books=BOOKS))
    before = rows(home, "SELECT count(*) FROM book_changes")
    a_tick(journal, LATER, settlement=a_settlement(books=BOOKS))
    assert rows(home, "SELECT count(*) FROM book_changes") == before
    partly = replace(BOOKS, lots=(replace(BOOKS.lots[0], qty=D(40)), BOOKS.lots[1]))
    a_tick(journal, LATER, settlement=a_settlement(books=partly))
    assert rows(home, "SELECT kind, what FROM book_changes ORDER BY id DESC LIMIT 1") == [("lot", "changed")]


def test_income_of_a_day_adds_up_to_the_cent(home: Path, journal: LedgerJournal) -> None:
    for number in range(3):
        leg = an_option_leg(PUT, id=f"leg-{number}")
        ended = LegEnd(leg=leg, qty=D(1), how="closed", at=NOON, price=D(0), income=D("0.10"), tax_income=D("0.20"))
        a_tick(journal, NOON + timedelta(minutes=number), settlement=a_settlement(leg_ends=(ended,)))
    assert rows(home, "SELECT income, tax_income, count FROM income_daily") == [("0.30", "0.60", 3)]


def test_activities_are_remembered_by_their_whole_key(journal: LedgerJournal) -> None:
    lines = (an_activity(1, kind="OPASN", symbol=PUT), an_activity(1, kind="OPTRD"))
    a_tick(journal, settlement=a_settlement(activities=lines))
    assert journal.memory(LATER, NOON.date()).seen == {("line-1", "OPASN", PUT), ("line-1", "OPTRD", "XLF")}


def test_a_line_of_history_booked_twice_is_refused_whole(home: Path, journal: LedgerJournal) -> None:
    lines = (an_activity(1, kind="DIV", net_amount=D(25)),)
    a_tick(journal, settlement=a_settlement(activities=lines))
    tick_id, kept = begin(journal, LATER)
    with pytest.raises(StoreError, match="contradicts what is recorded; nothing of it was kept"):
        journal.record_decision(tick_id, a_decision(kept, LATER, settlement=a_settlement(activities=lines)))
    assert rows(home, "SELECT income FROM income_daily") == [("25",)]


def test_fills_are_kept_once_by_execution(home: Path, journal: LedgerJournal) -> None:
    fill = Fill(execution_id="e1", broker_order_id="b1", symbol=PUT, side="sell", qty=D(1), price=D("0.6"), at=NOON)
    a_tick(journal, settlement=a_settlement(fills=(fill,)))
    a_tick(journal, LATER, settlement=a_settlement(fills=(fill,)))
    assert rows(home, "SELECT execution_id, qty, price FROM fills") == [("e1", "1", "0.6")]


def test_the_window_reaches_back_to_the_last_settlement(journal: LedgerJournal) -> None:
    books = Books(settled_at=NOON - 30 * DAY)
    a_tick(journal, settlement=a_settlement(books=books, activities=(an_activity(1, NOON - 35 * DAY),)))
    memory = journal.memory(LATER, NOON.date())
    assert memory.activities_since == (NOON - 37 * DAY).date()
    assert len(memory.seen) == 1


def test_a_planned_order_is_there_before_it_is_sent(home: Path, journal: LedgerJournal) -> None:
    order = a_planned()
    tick_id, kept = begin(journal)
    journal.record_decision(tick_id, a_decision(kept, verdicts=(approved(),), planned=(order,)))
    assert journal.find_own(order.client_order_id) == order
    assert rows(home, "SELECT state FROM orders") == [("planned",)]
    assert rows(home, "SELECT state_before, state FROM order_transitions") == [("", "planned")]


def test_each_step_of_an_order_is_kept_and_the_intent_follows(home: Path, journal: LedgerJournal) -> None:
    order = a_planned()
    tick_id, kept = begin(journal)
    journal.record_decision(tick_id, a_decision(kept, verdicts=(approved(),), planned=(order,)))
    journal.move(tick_id, step(order, "sending"))
    journal.move(tick_id, step(order, "working", status="accepted", broker_order_id="b-7", filled_qty=D(0)))
    journal.seal(tick_id, an_end())
    assert rows(home, "SELECT submitted, status, alpaca_order_id FROM order_intents") == [(1, "accepted", "b-7")]
    filled = replace(
        order, state="done", status="filled", broker_order_id="b-7", filled_qty=D(1), filled_avg_price=D("0.61")
    )
    a_tick(journal, LATER, settlement=a_settlement(orders=(filled,)))
    assert journal.find_own(order.client_order_id) == filled
    assert rows(home, "SELECT status FROM order_intents") == [("filled",)]
    assert [state for (state,) in rows(home, "SELECT state FROM order_transitions ORDER BY id")] == [
        "planned", "sending", "working", "done",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "given", "submitted", "status"),
    [
        ("not_sent", {}, 0, "error"),
        ("refused", {"status": "rejected"}, 1, "rejected"),
        ("unknown", {}, 1, "error"),
        ("sending", {}, 1, None),
    ],
)
def test_the_status_of_an_intent_is_its_orders_end(
    home: Path, journal: LedgerJournal, state: str, given: dict[str, Any], submitted: int, status: str | None
) -> None:
    order = a_planned()
    tick_id, kept = begin(journal)
    journal.record_decision(tick_id, a_decision(kept, verdicts=(approved(),), planned=(order,)))
    journal.move(tick_id, step(order, state, **given))
    journal.seal(tick_id, an_end())
    assert rows(home, "SELECT submitted, status FROM order_intents") == [(submitted, status)]


@pytest.mark.parametrize("state", ["working", "done", "refused", "not_sent"])
def test_what_is_settled_is_never_sent_again(journal: LedgerJournal, state: str) -> None:
    order = a_planned()
    tick_id, kept = begin(journal)
    journal.record_decision(tick_id, a_decision(kept, verdicts=(approved(),), planned=(order,)))
    journal.move(tick_id, step(order, state))
    with pytest.raises(AssertionError, match=f"is {state}: it must not be sent again"):
        journal.move(tick_id, step(order, "sending"))


def test_a_dry_tick_writes_no_order_and_uses_no_pacing(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, dry=True, verdicts=(approved(), refused_by(too_much("1500"), key="other")))
    assert rows(home, "SELECT status, submitted FROM order_intents ORDER BY id") == [("dry_run", 0), ("blocked", 0)]
    assert rows(home, "SELECT count(*) FROM orders") == [(0,)]
    assert journal.memory(LATER, NOON.date()).books.counters.orders_today == 0


def test_a_dry_tick_that_plans_an_order_is_our_own_bug(journal: LedgerJournal) -> None:
    tick_id, kept = begin(journal, mode="dry")
    with pytest.raises(AssertionError, match="a dry tick plans no order"):
        journal.record_decision(tick_id, a_decision(kept, dry=True, planned=(a_planned(),)))


def test_an_approved_cancel_points_at_the_order_it_cancels(home: Path, journal: LedgerJournal) -> None:
    order = a_planned()
    a_tick(journal, verdicts=(approved(),), planned=(order,))
    wish = approved(action="cancel", legs=(), qty=D(0), purpose="cancel_stale", replaces=order.client_order_id)
    tick_id, kept = begin(journal, LATER)
    journal.record_decision(tick_id, a_decision(kept, LATER, verdicts=(wish,)))
    journal.move(tick_id, step(order, "done", status="canceled", broker_order_id="b-1"))
    journal.seal(tick_id, an_end(LATER))
    found = rows(home, "SELECT side, client_order_id, status FROM order_intents ORDER BY id DESC LIMIT 1")
    assert found == [("cancel", order.client_order_id, "canceled")]


def test_refusals_name_their_nearest_miss_and_the_gate_that_stood_alone(home: Path, journal: LedgerJournal) -> None:
    verdicts = (
        refused_by(too_much("1500"), key="one"),
        refused_by(too_much("1010"), too_much("9", "3", "orders_within_day"), key="two"),
    )
    a_tick(journal, verdicts=verdicts)
    assert rows(home, "SELECT gate, distance, nearest, sole FROM refusals ORDER BY id") == [
        ("cash_is_free", "-500", 0, 1), ("cash_is_free", "-10", 1, 0), ("orders_within_day", "-6", 1, 0),
    ]  # fmt: skip
    a_tick(journal, LATER, verdicts=verdicts)
    assert rows(home, "SELECT gate, count, sole FROM refusals_daily ORDER BY gate") == [
        ("cash_is_free", 4, 2), ("orders_within_day", 2, 0),
    ]  # fmt: skip


def test_notes_are_kept_with_their_numbers(home: Path, journal: LedgerJournal) -> None:
    note = Note(strategy="wheel", symbol="XLF", subject="put", reason="too thin", value=D("0.04"), limit=D("0.10"))
    a_tick(journal, notes=(note,))
    assert rows(home, 'SELECT symbol, reason, value, "limit" FROM notes') == [("XLF", "too thin", "0.04", "0.10")]


def test_a_decision_is_whole_or_not_there_at_all(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, verdicts=(approved(),), planned=(a_planned(),))
    tables = [name for (name,) in rows(home, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    tick_id, kept = begin(journal, LATER)
    before = {table: rows(home, f"SELECT * FROM {table}") for table in tables}
    twice = a_decision(
        kept, LATER, verdicts=(approved(),), planned=(a_planned(),),
        settlement=a_settlement(books=BOOKS, activities=(an_activity(9),)),
    )  # fmt: skip
    with pytest.raises(StoreError, match=r"orders\.client_order_id.*nothing of it was kept"):
        journal.record_decision(tick_id, twice)
    assert {table: rows(home, f"SELECT * FROM {table}") for table in tables} == before
    journal.seal(tick_id, an_end(LATER, status="failed", note="the order was there already"))
    assert rows(home, "SELECT status FROM ticks ORDER BY id") == [("done",), ("failed",)]
    assert rows(home, "SELECT count(*) FROM snapshots") == [(2,)]


@pytest.mark.parametrize("table", ["fills", "tick_checks", "orders", "order_transitions", "snapshots", "ledger_state"])
def test_a_failure_at_any_table_leaves_nothing_of_the_decision(home: Path, journal: LedgerJournal, table: str) -> None:
    a_tick(journal)
    run = journal.database.connection.execute
    run(f"CREATE TEMP TRIGGER fails BEFORE INSERT ON main.{table} BEGIN SELECT RAISE(ABORT, 'struck'); END")
    tick_id, kept = begin(journal, LATER)
    fill = Fill(execution_id="e1", broker_order_id="b1", symbol=PUT, side="sell", qty=D(1), price=D("0.6"), at=NOON)
    decision = a_decision(
        kept, LATER, verdicts=(approved(),), planned=(a_planned(),),
        settlement=a_settlement(books=BOOKS, fills=(fill,), activities=(an_activity(9),)),
    )  # fmt: skip
    with pytest.raises(StoreError, match="struck"):
        journal.record_decision(tick_id, decision)
    for left in ("lots", "fills", "activities", "orders", "order_transitions", "book_changes"):
        assert rows(home, f"SELECT count(*) FROM {left}") == [(0,)], left
    assert rows(home, "SELECT equity FROM ticks WHERE id = ?", tick_id) == [(None,)]


KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.store.scene import *

journal = LedgerJournal(Path(sys.argv[1]), "desk")
order = a_planned()
die = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[2]
tick_id, kept = begin(journal)
if where == "begun":
    die()
decision = a_decision(kept, verdicts=(approved(), refused_by(too_much("1500"), key="k")), planned=(order,))
if where == "inside":
    journal._keep_row = die
journal.record_decision(tick_id, decision)
if where == "decided":
    die()
journal.move(tick_id, step(order, "sending"))
if where == "sending":
    die()
journal.move(tick_id, step(order, "working", status="accepted", broker_order_id="b-1"))
die()
"""


@pytest.mark.parametrize(
    ("where", "state", "status"),
    [
        ("begun", None, None),
        ("inside", None, None),
        ("decided", "planned", None),
        ("sending", "sending", None),
        ("answered", "working", "accepted"),
    ],
)
def test_a_killed_tick_loses_nothing_it_had_written(home: Path, where: str, state: str | None, status: str) -> None:
    script = textwrap.dedent(KILLED)
    run = subprocess.run([sys.executable, "-c", script, str(home), where], check=False, capture_output=True, text=True)
    assert run.returncode == -9, run.stderr
    journal = LedgerJournal(home, "desk")
    a_tick(journal, LATER)
    memory = journal.memory(LATER, NOON.date())
    journal.close()
    assert [order.state for order in memory.own_orders] == ([] if state is None else [state])
    assert rows(home, "SELECT status FROM ticks ORDER BY id") == [("died",), ("done",)]
    told = rows(home, "SELECT status FROM order_intents ORDER BY id")
    assert told == ([] if state is None else [(status,), ("blocked",)])
    assert len(rows(home, "SELECT * FROM refusals")) == len(told) // 2
    assert rows(home, "SELECT kind, tick_id FROM events WHERE kind <> 'stamp' ORDER BY id") == [
        ("died", 1),
        ("tick", 2),
    ]


def test_a_tick_older_than_the_newest_is_refused_naming_both(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, LATER)
    with pytest.raises(UsageError, match=r"2026-11-18T17:00:00.*2026-11-18T17:15:00.*only goes forward"):
        journal.begin(a_start(NOON))
    assert rows(home, "SELECT count(*) FROM ticks") == [(1,)]


def test_two_ticks_may_share_a_moment(journal: LedgerJournal) -> None:
    assert [a_tick(journal), a_tick(journal)] == [1, 2]


def test_a_store_belongs_to_its_first_account(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    assert rows(home, "SELECT broker, environment, account FROM stamp") == [("simulator", "simulated", "SIM-1")]
    with pytest.raises(
        ForeignStore, match=r"belongs to simulator simulated SIM-1.*BOT_HOME=.*-alpaca-paper"
    ) as refusal:
        journal.stamp("alpaca", "paper", "PA1")
    assert refusal.value.exit_code == 78
    with pytest.raises(ForeignStore, match="this run is alpaca paper"):
        journal.begin(a_start(LATER, broker="alpaca", environment="paper"))
    assert rows(home, "SELECT count(*) FROM ticks") == [(1,)]


def test_another_account_at_the_same_broker_is_refused_before_sending(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    tick_id, kept = begin(journal, LATER)
    other = replace(a_decision(kept, LATER).account, id="SIM-2")
    with pytest.raises(ForeignStore, match="SIM-2"):
        journal.record_decision(tick_id, a_decision(kept, LATER, account=other))


def test_a_claim_is_stamped_by_the_first_tick(home: Path, journal: LedgerJournal) -> None:
    journal.stamp("simulator", "simulated", "SIM-1")
    assert rows(home, "SELECT * FROM stamp") == []
    journal.begin(a_start())
    assert rows(home, "SELECT account, stamped_at FROM stamp") == [("SIM-1", "2026-11-18T17:00:00.000000Z")]


def test_a_snapshot_comes_back_by_the_start_of_its_hash(home: Path, journal: LedgerJournal) -> None:
    snapshot = a_snapshot()
    tick_id = journal.begin(a_start())
    kept = journal.keep_snapshot(tick_id, NOON, encode_snapshot(snapshot))
    journal.record_decision(tick_id, a_decision(kept))
    a_tick(journal, NOON + 30 * DAY)
    connection = journal.database.connection
    assert load_snapshot(connection, home, kept) == load_snapshot(connection, home, kept[:10]) == snapshot
    assert sorted(path.name for path in (home / "snapshots").iterdir()) == ["2026-11.bin", "2026-12.bin"]


def test_an_unknown_or_changed_snapshot_is_an_error_that_says_which(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    ((kept,),) = rows(home, "SELECT hash FROM snapshots")
    with pytest.raises(StoreError, match="no stored Snapshot has a hash that begins 'zz'"):
        load_snapshot(journal.database.connection, home, "zz")
    path = home / "snapshots" / "2026-11.bin"
    stored = path.read_bytes()
    path.write_bytes(stored[:-1] + bytes([stored[-1] ^ 1]))
    with pytest.raises(StoreError, match="it was changed or cut off"):
        load_snapshot(journal.database.connection, home, kept)


def test_a_torn_end_of_the_month_file_does_no_harm(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal)
    journal.close()
    with (home / "snapshots" / "2026-11.bin").open("ab") as file:
        file.write(b"half a Snapsh")
    again = LedgerJournal(home, "desk")
    a_tick(again, LATER)
    ((kept,),) = rows(home, "SELECT hash FROM snapshots WHERE tick_id = 2")
    assert load_snapshot(again.database.connection, home, kept).at == LATER
    again.close()


def test_marks_are_kept_with_the_moment_they_were_quoted(journal: LedgerJournal) -> None:
    a_tick(journal, marks=(("XLF", D("40.1"), "mid"), ("KO", D(60), "model"), ("GLD", D(200), "last")))
    assert journal.memory(LATER, NOON.date()).previous_marks == (("XLF", D("40.1"), NOON), ("GLD", D(200), NOON))
    a_tick(journal, LATER, marks=(("XLF", D("40.1"), "previous"), ("GLD", D(201), "mid")))
    assert journal.memory(LATER, NOON.date()).previous_marks == (("XLF", D("40.1"), NOON), ("GLD", D(201), LATER))


def test_positions_are_the_last_ticks_and_each_day_keeps_its_close(home: Path, journal: LedgerJournal) -> None:
    a_tick(journal, settlement=a_settlement(held=(held("XLF", "100"),)), marks=(("XLF", D(40), "mid"),))
    a_tick(journal, LATER, settlement=a_settlement(held=(held(PUT, "-1"),)), marks=((PUT, D("0.5"), "mid"),))
    assert rows(home, "SELECT symbol, underlying, value FROM positions") == [(PUT, "XLF", "-50.0")]
    assert rows(home, "SELECT * FROM position_days") == []
    a_tick(journal, NOON + DAY)
    assert rows(home, "SELECT day, symbol FROM position_days") == [("2026-11-18", PUT)]
    assert rows(home, "SELECT * FROM positions") == []


def test_equity_of_a_day_is_its_last_ticks(home: Path, journal: LedgerJournal) -> None:
    books = Books(equity_previous=D(25000), flow_session=D(1500), nav=D("0.95"), nav_peak=D(1))
    a_tick(journal, equity=D(26000))
    a_tick(journal, LATER, equity=D("26010.50"), settlement=a_settlement(books=books), benchmark_price=None)
    found = rows(home, "SELECT equity, flow, pnl, drawdown_fraction, benchmark_price FROM equity_daily")
    assert found == [("26010.50", "1500", "-489.50", "0.05", "400")]


def test_a_decision_on_another_snapshot_is_our_own_bug(journal: LedgerJournal) -> None:
    tick_id, _ = begin(journal)
    with pytest.raises(AssertionError, match="another Snapshot"):
        journal.record_decision(tick_id, a_decision("f" * 64))
