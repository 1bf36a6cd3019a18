"""Metrics after ticks, failures and watches: what they say, that they only grow, and that nothing fails for them."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from shutil import copytree
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.commands import metering
from bot.commands.simulating import Choice, chosen_sessions, make_home, simulate
from bot.domain.errors import BrokerUnreachable
from bot.engine import tick as engine_tick
from bot.gates.judge import GATES
from bot.ops.backup import list_backups
from bot.store import metrics, metrics_counted
from bot.store.database import Database
from bot.store.journal import LedgerJournal
from bot.store.metrics import read_samples
from bot.store.metrics_counted import BUDGETS, count_samples, error_kind, keep_counts, read_counts
from bot.talkers.metrics import CATALOGUE, END, exposition, family_of
from bot.tests.builders import NOON
from bot.tests.commands.typed import SATURDAY, Done, new_home, typed
from bot.tests.faults.processes import child, exit_of
from bot.tests.store.scene import a_tick, begin

SECRET = "https://ping.example.org/0123456789abcdefABCDEF"
NIGHT = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    assert tick(folder, "12:00").code == 0
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def tick(folder: Path, hour: str, *words: str, **variables: str) -> Done:
    at = f"2026-11-18T{int(hour[:2]) + 5:02}:{hour[3:]}:00+00:00"
    return typed(folder, "tick", "--at", at, *words, now=SATURDAY, BOT_MODE="live", **variables)


def own(folder: Path, part: str = "") -> Path:
    return folder / "data" / "metrics" / f"escapement_main{part}.prom"


def series(text: str) -> Series:
    """Read an exposition as Prometheus' own library does, and refuse a series that stands there twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            key = (one.name, tuple(sorted(one.labels.items())))
            assert key not in found
            found[key] = one.value
    return found


def value(found: Series, name: str, **labels: str) -> float:
    return found[f"escapement_{name}", tuple(sorted({"desk": "main", **labels}.items()))]


def growing(found: Series) -> Series:
    return {key: one for key, one in found.items() if key[0].endswith(("_total", "_bucket", "_count", "_sum"))}


def away(*_: Any) -> Any:
    raise BrokerUnreachable("nobody answers")


def ledger(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "data" / "ledger.sqlite")


# what they say


def test_counters_only_grow_over_ticks_that_end_well_and_ticks_that_fail(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B048: steps, errors and blocks are counters, whatever becomes of a tick."""
    before: Series = {}
    for number, hour in enumerate(("12:15", "12:30", "12:45", "13:00"), 2):
        with monkeypatch.context() as patch:
            if hour == "12:45":
                patch.setattr(engine_tick, "arrive", away)
            assert (tick(folder, hour).code == 0) == (hour != "12:45")
        now = series(own(folder).read_text())
        grown = growing(now)
        assert {key: one for key, one in growing(before).items() if grown[key] < one} == {}
        assert sum(one for (name, _), one in now.items() if name == "escapement_ticks_total") == number
        assert value(now, "tick_last_success") == (hour != "12:45")
        before = now
    assert value(before, "ticks_total", mode="live", status="failed") == 1
    assert value(before, "errors_total", kind="tick") == 1
    assert value(before, "tick_success_timestamp_seconds") == value(before, "tick_timestamp_seconds")


def test_a_failed_tick_tells_when_the_last_good_one_was_and_when_the_next_is_due(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_tick, "arrive", away)
    assert tick(folder, "12:15").code != 0
    now = series(own(folder).read_text())
    at = datetime(2026, 11, 18, 17, 15, tzinfo=UTC).timestamp()
    assert value(now, "tick_timestamp_seconds") == at
    assert value(now, "tick_success_timestamp_seconds") == at - 900
    assert value(now, "next_tick_timestamp_seconds") == at + 900
    assert value(now, "equity_timestamp_seconds") == at - 900


def test_the_histogram_holds_each_tick_once_and_sums_to_what_the_ledger_says(folder: Path) -> None:
    for hour in ("12:15", "12:30"):
        assert tick(folder, hour).code == 0
    now = series(own(folder).read_text())
    with closing(ledger(folder)) as kept:
        ((ticks, milliseconds),) = kept.execute("SELECT count(*), sum(duration_ms) FROM ticks").fetchall()
    name = "tick_duration_seconds"
    assert value(now, f"{name}_count", stage="whole") == ticks == 3
    assert value(now, f"{name}_bucket", stage="whole", le="+Inf") == ticks
    assert value(now, f"{name}_sum", stage="whole") == pytest.approx(milliseconds / 1000, abs=1e-4)
    stages = [dict(labels)["stage"] for key, labels in now if key == f"escapement_{name}_count"]
    parts = sum(value(now, f"{name}_sum", stage=one) for one in stages if one != "whole")
    assert parts == pytest.approx(value(now, f"{name}_sum", stage="whole"), abs=1e-5)
    for stage in stages:
        bounds = [value(now, f"{name}_bucket", stage=stage, le=one) for one in (*metrics_counted.BOUNDS, "+Inf")]
        assert bounds == sorted(bounds)


def test_refusals_are_counted_by_gate_and_used_up_allowances_apart(folder: Path) -> None:
    """B029: risk_block_total{reason}, budget_exceeded_total{type}."""
    now = series(metered(folder))
    with closing(ledger(folder)) as kept:
        gates = dict(kept.execute("SELECT gate, count(*) FROM refusals GROUP BY gate").fetchall())
    assert gates
    told = {dict(labels)["reason"]: one for (name, labels), one in now.items() if name == "escapement_risk_block_total"}
    assert {gate: count for gate, count in told.items() if count} == gates
    assert told.keys() == {name for name, _ in GATES}, "each gate is seen to grow from zero"
    spent = sum(count for gate, count in gates.items() if gate in BUDGETS)
    assert sum(one for (name, _), one in now.items() if name == "escapement_budget_exceeded_total") == spent > 0
    assert {name for name, _ in GATES} >= BUDGETS


def metered(folder: Path) -> str:
    done = typed(folder, "metrics")
    assert done.code == 0, done.err
    return done.out


def test_a_halts_words_come_through_whatever_letters_they_hold(folder: Path) -> None:
    words = 'he said "no" \\o/ C:\\new'
    assert typed(folder, "halt", "stop", "--reason", words).code == 0
    assert tick(folder, "12:15").code == 0
    now = series(own(folder).read_text())
    (labels,) = [dict(labels) for name, labels in now if name == "escapement_halt_info"]
    assert labels["reason"] == words
    assert (labels["level"], value(now, "halt_level")) == ("stop", 3)


def test_no_account_no_secret_and_no_path_gets_out(folder: Path) -> None:
    with closing(ledger(folder)) as kept:
        ((account,),) = kept.execute("SELECT account FROM stamp").fetchall()
    words = f"look at {SECRET}"
    assert typed(folder, "halt", "stop", "--reason", words, WATCH_PING_URL=SECRET).code == 0
    assert tick(folder, "12:15", WATCH_PING_URL=SECRET).code == 0
    text = own(folder).read_text()
    assert "(WATCH_PING_URL)" in text
    assert SECRET not in text
    assert account not in text
    assert str(folder) not in text


def test_every_metric_of_the_catalogue_is_told_where_there_is_something_to_tell(folder: Path, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text(f"BOT_HOME={tmp_path / 'year'}\n")
    choice = Choice(
        days=20, until="2026-11-18", home=str(tmp_path / "year"), seed=3, profile="aggressive", equity="20000",
        symbols="XLF,EWZ,GDX",
    )  # fmt: skip
    house = make_home(str(env), choice)
    simulate(house, chosen_sessions(choice.days, choice.until, NIGHT))
    backup = house.home / "backups" / "backup-20261118T170000Z"
    backup.mkdir(parents=True)
    (backup / "backup.json").write_text("{}")
    assert len(list_backups(backup.parent)) == 1, "the folder and file are named as `bot backup` names them"
    (house.home / "earnings.csv").write_text("symbol,date,when,as_of\n")
    with closing(LedgerJournal(house.home, house.desk.name)) as journal:
        with journal.database.writing() as run:
            at = "2026-11-18T17:00:00.000000Z"
            run.execute(
                "INSERT INTO halts (at, level, author, reason, clears) VALUES (?, 'stop', 'me', 'a', '')", (at,)
            )
            run.execute("INSERT INTO channels VALUES ('discord', '', NULL, '', NULL, ?, 0)", (at,))
            run.execute(
                "INSERT INTO outbox (at, channel, kind, key, payload_json) VALUES (?, 'discord', 'test', 'a', '')",
                (at,),
            )
            run.execute(
                "INSERT INTO lots (id, symbol, qty, opened_at, strategy, owner, cycle)"
                " VALUES ('a', 'XLF', '100', ?, '', '', '')",
                (at,),
            )
            run.execute(f"INSERT INTO drills VALUES (1, ?, '1', '', 1, 'a', 1{', 0' * 5}, '')", (at,))
        asked = SimpleNamespace(name="alpaca", client=SimpleNamespace(requests=7))
        assert metering.keep_metrics(house, journal, lambda: NIGHT, asked) == ""
        assert metering.keep_metrics(house, journal, lambda: NIGHT, asked) == ""
    text = (house.home / "metrics" / f"escapement_{house.desk.name}.prom").read_text()
    assert f'escapement_requests_total{{desk="{house.desk.name}",venue="alpaca"}} 14' in text
    told = {family_of(name.removeprefix("escapement_")) for name, _ in series(text)}
    assert typed(folder, "watch").code in (0, 1)
    told |= {family_of(name.removeprefix("escapement_")) for name, _ in series(own(folder, "_watch").read_text())}
    assert {one.name for one in CATALOGUE} - told == set()


def test_what_a_symbol_and_a_strategy_earned_is_what_the_ledger_holds(folder: Path) -> None:
    """B069: profit by symbol and by strategy."""
    with closing(ledger(folder)) as kept:
        kept.execute("INSERT OR REPLACE INTO board_symbols VALUES ('XLF', '12.50', 12.5, '-3.25', -3.25, '0', 1)")
        kept.commit()
        books = kept.execute("SELECT strategy, income, value FROM strategy_books").fetchall()
    now = series(metered(folder))
    assert value(now, "realized_pnl_dollars", symbol="XLF") == 12.5
    assert value(now, "unrealized_pnl_dollars", symbol="XLF") == -3.25
    for strategy, income, held in books:
        assert value(now, "strategy_realized_pnl_dollars", strategy=strategy) == float(income)
        assert value(now, "strategy_value_dollars", strategy=strategy) == float(held)


def test_invariants_are_those_of_the_newest_tick_that_had_them(folder: Path) -> None:
    assert value(series(metered(folder)), "invariants_broken") == 0
    with closing(ledger(folder)) as kept:
        kept.execute(
            "INSERT INTO invariants (tick_id, at, name, ok, detail, value, unit, symbols)"
            " VALUES (2, '', 'orphan_orders', 0, '', '3', 'orders', '')"
        )
        kept.commit()
    now = series(metered(folder))
    assert value(now, "invariants_broken") == 1
    assert value(now, "invariant_broken", invariant="orphan_orders") == 1
    assert value(now, "invariant_value", invariant="orphan_orders", unit="orders") == 3


def test_so_many_symbols_have_series_of_their_own_and_the_rest_is_summed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "SYMBOLS_MOST", 2)
    with closing(ledger(folder)) as kept:
        kept.execute("DELETE FROM board_symbols")
        for symbol in ("AAA", "BBB", "CCC", "DDD"):
            kept.execute("INSERT INTO board_symbols VALUES (?, '1.10', 1.1, '0', 0, '0', 0)", (symbol,))
        kept.commit()
    now = series(metered(folder))
    told = {dict(labels)["symbol"]: one for (name, labels), one in now.items() if "realized_pnl" in name and one}
    assert told == {"AAA": 1.1, "BBB": 1.1, "(others)": 2.2}


def test_an_inputs_age_is_told_by_its_kind_and_never_by_a_symbol_that_changes(folder: Path) -> None:
    with closing(ledger(folder)) as kept:
        told = (
            '{"inputs": [{"name": "oldest quote XLF", "source": "a", "age": 5.0}, {"name": "chain XLF put", "source": '
            '"a", "age": 2.0}, {"name": "chain EWZ put", "source": "a", "age": 9.0}, {"name": "clock", "age": 0.5}]}'
        )
        kept.execute("UPDATE board_seen SET seen_json = ?", (told,))
        kept.commit()
    now = series(metered(folder))
    at = value(now, "tick_timestamp_seconds")
    ages = {
        dict(labels)["input"]: at - one
        for (name, labels), one in now.items()
        if name.endswith("input_timestamp_seconds")
    }
    assert ages == {"oldest quote": 5.0, "chain put": 9.0, "clock": 0.5}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("strategy wheel could not say what it needs: KeyError: 'a'", "planner"),
        ("main-1: the broker refused (insufficient_funds): no", "refused_by_broker"),
        ("main-1: outcome unknown (slow); XLF takes no new risk until it is proved", "outcome_unknown"),
        ("XLF close: the cancellation of main-1 is not confirmed yet", "cancel"),
        ("XLF close: the tick's time was up before it could be sent", "out_of_time"),
        ("no quote of XLF", "input"),
    ],
)
def test_an_error_has_one_of_few_kinds(words: str, kind: str) -> None:
    assert error_kind(words) == kind


# `bot metrics`


def test_bot_metrics_prints_what_the_tick_wrote_and_writes_nothing(folder: Path) -> None:
    assert tick(folder, "12:15").code == 0
    before = {path: path.stat().st_mtime_ns for path in (folder / "data").rglob("*") if path.is_file()}
    printed, written = series(metered(folder)), series(own(folder).read_text())
    live = ("escapement_metrics_timestamp_seconds", "escapement_disk_free_bytes", "escapement_file_bytes")
    assert {key: one for key, one in printed.items() if key[0] not in live} == {
        key: one for key, one in written.items() if key[0] not in live
    }
    after = {path: path.stat().st_mtime_ns for path in (folder / "data").rglob("*") if path.is_file()}
    assert {path for path in before if path.suffix == ".prom" and before[path] != after.get(path)} == set()


def test_bot_metrics_without_a_ledger_says_what_to_do(tmp_path: Path) -> None:
    new_home(tmp_path)
    done = typed(tmp_path, "metrics")
    assert done.code != 0
    assert "`bot tick --dry` begins one" in done.err


def test_bot_metrics_of_a_ledger_that_no_tick_renewed_yet_says_so(folder: Path) -> None:
    with closing(ledger(folder)) as kept:
        kept.execute("DROP TABLE metric_counts")
        kept.execute("PRAGMA user_version = 18")
        kept.commit()
    done = typed(folder, "metrics")
    assert done.code != 0
    assert "run `bot tick --dry` once" in done.err


# counts across deaths and long records


def test_a_process_that_dies_before_its_commit_has_counted_nothing_and_after_it_once(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    with closing(LedgerJournal(home, "desk")) as journal:
        for number in range(5):
            a_tick(journal, NOON + timedelta(minutes=15 * number))
    wanted = counted(home)

    def die(*, commit: bool) -> None:
        database = Database(home)
        with database.relaxed() as connection:
            keep_counts(connection, Counter())
            if not commit:
                os._exit(3)
        os._exit(4)

    for commit in (False, True, True, False):
        assert exit_of(child(partial(die, commit=commit))) == (4 if commit else 3)
        assert counted(home) == wanted
    with closing(sqlite3.connect(home / "ledger.sqlite")) as kept:
        query = "SELECT count FROM metric_counts WHERE name = 'ticks_total'"
        assert kept.execute(query).fetchall() == [(5,)]


def counted(home: Path) -> dict[Any, int]:
    with closing(sqlite3.connect(home / "ledger.sqlite")) as kept:
        return dict(read_counts(kept))


def test_a_tick_that_died_is_counted_once_it_is_sealed(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    with closing(LedgerJournal(home, "desk")) as journal:
        a_tick(journal)
        begin(journal, NOON + timedelta(minutes=15))
        with journal.database.relaxed() as connection:
            keep_counts(connection, Counter())
        assert counted(home)["ticks_total", ("live", "done")] == 1
        assert ("ticks_total", ("live", "started")) not in counted(home)
    with closing(LedgerJournal(home, "desk")) as journal:
        a_tick(journal, NOON + timedelta(minutes=30))
    assert counted(home)["ticks_total", ("live", "died")] == 1
    assert counted(home)["ticks_total", ("live", "done")] == 2


def test_ticks_that_nobody_counted_are_caught_up_in_parts_that_sum_to_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "desk"
    with closing(LedgerJournal(home, "desk")) as journal:
        for number in range(10):
            a_tick(journal, NOON + timedelta(minutes=15 * number))
        wanted = counted(home)
        monkeypatch.setattr(metrics_counted, "TICKS_MOST", 3)
        monkeypatch.setattr(metrics_counted, "EVENTS_MOST", 4)
        told = []
        for _ in range(5):
            with journal.database.relaxed() as connection:
                keep_counts(connection, Counter())
                told.append(connection.execute("SELECT number FROM reached WHERE reader = 'metrics.ticks'").fetchone())
        assert told == [(3,), (6,), (9,), (10,), (10,)]
    assert counted(home) == wanted


def steps(connection: sqlite3.Connection) -> int:
    """Count SQLite's own steps of one writing of metrics."""
    found = 0

    def one() -> int:
        nonlocal found
        found += 1
        return 0

    connection.set_progress_handler(one, 10)
    keep_counts(connection, Counter())
    exposition([*read_samples(connection), *count_samples(read_counts(connection))], "desk")
    connection.set_progress_handler(None, 0)
    return found


def test_the_work_of_a_tick_does_not_grow_with_the_record(tmp_path: Path) -> None:
    taken = []
    with closing(LedgerJournal(tmp_path / "desk", "desk")) as journal:
        for number in range(300):
            a_tick(journal, NOON + timedelta(minutes=15 * number))
            with journal.database.relaxed() as connection:
                taken.append(steps(connection))
    assert max(taken[250:]) <= max(taken[10:50]) * 1.2


# what stands in the way


def test_the_file_is_for_this_user_alone_in_the_home_and_for_a_collector_outside(folder: Path, tmp_path: Path) -> None:
    assert tick(folder, "12:15").code == 0
    assert stat.S_IMODE(own(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(own(folder).parent.stat().st_mode) == 0o700
    outside = tmp_path / "collector"
    outside.mkdir()
    assert tick(folder, "12:30", BOT_METRICS_FOLDER=str(outside)).code == 0
    (made,) = outside.iterdir()
    assert (made.name, stat.S_IMODE(made.stat().st_mode)) == ("escapement_main.prom", 0o644)


def lay_foreign(path: Path) -> None:
    path.write_text("node_load1 1\n")


def lay_half(path: Path) -> None:
    path.write_text(path.read_text()[: len(path.read_text()) // 2])


def lay_nothing(path: Path) -> None:
    path.write_text("")


def lay_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent.parent / "desk.toml")


def lay_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("lay", "said"),
    [
        (lay_foreign, "held something else, which was replaced"), (lay_half, "was cut off, and was written anew"),
        (lay_nothing, "held something else, which was replaced"), (lay_link, "was no plain file; it was replaced"),
        (lay_pipe, "was no plain file; it was replaced"),
    ],
)  # fmt: skip
def test_what_lies_in_the_way_is_told_once_and_healed(folder: Path, lay: Any, said: str) -> None:
    assert tick(folder, "12:15").code == 0
    desk = (folder / "data" / "desk.toml").read_text()
    lay(own(folder))
    done = tick(folder, "12:30")
    assert done.code == 0
    assert f"warning: {own(folder)} {said}" in done.err
    assert own(folder).read_text().endswith(END)
    assert (folder / "data" / "desk.toml").read_text() == desk
    assert "warning: " + str(own(folder)) not in tick(folder, "12:45").err
    assert value(series(own(folder).read_text()), "ticks_total", mode="live", status="done") == 4


def test_another_homes_file_is_left_alone_and_told(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "collector"
    outside.mkdir()
    other = copytree(folder, tmp_path / "other")
    assert tick(folder, "12:15", BOT_METRICS_FOLDER=str(outside)).code == 0
    before = (outside / "escapement_main.prom").read_bytes()
    done = tick(other, "12:15", BOT_METRICS_FOLDER=str(outside))
    assert done.code == 0
    assert "belongs to another home's desk of this name" in done.err
    assert "BOT_METRICS_FOLDER" in done.err
    assert (outside / "escapement_main.prom").read_bytes() == before


def test_a_home_that_was_moved_writes_over_the_file_it_brought_along(folder: Path) -> None:
    before = own(folder).read_text().partition("\n")[0]
    assert "warning: " + str(own(folder)) not in tick(folder, "12:15").err
    assert own(folder).read_text().partition("\n")[0] != before


@pytest.fixture(params=["missing", "file", "folder"])
def hindered(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Any]]:
    """Give a folder that cannot be written into, and what mends it."""
    outside = tmp_path / "collector"
    if request.param == "missing":
        yield outside, outside.mkdir
    elif request.param == "file":
        outside.write_text("")

        def mend() -> None:
            outside.unlink()
            outside.mkdir()

        yield outside, mend
    else:
        (outside / "escapement_main.prom").mkdir(parents=True)
        yield outside, (outside / "escapement_main.prom").rmdir


def test_a_place_that_cannot_be_written_is_told_and_the_next_tick_writes(
    folder: Path, hindered: tuple[Path, Any]
) -> None:
    outside, mend = hindered
    done = tick(folder, "12:15", BOT_METRICS_FOLDER=str(outside))
    assert done.code == 0
    assert "warning: the metrics were not written" in done.err
    assert "name another BOT_METRICS_FOLDER" in done.err
    log = "".join(path.read_text() for path in (folder / "data" / "logs").iterdir())
    assert "the metrics were not written" in log
    mend()
    assert "warning: the metrics" not in tick(folder, "12:30", BOT_METRICS_FOLDER=str(outside)).err
    (made,) = outside.iterdir()
    assert value(series(made.read_text()), "ticks_total", mode="live", status="done") == 3, "none was lost meanwhile"


def test_a_full_disk_leaves_the_old_file_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tick(folder, "12:15").code == 0
    before = own(folder).read_bytes()

    def full(handle: int, *words: Any, **more: Any) -> Any:
        os.close(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", full)
        done = tick(folder, "12:30")
    assert done.code == 0
    assert "No space left on device" in done.err
    assert "the next run writes anew" in done.err
    assert own(folder).read_bytes() == before
    assert [path.name for path in own(folder).parent.iterdir()] == [own(folder).name]
    assert tick(folder, "12:45").code == 0
    assert value(series(own(folder).read_text()), "ticks_total", mode="live", status="done") == 4


def test_what_a_killed_run_left_is_in_nobodys_way(folder: Path) -> None:
    own(folder).with_name(f".{own(folder).name}.new").write_text("half")
    assert tick(folder, "12:15").code == 0
    assert [path.name for path in own(folder).parent.iterdir()] == [own(folder).name]


# the watch


def test_the_watch_writes_what_it_saw_beside_the_ticks_own(folder: Path) -> None:
    done = typed(folder, "watch", now=datetime(2026, 11, 18, 17, 5, tzinfo=UTC))
    assert done.code == 0, done.err
    now = series(own(folder, "_watch").read_text())
    assert value(now, "watch_timestamp_seconds") == datetime(2026, 11, 18, 17, 5, tzinfo=UTC).timestamp()
    assert (value(now, "watch_alarms"), value(now, "watch_record_faults")) == (0, 0)
    late = typed(folder, "watch")
    assert late.code == 1
    assert value(series(own(folder, "_watch").read_text()), "watch_missed_slots") > 60


def test_a_watch_whose_metrics_cannot_be_written_still_raises_its_alarm(folder: Path) -> None:
    done = typed(folder, "watch", BOT_METRICS_FOLDER=str(folder / "nowhere"))
    assert done.code == 1
    assert "ALARM: no tick has ended well" in done.err
    assert "the watch's metrics were not written" in done.err
