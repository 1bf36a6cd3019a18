"""Which words make a foreign position ours, and which positions no words can."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.instruments import is_coin_pair, is_equity, is_option, is_standard_root

CASH_SETTLED = frozenset({"SPX", "SPXW", "XSP", "VIX", "VIXW", "NDX", "NDXP", "XND", "RUT", "RUTW", "MRUT", "DJX"})
"""European, settled in cash: no shares to be assigned, so no wheel (wheel 1.18)."""


def adopt_fault(symbol: str, qty: Decimal) -> str:
    """Say why a position cannot be adopted, or nothing when it can; `qty` is signed.

    >>> adopt_fault("XLF", Decimal(100)), adopt_fault("XLF261224P00050000", Decimal(1))
    ('', 'a long option is never traded here: sell it at the broker')
    """
    if is_option(symbol):
        if qty > 0:
            return "a long option is never traded here: sell it at the broker"
        if not is_standard_root(symbol):
            return "an adjusted contract is never traded here: close it at the broker"
        if symbol[:-15] in CASH_SETTLED:
            return "an option settled in cash delivers no shares: no strategy here follows it"
        return ""
    if is_coin_pair(symbol):
        return "a pair of coins is never traded here"
    if not is_equity(symbol):
        return "this program knows no such instrument: look at it at the broker"
    return "short shares are never traded here: buy them back at the broker" if qty < 0 else ""


def adopt_words(symbol: str, qty: Decimal) -> str:
    """Name the command that takes a foreign position over, or say why there is none.

    >>> adopt_words("XLF", Decimal(100))
    '`bot adopt XLF` takes them over'
    """
    return adopt_fault(symbol, qty) or f"`bot adopt {symbol}` takes them over"
