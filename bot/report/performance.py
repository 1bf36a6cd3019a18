"""What a day, month and year came to: profit, returns beside the benchmark, premium taken, income booked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.instruments import is_option
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO, from_float
from bot.domain.wheelmath import day_profit
from bot.report.shapes import EquityLike, FillLike, IncomeLike
from bot.report.words import six

OPENING = frozenset({"cash_secured_put", "covered_call", "roll_open", "open"})


class Returns(Fact, frozen=True, kw_only=True):
    """Returns of one period as fractions: ours (time-weighted), holding the desk's own shares, the benchmark's price.

    `holding` is what the shares this desk trades came to, held in equal parts, price only.
    """

    period: str
    ours: Decimal | None
    benchmark: Decimal | None
    holding: Decimal | None = None


class Point(Fact, frozen=True, kw_only=True):
    """One session day to draw: indexes that begin at 1 where the ledger does, the fall from the peak, the day's P&L.

    `drawdown` is a fraction, `profit` dollars; what is unknown is None. Numbers to draw by, no money.
    """

    day: date
    nav: float
    holding: float | None = None
    benchmark: float | None = None
    drawdown: float = 0.0
    profit: float | None = None


def points_of(
    days: Sequence[EquityLike], day: date, holding: Mapping[date, float], benchmark_start: Decimal | None
) -> tuple[Point, ...]:
    """Give every session day up to one, oldest first."""
    until = [one for one in days if one.day <= day]
    found = []
    for place, one in enumerate(until):
        before = until[place - 1] if place else None
        price = one.benchmark_price
        found.append(
            Point(
                day=one.day, nav=float(one.nav), holding=holding.get(one.day),
                benchmark=float(price / benchmark_start) if price is not None and benchmark_start else None,
                drawdown=float(one.drawdown_fraction),
                profit=None if before is None else float(day_profit(one.equity, before.equity, one.flow)[0]),
            )
        )  # fmt: skip
    return tuple(found)


class IncomeLine(Fact, frozen=True, kw_only=True):
    """Income booked of one kind; dollars."""

    kind: str
    day: Decimal
    month: Decimal
    year: Decimal = ZERO


def day_result(days: Sequence[EquityLike], day: date) -> tuple[Decimal | None, Decimal | None]:
    """Give a day's P&L in dollars and as a fraction against the recorded day before (wheel 2.15)."""
    until = [one for one in days if one.day <= day]
    if len(until) < 2 or until[-1].day != day:
        return None, None
    profit, fraction = day_profit(until[-1].equity, until[-2].equity, until[-1].flow)
    return profit, six(fraction)


def returns_to(
    days: Sequence[EquityLike], day: date, benchmark_start: Decimal | None, benchmark_open: Decimal | None = None,
    holding: Mapping[date, float] | None = None,
) -> tuple[Returns, ...]:  # fmt: skip
    """Give the return (wheel 2.16) of the day, month, year and since the start, beside holding and the benchmark.

    A period that began before the ledger did counts from the ledger's first tick: there the net asset value is 1 and
    the benchmark `benchmark_start`. `benchmark_open` is that price at the day's own first tick, for a first day.
    `holding` is the index of the desk's own shares by day, 1 where it begins.
    """
    until = [one for one in days if one.day <= day]
    if not until or until[-1].day != day:
        return ()
    last, held = until[-1], holding or {}
    found = []
    starts = (("day", day), ("month", day.replace(day=1)), ("year", day.replace(month=1, day=1)), ("start", date.min))
    for period, first in starts:
        before = [one for one in until if one.day < first]
        nav = before[-1].nav if before else ONE
        price = before[-1].benchmark_price if before else (benchmark_open if period == "day" else benchmark_start)
        found.append(
            Returns(
                period=period,
                ours=six(last.nav / nav - 1) if nav > 0 else None,
                benchmark=six(last.benchmark_price / price - 1) if price and last.benchmark_price is not None else None,
                holding=_change(held.get(day), held.get(before[-1].day) if before else 1.0),
            )
        )
    return tuple(found)


def _change(now: float | None, then: float | None) -> Decimal | None:
    return six(from_float(now / then - 1)) if now is not None and then else None


def premium_taken(fills: Iterable[FillLike]) -> Decimal:
    """Sum what options sold to open brought in, dollars before fees."""
    return sum(
        (
            fill.price * fill.qty * SHARES_PER_CONTRACT
            for fill in fills
            if fill.side == "sell" and fill.purpose in OPENING and is_option(fill.symbol)
        ),
        ZERO,
    )


def income_lines(
    day: Iterable[IncomeLike], month: Iterable[IncomeLike], year: Iterable[IncomeLike] = ()
) -> tuple[IncomeLine, ...]:
    """Set the day's income beside the month's and the year's, by kind."""
    sums: dict[str, list[Decimal]] = {}
    for place, rows in enumerate((day, month, year)):
        for row in rows:
            sums.setdefault(row.kind, [ZERO, ZERO, ZERO])[place] += row.income
    return tuple(IncomeLine(kind=kind, day=one[0], month=one[1], year=one[2]) for kind, one in sorted(sums.items()))
