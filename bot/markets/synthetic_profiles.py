"""What each name of the embedded market is like: the shipped funds, and any other ticker by its letters.

The shipped table follows the profiles' universe (wheel 3): prices from 18 to 600, implied volatility 14 to 35 %.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from bot.domain.instruments import PENNY_EVERYWHERE
from bot.markets.synthetic_noise import draw_words

RISK_PREMIUM = 1.12
"""Implied over expected volatility: what sellers of options are paid for."""

SECTORS = ("sector-1", "sector-2", "sector-3", "sector-4", "sector-5", "sector-6")


class Profile(NamedTuple):
    """One name. Volatility and yield are annual; the three weights are of its volatility and square to one.

    `option_width` scales option spreads, `share_width` is the share spread as a fraction of the price,
    `interest` the open interest near the money, `volume` the shares of a day, `jump` the size of the
    move on earnings, `pays_every` the months between dividends (0: none).
    """

    symbol: str
    kind: Literal["etf", "stock"]
    group: str
    price: float
    volatility: float
    market_weight: float
    group_weight: float
    own_weight: float
    drift: float
    dividend_yield: float
    pays_every: int
    pay_month: int
    pay_day: int
    skew: float
    option_width: float
    share_width: float
    interest: float
    volume: float
    penny: bool
    every_dollar: bool
    jump: float = 0.0
    earnings_month: int = 0
    earnings_when: Literal["bmo", "amc"] = "amc"


class _Fund(NamedTuple):
    group: str
    price: float
    implied: float
    market: float
    peers: float
    pays: float
    months: int
    skew: float
    width: float
    interest: float
    drift: float


_FUNDS: dict[str, _Fund] = {
    "SPY": _Fund("broad", 600, 0.170, 0.98, 0.12, 0.012, 3, 0.16, 0.5, 12_000, 0.035),
    "QQQ": _Fund("broad", 480, 0.215, 0.90, 0.28, 0.006, 3, 0.15, 0.5, 9_000, 0.040),
    "IWM": _Fund("broad", 210, 0.220, 0.84, 0.25, 0.012, 3, 0.14, 0.6, 8_000, 0.025),
    "XLF": _Fund("financials", 31, 0.205, 0.78, 0.40, 0.016, 3, 0.14, 1.0, 5_000, 0.025),
    "XLE": _Fund("energy", 35, 0.255, 0.52, 0.50, 0.030, 3, 0.12, 1.0, 4_000, 0.015),
    "XLU": _Fund("utilities", 28, 0.185, 0.50, 0.50, 0.028, 3, 0.12, 1.2, 3_000, 0.020),
    "EEM": _Fund("abroad", 32, 0.200, 0.68, 0.45, 0.022, 3, 0.13, 1.0, 5_000, 0.010),
    "EFA": _Fund("abroad", 75, 0.170, 0.78, 0.35, 0.026, 3, 0.13, 1.2, 4_000, 0.015),
    "FXI": _Fund("abroad", 24, 0.275, 0.42, 0.55, 0.020, 3, 0.08, 1.2, 4_000, 0.000),
    "EWZ": _Fund("abroad", 23, 0.280, 0.48, 0.42, 0.030, 3, 0.10, 1.2, 4_000, 0.005),
    "TLT": _Fund("bonds", 90, 0.165, -0.20, 0.65, 0.030, 1, 0.04, 0.9, 6_000, 0.000),
    "HYG": _Fund("bonds", 78, 0.160, 0.62, 0.35, 0.030, 1, 0.15, 1.0, 5_000, 0.000),
    "GLD": _Fund("metals", 190, 0.170, 0.08, 0.82, 0.000, 0, 0.03, 1.0, 5_000, 0.025),
    "SLV": _Fund("metals", 18, 0.285, 0.18, 0.80, 0.000, 0, 0.02, 1.0, 5_000, 0.010),
    "GDX": _Fund("metals", 26, 0.300, 0.28, 0.72, 0.012, 3, 0.05, 1.1, 4_000, 0.005),
}


def profile_of(symbol: str) -> Profile:
    """Give what a name is like: a shipped fund, or a stock made from a hash of its ticker."""
    fund = _FUNDS.get(symbol)
    return _stock(symbol) if fund is None else _from_fund(symbol, fund)


def _from_fund(symbol: str, fund: _Fund) -> Profile:
    dense = symbol in PENNY_EVERYWHERE
    return Profile(
        symbol=symbol,
        kind="etf",
        group=fund.group,
        price=fund.price,
        volatility=fund.implied / RISK_PREMIUM,
        market_weight=fund.market,
        group_weight=fund.peers,
        own_weight=math.sqrt(1 - fund.market**2 - fund.peers**2),
        drift=fund.drift,
        dividend_yield=fund.pays,
        pays_every=fund.months,
        pay_month=2 if fund.months == 3 else 0,
        pay_day=1 if fund.months == 1 else 17,
        skew=fund.skew,
        option_width=fund.width,
        share_width=0.00003 if dense else 0.00012,
        interest=fund.interest,
        volume=6e7 if dense else 2e7,
        penny=True,
        every_dollar=dense,
    )


def _stock(symbol: str) -> Profile:
    """Make a stock from its ticker alone, so that it is alike under every seed."""
    draws = [word / 65_536 for word in draw_words(f"profile|{symbol}", 14)]
    market, peers = 0.35 + 0.30 * draws[2], 0.25 + 0.25 * draws[3]
    pays = draws[4] < 0.55
    return Profile(
        symbol=symbol,
        kind="stock",
        group=SECTORS[int(draws[0] * len(SECTORS))],
        price=round(18 * math.exp(3.1 * draws[1]), 2),
        volatility=0.22 + 0.28 * draws[5] ** 2,
        market_weight=market,
        group_weight=peers,
        own_weight=math.sqrt(1 - market**2 - peers**2),
        drift=0.01 + 0.03 * draws[6],
        dividend_yield=round(0.005 + 0.025 * draws[7], 4) if pays else 0.0,
        pays_every=3 if pays else 0,
        pay_month=int(draws[8] * 3),
        pay_day=5 + int(draws[9] * 20),
        skew=0.06 + 0.08 * draws[10],
        option_width=1.0 + 1.2 * draws[11],
        share_width=0.00015 + 0.00015 * draws[11],
        interest=600 + 3_000 * draws[12],
        volume=2e6 + 2e7 * draws[12],
        penny=draws[11] < 0.7,
        every_dollar=False,
        jump=0.035 + 0.04 * draws[13],
        earnings_month=int(draws[6] * 2),
        earnings_when="bmo" if draws[9] < 0.5 else "amc",
    )
