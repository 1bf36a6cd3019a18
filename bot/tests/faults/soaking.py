"""How long a fault test runs: the short form with the suite, the long one under HYPOTHESIS_PROFILE=soak."""

from __future__ import annotations

import os
import random

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
SEED = int(os.environ.get("FAULT_SEED", "0"))
"""Set FAULT_SEED to the seed a failure printed to play it again."""


def seed_of(short: int) -> int:
    """Give the seed to run with: the one asked for, a new one in a soak, else always the same."""
    if SEED:
        return SEED
    return random.SystemRandom().randrange(1, 2**31) if SOAK else short


def many(short: int, soak: int) -> int:
    """Give how many times: few with the suite, many in a soak."""
    return soak if SOAK else short
