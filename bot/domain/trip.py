"""A trip wire: one measured number that halts the desk by itself when it reaches its limit (design 15)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from bot.domain.facts import Fact
from bot.domain.ledger import HALT_RANK, Halt
from bot.domain.money import ZERO, plain

TripName = Literal[
    "daily_loss_share",
    "drawdown_no_new_risk",
    "drawdown_reduce_only",
    "losing_streak",
    "missed_ticks",
    "clock_skew_seconds",
    "disk_free_mb",
]
PERSON_CLEARS: frozenset[str] = frozenset({"drawdown_reduce_only"})
"""What stays tripped until a person says `bot resume`."""
ON_THE_PEAK: frozenset[str] = frozenset({"drawdown_no_new_risk", "drawdown_reduce_only"})
"""What is measured from the peak, which only a person lets begin anew (wheel 2.16)."""
AUTHOR = "trip: "
"""What stands before the name of a trip wire that authors a halt."""
WARNED_AT = (Decimal("0.8"), Decimal("0.6"))
"""Shares of a limit from which it is said, the nearest first."""


class Trip(Fact, frozen=True, kw_only=True):
    """A trip wire at one tick; it has the name of its limit in `desk.toml`.

    `value` None is unknown. `readings` counts the slots in a row over the limit, `good` those in a row under it since
    it tripped. It is tripped while `tripped_at` is set and `cleared_at` is not; both stay as the last times it was.
    """

    name: TripName
    level: Literal["no_new_risk", "reduce_only", "pause"]
    value: Decimal | None
    limit: Decimal
    unit: str
    readings: int = 0
    readings_needed: int = 1
    good: int = 0
    good_needed: int = 0
    """Readings in a row under the limit that clear it; 0 where something else does."""
    clears: str
    slot: datetime | None = None
    """Slot of the last reading that counted."""
    day: date | None = None
    """Session day it tripped on."""
    tripped_at: datetime | None = None
    cleared_at: datetime | None = None
    until: datetime | None = None
    """When a pause ends."""

    @property
    def tripped(self) -> bool:
        """Say whether it is in force."""
        return self.tripped_at is not None and self.cleared_at is None

    @property
    def over(self) -> bool:
        """Say whether the value is at its limit or past it; room on a disk is short only below it."""
        if self.value is None:
            return False
        if self.name == "disk_free_mb":
            return self.value < self.limit
        return self.value > ZERO and self.value >= self.limit

    @property
    def warned(self) -> int:
        """Give 60 or 80 where so many percent of the limit are reached, 100 where it is, else 0."""
        if self.over:
            return 100
        if self.value is None:
            return 0
        full, part = (self.value, self.limit) if self.name == "disk_free_mb" else (self.limit, self.value)
        return next((int(share * 100) for share in WARNED_AT if part > ZERO and part >= share * full), 0)


def tripped_halt(trips: tuple[Trip, ...]) -> Halt:
    """Give the strongest halt that trip wires hold; run where none does."""
    held = [trip for trip in trips if trip.tripped and trip.level != "pause"]
    if not held:
        return Halt()
    trip = max(held, key=lambda one: HALT_RANK[one.level])
    assert trip.level != "pause", "a pause is no halt"
    return Halt(
        level=trip.level, author=f"{AUTHOR}{trip.name}", reason=measured(trip), since=trip.tripped_at,
        clears=trip.clears,
    )  # fmt: skip


def stronger(person: Halt, automatic: Halt) -> Halt:
    """Give the stronger of a person's halt and an automatic one; a person's where both are as strong."""
    return automatic if HALT_RANK[automatic.level] > HALT_RANK[person.level] else person


def measured(trip: Trip) -> str:
    """Say a trip wire's value against its limit."""
    value = "unknown" if trip.value is None else figure(trip, trip.value)
    least = "least " if trip.name == "disk_free_mb" else ""
    return f"{trip.name} {value}, {least}limit {figure(trip, trip.limit)}"


def figure(trip: Trip, number: Decimal) -> str:
    """Write a number of a trip wire in its unit."""
    return f"{float(number):.2%}" if trip.unit == "fraction" else f"{plain(number)} {trip.unit}"
