"""Halts that trip by themselves: readings of each trip wire at a tick, and what trips, warns and clears. Pure.

One reading a slot: dry ticks, follow-ups and a second tick in a slot count nothing. What is unknown trips nothing and
clears nothing, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bot.domain.desk import Limits
from bot.domain.errors import MarketError
from bot.domain.ledger import Books, Pause
from bot.domain.money import ZERO
from bot.domain.sessions import new_york_day, session_on
from bot.domain.snapshot import SessionFacts, Snapshot
from bot.domain.trip import Trip, TripName, measured, stronger, tripped_halt
from bot.domain.wheelmath import day_profit, drawdown
from bot.engine.ports import Book, Memory, Settlement
from bot.engine.streaks import streak_after

GOOD_READINGS = 3
"""Good slots in a row after which a blindness clears by itself (design 15)."""
FRACTION_PLACES = Decimal("0.000001")
ROOM_SHOWN = 10
"""Room on the disk beyond so many times the limit is written as that: a record says what matters, not every byte."""
Clearing = Literal["session", "readings", "person", "pause", "good"]


class Seen(NamedTuple):
    """What the trip wires of one tick look at. None is unknown; `streak` counts losing chains since the last pause."""

    at: datetime
    slot: datetime
    session: SessionFacts
    books: Books
    equity: Decimal
    skew_seconds: Decimal | None
    disk_free_mb: Decimal | None
    streak: int | None
    live: bool
    """A live tick that is no follow-up: only such a one may count."""
    slot_seconds: int = 900


class Wire(NamedTuple):
    """One trip wire: what it sets, and how it clears."""

    name: TripName
    level: Literal["no_new_risk", "reduce_only", "pause"]
    unit: str
    clearing: Clearing
    confirmed: bool
    """Whether it takes `halt_confirm_readings` slots in a row; else what it measures is itself a count in a row."""


WIRES = (
    Wire("daily_loss_share", "no_new_risk", "fraction", "session", True),
    Wire("drawdown_no_new_risk", "no_new_risk", "fraction", "readings", True),
    Wire("drawdown_reduce_only", "reduce_only", "fraction", "person", True),
    Wire("losing_streak", "pause", "chains", "pause", False),
    Wire("missed_ticks", "no_new_risk", "ticks", "good", False),
    Wire("clock_skew_seconds", "no_new_risk", "seconds", "good", True),
    Wire("disk_free_mb", "no_new_risk", "MB", "good", True),
)
MONEY = frozenset({"daily_loss_share", "drawdown_no_new_risk", "drawdown_reduce_only"})
"""Read in sessions only: outside them marks stand still, and one bad one would confirm itself."""


def read_trips(former: tuple[Trip, ...], limits: Limits, seen: Seen) -> tuple[Trip, ...]:
    """Give every trip wire whose limit is set, brought up to this tick; one in force whose limit is off is let go."""
    known = {trip.name: trip for trip in former}
    last = last_reading(former)
    counts = seen.live and (last is None or last < seen.slot)
    confirm = int(limits.halt_confirm_readings or 1)
    values = measure(seen, last)
    found = []
    for wire in WIRES:
        before: Trip | None = known.get(wire.name)
        limit: Decimal | None = getattr(limits, wire.name)
        if limit is None:
            if before is not None and before.tripped:
                found.append(replace(before, cleared_at=seen.at, readings=0, good=0, clears="its limit is off"))
            continue
        value = values[wire.name]
        if wire.name == "disk_free_mb" and value is not None:
            value = min(value, limit * ROOM_SHOWN)
        needed = confirm if wire.confirmed else 1
        good = {"good": GOOD_READINGS, "readings": confirm}.get(wire.clearing, 0)
        clears = _clears(wire.clearing, good)
        if before is None:
            trip = Trip(
                name=wire.name, level=wire.level, value=value, limit=limit, unit=wire.unit, readings_needed=needed,
                good_needed=good, clears=clears,
            )  # fmt: skip
        else:
            trip = replace(
                before, level=wire.level, value=value, limit=limit, unit=wire.unit, readings_needed=needed,
                good_needed=good, clears=clears,
            )  # fmt: skip
        trip = _run_out(trip, wire, seen)
        if counts and (seen.session.is_open or wire.name not in MONEY):
            trip = _count(trip, seen, limits)
        found.append(trip)
    return tuple(found)


def watched(
    snapshot: Snapshot, memory: Memory, settlement: Settlement, book: Book, skew_seconds: Decimal | None,
    disk_free_mb: Decimal | None,
) -> Snapshot:  # fmt: skip
    """Give a Snapshot with its trip wires, the halt they and people hold together, and the pause one of them set."""
    seen = Seen(
        at=snapshot.at, slot=snapshot.slot, session=snapshot.session, books=snapshot.books, equity=snapshot.equity,
        skew_seconds=skew_seconds, disk_free_mb=disk_free_mb,
        streak=streak_after(memory, settlement),
        live=not book.dry and book.follow_up == 0, slot_seconds=book.slot_seconds,
    )  # fmt: skip
    trips = read_trips(memory.trips, book.desk.limits, seen)
    said = memory.halt if memory.halt_said is None else memory.halt_said
    books = with_pause(snapshot.books, memory.trips, trips)
    return replace(snapshot, trips=trips, halt=stronger(said, tripped_halt(trips)), books=books)


def counted(former: tuple[Trip, ...], trips: tuple[Trip, ...]) -> tuple[Trip, ...]:
    """Give the readings to keep: all of them where this tick counted one, else none."""
    return trips if last_reading(trips) != last_reading(former) else ()


def last_reading(trips: Iterable[Trip]) -> datetime | None:
    """Give the newest slot that counted; None before the first."""
    return max((trip.slot for trip in trips if trip.slot is not None), default=None)


def measure(seen: Seen, last: datetime | None) -> dict[TripName, Decimal | None]:
    """Give what each trip wire measures; fractions are losses, zero where there is a gain (wheel 2.15, 2.16)."""
    books = seen.books
    fall = drawdown(books.nav, books.nav_peak).quantize(FRACTION_PLACES)
    loss: Decimal | None = None
    if books.equity_previous is not None:
        part = day_profit(seen.equity, books.equity_previous, books.flow_session)[1]
        loss = None if part is None else max(-part, ZERO).quantize(FRACTION_PLACES)
    return {
        "daily_loss_share": loss,
        "drawdown_no_new_risk": fall,
        "drawdown_reduce_only": fall,
        "losing_streak": None if seen.streak is None else Decimal(seen.streak),
        "missed_ticks": missed_slots(last, seen.slot, seen.slot_seconds),
        "clock_skew_seconds": seen.skew_seconds,
        "disk_free_mb": seen.disk_free_mb,
    }


def missed_slots(last: datetime | None, slot: datetime, slot_seconds: int = 900) -> Decimal | None:
    """Count the slots inside sessions between two that ran; none before the first, None where the calendar ends."""
    if last is None:
        return ZERO
    low, high = int(last.timestamp()) + 1, int(slot.timestamp())
    count, day = 0, new_york_day(last)
    while day <= new_york_day(slot):
        try:
            session = session_on(day)
        except MarketError:
            return None
        if session is not None:
            first = max(low, int(session.open_at.timestamp()))
            end = min(high, int(session.close_at.timestamp()))
            count += max(0, -(-end // slot_seconds) + -first // slot_seconds)
        day = date.fromordinal(day.toordinal() + 1)
    return Decimal(count)


def changed(former: Iterable[Trip], trips: Iterable[Trip]) -> tuple[Trip, ...]:
    """Give the trip wires that tripped or cleared since."""
    known = {trip.name: (trip.tripped_at, trip.cleared_at) for trip in former}
    return tuple(
        trip for trip in trips if (trip.tripped_at, trip.cleared_at) != known.get(trip.name, (None, None))
    )  # fmt: skip


def with_pause(books: Books, former: Iterable[Trip], trips: Iterable[Trip]) -> Books:
    """Add the pause of a losing streak that tripped at this tick, so that the same tick's gates see it."""
    pauses = tuple(pause for trip in changed(former, trips) if (pause := pause_of(trip)) is not None)
    return replace(books, pauses=(*books.pauses, *pauses)) if pauses else books


def pause_of(trip: Trip) -> Pause | None:
    """Give the pause that a trip wire sets while it is tripped."""
    if trip.level != "pause" or not trip.tripped or trip.until is None:
        return None
    return Pause(symbol="*", until=trip.until, reason=measured(trip))


@lru_cache(maxsize=64)
def _clears(clearing: str, good: int) -> str:
    slots = f"{good} slot" if good == 1 else f"{good} slots in a row"
    return {
        "session": "by itself at the next session",
        "readings": f"by itself after {slots} under the limit, or by a person: `bot resume --new-peak`",
        "person": "by a person: `bot resume`, which starts a new peak",
        "pause": "by itself when its days are over",
        "good": f"by itself after {slots} that are good",
    }[clearing]


def _run_out(trip: Trip, wire: Wire, seen: Seen) -> Trip:
    """Let go what time alone clears: a day's loss at the next session, a pause at its end."""
    if not trip.tripped:
        return trip
    over = (wire.clearing == "session" and trip.day is not None and trip.day < seen.session.day) or (
        wire.clearing == "pause" and trip.until is not None and trip.until <= seen.at
    )
    return replace(trip, cleared_at=seen.at, readings=0) if over else trip


def _count(trip: Trip, seen: Seen, limits: Limits) -> Trip:
    """Count one reading: towards tripping over the limit, towards clearing under it."""
    if trip.value is None:
        return replace(trip, slot=seen.slot)
    if not trip.over:
        good = trip.good + 1 if trip.tripped and trip.good_needed else 0
        if good and good >= trip.good_needed:
            return replace(trip, slot=seen.slot, readings=0, good=0, cleared_at=seen.at)
        return replace(trip, slot=seen.slot, readings=0, good=good)
    readings = min(trip.readings + 1, trip.readings_needed)
    trip = replace(trip, slot=seen.slot, readings=readings, good=0)
    if trip.tripped or readings < trip.readings_needed:
        return trip
    days = max(1, int(limits.streak_pause_days or 1))
    until = seen.at + timedelta(days=days) if trip.level == "pause" else None
    return replace(trip, tripped_at=seen.at, cleared_at=None, day=seen.session.day, until=until)
