"""Alpaca's bars of shares: those finished at a moment, split-adjusted, inside sessions.

Alpaca cuts hours on the clock, which puts half an hour before the open into the first one. So hours are put together
here from half hours, counted from the open, as the embedded market counts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bot.domain.errors import MarketError
from bot.domain.market import Bar, BarsRequest, joined_bar
from bot.domain.sessions import Session, add_sessions, new_york_day, session_on
from bot.markets.alpaca_quotes import price_of
from bot.venues.parsing import Notes, decimal_of, moment_of

READ_IN = {"1min": ("1Min", 1), "15min": ("15Min", 15), "1hour": ("30Min", 30), "1day": ("1Day", 0)}
"""The step asked of Alpaca for each of ours, and its minutes."""
IN_A_SESSION = {"1min": 390, "15min": 26, "1hour": 7, "1day": 1}
SHORTEST_SHARE = 2
"""A short session has half the bars; one more session on top keeps the count safe."""


def bars_query(step: str, requests: Sequence[BarsRequest], at: datetime, feed: str) -> dict[str, str]:
    """Say what to ask for all requests of one step: enough sessions back for the longest of them, up to `at`."""
    count = max(one.count for one in requests)
    sessions = -(-count // IN_A_SESSION[step]) + SHORTEST_SHARE
    first = add_sessions(new_york_day(at), -sessions)
    return {
        "symbols": ",".join(sorted({one.symbol for one in requests})),
        "timeframe": READ_IN[step][0],
        "start": first.isoformat(),
        "end": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "adjustment": "split",
        "feed": feed,
        "limit": "10000",
    }


def finished_bars(step: str, rows: Iterable[Any], at: datetime, notes: Notes) -> tuple[Bar, ...]:
    """Read bars, drop what is not finished at `at` or stands outside sessions, oldest first."""
    bars: dict[datetime, Bar] = {}
    for raw in rows:
        bar = _bar(raw) if isinstance(raw, dict) else None
        if bar is None:
            notes.append("a bar cannot be read: left out")
        else:
            bars[bar.at] = bar
    ordered = [bars[moment] for moment in sorted(bars)]
    if step == "1day":
        return _daily(ordered, at)
    if step == "1hour":
        return _hours(ordered, at)
    length = timedelta(minutes=READ_IN[step][1])
    inside = [bar for bar in ordered if _session_of(bar) is not None]
    return tuple(bar for bar in inside if bar.at + length <= at)


def _bar(raw: Mapping[str, Any]) -> Bar | None:
    at, notes = moment_of(raw.get("t")), Notes()
    opening, high, low, close = (price_of(raw, key, notes) for key in ("o", "h", "l", "c"))
    volume = decimal_of(raw, "v", notes)
    if at is None or opening is None or high is None or low is None or close is None or notes:
        return None
    if not low <= min(opening, close) <= max(opening, close) <= high or (volume is not None and volume < 0):
        return None
    return Bar(at=at, open=opening, high=high, low=low, close=close, volume=int(volume or 0))


def _session_on(bar: Bar) -> Session | None:
    """Give the session of a bar's day; a day beyond the calendar has none."""
    try:
        return session_on(new_york_day(bar.at))
    except (MarketError, OverflowError):
        return None


def _session_of(bar: Bar) -> Session | None:
    session = _session_on(bar)
    return session if session is not None and session.holds(bar.at) else None


def _daily(bars: list[Bar], at: datetime) -> tuple[Bar, ...]:
    """Give whole days; the first moment of one is its session's open."""
    found: dict[date, Bar] = {}
    for bar in bars:
        session = _session_on(bar)
        if session is not None and session.close_at <= at:
            found[session.day] = joined_bar(session.open_at, [bar])
    return tuple(found[day] for day in sorted(found))


def _hours(bars: list[Bar], at: datetime) -> tuple[Bar, ...]:
    """Put half hours together to hours from the open; the last one ends with the session."""
    groups: dict[datetime, list[Bar]] = {}
    ends: dict[datetime, datetime] = {}
    for bar in bars:
        session = _session_of(bar)
        if session is not None:
            start = session.open_at + (bar.at - session.open_at) // timedelta(hours=1) * timedelta(hours=1)
            groups.setdefault(start, []).append(bar)
            ends[start] = min(start + timedelta(hours=1), session.close_at)
    return tuple(joined_bar(start, groups[start]) for start in groups if ends[start] <= at)
