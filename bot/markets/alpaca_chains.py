"""Alpaca's contracts and snapshots of one underlying, joined into chains (wheel 1.18, 1.19).

What is listed comes from the contracts: which series there are, whether they are standard, their open interest. What
they cost comes from the snapshots. A series without a snapshot keeps its row without a price; a price without a
listing is left out and counted, for nothing says what such a contract delivers.

Each row keeps the age of its own quote (`Slab.ages`), so that one old quote looks old and no other row does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil
from typing import Any, NamedTuple

from bot.domain.errors import BadSymbol
from bot.domain.instruments import Contract, Right, parse_option
from bot.domain.market import NOTHING, Chain, ChainRequest, Slab
from bot.domain.money import CENT, HUNDRED, plain
from bot.domain.sessions import days_to_expiry, new_york_day
from bot.markets.alpaca_quotes import greeks_of, sides_of
from bot.venues.parsing import Notes, day_of, decimal_of, flag_of, number_of, whole_of, word_of

WORD = re.compile(r"[A-Za-z0-9._-]{1,24}", re.ASCII)
"""What a word of a venue must be like to be shown as it stands."""


class ListedContract(NamedTuple):
    """One listed contract: what its symbol says, open interest, what is odd about it, and whether it quotes in pennies.

    `odd` is empty for a standard contract.
    """

    contract: Contract
    open_interest: int | None
    odd: tuple[str, ...]
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
    odd: tuple[str, ...]


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


def listings_of(underlying: str, rows: Iterable[Any], notes: Notes) -> dict[str, ListedContract]:
    """Read contracts by symbol; what is no contract is counted in the notes."""
    found: dict[str, ListedContract] = {}
    unreadable = 0
    for raw in rows:
        symbol = word_of(raw, "symbol") if isinstance(raw, dict) else ""
        try:
            contract = parse_option(symbol)
        except BadSymbol:
            unreadable += 1
            continue
        ignored: Notes = []
        interest = whole_of(raw, "open_interest", ignored)
        found[symbol] = ListedContract(
            contract=contract,
            open_interest=interest if interest is not None and interest >= 0 else None,
            odd=oddities_of(underlying, contract, raw),
            penny=flag_of(raw, "ppind", ignored),
        )
    if unreadable:
        notes.append(f"{unreadable} contracts cannot be read: left out")
    return found


def oddities_of(underlying: str, contract: Contract, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what keeps a contract from being American, tradable, and one of 100 shares of its own root (wheel 1.18).

    Empty for a standard contract. A field that is missing, or that contradicts the symbol, is odd.
    """
    found = [_counted(raw, key) for key in ("multiplier", "size") if decimal_of(raw, key) != HUNDRED]
    found += _deliverable_oddities(underlying, raw.get("deliverables"))
    if word_of(raw, "style") != "american":
        found.append(_said(raw, "style"))
    if not contract.root == underlying == word_of(raw, "underlying_symbol"):
        found.append(_said(raw, "underlying_symbol", "underlying "))
    if word_of(raw, "root_symbol") not in ("", underlying):
        found.append(_said(raw, "root_symbol", "root "))
    if word_of(raw, "type") != contract.right:
        found.append(_said(raw, "type", "type "))
    if day_of(raw.get("expiration_date")) != contract.expiry:
        found.append(_said(raw, "expiration_date", "expiry "))
    if decimal_of(raw, "strike_price") != contract.strike:
        found.append(_said(raw, "strike_price", "strike "))
    if raw.get("tradable") is not True:
        found.append("not tradable")
    if word_of(raw, "status") != "active":
        found.append(_said(raw, "status", "status "))
    return tuple(found)


def _counted(raw: Mapping[str, Any], key: str) -> str:
    number = decimal_of(raw, key)
    return _said(raw, key, f"{key} ") if number is None else f"{key} {plain(number)}"


def _said(raw: Mapping[str, Any], key: str, before: str = "") -> str:
    """Write what a field says in one short word, never more of it than that."""
    value = raw.get(key)
    if value is None or value == "":
        return f"{key.replace('_', ' ')} not said"
    word = str(value) if isinstance(value, str | int | Decimal) else ""
    return f"{before}{word}" if WORD.fullmatch(word) else f"{key.replace('_', ' ')} unreadable"


def _deliverable_oddities(underlying: str, deliverables: Any) -> list[str]:
    if not isinstance(deliverables, list) or not deliverables:
        return ["deliverables not said"]
    if len(deliverables) != 1:
        return [f"{len(deliverables)} deliverables"]
    only = deliverables[0]
    if not isinstance(only, dict):
        return ["deliverables unreadable"]
    found, amount = [], number_of(only.get("amount"))
    if word_of(only, "type") != "equity":
        found.append(_said(only, "type", "delivers "))
    if word_of(only, "symbol") != underlying:
        found.append(_said(only, "symbol", "delivers "))
    if amount != HUNDRED:
        found.append("amount delivered not said" if amount is None else f"delivers {plain(amount)} shares")
    if only.get("delayed_settlement") is True:
        found.append("settled late")
    return found


def chains_of(
    requests: Sequence[ChainRequest],
    listings: Mapping[str, ListedContract],
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


def _row(symbol: str, listing: ListedContract, raw: Any, at: datetime, notes: Notes) -> _Row:
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
        odd=listing.odd,
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
        odd=tuple(row.symbol for row in rows if row.odd),
        odd_why=tuple(", ".join(row.odd) for row in rows if row.odd),
        ages=ages if any(ages) else (),
    )
