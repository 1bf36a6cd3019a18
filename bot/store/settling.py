"""Writing a settlement: what changed in the books, orders, activities and roll-ups of a tick."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, underlying_of
from bot.domain.ledger import Books, Drift
from bot.domain.marking import Marks, good_marks
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.engine.ports import Decision, LegEnd, LotEnd, Settlement
from bot.store.database import moment_text
from bot.store.pacing import save_remembered
from bot.store.proposals import count_entry, revive
from bot.store.rows import (
    ACTIVITY_INSERT,
    CYCLES,
    FILL_INSERT,
    LEG_END_INSERT,
    LEGS,
    LOT_END_INSERT,
    LOTS,
    ROLLS,
    F,
    FactTable,
    activity_row,
    fill_row,
    leg_end_row,
    lot_end_row,
    optional_moment,
    text_of,
    to_json,
)

SIX_PLACES = Decimal("0.000001")


class Before(NamedTuple):
    """What the ledger held when the tick began: books, marks and the halt level."""

    books: Books
    marks: Marks
    halt: str


class Moment(NamedTuple):
    """The tick that writes: its number, moment, text of that, and session day."""

    tick_id: int
    at: datetime
    ts: str
    day: str


def save_settlement(connection: sqlite3.Connection, now: Moment, before: Before, decision: Decision) -> None:
    """Write everything a settlement changed, inside the caller's transaction."""
    settlement = decision.settlement
    _save_books(connection, now, before.books, settlement)
    if settlement.orders:
        _save_orders(connection, now, settlement.orders)
    if settlement.activities:
        save_activities(connection, now.tick_id, settlement.activities)
    if settlement.fills:
        connection.executemany(FILL_INSERT, [fill_row(fill, now.tick_id) for fill in settlement.fills])
    _save_drift(connection, now, before.books.drift, settlement.books.drift or settlement.drift)
    _save_state(connection, now, before.marks, decision)
    save_remembered(connection, before.books, settlement.books)
    _save_equity(connection, now, decision)


def _save_books(connection: sqlite3.Connection, now: Moment, before: Books, settlement: Settlement) -> None:
    after = settlement.books
    changes: list[tuple[int, str, str, str, str]] = []
    lots = {end.lot.id: end for end in settlement.lot_ends}
    legs = {end.leg.id: end for end in settlement.leg_ends}
    _diff(
        connection, now, LOTS, before.lots, after.lots, {key: (end.lot, end.at) for key, end in lots.items()}, changes
    )
    _diff(
        connection, now, LEGS, before.legs, after.legs, {key: (end.leg, end.at) for key, end in legs.items()}, changes
    )
    cycles = {one.id: (one, one.closed_at or now.at) for one in settlement.cycles_closed}
    _diff(connection, now, CYCLES, before.cycles, after.cycles, cycles, changes)
    for cycle in settlement.cycles_closed:
        pnl = cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees
        connection.execute("UPDATE cycles SET pnl = ?, pnl_sort = ? WHERE id = ?", (str(pnl), float(pnl), cycle.id))
    rolls = {one.id: (one, now.at) for one in settlement.rolls_ended}
    _diff(connection, now, ROLLS, before.rolls, after.rolls, rolls, changes)
    if changes:
        connection.executemany(
            "INSERT INTO book_changes (tick_id, kind, key, what, fact_json) VALUES (?, ?, ?, ?, ?)", changes
        )
    save_ends(connection, now.tick_id, settlement.leg_ends, settlement.lot_ends)


def _diff(
    connection: sqlite3.Connection,
    now: Moment,
    table: FactTable[F],
    before: tuple[F, ...],
    after: tuple[F, ...],
    ended: dict[str, tuple[F, datetime]],
    changes: list[tuple[int, str, str, str, str]],
) -> None:
    """Write what is new, what changed and what is gone; `ended` holds the last form of what is gone, and when."""
    if before == after and not ended:
        return
    old = {_key(fact): fact for fact in before}
    new = {_key(fact): fact for fact in after}
    changed = [fact for key, fact in new.items() if old.get(key) != fact]
    if changed:
        table.write(connection, changed, now.tick_id)
    for fact in changed:
        what = "changed" if _key(fact) in old else "opened"
        changes.append((now.tick_id, table.kind, _key(fact), what, to_json(fact).decode()))
    gone = [key for key in {**old, **ended} if key not in new]
    for key in gone:
        fact, at = ended.get(key) or (old[key], now.at)
        table.write(connection, [fact], now.tick_id, moment_text(at))
        connection.execute(table.close_sql, (moment_text(at), key))
        changes.append((now.tick_id, table.kind, key, "closed", to_json(fact).decode()))


def _key(fact: object) -> str:
    key: str = fact.id  # type: ignore[attr-defined]
    return key


def save_ends(
    connection: sqlite3.Connection, tick_id: int | None, leg_ends: Iterable[LegEnd], lot_ends: Iterable[LotEnd]
) -> None:
    """Write what ended and what it earned, into the roll-up of its day too; `tick_id` None is an import's."""
    for end in leg_ends:
        connection.execute(LEG_END_INSERT, leg_end_row(end, tick_id))
        earn(
            connection, new_york_day(end.at), end.leg.underlying, end.leg.strategy, "premium", end.income,
            end.tax_income,
        )  # fmt: skip
    for sale in lot_ends:
        connection.execute(LOT_END_INSERT, lot_end_row(sale, tick_id))
        earn(
            connection, new_york_day(sale.at), sale.lot.symbol, sale.lot.strategy, "shares", sale.income,
            sale.tax_income,
        )  # fmt: skip


def earn(
    connection: sqlite3.Connection, on: date, symbol: str, strategy: str, kind: str, income: Decimal, tax: Decimal
) -> None:
    """Add to a day's income; the sum is made here, for SQL does no arithmetic on money."""
    key = (on.isoformat(), symbol, strategy, kind)
    row = connection.execute(
        "SELECT income, tax_income, count FROM income_daily WHERE day = ? AND symbol = ? AND strategy = ? AND kind = ?",
        key,
    ).fetchone() or ("0", "0", 0)
    connection.execute(
        "INSERT INTO income_daily VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, symbol, strategy, kind)"
        " DO UPDATE SET income = excluded.income, tax_income = excluded.tax_income, count = excluded.count",
        (*key, str(Decimal(row[0]) + income), str(Decimal(row[1]) + tax), row[2] + 1),
    )


def _save_orders(connection: sqlite3.Connection, now: Moment, orders: Iterable[OwnOrder]) -> None:
    """Bring our orders to what the broker says of them; a row of transitions for each real change."""
    for order in orders:
        row = connection.execute(
            "SELECT state, status, filled_qty, ended_at, filled_avg_price, stop_price, high_water_mark FROM orders"
            " WHERE client_order_id = ?",
            (order.client_order_id,),
        ).fetchone()
        assert row is not None, f"order {order.client_order_id} was settled and never planned"
        state, status, filled, ended_at, *prices = row
        now_told = (order.state, order.status)
        count_entry(connection, order.strategy, order.purpose, order.replaces, (state, status), now_told)
        if order.state == "not_sent":
            revive(connection, order.client_order_id, now.tick_id)
        save_prices(connection, now.tick_id, order.client_order_id, prices, prices_of(order))
        connection.execute(
            "UPDATE orders SET broker_order_id = ?, filled_qty = ?, filled_avg_price = ?, stop_price = ?,"
            " high_water_mark = ?, state = ?, status = ?, ended_at = ? WHERE client_order_id = ?",
            (
                order.broker_order_id, str(order.filled_qty), text_of(order.filled_avg_price),
                text_of(order.stop_price), text_of(order.high_water_mark), order.state, order.status,
                None if order.alive else ended_at or now.ts, order.client_order_id,
            ),
        )  # fmt: skip
        if (state, status, Decimal(filled)) == (order.state, order.status, order.filled_qty):
            continue
        connection.execute(
            "INSERT INTO order_transitions (tick_id, client_order_id, at, state_before, state, status, broker_order_id,"
            " filled_qty, filled_avg_price, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                now.tick_id, order.client_order_id, now.ts, state, order.state, order.status, order.broker_order_id,
                str(order.filled_qty), text_of(order.filled_avg_price), "settled",
            ),
        )  # fmt: skip
        follow_order(connection, order.client_order_id, order.state, order.status, order.broker_order_id)


def prices_of(order: OwnOrder) -> list[str | None]:
    """Give what an order was told beside its steps, as it is kept: mean price, stop price, high-water mark."""
    return [text_of(order.filled_avg_price), text_of(order.stop_price), text_of(order.high_water_mark)]


def save_prices(
    connection: sqlite3.Connection,
    tick_id: int,
    client_order_id: str,
    before: Sequence[str | None],
    after: Sequence[str | None],
) -> None:
    """Keep an order's prices where one of them changed, for the seal of the tick that learned of it."""
    if list(before) != list(after):
        connection.execute(
            "INSERT INTO order_prices (tick_id, client_order_id, filled_avg_price, stop_price, high_water_mark)"
            " VALUES (?, ?, ?, ?, ?)",
            (tick_id, client_order_id, *after),
        )


def outcome(state: str, status: str) -> tuple[int, str | None]:
    """Give what an order's state means for its intent: submitted, and `error` or the broker's word."""
    submitted = int(state not in ("planned", "not_sent"))
    return submitted, status or ("error" if state in ("unknown", "refused", "not_sent") else None)


def word_after(state: str, word: str, before: str) -> str:
    """Give the broker's word after a step: what it says, else the one before; an order proved unsent has none.

    >>> word_after("done", "", "filled"), word_after("not_sent", "", "not_found")
    ('filled', '')
    """
    return word if word or state == "not_sent" else before


def follow_order(
    connection: sqlite3.Connection, client_order_id: str, state: str, status: str, broker_order_id: str
) -> None:
    """Bring the intents behind an order to its state."""
    connection.execute(
        "UPDATE order_intents SET submitted = ?, status = ?, alpaca_order_id = COALESCE(?, alpaca_order_id)"
        " WHERE client_order_id = ?",
        (*outcome(state, status), broker_order_id or None, client_order_id),
    )


def save_activities(connection: sqlite3.Connection, tick_id: int | None, activities: Iterable[Activity]) -> None:
    """Write lines of the broker's history, dividends and interest into the roll-up too; `tick_id` None is an import."""
    listed = list(activities)
    connection.executemany(ACTIVITY_INSERT, [activity_row(one, tick_id) for one in listed])
    for one in listed:
        kind = {"DIV": "dividends", "INT": "interest"}.get(one.kind)
        if kind is not None:
            day = new_york_day(one.at)
            earn(connection, day, underlying_of(one.symbol), "", kind, one.net_amount, one.net_amount)


def _save_drift(
    connection: sqlite3.Connection, now: Moment, before: tuple[Drift, ...], after: tuple[Drift, ...]
) -> None:
    """Keep one row for each episode: a symbol drifting in one kind, from first sight to its end."""
    if before == after:
        return
    old = {(one.symbol, one.kind): one for one in before}
    new = {(one.symbol, one.kind): one for one in after}
    for symbol, kind in old.keys() - new.keys():
        connection.execute(
            "UPDATE drift SET ended_at = ?, ended_tick = ? WHERE ended_at IS NULL AND symbol = ? AND kind = ?",
            (now.ts, now.tick_id, symbol, kind),
        )
    for key, one in new.items():
        facts = (one.what, str(one.broker), str(one.ours), optional_moment(one.expected_until))
        if key not in old:
            connection.execute(
                "INSERT INTO drift (what, broker, ours, expected_until, symbol, kind, since, tick_id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*facts, *key, optional_moment(one.since) or now.ts, now.tick_id),
            )
        elif one != old[key]:
            connection.execute(
                "UPDATE drift SET what = ?, broker = ?, ours = ?, expected_until = ?"
                " WHERE ended_at IS NULL AND symbol = ? AND kind = ?",
                (*facts, *key),
            )


def _save_state(connection: sqlite3.Connection, now: Moment, marks: Marks, decision: Decision) -> None:
    books = decision.settlement.books
    connection.execute(
        "INSERT OR REPLACE INTO ledger_state (one, cash, fees_accrued, equity_previous, equity_last, flow_session,"
        " session_day, nav, nav_peak, settled_at, last_slot, positions_json, marks_json)"
        " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT slot FROM ticks WHERE id = ?), ?, ?)",
        (
            text_of(books.cash), str(books.fees_accrued), text_of(books.equity_previous), text_of(books.equity_last),
            str(books.flow_session), None if books.session_day is None else books.session_day.isoformat(),
            str(books.nav), str(books.nav_peak), optional_moment(books.settled_at), now.tick_id,
            to_json(books.last_positions).decode(), to_json(good_marks(now.at, marks, decision.marks)).decode(),
        ),
    )  # fmt: skip


def save_positions(connection: sqlite3.Connection, now: Moment, decision: Decision) -> None:
    """Replace the positions; the first tick of a day keeps the last ones of the day before."""
    last = connection.execute(
        "SELECT t.session_day FROM positions p JOIN ticks t ON t.id = p.tick_id LIMIT 1"
    ).fetchone()
    if last is not None:
        if last[0] != now.day:
            connection.execute(
                "INSERT OR REPLACE INTO position_days SELECT ?, symbol, underlying, owner, qty, avg_entry_price, price,"
                " mark, mark_source, value, value_sort FROM positions",
                last,
            )
        connection.execute("DELETE FROM positions")
    if not decision.settlement.held:
        return
    marks = {symbol: (price, source) for symbol, price, source in decision.marks}
    rows = []
    for held in decision.settlement.held:
        one = held.position
        mark, source = marks.get(one.symbol, (None, None))
        value = None if mark is None else one.qty * mark * (SHARES_PER_CONTRACT if is_option(one.symbol) else ONE)
        rows.append(
            (
                one.symbol, underlying_of(one.symbol), held.owner, str(one.qty), text_of(one.avg_entry_price),
                text_of(one.price), text_of(mark), source, text_of(value), None if value is None else float(value),
                now.tick_id, now.ts,
            )
        )  # fmt: skip
    connection.executemany("INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _save_equity(connection: sqlite3.Connection, now: Moment, decision: Decision) -> None:
    books = decision.settlement.books
    flow = books.flow_session
    pnl = None if books.equity_previous is None else decision.equity - books.equity_previous - flow
    drawdown = (ONE - books.nav / books.nav_peak).quantize(SIX_PLACES).normalize() if books.nav_peak else ZERO
    connection.execute(
        "INSERT INTO equity_daily (day, tick_id, equity, equity_sort, cash, equity_previous, flow, pnl, nav, nav_peak,"
        " drawdown_fraction, benchmark_price) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (day) DO UPDATE SET tick_id = excluded.tick_id, equity = excluded.equity,"
        " equity_sort = excluded.equity_sort, cash = excluded.cash, equity_previous = excluded.equity_previous,"
        " flow = excluded.flow, pnl = excluded.pnl, nav = excluded.nav, nav_peak = excluded.nav_peak,"
        " drawdown_fraction = excluded.drawdown_fraction,"
        " benchmark_price = COALESCE(excluded.benchmark_price, benchmark_price)",
        (
            now.day, now.tick_id, str(decision.equity), float(decision.equity), str(decision.account.cash),
            text_of(books.equity_previous), str(flow), text_of(pnl), str(books.nav), str(books.nav_peak),
            str(drawdown), text_of(decision.benchmark_price),
        ),
    )  # fmt: skip
