"""Working entries: one concession a tick, never back, never below what pays; withdrawn when unwanted (wheel 2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Counters, Halt, Pause
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot
from bot.tests.builders import NOON, D, a_lot, a_quote, an_order, call, held, some_events
from bot.tests.planners.wheel_scene import (
    CALL_415,
    NEAR,
    PUT_385,
    option_quote,
    params,
    planned,
    scene,
    some_books,
    the_intent,
    the_note,
)


def working(bid: str | None = "0.50", ask: str | None = "0.56", delta: float | None = -0.25, **given: Any) -> Snapshot:
    order = an_order(PUT_385, **({"limit_price": D("0.53")} | given))
    return scene(quotes=(option_quote(PUT_385, bid, ask, delta=delta),), own_orders=(order,))


def withdrawal(snapshot: Snapshot, given: Any = None) -> OrderIntent:
    intent = the_intent(snapshot, given)
    assert (intent.purpose, intent.action, intent.legs) == ("cancel_stale", "cancel", ())
    assert intent.replaces == snapshot.own_orders[0].client_order_id
    return intent


def test_an_unfilled_entry_is_repriced_one_step_along() -> None:
    order = working().own_orders[0]
    intent = the_intent(working())
    assert (intent.purpose, intent.key, intent.replaces) == (order.purpose, order.key, order.client_order_id)
    assert (intent.step, intent.limit_price, intent.qty) == (1, D("0.52"), D(1))


def test_the_steps_end_at_natural_and_stay_there() -> None:
    limits = [the_intent(working(step=k, limit_price=D("0.53"))).limit_price for k in range(3)]
    assert limits == [D("0.52"), D("0.51"), D("0.50")]
    assert "the last step" in the_note(working(step=3, limit_price=D("0.50")), "put").reason


def test_only_what_is_left_is_repriced() -> None:
    assert the_intent(working(qty="3", filled_qty=D(1))).qty == 2


def test_within_its_own_slot_an_order_is_left_alone() -> None:
    assert not planned(working(slot=scene().slot)).intents
    assert the_note(working(slot=scene().slot), "put").reason == "works at 0.53: one step a tick"


def test_a_price_is_never_taken_back() -> None:
    """The market rose: the old limit is the better offer to it already."""
    plan = planned(working(bid="0.60", ask="0.66"))
    assert not plan.intents


def test_in_a_market_a_cent_wide_the_step_that_concedes_is_taken() -> None:
    intent = the_intent(working(bid="0.52", ask="0.53"))
    assert (intent.step, intent.limit_price) == (3, D("0.52"))


def test_a_limit_never_falls_below_the_minimum_credit_or_yield() -> None:
    """wheel 2.3 and 2.5"""
    intent = the_intent(working(step=2, limit_price=D("0.53")), params(credit_min=D("0.52")))
    assert intent.limit_price == D("0.52")
    least = D("0.515") / D("38.5") * 365 / 36
    intent = the_intent(working(step=2, limit_price=D("0.53")), params(put_yield_min=least))
    assert intent.limit_price == D("0.52")


def test_an_entry_whose_mid_no_longer_pays_is_withdrawn() -> None:
    assert "no longer pays" in withdrawal(working(), params(credit_min=D("0.54"))).reason


@pytest.mark.parametrize(("delta", "gone"), [(-0.35, False), (-0.13, False), (-0.3501, True), (-0.1299, True)])
def test_an_entry_whose_delta_left_the_band_by_far_is_withdrawn(delta: float, gone: bool) -> None:
    intent = the_intent(working(delta=delta))
    assert (intent.purpose == "cancel_stale") is gone


def test_a_missing_delta_is_worked_out_from_the_mid() -> None:
    assert the_intent(working(delta=None)).purpose == "cash_secured_put"
    sunk = replace(working(delta=None), quotes=(a_quote("XLF", "37.0", "37.02"), *working(delta=None).quotes[1:]))
    rich = replace(sunk, quotes=(sunk.quotes[0], option_quote(PUT_385, "1.90", "1.96")))
    assert "has left the band" in withdrawal(rich).reason


def test_an_entry_is_withdrawn_when_a_halt_pause_or_the_owner_stands_against_it() -> None:
    assert "halt no_new_risk" in withdrawal(replace(working(), halt=Halt(level="no_new_risk"))).reason
    pause = Pause(symbol="XLF", until=NOON + timedelta(hours=1), reason="news")
    assert "paused" in withdrawal(replace(working(), books=some_books(pauses=(pause,)))).reason
    shares = replace(working(), positions=(held("XLF", "100"),))
    assert any(one.purpose == "cancel_stale" for one in planned(shares).intents)
    halted = replace(working(), quotes=(a_quote("XLF", halted=True), *working().quotes[1:]))
    assert "halted" in withdrawal(halted).reason
    assert "left the universe" in withdrawal(working(), params("SLV")).reason


def test_an_entry_being_cancelled_or_unresolved_is_not_touched() -> None:
    untouched: tuple[dict[str, Any], ...] = ({"status": "pending_cancel"}, {"state": "unknown"}, {"state": "sending"})
    for given in untouched:
        assert not planned(working(**given)).intents


def test_without_a_valid_quote_an_entry_stays() -> None:
    assert "stays at 0.53" in the_note(working(bid=None), "put").reason


def test_outside_the_entry_window_or_beyond_the_days_orders_an_entry_stays() -> None:
    late = replace(working(), at=datetime(2026, 11, 18, 20, 50, tzinfo=UTC))
    assert not planned(late).intents
    assert any("stays at 0.53: too near the close" in note.reason for note in planned(late).notes)
    spent = replace(working(), books=some_books(counters=Counters(orders_today=10)))
    assert not planned(spent).intents


def test_another_strategys_entry_is_not_touched() -> None:
    assert not planned(working(strategy="other")).intents


def working_call(**given: Any) -> Snapshot:
    order = an_order(CALL_415, purpose="covered_call", limit_price=D("0.42"), lot="lot-XLF", cycle="cycle-XLF")
    facts: dict[str, Any] = {
        "quotes": (option_quote(CALL_415, "0.38", "0.44", delta=0.25),), "own_orders": (order,),
        "positions": (held("XLF", "100"),), "books": some_books(lots=(a_lot(basis="39"),)),
    }  # fmt: skip
    return scene(**(facts | given))


def test_a_working_call_is_repriced_on_its_lot() -> None:
    intent = the_intent(working_call())
    assert (intent.purpose, intent.limit_price, intent.lot, intent.cycle) == (
        "covered_call", D("0.40"), "lot-XLF", "cycle-XLF",
    )  # fmt: skip


def test_a_working_call_whose_shares_are_gone_or_taken_is_withdrawn() -> None:
    assert "shares are gone" in withdrawal(working_call(positions=(held("XLF", "99"),))).reason
    taken = (held("XLF", "100"), held(call("XLF", NEAR, "43"), "-1"))
    assert "under another call" in withdrawal(working_call(positions=taken)).reason


def test_a_working_call_is_withdrawn_when_its_dividends_become_unknown() -> None:
    events = (some_events("XLF", dividend_status="unknown"),)
    assert "ex-dividend" in withdrawal(working_call(events=events)).reason


def test_a_working_call_survives_no_new_risk_where_calls_are_allowed() -> None:
    assert the_intent(working_call(halt=Halt(level="no_new_risk"))).purpose == "covered_call"
    assert withdrawal(working_call(halt=Halt(level="reduce_only")))
