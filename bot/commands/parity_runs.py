"""A recorded day run again: through the tick with some inputs as live had them, or as live's own fills alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from bot.commands.parity_account import DayBroker, DayJournal, LiveOrder
from bot.commands.parity_market import RecordedTicks
from bot.domain.desk import Desk, SimulatorNumbers
from bot.domain.drilling import DrillPass
from bot.domain.money import ZERO
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.parity import Movement, Run, Sent
from bot.domain.snapshot import Snapshot
from bot.engine.ports import Book, World
from bot.engine.tick import tick

Wish = tuple[str, ...]
WISH_WORDS = 3
"""Words of a wish before its symbols: strategy, purpose and key."""


class Recorded(NamedTuple):
    """A day as it was recorded: every tick, which of them could send, under which book; what live did; its end."""

    seen: tuple[Snapshot, ...]
    decided: tuple[tuple[Snapshot, Book], ...]
    live: Mapping[str, LiveOrder]
    fills: tuple[Movement, ...]
    end_at: datetime
    drill: DrillPass | None

    @property
    def first(self) -> Snapshot:
        """Give the first tick: the state every run begins with."""
        return self.seen[0]


class Ran(NamedTuple):
    """What came of one run: what moved, the orders it sent, and which gates refused which wish at which moment."""

    run: Run
    sent: tuple[Sent, ...] = ()
    refused: Mapping[tuple[datetime, Wish], tuple[str, ...]] = {}


def wish_of(one: OrderIntent | OwnOrder) -> Wish:
    """Name a wish apart from the slot it stands in."""
    return (one.strategy, one.purpose, one.key, *(leg.symbol for leg in one.legs))


def label_of(order: OwnOrder) -> str:
    """Say what an order is about."""
    what = order.legs[0].symbol if len(order.legs) == 1 else order.underlying
    side = order.legs[0].side if len(order.legs) == 1 else "legs"
    return f"{side} {order.qty.normalize():f} {what}"


def ticked(day: Recorded, market: RecordedTicks, swapped: frozenset[str]) -> Ran:
    """Run the day's ticks in memory; what `swapped` names is as live had it."""
    clock = [day.first.at]
    numbers = _numbers(day.decided[0][1].desk, day.first)
    broker = DayBroker(day.first, market, numbers, lambda: clock[0], day.live, swapped)
    journal = DayJournal(day.seen, day.drill)
    world = World(broker=broker, market=market, journal=journal, now=lambda: clock[0])
    refused: dict[tuple[datetime, Wish], tuple[str, ...]] = {}
    for snapshot, book in day.decided:
        _pass(broker, clock, day, snapshot.at)
        result = tick(world, book)
        broker.live_until(snapshot.at)
        for verdict in result.verdicts:
            refused[snapshot.at, wish_of(verdict.intent)] = tuple(one.gate for one in verdict.checks if not one.ok)
    _pass(broker, clock, day, day.end_at)
    return Ran(_run(broker, day), _sent(broker, journal.orders(day.first.at)), refused)


def booked(day: Recorded, market: RecordedTicks) -> Ran:
    """Book live's own fills and let the simulator do the rest: fees, dividends, assignments, expiries."""
    first = replace(day.first, own_orders=())
    clock = [first.at]
    broker = DayBroker(first, market, _numbers(day.decided[0][1].desk, first), lambda: clock[0], {}, frozenset())
    for one in sorted(day.fills, key=lambda fill: fill.at):
        clock[0] = max(clock[0], one.at)
        broker.trade(one)
    clock[0] = max(clock[0], day.end_at)
    return Ran(_run(broker, day))


def _pass(broker: DayBroker, clock: list[datetime], day: Recorded, until: datetime) -> None:
    """Let time pass, and what happened live happen at its own moment."""
    moments = {one.at for known in day.live.values() for one in known.fills}
    moments |= {known.ended_at for known in day.live.values() if known.ended_at is not None}
    for moment in sorted([*(one for one in moments if clock[0] < one < until), until]):
        clock[0] = max(clock[0], moment)
        broker.live_until(moment)


def _numbers(desk: Desk, first: Snapshot) -> SimulatorNumbers:
    account, numbers = first.account, desk.simulator
    return replace(numbers, multiplier=account.multiplier, options_level=account.options_level or numbers.options_level)


def _run(broker: DayBroker, day: Recorded) -> Run:
    owed = broker.read_account().accrued_fees or ZERO
    before = day.first.account.accrued_fees or ZERO
    return Run(movements=broker.movements(), accrued=before + owed)


def _sent(broker: DayBroker, orders: tuple[OwnOrder, ...]) -> tuple[Sent, ...]:
    filled = {one.order: one.at for one in broker.movements() if one.kind == "FILL"}
    found = []
    for order in orders:
        shown = broker.find_order(order.client_order_id)
        found.append(
            Sent(
                order=order.client_order_id, wish=wish_of(order), label=label_of(order), at=order.planned_at,
                limit=order.limit_price, status=order.status or order.state if shown is None else shown.status,
                filled=ZERO if shown is None else shown.filled_qty,
                price=None if shown is None else shown.filled_avg_price, filled_at=filled.get(order.client_order_id),
            )
        )  # fmt: skip
    return tuple(found)
