"""How old each calendar is and what it tells next: for the owner's eyes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal, NamedTuple

from bot.domain.market import Events
from bot.domain.sessions import new_york_day


class CalendarAge(NamedTuple):
    """One calendar of one symbol. `next_day` is the next date told, None where none is; `age_days` since it was read
    or checked, None where it never was."""

    symbol: str
    calendar: Literal["dividends", "earnings"]
    status: str
    next_day: date | None
    expected: bool
    age_days: int | None


def calendar_ages(events: Iterable[Events], at: datetime) -> tuple[CalendarAge, ...]:
    """Give each symbol's two calendars with their next date, status and age on the New York day of a moment."""
    today = new_york_day(at)
    found: list[CalendarAge] = []
    for one in events:
        ahead = [dividend for dividend in one.dividends if dividend.ex_date >= today]
        dividend = min(ahead, key=lambda told: (told.ex_date, told.expected), default=None)
        unread = one.dividend_status == "unknown" and not one.dividends
        found.append(
            CalendarAge(
                symbol=one.symbol,
                calendar="dividends",
                status=one.dividend_status,
                next_day=None if dividend is None else dividend.ex_date,
                expected=dividend is not None and dividend.expected,
                age_days=None if unread else (today - new_york_day(one.as_of)).days,
            )
        )
        releases = [release for release in one.earnings if release.day >= today]
        release = min(releases, key=lambda told: told.day, default=None)
        found.append(
            CalendarAge(
                symbol=one.symbol,
                calendar="earnings",
                status=one.earnings_status,
                next_day=None if release is None else release.day,
                expected=False,
                age_days=max(((today - told.as_of).days for told in one.earnings), default=None)
                if release is None
                else (today - release.as_of).days,
            )
        )
    return tuple(found)
