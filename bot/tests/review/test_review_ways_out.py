"""A refusal names the way out that works: what `bot resume` does not lift is never said to be lifted by it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.drilling import drill_halt
from bot.domain.halting import lifted_by_resume
from bot.domain.ledger import Halt
from bot.tests.builders import NOON
from bot.tests.gates.scenes import a_case, a_put, ask

LACKING = drill_halt(None, Decimal(30), "desk", "1.0", NOON)
TRIPPED = Halt(
    level="no_new_risk", author="trip: daily_loss_share", reason="a day of 5 %", since=NOON - timedelta(hours=1),
    clears="by itself at the next session",
)  # fmt: skip


@pytest.mark.parametrize("halt", [LACKING, TRIPPED], ids=["drill", "trip"])
def test_what_resume_does_not_lift_names_what_does(halt: Halt) -> None:
    assert not lifted_by_resume(halt)
    found = ask("halt_allows", a_put(), a_case(halt=halt))
    assert not found.ok
    assert halt.clears in found.reason
    assert "bot resume" not in found.reason


def test_a_persons_own_halt_is_lifted_by_resume() -> None:
    halt = Halt(level="no_new_risk", author="anna", reason="away", since=NOON, clears="a person: `bot resume`")
    found = ask("halt_allows", a_put(), a_case(halt=halt))
    assert "clear it with `bot resume`" in found.reason
