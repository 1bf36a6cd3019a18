"""The log's writer: one line a thing, nothing secret, and never in the way of a tick."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.config.secret import Secrets
from bot.domain.ledger import Halt
from bot.store.journal import LedgerJournal
from bot.store.logbook import FOLDER, LINE_BYTES, Logbook
from bot.store.logged import LoggedJournal
from bot.tests.builders import NOON
from bot.tests.store.scene import a_decision, a_planned, a_tick, an_end, begin, refused_by, rows, step, too_much

KEY = "PKCANARY0123456789"
HELD = Secrets({"ALPACA_API_KEY": KEY, "ALPACA_SECRET_KEY": "secret/of+forty=letters"})


class HandClock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def log(home: Path, clock: HandClock) -> Logbook:
    home.mkdir()
    return Logbook(home, clock, HELD.mask, by="bot tick")


def lines(home: Path, day: str = "2026-11-18") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / FOLDER / f"{day}.jsonl").read_text().splitlines()]


def test_a_line_says_when_what_and_by_whom(home: Path, log: Logbook) -> None:
    log.say("order", tick=9, qty=Decimal("1.50"), at=NOON, price=None, reason="", legs=())
    assert lines(home) == [
        {"ts": "2026-11-18T17:00:00.000Z", "kind": "order", "by": "bot tick", "tick": 9, "qty": "1.50",
         "at": NOON.isoformat()}
    ]  # fmt: skip


def test_the_day_of_a_file_is_a_day_of_utc(home: Path, log: Logbook, clock: HandClock) -> None:
    clock.at = datetime(2026, 11, 18, 23, 59, 59, tzinfo=UTC)
    log.say("one")
    clock.at += timedelta(seconds=1)
    log.say("two")
    assert [line["kind"] for line in lines(home)] == ["one"]
    assert [line["kind"] for line in lines(home, "2026-11-19")] == ["two"]


def test_the_log_is_for_its_owner_alone(home: Path, log: Logbook) -> None:
    log.say("one")
    assert stat.S_IMODE((home / FOLDER).stat().st_mode) == 0o700
    assert stat.S_IMODE((home / FOLDER / "2026-11-18.jsonl").stat().st_mode) == 0o600


def test_a_secret_does_not_get_in_whatever_carries_it(home: Path, log: Logbook) -> None:
    encoded = base64.b64encode(f"user:{KEY}".encode()).decode()
    log.say("venue", what=f"GET /v2?key={KEY}", nested={"deep": [f"Basic {encoded}", {KEY: 1}]}, far=KEY + "x" * 9000)
    log.error(RuntimeError(f"refused {KEY.encode().hex()}"))
    log.say("order", reason="secret%2Fof%2Bforty%3Dletters")
    held = (home / FOLDER / "2026-11-18.jsonl").read_text()
    for spelled in (KEY, KEY[:12], encoded, KEY.encode().hex(), "of%2Bforty", "secret/of"):
        assert spelled not in held
    assert held.count("(ALPACA_") == 6


def test_a_secret_is_masked_before_a_long_text_is_cut(home: Path, log: Logbook) -> None:
    log.say("error", message="x" * 1990 + KEY)
    assert "PKCANARY" not in (home / FOLDER / "2026-11-18.jsonl").read_text()


@pytest.mark.parametrize("letters", [10, 2000, 5000, 100_000])
def test_no_line_is_longer_than_its_bound(home: Path, log: Logbook, letters: int) -> None:
    log.say("import", small="kept", **{f"text{number}": "ä" * letters for number in range(9)})
    held = (home / FOLDER / "2026-11-18.jsonl").read_bytes()
    assert len(held) <= LINE_BYTES
    assert lines(home)[0]["small"] == "kept"


def test_a_thousand_facts_are_bounded_too(home: Path, log: Logbook) -> None:
    log.say("import", **{f"fact{number}": "x" * 30 for number in range(1000)})
    assert len((home / FOLDER / "2026-11-18.jsonl").read_bytes()) <= LINE_BYTES


def test_text_that_is_no_text_is_written_all_the_same(home: Path, log: Logbook) -> None:
    log.say("error", message="broken \ud800 name\nand a line feed")
    assert lines(home)[0]["message"] == "broken \\ud800 name\nand a line feed"


def test_after_half_a_line_the_next_begins_on_its_own(home: Path, log: Logbook, clock: HandClock) -> None:
    log.say("one")
    log.close()
    with (home / FOLDER / "2026-11-18.jsonl").open("ab") as file:
        file.write(b'{"ts":"2026')
    Logbook(home, clock, HELD.mask, by="bot tick").say("two")
    held = (home / FOLDER / "2026-11-18.jsonl").read_text().splitlines()
    assert [json.loads(held[0])["kind"], held[1], json.loads(held[2])["kind"]] == ["one", '{"ts":"2026', "two"]


def test_a_full_disk_costs_lines_and_is_remembered(home: Path, log: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    write, full = os.write, [True]

    def refusing(handle: int, content: bytes) -> int:
        return write(handle, content[:5]) if full[0] else write(handle, content)

    monkeypatch.setattr(os, "write", refusing)
    log.say("one")
    assert log.lost == "No space left on device"
    full[0] = False
    log.say("two")
    assert json.loads((home / FOLDER / "2026-11-18.jsonl").read_text().splitlines()[-1])["kind"] == "two"


def test_a_folder_that_is_a_file_costs_lines_and_nothing_else(home: Path, log: Logbook) -> None:
    (home / FOLDER).write_text("in the way")
    log.say("one")
    assert log.lost == "File exists"


def test_a_link_is_not_followed_out_of_the_home(home: Path, log: Logbook, tmp_path: Path) -> None:
    (home / FOLDER).mkdir()
    (home / FOLDER / "2026-11-18.jsonl").symlink_to(tmp_path / "elsewhere")
    log.say("one")
    assert log.lost
    assert not (tmp_path / "elsewhere").exists()


def test_threads_do_not_mix_their_lines(home: Path, log: Logbook) -> None:
    def fifty() -> None:
        for _ in range(50):
            log.say("venue", message="x" * 500)

    crowd = [threading.Thread(target=fifty) for _ in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(lines(home)) == 200


# Beside a ledger


def logged(home: Path, clock: HandClock) -> LoggedJournal:
    return LoggedJournal(home, "desk", Logbook(home, clock, HELD.mask, by="bot tick", keep_days=400))


def test_a_tick_tells_its_life_and_every_step_of_its_orders(home: Path, clock: HandClock) -> None:
    journal = logged(home, clock)
    order = a_planned(NOON)
    tick_id, kept = begin(journal, NOON)
    verdicts = (refused_by(too_much("1500")), refused_by(too_much("1600"), too_much("3", "2", "orders_within_day")))
    journal.record_decision(tick_id, a_decision(kept, NOON, planned=(order,), verdicts=verdicts))
    journal.move(tick_id, step(order, "sending"))
    journal.move(tick_id, step(order, "working", status="new", broker_order_id="b-1"))
    journal.seal(tick_id, an_end(errors=("the clock is odd",), stages=(("arrive", 1.5), ("seal", 2.25))))
    journal.close()
    told = lines(home)
    assert [line["kind"] for line in told] == [
        "started", "decided", "order", "order", "order", "error", "ended", "stamp",
    ]  # fmt: skip
    assert told[1]["refused"] == {"cash_is_free": 2, "orders_within_day": 1}
    assert [line["state"] for line in told if line["kind"] == "order"] == ["planned", "sending", "working"]
    assert (told[6]["ms"], told[6]["stages"]) == (3.8, {"arrive": 1.5, "seal": 2.25})
    assert all(line["tick"] == tick_id for line in told[:-1])


def test_every_word_of_a_person_is_told_once_with_its_author(home: Path, clock: HandClock) -> None:
    journal = logged(home, clock)
    a_tick(journal, NOON)
    for number in range(3):
        journal.set_halt(Halt(level="stop", author="ann", reason=f"reason {number}", since=NOON))
    journal.close()
    logged(home, clock).close()
    halts = [line for line in lines(home) if line["kind"] == "halt"]
    assert [(line["what"]["author"], line["what"]["reason"]) for line in halts] == [
        ("ann", "reason 0"), ("ann", "reason 1"), ("ann", "reason 2"),
    ]  # fmt: skip


def test_the_account_of_a_stamp_is_shortened(home: Path, clock: HandClock) -> None:
    journal = logged(home, clock)
    journal.stamp("alpaca", "paper", "PA3TEST00001")
    begin(journal, NOON, broker="alpaca", environment="paper")
    journal.close()
    assert "PA3TEST00001" not in (home / FOLDER / "2026-11-18.jsonl").read_text()


def test_a_lost_line_is_said_once_in_the_note_and_fails_nothing(home: Path, clock: HandClock) -> None:
    home.mkdir()
    (home / FOLDER).write_text("in the way")
    journal = logged(home, clock)
    a_tick(journal, NOON)
    journal.close()
    assert rows(home, "SELECT status, note FROM ticks") == [
        ("done", "a test ticked; lines of the log were lost (File exists)")
    ]


def test_a_log_changes_nothing_of_the_record(home: Path, clock: HandClock, tmp_path: Path) -> None:
    """The same tick seals to the same hash with and without a log."""
    journal = logged(home, clock)
    a_tick(journal, NOON)
    journal.close()
    plain = LedgerJournal(tmp_path / "plain", "desk")
    a_tick(plain, NOON)
    plain.close()
    heads = [rows(one, "SELECT max(id), hash FROM events") for one in (home, tmp_path / "plain")]
    assert heads[0] == heads[1]
    assert not (tmp_path / "plain" / FOLDER).exists()
