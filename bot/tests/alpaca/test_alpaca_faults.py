"""What the pretended Alpaca can do to an exchange, and what the adapter makes of it (design 11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.domain.errors import BrokerRefused, BrokerUnreachable, OutcomeUnknown, RefusalCode
from bot.tests.alpaca.hand import AlpacaHand

ORDERS = "/v2/orders$"
DEEP = b"[" * 100_000
HUGE = b'{"id": "' + b"x" * (17 * 1024 * 1024) + b'"}'


@pytest.fixture
def hand() -> Iterator[AlpacaHand]:
    hand = AlpacaHand()
    hand.world.quote("XLF", "39.99", "40.01")
    yield hand
    hand.close()


def send(hand: AlpacaHand) -> Any:
    return hand.send("XLF", "buy_to_open", "10", limit_price="39.00", id="desk-1")


@pytest.mark.parametrize(
    "how",
    [
        {"cut": True}, {"reset": True}, {"status": 504}, {"status": 502}, {"body": DEEP}, {"body": b"null"},
        {"body": HUGE}, {"body": b"<html></html>"}, {"change": lambda body: None}, {"drip": 0.9},
    ],
    ids=["accepted then dropped", "accepted then reset", "504 after accepting", "502 after accepting", "deep", "null",
         "huge", "malformed", "null order", "drip"],
)  # fmt: skip
def test_an_order_whose_answer_is_no_answer_is_unknown_and_there(hand: AlpacaHand, how: dict[str, Any]) -> None:
    hand.world.spoil(ORDERS, "POST", **how)
    with pytest.raises(OutcomeUnknown):
        send(hand)
    assert len(hand.world.requests("POST")) == 1, "sent once, whatever happens"
    assert hand.order("desk-1").client_order_id == "desk-1"


@pytest.mark.parametrize("how", [{"reset": True}, {"status": 503}], ids=["reset", "503"])
def test_an_order_that_was_not_carried_out_is_unknown_all_the_same(hand: AlpacaHand, how: dict[str, Any]) -> None:
    hand.world.spoil(ORDERS, "POST", processed=False, **how)
    with pytest.raises(OutcomeUnknown):
        send(hand)
    assert hand.broker.find_order("desk-1") is None
    assert len(hand.world.requests("POST")) == 1


def test_a_request_that_arrives_twice_is_one_order_and_its_second_answer_says_duplicate(hand: AlpacaHand) -> None:
    hand.world.spoil(ORDERS, "POST", again=True)
    with pytest.raises(BrokerRefused) as refusal:
        send(hand)
    assert (refusal.value.code, refusal.value.broker_code) == (RefusalCode.DUPLICATE_ID, 40010001)
    assert len(hand.world.orders) == 1
    assert hand.order("desk-1").client_order_id == "desk-1"


def test_a_cancellation_that_arrives_twice_says_that_it_is_past_cancelling(hand: AlpacaHand) -> None:
    sent = send(hand)
    hand.world.spoil("/v2/orders/", "DELETE", again=True)
    with pytest.raises(BrokerRefused) as refusal:
        hand.broker.cancel(sent.broker_order_id)
    assert refusal.value.code is RefusalCode.NOT_CANCELABLE
    assert hand.order("desk-1").status == "canceled"


def test_429_says_by_its_headers_when_to_come_again_and_an_order_is_not_sent_twice(hand: AlpacaHand) -> None:
    headers = {"Retry-After": "3", "X-RateLimit-Remaining": "0"}
    hand.world.spoil(ORDERS, "POST", status=429, processed=False, headers=headers)
    with pytest.raises(BrokerRefused) as refusal:
        send(hand)
    assert refusal.value.code is RefusalCode.RATE_LIMITED
    assert len(hand.world.requests("POST")) == 1
    assert hand.world.orders == []
    hand.world.spoil("/v2/positions$", status=429, processed=False, headers={"Retry-After": "3"})
    assert hand.broker.read_positions() == ()
    assert max(hand.pauses) >= 3


def test_a_listing_that_is_reset_is_read_again_and_nothing_is_read_as_empty(hand: AlpacaHand) -> None:
    send(hand)
    hand.world.spoil(ORDERS, "GET", reset=True)
    assert [one.client_order_id for one in hand.broker.read_orders(hand.world.at)] == ["desk-1"]
    hand.world.spoil(ORDERS, "GET", reset=True, times=20)
    with pytest.raises(BrokerUnreachable):
        hand.broker.read_orders(hand.world.at)
