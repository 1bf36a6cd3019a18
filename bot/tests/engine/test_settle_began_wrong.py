"""The cash the books begin with has no witness: a session of other readings takes its place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.engine.ports import Reads
from bot.tests.builders import put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal


def told(reads: Reads, cash: str) -> Reads:
    """Read the account's cash wrong."""
    return replace(reads, account=replace(reads.account, cash=D(cash)))


def begun(cash: str) -> tuple[BrokerLedger, Desk]:
    """Books that began with a cash that was read once, and stood against the next reading."""
    world, desk = BrokerLedger(), Desk()
    first = desk.settle(told(world.reads(), cash), world.at)
    assert first.books.cash == D(cash)
    world.wait(minutes=15)
    second = desk.settle(world.reads(), world.at)
    assert second.books.cash == D(cash), "money may come before its line: it is waited for"
    return world, desk


@pytest.mark.parametrize("cash", ["1000000", "0", "0.01", "-100000"])
def test_a_beginning_that_every_reading_contradicts_begins_anew_the_next_session(cash: str) -> None:
    world, desk = begun(cash)
    world.wait(days=1)
    result = desk.settle(world.reads(), world.at)
    assert (result.books.cash, result.drift) == (D(100_000), ())
    assert (result.books.nav, result.books.nav_peak) == (D(1), D(1))
    assert result.books.equity_last is None
    assert sum(book.cash for book in result.books.strategies) == D(100_000)


def test_a_line_that_explains_it_meanwhile_is_booked() -> None:
    world, desk = begun("100000")
    world.line("CSD", net=D(5_000))
    world.wait(minutes=15)
    assert desk.settle(world.reads(), world.at).books.cash == D(105_000)
    world.wait(days=1)
    assert desk.settle(world.reads(), world.at).drift == ()


def test_what_happened_since_holds_the_beginning_where_it_was() -> None:
    world, desk = begun("1000000")
    world.trade(put("XLF", date(2026, 2, 6), "50"), "sell_to_open", 1, "1.00")
    world.tick(desk)
    world.wait(days=1)
    result = world.tick(desk)
    assert result.books.cash != world.cash
    assert [one.symbol for one in result.drift] == ["CASH"]
