"""Recorded dividends and splits: what was known of them on a day, and what is expected (wheel.md 1.9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from bot.domain.market import Dividend, Split
from bot.markets.recorded_files import EventRow

DECLARED_BEFORE = timedelta(days=14)
"""When a row does not say when it was declared, it is taken to be known two weeks ahead."""
HISTORY = timedelta(days=400)
_Known = tuple[Literal["known", "none", "unknown"], tuple[Dividend, ...], tuple[Split, ...]]


class RecordedEvents:
    """The rows of events.csv. The file's presence is a good answer: a symbol without rows pays nothing."""

    def __init__(self, rows: Sequence[EventRow]) -> None:
        self._rows: dict[str, list[EventRow]] = {}
        for row in sorted(rows, key=lambda one: one.day):
            self._rows.setdefault(row.symbol, []).append(row)

    def known(self, symbol: str, today: date) -> _Known:
        """Give (dividend status, dividends, splits) as known on a day: 400 days back, declared and expected ones.

        A symbol with one past payment and none declared is unknown: no interval tells when the next one comes.
        """
        known = [row for row in self._rows.get(symbol, ()) if _known_on(row) <= today and row.day > today - HISTORY]
        splits = tuple(Split(symbol=symbol, day=row.day, ratio=row.amount) for row in known if row.kind == "split")
        dividends = [_dividend(row) for row in known if row.kind == "dividend"]
        if not dividends:
            return "none", (), splits
        if dividends[-1].ex_date > today:
            return "known", tuple(dividends), splits
        if len(dividends) < 2:
            return "unknown", tuple(dividends), splits
        return "known", (*dividends, _expected(dividends, today)), splits

    def between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what happened on days with after < day <= until, oldest first."""
        rows = [row for row in self._rows.get(symbol, ()) if after < row.day <= until]
        return tuple(
            _dividend(row) if row.kind == "dividend" else Split(symbol=symbol, day=row.day, ratio=row.amount)
            for row in rows
        )


def _known_on(row: EventRow) -> date:
    return row.declared if row.declared is not None else row.day - DECLARED_BEFORE


def _dividend(row: EventRow) -> Dividend:
    return Dividend(symbol=row.symbol, ex_date=row.day, amount=row.amount)


def _expected(past: list[Dividend], today: date) -> Dividend:
    """Project the next payment from the mean interval of the last four."""
    last = past[-4:]
    days = (last[-1].ex_date - last[0].ex_date).days // (len(last) - 1)
    step = timedelta(days=max(days, 1))
    day = last[-1].ex_date + step
    # An overdue payment stays expected for the five days a projection may be off, then the next one is.
    while day < today - timedelta(days=5):
        day += step
    return Dividend(symbol=last[-1].symbol, ex_date=day, amount=Decimal(last[-1].amount), expected=True)
