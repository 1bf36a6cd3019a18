"""The drill's market: the embedded one, whose quotes can stand still while everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.market import Dividend, MarketReads, Quote, Request, Split
from bot.domain.money import CENT
from bot.markets.synthetic import SyntheticMarket


class DrillMarket:
    """A deterministic market.

    `behind` is by how much every quote it shows is old, `bent` the prices it shows wrong, by symbol.
    """

    simulated = True

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self.name = market.name
        self.behind = timedelta(0)
        self.bent: dict[str, Decimal] = {}

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer as the market does; a feed that is mute answers with what it last knew."""
        reads = self._market.fetch(requests, at)
        if not self.behind and not self.bent:
            return reads
        return replace(
            reads,
            quotes=tuple(self._shown(one) for one in reads.quotes),
            chains=tuple(replace(one, at=one.at - self.behind) for one in reads.chains),
        )

    def _shown(self, quote: Quote) -> Quote:
        price = self.bent.get(quote.symbol)
        bid, ask = (quote.bid, quote.ask) if price is None else (price - CENT, price + CENT)
        return replace(quote, at=quote.at - self.behind, bid=bid, ask=ask)

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Walk the market's own path: only what is shown is late."""
        return self._market.walk(symbol, after, until)

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give the market's own events."""
        return self._market.events_between(symbol, after, until)
