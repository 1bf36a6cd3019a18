"""Writing what a tick judged: one blob before anything is sent, one row each after."""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from bot.domain.checks import CheckResult
from bot.domain.errors import StoreError
from bot.domain.facts import Fact
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.strategy import Note
from bot.store.rows import ORDER_INSERT, legs_text, text_of, to_json
from bot.store.settling import Moment, outcome

_ENCODE = msgspec.msgpack.Encoder(order="deterministic").encode

_INTENT_INSERT = (
    "INSERT INTO order_intents (id, tick_id, ts, position, strategy, purpose, symbol, underlying, side, qty,"
    " order_type, limit_price, stop_price, trail_percent, legs, reason, approved, refused_by, details_json, cycle,"
    " client_order_id, submitted, alpaca_order_id, status)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_REFUSAL_INSERT = (
    'INSERT INTO refusals (tick_id, intent_id, ts, day, strategy, symbol, gate, reason, value, "limit", unit,'
    " distance, nearest, sole) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Judged(Fact, frozen=True, kw_only=True):
    """What one tick judged and passed over, as it is stored."""

    verdicts: tuple[Verdict, ...]
    notes: tuple[Note, ...]


def encode_judged(verdicts: tuple[Verdict, ...], notes: tuple[Note, ...]) -> bytes:
    """Give the bytes that are stored and hashed: MessagePack, zlib at its fastest."""
    return zlib.compress(_ENCODE(Judged(verdicts=verdicts, notes=notes)), 1)


def decode_judged(blob: bytes) -> Judged:
    """Read stored verdicts and notes back, or raise StoreError."""
    try:
        return _decoder().decode(zlib.decompress(blob))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StoreError(f"stored verdicts cannot be read: {error}") from error


@lru_cache(maxsize=1)
def _decoder() -> msgspec.msgpack.Decoder[Judged]:
    return msgspec.msgpack.Decoder(Judged)


def save_planned(
    connection: sqlite3.Connection, orders: list[tuple[Any, ...]], transitions: list[tuple[Any, ...]]
) -> None:
    """Write orders down before they are sent, inside the caller's transaction."""
    connection.executemany(ORDER_INSERT, orders)
    connection.executemany(
        "INSERT INTO order_transitions (tick_id, client_order_id, at, state_before, state, status,"
        " broker_order_id, filled_qty, filled_avg_price, reason) VALUES (?, ?, ?, '', ?, '', '', NULL, NULL, '')",
        transitions,
    )


def explode(connection: sqlite3.Connection, now: Moment, judged: Judged, *, dry: bool) -> None:
    """Write verdicts and notes one row each, with what became of their orders, inside the caller's transaction.

    Nothing here is news: the blob holds it, durable before anything was sent. A tick that died between is
    exploded by the next one.
    """
    run = connection.execute
    if judged.verdicts:
        first = (run("SELECT max(id) FROM order_intents").fetchone()[0] or 0) + 1
        ends = {
            row[:3]: _Made(*row[3:])
            for row in run(
                "SELECT strategy, purpose, key, client_order_id, state, status, broker_order_id FROM orders"
                " WHERE session_day = ? AND tick_id = ?",
                (now.day, now.tick_id),
            )
        }
        for verdict in judged.verdicts:
            intent = verdict.intent
            if intent.action == "cancel" and verdict.approved and not dry:
                old = run(
                    "SELECT client_order_id, state, status, broker_order_id FROM orders WHERE client_order_id = ?",
                    (intent.replaces,),
                ).fetchone()
                if old is not None:
                    ends[intent.strategy, intent.purpose, intent.key] = _Made(*old)
        connection.executemany(
            _INTENT_INSERT,
            [
                _intent_row(now, first + position, position, verdict, dry, ends)
                for position, verdict in enumerate(judged.verdicts)
            ],
        )
        _save_refusals(connection, now, first, judged.verdicts)
    if judged.notes:
        connection.executemany(
            'INSERT INTO notes (tick_id, ts, day, strategy, symbol, subject, reason, value, "limit", unit)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            note_rows(now, judged.notes),
        )


class _Made(NamedTuple):
    """The order an intent became, as it stands."""

    client_order_id: str
    state: str
    status: str
    broker_order_id: str


def _intent_row(
    now: Moment,
    number: int,
    position: int,
    verdict: Verdict,
    dry: bool,
    ends: dict[tuple[str, str, str], _Made],
) -> tuple[Any, ...]:
    intent = verdict.intent
    refused_by = ",".join([check.gate for check in verdict.checks if not check.ok])
    approved = bool(verdict.checks) and not refused_by
    order_id = broker_id = None
    submitted = 0
    status: str | None = "dry_run" if approved else "blocked"
    if approved and not dry:
        made = ends.get((intent.strategy, intent.purpose, intent.key))
        if made is None:
            status = "error"
        else:
            order_id, broker_id = made.client_order_id, made.broker_order_id or None
            submitted, status = outcome(made.state, made.status)
    return (
        number, now.tick_id, now.ts, position, intent.strategy, intent.purpose, intent.symbol,
        intent.underlying, intent.side, str(intent.qty), intent.order_type, text_of(intent.limit_price),
        text_of(intent.stop_price), text_of(intent.trail_percent), legs_text(intent.legs), intent.reason,
        int(approved), refused_by, _details(intent), intent.cycle, order_id, submitted, broker_id, status,
    )  # fmt: skip


def _details(intent: OrderIntent) -> str:
    return to_json(
        {
            "key": intent.key,
            "action": intent.action,
            "time_in_force": intent.time_in_force,
            "step": intent.step,
            "lot": intent.lot,
            "roll": intent.roll,
            "replaces": intent.replaces,
            "high_water_mark": intent.high_water_mark,
            "numbers": dict(intent.numbers),
        }
    ).decode()


def intent_facts(now: Moment, first: int, verdicts: tuple[Verdict, ...], *, dry: bool) -> list[tuple[Any, ...]]:
    """Give the rows of order_intents that verdicts become where no order was made of them; `first` is their number."""
    return [_intent_row(now, first + place, place, verdict, dry, {}) for place, verdict in enumerate(verdicts)]


def refusal_rows(now: Moment, first: int, verdicts: tuple[Verdict, ...]) -> list[tuple[Any, ...]]:
    """Give the rows of refusals that verdicts become; `first` is the number of the first one's intent."""
    found: list[tuple[int, OrderIntent, CheckResult, bool]] = []
    for position, verdict in enumerate(verdicts):
        refusing = [check for check in verdict.checks if not check.ok]
        found.extend((position, verdict.intent, check, len(refusing) == 1) for check in refusing)
    nearest = nearest_misses([check for _, _, check, _ in found])
    return [
        (
            now.tick_id, first + position, now.ts, now.day, intent.strategy, intent.underlying, check.gate,
            check.reason, text_of(check.value), text_of(check.limit), check.unit, text_of(check.distance),
            int(row in nearest), int(sole),
        )
        for row, (position, intent, check, sole) in enumerate(found)
    ]  # fmt: skip


def note_rows(now: Moment, notes: tuple[Note, ...]) -> list[tuple[Any, ...]]:
    """Give the rows that notes become."""
    return [
        (
            now.tick_id, now.ts, now.day, note.strategy, note.symbol, note.subject, note.reason,
            text_of(note.value), text_of(note.limit), note.unit,
        )
        for note in notes
    ]  # fmt: skip


def _save_refusals(connection: sqlite3.Connection, now: Moment, first: int, verdicts: tuple[Verdict, ...]) -> None:
    rows = refusal_rows(now, first, verdicts)
    if not rows:
        return
    connection.executemany(_REFUSAL_INSERT, rows)
    counts = Counter((row[6], row[5]) for row in rows)
    soles = Counter((row[6], row[5]) for row in rows if row[13])
    connection.executemany(
        "INSERT INTO refusals_daily VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, gate, symbol)"
        " DO UPDATE SET count = count + excluded.count, sole = sole + excluded.sole",
        [(now.day, gate, symbol, count, soles[gate, symbol]) for (gate, symbol), count in counts.items()],
    )


def nearest_misses(checks: list[CheckResult]) -> set[int]:
    """Give the places of the smallest miss by gate and unit; the first one where no distance is known."""
    best: dict[tuple[str, str], tuple[Decimal | None, int]] = {}
    for place, check in enumerate(checks):
        miss = None if check.distance is None else abs(check.distance)
        key = (check.gate, check.unit)
        known = best.get(key)
        if known is None or (miss is not None and (known[0] is None or miss < known[0])):
            best[key] = (miss, place)
    return {place for _, place in best.values()}
