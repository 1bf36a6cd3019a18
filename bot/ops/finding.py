"""What a look at one thing came to."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One thing looked at: `stop` keeps ticks from running or trading, `look` wants a person's eye, `good` is good."""

    level: Literal["good", "look", "stop"]
    what: str
    words: str
