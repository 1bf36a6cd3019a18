"""The hash chain: whatever is changed afterwards shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import StoreError
from bot.engine.ports import Fill
from bot.store import chain
from bot.store.database import LEDGER_NAME, Database
from bot.store.journal import LedgerJournal
from bot.store.kinds import KINDS, TICK
from bot.tests.builders import NOON, D, a_lot
from bot.tests.store.scene import (
    PUT,
    a_planned,
    a_settlement,
    a_start,
    a_tick,
    approved,
    refused_by,
    rows,
    tamper,
    too_much,
)

LATER = NOON + timedelta(minutes=15)


@pytest.fixture
def sealed(home: Path) -> Path:
    """Give a home with two ticks that wrote something everywhere a seal looks."""
    journal = LedgerJournal(home, "desk")
    books = a_settlement().books
    fill = Fill(execution_id="e1", broker_order_id="b1", symbol=PUT, side="sell", qty=D(1), price=D("0.6"), at=NOON)
    settlement = a_settlement(books=type(books)(lots=(a_lot(),), cash=D(25000)), fills=(fill,))
    verdicts = (approved(), refused_by(too_much("1500"), key="other"))
    a_tick(journal, verdicts=verdicts, planned=(a_planned(),), settlement=settlement)
    a_tick(journal, LATER, settlement=a_settlement(books=settlement.books))
    journal.close()
    return home


def faults(home: Path) -> list[str]:
    database = Database(home)
    try:
        return list(chain.verify(database.connection, home))
    finally:
        database.close()


def tail_is_sound(home: Path) -> bool:
    database = Database(home)
    try:
        return chain.tail_is_sound(database.connection)
    finally:
        database.close()


def test_an_untouched_record_is_sound(sealed: Path) -> None:
    assert faults(sealed) == []
    assert tail_is_sound(sealed)


def test_an_empty_ledger_is_sound(home: Path) -> None:
    LedgerJournal(home, "desk").close()
    assert faults(home) == []
    assert tail_is_sound(home)


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        (
            "UPDATE events SET payload_json = replace(payload_json, '25000', '26000') WHERE id = 2",
            "event 2 (tick) was changed",
        ),
        ("UPDATE events SET ts = '2026-11-18T16:00:00.000000Z' WHERE id = 2", "event 2 (tick) was changed"),
        ("UPDATE events SET kind = 'halt' WHERE id = 2", "event 2 (halt) was changed"),
        ("DELETE FROM events WHERE id = 2", "event 2 is missing"),
        ("UPDATE tick_checks SET blob = x'00' WHERE tick_id = 1", "its verdicts are not"),
        ("DELETE FROM tick_checks WHERE tick_id = 1", "its verdicts are not"),
        ("UPDATE order_transitions SET state = 'done'", "its transitions are not"),
        ("UPDATE fills SET price = '0.7'", "its fills are not"),
        ("DELETE FROM fills", "its fills are not"),
        ("UPDATE book_changes SET fact_json = replace(fact_json, '100', '200')", "its books are not"),
        ("UPDATE ticks SET equity = '1000000' WHERE id = 1", "its row is not"),
        ("UPDATE ticks SET config_hash = 'other' WHERE id = 2", "its row is not"),
        ("DELETE FROM snapshots WHERE tick_id = 1", "nothing says where its Snapshot lies"),
        ("UPDATE snapshots SET length = length - 1 WHERE tick_id = 1", "its Snapshot is not"),
    ],
)
def test_a_change_behind_the_programs_back_shows(sealed: Path, statement: str, shown: str) -> None:
    tamper(sealed, "PRAGMA foreign_keys = OFF")
    tamper(sealed, statement)
    assert shown in "; ".join(faults(sealed))


def test_a_changed_snapshot_file_shows(sealed: Path) -> None:
    path = sealed / "snapshots" / "2026-11.bin"
    path.write_bytes(b"?" + path.read_bytes()[1:])
    assert faults(sealed) == ["tick 1: its Snapshot is not what was sealed"]
    path.unlink()
    assert [what for what in faults(sealed) if "cannot be read" in what] != []


def test_the_newest_event_is_checked_in_constant_time(sealed: Path) -> None:
    tamper(sealed, "UPDATE events SET payload_json = '{}' WHERE id = (SELECT max(id) FROM events)")
    assert not tail_is_sound(sealed)


def test_a_rewritten_event_cannot_hide_behind_its_own_hash(sealed: Path) -> None:
    ((ts, kind, before),) = rows(sealed, "SELECT ts, kind, hash_before FROM events WHERE id = 2")
    tamper(
        sealed, "UPDATE events SET payload_json = '{}', hash = ? WHERE id = 2", chain.event_hash(before, ts, kind, "{}")
    )
    assert "event 3 does not follow the one before it" in faults(sealed)
    assert not tail_is_sound(sealed)


def test_a_changed_snapshot_cannot_hide_behind_its_row(sealed: Path) -> None:
    tamper(sealed, "UPDATE ticks SET snapshot_hash = ? WHERE id = 1", "0" * 64)
    assert "tick 1: its row is not what was sealed" in faults(sealed)


def test_the_same_ticks_give_the_same_head(tmp_path: Path) -> None:
    heads = []
    for name in ("one", "two"):
        journal = LedgerJournal(tmp_path / name, "desk")
        a_tick(journal, verdicts=(approved(),), planned=(a_planned(),))
        heads.append(chain.head(journal.database.connection))
        journal.close()
    assert heads[0] == heads[1]
    assert len(heads[0]) == 64


def test_every_event_names_a_known_kind(sealed: Path) -> None:
    assert {kind for (kind,) in rows(sealed, "SELECT DISTINCT kind FROM events")} <= set(KINDS)
    assert rows(sealed, "SELECT count(*) FROM events WHERE kind = ?", TICK) == [(2,)]
    assert (sealed / LEDGER_NAME).exists()


TEXTS = st.text("abc{}:25 ", max_size=6)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=2, max_size=6), st.data())
def test_no_field_of_an_event_can_change_without_its_hash(events: list[tuple[str, str]], data: st.DataObject) -> None:
    ts, payload = data.draw(st.sampled_from(events))
    other_ts, other_payload = data.draw(st.sampled_from(events))
    one, two = chain.event_hash("0", ts, "tick", payload), chain.event_hash("0", other_ts, "tick", other_payload)
    assert (one == two) == ((ts, payload) == (other_ts, other_payload))


def test_a_tick_refuses_to_begin_on_a_ledger_whose_newest_record_was_edited(sealed: Path) -> None:
    tamper(sealed, "UPDATE events SET payload_json = payload_json || ' ' WHERE id = (SELECT max(id) FROM events)")
    journal = LedgerJournal(sealed, "desk")
    try:
        with pytest.raises(StoreError, match="Nothing is sent"):
            journal.begin(a_start(LATER))
    finally:
        journal.close()
