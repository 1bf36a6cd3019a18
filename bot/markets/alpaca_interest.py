"""Open interest that outlives its chain: it changes once a day, and Alpaca's quotes do not carry it.

An order that is priced anew needs the open interest of its series, in ticks that read no chain of it. What a chain's
contracts told today is kept for the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from bot.domain.instruments import underlying_of
from bot.markets.alpaca_chains import ListedContract
from bot.markets.alpaca_reads import kept
from bot.venues.daycache import DayCache


class InterestShelf:
    """Open interest by series, kept by root for a day."""

    def __init__(self, cache: DayCache) -> None:
        self._cache = cache

    def of(self, symbols: Iterable[str], day: date) -> dict[str, int]:
        """Give the open interest of the series whose chain was read on a day; the others are missing."""
        found: dict[str, int] = {}
        roots: dict[str, dict[str, int]] = {}
        for symbol in symbols:
            root = underlying_of(symbol)
            if root not in roots:
                roots[root] = self._kept(root, day)
            if symbol in roots[root]:
                found[symbol] = roots[root][symbol]
        return found

    def keep(self, root: str, listings: Mapping[str, ListedContract], day: date) -> None:
        """Add what a chain's contracts told; written only where it says something new."""
        told = {symbol: one.open_interest for symbol, one in listings.items() if one.open_interest is not None}
        known = self._kept(root, day)
        if told.items() <= known.items():
            return
        self._cache.forget(_name(root))
        self._cache.get(_name(root), day, lambda: known | told)

    def _kept(self, root: str, day: date) -> dict[str, int]:
        value = kept(self._cache, _name(root), day)
        return value if _is_interest(value) else {}


def _name(root: str) -> str:
    return f"open-interest-{root.lower().replace('.', '_')}"


def _is_interest(value: Any) -> bool:
    return isinstance(value, dict) and all(type(one) is int and one >= 0 for one in value.values())
