"""Intervals: seeded, of blocks that follow each other, and about as wide as they should be."""

from __future__ import annotations

from math import nan
from random import Random

import pytest

from bot.domain.errors import BadNumber, UsageError
from bot.research.bootstrap import LEAST, blocks_of, intervals_of, quantile


def noise(count: int, seed: int, middle: float = 0.0005, spread: float = 0.01) -> list[float]:
    rng = Random(seed)
    return [rng.gauss(middle, spread) for _ in range(count)]


def test_one_seed_gives_one_answer_and_another_another() -> None:
    returns = noise(100, 1)
    assert intervals_of(returns, 252, seed=7, samples=100) == intervals_of(returns, 252, seed=7, samples=100)
    assert intervals_of(returns, 252, seed=7, samples=100) != intervals_of(returns, 252, seed=8, samples=100)


def test_blocks_fill_the_count_and_have_the_mean_length_asked() -> None:
    lengths = [length for seed in range(20) for _, length in blocks_of(10_000, 8.0, Random(seed))]
    assert sum(lengths) == 200_000
    assert 7.7 < sum(lengths) / len(lengths) < 8.3
    assert {length for _, length in blocks_of(50, 1.0, Random(1))} == {1}
    assert all(0 <= start < 10 for start, _ in blocks_of(10, 3.0, Random(1)))


def test_nine_of_ten_intervals_hold_the_true_mean() -> None:
    held = 0
    for seed in range(60):
        found = intervals_of(noise(250, seed, 0.0, 0.01), 252, samples=200, seed=seed).named("sharpe")
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
    assert 44 <= held <= 60  # 54 expected; a binomial is below 44 once in thousands


def test_the_interval_of_the_volatility_is_near_its_theory() -> None:
    found = intervals_of(noise(2000, 3), 252, samples=400, block=1).named("volatility")
    assert found is not None
    # A normal sample's deviation has a standard error of 1 / sqrt(2 n): 1.6 %, 1.645 of them to either side.
    assert found.low == pytest.approx(0.1587 * (1 - 0.026), rel=0.03)
    assert found.high == pytest.approx(0.1587 * (1 + 0.026), rel=0.03)


def test_a_period_keeps_its_rate_of_cash() -> None:
    returns = noise(60, 5)
    same = intervals_of(returns, 12, 0.0, [0.001] * 60, samples=100)
    plain = intervals_of([one - 0.001 for one in returns], 12, samples=100)
    found, expected = same.named("sharpe"), plain.named("sharpe")
    assert found is not None
    assert expected is not None
    assert found.low == pytest.approx(expected.low)


def test_few_returns_have_no_interval_and_say_so() -> None:
    found = intervals_of([0.01] * (LEAST - 1), 252)
    assert (found.of, found.named("sharpe")) == ((), None)
    assert found.why == "9 returns: 10 are the least"
    assert intervals_of(noise(LEAST, 1), 252, samples=100).of != ()


def test_flat_returns_have_no_interval_of_a_sharpe() -> None:
    found = intervals_of([0.0] * 30, 252, samples=100)
    sharpe, spread = found.named("sharpe"), found.named("volatility")
    assert sharpe is not None
    assert spread is not None
    assert (sharpe.low, sharpe.high, spread.low, spread.high) == (None, None, 0.0, 0.0)


def test_a_total_loss_among_the_returns_is_a_total_loss() -> None:
    found = intervals_of([0.01] * 29 + [-1.0], 252, samples=100).named("annual_return")
    assert found is not None
    assert found.low == -1.0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadNumber, match="finite"):
        intervals_of([nan] * 20, 252)
    with pytest.raises(BadNumber, match="as many of both"):
        intervals_of([0.0] * 20, 252, rates=[0.0])
    for wrong in ({"samples": 99}, {"level": 1.0}, {"block": 0.5}, {"block": 21.0}):
        with pytest.raises(UsageError, match="bootstrap"):
            intervals_of([0.0] * 20, 252, **wrong)


def test_quantiles_lie_straight_between_neighbours() -> None:
    assert [quantile([1.0, 2.0, 4.0], share) for share in (0.0, 0.25, 0.5, 1.0)] == [1.0, 1.5, 2.0, 4.0]
    assert quantile([3.0], 0.9) == 3.0
