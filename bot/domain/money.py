"""Exact decimals for everything that pays; the one door in from float."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation

from bot.domain.errors import BadNumber

ZERO = Decimal(0)
ONE = Decimal(1)
CENT = Decimal("0.01")
HUNDRED = Decimal(100)
NINE_PLACES = Decimal("0.000000001")
SHARES_PER_CONTRACT = Decimal(100)


def from_float(value: float) -> Decimal:
    """Turn a finite float into the shortest decimal that names it.

    Raises BadNumber for NaN and infinities.

    >>> from_float(0.1)
    Decimal('0.1')
    """
    if not math.isfinite(value):
        raise BadNumber(f"expected a finite number, got {value}")
    return Decimal(repr(value))


def from_text(text: str, what: str = "number") -> Decimal:
    """Read a finite decimal from text, or raise BadNumber naming what was read."""
    try:
        value = Decimal(text.strip())
    except (InvalidOperation, AttributeError, ValueError) as error:
        raise BadNumber(f"{what}: expected a decimal number, got {text!r}") from error
    if not value.is_finite():
        raise BadNumber(f"{what}: expected a finite number, got {text!r}")
    return value


def to_cents(amount: Decimal) -> Decimal:
    """Round an amount to cents, half to even.

    >>> to_cents(Decimal("2.675"))
    Decimal('2.68')
    """
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def cents_up(amount: Decimal) -> Decimal:
    """Round an amount up to a whole cent, as brokers do with the day's fees."""
    return amount.quantize(CENT, ROUND_CEILING)


def to_grid(price: Decimal, step: Decimal, *, up: bool) -> Decimal:
    """Move a price onto a grid of `step`, up or down; exact prices stay.

    >>> to_grid(Decimal("1.234"), Decimal("0.05"), up=True)
    Decimal('1.25')
    """
    if step <= 0:
        raise BadNumber(f"a price grid must be above zero, got {step}")
    steps = (price / step).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    return steps * step


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without needless zeros behind the point.

    >>> plain(Decimal("1E+3")), plain(Decimal("1.2500")), plain(Decimal("0.00"))
    ('1000', '1.25', '0')
    """
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def after_split(qty: Decimal, ratio: Decimal) -> Decimal:
    """Give a quantity after a split of `ratio` for 1, to the nine decimals brokers keep: 1 for 3 leaves no 99.99...

    >>> after_split(Decimal(300), Decimal(1) / 3), after_split(Decimal(100), Decimal("1.5"))
    (Decimal('100'), Decimal('150'))
    """
    after = (qty * ratio).quantize(NINE_PLACES)
    whole = after.to_integral_value()
    return whole if after == whole else after.normalize()
