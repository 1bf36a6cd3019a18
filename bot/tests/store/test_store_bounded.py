"""A tick costs the same after ten years: what it reads does not grow with the record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.domain.sessions import new_york_day
from bot.engine.ports import LegEnd
from bot.store import chain
from bot.store.anchor import anchor_fault, write_anchor
from bot.store.database import moment_text
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON, D, a_lot, an_option_leg
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
    step,
    too_much,
)

LATER = NOON + timedelta(minutes=15)
GROWING = frozenset({
    "ticks", "order_intents", "tick_checks", "refusals", "notes", "events", "orders", "order_transitions", "fills",
    "lots", "lot_ends", "option_legs", "leg_ends", "cycles", "rolls", "book_changes", "activities", "drift",
    "snapshots", "halts", "instructions", "pauses", "equity_daily", "refusals_daily", "income_daily", "position_days",
    "invariants", "proposals", "proposal_changes", "order_prices", "alarms", "imports",
})  # fmt: skip


def old_days(journal: LedgerJournal, count: int) -> None:
    """Fill a ledger with days long before the window."""
    for number in range(count):
        at = NOON - (400 - number) * DAY
        order = a_planned(at)
        ended = LegEnd(
            leg=an_option_leg(PUT, id=f"leg-{number}"), qty=D(1), how="closed", at=at, price=D(0), income=D(1),
            tax_income=D(1),
        )  # fmt: skip
        settlement = a_settlement(activities=(an_activity(number, at),), leg_ends=(ended,))
        tick_id, kept = begin(journal, at)
        verdicts = (approved(), refused_by(too_much("1500"), key="other"))
        journal.record_decision(
            tick_id, a_decision(kept, at, verdicts=verdicts, planned=(order,), settlement=settlement)
        )
        journal.move(tick_id, step(order, "sending", at))
        journal.move(tick_id, step(order, "done", at, status="filled", broker_order_id="b", filled_qty=D(1)))
        journal.seal(tick_id, an_end(at))


def steps_of(journal: LedgerJournal, work: Callable[[], object]) -> int:
    """Count the steps SQLite's machine takes for a piece of work."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    journal.database.connection.set_progress_handler(count, 1)
    work()
    journal.database.connection.set_progress_handler(None, 0)
    return counted[0]


def today(journal: LedgerJournal) -> None:
    """Leave the last week as it is in any ledger."""
    books = replace(a_settlement().books, lots=(a_lot(),), legs=(an_option_leg(PUT),))
    a_tick(journal, settlement=a_settlement(books=books, activities=(an_activity(900),)))


def aged(home: Path, days: int) -> LedgerJournal:
    """Give a ledger with a long history and the same last week as any other."""
    journal = LedgerJournal(home / str(days), "desk", synchronous="NORMAL")
    old_days(journal, days)
    today(journal)
    return journal


def test_remembering_takes_the_same_steps_after_a_long_history(tmp_path: Path) -> None:
    young, old = aged(tmp_path, 3), aged(tmp_path, 60)
    taken = [steps_of(one, partial(one.memory, LATER, NOON.date())) for one in (young, old)]
    young.close()
    old.close()
    assert taken[1] == taken[0] > 100


def test_writing_takes_the_same_steps_after_a_long_history(tmp_path: Path) -> None:
    young, old = aged(tmp_path, 3), aged(tmp_path, 60)
    verdicts = (approved(), refused_by(too_much("1500"), key="other"))
    work = {"verdicts": verdicts, "planned": (a_planned(LATER),)}
    taken = [steps_of(one, partial(a_tick, one, LATER, **work)) for one in (young, old)]
    young.close()
    old.close()
    assert taken[1] == pytest.approx(taken[0], rel=0.02)


def test_no_statement_of_a_tick_walks_a_table_that_grows(home: Path, journal: LedgerJournal) -> None:
    old_days(journal, 3)
    said: list[str] = []
    journal.database.connection.set_trace_callback(said.append)
    at: datetime = NOON
    order = a_planned(at)
    tick_id, kept = begin(journal, at)
    books = replace(a_settlement().books, lots=(a_lot(),), legs=(an_option_leg(PUT),))
    verdicts = (approved(), refused_by(too_much("1500"), key="other"))
    settlement = a_settlement(books=books, activities=(an_activity(901, kind="DIV"),))
    journal.record_decision(tick_id, a_decision(kept, at, verdicts=verdicts, planned=(order,), settlement=settlement))
    journal.move(tick_id, step(order, "sending", at))
    journal.seal(tick_id, an_end(at))
    filled = replace(order, state="done", status="filled", filled_qty=D(1), broker_order_id="b")
    a_tick(journal, at + timedelta(minutes=15), settlement=a_settlement(orders=(filled,)))
    journal.begin(a_start(at + timedelta(minutes=30)))
    journal.begin(a_start(at + timedelta(minutes=30)))
    journal.memory(at + timedelta(minutes=30), new_york_day(at))
    journal.database.connection.set_trace_callback(None)
    walks = [
        (plan, statement)
        for statement in said
        if re.match(r"(SELECT|UPDATE|DELETE|INSERT|WITH)\b", statement)
        for *_, plan in journal.database.connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        if (found := re.match(r"SCAN (\w+)(?! USING (COVERING )?INDEX ticks_unsealed)", plan))
        and found.group(1) in GROWING
        and "LIMIT" not in statement
        and "max(id)" not in statement
    ]
    assert len(said) > 50
    assert walks == []


def chained(home: Path, events: int) -> LedgerJournal:
    """Give a ledger whose chain has so many events, and an anchor at its end."""
    journal = LedgerJournal(home / f"chain{events}", "desk", synchronous="NORMAL")
    before, rows = "", []
    for _ in range(events):
        told = (moment_text(NOON), "accepted", '{"said":"so"}')
        after = chain.event_hash(before, *told)
        rows.append((*told, before, after))
        before = after
    with journal.database.writing() as connection:
        connection.executemany(
            "INSERT INTO events (ts, kind, payload_json, hash_before, hash) VALUES (?, ?, ?, ?, ?)", rows
        )
    assert write_anchor(home / f"chain{events}", before, events)
    return journal


def test_a_tick_checks_the_tail_in_the_same_steps_after_200_and_20_000_records(tmp_path: Path) -> None:
    """Design 19: the tail, the anchor and the seal itself cost the same, however long the chain is."""
    short, long = chained(tmp_path, 200), chained(tmp_path, 20_000)
    connections = [one.database.connection for one in (short, long)]
    tails = [steps_of(one, partial(chain.tail_fault, one.database.connection)) for one in (short, long)]
    anchors = [
        steps_of(one, partial(anchor_fault, one.database.connection, one.database.home)) for one in (short, long)
    ]
    ticks = [steps_of(one, partial(a_tick, one)) for one in (short, long)]
    assert [chain.tail_fault(one) for one in connections] == ["", ""]
    short.close()
    long.close()
    print(f"\nSQLite steps of tail, anchor and whole tick: {tails}, {anchors}, {ticks}")
    assert tails[0] == tails[1] > 0
    assert anchors[0] == anchors[1] > 0
    assert ticks[0] == ticks[1] > 100
