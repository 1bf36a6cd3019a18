"""Alpaca's chains: two requests per underlying, standard contracts only, each row with the age of its own quote."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BrokerUnreachable
from bot.domain.market import NOTHING, Chain, MarketReads, QuotesRequest, Request
from bot.domain.snapshot import decode_snapshot, encode_snapshot
from bot.gates.case import Case
from bot.gates.market import quote_is_fresh
from bot.gates.options import contract_is_standard
from bot.tests.builders import a_desk, a_snapshot, an_intent
from bot.tests.markets.alpaca_canned import (
    CONTRACTS,
    NOON,
    OPTIONS,
    STOCKS,
    D,
    FakeClient,
    a_market,
    contract,
    listed,
    paged,
    series,
    snapshots,
    stock,
    wants,
)
from bot.venues.allowance import RateLimit

CHAIN = f"{OPTIONS}/XLF"
P38, P39, P40, C41 = "XLF261218P00038000", "XLF261218P00039000", "XLF261218P00040000", "XLF261218C00041000"


def a_client(rows: Any = None, prices: Any = None, **more: Any) -> FakeClient:
    answers = {
        STOCKS: {"XLF": stock()},
        CONTRACTS: listed(contract(P38), contract(P39)) if rows is None else rows,
        CHAIN: snapshots(**{P38: series(), P39: series(0.85, 0.92, -0.34)}) if prices is None else prices,
    }
    return FakeClient(**(answers | more))


def fetch(folder: Path, client: FakeClient, *requests: Request, at: datetime = NOON, **given: Any) -> MarketReads:
    return a_market(client, folder, **given).fetch(requests or (wants(),), at)


def only(reads: MarketReads) -> Chain:
    (chain,) = reads.chains
    return chain


def test_a_chain_is_two_requests_and_one_for_the_share_beneath_it(tmp_path: Path) -> None:
    client = a_client()
    reads = fetch(tmp_path, client)
    assert client.paths() == [STOCKS, CONTRACTS, CHAIN]
    assert [quote.symbol for quote in reads.quotes] == ["XLF"]
    assert reads.errors == ()


def test_a_share_that_is_quoted_anyway_is_not_asked_for_twice(tmp_path: Path) -> None:
    client = a_client(**{STOCKS: {"XLF": stock(), "EWZ": stock()}})
    fetch(tmp_path, client, QuotesRequest(symbols=("EWZ", "XLF")), wants())
    assert client.paths().count(STOCKS) == 1
    assert client.asked[0].query["symbols"] == "EWZ,XLF"


def test_both_rights_of_an_underlying_share_one_pair_of_requests(tmp_path: Path) -> None:
    prices = snapshots(**{P39: series(), C41: series(delta=0.3)})
    client = a_client(listed(contract(P39), contract(C41)), prices)
    call = wants(right="call", dte_min=14, dte_max=40, moneyness_min=D(1), moneyness_max=D("1.25"))
    reads = fetch(tmp_path, client, wants(), call)
    assert len(client.asked) == 3
    assert [(chain.right, chain.size) for chain in reads.chains] == [("put", 1), ("call", 1)]
    query = client.asked[1].query
    assert (query["expiration_date_gte"], query["expiration_date_lte"]) == ("2026-12-02", "2027-01-02")
    assert (query["strike_price_gte"], query["strike_price_lte"]) == ("32.00", "50.00")
    assert "type" not in query


def test_one_right_alone_is_asked_for_by_name_with_both_days_and_all_that_tells_a_standard_contract(
    tmp_path: Path,
) -> None:
    client = a_client()
    fetch(tmp_path, client)
    contracts, prices = client.asked[1], client.asked[2]
    window = {
        "expiration_date_gte": "2026-12-13", "expiration_date_lte": "2027-01-02", "strike_price_gte": "32.00",
        "strike_price_lte": "40.00", "type": "put",
    }  # fmt: skip
    asks = {"underlying_symbols": "XLF", "status": "active", "show_deliverables": "true", "limit": "10000"}
    assert contracts.query == window | asks
    assert prices.query == window | {"feed": "indicative", "limit": "1000"}
    assert (contracts.data, prices.data, prices.version) == (False, True, "v1beta1")


def test_days_are_counted_in_new_york(tmp_path: Path) -> None:
    client = a_client()
    fetch(tmp_path, client, at=datetime.fromisoformat("2026-11-19T04:59:00+00:00"))
    assert client.asked[1].query["expiration_date_gte"] == "2026-12-13"


def test_rows_keep_exact_prices_strikes_and_open_interest(tmp_path: Path) -> None:
    rows = listed(contract(P39, open_interest=None), contract(P38), contract("XLF261218P00037500"))
    prices = snapshots(**{P38: series(0.605, 0.664, -0.25, 0.2134), P39: series(0, 0.92, -0.34)})
    chain = only(fetch(tmp_path, a_client(rows, prices)))
    (slab,) = chain.slabs
    assert slab.expiry == date(2026, 12, 18)
    assert slab.strikes == (37_500, 38_000, 39_000)
    # Never better than quoted: a bid rounds down, an ask up.
    assert (slab.bids, slab.asks) == ((NOTHING, 60, NOTHING), (NOTHING, 67, 92))
    assert slab.open_interests == (237, 237, NOTHING)
    assert slab.deltas == (NOTHING, 2500, 3400)
    assert slab.volatilities == (NOTHING, 2134, 2000)
    offer = chain.offer(slab, 1)
    assert (offer.symbol, offer.delta, offer.bid) == (P38, -0.25, D("0.60"))


def test_a_series_without_a_snapshot_keeps_its_row_without_a_price(tmp_path: Path) -> None:
    chain = only(fetch(tmp_path, a_client(prices=snapshots(**{P39: series()}))))
    first, second = chain.offers()
    assert (first.symbol, first.bid, first.ask, first.delta, first.open_interest) == (P38, None, None, None, 237)
    assert second.bid is not None


def test_a_price_without_a_listing_is_left_out_and_counted(tmp_path: Path) -> None:
    reads = fetch(tmp_path, a_client(listed(contract(P38))))
    assert [offer.symbol for offer in only(reads).offers()] == [P38]
    assert reads.errors == ("chain of XLF: 1 series have a snapshot and stand in no listing: left out",)


def test_rows_outside_the_asked_window_are_left_out(tmp_path: Path) -> None:
    names = [P38, "XLF261218P00031500", "XLF261218P00041000", "XLF261204P00038000", "XLF270108P00038000"]
    chain = only(fetch(tmp_path, a_client(listed(*map(contract, names)), snapshots())))
    assert [offer.symbol for offer in chain.offers()] == [P38]


def test_two_windows_of_one_right_make_one_chain_with_the_rows_of_both(tmp_path: Path) -> None:
    names = [P38, "XLF261204P00038000", "XLF261204P00030000"]
    early = wants(dte_min=10, dte_max=20, moneyness_min=D("0.70"))
    chain = only(fetch(tmp_path, a_client(listed(*map(contract, names)), snapshots()), wants(), early))
    assert [offer.symbol for offer in chain.offers()] == [names[2], names[1], names[0]]


@pytest.mark.parametrize(
    "off",
    [
        {"style": "european"}, {"size": "10"}, {"multiplier": "10"}, {"tradable": False}, {"tradable": "yes"},
        {"status": "inactive"}, {"underlying_symbol": "XLE"}, {"root_symbol": "XLE"}, {"type": "call"},
        {"strike_price": "37"}, {"expiration_date": "2026-12-19"}, {"deliverables": None}, {"deliverables": []},
        {"deliverables": ["XLF"]}, {"deliverables": [{"type": "cash", "symbol": "XLF", "amount": "100"}]},
        {"deliverables": [{"type": "equity", "symbol": "XLE", "amount": "100"}]},
        {"deliverables": [{"type": "equity", "symbol": "XLF", "amount": "150"}]},
        {"deliverables": [{"type": "equity", "symbol": "XLF", "amount": None}]},
        {"deliverables": [{"type": "equity", "symbol": "XLF", "amount": "100", "delayed_settlement": True}]},
        {"deliverables": [{"type": "equity", "symbol": "XLF", "amount": "100"}] * 2},
        *({gone: None} for gone in ("style", "size", "multiplier", "tradable", "status", "underlying_symbol", "type")),
    ],
    ids=str,
)  # fmt: skip
def test_anything_but_a_hundred_shares_of_its_own_root_is_no_standard_contract(
    tmp_path: Path, off: dict[str, Any]
) -> None:
    """Wheel 1.18."""
    reads = fetch(tmp_path, a_client(listed(contract(P38, **off), contract(P39))))
    assert [(offer.symbol, offer.standard) for offer in only(reads).offers()] == [(P38, False), (P39, True)]


@pytest.mark.parametrize(
    ("off", "why"),
    [
        ({"multiplier": "10", "size": "10"}, "multiplier 10, size 10"), ({"size": None}, "size not said"),
        ({"style": "european"}, "european"), ({"style": None}, "style not said"),
        ({"style": "<b>any</b> words at length"}, "style unreadable"), ({"tradable": "yes"}, "not tradable"),
        ({"status": "inactive"}, "status inactive"), ({"underlying_symbol": "XLE"}, "underlying XLE"),
        ({"root_symbol": "XLE"}, "root XLE"), ({"type": "call"}, "type call"), ({"strike_price": "37"}, "strike 37"),
        ({"expiration_date": "2026-12-19"}, "expiry 2026-12-19"), ({"deliverables": []}, "deliverables not said"),
        ({"deliverables": ["XLF"]}, "deliverables unreadable"), ({"deliverables": [{}, {}]}, "2 deliverables"),
        ({"deliverables": [{"type": "cash", "symbol": "XLF", "amount": "100"}]}, "delivers cash"),
        ({"deliverables": [{"type": "equity", "symbol": "XLE", "amount": "100"}]}, "delivers XLE"),
        ({"deliverables": [{"type": "equity", "symbol": "XLF", "amount": "150"}]}, "delivers 150 shares"),
        ({"deliverables": [{"type": "equity", "symbol": "XLF", "amount": None}]}, "amount delivered not said"),
        ({"deliverables": [{"type": "equity", "symbol": "XLF", "amount": "100", "delayed_settlement": True}]},
         "settled late"),
    ],
    ids=str,
)  # fmt: skip
def test_the_chain_keeps_what_is_odd_and_the_gate_shows_it(tmp_path: Path, off: dict[str, Any], why: str) -> None:
    (chain,) = fetch(tmp_path, a_client(listed(contract(P38, **off), contract(P39)))).chains
    (slab,) = chain.slabs
    assert (slab.odd, slab.odd_why) == ((P38,), (why,))
    snapshot = decode_snapshot(encode_snapshot(a_snapshot(NOON, chains=(chain,))))
    result = contract_is_standard(an_intent(P38), Case(snapshot=snapshot, desk=a_desk()))
    assert (result.ok, result.reason) == (False, f"{P38} is listed as no standard contract: {why}")
    assert contract_is_standard(an_intent(P39), Case(snapshot=snapshot, desk=a_desk())).ok


def test_an_adjusted_root_never_stands_in_for_a_series_of_the_root_itself(tmp_path: Path) -> None:
    adjusted = contract("XLF1261218P00038000", underlying_symbol="XLF")
    chain = only(fetch(tmp_path, a_client(listed(adjusted), snapshots(XLF1261218P00038000=series()))))
    assert chain.size == 0


def test_one_old_quote_looks_old_and_its_neighbours_do_not(tmp_path: Path) -> None:
    """The gate sees each row's own age: nothing stale passes for fresh, nothing fresh is refused for a neighbour."""
    prices = snapshots(**{P38: series(age=3), P39: series(age=5400.25)})
    chain = only(fetch(tmp_path, a_client(prices=prices)))
    fresh, stale = chain.offers()
    assert fresh.at == NOON - timedelta(seconds=3)
    assert NOON - stale.at >= timedelta(seconds=5400)
    assert NOON - stale.at <= timedelta(seconds=5402)
    share = a_market(a_client(), tmp_path).fetch((QuotesRequest(symbols=("XLF",)),), NOON).quotes
    snapshot = decode_snapshot(encode_snapshot(a_snapshot(NOON, quotes=share, chains=(chain,))))
    case = Case(snapshot=snapshot, desk=a_desk())
    assert quote_is_fresh(an_intent(P38), case).ok
    assert not quote_is_fresh(an_intent(P39), case).ok


def test_a_quote_from_the_far_future_makes_no_other_row_old(tmp_path: Path) -> None:
    prices = snapshots(**{P38: series(age=3), P39: series(age=-9_000_000)})
    reads = fetch(tmp_path, a_client(prices=prices))
    fresh, strange = only(reads).offers()
    assert fresh.at == NOON - timedelta(seconds=3)
    assert (strange.bid, strange.ask) == (None, None)
    assert "no moment that can be believed" in reads.errors[0]


def test_a_chain_without_any_quote_is_as_old_as_its_reading(tmp_path: Path) -> None:
    chain = only(fetch(tmp_path, a_client(prices=snapshots())))
    assert (chain.at, chain.greeks) == (NOON, "none")


def test_greeks_are_the_brokers_when_any_came(tmp_path: Path) -> None:
    bare = series(delta=None, volatility=None)
    assert only(fetch(tmp_path, a_client(prices=snapshots(**{P38: bare, P39: series()})))).greeks == "broker"
    assert only(fetch(tmp_path, a_client(prices=snapshots(**{P38: bare})))).greeks == "none"


def test_a_volatility_that_cannot_be_costs_the_delta_too(tmp_path: Path) -> None:
    """Wheel 1.19."""
    (slab,) = only(fetch(tmp_path, a_client(prices=snapshots(**{P38: series(volatility=4.2)})))).slabs
    assert (slab.deltas[0], slab.volatilities[0]) == (NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("said", "symbol", "penny"),
    [
        ((True, True), "XLF", True), ((True, False), "XLF", False), ((None, None), "XLF", True),
        ((None, None), "EWZ", False), ((None, True), "EWZ", True), ((None, None), "ZZZ", False),
    ],
)  # fmt: skip
def test_the_grid_is_what_the_contracts_say_else_the_desk_else_the_coarse_one(
    tmp_path: Path, said: tuple[bool | None, bool | None], symbol: str, penny: bool
) -> None:
    names = [f"{symbol}261218P000{strike}000" for strike in (38, 39)]
    rows = listed(*(contract(name) | {"ppind": word} for name, word in zip(names, said, strict=True)))
    client = FakeClient(**{STOCKS: {symbol: stock()}, CONTRACTS: rows, f"{OPTIONS}/{symbol}": snapshots()})
    assert only(fetch(tmp_path, client, wants(symbol))).penny is penny


def test_contracts_and_prices_are_read_page_by_page(tmp_path: Path) -> None:
    rows = paged([listed(contract(P38)), listed(contract(P39)), listed(contract(P40))])
    prices = paged([snapshots(**{P38: series()}), snapshots(**{P40: series()})])
    client = a_client(rows, prices)
    reads = fetch(tmp_path, client)
    assert [(offer.symbol, offer.bid is None) for offer in only(reads).offers()] == [
        (P38, False), (P39, True), (P40, False),
    ]  # fmt: skip
    assert len(client.asked) == 1 + 3 + 2
    assert client.asked[2].query["expiration_date_lte"] == "2027-01-02"


def test_pages_are_bounded_and_what_was_cut_is_said(tmp_path: Path) -> None:
    endless = paged([snapshots(**{P38: series()})] * 500)
    client = a_client(prices=endless)
    reads = fetch(tmp_path, client)
    assert client.paths().count(CHAIN) == 20
    assert "more than 20 pages of prices" in reads.errors[0]
    assert only(reads).size == 2


@pytest.mark.parametrize("path", [CONTRACTS, CHAIN])
def test_a_half_that_fails_costs_this_chain_and_no_other(tmp_path: Path, path: str) -> None:
    """Rule (design 12): a partial read is never taken for the whole."""
    ewz = "EWZ261218P00030000"
    client = a_client(**{STOCKS: {"XLF": stock(), "EWZ": stock(31, 31.02)}, f"{OPTIONS}/EWZ": snapshots()})
    good = client.answers[CONTRACTS]

    def contracts(query: dict[str, str]) -> Any:
        if query["underlying_symbols"] == "EWZ":
            return listed(contract(ewz))
        return BrokerUnreachable("gone") if path == CONTRACTS else good

    client.answers[CONTRACTS] = contracts
    if path == CHAIN:
        client.answers[CHAIN] = BrokerUnreachable("gone")
    reads = fetch(tmp_path, client, wants(), wants("EWZ"))
    assert [chain.underlying for chain in reads.chains] == ["EWZ"]
    assert len(reads.errors) == 1
    assert reads.errors[0].startswith("chain of XLF not read: ")


def test_without_a_price_of_the_share_there_is_no_chain(tmp_path: Path) -> None:
    reads = fetch(tmp_path, a_client(**{STOCKS: {}}))
    assert reads.chains == ()
    assert "chain of XLF not read: its share has no price" in reads.errors


def test_the_last_trade_bounds_a_chain_where_the_quote_is_not_valid(tmp_path: Path) -> None:
    client = a_client(**{STOCKS: {"XLF": stock(0, 40.01, last=38.0)}})
    fetch(tmp_path, client)
    assert client.asked[1].query["strike_price_lte"] == "38.00"


def many(count: int) -> tuple[FakeClient, list[Request]]:
    """A client that knows many underlyings, and a request for the chain of each."""
    names = [f"S{chr(65 + n)}" for n in range(count)]
    client = FakeClient(**{STOCKS: {name: stock() for name in names}, CONTRACTS: listed()})
    client.answers |= {f"{OPTIONS}/{name}": snapshots() for name in names}
    return client, [wants(name) for name in names]


@pytest.mark.parametrize("count", [1, 7])
def test_a_chain_costs_two_requests_however_many_there_are(tmp_path: Path, count: int) -> None:
    client, requests = many(count)
    both: list[Request] = [*requests, *(wants(one.underlying, "call") for one in requests)]  # type: ignore[union-attr]
    reads = fetch(tmp_path, client, *both)
    assert len(client.asked) == 1 + 2 * count
    assert len(reads.chains) == 2 * count


@pytest.mark.parametrize("host", ["limits", "data_limits"])
def test_chains_are_read_in_order_until_the_minutes_requests_are_nearly_used(tmp_path: Path, host: str) -> None:
    client, requests = many(10)
    setattr(client, host, RateLimit(remaining=26, limit=200))

    def counted(query: dict[str, str]) -> Any:
        setattr(client, host, RateLimit(remaining=getattr(client, host).remaining - 1, limit=200))
        return listed()

    client.answers[CONTRACTS] = counted
    reads = fetch(tmp_path, client, *requests)
    assert [chain.underlying for chain in reads.chains] == [f"S{letter}" for letter in "ABCDEFGH"]
    assert [error.split(" not read: ")[0] for error in reads.errors] == ["chain of SI", "chain of SJ"]


@pytest.mark.parametrize(
    ("remaining", "limit", "reads"), [(20, 200, 1), (19, 200, 0), (4, 40, 1), (3, 40, 0), (19, None, 0)]
)
def test_the_reserve_is_twenty_requests_or_a_tenth_of_a_small_limit(
    tmp_path: Path, remaining: int, limit: int | None, reads: int
) -> None:
    client = a_client()
    client.limits = RateLimit(remaining=remaining, limit=limit)
    assert len(fetch(tmp_path, client).chains) == reads


def test_parts_are_read_together_where_that_is_asked_for(tmp_path: Path) -> None:
    sizes: list[int] = []

    def together(calls: Any) -> list[Any]:
        sizes.append(len(calls))
        return [call() for call in calls]

    client = a_client(**{OPTIONS: snapshots()})
    fetch(tmp_path, client, QuotesRequest(symbols=("XLF", P38)), wants(), together=together)
    assert sizes == [2, 2]


def test_open_interest_read_with_a_chain_stays_with_the_series_for_the_day(tmp_path: Path) -> None:
    """An order of today is priced anew in ticks that read no chain; the gate wants its open interest all the same."""
    client = a_client(**{OPTIONS: snapshots(**{P38: series()})})
    ask = QuotesRequest(symbols=(P38,))
    (before,) = fetch(tmp_path, client, ask).quotes
    fetch(tmp_path, client)
    (after,) = fetch(tmp_path, client, ask).quotes
    (tomorrow,) = fetch(tmp_path, client, ask, at=NOON + timedelta(days=1)).quotes
    assert [quote.open_interest for quote in (before, after, tomorrow)] == [None, 237, None]
    assert client.paths().count(CONTRACTS) == 1


@pytest.mark.parametrize("damage", ["", "{", '{"schema": 1, "day": "2026-11-18", "made_at": "x", "value": {}}'])
def test_a_damaged_note_of_open_interest_is_made_anew(tmp_path: Path, damage: str) -> None:
    client = a_client(**{OPTIONS: snapshots(**{P38: series()})})
    fetch(tmp_path, client)
    (tmp_path / "cache" / "open-interest-xlf.json").write_text(damage)
    ask = QuotesRequest(symbols=(P38,))
    assert fetch(tmp_path, client, ask).quotes[0].open_interest is None
    fetch(tmp_path, client)
    assert fetch(tmp_path, client, ask).quotes[0].open_interest == 237


def test_rows_that_are_no_contracts_are_counted(tmp_path: Path) -> None:
    rows = listed(None, 7, {}, {"symbol": "XLF"}, contract(P38))
    reads = fetch(tmp_path, a_client(rows, snapshots(**{P38: 5})))
    assert only(reads).size == 1
    assert reads.errors == ("chain of XLF: 4 contracts cannot be read: left out",)
