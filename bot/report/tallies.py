"""Refusals and passed-over chances counted: by gate and by reason, each with its nearest miss."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bot.domain.checks import CheckResult
from bot.domain.facts import Fact
from bot.domain.money import plain
from bot.domain.orders import Verdict
from bot.report.shapes import GateTallyLike, NoteLike, NoteTallyLike
from bot.report.words import bare, limit_word, number, table


class GateLine(Fact, frozen=True, kw_only=True):
    """One gate's refusals with its nearest miss; `sole` counts those no other gate refused."""

    gate: str
    times: int
    sole: int
    symbols: tuple[str, ...]
    reason: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""
    distance: Decimal | None = None
    symbol: str = ""


class PassedLine(Fact, frozen=True, kw_only=True):
    """What planners passed over for one reason; the number is the nearest to its limit among the newest."""

    subject: str
    reason: str
    times: int
    symbols: tuple[str, ...]
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""
    symbol: str = ""


def gate_line(tally: GateTallyLike, symbol: str = "") -> GateLine:
    """Turn a gate's tally into a line; `symbol` is whose miss was the nearest."""
    only = tally.symbols[0] if len(tally.symbols) == 1 else ""
    return GateLine(
        gate=tally.gate, times=tally.times, sole=tally.sole, symbols=tally.symbols, reason=tally.reason,
        value=tally.value, limit=tally.limit, unit=tally.unit, distance=tally.distance, symbol=symbol or only,
    )  # fmt: skip


def tally_refusals(verdicts: Iterable[Verdict]) -> tuple[GateLine, ...]:
    """Count refusals by gate over verdicts, most first, each with its nearest miss and whose it was."""
    found: dict[str, list[tuple[str, CheckResult, bool]]] = {}
    for verdict in verdicts:
        refusals = [check for check in verdict.checks if not check.ok]
        for check in refusals:
            found.setdefault(check.gate, []).append((verdict.intent.underlying, check, len(refusals) == 1))
    lines = []
    for gate, members in found.items():
        symbol, check, _ = min(members, key=lambda member: _room(member[1]))
        lines.append(
            GateLine(
                gate=gate, times=len(members), sole=sum(alone for _, _, alone in members),
                symbols=tuple(sorted({name for name, _, _ in members})), reason=check.reason, value=check.value,
                limit=check.limit, unit=check.unit, distance=check.distance, symbol=symbol,
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.times, line.gate)))


def _room(check: CheckResult) -> tuple[bool, Decimal]:
    return check.distance is None, abs(check.distance or Decimal(0))


class Passed(NamedTuple):
    """How often one chance was passed over for one reason, with the newest number."""

    symbol: str
    subject: str
    reason: str
    times: int
    value: Decimal | None
    limit: Decimal | None
    unit: str


def tally_notes(notes: Iterable[NoteLike]) -> list[Passed]:
    """Count notes, given oldest first, by symbol, subject and reason."""
    found: dict[tuple[str, str, str], list[NoteLike]] = {}
    for note in notes:
        found.setdefault((note.symbol, note.subject, note.reason), []).append(note)
    return [
        Passed(symbol, subject, reason, len(members), members[-1].value, members[-1].limit, members[-1].unit)
        for (symbol, subject, reason), members in found.items()
    ]


def passed_lines(tallies: Iterable[NoteTallyLike]) -> tuple[PassedLine, ...]:
    """Join what was passed over by subject and reason, most first, keeping the number nearest to its limit."""
    found: dict[tuple[str, str, str], list[NoteTallyLike]] = {}
    for tally in tallies:
        subject = tally.subject if tally.subject.islower() else "contract"
        found.setdefault((subject, tally.reason, tally.unit), []).append(tally)
    lines = []
    for (subject, reason, unit), members in found.items():
        nearest = min(members, key=_miss)
        lines.append(
            PassedLine(
                subject=subject, reason=reason, times=sum(one.times for one in members),
                symbols=tuple(sorted({one.symbol for one in members})), value=nearest.value, limit=nearest.limit,
                unit=unit, symbol=nearest.symbol,
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.times, line.reason, line.subject)))


def _miss(tally: NoteTallyLike) -> tuple[bool, Decimal]:
    if tally.value is None or tally.limit is None:
        return True, Decimal(0)
    return False, abs(tally.value - tally.limit)


def nearest(value: Decimal | None, limit: Decimal | None, unit: str, symbol: str) -> str:
    """Say the nearest miss in brackets: the number against its limit, or whose it was."""
    words = []
    if value is not None and value == limit and unit not in ("usd", "fraction"):
        return f" ({plain(value)} of {number(limit, unit)})"
    if value is not None and limit is not None:
        words.append(f"nearest: {against(value, limit, unit)}")
    elif value is not None:
        words.append(number(value, unit))
    if symbol:
        words.append(symbol)
    return f" ({', '.join(words)})" if words else ""


def against(value: Decimal, limit: Decimal, unit: str) -> str:
    """Write a number against its limit, naming the unit once.

    >>> against(Decimal("0.061"), Decimal("0.07"), "fraction"), against(Decimal(2), Decimal(1), "contracts")
    ('6.1 % against 7.0 %', '2 against 1 contracts')
    """
    if unit in ("usd", "fraction"):
        return f"{number(value, unit)} against {number(limit, unit)}"
    return f"{plain(value)} against {number(limit, unit)}"


def gate_table(lines: Iterable[GateLine]) -> list[str]:
    """Draw refusals by gate with nearest misses."""
    return table(
        ("gate", "refused", "alone", "nearest", "limit", "missed by", "on"),
        [
            (
                line.gate, f"{line.times:,}", f"{line.sole:,}", number(line.value, line.unit),
                limit_word(line.limit, line.unit) if line.value is not None else "",
                "" if line.distance is None else bare(abs(line.distance), line.unit),
                line.symbol or few(line.symbols),
            )
            for line in lines
        ],
        right=frozenset({1, 2, 3, 4, 5}),
    )  # fmt: skip


def passed_table(lines: Iterable[PassedLine], *, one_symbol: bool = False) -> list[str]:
    """Draw what was passed over by reason with the number nearest to its limit; `one_symbol` names none."""
    on = [] if one_symbol else ["on"]
    return table(
        ("passed over", "times", "nearest", "limit", *on, "why"),
        [
            (
                line.subject, f"{line.times:,}", number(line.value, line.unit),
                limit_word(line.limit, line.unit) if line.value is not None else "",
                *([] if one_symbol else [few(line.symbols)]), line.reason,
            )
            for line in lines
        ],
        right=frozenset({1, 2, 3}),
    )  # fmt: skip


def few(symbols: tuple[str, ...], most: int = 3) -> str:
    """Name the first symbols and count the rest; `*` stands for every symbol.

    >>> few(("EEM", "EFA", "EWZ", "FXI")), few(("*",))
    ('EEM EFA EWZ +1', 'every symbol')
    """
    if symbols == ("*",):
        return "every symbol"
    return " ".join(symbols[:most]) + (f" +{len(symbols) - most}" if len(symbols) > most else "")
