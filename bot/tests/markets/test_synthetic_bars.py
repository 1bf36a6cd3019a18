"""Bars, quotes and walks of the embedded market tell one and the same path."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal

import pytest

from bot.domain.market import Bar, BarsRequest, Quote, QuotesRequest
from bot.domain.sessions import Session, session_on, sessions_between
from bot.markets.synthetic import SyntheticMarket
from bot.markets.synthetic_days import Day

D = Decimal
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
MARKET = SyntheticMarket(11)


def bars(
    symbol: str,
    step: Literal["1min", "15min", "1hour", "1day"],
    count: int,
    at: datetime,
    market: SyntheticMarket = MARKET,
) -> tuple[Bar, ...]:
    return market.fetch((BarsRequest(symbol=symbol, step=step, count=count),), at).bars[0].bars


def a_session(day: date) -> Session:
    session = session_on(day)
    assert session is not None
    return session


def quote(symbol: str, at: datetime, market: SyntheticMarket = MARKET) -> Quote:
    return market.fetch((QuotesRequest(symbols=(symbol,)),), at).quotes[0]


def a_halt(market: SyntheticMarket = MARKET) -> Day:
    for session in sessions_between(date(2026, 1, 2), date(2026, 12, 31)):
        for symbol in ("XLF", "GLD", "SPY"):
            day = market._days.day(market._profile(symbol), session)
            if day.halt_from >= 0 and day.halt_until - day.halt_from >= 10:
                return day
    raise AssertionError("no halt in a year of three names")


@pytest.mark.parametrize("day", [date(2026, 11, 18), date(2026, 11, 27)])
@pytest.mark.parametrize("symbol", ["SPY", "XLF", "ACME"])
def test_coarse_bars_sum_up_fine_ones(symbol: str, day: date) -> None:
    session = a_session(day)
    whole = int((session.close_at - session.open_at).total_seconds()) // 60
    minutes = bars(symbol, "1min", whole, session.close_at)
    assert minutes[0].at == session.open_at
    for step, size in (("15min", 15), ("1hour", 60), ("1day", whole)):
        coarse = bars(symbol, step, -(-whole // size), session.close_at)  # type: ignore[arg-type]
        for number, bar in enumerate(coarse):
            part = minutes[number * size : (number + 1) * size]
            assert bar.at == part[0].at
            assert (bar.open, bar.close) == (part[0].open, part[-1].close)
            assert bar.high == max(one.high for one in part)
            assert bar.low == min(one.low for one in part)
            assert bar.volume == sum(one.volume for one in part) > 0


def test_a_bar_holds_every_price_of_the_walk_through_it() -> None:
    session = a_session(date(2026, 11, 18))
    walked = list(MARKET.walk("XLF", session.open_at - timedelta(hours=1), session.close_at))
    assert len(walked) == 391
    assert walked[0].at == session.open_at
    assert walked[-1].at == session.close_at - timedelta(seconds=1)
    assert all(after.at - before.at <= timedelta(minutes=1) for before, after in pairwise(walked))
    (day,) = bars("XLF", "1day", 1, session.close_at)
    lasts = [one.last for one in walked if one.last is not None]
    assert (lasts[0], max(lasts), min(lasts)) == (day.open, day.high, day.low)
    assert all(one.valid and one.bid is not None and one.bid <= (one.last or 0) <= (one.ask or 0) for one in walked)


def test_no_bar_ends_after_the_moment_it_is_read() -> None:
    for seconds in (0, 59, 60, 899, 900, 3600, 23_399):
        at = a_session(date(2026, 11, 18)).open_at + timedelta(seconds=seconds)
        for step, length in (("1min", 60), ("15min", 900), ("1hour", 3600)):
            read = bars("EWZ", step, 30, at)  # type: ignore[arg-type]
            assert len(read) == 30
            assert read[-1].at + timedelta(seconds=length) <= at or read[-1].at.date() < at.date()
        assert bars("EWZ", "1day", 1, at)[0].at.date() == date(2026, 11, 17)
    assert bars("EWZ", "1day", 1, a_session(date(2026, 11, 18)).close_at)[0].at.date() == date(2026, 11, 18)


def test_bars_end_where_the_world_begins() -> None:
    read = bars("SPY", "1day", 50, a_session(date(2020, 1, 10)).close_at)
    assert [bar.at.date() for bar in read] == [date(2020, 1, day) for day in (2, 3, 6, 7, 8, 9, 10)]


def test_a_walk_leaves_out_where_it_began_and_holds_where_it_ends() -> None:
    moments = [one.at for one in MARKET.walk("SPY", NOON, NOON + timedelta(minutes=3))]
    assert moments == [NOON + timedelta(minutes=minute) for minute in (1, 2, 3)]


def test_a_walk_over_a_holiday_shows_sessions_only() -> None:
    walked = list(
        MARKET.walk("SPY", datetime(2026, 11, 25, 20, 58, tzinfo=UTC), datetime(2026, 11, 27, 23, tzinfo=UTC))
    )
    assert {one.at.date() for one in walked} == {date(2026, 11, 25), date(2026, 11, 27)}
    assert max(one.at for one in walked) < datetime(2026, 11, 27, 18, tzinfo=UTC), "13:00 New York closes early"


def test_quotes_are_a_few_seconds_old_and_never_step_back() -> None:
    seen = [quote("HYG", NOON + timedelta(seconds=second)) for second in range(0, 240, 7)]
    ages = [
        (NOON + timedelta(seconds=second) - one.at).total_seconds()
        for second, one in zip(range(0, 240, 7), seen, strict=True)
    ]
    assert all(0 <= age <= 8 for age in ages)
    assert len(set(ages)) > 3
    assert [one.at for one in seen] == sorted(one.at for one in seen)


def test_a_closed_market_keeps_its_last_quote() -> None:
    close = a_session(date(2026, 11, 20)).close_at
    (day,) = bars("XLE", "1day", 1, close)
    for later in (timedelta(0), timedelta(hours=5), timedelta(days=2, hours=1)):
        shown = quote("XLE", close + later)
        assert (shown.at, shown.last) == (close, day.close)
    assert quote("XLE", a_session(date(2026, 11, 23)).open_at).at.date() == date(2026, 11, 23)


def test_a_halt_stops_the_quote_and_the_trade() -> None:
    day = a_halt()
    symbol, start = day.profile.symbol, day.session.open_at
    begins, ends = start + timedelta(minutes=day.halt_from), start + timedelta(minutes=day.halt_until)
    inside = quote(symbol, begins + timedelta(minutes=7))
    assert inside.halted
    assert inside.at == begins
    assert not quote(symbol, begins - timedelta(seconds=1)).halted
    assert not quote(symbol, ends).halted
    walked = list(MARKET.walk(symbol, begins - timedelta(minutes=2), ends + timedelta(minutes=1)))
    assert [one.halted for one in walked] == [False, *[True] * (day.halt_until - day.halt_from), False, False]
    assert len({one.last for one in walked if one.halted}) == 1
    assert {bar.volume for bar in bars(symbol, "1min", 5, begins + timedelta(minutes=6))} == {0}


def test_halts_come_a_few_times_a_year() -> None:
    halts = 0
    for session in sessions_between(date(2026, 1, 2), date(2026, 12, 31)):
        halts += sum(
            MARKET._days.day(MARKET._profile(symbol), session).halt_from >= 0 for symbol in ("EEM", "EFA", "FXI", "EWZ")
        )
    assert 2 <= halts <= 30


def test_odd_quotes_are_rare_and_of_every_kind() -> None:
    kinds: dict[int, int] = {}
    minutes = 0
    for session in sessions_between(date(2026, 1, 2), date(2026, 6, 30)):
        day = MARKET._days.day(MARKET._profile("SLV"), session)
        minutes += day.minutes
        for minute, kind in day.odd_minutes.items():
            kinds[kind] = kinds.get(kind, 0) + 1
            shown = quote("SLV", session.open_at + timedelta(seconds=60 * minute + 30))
            if day.halted(60 * minute + 30):
                continue
            assert (
                not shown.valid
                if kind < 2
                else (session.open_at + timedelta(minutes=minute) - shown.at).seconds > 600 or minute < 15
            )
    assert set(kinds) == {0, 1, 2}
    assert 0.0002 < sum(kinds.values()) / minutes < 0.001
