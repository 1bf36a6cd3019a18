"""What of the record is worth telling, as alerts. Pure: the same facts give the same alerts, so a kill loses none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from bot.domain import invariants as names
from bot.domain import topics
from bot.domain.alerts import Alert
from bot.domain.noticed import Noticed, SeenGap, SeenTick
from bot.domain.trip import Trip, measured
from bot.report.alert_events import DEAD_MAN, FILE, PANIC, SET, event_alerts
from bot.report.alert_trades import contract_words, trade_alerts
from bot.report.invariants import broken_words
from bot.report.proposals import answer_command
from bot.report.words import clock, count, new_york, wish

STOPPING = frozenset({FILE, PANIC, DEAD_MAN, *SET.values()})
DAYS_TOLD = 3
"""Days with missed slots that are told one by one; more are one alert: the machine was off."""
TICKS_FAIL, READS_FAIL = topics.TICK_FAILED, topics.BROKER_ERROR
TOLD_ELSEWHERE = frozenset({names.CASH_UNEXPLAINED, names.POSITIONS_UNEXPLAINED})
"""Invariants that say what a difference between broker and books says by itself."""


class Derived(NamedTuple):
    """Alerts in the order of their moments; keys that end without a word; keys that a person has seen to.

    Each of those comes with who, and when: what began after that nobody has seen.
    """

    alerts: tuple[Alert, ...]
    ended: tuple[str, ...] = ()
    acknowledged: tuple[tuple[str, str, datetime], ...] = ()


def derive(noticed: Noticed) -> Derived:
    """Make every alert there is in some facts: what happened is told once, what lasts is told when it began."""
    told = [*event_alerts(noticed), *trade_alerts(noticed), *_of_ticks(noticed), *_gaps(noticed), *_drift(noticed)]
    lasting = [one for one in (*_invariants(noticed), *_warnings(noticed), *_wanted(noticed), *_file(noticed))
               if one.key not in noticed.open]  # fmt: skip
    if not noticed.alarm and DEAD_MAN in noticed.open and not any(DEAD_MAN in one.ends.split() for one in told):
        told.append(_ticks_again(noticed))
    alerts = tuple(sorted((*told, *lasting), key=lambda one: one.at))
    begun = noticed.open | {one.key for one in alerts if one.lasts == "state"}
    gone = {key for one in alerts for key in one.ends.split()}
    return Derived(alerts, tuple(sorted(_over(noticed, begun) - gone)), _seen_to(noticed, begun))


def _seen_to(noticed: Noticed, begun: frozenset[str]) -> tuple[tuple[str, str, datetime], ...]:
    """Give what `bot resume` answers: whoever lifts the halt has seen every alert that stopped or held the desk."""
    resumed = [one for one in noticed.events if one.kind == "halt" and one.facts["level"] == "run"]
    held = {key for key in begun if key in STOPPING or key.startswith(f"{topics.AUTO_PAUSED}:")}
    return tuple((key, one.facts["author"], one.at) for one in resumed for key in sorted(held))


def _of_ticks(noticed: Noticed) -> Iterator[Alert]:
    for tick in noticed.ticks:
        if tick.status == "done":
            if tick.errors:
                yield _unread(tick)
            continue
        died = tick.status == "died"
        yield Alert(
            at=tick.at, topic=TICKS_FAIL, severity=topics.SEVERITY_OF[TICKS_FAIL], key=TICKS_FAIL, lasts="state",
            tick_id=tick.tick_id,
            title=f"Tick {tick.tick_id} {'died' if died else 'failed'} at {clock(tick.slot)} New York",
            words=f"{tick.note}. The next tick goes on from the record; `bot log` shows what led to it.",
        )  # fmt: skip


def _unread(tick: SeenTick) -> Alert:
    shown = "; ".join(tick.errors[:3]) + (f"; and {len(tick.errors) - 3} more" if len(tick.errors) > 3 else "")
    return Alert(
        at=tick.at, topic=READS_FAIL, severity=topics.SEVERITY_OF[READS_FAIL], key=READS_FAIL, lasts="state",
        tick_id=tick.tick_id, title=f"Tick {tick.tick_id} could not read everything",
        words=f"{shown}. What could not be read was not traded on; `bot doctor` tries each door.",
    )  # fmt: skip


def _gaps(noticed: Noticed) -> Iterator[Alert]:
    by_tick: dict[int, list[SeenGap]] = {}
    for gap in noticed.gaps:
        by_tick.setdefault(gap.tick_id, []).append(gap)
    for found in by_tick.values():
        yield from (_long_gap(found),) if len(found) > DAYS_TOLD else _short_gaps(found)


def _long_gap(found: list[SeenGap]) -> Alert:
    first, last = found[0], found[-1]
    return Alert(
        at=last.last, topic=topics.TICK_MISSED, severity=topics.SEVERITY_OF[topics.TICK_MISSED], lasts="once",
        key=f"{topics.TICK_MISSED}:{last.tick_id}", tick_id=last.tick_id,
        title=f"{count(sum(one.slots for one in found), 'slot')} of {len(found)} sessions without a tick",
        words=f"From {new_york(first.first)} to {new_york(last.last)}. Was the machine off, or is the timer? "
        "`bot doctor` looks at both.",
    )  # fmt: skip


def _short_gaps(found: list[SeenGap]) -> Iterator[Alert]:
    for gap in found:
        span = clock(gap.first) if gap.slots == 1 else f"{clock(gap.first)} to {clock(gap.last)}"
        yield Alert(
            at=gap.last, topic=topics.TICK_MISSED, severity=topics.SEVERITY_OF[topics.TICK_MISSED], lasts="once",
            key=f"{topics.TICK_MISSED}:{gap.tick_id}:{gap.day}", tick_id=gap.tick_id,
            title=f"{count(gap.slots, 'slot')} of {gap.day} without a tick",
            words=f"{span} New York. Was the machine off, or is the timer? `bot doctor` looks at both.",
        )  # fmt: skip


def _drift(noticed: Noticed) -> Iterator[Alert]:
    for one in noticed.drift:
        key, symbol = f"{topics.POSITION_MISMATCH}:{one.symbol}", contract_words(one.symbol)
        if one.gone:
            yield Alert(
                at=one.at, topic=topics.RECONCILIATION_COMPLETED, severity="info", lasts="once", ends=key,
                key=f"{topics.RECONCILIATION_COMPLETED}:{one.symbol}:{one.tick_id}", tick_id=one.tick_id,
                title=f"{symbol}: broker and books agree again", words=f"It was: {one.what}.",
            )  # fmt: skip
            continue
        where = "anywhere" if one.symbol == "CASH" else "on it"
        yield Alert(
            at=one.at, topic=topics.POSITION_MISMATCH, severity=topics.SEVERITY_OF[topics.POSITION_MISMATCH], key=key,
            lasts="state", tick_id=one.tick_id, title=f"{symbol}: the broker differs from the books",
            words=f"{one.what}. No new risk is taken {where} until they agree: compare the broker's account history "
            "with `bot books`.",
        )  # fmt: skip


def _invariants(noticed: Noticed) -> Iterator[Alert]:
    for one in noticed.invariants:
        if one.ok or one.name in TOLD_ELSEWHERE:
            continue
        late = one.name == names.OLDEST_UNKNOWN
        topic = topics.TRADE_SETTLEMENT_TIMEOUT if late else topics.HEALTH_REPORT
        yield _now(
            noticed, topic, f"{topic}:{one.name}", one.since,
            "An order left, and nothing proves what became of it" if late else
            f"The house is not in order: {one.name.replace('_', ' ')}", f"{broken_words(one)}.",
        )  # fmt: skip


def _warnings(noticed: Noticed) -> Iterator[Alert]:
    """Tell trip wires at 60 and 80 % of their limit, and a pass of the drill that ends."""
    for trip in noticed.trips:
        for share in _shares(trip):
            yield _now(
                noticed, topics.RISK_WARNING, f"{topics.RISK_WARNING}:{trip.name}:{share}", trip.slot,
                f"{trip.name}: {share} % of its limit is reached",
                f"{measured(trip)}. At the limit it sets {trip.level} by itself; `bot status` shows it.",
                severity="warning" if share >= 80 else "info",
            )  # fmt: skip
    if noticed.drill_lapses is not None:
        lapsed = noticed.drill_lapses <= noticed.at
        yield _now(
            noticed, topics.RISK_WARNING, f"{topics.RISK_WARNING}:drill:{lapsed}", noticed.at,
            "The pass of the drill has lapsed" if lapsed else "The pass of the drill lapses soon",
            f"{'It ended' if lapsed else 'It ends'} {new_york(noticed.drill_lapses)}; without one real money only "
            "reduces. `bot drill` earns a new one.",
        )  # fmt: skip


def _shares(trip: Trip) -> tuple[int, ...]:
    """Give the shares of its limit that a trip wire has reached; none once it tripped, which is told by itself."""
    return () if trip.tripped else tuple(share for share in (60, 80) if trip.warned >= share)


def _wanted(noticed: Noticed) -> Iterator[Alert]:
    for one in noticed.proposals:
        yield Alert(
            at=one.proposed_at, topic=topics.APPROVAL_WANTED, severity=topics.SEVERITY_OF[topics.APPROVAL_WANTED],
            key=f"{topics.APPROVAL_WANTED}:{one.number}", lasts="state",
            title=f"Your word is wanted: {wish(one.intent)}",
            words=f"{one.intent.reason}. `{answer_command(str(one.number))}` sends it, "
            f"`{answer_command(str(one.number), verb='decline')}` does not; it lapses {new_york(one.lapses_at)}.",
        )  # fmt: skip


def _file(noticed: Noticed) -> Iterator[Alert]:
    halt = noticed.halt_file
    if halt is not None:
        yield _now(
            noticed, topics.OWNER_HALTED, FILE, halt.since, f"A HALT file stops every tick: {halt.reason}",
            f"To lift it: {halt.clears}.", severity="high",
        )  # fmt: skip


def _ticks_again(noticed: Noticed) -> Alert:
    return _now(
        noticed, topics.AUTO_RESUMED, f"{topics.AUTO_RESUMED}:{DEAD_MAN}:{noticed.newest_tick}", None,
        "Ticks come again: the watch's reduce_only is over", "Enough good ticks came since.", ends=DEAD_MAN, once=True,
    )  # fmt: skip


def _now(
    noticed: Noticed, topic: str, key: str, since: datetime | None, title: str, words: str, *,
    severity: topics.Severity | None = None, ends: str = "", once: bool = False,
) -> Alert:  # fmt: skip
    """Make an alert of how it stands at the newest tick."""
    tick_id, at = noticed.newest_tick or (None, noticed.at)
    return Alert(
        at=since or at, topic=topic, severity=severity or topics.SEVERITY_OF[topic], key=key, title=title,
        words=words, tick_id=tick_id, ends=ends, lasts="once" if once else "state",
    )  # fmt: skip


def _over(noticed: Noticed, begun: frozenset[str]) -> set[str]:
    """Name what lasted and is gone: a warning, a broken invariant, a proposal answered, ticks that end well again."""
    over: set[str] = set()
    last = noticed.ticks[-1] if noticed.ticks else None
    if last is not None and last.status == "done":
        over |= {TICKS_FAIL} | (set() if last.errors else {READS_FAIL})
    standing = {one.key for one in (*_invariants(noticed), *_warnings(noticed), *_wanted(noticed), *_file(noticed))}
    kinds = (topics.TRADE_SETTLEMENT_TIMEOUT, topics.HEALTH_REPORT, topics.RISK_WARNING, topics.APPROVAL_WANTED, FILE)
    measured_here = {key for key in begun if key.startswith(tuple(f"{one}:" for one in kinds[:4])) or key == FILE}
    elsewhere = {key for key in measured_here if key.startswith(f"{topics.HEALTH_REPORT}:watch")}
    return (over & begun) | (measured_here - standing - elsewhere)
