"""What a stranger tried to break: sending twice, cancelling all, losing sight of an order, counting a tick twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import BrokerError, BrokerRefused, RefusalCode
from bot.domain.holdings import BrokerOrder, Position
from bot.domain.ledger import Books
from bot.domain.orders import OrderRequest, OwnOrder, client_order_id
from bot.domain.sessions import slot_of
from bot.engine.observe import live_orders, observe
from bot.engine.ports import Book, Settlement, World
from bot.engine.tick import tick
from bot.tests.builders import (
    NOON,
    D,
    a_desk,
    a_quote,
    an_intent,
    an_option_leg,
    an_order,
    put,
    wheel_numbers,
    wheel_params,
)
from bot.tests.engine.hands import HandBroker, HandMarket, ListJournal, a_memory
from bot.tests.engine.settle_world import BrokerLedger, Desk
from bot.tests.engine.test_engine_execute import approved, run
from bot.tests.engine.test_engine_tick import A_PUT, a_book, a_world, wishing

PUT = put("XLF", date(2026, 12, 18), "38")


def test_an_order_without_a_brokers_id_is_never_cancelled_by_an_empty_id() -> None:
    """An empty id means every order to some brokers."""
    broker, journal = HandBroker(), ListJournal()
    old = an_order(PUT, client_order_id="old", broker_order_id="", state="unknown")
    journal.rows["old"] = old
    orders, _ = run(broker, journal, approved(an_intent(PUT, replaces="old")), orders=(old,))
    assert [order.state for order in orders] == ["not_sent"]
    assert not [call for call in broker.calls if call.startswith(("cancel", "submit"))]


def test_whatever_a_broker_raises_on_a_send_leaves_the_order_unknown_and_the_rest_of_the_tick_goes_on() -> None:
    broker, journal = HandBroker(), ListJournal()

    def fail(request: OrderRequest) -> BrokerOrder | None:
        if len(broker.submitted) == 1:
            raise BrokerError("the account has lived to a later moment")
        return None

    broker.on_submit = fail
    other = an_intent(put("XLU", date(2026, 12, 18), "30"))
    orders, errors = run(broker, journal, approved(an_intent(PUT)), approved(other))
    assert [order.state for order in orders] == ["unknown", "working"]
    assert "outcome unknown" in errors[0]


def test_two_wishes_with_one_id_in_a_tick_get_one_row_and_one_request() -> None:
    broker, journal = HandBroker(), ListJournal()
    first, second = an_intent(PUT, lot="a"), an_intent(PUT, lot="b")
    orders, errors = run(broker, journal, approved(first), approved(second))
    assert len(orders) == len(broker.submitted) == 1
    assert "not sent again" in errors[0]


def test_an_order_left_planned_by_a_crash_does_not_stand_in_its_own_way_in_the_same_slot() -> None:
    """design 10: a row still `planned` after a crash is provably unsent."""
    world, broker, journal = a_world()
    name = client_order_id("test", A_PUT, slot_of(NOON), 0)
    left = an_order(PUT, client_order_id=name, broker_order_id="", state="planned", status="", slot=slot_of(NOON))
    journal._memory = a_memory(own_orders=(left,))
    journal.rows[name] = left
    result = tick(world, a_book(wishing(A_PUT)))
    assert [order.state for order in result.settlement.orders] == ["not_sent"]
    assert broker.submitted == [client_order_id("test", A_PUT, slot_of(NOON), 1)]


def test_an_order_that_ended_by_our_books_and_shows_alive_again_is_seen_in_the_same_tick() -> None:
    ended = an_order(PUT, state="done", status="canceled")
    back: OwnOrder = replace(ended, state="working", status="accepted")
    settlement = Settlement(books=Books(), held=(), orders=(back,))
    assert live_orders(a_memory(recent_orders=(ended,)), settlement) == (back,)


def test_a_leg_rolled_in_two_parts_never_opens_more_than_was_bought_back() -> None:
    """wheel 1.5: the rest of a leg, rolled after its first part, is the same name and not the same contracts."""
    world, desk = BrokerLedger(), Desk()
    held = put("XLF", date(2026, 2, 20), "50")
    later = put("XLF", date(2026, 3, 6), "50")
    words: dict[str, Any] = {"purpose": "roll_close", "roll": "roll-1", "roll_ticks_max": 8}
    world.trade(held, "sell_to_open", 3, "1.00")
    world.tick(desk)
    world.wait(days=1)
    first = world.place(held, "buy_to_close", 3, **words)
    world.fill(first, "1.50", 1)
    world.orders[first] = replace(world.orders[first], status="canceled")
    assert [roll.qty for roll in world.tick(desk).books.rolls] == [D(1)]
    world.wait(minutes=15)
    world.trade(later, "sell_to_open", 1, "1.70", purpose="roll_open", roll="roll-1")
    assert world.tick(desk).books.rolls == ()
    world.wait(minutes=15)
    world.trade(held, "buy_to_close", 2, "1.60", **words)
    (roll,) = world.tick(desk).books.rolls
    assert (roll.stage, roll.qty, roll.budget) == ("opening", D(2), D("320.21"))


def test_the_rest_of_a_leg_bought_back_while_its_first_part_waits_grows_the_roll() -> None:
    world, desk = BrokerLedger(), Desk()
    held = put("XLF", date(2026, 2, 20), "50")
    words: dict[str, Any] = {"purpose": "roll_close", "roll": "roll-1", "roll_ticks_max": 8}
    world.trade(held, "sell_to_open", 3, "1.00")
    world.tick(desk)
    world.wait(days=1)
    first = world.place(held, "buy_to_close", 3, **words)
    world.fill(first, "1.50", 1)
    world.orders[first] = replace(world.orders[first], status="canceled")
    world.tick(desk)
    world.wait(minutes=15)
    world.trade(held, "buy_to_close", 2, "1.60", **words)
    (roll,) = world.tick(desk).books.rolls
    assert (roll.stage, roll.qty, roll.budget) == ("opening", D(3), D("150.11") + D("320.21"))


def test_a_fill_booked_between_the_reads_is_no_unexplained_drift() -> None:
    """Reads follow the tick's moment: a line may be younger than it."""
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    moment = world.at
    before = world.reads()
    world.at = moment + timedelta(seconds=1)
    world.trade("XLF", "buy_to_open", 100, "40.00", purpose="open")
    desk.orders.update(world.own)
    late = replace(world.reads(), positions=before.positions, account=before.account)
    assert [one.kind for one in desk.settle(late, moment).drift if one.symbol != "CASH"] == ["pending"]
    assert all(one.kind == "pending" for one in desk.books.drift)


@dataclass
class Watch:
    book: Book
    world: World
    memory: Any


def stop_watch(last_slot: Any, readings: int = 2) -> Watch:
    one = an_option_leg(PUT, credit="0.60", premium_stop_readings=readings)
    memory = a_memory(books=Books(cash=D(25000), legs=(one,)), last_slot=last_slot)
    broker = HandBroker()
    market = HandMarket(a_quote("XLF"), a_quote("SPY", "599", "600"), a_quote(PUT, "1.90", "1.94"))
    wheel = wheel_params("XLF", numbers=wheel_numbers(premium_stop_multiple=D(3)))
    book = Book(
        desk=a_desk("XLF", "SPY", wheels=((1, True, wheel),)), strategies=(), dry=False, environment="simulated",
        config_hash="c", code_version="test",
    )  # fmt: skip
    return Watch(book, World(broker=broker, market=market, journal=ListJournal(memory), now=lambda: NOON), memory)


@pytest.mark.parametrize(
    ("last_slot", "readings"),
    [(slot_of(NOON), 2), (slot_of(NOON) - timedelta(minutes=15), 3), (None, 3)],
    ids=["same slot", "next slot", "first"],
)
def test_the_premium_stop_counts_one_reading_a_slot_however_many_ticks_share_it(last_slot: Any, readings: int) -> None:
    """wheel 1.4: three consecutive ticks are three slots, not three hasty runs in one minute."""
    watch = stop_watch(last_slot)
    world = watch.world
    market = HandMarket(a_quote("XLF"), a_quote("SPY", "599", "600"), a_quote(PUT, "1.90", "1.94"))
    held = HandBroker()
    held.positions = (Position(symbol=PUT, qty=D(-1)),)
    snapshot, _ = observe(world._replace(market=market, broker=held), watch.book, watch.memory, NOON, slot_of(NOON))
    (one,) = snapshot.books.legs
    assert one.premium_stop_readings == readings


def lost_order(world: BrokerLedger, desk: Desk) -> str:
    """Leave an order in `sending` whose request never arrived."""
    name = world.place(PUT, "sell_to_open", 1)
    world.orders.pop(name)
    world.own[name] = replace(world.own[name], state="sending", status="", broker_order_id="")
    return name


def test_an_order_that_never_arrived_ends_after_two_readings_past_its_session() -> None:
    """design 11: nothing is concluded from one absence, and nothing waits for ever."""
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    world.wait(minutes=15)
    name = lost_order(world, desk)
    world.tick(desk)
    world.wait(minutes=15)
    world.tick(desk)
    assert desk.orders[name].state == "sending", "its session still runs"
    world.wait(days=1)
    world.tick(desk)
    assert (desk.orders[name].state, desk.orders[name].status) == ("unknown", "not_found")
    world.wait(minutes=1)
    world.tick(desk)
    assert desk.orders[name].state == "unknown", "a second tick of the slot is no second reading"
    world.wait(minutes=15)
    result = world.tick(desk)
    assert desk.orders[name].state == "not_sent"
    assert any(name in note for note in result.notes)


def test_an_order_that_shows_up_late_is_adopted_and_not_given_up() -> None:
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    world.wait(minutes=15)
    name = world.place(PUT, "sell_to_open", 1)
    shown = world.orders.pop(name)
    world.own[name] = replace(world.own[name], state="unknown", status="", broker_order_id="")
    world.tick(desk)
    world.wait(days=1)
    world.tick(desk)
    assert desk.orders[name].status == "not_found"
    world.orders[name] = shown
    world.wait(minutes=15)
    world.tick(desk)
    assert (desk.orders[name].state, desk.orders[name].status) == ("working", "accepted")


def test_an_order_without_an_answer_is_kept_while_books_and_broker_differ() -> None:
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    world.wait(minutes=15)
    world.trade("XLF", "buy_to_open", 100, "40.00", purpose="open")
    name = lost_order(world, desk)
    world.tick(desk)
    world.positions["XLF"] = D(40)
    for _ in range(3):
        world.wait(days=1)
        world.tick(desk)
    assert desk.orders[name].state == "sending"


def test_one_moment_stands_for_the_whole_tick_even_when_a_slot_ends_meanwhile() -> None:
    moments = iter([NOON + timedelta(minutes=14, seconds=59), *[NOON + timedelta(minutes=15)] * 20])
    world, _, _ = a_world()
    result = tick(world._replace(now=lambda: next(moments)), a_book(wishing(), dry=True))
    assert result.snapshot.slot == slot_of(NOON)
    assert result.snapshot.at == NOON + timedelta(minutes=14, seconds=59)


def stop_and_sale() -> tuple[OwnOrder, Any]:
    stop = an_order(
        "XLF", "sell_to_close", "100", client_order_id="stop", broker_order_id="b-stop", purpose="trailing_stop",
        strategy="stops", key="lot-XLF", lot="lot-XLF", order_type="trailing_stop", limit_price=None,
        trail_percent=D(12), high_water_mark=D("47.31"), time_in_force="gtc",
    )  # fmt: skip
    sale = an_intent("XLF", "sell_to_close", "100", purpose="owner_close", lot="lot-XLF", replaces="stop")
    return stop, sale


def canceled_stop(broker: HandBroker, stop: OwnOrder) -> None:
    shown = broker.accept(
        OrderRequest(
            client_order_id="stop", legs=stop.legs, qty=stop.qty, order_type=stop.order_type, time_in_force="gtc"
        )
    )
    assert shown.broker_order_id == stop.broker_order_id


def test_a_stop_whose_sale_the_broker_refuses_rests_again_with_its_high_water_mark() -> None:
    """design 15"""
    broker, journal = HandBroker(), ListJournal()
    stop, sale = stop_and_sale()
    canceled_stop(broker, stop)
    journal.rows["stop"] = stop
    sent: list[OrderRequest] = []

    def refuse_sales(request: OrderRequest) -> None:
        sent.append(request)
        if request.order_type != "trailing_stop":
            raise BrokerRefused(RefusalCode.OTHER, "no")

    broker.on_submit = refuse_sales
    orders, errors = run(broker, journal, approved(sale), orders=(stop,))
    ended = [(order.purpose, order.state) for order in orders]
    assert ended == [("owner_close", "refused"), ("trailing_stop", "working")]
    assert (sent[1].trail_percent, sent[1].high_water_mark, sent[1].qty) == (D(12), D("47.31"), D(100))
    assert len(errors) == 1


@pytest.mark.parametrize("outcome", ["taken", "unknown", "stop stays"])
def test_the_spare_stop_never_leaves_unless_the_sale_is_definitely_refused(outcome: str) -> None:
    broker, journal = HandBroker(), ListJournal()
    stop, sale = stop_and_sale()
    canceled_stop(broker, stop)
    journal.rows["stop"] = stop

    def vanish(request: OrderRequest) -> None:
        raise BrokerError("no proof")

    broker.on_submit = vanish if outcome == "unknown" else None
    broker.on_cancel = (lambda _: None) if outcome == "stop stays" else None
    orders, _ = run(broker, journal, approved(sale), orders=(stop,))
    assert [order.purpose for order in orders] == ["owner_close"]
    assert len(broker.submitted) == (0 if outcome == "stop stays" else 1)
    spare = next(row for row in journal.rows.values() if row.key == "lot-XLF-again")
    assert spare.state == "not_sent"
