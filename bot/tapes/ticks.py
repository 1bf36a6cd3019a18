"""Ticks of a home as a tape: what its market answered at each tick, with the quotes' own moments, and nothing else.

What a tick did not ask for is not recorded, and said to be so. On disk: the answers one after another (`ticks.bin`),
and in columns where each begins (`ticks.npy`: moment in microseconds UTC, offset, length).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bot.domain.errors import MarketError
from bot.domain.facts import Fact
from bot.domain.instruments import is_option, parse_option
from bot.domain.market import Bars, BarsRequest, Chain, ChainRequest, Events, Quote, Request
from bot.domain.snapshot import Snapshot
from bot.tapes.barbook import EPOCH
from bot.tapes.tape import load

if TYPE_CHECKING:
    from bot.tapes.keeping import Draft

MICROSECOND = timedelta(microseconds=1)
INDEX, ANSWERS = "ticks.npy", "ticks.bin"


class TickReads(Fact, frozen=True, kw_only=True):
    """What one tick asked of its market, and the answers."""

    at: datetime
    requests: tuple[Request, ...]
    quotes: tuple[Quote, ...]
    chains: tuple[Chain, ...]
    bars: tuple[Bars, ...] = ()
    events: tuple[Events, ...] = ()


def reads_of(snapshot: Snapshot) -> TickReads:
    """Take a tick's answers out of its Snapshot."""
    return TickReads(
        at=snapshot.at, requests=snapshot.requests, quotes=snapshot.quotes, chains=snapshot.chains, bars=snapshot.bars,
        events=snapshot.events,
    )  # fmt: skip


def add_ticks(draft: Draft, ticks: Iterable[TickReads]) -> int:
    """Write ticks, oldest first, and give how many; raises MarketError where one is older than the one before."""
    import numpy as np

    index: list[tuple[int, int, int]] = []
    firsts: dict[str, tuple[int, datetime, datetime]] = {}

    def parts() -> Iterator[bytes]:
        offset = 0
        for one in ticks:
            moment = (one.at - EPOCH) // MICROSECOND
            if index and moment <= index[-1][0]:
                raise MarketError(f"the tick of {one.at} is not newer than the one before it")
            stored = msgspec.msgpack.encode(one)
            index.append((moment, offset, len(stored)))
            offset += len(stored)
            for symbol in {quote.symbol for quote in one.quotes}:
                count, first, _ = firsts.get(symbol, (0, one.at, one.at))
                firsts[symbol] = (count + 1, first, one.at)
            yield stored

    draft.add_bytes(ANSWERS, parts())
    draft.add_array(INDEX, np.array(index, np.int64).reshape(-1, 3))
    for symbol, (count, first, last) in sorted(firsts.items()):
        draft.add_series("ticks", symbol, ANSWERS, count, first.timestamp(), last.timestamp())
    return len(index)


class TickBook:
    """The ticks of a tape, decoded one at a time."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._folder = folder
        self._index = load(folder / INDEX)
        self._moments: list[int] = self._index[:, 0].tolist()
        self._newest: tuple[int, TickReads] | None = None
        self._paths: dict[str, list[Quote]] = {}

    def quote(self, symbol: str, at: datetime) -> Quote:
        """Give the quote that the last tick read; raises MarketError where it read none."""
        reads = self._at(at)
        found = next((one for one in reads.quotes if one.symbol == symbol), None) or _offered(reads, symbol)
        if found is None:
            raise self._absent(f"quote of {symbol}", reads)
        return found

    def chain(self, request: ChainRequest, at: datetime) -> Chain:
        """Give the chain that the last tick read for the very same request; raises MarketError for another one."""
        reads = self._at(at)
        if request in reads.requests:
            for one in reads.chains:
                if (one.underlying, one.right) == (request.underlying, request.right):
                    return one
        raise self._absent(f"{request.right} chain of {request.underlying} as asked", reads)

    def bars(self, request: BarsRequest, at: datetime) -> Bars:
        """Give the bars that the last tick read for the very same request; raises MarketError for another one."""
        reads = self._at(at)
        if request in reads.requests:
            for one in reads.bars:
                if (one.symbol, one.step) == (request.symbol, request.step):
                    return one
        raise self._absent(f"{request.step} bars of {request.symbol} as asked", reads)

    def events(self, symbol: str, at: datetime) -> Events:
        """Give the events that the last tick read; raises MarketError where it read none."""
        reads = self._at(at)
        found = next((one for one in reads.events if one.symbol == symbol), None)
        if found is None:
            raise self._absent(f"events of {symbol}", reads)
        return found

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give what ticks read of a symbol, at the quotes' own moments, with after < at <= until."""
        if symbol not in self._paths:
            self._paths[symbol] = list(self._path(symbol))
        path = self._paths[symbol]
        first = bisect_right(path, after, key=lambda one: one.at)
        for quote in path[first:]:
            if quote.at > until:
                return
            yield quote

    def moments(self) -> list[datetime]:
        """Give the moments of the ticks, oldest first."""
        return [EPOCH + MICROSECOND * one for one in self._moments]

    def _path(self, symbol: str) -> Iterator[Quote]:
        newest: datetime | None = None
        for row in range(len(self._moments)):
            reads = self._read(row)
            found = next((one for one in reads.quotes if one.symbol == symbol), None) or _offered(reads, symbol)
            if found is not None and (newest is None or found.at > newest):
                newest = found.at
                yield found

    def _at(self, at: datetime) -> TickReads:
        row = bisect_right(self._moments, (at - EPOCH) // MICROSECOND) - 1
        if row < 0:
            raise MarketError(f"not recorded on tape {self._name}: no tick at or before {at:%Y-%m-%d %H:%M:%S} UTC")
        if self._newest is None or self._newest[0] != row:
            self._newest = row, self._read(row)
        return self._newest[1]

    def _read(self, row: int) -> TickReads:
        _, offset, length = self._index[row].tolist()
        try:
            return msgspec.msgpack.decode(self._answers[offset : offset + length], type=TickReads)
        except msgspec.MsgspecError as error:
            raise MarketError(f"tape {self._name}: tick {row + 1} cannot be read ({error}): import it again") from error

    @cached_property
    def _answers(self) -> bytes:
        try:
            return (self._folder / ANSWERS).read_bytes()
        except OSError as error:
            raise MarketError(f"tape {self._name}: {ANSWERS} cannot be read: {error}") from error

    def _absent(self, what: str, reads: TickReads) -> MarketError:
        return MarketError(f"not recorded on tape {self._name}: {what} at the tick of {reads.at:%Y-%m-%d %H:%M:%S} UTC")


def _offered(reads: TickReads, symbol: str) -> Quote | None:
    if not is_option(symbol):
        return None
    contract = parse_option(symbol)
    thousandths = int(contract.strike * 1000)
    for chain in reads.chains:
        if (chain.underlying, chain.right) != (contract.root, contract.right):
            continue
        for slab in chain.slabs:
            if slab.expiry == contract.expiry and thousandths in slab.strikes:
                return chain.offer(slab, slab.strikes.index(thousandths)).as_quote()
    return None
