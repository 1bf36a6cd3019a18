"""Trials and looks at a holdout in the ledger: counted before a result is shown, so that nothing is tried unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from bot.domain.errors import UsageError
from bot.store.database import Database, moment_of, moment_text

BUDGET = 3
"""How many looks a holdout bears, unless its first use says otherwise."""


class Trial(NamedTuple):
    """One configuration run against data. `sharpe` is of one period, None where undefined."""

    data_hash: str
    config_hash: str
    source: str
    words: str
    periods: int
    sharpe: float | None


class Holdout(NamedTuple):
    """The part of data kept aside, and how often it was looked at."""

    first_day: date
    last_day: date
    budget: int
    looks: int = 0
    last_look_at: datetime | None = None

    @property
    def left(self) -> int:
        """Give how many looks remain."""
        return max(0, self.budget - self.looks)

    @property
    def words(self) -> str:
        """Say how often it was looked at.

        >>> Holdout(date(2026, 1, 2), date(2026, 3, 31), 3, 4).words
        '2026-01-02 to 2026-03-31 is kept aside, looked at 4 times of 3, 1 beyond what it bears'
        """
        beyond = f", {self.looks - self.budget} beyond what it bears" if self.looks > self.budget else ""
        span = f"{self.first_day} to {self.last_day}"
        return f"{span} is kept aside, looked at {self.looks} times of {self.budget}{beyond}"

    def refuse_spent(self) -> None:
        """Raise UsageError where the budget is used up."""
        if not self.left:
            raise UsageError(
                f"{self.words}: another look says little, for what you have has been chosen by it. Test on new data, "
                "or say --spend to look all the same; it is counted"
            )


def note_trials(database: Database, trials: Iterable[Trial], at: datetime) -> None:
    """Count trials in one transaction; a configuration known on the data keeps its row and its longest run's figure."""
    ts = moment_text(at)
    with database.writing() as connection:
        connection.executemany(
            "INSERT INTO trials (data_hash, config_hash, first_at, last_at, times, source, words, periods, sharpe)"
            " VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT (data_hash, config_hash) DO UPDATE SET"
            " last_at = excluded.last_at, times = times + 1,"
            " sharpe = CASE WHEN excluded.periods >= periods THEN excluded.sharpe ELSE sharpe END,"
            " periods = max(periods, excluded.periods)",
            [
                (one.data_hash, one.config_hash, ts, ts, one.source, one.words, one.periods, one.sharpe)
                for one in trials
            ],
        )


def sharpes_on(connection: sqlite3.Connection, data_hash: str) -> tuple[int, tuple[float, ...]]:
    """Give how many configurations were tried on data, and the Sharpe ratios (of a period) of those that have one."""
    found = connection.execute("SELECT sharpe FROM trials WHERE data_hash = ?", (data_hash,)).fetchall()
    return len(found), tuple(one for (one,) in found if one is not None)


def read_holdout(connection: sqlite3.Connection, data_hash: str) -> Holdout | None:
    """Read what of some data is kept aside, None where nothing ever was."""
    row = connection.execute(
        "SELECT first_day, last_day, budget, (SELECT count(*) FROM holdout_looks WHERE data_hash = h.data_hash),"
        " (SELECT max(at) FROM holdout_looks WHERE data_hash = h.data_hash) FROM holdouts h WHERE data_hash = ?",
        (data_hash,),
    ).fetchone()
    if row is None:
        return None
    looked = None if row[4] is None else moment_of(row[4])
    return Holdout(date.fromisoformat(row[0]), date.fromisoformat(row[1]), row[2], row[3], looked)


def set_aside(database: Database, data_hash: str, wanted: Holdout, at: datetime) -> Holdout:
    """Set the holdout of some data aside for good, or give the one that was: it does not move."""
    with database.writing() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO holdouts (data_hash, first_day, last_day, budget, at) VALUES (?, ?, ?, ?, ?)",
            (data_hash, wanted.first_day.isoformat(), wanted.last_day.isoformat(), wanted.budget, moment_text(at)),
        )
        found = read_holdout(connection, data_hash)
    assert found is not None
    return found


def count_look(
    database: Database, data_hash: str, config_hash: str, words: str, at: datetime, *, spend: bool = False
) -> Holdout:
    """Count a look before it is taken; gives the holdout with it counted.

    Raises UsageError where nothing is set aside, or where the budget is used up and `spend` was not said.
    """
    with database.writing() as connection:
        known = read_holdout(connection, data_hash)
        if known is None:
            raise UsageError("nothing of this data is kept aside: run `bot check walk-forward` on it first")
        if not spend:
            known.refuse_spent()
        return _looked(connection, known, (data_hash, moment_text(at), config_hash, words))


def note_seen(database: Database, trial: Trial, last_day: date, at: datetime) -> Holdout | None:
    """Count a run that reached into what is kept aside as a look at it; gives the holdout, None where there is none."""
    with database.writing() as connection:
        known = read_holdout(connection, trial.data_hash)
        if known is None or last_day < known.first_day:
            return known
        return _looked(connection, known, (trial.data_hash, moment_text(at), trial.config_hash, trial.words))


def _looked(connection: sqlite3.Connection, known: Holdout, values: tuple[str, str, str, str]) -> Holdout:
    connection.execute(
        "INSERT INTO holdout_looks (data_hash, at, config_hash, words, spent) VALUES (?, ?, ?, ?, ?)",
        (*values, int(not known.left)),
    )
    found = read_holdout(connection, values[0])
    assert found is not None
    return found
