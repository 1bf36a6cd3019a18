"""Words and columns that every report shares: dollars, percentages, moments, tables, JSON without floats for money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from textwrap import wrap
from typing import Any

import msgspec

from bot.domain.checks import short, show
from bot.domain.money import CENT, plain
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.sessions import NEW_YORK
from bot.report.tick_json import verdict_object

SIX_DIGITS = Decimal("0.000001")
WIDTH = 100
"""Columns a line of a report takes at most; tables are built to stay inside."""
NARROWEST = 20
"""Columns in which words may still be broken into lines."""


def dollars(value: Decimal | None, *, signed: bool = False) -> str:
    """Write dollars with separators and two digits; an unknown amount says so.

    >>> dollars(Decimal("-1234.5")), dollars(Decimal(3), signed=True), dollars(None)
    ('-1,234.50', '+3.00', 'unknown')
    """
    if value is None:
        return "unknown"
    return f"{value:+,.2f}" if signed else f"{value:,.2f}"


def percent(fraction: Decimal | None, *, signed: bool = False) -> str:
    """Write a fraction as percent with one digit.

    >>> percent(Decimal("0.0512"), signed=True)
    '+5.1 %'
    """
    if fraction is None:
        return "unknown"
    return f"{fraction * 100:+z.1f} %" if signed else f"{fraction * 100:z.1f} %"


def six(fraction: Decimal | None) -> Decimal | None:
    """Keep six digits of a fraction: a report's ratios are for reading, not for paying."""
    return None if fraction is None else fraction.quantize(SIX_DIGITS)


def number(value: Decimal | None, unit: str = "") -> str:
    """Write a number with its unit, nothing for none."""
    return "" if value is None else show(value, unit)


def bare(value: Decimal | None, unit: str) -> str:
    """Write a number whose unit stands beside it already; a percentage keeps its sign.

    >>> bare(Decimal("1234.5"), "usd"), bare(Decimal("0.4"), "fraction"), bare(Decimal(3), "orders")
    ('1,234.50', '40.0 %', '3')
    """
    if value is None:
        return ""
    return show(value, unit) if unit == "fraction" else dollars(value) if unit == "usd" else short(value)


def limit_word(limit: Decimal | None, unit: str) -> str:
    """Write a limit without its unit; an absent one of a gate that counts something is off."""
    return ("off" if unit else "") if limit is None else bare(limit, unit)


def count(number_of: int, noun: str, nouns: str = "") -> str:
    """Write a count with its noun.

    >>> count(1, "wish", "wishes"), count(1200, "fill")
    ('1 wish', '1,200 fills')
    """
    return f"{number_of:,} {noun if number_of == 1 else nouns or noun + 's'}"


def new_york(moment: datetime) -> str:
    """Write a moment as the market's clock shows it."""
    return f"{moment.astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York"


def clock(moment: datetime) -> str:
    """Write a moment's New York time of day."""
    return f"{moment.astimezone(NEW_YORK):%H:%M}"


def ago(then: datetime, now: datetime) -> str:
    """Say how long ago a moment was, in its largest unit that counts two or more.

    >>> from datetime import UTC
    >>> ago(datetime(2026, 11, 18, 17, tzinfo=UTC), datetime(2026, 11, 18, 19, 30, tzinfo=UTC))
    '2 hours ago'
    """
    seconds = int((now - then).total_seconds())
    if seconds < 0:
        return "in the future of this machine's clock"
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}s ago"
    return "just now" if seconds < 5 else f"{seconds} seconds ago"


def price_text(price: Decimal) -> str:
    """Write a price per share with two digits, or more where it has more.

    >>> price_text(Decimal("6.6")), price_text(Decimal("0.0125")), price_text(Decimal("-1.05"))
    ('6.60', '0.0125', '-1.05')
    """
    return f"{price:.2f}" if price == price.quantize(CENT) else plain(price)


def wish(intent: OrderIntent) -> str:
    """Write what was wanted as a person says it.

    A limit is per share; a multi-leg price below zero is a credit.
    """
    if intent.action == "cancel":
        return f"cancel {intent.replaces}"
    price = ""
    if intent.order_type == "limit" and intent.limit_price is not None:
        price = f" at {price_text(intent.limit_price)}"
    elif intent.order_type == "trailing_stop" and intent.trail_percent is not None:
        price = f" trailing {plain(intent.trail_percent)} %"
    return f"{intent.side} {plain(intent.qty)} {intent.symbol}{price}"


def filled_text(text: str, indent: str = "", hanging: str = "") -> list[str]:
    """Break a sentence into lines inside the report's width, never inside a word."""
    return wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=hanging or indent, break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]  # fmt: skip


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Align rows under their heads, two blanks apart and indented by two; `right` names columns of numbers.

    A last cell that would leave the report's width goes on below itself.
    """
    listed = [list(map(str, row)) for row in rows]
    if not listed:
        return []
    widths = [max(len(row[column]) for row in (list(heads), *listed)) for column in range(len(heads))]
    lines = []
    for row in (list(heads), *listed):
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        start = "".join(f"  {cell}" for cell in cells[:-1]) + "  "
        if len(start + row[-1]) <= WIDTH:
            lines.append((start + cells[-1]).rstrip())
        elif len(start) <= WIDTH - NARROWEST:
            lines += filled_text(row[-1], start, " " * len(start))
        else:
            lines += [start.rstrip(), *filled_text(row[-1], " " * 6)]
    return lines


def aligned(heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: frozenset[int] = frozenset({0})) -> list[str]:
    """Align rows under their heads, two blanks apart and indented by two; each row stays one line, however long."""
    listed = [list(heads), *map(list, rows)]
    widths = [max(len(row[column]) for row in listed) for column in range(len(heads))]
    lines = []
    for row in listed:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def section(title: str, lines: Sequence[str]) -> list[str]:
    """Give a titled block after an empty line, or nothing where there is nothing to show."""
    return ["", title, *lines] if lines else []


def home_lines(home: str, prefix: str, *commands: str) -> list[str]:
    """End a report: which home it is about, and what to type next; `prefix` must stand before a command."""
    if not prefix:
        return ["", f"home {home}", f"next: {'   or   '.join(commands)}"]
    return ["", f"home {home}", "next:", *(f"  {prefix}{command}" for command in commands)]


def plain_object(value: Any) -> Any:
    """Turn facts into what JSON knows: decimals as strings, moments in ISO form, verdicts as the tick has them."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Verdict):
        return plain_object(verdict_object(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, msgspec.Struct):
        return {name: plain_object(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(key): plain_object(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain_object(value._asdict())
    if isinstance(value, tuple | list | frozenset):
        return [plain_object(item) for item in value]
    return value


def json_line(value: Any) -> str:
    """Write facts as one line of JSON; money and quantities are strings."""
    return msgspec.json.encode(plain_object(value)).decode()
