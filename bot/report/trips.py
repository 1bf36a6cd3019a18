"""Trip wires in words and as JSON: what each measured, how near its limit it is, and how it clears."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.domain.money import plain
from bot.domain.sessions import NEW_YORK
from bot.domain.trip import Trip, measured


def trip_words(trips: Sequence[Trip]) -> str:
    """Say in one line what tripped, is over its limit or comes near it; nothing where all is well."""
    return "; ".join(_state(trip) for trip in trips if trip.tripped or trip.warned)


def trip_sentences(trips: Sequence[Trip]) -> list[str]:
    """Give a sentence for each that tripped or warns, and one that names what could not be measured."""
    found = []
    for trip in trips:
        if trip.tripped and trip.tripped_at is not None:
            since = f"{trip.tripped_at.astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York"
            level = "pause" if trip.level == "pause" else trip.level.upper()
            found.append(f"{_state(trip)}: {level} since {since}; it clears {trip.clears}{_good(trip)}")
        elif trip.warned:
            sets = "a pause" if trip.level == "pause" else trip.level
            found.append(f"{_state(trip)}; it would set {sets}")
    unknown = [trip.name for trip in trips if trip.value is None]
    if unknown:
        found.append(f"not measured: {', '.join(unknown)}; what is unknown trips nothing and clears nothing")
    return found


def trip_object(trip: Trip) -> dict[str, Any]:
    """Give a trip wire as JSON."""
    return {
        "name": trip.name, "level": trip.level, "tripped": trip.tripped,
        "value": None if trip.value is None else plain(trip.value), "limit": plain(trip.limit), "unit": trip.unit,
        "warned": trip.warned, "readings": trip.readings, "readings_needed": trip.readings_needed,
        "good": trip.good, "good_needed": trip.good_needed, "clears": trip.clears,
        "tripped_at": _moment(trip.tripped_at), "cleared_at": _moment(trip.cleared_at), "until": _moment(trip.until),
    }  # fmt: skip


def _state(trip: Trip) -> str:
    if trip.tripped:
        return f"{measured(trip)} (tripped)"
    if trip.warned >= 100:
        return f"{measured(trip)} (over, reading {trip.readings} of {trip.readings_needed})"
    return f"{measured(trip)} ({trip.warned} % of it reached)" if trip.warned else measured(trip)


def _good(trip: Trip) -> str:
    return f" ({trip.good} of {trip.good_needed})" if trip.good_needed else ""


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
