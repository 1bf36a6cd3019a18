"""A run in memory remembers what the ledger file would: one world decided side by side is the same to the byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bot.brokers.simulator import SimulatorBroker
from bot.config.deskfile import read_desk
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.effective import config_hash
from bot.config.settings import Settings
from bot.domain.errors import UsageError
from bot.domain.ledger import Halt
from bot.domain.sessions import Session, next_session
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import Book, Journal, TickResult, World
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.store.journal import LedgerJournal
from bot.tests.faults.soaking import many
from bot.wiring import House, make_book

FIRST = date(2025, 3, 3)
SESSIONS = many(30, 500)
SLOT = timedelta(minutes=15)
NOWHEN = datetime(1970, 1, 1, tzinfo=UTC)
encode = msgspec.msgpack.Encoder(order="deterministic").encode


def a_house(home: Path, equity: Decimal = Decimal(60_000)) -> House:
    text = desk_text_of(DeskChoice(profile="aggressive", equity=equity))
    settings = Settings(home=home, env_file=None, mode="live")
    fingerprint, stored = config_hash(text, settings)
    return House(settings, read_desk(text, name="desk.toml"), text, fingerprint, stored)


def sessions(count: int) -> Iterator[Session]:
    session = next_session(FIRST)
    for _ in range(count):
        yield session
        session = next_session(session.day)


def a_world(house: House, path: Path | str, journal: Journal, now: Callable[[], datetime]) -> World:
    market = SyntheticMarket(house.desk.simulator.seed)
    broker = SimulatorBroker(path, market, house.desk.simulator, now, synchronous="OFF", account_id="SIM-SAME")
    return World(broker=broker, market=market, journal=journal, now=now)


def a_book(house: House) -> Book:
    return make_book(house, dry=False)._replace(desk=replace(house.desk, approvals=()), decide_on_decoded=False)


def said(result: TickResult) -> tuple[bytes, bytes, tuple[object, ...]]:
    return encode(result.snapshot), encode(result.verdicts), result.orders


def test_every_snapshot_and_verdict_is_what_it_is_on_the_ledger_file(tmp_path: Path) -> None:
    house, moments = a_house(tmp_path), [NOWHEN]
    ledger = LedgerJournal(tmp_path, house.desk.name, synchronous="OFF")
    on_file = a_world(house, tmp_path / "simulator.sqlite", ledger, lambda: moments[0])
    in_memory = a_world(house, ":memory:", MemoryJournal(), lambda: moments[0])
    book, legs, fills = a_book(house), 0, 0
    for session in sessions(SESSIONS):
        moments[0] = session.open_at
        while moments[0] < session.close_at:
            one, other = tick(on_file, book), tick(in_memory, book)
            assert said(one) == said(other), moments[0]
            legs += len(one.settlement.leg_ends)
            fills += len(one.settlement.fills)
            moments[0] += SLOT
    ledger.close()
    assert fills > 5
    assert legs > 3, "nothing ended in this run: it compares too little"


def test_two_runs_of_one_seed_have_one_hash_and_another_seed_another(tmp_path: Path) -> None:
    def digest(seed: int) -> str:
        house, moments, journal = a_house(tmp_path), [NOWHEN], MemoryJournal()
        house = house._replace(desk=replace(house.desk, simulator=replace(house.desk.simulator, seed=seed)))
        world, book = a_world(house, ":memory:", journal, lambda: moments[0]), a_book(house)
        for session in sessions(3):
            moments[0] = session.open_at
            while moments[0] < session.close_at:
                tick(world, book)
                moments[0] += SLOT
        return journal.digest

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_time_only_goes_forward_and_nobody_halts_a_run_in_memory(tmp_path: Path) -> None:
    house, moments = a_house(tmp_path), [next_session(FIRST).open_at]
    journal = MemoryJournal()
    world, book = a_world(house, ":memory:", journal, lambda: moments[0]), a_book(house)
    tick(world, book)
    moments[0] -= SLOT
    with pytest.raises(UsageError, match="older than the newest"):
        tick(world, book)
    with pytest.raises(UsageError, match="no owner"):
        journal.set_halt(Halt(level="stop"))
