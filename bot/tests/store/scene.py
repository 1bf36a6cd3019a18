"""Ledgers with something in them: one tick in a call, with only what a test is about."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.checks import CheckResult, allowed, at_most
from bot.domain.holdings import Activity
from bot.domain.ledger import Books
from bot.domain.orders import OwnOrder, Verdict, leg
from bot.domain.sessions import new_york_day
from bot.domain.snapshot import encode_snapshot
from bot.engine.ports import Decision, Settlement, TickEnd, TickStart, Transition
from bot.store.database import LEDGER_NAME
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON, D, a_snapshot, an_account, an_intent, put

PUT = put("XLF", date(2026, 12, 18), "40")
DAY = timedelta(days=1)


def a_start(at: datetime = NOON, **given: Any) -> TickStart:
    facts: dict[str, Any] = {
        "at": at, "slot": at, "mode": "live", "broker": "simulator", "market": "synthetic",
        "environment": "simulated", "config_hash": "c0ffee", "code_version": "1",
    }  # fmt: skip
    return TickStart(**(facts | given))


def an_end(at: datetime = NOON, **given: Any) -> TickEnd:
    facts: dict[str, Any] = {"status": "done", "note": "a test ticked", "finished_at": at}
    return TickEnd(**(facts | given))


def a_settlement(**given: Any) -> Settlement:
    facts: dict[str, Any] = {"books": Books(cash=D(25000), settled_at=NOON), "held": ()}
    return Settlement(**(facts | given))


def a_decision(snapshot_hash: str, at: datetime = NOON, **given: Any) -> Decision:
    facts: dict[str, Any] = {
        "snapshot_hash": snapshot_hash, "settlement": a_settlement(), "account": an_account(), "equity": D(25000),
        "benchmark_price": D(400), "flow": D(0), "verdicts": (), "notes": (), "planned": (), "dry": False,
        "session_date": new_york_day(at),
    }  # fmt: skip
    return Decision(**(facts | given))


def approved(symbol: str = PUT, **given: Any) -> Verdict:
    check = allowed("session_is_open", "the market trades")
    return Verdict(intent=an_intent(symbol, **given), checks=(check,))


def refused_by(*checks: CheckResult, symbol: str = PUT, **given: Any) -> Verdict:
    return Verdict(intent=an_intent(symbol, **given), checks=(allowed("session_is_open", "the market trades"), *checks))


def too_much(value: str, limit: str = "1000", gate: str = "cash_is_free") -> CheckResult:
    return at_most(gate, D(value), D(limit), "usd", "collateral")


def a_planned(at: datetime = NOON, number: int = 0, **given: Any) -> OwnOrder:
    facts: dict[str, Any] = {
        "client_order_id": f"desk-{at:%Y%m%d%H%M}-{number}", "strategy": "wheel", "purpose": "cash_secured_put",
        "key": f"key-{PUT}", "underlying": "XLF", "legs": (leg(PUT, "sell_to_open"),), "qty": D(1),
        "order_type": "limit", "limit_price": D("0.60"), "time_in_force": "day", "state": "planned", "slot": at,
        "planned_at": at,
    }  # fmt: skip
    return OwnOrder(**(facts | given))


def an_activity(number: int, at: datetime = NOON, **given: Any) -> Activity:
    facts: dict[str, Any] = {"id": f"line-{number}", "kind": "FILL", "symbol": "XLF", "at": at}
    return Activity(**(facts | given))


def begin(journal: LedgerJournal, at: datetime = NOON, **given: Any) -> tuple[int, str]:
    """Begin a tick and keep its Snapshot; gives its number and the Snapshot's hash."""
    tick_id = journal.begin(a_start(at, **given))
    journal.memory(at, new_york_day(at))
    return tick_id, journal.keep_snapshot(tick_id, at, encode_snapshot(a_snapshot(at)))


def a_tick(journal: LedgerJournal, at: datetime = NOON, **given: Any) -> int:
    """Run a whole tick through the journal; `given` are facts of its decision."""
    tick_id, kept = begin(journal, at, mode="dry" if given.get("dry") else "live")
    journal.record_decision(tick_id, a_decision(kept, at, **given))
    journal.seal(tick_id, an_end(at))
    return tick_id


def step(order: OwnOrder, state: Any, at: datetime = NOON, **given: Any) -> Transition:
    return Transition(client_order_id=order.client_order_id, state=state, at=at, **given)


def rows(home: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Read the ledger as any other program would."""
    connection = sqlite3.connect(home / LEDGER_NAME)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def tamper(home: Path, statement: str, *values: Any) -> None:
    """Change the ledger behind the program's back."""
    connection = sqlite3.connect(home / LEDGER_NAME)
    try:
        connection.execute(statement, values)
        connection.commit()
    finally:
        connection.close()
