"""Lines of the week's picture and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple


class Line(NamedTuple):
    """One line of the picture and how it is drawn; what is `whole` is never broken: it is there to be copied."""

    words: str = ""
    style: str = ""
    whole: bool = False


def styled(lines: Iterable[str], style: str = "") -> list[Line]:
    """Draw lines in one style."""
    return [Line(line, style) for line in lines]


def copied(lines: Iterable[str], style: str = "") -> list[Line]:
    """Draw lines that are there to be copied."""
    return [Line(line, style, True) for line in lines]


def day_words(day: date) -> str:
    """Write a day as a person says it.

    >>> day_words(date(2026, 11, 27))
    'Fri 27 Nov'
    """
    return f"{day:%a %-d %b}"
