"""Option mathematics against published vectors, against itself, and at its edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.instruments import Right
from bot.pricing import black_scholes as bs

RIGHTS: tuple[Right, Right] = ("call", "put")
rights = st.sampled_from(RIGHTS)
spots = st.floats(5, 500)
moneynesses = st.floats(0.6, 1.6)
lives = st.floats(1 / 365, 2)
volatilities = st.floats(0.05, 1.5)
rates = st.floats(-0.02, 0.10)
yields = st.floats(0, 0.08)


@pytest.mark.parametrize(
    ("right", "spot", "strike", "years", "volatility", "rate", "dividend_yield", "expected", "digits"),
    [
        ("call", 42, 40, 0.5, 0.20, 0.10, 0.0, 4.76, 2),  # Hull, Options, Futures and Other Derivatives, ex. 15.6
        ("put", 42, 40, 0.5, 0.20, 0.10, 0.0, 0.81, 2),  # same
        ("call", 60, 65, 0.25, 0.30, 0.08, 0.0, 2.1334, 4),  # Haug 1.1.1, Black-Scholes
        ("put", 100, 95, 0.5, 0.20, 0.10, 0.05, 2.4648, 4),  # Haug 1.1.2, Merton, continuous yield
        ("call", 19, 19, 0.75, 0.28, 0.10, 0.10, 1.7011, 4),  # Haug 1.1.3, Black-76: yield equals rate
        ("put", 19, 19, 0.75, 0.28, 0.10, 0.10, 1.7011, 4),  # same, put equals call at the forward
        ("call", 1.56, 1.60, 0.5, 0.12, 0.06, 0.08, 0.0291, 4),  # Haug 1.1.5, Garman-Kohlhagen
        ("call", 930, 900, 2 / 12, 0.20, 0.08, 0.03, 51.83, 2),  # Hull ex. 17.1, an index option
    ],
)
def test_a_price_agrees_with_the_published_one(
    right: Right, spot: float, strike: float, years: float, volatility: float, rate: float, dividend_yield: float,
    expected: float, digits: int,
) -> None:  # fmt: skip
    assert round(bs.price(right, spot, strike, years, volatility, rate, dividend_yield), digits) == expected


def test_the_greeks_agree_with_the_published_ones() -> None:
    """Hull, chapter 19: S 49, K 50, r 5 %, volatility 20 %, 20 weeks."""
    found = bs.greeks("call", 49, 50, 20 / 52, 0.20, 0.05)
    assert found.price == pytest.approx(2.40, abs=0.005)
    assert found.delta == pytest.approx(0.522, abs=0.0005)
    assert found.gamma == pytest.approx(0.066, abs=0.0005)
    assert found.vega == pytest.approx(12.1, abs=0.05)
    assert found.theta == pytest.approx(-4.31, abs=0.005)
    assert found.rho == pytest.approx(8.91, abs=0.005)


def test_an_implied_volatility_agrees_with_the_published_one() -> None:
    """Hull, section 15.11: a call of 1.875 at S 21, K 20, r 10 %, three months, implies 23.5 %."""
    assert bs.implied_volatility("call", 1.875, 21, 20, 0.25, 0.10) == pytest.approx(0.235, abs=0.0005)


@given(spots, moneynesses, lives, volatilities, rates, yields)
def test_a_call_less_a_put_is_the_forward_less_the_strike(
    spot: float, moneyness: float, years: float, volatility: float, rate: float, dividend_yield: float
) -> None:
    strike = spot * moneyness
    call, put = (bs.greeks(right, spot, strike, years, volatility, rate, dividend_yield) for right in RIGHTS)
    held, paid = math.exp(-dividend_yield * years), math.exp(-rate * years)
    assert call.price - put.price == pytest.approx(spot * held - strike * paid, abs=1e-10 * spot)
    assert call.delta - put.delta == pytest.approx(held, abs=1e-12)
    assert call.gamma == pytest.approx(put.gamma, rel=1e-12)
    assert call.vega == pytest.approx(put.vega, rel=1e-12)


@given(rights, spots, moneynesses, lives, volatilities, rates, yields)
def test_a_price_implies_the_volatility_it_was_made_with(
    right: Right, spot: float, moneyness: float, years: float, volatility: float, rate: float, dividend_yield: float
) -> None:
    strike = spot * moneyness
    made = bs.greeks(right, spot, strike, years, volatility, rate, dividend_yield)
    assume(made.vega > 1e-4 * spot)  # else the price hardly knows its volatility
    found = bs.implied_volatility(right, made.price, spot, strike, years, rate, dividend_yield)
    assert found == pytest.approx(volatility, abs=1e-8)


@given(rights, spots, st.floats(0.3, 3.0), lives, st.floats(0.03, 4.0), rates, yields)
def test_an_implied_volatility_always_gives_its_price_back(
    right: Right, spot: float, moneyness: float, years: float, volatility: float, rate: float, dividend_yield: float
) -> None:
    strike = spot * moneyness
    made = bs.price(right, spot, strike, years, volatility, rate, dividend_yield)
    found = bs.implied_volatility(right, made, spot, strike, years, rate, dividend_yield)
    assume(found is not None)
    assert found is not None
    again = bs.price(right, spot, strike, years, found, rate, dividend_yield)
    assert again == pytest.approx(made, abs=1e-11 * spot)


@given(rights, spots, st.floats(0.7, 1.4), st.floats(0.05, 2), st.floats(0.10, 1.0), rates, yields)
def test_each_greek_is_the_slope_of_the_price(
    right: Right, spot: float, moneyness: float, years: float, volatility: float, rate: float, dividend_yield: float
) -> None:
    strike = spot * moneyness

    def worth(move: float = 0.0, later: float = 0.0, wilder: float = 0.0, dearer: float = 0.0) -> bs.Greeks:
        return bs.greeks(right, spot + move, strike, years + later, volatility + wilder, rate + dearer, dividend_yield)

    found = worth()
    step = 1e-4
    wide = spot * step
    assert found.delta == pytest.approx((worth(move=wide).price - worth(move=-wide).price) / (2 * wide), abs=1e-5)
    gamma = (worth(move=wide).delta - worth(move=-wide).delta) / (2 * wide)
    assert found.gamma * spot == pytest.approx(gamma * spot, abs=1e-3)
    vega = (worth(wilder=step).price - worth(wilder=-step).price) / (2 * step)
    assert found.vega / spot == pytest.approx(vega / spot, abs=1e-5)
    theta = -(worth(later=step).price - worth(later=-step).price) / (2 * step)
    assert found.theta / spot == pytest.approx(theta / spot, abs=1e-4)
    rho = (worth(dearer=step).price - worth(dearer=-step).price) / (2 * step)
    assert found.rho / spot == pytest.approx(rho / spot, abs=1e-5)


@pytest.mark.parametrize("right", RIGHTS)
def test_a_chain_gives_what_its_contracts_give_one_by_one(right: Right) -> None:
    strikes = [60.0 + 2.5 * n for n in range(33)]
    smile = [0.18 + 0.4 * abs(strike - 100) / 100 for strike in strikes]
    market = (30 / 365, 0.04, 0.013)
    years, rate, dividend_yield = market
    chain = bs.price_chain(right, 100.0, strikes, years, smile, rate, dividend_yield)
    prices, deltas = bs.price_and_delta_chain(right, 100.0, strikes, years, smile, rate, dividend_yield)
    implied = bs.implied_chain(right, [row.price for row in chain], 100.0, strikes, years, rate, dividend_yield)
    for row, price, delta, found, strike, volatility in zip(
        chain, prices, deltas, implied, strikes, smile, strict=True
    ):
        assert row == bs.greeks(right, 100.0, strike, years, volatility, rate, dividend_yield)
        assert price == pytest.approx(row.price, abs=1e-12)
        assert delta == pytest.approx(row.delta, abs=1e-12)
        assert bs.price(right, 100.0, strike, years, volatility, rate, dividend_yield) == price
        if row.vega > 1e-3:
            assert found == pytest.approx(volatility, abs=1e-8)


@pytest.mark.parametrize(("years", "volatility"), [(0.0, 0.3), (0.5, 0.0), (0.0, 0.0)])
def test_without_time_or_volatility_an_option_is_worth_its_discounted_difference(
    years: float, volatility: float
) -> None:
    call = bs.greeks("call", 110, 100, years, volatility, 0.05, 0.02)
    assert call.price == pytest.approx(110 * math.exp(-0.02 * years) - 100 * math.exp(-0.05 * years))
    assert call.delta == pytest.approx(math.exp(-0.02 * years))
    assert (call.gamma, call.vega) == (0.0, 0.0)
    assert bs.greeks("put", 110, 100, years, volatility, 0.05, 0.02) == (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert bs.price_and_delta("put", 90, 100, 0.0, volatility) == (10.0, -1.0)


def test_at_the_forward_and_without_volatility_delta_is_one_half() -> None:
    assert bs.price_and_delta("call", 100, 100, 0.0, 0.2) == (0.0, 0.5)
    assert bs.price_and_delta("put", 100, 100, 0.0, 0.2) == (0.0, -0.5)


@pytest.mark.parametrize("right", RIGHTS)
def test_the_limit_of_little_volatility_is_no_volatility(right: Right) -> None:
    nearly = bs.greeks(right, 80, 100, 0.5, 1e-6, 0.05, 0.01)
    certain = bs.greeks(right, 80, 100, 0.5, 0.0, 0.05, 0.01)
    assert nearly == pytest.approx(certain, abs=1e-9)


@pytest.mark.parametrize("right", RIGHTS)
def test_a_minute_before_the_close_everything_is_still_finite(right: Right) -> None:
    minute = 60 / 31_536_000
    for strike in (50.0, 99.99, 100.0, 100.01, 200.0):
        found = bs.greeks(right, 100, strike, minute, 0.2)
        assert all(math.isfinite(value) for value in found)
        assert found.price >= 0


@pytest.mark.parametrize(
    ("right", "price", "why"),
    [
        ("call", 1.99, "below the discounted difference"),
        ("call", 2.0, "exactly at it, where volatility is zero"),
        ("call", 42.0, "as dear as the share"),
        ("call", 43.0, "dearer than the share"),
        ("put", 0.0, "free"),
        ("put", -0.5, "negative"),
        ("put", 40.0, "as dear as the strike"),
        ("put", math.nan, "not a number"),
        ("call", math.inf, "infinite"),
    ],
)
def test_a_price_at_or_outside_its_bounds_implies_nothing(right: Right, price: float, why: str) -> None:
    assert bs.implied_volatility(right, price, 42, 40, 0.5) is None, why


@pytest.mark.parametrize(
    ("spot", "strike", "years"),
    [(0, 40, 0.5), (-1, 40, 0.5), (math.nan, 40, 0.5), (42, 0, 0.5), (42, 40, 0.0), (42, 40, -1), (42, math.inf, 1)],
)
def test_inputs_that_are_no_market_imply_nothing(spot: float, strike: float, years: float) -> None:
    assert bs.implied_volatility("call", 3.0, spot, strike, years) is None


def test_a_price_above_any_sensible_volatility_implies_nothing() -> None:
    assert bs.implied_volatility("call", bs.price("call", 100, 100, 0.01, 19.5), 100, 100, 0.01) == pytest.approx(19.5)
    assert bs.implied_volatility("call", bs.price("call", 100, 100, 0.01, 20.5), 100, 100, 0.01) is None


def test_a_hole_in_a_chain_does_not_disturb_its_neighbours() -> None:
    strikes = [90.0, 95.0, 100.0, 105.0]
    prices = bs.price_and_delta_chain("call", 100.0, strikes, 0.25, [0.3, 0.28, 0.26, 0.25])[0]
    prices[1] = 4.0  # below 5.00, the difference itself
    found = bs.implied_chain("call", prices, 100.0, strikes, 0.25)
    assert found[1] is None
    assert [found[0], found[2], found[3]] == pytest.approx([0.3, 0.26, 0.25], abs=1e-10)
    assert bs.implied_chain("call", prices, 100.0, strikes, 0.0) == [None] * 4


def test_prices_of_a_hundredth_of_a_millionth_still_imply_their_volatility() -> None:
    far = bs.price("put", 100, 60, 0.1, 0.28)
    assert far < 1e-6
    assert bs.implied_volatility("put", far, 100, 60, 0.1) == pytest.approx(0.28, abs=1e-7)


@pytest.mark.parametrize(
    ("spot", "strike", "years", "volatility"),
    [(0, 40, 1, 0.2), (math.nan, 40, 1, 0.2), (42, 0, 1, 0.2), (42, 40, -1, 0.2), (42, 40, 1, -0.2)],
)
def test_pricing_nonsense_is_our_own_bug(spot: float, strike: float, years: float, volatility: float) -> None:
    with pytest.raises(AssertionError, match="must be"):
        bs.price("call", spot, strike, years, volatility)


def test_a_chain_of_unequal_columns_is_our_own_bug() -> None:
    with pytest.raises(ValueError, match="zip"):
        bs.price_chain("put", 100, [90, 95], 0.1, [0.2])
