"""The week ahead as a picture for its owner; no row of a table is wider than a hundred columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.money import plain
from bot.report.feeds import feed_line
from bot.report.foreign_text import foreign_table
from bot.report.holdings import mark_words
from bot.report.proposals import waiting_lines
from bot.report.week import WeekReport
from bot.report.week_ahead import CalendarAge, CalendarLine
from bot.report.week_assigned import Concentration, Scenario
from bot.report.week_shares import ShareHolding
from bot.report.week_shorts import ShortLine
from bot.report.words import (
    WIDTH,
    ago,
    aligned,
    clock,
    count,
    dollars,
    filled_text,
    home_lines,
    new_york,
    percent,
    price_text,
    table,
)

if TYPE_CHECKING:
    from rich.text import Text

OVER = " OVER"
FIRST = "*"
BELOW = "BELOW ZERO"


class Line(NamedTuple):
    """One line of the picture and how it is drawn; what is `whole` is never broken: it is there to be copied."""

    words: str = ""
    style: str = ""
    whole: bool = False


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
        lines += _styled(filled_text(words))
    else:
        lines += [*_options(report), *_assigned(report), *_shares(report), *_others(report)]
        lines += _calendar(report, prefix)
    lines += _waiting(report, prefix)
    return [*lines, *_copied(home_lines(report.home, prefix, "bot status", "bot scan SYMBOL"))]


def _styled(lines: Iterable[str], style: str = "") -> list[Line]:
    return [Line(line, style) for line in lines]


def _copied(lines: Iterable[str], style: str = "") -> list[Line]:
    return [Line(line, style, True) for line in lines]


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
        lines += _styled(filled_text(f"prices {feed_line(report.feeds) or 'none were read'}", hanging="  "))
    return lines


def _worries(report: WeekReport, prefix: str) -> list[Line]:
    """Say what stands over everything: halt, pauses, differences, what could not be read."""
    lines: list[str] = []
    halt = report.halt
    if halt.level != "run":
        words = f"halt {halt.level} by {halt.author}: {halt.reason} (clears: {halt.clears or 'by a person'})"
        lines += filled_text(f"{words}; `{prefix}bot resume` lifts it", hanging="  ")
    for pause in report.pauses:
        name = "every symbol" if pause.symbol == "*" else pause.symbol
        lines += filled_text(f"paused: {name} until {new_york(pause.until)}: {pause.reason}", hanging="  ")
    for drift in report.drift:
        lines += filled_text(f"drift ({drift.kind}) {drift.symbol}: {drift.what}", hanging="  ")
    for error in report.errors:
        lines += filled_text(f"could not be read: {error}", hanging="  ")
    return _styled(lines, "yellow")


def day_words(day: date) -> str:
    """Write a day as a person says it.

    >>> day_words(date(2026, 11, 27))
    'Fri 27 Nov'
    """
    return f"{day:%a %-d %b}"


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
    lines += _styled(filled_text(_chance_note(report.options), "  ", "  "), "dim")
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


# If assigned


def _assigned(report: WeekReport) -> list[Line]:
    if not report.scenarios:
        return []
    shown = _worth_showing(report.scenarios)
    flag = BELOW if any(one.cash_negative for one in shown) else ""
    rows = [["cash", *(dollars(one.cash_after) for one in shown), flag]]
    for symbol in sorted({line.symbol for one in shown for line in one.shares}):
        after = [next(line.after for line in one.shares if line.symbol == symbol) for one in shown]
        rows.append([f"{symbol} shares", *(plain(qty) for qty in after), ""])
    for what, lists in (("", [one.symbols for one in shown]), ("group ", [one.groups for one in shown])):
        names = {line.name: None for found in reversed(lists) for line in found}
        rows += [_place_row(what, name, lists) for name in names]
    lines = [Line(), Line("if assigned, at prices as they are; then how much of equity lies where", "bold")]
    if not any(line.in_window for line in report.options):
        lines.append(Line(f"  no short option expires by {day_words(report.until)}"))
    heads = ["", *(_title(one, report.until) for one in shown), "limit"]
    for n, words in enumerate(aligned(heads, rows)):
        bad = OVER in words or BELOW in words
        lines.append(Line(words, "dim" if n == 0 else "bold red" if bad else ""))
    if any(row[-1].endswith(FIRST) for row in rows):
        lines.append(Line(f"  {FIRST} the wider limit of a first contract, where no more than one would stand", "dim"))
    return lines


def _worth_showing(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Leave out a scenario that assigns the same as the one before it."""
    shown: list[Scenario] = []
    for one in scenarios:
        if not shown or one.options != shown[-1].options:
            shown.append(one)
    return shown


def _title(one: Scenario, until: date) -> str:
    if one.name == "now":
        return "now"
    words = "all open" if one.name == "all" else f"{'ITM ' if one.name == 'in_the_money' else ''}by {until:%-d %b}"
    return f"{words} ({len(one.options)})"


def _place_row(what: str, name: str, lists: Sequence[Sequence[Concentration]]) -> list[str]:
    found = [next((line for line in lines if line.name == name), None) for lines in lists]
    limits = {line.limit for line in found if line is not None and not line.first}
    first = {line.limit for line in found if line is not None and line.first}
    words = [percent(limit) for limit in limits if limit is not None]
    words += [f"{percent(limit)}{FIRST}" for limit in first - limits if limit is not None]
    label = "without a group" if name == "no group" else f"{what}{name}"
    return [label, *(_share(line) for line in found), " or ".join(words) or "off"]


def _share(line: Concentration | None) -> str:
    if line is None:
        return percent(Decimal(0))
    return percent(line.share) + (OVER if line.over else "")


# Shares and the rest


def _shares(report: WeekReport) -> list[Line]:
    if not report.shares:
        return []
    rows = table(
        ("shares", "quantity", "price", "value", "lots under calls", "free for calls", ""),
        [_share_row(one) for one in report.shares], right=frozenset(range(1, 6)),
    )  # fmt: skip
    lines = [Line(), Line(rows[0], "bold")]
    for one, row in zip(report.shares, rows[1:], strict=True):
        lines.append(Line(row))
        lines += [Line(words, "dim") for said in _share_words(one) for words in filled_text(said, " " * 6, " " * 8)]
    return lines


def _share_row(one: ShareHolding) -> tuple[str, ...]:
    return (
        one.symbol, plain(one.qty), dollars(one.price), dollars(one.value), plain(one.lots_covered),
        plain(one.lots_coverable), "" if one.owner == "ours" else one.owner,
    )  # fmt: skip


def _share_words(one: ShareHolding) -> Iterator[str]:
    for lot in one.lots:
        bases = ((lot.basis_strike, "paid"), (lot.basis_tax, "tax basis"), (lot.basis_wheel, "wheel basis"))
        told = ", ".join(f"{word} {'unknown' if basis is None else f'{basis:.2f}'}" for basis, word in bases)
        yield f"lot of {plain(lot.qty)}{'' if lot.owner == 'ours' else f' ({lot.owner})'}: {told}"
    for call in one.calls:
        if call.against:
            yield f"calls: {call.against}"
        else:
            floor = "" if call.floor is None else f" at a strike of {price_text(call.floor)} or more"
            yield f"calls: {count(call.lots, 'more')} may be sold{floor}"
    stop = "" if one.stop_price is None else f", it sells at {price_text(one.stop_price)}"
    trail = "" if one.trail_percent is None else f", {plain(one.trail_percent)} % below the high"
    yield f"protection: {one.protection}{stop}{trail}"


def _others(report: WeekReport) -> list[Line]:
    rows = [(one.symbol, plain(one.qty), mark_words(one.mark, ""), one.owner) for one in report.others]
    lines = _styled(table(("also held", "quantity", "own mark", ""), rows, right=frozenset({1, 2})))
    return [Line(), *lines] if lines else []


# What is to come


def _calendar(report: WeekReport, prefix: str) -> list[Line]:
    inside = [line for line in report.calendar if line.in_window]
    later = [line for line in report.calendar if not line.in_window]
    lines = [Line(), Line(f"calendar to {day_words(report.until)}", "bold")]
    lines += _calendar_rows(inside) or [Line("  nothing", "dim")]
    if later:
        lines += [Line("and the next of each after it", "bold"), *_calendar_rows(later)]
    return [*lines, *_ages(report, prefix)]


def _calendar_rows(lines: Iterable[CalendarLine]) -> list[Line]:
    found: list[Line] = []
    for line in lines:
        year = f" {line.day.year}"
        start = f"  {day_words(line.day)}{year}".ljust(20)
        style = "yellow" if line.at_risk else ""
        found += _styled(filled_text(line.what, start, " " * len(start)), style)
    return found


def _ages(report: WeekReport, prefix: str) -> list[Line]:
    """Say how much each calendar knows and how old it is; what is missing names what mends it."""
    ages = report.calendar_ages
    if not ages:
        return []
    known = [one for one in ages if one.dividends != "unknown"]
    words = []
    if known:
        oldest = min(one.as_of for one in known if one.as_of is not None)
        words.append(f"ex-dates of {_names(known)}: as of {new_york(oldest)}, {ago(oldest, report.at)}")
    unknown = [one for one in ages if one.dividends == "unknown"]
    if unknown:
        words.append(f"ex-dates of {_names(unknown)} are UNKNOWN: no call is sold, early assignment is not judged")
    lines = [Line(text, "dim") for said in words for text in filled_text(said, "  ", "    ")]
    exempt = [one for one in ages if one.earnings == "exempt"]
    lines += [Line(f"  earnings: {_names(exempt)} need none", "dim")] if exempt else []
    for one in ages:
        if one.earnings != "exempt":
            lines += _styled(filled_text(_earnings_words(one, report.today, prefix), "  ", "    "), "dim")
    return lines


def _earnings_words(one: CalendarAge, today: date, prefix: str) -> str:
    checked = ""
    if one.earnings_as_of is not None:
        checked = f", checked {count((today - one.earnings_as_of).days, 'day')} ago"
    mend = f": no new contract where earnings are avoided; `{prefix}bot import-earnings FILE` tells them"
    if not one.followed:
        return f"earnings of {one.symbol} are not followed: it is no name of this desk"
    word = one.earnings if one.earnings == "known" else one.earnings.upper()
    return f"earnings of {one.symbol} are {word}{checked}{'' if one.earnings == 'known' else mend}"


def _names(ages: Iterable[CalendarAge]) -> str:
    return ", ".join(one.symbol for one in ages)


def _waiting(report: WeekReport, prefix: str) -> list[Line]:
    """Say what is under way or waits for the owner: orders, proposals, rolls, what is not ours."""
    lines: list[Line] = []
    for order in report.orders:
        price = "" if order.limit_price is None else f" at {price_text(order.limit_price)}"
        words = f"working: {order.side} {plain(order.remaining)} {order.symbol}{price} ({order.purpose})"
        lines += _styled(filled_text(words, hanging="  "))
    if report.proposals:
        lines += [Line("waits for your word", "bold"), *_copied(waiting_lines(report.proposals, prefix))]
    for roll in report.rolls:
        words = f"roll of {roll.old_symbol}: {roll.stage}, {count(roll.ticks_left, 'tick')} left"
        lines += _styled(filled_text(words, hanging="  "))
    shown = {line.symbol for line in report.options}  # each of these says already what takes it over
    foreign = foreign_table((line for line in report.foreign if line.symbol not in shown), prefix)
    lines += [Line(), *_copied(foreign, "yellow")] if foreign else []
    return [Line(), *lines] if lines and lines[0].words else lines
