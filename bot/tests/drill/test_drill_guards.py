"""Every guard of the drill, taken away once: its scene must fail, and it must come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text
from bot.drill.guards import GUARDS, Guard, guards_of, swapped, without
from bot.drill.playing import SCENES, drill, outcome_of
from bot.drill.scene import Play, Scene
from bot.drill.stage import Stage, WorldName
from bot.gates.judge import GATES
from bot.tests.drill.drill_setting import a_setting
from bot.tests.faults.soaking import SOAK

LEAN_ON_NOTHING = {"caps", "nobody listens"}


def one_of_each() -> list[tuple[Guard, str, WorldName]]:
    """Give every guard with one scene and world of its own; in a soak with all of them."""
    found = []
    for number, guard in enumerate(GUARDS):
        worlds = {scene.name: scene.worlds for scene in SCENES}
        cases = [(guard, name, w) for name in guard.scenes for w in guard.worlds if w in worlds[name]]
        found += cases if SOAK else [cases[number % len(cases)]]
    return found


@pytest.mark.parametrize(
    ("guard", "name", "world"), one_of_each(), ids=lambda one: one.name if isinstance(one, Guard) else str(one)
)
def test_a_drill_without_one_of_its_guards_fails(guard: Guard, name: str, world: WorldName, tmp_path: Path) -> None:
    scene = next(one for one in SCENES if one.name == name)
    with without(guard):
        outcome = outcome_of(scene, a_setting(world), tmp_path / "away")
    assert outcome.status == "failed", f"{name} passes without {guard.name}"
    assert outcome.faults


def test_every_scene_names_its_guards_and_every_guard_its_scenes() -> None:
    names = {one.name for one in SCENES}
    assert len(names) == len(SCENES)
    assert {name for guard in GUARDS for name in guard.scenes} == names - LEAN_ON_NOTHING
    assert {guard.name for guard in GUARDS if guard.kind == "gate"} <= {name for name, _ in GATES}
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
    assert "one POST" in guards_of("answer lost", "alpaca")
    assert "one POST" not in guards_of("answer lost", "simulator")


def test_while_a_guard_is_away_no_tick_but_the_drills_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path / "home", a_setting())
    stage.account.faults.number = "SOMEBODY"
    with without(GUARDS[0]), pytest.raises(AssertionError, match="no tick but the drill's runs"):
        stage.tick()
    assert not stage.account.door
    stage.close()


def test_a_guard_that_was_away_is_back_afterwards(tmp_path: Path) -> None:
    scene = next(one for one in SCENES if one.name == "dust")
    gate = next(one for one in GUARDS if one.name == "quantities_are_whole")
    with without(gate):
        assert outcome_of(scene, a_setting(), tmp_path / "away").status == "failed"
    assert outcome_of(scene, a_setting(), tmp_path / "back").status == "passed"


def test_a_removal_that_nothing_notices_fails_the_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    def easy(play: Play) -> None:
        play.must(True, "whatever happens, this passes")

    scene = Scene("F12", "dust", "nothing at all", easy)
    found = drill(read_desk(desk_text("balanced")), 1, worlds=("simulator",), scenes=(scene,), removals=True)
    assert [one.noticed for one in found.removals] == [False]
    assert not found.passed


def test_a_name_that_is_swapped_comes_back_even_after_a_failure() -> None:
    class Place:
        name = "before"

    def fails_meanwhile() -> None:
        with swapped(Place, "name", "other"):
            assert Place.name == "other"
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fails_meanwhile()
    assert Place.name == "before"
