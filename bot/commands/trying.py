"""Counting what was tried: every run against data is a trial, and its Sharpe ratio is told in the light of all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from math import sqrt
from pathlib import Path

from bot.domain.fills import FillRules
from bot.research.facts import RunFacts
from bot.research.statistics import Statistics
from bot.research.trials import Deflated, deflated
from bot.store.backtests import open_beside
from bot.store.trials import Trial, note_trials, sharpes_on


def tried_hash(desk_text: str, rules: FillRules | None) -> str:
    """Give the SHA-256 of what was tried: desk.toml as it ran and how its orders filled."""
    return sha256(f"{desk_text}\n{'' if rules is None else rules.words}".encode()).hexdigest()


def trial_of(run: RunFacts, stated: Statistics, source: str, words: str = "") -> Trial:
    """Give a run as one trial against its data."""
    sharpe = None if stated.sharpe is None else stated.sharpe / sqrt(stated.periods_per_year)
    return Trial(run.data_hash, tried_hash(run.desk_text, run.rules), source, words, stated.periods, sharpe)


def count_trials(home: Path, trials: Iterable[Trial], at: datetime) -> None:
    """Write trials down in the home's ledger; raises StoreError where there is none yet."""
    with open_beside(home) as database:
        note_trials(database, trials, at)


def deflated_on(home: Path, data_hash: str, stated: Statistics) -> Deflated:
    """Set a result against everything that was tried on its data, itself among it."""
    with open_beside(home) as database, database.reading() as connection:
        count, sharpes = sharpes_on(connection, data_hash)
    return deflated(stated, sharpes, count)


def deflated_line(found: Deflated) -> str:
    """Say in one line what a Sharpe ratio is worth after so many trials."""
    tried = f"{found.trials} configuration{'s' if found.trials != 1 else ''} tried on this data"
    if found.sharpe is None or found.chance is None or found.alone is None or found.threshold is None:
        return f"{tried}; no deflated Sharpe: {found.undefined}"
    return (
        f"{tried}: Sharpe {found.sharpe:.2f}, the best of so many by luck alone {found.threshold:.2f}; chance of skill "
        f"{found.alone:.1%} taken alone, {found.chance:.1%} deflated"
    )
