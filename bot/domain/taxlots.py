"""First in, first out: what each disposal brought against what it had cost, and what is still held. Pure.

Every lot and every disposal carries signed dollars, fees inside, and nothing is rounded away: the cash of all moves is
the gains, the cash of what is open, of what waits, of what left by transfer and of what had no known other side.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bot.domain.facts import Fact
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.money import CENT, ZERO, after_split, plain

MoveKind = Literal["trade", "ended", "delivery", "expiry", "split", "fraction", "transfer"]
Term = Literal["short", "long", "unknown"]
_RANK = {"split": 0, "trade": 1, "ended": 2, "delivery": 3, "expiry": 4, "fraction": 5, "transfer": 6}


class Move(Fact, frozen=True, kw_only=True):
    """One line of the account that changes a holding: `qty` signed, `cash` its effect in dollars with its fee inside.

    `at` orders the moves, `day` is the New York day it counts for.

    ended: contracts assigned or exercised; delivery: the shares that go with it (same `group`). split: `ratio` for 1
    and the change in `qty`. fraction: cash for the part of a share that a split left.
    """

    id: str
    at: datetime
    day: date
    kind: MoveKind
    symbol: str
    qty: Decimal
    cash: Decimal = ZERO
    group: str = ""
    ratio: Decimal | None = None


class OpenLot(Fact, frozen=True, kw_only=True):
    """What came in together and is still there; `qty` is negative when written, `cash` signed, None when unknown.

    `adjustment` is the option cash inside `cash`. `acquired` is None for what was there before the record.
    """

    id: str
    symbol: str
    qty: Decimal
    acquired: date | None
    cash: Decimal | None
    adjustment: Decimal = ZERO


class Disposal(Fact, frozen=True, kw_only=True):
    """A lot, or a part of one, that ended on `closed`: the tax year is that day's.

    For what was written first, `sold` is the day of writing and `acquired` the day it ended. `adjustment` is the
    option cash that is inside proceeds or basis. None is unknown.
    """

    symbol: str
    qty: Decimal
    written: bool
    acquired: date | None
    sold: date | None
    closed: date
    proceeds: Decimal | None
    basis: Decimal | None
    adjustment: Decimal
    term: Term
    how: str
    lot: str
    move: str

    @property
    def gain(self) -> Decimal | None:
        """Give proceeds less basis, dollars."""
        return None if self.proceeds is None or self.basis is None else self.proceeds - self.basis


class TaxLots(Fact, frozen=True, kw_only=True):
    """All disposals and open lots of a record; `waiting`, `left` and `unmatched` are the cash that is in neither."""

    disposals: tuple[Disposal, ...]
    open_lots: tuple[OpenLot, ...]
    waiting: Decimal
    left: Decimal
    unmatched: Decimal
    troubles: tuple[str, ...]

    @property
    def cash(self) -> Decimal:
        """Sum every part: the cash of all moves, to the cent."""
        gains = sum((one.gain for one in self.disposals if one.gain is not None), ZERO)
        held = sum((lot.cash for lot in self.open_lots if lot.cash is not None), ZERO)
        return gains + held + self.waiting + self.left + self.unmatched


def term_of(acquired: date | None, sold: date) -> Term:
    """Say how long something was held: long is more than one year.

    >>> term_of(date(2025, 3, 1), date(2026, 3, 1)), term_of(date(2025, 3, 1), date(2026, 3, 2))
    ('short', 'long')
    """
    if acquired is None:
        return "unknown"
    try:
        turn = acquired.replace(year=acquired.year + 1)
    except ValueError:  # a leap day
        turn = date(acquired.year + 1, 2, 28)
    return "long" if sold > turn else "short"


def fifo(moves: Iterable[Move], before: Iterable[tuple[str, Decimal]] = ()) -> TaxLots:
    """Match all moves first in, first out, as their moments have it; `before` is what no move brought.

    What expires does so after its day's trades, and both lines of an assignment come when the first of them does.
    """
    book = _Book()
    for symbol, qty in before:
        book.lots[symbol] = [OpenLot(id=f"before-{symbol}", symbol=symbol, qty=qty, acquired=None, cash=None)]
    listed = list(moves)
    first: dict[str, tuple[date, datetime]] = {}
    for one in listed:
        if one.group and one.kind in ("ended", "delivery"):
            first[one.group] = min(first.get(one.group, (one.day, one.at)), (one.day, one.at))

    def place(number: int) -> tuple[date, bool, datetime, int, int]:
        one = listed[number]
        day, at = first.get(one.group, (one.day, one.at))
        return day, one.kind == "expiry", at, _RANK[one.kind], number

    order = sorted(range(len(listed)), key=place)
    for number in order:
        book.take(listed[number])
    return book.result()


def _part(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return amount if part == whole else (amount * part / whole).quantize(CENT)


class _Carried(NamedTuple):
    """Option cash of contracts that were assigned or exercised, on its way to their shares (signed: in, or out)."""

    strike: Decimal
    shares: Decimal
    cash: Decimal
    known: bool


class _Book:
    """Open lots by symbol, oldest first, and what has come of the others."""

    def __init__(self) -> None:
        self.lots: dict[str, list[OpenLot]] = {}
        self.disposals: list[Disposal] = []
        self.troubles: list[str] = []
        self.carried: dict[str, list[_Carried]] = {}
        self.moving: dict[str, list[tuple[Move, list[OpenLot]]]] = {}
        self.parked: list[Move] = []
        self.left = self.unmatched = ZERO

    def result(self) -> TaxLots:
        """Give what stands after the last move."""
        for move in self.parked:
            self.troubles.append(f"{move.day} {move.symbol}: a split brought contracts that no other line took away")
        for pairs in self.moving.values():
            for move, lots in pairs:
                self.troubles.append(f"{move.day} {move.symbol}: a split took contracts away and gave none back")
                self.lots.setdefault(move.symbol, []).extend(lots)
        for group in self.carried:
            self.troubles.append(f"{group}: contracts were assigned or exercised; their share line is not there yet")
        return TaxLots(
            disposals=tuple(self.disposals), left=self.left, unmatched=self.unmatched, troubles=tuple(self.troubles),
            open_lots=tuple(lot for symbol in sorted(self.lots) for lot in self.lots[symbol]),
            waiting=sum((one.cash for found in self.carried.values() for one in found), ZERO),
        )  # fmt: skip

    def take(self, move: Move) -> None:
        """Book one move."""
        if move.kind == "trade":
            self._trade(move, move.cash, ZERO, known=True, how="sold" if move.qty < 0 else "bought back")
        elif move.kind == "expiry":
            rest, cash = self._close(move, move.cash, ZERO, known=True, how="expired")
            if rest:
                self.troubles.append(f"{move.day} {move.symbol}: {plain(abs(rest))} expired that this record never saw")
                self.unmatched += cash
        elif move.kind == "ended":
            self._end(move)
        elif move.kind == "delivery":
            self._deliver(move)
        elif move.kind == "split":
            self._split_option(move) if is_option(move.symbol) else self._split_shares(move)
        elif move.kind == "fraction":
            self._fraction(move)
        else:
            self._transfer(move)

    def _trade(self, move: Move, cash: Decimal, adjustment: Decimal, *, known: bool, how: str) -> None:
        rest, left = self._close(move, cash, adjustment, known=known, how=how)
        if not rest:
            return
        adjusted = _part(adjustment, abs(rest), abs(move.qty))
        if rest < 0 and not is_option(move.symbol):  # no share is ever sold short here: it was there before the record
            self.troubles.append(f"{move.day} {move.symbol}: {plain(-rest)} left whose purchase is not in this record")
            ghost = OpenLot(id="", symbol=move.symbol, qty=-rest, acquired=None, cash=None)
            self._dispose(move, ghost, -rest, left, adjusted, known, how)
            return
        if not known:
            self.unmatched += left
        self.lots.setdefault(move.symbol, []).append(OpenLot(
            id=move.id, symbol=move.symbol, qty=rest, acquired=move.day, cash=left if known else None,
            adjustment=adjusted,
        ))  # fmt: skip

    def _close(
        self, move: Move, cash: Decimal, adjustment: Decimal, *, known: bool, how: str
    ) -> tuple[Decimal, Decimal]:
        """End lots on the other side; gives the signed quantity and the cash that found none."""
        rest, left = move.qty, cash
        for lot, part in self._taken(move.symbol, move.qty):
            share = _part(left, part, abs(rest))
            self._dispose(move, lot, part, share, _part(adjustment, part, abs(move.qty)), known, how)
            left -= share
            rest -= part if rest > 0 else -part
        return rest, left

    def _taken(self, symbol: str, qty: Decimal) -> list[tuple[OpenLot, Decimal]]:
        """Take lots of the other sign away, oldest first, up to a quantity; each comes as the part that left."""
        lots, rest, found = self.lots.get(symbol, []), abs(qty), []
        while rest > 0 and lots and lots[0].qty * qty < 0:
            lot = lots.pop(0)
            part = min(rest, abs(lot.qty))
            sign = 1 if lot.qty > 0 else -1
            gone = replace(
                lot, qty=part * sign, cash=None if lot.cash is None else _part(lot.cash, part, abs(lot.qty)),
                adjustment=_part(lot.adjustment, part, abs(lot.qty)),
            )  # fmt: skip
            if part < abs(lot.qty):
                kept = None if lot.cash is None or gone.cash is None else lot.cash - gone.cash
                lots.insert(0, replace(
                    lot, qty=lot.qty - gone.qty, cash=kept, adjustment=lot.adjustment - gone.adjustment,
                ))  # fmt: skip
            found.append((gone, part))
            rest -= part
        return found

    def _dispose(
        self, move: Move, lot: OpenLot, part: Decimal, cash: Decimal, adjustment: Decimal, known: bool, how: str
    ) -> None:
        came, went = lot.cash, cash if known else None
        if came is None or went is None:
            self.unmatched += (came or ZERO) + cash
        written = lot.qty < 0
        into, out = (went, came) if written else (came, went)
        self.disposals.append(Disposal(
            symbol=move.symbol, qty=part, written=written, acquired=move.day if written else lot.acquired,
            sold=lot.acquired if written else move.day, closed=move.day, proceeds=out,
            basis=None if into is None else -into, adjustment=lot.adjustment + adjustment,
            term="short" if written else term_of(lot.acquired, move.day), how=how, lot=lot.id, move=move.id,
        ))  # fmt: skip

    def _end(self, move: Move) -> None:
        """Take contracts that were delivered out of the lots: their cash goes on with the shares."""
        key = move.group or f"{underlying_of(move.symbol)} {move.day}"
        known, cash, rest = True, move.cash, abs(move.qty)
        for lot, part in self._taken(move.symbol, move.qty):
            known = known and lot.cash is not None
            cash += lot.cash or ZERO
            rest -= part
        if rest:
            known = False
            self.troubles.append(f"{move.day} {move.symbol}: {plain(rest)} delivered that this record never saw opened")
        series = parse_option(move.symbol)
        comes = 1 if (series.right == "put") == (move.qty > 0) else -1
        self.carried.setdefault(key, []).append(_Carried(series.strike, comes * abs(move.qty) * 100, cash, known))

    def _arrived(self, key: str, move: Move) -> tuple[Decimal, bool]:
        """Take the option cash of delivered shares: of the series at their price, as far as they go; else all."""
        waiting, left, cash, known = self.carried.pop(key, []), move.qty, ZERO, True
        price = abs(move.cash / move.qty) if move.qty else ZERO
        fitting = [one for one in waiting if one.shares * move.qty > 0 and abs(one.strike - price) < CENT]
        kept = [one for one in waiting if one not in fitting] if fitting else []
        for one in fitting or waiting:
            part = min(left, one.shares, key=abs) if fitting else one.shares
            if not part:
                kept.append(one)
                continue
            share = _part(one.cash, part, one.shares)
            cash, known, left = cash + share, known and one.known, left - part
            if part != one.shares:
                kept.append(one._replace(shares=one.shares - part, cash=one.cash - share))
        if kept:
            self.carried[key] = kept
        return cash, known

    def _deliver(self, move: Move) -> None:
        key = move.group if move.group in self.carried else f"{move.symbol} {move.day}"
        carried, known = self._arrived(key, move)
        how = "put delivered" if move.qty < 0 and carried < 0 else "called away" if move.qty < 0 else "covered"
        self._trade(move, move.cash + carried, carried, known=known, how=how)

    def _split_shares(self, move: Move) -> None:
        lots = self.lots.get(move.symbol, [])
        held = sum((lot.qty for lot in lots), ZERO)
        ratio = move.ratio if move.ratio is not None else (held + move.qty) / held if held > 0 else None
        if ratio is None or ratio <= 0 or not lots:
            self.troubles.append(f"{move.day} {move.symbol}: a split without a ratio or without shares; nothing done")
            self.unmatched += move.cash
            return
        lots[:] = [replace(lot, qty=after_split(lot.qty, ratio)) for lot in lots]
        over = sum((lot.qty for lot in lots), ZERO) - held - move.qty
        if move.cash and 0 < over < 1:
            self._trade(replace(move, qty=-over), move.cash, ZERO, known=True, how="cash in lieu")
        else:
            self.unmatched += move.cash

    def _fraction(self, move: Move) -> None:
        held = sum((lot.qty for lot in self.lots.get(move.symbol, [])), ZERO)
        part = held % 1
        if 0 < part < 1:
            self._trade(replace(move, qty=-part), move.cash, ZERO, known=True, how="cash in lieu")
        else:
            self.troubles.append(f"{move.day} {move.symbol}: cash for a fraction of a share that this record never saw")
            self.unmatched += move.cash

    def _split_option(self, move: Move) -> None:
        """Move the lots of a series to the one that a split makes of it; either of the two lines may come first."""
        if any(lot.qty * move.qty < 0 for lot in self.lots.get(move.symbol, [])):
            gone = [lot for lot, _ in self._taken(move.symbol, move.qty)]
            self.moving.setdefault(move.group, []).append((move, gone))
            waiting, self.parked = self.parked, []
            for other in waiting:
                self._split_option(other)
            return
        pairs = self.moving.get(move.group, [])
        to = parse_option(move.symbol)
        for former, lots in pairs:
            was = parse_option(former.symbol)
            fits = move.ratio is None or abs(was.strike / move.ratio - to.strike) < CENT
            if (was.expiry, was.right) == (to.expiry, to.right) and fits:
                pairs.remove((former, lots))
                self._arrive(move, lots)
                break
        else:
            self.parked.append(move)
        if not pairs:
            self.moving.pop(move.group, None)

    def _arrive(self, move: Move, lots: list[OpenLot]) -> None:
        whole, rest = sum((lot.qty for lot in lots), ZERO), move.qty
        for number, lot in enumerate(lots):
            qty = rest if number == len(lots) - 1 else after_split(lot.qty, move.qty / whole)
            rest -= qty
            self.lots.setdefault(move.symbol, []).append(replace(lot, symbol=move.symbol, qty=qty))
        self.unmatched += move.cash

    def _transfer(self, move: Move) -> None:
        """Let shares in whose cost is unknown, or out with theirs; neither is a sale."""
        if move.qty > 0:
            self.lots.setdefault(move.symbol, []).append(
                OpenLot(id=move.id, symbol=move.symbol, qty=move.qty, acquired=None, cash=None)
            )
        elif move.qty < 0:
            taken = self._taken(move.symbol, move.qty)
            self.left += sum((lot.cash for lot, _ in taken if lot.cash is not None), ZERO)
        self.unmatched += move.cash
