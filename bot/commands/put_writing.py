"""`bot research put-write`: the files of a folder, the check, and its table."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from bot.domain.errors import UsageError
from bot.report.words import aligned
from bot.research.put_write import (
    CORRELATION_LEAST,
    GAP_MOST,
    TRACKING_MOST,
    Likeness,
    Material,
    MonthEnd,
    PutWrite,
    put_write,
)

_Row = TypeVar("_Row")
Cells = dict[str, str]
MONTH_NEEDS, CLOSE_NEEDS, VOLATILITY_NEEDS = (
    ("date", "put", "sptr", "spx", "gs3m"),
    ("date", "sp500"),
    ("date", "close"),
)
EXPECTED = (
    "a CSV with Date, PUT, SPTR, SPX, GS3M (month-ends), one with Date, SP500 (daily closes) and one with DATE, CLOSE "
    "(the volatility index, daily, in percent)"
)


def run_put_write(folder: str, fit: str, test: str, seed: int, *, as_json: bool) -> None:
    """Print the check of a folder's files."""
    material = read_material(Path(folder))
    found = put_write(material, _years(fit, "--fit"), _years(test, "--test"), seed=seed)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        sys.stdout.write("\n".join(put_write_lines(found)) + "\n")


def put_write_lines(found: PutWrite) -> list[str]:
    """Give the table and what it says, line by line."""
    heads = ("", "months", "correlation", "tracking", "modelled", "published", "apart")
    rows = [
        _row(f"found on {_span(found.fit)}", found.fit),
        _row(f"held against {_span(found.test)}", found.test),
        _row("the same at factor 1", found.unscaled),
    ]
    words = "within" if found.test.good else "NOT within"
    return [
        f"premium factor {found.factor:.3f}, {found.level:.0%} interval {found.low:.3f} to {found.high:.3f} "
        f"({found.samples} resamples of its months, seed {found.seed})",
        "",
        *aligned(heads, rows),
        "",
        f"{_span(found.test)} is {words} the bounds: correlation {CORRELATION_LEAST} or more, tracking error "
        f"{TRACKING_MOST:.1%} a year or less, compound return within {100 * GAP_MOST:.0f} point",
        "the puts are modelled (Black-Scholes at the factor times the volatility index): no market quoted them",
    ]


def read_material(folder: Path) -> Material:
    """Read the three files of a folder, told by their columns; raises UsageError naming a bad row or a lack."""
    closes: dict[date, float] | None = None
    volatilities: dict[date, float] | None = None
    ends: list[MonthEnd] | None = None
    seen = []
    for path in sorted(folder.glob("*.csv")):
        header, rows = _read(path)
        seen.append(f"{path.name} ({', '.join(header)})")
        if ends is None and set(MONTH_NEEDS) <= set(header):
            ends = _each(path, rows, _month_end)
        elif closes is None and set(CLOSE_NEEDS) <= set(header):
            closes = dict(_each(path, rows, lambda cells: (_day(cells), _positive(cells, "sp500"))))
        elif volatilities is None and set(VOLATILITY_NEEDS) <= set(header):
            volatilities = dict(_each(path, rows, lambda cells: (_day(cells), _positive(cells, "close") / 100)))
    if closes is None or volatilities is None or ends is None:
        raise UsageError(f"{folder}: expected {EXPECTED}; found {'; '.join(seen) or 'no CSV at all'}")
    return Material(closes, volatilities, sorted(ends))


def _read(path: Path) -> tuple[list[str], list[tuple[int, Cells]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [cell.strip().lower() for cell in next(reader, [])]
            return header, [(reader.line_num, dict(zip(header, row, strict=False))) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read ({error})") from error


def _each(path: Path, rows: list[tuple[int, Cells]], read: Callable[[Cells], _Row]) -> list[_Row]:
    found = []
    for number, cells in rows:
        try:
            found.append(read(cells))
        except (ValueError, KeyError) as error:
            raise UsageError(f"{path.name} row {number}: {error}") from error
    return found


def _month_end(cells: Cells) -> MonthEnd:
    put, total, index = (_positive(cells, name) for name in ("put", "sptr", "spx"))
    return MonthEnd(_day(cells), put, total, index, float(cells["gs3m"]) / 100)


def _day(cells: Cells) -> date:
    return date.fromisoformat(cells["date"].strip())


def _positive(cells: Cells, name: str) -> float:
    value = float(cells[name])
    if not 0 < value < 1e9:
        raise ValueError(f"{name}: expected a number above zero, got {cells[name]!r}")
    return value


def _years(text: str, option: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise UsageError(f"{option}: expected years like 1990-1994, got {text!r}")
    return int(first), int(last)


def _span(one: Likeness) -> str:
    return f"{one.first:%Y-%m} to {one.last:%Y-%m}"


def _row(name: str, one: Likeness) -> tuple[str, ...]:
    return (
        name, str(one.months), f"{one.correlation:.4f}", f"{one.tracking_error:.2%}", f"{one.compound_modelled:.2%}",
        f"{one.compound_published:.2%}", f"{100 * one.gap:+.2f} points",
    )  # fmt: skip
