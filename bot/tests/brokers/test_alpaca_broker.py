"""Looking up, sending and cancelling at Alpaca: what is proof, what is not, and what never leaves."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.brokers.alpaca import AlpacaBroker
from bot.domain.errors import BrokerRefused, BrokerUnreachable, OutcomeUnknown, RefusalCode
from bot.engine.ports import Broker
from bot.tests.brokers.canned import (
    PUT,
    Bench,
    a_fill_answer,
    a_position_answer,
    an_account_answer,
    an_order_answer,
    in_turn,
    refused,
)
from bot.tests.brokers.tape import an_order_request

D = Decimal


def test_it_fits_the_port() -> None:
    broker: Broker = Bench().broker
    assert isinstance(broker, AlpacaBroker)
    assert broker.name == "alpaca"
    assert broker.traits.refuses_duplicate_ids
    assert broker.traits.lookup_by_id
    assert not broker.traits.simulated


def test_reading_everything_of_one_page_takes_six_requests() -> None:
    bench = Bench(orders=[an_order_answer()], activities=[a_fill_answer()], positions=[a_position_answer()])
    broker = bench.broker
    broker.read_clock()
    broker.read_account()
    broker.read_positions()
    broker.read_orders(datetime(2026, 11, 11, tzinfo=UTC))
    broker.read_activities(datetime(2026, 11, 11, tzinfo=UTC).date())
    assert len(bench.client.asked) == 6


def test_calls_at_the_same_time_share_one_check_of_the_account() -> None:
    started, go = threading.Barrier(4), threading.Event()

    def slow(query: dict[str, str]) -> Any:
        go.wait(5)
        return an_account_answer()

    bench = Bench(account=slow)

    def read() -> None:
        started.wait(5)
        bench.broker.read_clock()

    threads = [threading.Thread(target=read, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait(5)
    go.set()
    for thread in threads:
        thread.join(5)
    assert bench.client.paths.count("/account") == 1
    assert bench.client.paths.count("/clock") == 3


def test_an_account_that_cannot_be_reached_is_asked_for_again_by_the_next_call_only() -> None:
    bench = Bench(account=in_turn(BrokerUnreachable("no answer"), an_account_answer()))
    with pytest.raises(BrokerUnreachable, match="no answer"):
        bench.broker.read_clock()
    assert bench.broker.read_clock().is_open


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_a_refused_read_is_no_answer(status: int) -> None:
    bench = Bench(positions=refused(status), orders=refused(status), activities=refused(status), clock=refused(status))
    calls: list[Any] = [
        bench.broker.read_clock,
        bench.broker.read_positions,
        lambda: bench.broker.read_orders(bench.at),
        lambda: bench.broker.read_activities(bench.at.date()),
    ]
    for call in calls:
        with pytest.raises(BrokerUnreachable, match=f"status {status}"):
            call()


# Looking up


def test_an_order_is_found_by_our_id_with_its_legs() -> None:
    bench = Bench(found=an_order_answer(client_order_id="desk-1"))
    order = bench.broker.find_order("desk-1")
    assert order is not None
    assert order.broker_order_id == "b-1"
    assert bench.client.asked[1] == (
        "/orders:by_client_order_id", {"client_order_id": "desk-1", "nested": "true"},
    )  # fmt: skip


def test_not_found_is_none_and_anything_else_is_no_answer() -> None:
    assert Bench(found=refused(404)).broker.find_order("desk-1") is None
    answers: list[Any] = [
        refused(422),
        BrokerUnreachable("timeout"),
        [],
        None,
        an_order_answer(client_order_id="desk-2"),
    ]
    for answer in answers:
        with pytest.raises(BrokerUnreachable):
            Bench(found=answer).broker.find_order("desk-1")


def test_a_found_order_that_was_replaced_is_followed() -> None:
    old = an_order_answer("a", client_order_id="desk-1", status="replaced", replaced_by="b")
    bench = Bench(found=old, others={"orders/b": an_order_answer("b", status="new")})
    order = bench.broker.find_order("desk-1")
    assert order is not None
    assert (order.client_order_id, order.broker_order_id, order.status) == ("desk-1", "b", "new")
    gone = Bench(found=old).broker.find_order("desk-1")
    assert gone is not None
    assert gone.status == "replaced"


def test_an_order_we_cancelled_is_looked_at_once_more() -> None:
    first = an_order_answer(client_order_id="desk-1", status="pending_cancel")
    second = an_order_answer(client_order_id="desk-1", status="canceled")
    bench = Bench(found=in_turn(first, second, first))
    bench.broker.cancel("b-1")
    order = bench.broker.find_order("desk-1")
    assert order is not None
    assert order.status == "canceled"
    assert bench.pauses == [0.5]
    again = bench.broker.find_order("desk-1")
    assert again is not None
    assert (again.status, bench.pauses) == ("pending_cancel", [0.5])


def test_an_order_we_did_not_cancel_is_looked_at_once() -> None:
    bench = Bench(found=an_order_answer(client_order_id="desk-1", status="pending_cancel"))
    bench.broker.find_order("desk-1")
    assert bench.pauses == []


# Cancelling


def test_cancelling_names_one_order() -> None:
    bench = Bench()
    bench.broker.cancel("7b08df51-c1ac-453c-99f9-323a5f075f0d")
    bench.broker.cancel("a/b?c")
    assert bench.client.removed == ["/orders/7b08df51-c1ac-453c-99f9-323a5f075f0d", "/orders/a%2Fb%3Fc"]


@pytest.mark.parametrize("id", ["", " ", ".", "..", "/", "./.", "//"])
def test_an_id_that_would_name_all_orders_never_reaches_the_wire(id: str) -> None:
    bench = Bench()
    with pytest.raises(AssertionError, match="named by its id"):
        bench.broker.cancel(id)
    assert bench.client.removed == []


def test_a_refused_cancellation_passes_through_and_earns_no_second_look() -> None:
    bench = Bench(found=an_order_answer(client_order_id="desk-1", status="partially_filled"))
    bench.client.remove_answer = refused(422, RefusalCode.NOT_CANCELABLE)
    with pytest.raises(BrokerRefused) as refusal:
        bench.broker.cancel("b-1")
    assert refusal.value.code is RefusalCode.NOT_CANCELABLE
    bench.broker.find_order("desk-1")
    assert bench.pauses == []


# Sending


def echo(**given: Any) -> Any:
    return lambda body: an_order_answer(client_order_id=body["client_order_id"], **given)


def test_an_answer_shows_the_order_as_it_was_sent() -> None:
    bench = Bench()
    bench.client.sent_answer = echo(symbol=PUT, side="sell", qty="1", limit_price="1.20")
    request = an_order_request(PUT, "sell_to_open", "1", limit_price="1.20", id="desk-1")
    order = bench.broker.submit(request)
    assert (order.client_order_id, order.legs, order.status, order.odd) == ("desk-1", request.legs, "new", "")


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "b-9", "client_order_id": "someone else's"}, {"id": "b-9"}, {}, [], None, "ok",
        {"client_order_id": "desk-1", "id": "", "symbol": "XLF", "side": "buy", "qty": "1"},
        {"client_order_id": "desk-1", "id": "b-1", "status": "new", "qty": "NaN"},
    ],
)  # fmt: skip
def test_an_answer_that_does_not_prove_our_order_proves_nothing(answer: Any) -> None:
    bench = Bench()
    bench.client.sent_answer = answer
    with pytest.raises(OutcomeUnknown, match="desk-1 was sent"):
        bench.broker.submit(an_order_request("XLF", "buy_to_open", "1", limit_price="39.00", id="desk-1"))


@pytest.mark.parametrize(
    "failure",
    [refused(403, RefusalCode.INSUFFICIENT_FUNDS), refused(422, RefusalCode.DUPLICATE_ID), OutcomeUnknown("timeout")],
)
def test_what_sending_came_to_passes_through_unchanged(failure: Exception) -> None:
    bench = Bench()
    bench.client.sent_answer = failure
    with pytest.raises(type(failure)) as raised:
        bench.broker.submit(an_order_request("XLF", "buy_to_open", "1", limit_price="39.00", id="desk-1"))
    assert raised.value is failure
    assert len(bench.client.sent) == 1


def test_nothing_is_sent_before_the_account_is_checked() -> None:
    bench = Bench(account=BrokerUnreachable("no answer"))
    with pytest.raises(BrokerUnreachable):
        bench.broker.submit(an_order_request("XLF", "buy_to_open", "1", limit_price="39.00"))
    assert bench.client.sent == []


def a_stop(mark: str | None) -> Any:
    return an_order_request(
        "XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="10", high_water_mark=mark,
        time_in_force="gtc", id="desk-1",
    )  # fmt: skip


def test_a_first_stop_trails_as_configured_and_asks_for_no_price() -> None:
    bench = Bench()
    bench.client.sent_answer = echo(side="sell", type="trailing_stop", trail_percent="10", hwm="40.50")
    order = bench.broker.submit(a_stop(None))
    assert bench.client.sent[0]["trail_percent"] == "10"
    assert order.high_water_mark == D("40.50")
    assert bench.client.paths == ["/account"]


def test_a_rearmed_stop_stands_where_its_stored_mark_puts_it() -> None:
    """From a high of 45 a stop of 10 % stands at 40.50; at a price of 42.00 that is 3.57 % below (design 13)."""
    bench = Bench(positions=[a_position_answer("XLF", current_price="42.00")])
    bench.client.sent_answer = echo(side="sell", type="trailing_stop", trail_percent="3.57", hwm="42.00")
    bench.broker.read_positions()
    order = bench.broker.submit(a_stop("45.00"))
    trail = D(bench.client.sent[0]["trail_percent"])
    assert trail == D("3.57")
    assert 42 * (1 - trail / 100) >= D("40.50")
    assert order.high_water_mark == 45


def test_a_rearmed_stop_reads_a_price_that_is_not_fresh_again() -> None:
    bench = Bench(
        positions=[a_position_answer("XLF", current_price="42.00")],
        others={"positions/XLF": a_position_answer("XLF", current_price="50.00")},
    )
    bench.client.sent_answer = echo(side="sell", type="trailing_stop", trail_percent="10", hwm="50.00")
    bench.broker.read_positions()
    bench.later(60)
    bench.broker.submit(a_stop("45.00"))
    assert bench.client.sent[0]["trail_percent"] == "10"
    assert bench.client.paths[-1] == "/positions/XLF"


@pytest.mark.parametrize("answer", [refused(404), {}, a_position_answer("XLF", current_price="0"), []])
def test_a_stop_that_would_forget_its_mark_is_refused_rather_than_widened(answer: Any) -> None:
    bench = Bench(others={"positions/XLF": answer})
    with pytest.raises(BrokerRefused, match="needs the present price"):
        bench.broker.submit(a_stop("45.00"))
    assert bench.client.sent == []


def test_closing_lets_go_of_the_client() -> None:
    bench = Bench()
    bench.broker.close()
    assert bench.client.closed
