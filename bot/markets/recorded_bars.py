"""Recorded bars of one symbol: those finished at a moment, in the step asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.market import Bar, joined_bar
from bot.domain.sessions import new_york_day, session_on
from bot.markets.recorded_files import DailyBar

STEPS = {
    "1min": timedelta(minutes=1),
    "15min": timedelta(minutes=15),
    "1hour": timedelta(hours=1),
    "1day": timedelta(days=1),
}


class RecordedBars:
    """The bars of one file. Intraday bars are as long as the smallest gap between two of them."""

    def __init__(self, rows: Sequence[Bar | DailyBar]) -> None:
        self._daily = sorted((row for row in rows if isinstance(row, DailyBar)), key=lambda row: row.known_at)
        self._intraday = sorted((row for row in rows if isinstance(row, Bar)), key=lambda row: row.at)
        gaps = [later.at - bar.at for bar, later in zip(self._intraday, self._intraday[1:], strict=False)]
        self._length = min((gap for gap in gaps if gap > timedelta(0)), default=timedelta(minutes=1))

    def finished(self, step: str, count: int, at: datetime) -> tuple[Bar, ...]:
        """Give the last `count` bars of a step that are finished at a moment, oldest first.

        Coarser bars are put together from finer ones; finer ones than recorded are not made up.
        """
        if step == "1day" and self._daily:
            known = self._daily[: bisect_right(self._daily, at, key=lambda row: row.known_at)]
            return tuple(row.bar for row in known[-count:])
        length = STEPS[step]
        if length < self._length:
            return ()
        parts = self._intraday[: self._finished_count(at)]
        if length == self._length:
            return tuple(parts[-count:])
        groups: dict[datetime, list[Bar]] = {}
        for bar in parts:
            groups.setdefault(_start(bar.at, step), []).append(bar)
        whole = [start for start in groups if _end(start, step) <= at]
        return tuple(joined_bar(start, groups[start]) for start in whole[-count:])

    def last_close(self, at: datetime) -> tuple[datetime, Decimal] | None:
        """Give the end and close of the last bar finished at a moment, or None."""
        found: list[tuple[datetime, Decimal]] = []
        finished = self._finished_count(at)
        if finished:
            bar = self._intraday[finished - 1]
            found.append((bar.at + self._length, bar.close))
        known = bisect_right(self._daily, at, key=lambda row: row.known_at)
        if known:
            found.append((self._daily[known - 1].known_at, self._daily[known - 1].bar.close))
        return max(found, default=None)

    def closes_between(self, after: datetime, until: datetime) -> Iterator[tuple[datetime, Decimal]]:
        """Walk the ends and closes of intraday bars with after < end <= until."""
        for bar in self._intraday[self._finished_count(after) : self._finished_count(until)]:
            yield bar.at + self._length, bar.close

    def _finished_count(self, at: datetime) -> int:
        return bisect_right(self._intraday, at - self._length, key=lambda bar: bar.at)


def _start(at: datetime, step: str) -> datetime:
    if step == "1day":
        session = session_on(new_york_day(at))
        return at if session is None else session.open_at
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(STEPS[step].total_seconds()), UTC)


def _end(start: datetime, step: str) -> datetime:
    session = session_on(new_york_day(start)) if step == "1day" else None
    return start + STEPS[step] if session is None else session.close_at
