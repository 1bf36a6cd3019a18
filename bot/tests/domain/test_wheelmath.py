"""The wheel's formulas against their vectors (wheel 2.1 to 2.20)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import BadNumber
from bot.domain.instruments import option_grid
from bot.domain.sessions import days_to_expiry, years_to_expiry
from bot.domain.wheelmath import (
    annualised_yield,
    collateral,
    credit_for_yield,
    cycle_return,
    cycle_return_annualised,
    day_profit,
    drawdown,
    extrinsic,
    intrinsic,
    ladder_limit,
    mid_price,
    natural_price,
    nav_step,
    option_fees,
    roll_credit_needed,
    share_ladder_limit,
    share_of_profit,
    spread_fraction,
    spread_passes,
    tax_basis,
    wheel_basis,
)

D = Decimal
CENTS = st.integers(min_value=1, max_value=3_000)


def test_days_count_calendar_days_and_the_expiry_day_is_zero() -> None:
    """wheel 2.1: 2026-11-23 to 2026-12-24 is 31 days."""
    assert days_to_expiry(date(2026, 12, 24), date(2026, 11, 23)) == 31
    assert days_to_expiry(date(2026, 12, 24), date(2026, 12, 24)) == 0


def test_years_run_to_the_close_of_that_session_and_never_below_a_minute() -> None:
    """wheel 2.1: 2026-12-24 closes at 13:00 New York, 18:00 UTC."""
    assert years_to_expiry(date(2026, 12, 24), datetime(2026, 12, 24, 17, 0, tzinfo=UTC)) == 3600 / 31_536_000
    assert years_to_expiry(date(2026, 12, 24), datetime(2026, 12, 24, 18, 30, tzinfo=UTC)) == 60 / 31_536_000


@pytest.mark.parametrize(("bid", "ask"), [("0", "1"), ("1", "1"), ("2", "1"), (None, "1"), ("1", None)])
def test_a_mid_exists_only_between_a_bid_above_zero_and_a_higher_ask(bid: str | None, ask: str | None) -> None:
    one, other = (None if text is None else D(text) for text in (bid, ask))
    assert mid_price(one, other) is None
    assert spread_fraction(one, other) is None
    assert not spread_passes(one, other, None, None)


def test_mid_natural_and_spread_of_a_plain_quote() -> None:
    assert mid_price(D("0.60"), D("0.66")) == D("0.63")
    assert natural_price(D("0.60"), D("0.66"), sell=True) == D("0.60")
    assert natural_price(D("0.60"), D("0.66"), sell=False) == D("0.66")
    assert spread_fraction(D("0.95"), D("1.05")) == D("0.1")


def test_a_spread_passes_by_its_fraction_or_by_its_dollars() -> None:
    """wheel 2.2: either cap is enough, both at their exact boundary."""
    assert spread_passes(D("0.95"), D("1.05"), D("0.10"), D("0.05"))
    assert spread_passes(D("0.10"), D("0.15"), D("0.10"), D("0.05"))
    assert not spread_passes(D("0.94"), D("1.06"), D("0.10"), D("0.05"))


def test_a_spread_cap_that_is_off_leaves_the_other_to_decide() -> None:
    assert not spread_passes(D("0.10"), D("0.20"), D("0.10"), None)
    assert not spread_passes(D("0.10"), D("0.20"), None, D("0.05"))
    assert spread_passes(D("0.10"), D("0.20"), None, None)


def test_the_ladder_walks_from_mid_to_natural_in_thirds() -> None:
    """wheel 2.3, on a nickel grid above 3.00: rounded up to sell and down to buy."""
    sells = [ladder_limit("XLF", D("3.00"), D("3.30"), k, sell=True, penny=True) for k in range(5)]
    buys = [ladder_limit("XLF", D("3.00"), D("3.30"), k, sell=False, penny=True) for k in range(5)]
    assert sells == [D("3.15"), D("3.10"), D("3.05"), D("3.00"), D("3.00")]
    assert buys == [D("3.15"), D("3.20"), D("3.25"), D("3.30"), D("3.30")]


def test_spy_is_priced_in_pennies_everywhere_and_other_classes_are_not() -> None:
    assert ladder_limit("SPY", D("3.01"), D("3.04"), 0, sell=True, penny=True) == D("3.03")
    assert ladder_limit("XLF", D("3.00"), D("3.05"), 0, sell=True, penny=True) == D("3.05")
    assert ladder_limit("SLV", D("1.00"), D("1.15"), 0, sell=True, penny=False) == D("1.10")


def test_a_sale_never_asks_less_than_the_minimum_credit() -> None:
    assert ladder_limit("XLF", D("0.08"), D("0.14"), 3, sell=True, penny=True, credit_min=D("0.10")) == D("0.10")


def test_a_ladder_without_a_valid_quote_is_an_error_that_names_it() -> None:
    with pytest.raises(BadNumber, match="bid 0 and ask 1"):
        ladder_limit("XLF", D(0), D(1), 0, sell=True, penny=True)
    with pytest.raises(BadNumber, match="got bid 2 and ask 1"):
        share_ladder_limit(D(2), D(1), 0, sell=True)


@given(
    bid=CENTS,
    width=CENTS,
    step=st.integers(0, 5),
    least=CENTS,
    penny=st.booleans(),
    root=st.sampled_from(["XLF", "SPY"]),
)
def test_a_selling_limit_is_on_the_grid_not_past_natural_and_never_below_the_minimum(
    bid: int, width: int, step: int, least: int, penny: bool, root: str
) -> None:
    low, high, credit_min = D(bid) / 100, D(bid + width) / 100, D(least) / 100
    limit = ladder_limit(root, low, high, step, sell=True, penny=penny, credit_min=credit_min)
    assert limit >= low
    assert limit >= credit_min
    assert limit % option_grid(root, limit, penny=penny) == 0


@given(bid=CENTS, width=CENTS, step=st.integers(0, 5), penny=st.booleans())
def test_a_buying_limit_is_on_the_grid_and_not_past_natural(bid: int, width: int, step: int, penny: bool) -> None:
    low, high = D(bid) / 100, D(bid + width) / 100
    limit = ladder_limit("XLF", low, high, step, sell=False, penny=penny)
    assert 0 <= limit <= high
    assert limit % option_grid("XLF", limit, penny=penny) == 0


@given(bid=CENTS, width=CENTS, step=st.integers(0, 2))
def test_every_step_concedes_or_stays_but_never_takes_back(bid: int, width: int, step: int) -> None:
    low, high = D(bid) / 100, D(bid + width) / 100
    sell = [ladder_limit("XLF", low, high, k, sell=True, penny=True) for k in (step, step + 1)]
    buy = [ladder_limit("XLF", low, high, k, sell=False, penny=True) for k in (step, step + 1)]
    assert sell[1] <= sell[0]
    assert buy[1] >= buy[0]


def test_shares_walk_the_same_ladder_in_cents() -> None:
    sells = [share_ladder_limit(D("40.00"), D("40.06"), k, sell=True) for k in range(4)]
    assert sells == [D("40.03"), D("40.02"), D("40.01"), D("40.00")]
    assert share_ladder_limit(D("40.00"), D("40.05"), 0, sell=False) == D("40.02")


def test_the_annualised_yield_is_simple_and_refuses_day_zero() -> None:
    """wheel 2.5: 1.20 on 50 over 32 days is 27.375 %."""
    assert annualised_yield(D("1.20"), D(50), 32) == D("0.27375")
    with pytest.raises(BadNumber, match="at least one day"):
        annualised_yield(D("1.20"), D(50), 0)
    with pytest.raises(BadNumber, match="base above zero"):
        annualised_yield(D("1.20"), D(0), 32)


def test_the_credit_for_a_yield_is_the_yield_turned_around() -> None:
    assert credit_for_yield(D("0.27375"), D(50), 32) == D("1.20")


def test_collateral_is_strike_times_a_hundred_and_the_credit_is_not_deducted() -> None:
    assert collateral(D("39.5"), D(2)) == D(7900)


def test_the_share_of_profit_is_taken_at_the_ask_and_unknown_without_a_credit() -> None:
    assert share_of_profit(D("1.00"), D("0.40")) == D("0.6")
    assert share_of_profit(None, D("0.40")) is None
    assert share_of_profit(D("1.00"), None) is None
    assert share_of_profit(D(0), D("0.40")) is None


def test_extrinsic_is_what_the_mid_holds_beyond_exercise() -> None:
    """wheel 2.9, both rights, in and out of the money."""
    assert extrinsic("call", D(50), D("52.10"), D("2.30")) == D("0.20")
    assert extrinsic("call", D(50), D("49.00"), D("0.30")) == D("0.30")
    assert extrinsic("put", D(50), D("48.00"), D("2.30")) == D("0.30")
    assert (
        intrinsic(
            "put",
            D(50),
            D("51"),
        )
        == 0
    )


def test_a_cycle_comes_to_the_vector_of_the_books() -> None:
    """wheel 2.13: put 50 at 1.20, call 52 at 0.80, dividend 0.25, call 51 at 0.90, called away."""
    pnl = D(100) * (D("1.20") + D("0.80") + D("0.25") + D("0.90") + (D(51) - D(50)))
    days = 32 + 30 + 28
    capital_days = D(5000) * days
    assert pnl == D("415.00")
    assert round(cycle_return(pnl, capital_days, days) or 0, 4) == D("0.0830")
    assert round(cycle_return_annualised(pnl, capital_days) or 0, 4) == D("0.3366")
    tax = tax_basis(D(50), D("1.20"), D(0), D(1))
    assert tax == D("48.80")
    assert wheel_basis(tax, D(80) + D(25), D(100)) == D("47.75")


def test_fees_and_a_losing_roll_raise_the_basis() -> None:
    """wheel 2.11"""
    assert tax_basis(D(50), D("1.20"), D(2), D(1)) == D("48.82")
    assert wheel_basis(D("48.80"), D(-100), D(100)) == D("49.80")


def test_a_cycle_without_capital_has_no_return() -> None:
    assert cycle_return(D(10), D(0), 5) is None
    assert cycle_return_annualised(D(10), D(0)) is None


def test_money_moved_in_is_no_profit() -> None:
    """wheel 2.15 and 2.16: 10,000, deposit 1,000, equity 10,500: NAV 0.95, drawdown 5 %."""
    assert nav_step(D(1), D(10500), D(10000), D(1000)) == D("0.95")
    assert drawdown(D("0.95"), D(1)) == D("0.05")
    assert drawdown(D("1.01"), D(1)) == 0
    assert day_profit(D(10500), D(10000), D(1000)) == (D(-500), D(-500) / D(11000))
    assert day_profit(D(9500), D(10000), D(-1000)) == (D(500), D("0.05"))
    assert day_profit(D(100), D(0), D(0)) == (D(100), None)
    assert nav_step(D(1), D(100), D(0), D(0)) == 1


def test_a_roll_pays_its_new_limit_less_debit_and_fees() -> None:
    """wheel 2.17 and 1.5"""
    assert roll_credit_needed(D("360.22"), D("0.05"), D(2)) == D("1.8511")


def test_fees_are_rounded_up_to_a_cent_for_each_type() -> None:
    """wheel 2.20: 0.02 clearing, 0.02685 regulatory on both sides, 0.00279 on sales."""
    assert option_fees(D(1), sell=False) == D("0.05")
    assert option_fees(D(10), sell=False) == D("0.20") + D("0.27")
    assert option_fees(D(10), sell=True) == D("0.20") + D("0.27") + D("0.03")
