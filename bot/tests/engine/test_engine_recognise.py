"""Which orders an id proves ours, and which it does not (design 10, F2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.checks import allowed
from bot.domain.holdings import Activity, BrokerOrder, Clock
from bot.domain.ledger import Books, Counters, Halt, Proposal
from bot.domain.orders import OrderIntent, Verdict, client_order_id
from bot.domain.sessions import slot_of
from bot.domain.strategy import Strategy
from bot.engine.execute import ATTEMPTS_MAX, plan_orders
from bot.engine.ports import Book, Memory, Reads
from bot.engine.recognise import HASHES_MAX, recognise, remembering
from bot.planners import ma_cross, owner, panic, trailing_stop, wheel
from bot.tests.builders import (
    NOON,
    D,
    a_desk,
    a_lot,
    a_session,
    a_snapshot,
    an_account,
    an_intent,
    an_option_leg,
    wheel_params,
)
from bot.tests.engine.hands import ListJournal

PUT, CALL, LATER_PUT = "XLF261218P00040000", "XLF261218C00045000", "XLF270115P00039000"
DESK = replace(a_desk("XLF"), wheels=((1, True, wheel_params("XLF")),))
BOOK = Book(
    desk=DESK,
    strategies=(
        Strategy(panic.NAME, panic.PLANNER, None, -1), Strategy(owner.NAME, owner.PLANNER, None, 0),
        Strategy("wheel", wheel.PLANNER, None, 1), Strategy("stops", trailing_stop.PLANNER, None, 2),
        Strategy("cross", ma_cross.PLANNER, None, 3),
    ),
    dry=False, environment="paper", config_hash="c", code_version="v",
)  # fmt: skip
LOT, LEG, SHORT_CALL = a_lot(id="lot-1"), an_option_leg(PUT, id="leg-1"), an_option_leg(CALL, id="leg-2")
BOOKS = Books(cash=D(25000), lots=(LOT,), legs=(LEG, SHORT_CALL))


def memory_of(books: Books = BOOKS, **given: Any) -> Memory:
    since = {"activities_since": NOON.date(), "orders_since": NOON - timedelta(days=7)}
    return Memory(books=books, halt=Halt(), **(since | given))


def shown(
    intent: OrderIntent, *, slot: datetime | None = None, attempt: int = 0, desk: str = DESK.name, **given: Any
) -> BrokerOrder:
    """Give an order as the broker shows it, under the id this intent would have been sent with."""
    facts: dict[str, Any] = {
        "broker_order_id": f"b-{intent.key}-{attempt}", "legs": intent.legs, "qty": intent.qty, "filled_qty": D(0),
        "client_order_id": client_order_id(desk, intent, slot or slot_of(NOON), attempt),
        "order_type": intent.order_type, "limit_price": intent.limit_price, "time_in_force": "day", "status": "new",
        "submitted_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return BrokerOrder(**(facts | given))


def reads_of(*orders: BrokerOrder, activities: tuple[Activity, ...] = ()) -> Reads:
    clock = Clock(at=NOON, is_open=True)
    return Reads(clock=clock, account=an_account(), positions=(), orders=orders, activities=activities)


def proved(*orders: BrokerOrder, memory: Memory | None = None, activities: tuple[Activity, ...] = ()) -> Any:
    reads = reads_of(*orders, activities=activities)
    return recognise(orders, reads, memory or memory_of(), BOOK, NOON + timedelta(minutes=15))


def fill(symbol: str, number: str, qty: str = "-1", order: str = "") -> Activity:
    return Activity(id=number, kind="FILL", symbol=symbol, at=NOON, qty=D(qty), price=D("0.60"), order_id=order)


WISHES = (
    an_intent(LATER_PUT, key="put-XLF", purpose="cash_secured_put"),
    an_intent(CALL, key="call-lot-1", purpose="covered_call"),
    an_intent(LATER_PUT, key="roll-leg-1", purpose="roll_open"),
    an_intent("XLF270115C00046000", key="roll-leg-2", purpose="roll_open"),
    *(
        an_intent(PUT, "buy_to_close", key="leg-1", purpose=purpose)
        for purpose in ("roll_close", "ex_dividend_close", "expiry_close", "take_profit", "premium_stop", "time_exit")
    ),
    an_intent(PUT, "buy_to_close", key="leg-1", purpose="owner_close"),
    an_intent(PUT, "buy_to_close", key="leg-leg-1", purpose="owner_close", strategy=owner.NAME),
    an_intent(CALL, "buy_to_close", key="leg-leg-2", purpose="owner_close", strategy=panic.NAME),
    an_intent("XLF", "sell_to_close", "100", key="lot-lot-1", purpose="owner_close", strategy=panic.NAME),
    an_intent("XLF", "buy_to_open", "100", key="XLF", purpose="open", strategy="cross"),
    an_intent("XLF", "sell_to_close", "100", key="lot-lot-1", purpose="close", strategy="cross"),
    an_intent("XLF", "sell_to_close", "100", key="lot-1", purpose="trailing_stop", strategy="stops"),
    an_intent("XLF", "sell_to_close", "100", key="lot-1-again", purpose="trailing_stop", strategy="stops"),
)


@pytest.mark.parametrize("intent", WISHES, ids=lambda one: f"{one.strategy} {one.purpose} {one.key}")
@pytest.mark.parametrize("attempt", [0, ATTEMPTS_MAX - 1])
@pytest.mark.parametrize("slots", [-1, 0, 1])
def test_every_wish_of_the_planners_is_proved_by_its_id(intent: OrderIntent, attempt: int, slots: int) -> None:
    slot = slot_of(NOON) + slots * timedelta(minutes=15)
    (order,) = proved(shown(intent, slot=slot, attempt=attempt)).orders
    assert (order.strategy, order.purpose, order.key) == (intent.strategy, intent.purpose, intent.key)
    assert (order.slot, order.attempt, order.state, order.status) == (slot, attempt, "sending", "")
    assert (order.legs, order.qty, order.limit_price) == (intent.legs, intent.qty, intent.limit_price)
    lots = {"covered_call", "trailing_stop"}
    shares = intent.purpose in ("owner_close", "close") and intent.legs[0].symbol == "XLF"
    call_rolled = intent.key == "roll-leg-2"
    assert order.lot == ("lot-1" if intent.purpose in lots or shares or call_rolled else "")
    roll = {"roll_close": f"roll-{intent.key}", "roll_open": intent.key}.get(intent.purpose, "")
    assert (order.roll, order.roll_ticks_max > 0) == (roll, bool(roll))


def test_legs_and_lots_that_came_after_the_last_row_give_keys_too() -> None:
    """A put sold, bought back and another assigned after it, and a call on those shares: none is in the books."""
    assigned = Activity(id="as-1", kind="OPASN", symbol=LATER_PUT, at=NOON, qty=D(1))
    lines = (fill(PUT, "f-1"), fill(LATER_PUT, "f-2"), assigned)
    close = an_intent(PUT, "buy_to_close", key="leg-f-1", purpose="take_profit")
    call = an_intent(CALL, key="call-lot-as-1-leg-f-2", purpose="covered_call")
    empty = memory_of(Books(cash=D(25000)))
    found = proved(shown(close), shown(call), memory=empty, activities=lines).orders
    assert {one.key for one in found} == {close.key, call.key}
    assert proved(shown(close), shown(call), memory=empty).orders == ()


def test_the_lot_of_a_purchase_that_came_after_the_last_row_gives_keys_too() -> None:
    buying = shown(an_intent("XLF", "buy_to_open", "100", key="XLF", purpose="open", strategy="cross"))
    bought = replace(buying, filled_qty=D(100), status="filled")
    lot = f"lot-{buying.client_order_id}"
    sale = shown(an_intent("XLF", "sell_to_close", "100", key=f"lot-{lot}", purpose="close", strategy="cross"))
    empty = memory_of(Books(cash=D(25000)))
    found = proved(bought, sale, memory=empty).orders
    assert {(one.purpose, one.lot) for one in found} == {("open", ""), ("close", lot)}
    assert [one.purpose for one in proved(buying, sale, memory=empty).orders] == ["open"]


@pytest.mark.parametrize(
    "change",
    [
        {"qty": D(2)},
        {"legs": an_intent(PUT).legs},
        {"submitted_at": NOON + timedelta(minutes=45)},
        {"submitted_at": NOON - timedelta(minutes=45)},
        {"client_order_id": f"{DESK.name}-{'0a' * 12}"},
    ],
    ids=["quantity by hand", "another series", "too late", "too early", "forged"],
)
def test_what_does_not_hash_to_its_id_stays_anothers(change: dict[str, Any]) -> None:
    order = shown(WISHES[0])
    assert len(proved(order).orders) == 1
    assert proved(replace(order, **change)).orders == ()


def test_an_order_of_another_desk_or_of_a_key_nobody_can_derive_stays_anothers() -> None:
    assert proved(shown(WISHES[0], desk=f"{DESK.name}-two")).orders == ()
    assert proved(shown(an_intent(LATER_PUT, key="call-me", purpose="cash_secured_put"))).orders == ()
    assert proved(shown(an_intent(PUT, "buy_to_close", key="adopted-leg", purpose="take_profit"))).orders == ()
    assert proved(shown(an_intent(LATER_PUT, strategy="former", key="put-XLF"))).orders == ()


def test_what_was_booked_as_anothers_before_is_not_ours_a_second_time() -> None:
    """Its fill is foreign or adopted by now: as an order of ours it would count twice."""
    order = shown(WISHES[0], status="partially_filled", filled_qty=D(1))
    line = fill(LATER_PUT, "f-1", order=order.broker_order_id)
    assert len(proved(order, activities=(line,)).orders) == 1
    assert proved(order, memory=memory_of(seen=frozenset({line.key})), activities=(line,)).orders == ()


def test_books_that_never_began_recognise_nothing() -> None:
    assert proved(shown(WISHES[0]), memory=memory_of(replace(BOOKS, cash=None))).orders == ()


def test_a_reprice_takes_the_place_of_what_was_cancelled_directly_before_it() -> None:
    first = shown(WISHES[0], status="canceled", updated_at=NOON + timedelta(seconds=2))
    second = shown(WISHES[0], attempt=1, submitted_at=NOON + timedelta(seconds=3))
    former, order = proved(second, first).orders
    assert (former.replaces, order.replaces, order.step) == ("", former.client_order_id, 1)
    late = replace(second, submitted_at=NOON + timedelta(minutes=5))
    assert [one.replaces for one in proved(first, late).orders] == ["", ""]


def test_a_tick_makes_no_more_ids_than_its_bound_and_says_what_waits() -> None:
    orders = tuple(shown(WISHES[0], attempt=attempt) for attempt in range(4))
    found = recognise(orders, reads_of(*orders), memory_of(), BOOK, NOON, most=1000)
    assert 0 < len(found.orders) < 4
    assert f"{4 - len(found.orders)} orders" in found.errors[0]


def test_the_bound_is_reached_within_seconds() -> None:
    lots = tuple(a_lot(id=f"lot-{number}") for number in range(200))
    forged = replace(shown(WISHES[-1]), client_order_id=f"{DESK.name}-{'0' * 24}")
    start = perf_counter()
    found = recognise((forged,) * 2, reads_of(forged), memory_of(replace(BOOKS, lots=lots)), BOOK, NOON)
    assert (found.orders, bool(found.errors)) == ((), True)
    assert perf_counter() - start < 20, f"{HASHES_MAX} ids"


def test_what_is_recognised_counts_in_this_very_tick_and_uses_up_its_approval() -> None:
    intent = WISHES[0]
    word = Proposal(number=3, intent=intent, proposed_at=NOON, lapses_at=NOON + timedelta(days=1), approved_at=NOON)
    memory = memory_of(replace(BOOKS, approvals=(word,), counters=Counters(orders_today=1)))
    orders = proved(shown(intent), shown(WISHES[4]), memory=memory).orders
    after = remembering(memory, orders, a_session().day)
    assert after.own_orders == orders
    assert after.books.approvals == ()
    counters = after.books.counters
    assert (counters.orders_today, counters.exits_today, counters.contracts_today) == (2, 1, (("XLF", 1),))
    assert [one.puts for one in counters.openings] == [D(3900)]
    earlier = remembering(memory, orders, a_session().next_day)
    assert earlier.books.counters == memory.books.counters


@pytest.mark.parametrize(("state", "ids"), [("done", 1), ("working", 0), ("unknown", 0)])
def test_the_id_of_an_order_recognised_in_this_tick_is_taken(state: Any, ids: int) -> None:
    """Its row is written with the decision: until then only the settlement knows that the id was used."""
    (order,) = proved(shown(WISHES[0])).orders
    verdict = Verdict(intent=WISHES[0], checks=(allowed("a_gate", "fine"),))
    planned = plan_orders(ListJournal(), a_snapshot(), (verdict,), (replace(order, state=state),))
    assert [(one.attempt, one.client_order_id != order.client_order_id) for one, _ in planned] == [(1, True)] * ids
