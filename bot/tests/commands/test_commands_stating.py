"""`bot stats` as typed: levels in, statistics out; a bad row is named by its number."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.commands.stating import spacing_of
from bot.domain.errors import UsageError
from bot.tests.commands.typed import typed

MONTHS = ("2026-01-31,100,5", "2026-02-28,110,5", "2026-03-31,99,5", "2026-04-30,108.9,5", "2026-05-31,108.9,5")


def a_file(folder: Path, *rows: str, head: str = "day,fund,bill") -> str:
    (folder / "levels.csv").write_text("\n".join((head, *rows)) + "\n")
    return "levels.csv"


def test_levels_come_back_as_statistics(tmp_path: Path) -> None:
    done = typed(tmp_path, "stats", a_file(tmp_path, *MONTHS), "--column", "fund")
    assert done.code == 0, done.err
    assert "2026-01-31 to 2026-05-31: 5 levels, 12 periods a year, cash 0.00% a year" in done.out
    assert "total return                      8.90%" in done.out
    assert "volatility a year                33.17%" in done.out  # sqrt(0.0275 / 3) x sqrt(12)
    assert "deepest drawdown                 10.00%" in done.out
    assert "no intervals: 4 returns: 10 are the least" in done.out


def test_a_column_of_cash_lowers_the_sharpe_and_is_no_series(tmp_path: Path) -> None:
    file = a_file(tmp_path, *MONTHS)
    plain, over = typed(tmp_path, "stats", file, "--column", "fund"), typed(tmp_path, "stats", file, "--cash", "bill")
    line = next(one for one in plain.out.splitlines() if one.startswith("Sharpe"))
    other = next(one for one in over.out.splitlines() if one.startswith("Sharpe"))
    assert float(other.split()[1]) < float(line.split()[1])
    assert len(other.split()) == 2


def test_what_is_undefined_is_said_in_words(tmp_path: Path) -> None:
    done = typed(tmp_path, "stats", a_file(tmp_path, *(f"2026-0{one}-28,100,1" for one in range(1, 6))))
    assert "fund: undefined: " in done.out
    assert "Sharpe: the returns do not differ" in done.out
    assert "nan" not in done.out


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (("2026-01-31,100,5", "2026-02-28,,5"), "row 3: fund: expected a number, got ''"),
        (("2026-01-31,100,5", "2026-02-28,nan,5"), "row 3: fund: expected a finite number"),
        (("2026-01-31,100,5", "31.02.2026,100,5"), "row 3: expected a day YYYY-MM-DD"),
        (("2026-02-28,100,5", "2026-01-31,100,5"), "row 3: 2026-01-31 does not come after"),
        (("2026-01-31,100,5", "2026-02-28,100"), "row 3: expected 3 cells, got 2"),
        (("2026-01-31,100,5",), "1 rows in the span"),
        (("2026-01-31,0,5", "2026-02-28,1,5"), "more than nothing to begin with"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: tuple[str, ...], said: str) -> None:
    done = typed(tmp_path, "stats", a_file(tmp_path, *rows))
    assert done.code in (1, 2)
    assert said in done.err


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    assert "cannot be read as CSV" in typed(tmp_path, "stats", "nowhere.csv").err
    assert "it has fund, bill" in typed(tmp_path, "stats", a_file(tmp_path, *MONTHS), "--column", "find").err
    assert "--from and --to take" in typed(tmp_path, "stats", a_file(tmp_path, *MONTHS), "--from", "May").err


def test_the_spacing_of_days_says_how_many_make_a_year() -> None:
    first = date(2026, 1, 5)
    for gap, yearly in ((1, 365), (7, 52), (30, 12), (91, 4), (365, 1)):
        assert spacing_of([first + timedelta(days=gap * place) for place in range(12)]) == yearly
    assert spacing_of([date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7), date(2026, 1, 8)]) == 252
    with pytest.raises(UsageError, match="say --periods"):
        spacing_of([first, first + timedelta(days=15)])
