"""Has the owner said yes: entries of a strategy that asks first wait for a word (`approve` in desk.toml)."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.checks import CheckResult, allowed, refused
from bot.domain.consent import GATE, asks_first, covers, price_room, same_order
from bot.domain.desk import ApproveRule
from bot.domain.ledger import Proposal
from bot.domain.money import plain
from bot.domain.orders import OrderIntent
from bot.gates.case import Case, idle

NEVER = ApproveRule()


def approval_is_given(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow an entry of a strategy that asks first once the owner approved it, at that price or a better one.

    `first N` asks until N entries of the strategy have been sent; those of this tick are not sent yet, and the broker
    may refuse them. One approval carries one order; it holds for no more contracts and no worse a limit than it was
    given for, and until it lapses.
    """
    rule = next((rule for name, rule in case.desk.approvals if name == intent.strategy), NEVER)
    if rule.word == "never":
        return idle(GATE, "this strategy asks for no word")
    if not asks_first(intent, case.snapshot):
        return idle(GATE, "only a new entry or a roll's start asks for the owner's word")
    sent = sum(count for name, count in case.snapshot.books.entries_sent if name == intent.strategy)
    if rule.word == "first" and sent >= rule.first:
        reason = f"{sent} entries were sent and the first {rule.first} ask: it needs no word"
        return _counted(sent, rule.first, reason, ok=True)
    near = [
        one
        for one in case.snapshot.books.approvals
        if one.approved_at is not None
        and one.lapses_at > case.snapshot.at
        and same_order(one.intent, intent)
        and not any(covers(one.intent, other) for other in case.accepted)
    ]
    for one in near:
        if covers(one.intent, intent):
            return allowed(GATE, f"{one.author or 'the owner'} approved {_terms(one)} at {one.approved_at:%H:%M} UTC")
    if near:
        return _beyond(near[0], intent)
    if rule.word == "first":
        reason = f"waits for your word: {sent} of the first {rule.first} entries were sent"
        return _counted(sent, rule.first, reason, ok=False)
    return refused(GATE, "waits for your word: every entry of this strategy asks (`bot approve`)")


def _counted(sent: int, first: int, reason: str, *, ok: bool) -> CheckResult:
    value, limit = Decimal(sent), Decimal(first)
    return CheckResult(
        gate=GATE, ok=ok, reason=reason, value=value, limit=limit, unit="entries", distance=value - limit
    )  # fmt: skip


def _terms(one: Proposal) -> str:
    """Say what was approved: proposal 3 for 1 at 0.63 or better."""
    limit = one.intent.limit_price
    price = "" if limit is None else f" at {plain(limit)} or better"
    return f"proposal {one.number} for {plain(one.intent.qty)}{price}"


def _beyond(one: Proposal, intent: OrderIntent) -> CheckResult:
    """Refuse what goes further than an approval that stands, with the number that does."""
    if intent.qty > one.intent.qty:
        return CheckResult(
            gate=GATE, ok=False, reason=f"waits for your word: {_terms(one)} was approved, this asks more",
            value=intent.qty, limit=one.intent.qty, unit="units", distance=one.intent.qty - intent.qty,
        )  # fmt: skip
    return CheckResult(
        gate=GATE, ok=False, reason=f"waits for your word: {_terms(one)} was approved, this price is worse",
        value=intent.limit_price, limit=one.intent.limit_price, unit="usd", distance=price_room(one.intent, intent),
    )  # fmt: skip
