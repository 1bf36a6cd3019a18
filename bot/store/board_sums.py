"""Sums the board shows: income by week, month and symbol, cycles, ended legs, strategies. Each tick adds what it knows.

A tick reads only what came since the board was last written, whatever lies behind it; after an import, and in a ledger
that has no sums yet, everything is summed anew. Money is added here, in decimals: SQL does no arithmetic on it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.money import ZERO

Key = tuple[str, str, str]
"""A week or month, a symbol, a kind of income."""
Sums = dict[Key, tuple[Decimal, Decimal, int]]
"""Income, tax income and entries of each key."""
StrategyRow = tuple[str, str, str, int, int, str]
"""Name, kind, stage, enabled, priority, symbols."""
NONE = (0, 0, 0, 0)
INCOME = "SELECT day, symbol, kind, income, tax_income, count FROM income_daily"


class Reached(NamedTuple):
    """How far the sums have read: the newest tick, end of a leg, end of a lot and import."""

    tick_id: int = 0
    leg_end_id: int = 0
    lot_end_id: int = 0
    import_id: int = 0


def read_reached(connection: sqlite3.Connection, tick_id: int) -> tuple[Reached, Reached]:
    """Give how far the sums have read, and how far they can at a tick; the first is empty where all is made anew."""
    run = connection.execute
    row = run("SELECT tick_id, leg_end_id, lot_end_id, import_id FROM board_reached").fetchone()
    newest = [
        run(f"SELECT COALESCE(max(id), 0) FROM {table}").fetchone()[0] for table in ("leg_ends", "lot_ends", "imports")
    ]
    now = Reached(tick_id, *newest)
    before = Reached() if row is None else Reached(*row)
    return (before if before.import_id == now.import_id else Reached()), now


def put_sums(connection: sqlite3.Connection, before: Reached, now: Reached) -> None:
    """Bring the sums from where they stand to what the ledger holds, and say how far they have read."""
    put_legs(connection, before.leg_end_id)
    if before == Reached():
        _sum_anew(connection)
    else:
        days = _days_earned(connection, before)
        if days:
            _sum_days(connection, days)
        _count_cycles(connection, sorted({symbol for _, symbol in cycles_closed_since(connection, before)}))
    connection.execute("INSERT OR REPLACE INTO board_reached VALUES (1, ?, ?, ?, ?)", now)


def put_legs(connection: sqlite3.Connection, after: int) -> None:
    """Sum what the legs came to that ended after an end, all of their contracts."""
    ended = {leg_id for (leg_id,) in connection.execute("SELECT leg_id FROM leg_ends WHERE id > ?", (after,))}
    rows = []
    for leg_id in sorted(ended):
        ends = connection.execute(
            "SELECT how, price, income FROM leg_ends WHERE leg_id = ? ORDER BY id", (leg_id,)
        ).fetchall()
        rows.append((leg_id, ends[-1][0], ends[-1][1], str(sum((Decimal(one[2]) for one in ends), ZERO))))
    connection.executemany("INSERT OR REPLACE INTO board_legs VALUES (?, ?, ?, ?)", rows)


def put_cycles(
    connection: sqlite3.Connection, rows: Iterable[tuple[str, str, int, float | None, float | None]]
) -> None:
    """Keep what cycles came to: (id, phase, days, return, return a year)."""
    connection.executemany("INSERT OR REPLACE INTO board_cycles VALUES (?, ?, ?, ?, ?)", rows)


def cycles_closed_since(connection: sqlite3.Connection, before: Reached) -> list[tuple[str, str]]:
    """Give id and symbol of the closed cycles that were written after a tick, or of all of them."""
    if before == Reached():
        return connection.execute("SELECT id, symbol FROM cycles WHERE closed_at IS NOT NULL").fetchall()
    query = "SELECT key FROM book_changes WHERE tick_id > ? AND kind = 'cycle'"
    keys = sorted({key for (key,) in connection.execute(query, (before.tick_id,))})
    closed = "SELECT id, symbol FROM cycles WHERE id = ? AND closed_at IS NOT NULL"
    return [row for key in keys for row in connection.execute(closed, (key,)).fetchall()]


def _days_earned(connection: sqlite3.Connection, before: Reached) -> set[str]:
    """Give the days whose income changed: of what ended since, and of dividends and interest that were booked."""
    found: set[str] = set()
    for query, after in (
        ("SELECT day FROM leg_ends WHERE id > ?", before.leg_end_id),
        ("SELECT day FROM lot_ends WHERE id > ?", before.lot_end_id),
        ("SELECT day FROM activities WHERE tick_id > ? AND type IN ('DIV', 'INT')", before.tick_id),
    ):
        found.update(day for (day,) in connection.execute(query, (after,)))
    return found


def _sum_anew(connection: sqlite3.Connection) -> None:
    for table in ("board_weeks", "board_months", "board_symbols"):
        connection.execute(f"DELETE FROM {table}")
    days = connection.execute(INCOME).fetchall()
    _put_weeks(connection, summed(days, monday_of))
    months = summed(days, month_of)
    _put_months(connection, months)
    _add_to_symbols(connection, months, {})
    _count_cycles(connection, sorted({symbol for _, symbol in cycles_closed_since(connection, Reached())}))


def _sum_days(connection: sqlite3.Connection, days: Iterable[str]) -> None:
    """Sum the weeks and months of some days anew, and add to the symbols what that changed."""
    listed = sorted(days)
    for first in sorted({monday_of(day) for day in listed}):
        last = (date.fromisoformat(first) + timedelta(days=6)).isoformat()
        rows = connection.execute(f"{INCOME} WHERE day BETWEEN ? AND ?", (first, last)).fetchall()
        connection.execute("DELETE FROM board_weeks WHERE first_day = ?", (first,))
        _put_weeks(connection, summed(rows, monday_of))
    for month in sorted({month_of(day) for day in listed}):
        rows = connection.execute(f"{INCOME} WHERE day BETWEEN ? AND ?", (f"{month}-01", f"{month}-31")).fetchall()
        old: Sums = {
            (month, symbol, kind): (Decimal(income), Decimal(tax), count)
            for symbol, kind, income, tax, count in connection.execute(
                "SELECT symbol, kind, income, tax_income, count FROM board_months WHERE month = ?", (month,)
            )
        }
        new = summed(rows, month_of)
        connection.execute("DELETE FROM board_months WHERE month = ?", (month,))
        _put_months(connection, new)
        _add_to_symbols(connection, new, old)


def month_of(day: str) -> str:
    """Give the month of a day.

    >>> month_of("2026-11-18")
    '2026-11'
    """
    return day[:7]


def monday_of(day: str) -> str:
    """Give the Monday of a day's week.

    >>> monday_of("2026-11-22"), monday_of("2027-01-01")
    ('2026-11-16', '2026-12-28')
    """
    on = date.fromisoformat(day)
    return (on - timedelta(days=on.weekday())).isoformat()


def week_of(monday: str) -> str:
    """Give the ISO week that begins on a Monday.

    >>> week_of("2026-12-28")
    '2026-W53'
    """
    year, week, _ = date.fromisoformat(monday).isocalendar()
    return f"{year}-W{week:02d}"


def summed(rows: Iterable[tuple[str, str, str, str, str, int]], span: Callable[[str], str]) -> Sums:
    """Sum income by day into spans, by symbol and kind over all strategies."""
    found: Sums = {}
    for day, symbol, kind, income, tax, count in rows:
        key = (span(day), symbol, kind)
        so_far = found.get(key, (ZERO, ZERO, 0))
        found[key] = so_far[0] + Decimal(income), so_far[1] + Decimal(tax), so_far[2] + count
    return found


def _put_weeks(connection: sqlite3.Connection, sums: Sums) -> None:
    connection.executemany(
        "INSERT INTO board_weeks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (monday, week_of(monday), symbol, kind, str(income), float(income), str(tax), count)
            for (monday, symbol, kind), (income, tax, count) in sums.items()
        ],
    )


def _put_months(connection: sqlite3.Connection, sums: Sums) -> None:
    connection.executemany(
        "INSERT INTO board_months VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*key, str(income), float(income), str(tax), count) for key, (income, tax, count) in sums.items()],
    )


def _add_to_symbols(connection: sqlite3.Connection, new: Sums, old: Sums) -> None:
    """Add to what each symbol brought since the start by how much months changed."""
    more: dict[str, list[Decimal]] = {}
    for sums, sign in ((new, 1), (old, -1)):
        for (_, symbol, kind), (income, _, _) in sums.items():
            parts = more.setdefault(symbol, [ZERO, ZERO])
            parts[0] += sign * income
            parts[1] += sign * income if kind == "dividends" else ZERO
    for symbol, (income, dividends) in more.items():
        row = connection.execute(
            "SELECT realized, dividends FROM board_symbols WHERE symbol = ?", (symbol,)
        ).fetchone() or ("0", "0")
        realized = Decimal(row[0]) + income
        connection.execute(
            "INSERT INTO board_symbols VALUES (?, ?, ?, '0', 0.0, ?, 0) ON CONFLICT (symbol) DO UPDATE SET"
            " realized = excluded.realized, realized_sort = excluded.realized_sort, dividends = excluded.dividends",
            (symbol, str(realized), float(realized), str(Decimal(row[1]) + dividends)),
        )


def _count_cycles(connection: sqlite3.Connection, symbols: Iterable[str]) -> None:
    for symbol in symbols:
        connection.execute(
            "INSERT INTO board_symbols VALUES (?, '0', 0.0, '0', 0.0, '0',"
            " (SELECT count(*) FROM cycles WHERE symbol = ? AND closed_at IS NOT NULL))"
            " ON CONFLICT (symbol) DO UPDATE SET cycles_closed = excluded.cycles_closed",
            (symbol, symbol),
        )


def put_open(connection: sqlite3.Connection, unrealized: dict[str, Decimal]) -> None:
    """Write the open P&L of each symbol; one that holds nothing any more has none."""
    known = connection.execute("SELECT symbol FROM board_symbols WHERE open <> '0'").fetchall()
    gone = [(symbol,) for (symbol,) in known if symbol not in unrealized]
    connection.executemany("UPDATE board_symbols SET open = '0', open_sort = 0.0 WHERE symbol = ?", gone)
    connection.executemany(
        "INSERT INTO board_symbols VALUES (?, '0', 0.0, ?, ?, '0', 0) ON CONFLICT (symbol)"
        " DO UPDATE SET open = excluded.open, open_sort = excluded.open_sort",
        [(symbol, str(amount), float(amount)) for symbol, amount in unrealized.items()],
    )


def put_strategies(connection: sqlite3.Connection, rows: Iterable[StrategyRow], tick_id: int) -> None:
    """Write the desk's strategies and count on what each came to; one that desk.toml names no more is retired."""
    wanted = {row[0]: row for row in rows}
    known: dict[str, StrategyRow] = {}
    counts: dict[str, tuple[int, int, int, int]] = {}
    since = 0
    for name, kind, symbols, priority, intents, approved, orders, fills, counted in connection.execute(
        "SELECT name, kind, symbols, priority, intents, approved, orders, fills, counted_tick FROM board_strategies"
    ).fetchall():
        known[name] = (name, kind, "retired", 0, priority, symbols)
        counts[name], since = (intents, approved, orders, fills), counted
    if since and wanted.keys() - counts.keys():  # one is new here: all it did so far
        counts = {**_counted(connection, 0, since), **counts}
    more = _counted(connection, since, tick_id)
    for name in {*known, *wanted}:
        old, new = counts.get(name, NONE), more.get(name, NONE)
        counts[name] = (old[0] + new[0], old[1] + new[1], old[2] + new[2], old[3] + new[3])
    connection.execute("DELETE FROM board_strategies")
    connection.executemany(
        "INSERT INTO board_strategies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*row, *counts[row[0]], tick_id) for row in {**known, **wanted}.values()],
    )


def _counted(connection: sqlite3.Connection, after: int, until: int) -> dict[str, tuple[int, int, int, int]]:
    """Count the wishes of each strategy, those allowed, those that became orders, and fills, in the ticks of a span."""
    span = " WHERE tick_id > ? AND tick_id <= ? GROUP BY strategy"
    wishes = connection.execute(
        f"SELECT strategy, count(*), sum(approved), count(client_order_id) FROM order_intents{span}", (after, until)
    ).fetchall()
    fills = dict(connection.execute(f"SELECT strategy, count(*) FROM fills{span}", (after, until)).fetchall())
    found = {name: (wanted, allowed, orders, fills.pop(name, 0)) for name, wanted, allowed, orders in wishes}
    return found | {name: (0, 0, 0, filled) for name, filled in fills.items()}
