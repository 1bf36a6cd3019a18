"""Drills, kept with their event in the hash chain."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import NamedTuple

from bot.domain.drilling import DrillPass
from bot.store import chain, kinds
from bot.store.database import Database, moment_of, moment_text

DRILL_COLUMNS = (
    "at", "code_version", "desk_hash", "seed", "worlds", "passed", "scenes_passed", "scenes_failed", "scenes_off",
    "removals", "removals_missed", "result_json",
)  # fmt: skip
"""What a row holds and its event repeats; the event's own moment is `at`."""


class DrillRow(NamedTuple):
    """One whole drill, as it is kept."""

    at: datetime
    code_version: str
    desk_hash: str
    seed: int
    worlds: str
    passed: bool
    scenes_passed: int
    scenes_failed: int
    scenes_off: int
    removals: int
    removals_missed: int
    result_json: str


def keep_drill(database: Database, row: DrillRow) -> str:
    """Keep a drill durably, in one transaction with its event; gives the new head of the chain."""
    ts = moment_text(row.at)
    values = (ts, *(int(value) if isinstance(value, bool) else value for value in row[1:]))
    marks = ", ".join("?" for _ in DRILL_COLUMNS)
    with database.writing() as connection:
        connection.execute(f"INSERT INTO drills ({', '.join(DRILL_COLUMNS)}) VALUES ({marks})", values)
        return chain.append(connection, ts, kinds.DRILL, dict(zip(DRILL_COLUMNS[1:], values[1:], strict=True)))


def read_pass(connection: sqlite3.Connection) -> DrillPass | None:
    """Read the newest drill that passed."""
    row = connection.execute(
        "SELECT at, code_version, desk_hash FROM drills WHERE passed = 1 ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return None if row is None else DrillPass(at=moment_of(row[0]), code_version=row[1], desk_hash=row[2])
