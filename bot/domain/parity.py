"""What a parity of a day is made of: what moved in a run, orders side by side, terms in dollars. Facts only."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.money import ZERO

TERMS = (
    ("data", "quotes and chains were missing or old where the simulation had them at each tick's moment"),
    ("price", "the same orders carried other limits, for other quotes were seen or other fills stood before them"),
    ("latency", "the same orders reached the market later than the moment they were decided at"),
    ("fill", "the same orders filled otherwise, later or not at all, or were refused, and what that led to"),
    ("gate", "other orders were sent, for a verdict differed though all before was equal"),
    ("account", "the account booked other fees, dividends, assignments and expiries, and trades of others"),
)
"""What is swapped from simulated to live, in this order, each on top of the ones before."""


class Movement(Fact, frozen=True, kw_only=True):
    """One thing that moved money or a position: a fill of an order (its client id) or a line of history.

    `qty` is signed by its effect on the position, `net` the dollars it moved, before fees booked apart.
    """

    order: str = ""
    kind: str
    symbol: str = ""
    qty: Decimal = ZERO
    price: Decimal | None = None
    net: Decimal = ZERO
    at: datetime


class Sent(Fact, frozen=True, kw_only=True):
    """One order as one side sent it: when it was decided, its limit, how it ended, what filled and on average where.

    `wish` is who wanted it, why, for what and in which contracts: the same wish in another slot is another order.
    """

    order: str
    wish: tuple[str, ...]
    label: str
    at: datetime
    limit: Decimal | None = None
    status: str = ""
    filled: Decimal = ZERO
    price: Decimal | None = None
    filled_at: datetime | None = None


class Run(Fact, frozen=True, kw_only=True):
    """Everything that moved in one run, and the fees it owes at the end and has not booked."""

    movements: tuple[Movement, ...]
    accrued: Decimal = ZERO


class Pair(Fact, frozen=True, kw_only=True):
    """An order side by side; None on a side that did not send it, with the reason where one is known."""

    live: Sent | None
    simulated: Sent | None
    why: str = ""
    live_money: Decimal = ZERO
    simulated_money: Decimal = ZERO


class Part(Fact, frozen=True, kw_only=True):
    """What one order, or one kind of line, makes of a term, in dollars."""

    name: str
    amount: Decimal


class Term(Fact, frozen=True, kw_only=True):
    """One substitution: dollars by which live did better than the simulation because of it, and its parts."""

    name: str
    what: str
    amount: Decimal
    parts: tuple[Part, ...] = ()


class Parity(Fact, frozen=True, kw_only=True):
    """A day, live against simulated. Equities are the end of the day on its recorded marks, dollars.

    `unanswered` names what the record cannot tell: such orders are taken as live had them on both sides, and
    `unanswered_money` is what they made.
    """

    home: str
    day: date
    kind: str
    first_at: datetime
    last_at: datetime
    end_at: datetime
    ticks: int
    equity_start: Decimal
    equity_simulated: Decimal
    equity_live: Decimal
    difference: Decimal
    """By how much live ended above the simulation: the terms and the remainder together."""
    terms: tuple[Term, ...]
    remainder: Decimal
    pairs: tuple[Pair, ...]
    unanswered: tuple[str, ...] = ()
    unanswered_money: Decimal = ZERO
    notes: tuple[str, ...] = ()
