"""Kill real processes in the middle of live ticks, and start them in pairs (power loss: test_world_power).

After each, the next tick over the same files runs with nobody's help: no order doubled, none lost, the books equal to
the account to the cent, the chain whole (A043-A045, A060; F1, F2).
"""

from __future__ import annotations

import os
import random
import select
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

import pytest

from bot.commands import ticking
from bot.domain.sessions import next_session, session_on
from bot.engine import tick as engine
from bot.engine.ports import Book, TickResult, World
from bot.store.chain import verify
from bot.store.database import LEDGER_NAME
from bot.tests.faults.processes import child, exit_of, killed
from bot.tests.faults.soaking import SOAK, many, seed_of
from bot.tests.faults.stands import MORNING, SimulatedStand, Tally, newest_tick

SOON, SLOT = timedelta(minutes=1), timedelta(minutes=15)
TICKS_IN_A_LIFE = 5
KILL_WITHIN_TICKS = 2.5
"""A kill falls within so many times what the tick before it took: on a busy machine later."""
KILLS_A_HOME = 3
WHOLE_CHAIN_EVERY = 5


def later(moment: datetime, time: timedelta) -> datetime:
    """Give a moment so much later; past the hours in which a desk sends most it is the next session's morning."""
    after = moment + time
    session = session_on(after.date())
    if session is None or after > session.open_at + 7 * SLOT:
        return next_session(after.date()).open_at + 3 * SLOT
    return after


def live_on(stand: SimulatedStand) -> None:
    """Tick, slot after slot, until something ends it."""
    for _ in range(TICKS_IN_A_LIFE):
        stand.tick()
        stand.at = later(stand.at, SLOT)


def ticks_of(home: Path, which: str = "1") -> int:
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        return int(ledger.execute(f"SELECT COUNT(*) FROM ticks WHERE {which}").fetchone()[0])


def faults_of(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        return list(verify(ledger, home))


def test_desks_survive_kills_at_random_instants(tmp_path: Path) -> None:
    seed, kills = seed_of(4711), many(15, 1_000)
    dice = random.Random(seed)
    tally = Tally("kill -9 at a random instant, simulator")
    died = sending = 0
    while tally.faults < kills:
        stand = SimulatedStand(tmp_path / f"home-{tally.faults}", seed=dice.randrange(1, 1_000))
        stand.tick()
        stand.at = later(stand.at, SLOT)
        began = perf_counter()
        stand.tick()
        took = perf_counter() - began
        orders, tally.orders = tally.orders, 0
        for _ in range(KILLS_A_HOME):
            took = kill_once(stand, dice, tally, f"seed {seed}", took)
        tally.odd += faults_of(stand.home)
        tally.orders += orders
        tally.ticks += ticks_of(stand.home)
        died += ticks_of(stand.home, "status = 'died'")
        sending += ticks_of(stand.home, "status = 'died' AND planned > 0")
    print(f"\n{died} ticks died between their opening row and their seal, {sending} of them with orders planned")
    tally.must_be_clean(seed)
    assert died >= kills // 10, "the kills did not meet ticks"
    assert not SOAK or sending >= kills // 50, "the kills did not meet orders"
    assert tally.ticks >= 2 * tally.faults, "every kill is followed by a tick, and most by more"


def kill_once(stand: SimulatedStand, dice: random.Random, tally: Tally, where: str, took: float) -> float:
    """Let a child live on and kill it at a random instant, then look at the next tick; gives how long that took."""
    while True:
        stand.at = later(max(newest_tick(stand.home), stand.at), SLOT)
        number = child(partial(live_on, stand))
        sleep(dice.uniform(0.0, KILL_WITHIN_TICKS * took))
        if killed(number):
            break
    tally.faults += 1
    stand.at = later(max(newest_tick(stand.home), stand.at), SOON)
    began = perf_counter()
    result = stand.tick()
    took = perf_counter() - began
    tally.look(stand, result, f"{where}, kill {tally.faults}", chain=tally.faults % WHOLE_CHAIN_EVERY == 0)
    return took


def test_of_two_ticks_started_together_one_runs_and_the_other_leaves_with_75(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both race for the lock; whoever has it goes on when the other has gone, so the race is decided each time."""
    tally = Tally("pairs of ticks started together, simulator")
    stand = SimulatedStand(tmp_path / "home")
    real = engine.tick
    go_on = (-1, -1)

    def waits(world: World, book: Book) -> TickResult:
        ready, _, _ = select.select([go_on[0]], [], [], 30.0)
        assert ready, "the other tick of the pair never left"
        return real(world, book)

    for pair in range(many(10, 200)):
        go_on, start = os.pipe(), os.pipe()
        monkeypatch.setattr(ticking, "tick", waits)

        def runs(start: tuple[int, int] = start) -> None:
            os.read(start[0], 1)
            stand.tick()

        both = {child(runs), child(runs)}
        os.write(start[1], b"12")
        left, status = os.wait()
        assert left in both
        os.write(go_on[1], b"1")
        (winner,) = both - {left}
        codes = (os.waitstatus_to_exitcode(status), exit_of(winner))
        monkeypatch.setattr(ticking, "tick", real)
        for handle in (*go_on, *start):
            os.close(handle)
        if codes != (75, 0):
            tally.odd.append(f"pair {pair}: exit codes {codes}")
        tally.faults += 1
        assert ticks_of(stand.home) == 2 * pair + 1, "one of the pair ran, and one alone"
        stand.at = later(stand.at, SOON if pair % 2 else SLOT)
        tally.look(stand, stand.tick(), f"after pair {pair}", chain=pair % 10 == 9)
        stand.at = later(stand.at, SOON)
    tally.ticks = ticks_of(stand.home)
    tally.must_be_clean()


def test_moments_stay_inside_sessions() -> None:
    moment = MORNING
    for _ in range(200):
        moment = later(moment, SLOT)
        session = session_on(moment.date())
        assert session is not None
        assert session.holds(moment)
