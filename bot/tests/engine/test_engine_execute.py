"""The executor: written before sent, never twice, no conclusion without proof (design 10, 11; F1, F2, F6)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.domain.checks import allowed
from bot.domain.errors import BotError, BrokerRefused, BrokerUnreachable, OutcomeUnknown, RefusalCode
from bot.domain.holdings import BrokerOrder
from bot.domain.orders import OrderIntent, OrderRequest, OwnOrder, Verdict, client_order_id
from bot.engine.arrival import arrive
from bot.engine.execute import Sender, execute, plan_orders
from bot.engine.observe import read_broker
from bot.engine.ports import World
from bot.tests.builders import NOON, a_snapshot, an_intent, an_order, put
from bot.tests.engine.hands import HandBroker, HandMarket, ListJournal, a_memory

PUT = put("XLF", date(2026, 12, 18), "38")


def approved(intent: OrderIntent) -> Verdict:
    return Verdict(intent=intent, checks=(allowed("a_gate", "fine"),))


def run(
    broker: HandBroker, journal: ListJournal, *verdicts: Verdict, orders: tuple[OwnOrder, ...] = (), late: bool = False
) -> tuple[tuple[OwnOrder, ...], tuple[str, ...]]:
    snapshot = a_snapshot(own_orders=orders)
    planned = plan_orders(journal, snapshot, verdicts)
    for order, _ in planned:
        journal.rows[order.client_order_id] = order
    sender = Sender(broker=broker, journal=journal, tick_id=1, now=lambda: NOON, time_is_up=lambda: late)
    return execute(sender, snapshot, verdicts, planned)


def test_an_order_is_written_as_sending_before_its_request_leaves() -> None:
    broker, journal = HandBroker(), ListJournal()

    def watch(request: OrderRequest) -> None:
        assert journal.entries == ["move sending"]

    broker.on_submit = watch
    orders, errors = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["working"]
    assert journal.entries == ["move sending", "move working"]
    assert errors == ()


def test_nothing_leaves_when_the_write_before_it_fails() -> None:
    broker, journal = HandBroker(), ListJournal()
    journal.fail_at = "move sending"
    with pytest.raises(BotError, match="disk refused"):
        run(broker, journal, approved(an_intent(PUT)))
    assert broker.submitted == []


def test_a_refused_verdict_gets_no_row_and_is_never_sent() -> None:
    broker, journal = HandBroker(), ListJournal()
    refused = Verdict(intent=an_intent(PUT), checks=(replace(allowed("a_gate", "no"), ok=False),))
    unjudged = Verdict(intent=an_intent(PUT), checks=())
    assert run(broker, journal, refused, unjudged) == ((), ())
    assert broker.submitted == []


def test_a_send_without_an_answer_is_looked_up_by_id_and_adopted_when_the_broker_has_it() -> None:
    broker, journal = HandBroker(), ListJournal()

    def accept_then_die(request: OrderRequest) -> BrokerOrder:
        broker.accept(request)
        raise OutcomeUnknown("the line went dead")

    broker.on_submit = accept_then_die
    orders, errors = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["working"]
    assert len(broker.submitted) == 1
    assert errors == ()


def test_a_send_without_an_answer_and_not_found_stays_unknown_and_is_not_sent_again() -> None:
    broker, journal = HandBroker(), ListJournal()

    def vanish(request: OrderRequest) -> None:
        raise OutcomeUnknown("the line went dead")

    broker.on_submit = vanish
    orders, errors = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["unknown"]
    assert "takes no new risk" in errors[0]
    # The same wish in the same slot finds its own unresolved row: no second id, no second request.
    broker.on_submit = None
    orders, errors = run(broker, journal, approved(an_intent(PUT)))
    assert orders == ()
    assert "not sent again" in errors[0]
    assert len(broker.submitted) == 1


def test_a_duplicate_id_means_the_order_exists_and_is_adopted() -> None:
    broker, journal = HandBroker(), ListJournal()

    def duplicate(request: OrderRequest) -> None:
        broker.accept(request)
        raise BrokerRefused(RefusalCode.DUPLICATE_ID, "client_order_id must be unique", status=422)

    broker.on_submit = duplicate
    orders, _ = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["working"]


def test_a_duplicate_that_is_not_found_stays_unknown_and_is_asked_for_once() -> None:
    """The code for a duplicate is shared by other refusals: alone it proves nothing, neither that it exists nor not."""
    broker, journal = HandBroker(), ListJournal()

    def duplicate(request: OrderRequest) -> None:
        raise BrokerRefused(RefusalCode.DUPLICATE_ID, "order_id is missing", status=422, broker_code=40010001)

    broker.on_submit = duplicate
    orders, errors = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["unknown"]
    assert [call.partition(" ")[0] for call in broker.calls] == ["submit", "find"]
    assert "takes no new risk until it is proved (`bot order list`)" in errors[0]
    again, errors = run(broker, journal, approved(an_intent(PUT)))
    assert again == ()
    assert len(broker.submitted) == 1


@pytest.mark.parametrize("taken", [True, False])
def test_where_no_order_can_be_looked_up_the_list_is_asked(taken: bool) -> None:
    broker, journal = HandBroker(), ListJournal()
    broker.traits = broker.traits._replace(lookup_by_id=False)

    def lose(request: OrderRequest) -> None:
        if taken:
            broker.accept(request)
        raise OutcomeUnknown("the line went dead")

    broker.on_submit = lose
    orders, _ = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["working" if taken else "unknown"]
    assert [call.partition(" ")[0] for call in broker.calls] == ["submit", "orders"]


@pytest.mark.parametrize(("can", "asked"), [(True, 1), (False, 0)])
def test_a_reading_looks_up_what_the_list_left_out_only_where_that_can_be_done(can: bool, asked: int) -> None:
    broker = HandBroker()
    broker.traits = broker.traits._replace(lookup_by_id=can)
    world = World(broker=broker, market=HandMarket(), journal=ListJournal(), now=lambda: NOON)
    memory = a_memory(own_orders=(an_order(PUT, state="unknown"),))
    reads = read_broker(world, memory, arrive(broker, NOON))
    assert [call.partition(" ")[0] for call in broker.calls].count("find") == asked
    assert reads.orders == ()


def test_a_definite_refusal_ends_the_order_and_a_later_wish_in_the_slot_is_a_new_attempt() -> None:
    broker, journal = HandBroker(), ListJournal()

    def refuse(request: OrderRequest) -> None:
        raise BrokerRefused(RefusalCode.INSUFFICIENT_FUNDS, "not enough", status=403)

    broker.on_submit = refuse
    orders, errors = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["refused"]
    assert "insufficient_funds" in errors[0]
    broker.on_submit = None
    again, _ = run(broker, journal, approved(an_intent(PUT)))
    assert [(order.state, order.attempt) for order in again] == [("working", 1)]
    assert len(set(broker.submitted)) == 2


def test_a_reprice_is_sent_only_after_its_predecessor_is_proved_gone() -> None:
    broker, journal = HandBroker(), ListJournal()
    old = an_order(PUT)
    broker.book[old.client_order_id] = _shown(old)
    orders, errors = run(broker, journal, approved(an_intent(PUT, replaces=old.client_order_id)), orders=(old,))
    assert broker.calls[:2] == [f"cancel {old.broker_order_id}", f"find {old.client_order_id}"]
    assert broker.calls[2].startswith("submit")
    assert [order.state for order in orders] == ["working"]
    assert errors == ()


def test_a_reprice_waits_when_the_cancellation_is_not_confirmed() -> None:
    broker, journal = HandBroker(), ListJournal()
    old = an_order(PUT)
    broker.book[old.client_order_id] = _shown(old)
    broker.on_cancel = lambda broker_order_id: None
    orders, _ = run(broker, journal, approved(an_intent(PUT, replaces=old.client_order_id)), orders=(old,))
    assert [order.state for order in orders] == ["not_sent"]
    assert broker.submitted == []


def test_a_fill_that_races_the_cancellation_stops_the_successor() -> None:
    broker, journal = HandBroker(), ListJournal()
    old = an_order(PUT)

    def fill_instead(broker_order_id: str) -> None:
        broker.book[old.client_order_id] = replace(_shown(old), status="filled", filled_qty=Decimal(1))
        raise BrokerRefused(RefusalCode.NOT_CANCELABLE, "filled already", status=422)

    broker.book[old.client_order_id] = _shown(old)
    broker.on_cancel = fill_instead
    orders, _ = run(broker, journal, approved(an_intent(PUT, replaces=old.client_order_id)), orders=(old,))
    assert [order.state for order in orders] == ["not_sent"]
    assert broker.submitted == []


def test_after_the_deadline_no_request_is_started_but_every_row_ends() -> None:
    broker, journal = HandBroker(), ListJournal()
    orders, _ = run(broker, journal, approved(an_intent(PUT)), late=True)
    assert [order.state for order in orders] == ["not_sent"]
    assert broker.calls == []


def test_a_lookup_that_fails_too_leaves_the_order_unknown() -> None:
    broker, journal = HandBroker(), ListJournal()

    def vanish(request: OrderRequest) -> None:
        raise BrokerUnreachable("no route")

    def unreachable(client_order_id: str) -> BrokerOrder | None:
        raise BrokerUnreachable("no route")

    broker.on_submit = vanish
    broker.find_order = unreachable  # type: ignore[method-assign]
    orders, _ = run(broker, journal, approved(an_intent(PUT)))
    assert [order.state for order in orders] == ["unknown"]


def test_the_same_wish_has_the_same_id_and_any_other_has_another() -> None:
    intent = an_intent(PUT)
    same = client_order_id("desk", intent, NOON, 0)
    assert same == client_order_id("desk", replace(intent, reason="another word", limit_price=Decimal("0.70")), NOON, 0)
    others = {
        client_order_id("desk", replace(intent, qty=Decimal(2)), NOON, 0),
        client_order_id("desk", replace(intent, key="another lot"), NOON, 0),
        client_order_id("desk", intent, NOON, 1),
        client_order_id("other", intent, NOON, 0),
    }
    assert same not in others
    assert len(others) == 4
    assert len(same) <= 128


def _shown(order: OwnOrder) -> BrokerOrder:
    return BrokerOrder(
        broker_order_id=order.broker_order_id, client_order_id=order.client_order_id, legs=order.legs,
        qty=order.qty, filled_qty=order.filled_qty, order_type="limit", limit_price=order.limit_price,
        time_in_force="day", status="accepted", submitted_at=NOON, updated_at=NOON,
    )  # fmt: skip
