"""What the rules would do with what is held, and when: asked of the planners, told by the reports."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from bot.domain.facts import Fact

Rule = Literal[
    "word",
    "now",
    "idle",
    "take_profit",
    "time_exit",
    "premium_stop",
    "roll",
    "no_roll",
    "ex_dividend",
    "dividend_accepted",
    "dividend_unknown",
    "expiry_close",
    "expiry_roll",
    "assignment",
    "unwatched",
]


class Prospect(Fact, frozen=True, kw_only=True):
    """One thing that will be done with a contract, or left, and what it waits for.

    `price` is the highest price per share at which it happens (for `premium_stop` the lowest). `from_at` and
    `until_at` bound the moments it is looked at; `dte` is days to expiry at the first of them. `fraction` is the share
    of the credit a profit target keeps. `net_min` is the least net credit per share of a roll, `times` how many more
    are allowed. `amount` is a dividend per share. `reason` says the rest in words.
    """

    rule: Rule
    reason: str = ""
    price: Decimal | None = None
    fraction: Decimal | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    dte: int | None = None
    net_min: Decimal | None = None
    times: int | None = None
    amount: Decimal | None = None


class Outlook(Fact, frozen=True, kw_only=True):
    """Everything ahead of one short leg of ours, by strategy; `strategy` empty means that nobody looks after it."""

    leg: str
    symbol: str
    strategy: str = ""
    prospects: tuple[Prospect, ...] = ()


class CallOutlook(Fact, frozen=True, kw_only=True):
    """Whether calls will be written on shares: lots free for one, the least strike, or what stands against it."""

    symbol: str
    strategy: str
    lots: int = 0
    floor: Decimal | None = None
    against: str = ""


class StopOutlook(Fact, frozen=True, kw_only=True):
    """Whether a trailing-stop strategy may protect a symbol's shares, and how far below their high."""

    symbol: str
    strategy: str
    trail_percent: Decimal
