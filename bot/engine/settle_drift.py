"""Where the broker and our books differ, and whether that is expected (design 12, wheel 1.11, 1.12).

The broker's positions decide quantity. A difference is *pending* when something known explains it and the lines of
history are still to come; more than ours is foreign; less than ours, or money nobody can explain, is *unexplained*.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from bot.domain.adoption import adopt_words
from bot.domain.claims import root_of
from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.ledger import Books, Drift, Lot, OptionLeg
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OwnOrder
from bot.domain.sessions import session_on
from bot.domain.snapshot import HeldPosition, SessionFacts
from bot.engine.ports import Memory, Reads
from bot.engine.settle_ledger import FEE_WAIT_DAYS, Ledger, cash_effect
from bot.engine.settle_splits import SplitFinder
from bot.engine.settle_unlisted import newly_filled, strangers_fills, unlisted_fills

CASH = "CASH"
READS_APART = timedelta(minutes=2)
"""Reads are not one instant: what was booked this recently may not show in another read yet."""
FEES_BOOKED_WITHIN = timedelta(days=FEE_WAIT_DAYS)
CASH_TOLERANCE = Decimal(1)
CASH_TOLERANCE_CONTRACT = Decimal("0.10")

Owning = Literal["ours", "adopted", "foreign", "mixed"]


class Findings(NamedTuple):
    """What comparing broker and books gave."""

    held: tuple[HeldPosition, ...]
    drift: tuple[Drift, ...]
    last_positions: tuple[tuple[str, Decimal], ...]
    notes: tuple[str, ...]


class Difference(NamedTuple):
    """One symbol where the broker's signed quantity is not ours."""

    symbol: str
    broker: Decimal
    ours: Decimal


def compare(
    reads: Reads, memory: Memory, books: Books, orders: dict[str, OwnOrder], at: datetime, session: SessionFacts
) -> Findings:
    """Compare positions and cash with the books; name who owns what."""
    ours: dict[str, Decimal] = {}
    adopted: set[str] = set()
    own: set[str] = set()
    things: tuple[Lot | OptionLeg, ...] = (*books.lots, *books.legs)
    for thing in things:
        if thing.owner != "foreign":
            ours[thing.symbol] = ours.get(thing.symbol, ZERO) + thing.qty
            (adopted if thing.owner == "adopted" else own).add(thing.symbol)
    known = {symbol for symbol, _ in books.last_positions}
    held: list[HeldPosition] = []
    last: list[tuple[str, Decimal]] = []
    differences: list[Difference] = []
    notes: list[str] = []
    for position in reads.positions:
        symbol, qty = position.symbol, position.qty
        if not qty:
            continue
        mine = ours.pop(symbol, ZERO)
        owner: Owning
        if mine and qty * mine > 0 and abs(qty) <= abs(mine):
            owner = "adopted" if symbol in adopted and symbol not in own else "ours"
        else:
            owner = "mixed" if mine else "foreign"
        if qty != mine:
            differences.append(Difference(symbol, qty, mine))
            if symbol not in known and not mine:
                notes.append(f"{symbol}: {plain(qty)} are not ours (foreign); {adopt_words(symbol, qty)}")
        held.append(HeldPosition(position=position, owner=owner))
        last.append((symbol, qty))
    differences.extend(Difference(symbol, ZERO, qty) for symbol, qty in ours.items() if qty)
    emptied = not last and bool(books.last_positions)
    cash = books.cash if books.cash is not None else ZERO
    more = newly_filled(memory, orders, at, READS_APART)
    if not differences and not emptied and not more and reads.account.cash == cash:
        return Findings(tuple(held), (), tuple(last), tuple(notes))
    finder = Finder(reads, memory, books, orders, at, session, emptied, more)
    told = {one.symbol for one in differences}
    shown = dict(last)
    for symbol in sorted(finder.hidden.keys() - told):
        differences.append(Difference(symbol, shown.get(symbol, ZERO), shown.get(symbol, ZERO)))
    drift = finder.judge(differences)
    doubted = emptied and any(one.kind == "unexplained" and one.symbol != CASH for one in drift)
    return Findings(tuple(held), drift, books.last_positions if doubted else tuple(last), tuple(notes))


class Finder:
    """Explains differences; one use."""

    def __init__(
        self,
        reads: Reads,
        memory: Memory,
        books: Books,
        orders: dict[str, OwnOrder],
        at: datetime,
        session: SessionFacts,
        emptied: bool,
        more: dict[str, Decimal],
    ) -> None:
        self.reads = reads
        self.books = books
        self.at = at
        self.session = session
        self.emptied = emptied
        self.before = {one.symbol: one for one in memory.books.drift}
        self.waiting = {root_of(one.symbol) for one in memory.books.drift}
        self.foreign_before = dict(memory.books.last_positions)
        for lot in memory.books.lots:
            if lot.owner != "foreign" and lot.symbol in self.foreign_before:
                self.foreign_before[lot.symbol] -= lot.qty
        self.cash_left = reads.account.cash - (books.cash or ZERO)
        self.recent = [line for line in reads.activities if at - line.at <= READS_APART]
        self.unlisted, self.hidden = unlisted_fills(Ledger(reads, memory, orders), orders, more)
        self.half = self._half_listed()
        self.strangers = strangers_fills(reads, orders)
        self.split_words = SplitFinder(reads, memory).words

    def judge(self, differences: list[Difference]) -> tuple[Drift, ...]:
        """Give the drift of every difference, positions first, then cash."""
        found: list[Drift] = []
        roots: dict[str, list[Difference]] = {}
        for one in differences:
            roots.setdefault(root_of(one.symbol), []).append(one)
        for root in sorted(roots):
            found.extend(self._judge_root(root, sorted(roots[root])))
        if self.emptied:
            told = {one.symbol for one in differences}
            found.extend(self._vanished(symbol, qty) for symbol, qty in self.books.last_positions
                         if symbol not in told and not self._has_left(symbol, qty))  # fmt: skip
        cash = self._judge_cash(bool([one for one in found if one.kind == "pending"]))
        return (*found, cash) if cash is not None else tuple(found)

    # Positions

    def _judge_root(self, root: str, differences: list[Difference]) -> list[Drift]:
        plausible = self._assignment_is_plausible(root, differences)
        found = []
        for one in differences:
            change, hidden = one.broker - one.ours, self.hidden.get(one.symbol, ZERO)
            if self.unlisted.get(one.symbol) == change:
                found.append(self._pending(one, "the broker counts a fill that it does not list yet"))
            elif abs(change) < abs(hidden) and change * hidden >= 0:
                expected = one._replace(ours=one.ours + hidden)
                found.append(self._pending(expected, "an order shows a fill that the positions do not show yet"))
            elif change == -self._recent_change(one.symbol):
                found.append(self._pending(one, "booked seconds ago, the positions were read before", READS_APART))
            elif self.strangers.get(one.symbol) == change:
                found.append(self._waiting(one, "an order that is not ours filled; its fill is not listed yet"))
            elif one.symbol == root and (words := self.split_words(one)):
                found.append(self._waiting(one, words))
            elif root in self.half:
                found.append(self._pending(one, "an assignment is listed in part"))
            elif self._ended_unlisted(one):
                found.append(self._waiting(one, "expired; its end is not listed yet"))
            elif plausible and (one.symbol == root or one.ours < 0):
                found.append(self._waiting(one, "assignment pending"))
            elif not one.ours or (one.broker * one.ours > 0 and abs(one.broker) > abs(one.ours)):
                continue
            else:
                found.append(self._drift(one, "unexplained", "the broker shows less than our books, unsaid why"))
        return found

    def _assignment_is_plausible(self, root: str, differences: list[Difference]) -> bool:
        """Say whether short options that left, or shares that came or went, fit an assignment (wheel 1.11)."""
        shares = sum((one.broker - one.ours for one in differences if one.symbol == root), ZERO)
        if root not in self.waiting and shares > 0:  # what stood there as foreign before is no news of an assignment
            shares -= min(shares, max(self.foreign_before.get(root, ZERO), ZERO))
        gone = [one for one in differences if one.symbol != root and one.ours < 0 and one.ours < one.broker <= 0]
        low = high = cash = ZERO
        for leg in self.books.legs:
            if leg.underlying == root and leg.qty < 0 and leg.owner != "foreign":
                if leg.right == "put":
                    high -= leg.qty * SHARES_PER_CONTRACT
                else:
                    low += leg.qty * SHARES_PER_CONTRACT
        if root in self.waiting:  # judged before, when what was foreign was known: the surplus is that
            shares = min(shares, high)
        for one in gone:
            contract = parse_option(one.symbol)
            amount = contract.strike * SHARES_PER_CONTRACT * (one.broker - one.ours)
            cash += amount if contract.right == "call" else -amount
        if self.emptied and cash != self.cash_left:
            return False
        return bool(gone or shares) and shares % SHARES_PER_CONTRACT == 0 and low <= shares <= high

    def _ended_unlisted(self, one: Difference) -> bool:
        if not is_option(one.symbol) or not abs(one.broker) < abs(one.ours) or one.broker * one.ours < 0:
            return False
        session = session_on(parse_option(one.symbol).expiry)
        return session is None or self.at >= session.close_at

    def _half_listed(self) -> set[str]:
        """Find underlyings where an assignment's option line or share line stands alone in the history."""
        pairs: dict[str, list[Activity]] = {}
        for line in self.reads.activities:
            if line.kind in ("OPASN", "OPEXC", "OPTRD") and line.group_id:
                pairs.setdefault(line.group_id, []).append(line)
        alone = (lines for lines in pairs.values() if len({line.kind == "OPTRD" for line in lines}) == 1)
        return {underlying_of(line.symbol) for lines in alone for line in lines}

    def _recent_change(self, symbol: str) -> Decimal:
        return sum((line.qty for line in self.recent if line.symbol == symbol), ZERO)

    def _has_left(self, symbol: str, qty: Decimal) -> bool:
        """Say whether the history lists something that took a position of nobody of ours away."""
        if any(line.symbol == symbol and line.qty * qty < 0 for line in self.reads.activities):
            return True
        return self._ended_unlisted(Difference(symbol, ZERO, qty))

    def _vanished(self, symbol: str, qty: Decimal) -> Drift:
        one = Difference(symbol, ZERO, qty)
        return self._drift(one, "unexplained", "the list of positions is empty after a full one")

    # Cash

    def _judge_cash(self, pending: bool) -> Drift | None:
        left = self.cash_left
        if not left:
            return None
        accrued = self.reads.account.accrued_fees or ZERO
        tolerance = self._tolerance()
        recent = sum((cash_effect(line) for line in self.recent), ZERO)
        if any(abs(rest) <= tolerance for rest in (left, left + accrued)):
            return None
        one = Difference(CASH, self.reads.account.cash, self.books.cash or ZERO)
        if pending or self.half or self.unlisted:
            return self._waiting(one, "money of what is pending")
        if self.recent and abs(left + recent) <= tolerance:
            return self._pending(one, "booked seconds ago, the cash was read before", READS_APART)
        return self._drift(one, "unexplained", f"{plain(left)} USD that no line of history explains")

    def _tolerance(self) -> Decimal:
        """Give what fees not booked yet may come to (wheel 1.12): zero once nothing traded since the last fee.

        What traded longer ago than fees take to be booked is owed none: paper charges none at all.
        """
        charged = max((line.at for line in self.reads.activities if line.kind == "FEE"), default=None)
        contracts = sum(
            (
                abs(line.qty)
                for line in self.reads.activities
                if line.kind == "FILL"
                and is_option(line.symbol)
                and (charged is None or line.at > charged)
                and self.at - line.at < FEES_BOOKED_WITHIN
            ),
            ZERO,
        )
        if not contracts and not self.session.is_open:
            return ZERO
        return max(CASH_TOLERANCE, CASH_TOLERANCE_CONTRACT * contracts)

    # Drift

    def _waiting(self, one: Difference, what: str) -> Drift:
        """Wait for the history until the next session's close; after that it is unexplained, and stays it."""
        before = self.before.get(one.symbol)
        if before is not None and before.kind == "unexplained":
            return self._drift(one, "unexplained", f"{what}, and nothing came of it")
        if before is not None and before.expected_until is not None and self.at > before.expected_until:
            return self._drift(one, "unexplained", f"{what}, and nothing came of it")
        return self._pending(one, what)

    def _pending(self, one: Difference, what: str, wait: timedelta | None = None) -> Drift:
        before = self.before.get(one.symbol)
        if before is not None and before.kind == "pending" and before.expected_until is not None:
            until = before.expected_until
        elif wait is not None:
            until = self.at + wait
        else:
            following = session_on(self.session.next_day)
            until = following.close_at if following is not None else self.at + timedelta(days=1)
        return self._drift(one, "pending", what, until)

    def _drift(
        self, one: Difference, kind: Literal["pending", "unexplained"], what: str, until: datetime | None = None
    ) -> Drift:
        before = self.before.get(one.symbol)
        since = before.since if before is not None and before.kind == kind and before.since is not None else self.at
        return Drift(
            symbol=one.symbol, kind=kind, what=what, broker=one.broker, ours=one.ours, expected_until=until, since=since
        )
