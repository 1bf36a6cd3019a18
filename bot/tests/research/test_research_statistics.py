"""Statistics by hand: each convention once in numbers small enough to check on paper, and what has none is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isclose, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import BadNumber, UsageError
from bot.research.facts import DayPoint, RunFacts, Trade
from bot.research.statistics import (
    Statistics,
    levels_of,
    moments,
    periods_a_year,
    run_levels,
    statistics_of,
    statistics_of_levels,
)

D = Decimal
MONDAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


def days(count: int) -> list[date]:
    return [MONDAY + timedelta(days=7 * (place // 5) + place % 5) for place in range(count)]


def stated(*values: float, yearly: float = 12, rate: float = 0.0, rates: Sequence[float] = ()) -> Statistics:
    return statistics_of_levels(levels_of(zip(days(len(values)), values, strict=True)), yearly, rate, rates)


def point(day: date, equity: str, **given: str) -> DayPoint:
    return DayPoint(day=day, equity=D(equity), cash=D(0), **{name: D(value) for name, value in given.items()})


def a_run(*points: DayPoint, start: str = "10000", step_seconds: int = 900, trades: tuple[Trade, ...] = ()) -> RunFacts:
    return RunFacts(
        name="r", desk_name="d", desk_text="", desk_hash="", code_version="", market="m", step_seconds=step_seconds,
        first_at=AT, last_at=AT, equity_start=D(start), days=points, trades=trades,
    )  # fmt: skip


def a_trade(pnl: str) -> Trade:
    return Trade(
        symbol="XLF", kind="shares", strategy="s", opened_at=AT, closed_at=AT, qty=D(1), opened_price=D(1),
        closed_price=D(1), how="sold", pnl=D(pnl),
    )  # fmt: skip


def test_five_levels_by_hand() -> None:
    # Returns +10 %, -10 %, +10 %, 0: mean 0.025, deviations 0.075, -0.125, 0.075, -0.025, their squares 0.0275 in all.
    one = stated(100, 110, 99, 108.9, 108.9)
    assert one.periods == 4
    assert one.total_return == pytest.approx(0.089)
    assert one.annual_return == pytest.approx(1.089**3 - 1)
    spread = sqrt(0.0275 / 3)
    assert one.volatility == pytest.approx(spread * sqrt(12))
    assert one.sharpe == pytest.approx(0.025 / spread * sqrt(12))
    assert one.sortino == pytest.approx(0.025 / sqrt(0.01 / 4) * sqrt(12))  # all four counted below the line
    assert one.drawdown_max == pytest.approx(0.1)
    assert one.calmar == pytest.approx((1.089**3 - 1) / 0.1)
    assert (one.drawdown_from, one.drawdown_to, one.drawdown_back) == (days(5)[1], days(5)[2], None)
    assert one.drawdown_longest == 3
    assert one.best == pytest.approx(0.1)
    assert one.worst == pytest.approx(-0.1)
    assert one.undefined == ()


def test_the_excess_is_over_the_rate_of_each_period_compounded() -> None:
    rate = 1.05 ** (1 / 12) - 1
    again = stated(100, 110, 99, 108.9, rates=(rate, rate, rate))
    one = stated(100, 110, 99, 108.9, rate=0.05)
    excess = [0.1 - rate, -0.1 - rate, 0.1 - rate]
    middle = sum(excess) / 3
    spread = sqrt(sum((x - middle) ** 2 for x in excess) / 2)
    assert one.sharpe == pytest.approx(middle / spread * sqrt(12))
    assert again.sharpe == pytest.approx(one.sharpe)
    assert one.volatility == stated(100, 110, 99, 108.9).volatility  # of the returns, not of the excess


def test_the_base_counts_as_a_peak_and_a_regained_one_ends_the_fall() -> None:
    one = stated(100, 80, 90, 100, 95, 130)
    assert one.drawdown_max == pytest.approx(0.2)
    assert one.drawdown_longest == 2
    assert (one.drawdown_from, one.drawdown_to, one.drawdown_back) == (days(6)[0], days(6)[1], days(6)[3])


def test_a_longer_shallower_fall_is_the_longest_and_not_the_deepest() -> None:
    one = stated(100, 80, 100, 99, 98, 99, 101)
    assert one.drawdown_max == pytest.approx(0.2)
    assert one.drawdown_longest == 3
    assert one.drawdown_back == days(7)[2]


def test_a_flow_is_no_return() -> None:
    # Wheel 2.16: 10,000, then a deposit of 1,000 and equity of 10,500: NAV 0.95, drawdown 5 %.
    run = a_run(point(days(2)[0], "10000"), point(days(2)[1], "10500", flow="1000"))
    assert run_levels(run).values == (1.0, 1.0, 0.95)
    assert statistics_of(run).drawdown_max == pytest.approx(0.05)


def test_a_run_of_one_tick_a_day_has_its_first_day_as_base_and_one_of_many_counts_that_day() -> None:
    points = (point(days(3)[0], "10000"), point(days(3)[1], "10100"), point(days(3)[2], "10201"))
    daily, fine = a_run(*points, step_seconds=86_400), a_run(*points, start="9900")
    assert run_levels(daily).returns == pytest.approx((0.01, 0.01))
    assert run_levels(fine).returns == pytest.approx((100 / 9900, 0.01, 0.01))
    assert run_levels(fine).days[0] < points[0].day


def test_one_day_has_a_return_and_no_risk() -> None:
    one = statistics_of(a_run(point(MONDAY, "10100")))
    assert one.periods == 1
    assert one.total_return == pytest.approx(0.01)
    assert one.volatility is None
    assert (one.sharpe, one.sortino, one.calmar, one.skew) == (None, None, None, None)
    why = dict(one.undefined)
    assert why["sharpe"] == why["volatility"] == "one period has no spread"
    assert why["win_rate"] == "no round trip ended"


def test_one_daily_tick_says_that_no_period_passed() -> None:
    one = statistics_of(a_run(point(MONDAY, "10000"), step_seconds=86_400))
    assert (one.periods, one.total_return, one.annual_return) == (0, 0.0, None)
    assert dict(one.undefined)["annual_return"] == dict(one.undefined)["turnover"] == "no period passed"


def test_flat_equity_has_no_sharpe_and_says_so() -> None:
    one = stated(100, 100, 100, 100)
    assert (one.volatility, one.annual_return, one.drawdown_max) == (0.0, 0.0, 0.0)
    assert (one.sharpe, one.sortino, one.calmar) == (None, None, None)
    why = dict(one.undefined)
    assert why["sharpe"] == "the returns do not differ"
    assert why["sortino"] == "no period fell below the rate of cash"
    assert why["calmar"] == "it never fell below its peak"


def test_the_same_gain_every_day_is_no_infinite_sharpe() -> None:
    one = stated(*(100 * 1.001**place for place in range(50)))
    assert one.sharpe is None
    assert dict(one.undefined)["skew"] == "the returns do not differ"


def test_ruin_ends_the_series_and_is_no_complex_number() -> None:
    one = stated(100, 50, -20, 400)
    assert (one.ruined_on, one.last, one.periods) == (days(4)[2], days(4)[2], 2)
    assert (one.total_return, one.annual_return, one.drawdown_max) == (-1.0, -1.0, 1.0)
    run = a_run(point(days(3)[0], "5000"), point(days(3)[1], "-100"), point(days(3)[2], "9000"))
    assert statistics_of(run).total_return == -1.0
    assert statistics_of(run).ruined_on == days(3)[1]


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(BadNumber, match=r"level 2 .* is nan"):
        stated(100, nan, 100)
    with pytest.raises(BadNumber, match="more than nothing"):
        stated(0, 1)
    with pytest.raises(UsageError, match="no level"):
        levels_of([])
    with pytest.raises(UsageError, match="rising days"):
        levels_of([(MONDAY, 1.0), (MONDAY, 2.0)])
    with pytest.raises(BadNumber, match="rate of cash"):
        stated(100, 101, rate=nan)
    with pytest.raises(UsageError, match="rate of cash for each of 2"):
        stated(100, 101, 102, rates=(0.0,))
    with pytest.raises(UsageError, match="periods a year"):
        stated(100, 101, yearly=0)
    with pytest.raises(UsageError, match="no day"):
        statistics_of(a_run())
    with pytest.raises(BadNumber, match="begins with 0"):
        statistics_of(a_run(point(MONDAY, "1"), start="0"))


def test_trades_are_counted_after_fees_and_a_breakeven_neither_wins_nor_loses() -> None:
    run = a_run(point(MONDAY, "10000"), trades=tuple(a_trade(one) for one in ("30", "-10", "0", "20")))
    one = statistics_of(run)
    assert (one.trades, one.wins, one.win_rate, one.profit_factor) == (4, 2, 0.5, 5.0)
    lucky = statistics_of(a_run(point(MONDAY, "10000"), trades=(a_trade("1"),)))
    assert (lucky.win_rate, lucky.profit_factor) == (1.0, None)
    assert dict(lucky.undefined)["profit_factor"] == "no round trip lost"


def test_exposure_turnover_and_return_on_collateral_by_hand() -> None:
    friday, monday = date(2026, 3, 6), date(2026, 3, 9)
    run = a_run(
        point(friday, "10000", exposure="5000", collateral="5000", turnover="2000"),
        point(monday, "10000", exposure="0", collateral="0", turnover="1000", premium="50"),
        step_seconds=86_400,
    )
    one = statistics_of(run)
    assert one.exposure == pytest.approx(0.25)
    assert one.turnover == pytest.approx(0.3 * 252)  # 3,000 of 10,000 in one period
    # 5,000 held over three calendar days, nothing on the fourth: 3,750 on average; 50 earned on 15,000 dollar-days.
    assert one.collateral_return == pytest.approx(50 / 3750)
    assert one.collateral_return_annual == pytest.approx(50 * 365 / 15_000)
    none = statistics_of(a_run(point(friday, "10000", premium="50")))
    assert none.collateral_return is None
    assert "no short put" in dict(none.undefined)["collateral_return"]


def test_weekends_make_a_year_of_365_days() -> None:
    assert periods_a_year([date(2026, 3, 6), date(2026, 3, 9)]) == 252
    assert periods_a_year([date(2026, 3, 6), date(2026, 3, 7)]) == 365


def test_moments_of_two_values_and_of_a_skewed_few() -> None:
    assert moments([1.0]) == (None, None)
    assert moments([1.0, 2.0]) == (0.0, 1.0)
    # 0, 0, 0, 4: mean 1, second 3, third (-1 x 3 + 27) / 4 = 6, fourth (3 + 81) / 4 = 21.
    skew, kurtosis = moments([0.0, 0.0, 0.0, 4.0])
    assert skew == pytest.approx(6 / 3**1.5)
    assert kurtosis == pytest.approx(21 / 9)


MIXED = (1, 10, -4, 2, 3, 2, 1, -10)
NEGATIVE = (0, -6, -7, -1, -9, -2, -6, -8, -5)
EVERY_OTHER = (1, 0, 1, 0, 1, 0, 1, 0)


@pytest.mark.parametrize(
    ("percent", "over", "figure", "known"),
    [
        (MIXED, (), "sharpe", 1.7238613961706866), (MIXED, EVERY_OTHER, "sharpe", 0.34111411441060574),
        ((1, 2, 1, 1, 1, 1, 1, 1, 1), (), "sharpe", 52.915026221291804), (NEGATIVE, (), "sharpe", -24.406808633910085),
        (MIXED, (), "sortino", 2.605531251673693), (MIXED, (1,) * 8, "sortino", -1.3934779588919977),
        (NEGATIVE, (), "sortino", -13.532743075043401), (MIXED, (), "drawdown_max", 0.1),
        (NEGATIVE, (), "drawdown_max", 0.36590730349873601),
    ],
)  # fmt: skip
def test_the_vectors_of_empyrical_come_out_the_same(
    percent: Sequence[int], over: Sequence[int], figure: str, known: float
) -> None:
    levels = [100.0]
    for one in percent:
        levels.append(levels[-1] * (1 + one / 100))
    found = stated(*levels, yearly=252, rates=tuple(one / 100 for one in over))
    assert getattr(found, figure) == pytest.approx(known, rel=1e-9)


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=40))
def test_nothing_is_ever_not_a_number(returns: list[float]) -> None:
    value, levels = 100.0, [100.0]
    for one in returns:
        value *= 1 + one
        levels.append(value)
    found = stated(*levels, yearly=252)
    for name in found.__struct_fields__:
        told = getattr(found, name)
        assert told == told, name
        assert told is not None or name in dict(found.undefined) or name.startswith(("drawdown", "ruined")) or name in (
            "win_rate", "profit_factor", "exposure", "turnover", "collateral_return", "collateral_return_annual",
        ), name  # fmt: skip
    assert isclose(levels[-1] / 100 - 1, found.total_return, abs_tol=1e-9)
    assert 0 <= found.drawdown_max <= 1
