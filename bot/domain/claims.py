"""What one order would use once filled: collateral, cash, lots, shares, places among the series (wheel 2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.domain.holdings import BrokerOrder, OrderLeg
from bot.domain.instruments import Right, is_option, parse_option, underlying_of
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.wheelmath import collateral, intrinsic

Row = tuple[Right, Decimal, Decimal]
"""One option of a shape: right, strike, and quantity with the sign of its position."""


class Claim(NamedTuple):
    """What an order would use once filled, in whole or beyond the order it replaces.

    `collateral` is K M q of short puts, or the width of a spread, credit not deducted; `cash` what shares and
    options bought to open cost at the limit; `contracts` option contracts opened; `puts` short contracts under
    the contract cap; `calls` short calls that need a lot; `series` short put series; `shares` shares it sells;
    `closing` (symbol, quantity) of every closing leg.
    """

    underlying: str
    collateral: Decimal = ZERO
    cash: Decimal = ZERO
    contracts: Decimal = ZERO
    puts: Decimal = ZERO
    calls: Decimal = ZERO
    series: tuple[str, ...] = ()
    shares: Decimal = ZERO
    closing: tuple[tuple[str, Decimal], ...] = ()

    @property
    def exposure(self) -> Decimal:
        """Give what it adds to its symbol's exposure in dollars (wheel 2.7)."""
        return self.collateral + self.cash

    def closes(self, symbol: str) -> Decimal:
        """Give the quantity of a symbol that it would close."""
        return sum((qty for one, qty in self.closing if one == symbol), ZERO)


def root_of(symbol: str) -> str:
    """Give the underlying that bears the risk; an adjusted root counts with its parent (wheel 1.18).

    >>> root_of("GLD1261224P00100000")
    'GLD'
    """
    return underlying_of(symbol).rstrip("0123456789") if is_option(symbol) else symbol


def worst_at_expiry(rows: Sequence[Row]) -> Decimal | None:
    """Give the most that options of one expiry can cost at expiry, per share; None where it has no bound.

    >>> worst_at_expiry([("put", Decimal(50), Decimal(-1)), ("put", Decimal(45), Decimal(1))])
    Decimal('5')
    """
    if sum((qty for right, _, qty in rows if right == "call"), ZERO) < 0:
        return None
    worst = ZERO
    for spot in (ZERO, *(strike for _, strike, _ in rows)):
        value = sum((qty * intrinsic(right, strike, spot) for right, strike, qty in rows), ZERO)
        worst = max(worst, -value)
    return worst


def claim_of(order: OrderIntent | OwnOrder | BrokerOrder, qty: Decimal, spot: Decimal | None) -> Claim:
    """Give what an order would claim if `qty` of it filled; `spot` prices a purchase that has no limit."""
    legs = order.legs
    if not legs:
        return Claim(order.underlying if not isinstance(order, BrokerOrder) else "")
    root = root_of(legs[0].symbol)
    if len(legs) == 1:
        return _claim_of_one(root, legs[0], qty, order.limit_price, spot)
    closing = tuple(
        (leg.symbol, qty * leg.ratio) for leg in legs if leg.position_intent in ("buy_to_close", "sell_to_close")
    )
    opening = [leg for leg in legs if leg.position_intent in ("buy_to_open", "sell_to_open")]
    shares = sum((qty * leg.ratio for leg in legs if leg.side == "sell" and not is_option(leg.symbol)), ZERO)
    if not opening:
        return Claim(root, closing=closing, shares=shares)
    rows, series, short = _rows(opening)
    units = qty * SHARES_PER_CONTRACT
    worst = worst_at_expiry(rows)
    if worst is None:  # more calls sold than bought: the surplus needs lots, the rest is bounded by its strikes
        naked = -sum((count for right, _, count in rows if right == "call"), ZERO)
        worst = worst_at_expiry([row for row in rows if row[0] == "put"]) or ZERO
    else:
        naked = ZERO
    debit = max(order.limit_price or ZERO, ZERO)
    return Claim(
        root,
        collateral=worst * units,
        cash=debit * units,
        contracts=qty,
        puts=short * qty - naked * qty,
        calls=naked * qty,
        series=series,
        shares=shares,
        closing=closing,
    )


def _rows(legs: Iterable[OrderLeg]) -> tuple[list[Row], tuple[str, ...], Decimal]:
    rows: list[Row] = []
    series: list[str] = []
    short = ZERO
    for leg in legs:
        if not is_option(leg.symbol):
            continue
        contract = parse_option(leg.symbol)
        sign = -1 if leg.side == "sell" else 1
        rows.append((contract.right, contract.strike, Decimal(sign * leg.ratio)))
        if sign < 0:
            short += leg.ratio
            if contract.right == "put":
                series.append(leg.symbol)
    return rows, tuple(series), short


def _claim_of_one(root: str, leg: OrderLeg, qty: Decimal, limit: Decimal | None, spot: Decimal | None) -> Claim:
    count = qty * leg.ratio
    option = is_option(leg.symbol)
    word = leg.position_intent
    if word == "sell_to_open" and option:
        contract = parse_option(leg.symbol)
        if contract.right == "call":
            return Claim(root, contracts=count, calls=count)
        secured = collateral(contract.strike, count)
        return Claim(root, collateral=secured, contracts=count, puts=count, series=(leg.symbol,))
    if word == "buy_to_open":
        price = limit if limit is not None else (ZERO if option else spot or ZERO)
        if option:
            return Claim(root, cash=price * SHARES_PER_CONTRACT * count, contracts=count)
        return Claim(root, cash=price * count)
    shares = count if leg.side == "sell" and not option else ZERO
    return Claim(root, shares=shares, closing=((leg.symbol, count),))


def beyond(claim: Claim, predecessor: Claim | None) -> Claim:
    """Give what a claim asks beyond the working order it replaces: the larger of both counts, never the sum."""
    if predecessor is None:
        return claim
    return Claim(
        claim.underlying,
        collateral=max(ZERO, claim.collateral - predecessor.collateral),
        cash=max(ZERO, claim.cash - predecessor.cash),
        contracts=max(ZERO, claim.contracts - predecessor.contracts),
        puts=max(ZERO, claim.puts - predecessor.puts),
        calls=max(ZERO, claim.calls - predecessor.calls),
        series=claim.series,
        shares=max(ZERO, claim.shares - predecessor.shares),
        closing=tuple((symbol, max(ZERO, qty - predecessor.closes(symbol))) for symbol, qty in claim.closing),
    )
