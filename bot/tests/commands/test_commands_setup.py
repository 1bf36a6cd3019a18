"""`bot init`, `bot config ...`, `bot doctor`, `bot dump-state`, `bot scan`, `bot simulate`."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest

from bot.config.profiles import PROFILES, shipped_universe
from bot.ops.doctor import Finding, examine
from bot.tests.commands.typed import AT, new_home, typed

SIMULATE = ("simulate", "--days", "3", "--until", "2026-11-18", "--symbols", "XLF,EWZ")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    assert typed(folder, "tick", "--dry", "--at", AT).code == 0
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


# init


@pytest.mark.parametrize("profile", PROFILES)
def test_init_writes_a_desk_that_ticks_in_every_profile(tmp_path: Path, profile: str) -> None:
    done = typed(tmp_path, "init", "--profile", profile)
    assert done.code == 0, done.err
    assert f"home {tmp_path / 'data'}" in done.out
    assert "fits: " in done.out
    assert typed(tmp_path, "config", "check").code == 0
    tick = typed(tmp_path, "tick", "--dry", "--at", AT, "--json")
    assert json.loads(tick.out)["errors"] == []


def test_what_init_writes_is_for_the_owners_eyes_only(tmp_path: Path) -> None:
    new_home(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_init_never_overwrites(folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / ".env", folder / "data" / "desk.toml")}
    done = typed(folder, "init", "--profile", "aggressive")
    assert done.code == 2
    for path, held in before.items():
        assert str(path) in done.err
        assert path.read_bytes() == held


def test_symbols_replace_the_universe_but_add_to_the_aggressive_one(tmp_path: Path) -> None:
    for profile in PROFILES:
        folder = tmp_path / profile
        folder.mkdir()
        done = typed(folder, "init", "--profile", profile, "--symbols", "xlf, aapl")
        assert done.code == 0, done.err
        shown = json.loads(typed(folder, "config", "show", "--json").out)
        names = {row["key"].removeprefix("symbols.") for row in shown if row["key"].startswith("symbols.")}
        assert names == ({"XLF", "AAPL", *shipped_universe()} if profile == "aggressive" else {"XLF", "AAPL"})
        # Every name of the universe is priced, the added ones too.
        told = done.out[done.out.index("fits:") :]
        assert [name for name in names if name not in told] == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--profile", "bold"), "conservative, balanced, aggressive"),
        (("--equity", "lots"), "--equity"),
        (("--equity", "-5"), "above zero"),
        (("--symbols", "XLF,$$"), "$$"),
    ],
)
def test_init_with_odd_words_writes_nothing(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = typed(tmp_path, "init", *words)
    assert done.code == 2
    assert says in done.err
    assert list(tmp_path.iterdir()) == []


def test_init_converts_another_systems_file_and_says_what_it_did_not_understand(tmp_path: Path) -> None:
    (tmp_path / "old.env").write_text("ALPACA_API_KEY=AK\nALPACA_SECRET_KEY=SK\nMAX_MOON_PHASE=3\n")
    done = typed(tmp_path, "init", "--from-env", "old.env")
    assert done.code == 0, done.err
    assert "converted: ALPACA_API_KEY" in done.out
    assert "not understood: MAX_MOON_PHASE" in done.out
    assert "AK" not in done.out.replace("ALPACA", "")
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0


# config


def test_config_show_says_where_every_value_comes_from_and_hides_secrets(folder: Path) -> None:
    with (folder / ".env").open("a") as env:
        env.write("ALPACA_API_KEY=PKVERYSECRET\n")
    done = typed(folder, "config", "show", BOT_MODE="live")
    assert "live   (the process environment)" in done.out
    assert "(desk.toml)" in done.out
    assert "set, 12 characters" in done.out
    assert "PKVERYSECRET" not in done.out + done.err
    assert f"home {folder / 'data'}" in done.out
    assert "warning: BOT_MODE" in done.err
    listed = typed(folder, "config", "show", "--json")
    assert {"key", "value", "origin"} == set(json.loads(listed.out)[0])
    assert f"home {folder / 'data'}" in listed.err


def test_config_check_is_quiet_about_a_complete_configuration(folder: Path) -> None:
    done = typed(folder, "config", "check")
    assert (done.code, done.out, done.err) == (0, f"the configuration is complete   home {folder / 'data'}\n", "")


def test_config_approve_is_for_this_configuration_only(folder: Path) -> None:
    assert typed(folder, "config", "approve").code == 0
    desk = folder / "data" / "desk.toml"
    desk.write_text(desk.read_text().replace("orders_per_day = 10", "orders_per_day = 9"))
    assert typed(folder, "tick", "--dry", "--at", AT).code == 0
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        approved = [row[0] is not None for row in ledger.execute("SELECT approved_at FROM configs ORDER BY at, rowid")]
    assert sorted(approved) == [False, True]


def test_config_upgrade_writes_missing_keys_and_keeps_the_former_file(folder: Path) -> None:
    desk = folder / "data" / "desk.toml"
    whole = desk.read_text()
    assert typed(folder, "config", "upgrade").out.startswith("nothing to upgrade")
    desk.write_text("\n".join(line for line in whole.splitlines() if not line.startswith("orders_per_day")) + "\n")
    before = desk.read_text()
    assert typed(folder, "config", "check").code == 78
    done = typed(folder, "config", "upgrade")
    assert done.code == 0, done.err
    assert str(desk) in done.out
    assert typed(folder, "config", "check").code == 0
    assert desk.with_suffix(".toml.before-upgrade").read_text() == before
    assert {path.stat().st_mode & 0o777 for path in desk.parent.glob("desk.toml*")} == {0o600}


def test_config_upgrade_on_a_disk_that_refuses_changes_nothing(folder: Path) -> None:
    desk = folder / "data" / "desk.toml"
    text = desk.read_text().replace("\norders_per_day", "\n# orders_per_day")
    desk.write_text(text)
    desk.with_suffix(".toml.before-upgrade").mkdir()
    done = typed(folder, "config", "upgrade")
    assert done.code == 1
    assert "cannot be written" in done.err
    assert desk.read_text() == text


# doctor


def test_the_doctor_finds_a_good_home_good(folder: Path) -> None:
    done = typed(folder, "doctor")
    assert done.code == 0, done.out
    assert "stop" not in {line[:6].strip() for line in done.out.splitlines()}
    for what in ("configuration", "home", "disk", "chain", "ticks", "account", "session"):
        assert f"  {what:<15} " in done.out
    assert str(folder / "data") in done.out
    found = json.loads(typed(folder, "doctor", "--json").out)
    assert set(Finding._fields) == set(found[0])
    assert {one["what"] for one in found} == {one.what for one in examine(str(folder / ".env"))}


def test_the_doctor_changes_nothing_and_lets_no_time_pass(folder: Path) -> None:
    account = folder / "data" / "simulator.sqlite"
    before = account.read_bytes()
    assert typed(folder, "doctor").code == 0
    assert account.read_bytes() == before
    assert typed(folder, "tick", "--dry", "--at", "2026-11-18T17:15:00+00:00").code == 0


def test_looking_first_does_not_keep_the_first_tick_from_running(tmp_path: Path) -> None:
    new_home(tmp_path)
    assert typed(tmp_path, "doctor").code == 0
    assert typed(tmp_path, "scan", "XLF").code == 0
    assert not (tmp_path / "data" / "simulator.sqlite").exists()
    done = typed(tmp_path, "tick", "--dry", "--at", "session")
    assert done.code == 0, done.err


def test_the_doctor_names_a_missing_desk(folder: Path) -> None:
    (folder / "data" / "desk.toml").unlink()
    done = typed(folder, "doctor")
    assert done.code == 1
    assert f"stop configuration no desk at {folder / 'data' / 'desk.toml'}" in " ".join(done.out.split())


def test_the_doctor_names_each_fault_of_a_desk(folder: Path) -> None:
    desk = folder / "data" / "desk.toml"
    desk.write_text(
        desk.read_text().replace("\norders_per_day =", "\norders_a_day =").replace("group_share = 0.45", "")
    )
    done = typed(folder, "doctor")
    assert done.code == 1
    assert done.out.count("stop  configuration ") == 3


def test_the_doctor_sees_a_record_that_was_edited(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger, ledger:
        for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute("UPDATE events SET payload_json = '{}' WHERE id = (SELECT max(id) FROM events)")
    done = typed(folder, "doctor")
    assert done.code == 1
    assert "stop  chain " in done.out


def test_the_doctor_sees_an_open_home(folder: Path) -> None:
    (folder / "data").chmod(0o755)
    done = typed(folder, "doctor")
    assert done.code == 0
    assert "look  home " in done.out
    assert "chmod 700" in done.out


# scan


def test_scan_lists_ranked_candidates_as_json_and_records_nothing(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        before = ledger.execute("SELECT count(*) FROM ticks").fetchone()
    done = typed(folder, "scan", "xlf", "--at", AT, "--limit", "3", "--json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)
    assert [row["underlying"] for row in rows] == ["XLF"] * 6
    assert {row["right"] for row in rows} == {"put", "call"}
    assert rows[0]["rank"] == 1
    assert rows[0]["out"] == ""
    assert float(rows[0]["annual_yield"]) > 0
    assert f"home {folder / 'data'}" in done.err
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        assert ledger.execute("SELECT count(*) FROM ticks").fetchone() == before


def test_scan_prints_every_symbol_whole_and_the_home(folder: Path) -> None:
    done = typed(folder, "scan", "--at", AT, "--limit", "2")
    assert done.code == 0, done.err
    assert f"home {folder / 'data'}" in done.out
    assert "SIMULATED MONEY" in done.out
    for name in ("XLF puts", "XLF calls", "EWZ puts", "EWZ calls"):
        assert name in done.out
    assert "XLF261224P000" in done.out
    assert "…" not in done.out


def test_scan_of_a_name_no_wheel_trades_is_refused(folder: Path) -> None:
    done = typed(folder, "scan", "SLV", "--at", AT)
    assert done.code == 2
    assert "it trades EWZ, XLF" in done.err


@pytest.mark.parametrize("now", ["2026-11-21T15:00:00+00:00", "2026-11-26T15:00:00+00:00"])
def test_scan_on_a_closed_day_still_answers(folder: Path, now: str) -> None:
    done = typed(folder, "scan", "--at", now, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)


# simulate


def test_simulate_makes_a_home_of_its_own_whose_books_agree(folder: Path) -> None:
    done = typed(folder, *SIMULATE, "--home", str(folder / "sim"))
    assert done.code == 0, done.err
    assert "our books and the account agree to the cent" in done.out
    assert f"home {folder / 'sim'}\n" in done.out
    assert re.search(rf"BOT_HOME={re.escape(str(folder / 'sim'))} \S*bot status", done.out)
    assert "78 ticks" in done.out
    status = typed(folder, "status", BOT_HOME=str(folder / "sim"))
    assert "SIMULATED MONEY" in status.out


def test_simulate_as_json_is_one_object_and_two_runs_agree(folder: Path) -> None:
    first, second = (json.loads(typed(folder, *SIMULATE, "--json").out) for _ in range(2))
    assert first["home"] != second["home"]
    assert first["cash_ours"] == first["cash_broker"]
    assert first["errors"] == {}
    for key in ("equity_end", "orders_sent", "fills", "intents_judged", "ticks"):
        assert first[key] == second[key]


def test_simulate_never_writes_into_an_existing_home(folder: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (folder / "data").iterdir())
    done = typed(folder, *SIMULATE, "--home", str(folder / "data"))
    assert done.code == 78
    assert "name another --home" in done.err
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (folder / "data").iterdir()) == before


@pytest.mark.parametrize(
    "words", [("--until", "2026-11-22"), ("--until", "2027-11-18"), ("--until", "never"), ("--profile", "bold")]
)
def test_simulate_with_odd_words_makes_no_home(folder: Path, words: tuple[str, ...]) -> None:
    done = typed(folder, "simulate", "--days", "2", *words)
    assert done.code == 2, done.err
    assert not (folder / "simulated").exists()


# dump-state


def test_dump_state_is_one_object_with_every_table(folder: Path) -> None:
    done = typed(folder, "dump-state", "--limit", "1")
    assert done.code == 0
    dumped = json.loads(done.out)
    assert dumped["home"] == str(folder / "data")
    assert dumped["simulated"] is True
    assert len(dumped["tables"]["ticks"]) == 1
    assert {"orders", "fills", "lots", "events", "configs", "drift"} <= set(dumped["tables"])


def test_a_named_env_file_is_used_from_anywhere(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = typed(elsewhere, "tick", "--env", os.fspath(folder / ".env"), "--dry", "--at", AT, "--json")
    assert done.code == 0, done.err
    assert f"home {folder / 'data'}" in done.err
    assert typed(elsewhere, "status", "--env", "missing.env").code == 78


def test_a_scan_says_what_stands_against_everything_now(tmp_path: Path) -> None:
    new_home(tmp_path)
    shut = typed(tmp_path, "scan", "XLF")
    assert "against all of them now: the market is closed" in shut.out
    rows = json.loads(typed(tmp_path, "scan", "XLF", "--at", AT, "--json").out)
    assert all(row["simulated"] for row in rows)
    puts = [row for row in rows if row["right"] == "put"]
    calls = [row for row in rows if row["right"] == "call"]
    assert puts
    assert {tuple(row["against_now"]) for row in puts} == {()}
    assert {tuple(row["against_now"]) for row in calls} == {("no shares of ours are free to be called away",)}


def test_names_converted_from_another_system_are_priced_too(tmp_path: Path) -> None:
    (tmp_path / "old.env").write_text("WHEEL_UNIVERSE=SPY,AAPL\n")
    done = typed(tmp_path, "init", "--from-env", str(tmp_path / "old.env"))
    assert done.code == 0, done.err
    told = [line for line in done.out.splitlines() if line.startswith(("fits:", "too dear:"))]
    assert sum(line.count("AAPL") + line.count("SPY") for line in told) == 2


def test_a_halt_takes_no_empty_reason(tmp_path: Path) -> None:
    new_home(tmp_path)
    done = typed(tmp_path, "halt", "stop", "--reason", " ")
    assert done.code == 2
    assert "--reason needs words" in done.err


def test_init_and_config_check_tell_another_program_the_same(tmp_path: Path) -> None:
    told = json.loads(typed(tmp_path, "init", "--json").out)
    assert told["strike_max"] == "100"
    assert {one["symbol"] for one in told["fits"]} == set(shipped_universe())
    assert {one["fits"] for one in told["fits"]} == {True, False}
    checked = json.loads(typed(tmp_path, "config", "check", "--json").out)
    assert checked == {"complete": True, "faults": [], "warnings": [], "home": str(tmp_path / "data")}
    desk = tmp_path / "data" / "desk.toml"
    desk.write_text(desk.read_text().replace("symbol_share = 0.25", "symbol_share = 25", 1))
    done = typed(tmp_path, "config", "check", "--json")
    assert done.code == 78
    faults = json.loads(done.out)["faults"]
    assert len(faults) == 1
    assert "limits.symbol_share" in faults[0]
