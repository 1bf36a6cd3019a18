"""Strategies on bars in desk.toml: read with every number, refused with file and key, shown, run and listed."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.commands.boarding import held_names, settings_rows, strategies_of_desk
from bot.config.deskchecks import check_bars
from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text
from bot.config.effective import effective
from bot.config.profiles import PROFILES, Profile, profile_values
from bot.config.settings import Settings
from bot.domain.desk import BAR_KINDS, ApproveRule
from bot.domain.errors import ConfigError
from bot.planners import bar_kinds
from bot.tests.planners.bar_scene import bars_text, numbers_of
from bot.wiring import House, approved_strategy, strategies_of

BALANCED = desk_text("balanced")
WITH_VTI = BALANCED.replace("[symbols]\n", '[symbols]\nVTI = { group = "broad", kind = "etf", penny = true }\n')


def fault_of(table: str, text: str = WITH_VTI) -> str:
    with pytest.raises(ConfigError) as caught:
        read_desk(f"{text}\n{table}", name="desk.toml")
    (fault,) = caught.value.faults
    return fault


@pytest.mark.parametrize("kind", BAR_KINDS)
@pytest.mark.parametrize("profile", PROFILES)
def test_each_kind_reads_back_to_its_numbers_in_every_profile(kind: str, profile: Profile) -> None:
    numbers = profile_values(BAR_KINDS[kind], profile)
    given = {key: getattr(numbers, key) for key in numbers.__struct_fields__}
    desk = read_desk(WITH_VTI + bars_text(kind, ["VTI"], **given))
    ((priority, enabled, params),) = desk.bars
    assert (priority, enabled, params.name, params.kind, params.symbols) == (15, True, "cross", kind, ("VTI",))
    assert params.numbers == numbers
    assert list(check_bars(numbers)) == []


def test_a_desk_without_them_has_none_and_several_stand_side_by_side() -> None:
    assert read_desk(BALANCED).bars == ()
    two = bars_text("ma_cross", ["VTI"]) + bars_text("momentum", ["VTI"], name="drift")
    assert [params.name for _, _, params in read_desk(WITH_VTI + two).bars] == ["cross", "drift"]


def test_the_example_in_the_file_is_one_that_reads() -> None:
    head, example = BALANCED.split("An example:\n")
    text = WITH_VTI + re.sub(r"(?m)^# ", "", example.split("# With kind")[0])
    ((_, _, params),) = read_desk(text).bars
    assert params.numbers == numbers_of("ma_cross")
    assert "[strategies.stops]" in head
    assert all(len(line) <= 120 and line.startswith("# ") for line in example.splitlines())


@pytest.mark.parametrize(
    ("kind", "changed", "fault"),
    [
        ("ma_cross", {"fast": 50}, "strategies.cross.fast: 50 must be below slow 50"),
        ("momentum", {"exit_gain": Decimal("0.06")}, "cross.exit_gain: 0.06 must not be above entry_gain 0.05"),
        ("ma_cross", {"units": 5}, "cross.position_share: expected exactly one of position_share and units"),
        ("ma_cross", {"position_share": None}, "both are off"),
        ("ma_cross", {"enter_on": "level"}, 'enter_on: "level" buys back what stop_percent sold'),
        ("ma_cross", {"step": "5min"}, 'cross.step: expected "1min" or "15min"'),
        ("ma_cross", {"fast": 0}, "cross.fast: expected a whole number of bars from 1 to 500, got 0"),
        ("breakout", {"exit_bars": 1001}, "cross.exit_bars: expected a whole number of bars from 1 to 1000"),
        ("mean_reversion", {"entry_deviations": Decimal(0)}, "entry_deviations: expected a number of deviations"),
        ("ma_cross", {"position_share": Decimal(15)}, "did you mean 0.15?"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_with_file_and_key(
    kind: str, changed: dict[str, Any], fault: str
) -> None:
    found = fault_of(bars_text(kind, ["VTI"], **changed))
    assert found.startswith("desk.toml: strategies.cross.")
    assert fault in found


def test_symbols_are_of_the_universe_and_of_no_wheel() -> None:
    assert "VTX has no table [symbols.VTX], did you mean VTI?" in fault_of(bars_text("ma_cross", ["VTX"]))
    assert "cross.symbols: SPY already belongs to strategies.wheel" in fault_of(bars_text("ma_cross", ["SPY"]))
    assert "expected at least one symbol" in fault_of(bars_text("ma_cross", []))


def test_a_missing_key_an_unknown_one_and_an_unknown_kind_are_named() -> None:
    table = bars_text("ma_cross", ["VTI"])
    assert "strategies.cross.slow: missing; the balanced profile says 50" in fault_of(table.replace("slow = 50\n", ""))
    assert "unknown key strategies.cross.slowly, did you mean slow?" in fault_of(table + "slowly = 3\n")
    assert 'got "ma_cros", did you mean ma_cross?' in fault_of(table.replace('"ma_cross"', '"ma_cros"'))
    assert "strategies.cross.approve: missing" in fault_of(table.replace('approve = "never"\n', ""))


def test_it_is_shown_listed_run_and_may_wait_for_the_owners_word() -> None:
    text = WITH_VTI + bars_text("ma_cross", ["VTI"]).replace('approve = "never"', 'approve = "first 2"')
    desk = read_desk(text)
    house = House(Settings(home=Path("/nowhere"), env_file=None), desk, text, "", "")
    shown = {one.key: one for one in effective(house.settings, desk)}
    assert shown["strategies.cross.kind"].value == "ma_cross"
    assert (shown["strategies.cross.slow"].value, shown["strategies.cross.approve"].value) == ("50", "first 2")
    meanings = {(section, key): meaning for section, key, *_, meaning in settings_rows(house)}
    assert meanings["strategies.cross", "slow"] == "bars of the slow average"
    assert ("cross", "ma_cross", "live", 1, 15, "VTI") in strategies_of_desk(desk)
    assert "VTI" in held_names(desk)
    (mine,) = (one for one in strategies_of(desk) if one.name == "cross")
    assert (mine.planner, mine.priority, mine.enabled) == (bar_kinds.PLANNERS["ma_cross"], 15, True)
    assert "cross" in approved_strategy(desk).params.strategies
    assert dict(desk.approvals)["cross"] == ApproveRule(word="first", first=2)
