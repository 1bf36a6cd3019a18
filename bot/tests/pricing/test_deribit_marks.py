"""Deribit's marks of January 2026, priced again by Black-76 on their own forward and volatility: what is left over.

A mark is in coin; volatility is printed to a hundredth of a point; the venue marks without discounting. A day's chain
was read over some seconds, so a row's forward and mark may be of two moments: that, not the formula, is the largest
error.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.domain.instruments import Right
from bot.pricing import black76
from bot.pricing.black_scholes import greeks

YEAR = 365 * 86_400
TICK = 0.0001
"""A ten-thousandth of a coin: the smallest step of a price there."""


class Mark(NamedTuple):
    """One row: prices in coin, forward and strike in dollars."""

    right: Right
    forward: float
    strike: float
    years: float
    volatility: float
    mark: float
    delta: float
    vega: float


def marks_of(material: Path, coin: str) -> list[Mark]:
    parquet: Any = pytest.importorskip("pyarrow.parquet", reason="pyarrow reads the chains")
    path = material / "data" / "deribit" / f"{coin}_options_daily_202601.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    rows = parquet.read_table(path).to_pylist()
    return [
        Mark(
            right=row["option_type"],
            forward=row["futures_price"],
            strike=row["strike"],
            years=(
                datetime.fromisoformat(row["expiry_datetime"]) - datetime.fromisoformat(row["timestamp"])
            ).total_seconds()
            / YEAR,
            volatility=row["implied_volatility"],
            mark=row["mark_price"],
            delta=row["delta"],
            vega=row["vega"],
        )
        for row in rows
    ]


def share_of(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@pytest.mark.parametrize(
    ("coin", "count", "median", "within_tick"), [("btc", 20_186, 5e-6, 0.97), ("eth", 21_344, 1e-5, 0.94)]
)
def test_every_mark_follows_from_its_volatility(
    material: Path, coin: str, count: int, median: float, within_tick: float
) -> None:
    marks = marks_of(material, coin)
    assert len(marks) == count
    errors = [
        black76.price_in_coin(one.right, one.forward, one.strike, one.years, one.volatility) - one.mark for one in marks
    ]
    sizes = sorted(abs(error) for error in errors)
    inside = sum(size <= TICK for size in sizes) / count
    words = ", ".join(f"{name} {share_of(sizes, share):.1e}" for name, share in SHARES)
    print(f"{coin}: {count} marks in coin: {words}, worst {sizes[-1]:.1e}, bias {sum(errors) / count:+.1e}, "
          f"{inside:.1%} within {TICK}")  # fmt: skip
    assert share_of(sizes, 0.5) < median
    assert share_of(sizes, 0.99) < 3e-4
    assert sizes[-1] < 1.5e-3
    assert abs(sum(errors) / count) < 1e-5
    assert inside > within_tick


SHARES = (("half within", 0.5), ("90 % within", 0.9), ("99 % within", 0.99))


@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_deltas_and_vegas_are_those_of_the_forward(material: Path, coin: str) -> None:
    """Their delta is N(d1) on the forward, in coin per coin; their vega dollars per point of volatility."""
    deltas, vegas = [], []
    for one in marks_of(material, coin):
        ours = greeks(one.right, one.forward, one.strike, one.years, one.volatility)
        deltas.append(abs(ours.delta - one.delta))
        vegas.append(abs(ours.vega / 100 - one.vega) / one.forward)
    deltas.sort()
    vegas.sort()
    print(f"{coin}: delta off by {share_of(deltas, 0.5):.1e} at the median, 99 % within {share_of(deltas, 0.99):.1e}")
    assert share_of(deltas, 0.5) < 2e-4
    assert share_of(deltas, 0.99) < 1e-2
    assert share_of(vegas, 0.99) < 5e-5


@pytest.mark.parametrize("coin", ["btc", "eth"])
def test_a_mark_gives_its_own_volatility_back(material: Path, coin: str) -> None:
    """Where a tick of price is less than a point of volatility."""
    misses = []
    for one in marks_of(material, coin):
        if one.vega < 2 * TICK * one.forward:
            continue
        found = black76.volatility_of_coin_price(one.right, one.mark, one.forward, one.strike, one.years)
        assert found is not None
        misses.append(abs(found - one.volatility))
    misses.sort()
    print(
        f"{coin}: {len(misses)} volatilities, off by {share_of(misses, 0.5):.1e} at the median, worst {misses[-1]:.1e}"
    )
    assert len(misses) > 10_000
    assert share_of(misses, 0.5) < 1e-4
    assert share_of(misses, 0.99) < 5e-3
