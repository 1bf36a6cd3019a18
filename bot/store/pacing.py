"""What rate, turnover, cooldowns and repetition are counted from: this session's orders, and one small row."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec

from bot.domain.clearing import PANIC_STRATEGY
from bot.domain.errors import RefusalCode
from bot.domain.ledger import Books, ChainSoFar, Loss, Opening, PutEntry, Rejections
from bot.domain.orders import CANCEL_PURPOSES, OwnOrder
from bot.domain.turnover import notional_of
from bot.store.panicking import read_panic
from bot.store.rows import to_json

PASSING = frozenset({RefusalCode.RATE_LIMITED.value, RefusalCode.MARKET_CLOSED.value})
"""Refusals that are about the moment and say nothing of the wish."""

_LAST_REASON = "SELECT reason FROM order_transitions WHERE client_order_id = ? ORDER BY id DESC LIMIT 1"
_ENTRIES = msgspec.json.Decoder(tuple[PutEntry, ...])
_CHAINS = msgspec.json.Decoder(tuple[ChainSoFar, ...])
_LOSSES = msgspec.json.Decoder(tuple[Loss, ...])


class Remembered(NamedTuple):
    """What cooldowns remember."""

    put_entries: tuple[PutEntry, ...] = ()
    chains: tuple[ChainSoFar, ...] = ()
    losses: tuple[Loss, ...] = ()


def openings_of(orders: tuple[OwnOrder, ...]) -> tuple[Opening, ...]:
    """List a session's openings and reprices with the notional filled or still working (wheel 2.22).

    An order that provably never left and a roll's opening leg count for nothing.
    """
    found: dict[str, Opening] = {}
    known = {order.client_order_id: order for order in orders}
    for order in sorted(orders, key=lambda one: one.planned_at):
        if order.state == "not_sent" or not order.opens or order.purpose in CANCEL_PURPOSES:
            continue
        if order.purpose == "roll_open":
            continue
        opened = notional_of(order, order.qty if order.alive else order.filled_qty)
        before, since = known.get(order.replaces), order.planned_at
        if before is not None and order.replaces in found and order.qty <= before.remaining:
            since = found[order.replaces].since
        found[order.client_order_id] = Opening(
            underlying=order.underlying, at=order.planned_at, since=since, puts=opened.puts, shares=opened.shares,
            price=opened.price,
        )  # fmt: skip
    return tuple(found.values())


def round_trips_of(orders: tuple[OwnOrder, ...]) -> tuple[tuple[str, int], ...]:
    """Count a session's round trips by underlying (F14): what opened, filled and was closed again, once for a closing.

    Of one symbol there are no more of them than it was opened, and no more than it was closed; the parts that a
    reprice filled are one opening or one closing with their predecessor's. Rolls count: a series bought back is closed.
    A closing that still works counts as filled (design 6): its fill may have come since these orders were read.
    """
    opened: dict[str, set[str]] = {}
    closed: dict[str, set[str]] = {}
    name_of: dict[str, str] = {}
    began: dict[str, str] = {}
    for order in sorted(orders, key=lambda one: one.planned_at):
        first = began[order.client_order_id] = began.get(order.replaces, order.client_order_id)
        filled = order.filled_qty > 0
        for leg in order.legs:
            name_of[leg.symbol] = order.underlying
            if leg.position_intent.endswith("_to_open"):
                if filled:
                    opened.setdefault(leg.symbol, set()).add(first)
            elif leg.symbol in opened and (filled or order.alive):
                closed.setdefault(leg.symbol, set()).add(first)
    counts: dict[str, int] = {}
    for symbol, ends in closed.items():
        count = min(len(ends), len(opened[symbol]))
        counts[name_of[symbol]] = counts.get(name_of[symbol], 0) + count
    return tuple(sorted(counts.items()))


def read_rejections(connection: sqlite3.Connection, orders: tuple[OwnOrder, ...]) -> tuple[Rejections, ...]:
    """Count a session's definite refusals by wish, each with the newest reason; only what was refused is looked up.

    A panic said again starts anew: its owner has seen why it was refused.
    """
    found: dict[tuple[str, str, str], Rejections] = {}
    panic = read_panic(connection) if any(order.strategy == PANIC_STRATEGY for order in orders) else None
    for order in sorted(orders, key=lambda one: one.planned_at):
        if order.state != "refused" and (order.state, order.status) != ("done", "rejected"):
            continue
        row = connection.execute(_LAST_REASON, (order.client_order_id,)).fetchone()
        reason: str = row[0] if row else ""
        if reason.partition(":")[0] in PASSING:
            continue
        if panic is not None and order.strategy == PANIC_STRATEGY and order.planned_at < panic.at:
            continue
        wish = (order.strategy, order.purpose, order.underlying)
        times = found[wish].count + 1 if wish in found else 1
        found[wish] = Rejections(
            strategy=order.strategy, purpose=order.purpose, underlying=order.underlying, count=times, reason=reason
        )
    return tuple(found.values())


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
