"""A past rebuilt from the broker's lines: the same cycles and bases as if a desk had traded them, and named gaps."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.holdings import Position
from bot.engine.history import History, rebuild
from bot.engine.history_parts import opening_balances
from bot.engine.valuation import cycle_result
from bot.tests.builders import an_account, call, put
from bot.tests.engine.settle_world import BrokerLedger

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")
LATER_PUT = put("XLF", date(2026, 3, 6), "49")
CALL = call("XLF", date(2026, 3, 8), "52")


def past_of(world: BrokerLedger) -> History:
    reads = world.reads()
    return rebuild(reads.activities, reads.positions, reads.account, world.at)


def up_to_the_dividend() -> BrokerLedger:
    """The vector of wheel 2.13 before its last call: put 50 at 1.20, assigned; call 52 at 0.80; dividend."""
    world = BrokerLedger("5000")
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.wait(days=32)
    world.assign(PUT)
    world.trade(CALL, "sell_to_open", 1, "0.80")
    world.wait(days=30)
    world.expire(CALL)
    world.pay_dividend("XLF", "0.25")
    return world


def whole_cycle() -> BrokerLedger:
    """The same with its end: call 51 at 0.90, called away."""
    world = up_to_the_dividend()
    last = call("XLF", date(2026, 4, 5), "51")
    world.trade(last, "sell_to_open", 1, "0.90")
    world.wait(days=28)
    world.assign(last)
    world.contracts = D(0)
    return world


def test_the_past_comes_to_the_digits_of_the_vector() -> None:
    past = past_of(whole_cycle())
    (cycle,) = past.cycles
    outcome = cycle_result(cycle)
    assert outcome.pnl == D("415.00")
    assert outcome.return_fraction == D("0.083")
    assert outcome.annualised_fraction is not None
    assert round(outcome.annualised_fraction, 4) == D("0.3366")
    assert (cycle.option_cash, cycle.share_cash, cycle.dividends) == (D("290.00"), D(100), D("25.00"))
    assert (past.gaps, past.lots, past.legs, past.open_cycles) == ((), (), (), ())
    assert past.cash == past.cash_broker
    (year,) = past.income
    assert (year.premium, year.shares, year.dividends) == (D("290.00"), D(100), D("25.00"))


def test_an_open_lot_has_its_three_bases() -> None:
    """Wheel 2.11 and 2.13: tax basis 48.80, wheel basis 47.75 before the last call."""
    world = up_to_the_dividend()
    world.contracts = D(0)
    past = past_of(world)
    (lot,) = past.offered_lots
    assert (lot.basis_strike, lot.basis_tax, lot.basis_wheel) == (D(50), D("48.80"), D("47.75"))
    assert [cycle.id for cycle in past.offered_cycles] == [lot.cycle]


def test_lines_in_any_order_and_twice_give_the_same_past() -> None:
    world = whole_cycle()
    reads = world.reads()
    again = rebuild((*reversed(reads.activities), *reads.activities), reads.positions, reads.account, world.at)
    assert again == past_of(world)


def test_an_empty_account_has_an_empty_past() -> None:
    past = rebuild((), (), replace(an_account(), cash=D(0)), BrokerLedger().at)
    assert (past.lines, past.first_day, past.cycles, past.gaps) == (0, None, (), ())


steps = st.lists(
    st.tuples(
        st.sampled_from(["XLF", "EWZ"]), st.sampled_from(["expire", "close", "assign"]),
        st.sampled_from(["expire", "close", "assign"]), st.integers(1, 3), st.integers(10, 200), st.booleans(),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(steps)
def test_tax_book_and_income_book_are_equal_over_flat_to_flat_cycles(
    turns: list[tuple[str, str, str, int, int, bool]],
) -> None:
    """Wheel 2.10, and every cent of cash is explained."""
    world = BrokerLedger()
    for number, (symbol, put_end, call_end, qty, cents, fees) in enumerate(turns):
        series = put(symbol, date(2028, 1, 21), str(20 + number))
        world.trade(series, "sell_to_open", qty, str(D(cents) / 100))
        if fees:
            world.charge_fees()
        world.contracts = D(0)
        world.wait(days=3)
        if put_end == "expire":
            world.expire(series)
        elif put_end == "close":
            world.trade(series, "buy_to_close", qty, "0.07")
        else:
            world.assign(series)
            above = call(symbol, date(2028, 2, 18), str(21 + number))
            world.trade(above, "sell_to_open", qty, "0.33")
            world.wait(days=3)
            if call_end == "expire":
                world.expire(above)
            elif call_end == "close":
                world.trade(above, "buy_to_close", qty, "0.50")
            if call_end == "assign":
                world.assign(above)
            else:
                world.trade(symbol, "sell_to_close", 100 * qty, "19.5")
        world.contracts = D(0)
        world.wait(days=5)
    past = past_of(world)
    assert past.gaps == ()
    assert past.open_cycles == ()
    income = sum((year.premium + year.shares for year in past.income), D(0))
    assert income == sum((year.tax for year in past.income), D(0))
    charged = sum((end.amount for end in past.totals if end.kind == "FEE"), D(0))
    pnl = sum((cycle_result(cycle).pnl for cycle in past.cycles), D(0))
    assert pnl == sum((c.option_cash + c.share_cash for c in past.cycles), D(0)) + charged
    assert pnl == past.cash - D(100_000)


# What a fill did


def test_a_sale_beyond_the_long_position_is_cut_at_zero() -> None:
    world = BrokerLedger()
    world.trade(PUT, "buy_to_open", 1, "2.00")
    world.wait(days=1)
    world.trade(PUT, "sell_to_close", 3, "2.50")
    past = past_of(world)
    (leg,) = past.legs
    assert (leg.qty, leg.credit) == (D(-2), D("2.50"))
    assert [(end.qty, end.income) for end in past.leg_ends] == [(D(1), D("50.00"))]
    assert past.cash == past.cash_broker
    assert past.gaps == ()
    intents = [[one.position_intent for one in entry.order.legs] for entry in past.entries]
    assert intents == [["buy_to_open"], ["sell_to_open"]]


def test_pieces_of_one_order_are_one_leg() -> None:
    world = BrokerLedger()
    name = world.place(PUT, "sell_to_open", 3)
    world.fill(name, "1.20", 1)
    world.wait(minutes=1)
    world.fill(name, "1.26", 2)
    (leg,) = past_of(world).legs
    assert (leg.qty, leg.credit) == (D(-3), D("1.24"))


def test_shares_that_were_sold_and_never_bought_are_named_and_belong_to_no_cycle() -> None:
    world = BrokerLedger()
    world.line("FILL", "XLF", D(-100), D(5000), price=D(50), order_id="x")
    world.positions.clear()
    past = past_of(world)
    assert (past.cycles, past.lot_ends) == ((), ())
    assert past.cash == past.cash_broker
    (gap, begins) = past.gaps
    assert "100 shares of XLF were traded that no earlier line brought" in gap.what
    assert "the lines begin on 2026-01-05" in begins.what


def test_what_was_held_before_leaves_first_and_later_lots_keep_their_price() -> None:
    world = BrokerLedger()
    world.trade("XLF", "buy_to_open", 100, "40")
    world.wait(days=1)
    world.line("FILL", "XLF", D(-100), D(4100), price=D(41), order_id="sale")
    world.positions = {"XLF": D(100)}
    past = past_of(world)
    (lot,) = past.lots
    assert (lot.qty, lot.basis_strike) == (D(100), D(40))
    assert past.lot_ends == ()


def test_shares_beyond_the_lines_are_a_gap_with_the_command_that_states_their_price() -> None:
    world = BrokerLedger()
    world.trade("XLF", "buy_to_open", 100, "40")
    world.positions["XLF"] = D(250)
    past = past_of(world)
    assert [lot.qty for lot in past.offered_lots] == [D(100)]
    (gap, _) = past.gaps
    assert gap.what.startswith("the lines explain 100 of 250 shares of XLF")
    assert gap.do.startswith("`bot adopt XLF --qty 150 --basis`")


def test_shares_the_broker_no_longer_holds_are_not_offered() -> None:
    world = BrokerLedger()
    world.trade("XLF", "buy_to_open", 100, "40")
    world.positions.clear()
    past = past_of(world)
    assert (past.offered_lots, past.offered_cycles) == ((), ())
    assert "the lines come to 100 XLF and the broker holds 0" in past.gaps[0].what


def test_a_series_that_ended_without_a_line_is_named_and_not_taken_for_flat() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.positions.clear()
    past = past_of(world)
    assert past.cycles == ()
    assert past.offered_legs == ()
    assert "no line says how they ended (expiry 2026-02-06)" in past.gaps[0].what


def test_short_shares_are_named_and_left_alone() -> None:
    world = BrokerLedger()
    world.trade("XLF", "sell_to_open", 50, "40")
    past = past_of(world)
    assert (past.lots, past.entries) == ((), ())
    assert any("short shares are never traded here" in gap.do for gap in past.gaps)
    world.wait(days=1)
    world.trade("XLF", "buy_to_close", 50, "39")
    closed = past_of(world)
    assert closed.lots == ()
    assert [gap.what for gap in closed.gaps if "sold short" in gap.what] != []


@pytest.mark.parametrize("symbol", ["BTC/USD", "BTCUSD"])
def test_coins_are_counted_in_cash_and_in_nothing_else(symbol: str) -> None:
    world = BrokerLedger()
    world.line("FILL", symbol, D("0.5"), D(-20_000), price=D(40_000), order_id="c")
    past = past_of(world)
    assert past.lots == ()
    assert past.cash == past.cash_broker
    told = " ".join(gap.what for gap in past.gaps)
    assert "a pair of coins" in told


def test_a_symbol_nobody_can_read_is_named() -> None:
    world = BrokerLedger()
    world.line("FILL", "XLF 26X99 P", D(1), D(-100), price=D(1), order_id="c")
    past = past_of(world)
    assert any("no share and no option series" in gap.what for gap in past.gaps)


def test_a_line_of_unknown_kind_is_named_with_its_money() -> None:
    world = BrokerLedger()
    world.line("OTHER", "XLF", net=D("-12.34"), raw_type="VOF")
    world.line("OTHER", "XLF", net=D("-1.00"), raw_type="VOF")
    past = past_of(world)
    assert "2 lines of kind VOF: -13.34 USD" in past.gaps[0].what
    assert past.cash == past.cash_broker


def test_cash_that_no_line_explains_is_named_to_the_cent() -> None:
    world = BrokerLedger()
    reads = world.reads()
    account = replace(reads.account, cash=world.cash + D("0.01"))
    past = rebuild(reads.activities, reads.positions, account, world.at)
    assert [gap.amount for gap in past.gaps if gap.symbol == "CASH"] == [D("0.01")]


def test_shares_that_came_by_a_transfer_have_no_known_basis() -> None:
    world = BrokerLedger()
    world.line("ACATS", "XLF", D(100), D(0))
    past = past_of(world)
    assert past.lots == ()
    assert "the lines explain none of 100 shares of XLF" in past.gaps[0].what


def test_transfers_are_listed_and_no_income() -> None:
    world = BrokerLedger("5000")
    world.wait(days=1)
    world.line("CSW", net=D(-700))
    past = past_of(world)
    assert [(line.kind, line.net_amount) for line in past.transfers] == [("CSD", D(5000)), ("CSW", D(-700))]
    assert past.income == ()


# Cycles


def test_taking_profit_and_selling_again_on_one_day_begins_a_new_cycle() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=2)
    world.trade(PUT, "buy_to_close", 1, "0.40")
    world.wait(minutes=20)
    world.trade(LATER_PUT, "sell_to_open", 1, "1.10")
    past = past_of(world)
    assert [cycle_result(cycle).pnl for cycle in past.cycles] == [D("60.00")]
    assert len(past.open_cycles) == 1


def test_a_loss_bought_back_and_sold_again_on_one_day_is_a_roll_of_one_cycle() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=2)
    world.trade(PUT, "buy_to_close", 1, "1.60")
    world.wait(minutes=20)
    world.trade(LATER_PUT, "sell_to_open", 1, "1.90")
    past = past_of(world)
    assert past.cycles == ()
    (cycle,) = past.open_cycles
    assert (cycle.legs, cycle.option_cash) == (2, D("130.00"))
    assert [entry.reopens for entry in past.entries] == [False, True]


def test_a_loss_bought_back_and_sold_again_days_later_is_two_cycles() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=2)
    world.trade(PUT, "buy_to_close", 1, "1.60")
    world.wait(days=1)
    world.trade(LATER_PUT, "sell_to_open", 1, "1.90")
    past = past_of(world)
    assert [cycle_result(cycle).pnl for cycle in past.cycles] == [D("-60.00")]


def test_one_order_of_two_legs_is_a_roll_even_with_a_profit() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=2)
    world.line("FILL", PUT, D(1), D(-20), price=D("0.20"), order_id="mleg")
    world.line("FILL", LATER_PUT, D(-1), D(90), price=D("0.90"), order_id="mleg")
    past = past_of(world)
    assert past.cycles == ()
    assert past.open_cycles[0].legs == 2
    order = past.entries[-1].order
    assert [leg.position_intent for leg in order.legs] == ["buy_to_close", "sell_to_open"]
    assert order.limit_price == D("-0.70")


def test_fees_reach_the_cycle_that_traded_that_day_although_it_is_flat_by_then() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.charge_fees()
    world.wait(minutes=5)
    world.trade(PUT, "buy_to_close", 1, "0.40")
    world.wait(days=1)
    world.charge_fees()
    (cycle,) = past_of(world).cycles
    assert cycle.fees == D("0.10")


def test_a_split_multiplies_lots_and_moves_legs_to_their_new_series() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.trade(CALL, "sell_to_open", 1, "0.80")
    world.wait(days=1)
    after = call("XLF", date(2026, 3, 8), "26")
    world.line("SPLIT", "XLF", D(100), price=D(2), group_id="s")
    world.line("SPLIT", CALL, D(1), price=D(2), group_id="s")
    world.line("SPLIT", after, D(-2), price=D(2), group_id="s")
    past = past_of(world)
    (lot,) = past.lots
    assert (lot.qty, lot.basis_strike, lot.basis_tax) == (D(200), D(25), D("24.5"))
    assert [(leg.symbol, leg.qty, leg.credit) for leg in past.legs] == [(after, D(-2), D("0.4"))]
    assert past.gaps == ()
    world.wait(days=1)
    world.expire(after)
    assert past_of(world).gaps == ()


def test_long_options_are_followed_and_exercised() -> None:
    world = BrokerLedger()
    world.trade(CALL, "buy_to_open", 1, "1.00")
    world.wait(days=3)
    world.line("OPEXC", CALL, D(-1), group_id="e")
    world.line("OPTRD", "XLF", D(100), D(-5200), price=D(52), group_id="e")
    past = past_of(world)
    assert [(lot.qty, lot.basis_strike, lot.basis_tax) for lot in past.lots] == [(D(100), D(52), D(53))]
    assert past.gaps == ()


def test_an_assignment_of_a_put_that_was_never_sold_here_is_a_gap_and_its_shares_too() -> None:
    world = BrokerLedger()
    world.line("OPASN", PUT, D(1), group_id="a")
    world.line("OPTRD", "XLF", D(100), D(-5000), price=D(50), group_id="a")
    world.positions = {"XLF": D(100)}
    past = past_of(world)
    assert past.lots == ()
    assert any(gap.symbol == "XLF" and "explain none of 100" in gap.what for gap in past.gaps)


def test_an_opening_balance_is_assumed_only_where_the_lines_leave_no_other_reading() -> None:
    world = BrokerLedger()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    lines = tuple(world.lines)
    assert opening_balances(lines, ()) == {}, "a sale comes first: its end is what is missing"
    assert opening_balances(lines, (Position(symbol=PUT, qty=D(-3)),)) == {PUT: D(-2)}
    world = BrokerLedger()
    world.line("OPEXP", PUT, D(1))
    assert opening_balances(tuple(world.lines), ()) == {PUT: D(-1)}
