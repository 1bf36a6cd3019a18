"""Dividends and splits out of files: lists of them, and LEAN's factor files."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain.errors import BadNumber, MarketError, UsageError
from bot.domain.money import ONE, ZERO, from_text
from bot.domain.sessions import next_session
from bot.tapes.cells import empty, price_of
from bot.tapes.facts import EventEntry
from bot.tapes.reading import Findings, found_columns, plain_lines, read_source
from bot.tapes.stamps import BadStamp, read_day

AMOUNTS = ("amount", "ratio", "dividend", "split", "value")
ALIASES: dict[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker"),
    "day": ("day", "date", "ex_date", "time"),
    "amount": AMOUNTS,
    "declared": ("declared", "known"),
}
_DIVIDEND_GRID, _SPLIT_GRID = Decimal("0.001"), Decimal("0.000001")
_UTC = ZoneInfo("UTC")


def read_events(path: Path, kind: Literal["dividend", "split"], symbol: str, findings: Findings) -> list[EventEntry]:
    """Read a list of dividends (dollars a share) or splits (new shares for an old one) with their days.

    Columns: day, amount (or ratio), symbol unless one is given, and declared where it is known.
    """
    source = read_source(path)
    columns = found_columns(source, ALIASES, ("day", "amount"), {})
    if not symbol and "symbol" not in columns:
        raise UsageError(f"{path.name}: has no column symbol: add --symbol SYMBOL")
    found = []
    for index, number in enumerate(source.rows):
        cells = {ours: source.columns[name][index] for ours, name in columns.items()}
        try:
            found.append(
                EventEntry(
                    symbol=str(cells["symbol"]).strip() if "symbol" in cells else symbol, kind=kind,
                    day=read_day(cells["day"], _UTC), amount=price_of(cells["amount"], "amount"),
                    declared=None if empty(cells.get("declared")) else read_day(cells["declared"], _UTC),
                )
            )  # fmt: skip
        except (BadStamp, BadNumber) as error:
            findings.add(f"bad {kind}", f"{path.name}:{number}", str(error), refuses=True)
            continue
        one = found[-1]
        if one.declared is not None and one.declared > one.day:
            words = f"declared {one.declared}, after its day {one.day}"
            findings.add("look-ahead stamp", f"{path.name}:{number}", words, refuses=True)
    return found


def read_factors(path: Path, symbol: str) -> list[EventEntry]:
    """Read the dividends and splits that LEAN's factors say.

    A row is: day, price factor, split factor, close of that day; it holds up to that day. What changes between two
    rows went ex at the next session: a dividend of close * (1 - price factor / next price factor), a split of
    next split factor / split factor. Dividends to a tenth of a cent.
    """
    rows: list[tuple[date, Decimal, Decimal, Decimal]] = []
    for number, line in enumerate(plain_lines(path), 1):
        if not line.strip():
            continue
        cells = line.split(",")
        try:
            if len(cells) != 4:
                raise ValueError(f"expected 4 cells, got {len(cells)}")
            factors = [from_text(one, "factor") for one in cells[1:]]
            if factors[0] <= ZERO or factors[1] <= ZERO:
                raise ValueError("expected factors above zero")
            rows.append((read_day(cells[0], _UTC), factors[0], factors[1], factors[2]))
        except (ValueError, BadNumber) as error:
            raise MarketError(f"{path.name}:{number}: {error}: a row is day,price factor,split factor,close") from error
    found = []
    for (day, price, split, close), (_, price_after, split_after, _) in pairwise(rows):
        if price != price_after:
            amount = (close * (ONE - price / price_after)).quantize(_DIVIDEND_GRID)
            if amount > ZERO:
                found.append(EventEntry(symbol=symbol, kind="dividend", day=next_session(day).day, amount=amount))
        if split != split_after:
            ratio = (split_after / split).quantize(_SPLIT_GRID).normalize()
            found.append(EventEntry(symbol=symbol, kind="split", day=next_session(day).day, amount=ratio))
    return found
