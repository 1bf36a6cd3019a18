"""`bot approve` and `bot decline` as they are typed: listing, answering, and every number that does not stand."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.commands.ticking import one_tick, waiting_words
from bot.store.chain import verify
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import AT, Done, new_home, typed
from bot.wiring import load_house

NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SOON = "2026-11-18T17:02:00+00:00"
LATE = "2026-11-18T17:15:00+00:00"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of two names that always asks, with one put on each waiting since noon."""
    folder = tmp_path_factory.mktemp("asking")
    desk = new_home(folder) / "desk.toml"
    desk.write_text(desk.read_text().replace('approve = "never"', 'approve = "always"'))
    done = typed(folder, "tick", "--at", AT, "--json", BOT_MODE="live")
    assert done.code == 0, done.err
    assert [one["number"] for one in json.loads(done.out)["proposals"]] == [1, 2]
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def approve(folder: Path, *words: str, at: str = SOON, mode: str = "live") -> Done:
    return typed(folder, "approve", *words, "--at", at, BOT_MODE=mode)


def statuses(folder: Path) -> list[str]:
    with open_for_questions(folder / "data") as ledger:
        assert list(verify(ledger.connection, folder / "data")) == []
        rows = [ledger.proposal(number) for number in (1, 2)]
        return [row.status for row in rows if row is not None]


def orders(folder: Path) -> int:
    with open_for_questions(folder / "data") as ledger:
        return len(ledger.recent_orders())


def test_the_tick_says_what_waits_with_the_command_that_answers_it(folder: Path) -> None:
    done = typed(folder, "tick", "--at", AT, BOT_MODE="live")
    assert "WAITS    wheel: sell_to_open 1 EWZ" in done.out
    assert "2 waiting, 0 refused" in done.out
    assert "\nwaits for your word\n" in done.out
    assert re.search(rf"bot approve 1 --at {re.escape(AT)}   \(stands until 12:15 New York\)", done.out)
    assert "nothing was sent" in done.out
    assert orders(folder) == 0


def test_json_names_number_wish_and_command(folder: Path) -> None:
    told: dict[str, Any] = json.loads(typed(folder, "tick", "--at", AT, "--json", BOT_MODE="live").out)
    first = told["proposals"][0]
    assert first["command"] == "bot approve 1"
    assert (first["strategy"], first["purpose"], first["side"], first["qty"]) == (
        "wheel", "cash_secured_put", "sell_to_open", "1",
    )  # fmt: skip
    assert first["lapses_at"] == "2026-11-18T17:15:00+00:00"
    assert (first["approved_at"], told["orders"]) == (None, [])


def test_alone_it_lists_what_waits_and_sends_nothing(folder: Path) -> None:
    done = approve(folder)
    assert done.code == 0, done.err
    assert done.out.startswith("SIMULATED MONEY   2 proposals stand   mode live")
    assert re.search(r"1  sell_to_open 1 EWZ\S+ at 0\.\d\d +\d+\.00 +2,\d50\.00 +-0\.2\d+ +13 min", done.out)
    assert "1: sell 1 EWZ put" in done.out
    assert f"bot approve --all --at {SOON}" in done.out
    assert f"bot decline 1 --at {SOON}" in done.out
    told = json.loads(approve(folder, "--json").out)
    assert [one["number"] for one in told["proposals"]] == [1, 2]
    assert (statuses(folder), orders(folder)) == (["proposed", "proposed"], 0)


def test_a_number_sends_its_order_and_leaves_the_other_waiting(folder: Path) -> None:
    done = approve(folder, "1")
    assert done.code == 0, done.err
    assert re.search(r"proposal 1 \(sell_to_open 1 EWZ\S+ at 0\.\d\d\): sent, new   main-", done.out)
    assert (statuses(folder), orders(folder)) == (["sent", "proposed"], 1)
    again = approve(folder, "1")
    assert again.code == 2
    assert "was approved and sent already. Nothing was changed. What stands now: 2 (sell_to_open" in again.err
    assert orders(folder) == 1


def test_all_approves_all_and_the_gates_still_have_their_say(folder: Path) -> None:
    """One new contract a tick (contracts_within_tick): the second is refused with its numbers and stands."""
    done = approve(folder, "--all")
    assert done.code == 0, done.err
    assert "proposal 1" in done.out
    assert re.search(
        r"proposal 2 .*: not sent: contracts_within_tick: new contracts in this tick: 2 of at most 1; your word stands "
        r"until 12:15 New York: every live tick until then tries again, `bot approve 2` at once",
        done.out,
    )
    assert (statuses(folder), orders(folder)) == (["sent", "approved"], 1)
    after = json.loads(typed(folder, "tick", "--at", "2026-11-18T17:03:00+00:00", "--json", BOT_MODE="live").out)
    assert [one["status"] for one in after["orders"]] == ["new"]
    assert (statuses(folder), orders(folder)) == (["sent", "sent"], 2)


def test_when_dry_it_says_what_would_be_sent_and_that_the_mode_is_dry(folder: Path) -> None:
    done = approve(folder, "1", mode="dry")
    assert done.code == 0, done.err
    assert "dry: would have been sent, and was not" in done.out
    assert re.search(
        r"proposal 1 .*: would be sent, and BOT_MODE is dry \(.*\); your word stands until 12:15", done.out
    )
    assert "approved by " in done.out
    assert (statuses(folder), orders(folder)) == (["approved", "proposed"], 0)


@pytest.mark.parametrize(
    ("numbers", "at", "said"),
    [
        (("9",), SOON, "there is no proposal 9. Nothing was changed. What stands now: 1 (sell_to_open"),
        (("1", "9"), SOON, "there is no proposal 9"),
        (("0",), SOON, "there is no proposal 0"),
        (("1",), LATE, "lapsed at 12:15 New York. Nothing was changed. What stands now: nothing"),
        (("1", "--all"), SOON, "not both"),
        (("one",), SOON, "one"),
        (("-1",), SOON, "-1"),
        (("99999999999999999999",), SOON, "no proposal 99999999999999999999"),
    ],
)
def test_what_does_not_stand_is_refused_with_what_does(
    folder: Path, numbers: tuple[str, ...], at: str, said: str
) -> None:
    done = approve(folder, *numbers, at=at)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err
    assert (statuses(folder), orders(folder)) == (["proposed", "proposed"], 0)


def test_when_all_has_lapsed_nothing_is_run(folder: Path) -> None:
    done = approve(folder, "--all", at=LATE)
    assert (done.code, done.out.split(";")[0]) == (0, "nothing waits for your word")
    listed = approve(folder, at=LATE)
    assert "nothing waits for your word: 2 proposals lapsed unanswered by 12:15 New York" in listed.out
    assert json.loads(approve(folder, "--all", "--json", at=LATE).out)["proposals"] == []
    with open_for_questions(folder / "data") as ledger:
        newest = ledger.latest_tick()
        assert newest is not None
        assert newest.id == 1


def test_what_is_declined_is_neither_sent_nor_asked_again_that_day(folder: Path) -> None:
    done = typed(folder, "decline", "1", "--at", SOON)
    assert done.code == 0, done.err
    assert "declined; it is not proposed again today in this series" in done.out
    assert "was declined by" in approve(folder, "1").err
    later = typed(folder, "tick", "--at", LATE, BOT_MODE="live")
    assert "bot approve 1" not in later.out
    assert "bot approve 2" in later.out or "bot approve 3" in later.out
    assert statuses(folder)[0] == "declined"
    assert typed(folder, "decline", "9").code == 2


def test_status_counts_what_waits_and_what_lapsed(folder: Path) -> None:
    now = typed(folder, "status", now=NOON)
    assert "your word   2 proposals wait for it: `" in now.out
    assert "bot approve 1   (stands until 12:15 New York)" in now.out
    told = json.loads(typed(folder, "status", "--json", now=NOON).out)
    assert [one["command"] for one in told["proposals"]] == ["bot approve 1", "bot approve 2"]
    assert "2 proposals lapsed unanswered since the newest tick" in typed(folder, "status").out
    assert "2 wait for your word" in now.out
    approve(folder, "1", mode="dry")
    assert "approved    1 proposal not sent yet" in typed(folder, "status", now=NOON).out


def test_why_says_that_it_waited(folder: Path) -> None:
    done = typed(folder, "why", "EWZ")
    assert re.search(r"intent \d+: WAITED FOR YOUR WORD   sell_to_open 1 EWZ", done.out)
    number = re.search(r"intent (\d+)", done.out)
    assert number is not None
    assert "it waited for your word (`bot approve`)" in typed(folder, "why", number[1]).out


def test_a_home_without_a_tick_has_nothing_to_approve(tmp_path: Path) -> None:
    new_home(tmp_path)
    for words in (("approve",), ("approve", "1"), ("approve", "--all"), ("decline", "1")):
        done = typed(tmp_path, *words)
        assert done.code == 1
        assert "no tick has run yet" in done.err


def test_a_simulation_takes_every_entry_as_approved(folder: Path) -> None:
    done = typed(folder, "simulate", "--days", "5", "--home", str(folder / "year"))
    assert done.code == 0, done.err
    assert "every entry that waits for your word was taken as approved" in done.out
    assert not re.search(r"\b0 orders sent", done.out)


@pytest.mark.parametrize("words", ["99999999999999999999", "²"])
def test_a_number_no_ledger_can_hold_is_asked_about_like_any_other_word(folder: Path, words: str) -> None:
    done = typed(folder, "why", words)
    assert done.code == 2
    assert f"{words!r} is no symbol, intent or order here" in done.err


def test_the_loop_says_how_many_wait(folder: Path) -> None:
    house = load_house(str(folder / ".env"))
    result = one_tick(house, dry=True, at=NOON, command="a test")
    assert waiting_words(result) == ", 2 waiting for your word (`bot approve`)"
