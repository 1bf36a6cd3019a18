"""Rolls: buying back a short option and selling a later one, two orders across ticks under one budget (wheel 1.5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from bot.domain.instruments import Right, parse_option
from bot.domain.ledger import OptionLeg, Roll
from bot.domain.market import Chain, Offer, Quote, Slab
from bot.domain.money import CENT, SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.sessions import days_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.domain.wheelmath import ladder_limit, option_fees, roll_credit_needed, spread_passes
from bot.planners.wheel_delta import anomaly
from bot.planners.wheel_events import earnings_before, earnings_unknown
from bot.planners.wheel_ladder import may_move, next_rung, repriced, withdrawn
from bot.planners.wheel_state import Refusal, Situation
from bot.planners.wheel_survey import aim_of


class Opening(NamedTuple):
    """The series a roll would open, its first limit and the credit it must pay."""

    offer: Offer
    limit: Decimal
    needed: Decimal
    dte: int


def needed_estimate(quote: Quote, qty: Decimal, net_min: Decimal) -> Decimal | None:
    """Estimate the credit a roll needs before it starts: the ask, both legs' fees and the minimum, per share."""
    if quote.ask is None or quote.ask <= 0:
        return None
    fees = option_fees(qty, sell=False) + option_fees(qty, sell=True)
    return roll_credit_needed(quote.ask * SHARES_PER_CONTRACT * qty + fees, net_min, qty)


def roll_refusal(now: Situation, one: OptionLeg, word: str) -> Refusal | None:
    """Say what forbids starting a roll of a leg: the halt, the owner's word, the count of rolls."""
    numbers = now.params.numbers[one.underlying]
    if now.halt_rank > 0:
        return Refusal(f"halt {now.halt.level}: no roll starts")
    if word in ("no_roll", "hold", "let_assign"):
        return Refusal(f"the owner said {word}")
    if one.rolls >= numbers.rolls_max:
        most = Decimal(numbers.rolls_max)
        return Refusal("this chain has been rolled as often as allowed", Decimal(one.rolls), most, "rolls")
    return None


def find_opening(
    now: Situation,
    snapshot: Snapshot,
    symbol: str,
    right: Right,
    old_strike: Decimal,
    old_expiry: date,
    needed: Decimal,
) -> Opening | Refusal:
    """Find the nearest later expiry and there the lowest allowed strike whose first limit pays `needed` per share.

    Not above the old strike for a put, not below it for a call. Delta band and minimum yield do not bind;
    standard contracts, spread, open interest and earnings do.
    """
    chain = snapshot.chain_of.get((symbol, right))
    numbers = now.params.numbers[symbol]
    if chain is None:
        return Refusal(f"no {right} chain was read, so no series to roll into is known")
    aim, events, info = aim_of(numbers, right), snapshot.events_of.get(symbol), now.params.universe.get(symbol)
    unknown = earnings_unknown(events, info) if aim.earnings_avoided else None
    if unknown is not None:
        return unknown
    today, best = snapshot.session.day, ZERO
    for slab in sorted(chain.slabs, key=lambda one: one.expiry):
        dte = days_to_expiry(slab.expiry, today)
        if slab.expiry <= old_expiry or dte < 1 or dte > numbers.roll_dte_max:
            continue
        if aim.earnings_avoided and earnings_before(events, info, today, slab.expiry) is not None:
            continue
        found, paid = _lowest_that_pays(now, chain, slab, right, old_strike, needed)
        if found is not None:
            return Opening(found, paid, needed, dte)
        best = max(best, paid)
    reason = f"no {right} within {numbers.roll_dte_max} days pays the roll: best credit against the credit needed"
    return Refusal(reason, best, needed.quantize(CENT), "usd")


def _lowest_that_pays(
    now: Situation, chain: Chain, slab: Slab, right: Right, old_strike: Decimal, needed: Decimal
) -> tuple[Offer | None, Decimal]:
    """Walk one expiry from its lowest allowed strike; give the first that pays with its limit, or the best limit."""
    limits, bound = now.params.limits, int(old_strike * 1000)
    best = ZERO
    for row, strike in enumerate(slab.strikes):
        if (strike > bound) if right == "put" else (strike < bound):
            continue
        # A limit is the mid rounded up by a dime at most: a row that cannot beat the best so far needs no exact look.
        if slab.bids[row] <= 0 or (slab.bids[row] + slab.asks[row]) / 2 + 10 < float(best) * 100:
            continue
        offer = chain.offer(slab, row)
        if not _usable(now, offer, limits.open_interest_min):
            continue
        assert offer.bid is not None
        assert offer.ask is not None
        limit = ladder_limit(chain.underlying, offer.bid, offer.ask, 0, sell=True, penny=offer.penny)
        best = max(best, limit)
        if limit >= needed:
            return offer, limit
    return None, best


def _usable(now: Situation, offer: Offer, interest_min: Decimal | None) -> bool:
    limits = now.params.limits
    if not offer.standard or offer.underlying[-1:].isdigit():
        return False
    if not spread_passes(offer.bid, offer.ask, limits.option_spread_fraction, limits.option_spread_absolute):
        return False
    if interest_min is not None and (offer.open_interest or 0) < interest_min:
        return False
    return anomaly(offer.volatility) is None


def plan_openings(now: Situation, snapshot: Snapshot) -> tuple[list[OrderIntent], list[Note]]:
    """Want the opening leg of every roll of this strategy whose buy-back has filled."""
    intents: list[OrderIntent] = []
    notes: list[Note] = []
    alive = {roll.id for roll in now.rolls}
    for orders in now.orders.values():
        for order in orders:
            mine = order.purpose == "roll_open" and order.strategy == now.params.name and order.roll not in alive
            if mine and order.state == "working" and order.status != "pending_cancel":
                intents.append(withdrawn(order, "the roll it serves has ended: its opening leg is dropped"))
    for roll in sorted(now.rolls, key=lambda one: (one.started_at, one.id)):
        if roll.stage != "opening" or roll.strategy != now.params.name or roll.underlying not in now.params.numbers:
            continue
        found = _plan_opening(now, snapshot, roll)
        if isinstance(found, Refusal):
            notes.append(found.note(now.params.name, roll.underlying, "roll"))
        else:
            intents.append(found)
    return intents, notes


def _plan_opening(now: Situation, snapshot: Snapshot, roll: Roll) -> OrderIntent | Refusal:
    numbers = now.params.numbers[roll.underlying]
    needed = roll_credit_needed(roll.budget, numbers.roll_net_min, roll.qty)
    working = next((one for one in now.orders.get(roll.underlying, ()) if one.roll == roll.id and one.opens), None)
    if now.halt_rank > 0:
        if working is not None and working.state == "working" and working.status != "pending_cancel":
            return withdrawn(working, f"halt {now.halt.level}: a roll in flight drops its opening leg")
        return Refusal(f"halt {now.halt.level}: the roll of {roll.old_symbol} drops its opening leg")
    if working is not None:
        return _follow_opening(snapshot, roll, working, needed)
    if roll.ticks_left <= 0:
        return Refusal(
            f"the roll of {roll.old_symbol} is abandoned: its ticks are used up", ZERO, Decimal(numbers.roll_ticks_max),
            "ticks",
        )  # fmt: skip
    if snapshot.follow_up:
        return Refusal(f"follow-up {snapshot.follow_up}: the roll of {roll.old_symbol} opens in the next slot")
    old_expiry = parse_option(roll.old_symbol).expiry
    found = find_opening(now, snapshot, roll.underlying, roll.right, roll.old_strike, old_expiry, needed)
    if isinstance(found, Refusal):
        budget = f"budget {plain(roll.budget)} USD for {plain(roll.qty)}, {roll.ticks_left} ticks left"
        return found._replace(reason=f"roll of {roll.old_symbol} ({budget}): {found.reason}")
    one = found.offer
    return OrderIntent(
        strategy=now.params.name, purpose="roll_open", key=roll.id, underlying=roll.underlying,
        legs=(leg(one.symbol, "sell_to_open"),), qty=roll.qty, limit_price=found.limit, cycle=roll.cycle, roll=roll.id,
        roll_ticks_max=numbers.roll_ticks_max, lot=_lot_under(now, roll),
        reason=f"roll {roll.old_symbol} into {one.symbol} at {found.limit}: it must pay {plain(needed)} a share",
        numbers=opening_numbers(found, snapshot),
    )  # fmt: skip


def _lot_under(now: Situation, roll: Roll) -> str:
    """Name the lot a rolled call stands on: the oldest of its cycle."""
    if roll.right == "put":
        return ""
    lots = now.usable_lots(roll.underlying)
    same = [lot for lot in lots if lot.cycle == roll.cycle] or lots
    return same[0].id if same else ""


def _follow_opening(snapshot: Snapshot, roll: Roll, order: OwnOrder, needed: Decimal) -> OrderIntent | Refusal:
    quote = snapshot.quote_of.get(order.legs[0].symbol)
    stays = Refusal(f"the opening leg of the roll of {roll.old_symbol} is working at {order.limit_price}")
    if quote is None or not may_move(order, snapshot):
        return stays
    rung = next_rung(order, quote, sell=True, credit_min=needed)
    if rung is None:
        return stays
    return repriced(order, rung, f"reprice the roll's opening leg to {rung.limit}, never below {plain(needed)}")


def opening_numbers(found: Opening, snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """Write down what a roll looked at."""
    one = found.offer
    pairs = [("into", one.symbol), ("needed", plain(found.needed)), ("credit", plain(found.limit))]
    pairs += [("dte", str(found.dte)), ("strike", plain(one.strike))]
    spot = snapshot.spot(one.underlying)
    if spot is not None:
        pairs.append(("spot", plain(spot)))
    if one.delta is not None:
        pairs.append(("delta", f"{one.delta:.4f}"))
    return tuple(pairs)
