"""Alpaca's answers by hand: a client that keeps what it was asked, and JSON in the shape Alpaca documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from bot.domain.desk import SymbolInfo
from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.instruments import parse_option
from bot.domain.market import ChainRequest
from bot.markets.alpaca import AlpacaMarket
from bot.venues.allowance import RateLimit
from bot.venues.answers import read_json
from bot.venues.daycache import DayCache

D = Decimal
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
"""A Wednesday, noon in New York."""
UNIVERSE = {
    "XLF": SymbolInfo(symbol="XLF", group="financials", kind="etf"),
    "EWZ": SymbolInfo(symbol="EWZ", group="abroad", kind="etf", penny=False),
    "ACME": SymbolInfo(symbol="ACME", group="one", kind="stock"),
}
STOCKS, OPTIONS, CONTRACTS = "/stocks/snapshots", "/options/snapshots", "/options/contracts"
ACTIONS, BARS = "/corporate-actions", "/stocks/bars"


class Asked(NamedTuple):
    """One request that was made."""

    path: str
    query: dict[str, str]
    data: bool
    version: str


class FakeClient:
    """Answers by path: a value, an error to raise, or a function of the query."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[Asked] = []
        self.limits = RateLimit(remaining=190, limit=200)
        self.data_limits = RateLimit(remaining=190, limit=200)
        self.answers.update(answers)

    def read(
        self, path: str, query: Mapping[str, str] | None = None, *, data: bool = False, version: str = "v2"
    ) -> Any:
        self.asked.append(Asked(path, dict(query or {}), data, version))
        answer = self.answers[path]
        if callable(answer):
            answer = answer(dict(query or {}))
        if isinstance(answer, Exception):
            raise answer
        # As it comes off the wire: numbers with a fraction are decimals.
        return read_json(msgspec.json.encode(answer))

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


def a_market(client: FakeClient, folder: Path, **given: Any) -> AlpacaMarket:
    facts: dict[str, Any] = {
        "universe": UNIVERSE, "earnings": {}, "stock_feed": "iex", "option_feed": "indicative",
        "cache": DayCache(folder / "cache", lambda: NOON),
    }  # fmt: skip
    return AlpacaMarket(cast(Any, client), **(facts | given))


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}123Z"


def stock(bid: float = 39.99, ask: float = 40.01, last: float = 40.0, age: float = 2) -> dict[str, Any]:
    at = stamp(NOON - timedelta(seconds=age))
    return {
        "latestQuote": {"ap": ask, "as": 5, "ax": "Q", "bp": bid, "bs": 2, "bx": "Q", "c": ["R"], "t": at, "z": "C"},
        "latestTrade": {"c": ["@"], "i": 1011, "p": last, "s": 160, "t": stamp(NOON - timedelta(minutes=1)), "x": "Q"},
        "dailyBar": {"c": 173.03, "h": 173.71, "l": 171.66, "n": 5, "o": 172.62, "t": at, "v": 56, "vw": 172.7},
    }  # fmt: skip


def series(
    bid: float = 0.60, ask: float = 0.66, delta: float | None = -0.25, volatility: float | None = 0.2, age: float = 3
) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "latestQuote": {
            "ap": ask, "as": 91, "ax": "B", "bp": bid, "bs": 16, "bx": "C", "c": "A",
            "t": stamp(NOON - timedelta(seconds=age)),
        },
        "latestTrade": {"c": "I", "p": 0.63, "s": 1, "t": stamp(NOON - timedelta(hours=2)), "x": "A"},
    }  # fmt: skip
    if delta is not None:
        raw["greeks"] = {"delta": delta, "gamma": 0.06, "rho": 0.01, "theta": -0.28, "vega": 0.05}
    if volatility is not None:
        raw["impliedVolatility"] = volatility
    return raw


def contract(symbol: str, **given: Any) -> dict[str, Any]:
    """A standard contract as the Trading API lists it with show_deliverables=true."""
    read = parse_option(symbol)
    deliverable = {
        "type": "equity", "symbol": read.root, "asset_id": "b0b6dd9d", "amount": "100",
        "allocation_percentage": "100", "settlement_type": "T+1", "settlement_method": "CCC",
        "delayed_settlement": False,
    }  # fmt: skip
    raw: dict[str, Any] = {
        "id": "98359ef7", "symbol": symbol, "name": "a contract", "status": "active", "tradable": True,
        "expiration_date": read.expiry.isoformat(), "root_symbol": read.root, "underlying_symbol": read.root,
        "underlying_asset_id": "b0b6dd9d", "type": read.right, "style": "american",
        "strike_price": str(read.strike), "multiplier": "100", "size": "100", "open_interest": "237",
        "open_interest_date": "2026-11-17", "close_price": "0.6", "deliverables": [deliverable],
    }  # fmt: skip
    return raw | given


def dividend(symbol: str, ex_date: str, rate: float = 0.2, **given: Any) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "id": "11cfd108", "symbol": symbol, "cusip": "319829107", "ex_date": ex_date, "record_date": ex_date,
        "payable_date": ex_date, "process_date": ex_date, "rate": rate, "special": False, "foreign": False,
    }  # fmt: skip
    return raw | given


def actions(**lists: list[Any]) -> dict[str, Any]:
    return {"corporate_actions": lists, "next_page_token": None}


def snapshots(**by_symbol: Any) -> dict[str, Any]:
    return {"snapshots": by_symbol, "next_page_token": None}


def listed(*rows: Any) -> dict[str, Any]:
    return {"option_contracts": list(rows), "next_page_token": None}


def refused(status: int = 400) -> BrokerRefused:
    return BrokerRefused(RefusalCode.MALFORMED, "the answer gives no reason", status=status)


def paged(pages: list[dict[str, Any]]) -> Callable[[dict[str, str]], dict[str, Any]]:
    """Give page after page by token."""

    def answer(query: dict[str, str]) -> dict[str, Any]:
        place = int(query.get("page_token", "0"))
        return pages[place] | {"next_page_token": str(place + 1) if place + 1 < len(pages) else None}

    return answer


def wants(underlying: str = "XLF", right: str = "put", **given: Any) -> ChainRequest:
    facts: dict[str, Any] = {"dte_min": 25, "dte_max": 45, "moneyness_min": D("0.80"), "moneyness_max": D(1)}
    return ChainRequest(underlying=underlying, right=cast(Any, right), **(facts | given))
