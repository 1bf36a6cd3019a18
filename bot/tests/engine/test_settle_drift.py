"""Order states by proof, the first settlement, ownership, and differences that are pending or unexplained."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.holdings import Position
from bot.domain.ledger import Books, Instruction
from bot.engine.ports import Reads
from bot.tests.builders import a_lot, an_option_leg, call, put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")


def a_wheel() -> tuple[BrokerLedger, Desk]:
    """Hold one short put, fees booked, a day gone by."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.charge_fees()
    world.tick(desk)
    world.wait(days=1)
    world.tick(desk)
    return world, desk


def with_positions(reads: Reads, **qty: str) -> Reads:
    shown = {position.symbol: position.qty for position in reads.positions}
    shown.update({symbol: D(number) for symbol, number in qty.items()})
    return replace(reads, positions=tuple(Position(symbol=s, qty=q) for s, q in shown.items() if q))


def kinds(drift: Any) -> dict[str, str]:
    return {one.symbol: one.kind for one in drift}


# Orders


def test_a_planned_order_was_never_sent() -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 1)
    world.own[name] = replace(world.own[name], state="planned", broker_order_id="", status="")
    del world.orders[name]
    assert [order.state for order in world.tick(desk).orders] == ["not_sent"]


@pytest.mark.parametrize("state", ["sending", "unknown", "planned"])
def test_an_unresolved_order_that_the_broker_shows_is_proved(state: Any) -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 1)
    world.own[name] = replace(world.own[name], state=state, broker_order_id="", status="")
    (order,) = world.tick(desk).orders
    assert (order.state, order.broker_order_id) == ("working", f"b-{name}")


@pytest.mark.parametrize("state", ["sending", "unknown", "working"])
def test_nothing_is_concluded_from_one_absence(state: Any) -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 1)
    world.own[name] = replace(world.own[name], state=state)
    del world.orders[name]
    assert world.tick(desk).orders == ()
    assert desk.orders[name].state == state


@pytest.mark.parametrize(("status", "state"), [("canceled", "done"), ("a_new_word", "working"), ("rejected", "done")])
def test_a_terminal_status_ends_an_order_and_an_unknown_one_does_not(status: str, state: str) -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 1)
    world.orders[name] = replace(world.orders[name], status=status)
    assert [(order.state, order.status) for order in world.tick(desk).orders] == [(state, status)]


def test_a_fill_finds_its_order_through_the_client_id_when_no_answer_came_back() -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.trade(PUT, "sell_to_open", 1, "1.00")
    world.own[name] = replace(world.own[name], state="unknown", broker_order_id="", status="")
    result = world.tick(desk)
    assert [fill.client_order_id for fill in result.fills] == [name]
    assert result.books.legs[0].qty == -1


def test_orders_of_others_are_shown_while_they_live() -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 1)
    del world.own[name]
    assert [order.client_order_id for order in world.tick(desk).foreign_orders] == [name]
    world.orders[name] = replace(world.orders[name], status="canceled")
    assert world.tick(desk).foreign_orders == ()


def test_a_lot_remembers_the_high_water_mark_of_its_stop() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade("XLF", "buy_to_open", 100, "40", purpose="open")
    lot = world.tick(desk).books.lots[0]
    name = world.place("XLF", "sell_to_close", 100, purpose="trailing_stop", lot=lot.id)
    world.orders[name] = replace(world.orders[name], high_water_mark=D("43.21"), stop_price=D("38.02"))
    result = world.tick(desk)
    assert result.books.lots[0].high_water_mark == D("43.21")
    assert result.orders[0].stop_price == D("38.02")


# First settlement


def test_a_history_that_explains_the_cash_is_booked_from_the_start() -> None:
    world, desk = BrokerLedger("25000"), Desk()
    result = world.tick(desk)
    assert (result.books.cash, result.flow) == (D(25000), D(25000))


def test_a_history_that_does_not_explain_the_cash_is_a_baseline_and_positions_are_foreign() -> None:
    world, desk = BrokerLedger("25000"), Desk()
    world.cash += D("312.18")
    world.positions["SPY"] = D(10)
    result = world.tick(desk)
    assert (result.books.cash, result.flow, result.drift) == (D("25312.18"), D(0), ())
    assert [line.kind for line in result.activities] == ["CSD"]
    assert result.held[0].owner == "foreign"
    assert any("bot adopt SPY" in note for note in result.notes)
    assert not world.tick(desk).notes, "it is said once"


# Ownership


def test_shares_beyond_our_lots_are_mixed_and_no_drift() -> None:
    world, desk = a_wheel()
    result = desk.settle(with_positions(world.reads(), **{PUT: "-3", "SPY": "5"}), world.at)
    assert {held.position.symbol: held.owner for held in result.held} == {PUT: "mixed", "SPY": "foreign"}
    assert result.drift == ()


def test_fewer_shares_than_our_lots_are_unexplained() -> None:
    world, desk = a_wheel()
    desk.books = replace(desk.books, lots=(a_lot("XLF", cycle=desk.books.cycles[0].id),))
    result = desk.settle(with_positions(world.reads(), XLF="60"), world.at)
    assert kinds(result.drift) == {"XLF": "unexplained"}
    since = result.drift[0].since
    world.wait(minutes=15)
    assert desk.settle(with_positions(world.reads(), XLF="60"), world.at).drift[0].since == since


# Pending


def test_shares_that_replace_a_short_put_are_an_assignment_pending() -> None:
    """Wheel 1.11: paper shows positions at once and the lines the next day."""
    world, desk = a_wheel()
    reads = with_positions(world.reads(), **{PUT: "0", "XLF": "100"})
    reads = replace(reads, account=replace(reads.account, cash=world.cash - 5000))
    result = desk.settle(reads, world.at)
    assert kinds(result.drift) == {PUT: "pending", "XLF": "pending", "CASH": "pending"}
    until = result.drift[0].expected_until
    assert until is not None
    late = desk.settle(reads, until + timedelta(minutes=1))
    assert kinds(late.drift)[PUT] == "unexplained"
    later = desk.settle(reads, until + timedelta(minutes=16))
    assert kinds(later.drift)[PUT] == "unexplained", "it does not begin to wait again"


def test_a_put_that_left_the_positions_after_its_expiry_is_pending() -> None:
    world, desk = a_wheel()
    world.trade(put("GLD", date(2026, 3, 6), "50"), "sell_to_open", 1, "1.00")
    world.at = world.at.replace(month=2, day=6, hour=21, minute=30)
    result = desk.settle(with_positions(world.reads(), **{PUT: "0"}), world.at)
    assert kinds(result.drift) == {PUT: "pending"}
    assert {held.position.symbol: held.owner for held in result.held} == {
        put("GLD", date(2026, 3, 6), "50"): "foreign"
    }, "a fill of an order nobody told us of is not ours"


def test_the_last_option_that_expires_empties_the_account_without_alarm() -> None:
    world, desk = a_wheel()
    world.at = world.at.replace(month=2, day=6, hour=21, minute=0)
    result = desk.settle(with_positions(world.reads(), **{PUT: "0"}), world.at)
    assert kinds(result.drift) == {PUT: "pending"}
    assert result.books.last_positions == ()
    assert result.books.legs, "nothing ends before the broker lists it"


def test_a_fill_that_is_counted_and_not_listed_is_pending() -> None:
    world, desk = a_wheel()
    name = world.trade(put("GLD", date(2026, 3, 6), "50"), "sell_to_open", 1, "1.00")
    desk.orders[name] = world.own[name]
    reads = world.reads()
    result = desk.settle(replace(reads, activities=reads.activities[:-1]), world.at)
    assert kinds(result.drift) == {put("GLD", date(2026, 3, 6), "50"): "pending", "CASH": "pending"}
    assert desk.settle(reads, world.at).drift == ()


def test_an_empty_list_after_a_full_one_is_never_read_as_flat() -> None:
    world, desk = a_wheel()
    before = desk.books.last_positions
    reads = replace(world.reads(), positions=())
    result = desk.settle(reads, world.at)
    assert kinds(result.drift) == {PUT: "unexplained"}
    assert result.books.last_positions == before
    assert result.books.legs
    assert desk.settle(world.reads(), world.at).drift == (), "a good reading clears it"


def test_a_foreign_position_that_vanishes_with_everything_is_doubted_too() -> None:
    world, desk = BrokerLedger(), Desk()
    world.positions["SPY"] = D(10)
    world.cash += 1
    world.tick(desk)
    reads = replace(world.reads(), positions=())
    assert kinds(desk.settle(reads, world.at).drift) == {"SPY": "unexplained"}


def test_an_emptied_account_whose_fills_are_listed_is_flat() -> None:
    world, desk = a_wheel()
    world.trade(PUT, "buy_to_close", 1, "0.40", purpose="take_profit")
    result = world.tick(desk)
    assert (result.drift, result.books.last_positions, result.held) == ((), (), ())


# Cash


@pytest.mark.parametrize(("off", "expected"), [("1.00", {}), ("1.01", {"CASH": "unexplained"})])
def test_a_dollar_within_the_session_is_let_pass_and_no_more(off: str, expected: dict[str, str]) -> None:
    """Wheel 1.12."""
    world, desk = a_wheel()
    world.cash += D(off)
    assert kinds(world.tick(desk).drift) == expected


def test_outside_the_session_every_cent_is_told_once_fees_are_booked() -> None:
    world, desk = a_wheel()
    world.wait(minutes=600)
    world.cash -= D("0.01")
    assert kinds(world.tick(desk).drift) == {"CASH": "unexplained"}


def test_many_contracts_widen_the_tolerance_until_their_fees_are_booked() -> None:
    world, desk = BrokerLedger("999999"), Desk()
    world.tick(desk)
    world.trade(PUT, "sell_to_open", 30, "1.00")
    world.tick(desk)
    world.wait(minutes=600)
    world.cash -= D("3.00")
    assert world.tick(desk).drift == ()
    world.cash += D("3.00")
    world.charge_fees()
    world.cash -= D("0.02")
    assert kinds(world.tick(desk).drift) == {"CASH": "unexplained"}


# Instructions


def test_the_owners_word_on_a_contract_ends_with_the_contract() -> None:
    world, desk = a_wheel()
    gone = call("GLD", date(2026, 2, 6), "50")
    words = tuple(Instruction(contract=one, word="hold", at=world.at, author="owner") for one in (PUT, gone))
    desk.books = replace(desk.books, instructions=words)
    assert [one.contract for one in world.tick(desk).books.instructions] == [PUT]


def test_books_without_anything_compare_equal_to_an_empty_account() -> None:
    world, desk = BrokerLedger("0"), Desk(Books(cash=D(0)))
    result = world.tick(desk)
    assert (result.drift, result.held) == ((), ())


def test_shares_that_were_foreign_before_are_no_assignment_of_an_adopted_put() -> None:
    world, desk = BrokerLedger(), Desk()
    world.line("FILL", "XLF", D(100), D(-4000), price=D(40), order_id="by-hand")
    series = put("XLF", date(2026, 2, 6), "38")
    world.line("FILL", series, D(-1), D(60), price=D("0.60"), order_id="by-hand")
    world.tick(desk)
    desk.books = replace(desk.books, legs=(an_option_leg(series, owner="adopted", cycle=""),))
    world.wait(minutes=15)
    assert world.tick(desk).drift == ()
    world.wait(minutes=15)
    world.positions["XLF"] += 100
    del world.positions[series]
    early = world.tick(desk)
    assert {(one.kind, one.what) for one in early.drift if one.symbol != "CASH"} == {("pending", "assignment pending")}
    world.wait(minutes=15)
    again = world.tick(desk)
    assert {one.what for one in again.drift if one.symbol != "CASH"} == {"assignment pending"}, "it stays what it is"
