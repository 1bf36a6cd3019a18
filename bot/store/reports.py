"""Daily reports in the outbox: one row a date and channel, so that a report is posted once however often it is asked.

A row is `sending`, on the disk, before the channel is asked. Whoever finds one there, while nobody posts, knows that
its sender died and that nobody can tell whether the channel has it: such a row is never sent again by itself.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from bot.domain.alerts import Channel, Delivered, DeliveryState
from bot.store.database import moment_of, moment_text
from bot.store.outbox import is_due

KIND = "report"
PICTURE = ":picture"
"""What the key of a picture ends with, where a channel takes it as a message of its own."""
LEAST_WAIT = timedelta(minutes=1)
"""How long a report that a channel did not take rests at least."""
WAITING_DAYS = timedelta(days=7)
"""How long a report that no channel took is tried again by itself."""


class ReportRow(NamedTuple):
    """One report for one channel, and how far it came."""

    channel: Channel
    key: str
    state: DeliveryState
    at: datetime
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    remote_id: str
    error: str


_OF_DAY = re.compile(rf"{KIND}:(\d{{4}}-\d\d-\d\d)(?:{PICTURE})?")
_COLUMNS = 'channel, "key", state, at, attempts, next_at, delivered_at, remote_id, error'


def report_key(day: date, *, so_far: bool = False, again: int = 0) -> str:
    """Name what is said once a channel: a day's report, one before its session was over, and each one asked again.

    >>> report_key(date(2026, 11, 20)), report_key(date(2026, 11, 20), so_far=True, again=2)
    ('report:2026-11-20', 'report:2026-11-20:so-far:again-2')
    """
    return f"{KIND}:{day.isoformat()}{':so-far' if so_far else ''}{f':again-{again}' if again else ''}"


def read_report(connection: sqlite3.Connection, channel: Channel, key: str) -> ReportRow | None:
    """Read one report's row."""
    found = connection.execute(
        f'SELECT {_COLUMNS} FROM outbox WHERE channel = ? AND "key" = ?', (channel, key)
    ).fetchone()
    return None if found is None else _row(found)


def count_reports(connection: sqlite3.Connection, channel: Channel, key: str) -> int:
    """Count a report's rows on a channel: the first one and every one asked for again."""
    found: int = connection.execute(
        'SELECT count(*) FROM outbox WHERE kind = ? AND channel = ? AND ("key" = ? OR "key" GLOB ?)'
        ' AND "key" NOT GLOB ?',
        (KIND, channel, key, f"{key}:again-*", f"*{PICTURE}"),
    ).fetchone()[0]
    return found


def any_report(connection: sqlite3.Connection, channel: Channel, before: date = date.max) -> bool:
    """Say whether a channel was ever told the report of a day before another one."""
    query = 'SELECT 1 FROM outbox WHERE kind = ? AND channel = ? AND "key" < ? LIMIT 1'
    return connection.execute(query, (KIND, channel, report_key(before))).fetchone() is not None


def days_waiting(connection: sqlite3.Connection, channels: Iterable[Channel], at: datetime) -> tuple[date, ...]:
    """List the days of the last week whose report some channel did not take and may be asked for again."""
    names = tuple(channels)
    rows: list[tuple[str, str | None]] = connection.execute(
        "SELECT \"key\", next_at FROM outbox WHERE kind = ? AND state = 'pending' AND at > ?"
        f" AND channel IN ({', '.join('?' * len(names))})",
        (KIND, moment_text(at - WAITING_DAYS), *names),
    ).fetchall()
    due = [_OF_DAY.fullmatch(key) for key, next_at in rows if is_due(moment_of(next_at) if next_at else None, at)]
    return tuple(sorted({date.fromisoformat(found.group(1)) for found in due if found}))


def claim_report(
    connection: sqlite3.Connection, channel: Channel, key: str, payload: str, at: datetime, *, by_word: bool = False
) -> ReportRow | None:
    """Take a report to post it, inside a transaction; gives the row that stands in the way, None where it may go.

    A row that is pending and due goes, and one whose channel was dead; `by_word` lets one go that is not due yet. One
    that is `sending` becomes unknown: whoever asks holds the lock under which reports are posted, so nobody sends it.
    """
    row = read_report(connection, channel, key)
    if row is None:
        connection.execute(
            'INSERT INTO outbox (at, channel, kind, "key", payload_json, state, attempts)'
            " VALUES (?, ?, ?, ?, ?, 'sending', 1)",
            (moment_text(at), channel, KIND, key, payload),
        )
        return None
    due = by_word or is_due(row.next_at, at)
    if row.state == "dead" or (row.state == "pending" and due):
        connection.execute(
            "UPDATE outbox SET state = 'sending', attempts = attempts + 1, payload_json = ?, next_at = NULL"
            ' WHERE channel = ? AND "key" = ?',
            (payload, channel, key),
        )
        return None
    if row.state == "sending":
        row = row._replace(state="unknown", error="its sender ended before the answer came")
        connection.execute(
            'UPDATE outbox SET state = ?, error = ? WHERE channel = ? AND "key" = ?',
            (row.state, row.error, channel, key),
        )
    return row


def settle_report(
    connection: sqlite3.Connection, channel: Channel, key: str, came: Delivered, at: datetime
) -> DeliveryState:
    """Keep what a channel answered, inside a transaction; gives the state the report is in now."""
    states: dict[str, DeliveryState] = {"sent": "sent", "refused": "pending", "unknown": "unknown", "dead": "dead"}
    state = states[came.outcome]
    rests = max(timedelta(seconds=came.wait_seconds), LEAST_WAIT)
    next_at = moment_text(at + rests) if state == "pending" else None
    connection.execute(
        "UPDATE outbox SET state = ?, delivered_at = ?, next_at = ?, remote_id = ?, error = ?"
        ' WHERE channel = ? AND "key" = ?',
        (
            state, moment_text(at) if state == "sent" else None, next_at, came.remote_id, came.words, channel, key,
        ),
    )  # fmt: skip
    return state


def mark_dead(connection: sqlite3.Connection, channel: Channel, why: str, at: datetime) -> None:
    """Keep, inside a transaction, that a channel answered that it is gone: with this address nobody asks it again."""
    connection.execute(
        "UPDATE channels SET dead_since = COALESCE(dead_since, ?), dead_why = ? WHERE channel = ?",
        (moment_text(at), why, channel),
    )


def read_holding(connection: sqlite3.Connection) -> dict[date, float]:
    """Read the index of the desk's shares, held in equal parts, by session day."""
    rows: list[tuple[str, float | None]] = connection.execute("SELECT day, holding_index FROM board_days").fetchall()
    return {date.fromisoformat(day): index for day, index in rows if index is not None}


class Head(NamedTuple):
    """The hash chain at a moment: its newest hash and that record's number."""

    hash: str
    events: int


def head_at(connection: sqlite3.Connection, before: datetime) -> Head:
    """Read how far the chain had come before a moment; empty where it had not begun."""
    row = connection.execute(
        "SELECT hash, id FROM events WHERE ts < ? ORDER BY id DESC LIMIT 1", (moment_text(before),)
    ).fetchone()
    return Head("", 0) if row is None else Head(*row)


def drill_before(connection: sqlite3.Connection, moment: datetime) -> datetime | None:
    """Give when the newest drill before a moment passed."""
    query = "SELECT at FROM drills WHERE passed = 1 AND at < ? ORDER BY id DESC LIMIT 1"
    row = connection.execute(query, (moment_text(moment),)).fetchone()
    return None if row is None else moment_of(row[0])


def _row(found: tuple[Any, ...]) -> ReportRow:
    channel, key, state, at, attempts, next_at, delivered_at, remote_id, error = found
    return ReportRow(
        channel, key, state, moment_of(at), attempts, moment_of(next_at) if next_at else None,
        moment_of(delivered_at) if delivered_at else None, remote_id, error,
    )  # fmt: skip
