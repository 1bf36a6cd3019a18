"""Invariants in the ledger: one row each at every tick that decided, and the newest ones read back."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from bot.domain.invariants import Invariant
from bot.store.database import moment_of, moment_text
from bot.store.settling import Moment

_INSERT = (
    "INSERT INTO invariants (tick_id, at, name, ok, detail, value, unit, since, symbols)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_NEWEST = (
    "SELECT name, ok, detail, value, unit, since, symbols FROM invariants"
    " WHERE tick_id = (SELECT max(tick_id) FROM invariants) ORDER BY id"
)


def save_invariants(connection: sqlite3.Connection, now: Moment, invariants: tuple[Invariant, ...]) -> None:
    """Write the invariants of a tick, inside the caller's transaction."""
    connection.executemany(
        _INSERT,
        [
            (
                now.tick_id, now.ts, one.name, int(one.ok), one.detail, str(one.value), one.unit,
                None if one.since is None else moment_text(one.since), " ".join(one.symbols),
            )
            for one in invariants
        ],
    )  # fmt: skip


def read_invariants(connection: sqlite3.Connection) -> tuple[Invariant, ...]:
    """Read the invariants of the newest tick that decided; none before the first."""
    return tuple(
        Invariant(
            name=name, value=Decimal(value), unit=unit, ok=bool(ok), since=moment_of(since) if since else None,
            detail=detail, symbols=tuple(symbols.split()),
        )
        for name, ok, detail, value, unit, since, symbols in connection.execute(_NEWEST)
    )  # fmt: skip
