"""What a stranger tried with the owner's word: two orders of one wish, N counted too early, a word nobody can see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.consent import GATE
from bot.domain.desk import ApproveRule
from bot.domain.ledger import Books
from bot.domain.orders import OrderIntent
from bot.gates import judge
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON, an_order
from bot.tests.gates.scenes import CALL, PUT, PUT_LOWER, D, a_call, a_case, a_proposal, a_put, ask, with_shares
from bot.tests.store.scene import a_settlement, a_tick
from bot.tests.store.test_store_proposals import (
    MINUTE,
    OTHER,
    SLOT,
    approvals,
    carry_out,
    entries,
    planned,
    propose,
    wanted,
)

ROOM = {"contracts_per_tick": D(2), "contracts_per_symbol_day": D(9), "put_series_per_symbol": D(2),
        "symbol_share": D(5), "symbol_share_first": D(5)}  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[LedgerJournal]:
    opened = LedgerJournal(tmp_path / "desk", "desk")
    yield opened
    opened.close()


def judged(*intents: OrderIntent, rule: ApproveRule, **facts: Any) -> list[bool]:
    """Judge on a desk whose caps leave room for two puts on one name."""
    case = a_case(limits=ROOM, approvals=(("wheel", rule),), **facts)
    return [one.approved for one in judge(intents, case)]


def test_one_wish_is_carried_out_once_a_tick_though_the_planner_would_take_another_series_by_now() -> None:
    """The word stands for 37, the planner wants 36 today, and the strategy has stopped asking in between."""
    approved, anew = a_put(key="put-XLF"), a_put(PUT_LOWER, key="put-XLF")
    books = Books(approvals=(a_proposal(approved),))
    assert judged(approved, a_put(PUT_LOWER, key="another"), rule=ApproveRule(), books=books) == [True, True]
    assert judged(approved, anew, rule=ApproveRule(), books=books) == [True, False]


def test_the_last_word_of_the_first_ones_lets_no_second_order_of_its_wish_out() -> None:
    approved, anew = a_put(key="put-XLF"), a_put(PUT_LOWER, key="put-XLF")
    books = Books(approvals=(a_proposal(approved),))
    assert judged(approved, anew, rule=ApproveRule(word="first", first=1), books=books) == [True, False]


def test_two_lots_may_still_have_a_call_each() -> None:
    calls = (a_call(CALL, key="call-lot-XLF-1"), a_call(CALL, key="call-lot-XLF-2", lot="lot-XLF-2"))
    assert judged(*calls, rule=ApproveRule(), **with_shares("200")) == [True, True]


def test_an_entry_that_may_still_be_refused_by_the_broker_is_none_of_the_first_ones() -> None:
    """Two words, both orders refused by the broker: a third entry of that tick would have left unasked."""
    case = a_case(approvals=(("wheel", ApproveRule(word="first", first=2)),), books=Books(entries_sent=(("wheel", 1),)))
    answer = ask(GATE, a_put(), case.accepting(a_put(PUT_LOWER)))
    assert (answer.ok, answer.value, answer.limit) == (False, D(1), D(2))


def test_an_order_the_broker_took_and_then_rejected_is_no_entry(journal: LedgerJournal) -> None:
    """A rejection that comes after the answer is as definite a no as one that comes with it."""
    order = carry_out(journal, NOON, "sending", "working")
    assert entries(journal) == {"wheel": 1}
    rejected = planned(NOON, client_order_id=order.client_order_id, state="done", status="rejected")
    a_tick(journal, NOON + SLOT, settlement=a_settlement(orders=(rejected,)))
    assert entries(journal) == {"wheel": 0}
    a_tick(journal, NOON + 2 * SLOT, settlement=a_settlement(orders=(rejected,)))
    assert entries(journal) == {"wheel": 0}


def test_a_word_that_lives_again_is_listed_and_can_be_taken_back(journal: LedgerJournal) -> None:
    propose(journal, wanted(), minutes=600)
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    order = carry_out(journal, NOON + 2 * MINUTE, "sending", "unknown")
    proved = planned(NOON + 2 * MINUTE, client_order_id=order.client_order_id, state="not_sent")
    a_tick(journal, NOON + SLOT, settlement=a_settlement(orders=(proved,)))
    assert [one.number for one in journal.proposals(NOON + SLOT)] == [1]
    journal.answer_proposals((1,), "declined", NOON + SLOT + MINUTE, "ada")
    assert approvals(journal, NOON + SLOT + 2 * MINUTE) == []


def test_a_newer_word_takes_the_place_of_one_that_lives_again(journal: LedgerJournal) -> None:
    propose(journal, wanted(), minutes=600)
    journal.answer_proposals((1,), "approved", NOON + MINUTE, "ada")
    order = carry_out(journal, NOON + 2 * MINUTE, "sending", "unknown")
    proved = planned(NOON + 2 * MINUTE, client_order_id=order.client_order_id, state="not_sent")
    a_tick(journal, NOON + SLOT, settlement=a_settlement(orders=(proved,)))
    assert propose(journal, wanted(symbol=OTHER), at=NOON + 2 * SLOT, minutes=600) == [1, 2]
    journal.answer_proposals((2,), "approved", NOON + 2 * SLOT + MINUTE, "ada")
    assert approvals(journal, NOON + 2 * SLOT + 2 * MINUTE) == [2]


def test_a_reprice_beside_an_entry_of_its_wish_is_refused() -> None:
    works = an_order(PUT, client_order_id="e1", key="put-XLF")
    reprice = a_put(replaces="e1", limit_price=D("0.59"), key="put-XLF")
    anew = a_put(PUT_LOWER, key="put-XLF")
    assert judged(reprice, anew, rule=ApproveRule(), own_orders=(works,)) == [True, False]


def test_an_order_whose_end_is_not_proved_lets_no_entry_out_unasked(journal: LedgerJournal) -> None:
    """It died on its way; a day later two readings prove that. Until then nobody knows of any entry."""
    lost = carry_out(journal, NOON, "sending", "unknown")
    assert entries(journal) == {}
    shown = planned(NOON, client_order_id=lost.client_order_id, state="working", status="new")
    a_tick(journal, NOON + SLOT, settlement=a_settlement(orders=(shown,)))
    assert entries(journal) == {"wheel": 1}
