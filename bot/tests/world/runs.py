"""Whole runs for tests: a desk in a home of its own, and the real tick over chosen moments of finished sessions.

Nothing is faked: the embedded market, the simulated account in its own file, the ledger on disk, all gates. Only
durability is relaxed, and the moments may lie further apart than a live account's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bot.brokers.simulator import SimulatorBroker
from bot.config.deskfile import read_desk
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.effective import config_hash
from bot.config.profiles import check_profile
from bot.config.settings import Settings
from bot.domain.sessions import Session, next_session, session_on
from bot.engine.ports import Book, TickResult, World
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.store.journal import LedgerJournal
from bot.wiring import DESK_FILE, House, make_book

SOME_DAY = date(2026, 3, 2)
FOUR_A_DAY = tuple(timedelta(minutes=minutes) for minutes in (45, 135, 225, 315))
"""Four ticks of a full session, all inside every profile's entry window; an early close leaves the first two."""


class Run(NamedTuple):
    """A run under way: what a tick needs, and the moment it stands at."""

    house: House
    world: World
    book: Book
    journal: LedgerJournal
    broker: SimulatorBroker
    moments: list[datetime]

    def tick_at(self, moment: datetime) -> TickResult:
        """Run one tick at a moment."""
        self.moments[0] = moment
        return tick(self.world, self.book)


def make_house(home: Path, choice: DeskChoice, seed: int, *, every_slot: bool = False) -> House:
    """Write a desk into a fresh home and open it, live on the simulated account."""
    text = re.sub(r"(?m)^seed = \d+", f"seed = {seed}", desk_text_of(choice), count=1)
    if not every_slot:
        # Moments of most tests lie further apart than slots: what watches for missed ones would hold every run.
        text = re.sub(r"(?m)^missed_ticks = \d+", 'missed_ticks = "off"', text, count=1)
    home.mkdir(parents=True)
    (home / DESK_FILE).write_text(text, encoding="utf-8")
    settings = Settings(home=home, env_file=None, mode="live")
    fingerprint, settings_json = config_hash(text, settings)
    return House(settings, read_desk(text), text, fingerprint, settings_json)


@contextmanager
def run_in(house: House, market: SyntheticMarket | None = None, *, decide_on_decoded: bool = False) -> Iterator[Run]:
    """Open ledger and account; `market` may be shared by runs of one seed, being a pure function of it."""
    moments = [datetime.min.replace(tzinfo=UTC)]
    path = market or SyntheticMarket(house.desk.simulator.seed)
    journal = LedgerJournal(house.home, house.desk.name, synchronous="NORMAL")
    broker = SimulatorBroker(
        house.home / "simulator.sqlite", path, house.desk.simulator, lambda: moments[0], synchronous="NORMAL"
    )
    world = World(broker=broker, market=path, journal=journal, now=lambda: moments[0])
    book = make_book(house, dry=False)._replace(decide_on_decoded=decide_on_decoded)
    try:
        yield Run(house, world, book, journal, broker, moments)
    finally:
        broker.close()
        journal.close()


def sessions_from(day: date, count: int) -> list[Session]:
    """Give `count` sessions, the first on a day or after it."""
    found = [session_on(day) or next_session(day)]
    while len(found) < count:
        found.append(next_session(found[-1].day))
    return found


def moments_in(sessions: Sequence[Session], offsets: Sequence[timedelta] = FOUR_A_DAY) -> Iterator[datetime]:
    """Give the moments so long after each open that lie inside the session."""
    for session in sessions:
        for offset in offsets:
            if session.open_at + offset < session.close_at:
                yield session.open_at + offset


def run_through(run: Run, moments: Iterator[datetime], seen: Callable[[TickResult], None] | None = None) -> TickResult:
    """Tick at every moment and give the last result."""
    result: TickResult | None = None
    for moment in moments:
        result = run.tick_at(moment)
        if seen is not None:
            seen(result)
    assert result is not None, "a run needs at least one moment"
    return result


def choice_of(profile: str, equity: int, symbols: tuple[str, ...] | None = None) -> DeskChoice:
    """Give a desk for a profile and an account."""
    return DeskChoice(profile=check_profile(profile), equity=Decimal(equity), symbols=symbols)
