"""Selling calls on held lots: which lots, above which floor, and what stands against it (C017)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Books, Counters, Halt, Roll
from bot.domain.market import Dividend
from bot.domain.orders import OrderIntent, leg
from bot.domain.snapshot import Snapshot
from bot.planners.wheel import candidates
from bot.tests.builders import NOON, D, a_lot, an_order, call, held, some_events, some_limits
from bot.tests.planners.wheel_scene import (
    CALL_415,
    NEAR,
    call_chain,
    params,
    planned,
    scene,
    some_books,
    the_note,
    word,
)


def with_shares(shares: str = "100", *lots: Any, **given: Any) -> Snapshot:
    books: Books = given.pop("books", some_books())
    made = lots or (a_lot(qty=shares, basis="39"),)
    positions = (held("XLF", shares), *given.pop("positions", ()))
    return scene(call_chain(), positions=positions, books=replace(books, lots=made), **given)


def calls(snapshot: Snapshot, given: Any = None) -> list[OrderIntent]:
    return [one for one in planned(snapshot, given).intents if one.purpose == "covered_call"]


def test_a_call_is_sold_on_an_uncovered_lot_nearest_the_target_delta() -> None:
    (intent,) = calls(with_shares())
    assert (intent.symbol, intent.side, intent.qty) == (CALL_415, "sell_to_open", D(1))
    assert (intent.limit_price, intent.lot, intent.cycle) == (D("0.42"), "lot-XLF", "cycle-XLF")
    assert "100 shares held" in intent.reason
    yielded = D("0.42") / 40 * 365 / 30
    assert dict(intent.numbers)["yield"] == str(round(yielded, 4))


def test_every_lot_is_offered_up_to_the_order_size() -> None:
    wide = some_limits(contracts_per_tick=None, contracts_per_symbol_day=None, contracts_per_day=None)
    (intent,) = calls(with_shares("350"), params(contracts_per_order=9, limits=wide))
    assert intent.qty == 3
    (intent,) = calls(with_shares("350"), params(contracts_per_order=2, limits=wide))
    assert intent.qty == 2


@pytest.mark.parametrize(("floor", "sold"), [("41.5", "41.5"), ("41.51", "42"), ("39", "41.5")])
def test_no_call_is_sold_below_the_floor(floor: str, sold: str) -> None:
    """wheel 1.3: strike alone against the basis; 42 is inside the band, 41.5 nearer the target."""
    (intent,) = calls(with_shares("100", a_lot(basis=floor)))
    assert intent.symbol == call("XLF", NEAR, sold)


def test_a_floor_above_every_strike_is_the_nearest_miss() -> None:
    note = the_note(with_shares("100", a_lot(basis="44")), "call")
    assert "below the call floor" in note.reason
    assert (note.value, note.limit, note.unit) == (D(42), D(44), "usd")


@pytest.mark.parametrize(("floor", "strike"), [("strike", "42"), ("tax", "41.5"), ("wheel", "41")])
def test_the_floor_is_the_basis_that_the_profile_names(floor: str, strike: str) -> None:
    """wheel 1.3"""
    lot = a_lot(basis_strike=D(42), basis_tax=D("41.5"), basis_wheel=D("40.8"))
    given = params(call_floor=floor, call_delta_target=D("0.33"))
    (intent,) = calls(with_shares("100", lot), given)
    assert intent.symbol == call("XLF", NEAR, strike)


def test_an_unknown_basis_refuses_the_call() -> None:
    note = the_note(with_shares("100", a_lot(basis_tax=None)), "call")
    assert note.reason == "the tax basis of a lot is unknown: no call on it"


def test_of_several_lots_the_next_uncovered_one_sets_the_floor() -> None:
    """Oldest first, as an assignment takes them; the lot under a call is past."""
    old = a_lot(id="old", basis="42", opened_at=NOON - timedelta(days=20))
    new = a_lot(id="new", basis="39")
    (intent,) = calls(with_shares("200", new, old))
    assert (intent.lot, intent.symbol) == ("old", call("XLF", NEAR, "42"))
    short = (held(call("XLF", NEAR, "42"), "-1"),)
    (intent,) = calls(with_shares("200", new, old, positions=short))
    assert (intent.lot, intent.symbol) == ("new", CALL_415)


def test_an_order_over_two_lots_stands_above_the_dearer_one() -> None:
    wide = some_limits(contracts_per_tick=None, contracts_per_symbol_day=None, contracts_per_day=None)
    old = a_lot(id="old", basis="39", opened_at=NOON - timedelta(days=20))
    (intent,) = calls(with_shares("200", old, a_lot(id="new", basis="42")), params(contracts_per_order=2, limits=wide))
    assert (intent.qty, intent.lot, intent.symbol) == (D(2), "new", call("XLF", NEAR, "42"))


def test_a_lot_under_a_short_call_gets_no_second_one() -> None:
    """C016: uncovered lots = shares // 100 less open short calls."""
    note = the_note(with_shares("199", positions=(held(call("XLF", NEAR, "43"), "-1"),)), "call")
    assert (note.reason, note.value, note.limit) == ("every lot is under a call", D(1), D(1))


def test_a_working_order_to_sell_a_call_claims_its_lot() -> None:
    order = an_order(call("XLF", NEAR, "43"), purpose="covered_call", strategy="other")
    note = the_note(with_shares("200", own_orders=(order,)), "call")
    assert note.reason == "an order to sell a call is working"
    mine = replace(order, strategy="wheel")
    assert not calls(with_shares("200", own_orders=(replace(mine, slot=NOON),)))


def test_the_covered_call_cap_leaves_lots_free() -> None:
    """peers: keep upside. Half of three lots is one."""
    wide = some_limits(contracts_per_tick=None, contracts_per_symbol_day=None, contracts_per_day=None)
    given = params(covered_call_cap=D("0.5"), contracts_per_order=9, limits=wide)
    (intent,) = calls(with_shares("300"), given)
    assert intent.qty == 1
    note = the_note(with_shares("300", positions=(held(call("XLF", NEAR, "43"), "-1"),)), "call", given)
    assert note.reason == "covered_call_cap leaves these lots free of calls"
    assert not calls(with_shares("100"), given)


def test_shares_that_are_not_the_wheels_get_no_call() -> None:
    foreign = with_shares("100", a_lot(owner="foreign"))
    assert the_note(foreign, "call").reason == "these shares are not the wheel's: adopt them"
    other = with_shares("100", a_lot(strategy="stops"))
    assert not calls(other)
    adopted = with_shares("100", a_lot(owner="adopted", strategy="", basis="39"))
    assert len(calls(adopted)) == 1


def test_the_broker_decides_how_many_shares_there_are() -> None:
    """design 12: the books say 200, the broker 100."""
    wide = some_limits(contracts_per_tick=None, contracts_per_symbol_day=None, contracts_per_day=None)
    snapshot = with_shares("100", a_lot(qty="200", basis="39"))
    (intent,) = calls(snapshot, params(contracts_per_order=9, limits=wide))
    assert intent.qty == 1


def test_fewer_than_a_hundred_shares_are_no_lot() -> None:
    note = the_note(with_shares("99.5"), "call")
    assert (note.reason, note.value, note.limit) == ("fewer than 100 shares", D("99.5"), D(100))


def test_two_odd_lots_make_one_hundred() -> None:
    (intent,) = calls(with_shares("100", a_lot(id="a", qty="50", basis="39"), a_lot(id="b", qty="50", basis="42")))
    assert (intent.lot, intent.symbol) == ("b", call("XLF", NEAR, "42"))


def test_a_roll_of_a_call_reserves_its_lot() -> None:
    """wheel 1.5: the lot stays reserved until the opening leg stands."""
    roll = Roll(
        id="roll-1", underlying="XLF", right="call", old_symbol=call("XLF", NEAR, "40.5"), old_strike=D("40.5"),
        qty=D(1), strategy="other", cycle="c", chain="c", rolls=1, stage="opening", ticks_left=4, started_at=NOON,
    )  # fmt: skip
    assert not calls(with_shares(books=some_books(rolls=(roll,))))


def test_the_halts_grade_what_calls_may_do() -> None:
    """wheel 1.7"""
    assert calls(with_shares(halt=Halt(level="no_new_risk")))
    strict = params(limits=some_limits(covered_calls_under_no_new_risk=False))
    assert not calls(with_shares(halt=Halt(level="no_new_risk")), strict)
    assert not calls(with_shares(halt=Halt(level="reduce_only")))


def test_no_call_is_sold_on_shares_the_owner_is_closing() -> None:
    snapshot = with_shares(books=some_books(instructions=(word("XLF", "close"),)))
    assert the_note(snapshot, "call").reason == "the owner is closing these shares"


def test_the_days_contracts_bound_calls_too() -> None:
    snapshot = with_shares(books=some_books(counters=Counters(contracts_today=(("XLF", 1),))))
    assert "new contracts on this symbol today" in the_note(snapshot, "call").reason


# Wednesday 2026-11-18; Thursday the 26th is Thanksgiving: five sessions ahead is Wednesday the 25th.
@pytest.mark.parametrize(
    ("ex_date", "sold"),
    [
        (date(2026, 11, 18), True),
        (date(2026, 11, 19), False),
        (date(2026, 11, 25), False),
        (date(2026, 11, 27), True),
    ],
)
def test_no_call_is_sold_in_the_five_sessions_before_an_ex_date(ex_date: date, sold: bool) -> None:
    """wheel 1.9"""
    dividend = Dividend(symbol="XLF", ex_date=ex_date, amount=D("0.20"))
    events = (some_events("XLF", dividend_status="known", dividends=(dividend,)),)
    assert bool(calls(with_shares(events=events))) is sold
    assert calls(with_shares(events=events), params(ex_date_entry_avoided=False))


# Today is 2026-11-18: a date expected on the 13th fell on the 18th at the latest; one expected on 30 November may be
# the 25th already, five sessions ahead.
@pytest.mark.parametrize(
    ("expected", "sold"),
    [
        (date(2026, 11, 13), True),
        (date(2026, 11, 14), False),
        (date(2026, 11, 18), False),
        (date(2026, 11, 30), False),
        (date(2026, 12, 2), True),
    ],
)
def test_an_expected_ex_date_counts_five_days_either_way(expected: date, sold: bool) -> None:
    """wheel 1.9"""
    dividend = Dividend(symbol="XLF", ex_date=expected, amount=D("0.20"), expected=True)
    events = (some_events("XLF", dividend_status="known", dividends=(dividend,)),)
    assert bool(calls(with_shares(events=events))) is sold


def test_unknown_dividends_refuse_calls() -> None:
    """wheel 1.9: unknown fails closed."""
    unknown = (some_events("XLF", dividend_status="unknown"),)
    assert the_note(with_shares(events=unknown), "call").reason == "ex-dividend dates are unknown: no call is sold"
    assert not calls(with_shares(events=()))


def resting_stop(qty: str = "100") -> Any:
    return an_order(
        "XLF", "sell_to_close", qty, client_order_id="desk-stop", purpose="trailing_stop", strategy="stops",
        order_type="trailing_stop", limit_price=None, trail_percent=D(12), time_in_force="gtc", lot="lot-XLF",
        legs=(leg("XLF", "sell_to_close"),), slot=NOON - timedelta(days=1),
    )  # fmt: skip


def test_a_call_follows_only_after_the_stop_on_its_lot_is_gone() -> None:
    """wheel 1.14: first the cancellation, the call on a later read."""
    protected = replace(params(), protect_wheel_lots=True)
    intents = planned(with_shares(own_orders=(resting_stop(),)), protected).intents
    assert [(one.purpose, one.action, one.replaces) for one in intents] == [("cancel_stop", "cancel", "desk-stop")]
    assert calls(with_shares(), protected)


def test_a_stop_is_not_cancelled_for_a_call_that_is_not_there() -> None:
    protected = replace(params(call_yield_min=D(5)), protect_wheel_lots=True)
    assert not planned(with_shares(own_orders=(resting_stop(),)), protected).intents


def test_no_halt_removes_a_resting_stop() -> None:
    """wheel 1.7"""
    protected = replace(params(), protect_wheel_lots=True)
    snapshot = with_shares(own_orders=(resting_stop(),), halt=Halt(level="no_new_risk"))
    assert not planned(snapshot, protected).intents


def test_without_protection_a_stop_on_the_shares_simply_claims_them() -> None:
    note = the_note(with_shares(own_orders=(resting_stop(),)), "call")
    assert (note.reason, note.value) == ("orders to sell these shares are resting", D(100))


def test_a_stop_on_other_shares_leaves_the_lot_to_its_call() -> None:
    assert len(calls(with_shares("150", a_lot(qty="150", basis="39"), own_orders=(resting_stop("50"),)))) == 1


def test_scanned_calls_know_the_floor_of_the_lots() -> None:
    seen = candidates(with_shares("100", a_lot(basis="41.8")), params(), "XLF", "call")
    out = {str(one.strike): one.out for one in seen}
    assert out["42"] == ""
    assert out["41.5"] == "strike below the call floor"
    bare = {str(one.strike): one.out for one in candidates(scene(call_chain()), params(), "XLF", "call")}
    assert bare["41.5"] == ""
