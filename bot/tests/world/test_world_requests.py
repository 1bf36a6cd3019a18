"""Fail the first, second, third ... exchange of a tick and of a command with the pretended Alpaca, in every way.

Refused, cut off and answered with nonsense, before the broker took it and after; the network gone from there on; the
process killed while it is under way. The next ticks run with nobody's help: nothing doubled, nothing lost, no halt
left, the books equal to the account (A043-A045, A060-A061; F1, F2, F6).
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import sleep

import pytest

from bot.brokers import alpaca
from bot.commands import panicking
from bot.domain.errors import BotError
from bot.tests.faults.exchanges import STRANGERS, WAYS, Deadly, Wrong, command, forget, look_after, trading
from bot.tests.faults.processes import Machine, build_shim
from bot.tests.faults.soaking import SOAK, many, seed_of
from bot.tests.faults.stands import AlpacaStand, Tally
from bot.venues import allowance, alpaca_client

NAMES = ("enter", "reprice", "again", "panic", "stop and call", "close stopped shares", "flatten")
KILL_WITHIN_SECONDS = 0.25

Scenes = dict[str, tuple[AlpacaStand, tuple[str, ...]]]


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


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pauses between tries out."""
    monkeypatch.setattr(alpaca, "SECOND_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(panicking, "ROUND_SECONDS", 0.0)
    monkeypatch.setattr(alpaca_client, "_backoff", lambda path, attempt: 0.0)
    monkeypatch.setattr(allowance, "WINDOW_SECONDS", 0.01)


def act(stand: AlpacaStand, words: tuple[str, ...]) -> str:
    """Run a tick, or a command of words; whatever ends it must be something it can explain."""
    if not words:
        with suppress(BotError):
            stand.tick()
        return ""
    code, said = command(stand, *words)
    return "" if code in (0, 1) and "Traceback" not in said else f"ended with {code}: {said}"


@pytest.mark.parametrize("name", NAMES)
def test_every_exchange_may_go_wrong(name: str, scenes: Scenes, tmp_path: Path) -> None:
    seed = seed_of(1871)
    dice = random.Random(f"{seed} {name}")
    scene, words = scenes[name]
    tried = scene.fork(tmp_path / "tried")
    sound = Wrong(tried.world)
    assert act(tried, words) == ""
    tried.close()
    plays = [(nth, way) for nth in range(1, len(sound.seen) + 1) for way in (*WAYS, "down")]
    tally = Tally(f"each of {len(sound.seen)} exchanges goes wrong: {name}", STRANGERS)
    for nth, way in plays if SOAK else dice.sample(plays, 2):
        stand = scene.fork(tmp_path / f"wrong-{nth}-{way}")
        where = f"{way} at {nth}, {sound.seen[nth - 1]}"
        try:
            how = WAYS["cut before it was taken"] if way == "down" else WAYS[way]
            wrong = Wrong(stand.world, nth, for_good=way == "down", **how)
            told = act(stand, words)
            assert len(wrong.seen) >= nth, f"{where}: the tick went another way"
            tally.odd += [f"{where}: {told}"] if told else []
            tally.faults += 1
            forget(stand.world)
            look_after(stand, words, tally, where)
        finally:
            stand.close()
            shutil.rmtree(stand.desk.folder)
    tally.must_be_clean(seed)


@pytest.mark.parametrize("name", NAMES if SOAK else ("enter", "stop and call"))
def test_the_process_may_die_in_every_exchange(name: str, machine: Machine, scenes: Scenes, tmp_path: Path) -> None:
    seed = seed_of(1873)
    dice = random.Random(f"{seed} {name}")
    scene, words = scenes[name]
    tried = scene.fork(tmp_path / "tried")
    sound = Wrong(tried.world)
    ended = machine.run(tried.desk.folder, words or ("tick",), tried.at, variables=tried.desk.variables)
    assert ended.code in (0, 1), ended.said
    tried.close()
    plays = [(nth, after) for nth in range(1, len(sound.seen) + 1) for after in (False, True)]
    tally = Tally(f"kill -9 in each of {len(sound.seen)} exchanges: {name}", STRANGERS)
    for nth, after in plays if SOAK else dice.sample(plays, 1):
        stand = scene.fork(tmp_path / f"killed-{nth}-{after}")
        where = f"killed {'after' if after else 'before'} {nth}, {sound.seen[nth - 1]}"
        try:
            deadly = Deadly(stand.world, nth, after=after)
            deadly.number = machine.start(
                stand.desk.folder, words or ("tick",), stand.at, variables=stand.desk.variables
            )
            deadly.known.set()
            ended = machine.wait()
            assert ended.code == -9, f"{where}: it lived on with {ended.code}: {ended.said}"
            tally.faults += 1
            forget(stand.world)
            look_after(stand, words, tally, where)
        finally:
            stand.close()
            shutil.rmtree(stand.desk.folder)
    tally.must_be_clean(seed)


def test_kills_at_random_instants_at_alpaca(machine: Machine, scenes: Scenes, tmp_path: Path) -> None:
    seed, kills = seed_of(1877), many(4, 200)
    dice = random.Random(seed)
    tally = Tally("kill -9 at a random instant, Alpaca", STRANGERS)
    while tally.faults < kills:
        scene, words = scenes[dice.choice(NAMES)]
        stand = scene.fork(tmp_path / f"kill-{tally.faults}")
        try:
            number = machine.start(stand.desk.folder, words or ("tick",), stand.at, variables=stand.desk.variables)
            sleep(dice.uniform(0.0, KILL_WITHIN_SECONDS))
            with suppress(ProcessLookupError):
                os.kill(number, 9)
            tally.faults += machine.wait().code == -9
            look_after(stand, words, tally, f"kill {tally.faults}")
        finally:
            stand.close()
            shutil.rmtree(stand.desk.folder)
    tally.must_be_clean(seed)
