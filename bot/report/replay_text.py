"""What deciding the record again came to, in lines: how much of it is the same, and what is not, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.domain.facts import Fact
from bot.domain.replaying import Difference
from bot.report.words import count, filled_text, new_york, table

KEYS_SHOWN = 3
FIELDS_SHOWN = 12
"""Fields of one tick that are shown; --json has all."""
ALONE = {
    "panic": "only the panic planned",
    "approved": "only what the owner had approved planned",
    "unasked": "nobody could be asked: every wish taken as approved",
}
WORDS = {
    "same": "decided again, byte for byte the same",
    "differs": "differ although the same code decided them",
    "changed": "no longer stand as they were sealed: the record was changed",
    "other_code": "differ, decided by other code",
    "unreadable": "cannot be read by this program",
    "thinned": "thinned out: their Snapshot is gone, their verdicts are kept",
    "undecided": "ended before anything was decided (failed or died)",
}
"""What may become of a tick, in the order in which it is told."""
BECAUSE = {"other_code": "other code", "differs": "NOT explained by code", "changed": "the record was changed"}


class ReplayedTick(Fact, frozen=True, kw_only=True):
    """One tick that was decided again: what came of it, and each field that differs."""

    tick: int
    at: datetime
    outcome: str
    code: str
    decided_as: str = ""
    verdicts: int = 0
    notes: int = 0
    words: str = ""
    differences: tuple[Difference, ...] = ()


class PlaceCount(Fact, frozen=True, kw_only=True):
    """A gate or planner by which ticks of one outcome differ: how many, and the first of them."""

    place: str
    ticks: int
    first: int
    outcome: str


class FilledDesk(Fact, frozen=True, kw_only=True):
    """A desk file of an older program: how many keys it lacks, which were given their profile's values."""

    config: str
    keys: tuple[str, ...]


class ReplayReport(Fact, frozen=True, kw_only=True):
    """What deciding ticks again came to; `counts` by outcome, `codes` by the code on record."""

    home: str
    asked: str
    ticks: int
    first_at: datetime | None
    last_at: datetime | None
    counts: dict[str, int]
    dry: int
    alone: dict[str, int]
    codes: dict[str, int]
    code: str
    places: tuple[PlaceCount, ...]
    filled: tuple[FilledDesk, ...]
    shown: tuple[ReplayedTick, ...]
    seconds: float

    @property
    def decided(self) -> int:
        """Count the ticks that were decided again."""
        return sum(self.counts.get(name, 0) for name in ("same", "differs", "other_code"))


def replay_lines(report: ReplayReport) -> list[str]:
    """Write the report: what was asked, how much is the same, then what is not and where."""
    lines = [f"REPLAY   {report.asked}   home {report.home}"]
    if report.first_at is None or report.last_at is None:
        return [*lines, "no tick ended in that time: there is nothing to decide again"]
    until = "" if report.ticks == 1 else f" to {new_york(report.last_at)}"
    lines.append(f"{count(report.ticks, 'tick')}, {new_york(report.first_at)}{until}")
    counted = {name: report.counts.get(name, 0) for name in WORDS}
    lines += [f"{counted[name]:>8,}  {words}" for name, words in WORDS.items() if name == "same" or counted[name]]
    lines += _aside(report)
    for one in report.shown:
        lines += ["", *_tick_lines(one)]
    if report.places:
        lines += ["", "Where they differ, by gate and planner:"]
        rows = (
            (one.place, f"{one.ticks:,}", str(one.first), BECAUSE.get(one.outcome, one.outcome))
            for one in report.places
        )
        lines += table(("place", "ticks", "first tick", ""), rows, right=frozenset({1, 2}))
    return [*lines, "", *filled_text(_conclusion(report))]


def _aside(report: ReplayReport) -> Iterator[str]:
    """Tell how it was done: by which code, which ticks were special, which desk files were filled, how fast."""
    for code, number in report.codes.items():
        same = ", as this program" if code == report.code else f"; this program is {report.code}"
        yield f"  code      {count(number, 'tick')} by {code}{same}"
    for name, number in report.alone.items():
        yield f"  special   {count(number, 'tick')}: {ALONE[name]}"
    if report.dry:
        yield f"  dry       {count(report.dry, 'tick')} sent nothing and decided the same way"
    for one in report.filled:
        names = ", ".join(one.keys[:KEYS_SHOWN]) + (", ..." if len(one.keys) > KEYS_SHOWN else "")
        yield f"  filled    desk file {one.config} lacks {count(len(one.keys), 'key')} of today: its profile's values "
        yield f"            were taken for {names}"
    if report.decided > 1 and report.seconds:
        yield f"  speed     {report.decided / report.seconds:,.0f} ticks a second"


def _tick_lines(one: ReplayedTick) -> Iterator[str]:
    alone = f", {ALONE[one.decided_as]}" if one.decided_as else ""
    yield f"Tick {one.tick}, {new_york(one.at)}, code {one.code}{alone}"
    if one.words:
        yield from filled_text(one.words, "  ")
    if one.outcome == "same":
        yield f"  {count(one.verdicts, 'verdict')} and {count(one.notes, 'note')}: byte for byte the same"
    before = ""
    for difference in one.differences[:FIELDS_SHOWN]:
        place = place_line(difference)
        if place != before:
            yield f"  {place}"
            before = place
        yield f"    {difference.field:<12} recorded {difference.was}   now {difference.now}"
    left = len(one.differences) - FIELDS_SHOWN
    if left > 0:
        yield f"  and {count(left, 'more field')} (--json lists all)"


def place_line(one: Difference) -> str:
    """Name the place of a difference and the wish it is about."""
    about = {"gate": f"gate {one.place}", "order": "the order of judgement", "bytes": "the stored bytes"}
    return f"{about.get(one.part, f'planner {one.place}')}{f': {one.subject}' if one.subject else ''}"


def _conclusion(report: ReplayReport) -> str:
    counts = report.counts
    if counts.get("changed"):
        return "The record was changed after it was sealed: `bot audit verify` names every table at fault."
    if counts.get("differs"):
        return (
            "The same code decides otherwise than it did: a clock, the order of a set or the machine got into a "
            "decision. Keep a copy of this home, and let no money follow it until that is found."
        )
    if counts.get("other_code"):
        return "Every difference is of ticks that other code decided: that is what changed between the two programs."
    if not report.decided:
        return "Nothing could be decided again."
    return "The record decides again as it did: `bot why` explains from these same bytes."
