"""What a gate says: allowed or not, with its number against its limit."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.money import plain

TEN = Decimal(10)
SMALL_FRACTION = Decimal("0.01")
"""Fractions below this are written with two digits of a percent: spreads are a few hundredths."""


class CheckResult(Fact, frozen=True, kw_only=True, array_like=True):
    """One gate's answer to one intent.

    `limit` None means "off". `distance` is the room left in `unit`: negative when refused by that much.
    """

    gate: str
    ok: bool
    reason: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""
    distance: Decimal | None = None


def at_most(gate: str, value: Decimal | None, limit: Decimal | None, unit: str, what: str) -> CheckResult:
    """Allow what does not exceed a limit; a limit of None is off; an unknown value is refused."""
    if limit is None:
        return CheckResult(gate=gate, ok=True, reason=f"{what}: no limit is set (off)", value=value, unit=unit)
    if value is None:
        return CheckResult(gate=gate, ok=False, reason=f"{what} is unknown", limit=limit, unit=unit)
    ok = value <= limit
    word = "within" if ok else "above"
    return CheckResult(
        gate=gate,
        ok=ok,
        reason=f"{what} {show(value, unit)} is {word} {show(limit, unit)}",
        value=value,
        limit=limit,
        unit=unit,
        distance=limit - value,
    )


def at_least(gate: str, value: Decimal | None, limit: Decimal | None, unit: str, what: str) -> CheckResult:
    """Allow what reaches a limit; a limit of None is off; an unknown value is refused."""
    if limit is None:
        return CheckResult(gate=gate, ok=True, reason=f"{what}: no limit is set (off)", value=value, unit=unit)
    if value is None:
        return CheckResult(gate=gate, ok=False, reason=f"{what} is unknown", limit=limit, unit=unit)
    ok = value >= limit
    word = "reaches" if ok else "is below"
    return CheckResult(
        gate=gate,
        ok=ok,
        reason=f"{what} {show(value, unit)} {word} {show(limit, unit)}",
        value=value,
        limit=limit,
        unit=unit,
        distance=value - limit,
    )


def allowed(gate: str, reason: str) -> CheckResult:
    """Allow with a reason and no number (also for "does not apply")."""
    return CheckResult(gate=gate, ok=True, reason=reason)


def refused(gate: str, reason: str) -> CheckResult:
    """Refuse with a reason and no number."""
    return CheckResult(gate=gate, ok=False, reason=reason)


def show(value: Decimal, unit: str) -> str:
    """Write a number with its unit as a person reads it.

    >>> show(Decimal("0.2512"), "fraction"), show(Decimal("1234.5"), "usd"), show(Decimal(3), "orders")
    ('25.1 %', '1,234.50 USD', '3 orders')
    >>> show(Decimal("0.0003"), "fraction")
    '0.03 %'
    >>> show(Decimal(5623) / 60, "minutes")
    '93.72 minutes'
    """
    if unit == "fraction":
        return f"{value * 100:.1f} %" if value == 0 or abs(value) >= SMALL_FRACTION else f"{value * 100:.2f} %"
    if unit == "usd":
        return f"{value:,.2f} USD"
    return f"{short(value)} {unit}".rstrip()


def short(value: Decimal) -> str:
    """Write a number with four digits behind the point at most, and two where it is above ten.

    >>> short(Decimal("0.0125")), short(Decimal(200) / 3), short(Decimal("1E+3")), short(Decimal("12.5"))
    ('0.0125', '66.67', '1000', '12.5')
    """
    return plain(Decimal(f"{value:.{2 if abs(value) > TEN else 4}f}"))
