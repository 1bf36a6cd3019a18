"""The chance of ending in the money: N(d2), held against numbers worked out elsewhere and against the price itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pricing.black_scholes import price
from bot.pricing.chance import chance_in_the_money, volatility_behind

SPOTS = st.floats(5, 500)
MONEYNESS = st.floats(0.6, 1.6)
YEARS = st.floats(0.01, 2.0)
VOLATILITIES = st.floats(0.05, 1.5)


def test_the_chance_is_n_of_d2() -> None:
    # S 42, K 40, T 0.5, volatility 0.20, rate 0.10 (Hull, Options, Futures and Other Derivatives): d2 = 0.6278.
    assert chance_in_the_money("call", 42, 40, 0.5, 0.20, 0.10) == pytest.approx(0.7349, abs=5e-5)
    assert chance_in_the_money("put", 42, 40, 0.5, 0.20, 0.10) == pytest.approx(0.2651, abs=5e-5)


@given(SPOTS, MONEYNESS, YEARS, VOLATILITIES)
def test_put_and_call_share_all_of_the_chance(spot: float, ratio: float, years: float, volatility: float) -> None:
    put = chance_in_the_money("put", spot, spot * ratio, years, volatility)
    call = chance_in_the_money("call", spot, spot * ratio, years, volatility)
    assert put + call == pytest.approx(1.0)


@given(SPOTS, MONEYNESS, YEARS, VOLATILITIES)
def test_the_chance_is_what_a_dollar_of_strike_costs(
    spot: float, ratio: float, years: float, volatility: float
) -> None:
    """Without rates a put gains its chance for each dollar of strike: the slope of the price is N(-d2)."""
    strike = spot * ratio
    step = strike * 1e-4
    slope = (
        price("put", spot, strike + step, years, volatility) - price("put", spot, strike - step, years, volatility)
    ) / (2 * step)
    assert chance_in_the_money("put", spot, strike, years, volatility) == pytest.approx(slope, abs=2e-3)


def test_a_stated_volatility_counts_before_the_mid() -> None:
    assert volatility_behind("put", 40, 38.5, 0.1, 0.21, 5.0) == (0.21, "stated")


@pytest.mark.parametrize("stated", [None, 0.02, 4.5])
def test_an_absent_or_mad_volatility_gives_way_to_the_mid(stated: float | None) -> None:
    mid = price("put", 40, 38.5, 0.1, 0.30)
    volatility, source = volatility_behind("put", 40, 38.5, 0.1, stated, mid)
    assert source == "mid"
    assert volatility == pytest.approx(0.30, abs=1e-6)


@pytest.mark.parametrize("mid", [None, 1.0, 60.0])
def test_where_no_price_explains_it_the_chance_is_unknown(mid: float | None) -> None:
    """A mid below what exercise pays, or above the strike, is explained by no volatility."""
    assert volatility_behind("put", 36, 38.5, 0.1, None, mid) == (None, "unknown")
