"""The real GOOG chain of 2015-12-23 and 24, written as files and read back as a market."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.config.profiles import universe_with
from bot.domain.market import BarsRequest, ChainRequest, EventsRequest, QuotesRequest
from bot.markets.earnings import read_earnings
from bot.markets.recorded import RecordedMarket
from bot.tests.markets.lean import reading_moment, tick_moment, write_recorded_goog

THE_23RD, THE_24TH = date(2015, 12, 23), date(2015, 12, 24)
PUTS = ChainRequest(
    underlying="GOOG", right="put", dte_min=25, dte_max=45, moneyness_min=Decimal("0.8"), moneyness_max=Decimal("1.02")
)
EARNINGS = read_earnings(["symbol,date,when,as_of", "GOOG,2016-02-01,amc,2015-12-21"])


@pytest.fixture(scope="module")
def market(material: Path, tmp_path_factory: pytest.TempPathFactory) -> RecordedMarket:
    folder = write_recorded_goog(material, tmp_path_factory.mktemp("goog"))
    return RecordedMarket(folder, earnings=EARNINGS, universe=universe_with(("GOOG",)))


def test_the_moments_are_half_an_hour_before_each_close_and_the_24th_closes_early() -> None:
    assert tick_moment(THE_23RD) == datetime(2015, 12, 23, 20, 30, tzinfo=UTC)
    assert tick_moment(THE_24TH) == datetime(2015, 12, 24, 17, 30, tzinfo=UTC)


def test_a_series_reads_back_as_the_origin_tells_it(market: RecordedMarket) -> None:
    reads = market.fetch((QuotesRequest(symbols=("GOOG160129P00700000",)),), tick_moment(THE_23RD))
    (quote,) = reads.quotes
    # 20160129,put,700.0,20151223: bid close 9.8, ask close 12.4.
    assert (quote.bid, quote.ask) == (Decimal("9.8"), Decimal("12.4"))
    assert quote.at == reading_moment(THE_23RD)
    assert quote.delta is None
    assert quote.volatility is None


def test_the_chain_of_each_day_is_that_days_own(market: RecordedMarket) -> None:
    bids = []
    for day in (THE_23RD, THE_24TH):
        reads = market.fetch((PUTS,), tick_moment(day))
        (chain,) = reads.chains
        assert reads.errors == ()
        assert chain.at == reading_moment(day)
        assert chain.greeks == "none"
        listed = [date(2016, 1, 22), date(2016, 1, 29), date(2016, 2, 5)]
        # The expiry of 5 February was listed on the 24th: nobody may see it a day early.
        assert [slab.expiry for slab in chain.slabs] == (listed[:2] if day == THE_23RD else listed)
        offers = {offer.symbol: offer for offer in chain.offers()}
        bids.append(offers["GOOG160129P00700000"].bid)
    assert bids[0] == Decimal("9.80")
    assert bids[0] != bids[1]


def test_every_row_of_the_origin_is_in_the_chain(market: RecordedMarket, material: Path) -> None:
    with gzip.open(material / "data/options_us/GOOG_2015_daily_quote.csv.gz", "rt") as file:
        rows = [line.split(",") for line in file][1:]
    everything = [
        ChainRequest(
            underlying="GOOG", right=right, dte_min=0, dte_max=2000, moneyness_min=Decimal(0), moneyness_max=Decimal(9)
        )
        for right in ("put", "call")
    ]
    for day in (THE_23RD, THE_24TH):
        chains = market.fetch(tuple(everything), tick_moment(day)).chains
        assert sum(chain.size for chain in chains) == sum(1 for row in rows if row[3] == f"{day:%Y%m%d} 00:00")


def test_a_series_without_a_bid_has_none(market: RecordedMarket) -> None:
    (quote,) = market.fetch((QuotesRequest(symbols=("GOOG160115C00990000",)),), tick_moment(THE_23RD)).quotes
    assert quote.bid is None
    assert quote.mid is None


def test_before_the_first_reading_there_is_no_chain_and_only_yesterdays_close(market: RecordedMarket) -> None:
    early = reading_moment(THE_23RD) - timedelta(seconds=1)
    reads = market.fetch((QuotesRequest(symbols=("GOOG",)), PUTS), early)
    assert reads.chains == ()
    assert "no chain recorded" in " ".join(reads.errors)
    (quote,) = reads.quotes
    assert (quote.bid, quote.last) == (None, Decimal("750.0"))  # the close of 2015-12-22
    assert quote.at == datetime(2015, 12, 22, 21, tzinfo=UTC)


def test_daily_bars_end_with_the_last_finished_session(market: RecordedMarket) -> None:
    request = BarsRequest(symbol="GOOG", step="1day", count=3)
    (bars,) = market.fetch((request,), tick_moment(THE_24TH)).bars
    assert [bar.close for bar in bars.bars] == [Decimal("747.77"), Decimal("750.0"), Decimal("750.31")]


def test_events_say_no_dividend_and_the_release_from_the_file(market: RecordedMarket) -> None:
    (events,) = market.fetch((EventsRequest(symbols=("GOOG",)),), tick_moment(THE_23RD)).events
    assert events.dividend_status == "none"
    assert events.earnings_status == "known"
    assert [one.day for one in events.earnings] == [date(2016, 2, 1)]
