"""Nothing that was sealed can be changed quietly: each flip, deletion, swap, insertion and cut is found where it is."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Books, Cycle, Halt, Instruction, Pause, Roll
from bot.domain.strategy import Note
from bot.engine.ports import Fill, LegEnd, LotEnd
from bot.store import chain
from bot.store.database import LEDGER_NAME
from bot.store.journal import LedgerJournal
from bot.store.verifying import Fault, find_faults
from bot.tests.builders import NOON, D, a_lot, an_option_leg, held
from bot.tests.store.scene import (
    DAY,
    PUT,
    a_decision,
    a_planned,
    a_settlement,
    a_tick,
    an_activity,
    approved,
    begin,
    refused_by,
    step,
    too_much,
)

EVENTS = 200
EVERY = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
"""Whether every byte is tried (`make soak`), or a fixed sample of them."""
SAMPLE = 1 if EVERY else 211
HASHED = ("ts", "kind", "payload_json", "hash_before", "hash")
NOT_SEALED = {
    # Numbers that count rows up: their order is sealed, they are not.
    "notes": {"id"}, "refusals": {"id"}, "order_transitions": {"id"}, "book_changes": {"id"}, "leg_ends": {"id"},
    "lot_ends": {"id"}, "invariants": {"id", "at"}, "halts": {"id"}, "instructions": {"id"}, "pauses": {"id"},
    # An order's row follows the broker; its steps are sealed, these are said by no step of every order.
    "orders": {"filled_avg_price", "stop_price", "high_water_mark", "ended_at"},
    # The tick that first saw a thing stands beside its sealed facts.
    "lots": {"tick_id", "closed_at"}, "option_legs": {"tick_id", "closed_at"}, "cycles": {"tick_id"},
    "rolls": {"tick_id", "ended_at"}, "positions": {"tick_id", "at"}, "snapshots": {"at"},
    # How long it took is this machine's affair: equal decisions seal to equal hashes.
    "ticks": {"finished_at", "duration_ms", "stages_json"},
    # There is one row, as the schema says.
    "ledger_state": {"one"}, "stamp": {"one"},
}  # fmt: skip
TABLES = (
    "tick_checks", "order_transitions", "fills", "book_changes", "orders", "activities", "leg_ends", "lot_ends",
    "ticks", "order_intents", "refusals", "notes", "lots", "option_legs", "cycles", "rolls", "positions",
    "position_days", "equity_daily", "ledger_state", "refusals_daily", "income_daily", "halts", "instructions",
    "pauses", "configs", "stamp", "snapshots",
)  # fmt: skip


def a_copy(home: Path) -> sqlite3.Connection:
    """Give a home's ledger in memory, where anything may be done to it."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    file = sqlite3.connect(home / LEDGER_NAME)
    file.backup(copy)
    file.close()
    copy.execute("PRAGMA ignore_check_constraints = ON")
    return copy


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Give a chain of 200 events: the owner's words."""
    home = tmp_path_factory.mktemp("chained") / "desk"
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    for number in range(EVENTS):
        at = NOON + timedelta(minutes=number)
        if number % 2:
            journal.set_halt(Halt(level="no_new_risk", author="owner", reason=f"word {number}", since=at))
        else:
            journal.add_instruction(Instruction(contract=PUT, word="hold", at=at, author="owner"))
    journal.close()
    copy = a_copy(home)
    yield copy
    copy.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with a row in each sealed table."""
    home = tmp_path_factory.mktemp("lived") / "desk"
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    text, settings = "a desk", "{}"
    fingerprint = sha256(f"{text}\0{settings}".encode()).hexdigest()
    journal.keep_config(fingerprint, text, settings, NOON)
    journal.approve_config(fingerprint, NOON, "owner")
    lot, leg = a_lot(), an_option_leg(PUT)
    roll = Roll(
        id="roll-1", underlying="XLF", right="put", old_symbol=PUT, old_strike=D(40), qty=D(1), strategy="wheel",
        cycle="cycle-XLF", chain="leg-1", rolls=1, stage="opening", budget=D("12.30"), ticks_left=3, started_at=NOON,
    )  # fmt: skip
    cycle = Cycle(id="cycle-XLF", symbol="XLF", strategy="wheel", opened_at=NOON, option_cash=D("60.00"))
    books = Books(lots=(lot,), legs=(leg,), cycles=(cycle,), rolls=(roll,), cash=D(25000), settled_at=NOON)
    fill = Fill(execution_id="e1", broker_order_id="b1", symbol=PUT, side="sell", qty=D(1), price=D("0.6"), at=NOON)
    first = a_settlement(
        books=books, fills=(fill,), held=(held("XLF", "100"),),
        activities=(an_activity(1), an_activity(2, kind="DIV", net_amount=D("12.50"))),
    )  # fmt: skip
    note = Note(strategy="wheel", symbol="XLF", subject=PUT, reason="too near", value=D("0.4"), limit=D("0.3"))
    order = a_planned()
    verdicts = (
        approved(strategy=order.strategy, purpose=order.purpose, key=order.key),
        refused_by(too_much("1500"), key="other"),
    )
    a_tick(
        journal, verdicts=verdicts, planned=(order,), settlement=first, notes=(note,), marks=(("XLF", D(40), "mid"),)
    )
    later = NOON + timedelta(minutes=15)
    ended = a_settlement(
        books=Books(cash=D(25000), settled_at=later), held=(held("KO", "5"),),
        leg_ends=(
            LegEnd(leg=leg, qty=D(1), how="expired", at=later, price=D(0), income=D("60"), tax_income=D("60")),
        ),
        lot_ends=(LotEnd(lot=lot, qty=D(100), how="sold", at=later, price=D(41), income=D("9"), tax_income=D("9")),),
        rolls_ended=(roll,), cycles_closed=(replace(cycle, closed_at=later),),
    )  # fmt: skip
    a_tick(journal, later, settlement=ended)
    journal.set_halt(Halt(level="no_new_risk", author="owner", reason="away", since=later, clears="a person"))
    journal.add_instruction(Instruction(contract=PUT, word="hold", at=later, author="owner"))
    journal.add_pause(Pause(symbol="XLF", until=later + DAY, reason="news"), later, "owner")
    journal.add_pause(Pause(symbol="KO", until=later + DAY, reason="news"), later, "owner")
    journal.lift_pause("KO", later + timedelta(hours=1), "owner")
    a_tick(journal, NOON + DAY, settlement=ended.__class__(books=ended.books, held=(held("KO", "6"),)))
    journal.close()
    return home


def first_fault(connection: sqlite3.Connection) -> Fault | None:
    return next(iter(find_faults(connection, None)), None)


def changed(connection: sqlite3.Connection, statement: str, *values: Any) -> list[Fault]:
    """Give the faults after a statement, and take it back."""
    connection.execute("SAVEPOINT before")
    try:
        connection.execute(statement, values)
        return list(find_faults(connection, None))
    finally:
        connection.execute("ROLLBACK TO before")
        connection.execute("RELEASE before")


def test_an_untouched_chain_and_an_untouched_ledger_are_sound(chained: sqlite3.Connection, lived: Path) -> None:
    assert first_fault(chained) is None
    copy = a_copy(lived)
    assert list(find_faults(copy, lived)) == []
    assert {table for table in TABLES if not copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]} == set()
    copy.close()


def test_every_flipped_byte_of_the_chain_is_found_at_its_event(chained: sqlite3.Connection) -> None:
    columns = ", ".join(f"CAST({name} AS BLOB)" for name in HASHED)
    rows = chained.execute(f"SELECT id, {columns} FROM events ORDER BY id").fetchall()
    places = [(row[0], name, row[1:][at], byte) for row in rows for at, name in enumerate(HASHED)
              for byte in range(len(row[1:][at]))]  # fmt: skip
    tried = 0
    for number, name, stored, byte in places[::SAMPLE]:
        for bit in (0x01, 0x80):
            flipped = stored[:byte] + bytes([stored[byte] ^ bit]) + stored[byte + 1 :]
            chained.execute("SAVEPOINT before")
            chained.execute(f"UPDATE events SET {name} = CAST(? AS TEXT) WHERE id = ?", (flipped, number))
            found = first_fault(chained)
            chained.execute("ROLLBACK TO before")
            chained.execute("RELEASE before")
            assert found is not None, f"event {number}, {name}, byte {byte}"
            assert (found.event, found.table) == (number, "events"), f"event {number}, {name}, byte {byte}: {found}"
            tried += 1
    assert tried > 200


@pytest.mark.parametrize("number", range(1, EVENTS, 1 if EVERY else 23))
def test_a_deletion_a_swap_and_an_insertion_are_found_where_they_are(chained: sqlite3.Connection, number: int) -> None:
    assert changed(chained, "DELETE FROM events WHERE id = ?", number)[0].event == number
    other = EVENTS if number != EVENTS - 1 else number + 1
    swap = (
        "UPDATE events SET (ts, kind, payload_json, hash_before, hash) = (SELECT ts, kind, payload_json, hash_before,"
        " hash FROM events o WHERE o.id = ? + ? - events.id) WHERE id IN (?, ?)"
    )
    assert changed(chained, swap, number, other, number, other)[0].event == number
    chained.execute("SAVEPOINT before")
    chained.execute("UPDATE events SET id = -id WHERE id > ?", (number,))
    chained.execute("UPDATE events SET id = 1 - id WHERE id < 0")
    insertion = (
        "INSERT INTO events SELECT id + 1, ts, kind, tick_id, payload_json, hash_before, hash FROM events WHERE id = ?"
    )
    assert changed(chained, insertion, number)[0].event == number + 1
    chained.execute("ROLLBACK TO before")
    chained.execute("RELEASE before")
    assert changed(chained, "UPDATE events SET tick_id = 7 WHERE id = ?", number)[0].event == number


@pytest.mark.parametrize("left", [0, 1, 100, EVENTS - 1])
def test_a_cut_chain_leaves_rows_that_no_event_seals(chained: sqlite3.Connection, left: int) -> None:
    found = changed(chained, "DELETE FROM events WHERE id > ?", left)
    assert {fault.table for fault in found} <= {"halts", "instructions"}
    assert len(found) == EVENTS - left


def mutations(value: Any) -> list[Any]:
    """Give what a value may be changed to: each byte flipped, or a fixed sample of them."""
    if value is None:
        return [b"x", 1, 1.5]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value + 0.5]
    raw = value.encode() if isinstance(value, str) else value
    if not raw:
        return [b"x"]
    places = range(len(raw)) if EVERY else sorted({0, len(raw) // 2, len(raw) - 1})
    return [raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :] for at in places for bit in (0x01, 0x80)]


@pytest.mark.parametrize("table", TABLES)
def test_a_row_of_a_sealed_table_cannot_change_quietly(lived: Path, table: str) -> None:
    """Each column of the first row, each deletion, each insertion of the same row again."""
    copy = a_copy(lived)
    columns = [(row[1], row[2]) for row in copy.execute(f"PRAGMA table_info({table})")]
    row = copy.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
    where = " AND ".join(f'"{name}" IS ?' for name, _ in columns)
    tried = 0
    for (name, kind), value in zip(columns, row, strict=True):
        if name in NOT_SEALED.get(table, set()) or (table == "snapshots" and name in ("month", "offset", "length")):
            continue
        for other in mutations(value):
            if value is None and kind != {bytes: "TEXT", int: "INTEGER", float: "REAL"}[type(other)]:
                continue
            cast = "CAST(? AS TEXT)" if kind == "TEXT" else "?"
            try:
                found = changed(copy, f'UPDATE {table} SET "{name}" = {cast} WHERE {where}', other, *row)
            except sqlite3.IntegrityError:  # the schema itself refuses it
                continue
            assert any(fault.table == table for fault in found), f"{table}.{name}: {value!r} to {other!r}: {found}"
            tried += 1
    gone = changed(copy, f"DELETE FROM {table} WHERE {where}", *row)
    assert any(fault.table == table for fault in gone), f"{table}: a deletion leaves {gone}"
    assert tried > 0
    copy.close()


def test_a_changed_snapshot_place_is_found(lived: Path) -> None:
    copy = a_copy(lived)
    for name in ("month", "offset", "length"):
        copy.execute("SAVEPOINT before")
        value = "'1999-01'" if name == "month" else f'"{name}" + 1'
        copy.execute(f'UPDATE snapshots SET "{name}" = {value} WHERE tick_id = 1')
        assert [fault.table for fault in find_faults(copy, lived)] == ["snapshots"]
        copy.execute("ROLLBACK TO before")
        copy.execute("RELEASE before")
    copy.close()


def test_a_ledger_from_before_a_name_was_sealed_is_still_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = chain.digests
    old = ("verdicts", "transitions", "fills", "books")
    journal = LedgerJournal(tmp_path / "desk", "desk", synchronous="NORMAL")
    with monkeypatch.context() as then:
        then.setattr(
            chain, "digests", lambda connection, tick: {k: v for k, v in real(connection, tick).items() if k in old}
        )
        a_tick(journal, verdicts=(approved(),), settlement=a_settlement(activities=(an_activity(1),)))
    a_tick(journal, NOON + DAY)
    assert list(find_faults(journal.database.connection, tmp_path / "desk")) == []
    journal.close()


def test_a_died_tick_is_verified_as_it_was_buried(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    number, kept = begin(journal)
    journal.record_decision(number, a_decision(kept, verdicts=(refused_by(too_much("1500")),), planned=(a_planned(),)))
    journal.move(number, step(a_planned(), "sending"))
    journal.close()
    other = LedgerJournal(home, "desk", synchronous="NORMAL")
    a_tick(other, NOON + DAY)
    assert list(find_faults(other.database.connection, home)) == []
    other.close()
    shutil.rmtree(home)
