"""Short options one by one: what they are, how they stand, and what will be done about them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from bot.domain.errors import MarketError
from bot.domain.facts import Fact
from bot.domain.instruments import Contract, Right, is_option, parse_option
from bot.domain.ledger import OptionLeg, Proposal
from bot.domain.money import ZERO, from_float, plain
from bot.domain.outlook import CallOutlook, Outlook, Prospect, StopOutlook
from bot.domain.sessions import days_to_expiry, new_york_day, session_on, years_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.wheelmath import collateral, share_of_profit
from bot.pricing.black_scholes import price_and_delta
from bot.pricing.chance import chance_in_the_money, volatility_behind
from bot.report.holdings import Held, distance_fraction, held_in
from bot.report.week_words import foreign_plan, plan_words
from bot.report.words import six

FOUR = Decimal("0.0001")
CHANCE_SOURCES = {"stated": "the quote's implied volatility", "mid": "implied by our mid"}


class Odds(NamedTuple):
    """Chance of ending in the money, volatility and delta, each with its source; None is unknown."""

    chance: Decimal | None = None
    chance_source: str = "unknown"
    volatility: Decimal | None = None
    delta: Decimal | None = None
    delta_source: str = "unknown"


class Ahead(NamedTuple):
    """What the planners say about the days ahead, and the proposals that wait."""

    legs: tuple[Outlook, ...] = ()
    calls: tuple[CallOutlook, ...] = ()
    stops: tuple[StopOutlook, ...] = ()
    unwatched: tuple[tuple[str, str], ...] = ()
    """(leg id, why no strategy looks after it)."""
    proposals: tuple[Proposal, ...] = ()


class ShortLine(Fact, frozen=True, kw_only=True):
    """One short option: contracts below zero, prices per share, amounts in dollars, fractions from 0 to 1.

    `distance` is how far the share must move to the strike, negative in the money. `chance` is that of ending in the
    money under the option's own price. `plan` says in words what `prospects` say in numbers.
    """

    symbol: str
    words: str
    underlying: str
    right: Right
    owner: str
    strategy: str = ""
    qty: Decimal
    strike: Decimal
    expiry: date
    dte: int
    in_window: bool
    close_at: datetime | None
    early_close: bool = False
    spot: Decimal | None
    distance: Decimal | None
    distance_fraction: Decimal | None
    chance: Decimal | None
    chance_source: str
    volatility: Decimal | None
    delta: Decimal | None
    delta_source: str
    mark: Decimal | None
    mark_source: str
    credit: Decimal | None
    profit_share: Decimal | None
    collateral: Decimal
    prospects: tuple[Prospect, ...] = ()
    plan: tuple[str, ...] = ()


def short_lines(snapshot: Snapshot, ahead: Ahead, until: date) -> tuple[ShortLine, ...]:
    """Give a line for every short leg of ours, and for what of a short position is not; soonest expiry first."""
    lines = []
    for one in held_in(snapshot):
        if not is_option(one.symbol) or one.qty >= 0:
            continue
        legs = [leg for leg in snapshot.books.legs if leg.symbol == one.symbol and leg.qty < 0]
        legs = [leg for leg in legs if leg.owner != "foreign"]
        rest = one.qty - sum((leg.qty for leg in legs), ZERO)
        lines += [_short_line(snapshot, one, leg, leg.qty, ahead, until) for leg in legs]
        if rest < 0:
            lines.append(_short_line(snapshot, one, None, rest, ahead, until))
    return tuple(sorted(lines, key=lambda line: (line.expiry, line.underlying, line.symbol, line.owner)))


def _short_line(
    snapshot: Snapshot, one: Held, leg: OptionLeg | None, qty: Decimal, ahead: Ahead, until: date
) -> ShortLine:
    contract = parse_option(one.symbol)
    spot, quote = snapshot.spot(contract.root), snapshot.quote_of.get(one.symbol)
    session = _last_session(contract.expiry)
    dte = days_to_expiry(contract.expiry, new_york_day(snapshot.at))
    odds = odds_of(snapshot, contract, spot)
    outlook = None if leg is None else next((found for found in ahead.legs if found.leg == leg.id), None)
    why = "" if leg is None else dict(ahead.unwatched).get(leg.id, "")
    prospects = () if outlook is None else outlook.prospects
    if leg is not None and outlook is None:
        prospects = (Prospect(rule="unwatched", reason=why or "no strategy looks after it"),)
    credit = one.avg_entry_price if leg is None or leg.credit is None else leg.credit
    gap = None if spot is None else spot - contract.strike if contract.right == "put" else contract.strike - spot
    return ShortLine(
        symbol=one.symbol, words=contract_words(contract), underlying=contract.root, right=contract.right,
        owner="foreign" if leg is None else leg.owner, strategy="" if outlook is None else outlook.strategy, qty=qty,
        strike=contract.strike, expiry=contract.expiry, dte=dte, in_window=contract.expiry <= until,
        close_at=None if session is None else session[0], early_close=session is not None and session[1],
        spot=spot, distance=gap, distance_fraction=distance_fraction(contract.right, contract.strike, spot),
        chance=odds.chance, chance_source=odds.chance_source, volatility=odds.volatility, delta=odds.delta,
        delta_source=odds.delta_source, mark=one.mark, mark_source=one.mark_source or "", credit=credit,
        profit_share=None if quote is None else six(share_of_profit(credit, quote.ask)),
        collateral=collateral(contract.strike, -qty) if contract.right == "put" else ZERO,
        prospects=prospects,
        plan=foreign_plan(one.symbol, qty) if leg is None
        else plan_words(prospects, contract, credit, snapshot.at, session_open=snapshot.session.is_open),
    )  # fmt: skip


def contract_words(contract: Contract) -> str:
    """Write a contract as a person says it.

    >>> contract_words(parse_option("XLF261218P00038500"))
    'XLF 38.5 put, 18 Dec 2026'
    """
    return f"{contract.root} {plain(contract.strike)} {contract.right}, {contract.expiry:%-d %b %Y}"


def _last_session(expiry: date) -> tuple[datetime, bool] | None:
    """Give when the last session of an expiry closes and whether that is early; None past the calendar."""
    try:
        session = session_on(expiry)
    except MarketError:
        return None
    return None if session is None else (session.close_at, session.early)


def odds_of(snapshot: Snapshot, contract: Contract, spot: Decimal | None) -> Odds:
    """Give the chance in the money and the delta with their sources; unknown where nothing says."""
    quote = snapshot.quote_of.get(contract.symbol)
    if quote is None:
        return Odds()
    stated = None if quote.delta is None else from_float(quote.delta).quantize(FOUR)
    found = Odds(delta=stated, delta_source="unknown" if stated is None else "quote")
    if spot is None or spot <= 0:
        return found
    try:
        years = years_to_expiry(contract.expiry, snapshot.at)
    except MarketError:
        return found
    mid = None if quote.mid is None else float(quote.mid)
    right, price, strike = contract.right, float(spot), float(contract.strike)
    volatility, source = volatility_behind(right, price, strike, years, quote.volatility, mid)
    if volatility is None:
        return found
    found = found._replace(
        chance=from_float(chance_in_the_money(right, price, strike, years, volatility)).quantize(FOUR),
        chance_source=CHANCE_SOURCES[source],
        volatility=from_float(volatility).quantize(FOUR),
    )
    if stated is not None:
        return found
    delta = price_and_delta(right, price, strike, years, volatility)[1]
    return found._replace(delta=from_float(delta).quantize(FOUR), delta_source="model")
