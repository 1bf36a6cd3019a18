"""A simulated account that no file keeps: what a run in memory stands on. It answers as the one with a file does.

What counts as stored is a copy of the account as it was last saved: an advance that fails half way goes back to it,
as a file is read again.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from bot.brokers.simulator_account import Holding
from bot.brokers.simulator_matching import Resting
from bot.brokers.simulator_state import State
from bot.domain.desk import SimulatorNumbers
from bot.domain.holdings import BrokerOrder

NO_FILE = ":memory:"


class Keeper(Protocol):
    """Where a simulated account is kept between two calls."""

    def changed_elsewhere(self) -> bool: ...

    def load(self, numbers: SimulatorNumbers, kept_from: datetime | None) -> State | None: ...

    def save(self, state: State) -> bool: ...

    def find_order(self, client_order_id: str) -> BrokerOrder | None: ...

    def find_status(self, broker_order_id: str) -> str | None: ...

    def close(self) -> None: ...


class _Saved(NamedTuple):
    """An account as it was saved; everything in it is frozen, and its lists of the past only grow."""

    seen_at: datetime
    cash: Decimal
    holdings: dict[str, Holding]
    fees: dict[str, Decimal]
    working: dict[str, Resting]
    ended: int
    activities: int
    orders_taken: int
    activities_booked: int


class MemoryStore:
    """One account in memory, for one process and until it is closed."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._saved: _Saved | None = None
        self._orders: dict[str, BrokerOrder] = {}
        self._statuses: dict[str, str] = {}

    def changed_elsewhere(self) -> bool:
        """Say no: nobody else can reach it."""
        return False

    def load(self, numbers: SimulatorNumbers, kept_from: datetime | None) -> State | None:
        """Give the account as it was last saved, whatever has been done to it since; None where there is none yet."""
        state, saved = self._state, self._saved
        if state is None or saved is None:
            return None
        state.seen_at, state.cash = saved.seen_at, saved.cash
        state.orders_taken, state.activities_booked = saved.orders_taken, saved.activities_booked
        state.go_back(saved.holdings, saved.fees, saved.working, saved.ended, saved.activities)
        state.mark_stored()
        return state

    def save(self, state: State) -> bool:
        """Keep the account as it is; always True."""
        for resting in state.changed_orders.values():
            order = resting.order
            self._orders[order.client_order_id] = order
            self._statuses[order.broker_order_id] = order.status
        state.version += 1
        state.mark_stored()
        self._state = state
        self._saved = _Saved(
            state.seen_at, state.cash, dict(state.holdings), dict(state.fees), dict(state.working), len(state.ended),
            len(state.activities), state.orders_taken, state.activities_booked,
        )  # fmt: skip
        return True

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Look an order up by the client's id, ended ones too."""
        return self._orders.get(client_order_id)

    def find_status(self, broker_order_id: str) -> str | None:
        """Look an order's status up by the broker's id."""
        return self._statuses.get(broker_order_id)

    def close(self) -> None:
        """Forget the account."""
        self._state = self._saved = None
