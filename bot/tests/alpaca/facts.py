"""What the pretended Alpaca remembers: orders, holdings, quotes, listed contracts, lines of history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)
DONE = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})

MALFORMED = (422, 42210000)
DUPLICATE = (422, 40010001)
FORBIDDEN = (403, 40310000)
NOT_FOUND = (404, 40410000)


class Refusal(Exception):
    """A definite no with the status, the code, the words and the further fields Alpaca uses."""

    def __init__(self, kind: tuple[int, int], message: str, **fields: str) -> None:
        self.status, self.code = kind
        self.fields = fields
        super().__init__(message)


@dataclass
class Order:
    """One order, or one leg of a multi-leg one (then `parent` names it). Quantities in shares or contracts."""

    id: str
    client_order_id: str
    symbol: str
    side: str
    position_intent: str
    qty: Decimal
    type: str
    time_in_force: str
    status: str
    submitted_at: datetime
    updated_at: datetime
    expires_at: datetime
    order_class: str = "simple"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    trail_price: Decimal | None = None
    hwm: Decimal | None = None
    ratio: int = 1
    filled_qty: Decimal = ZERO
    paid: Decimal = ZERO
    """Filled quantity times price, summed; signed for a multi-leg parent."""
    ended_at: datetime | None = None
    legs: list[Order] = field(default_factory=list)
    parent: str = ""
    replaces: str = ""
    replaced_by: str = ""
    pending_reads: int = 0
    """How many more reads show `pending_cancel` before the cancellation is through."""

    @property
    def done(self) -> bool:
        """Say whether it can no longer fill."""
        return self.status in DONE

    @property
    def left(self) -> Decimal:
        """Give what can still fill."""
        return self.qty - self.filled_qty

    @property
    def parts(self) -> list[Order]:
        """Give the legs, or the order itself where it has none."""
        return self.legs or [self]

    def end(self, status: str, at: datetime) -> None:
        """Bring the order and its legs to a terminal status."""
        for one in (self, *self.legs):
            one.status, one.ended_at, one.updated_at = status, at, at


@dataclass
class Holding:
    """A position: signed quantity and average entry price per share."""

    qty: Decimal
    average: Decimal


@dataclass
class Tick:
    """A quote. `at` None means it is always fresh: as old as `AlpacaWorld.quote_age` says."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None = None
    at: datetime | None = None
    size: int | None = None
    """Contracts or shares this quote can still fill; None means any number."""
    delta: float | None = None
    volatility: float | None = None

    @property
    def mid(self) -> Decimal | None:
        """Give the middle, else the last trade."""
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.last


@dataclass
class Listed:
    """One option contract as the exchange lists it."""

    symbol: str
    underlying: str
    expiry: date
    right: str
    strike: Decimal
    open_interest: int | None = 1000
    size: str = "100"
    multiplier: str = "100"
    style: str = "american"
    tradable: bool = True
    penny: bool = True
    shares: str = "100"
    """What one contract delivers."""


@dataclass
class Line:
    """One line of the account's history: shown once its creation moment has come."""

    created_at: datetime
    body: dict[str, Any]

    @property
    def id(self) -> str:
        """Give the line's id."""
        return str(self.body["id"])


@dataclass
class Fault:
    """What goes wrong with the next exchanges whose method and path fit.

    `processed` says whether the request took effect before it went wrong; with `again` it was delivered twice, and the
    second answer is the one that arrives. `cut` ends the connection in order, `reset` tears it down. `change` bends
    the answer that would have been given; `body` replaces it by raw bytes.
    """

    path: str
    method: str = "GET"
    times: int = 1
    processed: bool = True
    again: bool = False
    delay: float = 0.0
    drip: float = 0.0
    cut: bool = False
    reset: bool = False
    status: int = 0
    body: bytes | None = None
    content_type: str = "application/json"
    change: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One request as it arrived, and the status it was answered with (0: cut off)."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
