"""The list from paper to a small live account: a record on which all holds, and what opens it again (D005)."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot import __version__
from bot.commands.going_live import live_lines
from bot.config.secret import Secrets
from bot.domain.sessions import session_on
from bot.ops.doctor_keeping import sessions_before
from bot.ops.doctor_metrics import files_of
from bot.ops.finding import Finding
from bot.ops.live_checklist import Item, judge_live, open_items, restores, same_rules
from bot.store import practice
from bot.store.database import moment_text
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import AT, SATURDAY, new_home, typed
from bot.tests.ops.doctored import keep_message, ledger_of
from bot.wiring import House, load_house

ACCOUNT = tuple(Finding("good", what, "well") for what in ("pin", "options level", "share prices", "option prices"))
SMALL = Decimal(5_000)
HOOK = "http://127.0.0.1:9/api/webhooks/1/abcDEF"


def live_house(folder: Path) -> House:
    """Give the house as a live .env would make it; its hash is the one that was approved."""
    house = load_house(str(folder / ".env"))
    names = ("ALPACA_API_KEY", "ALPACA_SECRET_KEY")
    secrets = Secrets(
        {"ALPACA_API_KEY": "AKXXXXXXXXXXXXXXXX", "ALPACA_SECRET_KEY": "s" * 40, "DISCORD_WEBHOOK_URL": HOOK}
    )
    origins = {**house.settings.origins, **{name: f"{name}_FILE in .env" for name in names}}
    settings = replace(
        house.settings, broker="alpaca", alpaca_env="live", mode="live", secrets=secrets, origins=origins,
        alpaca_account="AB-1",
    )  # fmt: skip
    return house._replace(settings=settings)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a record on which everything holds, once; each test gets a copy of it in the same place."""
    folder = tmp_path_factory.mktemp("record") / "desk"
    make_record(folder)
    shutil.copytree(folder, folder.with_name("pristine"))
    return folder


@pytest.fixture
def house(record: Path) -> House:
    shutil.rmtree(record)
    shutil.copytree(record.with_name("pristine"), record)
    return live_house(record)


def make_record(folder: Path) -> None:
    """Write it by hand, but for the backup, which a restore must bring back."""
    home = new_home(folder)
    assert typed(folder, "tick", "--dry", "--at", AT).code == 0
    assert typed(folder, "backup", now=SATURDAY).code == 0
    house = live_house(folder)
    sessions = sessions_before(SATURDAY, 20)
    now = moment_text(SATURDAY)
    with ledger_of(home) as ledger:
        ledger.execute("UPDATE stamp SET environment = 'paper'")
        ledger.execute("UPDATE ticks SET slot = '2026-01-02T15:00:00.000000Z', session_day = '2026-01-02'")
        ledger.execute(
            "INSERT INTO configs VALUES (?, ?, '{}', ?, ?, 'me')", (house.hash + "x", house.desk_text, now, now)
        )
        ledger.execute("UPDATE configs SET approved_at = ?, approved_by = 'me'", (now,))
        for session in sessions:
            slot = session.open_at
            while session.holds(slot):
                ledger.execute(
                    "INSERT INTO ticks (ts, slot, mode, status, broker, market, environment, config_hash, code_version,"
                    " session_day, session_open, halt) VALUES (?, ?, 'live', 'done', 'alpaca', 'alpaca', 'paper', ?, ?,"
                    " ?, 1, ?)",
                    (moment_text(slot), moment_text(slot), house.hash, __version__, session.day.isoformat(),
                     "stop" if slot == sessions[0].open_at else "run"),
                )  # fmt: skip
                slot += timedelta(minutes=15)
        ledger.execute(
            "INSERT INTO panics (at, author, reason, ended_at, flatten) VALUES (?, 'me', 'practice', ?, 0)", (now, now)
        )
        ledger.execute(
            "INSERT INTO drills (at, code_version, desk_hash, seed, worlds, passed, scenes_passed, scenes_failed,"
            " scenes_off, removals, removals_missed, result_json)"
            " VALUES (?, ?, ?, 1, 'simulator', 1, 1, 0, 0, 0, 0, '{}')",
            (now, __version__, house.desk_hash),
        )
    for session in sessions[-10:]:
        keep_message(home, "discord", "report", f"report:{session.day}", session.close_at)
    keep_message(home, "discord", "test", "test:1", SATURDAY, delivered=SATURDAY - timedelta(days=1))
    _, watch = files_of(house)
    watch.parent.mkdir(exist_ok=True)
    at = SATURDAY.timestamp()
    watch.write_text(
        f'escapement_watch_timestamp_seconds{{desk="main"}} {at}\nescapement_watch_alarms{{desk="main"}} 0\n# end\n'
    )


def judged(house: House, account: tuple[Finding, ...] = ACCOUNT, equity: Decimal | None = SMALL) -> tuple[Item, ...]:
    return judge_live(house, house.home, SATURDAY, session_on, "", account, equity)


def left(house: House, account: tuple[Finding, ...] = ACCOUNT, equity: Decimal | None = SMALL) -> set[str]:
    return {item.name for item in open_items(judged(house, account, equity))}


def test_a_record_on_which_everything_holds_opens_the_way(house: House) -> None:
    items = judged(house)
    assert open_items(items) == (), open_items(items)
    assert len(items) == 25
    assert "everything holds" in live_lines(house, house.home, items)[-1]


SPOILED = {
    "sessions on paper": "UPDATE ticks SET mode = 'dry' WHERE session_day = '2026-11-20'",
    "missed slots": "UPDATE ticks SET status = 'failed' WHERE slot LIKE '2026-11-2%' AND id % 4 = 0",
    "unexplained drift": "INSERT INTO drift (symbol, kind, what, broker, ours, tick_id) VALUES"
    " ('XLF', 'unexplained', 'w', '1', '2', 1)",
    "unknown orders": "INSERT INTO order_words (at, author, client_order_id, word, reason, state_before, state, status,"
    " broker_order_id, after_step) VALUES ('2026-11-20T15:00:00.000000Z', 'me', 'x', 'never_arrived', 'r', 'unknown',"
    " 'done', '', '', 0)",
    "invariants": "INSERT INTO invariants (tick_id, at, name, ok, detail, value, unit, symbols) VALUES"
    " ((SELECT max(id) FROM ticks), '2026-11-20T15:00:00.000000Z', 'cash', 0, '', '1', 'usd', '')",
    "daily report": "DELETE FROM outbox WHERE \"key\" = 'report:2026-11-17'",
    "panic played": "DELETE FROM panics",
    "HALT file played": "UPDATE ticks SET halt = 'run'",
    "alerts arrive": "UPDATE outbox SET delivered_at = '2026-11-10T00:00:00.000000Z' WHERE kind = 'test'",
    "drill": "UPDATE drills SET code_version = '0.0.1'",
    "approval": "UPDATE configs SET approved_at = NULL",
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_each_thing_of_the_record_opens_its_own_line(house: House, name: str) -> None:
    with ledger_of(house.home) as ledger:
        ledger.execute(SPOILED[name])
    assert name in left(house)
    (item,) = (item for item in judged(house) if item.name == name)
    assert item.how


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"alpaca_env": "paper"}, "live environment"),
        ({"secrets": Secrets({"ALPACA_API_KEY": "PKX", "ALPACA_SECRET_KEY": "s"})}, "live keys by file"),
        ({"secrets": Secrets({})}, "live keys by file"),
        ({"origins": {}}, "live keys by file"),
    ],
)
def test_each_setting_opens_its_own_line(house: House, change: dict[str, object], name: str) -> None:
    assert name in left(house._replace(settings=replace(house.settings, **change)))


def test_an_account_that_is_large_or_not_reached_is_no_small_one(house: House) -> None:
    assert left(house, equity=Decimal(10_001)) == {"small account"}
    assert left(house, equity=Decimal(20_000)) == {"small account", "small orders"}
    assert left(house, account=(), equity=None) == {
        "small account", "small orders", "account pinned", "options level", "share prices", "option prices"
    }  # fmt: skip


def test_limits_that_are_off_or_wide_are_not_small(house: House) -> None:
    limits = replace(house.desk.limits, order_loss_share=None, contracts_per_tick=Decimal(2), daily_loss_share=None)
    wide = house._replace(desk=replace(house.desk, limits=limits))
    assert {"small orders", "one at a time", "daily loss", "sessions on paper"} <= left(wide)
    off = house._replace(desk=replace(house.desk, limits=replace(house.desk.limits, drill_age_days=None)))
    assert "drill" in left(off)


def test_sessions_count_for_the_same_rules_alone_whatever_the_alerts_say(house: House) -> None:
    quieter = house.desk_text.replace('quiet_hours = "off"', 'quiet_hours = "22:00-07:00"')
    assert quieter != house.desk_text
    assert same_rules(quieter, house.desk)
    assert not same_rules(house.desk_text.replace("contracts_per_tick = 1", "contracts_per_tick = 2"), house.desk)
    assert not same_rules("no desk at all", house.desk)


def test_a_record_of_other_money_counts_for_nothing(house: House) -> None:
    with ledger_of(house.home) as ledger:
        ledger.execute("UPDATE stamp SET environment = 'simulated'")
    assert {"sessions on paper", "missed slots", "unexplained drift", "panic played", "daily report"} <= left(house)


def test_a_backup_that_does_not_restore_opens_the_list(house: House) -> None:
    (backup,) = (house.home / "backups").glob("backup-*")
    assert restores(backup, SATURDAY) == ""
    (backup / "desk.toml").write_text("# cut off")
    assert left(house) == {"restore proved"}
    assert "take another backup" in restores(backup, SATURDAY)


def test_a_watch_with_alarms_or_none_at_all_opens_the_list(house: House) -> None:
    _, watch = files_of(house)
    watch.write_text(watch.read_text().replace('alarms{desk="main"} 0', 'alarms{desk="main"} 2'))
    assert left(house) == {"watch"}
    watch.unlink()
    assert left(house) == {"watch"}


def test_what_is_counted_is_counted_from_a_moment_on(house: House) -> None:
    first = sessions_before(SATURDAY, 5)[0]
    with open_for_questions(house.home) as ledger:
        found = practice.trouble_since(ledger.connection, first.open_at, first.day)
        assert (found.ticks, found.failed, found.drift) == (5 * 26, 0, 0)
        assert practice.tests_taken(ledger.connection) == {"discord": SATURDAY - timedelta(days=1)}


def test_the_command_ends_with_1_while_anything_is_open_and_says_what_is_next(tmp_path: Path) -> None:
    new_home(tmp_path)
    done = typed(tmp_path, "doctor", "--live")
    assert done.code == 1
    assert "next: sessions on paper: " in done.out
    told = json.loads(typed(tmp_path, "doctor", "--live", "--json").out)
    assert (told["ready"], told["open"] > 10, told["items"][0]["met"]) == (False, True, False)
    assert typed(tmp_path, "doctor", "--live", "--paper", str(tmp_path / "none")).code == 2
