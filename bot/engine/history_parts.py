"""What each line of a past history did: opened, closed, or concerned something the lines never brought.

The broker's fills do not say whether they open or close. The running position does: a sale out of a long position
closes it, what goes beyond opens a short one. What was there before the first line, came by a transfer, or is short
shares is counted and not followed: no lot and no leg is made of it, and it leaves first (FIFO).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.errors import BadSymbol
from bot.domain.holdings import Activity, Position, PositionIntent
from bot.domain.instruments import is_known, is_option, option_symbol, parse_option, underlying_of
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.engine.history_orders import Piece, orders_of, rolls_in

ENDINGS = frozenset({"OPASN", "OPEXC", "OPEXP"})


class Part(NamedTuple):
    """A line, or the piece of a fill that did one thing; `order` None is counted in cash and not followed.

    `moved` is what it did to the position, followed or not; the line's own `qty` is what is followed.
    """

    line: Activity
    moved: Decimal
    order: OwnOrder | None = None


class Reading(NamedTuple):
    """The whole history, read: parts in order, what was there before, and which fills make a roll.

    `rolled` names fills that bought back what was sold again as `reopened`, by line id.
    """

    parts: tuple[Part, ...]
    before: dict[str, Decimal]
    unfollowed: dict[str, Decimal]
    rolled: frozenset[str]
    reopened: frozenset[str]


def opening_balances(lines: Sequence[Activity], positions: Iterable[Position]) -> dict[str, Decimal]:
    """Give what must have been there before the first line, by symbol.

    Shares: what the broker holds beyond the lines. Options: the same where the broker still holds it, or where the
    first line of a series ends it; any other difference is an end that no line tells.
    """
    change: dict[str, Decimal] = {}
    first: dict[str, Activity] = {}
    for line in lines:
        if line.symbol and line.qty:
            change[line.symbol] = change.get(line.symbol, ZERO) + line.qty
            first.setdefault(line.symbol, line)
    held = {one.symbol: one.qty for one in positions if one.qty}
    found: dict[str, Decimal] = {}
    for symbol in sorted({*change, *held}):
        now = held.get(symbol, ZERO)
        left = now - change.get(symbol, ZERO)
        if not left:
            continue
        if is_option(symbol):
            begins_with_end = symbol in first and first[symbol].kind in ENDINGS and first[symbol].qty * left < 0
            if begins_with_end or now * left > 0:
                found[symbol] = left
        elif left > 0 or now < 0:
            found[symbol] = left
    return found


class Reader:
    """Walks the lines once with running positions; one use."""

    def __init__(self, lines: Sequence[Activity], before: dict[str, Decimal]) -> None:
        self.lines = lines
        self.before = before
        self.followed: dict[str, Decimal] = {}
        self.unfollowed: dict[str, Decimal] = dict(before)
        self.credit: dict[str, Decimal] = {}
        self.pieces: list[Piece] = []
        self._moved: dict[str, tuple[Decimal, Decimal]] = {}
        self._delivered = {line.group_id for line in lines if line.kind in ("OPASN", "OPEXC") and line.group_id}
        self._delivered_days = {
            (underlying_of(line.symbol), new_york_day(line.at)) for line in lines if line.kind in ("OPASN", "OPEXC")
        }

    def read(self) -> Reading:
        """Give every line with what it did."""
        for line in self.lines:
            if line.kind == "FILL":
                self._fill(line)
            elif line.kind in ENDINGS:
                self._end(line)
            else:
                self._other(line)
                self.pieces.append(Piece(line, None))
        rolled, reopened = rolls_in(self.pieces)
        orders = orders_of(self.pieces)
        parts = tuple(
            Part(piece.line, piece.line.qty if piece.moved is None else piece.moved, orders.get(piece.line.id))
            for piece in self.pieces
        )
        left = {symbol: qty for symbol, qty in self.unfollowed.items() if qty}
        return Reading(parts, self.before, left, rolled, reopened)

    def _fill(self, line: Activity) -> None:
        """Cut a fill into what closes something unknown, what closes, and what opens."""
        symbol, change = line.symbol, line.qty
        if not is_known(symbol) or not change:
            self.unfollowed[symbol] = self.unfollowed.get(symbol, ZERO) + change
            self.pieces.append(Piece(line, None))
            return
        buy = change > 0
        unknown, known = self.unfollowed.get(symbol, ZERO), self.followed.get(symbol, ZERO)
        from_unknown = min(abs(change), abs(unknown)) if unknown * change < 0 else ZERO
        closed = min(abs(change) - from_unknown, abs(known)) if known * change < 0 else ZERO
        opened = abs(change) - from_unknown - closed
        short_shares = opened > 0 and not buy and not is_option(symbol)
        sized: list[tuple[Decimal, PositionIntent | None]] = [
            (from_unknown, None),
            (closed, "buy_to_close" if buy else "sell_to_close"),
            (opened, None if short_shares else "buy_to_open" if buy else "sell_to_open"),
        ]
        used = [(size, intent) for size, intent in sized if size]
        for number, (size, intent) in enumerate(used):
            piece = _cut(line, size.copy_sign(change), number, last=number == len(used) - 1)
            book = self.unfollowed if intent is None else self.followed
            cost = self._cost_share(line, intent)
            self._average(piece, intent)
            book[symbol] = book.get(symbol, ZERO) + piece.qty
            self.pieces.append(Piece(piece, intent, cost))

    def _average(self, line: Activity, intent: PositionIntent | None) -> None:
        if intent == "sell_to_open" and line.price is not None:
            size, before = abs(line.qty), abs(self.followed.get(line.symbol, ZERO))
            sold = self.credit.get(line.symbol, ZERO)
            self.credit[line.symbol] = (sold * before + line.price * size) / (before + size)

    def _cost_share(self, line: Activity, intent: PositionIntent | None) -> Decimal | None:
        sold = self.credit.get(line.symbol, ZERO)
        known = intent == "buy_to_close" and line.price is not None and sold > 0
        return line.price / sold if known and line.price is not None else None

    def _end(self, line: Activity) -> None:
        """End contracts, unknown ones first; shares of an assignment follow whoever sold the option."""
        symbol, size = line.symbol, abs(line.qty)
        unknown = self.unfollowed.get(symbol, ZERO)
        apart = min(size, abs(unknown)) if unknown * line.qty < 0 else ZERO
        rest = min(size - apart, abs(self.followed.get(symbol, ZERO)))
        self.unfollowed[symbol] = unknown + apart.copy_sign(line.qty)
        self.followed[symbol] = self.followed.get(symbol, ZERO) + rest.copy_sign(line.qty)
        if line.kind != "OPEXP" and is_option(symbol):
            contract = parse_option(symbol)
            comes = (contract.right == "put") == (line.kind == "OPASN")
            self._deliver(contract.root, rest * SHARES_PER_CONTRACT, (size - rest) * SHARES_PER_CONTRACT, comes=comes)
        self.pieces.append(Piece(replace(line, qty=rest.copy_sign(line.qty)), None, moved=line.qty))

    def _deliver(self, root: str, followed: Decimal, unfollowed: Decimal, *, comes: bool) -> None:
        known, unknown = self.followed.get(root, ZERO), self.unfollowed.get(root, ZERO)
        if comes:
            self.followed[root], self.unfollowed[root] = known + followed, unknown + unfollowed
            return
        taken = min(max(known, ZERO), followed)
        self.followed[root] = known - taken
        self.unfollowed[root] = unknown - (followed - taken) - unfollowed

    def _other(self, line: Activity) -> None:
        """Count what moves a position without a trade: splits, transfers, a share trade whose option is missing."""
        symbol = line.symbol
        if not symbol or not line.qty:
            return
        if line.kind == "OPTRD":
            paired = line.group_id in self._delivered if line.group_id else False
            if paired or (symbol, new_york_day(line.at)) in self._delivered_days:
                return
        elif line.kind == "SPLIT" and line.price is not None and line.price > 0:
            self._split(line, line.price)
            return
        self.unfollowed[symbol] = self.unfollowed.get(symbol, ZERO) + line.qty

    def _split(self, line: Activity, ratio: Decimal) -> None:
        symbol = line.symbol
        known, unknown = self.followed.get(symbol, ZERO), self.unfollowed.get(symbol, ZERO)
        if not is_option(symbol):
            self.followed[symbol], self.unfollowed[symbol] = known * ratio, unknown * ratio
            return
        if (known + unknown) * line.qty < 0:
            self._moved[_split_target(symbol, ratio)] = (known * ratio, unknown * ratio)
            self.followed[symbol] = self.unfollowed[symbol] = ZERO
            self.credit[_split_target(symbol, ratio)] = self.credit.get(symbol, ZERO) / ratio
            return
        more, apart = self._moved.pop(symbol, (ZERO, line.qty))
        self.followed[symbol], self.unfollowed[symbol] = known + more, unknown + apart


def _split_target(symbol: str, ratio: Decimal) -> str:
    contract = parse_option(symbol)
    try:
        return option_symbol(contract.root, contract.expiry, contract.right, contract.strike / ratio)
    except BadSymbol:
        return ""


def _cut(line: Activity, qty: Decimal, number: int, *, last: bool) -> Activity:
    """Give the piece of a fill of this size; the pieces' cash is the line's cash exactly."""
    if number == 0 and last:
        return line
    unit = SHARES_PER_CONTRACT if is_option(line.symbol) else Decimal(1)
    price = line.price if line.price is not None else ZERO
    amount = -qty * price * unit
    if last and line.net_amount:
        amount += line.net_amount + line.qty * price * unit
    return replace(line, id=line.id if number == 0 else f"{line.id}-{number + 1}", qty=qty, net_amount=amount)
