"""The week ahead, as facts: every short option with its chances and what will be done about it, shares, what may come.

Pure: a Snapshot, the desk's limits and what the planners say about the days ahead go in, a report comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.desk import Desk
from bot.domain.exposure import free_cash
from bot.domain.facts import Fact
from bot.domain.instruments import is_option, is_share
from bot.domain.ledger import Drift, Halt, Pause, Roll
from bot.domain.sessions import new_york_day
from bot.domain.snapshot import Snapshot
from bot.report.calendar_ages import CalendarAge, calendar_ages
from bot.report.feeds import Feed, account_name, feeds_of
from bot.report.foreign import ForeignLine, foreign_in
from bot.report.holdings import Held, held_in
from bot.report.proposals import ProposalLine, proposal_line
from bot.report.status import WorkingLine, kind_of_money, working_line
from bot.report.week_ahead import CalendarLine, calendar_lines, watched
from bot.report.week_assigned import Name, Scenario, scenario
from bot.report.week_shares import ShareHolding, share_holdings
from bot.report.week_shorts import Ahead, ShortLine, short_lines


class OtherLine(Fact, frozen=True, kw_only=True):
    """Something else that is held: a bought option, or what this program cannot read."""

    symbol: str
    owner: str
    qty: Decimal
    mark: Decimal | None


class WeekReport(Fact, frozen=True, kw_only=True):
    """The days from `today` to `until`, both included; dollars, fractions from 0 to 1."""

    home: str
    desk: str
    kind: str
    simulated: bool
    environment: str
    mode: str
    broker: str
    market: str
    account: str
    feeds: tuple[Feed, ...]
    at: datetime
    session_open: bool
    today: date
    until: date
    days: int
    next_slot: datetime
    equity: Decimal
    cash: Decimal
    cash_free: Decimal
    halt: Halt
    empty: bool
    options: tuple[ShortLine, ...]
    scenarios: tuple[Scenario, ...]
    shares: tuple[ShareHolding, ...]
    others: tuple[OtherLine, ...]
    foreign: tuple[ForeignLine, ...]
    calendar: tuple[CalendarLine, ...]
    calendar_ages: tuple[CalendarAge, ...]
    orders: tuple[WorkingLine, ...] = ()
    proposals: tuple[ProposalLine, ...] = ()
    pauses: tuple[Pause, ...] = ()
    rolls: tuple[Roll, ...] = ()
    drift: tuple[Drift, ...] = ()
    errors: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where and how the report is made."""

    home: str
    mode: str
    next_slot: datetime


def week_report(snapshot: Snapshot, desk: Desk, ahead: Ahead, place: Place, days: int) -> WeekReport:
    """Gather the days ahead from a Snapshot."""
    today = new_york_day(snapshot.at)
    until = today + timedelta(days=days)
    shorts = short_lines(snapshot, ahead, until)
    held = [one for one in held_in(snapshot) if one.qty != 0]
    books = snapshot.books
    return WeekReport(
        home=place.home, desk=snapshot.desk, kind=kind_of_money(snapshot.simulated, snapshot.environment),
        simulated=snapshot.simulated, environment=snapshot.environment, mode=place.mode, broker=snapshot.broker,
        market=snapshot.market, account=account_name(snapshot.account.id, simulated=snapshot.simulated),
        feeds=feeds_of(snapshot), at=snapshot.at, session_open=snapshot.session.is_open, today=today, until=until,
        days=days, next_slot=place.next_slot, equity=snapshot.equity, cash=snapshot.account.cash,
        cash_free=free_cash(snapshot).value, halt=snapshot.halt, empty=not held, options=shorts,
        scenarios=_scenarios(snapshot, desk, shorts), shares=share_holdings(snapshot, held, ahead),
        others=tuple(_other(one) for one in held if _is_other(one)), foreign=foreign_in(snapshot),
        calendar=calendar_lines(snapshot, shorts, today, until),
        calendar_ages=calendar_ages(watched(snapshot), snapshot.events_of, desk.universe),
        orders=tuple(working_line(order) for order in snapshot.own_orders),
        proposals=tuple(proposal_line(one) for one in ahead.proposals),
        pauses=books.pauses,
        rolls=tuple(roll for roll in books.rolls if roll.stage in ("closing", "opening")), drift=books.drift,
        errors=snapshot.errors,
    )  # fmt: skip


def _scenarios(snapshot: Snapshot, desk: Desk, lines: Sequence[ShortLine]) -> tuple[Scenario, ...]:
    """Work out what assignment brings: of nothing, of what the window holds (in the money, all), of everything open."""
    if not lines:
        return ()
    window = [line for line in lines if line.in_window]
    inside = [line for line in window if line.distance is not None and line.distance < 0]
    cases: list[tuple[Name, Sequence[ShortLine]]] = [("now", ()), ("in_the_money", inside), ("window", window)]
    cases.append(("all", lines))
    roots = [line.underlying for line in lines]
    return tuple(
        scenario(snapshot, desk, name, [(line.symbol, -line.qty) for line in chosen], roots) for name, chosen in cases
    )


def _is_other(one: Held) -> bool:
    """Say whether something is neither a share nor a short option."""
    return one.qty > 0 if is_option(one.symbol) else not is_share(one.symbol)


def _other(one: Held) -> OtherLine:
    return OtherLine(symbol=one.symbol, owner=one.owner, qty=one.qty, mark=one.mark)
