"""Randomness without state: every draw is a function of its key, equal in every process and Python."""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import shake_128
from struct import unpack

ROOT_HALF = math.sqrt(0.5)
BELL_SIZE = 1024


def draw_bytes(key: str, count: int) -> bytes:
    """Give `count` bytes that look random and depend on the key alone."""
    return shake_128(key.encode()).digest(count)


def draw_words(key: str, count: int) -> tuple[int, ...]:
    """Give `count` numbers from 0 to 65,535 that depend on the key alone."""
    return unpack(f"<{count}H", shake_128(key.encode()).digest(2 * count))


def draw_bell(key: str) -> float:
    """Give one standard normal draw that depends on the key alone."""
    first, second = draw_words(key, 2)
    bells = bell_table(BELL_SIZE)
    return (bells[first % BELL_SIZE] + bells[second % BELL_SIZE]) * ROOT_HALF


@lru_cache(maxsize=4)
def bell_table(size: int) -> tuple[float, ...]:
    """List the normal quantiles at the middle of `size` equal shares, scaled to a variance of one.

    Newton's method from the centre outwards; on the concave half it comes to each root from the left.

    >>> round(bell_table(256)[255], 2), bell_table(256)[0] == -bell_table(256)[255]
    (2.89, True)
    """
    half = size // 2
    upper: list[float] = []
    x = 0.0
    for number in range(half):
        share = 0.5 + (number + 0.5) / size
        for _ in range(6):
            x += (share - 0.5 * math.erfc(-x * ROOT_HALF)) * math.sqrt(2 * math.pi) * math.exp(x * x / 2)
        upper.append(x)
    scale = 1.0 / math.sqrt(2 * sum(value * value for value in upper) / size)
    right = [value * scale for value in upper]
    return (*(-value for value in reversed(right)), *right)
