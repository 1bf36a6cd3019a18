"""What a tape's catalogue says: its files and where they come from, its series, and what was found wrong with it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from bot.domain.facts import Fact

FORMAT = 1
CATALOGUE = "catalogue.json"
Kind = Literal["bars", "chains", "signals", "ticks"]
KINDS: tuple[Kind, ...] = ("bars", "chains", "signals", "ticks")


class Problem(Fact, frozen=True, kw_only=True):
    """One thing found in a source: how often, in which rows (the first few), and whether it refuses the import."""

    what: str
    count: int
    rows: tuple[str, ...] = ()
    refuses: bool = False
    words: str = ""
    symbol: str = ""

    @property
    def text(self) -> str:
        """Say it in one line.

        >>> Problem(what="gap", count=2, rows=("4", "9"), words="10 minutes missing", symbol="XLF").text
        'XLF: gap, 2 times, rows 4, 9: 10 minutes missing'
        """
        name = f"{self.symbol}: " if self.symbol else ""
        times = "" if self.count == 1 else f", {self.count} times"
        more = ", ..." if self.count > len(self.rows) > 1 else ""
        where = "" if not self.rows else f", row{'s' if len(self.rows) > 1 else ''} {', '.join(self.rows)}"
        return f"{name}{self.what}{times}{where}{more}" + (f": {self.words}" if self.words else "")


class FileFacts(Fact, frozen=True, kw_only=True):
    """One file of a tape."""

    name: str
    size: int
    sha256: str


class SeriesFacts(Fact, frozen=True, kw_only=True):
    """One symbol's rows of one kind; `first_at` and `last_at` are the moments at which the first and last were known.

    Prices are whole numbers of 10**-places. `volume` says whether the source told any.
    """

    kind: Kind
    symbol: str
    file: str
    rows: int
    first_at: datetime
    last_at: datetime
    places: int = 0
    volume: bool = True
    name: str = ""
    """Of a signal: which one."""


class EventEntry(Fact, frozen=True, kw_only=True):
    """A dividend (dollars a share, `day` is the ex-date) or split (new shares for an old one).

    `declared` is the day it became known, None where the source does not say.
    """

    symbol: str
    kind: Literal["dividend", "split"]
    day: date
    amount: Decimal
    declared: date | None = None


class TapeFacts(Fact, frozen=True, kw_only=True):
    """The catalogue of one tape. `sources` are the files it was made from, `options` how they were read."""

    format: int = FORMAT
    name: str
    kinds: tuple[Kind, ...]
    step_seconds: int = 0
    zone: str = "UTC"
    always_open: bool = False
    note: str = ""
    modelled: str = ""
    imported_at: datetime
    sources: tuple[FileFacts, ...] = ()
    options: dict[str, str] = msgspec.field(default_factory=dict)
    files: tuple[FileFacts, ...] = ()
    series: tuple[SeriesFacts, ...] = ()
    events: tuple[EventEntry, ...] = ()
    events_given: bool = False
    """Whether the owner gave dividends or splits: then a symbol without any pays nothing, else nothing is known."""
    problems: tuple[Problem, ...] = ()
