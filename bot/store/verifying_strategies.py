"""What is kept of each strategy's book at the end of a session day, held against the seal of that day's last tick."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from bot.store import chain
from bot.store.strategy_books import BOOK_COLUMNS

TABLE = "strategy_days"
Told = tuple[str, str]


class KeptStrategies:
    """Walks along the seals; remembers one day."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._day = ""
        self._sealed: str | None = None

    def sealed(self, day: str | None, payload: dict[str, Any]) -> Iterator[Told]:
        """Take the next tick that decided; where it begins another day, give what is wrong with the one before."""
        if day is None:
            return
        if day != self._day and self._sealed is not None:
            rows = self._connection.execute(
                f"SELECT {BOOK_COLUMNS} FROM {TABLE} WHERE day = ? ORDER BY strategy", (self._day,)
            ).fetchall()
            if chain.digest(rows) != self._sealed:
                yield TABLE, f"the books kept for {self._day} are not those of its last tick"
        self._day, self._sealed = day, payload.get("strategies")

    def end_faults(self) -> Iterator[Told]:
        """Give days that are kept and that no finished session day of this ledger is."""
        for (day,) in self._connection.execute(
            f"SELECT DISTINCT day FROM {TABLE} WHERE day NOT IN (SELECT day FROM equity_daily)"
            " OR day = (SELECT max(day) FROM equity_daily)"
        ):
            yield TABLE, f"{TABLE}: {day} is no finished session day of this ledger"
