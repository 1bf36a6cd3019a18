"""Whatever Alpaca answers: nothing raises, nothing stale looks fresh, every fact can be stored and read back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.market import BarsRequest, EventsRequest, MarketReads, QuotesRequest, Request
from bot.domain.snapshot import decode_snapshot, encode_snapshot
from bot.tests.builders import a_snapshot
from bot.tests.markets.alpaca_canned import (
    ACTIONS,
    BARS,
    CONTRACTS,
    NOON,
    OPTIONS,
    STOCKS,
    FakeClient,
    a_market,
    actions,
    contract,
    dividend,
    listed,
    series,
    snapshots,
    stock,
    wants,
)

PUT = "XLF261218P00038000"
CHAIN = f"{OPTIONS}/XLF"
EVERYTHING: tuple[Request, ...] = (
    QuotesRequest(symbols=("XLF", PUT)), EventsRequest(symbols=("XLF",)), wants(),
    BarsRequest(symbol="XLF", step="1day", count=3), BarsRequest(symbol="XLF", step="1hour", count=3),
)  # fmt: skip
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**25), st.just(""), st.text(max_size=4), st.just([]), st.just({}),
    st.sampled_from(["NaN", "Infinity", "-0", "1e19", "2026-11-18", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-10, max_value=10**6, places=4).map(float),
)  # fmt: skip


def good() -> dict[str, Any]:
    """Answers to everything, none of them shared between examples."""
    bar = {"t": "2026-11-16T05:00:00Z", "o": 39.9, "h": 41, "l": 39.5, "c": 40.0, "v": 1118}
    return {
        STOCKS: {"XLF": stock()}, OPTIONS: snapshots(**{PUT: series()}), CHAIN: snapshots(**{PUT: series()}),
        CONTRACTS: listed(contract(PUT)), BARS: {"bars": {"XLF": [bar]}, "next_page_token": None},
        ACTIONS: actions(cash_dividends=[dividend("XLF", "2026-06-22"), dividend("XLF", "2026-09-21")]),
    }  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every place in a tree of JSON."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, one in inside for deeper in places(one, (*path, key)))]


PLACES = places(good())[1:]


def spoilt(place: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    """Put junk into one place of the good answers."""
    answers = good()
    target: Any = answers
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = junk
    return answers


def storable(reads: MarketReads) -> bool:
    """Say whether the reads come back from a Snapshot's bytes as they went in."""
    snapshot = a_snapshot(
        NOON, quotes=reads.quotes, chains=reads.chains, bars=reads.bars, events=reads.events, errors=reads.errors
    )
    return decode_snapshot(encode_snapshot(snapshot)) == snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # A file in the place of the cache's folder: nothing is kept from one example to the next.
    (tmp_path / "cache").write_text("")
    return tmp_path


def test_the_answers_before_they_are_spoilt_are_good(folder: Path) -> None:
    reads = a_market(FakeClient(**good()), folder).fetch(EVERYTHING, NOON)
    assert [len(one) for one in (reads.quotes, reads.chains, reads.bars, reads.events)] == [2, 1, 1, 1]
    assert reads.errors == ("XLF: no finished 1hour bar came",)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), junk=JUNK)
def test_junk_in_one_place_raises_nothing_and_makes_nothing_fresh(
    folder: Path, place: tuple[Any, ...], junk: Any
) -> None:
    reads = a_market(FakeClient(**spoilt(place, junk)), folder).fetch(EVERYTHING, NOON)
    assert storable(reads)
    youngest = NOON - timedelta(seconds=2)
    stamped = place[-1] == "t"
    for quote in reads.quotes:
        assert quote.at <= youngest or stamped
        assert all(price is None or price > 0 for price in (quote.bid, quote.ask, quote.last))
    for chain in reads.chains:
        for offer in chain.offers():
            assert offer.at <= youngest or stamped or offer.bid is offer.ask is None
            assert offer.delta is None or -1 <= offer.delta <= 0
            assert offer.volatility is None or 0.03 <= offer.volatility <= 4
    for events in reads.events:
        # A calendar that was spoilt says so; only an empty list passes for one without dividends.
        assert events.dividend_status in ("known", "unknown") or junk in (None, [], {})


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whole_answers_of_any_shape_raise_nothing(folder: Path, data: st.DataObject) -> None:
    tree = st.recursive(
        JUNK, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=3), one, max_size=3)
    )
    answers = {path: data.draw(tree) for path in good()}
    assert storable(a_market(FakeClient(**answers), folder).fetch(EVERYTHING, NOON))
