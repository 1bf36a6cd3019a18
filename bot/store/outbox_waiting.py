"""What waits for a channel: the alerts it has not been told, lane by lane, with those that were refused or may be lost.

A lane (critical, ordinary) has two cursors: the newest alert it was told or passed over, and the newest message of
unknown fate whose alerts were said again. Both move in the transaction that writes the message down.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any, NamedTuple

from bot.domain.alerts import Alert, Channel, KeptAlert, Message
from bot.domain.topics import Severity
from bot.store.database import moment_of, moment_text
from bot.store.outbox import (
    CRITICAL,
    PENDING,
    add_message,
    again_of,
    cursor_of,
    ids_text,
    is_due,
    key_of,
    moment_or_none,
    numbers_of,
    payload_of,
    reach,
    reached,
    rows_of,
)

LOOKED_BACK = 2_000
"""Messages back that are looked at for what was said lately."""
_SLIM = 'id, at, topic, severity, "key", title, tick_id, times, last_at, acknowledged_at, acknowledged_by, ended_at'


class LaneWaiting(NamedTuple):
    """What a lane of a channel holds back; `alerts` is empty where there is nothing new to compose.

    `again` is the newest message of unknown fate among what they come from; `known` the newest alert looked at.
    """

    alerts: tuple[KeptAlert, ...]
    before: frozenset[int]
    again: int
    known: int


def lane_waiting(
    connection: sqlite3.Connection, channel: Channel, lane: str, severities: tuple[Severity, ...], now: datetime,
    in_full: int,
) -> LaneWaiting:  # fmt: skip
    """Read what a lane of a channel is to be told, with what was refused or is of unknown fate.

    It gives no alerts where nothing is new: then what was refused waits as it is. Words are read for `in_full` alerts
    at most.
    """
    run = connection.execute
    cursor, again = reached(connection, cursor_of(channel, lane)), reached(connection, again_of(channel, lane))
    (known,) = run("SELECT COALESCE(max(id), 0) FROM alerts").fetchone()
    marks = ", ".join("?" * len(severities))
    fresh = run(
        f"SELECT {_SLIM} FROM alerts WHERE id > ? AND id <= ? AND severity IN ({marks})",
        (cursor, known, *severities),
    ).fetchall()
    lost = run(
        "SELECT id, alert_ids, next_at FROM outbox WHERE channel = ? AND id > ? AND state = 'unknown' "
        "AND kind = 'alerts' AND \"key\" LIKE ?",
        (channel, again, f"{lane}:%"),
    ).fetchall()
    if not fresh and not any(is_due(moment_or_none(next_at), now) for _, _, next_at in lost):
        return LaneWaiting((), frozenset(), again, known)
    refused = run(
        f"SELECT alert_ids FROM outbox WHERE channel = ? AND {PENDING} AND kind = 'alerts' AND \"key\" LIKE ?",
        (channel, f"{lane}:%"),
    ).fetchall()
    old = {number for (ids,) in refused for number in numbers_of(ids)}
    old |= {number for _, ids, _ in lost for number in numbers_of(ids)}
    ids = sorted(old | {row[0] for row in fresh})
    rows = [*rows_of(connection, sorted(old - {row[0] for row in fresh}), _SLIM), *fresh]
    words = dict(rows_of(connection, ids, "id, words")) if len(ids) <= in_full else {}
    before = frozenset(ids) & _of_unknown_fate(connection, channel, lane) if old else frozenset()
    kept = tuple(_kept(row, words.get(row[0], "")) for row in sorted(rows, key=lambda row: int(row[0])))
    return LaneWaiting(kept, before, max([again, *(row[0] for row in lost)]), known)


def standing_of(connection: sqlite3.Connection, channel: Channel) -> list[tuple[KeptAlert, datetime | None]]:
    """List the critical alerts nobody acknowledged that were said here, with when; none that are about to be said."""
    run = connection.execute
    rows = run(
        f"SELECT {_SLIM} FROM alerts WHERE severity = 'critical' AND acknowledged_at IS NULL "
        "AND ended_at IS NULL AND id <= ? ORDER BY id",
        (reached(connection, cursor_of(channel, CRITICAL)),),
    ).fetchall()
    if not rows:
        return []
    again = reached(connection, again_of(channel, CRITICAL))
    said: dict[int, str] = {}
    coming: set[int] = set()
    for number, kind, state, ids, at in run(
        "SELECT id, kind, state, alert_ids, COALESCE(delivered_at, at) FROM outbox WHERE channel = ? "
        "AND kind IN ('alerts', 'repeat') AND id > (SELECT max(id) FROM outbox) - ? AND state <> 'dead' ORDER BY id",
        (channel, LOOKED_BACK),
    ):
        for one in numbers_of(ids):
            said[one] = max(at, said.get(one, ""))
            if state in ("pending", "sending") or (state == "unknown" and kind == "alerts" and number > again):
                coming.add(one)
    return [(_kept(row, ""), moment_or_none(said.get(row[0]))) for row in rows if row[0] not in coming]


def asked_lately(
    connection: sqlite3.Connection, channel: Channel, since: datetime
) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
    """Give when a channel was asked to say something since a moment: what is critical, and what is not."""
    rows = connection.execute(
        "SELECT \"key\" LIKE 'alerts:%', COALESCE(delivered_at, at) FROM outbox WHERE channel = ? "
        "AND kind IN ('alerts', 'repeat') AND state IN ('sent', 'unknown', 'sending') "
        "AND id > (SELECT max(id) FROM outbox) - ? AND COALESCE(delivered_at, at) > ?",
        (channel, LOOKED_BACK, moment_text(since)),
    ).fetchall()
    critical, ordinary = ([moment_of(at) for is_ordinary, at in rows if is_ordinary == which] for which in (0, 1))
    return tuple(critical), tuple(ordinary)


def keep_message(
    connection: sqlite3.Connection, channel: Channel, lane: str, message: Message, alert_ids: tuple[int, ...],
    waiting: LaneWaiting, now: datetime,
) -> None:  # fmt: skip
    """Write down the message that tells a lane everything; it takes the place of the one that was refused, if any."""
    open_rows = connection.execute(
        f"SELECT id FROM outbox WHERE channel = ? AND {PENDING} AND kind = 'alerts' AND \"key\" LIKE ? "
        "ORDER BY id DESC",
        (channel, f"{lane}:%"),
    ).fetchall()
    for (row_id,) in open_rows[1:]:
        connection.execute("DELETE FROM outbox WHERE id = ?", (row_id,))
    if open_rows:
        row_id = open_rows[0][0]
        connection.execute(
            'UPDATE outbox SET "key" = ?, payload_json = ?, alert_ids = ?, next_at = CASE ? WHEN 1 THEN NULL ELSE '
            "next_at END WHERE id = ?",
            (key_of(lane, alert_ids, row_id), payload_of(message), ids_text(alert_ids), int(lane == CRITICAL), row_id),
        )
    else:
        add_message(connection, channel, "alerts", lane, message, alert_ids, now)
    reach(connection, cursor_of(channel, lane), waiting.known)
    reach(connection, again_of(channel, lane), waiting.again)


def pass_over(connection: sqlite3.Connection, channel: Channel, lane: str, waiting: LaneWaiting) -> None:
    """Remember that a lane has nothing to be told up to here, so that the next look begins behind it."""
    if waiting.known > reached(connection, cursor_of(channel, lane)):
        reach(connection, cursor_of(channel, lane), waiting.known)
    (newest,) = connection.execute("SELECT COALESCE(max(id), 0) FROM outbox").fetchone()
    if newest - waiting.again < LOOKED_BACK:
        return
    (is_open,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE channel = ? AND id > ? AND kind = 'alerts' AND \"key\" LIKE ? "
        "AND state IN ('pending', 'sending', 'unknown'))",
        (channel, waiting.again, f"{lane}:%"),
    ).fetchone()
    if not is_open:
        reach(connection, again_of(channel, lane), newest - 1)


def _of_unknown_fate(connection: sqlite3.Connection, channel: Channel, lane: str) -> frozenset[int]:
    """Give the alerts that stand in any message of which nobody knows whether it was taken."""
    rows = connection.execute(
        "SELECT alert_ids FROM outbox WHERE channel = ? AND state = 'unknown' AND kind = 'alerts' AND \"key\" LIKE ?",
        (channel, f"{lane}:%"),
    )
    return frozenset(number for (ids,) in rows for number in numbers_of(ids))


def _kept(row: tuple[Any, ...], words: str) -> KeptAlert:
    number, at, topic, severity, key, title, tick_id, times, last_at, acknowledged_at, by, ended_at = row
    alert = Alert(
        at=moment_of(at), topic=topic, severity=severity, key=key, title=title, words=words, tick_id=tick_id
    )  # fmt: skip
    return KeptAlert(
        id=number, alert=alert, times=times, last_at=moment_of(last_at), ended_at=moment_or_none(ended_at),
        acknowledged_at=moment_or_none(acknowledged_at), acknowledged_by=by,
    )  # fmt: skip
