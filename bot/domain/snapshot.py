"""The Snapshot: everything a planner or gate may know at one moment, and its stored bytes."""

from __future__ import annotations

import hashlib
import zlib
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec

from bot.domain.errors import StoreError
from bot.domain.facts import Fact, WideFact
from bot.domain.holdings import Account, BrokerOrder, Position
from bot.domain.instruments import Right, is_option, underlying_of
from bot.domain.invariants import Invariant
from bot.domain.ledger import Books, Halt, Lot
from bot.domain.market import Bars, Chain, Events, Quote, Request
from bot.domain.orders import OwnOrder
from bot.domain.trip import Trip

SCHEMA = 2


class SessionFacts(Fact, frozen=True, kw_only=True):
    """The session a tick stands in, or the next one when the market is closed.

    Minutes since the open and to the close are negative or beyond outside the session.
    """

    day: date
    open_at: datetime
    close_at: datetime
    is_open: bool
    previous_day: date
    next_day: date


class InputAge(Fact, frozen=True, kw_only=True):
    """How old an input was when the Snapshot closed, and where it came from."""

    name: str
    source: str
    age_seconds: float


class HeldPosition(Fact, frozen=True, kw_only=True):
    """A broker's position with its owner. A foreign one counts in risk and is never traded."""

    position: Position
    owner: Literal["ours", "adopted", "foreign", "mixed"]


class Mark(Fact, frozen=True, kw_only=True):
    """Our own price of something held, per share, and where it comes from (wheel.md 2.12)."""

    symbol: str
    price: Decimal
    source: Literal["mid", "previous", "model", "far_side", "last", "entry"]


class Snapshot(WideFact, frozen=True, kw_only=True):
    """One immutable moment: the world as read, the ledger's facts, the halt.

    Orders: `own_orders` are ours that may still fill (unresolved ones too); `foreign_orders` are live at the
    broker and not ours. `equity` is cash plus our own marks, in dollars (design 3).
    """

    schema: int = SCHEMA
    desk: str
    at: datetime
    slot: datetime
    broker: str
    market: str
    environment: str
    simulated: bool
    session: SessionFacts
    account: Account
    equity: Decimal
    positions: tuple[HeldPosition, ...]
    own_orders: tuple[OwnOrder, ...]
    foreign_orders: tuple[BrokerOrder, ...] = ()
    requests: tuple[Request, ...]
    quotes: tuple[Quote, ...]
    chains: tuple[Chain, ...]
    bars: tuple[Bars, ...] = ()
    events: tuple[Events, ...] = ()
    marks: tuple[Mark, ...] = ()
    inputs: tuple[InputAge, ...] = ()
    books: Books
    halt: Halt
    errors: tuple[str, ...] = ()
    follow_up: int = 0
    """0 for the tick of a slot, else which follow-up of it this is (design 14): exits and reprices only."""
    broker_open: bool | None = None
    """Whether the broker's own clock says that the market trades; None in records of older releases."""
    invariants: tuple[Invariant, ...] = ()
    """The house's numbers about itself at this moment; none in records of older releases."""

    trips: tuple[Trip, ...] = ()
    """The trip wires at this moment (design 15); none in records of older releases."""
    remarks: tuple[str, ...] = ()
    """What the owner should know and nobody has to mend, such as a calendar that differs; `errors` went wrong."""

    @cached_property
    def quote_of(self) -> dict[str, Quote]:
        """Quotes by symbol."""
        return {quote.symbol: quote for quote in self.quotes}

    @cached_property
    def chain_of(self) -> dict[tuple[str, Right], Chain]:
        """Chains by underlying and right."""
        return {(chain.underlying, chain.right): chain for chain in self.chains}

    @cached_property
    def events_of(self) -> dict[str, Events]:
        """Events by symbol."""
        return {events.symbol: events for events in self.events}

    @cached_property
    def mark_of(self) -> dict[str, Mark]:
        """Own marks by symbol."""
        return {mark.symbol: mark for mark in self.marks}

    @cached_property
    def position_of(self) -> dict[str, Position]:
        """Broker positions by symbol."""
        return {held.position.symbol: held.position for held in self.positions}

    @cached_property
    def lots_of(self) -> dict[str, tuple[Lot, ...]]:
        """Open lots by symbol, oldest first."""
        found: dict[str, list[Lot]] = {}
        for lot in sorted(self.books.lots, key=lambda one: (one.opened_at, one.id)):
            found.setdefault(lot.symbol, []).append(lot)
        return {symbol: tuple(lots) for symbol, lots in found.items()}

    @cached_property
    def orders_on(self) -> dict[str, tuple[OwnOrder, ...]]:
        """Orders of ours that may still fill, by underlying."""
        found: dict[str, list[OwnOrder]] = {}
        for order in self.own_orders:
            found.setdefault(order.underlying, []).append(order)
        return {symbol: tuple(orders) for symbol, orders in found.items()}

    def spot(self, symbol: str) -> Decimal | None:
        """Give the price of an underlying: the mid of a valid quote, else the last trade, else None."""
        quote = self.quote_of.get(symbol)
        if quote is None:
            return None
        return quote.mid if quote.mid is not None else quote.last

    def shares_held(self, symbol: str) -> Decimal:
        """Give the broker's share position in a symbol (whoever owns it)."""
        position = self.position_of.get(symbol)
        return position.qty if position is not None else Decimal(0)

    def short_options(self, underlying: str, right: Right) -> tuple[Position, ...]:
        """List short option positions at the broker on an underlying, whoever owns them."""
        letter = "P" if right == "put" else "C"
        return tuple(
            held.position
            for held in self.positions
            if held.position.qty < 0
            and is_option(held.position.symbol)
            and held.position.symbol[-9] == letter
            and underlying_of(held.position.symbol) == underlying
        )


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(Snapshot)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Give the bytes that are stored and hashed: MessagePack, zlib at its fastest (3 % larger than its best here)."""
    return zlib.compress(_ENCODER.encode(snapshot), 1)


def decode_snapshot(stored: bytes) -> Snapshot:
    """Read stored bytes back, or raise StoreError."""
    try:
        return _DECODER.decode(zlib.decompress(stored))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StoreError(f"a stored Snapshot cannot be read: {error}") from error


def snapshot_hash(stored: bytes) -> str:
    """Give the SHA-256 of stored bytes in hexadecimal."""
    return hashlib.sha256(stored).hexdigest()
