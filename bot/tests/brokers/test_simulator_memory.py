"""The account without a file answers as the one with a file: over weeks of ticks, and after a failure half way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.brokers.simulator import SimulatorBroker
from bot.domain.errors import BrokerRefused, BrokerUnreachable, MarketError
from bot.domain.market import Dividend, Quote, Split
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import World
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.tests.brokers.tape import OPEN, Hand, TapeMarket
from bot.tests.engine.test_memory_journal import SLOT, a_book, a_house, sessions
from bot.tests.faults.soaking import many

D = Decimal
SESSIONS = many(30, 100)
SINCE = date(2020, 1, 2)


class Faltering(TapeMarket):
    """A tape that breaks off in the middle of a walk when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks = False

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        if self.breaks and symbol == "XLK":
            raise MarketError("the tape is torn")
        return super().walk(symbol, after, until)

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        if self.breaks and symbol == "XLF":
            raise MarketError("the calendar is torn")
        return super().events_between(symbol, after, until)


def said(broker: SimulatorBroker, ids: list[str]) -> list[Any]:
    """Ask a broker everything."""
    answers: list[Any] = [
        broker.read_clock(), broker.read_account(), broker.read_positions(), broker.read_orders(OPEN),
        broker.read_orders(OPEN + timedelta(days=400)), broker.read_activities(SINCE),
    ]  # fmt: skip
    return [*answers, *[broker.find_order(one) for one in ids]]


def test_weeks_of_ticks_come_to_the_same_account_to_the_byte(tmp_path: Path) -> None:
    house, moments = a_house(tmp_path), [OPEN]
    book, ids = a_book(house), ["nobody"]

    def world(path: Path | None) -> tuple[World, SimulatorBroker]:
        market = SyntheticMarket(house.desk.simulator.seed)
        broker = SimulatorBroker(
            path, market, house.desk.simulator, lambda: moments[0], synchronous="OFF", account_id="SIM-SAME"
        )
        return World(broker=broker, market=market, journal=MemoryJournal(), now=lambda: moments[0]), broker

    (on_file, filed), (without, unfiled) = world(tmp_path / "simulator.sqlite"), world(None)
    for number, session in enumerate(sessions(SESSIONS)):
        moments[0] = session.open_at
        while moments[0] < session.close_at:
            one, other = tick(on_file, book), tick(without, book)
            assert one.snapshot == other.snapshot
            ids += [order.client_order_id for order in one.orders]
            moments[0] += SLOT
        assert msgspec.json.encode(said(filed, ids)) == msgspec.json.encode(said(unfiled, ids)), session.day
        if number % 7 == 6:
            filed.close()  # what is read back is what was never written down
    assert len(ids) > 10
    assert len(unfiled.read_activities(SINCE)) > 20
    filed.close()
    assert not list(Path().glob(":memory:*"))


@pytest.mark.parametrize("name", ["simulator.sqlite", None])
def test_an_advance_that_breaks_off_is_forgotten_with_and_without_a_file(tmp_path: Path, name: str | None) -> None:
    tape = Faltering()
    hand = Hand(tape, path=tmp_path / name if name else ":memory:")
    for symbol in ("XLF", "XLK"):
        hand.market.put(symbol, OPEN, "40", "40.02")
    hand.send("XLF", "buy_to_open", "10", order_type="market")
    hand.send("XLK", "buy_to_open", "10", order_type="market")
    for symbol in ("XLF", "XLK"):
        hand.market.put(symbol, OPEN + timedelta(minutes=1), "41", "41.02")
    tape.breaks = True
    hand.at += timedelta(days=3)
    with pytest.raises(BrokerUnreachable, match="the tape is torn"):
        hand.broker.read_account()
    tape.breaks = False
    assert hand.held() == {"XLF": D(10), "XLK": D(10)}
    assert hand.kinds() == ["CSD", "FILL", "FILL"]
    assert hand.broker.read_account().cash == hand.numbers.equity - 2 * 10 * D("41.02")


@pytest.mark.parametrize("name", ["simulator.sqlite", None])
def test_a_fill_before_the_break_is_forgotten_and_told_once_afterwards(tmp_path: Path, name: str | None) -> None:
    tape = Faltering()
    hand = Hand(tape, path=tmp_path / name if name else ":memory:")
    hand.market.put("XLF", OPEN, "40", "40.02")
    hand.send("XLF", "buy_to_open", "10", order_type="market")
    hand.market.put("XLF", OPEN + timedelta(minutes=1), "41", "41.02")
    tape.breaks = True
    hand.at += timedelta(days=1)
    for _ in range(3):
        with pytest.raises(BrokerUnreachable, match="the calendar is torn"):
            hand.broker.read_account()
    tape.breaks = False
    assert hand.held() == {"XLF": D(10)}
    assert hand.kinds() == ["CSD", "FILL"]
    assert hand.order("t-1").filled_avg_price == D("41.02")


def test_an_ended_order_is_found_refuses_its_id_and_cannot_be_cancelled() -> None:
    hand = Hand()
    hand.market.put("XLF", OPEN, "40", "40.02")
    order = hand.send("XLF", "buy_to_open", "10", limit_price="30", id="same")
    hand.broker.cancel(order.broker_order_id)
    assert hand.order("same").status == "canceled"
    with pytest.raises(BrokerRefused, match="must be unique"):
        hand.send("XLF", "buy_to_open", "10", limit_price="30", id="same")
    with pytest.raises(BrokerRefused, match="already canceled"):
        hand.broker.cancel(order.broker_order_id)
    with pytest.raises(BrokerRefused, match="order not found"):
        hand.broker.cancel("nobody")


def test_without_a_path_nothing_of_sqlite_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **given: object) -> None:
        raise AssertionError("a run in memory opened a file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    for path in (None, ":memory:"):
        broker = SimulatorBroker(path, TapeMarket(), Hand().numbers, lambda: OPEN)
        assert broker.read_account().cash == Hand().numbers.equity
        broker.close()
