"""The facts behind rate, turnover, cooldowns and repetition, as the ledger gives them back."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import RefusalCode
from bot.domain.ledger import ChainSoFar, Loss, Opening, Panic, PutEntry, Rejections
from bot.domain.orders import OwnOrder, leg
from bot.domain.pacing import openings_of
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON, D
from bot.tests.store.scene import (
    DAY,
    PUT,
    a_decision,
    a_planned,
    a_settlement,
    a_tick,
    an_end,
    approved,
    begin,
    rows,
    step,
)

CALL = PUT.replace("P0", "C0")
LATER = NOON + timedelta(minutes=15)


def an_opening(at: datetime = NOON, **given: Any) -> Opening:
    facts: dict[str, Any] = {"underlying": "XLF", "at": at, "since": at, "puts": D(4000)}
    return Opening(**(facts | given))


@pytest.mark.parametrize(
    ("given", "opened"),
    [
        ({"state": "working", "qty": D(2)}, {"puts": D(8000)}),
        ({"state": "unknown"}, {}),
        ({"state": "done", "qty": D(3), "filled_qty": D(1)}, {}),
        ({"state": "done", "filled_qty": D(0)}, {"puts": D(0)}),
        ({"state": "refused", "status": "rejected"}, {"puts": D(0)}),
        (
            {"state": "working", "purpose": "covered_call", "legs": (leg(CALL, "sell_to_open"),)},
            {"puts": D(0), "shares": D(100), "price": D(40)},
        ),
        (
            {"state": "working", "purpose": "open", "legs": (leg("XLF", "buy_to_open"),), "qty": D(7)},
            {"puts": D(0), "shares": D(7), "price": D("0.60")},
        ),
    ],
)
def test_an_opening_is_what_filled_or_still_works(given: dict[str, Any], opened: dict[str, Any]) -> None:
    """Wheel 2.22."""
    assert openings_of((a_planned(**given),)) == (an_opening(**opened),)


@pytest.mark.parametrize(
    "given",
    [
        {"state": "not_sent"},
        {"state": "working", "purpose": "roll_open"},
        {"state": "working", "purpose": "take_profit", "legs": (leg(PUT, "buy_to_close"),)},
    ],
)
def test_exits_rolls_and_what_never_left_open_nothing(given: dict[str, Any]) -> None:
    assert openings_of((a_planned(**given),)) == ()


def test_a_reprice_counts_from_the_first_order_unless_it_asks_for_more() -> None:
    first = a_planned(state="done", status="canceled", qty=D(3), filled_qty=D(1))
    for qty, since in ((2, NOON), (3, LATER)):
        second = a_planned(LATER, state="working", replaces=first.client_order_id, qty=D(qty))
        last = LATER + timedelta(minutes=1)
        third = a_planned(last, state="working", replaces=second.client_order_id, qty=D(qty))
        assert openings_of((third, first, replace(second, state="done"))) == (
            an_opening(),
            an_opening(LATER, since=since, puts=D(0)),
            an_opening(last, since=since, puts=D(4000 * qty)),
        )


def refuse(journal: LedgerJournal, at: datetime, reason: str, **given: Any) -> OwnOrder:
    order = a_planned(at, **given)
    tick_id, kept = begin(journal, at)
    journal.record_decision(tick_id, a_decision(kept, at, verdicts=(approved(),), planned=(order,)))
    journal.move(tick_id, step(order, "sending", at))
    journal.move(tick_id, step(order, "refused", at, status="rejected", reason=reason))
    journal.seal(tick_id, an_end(at))
    return order


def rejections(journal: LedgerJournal, at: datetime = NOON) -> tuple[Rejections, ...]:
    return journal.memory(at, at.date()).books.counters.rejections


def test_definite_refusals_of_one_wish_are_counted_in_their_session_with_the_newest_reason(
    journal: LedgerJournal,
) -> None:
    assert rejections(journal) == ()
    for number, code in enumerate(("not_permitted", "insufficient_funds")):
        refuse(journal, NOON + number * timedelta(minutes=15), f"{code}: says the broker")
    refuse(journal, NOON + timedelta(minutes=45), "other: no", purpose="take_profit")
    mine, other = rejections(journal)
    assert (mine.strategy, mine.purpose, mine.underlying, mine.count) == ("wheel", "cash_secured_put", "XLF", 2)
    assert mine.reason == "insufficient_funds: says the broker"
    assert (other.purpose, other.count) == ("take_profit", 1)
    assert rejections(journal, NOON + DAY) == ()


@pytest.mark.parametrize("code", RefusalCode)
def test_a_refusal_about_the_moment_says_nothing_of_the_wish(journal: LedgerJournal, code: RefusalCode) -> None:
    refuse(journal, NOON, f"{code.value}: market_closed and rate_limited are words in it")
    assert len(rejections(journal)) == (code not in (RefusalCode.RATE_LIMITED, RefusalCode.MARKET_CLOSED))


def test_a_panic_said_again_may_try_again_and_no_other_wish(journal: LedgerJournal) -> None:
    """Its owner has read why it was refused; what refuses over and over by itself still stops (F4)."""
    journal.begin_panic(Panic(at=NOON, author="ada", reason="out", flatten=True))
    for number in (1, 2):
        at = NOON + number * timedelta(minutes=15)
        refuse(journal, at, "other: no", strategy="panic", purpose="owner_close")
        refuse(journal, at + timedelta(minutes=1), "other: no", purpose="take_profit")
    after = NOON + timedelta(hours=1)
    assert {one.strategy: one.count for one in rejections(journal, after)} == {"panic": 2, "wheel": 2}
    journal.begin_panic(Panic(at=after, author="ada", reason="mended", flatten=True))
    assert {one.strategy: one.count for one in rejections(journal, after)} == {"wheel": 2}


def test_a_rejection_after_the_answer_counts_and_a_lost_answer_does_not(journal: LedgerJournal) -> None:
    lost, taken = a_planned(), a_planned(number=1, purpose="covered_call", legs=(leg(CALL, "sell_to_open"),))
    tick_id, kept = begin(journal)
    verdicts = (approved(), approved(CALL))
    journal.record_decision(tick_id, a_decision(kept, verdicts=verdicts, planned=(lost, taken)))
    for order, state in ((lost, "unknown"), (taken, "working")):
        journal.move(tick_id, step(order, "sending"))
        journal.move(tick_id, step(order, state))
    journal.seal(tick_id, an_end())
    assert rejections(journal) == ()
    after = replace(taken, state="done", status="rejected")
    a_tick(journal, LATER, settlement=a_settlement(orders=(after,)))
    assert [(one.purpose, one.count) for one in rejections(journal, LATER)] == [("covered_call", 1)]


def test_what_cooldowns_remember_is_kept_and_written_only_when_it_changes(journal: LedgerJournal, home: Path) -> None:
    assert journal.memory(NOON, NOON.date()).books.losses == ()
    books = replace(
        a_settlement().books,
        put_entries=(PutEntry(underlying="XLF", order="e1", filled_at=NOON),),
        chains=(ChainSoFar(chain="c1", underlying="XLF", income=D("-30.10"), bare=False),),
        losses=(Loss(underlying="XLU", what="c0", day=NOON.date(), income=D("-0.05")),),
    )
    a_tick(journal, settlement=a_settlement(books=books))
    for kept in (journal.memory(LATER, LATER.date()).books, journal.books()):
        assert (kept.put_entries, kept.chains, kept.losses) == (books.put_entries, books.chains, books.losses)
    said: list[str] = []
    journal.database.connection.set_trace_callback(said.append)
    a_tick(journal, LATER, settlement=a_settlement(books=books))
    journal.database.connection.set_trace_callback(None)
    assert [one for one in said if one.startswith("INSERT") and "pacing_state" in one] == []
    assert rows(home, "SELECT count(*) FROM pacing_state") == [(1,)]
