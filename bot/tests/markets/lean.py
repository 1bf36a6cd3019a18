"""Two real sessions of the GOOG chain (2015-12-23 and 24), turned into a recorded market's folder.

The origin has daily bars of quotes. Assumptions, stated: the day's closing bid and ask of each series, and the
share's closing price, stand for five seconds before the moment 30 minutes ahead of that session's close (16:00 New
York, 13:00 on the 24th); the share's own bid and ask, which the origin lacks, are five cents either side of it.
A series whose day ended without a bid has none. GOOG paid no dividend in those years: events.csv has no rows.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.domain.sessions import session_on

DAYS = (date(2015, 12, 23), date(2015, 12, 24))
BEFORE_CLOSE = timedelta(minutes=30)
HALF_SPREAD = Decimal("0.05")


def tick_moment(day: date) -> datetime:
    """Give the moment 30 minutes before a session's close."""
    session = session_on(day)
    assert session is not None
    return session.close_at - BEFORE_CLOSE


def reading_moment(day: date) -> datetime:
    """Give the moment the day's rows are stamped with."""
    return tick_moment(day) - timedelta(seconds=5)


def write_recorded_goog(material: Path, folder: Path) -> Path:
    """Write bars, quotes, chains and events of GOOG into a folder and give it back."""
    for kind in ("bars", "quotes", "chains"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    closes = _write_bars(material, folder)
    with (folder / "quotes" / "GOOG.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "bid", "ask", "last"])
        for day in DAYS:
            close = closes[day]
            writer.writerow([_stamp(reading_moment(day)), close - HALF_SPREAD, close + HALF_SPREAD, close])
    _write_chain(material, folder)
    (folder / "events.csv").write_text("symbol,kind,day,amount\n")
    return folder


def _write_bars(material: Path, folder: Path) -> dict[date, Decimal]:
    closes = {}
    with (folder / "bars" / "GOOG.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "open", "high", "low", "close", "volume"])
        for row in _rows(material / "data/equity/GOOG_daily_raw_2014_2021_lean.csv.gz"):
            day = _day(row["time"])
            if day.year == 2015:
                closes[day] = Decimal(row["close"])
                writer.writerow([day, *(row[name] for name in ("open", "high", "low", "close", "volume"))])
    return closes


def _write_chain(material: Path, folder: Path) -> None:
    options = material / "data/options_us"
    interest = {_series(row): row["oi"] for row in _rows(options / "GOOG_2015_daily_openinterest.csv.gz")}
    last = {_series(row): row["c"] for row in _rows(options / "GOOG_2015_daily_trade.csv.gz")}
    with (folder / "chains" / "GOOG.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "expiry", "right", "strike", "bid", "ask", "open_interest", "last"])
        for row in _rows(options / "GOOG_2015_daily_quote.csv.gz"):
            key = _series(row)
            writer.writerow([
                _stamp(reading_moment(_day(row["time"]))), _day(row["expiry"]), row["type"], row["strike"],
                row["bid_c"], row["ask_c"], interest.get(key, ""), last.get(key, ""),
            ])  # fmt: skip


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as file:
        yield from csv.DictReader(file)


def _series(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["expiry"], row["type"], row["strike"], row["time"]


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
