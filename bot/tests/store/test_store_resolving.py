"""A person's word on an order is one of its steps: kept with its event, counted, and found where it was changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import UsageError
from bot.store.chain import verify
from bot.store.database import LEDGER_NAME
from bot.store.journal import LedgerJournal
from bot.store.resolving import Said, knows_broker_id, resolve_order, words_by_order
from bot.tests.builders import NOON
from bot.tests.store.scene import a_decision, a_planned, a_tick, an_end, approved, begin, rows, step

LATER = NOON + timedelta(minutes=10)
NEVER = Said("never_arrived", "owner", "looked at the broker")
THERE = Said("at_broker", "owner", "looked at the broker", "b-17", "new")


def left_unknown(home: Path) -> LedgerJournal:
    """Give a ledger whose only order left and has no answer."""
    journal = LedgerJournal(home, "desk")
    tick_id, kept = begin(journal)
    order = a_planned()
    journal.record_decision(tick_id, a_decision(kept, verdicts=(approved(),), planned=(order,)))
    journal.move(tick_id, step(order, "sending"))
    journal.move(tick_id, step(order, "unknown", reason="504"))
    journal.seal(tick_id, an_end())
    return journal


NAME = a_planned().client_order_id


def faults(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        return [str(one) for one in verify(ledger, home)]


def test_what_never_arrived_is_not_sent_and_counts_for_nothing(tmp_path: Path) -> None:
    journal = left_unknown(tmp_path)
    resolve_order(journal.database, NAME, NEVER, LATER)
    order = journal.find_own(NAME)
    assert order is not None
    assert (order.state, order.status, order.broker_order_id, order.alive) == ("not_sent", "", "", False)
    assert rows(tmp_path, "SELECT strategy, count FROM entries_sent WHERE count != 0") == []
    assert [one[1:4] for one in words_by_order(journal.database.connection)[NAME]] == [("not_sent", "", "")]
    a_tick(journal, LATER)
    journal.close()
    assert faults(tmp_path) == []


def test_what_the_broker_has_is_working_and_counts_as_an_entry(tmp_path: Path) -> None:
    journal = left_unknown(tmp_path)
    resolve_order(journal.database, NAME, THERE, LATER)
    order = journal.find_own(NAME)
    assert order is not None
    assert (order.state, order.status, order.broker_order_id, order.alive) == ("working", "new", "b-17", True)
    assert rows(tmp_path, "SELECT strategy, count FROM entries_sent") == [("wheel", 1)]
    assert knows_broker_id(journal.database.connection, "b-17")
    assert not knows_broker_id(journal.database.connection, "b-18")
    assert not knows_broker_id(journal.database.connection, "")
    journal.close()
    assert faults(tmp_path) == []


def test_only_an_unresolved_order_takes_a_word_and_only_one(tmp_path: Path) -> None:
    journal = left_unknown(tmp_path)
    resolve_order(journal.database, NAME, NEVER, LATER)
    with pytest.raises(UsageError, match="is not_sent: nothing to resolve"):
        resolve_order(journal.database, NAME, THERE, LATER)
    with pytest.raises(UsageError, match="is not known: nothing to resolve"):
        resolve_order(journal.database, "desk-other", THERE, LATER)
    assert rows(tmp_path, "SELECT count(*) FROM order_words") == [(1,)]
    journal.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE order_words SET author = 'somebody'",
        "UPDATE order_words SET word = 'at_broker'",
        "UPDATE order_words SET reason = ''",
        "UPDATE order_words SET at = '2026-11-18T17:11:00.000000+00:00'",
        "UPDATE order_words SET state_before = 'sending'",
        "UPDATE order_words SET after_step = 0",
        "DELETE FROM order_words",
        "INSERT INTO order_words SELECT 2, at, author, client_order_id, word, reason, state_before, state, status,"
        " broker_order_id, after_step FROM order_words",
    ],
)
def test_a_word_that_was_changed_is_found(tmp_path: Path, change: str) -> None:
    journal = left_unknown(tmp_path)
    resolve_order(journal.database, NAME, NEVER, LATER)
    journal.database.connection.execute(change)
    journal.close()
    found = faults(tmp_path)
    assert any("order_words" in one for one in found), found


def test_an_order_that_says_otherwise_than_its_word_is_found(tmp_path: Path) -> None:
    journal = left_unknown(tmp_path)
    resolve_order(journal.database, NAME, NEVER, LATER)
    journal.database.connection.execute("UPDATE orders SET state = 'unknown', ended_at = NULL")
    journal.close()
    assert any("orders:" in one for one in faults(tmp_path))
