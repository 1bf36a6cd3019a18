"""Bars of the embedded market, read off the same minutes that quotes are made from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from bot.domain.market import Bar, Bars, BarsRequest
from bot.domain.sessions import Session, previous_session
from bot.markets.synthetic_days import Day
from bot.markets.synthetic_money import cents_of, dollars
from bot.markets.synthetic_paths import remember

MINUTES = {"1min": 1, "15min": 15, "1hour": 60}
LONGEST_SESSION = 390


class BarReader:
    """Finished bars of any step; days once summed up are remembered, so a year of them costs one pass."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, date], Bar] = {}

    def read(
        self, request: BarsRequest, session: Session, minute: int, anchor: date, day_of: Callable[[Session], Day]
    ) -> Bars:
        """Give the last finished bars as of a minute of a session, fewer where the world began later."""
        found: list[Bar] = []
        last = minute
        while len(found) < request.count and session.day >= anchor:
            whole = int((session.close_at - session.open_at).total_seconds()) // 60
            if request.step == "1day":
                if last >= whole:
                    found.append(self._day_bar(request.symbol, session, day_of))
            else:
                day, step = day_of(session), MINUTES[request.step]
                starts = range(0, whole, step)
                ended = [start for start in starts if min(start + step, whole) <= last]
                for start in reversed(ended[-(request.count - len(found)) :]):
                    found.append(_bar(day, start, min(start + step, whole)))
            session, last = previous_session(session.day), LONGEST_SESSION
        return Bars(symbol=request.symbol, step=request.step, bars=tuple(reversed(found)), source="synthetic")

    def _day_bar(self, symbol: str, session: Session, day_of: Callable[[Session], Day]) -> Bar:
        found = self._days.get((symbol, session.day))
        if found is None:
            day = day_of(session)
            found = _bar(day, 0, day.minutes)
            remember(self._days, (symbol, session.day), found, 16_384)
        return found


def _bar(day: Day, start: int, end: int) -> Bar:
    """Sum up the minutes from `start` to `end`; each bar closes where the next one opens."""
    prices = day.prices[start : end + 1]
    return Bar(
        at=day.session.open_at + timedelta(minutes=start),
        open=dollars(cents_of(prices[0])),
        high=dollars(cents_of(max(prices))),
        low=dollars(cents_of(min(prices))),
        close=dollars(cents_of(prices[-1])),
        volume=sum(day.volumes[start:end]),
    )
