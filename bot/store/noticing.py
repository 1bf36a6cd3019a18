"""What of the ledger is worth telling, read from where the last reading ended: bounded, and by index alone."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from bot.domain.ledger import Cycle
from bot.domain.money import ZERO
from bot.domain.noticed import (
    Blocked,
    ClosedTurn,
    EndedOrder,
    Noticed,
    SeenDrift,
    SeenEnd,
    SeenEvent,
    SeenFill,
    SeenGap,
    SeenIncome,
    SeenTick,
)
from bot.domain.orders import ENTRY_PURPOSES, LIVE_STATES
from bot.store import kinds
from bot.store.alarms import standing_alarm
from bot.store.database import moment_of, moment_text
from bot.store.invariants import read_invariants
from bot.store.proposals import read_standing
from bot.store.tripping import read_trips

ROWS = 2_000
"""Rows of each table that one reading takes at most; the next one goes on from there."""
BACK = timedelta(hours=24)
"""How far back the first reading of a ledger goes: a home with years behind it tells its last day."""
SEALS = frozenset({kinds.TICK, kinds.DIED})
EVENTS, REFUSALS, GAPS = "alerts.events", "alerts.refusals", "alerts.gaps"

_FILLS = (
    "SELECT tick_id, client_order_id, symbol, side, qty, price, at, strategy, purpose FROM fills"
    " WHERE tick_id BETWEEN ? AND ? AND client_order_id != '' ORDER BY tick_id, at, execution_id"
)
_ORDERS = (
    "SELECT t.tick_id, t.at, t.client_order_id, o.strategy, o.purpose, o.underlying, o.legs, o.qty, o.filled_qty,"
    " t.state, t.status, t.reason, EXISTS (SELECT 1 FROM order_transitions p"
    "   WHERE p.client_order_id = t.client_order_id AND p.id < t.id AND p.status = 'pending_cancel')"
    " FROM order_transitions t JOIN orders o ON o.client_order_id = t.client_order_id"
    " WHERE t.tick_id BETWEEN ? AND ? AND t.state IN ('done', 'refused') ORDER BY t.id"
)
_LEG_ENDS = (
    "SELECT tick_id, 'leg' || id, at, symbol, qty, how, income FROM leg_ends WHERE tick_id BETWEEN ? AND ?"
    " AND how IN ('assigned', 'exercised', 'expired') ORDER BY id"
)
_LOT_ENDS = (
    "SELECT tick_id, 'lot' || id, at, symbol, qty, how, income FROM lot_ends WHERE tick_id BETWEEN ? AND ?"
    " AND how = 'called_away' ORDER BY id"
)
_TURNS = (
    "SELECT tick_id, fact_json FROM book_changes WHERE tick_id BETWEEN ? AND ? AND kind = 'cycle' AND what = 'closed'"
    " ORDER BY id"
)
_INCOME = (
    "SELECT tick_id, id || type || symbol, type, symbol, at, net_amount FROM activities"
    " WHERE tick_id BETWEEN ? AND ? AND type IN ('DIV', 'INT') ORDER BY at, id"
)
_DRIFT = "SELECT tick_id, symbol, what, since FROM drift WHERE tick_id BETWEEN ? AND ? AND kind = 'unexplained'"
_DRIFT_GONE = (
    "SELECT ended_tick, symbol, what, ended_at FROM drift d WHERE ended_tick BETWEEN ? AND ? AND kind = 'unexplained'"
    " AND NOT EXISTS (SELECT 1 FROM drift n WHERE n.tick_id = d.ended_tick AND n.symbol = d.symbol)"
)
_REFUSALS = (
    "SELECT r.id, r.day, r.gate, r.ts, r.tick_id, r.strategy, r.symbol, r.reason, i.purpose"
    " FROM refusals r JOIN order_intents i ON i.id = r.intent_id WHERE r.id > ? ORDER BY r.id LIMIT ?"
)
_GAPS = "SELECT id, tick_id, day, first_slot, last_slot, slots FROM board_gaps WHERE id > ? ORDER BY id LIMIT ?"


class Reading(NamedTuple):
    """What was found, how far each reader has come with it, and whether there is more."""

    noticed: Noticed
    reached: tuple[tuple[str, int], ...]
    more: bool


def read_facts(connection: sqlite3.Connection, now: datetime, rows: int = ROWS) -> Reading:
    """Read what happened since the last reading, and how it stands; writes nothing.

    The chain says which ticks were sealed since: one that is at work is told when it has ended.
    """
    run = connection.execute
    start = _start(connection, now)
    events = run(
        "SELECT id, ts, kind, tick_id, payload_json FROM events WHERE id > ? ORDER BY id LIMIT ?", (start[EVENTS], rows)
    ).fetchall()
    sealed = [row[3] for row in events if row[2] in SEALS]
    span = (min(sealed), max(sealed)) if sealed else (0, -1)
    refused = run(_REFUSALS, (start[REFUSALS], rows)).fetchall()
    gaps = run(_GAPS, (start[GAPS], rows)).fetchall()
    noticed = _standing(connection, now)
    if sealed:
        noticed = msgspec.structs.replace(noticed, **_of_ticks(connection, span))
    noticed = msgspec.structs.replace(
        noticed, events=tuple(_event(row) for row in events if row[2] not in SEALS), blocked=_blocked(refused),
        gaps=tuple(
            SeenGap(number=number, tick_id=tick_id, day=date.fromisoformat(day), first=moment_of(first),
                    last=moment_of(last), slots=slots)
            for number, tick_id, day, first, last, slots in gaps
        ),
    )  # fmt: skip
    ends = {EVENTS: events, REFUSALS: refused, GAPS: gaps}
    reached = tuple((reader, found[-1][0] if found else start[reader]) for reader, found in ends.items())
    return Reading(noticed, reached, any(len(found) == rows for found in ends.values()))


def save_reached(connection: sqlite3.Connection, reached: tuple[tuple[str, int], ...]) -> None:
    """Keep how far each reader has come, inside the caller's transaction."""
    connection.executemany(
        "INSERT INTO reached (reader, number) VALUES (?, ?) ON CONFLICT (reader) DO UPDATE SET number = excluded.number"
        " WHERE number != excluded.number",
        reached,
    )


def _start(connection: sqlite3.Connection, now: datetime) -> dict[str, int]:
    """Give where each reader goes on; the first reading begins a day ago."""
    run = connection.execute
    known = dict(run("SELECT reader, number FROM reached WHERE reader LIKE 'alerts.%'").fetchall())
    if len(known) == 3:
        return known
    since = moment_text(now - BACK)
    begin = {
        EVENTS: run("SELECT id FROM events WHERE ts < ? ORDER BY id DESC LIMIT 1", (since,)).fetchone(),
        REFUSALS: run("SELECT id FROM refusals WHERE ts < ? ORDER BY id DESC LIMIT 1", (since,)).fetchone(),
        GAPS: run("SELECT id FROM board_gaps WHERE last_slot < ? ORDER BY id DESC LIMIT 1", (since,)).fetchone(),
    }
    return {reader: 0 if row is None else row[0] for reader, row in begin.items()} | known


def _standing(connection: sqlite3.Connection, now: datetime) -> Noticed:
    """Read how it stands: what lasts, the newest invariants and trip wires, what waits for the owner's word."""
    run = connection.execute
    newest = run("SELECT id, ts FROM ticks WHERE status != 'started' ORDER BY id DESC LIMIT 1").fetchone()
    return Noticed(
        at=now,
        open=frozenset(key for (key,) in run('SELECT "key" FROM alerts WHERE ended_at IS NULL')),
        invariants=read_invariants(connection),
        trips=read_trips(connection),
        proposals=tuple(one for one in read_standing(connection, now) if one.approved_at is None),
        alarm=standing_alarm(connection) is not None,
        newest_tick=None if newest is None else (newest[0], moment_of(newest[1])),
    )


def _of_ticks(connection: sqlite3.Connection, span: tuple[int, int]) -> dict[str, object]:
    """Read what ticks brought, from the first to the last of a span; each question by the tick's index."""
    run = connection.execute
    ticks = run(
        "SELECT id, ts, slot, status, note, errors_json FROM ticks WHERE id BETWEEN ? AND ? ORDER BY id", span
    ).fetchall()
    ends = [*run(_LEG_ENDS, span), *run(_LOT_ENDS, span)]
    return {
        "ticks": tuple(
            SeenTick(tick_id=tick_id, at=moment_of(ts), slot=moment_of(slot), status=status, note=note,
                     errors=tuple(msgspec.json.decode(errors or b"[]")))
            for tick_id, ts, slot, status, note, errors in ticks
        ),
        "fills": _fills(connection, span),
        "orders": tuple(_order(row) for row in run(_ORDERS, span)),
        "ends": tuple(
            SeenEnd(tick_id=tick_id, key=key, at=moment_of(at), symbol=symbol, qty=Decimal(qty), how=how,
                    income=Decimal(income))
            for tick_id, key, at, symbol, qty, how, income in ends
        ),
        "turns": tuple(_turn(*row) for row in run(_TURNS, span)),
        "income": tuple(
            SeenIncome(tick_id=tick_id, key=key, kind=kind, symbol=symbol, at=moment_of(at),
                       amount=Decimal(amount or 0))
            for tick_id, key, kind, symbol, at, amount in run(_INCOME, span)
        ),
        "drift": tuple(
            SeenDrift(tick_id=tick_id, symbol=symbol, what=what, at=moment_of(at or ticks[-1][1]), gone=gone)
            for gone, query in ((True, _DRIFT_GONE), (False, _DRIFT))
            for tick_id, symbol, what, at in run(query, span)
        ),
    }  # fmt: skip


def _event(row: tuple[int, str, str, int | None, str]) -> SeenEvent:
    number, ts, kind, _, payload = row
    return SeenEvent(number=number, at=moment_of(ts), kind=kind, facts=msgspec.json.decode(payload))


def _fills(connection: sqlite3.Connection, span: tuple[int, int]) -> tuple[SeenFill, ...]:
    """Read fills of our own orders: those of one order's leg in one tick are one, at their mean price."""
    found: dict[tuple[int, str, str, str], SeenFill] = {}
    for tick_id, order, symbol, side, qty, price, at, strategy, purpose in connection.execute(_FILLS, span):
        key, more, each = (tick_id, order, symbol, side), Decimal(qty), Decimal(price)
        before = found.get(key)
        had, paid = (ZERO, ZERO) if before is None else (before.qty, before.qty * before.price)
        found[key] = SeenFill(
            tick_id=tick_id, order=order, symbol=symbol, side=side, qty=had + more,
            price=(paid + more * each) / (had + more), at=moment_of(at), strategy=strategy, purpose=purpose,
        )  # fmt: skip
    return tuple(found.values())


def _order(row: tuple[int, str, str, str, str, str, str, str, str, str, str, str, int]) -> EndedOrder:
    tick_id, at, order, strategy, purpose, underlying, legs, qty, filled, state, status, reason, asked = row
    named = [leg["symbol"] for leg in msgspec.json.decode(legs)]
    assert state not in LIVE_STATES, f"order {order} is {state}: it may still fill"
    return EndedOrder(
        tick_id=tick_id, at=moment_of(at), order=order, strategy=strategy, purpose=purpose,
        what=named[0] if len(named) == 1 else underlying, qty=Decimal(qty), filled_qty=Decimal(filled), state=state,
        status=status, reason=reason, asked=bool(asked),
    )  # fmt: skip


def _turn(tick_id: int, fact: str) -> ClosedTurn:
    cycle = msgspec.json.decode(fact, type=Cycle)
    assert cycle.closed_at is not None, f"cycle {cycle.id} is written as closed and does not say when"
    return ClosedTurn(
        tick_id=tick_id, id=cycle.id, symbol=cycle.symbol, strategy=cycle.strategy, opened_at=cycle.opened_at,
        closed_at=cycle.closed_at, pnl=cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees,
        assignments=cycle.assignments,
    )  # fmt: skip


def _blocked(rows: list[tuple[int, str, str, str, int, str, str, str, str]]) -> tuple[Blocked, ...]:
    """Fold refusals by day, gate and whether they kept something from being opened."""
    found: dict[tuple[str, str, bool], Blocked] = {}
    for _, day, gate, ts, tick_id, strategy, symbol, reason, purpose in rows:
        key = (day, gate, purpose in ENTRY_PURPOSES or purpose == "roll_open")
        before = found.get(key)
        found[key] = Blocked(
            day=day, gate=gate, opens=key[2], count=1 if before is None else before.count + 1, at=moment_of(ts),
            tick_id=tick_id, strategy=strategy, symbol=symbol, reason=reason,
        )  # fmt: skip
    return tuple(found.values())
