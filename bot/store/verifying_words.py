"""What people and trip wires wrote: each row held against the event that was sealed with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from bot.domain.trip import AUTHOR, Trip, measured
from bot.store import kinds
from bot.store.database import moment_text
from bot.store.drills import DRILL_COLUMNS
from bot.store.resolving import WORD_COLUMNS

_QUERIES = {
    "halts": "SELECT id, at, level, author, reason, clears FROM halts ORDER BY id",
    "instructions": "SELECT id, at, contract, word, author FROM instructions ORDER BY id",
    "pauses": 'SELECT id, at, symbol, reason, author, "until" FROM pauses ORDER BY id',
    "alarms": "SELECT id, at, reason, after_tick, good_needed FROM alarms ORDER BY id",
    "drills": f"SELECT id, {', '.join(DRILL_COLUMNS)} FROM drills ORDER BY id",
    "order_words": f"SELECT id, {', '.join(WORD_COLUMNS)} FROM order_words ORDER BY id",
    "panics": "SELECT id, at, author, reason, flatten, ended_at, ended_by FROM panics ORDER BY id",
    "restores": "SELECT id, at, backup, head, foreign_json, ended_at, ended_by FROM restores ORDER BY id",
    "stamp": "SELECT one, stamped_at, broker, environment, account, desk FROM stamp",
    "adoptions": "SELECT id, kind, fact_json FROM book_changes WHERE tick_id IS NULL AND what != 'closed' ORDER BY id",
}
_ENCODE = msgspec.json.Encoder(order="deterministic").encode
Told = tuple[str, str]


class Words:
    """A place kept in each table that events between ticks write to."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows = {table: connection.execute(query) for table, query in _QUERIES.items()}
        self._pauses: dict[int, tuple[str, str, str]] = {}  # those not over yet: symbol, end now, end as it must be
        self._standing: dict[
            tuple[str, int], tuple[str | None, str]
        ] = {}  # panics and restores not ended: how they end
        self._configs: dict[str, tuple[str | None, str | None, str | None]] = {}
        self._consents: dict[int, tuple[str, str]] = {}
        self._changes = _Changes(connection)

    def faults_of(self, kind: str, ts: str, payload: dict[str, Any]) -> Iterator[Told]:
        """Hold the row that an event was sealed with against it."""
        told = payload.get
        sealed: tuple[Any, ...]
        if kind == kinds.HALT:
            yield from self._compare("halts", (ts, told("level"), told("author"), told("reason"), told("clears")))
        elif kind == kinds.INSTRUCTION:
            yield from self._compare("instructions", (ts, told("contract"), told("word"), told("author")))
        elif kind == kinds.STAMP:
            sealed = (ts, told("broker"), told("environment"), told("account"), told("desk"))
            yield from self._compare("stamp", sealed)
        elif kind == kinds.RESOLUTION:
            yield from self._compare("order_words", (ts, *(told(name) for name in WORD_COLUMNS[1:])))
        elif kind == kinds.ADOPTION:
            yield from self._adoption(payload)
        elif kind == kinds.ALARM:
            yield from self._compare("alarms", (ts, told("reason"), told("after_tick"), told("good_needed")))
        elif kind == kinds.DRILL:
            yield from self._compare("drills", (ts, *(told(name) for name in DRILL_COLUMNS[1:])))
        elif kind == kinds.PANIC:
            sealed = (ts, told("author"), told("reason"), int(told("flatten", False)))
            yield from self._stands_until("panics", sealed, None if "ended" not in payload else (ts, told("author")))
        elif kind == kinds.RESTORE:
            sealed = (ts, told("backup"), told("head"), _ENCODE(told("foreign")).decode())
            end = None if "ended_by" not in payload else (ts, told("ended_by"))
            yield from self._stands_until("restores", sealed, end)
        elif kind == kinds.TRIP:
            yield from self._trip(ts, payload)
        elif kind == kinds.PAUSE:
            yield from self._pause(ts, payload)
        elif kind == kinds.CONFIG:
            self._configs[payload["hash"]] = (ts, None, None)
        elif kind == kinds.APPROVAL:
            self._configs[payload["hash"]] = (self._configs.get(payload["hash"], (None,))[0], ts, told("author"))
        elif kind == kinds.CONSENT:
            self._consents[payload["number"]] = (ts, payload["author"])
            yield from self._changes.faults_of(payload.get("changes", []))

    def _compare(self, table: str, sealed: tuple[Any, ...]) -> Iterator[Told]:
        row = self._rows[table].fetchone()
        name = "book_changes" if table == "adoptions" else table
        if row is None:
            yield name, f"{name}: a row that was sealed is gone"
        elif row[1:] != sealed:
            yield name, f"{name}: row {row[0]} is not what was sealed"

    def _adoption(self, payload: dict[str, Any]) -> Iterator[Told]:
        """Hold a change between ticks against the fact that was adopted; its event writes the fields sorted."""
        row = self._rows["adoptions"].fetchone()
        try:
            stands = row is not None and row[1] == payload["kind"] and msgspec.json.decode(row[2]) == payload["fact"]
        except msgspec.DecodeError:
            stands = False
        if not stands:
            yield "book_changes", f"book_changes: {payload['fact'].get('id')} is not what was adopted"

    def _stands_until(self, table: str, sealed: tuple[Any, ...], end: tuple[Any, ...] | None) -> Iterator[Told]:
        """Hold what begins with one event and ends with another against both; an end ends all that stand."""
        if end is None:
            row = self._rows[table].fetchone()
            if row is None:
                yield table, f"{table}: a row that was sealed is gone"
                return
            self._standing[table, row[0]] = row[5:]
            if row[1:5] != sealed:
                yield table, f"{table}: row {row[0]} is not what was sealed"
            return
        for key in [one for one in self._standing if one[0] == table]:
            if self._standing.pop(key) != end:
                yield table, f"{table}: row {key[1]} ended otherwise than was sealed"

    def _trip(self, ts: str, payload: dict[str, Any]) -> Iterator[Told]:
        trip, words = msgspec.convert(payload["trip"], Trip), payload["words"]
        author = f"{AUTHOR}{trip.name}"
        if trip.level != "pause":
            reason = measured(trip) if trip.tripped else f"cleared ({words}): {measured(trip)}"
            level, how = (trip.level, words) if trip.tripped else ("run", "")
            yield from self._compare("halts", (ts, level, author, reason, how))
        elif trip.tripped and trip.until is not None:
            yield from self._pause_begins((ts, "*", measured(trip), author), moment_text(trip.until))

    def _pause(self, ts: str, payload: dict[str, Any]) -> Iterator[Told]:
        if "lifted" in payload:
            for number, (symbol, until, end) in self._pauses.items():
                if symbol == payload["symbol"] and end > ts:
                    self._pauses[number] = (symbol, until, ts)
        else:
            sealed = (ts, payload["symbol"], payload["reason"], payload["author"])
            yield from self._pause_begins(sealed, moment_text(datetime.fromisoformat(payload["until"])))
        yield from self._pauses_over(ts)

    def _pause_begins(self, sealed: tuple[str, ...], end: str) -> Iterator[Told]:
        row = self._rows["pauses"].fetchone()
        if row is None:
            yield "pauses", "pauses: a row that was sealed is gone"
            return
        if row[1:5] != sealed:
            yield "pauses", f"pauses: row {row[0]} is not what was sealed"
        self._pauses[row[0]] = (sealed[1], row[5], end)

    def _pauses_over(self, ts: str) -> Iterator[Told]:
        over = [number for number, (_, _, end) in self._pauses.items() if end <= ts]
        for number in over:
            _, until, end = self._pauses.pop(number)
            if until != end:
                yield "pauses", f"pauses: row {number} ends at another moment than was sealed"

    def end_faults(self) -> Iterator[Told]:
        """Give what is left over: rows without an event, and what several events say together."""
        yield from self._pauses_over("9")
        for (table, number), ended in self._standing.items():
            if ended != (None, ""):
                yield table, f"{table}: row {number} ended, and no event says so"
        for table, rows in self._rows.items():
            for row in rows:
                name = "book_changes" if table == "adoptions" else table
                yield name, f"{name}: row {row[0]} was never sealed"
        yield from self._changes.end_faults()
        for (number,) in self._connection.execute(
            "SELECT id FROM restores WHERE ended_at IS NOT NULL AND waits_for != ''"
        ):
            yield "restores", f"restores: row {number} ended and waits for something"
        yield from self._config_faults()
        for number, at, author in self._connection.execute(
            "SELECT number, answered_at, author FROM proposals WHERE answered_at IS NOT NULL OR author != ''"
            " ORDER BY number"
        ):
            if self._consents.pop(number, None) != (at, author):
                yield "proposals", f"proposals: the word on {number} is not what was sealed"
        for number in self._consents:
            yield "proposals", f"proposals: the word on {number} that was sealed is gone"

    def _config_faults(self) -> Iterator[Told]:
        for known, text, settings, *word in self._connection.execute(
            "SELECT hash, text, settings_json, at, approved_at, approved_by FROM configs ORDER BY hash"
        ):
            if self._configs.pop(known, None) != tuple(word):
                yield "configs", f"configs: {known[:12]} was not kept, or not approved, as it says"
            elif sha256(f"{text}\0{settings}".encode()).hexdigest() != known:
                yield "configs", f"configs: the text of {known[:12]} was changed"
        for gone in self._configs:
            yield "configs", f"configs: {gone[:12]} was sealed and is gone"


class _Changes:
    """A place kept in the changes of proposals that people's words made."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._rows = connection.execute(
            "SELECT number, hash, id FROM proposal_changes WHERE tick_id IS NULL ORDER BY id"
        )

    def faults_of(self, sealed: list[list[Any]]) -> Iterator[Told]:
        """Hold the changes of one word against its event."""
        for number, told in sealed:
            row = self._rows.fetchone()
            if row is None:
                yield "proposal_changes", f"proposal_changes: a change of {number} that was sealed is gone"
            elif row[:2] != (number, told):
                yield "proposal_changes", f"proposal_changes: row {row[2]} is not what was sealed"

    def end_faults(self) -> Iterator[Told]:
        """Give changes that no word made."""
        for _, _, number in self._rows:
            yield "proposal_changes", f"proposal_changes: row {number} was never sealed"
