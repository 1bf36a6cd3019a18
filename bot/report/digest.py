"""A day's report cut to what a message holds: titled parts, what went wrong first, rows left out and counted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.domain.instruments import is_option, parse_option
from bot.domain.money import plain
from bot.domain.topics import Severity
from bot.report.day import HAPPENED, Colour, DayReport, FillLine, contract_words, self_words
from bot.report.day_parts import ahead_words, kept_words, later_words, standing_words, waiting_words
from bot.report.holdings import OptionLine, ShareLine
from bot.report.tallies import nearest
from bot.report.words import clock, count, dollars, percent

ROW = 240
"""Characters of a row at most."""
LEAST = 3
"""Rows of a part that stay, however little room there is."""
OPTIONS, FILLS, GATES, REASONS, LATER, HAPPENINGS = 40, 25, 6, 4, 4, 4
"""Options, fills, gates, reasons for passing over, later days and happenings named at most; the rest is counted."""
MONEY = "Money"
SEVERITY: dict[Colour, Severity] = {"red": "high", "yellow": "warning", "green": "info"}


class Part(NamedTuple):
    """One titled part: a few lines, then rows of which the last ones may be left out; `columns` keeps them aligned."""

    title: str
    lines: tuple[str, ...] = ()
    heads: str = ""
    rows: tuple[str, ...] = ()
    columns: bool = False
    hidden: int = 0

    def cut_to(self, shown: int) -> Part:
        """Give it with so many rows at most; the rest is counted."""
        return self._replace(rows=self.rows[:shown], hidden=self.hidden + max(len(self.rows) - shown, 0))


def headline(report: DayReport) -> str:
    """Say the day in one line: whose money, the colour, the day, what it came to.

    That is what a phone shows before anything is opened.
    """
    so_far = ", so far" if report.so_far else ""
    change = ""
    if report.day_profit is not None:
        change = f" · day {dollars(report.day_profit, signed=True)} ({percent(report.day_fraction, signed=True)})"
    return (
        f"{report.kind} · {report.colour.upper()} · {report.day:%a %-d %b %Y}{so_far}{change} · "
        f"equity {dollars(report.equity)}"
    )


def digest(report: DayReport) -> tuple[Part, ...]:
    """Give the parts of a day in the order in which they matter; one with nothing to say is left out."""
    standing = standing_words(report.halt, report.pauses, report.trips)
    parts = [
        Part(f"{report.kind} · {report.colour.upper()}", rows=tuple(map(row, report.causes))),
        Part("Halts and warnings", rows=tuple(map(row, standing))),
        Part("Waits for your word", rows=tuple(map(row, waiting_words(report.proposals)))),
        _money(report),
        _income(report),
        _options(report.options),
        _shares(report.shares),
        _fills(report),
        Part(
            "Cycles closed",
            rows=tuple(
                f"{one.symbol}: {dollars(one.pnl, signed=True)} in {count((one.closed_on - one.opened_on).days, 'day')}"
                for one in report.cycles
            ),
        ),
        _refused(report),
        Part(
            "The week ahead",
            lines=() if report.cash_assigned is None else
            (f"cash if every short put is assigned: {dollars(report.cash_assigned)}",),
            rows=tuple(map(row, ahead_words(report.ahead, report.day))),
        ),
        _later(report),
        _health(report),
    ]  # fmt: skip
    return tuple(part for part in parts if part.rows or part.lines)


def fitted(parts: Sequence[Part], room: int, size: Callable[[Part], int]) -> tuple[Part, ...]:
    """Leave rows out of the longest parts until all of them take at most `room`, as `size` counts.

    No part keeps fewer than its first rows; where even that is too much, parts are left out from the end, the last
    one after all but the first.
    """
    found = list(parts)
    sizes = [size(part) for part in found]
    while sum(sizes) > room:
        able = [place for place, part in enumerate(found) if len(part.rows) > LEAST]
        if not able:
            least = -2 if len(found) > 2 else -1
            del found[least], sizes[least]
            continue
        longest = max(able, key=lambda place: sizes[place])
        part = found[longest]
        each = max(1, sizes[longest] // (len(part.rows) + 1))
        fewer = min(len(part.rows) - LEAST, max(1, (sum(sizes) - room) // each // 2))
        found[longest] = part.cut_to(len(part.rows) - fewer)
        sizes[longest] = size(found[longest])
    return tuple(found)


def plain_lines(parts: Sequence[Part]) -> list[str]:
    """Write parts without any markup, a blank line between them."""
    found: list[str] = []
    for part in parts:
        found += [*([""] if found else []), part.title.upper(), *part.lines, *([part.heads] if part.heads else [])]
        found += [words if part.columns else f"- {words}" for words in part.rows]
        found += [more(part.hidden)] if part.hidden else []
    return found


def row(words: str, most: int = ROW) -> str:
    """Write a sentence as one row of a message, not too long."""
    words = " ".join(words.split())
    return words if len(words) <= most else f"{words[: most - 3].rstrip()}..."


def more(hidden: int) -> str:
    """Say how much was left out."""
    return f"... {hidden:,} more"


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, tuple[str, ...]]:
    """Align columns a blank apart, the first to the left: a phone shows some forty characters of a line."""
    listed = [list(heads), *map(list, rows)]
    widths = [max(len(one[place]) for one in listed) for place in range(len(heads))]
    lines = [
        " ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(one, widths, strict=True))
        ).rstrip()
        for one in listed
    ]
    return lines[0], tuple(lines[1:])


def _short_percent(fraction: Decimal | None, digits: int = 1, *, signed: bool = False) -> str:
    return "?" if fraction is None else f"{fraction * 100:{'+' if signed else ''}z.{digits}f}%"


def _money(report: DayReport) -> Part:
    lines = [f"equity {dollars(report.equity)}   cash {dollars(report.cash)}"]
    if report.day_profit is not None:
        fraction = "" if report.day_fraction is None else f" ({percent(report.day_fraction, signed=True)})"
        lines.append(f"day {dollars(report.day_profit, signed=True)}{fraction}")
    lines.append(f"drawdown {percent(report.drawdown_fraction)}")
    heads, rows = _columns(
        ("return", "ours", "holding", report.benchmark),
        [
            (one.period, *(_short_percent(part, signed=True) for part in (one.ours, one.holding, one.benchmark)))
            for one in report.returns
        ],
    )
    return Part(MONEY, tuple(lines), heads if rows else "", rows, columns=True)


def _income(report: DayReport) -> Part:
    told = [("premium taken", report.premium_day, report.premium_month, report.premium_year)]
    told += [(f"booked {line.kind}", line.day, line.month, line.year) for line in report.income]
    heads, rows = _columns(
        ("income, dollars", "day", "month", "year"),
        [(name, *(f"{one:+z,.0f}" for one in sums)) for name, *sums in told],
    )
    return Part("Income", (), heads, rows, columns=True)


def _later(report: DayReport) -> Part:
    said = [words.removeprefix("later: ") for words in later_words(report.ahead, report.day)]
    return Part("Later", rows=tuple(map(row, said))).cut_to(LATER)


def _label(symbol: str, *, expiry: bool = False) -> str:
    """Write a series in few characters: XLF 50.5P, with its day XLF 50.5P 12-24."""
    if not is_option(symbol):
        return symbol
    contract = parse_option(symbol)
    day = f" {contract.expiry:%m-%d}" if expiry else ""
    return f"{contract.root} {plain(contract.strike)}{contract.right[0].upper()}{day}"


def _options(options: Sequence[OptionLine]) -> Part:
    heads, rows = _columns(
        ("option", "dte", "away", "delta", "mark", "of max"),
        [
            (
                f"{plain(line.qty)} {_label(line.symbol)}", f"{line.dte}d", _short_percent(line.distance_fraction),
                "?" if line.delta is None else f"{line.delta:.2f}", "?" if line.mark is None else f"{line.mark:.2f}",
                _short_percent(line.profit_share, 0),
            )
            for line in options
        ],
    )  # fmt: skip
    inside = sum(1 for line in options if line.distance_fraction is not None and line.distance_fraction < 0)
    said = f", {inside} in the money" if inside else ""
    return Part(f"Open options ({len(options)}{said})", (), heads, rows, columns=True).cut_to(OPTIONS)


def _shares(shares: Sequence[ShareLine]) -> Part:
    heads, rows = _columns(
        ("shares", "paid", "mark", "P&L"),
        [
            (
                f"{plain(line.qty)} {line.symbol}", "?" if line.basis is None else f"{line.basis:.2f}",
                "?" if line.mark is None else f"{line.mark:.2f}",
                "?" if line.unrealised is None else dollars(line.unrealised, signed=True),
            )
            for line in shares
        ],
    )  # fmt: skip
    return Part(f"Shares ({len(shares)})", (), heads, rows, columns=True)


def _fills(report: DayReport) -> Part:
    if not report.fills and not report.happenings:
        why = () if report.quiet.orders_sent else (row(report.quiet.sentence, 2 * ROW),)
        return Part("Nothing was filled", why)
    cash = sum((fill.amount for fill in report.fills), Decimal(0))
    heads, rows = _columns(("fill", "price", "cash"), [_fill(fill) for fill in report.fills])
    happened = []
    for one in report.happenings:
        what = " ".join(part for part in (HAPPENED.get(one.kind, one.kind), contract_words(one.symbol)) if part)
        amount = f", {dollars(one.net_amount, signed=True)}" if one.net_amount else ""
        happened.append(row(f"{what}{f' {plain(abs(one.qty))}' if one.qty else ''}{amount}"))
    lines = [*happened[:HAPPENINGS], *([more(len(happened) - HAPPENINGS)] if len(happened) > HAPPENINGS else [])]
    title = f"Fills ({len(report.fills)}, cash {dollars(cash, signed=True)})" if report.fills else "Happened"
    return Part(title, tuple(lines), heads if rows else "", rows, columns=True).cut_to(FILLS)


def _fill(fill: FillLine) -> tuple[str, str, str]:
    sign = "+" if fill.side == "buy" else "-"
    what = f"{clock(fill.at)} {sign}{plain(fill.qty)} {_label(fill.symbol, expiry=True)}"
    return what, f"{fill.price:.2f}", dollars(fill.amount, signed=True)


def _refused(report: DayReport) -> Part:
    quiet = report.quiet
    rows = [
        f"{line.times:,} x {line.gate}{nearest(line.value, line.limit, line.unit, line.symbol)}"
        for line in quiet.gates[:GATES]
    ]
    rows += [
        f"{line.times:,} x {line.subject} passed over: {line.reason}"
        f"{nearest(line.value, line.limit, line.unit, line.symbol)}"
        for line in quiet.reasons[:REASONS]
    ]
    refused = count(quiet.wishes_refused, "wish", "wishes")
    passed = count(quiet.passed_over, "chance")
    hidden = max(len(quiet.gates) - GATES, 0) + max(len(quiet.reasons) - REASONS, 0)
    return Part(f"Refused ({refused}, {passed} passed over)", rows=tuple(map(row, rows)), hidden=hidden)


def _health(report: DayReport) -> Part:
    health = report.health
    first = f"{count(health.ticks, 'tick')} for {count(health.slots, 'slot')}"
    if health.slowest_ms is not None:
        first += f", slowest {health.slowest_ms:.0f} ms"
    rows = []
    if health.missed:
        shown = ", ".join(clock(slot) for slot in health.missed[:8])
        rows.append(f"no tick at {shown}{f' and {len(health.missed) - 8} more' if len(health.missed) > 8 else ''}")
    rows += [*health.failed, *(f"{times} x {error}" for error, times in health.errors)]
    rows += self_words(report)
    lines = [first]
    if report.made_at is not None:
        lines.append(kept_words(report.backup_at, report.drill_at, report.made_at))
    if report.head:
        lines.append(f"audit head {report.head} (record {report.events:,})")
    return Part("Health", tuple(map(row, lines)), rows=tuple(map(row, rows)))
