"""Fail the first, second, third ... operation of a trading tick, in every way: never twice, never lost, never silent.

Journal methods, commits, snapshot appends and syncs, and every request to the broker are operations. After each
failure the next ticks run over the same files with nobody's help (A043-A045, A060-A061; F1, F2, F6).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.brokers import alpaca
from bot.domain.errors import BotError
from bot.tests.faults.operations import WAYS, Death, Operations, watching
from bot.tests.faults.soaking import SOAK, many
from bot.tests.faults.stands import AlpacaStand, Placed, Row, SimulatedStand, Stand, Tally, doubled, lost

SOON, SLOT = timedelta(minutes=1), timedelta(minutes=15)
D = Decimal


class Scene(NamedTuple):
    """A stand a tick of which is about to run, and the operations that tick is made of."""

    stand: Stand
    names: tuple[str, ...]


def scenes_of(stand: Stand, folder: Path, first: int, last: int) -> Iterator[Scene]:
    """Give ticks of a stand by number: its first order (0), its first replacement (1), its first fill (2)."""
    for number in range(last + 1):
        if number < first:
            stand.tick()
            stand.pass_by(SLOT)
            continue
        operations, here, tried = Operations(), stand.fork(folder / f"s{number}"), stand.fork(folder / f"t{number}")
        with watching(operations):
            tried.tick()
        tried.close()
        yield Scene(here, tuple(operations.names))
        here.close()
        stand.tick()
        stand.pass_by(SLOT)


def play(scene: Scene, folder: Path, nth: int, way: str, tally: Tally) -> None:
    """Let one operation go wrong in a copy of a scene, then look at the ticks after it."""
    stand = scene.stand.fork(folder)
    where = f"{way} at {nth} {scene.names[nth - 1]}"
    operations = Operations(nth, way)
    try:
        with watching(operations), suppress(BotError, Death, OSError):
            stand.tick()
        assert operations.hit == scene.names[nth - 1], f"{where}: the tick went another way ({operations.hit})"
        tally.faults += 1
        for time in (SOON, SLOT) if SOAK else (SOON if nth % 2 else SLOT,):
            stand.pass_by(time)
            result = stand.tick()
            tally.ticks += 1
            tally.look(stand, result, f"{where}, {time} after")
    finally:
        stand.close()


def sweep(stand: Stand, folder: Path, way: str, name: str, first: int, last: int) -> Tally:
    """Play every operation of some ticks of a stand in one way."""
    tally = Tally(f"Nth operation {way}, {name}")
    for number, scene in enumerate(scenes_of(stand, folder, first, last)):
        for nth in range(1, len(scene.names) + 1):
            play(scene, folder / f"{number}-{nth}", nth, way, tally)
    stand.close()
    return tally


@pytest.mark.parametrize("way", WAYS)
def test_every_operation_may_fail_on_the_simulated_account(tmp_path: Path, way: str) -> None:
    tally = sweep(SimulatedStand(tmp_path / "home"), tmp_path, way, "simulator", 0, many(1, 2))
    tally.must_be_clean()
    assert tally.faults >= 60
    assert tally.orders >= 2


@pytest.mark.parametrize("way", WAYS)
def test_every_operation_may_fail_at_alpaca(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alpaca, "SECOND_LOOK_SECONDS", 0.0)
    tally = sweep(AlpacaStand(tmp_path / "home"), tmp_path, way, "Alpaca", many(1, 0), many(1, 2))
    tally.must_be_clean()
    assert tally.faults >= 30
    assert tally.orders >= 2


def test_the_operations_of_a_trading_tick_hold_every_durable_step(tmp_path: Path) -> None:
    stand = SimulatedStand(tmp_path / "home")
    names = [set(scene.names) for scene in scenes_of(stand, tmp_path, 0, 1)]
    first, second = names
    assert {"journal.begin", "journal.record_decision", "journal.move", "journal.seal", "ledger commit"} <= first
    assert {"snapshot open", "snapshot sync", "folder sync", "account commit", "broker.submit"} <= first
    assert {"broker.cancel", "broker.find_order"} <= second


# That the looks can see


def placed(name: str, *, filled: str = "0", alive: bool = True) -> Placed:
    return Placed(name, f"b-{name}", D(1), D(filled), alive)


def row(name: str, state: str = "working") -> Row:
    return Row(name, f"b-{name}", state, "", ("wheel", "cash_secured_put", "XLF"), "10:15")


def test_a_wish_that_works_twice_is_seen_as_doubled() -> None:
    orders = (placed("a"), placed("b"))
    assert doubled(orders, {"a": row("a"), "b": row("b")}) != []
    assert doubled((placed("a", alive=False), placed("b")), {"a": row("a", "done"), "b": row("b")}) == []


def test_a_wish_filled_twice_within_a_slot_is_seen_as_doubled() -> None:
    orders = (placed("a", filled="1", alive=False), placed("b", filled="1", alive=False))
    assert doubled(orders, {"a": row("a", "done"), "b": row("b", "done")}) != []


@pytest.mark.parametrize("state", ["planned", "sending", "unknown", "not_sent", "refused"])
def test_an_order_the_ledger_does_not_place_at_the_broker_is_seen_as_lost(state: str) -> None:
    assert lost((placed("a"),), {"a": row("a", state)}) != []


def test_an_order_the_ledger_does_not_have_or_ended_too_early_is_seen_as_lost() -> None:
    assert lost((placed("a"),), {}) != []
    assert lost((placed("a"),), {"a": row("a", "done")}) != []
    assert lost((placed("a"),), {"a": row("a")}) == []
