"""Approve mode of a desk file: `approve` and `approve_minutes` of each strategy that opens positions.

Both keys must stand there, as every key of a strategy that opens positions; `bot config upgrade` writes "never".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.config.deskkeys import nearest, shown
from bot.config.deskreading import Reading
from bot.domain.desk import ApproveRule

APPROVE_KEYS = ("approve", "approve_minutes")
FIRST_MAX = 1000
MINUTES_MAX = 1440
SLOT = "slot"

_EXPECTED = f'expected "always", "never" or "first N" (N from 1 to {FIRST_MAX}, like "first 5")'
_FIRST = re.compile(r"first +([0-9]{1,5})\Z")


def read_approvals(raw: Mapping[str, Any], reading: Reading) -> tuple[tuple[str, ApproveRule], ...]:
    """Give the rule of every strategy that opens positions; faults are kept with the reading."""
    tables = raw.get("strategies")
    if not isinstance(tables, dict):
        return ()
    found: list[tuple[str, ApproveRule]] = []
    for name, table in tables.items():
        if not isinstance(table, dict):
            continue
        where = f"strategies.{name}"
        if table.get("kind") == "trailing_stop":
            for key in APPROVE_KEYS:
                if key in table:
                    reading.fault(f"{where}.{key}", "a trailing stop opens nothing, and exits never wait: take it out")
            continue
        for key, usual in zip(APPROVE_KEYS, ("never", SLOT), strict=True):
            if key not in table:
                reading.absent(where, key, usual)
        word, first = _word(table.get("approve", "never"), reading, where)
        minutes = _minutes(table.get("approve_minutes", SLOT), reading, where)
        found.append((name, ApproveRule(word=word, first=first, minutes=minutes)))
    return tuple(found)


def _word(given: object, reading: Reading, where: str) -> tuple[Any, int]:
    if given in ("always", "never"):
        return given, 0
    first = _FIRST.match(given) if isinstance(given, str) else None
    if first is not None and 1 <= int(first[1]) <= FIRST_MAX:
        return "first", int(first[1])
    hint = nearest(given, ("always", "never")) if isinstance(given, str) and first is None else ""
    reading.fault(f"{where}.approve", f"{_EXPECTED}, got {shown(given)}{hint}")
    return "always", 0


def _minutes(given: object, reading: Reading, where: str) -> int | None:
    if given == SLOT:
        return None
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= MINUTES_MAX:
        return given
    reading.fault(
        f"{where}.approve_minutes",
        f'expected "slot" or a whole number of minutes from 1 to {MINUTES_MAX}, got {shown(given)}',
    )
    return None


def approve_text(rule: ApproveRule) -> str:
    """Write a rule's word as the file has it.

    >>> approve_text(ApproveRule(word="first", first=3)), approve_text(ApproveRule())
    ('first 3', 'never')
    """
    return f"first {rule.first}" if rule.word == "first" else rule.word


def minutes_text(rule: ApproveRule) -> str:
    """Write how long a proposal stands as the file has it."""
    return SLOT if rule.minutes is None else str(rule.minutes)
