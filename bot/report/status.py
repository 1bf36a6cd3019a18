"""How the desk stands now: facts for `bot status`, and the lines that say them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.halting import lifted_by_resume
from bot.domain.invariants import Invariant
from bot.domain.ledger import Cycle, Drift, Halt, Instruction, Pause, Roll
from bot.domain.money import plain
from bot.domain.orders import UNRESOLVED_STATES, OwnOrder
from bot.domain.sessions import new_york_day
from bot.domain.trip import Trip
from bot.domain.wheelmath import LADDER_LAST
from bot.report.calendar_ages import CalendarAge, calendar_words
from bot.report.feeds import Feed, feed_line
from bot.report.foreign import ForeignLine
from bot.report.foreign_text import foreign_table
from bot.report.holdings import OptionLine, ShareLine, option_table, share_table
from bot.report.invariants import invariant_lines
from bot.report.panic import PanicLine, panic_words
from bot.report.proposals import ProposalLine, waiting_lines
from bot.report.quiet import Quiet
from bot.report.trips import trip_sentences
from bot.report.words import ago, count, dollars, filled_text, home_lines, new_york, percent, price_text, section, table


class TickLine(Fact, frozen=True, kw_only=True):
    """The newest tick, for the owner's eyes."""

    id: int
    at: datetime
    mode: str
    status: str
    note: str
    errors: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class WorkingLine(Fact, frozen=True, kw_only=True):
    """An order of ours that may still fill; price per share."""

    client_order_id: str
    purpose: str
    symbol: str
    side: str
    remaining: Decimal
    limit_price: Decimal | None
    step: int
    state: str
    status: str
    planned_at: datetime


class CycleLine(Fact, frozen=True, kw_only=True):
    """A turn of the wheel under way; dollars so far."""

    symbol: str
    strategy: str
    opened_at: datetime
    legs: int
    assignments: int
    option_cash: Decimal
    share_cash: Decimal
    dividends: Decimal
    fees: Decimal


class StatusReport(Fact, frozen=True, kw_only=True):
    """How it stands; dollars, fractions from 0 to 1. `kind` says whose money it is."""

    home: str
    desk: str
    kind: str
    simulated: bool
    mode: str
    broker: str
    environment: str
    market: str
    now: datetime
    halt: Halt
    tick: TickLine | None = None
    next_slot: datetime
    sessions_without_tick: int = 0
    equity: Decimal | None = None
    cash: Decimal | None = None
    buying_power: Decimal | None = None
    day_profit: Decimal | None = None
    day_fraction: Decimal | None = None
    drawdown_fraction: Decimal | None = None
    valued_at: datetime | None = None
    shares: tuple[ShareLine, ...] = ()
    options: tuple[OptionLine, ...] = ()
    orders: tuple[WorkingLine, ...] = ()
    cycles: tuple[CycleLine, ...] = ()
    rolls: tuple[Roll, ...] = ()
    drift: tuple[Drift, ...] = ()
    pauses: tuple[Pause, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    quiet: Quiet | None = None
    warnings: tuple[str, ...] = ()
    proposals: tuple[ProposalLine, ...] = ()
    proposals_lapsed: int = 0
    """How many lapsed unanswered since the newest tick."""
    account: str = ""
    feeds: tuple[Feed, ...] = ()
    foreign: tuple[ForeignLine, ...] = ()
    calendars: tuple[CalendarAge, ...] = ()
    """Of the names whose calendars the newest tick read; none in a simulated world, which makes its own."""
    cash_idle: Decimal | None = None
    """Free cash after the buffer: what secures nothing and is not kept back."""
    invariants: tuple[Invariant, ...] = ()
    """The house's numbers about itself at the newest tick that decided."""
    cash_idle_fraction: Decimal | None = None
    trips: tuple[Trip, ...] = ()
    """The trip wires at the newest live tick."""
    panic: PanicLine | None = None
    """The panic in force, and what is left for it to clear."""

    @property
    def unresolved(self) -> tuple[WorkingLine, ...]:
        """List orders that left without a proven answer."""
        return tuple(order for order in self.orders if order.state in UNRESOLVED_STATES)


def kind_of_money(simulated: bool, environment: str) -> str:
    """Say whose money a page shows."""
    return "SIMULATED MONEY" if simulated else f"{environment.upper()} MONEY"


def working_line(order: OwnOrder) -> WorkingLine:
    """Turn an order into its line."""
    single = order.legs[0] if len(order.legs) == 1 else None
    return WorkingLine(
        client_order_id=order.client_order_id, purpose=order.purpose,
        symbol=order.underlying if single is None else single.symbol,
        side="mleg" if single is None else single.position_intent, remaining=order.remaining,
        limit_price=order.limit_price, step=order.step, state=order.state, status=order.status,
        planned_at=order.planned_at,
    )  # fmt: skip


def cycle_line(cycle: Cycle) -> CycleLine:
    """Turn a cycle into its line."""
    return CycleLine(
        symbol=cycle.symbol, strategy=cycle.strategy, opened_at=cycle.opened_at, legs=cycle.legs,
        assignments=cycle.assignments, option_cash=cycle.option_cash, share_cash=cycle.share_cash,
        dividends=cycle.dividends, fees=cycle.fees,
    )  # fmt: skip


def status_lines(report: StatusReport, prefix: str = "") -> list[str]:
    """Say how it stands, in lines for a terminal; `prefix` stands before every command to type."""
    account = f"   account {report.account}" if report.account else ""
    lines = [f"{report.kind}   desk {report.desk}   {report.mode}   {report.broker}, {report.environment}{account}"]
    lines += _first_lines(report, prefix)
    if report.equity is not None:
        lines += _money(report)
    if report.feeds:
        lines.append(f"prices      {feed_line(report.feeds)}")
    if report.calendars:
        lines += filled_text(calendar_words(report.calendars, report.now), "calendars   ", " " * 12)
    for sentence in trip_sentences(report.trips):
        lines += filled_text(sentence, "trip wire   ", " " * 12)
    lines += _waiting(report, prefix)
    if report.quiet is not None:
        lines += filled_text(report.quiet.sentence, "activity    ", " " * 12)
    lines += section("", share_table(report.shares))[1:]
    lines += section("", option_table(report.options))[1:]
    lines += section("", foreign_table(report.foreign, prefix))[1:]
    if report.tick is not None and not report.shares and not report.options:
        lines += ["", "nothing is held"]
    lines += section("", _orders(report.orders, report.now))[1:]
    lines += section("", _cycles(report.cycles))[1:]
    lines += _worries(report, prefix)
    return [*lines, *home_lines(report.home, prefix, "bot report", "bot why SYMBOL")]


def _first_lines(report: StatusReport, prefix: str) -> list[str]:
    halt = report.halt
    if halt.level == "run":
        lines = ["halt        none; `bot halt no_new_risk --reason WHY` takes no new risk"]
    else:
        since = "" if halt.since is None else f" since {new_york(halt.since)}"
        lines = filled_text(
            f"{halt.level.upper()} by {halt.author}{since}: {halt.reason}; clears: {halt.clears or 'by a person'}"
            + (f"; `{prefix}bot resume` lifts it" if lifted_by_resume(halt) else ""), "halt        ", " " * 12,
        )  # fmt: skip
    if report.panic is not None:
        lines += filled_text(panic_words(report.panic), "panic       ", " " * 12)
    tick = report.tick
    if tick is None:
        return [*lines, "newest tick none yet"]
    mode = "" if tick.mode == report.mode else f", ran {tick.mode}"
    lines.append(f"newest tick {tick.id}, {new_york(tick.at)}, {ago(tick.at, report.now)}{mode}: {tick.status}")
    lines += filled_text(tick.note, " " * 12)
    for error in tick.errors:
        if error != tick.note:
            lines += filled_text(f"error: {error}", " " * 12)
    for remark in tick.remarks:
        lines += filled_text(f"note: {remark}", " " * 12)
    gap = report.sessions_without_tick
    late = f"; {count(gap, 'session')} went by without a tick" if gap else ""
    lines.append(f"next tick   {new_york(report.next_slot)}{late}")
    return lines


def _waiting(report: StatusReport, prefix: str) -> list[str]:
    """Say what waits for the owner's word, with the command that answers it."""
    waiting = [one for one in report.proposals if one.approved_at is None]
    approved = len(report.proposals) - len(waiting)
    lines = []
    if waiting:
        word = "waits" if len(waiting) == 1 else "wait"
        lines.append(f"your word   {count(len(waiting), 'proposal')} {word} for it: `{prefix}bot approve` lists, or")
    if approved:
        lines.append(f"approved    {count(approved, 'proposal')} not sent yet: the next live tick tries")
    lines += waiting_lines(report.proposals, prefix)
    if not lines and report.proposals_lapsed:
        lapsed = count(report.proposals_lapsed, "proposal")
        lines.append(f"your word   {lapsed} lapsed unanswered since the newest tick; the next one asks again")
    return lines


def _money(report: StatusReport) -> list[str]:
    fraction = "" if report.day_fraction is None else f" ({percent(report.day_fraction, signed=True)})"
    lines = [
        f"equity      {dollars(report.equity)}   cash {dollars(report.cash)}   "
        f"buying power {dollars(report.buying_power)}"
    ]
    if report.day_profit is not None:
        lines.append(
            f"day         {dollars(report.day_profit, signed=True)}{fraction}   "
            f"drawdown from the peak {percent(report.drawdown_fraction)}"
        )
    if report.cash_idle is not None:
        share = f" ({percent(report.cash_idle_fraction)} of equity)" if report.cash_idle_fraction is not None else ""
        lines.append(f"idle cash   {dollars(report.cash_idle)}{share} secures nothing, with the buffer set aside")
    return lines


def _orders(orders: Sequence[WorkingLine], now: datetime) -> list[str]:
    return table(
        ("working order", "wish", "qty", "limit", "step", "state", "age"),
        [
            (
                order.client_order_id, f"{order.side} {order.symbol}", plain(order.remaining),
                "" if order.limit_price is None else price_text(order.limit_price), f"{order.step} of {LADDER_LAST}",
                order.status or order.state, ago(order.planned_at, now).removesuffix(" ago"),
            )
            for order in orders
        ],
        right=frozenset({2, 3}),
    )  # fmt: skip


def _cycles(cycles: Sequence[CycleLine]) -> list[str]:
    return table(
        ("cycle", "since", "option cash", "share cash", "dividends", "fees", "legs", "assigned"),
        [
            (
                cycle.symbol, f"{new_york_day(cycle.opened_at)}", dollars(cycle.option_cash),
                dollars(cycle.share_cash), dollars(cycle.dividends), dollars(cycle.fees), str(cycle.legs),
                str(cycle.assignments),
            )
            for cycle in cycles
        ],
        right=frozenset(range(2, 8)),
    )  # fmt: skip


def _worries(report: StatusReport, prefix: str) -> list[str]:
    lines: list[str] = invariant_lines(report.invariants, prefix, report.broker)
    for order in report.unresolved:
        lines += filled_text(
            f"unresolved: {order.client_order_id} ({order.side} {order.symbol}) left without a proven answer; no new "
            "risk on its underlying until the broker's record proves what became of it: "
            f"`{prefix}bot tick` asks again, `{prefix}bot order resolve {order.client_order_id}` ends it by your word",
            hanging="  ",
        )
    for drift in report.drift:
        until = "" if drift.expected_until is None else f", expected until {new_york(drift.expected_until)}"
        lines += filled_text(
            f"drift ({drift.kind}) {drift.symbol}: {drift.what}; broker {plain(drift.broker)}, ours {plain(drift.ours)}"
            f"{until}",
            hanging="  ",
        )
    for pause in report.pauses:
        name = "every symbol" if pause.symbol == "*" else pause.symbol
        lines += filled_text(f"paused: {name} until {new_york(pause.until)}: {pause.reason}", hanging="  ")
    for roll in report.rolls:
        lines += filled_text(
            f"roll: {roll.old_symbol} is {roll.stage}, {count(roll.ticks_left, 'tick')} left, budget "
            f"{dollars(roll.budget)}", hanging="  ",
        )  # fmt: skip
    for one in report.instructions:
        lines.append(f"your word on {one.contract}: {one.word.replace('_', ' ')}, since {new_york(one.at)}")
    lines += [line for warning in report.warnings for line in filled_text(f"warning: {warning}", hanging="  ")]
    return ["", *lines] if lines else []
