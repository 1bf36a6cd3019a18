"""What a market can tell: quotes, chains, bars, events, and the requests that ask for them.

Chains are kept in columns of integers: a Snapshot of ten chains of 200 must stay small, and a
planner looks at few rows. Prices are in hundredths of the currency, strikes in thousandths,
volatility and delta in ten-thousandths; `Offer` is the row view in exact decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from bot.domain.facts import Fact
from bot.domain.instruments import Right, option_symbol
from bot.domain.money import ZERO

NOTHING = -1  # an absent bid, ask, delta, volatility or open interest in a column

DELAYED_WORDS = ("indicative", "delayed")
ONE_VENUE_WORD = "iex"
MODELLED_WORD = "modelled"
"""Words in the name of a source by which its prices are weak; `Quote.source` and `Chain.source` carry that name."""


def delayed(source: str) -> bool:
    """Say whether a source's prices come late (wheel 1.20).

    >>> delayed("alpaca indicative"), delayed("alpaca delayed_sip"), delayed("alpaca iex")
    (True, True, False)
    """
    return any(word in source for word in DELAYED_WORDS)


def modelled(source: str) -> bool:
    """Say whether a source made its prices by a formula: nobody ever quoted them.

    >>> modelled("modelled from vix.csv"), modelled("recorded")
    (True, False)
    """
    return source.startswith(MODELLED_WORD)


def one_venue(source: str) -> bool:
    """Say whether a source sees one venue only, whose bid and ask are wider than the market's (wheel 1.20)."""
    return ONE_VENUE_WORD in source


def weak(source: str) -> bool:
    """Say whether a source is delayed or one venue only.

    >>> weak("alpaca iex"), weak("alpaca indicative"), weak("alpaca sip")
    (True, True, False)
    """
    return delayed(source) or one_venue(source)


class QuotesRequest(Fact, frozen=True, kw_only=True, tag="quotes"):
    """Ask for quotes of shares or single option series."""

    symbols: tuple[str, ...]


class ChainRequest(Fact, frozen=True, kw_only=True, tag="chain"):
    """Ask for the listed series of one right, days to expiry and strikes bounded.

    Moneyness is strike over spot: 0.80 to 1.02 asks for strikes from 80 % to 102 % of the price.
    """

    underlying: str
    right: Right
    dte_min: int
    dte_max: int
    moneyness_min: Decimal
    moneyness_max: Decimal


class BarsRequest(Fact, frozen=True, kw_only=True, tag="bars"):
    """Ask for the last `count` finished bars."""

    symbol: str
    step: Literal["1min", "15min", "1hour", "1day"]
    count: int


class EventsRequest(Fact, frozen=True, kw_only=True, tag="events"):
    """Ask for dividends, earnings and splits around now."""

    symbols: tuple[str, ...]


Request = QuotesRequest | ChainRequest | BarsRequest | EventsRequest


class Quote(Fact, frozen=True, kw_only=True):
    """Best bid and ask per share; None where there is none. `at` is the quote's own moment.

    `delta` and `volatility` only for option series, signed per unit long, None when unknown.
    """

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None = None
    bid_size: int | None = None
    ask_size: int | None = None
    at: datetime
    source: str
    halted: bool = False
    delta: float | None = None
    volatility: float | None = None
    open_interest: int | None = None
    penny: bool = True

    @property
    def valid(self) -> bool:
        """Say whether 0 < bid < ask (wheel.md 2.2)."""
        return self.bid is not None and self.ask is not None and ZERO < self.bid < self.ask

    @property
    def mid(self) -> Decimal | None:
        """Give (bid + ask) / 2, or None unless 0 < bid < ask."""
        if self.bid is None or self.ask is None or not ZERO < self.bid < self.ask:
            return None
        return (self.bid + self.ask) / 2

    @property
    def spread_fraction(self) -> Decimal | None:
        """Give (ask - bid) / mid, or None unless the quote is valid."""
        if self.bid is None or self.ask is None or not ZERO < self.bid < self.ask:
            return None
        return (self.ask - self.bid) * 2 / (self.bid + self.ask)


class Slab(Fact, frozen=True, kw_only=True, array_like=True):
    """All series of one expiry in columns of equal length, strikes ascending."""

    expiry: date
    strikes: tuple[int, ...]
    bids: tuple[int, ...]
    asks: tuple[int, ...]
    open_interests: tuple[int, ...]
    deltas: tuple[int, ...]
    volatilities: tuple[int, ...]
    odd: tuple[str, ...] = ()
    """Symbols in this slab that are no standard contracts (wheel.md 1.18)."""
    ages: tuple[int, ...] = ()
    """Whole seconds, rounded up, by which each row's quote is older than its chain's `at`; () means none is."""
    odd_why: tuple[str, ...] = ()
    """What is odd about each of `odd`, in its order: parts such as "multiplier 10" and "european", joined by commas;
    () where nobody said."""


class Offer(Fact, frozen=True, kw_only=True):
    """One row of a chain in exact decimals: dollars per share; delta signed per unit long."""

    symbol: str
    underlying: str
    right: Right
    expiry: date
    strike: Decimal
    bid: Decimal | None
    ask: Decimal | None
    delta: float | None
    volatility: float | None
    open_interest: int | None
    standard: bool
    penny: bool
    at: datetime
    source: str

    def as_quote(self) -> Quote:
        """Give the same row as a quote."""
        return Quote(
            symbol=self.symbol,
            bid=self.bid,
            ask=self.ask,
            at=self.at,
            source=self.source,
            delta=self.delta,
            volatility=self.volatility,
            open_interest=self.open_interest,
            penny=self.penny,
        )


@lru_cache(maxsize=16_384)
def series_of(underlying: str, expiry: date, right: Right, thousandths: int) -> tuple[Decimal, str]:
    """Give a series' strike, exact and without needless places, and its symbol."""
    strike = Decimal(thousandths) / 1000
    if strike == strike.to_integral_value():
        strike = strike.quantize(Decimal(1))
    return strike, option_symbol(underlying, expiry, right, strike)


class Chain(Fact, frozen=True, kw_only=True):
    """The series of one underlying and right as read at one moment: that of its newest quote.

    `greeks` says where delta and volatility come from: "broker", "model" or "none".
    """

    underlying: str
    right: Right
    at: datetime
    source: str
    greeks: Literal["broker", "model", "none"]
    penny: bool
    slabs: tuple[Slab, ...]

    @property
    def size(self) -> int:
        """Count the series."""
        return sum(len(slab.strikes) for slab in self.slabs)

    def offer(self, slab: Slab, row: int) -> Offer:
        """Give one row in exact decimals."""
        strike, symbol = series_of(self.underlying, slab.expiry, self.right, slab.strikes[row])
        bid, ask = slab.bids[row], slab.asks[row]
        delta, volatility = self.greeks_of(slab, row)
        interest = slab.open_interests[row]
        behind = slab.ages[row] if slab.ages else 0
        return Offer(
            symbol=symbol,
            underlying=self.underlying,
            right=self.right,
            expiry=slab.expiry,
            strike=strike,
            bid=None if bid < 0 else Decimal(bid).scaleb(-2),
            ask=None if ask < 0 else Decimal(ask).scaleb(-2),
            delta=delta,
            volatility=volatility,
            open_interest=None if interest < 0 else interest,
            standard=symbol not in slab.odd,
            penny=self.penny,
            at=self.at - timedelta(seconds=behind) if behind else self.at,
            source=self.source,
        )

    def greeks_of(self, slab: Slab, row: int) -> tuple[float | None, float | None]:
        """Give one row's delta, signed per unit long, and its volatility; None where unknown."""
        delta, volatility = slab.deltas[row], slab.volatilities[row]
        sign = -1.0 if self.right == "put" else 1.0
        return (
            None if delta < 0 else sign * delta / 10_000,
            None if volatility < 0 else volatility / 10_000,
        )  # fmt: skip

    def offers(self) -> Iterator[Offer]:
        """Walk all rows, expiries then strikes ascending."""
        for slab in self.slabs:
            for row in range(len(slab.strikes)):
                yield self.offer(slab, row)


class Bar(Fact, frozen=True, kw_only=True, array_like=True):
    """One finished bar; `at` is its first moment. Prices in dollars, volume in shares."""

    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


def joined_bar(at: datetime, bars: Sequence[Bar]) -> Bar:
    """Join bars that follow each other, one at least, into one that begins at a moment."""
    return Bar(
        at=at,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
    )


class Bars(Fact, frozen=True, kw_only=True):
    """The last finished bars of one symbol, oldest first."""

    symbol: str
    step: Literal["1min", "15min", "1hour", "1day"]
    bars: tuple[Bar, ...]
    source: str


class Dividend(Fact, frozen=True, kw_only=True):
    """A cash dividend per share; `expected` marks one projected from past payments (give or take 5 days)."""

    symbol: str
    ex_date: date
    amount: Decimal
    pay_date: date | None = None
    expected: bool = False


class Earnings(Fact, frozen=True, kw_only=True):
    """An earnings release: before the market opens (bmo), after it closes (amc) or unknown."""

    symbol: str
    day: date
    when: Literal["bmo", "amc", "unknown"]
    as_of: date


class Split(Fact, frozen=True, kw_only=True):
    """A split effective before the open of `day`: each old share becomes `ratio` new ones."""

    symbol: str
    day: date
    ratio: Decimal


class Events(Fact, frozen=True, kw_only=True):
    """What is known of one symbol's calendar. Unknown fails closed (wheel.md 1.9, 1.10)."""

    symbol: str
    dividend_status: Literal["known", "none", "unknown"]
    dividends: tuple[Dividend, ...] = ()
    earnings_status: Literal["known", "exempt", "unknown", "stale"] = "unknown"
    earnings: tuple[Earnings, ...] = ()
    splits: tuple[Split, ...] = ()
    as_of: datetime


class MarketReads(Fact, frozen=True, kw_only=True):
    """The answers to one batch of requests; what is missing is named in `errors`."""

    quotes: tuple[Quote, ...] = ()
    chains: tuple[Chain, ...] = ()
    bars: tuple[Bars, ...] = ()
    events: tuple[Events, ...] = ()
    errors: tuple[str, ...] = ()
