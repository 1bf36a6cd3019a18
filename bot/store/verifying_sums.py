"""What follows from rows that are sealed: orders from their steps, books from their changes, and the roll-ups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

import msgspec

from bot.domain.instruments import underlying_of
from bot.domain.money import ZERO
from bot.domain.orders import ENTRY_PURPOSES, LIVE_STATES
from bot.store.resolving import words_by_order
from bot.store.rows import CYCLES, LEGS, LOTS, ROLLS, FactTable
from bot.store.settling import word_after

Told = tuple[str, str]
_STEPS = (
    "SELECT o.client_order_id, o.state, o.status, o.broker_order_id, o.filled_qty, o.ended_at,"
    " t.id, t.state, t.status, t.broker_order_id, t.filled_qty, t.at FROM orders o LEFT JOIN order_transitions t"
    " ON t.client_order_id = o.client_order_id ORDER BY o.client_order_id, t.id"
)
_REFUSED = (
    "SELECT day, gate, symbol, count(*), sum(sole) FROM refusals GROUP BY day, gate, symbol",
    "SELECT day, gate, symbol, count, sole FROM refusals_daily",
)
_ENTRIES = (
    "SELECT strategy, count(*) FROM orders"
    f" WHERE purpose IN ({', '.join(repr(one) for one in sorted(ENTRY_PURPOSES))}) AND replaces = ''"
    " AND state IN ('working', 'done') AND NOT (state = 'done' AND status = 'rejected') GROUP BY strategy",
    "SELECT strategy, count FROM entries_sent WHERE count != 0",
)
_EARNED = (
    "SELECT e.day, e.underlying, l.strategy, 'premium', e.income, e.tax_income FROM leg_ends e"
    " JOIN option_legs l ON l.id = e.leg_id UNION ALL "
    "SELECT e.day, e.symbol, l.strategy, 'shares', e.income, e.tax_income FROM lot_ends e"
    " JOIN lots l ON l.id = e.lot_id UNION ALL "
    "SELECT day, symbol, '', CASE type WHEN 'DIV' THEN 'dividends' ELSE 'interest' END, net_amount, net_amount"
    " FROM activities WHERE type IN ('DIV', 'INT') ORDER BY 1"
)


def sum_faults(connection: sqlite3.Connection) -> Iterator[Told]:
    """Give everything that no longer follows from what it was made of, as (table, words)."""
    yield from _order_faults(connection)
    for table in (LOTS, LEGS, CYCLES, ROLLS):
        yield from _book_faults(connection, table)
    for name, (made_of, kept) in (("refusals_daily", _REFUSED), ("entries_sent", _ENTRIES)):
        for one, other in ((made_of, kept), (kept, made_of)):
            for row in connection.execute(f"SELECT * FROM ({one} EXCEPT {other}) ORDER BY 1 LIMIT 1"):
                yield name, f"{name}: {' '.join(str(part) for part in row[:-1])} is not the sum of its rows"
    yield from _income_faults(connection)
    for (day,) in connection.execute(
        "SELECT DISTINCT day FROM position_days WHERE day NOT IN (SELECT day FROM equity_daily)"
        " OR day = (SELECT max(day) FROM equity_daily)"
    ):
        yield "position_days", f"position_days: {day} is no finished session day of this ledger"


def _order_faults(connection: sqlite3.Connection) -> Iterator[Told]:
    """Hold each order against its last step; a word or number that a step leaves out is as it was before."""
    words = words_by_order(connection)
    for key, steps in groupby(connection.execute(_STEPS), lambda row: row[0]):
        state = status = ""
        known: set[str] = {""}
        filled: str | None = None
        ended: str | None = None
        order: tuple[Any, ...] = ()
        for row in steps:
            order = row[1:6]
            state, status, filled = row[7], word_after(row[7], row[8], status), row[10] or filled
            known.add(row[9] or "")
            ended = None if state in LIVE_STATES else ended or row[11]
            for word in words.get(key, ()):  # what a person said comes after the step it names
                if word.after_step == row[6]:
                    state, status = word.state, word.status
                    known.add(word.broker_order_id)
                    ended = None if state in LIVE_STATES else ended or word.at
        if (
            order[:2] != (state, status) or order[2] not in known or order[4] != ended
            or _number(order[3]) != _number(filled or "0")
        ):  # fmt: skip
            yield "orders", f"orders: {key} is not what its transitions say"


def _book_faults(connection: sqlite3.Connection, table: FactTable[Any]) -> Iterator[Told]:
    """Hold each lot, leg, cycle or roll against the last change that was sealed of it."""
    end = "ended_at" if table is ROLLS else "closed_at"
    names = ", ".join(f't."{name}"' for name in table.fields)
    pnl = ", t.pnl, t.pnl_sort" if table is CYCLES else ""
    for row in connection.execute(
        f"SELECT t.{end}, b.what, b.fact_json, {names}{pnl} FROM {table.table} t LEFT JOIN book_changes b ON b.id ="
        " (SELECT id FROM book_changes WHERE key = t.id AND kind = ? ORDER BY id DESC LIMIT 1)",
        (table.kind,),
    ):
        ended, what, fact_json, *values = row
        if not _fact_stands(table, fact_json, tuple(values[: len(table.fields)]), values[len(table.fields) :]) or (
            (what == "closed") != (ended is not None)
        ):
            yield table.table, f"{table.table}: {values[0]} is not what its last change says"
    for (key,) in connection.execute(
        f"SELECT DISTINCT key FROM book_changes WHERE kind = ? AND key NOT IN (SELECT id FROM {table.table})",
        (table.kind,),
    ):
        yield table.table, f"{table.table}: {key} was sealed and is gone"


def _fact_stands(table: FactTable[Any], fact_json: str | None, values: tuple[Any, ...], pnl: list[Any]) -> bool:
    try:
        fact = msgspec.json.decode(fact_json or "", type=table.fact)
    except msgspec.MsgspecError:
        return False
    row = table.row(fact, None)
    if tuple(row[name] for name in table.fields) != values:
        return False
    if not pnl:
        return True
    earned = fact.option_cash + fact.share_cash + fact.dividends - fact.fees
    return pnl == ([None, None] if fact.closed_at is None else [str(earned), float(earned)])


def _income_faults(connection: sqlite3.Connection) -> Iterator[Told]:
    """Add up each day anew: ended legs and lots, dividends and interest."""
    kept = connection.execute(
        "SELECT day, symbol, strategy, kind, income, tax_income, count FROM income_daily ORDER BY day"
    )
    days = groupby(kept, lambda row: row[0])
    held = next(days, None)
    for day, rows in groupby(connection.execute(_EARNED), lambda row: row[0]):
        sums: dict[tuple[str, str, str], tuple[Decimal | None, Decimal | None, int]] = {}
        for _, symbol, strategy, kind, income, tax in rows:
            key = (underlying_of(symbol), strategy, kind)
            before = sums.get(key, (ZERO, ZERO, 0))
            sums[key] = (_plus(before[0], income), _plus(before[1], tax), before[2] + 1)
        while held is not None and held[0] < day:
            yield "income_daily", f"income_daily: {held[0]} has rows that nothing was earned for"
            held = next(days, None)
        there: dict[tuple[str, str, str], tuple[Decimal | None, Decimal | None, int]] = {}
        if held is not None and held[0] == day:
            there = {row[1:4]: (_number(row[4]), _number(row[5]), row[6]) for row in held[1]}
            held = next(days, None)
        if there != sums:
            yield "income_daily", f"income_daily: {day} is not the sum of what was earned"
    if held is not None:
        yield "income_daily", f"income_daily: {held[0]} has rows that nothing was earned for"


def _number(text: Any) -> Decimal | None:
    """Read a number that may have been damaged; None is unreadable."""
    try:
        return Decimal(text)
    except (InvalidOperation, TypeError, ValueError):
        return None


def _plus(total: Decimal | None, text: Any) -> Decimal | None:
    value = _number(text)
    return None if total is None or value is None else total + value
