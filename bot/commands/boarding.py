"""What the board shows, worked out after a tick and kept beside its record. A failure here is told, no tick fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from msgspec.structs import replace

from bot import __version__
from bot.commands.weekly import stop_outlooks
from bot.config.effective import effective
from bot.config.envfile import SECRET_NAMES, VARIABLES
from bot.domain.desk import (
    BAR_KINDS,
    AlertNumbers,
    Desk,
    KeepNumbers,
    Limits,
    SimulatorNumbers,
    TickNumbers,
    TrailingNumbers,
    WheelNumbers,
)
from bot.domain.drilling import drill_halt
from bot.domain.errors import MarketError
from bot.domain.instruments import underlying_of
from bot.domain.ledger import Cycle, Halt
from bot.domain.money import ZERO
from bot.domain.sessions import new_york_day
from bot.domain.slots import SessionOn, next_slot, sessions_over
from bot.domain.snapshot import Snapshot
from bot.domain.trip import stronger, tripped_halt
from bot.engine.ports import TickResult
from bot.engine.valuation import cycle_result
from bot.gates.account import buffer_of
from bot.gates.case import Case
from bot.report import board as facts
from bot.report.status import kind_of_money
from bot.report.week import Place, week_report
from bot.report.week_shorts import Ahead
from bot.report.words import six
from bot.store import board, board_sums
from bot.store.database import Database
from bot.store.drills import read_pass
from bot.store.journal import LedgerJournal
from bot.store.logged import LoggedJournal
from bot.store.panicking import in_force, read_panic
from bot.store.remembering import read_halt
from bot.store.rows import CYCLES
from bot.store.tripping import read_trips
from bot.wiring import House, environment_of, known_sessions

AHEAD_DAYS = 7
SLOT = timedelta(minutes=15)
GAP_TICKS, GAP_DAYS = 500, 366
"""How far back missed slots are looked for at most."""
SECONDS_MAX = 60.0
"""What a tick waits for the board at most: it takes milliseconds, or there is much to make up for."""
STEPS = 20_000
"""Steps of SQLite between two looks at the time."""


def keep_board(house: House, journal: LedgerJournal, result: TickResult, now: Callable[[], datetime]) -> str:
    """Write everything the board shows of a tick, in a transaction of its own; gives what went wrong, or nothing."""
    return _told(journal, lambda connection: _keep(connection, house, result, known_sessions(house, now)))


def keep_small(house: House, journal: LedgerJournal, result: TickResult, *, moment: bool) -> str:
    """Write what a tick alone knows, for ticks whose whole board nobody sees: its orders' market, and its moment."""

    def write(connection: sqlite3.Connection) -> None:
        if moment:
            keep_moment(connection, result, house.desk)
        keep_orders(connection, result)

    return _told(journal, write)


def keep_failed(house: House, journal: LedgerJournal, now: Callable[[], datetime]) -> str:
    """Write what is known after a tick that came to nothing: the halt in force, and when the next one comes."""
    return _told(journal, lambda connection: _refresh(connection, house, now(), known_sessions(house, now)))


def refresh_halt(house: House, journal: LedgerJournal, now: datetime) -> str:
    """Write the halt in force anew after a person's word, so that the board shows it before the next tick."""
    return _told(journal, lambda connection: _refresh(connection, house, now, None))


def refresh_restored(home: Path) -> str:
    """Write the halt of a home that came in from a backup; its board was that of the backup."""
    try:
        database = Database(home)
        try:
            with database.relaxed() as connection:
                if board.newest_board(connection)[0]:
                    put_halt(connection, ruling(connection, home), home)
        finally:
            database.close()
    except Exception as error:  # noqa: BLE001  the home is restored, whatever its board shows
        return f"the board shows the halt in force from the next tick on: {type(error).__name__}: {error}"
    return ""


def _told(journal: LedgerJournal, write: Callable[[sqlite3.Connection], None]) -> str:
    """Let the board be written within its time; gives what went wrong and puts it in the log, where there is one."""
    connection, until = journal.database.connection, perf_counter() + SECONDS_MAX
    connection.set_progress_handler(lambda: perf_counter() > until, STEPS)
    try:
        with journal.database.relaxed():
            write(connection)
    except Exception as error:  # noqa: BLE001  the tick is over and sealed: nothing of the board may undo that
        said = f"the board was not brought up to date: {type(error).__name__}: {error}"
    else:
        return ""
    finally:
        connection.set_progress_handler(None, 0)
    if isinstance(journal, LoggedJournal):
        journal.log.say("error", message=said)
    return said


def _keep(connection: sqlite3.Connection, house: House, result: TickResult, on: SessionOn) -> None:
    snapshot, desk = result.snapshot, house.desk
    since, benchmark_before = board.newest_board(connection)
    before, reached = board_sums.read_reached(connection, result.tick_id)
    new_day = _is_new_day(connection, since, snapshot)
    coming = next_slot(snapshot.at, on)
    place = Place(home=str(house.home), mode=result.mode, next_slot=coming)
    # What would be done about each leg is the long part of `bot week`, and the board shows nothing of it.
    ahead = Ahead(stops=tuple(stop_outlooks(snapshot, desk)))
    week = week_report(snapshot, desk, ahead, place, AHEAD_DAYS)
    rows = facts.position_rows(snapshot, week)
    money = kind_of_money(snapshot.simulated, snapshot.environment)
    told = facts.Place(result.tick_id, money, _idle_cash(snapshot, desk), coming)
    keep_moment(connection, result, desk, benchmark_before)
    keep_orders(connection, result, since)
    board.put_fact(connection, "board_desk", _with_ledger(connection, facts.desk_row(snapshot, desk, told)))
    put_halt(connection, halt_now(connection, house, snapshot.at), house.home)
    board.put_facts(connection, "board_positions", rows)
    board.put_facts(connection, "board_ahead", facts.ahead_rows(week))
    _put_gaps(connection, since, result.tick_id, on)
    _put_cycles(connection, snapshot, before)
    board_sums.put_sums(connection, before, reached)
    unrealized: dict[str, Decimal] = {}
    for row in rows:
        root = underlying_of(row.symbol)
        unrealized[root] = unrealized.get(root, ZERO) + (row.unrealized or ZERO)
    board_sums.put_open(connection, unrealized)
    board_sums.put_strategies(connection, strategies_of_desk(desk), result.tick_id)
    if new_day or _other_config(connection, since, result.tick_id):
        board.put_settings(connection, settings_rows(house))


def _idle_cash(snapshot: Snapshot, desk: Desk) -> Decimal:
    """Give free cash after the buffer: what the put gate has to secure new puts with."""
    case = Case(snapshot=snapshot, desk=desk)
    return max(case.free_cash.value - buffer_of(case), ZERO)


def keep_moment(
    connection: sqlite3.Connection, result: TickResult, desk: Desk, benchmark_before: str | None = None
) -> None:
    """Write the small part that belongs to each tick: what it saw, prices and indexes."""
    snapshot = result.snapshot
    day = snapshot.session.day.isoformat()
    prices = facts.share_prices(snapshot)
    before = desk.benchmark if benchmark_before is None else benchmark_before
    board.put_seen(connection, result.tick_id, snapshot.follow_up, facts.seen_of(snapshot))
    board.put_prices(connection, day, prices)
    board.put_indexes(connection, result.tick_id, day, prices, held_names(desk), desk.benchmark, before)


def keep_orders(connection: sqlite3.Connection, result: TickResult, since: int | None = None) -> None:
    """Write where the market stood for the orders of a tick, and how what filled since another one compares."""
    single = {one.client_order_id: one.legs[0] for one in result.orders if len(one.legs) == 1}
    if single:
        seen = facts.quotes_of_orders(result.snapshot, {leg.symbol for leg in single.values()})
        quotes = {symbol: (bid, ask) for symbol, bid, ask in seen}
        known = {order_id: (*quotes[leg.symbol], leg.side) for order_id, leg in single.items() if leg.symbol in quotes}
        board.put_order_prices(connection, known)
    board.put_slippage(connection, result.tick_id - 1 if since is None else since)


def ruling(connection: sqlite3.Connection, home: Path) -> Halt:
    """Give the halt in force as the ledger and the home say it: set by a person, a panic, a file, an alarm, a trip."""
    said = in_force(read_halt(connection), read_panic(connection), home)
    return stronger(said, tripped_halt(read_trips(connection)))


def halt_now(connection: sqlite3.Connection, house: House, now: datetime) -> Halt:
    """Give the halt in force with that of a lacking drill, where the next tick would trade real money."""
    halt = ruling(connection, house.home)
    if environment_of(house.settings) != "live" or house.settings.mode != "live":
        return halt
    days = house.desk.limits.drill_age_days
    return stronger(halt, drill_halt(read_pass(connection), days, house.desk_hash, __version__, now))


def put_halt(connection: sqlite3.Connection, halt: Halt, home: Path) -> None:
    """Write the halt in force, with what else stands over the desk."""
    panic = read_panic(connection)
    restore = connection.execute(
        "SELECT backup FROM restores WHERE ended_at IS NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    said = "" if panic is None else f"{panic.word} by {panic.author}: {panic.reason}"
    back = "" if restore is None else f"restored from {restore[0]}: no new risk until a tick settles"
    board.put_fact(connection, "board_halt", facts.halt_row(halt, str(home), said, back))


def _refresh(connection: sqlite3.Connection, house: House, now: datetime, on: SessionOn | None) -> None:
    """Write the halt in force, and where sessions are told the next slot, into a board that was written before."""
    if not board.newest_board(connection)[0]:
        return
    put_halt(connection, halt_now(connection, house, now), house.home)
    if on is not None:
        board.put_next_slot(connection, next_slot(now, on))


def held_names(desk: Desk) -> tuple[str, ...]:
    """Name the shares that holding is compared with: of what plans and buys, else of all wheels, else all."""
    wheels = [params for _, enabled, params in desk.wheels if enabled] or [params for _, _, params in desk.wheels]
    names = {symbol for params in wheels for symbol in params.numbers}
    names |= {symbol for _, enabled, params in desk.bars if enabled for symbol in params.symbols}
    return tuple(sorted(names or desk.universe))


def strategies_of_desk(desk: Desk) -> list[tuple[str, str, str, int, int, str]]:
    """List the strategies of desk.toml: name, kind, stage, enabled, priority, symbols."""
    found = [
        (params.name, "wheel", "live" if enabled else "off", int(enabled), priority, ", ".join(params.numbers))
        for priority, enabled, params in desk.wheels
    ]
    found += [
        (params.name, "trailing_stop", "live" if enabled else "off", int(enabled), priority,
         ", ".join(params.symbols) or "all other own shares")
        for priority, enabled, params in desk.trailing_stops
    ]  # fmt: skip
    found += [
        (params.name, params.kind, "live" if enabled else "off", int(enabled), priority, ", ".join(params.symbols))
        for priority, enabled, params in desk.bars
    ]
    return sorted(found, key=lambda row: (row[4], row[0]))


def settings_rows(house: House) -> list[tuple[str, str, str, str, int, str]]:
    """List every effective value: section, key, value, origin, whether it is secret, meaning."""
    known = _meanings()
    rows = []
    for shown in effective(house.settings, house.desk):
        section, _, name = shown.key.rpartition(".")
        where = section or ("environment" if shown.key.isupper() else "desk")
        rows.append((where, name, shown.value, shown.origin, int(shown.key in SECRET_NAMES), known.get(name, "")))
    return rows


def _meanings() -> dict[str, str]:
    from bot.config.deskkeys import specs_of

    tables = (
        *BAR_KINDS.values(), TrailingNumbers, WheelNumbers, SimulatorNumbers, AlertNumbers, KeepNumbers, TickNumbers,
        Limits,
    )  # fmt: skip
    known = {name: spec.key.meaning for table in tables for name, spec in specs_of(table).items()}
    return known | {one.name: one.meaning for one in VARIABLES}


def _with_ledger(connection: sqlite3.Connection, row: facts.DeskRow) -> facts.DeskRow:
    """Add what the ledger says of the day: profit, unit value, fall from the peak."""
    found = connection.execute(
        "SELECT e.pnl, b.pnl_fraction, e.nav, e.nav_peak, e.drawdown_fraction FROM equity_daily e"
        " LEFT JOIN board_days b ON b.day = e.day WHERE e.day = ?",
        (row.session_day,),
    ).fetchone()
    if found is None:
        return row
    pnl, fraction, nav, peak, fall = found
    return replace(
        row, day_pnl=None if pnl is None else Decimal(pnl),
        day_fraction=None if fraction is None else six(Decimal(repr(fraction))), nav=Decimal(nav),
        nav_peak=Decimal(peak), drawdown_fraction=Decimal(fall),
    )  # fmt: skip


def _put_cycles(connection: sqlite3.Connection, snapshot: Snapshot, before: board_sums.Reached) -> None:
    today = new_york_day(snapshot.at)
    rows = [_cycle_row(one, facts.phase_of_cycle(one, snapshot), today) for one in snapshot.books.cycles]
    for key, _ in board_sums.cycles_closed_since(connection, before):
        found = CYCLES.of(connection.execute(f"{CYCLES.select} WHERE id = ?", (key,)))
        rows += [_cycle_row(one, "closed", today) for one in found]
    board_sums.put_cycles(connection, rows)


def _cycle_row(cycle: Cycle, phase: str, today: date) -> tuple[str, str, int, float | None, float | None]:
    came = cycle_result(cycle)
    ended = today if cycle.closed_at is None else new_york_day(cycle.closed_at)
    returned, annual = came.return_fraction, came.annualised_fraction
    return (
        cycle.id, phase, (ended - new_york_day(cycle.opened_at)).days, None if returned is None else float(returned),
        None if annual is None else float(annual),
    )  # fmt: skip


def _is_new_day(connection: sqlite3.Connection, since: int, snapshot: Snapshot) -> bool:
    row = connection.execute("SELECT session_day FROM ticks WHERE id = ?", (since,)).fetchone()
    return row is None or row[0] != snapshot.session.day.isoformat()


def _other_config(connection: sqlite3.Connection, since: int, tick_id: int) -> bool:
    found = connection.execute("SELECT DISTINCT config_hash FROM ticks WHERE id IN (?, ?)", (since, tick_id)).fetchall()
    return len(found) != 1


def _put_gaps(connection: sqlite3.Connection, since: int, tick_id: int, on: SessionOn) -> None:
    """Keep the slots of sessions in which no tick ran: between each two ticks since the board was last written."""
    ticks = board.ticks_before(connection, since, tick_id, GAP_TICKS)
    for (_, before), (number, slot) in pairwise(ticks):
        board.put_gaps(connection, number, missed_between(before, slot, on))


def missed_between(before: datetime, slot: datetime, on: SessionOn) -> dict[str, list[datetime]]:
    """Give the slots of sessions between those of two ticks, by session day; none where nobody knows the calendar."""
    found: dict[str, list[datetime]] = {}
    if slot - before <= SLOT:
        return found
    first = max(new_york_day(before), new_york_day(slot) - timedelta(days=GAP_DAYS))
    try:
        sessions = sessions_over(on, first, new_york_day(slot))
    except MarketError:
        return found
    for session in sessions:
        at = session.open_at
        while at < session.close_at:
            if before < at < slot:
                found.setdefault(session.day.isoformat(), []).append(at)
            at += SLOT
    return found
