"""Reports in the outbox: one row a date and channel, and what each state lets happen next (C006)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.alerts import Delivered
from bot.store.database import Database
from bot.store.outbox import open_channel
from bot.store.reports import (
    any_report,
    claim_report,
    count_reports,
    days_waiting,
    drill_before,
    head_at,
    mark_dead,
    read_holding,
    read_report,
    report_key,
    settle_report,
)

AT = datetime(2026, 11, 18, 22, 30, tzinfo=UTC)
DAY = date(2026, 11, 18)
KEY = report_key(DAY)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Give a ledger of its own."""
    made = Database(tmp_path)
    yield made
    made.close()


def state(database: Database, key: str = KEY) -> str:
    """Give how far a report came."""
    row = read_report(database.connection, "discord", key)
    return "" if row is None else row.state


def asked(database: Database, answer: Delivered) -> str:
    """Take a report, answer for its channel, and give the state it is in then."""
    with database.writing() as connection:
        assert claim_report(connection, "discord", KEY, "{}", AT) is None
    assert state(database) == "sending"
    with database.writing() as connection:
        return settle_report(connection, "discord", KEY, answer, AT)


def test_a_report_is_on_its_way_before_anybody_is_asked_and_sent_once(database: Database) -> None:
    assert not any_report(database.connection, "discord")
    assert asked(database, Delivered(outcome="sent", remote_id="17")) == "sent"
    assert any_report(database.connection, "discord")
    assert not any_report(database.connection, "telegram")
    with database.writing() as connection:
        barred = claim_report(connection, "discord", KEY, "{}", AT + timedelta(days=3))
    assert barred is not None
    assert (barred.state, barred.remote_id, barred.delivered_at, barred.attempts) == ("sent", "17", AT, 1)


def test_a_report_whose_sender_died_is_unknown_for_good(database: Database) -> None:
    with database.writing() as connection:
        claim_report(connection, "discord", KEY, "{}", AT)
    for _ in range(2):
        with database.writing() as connection:
            barred = claim_report(connection, "discord", KEY, "{}", AT + timedelta(hours=1))
        assert barred is not None
        assert (barred.state, barred.error) == ("unknown", "its sender ended before the answer came")


def test_an_unknown_answer_bars_the_next_one(database: Database) -> None:
    assert asked(database, Delivered(outcome="unknown", words="no answer")) == "unknown"
    with database.writing() as connection:
        assert claim_report(connection, "discord", KEY, "{}", AT + timedelta(days=1)) is not None
    assert days_waiting(database.connection, ("discord",), AT + timedelta(days=1)) == ()


def test_what_was_refused_waits_as_long_as_it_was_told_and_a_minute_at_least(database: Database) -> None:
    assert asked(database, Delivered(outcome="refused", wait_seconds=5.0, words="later")) == "pending"
    with database.writing() as connection:
        barred = claim_report(connection, "discord", KEY, "{}", AT + timedelta(seconds=59))
    assert barred is not None
    assert barred.next_at == AT + timedelta(minutes=1)
    later = AT + timedelta(minutes=1)
    assert days_waiting(database.connection, ("discord",), later) == (DAY,)
    assert days_waiting(database.connection, ("telegram",), later) == ()
    assert days_waiting(database.connection, ("discord",), AT + timedelta(days=8)) == ()
    with database.writing() as connection:
        assert claim_report(connection, "discord", KEY, "{}", later) is None


def test_a_wait_that_a_clock_far_ahead_wrote_holds_no_report_back(database: Database) -> None:
    with database.writing() as connection:
        assert claim_report(connection, "discord", KEY, "{}", AT) is None
        wrong = AT + timedelta(days=300)  # the clock when the channel was asked; set right since
        settle_report(connection, "discord", KEY, Delivered(outcome="refused", words="later"), wrong)
        assert days_waiting(connection, ("discord",), AT + timedelta(minutes=2)) == (DAY,)
        assert claim_report(connection, "discord", KEY, "{}", AT + timedelta(minutes=2)) is None


def test_a_report_for_a_dead_channel_goes_once_the_channel_lives(database: Database) -> None:
    with database.writing() as connection:
        open_channel(connection, "discord", "hash", AT)
    assert asked(database, Delivered(outcome="dead", words="gone")) == "dead"
    with database.writing() as connection:
        mark_dead(connection, "discord", "gone", AT)
        assert open_channel(connection, "discord", "hash", AT).dead_since == AT
        assert open_channel(connection, "discord", "another", AT).dead_since is None
        assert claim_report(connection, "discord", KEY, "{}", AT) is None


def test_reports_asked_for_again_are_counted_without_their_pictures_or_those_so_far(database: Database) -> None:
    keys = (KEY, f"{KEY}:picture", report_key(DAY, again=1), f"{report_key(DAY, again=1)}:picture")
    with database.writing() as connection:
        for key in (*keys, report_key(DAY, so_far=True)):
            claim_report(connection, "telegram", key, "{}", AT)
    assert count_reports(database.connection, "telegram", KEY) == 2
    assert count_reports(database.connection, "discord", KEY) == 0


def test_an_empty_ledger_has_no_head_no_drill_and_nothing_held(database: Database) -> None:
    assert head_at(database.connection, AT) == ("", 0)
    assert drill_before(database.connection, AT) is None
    assert read_holding(database.connection) == {}
