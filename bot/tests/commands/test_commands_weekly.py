"""`bot week` on a simulated account: it looks, says what the planners would do, and leaves no trace."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.commands.simulating import Choice, chosen_sessions, make_home, simulate
from bot.commands.weekly import ahead_in, stop_outlooks, week_of, why_unwatched
from bot.domain.desk import TrailingNumbers, TrailingParams
from bot.domain.sessions import new_york_day
from bot.store.lock import home_lock
from bot.store.queries import open_for_questions
from bot.tests.builders import NOON, D, a_desk, a_lot, a_snapshot, an_option_leg, held, put, wheel_params
from bot.tests.commands.typed import Done, new_home, typed
from bot.wiring import load_house

AFTER = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
"""Thursday, half an hour into the session after the last simulated one."""
AT = AFTER.isoformat()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder whose home went through twenty-five simulated sessions."""
    folder = tmp_path_factory.mktemp("weekly")
    (folder / ".env").write_text(f"BOT_HOME={folder / 'home'}\n")
    choice = Choice(
        days=25, until="2026-11-18", home=str(folder / "home"), seed=2, profile="balanced", equity="", symbols=""
    )
    simulate(make_home(str(folder / ".env"), choice), chosen_sessions(choice.days, choice.until, AFTER))
    return folder


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """Give a copy of that folder to write into."""
    shutil.copytree(made / "home", tmp_path / "home")
    (tmp_path / ".env").write_text(f"BOT_HOME={tmp_path / 'home'}\n")
    return tmp_path


def week(folder: Path, *words: str) -> Done:
    return typed(folder, "week", "--at", AT, *words, now=AFTER)


def as_object(folder: Path, *words: str) -> dict[str, Any]:
    done = week(folder, "--json", *words)
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1, "exactly one line"
    told = json.loads(done.out)
    assert isinstance(told, dict)
    return told


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file() and "-shm" not in path.name}


def test_every_short_option_of_the_ledger_has_its_chance_and_its_plan(made: Path) -> None:
    told = as_object(made)
    with open_for_questions(made / "home") as ledger:
        short = {one.symbol: one.qty for one in ledger.positions() if one.qty < 0}
        credits = {leg.symbol: leg.credit for leg in ledger.open_legs()}
    assert {one["symbol"]: D(one["qty"]) for one in told["options"]} == short
    assert short, "a year that sold nothing says nothing"
    for one in told["options"]:
        rules = {prospect["rule"]: prospect for prospect in one["prospects"]}
        assert 0 < float(one["chance"]) < 1
        assert one["strategy"] == "wheel"
        assert {"take_profit", "assignment"} <= set(rules)
        # balanced closes at 60 % of the credit: the highest cent at which that much is kept
        price, credit = D(rules["take_profit"]["price"]), credits[one["symbol"]]
        assert credit is not None
        assert 1 - price / credit >= D("0.6") > 1 - (price + D("0.01")) / credit
        assert one["dte"] == (datetime.fromisoformat(one["expiry"]).date() - new_york_day(AFTER)).days
        assert len(one["plan"]) == len(one["prospects"])


def test_the_page_says_what_the_json_says(made: Path) -> None:
    told, done = as_object(made), week(made)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("SIMULATED MONEY   Thu 19 Nov to Thu 26 Nov")
    flat = " ".join(done.out.split())
    for one in told["options"]:
        for sentence in one["plan"]:
            assert sentence in flat
    assert f"home {made / 'home'}" in lines
    assert max(len(line) for line in lines if not line.startswith("home")) <= 100


def test_looking_leaves_no_trace_and_lets_no_time_pass(own: Path) -> None:
    before = contents(own / "home")
    assert week(own).code == 0
    assert contents(own / "home") == before
    # A tick of an earlier moment still runs: the account's time stood still.
    earlier = "2026-11-19T14:45:00+00:00"
    assert typed(own, "tick", "--dry", "--at", earlier, now=AFTER).code == 0


def test_it_is_read_while_somebody_holds_the_lock(own: Path) -> None:
    with home_lock(own / "home", "bot tick", AFTER):
        assert week(own).code == 0


def test_the_window_is_as_long_as_asked(made: Path) -> None:
    told = as_object(made, "--days", "30")
    assert (told["today"], told["until"], told["days"]) == ("2026-11-19", "2026-12-19", 30)
    assert {one["symbol"]: one["in_window"] for one in told["options"]} == {
        one["symbol"]: one["expiry"] <= "2026-12-19" for one in told["options"]
    }


@pytest.mark.parametrize("days", ["0", "61", "x"])
def test_a_window_that_is_none_is_refused(made: Path, days: str) -> None:
    assert week(made, "--days", days).code == 2


def test_the_owners_words_show_without_a_tick(own: Path) -> None:
    contract = as_object(own)["options"][0]["symbol"]
    assert typed(own, "hold", contract, now=AFTER).code == 0
    assert typed(own, "halt", "no_new_risk", "--reason", "away", now=AFTER).code == 0
    told = as_object(own)
    first = next(one for one in told["options"] if one["symbol"] == contract)
    assert "your word: hold (no profit target, roll or time exit closes it)" in first["plan"]
    assert "take_profit" not in {prospect["rule"] for prospect in first["prospects"]}
    assert "halt no_new_risk by " in week(own).out


def test_a_home_without_a_tick_has_nothing_and_gets_nothing(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    before = contents(home)
    done = typed(tmp_path, "week", "--at", "2026-11-18T17:00:00+00:00")
    assert done.code == 0, done.err
    assert "nothing is held: `" in done.out
    assert contents(home) == before


def test_a_home_of_another_account_is_refused(own: Path) -> None:
    with closing(sqlite3.connect(own / "home" / "ledger.sqlite")) as ledger, ledger:
        for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute("UPDATE stamp SET account = 'SIM-other'")
    for command in ("week", "scan"):
        done = typed(own, command, "--at", AT, now=AFTER)
        assert done.code == 78
        assert "belongs to simulator simulated SIM-other" in done.err
        assert "BOT_HOME=" in done.err


def test_a_leg_without_a_wheel_says_what_is_missing() -> None:
    desk = a_desk(
        wheels=((1, True, wheel_params("XLF")), (2, False, wheel_params("XLE", name="asleep"))),
    )  # fmt: skip
    symbol = put("XLE", NOON.date(), "40")
    assert "asleep is switched off" in why_unwatched(an_option_leg(symbol, strategy="asleep"), desk)
    assert "XLE is not among the names of wheel" in why_unwatched(an_option_leg(symbol, strategy="wheel"), desk)
    assert "it belongs to guest, no wheel of this desk" in why_unwatched(an_option_leg(symbol, strategy="guest"), desk)
    assert "no wheel trades its underlying" in why_unwatched(an_option_leg(symbol, strategy=""), desk)


def test_every_leg_is_either_looked_after_or_says_why_not(made: Path) -> None:
    house = load_house(str(made / ".env"))
    report = week_of(house, 7, lambda: AFTER)
    asleep = house.desk.wheels[0]
    from msgspec.structs import replace

    desk = replace(house.desk, wheels=((asleep[0], False, asleep[2]),))
    leg = an_option_leg(put("XLF", NOON.date(), "38"))
    snapshot = a_snapshot(positions=(held(leg.symbol, "-1"),))
    snapshot = replace(snapshot, books=replace(snapshot.books, legs=(leg,)))
    ahead = ahead_in(snapshot, (), desk)
    assert ahead.legs == ()
    assert [name for name, _ in ahead.unwatched] == [leg.id]
    assert all(line.prospects for line in report.options)


def test_whose_shares_a_stop_protects_is_asked_of_the_planner_itself() -> None:
    numbers = TrailingNumbers(trail_percent=D(12), protect_wheel_lots=False)
    stops = TrailingParams(name="stops", numbers=numbers, symbols=(), wheel_symbols=frozenset({"XLE"}))
    snapshot = a_snapshot(positions=(held("XLF", "100"), held("XLE", "100"), held("EWZ", "100", "foreign")))
    lots = (a_lot("XLF"), a_lot("XLE"), a_lot("EWZ", owner="foreign"))
    from msgspec.structs import replace

    snapshot = replace(snapshot, books=replace(snapshot.books, lots=lots))
    desk = a_desk(trailing_stops=((1, True, stops),))
    assert [(one.symbol, one.strategy, one.trail_percent) for one in stop_outlooks(snapshot, desk)] == [
        ("XLF", "stops", D(12))
    ]
    assert stop_outlooks(snapshot, a_desk(trailing_stops=((1, False, stops),))) == []
