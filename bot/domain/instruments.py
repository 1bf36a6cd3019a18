"""Instruments: option symbols in the OCC form, price grids, kinds of asset."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from bot.domain.errors import BadSymbol
from bot.domain.facts import Fact
from bot.domain.money import ZERO, to_grid

Right = Literal["put", "call"]

_TAIL = re.compile(r"(\d{2})(\d{2})(\d{2})([CP])(\d{8})$")
_ROOT = re.compile(r"[A-Z]{1,5}[0-9]?$|[A-Z]{1,4}\.[A-Z]$")
_EQUITY = re.compile(r"[A-Z]{1,6}(\.[A-Z])?$")
_COINS = re.compile(r"(?:[A-Z0-9]{2,10}/[A-Z]{3,5}|[A-Z]{3,6}(?:USD|USDT|USDC))\Z")
PENNY_EVERYWHERE = frozenset({"SPY", "QQQ", "IWM"})


class Contract(Fact, frozen=True, kw_only=True):
    """One listed option series as its symbol tells it. Strike in dollars per share."""

    symbol: str
    root: str
    expiry: date
    right: Right
    strike: Decimal


def option_symbol(root: str, expiry: date, right: Right, strike: Decimal) -> str:
    """Write an OCC symbol: root, yymmdd, C or P, strike times 1000 in eight digits.

    >>> option_symbol("AAPL", date(2025, 6, 20), "call", Decimal(100))
    'AAPL250620C00100000'
    """
    thousandths = int(strike * 1000)
    if thousandths != strike * 1000 or not 0 < thousandths < 100_000_000:
        raise BadSymbol(f"a strike is 0.001 to 99999.999 in steps of 0.001, got {strike}")
    return f"{root}{expiry:%y%m%d}{'C' if right == 'call' else 'P'}{thousandths:08d}"


@lru_cache(maxsize=65_536)
def parse_option(symbol: str) -> Contract:
    """Read an OCC symbol from its right end (the last 15 characters have fixed width).

    The two digits of a year mean 1998, where the shipped calendar begins, to 2097. Raises BadSymbol when the text is
    no option symbol.

    >>> parse_option("SPY261224P00412500").strike
    Decimal('412.5')
    """
    found = _TAIL.search(symbol)
    root = symbol[:-15].rstrip()
    if found is None or not _ROOT.match(root):
        raise BadSymbol(f"expected an option symbol like SPY261224P00412500, got {symbol!r}")
    year, month, day, letter, thousandths = found.groups()
    try:
        expiry = date(int(year) + (1900 if int(year) >= 98 else 2000), int(month), int(day))
    except ValueError as error:
        raise BadSymbol(f"{symbol!r} has no such day: {error}") from error
    strike = Decimal(int(thousandths)).scaleb(-3).normalize()
    strike = strike.quantize(Decimal(1)) if strike == strike.to_integral_value() else strike
    if strike <= 0:
        raise BadSymbol(f"{symbol!r} has a strike of zero")
    return Contract(symbol=symbol, root=root, expiry=expiry, right="call" if letter == "C" else "put", strike=strike)


@lru_cache(maxsize=65_536)
def is_option(symbol: str) -> bool:
    """Say whether a symbol names an option series that can be read (an adjusted root counts as one)."""
    if len(symbol) <= 15:
        return False
    try:
        parse_option(symbol)
    except BadSymbol:
        return False
    return True


def is_equity(symbol: str) -> bool:
    """Say whether a symbol looks like a listed share or fund."""
    return _EQUITY.match(symbol) is not None


def is_coin_pair(symbol: str) -> bool:
    """Say whether a symbol names a pair of coins rather than a listed share; no share's symbol is that long.

    >>> is_coin_pair("BTC/USD"), is_coin_pair("BTCUSD"), is_coin_pair("XLF")
    (True, True, False)
    """
    return _COINS.match(symbol) is not None and not is_option(symbol)


def is_share(symbol: str) -> bool:
    """Say whether a symbol names a share or fund, and no pair of coins."""
    return is_equity(symbol) and not is_coin_pair(symbol)


def is_known(symbol: str) -> bool:
    """Say whether a symbol is of a kind this program follows: a share, a fund or an option series.

    >>> is_known("XLF"), is_known("SPY261224P00412500"), is_known("BTCUSD"), is_known("912796XY1")
    (True, True, False, False)
    """
    return is_option(symbol) or is_share(symbol)


def underlying_of(symbol: str) -> str:
    """Give the root of an option, or the symbol itself; an adjusted root keeps its digit.

    >>> underlying_of("SPY261224P00412500"), underlying_of("GLD")
    ('SPY', 'GLD')
    """
    return symbol[:-15].rstrip() if is_option(symbol) else symbol


def is_standard_root(symbol: str) -> bool:
    """Say whether an option's root carries no adjustment digit (wheel.md 1.18)."""
    return not underlying_of(symbol)[-1:].isdigit()


def option_grid(root: str, price: Decimal, *, penny: bool) -> Decimal:
    """Give the price step of an option at a price (wheel.md 2.3).

    Penny classes: 0.01 below 3.00, 0.05 from 3.00, and 0.01 everywhere for SPY, QQQ, IWM.
    Others: 0.05 below 3.00 and 0.10 from 3.00.

    >>> option_grid("GLD", Decimal("3.00"), penny=True)
    Decimal('0.05')
    """
    if root in PENNY_EVERYWHERE:
        return Decimal("0.01")
    if penny:
        return Decimal("0.01") if price < 3 else Decimal("0.05")
    return Decimal("0.05") if price < 3 else Decimal("0.10")


def equity_grid(price: Decimal) -> Decimal:
    """Give the price step of a share: a cent from one dollar, else a hundredth of one."""
    return Decimal("0.01") if price >= 1 else Decimal("0.0001")


def option_price_on_grid(root: str, price: Decimal, *, penny: bool, up: bool) -> Decimal:
    """Move an option price onto its grid; rounding past 3.00 lands on the coarser grid.

    >>> option_price_on_grid("GLD", Decimal("2.996"), penny=True, up=True)
    Decimal('3.00')
    """
    moved = to_grid(price, option_grid(root, price, penny=penny), up=up)
    return to_grid(max(moved, ZERO), option_grid(root, moved, penny=penny), up=up)
