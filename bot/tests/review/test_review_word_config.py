"""What a stranger left out of desk.toml: a file that looks as if it asked must not open positions unasked."""

from __future__ import annotations

import re
from typing import Any

from bot.config.deskfile import examine_desk
from bot.config.desktext import desk_text
from bot.domain.consent import GATE
from bot.domain.desk import ApproveRule
from bot.domain.ledger import Books
from bot.tests.builders import held
from bot.tests.gates.scenes import PUT, a_buy_back, a_case, ask


def test_minutes_for_a_word_that_nobody_is_asked_for_are_a_fault() -> None:
    text = re.sub(r"(?m)^approve = .*\n", "", desk_text("balanced"))
    desk, reading = examine_desk(text.replace('approve_minutes = "slot"', "approve_minutes = 30"), name="desk.toml")
    assert desk is None
    (fault,) = reading.faults
    assert fault.startswith("desk.toml: strategies.wheel.approve: missing")


def test_a_roll_waits_until_the_first_entries_were_sent() -> None:
    """RUNBOOK: entries and rolls do until five entries have been sent."""
    start = a_buy_back(purpose="roll_close", roll="r1")
    rule = ApproveRule(word="first", first=5)
    facts: dict[str, Any] = {"approvals": (("wheel", rule),), "positions": (held(PUT, "-1"),)}
    assert not ask(GATE, start, a_case(books=Books(entries_sent=(("wheel", 4),)), **facts)).ok
    assert ask(GATE, start, a_case(books=Books(entries_sent=(("wheel", 5),)), **facts)).ok
