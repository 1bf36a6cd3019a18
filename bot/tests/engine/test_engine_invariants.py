"""Invariants as numbers: zero is green, what is away from zero says what, how much and since when."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.desk import Desk, TrailingNumbers, TrailingParams
from bot.domain.holdings import BrokerOrder
from bot.domain.invariants import (
    CASH_GAP,
    CASH_PENDING,
    CASH_UNEXPLAINED,
    DOUBLED,
    FOREIGN,
    NAMES,
    OLDEST_INPUT,
    OLDEST_UNKNOWN,
    ORPHANS,
    POSITIONS_GAP,
    POSITIONS_UNEXPLAINED,
    UNPROTECTED,
    WAIVED,
    Invariant,
)
from bot.domain.ledger import Books, Drift, Instruction
from bot.domain.orders import OwnOrder, leg
from bot.domain.snapshot import InputAge, Mark, Snapshot
from bot.engine.invariants import invariants_of
from bot.engine.invariants_shares import WHEEL_LOT_MINUTES
from bot.planners import trailing_stop
from bot.tests.builders import (
    NOON,
    D,
    a_desk,
    a_lot,
    a_quote,
    a_session,
    a_snapshot,
    an_option_leg,
    an_order,
    call,
    held,
    put,
    some_limits,
)

EXPIRY = date(2026, 12, 18)
OURS = "test-" + "0a" * 12
EVENING = NOON.replace(hour=23)


def a_desk_with_stops(*symbols: str, wheel: str = "XLU", protect: bool = False, enabled: bool = True) -> Desk:
    stops = TrailingParams(
        name="stops", numbers=TrailingNumbers(trail_percent=D(12), protect_wheel_lots=protect), symbols=symbols,
        wheel_symbols=frozenset({wheel}),
    )  # fmt: skip
    return a_desk(trailing_stops=((2, enabled, stops),))


def a_stop(qty: str = "100", symbol: str = "XLF", **given: Any) -> OwnOrder:
    facts: dict[str, Any] = {
        "client_order_id": "s1", "strategy": "stops", "purpose": "trailing_stop", "order_type": "trailing_stop",
        "limit_price": None, "time_in_force": "gtc", "lot": f"lot-{symbol}",
    }  # fmt: skip
    return an_order(symbol, "sell_to_close", qty, **(facts | given))


def their_order(order_id: str, symbol: str = "ZETA", position_intent: str = "buy_to_open", **given: Any) -> BrokerOrder:
    facts: dict[str, Any] = {
        "broker_order_id": "b-77", "client_order_id": order_id, "legs": (leg(symbol, position_intent),), "qty": D(3),
        "filled_qty": D(1), "order_type": "limit", "limit_price": D("2.50"), "time_in_force": "gtc", "status": "new",
        "submitted_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return BrokerOrder(**(facts | given))


def with_lot(symbol: str = "XLF", qty: str = "100", shown: str = "", **snapshot: Any) -> dict[str, Any]:
    """One lot of ours, the broker's position in it, and our mark of 40."""
    books = Books(lots=(a_lot(symbol, qty),), cash=D(25000), **snapshot.pop("books", {}))
    position = (held(symbol, shown or qty),)
    return {
        "books": books,
        "positions": position,
        "marks": (Mark(symbol=symbol, price=D(40), source="mid"),),
    } | snapshot


def numbers(desk: Desk | None = None, before: tuple[Invariant, ...] = (), **snapshot: Any) -> dict[str, Invariant]:
    taken = invariants_of(scene(**snapshot), desk or a_desk_with_stops(), before)
    assert tuple(one.name for one in taken) == NAMES
    return {one.name: one for one in taken}


def scene(**snapshot: Any) -> Snapshot:
    return a_snapshot(**({"books": Books(cash=D(25000))} | snapshot))


def off(found: dict[str, Invariant]) -> list[str]:
    return [name for name, one in found.items() if not one.ok]


def test_an_account_in_order_is_green_throughout() -> None:
    found = numbers(**with_lot(own_orders=(a_stop(),)))
    assert off(found) == []
    assert {one.value for one in found.values()} == {D(0)}
    assert {one.since for one in found.values()} == {None}


def test_a_lot_whose_stop_is_missing_counts_with_its_dollars() -> None:
    one = numbers(**with_lot())[UNPROTECTED]
    assert (one.ok, one.value, one.unit, one.symbols) == (False, D("4000.00"), "usd", ("XLF",))
    assert one.detail == "100 XLF of lot-XLF without a working stop"
    assert one.since == NOON


@pytest.mark.parametrize(
    ("stop", "bare"),
    [
        (a_stop(), "0"),
        (a_stop("60"), "1600"),
        (a_stop("100", filled_qty=D(30)), "1200"),
        (a_stop(state="unknown"), "4000"),
        (a_stop(state="sending"), "4000"),
        (a_stop(order_type="limit", limit_price=D(44)), "0"),
    ],
    ids=["whole", "part", "part filled", "no answer", "on its way", "a sale claims them"],
)
def test_only_what_a_resting_stop_or_a_sale_takes_is_not_bare(stop: OwnOrder, bare: str) -> None:
    assert numbers(**with_lot(own_orders=(stop,)))[UNPROTECTED].value == D(bare)


def test_a_stop_the_owner_placed_by_hand_guards_as_well() -> None:
    by_hand = their_order("by-hand", "XLF", "sell_to_close", qty=D(100), filled_qty=D(0), order_type="stop",
                          stop_price=D(36), limit_price=None)  # fmt: skip
    assert numbers(**with_lot(foreign_orders=(by_hand,)))[UNPROTECTED].ok


def test_shares_under_a_call_are_covered_and_the_rest_is_bare() -> None:
    short = call("XLF", EXPIRY, "42")
    facts = with_lot(qty="150")
    facts["positions"] = (*facts["positions"], held(short, "-1"))
    facts["books"] = Books(lots=facts["books"].lots, legs=(an_option_leg(short),), cash=D(25000))
    found = numbers(**facts)
    assert found[UNPROTECTED].value == D(2000)
    assert (found[WAIVED].value, found[WAIVED].ok) == (D(4000), True)
    assert found[WAIVED].detail == "XLF: under a call or a sale"


CLOSING = Instruction(contract="XLF", word="close", at=NOON, author="ann")


@pytest.mark.parametrize(
    ("desk", "facts", "excuse"),
    [
        (a_desk(), {}, "no stop is configured for it"),
        (a_desk_with_stops(enabled=False), {}, "no stop is configured for it"),
        (a_desk_with_stops("KO"), {}, "no stop is configured for it"),
        (a_desk_with_stops(wheel="XLF"), {}, "the wheel's, whose lots get no stop (protect_wheel_lots = false)"),
        (a_desk_with_stops(), {"books": {"instructions": (CLOSING,)}}, "the owner is closing it"),
        (a_desk_with_stops(wheel="XLF", protect=True), {},
         "left to the wheel's calls until 20 minutes before the close"),
        (a_desk_with_stops(), {"qty": "0.5"}, "a fraction: a stop holds whole shares only"),
    ],
    ids=["none", "disabled", "other names", "wheel", "closing", "until the close", "fraction"],
)  # fmt: skip
def test_a_stated_waiver_is_counted_apart_and_is_green(desk: Desk, facts: dict[str, Any], excuse: str) -> None:
    found = numbers(desk, **with_lot(**facts))
    assert found[UNPROTECTED].ok
    assert found[WAIVED].ok
    assert found[WAIVED].value > 0
    assert found[WAIVED].detail == f"XLF: {excuse}"


def test_a_wheel_lot_that_stood_at_the_close_should_have_its_stop_in_the_evening() -> None:
    desk = a_desk_with_stops(wheel="XLF", protect=True)
    evening: dict[str, Any] = {"at": EVENING, "session": a_session(EVENING)}
    assert not numbers(desk, **with_lot(), **evening)[UNPROTECTED].ok
    close = a_session(NOON).close_at
    for minutes, bare in ((WHEEL_LOT_MINUTES, False), (WHEEL_LOT_MINUTES + 1, True)):
        late = a_lot(opened_at=close - timedelta(minutes=minutes))
        facts = with_lot() | {"books": Books(lots=(late,), cash=D(25000))} | evening
        assert numbers(desk, **facts)[UNPROTECTED].ok is not bare
    assert trailing_stop.WHEEL_LOT_MINUTES == WHEEL_LOT_MINUTES


def test_shares_that_are_not_ours_need_no_stop_of_ours() -> None:
    facts = with_lot() | {"books": Books(lots=(a_lot(owner="foreign"),), cash=D(25000))}
    assert numbers(**facts)[UNPROTECTED].ok


def test_an_order_in_our_name_that_the_ledger_does_not_know_is_an_orphan() -> None:
    found = numbers(foreign_orders=(their_order(OURS), their_order("by-hand"), their_order("test-by-hand")))
    one = found[ORPHANS]
    assert (one.ok, one.value, one.unit, one.symbols) == (False, D(1), "orders", ("ZETA",))
    assert one.detail == f"{OURS} (broker id b-77): buy_to_open 2 ZETA, new"
    assert numbers(foreign_orders=(their_order(OURS, status="canceled"),))[ORPHANS].ok


def test_two_stops_on_one_lot_count_what_they_would_sell_beyond_it() -> None:
    """F5: a second stop sells shares that are not there."""
    both = (a_stop(), a_stop("40", client_order_id="s2"))
    one = numbers(**with_lot(own_orders=both))[DOUBLED]
    assert (one.ok, one.value, one.unit, one.symbols) == (False, D(40), "shares", ("XLF",))
    assert one.detail == "XLF: stops over 140, held 100"
    assert numbers(**with_lot(qty="140", own_orders=both))[DOUBLED].ok
    by_hand = their_order("by-hand", "XLF", "sell_to_close", order_type="stop", stop_price=D(36), filled_qty=D(2))
    assert numbers(**with_lot(own_orders=(a_stop(),), foreign_orders=(by_hand,)))[DOUBLED].value == 1


def test_a_stop_on_shares_that_are_gone_counts_in_full() -> None:
    assert numbers(own_orders=(a_stop(),))[DOUBLED].value == 100


def test_foreign_things_count_at_our_marks_and_their_orders_at_their_price() -> None:
    strange = put("KO", EXPIRY, "60")
    marks = (Mark(symbol="IBM", price=D(250), source="mid"), Mark(symbol=strange, price=D("1.20"), source="mid"))
    positions = (held("IBM", "3", "foreign"), held(strange, "-2", "foreign"))
    one = numbers(positions=positions, marks=marks)[FOREIGN]
    assert (one.ok, one.value, one.detail) == (False, D("990.00"), f"IBM, {strange}")
    one = numbers(foreign_orders=(their_order("by-hand"),))[FOREIGN]
    assert (one.value, one.detail) == (D("5.00"), "order by-hand")
    market = their_order("by-hand", order_type="market", limit_price=None)
    assert numbers(foreign_orders=(market,), quotes=(a_quote("ZETA", "2.99", "3.01"),))[FOREIGN].value == D(6)
    unpriced = numbers(foreign_orders=(market,))[FOREIGN]
    assert (unpriced.value, unpriced.ok) == (D(0), False)


def test_of_a_mixed_position_only_the_rest_is_foreign() -> None:
    facts = with_lot(shown="130")
    facts["positions"] = (held("XLF", "130", "mixed"),)
    assert numbers(**facts)[FOREIGN].value == D(1200)


def test_what_is_pending_is_neither_foreign_nor_missing() -> None:
    """F7: shares of an assignment are in the account before the history says so."""
    coming = Drift(symbol="XLF", kind="pending", what="assignment pending", broker=D(100), ours=D(0))
    short = put("XLF", EXPIRY, "40")
    gone = Drift(symbol=short, kind="pending", what="assignment pending", broker=D(0), ours=D(-1))
    books = Books(legs=(an_option_leg(short),), drift=(coming, gone), cash=D(25000))
    found = numbers(books=books, positions=(held("XLF", "100", "foreign"),))
    assert off(found) == []
    assert (found[FOREIGN].value, found[POSITIONS_GAP].value) == (D(0), D(0))


def test_less_at_the_broker_than_in_the_books_is_a_gap_in_each_position() -> None:
    short = put("KO", EXPIRY, "60")
    books = Books(lots=(a_lot(),), legs=(an_option_leg(short, "-2"),), cash=D(25000))
    one = numbers(books=books, positions=(held("XLF", "60"), held(short, "-1")))[POSITIONS_GAP]
    assert (one.ok, one.value, one.symbols) == (False, D(2), ("KO", "XLF"))
    assert one.detail == f"{short}: books less broker -1; XLF: books less broker 40"
    assert numbers(books=books, positions=(held("XLF", "100"), held(short, "-2")))[POSITIONS_GAP].ok
    assert not numbers(books=books, positions=(held("XLF", "100"), held(short, "2")))[POSITIONS_GAP].ok


def test_positions_nobody_can_explain_are_counted() -> None:
    gone = Drift(symbol="XLF", kind="unexplained", what="less than our books", broker=D(0), ours=D(100))
    one = numbers(books=Books(drift=(gone,), cash=D(25000)))[POSITIONS_UNEXPLAINED]
    assert (one.ok, one.value, one.symbols) == (False, D(1), ("XLF",))


@pytest.mark.parametrize("kind", ["unexplained", "pending"])
def test_cash_is_unexplained_or_pending_never_both(kind: Any) -> None:
    drift = Drift(symbol="CASH", kind=kind, what="12.5 USD more", broker=D("25012.5"), ours=D(25000), since=NOON,
                  expected_until=NOON if kind == "pending" else None)  # fmt: skip
    found = numbers(books=Books(drift=(drift,), cash=D("24987.5")))
    unexplained = kind == "unexplained"
    assert found[CASH_UNEXPLAINED].value == (D("12.5") if unexplained else 0)
    assert found[CASH_UNEXPLAINED].ok is not unexplained
    assert (found[CASH_PENDING].value, found[CASH_PENDING].ok) == (D(0) if unexplained else D("12.5"), True)
    assert found[CASH_GAP].value == (D("-12.5") if unexplained else 0)
    assert found[CASH_GAP].ok is not unexplained


def test_fees_the_broker_has_not_booked_yet_are_a_gap_that_holds() -> None:
    one = numbers(books=Books(cash=D("24999.95")))[CASH_GAP]
    assert (one.value, one.ok, one.detail) == (D("-0.05"), True, "fees that the broker has not booked yet")


@pytest.mark.parametrize(
    ("age", "limit", "at", "ok"),
    [("1200", "1200", NOON, True), ("1201", "1200", NOON, False), ("1201", "1200", EVENING, True),
     ("-1201", "1200", NOON, False), ("99999", None, NOON, True)],
)  # fmt: skip
def test_the_oldest_price_may_be_as_old_as_any_price_may(age: str, limit: str | None, at: Any, ok: bool) -> None:
    limits = some_limits(quote_age_delayed_seconds=None if limit is None else D(limit))
    ages = (
        InputAge(name="chain XLF put", source="synthetic", age_seconds=float(age)),
        InputAge(name="clock", source="simulator", age_seconds=1.0),
        InputAge(name="dividends XLF", source="synthetic", age_seconds=900_000.0),
    )
    one = numbers(a_desk(limits=limits), inputs=ages, at=at, session=a_session(at))[OLDEST_INPUT]
    assert (one.ok, one.value, one.detail) == (ok, abs(D(age)), "chain XLF put from synthetic")
    assert one.since == (None if ok else at)


def test_a_name_whose_trading_is_halted_does_not_make_the_feed_old() -> None:
    old, older = a_quote("XLF", at=NOON - timedelta(minutes=21)), a_quote("KO", at=NOON - timedelta(hours=1))
    one = numbers(quotes=(old, replace(older, halted=True)))[OLDEST_INPUT]
    assert (one.ok, one.value, one.detail) == (False, D(1260), "quote XLF from synthetic")
    assert numbers(quotes=(replace(old, halted=True), replace(older, halted=True)))[OLDEST_INPUT].ok


def test_an_order_without_an_answer_counts_its_age_from_when_it_was_planned() -> None:
    lost = an_order(put("XLF", EXPIRY, "37"), state="unknown", client_order_id="lost")
    young = an_order(put("KO", EXPIRY, "60"), state="sending", planned_at=NOON - timedelta(minutes=1))
    one = numbers(own_orders=(young, lost))[OLDEST_UNKNOWN]
    assert (one.ok, one.value, one.unit, one.detail) == (False, D(900), "seconds", "lost")
    assert numbers(own_orders=(an_order(put("XLF", EXPIRY, "37")),))[OLDEST_UNKNOWN].ok


def test_the_moment_it_left_zero_is_kept_until_it_is_back() -> None:
    first = invariants_of(scene(**with_lot()), a_desk_with_stops())
    later = NOON + timedelta(minutes=15)
    second = invariants_of(scene(at=later, **with_lot(qty="150")), a_desk_with_stops(), first)
    assert {one.name: one.since for one in second}[UNPROTECTED] == NOON
    healed = invariants_of(scene(at=later, **with_lot(own_orders=(a_stop(),))), a_desk_with_stops(), second)
    assert {one.since for one in healed} == {None}
    again = invariants_of(scene(at=later, **with_lot()), a_desk_with_stops(), healed)
    assert {one.name: one.since for one in again}[UNPROTECTED] == later


def test_every_number_is_exact() -> None:
    assert all(isinstance(one.value, Decimal) for one in numbers(**with_lot()).values())
