"""The account a recorded day is run again on: orders that stood at its first tick, simulated or as live had them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.commands.parity_account import DayBroker, DayJournal, LiveOrder, at_broker
from bot.commands.parity_market import RecordedTicks
from bot.domain.errors import BrokerRefused
from bot.domain.orders import OrderRequest, OwnOrder
from bot.domain.parity import Movement
from bot.domain.snapshot import Snapshot
from bot.tests.builders import NOON, a_quote, a_snapshot, an_order, held, simulator_numbers

D = Decimal
SLOT = timedelta(minutes=15)
EARLY = NOON + timedelta(minutes=5)
SALE = an_order(
    "XLF", "sell_to_close", "100", client_order_id="desk-1", limit_price=D(41), time_in_force="gtc", state="working",
    status="partially_filled", filled_qty=D(40), filled_avg_price=D("41.10"), planned_at=NOON - SLOT,
)  # fmt: skip


def ticks(sale: OwnOrder = SALE) -> tuple[Snapshot, ...]:
    """Give a first tick with 60 of 100 shares left and their sale standing, and a second where it can fill."""
    quotes = [
        (a_quote("XLF", bid, ask, at=at),)
        for bid, ask, at in (("40.00", "40.02", NOON), ("41.50", "41.52", NOON + SLOT))
    ]
    first = a_snapshot(NOON, positions=(held("XLF", "60"),), own_orders=(sale,), quotes=quotes[0])
    return first, a_snapshot(NOON + SLOT, positions=(held("XLF", "60"),), quotes=quotes[1])


def lived(known: LiveOrder | None, *swapped: str) -> DayBroker:
    """Let a quarter of an hour pass on an account that began at the first tick."""
    seen, clock = ticks(), [NOON]
    live = {} if known is None else {known.order.client_order_id: known}
    market = RecordedTicks(seen, mended=False)
    broker = DayBroker(seen[0], market, simulator_numbers(), lambda: clock[0], live, frozenset(swapped))
    assert [one.qty for one in broker.read_positions()] == [D(60)]
    for moment in (EARLY, NOON + SLOT):
        clock[0] = moment
        broker.live_until(moment)
    return broker


def live(*fills: tuple[str, str, datetime], **given: object) -> LiveOrder:
    moved = tuple(
        Movement(order="desk-1", kind="FILL", symbol="XLF", qty=-D(qty), price=D(price), at=at)
        for qty, price, at in fills
    )
    return LiveOrder(replace(SALE, **given), NOON, None, cancelled=False, fills=moved, given=False)


def fills_of(broker: DayBroker) -> list[tuple[str, Decimal, Decimal | None, datetime]]:
    return [(one.order, one.qty, one.price, one.at) for one in broker.movements() if one.kind == "FILL"]


def test_a_standing_order_is_left_with_what_remains_and_meets_the_ticks_quote() -> None:
    broker = lived(None)
    assert fills_of(broker) == [("desk-1", D(-60), D("41.50"), NOON + SLOT)]
    shown = broker.find_order("desk-1")
    assert shown is not None
    assert (shown.status, shown.filled_qty, shown.filled_avg_price) == ("filled", D(100), D("41.34"))


def test_with_live_s_fills_it_fills_as_live_did_and_meets_no_quote() -> None:
    broker = lived(live(("10", "41.00", EARLY), ("20", "41.05", EARLY)), "price", "latency", "fill")
    assert fills_of(broker) == [("desk-1", D(-10), D("41.00"), EARLY), ("desk-1", D(-20), D("41.05"), EARLY)]
    shown = broker.find_order("desk-1")
    assert shown is not None
    assert (shown.status, shown.filled_qty) == ("partially_filled", D(70))
    assert [one.qty for one in broker.read_positions()] == [D(30)]


def test_without_that_swap_what_live_did_changes_nothing() -> None:
    assert fills_of(lived(live(("60", "41.00", EARLY)), "price", "latency")) == fills_of(lived(None))


def test_an_order_the_broker_ended_ends_here_and_one_we_cancelled_waits_for_our_own_word() -> None:
    ended = live(state="done", status="canceled")._replace(ended_at=EARLY)
    for cancelled, status in ((False, "canceled"), (True, "partially_filled")):
        shown = lived(ended._replace(cancelled=cancelled), "fill").find_order("desk-1")
        assert shown is not None
        assert shown.status == status


def test_what_the_record_cannot_tell_is_as_live_had_it_in_every_run() -> None:
    broker = lived(live(("60", "41.00", EARLY))._replace(given=True))
    assert fills_of(broker) == [("desk-1", D(-60), D("41.00"), EARLY)]


def test_a_new_order_carries_live_s_limit_arrives_when_it_did_or_is_refused_as_it_was() -> None:
    request = OrderRequest(
        client_order_id="desk-2", legs=SALE.legs, qty=D(60), order_type="limit", limit_price=D(45), time_in_force="day"
    )
    first = a_snapshot(NOON, positions=(held("XLF", "60"),), quotes=(a_quote("XLF", at=NOON),))
    later = NOON + timedelta(minutes=7)
    order = replace(SALE, client_order_id="desk-2", limit_price=D(43))
    known = LiveOrder(order, later, None, cancelled=False, fills=(), given=False)

    def sent(known: LiveOrder, *swapped: str) -> tuple[Decimal | None, datetime]:
        market = RecordedTicks((first,), mended=False)
        broker = DayBroker(first, market, simulator_numbers(), lambda: NOON, {"desk-2": known}, frozenset(swapped))
        taken = broker.submit(request)
        return taken.limit_price, taken.submitted_at

    assert sent(known) == (D(45), NOON)
    assert sent(known, "price") == (D(43), NOON)
    assert sent(known, "price", "latency") == (D(43), later)
    refused = known._replace(order=replace(order, state="refused", status="rejected"))
    assert sent(refused, "price", "latency") == (D(43), later)
    with pytest.raises(BrokerRefused, match="as it went live: rejected"):
        sent(refused, "fill")


def test_the_ledger_in_memory_knows_the_standing_order_and_the_owners_words_of_each_tick() -> None:
    seen = ticks()
    halted = replace(seen[1], halt=replace(seen[1].halt, level="stop", author="owner"))
    journal = DayJournal((seen[0], halted), None)
    (order,) = journal.memory(NOON, seen[0].session.day).own_orders
    assert (order.client_order_id, order.filled_qty) == ("desk-1", D(40))
    assert journal.memory(NOON + SLOT, seen[0].session.day).halt.level == "stop"
    assert journal.orders(NOON) == ()
    assert at_broker(replace(seen[0], own_orders=(replace(SALE, state="unknown"),))) == ()
