"""Bars out of files: every row read, checked and either kept as it is, or named. Nothing is mended unsaid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.errors import BadNumber, MarketError, UsageError
from bot.domain.facts import Fact
from bot.domain.instruments import is_option
from bot.tapes.barbook import seconds_of
from bot.tapes.cells import PLACES_MOST, on_grid, places_of, price_of, volume_of
from bot.tapes.hours import bounds_of
from bot.tapes.reading import Findings, Source, found_columns, read_source, unused
from bot.tapes.stamps import BadStamp, read_day, read_day_and_milliseconds, read_stamp

ALIASES: dict[str, tuple[str, ...]] = {
    "time": ("time", "datetime", "timestamp", "date", "at", ""),
    "symbol": ("symbol", "ticker", "pair"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
}
SYMBOL = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9./_-]{0,19}")
NEEDED = ("time", "open", "high", "low", "close")
DAY_SECONDS = 86_400
PEEKED = 500


class BarOptions(Fact, frozen=True, kw_only=True):
    """How the owner says that bars are to be read. `keep` is which of two rows of one stamp stays; "" refuses them.

    `drop_bad` leaves rows out that are no bars, and counts them; `accept` names findings that shall not refuse.
    """

    symbol: str = ""
    columns: dict[str, str]
    zone: str = "UTC"
    stamp: str = "start"
    step_seconds: int = 0
    always_open: bool = False
    keep: str = ""
    drop_bad: bool = False
    accept: tuple[str, ...] = ()


class Row(NamedTuple):
    """One bar of a source: start and end in seconds UTC, its prices, and the row it stands in."""

    start: int
    end: int
    prices: tuple[Decimal, Decimal, Decimal, Decimal]
    volume: float
    label: str


def read_bars(
    paths: Sequence[Path], options: BarOptions, findings: Findings, zone: ZoneInfo
) -> tuple[dict[str, list[Row]], int]:
    """Read the bars of all files by symbol, in the order of the files, and their step in seconds."""
    found: dict[str, list[Row]] = {}
    step = options.step_seconds
    for path in paths:
        source = read_source(path)
        columns = found_columns(source, ALIASES, NEEDED, options.columns)
        if not options.symbol and "symbol" not in columns:
            raise UsageError(f"{path.name}: has no column that names symbols: add --symbol SYMBOL")
        if options.symbol:
            columns.pop("symbol", None)
        findings.unread(unused(source, columns), path.name)
        if not source.rows:
            raise MarketError(f"{path.name}: has a header and no rows")
        cells = [_column(source, columns.get(name)) for name in ALIASES]
        step = step or _step(cells[0], cells[1], zone, path)
        prefix = f"{path.name}:" if len(paths) > 1 else ""
        reader = _Reader(options, findings, zone, step)
        for number, row in zip(source.rows, zip(*cells, strict=True), strict=True):
            symbol = options.symbol or str(row[1]).strip()
            one = reader.row(symbol, row, f"{prefix}{number}")
            if one is not None:
                found.setdefault(symbol, []).append(one)
    for symbol in found:
        if not SYMBOL.fullmatch(symbol) or is_option(symbol):
            words = "bars are of shares, funds, indices, currencies or coins: letters, digits, '.', '-', '/', '_'"
            findings.add("bad symbol", symbol=symbol[:30], words=words, refuses=True)
    return found, step


def _column(source: Source, name: str | None) -> list[Any]:
    if name is None:
        return [None] * len(source.rows)
    if "+" in name and name not in source.columns:
        return list(zip(*(source.columns[part] for part in name.split("+")), strict=True))
    return source.columns[name]


def _step(stamps: Sequence[Any], symbols: Sequence[Any], zone: ZoneInfo, path: Path) -> int:
    """Find how long bars are: a day where no stamp has a time, else the smallest distance of two of one symbol."""
    seen: list[datetime] = []
    for stamp, symbol in zip(stamps[:PEEKED], symbols[:PEEKED], strict=True):
        if symbol == symbols[0]:
            try:
                seen.append(_moment(stamp, zone))
            except BadStamp:
                continue
    if seen and all(one.astimezone(zone).time() == time(0) for one in seen):
        return DAY_SECONDS
    gaps = [abs(seconds_of(later) - seconds_of(one)) for one, later in pairwise(seen)]
    smallest = min((gap for gap in gaps if gap), default=0)
    if not smallest:
        raise UsageError(f"{path.name}: its stamps do not tell a bar's length: add --step 1min, 15min, 1hour or 1day")
    return min(smallest, DAY_SECONDS)


def _moment(cell: Any, zone: ZoneInfo) -> datetime:
    return read_day_and_milliseconds(cell[0], cell[1], zone) if isinstance(cell, tuple) else read_stamp(cell, zone)


class _Reader:
    def __init__(self, options: BarOptions, findings: Findings, zone: ZoneInfo, step: int) -> None:
        self._options = options
        self._findings = findings
        self._zone = zone
        self._step = step

    def row(self, symbol: str, cells: tuple[Any, ...], label: str) -> Row | None:
        """Read one row; one that is no bar is named, and left out."""
        try:
            start, end = self._span(cells[0])
            opening, high, low, close = self._prices(symbol, cells, label)
            volume = volume_of(cells[6])
        except BadStamp as error:
            self._bad(error.what, symbol, label, str(error))
            return None
        except BadNumber as error:
            self._bad("bad number", symbol, label, str(error))
            return None
        if not low <= min(opening, close) <= max(opening, close) <= high:
            words = f"expected low <= open, close <= high, got {low}, {opening}, {close}, {high}"
            self._bad("impossible bar", symbol, label, words)
            return None
        return Row(start, end, (opening, high, low, close), volume, label)

    def _bad(self, what: str, symbol: str, label: str, words: str) -> None:
        drop = self._options.drop_bad
        self._findings.add(
            f"{what}, left out" if drop else what, label, words, symbol=symbol, refuses=not drop
        )  # fmt: skip

    def _span(self, stamp: Any) -> tuple[int, int]:
        if self._step >= DAY_SECONDS:
            day = read_day(stamp, self._zone)
            return _day_span(day, self._options.always_open, self._zone)
        at = seconds_of(_moment(stamp, self._zone))
        return (at - self._step, at) if self._options.stamp == "end" else (at, at + self._step)

    def _prices(self, symbol: str, cells: tuple[Any, ...], label: str) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        found = [price_of(cell, name) for cell, name in zip(cells[2:6], NEEDED[1:], strict=True)]
        for number, value in enumerate(found):
            if places_of(value) > PLACES_MOST:
                found[number] = on_grid(value)
                self._findings.add("rounded", label, f"{value} to nine places", symbol=symbol)
                if not found[number]:
                    raise BadNumber(f"{NEEDED[number + 1]}: {value} is nothing at nine places")
        return found[0], found[1], found[2], found[3]


def _day_span(day: date, always_open: bool, zone: ZoneInfo) -> tuple[int, int]:
    if always_open:
        # A day around the clock is one of the source's own zone: known when it is over there.
        if day.year >= date.max.year:
            raise BadStamp("unknown year", f"{day} is no day of the past")
        first, last = (datetime.combine(one, time(0), zone) for one in (day, day + timedelta(days=1)))
        return seconds_of(first), seconds_of(last)
    try:
        bounds = bounds_of(day, always_open)
    except MarketError as error:
        raise BadStamp("unknown year", f"{error}; or say --always-open") from error
    if bounds is None:
        raise BadStamp("no session", f"{day} is no session of the New York market")
    return bounds
