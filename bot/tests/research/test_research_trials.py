"""Probabilistic and deflated Sharpe ratios, to the digits their authors printed."""

from __future__ import annotations

from datetime import date, timedelta
from math import nan, sqrt

import pytest

from bot.domain.errors import BadNumber, UsageError
from bot.research.statistics import Statistics, levels_of, statistics_of_levels
from bot.research.trials import best_by_luck, deflated, deflated_sharpe, probabilistic_sharpe, variance_of

ANNUAL = 2.5 / sqrt(250)
VARIANCE = 0.5 / 250


def a_series(*levels: float) -> Statistics:
    days = (date(2026, 1, 5) + timedelta(days=place) for place in range(len(levels)))
    return statistics_of_levels(levels_of(zip(days, levels, strict=False)), 252)


def test_the_fund_of_two_years_as_printed_in_2012() -> None:
    assert probabilistic_sharpe(0.458, 24) == pytest.approx(0.982, abs=0.0005)
    assert probabilistic_sharpe(0.458, 24, -2.448, 10.164) == pytest.approx(0.913, abs=0.0005)


def test_the_example_of_2014_to_its_printed_digits() -> None:
    assert best_by_luck(100, VARIANCE) == pytest.approx(0.1132, abs=0.00005)
    assert deflated_sharpe(ANNUAL, 1250, -3, 10, 100, VARIANCE) == pytest.approx(0.9004, abs=0.00005)
    assert deflated_sharpe(ANNUAL, 1250, -3, 10, 46, VARIANCE) == pytest.approx(0.9505, abs=0.00005)
    assert deflated_sharpe(ANNUAL, 1250, 0, 3, 88, VARIANCE) == pytest.approx(0.9505, abs=0.00005)


def test_one_trial_deflates_nothing_and_more_only_ever_take() -> None:
    assert best_by_luck(1, VARIANCE) == 0.0
    chances = [deflated_sharpe(ANNUAL, 1250, 0, 3, trials, VARIANCE) for trials in (1, 2, 10, 100, 1000)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == probabilistic_sharpe(ANNUAL, 1250)


def test_a_sharpe_at_its_threshold_is_an_even_chance() -> None:
    assert probabilistic_sharpe(0.1, 100, threshold=0.1) == 0.5


def test_a_run_is_set_against_all_trials_on_its_data() -> None:
    one = a_series(100, 101, 100.5, 102, 101.5, 103)
    assert one.sharpe is not None
    own = one.sharpe / sqrt(252)
    alone, among = deflated(one, [own]), deflated(one, [own, 0.1, -0.2, 0.3])
    assert (alone.trials, alone.threshold, alone.alone) == (1, 0.0, alone.chance)
    assert among.trials == 4
    assert among.threshold == pytest.approx(best_by_luck(4, variance_of([own, 0.1, -0.2, 0.3])) * sqrt(252))
    assert among.chance is not None
    assert alone.chance is not None
    assert among.chance < alone.chance
    assert deflated(one, [own, 0.1, -0.2, 0.3], 9).trials == 9  # five more had no Sharpe ratio: they were tried too


def test_what_cannot_be_deflated_says_why() -> None:
    assert deflated(a_series(100, 100, 100), [0.1]).undefined == "the returns do not differ"
    assert deflated(a_series(100, 101), []).undefined == "one period has no spread"
    assert "fewer than two" in deflated(a_series(100, 101, 100), [0.1], 5).undefined


def test_what_is_no_distribution_is_refused() -> None:
    with pytest.raises(UsageError, match="2 periods"):
        probabilistic_sharpe(0.1, 1)
    with pytest.raises(BadNumber, match="finite"):
        probabilistic_sharpe(nan, 10)
    with pytest.raises(BadNumber, match="no distribution"):
        probabilistic_sharpe(1.0, 10, skew=3.0, kurtosis=1.0)
    with pytest.raises(BadNumber, match="finite"):
        variance_of([0.1, nan])
    for trials, variance in ((0, 0.1), (2, -0.1), (2, nan)):
        with pytest.raises(UsageError, match="one trial"):
            best_by_luck(trials, variance)
