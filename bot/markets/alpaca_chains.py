"""Alpaca's contracts and snapshots of one underlying, joined into chains (wheel 1.18, 1.19).

What is listed comes from the contracts: which series there are, whether they are standard, their open interest. What
they cost comes from the snapshots. A series without a snapshot keeps its row without a price; a price without a
listing is left out and counted, for nothing says what such a contract delivers.

Each row keeps the age of its own quote (`Slab.ages`), so that one old quote looks old and no other row does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil
from typing import Any, NamedTuple

from bot.domain.errors import BadSymbol
from bot.domain.instruments import Contract, Right, parse_option
from bot.domain.market import NOTHING, Chain, ChainRequest, Slab
from bot.domain.money import CENT, HUNDRED
from bot.domain.sessions import days_to_expiry, new_york_day
from bot.markets.alpaca_quotes import greeks_of, sides_of
from bot.venues.parsing import Notes, day_of, decimal_of, flag_of, number_of, whole_of, word_of


class Listing(NamedTuple):
    """One listed contract: what its symbol says, open interest, and whether it is standard and quotes in pennies."""

    contract: Contract
    open_interest: int | None
    standard: bool
    penny: bool | None


class Window(NamedTuple):
    """The expiries and strikes that hold every request of one underlying, and its one right (None: both)."""

    first: date
    last: date
    low: Decimal
    high: Decimal
    right: Right | None

    def query(self) -> dict[str, str]:
        """Give the bounds as both endpoints spell them; both expiries always, the default is this week."""
        asked = {
            "expiration_date_gte": self.first.isoformat(),
            "expiration_date_lte": self.last.isoformat(),
            "strike_price_gte": format(self.low, "f"),
            "strike_price_lte": format(self.high, "f"),
        }
        return asked if self.right is None else asked | {"type": self.right}


class _Row(NamedTuple):
    strike: int
    bid: int
    ask: int
    open_interest: int
    delta: int
    volatility: int
    at: datetime | None
    symbol: str
    standard: bool


def window_of(requests: Sequence[ChainRequest], spot: Decimal, today: date) -> Window:
    """Give the smallest window around all requests of one underlying."""
    rights = {one.right for one in requests}
    return Window(
        first=date.fromordinal(today.toordinal() + min(one.dte_min for one in requests)),
        last=date.fromordinal(today.toordinal() + max(one.dte_max for one in requests)),
        low=(spot * min(one.moneyness_min for one in requests)).quantize(CENT, ROUND_FLOOR),
        high=(spot * max(one.moneyness_max for one in requests)).quantize(CENT, ROUND_CEILING),
        right=rights.pop() if len(rights) == 1 else None,
    )


def listings_of(underlying: str, rows: Iterable[Any], notes: Notes) -> dict[str, Listing]:
    """Read contracts by symbol; what is no contract is counted in the notes."""
    found: dict[str, Listing] = {}
    unreadable = 0
    for raw in rows:
        symbol = word_of(raw, "symbol") if isinstance(raw, dict) else ""
        try:
            contract = parse_option(symbol)
        except BadSymbol:
            unreadable += 1
            continue
        odd: Notes = []
        interest = whole_of(raw, "open_interest", odd)
        found[symbol] = Listing(
            contract=contract,
            open_interest=interest if interest is not None and interest >= 0 else None,
            standard=is_standard(underlying, contract, raw),
            penny=flag_of(raw, "ppind", odd),
        )
    if unreadable:
        notes.append(f"{unreadable} contracts cannot be read: left out")
    return found


def is_standard(underlying: str, contract: Contract, raw: Mapping[str, Any]) -> bool:
    """Say whether a contract is American, tradable, and delivers 100 shares of its own root (wheel 1.18).

    A field that is missing, or that contradicts the symbol, makes it no standard contract.
    """
    hundreds = all(decimal_of(raw, key) == HUNDRED for key in ("size", "multiplier"))
    same = (
        contract.root == underlying == word_of(raw, "underlying_symbol")
        and word_of(raw, "root_symbol") in ("", underlying)
        and word_of(raw, "type") == contract.right
        and day_of(raw.get("expiration_date")) == contract.expiry
        and decimal_of(raw, "strike_price") == contract.strike
    )
    live = word_of(raw, "style") == "american" and raw.get("tradable") is True and word_of(raw, "status") == "active"
    return hundreds and same and live and _delivers_shares(underlying, raw.get("deliverables"))


def _delivers_shares(underlying: str, deliverables: Any) -> bool:
    if not isinstance(deliverables, list) or len(deliverables) != 1 or not isinstance(deliverables[0], dict):
        return False
    only = deliverables[0]
    shares = word_of(only, "type") == "equity" and word_of(only, "symbol") == underlying
    return shares and number_of(only.get("amount")) == HUNDRED and only.get("delayed_settlement") is not True


def chains_of(
    requests: Sequence[ChainRequest],
    listings: Mapping[str, Listing],
    snapshots: Mapping[str, Any],
    *,
    spot: Decimal,
    at: datetime,
    source: str,
    penny: bool,
    notes: Notes,
) -> tuple[Chain, ...]:
    """Join one underlying's contracts and snapshots into one chain a right; `penny` is for contracts that do not say.

    A row stands in it when any of the requests asks for it.
    """
    underlying, today = requests[0].underlying, new_york_day(at)
    told = [one.penny for one in listings.values() if one.penny is not None]
    unlisted = sum(1 for symbol in snapshots if symbol not in listings)
    if unlisted:
        notes.append(f"{unlisted} series have a snapshot and stand in no listing: left out")
    wanted: dict[Right, list[ChainRequest]] = {}
    for request in requests:
        wanted.setdefault(request.right, []).append(request)
    found = []
    for right, asked in wanted.items():
        rows: dict[date, list[_Row]] = {}
        for symbol, listing in listings.items():
            contract = listing.contract
            # Another root, such as an adjusted XLE1, has no row: the strike would name a series of this root.
            if contract.right == right and contract.root == underlying and _asked(asked, contract, spot, today):
                row = _row(symbol, listing, snapshots.get(symbol), at, notes)
                rows.setdefault(contract.expiry, []).append(row)
        found.append(_chain(underlying, right, rows, at, source, all(told) if told else penny))
    return tuple(found)


def _asked(requests: Iterable[ChainRequest], contract: Contract, spot: Decimal, today: date) -> bool:
    days = days_to_expiry(contract.expiry, today)
    return any(
        one.dte_min <= days <= one.dte_max and spot * one.moneyness_min <= contract.strike <= spot * one.moneyness_max
        for one in requests
    )


def _row(symbol: str, listing: Listing, raw: Any, at: datetime, notes: Notes) -> _Row:
    known: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    own: Notes = []
    sides = sides_of(known, at, own)
    delta, volatility = greeks_of(known, listing.contract.right, own)
    notes.extend(f"{symbol}: {note}" for note in own)
    return _Row(
        strike=int(listing.contract.strike * 1000),
        bid=_cents(sides.bid, ROUND_FLOOR),
        ask=_cents(sides.ask, ROUND_CEILING),
        open_interest=NOTHING if listing.open_interest is None else listing.open_interest,
        delta=NOTHING if delta is None else round(abs(delta) * 10_000),
        volatility=NOTHING if volatility is None else round(volatility * 10_000),
        at=sides.at if sides.bid is not None or sides.ask is not None else None,
        symbol=symbol,
        standard=listing.standard,
    )


def _cents(price: Decimal | None, rounding: str) -> int:
    """Give hundredths, never better than quoted: a bid rounds down, an ask up."""
    cents = NOTHING if price is None else int((price * 100).to_integral_value(rounding))
    return cents if cents > 0 else NOTHING


def _chain(
    underlying: str, right: Right, rows: Mapping[date, list[_Row]], at: datetime, source: str, penny: bool
) -> Chain:
    moments = [row.at for expiry in rows for row in rows[expiry] if row.at is not None]
    newest = max(moments, default=at)
    with_greeks = any(row.delta != NOTHING for expiry in rows for row in rows[expiry])
    return Chain(
        underlying=underlying,
        right=right,
        at=newest,
        source=source,
        greeks="broker" if with_greeks else "none",
        penny=penny,
        slabs=tuple(_slab(expiry, rows[expiry], newest) for expiry in sorted(rows)),
    )


def _slab(expiry: date, rows: list[_Row], newest: datetime) -> Slab:
    rows = sorted(rows, key=lambda one: one.strike)
    ages = tuple(0 if row.at is None else ceil((newest - row.at).total_seconds()) for row in rows)
    return Slab(
        expiry=expiry,
        strikes=tuple(row.strike for row in rows),
        bids=tuple(row.bid for row in rows),
        asks=tuple(row.ask for row in rows),
        open_interests=tuple(row.open_interest for row in rows),
        deltas=tuple(row.delta for row in rows),
        volatilities=tuple(row.volatility for row in rows),
        odd=tuple(row.symbol for row in rows if not row.standard),
        ages=ages if any(ages) else (),
    )
