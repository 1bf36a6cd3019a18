"""Lines of history that do not add up to the broker's cash are read a second time before they are booked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.holdings import Activity
from bot.engine.ports import Reads, Settlement
from bot.tests.builders import put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")


def a_fill() -> tuple[BrokerLedger, Desk, Settlement]:
    """Books that are settled, and a fill that came since."""
    world, desk = BrokerLedger(), Desk()
    before = world.tick(desk)
    world.trade(PUT, "sell_to_open", 1, "1.00")
    for name, own in world.own.items():
        desk.orders.setdefault(name, own)
    return world, desk, before


def spoilt(reads: Reads, **facts: Any) -> Reads:
    """Read the newest line wrong."""
    line: Activity = replace(reads.activities[-1], **facts)
    return replace(reads, activities=(*reads.activities[:-1], line))


WRONG: tuple[dict[str, Any], ...] = (
    {"price": D("10.00"), "net_amount": D(1000)}, {"price": D("0.10"), "net_amount": D(10)}, {"net_amount": D(-100)},
)  # fmt: skip


@pytest.mark.parametrize("facts", WRONG, ids=str)
def test_a_line_that_was_read_wrong_is_read_right_the_next_time(facts: dict[str, Any]) -> None:
    world, desk, before = a_fill()
    doubted = desk.settle(spoilt(world.reads(), **facts), world.at)
    assert doubted.books.cash == before.books.cash
    assert not doubted.activities
    assert not doubted.fills
    assert [(one.symbol, one.kind) for one in doubted.drift if one.symbol == "CASH"] == [("CASH", "unexplained")]
    assert "read again first" in doubted.notes[-1]
    result = desk.settle(world.reads(), world.at)
    assert (result.books.cash, result.drift, result.flow) == (world.cash, (), D(0))
    assert [fill.price for fill in result.fills] == [D("1.00")]


def test_a_line_that_comes_again_as_it_was_is_booked_and_its_difference_stands() -> None:
    world, desk, _ = a_fill()
    for turn in (1, 2):
        result = desk.settle(spoilt(world.reads(), **WRONG[0]), world.at)
        assert len(result.activities) == turn - 1
    assert result.books.cash == world.cash + 900
    assert [(one.symbol, one.kind) for one in result.drift] == [("CASH", "unexplained")]


def test_lines_that_bring_the_books_nearer_to_the_cash_are_booked_at_once() -> None:
    world, desk, _ = a_fill()
    world.cash += 5000
    result = desk.settle(world.reads(), world.at)
    assert len(result.fills) == 1
    assert [(one.symbol, one.kind) for one in result.drift] == [("CASH", "unexplained")]


def test_a_fill_is_known_by_its_id_whatever_symbol_it_is_told_with() -> None:
    world, desk, _ = a_fill()
    first = desk.settle(world.reads(), world.at)
    again = desk.settle(spoilt(world.reads(), symbol="XLF"), world.at)
    assert again.books.cash == first.books.cash
    assert again.activities == ()
