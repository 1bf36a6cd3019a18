"""Tapes written by hand, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from bot.domain.market import Bar
from bot.tapes.facts import EventEntry, TapeFacts
from bot.tapes.keeping import drafting, keep
from bot.tapes.tape import BarColumns, Tape, open_tape

D = Decimal
OPEN = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_bar(at: datetime, *prices: str, volume: int = 1000) -> Bar:
    """Give a bar of one price or of four."""
    opening, high, low, close = (D(one) for one in (prices if len(prices) == 4 else prices * 4))
    return Bar(at=at, open=opening, high=high, low=low, close=close, volume=volume)


def columns_of(bars: Sequence[Bar], step_seconds: int, places: int = 2) -> BarColumns:
    """Give bars as columns."""
    starts = np.array([int(one.at.timestamp()) for one in bars], np.int64)
    opening, high, low, close = (
        np.array([int(getattr(one, name).scaleb(places)) for one in bars], np.int64)
        for name in ("open", "high", "low", "close")
    )
    volume = np.array([float(one.volume) for one in bars])
    return BarColumns(starts, starts + step_seconds, opening, high, low, close, volume, places)


def a_tape(
    folder: Path, bars: Mapping[str, Sequence[Bar]], *, name: str = "t", step_seconds: int = 900, places: int = 2,
    events: Sequence[EventEntry] = (), events_given: bool = False, always_open: bool = False,
) -> Tape:  # fmt: skip
    """Write bars as a tape and open it."""
    with drafting(folder, name, replace=True) as draft:
        for symbol, some in bars.items():
            known = any(one.volume for one in some)
            draft.add_bars(symbol, columns_of(some, step_seconds, places), volume=known)
        facts = TapeFacts(
            name=name, kinds=("bars",), step_seconds=step_seconds, imported_at=NOW, events=tuple(events),
            events_given=events_given or bool(events), always_open=always_open,
        )  # fmt: skip
        keep(draft, folder, facts)
    return open_tape(folder, name)


def steps(count: int, seconds: int = 900, first: datetime = OPEN) -> list[datetime]:
    """Give moments one after another."""
    return [first + timedelta(seconds=seconds * number) for number in range(count)]
