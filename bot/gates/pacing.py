"""How much at once: orders and exits, new contracts, by tick, five minutes, session and symbol.

A roll's opening leg counts in none of these (wheel 1.5); exits have a cap of their own.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from bot.domain.checks import CheckResult
from bot.domain.consent import carries_on, wish_name
from bot.domain.money import ZERO
from bot.domain.orders import OrderIntent
from bot.gates.case import CANCELS, OPENS_NOTHING, Case, Kind, Wish, count_at_most, idle

WINDOW = timedelta(minutes=5)
_ROLLS = "the opening leg of a roll counts in no pacing"


def orders_within_tick(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow openings and reprices up to the cap of a tick."""
    return _orders("orders_within_tick", "entry", intent, case, case.limits.orders_per_tick, 0, "in this tick")


def orders_within_day(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow openings and reprices up to the cap of a session."""
    sent = case.snapshot.books.counters.orders_today
    return _orders("orders_within_day", "entry", intent, case, case.limits.orders_per_day, sent, "in this session")


def orders_within_window(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow openings and reprices up to the cap of five minutes, those sent exactly so long ago included."""
    since = case.snapshot.at - WINDOW
    sent = sum(1 for one in case.snapshot.books.counters.openings if one.at >= since)
    limit = case.limits.orders_per_window
    return _orders("orders_within_window", "entry", intent, case, limit, sent, "in 5 minutes")


def round_trips_within_day(intent: OrderIntent, case: Case) -> CheckResult:
    """Open nothing more once as many positions were opened and closed in one session as the cap says (F14).

    The count is of the whole account, and what this order opens could be the next one. Exits are never refused.
    """
    gate = "round_trips_within_day"
    wish = case.wish(intent)
    if wish.kind != "entry" or not intent.opens:
        return idle(gate, _ROLLS if wish.kind == "roll" else OPENS_NOTHING)
    if wish.predecessor is not None and carries_on(intent, wish.predecessor):
        return idle(gate, "a reprice")
    count = Decimal(case.snapshot.books.counters.round_trips_total + 1)
    what = "round trips in this session, with what this order could become"
    return count_at_most(gate, count, case.limits.round_trips_per_day, "trips", what, adds=True)


def exits_within_tick(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow exits up to their own cap of a tick."""
    return _orders("exits_within_tick", "exit", intent, case, case.limits.exit_orders_per_tick, 0, "in this tick")


def exits_within_day(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow exits up to their own cap of a session; one that follows its market counts once."""
    gate, wish = "exits_within_day", case.wish(intent)
    if wish.kind == "exit" and _follows(wish):
        return idle(gate, "a reprice: it counts against exit_reprices_per_day")
    sent = case.snapshot.books.counters.exits_today - sum(1 for one in case.granted if _follows(one))
    return _orders(gate, "exit", intent, case, case.limits.exit_orders_per_day, sent, "in this session")


def exit_reprices_within_day(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow one exit to be repriced so often in a session; beyond that it rests at the limit it has (F14)."""
    gate, wish = "exit_reprices_within_day", case.wish(intent)
    if wish.kind != "exit" or not _follows(wish):
        return idle(gate, CANCELS if wish.kind == "cancel" else "it reprices no exit")
    name = wish_name(intent)
    before = case.snapshot.books.counters.exit_reprices
    sent = next((one.count for one in before if (one.strategy, one.purpose, one.key) == name), 0)
    limit, what = case.limits.exit_reprices_per_day, f"reprices of this exit of {intent.underlying} in this session"
    return count_at_most(gate, Decimal(sent + 1), limit, "orders", what, adds=True)


def _follows(wish: Wish) -> bool:
    """Say whether an exit only reprices an exit of ours that works already."""
    return wish.kind == "exit" and wish.predecessor is not None and carries_on(wish.intent, wish.predecessor)


def _orders(
    gate: str, kind: Kind, intent: OrderIntent, case: Case, limit: Decimal | None, sent: int, when: str
) -> CheckResult:
    mine = case.wish(intent).kind
    if mine != kind:
        if mine == "cancel":
            return idle(gate, CANCELS)
        if mine == "roll":
            return idle(gate, _ROLLS)
        return idle(gate, "exits have their own cap" if mine == "exit" else "it is no exit")
    count = 1 + sent + sum(1 for wish in case.granted if wish.kind == kind)
    noun = "exits" if kind == "exit" else "orders"
    return count_at_most(gate, Decimal(count), limit, noun, f"{noun} {when}", adds=True)


def contracts_within_tick(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new contracts up to the cap of a tick."""
    return _contracts("contracts_within_tick", intent, case, case.limits.contracts_per_tick, ZERO, "", "in this tick")


def contracts_within_day(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new contracts up to the cap of a session."""
    sent = Decimal(case.snapshot.books.counters.contracts_total)
    return _contracts("contracts_within_day", intent, case, case.limits.contracts_per_day, sent, "", "in this session")


def contracts_within_symbol_day(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new contracts on one underlying up to the cap of a session."""
    symbol = intent.underlying
    sent = sum((Decimal(n) for name, n in case.snapshot.books.counters.contracts_today if name == symbol), ZERO)
    limit = case.limits.contracts_per_symbol_day
    return _contracts("contracts_within_symbol_day", intent, case, limit, sent, symbol, f"on {symbol} in this session")


def _contracts(
    gate: str, intent: OrderIntent, case: Case, limit: Decimal | None, sent: Decimal, symbol: str, when: str
) -> CheckResult:
    wish = case.wish(intent)
    if wish.kind == "roll":
        return idle(gate, _ROLLS)
    if wish.whole.contracts == 0:
        return idle(gate, "it opens no contract")
    total = sent + wish.added.contracts
    for granted in case.granted:
        if granted.kind == "entry" and symbol in ("", granted.intent.underlying):
            total += granted.added.contracts
    return count_at_most(gate, total, limit, "contracts", f"new contracts {when}", adds=wish.added.contracts > 0)
