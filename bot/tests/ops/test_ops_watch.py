"""The watch: alarm, reduce_only and stop when they are due, a ping when all is well, and never an order (A066, X09)."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.commands import ticking
from bot.domain.errors import MarketError, StoreError
from bot.domain.sessions import session_on
from bot.ops.watch import GRACE, PERIOD, slots_due
from bot.store import verifying
from bot.store.alarms import GOOD_NEEDED, write_halt_file
from bot.store.database import LEDGER_NAME, moment_text
from bot.store.lock import home_lock
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import AT, Done, new_home, typed

NOON = datetime.fromisoformat(AT)
HEALTHY = NOON + timedelta(minutes=20)
DEAD = NOON + timedelta(minutes=50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_home(tmp_path)
    assert tick(tmp_path, NOON).code == 0
    return tmp_path


def tick(folder: Path, at: datetime) -> Done:
    return typed(folder, "tick", "--at", at.isoformat(), now=at)


def watch(folder: Path, now: datetime, *words: str, **variables: str) -> Done:
    return typed(folder, "watch", *words, now=now, **variables)


def level(folder: Path) -> str:
    with open_for_questions(folder / "data") as ledger:
        return ledger.halt().level


def asked(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "data" / LEDGER_NAME)) as ledger:
        return ledger.execute(query).fetchall()


def change(folder: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "data" / LEDGER_NAME)
    with connection:
        connection.execute(sql, values)
    connection.close()


# Which slots were due


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOON + PERIOD + GRACE, 0),
        (NOON + 2 * PERIOD + GRACE - timedelta(seconds=1), 0),
        (NOON + 2 * PERIOD + GRACE, 1),
        (NOON + 3 * PERIOD + GRACE, 2),
    ],
)
def test_a_slot_is_due_when_its_quarter_hour_and_the_grace_are_over(now: datetime, expected: int) -> None:
    assert len(slots_due(NOON, now)) == expected


def test_no_slot_is_due_at_night_on_a_weekend_or_on_a_holiday() -> None:
    session = session_on(date(2026, 11, 25))
    assert session is not None
    last = session.close_at - PERIOD
    assert slots_due(last, datetime(2026, 11, 26, 20, 0, tzinfo=UTC)) == ()  # Thanksgiving
    friday = session_on(date(2026, 11, 27))
    assert friday is not None
    assert friday.early
    assert len(slots_due(last, friday.close_at + timedelta(hours=9))) == 14
    assert slots_due(friday.close_at - PERIOD, datetime(2026, 11, 29, 18, 0, tzinfo=UTC)) == ()


def test_slots_past_the_calendar_are_no_guess() -> None:
    with pytest.raises(MarketError, match="update the program"):
        slots_due(datetime(2101, 1, 3, 15, 0, tzinfo=UTC), datetime(2101, 1, 4, 15, 0, tzinfo=UTC))


def test_slots_are_counted_ten_days_back_at_most() -> None:
    assert len(slots_due(NOON - timedelta(days=900), NOON)) < 10 * 26


# Healthy


def test_after_a_healthy_tick_all_is_well_and_the_record_stays_as_it_is(folder: Path) -> None:
    record = "SELECT (SELECT max(id) FROM events), (SELECT max(id) FROM ticks), (SELECT count(*) FROM halts)"
    before = asked(folder, record)
    done = watch(folder, HEALTHY)
    assert (done.code, done.err) == (0, "")
    assert "all is well: newest tick Wed 2026-11-18 12:00 New York, the record holds" in done.out
    assert level(folder) == "run"
    assert asked(folder, record) == before
    told = asked(folder, "SELECT topic FROM alerts WHERE topic LIKE 'watchdog.%'")
    assert told == [("watchdog.heartbeat",)], "the heartbeat of the day, beside the record"


def test_at_night_after_the_last_tick_of_a_session_all_is_well(folder: Path) -> None:
    assert tick(folder, datetime(2026, 11, 18, 20, 45, tzinfo=UTC)).code == 0
    assert watch(folder, datetime(2026, 11, 19, 4, 0, tzinfo=UTC)).code == 0


def test_one_missed_slot_is_a_gap_and_no_alarm(folder: Path) -> None:
    done = watch(folder, NOON + 2 * PERIOD + GRACE, "--json")
    assert done.code == 0
    assert len(json.loads(done.out)["missed_slots"]) == 1


# Dead


def test_ticks_that_do_not_come_raise_an_alarm_and_leave_only_reducing(folder: Path) -> None:
    done = watch(folder, DEAD)
    assert done.code == 1
    assert done.out == ""
    assert "ALARM: no tick has ended well since 2026-11-18 17:00 UTC: 2 slots of sessions went by" in done.err
    assert "set reduce_only; it clears by itself after good ticks" in done.err
    assert level(folder) == "reduce_only"
    assert not (folder / "data" / "HALT").exists()
    with open_for_questions(folder / "data") as ledger:
        assert [event.kind for event in ledger.events(kind="alarm")] == ["alarm"]
        assert ledger.halt().author == "watch"


def test_an_alarm_that_stands_is_said_again_and_kept_once(folder: Path) -> None:
    watch(folder, DEAD)
    done = watch(folder, DEAD + PERIOD, "--json")
    told = json.loads(done.out)
    assert (done.code, told["well"], len(told["missed_slots"])) == (1, False, 3)
    assert told["done"] == ["still reduce_only; it clears by itself after good ticks, or by `bot resume`"]
    with open_for_questions(folder / "data") as ledger:
        assert len(ledger.events(kind="alarm")) == 1


def test_an_alarm_clears_by_itself_after_good_ticks_in_slots_of_their_own(folder: Path) -> None:
    watch(folder, DEAD)
    at = DEAD + timedelta(minutes=10)  # 13:00 New York
    for number in range(GOOD_NEEDED):
        assert level(folder) == "reduce_only"
        assert tick(folder, at + number * PERIOD).code == 0
        assert tick(folder, at + number * PERIOD + timedelta(minutes=1)).code == 0  # the same slot counts once
        if number == 0:
            told = watch(folder, at + timedelta(minutes=2))
            assert told.code == 0
            assert "ticks come again; reduce_only clears by itself after 3 good ticks (1 so far)" in told.err
    assert level(folder) == "run"
    assert watch(folder, at + GOOD_NEEDED * PERIOD).code == 0


def test_a_person_may_lift_the_alarm(folder: Path) -> None:
    watch(folder, DEAD)
    assert typed(folder, "resume", now=DEAD + timedelta(minutes=1)).code == 0
    assert level(folder) == "run"
    watch(folder, DEAD + PERIOD)
    assert level(folder) == "reduce_only"


def test_an_alarm_lifts_no_halt_of_a_person_when_it_clears(folder: Path) -> None:
    assert typed(folder, "halt", "no_new_risk", "--reason", "holidays", now=NOON + timedelta(minutes=1)).code == 0
    watch(folder, DEAD)
    assert level(folder) == "reduce_only"
    for number in range(GOOD_NEEDED):
        tick(folder, DEAD + timedelta(minutes=10) + number * PERIOD)
    assert level(folder) == "no_new_risk"


def test_a_tick_that_began_and_died_is_named(folder: Path) -> None:
    change(folder, "UPDATE ticks SET status = 'started', finished_at = NULL WHERE id = 1")
    change(folder, "DELETE FROM events WHERE kind = 'tick'")
    done = watch(folder, DEAD)
    assert done.code == 1
    assert "no tick has ended well ever" in done.err
    assert "tick 1 began and did not end" in done.err


def test_a_home_that_never_ticked_is_an_alarm_without_a_halt(tmp_path: Path) -> None:
    new_home(tmp_path)
    done = watch(tmp_path, DEAD)
    assert done.code == 1
    assert "no tick ever ran" in done.err
    assert not (tmp_path / "data" / LEDGER_NAME).exists()


def test_an_alarm_is_raised_even_while_another_command_holds_the_home(folder: Path) -> None:
    with home_lock(folder / "data", "bot tick", DEAD):
        done = watch(folder, DEAD)
    assert done.code == 1
    assert "ALARM: no tick has ended well" in done.err
    assert "reduce_only could not be set: " in done.err
    assert "bot tick, since" in done.err


# A broken record


def test_a_changed_record_stops_every_tick_by_a_file_that_says_why(folder: Path) -> None:
    change(folder, "UPDATE events SET payload_json = replace(payload_json, 'dry', 'dri') WHERE kind = 'tick'")
    done = watch(folder, HEALTHY)
    assert done.code == 1
    assert "ALARM: the record was changed or damaged: event" in done.err
    assert "HALT was written: every tick stops until a person removes it" in done.err
    text = (folder / "data" / "HALT").read_text()
    assert text.startswith("bot watch: event")
    assert level(folder) == "stop"
    again = watch(folder, HEALTHY)
    assert "HALT lies there already" in again.err
    assert (folder / "data" / "HALT").read_text() == text


def test_a_flipped_byte_in_the_file_stops(folder: Path) -> None:
    path = folder / "data" / LEDGER_NAME
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=DELETE")  # everything into the one file
    (payload,) = connection.execute("SELECT payload_json FROM events WHERE kind = 'tick'").fetchone()
    connection.close()
    raw = bytearray(path.read_bytes())
    place = raw.index(payload.encode())
    raw[place + 12] ^= 1
    path.write_bytes(raw)
    assert watch(folder, HEALTHY).code == 1
    assert (folder / "data" / "HALT").exists()


def test_a_record_that_is_changed_writes_nothing_into_the_ledger(folder: Path) -> None:
    change(folder, "UPDATE ticks SET equity = '1' WHERE id = 1")
    watch(folder, DEAD)
    with open_for_questions(folder / "data") as ledger:
        assert ledger.events(kind="alarm") == []
    assert (folder / "data" / "HALT").exists()


def test_a_watch_holds_no_lock_that_would_make_a_tick_leave(folder: Path) -> None:
    change(folder, "UPDATE ledger_state SET nav = '2'")
    with home_lock(folder / "data", "bot tick", HEALTHY):
        done = watch(folder, HEALTHY)  # no tick is open in the ledger: this was changed by somebody else
    assert "ledger_state is not what the newest seal says of it" in done.err
    assert (folder / "data" / "HALT").exists()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_CANTOPEN])
def test_a_ledger_that_cannot_be_read_just_now_is_an_alarm_and_no_halt(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    class InTheWay(sqlite3.OperationalError):
        sqlite_errorcode = code

    def refuse(*_: object) -> None:
        raise InTheWay("in the way")

    monkeypatch.setattr(verifying, "sum_faults", refuse)
    done = watch(folder, HEALTHY)
    assert done.code == 1
    assert "could not be read to its end (in the way): nothing is known of it" in done.err
    assert not (folder / "data" / "HALT").exists()


def test_what_a_killed_tick_left_unsealed_is_judged_when_the_next_one_sealed_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.store.journal import LedgerJournal

    def die(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LedgerJournal, "seal", die)
        assert tick(folder, NOON + PERIOD).code != 0
    done = watch(folder, HEALTHY)
    assert done.code == 0, done.err
    assert not (folder / "data" / "HALT").exists()
    assert tick(folder, NOON + 2 * PERIOD).code == 0
    assert watch(folder, NOON + 2 * PERIOD + GRACE).err == ""


def test_a_halt_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "HALT").write_text("mine")
    assert not write_halt_file(tmp_path, "another")
    assert (tmp_path / "HALT").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["HALT"]
    with pytest.raises(StoreError, match="write it by hand"):
        write_halt_file(tmp_path / "gone", "another")


def test_the_watch_runs_no_tick_and_opens_no_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("the watch ticked")

    monkeypatch.setattr(ticking, "one_tick", never)
    monkeypatch.setattr(ticking, "open_world", never)
    for now in (HEALTHY, DEAD):
        watch(folder, now)
    with open_for_questions(folder / "data") as ledger:
        assert len(ledger.ticks()) == 1


def test_a_trip_wire_that_clears_by_itself_lifts_no_alarm(folder: Path) -> None:
    watch(folder, DEAD)
    change(
        folder, "INSERT INTO halts (at, level, author, reason, clears) VALUES (?, 'run', 'trip: clock_skew', 'ok', '')",
        moment_text(DEAD + timedelta(minutes=1)),
    )  # fmt: skip
    assert level(folder) == "reduce_only"
