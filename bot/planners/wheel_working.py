"""Carrying on what was put in the book earlier: entries repriced one step a tick, or withdrawn (wheel 2.3)."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.instruments import Right, parse_option
from bot.domain.money import ZERO, from_float
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.sessions import days_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.planners.wheel_candidates import symbol_refusal
from bot.planners.wheel_delta import delta_from_mid
from bot.planners.wheel_ladder import may_move, next_rung, repriced, sell_limit, withdrawn
from bot.planners.wheel_room import pacing_refusal, standing_refusal
from bot.planners.wheel_state import LOT, Refusal, Situation
from bot.planners.wheel_survey import aim_of, credit_floor

ENTRIES: dict[str, Right] = {"cash_secured_put": "put", "covered_call": "call"}
DELTA_DRIFT = Decimal("0.05")
"""How far outside its band the delta of a working entry may move before it is withdrawn."""


def plan_working(now: Situation, snapshot: Snapshot) -> tuple[list[OrderIntent], list[Note]]:
    """Reprice or withdraw every working entry of this strategy; say why the others stay."""
    intents: list[OrderIntent] = []
    notes: list[Note] = []
    for symbol in sorted(now.orders):
        for order in now.orders[symbol]:
            right = ENTRIES.get(order.purpose)
            if right is None or order.strategy != now.params.name:
                continue
            found = follow_entry(now, snapshot, order, right)
            if isinstance(found, OrderIntent):
                intents.append(found)
            else:
                notes.append(found.note(now.params.name, symbol, right))
    return intents, notes


def follow_entry(now: Situation, snapshot: Snapshot, order: OwnOrder, right: Right) -> OrderIntent | Refusal:
    """Give the reprice or withdrawal of a working entry, or why it stays."""
    if order.state != "working":
        return Refusal(f"order {order.client_order_id} is unresolved ({order.state}): nothing new until it is proved")
    if order.status == "pending_cancel":
        return Refusal(f"order {order.client_order_id} is being cancelled")
    gone = _no_longer_wanted(now, snapshot, order, right)
    if gone is not None:
        return withdrawn(order, gone.reason)
    if not may_move(order, snapshot):
        return Refusal(f"works at {order.limit_price}: one step a tick")
    pace = pacing_refusal(now)
    if pace is not None:
        return pace._replace(reason=f"stays at {order.limit_price}: {pace.reason}", everywhere=False)
    quote, floor = snapshot.quote_of.get(order.legs[0].symbol), _floor(now, snapshot, order, right)
    rung = None if quote is None or floor is None else next_rung(order, quote, sell=True, credit_min=floor)
    if rung is None or quote is None:
        return Refusal(f"stays at {order.limit_price}: the last step or no lower price that pays")
    numbers = (
        ("bid", str(quote.bid)),
        ("ask", str(quote.ask)),
        ("step", str(rung.step)),
        ("was", str(order.limit_price)),
    )
    return repriced(order, rung, f"not filled at {order.limit_price}: one step on, to {rung.limit}", numbers)


def _no_longer_wanted(now: Situation, snapshot: Snapshot, order: OwnOrder, right: Right) -> Refusal | None:
    symbol = order.underlying
    if symbol not in now.params.numbers:
        return Refusal(f"{symbol} has left the universe of {now.params.name}")
    refusal = standing_refusal(now, symbol, right) or symbol_refusal(
        snapshot, now.params, symbol, aim_of(now.params.numbers[symbol], right)
    )
    if refusal is not None:
        return refusal
    if right == "call" and _short_of_lots(now, symbol):
        return Refusal("its shares are gone or under another call")
    quote, spot = snapshot.quote_of.get(order.legs[0].symbol), snapshot.spot(symbol)
    if quote is None or spot is None or quote.mid is None:
        return None
    delta = quote.delta
    if delta is None:
        contract = parse_option(quote.symbol)
        delta = delta_from_mid(right, contract.strike, contract.expiry, quote.mid, spot, snapshot.at)[0]
    aim = aim_of(now.params.numbers[symbol], right)
    if delta is not None:
        size = from_float(round(abs(delta), 4))
        if not aim.delta_min - DELTA_DRIFT <= size <= aim.delta_max + DELTA_DRIFT:
            return Refusal(f"delta {size} has left the band {aim.delta_min} to {aim.delta_max}")
    floor, first = _floor(now, snapshot, order, right), sell_limit(quote, 0, ZERO)
    if floor is not None and first is not None and first < floor:
        return Refusal(f"the mid {first} no longer pays the least credit {floor:.2f}")
    return None


def _floor(now: Situation, snapshot: Snapshot, order: OwnOrder, right: Right) -> Decimal | None:
    """Give the least credit a working entry may ask at today's days to expiry; None without a share price."""
    contract, spot = parse_option(order.legs[0].symbol), snapshot.spot(order.underlying)
    if spot is None:
        return None
    numbers = now.params.numbers[order.underlying]
    base = contract.strike if right == "put" else spot
    return credit_floor(numbers, aim_of(numbers, right), base, days_to_expiry(contract.expiry, snapshot.session.day))


def _short_of_lots(now: Situation, symbol: str) -> bool:
    lots = sum((lot.qty for lot in now.usable_lots(symbol)), ZERO)
    usable = min(now.shares.get(symbol, ZERO), lots)
    short = sum(now.short_series(symbol, "call").values(), ZERO)
    return short + now.working_contracts(symbol, "call") > usable // LOT
