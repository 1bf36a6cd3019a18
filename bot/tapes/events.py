"""The dividends and splits of a tape: what happened, and what could be known of it on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from bot.domain.market import Dividend, Split
from bot.domain.money import ONE
from bot.tapes.facts import EventEntry

DECLARED_BEFORE = timedelta(days=14)
"""A dividend is taken to be known two weeks ahead where the source does not say when it was declared."""
HISTORY = timedelta(days=400)
OVERDUE = timedelta(days=5)


class Known(NamedTuple):
    """What is known of one symbol on a day."""

    status: Literal["known", "none", "unknown"]
    dividends: tuple[Dividend, ...] = ()
    splits: tuple[Split, ...] = ()


class TapeEvents:
    """The events of a tape by symbol. Where the owner gave none at all, nothing is known of any symbol."""

    def __init__(self, entries: Iterable[EventEntry], *, given: bool) -> None:
        self._given = given
        self._entries: dict[str, list[EventEntry]] = {}
        for one in sorted(entries, key=lambda one: (one.day, one.kind)):
            self._entries.setdefault(one.symbol, []).append(one)
        self._splits = {
            symbol: found for symbol, rows in self._entries.items()
            if (found := [(one.day, one.amount) for one in rows if one.kind == "split"])
        }  # fmt: skip

    def known(self, symbol: str, today: date) -> Known:
        """Give what was known on a day: 400 days back, what was declared, and the next dividend as the last ones let
        expect it. A symbol with one past payment and none declared is unknown."""
        if not self._given:
            return Known("unknown")
        told = [
            one for one in self._entries.get(symbol, ())
            if (one.declared or one.day - DECLARED_BEFORE) <= today and one.day > today - HISTORY
        ]  # fmt: skip
        splits = tuple(_event(one) for one in told if one.kind == "split")
        dividends = [_event(one) for one in told if one.kind == "dividend"]
        paid = [one for one in dividends if isinstance(one, Dividend)]
        split = tuple(one for one in splits if isinstance(one, Split))
        if not paid:
            return Known("none", (), split)
        if paid[-1].ex_date > today:
            return Known("known", tuple(paid), split)
        if len(paid) < 2:
            return Known("unknown", tuple(paid), split)
        return Known("known", (*paid, _expected(paid, today)), split)

    def between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what happened on days with after < day <= until, oldest first."""
        return tuple(_event(one) for one in self._entries.get(symbol, ()) if after < one.day <= until)

    def splits(self, symbol: str) -> list[tuple[date, Decimal]]:
        """Give the days and ratios of a symbol's splits, oldest first."""
        return self._splits.get(symbol, [])

    def ratio(self, symbol: str, after: date, until: date) -> Decimal:
        """Give how many shares of `until` one share of `after` has become."""
        found = ONE
        for day, ratio in self._splits.get(symbol, ()):
            if after < day <= until:
                found *= ratio
        return found


def _event(one: EventEntry) -> Dividend | Split:
    if one.kind == "dividend":
        return Dividend(symbol=one.symbol, ex_date=one.day, amount=one.amount)
    return Split(symbol=one.symbol, day=one.day, ratio=one.amount)


def _expected(paid: list[Dividend], today: date) -> Dividend:
    """Project the next payment from the mean interval of the last four; one overdue by five days was not paid."""
    last = paid[-4:]
    step = timedelta(days=max(1, (last[-1].ex_date - last[0].ex_date).days // (len(last) - 1)))
    day = last[-1].ex_date + step
    while day < today - OVERDUE:
        day += step
    return Dividend(symbol=last[-1].symbol, ex_date=day, amount=last[-1].amount, expected=True)
