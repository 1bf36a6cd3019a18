"""Where each wheel stands, read from positions, orders and lots.

Nothing here remembers a phase: short puts, shares and short calls at the broker are the phase.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from bot.domain.desk import WheelParams
from bot.domain.holdings import OrderLeg
from bot.domain.instruments import Right, is_option, parse_option, underlying_of
from bot.domain.ledger import HALT_RANK, Lot, OptionLeg, Pause, Roll
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import ENTRY_PURPOSES, OwnOrder
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note

LOT = int(SHARES_PER_CONTRACT)


class Refusal(NamedTuple):
    """Why nothing is written, with the number against its limit where there is one.

    `everywhere` marks what says the same of every symbol of the desk: it is noted once, under "*".
    """

    reason: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""
    everywhere: bool = False

    def note(self, strategy: str, symbol: str, subject: str) -> Note:
        """Give the same as a note."""
        return Note(
            strategy=strategy, symbol="*" if self.everywhere else symbol, subject=subject, reason=self.reason,
            value=self.value, limit=self.limit, unit=self.unit,
        )  # fmt: skip


class Situation:
    """Holdings sorted by underlying, for one wheel strategy at one moment."""

    def __init__(self, holdings: Holdings, params: WheelParams, at: datetime) -> None:
        self.at = at
        self.params = params
        self.session = holdings.session
        self.account = holdings.account
        self.books = holdings.books
        self.halt = holdings.halt
        self.halt_rank = HALT_RANK[holdings.halt.level]
        self.shares: dict[str, Decimal] = {}
        self.short: dict[tuple[str, Right], dict[str, Decimal]] = {}
        self.underlyings: set[str] = set()
        self.collateral = ZERO
        for held in holdings.positions:
            self._take(held.position.symbol, held.position.qty)
        self.orders: dict[str, list[OwnOrder]] = {}
        for order in sorted(holdings.own_orders, key=lambda one: (one.planned_at, one.client_order_id)):
            if order.alive:
                self.orders.setdefault(order.underlying, []).append(order)
        self.lots: dict[str, list[Lot]] = {}
        for lot in sorted(holdings.books.lots, key=lambda one: (one.opened_at, one.id)):
            self.lots.setdefault(lot.symbol, []).append(lot)
        self.rolls = tuple(roll for roll in holdings.books.rolls if roll.stage in ("closing", "opening"))
        self.unsettled = {underlying_of(drift.symbol): drift for drift in holdings.books.drift}

    def _take(self, symbol: str, qty: Decimal) -> None:
        if qty == 0:
            return
        self.underlyings.add(underlying_of(symbol))
        if not is_option(symbol):
            self.shares[symbol] = self.shares.get(symbol, ZERO) + qty
        elif qty < 0:
            contract = parse_option(symbol)
            series = self.short.setdefault((contract.root, contract.right), {})
            series[symbol] = series.get(symbol, ZERO) - qty
            if contract.right == "put":
                self.collateral -= qty * contract.strike * SHARES_PER_CONTRACT

    def short_series(self, symbol: str, right: Right) -> dict[str, Decimal]:
        """Give contracts short at the broker by series, whoever owns them."""
        return self.short.get((symbol, right), {})

    def working(self, symbol: str, position_intent: str, right: Right | None) -> list[tuple[OwnOrder, OrderLeg]]:
        """List orders of ours that may still fill, with the leg that does this; right None means shares."""
        found = []
        for order in self.orders.get(symbol, ()):
            for one in order.legs:
                if one.position_intent == position_intent and right_of(one.symbol) == right:
                    found.append((order, one))
        return found

    def working_contracts(self, symbol: str, right: Right) -> Decimal:
        """Count contracts that orders of ours may still sell to open."""
        return sum(
            (order.remaining * one.ratio for order, one in self.working(symbol, "sell_to_open", right)), start=ZERO
        )

    def entry_works(self, symbol: str, right: Right) -> bool:
        """Say whether an entry of this strategy is in the book: it is followed, nothing is put beside it."""
        entries = self.working(symbol, "sell_to_open", right)
        return any(o.strategy == self.params.name and o.purpose in ENTRY_PURPOSES for o, _ in entries)

    def rolls_on(self, symbol: str, right: Right) -> list[Roll]:
        """List rolls in flight: their collateral or lots are spoken for."""
        return [roll for roll in self.rolls if roll.underlying == symbol and roll.right == right]

    def roll_contracts(self, symbol: str, right: Right) -> Decimal:
        """Count contracts reserved for rolls that neither stand at the broker nor work there."""
        total = ZERO
        for roll in self.rolls_on(symbol, right):
            working = sum((o.remaining for o in self.orders.get(symbol, ()) if o.roll == roll.id and o.opens), ZERO)
            standing = self.short_series(symbol, right).get(roll.old_symbol, ZERO)
            total += max(roll.qty - standing - working, ZERO)
        return total

    def word_on(self, contract: str) -> str:
        """Give the owner's newest word on a contract, or nothing."""
        said = [one for one in self.books.instructions if one.contract == contract]
        return max(said, key=lambda one: one.at).word if said else ""

    def pause_on(self, symbol: str) -> Pause | None:
        """Give the pause in force on a symbol, the longest first."""
        if not self.books.pauses:
            return None
        found = [one for one in self.books.pauses if one.symbol in (symbol, "*") and one.until > self.at]
        return max(found, key=lambda one: (one.until, one.symbol)) if found else None

    def legs(self) -> list[OptionLeg]:
        """List this strategy's open short legs, soonest expiry first."""
        mine = [
            one
            for one in self.books.legs
            if one.qty < 0 and one.owner != "foreign" and one.strategy in (self.params.name, "")
            and one.underlying in self.params.numbers
        ]  # fmt: skip
        return sorted(mine, key=lambda one: (one.expiry, one.symbol, one.opened_at, one.id))

    def usable_lots(self, symbol: str) -> list[Lot]:
        """List lots calls may be written on, oldest first: ours or adopted, of this strategy."""
        mine = (self.params.name, "")
        return [lot for lot in self.lots.get(symbol, ()) if lot.owner != "foreign" and lot.strategy in mine]

    @cached_property
    def opened_today(self) -> dict[str, int]:
        """Give the new contracts of this session day by underlying."""
        return dict(self.books.counters.contracts_today)

    @cached_property
    def contracts_today(self) -> Decimal:
        """Count the new contracts of this session day in all."""
        return Decimal(self.books.counters.contracts_total)

    @cached_property
    def put_series(self) -> Decimal:
        """Count the short put series in all."""
        return Decimal(sum(len(found) for (_, right), found in self.short.items() if right == "put"))

    @cached_property
    def put_collateral_cap(self) -> Decimal | None:
        """Give the most that short puts may tie up, in dollars; None is off."""
        share = self.params.limits.put_collateral_share
        return None if share is None else share * self.account.equity

    @cached_property
    def minutes_since_open(self) -> Decimal:
        """Give minutes since this session's open."""
        return minutes(self.at - self.session.open_at)

    @cached_property
    def minutes_to_close(self) -> Decimal:
        """Give minutes to this session's close (an early one is early here too)."""
        return minutes(self.session.close_at - self.at)


def minutes(span: timedelta) -> Decimal:
    """Give a span in minutes."""
    return Decimal(span // timedelta(seconds=1)) / 60


def right_of(symbol: str) -> Right | None:
    """Give the right of an option's symbol, None for shares."""
    if not is_option(symbol):
        return None
    return "put" if symbol[-9] == "P" else "call"


def situation_of(snapshot: Snapshot, params: WheelParams) -> Situation:
    """Read a Snapshot as the same situation that `needs` saw as holdings."""
    holdings = Holdings(
        session=snapshot.session, account=snapshot.account, positions=snapshot.positions,
        own_orders=snapshot.own_orders, books=snapshot.books, halt=snapshot.halt,
    )  # fmt: skip
    return Situation(holdings, params, snapshot.at)
