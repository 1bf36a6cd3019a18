"""`bot log`: what ticks and people did, picked by time, kind and tick, and nothing secret in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.tests.commands.typed import AT, SATURDAY, new_home, typed

NEXT = "2026-11-18T17:15:00+00:00"
CANARY = "PK-CANARY-0123456789"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--at", AT, BOT_MODE="live").code == 0
    assert typed(tmp_path, "halt", "stop", "--reason", "away", now=SATURDAY + timedelta(hours=2)).code == 0
    return tmp_path


def told(folder: Path, *words: str, now: datetime = SATURDAY + timedelta(hours=3)) -> list[dict[str, Any]]:
    done = typed(folder, "log", "--json", *words, now=now)
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)["lines"]
    return found


def test_the_last_day_is_told_without_a_word(folder: Path) -> None:
    kinds = [line["kind"] for line in told(folder)]
    assert (kinds[0], kinds[-1]) == ("config", "halt")
    assert {"started", "decided", "order", "ended", "stamp"} <= set(kinds)
    assert told(folder, now=SATURDAY + timedelta(days=2)) == []


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("--since", "90m"), ["halt"]),
        (("--since", "2h", "--kind", "ended"), []),
        (("--since", "2026-11-21", "--kind", "ended, halt"), ["ended", "halt"]),
        (("--since", "2026-11-21T16:30:00+00:00"), ["halt"]),
        (("--kind", "nothing-like-it"), []),
    ],
)
def test_lines_are_picked_by_time_and_kind(folder: Path, words: tuple[str, ...], kinds: list[str]) -> None:
    assert [line["kind"] for line in told(folder, *words)] == kinds


def test_a_tick_is_told_however_long_ago(folder: Path) -> None:
    assert typed(folder, "tick", "--dry", "--at", NEXT).code == 0
    found = told(folder, "--tick", "1", now=SATURDAY + timedelta(days=300))
    assert {line["tick"] for line in found} == {1}
    assert found[0]["kind"] == "started"


def test_lines_are_readable(folder: Path) -> None:
    out = typed(folder, "log", now=SATURDAY + timedelta(hours=3)).out.splitlines()
    assert any(line.startswith("2026-11-21 15:00:00Z  tick 1  ended    done  ") for line in out)
    assert "author" in out[-1]
    assert out[-1].endswith("(bot halt stop)")


def test_where_no_line_fits_it_says_so(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    assert typed(tmp_path, "log", "--kind", "order").out == (
        f"no line of the log fits in {home / 'logs'} (kinds asked for: order)\n"
    )


@pytest.mark.parametrize("since", ["yesterday", "5", "2026-11-21T16:30:00", "1y"])
def test_a_time_that_is_none_is_refused(folder: Path, since: str) -> None:
    done = typed(folder, "log", "--since", since)
    assert done.code == 2
    assert "--since" in done.err


def test_a_file_that_cannot_be_unpacked_is_named(folder: Path) -> None:
    (folder / "data" / "logs" / "2026-10-01.jsonl.gz").write_bytes(b"\x1f\x8b\x08nonsense")
    done = typed(folder, "log", "--since", "2026-09-01")
    assert (done.code, "cannot be unpacked" in done.err) == (1, True)


def test_a_refused_command_leaves_its_error_with_its_class(folder: Path) -> None:
    assert typed(folder, "tick", "--at", "2026-11-01T17:00:00+00:00").code == 2
    (line,) = told(folder, "--kind", "error")
    assert line["error"] == "UsageError"
    assert "is older than the newest one here" in line["message"]


def test_a_failed_tick_leaves_its_error_and_its_end(folder: Path) -> None:
    (folder / "data" / "simulator.sqlite").write_bytes(b"this is no database at all, and never was one")
    assert typed(folder, "tick", "--at", NEXT).code == 1
    assert "BrokerUnreachable" in {line.get("error") for line in told(folder, "--kind", "error")}


def test_a_secret_that_a_person_types_does_not_stay_in_the_log(folder: Path) -> None:
    done = typed(folder, "resume", "--reason", f"the key is {CANARY}", ALPACA_API_KEY=CANARY)
    assert done.code == 0, done.err
    for path in (folder / "data" / "logs").iterdir():
        held = path.read_text()
        assert CANARY not in held
        assert "(ALPACA_API_KEY)" in held


def test_a_simulated_year_writes_no_log(folder: Path) -> None:
    assert typed(folder, "simulate", "--days", "2").code == 0
    assert list(folder.glob("simulated/*/logs")) == []


def test_a_tick_packs_one_old_file_and_says_nothing_of_it(folder: Path) -> None:
    logs = folder / "data" / "logs"
    for day in (1, 2):
        (logs / f"2026-10-0{day}.jsonl").write_text('{"ts":"2026-10-01T00:00:00Z","kind":"one"}\n')
    assert typed(folder, "tick", "--dry", "--at", NEXT).code == 0
    assert sorted(path.name for path in logs.iterdir()) == [
        "2026-10-01.jsonl.gz", "2026-10-02.jsonl", "2026-11-21.jsonl",
    ]  # fmt: skip
    assert [line["kind"] for line in told(folder, "--since", "2026-10-01", "--kind", "one")] == ["one", "one"]


def test_an_unwritable_log_costs_its_lines_and_the_note_says_so(folder: Path) -> None:
    logs = folder / "data" / "logs"
    for path in logs.iterdir():
        path.unlink()
    logs.rmdir()
    logs.write_text("in the way")
    done = typed(folder, "tick", "--dry", "--at", NEXT)
    assert done.code == 0, done.err
    assert "lines of the log were lost (File exists)" in typed(folder, "status").out


def test_a_vacuum_is_told_too(folder: Path) -> None:
    assert typed(folder, "vacuum", now=datetime(2026, 11, 21, 17, 30, tzinfo=UTC)).code == 0
    (line,) = told(folder, "--kind", "vacuum")
    assert line["before"] > 0
