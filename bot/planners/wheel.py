"""The wheel: puts on cash, calls on assigned shares, exits and rolls; the phase is read, never remembered.

Files beside this one: `wheel_state` (what stands where), `wheel_candidates` (what may be sold), `wheel_entries`,
`wheel_working`, `wheel_exits`, `wheel_rolls`, `wheel_ladder` (limits), `wheel_events` (dividends, earnings),
`wheel_delta`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from bot.domain.desk import WheelParams
from bot.domain.instruments import Right
from bot.domain.ledger import HALT_RANK, OptionLeg
from bot.domain.market import ChainRequest, EventsRequest, QuotesRequest, Request
from bot.domain.money import CENT, ZERO
from bot.domain.sessions import days_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Plan, Planner
from bot.planners.wheel_candidates import candidates
from bot.planners.wheel_entries import plan_calls, plan_puts
from bot.planners.wheel_events import EX_DATE_EXIT_MINUTES
from bot.planners.wheel_exit_rules import LADDER_MINUTES
from bot.planners.wheel_exits import plan_exits
from bot.planners.wheel_rolls import plan_openings, roll_refusal
from bot.planners.wheel_room import call_refusal, call_room, put_refusal
from bot.planners.wheel_state import Situation, situation_of
from bot.planners.wheel_survey import Candidate
from bot.planners.wheel_working import plan_working

__all__ = ["PLANNER", "Candidate", "candidates", "needs", "plan"]

HALF = Decimal("0.5")


def needs(holdings: Holdings, params: WheelParams, at: datetime) -> tuple[Request, ...]:
    """Ask for what this tick can act on: quotes of what is held or worked, chains only where something may be written.

    Nothing outside the session. One chain request for each underlying and right, wide enough for entry and roll;
    in a follow-up only where an exit may want to roll.
    """
    if not holdings.session.is_open:
        return ()
    now = Situation(holdings, params, at)
    windows = _Windows()
    prices = {held.position.symbol: held.position.price for held in holdings.positions}
    for symbol in sorted(params.numbers) if not holdings.follow_up else ():
        if put_refusal(now, symbol) is None:
            windows.put(now, symbol)
        if now.shares.get(symbol, ZERO) >= 1 and call_refusal(now, symbol) is None:
            room = call_room(now, symbol)
            if room.refusal is None:
                windows.call(now, symbol, room.floor, prices.get(symbol))
    legs = now.legs()
    for one in legs:
        if _may_roll(now, one):
            windows.roll(one.underlying, one.right, params.numbers[one.underlying].roll_dte_max)
    for roll in now.rolls:
        known = roll.strategy == params.name and roll.underlying in params.numbers
        waits = roll.stage == "opening" and roll.ticks_left > 0 and not holdings.follow_up
        if waits and known and now.halt_rank == 0:
            windows.roll(roll.underlying, roll.right, params.numbers[roll.underlying].roll_dte_max)
    mine = [order for orders in now.orders.values() for order in orders if order.strategy == params.name]
    watched = {symbol for symbol, _ in windows.found} | {one.underlying for one in legs}
    watched |= {order.underlying for order in mine}
    quotes = watched | {one.symbol for one in legs} | {leg.symbol for order in mine for leg in order.legs}
    quotes |= {symbol for symbol in params.numbers if symbol in now.shares}
    if not quotes:
        return ()
    asked: list[Request] = [QuotesRequest(symbols=tuple(sorted(quotes)))]
    if watched:
        asked.append(EventsRequest(symbols=tuple(sorted(watched))))
    return (*asked, *windows.requests())


def plan(snapshot: Snapshot, params: WheelParams) -> Plan:
    """Want exits first, then rolls' opening legs, working entries carried on, calls, puts; best first in each.

    A follow-up wants exits and reprices only (design 14): no entry, and no opening leg that is not working already.
    """
    if not snapshot.session.is_open:
        reason = f"the market is closed; next session {snapshot.session.day} at {snapshot.session.open_at:%H:%M} UTC"
        return Plan(notes=(Note(strategy=params.name, symbol="*", subject="session", reason=reason),))
    now = situation_of(snapshot, params)
    if now.halt_rank >= HALT_RANK["stop"]:
        reason = f"halt stop by {now.halt.author or 'unknown'}: {now.halt.reason}"
        return Plan(notes=(Note(strategy=params.name, symbol="*", subject="halt", reason=reason),))
    wanting = (plan_exits, plan_openings, plan_working)
    parts = [part(now, snapshot) for part in (wanting if snapshot.follow_up else (*wanting, plan_calls, plan_puts))]
    return Plan(
        intents=tuple(intent for intents, _ in parts for intent in intents),
        notes=tuple(note for _, notes in parts for note in notes),
    )


def _may_roll(now: Situation, one: OptionLeg) -> bool:
    """Say whether a leg may want to roll in this tick; whether it is in the money is not known yet."""
    numbers, word = now.params.numbers[one.underlying], now.word_on(one.symbol)
    if word == "close" or roll_refusal(now, one, word) is not None:
        return False
    dte, left = days_to_expiry(one.expiry, now.session.day), now.minutes_to_close
    if dte == 0:
        rule = numbers.itm_at_expiry_put if one.right == "put" else numbers.itm_at_expiry_call
        out = now.params.limits.expiry_out_minutes or ZERO
        return rule == "roll" and word != "let_assign" and out <= left <= out + LADDER_MINUTES
    if one.right == "put":
        return word == "" and numbers.put_roll_dte is not None and dte <= numbers.put_roll_dte
    return numbers.ex_date_exit == "roll" and left <= EX_DATE_EXIT_MINUTES


class _Windows:
    """Chain windows by underlying and right, joined where entry and roll both want one."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, Right], tuple[int, int, Decimal, Decimal]] = {}

    def put(self, now: Situation, symbol: str) -> None:
        """Ask for the put window: 80 % of spot to spot, wider for small deltas and long expiries."""
        numbers = now.params.numbers[symbol]
        low = Decimal("0.80") if numbers.put_delta_min >= Decimal("0.15") else Decimal("0.75")
        low -= Decimal("0.10") if numbers.put_dte_max > 60 else ZERO
        high = Decimal(1) if numbers.put_delta_max <= HALF else Decimal("1.10")
        self._join(symbol, "put", numbers.put_dte_min, numbers.put_dte_max, low, high)

    def call(self, now: Situation, symbol: str, floor: Decimal | None, price: Decimal | None) -> None:
        """Ask for the call window: spot to 125 %, from the floor where that is higher."""
        numbers = now.params.numbers[symbol]
        low = Decimal(1) if numbers.call_delta_max <= HALF else Decimal("0.90")
        high = Decimal("1.25") if numbers.call_dte_max <= 60 else Decimal("1.35")
        if floor is not None and price is not None and price > 0:
            # The last price may lag: two points of slack keep a strike at the floor inside the window.
            low = max(low, (floor / price - Decimal("0.02")).quantize(CENT, ROUND_FLOOR))
        high = max(high, low + Decimal("0.15"))
        self._join(symbol, "call", numbers.call_dte_min, numbers.call_dte_max, low, high)

    def roll(self, symbol: str, right: Right, dte_max: int) -> None:
        """Ask for where a leg in the money can roll to."""
        low, high = ("0.80", "1.40") if right == "put" else ("0.60", "1.20")
        self._join(symbol, right, 1, dte_max, Decimal(low), Decimal(high))

    def _join(self, symbol: str, right: Right, first: int, last: int, low: Decimal, high: Decimal) -> None:
        old = self.found.get((symbol, right))
        if old is not None:
            first, last, low, high = min(old[0], first), max(old[1], last), min(old[2], low), max(old[3], high)
        self.found[(symbol, right)] = (first, last, low, high)

    def requests(self) -> tuple[ChainRequest, ...]:
        """Give the requests in a fixed order."""
        return tuple(
            ChainRequest(
                underlying=symbol, right=right, dte_min=first, dte_max=last, moneyness_min=low, moneyness_max=high
            )
            for (symbol, right), (first, last, low, high) in sorted(self.found.items())
        )


PLANNER = Planner(kind="wheel", params=WheelParams, needs=needs, plan=plan)
