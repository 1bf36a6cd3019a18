"""How much is known of each name's calendar, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Literal

from bot.domain.desk import SymbolInfo
from bot.domain.facts import Fact
from bot.domain.market import Events
from bot.domain.sessions import new_york_day
from bot.report.words import ago, count


class CalendarAge(Fact, frozen=True, kw_only=True):
    """How much is known of a symbol's calendar, and since when; `followed` says that it is a name of this desk.

    `as_of` is the moment its ex-dates were read, None where nothing was; `earnings_as_of` the newest day a release of
    it was checked.
    """

    symbol: str
    dividends: Literal["known", "none", "unknown"]
    earnings: Literal["known", "exempt", "unknown", "stale"]
    as_of: datetime | None
    earnings_as_of: date | None = None
    followed: bool = True

    def days_on(self, today: date) -> int | None:
        """Count the New York days from the reading of its ex-dates to a day, None where they are unknown."""
        if self.as_of is None or self.dividends == "unknown":
            return None
        return (today - new_york_day(self.as_of)).days


def calendar_ages(
    symbols: Iterable[str], events_of: Mapping[str, Events], universe: Mapping[str, SymbolInfo]
) -> tuple[CalendarAge, ...]:
    """Say for each symbol how much of its calendar is known; a fund of the universe needs no earnings."""
    return tuple(_age(symbol, events_of.get(symbol), universe.get(symbol)) for symbol in symbols)


def calendar_words(ages: Iterable[CalendarAge], now: datetime) -> str:
    """Say in one line how old the oldest calendar of each kind is, and whose are unknown; nothing without any."""
    listed, today = list(ages), new_york_day(now)
    read = [(one.as_of, one.symbol) for one in listed if one.as_of is not None and one.dividends != "unknown"]
    checked = [(one.earnings_as_of, one.symbol) for one in listed if one.earnings_as_of is not None]
    parts = []
    if read:
        moment, symbol = min(read)
        parts.append(f"ex-dates read {ago(moment, now)} ({symbol}{' the oldest' if len(read) > 1 else ''})")
    if checked:
        day, symbol = min(checked)
        when = "today" if day == today else f"{count((today - day).days, 'day')} ago"
        parts.append(f"earnings checked {when} ({symbol}{' the oldest' if len(checked) > 1 else ''})")
    for what, names in (
        ("ex-dates unknown", [one.symbol for one in listed if one.dividends == "unknown"]),
        ("earnings unknown", [one.symbol for one in listed if one.earnings == "unknown" and one.followed]),
        ("earnings stale", [one.symbol for one in listed if one.earnings == "stale" and one.followed]),
    ):
        parts += [f"{what}: {' '.join(names)}"] if names else []
    return ", ".join(parts)


def _age(symbol: str, events: Events | None, info: SymbolInfo | None) -> CalendarAge:
    if events is None:
        return CalendarAge(
            symbol=symbol,
            dividends="unknown",
            earnings="exempt" if info is not None and info.kind == "etf" else "unknown",
            as_of=None,
            followed=info is not None,
        )
    return CalendarAge(
        symbol=symbol,
        dividends=events.dividend_status,
        earnings=events.earnings_status,
        as_of=events.as_of,
        earnings_as_of=max((release.as_of for release in events.earnings), default=None),
        followed=info is not None,
    )
