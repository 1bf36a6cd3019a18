"""One day as text: its colour and why, money beside holding and the benchmark, fills, options, refusals, health."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from bot.domain.facts import Fact
from bot.domain.instruments import is_option, parse_option
from bot.domain.invariants import Invariant
from bot.domain.ledger import Drift, Halt, Pause
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.trip import Trip
from bot.report.board import AheadRow
from bot.report.day_parts import (
    ahead_words,
    invariant_words,
    kept_words,
    later_words,
    standing_words,
    unmeasured_words,
)
from bot.report.feeds import Feed, feed_line
from bot.report.holdings import OptionLine, ShareLine, option_table, share_table
from bot.report.performance import IncomeLine, Returns
from bot.report.proposals import ProposalLine, waiting_lines
from bot.report.quiet import Quiet
from bot.report.shapes import FillLike, TickLike
from bot.report.tallies import gate_table, passed_table
from bot.report.words import clock, count, dollars, filled_text, percent, section, table

Colour = Literal["red", "yellow", "green"]
GATES_SHOWN = 8
REASONS_SHOWN = 6
FAILED = frozenset({"failed", "died"})
HAPPENED = {
    "OPASN": "assigned", "OPEXC": "exercised", "OPEXP": "expired", "DIV": "dividend", "SPLIT": "split",
    "INT": "interest", "CSD": "money in", "CSW": "money out", "JNLC": "money moved", "TRANS": "money moved",
    "ACATC": "transfer", "ACATS": "transfer",
}  # fmt: skip


class FillLine(Fact, frozen=True, kw_only=True):
    """One fill; price per share, amount in dollars, positive when cash came in."""

    at: datetime
    purpose: str
    side: str
    symbol: str
    qty: Decimal
    price: Decimal
    amount: Decimal


class Happening(NamedTuple):
    """A line of the broker's history that was no order: an assignment, an expiry, a dividend."""

    at: datetime
    kind: str
    symbol: str
    qty: Decimal
    net_amount: Decimal


class ClosedLine(Fact, frozen=True, kw_only=True):
    """A finished turn of the wheel; dollars, annualised as a fraction (wheel 2.13)."""

    symbol: str
    opened_on: date
    closed_on: date
    legs: int
    assignments: int
    pnl: Decimal
    annualised_fraction: Decimal | None


class Health(Fact, frozen=True, kw_only=True):
    """How the day's ticks went; milliseconds."""

    ticks: int
    slots: int
    missed: tuple[datetime, ...]
    failed: tuple[str, ...]
    errors: tuple[tuple[str, int], ...]
    slowest_id: int | None
    slowest_ms: float | None


class DayReport(Fact, frozen=True, kw_only=True):
    """One day as it was known when it ended; dollars, fractions from 0 to 1.

    `so_far` says that its session goes on; `events` is the number of the record whose hash is `head`.
    """

    home: str
    desk: str
    kind: str
    simulated: bool
    mode: str
    day: date
    colour: Colour = "green"
    causes: tuple[str, ...] = ()
    equity: Decimal | None
    cash: Decimal | None
    day_profit: Decimal | None
    day_fraction: Decimal | None
    drawdown_fraction: Decimal | None
    benchmark: str
    returns: tuple[Returns, ...]
    premium_day: Decimal
    premium_month: Decimal
    income: tuple[IncomeLine, ...]
    fills: tuple[FillLine, ...]
    happenings: tuple[Happening, ...]
    shares: tuple[ShareLine, ...]
    options: tuple[OptionLine, ...]
    cycles: tuple[ClosedLine, ...]
    quiet: Quiet
    health: Health
    head: str
    feeds: tuple[Feed, ...] = ()
    so_far: bool = False
    halt: Halt = Halt()
    pauses: tuple[Pause, ...] = ()
    trips: tuple[Trip, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    proposals: tuple[ProposalLine, ...] = ()
    ahead: tuple[AheadRow, ...] = ()
    cash_assigned: Decimal | None = None
    premium_year: Decimal = ZERO
    events: int = 0
    backup_at: datetime | None = None
    drill_at: datetime | None = None
    made_at: datetime | None = None


def colour_of(
    halt: Halt, drift: Iterable[Drift], unresolved: int, health: Health, last_failed: bool, *,
    silent: str = "", warnings: Sequence[str] = (),
) -> tuple[Colour, tuple[str, ...]]:  # fmt: skip
    """Give the day's colour and why.

    Red: halted at reduce_only or stop, unexplained drift, an unresolved order, a last tick that failed, or a session
    of which nothing was decided (`silent` says it). Yellow: no_new_risk, drift that is expected to go, failed ticks,
    errors, slots without a tick, what `warnings` name. Green is none of these.
    """
    listed = list(drift)
    unexplained = [one.symbol for one in listed if one.kind == "unexplained"]
    pending = [one.symbol for one in listed if one.kind == "pending"]
    red, yellow = [silent] if silent else [], []
    if halt.level in ("reduce_only", "stop"):
        red.append(f"halted at {halt.level}: {halt.reason}")
    if unexplained:
        red.append(f"unexplained drift on {', '.join(unexplained)}")
    if unresolved:
        red.append(f"{count(unresolved, 'order')} without a proven answer")
    if last_failed:
        red.append("the last tick failed")
    if halt.level == "no_new_risk":
        yellow.append(f"halted at no_new_risk: {halt.reason}")
    if pending:
        yellow.append(f"pending on {', '.join(pending)}")
    if health.failed and not last_failed:
        yellow.append(f"{count(len(health.failed), 'tick')} failed")
    if health.errors:
        yellow.append(f"{count(sum(times for _, times in health.errors), 'error')} in ticks")
    if health.missed:
        yellow.append(f"{len(health.missed)} of {health.slots} slots without a tick")
    yellow += warnings
    if red:
        return "red", (*red, *yellow)
    if yellow:
        return "yellow", tuple(yellow)
    return "green", ("no drift, nothing unresolved, no failed tick, no halt, no slot missed",)


def fill_line(fill: FillLike) -> FillLine:
    """Turn a fill into its line."""
    amount = fill.price * fill.qty * (SHARES_PER_CONTRACT if is_option(fill.symbol) else ONE)
    return FillLine(
        at=fill.at, purpose=fill.purpose, side=fill.side, symbol=fill.symbol, qty=fill.qty, price=fill.price,
        amount=amount if fill.side == "sell" else -amount,
    )  # fmt: skip


def health_of(ticks: Sequence[TickLike], slots: int, missed: Sequence[datetime]) -> Health:
    """Count how a day's ticks went."""
    timed = [(tick.duration_ms, tick.id) for tick in ticks if tick.duration_ms is not None]
    slowest = max(timed, default=None)
    errors: dict[str, int] = {}
    for tick in ticks:
        if tick.status == "done":
            for error in tick.errors:
                errors[error] = errors.get(error, 0) + 1
    return Health(
        ticks=len(ticks), slots=slots, missed=tuple(missed),
        failed=tuple(f"tick {tick.id} {tick.status}: {tick.note}" for tick in ticks if tick.status in FAILED),
        errors=tuple(errors.items()), slowest_id=None if slowest is None else slowest[1],
        slowest_ms=None if slowest is None else slowest[0],
    )  # fmt: skip


def day_lines(report: DayReport) -> list[str]:
    """Say the day in lines for a terminal."""
    so_far = ", so far" if report.so_far else ""
    lines = [
        f"{report.kind}   {report.day:%A %Y-%m-%d}{so_far}   desk {report.desk}   {report.mode}",
        *([f"prices {feed_line(report.feeds)}"] if report.feeds else []),
        *filled_text(f"{report.colour.upper()}: {'; '.join(report.causes)}", hanging="  "),
        *section("HALTS AND WARNINGS", _sentences(standing_words(report.halt, report.pauses, report.trips))),
        *section("WAITS FOR YOUR WORD", waiting_lines(report.proposals)),
        *section("MONEY", _money(report)),
        *section("WHAT HAPPENED", _happened(report)),
        *section(
            "HELD AT THE DAY'S LAST TICK", [*share_table(report.shares), *option_table(report.options, delta=True)]
        ),
        *section("CYCLES CLOSED", _cycles(report.cycles)),
    ]
    if not report.quiet.orders_sent:
        lines += ["", "WHY NOTHING WAS SENT", *filled_text(report.quiet.sentence, "  ")]
    quiet = report.quiet
    lines += section(
        f"REFUSED BY GATES ({count(quiet.wishes_refused, 'wish', 'wishes')})",
        [*gate_table(quiet.gates[:GATES_SHOWN]), *_rest(len(quiet.gates) - GATES_SHOWN)],
    )
    lines += section(
        f"PASSED OVER ({count(quiet.passed_over, 'chance')})",
        [*passed_table(quiet.reasons[:REASONS_SHOWN]), *_rest(len(quiet.reasons) - REASONS_SHOWN)],
    )
    lines += section("THE WEEK AHEAD", _coming(report))
    lines += section("TICKS", [*_health(report.health), *_sentences(self_words(report))])
    if report.made_at is not None:
        lines += ["", kept_words(report.backup_at, report.drill_at, report.made_at)]
    record = f" (record {report.events})" if report.events else ""
    lines += ["", f"home {report.home}   head {report.head[:16] or 'none'}{record}"]
    return lines


def self_words(report: DayReport) -> list[str]:
    """Say how the program stands by its own numbers: invariants, and what could not be measured."""
    return [*invariant_words(report.invariants), *unmeasured_words(report.trips)]


def _coming(report: DayReport) -> list[str]:
    said = ahead_words(report.ahead, report.day) or ["nothing known in the next 7 days"]
    if report.cash_assigned is not None:
        said.append(f"cash if every short put is assigned: {dollars(report.cash_assigned)}")
    return _sentences([*said, *later_words(report.ahead, report.day)])


def _sentences(said: Iterable[str], hanging: str = "    ") -> list[str]:
    return [line for words in said for line in filled_text(words, "  ", hanging)]


def _rest(hidden: int) -> list[str]:
    return [f"  and {hidden} more"] if hidden > 0 else []


def _money(report: DayReport) -> list[str]:
    fraction = "" if report.day_fraction is None else f" ({percent(report.day_fraction, signed=True)})"
    change = "" if report.day_profit is None else f"   day {dollars(report.day_profit, signed=True)}{fraction}"
    lines = [
        f"  equity {dollars(report.equity)}   cash {dollars(report.cash)}{change}   "
        f"drawdown {percent(report.drawdown_fraction)}"
    ]
    lines += table(
        ("return", "ours", "holding", report.benchmark),
        [
            (
                one.period, percent(one.ours, signed=True), percent(one.holding, signed=True),
                percent(one.benchmark, signed=True),
            )
            for one in report.returns
        ],
        right=frozenset({1, 2, 3}),
    )  # fmt: skip
    taken = (report.premium_day, report.premium_month, report.premium_year)
    rows = [("premium taken", *(dollars(one, signed=True) for one in taken))]
    rows += [
        (f"booked: {line.kind}", *(dollars(one, signed=True) for one in (line.day, line.month, line.year)))
        for line in report.income
    ]
    return lines + table(("income", "day", "month", "year"), rows, right=frozenset({1, 2, 3}))


def contract_words(symbol: str) -> str:
    """Write an option series as a person reads it, other symbols as they are.

    >>> contract_words("XLF261224P00050500")
    'XLF put 50.5 of 2026-12-24'
    """
    if not is_option(symbol):
        return symbol
    contract = parse_option(symbol)
    return f"{contract.root} {contract.right} {plain(contract.strike)} of {contract.expiry}"


def _happened(report: DayReport) -> list[str]:
    lines = table(
        ("fills", "why", "", "what", "qty", "price", "cash"),
        [
            (
                clock(fill.at), fill.purpose.replace("_", " "), fill.side, contract_words(fill.symbol), plain(fill.qty),
                plain(fill.price), dollars(fill.amount, signed=True),
            )
            for fill in report.fills
        ],
        right=frozenset({4, 5, 6}),
    )  # fmt: skip
    for one in report.happenings:
        amount = f", {dollars(one.net_amount, signed=True)}" if one.net_amount else ""
        qty = f" {plain(abs(one.qty))}" if one.qty else ""
        what = " ".join(part for part in (HAPPENED.get(one.kind, one.kind), contract_words(one.symbol)) if part)
        lines.append(f"  {what}{qty}{amount}")
    return lines or ["  no fill, assignment, expiry or dividend"]


def _cycles(cycles: Iterable[ClosedLine]) -> list[str]:
    return table(
        ("cycle", "opened", "closed", "legs", "assigned", "result", "a year"),
        [
            (
                one.symbol, str(one.opened_on), str(one.closed_on), str(one.legs), str(one.assignments),
                dollars(one.pnl, signed=True), percent(one.annualised_fraction, signed=True),
            )
            for one in cycles
        ],
        right=frozenset({3, 4, 5, 6}),
    )  # fmt: skip


def _health(health: Health) -> list[str]:
    lines = [f"  {count(health.ticks, 'tick')} for {count(health.slots, 'slot')}"]
    if health.slowest_ms is not None:
        lines[0] += f", slowest {health.slowest_ms:.0f} ms (tick {health.slowest_id})"
    if health.missed:
        shown = ", ".join(clock(slot) for slot in health.missed[:8])
        more = f" and {len(health.missed) - 8} more" if len(health.missed) > 8 else ""
        lines.append(f"  no tick at {shown}{more}")
    for words in health.failed:
        lines += filled_text(words, "  ", "    ")
    for error, times in health.errors:
        lines += filled_text(f"{times} x {error}", "  ", "    ")
    return lines
