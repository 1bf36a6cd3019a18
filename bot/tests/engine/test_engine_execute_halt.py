"""A halt that comes while a tick is sending, and a stop whose place nothing took (design 15, F3, F9)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.domain.checks import allowed
from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Halt
from bot.domain.orders import OrderIntent, OrderRequest, OwnOrder, Verdict
from bot.engine.execute import Sender, execute, plan_orders
from bot.tests.builders import NOON, D, a_snapshot, an_intent, an_order, held, put
from bot.tests.engine.hands import HandBroker, ListJournal

PUT = put("XLF", NOON.date().replace(month=12), "38")
FILE = Halt(level="stop", author="HALT file", reason="the feed is mad")
STOP = an_order(
    "XLF", "sell_to_close", "100", purpose="trailing_stop", strategy="stops", key="lot-1", lot="lot-1",
    order_type="trailing_stop", limit_price=None, trail_percent=D("10"), high_water_mark=D("44"),
    time_in_force="gtc", client_order_id="the-stop",
)  # fmt: skip
SALE = an_intent(
    "XLF", "sell_to_close", "100", strategy="panic", purpose="owner_close", key="lot-1", lot="lot-1",
    limit_price=D("39.99"), replaces="the-stop",
)  # fmt: skip
Looks = Callable[[], Halt | None]


def run(
    broker: HandBroker, halted: Looks, *intents: OrderIntent, orders: tuple[OwnOrder, ...] = ()
) -> tuple[tuple[OwnOrder, ...], tuple[str, ...]]:
    journal = ListJournal()
    verdicts = tuple(Verdict(intent=intent, checks=(allowed("a_gate", "fine"),)) for intent in intents)
    snapshot = a_snapshot(own_orders=orders, positions=(held("XLF", "100"),))
    planned = plan_orders(journal, snapshot, verdicts)
    for order, _ in planned:
        journal.rows[order.client_order_id] = order
    for order in orders:
        broker.book[order.client_order_id] = shown(order)
    sender = Sender(
        broker=broker, journal=journal, tick_id=1, now=lambda: NOON, time_is_up=lambda: False, halted=halted
    )
    return execute(sender, snapshot, verdicts, planned)


def shown(order: OwnOrder) -> BrokerOrder:
    return BrokerOrder(
        broker_order_id=order.broker_order_id, client_order_id=order.client_order_id, legs=order.legs, qty=order.qty,
        filled_qty=order.filled_qty, order_type=order.order_type, trail_percent=order.trail_percent,
        time_in_force=order.time_in_force, status="accepted", submitted_at=NOON, updated_at=NOON,
    )  # fmt: skip


def after(looks: int) -> Looks:
    """Give a look that finds the file from so many looks on."""
    seen = [0]

    def look() -> Halt | None:
        seen[0] += 1
        return FILE if seen[0] > looks else None

    return look


def test_an_order_the_halt_came_before_is_not_sent_and_says_why() -> None:
    broker = HandBroker()
    orders, errors = run(broker, after(1), an_intent(PUT), an_intent(PUT, key="another"))
    assert [one.state for one in orders] == ["working", "not_sent"]
    assert len(broker.submitted) == 1
    assert errors == ("XLF cash_secured_put: halt stop by HALT file came during the tick: the feed is mad",)


def test_a_cancellation_waits_too() -> None:
    broker, old = HandBroker(), an_order(PUT)
    cancel = an_intent(
        PUT, purpose="cancel_stale", action="cancel", legs=(), qty="0", limit_price=None, replaces=old.client_order_id
    )
    orders, errors = run(broker, after(0), cancel, orders=(old,))
    assert (orders, broker.calls) == ((), [])
    assert "came during the tick" in errors[0]


@pytest.mark.parametrize("error", [OSError("dead disk"), RuntimeError("odd")])
def test_a_look_that_fails_sends_nothing(error: Exception) -> None:
    def blind() -> Halt | None:
        raise error

    broker = HandBroker()
    orders, errors = run(broker, blind, an_intent(PUT))
    assert [one.state for one in orders] == ["not_sent"]
    assert broker.calls == []
    assert str(error) in errors[0]


def test_a_halt_between_a_stops_cancellation_and_the_sale_lets_the_stop_rest_again() -> None:
    """No halt takes a stop away: what was begun is put back, and nothing else is sent."""
    broker = HandBroker()
    orders, errors = run(broker, after(1), SALE, orders=(STOP,))
    assert [(one.purpose, one.state) for one in orders] == [("owner_close", "not_sent"), ("trailing_stop", "working")]
    (again,) = [one for one in broker.book.values() if one.client_order_id in broker.submitted]
    assert (again.order_type, again.qty, again.high_water_mark) == ("trailing_stop", D(100), D("44"))
    assert "came during the tick" in errors[0]


def test_a_halt_before_the_cancellation_leaves_the_stop_where_it_rests() -> None:
    broker = HandBroker()
    orders, _ = run(broker, after(0), SALE, orders=(STOP,))
    assert ([one.state for one in orders], broker.calls) == (["not_sent"], [])


@pytest.mark.parametrize("status", ["canceled", "expired", "rejected"])
@pytest.mark.parametrize(("filled", "again"), [("0", True), ("40", False)])
def test_a_sale_that_ends_at_once_without_a_fill_lets_the_stop_rest_again(
    status: str, filled: str, again: bool
) -> None:
    broker = HandBroker()

    def end(request: OrderRequest) -> BrokerOrder | None:
        if request.order_type != "limit":
            return None
        return replace(broker.accept(request, status), filled_qty=Decimal(filled))

    broker.on_submit = end
    orders, _ = run(broker, lambda: None, SALE, orders=(STOP,))
    assert [one.purpose for one in orders] == ["owner_close", *(["trailing_stop"] if again else [])]


def test_a_sale_that_says_filled_and_no_quantity_has_sold_and_no_stop_goes_beside_it() -> None:
    broker = HandBroker()

    def end(request: OrderRequest) -> BrokerOrder | None:
        if request.order_type != "limit":
            return None
        return replace(broker.accept(request, "filled"), filled_qty=Decimal(0))

    broker.on_submit = end
    orders, _ = run(broker, lambda: None, SALE, orders=(STOP,))
    assert [one.purpose for one in orders] == ["owner_close"]
