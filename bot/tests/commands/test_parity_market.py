"""A day's Snapshots as a market: what each tick saw, and what is made of gaps."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from bot.commands.parity_market import RecordedTicks, marks_of, quote_in
from bot.domain.market import ChainRequest, Dividend, QuotesRequest
from bot.domain.snapshot import Mark, Snapshot
from bot.tests.builders import NOON, a_chain, a_quote, a_slab, a_snapshot, put, some_events

D = Decimal
SLOT = timedelta(minutes=15)
EXPIRY = date(2026, 12, 18)
PUT = put("XLF", EXPIRY, "38")
ASKED = QuotesRequest(symbols=("XLF",))
PUTS = ChainRequest(
    underlying="XLF", right="put", dte_min=1, dte_max=50, moneyness_min=D("0.8"), moneyness_max=D("1.02")
)


def seen(slots: int, price: str | None, *, old: int = 0, bid: str | None = "0.58") -> Snapshot:
    """Give a tick that asked for XLF and its puts, and got those that are not None."""
    at = NOON + slots * SLOT
    quotes = () if price is None else (a_quote("XLF", price, str(D(price) + D("0.02")), at=at - old * SLOT),)
    chains = (
        () if bid is None else (a_chain("XLF", "put", a_slab(EXPIRY, [("38", bid, "0.64", 500, 0.25, 0.2)]), at=at),)
    )
    return a_snapshot(at, quotes=quotes, chains=chains, requests=(ASKED, PUTS))


def test_a_series_is_quoted_by_its_row_of_the_chain_where_it_was_not_asked_for_by_name() -> None:
    quote = quote_in(seen(0, "40"), PUT)
    assert quote is not None
    assert (quote.bid, quote.ask, quote.delta) == (D("0.58"), D("0.64"), -0.25)
    assert quote_in(seen(0, "40"), put("XLF", EXPIRY, "39")) is None
    assert quote_in(seen(0, "40"), "SPY") is None


def test_an_old_quote_is_as_old_as_it_was_and_fills_nothing_until_it_is_mended() -> None:
    ticks = (seen(0, "40"), seen(1, "41", old=2))
    at = NOON + SLOT
    for mended, age, moments in ((False, 2 * SLOT, [NOON]), (True, timedelta(0), [NOON, at])):
        market = RecordedTicks(ticks, mended=mended)
        (quote,) = market.fetch((ASKED,), at).quotes
        assert (quote.bid, at - quote.at) == (D(41), age)
        assert [one.at for one in market.walk("XLF", NOON - SLOT, at)] == moments


def test_what_was_asked_for_and_did_not_come_is_missing_or_mended_by_the_tick_before() -> None:
    ticks = (seen(0, "40"), seen(1, None, bid=None))
    at = NOON + SLOT
    as_seen = RecordedTicks(ticks, mended=False).fetch((ASKED, PUTS), at)
    assert (as_seen.quotes, as_seen.chains) == ((), ())
    missing = ("no quote of XLF", "no put chain of XLF")
    assert as_seen.errors == tuple(f"{one} was recorded by 17:15 UTC" for one in missing)
    market = RecordedTicks(ticks, mended=True)
    mended = market.fetch((ASKED, PUTS), at)
    assert (mended.quotes[0].at, mended.chains[0].at) == (at, at)
    assert [(one.at, one.bid) for one in market.walk(PUT, NOON, at)] == [(at, D("0.58"))]


def test_what_no_tick_asked_for_is_read_as_old_as_it_is_and_fills_in_neither() -> None:
    ticks = (seen(0, "40"), a_snapshot(NOON + SLOT, requests=()))
    for mended in (False, True):
        market = RecordedTicks(ticks, mended=mended)
        quote = market.quote(PUT, NOON + SLOT)
        assert quote is not None
        assert quote.at == NOON
        assert list(market.walk(PUT, NOON, NOON + SLOT)) == []


def test_nothing_later_than_the_moment_shows() -> None:
    market = RecordedTicks((seen(0, "40"), seen(1, "50")), mended=True)
    (quote,) = market.fetch((ASKED,), NOON + SLOT - timedelta(seconds=1)).quotes
    assert quote.bid == D(40)


def test_the_calendar_is_the_newest_one_read() -> None:
    dividend = Dividend(symbol="XLF", ex_date=date(2026, 11, 19), amount=D("0.20"))
    tick = a_snapshot(NOON, events=(some_events("XLF", dividends=(dividend,)),))
    market = RecordedTicks((tick,), mended=False)
    assert market.events_between("XLF", date(2026, 11, 18), date(2026, 11, 19)) == (dividend,)
    assert market.events_between("XLF", date(2026, 11, 19), date(2026, 11, 30)) == ()
    assert market.events_between("SPY", date(2026, 11, 18), date(2026, 11, 19)) == ()


def test_the_days_mark_is_the_last_price_a_tick_saw() -> None:
    first, last = seen(0, "40"), a_snapshot(NOON + SLOT, marks=(Mark(symbol=PUT, price=D("0.70"), source="previous"),))
    assert marks_of((first, last), frozenset({PUT, "XLF", "SPY"})) == {PUT: D("0.61"), "XLF": D("40.01")}
