"""Alerts about what people, trip wires and the watch did, from the records of the chain. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from bot.domain import topics
from bot.domain.alerts import Alert
from bot.domain.noticed import Noticed, SeenEvent
from bot.domain.topics import Severity
from bot.domain.trip import Trip, measured
from bot.report.words import new_york

HALT = topics.OWNER_HALTED
FILE = f"{HALT}:file"
SET = {level: f"{HALT}:{level}" for level in ("no_new_risk", "reduce_only", "stop")}
"""Keys of the halts that people set: one level is in force at a time."""
PANIC = f"{HALT}:panic"
DEAD_MAN = topics.DEAD_MAN_TRIGGERED
RECORD = topics.RECORD_CHANGED
RESTORED = topics.HOME_RESTORED
LEVELS = {
    "no_new_risk": "no new risk is taken", "reduce_only": "it only reduces", "stop": "nothing is sent at all",
}  # fmt: skip


def event_alerts(noticed: Noticed) -> Iterator[Alert]:
    """Tell each record of the chain that is worth a word; the others tell themselves elsewhere."""
    panics = {one.at for one in noticed.events if one.kind == "panic" and "ended" not in one.facts}
    for one in noticed.events:
        tell = _TELL.get(one.kind)
        if tell is not None and not (one.kind == "halt" and one.at in panics):  # the halt a panic sets is the panic
            yield tell(one)


def _said(
    one: SeenEvent, topic: str, title: str, words: str = "", *, key: str = "", severity: Severity | None = None,
    ends: str = "",
) -> Alert:  # fmt: skip
    """Make the alert of an event: a state where it has a key of its own, else told once."""
    return Alert(
        at=one.at, topic=topic, severity=severity or topics.SEVERITY_OF[topic], key=key or f"{topic}:{one.number}",
        title=title, words=words, ends=ends, lasts="state" if key else "once",
    )  # fmt: skip


def _halt(one: SeenEvent) -> Alert:
    level, author, reason = one.facts["level"], one.facts["author"], one.facts["reason"]
    if level == "run":
        return _said(
            one, topics.OWNER_RESUMED, f"{author} lifted the halt", f"{reason}. `bot status` shows what still holds.",
            ends=" ".join((*SET.values(), DEAD_MAN)),
        )  # fmt: skip
    return _said(
        one, HALT, f"{author} halted the desk: {LEVELS[level]}", f"{reason}. `bot resume` lifts it.", key=SET[level],
        severity="high" if level == "stop" else None, ends=" ".join(set(SET.values()) - {SET[level]}),
    )  # fmt: skip


def _panic(one: SeenEvent) -> Alert:
    author = one.facts["author"]
    if "ended" in one.facts:
        return _said(one, topics.OWNER_RESUMED, f"{author} ended the panic", ends=PANIC)
    what = "cancel everything and close what is held" if one.facts["flatten"] else "cancel what adds risk"
    return _said(
        one, HALT, f"{author} called a panic: {what}", f"{one.facts['reason']}. Every tick works on it until "
        "`bot resume`.", key=PANIC, severity="high",
    )  # fmt: skip


def _trip(one: SeenEvent) -> Alert:
    trip = msgspec.convert(one.facts["trip"], Trip)
    key = f"{topics.AUTO_PAUSED}:{trip.name}"
    if one.facts["what"] != "tripped":
        return _said(
            one, topics.AUTO_RESUMED, f"{trip.name} cleared", f"{measured(trip)}; it cleared {one.facts['words']}.",
            ends=key,
        )  # fmt: skip
    sets = "new entries are paused" if trip.level == "pause" else LEVELS[trip.level]
    return _said(
        one, topics.AUTO_PAUSED, f"Tripped: {trip.name}; {sets}",
        f"{measured(trip)}. It clears {trip.clears}. `bot status` shows it.", key=key,
        severity="warning" if trip.level == "pause" else None,
    )  # fmt: skip


def _alarm(one: SeenEvent) -> Alert:
    return _said(
        one, DEAD_MAN, "Ticks do not come: the desk only reduces",
        f"{one.facts['reason']}. Look at the timer and `bot doctor`; it clears by itself after "
        f"{one.facts['good_needed']} good ticks, or by `bot resume`.", key=DEAD_MAN,
    )  # fmt: skip


def _pause(one: SeenEvent) -> Alert:
    facts = one.facts
    name = "every symbol" if facts["symbol"] == "*" else facts["symbol"]
    if "lifted" in facts:
        return _said(one, topics.OWNER_RESUMED, f"{facts['author']} lifted the pause of {name}")
    return _said(
        one, HALT, f"{facts['author']} paused {name}",
        f"{facts['reason']}. No new risk on it until {_new_york(facts['until'])}; "
        f"`bot resume {facts['symbol']}` lifts it.", severity="info",
    )  # fmt: skip


def _new_york(text: str) -> str:
    return new_york(datetime.fromisoformat(text))


def _restore(one: SeenEvent) -> Alert:
    if "ended_by" in one.facts:
        return _said(
            one, topics.RECONCILIATION_COMPLETED, "The restored home agrees with the broker",
            f"{one.facts['ended_by']}: {one.facts['reason']}.", ends=RESTORED,
        )  # fmt: skip
    return _said(
        one, RESTORED, "The home was restored from a backup", f"{one.facts['backup']}. No new risk is taken until a "
        "live tick has settled what happened since.", key=RESTORED,
    )  # fmt: skip


def _approved(one: SeenEvent) -> Alert:
    title = f"{one.facts['author']} approved configuration {one.facts['hash'][:16]} for real money"
    return _said(one, topics.CONFIG_APPROVED, title, "Was that not you? `bot halt stop --reason WHY`, then look.")


def _resolution(one: SeenEvent) -> Alert:
    order, word = one.facts["client_order_id"], one.facts["word"].replace("_", " ")
    return _said(
        one, topics.RECONCILIATION_COMPLETED, f"{one.facts['author']} said of {order}: {word}",
        f"{one.facts['reason']}. `bot why {order}` tells its life.",
    )  # fmt: skip


def _adoption(one: SeenEvent) -> Alert:
    fact = one.facts["fact"]
    title = f"{one.facts['author']} made ours: {one.facts['kind']} of {fact['symbol']}"
    return _said(one, topics.RECONCILIATION_COMPLETED, title)


def _drill(one: SeenEvent) -> Alert:
    passed, failed = one.facts["passed"], one.facts["scenes_failed"] + one.facts["removals_missed"]
    if passed:
        return _said(one, topics.DRILL_PLAYED, f"The drill passed: {one.facts['scenes_passed']} scenes")
    words = "Real money only reduces without a pass. `bot drill` says which, and what to mend."
    return _said(one, topics.DRILL_PLAYED, f"The drill failed in {failed} places", words, severity="high")


def _accepted(one: SeenEvent) -> Alert:
    words = "What was cut off is not known here; orders of that time show up as foreign."
    return _said(
        one, RECORD, f"{one.facts['author']} took the record as it stands", f"{one.facts['reason']}. {words}",
        severity="warning", ends=RECORD,
    )  # fmt: skip


_TELL: dict[str, Callable[[SeenEvent], Alert]] = {
    "halt": _halt, "panic": _panic, "trip": _trip, "alarm": _alarm, "pause": _pause, "restore": _restore,
    "approval": _approved, "resolution": _resolution, "adoption": _adoption, "drill": _drill, "accepted": _accepted,
}  # fmt: skip
"""What tells each kind of event (`bot.store.kinds`)."""
