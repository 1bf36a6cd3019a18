"""A home's ticks as a tape: what was asked is answered the same, and what was not asked is said to be not recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bot.domain.errors import MarketError
from bot.domain.fills import FillRules
from bot.domain.instruments import option_symbol
from bot.domain.market import BarsRequest, Chain, ChainRequest, EventsRequest, MarketReads, QuotesRequest, Request
from bot.domain.snapshot import Snapshot
from bot.markets.synthetic import SyntheticMarket
from bot.tapes.home_in import import_ticks
from bot.tapes.importing import Order
from bot.tapes.market import TapeMarket
from bot.tapes.reading import Findings
from bot.tapes.tape import open_tape
from bot.tests.builders import a_snapshot
from bot.tests.tapes.taped import NOW, D

FIRST = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
PUTS = ChainRequest(
    underlying="XLF", right="put", dte_min=25, dte_max=45, moneyness_min=D("0.85"), moneyness_max=D("1.02")
)
ASKED: tuple[Request, ...] = (
    QuotesRequest(symbols=("EWZ", "XLF")), PUTS, BarsRequest(symbol="XLF", step="1day", count=5),
    EventsRequest(symbols=("XLF",)),
)  # fmt: skip
ORIGIN = SyntheticMarket(1)


def ticked(at: datetime) -> Snapshot:
    reads = ORIGIN.fetch(ASKED, at)
    return a_snapshot(
        at, market="synthetic", requests=ASKED, quotes=reads.quotes, chains=reads.chains, bars=reads.bars,
        events=reads.events,
    )  # fmt: skip


def taped_market(folder: Path, *moments: datetime) -> TapeMarket:
    order = Order(folder, "home", (), NOW)
    made = import_ticks(order, [ticked(at) for at in moments], Findings(), origin="a home")
    assert made.facts is not None
    assert made.facts.modelled == "prices of the embedded synthetic market"
    return open_tape(folder, "home").market(FillRules(), {})


def test_the_same_requests_get_the_same_answers(tmp_path: Path) -> None:
    market = taped_market(tmp_path, FIRST, FIRST + QUARTER)
    for at in (FIRST, FIRST + QUARTER):
        told, there = ORIGIN.fetch(ASKED, at), market.fetch(ASKED, at)
        assert msgspec.json.encode(there) == msgspec.json.encode(told)
    assert market.fetch(ASKED, FIRST + QUARTER - timedelta(seconds=1)) == market.fetch(ASKED, FIRST)


@pytest.mark.parametrize(
    "request_",
    [
        msgspec.structs.replace(PUTS, dte_max=46),
        msgspec.structs.replace(PUTS, right="call"),
        QuotesRequest(symbols=("GLD",)),
        BarsRequest(symbol="XLF", step="1day", count=6),
        EventsRequest(symbols=("EWZ",)),
    ],
)
def test_what_no_tick_asked_is_not_recorded(tmp_path: Path, request_: Request) -> None:
    reads = taped_market(tmp_path, FIRST).fetch((request_,), FIRST)
    (error,) = reads.errors
    assert error.startswith("not recorded on tape home: ")
    assert msgspec.structs.replace(reads, errors=()) == MarketReads()


def test_before_the_first_tick_nothing_is_recorded(tmp_path: Path) -> None:
    reads = taped_market(tmp_path, FIRST).fetch((PUTS,), FIRST - timedelta(seconds=1))
    assert reads.errors == ("not recorded on tape home: no tick at or before 2026-11-18 16:59:59 UTC",)


def test_a_series_of_a_recorded_chain_has_a_quote_and_a_path(tmp_path: Path) -> None:
    market = taped_market(tmp_path, FIRST, FIRST + QUARTER)
    (chain,) = market.fetch((PUTS,), FIRST).chains
    assert isinstance(chain, Chain)
    offer = next(iter(chain.offers()))
    (quote,) = market.fetch((QuotesRequest(symbols=(offer.symbol,)),), FIRST).quotes
    assert quote == offer.as_quote()
    absent = option_symbol("XLF", offer.expiry, "put", offer.strike + D("0.001"))
    assert market.fetch((QuotesRequest(symbols=(absent,)),), FIRST).quotes == ()
    walked = list(market.walk(offer.symbol, FIRST - QUARTER, FIRST + QUARTER))
    assert [one.at for one in walked] == sorted({one.at for one in walked})
    assert walked[0] == quote
    assert [one.symbol for one in market.walk("XLF", FIRST - QUARTER, FIRST + QUARTER)] == ["XLF", "XLF"]


def test_ticks_must_come_in_order_and_have_prices(tmp_path: Path) -> None:
    order = Order(tmp_path, "home", (), NOW)
    with pytest.raises(MarketError, match="not newer than the one before"):
        import_ticks(order, [ticked(FIRST), ticked(FIRST)], Findings(), origin="a home")
    bare = a_snapshot(FIRST, requests=(), quotes=(), chains=(), bars=())
    with pytest.raises(MarketError, match="none of its stored ticks has prices"):
        import_ticks(order, [bare], Findings(), origin="a home")
    assert list(tmp_path.iterdir()) == []
