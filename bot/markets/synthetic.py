"""The embedded market: a pure function of seed, symbol and time. Nothing in it is real.

Everything a planner or a simulated account may ask (quotes, chains, bars, events, the path itself) is
computed from the question. Memos save time and change nothing: asking in another order, in another
process or for the first time gives equal answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.errors import BadSymbol, BotError, MarketError
from bot.domain.instruments import Contract, is_equity, is_option, parse_option
from bot.domain.market import (
    Bars,
    BarsRequest,
    Chain,
    ChainRequest,
    Dividend,
    Events,
    EventsRequest,
    MarketReads,
    Quote,
    QuotesRequest,
    Request,
    Split,
)
from bot.domain.nyse import FIRST_YEAR, LAST_YEAR
from bot.domain.sessions import Session, last_session_at, new_york_day, session_on
from bot.markets.synthetic_bars import BarReader
from bot.markets.synthetic_calendar import Calendar, expiries
from bot.markets.synthetic_chains import Moment, Surface, slab_between, surface
from bot.markets.synthetic_days import Day, Days
from bot.markets.synthetic_paths import Factors, remember
from bot.markets.synthetic_profiles import Profile, profile_of
from bot.markets.synthetic_quotes import moment_of, option_quote, share_quote, shown_quote

ANCHOR = date(2020, 1, 2)
DECLARED_DAYS = 60  # dividends are announced this far ahead
HISTORY_DAYS = 400
EARNINGS_DAYS = 120
SPLIT_NOTICE_DAYS = 30


class _Instant(NamedTuple):
    """A moment as the market sees it: the session that trades or traded last, and seconds into it."""

    session: Session
    second: int
    today: date

    def has_closed(self, session: Session) -> bool:
        """Say whether a session is over."""
        length = int((session.close_at - session.open_at).total_seconds())
        return self.session.day > session.day or (self.session.day == session.day and self.second >= length)


class SyntheticMarket:
    """Prices for any ticker from the anchor day to the end of the calendar.

    Raises MarketError for moments outside those; a symbol that cannot be answered is named in `errors`.
    """

    name = "synthetic"
    simulated = True

    def __init__(self, seed: int, *, anchor: date = ANCHOR) -> None:
        if not FIRST_YEAR < anchor.year < LAST_YEAR or session_on(anchor) is None:
            raise MarketError(
                f"the embedded market starts on a session of {FIRST_YEAR + 1} to {LAST_YEAR - 1}, got {anchor}"
            )
        self.seed = seed
        self.anchor = anchor
        factors = Factors(seed)
        self._calendar = Calendar(seed, anchor, factors)
        self._days = Days(seed, factors, self._calendar)
        self._bars = BarReader()
        self._profiles: dict[str, Profile] = {}
        self._newest: _Instant | None = None  # the newest instant asked for, and what was made of it
        self._shown: dict[str, Quote] = {}
        self._moments: dict[str, Moment] = {}
        self._told: dict[tuple[str, date], Events] = {}
        self._before: dict[tuple[str, date, date], tuple[float, int]] = {}

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer the union of requests as known at `at`; when closed, as the last session left them."""
        instant = self._instant(at)
        if instant != self._newest:
            self._newest, self._shown, self._moments = instant, {}, {}
        quotes: list[Quote] = []
        chains: list[Chain] = []
        bars: list[Bars] = []
        events: list[Events] = []
        errors: list[str] = []
        for request in requests:
            if isinstance(request, QuotesRequest):
                for symbol in request.symbols:
                    try:
                        quotes.append(self._quote(symbol, instant))
                    except BotError as error:
                        errors.append(f"{symbol} quote: {error}")
                continue
            what = ""
            for symbol in _symbols_of(request):
                try:
                    if isinstance(request, EventsRequest):
                        what = "events"
                        events.append(self._events(symbol, instant, at))
                    elif isinstance(request, ChainRequest):
                        what = f"{request.right} chain"
                        chains.append(self._chain(request, instant))
                    else:
                        what = f"{request.step} bars"
                        bars.append(self._read_bars(request, instant))
                except BotError as error:
                    errors.append(f"{symbol} {what}: {error}")
        return MarketReads(
            quotes=tuple(quotes), chains=tuple(chains), bars=tuple(bars), events=tuple(events), errors=tuple(errors)
        )

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give quotes with after < at <= until: at each minute of a session and a second before its close.

        Odd quotes are left out: this is the path itself. A series ends with its expiry. Raises MarketError
        where `until` lies outside the market's years, BadSymbol for no symbol.
        """
        contract = parse_option(symbol) if is_option(symbol) else None
        profile = self._profile(contract.root if contract else symbol)
        self._instant(until)
        first = max(new_york_day(after), self.anchor)
        last = new_york_day(until) if contract is None else min(new_york_day(until), contract.expiry)
        for ahead in range((last - first).days + 1):
            session = session_on(first + timedelta(days=ahead))
            if session is None or session.close_at <= after or session.open_at > until:
                continue
            day = self._days.day(profile, session)
            passed = int((after - session.open_at).total_seconds()) // 60 * 60
            for second in (*range(max(0, passed), day.minutes * 60, 60), day.minutes * 60 - 1):
                at = session.open_at + timedelta(seconds=second)
                if at <= after:
                    continue
                if at > until:
                    break
                if contract is None:
                    yield share_quote(profile, at, day.price(second), day.halted(second), "")
                else:
                    moment = moment_of(day, second, session.day)._replace(at=at, spot=day.price(second))
                    yield option_quote(contract, moment, self._surface(moment, contract.expiry))

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give what goes ex or splits on days with after < day <= until, oldest first; a series has neither."""
        if is_option(symbol):
            return ()
        profile = self._profile(symbol)
        found: list[tuple[date, Dividend | Split]] = [
            (split.day, split) for split in self._calendar.splits(profile) if after < split.day <= until
        ]
        found += [(paid.ex_date, paid) for paid in self._calendar.dividends(profile, after, until)]
        return tuple(event for _, event in sorted(found, key=lambda row: row[0]))

    def _instant(self, at: datetime) -> _Instant:
        today = new_york_day(at)
        session = last_session_at(at) if self.anchor <= today and today.year <= LAST_YEAR else None
        if session is None or session.day < self.anchor:
            raise MarketError(
                f"the embedded market knows moments from the open of {self.anchor} to the end of {LAST_YEAR}, "
                f"got {at.isoformat()}: choose one inside"
            )
        second = int((min(at, session.close_at) - session.open_at).total_seconds())
        return _Instant(session, second, today)

    def _profile(self, symbol: str) -> Profile:
        found = self._profiles.get(symbol)
        if found is None:
            if not is_equity(symbol):
                raise BadSymbol(f"expected a ticker like XLF or a standard series of one, got {symbol!r}")
            found = profile_of(symbol)
            remember(self._profiles, symbol, found, 1024)
        return found

    def _day(self, symbol: str, session: Session) -> Day:
        return self._days.day(self._profile(symbol), session)

    def _quote(self, symbol: str, instant: _Instant) -> Quote:
        quote = self._shown.get(symbol)
        if quote is None:
            quote = self._shown[symbol] = self._make_quote(symbol, instant)
        return quote

    def _moment(self, symbol: str, instant: _Instant) -> Moment:
        moment = self._moments.get(symbol)
        if moment is None:
            day = self._day(symbol, instant.session)
            moment = self._moments[symbol] = moment_of(day, instant.second, instant.today)
        return moment

    def _make_quote(self, symbol: str, instant: _Instant) -> Quote:
        if not is_option(symbol):
            return shown_quote(self._day(symbol, instant.session), instant.second)
        contract = parse_option(symbol)
        moment = self._moment(contract.root, instant)
        self._refuse_unlisted(contract, instant)
        return option_quote(contract, moment, self._surface(moment, contract.expiry))

    def _surface(self, moment: Moment, expiry: date) -> Surface:
        """Give an expiry's forward and volatility: the dividends and releases still ahead of it count."""
        dividends, jumps = self._ahead(moment.profile, moment.traded, expiry)
        return surface(moment, expiry, dividends, jumps)

    def _ahead(self, profile: Profile, traded: date, expiry: date) -> tuple[float, int]:
        """Give what goes ex up to an expiry, in dollars, and the releases before it: the same all day."""
        key = profile.symbol, traded, expiry
        found = self._before.get(key)
        if found is None:
            jumps = 0
            if profile.jump:
                step, last = self._calendar.step_of(traded), self._calendar.step_of(expiry)
                jumps = self._calendar.jumps_between(profile, step, last)
            found = self._calendar.dividends_before(profile, traded, expiry), jumps
            remember(self._before, key, found, 1024)
        return found

    def _refuse_unlisted(self, contract: Contract, instant: _Instant) -> None:
        expiry = contract.expiry
        ahead = (expiry - instant.today).days
        session = session_on(expiry) if expiry.year <= LAST_YEAR else None
        if ahead < 0 or (session is not None and instant.has_closed(session)):
            raise MarketError(f"the series ended on {expiry}: ask for one that is listed")
        if expiry not in expiries(contract.root, instant.today, ahead, ahead):
            raise MarketError(f"no series is listed for {expiry}: its chain shows which are")

    def _chain(self, request: ChainRequest, instant: _Instant) -> Chain:
        moment = self._moment(request.underlying, instant)
        lowest, highest = moment.spot * float(request.moneyness_min), moment.spot * float(request.moneyness_max)
        slabs = []
        for expiry in expiries(request.underlying, instant.today, request.dte_min, request.dte_max):
            session = session_on(expiry)
            if session is None or instant.has_closed(session):
                continue
            slab = slab_between(moment, request.right, expiry, self._surface(moment, expiry), lowest, highest)
            if slab.strikes:
                slabs.append(slab)
        return Chain(
            underlying=request.underlying,
            right=request.right,
            at=moment.at,
            source=self.name,
            greeks="broker",
            penny=moment.profile.penny,
            slabs=tuple(slabs),
        )

    def _read_bars(self, request: BarsRequest, instant: _Instant) -> Bars:
        self._profile(request.symbol)
        return self._bars.read(
            request,
            instant.session,
            instant.second // 60,
            self.anchor,
            lambda session: self._day(request.symbol, session),
        )

    def _events(self, symbol: str, instant: _Instant, at: datetime) -> Events:
        """Tell dividends declared or paid, releases around now, and splits made or announced: the same all day."""
        told = self._told.get((symbol, instant.today))
        if told is None:
            told = self._make_events(symbol, instant, at)
            remember(self._told, (symbol, instant.today), told, 256)
        return told if told.as_of == at else replace(told, as_of=at)

    def _make_events(self, symbol: str, instant: _Instant, at: datetime) -> Events:
        profile, calendar, today = self._profile(symbol), self._calendar, instant.today
        since = today - timedelta(days=HISTORY_DAYS)
        declared = today + timedelta(days=DECLARED_DAYS)
        if profile.pays_every:
            declared = min(declared, calendar.period(profile, today).next_ex)
        reach = timedelta(days=EARNINGS_DAYS)
        return Events(
            symbol=symbol,
            dividend_status="known" if profile.pays_every else "none",
            dividends=calendar.dividends(profile, since, declared),
            earnings_status="exempt" if profile.kind == "etf" else "known",
            earnings=calendar.earnings(profile, today - reach, today + reach, today),
            splits=tuple(
                split
                for split in calendar.splits(profile)
                if since <= split.day <= today + timedelta(days=SPLIT_NOTICE_DAYS)
            ),
            as_of=at,
        )


def _symbols_of(request: Request) -> tuple[str, ...]:
    if isinstance(request, QuotesRequest | EventsRequest):
        return request.symbols
    return (request.underlying,) if isinstance(request, ChainRequest) else (request.symbol,)
