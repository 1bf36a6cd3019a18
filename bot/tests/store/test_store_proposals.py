"""Proposals in the ledger: the number an owner may trust, the word that is durable, the order that uses it up."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import UsageError
from bot.domain.ledger import Proposal
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.sessions import new_york_day, slot_of
from bot.store import chain, kinds
from bot.store.database import migrations
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.tests.builders import NOON, D, an_intent, put
from bot.tests.store.scene import (
    DAY,
    PUT,
    a_decision,
    a_planned,
    a_settlement,
    a_tick,
    an_end,
    begin,
    rows,
    step,
)

SLOT = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
OTHER = put("XLF", NOON.date() + 30 * DAY, "39")


def wanted(limit: str = "0.60", qty: str = "1", symbol: str = PUT, **given: Any) -> OrderIntent:
    return an_intent(symbol, qty=qty, limit_price=D(limit), **({"key": "put-XLF"} | given))


def proposal(intent: OrderIntent, at: datetime = NOON, minutes: int = 0) -> Proposal:
    lapses_at = at + timedelta(minutes=minutes) if minutes else slot_of(at) + SLOT
    return Proposal(intent=intent, proposed_at=at, lapses_at=lapses_at)


def propose(journal: LedgerJournal, *intents: OrderIntent, at: datetime = NOON, minutes: int = 0) -> list[int]:
    """Run a tick that proposes and give the numbers that stand after it."""
    a_tick(journal, at, proposals=tuple(proposal(one, at, minutes) for one in intents))
    return [one.number for one in journal.proposals(at)]


def statuses(home: Path) -> dict[int, str]:
    return dict(rows(home, "SELECT number, status FROM proposals"))


def approvals(journal: LedgerJournal, at: datetime) -> list[int]:
    return [one.number for one in journal.memory(at, new_york_day(at)).books.approvals]


def planned(at: datetime, **given: Any) -> OwnOrder:
    return a_planned(at, **({"key": "put-XLF", "legs": wanted().legs} | given))


def carry_out(journal: LedgerJournal, at: datetime, *states: str, order: OwnOrder | None = None) -> OwnOrder:
    """Run a tick that plans an order and moves it through states."""
    sent = order or planned(at)
    tick_id, kept = begin(journal, at)
    journal.record_decision(tick_id, a_decision(kept, at, planned=(sent,)))
    for state in states:
        journal.move(tick_id, step(sent, state, at))
    journal.seal(tick_id, an_end(at))
    return sent


# the number


def test_a_proposal_stands_with_its_number_until_its_slot_ends(home: Path, journal: LedgerJournal) -> None:
    assert propose(journal, wanted(), wanted(symbol=OTHER, key="put-XLU")) == [1, 2]
    first, _ = journal.proposals(NOON + SLOT - MINUTE)
    assert (first.intent, first.lapses_at, first.approved_at) == (wanted(), NOON + SLOT, None)
    assert journal.proposals(NOON + SLOT) == ()
    assert statuses(home) == {1: "proposed", 2: "proposed"}
    a_tick(journal, NOON + SLOT)
    assert statuses(home) == {1: "lapsed", 2: "lapsed"}


@pytest.mark.parametrize("again", [wanted(), wanted("0.61"), wanted("0.60", "1", reason="said otherwise")], ids=str)
def test_the_number_is_kept_while_each_tick_proposes_the_same_on_no_worse_terms(
    home: Path, journal: LedgerJournal, again: OrderIntent
) -> None:
    assert propose(journal, wanted()) == [1]
    assert propose(journal, again, at=NOON + SLOT) == [1]
    (one,) = journal.proposals(NOON + SLOT)
    assert (one.intent, one.proposed_at, one.lapses_at) == (again, NOON, NOON + 2 * SLOT)


@pytest.mark.parametrize("worse", [wanted("0.59"), wanted(qty="2"), wanted(symbol=OTHER)], ids=["price", "size", "leg"])
def test_a_number_never_comes_to_mean_worse_terms(home: Path, journal: LedgerJournal, worse: OrderIntent) -> None:
    propose(journal, wanted(), minutes=60)
    assert propose(journal, worse, at=NOON + SLOT, minutes=60) == [2]
    assert statuses(home) == {1: "superseded", 2: "proposed"}


def test_a_wish_that_comes_back_after_a_pause_is_a_new_number(journal: LedgerJournal) -> None:
    propose(journal, wanted())
    propose(journal, at=NOON + SLOT)
    assert propose(journal, wanted(), at=NOON + 2 * SLOT) == [2]


def test_a_proposal_of_long_standing_outlives_a_tick_that_does_not_plan(journal: LedgerJournal) -> None:
    """The tick that `bot approve` runs plans nothing else: what waits goes on waiting."""
    propose(journal, wanted(), wanted(symbol=OTHER, key="put-XLU"), minutes=60)
    assert propose(journal, at=NOON + MINUTE) == [1, 2]


def test_a_dry_tick_proposes_too(journal: LedgerJournal) -> None:
    tick_id, kept = begin(journal, NOON, mode="dry")
    standing = journal.record_decision(tick_id, a_decision(kept, dry=True, proposals=(proposal(wanted()),)))
    assert [one.number for one in standing] == [1]


# the word


def test_a_word_is_in_the_chain_and_in_the_next_tick(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted())
    (approved,) = journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    assert (approved.number, approved.approved_at, approved.author) == (1, NOON + MINUTE, "ada")
    assert journal.memory(NOON + 2 * MINUTE, NOON.date()).books.approvals == (approved,)
    ((kind, payload),) = rows(home, "SELECT kind, payload_json FROM events ORDER BY id DESC LIMIT 1")
    assert kind == kinds.CONSENT
    assert '"number":1,' in payload.replace(" ", "")
    assert PUT in payload
    assert list(chain.verify(journal.database.connection, home)) == []


def test_a_word_given_twice_is_one_word(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted())
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    (again,) = journal.answer_proposals((1,), "approved", NOON + 2 * MINUTE, "bob")
    assert (again.approved_at, again.author) == (NOON + MINUTE, "ada")
    assert rows(home, "SELECT count(*) FROM events WHERE kind = 'consent'") == [(1,)]


def test_what_does_not_stand_takes_no_word_and_neither_does_what_was_named_beside_it(
    home: Path, journal: LedgerJournal
) -> None:
    propose(journal, wanted())
    for numbers, at in (((1, 9), NOON), ((1,), NOON + SLOT)):
        with pytest.raises(UsageError, match=r"does not stand at .*: nothing was approved"):
            journal.answer_proposals(numbers, "approved", at, "ada")
    assert statuses(home) == {1: "proposed"}


def test_an_approval_lapses_unsent(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted())
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    assert approvals(journal, NOON + SLOT - MINUTE) == [1]
    assert approvals(journal, NOON + SLOT) == []
    a_tick(journal, NOON + SLOT)
    assert statuses(home) == {1: "lapsed"}
    assert propose(journal, wanted(), at=NOON + 2 * SLOT) == [2]


def test_an_approval_takes_the_place_of_every_other_proposal_of_its_wish(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted(), minutes=90)
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    assert propose(journal, wanted("0.50"), at=NOON + SLOT, minutes=90) == [1, 2]
    journal.answer_proposals((2,), "approved", NOON + SLOT + MINUTE, "ada")
    assert statuses(home) == {1: "superseded", 2: "approved"}


def test_a_declined_series_is_not_proposed_again_that_day(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted())
    journal.answer_proposals((1,), "declined", NOON + MINUTE, "ada")
    assert propose(journal, wanted("0.70"), at=NOON + SLOT) == []
    assert propose(journal, wanted(symbol=OTHER), at=NOON + 2 * SLOT) == [2]
    assert propose(journal, wanted(), at=NOON + DAY) == [3]
    assert statuses(home) == {1: "declined", 2: "lapsed", 3: "proposed"}


def test_an_approval_can_be_taken_back(journal: LedgerJournal) -> None:
    propose(journal, wanted())
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    journal.answer_proposals((1,), "declined", NOON + 2 * MINUTE, "ada")
    assert approvals(journal, NOON + 3 * MINUTE) == []


# the order


def test_an_order_uses_its_word_up_as_it_leaves(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted(), minutes=60)
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    order = carry_out(journal, NOON + 2 * MINUTE, "sending", "working")
    assert rows(home, "SELECT status, client_order_id FROM proposals") == [("sent", order.client_order_id)]
    assert approvals(journal, NOON + 3 * MINUTE) == []


@pytest.mark.parametrize("states", [(), ("not_sent",)], ids=["died before it left", "its time was up"])
def test_a_word_stands_while_its_order_has_not_left(
    home: Path, journal: LedgerJournal, states: tuple[str, ...]
) -> None:
    propose(journal, wanted(), minutes=60)
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    carry_out(journal, NOON + 2 * MINUTE, *states)
    assert approvals(journal, NOON + 3 * MINUTE) == [1]


def test_a_word_stands_again_once_it_is_proved_that_the_order_never_left(journal: LedgerJournal) -> None:
    propose(journal, wanted(), minutes=60)
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    order = carry_out(journal, NOON + 2 * MINUTE, "sending", "unknown")
    assert approvals(journal, NOON + 3 * MINUTE) == []
    proved = planned(NOON + 2 * MINUTE, client_order_id=order.client_order_id, state="not_sent")
    a_tick(journal, NOON + SLOT, settlement=a_settlement(orders=(proved,)))
    assert approvals(journal, NOON + SLOT + MINUTE) == [1]
    carry_out(journal, NOON + SLOT + MINUTE, "sending", order=planned(NOON + SLOT + MINUTE))
    assert approvals(journal, NOON + SLOT + 2 * MINUTE) == []


def test_a_refused_order_has_used_its_word_up(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted(), minutes=60)
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    carry_out(journal, NOON + 2 * MINUTE, "sending", "refused")
    assert approvals(journal, NOON + 3 * MINUTE) == []
    assert statuses(home) == {1: "sent"}


def test_another_order_of_the_wish_leaves_no_proposal_of_it_standing(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted("0.70", symbol=OTHER), minutes=60)
    carry_out(journal, NOON + MINUTE, "sending")
    assert statuses(home) == {1: "superseded"}


def test_a_wish_whose_order_goes_out_is_not_proposed_beside_it(journal: LedgerJournal) -> None:
    tick_id, kept = begin(journal, NOON)
    beside = (proposal(wanted(symbol=OTHER)), proposal(wanted(symbol=OTHER, key="put-XLU")))
    standing = journal.record_decision(tick_id, a_decision(kept, planned=(planned(NOON),), proposals=beside))
    assert [one.intent.key for one in standing] == ["put-XLU"]


# entries ever sent


def entries(journal: LedgerJournal) -> dict[str, int]:
    return dict(journal.memory(NOON + DAY, new_york_day(NOON + DAY)).books.entries_sent)


def test_entries_count_once_the_broker_took_them(journal: LedgerJournal) -> None:
    """One that may never have left gives no entry the right to leave unasked."""
    carry_out(journal, NOON)
    assert entries(journal) == {}
    carry_out(journal, NOON + MINUTE, "sending", "unknown", "sending", "working", "done")
    carry_out(journal, NOON + 2 * MINUTE, "sending", "refused")
    assert entries(journal) == {"wheel": 1}
    lost = carry_out(journal, NOON + 3 * MINUTE, "sending", "unknown")
    assert entries(journal) == {"wheel": 1}
    proved = planned(NOON + 3 * MINUTE, client_order_id=lost.client_order_id, state="not_sent")
    a_tick(journal, NOON + SLOT, settlement=a_settlement(orders=(proved,)))
    assert entries(journal) == {"wheel": 1}


def test_reprices_and_exits_are_no_entries(journal: LedgerJournal) -> None:
    for number, given in enumerate(
        ({"replaces": "an older one"}, {"purpose": "take_profit"}, {"purpose": "roll_open"})
    ):
        at = NOON + number * MINUTE
        carry_out(journal, at, "sending", "working", order=planned(at, **given))
    assert entries(journal) == {}
    second = planned(NOON + SLOT, strategy="second", purpose="covered_call")
    carry_out(journal, NOON + SLOT, "sending", "working", order=second)
    assert entries(journal) == {"second": 1}


def test_a_ledger_of_an_older_program_starts_from_the_orders_it_has(home: Path, journal: LedgerJournal) -> None:
    carry_out(journal, NOON, "sending", "working", "done")
    carry_out(journal, NOON + MINUTE, "sending", "refused")
    script = next(path for number, path in migrations() if number == 4).read_text()
    count = script[script.index("INSERT INTO entries_sent") :]
    journal.database.connection.execute("DELETE FROM entries_sent")
    journal.database.connection.executescript(count)
    assert entries(journal) == {"wheel": 1}


# questions


def test_a_question_finds_what_stands_what_lapsed_and_what_became_of_a_number(
    home: Path, journal: LedgerJournal
) -> None:
    propose(journal, wanted(), wanted(symbol=OTHER, key="put-XLU"))
    journal.answer_proposals((2,), "declined", NOON + MINUTE, "ada")
    with open_for_questions(home) as ledger:
        assert [one.number for one in ledger.proposals(NOON)] == [1]
        assert ledger.lapsed_proposals(NOON, NOON + SLOT - MINUTE) == ()
        assert [one.number for one in ledger.lapsed_proposals(NOON, NOON + SLOT)] == [1]
        found = ledger.proposal(2)
        assert found is not None
        assert (found.status, found.stands(NOON), found.answered_at) == ("declined", False, NOON + MINUTE)
        assert ledger.proposal(9) is None


def test_the_board_sees_proposals(home: Path, journal: LedgerJournal) -> None:
    propose(journal, wanted())
    assert rows(home, "SELECT number, symbol, status FROM dashboard_proposals") == [(1, PUT, "proposed")]
