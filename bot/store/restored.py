"""A home restored from a backup takes no new risk until one tick has settled it cleanly.

Orders may have left after the backup, and this ledger does not know them: the broker does. The tick recognises them by
their ids. While one that no id proves ours lives, while its position stands as foreign, or while anything drifts,
entering again could do the same thing twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import HALT_RANK, Books, Halt, Lot, OptionLeg
from bot.domain.money import ZERO, plain
from bot.domain.orders import carries_name
from bot.engine.ports import Settlement
from bot.store import chain, kinds
from bot.store.database import Database, moment_of, moment_text

AUTHOR = "restore"
"""Who holds new risk back in a restored home (`Halt.author`)."""
CLEARS = "by itself after one tick that settles cleanly, or a person: `bot resume`"

_FOREIGN = msgspec.json.Decoder(tuple[tuple[str, Decimal], ...])
_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_STANDING = (
    "SELECT id, at, backup, foreign_json, waits_for FROM restores WHERE ended_at IS NULL ORDER BY id DESC LIMIT 1"
)


class Standing(NamedTuple):
    """A restore that no tick has settled cleanly since."""

    number: int
    at: datetime
    backup: str
    foreign: tuple[tuple[str, Decimal], ...]
    waits_for: str


def foreign_of(positions: Iterable[tuple[str, Decimal]], books: Books) -> tuple[tuple[str, Decimal], ...]:
    """Give by symbol what of some positions is neither ours nor adopted, signed; nothing where all is."""
    ours: dict[str, Decimal] = {}
    things: tuple[Lot | OptionLeg, ...] = (*books.lots, *books.legs)
    for thing in things:
        if thing.owner != "foreign":
            ours[thing.symbol] = ours.get(thing.symbol, ZERO) + thing.qty
    left = ((symbol, qty - ours.get(symbol, ZERO)) for symbol, qty in positions)
    return tuple((symbol, qty) for symbol, qty in left if qty)


def mark_restored(database: Database, backup: str, head: str, books: Books, at: datetime) -> str:
    """Write down that this home was restored, in one durable transaction; gives the new head of the chain."""
    ts = moment_text(at)
    foreign = foreign_of(books.last_positions, books)
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO restores (at, backup, head, foreign_json, waits_for, ended_by) VALUES (?, ?, ?, ?, '', '')",
            (ts, backup, head, _ENCODE(foreign).decode()),
        )
        payload = {"backup": backup, "head": head, "foreign": foreign, **chain.standing(connection, "waits")}
        return chain.append(connection, ts, kinds.RESTORE, payload)


def read_standing(connection: sqlite3.Connection) -> Standing | None:
    """Read the restore that stands, or None."""
    row = connection.execute(_STANDING).fetchone()
    if row is None:
        return None
    number, at, backup, foreign, waits_for = row
    return Standing(number, moment_of(at), backup, _FOREIGN.decode(foreign), waits_for)


def with_restore(connection: sqlite3.Connection, halt: Halt) -> Halt:
    """Give the halt in force: a standing restore means no new risk, unless something graver is in force."""
    if HALT_RANK[halt.level] >= HALT_RANK["no_new_risk"]:
        return halt
    standing = read_standing(connection)
    if standing is None:
        return halt
    reason = f"restored from {standing.backup}, and " + (
        f"the newest tick was not clean: {standing.waits_for}" if standing.waits_for else "no tick has settled since"
    )
    return Halt(level="no_new_risk", author=AUTHOR, reason=reason, since=standing.at, clears=CLEARS)


def unclean(settlement: Settlement, desk: str, foreign_before: Iterable[tuple[str, Decimal]]) -> tuple[str, ...]:
    """Say what a settlement after a restore leaves open: drift, orders with our name, more that is foreign."""
    found = [f"{one.symbol} differs from the books ({one.what})" for one in settlement.drift]
    found += [
        f"order {one.client_order_id} works, and this ledger never planned it" for one in _nameless(settlement, desk)
    ]
    before = dict(foreign_before)
    now = foreign_of(((one.position.symbol, one.position.qty) for one in settlement.held), settlement.books)
    drifting = {one.symbol for one in settlement.drift}
    for symbol, qty in now:
        was = before.get(symbol, ZERO)
        if symbol not in drifting and (abs(qty) > abs(was) or qty * was < 0):
            found.append(
                f"{plain(qty)} {symbol} are foreign and were {plain(was)} at the backup (`bot adopt {symbol}` if they "
                "are ours)"
            )
    return tuple(found)


def _nameless(settlement: Settlement, desk: str) -> tuple[BrokerOrder, ...]:
    return tuple(one for one in settlement.foreign_orders if carries_name(desk, one.client_order_id))


def settle_restored(connection: sqlite3.Connection, tick_id: int, ts: str, settlement: Settlement, desk: str) -> None:
    """End a standing restore when a tick settled cleanly, else keep what it waits for; in the caller's transaction."""
    standing = read_standing(connection)
    if standing is None:
        return
    open_things = unclean(settlement, desk, standing.foreign)
    if open_things:
        words = "; ".join(open_things)
        connection.execute("UPDATE restores SET waits_for = ? WHERE id = ?", (words, standing.number))
        return
    _end(connection, standing, ts, f"tick {tick_id}", "it settled cleanly")


def lift_restored(connection: sqlite3.Connection, ts: str, author: str, reason: str) -> None:
    """End a standing restore on a person's word, inside the caller's transaction."""
    standing = read_standing(connection)
    if standing is not None:
        _end(connection, standing, ts, author, reason)


def _end(connection: sqlite3.Connection, standing: Standing, ts: str, by: str, reason: str) -> None:
    connection.execute(
        "UPDATE restores SET ended_at = ?, ended_by = ?, waits_for = '' WHERE id = ?", (ts, by, standing.number)
    )
    payload = {"backup": standing.backup, "ended_by": by, "reason": reason, **chain.standing(connection, "waits")}
    chain.append(connection, ts, kinds.RESTORE, payload)
