"""What an import must not take: moments that are none, impossible volumes, another clock, folders that are no tape."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.domain.errors import BadNumber, MarketError, UsageError
from bot.domain.fills import FillRules
from bot.domain.market import BarsRequest
from bot.domain.sessions import always_open
from bot.markets.alpaca_bars import finished_bars
from bot.tapes.cells import number_of
from bot.tapes.hours import bounds_of
from bot.tapes.reading import read_source
from bot.tapes.stamps import BadStamp, read_stamp
from bot.tests.tapes.taped import OPEN, a_bar, a_tape, steps
from bot.tests.tapes.test_tapes_import import GOOD, HEAD, taken
from bot.venues.parsing import Notes

UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize("cell", [20261117, 46344, 46344.604, "202611171430", 0, 315_532_799])
def test_a_day_in_digits_and_a_spreadsheets_number_are_no_seconds_since_1970(cell: Any) -> None:
    with pytest.raises(BadStamp, match="give moments as text"):
        read_stamp(cell, UTC_ZONE)


def test_a_count_of_seconds_or_milliseconds_is_still_a_moment() -> None:
    noon = datetime(2026, 11, 18, 12, tzinfo=UTC)
    for cell in (int(noon.timestamp()), float(noon.timestamp()), str(int(noon.timestamp() * 1000))):
        assert read_stamp(cell, UTC_ZONE) == noon


@pytest.mark.parametrize("volume", ["1e400", "1e300", "1000000000000001"])
def test_a_volume_that_nobody_traded_is_a_bad_number(tmp_path: Path, volume: str) -> None:
    made = taken(tmp_path, HEAD, GOOD[0], GOOD[1].replace(",200", f",{volume}"), GOOD[2])
    assert made.facts is None
    assert [(one.what, one.rows) for one in made.problems if one.refuses] == [("bad number", ("3",))]


def test_true_and_false_are_no_prices() -> None:
    with pytest.raises(BadNumber):
        number_of(True, "close")


def test_bars_of_another_clock_are_refused_and_a_few_outside_sessions_are_counted(tmp_path: Path) -> None:
    local = [line.replace("T14", "T09").replace("T15", "T10").replace("Z", "") for line in GOOD]
    made = taken(tmp_path, HEAD, *local)  # read as UTC, five hours off
    assert made.facts is None
    assert [one.what for one in made.problems if one.refuses] == ["outside sessions"]
    assert taken(tmp_path, HEAD, *local, zone="America/New_York").facts is not None
    early = GOOD[0].replace("14:30", "14:15")
    made = taken(tmp_path, HEAD, early, *GOOD, name="early")
    assert made.facts is not None
    assert [(one.what, one.count) for one in made.problems] == [("outside sessions", 1)]
    assert taken(tmp_path, HEAD, *local, name="coins", always_open=True).problems == ()


def test_the_last_day_there_is_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarketError, match="no day of the past"):
        taken(tmp_path, HEAD, "9999-12-30,50,51,49,50,1", "9999-12-31,50,51,49,50,1", always_open=True)


def test_a_symbol_with_parts_of_a_path_is_refused(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *GOOD, symbol="A/../../x")
    assert (made.facts, made.problems[0].what) == (None, "bad symbol")


def test_a_packed_file_that_is_damaged_inside_is_named(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress("\n".join((HEAD, *GOOD)).encode()))
    packed[10] = 0xFF
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(bytes(packed))
    with pytest.raises(MarketError, match=r"bars\.csv\.gz: cannot be read"):
        read_source(path)


def test_a_folder_that_is_no_tape_is_never_replaced(tmp_path: Path) -> None:
    letters = tmp_path / "tapes" / "t" / "letters.txt"
    letters.parent.mkdir(parents=True)
    letters.write_text("mine")
    with pytest.raises(UsageError, match="is no tape and is not replaced"):
        taken(tmp_path, HEAD, *GOOD, replace=True)
    assert letters.read_text() == "mine"


HOUR_BAR = (BarsRequest(symbol="XLF", step="1hour", count=1),)


def test_a_longer_bar_is_not_known_before_all_of_it_is(tmp_path: Path) -> None:
    """Quarter hours from 14:35: the one of 15:20 lies over the end of the first hour."""
    moments = steps(5, first=OPEN + timedelta(minutes=5))
    bars = {"XLF": [a_bar(at, str(50 + n)) for n, at in enumerate(moments)]}
    for name, around, ends in (("t", False, 65), ("coins", True, 35)):  # around the clock hours are the clock's
        market = a_tape(tmp_path, bars, name=name, always_open=around).market(FillRules(), {})
        at = OPEN + timedelta(minutes=ends)
        assert market.fetch(HOUR_BAR, at - timedelta(seconds=1)).bars == ()
        (found,) = market.fetch(HOUR_BAR, at).bars
        assert found.bars[-1].close == 50 + (ends - 5) // 15 - 1


@pytest.mark.parametrize("at", [1, 4, 10, 25, 26])
def test_hours_are_counted_from_the_open_as_the_live_market_counts_them(tmp_path: Path, at: int) -> None:
    early = OPEN - timedelta(minutes=30)
    bars = [a_bar(one, str(50 + n)) for n, one in enumerate(steps(30, first=early))]
    market = a_tape(tmp_path, {"XLF": bars}).market(FillRules(), {})
    asked = (BarsRequest(symbol="XLF", step="1hour", count=9),)
    moment = OPEN + timedelta(minutes=15) * at
    found = [bar for one in market.fetch(asked, moment).bars for bar in one.bars]
    halves = [
        {"t": f"{OPEN + timedelta(minutes=30 * n):%Y-%m-%dT%H:%M:%SZ}", "o": 52 + 2 * n, "c": 53 + 2 * n,
         "l": 52 + 2 * n, "h": 53 + 2 * n, "v": 2000}
        for n in range(13)
    ]  # fmt: skip
    assert found == list(finished_bars("1hour", halves, moment, Notes()))


def test_hours_of_new_york_are_forgotten_with_the_calendar() -> None:
    saturday = date(2030, 3, 2)
    with always_open():
        assert bounds_of(saturday, False) is not None
    assert bounds_of(saturday, False) is None
