"""A journal that forgets when the process ends: what a backtest and a substitution run on. No file, no clock.

It remembers for the next tick exactly what the ledger file would (a test runs both side by side), in work that does not
grow with the run. Nobody's word comes in: no halt by hand, no approval, no panic.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from heapq import merge
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from bot.domain.errors import UsageError
from bot.domain.invariants import Invariant
from bot.domain.ledger import Books, Counters, Cycle, Drift, Halt, Lot, OptionLeg, Pause, Proposal, Roll, StrategyBook
from bot.domain.marking import Marks, good_marks
from bot.domain.money import ZERO
from bot.domain.orders import OwnOrder, counts_as_entry
from bot.domain.pacing import count_orders, rejections_of
from bot.domain.sessions import new_york_day
from bot.domain.trip import Trip, measured, tripped_halt
from bot.engine.ports import Decision, Memory, Settlement, TickEnd, TickStart, Transition

STREAK_LOOKED_AT = 400
MAY_SEND = frozenset({"planned", "sending", "unknown"})


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


class _Chain:
    """One ended chain as a losing streak counts it: when its parts ended, what they earned, how."""

    __slots__ = ("assigned", "income")

    def __init__(self) -> None:
        self.income, self.assigned = ZERO, False


class MemoryJournal:
    """One run's ledger in memory (implements ports.Journal)."""

    keeps_snapshots = False

    def __init__(self, window_days: int = 7) -> None:
        self._window = timedelta(days=window_days)
        self._tick, self._at = 0, datetime(1, 1, 1, tzinfo=UTC)
        self._start: TickStart | None = None
        self._books = Books()
        self._orders: dict[str, OwnOrder] = {}
        self._live: dict[str, None] = {}
        self._ended: deque[tuple[datetime, int, str]] = deque()
        self._numbers: dict[str, int] = {}
        self._day_orders: dict[date, list[str]] = {}
        self._reasons: dict[str, str] = {}
        self._entries: dict[str, int] = {}
        self._lots: dict[str, Lot] = {}
        self._legs: dict[str, OptionLeg] = {}
        self._cycles: dict[str, Cycle] = {}
        self._rolls: dict[str, Roll] = {}
        self._strategies: dict[str, StrategyBook] = {}
        self._drift: dict[tuple[str, str], Drift] = {}
        self._pauses: list[Pause] = []
        self._seen: deque[tuple[date, tuple[str, str, str]]] = deque()
        self._marks: Marks = ()
        self._last_slot: datetime | None = None
        self._trips: dict[str, Trip] = {}
        self._streak: tuple[int, datetime] = (0, self._at)
        self._last_end = 0
        self._chain_ends: list[tuple[date, int, datetime, str]] = []
        self._chains: dict[str, _Chain] = {}
        self._cycle_ends: list[tuple[datetime, int, Decimal | None]] = []
        self._invariants: tuple[Invariant, ...] = ()
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Give the hash over everything decided, sent and settled so far: two runs of one seed have one."""
        return self._hash.hexdigest()

    def begin(self, start: TickStart) -> int:
        """Open a tick; refuses one older than the newest (UsageError)."""
        if start.at < self._at:
            raise UsageError(f"a tick at {start.at} is older than the newest one of this run ({self._at})")
        self._start, self._at = start, start.at
        self._tick += 1
        return self._tick

    def memory(self, at: datetime, session_date: date) -> Memory:
        """Give everything open, and what lies within the activities window."""
        books = replace(
            self._books, lots=tuple(self._lots.values()), legs=tuple(self._legs.values()),
            cycles=tuple(self._cycles.values()), rolls=tuple(self._rolls.values()), instructions=(),
            pauses=tuple(one for one in self._pauses if one.until > at), counters=self._counters(session_date),
            drift=tuple(self._drift.values()), approvals=(), entries_sent=tuple(sorted(self._entries.items())),
            strategies=tuple(book for _, book in sorted(self._strategies.items())),
        )  # fmt: skip
        last = session_date if books.settled_at is None else min(session_date, new_york_day(books.settled_at))
        since = last - self._window
        orders_since = datetime.combine(since, time(0), UTC)
        while self._seen and self._seen[0][0] < since:
            self._seen.popleft()
        while self._ended and self._ended[0][0] < orders_since:
            self._ended.popleft()
        trips = tuple(trip for _, trip in sorted(self._trips.items()))
        halt = tripped_halt(trips)
        return Memory(
            books=books, halt=halt, own_orders=tuple(self._orders[key] for key in self._live),
            recent_orders=tuple(self._orders[key] for _, _, key in sorted(self._ended)),
            seen=frozenset(key for day, key in self._seen if day >= since), activities_since=since,
            orders_since=orders_since, previous_marks=self._marks, last_slot=self._last_slot, trips=trips,
            losing_chains=self._losing(), halt_said=Halt(), invariants=self._invariants,
        )  # fmt: skip

    def keep_snapshot(self, tick_id: int, at: datetime, stored: bytes) -> str:
        """Keep nothing: a run in memory is made again, not replayed."""
        return ""

    def find_own(self, client_order_id: str) -> OwnOrder | None:
        """Find one order of this run by its id."""
        return self._orders.get(client_order_id)

    def record_decision(self, tick_id: int, decision: Decision) -> tuple[Proposal, ...]:
        """Take up settlement and planned orders; nobody is there to answer, so no proposal stands after it."""
        assert not decision.proposals, "a run in memory has nobody to ask: let its desk approve everything"
        start = self._start
        assert start is not None, "a decision belongs to a tick that began"
        self._settle(decision.settlement, start.at)
        self._marks = good_marks(start.at, self._marks, decision.marks)
        self._last_slot = start.slot
        self._invariants = decision.invariants
        for trip in decision.trips:
            self._trips[trip.name] = trip
            if trip.name == "losing_streak":
                self._streak = (tick_id, start.at)
        for trip in decision.trips_changed:
            if trip.level == "pause" and trip.tripped and trip.until is not None:
                self._pauses.append(Pause(symbol="*", until=trip.until, reason=measured(trip)))
        for order in decision.planned:
            self._add(order, decision.session_date)
        settled = decision.settlement
        self._hash.update(
            f"{start.at.isoformat()}|{decision.equity}|{decision.account.cash}|{len(decision.verdicts)}".encode()
        )
        for verdict in decision.verdicts:
            refused = ",".join([check.gate for check in verdict.checks if not check.ok])
            intent = verdict.intent
            self._hash.update(
                f"{intent.strategy}|{intent.purpose}|{intent.key}|{intent.limit_price}|{refused}".encode()
            )
        for fill in settled.fills:
            self._hash.update(f"{fill.execution_id}|{fill.qty}|{fill.price}".encode())
        return ()

    def move(self, tick_id: int, step: Transition) -> None:
        """Take up one step of an order; nothing that ended ever becomes `sending` again."""
        order = self._orders[step.client_order_id]
        assert step.state != "sending" or order.state in MAY_SEND, f"{step.client_order_id} is {order.state}"
        after = replace(
            order, state=step.state, status=step.status or order.status,
            broker_order_id=step.broker_order_id or order.broker_order_id,
            filled_qty=order.filled_qty if step.filled_qty is None else step.filled_qty,
            filled_avg_price=order.filled_avg_price if step.filled_avg_price is None else step.filled_avg_price,
            stop_price=order.stop_price if step.stop_price is None else step.stop_price,
            high_water_mark=order.high_water_mark if step.high_water_mark is None else step.high_water_mark,
        )  # fmt: skip
        if step.reason:
            self._reasons[order.client_order_id] = step.reason
        self._hash.update(f"{step.client_order_id}|{step.state}|{step.status}".encode())
        self._put(order, after, step.at)

    def seal(self, tick_id: int, end: TickEnd) -> str:
        """Close the tick and give the number it had; the hash of the whole run is `digest`."""
        return str(tick_id)

    def set_halt(self, halt: Halt) -> None:
        """Refuse: nobody halts a run in memory."""
        raise UsageError("a run in memory has no owner who could halt it")

    def _counters(self, day: date) -> Counters:
        names = self._day_orders.get(day)
        if not names:
            return Counters()
        orders = tuple(self._orders[key] for key in names)
        refused = rejections_of(orders, lambda one: self._reasons.get(one.client_order_id, ""), None)
        return replace(count_orders(orders), rejections=refused)

    def _add(self, order: OwnOrder, day: date) -> None:
        for old in [one for one in self._day_orders if one < day]:
            del self._day_orders[old]
        self._numbers[order.client_order_id] = len(self._numbers)
        self._orders[order.client_order_id] = order
        self._day_orders.setdefault(day, []).append(order.client_order_id)
        if order.alive:
            self._live[order.client_order_id] = None
        else:
            self._ended.append((order.planned_at, self._numbers[order.client_order_id], order.client_order_id))

    def _put(self, before: OwnOrder, after: OwnOrder, at: datetime) -> None:
        key = after.client_order_id
        change = counts_as_entry(after.state, after.status) - counts_as_entry(before.state, before.status)
        if change and after.is_entry:
            self._entries[after.strategy] = self._entries.get(after.strategy, 0) + change
        self._orders[key] = after
        if after.alive == before.alive:
            return
        if after.alive:
            self._live[key] = None
            self._live = dict.fromkeys(sorted(self._live, key=self._numbers.__getitem__))
            self._ended = deque(one for one in self._ended if one[2] != key)
        else:
            del self._live[key]
            self._ended.append((at, self._numbers[key], key))

    def _settle(self, settlement: Settlement, at: datetime) -> None:
        for order in settlement.recognised:
            self._add(order, new_york_day(order.slot))
        for order in settlement.orders:
            known = self._orders[order.client_order_id]
            after = replace(
                known, broker_order_id=order.broker_order_id, filled_qty=order.filled_qty,
                filled_avg_price=order.filled_avg_price, stop_price=order.stop_price,
                high_water_mark=order.high_water_mark, state=order.state, status=order.status,
            )  # fmt: skip
            if (known.state, known.status, known.filled_qty) != (order.state, order.status, order.filled_qty):
                self._reasons[order.client_order_id] = "settled"
            self._put(known, after, at)
        books = settlement.books
        _merge(self._lots, books.lots)
        _merge(self._legs, books.legs)
        _merge(self._cycles, books.cycles)
        _merge(self._rolls, books.rolls)
        self._strategies |= {one.strategy: one for one in books.strategies}
        self._take_drift(books.drift or settlement.drift, at)
        self._books = books
        for one in settlement.activities:
            self._seen.append((new_york_day(one.at), (one.id, one.kind, one.symbol)))
        self._take_ends(settlement)

    def _take_drift(self, drift: tuple[Drift, ...], at: datetime) -> None:
        new = {(one.symbol, one.kind): one for one in drift}
        for key in [key for key in self._drift if key not in new]:
            del self._drift[key]
        for key, one in new.items():
            known = self._drift.get(key)
            since = (one.since or at) if known is None else known.since
            self._drift[key] = replace(one, since=since)

    def _take_ends(self, settlement: Settlement) -> None:
        if settlement.leg_ends or settlement.lot_ends:
            self._last_end = self._tick
        for end in settlement.leg_ends:
            key = end.leg.chain or end.leg.id
            self._chain_ends.append((new_york_day(end.at), len(self._chain_ends), end.at, key))
            chain = self._chains.setdefault(key, _Chain())
            chain.income += end.income
            chain.assigned = chain.assigned or end.how in ("assigned", "exercised")
        if len(self._chain_ends) > 1 and self._chain_ends[-1][0] < self._chain_ends[-2][0]:
            self._chain_ends.sort()
        for cycle in settlement.cycles_closed:
            pnl = cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees if cycle.assignments else None
            self._cycle_ends.append((cycle.closed_at or self._at, len(self._cycle_ends), pnl))
        if settlement.cycles_closed:
            self._cycle_ends.sort()

    def _losing(self) -> int:
        """Count the losing chains in a row since the last pause for them, as the ledger does (wheel 2.19)."""
        trip = self._trips.get("losing_streak")
        if trip is None:
            return 0
        tick, at = self._streak
        if trip.value is not None and trip.tripped_at != at and self._last_end < tick:
            return int(trip.value)
        streak = 0
        ends: Iterator[tuple[datetime, Decimal | None]] = merge(
            self._ends_of_chains(), ((at, pnl) for at, _, pnl in reversed(self._cycle_ends)),
            key=lambda one: one[0], reverse=True,
        )  # fmt: skip
        for looked, (ended, income) in enumerate(ends):
            if trip.tripped_at is not None and ended <= trip.tripped_at:
                break
            if looked >= STREAK_LOOKED_AT or (income is not None and income >= ZERO):
                break
            streak += income is not None
        return streak

    def _ends_of_chains(self) -> Iterator[tuple[datetime, Decimal | None]]:
        seen: set[str] = set()
        for _, _, at, key in reversed(self._chain_ends):
            if key in seen:
                continue
            seen.add(key)
            open_ = any(key in (leg.id, leg.chain) for leg in self._legs.values())
            open_ = open_ or any(roll.chain == key for roll in self._rolls.values())
            chain = self._chains[key]
            yield at, None if open_ or chain.assigned else chain.income


def _merge(kept: dict[str, Any], now: tuple[_N, ...]) -> None:
    """Bring what is open up to date in the order it first came."""
    new = {one.id: one for one in now}
    for key in [key for key in kept if key not in new]:
        del kept[key]
    kept.update(new)
