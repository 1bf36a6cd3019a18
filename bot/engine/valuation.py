"""What is held is worth: our own marks, equity, net asset value, the day's result, a cycle's return.

Marks are ours because the broker prices at the last trade (wheel 1.13). The model step of (wheel 2.12) is for the
time after the last close only, where an option is worth what exercise brings: the engine knows no option mathematics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.holdings import Position
from bot.domain.instruments import Contract, is_option, parse_option
from bot.domain.ledger import Books, Cycle, OptionLeg
from bot.domain.market import Quote, weak
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.sessions import new_york_day, session_on, sessions_from
from bot.domain.snapshot import HeldPosition, Mark, SessionFacts
from bot.domain.wheelmath import (
    cycle_return,
    cycle_return_annualised,
    intrinsic,
    nav_step,
    spread_passes,
)

NAV_PLACES = Decimal("0.000000000001")
STOP_MINUTES_AFTER_OPEN = 30


def mark_positions(
    held: Iterable[HeldPosition],
    quotes: Iterable[Quote],
    previous_marks: Iterable[tuple[str, Decimal, datetime]],
    at: datetime,
    spread_fraction_max: Decimal | None,
    spread_absolute_max: Decimal | None,
) -> tuple[Mark, ...]:
    """Price everything held, per share, saying where each price comes from (wheel 2.12).

    An option is its mid if the spread passes; else its previous mark if at most a session old; else intrinsic value
    once its last session closed; else the far side (short at ask, long at bid); else the broker's last price; else
    what was paid. A share is its mid; on a one-venue source its last trade. `previous_marks` carry the moment each
    price was made, not repeated.
    """
    positions = [one.position for one in held]
    if not positions:
        return ()
    quote_of = {quote.symbol: quote for quote in quotes}
    before = {symbol: (price, made_at) for symbol, price, made_at in previous_marks}
    return tuple(
        _mark_option(position, quote_of, before, at, spread_fraction_max, spread_absolute_max)
        if is_option(position.symbol)
        else _mark_share(position, quote_of.get(position.symbol), before)
        for position in positions
    )


def _mark_share(position: Position, quote: Quote | None, before: dict[str, tuple[Decimal, datetime]]) -> Mark:
    symbol = position.symbol
    if quote is not None:
        mid = quote.mid
        if quote.last is not None and (mid is None or weak(quote.source)):
            return Mark(symbol=symbol, price=quote.last, source="last")
        if mid is not None:
            return Mark(symbol=symbol, price=mid, source="mid")
    if symbol in before:
        return Mark(symbol=symbol, price=before[symbol][0], source="previous")
    return _last_resort(position)


def _mark_option(
    position: Position,
    quote_of: dict[str, Quote],
    before: dict[str, tuple[Decimal, datetime]],
    at: datetime,
    fraction_max: Decimal | None,
    absolute_max: Decimal | None,
) -> Mark:
    symbol = position.symbol
    quote = quote_of.get(symbol)
    if quote is not None and spread_passes(quote.bid, quote.ask, fraction_max, absolute_max):
        mid = quote.mid
        assert mid is not None
        return Mark(symbol=symbol, price=mid, source="mid")
    contract = parse_option(symbol)
    over = _value_after_close(contract, quote_of.get(contract.root), at)
    if over is not None:
        return Mark(symbol=symbol, price=over, source="model")
    if symbol in before:
        price, made_at = before[symbol]
        if sessions_from(new_york_day(made_at), new_york_day(at)) <= 1:
            return Mark(symbol=symbol, price=price, source="previous")
    side = None if quote is None else quote.ask if position.qty < 0 else quote.bid
    if side is not None:
        return Mark(symbol=symbol, price=side, source="far_side")
    return _last_resort(position)


def _value_after_close(contract: Contract, underlying: Quote | None, at: datetime) -> Decimal | None:
    """Give what exercise brings, once the series' last session has closed and while it still shows."""
    session = session_on(contract.expiry)
    if underlying is None or session is None or at < session.close_at:
        return None
    spot = underlying.mid if underlying.mid is not None else underlying.last
    return None if spot is None else intrinsic(contract.right, contract.strike, spot)


def _last_resort(position: Position) -> Mark:
    if position.price is not None:
        return Mark(symbol=position.symbol, price=position.price, source="last")
    paid = position.avg_entry_price if position.avg_entry_price is not None else ZERO
    return Mark(symbol=position.symbol, price=paid, source="entry")


def units(symbol: str) -> Decimal:
    """Give the shares one unit of a position stands for."""
    return SHARES_PER_CONTRACT if is_option(symbol) else Decimal(1)


def equity_on_marks(cash: Decimal, held: Iterable[HeldPosition], marks: Iterable[Mark]) -> Decimal:
    """Give cash plus everything held at our own marks, in dollars (design 3)."""
    price_of = {mark.symbol: mark.price for mark in marks}
    total = cash
    for one in held:
        symbol = one.position.symbol
        total += one.position.qty * price_of.get(symbol, ZERO) * units(symbol)
    return total


def roll_nav(books: Books, equity: Decimal, flow: Decimal, session: SessionFacts, at: datetime) -> Books:
    """Bring net asset value, its peak and the day's reference up to this tick (wheel 2.15, 2.16).

    The first equity seen starts the series at what `nav` says. A new session day makes the last tick's equity the
    previous close. Doing it again with the same equity and no new flow changes nothing. A peak counts once two readings
    in a row stood there: one wrong number would hold the desk against a height it never had.
    """
    if books.equity_last is None:
        previous = books.equity_previous if books.equity_previous is not None else equity
        return replace(books, equity_last=equity, equity_previous=previous, session_day=session.day)
    nav = nav_step(books.nav, equity, books.equity_last, flow).quantize(NAV_PLACES).normalize()
    if nav <= 0:  # nothing could be chained onto it ever again: the next reading goes on from the last one
        return books
    fresh = books.session_day is None or session.day > books.session_day
    return replace(
        books,
        nav=nav,
        nav_peak=max(books.nav_peak, min(nav, books.nav)),
        equity_last=equity,
        equity_previous=books.equity_last if fresh else books.equity_previous,
        flow_session=flow if fresh else books.flow_session + flow,
        session_day=session.day if fresh else books.session_day,
    )


def count_premium_stops(
    books: Books,
    quotes: Iterable[Quote],
    multiples: Mapping[tuple[str, str], Decimal],
    spread_fraction_max: Decimal | None = None,
    spread_absolute_max: Decimal | None = None,
    minutes_since_open: int = STOP_MINUTES_AFTER_OPEN,
) -> Books:
    """Count the ticks in a row at which each short put's mid reached m times its credit (wheel 1.4).

    `multiples` is keyed by (strategy, underlying). A spread outside its cap, a weak source, or the first 30
    minutes of a session give no reading: the count starts again.
    """
    quote_of = {quote.symbol: quote for quote in quotes}
    early = minutes_since_open < STOP_MINUTES_AFTER_OPEN
    legs: list[OptionLeg] = []
    for leg in books.legs:
        multiple = multiples.get((leg.strategy, leg.underlying))
        quote = quote_of.get(leg.symbol)
        reached = (
            not early
            and multiple is not None
            and quote is not None
            and leg.right == "put"
            and leg.qty < 0
            and leg.credit is not None
            and not weak(quote.source)
            and spread_passes(quote.bid, quote.ask, spread_fraction_max, spread_absolute_max)
            and quote.mid is not None
            and quote.mid >= multiple * leg.credit
        )
        readings = leg.premium_stop_readings + 1 if reached else 0
        legs.append(leg if readings == leg.premium_stop_readings else replace(leg, premium_stop_readings=readings))
    return replace(books, legs=tuple(legs))


class CycleResult(NamedTuple):
    """What a cycle came to: dollars and fractions; None where no capital was ever tied up."""

    pnl: Decimal
    return_fraction: Decimal | None
    annualised_fraction: Decimal | None


def cycle_result(cycle: Cycle) -> CycleResult:
    """Give a cycle's P&L, return and annualised return (wheel 2.13).

    Days run from its opening to its close, or to the day its capital is counted up to.
    """
    pnl = cycle.option_cash + cycle.share_cash + cycle.dividends - cycle.fees
    last = new_york_day(cycle.closed_at) if cycle.closed_at is not None else cycle.capital_day
    days = (last - new_york_day(cycle.opened_at)).days if last is not None else 0
    if days <= 0 or cycle.capital_days <= 0:
        return CycleResult(pnl, None, None)
    returned = cycle_return(pnl, cycle.capital_days, days)
    return CycleResult(pnl, returned, cycle_return_annualised(pnl, cycle.capital_days))
