"""A market written by hand: explicit quotes at explicit moments, explicit dividends and splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.brokers.simulator import SimulatorBroker
from bot.domain.holdings import BrokerOrder
from bot.domain.market import Dividend, MarketReads, Quote, QuotesRequest, Request, Split
from bot.domain.orders import OrderRequest, leg
from bot.domain.sessions import session_on
from bot.tests.builders import simulator_numbers

D = Decimal
DAY = date(2026, 11, 18)
OPEN = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
CLOSE = datetime(2026, 11, 18, 21, 0, tzinfo=UTC)


class TapeMarket:
    """Quotes by symbol in time order. Between quotes the last one stands."""

    name = "tape"
    simulated = True

    def __init__(self) -> None:
        self.tape: dict[str, list[Quote]] = {}
        self.events: list[Dividend | Split] = []
        self.walks: list[str] = []

    def put(
        self, symbol: str, at: datetime, bid: str | None, ask: str | None, last: str | None = None, **given: Any
    ) -> None:
        """Write one quote."""
        quote = Quote(
            symbol=symbol, bid=None if bid is None else D(bid), ask=None if ask is None else D(ask),
            last=None if last is None else D(last), at=at, source="tape", **given,
        )  # fmt: skip
        self.tape.setdefault(symbol, []).append(quote)
        self.tape[symbol].sort(key=lambda one: one.at)

    def flat(self, symbol: str, first: datetime, last: datetime, bid: str, ask: str, every: int = 1) -> None:
        """Write the same quote every so many minutes, inside sessions only."""
        at = first
        while at <= last:
            session = session_on(at.date())
            if session is not None and session.open_at <= at < session.close_at:
                self.put(symbol, at, bid, ask)
            at += timedelta(minutes=every)

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        quotes, errors = [], []
        for request in requests:
            assert isinstance(request, QuotesRequest)
            for symbol in request.symbols:
                seen = [quote for quote in self.tape.get(symbol, ()) if quote.at <= at]
                if seen:
                    quotes.append(seen[-1])
                else:
                    errors.append(symbol)
        return MarketReads(quotes=tuple(quotes), errors=tuple(errors))

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        self.walks.append(symbol)
        return iter([quote for quote in self.tape.get(symbol, ()) if after < quote.at <= until])

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        found = [event for event in self.events if event.symbol == symbol]
        return tuple(e for e in found if after < (e.ex_date if isinstance(e, Dividend) else e.day) <= until)


class Hand:
    """A broker over a tape with a clock that is set by hand."""

    def __init__(self, market: Any = None, path: Path | str = ":memory:", at: datetime = OPEN, **numbers: Any) -> None:
        self.market = market if market is not None else TapeMarket()
        self.at = at
        self.path = path
        self.numbers = simulator_numbers(**numbers)
        self.broker = self.reopened()
        self.sent = 0

    def reopened(self) -> SimulatorBroker:
        return SimulatorBroker(self.path, self.market, self.numbers, lambda: self.at, synchronous="OFF")

    def send(self, symbol: str, intent: str, qty: str = "1", **given: Any) -> BrokerOrder:
        self.sent += 1
        return self.broker.submit(an_order_request(symbol, intent, qty, **({"id": f"t-{self.sent}"} | given)))

    def order(self, client_order_id: str) -> BrokerOrder:
        found = self.broker.find_order(client_order_id)
        assert found is not None
        return found

    def held(self) -> dict[str, Decimal]:
        return {position.symbol: position.qty for position in self.broker.read_positions()}

    def kinds(self) -> list[str]:
        return [line.kind for line in self.broker.read_activities(date(2020, 1, 2))]

    def buy_shares(self, symbol: str, qty: str, price: str) -> None:
        """Hold shares: quotes around now and a market order a minute old."""
        self.market.put(symbol, self.at, price, str(D(price) + D("0.01")))
        self.send(symbol, "buy_to_open", qty, order_type="market")
        self.market.put(symbol, self.at + timedelta(seconds=30), str(D(price) - D("0.01")), price)
        self.at += timedelta(minutes=1)
        assert self.held()[symbol] == D(qty)


def an_order_request(symbol: str, intent: str, qty: str = "1", **given: Any) -> OrderRequest:
    facts: dict[str, Any] = {
        "client_order_id": given.pop("id", f"t-{symbol}"), "legs": (leg(symbol, intent),), "qty": D(qty),
        "order_type": "limit" if "limit_price" in given else "market", "time_in_force": "day",
    }  # fmt: skip
    prices = ("limit_price", "stop_price", "trail_percent", "high_water_mark")
    return OrderRequest(**(facts | {k: D(v) if k in prices and v is not None else v for k, v in given.items()}))


def cash_is_explained(broker: Any) -> bool:
    """Say whether cash is the sum of all activities' net amounts."""
    booked = sum((line.net_amount for line in broker.read_activities(date(2020, 1, 2))), D(0))
    return bool(booked == broker.read_account().cash)


Make = Callable[..., Hand]
