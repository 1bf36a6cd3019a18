"""What every broker owes the engine, whoever it is: one suite over each of them.

A factory gives a Stage: a broker, a clock that can be moved, and a way to make one share quote come true. A
broker behind a server joins by adding its factory to STAGES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest

from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.holdings import LIVE_STATUSES, TERMINAL_STATUSES
from bot.domain.sessions import new_york_day
from bot.engine.ports import Broker
from bot.tests.alpaca.hand import AlpacaStage
from bot.tests.brokers.tape import OPEN, Hand, an_order_request

D = Decimal


class Stage(Protocol):
    """A broker with its world in the test's hand. The account holds 25,000 dollars; XLF trades near 40."""

    broker: Any

    @property
    def at(self) -> datetime:
        """Give the moment it is on this stage."""
        ...

    def quote(self, bid: str, ask: str) -> None:
        """Let a minute pass and XLF trade at these prices within it."""
        ...

    def close(self) -> None:
        """Let go of whatever the broker runs on."""
        ...


class SimulatorStage(Hand):
    """The simulator over a tape."""

    def __init__(self) -> None:
        super().__init__()
        self.market.put("XLF", OPEN, "39.99", "40.01")

    def quote(self, bid: str, ask: str) -> None:
        self.market.put("XLF", self.at + timedelta(seconds=30), bid, ask)
        self.at += timedelta(minutes=1)

    def close(self) -> None:
        self.broker.close()


STAGES: dict[str, Callable[[], Stage]] = {"simulator": SimulatorStage, "alpaca": AlpacaStage}


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = STAGES[request.param]()
    yield stage
    stage.close()


def test_it_fits_the_port(stage: Stage) -> None:
    broker: Broker = stage.broker
    assert broker.name


def test_an_answer_shows_the_order_as_it_was_sent(stage: Stage) -> None:
    request = an_order_request("XLF", "buy_to_open", "10", limit_price="39.00", time_in_force="gtc", id="desk-1")
    answer = stage.broker.submit(request)
    shown = (answer.client_order_id, answer.legs, answer.qty, answer.limit_price, answer.time_in_force)
    assert shown == ("desk-1", request.legs, D(10), D("39.00"), "gtc")
    assert answer.broker_order_id
    assert answer.status in LIVE_STATUSES
    assert answer.filled_qty == 0


def test_an_order_can_be_looked_up_by_our_id(stage: Stage) -> None:
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="39.00", id="desk-1"))
    found = stage.broker.find_order("desk-1")
    assert found is not None
    assert found.broker_order_id == sent.broker_order_id
    assert stage.broker.find_order("desk-2") is None


def test_an_id_is_refused_the_second_time_where_the_traits_say_so(stage: Stage) -> None:
    if not stage.broker.traits.refuses_duplicate_ids:
        pytest.skip("this broker takes an id twice, and says so in its traits")
    request = an_order_request("XLF", "buy_to_open", "10", limit_price="39.00", id="desk-1")
    stage.broker.submit(request)
    with pytest.raises(BrokerRefused) as refusal:
        stage.broker.submit(request)
    assert refusal.value.code is RefusalCode.DUPLICATE_ID
    assert len(stage.broker.read_orders(stage.at)) == 1


def test_a_refusal_is_definite(stage: Stage) -> None:
    with pytest.raises(BrokerRefused) as refusal:
        stage.broker.submit(an_order_request("XLF", "buy_to_open", "100000", limit_price="39.00", id="desk-1"))
    assert refusal.value.code is RefusalCode.INSUFFICIENT_FUNDS
    assert stage.broker.find_order("desk-1") is None


def test_working_orders_are_listed_however_old(stage: Stage) -> None:
    stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="30.00", time_in_force="gtc", id="a"))
    stage.quote("39.99", "40.01")
    assert [order.client_order_id for order in stage.broker.read_orders(stage.at)] == ["a"]


def test_a_cancelled_order_ends_and_stays_listed_from_then_on(stage: Stage) -> None:
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="30.00", id="a"))
    before = stage.at
    stage.quote("39.99", "40.01")
    stage.broker.cancel(sent.broker_order_id)
    (order,) = stage.broker.read_orders(before)
    assert order.status in TERMINAL_STATUSES
    assert order.filled_qty == 0


def test_cancelling_what_has_ended_is_refused(stage: Stage) -> None:
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="30.00", id="a"))
    stage.broker.cancel(sent.broker_order_id)
    with pytest.raises(BrokerRefused) as refusal:
        stage.broker.cancel(sent.broker_order_id)
    assert refusal.value.code is RefusalCode.NOT_CANCELABLE


def test_a_fill_shows_in_order_position_cash_and_activities_alike(stage: Stage) -> None:
    cash = stage.broker.read_account().cash
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="40.50", id="a"))
    stage.quote("40.00", "40.02")
    order = stage.broker.find_order("a")
    assert order is not None
    assert order.status == "filled"
    assert order.filled_avg_price is not None
    (position,) = stage.broker.read_positions()
    assert (position.symbol, position.qty, position.avg_entry_price) == ("XLF", D(10), order.filled_avg_price)
    fills = [line for line in stage.broker.read_activities(new_york_day(stage.at)) if line.kind == "FILL"]
    assert [(line.order_id, line.qty, line.price) for line in fills] == [
        (sent.broker_order_id, D(10), order.filled_avg_price)
    ]
    assert stage.broker.read_account().cash == cash - 10 * order.filled_avg_price


def test_reading_twice_gives_equal_answers(stage: Stage) -> None:
    stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="40.50", id="a"))
    stage.quote("40.00", "40.02")

    def everything() -> tuple[Any, ...]:
        broker, day = stage.broker, new_york_day(stage.at)
        return (
            broker.read_account(), broker.read_positions(), broker.read_orders(stage.at - timedelta(days=1)),
            broker.read_activities(day), broker.read_clock(),
        )  # fmt: skip

    assert everything() == everything()


def test_no_activity_is_shown_twice(stage: Stage) -> None:
    for name in "abc":
        stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="40.50", id=name))
        stage.quote("40.00", "40.02")
    keys = [line.key for line in stage.broker.read_activities(new_york_day(OPEN))]
    assert len(keys) == len(set(keys)) >= 3
