"""The hash chain: every event seals the one before it, and a tick's event seals what the tick wrote."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from bot.store.kinds import DIED, IMPORT, TICK
from bot.store.snapshots import FOLDER

_ENCODE = msgspec.json.Encoder(order="deterministic").encode

# What a tick's seal covers beside its Snapshot: name in the payload, and the rows in their stored form.
_DIGESTED = (
    ("verdicts", "SELECT blob FROM tick_checks WHERE tick_id = ?"),
    (
        "transitions",
        "SELECT client_order_id, at, state_before, state, status, broker_order_id, filled_qty, filled_avg_price, reason"
        " FROM order_transitions WHERE tick_id = ? ORDER BY id",
    ),
    (
        "fills",
        "SELECT execution_id, broker_order_id, client_order_id, symbol, side, qty, price, at, strategy, purpose, cycle"
        " FROM fills WHERE tick_id = ? ORDER BY execution_id",
    ),
    ("books", "SELECT kind, key, what, fact_json FROM book_changes WHERE tick_id = ? ORDER BY id"),
)
_NOTHING = sha256(b"").hexdigest()

# What a tick's seal takes from its own row: names in the payload, and the columns they are.
SEALED_FACTS = ("snapshot", "mode", "equity", "cash", "config")
SEALED_ROW = "SELECT snapshot_hash, mode, equity, cash, config_hash FROM ticks WHERE id = ?"


def event_hash(hash_before: str, ts: str, kind: str, payload_json: str) -> str:
    """Give an event's hash: SHA-256 over hash before, moment, kind and payload, parted by line feeds."""
    return sha256(f"{hash_before}\n{ts}\n{kind}\n{payload_json}".encode()).hexdigest()


def head(connection: sqlite3.Connection) -> str:
    """Give the newest hash, empty where nothing happened yet."""
    row = connection.execute("SELECT hash FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return row[0] if row else ""


def append(
    connection: sqlite3.Connection, ts: str, kind: str, payload: Mapping[str, Any], tick_id: int | None = None
) -> str:
    """Add an event to the chain inside the caller's transaction; gives the new head."""
    payload_json = _ENCODE(payload).decode()
    before = head(connection)
    after = event_hash(before, ts, kind, payload_json)
    connection.execute(
        "INSERT INTO events (ts, kind, tick_id, payload_json, hash_before, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (ts, kind, tick_id, payload_json, before, after),
    )
    return after


def digests(connection: sqlite3.Connection, tick_id: int) -> dict[str, str]:
    """Give the SHA-256 of what a tick wrote, computed from the stored rows."""
    found = {}
    for name, query in _DIGESTED:
        rows = connection.execute(query, (tick_id,)).fetchall()
        if not rows:
            found[name] = _NOTHING
        elif name == "verdicts":
            found[name] = sha256(rows[0][0]).hexdigest()
        else:
            found[name] = sha256(_ENCODE(rows)).hexdigest()
    return found


def tail_is_sound(connection: sqlite3.Connection) -> bool:
    """Say whether the newest event still hashes to its hash and follows the one before; constant time."""
    rows = connection.execute(
        "SELECT ts, kind, payload_json, hash_before, hash FROM events ORDER BY id DESC LIMIT 2"
    ).fetchall()
    if not rows:
        return True
    ts, kind, payload_json, before, after = rows[0]
    return bool(
        event_hash(before, ts, kind, payload_json) == after and before == (rows[1][4] if len(rows) == 2 else "")
    )


def verify(connection: sqlite3.Connection, home: Path, *, snapshots: bool = True) -> Iterator[str]:
    """Walk the whole chain and recompute every hash and digest; says each fault as it is found.

    `snapshots` also reads the Snapshot files. A month's file that is gone is a fault; so is a tick's row that
    no longer says what was sealed.
    """
    before, expected = "", 1
    imports: list[dict[str, Any]] = []
    cursor = connection.execute("SELECT id, ts, kind, tick_id, payload_json, hash_before, hash FROM events ORDER BY id")
    for number, ts, kind, tick_id, payload_json, hash_before, hash_after in cursor:
        if number != expected:
            yield f"event {expected} is missing"
        if hash_before != before:
            yield f"event {number} does not follow the one before it"
        if event_hash(hash_before, ts, kind, payload_json) != hash_after:
            yield f"event {number} ({kind}) was changed"
        if kind in (TICK, DIED):
            payload = msgspec.json.decode(payload_json)
            yield from _tick_faults(connection, home if snapshots else None, tick_id, payload)
        elif kind == IMPORT:
            imports.append(msgspec.json.decode(payload_json))
        before, expected = hash_after, number + 1
    yield from _import_faults(connection, imports)


def _import_faults(connection: sqlite3.Connection, imports: list[dict[str, Any]]) -> Iterator[str]:
    """Recompute what each import brought; rows without a tick that none of them wrote are faults too."""
    from bot.store.imported import import_faults, stray_faults

    for payload in imports:
        yield from import_faults(connection, payload["import"], payload["blob"])
    yield from stray_faults(connection, [payload["import"] for payload in imports])


def _tick_faults(
    connection: sqlite3.Connection, home: Path | None, tick_id: int, payload: dict[str, Any]
) -> Iterator[str]:
    for name, digest in digests(connection, tick_id).items():
        if payload.get(name) != digest:
            yield f"tick {tick_id}: its {name} are not what was sealed"
    row = connection.execute(SEALED_ROW, (tick_id,)).fetchone()
    sealed = tuple(payload.get(name) for name in SEALED_FACTS)
    if row is None or row != sealed:
        yield f"tick {tick_id}: its row is not what was sealed"
    if home is not None and payload.get("snapshot"):
        yield from _snapshot_faults(connection, home, tick_id, payload["snapshot"])


def _snapshot_faults(connection: sqlite3.Connection, home: Path, tick_id: int, sealed: str) -> Iterator[str]:
    row = connection.execute('SELECT month, "offset", length FROM snapshots WHERE tick_id = ?', (tick_id,)).fetchone()
    if row is None:
        yield f"tick {tick_id}: nothing says where its Snapshot lies"
        return
    month, offset, length = row
    try:
        with (home / FOLDER / f"{month}.bin").open("rb") as file:
            file.seek(offset)
            stored = file.read(length)
    except OSError as error:
        yield f"tick {tick_id}: its Snapshot cannot be read ({error.strerror})"
        return
    if sha256(stored).hexdigest() != sealed:
        yield f"tick {tick_id}: its Snapshot is not what was sealed"
