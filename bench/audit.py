"""How fast the record is read back, and in how much memory: what `bot audit verify` does.

First the chain alone, a million events of a sealed tick's size; then a simulated year, every table held against what
its seal says.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from bench.desks import TEN, a_desk
from bench.harness import against, bot, finish, line, python, run_process, title

LONG, SHORT = 1_000_000, 10_000
# The kind is one that no table stands beside; the payload is as long as a tick's seal.
KIND, PAYLOAD = "accepted", json.dumps({"filled": "0" * 1700})
_TABLES = (
    "events", "ticks", "snapshots", "tick_checks", "order_intents", "refusals", "notes", "orders", "order_transitions",
    "fills", "activities", "leg_ends", "lot_ends", "book_changes", "position_days", "invariants",
)  # fmt: skip


def write_chain(home: Path, events: int) -> None:
    """Write a ledger with a chain of so many events and nothing beside it."""
    from bot.store.database import LEDGER_NAME, Database

    Database(home, "NORMAL").close()
    connection = sqlite3.connect(home / LEDGER_NAME, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO events (id, ts, kind, payload_json, hash_before, hash) VALUES (?, ?, ?, ?, ?, ?)", _links(events)
    )
    connection.execute("COMMIT")
    connection.close()


def _links(events: int) -> Iterator[tuple[int, str, str, str, str, str]]:
    before, ts = "", "2026-11-18T17:00:00.000000Z"
    for number in range(1, events + 1):
        after = sha256(f"{before}\n{ts}\n{KIND}\n{PAYLOAD}".encode()).hexdigest()
        yield number, ts, KIND, PAYLOAD, before, after
        before = after


def read_back(home: Path) -> None:
    """Verify a home and print how many seconds it took."""
    from bot.store.database import Database
    from bot.store.verifying import find_faults

    connection = Database(home, "NORMAL").connection
    rows = sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES)
    begun = time.perf_counter()
    fault = next(iter(find_faults(connection, home)), None)
    seconds = time.perf_counter() - begun
    if fault is not None:
        raise SystemExit(f"the ledger is not sound: {fault}")
    print(json.dumps({"seconds": seconds, "rows": rows}))


def main() -> None:
    """Measure and print."""
    with a_desk(TEN, "100000") as env:
        title(f"a chain of {LONG:,} events, {len(PAYLOAD):,} bytes each, whole process")
        peaks = {}
        for events in (SHORT, LONG):
            home = env.parent / f"chain-{events}"
            write_chain(home, events)
            run = run_process(python("-m", "bench.audit", str(home)))
            peaks[events], seconds = run.peak_mib, json.loads(run.output)["seconds"]
        line("records per second", f"{LONG / seconds:,.0f}")
        line("peak memory", f"{peaks[LONG]:.0f} MiB")
        reached = [
            against("seconds for a million records", seconds, " s", at_most=10),
            against("peak memory over that of ten thousand", peaks[LONG] / peaks[SHORT], "x", at_most=1.1),
        ]
        title("a simulated year of ten symbols, every table and Snapshot")
        home = env.parent / "year"
        run_process(bot("simulate", "--env", str(env), "--home", str(home), "--until", "2026-11-18", "--json"))
        told = json.loads(run_process(python("-m", "bench.audit", str(home))).output)
        line("rows in the sealed tables", f"{told['rows']:,}")
        line("rows per second", f"{told['rows'] / told['seconds']:,.0f}")
        finish(reached)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        read_back(Path(sys.argv[1]))
    else:
        main()
