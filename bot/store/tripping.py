"""Trip wires in the ledger: their newest readings, what tripped and cleared, and the losing chains they count."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from heapq import merge
from typing import Any

import msgspec
from msgspec.structs import replace

from bot.domain.money import ZERO
from bot.domain.trip import AUTHOR, ON_THE_PEAK, PERSON_CLEARS, Trip, measured
from bot.store import chain, kinds
from bot.store.database import Database, moment_of, moment_text
from bot.store.rows import number_of, optional_moment, text_of

_COLUMNS = (
    'name, level, readings, readings_needed, good, good_needed, value, "limit", unit, clears, slot, day, tripped_at,'
    ' cleared_at, "until"'
)
_INSERT = f"INSERT OR REPLACE INTO trips ({_COLUMNS}, tick_id) VALUES ({', '.join('?' * 16)})"
_ENDS = (
    "SELECT e.at, e.tick_id, l.chain, l.id FROM leg_ends e JOIN option_legs l ON l.id = e.leg_id"
    " ORDER BY e.day DESC, e.id DESC"
)
_CHAIN = (
    "SELECT e.how, e.income FROM leg_ends e JOIN option_legs l ON l.id = e.leg_id"
    " WHERE l.id = ? OR (l.chain = ? AND l.chain != '')"
)
_CYCLES = "SELECT closed_at, tick_id, assignments, pnl FROM cycles WHERE closed_at IS NOT NULL ORDER BY closed_at DESC"
_ENDED_SINCE = (
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM leg_ends WHERE tick_id >= ?)"
    " OR EXISTS (SELECT 1 FROM lot_ends WHERE tick_id >= ?)"
)
STREAK_LOOKED_AT = 400
"""How many ends of chains and cycles a streak looks back over at most."""


def read_trips(connection: sqlite3.Connection) -> tuple[Trip, ...]:
    """Read the newest reading of every trip wire."""
    names = [name.strip().strip('"') for name in _COLUMNS.split(",")]
    rows = connection.execute(f"SELECT {_COLUMNS} FROM trips ORDER BY name").fetchall()
    return tuple(_trip(dict(zip(names, row, strict=True))) for row in rows)


def _trip(row: dict[str, Any]) -> Trip:
    for name in ("slot", "tripped_at", "cleared_at", "until"):
        row[name] = moment_of(row[name]) if row[name] else None
    row["day"] = date.fromisoformat(row["day"]) if row["day"] else None
    row["value"], row["limit"] = number_of(row["value"]), Decimal(row["limit"])
    return Trip(**row)


def save_trips(
    connection: sqlite3.Connection, trips: Iterable[Trip], changed: Iterable[Trip], at: datetime, tick_id: int
) -> None:
    """Write a slot's readings, and each change with its halt or pause and its event, in the caller's transaction."""
    connection.executemany(_INSERT, [_row(trip, tick_id) for trip in trips])
    for trip in changed:
        _audit(connection, trip, at, tick_id, trip.clears)


def clear_by_person(
    database: Database, at: datetime, author: str, reason: str, *, new_peak: bool = False
) -> tuple[Trip, ...]:
    """Clear what only a person clears, and let the peak start at where the value of a unit is now.

    `new_peak` clears whatever tripped on the peak: an account that holds nothing under no_new_risk gets no nearer to
    its old one. Gives what was cleared.
    """
    names = ON_THE_PEAK if new_peak else PERSON_CLEARS
    with database.writing() as connection:
        cleared = [
            replace(trip, cleared_at=at, readings=0, good=0)
            for trip in read_trips(connection)
            if trip.tripped and trip.name in names
        ]
        for trip in cleared:
            connection.execute(
                "UPDATE trips SET cleared_at = ?, readings = 0, good = 0 WHERE name = ?", (moment_text(at), trip.name)
            )
        if cleared:
            connection.execute("UPDATE ledger_state SET nav_peak = nav")
        for trip in cleared:
            _audit(connection, trip, at, None, f"{author}: {reason}")
    return tuple(cleared)


def lift_streak(database: Database, at: datetime, author: str) -> Trip | None:
    """Clear the losing streak whose pause a person lifts, so that losses from here on may trip it again."""
    with database.writing() as connection:
        trip = next((one for one in read_trips(connection) if one.tripped and one.level == "pause"), None)
        if trip is None:
            return None
        cleared = replace(trip, cleared_at=at, readings=0)
        connection.execute("UPDATE trips SET cleared_at = ?, readings = 0 WHERE name = ?", (moment_text(at), trip.name))
        _audit(connection, cleared, at, None, f"{author}: the pause was lifted")
        return cleared


def read_streak(connection: sqlite3.Connection) -> int:
    """Count the losing chains in a row, newest first, since the last pause for them (wheel 2.19).

    A chain is a leg and its rolls, judged when all of it ended; one that ended in assignment is neutral, and the end
    of its cycle counts in its place. What an import brought was not this program's doing and counts for nothing.
    """
    row = connection.execute(
        "SELECT t.tripped_at, t.value, t.tick_id, k.ts FROM trips t JOIN ticks k ON k.id = t.tick_id"
        " WHERE t.name = 'losing_streak'"
    ).fetchone()
    if row is None:
        return 0  # before the first reading nothing was judged yet
    since, value, tick_id, ts = row[0] or "", row[1], row[2], row[3]
    if value is not None and since != ts and connection.execute(_ENDED_SINCE, (tick_id, tick_id)).fetchone() is None:
        return int(value)  # nothing ended since it was counted
    streak = 0
    for looked, (at, income) in enumerate(
        merge(_chain_ends(connection), _cycle_ends(connection), key=lambda one: one[0], reverse=True)
    ):
        if at <= since or looked >= STREAK_LOOKED_AT or (income is not None and income >= ZERO):
            break
        streak += income is not None
    return streak


def _chain_ends(connection: sqlite3.Connection) -> Iterator[tuple[str, Decimal | None]]:
    """Give when each chain ended, newest first, and what it earned after fees; None is neutral."""
    seen: set[str] = set()
    for at, tick_id, name, leg_id in connection.execute(_ENDS):
        key = name or leg_id
        if key in seen:
            continue
        seen.add(key)
        yield at, None if tick_id is None or _is_open(connection, key) else _earned(connection, key)


def _is_open(connection: sqlite3.Connection, key: str) -> bool:
    legs = connection.execute(
        "SELECT 1 FROM option_legs WHERE closed_at IS NULL AND (id = ? OR chain = ?) LIMIT 1", (key, key)
    ).fetchone()
    rolls = connection.execute("SELECT 1 FROM rolls WHERE ended_at IS NULL AND chain = ? LIMIT 1", (key,)).fetchone()
    return legs is not None or rolls is not None


def _earned(connection: sqlite3.Connection, key: str) -> Decimal | None:
    ends = connection.execute(_CHAIN, (key, key)).fetchall()
    if any(how in ("assigned", "exercised") for how, _ in ends):
        return None
    return sum((Decimal(income) for _, income in ends), ZERO)


def _cycle_ends(connection: sqlite3.Connection) -> Iterator[tuple[str, Decimal | None]]:
    """Give when each cycle closed, newest first, and what one with shares assigned came to."""
    for at, tick_id, assignments, pnl in connection.execute(_CYCLES):
        yield at, None if tick_id is None or not assignments or pnl is None else Decimal(pnl)


def _row(trip: Trip, tick_id: int) -> tuple[Any, ...]:
    return (
        trip.name, trip.level, trip.readings, trip.readings_needed, trip.good, trip.good_needed, text_of(trip.value),
        str(trip.limit), trip.unit, trip.clears, optional_moment(trip.slot),
        None if trip.day is None else trip.day.isoformat(), optional_moment(trip.tripped_at),
        optional_moment(trip.cleared_at), optional_moment(trip.until), tick_id,
    )  # fmt: skip


def _audit(connection: sqlite3.Connection, trip: Trip, at: datetime, tick_id: int | None, words: str) -> None:
    """Write that a trip wire tripped or cleared: its halt or pause, and an event with all its facts."""
    ts, author = moment_text(at), f"{AUTHOR}{trip.name}"
    if trip.level != "pause":
        level, how = (trip.level, words) if trip.tripped else ("run", "")
        reason = measured(trip) if trip.tripped else f"cleared ({words}): {measured(trip)}"
        connection.execute(
            "INSERT INTO halts (at, level, author, reason, clears) VALUES (?, ?, ?, ?, ?)",
            (ts, level, author, reason, how),
        )
    elif trip.tripped and trip.until is not None:
        connection.execute(
            'INSERT INTO pauses (at, symbol, "until", reason, author) VALUES (?, ?, ?, ?, ?)',
            (ts, "*", moment_text(trip.until), measured(trip), author),
        )
    payload = {"what": "tripped" if trip.tripped else "cleared", "words": words, "trip": msgspec.to_builtins(trip)}
    if tick_id is None:  # no seal follows
        payload |= chain.standing(connection, "state", "trips")
    chain.append(connection, ts, kinds.TRIP, payload, tick_id)
