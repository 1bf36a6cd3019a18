"""Writing a decision: verdicts, refusals, notes and planned orders of a tick."""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec

from bot.domain.checks import CheckResult
from bot.domain.errors import StoreError
from bot.domain.orders import OrderIntent, OwnOrder, Verdict
from bot.engine.ports import Decision
from bot.store.rows import ORDER_INSERT, legs_text, order_row, text_of, to_json
from bot.store.settling import Moment

_ENCODE = msgspec.msgpack.Encoder(order="deterministic").encode
_DECODER = msgspec.msgpack.Decoder(tuple[Verdict, ...])

_INTENT_INSERT = (
    "INSERT INTO order_intents (id, tick_id, ts, position, strategy, purpose, symbol, underlying, side, qty,"
    " order_type, limit_price, stop_price, trail_percent, legs, reason, approved, refused_by, details_json, cycle,"
    " client_order_id, submitted, alpaca_order_id, status)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, ?)"
)
_REFUSAL_INSERT = (
    'INSERT INTO refusals (tick_id, intent_id, ts, day, strategy, symbol, gate, reason, value, "limit", unit,'
    " distance, nearest, sole) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def encode_verdicts(verdicts: tuple[Verdict, ...]) -> bytes:
    """Give the bytes that are stored and hashed: MessagePack, zlib at its fastest."""
    return zlib.compress(_ENCODE(verdicts), 1)


def decode_verdicts(blob: bytes) -> tuple[Verdict, ...]:
    """Read stored verdicts back, or raise StoreError."""
    try:
        return _DECODER.decode(zlib.decompress(blob))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StoreError(f"stored verdicts cannot be read: {error}") from error


def save_verdicts(connection: sqlite3.Connection, now: Moment, decision: Decision, blob: bytes) -> None:
    """Write verdicts, their refusals one by one, notes and planned orders, inside the caller's transaction."""
    planned: dict[tuple[str, str, str], OwnOrder] = {
        (order.strategy, order.purpose, order.key): order for order in decision.planned
    }
    if decision.verdicts:
        first = (connection.execute("SELECT max(id) FROM order_intents").fetchone()[0] or 0) + 1
        connection.execute("INSERT INTO tick_checks VALUES (?, ?)", (now.tick_id, blob))
        connection.executemany(
            _INTENT_INSERT,
            [
                _intent_row(now, first, position, verdict, decision.dry, planned)
                for position, verdict in enumerate(decision.verdicts)
            ],
        )
        _save_refusals(connection, now, first, decision.verdicts)
    if decision.notes:
        connection.executemany(
            "INSERT INTO notes (tick_id, ts, day, strategy, symbol, subject, reason, value, \"limit\", unit)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    now.tick_id, now.ts, now.day, note.strategy, note.symbol, note.subject, note.reason,
                    text_of(note.value), text_of(note.limit), note.unit,
                )
                for note in decision.notes
            ],
        )  # fmt: skip
    if decision.planned:
        connection.executemany(ORDER_INSERT, [order_row(order, now.tick_id, now.day) for order in decision.planned])
        connection.executemany(
            "INSERT INTO order_transitions (tick_id, client_order_id, at, state_before, state, status,"
            " broker_order_id, filled_qty, filled_avg_price, reason) VALUES (?, ?, ?, '', ?, '', '', NULL, NULL, '')",
            [(now.tick_id, order.client_order_id, now.ts, order.state) for order in decision.planned],
        )


def _intent_row(
    now: Moment,
    first: int,
    position: int,
    verdict: Verdict,
    dry: bool,
    planned: dict[tuple[str, str, str], OwnOrder],
) -> tuple[Any, ...]:
    intent = verdict.intent
    refused_by = ",".join([check.gate for check in verdict.checks if not check.ok])
    approved = bool(verdict.checks) and not refused_by
    order_id: str | None = None
    status: str | None = "dry_run" if approved else "blocked"
    if approved and not dry:
        order = planned.get((intent.strategy, intent.purpose, intent.key))
        order_id = order.client_order_id if order is not None else intent.replaces or None
        status = None if order_id else "error"
    return (
        first + position, now.tick_id, now.ts, position, intent.strategy, intent.purpose, intent.symbol,
        intent.underlying, intent.side, str(intent.qty), intent.order_type, text_of(intent.limit_price),
        text_of(intent.stop_price), text_of(intent.trail_percent), legs_text(intent.legs), intent.reason,
        int(approved), refused_by, _details(intent), intent.cycle, order_id, status,
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


def _save_refusals(connection: sqlite3.Connection, now: Moment, first: int, verdicts: tuple[Verdict, ...]) -> None:
    found: list[tuple[int, OrderIntent, CheckResult, bool]] = []
    for position, verdict in enumerate(verdicts):
        refusing = [check for check in verdict.checks if not check.ok]
        found.extend((position, verdict.intent, check, len(refusing) == 1) for check in refusing)
    if not found:
        return
    nearest = nearest_misses([check for _, _, check, _ in found])
    connection.executemany(
        _REFUSAL_INSERT,
        [
            (
                now.tick_id, first + position, now.ts, now.day, intent.strategy, intent.underlying, check.gate,
                check.reason, text_of(check.value), text_of(check.limit), check.unit, text_of(check.distance),
                int(row in nearest), int(sole),
            )
            for row, (position, intent, check, sole) in enumerate(found)
        ],
    )  # fmt: skip
    counts = Counter((check.gate, intent.underlying) for _, intent, check, _ in found)
    soles = Counter((check.gate, intent.underlying) for _, intent, check, sole in found if sole)
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
