"""The week ahead as a picture for its owner; no row of a table is wider than a hundred columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from bot.domain.halting import lifted_by_resume
from bot.domain.money import plain
from bot.report.feeds import feed_line
from bot.report.foreign_text import foreign_table
from bot.report.proposals import waiting_lines
from bot.report.week import WeekReport
from bot.report.week_lines import Line, copied, day_words, styled
from bot.report.week_places import assigned_lines, calendar_part, other_lines, share_lines
from bot.report.week_shorts import ShortLine
from bot.report.words import (
    WIDTH,
    aligned,
    clock,
    count,
    dollars,
    filled_text,
    home_lines,
    new_york,
    percent,
    price_text,
)

if TYPE_CHECKING:
    from rich.text import Text


def week_picture(report: WeekReport, prefix: str = "") -> list[Text]:
    """Draw the week as parts for a rich console; `prefix` stands before every command to type."""
    from rich.text import Text

    return [
        Text(line.words, style=line.style, no_wrap=line.whole, overflow="ignore" if line.whole else None)
        for line in week_lines(report, prefix)
    ]


def week_lines(report: WeekReport, prefix: str = "") -> list[Line]:
    """Say what the week holds, line by line."""
    lines = [*_head(report), *_worries(report, prefix)]
    if report.empty:
        lines.append(Line())
        words = f"nothing is held: `{prefix}bot scan` shows what could be sold, `{prefix}bot tick` looks for it"
        lines += styled(filled_text(words))
    else:
        lines += [*_options(report), *assigned_lines(report), *share_lines(report), *other_lines(report)]
        lines += calendar_part(report, prefix)
    lines += _waiting(report, prefix)
    return [*lines, *copied(home_lines(report.home, prefix, "bot status", "bot scan SYMBOL"))]


def _head(report: WeekReport) -> list[Line]:
    state = "session open" if report.session_open else "market closed"
    span = f"{day_words(report.today)} to {day_words(report.until)}"
    lines = [
        Line(f"{report.kind}   {span}   {new_york(report.at)}, {state}", "bold"),
        Line(
            f"equity {dollars(report.equity)}   cash {dollars(report.cash)}   free {dollars(report.cash_free)}   "
            f"next tick {new_york(report.next_slot)}, {report.mode}"
        ),
    ]
    if not report.simulated:
        lines.append(Line(f"account {report.account}   {report.broker} broker"))
        lines += styled(filled_text(f"prices {feed_line(report.feeds) or 'none were read'}", hanging="  "))
    return lines


def _worries(report: WeekReport, prefix: str) -> list[Line]:
    """Say what stands over everything: halt, pauses, differences, what could not be read."""
    lines: list[str] = []
    halt = report.halt
    if halt.level != "run":
        words = f"halt {halt.level} by {halt.author}: {halt.reason} (clears: {halt.clears or 'by a person'})"
        lifts = f"; `{prefix}bot resume` lifts it" if lifted_by_resume(halt) else ""
        lines += filled_text(f"{words}{lifts}", hanging="  ")
    for pause in report.pauses:
        name = "every symbol" if pause.symbol == "*" else pause.symbol
        lines += filled_text(f"paused: {name} until {new_york(pause.until)}: {pause.reason}", hanging="  ")
    for drift in report.drift:
        lines += filled_text(f"drift ({drift.kind}) {drift.symbol}: {drift.what}", hanging="  ")
    for error in report.errors:
        lines += filled_text(f"could not be read: {error}", hanging="  ")
    return styled(lines, "yellow")


# Short options


def _options(report: WeekReport) -> list[Line]:
    if not report.options:
        return [Line(), Line("no option is sold short", "bold")]
    heads = ("", "qty", "share", "to strike", "", "chance", "delta", "mark", "sold at", "of max")
    rows = aligned(heads, [_option_row(line) for line in report.options])
    lines = [Line(), Line("short options, and what will be done with each", "bold"), Line(rows[0], "dim")]
    before: date | None = None
    for line, row in zip(report.options, rows[1:], strict=True):
        if line.expiry != before:
            lines.append(Line(_expiry_words(line, report.today), "bold cyan" if line.in_window else "cyan"))
            before = line.expiry
        remarks = _remarks(line)
        beside = f"{row}  {remarks}" if remarks else row
        fits = len(beside) <= WIDTH
        lines.append(Line(beside if fits else row, "yellow" if _inside(line) else ""))
        lines += [] if fits else [Line(f"      {remarks}", "yellow" if _inside(line) else "dim")]
        lines += [Line(words, "dim") for plan in line.plan for words in filled_text(plan, " " * 6, " " * 8)]
    lines += styled(filled_text(_chance_note(report.options), "  ", "  "), "dim")
    return lines


def _remarks(line: ShortLine) -> str:
    """Say what is out of the ordinary: whose it is, that it is in the money, where a mark is not the mid."""
    found = (
        "" if line.owner == "ours" else line.owner, "ITM" if _inside(line) else "",
        "" if line.mark_source in ("mid", "") else f"mark: {line.mark_source}",
    )  # fmt: skip
    return ", ".join(remark for remark in found if remark)


def _inside(line: ShortLine) -> bool:
    return line.distance is not None and line.distance < 0


def _option_row(line: ShortLine) -> tuple[str, ...]:
    mark = "~" if line.chance_source.startswith("implied by") else ""
    return (
        f"{line.underlying} {plain(line.strike)} {line.right}", plain(line.qty),
        "unknown" if line.spot is None else f"{line.spot:.2f}",
        "" if line.distance is None else f"{line.distance:.2f}",
        percent(line.distance_fraction), "unknown" if line.chance is None else f"{percent(line.chance)}{mark}",
        "unknown" if line.delta is None else f"{line.delta:.2f}", dollars(line.mark),
        "unknown" if line.credit is None else price_text(line.credit), percent(line.profit_share),
    )  # fmt: skip


def _expiry_words(line: ShortLine, today: date) -> str:
    left = "today" if line.expiry == today else f"in {count(line.dte, 'day')}" if line.dte > 0 else "expired"
    year = "" if line.expiry.year == today.year else f" {line.expiry.year}"
    if line.close_at is None:
        closes = "no session on that day"
    else:
        closes = f"closes {clock(line.close_at)} New York"
    early = ", EARLY CLOSE" if line.early_close else ""
    return f"  {day_words(line.expiry)}{year}, {left}, {closes}{early}"


def _chance_note(lines: Sequence[ShortLine]) -> str:
    by_mid = any(line.chance_source.startswith("implied by") for line in lines)
    words = "chance: of ending in the money under the option's own price (risk-neutral), from the quote's implied"
    return f"{words} volatility{'; ~ implied by our mid' if by_mid else ''}"


def _waiting(report: WeekReport, prefix: str) -> list[Line]:
    """Say what is under way or waits for the owner: orders, proposals, rolls, what is not ours."""
    lines: list[Line] = []
    for order in report.orders:
        price = "" if order.limit_price is None else f" at {price_text(order.limit_price)}"
        words = f"working: {order.side} {plain(order.remaining)} {order.symbol}{price} ({order.purpose})"
        lines += styled(filled_text(words, hanging="  "))
    if report.proposals:
        lines += [Line("waits for your word", "bold"), *copied(waiting_lines(report.proposals, prefix))]
    for roll in report.rolls:
        words = f"roll of {roll.old_symbol}: {roll.stage}, {count(roll.ticks_left, 'tick')} left"
        lines += styled(filled_text(words, hanging="  "))
    shown = {line.symbol for line in report.options}  # each of these says already what takes it over
    foreign = foreign_table((line for line in report.foreign if line.symbol not in shown), prefix)
    lines += [Line(), *copied(foreign, "yellow")] if foreign else []
    return [Line(), *lines] if lines and lines[0].words else lines
