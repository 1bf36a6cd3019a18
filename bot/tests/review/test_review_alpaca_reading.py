"""What a stranger tried to break at Alpaca: old prices that look new, ends that leave out what filled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BrokerUnreachable
from bot.domain.market import BarsRequest, QuotesRequest
from bot.tests.brokers.canned import Bench, an_order_answer
from bot.tests.markets.alpaca_canned import (
    BARS,
    NOON,
    OPTIONS,
    STOCKS,
    FakeClient,
    a_market,
    series,
    snapshots,
    stamp,
    stock,
)

D = Decimal
PUT = "XLF261218P00038000"
LONG_AGO = stamp(NOON - timedelta(hours=2))


def a_quote(folder: Path, symbol: str, **answers: Any) -> Any:
    (quote,) = a_market(FakeClient(**answers), folder).fetch((QuotesRequest(symbols=(symbol,)),), NOON).quotes
    return quote


# Prices


@pytest.mark.parametrize(("bid", "ask"), [(0, 0), (39.99, 0), (0, 40.01)])
def test_a_share_priced_by_its_last_trade_is_as_old_as_that_trade(tmp_path: Path, bid: float, ask: float) -> None:
    """A halted share still has a quote of this second, without sides; its last trade is not of this second."""
    raw = stock(bid, ask)
    raw["latestTrade"]["t"] = LONG_AGO
    quote = a_quote(tmp_path, "XLF", **{STOCKS: {"XLF": raw}})
    assert quote.mid is None
    assert quote.at == NOON - timedelta(hours=2)


def test_a_share_with_both_sides_is_as_old_as_they_are(tmp_path: Path) -> None:
    raw = stock()
    raw["latestTrade"]["t"] = LONG_AGO
    assert a_quote(tmp_path, "XLF", **{STOCKS: {"XLF": raw}}).at > NOON - timedelta(minutes=1)


def test_a_series_that_nobody_bids_for_keeps_the_moment_of_its_ask(tmp_path: Path) -> None:
    """Its buy-back is priced by the ask, whatever traded last."""
    raw = series(0.0, 0.05)
    raw["latestTrade"] = {"t": LONG_AGO, "p": 0.4, "s": 1}
    quote = a_quote(tmp_path, PUT, **{OPTIONS: snapshots(**{PUT: raw})})
    assert quote.ask == D("0.05")
    assert quote.at > NOON - timedelta(minutes=1)


def test_bars_cut_off_before_the_newest_are_no_bars(tmp_path: Path) -> None:
    """Pages come oldest first: what is left out is what counts."""
    pages = iter(range(10**6))

    def page(query: dict[str, str]) -> dict[str, Any]:
        bar = {"t": "2026-06-01T04:00:00Z", "o": 40.0, "h": 41.0, "l": 39.0, "c": 40.5, "v": 100, "n": 5, "vw": 40.2}
        return {"bars": {"XLF": [bar]}, "next_page_token": f"page-{next(pages)}"}

    reads = a_market(FakeClient(**{BARS: page}), tmp_path).fetch(
        (BarsRequest(symbol="XLF", step="1day", count=5),), NOON
    )
    assert reads.bars == ()
    assert any("XLF" in error for error in reads.errors)


# Orders


@pytest.mark.parametrize("status", ["canceled", "cancelled", "expired", "replaced"])
def test_an_order_that_ended_and_does_not_say_how_much_filled_is_no_proof(status: str) -> None:
    """Read as zero, the whole of it would be sent again after a cancellation."""
    bench = Bench(found=an_order_answer(client_order_id="desk-1", status=status, filled_qty=None))
    with pytest.raises(BrokerUnreachable, match="filled_qty"):
        bench.broker.find_order("desk-1")


def test_an_order_that_cannot_have_filled_need_not_say_so() -> None:
    bench = Bench(found=an_order_answer(client_order_id="desk-1", status="new", filled_qty=None))
    found = bench.broker.find_order("desk-1")
    assert found is not None
    assert found.filled_qty == 0
