"""A moving-average cross on EUR/USD by the hour, beside what backtesting.py 0.6.6 made of the same bars.

Recorded facts of that program's run: Backtest(..., cash=100_000, commission=0.001, finalize_trades=True), 10,000 units,
averages of 10 and 50 closes, long while the fast one is above. It fills at the next open and rounds no fee; the
simulated account rounds the fee of every fill up to a cent, and that is the whole difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.domain.fills import FillRules
from bot.domain.market import Bar
from bot.domain.money import cents_up
from bot.domain.sessions import always_open
from bot.engine.ports import Fill
from bot.planners.ma_cross import SIGNAL
from bot.research.arrays import prices_of, run_columns
from bot.tests.planners.bar_scene import HOUR, bars_text, desk_with, fx_bars, numbers_of, run_tape
from bot.tests.tapes.taped import a_tape

D = Decimal
NUMBERS: dict[str, Any] = {
    "step": "1hour", "enter_on": "level", "units": 10_000, "position_share": None, "order": "market",
    "stop_percent": None, "fast": 10, "slow": 50,
}  # fmt: skip
FEE = D("0.001")
TRADES = 60
EQUITY = D("99327.4458")
EQUITY_AT = {999: D("99801.0089"), 1999: D("99637.6719"), 2999: D("99366.1779"), 3999: D("99203.9638")}
"""Equity at the close of some bars, counted from 0."""
TRADES_SHA256 = "2a63dc07554b42d83372e70dce42728f37f5e1a8e156421590d044f81a421380"
"""Over a line a trade: bar of entry, bar of exit, price of entry, price of exit."""


@pytest.fixture(scope="module")
def bars(material: Path) -> list[Bar]:
    return fx_bars(material)


@pytest.fixture
def around_the_clock() -> Iterator[None]:
    with always_open():
        yield


def digest(trades: list[tuple[int, int, Decimal, Decimal]]) -> str:
    lines = "\n".join(f"{entry},{out},{paid:.5f},{got:.5f}" for entry, out, paid, got in trades)
    return hashlib.sha256(lines.encode()).hexdigest()


def fee_rounding(fills: list[Fill]) -> Decimal:
    fees = [fill.qty * fill.price * FEE for fill in fills]
    return sum((cents_up(fee) - fee for fee in fees), D(0))


def test_the_tick_makes_the_same_trades_and_the_same_equity_within_the_rounding_of_fees(
    bars: list[Bar], tmp_path: Path, around_the_clock: None
) -> None:
    tape = a_tape(tmp_path, {"EUR": bars}, step_seconds=3600, places=5, always_open=True)
    desk = desk_with(bars_text("ma_cross", ["EUR"], **NUMBERS), equity=D(100_000))
    rules = FillRules(spread_fraction=D(0), volume_share=None, fee_fraction=FEE)
    row_of = {bar.at + timedelta(seconds=1): number for number, bar in enumerate(bars)}
    fills: list[Fill] = []
    for number, result in enumerate(run_tape(tape, desk, rules, [bar.at + HOUR for bar in bars])):
        assert not result.errors
        assert all(verdict.approved for verdict in result.verdicts)
        fills += result.settlement.fills
        if number in EQUITY_AT:
            assert result.snapshot.equity + fee_rounding(fills) == EQUITY_AT[number]
    pairs = list(zip(fills[0::2], fills[1::2], strict=True))
    assert {(one.side, other.side) for one, other in pairs} == {("buy", "sell")}
    trades = [(row_of[one.at], row_of[other.at], one.price, other.price) for one, other in pairs]
    assert len(trades) == TRADES
    assert digest(trades) == TRADES_SHA256
    assert result.snapshot.equity + fee_rounding(fills) == EQUITY


def test_the_columns_make_the_same_trades_and_exactly_the_same_equity(bars: list[Bar]) -> None:
    rows = [[n, float(one.open), float(one.high), float(one.low), float(one.close), 1] for n, one in enumerate(bars)]
    prices = prices_of(np.array(rows))
    found = run_columns(SIGNAL, numbers_of("ma_cross", **NUMBERS), prices, cash=D(100_000), fee_fraction=FEE)
    bought, sold = found.trips.bought.tolist(), found.trips.sold.tolist()
    trades = [(entry, out, bars[entry].open, bars[out].open) for entry, out in zip(bought, sold, strict=True)]
    assert (len(trades), digest(trades), found.equity) == (TRADES, TRADES_SHA256, EQUITY)
