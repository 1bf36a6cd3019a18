"""The wheel's formulas, each with its number: prices, ladder, yield, bases, cycle, net asset value.

Prices are dollars per share, amounts dollars, quantities contracts; everything pays, so everything is Decimal.
Numbers in brackets name the formula, as in (wheel 2.5).
"""

from __future__ import annotations

from decimal import Decimal

from bot.domain.errors import BadNumber
from bot.domain.instruments import Right, equity_grid, option_price_on_grid
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, cents_up, to_grid

YEAR_DAYS = Decimal(365)
LADDER_LAST = 3
"""The step that stands at the natural price; no order goes further."""

# Fees per contract as of 2026 (wheel 2.20): clearing and regulatory on both sides, activity on sales.
FEE_CLEARING = Decimal("0.02")
FEE_REGULATORY = Decimal("0.02685")
FEE_ACTIVITY = Decimal("0.00279")


def mid_price(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """Give (bid + ask) / 2, valid only if 0 < bid < ask (wheel 2.2)."""
    if bid is None or ask is None or not ZERO < bid < ask:
        return None
    return (bid + ask) / 2


def natural_price(bid: Decimal, ask: Decimal, *, sell: bool) -> Decimal:
    """Give the price that trades at once: the bid to sell, the ask to buy (wheel 2.2)."""
    return bid if sell else ask


def spread_fraction(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """Give (ask - bid) / mid, or None where there is no valid mid (wheel 2.2)."""
    mid = mid_price(bid, ask)
    if mid is None or bid is None or ask is None:
        return None
    return (ask - bid) / mid


def spread_passes(
    bid: Decimal | None, ask: Decimal | None, fraction_max: Decimal | None, absolute_max: Decimal | None
) -> bool:
    """Say whether an option's spread is within its fraction cap or its dollar cap (wheel 2.2).

    A cap that is off is no way through by itself: the other one decides. Both off lets every valid quote pass.

    >>> spread_passes(Decimal("0.20"), Decimal("0.25"), Decimal("0.10"), Decimal("0.05"))
    True
    """
    fraction = spread_fraction(bid, ask)
    if fraction is None or bid is None or ask is None:
        return False
    return spread_within(fraction, ask - bid, fraction_max, absolute_max)


def spread_within(
    fraction: Decimal, absolute: Decimal, fraction_max: Decimal | None, absolute_max: Decimal | None
) -> bool:
    """Say the same of a spread already measured, over mid and in dollars (wheel 2.2)."""
    if fraction_max is None and absolute_max is None:
        return True
    return (fraction_max is not None and fraction <= fraction_max) or (
        absolute_max is not None and absolute <= absolute_max
    )


def ladder_limit(
    root: str,
    bid: Decimal,
    ask: Decimal,
    step: int,
    *,
    sell: bool,
    penny: bool,
    credit_min: Decimal | None = None,
) -> Decimal:
    """Give the limit at one step of the ladder: 0 mid, 1 and 2 thirds of the way, 3 natural (wheel 2.3).

    On the grid, rounded up to sell and down to buy, never past the natural price; a sale never asks
    less than `credit_min`. A purchase below one step of the grid has no price: zero. Raises BadNumber unless
    0 < bid < ask.

    >>> [str(ladder_limit("XLF", Decimal("0.60"), Decimal("0.66"), k, sell=True, penny=True)) for k in range(4)]
    ['0.63', '0.62', '0.61', '0.60']
    """
    mid = mid_price(bid, ask)
    if mid is None:
        raise BadNumber(f"{root}: a limit needs 0 < bid < ask, got bid {bid} and ask {ask}")
    taken = min(max(step, 0), LADDER_LAST)
    natural = natural_price(bid, ask, sell=sell)
    price = (mid * (LADDER_LAST - taken) + natural * taken) / LADDER_LAST
    if not sell:
        return option_price_on_grid(root, price, penny=penny, up=False)
    return option_price_on_grid(root, max(price, credit_min or ZERO), penny=penny, up=True)


def share_ladder_limit(bid: Decimal, ask: Decimal, step: int, *, sell: bool) -> Decimal:
    """Give the same ladder for shares, on the grid of shares (wheel 2.3).

    >>> str(share_ladder_limit(Decimal("40.00"), Decimal("40.05"), 0, sell=True))
    '40.03'
    """
    mid = mid_price(bid, ask)
    if mid is None:
        raise BadNumber(f"a limit needs 0 < bid < ask, got bid {bid} and ask {ask}")
    taken = min(max(step, 0), LADDER_LAST)
    price = (mid * (LADDER_LAST - taken) + natural_price(bid, ask, sell=sell) * taken) / LADDER_LAST
    return to_grid(price, equity_grid(price), up=sell)


def annualised_yield(limit: Decimal, base: Decimal, dte: int) -> Decimal:
    """Give limit / base x 365 / DTE: base is the strike of a put, the share price for a call (wheel 2.5).

    Raises BadNumber on DTE 0 and on a base that is not above zero.

    >>> str(annualised_yield(Decimal("1.20"), Decimal(50), 32))
    '0.27375'
    """
    if dte <= 0:
        raise BadNumber(f"a yield needs at least one day to expiry, got {dte}")
    if base <= 0:
        raise BadNumber(f"a yield needs a base above zero, got {base}")
    return limit * YEAR_DAYS / (base * dte)


def credit_for_yield(yield_min: Decimal, base: Decimal, dte: int) -> Decimal:
    """Give the credit per share whose annualised yield is `yield_min`: formula 2.5 turned around."""
    return yield_min * base * dte / YEAR_DAYS


def collateral(strike: Decimal, qty: Decimal) -> Decimal:
    """Give the cash a short put ties up: K x 100 x q, credit not deducted (wheel 2.6)."""
    return strike * SHARES_PER_CONTRACT * qty


def share_of_profit(credit: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """Give (c - ask) / c of the current leg; None if either is unknown (wheel 2.8).

    >>> str(share_of_profit(Decimal("1.20"), Decimal("0.48")))
    '0.6'
    """
    if credit is None or ask is None or credit <= 0:
        return None
    return (credit - ask) / credit


def intrinsic(right: Right, strike: Decimal, spot: Decimal) -> Decimal:
    """Give what exercise is worth per share: max(S - K, 0) for a call, max(K - S, 0) for a put."""
    return max(spot - strike if right == "call" else strike - spot, ZERO)


def extrinsic(right: Right, strike: Decimal, spot: Decimal, mid: Decimal) -> Decimal:
    """Give mid less intrinsic value (wheel 2.9); below zero on a stale or crossed market.

    >>> str(extrinsic("call", Decimal(50), Decimal("52.10"), Decimal("2.30")))
    '0.20'
    """
    return mid - intrinsic(right, strike, spot)


def tax_basis(strike: Decimal, put_credit: Decimal, fees: Decimal, qty: Decimal) -> Decimal:
    """Give the tax basis per share of an assigned lot: K - c_put + f / (100 q) (wheel 2.11)."""
    return strike - put_credit + fees / (SHARES_PER_CONTRACT * qty)


def wheel_basis(tax: Decimal, premium_and_dividends: Decimal, shares: Decimal) -> Decimal:
    """Give the tax basis less everything else earned per share held (wheel 2.11).

    `premium_and_dividends` in dollars: net premium of the other ended legs plus dividends; a losing roll makes
    it smaller and so raises the basis.
    """
    return tax - premium_and_dividends / shares


def cycle_return(pnl: Decimal, capital_days: Decimal, days: int) -> Decimal | None:
    """Give P&L over mean daily capital; `capital_days` is the sum of daily capital (wheel 2.13)."""
    return pnl * days / capital_days if capital_days > 0 and days > 0 else None


def cycle_return_annualised(pnl: Decimal, capital_days: Decimal) -> Decimal | None:
    """Give P&L x 365 over the sum of daily capital (wheel 2.13)."""
    return pnl * YEAR_DAYS / capital_days if capital_days > 0 else None


def day_profit(equity: Decimal, equity_previous: Decimal, flow: Decimal) -> tuple[Decimal, Decimal | None]:
    """Give the day's P&L in dollars and as a fraction of E_prev + max(F, 0) (wheel 2.15)."""
    profit = equity - equity_previous - flow
    base = equity_previous + max(flow, ZERO)
    return profit, profit / base if base > 0 else None


def nav_step(nav: Decimal, equity: Decimal, equity_previous: Decimal, flow: Decimal) -> Decimal:
    """Give the next net asset value per unit: NAV (E - F) / E_prev (wheel 2.16).

    An earlier equity of zero starts nothing: the value stays.

    >>> str(nav_step(Decimal(1), Decimal(10500), Decimal(10000), Decimal(1000)))
    '0.95'
    """
    return nav * (equity - flow) / equity_previous if equity_previous > 0 else nav


def drawdown(nav: Decimal, peak: Decimal) -> Decimal:
    """Give 1 - NAV / peak, zero at a new peak (wheel 2.16)."""
    return max(1 - nav / peak, ZERO) if peak > 0 else ZERO


def roll_credit_needed(budget: Decimal, net_min: Decimal, qty: Decimal) -> Decimal:
    """Give the credit per share a roll's opening leg must pay: budget / (100 q) + minimum net (wheel 1.5)."""
    return budget / (SHARES_PER_CONTRACT * qty) + net_min


def option_fees(qty: Decimal, *, sell: bool) -> Decimal:
    """Estimate the fees of one option order in dollars, each type rounded up to a cent (wheel 2.20).

    >>> str(option_fees(Decimal(1), sell=False)), str(option_fees(Decimal(1), sell=True))
    ('0.05', '0.06')
    """
    fees = cents_up(FEE_CLEARING * qty) + cents_up(FEE_REGULATORY * qty)
    return fees + cents_up(FEE_ACTIVITY * qty) if sell else fees
