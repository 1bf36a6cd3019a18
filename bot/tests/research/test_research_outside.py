"""PUT, BXM and the S&P 500 with dividends, 1986-1998: our statistics beside the same formulas written out by hand."""

from __future__ import annotations

import csv
from datetime import date
from itertools import pairwise
from math import prod
from pathlib import Path
from statistics import mean, stdev

import pytest

from bot.commands.stating import Asked, read_levels, run_stats
from bot.research.statistics import Statistics, levels_of, statistics_of_levels

FILE = "data/index/cboe_bxm_put_monthly_1986_1998.csv"
NAMES = ("PUT", "BXM", "SPTR")
PRINTED = {  # of the S&P 500 with dividends, by calendar year, as its publisher prints them
    1988: 16.61, 1989: 31.69, 1990: -3.10, 1991: 30.47, 1992: 7.62, 1993: 10.08, 1994: 1.32, 1995: 37.58, 1996: 22.96,
    1997: 33.36, 1998: 28.58,
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(material: Path) -> list[dict[str, str]]:
    with (material / FILE).open() as opened:
        return list(csv.DictReader(opened))


def ours(rows: list[dict[str, str]], name: str) -> Statistics:
    levels = levels_of((date.fromisoformat(row["Date"]), float(row[name])) for row in rows)
    cash = tuple((1 + float(row["GS3M"]) / 100) ** (1 / 12) - 1 for row in rows[:-1])
    return statistics_of_levels(levels, 12, rates=cash)


@pytest.mark.parametrize("name", NAMES)
def test_the_statistics_are_those_of_the_formulas_by_hand(rows: list[dict[str, str]], name: str) -> None:
    one = ours(rows, name)
    level = [float(row[name]) for row in rows]
    returns = [after / before - 1 for before, after in pairwise(level)]
    bill = [(1 + float(row["GS3M"]) / 100) ** (1 / 12) - 1 for row in rows]
    excess = [one - free for one, free in zip(returns, bill, strict=False)]
    below = (sum(min(x, 0) ** 2 for x in excess) / len(excess)) ** 0.5
    falls = [1 - value / max(level[: place + 1]) for place, value in enumerate(level)]
    by_hand = {
        "annual_return": prod(1 + one for one in returns) ** (12 / 150) - 1,
        "volatility": stdev(returns) * 12**0.5,
        "sharpe": mean(excess) / stdev(excess) * 12**0.5,
        "sortino": mean(excess) / below * 12**0.5,
        "drawdown_max": max(falls),
    }
    by_hand["calmar"] = by_hand["annual_return"] / by_hand["drawdown_max"]
    assert one.periods == 150
    for figure, value in by_hand.items():
        told = getattr(one, figure)
        assert told == pytest.approx(value, abs=1e-4), figure  # 0.01 of a percent point; ratios to 0.0001
    longest = run = 0
    for fall in falls:
        run = run + 1 if fall > 0 else 0
        longest = max(longest, run)
    assert one.drawdown_longest == longest


def test_the_calendar_years_of_the_index_are_the_printed_ones(rows: list[dict[str, str]]) -> None:
    december = {row["Date"][:4]: float(row["SPTR"]) for row in rows if row["Date"][5:7] == "12"}
    for year, printed in PRINTED.items():
        ends = [(date(one, 12, 31), december[str(one)]) for one in (year - 1, year)]
        assert statistics_of_levels(levels_of(ends), 1).total_return * 100 == pytest.approx(printed, abs=0.01), year


def test_october_1987_is_where_it_fell(rows: list[dict[str, str]]) -> None:
    one = ours(rows, "SPTR")
    assert one.worst == pytest.approx(-0.2154, abs=0.00005)  # as printed: -21.54 %
    assert (one.drawdown_from, one.drawdown_to) == (date(1987, 8, 31), date(1987, 11, 30))


def test_a_person_can_check_the_file(material: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_stats(str(material / FILE), Asked(columns=("PUT", "BXM"), cash="GS3M"))
    said = capsys.readouterr().out
    assert "1986-06-30 to 1998-12-31: 151 levels, 12 periods a year, cash column GS3M" in said
    assert "compound return a year           14.78%         14.29%" in said
    assert "Sharpe                            1.001          0.824" in said
    table = read_levels(material / FILE, Asked(columns=("PUT",), first="1990-01-01", last="1990-12-31"))
    assert (len(table.days), list(table.columns)) == (12, ["PUT"])
