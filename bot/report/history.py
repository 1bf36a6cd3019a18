"""A rebuilt past as text: every cycle with its result, what is open with its bases, gaps, and what would be refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.ledger import KindTotal, YearIncome
from bot.domain.money import plain
from bot.report.day import contract_words
from bot.report.feeds import account_name
from bot.report.words import count, dollars, filled_text, home_lines, percent, price_text, section, table

TRANSFERS_SHOWN = 12


class CycleRow(Fact, frozen=True, kw_only=True):
    """One turn of the wheel; dollars, fractions. `closed_on` None is still open, its days until the reading."""

    symbol: str
    opened_on: date
    closed_on: date | None
    days: int
    legs: int
    assignments: int
    premium: Decimal
    shares: Decimal
    dividends: Decimal
    fees: Decimal
    pnl: Decimal
    return_fraction: Decimal | None
    annualised_fraction: Decimal | None


class OpenRow(Fact, frozen=True, kw_only=True):
    """Something open that the lines explain; prices per share. `adopt` is the command, or why there is none."""

    symbol: str
    qty: Decimal
    since: date
    basis: Decimal | None = None
    basis_tax: Decimal | None = None
    basis_wheel: Decimal | None = None
    credit: Decimal | None = None
    adopt: str = ""


class GapRow(Fact, frozen=True, kw_only=True):
    """A difference that the lines do not explain, and what to do."""

    symbol: str
    what: str
    do: str


class RefusalRow(Fact, frozen=True, kw_only=True):
    """One gate over all past entries, with its worst case."""

    gate: str
    times: int
    sole: int
    symbol: str
    on: date
    reason: str


class HistoryReport(Fact, frozen=True, kw_only=True):
    """Everything `bot import-history` tells. `kept` says in words what was stored."""

    home: str
    kind: str
    simulated: bool
    account: str
    at: datetime
    first_day: date | None
    last_day: date | None
    lines: int
    cash_explained: Decimal
    cash_broker: Decimal
    cycles: tuple[CycleRow, ...]
    open_cycles: tuple[CycleRow, ...]
    shares: tuple[OpenRow, ...]
    options: tuple[OpenRow, ...]
    transfers: tuple[tuple[date, str, Decimal], ...]
    totals: tuple[KindTotal, ...]
    income: tuple[YearIncome, ...]
    gaps: tuple[GapRow, ...]
    entries: int
    entries_refused: int
    refusals: tuple[RefusalRow, ...]
    outside: tuple[str, ...]
    unasked: tuple[str, ...]
    assumptions: tuple[str, ...]
    kept: tuple[str, ...]


def history_lines(report: HistoryReport, prefix: str = "") -> list[str]:
    """Say the past in lines for a terminal; `prefix` stands before a command to type."""
    span = f"{report.first_day} to {report.last_day}" if report.first_day is not None else "no line at all"
    lines = [
        f"{report.kind}   account {account_name(report.account, simulated=report.simulated)}   "
        f"{count(report.lines, 'line')}, {span}",
        *section(f"CYCLES CLOSED ({len(report.cycles)})", _cycle_table(report.cycles)),
        *_sum_line(report.cycles),
        *section("CYCLES STILL OPEN", _cycle_table(report.open_cycles)),
        *section("OPEN, AND EXPLAINED BY THE LINES", [*_share_table(report.shares), *_option_table(report.options)]),
        *section("INCOME BY YEAR", _income_table(report.income)),
        *section("MONEY MOVED IN AND OUT", _transfers(report)),
        *section("LINES BY KIND", _totals(report.totals)),
        *section("WHAT THE LINES DO NOT EXPLAIN", _gaps(report)),
        *section("WHAT THIS DESK'S LIMITS WOULD HAVE REFUSED", _refusals(report)),
        *section("KEPT", [line for words in report.kept for line in filled_text(words, "  ", "    ")]),
    ]
    commands = ["bot adopt --all", "bot tick --dry"] if report.shares or report.options else ["bot tick --dry"]
    return lines + home_lines(report.home, prefix, *commands)


def _cycle_table(rows: Sequence[CycleRow]) -> list[str]:
    return table(
        ("symbol", "opened", "days", "legs", "asg", "options", "shares", "divid.", "fees", "P&L", "return", "a year"),
        [
            (
                row.symbol, str(row.opened_on), str(row.days), str(row.legs), str(row.assignments),
                dollars(row.premium), dollars(row.shares), dollars(row.dividends), dollars(row.fees),
                dollars(row.pnl, signed=True), "" if row.return_fraction is None else percent(row.return_fraction),
                "" if row.annualised_fraction is None else percent(row.annualised_fraction),
            )
            for row in rows
        ],
        right=frozenset(range(2, 12)),
    )  # fmt: skip


def _sum_line(rows: Sequence[CycleRow]) -> list[str]:
    if not rows:
        return []
    total = sum((row.pnl for row in rows), Decimal(0))
    won = sum(1 for row in rows if row.pnl > 0)
    return [f"  in all {dollars(total, signed=True)} USD, {won} of {len(rows)} with a profit"]


def _share_table(rows: Sequence[OpenRow]) -> list[str]:
    return table(
        ("shares", "quantity", "since", "paid", "tax basis", "wheel basis", "to take over"),
        [
            (
                row.symbol, plain(row.qty), str(row.since), _price(row.basis), _price(row.basis_tax),
                _price(row.basis_wheel), row.adopt,
            )
            for row in rows
        ],
        right=frozenset({1, 3, 4, 5}),
    )  # fmt: skip


def _option_table(rows: Sequence[OpenRow]) -> list[str]:
    return table(
        ("option", "quantity", "since", "sold at", "to take over"),
        [
            (contract_words(row.symbol), plain(row.qty), str(row.since), _price(row.credit), row.adopt)
            for row in rows
        ],
        right=frozenset({1, 3}),
    )  # fmt: skip


def _price(value: Decimal | None) -> str:
    return "unknown" if value is None else price_text(round(value, 4))


def _income_table(rows: Sequence[YearIncome]) -> list[str]:
    return table(
        ("year", "premium", "shares", "dividends", "interest", "tax book"),
        [
            (
                str(row.year), dollars(row.premium, signed=True), dollars(row.shares, signed=True),
                dollars(row.dividends, signed=True), dollars(row.interest, signed=True),
                dollars(row.tax, signed=True),
            )
            for row in rows
        ],
        right=frozenset(range(1, 6)),
    )  # fmt: skip


def _transfers(report: HistoryReport) -> list[str]:
    rows = [(str(day), kind, dollars(amount, signed=True)) for day, kind, amount in report.transfers]
    shown = table(("day", "kind", "USD"), rows[:TRANSFERS_SHOWN], right=frozenset({2}))
    hidden = rows[TRANSFERS_SHOWN:]
    if hidden:
        rest = sum((amount for _, _, amount in report.transfers[TRANSFERS_SHOWN:]), Decimal(0))
        shown.append(f"  and {len(hidden)} more, {dollars(rest, signed=True)} in all")
    return shown


def _totals(rows: Sequence[KindTotal]) -> list[str]:
    return table(
        ("kind", "lines", "cash"),
        [(row.kind, f"{row.count:,}", dollars(row.amount, signed=True)) for row in rows],
        right=frozenset({1, 2}),
    )


def _gaps(report: HistoryReport) -> list[str]:
    if not report.gaps:
        return [f"  nothing: positions agree, and cash to the cent ({dollars(report.cash_broker)} USD)"]
    lines = []
    for gap in report.gaps:
        lines += filled_text(gap.what, "  ", "    ")
        lines += filled_text(f"-> {gap.do}", "    ", "       ")
    return lines


def _refusals(report: HistoryReport) -> list[str]:
    asked = count(report.entries, "entry", "entries")
    lines = [f"  {report.entries_refused} of {asked}, by {count(len(report.refusals), 'gate')}:"]
    if not report.refusals:
        lines = [f"  none of {asked}"]
    for row in report.refusals:
        alone = f", {row.sole} by it alone" if row.sole else ""
        lines.append(f"  {row.gate}: {count(row.times, 'entry', 'entries')}{alone}")
        lines += filled_text(f"worst: {row.symbol} on {row.on}: {row.reason}", "    ", "      ")
    if report.outside:
        lines += filled_text(f"not traded by this desk at all: {', '.join(report.outside)}", "  ", "    ")
    lines += filled_text(f"how it was asked: {'; '.join(report.assumptions)}", "  ", "    ")
    return lines + filled_text(f"cannot be asked of the past: {', '.join(report.unasked)}", "  ", "    ")
