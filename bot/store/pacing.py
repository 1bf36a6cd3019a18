"""What rate, turnover, cooldowns and repetition are counted from: this session's orders, and one small row."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec

from bot.domain.clearing import PANIC_STRATEGY
from bot.domain.ledger import Books, ChainSoFar, Loss, PutEntry, Rejections
from bot.domain.orders import OwnOrder
from bot.domain.pacing import rejections_of
from bot.store.panicking import read_panic
from bot.store.rows import to_json

_LAST_REASON = "SELECT reason FROM order_transitions WHERE client_order_id = ? ORDER BY id DESC LIMIT 1"
_ENTRIES = msgspec.json.Decoder(tuple[PutEntry, ...])
_CHAINS = msgspec.json.Decoder(tuple[ChainSoFar, ...])
_LOSSES = msgspec.json.Decoder(tuple[Loss, ...])


class Remembered(NamedTuple):
    """What cooldowns remember."""

    put_entries: tuple[PutEntry, ...] = ()
    chains: tuple[ChainSoFar, ...] = ()
    losses: tuple[Loss, ...] = ()


def read_rejections(connection: sqlite3.Connection, orders: tuple[OwnOrder, ...]) -> tuple[Rejections, ...]:
    """Count a session's definite refusals by wish; the reason is the newest one its steps name."""

    def reason_of(order: OwnOrder) -> str:
        row = connection.execute(_LAST_REASON, (order.client_order_id,)).fetchone()
        return row[0] if row else ""

    panic = read_panic(connection) if any(order.strategy == PANIC_STRATEGY for order in orders) else None
    return rejections_of(orders, reason_of, panic)


def read_remembered(connection: sqlite3.Connection) -> Remembered:
    """Read what cooldowns remember."""
    row = connection.execute(
        "SELECT put_entries_json, chains_json, losses_json FROM pacing_state WHERE one = 1"
    ).fetchone()
    if row is None:
        return Remembered()
    return Remembered(_ENTRIES.decode(row[0]), _CHAINS.decode(row[1]), _LOSSES.decode(row[2]))


def save_remembered(connection: sqlite3.Connection, before: Books, after: Books) -> None:
    """Write what cooldowns remember, where it changed."""
    facts = (after.put_entries, after.chains, after.losses)
    if facts == (before.put_entries, before.chains, before.losses):
        return
    connection.execute(
        "INSERT OR REPLACE INTO pacing_state (one, put_entries_json, chains_json, losses_json) VALUES (1, ?, ?, ?)",
        tuple(to_json(one).decode() for one in facts),
    )
