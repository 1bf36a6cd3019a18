"""A tick as one JSON object: the contract for other programs (README, "A contract for other programs").

Money and quantities are strings; an absent limit is the word "off"; nothing is rounded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.domain.checks import CheckResult
from bot.domain.consent import credit_of
from bot.domain.invariants import Invariant
from bot.domain.ledger import Proposal
from bot.domain.money import plain
from bot.domain.orders import OrderIntent, OwnOrder, Verdict
from bot.engine.ports import TickResult
from bot.report.feeds import feeds_of
from bot.report.foreign import ForeignLine, foreign_in
from bot.report.trips import trip_object


def text(value: Decimal | None) -> str | None:
    """Write a decimal as a string, None as null."""
    return None if value is None else plain(value)


def check_object(check: CheckResult) -> dict[str, Any]:
    """Give one gate's answer."""
    return {
        "gate": check.gate,
        "ok": check.ok,
        "reason": check.reason,
        "value": text(check.value),
        "limit": "off" if check.limit is None else plain(check.limit),
        "unit": check.unit,
        "distance": text(check.distance),
    }


def intent_object(intent: OrderIntent) -> dict[str, Any]:
    """Give what was wanted, and why."""
    return {
        "strategy": intent.strategy,
        "purpose": intent.purpose,
        "key": intent.key,
        "symbol": intent.symbol,
        "underlying": intent.underlying,
        "legs": [
            {"symbol": leg.symbol, "side": leg.side, "ratio": leg.ratio, "position_intent": leg.position_intent}
            for leg in intent.legs
        ],
        "side": intent.side,
        "qty": plain(intent.qty),
        "order_type": intent.order_type,
        "limit_price": text(intent.limit_price),
        "stop_price": text(intent.stop_price),
        "trail_percent": text(intent.trail_percent),
        "time_in_force": intent.time_in_force,
        "replaces": intent.replaces,
        "numbers": dict(intent.numbers),
    }


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    """Give an intent with its verdict and every check."""
    return {
        **intent_object(verdict.intent),
        "approved": verdict.approved,
        "reason": verdict.reason,
        "checks": [check_object(check) for check in verdict.checks],
    }


def order_object(order: OwnOrder) -> dict[str, Any]:
    """Give one order of this tick as it ended."""
    return {
        "client_order_id": order.client_order_id,
        "broker_order_id": order.broker_order_id,
        "symbol": order.legs[0].symbol if len(order.legs) == 1 else order.underlying,
        "status": order.status or order.state,
        "state": order.state,
        "qty": plain(order.qty),
        "filled_qty": plain(order.filled_qty),
        "limit_price": text(order.limit_price),
    }


def proposal_object(one: Proposal) -> dict[str, Any]:
    """Give what waits for the owner's word, or (`approved_at` set) has it and was not sent yet."""
    credit = credit_of(one.intent)
    return {
        "number": one.number,
        "strategy": one.intent.strategy,
        "purpose": one.intent.purpose,
        "symbol": one.intent.symbol,
        "side": one.intent.side,
        "qty": plain(one.intent.qty),
        "limit_price": text(one.intent.limit_price),
        "credit": text(credit),
        "reason": one.intent.reason,
        "proposed_at": one.proposed_at.isoformat(),
        "lapses_at": one.lapses_at.isoformat(),
        "approved_at": None if one.approved_at is None else one.approved_at.isoformat(),
        "command": f"bot approve {one.number}",
    }


def foreign_object(line: ForeignLine) -> dict[str, Any]:
    """Give one thing that is not ours, and the command that adopts it (null where nothing does)."""
    return {
        "symbol": line.symbol,
        "kind": line.kind,
        "qty": plain(line.qty),
        "means": line.means,
        "command": line.command,
    }


def invariant_object(one: Invariant) -> dict[str, Any]:
    """Give one invariant for other programs; the number is a string."""
    return {
        "name": one.name,
        "value": plain(one.value),
        "unit": one.unit,
        "ok": one.ok,
        "since": None if one.since is None else one.since.isoformat(),
        "detail": one.detail,
        "symbols": list(one.symbols),
    }


def tick_object(result: TickResult) -> dict[str, Any]:
    """Give the whole tick."""
    snapshot = result.snapshot
    account = snapshot.account
    return {
        "tick": {
            "id": result.tick_id,
            "slot": snapshot.slot.isoformat(),
            "at": snapshot.at.isoformat(),
            "mode": result.mode,
            "broker": snapshot.broker,
            "market": snapshot.market,
            "feeds": [{"what": feed.what, "source": feed.source, "label": feed.label} for feed in feeds_of(snapshot)],
            "inputs": [
                {"name": age.name, "source": age.source, "age_seconds": round(age.age_seconds, 3)}
                for age in snapshot.inputs
            ],
            "environment": snapshot.environment,
            "simulated": snapshot.simulated,
            "halt": snapshot.halt.level,
            "halt_by": snapshot.halt.author,
            "halt_reason": snapshot.halt.reason,
            "panic": None if snapshot.books.panic is None else snapshot.books.panic.word,
            "session_open": snapshot.session.is_open,
            "head": result.head,
        },
        "account": {
            "id": account.id,
            "status": account.status,
            "currency": account.currency,
            "cash": plain(account.cash),
            "equity": plain(snapshot.equity),
            "broker_equity": plain(account.equity),
            "buying_power": plain(account.buying_power),
            "options_buying_power": text(account.options_buying_power),
            "options_level": account.options_level,
            "options_level_approved": account.options_level_approved,
        },
        "verdicts": [verdict_object(verdict) for verdict in result.verdicts],
        "notes": [
            {
                "strategy": note.strategy, "symbol": note.symbol, "subject": note.subject, "reason": note.reason,
                "value": text(note.value), "limit": "off" if note.limit is None else plain(note.limit),
                "unit": note.unit,
            }
            for note in result.notes
        ],
        "orders": [order_object(order) for order in result.orders],
        "drift": [
            {
                "symbol": drift.symbol, "kind": drift.kind, "what": drift.what, "broker": plain(drift.broker),
                "ours": plain(drift.ours),
                "expected_until": None if drift.expected_until is None else drift.expected_until.isoformat(),
            }
            for drift in snapshot.books.drift
        ],
        "invariants": [invariant_object(one) for one in snapshot.invariants],
        "foreign": [foreign_object(line) for line in foreign_in(snapshot)],
        "proposals": [proposal_object(one) for one in result.proposals],
        "trips": [trip_object(trip) for trip in snapshot.trips],
        "remarks": list(snapshot.remarks),
        "errors": list(result.errors),
    }  # fmt: skip
