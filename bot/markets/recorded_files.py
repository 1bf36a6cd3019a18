"""The files of a recorded market: rows with faults named by file and line.

Every file is UTF-8 CSV with a header; further columns are ignored. An empty cell means "none". Moments are ISO
with a zone (2015-12-23T20:29:55Z); prices are dollars per share.

    bars/<SYMBOL>.csv    time,open,high,low,close,volume     `time` is a bar's first moment, or a day: a daily
                                                             bar, known at that session's close
    quotes/<SYMBOL>.csv  at,bid,ask,last                     shares; `last` may be left out
    chains/<SYMBOL>.csv  at,expiry,right,strike,bid,ask,     one row a contract and moment; one reading of a chain
                         open_interest                       bears one moment. Optional: delta (either sign), iv
                                                             (0.25 is 25 %), last, standard (false: adjusted)
    events.csv           symbol,kind,day,amount              kind dividend (dollars a share, day is the ex-date)
                                                             or split (new shares for an old one). Optional:
                                                             declared, the day it became known
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from bot.domain.errors import BadNumber, MarketError
from bot.domain.instruments import Right
from bot.domain.market import Bar
from bot.domain.money import ZERO, from_text
from bot.domain.sessions import session_on

FAULTS_SHOWN = 5
Cells = Mapping[str, str]
_Row = TypeVar("_Row")


class DailyBar(NamedTuple):
    """A daily bar and the moment it became known: its session's close."""

    known_at: datetime
    day: date
    bar: Bar


class QuoteRow(NamedTuple):
    """One reading of a share."""

    at: datetime
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None


class ChainRow(NamedTuple):
    """One contract at one moment. `delta` is a size, `iv` a fraction; None where the file has none."""

    at: datetime
    expiry: date
    right: Right
    strike: Decimal
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    open_interest: int | None
    delta: float | None
    iv: float | None
    standard: bool


class EventRow(NamedTuple):
    """A dividend or split, and the day it became known (None: the file does not say)."""

    symbol: str
    kind: Literal["dividend", "split"]
    day: date
    amount: Decimal
    declared: date | None


def read_rows(path: Path, needed: tuple[str, ...], row: Callable[[Cells], _Row]) -> list[_Row] | None:
    """Read a file's rows, or None if there is no file; raises MarketError naming lines (the first five)."""
    where = f"{path.parent.name}/{path.name}"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [one.strip() for one in next(reader, [])]
            missing = [one for one in needed if one not in header]
            if missing:
                raise MarketError(f"{where}:1: the header lacks {', '.join(missing)}")
            found: list[_Row] = []
            faults: list[str] = []
            for cells in reader:
                if not any(cells):
                    continue
                try:
                    if len(cells) != len(header):
                        raise ValueError(f"expected {len(header)} cells, got {len(cells)}")
                    found.append(row(dict(zip(header, (one.strip() for one in cells), strict=True))))
                except (ValueError, BadNumber) as error:
                    faults.append(f"{where}:{reader.line_num}: {error}")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MarketError(f"{where}: cannot be read: {error}") from error
    if faults:
        more = f" (and {len(faults) - FAULTS_SHOWN} more)" if len(faults) > FAULTS_SHOWN else ""
        raise MarketError("; ".join(faults[:FAULTS_SHOWN]) + more)
    return found


def bar_row(cells: Cells) -> Bar | DailyBar:
    """Read one bar; a day as its time makes it a daily one."""
    text = cells["time"]
    opening, high, low, close = (_price(cells, one) for one in ("open", "high", "low", "close"))
    if not low <= min(opening, close) <= max(opening, close) <= high:
        raise ValueError(f"expected low <= open, close <= high, got {low}, {opening}, {close}, {high}")
    volume = _whole(cells, "volume")
    session = None
    if len(text) == 10:
        day = _day(cells, "time")
        session = session_on(day)
        if session is None:
            raise ValueError(f"time: {day} is no session of the New York market")
    at = session.open_at if session is not None else _moment(text)
    bar = Bar(at=at, open=opening, high=high, low=low, close=close, volume=volume or 0)
    return bar if session is None else DailyBar(session.close_at, session.day, bar)


def quote_row(cells: Cells) -> QuoteRow:
    """Read one reading of a share."""
    return QuoteRow(
        _moment(cells["at"]), _maybe_price(cells, "bid"), _maybe_price(cells, "ask"), _maybe_price(cells, "last")
    )


def chain_row(cells: Cells) -> ChainRow:
    """Read one contract at one moment."""
    right = cells["right"].lower()
    if right not in ("put", "call"):
        raise ValueError(f"right: expected put or call, got {cells['right'][:20]!r}")
    strike = _price(cells, "strike")
    if strike * 1000 != int(strike * 1000) or strike >= 100_000:
        raise ValueError(f"strike: expected steps of 0.001 below 100000, got {strike}")
    standard = cells.get("standard", "").lower()
    if standard not in ("", "true", "false"):
        raise ValueError(f"standard: expected true or false, got {standard[:20]!r}")
    return ChainRow(
        at=_moment(cells["at"]),
        expiry=_day(cells, "expiry"),
        right="put" if right == "put" else "call",
        strike=strike,
        bid=_maybe_price(cells, "bid"),
        ask=_maybe_price(cells, "ask"),
        last=_maybe_price(cells, "last"),
        open_interest=_whole(cells, "open_interest"),
        delta=_size(cells, "delta", 1.0),
        iv=_size(cells, "iv", 10.0),
        standard=standard != "false",
    )


def event_row(cells: Cells) -> EventRow:
    """Read one dividend or split."""
    kind = cells["kind"]
    if kind not in ("dividend", "split"):
        raise ValueError(f"kind: expected dividend or split, got {kind[:20]!r}")
    return EventRow(
        symbol=cells["symbol"],
        kind="dividend" if kind == "dividend" else "split",
        day=_day(cells, "day"),
        amount=_price(cells, "amount"),
        declared=_day(cells, "declared") if cells.get("declared") else None,
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"expected a moment like 2015-12-23T20:29:55Z, got {text[:30]!r}") from error
    if moment.tzinfo is None:
        raise ValueError(f"expected a moment with its zone (end it in Z for UTC), got {text[:30]!r}")
    return moment.astimezone(UTC)


def _day(cells: Cells, name: str) -> date:
    try:
        return date.fromisoformat(cells[name])
    except ValueError as error:
        raise ValueError(f"{name}: expected a day like 2016-01-29, got {cells[name][:20]!r}") from error


def _price(cells: Cells, name: str) -> Decimal:
    value = from_text(cells[name], name)
    if value <= ZERO:
        raise ValueError(f"{name}: expected a number above zero, got {value}")
    return value


def _maybe_price(cells: Cells, name: str) -> Decimal | None:
    text = cells.get(name, "")
    if not text:
        return None
    value = from_text(text, name)
    if value < ZERO:
        raise ValueError(f"{name}: expected zero or more, got {value}")
    return value


def _whole(cells: Cells, name: str) -> int | None:
    if not cells[name]:
        return None
    value = from_text(cells[name], name)
    if value < ZERO or value != value.to_integral_value():
        raise ValueError(f"{name}: expected a whole number from zero, got {value}")
    return int(value)


def _size(cells: Cells, name: str, most: float) -> float | None:
    text = cells.get(name, "")
    if not text:
        return None
    value = abs(float(from_text(text, name)))
    if value > most:
        raise ValueError(f"{name}: expected a size up to {most:g}, got {text[:20]}")
    return value
