"""The wheel in a follow-up: exits, reprices and withdrawals, one step of the ladder each, nothing new (design 14)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace

from bot.domain.desk import WheelParams
from bot.domain.ledger import Halt, Instruction, Roll
from bot.domain.market import ChainRequest, QuotesRequest
from bot.domain.snapshot import Snapshot
from bot.planners.owner import OwnerParams
from bot.planners.owner import plan as owner_plan
from bot.planners.wheel import PLANNER
from bot.tests.builders import NOON, D, a_lot, a_quote, an_option_leg, an_order, held, put
from bot.tests.planners.wheel_scene import (
    PUT_385,
    call_chain,
    holdings_of,
    option_quote,
    params,
    planned,
    put_chain,
    scene,
    some_books,
    the_intent,
    the_note,
)

MINUTE = timedelta(minutes=1)
ITM = put("XLF", date(2026, 11, 20), "41")


def in_its_slot(follow_up: int = 1, **given: Any) -> Snapshot:
    """An entry put in the book by the tick of this very slot, a minute ago."""
    facts: dict[str, Any] = {"slot": NOON, "planned_at": NOON - MINUTE, "limit_price": D("0.53")} | given
    order = an_order(PUT_385, **facts)
    quotes = (option_quote(PUT_385, "0.50", "0.56", delta=-0.25),)
    return scene(put_chain(), quotes=quotes, own_orders=(order,), follow_up=follow_up)


def asked(snapshot: Snapshot, given: WheelParams | None = None) -> tuple[list[ChainRequest], list[str]]:
    found = PLANNER.needs(holdings_of(snapshot), given or params(), snapshot.at)
    chains = [one for one in found if isinstance(one, ChainRequest)]
    return chains, [name for one in found if isinstance(one, QuotesRequest) for name in one.symbols]


def test_a_follow_up_reprices_an_order_of_its_own_slot_by_one_step() -> None:
    intent = the_intent(in_its_slot())
    assert (intent.step, intent.limit_price) == (1, D("0.52"))
    assert intent.replaces == in_its_slot().own_orders[0].client_order_id


def test_the_tick_of_the_slot_itself_leaves_that_order_alone() -> None:
    assert "one step a tick" in the_note(in_its_slot(follow_up=0), "put").reason


def test_an_order_planned_in_this_very_tick_does_not_move_again() -> None:
    assert not planned(in_its_slot(planned_at=NOON)).intents


def test_an_order_that_is_being_cancelled_or_not_yet_accepted_waits() -> None:
    for status in ("pending_new", "pending_replace", "pending_cancel"):
        assert not planned(in_its_slot(status=status)).intents


def test_a_follow_up_withdraws_what_is_no_longer_wanted() -> None:
    intent = the_intent(replace(in_its_slot(), halt=Halt(level="no_new_risk")))
    assert (intent.action, intent.purpose) == ("cancel", "cancel_stale")


def test_a_follow_up_writes_no_new_put_and_asks_for_no_chain() -> None:
    free = scene(put_chain())
    assert planned(free).intents
    assert asked(free)[0]
    assert not planned(replace(free, follow_up=1)).intents
    assert asked(replace(free, follow_up=1)) == ([], [])


def test_a_follow_up_writes_no_new_call() -> None:
    books = some_books(lots=(a_lot(),))
    shares = scene(call_chain(), positions=(held("XLF", "100", price="40"),), books=books)
    assert [intent.purpose for intent in planned(shares).intents] == ["covered_call"]
    assert not planned(replace(shares, follow_up=2)).intents
    assert asked(replace(shares, follow_up=2))[0] == []


def test_a_follow_up_watches_its_working_order_by_quotes_alone() -> None:
    assert asked(in_its_slot()) == ([], ["XLF", PUT_385])


def test_a_follow_up_still_takes_a_profit_that_has_come() -> None:
    leg = an_option_leg(PUT_385, credit="1.00")
    snapshot = scene(
        quotes=(option_quote(PUT_385, "0.30", "0.34"),), positions=(held(PUT_385, "-1"),),
        books=some_books(legs=(leg,)), follow_up=1,
    )  # fmt: skip
    assert the_intent(snapshot).purpose == "take_profit"


def test_an_exit_that_may_roll_asks_for_its_chain_in_a_follow_up_too() -> None:
    legs = (an_option_leg(ITM, credit="0.80"),)
    snapshot = scene(positions=(held(ITM, "-1"),), books=some_books(legs=legs), follow_up=1)
    chains, quotes = asked(snapshot)
    assert [(one.underlying, one.right) for one in chains] == [("XLF", "put")]
    assert ITM in quotes


def rolling(follow_up: int, *orders: Any) -> Snapshot:
    roll = Roll(
        id="r1", underlying="XLF", right="put", old_symbol=ITM, old_strike=D(41), qty=D(1), strategy="wheel",
        cycle="c1", chain="l1", rolls=1, stage="opening", budget=D(30), ticks_left=8, started_at=NOON - MINUTE,
    )  # fmt: skip
    return scene(
        put_chain(), quotes=(option_quote(PUT_385, "0.50", "0.56"),), books=some_books(rolls=(roll,)),
        own_orders=orders, follow_up=follow_up,
    )  # fmt: skip


def test_a_roll_opens_in_a_slot_and_not_in_a_follow_up() -> None:
    """wheel 1.5: its tries are counted by slots."""
    assert [one.purpose for one in planned(rolling(0)).intents] == ["roll_open"]
    assert asked(rolling(0))[0]
    assert "opens in the next slot" in the_note(rolling(1), "roll").reason
    assert not planned(rolling(1)).intents
    assert asked(rolling(1))[0] == []


def test_the_working_opening_leg_of_a_roll_is_repriced_in_a_follow_up() -> None:
    order = an_order(
        PUT_385, purpose="roll_open", roll="r1", slot=NOON, planned_at=NOON - MINUTE, limit_price=D("0.53")
    )  # fmt: skip
    assert not planned(rolling(0, order)).intents
    intent = the_intent(rolling(1, order))
    assert (intent.purpose, intent.roll, intent.limit_price) == ("roll_open", "r1", D("0.52"))


def test_the_owners_sale_walks_its_ladder_in_follow_ups() -> None:
    said = Instruction(contract="XLF", word="close", at=NOON - MINUTE, author="owner")
    order = an_order(
        "XLF", "sell_to_close", "100", purpose="owner_close", key="lot-lot-XLF", lot="lot-XLF", limit_price=D("40.01"),
        slot=NOON, planned_at=NOON - MINUTE,
    )  # fmt: skip
    snapshot = scene(
        positions=(held("XLF", "100"),), own_orders=(order,), books=some_books(lots=(a_lot(),), instructions=(said,)),
    )  # fmt: skip
    wide = replace(snapshot, quotes=(a_quote("XLF", "39.97", "40.05"),))
    assert owner_plan(wide, OwnerParams()).intents == ()
    (intent,) = owner_plan(replace(wide, follow_up=1), OwnerParams()).intents
    assert (intent.step, intent.replaces) == (1, order.client_order_id)
    fresh = replace(wide, follow_up=1, own_orders=(replace(order, planned_at=NOON),))
    assert owner_plan(fresh, OwnerParams()).intents == ()
