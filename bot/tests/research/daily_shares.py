"""Shares from published daily files as a market: raw prices, real dividends and splits from the factor files.

Stated for what a daily file does not tell: the open stands from a minute after it, the low from two hours on, the high
from three; the close stands from half an hour and five seconds before the session's close (when a daily tick looks) and
trades every minute until then. Bid and ask are a cent either side. Dividends are known thirty days ahead, no releases.
"""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bot.domain.market import (
    Bar,
    Bars,
    BarsRequest,
    ChainRequest,
    Dividend,
    Events,
    EventsRequest,
    MarketReads,
    Quote,
    QuotesRequest,
    Request,
    Split,
)
from bot.domain.sessions import new_york_day, next_session, session_on

CENT, MILL = Decimal("0.01"), Decimal("0.001")
A_MINUTE = timedelta(minutes=1)
LOOKS = timedelta(minutes=30, seconds=5)
KNOWN_AHEAD = timedelta(days=30)
FILES = {
    "IBM": ("IBM_daily_raw_lean.csv.gz", "factor_ibm.csv"),
    "BAC": ("BAC_daily_raw_lean.csv.gz", "factor_bac.csv"),
    "GOOG": ("GOOG_daily_raw_2014_2021_lean.csv.gz", "factor_goog.csv"),
}
GOOG_SPLIT = Split(symbol="GOOG", day=date(2014, 4, 3), ratio=Decimal(2))
"""Alphabet's class C shares of 3 April 2014: in the prices, and not in the factor file, which begins with them."""


class Point(NamedTuple):
    """A price and the moment from which it stands."""

    at: datetime
    price: Decimal


class DailyShares:
    """A Market and a Path over daily bars of some names."""

    name = "published daily bars"
    simulated = False

    def __init__(self, material: Path, names: tuple[str, ...], first: date, last: date) -> None:
        self.bars: dict[str, list[Bar]] = {}
        self.events: dict[str, list[Dividend | Split]] = {}
        self._ends: dict[str, list[datetime]] = {}
        self._points: dict[str, list[Point]] = {}
        self._moments: dict[str, list[datetime]] = {}
        for name in names:
            prices, factors = FILES[name]
            self._read(name, material / "data/equity" / prices, first - timedelta(days=60), last)
            self.events[name] = read_factors(name, material / "data/equity" / factors)

    def _read(self, name: str, path: Path, first: date, last: date) -> None:
        bars, ends, points = [], [], []
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file):
                day = _day(row["time"])
                session = session_on(day) if first <= day <= last else None
                if session is None:
                    continue
                four = [Decimal(row[one]) for one in ("open", "high", "low", "close")]
                bars.append(
                    Bar(
                        at=session.open_at, open=four[0], high=four[1], low=four[2], close=four[3],
                        volume=int(float(row["volume"])),
                    )
                )  # fmt: skip
                ends.append(session.close_at)
                looks = session.close_at - LOOKS
                for after, price in ((1, four[0]), (120, four[2]), (180, four[1])):
                    at = session.open_at + timedelta(minutes=after)
                    points += [Point(at, price)] if at < looks else []
                points += [Point(looks + A_MINUTE * n, four[3]) for n in range(31)]
        self.bars[name], self._ends[name], self._points[name] = bars, ends, points
        self._moments[name] = [point.at for point in points]

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        quotes, bars, events, errors = [], [], [], []
        for request in requests:
            if isinstance(request, QuotesRequest):
                for symbol in request.symbols:
                    row = bisect_right(self._moments.get(symbol, []), at)
                    if row:
                        quotes.append(_quote(symbol, self._points[symbol][row - 1]))
                    else:
                        errors.append(f"{symbol}: no price")
            elif isinstance(request, BarsRequest):
                ended = bisect_right(self._ends.get(request.symbol, []), at)
                found = self.bars.get(request.symbol, [])[max(0, ended - request.count) : ended]
                bars.append(Bars(symbol=request.symbol, step=request.step, bars=tuple(found), source=self.name))
            elif isinstance(request, EventsRequest):
                events += [self._known(symbol, at) for symbol in request.symbols if symbol in self.events]
            elif isinstance(request, ChainRequest):
                errors.append(f"{request.underlying}: no chains")
        return MarketReads(quotes=tuple(quotes), bars=tuple(bars), events=tuple(events), errors=tuple(errors))

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        moments = self._moments[symbol]
        for row in range(bisect_right(moments, after), bisect_right(moments, until)):
            yield _quote(symbol, self._points[symbol][row])

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        return tuple(one for one in self.events.get(symbol, ()) if after < event_day(one) <= until)

    def _known(self, symbol: str, at: datetime) -> Events:
        today = new_york_day(at)
        ahead = self.events_between(symbol, today - timedelta(days=400), today + KNOWN_AHEAD)
        return Events(
            symbol=symbol, dividend_status="known", dividends=tuple(one for one in ahead if isinstance(one, Dividend)),
            earnings_status="exempt", splits=tuple(one for one in ahead if isinstance(one, Split)), as_of=at,
        )  # fmt: skip


def event_day(event: Dividend | Split) -> date:
    """Give the day an event takes effect."""
    return event.ex_date if isinstance(event, Dividend) else event.day


def read_factors(name: str, path: Path) -> list[Dividend | Split]:
    """Turn a factor file (last day, price factor, split factor, close of it) into what happened the session after.

    A dividend is close x (1 - factor / next factor) to a tenth of a cent, a split next / this of the split factors.
    """
    rows = [line.strip().split(",") for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    found: list[Dividend | Split] = [GOOG_SPLIT] if name == "GOOG" else []
    for this, following in pairwise(rows):
        day = next_session(_day(this[0])).day
        factor, later = Decimal(this[1]), Decimal(following[1])
        if factor != later:
            amount = (Decimal(this[3]) * (1 - factor / later)).quantize(MILL)
            found.append(Dividend(symbol=name, ex_date=day, amount=amount))
        if this[2] != following[2]:
            found.append(Split(symbol=name, day=day, ratio=round(Decimal(following[2]) / Decimal(this[2]), 6)))
    return sorted(found, key=event_day)


def _quote(symbol: str, point: Point) -> Quote:
    bid, ask = point.price - CENT, point.price + CENT
    return Quote(symbol=symbol, bid=bid, ask=ask, last=point.price, at=point.at, source="published daily bars")


def _day(text: str) -> date:
    return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()
