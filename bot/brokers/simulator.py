"""The simulator broker: an account over any market that can be walked, in its own SQLite file or in memory.

Every method first lets time pass up to `now()`, commits, and only then answers: it can accept an order and the
caller can die. Time never runs backwards. All chances are hashes of account, order or series, and moment, so the
same requests at the same moments give the same account to the byte.
"""

from __future__ import annotations

import hashlib
import pathlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal

from bot.brokers.simulator_acceptance import Standing, accept
from bot.brokers.simulator_account import Powers, powers, unit_size
from bot.brokers.simulator_days import advance
from bot.brokers.simulator_events import WalkableMarket
from bot.brokers.simulator_memory import NO_FILE, Keeper, MemoryStore
from bot.brokers.simulator_shape import refuse
from bot.brokers.simulator_state import State
from bot.brokers.simulator_store import Store
from bot.domain.desk import SimulatorNumbers
from bot.domain.errors import BrokerError, BrokerUnreachable, MarketError, OutcomeUnknown, RefusalCode
from bot.domain.fills import FillRules
from bot.domain.holdings import TERMINAL_STATUSES, Account, Activity, BrokerOrder, Clock, Position
from bot.domain.instruments import is_option
from bot.domain.market import Quote, QuotesRequest
from bot.domain.money import ZERO, to_cents
from bot.domain.orders import OrderRequest
from bot.domain.sessions import NEW_YORK, Session, session_at
from bot.engine.ports import BrokerTraits

SYNCHRONOUS = frozenset({"OFF", "NORMAL", "FULL", "EXTRA"})


class SimulatorBroker:
    """An account with Alpaca's rules over a simulated, recorded or modelled market. Not for real money.

    Without a path (or with ":memory:") no file keeps it, and it is gone when the broker is closed. `rules` say what
    shares meet inside a bar where the market knows bars only (`bot.domain.fills`).
    """

    name = "simulator"
    traits = BrokerTraits(
        refuses_duplicate_ids=True,
        lookup_by_id=True,
        request_expiry=False,
        holds_trailing_stops=True,
        simulated=True,
    )

    def __init__(
        self,
        path: pathlib.Path | str | None,
        market: WalkableMarket,
        numbers: SimulatorNumbers,
        now: Callable[[], datetime],
        *,
        synchronous: str = "FULL",
        account_id: str = "",
        rules: FillRules | None = None,
    ) -> None:
        assert synchronous in SYNCHRONOUS, synchronous
        self._path = NO_FILE if path is None else str(path)
        self._rules = rules
        self._market = market
        self._numbers = numbers
        self._now = now
        self._synchronous = synchronous
        self._account_id = account_id
        self.lock = threading.RLock()
        self._store: Keeper | None = None
        self._state: State | None = None
        self._kept_from: datetime | None = None
        self._marks: tuple[datetime, int, dict[str, Decimal]] | None = None

    def read_clock(self) -> Clock:
        """Give the broker's time and whether it trades now."""
        with self._reading() as (_, at):
            return Clock(at=at, is_open=session_at(at) is not None)

    def read_account(self) -> Account:
        """Give the account; equity marks at the mid, else the last trade, else the entry price."""
        with self._reading() as (state, at):
            marks = self._marks_at(state, at)
            value = sum((h.qty * marks[s] * unit_size(s) for s, h in state.holdings.items()), ZERO)
            left = self._powers(state, marks)
            return Account(
                id=state.account_id,
                status="ACTIVE",
                cash=state.cash,
                equity=state.cash + value,
                buying_power=to_cents(left.buying_power),
                options_buying_power=to_cents(left.options_buying_power),
                non_marginable_buying_power=to_cents(left.non_marginable),
                accrued_fees=state.accrued_fees,
                pending_transfers_out=ZERO,
                multiplier=self._numbers.multiplier,
                options_level=self._numbers.options_level,
                blocked=False,
            )

    def read_positions(self) -> tuple[Position, ...]:
        """List what is held, by symbol. `qty_available` leaves out what orders and calls hold."""
        with self._reading() as (state, at):
            marks = self._marks_at(state, at)
            return tuple(
                Position(
                    symbol=symbol,
                    qty=held.qty,
                    avg_entry_price=held.average,
                    price=marks[symbol],
                    qty_available=state.available(symbol),
                )
                for symbol, held in sorted(state.holdings.items())
            )

    def read_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Give every working order, and those updated at or after `since`, oldest first."""
        with self._reading(since) as (state, _):
            return state.orders_since(since)

    def read_activities(self, since: date) -> tuple[Activity, ...]:
        """Give every activity booked on or after a New York day, oldest first."""
        start = datetime.combine(max(since, date(1971, 1, 1)), time(), NEW_YORK).astimezone(UTC)
        with self._reading(start) as (state, _):
            return state.activities_since(since)

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Look one order up by our id, ended ones too."""
        with self._reading() as (state, _):
            return self._find(state, client_order_id)

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Take one order, durably, or raise BrokerRefused with Alpaca's status and code."""
        with self._writing(f"the order {request.client_order_id}") as (state, at):
            if self._find(state, request.client_order_id) is not None:
                message = f"client_order_id must be unique: {request.client_order_id} exists"
                refuse(RefusalCode.DUPLICATE_ID, message, status=422, broker_code=40010001)
            standing = Standing(
                state=state,
                at=at,
                powers=self._powers(state, self._marks_at(state, at)),
                options_level=self._numbers.options_level,
                multiplier=self._numbers.multiplier,
                quote_of=lambda symbol: self._quote(symbol, at),
            )
            resting = accept(request, standing, order_id_of(state.account_id, request.client_order_id))
            state.orders_taken += 1
            state.put_order(resting)
            return resting.order

    def cancel(self, broker_order_id: str) -> None:
        """Cancel a working order at once; one that has ended is refused."""
        with self._writing(f"the cancellation of {broker_order_id}") as (state, at):
            if broker_order_id in state.working:
                state.end_order(broker_order_id, "canceled", at)
                return
            assert self._store is not None
            status = self._store.find_status(broker_order_id)
            if status is None:
                message = f"order not found: {broker_order_id}"
                refuse(RefusalCode.NOT_FOUND, message, status=404, broker_code=40410000)
            assert status in TERMINAL_STATUSES, status
            message = f"order {broker_order_id} is already {status}"
            refuse(RefusalCode.NOT_CANCELABLE, message, status=422, broker_code=42210000)

    def read_calendar(self, first: date, last: date) -> tuple[Session, ...]:
        """Give none: the simulated account keeps to the shipped calendar."""
        return ()

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self.lock:
            if self._store is not None:
                self._store.close()
            self._store = self._state = self._marks = None

    def _reading(self, since: datetime | None = None) -> _Reading:
        return _Reading(self, since)

    def explain(self, error: BaseException) -> None:
        """Raise what a failure of file or market means to who asked; any other is left as it is."""
        if isinstance(error, sqlite3.Error):
            self._state = None
            raise BrokerUnreachable(f"the simulated account {self._path} cannot be read: {error}") from error
        if isinstance(error, MarketError):
            raise BrokerUnreachable(f"the simulated account cannot follow its market: {error}") from error

    @contextmanager
    def _writing(self, what: str) -> Iterator[tuple[State, datetime]]:
        """Settle, let the caller change the state, commit. A refusal leaves the settled state as it was."""
        with self._reading() as (state, at):
            yield state, at
            assert self._store is not None
            try:
                saved = self._store.save(state)
            except sqlite3.Error as error:
                self._state = None
                raise OutcomeUnknown(f"{what} may not be stored in {self._path}: {error}") from error
            if not saved:
                self._state = None
                raise OutcomeUnknown(f"{what} was not stored: another process changed {self._path} at that moment")

    def settled(self, since: datetime | None) -> tuple[State, datetime]:
        """Give the account as it is now, stored; read again where another process wrote meanwhile."""
        at, known = self._now(), self._state
        if (
            known is not None
            and known.seen_at == at
            and not known.dirty
            and (since is None or since >= known.kept_from)
        ):
            if not self._opened().changed_elsewhere():
                return known, at
            self._state = None
        for _ in range(20):
            state = self._current(since, at)
            if at < state.seen_at:
                raise BrokerError(
                    f"the simulated account has lived to {state.seen_at.isoformat()} and cannot go back to "
                    f"{at.isoformat()}: use a later moment or another BOT_HOME"
                )
            store, self._state = self._opened(), None  # an advance that fails half way is forgotten
            if at > state.seen_at:
                advance(state, self._market, at, self._rules)
            if not state.dirty or store.save(state):
                self._state = state
                return state, at
        raise BrokerUnreachable(f"{self._path} is being changed by other processes without end: stop them")

    def _current(self, since: datetime | None, at: datetime) -> State:
        store, state = self._opened(), self._state
        if store.changed_elsewhere() or state is None:
            state = store.load(self._numbers, self._kept_from)
        if state is not None and since is not None and since < state.kept_from:
            self._kept_from = since
            state = store.load(self._numbers, since)
        if state is None:
            state = self._new(at)
        state.rules = self._rules
        if self._account_id not in ("", state.account_id):
            raise BrokerError(
                f"{self._path} belongs to the simulated account {state.account_id}, not {self._account_id}: "
                "use another BOT_HOME"
            )
        return state

    def _opened(self) -> Keeper:
        if self._store is None:
            self._store = MemoryStore() if self._path == NO_FILE else Store(self._path, self._synchronous)
        return self._store

    def _new(self, at: datetime) -> State:
        numbers = self._numbers
        mark = hashlib.sha256(f"{numbers.seed}|{numbers.multiplier}".encode()).hexdigest()[:8]
        state = State(self._account_id or f"SIM-{mark}", at, numbers)
        state.kept_from = datetime.min.replace(tzinfo=UTC)
        state.book("CSD", at, net=numbers.equity, description="the simulated account's first cash")
        return state

    def _find(self, state: State, client_order_id: str) -> BrokerOrder | None:
        resting = state.working.get(order_id_of(state.account_id, client_order_id))
        if resting is not None:
            return resting.order
        assert self._store is not None
        return self._store.find_order(client_order_id)

    def _quote(self, symbol: str, at: datetime) -> Quote | None:
        quotes = self._market.fetch((QuotesRequest(symbols=(symbol,)),), at).quotes
        return next((quote for quote in quotes if quote.symbol == symbol), None)

    def _marks_at(self, state: State, at: datetime) -> dict[str, Decimal]:
        """Price what is held, once a moment."""
        if self._marks is not None and self._marks[0] == at and self._marks[1] == state.activities_booked:
            return self._marks[2]
        symbols = tuple(sorted(state.holdings))
        quotes = self._market.fetch((QuotesRequest(symbols=symbols),), at).quotes if symbols else ()
        seen = {quote.symbol: quote.mid if quote.mid is not None else quote.last for quote in quotes}
        marks = {}
        for symbol in symbols:
            price = seen.get(symbol)
            marks[symbol] = price if price is not None else state.holdings[symbol].average
        self._marks = (at, state.activities_booked, marks)
        return marks

    def _powers(self, state: State, marks: dict[str, Decimal]) -> Powers:
        shares = sum((h.qty * marks[s] for s, h in state.holdings.items() if not is_option(s)), ZERO)
        return powers(
            state.cash,
            shares,
            state.collateral,
            state.reserves(),
            state.accrued_fees,
            self._numbers.multiplier,
        )


class _Reading:
    """Lets time pass under the account's lock, and holds it while the account is read. Made at every read: plain."""

    __slots__ = ("_broker", "_since")

    def __init__(self, broker: SimulatorBroker, since: datetime | None) -> None:
        self._broker = broker
        self._since = since

    def __enter__(self) -> tuple[State, datetime]:
        self._broker.lock.acquire()
        try:
            return self._broker.settled(self._since)
        except BaseException as error:
            self._broker.lock.release()
            self._broker.explain(error)
            raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._broker.lock.release()
        if error is not None:
            self._broker.explain(error)


def order_id_of(account_id: str, client_order_id: str) -> str:
    """Give the broker's own id of an order: the same for the same account and client id, in the form of a UUID.

    >>> order_id_of("SIM-1", "desk-1") == order_id_of("SIM-1", "desk-1")
    True
    """
    mark = hashlib.sha256(f"{account_id}|order|{client_order_id}".encode()).hexdigest()
    return f"{mark[:8]}-{mark[8:12]}-5{mark[13:16]}-a{mark[17:20]}-{mark[20:32]}"
