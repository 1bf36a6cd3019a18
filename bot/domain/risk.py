"""How much an order can lose, how much the book can lose, and whether an order reduces risk.

Risk reduction is computed, never claimed; size is measured by the most that can be lost (design 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bot.domain.claims import Claim, beyond, claim_of, root_of, worst_at_expiry
from bot.domain.exposure import price_of, shares_free, standing_of
from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import Right, is_option, parse_option
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.snapshot import Snapshot
from bot.domain.wheelmath import intrinsic

STRESS = Decimal("0.80")
"""Every underlying at this share of its price, all at once (wheel 1.2)."""

STOP_TYPES = frozenset({"stop", "stop_limit", "trailing_stop"})


def loss_max(intent: OrderIntent, spot: Decimal | None) -> Decimal | None:
    """Give the most an order can lose, in dollars, with its underlying at zero (wheel 2.18).

    Short put (K - c) M q; covered call 0; options of one expiry together their worst at expiry less the credit;
    long option its premium; shares bought their price; what only closes 0. None is a shape nobody has measured.
    """
    legs = intent.legs
    if not legs or not intent.opens:
        return ZERO
    if any(leg.position_intent.endswith("_to_close") for leg in legs):
        return None
    options = [leg for leg in legs if is_option(leg.symbol)]
    if not options:
        price = intent.limit_price if intent.limit_price is not None else spot
        if len(legs) != 1 or legs[0].side == "sell" or price is None:
            return None
        return price * intent.qty * legs[0].ratio
    if len(options) != len(legs) or intent.limit_price is None:
        return None
    contracts = [(parse_option(leg.symbol), -leg.ratio if leg.side == "sell" else leg.ratio) for leg in legs]
    units = intent.qty * SHARES_PER_CONTRACT
    if len(legs) == 1:
        contract, count = contracts[0]
        if count > 0:
            return intent.limit_price * units * count
        return ZERO if contract.right == "call" else (contract.strike - intent.limit_price) * units * -count
    first = contracts[0][0]
    if any(one.expiry != first.expiry or one.root != first.root for one, _ in contracts):
        return None
    worst = worst_at_expiry([(one.right, one.strike, Decimal(count)) for one, count in contracts])
    return None if worst is None else max(ZERO, worst + intent.limit_price) * units


def stress_of_order(order: OrderIntent | OwnOrder | BrokerOrder, qty: Decimal, spot: Decimal | None) -> Decimal | None:
    """Give what `qty` of an order would lose at 0.80 S with options at intrinsic value, in dollars.

    The limit counts as paid or received; what closes counts nothing. None when the underlying has no price.
    """
    opening = [leg for leg in order.legs if leg.position_intent.endswith("_to_open")]
    if not opening:
        return ZERO
    if spot is None:
        return None
    if not is_option(opening[0].symbol):
        leg = opening[0]
        paid = order.limit_price if order.limit_price is not None else spot
        loss = (paid - STRESS * spot) * qty * leg.ratio
        return loss if leg.side == "buy" else -loss
    paid = order.limit_price or ZERO
    if len(order.legs) == 1 and opening[0].side == "sell":
        paid = -paid
    worth = ZERO
    for leg in opening:
        if is_option(leg.symbol):
            contract = parse_option(leg.symbol)
            value = intrinsic(contract.right, contract.strike, STRESS * spot) * leg.ratio
            worth += value if leg.side == "buy" else -value
    return (paid - worth) * qty * SHARES_PER_CONTRACT


def stress_loss(snapshot: Snapshot) -> Decimal | None:
    """Give the fall of the book, positions and live orders, at 0.80 S with options at intrinsic value (wheel 2.18).

    Options are worth our mark now, else their intrinsic value. An option whose underlying has no price counts
    at its worst; shares without any price make the figure unknown (None).
    """
    if "stress_loss" not in snapshot.__dict__:
        snapshot.__dict__["stress_loss"] = _stress_loss(snapshot)
    found: Decimal | None = snapshot.__dict__["stress_loss"]
    return found


def _stress_loss(snapshot: Snapshot) -> Decimal | None:
    fall = ZERO
    for held in snapshot.positions:
        symbol, qty = held.position.symbol, held.position.qty
        spot = price_of(snapshot, root_of(symbol))
        if held.position.option:
            fall += qty * SHARES_PER_CONTRACT * _fall_of_option(snapshot, symbol, qty, spot)
        elif spot is not None:
            fall += qty * (spot - STRESS * spot)
        elif qty != 0:
            return None
    for order in snapshot.own_orders:
        if order.alive and order.opens:
            loss = stress_of_order(order, order.remaining, price_of(snapshot, root_of(order.legs[0].symbol)))
            if loss is None:
                return None
            fall += max(loss, ZERO)
    for foreign in snapshot.foreign_orders:
        if not foreign.terminal and foreign.legs:
            left = max(foreign.qty - foreign.filled_qty, ZERO)
            loss = stress_of_order(foreign, left, price_of(snapshot, root_of(foreign.legs[0].symbol)))
            if loss is None:
                return None
            fall += max(loss, ZERO)
    return fall


def _fall_of_option(snapshot: Snapshot, symbol: str, qty: Decimal, spot: Decimal | None) -> Decimal:
    contract = parse_option(symbol)
    mark = snapshot.mark_of.get(symbol)
    if spot is None:
        now = mark.price if mark is not None else ZERO
        short_worst = contract.strike if contract.right == "put" else now
        return now - short_worst if qty < 0 else now
    now = mark.price if mark is not None else intrinsic(contract.right, contract.strike, spot)
    return now - intrinsic(contract.right, contract.strike, STRESS * spot)


def is_protective(order: OwnOrder) -> bool:
    """Say whether a live order is a stop that protects shares (design 15)."""
    return order.order_type in STOP_TYPES and not order.opens


def keeps_protection(claim: Claim, order: OwnOrder) -> bool:
    """Say whether a claim taking the place of an order leaves no share of a stop bare."""
    if not is_protective(order):
        return True
    return all(claim.closes(leg.symbol) >= order.remaining * leg.ratio for leg in order.legs)


def predecessor_of(intent: OrderIntent, snapshot: Snapshot) -> OwnOrder | None:
    """Give the live order of ours that an intent cancels or replaces."""
    if not intent.replaces:
        return None
    for order in snapshot.own_orders:
        if order.client_order_id == intent.replaces and order.alive:
            return order
    return None


def reduces_risk(intent: OrderIntent, snapshot: Snapshot, accepted: Sequence[Claim] = ()) -> bool:
    """Say whether an order can only make the book safer, from positions and orders alone (design 7).

    Buying back an actual short, selling shares no call needs, arming a stop on held shares, and cancelling an
    order that opens: yes. Cancelling a stop, a covered call, or closing more than is left to close: no.
    """
    predecessor = predecessor_of(intent, snapshot)
    if intent.action == "cancel":
        return predecessor is not None and predecessor.opens and not intent.legs
    if not intent.legs or intent.opens:
        return False
    whole = claim_of(intent, intent.qty, None)
    if predecessor is not None and not keeps_protection(whole, predecessor):
        return False
    claim = beyond(whole, standing_of(snapshot).claims.get(intent.replaces))
    for leg in intent.legs:
        held = snapshot.shares_held(leg.symbol)
        if held == 0 or (held < 0) == (leg.side == "sell"):
            return False
        if claim.closes(leg.symbol) > closable(snapshot, leg.symbol, accepted):
            return False
        if is_option(leg.symbol) and leg.side == "sell" and _hedges(leg.symbol, intent, snapshot):
            return False
    return claim.shares == 0 or claim.shares <= shares_free(snapshot, claim.underlying, accepted)


def closable(snapshot: Snapshot, symbol: str, accepted: Sequence[Claim] = ()) -> Decimal:
    """Give how much of what is ours in a symbol no live or accepted order is closing already."""
    standing = standing_of(snapshot)
    left = standing.ours.get(symbol, ZERO) - standing.closing.get(symbol, ZERO)
    return left - sum((claim.closes(symbol) for claim in accepted), ZERO)


def _hedges(symbol: str, intent: OrderIntent, snapshot: Snapshot) -> bool:
    """Say whether a long option bounds a short one that this order leaves open."""
    contract = parse_option(symbol)
    right: Right = contract.right
    closed = {leg.symbol for leg in intent.legs}
    return any(short.symbol not in closed for short in snapshot.short_options(contract.root, right))
