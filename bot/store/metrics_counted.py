"""Counts that only grow: of ticks, refusals, orders and errors. Each tick adds what ended since they were kept.

They are carried on in one transaction with how far they have read, so a process killed at any point neither loses
nor doubles one, and a tick's share of the work does not grow with the record. None of it is read by a tick.
"""

from __future__ import annotations

import re
import sqlite3
from bisect import bisect_left
from collections import Counter
from typing import Any

import msgspec

from bot.domain.metering import Sample

TICKS, EVENTS = "metrics.ticks", "metrics.events"
"""Readers in `reached`."""
TICKS_MOST, EVENTS_MOST = 5_000, 50_000
"""Rows counted in one go at most: a ledger whose ticks nobody counted catches up over several ticks."""
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "240")
"""Upper ends of the duration histogram's parts, seconds; the last one is a tick's deadline."""
WHOLE = "whole"
"""The stage that stands for the whole tick."""

Key = tuple[str, tuple[str, ...]]
Counts = Counter[Key]
"""How many, by name and values of its labels."""

LABELS: dict[str, tuple[str, ...]] = {
    "ticks_total": ("mode", "status"),
    "errors_total": ("kind",),
    "intents_total": ("strategy", "purpose", "outcome"),
    "risk_block_total": ("reason",),
    "budget_exceeded_total": ("type",),
    "order_steps_total": ("state",),
    "fills_total": ("strategy", "side"),
    "option_ends_total": ("how",),
    "slots_missed_total": (),
    "events_total": ("kind",),
    "requests_total": ("venue",),
}
"""Every count with the labels whose values it is kept by."""
_PART, _SUM = "tick_duration_part", "tick_duration_sum"

BUDGETS = frozenset({
    "contracts_within_tick", "contracts_within_day", "contracts_within_symbol_day", "orders_within_tick",
    "orders_within_window", "orders_within_day", "exits_within_tick", "exits_within_day", "exit_reprices_within_day",
    "round_trips_within_day", "turnover_within_window", "turnover_within_day",
})  # fmt: skip
"""Gates that hold an allowance which is used up (B029): what is left of it returns with time."""

_KINDS = (
    ("planner", re.compile(r"^strategy ")),
    ("refused_by_broker", re.compile(r": the broker refused \(")),
    ("outcome_unknown", re.compile(r": outcome unknown \(|is unresolved; not sent")),
    ("cancel", re.compile(r"^cancel |the cancellation of ")),
    ("out_of_time", re.compile(r"time was up")),
)
_TICK_SPAN = "WHERE tick_id > ? AND tick_id <= ?"


def error_kind(words: str) -> str:
    """Say in one word what kind of error a tick's sentence tells.

    >>> error_kind("strategy wheel could not plan: KeyError: 'a'"), error_kind("XLF: no quote")
    ('planner', 'input')
    """
    return next((kind for kind, pattern in _KINDS if pattern.search(words)), "input")


def keep_counts(connection: sqlite3.Connection, more: Counts) -> None:
    """Carry the counts on to the newest tick that ended, with what else was counted, in the caller's transaction."""
    found, reached = _new(connection)
    found.update(more)
    connection.executemany(
        "INSERT INTO metric_counts VALUES (?, ?, ?) ON CONFLICT (name, labels) DO UPDATE SET"
        " count = count + excluded.count",
        [(name, msgspec.json.encode(labels).decode(), count) for (name, labels), count in found.items() if count > 0],
    )
    connection.executemany("INSERT OR REPLACE INTO reached VALUES (?, ?)", reached)


def read_counts(connection: sqlite3.Connection) -> Counts:
    """Give every count as it stands, with what ended since it was kept."""
    kept: Counts = Counter()
    for name, labels, count in connection.execute("SELECT name, labels, count FROM metric_counts"):
        kept[name, tuple(msgspec.json.decode(labels))] = count
    kept.update(_new(connection)[0])
    return kept


def count_samples(counts: Counts, gates: tuple[str, ...] = ()) -> list[Sample]:
    """Put counts into series, the durations as a histogram.

    What may be counted one day stands at zero until then, each of `gates` too: the first of a kind is seen to grow.
    """
    told = dict.fromkeys(_awaited(gates), 0) | {key: count for key, count in counts.items() if key[0] in LABELS}
    found = [
        Sample(name, str(count), tuple(zip(LABELS[name], labels, strict=True)))
        for (name, labels), count in sorted(told.items())
    ]
    for stage in sorted(labels[0] for name, labels in counts if name == _SUM):
        so_far = 0
        for bound in (*BOUNDS, "+Inf"):
            so_far += counts[_PART, (stage, bound)]
            found.append(Sample("tick_duration_seconds_bucket", str(so_far), (("stage", stage), ("le", bound))))
        total = counts[_SUM, (stage,)]
        found.append(Sample("tick_duration_seconds_sum", f"{total / 1_000_000:.6f}", (("stage", stage),)))
        found.append(Sample("tick_duration_seconds_count", str(so_far), (("stage", stage),)))
    return found


def _awaited(gates: tuple[str, ...]) -> list[Key]:
    found: list[Key] = [("slots_missed_total", ())]
    found += [("ticks_total", ("live", status)) for status in ("done", "failed", "died")]
    found += [("errors_total", (kind,)) for kind in ("tick", "input", *(kind for kind, _ in _KINDS))]
    found += [("order_steps_total", (state,)) for state in ("sending", "working", "unknown", "refused", "done")]
    found += [("risk_block_total", (gate,)) for gate in gates]
    return found + [("budget_exceeded_total", (_budget(gate),)) for gate in BUDGETS]


def _budget(gate: str) -> str:
    """Name the allowance that a gate holds: contracts_tick, orders_day, ..."""
    return gate.replace("_within", "")


def _new(connection: sqlite3.Connection) -> tuple[Counts, list[tuple[str, int]]]:
    """Count what ended since the counts were kept; gives it with how far it reaches."""
    run = connection.execute
    before = dict(run("SELECT reader, number FROM reached WHERE reader IN (?, ?)", (TICKS, EVENTS)).fetchall())
    low, event = before.get(TICKS, 0), before.get(EVENTS, 0)
    newest, unsealed = (
        run("SELECT COALESCE(max(id), 0) FROM ticks").fetchone()[0],
        run("SELECT min(id) FROM ticks WHERE status = 'started'").fetchone()[0],
    )
    high = min(newest if unsealed is None else unsealed - 1, low + TICKS_MOST)
    last = min(run("SELECT COALESCE(max(id), 0) FROM events").fetchone()[0], event + EVENTS_MOST)
    found: Counts = Counter()
    if high > low:
        _count_ticks(run("SELECT mode, status, stages_json, errors_json FROM ticks WHERE id > ? AND id <= ?",
                         (low, high)), found)  # fmt: skip
        _count_rest(connection, (low, high), found)
    for kind, count in run("SELECT kind, count(*) FROM events WHERE id > ? AND id <= ? GROUP BY kind", (event, last)):
        found["events_total", (kind,)] += count
    return found, [(TICKS, max(low, high)), (EVENTS, max(event, last))]


def _count_ticks(rows: sqlite3.Cursor, found: Counts) -> None:
    bounds = [float(one) for one in BOUNDS]
    for mode, status, stages_json, errors_json in rows:
        found["ticks_total", (mode, status)] += 1
        errors = [] if errors_json is None else msgspec.json.decode(errors_json)
        for words in errors:
            found["errors_total", ("tick" if status == "failed" else error_kind(words),)] += 1
        taken = [] if stages_json is None else msgspec.json.decode(stages_json)
        whole = sum(milliseconds for _, milliseconds in taken)
        for stage, milliseconds in (*taken, (WHOLE, whole)) if taken else ():
            place = bisect_left(bounds, milliseconds / 1000)
            found[_PART, (stage, (*BOUNDS, "+Inf")[place])] += 1
            found[_SUM, (stage,)] += round(milliseconds * 1000)


def _count_rest(connection: sqlite3.Connection, span: tuple[int, int], found: Counts) -> None:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query, span).fetchall()

    for strategy, purpose, approved, refused_by, count in rows(
        f"SELECT strategy, purpose, approved, refused_by, count(*) FROM order_intents {_TICK_SPAN} GROUP BY 1, 2, 3, 4"
    ):
        found["intents_total", (strategy, purpose, "allowed" if approved else "refused")] += count
        for gate in [] if approved else filter(None, refused_by.split(",")):
            found["risk_block_total", (gate.strip(),)] += count
            if gate.strip() in BUDGETS:
                found["budget_exceeded_total", (_budget(gate.strip()),)] += count
    for state, count in rows(
        f"SELECT state, count(*) FROM order_transitions {_TICK_SPAN} AND state <> state_before GROUP BY 1"
    ):
        found["order_steps_total", (state,)] += count
    for strategy, side, count in rows(f"SELECT strategy, side, count(*) FROM fills {_TICK_SPAN} GROUP BY 1, 2"):
        found["fills_total", (strategy, side)] += count
    for how, count in rows(f"SELECT how, count(*) FROM leg_ends {_TICK_SPAN} GROUP BY 1"):
        found["option_ends_total", (how,)] += count
    for (slots,) in rows(f"SELECT slots FROM board_gaps {_TICK_SPAN}"):
        found["slots_missed_total", ()] += slots
