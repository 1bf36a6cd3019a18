"""What a stranger tried to break: doubted reads, money nobody explains, stops that must not go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.ledger import Books, Drift
from bot.domain.orders import leg
from bot.planners.trailing_stop import PLANNER
from bot.tests.builders import NOON, D, a_lot, a_quote, a_snapshot, an_option_leg, an_order, held, put
from bot.tests.gates.scenes import (
    EXPIRY,
    PUT,
    PUT_LOWER,
    a_buy_back,
    a_call,
    a_cancel,
    a_case,
    a_put,
    a_roll,
    a_sale,
    ask,
    changed,
    with_shares,
)
from bot.tests.planners.test_trailing_stop import params, resting

CASH_GONE = Drift(symbol="CASH", kind="unexplained", what="-500 USD", broker=D(24500), ours=D(25000))


def test_cash_nobody_can_explain_refuses_new_risk_on_every_symbol_and_no_exit() -> None:
    """design 12"""
    facts: dict[str, Any] = with_shares("100", drift=(CASH_GONE,))
    case = a_case(**facts)
    assert not ask("no_drift", a_put(), case).ok
    assert not ask("no_drift", a_put(put("XLU", EXPIRY, "30")), case).ok
    assert not ask("no_drift", a_call(), case).ok
    assert ask("no_drift", a_sale(), case).ok
    short = a_case(positions=(held(PUT, "-1"),), books=Books(legs=(an_option_leg(PUT),), drift=(CASH_GONE,)))
    assert ask("no_drift", a_buy_back(), short).ok
    assert ask("no_drift", a_cancel("desk-1"), case).ok


def test_cash_that_is_only_pending_does_not_stop_other_symbols() -> None:
    pending = Drift(symbol="CASH", kind="pending", what="money of what is pending", broker=D(1), ours=D(2))
    assert ask("no_drift", a_put(), a_case(books=Books(drift=(pending,)))).ok


def test_no_message_of_the_safety_gates_names_a_command_that_does_not_exist() -> None:
    order = an_order(PUT, state="unknown")
    reason = ask("nothing_unresolved", a_put(), a_case(own_orders=(order,))).reason
    assert "order resolve" not in reason
    assert "desk-" in reason


# A read that shows fewer shares than the books is a doubt, not a sale: the stop stays.
GONE = Drift(symbol="XLF", kind="unexplained", what="the broker shows less", broker=D(0), ours=D(100))


@pytest.mark.parametrize(
    ("positions", "books"),
    [
        ((), Books(lots=(a_lot(),), last_positions=(("XLF", D(100)),))),
        ((held("XLU", "10"),), Books(lots=(a_lot(),), drift=(GONE,))),
    ],
    ids=["empty", "partial"],
)
def test_a_stop_is_not_cancelled_because_a_read_came_back_empty_or_partial(positions: Any, books: Books) -> None:
    """design 12, 15; F3"""
    snapshot = a_snapshot(positions=positions, books=books, own_orders=(resting(),))
    plan = PLANNER.plan(snapshot, params())
    assert plan.intents == ()
    assert any("doubt" in note.reason for note in plan.notes)


@pytest.mark.parametrize(
    "facts",
    [
        {"positions": (), "books": Books(lots=(a_lot(),), last_positions=(("XLF", D(100)),))},
        {"positions": (held("XLU", "10"),), "books": Books(lots=(a_lot(),), drift=(GONE,))},
    ],
    ids=["empty", "partial"],
)
def test_no_planner_may_take_a_stop_away_on_a_doubted_read(facts: Any) -> None:
    stop = an_order(
        "XLF", "sell_to_close", "100", order_type="trailing_stop", purpose="trailing_stop", lot="lot-XLF-1",
        legs=(leg("XLF", "sell_to_close"),), client_order_id="desk-stop",
    )  # fmt: skip
    case = a_case(own_orders=(stop,), **facts)
    verdict = ask("protection_stays", a_cancel("desk-stop", "cancel_stop", underlying="XLF"), case)
    assert not verdict.ok
    calm = a_case(own_orders=(stop,), **with_shares("100"))
    assert ask("protection_stays", a_cancel("desk-stop", "cancel_stop", underlying="XLF"), calm).ok


def test_a_short_put_missing_from_a_partial_read_still_ties_up_its_collateral() -> None:
    """design 12: a partial read is never read as flat, for no symbol of the account."""
    other = put("XLU", EXPIRY, "80")
    gone = Drift(symbol=other, kind="unexplained", what="the broker shows less", broker=D(0), ours=D(-2))
    seen = a_case(positions=(held(other, "-2"),), books=Books(legs=(an_option_leg(other, "-2"),)))
    missing = a_case(
        positions=(held("XLF", "1", "foreign"),), books=Books(legs=(an_option_leg(other, "-2"),), drift=(gone,))
    )
    assert seen.free_cash.value == missing.free_cash.value == D(25000) - 16000
    assert missing.standing.on("XLU").puts == 2
    assert missing.standing.series_total == 1


def test_one_roll_opens_once_whatever_series_a_second_order_names() -> None:
    """wheel 1.5: the budget of a roll pays one opening leg, not one for each series."""
    one = a_roll()
    opening = a_put(PUT, purpose="roll_open", roll="r1", key="r1")
    beside = a_put(PUT_LOWER, purpose="roll_open", roll="r1", key="r1-too")
    case = a_case(books=Books(rolls=(one,)))
    assert ask("roll_earns_its_budget", opening, case).ok
    assert not ask("roll_earns_its_budget", beside, case.accepting(opening)).ok
    working = an_order(PUT, purpose="roll_open", roll="r1", client_order_id="desk-open")
    taken = a_case(books=Books(rolls=(one,)), own_orders=(working,))
    assert not ask("roll_earns_its_budget", beside, taken).ok
    assert ask("roll_earns_its_budget", changed(opening, replaces="desk-open"), taken).ok


@pytest.mark.parametrize(("ahead", "fresh"), [(2, True), (60, True), (61, False)])
def test_a_quote_from_the_future_is_no_fresh_quote(ahead: int, fresh: bool) -> None:
    """F11: a host whose clock is behind must not take every quote for a new one."""
    series = a_quote(PUT, "0.58", "0.62", open_interest=500)
    case = a_case(quotes=(a_quote("XLF", at=NOON + timedelta(seconds=ahead)), series))
    assert ask("quote_is_fresh", a_put(), case).ok is fresh
