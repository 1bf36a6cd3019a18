"""The outbox: what a message goes through, and what each lane of a channel still has to be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.alerts import Alert, Delivered, Message
from bot.domain.topics import Severity
from bot.store.alerting import keep_alerts
from bot.store.database import Database
from bot.store.outbox import (
    BACKOFF,
    CRITICAL,
    CRITICAL_WAIT,
    LONGEST_WAIT,
    ORDINARY,
    OutboxRow,
    add_message,
    begin_sending,
    cursor_of,
    drop_answered_repeats,
    due_messages,
    give_up_sending,
    is_due,
    keep_answer,
    may_ask,
    open_channel,
    reached,
    read_message,
)
from bot.store.outbox_waiting import (
    LOOKED_BACK,
    LaneWaiting,
    asked_lately,
    keep_message,
    lane_waiting,
    pass_over,
    standing_of,
)

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REST: tuple[Severity, ...] = ("info", "warning", "high")


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    opened = Database(home)
    with opened.writing() as connection:
        open_channel(connection, "discord", "aa", NOW)
    yield opened
    opened.close()


def note(database: Database, count: int = 1, severity: Severity = "warning", at: datetime = NOW) -> None:
    with database.writing() as connection:
        (newest,) = connection.execute("SELECT COALESCE(max(id), 0) FROM alerts").fetchone()
        keep_alerts(
            connection,
            (
                Alert(at=at, topic="t", severity=severity, key=f"k{newest + one}", title="a", words="w", lasts="state")
                for one in range(count)
            ),
            60,
        )


def waiting(database: Database, lane: str = ORDINARY, at: datetime = NOW) -> LaneWaiting:
    severities: tuple[Severity, ...] = ("critical",) if lane == CRITICAL else REST
    with database.reading() as connection:
        return lane_waiting(connection, "discord", lane, severities, at, 5)


def write(database: Database, lane: str = ORDINARY, at: datetime = NOW) -> OutboxRow:
    """Write down the message that tells a lane everything, and give it."""
    found = waiting(database, lane, at)
    severity: Severity = "critical" if lane == CRITICAL else "high"
    with database.writing() as connection:
        ids = tuple(one.id for one in found.alerts)
        keep_message(connection, "discord", lane, Message(title="a", severity=severity, at=at), ids, found, at)
        (number,) = connection.execute("SELECT max(id) FROM outbox").fetchone()
        return read_message(connection, number)


def ask(database: Database, row: OutboxRow, outcome: Any, at: datetime = NOW, wait: float = 0.0) -> None:
    begin_sending(database, row)
    with database.writing() as connection:
        keep_answer(connection, row, Delivered(outcome=outcome, wait_seconds=wait, words="why"), at)


def one(database: Database, question: str) -> Any:
    row = database.connection.execute(question).fetchone()
    return row[0] if len(row) == 1 else row


def test_a_lane_is_told_what_is_beyond_its_cursor_and_of_its_severities_alone(database: Database) -> None:
    note(database, 2)
    note(database, 1, "critical")
    assert [one.id for one in waiting(database).alerts] == [1, 2]
    assert [one.id for one in waiting(database, CRITICAL).alerts] == [3]
    assert waiting(database).alerts[0].alert.words == "w"
    write(database)
    assert waiting(database).alerts == ()
    assert [one.id for one in waiting(database, CRITICAL).alerts] == [3]


def test_words_are_not_read_for_a_digest(database: Database) -> None:
    note(database, 6)
    assert {one.alert.words for one in waiting(database).alerts} == {""}


def test_a_message_is_sending_on_the_disk_before_it_leaves(database: Database) -> None:
    note(database)
    row = write(database)
    begin_sending(database, row)
    assert database.on_disk
    assert one(database, "SELECT state, attempts FROM outbox") == ("sending", 1)


def test_what_is_found_sending_is_of_unknown_fate_and_its_alerts_come_again_marked(database: Database) -> None:
    note(database)
    begin_sending(database, write(database))
    with database.writing() as connection:
        assert give_up_sending(connection, NOW) == 1
    again = waiting(database)
    assert ([one.id for one in again.alerts], again.before) == ([1], frozenset({1}))
    ask(database, write(database), "sent")
    assert waiting(database).alerts == (), "once more, not for ever"


def test_a_report_that_was_being_sent_is_nobodys_to_judge_here(database: Database) -> None:
    with database.writing() as connection:
        number = add_message(connection, "discord", "report", "report:2026-11-20", Message(title="a", at=NOW), (), NOW)
        row = read_message(connection, number)
    begin_sending(database, row)
    with database.writing() as connection:
        assert give_up_sending(connection, NOW) == 0
    assert due_messages(database, "discord", NOW, only_critical=False) == []


def test_a_refused_message_takes_in_what_comes_later_and_keeps_its_wait_and_its_marks(database: Database) -> None:
    note(database)
    ask(database, write(database), "unknown")
    later = NOW + 2 * MINUTE
    ask(database, write(database, at=later), "refused", later)
    assert waiting(database, at=later).alerts == (), "nothing is new: it waits as it is"
    note(database, 2)
    again = waiting(database, at=later)
    assert ([one.id for one in again.alerts], again.before) == ([1, 2, 3], frozenset({1}))
    write(database, at=later)
    assert one(database, "SELECT count(*) FROM outbox WHERE state = 'pending'") == 1
    assert due_messages(database, "discord", later, only_critical=False) == []
    assert len(due_messages(database, "discord", later + 2 * MINUTE, only_critical=False)) == 1


def test_something_new_and_critical_waits_for_no_refusal_of_before(database: Database) -> None:
    note(database, 1, "critical")
    ask(database, write(database, CRITICAL), "refused")
    assert due_messages(database, "discord", NOW, only_critical=True) == []
    note(database, 1, "critical")
    write(database, CRITICAL)
    assert len(due_messages(database, "discord", NOW, only_critical=True)) == 1


def test_pauses_grow_to_an_hour_and_for_what_is_critical_to_five_minutes(database: Database) -> None:
    note(database)
    note(database, 1, "critical")
    for lane, longest in ((ORDINARY, 3600.0), (CRITICAL, CRITICAL_WAIT)):
        number = write(database, lane).id
        for wanted in (*BACKOFF, BACKOFF[-1]):
            with database.reading() as connection:
                row = read_message(connection, number)
            ask(database, row, "refused")
            assert not is_due_at(database, number, NOW + timedelta(seconds=min(wanted, longest) - 1))
            assert is_due_at(database, number, NOW + timedelta(seconds=min(wanted, longest)))


def is_due_at(database: Database, number: int, at: datetime) -> bool:
    return number in {row.id for row in due_messages(database, "discord", at, only_critical=False)}


def test_a_wait_the_channel_asks_for_is_kept_and_one_by_a_wrong_clock_is_not(database: Database) -> None:
    note(database)
    ask(database, write(database), "refused", wait=90.0)
    with database.writing() as connection:
        row = open_channel(connection, "discord", "aa", NOW)
    assert not may_ask(row, NOW + timedelta(seconds=89))
    assert may_ask(row, NOW + timedelta(seconds=90))
    assert is_due(NOW, NOW - LONGEST_WAIT - MINUTE)


def test_one_message_taken_sets_the_others_free(database: Database) -> None:
    note(database)
    note(database, 1, "critical")
    ask(database, write(database), "refused")
    ask(database, write(database, CRITICAL), "sent")
    assert len(due_messages(database, "discord", NOW, only_critical=False)) == 1
    assert one(database, "SELECT failures, sent_at IS NOT NULL FROM channels") == (0, 1)


def test_a_dead_channel_keeps_its_messages_and_another_address_brings_it_back(database: Database) -> None:
    note(database)
    ask(database, write(database), "dead")
    with database.writing() as connection:
        row = open_channel(connection, "discord", "aa", NOW)
        assert (may_ask(row, NOW), row.dead_why) == (False, "why")
        assert open_channel(connection, "discord", "bb", NOW).revived
        assert may_ask(open_channel(connection, "discord", "bb", NOW), NOW)
    assert len(due_messages(database, "discord", NOW, only_critical=False)) == 1


def test_a_test_message_is_asked_once(database: Database) -> None:
    with database.writing() as connection:
        row = read_message(
            connection, add_message(connection, "discord", "test", "test", Message(title="a", at=NOW), (), NOW)
        )
    ask(database, row, "refused")
    assert one(database, "SELECT state FROM outbox") == "dead"


def test_a_new_channel_begins_with_yesterday(home: Path) -> None:
    database = Database(home)
    note(database, 3, at=NOW - timedelta(days=2))
    note(database)
    with database.writing() as connection:
        open_channel(connection, "discord", "aa", NOW)
    assert [one.id for one in waiting(database).alerts] == [4]
    database.close()


def test_what_a_lane_is_not_told_is_passed_over_for_good(database: Database) -> None:
    note(database, 1, "critical")
    with database.writing() as connection:
        pass_over(connection, "discord", ORDINARY, waiting(database))
        assert reached(connection, cursor_of("discord", ORDINARY)) == 1
        assert reached(connection, cursor_of("discord", CRITICAL)) == 0


def test_after_thousands_of_messages_no_answer_that_was_lost_is_forgotten(database: Database) -> None:
    with database.writing() as connection:
        for _ in range(LOOKED_BACK + 10):
            number = add_message(connection, "discord", "alerts", ORDINARY, Message(title="a", at=NOW), (), NOW)
        connection.execute("UPDATE outbox SET state = 'sent'")
        connection.execute(
            f"UPDATE outbox SET state = 'unknown', next_at = '2026-11-20T17:30:00.000000Z' WHERE id = {number}"
        )
        pass_over(connection, "discord", ORDINARY, waiting(database))
        assert reached(connection, "channel.discord.again") == 0
        connection.execute("UPDATE outbox SET state = 'sent'")
        pass_over(connection, "discord", ORDINARY, waiting(database))
        assert reached(connection, "channel.discord.again") == number - 1


def test_what_is_critical_stands_until_it_is_acknowledged_or_over_and_not_while_it_is_being_said(
    database: Database,
) -> None:
    note(database, 3, "critical")
    assert standing_of(database.connection, "discord") == [], "it is about to be said for the first time"
    row = write(database, CRITICAL)
    assert standing_of(database.connection, "discord") == []
    ask(database, row, "sent")
    assert [(one.id, at) for one, at in standing_of(database.connection, "discord")] == [(1, NOW), (2, NOW), (3, NOW)]
    database.connection.execute("UPDATE alerts SET acknowledged_at = at WHERE id = 1")
    database.connection.execute("UPDATE alerts SET ended_at = at WHERE id = 2")
    assert [one.id for one, _ in standing_of(database.connection, "discord")] == [3]


def test_a_repeat_that_waits_is_given_up_once_nobody_needs_it(database: Database) -> None:
    note(database, 2, "critical")
    ask(database, write(database, CRITICAL), "sent")
    with database.writing() as connection:
        add_message(connection, "discord", "repeat", "repeat", Message(title="a", at=NOW), (1, 2), NOW)
        connection.execute("UPDATE alerts SET acknowledged_at = at WHERE id = 1")
        assert drop_answered_repeats(connection, "discord")
        connection.execute("UPDATE alerts SET ended_at = at WHERE id = 2")
        assert not drop_answered_repeats(connection, "discord")
    assert one(database, "SELECT state FROM outbox ORDER BY id DESC") == "dead"


def test_only_what_was_asked_within_the_time_counts_against_the_limit(database: Database) -> None:
    note(database)
    note(database, 1, "critical")
    ask(database, write(database), "sent", NOW - 61 * MINUTE)
    ask(database, write(database, CRITICAL), "sent", NOW - 5 * MINUTE)
    note(database)
    write(database)
    critical, ordinary = asked_lately(database.connection, "discord", NOW - 60 * MINUTE)
    assert (critical, ordinary) == ((NOW - 5 * MINUTE,), ())
