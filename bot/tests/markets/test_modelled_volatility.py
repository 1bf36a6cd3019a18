"""Where a modelled market's volatility comes from, which series it lists, and how it says what it assumes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import MarketError
from bot.domain.market import Bar, Bars, BarsRequest, Dividend, MarketReads, Quote, Request, Split
from bot.domain.sessions import new_york_day, session_on, sessions_between
from bot.markets.modelled_listing import expiries, monthly, strikes_between
from bot.markets.modelled_params import ModelParams, checked
from bot.markets.modelled_volatility import (
    ConstantVolatility,
    IndexVolatility,
    RealisedVolatility,
    VolatilityPoint,
    read_index,
)
from bot.markets.synthetic_calendar import expiries as embedded_expiries

D = Decimal
FIRST = date(2026, 3, 2)


class Closes:
    """Daily closes by hand, and splits; a bar shows from its session's close."""

    name = "closes"
    simulated = False

    def __init__(self, closes: Sequence[str], splits: tuple[Split, ...] = ()) -> None:
        self.splits = splits
        self.asked = 0
        sessions = sessions_between(FIRST, FIRST + timedelta(days=2 * len(closes) + 10))[: len(closes)]
        self.rows = [
            (one.close_at, Bar(at=one.open_at, open=D(c), high=D(c), low=D(c), close=D(c), volume=1))
            for one, c in zip(sessions, closes, strict=True)
        ]

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        (asked,) = requests
        assert isinstance(asked, BarsRequest)
        self.asked += 1
        bars = tuple(bar for end, bar in self.rows if end <= at)[-asked.count :]
        if not bars:
            return MarketReads(errors=("no bar",))
        return MarketReads(bars=(Bars(symbol=asked.symbol, step=asked.step, bars=bars, source="closes"),))

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        return iter(())

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        return tuple(one for one in self.splits if after < one.day <= until)


def test_realised_volatility_is_the_root_mean_square_of_a_windows_returns_over_a_year_of_252() -> None:
    base = Closes(["100", "101", "99", "100", "102"])
    end = base.rows[-1][0]
    by_hand = math.sqrt(sum(math.log(b / a) ** 2 for a, b in ((101, 99), (99, 100), (100, 102))) / 3 * 252)
    assert RealisedVolatility(base, 3).known("X", end) == pytest.approx(by_hand, rel=1e-12)


def test_a_day_counts_from_its_close_and_one_reading_serves_until_then() -> None:
    base = Closes(["100", "101", "99", "100", "150"])
    series, (end, bar) = RealisedVolatility(base, 3), base.rows[-1]
    during = series.known("X", bar.at)
    assert series.known("X", end - timedelta(seconds=1)) == during
    assert base.asked == 1
    assert series.known("X", end) > 5 * during
    assert series.known("X", end + timedelta(hours=12)) == series.known("X", end)
    assert base.asked == 2
    assert series.known("X", bar.at) == during


def test_a_split_is_no_move() -> None:
    base = Closes(["100", "101", "99", "50", "51"])
    day = new_york_day(base.rows[3][0])
    split = Closes(["100", "101", "99", "50", "51"], (Split(symbol="X", day=day, ratio=D(2)),))
    end = base.rows[-1][0]
    by_hand = math.sqrt(sum(math.log(b / a) ** 2 for a, b in ((101, 99), (49.5, 50), (50, 51))) / 3 * 252)
    assert RealisedVolatility(split, 3).known("X", end) == pytest.approx(by_hand, rel=1e-12)
    assert RealisedVolatility(base, 3).known("X", end) > 5


def test_too_few_closes_or_none_that_move_are_no_volatility() -> None:
    end = datetime(2026, 3, 20, 21, tzinfo=UTC)
    with pytest.raises(MarketError, match="X has 3 of the 4 daily closes"):
        RealisedVolatility(Closes(["1", "2", "3"]), 3).known("X", end)
    with pytest.raises(MarketError, match=r"X has 0 of the 4 .*no bar"):
        RealisedVolatility(Closes(["1", "2", "3"]), 3).known("X", datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(MarketError, match="did not move"):
        RealisedVolatility(Closes(["3", "3", "3", "3"]), 3).known("X", end)
    with pytest.raises(MarketError, match="2 to 1000"):
        RealisedVolatility(Closes(["3"]), 1)


def test_an_index_counts_from_the_moment_it_was_known(tmp_path: Path) -> None:
    path = tmp_path / "vix.csv"
    path.write_text("DATE,OPEN,HIGH,LOW,CLOSE\n2026-03-02,20,21,19,20.5\n2026-03-03,20,21,19,18\n")
    series = read_index(path)
    printed = datetime(2026, 3, 3, 21, 15, tzinfo=UTC)
    assert series.known("X", printed - timedelta(seconds=1)) == pytest.approx(0.205)
    assert series.known("X", printed) == pytest.approx(0.18)
    assert series.words.startswith("vix.csv ")
    assert read_index(path, column="open").known("X", printed) == pytest.approx(0.20)
    with pytest.raises(MarketError, match="is silent since 2026-03-03"):
        series.known("X", printed + timedelta(days=7, seconds=1))
    with pytest.raises(MarketError, match="begins at 2026-03-02"):
        series.known("X", printed - timedelta(days=1, seconds=1))


def test_the_exchanges_own_days_are_read_and_other_contents_have_another_mark(tmp_path: Path) -> None:
    path = tmp_path / "vix.csv"
    path.write_text("DATE,OPEN,HIGH,LOW,CLOSE\n02/27/2026,20,21,19,20.5\n03/02/2026,20,21,19,18\n")
    first = read_index(path)
    assert first.known("X", datetime(2026, 3, 2, 21, 15, tzinfo=UTC)) == pytest.approx(0.18)
    assert first.words == read_index(path).words
    path.write_text(path.read_text().replace("20.5", "20.6"))
    assert read_index(path).words != first.words
    path.write_text("date,close\n01/12/2026,20\n02/12/2026,20\n03/11/2026,20\n13/11/2026,20\n")
    with pytest.raises(MarketError, match="row 5"):
        read_index(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected columns date and close, got nothing"),
        ("day,close\n2026-03-02,20\n", "expected columns date and close, got day, close"),
        ("date,close\n2026-03-02,20\n2026-03-03,\n", "vix.csv row 3: expected a day and a number"),
        ("date,close\n02.03.2026,20\n", "vix.csv row 2: expected a day and a number"),
        ("date,close\n2026-03-02,0.0\n", "vix.csv row 2: a volatility of 0"),
        ("date,close\n2026-03-02,nan\n", "vix.csv row 2: a volatility of nan"),
        ("date,close\n2026-03-03,20\n2026-03-02,20\n", "moments must rise"),
        ("date,close\n2026-03-02,20\n2026-03-02,20\n", "moments must rise"),
        ("date,close\n", "no row of volatility"),
        ("date,close\n2026-03-02\n", "vix.csv row 2"),
    ],
)
def test_a_bad_file_is_refused_and_its_row_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "vix.csv"
    path.write_text(text)
    with pytest.raises(MarketError, match=words):
        read_index(path)
    with pytest.raises(MarketError, match="cannot be read"):
        read_index(tmp_path / "none.csv")


def test_a_constant_and_a_point_are_what_they_are() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    assert ConstantVolatility(0.3).known("X", at) == 0.3
    assert IndexVolatility("i", [VolatilityPoint(at, 0.4)]).known("X", at) == 0.4
    with pytest.raises(MarketError, match="a fraction a year"):
        ConstantVolatility(30)


def test_listed_expiries_are_those_the_embedded_market_lists_week_by_week() -> None:
    """Where both list Fridays alike: eight weeks of them, third Fridays for a year, Thursdays for closed ones."""
    for day in (date(2026, 3, 25), date(2027, 3, 1), date(2019, 4, 10), date(2026, 12, 20)):
        ours = expiries(day, 0, 50, 56, 360)
        assert ours == embedded_expiries("XLF", day, 0, 50)
        assert all(session_on(one) is not None for one in ours)
    assert date(2019, 4, 18) in expiries(date(2019, 4, 10), 0, 20, 56, 365)  # Good Friday is a third Friday
    assert monthly(date(2019, 4, 18))
    assert not monthly(date(2019, 4, 26))


def test_a_listed_expiry_stays_listed_until_it_ends() -> None:
    ahead: set[date] = set()
    day = date(2026, 1, 5)
    while day < date(2027, 1, 5):
        listed = set(expiries(day, 0, 400, 56, 365))
        assert {one for one in ahead if one >= day} <= listed
        ahead = listed
        day += timedelta(days=1)


def test_strikes_stand_on_a_ladder_that_does_not_move_with_the_price() -> None:
    assert strikes_between(10, 11, D("0.25")) == (10_000, 10_250, 10_500, 10_750, 11_000)
    assert set(strikes_between(95, 105, None)) & set(strikes_between(100, 110, None)) == set(
        strikes_between(100, 105, None)
    )
    assert strikes_between(1290, 1300, None) == (1_290_000, 1_295_000, 1_300_000)
    assert strikes_between(150_000, 200_000, None) == ()
    assert strikes_between(99_990, 200_000, D(5))[-1] == 99_995_000


def test_the_words_of_the_parameters_name_what_moves_prices() -> None:
    words = checked(ModelParams(premium_factor=0.85, american=True, known_dividends=False)).words
    assert "premium factor 0.85" in words
    assert "American" in words
    assert "declared dividends" not in words


def test_bars_in_the_shares_of_the_moment_have_their_split_taken_out_already() -> None:
    split = Split(symbol="X", day=sessions_between(FIRST, FIRST + timedelta(days=30))[3].day, ratio=D(2))
    raw = Closes(["100", "101", "100", "50.5", "50", "50.5"], (split,))
    shown = Closes(["50", "50.5", "50", "50.5", "50", "50.5"], (split,))
    shown.bars_in_shares_of_now = True  # type: ignore[attr-defined]
    at = raw.rows[-1][0]
    known = RealisedVolatility(raw, 5).known("X", at)
    assert known == pytest.approx(RealisedVolatility(shown, 5).known("X", at))
    assert known < 0.2, "a split counted twice looks like a fall by half"
