"""What the ledger remembers at the start of a tick: bounded reads, however long the history."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from bot.domain.ledger import Books, Counters, Drift, Halt, Instruction, Pause
from bot.domain.pacing import count_orders
from bot.domain.sessions import new_york_day
from bot.domain.trip import AUTHOR
from bot.engine.ports import Memory
from bot.store.alarms import with_alarm
from bot.store.database import moment_of, moment_text
from bot.store.drills import read_pass
from bot.store.invariants import read_invariants
from bot.store.pacing import read_rejections, read_remembered
from bot.store.panicking import read_panic
from bot.store.proposals import read_approvals, read_entries
from bot.store.restored import with_restore
from bot.store.rows import CYCLES, LEGS, LOTS, ORDER_SELECT, ROLLS, number_of, orders_of
from bot.store.strategy_books import read_strategies
from bot.store.tripping import read_streak, read_trips

_STATE = (
    "SELECT cash, fees_accrued, equity_previous, nav, nav_peak, positions_json, settled_at, equity_last, flow_session,"
    " session_day"
    " FROM ledger_state WHERE one = 1"
)
_POSITIONS = msgspec.json.Decoder(tuple[tuple[str, Decimal], ...])
_MARKS = msgspec.json.Decoder(tuple[tuple[str, Decimal, datetime], ...])
_EMPTY_STATE = (None, "0", None, "1", "1", "[]", None, None, "0", None)

_WORDS = (
    "SELECT i.contract, i.word, i.at, i.author, h.opened_at FROM"
    " (SELECT symbol, opened_at FROM option_legs WHERE closed_at IS NULL"
    " UNION ALL SELECT symbol, opened_at FROM lots WHERE closed_at IS NULL) h"
    " JOIN instructions i ON i.contract = h.symbol ORDER BY i.id"
)


def read_books(connection: sqlite3.Connection, at: datetime, counters: Counters) -> Books:
    """Read the ledger's facts: everything open, beside what the session day has used."""
    state = connection.execute(_STATE).fetchone() or _EMPTY_STATE
    lots, legs = LOTS.read_open(connection), LEGS.read_open(connection)
    remembered = read_remembered(connection)
    return Books(
        lots=lots,
        legs=legs,
        cycles=CYCLES.read_open(connection),
        rolls=ROLLS.read_open(connection),
        instructions=_instructions(connection) if lots or legs else (),
        pauses=_pauses(connection, at),
        counters=counters,
        drift=read_drift(connection),
        cash=number_of(state[0]),
        fees_accrued=Decimal(state[1]),
        equity_previous=number_of(state[2]),
        nav=Decimal(state[3]),
        nav_peak=Decimal(state[4]),
        last_positions=_POSITIONS.decode(state[5]),
        settled_at=moment_of(state[6]) if state[6] else None,
        equity_last=number_of(state[7]),
        flow_session=Decimal(state[8]),
        session_day=date.fromisoformat(state[9]) if state[9] else None,
        approvals=read_approvals(connection, at),
        entries_sent=read_entries(connection),
        put_entries=remembered.put_entries,
        chains=remembered.chains,
        losses=remembered.losses,
        panic=read_panic(connection),
        strategies=read_strategies(connection),
    )


def read_memory(connection: sqlite3.Connection, at: datetime, session_date: date, window_days: int) -> Memory:
    """Read everything open, and what lies within the activities window.

    The window begins `window_days` before this session day, or before the day of the last settlement if that is
    longer ago, so that nothing booked while the desk was off is missed.
    """
    run = connection.execute
    books = read_books(connection, at, read_counters(connection, session_date))
    last_day = session_date if books.settled_at is None else min(session_date, new_york_day(books.settled_at))
    since = last_day - timedelta(days=window_days)
    orders_since = datetime.combine(since, time(0), UTC)
    slot = run("SELECT last_slot FROM ledger_state WHERE one = 1").fetchone()
    return Memory(
        books=books,
        halt=read_halt(connection),
        own_orders=orders_of(run(f"{ORDER_SELECT} WHERE ended_at IS NULL")),
        recent_orders=orders_of(run(f"{ORDER_SELECT} WHERE ended_at >= ?", (moment_text(orders_since),))),
        seen=frozenset(run("SELECT id, type, symbol FROM activities WHERE day >= ?", (since.isoformat(),))),
        activities_since=since,
        orders_since=orders_since,
        previous_marks=read_marks(connection),
        last_slot=moment_of(slot[0]) if slot and slot[0] else None,
        trips=read_trips(connection),
        losing_chains=read_streak(connection),
        invariants=read_invariants(connection),
        drill=read_pass(connection),
    )


def read_marks(connection: sqlite3.Connection) -> tuple[tuple[str, Decimal, datetime], ...]:
    """Read the last good own marks."""
    row = connection.execute("SELECT marks_json FROM ledger_state WHERE one = 1").fetchone()
    return _MARKS.decode(row[0]) if row else ()


def read_halt(connection: sqlite3.Connection) -> Halt:
    """Read the halt level set last by a person; run when none was ever set. What tripped stands apart."""
    row = connection.execute(
        "SELECT level, author, reason, at, clears FROM halts WHERE author NOT GLOB ? ORDER BY id DESC LIMIT 1",
        (f"{AUTHOR}*",),
    ).fetchone()
    if row is None:
        return with_alarm(connection, with_restore(connection, Halt()))
    level, author, reason, at, clears = row
    halt = Halt(level=level, author=author, reason=reason, since=moment_of(at), clears=clears)
    return with_alarm(connection, with_restore(connection, halt))


def read_drift(connection: sqlite3.Connection) -> tuple[Drift, ...]:
    """Read the differences that stand."""
    rows = connection.execute(
        "SELECT symbol, kind, what, broker, ours, expected_until, since FROM drift WHERE ended_at IS NULL"
    )
    names = tuple(Drift.__struct_fields__)
    return tuple(msgspec.convert(dict(zip(names, row, strict=True)), Drift) for row in rows)


def _instructions(connection: sqlite3.Connection) -> tuple[Instruction, ...]:
    """Give the newest word on each thing held; one said before it was opened is about an earlier position."""
    newest: dict[str, Instruction] = {}
    for contract, word, at, author, opened_at in connection.execute(_WORDS):
        if at >= opened_at:
            newest[contract] = Instruction(contract=contract, word=word, at=moment_of(at), author=author)
    return tuple(newest.values())


def _pauses(connection: sqlite3.Connection, at: datetime) -> tuple[Pause, ...]:
    rows = connection.execute('SELECT symbol, "until", reason FROM pauses WHERE "until" > ?', (moment_text(at),))
    return tuple(Pause(symbol=symbol, until=moment_of(until), reason=reason) for symbol, until, reason in rows)


def read_counters(connection: sqlite3.Connection, session_date: date) -> Counters:
    """Count what a session day has used of its pacing."""
    orders = orders_of(connection.execute(f"{ORDER_SELECT} WHERE session_day = ?", (session_date.isoformat(),)))
    return replace(count_orders(orders), rejections=read_rejections(connection, orders))
