"""The cash the books begin with has no witness: while nothing stands on it, the next reading takes its place."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.engine.ports import Reads, Settlement
from bot.engine.settle import settle
from bot.tests.builders import a_session, put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
SLOT = timedelta(minutes=15)


def told(reads: Reads, cash: str) -> Reads:
    """Read the account's cash wrong."""
    return replace(reads, account=replace(reads.account, cash=D(cash)))


def begun(cash: str) -> tuple[BrokerLedger, Desk]:
    """Books that began with a cash that was read once."""
    world, desk = BrokerLedger(), Desk()
    first = desk.settle(told(world.reads(), cash), world.at)
    assert first.books.cash == D(cash)
    world.at += SLOT
    return world, desk


def again(world: BrokerLedger, desk: Desk, *, once: bool = True) -> Settlement:
    """Settle the next reading."""
    memory = replace(desk.memory(), settled_once=once)
    return settle(world.reads(), memory, world.at, a_session(world.at))


@pytest.mark.parametrize("cash", ["1000000", "0", "0.01", "-100000"])
def test_the_second_reading_takes_the_place_of_a_first_one_that_was_wrong(cash: str) -> None:
    world, desk = begun(cash)
    result = again(world, desk)
    assert (result.books.cash, result.drift) == (D(100_000), ())
    assert (result.books.nav, result.books.nav_peak) == (D(1), D(1))
    assert result.books.equity_last is None
    assert sum(book.cash for book in result.books.strategies) == D(100_000)


def test_a_reading_that_agrees_changes_nothing() -> None:
    world, desk = begun("100000")
    before = desk.books
    assert again(world, desk).books.strategies == before.strategies
    assert again(world, desk).books.cash == D(100_000)


def test_after_two_readings_a_difference_stays_one() -> None:
    world, desk = begun("1000000")
    result = again(world, desk, once=False)
    assert result.books.cash == D(1_000_000)
    assert [one.symbol for one in result.drift] == ["CASH"]


def test_what_happened_since_holds_the_beginning_where_it_was() -> None:
    world, desk = begun("1000000")
    world.trade(put("XLF", date(2026, 2, 6), "50"), "sell_to_open", 1, "1.00")
    for name, own in world.own.items():
        desk.orders.setdefault(name, own)
    assert again(world, desk).books.cash != D(100_000) + D(100)
