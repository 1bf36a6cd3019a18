"""The volatility a modelled market starts from: a constant, an index read from a file, or what the shares realised.

Each answers for a moment with what was known at it, and raises MarketError where nothing was.
"""

from __future__ import annotations

import csv
import io
import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

from bot.domain.errors import MarketError
from bot.domain.market import BarsRequest, Split
from bot.domain.sessions import NEW_YORK, last_session_at, new_york_day
from bot.engine import ports

SESSIONS_A_YEAR = 252
KEPT = 4096
PRINTED = time(16, 15)
"""When a daily index of volatility has its close: a quarter of an hour after the shares, New York."""


class Walked(ports.Market, ports.Path, Protocol):
    """A market that can also be walked."""


class Volatility(Protocol):
    """A series of volatilities, as fractions a year."""

    words: str

    def known(self, symbol: str, at: datetime) -> float:
        """Give the volatility of an underlying as known at a moment; raises MarketError where none was."""
        ...


class ConstantVolatility:
    """The same volatility for every name at every moment."""

    def __init__(self, value: float) -> None:
        if not 0.001 <= value <= 20.0:
            raise MarketError(f"a constant volatility is a fraction a year from 0.001 to 20, got {value}")
        self._value = value
        self.words = f"a constant {value:g}"

    def known(self, symbol: str, at: datetime) -> float:
        """Give the constant."""
        return self._value


class VolatilityPoint(NamedTuple):
    """One value of an index and the moment from which it was known."""

    known_at: datetime
    value: float


class IndexVolatility:
    """An index of volatility such as the VIX, for every name alike; `name` says which, `mark` of what contents.

    A value counts from the moment it was known until the next one, and no longer than `stale_days`.
    """

    def __init__(self, name: str, points: Sequence[VolatilityPoint], *, stale_days: int = 7, mark: str = "") -> None:
        if not points:
            raise MarketError(f"{name}: no row of volatility")
        self._name = name
        self._moments = [point.known_at for point in points]
        self._values = [point.value for point in points]
        self._stale = timedelta(days=stale_days)
        for before, after in zip(self._moments, self._moments[1:], strict=False):
            if before >= after:
                raise MarketError(f"{name}: moments must rise, got {after.isoformat()} after {before.isoformat()}")
        self.words = f"{name} {mark}".rstrip()

    def known(self, symbol: str, at: datetime) -> float:
        """Give the newest value known at a moment."""
        count = bisect_right(self._moments, at)
        if not count:
            raise MarketError(
                f"{self._name} begins at {self._moments[0].isoformat()}: no volatility is known at {at.isoformat()}"
            )
        if at - self._moments[count - 1] > self._stale:
            raise MarketError(
                f"{self._name} is silent since {self._moments[count - 1].isoformat()}: no volatility is known at "
                f"{at.isoformat()}"
            )
        return self._values[count - 1]


class RealisedVolatility:
    """What an underlying's own daily closes moved over the last `window` sessions, times the root of 252.

    Zero mean, natural logarithms, splits taken out, dividends left in. A day counts from its close. It
    is 252 around the clock too, where a year has more days.
    """

    def __init__(self, base: Walked, window: int = 20) -> None:
        if not 2 <= window <= 1000:
            raise MarketError(f"realised volatility looks back 2 to 1000 sessions, got {window}")
        self._base = base
        self._window = window
        self._kept: dict[tuple[str, date, bool], float | str] = {}
        self.words = f"realised over {window} sessions"

    def over(self, base: Walked) -> RealisedVolatility:
        """Give the same of another market."""
        return RealisedVolatility(base, self._window)

    def known(self, symbol: str, at: datetime) -> float:
        """Give the root mean square of the returns finished by a moment, a year of 252 sessions."""
        session = last_session_at(at)
        key = (symbol, session.day, at >= session.close_at)
        found = self._kept.get(key)
        if found is None:
            found = self._count(symbol, at)
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = found
        if isinstance(found, str):
            raise MarketError(found)
        return found

    def _count(self, symbol: str, at: datetime) -> float | str:
        wanted = self._window + 1
        reads = self._base.fetch((BarsRequest(symbol=symbol, step="1day", count=wanted),), at)
        bars = reads.bars[0].bars if reads.bars else ()
        if len(bars) < wanted:
            told = f" ({'; '.join(reads.errors)})" if reads.errors else ""
            return f"{symbol} has {len(bars)} of the {wanted} daily closes its realised volatility needs{told}"
        first, last = new_york_day(bars[0].at), new_york_day(bars[-1].at)
        ratios: dict[date, float] = {}
        # A tape shows older bars in the shares of the moment: its splits are taken out already.
        raw = not getattr(self._base, "bars_in_shares_of_now", False)
        for event in self._base.events_between(symbol, first, last) if raw else ():
            if isinstance(event, Split):
                ratios[event.day] = ratios.get(event.day, 1.0) * float(event.ratio)
        total = 0.0
        before, before_day = float(bars[0].close), first
        for bar in bars[1:]:
            day, close = new_york_day(bar.at), float(bar.close)
            for split_day, ratio in ratios.items():
                if before_day < split_day <= day:
                    before /= ratio
            total += math.log(close / before) ** 2
            before, before_day = close, day
        if total == 0.0:
            return f"{symbol} did not move over {self._window} sessions: its realised volatility is nothing"
        return math.sqrt(total / self._window * SESSIONS_A_YEAR)


def read_index(path: Path, *, column: str = "close", scale: float = 0.01, stale_days: int = 7) -> IndexVolatility:
    """Read a daily index of volatility from CSV: a column `date`, and one with values in percent (`scale` 0.01).

    Names of columns may be in any case; days are 2026-03-02, or 03/02/2026 as the exchange's own file has them. A row
    counts from 16:15 New York of its day. Raises MarketError naming the row.
    """
    try:
        stored = path.read_bytes()
        rows = list(csv.reader(io.StringIO(stored.decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MarketError(f"{path} cannot be read ({error}): expected a CSV with columns date and {column}") from error
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "date" not in header or column.lower() not in header:
        raise MarketError(f"{path.name}: expected columns date and {column}, got {', '.join(header) or 'nothing'}")
    day_at, value_at = header.index("date"), header.index(column.lower())
    points = []
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        try:
            day = _day(row[day_at].strip())
            value = float(row[value_at]) * scale
        except (ValueError, IndexError) as error:
            raise MarketError(f"{path.name} row {number}: expected a day and a number ({error})") from error
        if not 0.001 <= value <= 20.0:
            raise MarketError(f"{path.name} row {number}: a volatility of {value:g} a year is none; values in percent?")
        points.append(VolatilityPoint(datetime.combine(day, PRINTED, NEW_YORK).astimezone(UTC), value))
    return IndexVolatility(path.name, points, stale_days=stale_days, mark=sha256(stored).hexdigest()[:12])


def _day(text: str) -> date:
    if "/" in text:  # month first; days first would not rise, and be refused
        month, day, year = map(int, text.split("/"))
        return date(year, month, day)
    return date.fromisoformat(text)
