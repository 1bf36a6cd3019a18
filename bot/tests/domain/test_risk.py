"""The most an order can lose, the loss of the book at -20 %, and what reduces risk."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.claims import Claim
from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Books
from bot.domain.orders import OrderIntent, leg
from bot.domain.risk import closable, is_protective, loss_max, reduces_risk, stress_loss, stress_of_order
from bot.domain.snapshot import Mark
from bot.tests.builders import NOON, a_lot, a_quote, a_snapshot, an_intent, an_order, call, held, put

D = Decimal
EXPIRY = date(2026, 12, 18)
PUT = put("XLF", EXPIRY, "38")
PUT_LOW = put("XLF", EXPIRY, "36")
CALL = call("XLF", EXPIRY, "42")
CALL_HIGH = call("XLF", EXPIRY, "44")


def several(*legs: tuple[str, str], limit: str, qty: str = "1", ratios: tuple[int, ...] = ()) -> OrderIntent:
    counts = ratios or (1,) * len(legs)
    made = tuple(leg(symbol, word, count) for (symbol, word), count in zip(legs, counts, strict=True))
    return an_intent(legs[0][0], legs=made, qty=qty, limit_price=D(limit))


SELL, BUY = "sell_to_open", "buy_to_open"


@pytest.mark.parametrize(
    ("intent", "loss"),
    [
        (an_intent(PUT, qty="2"), D(7480)),  # (38 - 0.60) x 100 x 2
        (an_intent(CALL), D(0)),
        (an_intent(PUT, BUY), D(60)),
        (an_intent("XLF", BUY, "10", limit_price=D(40)), D(400)),
        (an_intent("XLF", BUY, "10", order_type="market", limit_price=None), D(410)),
        (an_intent(PUT, "buy_to_close"), D(0)),
        (an_intent("XLF", "sell_to_close", "100"), D(0)),
        (several((PUT, SELL), (PUT_LOW, BUY), limit="-0.45", qty="3"), D(465)),  # (2.00 - 0.45) x 300
        (several((CALL, SELL), (CALL_HIGH, BUY), limit="-0.45"), D(155)),
        (several((PUT, BUY), (PUT_LOW, SELL), limit="0.80"), D(80)),
        (several((PUT, SELL), (PUT_LOW, BUY), (CALL, SELL), (CALL_HIGH, BUY), limit="-0.90"), D(110)),
        (several((PUT, SELL), (PUT_LOW, BUY), limit="-2.10"), D(0)),
    ],
)
def test_the_most_an_order_can_lose(intent: OrderIntent, loss: Decimal) -> None:
    """Formula 2.18"""
    assert loss_max(intent, D(41)) == loss


@pytest.mark.parametrize(
    "intent",
    [
        an_intent("XLF", SELL, "100"),
        an_intent("XLF", BUY, "10", order_type="market", limit_price=None),
        an_intent(PUT, order_type="market", limit_price=None),
        several((PUT, SELL), (put("XLF", date(2027, 1, 15), "36"), BUY), limit="-0.45"),
        several((CALL, SELL), (CALL_HIGH, BUY), limit="-0.45", ratios=(2, 1)),
        several((PUT, "buy_to_close"), (PUT_LOW, SELL), limit="0.10"),
        several(("XLF", BUY), (CALL, SELL), limit="39"),
        several((PUT, SELL), (put("GLD", EXPIRY, "36"), BUY), limit="-0.45"),
    ],
)
def test_a_shape_nobody_has_measured_has_no_known_loss(intent: OrderIntent) -> None:
    """Design 7"""
    assert loss_max(intent, None) is None


def test_stress_is_the_fall_of_the_book_at_four_fifths() -> None:
    """100 shares from 40 to 32: 800. A put of 38 marked at 0.50 is worth 6: 550. A call marked at 0.30 falls to 0."""
    snapshot = a_snapshot(
        positions=(held("XLF", "100"), held(PUT, "-1"), held(CALL, "-1")),
        quotes=(a_quote("XLF"),),
        marks=(Mark(symbol=PUT, price=D("0.50"), source="mid"), Mark(symbol=CALL, price=D("0.30"), source="mid")),
    )
    assert stress_loss(snapshot) == D(800) + D(550) - D(30)


def test_working_orders_count_in_stress_as_filled_and_gains_of_theirs_do_not() -> None:
    orders = (an_order(PUT, limit_price=D("0.60")), an_order(CALL), an_order(PUT_LOW, "buy_to_close"))
    assert stress_loss(a_snapshot(quotes=(a_quote("XLF"),), own_orders=orders)) == D(540)  # (6.00 - 0.60) x 100


def test_a_long_put_softens_the_fall() -> None:
    marks = (Mark(symbol=PUT, price=D("0.50"), source="mid"), Mark(symbol=PUT_LOW, price=D("0.20"), source="mid"))
    snapshot = a_snapshot(positions=(held(PUT, "-1"), held(PUT_LOW, "1")), quotes=(a_quote("XLF"),), marks=marks)
    assert stress_loss(snapshot) == D(550) - D(380)


def test_without_a_price_options_count_at_their_worst_and_shares_are_unknown() -> None:
    assert stress_loss(a_snapshot(positions=(held(PUT, "-1"),))) == D(3800)
    assert stress_loss(a_snapshot(positions=(held("XLF", "100"),))) is None
    assert stress_loss(a_snapshot(own_orders=(an_order(PUT),))) is None
    assert stress_of_order(an_intent(PUT), D(1), None) is None


def test_stress_of_new_orders() -> None:
    assert stress_of_order(an_intent(PUT), D(2), D(40)) == D(1080)
    assert stress_of_order(an_intent("XLF", BUY, limit_price=D(41)), D(10), D(40)) == D(90)
    assert stress_of_order(an_intent(CALL, limit_price=D("0.70")), D(1), D(40)) == D(-70)
    spread = several((PUT, SELL), (PUT_LOW, BUY), limit="-0.45")
    assert stress_of_order(spread, D(1), D(40)) == D(155)


STOP = an_order("XLF", "sell_to_close", "100", order_type="trailing_stop", client_order_id="s1")
OPENING = an_order(PUT_LOW, client_order_id="w1")
CLOSING = an_order(PUT, "buy_to_close", client_order_id="c1")


def a_cancel(order_id: str) -> OrderIntent:
    return an_intent(
        PUT, action="cancel", legs=(), qty="0", limit_price=None, replaces=order_id, purpose="cancel_stale"
    )


@pytest.mark.parametrize(
    ("intent", "orders", "answer"),
    [
        (an_intent(PUT, "buy_to_close", "2"), (), True),
        (an_intent(PUT, "buy_to_close", "3"), (), False),
        (an_intent(PUT_LOW, "buy_to_close"), (), False),
        (an_intent(PUT, "buy_to_close", "1"), (CLOSING,), True),
        (an_intent(PUT, "buy_to_close", "2"), (CLOSING,), False),
        (an_intent(PUT, "buy_to_close", "2", replaces="c1"), (CLOSING,), True),
        (an_intent(PUT, "buy_to_close", purpose="covered_call"), (), True),
        (an_intent(PUT, purpose="take_profit"), (), False),
        (an_intent(CALL, purpose="covered_call"), (), False),
        (an_intent("XLF", "sell_to_close", "100"), (), True),
        (an_intent("XLF", "sell_to_close", "101"), (), False),
        (an_intent("XLF", "sell_to_close", "1"), (STOP,), False),
        (an_intent("XLF", "sell_to_close", "100", replaces="s1"), (STOP,), True),
        (an_intent("XLF", "sell_to_close", "50", replaces="s1"), (STOP,), False),
        (an_intent(PUT, "buy_to_close", replaces="s1"), (STOP,), False),
        (an_intent("XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent=D(10)), (), True),
        (an_intent("XLF", "buy_to_close", "100"), (), False),
        (a_cancel("w1"), (OPENING,), True),
        (a_cancel("s1"), (STOP,), False),
        (a_cancel("c1"), (CLOSING,), False),
        (a_cancel("w1"), (), False),
        (an_intent(PUT, legs=()), (), False),
    ],
)
def test_risk_reduction_is_computed_and_never_claimed(intent: OrderIntent, orders: Any, answer: bool) -> None:
    """Design 7: two short puts and two hundred shares under one short call."""
    snapshot = a_snapshot(
        positions=(held(PUT, "-2"), held("XLF", "200"), held(CALL, "-1")),
        own_orders=orders,
        books=Books(lots=(a_lot(qty="200"),)),
    )
    assert reduces_risk(intent, snapshot) is answer


def test_what_this_tick_closes_already_is_not_closed_twice() -> None:
    snapshot = a_snapshot(positions=(held(PUT, "-2"), held("XLF", "100")))
    accepted = [Claim("XLF", closing=((PUT, D(1)),)), Claim("XLF", shares=D(100), closing=(("XLF", D(100)),))]
    assert closable(snapshot, PUT, accepted) == 1
    assert reduces_risk(an_intent(PUT, "buy_to_close"), snapshot, accepted)
    assert not reduces_risk(an_intent(PUT, "buy_to_close", "2"), snapshot, accepted)
    assert not reduces_risk(an_intent("XLF", "sell_to_close"), snapshot, accepted)


def test_foreign_positions_are_not_ours_to_close() -> None:
    snapshot = a_snapshot(positions=(held(PUT, "-2", "foreign"),))
    assert not reduces_risk(an_intent(PUT, "buy_to_close"), snapshot)


def test_selling_the_long_side_of_a_spread_alone_reduces_nothing() -> None:
    snapshot = a_snapshot(positions=(held(PUT, "-1"), held(PUT_LOW, "1")))
    assert not reduces_risk(an_intent(PUT_LOW, "sell_to_close"), snapshot)
    whole = several((PUT, "buy_to_close"), (PUT_LOW, "sell_to_close"), limit="0.40")
    assert reduces_risk(whole, snapshot)
    assert reduces_risk(an_intent(PUT_LOW, "sell_to_close"), a_snapshot(positions=(held(PUT_LOW, "1"),)))


def test_only_a_stop_that_closes_protects() -> None:
    assert is_protective(STOP)
    assert not is_protective(CLOSING)
    assert not is_protective(OPENING)


def test_foreign_orders_and_only_live_ones_count_in_stress() -> None:
    facts: dict[str, Any] = {
        "broker_order_id": "b9", "client_order_id": "by-hand", "legs": (leg(PUT, SELL),), "qty": D(2),
        "filled_qty": D(1), "order_type": "limit", "limit_price": D("0.60"), "time_in_force": "day",
        "submitted_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    orders = (BrokerOrder(**facts, status="new"), BrokerOrder(**facts | {"qty": D(9)}, status="canceled"))
    snapshot = a_snapshot(
        quotes=(a_quote("XLF"),), foreign_orders=orders, own_orders=(an_order(PUT, state="done"), CLOSING)
    )
    assert stress_loss(snapshot) == D(540)
    assert stress_loss(a_snapshot(foreign_orders=orders)) is None


def test_an_order_that_has_ended_is_nobodys_predecessor() -> None:
    done = an_order(PUT_LOW, client_order_id="w1", state="done")
    assert not reduces_risk(a_cancel("w1"), a_snapshot(own_orders=(done,)))
    assert not reduces_risk(a_cancel("w2"), a_snapshot(own_orders=(OPENING,)))
