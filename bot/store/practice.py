"""What a desk's record shows of its practice on paper: the numbers that `bot doctor --live` holds against its list."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

from bot.store.database import moment_of, moment_text


class Trouble(NamedTuple):
    """What went wrong since a day: counts."""

    ticks: int
    failed: int
    drift: int
    unproven: int
    resolved: int
    invariants: int


def days_ticked(connection: sqlite3.Connection, environment: str, counts: Callable[[str], bool]) -> tuple[date, ...]:
    """List the session days on which live ticks ended well with a desk.toml that counts, oldest first."""
    texts = {key: counts(text) for key, text in connection.execute("SELECT hash, text FROM configs")}
    days = {
        day
        for day, key in connection.execute(
            "SELECT DISTINCT session_day, config_hash FROM ticks WHERE mode = 'live' AND status = 'done'"
            " AND environment = ? AND session_open = 1",
            (environment,),
        )
        if texts.get(key)
    }
    return tuple(date.fromisoformat(day) for day in sorted(days))


def trouble_since(connection: sqlite3.Connection, since: datetime, day: date) -> Trouble:
    """Count what went wrong since a moment, the open of a session day; what still stands counts however old it is."""
    ts = moment_text(since)
    run = connection.execute
    ticks, failed = run(
        "SELECT count(*), COALESCE(sum(status IN ('failed', 'died')), 0) FROM ticks WHERE session_day >= ?",
        (day.isoformat(),),
    ).fetchone()
    (first,) = run("SELECT COALESCE(min(id), 0) FROM ticks WHERE session_day >= ?", (day.isoformat(),)).fetchone()
    return Trouble(
        ticks,
        failed,
        run(
            "SELECT count(*) FROM drift WHERE kind = 'unexplained' AND (ended_at IS NULL OR ended_at >= ?)", (ts,)
        ).fetchone()[0],
        run("SELECT count(*) FROM orders WHERE state IN ('sending', 'unknown') AND ended_at IS NULL").fetchone()[0],
        run("SELECT count(*) FROM order_words WHERE at >= ?", (ts,)).fetchone()[0],
        run("SELECT count(*) FROM invariants WHERE ok = 0 AND tick_id >= ?", (first,)).fetchone()[0],
    )


def last_panic_ended(connection: sqlite3.Connection) -> datetime | None:
    """Give when a person last ended a panic they had begun."""
    return _moment(connection.execute("SELECT max(ended_at) FROM panics").fetchone()[0])


def last_stopped_tick(connection: sqlite3.Connection) -> datetime | None:
    """Give the newest live tick that ran under a halt of level stop."""
    return _moment(connection.execute("SELECT max(ts) FROM ticks WHERE halt = 'stop' AND mode = 'live'").fetchone()[0])


def days_reported(connection: sqlite3.Connection, limit: int = 90) -> frozenset[date]:
    """List the newest days whose report a channel took."""
    rows = connection.execute(
        "SELECT DISTINCT \"key\" FROM outbox WHERE kind = 'report' AND state = 'sent' ORDER BY \"key\" DESC LIMIT ?",
        (limit,),
    )
    found = (key.removeprefix("report:")[:10] for (key,) in rows)
    return frozenset(date.fromisoformat(text) for text in found if _is_day(text))


def tests_taken(connection: sqlite3.Connection) -> dict[str, datetime]:
    """Give when each channel last took a test message."""
    rows = connection.execute(
        "SELECT channel, max(delivered_at) FROM outbox WHERE kind = 'test' AND state = 'sent'"
        " AND delivered_at IS NOT NULL GROUP BY channel"
    )
    return {channel: moment_of(at) for channel, at in rows}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment_of(text)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
