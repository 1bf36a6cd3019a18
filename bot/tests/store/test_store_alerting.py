"""Alerts in the ledger: what is the same thing, who has seen to it, and where the reading goes on (B012-B019)."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.domain import topics
from bot.domain.alerts import Alert
from bot.domain.errors import ForeignStore, StoreError, UsageError
from bot.store import noticing
from bot.store.alerting import (
    acknowledge,
    end_alerts,
    keep_alerts,
    list_alerts,
    open_outbox,
    see_to,
)
from bot.store.database import LEDGER_NAME, Database
from bot.store.pending_alerts import PENDING_NAME, leave_alert, taken_alerts

AT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "home")) as made:
        yield made


def alert(minutes: int = 0, **given: object) -> Alert:
    plain = Alert(at=AT + minutes * MINUTE, topic=topics.UNIT_FAILED, severity="high", key="k", title="it failed")
    return replace(plain, **given)


def kept(database: Database, *alerts: Alert) -> list[tuple[int, int, bool]]:
    """Keep alerts one after the other; gives (number, times, stands) of each row."""
    with database.writing() as connection:
        for one in alerts:
            keep_alerts(connection, (one,), same_minutes=60)
    found = list_alerts(database.connection, 50, everything=True)
    return [(one.id, one.times, one.ended_at is None) for one in reversed(found)]


def test_the_same_moment_again_within_the_hour_is_counted_and_later_told_anew(database: Database) -> None:
    assert kept(database, alert(), alert(20), alert(79)) == [(1, 3, False)]
    assert kept(database, alert(140)) == [(1, 3, False), (2, 1, False)]


def test_a_state_is_one_row_until_it_ends_however_long(database: Database) -> None:
    states = [alert(minutes, lasts="state") for minutes in (0, 500, 5000)]
    assert kept(database, *states) == [(1, 3, True)]
    end = alert(5001, key="over", topic=topics.OWNER_RESUMED, severity="info", ends="k other")
    assert kept(database, end, alert(5002, lasts="state")) == [(1, 3, False), (2, 1, False), (3, 1, True)]


def test_a_state_that_flaps_goes_on_where_it_comes_back_soon(database: Database) -> None:
    warning = alert(topic=topics.RISK_WARNING, severity="warning", lasts="state")
    kept(database, warning)
    with database.writing() as connection:
        end_alerts(connection, ["k"], AT + MINUTE)
    assert kept(database, replace(warning, at=AT + 30 * MINUTE)) == [(1, 2, True)]
    with database.writing() as connection:
        end_alerts(connection, ["k"], AT + 31 * MINUTE)
    assert kept(database, replace(warning, at=AT + 200 * MINUTE)) == [(1, 2, False), (2, 1, True)]


def test_what_is_told_once_is_never_told_again(database: Database) -> None:
    assert kept(database, *(alert(minutes, lasts="once") for minutes in (0, 90, 9000))) == [(1, 3, False)]


def test_a_graver_state_is_a_row_of_its_own_and_ends_the_lesser(database: Database) -> None:
    lesser, graver = alert(severity="warning", lasts="state"), alert(5, severity="critical", lasts="state")
    assert kept(database, lesser, graver) == [(1, 1, False), (2, 1, True)]


@pytest.mark.parametrize("lasts", ["moment", "state", "once"])
def test_the_very_same_sighting_counts_nothing(database: Database, lasts: str) -> None:
    assert [times for _, times, _ in kept(database, alert(lasts=lasts), alert(lasts=lasts))] == [1]


def test_a_critical_moment_stands_until_somebody_acknowledges_it(database: Database) -> None:
    kept(database, alert(severity="critical"), alert(1, key="two", severity="critical", lasts="state"))
    assert acknowledge(database, 1, AT, "anna", "bot alerts ack 1") == (1,)
    assert acknowledge(database, None, AT, "anna", "bot alerts ack --all") == (2,)
    assert acknowledge(database, None, AT, "anna", "bot alerts ack --all") == ()
    said = database.connection.execute("SELECT author, words, outcome FROM commands ORDER BY id").fetchall()
    assert said[0] == ("anna", "bot alerts ack 1", "acknowledged 1")
    assert said[2][2] == "nothing was left to acknowledge"
    with pytest.raises(UsageError, match="no alert 99"):
        acknowledge(database, 99, AT, "anna", "bot alerts ack 99")


def test_a_resume_sees_to_what_stands_and_keeps_the_first_name(database: Database) -> None:
    kept(database, alert(severity="critical", lasts="state"))
    with database.writing() as connection:
        early = AT - MINUTE
        see_to(connection, [("k", "early", early), ("k", "anna", AT), ("k", "bert", AT), ("none", "anna", AT)])
    assert list_alerts(database.connection, 9, everything=False)[0].acknowledged_by == "anna"


def test_a_ledger_that_is_missing_older_newer_or_locked_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(StoreError, match=r"no ledger yet; run `bot tick` once"), open_outbox(home):
        pass
    assert not home.exists(), "asking makes nothing"
    Database(home).close()
    raw = sqlite3.connect(home / LEDGER_NAME, isolation_level=None)
    (newest,) = raw.execute("PRAGMA user_version").fetchone()
    for version, error, words in ((newest - 1, StoreError, "run `bot tick` once"), (99, ForeignStore, "newer program")):
        raw.execute(f"PRAGMA user_version={version}")
        with pytest.raises(error, match=words), open_outbox(home):
            pass
    raw.execute(f"PRAGMA user_version={newest}")
    raw.execute("BEGIN IMMEDIATE")
    with open_outbox(home) as database:
        database.connection.execute("PRAGMA busy_timeout=20")
        with pytest.raises(StoreError, match="another program holds it"), database.writing():
            pass
    raw.close()


def test_what_is_read_is_read_by_index(database: Database) -> None:
    queries = [
        value for name, value in vars(noticing).items() if name.startswith("_") and str(value).startswith("SELECT")
    ]
    assert len(queries) == 10
    for query in (*queries, 'SELECT "key" FROM alerts WHERE ended_at IS NULL'):
        plan = database.connection.execute(f"EXPLAIN QUERY PLAN {query}", ("1",) * query.count("?")).fetchall()
        whole = [row[3] for row in plan if row[3].startswith("SCAN") and "USING" not in row[3]]
        assert not whole, f"{query}: {whole}"


def test_a_file_beside_the_ledger_is_taken_once_and_only_when_the_block_ends_well(tmp_path: Path) -> None:
    path = leave_alert(tmp_path, alert())
    leave_alert(tmp_path, alert(1, key="two"))
    assert path.stat().st_mode & 0o777 == 0o600
    seen: list[str] = []

    def fail() -> None:
        with taken_alerts(tmp_path) as (found, _):
            seen.extend(one.key for one in found)
            raise StoreError("full")

    with pytest.raises(StoreError, match="full"):
        fail()
    assert seen == ["k", "two"]
    with taken_alerts(tmp_path) as (found, bad):
        assert len(found) == 2
        assert bad == 0
    with taken_alerts(tmp_path) as (found, _):
        assert found == ()
    assert not path.exists()


def test_lines_that_are_no_alerts_are_set_aside_and_the_others_taken(tmp_path: Path) -> None:
    path = leave_alert(tmp_path, alert())
    with path.open("ab") as file:
        file.write(b'{"at": "2026-1')
    with taken_alerts(tmp_path) as (found, bad):
        assert ([one.key for one in found], bad) == (["k"], 1)
    assert (tmp_path / "alerts.pending.bad").read_bytes() == b'{"at": "2026-1\n'


def test_writers_and_takers_at_once_lose_no_line(tmp_path: Path) -> None:
    taken: list[str] = []

    def write(name: int) -> None:
        for number in range(40):
            leave_alert(tmp_path, alert(key=f"{name}:{number}"))

    writers = [threading.Thread(target=write, args=(name,)) for name in range(3)]
    for one in writers:
        one.start()
    while any(one.is_alive() for one in writers) or (tmp_path / PENDING_NAME).exists():
        with taken_alerts(tmp_path) as (found, _):
            taken += [one.key for one in found]
    assert sorted(taken) == sorted(f"{name}:{number}" for name in range(3) for number in range(40))


def test_a_file_that_nobody_takes_does_not_fill_the_disk(tmp_path: Path) -> None:
    (tmp_path / PENDING_NAME).write_bytes(b"x" * 1_000_000)
    with pytest.raises(StoreError, match="nobody took"):
        leave_alert(tmp_path, alert())


def test_a_program_that_stopped_with_the_file_in_its_hand_holds_no_tick_up(tmp_path: Path) -> None:
    path = leave_alert(tmp_path, alert())
    with path.open() as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        began = time.monotonic()
        with pytest.raises(StoreError, match="kept by another program"), taken_alerts(tmp_path):
            pass
        assert time.monotonic() - began < 5
    with taken_alerts(tmp_path) as (found, _):
        assert len(found) == 1
