"""From the ledger's answers to the facts of a report: every question the owner's eyes ask is asked here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from sqlite3 import Error

from msgspec.structs import replace

from bot.commands.opening import other_money
from bot.domain.clearing import left_of
from bot.domain.desk import Desk
from bot.domain.errors import StoreError
from bot.domain.ledger import Books, Counters, Halt
from bot.domain.money import ZERO
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day
from bot.domain.slots import SessionOn, next_slot, sessions_over
from bot.domain.snapshot import Snapshot
from bot.gates.account import buffer_of
from bot.gates.case import Case
from bot.ops.drilled import with_drill
from bot.report.calendar_ages import calendar_ages
from bot.report.feeds import account_name, feeds_of
from bot.report.foreign import foreign_lines
from bot.report.holdings import option_lines, share_lines
from bot.report.panic import PanicLine, panic_line
from bot.report.performance import day_result
from bot.report.proposals import proposal_line
from bot.report.quiet import Quiet, missed_slots, quiet_facts
from bot.report.status import StatusReport, TickLine, cycle_line, kind_of_money, working_line
from bot.report.tallies import GateLine, gate_line, passed_lines
from bot.report.why import IntentReport, OrderStory, SymbolReport, WishStory, note_line, order_story, phase_of
from bot.report.words import six
from bot.store.database import store_error
from bot.store.queries import IntentRow, Ledger, TickRow
from bot.store.remembering import read_books
from bot.wiring import House, environment_of, known_sessions

STATUS_SESSIONS = 5
WHY_SESSIONS = 20
TICKS_LOOKED_AT = 400


def newest_decided(ledger: Ledger) -> TickRow | None:
    """Give the newest tick that got as far as a Snapshot and a decision."""
    return next((row for row in ledger.ticks(limit=TICKS_LOOKED_AT) if row.equity is not None), None)


def snapshot_of(ledger: Ledger, row: TickRow | None) -> Snapshot | None:
    """Read a tick's Snapshot; None where it is gone or unreadable, which no report fails for."""
    if row is None or row.snapshot_hash is None:
        return None
    try:
        return ledger.snapshot(row.snapshot_hash)
    except StoreError:
        return None


def books_now(ledger: Ledger, now: datetime) -> Books:
    """Read what the books say at this moment, the owner's newest words included."""
    try:
        return read_books(ledger.connection, now, Counters())
    except Error as error:
        raise store_error(ledger.path, error) from error


def whose_money(house: House, row: TickRow | None) -> tuple[str, str, bool]:
    """Give the environment, how a page names its money, and whether it is simulated."""
    environment = environment_of(house.settings) if row is None else row.environment
    simulated = environment == "simulated"
    return environment, kind_of_money(simulated, environment), simulated


def status_report(ledger: Ledger, house: House, now: datetime) -> StatusReport:
    """Gather how it stands."""
    newest, decided = ledger.latest_tick(), newest_decided(ledger)
    environment, kind, simulated = whose_money(house, newest)
    books, orders = books_now(ledger, now), ledger.open_orders()
    halt = with_drill(house, ledger, ledger.halt(), now)
    snapshot, held = snapshot_of(ledger, decided), ledger.positions()
    days = ledger.equity_days(limit=2)
    profit, fraction = day_result(days, days[-1].day) if days else (None, None)
    quotes = {} if snapshot is None else snapshot.quote_of
    settings, idle = house.settings, idle_cash(snapshot, house.desk)
    on = known_sessions(house, lambda: now)
    coming = next_slot(now, on)
    return StatusReport(
        home=str(house.home), desk=house.desk.name, kind=kind, simulated=simulated, mode=settings.mode,
        broker=settings.broker, environment=environment, market=settings.market_text, now=now, halt=halt,
        tick=None if newest is None else TickLine(
            id=newest.id, at=newest.at, mode=newest.mode, status=newest.status, note=newest.note, errors=newest.errors,
            remarks=() if snapshot is None or decided is None or decided.id != newest.id else snapshot.remarks,
        ),
        next_slot=coming, panic=panic_standing(ledger, books, orders, coming),
        sessions_without_tick=0 if newest is None else _sessions_without(newest.at, now, on),
        equity=None if decided is None else decided.equity, cash=None if decided is None else decided.cash,
        buying_power=None if decided is None else decided.buying_power,
        day_profit=profit, day_fraction=fraction, drawdown_fraction=days[-1].drawdown_fraction if days else None,
        valued_at=None if decided is None else decided.at,
        shares=share_lines(held, books.lots),
        options=option_lines(held, books.legs, quotes, new_york_day(now), books.instructions),
        orders=tuple(working_line(order) for order in orders),
        cycles=tuple(cycle_line(cycle) for cycle in books.cycles), rolls=books.rolls, drift=ledger.drift(),
        pauses=books.pauses, instructions=books.instructions, invariants=ledger.invariants(),
        quiet=None if newest is None else quiet_of(
            ledger, ledger.session_days(STATUS_SESSIONS), now, halt, books, on
        ),
        warnings=(*settings.warnings, *other_money(house, environment)),
        proposals=tuple(proposal_line(one) for one in ledger.proposals(now)),
        proposals_lapsed=0 if newest is None else len(ledger.lapsed_proposals(newest.at, now)),
        account="" if snapshot is None or simulated else account_name(snapshot.account.id, simulated=False),
        feeds=() if snapshot is None else feeds_of(snapshot),
        foreign=foreign_lines(held, books.lots, books.legs, () if snapshot is None else snapshot.foreign_orders),
        calendars=() if snapshot is None or simulated else calendar_ages(
            sorted(snapshot.events_of), snapshot.events_of, house.desk.universe
        ),
        cash_idle=idle, trips=ledger.trips(),
        cash_idle_fraction=six(idle / decided.equity) if idle is not None and decided and decided.equity else None,
    )  # fmt: skip


def idle_cash(snapshot: Snapshot | None, desk: Desk) -> Decimal | None:
    """Give free cash after the buffer, zero where none is left: what the put gate has to secure new puts with."""
    if snapshot is None:
        return None
    case = Case(snapshot=snapshot, desk=desk)
    return max(case.free_cash.value - buffer_of(case), ZERO)


def _sessions_without(last: datetime, now: datetime, on: SessionOn) -> int:
    """Count the whole sessions that opened after the newest tick and are over."""
    first, today = new_york_day(last), new_york_day(now)
    return sum(1 for session in sessions_over(on, first + timedelta(days=1), today) if session.close_at <= now)


def quiet_of(ledger: Ledger, days: Sequence[date], now: datetime, halt: Halt, books: Books, on: SessionOn) -> Quiet:
    """Answer why nothing happened over the last session days (the newest ones the ledger has)."""
    ticks = [row for day in days for row in ticks_of_day(ledger, day)] or ledger.ticks(limit=1)
    sessions = sessions_over(on, days[0], days[-1]) if days else []
    gates = [gate_line(tally) for tally in ledger.refusals_by_gate(len(days))]
    if gates:
        gates[0] = _whose_miss(ledger, gates[0], len(days))
    return quiet_facts(
        ticks=ticks, orders=[order for day in days for order in ledger.orders_of_day(day)], gates=gates,
        passed=ledger.notes_by_reason(len(days)), missed=len(missed_slots(ticks, sessions, now)),
        sessions=len(days), halt=halt, pauses=books.pauses,
    )  # fmt: skip


def _whose_miss(ledger: Ledger, line: GateLine, sessions: int) -> GateLine:
    """Name the underlying of a gate's nearest miss."""
    for symbol in line.symbols:
        own = next((one for one in ledger.refusals_by_gate(sessions, symbol=symbol) if one.gate == line.gate), None)
        if own is not None and own.distance == line.distance and own.reason == line.reason:
            return replace(line, symbol=symbol)
    return line


def ticks_of_day(ledger: Ledger, day: date) -> list[TickRow]:
    """List a session day's ticks oldest first, those that failed before they knew their day too."""
    rows = {row.id: row for row in ledger.ticks_between(day, day)}
    if not rows:
        return []
    first, last = min(rows), max(rows)
    missing = [number for number in range(first, last) if number not in rows]
    for number in missing:
        row = ledger.tick(number)
        if row is not None and row.session_day is None:
            rows[number] = row
    for number, step in ((first - 1, -1), (last + 1, 1)):
        row = ledger.tick(number)
        while row is not None and row.session_day is None and new_york_day(row.at) == day:
            rows[row.id] = row
            row = ledger.tick(row.id + step)
    return [rows[number] for number in sorted(rows)]


def panic_standing(ledger: Ledger, books: Books, orders: Sequence[OwnOrder], coming: datetime) -> PanicLine | None:
    """Give the panic in force with what the newest tick's list leaves to clear, and the slot that works on it."""
    panic = ledger.panic()
    if panic is None:
        return None
    held = ((row.symbol, row.qty, row.owner) for row in ledger.positions())
    return panic_line(panic, left_of(panic, held, books, orders), coming)


def order_of(ledger: Ledger, order: OwnOrder) -> OrderStory:
    """Read an order's steps and fills."""
    return order_story(order, ledger.transitions_of(order.client_order_id), ledger.fills_of(order.client_order_id))


def wish_story(ledger: Ledger, row: IntentRow) -> WishStory:
    """Read one wish with its verdict."""
    return WishStory(
        intent=row.id, tick=row.tick_id, at=row.at, verdict=ledger.verdict_of(row), status=row.status or "",
        client_order_id=row.client_order_id or "",
    )  # fmt: skip


def symbol_report(ledger: Ledger, house: House, symbol: str, now: datetime) -> SymbolReport:
    """Gather a symbol's story."""
    decided = newest_decided(ledger)
    assert decided is not None
    _, kind, simulated = whose_money(house, decided)
    books, snapshot = books_now(ledger, now), snapshot_of(ledger, decided)
    held = [one for one in ledger.positions() if one.underlying == symbol]
    quotes = {} if snapshot is None else snapshot.quote_of
    rows = [row for row in ledger.intents_of_tick(decided.id) if row.underlying == symbol]
    before = [] if rows else ledger.intents_of_symbol(symbol, limit=1)
    days = ledger.session_days(WHY_SESSIONS)
    return SymbolReport(
        home=str(house.home), kind=kind, simulated=simulated, symbol=symbol, now=now,
        phase=phase_of(symbol, held, ledger.open_orders()), tick=decided.id, at=decided.at,
        wishes=tuple(wish_story(ledger, row) for row in rows),
        earlier=wish_story(ledger, before[0]) if before else None,
        notes=tuple(note_line(note) for note in ledger.notes_of_tick(decided.id) if note.symbol in (symbol, "*")),
        shares=share_lines(held, books.lots),
        options=option_lines(held, books.legs, quotes, new_york_day(now), books.instructions),
        sessions=len(days),
        gates=tuple(gate_line(tally) for tally in ledger.refusals_by_gate(WHY_SESSIONS, symbol=symbol)),
        reasons=passed_lines(one for one in ledger.notes_by_reason(WHY_SESSIONS) if one.symbol in (symbol, "*")),
        orders=tuple(order_of(ledger, order) for order in ledger.recent_orders(limit=3, symbol=symbol)),
        feeds=() if snapshot is None else feeds_of(snapshot),
    )  # fmt: skip


def intent_report(ledger: Ledger, house: House, row: IntentRow, now: datetime) -> IntentReport:
    """Gather one wish's story."""
    tick = ledger.tick(row.tick_id)
    _, kind, simulated = whose_money(house, tick)
    day = None if tick is None else tick.session_day
    orders = ledger.orders_of_day(day) if day is not None and row.client_order_id else ()
    order = next((one for one in orders if one.client_order_id == row.client_order_id), None)
    return IntentReport(
        home=str(house.home), kind=kind, simulated=simulated, now=now, wish=wish_story(ledger, row),
        order=None if order is None else order_of(ledger, order), thinned_at=ledger.thinned_at(row.tick_id),
    )  # fmt: skip
