"""What the board shows after ticks, failures and a person's words; and that it never stands in a tick's way."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.commands import boarding, ticking
from bot.commands.simulating import Choice, chosen_sessions, make_home, simulate
from bot.domain.errors import BrokerUnreachable
from bot.domain.sessions import session_on
from bot.domain.slots import sessions_known
from bot.engine import tick as engine_tick
from bot.store import board, board_sums
from bot.tests.commands.typed import Done, new_home, typed
from bot.tests.faults.processes import child, exit_of

NOW = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
SUMS = ("board_legs", "board_weeks", "board_months", "board_symbols")
SLOT = timedelta(minutes=15)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the ledger of a simulated account whose puts and calls came to something."""
    folder = tmp_path_factory.mktemp("board")
    env = folder / ".env"
    env.write_text(f"BOT_HOME={folder / 'home'}\n")
    choice = Choice(
        days=40, until="2026-11-18", home=str(folder / "home"), seed=3, profile="aggressive", equity="20000",
        symbols="XLF,EWZ,GDX",
    )  # fmt: skip
    tally = simulate(make_home(str(env), choice), chosen_sessions(choice.days, choice.until, NOW))
    assert not tally.errors
    return folder / "home" / "ledger.sqlite"


@pytest.fixture
def asked(year: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{year}?mode=ro", uri=True)) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    assert tick(folder, "12:00").code == 0
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def tick(folder: Path, hour: str, *words: str) -> Done:
    """Run a live tick at an hour of New York of that Wednesday."""
    at = f"2026-11-18T{int(hour[:2]) + 5:02}:{hour[3:]}:00+00:00"
    return typed(folder, "tick", "--at", at, *words, BOT_MODE="live")


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        return ledger.execute(query).fetchall()


def desk(folder: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        ledger.row_factory = sqlite3.Row
        return dict(ledger.execute("SELECT * FROM dashboard_desk").fetchone())


def total(rows: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], Decimal]:
    found: dict[tuple[Any, ...], Decimal] = {}
    for *key, amount in rows:
        found[tuple(key)] = found.get(tuple(key), Decimal(0)) + Decimal(amount)
    return found


# sums


@pytest.mark.parametrize("view", ["dashboard_income_weeks", "dashboard_income_months"])
def test_weeks_and_months_sum_to_the_days_to_the_cent(asked: sqlite3.Connection, view: str) -> None:
    days = total(asked.execute("SELECT symbol, kind, income FROM dashboard_income").fetchall())
    assert len(days) >= 2
    assert total(asked.execute(f"SELECT symbol, kind, income FROM {view}").fetchall()) == days
    tax = total(asked.execute("SELECT symbol, kind, tax_income FROM dashboard_income").fetchall())
    assert total(asked.execute(f"SELECT symbol, kind, tax_income FROM {view}").fetchall()) == tax


def test_what_symbols_brought_is_the_sum_of_the_days(asked: sqlite3.Connection) -> None:
    days = total(asked.execute("SELECT symbol, income FROM dashboard_income").fetchall())
    symbols = asked.execute("SELECT symbol, realized, cycles_closed FROM dashboard_income_symbols").fetchall()
    assert {(name,): Decimal(realized) for name, realized, _ in symbols if (name,) in days} == days
    closed = dict(asked.execute("SELECT symbol, count(*) FROM cycles WHERE closed_at IS NOT NULL GROUP BY symbol"))
    assert {name: count for name, _, count in symbols if count} == closed != {}


def test_sums_carried_on_tick_by_tick_are_those_made_anew(year: Path, tmp_path: Path) -> None:
    copy = copytree(year.parent, tmp_path / "copy") / "ledger.sqlite"
    with closing(sqlite3.connect(copy, isolation_level=None)) as ledger:
        tables = {name: sorted(ledger.execute(f"SELECT * FROM {name}")) for name in SUMS}
        for name in (*SUMS, "board_reached"):
            ledger.execute(f"DELETE FROM {name}")
        newest = ledger.execute("SELECT max(id) FROM ticks").fetchone()[0]
        board_sums.put_sums(ledger, *board_sums.read_reached(ledger, newest))
        anew = {name: sorted(ledger.execute(f"SELECT * FROM {name}")) for name in SUMS}
        wide = {(row[0], row[1]) for row in tables["board_symbols"]}
        assert {(row[0], row[1]) for row in anew["board_symbols"]} <= wide
        assert all(anew[name] == tables[name] for name in SUMS[:3])


def test_every_ended_leg_and_closed_cycle_says_how_it_came_out(asked: sqlite3.Connection) -> None:
    legs = asked.execute("SELECT id, how, income FROM dashboard_legs WHERE closed_at IS NOT NULL").fetchall()
    assert len(legs) >= 3
    ends = total(asked.execute("SELECT leg_id, income FROM leg_ends").fetchall())
    assert {(leg,): Decimal(income) for leg, how, income in legs if how} == ends
    cycles = asked.execute("SELECT phase, days, return_fraction FROM dashboard_cycles WHERE closed_at IS NOT NULL")
    assert {(phase, returned is None) for phase, _, returned in cycles} == {("closed", False)}


def test_a_fill_better_than_the_mid_is_positive_on_both_sides(asked: sqlite3.Connection) -> None:
    filled = asked.execute(
        "SELECT side, filled_qty, filled_avg_price, mid_price, slippage FROM dashboard_orders"
        " WHERE filled_avg_price IS NOT NULL AND mid_price IS NOT NULL"
    ).fetchall()
    assert len({side for side, *_ in filled}) == 2
    for side, qty, price, mid, slippage in filled:
        better = Decimal(price) - Decimal(mid) if side.startswith("sell") else Decimal(mid) - Decimal(price)
        assert abs(Decimal(slippage) - better * Decimal(qty) * 100) <= Decimal("0.01"), (side, price, mid)


def test_the_returns_of_days_are_the_ledgers_net_of_transfers(asked: sqlite3.Connection) -> None:
    days = asked.execute(
        "SELECT day, nav, nav_index, pnl, pnl_fraction, holding_index, benchmark_index FROM dashboard_equity"
    ).fetchall()
    assert len(days) == 40
    assert all(abs(float(row[1]) - row[2]) < 1e-12 for row in days)
    assert [row[0] for row in days[1:] if row[4] is None or (float(row[3]) > 0) != (row[4] > 0)] == []
    first, last = days[0], days[-1]
    prices = asked.execute("SELECT benchmark_price FROM equity_daily WHERE day IN (?, ?)", (first[0], last[0]))
    begin, end = [float(price) for (price,) in prices]
    assert last[6] / first[6] == pytest.approx(end / begin)
    assert 0.5 < last[5] < 2


def test_a_simulation_misses_no_slot_and_keeps_each_tick_of_the_last_sessions(asked: sqlite3.Connection) -> None:
    assert asked.execute("SELECT count(*) FROM dashboard_gaps").fetchone() == (0,)
    kept = asked.execute("SELECT day, count(*) FROM dashboard_moments GROUP BY day ORDER BY day DESC LIMIT 7")
    assert [count for _, count in kept] == [26] * 7
    counts = asked.execute("SELECT count(*), sum(approved) FROM order_intents WHERE strategy = 'wheel'").fetchone()
    assert asked.execute("SELECT intents, approved FROM dashboard_strategies WHERE name = 'wheel'").fetchone() == counts


# a tick's way


def test_the_desk_shows_the_newest_tick_while_another_runs(folder: Path) -> None:
    shown = desk(folder)
    assert (shown["tick_id"], shown["status"], shown["session_open"], shown["money"]) == (
        1,
        "done",
        1,
        "SIMULATED MONEY",
    )
    assert shown["next_slot"] == "2026-11-18T17:15:00.000000Z"
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite", isolation_level=None)) as ledger:
        ledger.execute(
            "INSERT INTO ticks (id, ts, slot, mode, status, broker, market, environment, config_hash, code_version)"
            " SELECT 2, ts, slot, mode, 'started', broker, market, environment, config_hash, code_version FROM ticks"
        )
    assert desk(folder) == shown


def test_a_failed_tick_shows_as_failed_with_the_halt_in_force_and_the_next_slot(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise BrokerUnreachable("nobody answers")

    before = desk(folder)
    (folder / "data" / "HALT").write_text("stop it\n")
    monkeypatch.setattr(engine_tick, "arrive", away)
    assert tick(folder, "12:15").code != 0
    shown = desk(folder)
    assert (shown["tick_id"], shown["status"], shown["note"]) == (2, "failed", "nobody answers")
    assert shown["equity"] == before["equity"]
    assert shown["next_slot"] == "2026-11-18T17:30:00.000000Z"
    assert (shown["halt_level"], shown["halt_command"]) == ("stop", f"rm {folder / 'data' / 'HALT'}")


def fail(*_: Any) -> Any:
    raise KeyError("what the board stumbled over")


def test_a_board_that_fails_is_told_and_no_tick_fails_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(folder, "SELECT * FROM board_desk")
    with monkeypatch.context() as patch:
        patch.setattr(boarding, "_put_gaps", fail)
        done = tick(folder, "12:15")
    assert done.code == 0
    assert "warning: the board was not brought up to date: KeyError: 'what the board stumbled over'" in done.err
    log = "".join(path.read_text() for path in (folder / "data" / "logs").iterdir())
    assert "what the board stumbled over" in log
    assert rows(folder, "SELECT * FROM board_desk") == before, "all of it or nothing"
    assert desk(folder)["status"] == "done"
    assert tick(folder, "12:30").code == 0
    assert rows(folder, "SELECT tick_id FROM board_desk") == [(3,)]


def test_a_board_not_written_for_some_ticks_is_as_if_it_had_been(folder: Path, tmp_path: Path) -> None:
    other = copytree(folder, tmp_path / "other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticking, "keep_board", lambda *_: "")
        for hour in ("12:15", "12:45"):
            assert tick(folder, hour).code == 0
    for hour in ("12:15", "12:45"):
        assert tick(other, hour).code == 0
    for one in (folder, other):
        assert tick(one, "13:00").code == 0
    for table in ("board_gaps", "board_days", "board_positions", "board_strategies", *SUMS):
        assert rows(folder, f"SELECT * FROM {table}") == rows(other, f"SELECT * FROM {table}"), table
    assert rows(folder, "SELECT first_slot, slots FROM board_gaps") == [("2026-11-18T17:30:00.000000Z", 1)]


def test_a_board_that_takes_too_long_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boarding, "SECONDS_MAX", -1.0)
    monkeypatch.setattr(boarding, "STEPS", 50)
    done = tick(folder, "12:15")
    assert done.code == 0
    assert "interrupted" in done.err
    assert rows(folder, "SELECT max(id) FROM ticks WHERE status = 'done'") == [(2,)]
    assert rows(folder, "SELECT tick_id FROM board_desk") == [(1,)]


def test_a_full_disk_within_the_board_costs_the_board_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(connection: sqlite3.Connection, *_: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute("INSERT INTO board_seen VALUES (99, 0, ?)", ("x" * 10_000_000,))

    monkeypatch.setattr(boarding, "_put_gaps", fill)
    done = tick(folder, "12:15")
    assert done.code == 0
    assert "disk is full" in done.err
    assert rows(folder, "SELECT max(id) FROM ticks WHERE status = 'done'") == [(2,)]
    assert rows(folder, "SELECT max(tick_id) FROM board_seen") == [(1,)]


def test_a_process_killed_within_the_board_costs_nothing_the_next_tick_heals_it(folder: Path) -> None:
    def killed() -> None:
        boarding._put_gaps = lambda *_: os.kill(os.getpid(), 9)
        tick(folder, "12:15")

    assert exit_of(child(killed)) == -9
    assert rows(folder, "SELECT id, status FROM ticks") == [(1, "done"), (2, "done")]
    assert tick(folder, "12:30").code == 0
    assert rows(folder, "SELECT tick_id FROM board_desk") == [(3,)]
    assert rows(folder, "SELECT counted_tick FROM board_strategies WHERE name = 'wheel'") == [(3,)]
    assert rows(folder, "SELECT count(*) FROM board_gaps") == [(0,)]


# words between ticks


def test_a_persons_word_shows_at_once(folder: Path) -> None:
    assert typed(folder, "halt", "reduce_only", "--reason", "a look first").code == 0
    shown = desk(folder)
    assert (shown["halt_level"], shown["halt_reason"], shown["halt_command"]) == (
        "reduce_only",
        "a look first",
        "bot resume",
    )
    assert shown["halt_at"] is not None
    assert typed(folder, "resume").code == 0
    assert desk(folder)["halt_level"] == "run"


def test_a_restored_home_shows_what_holds_it_back(folder: Path, tmp_path: Path) -> None:
    made = typed(folder, "backup", "--to", str(tmp_path / "kept"))
    assert made.code == 0, made.err
    backup = next(line.split()[1] for line in made.out.splitlines() if line.startswith("backup "))
    home = tmp_path / "again"
    assert typed(folder, "restore", backup, "--home", str(home)).code == 0
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger:
        level, command, restore = ledger.execute(
            "SELECT halt_level, halt_command, restore FROM dashboard_desk"
        ).fetchone()
    assert (level, command) == ("no_new_risk", "bot resume")
    assert "until a tick settles" in restore


def test_a_dry_tick_writes_the_board_too(folder: Path) -> None:
    assert tick(folder, "12:15", "--dry").code == 0
    assert (desk(folder)["tick_id"], desk(folder)["mode"]) == (2, "dry")


# pieces


def test_missed_slots_follow_the_brokers_calendar() -> None:
    first, last = datetime(2026, 11, 18, 20, 45, tzinfo=UTC), datetime(2026, 11, 20, 14, 45, tzinfo=UTC)
    missed = boarding.missed_between(first, last, session_on)
    assert {day: len(slots) for day, slots in missed.items()} == {"2026-11-19": 26, "2026-11-20": 1}
    open_days = [session_on(date(2026, 11, day)) for day in (18, 20)]
    closed = sessions_known([one for one in open_days if one is not None])
    assert list(boarding.missed_between(first, last, closed)) == ["2026-11-20"]


def test_ticks_that_follow_each_other_miss_nothing_and_an_unknown_calendar_says_nothing() -> None:
    at = datetime(2026, 11, 18, 17, tzinfo=UTC)
    assert boarding.missed_between(at, at, session_on) == {}
    assert boarding.missed_between(at, at + SLOT, session_on) == {}
    assert boarding.missed_between(datetime(2150, 1, 1, tzinfo=UTC), datetime(2150, 1, 9, tzinfo=UTC), session_on) == {}


def test_settings_are_all_there_and_no_secret_is(folder: Path) -> None:
    done = typed(
        folder, "tick", "--dry", "--at", "2026-11-18T17:15:00+00:00", WATCH_PING_URL="https://ping.test/s3cr3t"
    )
    assert done.code == 0
    found = dict(rows(folder, "SELECT name, value FROM dashboard_settings"))
    assert "s3cr3t" not in str(found)
    assert {"BOT_HOME", "put_delta_max", "orders_per_day"} <= set(found)
    assert rows(folder, "SELECT secret FROM dashboard_settings WHERE name = 'WATCH_PING_URL'") == [(1,)]


def test_the_board_is_small_and_forgets_the_oldest_ticks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "TICKS_KEPT", 2)
    for hour in ("12:15", "12:30", "12:45"):
        assert tick(folder, hour).code == 0
    assert rows(folder, "SELECT tick_id FROM board_seen") == [(3,), (4,)]
    assert rows(folder, "SELECT tick_id FROM board_moments") == [(3,), (4,)]
