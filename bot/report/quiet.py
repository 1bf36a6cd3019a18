"""Why nothing happened: the record of some sessions brought to one sentence an owner understands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.checks import CheckResult
from bot.domain.facts import Fact
from bot.domain.ledger import Halt, Pause
from bot.domain.money import plain
from bot.domain.orders import OwnOrder, Verdict
from bot.domain.sessions import Session
from bot.report.shapes import GateTallyLike, NoteLike, NoteTallyLike, TickLike
from bot.report.words import count, limit_word, number, table

SLOT = timedelta(minutes=15)
NEVER_LEFT = frozenset({"planned", "not_sent"})


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


class Quiet(Fact, frozen=True, kw_only=True):
    """What some sessions came to. `sentence` says it; the rest is what it was made of."""

    sentence: str = ""
    sessions: int
    ticks: int
    slots_missed: int
    orders_sent: int
    orders_filled: int
    orders_refused: int
    wishes: int
    wishes_refused: int
    approved_dry: int
    ticks_dry: int
    ticks_closed: int
    ticks_failed: int
    ticks_halted: tuple[tuple[str, int], ...]
    gates: tuple[GateLine, ...]
    passed_over: int
    reasons: tuple[PassedLine, ...]


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


def missed_slots(ticks: Iterable[TickLike], sessions: Iterable[Session], until: datetime) -> list[datetime]:
    """List the slots of these sessions, up to a moment, that no tick stood for."""
    taken = {tick.slot for tick in ticks}
    missed = []
    for session in sessions:
        slot = session.open_at
        while slot < session.close_at and slot + SLOT <= until:
            if slot not in taken:
                missed.append(slot)
            slot += SLOT
    return missed


def slots_of(session: Session) -> int:
    """Count the slots of a session: 26 in a full one."""
    return int((session.close_at - session.open_at) / SLOT)


def quiet_facts(
    *,
    ticks: Sequence[TickLike],
    orders: Sequence[OwnOrder],
    gates: Sequence[GateLine],
    passed: Sequence[NoteTallyLike],
    missed: int,
    sessions: int,
    halt: Halt,
    pauses: Sequence[Pause] = (),
) -> Quiet:
    """Count what some sessions came to, and say it in one sentence.

    `missed` counts slots without a tick; `halt` and `pauses` are those in force now.
    """
    left = [order for order in orders if order.state not in NEVER_LEFT and order.legs]
    dry = [tick for tick in ticks if tick.mode == "dry"]
    levels = Counter(tick.halt for tick in ticks if tick.halt not in (None, "run"))
    quiet = Quiet(
        sessions=sessions,
        ticks=len(ticks),
        slots_missed=missed,
        orders_sent=len(left),
        orders_filled=sum(1 for order in left if order.filled_qty > 0),
        orders_refused=sum(1 for order in left if order.state == "refused" or order.status == "rejected"),
        wishes=sum(tick.intents for tick in ticks),
        wishes_refused=sum(tick.intents - tick.approved for tick in ticks),
        approved_dry=sum(tick.approved for tick in dry),
        ticks_dry=len(dry),
        ticks_closed=sum(1 for tick in ticks if tick.session_open is False),
        ticks_failed=sum(1 for tick in ticks if tick.status in ("failed", "died")),
        ticks_halted=tuple((str(level), times) for level, times in levels.most_common()),
        gates=tuple(gates),
        passed_over=sum(one.times for one in passed),
        reasons=passed_lines(passed),
    )
    return replace(quiet, sentence=sentence(quiet, halt, pauses))


def sentence(quiet: Quiet, halt: Halt, pauses: Sequence[Pause]) -> str:
    """Say what happened, or why nothing did."""
    span = "this session" if quiet.sessions == 1 else f"{quiet.sessions} sessions"
    if quiet.ticks == 0:
        return f"nothing sent: no tick has run in {span} (is the timer on? `bot tick` runs one)"
    if quiet.orders_sent:
        last = "this session" if quiet.sessions == 1 else f"the last {quiet.sessions} sessions"
        words = f"{count(quiet.orders_sent, 'order')} sent, {quiet.orders_filled} filled in {last}"
        if quiet.orders_refused:
            words += f", {quiet.orders_refused} refused by the broker"
        return words
    parts: list[str] = []
    if halt.level != "run":
        parts.append(f"the desk is halted at {halt.level} ({halt.reason})")
    elif quiet.ticks_halted:
        level, times = quiet.ticks_halted[0]
        parts.append(f"{times} of {count(quiet.ticks, 'tick')} ran under halt {level}")
    if any(pause.symbol == "*" for pause in pauses):
        parts.append("new risk is paused on every symbol")
    if quiet.approved_dry:
        ticks = "every tick was" if quiet.ticks_dry == quiet.ticks else f"{count(quiet.ticks_dry, 'tick')} were"
        parts.append(f"{count(quiet.approved_dry, 'wish', 'wishes')} approved and not sent, because {ticks} dry")
    parts += _refused(quiet)
    parts += _passed(quiet)
    if quiet.ticks_closed == quiet.ticks:
        parts.append("the market was closed at every tick")
    elif quiet.ticks_closed:
        parts.append(f"the market was closed at {count(quiet.ticks_closed, 'tick')}")
    if quiet.ticks_failed:
        parts.append(f"{count(quiet.ticks_failed, 'tick')} failed")
    if quiet.slots_missed:
        parts.append(f"{count(quiet.slots_missed, 'slot')} went by without a tick")
    if not parts:
        parts.append("no planner wanted anything and none passed anything over (is a strategy enabled?)")
    return f"nothing sent in {span}: " + "; ".join(parts)


def _refused(quiet: Quiet) -> list[str]:
    if not quiet.wishes_refused:
        return []
    words = f"{count(quiet.wishes_refused, 'wish', 'wishes')} refused"
    if quiet.gates:
        first = quiet.gates[0]
        words += f", {first.times:,} by {first.gate}{nearest(first.value, first.limit, first.unit, first.symbol)}"
    return [words]


def _passed(quiet: Quiet) -> list[str]:
    if not quiet.passed_over:
        return []
    first = quiet.reasons[0]
    miss = nearest(first.value, first.limit, first.unit, first.symbol if len(first.symbols) > 1 else first.symbols[0])
    return [f"{count(quiet.passed_over, 'chance')} passed over, mostly: {first.reason}{miss}"]


def nearest(value: Decimal | None, limit: Decimal | None, unit: str, symbol: str) -> str:
    """Say the nearest miss in brackets: the number against its limit, or whose it was."""
    words = []
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
                "" if line.distance is None else number(abs(line.distance), line.unit),
                line.symbol or _few(line.symbols),
            )
            for line in lines
        ],
        right=frozenset({1, 2, 3, 4, 5}),
    )  # fmt: skip


def passed_table(lines: Iterable[PassedLine], *, one_symbol: bool = False) -> list[str]:
    """Draw what was passed over by reason with the number nearest to its limit; `one_symbol` names none."""
    return table(
        ("passed over", "why", "times", "nearest", "limit", "" if one_symbol else "on"),
        [
            (
                line.subject, line.reason, f"{line.times:,}", number(line.value, line.unit),
                limit_word(line.limit, line.unit) if line.value is not None else "",
                "" if one_symbol else _few(line.symbols),
            )
            for line in lines
        ],
        right=frozenset({2, 3, 4}),
    )  # fmt: skip


def _few(symbols: tuple[str, ...]) -> str:
    return " ".join(symbols[:3]) + (f" +{len(symbols) - 3}" if len(symbols) > 3 else "")
