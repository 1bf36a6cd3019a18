"""Whole cents into exact dollars, quickly."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache


@lru_cache(maxsize=65_536)
def dollars(cents: int) -> Decimal:
    """Give cents as exact dollars.

    >>> dollars(1234)
    Decimal('12.34')
    """
    return Decimal(cents).scaleb(-2)


def cents_of(price: float) -> int:
    """Round a price to whole cents, one at least."""
    return max(1, round(price * 100))
