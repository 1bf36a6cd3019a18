"""What an import wrote, as its sealed bytes say, and whether the tables still say the same."""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from bot.domain.errors import StoreError
from bot.domain.facts import Fact
from bot.domain.holdings import Activity
from bot.domain.ledger import Cycle, Lot, OptionLeg
from bot.engine.ports import Fill, LegEnd, LotEnd
from bot.store.database import moment_text
from bot.store.rows import (
    ACTIVITY_COLUMNS,
    CYCLES,
    FILL_COLUMNS,
    LEG_END_COLUMNS,
    LEGS,
    LOT_END_COLUMNS,
    LOTS,
    F,
    FactTable,
    activity_row,
    fill_row,
    leg_end_row,
    lot_end_row,
)

_ENCODE = msgspec.msgpack.Encoder(order="deterministic").encode
Row = tuple[Any, ...]


class Past(Fact, frozen=True, kw_only=True):
    """A rebuilt past: what ended, and what of it is still open.

    `ended_lots` and `ended_legs` are the last form of each lot and leg that anything left, `cycles` the closed ones.
    `open_*` wait to be adopted, first in first out. `gaps` are (symbol, what, what to do).
    """

    activities: tuple[Activity, ...] = ()
    fills: tuple[Fill, ...] = ()
    leg_ends: tuple[LegEnd, ...] = ()
    lot_ends: tuple[LotEnd, ...] = ()
    ended_lots: tuple[Lot, ...] = ()
    ended_legs: tuple[OptionLeg, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    open_lots: tuple[Lot, ...] = ()
    open_legs: tuple[OptionLeg, ...] = ()
    open_cycles: tuple[Cycle, ...] = ()
    gaps: tuple[tuple[str, str, str], ...] = ()


class Holding(NamedTuple):
    """What of the past is still open, with how much of it was adopted since."""

    kind: str
    key: str
    symbol: str
    underlying: str
    fact_json: str
    taken: str


def encode_past(past: Past) -> bytes:
    """Give the bytes that are stored and hashed: MessagePack, zlib."""
    return zlib.compress(_ENCODE(past), 6)


def decode_past(blob: bytes) -> Past:
    """Read stored bytes back, or raise StoreError."""
    try:
        return _decoder().decode(zlib.decompress(blob))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StoreError(f"a stored import cannot be read: {error}") from error


@lru_cache(maxsize=1)
def _decoder() -> msgspec.msgpack.Decoder[Past]:
    return msgspec.msgpack.Decoder(Past)


def last_ends(past: Past) -> tuple[dict[str, str], dict[str, str]]:
    """Give the moment at which the last share or contract of each ended lot and leg left, as text."""
    lots: dict[str, str] = {}
    legs: dict[str, str] = {}
    for sale in past.lot_ends:
        lots[sale.lot.id] = max(lots.get(sale.lot.id, ""), moment_text(sale.at))
    for end in past.leg_ends:
        legs[end.leg.id] = max(legs.get(end.leg.id, ""), moment_text(end.at))
    return lots, legs


def import_faults(connection: sqlite3.Connection, payload: dict[str, Any]) -> Iterator[str]:
    """Give each way in which an import's row, or the facts it wrote, are not what its event says (with its `ts`)."""
    number, to_json = payload["import"], msgspec.json.Encoder(order="deterministic").encode
    row = connection.execute(
        "SELECT blob, gaps_json, at, author, lines, tick_id, first_day, last_day FROM imports WHERE id = ?", (number,)
    ).fetchone()
    if row is None or sha256(row[0]).hexdigest() != payload["blob"]:
        yield f"import {number}: what it brought is not what was sealed"
        return
    past = decode_past(row[0])
    told = (to_json(past.gaps).decode(), payload["ts"], payload["author"], payload["lines"])
    days = (payload["tick"], *payload["days"]) if "days" in payload else row[5:]
    if row[1:] != (*told, *days):
        yield f"import {number}: its row is not what was sealed"
    lots, legs = last_ends(past)
    yield from _fact_faults(connection, number, LOTS, past.ended_lots, lots)
    yield from _fact_faults(connection, number, LEGS, past.ended_legs, legs)
    yield from _fact_faults(connection, number, CYCLES, past.cycles, {})
    for cycle in past.cycles:
        pnl = str(cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees)
        if connection.execute("SELECT pnl FROM cycles WHERE id = ?", (cycle.id,)).fetchone() != (pnl,):
            yield f"import {number}: the result of cycle {cycle.id} is not what was imported"
    held = {
        (kind, key): fact
        for kind, key, fact in connection.execute(
            "SELECT kind, key, fact_json FROM past_holdings WHERE import_id = ?", (number,)
        )
    }
    for one in holdings_of(past):
        if held.get((one.kind, one.key), one.fact_json) != one.fact_json:
            yield f"import {number}: the open {one.kind} {one.key} was changed"


def _fact_faults(
    connection: sqlite3.Connection, number: int, table: FactTable[F], facts: Iterable[F], ends: dict[str, str]
) -> Iterator[str]:
    query = f"SELECT {', '.join(table.columns)} FROM {table.table} WHERE id = ?"
    for fact in facts:
        key: str = fact.id  # type: ignore[attr-defined]
        row = connection.execute(query, (key,)).fetchone()
        wanted = table.row(fact, None, ends.get(key))
        if row is None or row != tuple(wanted[name] for name in table.names):
            yield f"import {number}: {table.kind} {key} is not what was imported"


def stray_faults(connection: sqlite3.Connection, numbers: Iterable[int]) -> Iterator[str]:
    """Give each line, fill or end without a tick that no import wrote, or that is not as one wrote it."""
    try:
        pasts = [
            decode_past(blob)
            for number in numbers
            for (blob,) in connection.execute("SELECT blob FROM imports WHERE id = ?", (number,))
        ]
    except StoreError:  # what cannot be read is a fault that `import_faults` has told
        return
    checked: tuple[tuple[str, tuple[str, ...], Callable[[Past], list[Row]]], ...] = (
        ("activities", ACTIVITY_COLUMNS, lambda past: [activity_row(one, None) for one in past.activities]),
        ("fills", FILL_COLUMNS, lambda past: [fill_row(one, None) for one in past.fills]),
        ("leg_ends", LEG_END_COLUMNS, lambda past: [leg_end_row(one, None) for one in past.leg_ends]),
        ("lot_ends", LOT_END_COLUMNS, lambda past: [lot_end_row(one, None) for one in past.lot_ends]),
        ("book_changes", ("kind", "key", "what", "fact_json"), _closed),
    )
    for table, columns, rows_of in checked:
        wanted = Counter(row for past in pasts for row in rows_of(past))
        also = " AND what = 'closed'" if table == "book_changes" else ""  # what was adopted has events of its own
        found = Counter(connection.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE tick_id IS NULL{also}"))
        for row, count in ((wanted - found) + (found - wanted)).items():
            yield f"{table}: {count} imported row(s) differ from what was sealed, near {row[0] or row[1]}"


def _closed(past: Past) -> list[Row]:
    """List the changes by which an import kept what was over, as it wrote them."""
    to_json = msgspec.json.Encoder(order="deterministic").encode
    facts: tuple[tuple[str, tuple[Lot | OptionLeg | Cycle, ...]], ...] = (
        (LOTS.kind, past.ended_lots), (LEGS.kind, past.ended_legs), (CYCLES.kind, past.cycles),
    )  # fmt: skip
    return [(kind, one.id, "closed", to_json(one).decode()) for kind, listed in facts for one in listed]


def holdings_of(past: Past) -> list[Holding]:
    """List what is open of a past as rows, in the order it came."""
    to_json = msgspec.json.Encoder(order="deterministic").encode
    rows = [
        Holding(LOTS.kind, lot.id, lot.symbol, lot.symbol, to_json(lot).decode(), "0") for lot in past.open_lots
    ]  # fmt: skip
    rows += [
        Holding(LEGS.kind, leg.id, leg.symbol, leg.underlying, to_json(leg).decode(), "0") for leg in past.open_legs
    ]
    rows += [
        Holding(CYCLES.kind, one.id, one.symbol, one.symbol, to_json(one).decode(), "0") for one in past.open_cycles
    ]
    return rows
