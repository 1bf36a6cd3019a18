"""Worlds for checks: a tape cut off at a moment or with its bars shuffled, in memory, and the ticks over either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from bot.commands.backtesting import Planned, memory_book, memory_world
from bot.domain.errors import MarketError, UsageError
from bot.domain.fills import FillRules
from bot.domain.market import Dividend, MarketReads, Quote, Request, Split
from bot.domain.sessions import always_open, new_york_day
from bot.engine.ports import TickResult
from bot.engine.tick import tick
from bot.markets.modelled import ModelledMarket
from bot.research.checks import shuffled_places
from bot.tapes.events import DECLARED_BEFORE
from bot.tapes.facts import TapeFacts
from bot.tapes.market import TapeMarket
from bot.tapes.tape import BarColumns, Tape
from bot.wiring import Embedded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class EditedTape(Tape):
    """A tape whose bars were changed in memory; what is on disk stays as it is."""

    def __init__(self, tape: Tape, facts: TapeFacts, columns: Mapping[str, BarColumns]) -> None:
        super().__init__(tape.folder, facts)
        self._columns = columns

    def bars(self, symbol: str) -> BarColumns:
        """Give a symbol's changed bars; raises MarketError where there are none."""
        found = self._columns.get(symbol)
        if found is None or not len(found.ends):
            raise MarketError(f"{symbol}: no bars on tape {self.name} as it was cut")
        return found


class CutMarket:
    """A market that knows nothing after a moment: asked for later, it refuses; walked further, it ends."""

    def __init__(self, market: Embedded, cut: datetime) -> None:
        self.name, self.simulated = market.name, market.simulated
        self._market, self._cut = market, cut
        if hasattr(market, "path_bars"):
            self.path_bars = market.path_bars

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer as the market does until the cut; raises MarketError for a later moment."""
        if at > self._cut:
            raise MarketError(f"asked for {at:%Y-%m-%d %H:%M} and knows nothing after {self._cut:%Y-%m-%d %H:%M}")
        return self._market.fetch(requests, at)

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give the quotes after a moment, until the cut at most."""
        return self._market.walk(symbol, after, min(until, self._cut))

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what goes ex or splits, until the day of the cut at most."""
        return self._market.events_between(symbol, after, min(until, new_york_day(self._cut)))


def cut_world(planned: Planned, cut: datetime) -> Planned:
    """Give a run whose data ends at a moment: a tape's bars that ended later are gone, and what was declared later.

    Chains of a tape, an index of volatility and any other market are only asked for nothing later.
    """
    tape = tape_of(planned)
    if tape is None:
        return planned._replace(market=cast(Embedded, CutMarket(planned.market, cut)))
    day, last, columns = new_york_day(cut), int(cut.timestamp()), {}
    for symbol in _with_bars(tape):
        found = tape.bars(symbol)
        known = int(found.ends.searchsorted(last, side="right"))
        columns[symbol] = BarColumns(
            found.starts[:known], found.ends[:known], found.open[:known], found.high[:known], found.low[:known],
            found.close[:known], found.volume[:known], found.places,
        )  # fmt: skip
    told = tuple(one for one in tape.facts.events if (one.declared or one.day - DECLARED_BEFORE) <= day)
    edited = _over(planned, EditedTape(tape, replace(tape.facts, events=told), columns))
    return edited._replace(market=cast(Embedded, CutMarket(edited.market, cut)))


def shuffled_world(planned: Planned, block: int, seed: int) -> Planned:
    """Give a run over the same bars in another order: blocks of neighbours change places, each bar as a step from the
    close before it, so that every path begins and ends where the real one does.

    Symbols with the same moments change places together. Raises UsageError for what cannot be shuffled.
    """
    tape = tape_of(planned)
    if tape is None:
        raise UsageError("only the bars of a tape can be shuffled: say --tape NAME (`bot data list` names them)")
    if any(one.kind == "split" for one in tape.facts.events):
        raise UsageError(f"tape {tape.name} has splits: import it with prices adjusted for them, then shuffle that")
    columns = {symbol: _shuffled(tape.bars(symbol), block, seed) for symbol in _with_bars(tape)}
    return _over(planned, EditedTape(tape, tape.facts, columns))


def _with_bars(tape: Tape) -> tuple[str, ...]:
    return tuple(one.symbol for one in tape.facts.series if one.kind == "bars")


def tape_of(planned: Planned) -> Tape | None:
    """Give the tape a run is over, also below modelled options; None where there is none."""
    market: object = planned.market
    if isinstance(market, ModelledMarket):
        market = market.base
    return market.tape if isinstance(market, TapeMarket) else None


def _over(planned: Planned, tape: EditedTape) -> Planned:
    made: Embedded = cast(Embedded, tape.market(planned.rules or FillRules(), planned.house.desk.universe))
    if isinstance(planned.market, ModelledMarket):
        made = cast(Embedded, planned.market.over(made))
    return planned._replace(market=made)


def _shuffled(columns: BarColumns, block: int, seed: int) -> BarColumns:
    import numpy as np

    count = len(columns.close)
    if count < 3:
        return columns
    closes: npt.NDArray[np.float64] = np.asarray(columns.close, dtype=np.float64)
    order = np.asarray(shuffled_places(count - 1, min(block, count - 1), seed), dtype=np.int64) + 1
    steps = closes[order] / closes[order - 1]
    before = np.concatenate(([closes[0]], closes[0] * np.cumprod(steps)))[:-1]

    def laid(prices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        made = np.maximum(1, np.rint(before * (np.asarray(prices, dtype=np.float64)[order] / closes[order - 1])))
        return np.concatenate((np.asarray(prices[:1], dtype=np.int64), made.astype(np.int64)))

    volume = np.concatenate((columns.volume[:1], np.asarray(columns.volume)[order]))
    return columns._replace(
        open=laid(columns.open), high=laid(columns.high), low=laid(columns.low), close=laid(columns.close),
        volume=volume,
    )  # fmt: skip


def ticks_of(planned: Planned, until: datetime | None = None) -> Iterator[TickResult]:
    """Tick over a run's moments in a fresh world, until a moment at most, and give every tick whole."""
    with always_open() if planned.always_open else nullcontext():
        clock = [next(planned.span.moments())]
        world, _ = memory_world(planned.house, planned.market, lambda: clock[0], planned.rules)
        book = memory_book(planned.house, int(planned.span.step.total_seconds()))
        try:
            for moment in planned.span.moments():
                if until is not None and moment > until:
                    break
                clock[0] = moment
                yield tick(world, book)
        finally:
            world.broker.close()
