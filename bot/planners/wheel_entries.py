"""Selling puts on cash and calls on held lots: what is wanted anew, best first."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.instruments import Right
from bot.domain.money import HUNDRED, SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OrderIntent, leg
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.planners.wheel_candidates import examine
from bot.planners.wheel_room import call_refusal, call_room, put_refusal
from bot.planners.wheel_state import Refusal, Situation
from bot.planners.wheel_survey import Candidate

Found = tuple[list[OrderIntent], list[Note]]


def plan_puts(now: Situation, snapshot: Snapshot) -> Found:
    """Want one put for every symbol that may have one, the highest annualised yield first (C018, C019)."""
    wanted: list[tuple[Candidate, OrderIntent]] = []
    notes: list[Note] = []
    name = now.params.name
    for symbol in sorted(now.params.numbers):
        if now.entry_works(symbol, "put"):
            continue
        refusal = put_refusal(now, symbol)
        if refusal is None:
            survey = examine(snapshot, now.params, symbol, "put")
            best = survey.best
            if best is not None:
                wanted.append((best, _put_intent(now, snapshot, best)))
                continue
            refusal = survey.why_none()
        _say(notes, refusal.note(name, symbol, "put"))
    wanted.sort(key=lambda pair: (-(pair[0].annual_yield or ZERO), pair[0].symbol))
    return [intent for _, intent in wanted], notes


def _say(notes: list[Note], note: Note) -> None:
    """Add a note; what holds for the whole desk is said once."""
    if note.symbol != "*" or note not in notes:
        notes.append(note)


def _put_intent(now: Situation, snapshot: Snapshot, one: Candidate) -> OrderIntent:
    qty = put_size(now, one)
    return OrderIntent(
        strategy=now.params.name, purpose="cash_secured_put", key=f"put-{one.underlying}", underlying=one.underlying,
        legs=(leg(one.symbol, "sell_to_open"),), qty=qty, limit_price=one.limit,
        cycle=open_cycle(now, one.underlying), reason=_sentence(one, qty), numbers=numbers_of(one, snapshot, qty),
    )  # fmt: skip


def put_size(now: Situation, one: Candidate) -> Decimal:
    """Give contracts for one order: `contracts_per_order`, less where caps plainly leave less room, at least 1.

    The gates decide; this only keeps a large order from being refused where a smaller one would pass.
    """
    numbers, limits, counters = now.params.numbers[one.underlying], now.params.limits, now.books.counters
    rooms = [Decimal(numbers.contracts_per_order)]
    today = Decimal(dict(counters.contracts_today).get(one.underlying, 0))
    standing = [now.short_series(one.underlying, right) for right in _RIGHTS]
    short = sum((qty for series in standing for qty in series.values()), ZERO)
    used = (
        (limits.contracts_per_tick, ZERO),
        (limits.contracts_per_symbol_day, today),
        (limits.contracts_per_day, Decimal(counters.contracts_total)),
        (limits.contracts_per_symbol, short),
    )
    rooms += [cap - spent for cap, spent in used if cap is not None]
    if one.collateral > 0:
        shares = [share for share in (limits.symbol_share, limits.order_loss_share) if share is not None]
        rooms += [share * now.account.equity / one.collateral for share in shares]
        rooms.append((now.account.cash - now.collateral) / one.collateral)
    return max(Decimal(1), min(rooms) // 1)


_RIGHTS: tuple[Right, Right] = ("put", "call")


def plan_calls(now: Situation, snapshot: Snapshot) -> Found:
    """Want one call order for every symbol with lots that no call covers (C017)."""
    wanted: list[tuple[Decimal, OrderIntent]] = []
    cancels: list[OrderIntent] = []
    notes: list[Note] = []
    name = now.params.name
    for symbol in sorted(now.params.numbers):
        if now.shares.get(symbol, ZERO) < 1 or now.entry_works(symbol, "call"):
            continue
        refusal = call_refusal(now, symbol)
        if refusal is None:
            room = call_room(now, symbol)
            refusal = room.refusal
        if refusal is None:
            survey = examine(snapshot, now.params, symbol, "call", floor=room.floor)
            best = survey.best
            if best is None:
                refusal = survey.why_none()
            elif room.stops:
                intents, refusal = _free_lot(now, symbol, room.stops[0].client_order_id, best)
                cancels += intents
            else:
                lot = room.lot
                assert lot is not None, "room for a call without a lot"
                wanted.append(
                    (best.annual_yield or ZERO, _call_intent(now, snapshot, best, room.lots, lot.id, lot.cycle))
                )
                continue
        _say(notes, refusal.note(name, symbol, "call"))
    wanted.sort(key=lambda pair: (-pair[0], pair[1].symbol))
    return cancels + [intent for _, intent in wanted], notes


def _free_lot(now: Situation, symbol: str, stop: str, best: Candidate) -> tuple[list[OrderIntent], Refusal]:
    """Cancel a resting stop; the call follows only when a later read shows it gone (wheel 1.14)."""
    if now.halt_rank > 0:
        return [], Refusal(f"halt {now.halt.level}: the stop that rests on this lot stays, so no call")
    cancel = OrderIntent(
        strategy=now.params.name, purpose="cancel_stop", key=f"cancel-{stop}", underlying=symbol, action="cancel",
        replaces=stop, reason=f"a call on this lot ({best.symbol}) goes before its stop",
    )  # fmt: skip
    return [cancel], Refusal("the stop resting on this lot is cancelled first; the call follows when it is gone")


def _call_intent(now: Situation, snapshot: Snapshot, one: Candidate, lots: int, lot: str, cycle: str) -> OrderIntent:
    qty = Decimal(call_size(now, one.underlying, lots))
    return OrderIntent(
        strategy=now.params.name, purpose="covered_call", key=f"call-{lot}", underlying=one.underlying,
        legs=(leg(one.symbol, "sell_to_open"),), qty=qty, limit_price=one.limit, cycle=cycle, lot=lot,
        reason=_sentence(one, qty), numbers=numbers_of(one, snapshot, qty),
    )  # fmt: skip


def call_size(now: Situation, symbol: str, lots: int) -> int:
    """Give contracts for one call order: the free lots, less where pacing plainly leaves less, at least 1."""
    limits, counters = now.params.limits, now.books.counters
    today = dict(counters.contracts_today).get(symbol, 0)
    used = ((limits.contracts_per_tick, 0), (limits.contracts_per_symbol_day, today),
            (limits.contracts_per_day, counters.contracts_total))  # fmt: skip
    return max(1, min([lots, *(int(cap) - spent for cap, spent in used if cap is not None)]))


def open_cycle(now: Situation, symbol: str) -> str:
    """Give the id of the symbol's open cycle, or nothing: settlement then opens one."""
    mine = [one for one in now.books.cycles if one.symbol == symbol and one.closed_at is None]
    mine = [one for one in mine if one.strategy in (now.params.name, "")]
    return min(mine, key=lambda one: (one.opened_at, one.id)).id if mine else ""


def numbers_of(one: Candidate, snapshot: Snapshot, qty: Decimal) -> tuple[tuple[str, str], ...]:
    """Write down what the planner looked at, for the owner's eyes."""
    pairs: list[tuple[str, str]] = []
    spot = snapshot.spot(one.underlying)
    facts: tuple[tuple[str, Decimal | None, str], ...] = (
        ("spot", spot, "0.01"), ("bid", one.bid, "0.01"), ("ask", one.ask, "0.01"),
        ("spread", one.spread, "0.0001"), ("yield", one.annual_yield, "0.0001"), ("distance", one.distance, "0.0001"),
    )  # fmt: skip
    pairs += [(name, str(value.quantize(Decimal(step)))) for name, value, step in facts if value is not None]
    if one.delta is not None:
        pairs.append(("delta", f"{one.delta:.4f}"))
    pairs += [("delta_source", one.delta_source), ("dte", str(one.dte))]
    if one.volatility is not None:
        pairs.append(("iv", f"{one.volatility:.4f}"))
    if one.open_interest is not None:
        pairs.append(("open_interest", str(one.open_interest)))
    if one.right == "put":
        pairs.append(("collateral", plain(one.collateral * qty)))
    return tuple(pairs)


def _sentence(one: Candidate, qty: Decimal) -> str:
    """Say in one sentence what is sold and why."""
    size = f"delta {one.delta:.3f}" if one.delta is not None else f"{_percent(one.distance)} out of the money"
    pay = _percent(one.annual_yield or ZERO)
    base = (
        f"{plain(one.collateral * qty)} USD set aside"
        if one.right == "put"
        else f"{plain(qty * SHARES_PER_CONTRACT)} shares held"
    )
    return (
        f"sell {plain(qty)} {one.underlying} {one.right} {plain(one.strike)} of {one.expiry} at {one.limit}: "
        f"{size}, {one.dte} days, {pay} a year on {base}"
    )


def _percent(value: Decimal) -> str:
    return f"{value * HUNDRED:.1f} %"
