"""What stands against a new put or call before any market data is read, and the lots a call may stand on."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from bot.domain.desk import WheelNumbers
from bot.domain.instruments import Right
from bot.domain.ledger import HALT_RANK, Lot
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import ENTRY_PURPOSES, UNRESOLVED_STATES, OwnOrder
from bot.planners.wheel_state import LOT, Refusal, Situation


def put_refusal(now: Situation, symbol: str) -> Refusal | None:
    """Say what stands against selling a new put on a symbol before any market data is read, or None."""
    return (
        standing_refusal(now, symbol, "put")
        or pacing_refusal(now)
        or _new_entry_refusal(now, symbol, "put")
        or _put_capacity_refusal(now, symbol)
    )


def call_refusal(now: Situation, symbol: str) -> Refusal | None:
    """Say what stands against selling a new call on held lots before any market data is read, or None."""
    return (
        standing_refusal(now, symbol, "call") or pacing_refusal(now) or _new_entry_refusal(now, symbol, "call")
    )  # fmt: skip


def standing_refusal(now: Situation, symbol: str, right: Right) -> Refusal | None:
    """Say what takes an entry back even when it already works: halt, pause, a difference, shares held."""
    limits = now.params.limits
    allowed = limits.covered_calls_under_no_new_risk and right == "call"
    if now.halt_rank >= HALT_RANK["reduce_only"] or (now.halt_rank and not allowed):
        return Refusal(f"halt {now.halt.level}: no {right} is sold", everywhere=True)
    pause = now.pause_on(symbol)
    if pause is not None:
        reason = f"paused until {pause.until:%Y-%m-%d %H:%M} UTC: {pause.reason}"
        return Refusal(reason, everywhere=pause.symbol == "*")
    if symbol in now.unsettled:
        drift = now.unsettled[symbol]
        return Refusal(f"{drift.kind} difference on {drift.symbol}: {drift.what}", drift.broker, drift.ours, "held")
    if right == "call" and now.word_on(symbol) == "close":
        return Refusal("the owner is closing these shares")
    shares = now.shares.get(symbol, ZERO)
    if right == "put" and abs(shares) >= 1 and not now.params.numbers[symbol].put_while_holding:
        return Refusal("shares are held and put_while_holding is off", shares, ZERO, "shares")
    return None


@lru_cache(maxsize=1)
def pacing_refusal(now: Situation) -> Refusal | None:
    """Say what forbids sending any entry or reprice now: the entry window, the day's orders; asked for every symbol."""
    limits, sent = now.params.limits, now.books.counters.orders_today
    window = entry_window_refusal(now)
    if window is not None:
        return window
    if limits.orders_per_day is not None and sent >= limits.orders_per_day:
        return Refusal("the day's orders are used", Decimal(sent), limits.orders_per_day, "orders", everywhere=True)
    return None


def _new_entry_refusal(now: Situation, symbol: str, right: Right) -> Refusal | None:
    limits, working = now.params.limits, now.orders.get(symbol, ())
    for order in working:
        if order.state in UNRESOLVED_STATES:
            return Refusal(f"order {order.client_order_id} is unresolved: nothing new until it is proved")
    if working and any(order.purpose in ENTRY_PURPOSES for order, _ in now.working(symbol, "sell_to_open", right)):
        return Refusal(f"an order to sell a {right} is working")
    if now.rolls and right == "put" and now.rolls_on(symbol, right):
        return Refusal("a roll is in flight: its collateral is spoken for")
    opened, cap = now.opened_today.get(symbol, 0), limits.contracts_per_symbol_day
    if cap is not None and opened >= cap:
        return Refusal("new contracts on this symbol today", Decimal(opened), cap, "contracts")
    total = now.contracts_today
    if limits.contracts_per_day is not None and total >= limits.contracts_per_day:
        return Refusal("new contracts today", total, limits.contracts_per_day, "contracts", everywhere=True)
    return None


def _put_capacity_refusal(now: Situation, symbol: str) -> Refusal | None:
    limits = now.params.limits
    standing = now.short_series(symbol, "put")
    series = Decimal(len(standing)) if standing else ZERO
    if limits.put_series_per_symbol is not None and series >= limits.put_series_per_symbol:
        return Refusal("short put series on this symbol", series, limits.put_series_per_symbol, "series")
    total = now.put_series
    if limits.put_series_total is not None and total >= limits.put_series_total:
        return Refusal("short put series in all", total, limits.put_series_total, "series", everywhere=True)
    contracts = sum(standing.values(), ZERO) if standing else ZERO
    if limits.contracts_per_symbol is not None and contracts >= limits.contracts_per_symbol:
        return Refusal("short contracts on this symbol", contracts, limits.contracts_per_symbol, "contracts")
    most = limits.open_underlyings
    if most is not None and symbol not in now.underlyings and len(now.underlyings) >= most:
        count = Decimal(len(now.underlyings))
        return Refusal("underlyings held or shorted", count, most, "underlyings", everywhere=True)
    cap = now.put_collateral_cap
    if cap is not None and now.collateral >= cap:
        return Refusal("collateral of short puts", now.collateral, cap, "usd", everywhere=True)
    return None


def entry_window_refusal(now: Situation) -> Refusal | None:
    """Say when the clock stands outside the entry window."""
    limits = now.params.limits
    since, left = now.minutes_since_open, now.minutes_to_close
    if limits.entry_after_open_minutes is not None and since < limits.entry_after_open_minutes:
        return Refusal(
            "too soon after the open", round(since, 1), limits.entry_after_open_minutes, "minutes", everywhere=True
        )
    if limits.entry_before_close_minutes is not None and left < limits.entry_before_close_minutes:
        return Refusal(
            "too near the close", round(left, 1), limits.entry_before_close_minutes, "minutes", everywhere=True
        )
    return None


class CallRoom(NamedTuple):
    """Lots a call may be written on now: how many, the floor, the lot that sets it, stops to cancel first."""

    lots: int
    floor: Decimal | None = None
    lot: Lot | None = None
    stops: tuple[OwnOrder, ...] = ()
    refusal: Refusal | None = None


def call_room(now: Situation, symbol: str) -> CallRoom:
    """Find the lots of a symbol that no call covers, no roll reserves and no other owner claims.

    The floor is the highest basis among the lots the next order would stand on, oldest first, by `call_floor`;
    an unknown one refuses (wheel 1.3). `covered_call_cap` bounds the lots under calls, rounded down.
    """
    numbers = now.params.numbers[symbol]
    held = now.shares.get(symbol, ZERO)
    lots = now.usable_lots(symbol)
    usable = min(held, sum((lot.qty for lot in lots), ZERO))
    if usable < LOT:
        if held >= LOT:
            return CallRoom(0, refusal=Refusal("these shares are not the wheel's: adopt them", usable, held, "shares"))
        return CallRoom(0, refusal=Refusal("fewer than 100 shares", usable, SHARES_PER_CONTRACT, "shares"))
    short = sum(now.short_series(symbol, "call").values(), ZERO)
    taken = int(short + now.working_contracts(symbol, "call") + now.roll_contracts(symbol, "call"))
    whole = int(usable // LOT)
    capped = int(whole * numbers.covered_call_cap)
    if capped - taken < 1:
        what = "every lot is under a call" if whole <= taken else "covered_call_cap leaves these lots free of calls"
        return CallRoom(0, refusal=Refusal(what, Decimal(taken), Decimal(capped), "lots"))
    sold = sum((order.remaining for order, _ in now.working(symbol, "sell_to_close", None)), ZERO)
    stops = tuple(one for one, _ in now.working(symbol, "sell_to_close", None) if one.purpose == "trailing_stop")
    unclaimed = int((held - sold) // LOT) - taken
    if unclaimed < 1 and not (stops and now.params.protect_wheel_lots):
        return CallRoom(0, refusal=Refusal("orders to sell these shares are resting", sold, held, "shares"))
    count = min(capped - taken, numbers.contracts_per_order)
    count = count if unclaimed < 1 else min(count, unclaimed)
    under = _lots_under(lots, taken, count)
    known = [(basis, lot) for lot in under if (basis := floor_basis(lot, numbers)) is not None]
    if len(known) < len(under):
        return CallRoom(0, refusal=Refusal(f"the {numbers.call_floor} basis of a lot is unknown: no call on it"))
    floor, lot = max(known, key=lambda pair: pair[0])
    return CallRoom(count, floor, lot, stops if unclaimed < 1 else ())


def _lots_under(lots: list[Lot], taken: int, count: int) -> list[Lot]:
    """List the lots that the next `count` contracts would stand on, oldest first, past those taken."""
    first, last = Decimal(taken * LOT), Decimal((taken + count) * LOT)
    found: list[Lot] = []
    start = ZERO
    for lot in lots:
        if start < last and start + lot.qty > first:
            found.append(lot)
        start += lot.qty
    return found


def floor_basis(lot: Lot, numbers: WheelNumbers) -> Decimal | None:
    """Give the basis that `call_floor` names (wheel 1.3)."""
    if numbers.call_floor == "strike":
        return lot.basis_strike
    return lot.basis_tax if numbers.call_floor == "tax" else lot.basis_wheel
