"""What a run or a series of levels was worth: returns, risk, drawdowns, trades. Nothing undefined is given as a number.

Conventions, with where each formula is from:

- A period's return is simple. Of a run it is net of flows: NAV goes on by (equity - flow) / equity before, the
  time-weighted return of the GIPS standards. What a run's first tick finds is its base.
- Volatility is the sample standard deviation (n - 1) of the returns times the square root of the periods a year: 252
  days, 365 where weekends trade, 12 months. The compound return has periods / periods-a-year as its exponent.
- Sharpe (Sharpe 1994): mean excess return over the standard deviation (n - 1) of the excess, annualised by the root.
  Sortino (Sortino and Price 1994): the same mean over the root mean square of the excesses below zero, all n counted.
  Calmar (Young 1991): compound return over the deepest drawdown, both of the whole span.
- Excess is over (1 + rate)^(1 / periods a year) - 1; a rate for each period may be handed in, else one for all.
- Drawdown is 1 - NAV / peak, and the base counts as a peak. Its length is the periods below the peak before.
- Skew and kurtosis are moments of the population, kurtosis 3 for a normal distribution (Bailey and Lopez de Prado).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from math import fsum, isfinite, sqrt

from bot.domain.errors import BadNumber, UsageError
from bot.domain.facts import Fact
from bot.domain.sessions import previous_session
from bot.research.facts import DayPoint, RunFacts, Trade

SESSION_DAYS, CALENDAR_DAYS, MONTHS = 252, 365, 12
FLAT = 1e-14
"""A standard deviation below this is rounding, not risk."""


class Statistics(Fact, frozen=True, kw_only=True):
    """One series in numbers. Fractions, never percent; None is undefined, and `undefined` says of each field why.

    `periods` returns were counted, `rate` is the yearly rate the excess is over. `drawdown_max` is a positive fraction
    from `drawdown_from` (the peak) to `drawdown_to` (the deepest), regained on `drawdown_back`, None if never.
    `drawdown_longest` counts periods. `ruined_on` is the day nothing was left; the series ends there.
    Of runs: `win_rate` and `profit_factor` are of round trips after fees; `exposure` the mean of shares and collateral
    over equity; `turnover` the yearly amount traded over mean equity; `collateral_return` what options earned over the
    mean collateral of short puts by calendar day, `collateral_return_annual` the same times 365 over the days.
    """

    first: date
    last: date
    periods: int
    periods_per_year: float
    rate: float = 0.0
    total_return: float
    annual_return: float | None = None
    volatility: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    skew: float | None = None
    kurtosis: float | None = None
    best: float | None = None
    worst: float | None = None
    drawdown_max: float = 0.0
    drawdown_from: date | None = None
    drawdown_to: date | None = None
    drawdown_back: date | None = None
    drawdown_longest: int = 0
    ruined_on: date | None = None
    trades: int = 0
    wins: int = 0
    win_rate: float | None = None
    profit_factor: float | None = None
    exposure: float | None = None
    turnover: float | None = None
    collateral_return: float | None = None
    collateral_return_annual: float | None = None
    undefined: tuple[tuple[str, str], ...] = ()


class Levels(Fact, frozen=True, kw_only=True):
    """A series of levels, oldest first; the first is the base. `returns` has one less, none of them below -1."""

    days: tuple[date, ...]
    values: tuple[float, ...]
    returns: tuple[float, ...]
    ruined_on: date | None = None


def levels_of(points: Iterable[tuple[date, float]]) -> Levels:
    """Check levels and take their returns; a level of nothing ends the series there.

    Raises BadNumber for a level that is not finite or a base that is not above zero, UsageError for no level or days
    that do not rise.
    """
    days: list[date] = []
    values: list[float] = []
    returns: list[float] = []
    ruined: date | None = None
    for place, (day, value) in enumerate(points, 1):
        if not isfinite(value):
            raise BadNumber(f"level {place} ({day}) is {value}: expected a number; mend or leave out that row")
        if days and day <= days[-1]:
            raise UsageError(f"level {place} is of {day}, the one before of {days[-1]}: expected rising days")
        if not values and value <= 0:
            raise BadNumber(f"the first level ({day}) is {value}: expected more than nothing to begin with")
        if ruined is None:
            if values:
                returns.append(max(value, 0.0) / values[-1] - 1)
            days.append(day)
            values.append(max(value, 0.0))
            ruined = day if value <= 0 else None
    if not days:
        raise UsageError("there is no level: expected one at least")
    return Levels(days=tuple(days), values=tuple(values), returns=tuple(returns), ruined_on=ruined)


def run_levels(run: RunFacts) -> Levels:
    """Give a run's NAV by day, 1 at its base (wheel 2.16): the first tick, or the first day where a day has one tick.

    A run of several ticks a day counts its first day as a period; its base stands on the session before.
    """
    if not run.days:
        raise UsageError(f"run {run.name} has no day: nothing was ticked in its span")
    return levels_of(_navs(run))


def _navs(run: RunFacts) -> Iterable[tuple[date, float]]:
    before, nav = float(run.equity_start), 1.0
    if not before > 0:
        raise BadNumber(f"run {run.name} begins with {run.equity_start} dollars: expected more than nothing")
    days: Sequence[DayPoint] = run.days
    if run.step_seconds >= 86_400:
        before, days = float(days[0].equity), days[1:]
        yield run.days[0].day, nav
    else:
        yield previous_session(run.days[0].day).day, nav
    for one in days:
        nav *= float(one.equity - one.flow) / before
        yield one.day, nav
        before = float(one.equity)
        if before <= 0:
            return


def periods_a_year(days: Iterable[date]) -> int:
    """Give 365 where a day is a Saturday or Sunday (markets that never close), else 252."""
    return CALENDAR_DAYS if any(day.weekday() >= 5 for day in days) else SESSION_DAYS


def statistics_of(run: RunFacts, rate: float = 0.0, periods_per_year: float | None = None) -> Statistics:
    """Put a run into numbers, net of flows; `rate` is the yearly rate of cash that the excess is over.

    Raises UsageError for a run without a day, BadNumber for one that begins with nothing.
    """
    levels = run_levels(run)
    yearly = periods_per_year or periods_a_year(one.day for one in run.days)
    whole = statistics_of_levels(levels, yearly, rate)
    until = [one for one in run.days if levels.ruined_on is None or one.day <= levels.ruined_on]
    why = dict(whole.undefined)
    rated = _of_trades(run.trades, why) | _of_days(until, whole, why)
    values: dict[str, object] = {name: getattr(whole, name) for name in whole.__struct_fields__}
    return Statistics(**(values | rated | {"undefined": tuple(why.items())}))  # type: ignore[arg-type]


def statistics_of_levels(
    levels: Levels, periods_per_year: float, rate: float = 0.0, rates: Sequence[float] = ()
) -> Statistics:
    """Put levels into numbers; `rates` is the rate of cash of each period (already a period's), else `rate` a year's.

    Raises UsageError where `rates` are not as many as returns, BadNumber for one that is not finite.
    """
    if not (isfinite(periods_per_year) and periods_per_year > 0):
        raise UsageError(f"periods a year: expected a number above 0, got {periods_per_year}")
    if not (isfinite(rate) and rate > -1) or not all(isfinite(one) and one > -1 for one in rates):
        raise BadNumber("a rate of cash: expected finite fractions above -1")
    returns = levels.returns
    if rates and len(rates) != len(returns):
        raise UsageError(f"expected a rate of cash for each of {len(returns)} returns, got {len(rates)}")
    count, why = len(returns), dict[str, str]()
    cash = rates or ((1 + rate) ** (1 / periods_per_year) - 1,) * count
    excess = [one - free for one, free in zip(returns, cash, strict=True)]
    total = levels.values[-1] / levels.values[0] - 1
    annual = (1 + total) ** (periods_per_year / count) - 1 if count else None
    root, spread, deepest = sqrt(periods_per_year), _deviation(returns), _drawdown(levels)
    volatility = None if spread is None else spread * root
    calmar = annual / deepest.depth if annual is not None and deepest.depth > 0 else None
    skew, kurtosis = moments(returns)
    none = "no period passed" if not count else "one period has no spread"
    if annual is None:
        why["annual_return"] = none
    if volatility is None:
        why["volatility"] = none
    if calmar is None:
        why["calmar"] = "it never fell below its peak" if count else none
    if skew is None:
        why["skew"] = why["kurtosis"] = "the returns do not differ" if count > 1 else none
    return Statistics(
        first=levels.days[0], last=levels.days[-1], periods=count, periods_per_year=periods_per_year, rate=rate,
        total_return=total, annual_return=annual, volatility=volatility, sharpe=_sharpe(excess, root, why),
        sortino=_sortino(excess, root, why), calmar=calmar, skew=skew, kurtosis=kurtosis,
        best=max(returns, default=None), worst=min(returns, default=None), drawdown_max=deepest.depth,
        drawdown_from=deepest.peak, drawdown_to=deepest.bottom, drawdown_back=deepest.back,
        drawdown_longest=deepest.longest, ruined_on=levels.ruined_on, undefined=tuple(why.items()),
    )  # fmt: skip


def mean(values: Sequence[float]) -> float:
    """Give the arithmetic mean of one value at least."""
    return fsum(values) / len(values)


def sharpe_of(excess: Sequence[float]) -> float | None:
    """Give mean over sample standard deviation of one period's excesses, not annualised; None where they do not differ.

    >>> round(sharpe_of([0.01, 0.03, -0.01, 0.01]), 6)
    0.612372
    """
    spread = _deviation(excess)
    return None if spread is None or spread <= FLAT else mean(excess) / spread


def moments(returns: Sequence[float]) -> tuple[float | None, float | None]:
    """Give skew and kurtosis (3 for a normal distribution), of the population; None where returns do not differ.

    >>> moments([1.0, 2.0, 3.0, 4.0])
    (0.0, 1.64)
    """
    if len(returns) < 2:
        return None, None
    middle = mean(returns)
    second = fsum((one - middle) ** 2 for one in returns) / len(returns)
    if second <= FLAT**2:
        return None, None
    third = fsum((one - middle) ** 3 for one in returns) / len(returns)
    fourth = fsum((one - middle) ** 4 for one in returns) / len(returns)
    return third / second**1.5, fourth / second**2


def _deviation(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    middle = mean(values)
    return sqrt(fsum((one - middle) ** 2 for one in values) / (len(values) - 1))


def _sharpe(excess: Sequence[float], root: float, why: dict[str, str]) -> float | None:
    found = sharpe_of(excess)
    if found is not None:
        return found * root
    few = "one period has no spread" if excess else "no period passed"
    why["sharpe"] = few if len(excess) < 2 else "the returns do not differ"
    return None


def _sortino(excess: Sequence[float], root: float, why: dict[str, str]) -> float | None:
    below = sqrt(fsum(min(one, 0.0) ** 2 for one in excess) / max(len(excess), 1))
    if below > FLAT:
        return mean(excess) / below * root
    why["sortino"] = "no period fell below the rate of cash" if excess else "no period passed"
    return None


class _Drawdown(Fact, frozen=True, kw_only=True):
    depth: float = 0.0
    peak: date | None = None
    bottom: date | None = None
    back: date | None = None
    longest: int = 0


def _drawdown(levels: Levels) -> _Drawdown:
    peak, peak_day = levels.values[0], levels.days[0]
    depth, start, bottom, back = 0.0, None, None, None
    below = longest = 0
    for day, value in zip(levels.days, levels.values, strict=True):
        if value >= peak:
            if below and back is None and start == peak_day:
                back = day
            peak, peak_day, below = value, day, 0
            continue
        below += 1
        longest = max(longest, below)
        if 1 - value / peak > depth:
            depth, start, bottom, back = 1 - value / peak, peak_day, day, None
    return _Drawdown(depth=depth, peak=start, bottom=bottom, back=back, longest=longest)


def _of_trades(trades: Sequence[Trade], why: dict[str, str]) -> dict[str, object]:
    won = [float(one.pnl) for one in trades if one.pnl > 0]
    lost = -fsum(float(one.pnl) for one in trades if one.pnl < 0)
    rate = len(won) / len(trades) if trades else None
    factor = fsum(won) / lost if lost else None
    if not trades:
        why["win_rate"] = why["profit_factor"] = "no round trip ended"
    elif factor is None:
        why["profit_factor"] = "no round trip lost"
    return {"trades": len(trades), "wins": len(won), "win_rate": rate, "profit_factor": factor}


def _of_days(days: Sequence[DayPoint], whole: Statistics, why: dict[str, str]) -> dict[str, object]:
    positive = [one for one in days if one.equity > 0]
    exposure = mean([float(one.exposure / one.equity) for one in positive]) if positive else None
    equity = mean([float(one.equity) for one in days])
    years = whole.periods / whole.periods_per_year
    turnover = float(sum(one.turnover for one in days)) / equity / years if years and equity > 0 else None
    if exposure is None:
        why["exposure"] = "there was no equity"
    if turnover is None:
        why["turnover"] = "no period passed" if not years else "there was no equity"
    held, lasted = 0.0, 0
    for place, one in enumerate(days):
        until = (days[place + 1].day - one.day).days if place + 1 < len(days) else 1
        held, lasted = held + float(one.collateral) * until, lasted + until
    earned = float(sum(one.premium for one in days))
    if not held:
        why["collateral_return"] = why["collateral_return_annual"] = "no short put was held over a day's end"
        return {"exposure": exposure, "turnover": turnover}
    return {
        "exposure": exposure, "turnover": turnover, "collateral_return": earned / (held / lasted),
        "collateral_return_annual": earned * CALENDAR_DAYS / held,
    }  # fmt: skip
