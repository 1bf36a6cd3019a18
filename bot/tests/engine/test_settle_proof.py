"""`sending` and `unknown` end only by proof: each sentence of design 11 about what the broker does not show."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.holdings import Position
from bot.engine.settle import NOT_FOUND
from bot.tests.builders import put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")
HOURS_TO_CLOSE = 6


def a_lost_order(state: Any = "unknown") -> tuple[BrokerLedger, Desk, str]:
    """Send an order on a Monday at ten whose answer is lost and that the broker does not show."""
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    name = world.place(PUT, "sell_to_open", 1)
    world.own[name] = replace(world.own[name], state=state, broker_order_id="", status="")
    del world.orders[name]
    return world, desk, name


def after_the_close(world: BrokerLedger, desk: Desk, readings: int, minutes: int = 15) -> None:
    """Look so many times after the session of the order, a slot apart."""
    for number in range(readings):
        world.wait(minutes=HOURS_TO_CLOSE * 60 if number == 0 else minutes)
        world.tick(desk)


def stands(desk: Desk, name: str) -> tuple[str, str]:
    return desk.orders[name].state, desk.orders[name].status


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_two_complete_readings_after_its_session_prove_that_it_never_arrived(state: Any) -> None:
    world, desk, name = a_lost_order(state)
    after_the_close(world, desk, 1)
    assert stands(desk, name) == ("unknown", NOT_FOUND)
    world.wait(minutes=15)
    result = world.tick(desk)
    assert stands(desk, name) == ("not_sent", "")
    assert result.notes == (
        f"order {name} never reached the broker: two complete readings after its session show none",
    )


def test_no_number_of_readings_within_its_session_proves_anything() -> None:
    world, desk, name = a_lost_order()
    for _ in range(23):
        world.wait(minutes=15)
        world.tick(desk)
    assert stands(desk, name) == ("unknown", "")


def test_two_readings_of_one_slot_are_one() -> None:
    world, desk, name = a_lost_order()
    after_the_close(world, desk, 3, minutes=1)
    assert stands(desk, name) == ("unknown", NOT_FOUND)


def test_positions_that_do_not_agree_prove_nothing() -> None:
    world, desk, name = a_lost_order()
    other = put("XLF", date(2026, 2, 6), "48")
    world.trade(other, "sell_to_open", 1, "0.50")
    world.tick(desk)
    del world.positions[other]
    after_the_close(world, desk, 4)
    assert stands(desk, name) == ("unknown", "")


def test_a_fill_on_its_leg_that_nobody_explains_keeps_it_open() -> None:
    """The list may be blind to an order whose execution the history shows already."""
    world, desk, name = a_lost_order()
    world.strange(PUT, -1, "1.00")
    after_the_close(world, desk, 4)
    assert stands(desk, name) == ("unknown", "")


def test_a_fill_of_an_order_that_is_listed_as_another_ones_is_no_trace_of_it() -> None:
    world, desk, name = a_lost_order()
    hand = world.trade(PUT, "sell_to_open", 1, "1.00")
    del world.own[hand]
    world.trade(PUT, "buy_to_close", 1, "0.90")
    after_the_close(world, desk, 2)
    assert stands(desk, name) == ("not_sent", "")


def test_contracts_beyond_our_books_on_the_side_it_opens_keep_it_open() -> None:
    world, desk, name = a_lost_order()
    reads = replace(world.reads(), positions=(Position(symbol=PUT, qty=D(-1)),))
    for minutes in (HOURS_TO_CLOSE * 60, 15, 15):
        world.wait(minutes=minutes)
        for order_id, own in world.own.items():
            desk.orders.setdefault(order_id, own)
        desk.settle(reads, world.at)
    assert stands(desk, name) == ("unknown", "")
    reads = replace(reads, positions=(Position(symbol=PUT, qty=D(1)),))
    for _ in range(2):
        world.wait(minutes=15)
        desk.settle(reads, world.at)
    assert stands(desk, name) == ("not_sent", ""), "bought ones cannot be its doing"


@pytest.mark.parametrize("readings", [1, 2])
def test_the_broker_showing_it_is_proof_at_any_time(readings: int) -> None:
    world, desk, name = a_lost_order()
    shown = BrokerLedger()
    shown.at = world.at
    after_the_close(world, desk, readings)
    shown.place(PUT, "sell_to_open", 1)
    world.orders[name] = shown.orders["test-0000"]
    world.wait(minutes=15)
    world.tick(desk)
    assert stands(desk, name) == ("working", "accepted")


def test_an_order_that_a_person_found_under_another_name_is_followed_by_the_brokers_id() -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 1)
    world.orders[name] = replace(world.orders[name], client_order_id="the-brokers-name")
    assert world.tick(desk).foreign_orders == ()
    world.fill(name, "1.00")
    result = world.tick(desk)
    assert [fill.client_order_id for fill in result.fills] == [name]
    assert stands(desk, name) == ("done", "filled")
