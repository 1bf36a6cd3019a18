"""Settlement over random legal histories: money, both books, idempotence, order of arrival."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.instruments import parse_option
from bot.domain.ledger import Books
from bot.domain.sessions import new_york_day
from bot.engine.ports import Memory, Settlement
from bot.engine.settle import settle
from bot.tests.builders import a_session, call, put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
NAMES = ("XLF", "GLD")
MILL = D("0.001")
moves = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 1), st.integers(1, 3), st.integers(5, 200)), min_size=6, max_size=24
)


def move(world: BrokerLedger, kind: int, name: int, qty: int, cents: int) -> None:
    """Do one legal thing, or nothing where it would not be legal now."""
    symbol = NAMES[name]
    today = new_york_day(world.at)
    price = str(D(cents) / 100)
    shorts = sorted(s for s in world.positions if s.startswith(symbol) and len(s) > 6)
    pieces = (price, str(D(cents + 1) / 100)) if qty > 1 else (price,)
    covered = sum(-world.positions[s] for s in shorts if parse_option(s).right == "call")
    free = int(world.positions.get(symbol, D(0)) / 100 - covered)
    if kind <= 1:
        world.trade(put(symbol, today + timedelta(days=30), "50"), "sell_to_open", qty, *pieces)
    elif kind == 2 and free > 0:
        series = call(symbol, today + timedelta(days=20), "51")
        world.trade(series, "sell_to_open", min(qty, free), price, purpose="covered_call")
    elif kind == 3 and shorts:
        world.trade(shorts[0], "buy_to_close", min(qty, int(-world.positions[shorts[0]])), price, purpose="take_profit")
    elif kind == 4 and shorts:
        world.charge_fees()
        world.wait(days=1)
        world.expire(shorts[-1])
    elif kind in (5, 6) and shorts:
        world.charge_fees()
        world.wait(days=2)
        world.assign(shorts[0], min(qty, int(-world.positions[shorts[0]])))
    elif kind == 7 and world.positions.get(symbol):
        world.pay_dividend(symbol, "0.25")
    elif kind == 8 and shorts and parse_option(shorts[0]).right == "put":
        old = shorts[0]
        number = min(qty, int(-world.positions[old]))
        known = {"roll": f"roll-{len(world.lines)}", "roll_ticks_max": 1000}
        world.trade(old, "buy_to_close", number, price, purpose="roll_close", **known)
        world.wait(minutes=15)
        later = put(symbol, parse_option(old).expiry + timedelta(days=14), "49")
        world.trade(later, "sell_to_open", number, price, purpose="roll_open", **known)
    elif kind == 9 and free > 0:
        world.trade(symbol, "sell_to_close", free * 100, "50.25", purpose="close")
    world.wait(minutes=7)
    if cents % 3 == 0:
        world.charge_fees()
        world.wait(days=cents % 5 + 1)


def finish(world: BrokerLedger) -> None:
    """End everything, so that every cycle comes to its close."""
    world.charge_fees()
    world.wait(days=3)
    for series in [s for s in sorted(world.positions) if len(s) > 6]:
        world.expire(series)
    for symbol in sorted(world.positions):
        world.trade(symbol, "sell_to_close", int(world.positions[symbol]), "47.5", purpose="close")
    world.charge_fees()
    world.wait(days=1)


def bare(books: Books) -> Books:
    """Leave out what the number of ticks alone may change."""
    rolls = tuple(replace(roll, ticks_left=0) for roll in books.rolls)
    return replace(books, rolls=rolls, settled_at=None)


def all_of(desk: Desk, field: str) -> list[object]:
    return [one for result in desk.results for one in getattr(result, field)]


def cycle_cash(desk: Desk) -> Decimal:
    closed = [cycle for result in desk.results for cycle in result.cycles_closed]
    cycles = [*closed, *desk.books.cycles]
    return sum((one.option_cash + one.share_cash + one.dividends - one.fees for one in cycles), D(0))


@settings(max_examples=60, deadline=None)
@given(moves)
def test_the_books_sum_to_the_brokers_cash_to_the_cent_and_nothing_drifts(steps: list[tuple[int, ...]]) -> None:
    world, desk = BrokerLedger(), Desk()
    for step in steps:
        move(world, *step)
        result = world.tick(desk)
        assert result.drift == ()
        assert result.books.cash == world.cash
        ours: dict[str, Decimal] = {}
        sizes = [(lot.symbol, lot.qty) for lot in result.books.lots] + [
            (leg.symbol, leg.qty) for leg in result.books.legs
        ]
        for symbol, qty in sizes:
            ours[symbol] = ours.get(symbol, D(0)) + qty
        assert ours == world.positions
    assert cycle_cash(desk) == world.cash - 100_000


@settings(max_examples=60, deadline=None)
@given(moves)
def test_tax_book_and_income_book_are_equal_over_flat_to_flat_cycles(steps: list[tuple[int, ...]]) -> None:
    """Wheel 2.10; what is left to the cycle's P&L are the fees booked after their leg had ended."""
    world, desk = BrokerLedger(), Desk()
    for step in steps:
        move(world, *step)
        world.tick(desk)
    finish(world)
    world.tick(desk)
    assert desk.books.cycles == ()
    assert world.positions == {}
    for cycle in [cycle for result in desk.results for cycle in result.cycles_closed]:
        legs = [end for result in desk.results for end in result.leg_ends if end.leg.cycle == cycle.id]
        lots = [end for result in desk.results for end in result.lot_ends if end.lot.cycle == cycle.id]
        income = sum((end.income for end in legs), D(0)) + sum((end.income for end in lots), D(0))
        taxed = sum((end.tax_income for end in legs), D(0)) + sum((end.tax_income for end in lots), D(0))
        early = sum((end.leg.fees * end.qty / abs(end.leg.qty) for end in legs), D(0))
        pnl = cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees
        assert abs(income - taxed) < MILL
        assert abs(pnl - (income + cycle.dividends - (cycle.fees - early))) < MILL


@settings(max_examples=40, deadline=None)
@given(moves)
def test_settling_again_with_its_own_result_changes_nothing(steps: list[tuple[int, ...]]) -> None:
    world, desk = BrokerLedger(), Desk()
    for step in steps:
        move(world, *step)
        world.tick(desk)
        again = settle(world.reads(), desk.memory(), world.at, a_session(world.at))
        assert again == Settlement(books=desk.books, held=desk.results[-1].held)


@settings(max_examples=60, deadline=None)
@given(moves, st.sets(st.integers(0, 23)))
def test_lines_that_arrive_in_one_tick_or_in_many_give_the_same_books(
    steps: list[tuple[int, ...]], kept: set[int]
) -> None:
    world, often, seldom = BrokerLedger(), Desk(), Desk()
    world.tick(seldom)
    for number, step in enumerate(steps):
        move(world, *step)
        world.tick(often)
        if number in kept:
            world.tick(seldom)
    world.charge_fees()
    world.tick(often)
    world.tick(seldom)
    assert bare(seldom.books) == bare(often.books)
    for field in ("fills", "leg_ends", "lot_ends"):
        assert all_of(seldom, field) == all_of(often, field)
    # A flat cycle waits for its fees, so the tick that reports it may differ, and with it the order.
    assert sorted(map(str, all_of(seldom, "cycles_closed"))) == sorted(map(str, all_of(often, "cycles_closed")))


@settings(max_examples=40, deadline=None)
@given(moves, st.integers(0, 60))
def test_a_history_cut_at_any_line_settles_to_the_same_lots_and_legs(steps: list[tuple[int, ...]], cut: int) -> None:
    """The positions run ahead of the lines for one tick; nothing of that may stay."""
    world, whole, halves = BrokerLedger(), Desk(), Desk()
    for step in steps:
        move(world, *step)
    world.tick(whole)
    for name, own in world.own.items():
        halves.orders[name] = own
    reads = world.reads()
    first = replace(reads, activities=reads.activities[: max(cut, 1)], account=replace(reads.account, cash=D(100_000)))
    halves.books = Books(cash=D(0))
    halves.settle(first, world.at)
    halves.settle(reads, world.at)
    assert halves.books.lots == whole.books.lots
    assert halves.books.legs == whole.books.legs
    assert halves.books.cash == whole.books.cash == world.cash
    assert halves.books.drift == ()


def test_a_memory_of_nothing_settles_to_nothing() -> None:
    """The simplest case, so that the properties above cannot pass on empty worlds alone."""
    world = BrokerLedger()
    memory = Memory(books=Books(), halt=Desk().halt, activities_since=date(2026, 1, 1), orders_since=world.at)
    result = settle(world.reads(), memory, world.at, a_session(world.at))
    assert result.books.cash == D(100_000)
    assert result.flow == D(100_000)
    assert result.drift == ()
