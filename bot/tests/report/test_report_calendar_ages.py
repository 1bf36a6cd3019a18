"""How much is known of each name's calendar, and since when."""

from __future__ import annotations

from datetime import date, timedelta

from bot.domain.desk import SymbolInfo
from bot.domain.market import Earnings
from bot.report.calendar_ages import CalendarAge, calendar_ages, calendar_words
from bot.tests.builders import NOON, some_events

TODAY = date(2026, 11, 18)
STOCK = SymbolInfo(symbol="ACME", kind="stock", group="industrials")
FUND = SymbolInfo(symbol="XLF", kind="etf", group="financials")


def test_a_calendar_tells_its_standing_and_the_newest_day_a_release_was_checked() -> None:
    checked = (date(2026, 11, 8), date(2026, 11, 12), date(2026, 11, 10))
    releases = tuple(Earnings(symbol="ACME", day=date(2026, 11, 24), when="amc", as_of=day) for day in checked)
    events = some_events("ACME", dividend_status="known", earnings_status="stale", earnings=releases)
    assert calendar_ages(["ACME"], {"ACME": events}, {"ACME": STOCK}) == (
        CalendarAge(
            symbol="ACME", dividends="known", earnings="stale", as_of=events.as_of,
            earnings_as_of=date(2026, 11, 12), followed=True,
        ),
    )  # fmt: skip


def test_of_what_was_never_read_only_a_fund_of_the_universe_is_exempt() -> None:
    fund, stock, stranger = calendar_ages(["XLF", "ACME", "EWZ"], {}, {"XLF": FUND, "ACME": STOCK})
    assert [one.earnings for one in (fund, stock, stranger)] == ["exempt", "unknown", "unknown"]
    assert [one.followed for one in (fund, stock, stranger)] == [True, True, False]
    assert {one.dividends for one in (fund, stock, stranger)} == {"unknown"}
    assert fund.days_on(TODAY) is None


def test_unknown_ex_dates_have_no_age_though_something_was_read() -> None:
    (age,) = calendar_ages(["XLF"], {"XLF": some_events("XLF", dividend_status="unknown")}, {})
    assert age.as_of is not None
    assert age.days_on(TODAY) is None


def test_age_is_counted_in_new_york_days() -> None:
    late = NOON.replace(hour=4)  # 23:00 of the day before in New York
    for as_of, days in ((late, 1), (NOON - timedelta(hours=2), 0)):
        (age,) = calendar_ages(["XLF"], {"XLF": some_events("XLF", as_of=as_of)}, {})
        assert age.days_on(TODAY) == days


def test_one_line_tells_the_oldest_calendar_of_each_kind_and_whose_are_unknown() -> None:
    release = Earnings(symbol="ACME", day=date(2026, 12, 24), when="amc", as_of=date(2026, 11, 8))
    events = {
        "ACME": some_events("ACME", earnings_status="known", earnings=(release,)),
        "XLF": some_events("XLF", as_of=NOON - timedelta(hours=3)),
        "BETA": some_events("BETA", dividend_status="unknown", earnings_status="unknown"),
    }
    universe = {"ACME": STOCK, "BETA": STOCK, "XLF": FUND}
    assert calendar_words(calendar_ages(events, events, universe), NOON) == (
        "ex-dates read 3 hours ago (XLF the oldest), earnings checked 10 days ago (ACME), ex-dates unknown: BETA, "
        "earnings unknown: BETA"
    )
    assert calendar_words((), NOON) == ""
