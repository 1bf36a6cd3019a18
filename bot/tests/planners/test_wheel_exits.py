"""Getting out: one exit per position and tick, in the stated order, the others recorded (wheel 1.4, 1.6, 1.9, 1.16)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Halt
from bot.domain.market import Dividend
from bot.domain.orders import OrderIntent, leg
from bot.domain.snapshot import Snapshot
from bot.tests.builders import (
    NOON,
    D,
    a_chain,
    a_lot,
    a_quote,
    a_session,
    a_slab,
    an_option_leg,
    an_order,
    call,
    held,
    put,
    some_events,
)
from bot.tests.planners.wheel_scene import (
    FAR,
    NEAR,
    option_quote,
    params,
    planned,
    put_chain,
    scene,
    some_books,
    the_intent,
    word,
)

SHORT = put("XLF", NEAR, "38")
TODAY = NOON.date()
TOMORROW = date(2026, 11, 19)
AT_1830 = datetime(2026, 11, 18, 18, 30, tzinfo=UTC)  # 150 minutes before the close
AT_1900 = datetime(2026, 11, 18, 19, 0, tzinfo=UTC)  # 120 minutes before the close
AT_1945 = datetime(2026, 11, 18, 19, 45, tzinfo=UTC)
SECOND = timedelta(seconds=1)
AT_2000 = datetime(2026, 11, 18, 20, 0, tzinfo=UTC)  # 60 minutes before the close


def short(
    symbol: str = SHORT,
    bid: str | None = "0.58",
    ask: str | None = "0.62",
    spot: str = "40",
    said: Any = None,
    **given: Any,
) -> Snapshot:
    """One short option at the broker and in the books; leg facts and Snapshot facts by name."""
    snapshot_facts: dict[str, Any] = {
        name: given.pop(name) for name in ("events", "own_orders", "halt", "foreign_orders", "chains") if name in given
    }
    at = given.pop("at", NOON)
    one = an_option_leg(symbol, **given)
    books = some_books(legs=(one,), instructions=(word(symbol, said),) if said else ())
    shares: tuple[Any, ...] = ()
    if symbol[-9] == "C":
        shares, books = (held("XLF", "100"),), replace(books, lots=(a_lot(basis="38"),))
    price = D(spot)
    quotes = (a_quote("XLF", str(price - D("0.01")), str(price + D("0.01"))), option_quote(symbol, bid, ask))
    facts: dict[str, Any] = {"positions": (held(symbol, str(one.qty)), *shares), "books": books} | snapshot_facts
    chains = facts.pop("chains", ())
    return replace(scene(*chains, **facts), quotes=quotes, at=at)


def exits(snapshot: Snapshot, given: Any = None) -> list[OrderIntent]:
    return [one for one in planned(snapshot, given).intents if one.side == "buy_to_close"]


def notes(snapshot: Snapshot, given: Any = None) -> list[str]:
    return [note.reason for note in planned(snapshot, given).notes]


def test_a_quiet_position_is_left_alone() -> None:
    assert not planned(short()).intents


@pytest.mark.parametrize(("ask", "closed"), [("0.24", True), ("0.25", False)])
def test_the_profit_target_is_judged_at_the_ask(ask: str, closed: bool) -> None:
    """wheel 2.8: credit 0.60 and 0.24 to pay is 60 %."""
    found = exits(short(bid="0.20", ask=ask))
    assert bool(found) is closed
    if closed:
        (intent,) = found
        assert (intent.purpose, intent.symbol, intent.limit_price, intent.step) == ("take_profit", SHORT, D("0.22"), 0)
        assert dict(intent.numbers)["profit_share"] == "0.6"
        assert (intent.key, intent.cycle, intent.qty) == (f"leg-{SHORT}", "cycle-XLF", D(1))


def test_a_profit_target_that_is_off_or_a_credit_unknown_closes_nothing() -> None:
    assert not exits(short(bid="0.01", ask="0.02"), params(profit_share_close=None))
    known = short(bid="0.01", ask="0.02")
    unknown = replace(known.books, legs=(replace(known.books.legs[0], credit=None),))
    assert not exits(replace(known, books=unknown))


def test_a_worthless_option_without_a_bid_is_bought_at_its_ask() -> None:
    (intent,) = exits(short(bid=None, ask="0.02"))
    assert intent.limit_price == D("0.02")
    (intent,) = exits(short(bid="0", ask="0.02"))
    assert intent.limit_price == D("0.02")


def test_without_an_ask_nothing_is_judged_and_it_is_said() -> None:
    assert not exits(short(ask=None))
    assert any("nothing can be judged" in reason for reason in notes(short(ask=None)))


def test_the_owners_word_goes_before_everything() -> None:
    """wheel 1.6, first rule."""
    snapshot = short(bid="0.20", ask="0.24", said="close")
    (intent,) = exits(snapshot)
    assert intent.purpose == "owner_close"
    assert any(reason.startswith("take_profit overruled by owner_close") for reason in notes(snapshot))


def test_the_newest_word_stands() -> None:
    snapshot = short(said="close")
    later = replace(word(SHORT, "hold"), at=NOON + timedelta(minutes=1))
    said = (later, *snapshot.books.instructions)
    assert not exits(replace(snapshot, books=replace(snapshot.books, instructions=said)))


def test_hold_suppresses_profit_roll_and_time_exit() -> None:
    assert not exits(short(bid="0.20", ask="0.24", said="hold"))
    near = put("XLF", date(2026, 11, 25), "38")
    assert exits(short(near, bid="0.40", ask="0.44"))
    assert not exits(short(near, bid="0.40", ask="0.44", said="hold"))


def test_let_assign_still_takes_a_profit() -> None:
    assert exits(short(bid="0.20", ask="0.24", said="let_assign"))


# The time exit: puts only, at 14 days or less, in profit after fees.
@pytest.mark.parametrize(("expiry", "closed"), [(date(2026, 12, 2), True), (date(2026, 12, 3), False)])
def test_the_time_exit_begins_at_its_day(expiry: date, closed: bool) -> None:
    assert bool(exits(short(put("XLF", expiry, "38"), bid="0.50", ask="0.52"))) is closed


@pytest.mark.parametrize(("ask", "closed"), [("0.54", True), ("0.55", False), ("0.56", False)])
def test_the_time_exit_wants_a_profit_after_fees(ask: str, closed: bool) -> None:
    """Credit 0.60, ask 0.55: five dollars, less no more than 4.95 of fees paid and 0.05 to come, is nothing."""
    near = put("XLF", date(2026, 11, 27), "38")
    found = exits(short(near, bid="0.50", ask=ask, fees=D("4.95")))
    assert [one.purpose for one in found] == (["time_exit"] if closed else [])


def test_the_time_exit_leaves_calls_alone() -> None:
    assert not exits(short(call("XLF", date(2026, 11, 27), "42"), bid="0.50", ask="0.52"))


# The premium stop (wheel 1.4).
STOPPED: dict[str, Any] = {"bid": "1.18", "ask": "1.22", "premium_stop_readings": 3}


def test_the_premium_stop_fires_on_the_third_reading() -> None:
    given = params(premium_stop_multiple=D(2))
    (intent,) = exits(short(**STOPPED), given)
    assert intent.purpose == "premium_stop"
    assert not exits(short(**(STOPPED | {"premium_stop_readings": 2})), given)
    assert not exits(short(**STOPPED))


@pytest.mark.parametrize(
    "given",
    [
        {"bid": "1.17", "ask": "1.22"},
        {"bid": "0.80", "ask": "1.70"},
        {"at": datetime(2026, 11, 18, 14, 59, 59, tzinfo=UTC)},
        {"symbol": call("XLF", NEAR, "42")},
    ],
)
def test_the_premium_stop_wants_a_believable_mid_at_the_multiple_after_half_an_hour(given: dict[str, Any]) -> None:
    assert not exits(short(**(STOPPED | given)), params(premium_stop_multiple=D(2)))


# The ex-dividend rule (wheel 1.9): a short 39 call with the share at 40.
CALL = call("XLF", NEAR, "39")


def going_ex(day: date = TOMORROW, amount: str = "0.20") -> Any:
    dividend = Dividend(symbol="XLF", ex_date=day, amount=D(amount))
    return (some_events("XLF", dividend_status="known", dividends=(dividend,)),)


def ex_dividend(**given: Any) -> Snapshot:
    return short(**({"symbol": CALL, "bid": "1.10", "ask": "1.20", "at": AT_1900, "events": going_ex()} | given))


def test_a_call_that_would_be_exercised_for_its_dividend_is_bought_back() -> None:
    """Mid 1.15 less 1.00 of intrinsic value leaves 0.15, below the dividend of 0.20."""
    (intent,) = exits(ex_dividend())
    assert intent.purpose == "ex_dividend_close"
    assert "(0.15 against 0.2 usd)" in intent.reason


@pytest.mark.parametrize(
    "given",
    [
        {"at": AT_1830},
        {"events": going_ex(amount="0.15")},
        {"events": going_ex(day=date(2026, 11, 20))},
        {"spot": "39"},
    ],
)
def test_early_far_rich_or_out_of_the_money_calls_are_not(given: dict[str, Any]) -> None:
    assert not exits(ex_dividend(**given))


def test_the_last_session_before_the_ex_date_spans_a_weekend() -> None:
    friday = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
    snapshot = ex_dividend(events=going_ex(day=date(2026, 11, 23)))
    assert exits(replace(snapshot, at=friday, session=a_session(friday)))


def test_assignment_for_a_dividend_may_be_accepted() -> None:
    given = params(ex_date_exit="accept")
    assert not exits(ex_dividend(), given)
    assert any("assignment is accepted" in reason for reason in notes(ex_dividend(), given))


def test_where_no_series_pays_the_roll_the_call_is_closed_for_its_dividend() -> None:
    (intent,) = exits(ex_dividend(), params(ex_date_exit="roll"))
    assert (intent.purpose, intent.roll) == ("ex_dividend_close", "")
    assert "no roll" in intent.reason


def test_unknown_dividends_of_a_call_in_the_money_are_said() -> None:
    unknown = ex_dividend(events=(some_events("XLF", dividend_status="unknown"),))
    assert not exits(unknown)
    assert any("early assignment of this call is not judged" in reason for reason in notes(unknown))


# Expiry day (wheel 1.16).
EXPIRING = put("XLF", TODAY, "41")


def expiring(at: datetime = AT_1900, **given: Any) -> Snapshot:
    facts: dict[str, Any] = {"symbol": EXPIRING, "bid": "1.00", "ask": "1.06", "at": at, "credit": "0.60"}
    return short(**(facts | given))


def test_on_expiry_day_assignment_is_the_plan_unless_told_otherwise() -> None:
    assert not exits(expiring())
    assert not exits(expiring(at=AT_2000))


@pytest.mark.parametrize(
    ("at", "step"),
    [(AT_1830, None), (AT_1900, 0), (AT_1945 - SECOND, 0), (AT_1945, 3), (AT_2000, 3), (AT_2000 + SECOND, None)],
)
def test_an_expiry_exit_walks_the_ladder_an_hour_ahead_and_pays_the_ask_in_its_last_slot(
    at: datetime, step: int | None
) -> None:
    found = exits(expiring(at=at), params(itm_at_expiry_put="close"))
    assert [(one.purpose, one.step) for one in found] == ([] if step is None else [("expiry_close", step)])
    if step == 3:
        assert found[0].limit_price == D("1.06")


def test_an_expiry_exit_past_its_deadline_rests_where_it_is() -> None:
    order = resting("expiry_close", limit="1.03", symbol=EXPIRING)
    late = expiring(at=AT_2000 + SECOND, own_orders=(order,))
    given = params(itm_at_expiry_put="close")
    assert not planned(late, given).intents
    assert any("past its deadline" in reason for reason in notes(late, given))
    assert any("left to be assigned" in reason for reason in notes(expiring(at=AT_2000 + SECOND), given))


def test_an_expiry_exit_is_only_for_options_in_the_money() -> None:
    given = params(itm_at_expiry_put="close")
    assert not exits(expiring(spot="41"), given)
    assert exits(expiring(spot="40.99"), given)


def test_let_assign_overrules_the_expiry_rule() -> None:
    assert not exits(expiring(said="let_assign"), params(itm_at_expiry_put="close"))


def test_calls_have_their_own_expiry_rule() -> None:
    snapshot = short(call("XLF", TODAY, "39"), bid="1.00", ask="1.06", at=AT_1900)
    assert exits(snapshot, params(itm_at_expiry_call="close", itm_at_expiry_put="assign"))
    assert not exits(snapshot, params(itm_at_expiry_call="assign", itm_at_expiry_put="close"))


PAYING = a_chain(
    "XLF", "call", a_slab(FAR, [("39", "1.50", "1.56", 900, 0.6, 0.2), ("40", "1.40", "1.46", 900, 0.5, 0.2)])
)


def rolled_for_its_dividend(**given: Any) -> list[str]:
    return [one.purpose for one in exits(ex_dividend(chains=(PAYING,), **given), params(ex_date_exit="roll"))]


def rolled_on_its_last_day(**given: Any) -> list[str]:
    snapshot = short(call("XLF", TODAY, "39"), bid="1.00", ask="1.06", at=AT_1900, chains=(PAYING,), **given)
    return [one.purpose for one in exits(snapshot, params(itm_at_expiry_call="roll"))]


def test_the_owners_word_against_a_roll_holds_for_every_kind_of_roll() -> None:
    """`hold`, `let-assign` and `no-roll` all say that nothing is rolled; `let-assign` lets a dividend go too."""
    assert (rolled_for_its_dividend(), rolled_on_its_last_day()) == (["roll_close"], ["roll_close"])
    assert [rolled_on_its_last_day(said=said) for said in ("hold", "let_assign", "no_roll")] == [[], [], []]
    assert rolled_for_its_dividend(said="hold") == rolled_for_its_dividend(said="no_roll") == ["ex_dividend_close"]
    assert rolled_for_its_dividend(said="let_assign") == []
    assert not exits(ex_dividend(said="let_assign"))


def test_a_profit_target_beats_a_roll_for_a_dividend_and_on_expiry_day() -> None:
    """wheel 1.6: always."""
    assert (rolled_for_its_dividend(credit="4.00"), rolled_on_its_last_day(credit="4.00")) == (
        ["take_profit"], ["take_profit"],
    )  # fmt: skip


def test_an_early_close_moves_the_deadline_with_it() -> None:
    """wheel 1.16: 2026-11-27 closes at 13:00 New York; 16:00 UTC is 120 minutes before."""
    moment = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    snapshot = expiring(symbol=put("XLF", moment.date(), "41"))
    found = exits(replace(snapshot, at=moment, session=a_session(moment)), params(itm_at_expiry_put="close"))
    assert [one.purpose for one in found] == ["expiry_close"]


# What stands around an exit.
def test_exits_live_under_every_halt_but_stop() -> None:
    """design 15"""
    for level in ("no_new_risk", "reduce_only"):
        assert exits(short(bid="0.20", ask="0.24", halt=Halt(level=level)))
    assert not exits(short(bid="0.20", ask="0.24", halt=Halt(level="stop")))


def test_no_more_is_closed_than_the_broker_shows() -> None:
    """design 12"""
    snapshot = short(bid="0.20", ask="0.24", qty="-3")
    fewer = replace(snapshot, positions=(held(SHORT, "-2"),))
    assert exits(snapshot)[0].qty == 3
    assert exits(fewer)[0].qty == 2
    gone = replace(snapshot, positions=())
    assert not exits(gone)
    assert any("no such short position" in reason for reason in notes(gone))


def test_foreign_and_other_strategies_legs_are_not_closed() -> None:
    assert not exits(short(bid="0.20", ask="0.24", owner="foreign"))
    assert not exits(short(bid="0.20", ask="0.24", strategy="other"))
    assert exits(short(bid="0.20", ask="0.24", owner="adopted", strategy=""))


def test_an_adjusted_contract_is_frozen_until_a_person_closes_it() -> None:
    """wheel 1.18"""
    adjusted = "XLF1" + SHORT[3:]
    snapshot = short(adjusted, bid="0.20", ask="0.24", underlying="XLF")
    assert not exits(snapshot)
    assert any("only a person closes it" in reason for reason in notes(snapshot))


def resting(purpose: Any = "take_profit", limit: str = "0.22", symbol: str = SHORT, **given: Any) -> Any:
    facts: dict[str, Any] = {"purpose": purpose, "key": f"leg-{symbol}", "limit_price": D(limit), "cycle": "cycle-XLF"}
    return an_order(symbol, "buy_to_close", **(facts | given))


def test_a_working_exit_is_repriced_one_step_and_never_beside_itself() -> None:
    snapshot = short(bid="0.18", ask="0.24", own_orders=(resting(limit="0.21"),))
    intent = the_intent(snapshot)
    assert (intent.purpose, intent.step, intent.limit_price) == ("take_profit", 1, D("0.22"))
    assert intent.replaces == snapshot.own_orders[0].client_order_id
    assert not planned(replace(snapshot, slot=snapshot.own_orders[0].slot)).intents


def test_a_resting_profit_order_stays_when_the_price_ran_away() -> None:
    snapshot = short(bid="0.30", ask="0.34", own_orders=(resting(),))
    assert not planned(snapshot).intents
    assert any("still worth its fill" in reason for reason in notes(snapshot))


def test_hold_takes_a_resting_profit_order_back() -> None:
    intent = the_intent(short(bid="0.20", ask="0.24", said="hold", own_orders=(resting(),)))
    assert (intent.purpose, intent.action) == ("cancel_stale", "cancel")


def test_a_fired_premium_stop_is_followed_to_its_fill() -> None:
    given = params(premium_stop_multiple=D(2))
    order = resting("premium_stop", limit="1.10")
    intent = the_intent(short(bid="1.08", ask="1.18", own_orders=(order,)), given)
    assert (intent.purpose, intent.limit_price) == ("premium_stop", D("1.14"))


def test_an_expiry_exit_whose_option_left_the_money_is_withdrawn() -> None:
    order = resting("expiry_close")
    assert the_intent(short(own_orders=(order,))).purpose == "cancel_stale"


def test_a_rule_that_goes_before_takes_a_working_exit_over() -> None:
    snapshot = short(bid="0.18", ask="0.24", said="close", own_orders=(resting(limit="0.21"),))
    intent = the_intent(snapshot)
    assert (intent.purpose, intent.replaces) == ("owner_close", snapshot.own_orders[0].client_order_id)


def test_an_unresolved_or_foreign_closing_order_is_waited_for() -> None:
    assert not planned(short(bid="0.20", ask="0.24", own_orders=(resting(state="unknown"),))).intents
    foreign = BrokerOrder(
        broker_order_id="b", client_order_id="hand", legs=(leg(SHORT, "buy_to_close"),), qty=D(1), filled_qty=D(0),
        order_type="limit", time_in_force="day", status="new", submitted_at=NOON, updated_at=NOON,
    )  # fmt: skip
    assert not exits(short(bid="0.20", ask="0.24", foreign_orders=(foreign,)))


def test_exits_come_before_new_entries_in_the_plan() -> None:
    snapshot = short(put("SLV", FAR, "20"), bid="0.20", ask="0.24", chains=(put_chain(),))
    quotes = (*snapshot.quotes, a_quote("SLV", "24.99", "25.01"))
    plan = planned(replace(snapshot, quotes=quotes), params("SLV", "XLF"))
    assert [one.purpose for one in plan.intents] == ["take_profit", "cash_secured_put"]


def test_an_unknown_share_price_is_said() -> None:
    snapshot = short()
    blind = replace(snapshot, quotes=snapshot.quotes[1:])
    assert any("in the money is unknown" in reason for reason in notes(blind))
