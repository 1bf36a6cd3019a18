"""Which halt is in force: the strongest of what was set, the panic, and the file; none lifts another (design 15)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.halting import HALT_FILE, halt_in_force, halt_of
from bot.domain.ledger import Halt, Panic

NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
PANIC = Panic(at=NOON, author="ada", reason="why", flatten=True)
FILE = Halt(level="stop", author=HALT_FILE, reason="the file", clears="remove it")


@pytest.mark.parametrize(
    ("level", "panic", "file", "rules"),
    [
        ("run", None, None, "set"),
        ("no_new_risk", PANIC, None, "ada"),
        ("reduce_only", PANIC, None, "set"),
        ("stop", PANIC, None, "set"),
        ("stop", None, FILE, HALT_FILE),
        ("run", PANIC, FILE, HALT_FILE),
    ],
)
def test_the_strongest_rules(level: str, panic: Panic | None, file: Halt | None, rules: str) -> None:
    stored = Halt(level=level, author="set")  # type: ignore[arg-type]
    assert halt_in_force(stored, panic, file).author == rules


def test_a_panic_halts_at_reduce_only_until_a_person_resumes() -> None:
    found = halt_of(PANIC)
    assert (found.level, found.reason, found.since) == ("reduce_only", "flatten: why", NOON)
    assert "`bot resume`" in found.clears
