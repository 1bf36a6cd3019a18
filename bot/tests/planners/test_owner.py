"""The owner's closing orders: whole lots of shares, orphaned legs, their ladder, the stop they take the place of."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.ledger import Books, Instruction
from bot.domain.market import QuotesRequest
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Plan
from bot.planners.owner import NAME, PLANNER, OwnerParams, needs, plan
from bot.tests.builders import (
    NOON,
    D,
    a_lot,
    a_quote,
    a_session,
    a_snapshot,
    an_account,
    an_option_leg,
    an_order,
    held,
    put,
)

PUT = put("XLF", date(2026, 12, 18), "38")
OTHER = OwnerParams(wheels=frozenset({("wheel", "EWZ")}))
WHEEL = OwnerParams(wheels=frozenset({("wheel", "XLF")}))
AGO = timedelta(minutes=15)


def word(contract: str, said: Any = "close") -> Instruction:
    return Instruction(contract=contract, word=said, at=NOON - timedelta(hours=1), author="a test")


def seen(*, instructions: tuple[Instruction, ...] = (word("XLF"),), **given: Any) -> Snapshot:
    books = Books(
        cash=D(25000), lots=given.pop("lots", (a_lot("XLF"),)), legs=given.pop("legs", ()), instructions=instructions
    )
    facts: dict[str, Any] = {"books": books, "quotes": (a_quote("XLF"), a_quote(PUT, "0.60", "0.64"))}
    return a_snapshot(**(facts | given))


def only(found: Plan) -> OrderIntent:
    assert [note.reason for note in found.notes] == []
    assert len(found.intents) == 1
    return found.intents[0]


def own_sale(**given: Any) -> Any:
    facts: dict[str, Any] = {
        "purpose": "owner_close", "key": "lot-lot-XLF", "lot": "lot-XLF", "strategy": NAME, "limit_price": D("40.00"),
    }  # fmt: skip
    return an_order("XLF", "sell_to_close", "100", **(facts | given))


def test_without_a_word_nothing_is_needed_or_wanted() -> None:
    snapshot = seen(instructions=())
    assert plan(snapshot, WHEEL) == Plan()
    assert needs(holdings_of(snapshot), WHEEL, NOON) == ()


@pytest.mark.parametrize("said", ["hold", "let_assign", "no_roll"])
def test_other_words_close_nothing(said: str) -> None:
    assert plan(seen(instructions=(word("XLF", said),)), WHEEL) == Plan()


def holdings_of(snapshot: Snapshot) -> Holdings:
    return Holdings(
        session=a_session(), account=an_account(), positions=(held("XLF", "100"),), own_orders=(),
        books=snapshot.books, halt=snapshot.halt,
    )  # fmt: skip


def test_quotes_of_what_is_to_be_closed_are_asked_for_once() -> None:
    snapshot = seen(instructions=(word("XLF"), word(PUT), word("XLF")))
    assert needs(holdings_of(snapshot), WHEEL, NOON) == (QuotesRequest(symbols=("XLF", PUT)),)


def test_a_lot_is_sold_whole_at_the_mid_first() -> None:
    intent = only(plan(seen(), WHEEL))
    assert (intent.strategy, intent.purpose, intent.side, intent.qty) == (NAME, "owner_close", "sell_to_close", D(100))
    assert intent.limit_price == D("40.00")
    assert (intent.lot, intent.cycle, intent.step, intent.replaces) == ("lot-XLF", "cycle-XLF", 0, "")


def test_every_lot_is_sold_oldest_first() -> None:
    young = a_lot("XLF", "50", id="young", opened_at=NOON - timedelta(days=1))
    old = a_lot("XLF", "70", id="old", opened_at=NOON - timedelta(days=9))
    found = plan(seen(lots=(young, old)), WHEEL)
    assert [(intent.lot, intent.qty) for intent in found.intents] == [("old", D(70)), ("young", D(50))]
    assert len({intent.key for intent in found.intents}) == 2


def test_only_whole_shares_are_sold() -> None:
    assert only(plan(seen(lots=(a_lot("XLF", "33.7"),)), WHEEL)).qty == D(33)


def test_less_than_one_share_is_left_to_the_person() -> None:
    found = plan(seen(lots=(a_lot("XLF", "0.7"),)), WHEEL)
    assert found.intents == ()
    assert "sell it by hand" in found.notes[0].reason


def test_a_leg_under_a_wheel_is_left_to_the_wheel() -> None:
    snapshot = seen(instructions=(word(PUT),), lots=(), legs=(an_option_leg(PUT),))
    assert plan(snapshot, WHEEL) == Plan()


@pytest.mark.parametrize(("qty", "side"), [("-2", "buy_to_close"), ("2", "sell_to_close")])
def test_a_leg_no_wheel_trades_is_closed_on_its_side(qty: str, side: str) -> None:
    snapshot = seen(instructions=(word(PUT),), lots=(), legs=(an_option_leg(PUT, qty),))
    intent = only(plan(snapshot, OTHER))
    assert (intent.side, intent.qty, intent.underlying) == (side, D(2), "XLF")
    assert intent.limit_price == D("0.62")


@pytest.mark.parametrize(
    "quote",
    [
        a_quote("XLF", None, "40.01"),
        a_quote("XLF", "39.99", None),
        a_quote("XLF", "40.01", "39.99"),
        a_quote("XLF", "0", "40.01"),
        a_quote("SPY"),
    ],
    ids=["no bid", "no ask", "crossed", "zero", "none"],
)
def test_without_a_valid_quote_it_waits_and_says_so(quote: Any) -> None:
    found = plan(seen(quotes=(quote,)), WHEEL)
    assert found.intents == ()
    assert found.notes[0].reason == "it has no valid quote now; the next tick tries again"


def test_a_resting_stop_gives_way_to_the_sale() -> None:
    stop = an_order(
        "XLF", "sell_to_close", "100", purpose="trailing_stop", key="stop-lot-XLF", lot="lot-XLF",
        order_type="trailing_stop", time_in_force="gtc", limit_price=None,
    )  # fmt: skip
    assert only(plan(seen(own_orders=(stop,)), WHEEL)).replaces == stop.client_order_id


def test_a_stop_of_another_lot_stays() -> None:
    stop = an_order(
        "XLF", "sell_to_close", "100", purpose="trailing_stop", lot="another", order_type="trailing_stop",
        limit_price=None,
    )  # fmt: skip
    assert only(plan(seen(own_orders=(stop,)), WHEEL)).replaces == ""


def test_in_its_own_slot_a_sale_is_left_alone() -> None:
    order = own_sale(slot=a_snapshot().slot)
    assert plan(seen(own_orders=(order,)), WHEEL).intents == ()


def test_in_the_next_slot_a_sale_goes_one_step_down_for_what_is_left() -> None:
    order = own_sale(slot=a_snapshot().slot - AGO, filled_qty=D(40))
    wide = a_quote("XLF", "39.70", "40.30")
    intent = only(plan(seen(own_orders=(order,), quotes=(wide,)), WHEEL))
    assert (intent.replaces, intent.step, intent.qty) == (order.client_order_id, 1, D(60))
    assert intent.limit_price is not None
    assert Decimal("39.70") <= intent.limit_price < Decimal("40.00")


def test_the_last_step_is_the_bid_and_then_it_follows_the_market_only_down() -> None:
    wide = a_quote("XLF", "39.70", "40.30")
    third = own_sale(slot=a_snapshot().slot - AGO, step=2, limit_price=D("39.85"))
    assert only(plan(seen(own_orders=(third,), quotes=(wide,)), WHEEL)).limit_price == D("39.70")
    last = own_sale(slot=a_snapshot().slot - AGO, step=3, limit_price=D("39.70"))
    assert plan(seen(own_orders=(last,), quotes=(wide,)), WHEEL).intents == ()
    higher = a_quote("XLF", "39.90", "40.30")
    assert plan(seen(own_orders=(last,), quotes=(higher,)), WHEEL).intents == ()
    lower = a_quote("XLF", "39.50", "39.60")
    assert only(plan(seen(own_orders=(last,), quotes=(lower,)), WHEEL)).limit_price == D("39.50")


def test_an_ended_order_of_ours_is_no_reason_to_wait() -> None:
    done = own_sale(slot=a_snapshot().slot - AGO, state="done", status="canceled")
    assert only(plan(seen(own_orders=(done,)), WHEEL)).step == 0


def test_the_planner_says_its_name() -> None:
    assert PLANNER.kind == "owner"
    assert PLANNER.params is OwnerParams
