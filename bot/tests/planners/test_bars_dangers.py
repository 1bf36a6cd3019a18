"""What costs a strategy on bars real money: bad quotes at its stop, one bar bought on twice, both sides at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Books, Counters, Opening
from bot.domain.market import Bars
from bot.gates import judge
from bot.gates.case import Case
from bot.tests.builders import NOON, a_desk, a_lot, a_quote, an_order
from bot.tests.planners.test_bars import DOWN, UP, UP_LONG, closes, holding, only, params, planned, scene

D = Decimal


def stopped_at(bid: str | None, ask: str | None, **quoted: Any) -> Any:
    """Plan with a lot bought at 12.50 and a stop of 5 %: at 11.875."""
    lot = holding(a_lot(basis="12.50", strategy="cross"))
    quote = replace(a_quote("XLF", bid, ask), **quoted)
    return planned(scene(UP_LONG, quotes=(quote,), **lot), params(stop_percent=D(5)))


@pytest.mark.parametrize(("bid", "ask"), [("11.86", "11.88"), ("11.50", "12.05"), ("8", "11.80")])
def test_a_stop_sells_where_the_quote_is_narrow_or_its_ask_is_there_too(bid: str, ask: str) -> None:
    (intent,) = stopped_at(bid, ask).intents
    assert intent.order_type == "market"


@pytest.mark.parametrize(("bid", "ask"), [("0.01", "12.60"), ("11.50", "12.40"), ("0.01", "200"), ("11", None)])
def test_a_bid_that_nobody_stands_behind_sells_nothing_and_is_told(bid: str, ask: str | None) -> None:
    plan = stopped_at(bid, ask)
    assert plan.intents == ()
    assert "wider than the stop is far, or has no ask" in plan.notes[0].reason


def test_a_signal_that_wants_out_still_sells_by_its_own_order_where_the_stop_is_not_believed() -> None:
    facts = holding(a_lot(basis="12.50", strategy="cross"))
    intent = only(scene(DOWN, quotes=(a_quote("XLF", "11.50", "12.40"),), **facts), params(stop_percent=D(5)))
    assert (intent.order_type, intent.reason) == ("limit", "the ma_cross signal wants out")


def test_nothing_is_sold_at_the_market_while_trading_is_halted() -> None:
    plan = stopped_at("11.50", "11.52", halted=True)
    assert (plan.intents, plan.notes[0].reason[:20]) == ((), "trading in it is hal")


def intraday(start: timedelta) -> Bars:
    """Quarter hours that turn up on the last one, which starts so long before noon."""
    quarter = timedelta(minutes=15)
    found = closes(UP).bars
    first = NOON - start - quarter * (len(found) - 1)
    return Bars(
        symbol="XLF", step="15min", bars=tuple(replace(one, at=first + quarter * n) for n, one in enumerate(found)),
        source="test",
    )  # fmt: skip


@pytest.mark.parametrize(("sent_before", "trips", "buys"), [(10, 1, False), (10, 0, True), (40, 1, True)])
def test_a_bar_that_was_bought_on_and_sold_again_is_not_bought_on_twice(
    sent_before: int, trips: int, buys: bool
) -> None:
    sent = NOON - timedelta(minutes=sent_before)
    opened = Opening(underlying="XLF", at=sent, since=sent, shares=D(10), price=D("12.01"))
    counters = Counters(openings=(opened,), round_trips=(("XLF", trips),) if trips else ())
    books = Books(counters=counters)
    plan = planned(scene(bars=(intraday(timedelta(minutes=30)),), books=books), params(step="15min"))
    assert bool(plan.intents) is buys
    if not buys:
        assert plan.notes[0].reason == "it was bought on this bar and sold again: the next bar decides anew"
    whole = planned(scene(books=books), params())  # yesterday's bar: whatever was sent today was sent after it
    assert bool(whole.intents) is (trips == 0)


@pytest.mark.parametrize(("days", "buys"), [(0, True), (4, True), (5, False), (30, False)])
def test_nothing_is_bought_on_bars_whose_source_has_stopped(days: int, buys: bool) -> None:
    late = closes(UP)
    late = replace(late, bars=tuple(replace(one, at=one.at - timedelta(days=days)) for one in late.bars))
    plan = planned(scene(bars=(late,)))
    assert bool(plan.intents) is buys
    assert buys or "too old to buy on" in plan.notes[0].reason


def test_anothers_purchase_is_taken_back_before_a_stop_sells_for_no_broker_takes_both_sides() -> None:
    buying = an_order(
        "XLF", "buy_to_open", "10", strategy="other", purpose="open", key="XLF", client_order_id="b2",
        limit_price=D("11.50"),
    )  # fmt: skip
    given = params(stop_percent=D(4))
    quotes = (a_quote("XLF", "11.98", "12.00"),)
    snapshot = scene(UP_LONG, own_orders=(buying,), quotes=quotes, **holding(a_lot(basis="12.50", strategy="cross")))
    gone, sale = planned(snapshot, given).intents
    assert (gone.action, gone.replaces, sale.purpose) == ("cancel", "b2", "close")
    verdicts = judge([gone, sale], Case(snapshot=snapshot, desk=a_desk("XLF", bars=((1, True, given),))))
    assert [one.approved for one in verdicts] == [True, True]
    going = replace(buying, status="pending_cancel")
    (sale,) = planned(replace(snapshot, own_orders=(going,)), given).intents
    assert sale.purpose == "close"


def test_a_purchase_half_filled_is_taken_back_before_its_shares_are_sold_at_their_stop() -> None:
    buying = an_order(
        "XLF", "buy_to_open", "100", strategy="cross", purpose="open", key="XLF", client_order_id="b1",
        limit_price=D("12.50"), filled_qty=D(40),
    )  # fmt: skip
    given = params(stop_percent=D(4))
    facts = holding(a_lot(qty="40", basis="12.50", strategy="cross"))
    snapshot = scene(UP_LONG, own_orders=(buying,), quotes=(a_quote("XLF", "11.98", "12.00"),), **facts)
    gone, sale = planned(snapshot, given).intents
    assert (gone.action, gone.replaces, sale.order_type, sale.qty) == ("cancel", "b1", "market", D(40))
    verdicts = judge([gone, sale], Case(snapshot=snapshot, desk=a_desk("XLF", bars=((1, True, given),))))
    assert [(one.intent.action, one.approved) for one in verdicts] == [("cancel", True), ("submit", True)]


def test_a_purchase_without_shares_still_follows_the_ask() -> None:
    buying = an_order(
        "XLF", "buy_to_open", "10", strategy="cross", purpose="open", key="XLF", limit_price=D("11.90")
    )  # fmt: skip
    assert only(scene(UP_LONG, own_orders=(buying,))).limit_price == D("12.01")
