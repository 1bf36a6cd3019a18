"""What a tick asks the market for: what planners need, what the books need, what is only put on record."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import Right, is_known, underlying_of
from bot.domain.market import BarsRequest, ChainRequest, EventsRequest, QuotesRequest, Request
from bot.domain.strategy import Holdings
from bot.engine.ports import Book

RECORD_DTE_MAX = 60
RECORD_MONEYNESS = (Decimal("0.80"), Decimal("1.20"))
"""The window of a chain that is recorded although no strategy needs it."""


def all_requests(
    book: Book, holdings: Holdings, at: datetime, foreign_orders: tuple[BrokerOrder, ...] = ()
) -> tuple[tuple[Request, ...], tuple[str, ...]]:
    """Join what every planner needs with what the books need (held and ordered things, the benchmark), each once.

    Chains that are only recorded come last. A planner that raises is named in the second part and loses its turn;
    the tick goes on.
    """
    requests: list[Request] = []
    errors: list[str] = []
    for strategy in book.strategies:
        if not strategy.enabled:
            continue
        try:
            requests.extend(strategy.planner.needs(holdings, strategy.params, at))
        except Exception as error:  # noqa: BLE001  a planner is a guest: its failure is its own
            errors.append(f"strategy {strategy.name} could not say what it needs: {type(error).__name__}: {error}")
    symbols = {book.desk.benchmark}
    for one in holdings.positions:
        symbols.add(one.position.symbol)
        symbols.add(underlying_of(one.position.symbol))
    # A foreign order counts in risk too (design 12): without a price, what it could lose would be unknown.
    legs = [leg for own in holdings.own_orders for leg in own.legs]
    legs += [leg for foreign in foreign_orders for leg in foreign.legs]
    for leg in legs:
        symbols.update((leg.symbol, underlying_of(leg.symbol)))
    events: set[str] = set()
    rest: list[Request] = []
    recorded = chains_to_record(book, holdings)
    symbols.update(request.underlying for request in recorded)
    requests.extend(recorded)
    for request in requests:
        if isinstance(request, QuotesRequest):
            symbols.update(request.symbols)
        elif isinstance(request, EventsRequest):
            events.update(request.symbols)
        elif isinstance(request, ChainRequest):
            place = next((n for n, one in enumerate(rest) if _same_chain(one, request)), None)
            if place is None:
                rest.append(request)
            else:
                rest[place] = _wider(rest[place], request)
        else:
            # Two strategies on one share: with the fewer bars of the one the other could neither buy nor get out.
            place = next((n for n, one in enumerate(rest) if _same_bars(one, request)), None)
            if place is None:
                rest.append(request)
            else:
                rest[place] = max((rest[place], request), key=_bars_asked)
    # One bad name can cost the answer to all the others.
    joined: list[Request] = [QuotesRequest(symbols=tuple(sorted(filter(is_known, symbols))))]
    if events:
        joined.append(EventsRequest(symbols=tuple(sorted(events))))
    return (*joined, *rest), tuple(errors)


def chains_to_record(book: Book, holdings: Holdings) -> list[ChainRequest]:
    """Give the chains the owner wants on record: both rights, in the session, once a slot (A003, A039)."""
    if not holdings.session.is_open or holdings.follow_up:
        return []
    low, high = RECORD_MONEYNESS
    rights: tuple[Right, ...] = ("put", "call")
    return [
        ChainRequest(
            underlying=symbol, right=right, dte_min=0, dte_max=RECORD_DTE_MAX, moneyness_min=low, moneyness_max=high
        )
        for symbol in book.desk.record_chains
        for right in rights
    ]


def _same_chain(one: Request, other: ChainRequest) -> bool:
    return isinstance(one, ChainRequest) and (one.underlying, one.right) == (other.underlying, other.right)


def _same_bars(one: Request, other: BarsRequest) -> bool:
    return isinstance(one, BarsRequest) and (one.symbol, one.step) == (other.symbol, other.step)


def _bars_asked(one: Request) -> int:
    return one.count if isinstance(one, BarsRequest) else 0


def _wider(one: Request, other: ChainRequest) -> ChainRequest:
    """Join two windows on one chain: a Snapshot has one chain of an underlying and right."""
    assert isinstance(one, ChainRequest)
    return ChainRequest(
        underlying=one.underlying,
        right=one.right,
        dte_min=min(one.dte_min, other.dte_min),
        dte_max=max(one.dte_max, other.dte_max),
        moneyness_min=min(one.moneyness_min, other.moneyness_min),
        moneyness_max=max(one.moneyness_max, other.moneyness_max),
    )
