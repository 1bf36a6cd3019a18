"""Own marks from tick to tick: which of them the next one may fall back on. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

Marks = tuple[tuple[str, Decimal, datetime], ...]
"""Own marks as (symbol, price, moment of the quote)."""


def good_marks(at: datetime, before: Marks, marks: tuple[tuple[str, Decimal, str], ...]) -> Marks:
    """Give the marks the next tick may fall back on: those that were quoted, at the moment of their quote.

    A mark that was itself carried over keeps its first moment, or it would never grow old (wheel 2.12). Marks
    made up by a model, the far side or the entry price are not kept: the next tick makes them anew.
    """
    moments = {symbol: then for symbol, _, then in before}
    kept = []
    for symbol, price, source in marks:
        if source in ("mid", "last"):
            kept.append((symbol, price, at))
        elif source == "previous" and symbol in moments:
            kept.append((symbol, price, moments[symbol]))
    return tuple(kept)
