"""Which halt is in force: the one set last, a panic that stands, or a file named HALT (design 15).

The strongest of them rules, computed anew at each reading, so that nothing that clears one of them lifts another.
"""

from __future__ import annotations

from bot.domain.drilling import AUTHOR as DRILL
from bot.domain.ledger import HALT_RANK, Halt, Panic
from bot.domain.trip import AUTHOR

HALT_FILE = "HALT file"
"""Who halts where a file named HALT lies in the home."""


def halt_in_force(stored: Halt, panic: Panic | None, file: Halt | None = None) -> Halt:
    """Give the strongest halt; between equals a file goes before what was set, and that before a panic.

    >>> halt_in_force(Halt(), None, Halt(level="stop", author=HALT_FILE)).level
    'stop'
    """
    found = [one for one in (file, stored, None if panic is None else halt_of(panic)) if one is not None]
    return max(found, key=lambda one: HALT_RANK[one.level])


def lifted_by_resume(halt: Halt) -> bool:
    """Say whether `bot resume` lifts a halt: not a file's, a drill's only by a pass, and a trip wire's
    only as its own words say.

    >>> lifted_by_resume(Halt(level="no_new_risk", author="trip: daily_loss_share"))
    False
    """
    by_itself = halt.author in (HALT_FILE, DRILL) or halt.author.startswith(AUTHOR)
    return halt.level != "run" and not by_itself


def halt_of(panic: Panic) -> Halt:
    """Give the halt that a panic stands for: nothing but what reduces risk until a person resumes (wheel 1.7)."""
    return Halt(
        level="reduce_only", author=panic.author, reason=f"{panic.word}: {panic.reason}", since=panic.at,
        clears="a person: `bot resume`",
    )  # fmt: skip
