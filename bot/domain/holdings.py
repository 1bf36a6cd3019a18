"""What a broker says: the account, positions, orders, activities, its clock."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from bot.domain.facts import Fact
from bot.domain.instruments import is_option

Side = Literal["buy", "sell"]
PositionIntent = Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
OrderType = Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
TimeInForce = Literal["day", "gtc"]
Owner = Literal["ours", "adopted", "foreign"]

# A broker's own words, brought to one spelling. Whatever is not in TERMINAL_STATUSES is alive.
TERMINAL_STATUSES = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
LIVE_STATUSES = frozenset(
    {
        "new",
        "accepted",
        "pending_new",
        "partially_filled",
        "held",
        "calculated",
        "stopped",
        "done_for_day",
        "pending_cancel",
        "pending_replace",
        "accepted_for_bidding",
        "suspended",
    }
)


class Clock(Fact, frozen=True, kw_only=True):
    """The broker's time and whether it trades now."""

    at: datetime
    is_open: bool


class Account(Fact, frozen=True, kw_only=True):
    """The broker's account, dollars. None means the broker did not say."""

    id: str
    status: str
    currency: str = "USD"
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    options_buying_power: Decimal | None = None
    non_marginable_buying_power: Decimal | None = None
    accrued_fees: Decimal | None = None
    pending_transfers_out: Decimal | None = None
    multiplier: int = 1
    options_level: int = 0
    blocked: bool = False
    options_level_approved: int | None = None
    """The level the broker approved; `options_level` is the one in effect: the owner may have set a lower one."""


class Position(Fact, frozen=True, kw_only=True):
    """Something held: quantity in shares or contracts, negative when short; prices per share."""

    symbol: str
    qty: Decimal
    avg_entry_price: Decimal | None = None
    price: Decimal | None = None
    qty_available: Decimal | None = None

    @property
    def option(self) -> bool:
        """Say whether this is an option series."""
        return is_option(self.symbol)


class OrderLeg(Fact, frozen=True, kw_only=True):
    """One leg of an order; `ratio` contracts or shares for each unit of the order."""

    symbol: str
    side: Side
    ratio: int = 1
    position_intent: PositionIntent


class BrokerOrder(Fact, frozen=True, kw_only=True):
    """An order as the broker shows it. A multi-leg price is signed: negative is a credit.

    `high_water_mark` and `stop_price` of a trailing stop are read, never computed by us.
    `refusal` is the broker's reason where the status is rejected. `odd` names what the broker left out or said in
    words this program does not know, and what it is taken for. `leg_ids` are the broker's own ids of the legs, where
    it gives each its own: the lines of their fills name these, never the order's.
    """

    broker_order_id: str
    client_order_id: str
    legs: tuple[OrderLeg, ...]
    qty: Decimal
    filled_qty: Decimal
    filled_avg_price: Decimal | None = None
    order_type: OrderType
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    high_water_mark: Decimal | None = None
    time_in_force: TimeInForce
    status: str
    submitted_at: datetime
    updated_at: datetime
    refusal: str = ""
    odd: str = ""
    leg_ids: tuple[str, ...] = ()

    @property
    def terminal(self) -> bool:
        """Say whether the order can no longer fill. An unknown status counts as alive."""
        return self.status in TERMINAL_STATUSES


ActivityKind = Literal[
    "FILL",
    "OPASN",
    "OPEXC",
    "OPEXP",
    "OPTRD",
    "DIV",
    "FEE",
    "INT",
    "CSD",
    "CSW",
    "JNLC",
    "TRANS",
    "SPLIT",
    "ACATC",
    "ACATS",
    "OTHER",
]


class Activity(Fact, frozen=True, kw_only=True):
    """One line of the broker's account history; keyed by (id, type, symbol).

    `qty` is signed by its effect on the position (a sale is negative); `net_amount` is the effect on
    cash in dollars, before fees booked apart. FILL: `price` per share, `order_id` the broker's order.
    OPASN and OPEXC: `symbol` the option, `qty` contracts leaving the position (positive closes a
    short); OPTRD: the share trade that goes with it, same `group_id`, price the strike. OPEXP: contracts
    that expired. DIV: cash on `symbol`. FEE: a negative `net_amount`. SPLIT: `price` is the ratio and
    `qty` the change in shares. `raw_type` keeps the broker's own word when `kind` is OTHER.
    """

    id: str
    kind: ActivityKind
    symbol: str = ""
    at: datetime
    qty: Decimal = Decimal(0)
    price: Decimal | None = None
    net_amount: Decimal = Decimal(0)
    order_id: str = ""
    group_id: str = ""
    raw_type: str = ""
    description: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Give what identifies this line for good (OPASN and OPTRD may share an id)."""
        return (self.id, self.kind, self.symbol)
