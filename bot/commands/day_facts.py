"""From the ledger's answers to the facts of one day's report: what was known when it ended, and nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from sqlite3 import Error
from typing import NamedTuple

from msgspec.structs import replace

from bot.commands.looking_facts import snapshot_of, ticks_of_day, whose_money
from bot.commands.weekly import stop_outlooks
from bot.domain.errors import UsageError
from bot.domain.instruments import parse_option
from bot.domain.ledger import Books, Halt
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import UNRESOLVED_STATES
from bot.domain.sessions import NEW_YORK, Session, new_york_day
from bot.domain.slots import next_slot
from bot.domain.snapshot import Snapshot
from bot.engine.valuation import cycle_result
from bot.ops.backup import BACKUPS, list_backups
from bot.ops.drilled import with_drill
from bot.report.board import AheadRow, ahead_rows
from bot.report.day import ClosedLine, Colour, DayReport, Happening, Health, colour_of, fill_line, health_of
from bot.report.day_parts import off_words
from bot.report.feeds import feeds_of
from bot.report.holdings import OptionLine, held_in, option_lines, share_lines
from bot.report.invariants import broken
from bot.report.performance import Point, day_result, income_lines, points_of, premium_taken, returns_to
from bot.report.proposals import proposal_line
from bot.report.quiet import Quiet, missed_slots, quiet_facts, slots_of
from bot.report.tallies import tally_notes, tally_refusals
from bot.report.week import Place, week_report
from bot.report.week_shorts import Ahead, odds_of
from bot.report.words import six
from bot.store.database import moment_of, store_error
from bot.store.queries import EquityDay, Ledger, TickRow
from bot.store.reports import drill_before, head_at, read_holding
from bot.wiring import House, known_sessions

AHEAD_DAYS = 7
SERIOUS = 80
"""From how many percent of a trip wire's limit a day is yellow."""


class Day(NamedTuple):
    """One day of the ledger: its session, its ticks, the newest one that decided by its end, and its equity by then."""

    day: date
    session: Session | None
    ticks: list[TickRow]
    last: TickRow
    days: list[EquityDay]
    newest: bool
    until: datetime
    """The moment up to which anything counts as known: now, or the end of a past day."""

    @property
    def so_far(self) -> bool:
        """Say whether the day's session goes on."""
        return self.session is not None and self.until < self.session.close_at


def read_day(ledger: Ledger, house: House, day: date, now: datetime) -> Day:
    """Read a day of the ledger; raises UsageError where nothing had been decided by its end."""
    days = ledger.equity_days(limit=10_000)
    until = [one for one in days if one.day <= day]
    if not until:
        first = f"the first is {days[0].day}" if days else "no tick has decided anything yet"
        raise UsageError(f"--day {day}: no tick of that day or before it is recorded in {house.home}: {first}")
    ticks = ticks_of_day(ledger, day)
    decided = [row for row in ticks if row.equity is not None]
    if not decided:
        decided = [row for row in ticks_of_day(ledger, until[-1].day) if row.equity is not None]
    session = known_sessions(house, lambda: now)(day)
    newest = until[-1].day == days[-1].day
    return Day(day, session, ticks, decided[-1], until, newest, now if newest else min(now, _midnight(day, 1)))


def day_report(ledger: Ledger, house: House, day: date, now: datetime) -> DayReport:
    """Gather one session day as it was known when it ended."""
    one = read_day(ledger, house, day, now)
    last, snapshot = one.last, snapshot_of(ledger, one.last)
    _, kind, simulated = whose_money(house, last)
    health = _health(one, now)
    halt = with_drill(house, ledger, ledger.halt(), now) if one.newest or snapshot is None else snapshot.halt
    books = Books() if snapshot is None else snapshot.books
    held = [] if snapshot is None else held_in(snapshot)
    quotes = {} if snapshot is None else snapshot.quote_of
    profit, fraction = day_result(one.days, day)
    fills = ledger.fills_between(_midnight(day.replace(month=1, day=1)), _midnight(day, 1))
    month = [fill for fill in fills if new_york_day(fill.at) >= day.replace(day=1)]
    today = [fill for fill in month if new_york_day(fill.at) == day]
    colour, causes = _colour(ledger, one, halt, snapshot, health)
    head = head_at(ledger.connection, datetime.max.replace(tzinfo=UTC) if one.newest else one.until)
    ahead, assigned = _ahead(house, snapshot, now)
    return DayReport(
        home=str(house.home), desk=house.desk.name, kind=kind, simulated=simulated, mode=last.mode, day=day,
        colour=colour, causes=causes, equity=last.equity, cash=last.cash, day_profit=profit, day_fraction=fraction,
        drawdown_fraction=one.days[-1].drawdown_fraction, benchmark=house.desk.benchmark,
        returns=returns_to(
            one.days, day, first_price(ledger, one.days[0].day), first_price(ledger, day),
            read_holding(ledger.connection),
        ),
        premium_day=premium_taken(today), premium_month=premium_taken(month), premium_year=premium_taken(fills),
        income=income_lines(*(
            ledger.income(first, day, by="total") for first in (day, day.replace(day=1), day.replace(month=1, day=1))
        )),
        fills=tuple(fill_line(fill) for fill in today), happenings=happenings_of(ledger, day),
        shares=share_lines(held, books.lots),
        options=with_deltas(option_lines(held, books.legs, quotes, day, books.instructions), snapshot),
        cycles=closed_on(ledger, day), quiet=_quiet_day(ledger, one, len(health.missed), halt, books), health=health,
        head=head.hash, events=head.events, feeds=() if snapshot is None else feeds_of(snapshot), so_far=one.so_far,
        halt=halt, pauses=books.pauses, trips=() if snapshot is None else snapshot.trips,
        invariants=() if snapshot is None else snapshot.invariants,
        proposals=tuple(proposal_line(wish) for wish in ledger.proposals(one.until)),
        ahead=ahead, cash_assigned=assigned, backup_at=last_backup(house, one.until),
        drill_at=drill_before(ledger.connection, one.until), made_at=one.until,
    )  # fmt: skip


def day_points(ledger: Ledger, day: date) -> tuple[Point, ...]:
    """Give every session day up to one, to draw."""
    days = ledger.equity_days(limit=10_000)
    start = first_price(ledger, days[0].day) if days else None
    return points_of(days, day, read_holding(ledger.connection), start)


def _health(one: Day, now: datetime) -> Health:
    session = [] if one.session is None else [one.session]
    missed = missed_slots(one.ticks, session, now)
    return health_of(one.ticks, sum(map(slots_of, session)), missed)


def _colour(
    ledger: Ledger, one: Day, halt: Halt, snapshot: Snapshot | None, health: Health
) -> tuple[Colour, tuple[str, ...]]:
    now_known = one.newest or snapshot is None
    drift = ledger.drift() if now_known or snapshot is None else snapshot.books.drift
    orders = ledger.open_orders() if now_known or snapshot is None else snapshot.own_orders
    unresolved = sum(1 for order in orders if order.state in UNRESOLVED_STATES)
    silent = ""
    idle = one.session is not None and one.last.session_day != one.day
    if idle and (health.missed or not one.so_far):
        silent = f"no tick of this session decided anything; the last that did is of {one.last.session_day}"
    warnings = [] if snapshot is None else [off_words(number) for number in broken(snapshot.invariants)]
    if snapshot is not None:
        near = [trip for trip in snapshot.trips if trip.warned >= SERIOUS and not trip.tripped]
        warnings += [f"{trip.name} has {trip.warned} % of its limit" for trip in near]
    failed = bool(one.ticks) and one.ticks[-1].status in ("failed", "died")
    return colour_of(halt, drift, unresolved, health, failed, silent=silent, warnings=warnings)


def with_deltas(lines: Sequence[OptionLine], snapshot: Snapshot | None) -> tuple[OptionLine, ...]:
    """Give every option its delta: the quote's own, else the one that its price implies."""
    if snapshot is None:
        return tuple(lines)
    return tuple(
        replace(line, delta=odds_of(snapshot, parse_option(line.symbol), line.spot).delta)
        if line.delta is None else line
        for line in lines
    )  # fmt: skip


def _ahead(house: House, snapshot: Snapshot | None, now: datetime) -> tuple[tuple[AheadRow, ...], Decimal | None]:
    """List what the days after a Snapshot bring, and the cash that all assignments together would leave."""
    if snapshot is None:
        return (), None
    coming = next_slot(snapshot.at, known_sessions(house, lambda: now))
    place = Place(home=str(house.home), mode=house.settings.mode, next_slot=coming)
    ahead = Ahead(stops=tuple(stop_outlooks(snapshot, house.desk)))
    week = week_report(snapshot, house.desk, ahead, place, AHEAD_DAYS)
    puts = [line for line in week.options if line.right == "put"]
    taken = sum((line.strike * line.qty * SHARES_PER_CONTRACT for line in puts), ZERO)
    return tuple(ahead_rows(week)), week.cash + taken if puts else None


def last_backup(house: House, until: datetime) -> datetime | None:
    """Give when the newest finished backup in the home, up to a moment, was made."""
    return max((at for at, _ in list_backups(house.home / BACKUPS) if at <= until), default=None)


def _midnight(day: date, later: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=later), time(0), NEW_YORK).astimezone(UTC)


def first_price(ledger: Ledger, day: date) -> Decimal | None:
    """Give the benchmark's price at a day's first tick that saw one."""
    rows = ledger.ticks_between(day, day)
    return next((row.benchmark_price for row in rows if row.benchmark_price is not None), None)


def _quiet_day(ledger: Ledger, one: Day, missed: int, halt: Halt, books: Books) -> Quiet:
    verdicts = [verdict for row in one.ticks if row.intents for verdict in ledger.verdicts_of_tick(row.id)]
    notes = [note for row in one.ticks for note in ledger.notes_of_tick(row.id)]
    return quiet_facts(
        ticks=one.ticks, orders=ledger.orders_of_day(one.day), gates=tally_refusals(verdicts),
        passed=tally_notes(notes), missed=missed, sessions=1, halt=halt, pauses=books.pauses,
    )  # fmt: skip


def happenings_of(ledger: Ledger, day: date) -> tuple[Happening, ...]:
    """List what the broker booked on a day apart from fills and fees, oldest first."""
    query = (
        "SELECT at, type, symbol, qty, net_amount FROM activities WHERE day = ?"
        " AND type NOT IN ('FILL', 'FEE', 'OPTRD') ORDER BY at, id"
    )
    try:
        rows = ledger.connection.execute(query, (day.isoformat(),)).fetchall()
    except Error as error:
        raise store_error(ledger.path, error) from error
    return tuple(
        Happening(moment_of(at), kind, symbol, Decimal(qty), Decimal(amount)) for at, kind, symbol, qty, amount in rows
    )


def closed_on(ledger: Ledger, day: date) -> tuple[ClosedLine, ...]:
    """List the turns of the wheel that ended on a day, with their result."""
    found = []
    for cycle, _ in ledger.closed_cycles(limit=10_000):
        closed = None if cycle.closed_at is None else new_york_day(cycle.closed_at)
        if closed == day:
            result = cycle_result(cycle)
            found.append(
                ClosedLine(
                    symbol=cycle.symbol, opened_on=new_york_day(cycle.opened_at), closed_on=closed, legs=cycle.legs,
                    assignments=cycle.assignments, pnl=result.pnl,
                    annualised_fraction=six(result.annualised_fraction),
                )
            )  # fmt: skip
    return tuple(found)
