"""Keeping what the board shows: rows worked out after a tick, each written over or bounded in number.

Nothing here is sealed and no tick reads it: losing all of it costs the board its past until the next tick fills it in.
What is summed over time stands in board_sums.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from bot.domain.facts import Fact
from bot.domain.instruments import is_option
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO
from bot.store.database import moment_of, moment_text
from bot.store.rows import to_json

TICKS_KEPT = 20_000
"""Ticks of which the board keeps what they saw and their indexes: years of a busy desk. Older ones show by the day."""
PRICE_DAYS = 7
"""A price this much older than the day before is none: its name was away, and its way since then was nobody's."""
CENT = Decimal("0.01")
FILLED_SINCE = "SELECT client_order_id FROM fills WHERE tick_id > ?"
"""Without DISTINCT, for which SQLite would walk all fills in the order of their orders."""


def put_fact(connection: sqlite3.Connection, table: str, fact: Fact) -> None:
    """Write a fact as the one row of a table whose columns it names."""
    put_facts(connection, table, [fact], one=True)


def put_facts(connection: sqlite3.Connection, table: str, facts: Iterable[Fact], *, one: bool = False) -> None:
    """Write facts in place of all rows of a table; each names the table's columns."""
    connection.execute(f"DELETE FROM {table}")
    rows = [{**({"one": 1} if one else {}), **_columns(fact)} for fact in facts]
    if rows:
        names = ", ".join(f'"{name}"' for name in rows[0])
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(row.values()) for row in rows]
        )  # fmt: skip


def _columns(fact: Fact) -> dict[str, Any]:
    return {name: _cell(value) for name, value in msgspec.structs.asdict(fact).items()}


def _cell(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return moment_text(value)
    return value


def newest_board(connection: sqlite3.Connection) -> tuple[int, str]:
    """Give the tick the board was last written after and its benchmark; 0 and nothing where it never was."""
    row = connection.execute("SELECT tick_id, benchmark FROM board_desk").fetchone()
    return (0, "") if row is None else (int(row[0]), str(row[1]))


def put_next_slot(connection: sqlite3.Connection, slot: datetime) -> None:
    """Write when the next tick comes, after one that came to nothing."""
    connection.execute("UPDATE board_desk SET next_slot = ?", (moment_text(slot),))


def put_seen(connection: sqlite3.Connection, tick_id: int, follow_up: int, seen: Mapping[str, Any]) -> None:
    """Keep in short what a tick saw; the oldest that is kept goes."""
    connection.execute(
        "INSERT OR REPLACE INTO board_seen VALUES (?, ?, ?)", (tick_id, follow_up, to_json(seen).decode())
    )
    connection.execute("DELETE FROM board_seen WHERE tick_id <= ?", (tick_id - TICKS_KEPT,))


def put_prices(connection: sqlite3.Connection, day: str, prices: Mapping[str, Decimal]) -> None:
    """Keep the prices of shares of a session day; the newest tick's stand, and the day's first to draw from."""
    connection.executemany(
        "INSERT INTO board_prices VALUES (?, ?, ?, ?, ?) ON CONFLICT (symbol, day)"
        " DO UPDATE SET price = excluded.price, price_sort = excluded.price_sort",
        [(symbol, day, str(price), float(price), float(price)) for symbol, price in prices.items()],
    )


def put_indexes(
    connection: sqlite3.Connection, tick_id: int, day: str, prices: Mapping[str, Decimal], held: Iterable[str],
    benchmark: str, benchmark_before: str,
) -> None:  # fmt: skip
    """Carry the three indexes on to a tick: ours, the desk's shares held in equal parts, and the benchmark.

    Each day's step of the two others is the mean of the price relatives of their names since the day before; on the
    first day since its first tick. A name without a price today has not moved, one without a price before is not
    there yet: joining and leaving move nothing. Prices only: dividends are left out of both. Days that the board
    missed are filled in from the ledger. `benchmark_before` is the benchmark of the day before: another one goes on
    from where the old one stood.
    """
    _fill_days(connection, day)
    row = connection.execute(
        "SELECT nav, pnl, equity_previous, benchmark_price, flow FROM equity_daily WHERE day = ?", (day,)
    ).fetchone()
    if row is None:
        return
    nav, pnl, before, price, flow = row
    last = connection.execute(
        "SELECT b.day, b.holding_index, b.benchmark_index, e.benchmark_price FROM board_days b"
        " LEFT JOIN equity_daily e ON e.day = b.day WHERE b.day < ? ORDER BY b.day DESC LIMIT 1",
        (day,),
    ).fetchone()
    then, holding, market, price_before = last or ("", None, None, None)
    holding = _carried(holding, _steps(connection, day, then, prices, tuple(held)))
    if price is None or price_before is None or benchmark != benchmark_before:
        steps = _steps(connection, day, then, prices, (benchmark,))
    else:
        steps = [float(Decimal(price) / Decimal(price_before))] if Decimal(price_before) > 0 else []
    market = _carried(market, steps)
    values = (float(nav), holding, market)
    connection.execute(
        "INSERT OR REPLACE INTO board_days VALUES (?, ?, ?, ?, ?, ?)",
        (day, *values, _return(pnl, before, flow), None if pnl is None else float(pnl)),
    )
    connection.execute("INSERT OR REPLACE INTO board_moments VALUES (?, ?, ?, ?, ?)", (tick_id, day, *values))
    connection.execute("DELETE FROM board_moments WHERE tick_id <= ?", (tick_id - TICKS_KEPT,))


def _steps(
    connection: sqlite3.Connection, day: str, then: str, prices: Mapping[str, Decimal], names: tuple[str, ...]
) -> list[float]:
    """Give the price relative of each name that had a price before: on its last day, or today where that is all."""
    oldest = (date.fromisoformat(then) - timedelta(days=PRICE_DAYS)).isoformat() if then else ""
    found = []
    for symbol in names:
        query, values = "SELECT first_sort FROM board_prices WHERE symbol = ? AND day = ?", (symbol, day)
        if then:
            query = (
                "SELECT price_sort FROM board_prices WHERE symbol = ? AND day <= ? AND day >= ?"
                " ORDER BY day DESC LIMIT 1"
            )
            values = (symbol, then, oldest)  # type: ignore[assignment]
        row = connection.execute(query, values).fetchone()
        if row is not None and row[0] > 0:
            found.append(_price_today(connection, day, symbol, prices, row[0]) / row[0])
    return found


def _price_today(
    connection: sqlite3.Connection, day: str, symbol: str, prices: Mapping[str, Decimal], before: float
) -> float:
    """Give this tick's price, else the newest one of today, else the one before: no quote is no movement."""
    if symbol in prices:
        return float(prices[symbol])
    row = connection.execute(
        "SELECT price_sort FROM board_prices WHERE symbol = ? AND day = ?", (symbol, day)
    ).fetchone()
    return before if row is None else float(row[0])


def _carried(before: float | None, steps: list[float]) -> float | None:
    """Carry an index on by the mean of its names' steps; it begins at 1 with the first of them."""
    if not steps:
        return before
    return (1.0 if before is None else before) * (sum(steps) / len(steps))


def _return(pnl: str | None, before: str | None, flow: str) -> float | None:
    """Give a day's return: its profit over the equity before with what was moved in."""
    if pnl is None or before is None:
        return None
    invested = Decimal(before) + max(Decimal(flow), ZERO)
    return float(Decimal(pnl) / invested) if invested > 0 else None


def _fill_days(connection: sqlite3.Connection, today: str) -> None:
    """Write the days before today that the board missed: ours and the benchmark's, holding stays where it was."""
    last = connection.execute(
        "SELECT b.day, b.holding_index, b.benchmark_index, e.benchmark_price FROM board_days b"
        " LEFT JOIN equity_daily e ON e.day = b.day WHERE b.day < ? ORDER BY b.day DESC LIMIT 1",
        (today,),
    ).fetchone()
    then, holding, market, price_before = last or ("", None, None, None)
    missed = connection.execute(
        "SELECT day, nav, pnl, equity_previous, benchmark_price, flow FROM equity_daily WHERE day > ? AND day < ?"
        " ORDER BY day",
        (then, today),
    ).fetchall()
    for day, nav, pnl, before, price, flow in missed:
        if price is not None:
            whole = ZERO if price_before is None else Decimal(price_before)
            market = _carried(market, [float(Decimal(price) / whole) if whole > 0 else 1.0])
            price_before = price
        connection.execute(
            "INSERT OR REPLACE INTO board_days VALUES (?, ?, ?, ?, ?, ?)",
            (day, float(nav), holding, market, _return(pnl, before, flow), None if pnl is None else float(pnl)),
        )


def ticks_before(connection: sqlite3.Connection, since: int, tick_id: int, most: int) -> list[tuple[int, datetime]]:
    """List the ticks of a board's span with their slots, its last one before too, oldest first; the newest `most`."""
    low = since if since else tick_id - 1
    rows = connection.execute(
        "SELECT id, slot FROM ticks WHERE id >= ? AND id <= ? ORDER BY id DESC LIMIT ?", (low, tick_id, most)
    ).fetchall()
    return [(number, moment_of(slot)) for number, slot in reversed(rows)]


def put_gaps(connection: sqlite3.Connection, tick_id: int, missed: Mapping[str, list[datetime]]) -> None:
    """Keep the slots a tick found missed before it, by session day."""
    connection.executemany(
        "INSERT OR IGNORE INTO board_gaps (tick_id, day, first_slot, last_slot, slots) VALUES (?, ?, ?, ?, ?)",
        [
            (tick_id, day, moment_text(slots[0]), moment_text(slots[-1]), len(slots))
            for day, slots in missed.items()
            if slots
        ],
    )


def put_order_prices(
    connection: sqlite3.Connection, quotes: Mapping[str, tuple[Decimal | None, Decimal | None, str]]
) -> None:
    """Keep where the market stood when orders were planned: (bid, ask, buy or sell) by our order id."""
    rows = []
    for order_id, (bid, ask, side) in quotes.items():
        mid = None if bid is None or ask is None else (bid + ask) / 2
        natural = bid if side == "sell" else ask
        rows.append((order_id, None if mid is None else str(mid), None if natural is None else str(natural)))
    connection.executemany("INSERT OR IGNORE INTO board_orders VALUES (?, ?, ?, NULL)", rows)


def put_slippage(connection: sqlite3.Connection, since: int) -> None:
    """Work out how the orders filled after a tick compare with the mid they were planned at."""
    filled = {order_id for (order_id,) in connection.execute(FILLED_SINCE, (since,))}
    rows = []
    for order_id in sorted(filled):
        found = connection.execute(
            "SELECT o.filled_qty, o.filled_avg_price, o.legs, b.mid_price FROM board_orders b"
            " JOIN orders o ON o.client_order_id = b.client_order_id"
            " WHERE b.client_order_id = ? AND b.mid_price IS NOT NULL AND o.filled_avg_price IS NOT NULL",
            (order_id,),
        ).fetchone()
        if found is None:
            continue
        qty, price, legs, mid = found
        told = msgspec.json.decode(legs)
        sign = 1 if told[0]["side"] == "sell" else -1
        units = SHARES_PER_CONTRACT if is_option(told[0]["symbol"]) else ONE
        better = sign * (Decimal(price) - Decimal(mid)) * Decimal(qty) * units
        rows.append((str(better.quantize(CENT)), order_id))
    connection.executemany("UPDATE board_orders SET slippage = ? WHERE client_order_id = ?", rows)


def put_settings(connection: sqlite3.Connection, rows: Iterable[tuple[str, str, str, str, int, str]]) -> None:
    """Write every effective value: section, key, value, origin, secret, meaning."""
    connection.execute("DELETE FROM board_settings")
    connection.executemany(
        "INSERT INTO board_settings VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(place, *row) for place, row in enumerate(rows)],
    )
