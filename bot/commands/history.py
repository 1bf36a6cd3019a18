"""`bot import-history`: the owner's own past, rebuilt from the broker's lines. It reads, keeps, and never trades."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal

from bot.commands.looking import script_folder
from bot.commands.opening import open_ledger, warn
from bot.commands.owner import author
from bot.domain.adoption import adopt_fault
from bot.domain.errors import BrokerUnreachable, TryLater, UsageError
from bot.domain.holdings import Account, Activity, Position
from bot.domain.ledger import Cycle
from bot.domain.money import ZERO
from bot.domain.sessions import new_york_day
from bot.engine.history import History, rebuild
from bot.engine.history_refusals import PastJudgement, past_refusals
from bot.engine.ports import Broker
from bot.engine.valuation import cycle_result
from bot.report.history import (
    CycleRow,
    GapRow,
    HistoryReport,
    OpenRow,
    RefusalRow,
    history_lines,
)
from bot.report.status import kind_of_money
from bot.report.words import count, json_line, six
from bot.store.database import moment_of
from bot.store.imported import Past
from bot.store.importing import Kept, Seen, keep_import, refuse_import
from bot.store.journal import LedgerJournal
from bot.wiring import (
    ACCOUNT_FILE,
    House,
    environment_of,
    load_house,
    looking_broker,
    make_broker,
    make_market,
    wall_clock,
)

FIRST_DAY = date(2015, 1, 1)
"""No account here is older than its broker's interface."""
READINGS = 3


def run_import_history(env: str, *, dry: bool, as_json: bool) -> None:
    """Read the whole account, rebuild its past, keep what is new (unless dry), and tell it."""
    house = load_house(env)
    warn(house)
    with (
        open_ledger(house, "bot import-history", wall_clock()) as journal,
        reading_broker(house, journal) as (broker, at),
    ):
        account, positions, activities = read_whole(broker)
        journal.stamp(broker.name, environment_of(house.settings), account.id)
        simulated = broker.traits.simulated
        history = rebuild(activities, positions, account, at)
        kept = None if dry else _keep(house, journal, broker, account, positions, history)
    judged = past_refusals(history, house.desk)
    report = report_of(house, history, judged, account.id, kept, simulated=simulated)
    if as_json:
        print(json_line(report))
        return
    for line in history_lines(report, script_folder()):
        print(line)


@contextmanager
def reading_broker(house: House, journal: LedgerJournal) -> Iterator[tuple[Broker, datetime]]:
    """Give the broker to read and the moment it is read at.

    A simulated account is read as it stands, at the moment it has lived to: importing does not make its time pass.
    """
    if house.settings.broker != "simulator":
        now = wall_clock()
        market = make_market(house, wall_clock)
        with closing(make_broker(house, market, wall_clock, account=journal.stamped_account())) as broker:
            yield broker, now
        return
    at = lived_to(house)
    newest = journal.database.connection.execute("SELECT max(ts) FROM ticks").fetchone()[0]
    moment = at if newest is None else max(at, moment_of(newest))
    with looking_broker(house, make_market(house, lambda: moment), lambda: moment) as looked:
        yield looked, moment


def lived_to(house: House) -> datetime:
    """Give the moment a simulated account has lived to; UsageError where there is none yet."""
    path = house.home / ACCOUNT_FILE
    if not path.exists():
        raise UsageError(f"there is no simulated account in {house.home} yet, so it has no past: `bot tick` begins one")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as account:
            row = account.execute("SELECT seen_at FROM account").fetchone()
    except sqlite3.Error as error:
        raise BrokerUnreachable(
            f"the simulated account {path} cannot be read ({error}): restore it from a copy, or name another BOT_HOME"
        ) from error
    if row is None:
        raise UsageError(f"the simulated account in {house.home} is empty: `bot tick` begins one")
    return moment_of(row[0])


def read_whole(broker: Broker) -> tuple[Account, tuple[Position, ...], tuple[Activity, ...]]:
    """Read account, positions and every line so that they belong together: nothing may change meanwhile.

    Raises TryLater when the account moves during every reading.
    """
    account, positions = broker.read_account(), broker.read_positions()
    for _ in range(READINGS):
        activities = broker.read_activities(FIRST_DAY)
        account_after, positions_after = broker.read_account(), broker.read_positions()
        if account_after.cash == account.cash and _held(positions_after) == _held(positions):
            return account, positions, activities
        account, positions = account_after, positions_after
    raise TryLater("the account moves while it is read: import when nothing trades; nothing was kept")


def _held(positions: tuple[Position, ...]) -> dict[str, object]:
    return {one.symbol: one.qty for one in positions if one.qty}


def _keep(
    house: House,
    journal: LedgerJournal,
    broker: Broker,
    account: Account,
    positions: tuple[Position, ...],
    history: History,
) -> Kept:
    refuse_import(journal, history.activities)
    seen = Seen(
        broker=broker.name, environment=environment_of(house.settings), account=account.id, cash=account.cash,
        fees_accrued=account.accrued_fees or ZERO, positions=positions, at=history.at, author=author(),
        first_day=history.first_day, last_day=history.last_day, lines=history.lines,
    )  # fmt: skip
    return keep_import(journal, past_of(history), seen)


def past_of(history: History) -> Past:
    """Turn a rebuilt past into what the store keeps: each ended lot and leg once, in its last form."""
    lots = {end.lot.id: end.lot for end in history.lot_ends}
    legs = {end.leg.id: end.leg for end in history.leg_ends}
    return Past(
        activities=history.activities,
        fills=history.fills,
        leg_ends=history.leg_ends,
        lot_ends=history.lot_ends,
        ended_lots=tuple(lots.values()),
        ended_legs=tuple(legs.values()),
        cycles=history.cycles,
        open_lots=history.offered_lots,
        open_legs=history.offered_legs,
        open_cycles=history.offered_cycles,
        gaps=tuple((gap.symbol, gap.what, gap.do) for gap in history.gaps),
    )


def report_of(
    house: House, history: History, judged: PastJudgement, account: str, kept: Kept | None, *, simulated: bool
) -> HistoryReport:
    """Turn a past and its judgement into what is told."""
    today = new_york_day(history.at)
    return HistoryReport(
        home=str(house.home),
        kind=kind_of_money(simulated, environment_of(house.settings)),
        simulated=simulated,
        account=account,
        at=history.at,
        first_day=history.first_day,
        last_day=history.last_day,
        lines=history.lines,
        cash_explained=history.cash,
        cash_broker=history.cash_broker,
        cycles=tuple(_cycle_row(cycle, today) for cycle in history.cycles),
        open_cycles=tuple(_cycle_row(cycle, today) for cycle in history.open_cycles),
        shares=tuple(
            OpenRow(
                symbol=lot.symbol, qty=lot.qty, since=new_york_day(lot.opened_at), basis=lot.basis_strike,
                basis_tax=lot.basis_tax, basis_wheel=lot.basis_wheel, adopt=_adopt(lot.symbol, lot.qty),
            )
            for lot in history.offered_lots
        ),
        options=tuple(
            OpenRow(
                symbol=leg.symbol, qty=leg.qty, since=new_york_day(leg.opened_at), credit=leg.credit,
                adopt=_adopt(leg.symbol, leg.qty),
            )
            for leg in history.offered_legs
        ),
        transfers=tuple((new_york_day(one.at), one.kind, one.net_amount) for one in history.transfers),
        totals=history.totals,
        income=history.income,
        gaps=tuple(GapRow(symbol=gap.symbol, what=gap.what, do=gap.do) for gap in history.gaps),
        entries=judged.entries,
        entries_refused=judged.refused,
        refusals=tuple(
            RefusalRow(
                gate=one.gate, times=one.times, sole=one.sole, symbol=one.symbol, on=new_york_day(one.at),
                reason=one.reason,
            )
            for one in judged.gates
        ),
        outside=judged.outside,
        unasked=judged.unasked,
        assumptions=judged.assumptions,
        kept=kept_words(kept),
    )  # fmt: skip


def _adopt(symbol: str, qty: Decimal) -> str:
    return adopt_fault(symbol, qty) or f"bot adopt {symbol}"


def _cycle_row(cycle: Cycle, today: date) -> CycleRow:
    result = cycle_result(cycle)
    closed = None if cycle.closed_at is None else new_york_day(cycle.closed_at)
    opened = new_york_day(cycle.opened_at)
    return CycleRow(
        symbol=cycle.symbol, opened_on=opened, closed_on=closed, days=((closed or today) - opened).days,
        legs=cycle.legs, assignments=cycle.assignments, premium=cycle.option_cash, shares=cycle.share_cash,
        dividends=cycle.dividends, fees=cycle.fees, pnl=result.pnl,
        return_fraction=None if closed is None else six(result.return_fraction),
        annualised_fraction=None if closed is None else six(result.annualised_fraction),
    )  # fmt: skip


def kept_words(kept: Kept | None) -> tuple[str, ...]:
    """Say what an import brought into the ledger."""
    if kept is None:
        return ("nothing: --dry only looks",)
    words = []
    if kept.number is None:
        words.append("nothing new: all of it is in the ledger already")
    else:
        words.append(
            f"import {kept.number}: {count(kept.lines, 'line')}, {count(kept.fills, 'fill')}, "
            f"{count(kept.legs, 'option leg')}, {count(kept.lots, 'lot')}, {count(kept.cycles, 'closed cycle')}; open "
            f"lots, legs and cycles that wait for `bot adopt`: {kept.open_things}"
        )
        words.append("nothing of it is traded: what is open stays foreign until it is adopted")
    if kept.left_alone:
        words.append(f"left as they are, for this desk trades them by now: {', '.join(kept.left_alone)}")
    return tuple(words)
