"""The fold: order, spending, doubles, failing gates, and what halts leave alive."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.checks import CheckResult
from bot.domain.exposure import free_cash
from bot.domain.instruments import parse_option
from bot.domain.ledger import Books, Counters, Drift, Halt
from bot.domain.market import Quote
from bot.domain.orders import OrderIntent, leg
from bot.gates import GATES, Case, judge, judge_one
from bot.gates.account import buffer_of
from bot.tests.builders import (
    NOON,
    a_desk,
    a_lot,
    a_quote,
    a_snapshot,
    an_account,
    an_intent,
    an_order,
    call,
    held,
    put,
    some_limits,
    symbols,
    wheel_numbers,
)
from bot.tests.gates.scenes import (
    CALL,
    EXPIRY,
    PUT,
    PUT_LOWER,
    TODAY_PUT,
    D,
    a_buy_back,
    a_call,
    a_cancel,
    a_case,
    a_purchase,
    a_put,
    a_roll,
    a_sale,
    a_stop,
    ask,
    changed,
    quotes,
    with_shares,
)

OFF = {
    "contracts_per_tick": None, "contracts_per_day": None, "contracts_per_symbol_day": None, "orders_per_tick": None,
    "orders_per_day": None, "put_series_per_symbol": None, "put_series_total": None, "open_underlyings": None,
    "symbol_share": None, "symbol_share_first": None, "group_share": None, "put_collateral_share": None,
    "stress_loss_share": None, "order_loss_share": None, "contracts_per_symbol": None,
}  # fmt: skip


def refusals(intent: OrderIntent, case: Case) -> set[str]:
    return {check.gate for check in judge_one(intent, case).checks if not check.ok}


def test_every_gate_answers_every_intent_in_order() -> None:
    (verdict,) = judge([a_put()], a_case(halt=Halt(level="stop"), account=an_account("0")))
    assert [check.gate for check in verdict.checks] == [name for name, _ in GATES]
    assert not verdict.approved


def test_a_gate_that_raises_refuses_and_the_others_are_still_asked() -> None:
    def broken(intent: OrderIntent, case: Case) -> CheckResult:
        raise ZeroDivisionError("no such number")

    verdict = judge_one(a_put(), a_case(), [("broken", broken), *GATES])
    assert not verdict.approved
    assert verdict.checks[0].gate == "broken"
    assert "ZeroDivisionError: no such number" in verdict.checks[0].reason
    assert len(verdict.checks) == len(GATES) + 1


def test_what_reduces_risk_goes_first_then_priority_then_name_then_plan_order() -> None:
    case = a_case(positions=(held(PUT, "-1"),), limits=OFF)
    second, first = a_put(PUT_LOWER, strategy="alpha"), a_call(strategy="wheel")
    third, fourth = a_put(TODAY_PUT, strategy="guest"), a_put(PUT_LOWER, strategy="guest")
    verdicts = judge([third, fourth, second, first, a_buy_back(strategy="zulu")], case, {"wheel": 1, "alpha": 2})
    assert [verdict.intent for verdict in verdicts] == [a_buy_back(strategy="zulu"), first, second, third, fourth]


def test_the_approved_count_before_the_next_is_judged() -> None:
    """Design 6: two puts that fit alone do not fit together."""
    for cash, second in (("9800", True), ("9799.99", False)):
        case = a_case(account=an_account(cash), limits=OFF)
        verdicts = judge([a_put(), a_put(PUT_LOWER)], case)
        assert [verdict.approved for verdict in verdicts] == [True, second]
    refused = [(check.gate, check.value, check.limit) for check in verdicts[1].checks if not check.ok]
    assert refused == [("collateral_is_free", D(3600), D("3599.99"))]


def test_a_refused_intent_takes_nothing_from_the_next() -> None:
    case = a_case(account=an_account("6200"), limits=OFF)
    verdicts = judge([a_put(put("XLF", EXPIRY, "38")), a_put()], case)
    assert [verdict.approved for verdict in verdicts] == [False, True]


def test_an_exit_accepted_in_this_tick_frees_nothing_in_this_tick() -> None:
    case = a_case(positions=(held(PUT_LOWER, "-1"),), account=an_account("6200"), limits=OFF)
    exit_, entry = a_buy_back(PUT_LOWER), a_put()
    verdicts = judge([entry, exit_], case)
    assert [(verdict.intent, verdict.approved) for verdict in verdicts] == [(exit_, True), (entry, False)]


def test_a_reprice_counts_instead_of_its_predecessor_and_not_on_top() -> None:
    """Collateral 3,700 twice would not fit in 6,200 less the buffer of 2,500."""
    working = an_order(PUT, client_order_id="w1")
    case = a_case(
        account=an_account("6200"), own_orders=(working,),
        books=Books(counters=Counters(contracts_today=(("XLF", 1),), orders_today=1)),
    )  # fmt: skip
    (again,) = judge([a_put(replaces="w1", limit_price=D("0.59"))], case)
    assert again.approved, again.reason
    assert refusals(a_put(limit_price=D("0.59")), case) >= {"not_a_duplicate", "collateral_is_free"}
    bigger = refusals(a_put(put("XLF", EXPIRY, "38"), replaces="w1"), case)
    assert "collateral_is_free" in bigger


def test_an_unresolved_order_counts_as_filled_for_what_it_would_use() -> None:
    lost = an_order(put("XLU", EXPIRY, "37"), state="unknown")
    case = a_case(account=an_account("9800"), own_orders=(lost,), limits=OFF)
    assert refusals(a_put(), case) == {"collateral_is_free"}
    assert "collateral_is_free" not in refusals(a_put(put("XLF", EXPIRY, "36")), case)


def test_an_unresolved_order_counts_as_filled_for_what_it_would_close() -> None:
    closing = an_order(PUT, "buy_to_close", state="sending", purpose="take_profit")
    case = a_case(positions=(held(PUT, "-1"),), own_orders=(closing,))
    assert {"position_is_held", "not_a_duplicate", "nothing_unresolved"} <= refusals(a_buy_back(), case)


def test_an_unresolved_order_blocks_new_risk_on_its_whole_underlying_and_no_exit() -> None:
    """Design 10."""
    lost = an_order(PUT_LOWER, state="sending")
    case = a_case(positions=(held(PUT, "-1"),), own_orders=(lost,), limits=OFF)
    assert "nothing_unresolved" in refusals(a_put(TODAY_PUT), case)
    assert refusals(a_buy_back(), case) == set()
    elsewhere = a_case(own_orders=(an_order(put("XLU", EXPIRY, "20"), state="sending"),))
    assert "nothing_unresolved" not in refusals(a_put(), elsewhere)


@pytest.mark.parametrize(
    ("level", "put_", "call_", "buy_back", "stop", "sale", "cancel"),
    [
        ("run", True, True, True, True, True, True),
        ("no_new_risk", False, True, True, True, True, True),
        ("reduce_only", False, False, True, True, True, True),
        ("stop", False, False, False, False, False, False),
    ],
)
def test_a_halt_leaves_alive_what_wheel_1_7_says(
    level: Any, put_: bool, call_: bool, buy_back: bool, stop: bool, sale: bool, cancel: bool
) -> None:
    facts = with_shares("200")
    facts["positions"] = (*facts["positions"], held(PUT, "-1"))
    case = a_case(**facts, halt=Halt(level=level), own_orders=(an_order(PUT_LOWER, client_order_id="w1"),))
    answers = [
        ask("halt_allows", intent, case).ok
        for intent in (a_put(), a_call(), a_buy_back(), a_stop(), a_sale(), a_cancel("w1"))
    ]
    assert answers == [put_, call_, buy_back, stop, sale, cancel]


def test_covered_calls_under_no_new_risk_are_the_owners_choice() -> None:
    facts = with_shares() | {"halt": Halt(level="no_new_risk")}
    assert not ask("halt_allows", a_call(), a_case(**facts, limits={"covered_calls_under_no_new_risk": False})).ok


def test_no_roll_starts_under_a_halt_and_one_in_flight_drops_its_opening_leg() -> None:
    """wheel 1.5"""
    halt = Halt(level="no_new_risk")
    starts = a_buy_back(purpose="roll_close", roll="r1")
    opens = a_put(purpose="roll_open", roll="r1")
    short: dict[str, Any] = {"positions": (held(PUT, "-1"),), "halt": halt}
    assert not ask("halt_allows", starts, a_case(**short)).ok
    in_flight = Books(rolls=(a_roll(stage="closing", old_symbol=PUT),))
    assert ask("halt_allows", starts, a_case(**short, books=in_flight)).ok
    assert (
        "drops its opening leg" in ask("halt_allows", opens, a_case(books=Books(rolls=(a_roll(),)), halt=halt)).reason
    )


def test_a_bad_market_does_not_keep_a_position_open() -> None:
    """Wide, old and one-sided quotes, the last minutes, a pause, no money: the buy-back still goes."""
    spoiled = (
        a_quote("XLF", "30", "50", at=NOON - timedelta(hours=2)),
        a_quote(PUT, "0", "1.20", at=NOON - timedelta(hours=2)),
    )
    case = a_case(
        positions=(held(PUT, "-1"),), quotes=spoiled, account=an_account("-500", blocked=False), equity=D(100),
        at=a_snapshot().session.close_at - timedelta(minutes=1), universe=symbols("XLU"),
    )  # fmt: skip
    (verdict,) = judge([a_buy_back(limit_price=D("1.20"))], case)
    assert verdict.approved, verdict.reason
    (past,) = judge([a_buy_back(limit_price=D("1.25"))], case)
    assert [check.gate for check in past.checks if not check.ok] == ["price_within_collar"]


def test_a_protective_stop_may_rest_while_the_market_is_closed_and_an_option_order_may_not() -> None:
    night = NOON + timedelta(hours=9)
    case = a_case(**with_shares(), at=night)
    (stop,) = judge([a_stop()], case)
    assert stop.approved, stop.reason
    assert "session_is_open" in refusals(a_put(), case)


def test_pending_assignment_forbids_new_risk_and_sales_and_unexplained_drift_only_new_risk() -> None:
    """wheel 1.11"""
    facts = with_shares()
    facts["positions"] = (*facts["positions"], held(PUT, "-1"))
    kinds: tuple[tuple[Any, bool], ...] = (("pending", False), ("unexplained", True))
    for kind, sale_goes in kinds:
        drift = Drift(symbol="XLF", kind=kind, what="100 shares more", broker=D(100), ours=D(0))
        case = a_case(**facts | {"books": Books(drift=(drift,), lots=(a_lot(id="lot-XLF-1"),))})
        assert not ask("no_drift", a_put(), case).ok
        assert not ask("no_drift", a_call(), case).ok
        assert ask("no_drift", a_sale(), case).ok is sale_goes
        assert ask("no_drift", a_buy_back(), case).ok
        assert ask("no_drift", a_put(put("XLU", EXPIRY, "30")), case).ok


def test_a_covered_call_passes_caps_that_the_book_already_exceeds() -> None:
    """wheel 1.2: what adds nothing passes and shows the figure."""
    facts = with_shares("600")
    tight = {
        "symbol_share": D("0.01"), "group_share": D("0.01"), "put_collateral_share": D(0),
        "stress_loss_share": D("0.01"), "contracts_per_symbol": D(0), "open_underlyings": D(0), "equity_min": D(10**6),
    }  # fmt: skip
    (verdict,) = judge([a_call()], a_case(**facts, limits=tight, account=an_account("-5")))
    assert verdict.approved, verdict.reason
    shown = {check.gate: check.value for check in verdict.checks}
    assert shown["symbol_share_within"] == D("0.96")
    assert shown["stress_loss_within"] == D("0.192")


def test_two_calls_never_share_a_lot() -> None:
    case = a_case(**with_shares("100"), limits=OFF)
    other = a_call(call("XLF", EXPIRY, "43"), lot="lot-XLF-2")
    case = a_case(
        **with_shares("100"), limits=OFF, quotes=(*quotes(), a_quote(other.symbol, "0.58", "0.62", open_interest=500))
    )
    verdicts = judge([a_call(), other], case)
    assert [verdict.approved for verdict in verdicts] == [True, False]
    assert "call_is_covered" in refusals(other, case.accepting(a_call()))


def test_a_stop_and_a_call_exclude_each_other() -> None:
    """wheel 1.14"""
    stop = an_order("XLF", "sell_to_close", "100", order_type="trailing_stop", client_order_id="s1", lot="lot-XLF-1")
    assert "call_is_covered" in refusals(a_call(), a_case(**with_shares(), own_orders=(stop,)))
    assert {"call_is_covered", "protection_stays"} <= refusals(
        a_call(replaces="s1"), a_case(**with_shares(), own_orders=(stop,))
    )
    covered = with_shares()
    covered["positions"] = (*covered["positions"], held(CALL, "-1"))
    assert "stop_has_shares" in refusals(a_stop(), a_case(**covered))
    assert "stop_has_shares" in refusals(a_sale(), a_case(**covered))


def test_one_stop_for_each_lot() -> None:
    """C020: the second stop of a lot is a double, the stop of another lot is not."""
    first = an_order("XLF", "sell_to_close", "100", order_type="trailing_stop", client_order_id="s1", lot="lot-XLF-1")
    case = a_case(**with_shares("300"), own_orders=(first,))
    assert not ask("not_a_duplicate", a_stop(), case).ok
    assert refusals(a_stop(lot="lot-XLF-2"), case) == set()
    assert ask("not_a_duplicate", a_stop(replaces="s1"), case).ok


def test_foreign_things_count_and_are_never_touched() -> None:
    """Design 12."""
    foreign: dict[str, Any] = {"positions": (held(PUT, "-1", "foreign"), held("XLF", "100", "foreign"))}
    case = a_case(**foreign, limits=OFF)
    assert {"owner_is_ours", "position_is_held"} <= refusals(a_buy_back(), case)
    assert "bot adopt XLF" in ask("owner_is_ours", a_sale(), case).reason
    assert "call_is_covered" in refusals(a_call(), case)
    assert "owner_is_ours" in refusals(a_cancel("somebody-elses"), case)
    assert ask("symbol_share_within", a_put(PUT_LOWER), a_case(**foreign)).value == D("0.452")


def test_of_a_mixed_position_only_our_lots_are_sold() -> None:
    facts: dict[str, Any] = {"positions": (held("XLF", "300", "mixed"),), "books": Books(lots=(a_lot(id="lot-XLF-1"),))}
    assert ask("stop_has_shares", a_stop(), a_case(**facts)).ok
    assert not ask("stop_has_shares", a_stop(qty="101"), a_case(**facts)).ok


def test_an_adjusted_contract_is_frozen_for_all_but_a_person() -> None:
    """wheel 1.18"""
    odd = "XLF1261218P00037000"
    case = a_case(positions=(held(odd, "-1"),), quotes=(a_quote("XLF"), a_quote(odd, "0.58", "0.62")))
    robot = a_buy_back(odd, underlying="XLF")
    assert "owner_is_ours" in refusals(robot, case)
    assert refusals(changed(robot, purpose="owner_close"), case) == set()
    assert ask("symbol_share_within", a_put(PUT_LOWER), case).value == D("0.292")


def test_a_roll_keeps_its_collateral_and_its_opening_leg_uses_it() -> None:
    """wheel 1.5: 4,100 stay reserved; another put does not fit, the opening leg does."""
    books = Books(rolls=(a_roll(),), counters=Counters(orders_today=99, contracts_today=(("XLF", 9),)))
    account = an_account("6700", options_buying_power=D(10_000))
    case = a_case(books=books, account=account)
    assert {"collateral_is_free", "put_series_within_symbol"} <= refusals(a_put(), case)
    leg_ = a_put(purpose="roll_open", roll="r1")
    assert refusals(leg_, case) == set()
    late = a_case(books=books, account=account, at=a_snapshot().session.close_at - timedelta(minutes=5))
    assert "entry_window_is_open" not in refusals(leg_, late)
    after = case.accepting(leg_)
    assert after.free_cash.value == case.free_cash.value == D(2600)
    assert "not_a_duplicate" in refusals(leg_, after)


def test_a_put_in_the_money_never_rolls_to_a_higher_strike() -> None:
    case = a_case(books=Books(rolls=(a_roll(old_strike=D("36.5")),)))
    result = ask("roll_earns_its_budget", a_put(purpose="roll_open", roll="r1"), case)
    assert not result.ok
    assert "never rolls" in result.reason


@pytest.mark.parametrize(("floor", "goes"), [("strike", False), ("tax", True), ("wheel", True)])
def test_the_call_floor_is_the_basis_the_desk_names(floor: Any, goes: bool) -> None:
    """wheel 1.3, C014"""
    lot = a_lot(id="lot-XLF-1", basis_strike=D(43), basis_tax=D(42), basis_wheel=D("41.5"))
    facts: dict[str, Any] = {"positions": (held("XLF", "100"),), "books": Books(lots=(lot,))}
    case = a_case(**facts, numbers=wheel_numbers(call_floor=floor))
    assert ask("call_above_basis", a_call(), case).ok is goes


def test_an_unknown_basis_lot_or_floor_refuses_the_call() -> None:
    unknown = a_lot(id="lot-XLF-1", basis_tax=None)
    case = a_case(positions=(held("XLF", "100"),), books=Books(lots=(unknown,)))
    assert "--basis" in ask("call_above_basis", a_call(), case).reason
    assert not ask("call_above_basis", a_call(lot="no such lot"), a_case(**with_shares())).ok
    assert not ask("call_above_basis", a_call(strategy="guest"), a_case(**with_shares())).ok


def test_a_call_without_a_lot_is_compared_with_the_dearest_one() -> None:
    lots = (a_lot(id="a", basis="40"), a_lot(id="b", basis="43"))
    case = a_case(positions=(held("XLF", "200"),), books=Books(lots=lots))
    assert not ask("call_above_basis", a_call(lot=""), case).ok
    assert ask("call_above_basis", a_call(lot="a"), case).ok


@pytest.mark.parametrize(
    "fault",
    [
        {"strategy": ""}, {"key": 7}, {"legs": ()}, {"legs": [leg(PUT, "sell_to_open")]}, {"legs": ("XLF",)},
        {"qty": 1.0}, {"qty": D("NaN")}, {"qty": D("-1")}, {"limit_price": 0.6}, {"limit_price": None},
        {"limit_price": D("sNaN")}, {"limit_price": D(0)}, {"order_type": "iceberg"}, {"time_in_force": "fok"},
        {"order_type": "trailing_stop"}, {"order_type": "stop"}, {"underlying": "GLD"}, {"action": "buy"},
        {"legs": (leg(PUT, "sell_to_open"), leg(PUT, "sell_to_open"))}, {"legs": (leg("xlf", "buy_to_open"),)},
        {"legs": (leg("XLF261399P00037000", "sell_to_open"),)}, {"action": "cancel"},
        {"action": "cancel", "legs": ()}, {"legs": (leg(PUT, "sell_to_open", 0),)},
    ],
)  # fmt: skip
def test_an_intent_of_the_wrong_kind_is_refused_and_nothing_falls_over(fault: dict[str, Any]) -> None:
    spoiled, sound = changed(a_put(), **fault), a_put()
    verdicts = judge([spoiled, sound], a_case(limits=OFF))
    assert len(verdicts) == 2
    for verdict in verdicts:
        refused = {check.gate for check in verdict.checks if not check.ok}
        assert ("intent_is_well_formed" in refused) is (verdict.intent is spoiled)
        assert verdict.approved is (verdict.intent is sound)


def test_a_leg_whose_side_contradicts_its_intent_is_refused() -> None:
    odd = msgspec.structs.replace(leg(PUT, "sell_to_open"), side="buy")
    assert "intent_is_well_formed" in refusals(a_put(legs=(odd,)), a_case())


def test_without_equity_no_share_of_it_is_left() -> None:
    case = a_case(equity=D(0))
    assert {"symbol_share_within", "equity_is_enough", "order_loss_within"} <= refusals(a_put(), case)


def test_shares_bought_use_cash_and_exposure() -> None:
    case = a_case(account=an_account("2900"), limits=OFF)
    assert ask("collateral_is_free", a_purchase(), case).ok  # 400 against 2,900 - 2,500
    assert not ask("collateral_is_free", a_purchase(qty="11"), case).ok
    assert ask("symbol_share_within", a_purchase(qty="100"), a_case()).value == D("0.16")


def test_cases_share_what_was_accepted_however_they_are_built() -> None:
    step = a_case(limits=OFF).accepting(a_put())
    whole = a_case(a_put(), limits=OFF)
    assert whole.claims == step.claims
    assert whole.free_cash.value == step.free_cash.value == D(21_300)


@given(
    st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(10, 60), st.integers(1, 3), st.booleans()), max_size=12),
    st.integers(0, 40_000),
    st.integers(0, 3),
)
def test_the_fold_never_overspends(wanted: list[tuple[str, int, int, bool]], cash: int, working: int) -> None:
    """Whatever is asked, what is approved is secured by free cash less the buffer as it stood before."""
    names = [f"AA{letter}" for letter in "ABCDE"]
    expiry = date(2026, 12, 18)
    intents: list[OrderIntent] = []
    found: dict[str, Quote] = {}
    for letter, strike, qty, shares in wanted:
        name = f"AA{letter}"
        symbol = name if shares else put(name, expiry, str(strike))
        limit = D("39.99") if shares else D("0.60")
        found[symbol] = a_quote(symbol) if shares else a_quote(symbol, "0.58", "0.62", open_interest=500)
        word = "buy_to_open" if shares else "sell_to_open"
        intents.append(an_intent(symbol, word, str(qty), limit_price=limit, key=f"{symbol}-{len(intents)}"))
    orders = tuple(an_order(put(name, expiry, "15"), client_order_id=name) for name in names[:working])
    found.update({name: a_quote(name) for name in names})
    case = Case(
        snapshot=a_snapshot(quotes=tuple(found.values()), account=an_account(str(cash)), own_orders=orders),
        desk=a_desk(*names, limits=some_limits(**OFF)),
    )
    room = free_cash(case.snapshot).value - buffer_of(case)
    spent = D(0)
    for verdict in judge(intents, case):
        if verdict.approved:
            symbol, count = verdict.intent.symbol, verdict.intent.qty
            spent += count * D("39.99") if symbol in names else parse_option(symbol).strike * 100 * count
    assert spent == 0 or spent <= room


@given(st.permutations(range(5)))
def test_risk_is_reduced_first_whatever_order_the_plans_come_in(order: list[int]) -> None:
    facts = with_shares("200")
    facts["positions"] = (*facts["positions"], held(PUT, "-1"))
    case = a_case(**facts, own_orders=(an_order(PUT_LOWER, client_order_id="w1"),), limits=OFF)
    intents = [a_put(TODAY_PUT), a_buy_back(), a_call(), a_stop(), a_cancel("w1")]
    verdicts = judge([intents[index] for index in order], case)
    assert {verdict.intent.purpose for verdict in verdicts[:3]} == {"take_profit", "trailing_stop", "cancel_stale"}
    assert all(verdict.approved for verdict in verdicts[:3])
