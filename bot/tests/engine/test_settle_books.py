"""Sub-ledgers: every dollar stands in exactly one book, whatever happened, and nothing is told twice."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.instruments import is_option
from bot.domain.ledger import Books, StrategyBook
from bot.domain.sessions import new_york_day
from bot.domain.subledger import FOREIGN, UNASSIGNED, worths
from bot.tests.builders import a_lot, an_option_leg, call, held, put
from bot.tests.engine.settle_world import BrokerLedger, Desk
from bot.tests.faults.soaking import many

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")
CALL = call("XLF", date(2026, 3, 6), "52")
MILL = D("0.001")


def book(desk: Desk, name: str) -> StrategyBook:
    return next(one for one in desk.books.strategies if one.strategy == name)


def together(desk: Desk) -> Decimal:
    return sum((one.cash for one in desk.books.strategies), D(0))


def test_money_moved_in_is_nobodys_and_premium_is_its_strategys() -> None:
    world, desk = BrokerLedger("5000"), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.line("INT", net=D("0.40"))
    world.charge_fees()
    world.tick(desk)
    wheel, nobody = book(desk, "wheel"), book(desk, UNASSIGNED)
    assert (wheel.premium, wheel.fees, wheel.carried, wheel.income) == (D(120), D("-0.05"), D(-120), D(0))
    assert (nobody.transfers, nobody.interest, nobody.cash) == (D(5000), D("0.40"), D("5000.40"))
    assert together(desk) == desk.books.cash == world.cash


def test_a_whole_cycle_earns_in_the_book_what_it_earned_in_the_cycle() -> None:
    """The vector of wheel 2.13: P&L 415.00, all of it the wheel's."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.wait(days=32)
    world.assign(PUT)
    first = call("XLF", new_york_day(world.at) + timedelta(days=30), "52")
    world.trade(first, "sell_to_open", 1, "0.80", purpose="covered_call")
    world.wait(days=30)
    world.expire(first)
    world.pay_dividend("XLF", "0.25")
    last = call("XLF", new_york_day(world.at) + timedelta(days=28), "51")
    world.trade(last, "sell_to_open", 1, "0.90", purpose="covered_call")
    world.wait(days=28)
    world.assign(last)
    world.tick(desk)
    wheel = book(desk, "wheel")
    assert (wheel.cash, wheel.premium, wheel.shares, wheel.dividends) == (D("415.00"), D(290), D(100), D(25))
    assert wheel.income == wheel.tax_income == D(390)
    assert wheel.carried == 0


def test_an_exit_of_another_strategy_pays_the_book_that_held_the_shares() -> None:
    """A stop is the trailing stop's order; the lot it sells is the wheel's, and so is the money."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.tick(desk)
    world.trade("XLF", "sell_to_close", 100, "49", purpose="trailing_stop", strategy="stops")
    world.tick(desk)
    assert book(desk, "wheel").cash == D(0)
    assert [one.strategy for one in desk.books.strategies] == [FOREIGN, UNASSIGNED, "wheel"]


def test_two_strategies_on_two_symbols_keep_apart() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.trade(put("GLD", date(2026, 2, 6), "30"), "sell_to_open", 1, "0.40", strategy="second")
    world.charge_fees()
    world.tick(desk)
    assert (book(desk, "wheel").cash, book(desk, "second").cash) == (D("99.95"), D("39.95"))
    assert together(desk) == world.cash


def test_what_others_trade_is_the_foreign_books() -> None:
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    world.strange("KO", 100, "60.00")
    world.tick(desk)
    world.pay_dividend("KO", "0.50")
    world.charge_fees()
    world.tick(desk)
    foreign = book(desk, FOREIGN)
    assert (foreign.shares, foreign.dividends, foreign.income) == (D(-6000), D(50), D(0))
    assert together(desk) == world.cash


def test_a_dividend_is_shared_with_what_is_foreign_and_only_ours_lowers_the_basis() -> None:
    """300 shares of others must not lower the floor of a call on our 100 (wheel 2.11)."""
    world, desk = BrokerLedger(), Desk()
    world.strange("XLF", 300, "48.00")
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.tick(desk)
    world.pay_dividend("XLF", "0.25")
    (lot,) = world.tick(desk).books.lots
    assert (book(desk, "wheel").dividends, book(desk, FOREIGN).dividends) == (D(25), D(75))
    assert (lot.basis_tax, lot.basis_wheel) == (D(49), D("48.75"))
    assert desk.books.cycles[0].dividends == D(25)


def test_a_dividend_paid_after_the_shares_left_is_the_open_cycles() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.tick(desk)
    world.line("DIV", "XLF", net=D("25.00"))
    world.tick(desk)
    assert book(desk, "wheel").dividends == D(25)


def test_an_assignment_listed_in_part_leaves_the_other_half_in_a_book_of_nobody() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.tick(desk)
    world.wait(days=1)
    world.assign(PUT)
    reads = world.reads()
    half = replace(reads, activities=tuple(line for line in reads.activities if line.kind != "OPTRD"))
    for name, own in world.own.items():
        desk.orders.setdefault(name, own)
    assert desk.settle(half, world.at).drift
    assert book(desk, "wheel").shares == D(-5000)
    assert together(desk) == desk.books.cash
    assert world.tick(desk).drift == ()
    assert (book(desk, "wheel").shares, book(desk, FOREIGN).cash) == (D(-5000), D(0))
    assert together(desk) == desk.books.cash == world.cash


# What changes hands between ticks


def test_adopted_shares_are_bought_from_the_foreign_book_at_what_they_cost() -> None:
    world, desk = BrokerLedger(), Desk()
    world.strange("XLF", 100, "40.00")
    world.tick(desk)
    desk.books = replace(desk.books, lots=(a_lot("XLF", basis="38", owner="adopted", cycle=""),))
    world.tick(desk)
    assert (book(desk, "wheel").moved, book(desk, "wheel").carried) == (D(-3800), D(3800))
    assert (book(desk, FOREIGN).moved, book(desk, FOREIGN).cash) == (D(3800), D(-200))
    before = desk.books.strategies
    world.tick(desk)
    assert desk.books.strategies == before, "it changes hands once"
    assert together(desk) == world.cash


def test_a_basis_stated_later_is_paid_then() -> None:
    world, desk = BrokerLedger(), Desk()
    world.strange("XLF", 100, "40.00")
    world.tick(desk)
    unknown = replace(a_lot("XLF", owner="adopted", cycle=""), basis_strike=None, basis_tax=None, basis_wheel=None)
    desk.books = replace(desk.books, lots=(unknown,))
    world.tick(desk)
    assert book(desk, "wheel").moved == D(0)
    desk.books = replace(desk.books, lots=(replace(unknown, basis_strike=D(41), basis_tax=D(41), basis_wheel=D(41)),))
    world.tick(desk)
    assert book(desk, "wheel").moved == D(-4100)


def test_a_ledger_older_than_these_books_begins_with_its_cash_unassigned_and_its_holdings_at_cost() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.trade(CALL, "sell_to_open", 1, "0.80", purpose="covered_call")
    world.tick(desk)
    desk.books = replace(desk.books, strategies=())
    world.tick(desk)
    wheel, nobody = book(desk, "wheel"), book(desk, UNASSIGNED)
    assert (wheel.moved, wheel.carried) == (D(-4920), D(4920))
    assert (nobody.opening, nobody.moved) == (world.cash, D(4920))
    assert together(desk) == world.cash


def test_books_that_begin_with_the_brokers_cash_begin_unassigned() -> None:
    world, desk = BrokerLedger(), Desk()
    world.cash += 7
    world.tick(desk)
    assert book(desk, UNASSIGNED).opening == world.cash == together(desk)


# What they hold


def test_all_books_together_hold_what_the_broker_shows() -> None:
    books = Books(
        lots=(a_lot("XLF", "100"), a_lot("XLF", "50", id="other", strategy="second")),
        legs=(an_option_leg(PUT, "-1", credit="1.00"),),
        strategies=(StrategyBook(strategy="idle"),),
    )
    shown = (
        held("XLF", "400", "mixed"), held(PUT, "-1", "ours"),
        held("KO", "10", "foreign"),
    )  # fmt: skip
    found = worths(books, shown, [("XLF", D(50)), (PUT, D("1.50")), ("KO", D(60))])
    assert found["wheel"].value == D(5000) - 150
    assert found["wheel"].collateral == D(5000)
    assert found["second"].value == D(2500)
    assert found[FOREIGN].value == D(250) * 50 + 600
    assert found["idle"].value == D(0)
    assert sum(one.value for one in found.values()) == D(400) * 50 - 150 + 600


def test_what_waits_for_its_lines_is_unassigned_and_a_price_nobody_stated_is_counted() -> None:
    from bot.domain.ledger import Drift

    waits = Drift(symbol="XLF", kind="pending", what="assignment pending", broker=D(100), ours=D(0))
    unknown = replace(a_lot("KO", "10"), basis_strike=None)
    books = Books(legs=(an_option_leg(PUT, "-1"),), lots=(unknown,), drift=(waits,))
    found = worths(books, (held("XLF", "100", "foreign"),), [("XLF", D(48))])
    assert found[UNASSIGNED].value == D(4800)
    assert found["wheel"].value == D(0), "the put is gone at the broker"
    assert found["wheel"].unknown == D(10)


# Anything at all

events = st.lists(
    st.tuples(st.integers(0, 13), st.integers(0, 1), st.integers(1, 3), st.integers(5, 200)), min_size=5, max_size=20
)


def happen(world: BrokerLedger, kind: int, name: int, qty: int, cents: int) -> None:
    """Let one legal thing happen to an account that others trade in too, or nothing."""
    symbol = ("XLF", "GLD")[name]
    price, today = str(D(cents) / 100), new_york_day(world.at)
    shorts = sorted(one for one in world.positions if is_option(one) and one.startswith(symbol))
    shares = world.positions.get(symbol, D(0))
    strategy = ("wheel", "second")[cents % 2]
    if kind <= 2:
        world.trade(put(symbol, today + timedelta(days=30), "50"), "sell_to_open", qty, price, strategy=strategy)
    elif kind == 3 and shorts:
        world.strange(shorts[0], min(qty, int(-world.positions[shorts[0]])), price)
    elif kind == 4 and shorts:
        world.assign(shorts[0], min(qty, int(-world.positions[shorts[0]])))
    elif kind == 5 and shorts:
        world.assign(shorts[-1], 1)
        if shorts[-1] in world.positions:
            world.expire(shorts[-1])  # a pin: a part is assigned, the rest expires
    elif kind == 6 and shares:
        world.pay_dividend(symbol, price)
    elif kind == 7:
        world.line("CSD" if cents % 2 else "CSW", net=D(cents) * (1 if cents % 2 else -1))
    elif kind == 8:
        world.strange(symbol, qty * 10, "50.00")
    elif kind == 9 and shares >= 10:
        world.strange(symbol, -10, "51.00")
    elif kind == 10 and shares and not shorts:
        world.split(symbol, (D(2), D(1) / 3, D("1.5"))[qty - 1], "33.33" if cents % 2 else "")
    elif kind == 11 and shares >= 100:
        world.trade(symbol, "sell_to_close", 1, "49.50", purpose="close", strategy="owner")
    elif kind == 12:
        world.line("ACATS", symbol, D(qty))
    elif kind == 13:
        world.line("INT", net=-D(cents) / 100)
    world.wait(minutes=11)
    if cents % 3 == 0:
        world.charge_fees()
        world.wait(days=1)


def ours(books: Books) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for symbol, qty in [*((one.symbol, one.qty) for one in books.lots), *((one.symbol, one.qty) for one in books.legs)]:
        found[symbol] = found.get(symbol, D(0)) + qty
    return found


@settings(max_examples=many(80, 2000), deadline=None)
@given(events)
def test_whatever_happens_the_books_sum_to_the_brokers_cash_and_positions(steps: list[tuple[int, ...]]) -> None:
    world, desk = BrokerLedger(), Desk()
    for step in steps:
        happen(world, *step)
        result = world.tick(desk)
        assert together(desk) == result.books.cash == world.cash
        assert [one for one in result.drift if one.symbol == "CASH"] == []
        marks = [(symbol, D("47.11")) for symbol in world.positions]
        value = sum((one.value for one in worths(result.books, result.held, marks).values()), D(0))
        each = sum((qty * D("47.11") * (100 if is_option(name) else 1) for name, qty in world.positions.items()), D(0))
        assert value == each
        for symbol, qty in ours(result.books).items():
            assert 0 < qty / world.positions[symbol] <= 1, f"{symbol}: the books never hold more than the broker"


@settings(max_examples=many(60, 2000), deadline=None)
@given(events, st.sets(st.integers(0, 20)))
def test_several_things_between_two_ticks_come_to_the_same_cash_and_never_to_more_than_is_held(
    steps: list[tuple[int, ...]], ticked: set[int]
) -> None:
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    for number, step in enumerate(steps):
        happen(world, *step)
        if number in ticked or number == len(steps) - 1:
            result = world.tick(desk)
            assert together(desk) == result.books.cash == world.cash
            assert result.drift == ()
            for symbol, qty in ours(result.books).items():
                assert 0 < qty / world.positions[symbol] <= 1


@settings(max_examples=many(60, 2000), deadline=None)
@given(events)
def test_a_book_holds_as_cash_what_it_earned_less_what_is_open(steps: list[tuple[int, ...]]) -> None:
    """Cash and cost of what is open = income and dividends less the fees that no ended leg carried."""
    world, desk = BrokerLedger(), Desk()
    for step in steps:
        happen(world, *step)
        world.tick(desk)
    for one in desk.books.strategies:
        if one.strategy in (FOREIGN, UNASSIGNED):
            continue
        ends = [end for result in desk.results for end in result.leg_ends if end.leg.strategy == one.strategy]
        fees = sum((end.leg.fees * end.qty / abs(end.leg.qty) for end in ends), D(0))
        assert abs(one.cash + one.carried - (one.income + one.dividends + one.fees + fees + one.moved)) < MILL


@settings(max_examples=many(40, 1000), deadline=None)
@given(events, st.randoms(use_true_random=False))
def test_lines_told_twice_or_in_another_order_change_nothing(steps: list[tuple[int, ...]], random: object) -> None:
    """F7: the broker's list may be turned around and repeat itself."""
    world, plain, turned = BrokerLedger(), Desk(), Desk()
    for step in steps:
        happen(world, *step)
        world.tick(plain)
        for name, own in world.own.items():
            turned.orders.setdefault(name, own)
        reads = world.reads()
        lines = [*reads.activities, *reads.activities[-3:]]
        groups = {line.at for line in lines}
        shuffled = sorted(groups)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        again = [line for moment in shuffled for line in lines if line.at == moment]
        turned.settle(replace(reads, activities=tuple(again)), world.at)
        turned.settle(replace(reads, activities=tuple(again)), world.at)
    assert turned.books == plain.books


@pytest.mark.parametrize("name", [FOREIGN, UNASSIGNED])
def test_the_books_of_nobody_earn_nothing(name: str) -> None:
    world, desk = BrokerLedger(), Desk()
    world.strange("KO", 100, "60")
    world.strange("KO", -100, "70")
    world.tick(desk)
    assert (book(desk, name).income, book(desk, name).tax_income) == (D(0), D(0))


# Rules of the wheel that had no test of their own


def test_a_pin_that_is_assigned_in_part_keeps_one_lot_and_ends_the_rest() -> None:
    """Wheel 1.17: a part is assigned, the rest expires; each contract's premium goes where its contract went."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 3, "1.00")
    world.wait(days=32)
    world.assign(PUT, 1)
    world.expire(PUT)
    result = world.tick(desk)
    assert [(end.how, end.qty, end.income, end.tax_income) for end in result.leg_ends] == [
        ("assigned", D(1), D(100), D(0)), ("expired", D(2), D(200), D(200)),
    ]  # fmt: skip
    (lot,) = result.books.lots
    assert (lot.qty, lot.basis_strike, lot.basis_tax, lot.basis_wheel) == (D(100), D(50), D(49), D(47))
    assert (result.books.legs, result.drift) == ((), ())


def test_a_call_assigned_on_the_eve_of_its_ex_date_takes_the_shares_and_leaves_no_dividend() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.trade(CALL, "sell_to_open", 1, "0.80", purpose="covered_call")
    world.tick(desk)
    world.wait(days=20)
    world.assign(CALL)
    result = world.tick(desk)
    assert [(end.how, end.price) for end in result.lot_ends] == [("called_away", D(52))]
    assert (book(desk, "wheel").income, book(desk, "wheel").tax_income) == (D(380), D(380))
    assert (book(desk, "wheel").dividends, result.drift) == (D(0), ())


def test_a_losing_roll_raises_the_wheel_basis_and_an_open_call_does_not_touch_it() -> None:
    """Wheel 2.11: open calls count only when they ended."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.trade(CALL, "sell_to_open", 1, "0.80", purpose="covered_call")
    assert world.tick(desk).books.lots[0].basis_wheel == D(49)
    world.wait(days=1)
    world.trade(CALL, "buy_to_close", 1, "1.30", purpose="roll_close", roll="r", roll_ticks_max=9)
    assert world.tick(desk).books.lots[0].basis_wheel == D("49.50")


def test_money_moved_in_is_no_result_and_interest_and_fees_are() -> None:
    """Wheel 2.14: F = CSD, CSW, TRANS, JNLC, ACATC; DIV, INT, FEE are P&L."""
    world, desk = BrokerLedger("10000"), Desk()
    world.tick(desk)
    for kind, net in (("CSD", 1000), ("CSW", -300), ("TRANS", 5), ("JNLC", 7), ("ACATC", 11), ("INT", 3), ("FEE", -2)):
        world.line(kind, net=D(net))
    world.line("DIV", "KO", net=D(4))
    assert world.tick(desk).flow == D(1000 - 300 + 5 + 7 + 11)
    nobody = book(desk, UNASSIGNED)
    assert (nobody.transfers, nobody.interest, nobody.fees, nobody.dividends) == (D(10723), D(3), D(-2), D(4))


def test_a_cent_is_unexplained_once_no_fee_can_be_owed_any_more() -> None:
    """Wheel 1.12: paper books no fees at all; what traded last week leaves no room this week."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.tick(desk)
    evening = world.at + timedelta(hours=7)
    off = replace(world.reads(), account=replace(world.reads().account, cash=world.cash - D("0.01"), accrued_fees=D(0)))
    assert desk.settle(off, evening).drift == ()
    later = desk.settle(off, evening + timedelta(days=4))
    assert [(one.symbol, one.kind) for one in later.drift] == [("CASH", "unexplained")]


# What others trade beside us between two ticks


def a_holder_beside(others: int) -> tuple[BrokerLedger, Desk]:
    world, desk = BrokerLedger(), Desk()
    if others:
        world.strange("XLF", others, "50")
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.tick(desk)
    world.wait(minutes=15)
    return world, desk


def test_shares_bought_and_sold_by_hand_between_two_ticks_leave_ours_alone() -> None:
    """Booked against our lots, the sale would have shrunk the wheel and made up a result of its own."""
    world, desk = a_holder_beside(0)
    world.strange("XLF", 10, "50")
    world.strange("XLF", -10, "51")
    result = world.tick(desk)
    assert ([lot.qty for lot in result.books.lots], result.lot_ends, result.drift) == ([D(100)], (), ())
    assert book(desk, FOREIGN).shares == D(10)


def test_two_sales_by_hand_take_their_own_shares_first_and_only_then_ours() -> None:
    world, desk = a_holder_beside(50)
    world.strange("XLF", -40, "50")
    world.strange("XLF", -40, "50")
    result = world.tick(desk)
    assert [lot.qty for lot in result.books.lots] == [D(70)]
    assert [(end.how, end.qty) for end in result.lot_ends] == [("sold_by_broker", D(30))]
    assert result.drift == ()


def test_contracts_traded_by_hand_between_two_ticks_leave_ours_alone() -> None:
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", 1, "1.00")
    world.tick(desk)
    world.strange(PUT, -2, "0.90")
    world.strange(PUT, 2, "0.80")
    result = world.tick(desk)
    assert ([leg.qty for leg in result.books.legs], result.leg_ends, result.drift) == ([D(-1)], (), ())


def test_a_dividend_after_a_purchase_by_hand_in_the_same_reading_is_shared() -> None:
    world, desk = a_holder_beside(0)
    world.strange("XLF", 300, "50")
    world.pay_dividend("XLF", "0.25")
    world.tick(desk)
    assert (book(desk, "wheel").dividends, book(desk, FOREIGN).dividends) == (D(25), D(75))
