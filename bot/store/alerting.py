"""Alerts in the ledger: one row a thing, however often it is seen; acknowledged by people, ended by what ends them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.alerts import Alert, KeptAlert
from bot.domain.errors import StoreError, UsageError
from bot.domain.topics import FLAPPING, rank
from bot.store.database import LEDGER_NAME, Database, migrations, moment_of, moment_text, store_error

COLUMNS = (
    'id, at, topic, severity, "key", title, words, tick_id, times, last_at, acknowledged_at, acknowledged_by, ended_at'
)
_NEWEST = 'SELECT id, severity, last_at, ended_at FROM alerts WHERE "key" = ? ORDER BY id DESC LIMIT 1'
_INSERT = (
    'INSERT INTO alerts (at, topic, severity, "key", title, words, tick_id, last_at, ended_at)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_END = 'UPDATE alerts SET ended_at = ? WHERE "key" = ? AND ended_at IS NULL'
_SEEN_TO = (
    'UPDATE alerts SET acknowledged_at = ?, acknowledged_by = ? WHERE "key" = ? AND ended_at IS NULL'
    " AND acknowledged_at IS NULL AND at <= ?"
)


@contextmanager
def open_outbox(home: Path) -> Iterator[Database]:
    """Open a home's ledger for short writes beside whatever is at work there: no lock of the home is taken.

    It is never made or migrated here. Raises StoreError where there is none or an older one, ForeignStore where a
    newer program wrote it.
    """
    path = home / LEDGER_NAME
    if not path.exists():
        raise StoreError(f"{path}: there is no ledger yet; run `bot tick` once")
    _refuse_older(path)
    database = Database(home)
    try:
        yield database
    finally:
        database.close()


def _refuse_older(path: Path) -> None:
    newest = migrations()[-1][0]
    try:
        asked = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
        try:
            version: int = asked.execute("PRAGMA user_version").fetchone()[0]
        finally:
            asked.close()
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    if version < newest:
        raise StoreError(
            f"{path} is of an older version ({version}, this program has {newest}): run `bot tick` once, which brings "
            "it up to date"
        )


def keep_alerts(connection: sqlite3.Connection, alerts: Iterable[Alert], same_minutes: int) -> int:
    """Write alerts inside the caller's transaction; gives how many are new rows.

    What is the same thing is counted in its row: a state while it lasts (one that flaps goes on where it comes back
    within `same_minutes`); what is told once, always; anything else within `same_minutes`. A graver severity is a row
    of its own. The very same sighting (key and moment) counts nothing, so that telling twice harms nobody.
    """
    new = 0
    for alert in alerts:
        for key in alert.ends.split():
            connection.execute(_END, (moment_text(alert.at), key))
        row = connection.execute(_NEWEST, (alert.key,)).fetchone()
        if row is not None and _is_same(alert, row, timedelta(minutes=same_minutes)):
            if alert.at > moment_of(row[2]):
                reopened = None if alert.lasts == "state" else row[3]
                connection.execute(
                    "UPDATE alerts SET times = times + 1, last_at = ?, ended_at = ? WHERE id = ?",
                    (moment_text(alert.at), reopened, row[0]),
                )
            continue
        ts = moment_text(alert.at)
        if row is not None and row[3] is None:
            connection.execute(_END, (ts, alert.key))
        over = None if alert.lasts == "state" or alert.severity == "critical" else ts
        values = (ts, alert.topic, alert.severity, alert.key, alert.title, alert.words, alert.tick_id, ts, over)
        connection.execute(_INSERT, values)
        new += 1
    return new


def _is_same(alert: Alert, row: tuple[int, str, str, str | None], window: timedelta) -> bool:
    """Say whether an alert is one more sighting of the newest row with its key."""
    _, severity, last_at, ended_at = row
    if alert.lasts == "once" or alert.at == moment_of(last_at):
        return True
    near = alert.at - moment_of(last_at) <= window
    if alert.lasts == "moment":
        return near
    if rank(alert.severity) > rank(severity):  # type: ignore[arg-type]
        return False
    return ended_at is None or (near and alert.topic in FLAPPING)


def end_alerts(connection: sqlite3.Connection, keys: Iterable[str], at: datetime) -> None:
    """End what stands of some keys, inside the caller's transaction."""
    connection.executemany(_END, [(moment_text(at), key) for key in keys])


def see_to(connection: sqlite3.Connection, keys: Iterable[tuple[str, str, datetime]]) -> None:
    """Acknowledge what stands of some keys and began before a person saw it, inside the caller's transaction."""
    seen = [(author, key, moment_text(at)) for key, author, at in keys]
    connection.executemany(_SEEN_TO, [(ts, author, key, ts) for author, key, ts in seen])


def acknowledge(database: Database, number: int | None, at: datetime, author: str, words: str) -> tuple[int, ...]:
    """Keep that a person knows of an alert, or with None of every one that stands, with the command it came by.

    Gives the numbers that were not acknowledged before. Raises UsageError where there is no such alert.
    """
    ts = moment_text(at)
    with database.writing() as connection:
        if number is None:
            found = connection.execute(
                "SELECT id, acknowledged_at FROM alerts WHERE ended_at IS NULL ORDER BY id"
            ).fetchall()
        else:
            found = connection.execute("SELECT id, acknowledged_at FROM alerts WHERE id = ?", (number,)).fetchall()
            if not found:
                raise UsageError(f"there is no alert {number}: `bot alerts list --all` shows those there are")
        fresh = tuple(one for one, acknowledged in found if acknowledged is None)
        connection.executemany(
            "UPDATE alerts SET acknowledged_at = ?, acknowledged_by = ? WHERE id = ?",
            [(ts, author, one) for one in fresh],
        )
        outcome = f"acknowledged {', '.join(map(str, fresh))}" if fresh else "nothing was left to acknowledge"
        connection.execute(
            "INSERT INTO commands (at, author, words, outcome) VALUES (?, ?, ?, ?)", (ts, author, words, outcome)
        )
    return fresh


def list_alerts(connection: sqlite3.Connection, limit: int, *, everything: bool) -> tuple[KeptAlert, ...]:
    """List alerts, newest first: those that stand, and with `everything` those that are over too."""
    where = "" if everything else " WHERE ended_at IS NULL"
    rows = connection.execute(f"SELECT {COLUMNS} FROM alerts{where} ORDER BY id DESC LIMIT ?", (limit,))
    return tuple(kept_alert(row) for row in rows)


def kept_alert(row: tuple[Any, ...]) -> KeptAlert:
    """Read an alert back from its row in the order of COLUMNS."""
    number, at, topic, severity, key, title, words, tick_id, times, last_at, seen_at, seen_by, ended_at = row
    return KeptAlert(
        id=number, times=times, last_at=moment_of(last_at), acknowledged_by=seen_by,
        acknowledged_at=None if seen_at is None else moment_of(seen_at),
        ended_at=None if ended_at is None else moment_of(ended_at),
        alert=Alert(at=moment_of(at), topic=topic, severity=severity, key=key, title=title, words=words,
                    tick_id=tick_id),
    )  # fmt: skip
