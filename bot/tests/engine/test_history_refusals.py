"""What this desk's limits would have refused of the past: the real gates, asked only what they can answer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from bot.domain.desk import Desk
from bot.engine.history import History, rebuild
from bot.engine.history_refusals import ANSWERABLE, UNASKED, PastJudgement, past_refusals
from bot.gates import GATES
from bot.tests.builders import a_desk, call, put, some_limits, symbols, wheel_params
from bot.tests.engine.settle_world import BrokerLedger

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")


def desk(**limits: Any) -> Desk:
    return a_desk("XLF", limits=some_limits(**limits), wheels=((1, True, wheel_params("XLF")),))


def funded(cash: str) -> BrokerLedger:
    """An account whose money came a day before anything else."""
    world = BrokerLedger(cash)
    world.wait(days=1)
    return world


def past_of(world: BrokerLedger) -> History:
    reads = world.reads()
    return rebuild(reads.activities, reads.positions, reads.account, world.at)


def judged(world: BrokerLedger, of: Desk | None = None) -> PastJudgement:
    return past_refusals(past_of(world), of or desk())


def gates(found: PastJudgement) -> dict[str, int]:
    return {one.gate: one.times for one in found.gates}


def test_every_gate_is_either_asked_or_named_as_one_that_cannot_be() -> None:
    assert {name for name, _ in GATES} == {*ANSWERABLE, *UNASKED}
    assert set(ANSWERABLE) <= {name for name, _ in GATES}
    assert "quote_is_fresh" in UNASKED
    assert "stress_loss_within" in UNASKED


def test_a_past_within_every_limit_is_refused_nowhere() -> None:
    world = funded("25000")
    world.trade(PUT, "sell_to_open", 1, "1.20")
    found = judged(world)
    assert (found.entries, found.refused, found.gates, found.outside) == (1, 0, (), ())


def test_a_put_the_cash_did_not_secure_is_refused_with_its_numbers() -> None:
    world = funded("6000")
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.wait(days=1)
    world.trade(put("XLF", date(2026, 2, 13), "49"), "sell_to_open", 1, "1.10")
    found = judged(world, desk(symbol_share=None, symbol_share_first=None, order_loss_share=None, group_share=None))
    assert gates(found)["collateral_is_free"] == 1
    worst = next(one for one in found.gates if one.gate == "collateral_is_free")
    assert worst.value == D(4900)
    assert worst.limit == D(6000) + D(120) - D(5000) - D(600), "cash with the first credit, collateral, buffer"
    assert (worst.symbol, worst.at.date()) == ("XLF", date(2026, 1, 7))


def test_an_order_that_could_lose_too_much_is_counted_as_its_worst_case() -> None:
    world = funded("25000")
    world.trade(PUT, "sell_to_open", 2, "1.20", "1.20")
    world.wait(days=1)
    world.trade(put("XLF", date(2026, 2, 13), "45"), "sell_to_open", 3, "1.00", "1.00", "1.00")
    found = judged(world, desk(order_loss_share=D("0.30")))
    worst = next(one for one in found.gates if one.gate == "order_loss_within")
    assert worst.times == 2
    assert worst.at.date() == date(2026, 1, 7)
    assert worst.value is not None
    assert worst.value > D("0.50")


def test_a_call_below_the_basis_is_refused_at_the_basis_of_its_own_lot() -> None:
    world = funded("25000")
    world.trade("XLF", "buy_to_open", 100, "52")
    world.wait(days=1)
    world.trade(call("XLF", date(2026, 2, 6), "51"), "sell_to_open", 1, "0.90")
    found = judged(world)
    worst = next(one for one in found.gates if one.gate == "call_above_basis")
    assert (worst.times, worst.value, worst.limit) == (1, D(51), D(52))


def test_a_second_call_is_judged_by_the_lot_that_the_first_left_free() -> None:
    world = funded("25000")
    world.trade("XLF", "buy_to_open", 100, "40")
    world.wait(days=1)
    world.trade("XLF", "buy_to_open", 100, "52")
    world.wait(days=1)
    world.trade(call("XLF", date(2026, 2, 6), "45"), "sell_to_open", 1, "0.90")
    world.wait(days=1)
    world.trade(call("XLF", date(2026, 2, 6), "46"), "sell_to_open", 1, "0.80")
    found = judged(world)
    worst = next(one for one in found.gates if one.gate == "call_above_basis")
    assert (worst.times, worst.value, worst.limit) == (1, D(46), D(52))


def test_a_naked_call_is_refused() -> None:
    world = funded("25000")
    world.trade(call("XLF", date(2026, 2, 6), "55"), "sell_to_open", 1, "0.90")
    assert gates(judged(world))["call_is_covered"] == 1


def test_contracts_of_one_day_are_counted_and_a_roll_is_not() -> None:
    world = funded("90000")
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.wait(minutes=30)
    world.trade(put("XLF", date(2026, 2, 13), "49"), "sell_to_open", 1, "1.10")
    found = judged(world, desk(put_series_per_symbol=None))
    assert gates(found) == {"contracts_within_symbol_day": 1}
    world = funded("90000")
    world.trade(PUT, "sell_to_open", 1, "1.20")
    world.wait(minutes=30)
    world.trade(PUT, "buy_to_close", 1, "1.50")
    world.trade(put("XLF", date(2026, 2, 13), "49"), "sell_to_open", 1, "1.60")
    assert gates(judged(world, desk(put_series_per_symbol=None))) == {}


def test_names_this_desk_does_not_trade_are_told_and_their_floor_is_not_asked() -> None:
    world = funded("25000")
    world.trade("TSLA", "buy_to_open", 100, "20")
    world.wait(days=1)
    world.trade(call("TSLA", date(2026, 2, 6), "19"), "sell_to_open", 1, "0.90")
    found = judged(world)
    assert found.outside == ("TSLA",)
    assert "call_above_basis" not in gates(found)
    assert gates(found)["group_share_within"] == 1, "the call adds nothing; the shares have no group"


def test_names_without_a_wheel_in_the_universe_are_not_outside() -> None:
    world = funded("25000")
    world.trade("EWZ", "buy_to_open", 100, "20")
    found = judged(world, a_desk("XLF", "EWZ", universe=symbols("XLF", "EWZ")))
    assert found.outside == ()


def test_an_expiring_series_opened_on_its_last_day_is_refused() -> None:
    world = funded("25000")
    world.trade(put("XLF", date(2026, 1, 6), "50"), "sell_to_open", 1, "0.20")
    assert "expiry_is_later" in gates(judged(world))
