"""Trials and looks: counted for good, the same configuration once, and a holdout that does not move."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import UsageError
from bot.store.database import Database
from bot.store.trials import Holdout, Trial, count_look, note_seen, note_trials, read_holdout, set_aside, sharpes_on

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASIDE = Holdout(date(2026, 1, 2), date(2026, 3, 31), 2)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


def a_trial(config: str = "c1", data: str = "d1", periods: int = 100, sharpe: float | None = 0.1) -> Trial:
    return Trial(data, config, "walk-forward", "a=1", periods, sharpe)


def test_a_configuration_counts_once_per_data_with_its_longest_run(database: Database) -> None:
    note_trials(database, [a_trial(), a_trial("c2", sharpe=None), a_trial(data="d2")], AT)
    note_trials(database, [a_trial(periods=50, sharpe=0.9)], AT + timedelta(days=1))
    assert sharpes_on(database.connection, "d1") == (2, (0.1,))
    note_trials(database, [a_trial(periods=200, sharpe=-0.3)], AT + timedelta(days=2))
    assert sharpes_on(database.connection, "d1") == (2, (-0.3,))
    assert sharpes_on(database.connection, "nothing") == (0, ())
    row = database.connection.execute("SELECT times, periods, first_at < last_at FROM trials WHERE config_hash = 'c1'")
    assert row.fetchone() == (3, 200, 1)


def test_a_holdout_stays_where_it_was_first_set(database: Database) -> None:
    assert read_holdout(database.connection, "d1") is None
    assert set_aside(database, "d1", ASIDE, AT) == ASIDE
    later = Holdout(date(2026, 3, 1), date(2026, 3, 31), 99)
    assert set_aside(database, "d1", later, AT) == ASIDE


def test_looks_are_counted_and_refused_beyond_the_budget_unless_spent(database: Database) -> None:
    with pytest.raises(UsageError, match="nothing of this data is kept aside"):
        count_look(database, "d1", "c", "a=1", AT)
    set_aside(database, "d1", ASIDE, AT)
    assert count_look(database, "d1", "c", "a=1", AT).left == 1
    assert count_look(database, "d1", "c", "a=1", AT).left == 0
    with pytest.raises(UsageError, match=r"looked at 2 times of 2: another look says little.*--spend"):
        count_look(database, "d1", "c", "a=1", AT)
    after = count_look(database, "d1", "c", "a=1", AT + timedelta(days=1), spend=True)
    assert (after.looks, after.left, after.last_look_at) == (3, 0, AT + timedelta(days=1))
    assert "1 beyond what it bears" in after.words
    spent = database.connection.execute("SELECT spent FROM holdout_looks ORDER BY id").fetchall()
    assert spent == [(0,), (0,), (1,)]


def test_a_run_that_reaches_into_the_holdout_is_a_look(database: Database) -> None:
    assert note_seen(database, a_trial(), date(2026, 3, 1), AT) is None
    set_aside(database, "d1", ASIDE, AT)
    for last, looks in ((date(2026, 1, 1), 0), (date(2026, 1, 2), 1), (date(2026, 12, 31), 2)):
        seen = note_seen(database, a_trial(), last, AT)
        assert seen is not None
        assert seen.looks == looks


def test_the_budget_bears_exactly_its_number(database: Database) -> None:
    known = Holdout(ASIDE.first_day, ASIDE.last_day, 2, 1)
    known.refuse_spent()
    with pytest.raises(UsageError, match="looked at 2 times of 2"):
        known._replace(looks=2).refuse_spent()
