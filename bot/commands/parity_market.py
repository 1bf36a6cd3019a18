"""A day's stored Snapshots as a market: what each tick saw, and nothing between two ticks.

`mended` is the market without gaps: every quote and chain counts as of its tick's moment, and one that a tick asked
for and did not get is the newest one that an earlier tick of the day saw. Without it the market is as it was seen.
What a tick did not ask for is the same in both: read, it is the newest reading before, as old as it is; nothing fills
on it, for nobody knows what it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from bot.domain.instruments import Right, is_option, parse_option
from bot.domain.market import (
    Bars,
    BarsRequest,
    Chain,
    ChainRequest,
    Dividend,
    Events,
    MarketReads,
    Quote,
    QuotesRequest,
    Request,
    Split,
)
from bot.domain.sessions import session_at
from bot.domain.snapshot import Snapshot

T = TypeVar("T")
THOUSAND = 1000
SEEN = frozenset({"mid", "far_side", "last"})
"""Marks made of a quote, where there is one."""


class RecordedTicks:
    """The ticks of a day, oldest first (implements ports.Market and ports.Path)."""

    name = "recorded ticks"
    simulated = False

    def __init__(self, ticks: Sequence[Snapshot], *, mended: bool) -> None:
        self._ticks = tuple(ticks)
        self._moments = [one.at for one in self._ticks]
        self._mended = mended

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer from the newest tick at or before `at`; what no tick of the day saw is named."""
        quotes: list[Quote] = []
        chains: list[Chain] = []
        bars: list[Bars] = []
        events: list[Events] = []
        missing: list[str] = []
        for request in requests:
            if isinstance(request, QuotesRequest):
                for symbol in request.symbols:
                    quote = self.quote(symbol, at)
                    _put(quotes, quote, missing, f"no quote of {symbol}")
            elif isinstance(request, ChainRequest):
                what = f"no {request.right} chain of {request.underlying}"
                _put(chains, self._chain(request, at), missing, what)
            elif isinstance(request, BarsRequest):
                _put(bars, self._bars(request, at), missing, f"no bars of {request.symbol}")
            else:
                for symbol in request.symbols:
                    _put(events, self._events(symbol, at), missing, f"no calendar of {symbol}")
        errors = tuple(f"{what} was recorded by {at:%H:%M} UTC" for what in missing)
        return MarketReads(
            quotes=tuple(quotes), chains=tuple(chains), bars=tuple(bars), events=tuple(events), errors=errors
        )

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give the quote each tick saw, at that tick's moment; as it was seen, a tick with no news has none."""
        first, last = bisect_right(self._moments, after), bisect_right(self._moments, until)
        for place in range(first, last):
            at, tick = self._moments[place], self._ticks[place]
            seen = quote_in(tick, symbol)
            if seen is None and self._mended and _asked_quote(tick, symbol):
                seen = self.quote(symbol, at)
            old = seen is not None and not self._mended and place > 0 and seen.at <= self._moments[place - 1]
            if seen is not None and not old and session_at(at) is not None:
                yield replace(seen, at=at)

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what the newest calendar of the day says goes ex or splits in between, oldest first."""
        known = self._events(symbol, self._moments[-1])
        if known is None:
            return ()
        found: list[tuple[date, Dividend | Split]] = [(one.ex_date, one) for one in known.dividends]
        found += [(one.day, one) for one in known.splits]
        return tuple(one for day, one in sorted(found, key=lambda pair: pair[0]) if after < day <= until)

    def quote(self, symbol: str, at: datetime) -> Quote | None:
        """Give a symbol's quote as known at a moment; None where no tick of the day saw one by then."""
        now, *before = self._back(at)
        seen, asked = quote_in(now, symbol), _asked_quote(now, symbol)
        if asked and seen is None and not self._mended:
            return None
        found = seen or next((one for one in (quote_in(tick, symbol) for tick in before) if one is not None), None)
        mend = self._mended and (asked or seen is not None)
        return replace(found, at=now.at) if mend and found is not None else found

    def _chain(self, request: ChainRequest, at: datetime) -> Chain | None:
        key = request.underlying, request.right
        now, *before = self._back(at)
        seen, asked = now.chain_of.get(key), _asked_chain(now, *key)
        if asked and seen is None and not self._mended:
            return None
        found = seen or next((tick.chain_of[key] for tick in before if key in tick.chain_of), None)
        mend = self._mended and (asked or seen is not None)
        return _redated(found, now.at) if mend and found is not None else found

    def _bars(self, request: BarsRequest, at: datetime) -> Bars | None:
        for tick in self._back(at):
            for one in tick.bars:
                if (one.symbol, one.step) == (request.symbol, request.step):
                    return one
        return None

    def _events(self, symbol: str, at: datetime) -> Events | None:
        return next((tick.events_of[symbol] for tick in self._back(at) if symbol in tick.events_of), None)

    def _back(self, at: datetime) -> tuple[Snapshot, ...]:
        """Give the ticks at or before a moment, newest first, and the first one at least."""
        return self._ticks[max(bisect_right(self._moments, at), 1) - 1 :: -1]


def quote_in(tick: Snapshot, symbol: str) -> Quote | None:
    """Give a symbol's quote as one tick saw it: asked for by name, else its row of a chain."""
    quote = tick.quote_of.get(symbol)
    if quote is not None or not is_option(symbol):
        return quote
    contract = parse_option(symbol)
    chain = tick.chain_of.get((contract.root, contract.right))
    if chain is None:
        return None
    strike = int(contract.strike * THOUSAND)
    for slab in chain.slabs:
        if slab.expiry == contract.expiry and strike in slab.strikes:
            offer = chain.offer(slab, slab.strikes.index(strike))
            return offer.as_quote()
    return None


def marks_of(ticks: Sequence[Snapshot], symbols: frozenset[str]) -> dict[str, Decimal]:
    """Give the day's last recorded price per share of each symbol: its mark where it was held, else mid or last trade.

    A mark without a quote behind it is none: it repeats a price or is the broker's word. A symbol that no tick saw a
    price of is missing.
    """
    found: dict[str, Decimal] = {}
    for tick in reversed(ticks):
        for symbol in symbols - found.keys():
            mark = tick.mark_of.get(symbol)
            quote = quote_in(tick, symbol)
            price = None if quote is None else quote.mid if quote.mid is not None else quote.last
            if mark is not None and (mark.source == "model" or (quote is not None and mark.source in SEEN)):
                price = mark.price
            if price is not None:
                found[symbol] = price
    return found


def _asked_quote(tick: Snapshot, symbol: str) -> bool:
    """Say whether a tick asked for a symbol: by its name, or by a chain of its right that never came."""
    if any(isinstance(one, QuotesRequest) and symbol in one.symbols for one in tick.requests):
        return True
    if not is_option(symbol):
        return False
    contract = parse_option(symbol)
    key = contract.root, contract.right
    return key not in tick.chain_of and _asked_chain(tick, *key)


def _asked_chain(tick: Snapshot, underlying: str, right: Right) -> bool:
    return any(
        isinstance(one, ChainRequest) and (one.underlying, one.right) == (underlying, right) for one in tick.requests
    )


def _put(found: list[T], one: T | None, missing: list[str], what: str) -> None:
    if one is None:
        missing.append(what)
    else:
        found.append(one)


def _redated(chain: Chain, at: datetime) -> Chain:
    slabs = tuple(replace(slab, ages=()) if slab.ages else slab for slab in chain.slabs)
    return replace(chain, at=at, slabs=slabs)
