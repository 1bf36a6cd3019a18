"""Run the live tick over a span of moments and gather what came of it. Nothing here decides, fills or settles anything.

The world is handed in whole: any broker, market and journal behind the engine's ports. What is gathered while it runs
is small and does not grow with the number of ticks, but by one point a day and one line a trade.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, parse_option
from bot.domain.market import Split
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO
from bot.domain.sessions import Session
from bot.engine.ports import Book, LegEnd, LotEnd, TickResult, World
from bot.engine.tick import tick
from bot.research.facts import DayPoint, RunFacts, Trade

Shown = Callable[[TickResult], None]
_SERIES = re.compile(r"\b[A-Z.]{1,6}\d{6}[CP]\d{8}\b")
_NAMED = re.compile(rf" {_SERIES.pattern}:")
_NUMBER = re.compile(r"\d[\d.,]*\d|\d")


class Span(NamedTuple):
    """When to tick: the sessions, how far apart, and where in a session the first and last tick may stand."""

    sessions: tuple[Session, ...]
    step: timedelta = timedelta(minutes=15)
    daily_minutes: int = 30
    """A daily step ticks once a session, so many minutes before its close."""
    at_open: bool = False
    """A daily step ticks at each session's open instead: where only whole days are known, yesterday's is the newest."""

    known: tuple[datetime, datetime] | None = None
    """The first and last moment of which there is data; None is always. None before or after them ticks."""

    def moments(self) -> Iterator[datetime]:
        """Give every moment, oldest first."""
        if self.known is None:
            yield from self._every()
            return
        first, last = self.known
        yield from (at for at in self._every() if first <= at <= last)

    def _every(self) -> Iterator[datetime]:
        for session in self.sessions:
            if self.step >= timedelta(days=1):
                late = max(session.open_at, session.close_at - timedelta(minutes=self.daily_minutes))
                yield session.open_at if self.at_open else late
                continue
            at = session.open_at
            while at < session.close_at:
                yield at
                at += self.step


class Gathered:
    """What a run came to, counted while it runs."""

    def __init__(self, benchmark: str, names: Iterable[str] = (), splits: Iterable[Split] = ()) -> None:
        self._benchmark = benchmark
        self._names = tuple(names)
        self._splits = sorted(splits, key=lambda one: one.day, reverse=True)
        self._shares: dict[str, Decimal] = {}
        self._first_prices: dict[str, Decimal] = {}
        self._last_prices: dict[str, Decimal] = {}
        self._day: DayPoint | None = None
        self.equity_start: Decimal | None = None
        self.cash_account: Decimal | None = None
        self.cash_books: Decimal | None = None
        self.days: list[DayPoint] = []
        self.trades: list[Trade] = []
        self.refusals: Counter[str] = Counter()
        self.passed_over: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.halts: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()
        self.ticks = self.intents = self.approved = self.orders = self.fills = 0
        self.chains = self.contracts = self.three_chains = 0
        self.fees = self.dividends = ZERO
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None

    def add(self, result: TickResult) -> None:
        """Take up one tick."""
        snapshot, settled = result.snapshot, result.settlement
        self.first_at = self.first_at or snapshot.at
        self.last_at = snapshot.at
        self.cash_account, self.cash_books = snapshot.account.cash, snapshot.books.cash
        self.ticks += 1
        self.orders += len(result.orders)
        self.fills += len(settled.fills)
        chains = snapshot.chains
        self.chains += len(chains)
        self.three_chains += len(chains) >= 3
        self.contracts += sum(chain.size for chain in chains)
        for name, taken in result.stages:
            self.stages[name] += taken  # type: ignore[assignment]
        if result.errors:
            self.errors.update(map(_kind_of_reason, result.errors))
        for verdict in result.verdicts:
            refusing = [check.gate for check in verdict.checks if not check.ok]
            self.intents += 1
            self.approved += not refusing
            self.refusals.update(refusing)
        for note in result.notes:
            self.passed_over[_kind_of_reason(note.reason)] += 1
        if snapshot.halt.level != "run":
            self.halts[f"{snapshot.halt.level}: {_kind_of_reason(snapshot.halt.reason)}"] += 1
        for end in settled.leg_ends:
            self.trades.append(_leg_trade(end))
        for sale in settled.lot_ends:
            self.trades.append(_lot_trade(sale))
        self._take_lines(settled.activities)
        self._take_day(result)

    def _take_lines(self, lines: tuple[Activity, ...]) -> None:
        for line in lines:
            if line.kind == "DIV":
                self.dividends += line.net_amount
            elif line.kind == "FEE":
                self.fees -= line.net_amount

    def _take_day(self, result: TickResult) -> None:
        snapshot, settled = result.snapshot, result.settlement
        while self._splits and self._splits[-1].day <= snapshot.session.day:
            split = self._splits.pop()
            self._shares[split.symbol] = self._shares.get(split.symbol, ONE) * split.ratio
        for name in self._names:
            price = self._whole(name, snapshot.spot(name))
            if price is not None:
                self._first_prices.setdefault(name, price)
                self._last_prices[name] = price
        # What the first tick finds in the account is what a run begins with: no flow into it.
        flow = ZERO if self.equity_start is None else settled.flow
        self.equity_start = snapshot.equity if self.equity_start is None else self.equity_start
        day, before = snapshot.session.day, self._day
        same = before is not None and before.day == day
        turnover = sum((_amount(fill.symbol, fill.qty, fill.price) for fill in settled.fills), ZERO)
        premium = sum((end.income for end in settled.leg_ends), ZERO)
        if before is not None and same:
            turnover, premium, flow = turnover + before.turnover, premium + before.premium, flow + before.flow
        elif before is not None:
            self.days.append(before)
        held = _shares_value(result)
        collateral = _collateral(result)
        benchmark = self._whole(self._benchmark, snapshot.spot(self._benchmark))
        if benchmark is None and before is not None:
            benchmark = before.benchmark
        self._day = DayPoint(
            day=day, equity=snapshot.equity, cash=snapshot.account.cash, flow=flow, benchmark=benchmark,
            holding=self._held(), exposure=held + collateral, collateral=collateral, turnover=turnover,
            premium=premium,
        )  # fmt: skip

    def _whole(self, name: str, price: Decimal | None) -> Decimal | None:
        """Give a price as if no share had been split since the run began."""
        return price if price is None or name not in self._shares else price * self._shares[name]

    def _held(self) -> Decimal | None:
        """Give what the first equity would be worth in equal parts of the names that had a price."""
        if not self._first_prices or self.equity_start is None:
            return None
        parts = [self._last_prices[name] / first for name, first in self._first_prices.items()]
        return self.equity_start * sum(parts, ZERO) / len(parts)

    def finish(self) -> None:
        """Close the last day."""
        if self._day is not None:
            self.days.append(self._day)
            self._day = None

    def facts(self, **went_in: Any) -> RunFacts:
        """Give the run as facts: what was counted here, and what the caller says went in."""
        assert self.first_at is not None, "nothing ran"
        assert self.last_at is not None
        assert self.equity_start is not None
        return RunFacts(
            first_at=self.first_at, last_at=self.last_at, equity_start=self.equity_start, days=tuple(self.days),
            trades=tuple(self.trades), ticks=self.ticks, intents=self.intents, approved=self.approved,
            orders=self.orders, fills=self.fills, chains=self.chains, contracts=self.contracts,
            ticks_with_three_chains=self.three_chains, refusals=tuple(self.refusals.most_common()),
            passed_over=tuple(self.passed_over.most_common()), errors=tuple(self.errors.most_common()),
            halts=tuple(self.halts.most_common()),
            fees=self.fees, dividends=self.dividends, cash_account=self.cash_account, cash_books=self.cash_books,
            stages=tuple((name, total / self.ticks) for name, total in self.stages.most_common()), **went_in,
        )  # fmt: skip


def run(
    world: World, book: Book, clock: list[datetime], moments: Iterable[datetime], gathered: Gathered,
    shown: Shown | None = None,
) -> None:  # fmt: skip
    """Tick at every moment: `clock[0]` is what the world's `now` reads. `shown` is told of each session's last tick."""
    last: TickResult | None = None
    for moment in moments:
        clock[0] = moment
        result = tick(world, book)
        gathered.add(result)
        if shown is not None and last is not None and last.snapshot.session.day != result.snapshot.session.day:
            shown(last)
        last = result
    if shown is not None and last is not None:
        shown(last)
    gathered.finish()


@lru_cache(maxsize=4096)
def _kind_of_reason(reason: str) -> str:
    """Leave out of a reason what differs from one chance to the next, so that the kinds stay few.

    >>> _kind_of_reason("nearest miss XLE250516C00050000: no valid bid and ask; of 48 calls 7-30 days out")
    'nearest miss: no valid bid and ask'
    >>> _kind_of_reason("a roll of FXI250516P00026500 is working at 4.20")
    'a roll of a series is working at #'
    """
    words = _SERIES.sub("a series", _NAMED.sub(":", reason.partition(";")[0]))
    return " ".join(_NUMBER.sub("#", words).split())


def _amount(symbol: str, qty: Decimal, price: Decimal) -> Decimal:
    return abs(qty) * price * (SHARES_PER_CONTRACT if is_option(symbol) else ONE)


def _shares_value(result: TickResult) -> Decimal:
    marks: Mapping[str, Decimal] = {mark.symbol: mark.price for mark in result.snapshot.marks}
    return sum(
        (abs(one.position.qty) * marks.get(one.position.symbol, ZERO) for one in result.snapshot.positions
         if not one.position.option), ZERO,
    )  # fmt: skip


def _collateral(result: TickResult) -> Decimal:
    found = ZERO
    for one in result.snapshot.positions:
        position = one.position
        if position.option and position.qty < 0:
            contract = parse_option(position.symbol)
            if contract.right == "put":
                found += contract.strike * -position.qty * SHARES_PER_CONTRACT
    return found


def _leg_trade(end: LegEnd) -> Trade:
    leg = end.leg
    return Trade(
        symbol=leg.symbol, kind=f"short {leg.right}" if leg.qty < 0 else f"long {leg.right}", strategy=leg.strategy,
        opened_at=leg.opened_at, closed_at=end.at, qty=end.qty, opened_price=leg.credit or ZERO, closed_price=end.price,
        how=end.how, pnl=end.income,
    )  # fmt: skip


def _lot_trade(sale: LotEnd) -> Trade:
    lot = sale.lot
    return Trade(
        symbol=lot.symbol, kind="shares", strategy=lot.strategy, opened_at=lot.opened_at, closed_at=sale.at,
        qty=sale.qty, opened_price=lot.basis_strike or ZERO, closed_price=sale.price, how=sale.how, pnl=sale.income,
    )  # fmt: skip


def days_of(span: Span) -> tuple[date, date]:
    """Give the first and last day of a span."""
    return span.sessions[0].day, span.sessions[-1].day
