"""Options modelled on shares: prices follow from what was known, say that they are modelled, and never look ahead."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.desk import SymbolInfo
from bot.domain.errors import ConfigError, MarketError
from bot.domain.fills import PathBar
from bot.domain.instruments import Right, option_symbol, parse_option
from bot.domain.market import (
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
from bot.domain.sessions import new_york_day, session_at, years_to_expiry
from bot.engine.ports import Market, Path
from bot.markets.modelled import ConstantVolatility, IndexVolatility, ModelledMarket, ModelParams, RealisedVolatility
from bot.markets.modelled_volatility import VolatilityPoint
from bot.markets.synthetic import SyntheticMarket
from bot.pricing.black_scholes import price

D = Decimal
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
THIRD_FRIDAY = date(2026, 12, 18)
RIGHTS: tuple[Right, ...] = ("put", "call")
MINUTE = timedelta(minutes=1)


class Shares:
    """A market of shares by hand: a price a minute inside sessions, from a function of the moment."""

    name = "by hand"
    simulated = False

    def __init__(
        self, price_at: Callable[[datetime], D | None], known: tuple[Dividend, ...] = (), *, halted: bool = False
    ) -> None:
        self.price_at = price_at
        self.known = known
        self.halted = halted

    def quote(self, symbol: str, at: datetime) -> Quote:
        found = self.price_at(at)
        bid, ask = (None, None) if found is None else (found - D("0.01"), found + D("0.01"))
        return Quote(symbol=symbol, bid=bid, ask=ask, last=found, at=at, source="by hand", halted=self.halted)

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        names = [one for request in requests if isinstance(request, QuotesRequest) for one in request.symbols]
        asked = [one for request in requests if isinstance(request, EventsRequest) for one in request.symbols]
        told = [Events(symbol=one, dividend_status="known", dividends=self.known, as_of=at) for one in asked]
        return MarketReads(quotes=tuple(self.quote(name, at) for name in names), events=tuple(told))

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        at = after + MINUTE
        while at <= until:
            if session_at(at) is not None:
                yield self.quote(symbol, at)
            at += MINUTE

    def events_between(self, symbol: str, after: date, until: date) -> tuple[Dividend | Split, ...]:
        return ()


FLAT = Shares(lambda at: D(50))
PLAIN = ModelParams(skew=0.0, smile=0.0, known_dividends=False)


def modelled(base: Shares = FLAT, params: ModelParams = PLAIN, value: float = 0.20) -> ModelledMarket:
    return ModelledMarket(base, ConstantVolatility(value), params, universe={})


def chain_request(right: Right = "put", dte: tuple[int, int] = (20, 45)) -> ChainRequest:
    return ChainRequest(
        underlying="XLF", right=right, dte_min=dte[0], dte_max=dte[1], moneyness_min=D("0.8"), moneyness_max=D("1.2")
    )


def chain(market: ModelledMarket, right: Right = "put", at: datetime = NOON) -> Chain:
    reads = market.fetch((chain_request(right),), at)
    assert reads.errors == ()
    return reads.chains[0]


def one_quote(market: ModelledMarket, symbol: str, at: datetime = NOON) -> Quote:
    reads = market.fetch((QuotesRequest(symbols=(symbol,)),), at)
    assert reads.errors == ()
    return reads.quotes[0]


def test_it_fits_both_ports_and_says_what_it_stands_on() -> None:
    made = modelled()
    market: Market = made
    path: Path = made
    assert (market.name, market.simulated) == ("modelled on by hand", False)
    assert path.events_between("XLF", NOON.date(), NOON.date()) == ()
    assert "premium factor 1" in made.words
    assert ModelledMarket(SyntheticMarket(1), ConstantVolatility(0.2), PLAIN, universe={}).simulated


def test_every_chain_and_option_quote_says_that_it_is_modelled_and_a_share_keeps_its_own_source() -> None:
    market = modelled()
    reads = market.fetch((QuotesRequest(symbols=("XLF", "XLF261218P00048000")), chain_request()), NOON)
    share, option = reads.quotes
    assert share.source == "by hand"
    assert option.source == "modelled from a constant 0.2"
    assert reads.chains[0].source == option.source
    assert {offer.source for offer in reads.chains[0].offers()} == {option.source}
    assert reads.chains[0].greeks == "model"


@given(
    st.sampled_from(RIGHTS), st.integers(40, 60), st.floats(0.05, 1.0), st.floats(0.5, 1.5), st.floats(0.0, 0.08),
    st.floats(0.0, 0.05),
)  # fmt: skip
def test_the_quote_lies_around_black_scholes_at_the_factor_times_the_volatility(
    right: Right, strike: int, volatility: float, factor: float, rate: float, paid: float
) -> None:
    params = replace(PLAIN, premium_factor=factor, rate=rate, dividend_yield=paid)
    quote = one_quote(modelled(params=params, value=volatility), option_symbol("XLF", THIRD_FRIDAY, right, D(strike)))
    years = years_to_expiry(THIRD_FRIDAY, NOON)
    fair = price(right, 50, strike, years, max(0.03, volatility * factor), rate, paid)
    parity = (strike - 50) if right == "put" else (50 - strike)
    fair = max(fair, parity, 0.0)
    assert quote.ask is not None
    # Half of two cents or of 4 % on each side, and no more than a step of the grid outward.
    half = max(0.01, 0.02 * fair)
    assert -1e-9 <= float(quote.ask) - fair - half <= 0.05
    assert quote.bid is None or -1e-9 <= fair - half - float(quote.bid) <= 0.05
    assert quote.bid is not None or fair - half < 0.05


def test_a_chains_row_its_quote_and_the_walk_say_the_same() -> None:
    base = SyntheticMarket(3)
    market = ModelledMarket(base, RealisedVolatility(base), ModelParams(), universe={})
    for right in RIGHTS:
        for offer in list(chain(market, right).offers())[::7]:
            quote = one_quote(market, offer.symbol)
            assert replace(quote, bid_size=None, ask_size=None) == offer.as_quote()
    walked = list(market.walk("XLF261218P00036000", NOON - 5 * MINUTE, NOON))
    assert [one.at for one in walked] == [NOON - n * MINUTE for n in (4, 3, 2, 1, 0)]
    for one in walked:
        (share,) = base.walk("XLF", one.at - timedelta(seconds=1), one.at)
        assert share.at == one.at
        assert one.source.startswith("modelled")
    hour = market.walk("XLF261218P00037000", NOON - timedelta(hours=1), NOON)
    assert len({(one.bid, one.ask) for one in hour}) > 3


def test_asking_in_another_order_or_of_another_market_gives_equal_answers() -> None:
    base = SyntheticMarket(3)
    asked = (
        chain_request("call"),
        EventsRequest(symbols=("XLF",)),
        chain_request("put"),
        QuotesRequest(symbols=("XLF",)),
    )
    first = ModelledMarket(base, RealisedVolatility(base), ModelParams(), universe={})
    second = ModelledMarket(SyntheticMarket(3), RealisedVolatility(SyntheticMarket(3)), ModelParams(), universe={})
    for at in (NOON, NOON - timedelta(days=30), NOON + timedelta(days=3)):
        second.fetch(asked[:1], at + timedelta(days=200))
        forth, back = first.fetch(asked, at), second.fetch(asked[::-1], at)
        assert sorted(forth.chains, key=str) == sorted(back.chains, key=str)
        assert (forth.quotes, forth.events) == (back.quotes, back.events)


def test_what_comes_later_changes_nothing_before_it() -> None:
    """The price and the volatility after a moment are cut off, or turned over: no answer up to it moves."""
    cut = NOON + timedelta(hours=1)

    def wild(at: datetime) -> D | None:
        return D(50) if at <= cut else D(5)

    points = [VolatilityPoint(NOON + timedelta(hours=n), 0.2 + 0.01 * n) for n in range(-48, 48)]
    known = [point for point in points if point.known_at <= cut]
    later = [*known, VolatilityPoint(cut + timedelta(seconds=1), 3.0)]
    answers = []
    for base, series in ((FLAT, points), (Shares(wild), later), (Shares(wild), known)):
        market = ModelledMarket(base, IndexVolatility("index", series), PLAIN, universe={})
        told = [
            market.fetch((chain_request("put"), chain_request("call")), cut - n * MINUTE) for n in range(0, 180, 20)
        ]
        answers.append((told, list(market.walk("XLF261218P00048000", NOON, cut))))
    assert answers[0] == answers[1] == answers[2]
    assert one_quote(ModelledMarket(FLAT, IndexVolatility("index", later), PLAIN, universe={}), "XLF261218P00048000",
                     cut + MINUTE).volatility == 3.0  # fmt: skip


def test_a_moment_without_a_volatility_has_no_chain_and_says_so() -> None:
    series = IndexVolatility("vix.csv", [VolatilityPoint(NOON, 0.2)], stale_days=2)
    market = ModelledMarket(FLAT, series, PLAIN, universe={})
    for at, words in (
        (NOON - MINUTE, "vix.csv begins at 2026-11-18"),
        (NOON + timedelta(days=2, minutes=1), "is silent"),
    ):
        reads = market.fetch((chain_request(), QuotesRequest(symbols=("XLF", "XLF261218P00048000"))), at)
        assert reads.chains == ()
        assert [quote.symbol for quote in reads.quotes] == ["XLF"]
        assert len(reads.errors) == 2
        assert all("XLF" in error and words in error for error in reads.errors)
    assert market.fetch((chain_request(),), NOON).chains
    with pytest.raises(MarketError, match="begins at"):
        list(market.walk("XLF261218P00048000", NOON - 5 * MINUTE, NOON))


def test_a_share_without_a_price_has_no_chain_and_says_so() -> None:
    reads = modelled(Shares(lambda at: None)).fetch((chain_request(),), NOON)
    assert reads.chains == ()
    assert reads.errors == ("XLF put chain: no price of XLF to model it from",)


def test_a_strange_symbol_is_named_and_costs_the_others_nothing() -> None:
    base = SyntheticMarket(1)
    market = ModelledMarket(base, ConstantVolatility(0.2), PLAIN, universe={})
    saturday = "XLF270102P00039000"
    reads = market.fetch((QuotesRequest(symbols=("EWZ", "W#RD", saturday, "XLF")), chain_request()), NOON)
    assert [quote.symbol for quote in reads.quotes] == ["EWZ", "XLF"]
    assert len(reads.chains) == 1
    assert any("W#RD" in error for error in reads.errors)
    assert any(saturday in error and "no series is listed" in error for error in reads.errors)


def test_a_series_is_quoted_until_its_close_and_not_after() -> None:
    market = modelled()
    symbol = "XLF261218P00048000"
    close = datetime(2026, 12, 18, 21, 0, tzinfo=UTC)
    assert one_quote(market, symbol, close - MINUTE).bid is None
    reads = market.fetch((QuotesRequest(symbols=(symbol,)), chain_request(dte=(0, 0))), close)
    assert reads.quotes == ()
    assert "ended on 2026-12-18" in reads.errors[0]
    assert reads.chains[0].slabs == ()
    walked = list(market.walk(symbol, close - timedelta(hours=1), close + timedelta(days=3)))
    assert walked[-1].at < close
    in_the_money = list(market.walk("XLF261218P00055000", close - 10 * MINUTE, close))
    assert all(one.mid is not None and abs(one.mid - 5) <= D("0.1") for one in in_the_money)


def test_a_deep_option_is_never_quoted_around_less_than_exercise() -> None:
    quote = one_quote(modelled(params=replace(PLAIN, rate=0.10), value=0.05), "XLF261218P00060000")
    assert quote.ask is not None
    assert quote.ask > 10


def test_a_declared_dividend_comes_off_and_only_before_its_expiry() -> None:
    ex = Dividend(symbol="XLF", ex_date=date(2026, 12, 10), amount=D("1.00"))
    params = replace(PLAIN, known_dividends=True)
    without, with_it = modelled(), modelled(Shares(lambda at: D(50), (ex,)), params)
    for symbol, moves in (("XLF261218C00050000", -1), ("XLF261218P00050000", 1), ("XLF261204C00050000", 0)):
        before, after = one_quote(without, symbol).mid, one_quote(with_it, symbol).mid
        assert before is not None
        assert after is not None
        assert (after > before) - (after < before) == moves
    past = modelled(Shares(lambda at: D(50), (replace(ex, ex_date=new_york_day(NOON)),)), params)
    assert one_quote(past, "XLF261218C00050000") == one_quote(without, "XLF261218C00050000")


def test_american_exercise_is_worth_something_to_a_put_when_money_earns() -> None:
    params = replace(PLAIN, rate=0.08)
    european, american = modelled(params=params), modelled(params=replace(params, american=True))
    symbol = "XLF261218P00052000"
    low, high = one_quote(european, symbol).mid, one_quote(american, symbol).mid
    assert low is not None
    assert high is not None
    assert high > low
    assert one_quote(european, "XLF261218C00052000") == one_quote(american, "XLF261218C00052000")


def test_skew_term_and_factor_move_the_volatility_as_they_say() -> None:
    def stated(params: ModelParams, symbol: str) -> float:
        found = one_quote(modelled(params=params), symbol).volatility
        assert found is not None
        return found

    at_the_money, low = "XLF261218P00050000", "XLF261218P00045000"
    assert stated(PLAIN, at_the_money) == stated(PLAIN, low) == 0.2
    assert stated(replace(PLAIN, premium_factor=0.9), at_the_money) == pytest.approx(0.18, abs=1e-4)
    assert stated(replace(PLAIN, skew=0.1), low) > 0.23
    assert (
        stated(replace(PLAIN, term=-0.2), "XLF261120P00050000")
        > 0.2
        > stated(replace(PLAIN, term=-0.2), "XLF270319P00050000")
    )
    assert stated(replace(PLAIN, premium_factor=0.1), at_the_money) == 0.03


def test_a_halt_and_a_nickel_class_show_in_the_options() -> None:
    info = SymbolInfo(symbol="XLF", group="x", kind="etf", penny=False)
    market = ModelledMarket(
        Shares(lambda at: D(50), halted=True), ConstantVolatility(0.2), PLAIN, universe={"XLF": info}
    )
    quote = one_quote(market, "XLF261218P00048000")
    assert quote.halted
    assert not quote.penny
    assert quote.bid is not None
    assert quote.ask is not None
    assert (quote.bid * 20) % 1 == 0 == (quote.ask * 20) % 1


def test_bars_pass_through_from_the_base() -> None:
    base = SyntheticMarket(1)
    asked = (BarsRequest(symbol="XLF", step="1day", count=5),)
    market = ModelledMarket(base, ConstantVolatility(0.2), PLAIN, universe={})
    assert market.fetch(asked, NOON) == base.fetch(asked, NOON)
    assert list(market.walk("XLF", NOON - MINUTE, NOON)) == list(base.walk("XLF", NOON - MINUTE, NOON))


def test_bars_to_fill_on_are_the_bases_where_it_has_any() -> None:
    class Barred(Shares):
        def path_bars(self, symbol: str, after: datetime, until: datetime) -> Iterator[PathBar]:
            yield PathBar(after, until, D(1), D(2), D(1), D(2))

    market = modelled(Barred(lambda at: D(50)))
    assert list(market.path_bars("XLF", NOON, NOON)) == [PathBar(NOON, NOON, D(1), D(2), D(1), D(2))]
    assert not hasattr(modelled(), "path_bars")


def test_every_row_of_a_chain_is_a_standard_series_with_whole_columns() -> None:
    found = chain(modelled(params=ModelParams()), "call")
    assert found.size > 40
    for slab in found.slabs:
        columns = (slab.strikes, slab.bids, slab.asks, slab.open_interests, slab.deltas, slab.volatilities)
        assert len({len(column) for column in columns}) == 1
    for offer in found.offers():
        assert parse_option(offer.symbol).strike == offer.strike
        assert offer.bid is None or offer.ask is None or offer.bid < offer.ask


def test_parameters_outside_their_bounds_are_all_named() -> None:
    bad = ModelParams(
        premium_factor=0.0, rate=-0.1, american=True, strike_step=D(0), volatility_floor=0.5, volatility_ceiling=0.4
    )
    with pytest.raises(ConfigError) as caught:
        modelled(params=bad)
    assert [fault.split(":")[1].strip().split(" ")[0] for fault in caught.value.faults] == [
        "premium_factor", "rate", "volatility_floor", "strike_step",
    ]  # fmt: skip


@pytest.mark.parametrize("skew", [0.0, 0.1, 0.15])
@pytest.mark.parametrize("value", [0.05, 0.1, 0.2, 0.5, 1.0, 2.0])
def test_no_strike_can_be_bought_and_its_neighbour_sold_for_nothing(skew: float, value: float) -> None:
    """Bids and asks of puts rise with the strike, those of calls fall; and a call less a put is share less strike."""
    for rate, spot in product((0.0, 0.05), (20, 50, 400)):
        params = ModelParams(skew=skew, rate=rate, known_dividends=False)
        market = modelled(Shares(lambda at, spot=spot: D(spot)), params, value)  # type: ignore[misc]
        chains = {right: market.fetch((chain_request(right, (0, 365)),), NOON).chains[0] for right in RIGHTS}
        for put, call in zip(chains["put"].slabs, chains["call"].slabs, strict=True):
            assert list(put.bids) == sorted(put.bids)
            assert list(put.asks) == sorted(put.asks)
            assert list(call.bids) == sorted(call.bids, reverse=True)
            assert list(call.asks) == sorted(call.asks, reverse=True)
            paid = math.exp(-rate * years_to_expiry(put.expiry, NOON))
            for row, strike in enumerate(put.strikes):
                # Bought and sold at the sides that hurt, the difference is never better than money.
                gain = call.bids[row] - put.asks[row] - (100 * spot - strike / 10 * paid)
                loss = call.asks[row] - max(put.bids[row], 0) - (100 * spot - strike / 10)
                assert gain <= 1e-6
                assert loss >= -1e-6
