"""Reading the whole record back: every event hashed again, every sealed table held against what its seal says.

Tables are read in the order of their ticks, beside the chain, so that memory does not grow with the ledger. The
first fault given is the first bad record of the chain; what no single record seals (roll-ups, the owner's words,
rows that stand for many ticks) follows after it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bot.domain.errors import StoreError
from bot.store import chain
from bot.store.kinds import ADOPTION, DIED, IMPORT, RESTORE, TICK, TRIP
from bot.store.snapshots import FOLDER
from bot.store.verifying_checks import ExplodedRows
from bot.store.verifying_derived import Derived
from bot.store.verifying_strategies import KeptStrategies
from bot.store.verifying_sums import sum_faults
from bot.store.verifying_thinned import ThinnedOut, stands_now
from bot.store.verifying_words import Words

_EVENTS = (
    "SELECT id, CAST(ts AS BLOB), CAST(kind AS BLOB), tick_id, CAST(payload_json AS BLOB),"
    " CAST(hash_before AS BLOB), CAST(hash AS BLOB) FROM events ORDER BY id"
)
_SEALS = (TICK.encode(), DIED.encode())
_TICKS = f"SELECT id, snapshot_hash, mode, equity, cash, config_hash, {chain.ROW_COLUMNS} FROM ticks ORDER BY id"
_FACTS = len(chain.SEALED_FACTS)
_UNDERWAY = (
    "SELECT t.id, c.tick_id IS NOT NULL, t.session_day FROM ticks t LEFT JOIN tick_checks c ON c.tick_id = t.id"
    " WHERE t.status = 'started' AND t.id = (SELECT max(id) FROM ticks)"
)
_WRITTEN_BY_DECISIONS = frozenset(chain.STANDING) - {"positions"}
_SESSION_DAY = _FACTS + 7  # its place among chain.ROW_COLUMNS
_TABLES = {
    "state": "ledger_state", "pacing": "pacing_state", "waits": "restores", "past": "past_holdings",
    "strategies": "strategy_books",
}  # fmt: skip
_NO_PROOF = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
})  # fmt: skip
# A disk, a lock or the machine in the way: that says nothing of what is written.
PROGRESS_EVERY = 20_000
Progress = Callable[[int], None]


class Fault(NamedTuple):
    """One thing that is not as it was sealed: the event and tick it stands at (where it has one), the table, words."""

    event: int | None
    tick: int | None
    table: str
    words: str


def find_faults(connection: sqlite3.Connection, home: Path | None, progress: Progress | None = None) -> Iterator[Fault]:
    """Give every fault of a ledger, the first bad record of the chain first; `home` None leaves Snapshot files out.

    One read transaction: a tick that ends meanwhile is not seen by half. What the tick under way (or the one that was
    killed last) has written and not sealed yet is no fault: its seal, or the next tick, covers it. `progress` is told
    events read so far. Raises StoreError where a lock or the disk is in the way, for that proves nothing.
    """
    factory, begun = connection.text_factory, not connection.in_transaction
    connection.text_factory = _text
    if begun:
        connection.execute("BEGIN")
    try:
        yield from _Walk(connection, home).faults(progress)
    except sqlite3.Error as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _NO_PROOF:
            raise StoreError(f"the record could not be read to its end ({error}): nothing is known of it") from error
        yield Fault(None, None, "the file", f"the ledger cannot be read any further: {error}")
    finally:
        connection.text_factory = factory
        if begun and connection.in_transaction:
            connection.execute("ROLLBACK")


def _text(raw: bytes) -> str:
    """Read text that may have been damaged: a broken byte becomes words that no seal covers."""
    return raw.decode("utf-8", "backslashreplace")


class TickRows:
    """The rows of one table, tick after tick; `take` must be called with rising numbers."""

    def __init__(self, connection: sqlite3.Connection, table: str, query: str) -> None:
        self.table = table
        self._cursor = connection.execute(query)
        self._next: Any = self._cursor.fetchone()

    def take(self, tick_id: float, strays: dict[int, int]) -> list[tuple[Any, ...]]:
        """Give a tick's rows without its number; rows of ticks before it that nobody took are counted in `strays`."""
        rows = []
        while self._next is not None and self._next[0] <= tick_id:
            if self._next[0] == tick_id:
                rows.append(self._next[1:])
            else:
                strays[self._next[0]] = strays.get(self._next[0], 0) + 1
            self._next = self._cursor.fetchone()
        return rows


class _Walk:
    """One walk along the chain, with a place kept in each sealed table."""

    def __init__(self, connection: sqlite3.Connection, home: Path | None) -> None:
        self._connection = connection
        self._home = home
        self._ticks = TickRows(connection, "ticks", _TICKS)
        self._sealed = [(one, TickRows(connection, one.table, one.all_ticks())) for one in chain.SEALED_ROWS]
        self._days = TickRows(
            connection, "equity_daily", f"SELECT tick_id, {chain.DAY_COLUMNS} FROM equity_daily ORDER BY tick_id"
        )
        self._exploded = ExplodedRows(connection)
        self._words = Words(connection)
        self._derived = Derived(connection)
        self._kept_books = KeptStrategies(connection)
        self._thinned = ThinnedOut(connection)
        # The newest tick, where it is not sealed yet, and whether it decided: (number, 1 or 0, session day).
        self._open: tuple[int, int, str | None] = connection.execute(_UNDERWAY).fetchone() or (0, 0, None)
        self._standing: dict[str, str] = {}
        self._day: tuple[str, bool] = ("", True)
        self._positions: tuple[str, str] = ("", "")
        self._imports: list[dict[str, Any]] = []
        self._event = 0
        self._within: int | None = None  # the tick that a trip wire's event names: the next one sealed

    def faults(self, progress: Progress | None) -> Iterator[Fault]:
        """Walk to the end, then look at what stands beside the chain."""
        before, expected = b"", 1
        for number, ts, kind, tick_id, payload_json, hash_before, hash_after in self._connection.execute(_EVENTS):
            self._event = number
            if number != expected:
                gone = f"event {expected} is missing" if number > expected else f"event {number} is out of its place"
                yield Fault(expected, None, "events", gone)
            if hash_before != before:
                yield Fault(number, None, "events", f"event {number} does not follow the one before it")
            told = sha256(b"\n".join((hash_before, ts, kind, payload_json))).hexdigest().encode()
            if told != hash_after:
                name = kind.decode("utf-8", "backslashreplace")
                yield Fault(number, None, "events", f"event {number} ({name}) was changed")
            else:
                yield from self._read_faults(ts.decode(), kind, tick_id, payload_json)
            before, expected = hash_after, number + 1
            if progress is not None and not number % PROGRESS_EVERY:
                progress(number)
        self._event = 0
        yield from self._end_faults()

    def _fault(self, tick: int | None, table: str, words: str) -> Fault:
        return Fault(self._event or None, tick, table, words)

    def _read_faults(self, ts: str, kind: bytes, tick_id: Any, payload_json: bytes) -> Iterator[Fault]:
        """Give the faults of an event that is as it was hashed; one rewritten with its hash may hold anything."""
        try:
            yield from self._payload_faults(ts, kind, tick_id, msgspec.json.decode(payload_json))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            words = f"event {self._event} does not hold what its kind says ({type(error).__name__}: {error})"
            yield self._fault(None, "events", words)

    def _payload_faults(self, ts: str, kind: bytes, tick_id: Any, payload: dict[str, Any]) -> Iterator[Fault]:
        sealed = kind in _SEALS
        if kind == TRIP.encode():
            by_a_tick = payload["words"] == payload["trip"]["clears"]
            self._within = tick_id if by_a_tick else None
            if not by_a_tick:  # a person's word lets the peak begin anew
                self._written_over(payload, "state", "trips")
            named = (tick_id is not None) == by_a_tick
        else:
            named = tick_id == (payload["tick"] if sealed else None)
        if not named or (sealed and self._within not in (None, payload["tick"])):
            yield self._fault(payload.get("tick"), "events", f"event {self._event} names another tick than it sealed")
        if sealed:
            self._within = None
            yield from self._tick_faults(payload["tick"], payload, ended=kind == _SEALS[0])
            return
        if kind == IMPORT.encode():
            self._imports.append(payload | {"ts": ts})
            self._written_over(payload, "state", "past")  # one before the first decision begins the books
        elif kind == RESTORE.encode():
            self._written_over(payload, "waits")
        elif kind == ADOPTION.encode():
            self._written_over(payload, *(("past",) if "past" in payload else ()))
        for table, words in self._words.faults_of(kind.decode(), ts, payload):
            yield self._fault(None, table, words)

    def _written_over(self, payload: dict[str, Any], *names: str) -> None:
        """Take how tables stood after a person's word; one that does not say it lets them be until the next seal."""
        for name in names:
            if name in payload:
                self._standing[name] = payload[name]
            else:
                self._standing.pop(name, None)

    def _tick_faults(self, tick_id: int, payload: dict[str, Any], *, ended: bool) -> Iterator[Fault]:
        strays: dict[int, int] = {}
        found = self._ticks.take(tick_id, strays)
        yield from self._stray_faults("ticks", strays)
        row = found[0] if found else None
        blob = b""
        for one, rows in self._sealed:
            strays = {}
            written = rows.take(tick_id, strays)
            yield from self._stray_faults(one.table, strays)
            if one.name == "verdicts" and written:
                blob = written[0][0]
            if payload.get(one.name, "") != chain.digest(written) and one.name in payload:
                words = f"tick {tick_id}: its {one.name.replace('_', ' ')} are not what was sealed"
                yield self._fault(tick_id, one.table, words)
                blob = b"" if one.name == "verdicts" else blob
        told = tuple(payload.get(name) for name in chain.SEALED_FACTS)
        if (
            row is None
            or row[:_FACTS] != told
            or payload.get("row", chain.digest([row[_FACTS:]])) != chain.digest([row[_FACTS:]])
        ):
            yield self._fault(tick_id, "ticks", f"tick {tick_id}: its row is not what was sealed")
        self._derived.sealed(tick_id, payload, ended=ended)
        if row is not None:
            ts, day, mode = row[_FACTS], row[_SESSION_DAY], row[1]
            for table, words in self._exploded.faults_of(tick_id, ts, day, blob, dry=mode == "dry"):
                yield self._fault(tick_id, table, words)
            for table, words in self._kept_books.sealed(day, payload):
                yield self._fault(None, table, words)
            yield from self._standing_faults(tick_id, payload, day, ended=ended)
        if payload.get("snapshot"):
            yield from self._snapshot_faults(tick_id, payload["snapshot"])

    def _stray_faults(self, table: str, strays: dict[int, int]) -> Iterator[Fault]:
        for tick_id, count in strays.items():
            if tick_id != self._open[0]:
                yield self._fault(tick_id, table, f"{table}: {count} row(s) of tick {tick_id}, which no event seals")

    def _standing_faults(
        self, tick_id: int, payload: dict[str, Any], day: str | None, *, ended: bool
    ) -> Iterator[Fault]:
        """Follow what later ticks write over: it must be right where it stopped changing."""
        self._standing |= {name: payload[name] for name in chain.STANDING if name in payload}
        strays: dict[int, int] = {}
        rows = self._days.take(tick_id, strays)
        yield from self._stray_faults("equity_daily", strays)
        sealed = payload.get("day")
        if rows and sealed is not None and chain.digest(rows) != sealed:
            yield self._fault(tick_id, "equity_daily", f"tick {tick_id}: its day's equity is not what was sealed")
        if sealed is None or day is None or sealed == chain.digest([]):
            return
        if day != self._day[0] and not self._day[1]:
            yield self._fault(tick_id, "equity_daily", f"the equity of {self._day[0]} is not that of its last tick")
        self._day = (day, bool(rows))
        if ended and day != self._positions[0] and self._positions[0]:
            yield from self._kept_positions()
        if ended:
            self._positions = (day, payload["positions"])

    def _kept_positions(self) -> Iterator[Fault]:
        day, sealed = self._positions
        rows = self._connection.execute(
            f"SELECT {chain.POSITION_COLUMNS} FROM position_days WHERE day = ? ORDER BY symbol", (day,)
        ).fetchall()
        if chain.digest(rows) != sealed:
            yield self._fault(None, "position_days", f"the positions kept for {day} are not those of its last tick")

    def _snapshot_faults(self, tick_id: int, sealed: str) -> Iterator[Fault]:
        row = self._connection.execute(
            'SELECT hash, month, "offset", length, thinned_at, thinned_by FROM snapshots WHERE tick_id = ?', (tick_id,)
        ).fetchone()
        if row is None:
            yield self._fault(tick_id, "snapshots", f"tick {tick_id}: nothing says where its Snapshot lies")
            return
        known, month, offset, length, *thinned = row
        if known != sealed:
            yield self._fault(tick_id, "snapshots", f"tick {tick_id}: its Snapshot is not what was sealed")
            return
        if thinned != [None, None]:
            unnamed = self._thinned.fault(tick_id, sealed, *thinned)
            if unnamed:
                yield self._fault(tick_id, "snapshots", unnamed)
            return
        if self._home is None:
            return
        try:
            with (self._home / FOLDER / f"{month}.bin").open("rb") as file:
                room = file.seek(0, os.SEEK_END) - file.seek(offset)
                stored = file.read(length) if 0 < length <= room else b""
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError) and stands_now(self._home, tick_id, sealed, month):
                return  # thinned out since this walk began
            why = error.strerror if isinstance(error, OSError) else error
            yield self._fault(tick_id, "snapshots", f"tick {tick_id}: its Snapshot cannot be read ({why})")
            return
        if sha256(stored).hexdigest() != sealed:
            yield self._fault(tick_id, "snapshots", f"tick {tick_id}: its Snapshot is not what was sealed")

    def _end_faults(self) -> Iterator[Fault]:
        """Look at rows after the last seal, at what stands for all ticks, and at everything summed up."""
        for table in (self._ticks, self._days, *(rows for _, rows in self._sealed)):
            strays: dict[int, int] = {}
            table.take(float("inf"), strays)
            yield from self._stray_faults(table.table, strays)
        decided = self._open[1]
        if not self._day[1] and not (decided and self._open[2] == self._day[0]):
            yield Fault(None, None, "equity_daily", f"the equity of {self._day[0]} is not that of its last tick")
        for name, sealed in self._standing.items():
            if decided and name in _WRITTEN_BY_DECISIONS:
                continue
            if chain.standing(self._connection, name)[name] != sealed:
                written_over = _TABLES.get(name, name)
                yield Fault(None, None, written_over, f"{written_over} is not what the newest seal says of it")
        beside = (
            self._exploded.end_faults(), self._words.end_faults(), sum_faults(self._connection),
            self._kept_books.end_faults(),
            self._derived.faults(self._open[0]),
        )  # fmt: skip
        for faults in beside:
            for table_name, words in faults:
                yield Fault(None, None, table_name, words)
        yield from self._import_faults()

    def _import_faults(self) -> Iterator[Fault]:
        """Recompute what each import brought; rows without a tick that none of them wrote are faults too."""
        from bot.store.imported import import_faults, stray_faults

        try:
            for payload in self._imports:
                for words in import_faults(self._connection, payload):
                    yield Fault(None, None, "imports", words)
            sealed = {payload["import"] for payload in self._imports}
            for (number,) in self._connection.execute("SELECT id FROM imports ORDER BY id"):
                if number not in sealed:
                    yield Fault(None, None, "imports", f"imports: row {number} was never sealed")
            for words in stray_faults(self._connection, [payload["import"] for payload in self._imports]):
                yield Fault(None, None, words.partition(":")[0], words)
        except StoreError as error:
            yield Fault(None, None, "imports", str(error))
