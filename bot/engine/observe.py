"""The first half of a tick: read the world, settle the books, close one Snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from bot.domain.errors import MarketError
from bot.domain.holdings import LIVE_STATUSES, BrokerOrder, Clock
from bot.domain.instruments import is_known
from bot.domain.ledger import Books
from bot.domain.market import Events, MarketReads
from bot.domain.money import from_float
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.domain.snapshot import InputAge, Mark, SessionFacts, Snapshot
from bot.domain.strategy import Holdings
from bot.engine.arrival import Arrival, arrive, in_time, never
from bot.engine.invariants import invariants_of
from bot.engine.ports import Book, Memory, Reads, Settlement, World
from bot.engine.recognise import recognise, remembering
from bot.engine.requests import all_requests
from bot.engine.settle import settle
from bot.engine.trips import watched
from bot.engine.unremembered import unknown_orders, unremembered
from bot.engine.valuation import count_premium_stops, equity_on_marks, mark_positions, roll_nav

DAY_SECONDS = 86_400.0
CANCEL_STUCK = timedelta(minutes=20)
"""How long a cancellation may be on its way before the owner hears of it: longer than from one slot to the next."""


def read_broker(world: World, memory: Memory, arrival: Arrival, time_is_up: Callable[[], bool] = never) -> Reads:
    """Read the rest of the account at once, then look up by id every order of ours that the listing did not show."""
    broker = world.broker
    in_time(time_is_up, "clock, positions, orders and activities")

    def timed_clock() -> tuple[Clock, Decimal]:
        asked = world.now()
        clock = broker.read_clock()
        return clock, skew_of(clock.at, asked, world.now())

    (clock, skew), positions, orders, activities = world.together(
        (
            timed_clock,
            broker.read_positions,
            partial(broker.read_orders, memory.orders_since),
            partial(broker.read_activities, memory.activities_since),
        )
    )
    shown = {order.client_order_id for order in orders}
    missing = [
        order.client_order_id
        for order in memory.own_orders
        if order.client_order_id not in shown and order.state != "planned"
    ]
    found: list[BrokerOrder | None] = []
    if missing and broker.traits.lookup_by_id:
        in_time(time_is_up, "the orders that the listing did not show")
        found = world.together([partial(broker.find_order, order_id) for order_id in missing])
    return Reads(
        clock=clock,
        account=arrival.account,
        positions=positions,
        orders=(*orders, *(order for order in found if order is not None)),
        activities=activities,
        skew_seconds=skew,
    )


def skew_of(theirs: datetime, asked: datetime, answered: datetime) -> Decimal:
    """Give the seconds their clock lies outside the time between asking and answer: its way is no skew."""
    outside = max(asked - theirs, theirs - answered, timedelta(0))
    return from_float(round(outside.total_seconds(), 3))


def live_orders(memory: Memory, settlement: Settlement) -> tuple[OwnOrder, ...]:
    """Give our orders that may still fill, after what the broker just said of them."""
    updated = {order.client_order_id: order for order in settlement.orders}
    orders = [updated.pop(order.client_order_id, order) for order in memory.own_orders]
    # One that had ended by our books and shows alive again can fill as well: what is left of `updated`.
    return tuple(order for order in (*orders, *updated.values()) if order.alive)


def input_ages(
    reads: Reads, market: MarketReads, market_name: str, broker_name: str, at: datetime
) -> tuple[InputAge, ...]:
    """Say how old each input is: the broker's clock, the oldest quote, each chain, the oldest calendar of each kind."""
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
    return (*ages, *calendar_inputs(market.events, market_name, at))


def calendar_inputs(events: Iterable[Events], source: str, at: datetime) -> tuple[InputAge, ...]:
    """Give the oldest reading of dividends and the oldest check of earnings among calendars, where any was read.

    Earnings are checked on a day, so their age is of whole New York days.
    """
    listed, today = tuple(events), new_york_day(at)
    read = [(one.as_of, one.symbol) for one in listed if one.dividend_status != "unknown" or one.dividends]
    checked = [(max(told.as_of for told in one.earnings), one.symbol) for one in listed if one.earnings]
    found = []
    if read:
        moment, symbol = min(read)
        found.append(InputAge(name=f"dividends {symbol}", source=source, age_seconds=(at - moment).total_seconds()))
    if checked:
        day, symbol = min(checked)
        found.append(InputAge(name=f"earnings {symbol}", source=source, age_seconds=(today - day).days * DAY_SECONDS))
    return tuple(found)


def strange_things(reads: Reads, foreign_orders: tuple[BrokerOrder, ...] = ()) -> tuple[str, ...]:
    """Name what the broker shows and this program cannot read, and what it takes it for.

    What is odd about an order of ours (a word left out) says nothing: we know what we sent.
    """
    positions = tuple(
        f"position {one.symbol!r} is no share and no option series this program knows: it counts as foreign, at the "
        "broker's price and per unit; look at it at the broker"
        for one in reads.positions
        if not is_known(one.symbol)
    )
    orders = tuple(
        f"order {one.client_order_id or one.broker_order_id} has the status {one.status!r}, which this program does "
        "not know: it counts as alive until the broker says how it ended"
        for one in reads.orders
        if one.status not in LIVE_STATUSES and not one.terminal
    )
    stuck = tuple(
        f"order {one.client_order_id or one.broker_order_id}: its cancellation was taken at {one.updated_at:%H:%M} UTC "
        "and is not through: what takes its place waits for it. A day order ends with its session; any other ends "
        "when the broker ends it: ask there"
        for one in reads.orders
        if one.status == "pending_cancel" and reads.clock.at - one.updated_at >= CANCEL_STUCK
    )
    odd = tuple(
        f"order {one.client_order_id or one.broker_order_id} is not ours and says less than it should: {one.odd}"
        for one in foreign_orders
        if one.odd
    )
    return (*positions, *orders, *stuck, *odd)


def premium_multiples(book: Book) -> dict[tuple[str, str], Decimal]:
    """Give the premium-stop multiple by strategy and symbol, where one is set."""
    return {
        (wheel.name, symbol): numbers.premium_stop_multiple
        for _, _, wheel in book.desk.wheels
        for symbol, numbers in wheel.numbers.items()
        if numbers.premium_stop_multiple is not None
    }


def value(
    book: Book, memory: Memory, session: SessionFacts, settlement: Settlement, reads: Reads, market: MarketReads,
    at: datetime, slot: datetime,
) -> tuple[tuple[Mark, ...], Decimal, Books]:  # fmt: skip
    """Give our own marks, equity on them, and the books with value, day and premium stops brought up to this tick."""
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
    return marks, equity, books


def observe(
    world: World,
    book: Book,
    memory: Memory,
    at: datetime,
    slot: datetime,
    arrival: Arrival | None = None,
    time_is_up: Callable[[], bool] = never,
) -> tuple[Snapshot, Settlement]:
    """Read broker and market, settle, value, and give one immutable Snapshot with what settling changed.

    Raises OutOfTime when the deadline passes before everything was asked for: no request starts after it.
    """
    arrival = arrival or arrive(world.broker, at)
    session = arrival.session
    reads = read_broker(world, memory, arrival, time_is_up)
    unknown = unknown_orders(reads, memory, book.desk.name, world.journal.find_own)
    found = recognise(unknown, reads, memory, book, at)
    memory = remembering(memory, found.orders, session.day)
    settlement = replace(settle(reads, memory, at, session), recognised=found.orders)
    lost = (*found.errors, *unremembered(unknown, found.orders, settlement))
    own_orders = live_orders(memory, settlement)
    holdings = Holdings(
        session=session,
        account=reads.account,
        positions=settlement.held,
        own_orders=own_orders,
        books=settlement.books,
        halt=memory.halt,
        follow_up=book.follow_up,
    )
    requests, errors = all_requests(book, holdings, at, settlement.foreign_orders)
    in_time(time_is_up, "the market")
    try:
        market = world.market.fetch(requests, at)
    except MarketError as error:
        market = MarketReads(errors=(str(error),))
    marks, equity, books = value(book, memory, session, settlement, reads, market, at, slot)
    snapshot = Snapshot(
        desk=book.desk.name,
        at=at,
        slot=slot,
        broker=world.broker.name,
        market=world.market.name,
        environment=book.environment,
        simulated=world.broker.traits.simulated or world.market.simulated,
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
        errors=(*arrival.errors, *strange_things(reads, settlement.foreign_orders), *lost, *errors, *market.errors),
        remarks=(*arrival.remarks, *found.remarks),
        follow_up=book.follow_up,
        broker_open=reads.clock.is_open,
    )
    snapshot = watched(snapshot, memory, settlement, book, reads.skew_seconds, world.room_mb())
    settlement = replace(settlement, books=snapshot.books)
    return replace(snapshot, invariants=invariants_of(snapshot, book.desk, memory.invariants)), settlement
