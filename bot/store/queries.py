"""Questions to the ledger, read only: what commands and reports ask. Money comes back as Decimal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from bot.domain.drilling import DrillPass
from bot.domain.invariants import Invariant
from bot.domain.ledger import Cycle, Drift, Halt, Lot, OptionLeg, Panic, Proposal
from bot.domain.orders import OwnOrder
from bot.domain.trip import Trip, stronger, tripped_halt
from bot.store.answers import (
    ClosedCycle,
    EquityDay,
    EventRow,
    FillRow,
    GateTally,
    Income,
    IntentRow,
    NoteRow,
    NoteTally,
    PositionRow,
    TickRow,
    TransitionRow,
)
from bot.store.asking import DecisionLedger
from bot.store.database import LEDGER_NAME, moment_of, moment_text
from bot.store.drills import read_pass
from bot.store.invariants import read_invariants
from bot.store.panicking import in_force, read_panic
from bot.store.proposals import ProposalRow, read_lapsed, read_proposal, read_standing
from bot.store.remembering import read_drift, read_halt
from bot.store.rows import CYCLES, LEGS, LOTS, ORDER_SELECT, number_of, orders_of
from bot.store.strategy_books import BookRow, read_strategy_rows
from bot.store.tripping import read_trips

__all__ = [
    "ClosedCycle",
    "EquityDay",
    "EventRow",
    "FillRow",
    "GateTally",
    "Income",
    "IntentRow",
    "Ledger",
    "NoteRow",
    "NoteTally",
    "PositionRow",
    "TickRow",
    "TransitionRow",
    "ledger_exists",
    "open_for_questions",
]


def ledger_exists(home: Path) -> bool:
    """Say whether a home has a ledger yet."""
    return (home / LEDGER_NAME).exists()


class Ledger(DecisionLedger):
    """A ledger opened for every question; nothing here writes."""

    def open_lots(self) -> tuple[Lot, ...]:
        """List the lots held."""
        return LOTS.read_open(self.connection)

    def open_legs(self) -> tuple[OptionLeg, ...]:
        """List the option legs held."""
        return LEGS.read_open(self.connection)

    def open_cycles(self) -> tuple[Cycle, ...]:
        """List the turns of the wheel under way."""
        return CYCLES.read_open(self.connection)

    def closed_cycles(self, *, limit: int = 100) -> list[ClosedCycle]:
        """List finished turns of the wheel, newest first."""
        rows = self._all(f"{CYCLES.select} WHERE closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT ?", (limit,))
        return [
            ClosedCycle(cycle, cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees)
            for cycle in CYCLES.of(rows)
        ]

    def positions(self) -> list[PositionRow]:
        """List the broker's positions as the last tick saw them, by underlying."""
        return [
            PositionRow(
                symbol, underlying, owner, Decimal(qty), number_of(entry), number_of(mark), source, number_of(value),
                moment_of(at),
            )
            for symbol, underlying, owner, qty, entry, mark, source, value, at in self._all(
                "SELECT symbol, underlying, owner, qty, avg_entry_price, mark, mark_source, value, at FROM positions"
                " ORDER BY underlying, symbol"
            )
        ]  # fmt: skip

    def strategy_books(self) -> tuple[BookRow, ...]:
        """List every strategy's book as the last tick left it, by name."""
        return self._guarded(read_strategy_rows)

    def open_orders(self) -> tuple[OwnOrder, ...]:
        """List our orders that may still fill, oldest first."""
        return orders_of(self._all(f"{ORDER_SELECT} WHERE ended_at IS NULL ORDER BY planned_at"))

    def recent_orders(self, *, limit: int = 50, symbol: str = "") -> tuple[OwnOrder, ...]:
        """List our newest orders, newest first; of one underlying where it is named."""
        if symbol:
            query = f"{ORDER_SELECT} WHERE underlying = ? ORDER BY planned_at DESC LIMIT ?"
            return orders_of(self._all(query, (symbol, limit)))
        return orders_of(self._all(f"{ORDER_SELECT} ORDER BY rowid DESC LIMIT ?", (limit,)))

    def orders_of_day(self, day: date) -> tuple[OwnOrder, ...]:
        """List the orders of a session day, oldest first."""
        return orders_of(self._all(f"{ORDER_SELECT} WHERE session_day = ? ORDER BY rowid", (day.isoformat(),)))

    def proposals(self, at: datetime) -> tuple[Proposal, ...]:
        """List what stands at a moment: what waits for the owner's word, and what has it and was not sent yet."""
        return self._guarded(read_standing, at)

    def lapsed_proposals(self, after: datetime, at: datetime) -> tuple[Proposal, ...]:
        """List what lapsed unanswered between two moments."""
        return self._guarded(read_lapsed, after, at)

    def proposal(self, number: int) -> ProposalRow | None:
        """Give one proposal with what became of it."""
        return self._guarded(read_proposal, number)

    def transitions_of(self, client_order_id: str) -> list[TransitionRow]:
        """List the steps of an order, oldest first; a person's word is one of them."""
        return [
            TransitionRow(moment_of(at), before, state, status, number_of(qty), number_of(price), reason)
            for at, before, state, status, qty, price, reason in self._all(
                "SELECT at, state_before, state, status, filled_qty, filled_avg_price, reason FROM ("
                "SELECT id step, 0 word, at, state_before, state, status, filled_qty, filled_avg_price, reason"
                " FROM order_transitions WHERE client_order_id = ?1 UNION ALL "
                "SELECT after_step, id, at, state_before, state, status, NULL, NULL,"
                " author || ' says ' || replace(word, '_', ' ') || ': ' || reason"
                " FROM order_words WHERE client_order_id = ?1) ORDER BY step, word",
                (client_order_id,),
            )
        ]

    def fills_of(self, client_order_id: str) -> list[FillRow]:
        """List an order's fills, oldest first."""
        return self._fills("client_order_id = ? ORDER BY at", (client_order_id,))

    def fills_between(self, first: datetime, last: datetime) -> list[FillRow]:
        """List the fills with first <= at < last, oldest first."""
        return self._fills("at >= ? AND at < ? ORDER BY at", (moment_text(first), moment_text(last)))

    def _fills(self, where: str, values: tuple[Any, ...]) -> list[FillRow]:
        return [
            FillRow(key, moment_of(at), symbol, side, Decimal(qty), Decimal(price), order, strategy, purpose)
            for key, at, symbol, side, qty, price, order, strategy, purpose in self._all(
                "SELECT execution_id, at, symbol, side, qty, price, client_order_id, strategy, purpose FROM fills"
                f" WHERE {where}",
                values,
            )
        ]

    def equity_days(self, *, limit: int = 400) -> list[EquityDay]:
        """List equity by session day, oldest first."""
        rows = self._all(
            "SELECT day, equity, cash, flow, pnl, nav, drawdown_fraction, benchmark_price FROM equity_daily"
            " ORDER BY day DESC LIMIT ?",
            (limit,),
        )
        return [
            EquityDay(
                date.fromisoformat(day), Decimal(equity), Decimal(cash), Decimal(flow), number_of(pnl), Decimal(nav),
                Decimal(drawdown), number_of(benchmark),
            )
            for day, equity, cash, flow, pnl, nav, drawdown, benchmark in reversed(rows)
        ]  # fmt: skip

    def income(
        self, first: date, last: date, by: Literal["month", "week", "day", "symbol", "total"] = "month"
    ) -> list[Income]:
        """Sum income of New York days from first to last by a group and kind (wheel 2.21).

        A week is named by its Monday. Kinds: premium, shares, dividends, interest.
        """
        sums: dict[tuple[str, str], list[Any]] = {}
        for text, symbol, kind, income, tax, count in self._all(
            "SELECT day, symbol, kind, income, tax_income, count FROM income_daily WHERE day BETWEEN ? AND ?",
            (first.isoformat(), last.isoformat()),
        ):
            group = symbol if by == "symbol" else "" if by == "total" else _period(date.fromisoformat(text), by)
            entry = sums.setdefault((group, kind), [Decimal(0), Decimal(0), 0])
            entry[0] += Decimal(income)
            entry[1] += Decimal(tax)
            entry[2] += count
        return [Income(group, kind, *entry) for (group, kind), entry in sorted(sums.items())]

    def halt(self) -> Halt:
        """Give the halt in force: the one set last, a panic that stands, the file in the home, or what tripped."""
        return stronger(self.halt_said(), tripped_halt(self.trips()))

    def halt_said(self) -> Halt:
        """Give the halt in force apart from what tripped: the one set last, a panic that stands, or the file."""
        return in_force(self.halt_set(), self.panic(), self.home)

    def drill_pass(self) -> DrillPass | None:
        """Give the newest drill that passed."""
        return self._guarded(read_pass)

    def trips(self) -> tuple[Trip, ...]:
        """List the newest reading of every trip wire."""
        return self._guarded(read_trips)

    def halt_set(self) -> Halt:
        """Give the halt level set last, whatever else rules."""
        return self._guarded(read_halt)

    def panic(self) -> Panic | None:
        """Give the panic that stands."""
        return self._guarded(read_panic)

    def drift(self) -> tuple[Drift, ...]:
        """List the differences between broker and books that stand."""
        return read_drift(self.connection)

    def invariants(self) -> tuple[Invariant, ...]:
        """List the house's numbers about itself, of the newest tick that decided."""
        return self._guarded(read_invariants)

    def events(self, *, limit: int = 50, kind: str = "") -> list[EventRow]:
        """List the newest events, newest first."""
        query = "SELECT id, ts, kind, tick_id, payload_json, hash FROM events"
        where, values = (" WHERE kind = ?", (kind, limit)) if kind else ("", (limit,))
        return [
            EventRow(number, moment_of(ts), name, tick_id, msgspec.json.decode(payload), hash_after)
            for number, ts, name, tick_id, payload, hash_after in self._all(
                f"{query}{where} ORDER BY id DESC LIMIT ?", values
            )
        ]

    def config_is_approved(self, config_hash: str) -> bool:
        """Say whether a person approved a configuration for real money."""
        rows = self._all("SELECT approved_at FROM configs WHERE hash = ?", (config_hash,))
        return bool(rows) and rows[0][0] is not None

    def count_intents(self) -> int:
        """Count the intents of all ticks; their numbers begin at 1."""
        found: int = self._all("SELECT count(*) FROM order_intents")[0][0]
        return found

    def dump_state(self, *, since: datetime | None = None, limit: int = 100) -> dict[str, list[dict[str, Any]]]:
        """Give the newest rows of every table as JSON-ready values, oldest first.

        `since` drops rows of earlier ticks or moments where a table knows them; `limit` is per table.
        """
        dumped = {}
        for (table,) in self._all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
            columns = [row[1] for row in self._all(f"PRAGMA table_info({table})")]
            shown = [name for name in columns if name != "blob"]
            moment = next((name for name in ("ts", "at", "opened_at", "planned_at") if name in columns), None)
            where = ""
            values: tuple[str, ...] = ()
            if since is not None and moment is not None:
                where, values = f" WHERE {moment} >= ?", (moment_text(since),)
            key = "rowid" if self._has_rowid(table) else columns[0]
            names = ", ".join(f'"{name}"' for name in shown)
            rows = self._all(f"SELECT {names} FROM {table}{where} ORDER BY {key} DESC LIMIT ?", (*values, limit))
            dumped[table] = [dict(zip(shown, row, strict=True)) for row in reversed(rows)]
        return dumped

    def _has_rowid(self, table: str) -> bool:
        sql: str = self._all("SELECT sql FROM sqlite_master WHERE name = ?", (table,))[0][0]
        return "WITHOUT ROWID" not in sql


@contextmanager
def open_for_questions(home: Path) -> Iterator[Ledger]:
    """Open a home's ledger for reading; raises StoreError when there is none yet."""
    ledger = Ledger(home)
    try:
        yield ledger
    finally:
        ledger.close()


def _period(day: date, by: str) -> str:
    if by == "day":
        return day.isoformat()
    if by == "month":
        return f"{day:%Y-%m}"
    return date.fromordinal(day.toordinal() - day.weekday()).isoformat()
