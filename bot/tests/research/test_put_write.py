"""A put-write modelled on the S&P 500 and the VIX, its premium found on 1990-1994, against the PUT index 1995-1998."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.commands.put_writing import put_write_lines, read_material, run_put_write
from bot.domain.errors import UsageError
from bot.pricing.black_scholes import price
from bot.research.put_write import Material, MonthEnd, levels, likeness, put_write, returns_of

FIT, TEST = (1990, 1994), (1995, 1998)


@pytest.fixture(scope="module")
def published(material: Path) -> Material:
    return read_material(material / "data" / "index")


def a_world(factor: float = 0.9) -> Material:
    """Make nine years of an index whose published put-write is what the model gives at a factor."""
    closes: dict[date, float] = {}
    volatilities: dict[date, float] = {}
    day, level = date(1990, 1, 1), 400.0
    while day < date(1999, 1, 1):
        n = (day - date(1990, 1, 1)).days
        if day.weekday() < 5:
            level *= math.exp(0.0003 + 0.008 * math.sin(n * n % 97))
            closes[day] = round(level, 2)
            volatilities[day] = 0.16 + 0.04 * math.sin(n / 50)
        day += timedelta(days=1)
    ends = [date(y + m // 12, m % 12 + 1, 1) - timedelta(days=1) for y in range(1988, 1999) for m in range(1, 13)]
    bare = [MonthEnd(one, 100.0, 100 * 1.03 ** (n / 12), 100.0, 0.05) for n, one in enumerate(ends)]
    made = levels(Material(closes, volatilities, bare), factor, ends[-1])
    return Material(closes, volatilities, [one._replace(put_write=made.get(one.day, 100.0)) for one in bare])


def test_the_factor_of_1990_to_1994_explains_the_put_index_of_1995_to_1998(published: Material) -> None:
    found = put_write(published, FIT, TEST)
    assert (found.fit.months, found.test.months) == (59, 48)
    assert found.test.correlation >= 0.98
    assert found.test.tracking_error <= 0.014
    assert abs(found.test.gap) <= 0.01
    assert found.test.good
    assert 0.80 < found.low < found.factor < found.high < 0.90
    assert found.high - found.low < 0.06
    # The index's own years, to the digit: nothing of ours is in them.
    assert found.test.compound_published == pytest.approx(0.1979, abs=5e-5)
    # And as it is, the volatility index promises points a year that nobody received.
    assert found.unscaled.gap > 0.03
    assert not found.unscaled.good


def test_the_years_it_is_judged_on_have_no_say_in_the_factor(published: Material) -> None:
    last = date(1994, 12, 31)
    ends = [
        one if one.day <= last else one._replace(put_write=one.put_write * (1 + one.day.day / 100))
        for one in published.month_ends
    ]
    closes = {day: value if day <= last else value * 1.5 for day, value in published.closes.items()}
    before, after = (
        put_write(published, FIT, TEST),
        put_write(Material(closes, published.volatilities, ends), FIT, TEST),
    )
    assert (before.factor, before.low, before.high, before.fit) == (after.factor, after.low, after.high, after.fit)
    assert before.test != after.test


def test_a_known_factor_is_found_again_with_nothing_left_over() -> None:
    found = put_write(a_world(0.9), FIT, TEST, samples=100)
    assert found.factor == pytest.approx(0.9, abs=1e-4)
    assert found.high - found.low < 1e-4
    assert found.test.correlation == pytest.approx(1.0, abs=1e-9)
    assert found.test.tracking_error < 1e-5
    assert abs(found.test.gap) < 1e-5


def test_one_roll_is_what_the_rules_say_by_hand() -> None:
    """From the roll of 18 June 1993 to the month-end: settled at the close before, sold between two closes."""
    world = a_world()
    roll, settle, end, expiry = date(1993, 6, 18), date(1993, 6, 17), date(1993, 6, 30), date(1993, 7, 16)
    made = levels(world, 0.9, end)
    made_before = levels(world, 0.9, date(1993, 5, 31))
    assert {day: made[day] for day in made_before} == made_before
    paid, rate = math.log(1.03), 0.05
    # The cycle before: sold on 21 May at the mean of two closes.
    sold, before = date(1993, 5, 21), date(1993, 5, 20)
    strike, premium, spot = sale(world, sold, before, roll, 0.9)
    cover = strike / (1 + rate) ** ((roll - sold).days / 365) - premium
    may = date(1993, 5, 31)
    mark = price(
        "put", world.closes[may], strike, (roll - may).days / 365, 0.9 * world.volatilities[may], math.log1p(rate), paid
    )
    # Per put: what its money has become at the end of May, and at the roll.
    start = cover + premium
    at_may = start * (1 + rate) ** ((may - sold).days / 365) - mark
    at_roll = start * (1 + rate) ** ((roll - sold).days / 365) - max(strike - world.closes[settle], 0)
    # The next put, by the money of the roll.
    strike2, premium2, _ = sale(world, roll, settle, expiry, 0.9)
    cover2 = strike2 / (1 + rate) ** ((expiry - roll).days / 365) - premium2
    puts2 = at_roll / cover2
    mark2 = price(
        "put",
        world.closes[end],
        strike2,
        (expiry - end).days / 365,
        0.9 * world.volatilities[end],
        math.log1p(rate),
        paid,
    )
    at_end = (at_roll + puts2 * premium2) * (1 + rate) ** ((end - roll).days / 365) - puts2 * mark2
    assert made[end] / made[may] == pytest.approx(at_end / at_may, rel=1e-12)
    assert strike % 5 == 0
    assert 0 <= spot - strike < 5


def sale(world: Material, day: date, before: date, expiry: date, factor: float) -> tuple[float, float, float]:
    """Give strike, premium and spot of a put sold in the morning."""
    spot = (world.closes[day] + world.closes[before]) / 2
    strike = 5.0 * math.floor(spot / 5)
    volatility = factor * (world.volatilities[day] + world.volatilities[before]) / 2
    years = (expiry - day).days / 365
    return strike, price("put", spot, strike, years, volatility, math.log1p(0.05), math.log(1.03)), spot


def test_likeness_is_what_its_words_say() -> None:
    days = [date(2000, n, 28) for n in range(1, 6)]
    ours = dict(zip(days, [100, 110, 99, 108.9, 108.9], strict=True))
    theirs = dict(zip(days, [100, 105, 105, 105, 110.25], strict=True))
    found = likeness(ours, theirs, days)
    assert returns_of(ours, days) == pytest.approx([0.1, -0.1, 0.1, 0.0])
    # Differences 0.05, -0.1, 0.1, -0.05: mean 0, sum of squares 0.025 over 3, times 12.
    assert found.tracking_error == pytest.approx(math.sqrt(0.025 / 3 * 12))
    # Deviations 0.075 -0.125 0.075 -0.025 and 0.025 -0.025 -0.025 0.025.
    assert found.correlation == pytest.approx(0.0025 / math.sqrt(0.0275 * 0.0025))
    assert found.compound_modelled == pytest.approx(1.089**3 - 1)
    assert found.gap == pytest.approx(1.089**3 - 1.1025**3)


def test_the_command_prints_the_table_and_says_that_it_is_modelled(
    material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(material / "data" / "index")
    run_put_write(folder, "1990-1994", "1995-1998", 1, as_json=False)
    said = capsys.readouterr().out
    assert "premium factor 0.848, 90% interval 0.8" in said
    assert "1994-12 to 1998-12 is within the bounds" in said
    assert "no market quoted them" in said
    run_put_write(folder, "1990-1994", "1995-1998", 1, as_json=True)
    assert '"factor":0.848' in capsys.readouterr().out
    assert "NOT within" in "\n".join(
        put_write_lines(put_write(read_material(Path(folder)), (1990, 1992), (1997, 1998)))
    )


def write_folder(folder: Path, world: Material) -> None:
    rows = [
        f"{one.day},{one.put_write},{one.total_return},{one.price_index},{100 * one.bill}" for one in world.month_ends
    ]
    (folder / "ends.csv").write_text("\n".join(["Date,PUT,SPTR,SPX,GS3M", *rows]))
    (folder / "closes.csv").write_text(
        "\n".join(["date,sp500", *(f"{day},{value}" for day, value in world.closes.items())])
    )
    quoted = [f"{day},{100 * value}" for day, value in world.volatilities.items()]
    (folder / "volatility.csv").write_text("\n".join(["DATE,CLOSE", *quoted]))


def test_files_of_ones_own_are_told_by_their_columns(tmp_path: Path) -> None:
    world = a_world()
    write_folder(tmp_path, world)
    read = read_material(tmp_path)
    assert read.closes == world.closes
    assert put_write(read, FIT, TEST, samples=100).factor == pytest.approx(0.9, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("closes.csv", ("1990-01-03,", "1990-01-03,x"), "closes.csv row 4: could not convert"),
        ("closes.csv", ("1990-01-03,", "1990-01-03,-"), "closes.csv row 4: sp500: expected a number above zero"),
        ("closes.csv", ("1990-01-03", "03/01/1990"), "closes.csv row 4: Invalid isoformat"),
        ("closes.csv", ("sp500", "price"), "expected a CSV with Date, PUT, SPTR.*closes.csv .date, price"),
        ("volatility.csv", ("1990-01-03,", "1990-01-03,nan"), "volatility.csv row 4"),
        ("ends.csv", (",5.0", ","), "ends.csv row 2"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, name: str, change: tuple[str, str], words: str) -> None:
    write_folder(tmp_path, a_world())
    path = tmp_path / name
    path.write_text(path.read_text().replace(*change, 1))
    with pytest.raises(UsageError, match=words):
        read_material(tmp_path)


def test_short_or_holed_material_is_refused() -> None:
    world = a_world()
    with pytest.raises(UsageError, match="1999-2001: the files give 0 months"):
        put_write(world, FIT, (1999, 2001))
    holed = {day: value for day, value in world.closes.items() if not date(1993, 3, 1) < day < date(1993, 4, 30)}
    with pytest.raises(UsageError, match="no close of the index in the 7 days up to 1993-03-19"):
        put_write(world._replace(closes=holed), FIT, TEST)
    with pytest.raises(UsageError, match="month-ends are needed before"):
        put_write(world._replace(month_ends=[one for one in world.month_ends if one.day.year >= 1990]), FIT, TEST)
    with pytest.raises(UsageError, match="one is empty"):
        levels(world._replace(volatilities={}), 1.0, date(1994, 1, 1))
    tenfold = {day: 10 * value for day, value in world.volatilities.items()}
    with pytest.raises(UsageError, match="is the volatility in percent"):
        put_write(world._replace(volatilities=tenfold), FIT, TEST)
