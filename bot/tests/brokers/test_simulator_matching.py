"""How a resting order meets one quote: far side, passive fills, stops, sizes, several legs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.brokers.simulator_matching import (
    PASSIVE_AT_FAR,
    PASSIVE_AT_MID,
    Resting,
    draw,
    meet,
    passive_chance,
    trailing_stop_price,
)
from bot.domain.holdings import BrokerOrder
from bot.domain.market import Quote
from bot.domain.orders import leg
from bot.domain.sessions import add_sessions, new_york_day
from bot.tests.brokers.tape import OPEN
from bot.tests.builders import a_quote, put

D = Decimal
SOON = add_sessions(new_york_day(OPEN), 20)
HIGH, LOW = put("XLF", SOON, "40"), put("XLF", SOON, "35")


def resting(*legs: tuple[str, str], qty: str = "1", **given: Any) -> Resting:
    facts: dict[str, Any] = {
        "broker_order_id": "b-1", "client_order_id": "c-1", "qty": D(qty), "filled_qty": D(0), "status": "new",
        "legs": tuple(leg(symbol, intent) for symbol, intent in legs), "time_in_force": "gtc",
        "order_type": "limit", "submitted_at": OPEN, "updated_at": OPEN,
    }  # fmt: skip
    return Resting(order=BrokerOrder(**(facts | given)), sequence=1)


def filled(one: Resting, *quotes: Quote) -> Any:
    return meet(one, {quote.symbol: quote for quote in quotes}, "SIM-1")


def test_a_purchase_takes_the_ask_and_a_sale_the_bid() -> None:
    quote = a_quote("XLF", "39.98", "40.02")
    assert filled(resting(("XLF", "buy_to_open"), limit_price=D("40.10")), quote).price == D("40.02")
    assert filled(resting(("XLF", "sell_to_close"), limit_price=D("39.90")), quote).price == D("39.98")
    assert filled(resting(("XLF", "sell_to_close"), order_type="market"), quote).price == D("39.98")


def test_a_limit_worse_than_the_mid_never_fills() -> None:
    quotes = [a_quote(HIGH, "1.00", "1.10", at=OPEN + timedelta(minutes=n)) for n in range(400)]
    one = resting((HIGH, "sell_to_open"), limit_price=D("1.06"))
    assert not any(filled(one, quote).executions for quote in quotes)


def test_a_limit_at_the_mid_fills_sometimes_and_at_its_own_price() -> None:
    """Over 2,000 minutes close to the stated chance of 2 % a minute; never at another price."""
    one = resting((HIGH, "sell_to_open"), limit_price=D("1.05"))
    met = [filled(one, a_quote(HIGH, "1.00", "1.10", at=OPEN + timedelta(minutes=n))) for n in range(2_000)]
    prices = [meeting.price for meeting in met if meeting.executions]
    assert set(prices) == {D("1.05")}
    assert 20 <= len(prices) <= 65


def test_the_passive_chance_grows_towards_the_far_side() -> None:
    chances = [passive_chance(D(limit), D("1.05"), D("1.10"), True) for limit in ("1.04", "1.05", "1.07", "1.10")]
    assert chances == sorted(chances)
    assert (chances[0], chances[1], chances[3]) == (0.0, PASSIVE_AT_MID, PASSIVE_AT_FAR)


def test_two_quotes_of_one_minute_share_their_chance() -> None:
    one = resting((HIGH, "sell_to_open"), limit_price=D("1.05"))
    for minute in range(200):
        at = OPEN + timedelta(minutes=minute)
        first = filled(one, a_quote(HIGH, "1.00", "1.10", at=at)).executions
        assert filled(one, a_quote(HIGH, "1.00", "1.10", at=at + timedelta(seconds=59))).executions == first


@pytest.mark.parametrize(
    "quote",
    [
        a_quote("XLF", "39.99", "40.01", halted=True),
        a_quote("XLF", "40.02", "40.01"),
        a_quote("XLF", "40.01", "40.01"),
        a_quote("XLF", None, None),
        a_quote("XLF", "0", "40.01"),
    ],
)
def test_a_halted_crossed_or_empty_quote_sells_nothing(quote: Quote) -> None:
    assert not filled(resting(("XLF", "sell_to_close"), order_type="market"), quote).executions


def test_a_series_without_a_bid_can_still_be_bought_back() -> None:
    one = resting((HIGH, "buy_to_close"), limit_price=D("0.05"))
    assert filled(one, a_quote(HIGH, None, "0.05")).price == D("0.05")
    assert filled(one, a_quote(HIGH, "0", "0.05")).price == D("0.05")


def test_a_fill_takes_no_more_than_the_displayed_size() -> None:
    one = resting((HIGH, "sell_to_open"), qty="5", limit_price=D("1.00"))
    meeting = filled(one, a_quote(HIGH, "1.00", "1.10", bid_size=3, ask_size=9))
    assert (meeting.units, meeting.executions[0].qty) == (D(3), D(3))
    assert not filled(one, a_quote(HIGH, "1.00", "1.10", bid_size=0)).executions


def test_a_sell_stop_waits_above_and_fills_at_the_quote_that_touches_it() -> None:
    one = resting(("XLF", "sell_to_close"), order_type="stop", stop_price=D("39.00"))
    assert not filled(one, a_quote("XLF", "39.01", "39.03")).executions
    assert filled(one, a_quote("XLF", "39.00", "39.02")).price == D("39.00")
    assert filled(one, a_quote("XLF", "31.00", "31.02")).price == D("31.00")


def test_a_stop_limit_becomes_a_limit_and_stays_one() -> None:
    one = resting(("XLF", "sell_to_close"), order_type="stop_limit", stop_price=D(39), limit_price=D("38.90"))
    gapped = filled(one, a_quote("XLF", "38.00", "38.02"))
    assert (gapped.executions, gapped.resting.triggered) == ((), True)
    assert filled(gapped.resting, a_quote("XLF", "39.50", "39.52")).price == D("39.50")


def test_a_trailing_stop_follows_the_highest_bid_and_never_falls() -> None:
    one = resting(("XLF", "sell_to_close"), order_type="trailing_stop", trail_percent=D(10))
    for bid, mark, stop in (("40", "40", "36.00"), ("44", "44", "39.60"), ("41", "44", "39.60")):
        one = filled(one, a_quote("XLF", bid, str(D(bid) + 1))).resting
        assert (one.order.high_water_mark, one.order.stop_price) == (D(mark), D(stop))
    assert filled(one, a_quote("XLF", "39.60", "39.70")).price == D("39.60")


def test_a_halted_spike_does_not_raise_the_mark() -> None:
    one = resting(("XLF", "sell_to_close"), order_type="trailing_stop", trail_percent=D(10), high_water_mark=D(40))
    assert filled(one, a_quote("XLF", "60", "61", halted=True)).resting is one


@given(st.decimals(1, 999, places=2), st.decimals(1, 50, places=1))
def test_a_trailing_stop_is_on_the_grid_and_below_the_mark(mark: Decimal, percent: Decimal) -> None:
    stop = trailing_stop_price(mark, percent)
    assert stop < mark
    assert stop % (D("0.01") if stop >= 1 else D("0.0001")) == 0


def spread(limit: str | None, qty: str = "1") -> Resting:
    one = resting((HIGH, "sell_to_open"), (LOW, "buy_to_open"), qty=qty)
    order_type = "market" if limit is None else "limit"
    price = None if limit is None else D(limit)
    return replace(one, order=replace(one.order, order_type=order_type, limit_price=price))


def test_a_spread_fills_whole_at_the_far_sides() -> None:
    high, low = a_quote(HIGH, "1.00", "1.10", bid_size=4), a_quote(LOW, "0.30", "0.36", ask_size=9)
    for limit in ("-0.64", "-0.60", None):
        meeting = filled(spread(limit, "5"), high, low)
        assert (meeting.units, meeting.price) == (D(4), D("-0.64"))
        assert [(e.leg.symbol, e.qty, e.price) for e in meeting.executions] == [
            (HIGH, D(4), D("1.00")),
            (LOW, D(4), D("0.36")),
        ]


def test_a_spread_never_fills_while_a_leg_is_halted() -> None:
    assert not filled(spread(None), a_quote(HIGH, "1.00", "1.10"), a_quote(LOW, "0.3", "0.4", halted=True)).executions


def test_a_passive_spread_fills_at_its_limit_to_the_cent() -> None:
    found = set()
    for minute in range(600):
        at = OPEN + timedelta(minutes=minute)
        quotes = a_quote(HIGH, "1.00", "1.11", at=at), a_quote(LOW, "0.30", "0.37", at=at)
        meeting = filled(spread("-0.69"), *quotes)
        if meeting.executions:
            sold, bought = meeting.executions
            assert bought.price - sold.price == meeting.price == D("-0.69")
            assert D("1.00") <= sold.price <= D("1.11")
            assert D("0.30") <= bought.price <= D("0.37")
            found.add(minute)
    assert found
    assert len(found) < 120


@given(
    st.tuples(st.integers(1, 300), st.integers(1, 60)), st.tuples(st.integers(1, 300), st.integers(1, 60)),
    st.integers(-400, 400),
)  # fmt: skip
def test_no_spread_ever_fills_worse_than_its_limit(one: tuple[int, int], two: tuple[int, int], limit: int) -> None:
    quotes = [
        a_quote(symbol, str(D(bid) / 100), str(D(bid + width) / 100))
        for symbol, (bid, width) in ((HIGH, one), (LOW, two))
    ]
    for number in range(8):
        order = spread(str(D(limit) / 100))
        order = replace(order, order=replace(order.order, broker_order_id=f"b-{number}"))
        meeting = filled(order, *quotes)
        if meeting.executions:
            assert meeting.price <= D(limit) / 100
            assert all(execution.price > 0 for execution in meeting.executions)


def test_chances_are_spread_evenly_and_replay() -> None:
    draws = [draw("x", str(number)) for number in range(2_000)]
    assert draws == [draw("x", str(number)) for number in range(2_000)]
    assert abs(sum(draws) / len(draws) - 0.5) < 0.03
    assert 0 <= min(draws) < max(draws) < 1
