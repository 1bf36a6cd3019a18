"""What `bot listen` keeps: a message before it is carried out, codes, counts, and where nothing can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import StoreError, TryLater
from bot.store.database import Database
from bot.store.listening import (
    CODE_SECONDS,
    STRANGERS_A_DAY,
    Taken,
    answered,
    cut_short,
    finish,
    keep_code,
    listening_ledger,
    offset_of,
    pass_over,
    recent,
    take_up,
    untold,
    use_code,
)

NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)


def message(number: int, *, user: int = 7, chat: str = "-1", words: str = "/status") -> Taken:
    return Taken("desk", number, user, chat, f"telegram owner {user}", words, NOON)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path, "OFF")) as database:
        yield database


def test_a_message_is_taken_up_once_and_the_next_number_is_asked_for(ledger: Database) -> None:
    assert offset_of(ledger, "desk", NOON) == 0
    assert take_up(ledger, message(41), NOON, "begun") == 1
    assert take_up(ledger, message(41), NOON, "begun") is None
    assert take_up(ledger, message(40), NOON, "begun") is None
    assert offset_of(ledger, "desk", NOON) == 42
    assert offset_of(ledger, "another bot", NOON) == 0
    assert pass_over(ledger, "desk", 50, NOON)
    assert not pass_over(ledger, "desk", 50, NOON)
    assert take_up(ledger, message(49), NOON, "begun") is None


@given(st.lists(st.integers(0, 30), max_size=40))
@settings(max_examples=25, deadline=None)
def test_whatever_order_numbers_come_in_none_is_taken_twice(numbers: list[int]) -> None:
    """(B051) numbers only rise while messages come, so a replay of any part of the past does nothing."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder, closing(Database(Path(folder), "OFF")) as database:
        taken = [number for number in numbers if take_up(database, message(number), NOON, "begun")]
    assert taken == sorted(set(taken))
    assert not numbers or max(numbers) in taken


def test_after_six_quiet_days_numbers_may_begin_anew(ledger: Database) -> None:
    take_up(ledger, message(9_000), NOON, "begun")
    later = NOON + timedelta(days=6)
    assert take_up(ledger, message(5), later, "begun") is None
    later += timedelta(seconds=1)
    assert offset_of(ledger, "desk", later) == 0
    assert take_up(ledger, message(5), later, "begun") == 2
    assert offset_of(ledger, "desk", later) == 6


def test_what_was_begun_and_not_ended_is_cut_short_and_told_until_the_chat_has_it(ledger: Database) -> None:
    first = take_up(ledger, message(1), NOON, "begun")
    second = take_up(ledger, message(2, words="/stop"), NOON, "begun")
    assert first
    assert second
    finish(ledger, first, "done", "all is well")
    cut_short(ledger)
    assert [(one.words, one.state, one.outcome) for one in untold(ledger, NOON)] == [
        ("/status", "done", "all is well"),
        ("/stop", "cut_short", ""),
    ]
    answered(ledger, [first], NOON)
    assert [one.id for one in untold(ledger, NOON)] == [second]
    assert untold(ledger, NOON + timedelta(days=1)) == [], "after a day it is history"


def test_what_was_typed_at_the_machine_is_neither_told_nor_counted(ledger: Database) -> None:
    with ledger.writing() as connection:
        connection.execute(
            "INSERT INTO commands (at, author, words, outcome) VALUES ('2026-11-18T17:00:00Z', 'owner', 'x', 'y')"
        )
    assert untold(ledger, NOON) == []
    assert recent(ledger, NOON) == {}


def test_messages_nobody_carries_out_take_few_rows(ledger: Database) -> None:
    for number in range(1, 200):
        take_up(ledger, message(number, user=8), NOON, "limited")
        take_up(ledger, message(200 + number, user=9), NOON, "dropped")
        take_up(ledger, message(400 + number, user=1000 + number), NOON, "stranger")
    run = ledger.connection.execute
    rows = dict(run("SELECT state, COUNT(*) FROM commands GROUP BY state"))
    assert rows["stranger"] <= STRANGERS_A_DAY
    assert rows.get("limited", 0) <= 1
    assert rows.get("dropped", 0) <= 10
    assert recent(ledger, NOON + timedelta(seconds=1)) == {}


def test_only_what_was_carried_out_or_refused_counts_for_a_minute(ledger: Database) -> None:
    for number in range(3):
        take_up(ledger, message(number + 1), NOON, "begun")
    assert recent(ledger, NOON + timedelta(seconds=59)) == {7: 3}
    assert recent(ledger, NOON + timedelta(seconds=60)) == {}


def test_what_was_said_while_the_clock_ran_ahead_keeps_nobody_from_speaking_now(ledger: Database) -> None:
    for number in range(20):
        take_up(ledger, message(number + 1), NOON + timedelta(hours=1), "begun")
    assert recent(ledger, NOON + timedelta(hours=1)) == {7: 20}
    assert recent(ledger, NOON) == {}


@pytest.mark.parametrize(("seconds", "words"), [(CODE_SECONDS, "/stop"), (CODE_SECONDS + 1, ""), (-1, "")])
def test_a_code_is_used_within_its_minute_or_never(ledger: Database, seconds: int, words: str) -> None:
    row = take_up(ledger, message(1), NOON, "begun")
    assert row
    keep_code(ledger, message(1), "/stop", "hash", NOON)
    at = NOON + timedelta(seconds=seconds)
    assert use_code(ledger, message(2), "hash", row, at)[0] == words
    assert use_code(ledger, message(2), "hash", row, NOON) == ("", "nothing waits for a code; send the command again")


def test_a_newer_code_takes_the_place_of_an_older_one(ledger: Database) -> None:
    row = take_up(ledger, message(1), NOON, "begun")
    assert row
    keep_code(ledger, message(1), "/stop", "old", NOON)
    keep_code(ledger, message(1), "/resume", "new", NOON)
    assert use_code(ledger, message(2), "old", row, NOON)[0] == ""
    assert use_code(ledger, message(2, chat="-2"), "new", row, NOON)[0] == ""
    assert use_code(ledger, message(2, user=8), "new", row, NOON)[0] == ""
    assert use_code(ledger, message(2), "new", row, NOON)[0] == "/resume"


def test_an_older_ledger_is_left_to_a_tick_to_bring_up_to_date(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match="no tick has run yet"), listening_ledger(tmp_path):
        raise AssertionError("unreachable")
    with closing(Database(tmp_path)) as database:
        database.connection.execute("PRAGMA user_version=17")
    with pytest.raises(TryLater, match="run `bot tick` once"), listening_ledger(tmp_path):
        raise AssertionError("unreachable")


def test_a_ledger_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no ledger at all" * 100)
    with pytest.raises(StoreError, match=r"ledger\.sqlite: .*restore the last backup"), listening_ledger(tmp_path):
        raise AssertionError("unreachable")
