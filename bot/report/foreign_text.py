"""What is not ours, drawn: one row each, with the command that takes it over, and below it what it means."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from bot.domain.money import plain
from bot.report.foreign import ForeignLine
from bot.report.words import aligned

NARROW = 80
"""Columns that no row leaves but for a command, which must be copied whole."""


def foreign_table(lines: Iterable[ForeignLine], prefix: str = "") -> list[str]:
    """Draw what is not ours; `prefix` stands before the command to type. Nothing where there is nothing."""
    listed = list(lines)
    if not listed:
        return []
    heads, *rows = aligned(
        ("not ours", "quantity", ""),
        [(line.symbol, plain(line.qty), f"{prefix}{line.command}" if line.command else "") for line in listed],
        left=frozenset({0, 2}),
    )
    drawn = [heads]
    for line, row in zip(listed, rows, strict=True):
        drawn += [row, *wrap(line.means, NARROW, initial_indent=" " * 6, subsequent_indent=" " * 8)]
    return drawn
