"""What the dashboard's pages ask of a ledger, as SQL over its views: the shapes of dashboard/lib/specs and app/."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Asked(NamedTuple):
    """One question: its name, SQL with names for what differs, and whether it spans all of time."""

    name: str
    sql: str
    grows: bool = False


def _newest(view: str, limit: int, where: str = "", order: str = "id") -> str:
    return f"SELECT * FROM {view}{f' WHERE {where}' if where else ''} ORDER BY {order} DESC LIMIT {limit}"


QUERIES = (
    Asked("desk", "SELECT * FROM dashboard_desk LIMIT 1"),
    Asked("overview: heatmap", "SELECT day, pnl, pnl_sort FROM dashboard_equity WHERE day >= :month_ago ORDER BY day"),
    Asked("overview: day by tick", "SELECT ts, nav_index, holding_index, benchmark_index FROM dashboard_moments"
          " WHERE day >= :day ORDER BY day, tick_id LIMIT 400"),
    Asked("overview: ten years by day", "SELECT day, nav_index, holding_index, benchmark_index FROM dashboard_equity"
          " WHERE day >= :decade_ago ORDER BY day LIMIT 5000", grows=True),
    Asked("overview: equity", _newest("dashboard_equity", 21, order="day")),
    Asked("overview: invariants", "SELECT * FROM dashboard_invariants ORDER BY position LIMIT 41"),
    Asked("overview: trips", "SELECT * FROM dashboard_trips ORDER BY name LIMIT 41"),
    Asked("overview: events", _newest("dashboard_happenings", 6)),
    Asked("overview: fills", _newest("dashboard_fills", 6)),
    Asked("positions", "SELECT * FROM dashboard_positions ORDER BY underlying, symbol LIMIT 500"),
    Asked("positions: options", "SELECT * FROM dashboard_positions WHERE kind = 'option' ORDER BY expiry, symbol"
          " LIMIT 201"),
    Asked("positions: lots", _newest("dashboard_lots", 26, order="opened_at")),
    Asked("positions: lots of one", _newest("dashboard_lots", 26, "symbol = :symbol", "opened_at")),
    Asked("wheel: cycles", _newest("dashboard_cycles", 120, order="opened_at")),
    Asked("wheel: cycles of one", _newest("dashboard_cycles", 41, "symbol = :symbol", "opened_at")),
    Asked("wheel: legs", _newest("dashboard_legs", 41, order="opened_at")),
    Asked("wheel: legs of one", _newest("dashboard_legs", 41, "underlying = :symbol", "opened_at")),
    Asked("wheel: legs of a cycle", "SELECT * FROM dashboard_legs WHERE cycle = :cycle ORDER BY opened_at LIMIT 200"),
    Asked("wheel: lots of a cycle", "SELECT * FROM dashboard_lots WHERE cycle = :cycle ORDER BY opened_at LIMIT 50"),
    Asked("wheel: prices", "SELECT day, price_sort FROM dashboard_prices WHERE symbol = :symbol AND day >= :month_ago"
          " AND day <= :day ORDER BY day LIMIT 800"),
    Asked("income: days", _newest("dashboard_income", 41, order="day DESC, symbol ASC, kind")),
    Asked("income: weeks", _newest("dashboard_income_weeks", 41, order="first_day")),
    Asked("income: months", _newest("dashboard_income_months", 41, order="month")),
    Asked("income: months of one", _newest("dashboard_income_months", 41, "symbol = :symbol", "month")),
    Asked("income: symbols", "SELECT * FROM dashboard_income_symbols ORDER BY realized_sort DESC, symbol LIMIT 101"),
    Asked("income: history", _newest("dashboard_activities", 41, order="day")),
    Asked("week ahead", "SELECT * FROM dashboard_ahead ORDER BY position LIMIT 201"),
    Asked("week ahead: proposals", _newest("dashboard_proposals", 21, order="number")),
    Asked("orders", _newest("dashboard_orders", 26)),
    Asked("orders, older", _newest("dashboard_orders", 26, "id < :order_row")),
    Asked("orders of one", _newest("dashboard_orders", 26, "underlying = :symbol")),
    Asked("orders of a day", _newest("dashboard_orders", 26, "session_day = :order_day")),
    Asked("orders: steps", "SELECT * FROM dashboard_transitions WHERE client_order_id = :order_id ORDER BY id"
          " LIMIT 30"),
    Asked("orders: fills", _newest("dashboard_fills", 16)),
    Asked("orders: intents", _newest("dashboard_intents", 26)),
    Asked("orders: intents of one", _newest("dashboard_intents", 26, "underlying = :symbol")),
    Asked("why: days", "SELECT day, gate, count, sole FROM dashboard_refusals_daily WHERE day >= :month_ago"
          " ORDER BY day"),
    Asked("why: refusals", _newest("dashboard_refusals", 41)),
    Asked("why: refusals of a day", _newest("dashboard_refusals", 41, "day = :refusal_day")),
    Asked("why: refusals by a gate", _newest("dashboard_refusals", 41, "gate = :gate")),
    Asked("why: refusals of one", _newest("dashboard_refusals", 41, "symbol = :symbol")),
    Asked("why: refusals of a day by a gate", _newest("dashboard_refusals", 41, "day = :refusal_day AND gate = :gate")),
    Asked("why: nearest misses", _newest("dashboard_refusals", 13, "nearest = 1 AND day = :refusal_day")),
    Asked("why: notes", _newest("dashboard_notes", 26)),
    Asked("why: notes of a day", _newest("dashboard_notes", 26, "day = :day")),
    Asked("why: notes of one", _newest("dashboard_notes", 26, "symbol = :symbol")),
    Asked("why: notes of one and a day", _newest("dashboard_notes", 26, "day = :day AND symbol = :symbol")),
    Asked("ticks", _newest("dashboard_ticks", 31)),
    Asked("ticks, older", _newest("dashboard_ticks", 31, "id < :tick")),
    Asked("ticks of a day", _newest("dashboard_ticks", 31, "session_day = :day")),
    Asked("ticks: stages", "SELECT id, duration_ms, stages_json FROM dashboard_ticks ORDER BY id DESC LIMIT 80"),
    Asked("ticks: gaps", _newest("dashboard_gaps", 21)),
    Asked("ticks: troubles", _newest("dashboard_troubles", 13)),
    Asked("a tick", "SELECT * FROM dashboard_ticks WHERE id = :tick"),
    Asked("a tick: before", "SELECT id FROM dashboard_ticks WHERE id < :tick ORDER BY id DESC LIMIT 1"),
    Asked("a tick: after", "SELECT id FROM dashboard_ticks WHERE id > :tick ORDER BY id LIMIT 1"),
    Asked("a tick: intents", "SELECT * FROM dashboard_intents WHERE tick_id = :tick ORDER BY position LIMIT 200"),
    Asked("a tick: notes", "SELECT * FROM dashboard_notes WHERE tick_id = :tick ORDER BY id LIMIT 200"),
    Asked("a tick: checks", "SELECT * FROM dashboard_checks WHERE tick_id = :tick"),
    Asked("a tick: orders", "SELECT * FROM dashboard_orders WHERE tick_id = :tick ORDER BY id LIMIT 200"),
    Asked("a tick: steps", "SELECT * FROM dashboard_transitions WHERE tick_id = :tick ORDER BY id LIMIT 200"),
    Asked("a tick: fills", "SELECT * FROM dashboard_fills WHERE tick_id = :tick ORDER BY id LIMIT 200"),
    Asked("strategies", "SELECT * FROM dashboard_strategies ORDER BY priority, name LIMIT 101"),
    Asked("strategies: books", "SELECT * FROM dashboard_books ORDER BY strategy LIMIT 101"),
    Asked("backtests", _newest("dashboard_backtests", 26)),
    Asked("reports", _newest("dashboard_reports", 26)),
    Asked("audit: events", _newest("dashboard_events", 31)),
    Asked("audit: events of a kind", _newest("dashboard_events", 31, "kind = 'tick'")),
    Asked("audit: halts", _newest("dashboard_halts", 16)),
    Asked("audit: pauses", _newest("dashboard_pauses", 11)),
    Asked("audit: drift", _newest("dashboard_drift", 16)),
    Asked("audit: drills", _newest("dashboard_drills", 11)),
    Asked("config: values", "SELECT * FROM dashboard_settings ORDER BY position LIMIT 401"),
    Asked("config: used", _newest("dashboard_configs", 21, order="at")),
    Asked("config: in force", "SELECT text FROM dashboard_configs WHERE current = 1 LIMIT 1"),
)  # fmt: skip


def values_of(ledger: sqlite3.Connection) -> dict[str, object]:
    """Choose what the questions are about: the newest of each, and a busy symbol."""

    def one(query: str) -> object:
        row = ledger.execute(query).fetchone()
        return row[0] if row else ""

    day = str(one("SELECT session_day FROM ticks WHERE session_day IS NOT NULL ORDER BY id DESC LIMIT 1"))
    order = one("SELECT client_order_id FROM orders ORDER BY rowid DESC LIMIT 1")
    return {
        "day": day, "tick": one("SELECT id FROM ticks WHERE intents > 0 ORDER BY id DESC LIMIT 1"),
        "month_ago": one(f"SELECT date('{day}', '-14 days')"), "decade_ago": one(f"SELECT date('{day}', '-10 years')"),
        "symbol": one("SELECT underlying FROM order_intents ORDER BY id DESC LIMIT 1"),
        "cycle": one("SELECT id FROM cycles ORDER BY opened_at DESC LIMIT 1"), "order_id": order,
        "order_row": one("SELECT max(rowid) - 10 FROM orders"),
        "order_day": one("SELECT session_day FROM orders ORDER BY rowid DESC LIMIT 1"),
        "refusal_day": one("SELECT day FROM refusals ORDER BY id DESC LIMIT 1"),
        "gate": one("SELECT gate FROM refusals ORDER BY id DESC LIMIT 1"),
    }  # fmt: skip
