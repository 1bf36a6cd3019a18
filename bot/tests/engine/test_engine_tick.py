"""The tick as a whole: its order of steps, its purity, and what it does when the world fails."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import BrokerUnreachable
from bot.domain.facts import Fact
from bot.domain.market import QuotesRequest, Request
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot, decode_snapshot
from bot.domain.strategy import Holdings, Plan, Planner, Strategy
from bot.engine.ports import Book, World
from bot.engine.tick import decide, tick
from bot.tests.builders import NOON, a_desk, a_quote, a_snapshot, an_intent, put
from bot.tests.engine.hands import HandBroker, HandMarket, ListJournal

PUT = put("XLF", date(2026, 12, 18), "38")


class WishParams(Fact, frozen=True, kw_only=True):
    intents: tuple[OrderIntent, ...] = ()


def needs(holdings: Holdings, params: WishParams, at: datetime) -> tuple[Request, ...]:
    return (QuotesRequest(symbols=("XLF", PUT)),)


def plan(snapshot: Snapshot, params: WishParams) -> Plan:
    return Plan(intents=params.intents)


def wishing(*intents: OrderIntent, name: str = "wheel", **given: Any) -> Strategy:
    planner = Planner(kind="wish", params=WishParams, needs=given.get("needs", needs), plan=given.get("plan", plan))
    return Strategy(name=name, planner=planner, params=WishParams(intents=intents), priority=10)


def a_world() -> tuple[World, HandBroker, ListJournal]:
    broker, journal = HandBroker(), ListJournal()
    market = HandMarket(
        a_quote("XLF"), a_quote("SPY", "599.99", "600.01"), a_quote(PUT, "0.60", "0.64", delta=-0.25, open_interest=900)
    )
    return World(broker=broker, market=market, journal=journal, now=lambda: NOON), broker, journal


def a_book(*strategies: Strategy, dry: bool = False) -> Book:
    return Book(
        desk=a_desk("XLF", "SPY"), strategies=strategies, dry=dry, environment="simulated", config_hash="c",
        code_version="test",
    )  # fmt: skip


A_PUT = an_intent(PUT, limit_price=Decimal("0.62"))


def test_the_steps_come_in_the_stated_order() -> None:
    world, broker, journal = a_world()
    result = tick(world, a_book(wishing(A_PUT)))
    assert [verdict.reason for verdict in result.verdicts if not verdict.approved] == []
    assert journal.entries == ["begin", "snapshot", "decision", "move sending", "move working", "seal"]
    assert broker.calls[:5] == ["account", "clock", "positions", "orders", "activities"]
    assert [order.state for order in result.orders] == ["working"]


def test_a_dry_tick_decides_the_same_and_only_reads() -> None:
    world, broker, journal = a_world()
    result = tick(world, a_book(wishing(A_PUT), dry=True))
    assert [verdict.approved for verdict in result.verdicts] == [True]
    assert journal.entries == ["begin", "snapshot", "decision", "seal"]
    assert journal.decisions[0].planned == ()
    assert journal.decisions[0].dry
    assert [call for call in broker.calls if call.startswith(("submit", "cancel"))] == []


def test_a_snapshot_that_cannot_be_kept_means_nothing_is_decided_or_sent() -> None:
    world, broker, journal = a_world()
    journal.fail_at = "snapshot"
    with pytest.raises(Exception, match="disk refused"):
        tick(world, a_book(wishing(A_PUT)))
    assert journal.entries == ["begin", "seal"]
    assert journal.ends[0].status == "failed"
    assert broker.submitted == []


def test_a_decision_that_cannot_be_written_means_nothing_is_sent() -> None:
    world, broker, journal = a_world()
    journal.fail_at = "decision"
    with pytest.raises(Exception, match="disk refused"):
        tick(world, a_book(wishing(A_PUT)))
    assert broker.submitted == []


def test_a_broker_that_does_not_answer_fails_the_tick_and_says_so() -> None:
    world, broker, journal = a_world()

    def down() -> None:
        raise BrokerUnreachable("no answer in 10 s")

    broker.on_read = down
    with pytest.raises(BrokerUnreachable):
        tick(world, a_book(wishing(A_PUT)))
    assert [end.status for end in journal.ends] == ["failed"]
    assert "no answer" in journal.ends[0].note


def test_a_planner_that_raises_loses_its_turn_and_the_others_go_on() -> None:
    world, _, _ = a_world()

    def explode(snapshot: Snapshot, params: WishParams) -> Plan:
        raise ZeroDivisionError("guest")

    result = tick(world, a_book(wishing(plan=explode, name="guest"), wishing(A_PUT)))
    assert [verdict.approved for verdict in result.verdicts] == [True]
    assert any("guest could not plan" in error for error in result.errors)


def test_a_planner_that_cannot_say_what_it_needs_is_named() -> None:
    world, _, _ = a_world()

    def explode(holdings: Holdings, params: WishParams, at: datetime) -> tuple[Request, ...]:
        raise KeyError("guest")

    result = tick(world, a_book(wishing(needs=explode, name="guest")))
    assert any("guest could not say what it needs" in error for error in result.errors)


def test_the_decision_is_made_on_the_stored_bytes() -> None:
    world, _, journal = a_world()
    result = tick(world, a_book(wishing(A_PUT)))
    again = decode_snapshot(journal.snapshots[0])
    assert again == result.snapshot
    verdicts, _, _ = decide(again, (wishing(A_PUT),), a_desk("XLF", "SPY"))
    assert verdicts == result.verdicts


def test_a_second_tick_in_the_slot_sends_nothing_twice() -> None:
    world, broker, _ = a_world()
    tick(world, a_book(wishing(A_PUT)))
    again = tick(world, a_book(wishing(A_PUT)))
    assert len(broker.submitted) == 1
    assert again.orders == ()


def test_deciding_twice_on_one_snapshot_gives_the_same_verdicts() -> None:
    snapshot = a_snapshot(quotes=(a_quote("XLF"), a_quote(PUT, "0.60", "0.64")))
    first = decide(snapshot, (wishing(A_PUT),), a_desk("XLF"))
    assert first == decide(snapshot, (wishing(A_PUT),), a_desk("XLF"))
    assert len(first[0]) == 1
