"""What another number in the desk file would have changed, in lines: orders, gates, dollars, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.sessions import NEW_YORK
from bot.report.words import aligned, count, filled_text, new_york

LINES_SHOWN = 20
INDENT = " " * 10
KINDS = ("appears", "vanishes", "changes")
TOGETHER, RECORDED_ALONE = "together", "recorded alone"
HOW_DOLLARS = (
    "How: each order fills at the next recorded quote of its session and is held to its expiry or to the end of the "
    "record; no exit is played, no fee taken. Where it lies between the far side and the mid is not known. An expired "
    "option is worth what the recorded price of its underlying makes it, anything else its last recorded quote; where "
    "the record has none, the price is modelled. An order that vanishes counts with its sign turned, one that changes "
    "as the new less the old."
)
NO_COMPOUNDING = (
    "Each tick starts from what really happened: an order that appears today is not held tomorrow, so effects do not "
    "add up over time. For that, run a backtest."
)


class SetLine(Fact, frozen=True, kw_only=True):
    """One key: what it is in the desk file in use, and what it was set to."""

    key: str
    was: str
    now: str


class ChangeLine(Fact, frozen=True, kw_only=True):
    """One order that appears, vanishes or changes. Dollars of what the change made: far sides, then mids."""

    tick: int
    at: datetime
    kind: str
    strategy: str
    purpose: str
    was: str
    now: str
    far: Decimal
    mid: Decimal
    how: str
    words: str
    counted: bool


class MoneyLine(Fact, frozen=True, kw_only=True):
    """The dollars of one kind of change, and how many orders they are known of."""

    kind: str
    far: Decimal
    mid: Decimal
    recorded: int
    modelled: int
    not_valued: int


class FlipLine(Fact, frozen=True, kw_only=True):
    """A gate that answers otherwise: wishes it allows now, and wishes it refuses now."""

    gate: str
    allows: int
    refuses: int


class UnknownLine(Fact, frozen=True, kw_only=True):
    """An underlying of which the changed desk asks what was never recorded: in how many ticks, and what last."""

    symbol: str
    ticks: int
    what: str


class WhatIfReport(Fact, frozen=True, kw_only=True):
    """What a changed desk would have done, tick by tick; `full`, `part` and `left_out` add up to `asked`."""

    home: str
    asked_words: str
    sets: tuple[SetLine, ...]
    first_at: datetime | None
    last_at: datetime | None
    asked: int
    full: int
    part: int
    left_out: dict[str, int]
    by_code: int
    unanswerable: tuple[UnknownLine, ...]
    unknown_orders: int
    appear: int
    vanish: int
    change: int
    repeats: int
    refused: int
    lines: tuple[ChangeLine, ...]
    flips: tuple[FlipLine, ...]
    money: tuple[MoneyLine, ...]
    seconds: float


def whatif_lines(report: WhatIfReport) -> list[str]:
    """Write the report: the question, how much of it is answered, orders, dollars, gates, what is unknown."""
    lines = [f"WHAT IF   {report.asked_words}   home {report.home}"]
    lines += [f"  {one.key} = {one.now}   (the desk file in use says {one.was})" for one in report.sets]
    lines += filled_text(NO_COMPOUNDING, "  ")
    if report.first_at is None or report.last_at is None:
        return [*lines, "", "no tick ended in that time: there is nothing to ask"]
    lines += ["", *_answered(report)]
    if not (report.appear or report.vanish or report.change or report.flips or report.refused):
        where = "Where it is answered, nothing" if report.part or report.left_out else "Nothing"
        lines += ["", f"{where} would have been decided otherwise."]
        return lines
    lines += ["", "Orders that would have gone out otherwise:"]
    lines.append(f"  {report.appear} appear, {report.vanish} vanish, {report.change} change")
    counted = any(one.counted for one in report.lines)
    return [*lines, *_orders(report), *(_money(report) if counted else ()), *_gates(report)]


def _answered(report: WhatIfReport) -> Iterator[str]:
    assert report.first_at is not None
    assert report.last_at is not None
    yield f"{count(report.asked, 'tick')} asked, {new_york(report.first_at)} to {new_york(report.last_at)}"
    yield f"{report.full:>8,}  answered in full"
    if report.part:
        yield f"{report.part:>8,}  answered in part: of some names the changed desk needs what was never recorded"
    for words, number in report.left_out.items():
        yield f"{number:>8,}  {words}"
    lacking: dict[str, list[str]] = {}
    for one in report.unanswerable:
        lacking.setdefault(one.what, []).append(f"{one.symbol} ({one.ticks:,})")
    for what, names in lacking.items():
        words = f"unanswerable for the lack of {what}, by name (ticks): {', '.join(names)}"
        yield from filled_text(words, INDENT, INDENT + "  ")
    if report.unknown_orders:
        were = count(report.unknown_orders, "order")
        yield from filled_text(f"{were} that did go out there: whether they would have is not known", INDENT)
    if report.by_code:
        yield from filled_text(
            f"{count(report.by_code, 'tick')} decide otherwise today even without the change (`bot replay` says why): "
            "the change is held against what this program decides, not against what was sent.",
            INDENT,
        )


def _orders(report: WhatIfReport) -> Iterator[str]:
    shown = [one for one in report.lines if one.counted][:LINES_SHOWN]
    if report.repeats:
        yield from filled_text(
            f"{count(report.repeats, 'of them repeats', 'of them repeat')} an order that would still be held: that one "
            "alone is shown and counted.",
            "  ",
        )
    if report.refused:
        yield f"  {count(report.refused, 'wish', 'wishes')} more come or go that a gate refuses either way: no order"
    if shown:
        yield ""
        rows = [row for one in shown for row in _order_rows(one)]
        heads = ("tick", "New York", "", "order", "far side", "mid", "known")
        yield from aligned(heads, rows, left=frozenset({1, 2, 3, 6}))
        left = sum(1 for one in report.lines if one.counted) - len(shown)
        if left > 0:
            yield f"  and {left:,} more (--json lists all)"


def _order_rows(one: ChangeLine) -> Iterator[tuple[str, ...]]:
    valued = one.how != "not valued"
    yield (
        str(one.tick), f"{one.at.astimezone(NEW_YORK):%m-%d %H:%M}", one.kind, one.was or one.now,
        f"{one.far:+,.2f}" if valued else "", f"{one.mid:+,.2f}" if valued else "", one.how,
    )  # fmt: skip
    if one.was and one.now:
        yield ("", "", "", f"-> {one.now}", "", "", "")


def _money(report: WhatIfReport) -> Iterator[str]:
    yield ""
    yield "In dollars, what the change would have made:"
    rows = [
        (one.kind, f"{one.far:+,.2f}", f"{one.mid:+,.2f}", str(one.recorded), str(one.modelled), str(one.not_valued))
        for one in report.money
    ]
    yield from aligned(("", "far side", "mid", "recorded", "modelled", "not valued"), rows)
    yield from filled_text(HOW_DOLLARS, "  ")


def _gates(report: WhatIfReport) -> Iterator[str]:
    if report.flips:
        yield ""
        yield "Gates that answer otherwise on the same wish:"
        rows = [(one.gate, str(one.allows), str(one.refuses)) for one in report.flips]
        yield from aligned(("gate", "allows now", "refuses now"), rows)
