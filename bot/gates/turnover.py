"""How much notional is opened in five minutes and in a session, as a share of equity (wheel 2.22)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.checks import CheckResult, allowed
from bot.domain.exposure import price_of
from bot.domain.ledger import Opening
from bot.domain.money import ZERO
from bot.domain.orders import OrderIntent
from bot.domain.turnover import Notional, notional_of
from bot.gates.case import CANCELS, OPENS_NOTHING, Case, Wish, idle, share_at_most
from bot.gates.pacing import WINDOW

_ROLLS = "the opening leg of a roll counts in no turnover"


def turnover_within_window(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow notional opened in the last five minutes up to a share of equity."""
    since = case.snapshot.at - WINDOW
    recent = [one for one in case.snapshot.books.counters.openings if one.since >= since]
    limit = case.limits.turnover_per_window
    return _turnover("turnover_within_window", intent, case, limit, recent, "opened in 5 minutes")


def turnover_within_day(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow notional opened in this session up to a share of equity."""
    opened = case.snapshot.books.counters.openings
    limit = case.limits.turnover_per_day
    return _turnover("turnover_within_day", intent, case, limit, opened, "opened in this session")


def _turnover(
    gate: str, intent: OrderIntent, case: Case, limit: Decimal | None, before: Iterable[Opening], when: str
) -> CheckResult:
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return idle(gate, CANCELS)
    if wish.kind == "roll":
        return idle(gate, _ROLLS)
    if not intent.opens:
        return idle(gate, OPENS_NOTHING)
    parts = [
        Notional(one.puts, one.shares, one.price).dollars(price_of(case.snapshot, one.underlying)) for one in before
    ]
    parts += [_added(granted, case) for granted in case.granted if granted.kind == "entry"]
    added = _added(wish, case)
    if added is not None and not any(parts) and wish.whole.calls == 1 and not wish.adds_loss and None not in parts:
        return allowed(gate, "one covered call, and nothing else was opened: the first contract fits")
    known = [part for part in (*parts, added) if part is not None]
    total = sum(known, ZERO) if len(known) == len(parts) + 1 else None
    return share_at_most(gate, total, case.snapshot.equity, limit, f"notional {when}", adds=added != 0)


def _added(wish: Wish, case: Case) -> Decimal | None:
    """Give the dollars an intent opens beyond what the order it replaces still had working."""
    spot = price_of(case.snapshot, wish.intent.underlying)
    whole = notional_of(wish.intent, wish.intent.qty).dollars(spot)
    if whole is None or wish.predecessor is None:
        return whole
    left = notional_of(wish.predecessor, wish.predecessor.remaining).dollars(spot)
    return None if left is None else max(ZERO, whole - left)
