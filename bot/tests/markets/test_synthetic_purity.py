"""The embedded market is a pure function of seed, symbol and time (design 23)."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from bot.domain.errors import BadSymbol, MarketError
from bot.domain.market import BarsRequest, ChainRequest, EventsRequest, MarketReads, QuotesRequest, Request
from bot.domain.sessions import session_on
from bot.markets.synthetic import SyntheticMarket

D = Decimal
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)

REQUESTS: tuple[Request, ...] = (
    QuotesRequest(symbols=("SPY", "XLF", "TLT", "ACME", "XLF261218P00030000")),
    ChainRequest(
        underlying="XLF", right="put", dte_min=20, dte_max=45, moneyness_min=D("0.8"), moneyness_max=D("1.05")
    ),
    ChainRequest(
        underlying="ACME", right="call", dte_min=0, dte_max=45, moneyness_min=D("0.9"), moneyness_max=D("1.1")
    ),
    BarsRequest(symbol="SPY", step="1day", count=12),
    BarsRequest(symbol="ACME", step="15min", count=40),
    EventsRequest(symbols=("SPY", "ACME")),
)


def bytes_of(reads: MarketReads) -> bytes:
    return msgspec.json.encode(reads, order="deterministic")


def test_the_order_of_asking_changes_nothing() -> None:
    warmed = SyntheticMarket(3)
    for days in (400, 31, 0, 7, -90):
        warmed.fetch(REQUESTS[::-1], NOON + timedelta(days=days))
    assert bytes_of(warmed.fetch(REQUESTS, NOON)) == bytes_of(SyntheticMarket(3).fetch(REQUESTS, NOON))


def test_what_was_asked_later_never_shows_earlier() -> None:
    warmed = SyntheticMarket(4)
    moments = [NOON + timedelta(minutes=17 * number) for number in range(8)]
    late_first = {at: bytes_of(warmed.fetch(REQUESTS, at)) for at in reversed(moments)}
    for at in moments:
        assert bytes_of(SyntheticMarket(4).fetch(REQUESTS, at)) == late_first[at]


def test_memos_that_overflow_forget_without_harm() -> None:
    market = SyntheticMarket(5)
    first = bytes_of(market.fetch(REQUESTS, NOON))
    market.fetch((BarsRequest(symbol="EWZ", step="1day", count=300),), NOON)
    assert bytes_of(market.fetch(REQUESTS, NOON)) == first


SCRIPT = """
import hashlib, msgspec
from datetime import UTC, datetime
from bot.domain.market import BarsRequest, EventsRequest, QuotesRequest
from bot.markets.synthetic import SyntheticMarket
asked = (
    QuotesRequest(symbols=("SPY", "ACME", "XLF261218P00030000")),
    EventsRequest(symbols=("ACME",)),
    BarsRequest(symbol="GLD", step="1hour", count=9),
)
reads = SyntheticMarket(9).fetch(asked, datetime(2026, 11, 18, 17, 0, tzinfo=UTC))
print(hashlib.sha256(msgspec.json.encode(reads, order="deterministic")).hexdigest())
"""


def test_processes_with_different_hash_seeds_see_the_same_world() -> None:
    seen = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "77")
    ]
    assert len(seen[0].strip()) == 64
    assert seen[0] == seen[1]


def test_seeds_differ() -> None:
    asked = (QuotesRequest(symbols=("SPY",)),)
    lasts = {SyntheticMarket(seed).fetch(asked, NOON).quotes[0].last for seed in range(5)}
    assert len(lasts) == 5


def test_a_missing_symbol_is_named_and_the_others_answered() -> None:
    asked = (QuotesRequest(symbols=("nope", "XLF", "XLF251219P00030000", "XLF261216P00030000", "SPY1261218P00500000")),)
    reads = SyntheticMarket(1).fetch(asked, NOON)
    assert [quote.symbol for quote in reads.quotes] == ["XLF"]
    assert [error.split()[0] for error in reads.errors] == [
        "nope", "XLF251219P00030000", "XLF261216P00030000", "SPY1261218P00500000",
    ]  # fmt: skip
    assert "ended on 2025-12-19" in reads.errors[1]
    assert "no series is listed for 2026-12-16" in reads.errors[2]


@pytest.mark.parametrize(
    "at",
    [
        datetime(2020, 1, 2, 14, 29, tzinfo=UTC),
        datetime(2010, 5, 3, 17, tzinfo=UTC),
        datetime(2031, 1, 2, 17, tzinfo=UTC),
    ],
)
def test_moments_outside_the_world_are_refused_by_name(at: datetime) -> None:
    with pytest.raises(MarketError, match="2020-01-02 to the end of 2030"):
        SyntheticMarket(1).fetch((QuotesRequest(symbols=("SPY",)),), at)


def test_the_world_answers_at_its_first_and_last_moment() -> None:
    market = SyntheticMarket(1)
    for at in (datetime(2020, 1, 2, 14, 30, tzinfo=UTC), datetime(2030, 12, 31, 21, 0, tzinfo=UTC)):
        reads = market.fetch(REQUESTS, at)
        assert {"SPY", "ACME"} <= {quote.symbol for quote in reads.quotes}


def test_a_world_must_begin_on_a_session() -> None:
    with pytest.raises(MarketError, match="2020-01-01"):
        SyntheticMarket(1, anchor=date(2020, 1, 1))
    with pytest.raises(MarketError, match="2030-01-02"):
        SyntheticMarket(1, anchor=date(2030, 1, 2))


def test_another_anchor_is_another_world_that_starts_at_the_shipped_prices() -> None:
    anchor = date(2024, 6, 3)
    session = session_on(anchor)
    assert session is not None
    quote = SyntheticMarket(1, anchor=anchor).fetch((QuotesRequest(symbols=("SPY",)),), session.open_at).quotes[0]
    assert quote.last is not None
    assert abs(float(quote.last) / 600 - 1) < 0.05


def test_a_walk_of_no_symbol_is_refused() -> None:
    with pytest.raises(BadSymbol, match="ticker"):
        list(SyntheticMarket(1).walk("no such", NOON, NOON + timedelta(hours=1)))
