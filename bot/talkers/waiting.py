"""The waits a channel asks for: kept inside a call when they are short, given back when they are long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from bot.domain.alerts import Delivered
from bot.talkers.http import Answer

LONGEST = 60.0
"""The most that one call waits, over all its tries."""
UNREADABLE = 30.0
_TRIES = 3
_DAY = 86_400.0


def seconds_in(*texts: Any) -> float:
    """Give the first that is a number of seconds, at least a tenth and at most a day; 30 where none is.

    >>> seconds_in(None, "0.25"), seconds_in("soon"), seconds_in(float("nan"), 3)
    (0.25, 30.0, 3.0)
    """
    for text in texts:
        if isinstance(text, bool) or not isinstance(text, int | float | str):
            continue
        try:
            seconds = float(text)
        except (ValueError, OverflowError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(max(seconds, 0.1), _DAY)
    return UNREADABLE


class Waits:
    """The wait that one address has asked for, remembered between calls by a clock that only counts."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._until = 0.0

    def ask(self, once: Callable[[], Answer], judge: Callable[[Answer], Delivered]) -> Delivered:
        """Ask, and ask again after a wait of a 429, at most three times and a minute in all."""
        slept = 0.0
        for tries in range(1, _TRIES + 1):
            due = self._until - time.monotonic()
            if due > 0:
                if slept + due > LONGEST:
                    return Delivered(outcome="refused", wait_seconds=due, words=f"a wait of {due:.0f} s was asked for")
                self._pause(due)
                slept += due
                self._until = 0.0
            answer = once()
            done = judge(answer)
            if answer.status in (200, 201, 429) and done.wait_seconds:
                self._until = time.monotonic() + done.wait_seconds
            if answer.status != 429 or tries == _TRIES:
                return done
        raise AssertionError("unreachable: the last try returns")
