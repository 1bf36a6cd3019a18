"""The picture of a day: a small PNG whatever the ledger holds, and words for whoever cannot see it (C006)."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.report.chart import LONGEST, alt_text, picture
from bot.report.performance import Point, points_of
from bot.tests.builders import D
from bot.tests.report.test_report_day import DAYS
from bot.tests.report.test_report_embeds import a_day

ROOT = Path(__file__).resolve().parents[3]
FIRST = date(2025, 1, 2)


@pytest.fixture(autouse=True)
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the drawing library keep its list of fonts in a folder of this run."""
    before = os.environ.get("MPLCONFIGDIR")
    os.environ["MPLCONFIGDIR"] = str(tmp_path_factory.getbasetemp() / "fonts")
    yield
    if before is None:
        del os.environ["MPLCONFIGDIR"]
    else:
        os.environ["MPLCONFIGDIR"] = before


def days(many: int) -> tuple[Point, ...]:
    """Give so many days of a line that goes up and down."""
    return tuple(
        Point(
            day=FIRST + timedelta(days=number), nav=1 + 0.01 * (number % 7), holding=1 - 0.001 * number,
            benchmark=None if number % 5 == 0 else 1 + 0.002 * number, drawdown=0.01 * (number % 3),
            profit=None if number == 0 else float(number % 9 - 4) * 250,
        )
        for number in range(many)
    )  # fmt: skip


def size_of(png: bytes) -> tuple[int, int]:
    """Read width and height out of a PNG's head."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("many", [1, 2, 9, 60, LONGEST, LONGEST + 200])
def test_a_picture_is_a_small_png_a_thousand_dots_wide(many: int) -> None:
    png = picture(a_day(), days(many))
    assert png is not None
    assert size_of(png) == (1000, 640)
    assert len(png) < 300_000


def test_no_day_gives_no_picture_and_no_words() -> None:
    assert picture(a_day(), ()) is None
    assert alt_text(a_day(), ()) == ""


def test_a_picture_says_in_words_what_it_shows() -> None:
    assert alt_text(a_day(), days(9)) == (
        "PAPER MONEY, green, 2026-11-18: 9 sessions from 2025-01-02; holding -0.8 %, SPY +1.6 %, ours +1.0 %; "
        "deepest fall from the peak 2.0 %; day +123.45"
    )


def test_a_long_record_is_measured_from_the_day_before_the_year_that_is_shown() -> None:
    points = days(LONGEST + 1)
    last, before = points[-1], points[0]
    assert last.holding is not None
    assert before.holding is not None
    told = f"holding {(last.holding / before.holding - 1) * 100:+.1f} %"
    assert told in alt_text(a_day(), points)


def test_an_unknown_line_is_left_out() -> None:
    points = tuple(Point(day=FIRST + timedelta(days=number), nav=1.0) for number in range(4))
    assert picture(a_day(), points) is not None
    words = alt_text(a_day(), points)
    assert "holding" not in words
    assert "SPY" not in words


def test_points_are_the_ledgers_days_up_to_one() -> None:
    points = points_of(DAYS, date(2026, 11, 17), {date(2026, 10, 30): 1.25}, D(400))
    assert [point.day for point in points] == [date(2025, 12, 31), date(2026, 10, 30), date(2026, 11, 17)]
    assert (points[1].nav, points[1].holding, points[1].benchmark, points[1].profit) == (1.1, 1.25, 1.1, 1000.0)
    assert points[0].profit is None
    assert points[2].holding is None


def test_drawing_writes_nothing_where_it_has_no_home(tmp_path: Path) -> None:
    """A service has no home to write to: the library's folder is one that is gone afterwards."""
    script = (
        "import sys\n"
        "from bot.commands.reporting import draw\n"
        "from bot.tests.report.test_report_chart import days\n"
        "from bot.tests.report.test_report_embeds import a_day\n"
        "assert 'matplotlib' not in sys.modules\n"
        "png, said = draw(a_day(), days(5))\n"
        "assert png and not said, said\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    names = {"HOME": str(home), "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=names, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["home"]
