"""The simulated account's own SQLite file: every change in one transaction, committed before an answer.

account: one row (id, first and last moment, cash, accrued fees, counters, version). holdings: symbol, quantity,
average. orders: the order as the broker shows it and the broker's own notes, as JSON. activities: the history, one
column a field. Money is text. `seen_at` is stored with each change only: where nothing changed, walking the same
path again changes nothing.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from bot.brokers.simulator_account import Holding
from bot.brokers.simulator_matching import Resting
from bot.brokers.simulator_state import State
from bot.domain.desk import SimulatorNumbers
from bot.domain.errors import ForeignStore
from bot.domain.holdings import Activity, BrokerOrder
from bot.domain.sessions import new_york_day

Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]
SCHEMA_NUMBER = 1
SCHEMA = """
CREATE TABLE account (
  only INTEGER PRIMARY KEY CHECK (only = 1), account_id TEXT NOT NULL, started_at TEXT NOT NULL,
  seen_at TEXT NOT NULL, cash TEXT NOT NULL, fees TEXT NOT NULL, orders_taken INTEGER NOT NULL,
  activities_booked INTEGER NOT NULL, version INTEGER NOT NULL) STRICT;
CREATE TABLE holdings (symbol TEXT PRIMARY KEY, qty TEXT NOT NULL, average TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
  broker_order_id TEXT PRIMARY KEY, client_order_id TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL,
  status TEXT NOT NULL, working INTEGER NOT NULL, updated_at TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX orders_working ON orders (sequence) WHERE working = 1;
CREATE INDEX orders_updated ON orders (updated_at);
CREATE TABLE activities (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL, day TEXT NOT NULL,
  at TEXT NOT NULL, qty TEXT NOT NULL, price TEXT, net_amount TEXT NOT NULL, order_id TEXT NOT NULL,
  group_id TEXT NOT NULL, raw_type TEXT NOT NULL, description TEXT NOT NULL, UNIQUE (id, kind, symbol)) STRICT;
CREATE INDEX activities_day ON activities (day);
"""
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Resting)


def moment_text(moment: datetime) -> str:
    """Write a moment so that text sorts as time does."""
    return moment.isoformat(timespec="microseconds")


def _make_private(path: str) -> None:
    """Make a file for this user alone before SQLite opens it; an existing one keeps its own mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise sqlite3.OperationalError(f"unable to open {path}: {error.strerror}") from error


class Store:
    """One connection to one account's file. Raises sqlite3.Error; the facade says what that means."""

    def __init__(self, path: str, synchronous: str) -> None:
        if path != ":memory:":
            _make_private(path)
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute(f"PRAGMA synchronous={synchronous}")
        found = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_NUMBER:
            raise ForeignStore(
                f"{path} was written by a newer program (schema {found}, this one knows {SCHEMA_NUMBER}): update it"
            )
        if found == 0:
            self._create()
        self.data_version = self._data_version()

    def _create(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        if self.connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in SCHEMA.split(";"):
                if statement.strip():
                    self.connection.execute(statement)
            self.connection.execute(f"PRAGMA user_version={SCHEMA_NUMBER}")
        self.connection.execute("COMMIT")

    def _data_version(self) -> int:
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def changed_elsewhere(self) -> bool:
        """Say whether another connection has committed since this was last asked."""
        now = self._data_version()
        changed = now != self.data_version
        self.data_version = now
        return changed

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def load(self, numbers: SimulatorNumbers, kept_from: datetime | None, keep_days: int = 10) -> State | None:
        """Read the account; ended orders and activities only from `kept_from` (or ten days before the last change).

        None means that there is no account yet.
        """
        self.connection.execute("BEGIN")
        try:
            return self._load(numbers, kept_from, keep_days)
        finally:
            self.connection.execute("COMMIT")

    def _load(self, numbers: SimulatorNumbers, kept_from: datetime | None, keep_days: int) -> State | None:
        row = self.connection.execute(
            "SELECT account_id, started_at, seen_at, cash, fees, orders_taken, activities_booked, version FROM account"
        ).fetchone()
        if row is None:
            return None
        state = State(row[0], datetime.fromisoformat(row[1]), numbers)
        state.seen_at = datetime.fromisoformat(row[2])
        state.cash = Decimal(row[3])
        state.fees = msgspec.json.decode(row[4], type=dict[str, Decimal])
        state.orders_taken, state.activities_booked, state.version = row[5], row[6], row[7]
        state.kept_from = kept_from or datetime.fromtimestamp(
            state.seen_at.timestamp() - keep_days * 86_400, state.seen_at.tzinfo
        )
        for symbol, qty, average in self.connection.execute("SELECT symbol, qty, average FROM holdings"):
            state.holdings[symbol] = Holding(qty=Decimal(qty), average=Decimal(average))
        for (body,) in self.connection.execute("SELECT body FROM orders WHERE working = 1 ORDER BY sequence"):
            resting = _DECODER.decode(body)
            state.working[resting.order.broker_order_id] = resting
        ended = self.connection.execute(
            "SELECT body FROM orders WHERE working = 0 AND updated_at >= ? ORDER BY updated_at, sequence",
            (moment_text(state.kept_from),),
        )
        state.ended = [_DECODER.decode(body).order for (body,) in ended]
        state.activities = self._activities(new_york_day(state.kept_from))
        state.activity_days = [new_york_day(line.at) for line in state.activities]
        state.mark_stored()
        return state

    def _activities(self, since: date) -> list[Activity]:
        rows = self.connection.execute(
            "SELECT id, kind, symbol, at, qty, price, net_amount, order_id, group_id, raw_type, description "
            "FROM activities WHERE day >= ? ORDER BY sequence",
            (since.isoformat(),),
        )
        names = ("id", "kind", "symbol", "at", "qty", "price", "net_amount", "order_id", "group_id", "raw_type")
        return [
            msgspec.convert(dict(zip((*names, "description"), row, strict=True)), Activity, strict=False)
            for row in rows
        ]

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Look an order up by the client's id, ended ones too."""
        row = self.connection.execute(
            "SELECT body FROM orders WHERE client_order_id = ?", (client_order_id,)
        ).fetchone()
        return None if row is None else _DECODER.decode(row[0]).order

    def find_status(self, broker_order_id: str) -> str | None:
        """Look an order's status up by the broker's id."""
        row = self.connection.execute("SELECT status FROM orders WHERE broker_order_id = ?", (broker_order_id,))
        found = row.fetchone()
        return None if found is None else str(found[0])

    def save(self, state: State) -> bool:
        """Commit everything that changed, durably; False when another process committed first.

        Nothing is written then, and the caller reads again. The state counts as stored afterwards.
        """
        run = self.connection.execute
        run("BEGIN IMMEDIATE")
        try:
            row = run("SELECT version FROM account").fetchone()
            if (row[0] if row else 0) != state.version:
                run("ROLLBACK")
                return False
            self._write(state)
            run("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                run("ROLLBACK")
            raise
        state.version += 1
        state.mark_stored()
        return True

    def _write(self, state: State) -> None:
        connection = self.connection
        connection.execute(
            "INSERT OR REPLACE INTO account VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                state.account_id,
                moment_text(state.started_at),
                moment_text(state.seen_at),
                str(state.cash),
                msgspec.json.encode(state.fees).decode(),
                state.orders_taken,
                state.activities_booked,
                state.version + 1,
            ),
        )
        for symbol in sorted(state.changed_holdings):
            held = state.holdings.get(symbol)
            if held is None:
                connection.execute("DELETE FROM holdings WHERE symbol = ?", (symbol,))
            else:
                row = (symbol, str(held.qty), str(held.average))
                connection.execute("INSERT OR REPLACE INTO holdings VALUES (?, ?, ?)", row)
        for resting in state.changed_orders.values():
            order = resting.order
            connection.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (broker_order_id) DO UPDATE SET "
                "status = excluded.status, working = excluded.working, updated_at = excluded.updated_at, "
                "body = excluded.body",
                (
                    order.broker_order_id,
                    order.client_order_id,
                    resting.sequence,
                    order.status,
                    int(not order.terminal),
                    moment_text(order.updated_at),
                    _ENCODER.encode(resting).decode(),
                ),
            )
        first = state.activities_booked - len(state.new_activities) + 1
        for number, line in enumerate(state.new_activities, first):
            connection.execute(
                "INSERT INTO activities VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    line.id,
                    line.kind,
                    line.symbol,
                    new_york_day(line.at).isoformat(),
                    moment_text(line.at),
                    str(line.qty),
                    None if line.price is None else str(line.price),
                    str(line.net_amount),
                    line.order_id,
                    line.group_id,
                    line.raw_type,
                    line.description,
                ),
            )
