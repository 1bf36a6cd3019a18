"""What is held, as lines: shares with their result, open options with days, distance and share of profit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from bot.domain.facts import Fact
from bot.domain.instruments import Right, is_option, parse_option
from bot.domain.ledger import Instruction, Lot, OptionLeg
from bot.domain.market import Quote
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, from_float, plain
from bot.domain.sessions import days_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.wheelmath import share_of_profit
from bot.report.shapes import HeldLike
from bot.report.words import dollars, percent, six, table


class Held(NamedTuple):
    """A position with our own mark; prices per share."""

    symbol: str
    owner: str
    qty: Decimal
    avg_entry_price: Decimal | None
    mark: Decimal | None
    mark_source: str | None


class ShareLine(Fact, frozen=True, kw_only=True):
    """Shares held: dollars per share, unrealised in dollars; `basis` is what our lots paid, else the broker's mean."""

    symbol: str
    owner: str
    qty: Decimal
    basis: Decimal | None
    basis_tax: Decimal | None = None
    mark: Decimal | None
    mark_source: str
    value: Decimal | None
    unrealised: Decimal | None


class OptionLine(Fact, frozen=True, kw_only=True):
    """An option held: prices per share, unrealised in dollars.

    `distance_fraction` is how far the price must move to reach the strike, negative in the money;
    `profit_share` the part of the credit that closing at the ask would keep (wheel 2.8); `delta` is per unit long.
    """

    symbol: str
    underlying: str
    right: Right
    owner: str
    qty: Decimal
    strike: Decimal
    expiry: date
    dte: int
    spot: Decimal | None
    distance_fraction: Decimal | None
    credit: Decimal | None
    mark: Decimal | None
    mark_source: str
    profit_share: Decimal | None
    unrealised: Decimal | None
    rolls: int = 0
    word: str = ""
    delta: Decimal | None = None


def held_in(snapshot: Snapshot) -> list[Held]:
    """List what a Snapshot holds with its own marks."""
    found = []
    for one in snapshot.positions:
        mark = snapshot.mark_of.get(one.position.symbol)
        found.append(
            Held(
                one.position.symbol, one.owner, one.position.qty, one.position.avg_entry_price,
                None if mark is None else mark.price, None if mark is None else mark.source,
            )
        )  # fmt: skip
    return found


def share_lines(held: Iterable[HeldLike], lots: Iterable[Lot]) -> tuple[ShareLine, ...]:
    """Give a line for every share position."""
    lots_of: dict[str, list[Lot]] = {}
    for lot in lots:
        lots_of.setdefault(lot.symbol, []).append(lot)
    lines = []
    for one in held:
        if is_option(one.symbol) or one.qty == 0:
            continue
        own = lots_of.get(one.symbol, [])
        basis = _mean([(lot.qty, lot.basis_strike) for lot in own]) or one.avg_entry_price
        lines.append(
            ShareLine(
                symbol=one.symbol, owner=one.owner, qty=one.qty, basis=basis,
                basis_tax=_mean([(lot.qty, lot.basis_tax) for lot in own]), mark=one.mark,
                mark_source=one.mark_source or "", value=None if one.mark is None else one.mark * one.qty,
                unrealised=None if one.mark is None or basis is None else (one.mark - basis) * one.qty,
            )
        )  # fmt: skip
    return tuple(lines)


def _mean(parts: list[tuple[Decimal, Decimal | None]]) -> Decimal | None:
    total = sum((qty for qty, _ in parts), ZERO)
    known = [(qty, price) for qty, price in parts if price is not None]
    if total == 0 or len(known) < len(parts):
        return None
    return sum((qty * price for qty, price in known), ZERO) / total


def option_lines(
    held: Iterable[HeldLike],
    legs: Iterable[OptionLeg],
    quotes: Mapping[str, Quote],
    today: date,
    words: Iterable[Instruction] = (),
) -> tuple[OptionLine, ...]:
    """Give a line for every option position, nearest expiry first."""
    leg_of = {leg.symbol: leg for leg in legs}
    word_of = {one.contract: one.word for one in words}
    lines = []
    for one in held:
        if not is_option(one.symbol) or one.qty == 0:
            continue
        contract, leg = parse_option(one.symbol), leg_of.get(one.symbol)
        credit = one.avg_entry_price if leg is None or leg.credit is None else leg.credit
        spot = spot_in(quotes, contract.root)
        quote = quotes.get(one.symbol)
        lines.append(
            OptionLine(
                symbol=one.symbol, underlying=contract.root, right=contract.right, owner=one.owner, qty=one.qty,
                strike=contract.strike, expiry=contract.expiry, dte=days_to_expiry(contract.expiry, today), spot=spot,
                distance_fraction=distance_fraction(contract.right, contract.strike, spot), credit=credit,
                mark=one.mark, mark_source=one.mark_source or "",
                profit_share=six(share_of_profit(credit, quote.ask)) if quote is not None and one.qty < 0 else None,
                unrealised=(
                    None if one.mark is None or credit is None
                    else (one.mark - credit) * one.qty * SHARES_PER_CONTRACT
                ),
                rolls=0 if leg is None else leg.rolls, word=word_of.get(one.symbol, ""),
                delta=None if quote is None or quote.delta is None else from_float(quote.delta),
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (line.expiry, line.symbol)))


def spot_in(quotes: Mapping[str, Quote], symbol: str) -> Decimal | None:
    """Give an underlying's price: the mid of a valid quote, else its last trade."""
    quote = quotes.get(symbol)
    if quote is None:
        return None
    return quote.mid if quote.mid is not None else quote.last


def distance_fraction(right: Right, strike: Decimal, spot: Decimal | None) -> Decimal | None:
    """Give how far the price is from the strike as a fraction of the price; negative in the money.

    >>> str(distance_fraction("put", Decimal(38), Decimal(40)))
    '0.050000'
    """
    if spot is None or spot <= 0:
        return None
    return six((spot - strike if right == "put" else strike - spot) / spot)


def share_table(lines: Iterable[ShareLine]) -> list[str]:
    """Draw the shares held."""
    return table(
        ("shares", "quantity", "paid", "tax basis", "own mark", "value", "P&L", ""),
        [
            (
                line.symbol, plain(line.qty), dollars(line.basis),
                "" if line.basis_tax is None else dollars(line.basis_tax), mark_words(line.mark, line.mark_source),
                dollars(line.value), dollars(line.unrealised, signed=True), owner_word(line.owner),
            )
            for line in lines
        ],
        right=frozenset({1, 2, 3, 4, 5, 6}),
    )  # fmt: skip


def option_table(lines: Iterable[OptionLine], *, delta: bool = False) -> list[str]:
    """Draw the open options, with `delta` where it was worked out."""
    heads = ("option", "qty", "dte", "strike", "spot", "distance", *(["delta"] if delta else []))
    return table(
        (*heads, "credit", "mark", "of max", "P&L", ""),
        [
            (
                f"{line.underlying} {line.right} {line.expiry:%m-%d}", plain(line.qty), str(line.dte),
                plain(line.strike), "unknown" if line.spot is None else f"{line.spot:.2f}",
                percent(line.distance_fraction), *([delta_words(line.delta)] if delta else []), dollars(line.credit),
                dollars(line.mark), percent(line.profit_share), dollars(line.unrealised, signed=True), _remark(line),
            )
            for line in lines
        ],
        right=frozenset(range(1, 11 if delta else 10)),
    )  # fmt: skip


def delta_words(delta: Decimal | None) -> str:
    """Write a delta with two digits, or that it is unknown."""
    return "unknown" if delta is None else f"{delta:.2f}"


def _remark(line: OptionLine) -> str:
    remarks = [
        owner_word(line.owner),
        "ITM" if line.distance_fraction is not None and line.distance_fraction < 0 else "",
        f"rolled {line.rolls}x" if line.rolls else "",
        line.word.replace("_", " "),
        "" if line.mark_source in ("mid", "") else f"mark: {line.mark_source}",
    ]
    return ", ".join(remark for remark in remarks if remark)


def mark_words(mark: Decimal | None, source: str) -> str:
    """Write a mark, and where it comes from unless that is the mid."""
    return dollars(mark) if source in ("mid", "") else f"{dollars(mark)} ({source})"


def owner_word(owner: str) -> str:
    """Name an owner other than ourselves."""
    return "" if owner == "ours" else owner
