"""Backups and restores: what is copied is proved, what is restored is held back, nothing is doubled or overwritten."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections import namedtuple
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy, copytree, rmtree
from time import perf_counter

import pytest

from bot.domain.desk import KeepNumbers
from bot.domain.errors import ForeignStore, StoreError, TryLater, UsageError
from bot.domain.orders import carries_name
from bot.ops import backup as backups
from bot.ops import vacuum as vacuuming
from bot.ops.backup import Made, kept, list_backups, make_backup, read_manifest
from bot.ops.restore import restore
from bot.ops.vacuum import vacuum
from bot.store import storage
from bot.store.chain import head, verify
from bot.store.database import LEDGER_NAME, Database, migrations
from bot.store.journal import LedgerJournal
from bot.store.lock import home_lock
from bot.store.queries import open_for_questions
from bot.tests.builders import NOON
from bot.tests.commands.typed import AT, SATURDAY, Done, new_home, typed
from bot.tests.faults.soaking import many
from bot.tests.store.scene import a_tick, begin, rows, tamper

HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)
USAGE = namedtuple("USAGE", "total used free")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with ticks in three months, a desk file and a calendar."""
    journal = LedgerJournal(tmp_path / "home", "desk", synchronous="NORMAL")
    for number in range(3):
        a_tick(journal, NOON + number * MONTH)
    journal.close()
    (tmp_path / "home" / "earnings.csv").write_text("symbol,date\n")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with one put working, backed up; then two more puts sent and all of them filled."""
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    for words in (("tick", "--at", AT), ("backup",), ("tick", "--at", _later(1)), ("tick", "--at", _later(2))):
        done = typed(folder, *words, BOT_MODE="live")
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def _later(slots: int) -> str:
    """Give a moment so many slots after the first tick; two missed ones trip nothing yet."""
    return (datetime.fromisoformat(AT) + slots * timedelta(minutes=15)).isoformat()


def backed_up(home: Path, at: datetime = NOON, to: str = "kept", keep: int = 0) -> Made:
    return make_backup(home, home.parent / to, at, perf_counter, keep=keep)


def the_backup(folder: Path) -> Path:
    return list_backups(folder / "data" / "backups")[-1][1]


def sent(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "simulator.sqlite")) as account:
        return [name for (name,) in account.execute("SELECT client_order_id FROM orders ORDER BY sequence")]


def a_restored_desk(folder: Path) -> Path:
    """Restore the backup into a new home whose account is the live one, as a real broker's would be."""
    target = folder / "anew"
    target.mkdir()
    copy(folder / "data" / "simulator.sqlite", target / "simulator.sqlite")
    done = typed(folder, "restore", str(the_backup(folder)), "--home", str(target))
    assert done.code == 0, done.err
    assert "the simulated account that stood there is kept" in done.out
    return target


def live(folder: Path, target: Path, *words: str) -> Done:
    done = typed(folder, *words, BOT_MODE="live", BOT_HOME=str(target))
    assert done.code == 0, done.err
    return done


# What a backup is


def test_a_backup_holds_the_home_proved_and_says_so(folder: Path) -> None:
    (folder / "data" / "HALT").write_text("")
    done = typed(folder, "backup", "--to", str(folder / "elsewhere"))
    assert done.code == 0, done.err
    made = list_backups(folder / "elsewhere")[-1][1]
    names = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert names == {
        "ledger.sqlite", "simulator.sqlite", "desk.toml", "HALT", "backup.json", "snapshots/2026-11.bin",
    }  # fmt: skip
    newest = rows(folder / "data", "SELECT hash FROM events ORDER BY id DESC LIMIT 1")[0][0]
    assert f"head {newest[:16]}" in done.out
    assert f"backup {made}" in done.out
    assert "not in it: .env" in done.out
    assert rows(made, "SELECT id FROM ticks") == [(1,), (2,), (3,)]
    assert read_manifest(made).owner[:2] == ("simulator", "simulated")


def test_only_the_owner_can_read_a_backup(home: Path) -> None:
    made = backed_up(home).path
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (made, *made.rglob("*")) if path.is_dir()}
    assert modes == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.rglob("*") if path.is_file()} == {0o600}


def test_a_backup_waits_for_no_tick_and_no_tick_for_it(home: Path) -> None:
    with home_lock(home, "bot tick", NOON), closing(sqlite3.connect(home / LEDGER_NAME)) as ticking:
        ticking.execute("BEGIN IMMEDIATE")
        ticking.execute("UPDATE ticks SET note = 'not committed'")
        made = backed_up(home)
        assert rows(made.path, "SELECT count(*) FROM ticks WHERE note = 'not committed'") == [(0,)]
        ticking.commit()
    assert rows(home, "SELECT count(*) FROM ticks WHERE note = 'not committed'") == [(3,)]


def test_a_backup_taken_in_the_middle_of_a_tick_is_sound(home: Path) -> None:
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    begin(journal, NOON + 3 * MONTH)
    made = backed_up(home)
    journal.close()
    assert rows(made.path, "SELECT count(*) FROM ticks WHERE status = 'started'") == [(1,)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE events SET payload_json = '{}' WHERE id = 2", "event 2"),
        ("UPDATE ticks SET equity = '1' WHERE id = 2", "tick 2"),
        ("UPDATE tick_checks SET blob = x'00' WHERE tick_id = 1", "tick 1"),
    ],
)
def test_a_ledger_that_was_edited_gives_no_backup(home: Path, change: str, says: str) -> None:
    tamper(home, change)
    with pytest.raises(StoreError, match=f"does not prove sound: .*{says}"):
        backed_up(home)
    assert [path.name for path in (home.parent / "kept").iterdir()] == [".lock"]


def test_a_snapshot_that_was_changed_gives_no_backup(home: Path) -> None:
    month = sorted((home / "snapshots").iterdir())[0]
    month.write_bytes(b"x" * month.stat().st_size)
    with pytest.raises(StoreError, match="tick 1: its Snapshot is not what was sealed"):
        backed_up(home)


def test_a_home_without_a_ledger_gives_no_backup(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no ledger in .* yet"):
        make_backup(tmp_path, tmp_path / "kept", NOON, perf_counter)


def test_a_closed_month_is_shared_with_the_backup_before_and_the_open_one_is_not(home: Path) -> None:
    first, second = backed_up(home).path, backed_up(home, NOON + HOUR)
    months = [path.name for path in sorted((home / "snapshots").iterdir())]
    shared = [
        (first / "snapshots" / name).stat().st_ino == (second.path / "snapshots" / name).stat().st_ino
        for name in months
    ]
    assert shared == [True, True, False]
    assert second.linked == sum((home / "snapshots" / name).stat().st_size for name in months[:2])
    assert (home / "snapshots" / months[0]).stat().st_nlink == 1, "the living file is nobody else's"


def test_a_closed_month_damaged_in_the_last_backup_is_copied_anew(home: Path) -> None:
    first = backed_up(home).path
    (first / "snapshots" / "2026-11.bin").write_bytes(b"rotten")
    assert (backed_up(home, NOON + HOUR).path / "snapshots" / "2026-11.bin").read_bytes() != b"rotten"


def test_a_disk_that_cannot_share_gets_copies(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    backed_up(home)
    monkeypatch.setattr(os, "link", refuse)
    assert backed_up(home, NOON + HOUR).linked == 0


def test_a_backup_without_room_is_refused_before_it_begins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: USAGE(0, 0, backups.ROOM_LEFT))
    with pytest.raises(StoreError, match=r"has 16 MB free and the backup wants \d+ MB"):
        backed_up(home)


def test_what_a_killed_backup_left_never_counts_and_is_cleared_away(home: Path) -> None:
    left = home.parent / "kept" / ".partial-backup-20261118T170000Z"
    left.mkdir(parents=True)
    (left / LEDGER_NAME).write_bytes(b"half")
    assert list_backups(home.parent / "kept") == []
    backed_up(home)
    assert not left.exists()


def test_two_backups_into_one_folder_do_not_meet(home: Path) -> None:
    with home_lock(home.parent / "kept", "bot backup", NOON), pytest.raises(TryLater):
        backed_up(home)
    backed_up(home)
    with pytest.raises(StoreError, match="stands already"):
        backed_up(home)


# What is kept


def test_the_schedule_keeps_24_hours_14_days_and_12_months() -> None:
    start = datetime(2025, 1, 1, 0, 30, tzinfo=UTC)
    hours = [start + number * HOUR for number in range(24 * 600)]
    last = hours[-1]
    chosen = kept(hours)
    assert {moment for moment in chosen if last - moment < 24 * HOUR} == set(hours[-24:])
    assert hours[-25] in chosen, "the newest of its day"
    assert len({moment.date() for moment in chosen}) == 14 + 11
    assert len({(moment.year, moment.month) for moment in chosen}) == 12
    assert len(chosen) == 24 + 13 + 11


@pytest.mark.parametrize(("count", "dropped"), [(24, 0), (25, 0), (26, 1)])
def test_the_25th_hour_back_stays_only_as_the_newest_of_its_day(count: int, dropped: int) -> None:
    last = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)
    moments = [last - number * HOUR for number in range(count)]
    assert len(moments) - len(kept(moments)) == dropped


def test_of_one_hour_the_newest_stays() -> None:
    assert kept([NOON, NOON + timedelta(minutes=10)]) == {NOON + timedelta(minutes=10)}


def test_keep_drops_all_but_the_newest_and_leaves_other_homes_alone(home: Path) -> None:
    other = copytree(home, home.parent / "other")
    foreign = backed_up(other).path
    made = [backed_up(home, NOON + number * HOUR, keep=2) for number in range(1, 4)]
    assert made[-1].removed == (made[0].path.name,)
    assert [path for _, path in list_backups(home.parent / "kept")] == [foreign, made[1].path, made[2].path]


def test_a_backup_that_fails_drops_none(home: Path) -> None:
    backed_up(home)
    tamper(home, "UPDATE events SET hash = 'x' WHERE id = 2")
    with pytest.raises(StoreError):
        backed_up(home, NOON + HOUR, keep=1)
    assert len(list_backups(home.parent / "kept")) == 1


# What a restore is


def test_a_restored_home_is_the_one_backed_up_with_one_record_more(folder: Path) -> None:
    target = folder / "anew"
    done = typed(folder, "restore", str(the_backup(folder)), "--home", str(target))
    assert done.code == 0, done.err
    assert f"BOT_HOME={target}" in done.out
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if path.is_file()} == {0o600}
    before = rows(the_backup(folder), "SELECT id, hash FROM events")
    after = rows(target, "SELECT id, hash, kind FROM events")
    assert [row[:2] for row in after[:-1]] == before
    assert after[-1][2] == "restore"
    assert f"head now {after[-1][1][:16]}" in done.out
    with open_for_questions(target) as ledger:
        assert list(verify(ledger.connection, target)) == []
    assert (target / "desk.toml").read_bytes() == (folder / "data" / "desk.toml").read_bytes()


@pytest.mark.parametrize("name", ["ledger.sqlite", "desk.toml", "notes.txt", "simulator.sqlite-journal"])
def test_a_restore_overwrites_nothing(folder: Path, name: str) -> None:
    target = folder / "anew"
    target.mkdir()
    (target / name).write_text("mine")
    with pytest.raises(UsageError, match=f"holds {name}: a restore overwrites nothing"):
        restore(the_backup(folder), target, NOON)
    assert [path.name for path in target.iterdir()] == [name]
    assert (target / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["ledger.sqlite", "simulator.sqlite", "desk.toml", "snapshots/2026-11.bin"])
def test_a_backup_with_one_bit_turned_restores_nothing(folder: Path, name: str) -> None:
    file = the_backup(folder) / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match=f"{name} is not what was copied"):
        restore(the_backup(folder), folder / "anew", NOON)
    assert not (folder / "anew").exists()


def test_a_backup_whose_manifest_was_made_to_fit_is_still_proved_by_its_chain(folder: Path) -> None:
    made = the_backup(folder)
    tamper(made, "UPDATE events SET payload_json = '{}' WHERE id = 1")
    for left in made.glob("*-wal"), made.glob("*-shm"):
        for path in left:
            path.unlink()
    told = json.loads((made / "backup.json").read_text())
    for one in told["files"]:
        one["size"], one["hash"] = (made / one["path"]).stat().st_size, backups.file_hash(made / one["path"])
    (made / "backup.json").write_text(json.dumps(told))
    with pytest.raises(StoreError, match="does not prove sound"):
        restore(made, folder / "anew", NOON)


def test_a_backup_that_names_a_file_outside_itself_is_not_trusted(folder: Path) -> None:
    made = the_backup(folder)
    told = json.loads((made / "backup.json").read_text())
    told["files"].append({"path": "../ledger.sqlite", "size": 0, "hash": ""})
    (made / "backup.json").write_text(json.dumps(told))
    with pytest.raises(StoreError, match="outside itself"):
        restore(made, folder / "anew", NOON)


def test_a_folder_that_is_no_finished_backup_is_refused(folder: Path) -> None:
    (the_backup(folder) / "backup.json").unlink()
    with pytest.raises(StoreError, match="is no finished backup"):
        restore(folder / "data" / "backups" / "backup-20261121T150000Z", folder / "anew", NOON)


def test_a_backup_of_a_newer_program_is_refused(home: Path) -> None:
    tamper(home, "PRAGMA user_version = 999")
    with pytest.raises(ForeignStore, match=r"newer program \(version 999"):
        backed_up(home)


def test_a_restore_that_was_killed_leaves_a_home_where_no_tick_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*given: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.ops.restore.mark_restored", die)
    with pytest.raises(KeyboardInterrupt):
        restore(the_backup(folder), folder / "anew", NOON)
    done = typed(folder, "tick", "--at", _later(3), BOT_HOME=str(folder / "anew"))
    assert (done.code, "no desk at" in done.err) == (78, True)


def test_after_a_restore_nothing_is_sent_twice_and_what_was_ours_is_ours(folder: Path) -> None:
    before = sent(folder / "data")
    known = {name for (name,) in rows(the_backup(folder), "SELECT client_order_id FROM orders")}
    lost = [name for name in before if name not in known]
    assert lost
    target = a_restored_desk(folder)
    assert "NO_NEW_RISK by restore" in typed(folder, "status", BOT_HOME=str(target)).out
    # The very slot in which the lost orders were sent, with all wishes as they were: they are known by their ids.
    done = live(folder, target, "tick", "--at", _later(2))
    assert sent(target) == before
    for name in lost:
        assert f"order {name}" in " ".join(done.out.split())
    assert {name for (name,) in rows(target, "SELECT client_order_id FROM orders")} >= set(lost)
    live(folder, target, "tick", "--at", _later(3))
    assert rows(target, "SELECT DISTINCT owner FROM positions") == [("ours",)]
    assert rows(target, "SELECT halt FROM ticks WHERE id > 1") == [("no_new_risk",), ("run",)]
    assert rows(target, "SELECT waits_for FROM restores WHERE ended_at IS NULL") == []
    assert "never planned" not in typed(folder, "status", BOT_HOME=str(target)).out
    with open_for_questions(target) as ledger:
        assert list(verify(ledger.connection, target)) == []


def test_a_restore_with_nothing_after_the_backup_holds_one_tick_back(folder: Path) -> None:
    target = folder / "anew"
    typed(folder, "restore", str(the_backup(folder)), "--home", str(target))
    live(folder, target, "tick", "--at", _later(1))
    live(folder, target, "tick", "--at", _later(2))
    assert rows(target, "SELECT halt FROM ticks ORDER BY id") == [("run",), ("no_new_risk",), ("run",)]
    ended = rows(target, "SELECT payload_json FROM events WHERE kind = 'restore' ORDER BY id")
    assert [json.loads(payload).get("ended_by") for (payload,) in ended] == [None, "tick 2"]


def test_a_person_may_resume_a_restored_home(folder: Path) -> None:
    target = a_restored_desk(folder)
    live(folder, target, "resume")
    assert "NO_NEW_RISK" not in typed(folder, "status", BOT_HOME=str(target)).out
    assert rows(target, "SELECT count(*) FROM restores WHERE ended_at IS NULL") == [(0,)]


def test_a_graver_halt_of_before_stands_after_a_restore(folder: Path) -> None:
    assert typed(folder, "halt", "stop", "--reason", "a doubt").code == 0
    assert typed(folder, "backup", now=SATURDAY + HOUR).code == 0
    target = a_restored_desk(folder)
    assert "STOP by" in typed(folder, "status", BOT_HOME=str(target)).out


def test_a_position_sold_after_the_backup_is_not_sold_again(folder: Path) -> None:
    typed(folder, "backup", now=SATURDAY + HOUR)
    (symbol,) = rows(folder / "data", "SELECT symbol FROM option_legs ORDER BY symbol LIMIT 1")[0]
    assert typed(folder, "close", symbol, "--at", _later(3), BOT_MODE="live").code == 0
    before = sent(folder / "data")
    target = a_restored_desk(folder)
    done = typed(folder, "close", symbol, "--at", _later(4), BOT_MODE="live", BOT_HOME=str(target))
    assert sent(target) == before, done.out
    assert f"order {before[-1]}" in " ".join(done.out.split())


def test_an_order_id_of_ours_is_told_from_that_of_a_desk_with_a_longer_name() -> None:
    mark = "0123456789abcdef01234567"
    assert carries_name("desk", f"desk-{mark}")
    assert not any(
        carries_name("desk", name) for name in (f"desk-two-{mark}", f"Desk-{mark}", f"desk-{mark}0", mark, "")
    )
    assert not carries_name("desk", f"desk-{mark[:-1]}g")


# Vacuum


def test_a_vacuum_gives_room_back_and_changes_nothing_that_is_read(folder: Path) -> None:
    home = folder / "data"
    with open_for_questions(home) as ledger:
        orders, before = ledger.recent_orders(), head(ledger.connection)
    tamper(home, "CREATE TABLE waste (content BLOB)")
    tamper(home, "INSERT INTO waste VALUES (zeroblob(3000000))")
    tamper(home, "DROP TABLE waste")
    done = typed(folder, "vacuum")
    assert done.code == 0, done.err
    sizes = [float(word) for word in done.out.split() if word.replace(".", "").isdigit()]
    assert sizes[0] - sizes[1] > 2.5
    with open_for_questions(home) as ledger:
        assert (ledger.recent_orders(), head(ledger.connection)) == (orders, before)
        assert list(verify(ledger.connection, home)) == []


def test_a_vacuum_takes_the_lock_and_wants_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with home_lock(folder / "data", "bot tick", NOON):
        assert typed(folder, "vacuum").code == 75
    monkeypatch.setattr("shutil.disk_usage", lambda path: USAGE(0, 0, vacuuming.ROOM_LEFT))
    with pytest.raises(StoreError, match=r"has 16 MB free and a vacuum wants \d+ MB"):
        vacuum(folder / "data", KeepNumbers(), NOON, "a test")


# Storage


@pytest.mark.parametrize(
    ("blocks", "inodes", "flag", "says"),
    [
        (storage.ROOM_LEAST // 4096 - 1, 9, 0, "has 15 MB free and a tick wants 16 MB"),
        (10**9, 0, 0, "no inode is free"),
        (10**9, 9, os.ST_RDONLY, "is read-only"),
    ],
)
def test_sick_storage_is_refused_before_anything_is_planned(
    home: Path, monkeypatch: pytest.MonkeyPatch, blocks: int, inodes: int, flag: int, says: str
) -> None:
    disk = namedtuple("disk", "f_bavail f_frsize f_files f_favail f_flag")
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    monkeypatch.setattr("os.statvfs", lambda path: disk(blocks, 4096, 100, inodes, flag))
    with pytest.raises(StoreError, match=f"{says}.*nothing was planned"):
        begin(journal, NOON + 4 * MONTH)
    journal.close()
    assert rows(home, "SELECT count(*) FROM ticks") == [(3,)]


def test_the_last_block_that_is_enough_is_enough(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = namedtuple("disk", "f_bavail f_frsize f_files f_favail f_flag")
    monkeypatch.setattr("os.statvfs", lambda path: disk(storage.ROOM_LEAST // 4096, 4096, 0, 0, 0))
    storage.refuse_sick_storage(home / LEDGER_NAME, NOON)


def test_a_month_of_snapshots_that_cannot_be_written_is_refused_before_anything_is_planned(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = home / "snapshots" / f"{NOON:%Y-%m}.bin"
    monkeypatch.setattr("os.access", lambda path, how: path != month)
    with pytest.raises(StoreError, match=f"{month.name} is gone or cannot be written.*nothing was planned"):
        storage.refuse_sick_storage(home / LEDGER_NAME, NOON)
    storage.refuse_sick_storage(home / LEDGER_NAME, NOON + 4 * MONTH)  # a month without a file has none to refuse


def test_a_ledger_that_is_gone_is_refused(home: Path) -> None:
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    (home / LEDGER_NAME).rename(home / "away")
    with pytest.raises(StoreError, match="is gone or cannot be written"):
        begin(journal, NOON + 4 * MONTH)
    journal.close()


# Migrations


def _schema(home: Path) -> list[tuple[object, ...]]:
    return [*rows(home, "SELECT type, name, sql FROM sqlite_master ORDER BY name"), *rows(home, "PRAGMA user_version")]


def _die_at(home: Path, statement: int) -> bool:
    """Migrate in a process that dies just before its n-th statement; gives whether it came that far."""
    child = os.fork()
    if child == 0:
        seen = 0

        def count_down(text: str) -> None:
            nonlocal seen
            seen += 1
            if seen == statement:
                os._exit(9)

        class Traced(sqlite3.Connection):
            def __init__(self, *given: object, **named: object) -> None:
                super().__init__(*given, **named)  # type: ignore[arg-type]
                self.set_trace_callback(count_down)

        whole = sqlite3.connect
        sqlite3.connect = lambda *given, **named: whole(*given, factory=Traced, **named)  # type: ignore[assignment]
        try:
            Database(home, "NORMAL").close()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_process_that_dies_before_any_statement_of_the_migrations_leaves_a_ledger_that_opens(tmp_path: Path) -> None:
    Database(tmp_path / "whole", "NORMAL").close()
    expected = _schema(tmp_path / "whole")
    statement, step = 1, many(7, 1)  # the long form dies before each of them
    while _die_at(tmp_path / "torn", statement):
        Database(tmp_path / "torn", "NORMAL").close()
        assert _schema(tmp_path / "torn") == expected, statement
        rmtree(tmp_path / "torn")
        statement += step
    text = "".join(path.read_text() for _, path in migrations())
    assert statement > text.count("CREATE ") > 40, "every statement was reached"


def test_a_damaged_manifest_beside_it_hinders_no_backup_and_is_left_alone(home: Path) -> None:
    spoiled = backed_up(home).path
    (spoiled / "backup.json").write_text("{")
    made = backed_up(home, NOON + HOUR, keep=1)
    again = backed_up(home, NOON + 2 * HOUR, keep=1)
    assert again.removed == (made.path.name,)
    assert spoiled.exists()


@pytest.mark.parametrize("name", ["ledger.sqlite", "desk.toml", "snapshots/2026-11.bin"])
def test_a_disk_that_writes_other_than_it_was_given_makes_no_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real = backups.copy_file

    def rotten(source: Path, target: Path) -> None:
        real(source, target)
        if source == the_backup(folder) / name:
            with target.open("r+b") as file:
                file.seek(20)
                file.write(b"\xff")

    monkeypatch.setattr("bot.ops.restore.copy_file", rotten)
    with pytest.raises(StoreError, match="is not what was written there"):
        restore(the_backup(folder), folder / "anew", NOON)
    assert not (folder / "anew" / "desk.toml").exists()
