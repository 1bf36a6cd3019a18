"""The drill's account: the simulated one, and everything that ever went wrong between a broker and a program.

It is a real account of the house on a deterministic market, in a file of the drill's own home. What it does on top is
said in `Faults`; what a hand or the broker itself does to it are methods of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from bot.brokers.simulator import SimulatorBroker
from bot.brokers.simulator_events import WalkableMarket, assign
from bot.brokers.simulator_matching import Resting
from bot.domain.desk import SimulatorNumbers
from bot.domain.errors import BrokerRefused, BrokerUnreachable, OutcomeUnknown, RefusalCode
from bot.domain.holdings import Account, Activity, BrokerOrder, Clock, Position
from bot.domain.instruments import parse_option
from bot.domain.orders import OrderRequest

ACCOUNT = "PADRILL"
"""The number of every drill's account; no broker gives it to anybody."""


class Died(BaseException):
    """The process ends at this instant: nothing after it runs, and nothing catches it but the drill."""


class Faults:
    """What goes wrong from now on. Everything is off at first."""

    def __init__(self) -> None:
        self.submit: Literal["", "timeout", "lost", "die", "refuse"] = ""
        """timeout: accepted, no answer; lost: not accepted, no answer; die: accepted, then the process is gone."""
        self.hidden = False
        """Neither a listing nor a look-up shows an order."""
        self.blind = False
        """A look-up by id gets no answer."""
        self.no_positions = False
        self.twice = False
        """Every line of the history comes twice."""
        self.late = False
        """Fills are not listed yet."""
        self.skew = timedelta(0)
        """How far the broker's clock is ahead of ours."""
        self.number = ""
        """Another account's number, where the keys open that one."""


class DrillAccount(SimulatorBroker):
    """A simulated account with faults, and with a count of what reached its door."""

    def __init__(
        self, path: Path, market: WalkableMarket, numbers: SimulatorNumbers, now: Callable[[], datetime]
    ) -> None:
        super().__init__(path, market, numbers, now, synchronous="OFF", account_id=ACCOUNT)
        self.faults = Faults()
        self.door: Counter[str] = Counter()
        """Orders that arrived, by our id: more than one is a doubled send whatever became of it."""
        self.reads = 0
        """Reads of the account, its positions, orders and history."""

    # What a program sees

    def read_clock(self) -> Clock:
        """Give the time, wrong where the fault says so."""
        clock = super().read_clock()
        return msgspec.structs.replace(clock, at=clock.at + self.faults.skew)

    def read_account(self) -> Account:
        """Give the account, under another number where the fault says so."""
        self.reads += 1
        account = super().read_account()
        return msgspec.structs.replace(account, id=self.faults.number or account.id)

    def read_positions(self) -> tuple[Position, ...]:
        """List what is held, or nothing."""
        self.reads += 1
        return () if self.faults.no_positions else super().read_positions()

    def read_orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """List orders, unless they are hidden."""
        self.reads += 1
        return () if self.faults.hidden else super().read_orders(since)

    def read_activities(self, since: date) -> tuple[Activity, ...]:
        """List the history: whole, twice, or without its newest fills."""
        self.reads += 1
        lines = super().read_activities(since)
        if self.faults.late:
            lines = tuple(line for line in lines if line.kind != "FILL")
        return (*lines, *lines) if self.faults.twice else lines

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Look an order up, unless that fails or it is hidden."""
        if self.faults.blind:
            raise BrokerUnreachable("the look-up got no answer")
        return None if self.faults.hidden else super().find_order(client_order_id)

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Take an order, and answer as the fault says."""
        self.door[request.client_order_id] += 1
        if self.faults.submit == "refuse":
            words = "insufficient options buying power"
            raise BrokerRefused(RefusalCode.INSUFFICIENT_FUNDS, words, status=403, broker_code=40310000)
        if self.faults.submit == "lost":
            raise OutcomeUnknown("no answer came")
        order = super().submit(request)
        if self.faults.submit == "die":
            raise Died
        if self.faults.submit == "timeout":
            raise OutcomeUnknown("no answer came within the time")
        return order

    # What the drill sees, past every fault

    def orders(self, desk: str = "") -> tuple[BrokerOrder, ...]:
        """List every order the broker ever took, or those in a desk's name."""
        found = super().read_orders(datetime(2000, 1, 1, tzinfo=self._now().tzinfo))
        return tuple(one for one in found if one.client_order_id.startswith(f"{desk}-")) if desk else found

    def held(self) -> dict[str, Decimal]:
        """Give what is held, by symbol."""
        return {one.symbol: one.qty for one in super().read_positions()}

    def held_list(self) -> list[tuple[str, Decimal, str]]:
        """Give what is held as `left_of` takes it, everything ours."""
        return [(symbol, qty, "ours") for symbol, qty in self.held().items()]

    def cash(self) -> Decimal:
        """Give the cash."""
        return super().read_account().cash

    # What the broker or a hand does

    def fill(self, client_order_id: str, units: Decimal | None = None, price: Decimal | None = None) -> None:
        """Fill a working order now, wholly or in part, at its own price or the one given."""
        with self._writing("a fill") as (state, at):
            resting = next(one for one in state.working.values() if one.order.client_order_id == client_order_id)
            order = resting.order
            units = order.qty - order.filled_qty if units is None else units
            price = price or order.limit_price or order.stop_price
            assert price is not None, "a fill has a price"
            for leg in order.legs:
                change = units * leg.ratio * (1 if leg.side == "buy" else -1)
                state.trade(leg.symbol, change, price, at, order.broker_order_id)
            filled = order.filled_qty + units
            status = "filled" if filled == order.qty else "partially_filled"
            order = msgspec.structs.replace(
                order, filled_qty=filled, filled_avg_price=price, status=status, updated_at=at
            )
            state.put_order(_with(resting, order, units * price))

    def fill_or_end(self, client_order_id: str, *, fill: bool) -> None:
        """Fill an order that works, or end it by hand; one that has ended meanwhile stays as it is."""
        if any(one.client_order_id == client_order_id and not one.terminal for one in self.orders()):
            if fill:
                self.fill(client_order_id)
            else:
                self.end(client_order_id)

    def trade(self, symbol: str, change: Decimal, price: Decimal, note: str) -> None:
        """Let a hand, or the broker itself, trade so much of a symbol through an order that is not ours."""
        with self._writing(note) as (state, at):
            state.trade(symbol, change, price, at, f"{note}-{symbol}-{at:%H%M%S}", note)
            state.cancel_uncovered(at)

    def bring_in(self, symbol: str, qty: Decimal, price: Decimal) -> None:
        """Let shares arrive from elsewhere, a fraction too: positions move, no money does."""
        with self._writing("a transfer") as (state, _):
            state.move(symbol, qty, price)

    def assign(self, symbol: str) -> None:
        """Assign every short contract of a series now."""
        with self._writing("an assignment") as (state, at):
            contract = parse_option(symbol)
            assign(state, contract, -state.qty(symbol), contract.strike, at)
            state.cancel_uncovered(at)

    def end(self, client_order_id: str, status: str = "canceled") -> None:
        """Let a hand at the broker end a working order."""
        with self._writing("a cancellation by hand") as (state, at):
            found = [key for key, one in state.working.items() if one.order.client_order_id == client_order_id]
            state.end_order(found[0], status, at)

    def place(self, request: OrderRequest, *, checked: bool = True) -> BrokerOrder:
        """Let somebody else place an order at the broker; unchecked, one that its rules would refuse rests too."""
        if checked:
            return super().submit(request)
        at = self._now()
        order = BrokerOrder(
            broker_order_id=f"by-hand-{request.client_order_id}", client_order_id=request.client_order_id,
            legs=request.legs, qty=request.qty, filled_qty=Decimal(0), order_type=request.order_type,
            limit_price=request.limit_price, stop_price=request.stop_price, trail_percent=request.trail_percent,
            high_water_mark=request.high_water_mark, time_in_force=request.time_in_force, status="new",
            submitted_at=at, updated_at=at,
        )  # fmt: skip
        with self._writing("an order by hand") as (state, _):
            state.orders_taken += 1
            state.put_order(Resting(order=order, sequence=state.orders_taken))
        return order


def _with(resting: Resting, order: BrokerOrder, spent: Decimal) -> Resting:
    return msgspec.structs.replace(resting, order=order, spent=resting.spent + spent)
