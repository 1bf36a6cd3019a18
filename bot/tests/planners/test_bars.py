"""Strategies on bars: what they ask, when they buy and sell, how much, and whose shares they leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.desk import BarParams
from bot.domain.ledger import Books, Halt, Instruction
from bot.domain.market import Bar, Bars, BarsRequest, QuotesRequest
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Plan
from bot.gates import judge
from bot.gates.case import Case
from bot.planners import bars, ma_cross
from bot.planners.bar_kinds import PLANNERS, SIGNALS
from bot.tests.builders import NOON, a_desk, a_lot, a_quote, a_session, a_snapshot, an_account, an_order, held
from bot.tests.planners.bar_scene import numbers_of

D = Decimal
UP = ("10", "10", "10", "10", "12")
"""With 2 against 4: the fast average is above the slow one on the last bar and was not before."""
UP_LONG = ("10", "10", "10", "12", "12")
DOWN = ("12", "12", "12", "12", "10")


def params(**changed: Any) -> BarParams:
    given = {"fast": 2, "slow": 4, "stop_percent": None} | changed
    return BarParams(name="cross", kind="ma_cross", numbers=numbers_of("ma_cross", **given), symbols=("XLF",))


def closes(prices: Sequence[str], symbol: str = "XLF") -> Bars:
    first = NOON - timedelta(days=len(prices))
    found = tuple(
        Bar(at=first + timedelta(days=n), open=D(one), high=D(one), low=D(one), close=D(one), volume=1)
        for n, one in enumerate(prices)
    )
    return Bars(symbol=symbol, step="1day", bars=found, source="test")


def scene(prices: Sequence[str] = UP, **given: Any) -> Snapshot:
    facts: dict[str, Any] = {"bars": (closes(prices),), "quotes": (a_quote("XLF", "11.99", "12.01"),)}
    return a_snapshot(**(facts | given))


def holding(*lots: Any, **books: Any) -> dict[str, Any]:
    mine = lots or (a_lot(basis="11", strategy="cross"),)
    total = sum((lot.qty for lot in mine), D(0))
    return {"positions": (held("XLF", str(total)),), "books": Books(**({"lots": mine} | books))}


def planned(snapshot: Snapshot, given: BarParams | None = None) -> Plan:
    return ma_cross.PLANNER.plan(snapshot, given or params())


def only(snapshot: Snapshot, given: BarParams | None = None) -> OrderIntent:
    (intent,) = planned(snapshot, given).intents
    return intent


def holdings_at(snapshot: Snapshot) -> Holdings:
    return Holdings(
        session=snapshot.session, account=an_account(), positions=(), own_orders=(), books=Books(), halt=Halt()
    )


@pytest.mark.parametrize(("enter_on", "count"), [("level", 4), ("turn", 5)])
def test_it_asks_for_quotes_and_as_many_bars_as_a_decision_needs(enter_on: str, count: int) -> None:
    snapshot = scene()
    asked = ma_cross.PLANNER.needs(holdings_at(snapshot), params(enter_on=enter_on), NOON)
    assert asked == (QuotesRequest(symbols=("XLF",)), BarsRequest(symbol="XLF", step="1day", count=count))


def test_it_asks_and_plans_nothing_outside_the_session_or_under_a_halt_stop() -> None:
    night = NOON + timedelta(hours=10)
    closed = a_snapshot(at=night, session=a_session(night), bars=(closes(UP),))
    assert ma_cross.PLANNER.needs(holdings_at(closed), params(), night) == ()
    assert planned(closed) == Plan()
    assert planned(scene(halt=Halt(level="stop"))) == Plan()


def test_it_buys_a_share_of_equity_at_the_ask_when_the_signal_turns() -> None:
    intent = only(scene())
    assert (intent.purpose, intent.side, intent.order_type, intent.time_in_force) == (
        "open", "buy_to_open", "limit", "day",
    )  # fmt: skip
    assert intent.limit_price == D("12.01")
    assert intent.qty == 312  # 15 % of 25,000 is 3,750: 312 at 12.01 cost 3,747.12, one more would not fit


def test_at_the_market_it_names_no_price_and_fixed_units_are_what_they_say() -> None:
    intent = only(scene(), params(order="market", units=7, position_share=None))
    assert (intent.order_type, intent.limit_price, intent.qty) == ("market", None, D(7))


def test_on_the_turn_it_buys_on_that_bar_alone_and_on_a_level_on_any() -> None:
    for prices, enter_on, reason in (
        (UP_LONG, "turn", "its signal did not turn on the last bar"), (DOWN, "level", "its signal does not want in"),
    ):  # fmt: skip
        plan = planned(scene(prices), params(enter_on=enter_on))
        assert (plan.intents, [note.reason for note in plan.notes]) == ((), [reason])
    assert only(scene(UP_LONG), params(enter_on="level")).purpose == "open"


def test_every_gate_lets_its_purchase_through_and_its_sale() -> None:
    for order in ("limit", "market"):
        given = params(order=order)
        desk = a_desk("XLF", bars=((1, True, given),))
        for snapshot in (scene(), scene(DOWN, **holding())):
            (verdict,) = judge([only(snapshot, given)], Case(snapshot=snapshot, desk=desk))
            assert verdict.approved, verdict.reason


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"bars": ()}, "too few finished bars"),
        ({"bars": (closes(UP[1:]),)}, "too few finished bars"),
        ({"bars": (closes(UP, "XLU"),)}, "too few finished bars"),
        ({"quotes": ()}, "no valid quote"),
        ({"quotes": (a_quote("XLF", None, "12.01"),)}, "no valid quote"),
        ({"equity": D(80)}, "one share costs more than its part"),
        ({"books": Books(instructions=(Instruction(contract="XLF", word="close", author="ada", at=NOON),))}, "closing"),
    ],
)
def test_what_keeps_it_from_buying_is_said(facts: dict[str, Any], reason: str) -> None:
    plan = planned(scene(**facts))
    assert plan.intents == ()
    assert reason in plan.notes[0].reason


def test_nothing_new_is_bought_in_a_follow_up_or_while_it_holds_or_buys() -> None:
    assert planned(scene(follow_up=1)).intents == ()
    assert planned(scene(**holding())).intents == ()
    buying = an_order("XLF", "buy_to_open", "10", strategy="cross", purpose="open", limit_price=D("12.01"))
    assert planned(scene(own_orders=(buying,))).intents == ()


def test_nothing_is_bought_against_a_working_sale_of_anothers_shares_but_a_resting_stop_does_not_matter() -> None:
    sale = an_order("XLF", "sell_to_close", "100", strategy="back", purpose="close", lot="other")
    others = holding(a_lot(id="other", strategy="back"))
    plan = planned(scene(own_orders=(sale,), **others))
    assert (plan.intents, plan.notes[0].reason[:25]) == ((), "a sale of it is working: ")
    stop = an_order("XLF", "sell_to_close", "100", order_type="trailing_stop", purpose="trailing_stop", lot="other")
    assert only(scene(own_orders=(stop,), **others)).purpose == "open"


def test_a_fall_past_the_stop_since_the_bar_is_no_chance_to_buy() -> None:
    given = params(stop_percent=D(5))
    assert only(scene(quotes=(a_quote("XLF", "11.40", "11.41"),)), given).purpose == "open"
    assert planned(scene(quotes=(a_quote("XLF", "11.39", "11.40"),)), given).intents == ()
    given = params(target_percent=D(5))
    assert only(scene(quotes=(a_quote("XLF", "12.58", "12.59"),)), given).purpose == "open"
    assert planned(scene(quotes=(a_quote("XLF", "12.59", "12.60"),)), given).intents == ()


def test_it_sells_each_of_its_own_lots_when_the_signal_wants_out_and_no_other() -> None:
    lots = (
        a_lot(id="one", strategy="cross"), a_lot(id="two", qty="50.5", strategy="cross"), a_lot(id="wheel's"),
        a_lot(id="theirs", strategy="cross", owner="foreign"), a_lot(id="crumb", qty="0.5", strategy="cross"),
    )  # fmt: skip
    intents = planned(scene(DOWN, **holding(*lots))).intents
    assert [(one.lot, one.qty, one.side, one.purpose) for one in intents] == [
        ("one", D(100), "sell_to_close", "close"), ("two", D(50), "sell_to_close", "close"),
    ]  # fmt: skip
    assert {one.limit_price for one in intents} == {D("11.99")}


def test_a_stop_sells_at_the_market_and_a_target_as_orders_say() -> None:
    lot = holding(a_lot(basis="12.50", strategy="cross"))
    given = params(stop_percent=D(4), target_percent=D(10))
    at = only(scene(UP_LONG, quotes=(a_quote("XLF", "12.00", "12.02"),), **lot), given)
    assert (at.order_type, at.reason) == ("market", "its stop: the bid 12 is 4 % below 12.5 paid")
    assert planned(scene(UP_LONG, quotes=(a_quote("XLF", "12.01", "12.03"),), **lot), given).intents == ()
    at = only(scene(UP_LONG, quotes=(a_quote("XLF", "13.75", "13.77"),), **lot), given)
    assert (at.order_type, at.limit_price, at.reason) == (
        "limit", D("13.75"), "its target: the bid 13.75 is 10 % above 12.5 paid",
    )  # fmt: skip
    assert planned(scene(UP_LONG, quotes=(a_quote("XLF", "13.74", "13.76"),), **lot), given).intents == ()


def test_its_stop_is_judged_without_any_bar_and_in_a_follow_up() -> None:
    lot = holding(a_lot(basis="15", strategy="cross"))
    assert only(scene(bars=(), follow_up=1, **lot), params(stop_percent=D(10))).order_type == "market"


def test_a_resting_trailing_stop_goes_by_the_sale_of_its_lot() -> None:
    stop = an_order(
        "XLF", "sell_to_close", "100", purpose="trailing_stop", order_type="trailing_stop", strategy="stops",
        lot="lot-XLF", client_order_id="s1", limit_price=None, trail_percent=D(12),
    )  # fmt: skip
    snapshot = scene(DOWN, own_orders=(stop,), **holding())
    intent = only(snapshot)
    assert intent.replaces == "s1"
    desk = a_desk("XLF", bars=((1, True, params()),))
    (verdict,) = judge([intent], Case(snapshot=snapshot, desk=desk))
    assert verdict.approved, verdict.reason


def test_a_working_sale_follows_the_bid_and_one_at_the_market_is_left_alone() -> None:
    sale = {"strategy": "cross", "purpose": "close", "lot": "lot-XLF", "client_order_id": "x1"}
    same = an_order("XLF", "sell_to_close", "100", limit_price=D("11.99"), **sale)
    assert planned(scene(DOWN, own_orders=(same,), **holding())).intents == ()
    above = an_order("XLF", "sell_to_close", "100", limit_price=D("12.10"), filled_qty=D(40), **sale)
    moved = only(scene(DOWN, own_orders=(above,), **holding()))
    assert (moved.replaces, moved.qty, moved.limit_price) == ("x1", D(60), D("11.99"))
    market = an_order("XLF", "sell_to_close", "100", order_type="market", limit_price=None, **sale)
    assert planned(scene(DOWN, own_orders=(market,), **holding())).intents == ()


def test_a_working_purchase_follows_the_ask_and_is_taken_back_when_the_signal_wants_out() -> None:
    def buying(limit: str, **given: Any) -> dict[str, Any]:
        facts = {"strategy": "cross", "purpose": "open", "key": "XLF", "client_order_id": "b1"} | given
        return {"own_orders": (an_order("XLF", "buy_to_open", "10", limit_price=D(limit), **facts),)}

    moved = only(scene(UP_LONG, follow_up=1, **buying("11.90", filled_qty=D(4))))
    assert (moved.replaces, moved.qty, moved.limit_price) == ("b1", D(6), D("12.01"))
    gone = only(scene(DOWN, **buying("11.90")))
    assert (gone.action, gone.purpose, gone.replaces) == ("cancel", "cancel_stale", "b1")
    assert planned(scene(DOWN, **buying("11.90", state="sending"))).intents == ()


def test_a_limit_never_stands_past_the_far_side_of_a_quote_off_the_grid() -> None:
    odd = (a_quote("XLF", "11.98999", "12.00001"),)
    assert only(scene(quotes=odd)).limit_price == D("12.00")
    assert only(scene(DOWN, quotes=odd, **holding())).limit_price == D("11.99")


def test_every_kind_has_its_planner_and_says_how_many_bars_it_needs() -> None:
    assert set(PLANNERS) == set(SIGNALS) == {"ma_cross", "breakout", "mean_reversion", "momentum"}
    needed = {
        kind: bars.bars_needed(signal, BarParams(name="x", kind=kind, numbers=numbers_of(kind), symbols=("XLF",)))
        for kind, signal in SIGNALS.items()
    }
    assert needed == {"ma_cross": 51, "breakout": 22, "mean_reversion": 21, "momentum": 62}
