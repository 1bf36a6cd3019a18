"""Our option mathematics against QuantLib over wide grids, and against the tables of Haug, Geske and Johnson.

Tolerances are of the larger of spot and strike. QuantLib 1.44: AnalyticEuropeanEngine (closed form), its Black formula
solver, QdFpAmericanEngine in its high precision scheme (Andersen, Lake and Offengenden, 2016) as the true American
price, BjerksundStenslandApproximationEngine (1993).
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.instruments import Right
from bot.pricing import american, black76
from bot.pricing import black_scholes as bs
from bot.tests.faults.soaking import many

ql: Any = pytest.importorskip("QuantLib", reason="QuantLib is needed to hold our mathematics against")
RIGHTS: tuple[Right, Right] = ("call", "put")
SPOT = 100.0
STRIKES = (50.0, 80.0, 95.0, 100.0, 105.0, 125.0, 200.0)
DAYS = (1, 7, 30, 91, 365, 1095)
VOLATILITIES = (0.05, 0.2, 0.45, 1.0, 2.0)
RATES = (-0.02, 0.0, 0.03, 0.10)
YIELDS = (0.0, 0.015, 0.08)
rights = st.sampled_from(RIGHTS)


class Theirs:
    """One QuantLib process whose inputs are set before each question; lives are whole days over 365."""

    def __init__(self) -> None:
        self.today = ql.Date(2, 1, 2026)
        ql.Settings.instance().evaluationDate = self.today
        self.spot, self.rate, self.paid, self.vol = (ql.SimpleQuote(0.1) for _ in range(4))
        year = ql.Actual365Fixed()
        rates, yields = (
            ql.YieldTermStructureHandle(ql.FlatForward(self.today, ql.QuoteHandle(one), year))
            for one in (self.rate, self.paid)
        )
        flat = ql.BlackConstantVol(self.today, ql.NullCalendar(), ql.QuoteHandle(self.vol), year)
        self.process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(self.spot), yields, rates, ql.BlackVolTermStructureHandle(flat)
        )
        self.closed = ql.AnalyticEuropeanEngine(self.process)
        self.true = ql.QdFpAmericanEngine(self.process, ql.QdFpAmericanEngine.highPrecisionScheme())
        self.near = ql.BjerksundStenslandApproximationEngine(self.process)

    def option(self, engine: Any, right: Right, spot: float, strike: float, days: int, *numbers: float) -> Any:
        for quote, value in zip((self.spot, self.vol, self.rate, self.paid), (spot, *numbers), strict=True):
            quote.setValue(value)
        end = self.today + days
        exercise = ql.EuropeanExercise(end) if engine is self.closed else ql.AmericanExercise(self.today, end)
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if right == "call" else ql.Option.Put, strike)
        option = ql.VanillaOption(payoff, exercise)
        option.setPricingEngine(engine)
        return option


@pytest.fixture(scope="module")
def theirs() -> Theirs:
    return Theirs()


def test_prices_and_all_greeks_are_quantlibs_over_a_grid(theirs: Theirs) -> None:
    """Of 5,040 options: price within 1e-13 of the larger of spot and strike, greeks within 1e-11 of their own scale."""
    worst = dict.fromkeys(("price", "delta", "gamma", "vega", "theta", "rho"), 0.0)
    for right, strike, days, *numbers in product(RIGHTS, STRIKES, DAYS, VOLATILITIES, RATES, YIELDS):
        option = theirs.option(theirs.closed, right, SPOT, strike, days, *numbers)
        ours = bs.greeks(right, SPOT, strike, days / 365, *numbers)
        size = max(SPOT, strike)
        pairs = (
            ("price", ours.price / size, option.NPV() / size), ("delta", ours.delta, option.delta()),
            ("gamma", ours.gamma * SPOT, option.gamma() * SPOT), ("vega", ours.vega / size, option.vega() / size),
            ("theta", ours.theta / size, option.theta() / size), ("rho", ours.rho / size, option.rho() / size),
        )  # fmt: skip
        for name, one, other in pairs:
            worst[name] = max(worst[name], abs(one - other))
    print("worst against QuantLib:", {name: f"{value:.1e}" for name, value in worst.items()})
    assert worst.pop("price") < 1e-13
    assert max(worst.values()) < 1e-11


@given(
    rights, st.floats(20, 500), st.floats(0.4, 2.5), st.integers(1, 1500), st.floats(0.03, 2.0), st.floats(-0.03, 0.15),
    st.floats(0, 0.12),
)  # fmt: skip
def test_any_price_is_quantlibs(
    right: Right, spot: float, moneyness: float, days: int, volatility: float, rate: float, paid: float
) -> None:
    one = Theirs()
    strike = spot * moneyness
    other = one.option(one.closed, right, spot, strike, days, volatility, rate, paid).NPV()
    ours = bs.price(right, spot, strike, days / 365, volatility, rate, paid)
    assert ours == pytest.approx(other, abs=1e-12 * max(spot, strike))


@given(rights, st.floats(0.5, 2.0), st.floats(0.02, 3.0), st.floats(0.05, 1.5))
def test_an_implied_volatility_is_quantlibs(right: Right, moneyness: float, years: float, volatility: float) -> None:
    strike = 100.0 * moneyness
    made = bs.greeks(right, 100.0, strike, years, volatility)
    assume(made.vega > 1e-2)
    kind = ql.Option.Call if right == "call" else ql.Option.Put
    deviation = ql.blackFormulaImpliedStdDev(kind, strike, 100.0, made.price, 1.0, 0.0, 0.2, 1e-12, 1000)
    assert bs.implied_volatility(right, made.price, 100.0, strike, years) == pytest.approx(
        deviation / math.sqrt(years), abs=1e-8
    )


@given(rights, st.floats(0.3, 3.0), st.floats(0.01, 3.0), st.floats(0.05, 2.0), st.floats(0.0, 0.15))
def test_black_76_is_quantlibs_and_an_inverse_option_costs_its_dollars_in_coin(
    right: Right, moneyness: float, years: float, volatility: float, rate: float
) -> None:
    forward, strike = 90_000.0, 90_000.0 * moneyness
    kind = ql.Option.Call if right == "call" else ql.Option.Put
    deviation, paid = volatility * math.sqrt(years), math.exp(-rate * years)
    theirs = ql.blackFormula(kind, strike, forward, deviation, paid)
    assert black76.price(right, forward, strike, years, volatility, rate) == pytest.approx(theirs, abs=1e-8)
    in_coin = black76.price_in_coin(right, forward, strike, years, volatility)
    assert in_coin == pytest.approx(theirs / paid / forward, abs=1e-12)
    found = black76.volatility_of_coin_price(right, in_coin, forward, strike, years)
    assume(bs.greeks(right, forward, strike, years, volatility).vega > 10)
    assert found == pytest.approx(volatility, abs=1e-7)


AMERICAN_DAYS, AMERICAN_VOLATILITIES = (7, 91, 365, 730), (0.1, 0.25, 0.5, 0.8)


def american_grid() -> list[tuple[Any, ...]]:
    strikes = (60.0, 90.0, 100.0, 110.0, 160.0)
    grid = list(
        product(RIGHTS, strikes, AMERICAN_DAYS, AMERICAN_VOLATILITIES, (0.0, 0.02, 0.05, 0.1), (0.0, 0.01, 0.04, 0.08))
    )
    return grid[:: many(13, 1)]


def test_the_tree_gives_the_true_american_price(theirs: Theirs) -> None:
    """501 steps: within 1.2e-4 of the larger of spot and strike everywhere, 2e-6 at the median."""
    misses = []
    for right, strike, days, *numbers in american_grid():
        true = theirs.option(theirs.true, right, SPOT, strike, days, *numbers).NPV()
        ours = american.binomial(right, SPOT, strike, days / 365, *numbers)
        misses.append(abs(ours - true) / max(SPOT, strike))
        assert ours >= max(0.0, SPOT - strike if right == "call" else strike - SPOT)
    misses.sort()
    print(f"tree against QuantLib, {len(misses)}: median {misses[len(misses) // 2]:.1e}, worst {misses[-1]:.1e}")
    assert misses[-1] < 1.2e-4
    assert misses[len(misses) // 2] < 2e-6


def test_the_approximation_is_quantlibs_or_better_and_below_the_true_price(theirs: Theirs) -> None:
    """QuantLib's own formula where that is not below the European price; at most 1.5 % of the strike too low."""
    low = []
    for right, strike, days, *numbers in american_grid():
        ours = american.bjerksund_stensland(right, SPOT, strike, days / 365, *numbers)
        near = theirs.option(theirs.near, right, SPOT, strike, days, *numbers).NPV()
        true = theirs.option(theirs.true, right, SPOT, strike, days, *numbers).NPV()
        european = bs.price(right, SPOT, strike, days / 365, *numbers)
        assert ours == pytest.approx(max(near, european), abs=1e-9)
        size = max(SPOT, strike)
        assert ours <= true + 1e-7 * size
        low.append((true - ours) / size)
        if numbers[0] * math.sqrt(days / 365) <= 0.25:
            assert low[-1] < 2.5e-3
    print(f"approximation below the true price: median {sorted(low)[len(low) // 2]:.1e}, worst {max(low):.1e}")
    assert max(low) < 1.5e-2


@given(
    rights, st.floats(0.5, 2.0), st.floats(0.005, 3.0), st.floats(0.03, 1.5), st.floats(0, 0.15), st.floats(0, 0.12)
)  # fmt: skip
def test_an_american_option_is_worth_its_exercise_the_european_one_and_no_more_than_the_share_or_strike(
    right: Right, moneyness: float, years: float, volatility: float, rate: float, paid: float
) -> None:
    strike = SPOT * moneyness
    ours = american.bjerksund_stensland(right, SPOT, strike, years, volatility, rate, paid)
    now = SPOT - strike if right == "call" else strike - SPOT
    assert ours >= max(0.0, now, bs.price(right, SPOT, strike, years, volatility, rate, paid))
    assert ours <= (SPOT if right == "call" else strike) * (1 + 1e-12)
    # Put-call symmetry: the price of one is that of the other with share and strike, rate and yield exchanged.
    other: Right = "put" if right == "call" else "call"
    mirrored = american.bjerksund_stensland(other, strike, SPOT, years, volatility, paid, rate)
    assert ours == pytest.approx(mirrored, abs=1e-9 * max(SPOT, strike))
    more = american.bjerksund_stensland(right, SPOT, strike, years * 1.1, volatility * 1.05, rate, paid)
    assert more >= ours - 1e-3 * max(SPOT, strike)


def test_a_chain_is_priced_as_its_contracts_are() -> None:
    strikes = [80.0, 100.0, 120.0]
    for right, rate, paid in product(RIGHTS, (0.0, 0.06), (0.0, 0.04)):
        prices, deltas = american.bjerksund_stensland_chain(right, SPOT, strikes, 0.5, [0.3, 0.25, 0.22], rate, paid)
        for price, delta, strike, volatility in zip(prices, deltas, strikes, (0.3, 0.25, 0.22), strict=True):
            one = american.bjerksund_stensland(right, SPOT, strike, 0.5, volatility, rate, paid)
            assert price == pytest.approx(one, abs=1e-12)
            true = [american.binomial(right, SPOT + move, strike, 0.5, volatility, rate, paid) for move in (1, -1)]
            assert delta == pytest.approx((true[0] - true[1]) / 2, abs=0.02)


HAUG_EUROPEAN = {  # Haug, 1st ed. 1998, p. 24: K 100, r and q 10 %; call and put by years, volatility and spot
    (0.1, 0.15): (0.0205, 1.8734, 9.9413, 9.9210, 1.8734, 0.0408),
    (0.1, 0.25): (0.3150, 3.1217, 10.3556, 10.2155, 3.1217, 0.4551),
    (0.1, 0.35): (0.9474, 4.3693, 11.1381, 10.8479, 4.3693, 1.2376),
    (0.5, 0.15): (0.8069, 4.0232, 10.5769, 10.3192, 4.0232, 1.0646),
    (0.5, 0.25): (2.7026, 6.6997, 12.7857, 12.2149, 6.6997, 3.2734),
    (0.5, 0.35): (4.9329, 9.3679, 15.3086, 14.4452, 9.3679, 5.7963),
}


@pytest.mark.parametrize(("years", "volatility"), HAUG_EUROPEAN)
def test_european_prices_are_haugs(years: float, volatility: float) -> None:
    for (right, spot), printed in zip(
        product(RIGHTS, (90.0, 100.0, 110.0)), HAUG_EUROPEAN[years, volatility], strict=True
    ):
        # 1.8734 is printed for what is 1.87334: a unit of the last digit is allowed.
        assert bs.price(right, spot, 100, years, volatility, 0.10, 0.10) == pytest.approx(printed, abs=1e-4)
        assert black76.price(right, spot, 100, years, volatility, 0.10) == pytest.approx(printed, abs=1e-4)


def test_greeks_are_haugs() -> None:
    """Haug, 1st ed. 1998, pp. 11 to 16."""
    assert round(bs.greeks("call", 105, 100, 0.5, 0.36, 0.10, 0.10).delta, 4) == 0.5946
    assert round(bs.greeks("put", 105, 100, 0.5, 0.36, 0.10, 0.10).delta, 4) == -0.3566
    assert round(bs.greeks("put", 55, 60, 0.75, 0.30, 0.10).gamma, 4) == 0.0278
    assert round(bs.greeks("call", 55, 60, 0.75, 0.30, 0.10).vega, 4) == 18.9358
    assert round(bs.greeks("put", 430, 405, 1 / 12, 0.20, 0.07, 0.05).theta, 4) == -31.1924
    assert round(bs.greeks("call", 72, 75, 1.0, 0.19, 0.09).rho, 4) == 38.7325


@pytest.mark.parametrize(
    ("right", "spot", "strike", "years", "volatility", "rate", "paid", "printed", "near"),
    [
        ("call", 42, 40, 0.75, 0.35, 0.04, 0.08, 5.2704, 5e-5),  # Haug, 1st ed. 1998, p. 27
        ("put", 36, 40, 1.0, 0.20, 0.06, 0.0, 4.4531, 5e-5),  # Haug's own program
        ("call", 100, 100, 1.0, 0.0021, 0.05, 0.05, 0.08032314, 5e-5),  # hardly any volatility: QuantLib's own suite
        ("call", 100, 100, 1.0, 0.0001, 0.05, 0.05, 0.003860656, 5e-5),  # same
        ("call", 110, 100, 1.0, 0.0001, 0.05, 0.05, 10.0, 5e-5),  # same
        ("put", 100, 110, 1.0, 0.0001, 0.05, 0.05, 10.0, 5e-5),  # same
    ],
)
def test_the_approximation_is_the_published_one(
    right: Right, spot: float, strike: float, years: float, volatility: float, rate: float, paid: float,
    printed: float, near: float,
) -> None:  # fmt: skip
    assert american.bjerksund_stensland(right, spot, strike, years, volatility, rate, paid) == pytest.approx(
        printed, abs=near
    )


GESKE_JOHNSON = {  # American puts, S 40, r ln 1.05, by volatility and strike, of 1, 4 and 7 months
    (0.2, 35): (0.0062, 0.2004, 0.4328), (0.2, 40): (0.8522, 1.5798, 1.9904), (0.2, 45): (5.0000, 5.0883, 5.2670),
    (0.3, 35): (0.0774, 0.6975, 1.2198), (0.3, 40): (1.3099, 2.4825, 3.1696), (0.3, 45): (5.0597, 5.7056, 6.2436),
    (0.4, 35): (0.2466, 1.3460, 2.1549), (0.4, 40): (1.7681, 3.3874, 4.3526), (0.4, 45): (5.2868, 6.5099, 7.3830),
}  # fmt: skip


@pytest.mark.parametrize(("volatility", "strike"), GESKE_JOHNSON)
def test_american_puts_are_those_of_geske_and_johnson(volatility: float, strike: int) -> None:
    """The American Put Option Valued Analytically (1984), table 1, numerical column: half a tenth of a cent."""
    for months, printed in zip((1, 4, 7), GESKE_JOHNSON[volatility, strike], strict=True):
        ours = american.binomial("put", 40, strike, months / 12, volatility, math.log(1.05))
        assert ours == pytest.approx(printed, abs=6e-4)


def test_the_american_put_of_hull_is_4_28() -> None:
    """Hull, Options, Futures and Other Derivatives, section 21.1: S and K 50, r 10 %, 40 %, five months."""
    assert round(american.binomial("put", 50, 50, 5 / 12, 0.40, 0.10), 2) == 4.28
    assert round(american.binomial("put", 50, 50, 5 / 12, 0.40, 0.10, steps=51), 2) == 4.28


@pytest.mark.parametrize("price", [american.binomial, american.bjerksund_stensland])
def test_the_edges_are_certain(price: Any) -> None:
    assert price("put", 80, 100, 0.0, 0.3, 0.05) == 20
    assert price("put", 80, 100, 1.0, 0.0, 0.05) == 20
    assert price("call", 110, 100, 1.0, 0.0, 0.05) == pytest.approx(110 - 100 * math.exp(-0.05))
    assert price("call", 90, 100, 0.0, 0.0) == 0
    assert price("put", 1000, 1, 0.01, 0.1, 0.05) == pytest.approx(0, abs=1e-12)
    assert price("put", 1, 1000, 0.01, 0.1, 0.05) == pytest.approx(999)
    with pytest.raises(AssertionError, match="zero or more"):
        price("put", 100, 100, 1.0, 0.2, -0.01)
    with pytest.raises(AssertionError, match="finite price above zero"):
        price("put", math.nan, 100, 1.0, 0.2)
    with pytest.raises(AssertionError, match="odd number"):
        american.binomial("put", 100, 100, 1.0, 0.2, steps=100)
