"""Cut the power, kill the process or tear a write at each operation of every command that changes a home.

After each, the next ticks run over the same files with nobody's help: no order doubled, none lost, no halt left, the
books equal to the account to the cent, the record proved by `bot audit verify` (A043-A045, A060; F1, F2).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.tests.faults.disks import NOT_TORN, ROOM, clear, cuts, ends, told
from bot.tests.faults.played import LIVE, SLOT, SOON, Scene, every_scene, look_after
from bot.tests.faults.processes import Ended, Machine, build_shim
from bot.tests.faults.soaking import SOAK, seed_of
from bot.tests.faults.stands import SimulatedStand, Tally, ledger_rows
from bot.wiring import ACCOUNT_FILE

NAMES = (
    "enter", "reprice", "adopt", "stop and call", "close a put", "close stopped shares", "panic", "flatten", "halt",
    "backup", "vacuum", "restore", "approve", "roll 1", "roll 2",
)  # fmt: skip
Asked = Callable[[str], tuple[str, ...]]
NOT_DONE = 1
"""What `bot panic` ends with while something is left."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    found = Machine(build_shim(tmp_path_factory.mktemp("shim")))
    yield found
    found.close()


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    return {scene.name: scene for scene in every_scene(tmp_path_factory.mktemp("scenes"))}


@pytest.fixture(scope="module")
def asked_by(machine: Machine, scenes: dict[str, Scene], tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Give what tells the operations that a scene asks a sound disk for."""
    folder = tmp_path_factory.mktemp("sound")

    @cache
    def asked(name: str) -> tuple[str, ...]:
        scene = scenes[name].fork(folder / name)
        ended = played(machine, scene)
        assert ended.code in (0, NOT_DONE if "panic" in scene.words else 0), ended.said
        assert len(ended.asked) >= 10, f"the disk was asked for {ended.asked} alone"
        return ended.asked

    return asked


def played(machine: Machine, scene: Scene, *, nth: int = 0, way: str = "before", kinds: str = "all") -> Ended:
    """Run a scene's command; one operation of its disk goes wrong."""
    spare = "simulator.sqlite" if way in ("full", "fails") else ""
    return machine.run(scene.folder, scene.words, scene.at, nth=nth, way=way, kinds=kinds, spare=spare, variables=LIVE)


def test_every_scene_is_played(scenes: dict[str, Scene]) -> None:
    assert tuple(scenes) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_power_loss_and_death_at_every_operation_of_the_disk(
    name: str, machine: Machine, scenes: dict[str, Scene], asked_by: Asked, tmp_path: Path
) -> None:
    """A killed process leaves all it wrote, a cut all that was synced; mixed: and of the rest some blocks."""
    seed = seed_of(1848)
    dice = random.Random(f"{seed} {name}")
    scene, asked = scenes[name], asked_by(name)
    tally = Tally(f"death and power loss, {len(asked)} operations: {name}", scene.strangers)
    for nth, way, cut in cuts(asked, dice, 1):
        here = scene.fork(tmp_path / f"cut-{nth}-{way}-{cut}")
        ended = played(machine, here, nth=nth, way=way)
        where = f"{cut} {way} operation {nth}, {asked[nth - 1]}"
        if ended.code == -9:
            tally.faults += 1
            if cut != "died":
                machine.lose_power(dice if cut == "mixed" else None)
            look_after(here, tally, where, (SOON, SLOT) if SOAK else (SLOT,))
        else:
            assert (way, asked[nth - 1].split()[0]) in NOT_TORN, f"{where}: it lived on with {ended.code}: {ended.said}"
        clear(here.folder)
    tally.must_be_clean(seed)


def test_a_restore_that_was_cut_short_leaves_no_home_and_is_typed_again(
    machine: Machine, scenes: dict[str, Scene], asked_by: Asked, tmp_path: Path
) -> None:
    """Its desk file comes in whole after all others, and its ledger never without what a full disk kept in its log."""
    scene, asked = scenes["restore"], asked_by("restore")
    ours = [one for one in asked if ACCOUNT_FILE not in one]  # what of the disk may fill up or fail
    named = max(nth for nth, one in enumerate(ours, 1) if "desk.toml" in one)  # the board's share comes after it
    last = [nth for nth, one in enumerate(ours[:named], 1) if "pwrite" in one and one.endswith("ledger.sqlite")][-1]
    desk = [nth for nth, one in enumerate(asked, 1) if "desk.toml" in one]
    assert len(desk) >= 4, f"it is made, written, synced and named: {asked}"
    tally = Tally("restores cut short at their ends")
    for nth, way in [*((nth, "before") for nth in desk), (desk[-1], "after"), (last, "full"), (last, "fails")]:
        here = scene.fork(tmp_path / f"cut-{nth}-{way}")
        ended = played(machine, here, nth=nth, way=way)
        tally.faults += 1
        if ended.code == -9:
            machine.lose_power()
        else:
            assert (ended.code, (here.folder / scene.home / "desk.toml").exists()) == (1, False), ended.said
        look_after(here, tally, f"{way} {nth}, {asked[nth - 1]}", (SLOT,))
    tally.must_be_clean()


@pytest.mark.parametrize("way", ["full", "fails"])
@pytest.mark.parametrize("name", NAMES)
def test_a_disk_that_fills_up_or_fails_sends_nothing_unwritten_and_heals(
    name: str, way: str, machine: Machine, scenes: dict[str, Scene], asked_by: Asked,
    tmp_path: Path,
) -> None:  # fmt: skip
    """From one write on no room is left, or one operation fails; the account's own file is the broker's."""
    seed = seed_of(1849)
    dice = random.Random(f"{seed} {name}")
    scene = scenes[name]
    ours = [one for one in asked_by(name) if ACCOUNT_FILE not in one]
    asked = [one for one in ours if one.split()[0] in ROOM] if way == "full" else ours
    tally = Tally(f"the disk {way}, {len(asked)} operations: {name}", scene.strangers)
    for nth in ends(asked, dice) if SOAK else dice.sample(range(1, len(asked) + 1), 1):
        here = scene.fork(tmp_path / f"full-{nth}")
        ended = played(machine, here, nth=nth, way=way, kinds="writes" if way == "full" else "all")
        where = f"{way} at operation {nth}, {asked[nth - 1]}"
        tally.faults += 1
        tally.odd += told(ended, where, scene.words)
        tally.odd += [f"{where}: {one} was sent unwritten" for one in unwritten(here)]
        look_after(here, tally, where, (SOON, SLOT) if SOAK else (SLOT,))
        clear(here.folder)
    tally.must_be_clean(seed)


def unwritten(scene: Scene) -> list[str]:
    """Name the orders at the broker that no ledger of the scene has written down."""
    stand = SimulatedStand(scene.folder / "data", at=scene.at)
    placed = {one.client_order_id for one in stand.account().orders}
    return sorted(placed - set(ledger_rows(stand.home))) if placed else []
