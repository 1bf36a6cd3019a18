"""What a planner is: what it needs, what it wants, and what it passed over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from bot.domain.facts import Fact
from bot.domain.holdings import Account
from bot.domain.ledger import Books, Halt
from bot.domain.market import Request
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.snapshot import HeldPosition, SessionFacts, Snapshot


class Holdings(Fact, frozen=True, kw_only=True):
    """What is known before any market data is read; enough to say what is needed."""

    session: SessionFacts
    account: Account
    positions: tuple[HeldPosition, ...]
    own_orders: tuple[OwnOrder, ...]
    books: Books
    halt: Halt
    follow_up: int = 0


class Note(Fact, frozen=True, kw_only=True):
    """A chance a planner passed over, or an exit it overruled, with its number against its limit.

    `subject` is the contract or the idea ("put", "call", "roll"). `limit` None with a unit means off.
    """

    strategy: str
    symbol: str
    subject: str
    reason: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""


class Plan(Fact, frozen=True, kw_only=True):
    """Everything one planner wants now, best first, and what it passed over."""

    intents: tuple[OrderIntent, ...] = ()
    notes: tuple[Note, ...] = ()


class Planner(NamedTuple):
    """One idea in one file. Both functions are pure; `params` is the type that `needs` and `plan` take."""

    kind: str
    params: type
    needs: Callable[[Holdings, Any, datetime], tuple[Request, ...]]
    plan: Callable[[Snapshot, Any], Plan]


class Strategy(NamedTuple):
    """A planner with its numbers filled in. Lower priority goes first."""

    name: str
    planner: Planner
    params: Any
    priority: int
    enabled: bool = True
    while_flattening: bool = False
    """Plans while a flatten stands too: what flattens, and what keeps shares protected until they are sold."""
