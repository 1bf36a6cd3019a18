"""`bot audit`: the first bad record by name, the head a witness keeps, and a word for a copy put back by hand."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from bot.store.database import LEDGER_NAME
from bot.tests.commands.typed import AT, new_home, typed

NEXT = "2026-11-18T17:15:00+00:00"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home with one tick."""
    made = new_home(tmp_path)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    return made


def tamper(home: Path, statement: str) -> None:
    connection = sqlite3.connect(home / LEDGER_NAME)
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_sound_record_is_said_to_be_sound(home: Path) -> None:
    done = typed(home.parent, "audit", "verify")
    assert (done.code, done.err) == (0, "")
    assert re.match(r"sound: \d+ events and every table they seal, with its Snapshots", done.out)
    told = json.loads(typed(home.parent, "audit", "verify", "--no-snapshots", "--json").out)
    assert told["sound"]
    assert (told["first"], told["faults"], told["snapshots_read"]) == (None, [], False)


def test_the_first_bad_record_is_named_with_its_table(home: Path) -> None:
    tamper(home, "UPDATE ticks SET equity = '1000000'")
    tamper(home, "UPDATE configs SET text = text || ' '")
    done = typed(home.parent, "audit", "verify")
    assert done.code == 1
    first, then, *rest = done.out.splitlines()
    assert re.fullmatch(
        r"NOT SOUND: first bad record: event \d+, table ticks: tick 1: its row is not what was sealed", first
    )
    assert "table configs" in then
    assert any("keep a copy of the home" in line for line in rest)
    told = typed(home.parent, "audit", "verify", "--json")
    assert told.code == 1
    assert json.loads(told.out)["first"]["table"] == "ticks"


def test_many_faults_are_cut_short(home: Path) -> None:
    tamper(home, "UPDATE notes SET reason = 'none'")
    connection = sqlite3.connect(home / LEDGER_NAME)
    with connection:
        connection.executemany(
            "INSERT INTO instructions (at, contract, word, author) VALUES ('', ?, 'hold', '')",
            [(str(number),) for number in range(80)],
        )
    connection.close()
    told = json.loads(typed(home.parent, "audit", "verify", "--json").out)
    assert (len(told["faults"]), told["more_faults"]) == (50, True)
    assert "and more" in typed(home.parent, "audit", "verify").out


def test_a_witness_keeps_one_line_that_proves_a_cut(home: Path) -> None:
    line = typed(home.parent, "audit", "head").out
    found = re.fullmatch(r"(\S+) \.\.(\S{4}) events=(\d+) head=([0-9a-f]{64}) at=(\S+) snapshots=1 tick=1\n", line)
    assert found is not None, line
    told = json.loads(typed(home.parent, "audit", "head", "--json").out)
    assert list(told) == ["desk", "account_last", "events", "head", "at", "snapshots", "tick"]
    assert (told["head"], str(told["events"]), told["account_last"]) == (found[4], found[3], found[2])
    assert typed(home.parent, "tick", "--dry", "--at", NEXT).code == 0
    stands = typed(home.parent, "audit", "verify", "--head", found[4])
    assert stands.code == 0
    assert f"the head {found[4][:12]} stands in it" in stands.out
    gone = typed(home.parent, "audit", "verify", "--head", "0" * 64)
    assert gone.code == 1
    assert "does not stand in this chain" in gone.out


@pytest.mark.parametrize("head", ["abc", "x" * 64, "12345678901"])
def test_a_head_that_is_none_is_refused(home: Path, head: str) -> None:
    done = typed(home.parent, "audit", "verify", "--head", head)
    assert done.code == 2
    assert "bot audit head" in done.err


def test_an_older_copy_stops_ticks_until_a_person_accepts_it(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / LEDGER_NAME, tmp_path / "older")
    assert typed(home.parent, "audit", "accept", "--reason", "none").code == 2
    assert typed(home.parent, "tick", "--dry", "--at", NEXT).code == 0
    for left in home.glob(f"{LEDGER_NAME}-*"):
        left.unlink()
    shutil.copy(tmp_path / "older", home / LEDGER_NAME)
    refused = typed(home.parent, "tick", "--dry", "--at", NEXT)
    assert refused.code == 1
    assert "`bot audit accept`" in refused.err
    assert "was cut off, or is an older copy" in typed(home.parent, "audit", "verify").out
    assert typed(home.parent, "audit", "accept", "--reason", " ").code == 2
    accepted = typed(home.parent, "audit", "accept", "--reason", "put back by hand")
    assert accepted.code == 0, accepted.err
    assert typed(home.parent, "audit", "verify").code == 0
    assert typed(home.parent, "tick", "--dry", "--at", NEXT).code == 0


def test_a_damaged_tail_stops_a_tick_with_the_record_and_the_command(home: Path) -> None:
    tamper(home, "UPDATE events SET ts = '' WHERE id = (SELECT max(id) FROM events)")
    done = typed(home.parent, "tick", "--dry", "--at", NEXT)
    assert done.code == 1
    assert re.search(r"event \d+ \(tick\) was changed.*`bot audit verify`", done.err)
