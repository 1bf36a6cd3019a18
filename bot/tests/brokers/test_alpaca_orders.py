"""Alpaca's orders in the house's words: what is alive is read whole or not at all, what is new is named."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.brokers.alpaca_orders import BEGINNING, order_of, orders_of
from bot.domain.errors import BrokerUnreachable
from bot.domain.holdings import LIVE_STATUSES, TERMINAL_STATUSES
from bot.domain.orders import leg
from bot.tests.brokers.canned import CALL, LOWER_PUT, PUT, a_leg_answer, a_spread_answer, an_order_answer

D = Decimal


def test_a_share_order_is_read_whole() -> None:
    order = order_of(an_order_answer(position_intent="buy_to_open", filled_qty="4", filled_avg_price="39.48"))
    assert (order.broker_order_id, order.client_order_id, order.status) == ("b-1", "c-b-1", "new")
    assert order.legs == (leg("XLF", "buy_to_open"),)
    assert (order.qty, order.filled_qty, order.filled_avg_price) == (D(10), D(4), D("39.48"))
    assert (order.order_type, order.limit_price, order.time_in_force) == ("limit", D("39.50"), "day")
    assert order.submitted_at == datetime(2026, 11, 18, 14, 40, 0, 313261, tzinfo=UTC)
    assert order.updated_at == datetime(2026, 11, 18, 14, 40, 0, 337754, tzinfo=UTC)
    assert order.odd == ""


def test_a_multi_leg_order_is_one_order_with_its_legs_and_its_sign() -> None:
    (listed,) = orders_of(a_spread_answer())
    order = listed.order
    assert order.legs == (leg(PUT, "sell_to_open"), leg(LOWER_PUT, "buy_to_open"))
    assert (order.qty, order.limit_price, order.order_type) == (D(2), D("-1.25"), "limit")


def test_a_ratio_that_is_not_said_is_worked_out_from_the_quantities() -> None:
    legs = [a_leg_answer(PUT, "sell", "sell_to_open", None, qty="6"), a_leg_answer(LOWER_PUT, "buy", "buy_to_open", 1)]
    assert [one.ratio for one in order_of(a_spread_answer(legs=legs)).legs] == [3, 1]


def test_a_trailing_stop_shows_its_mark_and_its_stop() -> None:
    order = order_of(
        an_order_answer(
            side="sell", type="trailing_stop", limit_price=None, trail_percent="10", hwm="41.20", stop_price="37.08",
            time_in_force="gtc",
        )
    )  # fmt: skip
    assert (order.order_type, order.trail_percent, order.high_water_mark) == ("trailing_stop", D(10), D("41.20"))
    assert (order.stop_price, order.time_in_force) == (D("37.08"), "gtc")


@pytest.mark.parametrize("status", sorted(LIVE_STATUSES | TERMINAL_STATUSES))
def test_every_status_the_house_knows_is_alpacas_own_word(status: str) -> None:
    assert order_of(an_order_answer(status=status)).status == status


def test_other_spellings_are_brought_to_ours_and_new_words_stay_alive() -> None:
    assert order_of(an_order_answer(status="Cancelled")).terminal
    strange = order_of(an_order_answer(status="levitating"))
    assert (strange.status, strange.terminal) == ("levitating", False)
    assert not order_of(an_order_answer(status=None)).terminal


@pytest.mark.parametrize(
    ("side", "intent"), [("buy", "buy_to_open"), ("sell", "sell_to_close"), ("sell_short", "sell_to_open")]
)
def test_shares_without_an_intent_are_bought_to_open_and_sold_to_close(side: str, intent: str) -> None:
    order = order_of(an_order_answer(side=side))
    assert (order.legs[0].position_intent, order.odd) == (intent, "")


@pytest.mark.parametrize(("side", "intent"), [("buy", "buy_to_open"), ("sell", "sell_to_open")])
def test_an_option_without_an_intent_counts_as_opening_and_is_named(side: str, intent: str) -> None:
    order = order_of(an_order_answer(symbol=CALL, side=side))
    assert order.legs[0].position_intent == intent
    assert CALL in order.odd
    assert "counts as opening" in order.odd


def test_an_intent_is_believed_over_a_side_that_contradicts_it() -> None:
    order = order_of(an_order_answer(symbol=PUT, side="buy", position_intent="sell_to_open"))
    assert (order.legs[0].side, order.legs[0].position_intent) == ("sell", "sell_to_open")
    assert "contradicts" in order.odd


def test_new_types_and_times_are_taken_for_the_nearest_and_named() -> None:
    order = order_of(an_order_answer(type="iceberg", order_type="iceberg", time_in_force="ioc"))
    assert (order.order_type, order.time_in_force) == ("limit", "day")
    assert "'iceberg' is not known, taken for limit" in order.odd
    assert "'ioc' is not known, taken for day" in order.odd
    assert order_of(an_order_answer(type="x", limit_price=None)).order_type == "market"
    assert order_of(an_order_answer(type="x", limit_price=None, stop_price="9")).order_type == "stop"
    assert order_of(an_order_answer(type="x", stop_price="9")).order_type == "stop_limit"


def test_the_older_name_of_the_type_serves_where_the_newer_is_missing() -> None:
    assert order_of(an_order_answer(type=None, order_type="market", limit_price=None)).order_type == "market"


def test_an_order_by_amount_counts_for_what_it_may_spend() -> None:
    order = order_of(an_order_answer(qty=None, notional="500", type="market", limit_price=None))
    assert order.limit_price is not None
    assert order.qty * order.limit_price == 500
    assert "by amount" in order.odd


def test_nonsense_in_a_price_is_named_and_the_rest_is_read() -> None:
    order = order_of(an_order_answer(limit_price="NaN", hwm=[1]))
    assert (order.limit_price, order.high_water_mark, order.qty) == (None, None, D(10))
    assert "limit_price: expected a number, got 'NaN'" in order.odd


def several(legs: Any) -> dict[str, Any]:
    return {"symbol": "", "side": "", "order_class": "mleg", "legs": legs}


@pytest.mark.parametrize(
    "fault",
    [
        {"qty": None}, {"qty": "NaN"}, {"qty": "-5"}, {"symbol": None}, {"side": ""}, {"side": "hold"},
        several(None), several([5]), several([a_leg_answer(PUT, "sell", "sell_to_open", "1.5")]),
        several([a_leg_answer(PUT, "sell", "sell_to_open", 10**15)]),
        several([a_leg_answer(PUT, "sell", "sell_to_open", None, qty=None)]),
    ],
)  # fmt: skip
def test_what_is_alive_and_hides_what_it_trades_is_an_error_and_what_is_over_is_not(fault: dict[str, Any]) -> None:
    with pytest.raises(BrokerUnreachable, match="b-1"):
        order_of(an_order_answer(**fault))
    over = order_of(an_order_answer(status="expired", **fault))
    assert (over.terminal, over.odd) == (True, "")


def test_executions_are_never_guessed_down() -> None:
    with pytest.raises(BrokerUnreachable, match="filled_qty"):
        order_of(an_order_answer(filled_qty="some"))
    with pytest.raises(BrokerUnreachable, match="filled_qty"):
        order_of(an_order_answer(status="canceled", filled_qty="-1"))
    assert order_of(an_order_answer(status="filled", filled_qty=None)).filled_qty == 10
    assert order_of(an_order_answer(filled_qty=None)).filled_qty == 0


def test_the_newest_of_all_moments_is_when_it_changed() -> None:
    order = order_of(an_order_answer(status="canceled", updated_at=None, canceled_at="2026-11-18T15:00:00Z"))
    assert order.updated_at == datetime(2026, 11, 18, 15, tzinfo=UTC)
    bare = order_of(an_order_answer(updated_at="x", submitted_at=None))
    assert bare.submitted_at == bare.updated_at == datetime(2026, 11, 18, 14, 40, 0, 337711, tzinfo=UTC)


def test_an_order_without_any_moment_stands_at_the_beginning_and_says_so() -> None:
    order = order_of(an_order_answer(submitted_at=None, created_at=None, updated_at=None))
    assert order.submitted_at == order.updated_at == BEGINNING
    assert "no moment" in order.odd


def test_children_of_a_bracket_are_orders_of_their_own() -> None:
    stop = an_order_answer(id="b-2", side="sell", type="stop", limit_price=None, stop_price="35", status="held")
    found = [one.order for one in orders_of(an_order_answer(order_class="bracket", legs=[stop]))]
    assert [(one.broker_order_id, one.status) for one in found] == [("b-1", "new"), ("b-2", "held")]
    with pytest.raises(BrokerUnreachable, match="orders under it"):
        orders_of(an_order_answer(order_class="bracket", legs=["b-2"]))
