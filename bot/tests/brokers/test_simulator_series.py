"""Limits on modelled series over bars: filled at themselves inside a bar, at the far side where a bar opens beyond."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.brokers.simulator import SimulatorBroker
from bot.domain.fills import FillRules
from bot.domain.instruments import option_symbol
from bot.domain.market import QuotesRequest
from bot.markets.modelled import ConstantVolatility, ModelledMarket, ModelParams
from bot.tests.brokers.tape import an_order_request
from bot.tests.builders import simulator_numbers
from bot.tests.tapes.taped import OPEN, a_bar, a_tape, steps

D = Decimal
QUARTER = timedelta(minutes=15)
PUT = option_symbol("XLF", date(2026, 12, 18), "put", D(48))


def sold_at(folder: Path, second: tuple[str, str, str, str]) -> tuple[Decimal | None, Decimal]:
    """Sell a put to open a dime above its mid at the first bar's end; give its fill and its bid at the next open."""
    bars = [a_bar(at, *four) for at, four in zip(steps(2), (("50",) * 4, second), strict=True)]
    rules = FillRules()
    market = ModelledMarket(a_tape(folder, {"XLF": bars}).market(rules, {}), ConstantVolatility(0.4), ModelParams(),
                            universe={})  # fmt: skip
    clock = [OPEN + QUARTER]
    broker = SimulatorBroker(None, market, simulator_numbers(), lambda: clock[0], rules=rules)
    (quote,) = market.fetch((QuotesRequest(symbols=(PUT,)),), clock[0]).quotes
    assert quote.ask is not None
    limit = quote.ask + D("0.10")
    broker.submit(an_order_request(PUT, "sell_to_open", "1", limit_price=str(limit), id="put"))
    (opened,) = market.walk(PUT, clock[0], clock[0] + timedelta(seconds=2))
    assert opened.bid is not None
    clock[0] += QUARTER
    order = broker.find_order("put")
    assert order is not None
    filled = order.filled_avg_price
    return (None if filled is None else filled - limit), opened.bid - limit


@pytest.mark.parametrize("second", [("50", "50", "44", "45"), ("50", "50", "44", "50"), ("50", "52", "44", "44")])
def test_a_limit_that_a_bar_goes_through_fills_at_itself_and_not_at_the_extreme(
    tmp_path: Path, second: tuple[str, str, str, str]
) -> None:
    better, _ = sold_at(tmp_path, second)
    assert better == 0


def test_a_limit_that_a_bar_opens_beyond_fills_at_the_open(tmp_path: Path) -> None:
    better, opened = sold_at(tmp_path, ("46", "46", "44", "44"))
    assert better == opened > 0


def test_a_limit_that_a_bar_does_not_reach_does_not_fill(tmp_path: Path) -> None:
    better, _ = sold_at(tmp_path, ("50", "52", "50", "52"))
    assert better is None
