"""Where a scenario is played: a home of its own, a desk, a clock, an account with faults, and the real tick over it.

Every tick opens lock, ledger and broker anew, as a process of its own would: what a scenario carries from one to the
next is what lies in the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bot.domain.desk import Desk
from bot.domain.invariants import Invariant
from bot.domain.ledger import Books
from bot.domain.orders import OrderIntent, OwnOrder, Verdict
from bot.domain.sessions import Session, next_session, session_on
from bot.domain.strategy import Strategy
from bot.drill.account import ACCOUNT, DrillAccount
from bot.drill.alpaca import MemoryWire
from bot.drill.market import DrillMarket
from bot.drill.wishes import wishing
from bot.engine.ports import Book, Broker, TickResult, World
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.store.journal import LedgerJournal
from bot.store.lock import home_lock
from bot.wiring import strategies_of

WorldName = Literal["simulator", "alpaca"]
WORLDS: tuple[WorldName, ...] = ("simulator", "alpaca")
SLOT = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
CODE_VERSION = "drill"


class Setting(NamedTuple):
    """What all scenarios of a run share: the desk as configured, its market, and the moment they begin at."""

    desk: Desk
    market: SyntheticMarket
    world: WorldName
    begins: datetime
    room: Callable[[], Decimal | None] = lambda: Decimal(100_000)


class Stage:
    """One home of the drill. `at` is the moment of the next tick."""

    def __init__(self, home: Path, setting: Setting, *, at: datetime | None = None) -> None:
        home.mkdir(mode=0o700)
        self.home = home
        self.setting = setting
        self.desk = setting.desk
        self.at = setting.begins if at is None else at
        self.market = DrillMarket(setting.market)
        self.account = DrillAccount(home / "account.sqlite", self.market, self.desk.simulator, lambda: self.at)
        self.pinned = ACCOUNT
        self.environment = "simulated" if setting.world == "simulator" else "paper"
        self.strategies = strategies_of(self.desk)
        self.ledger: type[LedgerJournal] = LedgerJournal

    def tick(self, *wishes: OrderIntent, dry: bool = False, others: Iterable[Strategy] = ()) -> TickResult:
        """Run one tick with the desk's strategies, and the drill's wishes beside them."""
        mine = (*others, wishing(*wishes)) if wishes else tuple(others)
        strategies = tuple(sorted((*self.strategies, *mine), key=lambda one: (one.priority, one.name)))
        with home_lock(self.home, "bot drill", self.at):
            return self._tick(strategies, dry)

    def alone(self, *wishes: OrderIntent, dry: bool = False, others: Iterable[Strategy] = ()) -> TickResult:
        """Run one tick in which only the drill wants something."""
        mine = (*others, wishing(*wishes)) if wishes else tuple(others)
        with home_lock(self.home, "bot drill", self.at):
            return self._tick(mine, dry)

    def _tick(self, strategies: tuple[Strategy, ...], dry: bool) -> TickResult:
        book = Book(
            desk=self.desk, strategies=strategies, dry=dry, environment=self.environment, config_hash="drill",
            code_version=CODE_VERSION,
        )  # fmt: skip
        with closing(self.journal()) as journal, closing(self.broker()) as broker:
            world = World(
                broker=broker, market=self.market, journal=journal, now=lambda: self.at, room_mb=self.setting.room
            )
            return tick(world, book)

    def journal(self) -> LedgerJournal:
        """Open the ledger; it does not wait for the disk, for the drill's home does not outlive the drill."""
        return self.ledger(self.home, self.desk.name, synchronous="NORMAL")

    def broker(self) -> Broker:
        """Open the broker as a tick would: the account itself, or Alpaca's adapter over an Alpaca in memory."""
        if self.setting.world == "simulator":
            return self.account
        from bot.brokers.alpaca import AlpacaBroker
        from bot.venues.alpaca_client import AlpacaClient
        from bot.venues.daycache import DayCache

        client = AlpacaClient(
            key="PKDRILL", secret="no-secret", environment="paper", trading="", data="", now=lambda: self.at,
            meter=lambda: 0.0, pause=lambda seconds: None, wire=self.wire(),
        )  # fmt: skip
        return AlpacaBroker(
            client, environment="paper", pinned=self.pinned, cache=DayCache(self.home / "cache", lambda: self.at),
            now=lambda: self.at, pause=lambda seconds: None,
        )  # fmt: skip

    def wire(self) -> MemoryWire:
        """Give the Alpaca in memory over this stage's account."""
        return MemoryWire(self.account)

    # Time

    def pass_by(self, time: timedelta = SLOT) -> None:
        """Let time pass."""
        self.at += time

    def session(self) -> Session:
        """Give the session under way, or the next one."""
        from bot.domain.sessions import new_york_day

        day = new_york_day(self.at)
        session = session_on(day)
        return session if session is not None and self.at < session.close_at else next_session(day)

    def after_close(self) -> None:
        """Go to ten minutes after this session's close."""
        self.at = self.session().close_at + 10 * MINUTE

    # What is left in the files

    def own(self) -> dict[str, OwnOrder]:
        """Read every order the ledger knows, by id."""
        from bot.store.rows import ORDER_SELECT, orders_of

        with closing(self.journal()) as journal:
            found = orders_of(journal.database.connection.execute(ORDER_SELECT))
        return {one.client_order_id: one for one in found}

    def books(self) -> Books:
        """Read the books as the newest tick left them."""
        with closing(self.journal()) as journal:
            return journal.books()

    def count(self, table: str) -> int:
        """Count the rows of a table of the ledger."""
        with closing(self.journal()) as journal:
            (found,) = journal.database.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found)

    def twice(self) -> int:
        """Count the orders that reached the broker's door more than once, whatever became of them."""
        return sum(1 for count in self.account.door.values() if count > 1)

    def with_limits(self, **changes: object) -> None:
        """Change limits of this stage's desk: what a scenario must keep out of its way."""
        self.desk = replace(self.desk, limits=replace(self.desk.limits, **changes))

    def close(self) -> None:
        """Close the account's file."""
        self.account.close()


def drill_verdicts(result: TickResult) -> tuple[Verdict, ...]:
    """Give what the gates said of the drill's own wishes."""
    return tuple(one for one in result.verdicts if one.intent.strategy == "drill")


def refusing(result: TickResult) -> frozenset[str]:
    """Name the gates that refused a wish of the drill's in a tick."""
    return frozenset(check.gate for one in drill_verdicts(result) for check in one.checks if not check.ok)


def refused_by(gates: frozenset[str]) -> str:
    """Say which gates refused."""
    return f"refused by {', '.join(sorted(gates))}" if gates else "allowed"


def invariant(result: TickResult, name: str) -> Invariant:
    """Give one of the house's numbers about itself."""
    return next(one for one in result.snapshot.invariants if one.name == name)


def entries(result: TickResult) -> tuple[OwnOrder, ...]:
    """Give the orders of a tick that open something."""
    return tuple(one for one in result.orders if one.opens)
