"""Hand-written fakes of the ports: a broker that does as it is told and a journal that is a list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.errors import BotError
from bot.domain.holdings import Account, Activity, BrokerOrder, Clock, Position
from bot.domain.ledger import Books, Halt, Proposal
from bot.domain.market import MarketReads, Quote, QuotesRequest, Request
from bot.domain.orders import OrderRequest, OwnOrder
from bot.domain.sessions import Session
from bot.engine.ports import BrokerTraits, Decision, Memory, TickEnd, TickStart, Transition
from bot.tests.builders import NOON, an_account


class HandBroker:
    """A broker in memory. `on_submit` and `on_cancel` may raise or answer in place of the usual."""

    name = "simulator"
    traits = BrokerTraits(
        refuses_duplicate_ids=True, lookup_by_id=True, request_expiry=False, holds_trailing_stops=True, simulated=True
    )

    def __init__(self, account: Account | None = None) -> None:
        self.account = account or an_account()
        self.positions: tuple[Position, ...] = ()
        self.book: dict[str, BrokerOrder] = {}
        self.activities: tuple[Activity, ...] = ()
        self.submitted: list[str] = []
        self.calls: list[str] = []
        self.on_submit: Callable[[OrderRequest], BrokerOrder | None] | None = None
        self.on_cancel: Callable[[str], None] | None = None
        self.on_read: Callable[[], None] | None = None

    def _read(self, what: str) -> None:
        self.calls.append(what)
        if self.on_read is not None:
            self.on_read()

    def read_clock(self) -> Clock:
        self._read("clock")
        return Clock(at=NOON, is_open=True)

    def read_account(self) -> Account:
        self._read("account")
        return self.account

    def read_positions(self) -> tuple[Position, ...]:
        self._read("positions")
        return self.positions

    def read_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        self._read("orders")
        return tuple(self.book.values())

    def read_activities(self, since: date) -> tuple[Activity, ...]:
        self._read("activities")
        return self.activities

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        self.calls.append(f"find {client_order_id}")
        return self.book.get(client_order_id)

    def accept(self, request: OrderRequest, status: str = "accepted") -> BrokerOrder:
        order = BrokerOrder(
            broker_order_id=f"b-{request.client_order_id}", client_order_id=request.client_order_id,
            legs=request.legs, qty=request.qty, filled_qty=Decimal(0), order_type=request.order_type,
            limit_price=request.limit_price, stop_price=request.stop_price, trail_percent=request.trail_percent,
            high_water_mark=request.high_water_mark, time_in_force=request.time_in_force, status=status,
            submitted_at=NOON, updated_at=NOON,
        )  # fmt: skip
        self.book[request.client_order_id] = order
        return order

    def submit(self, request: OrderRequest) -> BrokerOrder:
        self.calls.append(f"submit {request.client_order_id}")
        self.submitted.append(request.client_order_id)
        if self.on_submit is not None:
            answer = self.on_submit(request)
            if answer is not None:
                return answer
        return self.accept(request)

    def cancel(self, broker_order_id: str) -> None:
        self.calls.append(f"cancel {broker_order_id}")
        if self.on_cancel is not None:
            self.on_cancel(broker_order_id)
            return
        for key, order in self.book.items():
            if order.broker_order_id == broker_order_id:
                self.book[key] = replace(order, status="canceled")

    def read_calendar(self, first: date, last: date) -> tuple[Session, ...]:
        return ()

    def close(self) -> None:
        self.calls.append("close")


class HandMarket:
    """A market of fixed quotes."""

    name = "synthetic"
    simulated = True

    def __init__(self, *quotes: Quote) -> None:
        self.quotes = {quote.symbol: quote for quote in quotes}
        self.asked: tuple[Request, ...] = ()

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        self.asked = requests
        wanted = [symbol for request in requests if isinstance(request, QuotesRequest) for symbol in request.symbols]
        found = tuple(self.quotes[symbol] for symbol in wanted if symbol in self.quotes)
        missing = tuple(f"no quote for {symbol}" for symbol in wanted if symbol not in self.quotes)
        return MarketReads(quotes=found, errors=missing)


class ListJournal:
    """A journal that remembers the order of what it was told; `fail_at` names a call that raises."""

    keeps_snapshots = True

    def __init__(self, memory: Memory | None = None) -> None:
        self.entries: list[str] = []
        self.rows: dict[str, OwnOrder] = {}
        self.steps: list[Transition] = []
        self.decisions: list[Decision] = []
        self.ends: list[TickEnd] = []
        self.snapshots: list[bytes] = []
        self.fail_at: str = ""
        self._memory = memory or a_memory()

    def _enter(self, what: str) -> None:
        if self.fail_at and what.startswith(self.fail_at):
            raise BotError(f"the disk refused at {what}")
        self.entries.append(what)

    def begin(self, start: TickStart) -> int:
        self._enter("begin")
        return 1

    def memory(self, at: datetime, session_date: date) -> Memory:
        return self._memory

    def keep_snapshot(self, tick_id: int, at: datetime, stored: bytes) -> str:
        self._enter("snapshot")
        self.snapshots.append(stored)
        return "0" * 64

    def find_own(self, client_order_id: str) -> OwnOrder | None:
        return self.rows.get(client_order_id)

    def record_decision(self, tick_id: int, decision: Decision) -> tuple[Proposal, ...]:
        self._enter("decision")
        self.decisions.append(decision)
        for order in decision.planned:
            self.rows[order.client_order_id] = order
        return decision.proposals

    def move(self, tick_id: int, step: Transition) -> None:
        self._enter(f"move {step.state}")
        self.steps.append(step)
        if step.client_order_id in self.rows:
            self.rows[step.client_order_id] = replace(self.rows[step.client_order_id], state=step.state)

    def seal(self, tick_id: int, end: TickEnd) -> str:
        self._enter("seal")
        self.ends.append(end)
        return "f" * 64

    def set_halt(self, halt: Halt) -> None:
        self._enter("halt")


def a_memory(**given: object) -> Memory:
    facts: dict[str, object] = {
        "books": Books(cash=Decimal(25000), equity_previous=Decimal(25000)), "halt": Halt(),
        "activities_since": NOON.date(), "orders_since": NOON,
    }  # fmt: skip
    return Memory(**(facts | given))  # type: ignore[arg-type]
