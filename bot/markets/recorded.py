"""A market read from files: real chains, quotes, bars and events, as they were known at a moment.

The formats are described in `bot.markets.recorded_files`. Nothing later than the asked moment shows, and each
answer keeps its own moment, so that the gates judge its age.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from bot.domain.desk import SymbolInfo
from bot.domain.errors import MarketError
from bot.domain.instruments import Right, is_option, option_symbol, parse_option, underlying_of
from bot.domain.market import (
    NOTHING,
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
    Slab,
    Split,
)
from bot.domain.sessions import new_york_day, session_at
from bot.markets.earnings import Calendar, earnings_status, upcoming_earnings
from bot.markets.recorded_bars import RecordedBars
from bot.markets.recorded_events import RecordedEvents
from bot.markets.recorded_files import ChainRow, QuoteRow, bar_row, chain_row, event_row, quote_row, read_rows

SOURCE = "recorded"
BAR_NEEDS = ("time", "open", "high", "low", "close", "volume")
QUOTE_NEEDS = ("at", "bid", "ask")
CHAIN_NEEDS = ("at", "expiry", "right", "strike", "bid", "ask", "open_interest")
EVENT_NEEDS = ("symbol", "kind", "day", "amount")
_Kept = TypeVar("_Kept")
_Asked = ParamSpec("_Asked")


class _Readings(NamedTuple):
    """The chain file of one underlying: moments ascending, each with its rows; and each contract's rows."""

    moments: list[datetime]
    rows: dict[datetime, list[ChainRow]]
    series: dict[tuple[date, Right, Decimal], list[ChainRow]]


class RecordedMarket:
    """A Market and a Path over a folder of files, each read once and only when asked for.

    `universe` tells funds from stocks and penny classes; a name outside it counts as a stock in pennies.
    """

    name = SOURCE
    simulated = False

    def __init__(self, folder: Path, *, earnings: Calendar, universe: Mapping[str, SymbolInfo]) -> None:
        self._folder = folder
        self._earnings = earnings
        self._universe = universe
        self._bars: dict[str, RecordedBars] = {}
        self._quotes: dict[str, list[QuoteRow]] = {}
        self._chains: dict[str, _Readings] = {}

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer the requests as known at `at`; what is missing or malformed is named in `errors`."""
        quotes: dict[str, Quote] = {}
        chains: list[Chain] = []
        bars: list[Bars] = []
        events: dict[str, Events] = {}
        errors: list[str] = []

        for request in requests:
            if isinstance(request, QuotesRequest):
                for symbol in request.symbols:
                    quote = _kept(errors, self._quote, symbol, at)
                    if quote is not None:
                        quotes[symbol] = quote
            elif isinstance(request, ChainRequest):
                chain = _kept(errors, self._chain, request, at)
                chains += [] if chain is None else [chain]
            elif isinstance(request, BarsRequest):
                found = _kept(errors, self._some_bars, request, at)
                bars += [] if found is None else [found]
            else:
                for symbol in request.symbols:
                    events[symbol] = _kept(errors, self._known_events, symbol, at) or _blind(symbol, at)
        return MarketReads(
            quotes=tuple(quotes.values()),
            chains=tuple(chains),
            bars=tuple(bars),
            events=tuple(events.values()),
            errors=tuple(dict.fromkeys(errors)),
        )

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give the recorded quotes of a share or series with after < at <= until, inside sessions.

        A share without a quotes file walks its intraday bars: their closes as last trades. Raises MarketError
        for a malformed file.
        """
        for quote in self._path(symbol, after, until):
            if session_at(quote.at) is not None:
                yield quote

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what goes ex or splits on days with after < day <= until, oldest first."""
        book = self._event_book
        return () if book is None else book.between(symbol, after, until)

    def _path(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        if is_option(symbol):
            rows = self._series(symbol)
            for row in rows[_after(rows, after) : _after(rows, until)]:
                yield self._option_quote(symbol, row)
            return
        readings = self._share_rows(symbol)
        if readings:
            for reading in readings[_after(readings, after) : _after(readings, until)]:
                yield _share_quote(symbol, reading)
            return
        for at, close in self._bar_book(symbol).closes_between(after, until):
            yield Quote(symbol=symbol, bid=None, ask=None, last=close, at=at, source=SOURCE)

    def _quote(self, symbol: str, at: datetime) -> Quote:
        if is_option(symbol):
            rows = self._series(symbol)
            count = _after(rows, at)
            if not count:
                raise MarketError(f"{symbol}: no quote recorded at or before {_words(at)}")
            return self._option_quote(symbol, rows[count - 1])
        readings = self._share_rows(symbol)
        count = _after(readings, at)
        if count:
            return _share_quote(symbol, readings[count - 1])
        last = self._bar_book(symbol).last_close(at)
        if last is None:
            raise MarketError(f"{symbol}: no quote or bar recorded at or before {_words(at)}")
        return Quote(symbol=symbol, bid=None, ask=None, last=last[1], at=last[0], source=SOURCE)

    def _option_quote(self, symbol: str, row: ChainRow) -> Quote:
        sign = -1.0 if row.right == "put" else 1.0
        return Quote(
            symbol=symbol,
            bid=row.bid,
            ask=row.ask,
            last=row.last,
            at=row.at,
            source=SOURCE,
            delta=None if row.delta is None else sign * row.delta,
            volatility=row.iv,
            open_interest=row.open_interest,
            penny=self._penny(underlying_of(symbol)),
        )

    def _chain(self, request: ChainRequest, at: datetime) -> Chain:
        underlying = request.underlying
        readings = self._readings(underlying)
        count = bisect_right(readings.moments, at)
        if not count:
            raise MarketError(f"{underlying}: no chain recorded at or before {_words(at)}")
        moment = readings.moments[count - 1]
        quote = self._quote(underlying, at)
        spot = quote.mid if quote.mid is not None else quote.last
        if spot is None:
            raise MarketError(f"{underlying}: no price to bound its chain with")
        low, high = spot * request.moneyness_min, spot * request.moneyness_max
        today = new_york_day(at)
        by_expiry: dict[date, list[ChainRow]] = {}
        for row in readings.rows[moment]:
            wanted = row.right == request.right and low <= row.strike <= high
            if wanted and request.dte_min <= (row.expiry - today).days <= request.dte_max:
                by_expiry.setdefault(row.expiry, []).append(row)
        with_greeks = any(row.delta is not None for rows in by_expiry.values() for row in rows)
        return Chain(
            underlying=underlying,
            right=request.right,
            at=moment,
            source=SOURCE,
            greeks="broker" if with_greeks else "none",
            penny=self._penny(underlying),
            slabs=tuple(_slab(underlying, expiry, by_expiry[expiry]) for expiry in sorted(by_expiry)),
        )

    def _some_bars(self, request: BarsRequest, at: datetime) -> Bars:
        found = self._bar_book(request.symbol).finished(request.step, request.count, at)
        if not found:
            raise MarketError(f"{request.symbol}: no {request.step} bar recorded that was finished by {_words(at)}")
        return Bars(symbol=request.symbol, step=request.step, bars=found, source=SOURCE)

    def _known_events(self, symbol: str, at: datetime) -> Events:
        today = new_york_day(at)
        book = self._event_book
        info = self._universe.get(symbol)
        status, dividends, splits = ("unknown", (), ()) if book is None else book.known(symbol, today)
        return Events(
            symbol=symbol,
            dividend_status=status,
            dividends=dividends,
            earnings_status=earnings_status(self._earnings, symbol, "stock" if info is None else info.kind, today),
            earnings=upcoming_earnings(self._earnings, symbol, today),
            splits=splits,
            as_of=at,
        )

    def _penny(self, symbol: str) -> bool:
        info = self._universe.get(symbol)
        return True if info is None else info.penny

    def _share_rows(self, symbol: str) -> list[QuoteRow]:
        if symbol not in self._quotes:
            rows = read_rows(self._folder / "quotes" / f"{symbol}.csv", QUOTE_NEEDS, quote_row)
            self._quotes[symbol] = sorted(rows or [], key=lambda one: one.at)
        return self._quotes[symbol]

    def _bar_book(self, symbol: str) -> RecordedBars:
        if symbol not in self._bars:
            rows = read_rows(self._folder / "bars" / f"{symbol}.csv", BAR_NEEDS, bar_row)
            self._bars[symbol] = RecordedBars(rows or [])
        return self._bars[symbol]

    @cached_property
    def _event_book(self) -> RecordedEvents | None:
        rows = read_rows(self._folder / "events.csv", EVENT_NEEDS, event_row)
        return None if rows is None else RecordedEvents(rows)

    def _series(self, symbol: str) -> list[ChainRow]:
        contract = parse_option(symbol)
        return self._readings(contract.root).series.get((contract.expiry, contract.right, contract.strike), [])

    def _readings(self, underlying: str) -> _Readings:
        if underlying not in self._chains:
            path = self._folder / "chains" / f"{underlying}.csv"
            rows = read_rows(path, CHAIN_NEEDS, chain_row)
            if rows is None:
                raise MarketError(f"{underlying}: no chain is recorded (chains/{underlying}.csv)")
            self._chains[underlying] = _sorted_readings(rows, f"chains/{path.name}")
        return self._chains[underlying]


def _sorted_readings(rows: list[ChainRow], name: str) -> _Readings:
    found = _Readings([], {}, {})
    for row in sorted(rows, key=lambda one: (one.at, one.expiry, one.right, one.strike)):
        series = found.series.setdefault((row.expiry, row.right, row.strike), [])
        if series and series[-1].at == row.at:
            raise MarketError(f"{name}: {row.expiry} {row.right} {row.strike} stands twice at {row.at.isoformat()}")
        series.append(row)
        found.rows.setdefault(row.at, []).append(row)
    found.moments.extend(found.rows)
    return found


def _kept(errors: list[str], ask: Callable[_Asked, _Kept], *given: _Asked.args, **named: _Asked.kwargs) -> _Kept | None:
    """Ask, and keep a refusal as words: one missing symbol must not cost the others."""
    try:
        return ask(*given, **named)
    except MarketError as error:
        errors.append(str(error))
        return None


def _words(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _after(rows: list[ChainRow] | list[QuoteRow], at: datetime) -> int:
    """Count the rows at or before a moment."""
    return bisect_right(rows, at, key=lambda one: one.at)


def _slab(underlying: str, expiry: date, rows: list[ChainRow]) -> Slab:
    return Slab(
        expiry=expiry,
        strikes=tuple(int(row.strike * 1000) for row in rows),
        bids=tuple(_cents(row.bid, ROUND_FLOOR) for row in rows),
        asks=tuple(_cents(row.ask, ROUND_CEILING) for row in rows),
        open_interests=tuple(NOTHING if row.open_interest is None else row.open_interest for row in rows),
        deltas=tuple(NOTHING if row.delta is None else round(row.delta * 10_000) for row in rows),
        volatilities=tuple(NOTHING if row.iv is None else round(row.iv * 10_000) for row in rows),
        odd=tuple(option_symbol(underlying, expiry, row.right, row.strike) for row in rows if not row.standard),
    )


def _cents(price: Decimal | None, rounding: str) -> int:
    """Give hundredths, never better than recorded: a bid rounds down, an ask up."""
    return NOTHING if price is None else int((price * 100).to_integral_value(rounding))


def _share_quote(symbol: str, row: QuoteRow) -> Quote:
    return Quote(symbol=symbol, bid=row.bid, ask=row.ask, last=row.last, at=row.at, source=SOURCE)


def _blind(symbol: str, at: datetime) -> Events:
    """Say that nothing is known: every rule about events then refuses."""
    return Events(symbol=symbol, dividend_status="unknown", earnings_status="unknown", as_of=at)
