"""`approve` and `approve_minutes` of a strategy: what they take, what they refuse, and that both must be there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bot.config.deskapprovals import approve_text, minutes_text
from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text, upgrade_desk
from bot.config.effective import effective
from bot.config.settings import Settings
from bot.domain.desk import ApproveRule
from bot.domain.errors import ConfigError

BALANCED = desk_text("balanced")


def with_rule(approve: str = '"never"', minutes: str = '"slot"') -> str:
    """Give the shipped desk with its wheel's two keys set to TOML values."""
    text = re.sub(r"(?m)^approve = .*$", f"approve = {approve}", BALANCED, count=1)
    return re.sub(r"(?m)^approve_minutes = .*$", f"approve_minutes = {minutes}", text, count=1)


def rule_of(text: str) -> ApproveRule:
    return dict(read_desk(text).approvals)["wheel"]


def only_fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_desk(text)
    (fault,) = caught.value.faults
    return fault


@pytest.mark.parametrize(
    ("approve", "minutes", "rule"),
    [
        ('"never"', '"slot"', ApproveRule()),
        ('"always"', "1", ApproveRule(word="always", minutes=1)),
        ('"first 1"', "1440", ApproveRule(word="first", first=1, minutes=1440)),
        ('"first 1000"', '"slot"', ApproveRule(word="first", first=1000)),
    ],
)
def test_every_word_and_both_ends_are_taken(approve: str, minutes: str, rule: ApproveRule) -> None:
    assert rule_of(with_rule(approve, minutes)) == rule


@pytest.mark.parametrize(
    ("approve", "said"),
    [
        ('"alway"', 'did you mean always'), ("true", "got true"), ('"first"', '"first N"'), ('"first 0"', "first 0"),
        ('"first 1001"', "N from 1 to 1000"), ('"first -1"', "first -1"), ('"first 2.5"', "first 2.5"), ("3", "got 3"),
        ('""', 'got ""'), ("[]", "got a list"), ('"First 3"', "First 3"),
    ],
)  # fmt: skip
def test_another_word_is_a_fault_that_says_what_is_taken(approve: str, said: str) -> None:
    fault = only_fault(with_rule(approve))
    assert fault.startswith('desk.toml: strategies.wheel.approve: expected "always", "never" or "first N"')
    assert said in fault


@pytest.mark.parametrize("minutes", ["0", "1441", "-5", "15.5", '"day"', "true", "[]"])
def test_minutes_outside_a_day_are_a_fault(minutes: str) -> None:
    fault = only_fault(with_rule('"always"', minutes))
    assert 'approve_minutes: expected "slot" or a whole number of minutes from 1 to 1440, got' in fault


def test_a_file_without_the_keys_is_told_of_both_and_the_upgrade_writes_that_nothing_asks() -> None:
    """Design 9: missing is an error, here as everywhere."""
    text = re.sub(r"(?m)^approve(_minutes)? = .*\n", "", BALANCED)
    with pytest.raises(ConfigError) as caught:
        read_desk(text)
    assert [fault.split(":")[1].strip() for fault in caught.value.faults] == [
        "strategies.wheel.approve", "strategies.wheel.approve_minutes"
    ]  # fmt: skip
    desk = read_desk(upgrade_desk(text))
    assert desk.approvals == (("wheel", ApproveRule()),)


def test_a_trailing_stop_has_nothing_to_ask_for() -> None:
    fault = only_fault(BALANCED + 'approve = "always"\n')
    assert fault == (
        "desk.toml: strategies.stops.approve: a trailing stop opens nothing, and exits never wait: take it out"
    )


def test_an_override_of_one_symbol_has_no_rule_of_its_own() -> None:
    text = BALANCED.replace(
        "# [strategies.wheel.overrides.SPY]", '[strategies.wheel.overrides.SPY]\napprove = "always"'
    )
    assert "unknown key strategies.wheel.overrides.SPY.approve" in only_fault(text)


def test_what_init_writes_says_what_the_keys_take() -> None:
    lines = BALANCED.splitlines()
    place = lines.index('approve = "never"')
    assert lines[place - 2].startswith("# Which entries wait for your word")
    assert '"always", "never" or "first N"' in lines[place - 2]
    assert lines[place + 1].startswith("# How long a proposal stands")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (with_rule('"first 3"', "30"), [("first 3", "desk.toml"), ("30", "desk.toml")]),
        (BALANCED, [("never", "desk.toml"), ("slot", "desk.toml")]),
    ],
)
def test_the_effective_values_are_shown_with_their_origin(tmp_path: Path, text: str, shown: Any) -> None:
    rows = effective(Settings(home=tmp_path, env_file=None), read_desk(text))
    found = [(row.value, row.origin) for row in rows if row.key.startswith("strategies.wheel.approve")]
    assert found == shown
    assert (approve_text(ApproveRule(word="always")), minutes_text(ApproveRule(minutes=5))) == ("always", "5")
