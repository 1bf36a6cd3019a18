"""The books while a settlement works on them: mutable inside, facts outside.

One cycle is open for an underlying at a time. It is flat when no lot, leg or roll belongs to it; a flat one is
closed by the next opening fill, or as soon as no fee of it can be outstanding.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, underlying_of
from bot.domain.ledger import Books, Cycle, Lot, OptionLeg, Roll
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.domain.wheelmath import collateral, wheel_basis
from bot.engine.ports import Fill, LegEnd, LotEnd, Memory, Reads
from bot.engine.settle_books import Subledgers

EIGHT_PLACES = Decimal("0.00000001")
MOVING_KINDS = frozenset({"FILL", "OPASN", "OPEXC", "OPEXP"})
FEE_WAIT_DAYS = 4


def tidy(value: Decimal) -> Decimal:
    """Cut a quotient to eight decimals; what is exact stays as it is.

    >>> str(tidy(Decimal(10) / 3)), str(tidy(Decimal("48.80")))
    ('3.33333333', '48.80')
    """
    exponent = value.as_tuple().exponent
    return value.quantize(EIGHT_PLACES) if isinstance(exponent, int) and exponent < -8 else value


def cash_effect(line: Activity) -> Decimal:
    """Give what a line of history does to cash in dollars; a fill without an amount is worked out."""
    if line.kind == "FILL" and line.net_amount == 0 and line.price is not None:
        return -line.qty * line.price * (SHARES_PER_CONTRACT if is_option(line.symbol) else 1)
    return line.net_amount


class Ledger:
    """Everything open and everything that changed, for the length of one settlement."""

    def __init__(self, reads: Reads, memory: Memory, orders: dict[str, OwnOrder]) -> None:
        books = memory.books
        self.reads = reads
        self.memory = memory
        self.orders = orders
        self.cash = books.cash if books.cash is not None else ZERO
        self.lots: list[Lot] = list(books.lots)
        self.legs: list[OptionLeg] = list(books.legs)
        self.cycles: dict[str, Cycle] = {cycle.symbol: cycle for cycle in books.cycles}
        self.rolls: dict[str, Roll] = {roll.id: roll for roll in books.rolls}
        self.fills: list[Fill] = []
        self.leg_ends: list[LegEnd] = []
        self.lot_ends: list[LotEnd] = []
        self.cycles_closed: list[Cycle] = []
        self.rolls_ended: list[Roll] = []
        self.rolls_filled: set[str] = set()
        self.moved_at: dict[str, datetime] = {}
        self.notes: list[str] = []
        self.flow = ZERO
        self.sub = Subledgers(books)
        self._by_broker_id: dict[str, OwnOrder] | None = None
        self._others: dict[str, Decimal] = {}

    def order_of(self, line: Activity) -> OwnOrder | None:
        """Find the order of ours a fill belongs to: by the broker's id, else through the order that shows ours."""
        if self._by_broker_id is None:
            found = {order.broker_order_id: order for order in self.orders.values() if order.broker_order_id}
            for former in self.memory.own_orders:  # one replaced at the broker filled under the id it had before, too
                if former.broker_order_id and former.client_order_id in self.orders:
                    found.setdefault(former.broker_order_id, self.orders[former.client_order_id])
            for shown in self.reads.orders:
                own = self.orders.get(shown.client_order_id)
                if own is not None:
                    found |= dict.fromkeys((shown.broker_order_id, *shown.leg_ids), own)
            self._by_broker_id = found
        return self._by_broker_id.get(line.order_id) if line.order_id else None

    def booked(self, order: OwnOrder, symbol: str) -> Decimal:
        """Count what the history shows as filled of one leg of an order."""
        lines = (line for line in self.reads.activities if line.kind == "FILL" and line.symbol == symbol)
        return sum((abs(line.qty) for line in lines if self.order_of(line) is order), ZERO)

    def others(self, symbol: str) -> Decimal:
        """Give the signed quantity of a symbol that is not ours: what the broker showed beyond our books, moved on.

        While a difference of the symbol stands, what it shows beyond our books may be ours: it counts as that.
        """
        if symbol not in self._others:
            books = self.memory.books
            shown = next((qty for name, qty in books.last_positions if name == symbol), ZERO)
            waits = any(one.symbol == symbol for one in books.drift)
            self._others[symbol] = ZERO if waits else shown - _held(symbol, (*books.lots, *books.legs))
        return self._others[symbol]

    def ours(self, symbol: str) -> Decimal:
        """Give the signed quantity of a symbol in our lots and legs now."""
        return _held(symbol, (*self.lots, *self.legs))

    def move_others(self, symbol: str, change: Decimal) -> None:
        """Let a line move what is not ours, so that the next line of the same reading finds it as it is then."""
        self._others[symbol] = self.others(symbol) + change

    # Cycles

    def flat(self, cycle: Cycle) -> bool:
        """Say whether nothing belongs to a cycle any more."""
        return not (
            any(leg.cycle == cycle.id for leg in self.legs)
            or any(lot.cycle == cycle.id for lot in self.lots)
            or any(roll.cycle == cycle.id for roll in self.rolls.values())
        )

    def cycle_for(self, symbol: str, line: Activity, strategy: str) -> Cycle:
        """Give the cycle an opening fill joins, opening one in a flat symbol (wheel 2.13)."""
        cycle = self.cycles.get(symbol)
        if cycle is not None and self.flat(cycle):
            self.close_cycle(symbol)
            cycle = None
        if cycle is None:
            day = new_york_day(line.at)
            mark = hashlib.sha256(line.id.encode()).hexdigest()[:8]
            cycle = Cycle(
                id=f"{symbol}-{day:%Y%m%d}-{mark}",
                symbol=symbol,
                strategy=strategy,
                opened_at=line.at,
                capital_day=day,
            )
        self.cycles[symbol] = self._with_orphans(cycle)
        return self.cycles[symbol]

    def _with_orphans(self, cycle: Cycle) -> Cycle:
        """Let lots and legs without a cycle (adopted ones) join at what they cost, keeping their wheel basis."""
        for place, leg in enumerate(self.legs):
            if leg.underlying == cycle.symbol and not leg.cycle and leg.owner != "foreign":
                self.legs[place] = replace(leg, cycle=cycle.id)
                paid = -leg.qty * (leg.credit or ZERO) * SHARES_PER_CONTRACT
                cycle = replace(cycle, option_cash=cycle.option_cash + paid, legs=cycle.legs + 1)
        for place, lot in enumerate(self.lots):
            if lot.symbol != cycle.symbol or lot.cycle or lot.owner == "foreign":
                continue
            self.lots[place] = replace(lot, cycle=cycle.id)
            known = lot.basis_tax is not None and lot.basis_wheel is not None
            earned = (lot.basis_tax - lot.basis_wheel) * lot.qty if known else ZERO  # type: ignore[operator]
            cycle = replace(
                cycle,
                share_cash=cycle.share_cash - (lot.basis_strike or ZERO) * lot.qty,
                premium_ended=cycle.premium_ended + earned,
            )
        return cycle

    def close_cycle(self, symbol: str) -> None:
        """Close a flat cycle at the moment its last share or contract left."""
        cycle = self.cycles.pop(symbol)
        self.cycles_closed.append(replace(cycle, closed_at=self._last_moved_at(symbol, cycle)))

    def _last_moved_at(self, symbol: str, cycle: Cycle) -> datetime:
        if symbol in self.moved_at:
            return self.moved_at[symbol]
        seen = self.memory.seen
        moments = (
            line.at
            for line in self.reads.activities
            if line.kind in MOVING_KINDS and underlying_of(line.symbol) == symbol and line.key in seen
        )
        bought_back = (roll.started_at for roll in self.rolls_ended if roll.cycle == cycle.id)
        return max(moments, default=max(bought_back, default=cycle.opened_at))

    def close_flat_cycles(self, today: date) -> None:
        """Close every flat cycle that no outstanding fee can still reach, or that waited long enough."""
        accrued = self.reads.account.accrued_fees
        outstanding = bool(accrued) or self.reads.account.cash != self.cash
        for symbol, cycle in list(self.cycles.items()):
            if not self.flat(cycle):
                continue
            waited = (today - cycle.capital_day).days if cycle.capital_day is not None else FEE_WAIT_DAYS
            if not outstanding or waited >= FEE_WAIT_DAYS:
                self.close_cycle(symbol)

    # Capital and bases

    def capital(self, cycle: Cycle) -> Decimal:
        """Give a cycle's capital now: collateral of its short puts and cost of its shares (wheel 2.13)."""
        puts = (
            collateral(leg.strike, -leg.qty)
            for leg in self.legs
            if leg.cycle == cycle.id and leg.right == "put" and leg.qty < 0
        )
        shares = ((lot.basis_strike or ZERO) * lot.qty for lot in self.lots if lot.cycle == cycle.id)
        return sum(puts, ZERO) + sum(shares, ZERO)

    def accrue(self, symbol: str, day: date) -> None:
        """Add the capital of every day up to (not including) `day`; a flat cycle stands still."""
        cycle = self.cycles.get(symbol)
        if cycle is None or (cycle.capital_day is not None and day <= cycle.capital_day) or self.flat(cycle):
            return
        days = (day - cycle.capital_day).days if cycle.capital_day is not None else 0
        grown = cycle.capital_days + self.capital(cycle) * days
        self.cycles[symbol] = replace(cycle, capital_days=grown, capital_day=day)

    def rebase(self, symbol: str) -> None:
        """Work the wheel basis of a symbol's lots out again (wheel 2.11)."""
        cycle = self.cycles.get(symbol)
        if cycle is None:
            return
        shares = sum((lot.qty for lot in self.lots if lot.cycle == cycle.id), ZERO)
        if shares <= 0:
            return
        earned = cycle.premium_ended + cycle.dividends
        for place, lot in enumerate(self.lots):
            if lot.cycle == cycle.id and lot.basis_tax is not None:
                self.lots[place] = replace(lot, basis_wheel=tidy(wheel_basis(lot.basis_tax, earned, shares)))

    def add_to_cycle(
        self,
        symbol: str,
        *,
        option_cash: Decimal = ZERO,
        share_cash: Decimal = ZERO,
        dividends: Decimal = ZERO,
        fees: Decimal = ZERO,
        premium_ended: Decimal = ZERO,
        legs: int = 0,
        assignments: int = 0,
    ) -> None:
        """Add amounts to the open cycle of a symbol, if there is one."""
        cycle = self.cycles.get(symbol)
        if cycle is not None:
            self.cycles[symbol] = replace(
                cycle,
                option_cash=cycle.option_cash + option_cash,
                share_cash=cycle.share_cash + share_cash,
                dividends=cycle.dividends + dividends,
                fees=cycle.fees + fees,
                premium_ended=cycle.premium_ended + premium_ended,
                legs=cycle.legs + legs,
                assignments=cycle.assignments + assignments,
            )

    def books(self) -> Books:
        """Give the books with everything that happened; cash and positions are checked elsewhere."""
        books = replace(
            self.memory.books,
            lots=tuple(self.lots),
            legs=tuple(self.legs),
            cycles=tuple(self.cycles.values()),
            rolls=tuple(self.rolls.values()),
            cash=self.cash,
        )
        return replace(books, strategies=self.sub.books(books))


def _held(symbol: str, things: tuple[Lot | OptionLeg, ...]) -> Decimal:
    return sum((one.qty for one in things if one.symbol == symbol and one.owner != "foreign"), ZERO)
