"""A wheel over years of published daily prices: every dollar of the account stands in our books, to the cent.

IBM, Bank of America and Alphabet as they traded, with their dividends and splits; options modelled from what the shares
moved. The short form takes the years with the splits; the long one 1998 to March 2021 (HYPOTHESIS_PROFILE=soak).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from bot.brokers.simulator import SimulatorBroker
from bot.config.deskfile import read_desk
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.effective import config_hash
from bot.config.settings import Settings
from bot.domain import invariants as names
from bot.domain.fills import FillRules
from bot.domain.holdings import Activity
from bot.domain.ledger import Cycle
from bot.domain.market import Dividend, Split
from bot.domain.money import to_cents
from bot.domain.sessions import new_york_day, sessions_between
from bot.domain.subledger import OWNERLESS
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import LegEnd, LotEnd, TickResult, World
from bot.markets.modelled import ModelledMarket, ModelParams, RealisedVolatility
from bot.research.running import Gathered, Span, run
from bot.tests.faults.soaking import many
from bot.tests.research.daily_shares import DailyShares, event_day
from bot.wiring import House, make_book

D = Decimal
SHORT = [(("IBM", "BAC"), date(2004, 3, 1), date(2005, 6, 30)), (("GOOG",), date(2014, 3, 3), date(2015, 7, 31))]
LONG = [(("IBM", "BAC"), date(1998, 3, 2), date(2021, 3, 31)), (("GOOG",), date(2014, 3, 3), date(2021, 3, 31))]
SPANS = (SHORT, LONG)[many(0, 1)]
RULES = FillRules(fee_per_share=D("0.0035"))
ZERO_ALWAYS = (
    names.CASH_UNEXPLAINED, names.POSITIONS_UNEXPLAINED, names.CASH_GAP, names.POSITIONS_GAP, names.STRATEGIES_GAP,
    names.ORPHANS, names.DOUBLED, names.FOREIGN,
)  # fmt: skip


class Years(NamedTuple):
    """What a run over years left behind."""

    shares: DailyShares
    broker: SimulatorBroker
    gathered: Gathered
    last: TickResult
    lines: tuple[Activity, ...]
    leg_ends: list[LegEnd]
    lot_ends: list[LotEnd]
    closed: list[Cycle]
    held: dict[date, dict[str, Decimal]]
    wrong: list[str]


def a_house(home: Path, symbols: tuple[str, ...]) -> House:
    text = desk_text_of(DeskChoice(profile="aggressive", equity=D(600_000), symbols=symbols))
    text = re.sub(r"(?m)^missed_ticks = \d+", 'missed_ticks = "off"', text, count=1)
    settings = Settings(home=home, env_file=None, mode="live")
    fingerprint, stored = config_hash(text, settings)
    return House(settings, read_desk(text, name="desk.toml"), text, fingerprint, stored)


def live(home: Path, material: Path, symbols: tuple[str, ...], first: date, last: date) -> Years:
    """Run the wheel through a span by daily ticks half an hour before each close."""
    house = a_house(home, symbols)
    shares = DailyShares(material, symbols, first, last)
    market = ModelledMarket(shares, RealisedVolatility(shares), ModelParams(), universe=house.desk.universe)
    sessions = tuple(sessions_between(first, last))
    clock = [sessions[0].open_at]
    broker = SimulatorBroker(None, market, house.desk.simulator, lambda: clock[0], rules=RULES)
    world = World(broker=broker, market=market, journal=MemoryJournal(), now=lambda: clock[0])
    book = make_book(house, dry=False)
    book = book._replace(desk=replace(book.desk, approvals=(), benchmark=symbols[0]), decide_on_decoded=False)
    years = Years(shares, broker, Gathered(symbols[0], symbols), None, (), [], [], [], {}, [])  # type: ignore[arg-type]
    last_seen: list[TickResult] = []

    def shown(result: TickResult) -> None:
        last_seen[:] = [result]
        settled, day = result.settlement, result.snapshot.session.day
        years.leg_ends.extend(settled.leg_ends)
        years.lot_ends.extend(settled.lot_ends)
        years.closed.extend(settled.cycles_closed)
        years.held[day] = {one.symbol: one.qty for one in broker.read_positions()}
        years.wrong.extend(_wrong(result))

    run(world, book, clock, Span(sessions, timedelta(days=1)).moments(), years.gathered, shown)
    return years._replace(last=last_seen[0], lines=broker.read_activities(first))


def _wrong(result: TickResult) -> Iterator[str]:
    """Name what does not hold at one tick: an invariant away from zero, a cent between books and account."""
    snapshot, books = result.snapshot, result.settlement.books
    for one in snapshot.invariants:
        if one.name in ZERO_ALWAYS and one.value != 0:
            yield f"{snapshot.at:%Y-%m-%d} {one.name} {one.value} {one.detail}"
    if books.cash != snapshot.account.cash:
        yield f"{snapshot.at:%Y-%m-%d} books {books.cash} account {snapshot.account.cash}"
    if sum((one.cash for one in books.strategies), D(0)) != books.cash:
        yield f"{snapshot.at:%Y-%m-%d} strategies do not sum to {books.cash}"
    # The broker may refuse to cross an order of ours that rests: that is an answer, and no mistake of the books.
    yield from (f"{snapshot.at:%Y-%m-%d} {error}" for error in result.errors if "wash_trade" not in error)


@pytest.fixture(scope="module", params=SPANS, ids=lambda span: "-".join(span[0]))
def years(request: pytest.FixtureRequest, material: Path, tmp_path_factory: pytest.TempPathFactory) -> Years:
    symbols, first, last = request.param
    return live(tmp_path_factory.mktemp("years"), material, symbols, first, last)


def test_at_every_tick_books_and_account_agree_to_the_cent(years: Years) -> None:
    assert years.wrong == []
    assert len(years.held) == years.gathered.ticks > 200


def test_the_run_went_around_the_wheel_and_no_cycle_closed_twice(years: Years) -> None:
    """Puts and calls ended, shares came and went, cycles closed: else the rest compares nothing."""
    assert {end.leg.right for end in years.leg_ends} == {"put", "call"}
    assert {end.how for end in years.leg_ends} >= {"closed", "assigned", "rolled"}
    assert len(years.lot_ends) >= 1
    assert len({cycle.id for cycle in years.closed}) == len(years.closed) >= 5


def test_at_the_end_cash_is_every_line_of_the_history_and_equity_every_book(years: Years) -> None:
    snapshot, books = years.last.snapshot, years.last.settlement.books
    later = [line for line in years.lines if line.at > snapshot.at]
    assert sum((line.net_amount for line in years.lines), D(0)) == years.broker.read_account().cash
    assert not later
    fees = sum((line.net_amount for line in years.lines if line.kind == "FEE"), D(0))
    assert sum((one.fees for one in books.strategies), D(0)) == fees < 0
    assert to_cents(fees) == fees
    transfers = sum((one.transfers for one in books.strategies), D(0))
    start = transfers + sum((one.opening for one in books.strategies), D(0))
    assert start == D(600_000)


def test_both_books_agree_over_every_closed_cycle_and_with_its_cash(years: Years) -> None:
    """What ended in a cycle earned the same in both books: its cash, less the fees booked before each leg ended."""
    for cycle in years.closed:
        ends = [end for end in years.leg_ends if end.leg.cycle == cycle.id]
        sales = [sale for sale in years.lot_ends if sale.lot.cycle == cycle.id]
        earned = [(end.income, end.tax_income) for end in ends] + [(sale.income, sale.tax_income) for sale in sales]
        income, tax = (sum(column, D(0)) for column in zip(*earned, strict=True))
        assert to_cents(income) == to_cents(tax), cycle
        earlier = sum((end.leg.fees * end.qty / abs(end.leg.qty) for end in ends), D(0))
        assert to_cents(tax) == to_cents(cycle.option_cash + cycle.share_cash - earlier), cycle
        assert earlier <= cycle.fees


def test_closed_cycles_and_open_ones_are_all_the_wheel_did(years: Years) -> None:
    """Cycles' cash together is that of the strategies' books: no premium, share, fee or dividend stands outside."""
    books = years.last.settlement.books
    cycles = (*years.closed, *books.cycles)
    ours = [one for one in books.strategies if one.strategy not in OWNERLESS]
    assert ours
    assert sum((c.option_cash + c.share_cash for c in cycles), D(0)) == sum((s.premium + s.shares for s in ours), D(0))
    assert sum((c.fees for c in cycles), D(0)) == -sum((s.fees for s in ours), D(0))
    assert sum((c.dividends for c in cycles), D(0)) == sum((s.dividends for s in ours), D(0))


def test_every_dividend_on_shares_held_overnight_is_booked_and_no_other(years: Years) -> None:
    days = sorted(years.held)
    paid = {(line.symbol, new_york_day(line.at)): line.net_amount for line in years.lines if line.kind == "DIV"}
    due: dict[tuple[str, date], Decimal] = {}
    for symbol, events in years.shares.events.items():
        for event in events:
            day = event_day(event)
            if isinstance(event, Dividend) and days[0] < day <= days[-1]:
                shares = _overnight(years, symbol, day)
                if shares > 0:
                    due[symbol, day] = to_cents(shares * event.amount)
    assert paid == due
    books = years.last.settlement.books
    assert sum((one.dividends for one in books.strategies), D(0)) == sum(due.values(), D(0)) == years.gathered.dividends


def test_a_split_multiplies_what_is_held_and_moves_no_cash_but_a_fraction(years: Years) -> None:
    days = sorted(years.held)
    happened = [
        (symbol, event)
        for symbol, events in years.shares.events.items()
        for event in events
        if isinstance(event, Split) and days[0] < event.day <= days[-1]
    ]
    assert happened, "no split in this span"
    for symbol, event in happened:
        shares = _overnight(years, symbol, event.day)
        lines = [line for line in years.lines if line.kind == "SPLIT" and new_york_day(line.at) == event.day]
        booked = [line for line in lines if line.symbol == symbol]
        if shares > 0:
            (line,) = booked
            after = shares * event.ratio
            assert line.qty == after // 1 - shares
            assert (line.net_amount > 0) == (after % 1 > 0)
        else:
            assert not booked


def _overnight(years: Years, symbol: str, day: date) -> Decimal:
    """Count the shares held at the open of a day: moved by every line of history before it."""
    moment = datetime.combine(day, datetime.min.time(), tzinfo=years.last.snapshot.at.tzinfo) + timedelta(hours=12)
    kinds = ("FILL", "OPTRD", "SPLIT")
    return sum((x.qty for x in years.lines if x.symbol == symbol and x.kind in kinds and x.at < moment), D(0))
