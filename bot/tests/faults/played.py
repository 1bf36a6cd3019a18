"""Commands about to run, each in a desk of its own on the simulated account: what faults are played on.

Between them they send puts, reprice, rest stops, write calls, roll, close, panic, flatten, adopt, approve, keep and
restore copies. Each runs as a process of its own, so that a disk can fail under it.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import BotError
from bot.ops.backup import list_backups
from bot.store.database import LEDGER_NAME
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import Done, new_home, typed
from bot.tests.faults.stands import SimulatedStand, Tally
from bot.tests.world.runs import FOUR_A_DAY, SOME_DAY, choice_of, make_house, moments_in, run_in, sessions_from

NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SOON, SLOT = timedelta(minutes=1), timedelta(minutes=15)
LIVE = {"BOT_MODE": "live", "BOT_HOME": "data"}
RESTORED = "restored"
SHARES = frozenset({"GDX", "XLF"})
ROLL_TICKS = (73, 74)
"""The ticks of the balanced desk on seed 1 that send a roll's two halves."""


class Scene(NamedTuple):
    """A command about to run in a folder, and the home that ticks after it."""

    name: str
    folder: Path
    words: tuple[str, ...]
    at: datetime
    home: str = "data"
    leaves: str = ""
    """The halt that may stand after it."""
    strangers: frozenset[str] = frozenset()
    """What may be held for somebody else."""

    def fork(self, folder: Path) -> Scene:
        """Copy the folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return self._replace(folder=folder)


def _say(folder: Path, at: datetime, *words: str) -> Done:
    done = typed(folder, *words, now=at, **LIVE)
    assert done.code == 0, done.err
    return done


def _ticked(folder: Path, at: datetime) -> None:
    _say(folder, at, "tick", "--at", at.isoformat())


def _kept(scene: Scene) -> Scene:
    """Keep a scene as it is now."""
    return scene.fork(scene.folder.with_name(f"scene-{scene.name.replace(' ', '-')}"))


def _tick(name: str, folder: Path, at: datetime, strangers: frozenset[str] = frozenset()) -> Scene:
    return _kept(Scene(name, folder, ("tick", "--at", at.isoformat()), at, strangers=strangers))


def trading(folder: Path) -> Iterator[Scene]:
    """Give an entry, a reprice, an adoption, a stop beside a call, a close, both panics and the ends of a halt."""
    desk = folder / "trading"
    new_home(desk)
    yield _tick("enter", desk, NOON)
    _ticked(desk, NOON)
    with closing(sqlite3.connect(desk / "data" / "simulator.sqlite")) as account, account:
        account.execute("INSERT INTO holdings VALUES ('GDX', '100', '22')")
        account.execute("INSERT INTO holdings VALUES ('XLF', '100', '37')")
    yield _tick("reprice", desk, NOON + SLOT, SHARES)
    for slot in (1, 2):
        _ticked(desk, NOON + slot * SLOT)
    at = NOON + 2 * SLOT + SOON
    yield _kept(Scene("adopt", desk, ("adopt", "GDX", "--basis", "22"), at, strangers=SHARES))
    for symbol, basis in (("GDX", "22"), ("XLF", "37")):
        _say(desk, at, "adopt", symbol, "--basis", basis)
    yield _tick("stop and call", desk, NOON + 3 * SLOT)
    for slot in (3, 4):
        _ticked(desk, NOON + slot * SLOT)
    at = NOON + 5 * SLOT
    with open_for_questions(desk / "data") as ledger:
        (put,) = (leg.symbol for leg in ledger.open_legs() if leg.symbol.startswith("EWZ"))
    now = ("--at", at.isoformat())
    yield _kept(Scene("close a put", desk, ("close", put, *now), at))
    yield _kept(Scene("close stopped shares", desk, ("close", "GDX", *now), at))
    yield _kept(Scene("panic", desk, ("panic", *now), at, leaves="reduce_only"))
    yield _kept(Scene("flatten", desk, ("panic", "--flatten", *now), at, leaves="reduce_only"))
    yield _kept(Scene("halt", desk, ("halt", "reduce_only", "--reason", "a look"), at, leaves="reduce_only"))
    yield from keeping(desk, at)


def keeping(desk: Path, at: datetime) -> Iterator[Scene]:
    """Give a copy of the home, a home made from one, and a ledger built anew."""
    yield _kept(Scene("backup", desk, ("backup",), at))
    yield _kept(Scene("vacuum", desk, ("vacuum",), at))
    _say(desk, at, "backup")
    copy = list_backups(desk / "data" / "backups")[-1][1].relative_to(desk)
    words = ("restore", str(copy), "--home", RESTORED)
    yield _kept(Scene("restore", desk, words, at, home=RESTORED, leaves="no_new_risk"))


def approving(folder: Path) -> Iterator[Scene]:
    """Give the word on a proposal."""
    desk = folder / "approving"
    file = new_home(desk) / "desk.toml"
    file.write_text(re.sub(r'(?m)^approve = "never"', 'approve = "always"', file.read_text()))
    _ticked(desk, NOON)
    at = NOON + SOON
    yield _kept(Scene("approve", desk, ("approve", "--all", "--at", at.isoformat()), at))


def rolling(folder: Path) -> Iterator[Scene]:
    """Give both halves of a roll."""
    desk = folder / "rolling"
    house = make_house(desk / "data", choice_of("balanced", 100_000), 1)
    moments = list(moments_in(sessions_from(SOME_DAY, ROLL_TICKS[-1] // len(FOUR_A_DAY) + 2)))
    with run_in(house) as run:
        for number, at in enumerate(moments[: ROLL_TICKS[-1]], 1):
            if number in ROLL_TICKS:
                yield _tick(f"roll {ROLL_TICKS.index(number) + 1}", desk, at)
            run.tick_at(at)


def every_scene(folder: Path) -> Iterator[Scene]:
    """Give them all."""
    yield from trading(folder)
    yield from approving(folder)
    yield from rolling(folder)


def look_after(scene: Scene, tally: Tally, where: str, times: tuple[timedelta, ...] = (SOON, SLOT)) -> None:
    """Let the next ticks run by themselves, and count what is wrong: doubled, lost, halted, books apart, chain broken.

    A restore that was cut short is typed again, as its owner would.
    """
    home, at = scene.folder / scene.home, scene.at
    if scene.home == RESTORED and not (home / "desk.toml").exists():
        _say(scene.folder, at, *scene.words)
    try:
        stand = SimulatedStand(home, at=at)
        _live_on(scene, stand, tally, where, times)
    except BotError as error:
        tally.odd.append(f"{where}: the next tick failed: {error}")
    _verify(scene, home, tally, where)


def _live_on(scene: Scene, stand: SimulatedStand, tally: Tally, where: str, times: tuple[timedelta, ...]) -> None:
    for number, time in enumerate(times):
        stand.at += time
        odd = len(tally.odd)
        result = stand.tick()
        tally.ticks += 1
        tally.look(stand, result, where)
        may_halt = scene.leaves == "reduce_only" or (scene.leaves == "no_new_risk" and number == 0)
        if may_halt:
            tally.odd[odd:] = [one for one in tally.odd[odd:] if not one.endswith(f"halted: {scene.leaves}")]
    if scene.leaves == "reduce_only":
        # The word came through or it did not; the owner's next one ends it either way.
        done = typed(scene.folder, "resume", now=stand.at, **LIVE)
        stand.at += SOON
        level = stand.tick().snapshot.halt.level
        if done.code or level != "run":
            tally.odd.append(f"{where}: resume gave {done.code} and {level}: {done.err}")


def _verify(scene: Scene, home: Path, tally: Tally, where: str) -> None:
    """Let the command that proves the record have the last word."""
    assert (home / LEDGER_NAME).exists()
    done = typed(scene.folder, "audit", "verify", BOT_MODE="live", BOT_HOME=home.name)
    if done.code:
        tally.odd.append(f"{where}: audit verify ended with {done.code}: {done.out} {done.err}")
