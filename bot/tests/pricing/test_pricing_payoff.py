"""Value at expiry, extrinsic value and break-evens, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instruments import Right
from bot.pricing.payoff import (
    PayoffLeg,
    break_evens,
    extrinsic,
    has_ex_dividend_risk,
    intrinsic,
    payoff_at_expiry,
)

D = Decimal
cents = st.integers(1, 20_000).map(lambda n: Decimal(n).scaleb(-2))
strikes = st.integers(10, 400).map(lambda n: Decimal(n) / 2)
legs = st.builds(
    PayoffLeg,
    right=st.sampled_from(("put", "call")),
    strike=strikes,
    qty=st.sampled_from((D(-2), D(-1), D(1), D(2))),
    price=cents,
)


def short(right: Right, strike: str, price: str) -> PayoffLeg:
    return PayoffLeg(right, D(strike), D(-1), D(price))


def long(right: Right, strike: str, price: str) -> PayoffLeg:
    return PayoffLeg(right, D(strike), D(1), D(price))


def test_intrinsic_value_is_never_below_zero() -> None:
    assert intrinsic("call", D(45), D(40)) == 5
    assert intrinsic("call", D(35), D(40)) == 0
    assert intrinsic("put", D(35), D(40)) == 5
    assert intrinsic("put", D(45), D(40)) == 0


def test_extrinsic_value_is_mid_less_intrinsic() -> None:
    """wheel.md 2.9."""
    assert extrinsic("call", D("2.30"), D(42), D(40)) == D("0.30")
    assert extrinsic("call", D("0.45"), D(38), D(40)) == D("0.45")
    assert extrinsic("put", D("2.30"), D(38), D(40)) == D("0.30")
    assert extrinsic("call", D("1.90"), D(42), D(40)) == D("-0.10")


@pytest.mark.parametrize(
    ("mid", "spot", "dividend", "risky"),
    [
        ("2.30", "42", "0.31", True),  # extrinsic 0.30 below the dividend
        ("2.30", "42", "0.30", False),  # equal: nothing to gain
        ("2.30", "42", "0.29", False),
        ("0.10", "40", "0.50", False),  # at the money is not in the money
        ("0.10", "39", "0.50", False),
        ("1.95", "42", "0.01", True),  # quoted below parity
        ("2.30", "42", "0", False),  # no dividend
    ],
)
def test_a_short_call_risks_assignment_when_its_time_value_is_below_the_dividend(
    mid: str, spot: str, dividend: str, risky: bool
) -> None:
    """wheel.md 2.9."""
    assert has_ex_dividend_risk(D(mid), D(spot), D(40), D(dividend)) is risky


def test_a_short_put_keeps_its_credit_above_the_strike_and_loses_below() -> None:
    position = (short("put", "50", "1.20"),)
    assert payoff_at_expiry(position, D(55)) == 120
    assert payoff_at_expiry(position, D(50)) == 120
    assert payoff_at_expiry(position, D("48.80")) == 0
    assert payoff_at_expiry(position, D(40)) == -880
    assert payoff_at_expiry(position, D(0)) == -4880
    assert break_evens(position) == (D("48.80"),)


def test_a_covered_call_is_capped_above_and_breaks_even_below_the_cost() -> None:
    position = (PayoffLeg("share", D(0), D(100), D(50)), short("call", "52.50", "0.80"))
    assert payoff_at_expiry(position, D(60)) == 330
    assert payoff_at_expiry(position, D(100)) == 330
    assert break_evens(position) == (D("49.20"),)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ((short("put", "50", "2.00"), long("put", "45", "0.70")), "48.70"),  # put credit spread
        ((short("call", "50", "2.00"), long("call", "55", "0.70")), "51.30"),  # call credit spread
        ((long("call", "50", "2.00"), short("call", "55", "0.70")), "51.30"),  # call debit spread
        ((long("put", "50", "2.00"), short("put", "45", "0.70")), "48.70"),  # put debit spread
        ((long("call", "50", "2.00"),), "52.00"),
        ((long("put", "50", "2.00"),), "48.00"),
    ],
)
def test_a_single_leg_or_vertical_breaks_even_once(position: tuple[PayoffLeg, ...], expected: str) -> None:
    assert break_evens(position) == (D(expected),)


def test_a_short_strangle_breaks_even_twice() -> None:
    assert break_evens((short("put", "45", "1.00"), short("call", "55", "1.00"))) == (D(43), D(57))


def test_a_position_that_cannot_lose_has_no_break_even() -> None:
    assert break_evens((short("put", "50", "3.00"), long("put", "48", "0.50"))) == ()
    assert break_evens(()) == (D(0),)


@given(st.lists(legs, min_size=1, max_size=4).map(tuple))
def test_nothing_is_won_or_lost_at_a_break_even(position: tuple[PayoffLeg, ...]) -> None:
    for price in break_evens(position):
        assert price >= 0
        assert abs(payoff_at_expiry(position, price)) < D("1e-18")


@given(st.lists(legs, min_size=1, max_size=4).map(tuple), st.integers(0, 60_000))
def test_between_two_prices_of_opposite_outcome_lies_a_break_even(position: tuple[PayoffLeg, ...], at: int) -> None:
    spot = Decimal(at).scaleb(-2)
    outcome, ruin = payoff_at_expiry(position, spot), payoff_at_expiry(position, D(0))
    if outcome * ruin < 0:
        assert any(0 < price < spot for price in break_evens(position))
