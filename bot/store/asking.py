"""Questions about ticks and decisions, read only: what was seen, wanted, judged and passed over."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from bot.domain.errors import ForeignStore, StoreError
from bot.domain.orders import Verdict
from bot.domain.snapshot import Snapshot
from bot.store.answers import (
    INTENT_SELECT,
    NOTE_SELECT,
    TICK_SELECT,
    GateTally,
    IntentRow,
    NoteRow,
    NoteTally,
    TickRow,
    intent_of,
    note_of,
    tick_of,
)
from bot.store.database import LEDGER_NAME, migrations, moment_of, store_error
from bot.store.deciding import decode_judged
from bot.store.rows import number_of
from bot.store.snapshots import load_snapshot

T = TypeVar("T")
LONGEST_NUMBER = 19
"""Digits from which a number is none of ours: SQLite counts no further."""


class DecisionLedger:
    """A ledger opened for questions; nothing here writes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / LEDGER_NAME
        if not self.path.exists():
            raise StoreError(f"there is no ledger in {home} yet: `bot tick --dry` begins one")
        try:
            self.connection = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error
        try:
            version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            self.connection.close()
            raise store_error(self.path, error) from error
        newest = migrations()[-1][0]
        if version != newest:
            self.connection.close()
            raise ForeignStore(
                f"{self.path} has version {version} and this program knows {newest}: "
                + (
                    "update the program, or go back with `bot restore BACKUP --home NEW` and the backup from before"
                    if version > newest
                    else "run `bot tick --dry` once, which brings it up to date"
                )
            )

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def _all(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self.connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error

    def _guarded(self, read: Callable[..., T], *given: Any) -> T:
        """Let a shared reader read here; what SQLite refuses is said as everywhere."""
        try:
            return read(self.connection, *given)
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error

    def latest_tick(self) -> TickRow | None:
        """Give the newest tick."""
        rows = self._all(f"{TICK_SELECT} ORDER BY id DESC LIMIT 1")
        return tick_of(rows[0]) if rows else None

    def tick(self, tick_id: int) -> TickRow | None:
        """Give one tick."""
        rows = self._all(f"{TICK_SELECT} WHERE id = ?", (tick_id,))
        return tick_of(rows[0]) if rows else None

    def ticks(self, *, limit: int = 50) -> list[TickRow]:
        """List the newest ticks, newest first."""
        return [tick_of(row) for row in self._all(f"{TICK_SELECT} ORDER BY id DESC LIMIT ?", (limit,))]

    def ticks_between(self, first: date, last: date) -> list[TickRow]:
        """List the ticks of session days from first to last, oldest first."""
        rows = self._all(
            f"{TICK_SELECT} WHERE session_day BETWEEN ? AND ? ORDER BY id", (first.isoformat(), last.isoformat())
        )
        return [tick_of(row) for row in rows]

    def session_days(self, count: int) -> list[date]:
        """List the last session days that had a decided tick, oldest first."""
        rows = self._all("SELECT day FROM equity_daily ORDER BY day DESC LIMIT ?", (count,))
        return sorted(date.fromisoformat(row[0]) for row in rows)

    def snapshot(self, hash_start: str) -> Snapshot:
        """Read a stored Snapshot by its SHA-256 or the start of it."""
        return load_snapshot(self.connection, self.home, hash_start)

    def thinned_at(self, tick_id: int) -> datetime | None:
        """Say when a tick's Snapshot was thinned out; None where it was not."""
        rows = self._all("SELECT thinned_at FROM snapshots WHERE tick_id = ? AND thinned_by IS NOT NULL", (tick_id,))
        return moment_of(rows[0][0]) if rows else None

    def intents_of_tick(self, tick_id: int) -> list[IntentRow]:
        """List what a tick judged, in its order."""
        return [intent_of(row) for row in self._all(f"{INTENT_SELECT} WHERE tick_id = ? ORDER BY id", (tick_id,))]

    def intents_of_symbol(self, underlying: str, *, limit: int = 20) -> list[IntentRow]:
        """List the newest intents on an underlying, newest first."""
        rows = self._all(f"{INTENT_SELECT} WHERE underlying = ? ORDER BY id DESC LIMIT ?", (underlying, limit))
        return [intent_of(row) for row in rows]

    def find_intent(self, words: str) -> list[IntentRow]:
        """Find intents by number, or by an order's id or the start of it; newest first."""
        if words.isdecimal() and len(words) < LONGEST_NUMBER:
            rows = self._all(f"{INTENT_SELECT} WHERE id = ?", (int(words),))
            if rows:
                return [intent_of(row) for row in rows]
        rows = self._all(
            f"{INTENT_SELECT} WHERE client_order_id >= ? AND client_order_id < ? ORDER BY id DESC LIMIT 20",
            (words, words + "\U0010ffff"),
        )
        return [intent_of(row) for row in rows]

    def verdicts_of_tick(self, tick_id: int) -> tuple[Verdict, ...]:
        """Read a tick's verdicts with every check, in the order of judgement."""
        rows = self._all("SELECT blob FROM tick_checks WHERE tick_id = ?", (tick_id,))
        return decode_judged(rows[0][0]).verdicts if rows else ()

    def verdict_of(self, intent: IntentRow) -> Verdict:
        """Read one intent's verdict."""
        return self.verdicts_of_tick(intent.tick_id)[intent.position]

    def refusals_by_gate(self, sessions: int, *, symbol: str = "") -> list[GateTally]:
        """Count refusals by gate over the last sessions, most first, each with its nearest miss."""
        days = self.session_days(sessions)
        if not days:
            return []
        span = (days[0].isoformat(), days[-1].isoformat())
        found: dict[str, dict[str, Any]] = {}
        only = " AND symbol = ?" if symbol else ""
        given = (*span, symbol) if symbol else span
        for gate, name, count, sole in self._all(
            f"SELECT gate, symbol, sum(count), sum(sole) FROM refusals_daily WHERE day BETWEEN ? AND ?{only}"
            " GROUP BY gate, symbol",
            given,
        ):
            tally = found.setdefault(gate, {"times": 0, "sole": 0, "symbols": []})
            tally["times"] += count
            tally["sole"] += sole
            tally["symbols"].append(name)
        # Its day's index is the one to use: those of the symbol and of the order would walk all years.
        near = " AND +symbol = ?" if symbol else " AND nearest = 1"
        for gate, reason, value, limit, unit, distance in self._all(
            f'SELECT gate, reason, value, "limit", unit, distance FROM refusals WHERE day BETWEEN ? AND ?{near}'
            " ORDER BY +id",
            given,
        ):
            tally = found[gate]
            miss = number_of(distance)
            best = tally.get("distance")
            if "reason" not in tally or (miss is not None and (best is None or abs(miss) <= abs(best))):
                tally |= {
                    "reason": reason, "value": number_of(value), "limit": number_of(limit), "unit": unit,
                    "distance": miss,
                }  # fmt: skip
        blank = {"reason": "", "value": None, "limit": None, "unit": "", "distance": None}
        tallies = [
            GateTally(gate=gate, **{**blank, **tally, "symbols": tuple(sorted(tally["symbols"]))})
            for gate, tally in found.items()
        ]
        return sorted(tallies, key=lambda one: (-one.times, one.gate))

    def notes_of_tick(self, tick_id: int) -> list[NoteRow]:
        """List what planners passed over in one tick."""
        return [
            note_of(row)
            for row in self._all(
                f"{NOTE_SELECT} WHERE day = (SELECT session_day FROM ticks WHERE id = ?) AND tick_id = ? ORDER BY id",
                (tick_id, tick_id),
            )
        ]

    def notes_by_reason(self, sessions: int) -> list[NoteTally]:
        """Count what was passed over by strategy, symbol, subject and reason over the last sessions, most first."""
        days = self.session_days(sessions)
        if not days:
            return []
        rows = self._all(
            'SELECT strategy, symbol, subject, reason, count(*), value, "limit", unit, max(id) FROM notes'
            " WHERE day BETWEEN ? AND ? GROUP BY strategy, symbol, subject, reason ORDER BY 5 DESC, 9 DESC",
            (days[0].isoformat(), days[-1].isoformat()),
        )
        return [
            NoteTally(strategy, symbol, subject, reason, count, number_of(value), number_of(limit), unit)
            for strategy, symbol, subject, reason, count, value, limit, unit, _ in rows
        ]
