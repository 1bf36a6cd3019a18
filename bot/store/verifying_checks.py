"""Rows made out of a tick's sealed verdicts: made anew from the sealed bytes, and held against what stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from bot.domain.errors import StoreError
from bot.store.database import moment_of
from bot.store.deciding import Judged, decode_judged, intent_facts, note_rows, refusal_rows
from bot.store.resolving import words_by_order
from bot.store.settling import Moment, outcome, word_after

_INTENTS = (
    "SELECT i.tick_id, i.id, i.tick_id, i.ts, i.position, i.strategy, i.purpose, i.symbol, i.underlying, i.side,"
    " i.qty, i.order_type, i.limit_price, i.stop_price, i.trail_percent, i.legs, i.reason, i.approved, i.refused_by,"
    " i.details_json, i.cycle, i.client_order_id, i.submitted, i.alpaca_order_id, i.status,"
    " o.strategy, o.purpose, o.key"
    " FROM order_intents i LEFT JOIN orders o ON o.client_order_id = i.client_order_id ORDER BY i.tick_id, i.id"
)
_REFUSALS = (
    'SELECT tick_id, tick_id, intent_id, ts, day, strategy, symbol, gate, reason, value, "limit", unit, distance,'
    " nearest, sole FROM refusals ORDER BY tick_id, id"
)
_NOTES = (
    'SELECT tick_id, tick_id, ts, day, strategy, symbol, subject, reason, value, "limit", unit FROM notes'
    " ORDER BY tick_id, id"
)
_STEPS = "SELECT state, status, broker_order_id FROM order_transitions WHERE client_order_id = ? ORDER BY id"
_FIXED = 20  # columns of an intent that nothing changes after it was judged
Told = tuple[str, str]
"""A table, and what is wrong with it in words."""


class ExplodedRows:
    """A place kept in order_intents, refusals and notes, tick after tick."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._words = words_by_order(connection)
        self._places = {
            table: _Place(connection.execute(query))
            for table, query in (("order_intents", _INTENTS), ("refusals", _REFUSALS), ("notes", _NOTES))
        }

    def faults_of(self, tick_id: int, ts: str, day: str | None, blob: bytes, *, dry: bool) -> Iterator[Told]:
        """Give each row of a tick that its sealed verdicts do not say, and each they say that is not there."""
        found = {}
        for table, place in self._places.items():
            found[table], strays = place.take(tick_id)
            if strays:
                yield table, f"{table}: {strays} row(s) of a tick before {tick_id} that sealed none"
        try:
            judged = decode_judged(blob) if blob else Judged(verdicts=(), notes=())
            now = Moment(tick_id, moment_of(ts), ts, day or "")
        except (StoreError, ValueError):
            return  # the verdicts, or the tick's row, were told already
        if not blob and any(found.values()):
            yield "tick_checks", f"tick {tick_id}: it has exploded rows and no verdicts to hold them against"
            return
        first = found["order_intents"][0][0] if found["order_intents"] else 0
        wanted = intent_facts(now, first, judged.verdicts, dry=dry)
        for row, expected, verdict in zip_longest(found["order_intents"], wanted, judged.verdicts):
            if row is None or expected is None or not self._intent_stands(row, expected, verdict):
                number = row[0] if row is not None else "(missing)"
                yield "order_intents", f"tick {tick_id}: intent {number} is not what was sealed"
        for table, rows in (
            ("refusals", refusal_rows(now, first, judged.verdicts)), ("notes", note_rows(now, judged.notes)),
        ):  # fmt: skip
            for place_in, (row, expected) in enumerate(zip_longest(found[table], rows), start=1):
                if row != expected:
                    yield table, f"tick {tick_id}: row {place_in} of its {table} is not what was sealed"

    def _intent_stands(self, row: tuple[Any, ...], expected: tuple[Any, ...], verdict: Any) -> bool:
        """Say whether an intent is as judged, and what became of it is what its order says."""
        if row[:_FIXED] != expected[:_FIXED]:
            return False
        order_id, submitted, broker_id, status = row[20:24]
        if order_id is None:
            return bool(row[20:24] == expected[20:24])
        intent = verdict.intent
        if order_id != intent.replaces and row[24:] != (intent.strategy, intent.purpose, intent.key):
            return False
        told, ids, ends = "", {None, ""}, set()
        steps = self._connection.execute(_STEPS, (order_id,)).fetchall()
        for state, word, broker_order_id in [*steps, *(one[1:4] for one in self._words.get(order_id, ()))]:
            told = word_after(state, word, told)
            ids.add(broker_order_id)
            ends.add(outcome(state, told))
        # Before intents followed their orders through later ticks they kept an earlier word: any step's will do.
        return (submitted, status) in ends and broker_id in ids

    def end_faults(self) -> Iterator[Told]:
        """Give rows after the last sealed tick: they are written with a seal, never before it."""
        for table, place in self._places.items():
            _, strays = place.take(float("inf"))
            if strays:
                yield table, f"{table}: {strays} row(s) of a tick that no event seals"


class _Place:
    """Where the walk stands in one table."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._next: Any = cursor.fetchone()

    def take(self, tick_id: float) -> tuple[list[tuple[Any, ...]], int]:
        """Give a tick's rows, and how many rows of ticks before it nobody took."""
        rows, strays = [], 0
        while self._next is not None and self._next[0] <= tick_id:
            if self._next[0] == tick_id:
                rows.append(self._next[1:])
            else:
                strays += 1
            self._next = self._cursor.fetchone()
        return rows, strays
