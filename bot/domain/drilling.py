"""What a drill's pass is worth: how long, for which desk.toml and program, and what real money may do without one.

Pure; the tick, `bot status` and `bot doctor` ask the same question here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.ledger import Halt
from bot.domain.money import plain

AUTHOR = "drill"
"""Who holds a real-money desk at reduce_only that has no drill to show (`Halt.author`)."""
CLEARS = "by itself once `bot drill` passes"


class DrillPass(Fact, frozen=True, kw_only=True):
    """The newest drill that passed: when, of which program, and the SHA-256 of the desk.toml it played."""

    at: datetime
    code_version: str
    desk_hash: str


def lacking(passed: DrillPass | None, days: Decimal | None, desk_hash: str, code_version: str, at: datetime) -> str:
    """Say what a pass lacks at a moment, or nothing where it counts; `days` None asks for none.

    >>> lacking(None, Decimal(30), "", "1", datetime(2026, 3, 2))
    'no drill has passed here'
    """
    if days is None:
        return ""
    if passed is None:
        return "no drill has passed here"
    when = f"the drill of {passed.at:%Y-%m-%d}"
    if passed.desk_hash != desk_hash:
        return f"desk.toml changed since {when}"
    if passed.code_version != code_version:
        return f"the program changed since {when}: it was {passed.code_version} and is {code_version}"
    if at - passed.at > timedelta(days=float(days)):
        return f"{when} is {(at - passed.at).days} days old, at most {plain(days)} are allowed"
    return ""


def drill_halt(passed: DrillPass | None, days: Decimal | None, desk_hash: str, code_version: str, at: datetime) -> Halt:
    """Give the halt a real-money desk has without a pass that counts; run where it has one."""
    reason = lacking(passed, days, desk_hash, code_version, at)
    if not reason:
        return Halt()
    return Halt(level="reduce_only", author=AUTHOR, reason=reason, clears=CLEARS)
