"""What a day, month and year came to: profit, returns beside the benchmark, premium taken, income booked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.instruments import is_option
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO
from bot.domain.wheelmath import day_profit
from bot.report.shapes import EquityLike, FillLike, IncomeLike
from bot.report.words import six

OPENING = frozenset({"cash_secured_put", "covered_call", "roll_open", "open"})


class Returns(Fact, frozen=True, kw_only=True):
    """Time-weighted returns of one period, ours and the benchmark's price; fractions."""

    period: str
    ours: Decimal | None
    benchmark: Decimal | None


class IncomeLine(Fact, frozen=True, kw_only=True):
    """Income booked of one kind; dollars."""

    kind: str
    day: Decimal
    month: Decimal


def day_result(days: Sequence[EquityLike], day: date) -> tuple[Decimal | None, Decimal | None]:
    """Give a day's P&L in dollars and as a fraction against the recorded day before (wheel 2.15)."""
    until = [one for one in days if one.day <= day]
    if len(until) < 2 or until[-1].day != day:
        return None, None
    profit, fraction = day_profit(until[-1].equity, until[-2].equity, until[-1].flow)
    return profit, six(fraction)


def returns_to(
    days: Sequence[EquityLike], day: date, benchmark_start: Decimal | None, benchmark_open: Decimal | None = None
) -> tuple[Returns, ...]:
    """Give the day's, month's and year's return (wheel 2.16) beside the benchmark's price change.

    A period that began before the ledger did counts from the ledger's first tick: there the net asset value is 1 and
    the benchmark `benchmark_start`. `benchmark_open` is that price at the day's own first tick, for a first day.
    """
    until = [one for one in days if one.day <= day]
    if not until or until[-1].day != day:
        return ()
    last = until[-1]
    found = []
    for period, first in (("day", day), ("month", day.replace(day=1)), ("year", day.replace(month=1, day=1))):
        before = [one for one in until if one.day < first]
        nav = before[-1].nav if before else ONE
        price = before[-1].benchmark_price if before else (benchmark_open if period == "day" else benchmark_start)
        found.append(
            Returns(
                period=period,
                ours=six(last.nav / nav - 1) if nav > 0 else None,
                benchmark=six(last.benchmark_price / price - 1) if price and last.benchmark_price is not None else None,
            )
        )
    return tuple(found)


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


def income_lines(day: Iterable[IncomeLike], month: Iterable[IncomeLike]) -> tuple[IncomeLine, ...]:
    """Set the day's income beside the month's, by kind."""
    sums: dict[str, list[Decimal]] = {}
    for place, rows in enumerate((day, month)):
        for row in rows:
            sums.setdefault(row.kind, [ZERO, ZERO])[place] += row.income
    return tuple(IncomeLine(kind=kind, day=pair[0], month=pair[1]) for kind, pair in sorted(sums.items()))
