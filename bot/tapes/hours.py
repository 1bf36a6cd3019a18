"""When a tape's market trades: the sessions of New York, or every day around the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from bot.domain.errors import MarketError
from bot.domain.sessions import NEW_YORK, follows_calendar, session_on

DAY = timedelta(days=1)


@follows_calendar(maxsize=16_384)
def bounds_of(day: date, always_open: bool) -> tuple[int, int] | None:
    """Give the first and last second (UTC) of a New York day's trading, or None.

    Around the clock a day goes from midnight to midnight in New York. Raises MarketError outside the known years.

    >>> bounds_of(date(2026, 11, 27), False), bounds_of(date(2026, 11, 26), False)
    ((1795789800, 1795802400), None)
    """
    if always_open:
        first = datetime.combine(day, time(0), NEW_YORK)
        return int(first.timestamp()), int(datetime.combine(day + DAY, time(0), NEW_YORK).timestamp())
    session = session_on(day)
    return None if session is None else (int(session.open_at.timestamp()), int(session.close_at.timestamp()))


def bounds_between(first: date, last: date, always_open: bool) -> list[tuple[date, int, int]]:
    """List the trading days from first to last, each with its first and last second; unknown years are left out."""
    found = []
    day = first
    while day <= last:
        try:
            bounds = bounds_of(day, always_open)
        except MarketError:
            bounds = None
        if bounds is not None:
            found.append((day, *bounds))
        day += DAY
    return found


def day_of(seconds: int) -> date:
    """Give the New York day of a moment in seconds UTC."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(NEW_YORK).date()
