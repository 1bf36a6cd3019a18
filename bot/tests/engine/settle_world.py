"""A small broker's ledger for settlement tests: orders, fills in pieces, expiries, assignments, dividends, fees.

Everything it does is legal and written down the way a broker writes it; cash is exactly the sum of its lines.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from msgspec.structs import replace

from bot.domain.holdings import Activity, BrokerOrder, Clock, Position
from bot.domain.instruments import is_option, parse_option
from bot.domain.ledger import Books, Halt
from bot.domain.money import ZERO, cents_up
from bot.domain.orders import OwnOrder, leg
from bot.domain.sessions import slot_of
from bot.engine.ports import Memory, Reads, Settlement
from bot.engine.settle import settle
from bot.tests.builders import a_session, an_account, an_order

D = Decimal
START = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
FEE_EACH = D("0.04964")


class Desk:
    """What one line of settlements remembers from tick to tick."""

    def __init__(self, books: Books | None = None) -> None:
        self.books = books or Books()
        self.orders: dict[str, OwnOrder] = {}
        self.seen: frozenset[tuple[str, str, str]] = frozenset()
        self.last_slot: datetime | None = None
        self.halt = Halt()
        self.results: list[Settlement] = []

    def memory(self) -> Memory:
        return Memory(
            books=self.books,
            halt=self.halt,
            own_orders=tuple(order for order in self.orders.values() if order.alive),
            recent_orders=tuple(order for order in self.orders.values() if not order.alive),
            seen=self.seen,
            activities_since=date(2026, 1, 1),
            orders_since=START,
            last_slot=self.last_slot,
        )

    def settle(self, reads: Reads, at: datetime) -> Settlement:
        result = settle(reads, self.memory(), at, a_session(at))
        self.books = result.books
        self.orders.update({order.client_order_id: order for order in result.orders})
        self.seen |= {line.key for line in result.activities}
        self.last_slot = slot_of(at)
        self.results.append(result)
        return result


class BrokerLedger:
    """An account whose every change is a line of history."""

    def __init__(self, cash: str = "100000") -> None:
        self.at = START
        self.cash = D(0)
        self.positions: dict[str, D] = {}
        self.lines: list[Activity] = []
        self.orders: dict[str, BrokerOrder] = {}
        self.own: dict[str, OwnOrder] = {}
        self.contracts = D(0)
        self.line("CSD", net=D(cash))

    # What happens

    def line(self, kind: Any, symbol: str = "", qty: D = ZERO, net: D = ZERO, **given: Any) -> Activity:
        number = len(self.lines)
        line = Activity(id=f"line-{number:05d}", kind=kind, symbol=symbol, at=self.at, qty=qty, net_amount=net, **given)
        self.lines.append(line)
        self.cash += net
        if symbol and qty:
            left = self.positions.get(symbol, D(0)) + qty
            if left:
                self.positions[symbol] = left
            else:
                self.positions.pop(symbol, None)
        return line

    def wait(self, *, days: int = 0, minutes: int = 0) -> None:
        self.at += timedelta(days=days, minutes=minutes)

    def place(self, symbol: str, intent: str, qty: int, **given: Any) -> str:
        name = f"test-{len(self.own):04d}"
        self.own[name] = an_order(
            symbol, intent, str(qty), client_order_id=name, broker_order_id=f"b-{name}", status="accepted",
            purpose=given.pop("purpose", "cash_secured_put"), slot=slot_of(self.at), planned_at=self.at, **given,
        )  # fmt: skip
        own = self.own[name]
        self.orders[name] = BrokerOrder(
            broker_order_id=f"b-{name}", client_order_id=name, legs=(leg(symbol, intent),), qty=D(qty),
            filled_qty=D(0), order_type=own.order_type, time_in_force="day", status="accepted",
            submitted_at=self.at, updated_at=self.at,
        )  # fmt: skip
        return name

    def fill(self, name: str, price: str, qty: int | None = None) -> None:
        order = self.orders[name]
        size = order.qty - order.filled_qty if qty is None else D(qty)
        symbol = order.legs[0].symbol
        change = size if order.legs[0].side == "buy" else -size
        option = is_option(symbol)
        net = -change * D(price) * (100 if option else 1)
        self.line("FILL", symbol, change, net, price=D(price), order_id=order.broker_order_id)
        filled = order.filled_qty + size
        paid = ((order.filled_avg_price or D(0)) * order.filled_qty + D(price) * size) / filled
        self.orders[name] = replace(
            order, filled_qty=filled, filled_avg_price=paid,
            status="filled" if filled == order.qty else "partially_filled", updated_at=self.at,
        )  # fmt: skip
        if option:
            self.contracts += size

    def trade(self, symbol: str, intent: str, qty: int, *prices: str, **given: Any) -> str:
        """Place an order and fill it in as many pieces as there are prices."""
        name = self.place(symbol, intent, qty, **given)
        for number, price in enumerate(prices):
            self.fill(name, price, None if number == len(prices) - 1 else 1)
        return name

    def expire(self, symbol: str) -> None:
        self.line("OPEXP", symbol, -self.positions[symbol])

    def assign(self, symbol: str, qty: int | None = None) -> None:
        contract = parse_option(symbol)
        size = -self.positions[symbol] if qty is None else D(qty)
        group = f"group-{len(self.lines)}"
        shares = size * 100 if contract.right == "put" else -size * 100
        self.line("OPASN", symbol, size, group_id=group)
        self.line("OPTRD", contract.root, shares, -shares * contract.strike, price=contract.strike, group_id=group)

    def pay_dividend(self, symbol: str, each: str) -> None:
        self.line("DIV", symbol, net=self.positions[symbol] * D(each), price=D(each))

    def charge_fees(self) -> None:
        if self.contracts:
            self.line("FEE", net=-cents_up(FEE_EACH * self.contracts))
            self.contracts = D(0)

    # What it shows

    def reads(self) -> Reads:
        return Reads(
            clock=Clock(at=self.at, is_open=True),
            account=replace(an_account(), cash=self.cash, accrued_fees=FEE_EACH * self.contracts),
            positions=tuple(Position(symbol=symbol, qty=qty) for symbol, qty in sorted(self.positions.items())),
            orders=tuple(self.orders.values()),
            activities=tuple(self.lines),
        )

    def exercise(self, symbol: str, qty: int) -> None:
        """Exercise long options of ours: shares come or go at the strike."""
        contract = parse_option(symbol)
        group = f"group-{len(self.lines)}"
        shares = D(qty) * (100 if contract.right == "call" else -100)
        self.line("OPEXC", symbol, -D(qty), group_id=group)
        self.line("OPTRD", contract.root, shares, -shares * contract.strike, price=contract.strike, group_id=group)

    def strange(self, symbol: str, change: int, price: str) -> None:
        """Trade through an order that is not ours: the owner by hand, or the broker that liquidates."""
        net = -D(change) * D(price) * (100 if is_option(symbol) else 1)
        self.line("FILL", symbol, D(change), net, price=D(price), order_id=f"strange-{len(self.lines)}")
        if is_option(symbol):
            self.contracts += abs(change)

    def split(self, symbol: str, ratio: Decimal, in_lieu: str = "") -> None:
        """Split shares; with `in_lieu` (dollars a new share) what is no whole share is paid out in the same line."""
        before = self.positions[symbol]
        after = (before * ratio).quantize(D("1e-9"))
        whole = after.to_integral_value(ROUND_FLOOR)
        kept = whole if in_lieu else after
        net = ((after - kept) * D(in_lieu or 0)).quantize(D("0.01"))
        self.line("SPLIT", symbol, kept - before, net, price=ratio, group_id=f"split-{len(self.lines)}")

    def tick(self, desk: Desk) -> Settlement:
        """Let a desk learn of the orders it sent, and settle."""
        for name, own in self.own.items():
            desk.orders.setdefault(name, own)
        return desk.settle(self.reads(), self.at)
