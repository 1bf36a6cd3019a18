"""A tick as one JSON object: the contract for other programs (README, "A contract for other programs").

Money and quantities are strings; an absent limit is the word "off"; nothing is rounded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.domain.checks import CheckResult
from bot.domain.money import plain
from bot.domain.orders import OrderIntent, OwnOrder, Verdict
from bot.engine.ports import TickResult


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
            "environment": snapshot.environment,
            "simulated": snapshot.simulated,
            "halt": snapshot.halt.level,
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
        "errors": list(result.errors),
    }  # fmt: skip
