"""Alpaca's snapshots as quotes: each carries the moment of its own bid and ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from bot.domain.instruments import Right
from bot.domain.market import MarketReads, Quote
from bot.domain.money import ZERO
from bot.markets.alpaca_reads import Told, inner, named
from bot.pricing.chance import VOLATILITY_MAX, VOLATILITY_MIN
from bot.venues.parsing import Notes, decimal_of, float_of, moment_of, whole_of

AHEAD_MAX = timedelta(hours=1)
"""A quote further ahead of us than this has no moment that can be believed."""


class Sides(NamedTuple):
    """Bid and ask with their moment; without a moment that can be believed there is neither."""

    bid: Decimal | None
    ask: Decimal | None
    at: datetime | None


def sides_of(raw: Mapping[str, Any], now: datetime, notes: Notes) -> Sides:
    """Read the latest quote of a snapshot; zero means that there is no bid or no ask."""
    quote = inner(raw, "latestQuote")
    at = moment_of(quote.get("t"))
    if at is None or at > now + AHEAD_MAX:
        if quote:
            notes.append("its quote has no moment that can be believed: no bid and ask")
        return Sides(None, None, None)
    return Sides(price_of(quote, "bp", notes), price_of(quote, "ap", notes), at)


def price_of(raw: Mapping[str, Any], key: str, notes: Notes) -> Decimal | None:
    """Read a price above zero; None where there is none."""
    price = decimal_of(raw, key, notes)
    if price is not None and price < ZERO:
        notes.append(f"{key}: expected a price from zero, got {price}")
    return price if price is not None and price > ZERO else None


def greeks_of(raw: Mapping[str, Any], right: Right, notes: Notes) -> tuple[float | None, float | None]:
    """Read delta (signed per unit long) and implied volatility; an anomaly of either costs the delta (wheel 1.19)."""
    delta, volatility = float_of(inner(raw, "greeks"), "delta", notes), float_of(raw, "impliedVolatility", notes)
    if volatility is not None and not VOLATILITY_MIN <= volatility <= VOLATILITY_MAX:
        return None, None
    if delta is not None and not (0 <= delta <= 1 if right == "call" else -1 <= delta <= 0):
        return None, volatility
    return delta, volatility


def quote_of(
    symbol: str,
    raw: Mapping[str, Any],
    now: datetime,
    source: str,
    notes: Notes,
    *,
    right: Right | None = None,
    open_interest: int | None = None,
    penny: bool = True,
) -> Quote | None:
    """Make a quote of a snapshot, or None where it tells neither quote nor trade with a moment.

    Where a trade gives the price, the moment is that of the trade, if it is the older: of a share without both sides
    (halted, or thin on one exchange), and wherever only a trade is known.
    """
    sides, trade, quote = sides_of(raw, now, notes), inner(raw, "latestTrade"), inner(raw, "latestQuote")
    traded_at = moment_of(trade.get("t"))
    last = price_of(trade, "p", notes) if traded_at is not None else None
    at = sides.at or (traded_at if last is not None else None)
    priced = sides.bid is not None and sides.ask is not None
    if last is not None and at is not None and traded_at is not None and right is None and not priced:
        at = min(at, traded_at)
    if at is None:
        return None
    delta, volatility = greeks_of(raw, right, notes) if right is not None else (None, None)
    return Quote(
        symbol=symbol,
        bid=sides.bid,
        ask=sides.ask,
        last=last,
        bid_size=whole_of(quote, "bs", notes),
        ask_size=whole_of(quote, "as", notes),
        at=at,
        source=source,
        delta=delta,
        volatility=volatility,
        open_interest=open_interest,
        penny=penny,
    )


def quotes_of(
    symbols: Sequence[str], told: Told, make: Callable[[str, Mapping[str, Any], Notes], Quote | None]
) -> MarketReads:
    """Make quotes of what was told; a symbol that got none is named."""
    quotes: list[Quote] = []
    errors, missing = list(told.errors), []
    for symbol in symbols:
        raw = told.answers.get(symbol)
        notes: Notes = []
        quote = make(symbol, raw, notes) if isinstance(raw, dict) else None
        errors += named(symbol, notes)
        if quote is not None:
            quotes.append(quote)
        elif symbol not in told.failed:
            missing.append(symbol)
    if missing:
        errors.append(f"no quote came for {', '.join(missing)}")
    return MarketReads(quotes=tuple(quotes), errors=tuple(errors))
