"""Why nothing happened: the record of some sessions brought to one sentence an owner understands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from bot.domain.facts import Fact
from bot.domain.ledger import Halt, Pause
from bot.domain.orders import OwnOrder
from bot.domain.sessions import Session
from bot.report.shapes import NoteTallyLike, TickLike
from bot.report.tallies import GateLine, PassedLine, nearest, passed_lines
from bot.report.words import count

SLOT = timedelta(minutes=15)
NEVER_LEFT = frozenset({"planned", "not_sent"})


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
        return words if quiet.orders_filled else "; ".join([words, *_refused(quiet), *_passed(quiet)])
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
