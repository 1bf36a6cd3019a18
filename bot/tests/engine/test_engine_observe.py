"""What a tick reads, in what company, and what it does when its time runs out between two reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import BotError, MarketError, OutOfTime
from bot.domain.market import ChainRequest, Earnings, Events, EventsRequest, MarketReads, QuotesRequest, Request
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings
from bot.engine.observe import calendar_inputs, observe
from bot.engine.ports import Book, World
from bot.engine.requests import all_requests
from bot.engine.tick import tick
from bot.tests.builders import NOON, a_desk, a_quote, a_snapshot, an_order, put, some_events
from bot.tests.engine.hands import HandBroker, HandMarket, ListJournal, a_memory
from bot.tests.engine.test_engine_tick import A_PUT, PUT, wishing
from bot.tests.planners.wheel_scene import FAR, holdings_of

RECORDED = (Decimal("0.80"), Decimal("1.20"))


class Company:
    """A `together` that remembers how many were sent off at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        self.sizes.append(len(calls))
        return [call() for call in calls]


class Ticking:
    """A meter that moves on by a second at each reading of the world."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def pass_one(self) -> None:
        self.seconds += 1.0


def a_world(**given: Any) -> tuple[World, HandBroker, ListJournal]:
    broker, journal = HandBroker(), ListJournal()
    market = HandMarket(a_quote("XLF"), a_quote("SPY"), a_quote(PUT, "0.60", "0.64", delta=-0.25, open_interest=900))
    return World(broker=broker, market=market, journal=journal, now=lambda: NOON, **given), broker, journal


def a_book(**given: Any) -> Book:
    facts: dict[str, Any] = {
        "desk": a_desk("XLF", "SPY"), "strategies": (wishing(A_PUT),), "dry": False, "environment": "simulated",
        "config_hash": "c", "code_version": "test",
    }  # fmt: skip
    return Book(**(facts | given))


def test_the_account_comes_alone_then_the_rest_at_once_then_the_missing_orders_at_once() -> None:
    company = Company()
    world, broker, _ = a_world(together=company)
    lost = (an_order(PUT, state="unknown"), an_order(put("XLF", FAR, "37"), state="sending"))
    never_sent = an_order(put("XLF", FAR, "36"), state="planned")
    observe(world, a_book(), a_memory(own_orders=(*lost, never_sent)), NOON, NOON)
    assert broker.calls == [
        "account", "clock", "positions", "orders", "activities", *(f"find {one.client_order_id}" for one in lost),
    ]  # fmt: skip
    assert company.sizes == [4, 2]


def test_what_the_listing_shows_is_not_looked_up_again() -> None:
    company = Company()
    world, broker, _ = a_world(together=company)
    tick(world, a_book())
    (order_id,) = broker.submitted
    company.sizes.clear()
    working = an_order(PUT, client_order_id=order_id)
    observe(world, a_book(), a_memory(own_orders=(working,)), NOON, NOON)
    assert company.sizes == [4]


def test_the_brokers_own_clock_is_kept() -> None:
    world, broker, _ = a_world()
    snapshot, _ = observe(world, a_book(), a_memory(), NOON, NOON)
    assert (snapshot.broker_open, snapshot.follow_up) == (True, 0)
    shut = replace(broker.read_clock(), is_open=False)
    broker.read_clock = lambda: shut  # type: ignore[method-assign]
    result = tick(world, a_book())
    assert result.snapshot.broker_open is False
    assert [verdict.approved for verdict in result.verdicts] == [False]
    assert "the broker's clock says the market is closed" in result.verdicts[0].reason
    assert broker.submitted == []


def test_a_follow_up_says_which_it_is_to_planners_and_in_the_record() -> None:
    world, _, journal = a_world()
    seen: list[int] = []

    def needs(holdings: Holdings, params: Any, at: Any) -> tuple[Request, ...]:
        seen.append(holdings.follow_up)
        return ()

    result = tick(world, a_book(strategies=(wishing(A_PUT, needs=needs),), follow_up=2))
    assert (seen, result.snapshot.follow_up) == ([2], 2)
    assert journal.ends[0].note.startswith("follow-up 2, ")


@pytest.mark.parametrize(
    ("reads", "what"), [(1, "the calendar"), (2, "the market"), (5, "the market")], ids=["account", "broker", "all"]
)
def test_a_tick_that_runs_out_of_time_fails_with_a_seal_and_sends_nothing(reads: int, what: str) -> None:
    meter = Ticking()
    world, broker, journal = a_world(meter=meter)
    broker.on_read = meter.pass_one
    with pytest.raises(OutOfTime, match=what):
        tick(world, a_book(deadline_seconds=reads - 0.5))
    assert [end.status for end in journal.ends] == ["failed"]
    assert journal.entries == ["begin", "seal"]
    assert broker.submitted == []


def test_a_tick_at_its_deadline_to_the_second_still_reads_decides_and_sends() -> None:
    meter = Ticking()
    world, broker, _ = a_world(meter=meter)
    broker.on_read = meter.pass_one
    tick(world, a_book(deadline_seconds=5.0))
    assert len(broker.submitted) == 1


def test_a_market_that_answers_after_the_deadline_is_recorded_and_nothing_is_sent() -> None:
    meter = Ticking()
    world, broker, journal = a_world(meter=meter)

    class Slow(HandMarket):
        def fetch(self, requests: tuple[Request, ...], at: Any) -> MarketReads:
            meter.seconds = 300.0
            return super().fetch(requests, at)

    market = Slow(*world.market.quotes.values())  # type: ignore[attr-defined]
    result = tick(world._replace(market=market), a_book())
    assert [order.state for order in result.orders] == ["not_sent"]
    assert [end.status for end in journal.ends] == ["done"]
    assert broker.submitted == []


def asked(record: tuple[str, ...], *requests: Request, snapshot: Snapshot | None = None) -> tuple[Request, ...]:
    desk = replace(a_desk("XLF", "SPY"), record_chains=record)
    strategy = wishing(needs=lambda holdings, params, at: requests)
    found, errors = all_requests(a_book(desk=desk, strategies=(strategy,)), holdings_of(snapshot or a_snapshot()), NOON)
    assert errors == ()
    return found


def window(symbol: str, right: Any, first: int, last: int, low: Any, high: Any) -> ChainRequest:
    return ChainRequest(
        underlying=symbol, right=right, dte_min=first, dte_max=last, moneyness_min=Decimal(low),
        moneyness_max=Decimal(high),
    )  # fmt: skip


def test_chains_to_record_come_last_with_the_quotes_of_their_shares() -> None:
    """A003, A039."""
    needed = window("XLF", "put", 25, 45, "0.75", "1.00")
    events = EventsRequest(symbols=("XLF",))
    found = asked(("NVDA",), needed, events)
    assert found == (
        QuotesRequest(symbols=("NVDA", "SPY")), events, needed, window("NVDA", "put", 0, 60, *RECORDED),
        window("NVDA", "call", 0, 60, *RECORDED),
    )  # fmt: skip


def test_a_chain_that_a_strategy_needs_is_asked_once_with_the_wider_window() -> None:
    found = asked(("XLF",), window("XLF", "put", 25, 75, "0.75", "1.00"))
    assert [one for one in found if isinstance(one, ChainRequest)] == [
        window("XLF", "put", 0, 75, "0.75", "1.20"), window("XLF", "call", 0, 60, *RECORDED),
    ]  # fmt: skip


def test_nothing_is_recorded_outside_the_session_or_in_a_follow_up() -> None:
    closed = a_snapshot()
    closed = replace(closed, session=replace(closed.session, is_open=False))
    for snapshot in (closed, replace(a_snapshot(), follow_up=1)):
        assert asked(("NVDA",), snapshot=snapshot) == (QuotesRequest(symbols=("SPY",)),)


def test_a_desk_without_strategies_still_observes_and_records() -> None:
    world, _, journal = a_world()
    desk = replace(a_desk("XLF", "SPY"), record_chains=("XLF",))
    result = tick(world, a_book(desk=desk, strategies=()))
    assert [quote.symbol for quote in result.snapshot.quotes] == ["SPY", "XLF"]
    assert [type(one).__name__ for one in result.snapshot.requests] == ["QuotesRequest", "ChainRequest", "ChainRequest"]
    assert journal.entries == ["begin", "snapshot", "decision", "seal"]


def test_an_observation_that_fails_is_one_of_the_houses_errors() -> None:
    assert issubclass(OutOfTime, BotError)
    assert not issubclass(OutOfTime, MarketError)  # a market's failure is recorded and the tick goes on: not this one


def told(symbol: str, *checked: date, **given: Any) -> Events:
    """A calendar with releases checked on these days."""
    releases = tuple(Earnings(symbol=symbol, day=date(2027, 1, 20), when="amc", as_of=day) for day in checked)
    return some_events(symbol, earnings=releases, **given)


def test_the_oldest_calendar_of_each_kind_stands_among_the_ages_with_its_name() -> None:
    events = (
        told("XLF", as_of=NOON - timedelta(hours=3)),
        told("ACME", date(2026, 11, 2), date(2026, 11, 10), as_of=NOON - timedelta(hours=1)),
        told("BETA", date(2026, 11, 12), as_of=NOON),
        told("GONE", dividend_status="unknown", earnings_status="unknown", as_of=NOON - timedelta(days=90)),
    )
    ages = [(age.name, age.source, age.age_seconds) for age in calendar_inputs(events, "alpaca", NOON)]
    assert ages == [("dividends XLF", "alpaca", 10_800.0), ("earnings ACME", "alpaca", 8 * 86_400.0)]
    world, _, _ = a_world()
    world.market.fetch = lambda requests, at: MarketReads(events=events)  # type: ignore[method-assign]
    snapshot, _ = observe(world, a_book(), a_memory(), NOON, NOON)
    assert [age.name for age in snapshot.inputs] == ["clock", "dividends XLF", "earnings ACME"]


def test_calendars_that_nobody_read_have_no_age() -> None:
    unread = told("XLF", dividend_status="unknown", earnings_status="unknown")
    assert calendar_inputs((unread,), "alpaca", NOON) == calendar_inputs((), "alpaca", NOON) == ()


def test_a_day_of_earnings_is_a_new_york_day() -> None:
    evening = NOON.replace(hour=4)  # 23:00 of the day before in New York
    (_, earnings) = calendar_inputs((told("ACME", date(2026, 11, 17)),), "alpaca", evening)
    assert earnings.age_seconds == 0.0
