"""Proposals in the ledger: numbered while they stand, answered by the owner, used up by the order made of them.

A number never comes to mean worse terms than those it was shown with: the same wish proposed again keeps it at the
same or a better price and for no more contracts, and takes a new one otherwise.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from bot.domain.consent import WishName, covering, covers, same_order, wish_name
from bot.domain.ledger import Proposal
from bot.domain.orders import ENTRY_PURPOSES, OrderIntent, OwnOrder, counts_as_entry
from bot.domain.sessions import new_york_day
from bot.store.database import moment_of, moment_text
from bot.store.rows import to_json

if TYPE_CHECKING:
    from bot.store.settling import Moment

LONGEST = timedelta(days=5)
"""How far back a standing proposal may have been made: a day at most, and a long weekend between two sessions."""
NUMBER_MAX = 2**63 - 1
ProposalStatus = Literal["proposed", "approved", "declined", "sent", "lapsed", "superseded"]

COLUMNS = (
    "number, tick_id, day, strategy, purpose, key, symbol, underlying, intent_json, proposed_at, lapses_at, status,"
    " answered_at, author, client_order_id"
)
"""All columns of a proposal: what its changes are hashed over."""
_FIELDS = "number, intent_json, proposed_at, lapses_at, status, answered_at, author, client_order_id"
_SELECT = f"SELECT {_FIELDS} FROM proposals"
_STANDS = "status IN ('proposed', 'approved') AND lapses_at > ?"
"""What the index of standing proposals is over; ordered by +number, or the whole table is walked in its order."""
OrderStep = tuple[str, str]
"""An order's state and the broker's word for it."""


class ProposalRow(NamedTuple):
    """A proposal as it is kept, with what became of it."""

    proposal: Proposal
    status: ProposalStatus
    client_order_id: str
    answered_at: datetime | None

    def stands(self, at: datetime) -> bool:
        """Say whether it may still be answered or carried out."""
        return self.status in ("proposed", "approved") and self.proposal.lapses_at > at


@lru_cache(maxsize=1)
def _decoder() -> msgspec.json.Decoder[OrderIntent]:
    return msgspec.json.Decoder(OrderIntent)


def _row_of(row: tuple[Any, ...]) -> ProposalRow:
    number, intent, proposed_at, lapses_at, status, answered_at, author, order_id = row
    answered = None if answered_at is None else moment_of(answered_at)
    return ProposalRow(
        Proposal(
            number=number, intent=_decoder().decode(intent), proposed_at=moment_of(proposed_at),
            lapses_at=moment_of(lapses_at), approved_at=answered if status in ("approved", "sent") else None,
            author=author,
        ),
        status, order_id or "", answered,
    )  # fmt: skip


def read_standing(connection: sqlite3.Connection, at: datetime) -> tuple[Proposal, ...]:
    """Read every proposal that stands, by number: those that wait, and those approved and not sent yet."""
    rows = connection.execute(f"{_SELECT} WHERE {_STANDS} ORDER BY +number", (moment_text(at),)).fetchall()
    return tuple(_row_of(row).proposal for row in rows)


def read_approvals(connection: sqlite3.Connection, at: datetime) -> tuple[Proposal, ...]:
    """Read the approvals that stand and were not carried out, by number."""
    rows = connection.execute(
        f"{_SELECT} WHERE status = 'approved' AND {_STANDS} ORDER BY +number", (moment_text(at),)
    ).fetchall()
    return tuple(_row_of(row).proposal for row in rows)


def read_proposal(connection: sqlite3.Connection, number: int) -> ProposalRow | None:
    """Read one proposal by its number; a number no ledger can hold names none."""
    if not 0 < number <= NUMBER_MAX:
        return None
    row = connection.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
    return None if row is None else _row_of(row)


def read_lapsed(connection: sqlite3.Connection, after: datetime, at: datetime) -> tuple[Proposal, ...]:
    """Read what lapsed unanswered between two moments, by number."""
    rows = connection.execute(
        f"{_SELECT} WHERE lapses_at > ? AND lapses_at <= ? AND status IN ('proposed', 'lapsed')"
        " AND answered_at IS NULL ORDER BY number",
        (moment_text(after), moment_text(at)),
    ).fetchall()
    return tuple(_row_of(row).proposal for row in rows)


def save_proposals(
    connection: sqlite3.Connection,
    now: Moment,
    slot: datetime,
    proposals: Iterable[Proposal],
    planned: Iterable[OwnOrder],
    approvals: tuple[Proposal, ...],
) -> tuple[Proposal, ...]:
    """Write a tick's proposals inside the caller's transaction and give all that stand after it.

    A wish whose order this tick carries out is not proposed beside it. One declined today is not proposed again
    that day in the same series.
    """
    lapsed = connection.execute(
        "UPDATE proposals SET status = 'lapsed' WHERE status IN ('proposed', 'approved') AND lapses_at <= ?"
        " RETURNING number",
        (now.ts,),
    )
    _note_changes(connection, now.tick_id, lapsed.fetchall())
    carried: set[WishName] = set()
    for order in planned:
        carried.add(wish_name(order))
        used = covering(approvals, order)
        if used is not None:
            approvals = tuple(one for one in approvals if one is not used)
            link(connection, now.tick_id, order.client_order_id, used.number)
    for proposal in proposals:
        if wish_name(proposal.intent) not in carried:
            _propose(connection, now, slot, proposal)
    return read_standing(connection, now.at)


def link(connection: sqlite3.Connection, tick_id: int, client_order_id: str, number: int) -> None:
    """Name the order that carries an approved proposal out."""
    connection.execute(
        "UPDATE proposals SET client_order_id = ?, status = 'approved' WHERE number = ?", (client_order_id, number)
    )
    _note_changes(connection, tick_id, [(number,)])


def _propose(connection: sqlite3.Connection, now: Moment, slot: datetime, proposal: Proposal) -> None:
    intent, wish = proposal.intent, wish_name(proposal.intent)
    since = (new_york_day(now.at) - LONGEST).isoformat()
    earlier = [
        _row_of(row)
        for row in connection.execute(
            f"{_SELECT} WHERE strategy = ? AND purpose = ? AND key = ? AND day >= ? ORDER BY number", (*wish, since)
        ).fetchall()
    ]
    if any(_declined_today(row, now.at) and same_order(row.proposal.intent, intent) for row in earlier):
        return
    last = earlier[-1] if earlier else None
    lapses_at, intent_json = moment_text(proposal.lapses_at), to_json(intent).decode()
    if last is not None and _goes_on(last, slot) and covers(last.proposal.intent, intent):
        connection.execute(
            "UPDATE proposals SET tick_id = ?, intent_json = ?, lapses_at = ?, status = 'proposed' WHERE number = ?",
            (now.tick_id, intent_json, lapses_at, last.proposal.number),
        )
        _note_changes(connection, now.tick_id, [(last.proposal.number,)])
        return
    _supersede(connection, now.tick_id, wish, "'proposed'")
    made = connection.execute(
        "INSERT INTO proposals (tick_id, day, strategy, purpose, key, symbol, underlying, intent_json, proposed_at,"
        " lapses_at, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'proposed')",
        (
            now.tick_id, now.day, *wish, intent.symbol, intent.underlying, intent_json,
            moment_text(proposal.proposed_at), lapses_at,
        ),
    )  # fmt: skip
    _note_changes(connection, now.tick_id, [(made.lastrowid,)])


def _declined_today(row: ProposalRow, at: datetime) -> bool:
    return (
        row.status == "declined" and row.answered_at is not None and new_york_day(row.answered_at) == new_york_day(at)
    )


def _goes_on(row: ProposalRow, slot: datetime) -> bool:
    """Say whether a proposal stood, unanswered, until the slot of the tick that makes it again."""
    unanswered = row.status in ("proposed", "lapsed") and row.answered_at is None
    return unanswered and row.proposal.lapses_at >= slot


def row_hash(row: Sequence[Any]) -> str:
    """Give the SHA-256 of a proposal's row, its columns in the order of COLUMNS."""
    return sha256(to_json(list(row))).hexdigest()


def _note_changes(connection: sqlite3.Connection, tick_id: int | None, numbers: Iterable[Sequence[Any]]) -> None:
    """Keep what proposals look like after a change, for the seal of the tick or the owner's word."""
    for (number,) in numbers:
        row = connection.execute(f"SELECT {COLUMNS} FROM proposals WHERE number = ?", (number,)).fetchone()
        connection.execute(
            "INSERT INTO proposal_changes (tick_id, number, hash) VALUES (?, ?, ?)", (tick_id, number, row_hash(row))
        )


def _supersede(
    connection: sqlite3.Connection, tick_id: int | None, wish: WishName, statuses: str, but: int = 0
) -> None:
    gone = connection.execute(
        "UPDATE proposals SET status = 'superseded' WHERE strategy = ? AND purpose = ? AND key = ?"
        f" AND status IN ({statuses}) AND number <> ? RETURNING number",
        (*wish, but),
    )
    _note_changes(connection, tick_id, gone.fetchall())


def use_up(connection: sqlite3.Connection, client_order_id: str, wish: WishName, tick_id: int) -> None:
    """Mark the approval behind an order as sent, and what else of its wish stood as superseded.

    Inside the transaction that makes the order `sending`: once it may have left, no word is left to send it again.
    """
    sent = connection.execute(
        "UPDATE proposals SET status = 'sent' WHERE client_order_id = ? AND status = 'approved' RETURNING number",
        (client_order_id,),
    )
    _note_changes(connection, tick_id, sent.fetchall())
    _supersede(connection, tick_id, wish, "'proposed', 'approved'")


def revive(connection: sqlite3.Connection, client_order_id: str, tick_id: int) -> None:
    """Let the approval behind an order that provably never left stand again, for its owner to see and take back."""
    again = connection.execute(
        "UPDATE proposals SET status = 'approved' WHERE client_order_id = ? AND status = 'sent' RETURNING number",
        (client_order_id,),
    )
    _note_changes(connection, tick_id, again.fetchall())


def answer(
    connection: sqlite3.Connection, row: ProposalRow, status: Literal["approved", "declined"], ts: str, author: str
) -> None:
    """Write the owner's word on a proposal; an approval takes the place of any other proposal of its wish."""
    number = row.proposal.number
    connection.execute(
        "UPDATE proposals SET status = ?, answered_at = ?, author = ? WHERE number = ?", (status, ts, author, number)
    )
    _note_changes(connection, None, [(number,)])
    if status == "approved":
        _supersede(connection, None, wish_name(row.proposal.intent), "'proposed', 'approved'", number)


def read_entries(connection: sqlite3.Connection) -> tuple[tuple[str, int], ...]:
    """Read how many entries of each strategy a broker ever took."""
    return tuple(connection.execute("SELECT strategy, count FROM entries_sent ORDER BY strategy").fetchall())


def count_entry(
    connection: sqlite3.Connection, strategy: str, purpose: str, replaces: str, before: OrderStep, after: OrderStep
) -> None:
    """Follow an order's step in the count of entries: it counts once the broker took it and did not reject it after.

    Reprices are no new entries.
    """
    change = counts_as_entry(*after) - counts_as_entry(*before)
    if change and purpose in ENTRY_PURPOSES and not replaces:
        connection.execute(
            "INSERT INTO entries_sent (strategy, count) VALUES (?, ?) ON CONFLICT (strategy)"
            " DO UPDATE SET count = count + excluded.count",
            (strategy, change),
        )
