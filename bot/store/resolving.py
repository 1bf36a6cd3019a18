"""A person's word on an order that left without a proven answer (design 11): kept, chained, and told in its steps."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any, Literal, NamedTuple

from bot.domain.errors import UsageError
from bot.domain.orders import UNRESOLVED_STATES
from bot.store import chain, kinds
from bot.store.database import Database, moment_text
from bot.store.proposals import count_entry
from bot.store.settling import follow_order

OrderWord = Literal["never_arrived", "at_broker"]
WORD_COLUMNS = (
    "at", "author", "client_order_id", "word", "reason", "state_before", "state", "status", "broker_order_id",
    "after_step",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO order_words ({', '.join(WORD_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in WORD_COLUMNS)})"
)
_ORDER = (
    "SELECT state, status, strategy, purpose, replaces,"
    " (SELECT coalesce(max(id), 0) FROM order_transitions t WHERE t.client_order_id = o.client_order_id)"
    " FROM orders o WHERE client_order_id = ?"
)


class Said(NamedTuple):
    """What a person says of an order: that it never arrived, or under which id and in which status a broker has it."""

    word: OrderWord
    author: str
    reason: str
    broker_order_id: str = ""
    status: str = ""


class Step(NamedTuple):
    """A person's word as one of an order's steps; it comes after the transition of that number."""

    after_step: int
    state: str
    status: str
    broker_order_id: str
    at: str


def resolve_order(database: Database, client_order_id: str, said: Said, at: datetime) -> None:
    """End what is unproved of an order by a person's word, with its event, in one durable transaction.

    What never arrived is `not_sent`, and an approval behind it stays used up: the wish is proposed anew. What the
    broker has is `working`, and the next tick takes its fills from there. Raises UsageError where the order is not
    unresolved any more.
    """
    ts = moment_text(at)
    with database.writing() as connection:
        row = connection.execute(_ORDER, (client_order_id,)).fetchone()
        if row is None or row[0] not in UNRESOLVED_STATES:
            raise UsageError(f"order {client_order_id} is {'not known' if row is None else row[0]}: nothing to resolve")
        state_before, status_before, strategy, purpose, replaces, after_step = row
        never = said.word == "never_arrived"
        state = "not_sent" if never else "working"
        facts: dict[str, Any] = {
            "at": ts, "author": said.author, "client_order_id": client_order_id, "word": said.word,
            "reason": said.reason, "state_before": state_before, "state": state,
            "status": "" if never else said.status, "broker_order_id": "" if never else said.broker_order_id,
            "after_step": after_step,
        }  # fmt: skip
        count_entry(
            connection, strategy, purpose, replaces, (state_before, status_before), (state, facts["status"])
        )  # fmt: skip
        connection.execute(
            "UPDATE orders SET state = ?, status = ?, broker_order_id = ?, ended_at = ? WHERE client_order_id = ?",
            (state, facts["status"], facts["broker_order_id"], ts if never else None, client_order_id),
        )
        follow_order(connection, client_order_id, state, facts["status"], facts["broker_order_id"])
        connection.execute(_INSERT, facts)
        chain.append(connection, ts, kinds.RESOLUTION, facts)


def words_by_order(connection: sqlite3.Connection) -> dict[str, list[Step]]:
    """Read every word as a step of its order; they are few, and a person typed each."""
    found: dict[str, list[Step]] = {}
    for name, *step in connection.execute(
        "SELECT client_order_id, after_step, state, status, broker_order_id, at FROM order_words ORDER BY id"
    ):
        found.setdefault(name, []).append(Step(*step))
    return found


def knows_broker_id(connection: sqlite3.Connection, broker_order_id: str) -> bool:
    """Say whether an id of the broker's belongs to an order of ours, or to a leg of one that filled."""
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM orders WHERE broker_order_id = ?1)"
        " OR EXISTS (SELECT 1 FROM fills WHERE broker_order_id = ?1 AND client_order_id != '')",
        (broker_order_id,),
    ).fetchone()
    return bool(broker_order_id) and bool(row[0])
