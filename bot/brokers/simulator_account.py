"""The simulated account's arithmetic: holdings, cover, collateral, buying power. Pure.

The account is Alpaca's margin account (wheel 1.1): cash secured puts and covered calls are held back in full,
shares lend half their value where the multiplier is 2 or 4, options lend nothing. Interest and margin calls are
not modelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from bot.domain.facts import Fact
from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import Contract, is_option, parse_option, underlying_of
from bot.domain.money import SHARES_PER_CONTRACT, ZERO

LOAN_FRACTION = Decimal("0.5")
AVERAGE_STEP = Decimal("0.000001")


class Holding(Fact, frozen=True, kw_only=True):
    """Shares or contracts held (negative when short) and the weighted average price per share."""

    qty: Decimal
    average: Decimal


class Cover(NamedTuple):
    """What an underlying's options hold back: dollars, and shares under short calls."""

    collateral: Decimal
    shares: Decimal


class Powers(NamedTuple):
    """What the account may still spend, dollars."""

    buying_power: Decimal
    options_buying_power: Decimal
    non_marginable: Decimal


def unit_size(symbol: str) -> Decimal:
    """Give the shares behind one unit: 100 for a contract, 1 for a share."""
    return SHARES_PER_CONTRACT if is_option(symbol) else Decimal(1)


def average_of(total: Decimal, qty: Decimal) -> Decimal:
    """Divide a total by a quantity, to six places at most."""
    mean = total / qty
    return mean.quantize(AVERAGE_STEP).normalize() + ZERO if mean != mean.quantize(AVERAGE_STEP) else mean


def after_trade(held: Holding | None, change: Decimal, price: Decimal) -> Holding | None:
    """Give a holding after a signed change at a price; None when nothing is left.

    Adding moves the weighted average; taking away keeps it; crossing zero starts a new one.
    """
    if held is None or held.qty == 0:
        return Holding(qty=change, average=price) if change else None
    qty = held.qty + change
    if qty == 0:
        return None
    if (held.qty > 0) == (change > 0):
        return Holding(qty=qty, average=average_of(held.qty * held.average + change * price, qty))
    if (qty > 0) == (held.qty > 0):
        return Holding(qty=qty, average=held.average)
    return Holding(qty=qty, average=price)


def remaining_of(order: BrokerOrder) -> Decimal:
    """Give what an order can still fill, in its own units."""
    return order.qty - order.filled_qty


def pessimistic(held: Mapping[str, Decimal], orders: Iterable[BrokerOrder]) -> dict[str, Decimal]:
    """Give quantities with working orders filled where that takes something away, and not where it frees.

    Sales count at once. Purchases count only beside a sale of the same right in one order with several legs:
    its legs fill together and cover each other.
    """
    result = dict(held)
    for order in orders:
        left = remaining_of(order)
        sold = {leg.symbol[-9] for leg in order.legs if leg.side == "sell"} if len(order.legs) > 1 else set()
        for leg in order.legs:
            if leg.side == "sell":
                result[leg.symbol] = result.get(leg.symbol, ZERO) - left * leg.ratio
            elif leg.symbol[-9:-8] in sold:
                result[leg.symbol] = result.get(leg.symbol, ZERO) + left * leg.ratio
    return result


def options_by_underlying(held: Mapping[str, Decimal]) -> dict[str, list[tuple[Contract, Decimal]]]:
    """Group held option series by underlying."""
    found: dict[str, list[tuple[Contract, Decimal]]] = {}
    for symbol, qty in held.items():
        if qty and is_option(symbol):
            found.setdefault(underlying_of(symbol), []).append((parse_option(symbol), qty))
    return found


def cover_of(options: Iterable[tuple[Contract, Decimal]]) -> Cover:
    """Give what the options of one underlying hold back.

    A short is paired with a long of its right that does not expire before it (best strike first) and holds
    back the width between them where the pair can lose. An unpaired put holds back its strike, an unpaired
    call 100 shares.
    """
    listed = list(options)
    if all(qty > 0 for _, qty in listed):
        return Cover(ZERO, ZERO)
    collateral, shares = ZERO, ZERO
    for right, best_first in (("put", -1), ("call", 1)):
        side = sorted(
            ((one, qty) for one, qty in listed if one.right == right),
            key=lambda pair: (best_first * pair[0].strike, pair[0].symbol),
        )
        spare = {one.symbol: qty for one, qty in side if qty > 0}
        for short, qty in side:
            left = max(-qty, ZERO)
            for long, _ in side:
                paired = min(left, spare.get(long.symbol, ZERO)) if long.expiry >= short.expiry else ZERO
                if paired > 0:
                    width = best_first * (long.strike - short.strike)
                    collateral += max(width, ZERO) * SHARES_PER_CONTRACT * paired
                    spare[long.symbol] -= paired
                    left -= paired
            if right == "put":
                collateral += left * short.strike * SHARES_PER_CONTRACT
            else:
                shares += left * SHARES_PER_CONTRACT
    return Cover(collateral, shares)


def collateral_of(held: Mapping[str, Decimal]) -> Decimal:
    """Sum the dollars held back for all options held."""
    return sum((cover_of(options).collateral for options in options_by_underlying(held).values()), ZERO)


def shares_under_calls(held: Mapping[str, Decimal], underlying: str) -> Decimal:
    """Count the shares of one underlying that its short calls hold back."""
    if not any(qty < 0 for qty in held.values()):
        return ZERO
    return cover_of(options_by_underlying(held).get(underlying, ())).shares


def powers(
    cash: Decimal,
    share_value: Decimal,
    collateral: Decimal,
    order_reserve: Decimal,
    accrued_fees: Decimal,
    multiplier: int,
) -> Powers:
    """Compute what may still be spent, as Alpaca's margin account shows it; never below zero.

    excess = cash + loan value of shares (half their value, nothing at multiplier 1) - accrued fees
    - collateral of options - reserves of working orders. Options may use the excess, marginable shares the
    excess times the multiplier; so options_buying_power can be positive on negative cash (wheel 1.1).
    non_marginable = cash - collateral: working orders and fees are not taken off here, formula 2.6 does that.
    """
    loan = share_value * LOAN_FRACTION if multiplier > 1 else ZERO
    excess = max(cash + loan - accrued_fees - collateral - order_reserve, ZERO)
    return Powers(excess * multiplier, excess, max(cash - collateral, ZERO))
