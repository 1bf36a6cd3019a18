"""One symbol's bars as a market shows them: an index that moves on with time, and bars made a few at a time."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.market import Bar
from bot.tapes.hours import bounds_between, day_of

if TYPE_CHECKING:
    from bot.tapes.tape import BarColumns

CHUNK = 1024
CHUNKS_KEPT = 4
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_Prices = tuple[int, int, int, int, int, int]
"""Start, end, open, high, low and close of one bar, as the columns have them."""


class BarBook:
    """The bars of one symbol in one step. Asking for later and later moments costs the same at each of them."""

    def __init__(self, columns: BarColumns) -> None:
        self.columns = columns
        self.places = columns.places
        self._ends = memoryview(columns.ends)  # type: ignore[arg-type]  # an array is a buffer of its own whole numbers
        self._size = len(columns.ends)
        self._count = 0
        self._chunks: dict[int, list[Bar]] = {}

    def __len__(self) -> int:
        return self._size

    def finished(self, at: datetime) -> int:
        """Count the bars that ended at or before a moment."""
        seconds = seconds_of(at)
        ends, count = self._ends, self._count
        if count and ends[count - 1] > seconds:
            count = bisect_right(ends, seconds, 0, count)
        elif count < self._size and ends[count] <= seconds:
            near = min(self._size, count + 8)
            if ends[near - 1] > seconds:
                count = bisect_right(ends, seconds, count, near)
            else:
                count = bisect_right(ends, seconds, near, self._size)
        self._count = count
        return count

    def end(self, row: int) -> datetime:
        """Give the moment a bar ended."""
        return EPOCH + SECOND * self._ends[row]

    def between(self, first: int, last: int) -> tuple[Bar, ...]:
        """Give the bars of the rows first <= row < last."""
        low, high = first // CHUNK, (last - 1) // CHUNK
        if low == high:
            return tuple(self._chunk(low)[first - low * CHUNK : last - low * CHUNK])
        found = [bar for number in range(low, high + 1) for bar in self._chunk(number)]
        return tuple(found[first - low * CHUNK : last - low * CHUNK])

    def bar(self, row: int) -> Bar:
        """Give one bar."""
        return self._chunk(row // CHUNK)[row % CHUNK]

    def _chunk(self, number: int) -> list[Bar]:
        found = self._chunks.get(number)
        if found is None:
            first, last = number * CHUNK, min(self._size, (number + 1) * CHUNK)
            part, places = self.columns, -self.places
            cells = [one[first:last].tolist() for one in (part.starts, part.open, part.high, part.low, part.close)]
            volumes = part.volume[first:last].tolist()
            found = [
                Bar(
                    at=EPOCH + SECOND * start, open=Decimal(opening).scaleb(places), high=Decimal(high).scaleb(places),
                    low=Decimal(low).scaleb(places), close=Decimal(close).scaleb(places), volume=int(volume),
                )
                for start, opening, high, low, close, volume in zip(*cells, volumes, strict=True)
            ]  # fmt: skip
            if len(self._chunks) >= CHUNKS_KEPT:
                del self._chunks[next(iter(self._chunks))]
            self._chunks[number] = found
        return found


class Span(NamedTuple):
    """Rows that make one coarser bar, and when that bar starts and ends."""

    first: int
    last: int
    start: int
    end: int


def coarser(columns: BarColumns, seconds: int, always_open: bool) -> BarColumns:
    """Put bars together into longer ones: from the open on, by the clock where it never closes, or by trading day.

    A day holds what traded inside its session and is known at its close.
    """
    import numpy as np

    if seconds >= 86_400:
        spans = _days(columns, always_open)
    else:
        spans = _by_clock(columns, seconds) if always_open else _by_session(columns, seconds)
    if not spans:
        empty = np.zeros(0, np.int64)
        return columns._replace(
            starts=empty, ends=empty, open=empty, high=empty, low=empty, close=empty, volume=np.zeros(0)
        )
    first, last = np.array([one.first for one in spans]), np.array([one.last for one in spans])
    # reduceat takes what lies between one index and the next: the even results are the spans, the odd ones the rests.
    edges = np.stack([first, last], axis=1).ravel()
    edges = edges[:-1] if edges[-1] == len(columns.ends) else edges
    return columns._replace(
        starts=np.array([one.start for one in spans], np.int64),
        ends=np.array([one.end for one in spans], np.int64),
        open=columns.open[first],
        high=np.maximum.reduceat(columns.high, edges)[::2],
        low=np.minimum.reduceat(columns.low, edges)[::2],
        close=columns.close[last - 1],
        volume=np.add.reduceat(columns.volume, edges)[::2],
    )


def _by_clock(columns: BarColumns, seconds: int) -> list[Span]:
    """Put bars together by the clock of UTC, as markets around the clock have them."""
    import numpy as np

    if not len(columns.starts):
        return []
    keys = columns.starts // seconds
    firsts = np.concatenate(([0], np.flatnonzero(np.diff(keys)) + 1)).tolist()
    lasts = [*firsts[1:], len(keys)]
    starts = (keys[firsts] * seconds).tolist()
    # A bar over the edge of a longer one is part of it: that one is not known before all of it is.
    ends = np.maximum(keys[firsts] * seconds + seconds, columns.ends[np.array(lasts) - 1]).tolist()
    return [Span(*one) for one in zip(firsts, lasts, starts, ends, strict=True)]


def _by_session(columns: BarColumns, seconds: int) -> list[Span]:
    """Put bars together from each open on, the last one ending with the session: as the live market counts hours."""
    import numpy as np

    found = []
    for one in _days(columns, always_open=False):
        keys = (columns.starts[one.first : one.last] - one.start) // seconds
        firsts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist()]
        for first, last in zip(firsts, [*firsts[1:], len(keys)], strict=True):
            start = one.start + int(keys[first]) * seconds
            ended = max(start + seconds, int(columns.ends[one.first + last - 1]))
            found.append(Span(one.first + first, one.first + last, start, min(ended, one.end)))
    return found


def _days(columns: BarColumns, always_open: bool) -> list[Span]:
    import numpy as np

    if not len(columns.starts):
        return []
    days = bounds_between(day_of(int(columns.starts[0])), day_of(int(columns.starts[-1])), always_open)
    opens, closes = [one[1] for one in days], [one[2] for one in days]
    firsts = np.searchsorted(columns.starts, opens, "left").tolist()
    lasts = np.searchsorted(columns.starts, closes, "left").tolist()
    spans = [Span(*one) for one in zip(firsts, lasts, opens, closes, strict=True)]
    held = [one for one in spans if one.first < one.last]
    if not always_open:  # an hour that begins half an hour before the close holds nothing after it
        return held
    return [one._replace(end=max(one.end, int(columns.ends[one.last - 1]))) for one in held]


def seconds_of(at: datetime) -> int:
    """Give a moment in whole seconds UTC, rounded down."""
    return (at - EPOCH) // SECOND
