"""A market whose options are modelled: shares come from any market that can be walked, their options from a formula.

A price is Black-Scholes (or American) on the underlying's price at the same moment and on a volatility known at that
moment, under `ModelParams`. Every chain and option quote names the source "modelled ...", so that nobody takes it for a
quote somebody made. Same question, same answer: nothing here is drawn or remembered that changes an answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time

from bot.domain.desk import SymbolInfo
from bot.domain.errors import BotError, MarketError
from bot.domain.instruments import Contract, is_option, parse_option
from bot.domain.market import (
    MODELLED_WORD,
    Chain,
    ChainRequest,
    Dividend,
    EventsRequest,
    MarketReads,
    Quote,
    QuotesRequest,
    Request,
    Split,
)
from bot.domain.nyse import LAST_YEAR
from bot.domain.sessions import NEW_YORK, YEAR_SECONDS, new_york_day, session_on
from bot.markets.modelled_chains import Face, Moment, face_of, make_slab, option_quote
from bot.markets.modelled_listing import expiries, strikes_between
from bot.markets.modelled_params import ModelParams, checked
from bot.markets.modelled_volatility import (
    ConstantVolatility,
    IndexVolatility,
    RealisedVolatility,
    Volatility,
    Walked,
    read_index,
)

__all__ = [
    "ConstantVolatility", "IndexVolatility", "ModelParams", "ModelledMarket", "RealisedVolatility", "Volatility",
    "read_index",
]  # fmt: skip

KEPT = 1024
CLOSE = time(16)


class ModelledMarket:
    """A Market and a Path: shares, bars and events of `base`, chains and option quotes of a formula.

    `universe` tells penny classes; a name outside it counts as one. Options the base may know itself are not asked for.
    Raises ConfigError for parameters outside their bounds; what cannot be priced is named in `errors`.
    """

    def __init__(
        self, base: Walked, volatility: Volatility, params: ModelParams, *, universe: Mapping[str, SymbolInfo]
    ) -> None:
        self.params = checked(params)
        self.name = f"{MODELLED_WORD} on {base.name}"
        self.simulated = base.simulated
        self.source = f"{MODELLED_WORD} from {volatility.words}"
        self._base = base
        if hasattr(base, "path_bars"):
            self.path_bars = base.path_bars
        self._volatility = volatility
        self._universe = universe
        self._dividends: dict[tuple[str, date], tuple[Dividend, ...]] = {}

    @property
    def base(self) -> Walked:
        """Give the market the shares come from."""
        return self._base

    def over(self, base: Walked) -> ModelledMarket:
        """Give the same model over other shares; a realised volatility is then theirs."""
        known = self._volatility
        volatility = known.over(base) if isinstance(known, RealisedVolatility) else known
        return ModelledMarket(base, volatility, self.params, universe=self._universe)

    @property
    def words(self) -> str:
        """Say what is modelled and how, for beside a result."""
        return f"option prices are modelled from {self._volatility.words}: {self.params.words}"

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        """Answer the requests as known at `at`: what concerns no option is the base's own answer."""
        reads = self._base.fetch(_asked_of_base(requests), at)
        quotes = {quote.symbol: quote for quote in reads.quotes}
        shown: dict[str, Quote] = {}
        chains: list[Chain] = []
        errors = list(reads.errors)
        for request in requests:
            if isinstance(request, QuotesRequest):
                for symbol in request.symbols:
                    if not is_option(symbol):
                        shown.update({symbol: quotes[symbol]} if symbol in quotes else {})
                        continue
                    try:
                        shown[symbol] = self._option(parse_option(symbol), quotes, at)
                    except BotError as error:
                        errors.append(f"{symbol} quote: {error}")
            elif isinstance(request, ChainRequest):
                try:
                    chains.append(self._chain(request, quotes, at))
                except BotError as error:
                    errors.append(f"{request.underlying} {request.right} chain: {error}")
        return MarketReads(
            quotes=tuple(shown.values()), chains=tuple(chains), bars=reads.bars, events=reads.events,
            errors=tuple(dict.fromkeys(errors)),
        )  # fmt: skip

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give the base's quotes of a share, or a series priced at each of them until its expiry.

        Raises MarketError where no volatility is known at a moment of the walk.
        """
        if not is_option(symbol):
            yield from self._base.walk(symbol, after, until)
            return
        contract = parse_option(symbol)
        for share in self._base.walk(contract.root, after, min(until, _end(contract.expiry))):
            if _price(share) is not None:
                yield self._priced(contract, share)

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        """Give the base's dividends and splits; a series has neither."""
        return () if is_option(symbol) else self._base.events_between(symbol, after, until)

    def _option(self, contract: Contract, quotes: Mapping[str, Quote], at: datetime) -> Quote:
        share = quotes.get(contract.root)
        if share is None or _price(share) is None:
            raise MarketError(f"no price of {contract.root} to model it from")
        if at >= _end(contract.expiry):
            raise MarketError(f"the series ended on {contract.expiry}: ask for one that is listed")
        ahead = (contract.expiry - new_york_day(at)).days
        params = self.params
        if contract.expiry not in expiries(new_york_day(at), ahead, ahead, params.weekly_days, params.monthly_days):
            raise MarketError(f"no series is listed for {contract.expiry}: its chain shows which are")
        return self._priced(contract, share)

    def _priced(self, contract: Contract, share: Quote) -> Quote:
        moment = self._moment(share)
        return option_quote(contract, moment, self._face(moment, contract.expiry), self.params)

    def _chain(self, request: ChainRequest, quotes: Mapping[str, Quote], at: datetime) -> Chain:
        share = quotes.get(request.underlying)
        if share is None or _price(share) is None:
            raise MarketError(f"no price of {request.underlying} to model it from")
        moment, params = self._moment(share), self.params
        low = moment.spot * max(float(request.moneyness_min), params.strikes_low)
        high = moment.spot * min(float(request.moneyness_max), params.strikes_high)
        strikes = strikes_between(low, high, params.strike_step)
        listed = expiries(
            new_york_day(at), request.dte_min, request.dte_max, params.weekly_days, params.monthly_days
        )  # fmt: skip
        return Chain(
            underlying=request.underlying,
            right=request.right,
            at=moment.at,
            source=moment.source,
            greeks="model",
            penny=moment.penny,
            slabs=tuple([
                make_slab(moment, request.right, self._face(moment, expiry), strikes, params)
                for expiry in listed
                if strikes and at < _end(expiry)
            ]),
        )  # fmt: skip

    def _moment(self, share: Quote) -> Moment:
        price = _price(share)
        assert price is not None, f"{share.symbol}: a price is needed"
        info = self._universe.get(share.symbol)
        return Moment(
            symbol=share.symbol,
            at=share.at,
            spot=price,
            volatility=self._volatility.known(share.symbol, share.at),
            penny=True if info is None else info.penny,
            halted=share.halted,
            source=self.source,
        )

    def _face(self, moment: Moment, expiry: date) -> Face:
        years = max(60.0, (_end(expiry) - moment.at).total_seconds()) / YEAR_SECONDS
        dividends = 0.0
        if self.params.known_dividends:
            today = new_york_day(moment.at)
            for one in self._declared(moment.symbol, today):
                if today < one.ex_date <= expiry:
                    ahead = (one.ex_date - today).days / 365
                    dividends += float(one.amount) * math.exp(-self.params.rate * ahead)
        return face_of(moment, expiry, years, dividends, self.params)

    def _declared(self, symbol: str, day: date) -> tuple[Dividend, ...]:
        """Give the dividends known by the morning of a day: the same all day, whatever was asked first."""
        found = self._dividends.get((symbol, day))
        if found is None:
            session = session_on(day)
            morning = session.open_at if session is not None else _end(day)
            reads = self._base.fetch((EventsRequest(symbols=(symbol,)),), morning)
            found = tuple(one for events in reads.events for one in events.dividends)
            if len(self._dividends) >= KEPT:
                self._dividends.clear()
            self._dividends[symbol, day] = found
        return found


def _asked_of_base(requests: tuple[Request, ...]) -> tuple[Request, ...]:
    """Give what to ask the base: everything but options, and quotes of the shares that options are modelled from."""
    passed: list[Request] = []
    wanted: dict[str, None] = {}
    for request in requests:
        if isinstance(request, ChainRequest):
            wanted[request.underlying] = None
        elif isinstance(request, QuotesRequest):
            wanted.update(dict.fromkeys(parse_option(one).root if is_option(one) else one for one in request.symbols))
        else:
            passed.append(request)
    shares = tuple(wanted)
    return (*((QuotesRequest(symbols=shares),) if shares else ()), *passed)


def _price(share: Quote) -> float | None:
    """Give the price of an underlying as the Snapshot reads it: the mid of a valid quote, else the last trade."""
    price = share.mid if share.mid is not None else share.last
    return None if price is None or price <= 0 else float(price)


def _end(expiry: date) -> datetime:
    """Give the moment a series ends: its session's close, or what would be one where the exchange is closed."""
    session = session_on(expiry) if expiry.year <= LAST_YEAR else None
    return session.close_at if session is not None else datetime.combine(expiry, CLOSE, NEW_YORK).astimezone(UTC)
