"""Alpaca's market over real HTTP: asked the same question, it answers as the market behind the server does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.market import BarsRequest, ChainRequest, EventsRequest, MarketReads, QuotesRequest, Request
from bot.markets.alpaca import AlpacaMarket
from bot.markets.synthetic import SyntheticMarket
from bot.tests.alpaca.facts import Tick
from bot.tests.alpaca.seeding import seed
from bot.tests.alpaca.server import AlpacaServer
from bot.tests.alpaca.world import KEY, NOON, SECRET, AlpacaWorld
from bot.tests.builders import symbols as universe_of
from bot.tests.markets.alpaca_canned import D
from bot.venues.alpaca_client import AlpacaClient
from bot.venues.daycache import DayCache
from bot.venues.together import at_once

NAMES = ("EWZ", "XLF")
ORIGIN = SyntheticMarket(7)


def chain(underlying: str, right: Any) -> ChainRequest:
    return ChainRequest(
        underlying=underlying, right=right, dte_min=25, dte_max=45, moneyness_min=D("0.80"), moneyness_max=D("1.20")
    )


CHAINS = tuple(chain(name, right) for name in NAMES for right in ("put", "call"))
QUESTION: tuple[Request, ...] = (QuotesRequest(symbols=NAMES), EventsRequest(symbols=NAMES), *CHAINS)


@dataclass
class Stage:
    """A world behind a server and the market that looks at it."""

    world: AlpacaWorld
    market: AlpacaMarket

    def ask(self, *requests: Request) -> MarketReads:
        return self.market.fetch(requests or QUESTION, self.world.at)

    def paths(self) -> list[str]:
        return [one.path for one in self.world.requests()]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    world = AlpacaWorld(NOON)
    seed(world, ORIGIN, NAMES)
    with AlpacaServer(world) as server:
        client = AlpacaClient(
            key=KEY, secret=SECRET, environment="paper", trading=server.url, data=server.url, now=world.now,
            pause=lambda seconds: None,
        )  # fmt: skip
        market = AlpacaMarket(
            client, universe=universe_of(*NAMES), earnings={}, stock_feed="iex", option_feed="indicative",
            cache=DayCache(tmp_path / "cache", world.now), together=at_once,
        )  # fmt: skip
        yield Stage(world, market)
        client.close()


def test_it_answers_as_the_market_behind_it(stage: Stage) -> None:
    told, known = stage.ask(), ORIGIN.fetch(QUESTION, NOON)
    assert told.errors == ()
    assert [(one.symbol, one.bid, one.ask) for one in told.quotes] == [
        (one.symbol, one.bid, one.ask) for one in known.quotes
    ]
    assert {(one.underlying, one.right): one.slabs for one in told.chains} == {
        (one.underlying, one.right): one.slabs for one in known.chains
    }
    assert all(one.at == NOON - stage.world.quote_age for one in told.chains)
    for mine, its in zip(told.events, known.events, strict=True):
        assert mine.dividend_status == its.dividend_status
        assert [(one.ex_date, one.amount) for one in mine.dividends if not one.expected] == [
            (one.ex_date, one.amount) for one in its.dividends if one.ex_date > NOON.date() - timedelta(days=400)
        ]


def test_two_underlyings_cost_one_request_for_quotes_one_for_events_and_two_each(stage: Stage) -> None:
    stage.ask()
    assert len(stage.paths()) == 1 + 1 + 2 * len(NAMES)
    stage.ask()
    assert len(stage.paths()) == 2 * (1 + 2 * len(NAMES)) + 1


def test_small_pages_change_nothing_but_the_count(stage: Stage) -> None:
    whole = stage.ask(*CHAINS).chains
    stage.world.page_max = 25
    assert stage.ask(*CHAINS).chains == whole
    assert len(stage.paths()) > 2 * (1 + 2 * len(NAMES))


def test_a_feed_that_is_not_paid_for_is_named_with_what_to_set(stage: Stage) -> None:
    stage.world.feeds = set()
    reads = stage.ask()
    assert (reads.quotes, reads.chains) == ((), ())
    assert "ALPACA_STOCK_FEED=iex" in reads.errors[0]
    assert [one.dividend_status for one in reads.events] != ["unknown", "unknown"]


def test_an_unknown_name_costs_only_itself(stage: Stage) -> None:
    reads = stage.ask(QuotesRequest(symbols=("EWZ", "NOSUCH", "XLF")))
    assert [one.symbol for one in reads.quotes] == ["EWZ", "XLF"]
    assert reads.errors == ("no quote came for NOSUCH",)


def test_a_server_that_fails_once_is_asked_again_and_one_that_fails_on_costs_its_part(stage: Stage) -> None:
    stage.world.spoil("/v2/options/contracts", status=503, times=1)
    assert len(stage.ask(*CHAINS[:2]).chains) == 2
    stage.world.spoil("/v2/options/contracts", status=503, times=99)
    reads = stage.ask(QuotesRequest(symbols=NAMES), *CHAINS[:2])
    assert len(reads.quotes) == 2
    assert reads.chains == ()
    assert reads.errors[0].startswith("chain of EWZ not read: contracts: ")


def test_a_quote_keeps_its_own_moment(stage: Stage) -> None:
    stage.world.quotes["XLF"] = Tick(D("39.99"), D("40.01"), at=NOON - timedelta(minutes=20))
    (quote,) = stage.ask(QuotesRequest(symbols=("XLF",))).quotes
    assert quote.at == NOON - timedelta(minutes=20)


def test_bars_come_over_the_wire(stage: Stage) -> None:
    day = {"o": 39.9, "h": 41, "l": 39.5, "c": 40.0, "v": 1118, "n": 65, "vw": 40.1}
    stage.world.bars["XLF", "1Day"] = [{"t": f"2026-11-{number}T05:00:00Z", **day} for number in (13, 16, 17)]
    (bars,) = stage.ask(BarsRequest(symbol="XLF", step="1day", count=2)).bars
    assert [bar.at.day for bar in bars.bars] == [16, 17]
