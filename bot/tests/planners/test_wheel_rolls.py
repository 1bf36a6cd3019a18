"""Rolls: two orders across ticks under one budget (wheel 1.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.desk import SymbolInfo
from bot.domain.ledger import Halt, Roll
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot
from bot.tests.builders import NOON, D, a_chain, a_lot, a_quote, a_slab, an_option_leg, an_order, call, held, put
from bot.tests.planners.wheel_scene import (
    FAR,
    NEAR,
    option_quote,
    params,
    planned,
    scene,
    some_books,
    the_intent,
    word,
)

SOON = date(2026, 11, 20)
SHORT = put("XLF", SOON, "41")

# The share at 40, the short 41 put at 1.10 to 1.16: a roll needs 1.16 + 0.05 net + 0.0011 for fees.
ROLLS = [
    ("39", "0.86", "0.90", 900, 0.35, 0.20),
    ("40", "1.18", "1.24", 900, 0.46, 0.20),
    ("40.5", "1.40", "1.46", 900, 0.52, 0.20),
    ("41", "1.66", "1.74", 900, 0.58, 0.20),
    ("42", "2.30", "2.40", 900, 0.70, 0.20),
]


def rolling(*slabs: Any, said: Any = None, **given: Any) -> Snapshot:
    chain = a_chain("XLF", "put", *(slabs or (a_slab(NEAR, ROLLS),)))
    snapshot_facts = {name: given.pop(name) for name in ("own_orders", "halt", "events") if name in given}
    one = an_option_leg(SHORT, **({"credit": "0.60"} | given))
    books = some_books(legs=(one,), instructions=(word(SHORT, said),) if said else ())
    quotes = (option_quote(SHORT, "1.10", "1.16"),)
    return scene(chain, quotes=quotes, positions=(held(SHORT, str(one.qty)),), books=books, **snapshot_facts)


def rolls(snapshot: Snapshot, given: Any = None) -> list[OrderIntent]:
    return [one for one in planned(snapshot, given).intents if one.purpose.startswith("roll")]


def reasons(snapshot: Snapshot, given: Any = None) -> list[str]:
    return [note.reason for note in planned(snapshot, given).notes]


def test_a_put_in_the_money_near_expiry_is_bought_back_when_a_later_one_pays() -> None:
    (intent,) = rolls(rolling())
    assert (intent.purpose, intent.symbol, intent.side) == ("roll_close", SHORT, "buy_to_close")
    assert (intent.roll, intent.roll_ticks_max, intent.key) == (f"roll-leg-{SHORT}", 8, f"leg-{SHORT}")
    numbers = dict(intent.numbers)
    assert numbers["roll_into"] == put("XLF", NEAR, "40.5")
    assert numbers["roll_needed"] == "1.2111"


def test_the_lowest_strike_that_pays_is_taken_at_its_exact_boundary() -> None:
    """40 has a mid of 1.21: a hundredth of a cent too little with a minimum of 0.05, enough with 0.0489."""
    assert dict(rolls(rolling())[0].numbers)["roll_into"] == put("XLF", NEAR, "40.5")
    (intent,) = rolls(rolling(), params(roll_net_min=D("0.0489")))
    assert dict(intent.numbers)["roll_into"] == put("XLF", NEAR, "40")


def test_the_nearest_expiry_that_pays_is_taken_within_the_longest() -> None:
    """The nearest pays too little at every allowed strike; one beyond roll_dte_max is not looked at."""
    poor = [(*row[:1], "0.20", "0.22", *row[3:]) for row in ROLLS]
    assert dict(rolls(rolling(a_slab(NEAR, poor), a_slab(FAR, ROLLS)))[0].numbers)["roll_into"][3:9] == "261224"
    late = a_slab(date(2027, 1, 17), ROLLS), a_slab(date(2027, 1, 18), ROLLS)
    assert dict(rolls(rolling(*late))[0].numbers)["dte"] == "2"
    assert not rolls(rolling(late[1]))


def test_a_put_in_the_money_never_rolls_to_a_higher_strike() -> None:
    assert not rolls(rolling(a_slab(NEAR, [ROLLS[4]])))
    assert any("pays the roll" in reason for reason in reasons(rolling(a_slab(NEAR, [ROLLS[4]]))))


def test_a_roll_goes_to_a_later_expiry_only() -> None:
    assert not rolls(rolling(a_slab(SOON, ROLLS)))


def test_neither_delta_band_nor_minimum_yield_binds_a_roll() -> None:
    given = params(put_yield_min=D(9), put_delta_max=D("0.20"))
    assert rolls(rolling(), given)


@pytest.mark.parametrize(
    "rows",
    [
        [("41", "1.66", "1.74", 99, 0.58, 0.20)],
        [("41", "1.20", "2.20", 900, 0.58, 0.20)],
        [("41", "1.66", "1.74", 900, 0.58, 4.5)],
        [("41", "0", "1.74", 900, 0.58, 0.20)],
    ],
)
def test_a_roll_still_wants_a_series_with_a_way_out(rows: list[Any]) -> None:
    assert not rolls(rolling(a_slab(NEAR, rows)))


def test_a_roll_takes_standard_contracts_only() -> None:
    """wheel 1.18"""
    assert not rolls(rolling(a_slab(NEAR, [ROLLS[3]], odd=(put("XLF", NEAR, "41"),))))


def test_a_roll_of_a_stock_does_not_pass_unknown_earnings() -> None:
    stock = replace(params(), universe={"XLF": SymbolInfo(symbol="XLF", group="g", kind="stock")})
    assert not rolls(rolling(events=()), stock)


@pytest.mark.parametrize(
    ("given", "numbers", "why"),
    [
        ({"halt": Halt(level="no_new_risk")}, {}, "halt no_new_risk: no roll starts"),
        ({"said": "no_roll"}, {}, "the owner said no_roll"),
        ({"rolls": 2}, {}, "rolled as often as allowed"),
    ],
)
def test_why_a_put_does_not_roll_is_said(given: dict[str, Any], numbers: dict[str, Any], why: str) -> None:
    """peers: the user could not tell why it did not roll."""
    assert not rolls(rolling(**given), params(**numbers))
    assert any(why in reason for reason in reasons(rolling(**given), params(**numbers)))


def test_the_roll_rule_begins_at_its_day_and_may_be_off() -> None:
    assert rolls(rolling(), params(put_roll_dte=2))
    assert not rolls(rolling(), params(put_roll_dte=1))
    assert not rolls(rolling(), params(put_roll_dte=None))


def test_a_put_out_of_the_money_does_not_roll() -> None:
    snapshot = rolling()
    rich = (a_quote("XLF", "40.99", "41.01"), *snapshot.quotes[1:])
    assert not rolls(replace(snapshot, quotes=rich))


def test_a_profit_target_always_beats_a_roll() -> None:
    """wheel 1.5: in the money and sixty percent earned."""
    snapshot = rolling(credit="3.00")
    assert [one.purpose for one in planned(snapshot).intents] == ["take_profit"]
    assert any(reason.startswith("roll_close overruled by take_profit") for reason in reasons(snapshot))


def test_no_chain_no_roll() -> None:
    snapshot = replace(rolling(), chains=())
    assert not rolls(snapshot)
    assert any("no put chain was read" in reason for reason in reasons(snapshot))


def test_on_expiry_day_the_expiry_rule_decides_alone() -> None:
    today = put("XLF", NOON.date(), "41")
    one = an_option_leg(today)
    late = datetime(2026, 11, 18, 19, 0, tzinfo=UTC)
    snapshot = scene(
        a_chain("XLF", "put", a_slab(NEAR, ROLLS)), quotes=(option_quote(today, "1.10", "1.16"),),
        positions=(held(today, "-1"),), books=some_books(legs=(one,)),
    )  # fmt: skip
    snapshot = replace(snapshot, at=late)
    assert not rolls(snapshot)
    assert [one.purpose for one in rolls(snapshot, params(itm_at_expiry_put="roll"))] == ["roll_close"]
    poor = replace(snapshot, chains=())
    assert not planned(poor, params(itm_at_expiry_put="roll")).intents


# The buy-back while it works.
def buying_back(**given: Any) -> Any:
    facts: dict[str, Any] = {
        "purpose": "roll_close", "key": f"leg-{SHORT}", "roll": f"roll-leg-{SHORT}", "roll_ticks_max": 8,
        "limit_price": D("1.13"), "cycle": "cycle-XLF",
    }  # fmt: skip
    return an_order(SHORT, "buy_to_close", **(facts | given))


def test_a_working_buy_back_is_repriced_while_the_roll_still_pays() -> None:
    intent = the_intent(rolling(own_orders=(buying_back(),)))
    assert (intent.purpose, intent.limit_price, intent.roll) == ("roll_close", D("1.14"), f"roll-leg-{SHORT}")


def test_a_working_buy_back_is_withdrawn_when_no_series_pays_any_more_or_a_halt_comes() -> None:
    poor = rolling(a_slab(NEAR, [ROLLS[0]]), own_orders=(buying_back(),))
    assert the_intent(poor).purpose == "cancel_stale"
    halted = rolling(own_orders=(buying_back(),), halt=Halt(level="no_new_risk"))
    assert the_intent(halted).purpose == "cancel_stale"
    told = rolling(own_orders=(buying_back(),), said="let_assign")
    assert the_intent(told).purpose == "cancel_stale"


# The opening leg.
def in_flight(**given: Any) -> Roll:
    facts: dict[str, Any] = {
        "id": "roll-1", "underlying": "XLF", "right": "put", "old_symbol": SHORT, "old_strike": D(41), "qty": D(2),
        "strategy": "wheel", "cycle": "cycle-XLF", "chain": "leg-1", "rolls": 1, "stage": "opening",
        "budget": D("226.22"), "ticks_left": 5, "started_at": NOON,
    }  # fmt: skip
    return Roll(**(facts | given))


def opening(*slabs: Any, roll: Any = None, **given: Any) -> Snapshot:
    chain = a_chain("XLF", "put", *(slabs or (a_slab(NEAR, ROLLS),)))
    return scene(chain, books=some_books(rolls=(roll or in_flight(),)), **given)


def test_the_opening_leg_pays_the_actual_budget_and_the_minimum() -> None:
    """226.22 for two contracts is 1.1311 a share; with 0.05 the leg must pay 1.1811."""
    intent = the_intent(opening())
    assert (intent.purpose, intent.symbol, intent.qty) == ("roll_open", put("XLF", NEAR, "40"), D(2))
    assert (intent.key, intent.roll, intent.cycle, intent.limit_price) == ("roll-1", "roll-1", "cycle-XLF", D("1.21"))
    assert dict(intent.numbers)["needed"] == "1.1811"


def test_a_budget_no_series_pays_is_named() -> None:
    """wheel 1.5"""
    snapshot = opening(roll=in_flight(budget=D("400.00")))
    assert not planned(snapshot).intents
    (note,) = [note for note in planned(snapshot).notes if note.subject == "roll"]
    assert "budget 400 USD for 2, 5 ticks left" in note.reason
    assert (note.value, note.limit, note.unit) == (D("1.70"), D("2.05"), "usd")


def test_the_opening_leg_of_a_put_is_never_above_the_old_strike() -> None:
    assert not planned(opening(a_slab(NEAR, [ROLLS[4]]))).intents


def test_the_opening_leg_of_a_call_is_the_lowest_strike_not_below_the_old() -> None:
    rows = [(strike, "2.00", "2.06", 900, 0.5, 0.2) for strike in ("38", "39", "40")]
    roll = in_flight(right="call", old_symbol=call("XLF", SOON, "39"), old_strike=D(39), qty=D(1), budget=D(150))
    books = some_books(rolls=(roll,), lots=(a_lot(basis="38"),))
    snapshot = scene(a_chain("XLF", "call", a_slab(NEAR, rows)), positions=(held("XLF", "100"),), books=books)
    (intent,) = rolls(snapshot)
    assert (intent.symbol, intent.lot) == (call("XLF", NEAR, "39"), "lot-XLF")


def test_a_halt_drops_the_opening_leg_and_says_so() -> None:
    halted = opening(halt=Halt(level="no_new_risk"))
    assert not planned(halted).intents
    assert any("drops its opening leg" in reason for reason in reasons(halted))


def test_a_roll_whose_ticks_are_used_up_opens_nothing() -> None:
    assert not planned(opening(roll=in_flight(ticks_left=0))).intents


def test_a_roll_still_closing_or_of_another_strategy_is_left_alone() -> None:
    assert not rolls(opening(roll=in_flight(stage="closing")))
    assert not rolls(opening(roll=in_flight(strategy="other")))


def test_a_roll_in_flight_keeps_its_collateral_from_a_new_put() -> None:
    assert any("spoken for" in reason for reason in reasons(opening()))


def open_order(**given: Any) -> Any:
    facts: dict[str, Any] = {"purpose": "roll_open", "key": "roll-1", "roll": "roll-1", "limit_price": D("1.21")}
    return an_order(put("XLF", NEAR, "40"), qty="2", **(facts | given))


def test_a_working_opening_leg_walks_its_ladder_but_not_below_its_budget() -> None:
    quotes = (option_quote(put("XLF", NEAR, "40"), "1.14", "1.28"),)
    limits = [the_intent(opening(own_orders=(open_order(step=step),), quotes=quotes)).limit_price for step in (0, 1, 2)]
    assert limits == [D("1.19"), D("1.19"), D("1.19")]
    assert not rolls(opening(own_orders=(open_order(limit_price=D("1.19")),), quotes=quotes))


def test_a_working_opening_leg_is_withdrawn_when_its_roll_has_ended_or_a_halt_comes() -> None:
    halted = opening(own_orders=(open_order(),), halt=Halt(level="no_new_risk"))
    assert the_intent(halted).purpose == "cancel_stale"
    ended = replace(halted, books=some_books(), halt=Halt())
    assert any(
        one.purpose == "cancel_stale" and one.replaces == open_order().client_order_id for one in planned(ended).intents
    )
