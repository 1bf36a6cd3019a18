"""Is it an order at all: fields of the right kind, a shape whose loss is known, whole quantities."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.checks import CheckResult, allowed, refused
from bot.domain.claims import root_of
from bot.domain.holdings import OrderLeg
from bot.domain.instruments import is_equity, is_option, parse_option
from bot.domain.money import plain
from bot.domain.orders import OrderIntent
from bot.domain.risk import STOP_TYPES
from bot.gates.case import CANCELS, Case, idle

_WORDS = {"buy_to_open": "buy", "buy_to_close": "buy", "sell_to_open": "sell", "sell_to_close": "sell"}
_TYPES = STOP_TYPES | {"market", "limit"}


def intent_is_well_formed(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow an intent whose fields have the kinds and values an order needs (design 1)."""
    gate = "intent_is_well_formed"
    fault = _fault_of(intent)
    return refused(gate, fault) if fault else allowed(gate, "every field is of its kind")


def _fault_of(intent: OrderIntent) -> str:
    for name in ("strategy", "purpose", "key", "underlying"):
        value = getattr(intent, name)
        if not isinstance(value, str) or not value:
            return f"{name}: expected a word, got {value!r}"
    if intent.action == "cancel":
        if not isinstance(intent.replaces, str) or not intent.replaces:
            return "a cancellation names no order in `replaces`"
        return "a cancellation has no legs" if intent.legs else ""
    if intent.action != "submit":
        return f"action: expected submit or cancel, got {intent.action!r}"
    if not isinstance(intent.legs, tuple) or not intent.legs:
        return "an order needs at least one leg"
    return _fault_of_numbers(intent) or _fault_of_legs(intent)


def _fault_of_numbers(intent: OrderIntent) -> str:
    if not isinstance(intent.qty, Decimal) or not intent.qty.is_finite() or intent.qty <= 0:
        return f"qty: expected a finite Decimal above zero, got {intent.qty!r}"
    for name in ("limit_price", "stop_price", "trail_percent", "high_water_mark"):
        value = getattr(intent, name)
        if value is not None and (not isinstance(value, Decimal) or not value.is_finite()):
            return f"{name}: expected a finite Decimal or nothing, got {value!r}"
    kind = intent.order_type
    if kind not in _TYPES or intent.time_in_force not in ("day", "gtc"):
        return f"order_type and time_in_force: got {kind!r} and {intent.time_in_force!r}"
    if kind in ("limit", "stop_limit"):
        if intent.limit_price is None:
            return f"a {kind} order needs a limit price"
        if len(intent.legs) == 1 and intent.limit_price <= 0:
            return f"limit_price: expected above zero, got {plain(intent.limit_price)}"
    if kind in ("stop", "stop_limit") and (intent.stop_price is None or intent.stop_price <= 0):
        return f"a {kind} order needs a stop price above zero"
    if kind == "trailing_stop" and (intent.trail_percent is None or not 0 < intent.trail_percent < 100):
        return "a trailing stop needs a trail_percent between 0 and 100 (10 means 10 %)"
    return ""


def _fault_of_legs(intent: OrderIntent) -> str:
    seen = set()
    for leg in intent.legs:
        if not isinstance(leg, OrderLeg):
            return f"legs: expected an OrderLeg, got {type(leg).__name__}"
        if _WORDS.get(leg.position_intent) != leg.side:
            return f"{leg.symbol}: {leg.side} does not go with {leg.position_intent}"
        if not isinstance(leg.ratio, int) or leg.ratio < 1:
            return f"{leg.symbol}: ratio is a whole number from 1, got {leg.ratio!r}"
        if is_option(leg.symbol):
            parse_option(leg.symbol)
        elif not is_equity(leg.symbol):
            return f"{leg.symbol!r} is no share and no option series"
        if root_of(leg.symbol) != root_of(intent.underlying):
            return f"{leg.symbol} is no instrument on {intent.underlying}"
        if leg.symbol in seen:
            return f"{leg.symbol} appears twice"
        seen.add(leg.symbol)
    return ""


def shape_is_known(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow shapes whose largest loss can be computed (design 7, wheel 2.18)."""
    gate = "shape_is_known"
    if intent.action == "cancel":
        return idle(gate, CANCELS)
    loss = case.wish(intent).loss
    if loss is None:
        return refused(
            gate,
            "the most this order can lose is not known: a shape that nobody has measured, or no price for it "
            "(known: short put, covered call, options of one expiry, long option, shares bought at a price, closes)",
        )
    return CheckResult(gate=gate, ok=True, reason=f"it can lose {loss:,.2f} USD at most", value=loss, unit="usd")


def quantities_are_whole(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow whole contracts and whole shares only."""
    gate = "quantities_are_whole"
    if intent.action == "cancel":
        return idle(gate, CANCELS)
    if intent.qty != intent.qty.to_integral_value():
        return refused(gate, f"expected a whole quantity, got {plain(intent.qty)}")
    return allowed(gate, "the quantity is whole")
