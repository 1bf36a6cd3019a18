"""The signals on bars by hand, at their exact boundaries: no rounding makes a tie a turn."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import fmean, pstdev
from typing import Any

import pytest

from bot.planners import breakout, ma_cross, mean_reversion, momentum
from bot.planners.indicators import LastBar, Signal, ratio_of
from bot.tests.planners.bar_scene import numbers_of

D = Decimal


def said(
    signal: Signal, prices: Sequence[str], highs: Sequence[str] = (), lows: Sequence[str] = (), **numbers: Any
) -> tuple[bool, bool]:
    closes = [D(one) for one in prices]
    seen = LastBar(closes, [D(one) for one in highs] or closes, [D(one) for one in lows] or closes)
    given = numbers_of(signal.kind, **numbers)
    return bool(signal.enters(seen, given)), bool(signal.leaves(seen, given))


def test_a_cross_wants_in_above_and_out_at_the_same_average() -> None:
    assert said(ma_cross.SIGNAL, ["1.1", "1.2", "1.3", "1.4"], fast=2, slow=4) == (True, False)
    assert said(ma_cross.SIGNAL, ["1.4", "1.1", "1.2", "1.3"], fast=2, slow=4) == (False, True)  # both 1.25
    # In binary fractions the average of these three is 0.20000000000000004, and below it stands no 0.2.
    assert (0.1 + 0.3 + 0.2) / 3 > 0.2
    assert said(ma_cross.SIGNAL, ["0.1", "0.3", "0.2"], fast=1, slow=3) == (False, True)


def test_a_breakout_compares_with_the_bars_before_and_never_with_its_own() -> None:
    shape: dict[str, Any] = {"highs": ["10", "11", "12", "99"], "lows": ["8", "7", "9", "1"]}
    shape |= {"entry_bars": 3, "exit_bars": 2}
    assert said(breakout.SIGNAL, ["9", "9", "9", "12"], **shape) == (False, False)
    assert said(breakout.SIGNAL, ["9", "9", "9", "12.01"], **shape) == (True, False)
    assert said(breakout.SIGNAL, ["9", "9", "9", "7"], **shape) == (False, False)
    assert said(breakout.SIGNAL, ["9", "9", "9", "6.99"], **shape) == (False, True)


def test_a_reversion_measures_in_standard_deviations_of_its_window() -> None:
    prices = ["10", "12", "11", "9", "4"]
    values = [float(one) for one in prices]
    away = (fmean(values) - values[-1]) / pstdev(values)
    assert away == pytest.approx(1.8667, abs=1e-4)
    assert said(mean_reversion.SIGNAL, prices, window=5, entry_deviations=D("1.866")) == (True, False)
    assert said(mean_reversion.SIGNAL, prices, window=5, entry_deviations=D("1.867")) == (False, False)
    assert said(mean_reversion.SIGNAL, ["8", "10", "9"], window=3) == (False, True)  # at its average
    assert said(mean_reversion.SIGNAL, ["9", "9", "9"], window=3) == (False, True)  # nothing moved
    assert said(mean_reversion.SIGNAL, ["4", "4", "4", "4", "10"], window=5, entry_deviations=D(1)) == (False, True)


def test_momentum_wants_more_than_its_gain_and_out_at_the_one_that_keeps() -> None:
    numbers: dict[str, Any] = {"window": 2, "entry_gain": D("0.05"), "exit_gain": D("0.01")}
    assert said(momentum.SIGNAL, ["100", "1", "105"], **numbers) == (False, False)
    assert said(momentum.SIGNAL, ["100", "1", "105.01"], **numbers) == (True, False)
    assert said(momentum.SIGNAL, ["100", "1", "101.01"], **numbers) == (False, False)
    assert said(momentum.SIGNAL, ["100", "1", "101"], **numbers) == (False, True)


def test_an_earlier_bar_is_seen_without_those_after_it() -> None:
    closes = [D(one) for one in (1, 2, 3, 4, 5)]
    seen = LastBar(closes, closes, closes, back=1)
    assert (seen.close, seen.ago(2), seen.total(3), seen.squares(2)) == (D(4), D(2), D(9), D(25))
    assert (seen.highest(3), seen.lowest(3)) == (D(3), D(1))


def test_fractions_are_exact() -> None:
    assert (ratio_of(D("-0.015")), ratio_of(D(2))) == ((-3, 200), (2, 1))
