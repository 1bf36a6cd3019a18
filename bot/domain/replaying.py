"""What a decision that was taken again differs in from the one on record."""

from __future__ import annotations

from typing import Literal

from bot.domain.facts import Fact


class Difference(Fact, frozen=True, kw_only=True):
    """One field in which two decisions on the same Snapshot differ.

    `place` is a gate's name where `part` is "gate", else the strategy's. `subject` names the wish or the chance passed
    over. `was` stands on record, `now` came out this time; both as a person reads them.
    """

    part: Literal["intent", "gate", "note", "order", "planner", "bytes"]
    place: str
    subject: str = ""
    field: str = ""
    was: str = ""
    now: str = ""
