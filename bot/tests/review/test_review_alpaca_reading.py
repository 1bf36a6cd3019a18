"""What a stranger tried to break at Alpaca: old prices that look new, lines told twice or in another order."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.brokers.alpaca_activities import read_lines
from bot.brokers.alpaca_orders import order_of
from bot.domain.errors import BrokerUnreachable
from bot.domain.market import QuotesRequest
from bot.tests.brokers.canned import an_order_answer
from bot.tests.markets.alpaca_canned import NOON, OPTIONS, STOCKS, FakeClient, a_market, series, snapshots, stamp, stock

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


# Lines of history


def a_fee(amount: str, id: str = "same") -> dict[str, Any]:
    return {"activity_type": "FEE", "id": id, "date": "2026-11-18", "net_amount": amount, "status": "executed",
            "created_at": "2026-11-18T12:00:00Z"}  # fmt: skip


def keys(*rows: dict[str, Any]) -> set[tuple[str, Decimal]]:
    lines = read_lines(lambda path, query, what: list(rows), date(2026, 11, 16))
    return {(line.id, line.net_amount) for line in lines}


def test_two_lines_of_one_id_keep_their_keys_whichever_is_listed_first() -> None:
    """Otherwise the first would be booked a second time under the other's key."""
    one, other = a_fee("-0.03"), a_fee("-0.05")
    assert keys(one, other) == keys(other, one)


# Orders


@pytest.mark.parametrize("status", ["canceled", "expired", "partially_filled", "pending_cancel"])
def test_an_order_that_may_have_filled_and_does_not_say_how_much_is_not_read(status: str) -> None:
    """Read as zero, the whole of it would be sent again after a cancellation."""
    with pytest.raises(BrokerUnreachable, match="filled_qty"):
        order_of(an_order_answer(status=status, filled_qty=None))


@pytest.mark.parametrize("status", ["new", "accepted", "pending_new", "rejected"])
def test_an_order_that_cannot_have_filled_need_not_say_so(status: str) -> None:
    assert order_of(an_order_answer(status=status, filled_qty=None)).filled_qty == 0
