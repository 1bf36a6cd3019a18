"""The real adapters over a pretended Alpaca: what a test of broker or market holds in its hand."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.brokers.alpaca import AlpacaBroker
from bot.domain.desk import SymbolInfo
from bot.domain.holdings import BrokerOrder
from bot.domain.sessions import next_session
from bot.markets.alpaca import AlpacaMarket
from bot.tests.alpaca.server import AlpacaServer
from bot.tests.alpaca.world import ACCOUNT, KEY, SECRET, AlpacaWorld
from bot.tests.brokers.tape import an_order_request
from bot.venues.alpaca_client import AlpacaClient, Bounds
from bot.venues.daycache import DayCache
from bot.venues.together import at_once

UNIVERSE = {
    name: SymbolInfo(symbol=name, group="test", kind="etf", penny=True) for name in ("XLF", "EWZ", "SPY", "QQQ")
}
with warnings.catch_warnings():
    # alpaca-py brings a module along that says of itself that it is deprecated, once, where it is first loaded.
    warnings.simplefilter("ignore", DeprecationWarning)
    importlib.import_module("alpaca.trading.client")

QUICK = Bounds(exchange_seconds=2.0)


class AlpacaHand:
    """A world behind its server, and the adapters that speak to it. A pause of theirs lets the world's time pass."""

    def __init__(self, world: AlpacaWorld | None = None, *, bounds: Bounds = QUICK, pinned: str = ACCOUNT) -> None:
        self.world = world or AlpacaWorld()
        self.server = AlpacaServer(self.world)
        self.server.__enter__()
        self._folder = TemporaryDirectory(prefix="bot-alpaca-")
        self.cache = DayCache(Path(self._folder.name), self.world.now)
        self.pauses: list[float] = []
        self.bounds, self.pinned = bounds, pinned
        self.sent = 0
        self.reopen()

    def reopen(self) -> None:
        """Start anew as the next process would: nothing is remembered but what the day's cache keeps."""
        self.client = AlpacaClient(
            key=KEY, secret=SECRET, environment="paper", trading=self.server.url, data=self.server.url,
            now=self.world.now, meter=self.meter, pause=self.pause, bounds=self.bounds,
        )  # fmt: skip
        self.broker = AlpacaBroker(
            self.client, environment="paper", pinned=self.pinned, cache=self.cache, now=self.world.now,
            pause=self.pause,
        )  # fmt: skip
        self.market = AlpacaMarket(
            self.client, universe=UNIVERSE, earnings={}, stock_feed="iex",
            option_feed="indicative", cache=self.cache, together=at_once,
        )  # fmt: skip

    def meter(self) -> float:
        """Count seconds of the world."""
        return self.world.at.timestamp()

    def pause(self, seconds: float) -> None:
        """Let the world's time pass in place of waiting."""
        with self.world.lock:
            self.pauses.append(seconds)
            self.world.pass_to(self.world.at + timedelta(seconds=seconds))

    def send(self, symbol: str, intent: str, qty: str = "1", **given: Any) -> BrokerOrder:
        """Send an order under the next id."""
        self.sent += 1
        return self.broker.submit(an_order_request(symbol, intent, qty, **({"id": f"t-{self.sent}"} | given)))

    def order(self, client_order_id: str) -> BrokerOrder:
        """Look up an order that must be there."""
        found = self.broker.find_order(client_order_id)
        assert found is not None
        return found

    def held(self) -> dict[str, Decimal]:
        """Give what is held, by symbol."""
        return {position.symbol: position.qty for position in self.broker.read_positions()}

    def counted(self, what: Callable[[], Any]) -> int:
        """Count the requests something makes."""
        before = len(self.world.seen)
        what()
        return len(self.world.seen) - before

    def close(self) -> None:
        """Stop the server and let go of everything."""
        self.broker.close()
        self.server.__exit__(None, None, None)
        self._folder.cleanup()


class AlpacaStage(AlpacaHand):
    """The Alpaca broker over HTTP, for the suite that every broker passes."""

    def __init__(self) -> None:
        super().__init__()
        self.world.charges_fees = True
        self.world.quote("XLF", "39.99", "40.01")

    @property
    def at(self) -> datetime:
        """Give the world's moment."""
        return self.world.at

    def quote(self, bid: str, ask: str, symbol: str = "XLF", size: int | None = None) -> None:
        """Let a minute pass and one symbol trade at these prices, in this size, within it."""
        self.quotes({symbol: (bid, ask)}, size)

    def quotes(self, prices: Mapping[str, tuple[str, str]], size: int | None = None) -> None:
        """Let a minute pass and several symbols trade at these prices at one moment within it."""
        self.world.pass_to(self.world.at + timedelta(seconds=30))
        for symbol, (bid, ask) in prices.items():
            self.world.quote(symbol, bid, ask, size=size)
        self.world.pass_to(self.world.at + timedelta(seconds=30))

    def list_option(self, symbol: str, bid: str, ask: str) -> None:
        """List a series at these prices."""
        self.world.list_option(symbol, bid, ask)

    def pass_to(self, moment: datetime) -> None:
        """Let time pass, nights included."""
        self.world.pass_to(moment)

    def overtake(self, price: str) -> None:
        """Let what is cancelled next fill all the same, at its limit; `price` is where XLF trades then."""
        assert price
        self.world.on_cancel = "fill"

    def go_ex(self, per_share: str) -> None:
        """Let XLF go ex tomorrow, and the dividend be paid before the open."""
        opening = next_session(self.world.today()).open_at - timedelta(minutes=1)
        self.world.later(opening, partial(self.world.pay_dividend, "XLF", per_share))
