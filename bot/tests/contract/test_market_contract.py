"""What every market owes the engine, whoever it is: one suite over each of them, asked about the same world.

The embedded market is the origin. A recorded folder written from it and a pretended Alpaca seeded with it know the
same quotes, chains, bars and dividends at the same moment; the folder also holds what came later, and must not show it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from bot.domain.instruments import Right, parse_option
from bot.domain.market import (
    Bar,
    Bars,
    BarsRequest,
    Chain,
    ChainRequest,
    EventsRequest,
    MarketReads,
    QuotesRequest,
    Request,
)
from bot.domain.sessions import NEW_YORK, days_to_expiry, new_york_day, session_at, session_on
from bot.engine.ports import Market
from bot.markets.recorded import RecordedMarket
from bot.markets.synthetic import SyntheticMarket
from bot.tests.alpaca.hand import UNIVERSE, AlpacaHand
from bot.tests.alpaca.seeding import seed
from bot.tests.alpaca.world import NOON, AlpacaWorld

D = Decimal
NAMES = ("EWZ", "XLF")
ORIGIN = SyntheticMarket(1)
LATER = NOON + timedelta(minutes=15)
TODAY = new_york_day(NOON)
UNLISTED = "XLF270102P00039000"
"""A series that ends on a Saturday, which nobody lists."""
STRANGE = "W#RD"
RIGHTS: tuple[Right, ...] = ("put", "call")
ALPACAS_STEPS = {"1day": "1Day", "15min": "15Min"}
Step = Literal["1day", "15min"]
BARS: tuple[tuple[str, Step], ...] = (("XLF", "1day"), ("EWZ", "15min"))


def chain_of(underlying: str, right: Right, dte: tuple[int, int] = (25, 45)) -> ChainRequest:
    low, high = ("0.85", "1.02") if right == "put" else ("0.98", "1.15")
    return ChainRequest(
        underlying=underlying, right=right, dte_min=dte[0], dte_max=dte[1], moneyness_min=D(low), moneyness_max=D(high)
    )


CHAINS = tuple(chain_of(name, right) for name in NAMES for right in RIGHTS)
QUOTES, EVENTS = QuotesRequest(symbols=NAMES), EventsRequest(symbols=NAMES)
ALL: tuple[Request, ...] = (
    QUOTES,
    EVENTS,
    *CHAINS,
    *(BarsRequest(symbol=name, step=step, count=5) for name, step in BARS),
)


class Stage(NamedTuple):
    """A market at noon on a Wednesday, and how to let go of it."""

    market: Market
    close: Callable[[], None]

    def ask(self, *requests: Request) -> MarketReads:
        return self.market.fetch(requests, NOON)


def nothing() -> None:
    """Let go of nothing."""


def embedded(folder: Path) -> Stage:
    return Stage(SyntheticMarket(1), nothing)


def recorded(folder: Path) -> Stage:
    for name in NAMES:
        rows = [(at, ORIGIN.fetch((QuotesRequest(symbols=(name,)),), at).quotes[0]) for at in (NOON, LATER)]
        write(folder / "quotes" / f"{name}.csv", "at,bid,ask,last", ([at, q.bid, q.ask, q.last] for at, q in rows))
        write(folder / "chains" / f"{name}.csv", "at,expiry,right,strike,bid,ask,open_interest,delta,iv", series(name))
    for name, step in BARS:
        rows_of = ([moment(bar, step), *bar_facts(bar)] for bar in bars_of(name, step, NOON + timedelta(days=3)))
        write(folder / "bars" / f"{name}.csv", "time,open,high,low,close,volume", rows_of)
    paid = [one for events in ORIGIN.fetch((EVENTS,), NOON).events for one in events.dividends if not one.expected]
    rows_of_events = (
        [one.symbol, "dividend", one.ex_date, one.amount, min(one.ex_date, TODAY)] for one in paid
    )  # fmt: skip
    write(folder / "events.csv", "symbol,kind,day,amount,declared", rows_of_events)
    return Stage(RecordedMarket(folder, earnings={}, universe=UNIVERSE), nothing)


def alpaca(folder: Path) -> Stage:
    world = AlpacaWorld(NOON)
    seed(world, ORIGIN, NAMES)
    for name, step in BARS:
        # A bar under way shows at Alpaca; one of tomorrow does not exist yet.
        known = [bar for bar in bars_of(name, step, NOON + timedelta(days=1)) if new_york_day(bar.at) <= TODAY]
        world.bars[name, ALPACAS_STEPS[step]] = [
            {"t": alpacas_moment(bar, step), **dict(zip("ohlcv", map(float, bar_facts(bar)), strict=True)), "n": 1}
            for bar in known
        ]
    hand = AlpacaHand(world)
    return Stage(hand.market, hand.close)


STAGES = {"synthetic": embedded, "recorded": recorded, "alpaca": alpaca}


def write(path: Path, header: str, rows: Iterable[Sequence[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        for row in rows:
            writer.writerow(
                ["" if one is None else one.isoformat() if isinstance(one, datetime) else one for one in row]
            )


def series(name: str) -> Iterator[list[Any]]:
    """Give the rows of a chain file: far more than is ever asked for, at noon and after."""
    for at in (NOON, LATER):
        wide = (
            ChainRequest(underlying=name, right=right, dte_min=0, dte_max=60, moneyness_min=D("0.7"),
                         moneyness_max=D("1.3"))
            for right in RIGHTS
        )  # fmt: skip
        for chain in ORIGIN.fetch(tuple(wide), at).chains:
            for one in chain.offers():
                yield [at, one.expiry, one.right, one.strike, one.bid, one.ask, one.open_interest, one.delta,
                       one.volatility]  # fmt: skip


def bars_of(name: str, step: Step, at: datetime) -> tuple[Bar, ...]:
    (bars,) = ORIGIN.fetch((BarsRequest(symbol=name, step=step, count=200),), at).bars
    return bars.bars


def bar_facts(bar: Bar) -> list[Any]:
    return [bar.open, bar.high, bar.low, bar.close, bar.volume]


def moment(bar: Bar, step: Step) -> Any:
    return new_york_day(bar.at) if step == "1day" else bar.at


def alpacas_moment(bar: Bar, step: Step) -> str:
    """Write a bar's moment; a day begins at midnight in New York there."""
    at = bar.at if step != "1day" else bar.at.astimezone(NEW_YORK).replace(hour=0, minute=0)
    return at.isoformat()


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    stage = STAGES[request.param](tmp_path)
    yield stage
    stage.close()


def test_it_fits_the_port(stage: Stage) -> None:
    market: Market = stage.market
    assert (market.name, market.simulated) in (("synthetic", True), ("recorded", False), ("alpaca", False))


def test_all_is_answered_and_nothing_is_wrong(stage: Stage) -> None:
    reads = stage.ask(*ALL)
    assert reads.errors == ()
    assert [(chain.underlying, chain.right) for chain in reads.chains] == [
        (one.underlying, one.right) for one in CHAINS
    ]
    assert {(bars.symbol, bars.step) for bars in reads.bars} == set(BARS)


def test_quotes_come_of_exactly_what_was_asked(stage: Stage) -> None:
    (chain,) = stage.ask(CHAINS[0]).chains
    series = next(chain.offers()).symbol
    for symbols in (("XLF",), ("EWZ", "XLF"), ("XLF", series), (series,)):
        reads = stage.ask(QuotesRequest(symbols=symbols))
        assert sorted(quote.symbol for quote in reads.quotes) == sorted(symbols)
        assert (reads.chains, reads.bars, reads.events, reads.errors) == ((), (), (), ())


def test_nothing_asked_is_nothing_answered(stage: Stage) -> None:
    assert stage.ask() == MarketReads()


@pytest.mark.parametrize("missing", [UNLISTED, STRANGE])
def test_a_missing_symbol_is_named_and_costs_the_others_nothing(stage: Stage, missing: str) -> None:
    reads = stage.ask(QuotesRequest(symbols=("EWZ", missing, "XLF")), CHAINS[0])
    assert [quote.symbol for quote in reads.quotes] == ["EWZ", "XLF"]
    assert len(reads.chains) == 1
    assert any(missing in error for error in reads.errors)


@pytest.mark.parametrize(
    "request_",
    [
        ChainRequest(underlying=STRANGE, right="put", dte_min=20, dte_max=40, moneyness_min=D("0.8"),
                     moneyness_max=D("1.1")),
        BarsRequest(symbol=STRANGE, step="1day", count=3),
    ],
    ids=["chain", "bars"],
)  # fmt: skip
def test_a_chain_or_bars_of_nobody_are_named_and_not_made_up(stage: Stage, request_: Request) -> None:
    reads = stage.ask(request_, QUOTES)
    assert (reads.chains, reads.bars) == ((), ())
    assert any(STRANGE in error for error in reads.errors)
    assert [quote.symbol for quote in reads.quotes] == list(NAMES)


def test_quotes_are_good_and_keep_a_moment_not_after_the_asked_one(stage: Stage) -> None:
    for quote in stage.ask(QUOTES).quotes:
        assert quote.valid
        assert NOON - timedelta(minutes=1) <= quote.at <= NOON
        assert quote.source


def test_a_chain_holds_only_what_was_asked(stage: Stage) -> None:
    reads = stage.ask(QUOTES, *CHAINS)
    spots = {quote.symbol: quote.mid for quote in reads.quotes}
    for asked, chain in zip(CHAINS, reads.chains, strict=True):
        spot = spots[asked.underlying]
        assert spot is not None
        assert chain.size > 10
        for offer in chain.offers():
            assert (offer.underlying, offer.right) == (asked.underlying, asked.right)
            assert asked.dte_min <= days_to_expiry(offer.expiry, TODAY) <= asked.dte_max
            # A cent of the spot either way: a market may know it finer than its quote shows.
            assert (spot - D("0.01")) * asked.moneyness_min <= offer.strike
            assert offer.strike <= (spot + D("0.01")) * asked.moneyness_max


def test_two_windows_of_one_underlying_are_both_answered_and_nothing_between(stage: Stage) -> None:
    """In one chain a request or one a right, as the market likes: the engine joins such requests beforehand."""
    near, far = chain_of("XLF", "put", (5, 12)), chain_of("XLF", "put", (30, 40))
    together = stage.ask(near, far, chain_of("XLF", "call")).chains
    rows = {offer.symbol for chain in together for offer in chain.offers() if offer.right == "put"}
    apart = [{offer.symbol for chain in stage.ask(one).chains for offer in chain.offers()} for one in (near, far)]
    assert all(apart)
    assert rows == apart[0] | apart[1]


def test_a_chain_is_in_order_and_its_columns_are_of_one_length(stage: Stage) -> None:
    for chain in stage.ask(*CHAINS).chains:
        expiries = [slab.expiry for slab in chain.slabs]
        assert expiries == sorted(set(expiries)) != []
        for slab in chain.slabs:
            assert list(slab.strikes) == sorted(set(slab.strikes))
            columns = (slab.bids, slab.asks, slab.open_interests, slab.deltas, slab.volatilities)
            assert {len(column) for column in columns} == {len(slab.strikes)}
            assert len(slab.ages) in (0, len(slab.strikes))


def test_a_chains_rows_are_series_that_parse_with_moments_of_their_own(stage: Stage) -> None:
    for chain in stage.ask(*CHAINS).chains:
        assert NOON - timedelta(minutes=1) <= chain.at <= NOON
        for offer in chain.offers():
            contract = parse_option(offer.symbol)
            assert (contract.root, contract.expiry, contract.right, contract.strike) == (
                offer.underlying, offer.expiry, offer.right, offer.strike
            )  # fmt: skip
            assert offer.at <= chain.at
            assert offer.standard
            assert offer.delta is None or (offer.delta <= 0) == (offer.right == "put") or offer.delta == 0


def test_a_window_without_a_series_is_an_empty_chain_or_named(stage: Stage) -> None:
    reads = stage.ask(chain_of("XLF", "put", (1_000, 1_001)))
    assert sum(chain.size for chain in reads.chains) == 0
    assert reads.chains or any("XLF" in error for error in reads.errors)


def test_events_come_for_every_symbol_asked_with_a_status(stage: Stage) -> None:
    asked = (*NAMES, "ZZZZ")
    events = stage.ask(EventsRequest(symbols=asked)).events
    assert [one.symbol for one in events] == list(asked)
    for one in events:
        assert one.dividend_status in ("known", "none", "unknown")
        assert one.earnings_status in ("known", "exempt", "unknown", "stale")
        assert one.as_of <= NOON
        dates = [dividend.ex_date for dividend in one.dividends]
        assert dates == sorted(dates)
    assert [one.earnings_status for one in events[:2]] == ["exempt", "exempt"]


@pytest.mark.parametrize(("name", "step"), BARS)
def test_bars_are_finished_oldest_first_and_no_more_than_asked(stage: Stage, name: str, step: Step) -> None:
    (bars,) = stage.ask(BarsRequest(symbol=name, step=step, count=5)).bars
    assert isinstance(bars, Bars)
    moments = [bar.at for bar in bars.bars]
    assert moments == sorted(set(moments))
    assert len(moments) == 5
    for bar in bars.bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        session = session_on(new_york_day(bar.at))
        assert session is not None
        end = session.close_at if step == "1day" else bar.at + timedelta(minutes=15)
        assert end <= NOON
        assert step == "1day" or session_at(bar.at) is not None


def test_asking_twice_gives_equal_answers(stage: Stage) -> None:
    assert stage.ask(*ALL) == stage.ask(*ALL)


def test_the_order_of_the_questions_does_not_matter(stage: Stage) -> None:
    def chains(reads: MarketReads) -> dict[tuple[str, str], Chain]:
        return {(chain.underlying, chain.right): chain for chain in reads.chains}

    forth, back = stage.ask(*ALL), stage.ask(*reversed(ALL))
    assert chains(forth) == chains(back)
    assert sorted(forth.quotes, key=lambda one: one.symbol) == sorted(back.quotes, key=lambda one: one.symbol)
    assert {bars.symbol: bars for bars in forth.bars} == {bars.symbol: bars for bars in back.bars}


def test_all_of_them_tell_of_the_same_world(stage: Stage) -> None:
    """What a planner reads does not depend on who tells it: prices, sizes of delta, open interest, bars, dividends."""
    told, known = stage.ask(*ALL), ORIGIN.fetch(ALL, NOON)
    assert [(q.symbol, q.bid, q.ask) for q in told.quotes] == [(q.symbol, q.bid, q.ask) for q in known.quotes]
    for mine, its in zip(told.chains, known.chains, strict=True):
        rows = [
            [(o.symbol, o.bid, o.ask, o.open_interest, o.delta, o.penny) for o in chain.offers()]
            for chain in (mine, its)
        ]
        assert rows[0] == rows[1]
    for bars, origin in zip(told.bars, known.bars, strict=True):
        assert [bar_facts(bar) for bar in bars.bars] == [bar_facts(bar) for bar in origin.bars]
    for events, first in zip(told.events, known.events, strict=True):
        assert events.dividend_status == first.dividend_status
        assert [(one.ex_date, one.amount) for one in events.dividends if not one.expected] == [
            (one.ex_date, one.amount) for one in first.dividends if not one.expected
        ]
