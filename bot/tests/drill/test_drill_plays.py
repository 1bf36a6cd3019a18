"""`bot drill`: F1 to F15 on both worlds, and every guard taken away to see the drill notice."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text
from bot.config.profiles import PROFILES
from bot.domain.errors import ConfigError, UsageError
from bot.drill.playing import FAILURES, SCENES, Drilled, Outcome, chosen, drill, outcome_of
from bot.drill.scene import Play, Scene
from bot.drill.stage import WORLDS
from bot.tests.drill.drill_setting import a_setting
from bot.tests.faults.soaking import SOAK


def fails(found: Drilled) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(one.failure, one.name, one.world, one.faults) for one in found.outcomes if one.status != "passed"]


@pytest.mark.parametrize("profile", PROFILES if SOAK else ("balanced",))
def test_a_desk_as_it_is_shipped_passes_the_whole_drill_on_both_worlds(profile: str) -> None:
    found = drill(read_desk(desk_text(profile)), 1)  # type: ignore[arg-type]
    print(f"\ndrill of {profile}, seed 1: {found.count('passed')} passed of {len(found.outcomes)}")
    assert fails(found) == []
    assert found.passed
    assert {one.failure for one in found.outcomes} == {f"F{number}" for number in range(1, 16)}
    assert {(one.failure, one.world) for one in found.outcomes} == {(one, w) for one in FAILURES for w in WORLDS}
    assert all(one.seen for one in found.outcomes), "each says what was seen"


def test_what_breaks_off_in_a_scene_fails_it_and_is_named(tmp_path: Path) -> None:
    def broken(play: Play) -> None:
        raise ConfigError("of its own")

    def bug(play: Play) -> None:
        raise ZeroDivisionError

    for number, (play, words) in enumerate(((broken, "of its own"), (bug, "ZeroDivisionError"))):
        outcome = outcome_of(Scene("F1", "odd", "", play), a_setting(), tmp_path / str(number))
        assert outcome.status == "failed"
        assert words in outcome.faults[0]


def test_what_this_desk_switched_off_is_a_warning_and_what_it_cannot_do_without_fails() -> None:
    text = desk_text("balanced").replace("clock_skew_seconds = 5 ", 'clock_skew_seconds = "off" ', 1)
    text = text.replace("quote_age_option_seconds = 300", 'quote_age_option_seconds = "off"', 1)
    scenes = (*chosen("F10"), *chosen("f11"))
    found = drill(read_desk(text), 1, worlds=("simulator",), scenes=scenes)
    status = {one.name: one.status for one in found.outcomes}
    assert status == {"mute feed": "failed", "empty list": "passed", "missed slots": "passed", "clock": "off"}


def test_a_desk_that_wants_nothing_fails_and_says_so() -> None:
    text = desk_text("balanced").replace("equity_min = 2000 ", "equity_min = 90000000 ", 1)
    assert text != desk_text("balanced")
    found = drill(read_desk(text), 1, worlds=("simulator",), scenes=chosen("F1"))
    assert [one.status for one in found.outcomes] == ["failed", "failed"]
    assert "not played" in found.outcomes[0].faults[0]


def test_the_same_seed_plays_the_same_drill() -> None:
    def told() -> list[Outcome]:
        found = drill(read_desk(desk_text("balanced")), 3, scenes=chosen("F8"))
        return [replace(one, seconds=0.0) for one in found.outcomes]

    assert told() == told()


def test_only_takes_a_failure_by_its_name() -> None:
    assert {one.failure for one in chosen("f7")} == {"F7"}
    assert chosen("") == SCENES
    with pytest.raises(UsageError, match="F16"):
        chosen("F16")
