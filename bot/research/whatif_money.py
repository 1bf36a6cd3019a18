"""What an order that never went out would have made, from the quotes on record: a range, and how it is known.

It fills at the next recorded moment of its session, between the far side and the mid. It is held to its expiry or to
the end of the record, whichever comes first: an expired option is worth what the recorded price of its underlying makes
it, anything else its last recorded quote. Where the record has none of these, the price is modelled (Black-Scholes at
the recorded spot, with the volatility it was decided on), and said to be.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from bot.domain.holdings import OrderLeg
from bot.domain.instruments import Contract, is_option, parse_option, underlying_of
from bot.domain.market import Quote
from bot.domain.money import CENT, SHARES_PER_CONTRACT, ZERO, from_float
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot
from bot.pricing.black_scholes import price

How = Literal["recorded", "modelled", "not valued"]
DAYS_A_YEAR = 365.0
CONDITIONAL = frozenset({"stop", "stop_limit", "trailing_stop"})


class Sighting(NamedTuple):
    """One quote on record: the tick that saw it, and its session day."""

    tick: int
    day: date
    quote: Quote


class Worth(NamedTuple):
    """What an order would have made in dollars, before fees: filled and closed at the `far` sides, or at the `mid`s."""

    far: Decimal
    mid: Decimal
    how: How
    words: str


NOTHING = Worth(ZERO, ZERO, "not valued", "")


class Seen:
    """The quotes on record of chosen symbols, oldest first, and the day on which the record ends."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self._found: dict[str, list[Sighting]] = {symbol: [] for symbol in symbols}
        self._ticks: dict[str, list[int]] = {symbol: [] for symbol in self._found}
        self.last_day = date.min

    def add(self, tick: int, snapshot: Snapshot) -> None:
        """Keep what a Snapshot shows of the chosen symbols; a crossed, one-sided or halted quote is no price."""
        if not snapshot.session.is_open:
            return
        self.last_day = snapshot.session.day
        for symbol, kept in self._found.items():
            quote = quote_in(snapshot, symbol)
            if quote is not None and quote.valid and not quote.halted:
                kept.append(Sighting(tick, snapshot.session.day, quote))
                self._ticks[symbol].append(tick)

    def next_after(self, symbol: str, tick: int, day: date) -> Quote | None:
        """Give the first quote that a later tick of the same session saw."""
        place = bisect_right(self._ticks[symbol], tick)
        found = self._found[symbol][place : place + 1]
        return found[0].quote if found and found[0].day == day else None

    def decided_on(self, symbol: str, tick: int) -> Quote | None:
        """Give the quote that a tick itself saw."""
        place = bisect_left(self._ticks[symbol], tick)
        found = self._found[symbol][place : place + 1]
        return found[0].quote if found and found[0].tick == tick else None

    def last_until(self, symbol: str, day: date, after: int) -> Sighting | None:
        """Give the last quote seen on a day or before it, after a tick."""
        return next((one for one in reversed(self._found[symbol]) if one.day <= day and one.tick > after), None)


def quote_in(snapshot: Snapshot, symbol: str) -> Quote | None:
    """Find a symbol's quote in a Snapshot, among its quotes or in its chains."""
    found = snapshot.quote_of.get(symbol)
    if found is not None or not is_option(symbol):
        return found
    contract = parse_option(symbol)
    chain = snapshot.chain_of.get((contract.root, contract.right))
    if chain is None:
        return None
    thousandths = int(contract.strike * 1000)
    for slab in chain.slabs:
        if slab.expiry == contract.expiry and thousandths in slab.strikes:
            return chain.offer(slab, slab.strikes.index(thousandths)).as_quote()
    return None


def symbols_of(intent: OrderIntent) -> set[str]:
    """Name what must be followed to value an order: its legs and their underlyings."""
    return {name for leg in intent.legs for name in (leg.symbol, underlying_of(leg.symbol))}


def worth_of(intent: OrderIntent, tick: int, day: date, seen: Seen) -> Worth:
    """Value one order from its fill to the end, once at the far sides and once at the mids."""
    if not intent.legs:
        return NOTHING._replace(words="a cancellation makes no money by itself")
    if intent.order_type in CONDITIONAL:
        return NOTHING._replace(words="whether a stop fills depends on prices between the ticks")
    if intent.replaces:
        return NOTHING._replace(words="a reprice of an order that was working already")
    legs = [_leg_worth(leg, intent.qty, tick, day, seen) for leg in intent.legs]
    unknown = next((one for one in legs if one.how == "not valued"), None)
    if unknown is not None:
        return unknown
    how: How = "modelled" if any(one.how == "modelled" for one in legs) else "recorded"
    far, mid = sum((one.far for one in legs), ZERO), sum((one.mid for one in legs), ZERO)
    return Worth(far.quantize(CENT), mid.quantize(CENT), how, legs[0].words)


def worth_of_change(kind: str, was: Worth, now: Worth, *, price_only: bool) -> Worth:
    """Give what a change of orders made: the new one's worth less the old one's, case by case."""
    if price_only:
        return NOTHING._replace(words="only its price differs: by the rule for fills both fill alike")
    parts = {"appears": (now,), "vanishes": (was,), "changes": (now, was)}[kind]
    unknown = next((one for one in parts if one.how == "not valued"), None)
    if unknown is not None:
        return unknown
    how: How = "modelled" if any(one.how == "modelled" for one in parts) else "recorded"
    return Worth(now.far - was.far, now.mid - was.mid, how, " / ".join(one.words for one in parts))


def _leg_worth(leg: OrderLeg, qty: Decimal, tick: int, day: date, seen: Seen) -> Worth:
    decided, quote, how = seen.decided_on(leg.symbol, tick), seen.next_after(leg.symbol, tick, day), "recorded"
    words = "filled at the next quote"
    if quote is None:
        quote, how, words = decided, "modelled", "no later quote that session: filled on the one it was decided on"
    if quote is None or quote.bid is None or quote.ask is None or quote.mid is None:
        return NOTHING._replace(words=f"no usable quote of {leg.symbol} to fill at")
    volatility = (decided or quote).volatility
    end = _end_of(leg.symbol, volatility, tick, seen)
    if end is None:
        return NOTHING._replace(words=f"nothing on record after the fill prices {leg.symbol}")
    bought = leg.side == "buy"
    far_fill, far_end = (quote.ask, end.bid) if bought else (quote.bid, end.ask)
    size = qty * leg.ratio * (SHARES_PER_CONTRACT if is_option(leg.symbol) else 1) * (1 if bought else -1)
    known: How = "modelled" if "modelled" in (how, end.how) else "recorded"
    return Worth(size * (far_end - far_fill), size * (end.mid - quote.mid), known, f"{words}; {end.words}")


class _End(NamedTuple):
    bid: Decimal
    mid: Decimal
    ask: Decimal
    how: How
    words: str


def _end_of(symbol: str, volatility: float | None, tick: int, seen: Seen) -> _End | None:
    if not is_option(symbol):
        return _quoted(seen.last_until(symbol, seen.last_day, tick))
    contract = parse_option(symbol)
    spot = seen.last_until(underlying_of(symbol), min(contract.expiry, seen.last_day), tick)
    if contract.expiry <= seen.last_day:
        if spot is None or spot.quote.mid is None:
            return None
        value = intrinsic(contract, spot.quote.mid)
        how: How = "recorded" if spot.day == contract.expiry else "modelled"
        return _End(value, value, value, how, f"at expiry, {underlying_of(symbol)} {spot.quote.mid:.2f} on {spot.day}")
    last = seen.last_until(symbol, seen.last_day, tick)
    if last is not None and (last.day == seen.last_day or spot is None or volatility is None):
        return _quoted(last)
    if spot is None or spot.quote.mid is None or volatility is None:
        return None
    years = (contract.expiry - seen.last_day).days / DAYS_A_YEAR
    model = price(contract.right, float(spot.quote.mid), float(contract.strike), years, volatility)
    value = from_float(round(model, 4))
    return _End(value, value, value, "modelled", f"modelled at the end of the record, spot of {spot.day}")


def _quoted(one: Sighting | None) -> _End | None:
    if one is None or one.quote.bid is None or one.quote.ask is None or one.quote.mid is None:
        return None
    return _End(one.quote.bid, one.quote.mid, one.quote.ask, "recorded", f"marked to the last quote, {one.day}")


def intrinsic(contract: Contract, spot: Decimal) -> Decimal:
    """Give what an option is worth at expiry, per share.

    >>> intrinsic(parse_option("XLF261218P00050000"), Decimal("48.5"))
    Decimal('1.5')
    """
    room = contract.strike - spot if contract.right == "put" else spot - contract.strike
    return max(room, ZERO)
