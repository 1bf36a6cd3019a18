"""Signals over whole columns: what the tick says of each bar, and the trades and money that follow."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.domain.desk import BarNumbers, BarParams
from bot.domain.errors import BotError, UsageError
from bot.domain.market import Bar, Bars
from bot.planners.bar_kinds import SIGNALS
from bot.planners.bars import bars_needed, read_bars
from bot.planners.indicators import Signal
from bot.research import arrays
from bot.research.arrays import Prices, conditions, prices_of, run_columns, trips_of
from bot.tests.faults.soaking import many
from bot.tests.planners.bar_scene import fx_bars, numbers_of

D = Decimal
SMALL: dict[str, dict[str, Any]] = {
    "ma_cross": {"fast": 3, "slow": 7}, "breakout": {"entry_bars": 6, "exit_bars": 3},
    "mean_reversion": {"window": 6, "entry_deviations": D("1.25")},
    "momentum": {"window": 4, "entry_gain": D("0.01"), "exit_gain": D("-0.005")},
}  # fmt: skip


def columns(bars: Sequence[Bar], places: int) -> Prices:
    def column(name: str) -> Any:
        return np.array([int(getattr(one, name).scaleb(places)) for one in bars], np.int64)

    return Prices(column("open"), column("high"), column("low"), column("close"), places)


def synthetic(seed: int, count: int, tick: str = "0.01", price: int = 100) -> list[Bar]:
    """Coarse ticks, so that ties and repeats are common."""
    chance, step, now = random.Random(seed), D(tick), D(price)
    found = []
    for number in range(count):
        opened, now = now, max(step * 5, now + step * chance.choice((-2, -1, -1, 0, 0, 1, 1, 2)))
        high, low = max(opened, now) + step * chance.randrange(2), min(opened, now) - step * chance.randrange(2)
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        found.append(Bar(at=at, open=opened, high=high, low=low, close=now, volume=10))
    return found


def told_bar_by_bar(signal: Signal, numbers: BarNumbers, bars: Sequence[Bar]) -> list[tuple[bool, bool]]:
    """Ask what the tick asks, at the end of every bar, with no more bars than the planner requests."""
    params = BarParams(name="x", kind=signal.kind, numbers=numbers, symbols=("EUR",))
    needed, found = bars_needed(signal, params), []
    for end in range(1, len(bars) + 1):
        window = tuple(bars[max(0, end - needed) : end])
        read = read_bars(signal, params, Bars(symbol="EUR", step="1hour", bars=window, source="test"))
        found.append((False, False) if read is None else (read.enters, read.leaves))
    return found


def assert_same(kind: str, numbers: BarNumbers, bars: Sequence[Bar], places: int) -> None:
    signal = SIGNALS[kind]
    enters, leaves = conditions(signal, numbers, columns(bars, places))
    one_by_one = told_bar_by_bar(signal, numbers, bars)
    assert list(zip(enters.tolist(), leaves.tolist(), strict=True)) == one_by_one
    assert any(enters), "the signal never wanted in: it compares too little"
    assert any(leaves)


@pytest.mark.parametrize("enter_on", ["turn", "level"])
@pytest.mark.parametrize("kind", SIGNALS)
def test_both_agree_on_every_bar_of_eur_usd(kind: str, enter_on: str, material: Path) -> None:
    changed: dict[str, dict[str, Any]] = {
        "ma_cross": {"fast": 10, "slow": 50}, "breakout": {"entry_bars": 20, "exit_bars": 10},
        "mean_reversion": {"window": 20}, "momentum": {"window": 24, "entry_gain": D("0.004"), "exit_gain": D(0)},
    }  # fmt: skip
    bars = fx_bars(material)
    assert len(bars) == 5_000
    assert_same(kind, numbers_of(kind, enter_on=enter_on, stop_percent=None, **changed[kind]), bars, 5)


@pytest.mark.parametrize("enter_on", ["turn", "level"])
@pytest.mark.parametrize("kind", SIGNALS)
def test_both_agree_on_every_bar_of_made_prices(kind: str, enter_on: str) -> None:
    numbers = numbers_of(kind, enter_on=enter_on, stop_percent=None, **SMALL[kind])
    for seed in range(many(3, 60)):
        assert_same(kind, numbers, synthetic(seed, 700, price=2), 2)


def test_both_agree_where_64_bits_are_too_few() -> None:
    numbers = numbers_of("mean_reversion", stop_percent=None, window=100, entry_deviations=D("1.333"))
    bars = synthetic(4, 400, tick="0.00000001", price=60_000)
    top = int(bars[0].high.scaleb(8))
    assert SIGNALS["mean_reversion"].largest(numbers, top) > arrays.LARGEST
    assert_same("mean_reversion", numbers, bars, 8)


def followed(numbers: BarNumbers, prices: Prices, enters: Any, leaves: Any) -> tuple[list[int], list[int]]:
    """Walk the bars one at a time as a broker and a planner would."""
    bought: list[int] = []
    sold: list[int] = []
    paid, count = None, len(enters)
    for row in range(count):
        if row + 1 == count:
            break
        if paid is None:
            if enters[row]:
                bought.append(row + 1)
                paid = D(int(prices.open[row + 1]))
            continue
        close = D(int(prices.close[row]))
        stop, target = numbers.stop_percent, numbers.target_percent
        out = stop is not None and close <= paid * (1 - stop / 100)
        out = out or (target is not None and close >= paid * (1 + target / 100))
        if out or leaves[row]:
            sold.append(row + 1)
            paid = None
    return bought, sold


@pytest.mark.parametrize("exits", [{}, {"stop_percent": D("0.5")}, {"stop_percent": D(1), "target_percent": D("0.7")}])
@pytest.mark.parametrize("kind", SIGNALS)
def test_trades_are_those_of_a_walk_bar_by_bar(kind: str, exits: dict[str, Any]) -> None:
    for seed in range(many(3, 60)):
        enter_on = "turn" if exits else "level"
        numbers = numbers_of(kind, **({"stop_percent": None, "enter_on": enter_on} | SMALL[kind] | exits))
        prices = columns(synthetic(seed, 900, price=5), 2)
        trips = trips_of(SIGNALS[kind], numbers, prices)
        walked = followed(numbers, prices, *conditions(SIGNALS[kind], numbers, prices))
        assert (trips.bought.tolist(), trips.sold.tolist()) == walked
        assert len(trips.bought) > 3


def test_money_is_counted_to_the_last_place_and_what_is_held_at_the_last_close() -> None:
    closes = np.array([100, 100, 100, 110, 120, 130], np.int64)
    prices = Prices(closes, closes, closes, closes, 1)
    numbers = numbers_of("ma_cross", fast=1, slow=2, enter_on="level", stop_percent=None, units=10, position_share=None)
    found = run_columns(SIGNALS["ma_cross"], numbers, prices, cash=D(1000), fee_fraction=D("0.001"))
    # Above at 11.0, bought at the next open, 12.0: 10 x 12 = 120 and 0.12 of fee; worth 130 at the end.
    assert (found.trips.bought.tolist(), found.trips.sold.tolist(), found.trips.orders) == ([4], [], 1)
    assert (found.equity, found.fees) == (D("1009.88"), D("0.12"))


def test_a_share_of_equity_is_whole_shares_at_the_price_decided_on() -> None:
    closes = np.array([100, 100, 100, 110, 120, 130, 90, 80], np.int64)
    numbers = numbers_of("ma_cross", fast=1, slow=2, enter_on="level", stop_percent=None, position_share=D("0.5"))
    found = run_columns(SIGNALS["ma_cross"], numbers, Prices(closes, closes, closes, closes, 1), cash=D(1000))
    # 500 at the close of 11.0 are 45 shares; bought at 12.0, sold at 8.0.
    assert found.equity == 1000 + 45 * (8 - 12)


def test_prices_are_read_exactly_with_the_places_they_have() -> None:
    rows = np.array([[0, 1.07160, 1.0722, 1.07083, 1.07219, 5], [60, 1.0, 1.1, 0.9, 1.0, 5]])
    prices = prices_of(rows)
    assert prices.places == 5
    assert prices.open.tolist() == [107160, 100000]
    assert prices_of(np.array([[0, 3.0, 4.0, 2.0, 3.0, 1]])).places == 0


def test_bars_that_cannot_be_read_are_refused_with_their_row() -> None:
    good = [0, 1.0, 1.0, 1.0, 1.0, 1]
    for wrong, told in (([0, 1.0, float("nan"), 1.0, 1.0, 1], "row 1"), ([0, 1.0, 1.0, -1.0, 1.0, 1], "row 1"),
                        ([0, 1.0, 1.0, 1.0, 1 / 3, 1], "at most 8 places")):  # fmt: skip
        with pytest.raises(UsageError, match=told):
            prices_of(np.array([good, wrong]))
    with pytest.raises(UsageError, match="six columns"):
        prices_of(np.ones((3, 5)))
    with pytest.raises(UsageError, match="1 bars are fewer than the 51"):
        trips_of(SIGNALS["ma_cross"], numbers_of("ma_cross"), prices_of(np.array([good])))


def test_the_command_prints_what_came_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closes = [100.0, 100.0, 100.0, 110.0, 120.0, 130.0]
    np.save(tmp_path / "bars.npy", np.array([[n, one, one, one, one, 1] for n, one in enumerate(closes)]))
    arrays.main([str(tmp_path / "bars.npy"), "1", "2", "1000", "0"])
    assert json.loads(capsys.readouterr().out) == {"orders": 1, "equity": 1010.0, "fees": 0.0}


def test_the_command_says_what_it_expected(tmp_path: Path) -> None:
    (tmp_path / "text.npy").write_text("no array")
    for words, told in (
        ([], "expected FILE"), (["a", "1", "2", "3", "4", "5"], "expected FILE"), (["nowhere.npy"], "cannot be read"),
        ([str(tmp_path / "text.npy")], "cannot be read"), (["nowhere.npy", "ten"], "expected a decimal number"),
    ):  # fmt: skip
        with pytest.raises(BotError, match=told):
            arrays.main(words)
