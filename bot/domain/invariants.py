"""What must hold at every tick, each as one number: zero is green."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bot.domain.facts import Fact

UNPROTECTED = "unprotected_exposure"
WAIVED = "waived_exposure"
ORPHANS = "orphan_orders"
DOUBLED = "doubled_protection"
FOREIGN = "foreign_exposure"
CASH_UNEXPLAINED = "unexplained_cash"
CASH_PENDING = "pending_cash"
POSITIONS_UNEXPLAINED = "unexplained_positions"
CASH_GAP = "books_minus_broker_cash"
POSITIONS_GAP = "books_minus_broker_positions"
STRATEGIES_GAP = "strategies_minus_books"
OLDEST_INPUT = "oldest_input"
OLDEST_UNKNOWN = "oldest_unknown_order"

NAMES = (
    UNPROTECTED, WAIVED, ORPHANS, DOUBLED, FOREIGN, CASH_UNEXPLAINED, CASH_PENDING, POSITIONS_UNEXPLAINED, CASH_GAP,
    POSITIONS_GAP, STRATEGIES_GAP, OLDEST_INPUT, OLDEST_UNKNOWN,
)  # fmt: skip
"""Every invariant, in the order in which they are told."""


class Invariant(Fact, frozen=True, kw_only=True):
    """One number of the house about itself, at one tick.

    `since` is the tick (UTC) at which it first left zero, kept while it stays away; an age has it while it is not ok.
    `symbols` are the shares it is about, where it is about some.
    """

    name: str
    value: Decimal
    unit: str
    ok: bool
    since: datetime | None = None
    detail: str = ""
    symbols: tuple[str, ...] = ()
