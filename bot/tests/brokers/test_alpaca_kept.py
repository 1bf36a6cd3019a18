"""The calendar a tick kept, read without asking anybody."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from bot.brokers.alpaca_kept import calendar_name, kept_calendar
from bot.tests.builders import NOON
from bot.venues.daycache import DayCache

TODAY = date(2026, 11, 18)


def row(day: str, closes: str = "16:00") -> dict[str, str]:
    return {"date": day, "open": "09:30", "close": closes}


def keep(cache: DayCache, first: date, last: date, *rows: dict[str, str]) -> None:
    cache.get(calendar_name(first, last), TODAY, lambda: list(rows))


def cache_in(folder: Path) -> DayCache:
    return DayCache(folder / "cache", lambda: NOON)


def test_the_newest_calendar_is_read_whatever_its_day(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    keep(cache, date(2026, 11, 10), date(2026, 12, 17), row("2026-11-17"))
    keep(cache, date(2026, 11, 11), date(2026, 12, 18), row("2026-11-17", "13:00"), row("2026-11-18"))
    found = kept_calendar(cache)
    assert [one.day.day for one in found] == [17, 18]
    assert found[0].early


def test_a_damaged_one_leaves_the_one_before_and_nothing_leaves_none(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    assert kept_calendar(cache) == ()
    keep(cache, date(2026, 11, 10), date(2026, 12, 17), row("2026-11-17"))
    keep(cache, date(2026, 11, 11), date(2026, 12, 18), row("nonsense"))
    cache.get("alpaca-calendar-2026-13-99-2026-12-18", TODAY, list)
    cache.get("alpaca-other", TODAY, list)
    assert [one.day.day for one in kept_calendar(cache)] == [17]
    (tmp_path / "cache" / f"{calendar_name(date(2026, 11, 10), date(2026, 12, 17))}.json").write_text("{")
    assert kept_calendar(cache) == ()
