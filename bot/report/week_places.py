"""The lower half of the week's picture: what assignment leaves, the shares, what is to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from bot.domain.money import plain
from bot.report.calendar_ages import CalendarAge
from bot.report.holdings import mark_words
from bot.report.week import WeekReport
from bot.report.week_ahead import CalendarLine
from bot.report.week_assigned import Concentration, Scenario
from bot.report.week_lines import Line, day_words, styled
from bot.report.week_shares import ShareHolding
from bot.report.words import ago, aligned, count, dollars, filled_text, new_york, percent, price_text, table

OVER = " OVER"
FIRST = "*"
BELOW = "BELOW ZERO"


def assigned_lines(report: WeekReport) -> list[Line]:
    """Draw what assignment would leave: cash, shares, and the share of equity in each place."""
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


def share_lines(report: WeekReport) -> list[Line]:
    """Draw the shares held with their lots, calls and protection."""
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


def other_lines(report: WeekReport) -> list[Line]:
    """Draw what is neither a share nor a short option."""
    rows = [(one.symbol, plain(one.qty), mark_words(one.mark, ""), one.owner) for one in report.others]
    lines = styled(table(("also held", "quantity", "own mark", ""), rows, right=frozenset({1, 2})))
    return [Line(), *lines] if lines else []


# What is to come


def calendar_part(report: WeekReport, prefix: str) -> list[Line]:
    """Draw what is to come, and how much each calendar knows."""
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
        found += styled(filled_text(line.what, start, " " * len(start)), style)
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
            lines += styled(filled_text(_earnings_words(one, report.today, prefix), "  ", "    "), "dim")
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
