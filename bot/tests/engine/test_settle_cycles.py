"""Fills, assignment, expiry, lots, the three bases, cycles, fees, dividends and rolls in their ordinary course."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Halt
from bot.engine.settle_income import share_out
from bot.engine.valuation import cycle_result
from bot.tests.builders import NOON, a_lot, call, put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")


def test_a_whole_cycle_comes_to_the_digits_of_the_vector() -> None:
    """Wheel 2.13, with C016 to C019 in one turn: put, assignment, two calls, called away."""
    world, desk = BrokerLedger("5000"), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.tick(desk)
    world.wait(days=32)
    world.assign(PUT)
    result = world.tick(desk)
    (lot,) = result.books.lots
    assert (lot.basis_strike, lot.basis_tax, lot.basis_wheel) == (D("50"), D("48.80"), D("48.80"))
    (end,) = result.leg_ends
    assert (end.how, end.income, end.tax_income) == ("assigned", D("120"), D(0))
    first = call("XLF", date(2026, 3, 8), "52")
    world.trade(first, "sell_to_open", 1, "0.80", purpose="covered_call")
    world.tick(desk)
    world.wait(days=30)
    world.expire(first)
    world.pay_dividend("XLF", "0.25")
    result = world.tick(desk)
    assert result.books.lots[0].basis_tax == D("48.80")
    assert result.books.lots[0].basis_wheel == D("47.75")
    last = call("XLF", date(2026, 4, 5), "51")
    world.trade(last, "sell_to_open", 1, "0.90", purpose="covered_call")
    result = world.tick(desk)
    assert result.books.lots[0].basis_wheel == D("47.75"), "an open call does not count yet"
    world.wait(days=28)
    world.assign(last)
    world.contracts = D(0)  # a broker that charges nothing, as paper does
    result = world.tick(desk)
    (cycle,) = result.cycles_closed
    outcome = cycle_result(cycle)
    assert outcome.pnl == D("415.00")
    assert outcome.return_fraction == D("0.083")
    assert outcome.annualised_fraction is not None
    assert round(outcome.annualised_fraction, 4) == D("0.3366")
    assert cycle.capital_days == D(450_000)
    assert cycle.closed_at == world.at
    assert (result.books.lots, result.books.legs, result.books.cycles, result.drift) == ((), (), (), ())
    (sold,) = result.lot_ends
    assert (sold.how, sold.price, sold.income, sold.tax_income) == ("called_away", D(51), D(100), D("310.00"))


def test_pieces_of_one_order_make_one_leg_at_their_weighted_credit() -> None:
    world, desk = BrokerLedger(), Desk()
    name = world.place(PUT, "sell_to_open", 3)
    world.fill(name, "1.20", 1)
    world.tick(desk)
    world.wait(minutes=1)
    world.fill(name, "1.26", 2)
    result = world.tick(desk)
    (leg,) = result.books.legs
    assert (leg.qty, leg.credit) == (D(-3), D("1.24"))
    assert result.orders[0].filled_qty == 3
    assert result.orders[0].state == "done"
    assert result.books.cycles[0].legs == 1


def test_half_a_leg_bought_back_earns_half_and_carries_half_the_fees() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 2, "1.00")
    world.charge_fees()
    world.wait(days=1)
    world.trade(PUT, "buy_to_close", 1, "0.40", purpose="take_profit")
    result = world.tick(desk)
    (end,) = result.leg_ends
    assert (end.qty, end.income, end.tax_income) == (D(1), D("59.95"), D("59.95"))
    (leg,) = result.books.legs
    assert (leg.qty, leg.fees) == (D(-1), D("0.05"))


def test_fees_that_come_after_the_leg_ended_still_reach_their_cycle() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(minutes=30)
    world.trade(PUT, "buy_to_close", 1, "0.40", purpose="take_profit")
    assert world.tick(desk).cycles_closed == ()
    went_flat = world.at
    world.wait(minutes=300)
    world.charge_fees()
    (cycle,) = world.tick(desk).cycles_closed
    assert cycle.fees == D("0.10")
    assert cycle.closed_at == went_flat


def test_a_fee_is_shared_by_contracts_and_the_largest_takes_the_odd_cent() -> None:
    parts = share_out(D("1.00"), {"a": D(1), "b": D(1), "c": D(1)})
    assert parts == [("a", D("0.33")), ("b", D("0.33")), ("c", D("0.34"))]
    assert share_out(D("-0.05"), {"a": D(2), "b": D(1)}) == [("a", D("-0.03")), ("b", D("-0.02"))]


def test_the_put_fee_is_part_of_the_tax_basis() -> None:
    """Wheel 2.11: tax = K - c + f / (100 q)."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.charge_fees()
    world.wait(days=3)
    world.assign(PUT)
    assert world.tick(desk).books.lots[0].basis_tax == D("48.8005")


@pytest.mark.parametrize("missing", ["OPASN", "OPTRD"])
def test_an_assignment_listed_in_part_is_pending_and_ends_the_same(missing: str) -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.tick(desk)
    world.charge_fees()
    world.wait(days=3)
    world.assign(PUT)
    whole = world.reads()
    part = replace(whole, activities=tuple(line for line in whole.activities if line.kind != missing))
    early = desk.settle(part, world.at)
    assert {drift.kind for drift in early.drift} == {"pending"}
    late = desk.settle(whole, world.at)
    assert late.drift == ()
    assert late.books.cash == world.cash
    assert [(lot.qty, lot.basis_strike) for lot in late.books.lots] == [(D(100), D(50))]


def test_calls_take_the_oldest_lot_first() -> None:
    world, desk = BrokerLedger(), Desk()
    for strike in ("50", "48"):
        series = put("XLF", date(2026, 2, 6), strike)
        world.trade(series, "sell_to_open", 1, "1.00")
        world.wait(days=1)
        world.assign(series)
    series = call("XLF", date(2026, 2, 6), "51")
    world.trade(series, "sell_to_open", 1, "0.50", purpose="covered_call")
    world.wait(days=1)
    world.assign(series)
    result = world.tick(desk)
    assert [end.lot.basis_strike for end in result.lot_ends] == [D(50)]
    assert [lot.basis_strike for lot in result.books.lots] == [D(48)]


def test_a_put_sold_into_a_flat_symbol_begins_a_cycle_and_one_beside_shares_joins_it() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.trade(put("XLF", date(2026, 3, 6), "48"), "sell_to_open", 1, "0.90")
    result = world.tick(desk)
    assert len(result.books.cycles) == 1
    assert {result.books.lots[0].cycle, result.books.legs[0].cycle} == {result.books.cycles[0].id}


def test_a_split_multiplies_lots_and_divides_every_basis() -> None:
    world, desk = BrokerLedger(), Desk()
    series = put("XLF", date(2026, 2, 6), "50")
    world.trade(series, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(series)
    held = call("XLF", date(2026, 3, 6), "52")
    world.trade(held, "sell_to_open", 1, "0.80", purpose="covered_call")
    world.tick(desk)
    world.wait(days=1)
    after = call("XLF", date(2026, 3, 6), "26")
    world.line("SPLIT", "XLF", D(100), price=D(2), group_id="s")
    world.line("SPLIT", held, D(1), price=D(2), group_id="s")
    world.line("SPLIT", after, D(-2), price=D(2), group_id="s")
    result = world.tick(desk)
    (lot,) = result.books.lots
    assert (lot.qty, lot.basis_strike, lot.basis_tax) == (D(200), D(25), D("24.5"))
    (leg,) = result.books.legs
    assert (leg.symbol, leg.qty, leg.strike, leg.credit) == (after, D(-2), D(26), D("0.4"))
    assert result.drift == ()


def test_an_adopted_lot_joins_the_cycle_of_its_first_call_at_what_it_cost() -> None:
    world, desk = BrokerLedger(), Desk()
    world.line("FILL", "XLF", D(100), D(-4000), price=D(40), order_id="by-hand")
    world.tick(desk)
    lot = a_lot("XLF", basis="40", owner="adopted", cycle="", basis_wheel=D("39.50"))
    desk.books = replace(desk.books, lots=(lot,))
    assert world.tick(desk).held[0].owner == "adopted"
    series = call("XLF", date(2026, 2, 6), "42")
    world.trade(series, "sell_to_open", 1, "0.50", purpose="covered_call")
    assert world.tick(desk).books.lots[0].basis_wheel == D("39.50")
    world.contracts = D(0)
    world.wait(days=30)
    world.assign(series)
    (cycle,) = world.tick(desk).cycles_closed
    assert cycle_result(cycle).pnl == D("250.00")


def test_a_fee_that_names_its_order_is_that_orders_and_any_other_is_shared_out() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    name = world.trade(put("XLK", date(2026, 2, 6), "80"), "sell_to_open", 1, "2.00")
    world.line("FEE", net=D("-0.50"), order_id=world.orders[name].broker_order_id)
    world.line("FEE", net=D("-0.20"))
    world.line("FEE", net=D("-0.30"), order_id="an order that is not listed")
    fees = {leg.underlying: leg.fees for leg in world.tick(desk).books.legs}
    assert fees == {"XLF": D("0.25"), "XLK": D("0.75")}
    assert desk.books.cash == world.cash


def a_roll_begun() -> tuple[BrokerLedger, Desk]:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.tick(desk)
    world.wait(days=1)
    world.trade(PUT, "buy_to_close", 1, "1.50", purpose="roll_close", roll="roll-1", roll_ticks_max=3)
    return world, desk


def test_a_roll_bought_back_keeps_its_budget_and_waits_for_its_opening_leg() -> None:
    """Wheel 1.5: budget = actual debit and the fees of both orders."""
    world, desk = a_roll_begun()
    (roll,) = world.tick(desk).books.rolls
    assert (roll.stage, roll.qty, roll.budget, roll.ticks_left) == ("opening", D(1), D("150.11"), 3)
    assert desk.books.legs == ()
    assert len(desk.books.cycles) == 1, "a roll in flight keeps its cycle open"


def test_the_new_leg_of_a_roll_carries_the_chain_on() -> None:
    world, desk = a_roll_begun()
    old = desk.books.legs[0]
    world.tick(desk)
    world.wait(minutes=15)
    series = put("XLF", date(2026, 3, 6), "50")
    world.trade(series, "sell_to_open", 1, "1.70", purpose="roll_open", roll="roll-1")
    result = world.tick(desk)
    (leg,) = result.books.legs
    assert (leg.chain, leg.rolls) == (old.chain, 1)
    assert [roll.stage for roll in result.rolls_ended] == ["done"]
    assert result.books.rolls == ()


def test_a_roll_bought_back_in_part_is_still_closing_until_its_order_ends() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 3, "1.00")
    world.wait(days=1)
    name = world.place(PUT, "buy_to_close", 3, purpose="roll_close", roll="roll-1", roll_ticks_max=3)
    world.fill(name, "1.50", 1)
    (roll,) = world.tick(desk).books.rolls
    assert (roll.stage, roll.qty) == ("closing", D(3))
    world.orders[name] = replace(world.orders[name], status="canceled")
    world.wait(minutes=15)
    (roll,) = world.tick(desk).books.rolls
    assert (roll.stage, roll.qty, roll.budget) == ("opening", D(1), D("150.11"))


def test_a_roll_whose_last_piece_is_counted_and_not_listed_is_still_closing() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 2, "1.00")
    world.tick(desk)
    world.wait(days=1)
    world.trade(PUT, "buy_to_close", 2, "1.50", "1.52", purpose="roll_close", roll="roll-1", roll_ticks_max=3)
    desk.orders.update(world.own)
    reads = world.reads()
    late = desk.settle(replace(reads, activities=reads.activities[:-1]), world.at)
    assert [(roll.stage, roll.qty) for roll in late.books.rolls] == [("closing", D(2))]
    (roll,) = world.tick(desk).books.rolls
    assert (roll.stage, roll.qty, roll.budget) == ("opening", D(2), D("302.21"))


def test_a_roll_is_tried_for_its_ticks_and_then_abandoned_by_name() -> None:
    world, desk = a_roll_begun()
    world.tick(desk)
    for left in (2, 1):
        world.wait(minutes=15)
        assert world.tick(desk).books.rolls[0].ticks_left == left
        assert world.tick(desk).books.rolls[0].ticks_left == left, "a second tick in the slot uses nothing up"
    world.wait(minutes=15)
    result = world.tick(desk)
    assert [roll.stage for roll in result.rolls_ended] == ["abandoned"]
    assert any("roll of 1" in note and "ticks are used up" in note for note in result.notes)
    world.charge_fees()
    assert len(world.tick(desk).cycles_closed) == 1


def test_a_roll_given_up_and_the_cycle_it_kept_open_end_once_where_nothing_else_happened() -> None:
    """Long after the buy-back, with the fees booked: what ends is not told again, and ended when its last leg did."""
    world, desk = a_roll_begun()
    bought_back = world.at
    world.charge_fees()
    world.tick(desk)
    for _ in range(2):
        world.wait(days=7)
        world.tick(desk)
    world.wait(days=7)
    result = desk.settle(replace(world.reads(), activities=()), world.at)
    assert [roll.stage for roll in result.rolls_ended] == ["abandoned"]
    assert [cycle.closed_at for cycle in result.cycles_closed] == [bought_back]
    assert (result.books.rolls, result.books.cycles) == ((), ())
    world.wait(minutes=15)
    after = desk.settle(replace(world.reads(), activities=()), world.at)
    assert (after.rolls_ended, after.cycles_closed, after.notes) == ((), (), ())


def test_a_halt_drops_the_opening_leg_of_a_roll_in_flight() -> None:
    world, desk = a_roll_begun()
    desk.halt = Halt(level="no_new_risk", since=NOON)
    result = world.tick(desk)
    assert [roll.stage for roll in result.rolls_ended] == ["abandoned"]
    assert any("no_new_risk" in note for note in result.notes)


def test_what_the_broker_closes_for_us_is_booked_and_named() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 2, "1.00")
    world.tick(desk)
    world.wait(days=1)
    world.line("FILL", PUT, D(2), D(-100), price=D("0.50"), order_id="liquidation-1")
    result = world.tick(desk)
    assert [(end.how, end.income) for end in result.leg_ends] == [("closed_by_broker", D("100"))]
    assert any("not ours" in note for note in result.notes)
    assert result.fills[0].strategy == "foreign"
    assert result.drift == ()


def test_a_stop_that_fills_takes_the_lot_it_guards() -> None:
    world, desk = BrokerLedger(), Desk()
    for _ in range(2):
        world.trade("XLF", "buy_to_open", 100, "40", purpose="open")
        world.wait(days=1)
    second = world.tick(desk).books.lots[1]
    world.trade("XLF", "sell_to_close", 100, "38", purpose="trailing_stop", lot=second.id)
    result = world.tick(desk)
    assert [(end.lot.id, end.how, end.income) for end in result.lot_ends] == [(second.id, "stopped", D(-200))]
