"""Getting out of short options: one exit per position and tick, the first rule that matches (wheel 1.6)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from bot.domain.instruments import is_standard_root
from bot.domain.ledger import OptionLeg
from bot.domain.money import ZERO, plain
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.sessions import days_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.domain.wheelmath import share_of_profit
from bot.planners.wheel_exit_rules import Match, View, matches_of, note_on
from bot.planners.wheel_ladder import Rung, buy_limit, may_move, next_rung, withdrawn
from bot.planners.wheel_rolls import Opening, find_opening, needed_estimate, opening_numbers, roll_refusal
from bot.planners.wheel_state import Refusal, Situation

RESTING = frozenset({"take_profit", "time_exit"})
"""Exits whose resting limit is worth its fill even when the rule no longer matches."""


class Decision(NamedTuple):
    """What the first match comes to: its purpose, why, and the series rolled into, if it is a roll."""

    match: Match
    opening: Opening | None = None


def plan_exits(now: Situation, snapshot: Snapshot) -> tuple[list[OrderIntent], list[Note]]:
    """Want at most one exit, reprice or cancellation for every short leg of this strategy."""
    intents: list[OrderIntent] = []
    notes: list[Note] = []
    left: dict[str, Decimal] = {}
    for series in now.short.values():
        left.update(series)
    foreign = {one.symbol for order in snapshot.foreign_orders for one in order.legs if one.side == "buy"}
    for one in now.legs():
        qty = min(-one.qty, left.get(one.symbol, ZERO))
        left[one.symbol] = left.get(one.symbol, ZERO) - qty
        refusal = _standing_refusal(now, snapshot, one, qty, one.symbol in foreign)
        if refusal is not None:
            notes.append(refusal.note(now.params.name, one.underlying, one.symbol))
            continue
        quote = snapshot.quote_of[one.symbol]
        dte = days_to_expiry(one.expiry, snapshot.session.day)
        view = View(now, snapshot, one, qty, quote, snapshot.spot(one.underlying), now.word_on(one.symbol), dte)
        intent, said = _plan_leg(view)
        intents += [intent] if intent is not None else []
        notes += said
    return intents, notes


def _standing_refusal(
    now: Situation, snapshot: Snapshot, one: OptionLeg, qty: Decimal, foreign: bool
) -> Refusal | None:
    """Say why a leg cannot be judged or touched at all."""
    if qty <= 0:
        return Refusal("the broker shows no such short position", ZERO, -one.qty, "contracts")
    if foreign:
        return Refusal("an order that is not ours already buys it back")
    if not is_standard_root(one.symbol) and now.word_on(one.symbol) != "close":
        return Refusal("an adjusted contract is frozen: only a person closes it")
    quote = snapshot.quote_of.get(one.symbol)
    if quote is None or quote.ask is None or quote.ask <= 0:
        return Refusal("no offer to buy it back from: nothing can be judged")
    return None


def _plan_leg(view: View) -> tuple[OrderIntent | None, list[Note]]:
    notes: list[Note] = []
    if view.spot is None:
        notes.append(note_on(view, "the share has no price: whether it is in the money is unknown"))
    matches = matches_of(view, notes)
    decision: Decision | None = None
    for place, match in enumerate(matches):
        decision = _decide(view, match, notes)
        if decision is not None:
            over = decision.match.purpose
            notes += [
                note_on(view, f"{other.purpose} overruled by {over}: {other.reason}", other)
                for other in matches[place + 1 :]
            ]
            break
    working = _working_on(view)
    if working is not None:
        return _follow(view, working, decision, notes), notes
    if decision is None:
        return None, notes
    limit = buy_limit(view.quote, decision.match.step)
    if limit is None:
        notes.append(note_on(view, "bid and ask are crossed: no price to close at"))
        return None, notes
    return _closing(view, decision, limit, decision.match.step, view.qty), notes


def _decide(view: View, match: Match, notes: list[Note]) -> Decision | None:
    """Settle one match: a roll needs a series that pays it now, else its fallback stands, or nothing."""
    if match.purpose != "roll_close":
        return Decision(match)
    one, numbers = view.one, view.now.params.numbers[view.one.underlying]
    refusal = roll_refusal(view.now, one, view.word)
    found: Opening | Refusal
    needed = needed_estimate(view.quote, view.qty, numbers.roll_net_min)
    if refusal is not None:
        found = refusal
    elif needed is None:
        found = Refusal("no offer to buy it back from")
    else:
        found = find_opening(view.now, view.snapshot, one.underlying, one.right, one.strike, one.expiry, needed)
    if isinstance(found, Opening):
        return Decision(match, found)
    notes.append(found.note(view.now.params.name, one.underlying, one.symbol))
    if match.fallback is not None:
        return Decision(match._replace(purpose=match.fallback, reason=f"{match.reason}; no roll: {found.reason}"))
    return None


def _working_on(view: View) -> OwnOrder | None:
    """Find the live order of ours that buys this leg back."""
    for order, one in view.now.working(view.one.underlying, "buy_to_close", view.one.right):
        if one.symbol == view.one.symbol and order.key in (view.one.id, ""):
            return order
    return None


def _follow(view: View, order: OwnOrder, decision: Decision | None, notes: list[Note]) -> OrderIntent | None:
    """Carry a working exit on: reprice it, hand it to a rule that goes before, or withdraw it."""
    if order.state != "working":
        notes.append(note_on(view, f"order {order.client_order_id} is {order.state}: nothing beside it"))
        return None
    if order.status == "pending_cancel":
        notes.append(note_on(view, f"{order.purpose} is being cancelled"))
        return None
    if decision is None:
        if order.purpose in RESTING and view.word != "hold":
            notes.append(note_on(view, f"{order.purpose} rests at {order.limit_price}: still worth its fill"))
            return None
        if order.purpose == "expiry_close" and view.in_the_money and view.word != "let_assign":
            notes.append(note_on(view, f"{order.purpose} rests at {order.limit_price} past its deadline"))
            return None
        if order.purpose != "premium_stop":
            return withdrawn(order, f"the reason for {order.purpose} is gone")
        decision = Decision(Match("premium_stop", "the stop has fired and is followed to its fill"))
    if not may_move(order, view.snapshot):
        return None
    rung = next_rung(order, view.quote, sell=False)
    forced = buy_limit(view.quote, decision.match.step) if decision.match.step > order.step else None
    if forced is not None and order.limit_price is not None and forced > order.limit_price:
        rung = Rung(decision.match.step, forced)
    if rung is None and decision.match.purpose != order.purpose and order.limit_price is not None:
        rung = Rung(order.step, order.limit_price)
    if rung is None:
        notes.append(note_on(view, f"{order.purpose} stays at {order.limit_price}: the last step or no better price"))
        return None
    return _closing(view, decision, rung.limit, rung.step, min(order.remaining, view.qty), order)


def _closing(
    view: View, decision: Decision, limit: Decimal, step: int, qty: Decimal, replaced: OwnOrder | None = None
) -> OrderIntent:
    one, match = view.one, decision.match
    rolls = match.purpose == "roll_close"
    ticks = view.now.params.numbers[one.underlying].roll_ticks_max if rolls else 0
    numbers = _numbers(view)
    if decision.opening is not None:
        numbers += tuple((f"roll_{name}", text) for name, text in opening_numbers(decision.opening, view.snapshot))
    return OrderIntent(
        strategy=view.now.params.name, purpose=match.purpose, key=one.id, underlying=one.underlying,
        legs=(leg(one.symbol, "buy_to_close"),), qty=qty, limit_price=limit, step=step, cycle=one.cycle,
        replaces="" if replaced is None else replaced.client_order_id, roll=f"roll-{one.id}" if rolls else "",
        roll_ticks_max=ticks, numbers=numbers,
        reason=f"buy back {plain(qty)} {one.symbol} at {limit}: {match.reason}{_against(match)}",
    )  # fmt: skip


def _against(match: Match) -> str:
    if match.value is None or match.limit is None:
        return ""
    return f" ({plain(round(match.value, 4))} against {plain(round(match.limit, 4))} {match.unit})"


def _numbers(view: View) -> tuple[tuple[str, str], ...]:
    share = share_of_profit(view.one.credit, view.quote.ask)
    facts = (
        ("spot", view.spot), ("strike", view.one.strike), ("bid", view.quote.bid), ("ask", view.quote.ask),
        ("credit", view.one.credit), ("profit_share", None if share is None else round(share, 4)),
        ("dte", Decimal(view.dte)), ("rolls", Decimal(view.one.rolls)),
    )  # fmt: skip
    return tuple((name, plain(value)) for name, value in facts if value is not None)
