"""Fill the pretended Alpaca from any other market, so that both can be asked the same question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.domain.instruments import parse_option
from bot.domain.market import ChainRequest, EventsRequest, MarketReads, QuotesRequest, Request
from bot.engine.ports import Market
from bot.tests.alpaca.facts import Listed, Tick
from bot.tests.alpaca.matching import match
from bot.tests.alpaca.world import AlpacaWorld

WIDTH = (Decimal("0.8"), Decimal("1.2"))
DTE_MAX = 50


def seed(world: AlpacaWorld, market: Market, symbols: Sequence[str], *, quoted: Sequence[str] = ()) -> None:
    """Quote symbols and list their series as a market shows them at the world's moment; dividends are announced.

    `quoted` are shares without series. Called again later it quotes what is known by then; orders meet the new quotes.
    """
    chains = tuple(
        ChainRequest(underlying=symbol, right=right, dte_min=0, dte_max=DTE_MAX, moneyness_min=WIDTH[0],
                     moneyness_max=WIDTH[1])
        for symbol in symbols
        for right in ("put", "call")
    )  # fmt: skip
    asked: tuple[Request, ...] = (
        QuotesRequest(symbols=(*symbols, *quoted)), EventsRequest(symbols=tuple(symbols)), *chains,
    )  # fmt: skip
    with world.lock:
        fill_in(world, market.fetch(asked, world.at))


def fill_in(world: AlpacaWorld, reads: MarketReads) -> None:
    """Take what another market answered for this one's quotes, contracts and dividends."""
    for quote in reads.quotes:
        world.quotes[quote.symbol] = Tick(quote.bid, quote.ask, quote.last)
    for offer in (offer for chain in reads.chains for offer in chain.offers()):
        symbol = offer.symbol
        if symbol not in world.contracts:
            world.contracts[symbol] = Listed(
                symbol, offer.underlying, offer.expiry, offer.right, offer.strike, offer.open_interest,
                penny=offer.penny,
            )  # fmt: skip
        world.quotes[symbol] = Tick(offer.bid, offer.ask, delta=offer.delta, volatility=offer.volatility)
    world.corporate_actions = {}
    for events in reads.events:
        for dividend in events.dividends:
            if not dividend.expected:
                world.announce("cash_dividends", events.symbol, dividend.ex_date, rate=float(dividend.amount))
    match(world)


def lay_chain(
    world: AlpacaWorld, underlying: str, rows: Sequence[tuple[str, str, str, float]], *, days: int, right: str = "put"
) -> list[str]:
    """List series by hand: rows of (strike, bid, ask, size of delta), so many days ahead; give their symbols."""
    expiry = world.today() + timedelta(days=days)
    letter = right[0].upper()
    symbols = []
    for strike, bid, ask, delta in rows:
        symbol = f"{underlying}{expiry:%y%m%d}{letter}{int(Decimal(strike) * 1000):08d}"
        facts: dict[str, Any] = {"delta": -delta if right == "put" else delta, "volatility": 0.25}
        assert parse_option(symbol).strike == Decimal(strike)
        world.list_option(symbol, bid, ask, **facts)
        symbols.append(symbol)
    return symbols
