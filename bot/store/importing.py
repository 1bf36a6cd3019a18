"""Keeping a rebuilt past. It never makes a tick trade: what is open waits to be adopted (store/adopting.py).

An import writes only what is not there yet: doing it twice changes nothing. Before the first tick it is the ledger's
first settlement (the broker's cash is the baseline, every line counts as seen); after that every line it marks as
seen is one that the ticks have accounted for already.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from bot.domain.errors import UsageError
from bot.domain.holdings import Activity, Position
from bot.domain.instruments import underlying_of
from bot.domain.sessions import new_york_day
from bot.store import chain, kinds
from bot.store.database import moment_of, moment_text
from bot.store.imported import Past, encode_past, holdings_of, last_ends
from bot.store.owner import OwnerLedger
from bot.store.rows import (
    CYCLES,
    FILL_INSERT,
    LEG_END_COLUMNS,
    LEGS,
    LOT_END_COLUMNS,
    LOTS,
    F,
    FactTable,
    fill_row,
    leg_end_row,
    lot_end_row,
    to_json,
)
from bot.store.settling import save_activities, save_ends

STRATEGY = "history"
WINDOW_DAYS = 7
E = TypeVar("E")


class Seen(NamedTuple):
    """The account as an import read it; cash and accrued fees in dollars."""

    broker: str
    environment: str
    account: str
    cash: Decimal
    fees_accrued: Decimal
    positions: tuple[Position, ...]
    at: datetime
    author: str
    first_day: date | None
    last_day: date | None
    lines: int


class Kept(NamedTuple):
    """What an import brought that was not there; `number` None means nothing. `left_alone` are ours already."""

    number: int | None
    lines: int = 0
    fills: int = 0
    legs: int = 0
    lots: int = 0
    cycles: int = 0
    open_things: int = 0
    left_alone: tuple[str, ...] = ()


def refuse_import(ledger: OwnerLedger, activities: Iterable[Activity], window_days: int = WINDOW_DAYS) -> None:
    """Raise UsageError where an import could not be exactly right: our own fills, or lines no tick has met yet."""
    connection, home = ledger.database.connection, ledger.database.home
    own = connection.execute(
        "SELECT count(*) FROM fills WHERE tick_id IS NOT NULL AND client_order_id != ''"
    ).fetchone()[0]
    if own:
        raise UsageError(
            f"{own} fills of this desk's own orders stand in {ledger.database.path}: its books tell that part of the "
            f"past already, and telling it twice would count it twice. Import into a home of its own instead, as "
            f"BOT_HOME={home}-history (with a desk.toml of `bot init`)"
        )
    row = connection.execute("SELECT settled_at FROM ledger_state WHERE cash IS NOT NULL").fetchone()
    if row is None:
        return
    since = new_york_day(moment_of(row[0])) - timedelta(days=window_days)
    known = _keys(connection)
    unmet = [line for line in activities if line.key not in known and new_york_day(line.at) >= since]
    if unmet:
        what = f"{len(unmet)} lines" if len(unmet) > 1 else "1 line"
        raise UsageError(
            f"{what} came since the books were settled ({row[0][:16]}), the newest at "
            f"{moment_text(max(line.at for line in unmet))[:16]}: `bot tick --dry` books them, then import again"
        )


def keep_import(ledger: OwnerLedger, past: Past, seen: Seen) -> Kept:
    """Write what is new of a past in one durable transaction, with its event in the chain; see `refuse_import`."""
    ledger.stamp(seen.broker, seen.environment, seen.account)
    ts = moment_text(seen.at)
    with ledger.database.writing() as connection:
        ours = _ours(connection)
        new = _new_of(connection, past, ours)
        open_before = _open_rows(connection, ours)
        open_now = {(one.kind, one.key): one.fact_json for one in holdings_of(new)}
        first = connection.execute("SELECT 1 FROM ledger_state").fetchone() is None
        if not first and open_before == open_now and not _anything(new):
            return Kept(None, left_alone=_touched(past, ours))
        if not ledger.stamped_account():
            ledger.write_stamp((seen.broker, seen.environment, seen.account), ts)
        number = _write(connection, new, seen, ts, ours)
    return Kept(
        number, len(new.activities), len(new.fills), len(new.ended_legs), len(new.ended_lots), len(new.cycles),
        len(open_now), _touched(past, ours),
    )  # fmt: skip


def _write(connection: sqlite3.Connection, new: Past, seen: Seen, ts: str, ours: frozenset[str]) -> int:
    blob = encode_past(new)
    tick = connection.execute("SELECT max(id) FROM ticks").fetchone()[0]
    days = [None if day is None else day.isoformat() for day in (seen.first_day, seen.last_day)]
    number = connection.execute(
        "INSERT INTO imports (at, author, tick_id, first_day, last_day, lines, gaps_json, blob)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (ts, seen.author, tick, *days, seen.lines, to_json(new.gaps).decode(), blob),
    ).lastrowid
    assert number is not None, "a row that was written has a number"
    lots, legs = last_ends(new)
    _write_ended(connection, LOTS, new.ended_lots, lots)
    _write_ended(connection, LEGS, new.ended_legs, legs)
    _write_ended(connection, CYCLES, new.cycles, {})
    for cycle in new.cycles:
        pnl = cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees
        connection.execute("UPDATE cycles SET pnl = ?, pnl_sort = ? WHERE id = ?", (str(pnl), float(pnl), cycle.id))
    save_ends(connection, None, new.leg_ends, new.lot_ends)
    save_activities(connection, None, new.activities)
    connection.executemany(FILL_INSERT, [fill_row(fill, None) for fill in new.fills])
    marks = ", ".join("?" for _ in ours)
    connection.execute(f"DELETE FROM past_holdings WHERE underlying NOT IN ({marks})", tuple(ours))
    connection.executemany(
        "INSERT INTO past_holdings (kind, key, symbol, underlying, import_id, position, fact_json, taken)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (one.kind, one.key, one.symbol, one.underlying, number, place, one.fact_json, one.taken)
            for place, one in enumerate(holdings_of(new))
        ],
    )
    payload = {
        "import": number, "account": seen.account, "author": seen.author, "lines": seen.lines,
        "blob": sha256(blob).hexdigest(), "tick": tick, "days": days,
    }  # fmt: skip
    if connection.execute("SELECT 1 FROM ledger_state").fetchone() is None:
        _settle_first(connection, seen, ts)
    chain.append(connection, ts, kinds.IMPORT, payload | chain.standing(connection, "past", "state"))
    return number


def _write_ended(connection: sqlite3.Connection, table: FactTable[F], facts: Iterable[F], ends: dict[str, str]) -> None:
    for fact in facts:
        key: str = fact.id  # type: ignore[attr-defined]
        table.write(connection, [fact], None, ends.get(key))
        connection.execute(
            "INSERT INTO book_changes (tick_id, kind, key, what, fact_json) VALUES (NULL, ?, ?, 'closed', ?)",
            (table.kind, key, to_json(fact).decode()),
        )


def _settle_first(connection: sqlite3.Connection, seen: Seen, ts: str) -> None:
    """Begin the books where the account stood: what comes later, ticks book line by line."""
    positions = tuple((one.symbol, one.qty) for one in seen.positions if one.qty)
    connection.execute(
        "INSERT INTO ledger_state (one, cash, fees_accrued, equity_previous, equity_last, flow_session, session_day,"
        " nav, nav_peak, settled_at, last_slot, positions_json, marks_json)"
        " VALUES (1, ?, ?, NULL, NULL, '0', NULL, '1', '1', ?, NULL, ?, '[]')",
        (str(seen.cash), str(seen.fees_accrued), ts, to_json(positions).decode()),
    )


def _keys(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str]]:
    return frozenset(connection.execute("SELECT id, type, symbol FROM activities"))


def _ours(connection: sqlite3.Connection) -> frozenset[str]:
    """Name underlyings that this desk has traded or adopted: an import leaves their books alone."""
    return frozenset(
        underlying_of(symbol)
        for (symbol,) in connection.execute(
            "SELECT symbol FROM lots WHERE owner = 'adopted' OR tick_id IS NOT NULL"
            " UNION SELECT underlying FROM option_legs WHERE owner = 'adopted' OR tick_id IS NOT NULL"
            " UNION SELECT symbol FROM cycles WHERE strategy != ? OR tick_id IS NOT NULL",
            (STRATEGY,),
        )
    )


def _new_of(connection: sqlite3.Connection, past: Past, ours: frozenset[str]) -> Past:
    """Give the part of a past that is not in the ledger yet, without the underlyings that are ours."""
    known = _keys(connection)
    fills = {key for (key,) in connection.execute("SELECT execution_id FROM fills")}
    lots, legs, cycles = (
        {key for (key,) in connection.execute(f"SELECT id FROM {table.table}")} for table in (LOTS, LEGS, CYCLES)
    )
    leg_ends = [end for end in past.leg_ends if end.leg.underlying not in ours]
    lot_ends = [end for end in past.lot_ends if end.lot.symbol not in ours]
    return replace(
        past,
        activities=tuple(line for line in past.activities if line.key not in known),
        fills=tuple(fill for fill in past.fills if fill.execution_id not in fills),
        leg_ends=tuple(_unwritten(connection, "leg_ends", LEG_END_COLUMNS, leg_ends, lambda one: leg_end_row(one, 0))),
        lot_ends=tuple(_unwritten(connection, "lot_ends", LOT_END_COLUMNS, lot_ends, lambda one: lot_end_row(one, 0))),
        ended_lots=tuple(lot for lot in past.ended_lots if lot.id not in lots and lot.symbol not in ours),
        ended_legs=tuple(leg for leg in past.ended_legs if leg.id not in legs and leg.underlying not in ours),
        cycles=tuple(one for one in past.cycles if one.id not in cycles and one.symbol not in ours),
        open_lots=tuple(lot for lot in past.open_lots if lot.symbol not in ours),
        open_legs=tuple(leg for leg in past.open_legs if leg.underlying not in ours),
        open_cycles=tuple(one for one in past.open_cycles if one.symbol not in ours),
    )


def _unwritten(
    connection: sqlite3.Connection,
    table: str,
    columns: tuple[str, ...],
    ends: list[E],
    row_of: Callable[[E], tuple[Any, ...]],
) -> list[E]:
    """Leave out ends that are there: as often as an equal row stands, for two equal ends may be two."""
    names = ", ".join(columns[1:])
    there = Counter(connection.execute(f"SELECT {names} FROM {table} WHERE tick_id IS NULL"))
    new = []
    for end in ends:
        key = row_of(end)[1:]
        if there[key] > 0:
            there[key] -= 1
        else:
            new.append(end)
    return new


def _open_rows(connection: sqlite3.Connection, ours: frozenset[str]) -> dict[tuple[str, str], str]:
    rows = connection.execute("SELECT kind, key, underlying, fact_json FROM past_holdings")
    return {(kind, key): fact for kind, key, underlying, fact in rows if underlying not in ours}


def _anything(past: Past) -> bool:
    return bool(past.activities or past.fills or past.leg_ends or past.lot_ends or past.cycles)


def _touched(past: Past, ours: frozenset[str]) -> tuple[str, ...]:
    named = {underlying_of(line.symbol) for line in past.activities if line.symbol}
    return tuple(sorted(named & ours))
