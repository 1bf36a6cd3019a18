"""Waiting for whoever holds the home: what stops or reduces must not end with "try again later"."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from bot.domain.errors import TryLater
from bot.wiring import DEADLINE_SECONDS

WAIT_SECONDS = 1.0
WAIT_SPARE_SECONDS = 10.0
Result = TypeVar("Result")


class Patience:
    """Wait in all a little longer than any tick may take; said once, with the way that needs no waiting."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._left = DEADLINE_SECONDS + WAIT_SPARE_SECONDS
        self._told = False

    def until_free(self, work: Callable[[], Result]) -> Result:
        """Do a piece of work as soon as nobody else holds what it needs; raises TryLater when all patience is used."""
        while True:
            try:
                return work()
            except TryLater as busy:
                if self._left <= 0:
                    raise
                if not self._told:
                    print(f"waiting: {busy}; a file named HALT in the home stops it at once", file=sys.stderr)
                    self._told = True
                self._left -= WAIT_SECONDS
                self._pause(WAIT_SECONDS)
