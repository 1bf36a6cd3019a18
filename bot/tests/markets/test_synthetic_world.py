"""The embedded world behaves like a market: fat tails, clusters, groups that move together, paid risk."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

import pytest

from bot.config.profiles import GROUPS
from bot.domain.market import ChainRequest, QuotesRequest, Slab
from bot.domain.sessions import Session, sessions_between
from bot.markets.synthetic import SyntheticMarket
from bot.markets.synthetic_profiles import profile_of

D = Decimal
FUNDS = tuple(" ".join(GROUPS.values()).split())
SEEDS = (1, 2, 3)
FIRST, LAST = date(2020, 1, 2), date(2025, 12, 31)


@lru_cache(maxsize=1)
def all_sessions() -> list[Session]:
    return sessions_between(FIRST, LAST)


@lru_cache(maxsize=64)
def returns(seed: int, symbol: str) -> tuple[float, ...]:
    """Log-returns from close to close, as the quotes at the close show them."""
    market = SyntheticMarket(seed)
    asked = (QuotesRequest(symbols=(symbol,)),)
    closes = [float(market.fetch(asked, one.close_at).quotes[0].last or 0) for one in all_sessions()]
    return tuple(math.log(after / before) for before, after in pairwise(closes))


def correlation(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    mean_first, mean_second = sum(first) / len(first), sum(second) / len(second)
    both = sum((x - mean_first) * (y - mean_second) for x, y in zip(first, second, strict=True))
    return both / math.sqrt(
        sum((x - mean_first) ** 2 for x in first) * sum((y - mean_second) ** 2 for y in second)
    )  # fmt: skip


def kurtosis(values: tuple[float, ...]) -> float:
    mean = sum(values) / len(values)
    variance = sum((x - mean) ** 2 for x in values) / len(values)
    return sum((x - mean) ** 4 for x in values) / len(values) / variance**2


def volatility_at_the_money(slab: Slab) -> float:
    row = min(range(len(slab.strikes)), key=lambda one: abs(slab.deltas[one] - 5000))
    return slab.volatilities[row] / 10_000


@pytest.mark.parametrize("symbol", ["SPY", "XLF", "GLD"])
def test_daily_returns_have_fat_tails_and_cluster(symbol: str) -> None:
    for seed in SEEDS:
        moves = returns(seed, symbol)
        sizes = tuple(abs(move) for move in moves)
        lags = [correlation(sizes[:-lag], sizes[lag:]) for lag in range(1, 11)]
        assert kurtosis(moves) > 4, seed
        assert sum(lags) / len(lags) > 0.03, seed
        assert abs(correlation(moves[:-1], moves[1:])) < 0.1, "returns themselves remember nothing"


def test_names_of_a_group_move_together_and_bonds_apart() -> None:
    for seed in SEEDS:
        spy = returns(seed, "SPY")
        assert 0.6 < correlation(spy, returns(seed, "XLF")) < 0.9
        assert correlation(returns(seed, "GLD"), returns(seed, "SLV")) > 0.5
        assert correlation(spy, returns(seed, "TLT")) < 0.0
        assert correlation(spy, returns(seed, "GLD")) < 0.3


def test_realised_volatility_is_what_the_name_promises() -> None:
    for symbol in ("SPY", "GLD"):
        moves = [move for seed in SEEDS for move in returns(seed, symbol)]
        realised = math.sqrt(252 * sum(move * move for move in moves) / len(moves))
        assert realised == pytest.approx(profile_of(symbol).volatility, rel=0.12)


def test_implied_volatility_is_above_what_follows_on_average() -> None:
    """Sellers are paid for risk on average, and not every time."""
    implied, realised = [], []
    days = [one.day for one in all_sessions()]
    for seed in SEEDS:
        market = SyntheticMarket(seed)
        for symbol in ("SPY", "XLF"):
            moves = returns(seed, symbol)
            asked = ChainRequest(
                underlying=symbol, right="put", dte_min=30, dte_max=40, moneyness_min=D("0.95"), moneyness_max=D("1.05")
            )
            for row in range(10, len(days) - 40, 25):
                slab = market.fetch((asked,), all_sessions()[row].close_at).chains[0].slabs[0]
                end = days.index(slab.expiry)
                implied.append(volatility_at_the_money(slab))
                realised.append(math.sqrt(252 / (end - row) * sum(move * move for move in moves[row:end])))
    ahead = sum(one > other for one, other in zip(implied, realised, strict=True)) / len(implied)
    assert sum(implied) / len(implied) > 1.05 * sum(realised) / len(realised)
    assert 0.55 < ahead < 0.95
    assert correlation(tuple(implied), tuple(realised)) > 0.2, "it knows something of what follows"


def test_shipped_prices_and_volatilities_are_those_of_the_profiles() -> None:
    """Start prices 18 to 600, six or more under 40 in four or more groups; implied 14 to 35 % (wheel 3)."""
    profiles = [profile_of(symbol) for symbol in FUNDS]
    assert min(one.price for one in profiles) == 18
    assert max(one.price for one in profiles) == 600
    cheap = [one for one in profiles if one.price < 40]
    assert len(cheap) >= 6
    assert len({one.group for one in cheap}) >= 4
    assert all(0.14 <= 1.12 * one.volatility <= 0.35 for one in profiles)
    for one in profiles:
        assert one.market_weight**2 + one.group_weight**2 + one.own_weight**2 == pytest.approx(1)


@pytest.mark.parametrize("seed", range(10))
def test_prices_stay_within_reach_over_a_decade(seed: int) -> None:
    market = SyntheticMarket(seed)
    for session in sessions_between(date(2020, 1, 2), date(2030, 12, 31))[::250]:
        for quote in market.fetch((QuotesRequest(symbols=FUNDS),), session.close_at).quotes:
            assert quote.last is not None
            assert 0.2 < float(quote.last) / profile_of(quote.symbol).price < 4, (quote.symbol, session.day)


def test_any_other_ticker_is_a_stock_of_its_own_alike_under_every_seed() -> None:
    for symbol in ("AAPL", "BRK.B", "ZZZZ", "A"):
        profile = profile_of(symbol)
        assert profile.kind == "stock"
        assert profile == profile_of(symbol)
        assert 18 <= profile.price <= 400
        assert 0.2 < profile.volatility < 0.55
        assert profile.jump > 0
        quote = SyntheticMarket(1).fetch((QuotesRequest(symbols=(symbol,)),), all_sessions()[900].close_at).quotes[0]
        assert quote.valid


def test_the_first_fetch_of_a_process_walks_no_years() -> None:
    """The cost of a price does not grow with its distance from the first day."""
    near, far = SyntheticMarket(1), SyntheticMarket(1)
    asked = (QuotesRequest(symbols=FUNDS),)
    near.fetch(asked, all_sessions()[100].close_at)
    far.fetch(asked, sessions_between(date(2030, 12, 1), date(2030, 12, 31))[-1].close_at)
    factors = (near._days._factors, far._days._factors)
    assert len(factors[0]._blocks) == len(factors[1]._blocks)
