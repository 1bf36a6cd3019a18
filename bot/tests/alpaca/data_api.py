"""The data endpoints: share snapshots and bars, option snapshots and chains, corporate actions."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.domain.instruments import is_option
from bot.tests.alpaca.facts import Refusal, Tick
from bot.tests.alpaca.shapes import option_snapshot_json, stock_snapshot_json
from bot.tests.alpaca.trading_api import BAD_REQUEST, Answer, Query, fits, moment, page, whole

if TYPE_CHECKING:
    from bot.tests.alpaca.world import AlpacaWorld

_SHARE = re.compile(r"[A-Z]{1,6}(\.[A-Z]{1,2})?\Z")
_CHAIN = "/v1beta1/options/snapshots/"
SYMBOLS_MAX = 100


def answer(world: AlpacaWorld, method: str, path: str, query: Query) -> Answer | None:
    """Answer a data request, or give None where there is no such path."""
    if method != "GET":
        return None
    if path == "/v2/stocks/snapshots":
        return Answer(200, stock_snapshots(world, query))
    if path == "/v2/stocks/bars":
        return Answer(200, stock_bars(world, query))
    if path == "/v1beta1/options/snapshots":
        return Answer(200, option_snapshots(world, query))
    if path.startswith(_CHAIN):
        return Answer(200, chain(world, path.removeprefix(_CHAIN), query))
    if path == "/v1/corporate-actions":
        return Answer(200, corporate_actions(world, query))
    return None


def _symbols(query: Query) -> list[str]:
    names = [name for name in query.get("symbols", "").split(",") if name]
    if not names:
        raise Refusal(BAD_REQUEST, "symbols is required")
    return names


def _feed(world: AlpacaWorld, query: Query, default: str) -> None:
    feed = query.get("feed") or (default if default in world.feeds else "")
    if feed and feed not in world.feeds:
        raise Refusal((403, 40310000), f"subscription does not permit querying recent {feed} data")


def quoted_at(world: AlpacaWorld, tick: Tick) -> datetime:
    """Give the quote's own moment."""
    return tick.at or world.at - world.quote_age


def stock_snapshots(world: AlpacaWorld, query: Query) -> dict[str, Any]:
    """Give snapshots by symbol: a name that is none fails all, an unknown one is left out."""
    names = _symbols(query)
    _feed(world, query, "sip")
    for name in names:
        if not _SHARE.match(name):
            raise Refusal(BAD_REQUEST, f"invalid symbol: {name}")
    known = [name for name in names if name in world.quotes]
    return {name: stock_snapshot_json(world.quotes[name], quoted_at(world, world.quotes[name])) for name in known}


def stock_bars(world: AlpacaWorld, query: Query) -> dict[str, Any]:
    """Give bars by symbol; the limit counts bars over all symbols."""
    _feed(world, query, "sip")
    size = min(whole(query, "limit", 1000, 10_000), world.page_max)
    first = moment(query["start"]) if query.get("start") else world.at.replace(hour=0, minute=0)
    last = moment(query["end"]) if query.get("end") else world.at
    rows = [
        (name, bar)
        for name in sorted(_symbols(query))
        for bar in world.bars.get((name, query.get("timeframe", "")), [])
        if first <= moment(bar["t"]) <= last
    ]
    if query.get("sort") == "desc":
        rows.reverse()
    shown, token = page(rows, query.get("page_token", ""), size)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, bar in shown:
        found.setdefault(name, []).append(bar)
    return {"bars": found, "next_page_token": token}


def option_snapshots(world: AlpacaWorld, query: Query) -> dict[str, Any]:
    """Give snapshots of up to a hundred series; one name that is none fails the whole batch."""
    names = _symbols(query)
    _feed(world, query, "opra")
    if len(names) > SYMBOLS_MAX:
        raise Refusal(BAD_REQUEST, f"too many symbols: {len(names)}, at most {SYMBOLS_MAX}")
    for name in names:
        if not is_option(name):
            raise Refusal(BAD_REQUEST, f"invalid symbol: {name}")
    known = [name for name in names if name in world.contracts]
    return _snapshot_page(world, known, query)


def chain(world: AlpacaWorld, underlying: str, query: Query) -> dict[str, Any]:
    """Give the snapshots of an underlying's series within the asked bounds."""
    _feed(world, query, "opra")
    exact = query.get("expiration_date")
    first = date.fromisoformat(exact or query.get("expiration_date_gte") or "2000-01-01")
    last = date.fromisoformat(exact or query.get("expiration_date_lte") or "2100-01-01")
    names = [
        one.symbol for one in sorted(world.contracts.values(), key=lambda one: one.symbol)
        if one.underlying == underlying and first <= one.expiry <= last and not world.has_expired(one.expiry)
        and fits(one, query)
    ]  # fmt: skip
    return _snapshot_page(world, names, query)


def _snapshot_page(world: AlpacaWorld, names: list[str], query: Query) -> dict[str, Any]:
    size = min(whole(query, "limit", 100, 1000), world.page_max)
    shown, token = page(names, query.get("page_token", ""), size)
    ticks = {name: world.quotes[name] for name in shown}
    found = {name: option_snapshot_json(tick, quoted_at(world, tick)) for name, tick in ticks.items()}
    return {"snapshots": found, "next_page_token": token}


def corporate_actions(world: AlpacaWorld, query: Query) -> dict[str, Any]:
    """Give what was announced, by kind, within the asked days of processing."""
    size = min(whole(query, "limit", 100, 1000), world.page_max)
    first = query.get("start") or world.today().isoformat()
    last = query.get("end") or (world.today() + timedelta(days=0)).isoformat()
    names = set(filter(None, query.get("symbols", "").split(",")))
    types = {f"{name}s" for name in query.get("types", "").split(",") if name}
    rows = [
        (kind, one)
        for kind, listed in sorted(world.corporate_actions.items())
        for one in listed
        if (not types or kind in types)
        and (not names or one["symbol"] in names)
        and first <= one["process_date"] <= last
    ]
    shown, token = page(rows, query.get("page_token", ""), size)
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, one in shown:
        found.setdefault(kind, []).append(one)
    return {"corporate_actions": found, "next_page_token": token}
