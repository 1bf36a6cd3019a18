"""The outbox: what each channel is still to be told, and each message's way from written down to answered.

Only who holds the senders' lock writes here. A message is `sending`, durably, before it leaves; one that is found so
afterwards may have been taken, and so may one whose answer was lost. Those are `unknown` for good: their alerts come
again in the next message, marked. One that was refused provably was not taken: it is asked again later, or what it
carries is folded into the next message of its lane.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from bot.domain.alerts import Channel, Delivered, Message
from bot.store.database import Database, moment_of, moment_text

BACKOFF = (60.0, 120.0, 300.0, 900.0, 3600.0)
"""Seconds until a message is asked again, by how often it was; a critical one waits CRITICAL_WAIT at most."""
CRITICAL_WAIT = 300.0
LONGEST_WAIT = timedelta(hours=25)
"""No wait is longer: one that ends later was written by a clock that was wrong."""
CATCH_UP = timedelta(days=1)
"""How far back a channel that is new here is told."""
CRITICAL, ORDINARY = "critical", "alerts"
"""How the keys of the two lanes begin."""
PENDING = "state IN ('pending', 'sending') AND state = 'pending'"
"""Only in these words does SQLite see that the index of open messages serves."""
_CHUNK = 500


class ChannelRow(NamedTuple):
    """Whether a channel can be spoken to."""

    dead_since: datetime | None
    dead_why: str
    wait_until: datetime | None
    failures: int
    revived: bool = False


class OutboxRow(NamedTuple):
    """One message to one channel."""

    id: int
    at: str
    channel: Channel
    kind: str
    key: str
    message: Message
    alert_ids: tuple[int, ...]
    attempts: int

    @property
    def critical(self) -> bool:
        """Say whether it waits for nothing it need not wait for."""
        return self.message.severity == "critical"


def open_channel(connection: sqlite3.Connection, channel: Channel, address_hash: str, now: datetime) -> ChannelRow:
    """Read a channel's row, writing it where there is none; another address makes it anew, and alive."""
    row = connection.execute(
        "SELECT address_hash, dead_since, dead_why, wait_until, failures FROM channels WHERE channel = ?", (channel,)
    ).fetchone()
    if row is None:
        connection.execute("INSERT INTO channels (channel, address_hash) VALUES (?, ?)", (channel, address_hash))
        since = moment_text(now - CATCH_UP)
        (old,) = connection.execute("SELECT COALESCE(max(id), 0) FROM alerts WHERE last_at < ?", (since,)).fetchone()
        for lane in (CRITICAL, ORDINARY):
            reach(connection, cursor_of(channel, lane), old)
        return ChannelRow(None, "", None, 0)
    if row[0] != address_hash:
        connection.execute("UPDATE channels SET address_hash = ? WHERE channel = ?", (address_hash, channel))
        revive(connection, channel, now)
        return ChannelRow(None, "", None, 0, revived=row[1] is not None)
    return ChannelRow(moment_or_none(row[1]), row[2], moment_or_none(row[3]), row[4])


def revive(connection: sqlite3.Connection, channel: Channel, now: datetime) -> None:
    """Let a channel be asked again at once, and end the alert that said it is dead."""
    connection.execute(
        "UPDATE channels SET dead_since = NULL, dead_why = '', wait_until = NULL, failures = 0 WHERE channel = ?",
        (channel,),
    )
    connection.execute(f"UPDATE outbox SET next_at = NULL WHERE channel = ? AND {PENDING}", (channel,))
    connection.execute(
        'UPDATE alerts SET ended_at = ? WHERE "key" = ? AND ended_at IS NULL', (moment_text(now), dead_key(channel))
    )


def dead_key(channel: Channel) -> str:
    """Give the key of the alert that says a channel is dead."""
    return f"channel:{channel}"


def give_up_sending(connection: sqlite3.Connection, now: datetime) -> int:
    """Let every alert message that a sender which is gone had asked for be of unknown fate; gives how many."""
    found = connection.execute(
        "UPDATE outbox SET state = 'unknown', next_at = ?, error = 'the sender ended before the answer came' "
        "WHERE state IN ('pending', 'sending') AND state = 'sending' AND kind IN ('alerts', 'repeat', 'test')",
        (moment_text(now),),
    )
    return found.rowcount


def add_message(
    connection: sqlite3.Connection, channel: Channel, kind: str, lane: str, message: Message,
    alert_ids: tuple[int, ...], now: datetime,
) -> int:  # fmt: skip
    """Write one message down and give its number."""
    (row_id,) = connection.execute("SELECT COALESCE(max(id), 0) + 1 FROM outbox").fetchone()
    connection.execute(
        'INSERT INTO outbox (id, at, channel, kind, "key", payload_json, alert_ids) VALUES (?, ?, ?, ?, ?, ?, ?)',
        (
            row_id,
            moment_text(now),
            channel,
            kind,
            key_of(lane, alert_ids, row_id),
            payload_of(message),
            ids_text(alert_ids),
        ),
    )  # fmt: skip
    return int(row_id)


def drop_answered_repeats(connection: sqlite3.Connection, channel: Channel) -> bool:
    """Give up repeats that waited until somebody answered or the cause was gone; says whether one still waits."""
    waits = False
    for row_id, ids in connection.execute(
        f"SELECT id, alert_ids FROM outbox WHERE channel = ? AND {PENDING} AND kind = 'repeat'", (channel,)
    ).fetchall():
        if any(
            ack is None and end is None
            for ack, end in rows_of(connection, numbers_of(ids), "acknowledged_at, ended_at")
        ):
            waits = True
            continue
        connection.execute(
            "UPDATE outbox SET state = 'dead', error = 'nothing to repeat: answered or ended' WHERE id = ?", (row_id,)
        )
    return waits


def due_messages(database: Database, channel: Channel, now: datetime, *, only_critical: bool) -> list[OutboxRow]:
    """List the alert messages a channel may be asked to take now, critical ones first."""
    with database.reading() as connection:
        rows = connection.execute(
            'SELECT id, at, channel, kind, "key", payload_json, alert_ids, attempts, next_at FROM outbox '
            f"WHERE channel = ? AND {PENDING} AND kind IN ('alerts', 'repeat') ORDER BY id",
            (channel,),
        ).fetchall()
    found = [_row(row[:8]) for row in rows if is_due(moment_or_none(row[8]), now)]
    return sorted((row for row in found if row.critical or not only_critical), key=lambda row: not row.critical)


def read_message(connection: sqlite3.Connection, number: int) -> OutboxRow:
    """Read one message."""
    row = connection.execute(
        'SELECT id, at, channel, kind, "key", payload_json, alert_ids, attempts FROM outbox WHERE id = ?', (number,)
    ).fetchone()
    return _row(row)


def may_ask(row: ChannelRow, now: datetime) -> bool:
    """Say whether a channel may be asked for anything now."""
    return row.dead_since is None and is_due(row.wait_until, now)


def begin_sending(database: Database, row: OutboxRow) -> None:
    """Write down, durably, that a message is about to leave."""
    with database.writing() as connection:
        connection.execute("UPDATE outbox SET state = 'sending', attempts = attempts + 1 WHERE id = ?", (row.id,))


def keep_answer(connection: sqlite3.Connection, row: OutboxRow, answer: Delivered, now: datetime) -> None:
    """Write down what came of a message, and what it says about its channel."""
    state = _state_after(row, answer)
    (failures,) = connection.execute("SELECT failures FROM channels WHERE channel = ?", (row.channel,)).fetchone()
    next_at = None
    if answer.outcome in ("refused", "unknown"):
        next_at = moment_text(now + timedelta(seconds=_wait(row, answer, failures)))
    connection.execute(
        "UPDATE outbox SET state = ?, next_at = ?, remote_id = ?, error = ?, delivered_at = ? WHERE id = ?",
        (
            state, next_at, answer.remote_id, answer.words,
            moment_text(now) if answer.outcome == "sent" else None, row.id,
        ),
    )  # fmt: skip
    held = moment_text(now + timedelta(seconds=min(answer.wait_seconds, CRITICAL_WAIT)))
    wait_until = held if answer.wait_seconds > 0 else None
    if answer.outcome == "sent":
        revive(connection, row.channel, now)
        connection.execute(
            "UPDATE channels SET sent_at = ?, wait_until = ? WHERE channel = ?",
            (moment_text(now), wait_until, row.channel),
        )
    elif answer.outcome == "dead":
        connection.execute(
            "UPDATE channels SET dead_since = COALESCE(dead_since, ?), dead_why = ? WHERE channel = ?",
            (moment_text(now), answer.words, row.channel),
        )
    else:
        connection.execute(
            "UPDATE channels SET failures = failures + 1, wait_until = ? WHERE channel = ?", (wait_until, row.channel)
        )


def _state_after(row: OutboxRow, answer: Delivered) -> str:
    """Give a message's state after an answer; a test is asked once."""
    if answer.outcome in ("sent", "unknown"):
        return answer.outcome
    return "dead" if row.kind == "test" else "pending"


def _wait(row: OutboxRow, answer: Delivered, failures: int) -> float:
    """Give the seconds until it may be asked again, or until what may be lost is said again."""
    asked = row.attempts if answer.outcome == "refused" else failures
    wait = answer.wait_seconds or BACKOFF[min(asked, len(BACKOFF) - 1)]
    return min(wait, CRITICAL_WAIT) if row.critical else wait


def is_due(at: datetime | None, now: datetime) -> bool:
    """Say whether a moment has come; one further away than LONGEST_WAIT was written by a wrong clock."""
    return at is None or at <= now or at > now + LONGEST_WAIT


def cursor_of(channel: Channel, lane: str) -> str:
    """Name the cursor of a lane of a channel: the newest alert it has dealt with."""
    return f"channel.{channel}.{CRITICAL}" if lane == CRITICAL else f"channel.{channel}"


def again_of(channel: Channel, lane: str) -> str:
    """Name the cursor of the newest message of unknown fate whose alerts were said again."""
    return f"{cursor_of(channel, lane)}.again"


def reached(connection: sqlite3.Connection, reader: str) -> int:
    """Give how far a reader has come."""
    row = connection.execute("SELECT number FROM reached WHERE reader = ?", (reader,)).fetchone()
    return 0 if row is None else int(row[0])


def reach(connection: sqlite3.Connection, reader: str, number: int) -> None:
    """Keep how far a reader has come."""
    connection.execute(
        "INSERT INTO reached (reader, number) VALUES (?, ?) "
        "ON CONFLICT (reader) DO UPDATE SET number = excluded.number",
        (reader, number),
    )


def rows_of(connection: sqlite3.Connection, ids: Iterable[int], columns: str) -> list[tuple[Any, ...]]:
    """Read columns of some alerts, in no order."""
    listed, found = list(ids), []
    for start in range(0, len(listed), _CHUNK):
        part = listed[start : start + _CHUNK]
        marks = ", ".join("?" * len(part))
        found += connection.execute(
            f"SELECT {columns} FROM alerts WHERE id IN ({marks})",
            part,
        ).fetchall()
    return found


def _row(row: tuple[Any, ...]) -> OutboxRow:
    number, at, channel, kind, key, payload, ids, attempts = row
    message = msgspec.json.decode(payload, type=Message)
    return OutboxRow(number, at, channel, kind, key, message, tuple(numbers_of(ids)), attempts)


def numbers_of(ids: str) -> list[int]:
    """Read the numbers of alerts as the outbox keeps them."""
    return [int(word) for word in ids.split(",") if word]


def ids_text(alert_ids: tuple[int, ...]) -> str:
    """Write the numbers of alerts as the outbox keeps them."""
    return ",".join(map(str, alert_ids))


def key_of(lane: str, alert_ids: tuple[int, ...], row_id: int) -> str:
    """Give the key of a message; it is its own."""
    span = f"{alert_ids[0]}-{alert_ids[-1]}:" if alert_ids else ""
    return f"{lane}:{span}{row_id}"


def payload_of(message: Message) -> str:
    """Write a message as the outbox keeps it."""
    return msgspec.json.encode(message).decode()


def moment_or_none(text: str | None) -> datetime | None:
    """Read a moment that may be none."""
    return moment_of(text) if text else None
