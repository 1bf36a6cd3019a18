"""A desk with its real ledger, planners and gates, over a broker by hand and an embedded market that can be bent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bot.config.deskfile import read_desk
from bot.config.desktext import DeskChoice, desk_text_of
from bot.domain.holdings import Account, BrokerOrder, Clock, Position
from bot.domain.market import Chain, MarketReads, Quote, Request
from bot.domain.orders import OrderRequest
from bot.domain.sessions import session_at
from bot.engine.ports import Book, TickResult, World
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.engine.hands import HandBroker
from bot.wiring import strategies_of

SLOT = timedelta(minutes=15)
# Its ticks are days apart: what watches for missed slots would hold it for that alone.
DESK_TEXT = desk_text_of(DeskChoice(profile="balanced", symbols=("XLF", "EWZ"))).replace(
    "missed_ticks = 3", 'missed_ticks = "off"'
)
DESK = read_desk(DESK_TEXT)
MARKET = SyntheticMarket(1)

Bend = Callable[[MarketReads], MarketReads]


class TimedBroker(HandBroker):
    """A broker by hand whose clock follows the tick."""

    moment: datetime = NOON

    def read_clock(self) -> Clock:
        super().read_clock()
        return Clock(at=self.moment, is_open=session_at(self.moment) is not None)

    def accept(self, request: OrderRequest, status: str = "accepted") -> BrokerOrder:
        order = replace(super().accept(request, status), submitted_at=self.moment, updated_at=self.moment)
        self.book[request.client_order_id] = order
        return order

    def hold(self, *positions: tuple[str, str, str]) -> None:
        """Put (symbol, quantity, price) into the account."""
        self.positions = tuple(
            Position(
                symbol=symbol, qty=Decimal(qty), avg_entry_price=Decimal(price), price=Decimal(price),
                qty_available=Decimal(qty),
            )
            for symbol, qty, price in positions
        )  # fmt: skip

    def change(self, **given: Any) -> None:
        """Change what the account says."""
        self.account = replace(self.account, **given)


class BentMarket:
    """The embedded market, with its answers changed on the way; `bend` None gives them as they are."""

    name = "synthetic"
    simulated = True

    def __init__(self) -> None:
        self.bend: Bend | None = None

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        reads = MARKET.fetch(requests, at)
        return reads if self.bend is None else self.bend(reads)


class BentDesk:
    """One home, ticked by hand: what is wrong with the world is changed between ticks."""

    def __init__(self, home: Path, account: Account | None = None) -> None:
        self.home = home
        self.broker = TimedBroker(account)
        self.market = BentMarket()
        self.journal = LedgerJournal(home, DESK.name, synchronous="NORMAL")
        self.at = NOON - SLOT
        self.book = Book(
            desk=DESK, strategies=strategies_of(DESK), dry=False, environment="simulated", config_hash="c",
            code_version="test",
        )  # fmt: skip

    def tick(self, at: datetime | None = None, *, dry: bool = False) -> TickResult:
        """Run a tick at a moment, by default one slot after the one before."""
        self.at = self.broker.moment = self.at + SLOT if at is None else at
        world = World(broker=self.broker, market=self.market, journal=self.journal, now=lambda: self.at)
        return tick(world, self.book._replace(dry=dry))

    @property
    def sent(self) -> int:
        """Count the orders that left."""
        return len(self.broker.submitted)

    def close(self) -> None:
        """Close the ledger."""
        self.journal.close()


def bend_quotes(change: Callable[[Quote], Quote | None]) -> Bend:
    """Bend every quote; None takes it away."""

    def bend(reads: MarketReads) -> MarketReads:
        changed = (change(quote) for quote in reads.quotes)
        return replace(reads, quotes=tuple(quote for quote in changed if quote is not None))

    return bend


def bend_chains(**columns: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Bend:
    """Bend columns of every chain."""

    def bent(chain: Chain) -> Chain:
        slabs = [replace(slab, **{name: how(getattr(slab, name)) for name, how in columns.items()})
                 for slab in chain.slabs]  # fmt: skip
        return replace(chain, slabs=tuple(slabs))

    return lambda reads: replace(reads, chains=tuple(bent(chain) for chain in reads.chains))


def refusals(result: TickResult) -> set[str]:
    """Name the gates that refused anything."""
    return {check.gate for verdict in result.verdicts for check in verdict.checks if not check.ok}
