"""Single cells of a source as exact numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.domain.errors import BadNumber
from bot.domain.money import ZERO, from_float, from_text

PLACES_MOST = 9
_GRID = Decimal(1).scaleb(-PLACES_MOST)
BIGGEST = Decimal(9_000_000_000)
"""Above it a price of nine places does not fit a column of whole numbers."""
VOLUME_MOST = Decimal(10**15)
"""Below what a float still counts one by one, and above what ever traded."""


def empty(cell: Any) -> bool:
    """Say whether a cell holds nothing; NaN is something, and no number."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def number_of(cell: Any, what: str) -> Decimal:
    """Read a finite decimal; raises BadNumber."""
    if isinstance(cell, bool):
        raise BadNumber(f"{what}: expected a number, got {cell}")
    if isinstance(cell, float):
        return from_float(cell)
    if isinstance(cell, int):
        return Decimal(cell)
    return from_text("" if cell is None else str(cell), what)


def price_of(cell: Any, what: str) -> Decimal:
    """Read a price above zero; raises BadNumber."""
    value = number_of(cell, what)
    if not ZERO < value < BIGGEST:
        raise BadNumber(f"{what}: expected a price above zero and below {BIGGEST}, got {value}")
    return value


def volume_of(cell: Any) -> float:
    """Read a volume of zero or more, an empty cell as zero; raises BadNumber."""
    value = ZERO if empty(cell) else number_of(cell, "volume")
    if not ZERO <= value <= VOLUME_MOST:
        raise BadNumber(f"volume: expected zero or more and no more than {VOLUME_MOST:,}, got {value:.6g}")
    return float(value)


def places_of(value: Decimal) -> int:
    """Count the places behind the point that a decimal needs.

    >>> places_of(Decimal("1.500")), places_of(Decimal("100")), places_of(Decimal("1E+2"))
    (1, 0, 0)
    """
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def on_grid(value: Decimal) -> Decimal:
    """Round to nine places: what a float carries beyond them is noise."""
    return value.quantize(_GRID)
