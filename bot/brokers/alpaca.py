"""The Alpaca broker: one account at Alpaca, paper or live, behind the engine's port.

The account is read, and checked against the pin and the environment, before anything else is read or sent; the
account so read is the one the tick gets, so that it is not read twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec.structs import replace

from bot.brokers.alpaca_account import (
    account_number_of,
    account_of,
    calendar_rows_of,
    check_account,
    clock_of,
    positions_of,
    price_of,
    sessions_of,
)
from bot.brokers.alpaca_activities import read_lines
from bot.brokers.alpaca_kept import calendar_name
from bot.brokers.alpaca_listing import chain_from, read_listing
from bot.brokers.alpaca_orders import ListedOrder, listed_of
from bot.brokers.alpaca_sending import body_of, check, rearmed_trail
from bot.domain.errors import BotError, BrokerRefused, BrokerUnreachable, ConfigError, OutcomeUnknown, RefusalCode
from bot.domain.holdings import Account, Activity, BrokerOrder, Clock, Position
from bot.domain.orders import OrderRequest
from bot.domain.sessions import Session, new_york_day
from bot.engine.ports import BrokerTraits
from bot.venues.parsing import object_of, shown

if TYPE_CHECKING:
    from bot.venues.alpaca_client import AlpacaClient
    from bot.venues.daycache import DayCache

HANDED_OUT_WITHIN = timedelta(seconds=60)
"""How old the account of the check may be when the tick asks for it, and a position's price when a stop needs it."""

SECOND_LOOK_SECONDS = 0.5
BAD_KEYS = (401, 403)
MAY_HAVE_FILLED = ("canceled", "cancelled", "expired", "replaced")
"""How an order ends in part: without its filled quantity, what took its place would be sent for the whole."""


class AlpacaBroker:
    """An account at Alpaca. `pinned` is the account number the owner expects, "" for any (paper only)."""

    name = "alpaca"
    traits = BrokerTraits(
        refuses_duplicate_ids=True,
        lookup_by_id=True,
        request_expiry=False,
        holds_trailing_stops=True,
        simulated=False,
    )

    def __init__(
        self,
        client: AlpacaClient,
        *,
        environment: str,
        pinned: str,
        cache: DayCache,
        now: Callable[[], datetime],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._environment = environment
        self._pinned = pinned
        self._cache = cache
        self._now = now
        self._pause = pause
        self._lock = threading.Lock()
        self._number = ""
        self._unused: tuple[Account, datetime] | None = None
        self._failure: BotError | None = None
        self._checks = 0
        self._prices: dict[str, tuple[Decimal, datetime]] = {}
        self._cancelled: set[str] = set()

    # Reading

    def read_clock(self) -> Clock:
        """Give Alpaca's time and whether it trades now."""
        return clock_of(self._read("/clock", {}, "the clock"))

    def read_account(self) -> Account:
        """Give the account under its number. Raises ConfigError for keys or an account that are not meant."""
        seen = self._checks
        with self._lock:
            unused, self._unused = self._unused, None
            if unused is not None and self._now() - unused[1] < HANDED_OUT_WITHIN:
                return unused[0]
            return self._check_account(seen)

    def read_positions(self) -> tuple[Position, ...]:
        """List what is held, by symbol, shorts negative."""
        positions = positions_of(self._read("/positions", {}, "positions"))
        at = self._now()
        self._prices = {one.symbol: (one.price, at) for one in positions if one.price is not None and one.price > 0}
        return positions

    def read_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Give every order that is alive, and every one submitted at or after `since`, oldest first."""
        return read_listing(self._read, self._look_up, since)

    def read_activities(self, since: date) -> tuple[Activity, ...]:
        """Give every line of history booked on or after a New York day, oldest first, however far back."""
        return read_lines(self._read, since)

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Look one order up by our id; one we cancelled a moment ago is looked at once more, half a second later."""
        order = self._find(client_order_id)
        if order is not None and not order.terminal and order.broker_order_id in self._cancelled:
            self._cancelled.discard(order.broker_order_id)
            self._pause(SECOND_LOOK_SECONDS)
            order = self._find(client_order_id)
        return order

    def read_calendar(self, first: date, last: date) -> tuple[Session, ...]:
        """Give Alpaca's own sessions of the days first..last, asked for once a day."""
        name = calendar_name(first, last)
        query = {"start": first.isoformat(), "end": last.isoformat()}

        def rows() -> Any:
            make = lambda: calendar_rows_of(self._read("/calendar", query, "the calendar"))  # noqa: E731
            return self._cache.get(name, new_york_day(self._now()), make)

        try:
            return sessions_of(rows(), first, last)
        except BrokerUnreachable:
            self._cache.forget(name)  # a kept answer that was damaged since is asked for anew
            return sessions_of(rows(), first, last)

    # Writing

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send one order, once. Raises BrokerRefused (a definite no) or OutcomeUnknown (no proof)."""
        check(request)
        self._ensure_account()
        self._forget_account()
        answer = self._client.send("/orders", body_of(request, self._trail_of(request)))
        try:
            order = listed_of(object_of(answer, "the answer to an order")).order
        except BrokerUnreachable as fault:
            raise OutcomeUnknown(f"{request.client_order_id} was sent, its answer says nothing: {fault}") from fault
        if order.client_order_id != request.client_order_id or not order.broker_order_id:
            raise OutcomeUnknown(
                f"{request.client_order_id} was sent; the answer is about {shown(order.client_order_id)} "
                f"({shown(order.broker_order_id)})"
            )
        marks = [mark for mark in (order.high_water_mark, request.high_water_mark) if mark is not None]
        return replace(order, legs=request.legs, odd="", high_water_mark=max(marks, default=None))

    def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancellation; it is one only when a later read shows a terminal status."""
        path = _path_of(broker_order_id)
        self._ensure_account()
        self._forget_account()
        self._cancelled.add(broker_order_id)
        try:
            self._client.remove(path)
        except BrokerRefused:
            self._cancelled.discard(broker_order_id)
            raise

    def close(self) -> None:
        """Let go of connections; a later call opens them again."""
        self._client.close()

    # Inside

    def _ensure_account(self) -> None:
        """Make sure, once, that these keys open the account that is meant; calls at the same time share the answer."""
        if self._number:
            return
        seen = self._checks
        with self._lock:
            if not self._number:
                self._unused = (self._check_account(seen), self._now())

    def _forget_account(self) -> None:
        """Let go of the account as it was before something was sent: whoever asks then wants to see what it did."""
        with self._lock:
            self._unused = None

    def _check_account(self, seen: int) -> Account:
        """Read and check the account (the lock is held). A definite refusal stands; another caller's failure counts."""
        if self._failure is not None and (isinstance(self._failure, ConfigError) or self._checks != seen):
            raise self._failure
        try:
            self._failure = None
            return self._read_account()
        except BotError as failure:
            self._failure = failure
            raise
        finally:
            self._checks += 1

    def _read_account(self) -> Account:
        try:
            answer = self._client.read("/account")
        except BrokerRefused as refusal:
            if refusal.status in BAD_KEYS:
                raise ConfigError(
                    f"these keys do not open an account of the {self._environment} environment: {refusal}"
                ) from refusal
            raise _unreadable("the account", refusal) from refusal
        number = account_number_of(answer)
        check_account(number, self._pinned, self._environment)
        if self._number and number != self._number:
            raise BrokerUnreachable(
                f"the account: was {self._number} a moment ago and is {number} now; nothing is concluded from either"
            )
        account = account_of(answer)
        self._number = number
        return account

    def _read(self, path: str, query: Mapping[str, str], what: str) -> Any:
        self._ensure_account()
        try:
            return self._client.read(path, query)
        except BrokerRefused as refusal:
            raise _unreadable(what, refusal) from refusal

    def _find(self, client_order_id: str) -> BrokerOrder | None:
        self._ensure_account()
        query = {"client_order_id": client_order_id, "nested": "true"}
        found = self._order_at("/orders:by_client_order_id", query, f"order {client_order_id}")
        if found is None:
            return None
        if found.order.client_order_id != client_order_id:
            raise BrokerUnreachable(
                f"order {client_order_id}: asked for it, got {shown(found.order.client_order_id)}; nothing is concluded"
            )
        return chain_from(found, self._look_up)[0]

    def _look_up(self, broker_order_id: str) -> ListedOrder | None:
        return self._order_at(_path_of(broker_order_id), {"nested": "true"}, f"order {broker_order_id}")

    def _order_at(self, path: str, query: Mapping[str, str], what: str) -> ListedOrder | None:
        try:
            answer = self._client.read(path, query)
        except BrokerRefused as refusal:
            if refusal.status == 404:
                return None
            raise _unreadable(what, refusal) from refusal
        raw = object_of(answer, what)
        if raw.get("status") in MAY_HAVE_FILLED and raw.get("filled_qty") in (None, ""):
            raise BrokerUnreachable(f"{what}: {raw['status']}, and not how much of it filled: filled_qty is missing")
        return listed_of(raw)

    def _trail_of(self, request: OrderRequest) -> Decimal | None:
        """Give the trail that carries a stored high-water mark on, or None where the request's own stands."""
        mark, percent = request.high_water_mark, request.trail_percent
        if request.order_type != "trailing_stop" or mark is None or percent is None:
            return None
        return rearmed_trail(percent, mark, self._price_of(request.legs[0].symbol))

    def _price_of(self, symbol: str) -> Decimal:
        """Give the present price of something held: of the last reading, if it is fresh, else read again."""
        known = self._prices.get(symbol)
        if known is not None and self._now() - known[1] < HANDED_OUT_WITHIN:
            return known[0]
        try:
            price = price_of(self._read(f"/positions/{quote(symbol, safe='')}", {}, f"the position in {symbol}"))
        except BrokerUnreachable as fault:
            raise _no_price(symbol, str(fault)) from fault
        if price is None:
            raise _no_price(symbol, "the position shows none")
        return price


def _path_of(broker_order_id: str) -> str:
    """Write the path of one order. An id that is empty or all dots would name all orders: never on the wire."""
    assert broker_order_id.strip(" ./"), f"an order is named by its id, got {broker_order_id!r}"
    return f"/orders/{quote(broker_order_id, safe='')}"


def _unreadable(what: str, refusal: BrokerRefused) -> BrokerUnreachable:
    return BrokerUnreachable(
        f"{what}: Alpaca does not answer ({refusal.code.value}, status {refusal.status}): {refusal}"
    )


def _no_price(symbol: str, why: str) -> BrokerRefused:
    return BrokerRefused(
        RefusalCode.OTHER,
        f"not sent: a stop on {symbol} that carries its stored high needs the present price, and {why}",
    )
