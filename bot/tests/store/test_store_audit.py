"""Nothing that was sealed can be changed quietly: each flip, deletion, swap, insertion and cut is found where it is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.invariants import Invariant
from bot.domain.ledger import (
    Books,
    Cycle,
    Drift,
    Halt,
    Instruction,
    Panic,
    Pause,
    Proposal,
    PutEntry,
    Roll,
)
from bot.domain.orders import OwnOrder
from bot.domain.strategy import Note
from bot.domain.trip import Trip
from bot.engine.ports import Fill, LegEnd, LotEnd, Settlement
from bot.store import chain
from bot.store.adopting import Adoption, adopt
from bot.store.alarms import raise_alarm
from bot.store.database import LEDGER_NAME
from bot.store.imported import Past
from bot.store.importing import Seen, keep_import
from bot.store.journal import LedgerJournal
from bot.store.restored import mark_restored
from bot.store.verifying import Fault, find_faults
from bot.tests.builders import NOON, D, a_lot, an_intent, an_option_leg, held, put
from bot.tests.faults.soaking import SOAK as EVERY
from bot.tests.faults.soaking import seed_of
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
SEED = seed_of(211)
"""Where in the record a sample begins; every byte is tried in a soak."""
SAMPLE = 1 if EVERY else 211
HASHED = ("ts", "kind", "payload_json", "hash_before", "hash")
NOT_SEALED = {
    # Numbers that count rows up: their order is sealed, they are not.
    "notes": {"id"}, "refusals": {"id"}, "order_transitions": {"id"}, "book_changes": {"id"}, "leg_ends": {"id"},
    "lot_ends": {"id"}, "invariants": {"id"}, "halts": {"id"}, "instructions": {"id"}, "pauses": {"id"},
    "alarms": {"id"}, "panics": {"id"}, "proposal_changes": {"id"}, "order_prices": {"id"},
    # How long it took is this machine's affair: equal decisions seal to equal hashes.
    "ticks": {"duration_ms", "stages_json"},
    # There is one row, as the schema says.
    "ledger_state": {"one"}, "stamp": {"one"}, "pacing_state": {"one"},
}  # fmt: skip
TABLES = (
    "tick_checks", "order_transitions", "fills", "book_changes", "orders", "activities", "leg_ends", "lot_ends",
    "ticks", "order_intents", "refusals", "notes", "lots", "option_legs", "cycles", "rolls", "positions",
    "position_days", "equity_daily", "ledger_state", "refusals_daily", "income_daily", "halts", "instructions",
    "pauses", "configs", "stamp", "snapshots", "invariants", "alarms", "panics", "restores", "proposals",
    "proposal_changes", "order_prices", "drift", "trips", "pacing_state", "imports", "past_holdings", "entries_sent",
)  # fmt: skip
TELLERS = {
    # Where a row is held against another, either may be named first.
    "proposals": "proposal_changes", "orders": "order_prices",
}  # fmt: skip


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
    what_is_written_over(journal, ended, order)
    a_tick(journal, NOON + DAY, settlement=ended.__class__(books=ended.books, held=(held("KO", "6"),)))
    rest_of_the_words(journal, NOON + DAY)
    journal.close()
    return home


def what_is_written_over(journal: LedgerJournal, ended: Settlement, order: OwnOrder) -> None:
    """Run ticks that trip, drift, propose and learn prices, and say what a person says to them."""
    at = NOON + timedelta(minutes=30)
    drift = Drift(symbol="XLF", kind="pending", what="an assignment", broker=D(100), ours=D(0), since=at)
    books = replace(
        ended.books, drift=(drift, replace(drift, symbol="KO")),
        put_entries=(PutEntry(underlying="XLF", order=order.client_order_id, filled_at=at),),
    )  # fmt: skip
    wire = Trip(
        name="drawdown_reduce_only", level="reduce_only", value=D("0.19"), limit=D("0.18"), unit="fraction",
        readings=3, readings_needed=3, clears="by a person", slot=at, day=at.date(), tripped_at=at,
    )  # fmt: skip
    filled = replace(
        order, state="done", status="filled", filled_qty=D(1), filled_avg_price=D("0.61"), broker_order_id="b1",
        stop_price=D("1.20"), high_water_mark=D("41.5"),
    )  # fmt: skip
    number = Invariant(name="orphan_orders", value=D(0), unit="orders", ok=True)
    series = [(put("XLF", NOON.date() + 30 * DAY, strike), f"put-{strike}") for strike in ("38", "39")]
    wishes = tuple(an_intent(symbol, key=key) for symbol, key in series)
    proposals = tuple(Proposal(intent=one, proposed_at=at, lapses_at=at + DAY) for one in wishes)
    a_tick(
        journal, at, settlement=replace(ended, books=books, orders=(filled,), leg_ends=(), lot_ends=(),
        rolls_ended=(), cycles_closed=()), trips=(wire,), trips_changed=(wire,), invariants=(number,),
        proposals=proposals,
    )  # fmt: skip
    journal.answer_proposals([1], "approved", at, "owner")
    a_tick(
        journal, at + timedelta(minutes=1),
        settlement=a_settlement(books=replace(books, drift=(replace(drift, symbol="KO"),)), held=(held("KO", "5"),)),
    )  # fmt: skip


def rest_of_the_words(journal: LedgerJournal, at: datetime) -> None:
    """Say what else people and `bot watch` say: an alarm, a panic and its end, a restore, a past and an adoption."""
    raise_alarm(journal.database, at, "no tick came")
    journal.begin_panic(Panic(at=at, author="owner", reason="enough"))
    journal.resume(Halt(level="reduce_only", author="owner", reason="better", since=at + timedelta(hours=1)))
    mark_restored(journal.database, "backup-1", "c0ffee", journal.books(), at)
    strange = a_lot("GDX", id="past-lot", cycle="past-cycle", owner="foreign", strategy="history")
    over = a_lot("EEM", id="past-over", cycle="past-cycle-2", owner="foreign", strategy="history")
    fill = Fill(
        execution_id="p1", broker_order_id="b9", client_order_id="history-b9", symbol="EEM", side="buy", qty=D(100),
        price=D(40), at=at - 9 * DAY, strategy="history",
    )  # fmt: skip
    past = Past(
        activities=(an_activity(77, at - 9 * DAY, symbol="EEM"),), fills=(fill,), ended_lots=(over,),
        lot_ends=(
            LotEnd(lot=over, qty=D(100), how="sold", at=at - 8 * DAY, price=D(41), income=D(5), tax_income=D(5)),
        ),
        open_lots=(strange,), gaps=(("XLV", "shares without an origin", "adopt them"),),
    )  # fmt: skip
    seen = Seen(
        broker="simulator", environment="simulated", account=journal.stamped_account(), cash=D(25000),
        fees_accrued=D(0), positions=(), at=at, author="owner", first_day=date(2026, 11, 9), last_day=at.date(),
        lines=2,
    )  # fmt: skip
    keep_import(journal, past, seen)
    adopted = replace(strange, owner="adopted", strategy="wheel", qty=D(60))
    adopt(journal, Adoption(lots=(adopted,), taken=(("lot", "past-lot", D(60)),)), at, "owner")


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
    for number, name, stored, byte in places[SEED % SAMPLE :: SAMPLE]:
        for bit in (0x01, 0x80) if not EVERY else ((0x80, 0x01)[byte % 2],):
            flipped = stored[:byte] + bytes([stored[byte] ^ bit]) + stored[byte + 1 :]
            chained.execute("SAVEPOINT before")
            chained.execute(f"UPDATE events SET {name} = CAST(? AS TEXT) WHERE id = ?", (flipped, number))
            found = first_fault(chained)
            chained.execute("ROLLBACK TO before")
            chained.execute("RELEASE before")
            assert found is not None, f"event {number}, {name}, byte {byte}"
            assert (found.event, found.table) == (number, "events"), f"event {number}, {name}, byte {byte}: {found}"
            tried += 1
    print(f"\n{tried} flips in {len(places)} bytes of a chain of {EVENTS} found where they are, seed {SEED}")
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


@pytest.mark.parametrize("left", range(EVENTS) if EVERY else [0, 1, 100, EVENTS - 1])
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
    flips = [(at, bit) for at in places for bit in ((0x01, 0x80) if not EVERY else ((0x80, 0x01)[at % 2],))]
    return [raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :] for at, bit in flips]


@pytest.mark.parametrize("table", TABLES)
def test_a_row_of_a_sealed_table_cannot_change_quietly(lived: Path, table: str) -> None:
    """Each column of the first row, each deletion, each insertion of the same row again."""
    copy = a_copy(lived)
    columns = [(row[1], row[2]) for row in copy.execute(f"PRAGMA table_info({table})")]
    row = copy.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
    where = " AND ".join(f'"{name}" IS ?' for name, _ in columns)
    tried = 0
    others = {table, TELLERS.get(table, table)}
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
            assert any(fault.table in others for fault in found), f"{table}.{name}: {value!r} to {other!r}: {found}"
            tried += 1
    for each in copy.execute(f"SELECT * FROM {table}").fetchall()[: None if EVERY else 3]:
        gone = changed(copy, f"DELETE FROM {table} WHERE {where}", *each)
        assert any(fault.table in others for fault in gone), f"{table}: a deletion of {each} leaves {gone}"
    print(f"\n{table}: {tried} changed values of a row found, seed {SEED}")
    assert tried > 0
    copy.close()


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"stamp", "ledger_state", "pacing_state"}))
def test_a_row_put_in_or_two_exchanged_are_found_in_their_table(lived: Path, table: str) -> None:
    """The same row once more under a key of its own, and the contents of the first two rows exchanged."""
    copy = a_copy(lived)
    copy.execute("PRAGMA foreign_keys = OFF")
    info = copy.execute(f"PRAGMA table_info({table})").fetchall()
    names = [f'"{column[1]}"' for column in info]
    keys = [column[1] for column in info if column[5]]
    others = {table, TELLERS.get(table, table)}
    kinds = {column[1]: column[2] for column in info}
    key = keys[-1] if kinds[keys[0]] == "TEXT" else keys[0]
    fresh = f'(SELECT max("{key}") + 1 FROM {table})' if kinds[key] == "INTEGER" else f"\"{key}\" || 'x'"
    if table == "past_holdings":
        fresh = "'another'"
    values = ", ".join(fresh if name == f'"{key}"' else name for name in names)
    found = changed(copy, f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} LIMIT 1")
    assert any(fault.table in others for fault in found), f"{table}: an insertion leaves {found}"
    first, *rest = copy.execute(f"SELECT * FROM {table}").fetchall()
    plain = [at for at, column in enumerate(info) if not column[5]]
    tick = [column[1] for column in info].index("tick_id") if "tick_id" in kinds else None
    second = next(
        # A row of an import and one of a tick may stand in either order: neither is part of what the other's seal says.
        (
            row
            for row in rest
            if any(row[at] != first[at] for at in plain) and (tick is None or None not in (row[tick], first[tick]))
        ),
        None,
    )
    if second is not None and plain:
        copy.execute("SAVEPOINT before")
        for row, taken in ((first, second), (second, first)):
            told = ", ".join(f"{names[at]} = ?" for at in plain)
            where = " AND ".join(f'"{column[1]}" IS ?' for column in info if column[5])
            copy.execute(
                f"UPDATE {table} SET {told} WHERE {where}",
                (*(taken[at] for at in plain), *(row[at] for at, column in enumerate(info) if column[5])),
            )
        found = list(find_faults(copy, None))
        copy.execute("ROLLBACK TO before")
        copy.execute("RELEASE before")
        assert any(fault.table in others for fault in found), f"{table}: an exchange leaves {found}"
    copy.close()


def test_a_changed_snapshot_place_is_found(lived: Path) -> None:
    copy = a_copy(lived)
    for name in ("month", "offset", "length"):
        copy.execute("SAVEPOINT before")
        value = "'1999-01'" if name == "month" else f'"{name}" + 1'
        copy.execute(f'UPDATE snapshots SET "{name}" = {value} WHERE tick_id = 1')
        assert {fault.table for fault in find_faults(copy, lived)} == {"snapshots"}
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


def test_a_change_that_no_import_and_no_tick_made_covers_up_no_edited_lot(lived: Path) -> None:
    copy = a_copy(lived)
    (fact,) = copy.execute("SELECT fact_json FROM book_changes WHERE key = 'past-over'").fetchone()
    better = fact.replace('"basis_tax":"40"', '"basis_tax":"99"')
    assert better != fact
    copy.execute("SAVEPOINT before")
    copy.execute("UPDATE lots SET basis_tax = '99' WHERE id = 'past-over'")
    added = "INSERT INTO book_changes (kind, key, what, fact_json) VALUES ('lot', 'past-over', 'closed', ?)"
    assert "book_changes" in {fault.table for fault in changed(copy, added, better)}
    copy.close()
