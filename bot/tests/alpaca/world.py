"""A pretended Alpaca account with its market: state, a clock in the test's hand, and what a test can make happen.

Nothing here reads a clock: time passes when a test calls `pass_to`, and what is due on the way happens then, in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import RLock
from typing import Any
from uuid import UUID

from bot.domain.instruments import parse_option
from bot.domain.sessions import Session, new_york_day, session_on
from bot.tests.alpaca import days
from bot.tests.alpaca.facts import DONE, Fault, Holding, Line, Listed, Order, Seen, Tick
from bot.tests.alpaca.matching import fill, match
from bot.tests.alpaca.shapes import text

D = Decimal
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
"""A Wednesday, noon in New York."""
KEY, SECRET, ACCOUNT = "test-key-id", "test-secret-key", "PA3TEST00001"
_STRETCH = 10**6


class AlpacaWorld:
    """One account and the market around it. Change the public attributes at will."""

    def __init__(self, at: datetime = NOON, cash: str = "25000") -> None:
        self.lock = RLock()
        self.at = at
        self.key, self.secret = KEY, SECRET
        self.account_number, self.status = ACCOUNT, "ACTIVE"
        self.cash = D(0)
        self.multiplier, self.options_level = 2, 3
        self.trading_blocked = self.account_blocked = False
        self.pending_transfer_out = D(0)
        self.charges_fees = False
        self.fees_today: dict[str, Decimal] = {}
        self.fees_booked_later = D(0)
        # The market
        self.quotes: dict[str, Tick] = {}
        self.quote_age = timedelta(seconds=1)
        self.contracts: dict[str, Listed] = {}
        self.bars: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.corporate_actions: dict[str, list[dict[str, Any]]] = {}
        self.feeds = {"iex", "delayed_sip", "indicative"}
        self.calendar_changes: dict[date, Session | None] = {}
        # The account
        self.holdings: dict[str, Holding] = {}
        self.orders: list[Order] = []
        self.lines: list[Line] = []
        # How it behaves
        self.on_cancel = "cancel"
        """"cancel", or "fill": the cancellation is accepted, and the order fills all the same."""
        self.pending_cancel_reads = 0
        self.page_max = _STRETCH
        """The most rows of a page, in whatever carries a token."""
        self.requests_a_minute = 200
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self._served: dict[tuple[bool, datetime], int] = {}
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0
        if D(cash):
            self.deposit(cash, at=at - timedelta(days=30))

    # Reading the state

    @property
    def accrued_fees(self) -> Decimal:
        """Give the fees that are owed and not booked yet."""
        return sum(self.fees_today.values(), self.fees_booked_later)

    def now(self) -> datetime:
        """Give the world's time; hand this to whatever asks for a clock."""
        return self.at

    def today(self) -> date:
        """Give the New York day."""
        return new_york_day(self.at)

    def session_of(self, day: date) -> Session | None:
        """Give a day's session by this world's calendar, which a test may change."""
        return self.calendar_changes[day] if day in self.calendar_changes else session_on(day)

    def session(self) -> Session | None:
        """Give the session that trades now."""
        session = self.session_of(self.today())
        return session if session is not None and session.holds(self.at) else None

    def has_expired(self, expiry: date) -> bool:
        """Say whether a series that ends on this day has ended."""
        session = self.session_of(expiry)
        return expiry < self.today() or (session is not None and self.at >= session.close_at and expiry == self.today())

    def expires_soon(self, symbol: str) -> bool:
        """Say whether a series is in its last half hour, when nothing may be opened."""
        listed = self.contracts.get(symbol)
        session = None if listed is None else self.session_of(listed.expiry)
        return session is not None and session.close_at - timedelta(minutes=30) <= self.at < session.close_at

    def qty(self, symbol: str) -> Decimal:
        """Give a position's signed quantity."""
        held = self.holdings.get(symbol)
        return held.qty if held is not None else D(0)

    def working(self) -> list[Order]:
        """List the orders that can still fill, oldest first."""
        return [order for order in self.orders if order.status not in DONE]

    def by_client_id(self, client_order_id: str) -> Order | None:
        """Find an order, or a leg of one, by client order id."""
        every = (one for order in self.orders for one in (order, *order.legs))
        return next((one for one in every if one.client_order_id == client_order_id), None)

    def by_id(self, order_id: str) -> Order | None:
        """Find an order, or a leg of one, by Alpaca's id."""
        every = (one for order in self.orders for one in (order, *order.legs))
        return next((one for one in every if one.id == order_id), None)

    def requests(self, method: str = "", path: str = "") -> list[Seen]:
        """List what arrived, by method and a pattern in the path."""
        return [one for one in self.seen if (not method or one.method == method) and re.search(path, one.path)]

    # Making ids and records

    def new_id(self) -> str:
        """Give the next id; the same run gives the same ids."""
        self._count += 1
        return str(UUID(int=0x5A5A0000000040008000000000000000 + self._count))

    def an_order(self, **given: Any) -> Order:
        """Make an order submitted now; the caller decides whether it counts."""
        self._count += 1
        submitted = self.at + timedelta(microseconds=self._count)
        day = self.today()
        session = self.session_of(day)
        while session is None or session.close_at <= self.at:
            day += timedelta(days=1)
            session = self.session_of(day)
        if given["time_in_force"] == "gtc":
            ends = session.close_at + timedelta(days=90)
        else:
            ends = session.close_at
        return Order(
            id=self.new_id(), status="pending_new" if self.session() is not None else "accepted",
            submitted_at=submitted, updated_at=submitted, expires_at=ends, **given,
        )  # fmt: skip

    def write(self, kind: str, at: datetime | None = None, day: date | None = None, **facts: Any) -> Line:
        """Write a line of history; it shows from `at` on (now, unless given)."""
        created = at or self.at
        shown = {key: text(value) if isinstance(value, Decimal) else value for key, value in facts.items()}
        body: dict[str, Any] = {"activity_type": kind, "id": f"{created:%Y%m%d%H%M%S}000::{self.new_id()}"}
        if kind == "FILL":
            body |= shown | {"transaction_time": f"{facts['transaction_time']:%Y-%m-%dT%H:%M:%S.%f}Z"}
        else:
            sub_type = shown.pop("sub_type", None)
            body |= {"date": (day or new_york_day(created)).isoformat(), "status": "executed", "currency": "USD",
                     "created_at": f"{created:%Y-%m-%dT%H:%M:%S.%f}Z", **shown}  # fmt: skip
            if sub_type:
                body["activity_sub_type"] = sub_type
        self.lines.append(Line(created, body))
        return self.lines[-1]

    # What a test makes happen

    def quote(
        self, symbol: str, bid: str | None, ask: str | None, last: str | None = None, *, at: datetime | None = None,
        size: int | None = None, delta: float | None = None, volatility: float | None = None,
    ) -> None:  # fmt: skip
        """Let a quote arrive; working orders meet it at once. With `at` it ages, without it stays fresh."""
        with self.lock:
            before = self.quotes.get(symbol)
            self.quotes[symbol] = Tick(
                bid=None if bid is None else D(bid), ask=None if ask is None else D(ask),
                last=None if last is None else D(last), at=at, size=size,
                delta=delta if delta is not None or before is None else before.delta,
                volatility=volatility if volatility is not None or before is None else before.volatility,
            )  # fmt: skip
            match(self, symbol)

    def list_option(self, symbol: str, bid: str | None, ask: str | None, **facts: Any) -> Listed:
        """List a series and quote it; facts of the contract and `delta`, `volatility` by name."""
        contract = parse_option(symbol)
        marks = {key: facts.pop(key) for key in ("delta", "volatility", "last", "at") if key in facts}
        root = facts.pop("underlying", contract.root.rstrip("0123456789"))
        self.contracts[symbol] = Listed(
            symbol=symbol,
            underlying=root,
            expiry=contract.expiry,
            right=contract.right,
            strike=contract.strike,
            **facts,
        )
        self.quote(symbol, bid, ask, **marks)
        return self.contracts[symbol]

    def hold(self, symbol: str, qty: str, average: str) -> None:
        """Put a position into the account with no history and no money: a stranger's."""
        with self.lock:
            self.holdings[symbol] = Holding(D(qty), D(average))

    def trade(self, symbol: str, qty: str, price: str) -> None:
        """Let somebody else's order have filled just now: cash, position and line of history."""
        with self.lock:
            count = D(qty)
            order = self.an_order(
                client_order_id=self.new_id(), symbol=symbol, side="buy" if count > 0 else "sell", position_intent="",
                qty=abs(count), type="market", time_in_force="day",
            )  # fmt: skip
            held = self.qty(symbol)
            order.position_intent = f"{order.side}_to_{'close' if held * count < 0 else 'open'}"
            self.orders.append(order)
            fill(self, order, order.qty, [D(price)])

    def fill_now(self, client_order_id: str, qty: str, *prices: str) -> None:
        """Fill part of a working order at prices of the test's choice, whatever the quotes say."""
        with self.lock:
            order = self.by_client_id(client_order_id)
            assert order is not None, f"no order {client_order_id}"
            fill(self, order, D(qty), [D(price) for price in prices])

    def assign(self, symbol: str, contracts: str = "1") -> None:
        """Assign short options now: positions and cash at once, both lines tomorrow morning."""
        with self.lock:
            days.deliver(self, symbol, D(contracts), "OPASN")

    def deposit(self, dollars: str, at: datetime | None = None) -> None:
        """Move money in (or out, if negative), with its line of history."""
        with self.lock:
            amount = D(dollars)
            self.cash += amount
            self.write("CSD" if amount > 0 else "CSW", at=at, net_amount=amount, description="transfer")

    def pay_dividend(self, symbol: str, per_share: str) -> None:
        """Pay a dividend on the shares held now."""
        with self.lock:
            amount = self.qty(symbol) * D(per_share)
            self.cash += amount
            self.write("DIV", sub_type="CDIV", symbol=symbol, qty=self.qty(symbol), per_share_amount=D(per_share),
                       net_amount=amount, description=f"Cash dividend on {symbol}")  # fmt: skip

    def announce(self, kind: str, symbol: str, day: date, **facts: Any) -> None:
        """Announce a corporate action by Alpaca's name of its list, such as cash_dividends with `rate`."""
        body = {"id": self.new_id(), "symbol": symbol, "cusip": "000000000", "ex_date": day.isoformat(),
                "process_date": day.isoformat(), "special": False, "foreign": False, **facts}  # fmt: skip
        self.corporate_actions.setdefault(kind, []).append(body)

    def spoil(self, path: str, method: str = "GET", **how: Any) -> Fault:
        """Let the next requests that fit go wrong; see Fault."""
        fault = Fault(path=path, method=method, **how)
        with self.lock:
            self.faults.append(fault)
        return fault

    def later(self, at: datetime, what: Callable[[], None]) -> None:
        """Let something happen when time passes a moment."""
        self._count += 1
        self._due.append((at, self._count, what))

    def pass_to(self, moment: datetime) -> None:
        """Let time pass: closes, expiries and what was put off happen at their own moments, in order."""
        with self.lock:
            assert moment >= self.at, f"time does not run backwards: {moment} is before {self.at}"
            for session in days.closes_between(self, self.at, moment):
                self.later(session.close_at, partial(days.close_day, self, session))
            while True:
                due = sorted(one for one in self._due if one[0] <= moment)
                if not due:
                    break
                self._due.remove(due[0])
                self.at = max(self.at, due[0][0])
                due[0][2]()
            self.at = moment
            match(self)

    # What the server asks

    def count_request(self, *, data: bool) -> tuple[int, bool]:
        """Count one request in this minute; give how many are left and whether it is let through.

        The two APIs count apart, each up to `requests_a_minute`.
        """
        window = (data, self.at.replace(second=0, microsecond=0))
        served = self._served.get(window, 0)
        if served >= self.requests_a_minute:
            return 0, False
        self._served[window] = served + 1
        return self.requests_a_minute - served - 1, True

    def next_fault(self, method: str, path: str) -> Fault | None:
        """Take the first fault that fits a request, one time off it."""
        for fault in self.faults:
            if fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None
