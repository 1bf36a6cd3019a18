"""On a simulated home the terms explain a day to the cent, whatever happened in it: the remainder is nothing."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.brokers.simulator import SimulatorBroker
from bot.commands.parity_account import DayBroker, DayJournal
from bot.commands.parity_day import parity_of
from bot.commands.parity_market import RecordedTicks
from bot.commands.parity_runs import WISH_WORDS, wish_of
from bot.domain.orders import OrderRequest, leg
from bot.domain.sessions import next_session
from bot.engine.ports import World
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.store.day_record import lines_learned, ticks_of_day
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.tests.builders import a_snapshot, an_order, held, simulator_numbers
from bot.tests.engine.test_memory_journal import a_book, a_house
from bot.tests.faults.soaking import many
from bot.wiring import House

D = Decimal
CENT = D("0.01")
FIRST = date(2025, 3, 3)


class Home:
    """A simulated home that lives session by session."""

    def __init__(self, folder: Path, seed: int, first: date, minutes: int) -> None:
        house = a_house(folder)
        numbers = replace(house.desk.simulator, seed=seed)
        self.house: House = house._replace(desk=replace(house.desk, simulator=numbers))
        self.journal = LedgerJournal(folder, house.desk.name, synchronous="OFF")
        self.journal.keep_config(house.hash, house.desk_text, house.settings_json, datetime(2025, 1, 1, tzinfo=UTC))
        self.market, self.moments, self.step = SyntheticMarket(seed), [datetime(1970, 1, 1, tzinfo=UTC)], minutes
        self.broker = SimulatorBroker(
            ":memory:", self.market, numbers, lambda: self.moments[0], synchronous="OFF", account_id="SIM-SAME"
        )
        self.session = next_session(first)
        self.days: list[date] = []

    def live(self, sessions: int, *, buy: str = "") -> None:
        """Tick through sessions; `buy` has the owner buy 100 shares himself after the first tick."""
        world = World(broker=self.broker, market=self.market, journal=self.journal, now=lambda: self.moments[0])
        for _ in range(sessions):
            self.days.append(self.session.day)
            self.moments[0] = self.session.open_at
            while self.moments[0] < self.session.close_at:
                tick(world, a_book(self.house))
                if buy:
                    legs = (leg(buy, "buy_to_open"),)
                    self.broker.submit(
                        OrderRequest(client_order_id="by-hand", legs=legs, qty=D(100), order_type="market",
                                     time_in_force="day")
                    )  # fmt: skip
                    buy = ""
                self.moments[0] += timedelta(minutes=self.step)
            self.session = next_session(self.session.day)

    def close(self) -> None:
        self.journal.close()
        self.broker.close()


def proved(home: Home) -> Counter[str]:
    """Run every day again, prove the sums, and count what happened."""
    found: Counter[str] = Counter()
    with open_for_questions(home.house.home) as ledger:
        for day in home.days:
            parity = parity_of(home.house, ledger, day)
            assert abs(parity.remainder) <= CENT, (day, parity.remainder)
            assert sum((one.amount for one in parity.terms), parity.remainder) == parity.difference, day
            found["orders"] += len(parity.pairs)
            found["differences"] += bool(parity.difference)
            found["fills apart"] += any(one.name == "fill" and one.amount for one in parity.terms)
            found["gaps of data"] += any(one.name in ("data", "latency") and one.amount for one in parity.terms)
        last = ticks_of_day(ledger, home.days[-1])[-1].id
        found.update(line.kind for line, _ in lines_learned(ledger, 0, last))
    return found


@pytest.mark.parametrize("seed", range(4, 4 + many(1, 4)))
def test_the_remainder_is_nothing_over_weeks_with_assignments_and_fees(tmp_path: Path, seed: int) -> None:
    home = Home(tmp_path, seed, FIRST, 30)
    home.live(many(14, 60))
    home.close()
    found = proved(home)
    assert found["orders"] > 10
    assert found["differences"] > 0, "a market between the ticks must make some difference"
    assert found["fills apart"] > 0
    assert found["gaps of data"] == 0, "nothing was missing or late in a simulated home"
    assert found["FEE"] > 3
    if seed == 4:
        assert found["OPASN"] > 0, "nothing was assigned: another seed is needed"


def test_the_remainder_is_nothing_over_a_dividend_on_shares_that_are_not_the_desks(tmp_path: Path) -> None:
    home = Home(tmp_path, 4, date(2025, 6, 12), 30)
    home.live(4, buy="EEM")
    home.close()
    found = proved(home)
    assert found["DIV"] > 0, "no dividend was paid: other days are needed"


def test_a_day_without_anything_in_it_differs_in_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path, 4, FIRST, 390)
    home.live(1)
    home.close()
    with open_for_questions(tmp_path) as ledger:
        parity = parity_of(home.house, ledger, home.days[0])
    assert (parity.difference, parity.remainder, parity.pairs) == (D(0), D(0), ())


def test_an_account_and_a_ledger_begin_where_the_snapshot_stood() -> None:
    first = a_snapshot(positions=(held("XLF", "100"), held("XLF261218P00038000", "-2")))
    broker = DayBroker(
        first, RecordedTicks((first,), mended=False), simulator_numbers(), lambda: first.at, {}, frozenset()
    )
    assert broker.read_account().cash == first.account.cash
    assert [(one.symbol, one.qty) for one in broker.read_positions()] == [
        ("XLF", D(100)),
        ("XLF261218P00038000", D(-2)),
    ]
    assert broker.movements() == ()
    remembered = DayJournal((first,), None).memory(first.at, first.session.day)
    assert remembered.books.lots == first.books.lots
    assert remembered.halt == first.halt


def test_a_wish_is_who_why_for_what_and_then_its_contracts() -> None:
    order = an_order("XLF261218P00038000", key="lot-1")
    assert wish_of(order)[WISH_WORDS:] == ("XLF261218P00038000",)
    assert wish_of(order)[:WISH_WORDS] == (order.strategy, order.purpose, "lot-1")
