"""Taking over what of an account is not ours: what the imported past knows of it, and writing it down as adopted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from bot.domain.instruments import underlying_of
from bot.domain.ledger import Cycle, Lot, OptionLeg
from bot.domain.money import ZERO
from bot.store import chain, kinds
from bot.store.database import moment_text
from bot.store.owner import OwnerLedger
from bot.store.rows import CYCLES, LEGS, LOTS, F, FactTable, to_json

_STALE_KINDS = ("FILL", "OPASN", "OPEXC", "OPEXP", "OPTRD", "DIV", "SPLIT")


class Adoption(NamedTuple):
    """Lots, legs and cycles that become ours, and how much of the past each takes: (kind, key, quantity)."""

    lots: tuple[Lot, ...] = ()
    legs: tuple[OptionLeg, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    taken: tuple[tuple[str, str, Decimal], ...] = ()


class Waiting(NamedTuple):
    """What of the past still waits to be adopted; quantities are what is left of it.

    `parts` is (cycle, key, size) of every lot and leg as it was imported, adopted since or not.
    """

    lots: tuple[Lot, ...] = ()
    legs: tuple[OptionLeg, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    parts: tuple[tuple[str, str, Decimal], ...] = ()


def waiting(connection: sqlite3.Connection) -> Waiting:
    """Read what of the past still waits to be adopted, first in first out, less what was taken already."""
    lots: list[Lot] = []
    legs: list[OptionLeg] = []
    cycles: list[Cycle] = []
    parts: list[tuple[str, str, Decimal]] = []
    for kind, fact_json, taken in connection.execute(
        "SELECT kind, fact_json, taken FROM past_holdings ORDER BY import_id, position"
    ):
        gone = Decimal(taken)
        if kind == LOTS.kind:
            lot = msgspec.json.decode(fact_json, type=Lot)
            parts.append((lot.cycle, lot.id, lot.qty))
            if lot.qty > gone:
                lots.append(replace(lot, qty=lot.qty - gone))
        elif kind == LEGS.kind:
            leg = msgspec.json.decode(fact_json, type=OptionLeg)
            parts.append((leg.cycle, leg.id, abs(leg.qty)))
            left = abs(leg.qty) - gone
            if left > 0:
                fees = leg.fees * left / abs(leg.qty)
                legs.append(replace(leg, qty=left.copy_sign(leg.qty), fees=fees))
        elif gone == ZERO:
            cycles.append(msgspec.json.decode(fact_json, type=Cycle))
    return Waiting(tuple(lots), tuple(legs), tuple(cycles), tuple(parts))


def moved_since(connection: sqlite3.Connection) -> frozenset[str]:
    """Name underlyings on which ticks have booked lines of others since the past was imported: it is out of date."""
    row = connection.execute("SELECT coalesce(tick_id, 0) FROM imports ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return frozenset()
    marks = ", ".join("?" for _ in _STALE_KINDS)
    found = connection.execute(
        "SELECT DISTINCT a.symbol FROM activities a LEFT JOIN fills f ON f.execution_id = a.id"
        f" WHERE a.tick_id > ? AND a.type IN ({marks}) AND (f.execution_id IS NULL OR f.client_order_id = '')",
        (row[0], *_STALE_KINDS),
    )
    return frozenset(underlying_of(symbol) for (symbol,) in found if symbol)


def adopt(ledger: OwnerLedger, adoption: Adoption, at: datetime, author: str) -> None:
    """Make lots, legs and cycles ours in one durable transaction; each with its event in the chain."""
    ts = moment_text(at)
    owners = {lot.owner for lot in adoption.lots} | {leg.owner for leg in adoption.legs}
    assert owners <= {"adopted"}, f"what is adopted says so, this says {', '.join(sorted(owners))}"
    with ledger.database.writing() as connection:
        for kind, key, qty in adoption.taken:
            row = connection.execute(
                "SELECT taken FROM past_holdings WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
            assert row is not None, f"{kind} {key} is not of the past"
            connection.execute(
                "UPDATE past_holdings SET taken = ? WHERE kind = ? AND key = ?",
                (str(Decimal(row[0]) + qty), kind, key),
            )
        past = chain.standing(connection, "past") if adoption.taken else {}
        _write_adopted(connection, LOTS, adoption.lots, ts, author, past)
        _write_adopted(connection, LEGS, adoption.legs, ts, author, past)
        _write_adopted(connection, CYCLES, adoption.cycles, ts, author, past)


def _write_adopted(
    connection: sqlite3.Connection, table: FactTable[F], facts: Iterable[F], ts: str, author: str, past: dict[str, str]
) -> None:
    for fact in facts:
        key: str = fact.id  # type: ignore[attr-defined]
        there = connection.execute(f"SELECT 1 FROM {table.table} WHERE id = ?", (key,)).fetchone()
        table.write(connection, [fact], None)
        connection.execute(
            "INSERT INTO book_changes (tick_id, kind, key, what, fact_json) VALUES (NULL, ?, ?, ?, ?)",
            (table.kind, key, "changed" if there else "opened", to_json(fact).decode()),
        )
        payload = {"kind": table.kind, "fact": msgspec.to_builtins(fact), "author": author, **past}
        chain.append(connection, ts, kinds.ADOPTION, payload)
