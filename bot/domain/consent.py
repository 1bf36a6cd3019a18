"""The owner's word on entries: which wishes ask for it, and what a word once given covers.

A new entry asks, and so does the buy-back that starts a roll. Exits, stops, cancellations, the owner's own orders,
a roll's opening leg and the reprice of an order that works already never do.
"""

from __future__ import annotations

from decimal import Decimal

from bot.domain.desk import ApproveRule
from bot.domain.ledger import Proposal
from bot.domain.money import SHARES_PER_CONTRACT
from bot.domain.orders import ENTRY_PURPOSES, OrderIntent, OwnOrder, Verdict
from bot.domain.risk import predecessor_of
from bot.domain.snapshot import Snapshot

GATE = "approval_is_given"
"""The gate that holds an entry back until the owner's word is there."""

WishName = tuple[str, str, str]
"""Strategy, purpose and key: one wish, whichever series, size and price it asks for just now."""


def wish_name(order: OrderIntent | OwnOrder) -> WishName:
    """Name the wish behind an intent or order: two with the same name are never both wanted."""
    return order.strategy, order.purpose, order.key


def still_asks(
    strategy: str, approvals: tuple[tuple[str, ApproveRule], ...], sent: tuple[tuple[str, int], ...]
) -> bool:
    """Say whether a strategy's next entry waits for a word; `sent` counts its entries so far."""
    rule = dict(approvals).get(strategy, ApproveRule())
    return rule.word == "always" or (rule.word == "first" and dict(sent).get(strategy, 0) < rule.first)


def asks_first(intent: OrderIntent, snapshot: Snapshot) -> bool:
    """Say whether an intent is one that a strategy's `approve` can hold back.

    What opens a position is measured by its legs, not by the purpose it claims.
    """
    if intent.action != "submit" or _carries_on(intent, snapshot):
        return False
    if intent.purpose == "roll_close":
        return all(roll.id != intent.roll for roll in snapshot.books.rolls)
    return intent.purpose in ENTRY_PURPOSES or (intent.opens and intent.purpose != "roll_open")


def carries_on(order: OrderIntent | OwnOrder, before: OwnOrder) -> bool:
    """Say whether an order reprices the one it replaces: the same wish and legs, for no more than was asked there."""
    return wish_name(order) == wish_name(before) and order.legs == before.legs and order.qty <= before.qty


def _carries_on(intent: OrderIntent, snapshot: Snapshot) -> bool:
    """Say whether an intent reprices an order of ours: the same wish and legs, for no more than is left of it."""
    order = predecessor_of(intent, snapshot)
    return order is not None and carries_on(intent, order) and intent.qty <= order.remaining


def same_order(approved: OrderIntent, asked: OrderIntent | OwnOrder) -> bool:
    """Say whether two ask for the same order, size and price apart: strategy, purpose, legs, type, time in force."""
    return (
        (approved.strategy, approved.purpose, approved.underlying) == (asked.strategy, asked.purpose, asked.underlying)
        and approved.legs == asked.legs
        and (approved.order_type, approved.time_in_force) == (asked.order_type, asked.time_in_force)
    )


def price_room(approved: OrderIntent, asked: OrderIntent | OwnOrder) -> Decimal | None:
    """Give how much better than approved a limit is for the owner, per share; below zero is worse.

    A single sale must not ask less; a purchase, or several legs with their signed net price, must not pay more. None
    where either has no limit.
    """
    if approved.limit_price is None or asked.limit_price is None:
        return None
    if sells(approved):
        return asked.limit_price - approved.limit_price
    return approved.limit_price - asked.limit_price


def sells(order: OrderIntent | OwnOrder) -> bool:
    """Say whether an order's limit is what it takes in: a single leg that is sold."""
    return len(order.legs) == 1 and order.legs[0].side == "sell"


def covers(approved: OrderIntent, asked: OrderIntent | OwnOrder) -> bool:
    """Say whether a word given to one order holds for another: no more of it, at a price no worse for the owner."""
    if not same_order(approved, asked) or asked.qty > approved.qty:
        return False
    room = price_room(approved, asked)
    return approved.limit_price == asked.limit_price if room is None else room >= 0


def covering(approvals: tuple[Proposal, ...], asked: OrderIntent | OwnOrder) -> Proposal | None:
    """Give the approved proposal that covers an intent or order."""
    return next((one for one in approvals if one.approved_at is not None and covers(one.intent, asked)), None)


def waits(verdict: Verdict) -> bool:
    """Say whether the owner's word is all that a wish lacks."""
    return [check.gate for check in verdict.checks if not check.ok] == [GATE]


def credit_of(intent: OrderIntent) -> Decimal | None:
    """Give the dollars an order takes in at its limit, below zero what it pays; None without a limit."""
    if intent.limit_price is None:
        return None
    shares = len(intent.legs) == 1 and intent.legs[0].symbol == intent.underlying
    amount = intent.limit_price * intent.qty * (Decimal(1) if shares else SHARES_PER_CONTRACT)
    return amount if sells(intent) else -amount
