"""The simulated account's arithmetic: averages, cover, collateral, buying power (wheel 1.1, 2.6)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.brokers.simulator_account import (
    Holding,
    after_trade,
    collateral_of,
    pessimistic,
    powers,
    shares_under_calls,
)
from bot.domain.holdings import BrokerOrder
from bot.domain.orders import leg
from bot.domain.sessions import add_sessions, new_york_day
from bot.tests.brokers.tape import OPEN
from bot.tests.builders import call, put

D = Decimal
SOON = add_sessions(new_york_day(OPEN), 20)
LATER = add_sessions(new_york_day(OPEN), 60)


def an_order(*legs: tuple[str, str], qty: str = "1") -> BrokerOrder:
    return BrokerOrder(
        broker_order_id="b", client_order_id="c", legs=tuple(leg(s, i) for s, i in legs), qty=D(qty), filled_qty=D(0),
        order_type="limit", limit_price=D(1), time_in_force="day", status="new", submitted_at=OPEN, updated_at=OPEN,
    )  # fmt: skip


def test_adding_moves_the_average_and_taking_away_keeps_it() -> None:
    held = after_trade(None, D(100), D(40))
    held = after_trade(held, D(50), D(46))
    assert held == Holding(qty=D(150), average=D(42))
    assert after_trade(held, D(-50), D(99)) == Holding(qty=D(100), average=D(42))
    assert after_trade(held, D(-150), D(99)) is None


def test_crossing_zero_starts_a_new_average() -> None:
    assert after_trade(Holding(qty=D(-1), average=D(2)), D(3), D(5)) == Holding(qty=D(2), average=D(5))


def test_an_average_that_does_not_end_is_cut_at_six_places() -> None:
    held = after_trade(Holding(qty=D(1), average=D(1)), D(2), D("1.01"))
    assert held is not None
    assert held.average == D("1.006667")


def test_a_cash_secured_put_holds_back_its_strike() -> None:
    assert collateral_of({put("XLF", SOON, "50"): D(-2)}) == D(10_000)


def test_a_put_spread_holds_back_its_width_only() -> None:
    assert collateral_of({put("XLF", SOON, "50"): D(-1), put("XLF", SOON, "45"): D(1)}) == D(500)


def test_a_long_put_that_expires_first_covers_nothing() -> None:
    assert collateral_of({put("XLF", LATER, "50"): D(-1), put("XLF", SOON, "49"): D(1)}) == D(5_000)


def test_a_put_of_another_underlying_covers_nothing() -> None:
    assert collateral_of({put("XLF", SOON, "50"): D(-1), put("XLE", SOON, "49"): D(1)}) == D(5_000)


def test_a_short_call_holds_back_shares_unless_a_long_call_covers_it() -> None:
    short, long = call("XLF", SOON, "50"), call("XLF", SOON, "55")
    assert shares_under_calls({short: D(-2)}, "XLF") == D(200)
    assert shares_under_calls({short: D(-2), long: D(1)}, "XLF") == D(100)
    assert collateral_of({short: D(-2), long: D(1)}) == D(500)


def test_a_debit_spread_holds_back_nothing() -> None:
    assert collateral_of({call("XLF", SOON, "55"): D(-1), call("XLF", SOON, "50"): D(1)}) == D(0)


def test_a_working_purchase_frees_nothing_before_it_fills() -> None:
    short = call("XLF", SOON, "50")
    held = pessimistic({short: D(-1)}, [an_order((short, "buy_to_close"))])
    assert shares_under_calls(held, "XLF") == D(100)


def test_the_legs_of_one_order_cover_each_other() -> None:
    order = an_order((put("XLF", SOON, "50"), "sell_to_open"), (put("XLF", SOON, "45"), "buy_to_open"), qty="2")
    assert collateral_of(pessimistic({}, [order])) == D(1_000)


@pytest.mark.parametrize(
    ("multiplier", "buying", "options"), [(1, D(5_000), D(5_000)), (2, D(15_000), D(7_500)), (4, D(30_000), D(7_500))]
)
def test_shares_lend_half_their_value_only_on_margin(multiplier: int, buying: Decimal, options: Decimal) -> None:
    left = powers(D(10_000), D(5_000), D(4_000), D(900), D(100), multiplier)
    assert (left.buying_power, left.options_buying_power, left.non_marginable) == (buying, options, D(6_000))


def test_options_may_have_buying_power_on_negative_cash() -> None:
    """Why wheel 1.1 takes it as a second upper bound only."""
    assert powers(D(-1_000), D(10_000), D(0), D(0), D(0), 2).options_buying_power == D(4_000)


strikes = st.integers(10, 60).map(lambda k: put("XLF", SOON, str(k)))


@given(st.dictionaries(strikes, st.integers(-3, 3).map(D), max_size=5), strikes)
def test_a_further_long_put_never_raises_collateral(held: dict[str, Decimal], extra: str) -> None:
    assert (
        0
        <= collateral_of(held | {extra: max(held.get(extra, D(0)), D(0)) + 1})
        <= collateral_of({s: q for s, q in held.items() if s != extra or q > 0})
    )
