"""A past history through the same settlement code that books every tick: fills, endings, dividends, fees, splits."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.facts import Fact
from bot.domain.holdings import Account, Activity, Clock, Position
from bot.domain.instruments import is_option, underlying_of
from bot.domain.ledger import Books, Cycle, Halt, Lot, OptionLeg
from bot.domain.money import ZERO
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.engine.history_parts import Part, Reading
from bot.engine.ports import Fill, Memory, Reads
from bot.engine.settle_ledger import FEE_WAIT_DAYS, Ledger, cash_effect
from bot.engine.settle_lines import apply_line

FOREIGN = "foreign"


class Entry(Fact, frozen=True, kw_only=True):
    """One past order that opened something, and the account as it was just before its first fill.

    `cash` in dollars; positions carry the last price at which each traded or was delivered. `reopens` marks the
    opening half of a roll.
    """

    order: OwnOrder
    at: datetime
    cash: Decimal
    positions: tuple[Position, ...]
    lots: tuple[Lot, ...]
    legs: tuple[OptionLeg, ...]
    cycles: tuple[Cycle, ...]
    reopens: bool = False


class Replay(Ledger):
    """The books while the past runs through them; starts from nothing."""

    def __init__(self, account: Account, positions: tuple[Position, ...], reading: Reading, at: datetime) -> None:
        self._blank = Reads(
            clock=Clock(at=at, is_open=False), account=account, positions=positions, orders=(), activities=()
        )
        memory = Memory(books=Books(cash=ZERO), halt=Halt(), activities_since=date.min, orders_since=at)
        super().__init__(self._blank, memory, {})
        self.reading = reading
        self.orders_by_line = {part.line.id: part.order for part in reading.parts if part.order is not None}
        self.rolling: set[str] = set()
        self.entries: list[Entry] = []
        self.quantities: dict[str, Decimal] = dict(reading.before)
        self.prices: dict[str, Decimal] = {}
        self._seen: set[str] = set()
        self._day: date | None = None
        self._day_fills: list[Activity] = []
        self._fees_on: date | None = None
        self._traded_on: dict[str, date] = {}
        self._fees_are_listed = any(part.line.kind == "FEE" for part in reading.parts)
        self._splits: dict[str, list[Activity]] = {}
        for part in reading.parts:
            if part.line.kind == "SPLIT":
                self._splits.setdefault(part.line.group_id, []).append(part.line)

    def order_of(self, line: Activity) -> OwnOrder | None:
        """Find the order a fill was read as."""
        return self.orders_by_line.get(line.id)

    def flat(self, cycle: Cycle) -> bool:
        """Say whether nothing belongs to a cycle any more; between the halves of a roll something does."""
        return cycle.symbol not in self.rolling and super().flat(cycle)

    def run(self) -> None:
        """Book every line, oldest first."""
        for part in self.reading.parts:
            day = new_york_day(part.line.at)
            if day != self._day:
                self.close_over(day)
                self._day = day
            self._book(part, day)
            self._count(part)

    def close_over(self, day: date) -> None:
        """Close the flat cycles that a fee of an earlier day can no longer reach, as the ticks of that day would."""
        self.rolling.clear()
        for symbol, cycle in list(self.cycles.items()):
            if cycle.capital_day is None or not self.flat(cycle):
                continue
            traded = self._traded_on.get(symbol, cycle.capital_day)
            charged = not self._fees_are_listed or (self._fees_on is not None and self._fees_on >= traded)
            if cycle.capital_day < day and (charged or (day - cycle.capital_day).days >= FEE_WAIT_DAYS):
                self.close_cycle(symbol)

    def _book(self, part: Part, day: date) -> None:
        line, order = part.line, part.order
        if line.kind == "FILL" and order is None:
            self._pass_by(line, day)
            return
        if order is not None and order.opens and order.client_order_id not in self._seen:
            self._seen.add(order.client_order_id)
            self.entries.append(self._entry(order, line))
        if line.kind == "FILL":
            self._note_fill(line, day)
        elif line.kind == "FEE":
            self.reads = replace(self._blank, activities=tuple(self._day_fills))
            self._fees_on = new_york_day(self._day_fills[0].at) if self._day_fills else day
        elif line.kind == "SPLIT":
            self.reads = replace(self._blank, activities=tuple(self._splits[line.group_id]))
        apply_line(self, line)
        root = underlying_of(line.symbol)
        if line.id in self.reading.rolled:
            self.rolling.add(root)
        elif line.id in self.reading.reopened:
            self.rolling.discard(root)

    def _pass_by(self, line: Activity, day: date) -> None:
        """Count a fill that nothing of ours is made of: its cash, and that it happened."""
        self.cash += cash_effect(line)
        self._note_fill(line, day)
        self.fills.append(
            Fill(
                execution_id=line.id,
                broker_order_id=line.order_id,
                symbol=line.symbol,
                side="buy" if line.qty > 0 else "sell",
                qty=abs(line.qty),
                price=line.price if line.price is not None else ZERO,
                at=line.at,
                strategy=FOREIGN,
            )
        )

    def _note_fill(self, line: Activity, day: date) -> None:
        """Keep the fills of the last trading day: a fee is shared out over them."""
        if self._day_fills and new_york_day(self._day_fills[0].at) != day:
            self._day_fills.clear()
        self._day_fills.append(line)
        self._traded_on[underlying_of(line.symbol)] = day

    def _entry(self, order: OwnOrder, line: Activity) -> Entry:
        held = tuple(
            Position(symbol=symbol, qty=qty, price=self.prices.get(symbol))
            for symbol, qty in sorted(self.quantities.items())
            if qty
        )
        return Entry(
            order=order,
            at=line.at,
            cash=self.cash,
            positions=held,
            lots=tuple(self.lots),
            legs=tuple(self.legs),
            cycles=tuple(self.cycles.values()),
            reopens=line.id in self.reading.reopened,
        )

    def _count(self, part: Part) -> None:
        line = part.line
        if line.symbol and part.moved:
            self.quantities[line.symbol] = self.quantities.get(line.symbol, ZERO) + part.moved
        if line.kind in ("FILL", "OPTRD") and line.price is not None:
            self.prices[line.symbol] = line.price
        elif line.kind == "SPLIT" and line.price and not is_option(line.symbol) and line.symbol in self.prices:
            self.prices[line.symbol] /= line.price


def replayed(account: Account, positions: tuple[Position, ...], reading: Reading, at: datetime) -> Replay:
    """Run a whole history and close what is flat and complete at its end."""
    replay = Replay(account, positions, reading, at)
    replay.run()
    replay.close_over(new_york_day(at))
    if not account.accrued_fees:
        replay.rolling.clear()
        for symbol, cycle in list(replay.cycles.items()):
            if replay.flat(cycle):
                replay.close_cycle(symbol)
    return replay
