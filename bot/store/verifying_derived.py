"""What rows say beside their seals: held against the seals, steps and changes that they were written with.

Each check begins with the first seal that covers its kind: what an older program wrote is not judged by it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from bot.store import chain
from bot.store.proposals import COLUMNS, row_hash
from bot.store.rows import CYCLES, LEGS, LOTS, ROLLS, FactTable

Told = tuple[str, str]
_NOTHING = chain.digest([])
_PRICES = (
    "SELECT o.client_order_id, o.tick_id, o.filled_avg_price, o.stop_price, o.high_water_mark, p.client_order_id,"
    " p.filled_avg_price, p.stop_price, p.high_water_mark FROM orders o LEFT JOIN order_prices p ON p.id ="
    " (SELECT id FROM order_prices WHERE client_order_id = o.client_order_id ORDER BY id DESC LIMIT 1)"
)
_PROPOSALS = (
    f"SELECT (SELECT hash FROM proposal_changes c WHERE c.number = p.number ORDER BY id DESC LIMIT 1), {COLUMNS}"
    " FROM proposals p"
)
_SEAL_MOMENTS = (
    "SELECT t.id FROM ticks t JOIN events e ON e.tick_id = t.id AND e.kind IN ('tick', 'died')"
    " WHERE e.ts IS NOT t.finished_at"
)
_OTHER_MOMENTS = (
    (
        "snapshots",
        'SELECT s.tick_id FROM snapshots s LEFT JOIN ticks t ON t.id = s.tick_id WHERE s."at" IS NOT t.ts'
        " OR s.hash IS NOT t.snapshot_hash",
    ),
    ("invariants", 'SELECT i.tick_id FROM invariants i JOIN ticks t ON t.id = i.tick_id WHERE i."at" != t.ts'),
    ("positions", 'SELECT p.tick_id FROM positions p JOIN ticks t ON t.id = p.tick_id WHERE p."at" != t.ts'),
)
_ENDS = {
    "lots": "SELECT at FROM lot_ends WHERE lot_id = ?",
    "option_legs": "SELECT at FROM leg_ends WHERE leg_id = ?",
    "rolls": "SELECT NULL WHERE ? = ''",
}
_COUNTED_UP = (
    "order_transitions", "book_changes", "leg_ends", "lot_ends", "invariants", "order_intents", "refusals", "notes",
    "order_prices", "proposal_changes",
)  # fmt: skip
"""Tables whose rows are numbered as they come: a later tick never has an earlier number."""
_DRIFT = "SELECT id FROM drift WHERE tick_id >= ? AND (ended_at IS NULL) != (ended_tick IS NULL)"


class Derived:
    """What is learned on the walk along the chain, and the checks that need all of it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._since: dict[str, int] = {}
        self._decided = 0

    def sealed(self, tick_id: int, payload: dict[str, Any], *, ended: bool) -> None:
        """Note what a seal covers, and whether its tick decided."""
        for name in ("proposals", "prices", "drift_ended"):
            if name in payload:
                self._since.setdefault(name, tick_id)
        if ended and payload.get("verdicts", _NOTHING) != _NOTHING:
            self._decided = tick_id

    def faults(self, open_tick: int) -> Iterator[Told]:
        """Give every row that says other than what it was written with, as (table, words)."""
        run = self._connection.execute
        yield from self._price_faults()
        yield from self._proposal_faults()
        if "drift_ended" in self._since:
            for (number,) in run(_DRIFT, (self._since["drift_ended"],)):
                yield "drift", f"drift: row {number} ended, and no tick saw its end"
        for (number,) in run(_SEAL_MOMENTS):
            yield "ticks", f"ticks: {number} was finished at another moment than it was sealed"
        for table, query in _OTHER_MOMENTS:
            for (number,) in run(query):
                yield table, f"{table}: a row of tick {number} is not of that tick's moment and making"
        for table in _COUNTED_UP:
            for (number,) in run(
                f"SELECT one.id FROM {table} one JOIN {table} former ON former.id = one.id - 1"
                " WHERE one.tick_id < former.tick_id LIMIT 1"
            ):
                yield table, f"{table}: row {number} stands after rows of later ticks"
        for (number,) in run("SELECT DISTINCT tick_id FROM positions WHERE tick_id != ?", (self._decided,)):
            yield "positions", f"positions: a row is of tick {number}, and tick {self._decided} wrote them last"
        for table_of in (LOTS, LEGS, CYCLES, ROLLS):
            yield from self._end_faults(table_of)

    def _price_faults(self) -> Iterator[Told]:
        """Hold each order's prices against what it was told last."""
        since = self._since.get("prices")
        for key, tick_id, *prices in self._connection.execute(_PRICES):
            named = prices[3] is not None
            if (named and prices[:3] != prices[4:]) or (
                not named and since is not None and tick_id >= since and prices[:3] != [None, None, None]
            ):
                yield "orders", f"orders: the prices of {key} are not what it was told last"

    def _proposal_faults(self) -> Iterator[Told]:
        """Hold each proposal against its last change."""
        since = self._since.get("proposals")
        for told, *row in self._connection.execute(_PROPOSALS):
            if (told is None and since is not None and row[1] >= since) or told not in (None, row_hash(row)):
                yield "proposals", f"proposals: {row[0]} is not what its last change says"
        for (number,) in self._connection.execute(
            "SELECT DISTINCT number FROM proposal_changes WHERE number NOT IN (SELECT number FROM proposals)"
        ):
            yield "proposals", f"proposals: {number} was sealed and is gone"

    def _end_faults(self, table: FactTable[Any]) -> Iterator[Told]:
        """Hold the tick that first saw a thing, and the moment of its end, against its changes."""
        end = "NULL" if table is CYCLES else f"t.{table.names[-1]}"
        query = (
            f"SELECT t.id, t.tick_id, {end}, b.tick_id, b.what, k.ts FROM {table.table} t JOIN book_changes b"
            " ON b.key = t.id AND b.kind = ? LEFT JOIN ticks k ON k.id = b.tick_id ORDER BY t.id, b.id"
        )
        for key, rows in groupby(self._connection.execute(query, (table.kind,)), lambda row: row[0]):
            changes = list(rows)
            first, last = changes[0], changes[-1]
            wrong = first[1] != first[3]
            if not wrong and last[4] == "closed" and table is not CYCLES and last[3] is not None:
                moments = {last[5], *(at for (at,) in self._connection.execute(_ENDS[table.table], (key,)))}
                wrong = last[2] not in moments
            if wrong:
                yield table.table, f"{table.table}: {key} began or ended otherwise than its changes say"
