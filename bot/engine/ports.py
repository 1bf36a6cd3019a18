"""The seams of the engine: what a broker, a market and a journal must do, and what passes through.

A backtest, a paper account, a live account and a replay are the same `tick()` with another World.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

from bot.domain.desk import Desk
from bot.domain.drilling import DrillPass
from bot.domain.facts import Fact
from bot.domain.holdings import Account, Activity, BrokerOrder, Clock, Position, Side
from bot.domain.invariants import Invariant
from bot.domain.ledger import Books, Cycle, Drift, Halt, Lot, OptionLeg, Proposal, Roll
from bot.domain.market import Dividend, MarketReads, Quote, Request, Split
from bot.domain.orders import OrderRequest, OrderState, OwnOrder, Verdict
from bot.domain.sessions import Session
from bot.domain.snapshot import HeldPosition, Snapshot
from bot.domain.strategy import Note, Strategy
from bot.domain.trip import Trip


class BrokerTraits(NamedTuple):
    """Facts about a broker that decide which proof holds (design 11) and what it can hold (design 13)."""

    refuses_duplicate_ids: bool
    lookup_by_id: bool
    request_expiry: bool
    holds_trailing_stops: bool
    simulated: bool


class Broker(Protocol):
    """An account at a broker. Reads raise BrokerUnreachable; every method may.

    Reading twice without anything happening between gives equal answers.
    """

    name: str
    traits: BrokerTraits

    def read_clock(self) -> Clock: ...

    def read_account(self) -> Account: ...

    def read_positions(self) -> tuple[Position, ...]: ...

    def read_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Give every order that is not terminal, and those updated at or after `since`, oldest first."""
        ...

    def read_activities(self, since: date) -> tuple[Activity, ...]:
        """Give every activity booked on or after a New York day, oldest first."""
        ...

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Look one order up by our id; None means the broker does not show it (which proves nothing yet)."""
        ...

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send one order, once. Raises BrokerRefused (a definite no) or OutcomeUnknown (no proof)."""
        ...

    def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancellation; it is one only when a later read shows a terminal status."""
        ...

    def read_calendar(self, first: date, last: date) -> tuple[Session, ...]:
        """Give the broker's own sessions of the days first..last, oldest first; () where it keeps no calendar."""
        ...

    def close(self) -> None:
        """Let go of files and connections; a later call may open them again."""
        ...


class Market(Protocol):
    """Where prices come from. `fetch` never raises for one missing symbol: it names it in `errors`."""

    name: str
    simulated: bool

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer the union of requests as known at `at`; nothing later than `at` may show."""
        ...


class Path(Protocol):
    """A market whose past and present can be walked step by step; what a simulated account runs on."""

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give the quotes of a share or series with after < at <= until, a minute or less apart.

        Only moments inside sessions appear. A coarser market gives the moments it has.
        """
        ...

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what goes ex or splits on days with after < day <= until, oldest first."""
        ...


class Reads(Fact, frozen=True, kw_only=True):
    """What the broker answered at the start of a tick."""

    clock: Clock
    account: Account
    positions: tuple[Position, ...]
    orders: tuple[BrokerOrder, ...]
    activities: tuple[Activity, ...]
    skew_seconds: Decimal | None = None
    """How far the broker's clock lies outside our time of asking it; None where that was not measured."""


class Fill(Fact, frozen=True, kw_only=True):
    """What the broker says happened, keyed by its execution id. Dollars per share; fees in dollars."""

    execution_id: str
    broker_order_id: str
    client_order_id: str = ""
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    at: datetime
    strategy: str = ""
    purpose: str = ""
    cycle: str = ""


class LegEnd(Fact, frozen=True, kw_only=True):
    """An option leg that ended (in whole or part): how, and what it earned (income book, dollars)."""

    leg: OptionLeg
    qty: Decimal
    how: str
    at: datetime
    price: Decimal
    income: Decimal
    tax_income: Decimal


class LotEnd(Fact, frozen=True, kw_only=True):
    """Shares that left a lot: sold or called away. Proceeds per share; incomes in dollars."""

    lot: Lot
    qty: Decimal
    how: str
    at: datetime
    price: Decimal
    income: Decimal
    tax_income: Decimal


class Settlement(Fact, frozen=True, kw_only=True):
    """What the reads mean for our books: the books after, and everything that changed on the way.

    `books` is complete except `counters` (the journal counts those). `orders` are our orders whose state,
    status or fills changed. `activities` are those not seen before. `flow` is money moved in (positive) or out.
    `pending_symbols` are underlyings where nothing new may be opened (assignment pending, wheel.md 1.11).
    `recognised` are orders without a row that their id proved ours, as they were sent; `orders` has them as they are.
    """

    books: Books
    held: tuple[HeldPosition, ...]
    orders: tuple[OwnOrder, ...] = ()
    recognised: tuple[OwnOrder, ...] = ()
    foreign_orders: tuple[BrokerOrder, ...] = ()
    activities: tuple[Activity, ...] = ()
    fills: tuple[Fill, ...] = ()
    leg_ends: tuple[LegEnd, ...] = ()
    lot_ends: tuple[LotEnd, ...] = ()
    cycles_closed: tuple[Cycle, ...] = ()
    rolls_ended: tuple[Roll, ...] = ()
    drift: tuple[Drift, ...] = ()
    flow: Decimal = Decimal(0)
    notes: tuple[str, ...] = ()


class Memory(Fact, frozen=True, kw_only=True):
    """What the journal remembers at the start of a tick: the ledger's tail, bounded in size.

    `own_orders` are all of ours that are not terminal. `recent_orders` are ours that ended within the
    activities window (their fills may still arrive). `seen` are the keys of activities within that window.
    `previous_marks` are (symbol, price, at) of the last tick.
    """

    books: Books
    halt: Halt
    own_orders: tuple[OwnOrder, ...] = ()
    recent_orders: tuple[OwnOrder, ...] = ()
    seen: frozenset[tuple[str, str, str]] = frozenset()
    activities_since: date
    orders_since: datetime
    previous_marks: tuple[tuple[str, Decimal, datetime], ...] = ()
    last_slot: datetime | None = None
    trips: tuple[Trip, ...] = ()
    """The newest reading of every trip wire."""
    losing_chains: int | None = None
    """Losing chains in a row since the last pause for them (wheel 2.19); None is unknown."""
    halt_said: Halt | None = None
    """What of `halt` is apart from what tripped; None means all of it."""
    invariants: tuple[Invariant, ...] = ()
    """Those of the newest tick that decided: what keeps the moment at which each left zero."""
    drill: DrillPass | None = None
    """The newest drill that passed."""


DecidedAs = Literal["", "panic", "approved", "unasked"]
"""Who planned: the desk ("" as its file says), the panic or approvals alone; "unasked": nobody had to approve."""


class TickStart(Fact, frozen=True, kw_only=True):
    """How a tick presents itself to the journal; `code` is the hash of what decides, where it is known."""

    at: datetime
    slot: datetime
    mode: str
    broker: str
    market: str
    environment: str
    config_hash: str
    code_version: str
    code: str = ""
    decided_as: DecidedAs = ""


class Transition(Fact, frozen=True, kw_only=True):
    """One durable step in an order's life."""

    client_order_id: str
    state: OrderState
    at: datetime
    status: str = ""
    broker_order_id: str = ""
    filled_qty: Decimal | None = None
    filled_avg_price: Decimal | None = None
    stop_price: Decimal | None = None
    high_water_mark: Decimal | None = None
    reason: str = ""


class Decision(Fact, frozen=True, kw_only=True):
    """What one tick decided; written in one durable transaction before anything is sent."""

    snapshot_hash: str
    settlement: Settlement
    account: Account
    equity: Decimal
    benchmark_price: Decimal | None
    flow: Decimal
    verdicts: tuple[Verdict, ...]
    notes: tuple[Note, ...]
    planned: tuple[OwnOrder, ...]
    dry: bool
    session_date: date
    marks: tuple[tuple[str, Decimal, str], ...] = ()
    proposals: tuple[Proposal, ...] = ()
    """Intents that only the owner's word keeps from being sent; the journal numbers them."""
    halt: str = ""
    """Level in force at this tick, trip wires included; empty means as it was when the tick began."""
    trips: tuple[Trip, ...] = ()
    """Readings of the trip wires, where this tick counted one."""
    trips_changed: tuple[Trip, ...] = ()
    """Those of them that tripped or cleared."""
    invariants: tuple[Invariant, ...] = ()


class TickEnd(Fact, frozen=True, kw_only=True):
    """How a tick ended: `note` for the owner, stage durations in milliseconds."""

    status: str
    note: str
    stages: tuple[tuple[str, float], ...] = ()
    errors: tuple[str, ...] = ()
    finished_at: datetime


class Journal(Protocol):
    """The ledger file as the engine sees it. Every method that writes is durable when it returns."""

    keeps_snapshots: bool
    """Whether it stores Snapshots: one in memory does not, and is handed no bytes."""

    def begin(self, start: TickStart) -> int:
        """Open a tick's row; refuses one older than the newest (UsageError naming both moments)."""
        ...

    def memory(self, at: datetime, session_date: date) -> Memory: ...

    def keep_snapshot(self, tick_id: int, at: datetime, stored: bytes) -> str:
        """Store Snapshot bytes durably and give their SHA-256."""
        ...

    def find_own(self, client_order_id: str) -> OwnOrder | None: ...

    def record_decision(self, tick_id: int, decision: Decision) -> tuple[Proposal, ...]:
        """Write a decision down and give every proposal that stands after it, numbered."""
        ...

    def move(self, tick_id: int, step: Transition) -> None:
        """Record one transition of an order, durably, before or after the request it stands for."""
        ...

    def seal(self, tick_id: int, end: TickEnd) -> str:
        """Close the tick's row, chain its hashes, and give the new head."""
        ...

    def set_halt(self, halt: Halt) -> None: ...


class TickResult(Fact, frozen=True, kw_only=True):
    """What a tick did, for whoever called it. `orders` are this tick's orders in their state at the end."""

    tick_id: int
    snapshot: Snapshot
    settlement: Settlement
    verdicts: tuple[Verdict, ...]
    notes: tuple[Note, ...]
    orders: tuple[OwnOrder, ...]
    errors: tuple[str, ...]
    stages: tuple[tuple[str, float], ...]
    head: str
    mode: str
    proposals: tuple[Proposal, ...] = ()
    """What stands of the proposals made so far; one with `approved_at` has the owner's word and was not sent before."""


def no_room() -> Decimal | None:
    """Know nothing of the room on a disk: for worlds where it is not looked at."""
    return None


def no_meter() -> float:
    """Measure nothing: for worlds where durations would only be noise (replays, tests)."""
    return 0.0


def one_after_another(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make calls in turn and give their answers; the first failure is raised. For worlds that answer at once."""
    return [call() for call in calls]


def nobody_else(account: str) -> None:
    """Let a world trade an account without asking who else does: for accounts that are a file of one home."""


def nothing_halts() -> Halt | None:
    """Find no halt beside what the journal remembers: for worlds without a home."""
    return None


class World(NamedTuple):
    """Everything outside: where prices, orders, memory and time come from.

    `now` is the moment of the tick (UTC, aware). `meter` counts seconds for durations and the deadline only.
    `together` makes several reads at the same time where the venue is far away; same answers, same order, and the
    first failure in the order of the calls is raised when all have ended. `claim` takes an account for this world
    alone until it is closed, or raises TryLater naming who else has it.
    """

    broker: Broker
    market: Market
    journal: Journal
    now: Callable[[], datetime]
    meter: Callable[[], float] = no_meter
    together: Callable[[Sequence[Callable[[], Any]]], list[Any]] = one_after_another
    claim: Callable[[str], None] = nobody_else
    room_mb: Callable[[], Decimal | None] = no_room
    """Free room on the disk of the home, in megabytes; None is unknown."""
    halted: Callable[[], Halt | None] = nothing_halts
    """What halts at this very moment, asked before each request that changes something; one that raises halts."""


class Book(NamedTuple):
    """Everything chosen: the desk's numbers and its strategies. `dry` means nothing is sent."""

    desk: Desk
    strategies: tuple[Strategy, ...]
    dry: bool
    environment: str
    config_hash: str
    code_version: str
    decide_on_decoded: bool = True
    """Decide on the decoded bytes (always, but in simulations, where a test proves them equal)."""
    slot_seconds: int = 900
    deadline_seconds: float = 240.0
    """Once a tick has run this long it starts no further request to the broker, but still seals."""
    follow_up: int = 0
    """0 for the tick of a slot, else which follow-up of it this is (design 14)."""
    desk_hash: str = ""
    """SHA-256 of desk.toml: what a drill's pass is held against."""
    code: str = ""
    decided_as: DecidedAs = ""
    """What `strategies` and `desk` are, where the desk's file says otherwise: replay must know."""
