"""What options are worth at the end, and what of their price is time: exact decimals.

Prices and strikes per share; quantities signed (negative is short).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

from bot.domain.instruments import Right
from bot.domain.money import SHARES_PER_CONTRACT, ZERO


class PayoffLeg(NamedTuple):
    """One leg of a position: `qty` contracts of an option, or `qty` shares (their `strike` is not read).

    `price` is what one share of it cost or brought, always positive; the sign is the quantity's.
    """

    right: Right | Literal["share"]
    strike: Decimal
    qty: Decimal
    price: Decimal


def intrinsic(right: Right, spot: Decimal, strike: Decimal) -> Decimal:
    """Give what exercising now would bring per share, never below zero.

    >>> intrinsic("put", Decimal("38.50"), Decimal(40))
    Decimal('1.50')
    """
    return max(spot - strike if right == "call" else strike - spot, ZERO)


def extrinsic(right: Right, mid: Decimal, spot: Decimal, strike: Decimal) -> Decimal:
    """Give the part of a price that is time (wheel.md 2.9); negative when quoted below intrinsic value.

    >>> extrinsic("call", Decimal("2.30"), Decimal("42"), Decimal("40"))
    Decimal('0.30')
    """
    return mid - intrinsic(right, spot, strike)


def has_ex_dividend_risk(mid: Decimal, spot: Decimal, strike: Decimal, dividend: Decimal) -> bool:
    """Say whether the holder of a call gains by exercising for the dividend (wheel.md 2.9).

    In the money, and less extrinsic value than the dividend per share.
    """
    return spot > strike and extrinsic("call", mid, spot, strike) < dividend


def payoff_at_expiry(legs: tuple[PayoffLeg, ...], spot: Decimal) -> Decimal:
    """Give profit or loss in dollars of the whole position, closed at expiry with the share at `spot`."""
    total = ZERO
    for leg in legs:
        if leg.right == "share":
            total += leg.qty * (spot - leg.price)
        else:
            total += leg.qty * SHARES_PER_CONTRACT * (intrinsic(leg.right, spot, leg.strike) - leg.price)
    return total


def break_evens(legs: tuple[PayoffLeg, ...]) -> tuple[Decimal, ...]:
    """List the share prices at which the position ends with neither profit nor loss, ascending.

    The payoff is straight between strikes, so each stretch is solved exactly. A stretch that lies on zero
    gives its ends.

    >>> break_evens((PayoffLeg("put", Decimal(50), Decimal(-1), Decimal("1.20")),))
    (Decimal('48.8'),)
    """
    kinks = sorted({ZERO, *(leg.strike for leg in legs if leg.right != "share")})
    beyond = kinks[-1] + 1
    found: set[Decimal] = set()
    for left, right in zip(kinks, [*kinks[1:], beyond], strict=True):
        at_left, at_right = payoff_at_expiry(legs, left), payoff_at_expiry(legs, right)
        if at_left == 0:
            found.add(left)
        if at_left == at_right:
            continue
        root = left - at_left * (right - left) / (at_right - at_left)
        if left < root and (root <= right or right == beyond):
            found.add(root)
    return tuple(sorted(found))
