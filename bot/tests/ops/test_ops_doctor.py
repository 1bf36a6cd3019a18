"""`bot doctor` as a whole: it reads only, it is quick, and whatever is amiss has its way out beside it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest
from msgspec.structs import replace

from bot.ops.doctor_keeping import backups, missed_slots, sessions_before
from bot.ops.doctor_metrics import half_written, last_watch
from bot.ops.doctor_money import approval
from bot.ops.doctor_words import doctor_lines, tally
from bot.ops.finding import Finding, mended
from bot.store.database import LEDGER_NAME
from bot.store.queries import open_for_questions
from bot.talkers.metrics import END
from bot.tests.commands.typed import AT, SATURDAY, new_home, typed
from bot.tests.ops.doctored import doctored, keep_channel, ledger_of
from bot.tests.talkers import discord_server as discord
from bot.tests.talkers import telegram_server as telegram
from bot.wiring import load_house

LATER = "2026-11-18T17:15:00+00:00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    return tmp_path


def hashes(folder: Path) -> dict[str, str]:
    """Give the SHA-256 of every file but SQLite's own two beside a ledger that is read."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def test_looking_changes_no_byte_of_a_home(folder: Path) -> None:
    assert typed(folder, "backup", now=SATURDAY).code == 0
    before = hashes(folder)
    for words in (("doctor",), ("doctor", "--json"), ("doctor", "--live"), ("upgrade", "--check")):
        typed(folder, *words)
        assert hashes(folder) == before, words


def test_looking_at_a_home_takes_less_than_two_seconds(folder: Path) -> None:
    began = perf_counter()
    assert typed(folder, "doctor").code == 0
    assert perf_counter() - began < 2


def test_groups_stand_in_one_order_with_their_findings_aligned(folder: Path) -> None:
    lines = typed(folder, "doctor").out.splitlines()
    heads = [line for line in lines[:-1] if line and not line.startswith(" ")]
    assert heads == ["Program", "Configuration", "Home", "Record", "Account", "Safety", "Calendars", "Keeping",
                     "Timers", "Reach"]  # fmt: skip
    assert lines[-1].startswith("nothing stops a tick: ")
    assert all(line[:8] in ("  good  ", "  look  ") or line[:24].isspace() for line in lines if line.startswith(" "))


def test_whatever_is_not_good_says_what_to_do(folder: Path) -> None:
    (folder / "data").chmod(0o755)
    (folder / "data" / "HALT").write_text("mad feed\n")
    seen = doctored(folder, BOT_MODE="live", TELEGRAM_CHAT_ID="5")
    bad = [one for one in seen.values() if one.level != "good"]
    assert len(bad) >= 6
    assert [one for one in bad if not one.do] == []
    assert mended(Finding("stop", "anything", "went wrong"), "Home").do
    assert mended(Finding("good", "anything", "is well", "do nothing"), "Home").do == ""


def test_words_over_several_lines_stay_aligned() -> None:
    lines = doctor_lines([Finding("stop", "store", "one\ntwo", "mend it", "Record")])
    assert lines == ["Record", "  stop  store           one", " " * 24 + "two", " " * 24 + "do: mend it", "",
                     "1 thing to mend first, 0 things are good"]  # fmt: skip
    assert tally([Finding("look", "a", "")]) == "nothing stops a tick: 1 thing to look at, 0 things are good"


def test_a_stale_variable_of_the_process_that_wins_over_the_file_is_named(folder: Path) -> None:
    """D030: a stale environment overrode the file and nobody saw it (10 against 1000)."""
    env = folder / ".env"
    env.write_text(env.read_text().replace("BOT_MODE=dry", "BOT_MODE=live"))
    assert "environment" not in doctored(folder)
    one = doctored(folder, BOT_MODE="dry")["environment"]
    assert (one.level, one.do) == ("look", "unset BOT_MODE, or take it out of the unit that sets it")
    assert "says 'dry' and wins over .env, which says 'live'" in one.words


def test_a_file_of_secrets_that_others_read_is_named_with_chmod(folder: Path) -> None:
    env = folder / ".env"
    with env.open("a") as file:
        file.write("TELEGRAM_BOT_TOKEN=1234567:CANARYbotCANARYbotCANARYbot\n")
    env.chmod(0o644)
    one = doctored(folder)[".env"]
    assert (one.level, one.do) == ("look", f"chmod 600 {env}")


def test_backups_are_looked_at_by_age_and_whether_they_are_whole(folder: Path) -> None:
    assert doctored(folder)["backups"].level == "look"
    assert typed(folder, "backup", now=SATURDAY).code == 0
    assert doctored(folder, now=SATURDAY + timedelta(hours=3))["backups"].level == "good"
    late = doctored(folder, now=SATURDAY + timedelta(days=3))["backups"]
    assert (late.level, "bot backup" in late.do) == ("look", True)
    (backup,) = (folder / "data" / "backups").glob("backup-*")
    (backup / "desk.toml").unlink()
    one = doctored(folder)["backups"]
    assert (one.level, "desk.toml" in one.words) == ("look", True)
    house = load_house(str(folder / ".env"))
    assert backups(house, SATURDAY, str(folder / "elsewhere")).level == "look"


def test_a_backup_that_a_clock_far_ahead_dated_does_not_hide_that_there_is_no_fresh_one(folder: Path) -> None:
    assert typed(folder, "backup", now=SATURDAY + timedelta(days=200)).code == 0
    one = doctored(folder, now=SATURDAY)["backups"]
    assert (one.level, one.words.startswith("none of this home")) == ("look", True)


def test_with_a_fault_in_desk_toml_nothing_is_said_of_ticks_nobody_looked_for(folder: Path) -> None:
    (folder / "data" / "desk.toml").write_text("x = [")
    assert "written by" not in doctored(folder)


def test_slots_without_a_tick_are_counted_since_the_first_one(folder: Path) -> None:
    with open_for_questions(folder / "data") as ledger:
        found = missed_slots(ledger, sessions_before(SATURDAY, 5))
    # Noon to the close of the 18th is 16 slots, of which one ticked, and two whole sessions followed.
    assert (found.sessions, found.slots, len(found.missed)) == (3, 16 + 26 + 26, 15 + 26 + 26)
    one = doctored(folder, BOT_MODE="live")["missed slots"]
    assert (one.level, one.words.startswith("67 of 68 slots of the last 3 sessions")) == ("look", True)
    assert doctored(folder)["missed slots"].level == "good"


def test_a_look_that_breaks_is_a_finding_and_the_other_groups_are_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*words: object) -> Iterator[Finding]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("bot.ops.doctor.examine_channels", broken)
    seen = doctored(folder)
    assert (seen["reach"].level, "Input/output error" in seen["reach"].words) == ("stop", True)
    assert seen["chain"].level == "good"


def test_without_a_configuration_the_program_is_still_looked_at(tmp_path: Path) -> None:
    seen = doctored(tmp_path)
    assert (seen["python"].level, seen["configuration"].level) == ("good", "stop")


def test_an_approval_is_asked_of_real_money_alone(folder: Path) -> None:
    house = load_house(str(folder / ".env"))
    assert approval(house) == []
    (one,) = approval(house._replace(settings=replace(house.settings, alpaca_env="live", mode="live")))
    assert (one.level, "bot config approve" in one.do) == ("stop", True)


def test_the_watchs_own_file_tells_when_it_last_looked(folder: Path) -> None:
    house = load_house(str(folder / ".env"))
    assert last_watch(house) is None
    typed(folder, "watch", now=SATURDAY)
    told = last_watch(house)
    assert told is not None
    assert told[0] == SATURDAY
    assert doctored(folder, BOT_MODE="live", now=SATURDAY + timedelta(hours=2))["watch"].level == "look"


# What bad input gets: each is named with its fix, and the next run heals without a hand.


def nothing(folder: Path) -> None:
    """Leave the home as it is."""


def half_a_file(folder: Path) -> None:
    path = folder / "data" / "metrics" / "escapement_main.prom"
    path.parent.mkdir(exist_ok=True)
    path.write_text('# escapement main\nescapement_equity_dollars{desk="main"} 25')


def a_dead_hook(folder: Path) -> None:
    keep_channel(folder / "data", "discord", dead=SATURDAY)


def an_empty_store(folder: Path) -> None:
    for path in (folder / "data").glob("ledger.sqlite*"):
        path.unlink()
    (folder / "data" / "anchor.json").unlink(missing_ok=True)
    shutil.rmtree(folder / "data" / "snapshots", ignore_errors=True)
    shutil.rmtree(folder / "data" / "metrics", ignore_errors=True)


def the_tick_again(folder: Path) -> None:
    assert typed(folder, "tick", "--dry", "--at", LATER).code == 0


def the_hook_again(folder: Path) -> None:
    keep_channel(folder / "data", "discord", sent=SATURDAY)


HOOK = {"DISCORD_WEBHOOK_URL": "http://127.0.0.1:9/api/webhooks/1/abcDEF"}


@pytest.mark.parametrize(
    ("spoil", "variables", "what", "words", "do", "heal"),
    [
        (nothing, {}, "channels", "no channel is set", "DISCORD_WEBHOOK_URL", None),
        (a_dead_hook, HOOK, "discord", "was deleted", "bot alerts test", the_hook_again),
        (half_a_file, {}, "metrics", "half of it", "the next run writes it anew", the_tick_again),
        (an_empty_store, {}, "store", "no tick has run yet", "bot tick --dry", the_tick_again),
    ],
)
def test_each_bad_input_is_named_with_its_fix_and_the_next_run_heals(
    folder: Path, spoil: Callable[[Path], None], variables: dict[str, str], what: str, words: str, do: str,
    heal: Callable[[Path], None] | None,
) -> None:  # fmt: skip
    spoil(folder)
    one = doctored(folder, now=SATURDAY, **variables)[what]
    assert (one.level, words in one.words, do in one.do) == ("look", True, True), one
    if heal is not None:
        heal(folder)
        assert doctored(folder, now=SATURDAY, **variables)[what].level == "good"


def test_a_revoked_token_and_a_wrong_chat_heal_with_the_right_ones(folder: Path) -> None:
    with telegram.telegram_server() as bot:
        right = {
            "TELEGRAM_BOT_TOKEN": telegram.TOKEN,
            "TELEGRAM_CHAT_ID": telegram.CHAT,
            "TELEGRAM_API_URL": bot.address,
        }
        for wrong in ({"TELEGRAM_BOT_TOKEN": "7654321:CANARYbotCANARYbotCANARYbot"}, {"TELEGRAM_CHAT_ID": "-42"}):
            one = doctored(folder, "--reach", now=SATURDAY, **(right | wrong))["telegram asked"]
            (name,) = wrong
            assert (one.level, name in one.words, bool(one.do)) == ("look", True, True)
        assert doctored(folder, "--reach", now=SATURDAY, **right)["telegram asked"].level == "good"


def test_a_hook_that_was_deleted_heals_with_another(folder: Path) -> None:
    with discord.discord_server() as hook:
        hook.deleted = True
        assert doctored(folder, "--reach", DISCORD_WEBHOOK_URL=hook.url)["discord asked"].level == "look"
        hook.deleted = False
        assert doctored(folder, "--reach", DISCORD_WEBHOOK_URL=hook.url)["discord asked"].level == "good"


def test_a_full_disk_stops_with_what_makes_room_and_heals(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("bot.ops.doctor_machine.DISK_FREE_STOP", 2**60)
        one = doctored(folder)["disk"]
    assert (one.level, "free some room" in one.do) == ("stop", True)
    assert doctored(folder)["disk"].level == "good"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"# HELP a b\na{{desk=\"x\"}} 1\na 2.5e-05\nb +Inf\n{END}", ""), ("a 1\n", "end is missing"),
        ("", "end is missing"), (f"<html>\n{END}", "line 1"), (f"a 1\na{{desk=\n{END}", "line 2"),
    ],
)  # fmt: skip
def test_half_of_a_metrics_file_is_told_from_a_whole_one(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "one.prom").write_text(text)
    told = half_written(tmp_path / "one.prom")
    assert fault in told
    assert bool(told) == bool(fault)


def test_metrics_of_another_home_are_not_taken_for_ours(folder: Path) -> None:
    path = folder / "data" / "metrics" / "escapement_main.prom"
    assert path.exists()
    path.write_text(f"# escapement main of home 000000000000\na 1\n{END}")
    assert "another home" in doctored(folder)["metrics"].words


def test_a_tick_that_failed_and_a_pass_that_lapses_are_told(folder: Path) -> None:
    with ledger_of(folder / "data") as ledger:
        ledger.execute(
            "INSERT INTO drills (at, code_version, desk_hash, seed, worlds, passed, scenes_passed, scenes_failed,"
            " scenes_off, removals, removals_missed, result_json) VALUES"
            " ('2026-11-20T00:00:00.000000Z', '1', 'x', 1, 'simulator', 0, 1, 1, 0, 0, 0, '{}')"
        )
    assert doctored(folder)["last drill"].level == "look"


def test_a_ledger_that_is_no_database_is_a_finding_of_its_own(folder: Path) -> None:
    for path in (folder / "data").glob("ledger.sqlite*"):
        path.unlink()
    with closing(sqlite3.connect(folder / "data" / LEDGER_NAME)) as ledger:
        ledger.execute("CREATE TABLE x (y)")
    assert doctored(folder)["store"].level == "look"
