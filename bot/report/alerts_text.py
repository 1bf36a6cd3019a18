"""Alerts for the owner's eyes: gravest words first, when, how often, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import cycle
from typing import Any

from bot.domain.alerts import KeptAlert
from bot.domain.sessions import NEW_YORK
from bot.report.words import clock, count, filled_text, plain_object

GLUE = "\x1f"
MARKS = {"critical": "!!", "high": "! ", "warning": "* ", "info": "  "}


def alert_lines(kept: Sequence[KeptAlert], now: datetime, prefix: str = "") -> list[str]:
    """Draw alerts, newest first, each with its words below it; at the end what to type."""
    wide = max((len(str(one.id)) for one in kept), default=1)
    lines: list[str] = []
    for one in kept:
        alert = one.alert
        head = f"{MARKS[alert.severity]} {one.id:>{wide}}  {_when(alert.at, now)}  "
        margin = " " * len(head)
        lines += ["", *filled_text(f"{alert.severity.upper():<8}  {alert.title}", head, margin)]
        if alert.words:
            lines += _whole_commands(alert.words, margin)
        lines += filled_text(became(one, now), margin)
    asked = [one for one in kept if wants_answer(one)]
    if asked:
        said = f"{prefix}bot alerts ack {asked[0].id}" + (f"   or   {prefix}bot alerts ack --all" if asked[1:] else "")
        lines += ["", f"{count(len(asked), 'critical alert')} said again until you acknowledge: {said}"]
    return lines


def _whole_commands(words: str, margin: str) -> list[str]:
    """Break words into lines, never inside a command: it is to be copied."""
    kept = "`".join(
        part.replace(" ", GLUE) if odd else part for part, odd in zip(words.split("`"), cycle((False, True)))
    )  # fmt: skip
    return [line.replace(GLUE, " ") for line in filled_text(kept, margin)]


def became(one: KeptAlert, now: datetime) -> str:
    """Say how often it was seen and what became of it.

    >>> from bot.domain.alerts import Alert
    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    >>> alert = Alert(at=at, topic="tick.failed", severity="warning", key="k", title="t", lasts="state")
    >>> became(KeptAlert(id=1, alert=alert, last_at=at, times=1), at), became(
    ...     KeptAlert(id=1, alert=alert, last_at=at, times=3, ended_at=at.replace(hour=21)), at)
    ('tick.failed, stands', 'tick.failed, seen 3 times, last 15:00; over since 16:00')
    """
    seen = f", seen {one.times:,} times, last {_when(one.last_at, now)}" if one.times > 1 else ""
    parts = [f"{one.alert.topic}{seen}"]
    if one.acknowledged_at is not None:
        parts.append(f"{one.acknowledged_by} acknowledged it {_when(one.acknowledged_at, now)}")
    if one.ended_at is None:
        parts.append("stands")
        return ", ".join(parts) if len(parts) == 2 and not seen else "; ".join(parts)
    if one.ended_at > one.alert.at:
        parts.append(f"over since {_when(one.ended_at, now)}")
    return "; ".join(parts)


def wants_answer(one: KeptAlert) -> bool:
    """Say whether it is said again and again until a person acknowledges it."""
    return one.alert.severity == "critical" and one.acknowledged_at is None and one.ended_at is None


def alert_object(one: KeptAlert) -> dict[str, Any]:
    """Give an alert as one plain object."""
    alert = one.alert
    facts = {
        "id": one.id, "at": alert.at, "topic": alert.topic, "severity": alert.severity, "key": alert.key,
        "title": alert.title, "words": alert.words, "tick_id": alert.tick_id, "times": one.times,
        "last_at": one.last_at, "acknowledged_at": one.acknowledged_at, "acknowledged_by": one.acknowledged_by,
        "ended_at": one.ended_at, "stands": one.ended_at is None,
    }  # fmt: skip
    found: dict[str, Any] = plain_object(facts)
    return found


def _when(at: datetime, now: datetime) -> str:
    """Write a New York moment as short as its day allows."""
    local = at.astimezone(NEW_YORK)
    days = abs((now.astimezone(NEW_YORK).date() - local.date()).days)
    return clock(at) if days == 0 else f"{local:%a %m-%d %H:%M}" if days < 300 else f"{local:%Y-%m-%d %H:%M}"
