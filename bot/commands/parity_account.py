"""The simulated account and the ledger in memory that a recorded day is run again on, as they stood at its first tick.

What live had can be put in place of what would be simulated, for one input at a time: the price an order carried, when
it arrived, how it filled and ended. Everything else is the simulator's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from bot.brokers.simulator import SimulatorBroker, order_id_of
from bot.brokers.simulator_acceptance import leg_ids_of
from bot.brokers.simulator_account import Holding, average_of, unit_size
from bot.brokers.simulator_events import WalkableMarket
from bot.brokers.simulator_matching import Resting
from bot.brokers.simulator_shape import refuse
from bot.brokers.simulator_state import State
from bot.domain.desk import SimulatorNumbers
from bot.domain.drilling import DrillPass
from bot.domain.errors import RefusalCode
from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import is_option, parse_option
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OrderRequest, OwnOrder
from bot.domain.parity import Movement
from bot.domain.sessions import new_york_day
from bot.domain.snapshot import Snapshot
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import Memory

NEVER = timedelta(days=400)
"""Beyond the end of any day: an order said to arrive then meets no quote."""


class LiveOrder(NamedTuple):
    """What became of an order at the real account. `given`: the record cannot tell, so every run has it so."""

    order: OwnOrder
    arrived_at: datetime | None
    ended_at: datetime | None
    cancelled: bool
    fills: tuple[Movement, ...]
    given: bool

    @property
    def refused(self) -> bool:
        """Say whether it never worked: the broker refused it, or it never left."""
        return not self.fills and (self.order.state in ("refused", "not_sent") or self.order.status == "rejected")


class DayBroker(SimulatorBroker):
    """A simulated account that begins where a Snapshot stood, with what `swapped` names taken from live."""

    def __init__(
        self, first: Snapshot, market: WalkableMarket, numbers: SimulatorNumbers, now: Callable[[], datetime],
        live: Mapping[str, LiveOrder], swapped: frozenset[str],
    ) -> None:  # fmt: skip
        super().__init__(None, market, numbers, now, account_id=first.account.id)
        self._first, self._live, self._swapped = first, live, swapped
        self._filled_before = {order.client_order_id: order.filled_qty for order in first.own_orders}
        self._done: dict[str, int] = {}
        self._legs: dict[str, dict[str, Decimal]] = {}
        self.names: dict[str, str] = {}
        for order in at_broker(first):
            self._name(order.client_order_id, len(order.legs))

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Take an order as the simulator does, but for what live had in its place."""
        known = self._live.get(request.client_order_id)
        self._name(request.client_order_id, len(request.legs))
        if known is None:
            return super().submit(request)
        if self._as_live(known) and known.refused:
            refuse(RefusalCode.OTHER, f"as it went live: {known.order.status or known.order.state}")
        if "price" in self._swapped or known.given:
            request = replace(request, limit_price=known.order.limit_price)
        taken = super().submit(request)
        arrival = taken.submitted_at
        if self._as_live(known):
            arrival += NEVER
        elif "latency" in self._swapped:
            arrival = max(arrival, known.arrived_at or arrival)
        if arrival == taken.submitted_at:
            return taken
        with self._writing(f"the order {request.client_order_id}") as (state, _):
            resting = state.working[taken.broker_order_id]
            arrived = replace(resting.order, submitted_at=arrival)
            state.put_order(replace(resting, order=arrived))
        return arrived

    def live_until(self, at: datetime) -> None:
        """Let everything happen that happened live up to a moment, to orders that stand as live had them."""
        for key, known in self._live.items():
            if not self._as_live(known):
                continue
            while self._done.get(key, 0) < len(known.fills) and known.fills[self._done.get(key, 0)].at <= at:
                if not self._fill(known, known.fills[self._done.get(key, 0)]):
                    break
                self._done[key] = self._done.get(key, 0) + 1
            own_end = known.cancelled or known.ended_at is None or known.ended_at > at
            if not own_end and self._done.get(key, 0) == len(known.fills):
                self._end(known)

    def trade(self, one: Movement) -> None:
        """Book a fill of live's as it was, whatever orders stand."""
        assert one.price is not None, one
        with self._writing(f"the fill of {one.symbol}") as (state, at):
            state.trade(one.symbol, one.qty, one.price, at, one.order)
        self.names[one.order] = one.order

    def movements(self) -> tuple[Movement, ...]:
        """Give every line of the account since it began."""
        lines = self.read_activities(new_york_day(self._first.at))
        return tuple(
            Movement(
                order=self.names.get(line.order_id, ""), kind=line.kind, symbol=line.symbol, qty=line.qty,
                price=line.price, net=line.net_amount, at=line.at,
            )
            for line in lines
        )  # fmt: skip

    def _as_live(self, known: LiveOrder) -> bool:
        return known.given or "fill" in self._swapped

    def _name(self, client_order_id: str, legs: int) -> None:
        broker_id = order_id_of(self._first.account.id, client_order_id)
        for one in (broker_id, *leg_ids_of(broker_id, legs)):
            self.names[one] = client_order_id

    def _fill(self, known: LiveOrder, one: Movement) -> bool:
        """Fill a working order as it filled live; False where it does not work here."""
        assert one.price is not None, one
        key = order_id_of(self._first.account.id, known.order.client_order_id)
        with self._writing(f"the fill of {one.symbol}") as (state, at):
            resting = state.working.get(key)
            if resting is None:
                return False
            legs = {leg.symbol: leg for leg in resting.order.legs}
            ids = dict(zip(legs, resting.order.leg_ids, strict=False))
            state.trade(one.symbol, one.qty, one.price, at, ids.get(one.symbol, key))
            done = self._legs.setdefault(key, dict.fromkeys(legs, ZERO))
            done[one.symbol] += abs(one.qty)
            units = min(qty / legs[symbol].ratio for symbol, qty in done.items())
            spent = resting.spent + (one.qty if len(legs) > 1 else abs(one.qty)) * one.price
            filled = min(units + self._filled_before.get(known.order.client_order_id, ZERO), resting.order.qty)
            moved = replace(
                resting.order, filled_qty=filled, filled_avg_price=average_of(spent, filled) if filled else None,
                status="filled" if filled == resting.order.qty else "partially_filled", updated_at=at,
            )  # fmt: skip
            state.put_order(replace(resting, order=moved, spent=spent))
        return True

    def _end(self, known: LiveOrder) -> None:
        key = order_id_of(self._first.account.id, known.order.client_order_id)
        with self._writing(f"the end of {known.order.client_order_id}") as (state, at):
            if key in state.working:
                state.end_order(key, known.order.status or "canceled", at)

    def _new(self, at: datetime) -> State:
        first = self._first
        state = State(first.account.id, at, self._numbers)
        state.kept_from = datetime.min.replace(tzinfo=UTC)
        state.cash = first.account.cash
        for held in first.positions:
            one = held.position
            if one.qty:
                price = one.avg_entry_price if one.avg_entry_price is not None else one.price
                state.holdings[one.symbol] = Holding(qty=one.qty, average=price or ZERO)
                state.changed_holdings.add(one.symbol)
        for order in at_broker(first):
            known = self._live.get(order.client_order_id)
            state.orders_taken += 1
            resting = _resting(order, first, state.orders_taken)
            if known is not None and self._as_live(known):
                later = resting.order.submitted_at + NEVER
                resting = replace(resting, order=replace(resting.order, submitted_at=later))
            state.put_order(resting)
        return state


def at_broker(first: Snapshot) -> tuple[OwnOrder, ...]:
    """Give the orders of ours that worked at a Snapshot; one without a proven answer cannot be run again."""
    return tuple(order for order in first.own_orders if order.state == "working")


def _resting(order: OwnOrder, first: Snapshot, sequence: int) -> Resting:
    """Give an order of ours as the simulated broker has it; what it holds back is counted at its limit."""
    broker_id = order_id_of(first.account.id, order.client_order_id)
    price = order.limit_price or order.stop_price or ZERO
    leg = order.legs[0]
    cost = price * unit_size(leg.symbol) * (1 if leg.side == "buy" or len(order.legs) > 1 else -1)
    if len(order.legs) == 1 and leg.position_intent == "sell_to_open" and is_option(leg.symbol):
        contract = parse_option(leg.symbol)
        cost += contract.strike * SHARES_PER_CONTRACT if contract.right == "put" else ZERO
    spent = ZERO if order.filled_avg_price is None else order.filled_avg_price * order.filled_qty
    shown = BrokerOrder(
        broker_order_id=broker_id, client_order_id=order.client_order_id, legs=order.legs, qty=order.qty,
        filled_qty=order.filled_qty, filled_avg_price=order.filled_avg_price, order_type=order.order_type,
        limit_price=order.limit_price, stop_price=order.stop_price, trail_percent=order.trail_percent,
        high_water_mark=order.high_water_mark, time_in_force=order.time_in_force, status=order.status or "new",
        submitted_at=order.planned_at, updated_at=first.at, leg_ids=leg_ids_of(broker_id, len(order.legs)),
    )  # fmt: skip
    day = first.session.day if order.time_in_force == "day" else None
    return Resting(order=shown, sequence=sequence, reserve=max(cost, ZERO), spent=spent, session_day=day)


class DayJournal(MemoryJournal):
    """A ledger in memory that begins where a Snapshot stood; what the owner said by each tick, he says here too."""

    def __init__(self, ticks: tuple[Snapshot, ...], drill: DrillPass | None) -> None:
        super().__init__()
        first = ticks[0]
        self._recorded = {one.at: one for one in ticks}
        self._drill = drill
        books = first.books
        self._books = books
        self._lots = {one.id: one for one in books.lots}
        self._legs = {one.id: one for one in books.legs}
        self._cycles = {one.id: one for one in books.cycles}
        self._rolls = {one.id: one for one in books.rolls}
        self._strategies = {one.strategy: one for one in books.strategies}
        self._drift = {(one.symbol, one.kind): one for one in books.drift}
        self._pauses = list(books.pauses)
        self._entries = dict(books.entries_sent)
        self._marks = tuple((one.symbol, one.price, first.at) for one in first.marks)
        self._trips = {one.name: one for one in first.trips}
        self._invariants = first.invariants
        for order in at_broker(first):
            kept = replace(order, broker_order_id=order_id_of(first.account.id, order.client_order_id))
            self._numbers[kept.client_order_id] = len(self._numbers)
            self._orders[kept.client_order_id] = kept
            self._live[kept.client_order_id] = None

    def memory(self, at: datetime, session_date: date) -> Memory:
        """Give what this run remembers, with the owner's words of that moment: halt, panic, instructions."""
        remembered = super().memory(at, session_date)
        said = self._recorded[at]
        books = replace(remembered.books, instructions=said.books.instructions, panic=said.books.panic)
        return replace(remembered, books=books, halt=said.halt, halt_said=None, drill=self._drill)

    def orders(self, since: datetime) -> tuple[OwnOrder, ...]:
        """List the orders planned from a moment on, oldest first, as this run remembers them."""
        found = [self._orders[key] for key in sorted(self._numbers, key=self._numbers.__getitem__)]
        return tuple(order for order in found if order.planned_at >= since)
