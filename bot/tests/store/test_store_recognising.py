"""Rows of orders that a ledger had lost: sealed as all are, and the word behind one is used up (design 10, 19)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Proposal
from bot.domain.sessions import new_york_day
from bot.store.journal import LedgerJournal
from bot.store.recognising import RECOGNISED
from bot.store.verifying import find_faults
from bot.tests.builders import NOON, D, an_intent
from bot.tests.store.scene import PUT, a_decision, a_planned, a_settlement, a_tick, an_end, begin, rows, tamper

LOST = a_planned(state="sending", key="put-XLF", client_order_id="desk-lost", slot=NOON - timedelta(days=1))
SHOWN = replace(LOST, state="done", status="filled", filled_qty=D(1), broker_order_id="b-1")


def recognised(journal: LedgerJournal) -> None:
    """Run a tick whose settlement recognises an order."""
    tick_id, kept = begin(journal, NOON)
    journal.memory(NOON, new_york_day(NOON))
    settlement = a_settlement(recognised=(LOST,), orders=(SHOWN,))
    journal.record_decision(tick_id, a_decision(kept, NOON, settlement=settlement))
    journal.seal(tick_id, an_end(NOON))


def faults(journal: LedgerJournal) -> list[str]:
    return [fault.words for fault in find_faults(journal.database.connection, None)]


def test_it_is_written_whole_before_it_is_settled_and_counts_for_its_own_day(
    home: Path, journal: LedgerJournal
) -> None:
    recognised(journal)
    assert journal.find_own("desk-lost") == SHOWN
    day = new_york_day(NOON - timedelta(days=1)).isoformat()
    assert rows(home, "SELECT session_day, tick_id FROM orders") == [(day, 1)]
    steps = rows(home, "SELECT state_before, state, reason FROM order_transitions ORDER BY id")
    assert steps == [("", "sending", RECOGNISED), ("sending", "done", "settled")]
    assert rows(home, "SELECT strategy, count FROM entries_sent") == [("wheel", 1)]
    assert faults(journal) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET key = 'put-SPY'",
        "UPDATE orders SET session_day = '2026-01-02'",
        "UPDATE order_transitions SET reason = ''",
        "DELETE FROM order_transitions WHERE reason = 'recognised by its id'",
    ],
)
def test_its_rows_are_sealed(home: Path, journal: LedgerJournal, statement: str) -> None:
    recognised(journal)
    tamper(home, statement)
    assert faults(journal)


def test_the_word_that_covered_it_is_used_up_and_not_carried_out_again(home: Path, journal: LedgerJournal) -> None:
    wish = an_intent(PUT, key="put-XLF", limit_price=D("0.60"))
    early = NOON - timedelta(minutes=1)
    a_tick(journal, early, proposals=(Proposal(intent=wish, proposed_at=early, lapses_at=NOON + timedelta(days=1)),))
    journal.answer_proposals((1,), "approved", early, "owner")
    assert [one.number for one in journal.memory(early, new_york_day(early)).books.approvals] == [1]
    recognised(journal)
    assert rows(home, "SELECT status, client_order_id FROM proposals") == [("sent", "desk-lost")]
    assert journal.memory(NOON, new_york_day(NOON)).books.approvals == ()
    assert faults(journal) == []


def test_what_was_settled_and_neither_planned_nor_recognised_is_a_bug(journal: LedgerJournal) -> None:
    tick_id, kept = begin(journal, NOON)
    with pytest.raises(AssertionError, match="never planned"):
        journal.record_decision(tick_id, a_decision(kept, NOON, settlement=a_settlement(orders=(SHOWN,))))
