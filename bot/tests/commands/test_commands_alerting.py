"""Alerts as ticks, people, the watch and systemd make them: none lost, none doubled, and never in anybody's way."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.commands import alerting, ticking
from bot.commands.alerting import notice, tell_watch, watch_alerts
from bot.commands.alerts_told import unit_alert
from bot.domain import topics
from bot.domain.errors import BrokerUnreachable
from bot.engine import tick as engine_tick
from bot.ops.watch import Watched
from bot.store.database import Database
from bot.store.noticing import read_facts
from bot.store.pending_alerts import PENDING_NAME, leave_alert
from bot.tests.commands.typed import SATURDAY, Done, new_home, typed
from bot.wiring import House, load_house

SECRET = "https://discord.com/api/" + "webhooks/123456789012345678/" + "Canary-" * 10
UNIT = {"MONITOR_UNIT": "bot-tick@wheel.service", "MONITOR_SERVICE_RESULT": "exit-code", "MONITOR_EXIT_STATUS": "78"}
AFTER = datetime(2026, 11, 18, 15, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of three live ticks with puts sold, a halt and its end, whose alerts nobody made yet."""
    folder = tmp_path_factory.mktemp("alerts")
    new_home(folder, "--profile", "aggressive")
    for at in ("09:45", "10:00", "10:15"):
        assert tick(folder, at).code == 0
    assert typed(folder, "halt", "no_new_risk", "--reason", "away", now=AFTER).code == 0
    assert typed(folder, "resume", "--reason", "back", now=AFTER).code == 0
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("DELETE FROM alerts")
        ledger.execute("DELETE FROM reached WHERE reader LIKE 'alerts.%'")
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


@pytest.fixture
def house(folder: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(folder)
    return load_house()


def tick(folder: Path, at: str, **variables: str) -> Done:
    """Run a live tick at a New York time of that Wednesday."""
    moment = f"2026-11-18T{int(at[:2]) + 5:02}:{at[3:]}:00+00:00"
    return typed(folder, "tick", "--at", moment, now=SATURDAY, **({"BOT_MODE": "live"} | variables))


def told(folder: Path, where: str = "1") -> list[tuple[Any, ...]]:
    """Give topic, key, title and count of each alert."""
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        return ledger.execute(f'SELECT topic, "key", title, times FROM alerts WHERE {where} ORDER BY id').fetchall()


def named(folder: Path, topic: str) -> list[str]:
    return [title for _, _, title, _ in told(folder, f"topic = '{topic}'")]


class Killed(BaseException):
    """What a process that is killed would not survive either."""


class Dying:
    """A connection that dies at its n-th statement, before or after that took effect, and answers nothing from then."""

    def __init__(self, real: sqlite3.Connection, at: int, *, after: bool) -> None:
        self.real, self.left, self.after = real, at, after

    def _run(self, what: str, *given: Any) -> Any:
        self.left -= 1
        if self.left < 0 or (self.left == 0 and not self.after):
            raise Killed
        found = getattr(self.real, what)(*given)
        if self.left == 0:
            raise Killed
        return found

    def execute(self, *given: Any) -> Any:
        return self._run("execute", *given)

    def executemany(self, *given: Any) -> Any:
        return self._run("executemany", *given)

    @property
    def in_transaction(self) -> bool:
        return False  # nobody rolls back for the dead


def die_at(house: House, number: int, *, after: bool) -> bool:
    """Make alerts and die at a statement; says whether it came that far."""
    database = Database(house.home)
    real = database.connection
    database.connection = Dying(real, number, after=after)  # type: ignore[assignment]
    try:
        assert notice(house, database, AFTER) == ""
    except Killed:
        return True
    finally:
        real.close()
    return False


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_each_statement_the_next_time_makes_the_same_alerts_once(
    pattern: Path, folder: Path, house: House, after: bool
) -> None:
    waiting = unit_alert("bot-report@wheel.service", "timeout", "", AFTER)
    ledger = house.home / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = ledger.read_bytes()
    expected: list[tuple[Any, ...]] = []
    for number in range(500):
        for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
            (house.home / name).unlink(missing_ok=True)
        ledger.write_bytes(before)
        (house.home / PENDING_NAME).unlink(missing_ok=True)
        leave_alert(house.home, waiting)
        died = number > 0 and die_at(house, number, after=after)
        with closing(Database(house.home)) as database:
            assert notice(house, database, AFTER) == ""
            assert notice(house, database, AFTER) == ""
        found = told(folder)
        expected = expected or found
        assert found == expected, f"killed at statement {number}"
        assert not (house.home / PENDING_NAME).exists()
        if number and not died:
            break
    assert number > 20
    assert len([one for one in expected if one[0] == topics.ORDER_EXECUTED]) >= 1
    assert {topics.OWNER_HALTED, topics.OWNER_RESUMED, topics.UNIT_FAILED} <= {one[0] for one in expected}


def test_a_tick_killed_before_its_alerts_is_told_by_the_next(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> str:
        raise Killed

    usual = copytree(folder, folder.parent / "usual")
    monkeypatch.setattr(ticking, "notice", killed)
    with pytest.raises(Killed):
        tick(folder, "10:30")
    monkeypatch.undo()
    assert tick(folder, "10:45").code == 0
    for at in ("10:30", "10:45"):
        assert tick(usual, at).code == 0
    assert sorted(told(folder, "topic = 'order.executed'")) == sorted(told(usual, "topic = 'order.executed'"))
    assert {one[1] for one in told(folder)} == {one[1] for one in told(usual)}


def test_reading_bit_by_bit_makes_the_same_alerts(folder: Path, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    other = copytree(folder, folder.parent / "other")
    with closing(Database(house.home)) as database:
        assert notice(house, database, AFTER) == ""
    monkeypatch.setattr(alerting, "read_facts", lambda connection, now: read_facts(connection, now, 1))
    with closing(Database(other / "data")) as database:
        for _ in range(60):
            assert notice(house, database, AFTER) == ""
    assert {one[1] for one in told(other)} == {one[1] for one in told(folder)}


def test_a_tick_that_fails_is_told_and_ends_with_one_that_does_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise BrokerUnreachable("nobody answers")

    monkeypatch.setattr(engine_tick, "arrive", away)
    assert tick(folder, "10:30").code == 1
    assert tick(folder, "10:45").code == 1
    assert told(folder, "topic = 'tick.failed' AND ended_at IS NULL")[0][2:] == ("Tick 4 failed at 10:30 New York", 2)
    monkeypatch.undo()
    assert tick(folder, "11:00").code == 0
    assert not told(folder, "topic = 'tick.failed' AND ended_at IS NULL")


def test_a_proposal_asks_for_a_word_with_its_command_and_stops_asking(tmp_path: Path) -> None:
    desk = new_home(tmp_path) / "desk.toml"
    desk.write_text(desk.read_text().replace('approve = "never"', 'approve = "always"'))
    assert tick(tmp_path, "12:00").code == 0
    with closing(sqlite3.connect(desk.parent / "ledger.sqlite")) as ledger:
        words = [one for (one,) in ledger.execute("SELECT words FROM alerts WHERE topic = 'approval.wanted'")]
    assert "`bot approve 1` sends it" in words[0]
    assert "it lapses Wed 2026-11-18 12:15 New York" in words[0]
    assert typed(tmp_path, "decline", "1", "2", "--at", "2026-11-18T17:02:00+00:00", BOT_MODE="live").code == 0
    assert tick(tmp_path, "12:05").code == 0
    assert not told(tmp_path, "topic = 'approval.wanted' AND ended_at IS NULL")


def test_what_keeps_alerts_back_is_said_and_costs_no_tick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(alerting, "keep_alerts", full)
    done = tick(folder, "10:30")
    assert done.code == 0
    assert "warning: alerts were not brought up to date: StoreError" in done.err
    assert "free some disk space" in done.err
    assert not told(folder)
    assert "alerts were not brought up to date" in typed(folder, "log", "--all").out + "".join(
        path.read_text() for path in (folder / "data").rglob("*.log*")
    ) + "".join(path.read_text() for path in (folder / "data").rglob("*.jsonl"))  # fmt: skip
    monkeypatch.undo()
    assert tick(folder, "10:45").code == 0
    assert named(folder, topics.ORDER_EXECUTED), "the next one made up for it"


def test_no_secret_gets_into_an_alert(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise BrokerUnreachable(f"while asking {SECRET}")

    monkeypatch.setattr(engine_tick, "arrive", away)
    tick(folder, "10:30", DISCORD_WEBHOOK_URL=SECRET)
    leave_alert(folder / "data", unit_alert(f"x-{SECRET}", "", "", AFTER))
    tick(folder, "10:45", DISCORD_WEBHOOK_URL=SECRET)
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        text = str(ledger.execute("SELECT title, words FROM alerts").fetchall())
    assert "Tick 4 failed" in text
    assert "Canary-Canary" not in text


def test_a_unit_that_failed_is_kept_with_what_its_status_means(folder: Path) -> None:
    done = typed(folder, "alerts", "failed", now=AFTER, **UNIT)
    assert (done.code, done.err) == (0, "")
    assert "bot-tick@wheel.service failed: kept" in done.out
    typed(folder, "alerts", "failed", now=AFTER.replace(minute=40), **UNIT)
    assert told(folder, "topic = 'unit.failed'")[0][2:] == ("bot-tick@wheel.service failed", 2)
    words = json.loads(typed(folder, "alerts", "list", "--all", "--json", now=AFTER).out)["alerts"][0]["words"]
    assert "exit 78 (the configuration cannot be used: `bot config check` names every fault)" in words


def test_a_unit_is_told_though_the_desk_is_broken(folder: Path) -> None:
    (folder / "data" / "desk.toml").write_text("this is no toml [")
    done = typed(folder, "alerts", "failed", "--unit", "bot-loop@x.service", "--status", "1", now=AFTER)
    assert done.code == 0
    assert named(folder, topics.UNIT_FAILED) == ["bot-loop@x.service failed"]
    assert "warning:" in done.err


def test_a_unit_is_told_though_the_settings_are_broken(folder: Path) -> None:
    with (folder / ".env").open("a") as file:
        file.write("\nBOT_HOME=data\nBOT_BROKR=alpaca\nALPACA_ENV=nonsense\n")
    assert typed(folder, "alerts", "failed", now=AFTER, **UNIT).code == 0
    assert named(folder, topics.UNIT_FAILED) == ["bot-tick@wheel.service failed"]


@pytest.mark.parametrize("trouble", ["missing", "older", "locked"])
def test_where_the_ledger_cannot_be_written_a_file_keeps_it_for_the_next_tick(
    folder: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "data" / "ledger.sqlite"
    held = sqlite3.connect(path, isolation_level=None)
    (version,) = held.execute("PRAGMA user_version").fetchone()
    if trouble == "locked":
        connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **(k | {"timeout": 0.05})))
        held.execute("BEGIN IMMEDIATE")
    elif trouble == "older":
        held.execute("PRAGMA user_version=16")
    else:
        path.rename(path.with_name("away"))
    done = typed(folder, "alerts", "failed", now=AFTER, **UNIT)
    assert done.code == 0, done.err
    assert "alerts.pending.jsonl, the next tick takes it" in done.out
    if trouble == "locked":
        held.execute("ROLLBACK")
    elif trouble == "older":
        held.execute(f"PRAGMA user_version={version}")
    else:
        path.with_name("away").rename(path)
    held.close()
    monkeypatch.undo()
    assert tick(folder, "10:30").code == 0
    assert named(folder, topics.UNIT_FAILED) == ["bot-tick@wheel.service failed"]
    assert not (folder / "data" / PENDING_NAME).exists()


def test_no_unit_is_a_question_and_a_home_nobody_can_write_is_said(tmp_path: Path) -> None:
    new_home(tmp_path)
    assert typed(tmp_path, "alerts", "failed").code == 2
    (tmp_path / "data" / PENDING_NAME).mkdir()
    done = typed(tmp_path, "alerts", "failed", now=AFTER, **UNIT)
    assert done.code == 1
    assert "cannot write" in done.err


def test_the_list_shows_what_stands_and_ack_is_kept_with_its_author(folder: Path) -> None:
    assert typed(folder, "halt", "stop", "--reason", "away", now=AFTER.replace(minute=25)).code == 0
    shown = typed(folder, "alerts", "list", now=AFTER).out
    assert "halted the desk: nothing is sent at all" in shown
    assert "away. `bot resume` lifts it." in shown
    number = json.loads(typed(folder, "alerts", "list", "--json").out)["alerts"][0]["id"]
    assert f"acknowledged: {number};" in typed(folder, "alerts", "ack", str(number)).out
    assert "nothing was left" in typed(folder, "alerts", "ack", "--all").out
    assert typed(folder, "alerts", "ack").code == 2
    assert typed(folder, "alerts", "list", "--limit", "0").code == 2
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        said = ledger.execute("SELECT words, outcome FROM commands ORDER BY id").fetchall()
    assert said[0] == (f"bot alerts ack {number}", f"acknowledged {number}")


def test_resume_acknowledges_what_halted_the_desk(folder: Path) -> None:
    """A critical halt is said again until somebody knows of it; whoever lifts it does."""
    assert "21 slots" in " ".join(named_after_a_gap(folder))
    asked = "severity = 'critical' AND acknowledged_at IS NULL AND ended_at IS NULL"
    assert [one[0] for one in told(folder, asked)] == [topics.AUTO_PAUSED]
    assert typed(folder, "resume", "--reason", "seen", now=AFTER.replace(day=19)).code == 0
    assert not told(folder, asked)


def named_after_a_gap(folder: Path) -> list[str]:
    done = typed(folder, "tick", "--at", "2026-11-18T20:45:00+00:00", BOT_MODE="live")
    assert done.code == 0, done.err
    return named(folder, topics.TICK_MISSED)


def test_the_watch_tells_that_ticks_do_not_come_and_once_a_day_that_all_is_well(folder: Path) -> None:
    later = datetime(2026, 11, 18, 18, 0, tzinfo=UTC)
    assert typed(folder, "watch", now=AFTER.replace(minute=16)).code == 0
    assert typed(folder, "watch", now=AFTER.replace(minute=21)).code == 0
    assert told(folder, "topic = 'watchdog.heartbeat'")[0][2:] == ("The watch looks after the desk on 2026-11-18", 2)
    for minute in (0, 5):
        assert typed(folder, "watch", now=later.replace(minute=minute)).code == 1
    assert told(folder, "topic = 'safety.dms.triggered'")[0][2:] == ("Ticks do not come: the desk only reduces", 1)


def test_the_watch_tells_a_changed_record_and_that_it_could_not_act(folder: Path, house: House) -> None:
    bad = Watched(AFTER, ("no tick", "the record was changed"), dead="no tick", faults=("event 3 was changed",))
    assert tell_watch(house, bad, "") == ""
    assert told(folder, "topic = 'safety.record_changed' AND severity = 'critical' AND ended_at IS NULL")
    late = Watched(AFTER, ("no tick",), dead="no tick", warnings=("the ping failed: 404",))
    assert tell_watch(house, late, "the home is locked") == ""
    assert not told(folder, "topic = 'safety.record_changed' AND ended_at IS NULL"), "the record holds again"
    standing = {one[1] for one in told(folder, "ended_at IS NULL")}
    assert {topics.DEAD_MAN_SKIPPED, alerting.PING} <= standing
    blind, over = watch_alerts(Watched(AFTER, ("the ledger cannot be read",)), "")
    assert [(one.topic, one.severity) for one in blind] == [(topics.HEALTH_REPORT, "high")]
    assert "safety.record_changed" not in over, "who cannot look does not know"


def test_the_watch_leaves_its_alarm_in_a_file_where_the_ledger_is_gone(folder: Path, house: House) -> None:
    (house.home / "ledger.sqlite").rename(house.home / "away")
    said = tell_watch(house, Watched(AFTER, ("no tick ever ran",)), "")
    assert "no ledger yet" in said
    assert b"no tick ever ran" in (house.home / PENDING_NAME).read_bytes()


@pytest.fixture(autouse=True)
def _no_units(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in UNIT:
        monkeypatch.delenv(name, raising=False)


def test_a_home_with_years_behind_it_begins_with_its_last_day(folder: Path, house: House) -> None:
    with closing(Database(house.home)) as database:
        assert notice(house, database, SATURDAY) == ""
    assert not told(folder, "topic IN ('order.executed', 'owner.halted')")
