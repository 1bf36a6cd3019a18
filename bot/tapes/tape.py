"""A tape: market data of the past in columns on disk, opened by name and never changed once it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from bot.domain.desk import SymbolInfo
from bot.domain.errors import MarketError
from bot.domain.fills import FillRules
from bot.tapes.facts import CATALOGUE, FORMAT, Kind, SeriesFacts, TapeFacts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bot.tapes.market import EarningsOf, TapeMarket

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


class BarColumns(NamedTuple):
    """The bars of one symbol, oldest first: `starts` and `ends` in seconds UTC, prices in units of 10**-places.

    A bar is known at its end. Volume is in shares.
    """

    starts: Integers
    ends: Integers
    open: Integers
    high: Integers
    low: Integers
    close: Integers
    volume: Floats
    places: int


class SignalColumns(NamedTuple):
    """One signal of one symbol, by the moment it was known: what it is about and when it was known, in microseconds
    UTC, and its value."""

    about: Integers
    known: Integers
    values: Floats


class Tape:
    """One tape, open for reading. Its columns are mapped into memory when they are asked for."""

    def __init__(self, folder: Path, facts: TapeFacts) -> None:
        self.folder = folder
        self.facts = facts
        self.name = facts.name
        self.kinds = facts.kinds
        self.step_seconds = facts.step_seconds
        self.always_open = facts.always_open
        self.note = facts.note
        self.modelled = facts.modelled
        self.symbols = tuple(sorted({one.symbol for one in facts.series}))
        self.first_at: datetime = min(one.first_at for one in facts.series)
        self.last_at: datetime = max(one.last_at for one in facts.series)
        self.hash = tape_hash(facts)
        self._series = {(one.kind, one.symbol): one for one in facts.series}

    def series(self, kind: Kind, symbol: str) -> SeriesFacts:
        """Give what the catalogue says of one symbol; raises MarketError naming what the tape has."""
        found = self._series.get((kind, symbol))
        if found is None:
            has = [name for one, name in self._series if one == kind]
            more = f"{', '.join(has[:8])}{', ...' if len(has) > 8 else ''}" if has else f"no {kind} at all"
            raise MarketError(f"{symbol}: no {kind} on tape {self.name}; it has {more}")
        return found

    def bars(self, symbol: str) -> BarColumns:
        """Give a symbol's bars as columns mapped from disk; raises MarketError where there are none."""
        facts = self.series("bars", symbol)
        rows: Integers = load(self.folder / f"{facts.file}.npy")
        volume: Floats = load(self.folder / f"{facts.file}-volume.npy")
        return BarColumns(rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], volume, facts.places)

    def signals(self, symbol: str, name: str) -> SignalColumns:
        """Give one signal of a symbol as columns mapped from disk; raises MarketError naming what the tape has."""
        there = [one for one in self.facts.series if one.kind == "signals"]
        found = next((one for one in there if (one.symbol, one.name) == (symbol, name)), None)
        if found is None:
            has = ", ".join(f"{one.name} of {one.symbol}" for one in there[:8]) or "none"
            raise MarketError(f"no signal {name} of {symbol} on tape {self.name}; it has {has}")
        moments: Integers = load(self.folder / f"{found.file}.npy")
        values: Floats = load(self.folder / f"{found.file}-values.npy")
        return SignalColumns(moments[0], moments[1], values)

    def market(
        self, rules: FillRules, universe: Mapping[str, SymbolInfo], earnings: EarningsOf | None = None
    ) -> TapeMarket:
        """Give the tape as a market whose bars are walked by some rules."""
        from bot.tapes.market import TapeMarket

        return TapeMarket(self, rules, universe, earnings)


def open_tape(folder: Path, name: str) -> Tape:
    """Open a tape of a folder by name; raises MarketError naming the tapes that are there."""
    facts = read_catalogue(folder, name)
    for one in facts.files:
        path = folder / name / one.name
        size = path.stat().st_size if path.exists() else -1
        if size != one.size:
            found = "is missing" if size < 0 else f"has {size} bytes"
            raise MarketError(
                f"tape {name}: {one.name} {found}, its catalogue says {one.size}: import it again with --replace"
            )
    return Tape(folder / name, facts)


def read_catalogue(folder: Path, name: str) -> TapeFacts:
    """Read a tape's catalogue; raises MarketError where there is none or it cannot be read."""
    path = folder / name / CATALOGUE
    if not name or name != Path(name).name or not path.is_file():
        there = ", ".join(tape_names(folder)) or "none"
        raise MarketError(
            f"no tape {name[:60]!r} in {folder}; there: {there}. Make one with `bot data import NAME FILE`"
        )
    try:
        facts = msgspec.json.decode(path.read_bytes(), type=TapeFacts)
    except (OSError, msgspec.MsgspecError) as error:
        raise MarketError(f"tape {name}: {CATALOGUE} cannot be read ({error}): import it again") from error
    if facts.format != FORMAT or not facts.series:
        raise MarketError(f"tape {name}: expected format {FORMAT}, found {facts.format}: import it again")
    return facts


def tape_names(folder: Path) -> tuple[str, ...]:
    """Name the tapes of a folder."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{CATALOGUE}") if path.parent.name[0] != "."))


def tape_hash(facts: TapeFacts) -> str:
    """Give the SHA-256 over a tape's files, its events and how its time is read: what a run names as its data."""
    lines = [f"{one.name} {one.sha256}" for one in sorted(facts.files, key=lambda one: one.name)]
    lines += [f"{one.kind} {one.symbol} {one.day} {one.amount} {one.declared}" for one in facts.events]
    lines += [f"{one.kind} {one.symbol} {one.name} {one.file} {one.places}" for one in facts.series]
    lines.append(f"{facts.step_seconds} {facts.always_open} {facts.events_given}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def load(path: Path) -> npt.NDArray[Any]:
    """Map one file of columns into memory; raises MarketError where it cannot be read."""
    import numpy as np

    try:
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise MarketError(f"{path.name}: cannot be read ({error}): import the tape again with --replace") from error
    return found
