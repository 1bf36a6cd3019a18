"""A tear sheet stands alone, says what was modelled first, and draws what the run was."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from math import sin
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from bot.research.beside import HOLDING, benchmark_name, compared, lines_beside
from bot.research.facts import DayPoint, RunFacts, Trade
from bot.research.sheet import DRAWN_MOST, Line, exposures, falls, lines_of, monthly, premiums, thinned, yearly
from bot.research.sheet_png import picture, picture_of_many
from bot.research.sheet_svg import area_chart, bar_chart, dollars, line_chart, percent
from bot.research.tearsheet import html_of, png_of

START = date(2024, 1, 2)
AT = datetime(2024, 1, 2, 15, tzinfo=UTC)
D = Decimal


def a_run(count: int = 300) -> RunFacts:
    days = []
    for place in range(count):
        equity = D(round(50_000 + 40 * place + 900 * sin(place / 9), 2)).quantize(D("0.01"))
        days.append(
            DayPoint(
                day=START + timedelta(days=place * 7 // 5), equity=equity, cash=equity / 2,
                benchmark=D(400 + place), holding=D(50_000 + 20 * place), exposure=equity / 3, collateral=equity / 4,
                turnover=D(100), premium=D(round(30 * sin(place / 5), 2)),
            )
        )  # fmt: skip
    trades = tuple(
        Trade(
            symbol="XLF240216P00040000", kind="short put", strategy="wheel", opened_at=AT, closed_at=AT, qty=D(-1),
            opened_price=D("1.23"), closed_price=D("0.4"), how="bought <back>", pnl=D(place - 10),
        )
        for place in range(40)
    )  # fmt: skip
    return RunFacts(
        name="tape <bac>; limits.symbol_share=0.3", desk_name="main", desk_text='benchmark = "SPY"',
        desk_hash="cc" * 32,
        code_version="0.1.0", market="modelled on tape bac", modelled="option prices from a constant 0.2",
        data_hash="ab" * 32, step_seconds=900, first_at=AT, last_at=AT, equity_start=D(50_000), days=tuple(days),
        trades=trades, ticks=count * 26, refusals=(("collateral_is_free", 12),), passed_over=(("too soon", 3),),
        cash_account=D(1), cash_books=D(1), digest="de" * 32,
    )  # fmt: skip


class Tags(HTMLParser):
    """Every tag and address of a page, and what is left open at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data")]
        if tag not in ("meta", "br", "line", "polyline", "polygon", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag, tag


def page_of(run: RunFacts) -> tuple[str, Tags]:
    text = html_of(run, "next price", "15 minutes")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    return text, tags


def test_a_page_stands_alone_and_is_well_formed() -> None:
    text, tags = page_of(a_run())
    assert not {"script", "link", "iframe", "img", "object"} & set(tags.names)
    assert tags.addresses == []
    assert "url(" not in text
    assert "prefers-color-scheme:dark" in text
    assert tags.names.count("svg") == 4


def test_the_label_comes_before_every_figure_and_words_are_escaped() -> None:
    text, _ = page_of(a_run())
    assert text.index("Modelled prices: option prices from a constant 0.2.") < text.index('class="tile"')
    assert "tape &lt;bac&gt;" in text
    assert "<bac>" not in text
    assert "bought &lt;back&gt;" in text
    for words in (
        "ab" * 32,
        "cc" * 32,
        "de" * 32,
        "collateral_is_free",
        "too soon",
        "90% interval",
        "agree to the cent",
    ):
        assert words in text
    real, _ = page_of(replace(a_run(), modelled="", cash_books=D(2)))
    assert "Prices as recorded on the tape." in real
    assert "books and the account differ" in real


def test_every_drawing_is_well_formed_and_inside_its_frame() -> None:
    run = a_run()
    drawings = (
        line_chart(lines_of(run), 300, percent, "lines"),
        area_chart(falls(lines_of(run)[0].points), 130, percent, 'a "fall"', "fall"),
        bar_chart(premiums(run), 150, dollars, "bars"),
    )
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        wide, high = map(float, root.attrib["viewBox"].split()[2:])
        for part in root:
            for point in re.findall(r"(-?[\d.]+),(-?[\d.]+)", part.attrib.get("points", "")):
                assert 0 <= float(point[0]) <= wide
                assert -1 <= float(point[1]) <= high + 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_run_of_few_days_is_drawn_too(count: int) -> None:
    run = replace(a_run(count), trades=(), refusals=(), passed_over=())
    text, _ = page_of(run)
    assert "Nothing was refused" in text
    assert png_of(run).startswith(b"\x89PNG")


def test_without_benchmark_and_holding_only_the_run_is_drawn() -> None:
    run = a_run(30)
    alone = replace(run, days=tuple(replace(one, benchmark=None, holding=None) for one in run.days))
    assert lines_beside(alone) == ()
    assert compared(alone) == ()
    assert len(lines_of(alone)) == 1
    page_of(alone)


def test_months_and_years_multiply_to_the_whole() -> None:
    own = lines_of(a_run())[0].points
    months, years = monthly(own), yearly(own)
    whole = year = 1.0
    for value in months.values():
        whole *= 1 + value
    for value in years.values():
        year *= 1 + value
    assert whole == pytest.approx(own[-1][1])
    assert year == pytest.approx(own[-1][1])
    assert falls(own)[0] == (own[0][0], 0.0)
    assert min(value for _, value in falls(own)) < 0
    assert exposures(a_run())[0][1] == pytest.approx(1 / 3)


def test_a_long_line_is_thinned_and_keeps_its_ends() -> None:
    points = tuple((START + timedelta(days=place), float(place)) for place in range(5000))
    found = thinned(points)
    assert len(found) <= DRAWN_MOST + 1
    assert (found[0], found[-1]) == (points[0], points[-1])
    assert Line("x", points).last == 4999.0


def test_pictures_are_drawn_the_same_twice() -> None:
    run = a_run(60)
    assert picture(run) == picture(run)
    assert picture_of_many([("run 1", run), ("run 2", a_run(40))]).startswith(b"\x89PNG")
    assert (benchmark_name(run), HOLDING) == ("SPY", "holding")
