"""A ledger with years behind it, made in seconds: real ticks of a month, laid end to end into the past.

    python -m bench.history HOME --ticks 350000 --intents 2000000

A month of real ticks (`bot simulate`) is the pattern; SQLite copies its rows with moments, numbers and names moved
on, whatever columns they have. Nothing is left open, and the state is that of a fresh ledger: the next tick of the
home is its first one, with the years before it in every table that grows. The chain of events holds; what its seals say
of the rows does not, so that this is for counting and measuring, never for `bot audit verify`.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from bench.desks import TEN, a_desk
from bench.harness import bot, line, run_process, title

LEDGER = "ledger.sqlite"
BLOCK_DAYS = 28
"""Whole weeks, so that every copy falls on the same weekdays."""
SESSIONS = 19
"""Of the pattern: what surely ends within a block, holidays or not."""
LEFT_OUT = frozenset({
    "stamp", "configs", "ledger_state", "positions", "trips", "pacing_state", "strategy_books", "strategies",
    "entries_sent", "restores", "panics", "alarms", "past_holdings", "imports", "events", "halts", "drills",
    "board_desk", "board_reached", "board_halt", "board_positions", "board_ahead", "board_settings", "board_strategies",
    "board_weeks", "board_months", "board_symbols",
})  # fmt: skip
"""What stands once, or says how it stands now."""
CLOSED = (
    ("lots", "closed_at", "opened_at"), ("option_legs", "closed_at", "opened_at"), ("cycles", "closed_at", "opened_at"),
    ("rolls", "ended_at", "started_at"), ("orders", "ended_at", "planned_at"), ("drift", "ended_at", "since"),
)  # fmt: skip
"""What may still be open where the pattern ends, and the moment it is closed at."""
NAMES = frozenset({
    "client_order_id", "broker_order_id", "alpaca_order_id", "execution_id", "lot_id", "leg_id", "cycle", "lot", "roll",
    "chain", "replaces", "order_id", "group_id",
})  # fmt: skip
"""Columns that name one thing: each copy names its own."""
NUMBERS = {"tick_id": "ticks", "ended_tick": "ticks", "intent_id": "order_intents", "number": "proposals"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T.*)?")


class Column(NamedTuple):
    """One column of a table, and how it is moved on: as it stands, a moment, a number or a name."""

    name: str
    how: str
    of: str = ""


def write_history(
    target: Path, pattern: Path, until: date, ticks: int, intents: int = 0, block_days: int = BLOCK_DAYS
) -> dict[str, int]:
    """Write so many ticks that end before a day into a fresh ledger; give the rows of each table.

    `target` is a ledger file with its schema and nothing in it, `pattern` one of real ticks. At least `intents`
    intents are written where that is more than the pattern brings.
    """
    with closing(sqlite3.connect(target, isolation_level=None)) as ledger:
        run = ledger.execute
        for words in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -200000"):
            run(f"PRAGMA {words}")
        run("ATTACH ? AS pattern", (str(pattern),))
        each = run("SELECT count(*) FROM pattern.ticks WHERE status = 'done'").fetchone()[0]
        last = date.fromisoformat(run("SELECT max(session_day) FROM pattern.ticks").fetchone()[0])
        tables = {name: columns_of(ledger, name) for name in growing(ledger)}
        copies = -(-ticks // each)
        run("BEGIN")
        for number in range(copies):
            days = (until - last).days - 1 - (copies - 1 - number) * block_days
            for table, columns in tables.items():
                run(copy_of(table, columns, number, days))
        for table, column, since in CLOSED:
            run(f"UPDATE {table} SET {column} = {since} WHERE {column} IS NULL")
        run("UPDATE proposals SET status = 'lapsed' WHERE status = 'waiting'")
        write_chain(ledger, copies)
        more_intents(ledger, intents)
        run("COMMIT")
        run("DETACH pattern")
        run("PRAGMA optimize")
        run("PRAGMA journal_mode = WAL")
        return {name: run(f"SELECT count(*) FROM {name}").fetchone()[0] for name in (*tables, "events")}


def growing(ledger: sqlite3.Connection) -> list[str]:
    """List the tables that grow, each after those it refers to where that matters to nobody: checks are off."""
    rows = ledger.execute("SELECT name FROM pattern.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return sorted(row[0] for row in rows if row[0] not in LEFT_OUT)


def columns_of(ledger: sqlite3.Connection, table: str) -> list[Column]:
    """Say of each column how a copy moves it on, from its name and from what stands in it."""
    found = []
    for _, name, kind, _, _, key in ledger.execute(f"PRAGMA pattern.table_info({table})"):
        quoted = f'"{name}"'
        sample = ledger.execute(
            f"SELECT {quoted} FROM pattern.{table} WHERE {quoted} IS NOT NULL AND {quoted} <> '' LIMIT 1"
        ).fetchone()
        value = sample[0] if sample else None
        if kind == "INTEGER" and (name in NUMBERS or (name == "id" and key)):
            found.append(Column(quoted, "number", NUMBERS.get(name, table)))
        elif isinstance(value, str) and MOMENT.fullmatch(value):
            found.append(Column(quoted, "moment"))
        elif kind == "TEXT" and (name in NAMES or (name == "id" and key)):
            found.append(Column(quoted, "name"))
        else:
            found.append(Column(quoted, "as it stands"))
    return found


def copy_of(table: str, columns: list[Column], number: int, days: int) -> str:
    """Give the statement that writes one copy of a table's rows, moved on by so many days."""
    parts = []
    for one in columns:
        if one.how == "moment":
            parts.append(f"date(substr({one.name}, 1, 10), '{days:+d} days') || substr({one.name}, 11)")
        elif one.how == "name":
            parts.append(f"CASE WHEN {one.name} = '' THEN '' ELSE {one.name} || '~{number}' END")
        elif one.how == "number":
            key = "number" if one.of == "proposals" else "id"
            parts.append(f"{one.name} + {number} * (SELECT COALESCE(max({key}), 0) FROM pattern.{one.of})")
        else:
            parts.append(one.name)
    names = ", ".join(one.name for one in columns)
    return f"INSERT OR IGNORE INTO main.{table} ({names}) SELECT {', '.join(parts)} FROM pattern.{table}"


def write_chain(ledger: sqlite3.Connection, copies: int) -> None:
    """Chain an event to each tick that was written: the hashes are right, the digests in them are the pattern's."""
    from bot.store.chain import event_hash

    words = dict(ledger.execute("SELECT tick_id, payload_json FROM pattern.events WHERE kind = 'tick'"))
    each = ledger.execute("SELECT max(id) FROM pattern.ticks").fetchone()[0]

    def rows() -> Iterator[tuple[str, str, int, str, str, str]]:
        before = ""
        for tick_id, ts in ledger.execute("SELECT id, ts FROM main.ticks ORDER BY id").fetchall():
            payload = words.get((tick_id - 1) % each + 1, "{}")
            after = event_hash(before, ts, "tick", payload)
            yield ts, "tick", tick_id, payload, before, after
            before = after

    ledger.executemany(
        "INSERT INTO main.events (ts, kind, tick_id, payload_json, hash_before, hash) VALUES (?, ?, ?, ?, ?, ?)", rows()
    )


def more_intents(ledger: sqlite3.Connection, wanted: int) -> None:
    """Write intents that every gate refused, beside those that are there, until there are so many."""
    names = [row[1] for row in ledger.execute("PRAGMA main.table_info(order_intents)") if row[1] != "id"]
    changed = {
        "position": "position + 100", "approved": "0", "submitted": "0", "client_order_id": "NULL",
        "alpaca_order_id": "NULL", "status": "'blocked'",
    }  # fmt: skip
    parts = ", ".join(changed.get(name, f'"{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    while (left := wanted - ledger.execute("SELECT count(*) FROM main.order_intents").fetchone()[0]) > 0:
        done = ledger.execute(
            f"INSERT INTO main.order_intents ({listed}) SELECT {parts} FROM main.order_intents LIMIT {left}"
        )
        if not done.rowcount:
            return


def pattern_month(folder: Path, until: date, *, sessions: int = SESSIONS) -> Path:
    """Make the month of real ticks that a history repeats, and give its ledger."""
    with a_desk(TEN, "100000") as env:
        home = folder / "pattern"
        words = ("--days", str(sessions), "--until", until.isoformat())
        run_process(bot("simulate", "--env", str(env), "--home", str(home), *words))
    return home / LEDGER


def fresh_ledger(home: Path) -> Path:
    """Make a home with an empty ledger of today's schema, and give the file."""
    from bot.store.journal import LedgerJournal

    home.mkdir(parents=True, exist_ok=True)
    LedgerJournal(home, "main").close()
    return home / LEDGER


def main() -> None:
    """Write a history as long as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a folder without a ledger")
    parser.add_argument("--ticks", type=int, default=65_520, help="ten years are 65,520")
    parser.add_argument("--intents", type=int, default=0, help="at least so many")
    parser.add_argument("--until", type=date.fromisoformat, default=datetime.now(UTC).date(), help="the day after it")
    given = parser.parse_args()
    if (given.home / LEDGER).exists():
        raise SystemExit(f"{given.home} has a ledger already: name another folder")
    title(f"a history of {given.ticks:,} ticks in {given.home}")
    begun = perf_counter()
    with TemporaryDirectory(dir=given.home.parent) as folder:
        pattern = pattern_month(Path(folder), date(2026, 11, 18))
        line("pattern, real ticks", f"{perf_counter() - begun:.1f} s")
        begun = perf_counter()
        counts = write_history(fresh_ledger(given.home), pattern, given.until, given.ticks, given.intents)
    line("history", f"{perf_counter() - begun:.1f} s")
    for table, count in counts.items():
        line(table, f"{count:,}")
    line("ledger, bytes", f"{(given.home / LEDGER).stat().st_size:,}")


if __name__ == "__main__":
    main()
