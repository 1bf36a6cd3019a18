"""The owner's panic (wheel 1.7, 1.8, F9): what it cancels, what a flatten closes, and in which order."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.clearing import left_of
from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Books, Halt, Panic
from bot.domain.market import QuotesRequest
from bot.domain.orders import OrderIntent, leg
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Plan
from bot.gates.case import Case
from bot.gates.judge import judge
from bot.planners.panic import NAME, PLANNER, PanicParams, needs, plan
from bot.tests.builders import (
    NOON,
    D,
    a_desk,
    a_lot,
    a_quote,
    a_session,
    a_snapshot,
    an_account,
    an_option_leg,
    an_order,
    call,
    held,
    put,
)

PUT = put("XLF", date(2026, 12, 18), "38")
CALL = call("XLF", date(2026, 12, 18), "42")
NOTHING = PanicParams()
HALTED = Halt(level="reduce_only", author="ada", reason="panic", since=NOON)


def said(*, flatten: bool) -> Panic:
    return Panic(at=NOON - timedelta(hours=1), author="ada", reason="a bad feed", flatten=flatten)


def seen(*, flatten: bool = True, **given: Any) -> Snapshot:
    books = Books(
        cash=D(25000), equity_previous=D(25000), lots=given.pop("lots", ()), legs=given.pop("legs", ()),
        panic=said(flatten=flatten),
    )  # fmt: skip
    facts: dict[str, Any] = {
        "books": books, "halt": HALTED,
        "quotes": (a_quote("XLF"), a_quote(PUT, "0.60", "0.64"), a_quote(CALL, "0.30", "0.34")),
    }  # fmt: skip
    return a_snapshot(**(facts | given))


def all_held(**given: Any) -> Snapshot:
    """A put, shares under a stop and a call on them."""
    facts: dict[str, Any] = {
        "lots": (a_lot("XLF"),), "legs": (an_option_leg(PUT), an_option_leg(CALL)),
        "positions": (held("XLF", "100"), held(PUT, "-1"), held(CALL, "-1")), "own_orders": (a_stop(),),
    }  # fmt: skip
    return seen(**(facts | given))


def a_stop(**given: Any) -> Any:
    facts: dict[str, Any] = {
        "purpose": "trailing_stop", "strategy": "stops", "key": "lot-XLF", "lot": "lot-XLF",
        "order_type": "trailing_stop", "limit_price": None, "trail_percent": D("10"), "time_in_force": "gtc",
        "client_order_id": "the-stop",
    }  # fmt: skip
    return an_order("XLF", "sell_to_close", "100", **(facts | given))


def only(found: Plan) -> OrderIntent:
    assert len(found.intents) == 1, found
    return found.intents[0]


def reasons(found: Plan) -> str:
    return "; ".join(note.reason for note in found.notes)


def sent(snapshot: Snapshot) -> list[str]:
    """Give what the gates let through, as side and symbol."""
    verdicts = judge(plan(snapshot, NOTHING).intents, Case(snapshot=snapshot, desk=a_desk("XLF")))
    return [f"{one.intent.side} {one.intent.symbol}" if one.approved else one.reason for one in verdicts]


def test_without_a_panic_nothing_is_needed_or_wanted() -> None:
    snapshot = a_snapshot(own_orders=(an_order(PUT),))
    assert plan(snapshot, NOTHING) == Plan()
    assert needs(holdings_of(snapshot), NOTHING, NOON) == ()


def holdings_of(snapshot: Snapshot) -> Holdings:
    return Holdings(
        session=a_session(), account=an_account(), positions=(), own_orders=(), books=snapshot.books, halt=snapshot.halt
    )


def test_a_flatten_asks_for_the_quotes_of_everything_of_ours_and_a_plain_panic_for_none() -> None:
    assert needs(holdings_of(all_held()), NOTHING, NOON) == (QuotesRequest(symbols=("XLF", CALL, PUT)),)
    assert needs(holdings_of(all_held(flatten=False)), NOTHING, NOON) == ()


@pytest.mark.parametrize("flatten", [False, True])
def test_an_opening_order_is_cancelled_and_the_gates_let_it_pass_under_reduce_only(flatten: bool) -> None:
    snapshot = seen(flatten=flatten, own_orders=(an_order(PUT),))
    found = only(plan(snapshot, NOTHING))
    assert (found.action, found.replaces) == ("cancel", an_order(PUT).client_order_id)
    assert sent(snapshot) == ["cancel XLF"]


def test_a_plain_panic_touches_neither_stop_nor_exit_nor_holding() -> None:
    exit_order = an_order(PUT, "buy_to_close", purpose="take_profit")
    assert plan(all_held(flatten=False, own_orders=(a_stop(), exit_order)), NOTHING) == Plan()


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_an_order_without_an_answer_is_named_and_not_cancelled_blindly(state: Any) -> None:
    found = plan(seen(own_orders=(an_order(PUT, state=state, broker_order_id=""),)), NOTHING)
    assert found.intents == ()
    assert f"it is {state}" in reasons(found)


def test_an_exit_of_its_own_without_an_answer_is_named_with_the_way_out() -> None:
    lost = own_exit(state="sending", broker_order_id="")
    snapshot = seen(legs=(an_option_leg(PUT, "-2"),), positions=(held(PUT, "-2"),), own_orders=(lost,))
    found = plan(snapshot, NOTHING)
    assert found.intents == ()
    assert f"order {lost.client_order_id} is sending: nothing beside it" in reasons(found)
    assert "`bot order resolve`" in reasons(found)


def test_a_cancellation_under_way_is_not_asked_for_again() -> None:
    found = plan(seen(own_orders=(an_order(PUT, status="pending_cancel"),)), NOTHING)
    assert (found.intents, reasons(found)) == ((), "its cancellation is not confirmed yet")


def test_shorts_are_bought_back_at_the_far_side_before_their_shares_are_sold() -> None:
    found = plan(all_held(), NOTHING)
    assert [(one.symbol, one.side, one.limit_price, one.replaces) for one in found.intents] == [
        (PUT, "buy_to_close", D("0.64"), ""), (CALL, "buy_to_close", D("0.34"), ""),
    ]  # fmt: skip
    assert f"its sale waits until {CALL} is bought back" in reasons(found)
    assert sent(all_held()) == [f"buy_to_close {PUT}", f"buy_to_close {CALL}"]


def test_the_sale_takes_the_place_of_its_lots_stop() -> None:
    snapshot = all_held(legs=(), positions=(held("XLF", "100"),))
    found = only(plan(snapshot, NOTHING))
    assert (found.side, found.qty, found.limit_price, found.replaces, found.lot) == (
        "sell_to_close", D(100), D("39.99"), "the-stop", "lot-XLF",
    )  # fmt: skip
    assert sent(snapshot) == ["sell_to_close XLF"]


def test_a_call_that_may_still_be_sold_keeps_its_shares_until_it_is_gone() -> None:
    opening = an_order(CALL, purpose="covered_call")
    found = plan(all_held(legs=(), positions=(held("XLF", "100"),), own_orders=(a_stop(), opening)), NOTHING)
    assert only(found).action == "cancel"
    assert "its sale waits until the order that opens on it is gone" in reasons(found)


def test_another_exit_gives_way_to_the_far_side() -> None:
    resting = an_order(PUT, "buy_to_close", purpose="take_profit", limit_price=D("0.20"), key=f"leg-{PUT}")
    snapshot = seen(legs=(an_option_leg(PUT),), positions=(held(PUT, "-1"),), own_orders=(resting,))
    found = only(plan(snapshot, NOTHING))
    assert (found.replaces, found.limit_price) == (resting.client_order_id, D("0.64"))
    assert sent(snapshot) == [f"buy_to_close {PUT}"]


def own_exit(**given: Any) -> Any:
    facts: dict[str, Any] = {
        "strategy": NAME, "purpose": "owner_close", "key": f"leg-leg-{PUT}", "limit_price": D("0.64"), "step": 3,
    }  # fmt: skip
    return an_order(PUT, "buy_to_close", "2", **(facts | given))


@pytest.mark.parametrize(("ask", "limit"), [("0.64", None), ("0.62", None), ("0.70", "0.70")])
def test_its_own_order_follows_the_market_and_never_comes_back(ask: str, limit: str | None) -> None:
    snapshot = seen(
        legs=(an_option_leg(PUT, "-2"),), positions=(held(PUT, "-2"),), own_orders=(own_exit(),),
        quotes=(a_quote("XLF"), a_quote(PUT, "0.60", ask)),
    )  # fmt: skip
    found = plan(snapshot, NOTHING)
    assert [str(one.limit_price) for one in found.intents] == ([] if limit is None else [limit])


def test_what_is_left_of_a_partial_fill_is_followed_and_no_more() -> None:
    snapshot = seen(
        legs=(an_option_leg(PUT, "-1"),), positions=(held(PUT, "-1"),), own_orders=(own_exit(filled_qty=D(1)),),
        quotes=(a_quote("XLF"), a_quote(PUT, "0.60", "0.70")),
    )  # fmt: skip
    assert only(plan(snapshot, NOTHING)).qty == 1
    assert sent(snapshot) == [f"buy_to_close {PUT}"]


def test_a_put_nobody_bids_for_is_bought_at_the_ask() -> None:
    snapshot = seen(
        legs=(an_option_leg(PUT),), positions=(held(PUT, "-1"),), quotes=(a_quote("XLF"), a_quote(PUT, "0", "0.05"))
    )
    assert only(plan(snapshot, NOTHING)).limit_price == D("0.05")


def test_without_a_price_it_waits_and_says_so() -> None:
    found = plan(seen(legs=(an_option_leg(PUT),), positions=(held(PUT, "-1"),), quotes=()), NOTHING)
    assert (found.intents, reasons(found)) == ((), "it has no price to close at now; the next tick tries again")


def test_what_is_foreign_is_never_touched() -> None:
    snapshot = seen(
        lots=(a_lot("XLF", owner="foreign"),), positions=(held("XLF", "100", "foreign"), held(PUT, "-1", "foreign"))
    )
    assert plan(snapshot, NOTHING) == Plan()


def test_under_stop_nothing_of_it_is_sent() -> None:
    snapshot = seen(
        own_orders=(an_order(PUT),), halt=Halt(level="stop", author="HALT file", reason="r", clears="rm it")
    )
    assert sent(snapshot) == ["halt_allows: halt stop by HALT file: r; nothing is sent (rm it)"]


def test_when_the_flatten_is_ended_its_own_orders_are_taken_back_and_no_other() -> None:
    """What a word no longer wants must not fill hours later, and the stop may rest again."""
    theirs = an_order(PUT, "buy_to_close", purpose="take_profit", client_order_id="another")
    sale = own_exit(client_order_id="sale")
    snapshot = seen(own_orders=(theirs, sale, a_stop()), positions=(held(PUT, "-2"), held("XLF", "100")))
    ended = replace(snapshot, books=replace(snapshot.books, panic=None), halt=Halt())
    found = only(plan(ended, NOTHING))
    assert (found.action, found.replaces) == ("cancel", "sale")
    assert sent(ended) == ["cancel XLF"]
    plain = replace(snapshot, books=replace(snapshot.books, panic=said(flatten=False)))
    assert only(plan(plain, NOTHING)).replaces == "sale"
    for waiting in (own_exit(status="pending_cancel"), own_exit(state="unknown", broker_order_id="")):
        assert plan(replace(ended, own_orders=(waiting,)), NOTHING) == Plan()


def two_lots(**given: Any) -> Snapshot:
    """Two hundred shares, the second hundred under a stop, and one short call."""
    facts: dict[str, Any] = {
        "lots": (a_lot("XLF", id="bare"), a_lot("XLF")), "legs": (an_option_leg(CALL),),
        "positions": (held("XLF", "200"), held(CALL, "-1")), "own_orders": (a_stop(),),
    }  # fmt: skip
    return seen(**(facts | given))


def test_shares_that_no_call_needs_are_sold_at_once_and_what_it_needs_stays() -> None:
    snapshot = two_lots()
    found = plan(snapshot, NOTHING)
    assert [(one.symbol, one.lot) for one in found.intents] == [(CALL, ""), ("XLF", "lot-XLF")]
    assert f"its sale waits until {CALL} is bought back" in reasons(found)
    assert sent(snapshot) == [f"buy_to_close {CALL}", "sell_to_close XLF"]
    both = two_lots(positions=(held("XLF", "200"), held(CALL, "-2")), legs=(an_option_leg(CALL, "-2"),))
    assert [one.symbol for one in plan(both, NOTHING).intents] == [CALL]


def test_a_foreign_call_keeps_the_shares_it_needs_and_no_more_and_is_never_bought_back() -> None:
    foreign = two_lots(legs=(), positions=(held("XLF", "200"), held(CALL, "-1", "foreign")))
    found = plan(foreign, NOTHING)
    assert [(one.symbol, one.lot) for one in found.intents] == [("XLF", "lot-XLF")]
    assert f"its sale waits until {CALL} is bought back" in reasons(found)
    assert sent(foreign) == ["sell_to_close XLF"]


def test_a_working_sale_of_one_lot_leaves_the_others_no_share_that_a_call_needs() -> None:
    sale = an_order(
        "XLF", "sell_to_close", "100", strategy=NAME, purpose="owner_close", key="lot-lot-XLF", lot="lot-XLF",
        limit_price=D("39.99"), client_order_id="sale", slot=NOON,
    )  # fmt: skip
    found = plan(two_lots(own_orders=(sale,)), NOTHING)
    assert [one.symbol for one in found.intents] == [CALL]


def test_of_a_spread_the_short_leg_goes_first_and_the_long_one_stays_as_long_as_it_bounds_it() -> None:
    low = put("XLF", date(2026, 12, 18), "36")
    spread = seen(
        legs=(an_option_leg(low, "1"), an_option_leg(PUT)), positions=(held(low, "1"), held(PUT, "-1")),
        quotes=(a_quote("XLF"), a_quote(PUT, "0.60", "0.64"), a_quote(low, "0.30", "0.34")),
    )  # fmt: skip
    found = plan(spread, NOTHING)
    assert [(one.symbol, one.side) for one in found.intents] == [(PUT, "buy_to_close")]
    assert f"its sale waits until {PUT} is bought back" in reasons(found)
    alone = replace(spread, positions=(held(low, "1"),), books=replace(spread.books, legs=(an_option_leg(low, "1"),)))
    assert [(one.symbol, one.side, one.limit_price) for one in plan(alone, NOTHING).intents] == [
        (low, "sell_to_close", D("0.30"))
    ]
    assert sent(alone) == [f"sell_to_close {low}"]


def test_an_adopted_lot_is_closed_like_ours() -> None:
    adopted = seen(lots=(a_lot("XLF", owner="adopted"),), positions=(held("XLF", "100", "adopted"),))
    assert sent(adopted) == ["sell_to_close XLF"]


def test_foreign_orders_are_named_and_nobodys_to_clear() -> None:
    order = BrokerOrder(
        broker_order_id="b9", client_order_id="by-hand", legs=(leg(PUT, "sell_to_open"),), qty=D(3), filled_qty=D(1),
        order_type="limit", limit_price=D("0.60"), time_in_force="day", status="new", submitted_at=NOON,
        updated_at=NOON,
    )  # fmt: skip
    for flatten in (False, True):
        left = left_of(said(flatten=flatten), (), Books(), (), (order, replace(order, status="canceled")))
        assert left.strangers == (f"order by-hand (sell_to_open {PUT}, 2 to fill, new)",)
        assert left.done


def test_an_order_in_our_name_that_nobody_knows_is_left_and_named() -> None:
    """F2, F9: it may add risk, nothing here may cancel it, and done would be a lie."""
    name = f"desk-{'0a' * 12}"
    order = BrokerOrder(
        broker_order_id="b9", client_order_id=name, legs=(leg(PUT, "sell_to_open"),), qty=D(1), filled_qty=D(0),
        order_type="limit", limit_price=D("0.60"), time_in_force="day", status="new", submitted_at=NOON,
        updated_at=NOON,
    )  # fmt: skip
    for flatten in (False, True):
        left = left_of(said(flatten=flatten), (), Books(), (), (order,), "desk")
        assert (left.done, left.strangers) == (False, ())
        assert f"order {name} (sell_to_open {PUT}, 1 to fill, new) in this desk's name" in left.words()
        assert left_of(said(flatten=flatten), (), Books(), (), (replace(order, status="canceled"),), "desk").done


def listed(snapshot: Snapshot) -> list[tuple[str, Decimal, str]]:
    return [(one.position.symbol, one.position.qty, one.owner) for one in snapshot.positions]


def test_done_means_that_the_list_shows_nothing_of_ours() -> None:
    """F9: an empty list while the books still hold something proves nothing."""
    snapshot = all_held()
    panic = said(flatten=True)
    left = left_of(panic, listed(snapshot), snapshot.books, snapshot.own_orders)
    assert dict(left.held) == {"XLF": D(100), PUT: D(-1), CALL: D(-1)}
    assert not left.done
    assert not left_of(panic, (), snapshot.books, ()).done
    assert left_of(panic, (), Books(), ()).done
    assert not left_of(panic, (), Books(), (a_stop(),)).done
    mixed = left_of(panic, (("XLF", D(150), "mixed"), ("EWZ", D(10), "foreign")), snapshot.books, ())
    assert dict(mixed.held)["XLF"] == 100
    assert dict(mixed.foreign) == {"XLF": D(50), "EWZ": D(10)}


def test_a_plain_panic_is_done_without_openings_whatever_is_held() -> None:
    snapshot = all_held()
    panic = said(flatten=False)
    assert left_of(panic, listed(snapshot), snapshot.books, snapshot.own_orders).done
    assert not left_of(panic, (), Books(), (an_order(PUT, state="unknown"),)).done


def test_the_planner_is_named() -> None:
    assert (PLANNER.kind, PLANNER.params) == ("panic", PanicParams)
