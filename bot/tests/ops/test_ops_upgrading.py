"""`bot upgrade --check`: what this program would do to a home of another version, said and not done."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot import __version__
from bot.commands.upgrading import upgrade_lines
from bot.config.effective import settings_from_process
from bot.config.settings import Settings
from bot.domain.errors import ConfigError, ForeignStore
from bot.ops import upgrading
from bot.ops.upgrading import examine_upgrade, room_wanted, tables_of
from bot.store.database import LEDGER_NAME, Database, migrations, statements_of
from bot.store.lock import home_lock
from bot.tests.commands.typed import AT, SATURDAY, new_home, typed
from bot.tests.ops.doctored import ledger_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    return tmp_path


def settings(folder: Path) -> Settings:
    return settings_from_process(folder / ".env")


def what(folder: Path) -> dict[str, str]:
    return {one.what: one.words for one in examine_upgrade(settings(folder), SATURDAY).changes}


def old_store(home: Path, version: int) -> None:
    """Make a ledger as a program of an earlier migration left it, with a tick in it."""
    for path in home.glob(f"{LEDGER_NAME}*"):
        path.unlink()
    (home / "anchor.json").unlink(missing_ok=True)
    with closing(sqlite3.connect(home / LEDGER_NAME, isolation_level=None)) as ledger:
        ledger.execute("PRAGMA journal_mode=WAL")
        for number, path in migrations():
            if number <= version:
                for statement in statements_of(path.read_text()):
                    ledger.execute(statement)
        ledger.execute(f"PRAGMA user_version={version}")
        ledger.execute(
            "INSERT INTO ticks (ts, slot, mode, status, broker, market, environment, config_hash, code_version)"
            " VALUES (?1, ?1, 'dry', 'done', 's', 's', 's', 'h', '0.0.9')",
            ("2026-01-02T15:00:00.000000Z",),
        )


def test_a_home_of_this_program_needs_nothing(folder: Path) -> None:
    done = typed(folder, "upgrade", "--check")
    assert done.code == 0, done.out
    assert "nothing to upgrade" in done.out
    told = json.loads(typed(folder, "upgrade", "--check", "--json").out)
    assert (told["needed"], told["changes"], told["steps"]) == (False, [], [])
    assert {one["what"] for one in told["facts"]} == {"program", "store", "Snapshots"}


def test_a_home_that_never_ticked_needs_nothing(tmp_path: Path) -> None:
    new_home(tmp_path)
    assert typed(tmp_path, "upgrade", "--check").code == 0


def test_pending_migrations_are_named_with_the_rows_they_touch_and_not_done(folder: Path) -> None:
    old_store(folder / "data", 15)
    found = examine_upgrade(settings(folder), SATURDAY)
    pending = [one.words for one in found.changes if one.what == "store"]
    assert [words.partition(",")[0] for words in pending] == [path.stem for number, path in migrations() if number > 15]
    assert all(re.search(r"about [\d,]+ rows? touched", words) for words in pending)
    done = typed(folder, "upgrade", "--check")
    assert done.code == 1
    assert "bot backup --to FOLDER" in done.out
    with closing(sqlite3.connect(folder / "data" / LEDGER_NAME)) as ledger:
        assert ledger.execute("PRAGMA user_version").fetchone() == (15,)


def test_the_steps_stand_in_the_order_in_which_they_are_safe(folder: Path) -> None:
    old_store(folder / "data", 15)
    steps = " ".join(examine_upgrade(settings(folder), SATURDAY).steps)
    order = ["bot halt", "bot backup", "systemctl stop", "bot doctor", "bot tick --dry", "bot drill", "systemctl start",
             "bot resume"]  # fmt: skip
    places = [steps.index(step) for step in order]
    assert places == sorted(places)


def test_keys_that_desk_toml_lacks_are_listed_with_their_profiles_values(folder: Path) -> None:
    desk = folder / "data" / "desk.toml"
    text = re.sub(r"(?m)^orders_per_day = .*\n", "", desk.read_text())
    desk.write_text(text.replace("config_version = 2", "config_version = 1"))
    found = examine_upgrade(settings(folder), SATURDAY)
    told = [one.words for one in found.changes if one.what == "desk.toml"]
    assert told[0].startswith("config_version 1, ")
    assert any(words.startswith("limits.orders_per_day = ") for words in told)
    assert any("bot config upgrade" in step for step in found.steps)
    assert desk.read_text() == text.replace("config_version = 2", "config_version = 1")


def test_a_desk_with_other_faults_is_refused_with_them(folder: Path) -> None:
    desk = folder / "data" / "desk.toml"
    desk.write_text(desk.read_text().replace("\norders_per_day =", "\norders_a_day ="))
    with pytest.raises(ConfigError, match="orders_a_day"):
        examine_upgrade(settings(folder), SATURDAY)


def test_a_pass_and_an_approval_that_lapse_are_said(folder: Path) -> None:
    env = folder / ".env"
    with env.open("a") as file:
        file.write("ALPACA_ACCOUNT=AB-1\n")
    env.write_text(env.read_text().replace("ALPACA_ENV=paper", "ALPACA_ENV=live"))
    text = (folder / "data" / "desk.toml").read_text()
    with ledger_of(folder / "data") as ledger:
        ledger.execute(
            "INSERT INTO drills (at, code_version, desk_hash, seed, worlds, passed, scenes_passed, scenes_failed,"
            " scenes_off, removals, removals_missed, result_json) VALUES"
            " ('2026-11-20T00:00:00.000000Z', '0.0.1', 'x', 1, 'simulator', 1, 1, 0, 0, 0, 0, '{}')"
        )
        ledger.execute("INSERT INTO configs VALUES ('old', ?, '{}', '2026', '2026', 'me')", (text,))
        ledger.execute("UPDATE ticks SET code_version = '0.0.1'")
    found = what(folder)
    assert "counts no more" in found["drill"]
    assert "approved again" in found["approval"]
    assert __version__ in found["program"]
    assert any("bot config approve" in step for step in examine_upgrade(settings(folder), SATURDAY).steps)


def test_what_is_under_way_or_has_no_room_is_a_caution(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_of(folder / "data") as ledger:
        ledger.execute("UPDATE ticks SET status = 'started'")
    monkeypatch.setattr(upgrading, "ROOM_LEFT", 2**60)
    with home_lock(folder / "data", "bot tick", SATURDAY):
        found = examine_upgrade(settings(folder), SATURDAY)
    assert {one.what for one in found.cautions} == {"disk", "lock", "tick"}
    assert room_wanted(folder / "data") > 2**60
    assert any(line.startswith("  look  disk") for line in upgrade_lines(found))


def test_a_newer_store_is_refused_and_the_way_back_named(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "data" / LEDGER_NAME)) as ledger:
        ledger.execute("PRAGMA user_version = 999")
    with pytest.raises(ForeignStore, match=r"newer program .*`bot restore BACKUP --home NEW`"):
        examine_upgrade(settings(folder), SATURDAY)
    with pytest.raises(ForeignStore, match=r"`bot restore BACKUP --home NEW`"):
        Database(folder / "data")


def test_the_program_does_not_install_itself(folder: Path) -> None:
    done = typed(folder, "upgrade")
    assert (done.code, "bot upgrade --check" in done.err) == (2, True)


def test_the_tables_of_every_migration_are_found() -> None:
    for _, path in migrations():
        assert all(re.fullmatch(r"[a-z_]+", name) for name in tables_of(path.read_text()))
