"""Cut the power, kill the process, tear a write or fill the disk under ticks and commands that trade at Alpaca.

The broker is another machine: it keeps what it took, whatever becomes of ours (A043-A045, A060; F1, F2).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.tests.faults.disks import NOT_TORN, ROOM, clear, cuts, ends, told
from bot.tests.faults.exchanges import STRANGERS, look_after, trading
from bot.tests.faults.processes import Ended, Machine, build_shim
from bot.tests.faults.soaking import SOAK, many, seed_of
from bot.tests.faults.stands import AlpacaStand, Tally

NAMES = ("enter", "reprice", "again", "panic", "stop and call", "close stopped shares", "flatten")
SHORT = ("reprice", "stop and call")
PLAYED = NAMES if SOAK else SHORT
CUTS_MOST, FULL_MOST = 60, 30
"""Plays of a scene in a soak: the dice choose among all; on the simulated account each durable step is played."""

Scenes = dict[str, tuple[AlpacaStand, tuple[str, ...]]]
Asked = Callable[[str], tuple[str, ...]]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    found = {name: (stand, words) for name, stand, words in trading(tmp_path_factory.mktemp("alpaca"))}
    yield found
    for stand, _ in found.values():
        stand.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    found = Machine(build_shim(tmp_path_factory.mktemp("shim")))
    yield found
    found.close()


@pytest.fixture(scope="module")
def asked_by(machine: Machine, scenes: Scenes, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Give what tells the operations that a scene asks a sound disk for."""
    folder = tmp_path_factory.mktemp("sound")

    @cache
    def asked(name: str) -> tuple[str, ...]:
        scene, words = scenes[name]
        stand = scene.fork(folder / name)
        ended = played(machine, stand, words)
        stand.close()
        assert ended.code in (0, 1), ended.said
        assert len(ended.asked) >= 10, f"the disk was asked for {ended.asked} alone"
        return ended.asked

    return asked


def played(
    machine: Machine, stand: AlpacaStand, words: tuple[str, ...], *, nth: int = 0, way: str = "before",
    kinds: str = "all",
) -> Ended:  # fmt: skip
    """Run a scene's command; one operation of its disk goes wrong."""
    return machine.run(
        stand.desk.folder, words or ("tick",), stand.at, nth=nth, way=way, kinds=kinds, variables=stand.desk.variables
    )


@pytest.mark.parametrize("name", PLAYED)
def test_power_loss_and_death_under_a_tick_at_alpaca(
    name: str, machine: Machine, scenes: Scenes, asked_by: Asked, tmp_path: Path
) -> None:
    seed = seed_of(1888)
    dice = random.Random(f"{seed} {name}")
    (scene, words), asked = scenes[name], asked_by(name)
    tally = Tally(f"death and power loss, {len(asked)} operations, Alpaca: {name}", STRANGERS)
    plays = cuts(asked, dice, 1)
    for nth, way, cut in dice.sample(plays, min(CUTS_MOST, len(plays))):
        stand = scene.fork(tmp_path / f"cut-{nth}-{way}-{cut}")
        where = f"{cut} {way} operation {nth}, {asked[nth - 1]}"
        try:
            ended = played(machine, stand, words, nth=nth, way=way)
            if ended.code == -9:
                tally.faults += 1
                if cut != "died":
                    machine.lose_power(dice if cut == "mixed" else None)
                look_after(stand, words, tally, where)
            else:
                shape = (way, asked[nth - 1].split()[0])
                assert shape in NOT_TORN, f"{where}: it lived on with {ended.code}: {ended.said}"
        finally:
            stand.close()
            clear(stand.desk.folder)
    tally.must_be_clean(seed)


@pytest.mark.parametrize("way", ["full", "fails"])
@pytest.mark.parametrize("name", PLAYED)
def test_a_disk_that_fills_up_or_fails_under_a_tick_at_alpaca(
    name: str, way: str, machine: Machine, scenes: Scenes, asked_by: Asked, tmp_path: Path
) -> None:
    """Nothing is sent that is not written down, and the next ticks heal."""
    seed = seed_of(1889)
    dice = random.Random(f"{seed} {name}")
    scene, words = scenes[name]
    asked = [one for one in asked_by(name) if way == "fails" or one.split()[0] in ROOM]
    tally = Tally(f"the disk {way}, {len(asked)} operations, Alpaca: {name}", STRANGERS)
    plays = ends(asked, dice)
    for nth in dice.sample(plays, min(many(1, FULL_MOST), len(plays))):
        stand = scene.fork(tmp_path / f"full-{nth}")
        where = f"{way} at operation {nth}, {asked[nth - 1]}"
        try:
            ended = played(machine, stand, words, nth=nth, way=way, kinds="writes" if way == "full" else "all")
            tally.faults += 1
            tally.odd += told(ended, where, words)
            look_after(stand, words, tally, where)
        finally:
            stand.close()
            clear(stand.desk.folder)
    tally.must_be_clean(seed)
