"""Parts of a day's report that its text and its messages share: what stands over the desk, what comes, what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from bot.domain.halting import lifted_by_resume
from bot.domain.invariants import Invariant
from bot.domain.ledger import Halt, Pause
from bot.domain.trip import Trip
from bot.report.board import AheadRow
from bot.report.invariants import amount, broken
from bot.report.proposals import ProposalLine
from bot.report.trips import trip_sentences
from bot.report.week_lines import day_words
from bot.report.words import ago, clock, new_york

WEEK = timedelta(days=7)
UNMEASURED = "not measured: "
"""How the sentence about trip wires that could not be measured begins: nothing is wrong there, and nothing proved."""


def standing_words(halt: Halt, pauses: Iterable[Pause], trips: Sequence[Trip]) -> list[str]:
    """Say what stands over the desk, a sentence each: the halt, pauses, trip wires tripped or at 60 or 80 percent."""
    found = []
    if halt.level != "run":
        by = f" by {halt.author}" if halt.author else ""
        clears = halt.clears or ("`bot resume` lifts it" if lifted_by_resume(halt) else "a person ends it")
        found.append(f"halt {halt.level}{by}: {halt.reason}; clears: {clears}")
    for pause in pauses:
        name = "every symbol" if pause.symbol == "*" else pause.symbol
        found.append(f"paused: {name} until {new_york(pause.until)}: {pause.reason}")
    return [*found, *(words for words in trip_sentences(trips) if not words.startswith(UNMEASURED))]


def unmeasured_words(trips: Sequence[Trip]) -> list[str]:
    """Name the trip wires that could not be measured."""
    return [words for words in trip_sentences(trips) if words.startswith(UNMEASURED)]


def invariant_words(invariants: Sequence[Invariant]) -> list[str]:
    """Name each invariant that does not hold, or say in one line that all do; nothing where none was taken."""
    off = broken(invariants)
    if invariants and not off:
        return [f"invariants: all {len(invariants)} hold"]
    return [f"invariant: {off_words(one)}" for one in off]


def off_words(one: Invariant) -> str:
    """Say by how much an invariant is off, and since when."""
    since = "" if one.since is None else f" since {new_york(one.since)}"
    return f"{one.name.replace('_', ' ')}: {amount(one)}{since}{f' ({one.detail})' if one.detail else ''}"


def waiting_words(proposals: Iterable[ProposalLine]) -> list[str]:
    """Name each wish that waits for the owner's word, with the command that answers it."""
    return [
        f"{one.number}: {one.wish} until {clock(one.lapses_at)} New York: "
        + (f"`{one.command}`" if one.approved_at is None else "approved, not sent yet")
        for one in proposals
    ]


def ahead_words(rows: Iterable[AheadRow], today: date) -> list[str]:
    """Say what the week after a day brings, a line each: the day, then what.

    >>> row = AheadRow(position=0, day="2026-11-26", kind="holiday", symbol="", what="closed", amount=None,
    ...                severity="plain")
    >>> ahead_words([row], date(2026, 11, 20)), later_words([row], date(2026, 11, 20))
    (['Thu 26 Nov  closed'], [])
    >>> later_words([row], date(2026, 11, 18))
    ['later: Thu 26 Nov  closed']
    """
    until = (today + WEEK).isoformat()
    return [_day_and_what(row) for row in rows if row.day <= until]


def later_words(rows: Iterable[AheadRow], today: date) -> list[str]:
    """Say what is known to come after that week: the next of each kind."""
    until = (today + WEEK).isoformat()
    return [f"later: {_day_and_what(row)}" for row in rows if row.day > until]


def _day_and_what(row: AheadRow) -> str:
    return f"{day_words(date.fromisoformat(row.day))}  {row.what}"


def kept_words(backup_at: datetime | None, drill_at: datetime | None, made_at: datetime) -> str:
    """Say how old the last backup and the last drill that passed are."""
    backup = "no backup in this home (`bot backup`)" if backup_at is None else f"backup {ago(backup_at, made_at)}"
    drill = "no drill passed (`bot drill`)" if drill_at is None else f"drill passed {ago(drill_at, made_at)}"
    return f"{backup}, {drill}"
