"""The simulated account in memory: what is held, working, booked; every change goes through here.

Cash moves only by booking an activity, so cash is always the sum of all activities' net amounts.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from bot.brokers.simulator_account import (
    Holding,
    after_trade,
    average_of,
    collateral_of,
    pessimistic,
    remaining_of,
    shares_under_calls,
    unit_size,
)
from bot.brokers.simulator_matching import Meeting, Resting
from bot.domain.desk import SimulatorNumbers
from bot.domain.fills import FillRules
from bot.domain.holdings import Activity, ActivityKind, BrokerOrder, Side
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.money import ZERO, cents_up
from bot.domain.sessions import Session, new_york_day

FEE_NAMES = ("OCC", "ORF", "TAF")


class Boundary(NamedTuple):
    """The next moment at which a session opens or closes for the account."""

    at: datetime
    opens: bool
    session: Session


class State:
    """One account's facts, and what has changed since they were last stored."""

    def __init__(self, account_id: str, started_at: datetime, numbers: SimulatorNumbers) -> None:
        self.account_id = account_id
        self.started_at = started_at
        self.seen_at = started_at
        self.numbers = numbers
        self.version = 0
        self.cash = ZERO
        self.holdings: dict[str, Holding] = {}
        self.fees: dict[str, Decimal] = {}
        self.working: dict[str, Resting] = {}
        self.ended: list[BrokerOrder] = []
        self.activities: list[Activity] = []
        self.activity_days: list[date] = []
        self.orders_taken = 0
        self.activities_booked = 0
        self.kept_from = started_at
        self.stored_at = started_at
        self.boundary: Boundary | None = None
        self.changed_holdings: set[str] = set()
        self.changed_orders: dict[str, Resting] = {}
        self.new_activities: list[Activity] = []
        self.dirty = True
        self.rules: FillRules | None = None
        self._collateral: Decimal | None = None
        self._available: dict[str, Decimal] = {}
        self._orders_told: tuple[datetime, tuple[BrokerOrder, ...]] | None = None
        self._lines_told: tuple[date, tuple[Activity, ...]] | None = None

    def mark_stored(self) -> None:
        """Forget what has been stored."""
        self.stored_at = self.seen_at
        self.changed_holdings.clear()
        self.changed_orders.clear()
        self.new_activities.clear()
        self.dirty = False

    @property
    def quantities(self) -> dict[str, Decimal]:
        """Quantities by symbol."""
        return {symbol: held.qty for symbol, held in self.holdings.items()}

    def qty(self, symbol: str) -> Decimal:
        """Give the quantity held, zero when none."""
        held = self.holdings.get(symbol)
        return held.qty if held is not None else ZERO

    @property
    def collateral(self) -> Decimal:
        """Sum the dollars held back for all options held, worked out once after each move."""
        if self._collateral is None:
            self._collateral = collateral_of(self.quantities)
        return self._collateral

    def go_back(
        self,
        holdings: dict[str, Holding],
        fees: dict[str, Decimal],
        working: dict[str, Resting],
        ended: int,
        lines: int,
    ) -> None:
        """Hold what was held once, and forget what ended or was booked beyond so many of each."""
        self.holdings, self.fees, self.working = dict(holdings), dict(fees), dict(working)
        del self.ended[ended:], self.activities[lines:], self.activity_days[lines:]
        self.boundary = self._collateral = self._orders_told = self._lines_told = None
        self._available.clear()

    def working_orders(self) -> list[BrokerOrder]:
        """List the orders that may still fill, oldest first."""
        return [resting.order for resting in self.working.values()]

    def reserves(self) -> Decimal:
        """Sum the dollars that working orders hold back."""
        held_back = (one.reserve * remaining_of(one.order) for one in self.working.values() if one.reserve)
        return sum(held_back, ZERO)

    def promised(self, symbol: str, side: Side) -> Decimal:
        """Count the units of a symbol that working orders on one side may still take."""
        found = ZERO
        for resting in self.working.values():
            for leg in resting.order.legs:
                if leg.symbol == symbol and leg.side == side:
                    found += remaining_of(resting.order) * leg.ratio
        return found

    def put_order(self, resting: Resting) -> None:
        """Keep an order as it is now; a terminal one leaves the working ones."""
        order = resting.order
        self.changed_orders[order.broker_order_id] = resting
        self.dirty = True
        self._orders_told = None
        self._available.clear()
        if order.terminal:
            self.working.pop(order.broker_order_id, None)
            self.ended.append(order)
        else:
            self.working[order.broker_order_id] = resting

    def end_order(self, broker_order_id: str, status: str, at: datetime) -> None:
        """End a working order: canceled or expired."""
        resting = self.working[broker_order_id]
        order = msgspec.structs.replace(resting.order, status=status, updated_at=at)
        self.put_order(msgspec.structs.replace(resting, order=order))

    def book(
        self,
        kind: ActivityKind,
        at: datetime,
        *,
        symbol: str = "",
        qty: Decimal = ZERO,
        price: Decimal | None = None,
        net: Decimal = ZERO,
        order_id: str = "",
        group_id: str = "",
        raw_type: str = "",
        description: str = "",
    ) -> Activity:
        """Write one line of history and move cash by its net amount. Positions are moved apart."""
        self.activities_booked += 1
        text = f"{self.account_id}|{self.activities_booked}|{kind}|{symbol}|{order_id}"
        mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        line = Activity(
            id=f"{at:%Y%m%d%H%M%S}::{mark}",
            kind=kind,
            symbol=symbol,
            at=at,
            qty=qty,
            price=price,
            net_amount=net,
            order_id=order_id,
            group_id=group_id,
            raw_type=raw_type or kind,
            description=description,
        )
        self.cash += net
        self.activities.append(line)
        self.activity_days.append(new_york_day(at))
        self.new_activities.append(line)
        self.dirty = True
        self._lines_told = None
        return line

    def move(self, symbol: str, change: Decimal, price: Decimal) -> None:
        """Change a position by a signed quantity at a price; cash is moved by `book`."""
        after = after_trade(self.holdings.get(symbol), change, price)
        if after is None:
            self.holdings.pop(symbol, None)
        else:
            self.holdings[symbol] = after
        self.changed_holdings.add(symbol)
        self.dirty = True
        self._collateral = None
        self._available.clear()

    def trade(self, symbol: str, change: Decimal, price: Decimal, at: datetime, order_id: str, note: str = "") -> None:
        """Execute: move the position, book the FILL and accrue its fees."""
        self.move(symbol, change, price)
        net = -change * price * unit_size(symbol)
        self.book("FILL", at, symbol=symbol, qty=change, price=price, net=net, order_id=order_id, description=note)
        if is_option(symbol):
            self._accrue(abs(change), selling=change < 0)
        elif self.rules is not None:
            self._charge_shares(self.rules, symbol, abs(change), price, at, order_id)

    def _charge_shares(
        self, rules: FillRules, symbol: str, qty: Decimal, price: Decimal, at: datetime, order_id: str
    ) -> None:
        """Book what the rules charge for shares at once, rounded up to a cent, naming the order that pays it."""
        fee = cents_up(qty * (price * rules.fee_fraction + rules.fee_per_share))
        if fee:
            note = f"fee on {symbol}"
            self.book("FEE", at, symbol=symbol, net=-fee, order_id=order_id, raw_type="COM", description=note)

    def traded_since(self, symbol: str, since: datetime) -> Decimal:
        """Count the units of a symbol traded at or after a moment, both ways."""
        found = ZERO
        for line in reversed(self.activities):
            if line.at < since:
                break
            if line.kind == "FILL" and line.symbol == symbol:
                found += abs(line.qty)
        return found

    def _accrue(self, contracts: Decimal, *, selling: bool) -> None:
        rates = (self.numbers.fee_occ, self.numbers.fee_orf, self.numbers.fee_taf if selling else ZERO)
        for name, rate in zip(FEE_NAMES, rates, strict=True):
            if rate:
                self.fees[name] = self.fees.get(name, ZERO) + rate * contracts

    @property
    def accrued_fees(self) -> Decimal:
        """Sum the fees of today that are not booked yet."""
        return sum(self.fees.values(), ZERO)

    def charge_fees(self, at: datetime) -> None:
        """Book the day's fees, one line a type, each total rounded up to a cent (wheel 2.20)."""
        for name, amount in sorted(self.fees.items()):
            self.book("FEE", at, net=-cents_up(amount), raw_type=name, description=f"{name} fee {new_york_day(at)}")
        self.fees.clear()

    def fill(self, meeting: Meeting, at: datetime) -> None:
        """Take an order's executions: positions, cash, fees and the order itself."""
        resting = meeting.resting
        order = resting.order
        ids = dict(zip(order.legs, order.leg_ids, strict=False))  # none for an order of one leg
        for execution in meeting.executions:
            change = execution.qty if execution.leg.side == "buy" else -execution.qty
            order_id = ids.get(execution.leg, order.broker_order_id)
            self.trade(execution.leg.symbol, change, execution.price, at, order_id)
        filled = order.filled_qty + meeting.units
        spent = resting.spent + meeting.units * meeting.price
        moved = msgspec.structs.replace(
            order,
            filled_qty=filled,
            filled_avg_price=average_of(spent, filled),
            status="filled" if filled == order.qty else "partially_filled",
            updated_at=at,
        )
        self.put_order(msgspec.structs.replace(resting, order=moved, spent=spent))

    def cancel_orders(self, at: datetime, symbols: Iterable[str], status: str = "canceled") -> None:
        """End every working order that touches one of these symbols."""
        gone = frozenset(symbols)
        for key, resting in list(self.working.items()):
            if any(leg.symbol in gone for leg in resting.order.legs):
                self.end_order(key, status, at)

    def cancel_uncovered(self, at: datetime) -> None:
        """End working orders whose position is gone: closings beyond what is held, calls without shares."""
        taken: dict[str, Decimal] = {}
        for key, resting in list(self.working.items()):
            for leg in resting.order.legs:
                left = remaining_of(resting.order) * leg.ratio
                if leg.position_intent.endswith("_to_close"):
                    taken[leg.symbol] = taken.get(leg.symbol, ZERO) + left
                    held = self.qty(leg.symbol)
                    lost = taken[leg.symbol] > (held if leg.side == "sell" else -held)
                else:
                    lost = leg.side == "sell" and len(resting.order.legs) == 1 and self._call_lost_shares(leg.symbol)
                if lost:
                    self.end_order(key, "canceled", at)
                    break

    def _call_lost_shares(self, symbol: str) -> bool:
        underlying = underlying_of(symbol)
        return parse_option(symbol).right == "call" and self.qty(underlying) < self.shares_locked(underlying)

    def shares_locked(self, underlying: str) -> Decimal:
        """Count shares that are not free: under short calls (working ones too) and in working sales."""
        quantities = self.quantities
        if not any(qty < 0 for qty in quantities.values()) and not self.working:
            return ZERO
        under_calls = shares_under_calls(pessimistic(quantities, self.working_orders()), underlying)
        return under_calls + self.promised(underlying, "sell")

    def available(self, symbol: str) -> Decimal:
        """Count what is held and neither an order nor a call holds; negative for a short series."""
        found = self._available.get(symbol)
        if found is None:
            qty = self.qty(symbol)
            if not is_option(symbol):
                found = max(qty - self.shares_locked(symbol), ZERO)
            else:
                left = max(abs(qty) - self.promised(symbol, "sell" if qty > 0 else "buy"), ZERO)
                found = left if qty > 0 else -left
            self._available[symbol] = found
        return found

    def activities_since(self, day: date) -> tuple[Activity, ...]:
        """Give the kept lines booked on or after a New York day, oldest first."""
        if self._lines_told is None or self._lines_told[0] != day:
            self._lines_told = (day, tuple(self.activities[bisect_left(self.activity_days, day) :]))
        return self._lines_told[1]

    def orders_since(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Give working orders and kept ones that ended at or after a moment, oldest first."""
        if self._orders_told is None or self._orders_told[0] != since:
            start = bisect_left(self.ended, since, key=lambda order: order.updated_at)
            found = [*self.ended[start:], *self.working_orders()]
            found.sort(key=lambda order: (order.submitted_at, order.broker_order_id))
            self._orders_told = (since, tuple(found))
        return self._orders_told[1]
