"""Wrong configuration and wrong homes, through the commands: exit code, file and key named, nothing sent (issue 2)."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest

from bot.tests.commands.typed import AT, SATURDAY, Done, new_home, typed

LATER = "2026-11-18T17:15:00+00:00"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one folder with a desk that has ticked once, for every test to copy."""
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    assert typed(folder, "tick", "--dry", "--at", AT).code == 0
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))


def tick_live(folder: Path, at: str = LATER) -> Done:
    return typed(folder, "tick", "--at", at, BOT_MODE="live")


def orders_of(home: Path) -> int:
    """Count what the simulated account was ever asked."""
    with closing(sqlite3.connect(home / "simulator.sqlite")) as account:
        return int(account.execute("SELECT count(*) FROM orders").fetchone()[0])


def heals(folder: Path) -> None:
    """The next clean tick runs, sends, and has nothing to complain of."""
    done = typed(folder, "tick", "--at", LATER, "--json", BOT_MODE="live")
    assert done.code == 0, done.err
    assert json.loads(done.out)["errors"] == []
    assert orders_of(folder / "data") == 1


def test_every_fault_of_a_half_filled_desk_is_named_at_once(folder: Path) -> None:
    desk = folder / "data" / "desk.toml"
    whole = desk.read_text()
    change(desk, "symbol_share =", "symbol_shar =")
    change(desk, "orders_per_day = ", "# orders_per_day = ")
    change(desk, "group_share = 0.45", "group_share = 45")
    done = tick_live(folder)
    assert done.code == 78
    assert done.out == ""
    for key in ("symbol_shar", "limits.symbol_share", "limits.orders_per_day", "limits.group_share"):
        assert key in done.err
    assert done.err.count("desk.toml") >= 4
    assert orders_of(folder / "data") == 0
    check = typed(folder, "config", "check")
    assert (check.code, check.err) == (78, done.err)
    desk.write_text(whole)
    heals(folder)


def test_a_wrong_variable_names_its_file_and_what_is_allowed(folder: Path) -> None:
    env = folder / ".env"
    whole = env.read_text()
    change(env, "BOT_MODE=dry", "BOT_MODE=lively")
    done = typed(folder, "tick", "--at", LATER)
    assert done.code == 78
    for word in (".env", "BOT_MODE", "dry", "live", "lively"):
        assert word in done.err
    assert orders_of(folder / "data") == 0
    env.write_text(whole)
    heals(folder)


def test_a_misspelled_variable_gets_its_nearest_name(folder: Path) -> None:
    change(folder / ".env", "BOT_MODE=dry", "BOT_MODES=dry")
    done = typed(folder, "tick", "--dry", "--at", LATER)
    assert done.code == 78
    assert "unknown variable BOT_MODES" in done.err
    assert "did you mean BOT_MODE?" in done.err


def test_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    done = typed(tmp_path, "tick", "--dry", "--at", AT, BOT_HOME=str(tmp_path / "nowhere"))
    assert done.code == 78
    assert f"no desk at {tmp_path / 'nowhere' / 'desk.toml'}" in done.err
    assert "bot init" in done.err
    assert not (tmp_path / "nowhere").exists()


def test_a_home_below_a_file_is_refused(folder: Path) -> None:
    (folder / "file").write_text("no folder")
    done = typed(folder, "tick", "--dry", "--at", LATER, BOT_HOME=str(folder / "file" / "data"))
    assert done.code == 78
    assert str(folder / "file" / "data") in done.err


def test_a_home_that_cannot_be_locked_sends_nothing(folder: Path) -> None:
    lock = folder / "data" / ".lock"
    lock.unlink()
    lock.mkdir()
    done = tick_live(folder)
    assert done.code == 1
    assert f"cannot write {lock}" in done.err
    assert "BOT_HOME" in done.err
    assert orders_of(folder / "data") == 0
    lock.rmdir()
    heals(folder)


def test_a_store_of_a_newer_program_is_refused(folder: Path) -> None:
    ledger = folder / "data" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as store:
        version = store.execute("PRAGMA user_version").fetchone()[0]
        store.execute("PRAGMA user_version=999")
    for words in (("tick", "--at", LATER), ("status",), ("halt", "stop", "--reason", "x")):
        done = typed(folder, *words, BOT_MODE="live")
        assert done.code == 78, words
        assert str(ledger) in done.err
        assert "update the program" in done.err
    doctor = typed(folder, "doctor")
    assert doctor.code == 1
    assert "stop  store" in doctor.out
    assert orders_of(folder / "data") == 0
    with closing(sqlite3.connect(ledger)) as store:
        store.execute(f"PRAGMA user_version={version}")
    heals(folder)


def test_a_store_of_another_account_is_refused_naming_the_home_to_use(folder: Path) -> None:
    home = folder / "data"
    with closing(sqlite3.connect(home / "ledger.sqlite")) as store, store:
        mine = store.execute("SELECT environment FROM stamp").fetchone()[0]
        store.execute("UPDATE stamp SET environment = 'live'")
    done = tick_live(folder)
    assert done.code == 78
    assert str(home / "ledger.sqlite") in done.err
    assert "BOT_HOME=" in done.err
    assert orders_of(home) == 0
    with closing(sqlite3.connect(home / "ledger.sqlite")) as store, store:
        store.execute("UPDATE stamp SET environment = ?", (mine,))
    heals(folder)


def test_another_simulated_account_in_the_home_is_refused(folder: Path) -> None:
    home = folder / "data"
    with closing(sqlite3.connect(home / "ledger.sqlite")) as store, store:
        mine = store.execute("SELECT account FROM stamp").fetchone()[0]
        store.execute("UPDATE stamp SET account = 'SIM-other'")
    done = tick_live(folder)
    assert done.code == 78
    assert "SIM-other" in done.err
    assert mine in done.err
    assert orders_of(home) == 0
    with closing(sqlite3.connect(home / "ledger.sqlite")) as store, store:
        store.execute("UPDATE stamp SET account = ?", (mine,))
    heals(folder)


def test_a_damaged_ledger_is_refused(folder: Path) -> None:
    ledger = folder / "data" / "ledger.sqlite"
    ledger.write_bytes(b"this is no database, it only has the length of one" * 100)
    for path in folder.glob("data/ledger.sqlite-*"):
        path.unlink()
    done = tick_live(folder)
    assert done.code == 1
    assert str(ledger) in done.err
    assert "restore the last backup" in done.err
    assert orders_of(folder / "data") == 0
    doctor = typed(folder, "doctor")
    assert doctor.code == 1
    assert f"stop store {ledger}" in " ".join(doctor.out.split())


def test_a_damaged_account_is_refused_and_the_tick_says_that_it_failed(folder: Path) -> None:
    for path in (folder / "data").glob("simulator.sqlite*"):
        path.unlink()
    (folder / "data" / "simulator.sqlite").write_bytes(b"this is no database, it only has the length of one" * 100)
    done = tick_live(folder)
    assert done.code == 1
    assert str(folder / "data" / "simulator.sqlite") in done.err
    assert "failed" in typed(folder, "status").out
    assert typed(folder, "doctor").code == 1


def test_a_tick_older_than_the_newest_is_refused_naming_both(folder: Path) -> None:
    done = tick_live(folder, "2026-11-18T16:45:00+00:00")
    assert done.code == 2
    assert "2026-11-18T16:45" in done.err
    assert "2026-11-18T17:00" in done.err
    assert "another BOT_HOME" in done.err
    assert orders_of(folder / "data") == 0
    heals(folder)


def test_a_closed_market_is_said_and_nothing_is_sent(folder: Path) -> None:
    done = tick_live(folder, SATURDAY.isoformat())
    assert done.code == 0
    assert "closed" in done.out
    assert orders_of(folder / "data") == 0


def test_a_broker_of_a_later_release_is_refused(folder: Path) -> None:
    done = typed(folder, "tick", "--dry", BOT_BROKER="ccxt")
    assert done.code == 78
    assert "later release" in done.err
    assert "simulator" in done.err
