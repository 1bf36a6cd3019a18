"""Dividends, splits and releases of the embedded market, and what they do to its prices."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bot.config.profiles import GROUPS
from bot.domain.market import ChainRequest, Dividend, Events, EventsRequest, QuotesRequest, Split
from bot.domain.sessions import next_session, previous_session, session_on, sessions_between
from bot.markets.synthetic import SyntheticMarket
from bot.markets.synthetic_days import Day
from bot.markets.synthetic_profiles import profile_of

D = Decimal
FUNDS = tuple(" ".join(GROUPS.values()).split())
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
MARKET = SyntheticMarket(31)
END = date(2030, 12, 31)
STOCKS = tuple(f"ST{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def events(symbol: str, at: datetime = NOON) -> Events:
    return MARKET.fetch((EventsRequest(symbols=(symbol,)),), at).events[0]


def the_day(symbol: str, day: date, market: SyntheticMarket = MARKET) -> Day:
    session = session_on(day)
    assert session is not None
    return market._days.day(market._profile(symbol), session)


def paid(symbol: str, after: date, until: date) -> list[Dividend]:
    return [one for one in MARKET.events_between(symbol, after, until) if isinstance(one, Dividend)]


def splits() -> list[Split]:
    found = [one for symbol in STOCKS for one in MARKET.events_between(symbol, date(2020, 1, 2), END)]
    return [one for one in found if isinstance(one, Split)]


def test_funds_pay_each_quarter_bonds_each_month_and_gold_never() -> None:
    year = (date(2025, 12, 31), date(2026, 12, 31))
    assert [one.ex_date.month for one in paid("SPY", *year)] == [3, 6, 9, 12]
    assert len(paid("TLT", *year)) == 12
    assert paid("GLD", *year) == []
    for symbol in FUNDS:
        amounts = sum(one.amount for one in paid(symbol, *year))
        price = the_day(symbol, date(2026, 6, 30)).prices[-1]
        assert float(amounts) / price == pytest.approx(profile_of(symbol).dividend_yield, rel=0.6, abs=0.001)
        assert all(session_on(one.ex_date) is not None for one in paid(symbol, *year))


def test_the_price_falls_by_the_dividend_at_the_open_of_the_ex_date() -> None:
    """With the same shocks and no dividend the open would stand higher by the amount."""
    gaps, plain = [], []
    for symbol in ("TLT", "HYG"):
        for one in paid(symbol, date(2020, 3, 1), END):
            eve, ex = the_day(symbol, previous_session(one.ex_date).day), the_day(symbol, one.ex_date)
            gaps.append((ex.prices[0] - eve.prices[-1]) / float(one.amount))
            after = the_day(symbol, next_session(one.ex_date).day)
            plain.append((after.prices[0] - ex.prices[-1]) / float(one.amount))
    noise = math.sqrt(sum(one * one for one in plain) / len(plain))
    assert sum(gaps) / len(gaps) - sum(plain) / len(plain) == pytest.approx(-1, abs=4 * noise / math.sqrt(len(gaps)))
    assert 4 * noise / math.sqrt(len(gaps)) < 0.9, "enough dividends for the mean to tell"


def test_options_look_through_the_coming_dividend() -> None:
    """On the eve the forward of a series beyond the ex-date already stands below the spot by the amount."""
    (first, *_rest) = paid("EWZ", date(2026, 3, 1), END)
    eve = previous_session(first.ex_date)
    at = eve.close_at - timedelta(minutes=60)
    asked = [
        ChainRequest(
            underlying="EWZ", right=right, dte_min=20, dte_max=40, moneyness_min=D("0.97"), moneyness_max=D("1.03")
        )
        for right in ("put", "call")
    ]
    puts, calls = MARKET.fetch(tuple(asked), at).chains
    spot = MARKET.fetch((QuotesRequest(symbols=("EWZ",)),), at).quotes[0].mid
    for put, call in zip(puts.offers(), calls.offers(), strict=True):
        assert put.bid is not None
        assert call.bid is not None
        assert put.ask is not None
        assert call.ask is not None
        forward = (call.bid + call.ask - put.bid - put.ask) / 2 + put.strike
        assert spot is not None
        assert abs(spot - forward - first.amount) <= D("0.06")


def test_declared_dividends_are_kept_and_never_changed() -> None:
    """No look-ahead: what is announced was fixed by prices before its period began."""
    for symbol in ("SPY", "TLT", "XLE"):
        for day in range(0, 200, 9):
            at = NOON + timedelta(days=day)
            announced = [one for one in events(symbol, at).dividends if one.ex_date > at.date()]
            assert all(one.ex_date <= at.date() + timedelta(days=60) for one in announced)
            later = {one.ex_date: one.amount for one in events(symbol, at + timedelta(days=70)).dividends}
            assert all(later[one.ex_date] == one.amount for one in announced)


def test_events_tell_the_past_400_days_and_what_is_exempt() -> None:
    spy, gold = events("SPY"), events("GLD")
    assert (spy.dividend_status, spy.earnings_status, spy.as_of) == ("known", "exempt", NOON)
    assert len([one for one in spy.dividends if one.ex_date <= NOON.date()]) == 4
    assert (gold.dividend_status, gold.dividends) == ("none", ())
    assert all(one.pay_date is not None and one.pay_date > one.ex_date for one in spy.dividends)


def test_stocks_report_four_times_a_year_and_the_price_jumps() -> None:
    symbol = "STA"
    profile = profile_of(symbol)
    told = events(symbol)
    assert told.earnings_status == "known"
    assert all(one.as_of == NOON.date() for one in told.earnings)
    assert any(one.day > NOON.date() for one in told.earnings)
    jumps: list[float] = []
    quiet: list[float] = []
    calendar = MARKET._calendar
    for session in sessions_between(date(2021, 1, 4), date(2026, 12, 31)):
        step = calendar.step_of(session.day)
        moves = calendar.jumps_between(profile, step - 1, step)
        before = the_day(symbol, previous_session(session.day).day).prices[-1]
        gap = math.log(the_day(symbol, session.day).prices[0] / before)
        (jumps if moves else quiet).append(gap)
    assert len(jumps) == 24
    deviation = [math.sqrt(sum(one * one for one in gaps) / len(gaps)) for gaps in (jumps, quiet)]
    assert deviation[0] > 2.5 * deviation[1]
    days = [one.day for one in calendar.earnings(profile, date(2026, 1, 1), date(2026, 12, 31), NOON.date())]
    assert len(days) == 4
    assert all(session_on(day) is not None for day in days)


def test_a_series_over_a_release_costs_more_than_one_before_it() -> None:
    symbol = "STA"
    release = min(one.day for one in events(symbol).earnings if one.day > NOON.date())
    at = datetime(release.year, release.month, release.day, 17, tzinfo=UTC) - timedelta(days=14)
    asked = ChainRequest(
        underlying=symbol, right="put", dte_min=1, dte_max=45, moneyness_min=D("0.9"), moneyness_max=D("1.1")
    )
    ends = {
        slab.expiry: min(zip(slab.deltas, slab.volatilities, strict=True), key=lambda row: abs(row[0] - 5000))[1]
        for slab in MARKET.fetch((asked,), at).chains[0].slabs
    }
    before = [volatility for end, volatility in ends.items() if end < release]
    after = [volatility for end, volatility in ends.items() if end > release + timedelta(days=1)]
    assert after[0] > before[-1] * 1.1


def test_releases_never_fall_on_a_closed_day() -> None:
    for symbol in STOCKS:
        days = MARKET._calendar.earnings(profile_of(symbol), date(2021, 1, 1), END, END)
        assert len(days) == 40
        assert all(session_on(one.day) is not None for one in days)


def test_splits_happen_to_dear_stocks_and_divide_the_price() -> None:
    found = splits()
    assert found
    for split in found:
        before = the_day(split.symbol, previous_session(split.day).day).prices[-1]
        after = the_day(split.symbol, split.day).prices[0]
        assert before / after == pytest.approx(float(split.ratio), rel=0.25)
        assert before > 60
        eve = datetime.combine(split.day, datetime.min.time(), UTC) - timedelta(days=10)
        assert split in events(split.symbol, eve).splits
    assert all(not MARKET._calendar.splits(profile_of(symbol)) for symbol in FUNDS)


def test_events_between_counts_the_last_day_and_not_the_first() -> None:
    (first, second, *_rest) = paid("TLT", date(2026, 1, 1), END)
    assert MARKET.events_between("TLT", first.ex_date, second.ex_date) == (second,)
    assert MARKET.events_between("TLT", first.ex_date - timedelta(days=1), first.ex_date) == (first,)
    assert MARKET.events_between("TLT261218P00090000", date(2026, 1, 1), END) == ()
    assert MARKET.events_between("GLD", date(2026, 1, 1), END) == ()


def test_nothing_pays_before_the_world_begins() -> None:
    told = MARKET.fetch((EventsRequest(symbols=("TLT",)),), datetime(2020, 2, 20, 17, tzinfo=UTC)).events[0]
    assert [one.ex_date for one in told.dividends] == [date(2020, 2, 3), date(2020, 3, 2)]


def test_the_last_days_of_the_calendar_still_answer() -> None:
    told = MARKET.fetch((EventsRequest(symbols=("TLT", "SPY", "STA")),), datetime(2030, 12, 31, 17, tzinfo=UTC))
    assert told.errors == ()
    assert all(one.ex_date.year <= 2030 for one in told.events[0].dividends)
