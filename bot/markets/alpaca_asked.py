"""The union of a tick's requests, sorted by what Alpaca is asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.instruments import is_equity, is_option
from bot.domain.market import BarsRequest, ChainRequest, QuotesRequest, Request


class Asked(NamedTuple):
    """The union of requests, sorted by what is read for them."""

    shares: list[str]
    options: list[str]
    strangers: list[str]
    chains: dict[str, list[ChainRequest]]
    bars: dict[str, list[BarsRequest]]
    events: list[str]


def sorted_requests(requests: Sequence[Request]) -> Asked:
    """Sort the union of requests; the share under a chain is asked for too, for the chain's bounds are set by it."""
    asked = Asked([], [], [], {}, {}, [])
    for request in requests:
        if isinstance(request, QuotesRequest):
            for symbol in request.symbols:
                target = asked.options if is_option(symbol) else asked.shares if _is_share(symbol) else asked.strangers
                _join(target, symbol)
        elif isinstance(request, ChainRequest):
            if _is_share(request.underlying):
                asked.chains.setdefault(request.underlying, []).append(request)
                _join(asked.shares, request.underlying)
            else:
                _join(asked.strangers, request.underlying)
        elif isinstance(request, BarsRequest):
            if _is_share(request.symbol):
                asked.bars.setdefault(request.step, []).append(request)
            else:
                _join(asked.strangers, request.symbol)
        else:
            for symbol in request.symbols:
                _join(asked.events if _is_share(symbol) else asked.strangers, symbol)
    return asked


def _is_share(symbol: str) -> bool:
    return is_equity(symbol) and symbol.isprintable()


def _join(symbols: list[str], symbol: str) -> None:
    if symbol not in symbols:
        symbols.append(symbol)
