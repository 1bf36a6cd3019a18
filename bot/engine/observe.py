"""The first half of a tick: read the world, settle the books, close one Snapshot."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.errors import MarketError
from bot.domain.holdings import LIVE_STATUSES, BrokerOrder
from bot.domain.instruments import is_equity, is_option, underlying_of
from bot.domain.market import EventsRequest, MarketReads, QuotesRequest, Request
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day, next_session, previous_session, session_on
from bot.domain.snapshot import InputAge, Mark, SessionFacts, Snapshot
from bot.domain.strategy import Holdings
from bot.engine.ports import Book, Broker, Memory, Reads, Settlement, World
from bot.engine.settle import settle
from bot.engine.valuation import count_premium_stops, equity_on_marks, mark_positions, roll_nav


def session_facts(at: datetime) -> SessionFacts:
    """Describe the session a moment stands in: today's if there is one, else the next one.

    Raises MarketError where the calendar ends (wheel 1.21).
    """
    today = new_york_day(at)
    session = session_on(today) or next_session(today)
    return SessionFacts(
        day=session.day,
        open_at=session.open_at,
        close_at=session.close_at,
        is_open=session.holds(at),
        previous_day=previous_session(session.day).day,
        next_day=next_session(session.day).day,
    )


def read_broker(broker: Broker, memory: Memory) -> Reads:
    """Read the account once, then look up by id every order of ours that the listing did not show."""
    clock = broker.read_clock()
    account = broker.read_account()
    positions = broker.read_positions()
    orders = broker.read_orders(memory.orders_since)
    activities = broker.read_activities(memory.activities_since)
    shown = {order.client_order_id for order in orders}
    found = [
        broker.find_order(order.client_order_id)
        for order in memory.own_orders
        if order.client_order_id not in shown and order.state != "planned"
    ]
    return Reads(
        clock=clock,
        account=account,
        positions=positions,
        orders=(*orders, *(order for order in found if order is not None)),
        activities=activities,
    )


def live_orders(memory: Memory, settlement: Settlement) -> tuple[OwnOrder, ...]:
    """Give our orders that may still fill, after what the broker just said of them."""
    updated = {order.client_order_id: order for order in settlement.orders}
    orders = [updated.pop(order.client_order_id, order) for order in memory.own_orders]
    # One that had ended by our books and shows alive again can fill as well: what is left of `updated`.
    return tuple(order for order in (*orders, *updated.values()) if order.alive)


def all_requests(
    book: Book, holdings: Holdings, at: datetime, foreign_orders: tuple[BrokerOrder, ...] = ()
) -> tuple[tuple[Request, ...], tuple[str, ...]]:
    """Join what every planner needs with what the books need (held and ordered things, the benchmark), each once.

    A planner that raises is named in the second part and loses its turn; the tick goes on.
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
    for request in requests:
        if isinstance(request, QuotesRequest):
            symbols.update(request.symbols)
        elif isinstance(request, EventsRequest):
            events.update(request.symbols)
        elif request not in rest:
            rest.append(request)
    joined: list[Request] = [QuotesRequest(symbols=tuple(sorted(filter(listed, symbols))))]
    if events:
        joined.append(EventsRequest(symbols=tuple(sorted(events))))
    return (*joined, *rest), tuple(errors)


def input_ages(
    reads: Reads, market: MarketReads, market_name: str, broker_name: str, at: datetime
) -> tuple[InputAge, ...]:
    """Say how old each input is: the broker's clock, the oldest quote, each chain."""
    ages = [InputAge(name="clock", source=broker_name, age_seconds=(at - reads.clock.at).total_seconds())]
    if market.quotes:
        oldest = min(market.quotes, key=lambda quote: (quote.at, quote.symbol))
        ages.append(
            InputAge(
                name=f"oldest quote {oldest.symbol}", source=oldest.source, age_seconds=(at - oldest.at).total_seconds()
            )
        )
    ages.extend(
        InputAge(
            name=f"chain {chain.underlying} {chain.right}",
            source=chain.source,
            age_seconds=(at - chain.at).total_seconds(),
        )
        for chain in market.chains
    )
    return tuple(ages)


def listed(symbol: str) -> bool:
    """Say whether a market can be asked for this symbol: one bad name can cost the answer to all the others."""
    return is_option(symbol) or is_equity(symbol)


def strange_things(reads: Reads) -> tuple[str, ...]:
    """Name what the broker shows and this program cannot read, and what it takes it for."""
    positions = tuple(
        f"position {one.symbol!r} is no share and no option series this program knows: it counts as foreign, at the "
        "broker's price and per unit; look at it at the broker"
        for one in reads.positions
        if not listed(one.symbol)
    )
    orders = tuple(
        f"order {one.client_order_id or one.broker_order_id} has the status {one.status!r}, which this program does "
        "not know: it counts as alive until the broker says how it ended"
        for one in reads.orders
        if one.status not in LIVE_STATUSES and not one.terminal
    )
    return (*positions, *orders)


def premium_multiples(book: Book) -> dict[tuple[str, str], Decimal]:
    """Give the premium-stop multiple by strategy and symbol, where one is set."""
    return {
        (wheel.name, symbol): numbers.premium_stop_multiple
        for _, _, wheel in book.desk.wheels
        for symbol, numbers in wheel.numbers.items()
        if numbers.premium_stop_multiple is not None
    }


def observe(world: World, book: Book, memory: Memory, at: datetime, slot: datetime) -> tuple[Snapshot, Settlement]:
    """Read broker and market, settle, value, and give one immutable Snapshot with what settling changed."""
    session = session_facts(at)
    reads = read_broker(world.broker, memory)
    settlement = settle(reads, memory, at, session)
    own_orders = live_orders(memory, settlement)
    holdings = Holdings(
        session=session,
        account=reads.account,
        positions=settlement.held,
        own_orders=own_orders,
        books=settlement.books,
        halt=memory.halt,
    )
    requests, errors = all_requests(book, holdings, at, settlement.foreign_orders)
    try:
        market = world.market.fetch(requests, at)
    except MarketError as error:
        market = MarketReads(errors=(str(error),))
    limits = book.desk.limits
    marks: tuple[Mark, ...] = mark_positions(
        settlement.held, market.quotes, memory.previous_marks, at,
        limits.option_spread_fraction, limits.option_spread_absolute,
    )  # fmt: skip
    equity = equity_on_marks(reads.account.cash, settlement.held, marks)
    books = roll_nav(settlement.books, equity, settlement.flow, session, at)
    multiples = premium_multiples(book)
    if multiples and (memory.last_slot is None or memory.last_slot < slot):
        # One reading a slot: ticks that share a slot are no further ticks in a row (wheel 1.4).
        books = count_premium_stops(
            books, market.quotes, multiples, limits.option_spread_fraction, limits.option_spread_absolute,
            int((at - session.open_at).total_seconds() // 60),
        )  # fmt: skip
    settlement = replace(settlement, books=books)
    traits = world.broker.traits
    return Snapshot(
        desk=book.desk.name,
        at=at,
        slot=slot,
        broker=world.broker.name,
        market=world.market.name,
        environment=book.environment,
        simulated=traits.simulated or world.market.simulated,
        session=session,
        account=reads.account,
        equity=equity,
        positions=settlement.held,
        own_orders=own_orders,
        foreign_orders=settlement.foreign_orders,
        requests=requests,
        quotes=market.quotes,
        chains=market.chains,
        bars=market.bars,
        events=market.events,
        marks=marks,
        inputs=input_ages(reads, market, world.market.name, world.broker.name, at),
        books=books,
        halt=memory.halt,
        errors=(*strange_things(reads), *errors, *market.errors),
    ), settlement
