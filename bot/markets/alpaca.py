"""Alpaca as a market: quotes, chains, bars and calendars, in as few requests as it takes.

Stock quotes are one request, option quotes one per hundred, a chain two per underlying (contracts and snapshots, both
rights together), bars one per step, corporate actions one a day. A part that fails names itself in `errors` and the
rest goes on; nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from bot.domain.desk import SymbolInfo
from bot.domain.instruments import parse_option
from bot.domain.market import (
    Bars,
    BarsRequest,
    ChainRequest,
    MarketReads,
    Quote,
    Request,
)
from bot.domain.sessions import new_york_day
from bot.engine.ports import one_after_another
from bot.markets.alpaca_asked import sorted_requests
from bot.markets.alpaca_bars import bars_query, finished_bars
from bot.markets.alpaca_chains import ListedContract, chains_of, listings_of, window_of
from bot.markets.alpaca_events import PAGES_MAX, EventShelf, entries_of, events_of, events_query
from bot.markets.alpaca_interest import InterestShelf
from bot.markets.alpaca_quotes import quote_of, quotes_of
from bot.markets.alpaca_reads import (
    attempt,
    joined,
    listed_in,
    named,
    nearly_used,
    parts,
    read_batch,
    read_pages,
    shortened,
)
from bot.markets.earnings import Calendar, earnings_status, upcoming_earnings
from bot.venues.daycache import DayCache
from bot.venues.parsing import Notes, object_of

if TYPE_CHECKING:
    from bot.venues.alpaca_client import AlpacaClient

SHARES_A_REQUEST = 400
OPTIONS_A_REQUEST = 100
CHAINS_AT_ONCE = 4
CHAIN_PAGES_MAX = 20
LISTING_PAGES_MAX = 20
BAR_PAGES_MAX = 20
Together = Callable[[Sequence[Callable[[], Any]]], list[Any]]


class AlpacaMarket:
    """A Market over Alpaca's data. `universe` tells funds from stocks and penny classes.

    A class of options outside the universe that does not say so itself is taken to quote in nickels: such a limit
    stands on both grids. `together` makes independent reads at the same time.
    """

    name = "alpaca"
    simulated = False

    def __init__(
        self,
        client: AlpacaClient,
        *,
        universe: Mapping[str, SymbolInfo],
        earnings: Calendar,
        stock_feed: Literal["iex", "sip"],
        option_feed: Literal["indicative", "opra"],
        cache: DayCache,
        together: Together = one_after_another,
    ) -> None:
        self.client = client
        self._universe = universe
        self._earnings = earnings
        self._stock_feed = stock_feed
        self._option_feed = option_feed
        self._shelf = EventShelf(cache)
        self._interest = InterestShelf(cache)
        self._together = together

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer the requests with what Alpaca shows now; what is missing or malformed is named in `errors`.

        `at` says which day it is; quotes keep their own moments, chains each row's.
        """
        asked = sorted_requests(requests)
        calls: list[Callable[[], MarketReads]] = []
        for batch in parts(asked.shares, SHARES_A_REQUEST):
            calls.append(partial(self._shares, batch, at))
        for batch in parts(asked.options, OPTIONS_A_REQUEST):
            calls.append(partial(self._options, batch, at))
        if asked.events:
            calls.append(partial(self._events, asked.events, at))
        for step, wanted in asked.bars.items():
            calls.append(partial(self._bars, step, wanted, at))
        reads = list(self._together(calls))
        spots = {quote.symbol: spot for one in reads for quote in one.quotes if (spot := _spot(quote)) is not None}
        reads += self._all_chains(asked.chains, spots, at)
        strange = tuple(f"{symbol!r} is no listed share or series: not asked for" for symbol in asked.strangers)
        return MarketReads(
            quotes=tuple(quote for one in reads for quote in one.quotes),
            chains=tuple(chain for one in reads for chain in one.chains),
            bars=tuple(bars for one in reads for bars in one.bars),
            events=tuple(events for one in reads for events in one.events),
            errors=tuple(dict.fromkeys((*strange, *(error for one in reads for error in one.errors)))),
        )

    def _shares(self, symbols: Sequence[str], at: datetime) -> MarketReads:
        """Read the quotes of shares in one request."""
        source = f"alpaca {self._stock_feed}"

        def ask(batch: Sequence[str]) -> dict[str, Any]:
            query = {"symbols": ",".join(batch), "feed": self._stock_feed}
            return object_of(self.client.read("/stocks/snapshots", query, data=True), "/stocks/snapshots")

        def make(symbol: str, raw: Mapping[str, Any], notes: Notes) -> Quote | None:
            return quote_of(symbol, raw, at, source, notes)

        return quotes_of(symbols, read_batch(symbols, "quotes of", ask), make)

    def _options(self, symbols: Sequence[str], at: datetime) -> MarketReads:
        """Read the quotes of at most a hundred series in one request; open interest as read with a chain today."""
        source, path = f"alpaca {self._option_feed}", "/options/snapshots"
        interest = self._interest.of(symbols, new_york_day(at))

        def ask(batch: Sequence[str]) -> dict[str, Any]:
            query = {"symbols": ",".join(batch), "feed": self._option_feed, "limit": str(OPTIONS_A_REQUEST)}
            read = read_pages(self.client, path, query, data=True, version="v1beta1", pages_max=len(batch))
            return joined(read.pages, "snapshots")

        def make(symbol: str, raw: Mapping[str, Any], notes: Notes) -> Quote | None:
            contract = parse_option(symbol)
            return quote_of(
                symbol, raw, at, source, notes,
                right=contract.right, open_interest=interest.get(symbol), penny=self._penny(contract.root),
            )  # fmt: skip

        return quotes_of(symbols, read_batch(symbols, "quotes of", ask), make)

    def _events(self, symbols: Sequence[str], at: datetime) -> MarketReads:
        """Give calendars: kept ones, and one request for those not read today."""
        today = new_york_day(at)
        entries = self._shelf.kept(symbols, today)
        missing = [symbol for symbol in symbols if symbol not in entries]
        errors: list[str] = []
        if missing:

            def ask(batch: Sequence[str]) -> dict[str, Any]:
                read = read_pages(
                    self.client, "/corporate-actions", events_query(batch, at),
                    data=True, version="v1", pages_max=PAGES_MAX,
                )  # fmt: skip
                # Part of a calendar may lack the one dividend that matters.
                return {} if read.cut else entries_of(batch, read.pages, at)

            told = read_batch(missing, "dividends and splits of", ask)
            self._shelf.keep(told.answers, today)
            entries |= told.answers
            errors += told.errors
            silent = [symbol for symbol in missing if symbol not in told.answers and symbol not in told.failed]
            if silent:
                errors.append(f"dividends and splits of {shortened(silent)}: more than {PAGES_MAX} pages")
        for symbol in symbols:
            errors += [f"{symbol}: {fault}" for fault in entries.get(symbol, {}).get("faults", ())]
        events = tuple(
            events_of(
                symbol, entries.get(symbol), at, earnings_status(self._earnings, symbol, self._kind(symbol), today),
                upcoming_earnings(self._earnings, symbol, today),
            )
            for symbol in symbols
        )  # fmt: skip
        return MarketReads(events=events, errors=tuple(errors))

    def _bars(self, step: str, requests: Sequence[BarsRequest], at: datetime) -> MarketReads:
        """Read the bars of one step for all symbols that want it."""
        by_symbol = {one.symbol: one for one in requests}

        def ask(batch: Sequence[str]) -> dict[str, Any]:
            query = bars_query(step, [by_symbol[symbol] for symbol in batch], at, self._stock_feed)
            read = read_pages(self.client, "/stocks/bars", query, data=True, version="v2", pages_max=BAR_PAGES_MAX)
            # Oldest first: what is left out would be the newest, and old bars would pass for them.
            return {} if read.cut else joined(read.pages, "bars")

        told = read_batch(sorted(by_symbol), f"{step} bars of", ask)
        errors, found = list(told.errors), []
        for symbol, request in by_symbol.items():
            notes: Notes = []
            bars = finished_bars(step, listed_in(told.answers, symbol), at, notes)[-request.count :]
            errors += named(f"bars of {symbol}", notes)
            if bars:
                found.append(Bars(symbol=symbol, step=request.step, bars=bars, source=f"alpaca {self._stock_feed}"))
            elif symbol not in told.failed:
                errors.append(f"{symbol}: no finished {step} bar came")
        return MarketReads(bars=tuple(found), errors=tuple(errors))

    def _all_chains(
        self, chains: Mapping[str, list[ChainRequest]], spots: Mapping[str, Decimal], at: datetime
    ) -> list[MarketReads]:
        """Read chains in the order asked, a few at a time, until the minute's requests are nearly used."""
        found: list[MarketReads] = []
        waiting = list(chains)
        while waiting:
            if nearly_used(self.client):
                why = "the account's requests for this minute are nearly used"
                found.append(MarketReads(errors=tuple(f"chain of {symbol} not read: {why}" for symbol in waiting)))
                break
            now, waiting = waiting[:CHAINS_AT_ONCE], waiting[CHAINS_AT_ONCE:]
            priced = [symbol for symbol in now if symbol in spots]
            found += [
                MarketReads(errors=(f"chain of {symbol} not read: its share has no price",))
                for symbol in now
                if symbol not in spots
            ]
            calls: list[Callable[[], Any]] = []
            for symbol in priced:
                query = window_of(chains[symbol], spots[symbol], new_york_day(at)).query()
                calls.append(partial(attempt, "contracts", partial(self._listed, symbol, query)))
                calls.append(partial(attempt, "prices", partial(self._priced, symbol, query)))
            answers = self._together(calls)
            for place, symbol in enumerate(priced):
                listed, priced_at = answers[2 * place], answers[2 * place + 1]
                found.append(self._chain(symbol, chains[symbol], spots[symbol], at, listed, priced_at))
        return found

    def _listed(self, symbol: str, window: Mapping[str, str]) -> tuple[dict[str, ListedContract], Notes]:
        query = {
            "underlying_symbols": symbol, "status": "active", "show_deliverables": "true", "limit": "10000", **window,
        }  # fmt: skip
        read = read_pages(
            self.client, "/options/contracts", query, data=False, version="v2", pages_max=LISTING_PAGES_MAX
        )
        notes: Notes = []
        if read.cut:
            notes.append(f"more than {LISTING_PAGES_MAX} pages of contracts: the others are left out")
        rows = [row for page in read.pages for row in listed_in(page, "option_contracts")]
        return listings_of(symbol, rows, notes), notes

    def _priced(self, symbol: str, window: Mapping[str, str]) -> tuple[dict[str, Any], Notes]:
        path = f"/options/snapshots/{symbol}"
        query = {"feed": self._option_feed, "limit": "1000", **window}
        read = read_pages(self.client, path, query, data=True, version="v1beta1", pages_max=CHAIN_PAGES_MAX)
        cut = [f"more than {CHAIN_PAGES_MAX} pages of prices: the others have none"] if read.cut else []
        return joined(read.pages, "snapshots"), cut

    def _chain(
        self,
        symbol: str,
        requests: Sequence[ChainRequest],
        spot: Decimal,
        at: datetime,
        listed: tuple[tuple[dict[str, ListedContract], Notes] | None, str],
        priced: tuple[tuple[dict[str, Any], Notes] | None, str],
    ) -> MarketReads:
        """Join what both endpoints told of one underlying; where either told nothing there is no chain."""
        what = f"chain of {symbol}"
        if listed[0] is None or priced[0] is None:
            return MarketReads(errors=tuple(f"{what} not read: {words}" for _, words in (listed, priced) if words))
        (listings, notes), (snapshots, more) = listed[0], priced[0]
        notes = [*notes, *more]
        chains = chains_of(
            requests, listings, snapshots,
            spot=spot, at=at, source=f"alpaca {self._option_feed}", penny=self._penny(symbol), notes=notes,
        )  # fmt: skip
        self._interest.keep(symbol, listings, new_york_day(at))
        return MarketReads(chains=chains, errors=tuple(named(what, notes)))

    def _penny(self, root: str) -> bool:
        info = self._universe.get(root)
        return info is not None and info.penny

    def _kind(self, symbol: str) -> str:
        info = self._universe.get(symbol)
        return "stock" if info is None else info.kind


def _spot(quote: Quote) -> Decimal | None:
    return quote.mid if quote.mid is not None else quote.last
