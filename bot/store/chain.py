"""The hash chain: every event seals the one before it, and a tick's event seals what the tick wrote."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

_ENCODE = msgspec.json.Encoder(order="deterministic").encode


class Sealed(NamedTuple):
    """Rows that a tick's seal covers: name in the payload, table, columns in their stored form, and their order."""

    name: str
    table: str
    columns: str
    order: str
    where: str = "tick_id = ?1"
    tick: str = "tick_id"

    def of_tick(self) -> str:
        """Give the query for the rows of one tick."""
        return f"SELECT {self.columns} FROM {self.table} WHERE {self.where} ORDER BY {self.order}"

    def all_ticks(self) -> str:
        """Give the query for the rows of all ticks, one tick after the other, the tick's number first."""
        return (
            f"SELECT {self.tick}, {self.columns} FROM {self.table} WHERE {self.tick} IS NOT NULL"
            f" ORDER BY {self.tick}, {self.order}"
        )


DRIFT_COLUMNS = "id, symbol, kind, what, broker, ours, expected_until, since, tick_id, ended_at"
# A name that a payload lacks is from before it was sealed: what it would cover is not checked there.
SEALED_ROWS = (
    Sealed("verdicts", "tick_checks", "blob", "tick_id"),
    Sealed(
        "transitions",
        "order_transitions",
        "client_order_id, at, state_before, state, status, broker_order_id, filled_qty, filled_avg_price, reason",
        "id",
    ),
    Sealed(
        "fills",
        "fills",
        "execution_id, broker_order_id, client_order_id, symbol, side, qty, price, at, strategy, purpose, cycle",
        "execution_id",
    ),
    Sealed("books", "book_changes", "kind, key, what, fact_json", "id"),
    Sealed(
        "orders",
        "orders",
        "client_order_id, session_day, strategy, purpose, key, underlying, legs, qty, order_type, limit_price,"
        " trail_percent, time_in_force, step, cycle, lot, roll, roll_ticks_max, replaces, slot, planned_at, attempt",
        "client_order_id",
        # By their first steps, not by the tick's day: one that was recognised counts for the day it was sent in.
        "client_order_id IN (SELECT client_order_id FROM order_transitions WHERE tick_id = ?1) AND tick_id = ?1",
    ),
    Sealed(
        "activities",
        "activities",
        "id, type, symbol, at, day, qty, price, net_amount, order_id, group_id, raw_type, description",
        "id, type, symbol",
    ),
    Sealed(
        "leg_ends",
        "leg_ends",
        "leg_id, symbol, underlying, qty, how, at, day, price, income, tax_income",
        "id",
    ),
    Sealed("invariants", "invariants", "name, ok, detail, value, unit, since, symbols", "id"),
    Sealed("lot_ends", "lot_ends", "lot_id, symbol, qty, how, at, day, price, income, tax_income", "id"),
    Sealed("proposals", "proposal_changes", "number, hash", "id"),
    Sealed("prices", "order_prices", "client_order_id, filled_avg_price, stop_price, high_water_mark", "id"),
    Sealed("drift_ended", "drift", DRIFT_COLUMNS, "id", "ended_tick = ?1", "ended_tick"),
)
ROW_COLUMNS = (
    "ts, slot, status, broker, market, environment, code_version, session_day, session_open, halt, buying_power,"
    " benchmark_price, flow, intents, approved, planned, note, errors_json"
)
"""All of a tick's row but how long it took: the same decisions must seal to the same hash on any machine."""
POSITION_COLUMNS = "symbol, underlying, owner, qty, avg_entry_price, price, mark, mark_source, value, value_sort"
# Tables that every tick writes anew: each seal says how they stood, the newest one how they must stand now.
STANDING = {
    "positions": f"SELECT {POSITION_COLUMNS} FROM positions ORDER BY symbol",
    "state": (
        "SELECT cash, fees_accrued, equity_previous, equity_last, flow_session, session_day, nav, nav_peak,"
        " settled_at, last_slot, positions_json, marks_json FROM ledger_state"
    ),
    "strategies": (
        "SELECT strategy, opening, premium, shares, dividends, interest, fees, transfers, moved, other, income,"
        " tax_income, carried, cash, value, collateral, unknown FROM strategy_books ORDER BY strategy"
    ),
    "pacing": "SELECT put_entries_json, chains_json, losses_json FROM pacing_state",
    "trips": (
        'SELECT name, level, readings, readings_needed, good, good_needed, value, "limit", unit, clears, slot, day,'
        ' tripped_at, cleared_at, "until", tick_id FROM trips ORDER BY name'
    ),
    "drift": f"SELECT {DRIFT_COLUMNS}, ended_tick FROM drift WHERE ended_at IS NULL ORDER BY id",
    "waits": "SELECT id, waits_for FROM restores WHERE ended_at IS NULL ORDER BY id",
}
# What people write over between ticks: their words' own events say how it stood after them.
BETWEEN = {
    "past": (
        "SELECT kind, key, symbol, underlying, import_id, position, fact_json, taken FROM past_holdings"
        " ORDER BY kind, key"
    ),
}
DAY_COLUMNS = (
    "day, equity, equity_sort, cash, equity_previous, flow, pnl, nav, nav_peak, drawdown_fraction, benchmark_price"
)
_DAY = (
    f"SELECT {DAY_COLUMNS} FROM equity_daily WHERE day = (SELECT session_day FROM ticks WHERE id = ?1) AND tick_id = ?1"
)
_ROW = f"SELECT {ROW_COLUMNS} FROM ticks WHERE id = ?1"
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


def digest(rows: Sequence[tuple[Any, ...]]) -> str:
    """Give the SHA-256 of rows in their stored form; a blob that stands alone is hashed as it is."""
    if not rows:
        return _NOTHING
    if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], bytes):
        return sha256(rows[0][0]).hexdigest()
    return sha256(_ENCODE(rows)).hexdigest()


def digests(connection: sqlite3.Connection, tick_id: int) -> dict[str, str]:
    """Give the SHA-256 of what a tick wrote, computed from the stored rows."""
    run = connection.execute
    found = {one.name: digest(run(one.of_tick(), (tick_id,)).fetchall()) for one in SEALED_ROWS}
    found |= {name: digest(run(query).fetchall()) for name, query in STANDING.items()}
    found["day"] = digest(run(_DAY, (tick_id,)).fetchall())
    found["row"] = digest(run(_ROW, (tick_id,)).fetchall())
    return found


def newest_change(connection: sqlite3.Connection) -> int:
    """Give the number of the newest change of a proposal; 0 before any."""
    found: int = connection.execute("SELECT COALESCE(max(id), 0) FROM proposal_changes").fetchone()[0]
    return found


def changes_since(connection: sqlite3.Connection, number: int) -> list[list[Any]]:
    """List what a person's word changed of proposals after one change: [proposal, hash]."""
    return [
        [*row]
        for row in connection.execute("SELECT number, hash FROM proposal_changes WHERE id > ? ORDER BY id", (number,))
    ]


def standing(connection: sqlite3.Connection, *names: str) -> dict[str, str]:
    """Give the SHA-256 of what is written over, as it stands: for the event of a person's word that changed it."""
    return {name: digest(connection.execute((STANDING | BETWEEN)[name]).fetchall()) for name in names}


def tail_fault(connection: sqlite3.Connection) -> str:
    """Say how the newest event is not what was sealed, or that it does not follow the one before; else nothing.

    Constant time, whatever the length of the chain.
    """
    rows = connection.execute(
        "SELECT id, ts, kind, payload_json, hash_before, hash FROM events ORDER BY id DESC LIMIT 2"
    ).fetchall()
    if not rows:
        return ""
    number, ts, kind, payload_json, before, after = rows[0]
    if event_hash(before, ts, kind, payload_json) != after:
        return f"event {number} ({kind}) was changed"
    if before != (rows[1][5] if len(rows) == 2 else ""):
        return f"event {number} ({kind}) does not follow the one before it"
    return ""


def tail_is_sound(connection: sqlite3.Connection) -> bool:
    """Say whether the newest event still hashes to its hash and follows the one before; constant time."""
    return not tail_fault(connection)


def verify(connection: sqlite3.Connection, home: Path, *, snapshots: bool = True) -> Iterator[str]:
    """Walk the whole chain and recompute every hash and digest; says each fault as it is found.

    `snapshots` also reads the Snapshot files. A month's file that is gone is a fault; so is a tick's row that
    no longer says what was sealed.
    """
    from bot.store.verifying import find_faults

    for fault in find_faults(connection, home if snapshots else None):
        yield fault.words
