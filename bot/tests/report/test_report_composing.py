"""What a channel is told: in full, folded, repeated, held back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Alert, KeptAlert, Message
from bot.domain.desk import AlertNumbers
from bot.domain.topics import SEVERITIES, Severity
from bot.report.composing import (
    CRITICAL_LEAST,
    CRITICAL_PAUSE,
    IN_FULL,
    TITLE_LETTERS,
    Draft,
    Standing,
    Waiting,
    compose,
    is_quiet,
    may_speak,
    message_of,
    told,
)
from bot.talkers.shape import fit, message_shape

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NUMBERS = AlertNumbers()


def kept(number: int = 1, severity: Severity = "warning", **changes: Any) -> KeptAlert:
    alert: dict[str, Any] = {"at": NOW - HOUR, "topic": "order.failed", "title": f"thing {number}"}
    alert |= {name: changes.pop(name) for name in ("at", "topic", "title", "words") if name in changes}
    told = Alert(severity=severity, key=f"k{number}", **alert)
    return KeptAlert(id=number, alert=told, last_at=changes.pop("last_at", told.at), **changes)


def drafts(numbers: AlertNumbers = NUMBERS, at: datetime = NOW, **waiting: Any) -> tuple[Draft, ...]:
    return compose(Waiting(channel="discord", **waiting), numbers, at, "main PAPER")


def text(message: Message) -> str:
    return "\n".join((message.title, *message.lines))


def test_nothing_waiting_composes_nothing() -> None:
    assert drafts() == ()


def test_one_alert_is_told_whole() -> None:
    one = kept(12, "high", title="XLF was not sold", words="why\nwhat helps", times=3, last_at=NOW - MINUTE)
    (draft,) = drafts(ordinary=(one,))
    assert text(draft.message) == (
        "[main PAPER] HIGH: XLF was not sold\n#12 order.failed\nwhy\nwhat helps\n"
        "at Fri 2026-11-20 11:00 New York, seen 3 times, last 11:59"
    )
    assert (draft.lane, draft.kind, draft.alert_ids, draft.message.silent) == ("ordinary", "alerts", (12,), False)


def test_what_is_critical_says_how_to_acknowledge_it_and_what_is_answered_does_not() -> None:
    (open_one,) = drafts(critical=(kept(12, "critical"),))
    assert "acknowledge: `bot alerts ack 12`, or /ack 12 in the chat" in open_one.message.lines
    (answered,) = drafts(critical=(kept(12, "critical", acknowledged_at=NOW, acknowledged_by="owner"),))
    assert "acknowledged by owner" in text(answered.message)
    assert "ack 12" not in text(answered.message)


def test_what_was_over_the_moment_it_happened_does_not_say_that_it_ended() -> None:
    (moment,) = drafts(ordinary=(kept(ended_at=NOW - HOUR),))
    assert "ended" not in text(moment.message)
    (lasted,) = drafts(ordinary=(kept(ended_at=NOW - MINUTE),))
    assert "at Fri 2026-11-20 11:00 New York, and it ended 11:59" in lasted.message.lines


def test_up_to_five_are_told_one_by_one_gravest_first_and_six_are_a_digest() -> None:
    five = tuple(kept(number, "high" if number == 4 else "info", words="why") for number in range(1, IN_FULL + 1))
    (draft,) = drafts(ordinary=five)
    assert draft.message.title == "[main PAPER] HIGH: thing 4 (and 4 more)"
    assert draft.message.lines[0] == "#4 HIGH: thing 4"
    assert draft.message.lines.count("why") == IN_FULL
    (folded,) = drafts(ordinary=(*five, kept(6, "info", at=NOW - 26 * HOUR)))
    assert text(folded.message) == (
        "[main PAPER] 6 alerts, the gravest HIGH\nalerts #1-#6\n"
        "HIGH order.failed: 1 (11:00)\n  #4 thing 4\n"
        "INFO order.failed: 5 (Thu 11-19 10:00 to 11:00)\n  #6 thing 6\n  #5 thing 5\n  and 3 more\n"
        "each of them: `bot alerts list --all`"
    )
    assert folded.alert_ids == (1, 2, 3, 4, 5, 6)


def test_what_may_have_been_said_before_is_marked_alert_by_alert() -> None:
    (draft,) = drafts(ordinary=(kept(1), kept(2)), before=frozenset({1}))
    assert "#1 WARNING: thing 1 (may have been said before)" in draft.message.lines
    assert "#2 WARNING: thing 2" in draft.message.lines
    (folded,) = drafts(ordinary=tuple(map(kept, range(1, 9))), before=frozenset({1, 2, 3, 7, 99}))
    assert "may have been said before: #1-#3, #7" in folded.message.lines


def test_critical_and_other_alerts_never_share_a_message() -> None:
    first, second = drafts(critical=(kept(2, "critical"),), ordinary=(kept(1, "info"),))
    assert (first.lane, second.lane) == ("critical", "ordinary")
    assert (first.message.silent, second.message.silent) == (False, True), "nobody is woken for what is only news"


@pytest.mark.parametrize(
    ("span", "hour", "minute", "quiet"),
    [
        ("22:00-07:00", 21, 59, False), ("22:00-07:00", 22, 0, True), ("22:00-07:00", 3, 0, True),
        ("22:00-07:00", 6, 59, True), ("22:00-07:00", 7, 0, False), ("12:00-13:00", 12, 30, True),
        ("12:00-13:00", 13, 0, False), (None, 3, 0, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("month", [1, 7])
def test_quiet_hours_are_new_yorks_on_both_sides_of_its_clock_changes(
    span: str | None, hour: int, minute: int, quiet: bool, month: int
) -> None:
    offset = 5 if month == 1 else 4
    at = datetime(2026, month, 15, 0, 0, tzinfo=UTC) + timedelta(hours=hour + offset, minutes=minute)
    assert is_quiet(span, at) is quiet


def test_quiet_hours_hold_back_everything_but_what_is_critical() -> None:
    numbers = AlertNumbers(quiet_hours="22:00-07:00")
    night = NOW + 12 * HOUR
    found = drafts(numbers, night, critical=(kept(2, "critical"),), ordinary=(kept(1, "high"),))
    assert [one.lane for one in found] == ["critical"]
    assert len(drafts(numbers, NOW, ordinary=(kept(1, "high"),))) == 1


def test_the_hours_limit_holds_back_what_is_not_critical_until_the_oldest_is_an_hour_old() -> None:
    numbers = AlertNumbers(messages_per_hour=2)
    asked = (NOW - 59 * MINUTE, NOW - MINUTE)
    assert drafts(numbers, ordinary=(kept(),), asked_ordinary=asked) == ()
    assert len(drafts(numbers, NOW + MINUTE, ordinary=(kept(),), asked_ordinary=asked)) == 1
    assert len(drafts(numbers, critical=(kept(1, "critical"),), asked_ordinary=asked * 50)) == 1


def test_a_storm_of_critical_alerts_is_slowed_to_one_message_each_pause() -> None:
    asked = tuple(NOW - number * MINUTE for number in range(1, CRITICAL_LEAST + 1))
    numbers = AlertNumbers(messages_per_hour=1)
    waiting = Waiting(channel="discord", asked_critical=asked)
    assert may_speak("critical", Waiting(channel="discord", asked_critical=asked[1:]), numbers, NOW)
    assert not may_speak("critical", waiting, numbers, NOW)
    assert may_speak("critical", waiting, numbers, NOW - MINUTE + CRITICAL_PAUSE)


def test_a_clock_that_was_ahead_neither_holds_back_nor_silences() -> None:
    ahead = tuple(NOW + HOUR for _ in range(100))
    assert len(drafts(ordinary=(kept(),), asked_ordinary=ahead)) == 1
    standing = (Standing(kept=kept(1, "critical"), said_at=NOW + HOUR),)
    assert [one.kind for one in drafts(standing=standing)] == ["repeat"]


def test_what_is_critical_is_repeated_when_it_is_due_in_one_message() -> None:
    due = Standing(kept=kept(1, "critical"), said_at=NOW - 30 * MINUTE)
    fresh = Standing(kept=kept(2, "critical"), said_at=NOW - 29 * MINUTE)
    unsaid = Standing(kept=kept(3, "critical"))
    (draft,) = drafts(standing=(due, fresh, unsaid))
    assert (draft.kind, draft.alert_ids) == ("repeat", (1, 3))
    assert draft.message.title == "[main PAPER] still CRITICAL: thing 1 (and 1 more)"
    assert "  acknowledge: `bot alerts ack 3`, or /ack 3 in the chat" in draft.message.lines


def test_with_repeats_off_what_is_critical_is_said_once() -> None:
    numbers = AlertNumbers(repeat_minutes=None)
    assert drafts(numbers, standing=(Standing(kept=kept(1, "critical"), said_at=NOW - 99 * HOUR),)) == ()
    assert len(drafts(numbers, standing=(Standing(kept=kept(1, "critical")),))) == 1


@pytest.mark.parametrize(
    ("least", "heard"),
    [("info", SEVERITIES), ("high", ("high", "critical")), ("critical", ("critical",)), (None, ())],
)
def test_a_route_is_the_least_that_a_channel_is_told(least: Severity | None, heard: tuple[Severity, ...]) -> None:
    assert told(AlertNumbers(discord=least), "discord") == heard


@given(
    severities=st.lists(st.sampled_from(SEVERITIES), min_size=1, max_size=60),
    title=st.text(max_size=400), words=st.text(max_size=6_000) | st.just("*_`" * 2_000),
)  # fmt: skip
def test_whatever_the_words_are_a_message_fits_every_channel_and_names_each_alert(
    severities: list[Severity], title: str, words: str
) -> None:
    alerts = tuple(
        kept(number, severity, title=title, words=words, topic=f"t{number % 30}", times=1_000)
        for number, severity in enumerate(severities, 1)
    )
    message = message_of(alerts, frozenset(range(1, 9)), NOW, "main PAPER")
    assert len(message.title) <= TITLE_LETTERS
    assert not any(set(line) & {"\n", "\r", "\x00"} for line in (message.title, *message.lines))
    assert len(text(message)) < 4_000, "Telegram takes 4,096"
    assert not any("the rest" in line for line in message.lines[-1:]), "nothing is cut off at the end"
    content, embeds = message_shape(message)
    seen = "\n".join([content, *(one["description"] for one in fit(content, embeds)[1])]).replace("\\", "")
    if len(alerts) <= IN_FULL:
        assert all(f"#{one.id} " in seen for one in alerts)
    else:
        assert f"alerts #1-#{len(alerts)}" in seen
