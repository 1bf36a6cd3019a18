"""What an export shows, as tables: rows of plain values under columns that say what they mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from bot.domain.holdings import Activity
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.money import ZERO
from bot.domain.sessions import new_york_day
from bot.domain.taxlots import Move, MoveKind, TaxLots, fifo
from bot.engine.settle_income import share_out
from bot.engine.settle_ledger import cash_effect
from bot.engine.settle_series import is_cash_in_lieu
from bot.store.exporting import Line, Record

Fees = dict[tuple[str, str], Decimal]
"""Dollars by id and symbol of a fill."""
Kind = Literal["text", "money", "day", "moment", "count"]
MOVES: dict[str, MoveKind] = {
    "FILL": "trade", "OPASN": "ended", "OPEXC": "ended", "OPTRD": "delivery", "OPEXP": "expiry", "SPLIT": "split",
    "ACATS": "transfer",
}  # fmt: skip
TRANSFERS = frozenset({"CSD", "CSW", "JNLC", "TRANS", "ACATC", "ACATS"})
ENDS = {"OPASN": "assigned", "OPEXC": "exercised", "OPEXP": "expired", "OPTRD": "shares delivered"}


class Column(NamedTuple):
    """A column: its name, what kind of value stands in it, and what that means."""

    name: str
    kind: Kind
    means: str


class Table(NamedTuple):
    """One file of an export."""

    name: str
    means: str
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]


def shared_fees(lines: Iterable[Line]) -> tuple[Fees, Decimal]:
    """Share every fee out over the fills of the last trading day up to it, in whole cents; gives the rest too.

    By contracts, by shares on a day without options: brokers book fees by day and type, not by fill.
    """
    fills: dict[date, list[Line]] = {}
    for line in lines:
        if line.activity.kind == "FILL":
            fills.setdefault(line.day, []).append(line)
    days = sorted(fills)
    shares: Fees = {}
    rest = ZERO
    for line in lines:
        if line.activity.kind != "FEE":
            continue
        day = next((one for one in reversed(days) if one <= line.day), None)
        there = [] if day is None else [one.activity for one in fills[day]]
        there = [one for one in there if is_option(one.symbol)] or there
        weights = {(one.id, one.symbol): abs(one.qty) for one in there if one.qty}
        if not weights:
            rest -= line.activity.net_amount
            continue
        for key, part in share_out(-line.activity.net_amount, weights):
            shares[key] = shares.get(key, ZERO) + part
    return shares, rest


def moves_of(lines: Iterable[Line], fees: Fees) -> list[Move]:
    """Give every line that changes a holding, with its fees inside its cash."""
    moves = []
    for line in lines:
        one = line.activity
        kind: MoveKind | None = "fraction" if one.kind == "OTHER" and is_cash_in_lieu(one) else MOVES.get(one.kind)
        if kind is None or not one.symbol:
            continue
        moves.append(Move(
            id=one.id, at=one.at, day=line.day, kind=kind, symbol=one.symbol, qty=one.qty, group=one.group_id,
            cash=cash_effect(one) - (fees.get((one.id, one.symbol), ZERO) if one.kind == "FILL" else ZERO),
            ratio=one.price if kind == "split" else None,
        ))  # fmt: skip
    return moves


def holdings_before(record: Record) -> list[tuple[str, Decimal]]:
    """Work out what was held before the first line: what the broker shows less all that the lines moved.

    A symbol whose books differ from the broker just now is left out: its line may only be late.
    """
    left = dict(record.positions)
    for line in record.lines:
        if line.activity.kind in MOVES:
            left[line.activity.symbol] = left.get(line.activity.symbol, ZERO) - line.activity.qty
    return [
        (symbol, qty) for symbol, qty in sorted(left.items())
        if qty and (qty > 0 or is_option(symbol)) and symbol not in record.drifting
    ]  # fmt: skip


def lots_at(record: Record, moves: list[Move], last: date) -> TaxLots:
    """Match what moved up to a day."""
    return fifo([move for move in moves if move.day <= last], holdings_before(record))


T, M, D, A, C = "text", "money", "day", "moment", "count"


def _table(name: str, means: str, columns: Iterable[tuple[str, Any, str]], rows: Iterable[tuple[Any, ...]]) -> Table:
    return Table(name, means, tuple(Column(*one) for one in columns), list(rows))


def trades(lines: list[Line], fees: Fees) -> Table:
    """Give every fill."""

    def row(line: Line) -> tuple[Any, ...]:
        one = line.activity
        fee = fees.get((one.id, one.symbol), ZERO)
        cash = cash_effect(one)
        return (
            line.day, one.at, one.symbol, underlying_of(one.symbol), "option" if is_option(one.symbol) else "share",
            "buy" if one.qty > 0 else "sell", abs(one.qty), one.price, cash, fee, cash - fee, line.strategy,
            line.purpose, line.cycle, line.order, one.order_id, one.id,
        )  # fmt: skip

    return _table("trades", "Every fill, one row each.", (
        ("day", D, "New York day"), ("at", A, "moment, UTC"), ("symbol", T, "what traded"),
        ("underlying", T, "the share it is about"), ("kind", T, "share or option"), ("side", T, "buy or sell"),
        ("quantity", M, "shares or contracts"), ("price", M, "dollars per share"),
        ("amount", M, "effect on cash before fees, dollars"),
        ("fees", M, "this fill's part of the day's fees, dollars: brokers book them by day"),
        ("net", M, "amount less fees"), ("strategy", T, "whose order; empty: not this program's"),
        ("purpose", T, "why it was sent"), ("cycle", T, "turn of the wheel"), ("order", T, "our id"),
        ("broker_order", T, "the broker's order id"), ("id", T, "the broker's id of the fill"),
    ), (row(line) for line in lines if line.activity.kind == "FILL"))  # fmt: skip


def premium(record: Record, year: int | None) -> Table:
    """Give every option leg that ended, or a part of one."""
    rows = []
    for leg, symbol, root, right, strike, expiry, qty, opened, at, day, how, credit, price, income, tax, whose, turn, \
            owner in record.leg_ends:  # fmt: skip
        if year is None or int(day[:4]) == year:
            rows.append((
                date.fromisoformat(day), symbol, root, right, Decimal(strike), date.fromisoformat(expiry),
                Decimal(qty), new_york_day(datetime.fromisoformat(opened)), datetime.fromisoformat(at), how,
                None if credit is None else Decimal(credit), Decimal(price), Decimal(income), Decimal(tax), whose,
                owner, turn, leg,
            ))  # fmt: skip
    return _table("premium", "Every option leg that ended, as the bot's own books have it.", (
        ("day", D, "New York day of the end"), ("symbol", T, "option series"), ("underlying", T, "the share"),
        ("right", T, "put or call"), ("strike", M, "dollars per share"), ("expiry", D, "last day"),
        ("contracts", M, "contracts that ended"), ("opened", D, "New York day of the opening"),
        ("at", A, "moment of the end, UTC"), ("how", T, "closed, expired, assigned, ..."),
        ("credit", M, "opening price per share; empty: unknown"), ("price", M, "price per share it ended at"),
        ("income", M, "premium earned, income book, dollars; without fees booked after the end (tax_lots has them)"),
        ("tax_income", M, "the same where an assigned option's premium goes to the shares"),
        ("strategy", T, "whose"), ("owner", T, "ours, adopted or foreign"), ("cycle", T, "turn of the wheel"),
        ("leg", T, "the leg's id"),
    ), rows)  # fmt: skip


def cycles(record: Record, year: int | None) -> Table:
    """Give every turn of the wheel that was open in the year."""
    rows = []
    for key, symbol, strategy, opened, closed, option, share, dividends, fees, legs, assigned, pnl in record.cycles:
        start, end = _day(opened), None if closed is None else _day(closed)
        if year is None or (start.year <= year and (end is None or end.year >= year)):
            rows.append((
                key, symbol, strategy, start, end, Decimal(option), Decimal(share), Decimal(dividends), Decimal(fees),
                legs, assigned, None if pnl is None else Decimal(pnl),
            ))  # fmt: skip
    return _table("cycles", "Every turn of the wheel that was open at some time, from flat to flat.", (
        ("cycle", T, "its id"), ("symbol", T, "the share"), ("strategy", T, "whose"), ("opened", D, "New York day"),
        ("closed", D, "New York day; empty while open"), ("option_cash", M, "options sold less bought, dollars"),
        ("share_cash", M, "shares sold less bought, dollars"), ("dividends", M, "dollars"), ("fees", M, "dollars"),
        ("legs", C, "option legs opened"), ("assignments", C, "puts assigned"),
        ("result", M, "cash and dividends less fees, dollars; once closed"),
    ), rows)  # fmt: skip


def _day(moment: str) -> date:
    return new_york_day(datetime.fromisoformat(moment))


def cash_lines(name: str, means: str, lines: Iterable[Line]) -> Table:
    """Give lines of the account that moved cash and traded nothing."""
    return _table(name, means, (
        ("day", D, "New York day"), ("at", A, "moment, UTC"), ("kind", T, "the broker's kind of line"),
        ("symbol", T, "what it is about; may be empty"), ("quantity", M, "change in what is held"),
        ("amount", M, "effect on cash, dollars"), ("description", T, "the broker's text"), ("id", T, "the broker's id"),
    ), (
        (line.day, one.at, one.raw_type if one.kind == "OTHER" and one.raw_type else one.kind, one.symbol, one.qty,
         one.net_amount, one.description, one.id)
        for line in lines for one in (line.activity,)
    ))  # fmt: skip


def option_ends(lines: Iterable[Line]) -> Table:
    """Give assignments, exercises, expiries, and the shares that went with them."""
    return _table("option_ends", "Options assigned, exercised and expired, and the shares delivered.", (
        ("day", D, "New York day"), ("at", A, "moment, UTC"), ("what", T, ", ".join(ENDS.values())),
        ("symbol", T, "the series, or the share delivered"), ("underlying", T, "the share"),
        ("quantity", M, "change in what is held"), ("price", M, "dollars per share: the strike of a delivery"),
        ("amount", M, "effect on cash, dollars"), ("group", T, "the same for an assignment and its shares"),
        ("id", T, "the broker's id"),
    ), (
        (line.day, one.at, ENDS[one.kind], one.symbol, underlying_of(one.symbol), one.qty, one.price, one.net_amount,
         one.group_id, one.id)
        for line in lines for one in (line.activity,) if one.kind in ENDS
    ))  # fmt: skip


def tax_lots(lots: TaxLots, year: int | None) -> Table:
    """Give every disposal, first in first out."""
    return _table("tax_lots", "Every disposal of shares and options by tax year, first in, first out, fees inside.", (
        ("tax_year", C, "year of the day it ended"), ("symbol", T, "share or option series"),
        ("kind", T, "share, put or call; written: sold first"), ("quantity", M, "shares or contracts"),
        ("acquired", D, "day of purchase; of a written option: the day it ended; empty: before this record"),
        ("sold", D, "day of sale; of a written option: the day it was written; empty: before this record"),
        ("proceeds", M, "dollars; empty: unknown"), ("cost_basis", M, "dollars; empty: unknown"),
        ("adjustment", M, "option cash inside proceeds or basis: an assigned put lowers the basis by its premium, an"
         " assigned call raises the proceeds by its own; dollars"),
        ("gain", M, "proceeds less cost_basis; empty: unknown"),
        ("term", T, "long: held more than one year; short; unknown. What was written is short"),
        ("how", T, "sold, bought back, expired, called away, put delivered, covered, cash in lieu"),
        ("lot", T, "line of the account that opened it"), ("line", T, "line that ended it"),
    ), (
        (one.closed.year, one.symbol, _named(one.symbol, one.written), one.qty, one.acquired, one.sold, one.proceeds,
         one.basis, one.adjustment, one.gain, one.term, one.how, one.lot, one.move)
        for one in lots.disposals if year is None or one.closed.year == year
    ))  # fmt: skip


def open_lots(ends: Iterable[tuple[date, TaxLots]]) -> Table:
    """Give what was open at the end of each day named."""
    return _table("open_lots", "What was held, or written, at the end of each year and of the record.", (
        ("as_of", D, "the end of this day"), ("symbol", T, "share or option series"), ("kind", T, "as in tax_lots"),
        ("quantity", M, "shares or contracts; negative: written"), ("acquired", D, "day it was opened; empty: unknown"),
        ("cost_basis", M, "dollars; negative for what was written: the premium taken in; empty: unknown"),
        ("adjustment", M, "option cash inside cost_basis, dollars"), ("lot", T, "line of the account that opened it"),
    ), (
        (day, lot.symbol, _named(lot.symbol, lot.qty < 0), lot.qty, lot.acquired, None if lot.cash is None
         else -lot.cash, lot.adjustment, lot.id)
        for day, lots in ends for lot in lots.open_lots
    ))  # fmt: skip


def _named(symbol: str, written: bool) -> str:
    kind = parse_option(symbol).right if is_option(symbol) else "share"
    return f"written {kind}" if written else kind


def is_transfer(one: Activity) -> bool:
    """Say whether a line moved money or shares in or out of the account."""
    return one.kind in TRANSFERS
