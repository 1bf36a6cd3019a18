"""How many requests a venue still takes this minute, from its own headers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

WINDOW_SECONDS = 60.0


class RateLimit(NamedTuple):
    """What the last answer said: requests left, requests a minute, and when that changes (UNIX seconds)."""

    remaining: int | None = None
    limit: int | None = None
    reset: int | None = None


class Allowance:
    """Counts requests against the venue's limit, those still under way included. Safe between threads.

    A limit holds a minute, so no wait is longer than that, however far apart the two clocks are.
    """

    def __init__(self, now: Callable[[], datetime], meter: Callable[[], float]) -> None:
        self.limits = RateLimit()
        self._now = now
        self._meter = meter
        self._lock = threading.Lock()
        self._left: int | None = None
        self._ends_at = 0.0
        self._under_way = 0

    def take(self) -> float:
        """Count one request in and give 0, or give the seconds to wait because none is left."""
        with self._lock:
            wait = self._ends_at - self._meter()
            if self._left is not None and wait <= 0:
                self._left = None
            if self._left is not None and self._left <= 0:
                return wait
            if self._left is not None:
                self._left -= 1
            self._under_way += 1
            return 0.0

    def renew(self) -> None:
        """Take it that the minute is over: its end was waited for."""
        with self._lock:
            self._left = None

    def settle(self, status: int, headers: Mapping[str, str]) -> None:
        """Count one request out and learn from its answer (status 0 and no headers where none came)."""
        said = limits_of(headers)
        with self._lock:
            self._under_way -= 1
            if said.remaining is not None and not self._is_stale(said):
                known = self._left
                if known is None or said.reset != self.limits.reset:
                    self._left = max(0, said.remaining - self._under_way)
                else:
                    self._left = min(known, said.remaining)
                self._ends_at = self._meter() + self._seconds_to(said.reset)
                before = self.limits
                if said.reset == before.reset and before.remaining is not None:
                    said = said._replace(remaining=min(said.remaining, before.remaining))
                self.limits = said
            if status == 429:
                asked = retry_after(headers, self._now())
                known_end = 0.0 if said.reset is None else self._seconds_to(said.reset)
                self._left = 0
                self._ends_at = self._meter() + max(asked, known_end)

    def _is_stale(self, said: RateLimit) -> bool:
        """Say whether an answer is of an earlier minute than one that came before it."""
        return said.reset is not None and self.limits.reset is not None and said.reset < self.limits.reset

    def _seconds_to(self, reset: int | None) -> float:
        """Give the seconds to a moment of the venue's, between 0 and a minute; a minute where it named none."""
        if reset is None:
            return WINDOW_SECONDS
        return min(WINDOW_SECONDS, max(0.0, reset - self._now().timestamp()))


def limits_of(headers: Mapping[str, str]) -> RateLimit:
    """Read the X-RateLimit headers; what is absent or no whole number is None."""
    return RateLimit(*(_whole(headers.get(f"X-RateLimit-{name}")) for name in ("Remaining", "Limit", "Reset")))


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Give the seconds a Retry-After header asks for, in either of its spellings; 0 where it asks for nothing.

    >>> retry_after({"Retry-After": "7"}, datetime(2026, 1, 2))
    7.0
    """
    text = (headers.get("Retry-After") or "").strip()
    seconds = _whole(text)
    if seconds is not None:
        return float(seconds)
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return 0.0
    if moment is None or moment.tzinfo is None:
        return 0.0
    return max(0.0, (moment - now) / timedelta(seconds=1))


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else None
