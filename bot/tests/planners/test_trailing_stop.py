"""Trailing stops: one resting gtc order a lot, whole shares, re-armed with the stored mark (C020, wheel 1.14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bot.domain.desk import TrailingNumbers, TrailingParams
from bot.domain.ledger import Books, Drift, Halt, Roll
from bot.domain.market import QuotesRequest
from bot.domain.orders import OrderIntent, leg
from bot.domain.snapshot import Snapshot
from bot.planners.trailing_stop import PLANNER
from bot.tests.builders import NOON, D, a_lot, a_snapshot, an_order, call, held
from bot.tests.planners.wheel_scene import NEAR, holdings_of, some_books, word


def params(*symbols: str, wheel: tuple[str, ...] = (), protect: bool = False, percent: str = "12") -> TrailingParams:
    numbers = TrailingNumbers(trail_percent=D(percent), protect_wheel_lots=protect)
    return TrailingParams(name="stops", numbers=numbers, symbols=symbols, wheel_symbols=frozenset(wheel))


def holding(qty: str = "100", *lots: Any, extra: tuple[Any, ...] = (), **given: Any) -> Snapshot:
    books: Books = given.pop("books", some_books())
    made = lots or (a_lot(qty=qty),)
    return a_snapshot(positions=(held("XLF", qty), *extra), books=replace(books, lots=made), **given)


def wanted(snapshot: Snapshot, given: TrailingParams | None = None) -> tuple[OrderIntent, ...]:
    return PLANNER.plan(snapshot, given or params()).intents


def reasons(snapshot: Snapshot, given: TrailingParams | None = None) -> list[str]:
    return [note.reason for note in PLANNER.plan(snapshot, given or params()).notes]


def resting(qty: str = "100", lot: str = "lot-XLF", **given: Any) -> Any:
    facts: dict[str, Any] = {
        "client_order_id": f"desk-stop-{lot}", "purpose": "trailing_stop", "strategy": "stops", "key": lot, "lot": lot,
        "order_type": "trailing_stop", "limit_price": None, "trail_percent": D(12), "time_in_force": "gtc",
        "legs": (leg("XLF", "sell_to_close"),),
    }  # fmt: skip
    return an_order("XLF", "sell_to_close", qty, **(facts | given))


def test_a_lot_gets_one_resting_trailing_stop() -> None:
    (intent,) = wanted(holding())
    assert (intent.purpose, intent.order_type, intent.time_in_force) == ("trailing_stop", "trailing_stop", "gtc")
    assert (intent.symbol, intent.side, intent.qty) == ("XLF", "sell_to_close", D(100))
    assert (intent.trail_percent, intent.limit_price, intent.stop_price) == (D(12), None, None)
    assert (intent.key, intent.lot, intent.high_water_mark) == ("lot-XLF", "lot-XLF", None)


def test_a_lot_with_its_stop_is_left_alone() -> None:
    assert not wanted(holding(own_orders=(resting(),)))


@pytest.mark.parametrize("state", ["planned", "sending", "unknown"])
def test_a_stop_that_may_exist_counts_as_one(state: Any) -> None:
    assert not wanted(holding(own_orders=(resting(state=state),)))


def test_a_stop_is_re_armed_with_the_stored_high_water_mark() -> None:
    """design 13"""
    (intent,) = wanted(holding("100", a_lot(high_water_mark=D("47.31"))))
    assert intent.high_water_mark == D("47.31")
    assert "re-armed from its high of 47.31" in intent.reason


def test_every_lot_has_its_own_stop() -> None:
    lots = (a_lot(id="a", qty="100"), a_lot(id="b", qty="40"))
    assert [(one.lot, one.qty) for one in wanted(holding("140", *lots))] == [("a", D(100)), ("b", D(40))]
    (missing,) = wanted(holding("140", *lots, own_orders=(resting(lot="a"),)))
    assert missing.lot == "b"


def test_whole_shares_only_and_the_fraction_is_said() -> None:
    """wheel 1.14"""
    (intent,) = wanted(holding("10.75"))
    assert intent.qty == 10
    notes = PLANNER.plan(holding("10.75"), params()).notes
    assert [(note.value, note.unit) for note in notes] == [(D("0.75"), "shares")]
    assert not wanted(holding("0.9"))
    assert wanted(holding("1"))


def test_foreign_shares_are_never_sold() -> None:
    assert not wanted(holding("100", a_lot(owner="foreign")))
    (intent,) = wanted(holding("150", a_lot(qty="100", owner="adopted"), a_lot(id="f", qty="50", owner="foreign")))
    assert (intent.lot, intent.qty) == ("lot-XLF", D(100))
    assert not wanted(a_snapshot(positions=(held("XLF", "100", owner="foreign"),)))


def test_a_stop_never_holds_more_than_the_broker_shows() -> None:
    """design 12"""
    (intent,) = wanted(holding("60", a_lot(qty="100")))
    assert intent.qty == 60
    assert not wanted(a_snapshot(books=some_books(lots=(a_lot(),))))


@pytest.mark.parametrize(("held_qty", "left"), [("60", D(60)), ("99.9", D(99))])
def test_a_stop_for_more_than_is_left_is_cancelled_first(held_qty: str, left: Any) -> None:
    snapshot = holding(held_qty, a_lot(qty=held_qty), own_orders=(resting(),))
    (intent,) = wanted(snapshot)
    assert (intent.purpose, intent.action, intent.replaces) == ("cancel_stop", "cancel", "desk-stop-lot-XLF")
    (later,) = wanted(replace(snapshot, own_orders=()))
    assert later.qty == left


def test_a_stop_whose_lot_is_gone_is_cancelled() -> None:
    (intent,) = wanted(a_snapshot(own_orders=(resting(),)))
    assert intent.purpose == "cancel_stop"


def test_a_second_stop_on_one_lot_is_cancelled() -> None:
    twice = (resting(), resting(client_order_id="desk-twin"))
    (intent,) = wanted(holding(own_orders=twice))
    assert (intent.purpose, intent.replaces) == ("cancel_stop", "desk-twin")


def test_a_stop_that_holds_too_little_or_trails_otherwise_is_replaced_and_keeps_its_mark() -> None:
    (more,) = wanted(holding("100", own_orders=(resting("60", high_water_mark=D(50)),)))
    assert (more.qty, more.replaces, more.high_water_mark) == (D(100), "desk-stop-lot-XLF", D(50))
    (nearer,) = wanted(holding(own_orders=(resting(),)), params(percent="8"))
    assert (nearer.trail_percent, nearer.replaces) == (D(8), "desk-stop-lot-XLF")


def test_a_lot_under_a_call_gets_no_stop() -> None:
    """C015: one owner for each 100-share lot."""
    covered = (held(call("XLF", NEAR, "42"), "-1"),)
    assert not wanted(holding("100", extra=covered))
    assert any("under a call" in reason for reason in reasons(holding("100", extra=covered)))
    (intent,) = wanted(holding("250", extra=covered))
    assert intent.qty == 150


def test_calls_take_the_oldest_lot() -> None:
    lots = (a_lot(id="new"), a_lot(id="old", opened_at=NOON - timedelta(days=90)))
    (intent,) = wanted(holding("200", *lots, extra=(held(call("XLF", NEAR, "42"), "-1"),)))
    assert intent.lot == "new"


def test_orders_to_sell_calls_or_shares_and_rolls_claim_their_shares() -> None:
    working = an_order(call("XLF", NEAR, "42"), purpose="covered_call")
    assert not wanted(holding(own_orders=(working,)))
    sale = an_order("XLF", "sell_to_close", "40", purpose="owner_close")
    (intent,) = wanted(holding(own_orders=(sale,)))
    assert intent.qty == 60
    roll = Roll(
        id="roll-1", underlying="XLF", right="call", old_symbol=call("XLF", NEAR, "42"), old_strike=D(42), qty=D(1),
        strategy="wheel", cycle="c", chain="c", rolls=1, stage="opening", ticks_left=4, started_at=NOON,
    )  # fmt: skip
    assert not wanted(holding(books=some_books(rolls=(roll,))))


def test_a_stop_that_a_call_has_overtaken_is_cancelled() -> None:
    snapshot = holding(own_orders=(resting(),), extra=(held(call("XLF", NEAR, "42"), "-1"),))
    (intent,) = wanted(snapshot)
    assert intent.purpose == "cancel_stop"


def test_wheel_lots_are_left_to_the_wheel() -> None:
    """wheel 1.14"""
    assert not wanted(holding(), params(wheel=("XLF",)))
    assert not reasons(holding(), params(wheel=("XLF",))), "what the configuration says is not news of a tick"


@pytest.mark.parametrize(("minutes", "armed"), [(21, False), (20, True), (5, True)])
def test_protected_wheel_lots_are_armed_near_the_close_when_calls_have_had_their_day(minutes: int, armed: bool) -> None:
    close = datetime(2026, 11, 18, 21, 0, tzinfo=UTC)
    snapshot = replace(holding(), at=close - timedelta(minutes=minutes))
    assert bool(wanted(snapshot, params(wheel=("XLF",), protect=True))) is armed


def test_odd_shares_of_a_protected_wheel_symbol_are_armed_at_once() -> None:
    (intent,) = wanted(holding("60", a_lot(qty="60")), params(wheel=("XLF",), protect=True))
    assert intent.qty == 60


def test_only_named_symbols_are_protected_where_symbols_are_named() -> None:
    assert wanted(holding(), params("XLF"))
    assert not wanted(holding(), params("SLV"))


def test_another_strategys_stop_is_not_touched() -> None:
    other = holding(own_orders=(resting(strategy="other", trail_percent=D(5)),))
    assert not wanted(other, params("SLV"))
    assert not wanted(other)


def test_stops_live_under_every_halt_but_stop() -> None:
    """wheel 1.7"""
    for level in ("no_new_risk", "reduce_only"):
        assert wanted(holding(halt=Halt(level=level)))
    assert not wanted(holding(halt=Halt(level="stop")))


def test_no_stop_is_sent_while_shares_are_being_assigned_or_sold_by_the_owner() -> None:
    """wheel 1.11"""
    drift = Drift(symbol=call("XLF", NEAR, "42"), kind="pending", what="assignment", broker=D(0), ours=D(-1))
    assert not wanted(holding(books=some_books(drift=(drift,))))
    assert not wanted(holding(books=some_books(instructions=(word("XLF", "close"),))))


def test_nothing_is_asked_or_wanted_outside_the_session() -> None:
    night = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)
    snapshot = a_snapshot(night, positions=(held("XLF", "100"),), books=some_books(lots=(a_lot(),)))
    assert not wanted(snapshot)
    assert PLANNER.needs(holdings_of(snapshot), params(), night) == ()


def test_quotes_are_asked_for_what_may_be_protected() -> None:
    needed = PLANNER.needs(holdings_of(holding()), params(), NOON)
    assert needed == (QuotesRequest(symbols=("XLF",)),)
    assert PLANNER.needs(holdings_of(holding()), params(wheel=("XLF",)), NOON) == ()


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    snapshot = holding("140", a_lot(id="a", qty="100"), a_lot(id="b", qty="40"))
    encode = msgspec.msgpack.Encoder(order="deterministic").encode
    assert encode(PLANNER.plan(snapshot, params())) == encode(PLANNER.plan(snapshot, params()))
