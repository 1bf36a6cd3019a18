"""`bot stats`: a file of levels in, its statistics out, so that a person can check them against any other source."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from bot.commands.looking import show
from bot.domain.errors import BadNumber, UsageError
from bot.research.bootstrap import Intervals, intervals_of
from bot.research.statistics import MONTHS, Statistics, levels_of, periods_a_year, statistics_of_levels

WEEKS = 52
PERCENT = (
    "total_return", "annual_return", "volatility", "drawdown_max", "best", "worst", "win_rate", "exposure",
    "collateral_return", "collateral_return_annual",
)  # fmt: skip
NAMES = {
    "total_return": "total return", "annual_return": "compound return a year", "volatility": "volatility a year",
    "sharpe": "Sharpe", "sortino": "Sortino", "calmar": "Calmar", "skew": "skew", "kurtosis": "kurtosis (normal: 3)",
    "best": "best period", "worst": "worst period", "drawdown_max": "deepest drawdown",
}  # fmt: skip


class Table(NamedTuple):
    """A file of levels: the days and, by column, a number for each of them."""

    days: tuple[date, ...]
    columns: dict[str, tuple[float, ...]]


class Asked(NamedTuple):
    """What `bot stats` was asked."""

    columns: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    cash: str = ""
    rate: float = 0.0
    periods: float = 0.0
    seed: int = 1


def run_stats(file: str, asked: Asked) -> None:
    """Read levels, print their statistics side by side, and the conventions they follow."""
    table = read_levels(Path(file).expanduser(), asked)
    yearly = asked.periods or spacing_of(table.days)
    cash: tuple[float, ...] = ()
    if asked.cash:
        # What a period earns in cash is known at its beginning: the rate of the row before, in percent a year.
        cash = tuple((1 + one / 100) ** (1 / yearly) - 1 for one in table.columns[asked.cash][:-1])
    names = [name for name in table.columns if name != asked.cash]
    found, sure = [], []
    for name in names:
        levels = levels_of(zip(table.days, table.columns[name], strict=True))
        found.append(statistics_of_levels(levels, yearly, asked.rate, cash[: len(levels.returns)]))
        sure.append(intervals_of(levels.returns, yearly, asked.rate, cash[: len(levels.returns)], seed=asked.seed))
    against = f"column {asked.cash} (percent a year, the row before)" if asked.cash else f"{asked.rate:.2%} a year"
    show([
        f"{table.days[0]} to {table.days[-1]}: {len(table.days)} levels, {yearly:g} periods a year, cash {against}",
        *statistics_lines(names, found),
        *interval_lines(names, sure),
    ])  # fmt: skip


def statistics_lines(names: Sequence[str], found: Sequence[Statistics]) -> list[str]:
    """Give a table of statistics, one column a series; what is undefined is a dash with its reason below."""
    lines = [f"{'':24}" + "".join(f"{name[:14]:>15}" for name in names)]
    for field, words in NAMES.items():
        lines.append(f"{words:24}" + "".join(f"{figure(field, getattr(one, field)):>15}" for one in found))
    for words, values in (
        ("  peak", [one.drawdown_from or "-" for one in found]),
        ("  bottom", [one.drawdown_to or "-" for one in found]),
        ("  regained", [one.drawdown_back or ("never" if one.drawdown_max else "-") for one in found]),
        ("longest below a peak", [f"{one.drawdown_longest} periods" for one in found]),
    ):
        lines.append(f"{words:24}" + "".join(f"{value!s:>15}" for value in values))
    for name, one in zip(names, found, strict=True):
        reasons = [f"{NAMES[field]}: {why}" for field, why in one.undefined if field in NAMES]
        lines += [f"{name}: undefined: {'; '.join(reasons)}"] if reasons else []
        lines += [f"{name}: ruined on {one.ruined_on}: nothing after it counts"] if one.ruined_on else []
    return lines


def interval_lines(names: Sequence[str], found: Sequence[Intervals]) -> list[str]:
    """Give the bootstrap intervals of each series, and how they were drawn."""
    lines: list[str] = []
    for name, one in zip(names, found, strict=True):
        if one.why:
            lines.append(f"{name}: no intervals: {one.why}")
            continue
        parts = [f"{NAMES[part.name]} {figure(part.name, part.low)}..{figure(part.name, part.high)}" for part in one.of]
        lines.append(f"{name}: {one.level:.0%} of {one.samples} resamples: {', '.join(parts)}")
    drawn = next((one for one in found if not one.why), None)
    if drawn is not None:
        lines.append(f"stationary block bootstrap, mean block {drawn.block:g} periods, seed {drawn.seed}")
    return lines


def figure(field: str, value: float | None) -> str:
    """Write one figure: fractions as percent, the rest as numbers, nothing as a dash.

    >>> figure("sharpe", 0.5), figure("volatility", 0.1234), figure("calmar", None)
    ('0.500', '12.34%', '-')
    """
    if value is None:
        return "-"
    return f"{value:.2%}" if field in PERCENT else f"{value:.3f}"


def read_levels(path: Path, asked: Asked) -> Table:
    """Read a CSV of levels: its first column days (YYYY-MM-DD), the others numbers.

    Raises UsageError for a file, column or row that cannot be used, BadNumber for a cell that is no number, both with
    the row as a text editor counts it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.reader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as CSV ({error})") from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise UsageError(f"{path}: expected a first row of names, then rows of a day and its levels")
    heads = [one.strip() for one in rows[0]]
    wanted = [*(asked.columns or [one for one in heads[1:] if one != asked.cash])]
    wanted += [asked.cash] if asked.cash else []
    for name in wanted:
        if heads[1:].count(name) != 1:
            raise UsageError(f"{path}: expected one column {name!r}, it has {', '.join(heads[1:])}")
    days: list[date] = []
    columns: dict[str, list[float]] = {name: [] for name in wanted}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(heads):
            raise UsageError(f"{path}, row {number}: expected {len(heads)} cells, got {len(row)}")
        day = _day(row[0], path, number)
        if (asked.first and day < _option(asked.first)) or (asked.last and day > _option(asked.last)):
            continue
        if days and day <= days[-1]:
            raise UsageError(f"{path}, row {number}: {day} does not come after {days[-1]}: sort the rows by day")
        days.append(day)
        for name in wanted:
            columns[name].append(_number(row[heads.index(name)], path, number, name))
    if len(days) < 2:
        raise UsageError(f"{path}: {len(days)} rows in the span, expected two or more")
    return Table(tuple(days), {name: tuple(values) for name, values in columns.items()})


def spacing_of(days: Sequence[date]) -> int:
    """Tell from the middle gap between days how many periods a year has: 12, 52, 252, or 365 with weekends.

    >>> spacing_of([date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)])
    12
    """
    gaps = sorted((after - before).days for before, after in pairwise(days))
    middle = gaps[len(gaps) // 2]
    if middle in (1, 2, 3):
        return periods_a_year(days)
    for least, most, yearly in ((5, 9, WEEKS), (26, 35, MONTHS), (85, 97, 4), (350, 380, 1)):
        if least <= middle <= most:
            return yearly
    raise UsageError(f"rows are {middle} days apart in the middle: say --periods, how many make a year")


def _day(text: str, path: Path, number: int) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError as error:
        raise UsageError(f"{path}, row {number}: expected a day YYYY-MM-DD, got {text!r}") from error


def _option(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--from and --to take YYYY-MM-DD, got {text!r}") from error


def _number(text: str, path: Path, number: int, name: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise BadNumber(f"{path}, row {number}: {name}: expected a number, got {text!r}") from error
    if not isfinite(value):
        raise BadNumber(f"{path}, row {number}: {name}: expected a finite number, got {text!r}")
    return value
