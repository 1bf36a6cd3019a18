"""Earnings dates from the home's `earnings.csv`; unknown and stale fail closed (wheel.md 1.10).

The file has a header and one row a release: `symbol,date,when,as_of`. `date` and `as_of` are days (2026-01-29),
`when` is bmo (before the market opens), amc (after it closes) or unknown, `as_of` is the day somebody checked.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Literal, cast

from bot.domain.errors import ConfigError
from bot.domain.instruments import is_equity
from bot.domain.market import Earnings

AGE_DAYS_MAX = 14
COLUMNS = ("symbol", "date", "when", "as_of")
Calendar = Mapping[str, tuple[Earnings, ...]]
Status = Literal["known", "exempt", "unknown", "stale"]


def load_earnings(path: Path) -> dict[str, tuple[Earnings, ...]]:
    """Read earnings by symbol, oldest first; no file gives none.

    Raises ConfigError naming every malformed row with its line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: cannot be read as UTF-8 text: {error}") from error
    return read_earnings(text.splitlines(), path.name)


def read_earnings(lines: Iterable[str], name: str = "earnings.csv") -> dict[str, tuple[Earnings, ...]]:
    """Read the rows of an earnings file; raises ConfigError with every fault."""
    rows = csv.reader(lines)
    header = tuple(one.strip() for one in next(rows, []))
    if header != COLUMNS:
        raise ConfigError(f"{name}:1: expected the header {','.join(COLUMNS)}, got {','.join(header)[:60]!r}")
    faults: list[str] = []
    found: dict[str, list[Earnings]] = {}
    for row in rows:
        if not any(one.strip() for one in row):
            continue
        try:
            one = _row([cell.strip() for cell in row])
        except ValueError as error:
            faults.append(f"{name}:{rows.line_num}: {error}")
        else:
            found.setdefault(one.symbol, []).append(one)
    if faults:
        raise ConfigError(faults)
    return {symbol: tuple(sorted(rows_, key=lambda one: (one.day, one.as_of))) for symbol, rows_ in found.items()}


def _row(cells: list[str]) -> Earnings:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"expected {len(COLUMNS)} cells, got {len(cells)}")
    symbol, day, when, as_of = cells
    if not is_equity(symbol):
        raise ValueError(f"expected a share in capitals, got {symbol[:20]!r}")
    if when not in ("bmo", "amc", "unknown"):
        raise ValueError(f"when: expected bmo, amc or unknown, got {when[:20]!r}")
    return Earnings(
        symbol=symbol,
        day=_day("date", day),
        when=cast("Literal['bmo', 'amc', 'unknown']", when),
        as_of=_day("as_of", as_of),
    )


def _day(what: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{what}: expected a day like 2026-01-29, got {text[:20]!r}") from error


def earnings_status(calendar: Calendar, symbol: str, kind: str, today: date) -> Status:
    """Say what is known of a symbol's next release on a New York day.

    Funds are exempt. Rows checked after `today` were not known then and do not count. Known needs a release
    still to come, checked within 14 days; a file that only tells the past says nothing about the next release.
    """
    if kind == "etf":
        return "exempt"
    told = upcoming_earnings(calendar, symbol, today)
    if not told:
        return "unknown"
    newest = max(one.as_of for one in told)
    return "stale" if (today - newest).days > AGE_DAYS_MAX else "known"


def upcoming_earnings(calendar: Calendar, symbol: str, today: date) -> tuple[Earnings, ...]:
    """Give the releases on or after a day as they were known that day, oldest first."""
    return tuple(one for one in calendar.get(symbol, ()) if one.as_of <= today <= one.day)
