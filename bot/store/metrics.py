"""The ledger as metrics: what stands now, each read by its key or an index of what is open. Nothing here writes."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from bot.domain.metering import Sample
from bot.domain.money import ZERO
from bot.domain.subledger import OWNERLESS
from bot.store.database import moment_of

SYMBOLS_MOST = 200
"""Symbols with series of their own at most; the others are summed under OTHERS."""
OTHERS = "(others)"
MAY_FILL = {"planned": 0, "sending": 0, "working": 0, "unknown": 0}
"""States of an order that may still fill."""
_SYMBOLS = re.compile(r" [A-Z][A-Z0-9./]*(?= |$)")
_DESK = (
    ("equity_dollars", "equity"), ("cash_dollars", "cash"), ("buying_power_dollars", "buying_power"),
    ("idle_cash_dollars", "cash_idle"), ("collateral_dollars", "collateral"),
    ("collateral_ratio", "collateral_fraction"),
    ("day_pnl_dollars", "day_pnl"), ("day_return_ratio", "day_fraction"), ("nav_ratio", "nav"),
    ("nav_peak_ratio", "nav_peak"), ("drawdown_ratio", "drawdown_fraction"), ("drawdown_limit_ratio", "drawdown_limit"),
    ("daily_loss_limit_ratio", "daily_loss_limit"), ("session_open", "session_open"),
)  # fmt: skip


def read_samples(connection: sqlite3.Connection) -> list[Sample]:
    """Read everything that stands: money, ticks, positions, orders, invariants, trips, what the owner was told."""
    found: list[Sample] = []
    for read in (_ticks, _desk, _inputs, _results, _strategies, _held, _orders, _invariants, _trips, _told, _drills):
        found.extend(read(connection))
    return found


def seconds_of(moment: str) -> str:
    """Give a moment of the ledger as UNIX seconds.

    >>> seconds_of("2026-11-18T17:00:00.000000Z")
    '1795021200.0'
    """
    return repr(moment_of(moment).timestamp())


def _ticks(connection: sqlite3.Connection) -> Iterator[Sample]:
    run = connection.execute
    row = run(
        "SELECT ts, mode, broker, environment, market, code_version, config_hash FROM ticks ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return
    ts, mode, broker, environment, market, version, config = row
    yield Sample("tick_timestamp_seconds", seconds_of(ts))
    yield Sample("build_info", "1", (("version", version), ("config", config[:12])))
    yield Sample(
        "desk_info", "1", (("mode", mode), ("broker", broker), ("environment", environment), ("market", market))
    )
    good = run("SELECT ts FROM ticks WHERE status = 'done' ORDER BY id DESC LIMIT 1").fetchone()
    if good is not None:
        yield Sample("tick_success_timestamp_seconds", seconds_of(good[0]))
    sealed = run(
        "SELECT status, stages_json, errors_json FROM ticks WHERE status <> 'started' ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if sealed is None:
        return
    status, stages_json, errors_json = sealed
    yield Sample("tick_last_success", str(int(status == "done")))
    yield Sample("tick_last_errors", str(len(_json(errors_json))))
    for stage, milliseconds in _json(stages_json):
        yield Sample("tick_last_duration_seconds", f"{milliseconds / 1000:.6f}", (("stage", stage),))


def _desk(connection: sqlite3.Connection) -> Iterator[Sample]:
    columns = ", ".join(f"d.{column}" for _, column in _DESK)
    row = connection.execute(
        f"SELECT {columns}, d.next_slot, t.ts, t.benchmark_price, d.benchmark FROM board_desk d"
        " LEFT JOIN ticks t ON t.id = d.tick_id"
    ).fetchone()
    if row is None:
        return
    *values, coming, ts, price, benchmark = row
    for (name, _), value in zip(_DESK, values, strict=True):
        if value is not None:
            yield Sample(name, str(value))
    yield Sample("next_tick_timestamp_seconds", seconds_of(coming))
    if ts is not None:
        yield Sample("equity_timestamp_seconds", seconds_of(ts))
    if price is not None:
        yield Sample("benchmark_price_dollars", price, (("symbol", benchmark),))
    index = connection.execute(
        "SELECT holding_index, benchmark_index FROM board_moments ORDER BY tick_id DESC LIMIT 1"
    ).fetchone()
    for name, value in zip(("holding_ratio", "benchmark_ratio"), index or (), strict=False):
        if value is not None:
            yield Sample(name, repr(value))


def _inputs(connection: sqlite3.Connection) -> Iterator[Sample]:
    """Give when the oldest input of each kind was true: a symbol in its name would change from tick to tick."""
    row = connection.execute(
        "SELECT s.seen_json, t.ts FROM board_seen s JOIN ticks t ON t.id = s.tick_id ORDER BY s.tick_id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return
    oldest: dict[str, float] = {}
    for one in _json(row[0]).get("inputs", ()):
        kind = _SYMBOLS.sub("", one["name"])
        oldest[kind] = max(oldest.get(kind, 0.0), one["age"])
    taken = moment_of(row[1]).timestamp()
    for kind, age in sorted(oldest.items()):
        yield Sample("input_timestamp_seconds", repr(round(taken - age, 3)), (("input", kind),))


def _results(connection: sqlite3.Connection) -> Iterator[Sample]:
    rows = connection.execute("SELECT symbol, realized, open, dividends FROM board_symbols ORDER BY symbol").fetchall()
    for place, name in enumerate(("realized_pnl_dollars", "unrealized_pnl_dollars", "dividends_dollars"), 1):
        rest = ZERO
        for number, row in enumerate(rows):
            if number < SYMBOLS_MOST:
                yield Sample(name, row[place], (("symbol", row[0] or "(account)"),))
            else:
                rest += Decimal(row[place])
        if len(rows) > SYMBOLS_MOST:
            yield Sample(name, str(rest), (("symbol", OTHERS),))


def _strategies(connection: sqlite3.Connection) -> Iterator[Sample]:
    rows = connection.execute(
        "SELECT strategy, income, premium, dividends, fees, cash, value, collateral, carried FROM strategy_books"
    )
    names = ("realized_pnl", "premium", "dividends", "fees", "cash", "value", "collateral")
    for strategy, *values, carried in rows:
        whose = (("strategy", strategy),)
        for name, value in zip(names, values, strict=True):
            yield Sample(f"strategy_{name}_dollars", value, whose)
        if strategy not in OWNERLESS:
            yield Sample("strategy_unrealized_pnl_dollars", str(Decimal(values[5]) - Decimal(carried)), whose)


def _held(connection: sqlite3.Connection) -> Iterator[Sample]:
    run = connection.execute
    owners = dict.fromkeys(("ours", "adopted", "foreign", "mixed"), 0)
    owners |= dict(run("SELECT owner, count(*) FROM positions GROUP BY owner").fetchall())
    yield from _each("positions", "owner", owners)
    bare = run("SELECT count(*) FROM board_positions WHERE protection_ok = 0").fetchone()[0]
    yield Sample("positions_unprotected", str(bare))
    contracts = {(right, side): ZERO for right in ("put", "call") for side in ("short", "long")}
    for right, qty in run('SELECT "right", qty FROM option_legs WHERE closed_at IS NULL'):
        number = Decimal(qty)
        contracts[right, "short" if number < 0 else "long"] += abs(number)
    for (right, side), number in contracts.items():
        yield Sample("open_option_contracts", str(number), (("right", right), ("side", side)))
    shares: dict[str, Decimal] = {}
    for symbol, qty in run("SELECT symbol, qty FROM lots WHERE closed_at IS NULL"):
        shares[symbol] = shares.get(symbol, ZERO) + Decimal(qty)
    yield from _each("open_shares", "symbol", dict(sorted(shares.items())[:SYMBOLS_MOST]))


def _orders(connection: sqlite3.Connection) -> Iterator[Sample]:
    run = connection.execute
    states = MAY_FILL | dict(run("SELECT state, count(*) FROM orders WHERE ended_at IS NULL GROUP BY state").fetchall())
    yield from _each("orders_open", "state", states)
    yield Sample("orders_unresolved", str(states["sending"] + states["unknown"]))
    kinds = {"pending": 0, "unexplained": 0}
    kinds |= dict(run("SELECT kind, count(*) FROM drift WHERE ended_at IS NULL GROUP BY kind").fetchall())
    yield from _each("drift", "kind", kinds)
    words = {"proposed": 0, "approved": 0}
    words |= dict(
        run("SELECT status, count(*) FROM proposals WHERE status IN ('proposed', 'approved') GROUP BY 1").fetchall()
    )
    yield from _each("proposals_standing", "status", words)


def _invariants(connection: sqlite3.Connection) -> Iterator[Sample]:
    broken = 0
    rows = connection.execute(
        "SELECT name, value, unit, ok FROM invariants WHERE tick_id = (SELECT max(tick_id) FROM invariants) ORDER BY id"
    )
    for name, value, unit, ok in rows:
        broken += not ok
        yield Sample("invariant_value", value, (("invariant", name), ("unit", unit)))
        yield Sample("invariant_broken", str(int(not ok)), (("invariant", name),))
    yield Sample("invariants_broken", str(broken))


def _trips(connection: sqlite3.Connection) -> Iterator[Sample]:
    for name, level, value, limit, unit, standing in connection.execute(
        'SELECT name, level, value, "limit", unit, tripped_at IS NOT NULL AND cleared_at IS NULL FROM trips'
    ):
        yield Sample("trip_in_force", str(standing), (("trip", name), ("level", level)))
        which = (("trip", name), ("unit", unit))
        if value is not None:
            yield Sample("trip_reading", value, which)
        yield Sample("trip_limit", limit, which)


def _told(connection: sqlite3.Connection) -> Iterator[Sample]:
    run = connection.execute
    unanswered = run(
        "SELECT count(*) FROM alerts WHERE severity = 'critical' AND acknowledged_at IS NULL AND ended_at IS NULL"
    ).fetchone()[0]
    yield Sample("alerts_unacknowledged", str(unanswered))
    waiting: Counter[str] = Counter()
    oldest: dict[str, str] = {}
    for channel, at in run("SELECT channel, at FROM outbox WHERE state IN ('pending', 'sending')"):
        waiting[channel] += 1
        oldest[channel] = min(at, oldest.get(channel, at))
    for channel, dead_since, sent_at, failures in run(
        "SELECT channel, dead_since, sent_at, failures FROM channels ORDER BY channel"
    ).fetchall():
        where = (("channel", channel),)
        waiting.setdefault(channel, 0)
        yield Sample("channel_dead", str(int(dead_since is not None)), where)
        yield Sample("channel_failures", str(failures), where)
        if sent_at is not None:
            yield Sample("channel_sent_timestamp_seconds", seconds_of(sent_at), where)
    yield from _each("messages_waiting", "channel", waiting)
    for channel, at in sorted(oldest.items()):
        yield Sample("messages_oldest_timestamp_seconds", seconds_of(at), (("channel", channel),))


def _drills(connection: sqlite3.Connection) -> Iterator[Sample]:
    run = connection.execute
    row = run("SELECT at FROM drills WHERE passed = 1 ORDER BY id DESC LIMIT 1").fetchone()
    if row is not None:
        yield Sample("drill_passed_timestamp_seconds", seconds_of(row[0]))
    for name, table in (("panic_standing", "panics"), ("restore_standing", "restores")):
        standing = run(f"SELECT count(*) FROM {table} WHERE ended_at IS NULL").fetchone()[0]
        yield Sample(name, str(int(standing > 0)))


def _each(name: str, label: str, values: dict[str, Any] | Counter[str]) -> Iterable[Sample]:
    return [Sample(name, str(value), ((label, key),)) for key, value in values.items()]


def _json(text: str | None) -> Any:
    return [] if text is None else msgspec.json.decode(text)
