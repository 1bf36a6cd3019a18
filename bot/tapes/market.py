"""A tape as a market: what was known of its prices at a moment, and the path its bars took.

Nothing later than the asked moment shows: a bar is known at its end, a dividend when it could be. Inside a bar only its
four prices are known: `walk` gives them in the order the rules name, inside the bar, so that an order meets prices that
came after it and never the bar it was decided on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Literal

from bot.domain.desk import SymbolInfo
from bot.domain.errors import MarketError
from bot.domain.fills import FillRules, PathBar
from bot.domain.instruments import is_option, underlying_of
from bot.domain.market import (
    Bar,
    Bars,
    BarsRequest,
    Chain,
    ChainRequest,
    Dividend,
    Earnings,
    Events,
    MarketReads,
    Quote,
    QuotesRequest,
    Request,
    Split,
)
from bot.domain.money import ONE
from bot.domain.sessions import new_york_day
from bot.tapes.barbook import EPOCH, SECOND, BarBook, coarser, seconds_of
from bot.tapes.chains import ChainBook
from bot.tapes.events import TapeEvents
from bot.tapes.hours import bounds_of, day_of
from bot.tapes.ticks import TickBook

if TYPE_CHECKING:
    from bot.tapes.tape import Tape

STEPS = {"1min": 60, "15min": 900, "1hour": 3600, "1day": 86_400}
SPLIT_GRID = Decimal("0.000001")
EarningsStatus = Literal["known", "exempt", "unknown", "stale"]
EarningsOf = Callable[[str, date], tuple[EarningsStatus, tuple[Earnings, ...]]]
"""What is known of a symbol's releases on a day."""


class TapeMarket:
    """A Market and a Path over one tape. A name outside the universe counts as a stock in pennies."""

    simulated = False
    bars_in_shares_of_now = True
    """Older bars are shown in the shares of the moment asked about: whoever reads them finds splits taken out."""

    def __init__(
        self, tape: Tape, rules: FillRules, universe: Mapping[str, SymbolInfo], earnings: EarningsOf | None = None
    ) -> None:
        self.name = f"tape {tape.name}"
        self.tape = tape
        self.rules = rules
        self._universe = universe
        self._earnings = earnings
        self._events = TapeEvents(tape.facts.events, given=tape.facts.events_given)
        self._books: dict[tuple[str, str], BarBook] = {}
        self._chains: dict[str, ChainBook] = {}
        self._bounds = (0, 0)
        self._ticks = TickBook(tape.folder, tape.name) if "ticks" in tape.kinds else None

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer the requests as known at `at`; what the tape does not have is named in `errors`."""
        quotes: dict[str, Quote] = {}
        chains: list[Chain] = []
        bars: list[Bars] = []
        events: dict[str, Events] = {}
        errors: list[str] = []
        for request in requests:
            try:
                if isinstance(request, BarsRequest):
                    bars.append(self._some_bars(request, at))
                elif isinstance(request, ChainRequest):
                    chains.append(self._chain(request, at))
            except MarketError as error:
                errors.append(str(error))
            if isinstance(request, QuotesRequest):
                for symbol in request.symbols:
                    try:
                        quotes[symbol] = self._quote(symbol, at)
                    except MarketError as error:
                        errors.append(str(error))
            elif not isinstance(request, BarsRequest | ChainRequest):
                for symbol in request.symbols:
                    try:
                        events[symbol] = self._known_events(symbol, at)
                    except MarketError as error:
                        errors.append(str(error))
        return MarketReads(
            quotes=tuple(quotes.values()), chains=tuple(chains), bars=tuple(bars), events=tuple(events.values()),
            errors=tuple(dict.fromkeys(errors)),
        )  # fmt: skip

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give the quotes with after < at <= until, inside sessions: four a bar, in the order of the rules' path.

        They stand a second after a bar's start, at a third and two thirds of it, and a second before its end: what was
        decided at the end of one bar meets the open of the next. Raises MarketError where the tape has no bars of it.
        """
        if self._ticks is not None:
            yield from (one for one in self._ticks.walk(symbol, after, until) if self._trades(seconds_of(one.at)))
            return
        if is_option(symbol):
            book_of = self._chain_book(underlying_of(symbol))
            yield from (one for one in book_of.walk(symbol, after, until) if self._trades(seconds_of(one.at)))
            return
        book = self._book(symbol)
        row, after_seconds, until_seconds = book.finished(after), seconds_of(after), seconds_of(until)
        starts = book.columns.starts
        while row < len(book):
            start = int(starts[row])
            if start > until_seconds:
                return
            for second, price in self._path(book, row, start):
                if after_seconds < second <= until_seconds and self._trades(second):
                    moment = EPOCH + SECOND * second
                    # A quarter of what a bar lets one order take, at each of its four prices.
                    yield self._share_quote(symbol, book, price, book.bar(row).volume, moment, parts=4)
            row += 1

    def path_bars(self, symbol: str, after: datetime, until: datetime) -> Iterator[PathBar]:
        """Give the bars that end after `after` and start before `until`, oldest first, for orders to meet them."""
        book = self._book(symbol)
        row, until_seconds, told = book.finished(after), seconds_of(until), self._has_volume(symbol)
        starts = book.columns.starts
        while row < len(book) and int(starts[row]) < until_seconds:
            bar = book.bar(row)
            volume = Decimal(bar.volume) if told else None
            yield PathBar(bar.at, book.end(row), bar.open, bar.high, bar.low, bar.close, volume)
            row += 1

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what goes ex or splits on days with after < day <= until, oldest first."""
        return self._events.between(symbol, after, until)

    def _path(self, book: BarBook, row: int, start: int) -> list[tuple[int, Decimal]]:
        bar, end = book.bar(row), seconds_of(book.end(row))
        third = (end - start) // 3
        # Which extreme is worse depends on the order that meets it. Highest first is what a holder of shares fears.
        inner = (bar.low, bar.high) if self.rules.path == "open_low_high_close" else (bar.high, bar.low)
        prices = (bar.open, *inner, bar.close)
        return list(zip((start + 1, start + third, start + 2 * third, end - 1), prices, strict=True))

    def _trades(self, second: int) -> bool:
        first, last = self._bounds
        if not first <= second < last:
            self._bounds = bounds_of(day_of(second), self.tape.always_open) or (0, 0)
            first, last = self._bounds
        return first <= second < last

    def _quote(self, symbol: str, at: datetime) -> Quote:
        if self._ticks is not None:
            return self._ticks.quote(symbol, at)
        if is_option(symbol):
            return self._chain_book(underlying_of(symbol)).quote(symbol, at)
        if "bars" not in self.tape.kinds:
            told = self._chain_book(symbol).spot(at)
            if told is None:
                raise MarketError(f"{symbol}: no price on {self.name} at or before {at:%Y-%m-%d %H:%M:%S} UTC")
            return Quote(symbol=symbol, bid=None, ask=None, last=told[1], at=told[0], source=self.name)
        book = self._book(symbol)
        count = book.finished(at)
        if not count:
            raise MarketError(f"{symbol}: no bar on {self.name} ended at or before {at:%Y-%m-%d %H:%M:%S} UTC")
        bar, end = book.bar(count - 1), book.end(count - 1)
        ratio = self._ratio(symbol, bar, at)
        return self._share_quote(symbol, book, bar.close if ratio is None else _part(bar.close, ratio), bar.volume, end)

    def _share_quote(
        self, symbol: str, book: BarBook, price: Decimal, volume: int, at: datetime, parts: int = 1
    ) -> Quote:
        bid, ask = _sides(price, self.rules.spread_fraction, book.places)
        share = self.rules.volume_share
        size = None if share is None or not self._has_volume(symbol) else int(volume * share / parts)
        return Quote(
            symbol=symbol, bid=bid, ask=ask, last=price, bid_size=size, ask_size=size, at=at, source=self.name,
        )  # fmt: skip

    def _has_volume(self, symbol: str) -> bool:
        return self.tape.series("bars", symbol).volume

    def _some_bars(self, request: BarsRequest, at: datetime) -> Bars:
        if self._ticks is not None:
            return self._ticks.bars(request, at)
        book = self._book(request.symbol, request.step)
        last = book.finished(at)
        if not last:
            raise MarketError(
                f"{request.symbol}: no {request.step} bar on {self.name} ended at or before {at:%Y-%m-%d %H:%M:%S} UTC"
            )
        found = book.between(max(0, last - request.count), last)
        if self._events.splits(request.symbol):
            found = self._as_of(request.symbol, found, at)
        return Bars(symbol=request.symbol, step=request.step, bars=found, source=self.name)

    def _as_of(self, symbol: str, bars: tuple[Bar, ...], at: datetime) -> tuple[Bar, ...]:
        """Count bars from before a split in the shares of `at`, as a data vendor would show them that day."""
        found = []
        for bar in bars:
            ratio = self._ratio(symbol, bar, at)
            found.append(bar if ratio is None else _split(bar, ratio))
        return tuple(found)

    def _ratio(self, symbol: str, bar: Bar, at: datetime) -> Decimal | None:
        if not self._events.splits(symbol):
            return None
        ratio = self._events.ratio(symbol, new_york_day(bar.at), new_york_day(at))
        return None if ratio == ONE else ratio

    def _chain(self, request: ChainRequest, at: datetime) -> Chain:
        if self._ticks is not None:
            return self._ticks.chain(request, at)
        book = self._chain_book(request.underlying)
        told = book.spot(at)
        spot = told[1] if told is not None else self._quote(request.underlying, at).last
        assert spot is not None, "an underlying's quote on a tape has its last price"
        return book.chain(request, at, spot)

    def _chain_book(self, underlying: str) -> ChainBook:
        found = self._chains.get(underlying)
        if found is None:
            facts, info = self.tape.series("chains", underlying), self._universe.get(underlying)
            found = ChainBook(self.tape.folder, facts, self.name, penny=info is None or info.penny)
            self._chains[underlying] = found
        return found

    def _known_events(self, symbol: str, at: datetime) -> Events:
        if self._ticks is not None:
            return self._ticks.events(symbol, at)
        today = new_york_day(at)
        info = self._universe.get(symbol)
        found = self._events.known(symbol, today)
        status: EarningsStatus = "exempt" if info is not None and info.kind == "etf" else "unknown"
        earnings: tuple[Earnings, ...] = ()
        if self._earnings is not None and status != "exempt":
            status, earnings = self._earnings(symbol, today)
        return Events(
            symbol=symbol, dividend_status=found.status, dividends=found.dividends, earnings_status=status,
            earnings=earnings, splits=found.splits, as_of=at,
        )  # fmt: skip

    def _book(self, symbol: str, step: str = "") -> BarBook:
        found = self._books.get((symbol, step))
        if found is None:
            columns, own = self.tape.bars(symbol), self.tape.step_seconds
            wanted = STEPS[step] if step else own
            if wanted % own:
                raise MarketError(
                    f"{symbol}: {step} bars cannot be made from the {own} s bars of {self.name}: finer ones are not "
                    "made up"
                )
            if wanted != own:
                columns = coarser(columns, wanted, self.tape.always_open)
            found = self._books[symbol, step] = BarBook(columns)
        return found


def _sides(price: Decimal, spread: Decimal, places: int) -> tuple[Decimal, Decimal]:
    """Give bid and ask around a price, rounded apart; without a spread they stand a last place apart, never crossed.

    >>> _sides(Decimal("50.00"), Decimal("0.0002"), 2)
    (Decimal('49.995000'), Decimal('50.005000'))
    """
    grid = Decimal(1).scaleb(-places - 4)
    half = price * spread / 2
    if half < grid:
        half = grid
    return (price - half).quantize(grid, ROUND_FLOOR), (price + half).quantize(grid, ROUND_CEILING)


def _split(bar: Bar, ratio: Decimal) -> Bar:
    opening, high, low, close = (_part(price, ratio) for price in (bar.open, bar.high, bar.low, bar.close))
    return Bar(at=bar.at, open=opening, high=high, low=low, close=close, volume=int(bar.volume * ratio))


def _part(price: Decimal, ratio: Decimal) -> Decimal:
    """Give a price in the shares after a split, to six places."""
    return (price / ratio).quantize(SPLIT_GRID)
