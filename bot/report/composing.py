"""What a channel is told, and when: alerts in full, a digest of many, a critical one said again. Pure.

A channel has two lanes. What is critical goes at once and by itself, so that no storm of lesser things is in its way;
the rest waits in quiet hours and past the hour's limit, and comes folded into one message afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Literal

from bot.domain.alerts import Channel, KeptAlert, Message
from bot.domain.desk import AlertNumbers
from bot.domain.facts import Fact
from bot.domain.sessions import NEW_YORK
from bot.domain.topics import SEVERITIES, Severity, rank
from bot.report.words import clock, count, new_york

Lane = Literal["critical", "ordinary"]
LANES: tuple[Lane, ...] = ("critical", "ordinary")
Kind = Literal["alerts", "repeat"]

IN_FULL = 5
"""Alerts that one message tells one by one; more are a digest."""
HOUR = timedelta(hours=1)
CRITICAL_LEAST = 12
"""Critical messages an hour that no limit holds back; past them one goes every CRITICAL_PAUSE."""
CRITICAL_PAUSE = timedelta(minutes=5)
NEWEST_TITLES = 2
TITLE_LETTERS = 200
LETTERS = 2_700
"""Letters of a message's body: with its title it fits every channel, even where each letter must be escaped."""
OTHER_LETTERS = 400
"""Letters of an alert beside its words, at most."""
RUNS_SHOWN = 12
LIST = "`bot alerts list --all`"
BEFORE = "may have been said before"


class Standing(Fact, frozen=True, kw_only=True):
    """A critical alert that nobody acknowledged, and when this channel was last asked to say it (None: never)."""

    kept: KeptAlert
    said_at: datetime | None = None


class Waiting(Fact, frozen=True, kw_only=True):
    """What one channel has not been told, oldest first, and what it was asked to say within the last hour.

    `before` are the numbers among the alerts that it may have been told already: nobody knows. Words of alerts may be
    left out where there are more than IN_FULL: a digest does not show them.
    """

    channel: Channel
    critical: tuple[KeptAlert, ...] = ()
    ordinary: tuple[KeptAlert, ...] = ()
    standing: tuple[Standing, ...] = ()
    before: frozenset[int] = frozenset()
    asked_critical: tuple[datetime, ...] = ()
    asked_ordinary: tuple[datetime, ...] = ()


class Draft(Fact, frozen=True, kw_only=True):
    """A message to write down for one channel, with the alerts it carries."""

    lane: Lane
    kind: Kind
    message: Message
    alert_ids: tuple[int, ...]


def route_of(numbers: AlertNumbers, channel: Channel) -> Severity | None:
    """Give the least severity a channel is told; None tells it nothing."""
    return {"discord": numbers.discord, "telegram": numbers.telegram, "email": numbers.email}[channel]


def told(numbers: AlertNumbers, channel: Channel) -> tuple[Severity, ...]:
    """List the severities a channel is told.

    >>> told(AlertNumbers(), "email")
    ('high', 'critical')
    """
    least = route_of(numbers, channel)
    return () if least is None else tuple(one for one in SEVERITIES if rank(one) >= rank(least))


def is_quiet(span: str | None, now: datetime) -> bool:
    """Say whether a moment lies in quiet hours: "22:00-07:00" is New York time, its end is not quiet any more.

    >>> from datetime import UTC
    >>> is_quiet("22:00-07:00", datetime(2026, 11, 20, 4, 0, tzinfo=UTC))
    True
    >>> is_quiet("22:00-07:00", datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
    False
    """
    if span is None:
        return False
    first, last = (time.fromisoformat(word) for word in span.split("-"))
    at = now.astimezone(NEW_YORK).time()
    return first <= at < last if first <= last else at >= first or at < last


def may_speak(lane: Lane, waiting: Waiting, numbers: AlertNumbers, now: datetime) -> bool:
    """Say whether a lane may have a new message now: quiet hours and the hour's limit hold back what is not critical.

    Critical messages have a limit of their own, and past it none waits longer than CRITICAL_PAUSE.
    """
    if lane == "critical":
        asked = [at for at in waiting.asked_critical if now - HOUR < at <= now]
        return len(asked) < max(CRITICAL_LEAST, numbers.messages_per_hour) or max(asked) <= now - CRITICAL_PAUSE
    asked = [at for at in waiting.asked_ordinary if now - HOUR < at <= now]
    return not is_quiet(numbers.quiet_hours, now) and len(asked) < numbers.messages_per_hour


def compose(waiting: Waiting, numbers: AlertNumbers, now: datetime, tag: str) -> tuple[Draft, ...]:
    """Compose what a channel is to be told now: at most one message a lane, and one that repeats what is critical.

    `tag` names the desk and whose money it is, such as "main PAPER".
    """
    drafts = []
    for lane, alerts in (("critical", waiting.critical), ("ordinary", waiting.ordinary)):
        if alerts and may_speak(lane, waiting, numbers, now):  # type: ignore[arg-type]
            message = message_of(alerts, waiting.before, now, tag)
            drafts.append(_draft(lane, "alerts", message, alerts))  # type: ignore[arg-type]
    due = tuple(one.kept for one in waiting.standing if is_due(one, numbers.repeat_minutes, now))
    if due and not (drafts and drafts[0].lane == "critical") and may_speak("critical", waiting, numbers, now):
        drafts.append(_draft("critical", "repeat", _repeat(due, now, tag), due))
    return tuple(drafts)


def is_due(standing: Standing, repeat_minutes: int | None, now: datetime) -> bool:
    """Say whether a critical alert that nobody acknowledged is to be said (again) now."""
    if standing.said_at is None or standing.said_at > now:  # never, or by a clock that was wrong
        return True
    return repeat_minutes is not None and now - standing.said_at >= timedelta(minutes=repeat_minutes)


def message_of(alerts: Sequence[KeptAlert], before: frozenset[int], now: datetime, tag: str) -> Message:
    """Tell alerts: up to IN_FULL one by one, more as a digest; those in `before` are marked."""
    gravest = _by_gravity(alerts)
    if len(alerts) > IN_FULL:
        return _digest(gravest, before, now, tag)
    first = gravest[0]
    severity = first.alert.severity
    if len(alerts) == 1:
        lines = _in_full(first, before, now, LETTERS - OTHER_LETTERS, alone=True)
        return _message(f"[{tag}] {severity.upper()}: {first.alert.title}", lines, severity, now)
    room = LETTERS // len(alerts) - OTHER_LETTERS
    lines = [line for one in gravest for line in (*_in_full(one, before, now, room, alone=False), "")]
    title = f"[{tag}] {severity.upper()}: {first.alert.title} (and {len(alerts) - 1} more)"
    return _message(title, lines[:-1], severity, now)


def hint(kept: KeptAlert) -> str:
    """Say how to acknowledge an alert."""
    return f"acknowledge: `bot alerts ack {kept.id}`, or /ack {kept.id} in the chat"


def runs(numbers: Iterable[int]) -> str:
    """Write numbers as runs, the first RUNS_SHOWN of them.

    >>> runs([3, 1, 2, 7])
    '#1-#3, #7'
    """
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    words = [f"#{first}" if first == last else f"#{first}-#{last}" for first, last in found[:RUNS_SHOWN]]
    more = sum(last - first + 1 for first, last in found[RUNS_SHOWN:])
    return ", ".join(words) + (f" and {more:,} more" if more else "")


def one_line(text: str, letters: int = TITLE_LETTERS) -> str:
    """Give a text as one line without control characters, cut to so many letters.

    >>> one_line("a\\r\\n b", 10), one_line("abcdef", 4)
    ('a b', 'a...')
    """
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())
    return line if len(line) <= letters else line[: letters - 3] + "..."


def _draft(lane: Lane, kind: Kind, message: Message, alerts: Sequence[KeptAlert]) -> Draft:
    return Draft(lane=lane, kind=kind, message=message, alert_ids=tuple(sorted(one.id for one in alerts)))


def _message(title: str, lines: Iterable[str], severity: Severity, now: datetime) -> Message:
    return Message(
        title=one_line(title), lines=_fitting(lines), severity=severity, at=now, silent=severity == "info"
    )  # fmt: skip


def _fitting(lines: Iterable[str]) -> tuple[str, ...]:
    """Keep a message's body inside LETTERS; what is cut off stands in the list."""
    kept, room = [], LETTERS
    for line in lines:
        if len(line) + 1 > room:
            kept.append(f"... the rest: {LIST}")
            break
        kept.append(line)
        room -= len(line) + 1
    return tuple(kept)


def _by_gravity(alerts: Sequence[KeptAlert]) -> list[KeptAlert]:
    return sorted(alerts, key=lambda one: (-rank(one.alert.severity), one.id))


def _in_full(kept: KeptAlert, before: frozenset[int], now: datetime, room: int, *, alone: bool) -> list[str]:
    """Tell one alert: its title unless the message has it, what happened, when, how often, and what it asks for.

    Its words get `room` letters.
    """
    alert, words = kept.alert, []
    head = (
        f"#{kept.id} {alert.topic}" if alone else f"#{kept.id} {alert.severity.upper()}: {one_line(alert.title, 150)}"
    )
    if kept.id in before:
        head += f" ({BEFORE})"
    for line in (one_line(line, room) for line in alert.words.splitlines()):
        if len(line) > room:
            words.append(f"... the rest: {LIST}")
            break
        words += [line] if line else []
        room -= len(line) + 1
    return [head, *words, _when(kept, now), *([hint(kept)] if _asks(kept) else [])]


def _asks(kept: KeptAlert) -> bool:
    return kept.alert.severity == "critical" and kept.acknowledged_at is None and kept.ended_at is None


def _when(kept: KeptAlert, now: datetime) -> str:
    """Say when it was first seen, how often since, and what became of it, in one line."""
    words = [f"at {new_york(kept.alert.at)}"]
    if kept.times > 1:
        words.append(f"seen {kept.times:,} times, last {_short(kept.last_at, now)}")
    if _ended_since(kept):
        assert kept.ended_at is not None
        words.append(f"and it ended {_short(kept.ended_at, now)}")
    elif kept.acknowledged_at is not None:
        words.append(f"acknowledged by {one_line(kept.acknowledged_by, 40) or 'somebody'}")
    return ", ".join(words)


def _ended_since(kept: KeptAlert) -> bool:
    """Say whether it lasted and is over: what is over the moment it happens is kept as ended then."""
    return kept.ended_at is not None and kept.ended_at > kept.alert.at


def _short(at: datetime, now: datetime) -> str:
    """Write a moment as short as it may be: the time of today, the day before it otherwise."""
    local = at.astimezone(NEW_YORK)
    return clock(at) if local.date() == now.astimezone(NEW_YORK).date() else f"{local:%a %m-%d %H:%M}"


def _digest(gravest: list[KeptAlert], before: frozenset[int], now: datetime, tag: str) -> Message:
    """Fold many alerts: gravest first, each severity and topic with its count, its span and its newest titles."""
    severity = gravest[0].alert.severity
    groups: dict[tuple[Severity, str], list[KeptAlert]] = {}
    for one in gravest:
        groups.setdefault((one.alert.severity, one.alert.topic), []).append(one)
    lines = [f"alerts {runs(one.id for one in gravest)}"]
    marked = [one.id for one in gravest if one.id in before]
    if marked:
        lines.append(f"{BEFORE}: {runs(marked)}")
    room, shown = LETTERS - len("\n".join(lines)) - 200, 0
    for (grave, topic), group in sorted(groups.items(), key=lambda one: (-rank(one[0][0]), -len(one[1]), one[0][1])):
        block = _group(grave, topic, group, now)
        size = sum(len(line) + 1 for line in block)
        if size > room:
            break
        lines += block
        room -= size
        shown += len(group)
    if shown < len(gravest):
        lines.append(f"and {len(gravest) - shown:,} more of other kinds")
    asked = [one for one in gravest if _asks(one)]
    if asked:
        lines.append(f"acknowledge {len(asked):,} of them: `bot alerts ack --all`, or each by its number")
    lines.append(f"each of them: {LIST}")
    return _message(f"[{tag}] {count(len(gravest), 'alert')}, the gravest {severity.upper()}", lines, severity, now)


def _group(severity: Severity, topic: str, group: list[KeptAlert], now: datetime) -> list[str]:
    """Tell one severity and topic of a digest."""
    first, last = min(one.alert.at for one in group), max(one.last_at for one in group)
    ended = sum(_ended_since(one) for one in group)
    over = f", {ended:,} of them ended since" if ended else ""
    span = _short(first, now) if len(group) == 1 else f"{_short(first, now)} to {_short(last, now)}"
    head = f"{severity.upper()} {topic}: {len(group):,} ({span}{over})"
    newest = sorted(group, key=lambda one: -one.id)[:NEWEST_TITLES]
    lines = [head, *(f"  #{one.id} {one_line(one.alert.title, 120)}" for one in newest)]
    more = len(group) - len(newest)
    return [*lines, f"  and {more:,} more"] if more else lines


def _repeat(due: Sequence[KeptAlert], now: datetime, tag: str) -> Message:
    """Say critical alerts again that nobody acknowledged."""
    gravest = sorted(due, key=lambda one: one.id)
    title = f"[{tag}] still CRITICAL: {gravest[0].alert.title}"
    if len(gravest) > 1:
        title += f" (and {len(gravest) - 1} more)"
    lines = []
    for one in gravest[:IN_FULL]:
        lines += [f"#{one.id} {one_line(one.alert.title)}", f"  {_when(one, now)}, still going on", f"  {hint(one)}"]
    if len(gravest) > IN_FULL:
        lines.append(f"and {len(gravest) - IN_FULL:,} more: {LIST}")
    return _message(title, lines, "critical", now)
