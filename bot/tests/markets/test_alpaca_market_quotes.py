"""Alpaca's quotes: one request for shares, one per hundred series, each quote with its own moment, junk named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import BrokerUnreachable
from bot.domain.market import MarketReads, QuotesRequest
from bot.markets.alpaca_quotes import greeks_of
from bot.markets.alpaca_reads import ASKS_MAX
from bot.tests.markets.alpaca_canned import (
    NOON,
    OPTIONS,
    STOCKS,
    D,
    FakeClient,
    a_market,
    refused,
    series,
    snapshots,
    stamp,
    stock,
)

PUT, CALL = "XLF261218P00038000", "XLF261218C00042000"


def quotes(folder: Path, client: FakeClient, *symbols: str, **given: str) -> MarketReads:
    return a_market(client, folder, **given).fetch((QuotesRequest(symbols=symbols),), NOON)


def test_all_shares_come_in_one_request_from_the_feed_that_was_chosen(tmp_path: Path) -> None:
    client = FakeClient(**{STOCKS: {"XLF": stock(), "EWZ": stock(31.0, 31.02)}})
    reads = quotes(tmp_path, client, "EWZ", "XLF")
    assert [quote.symbol for quote in reads.quotes] == ["EWZ", "XLF"]
    (asked,) = client.asked
    assert (asked.query, asked.data, asked.version) == ({"symbols": "EWZ,XLF", "feed": "iex"}, True, "v2")
    assert reads.errors == ()


def test_a_share_carries_bid_ask_last_sizes_and_the_moment_of_its_quote(tmp_path: Path) -> None:
    (quote,) = quotes(tmp_path, FakeClient(**{STOCKS: {"XLF": stock(last=39.87)}}), "XLF", stock_feed="sip").quotes
    assert (quote.bid, quote.ask, quote.last) == (D("39.99"), D("40.01"), D("39.87"))
    assert (quote.bid_size, quote.ask_size) == (2, 5)
    assert quote.at == NOON - timedelta(seconds=2)
    assert quote.source == "alpaca sip"


def test_zero_is_no_bid_and_no_ask(tmp_path: Path) -> None:
    (quote,) = quotes(tmp_path, FakeClient(**{STOCKS: {"XLF": stock(0, 0)}}), "XLF").quotes
    assert (quote.bid, quote.ask, quote.last) == (None, None, D(40))


def test_series_carry_delta_signed_per_unit_long_and_volatility(tmp_path: Path) -> None:
    client = FakeClient(**{OPTIONS: snapshots(**{PUT: series(), CALL: series(delta=0.31)})})
    put, call = quotes(tmp_path, client, PUT, CALL).quotes
    assert (put.delta, call.delta) == (-0.25, 0.31)
    assert put.volatility == 0.2
    assert put.source == "alpaca indicative"
    assert client.asked[0].version == "v1beta1"


@pytest.mark.parametrize(
    ("right", "delta", "volatility", "told"),
    [
        ("put", -0.25, 0.03, (-0.25, 0.03)),
        ("put", -0.25, 0.0299, (None, None)),
        ("put", -0.25, 4.0, (-0.25, 4.0)),
        ("put", -0.25, 4.01, (None, None)),
        ("put", 0.25, 0.2, (None, 0.2)),
        ("call", -0.25, 0.2, (None, 0.2)),
        ("call", 1.2, 0.2, (None, 0.2)),
        ("call", 1, None, (1.0, None)),
        ("call", None, 0.2, (None, 0.2)),
    ],
)
def test_a_volatility_or_delta_that_cannot_be_is_not_believed(
    right: str, delta: float | None, volatility: float | None, told: tuple[float | None, float | None]
) -> None:
    """Wheel 1.19: 3 to 400 %, and a delta of the right sign and size."""
    raw = {
        "greeks": {"delta": None if delta is None else D(str(delta))},
        "impliedVolatility": None if volatility is None else D(str(volatility)),
    }
    assert greeks_of(raw, "put" if right == "put" else "call", []) == told


def test_two_hundred_and_one_series_are_three_requests(tmp_path: Path) -> None:
    symbols = [f"XLF261218P{38000 + 100 * n:08d}" for n in range(201)]
    client = FakeClient(**{OPTIONS: lambda query: snapshots(**{one: series() for one in query["symbols"].split(",")})})
    reads = quotes(tmp_path, client, *symbols)
    assert [len(one.query["symbols"].split(",")) for one in client.asked] == [100, 100, 1]
    assert [quote.symbol for quote in reads.quotes] == symbols


def test_series_come_in_pages_when_alpaca_makes_pages(tmp_path: Path) -> None:
    def answer(query: dict[str, str]) -> dict[str, object]:
        if "page_token" not in query:
            return {"snapshots": {PUT: series()}, "next_page_token": "more"}
        return snapshots(**{CALL: series(delta=0.3)})

    reads = quotes(tmp_path, FakeClient(**{OPTIONS: answer}), PUT, CALL)
    assert [quote.symbol for quote in reads.quotes] == [PUT, CALL]


def test_a_page_that_leads_to_itself_is_not_read_for_ever(tmp_path: Path) -> None:
    client = FakeClient(**{OPTIONS: {"snapshots": {}, "next_page_token": "again"}})
    reads = quotes(tmp_path, client, PUT, CALL)
    assert len(client.asked) == 2
    assert "names itself as the next one" in reads.errors[0]


def test_pairs_of_currencies_and_junk_are_named_and_never_asked_for(tmp_path: Path) -> None:
    client = FakeClient(**{STOCKS: {"XLF": stock()}})
    reads = quotes(tmp_path, client, "BTC/USD", "XLF", "xlf", "", "XLF\n")
    assert client.asked[0].query["symbols"] == "XLF"
    assert len(reads.quotes) == 1
    assert len(reads.errors) == 4


def test_a_symbol_alpaca_refuses_costs_only_itself(tmp_path: Path) -> None:
    def answer(query: dict[str, str]) -> object:
        asked = query["symbols"].split(",")
        return refused(400) if "BAD" in asked else {symbol: stock() for symbol in asked}

    symbols = ["BAD", *(f"S{chr(65 + n)}" for n in range(20))]
    client = FakeClient(**{STOCKS: answer})
    reads = quotes(tmp_path, client, *symbols)
    assert {quote.symbol for quote in reads.quotes} == set(symbols) - {"BAD"}
    assert [error.split(":")[0] for error in reads.errors] == ["quotes of BAD"]
    assert len(client.asked) <= 12


def test_when_every_symbol_is_refused_the_asking_ends(tmp_path: Path) -> None:
    symbols = [f"{chr(65 + n)}{chr(65 + m)}" for n in range(10) for m in range(10)]
    client = FakeClient(**{STOCKS: lambda query: refused(400)})
    reads = quotes(tmp_path, client, *symbols)
    assert len(client.asked) == ASKS_MAX
    assert reads.quotes == ()
    assert all(any(symbol in error for error in reads.errors) for symbol in symbols)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_another_refusal_is_not_asked_again(tmp_path: Path, status: int) -> None:
    client = FakeClient(**{STOCKS: refused(status), OPTIONS: snapshots(**{PUT: series()})})
    reads = quotes(tmp_path, client, "XLF", "EWZ", PUT)
    assert client.paths() == [STOCKS, OPTIONS]
    assert [quote.symbol for quote in reads.quotes] == [PUT]
    assert len(reads.errors) == 1


def test_a_part_that_fails_names_itself_and_the_rest_goes_on(tmp_path: Path) -> None:
    client = FakeClient(**{STOCKS: {"XLF": stock()}, OPTIONS: BrokerUnreachable("no answer in 10 seconds")})
    reads = quotes(tmp_path, client, "XLF", PUT)
    assert [quote.symbol for quote in reads.quotes] == ["XLF"]
    assert reads.errors == (f"quotes of {PUT}: no answer in 10 seconds",)


def test_a_symbol_without_an_answer_is_named(tmp_path: Path) -> None:
    reads = quotes(tmp_path, FakeClient(**{STOCKS: {"XLF": stock(), "EWZ": None}}), "XLF", "EWZ", "ACME")
    assert reads.errors == ("no quote came for EWZ, ACME",)


@pytest.mark.parametrize("moment", [None, "", "yesterday", 5, "2026-11-18T17:00:00", stamp(NOON + timedelta(hours=2))])
def test_a_quote_without_a_moment_to_believe_has_no_bid_and_ask(tmp_path: Path, moment: object) -> None:
    raw = stock()
    raw["latestQuote"]["t"] = moment
    reads = quotes(tmp_path, FakeClient(**{STOCKS: {"XLF": raw}}), "XLF")
    (quote,) = reads.quotes
    assert (quote.bid, quote.ask, quote.last) == (None, None, D(40))
    assert quote.at == NOON - timedelta(minutes=1)
    assert "no moment that can be believed" in reads.errors[0]


@pytest.mark.parametrize("price", ["x", True, [], {}, -1, "1e400", "12 "])
def test_a_price_that_is_none_is_named_or_read(tmp_path: Path, price: object) -> None:
    raw = stock()
    raw["latestQuote"]["bp"] = price
    reads = quotes(tmp_path, FakeClient(**{STOCKS: {"XLF": raw}}), "XLF")
    (quote,) = reads.quotes
    assert quote.ask == D("40.01")
    if price == "12 ":
        assert (quote.bid, reads.errors) == (D(12), ())
    else:
        assert quote.bid is None
        assert reads.errors[0].startswith("XLF: bp: expected")


@pytest.mark.parametrize("answer", [[], None, "no", 7, {"XLF": []}, {"XLF": {"latestQuote": [], "latestTrade": 3}}])
def test_an_answer_of_another_shape_is_no_quote_and_no_crash(tmp_path: Path, answer: object) -> None:
    reads = quotes(tmp_path, FakeClient(**{STOCKS: answer, OPTIONS: answer}), "XLF", PUT)
    assert reads.quotes == ()
    assert len(reads.errors) >= 2


def test_option_quotes_keep_to_the_coarse_grid_unless_the_desk_says_pennies(tmp_path: Path) -> None:
    names = (PUT, "EWZ261218P00030000", "ZZZ261218P00030000")
    client = FakeClient(**{OPTIONS: snapshots(**{name: series() for name in names})})
    assert [quote.penny for quote in quotes(tmp_path, client, *names).quotes] == [True, False, False]


def test_nothing_asked_is_no_request(tmp_path: Path) -> None:
    client = FakeClient()
    assert a_market(client, tmp_path).fetch((), NOON) == MarketReads()
    assert client.asked == []
