"""The owner's eyes on a simulated store: `status`, `report`, `why`, `dump-state` (C004)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.commands import looking
from bot.commands.looking import run_dump_state, run_report, run_status, run_why, script_folder
from bot.commands.looking_facts import ticks_of_day
from bot.commands.owner import run_halt, run_instruction, run_pause
from bot.commands.simulating import Choice, chosen_sessions, make_home, simulate
from bot.domain.errors import StoreError, UsageError
from bot.domain.exposure import free_cash
from bot.domain.sessions import new_york_day
from bot.engine.ports import TickEnd, TickStart
from bot.store.journal import LedgerJournal
from bot.store.lock import home_lock
from bot.store.queries import Ledger, open_for_questions

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
"""The evening after the last simulated session."""
SESSIONS = 15
HEAVY = ("alpaca", "matplotlib", "numpy", "pandas", "pydantic", "requests", "sqlite_utils")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the .env of a home in which fifteen sessions ran."""
    folder = tmp_path_factory.mktemp("looking")
    env = folder / ".env"
    env.write_text(f"BOT_HOME={folder / 'home'}\n")
    choice = Choice(
        days=SESSIONS, until="2026-11-18", home=str(folder / "home"), seed=1, profile="balanced", equity="", symbols=""
    )
    house = make_home(str(env), choice)
    simulate(house, chosen_sessions(choice.days, choice.until, NOW))
    return env


@pytest.fixture
def env(made: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give that home to read, at a fixed time."""
    monkeypatch.setattr(looking, "wall_clock", lambda: NOW)
    return str(made)


@pytest.fixture
def own(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a copy of that home to write into."""
    shutil.copytree(made.parent / "home", tmp_path / "home")
    (tmp_path / ".env").write_text(f"BOT_HOME={tmp_path / 'home'}\n")
    monkeypatch.setattr(looking, "wall_clock", lambda: NOW)
    return str(tmp_path / ".env")


@pytest.fixture
def empty(tmp_path: Path, made: Path) -> str:
    """Give a home with a desk and no ledger."""
    (tmp_path / "home").mkdir()
    shutil.copy(made.parent / "home" / "desk.toml", tmp_path / "home")
    (tmp_path / ".env").write_text(f"BOT_HOME={tmp_path / 'home'}\n")
    return str(tmp_path / ".env")


Output = pytest.CaptureFixture[str]


def ledger_of(env: str) -> Any:
    return open_for_questions(Path(env).parent / "home")


def as_object(capsys: Output) -> dict[str, Any]:
    out = capsys.readouterr().out
    assert out.count("\n") == 1, "exactly one line"
    told = json.loads(out)
    assert isinstance(told, dict)
    return told


def floats_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [one for item in value.values() for one in floats_in(item)]
    if isinstance(value, list):
        return [one for item in value for one in floats_in(item)]
    return [value] if isinstance(value, float) else []


def test_status_shows_whose_money_which_home_and_one_sentence_of_activity(env: str, capsys: Output) -> None:
    run_status(env, as_json=False)
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].startswith("SIMULATED MONEY")
    assert f"home {Path(env).parent / 'home'}" in lines
    with ledger_of(env) as ledger:
        sent = [one for day in ledger.session_days(5) for one in ledger.orders_of_day(day)]
    activity = next(line for line in lines if line.startswith("activity    "))
    assert ("nothing sent in 5 sessions: " in activity) == (not sent)
    assert "newest tick 390, Wed 2026-11-18 15:45 New York, 4 hours ago, ran live: done" in out
    assert "next tick   Thu 2026-11-19 09:30 New York" in lines
    assert max(map(len, lines[:-1])) <= 100 or "home" in max(lines, key=len)


def test_status_agrees_with_the_ledger(env: str, capsys: Output) -> None:
    run_status(env, as_json=True)
    told = as_object(capsys)
    with ledger_of(env) as ledger:
        newest, positions, days = ledger.latest_tick(), ledger.positions(), ledger.equity_days(limit=2)
        sent = [one for day in ledger.session_days(5) for one in ledger.orders_of_day(day) if one.state != "not_sent"]
    assert told["equity"] == format(newest.equity.normalize(), "f")
    assert {one["symbol"] for one in (*told["options"], *told["shares"])} == {one.symbol for one in positions}
    assert told["day_profit"] == format((days[1].equity - days[0].equity - days[1].flow).normalize(), "f")
    assert told["quiet"]["orders_sent"] == len(sent)
    assert (told["quiet"]["ticks"], told["quiet"]["slots_missed"]) == (130, 0)
    assert floats_in(told) == []


def test_open_options_carry_days_distance_and_share_of_profit(env: str, capsys: Output) -> None:
    run_status(env, as_json=True)
    options = as_object(capsys)["options"]
    assert options
    with ledger_of(env) as ledger:
        credit = {leg.symbol: leg.credit for leg in ledger.open_legs()}
        quotes = ledger.snapshot(ledger.latest_tick().snapshot_hash).quote_of
    for one in options:
        ask = quotes[one["symbol"]].ask
        assert one["profit_share"] is not None
        assert abs((credit[one["symbol"]] - ask) / credit[one["symbol"]] - type(ask)(one["profit_share"])) < 1e-6
        assert one["distance_fraction"] is not None
        assert one["dte"] == (datetime.fromisoformat(one["expiry"]).date() - new_york_day(NOW)).days


def test_idle_cash_is_what_the_put_gate_could_still_secure_with(env: str, capsys: Output) -> None:
    """Wheel, section 4."""
    run_status(env, as_json=True)
    told = as_object(capsys)
    with ledger_of(env) as ledger:
        snapshot = ledger.snapshot(ledger.latest_tick().snapshot_hash)
    idle = free_cash(snapshot).value - max(snapshot.equity / 10, Decimal(250))  # the balanced profile's buffer
    assert idle > 0
    assert Decimal(told["cash_idle"]) == idle
    assert abs(Decimal(told["cash_idle_fraction"]) - idle / snapshot.equity) < Decimal("0.000001")
    run_status(env, as_json=False)
    assert f"idle cash   {idle:,.2f} (" in capsys.readouterr().out


def test_the_owners_words_show_at_once_without_a_tick(own: str, capsys: Output) -> None:
    with ledger_of(own) as ledger:
        contract = ledger.open_legs()[0].symbol
    run_halt(own, level="no_new_risk", reason="on holiday")
    run_pause(own, symbol="XLF", until="2030-01-01", reason="a rumour")
    run_instruction(own, contract=contract, word="let_assign")
    capsys.readouterr()
    run_status(own, as_json=False)
    told = " ".join(capsys.readouterr().out.split())
    assert "NO_NEW_RISK by " in told
    assert "on holiday; clears: a person: `bot resume`" in told
    assert f"`BOT_ENV={own} {script_folder()}bot resume` lifts it" in told
    assert "paused: XLF until" in told
    assert f"your word on {contract}: let assign" in told


def test_everything_is_read_while_somebody_holds_the_lock_and_writes(own: str, capsys: Output) -> None:
    home = Path(own).parent / "home"
    with home_lock(home, "bot tick", NOW):
        journal = LedgerJournal(home, "main")
        with journal.database.writing() as connection:
            connection.execute("INSERT INTO commands (at, author, words, outcome) VALUES ('x', 'x', 'x', 'x')")
            run_status(own, as_json=False)
            run_report(own, day="", as_json=False)
            run_why(own, what="XLF", as_json=False)
        journal.close()
    assert "SIMULATED MONEY" in capsys.readouterr().out


def test_a_home_without_a_ledger_says_what_to_type(empty: str, capsys: Output) -> None:
    run_status(empty, as_json=False)
    out = capsys.readouterr().out
    assert "no tick has run yet in" in out
    assert "bot tick --dry --at session" in out
    run_status(empty, as_json=True)
    assert as_object(capsys)["tick"] is None
    asks: tuple[Callable[[], None], ...] = (
        lambda: run_report(empty, day="", as_json=False),
        lambda: run_why(empty, what="XLF", as_json=False),
        lambda: run_dump_state(empty, since="", limit=1),
    )
    for ask in asks:
        with pytest.raises(StoreError, match="no tick has run yet") as error:
            ask()
        assert error.value.exit_code == 1


def test_a_ledger_whose_only_tick_failed_is_told_and_breaks_nothing(empty: str, capsys: Output) -> None:
    fail_a_tick(Path(empty).parent / "home", NOW)
    run_status(empty, as_json=False)
    out = capsys.readouterr().out
    assert "failed" in out
    assert "the broker did not answer" in out
    with pytest.raises(StoreError, match="no tick has run yet"):
        run_report(empty, day="", as_json=False)


def fail_a_tick(home: Path, at: datetime) -> None:
    journal = LedgerJournal(home, "main")
    slot = at - timedelta(minutes=at.minute % 15)
    number = journal.begin(
        TickStart(
            at=at, slot=slot, mode="live", broker="simulator", market="synthetic", environment="simulated",
            config_hash="0" * 64, code_version="0",
        )
    )  # fmt: skip
    journal.seal(
        number,
        TickEnd(
            status="failed", note="the broker did not answer", errors=("the broker did not answer",), finished_at=at
        ),
    )
    journal.close()


def test_the_report_tells_the_newest_day_and_adds_up(env: str, capsys: Output) -> None:
    run_report(env, day="", as_json=True)
    told = as_object(capsys)
    assert (told["day"], told["colour"], told["kind"]) == ("2026-11-18", "green", "SIMULATED MONEY")
    assert (told["health"]["ticks"], told["health"]["slots"], told["health"]["missed"]) == (26, 26, [])
    with ledger_of(env) as ledger:
        days, head = ledger.equity_days(), ledger.events(limit=1)[0].hash
    assert told["head"] == head
    assert told["equity"] == format(days[-1].equity.normalize(), "f")
    assert [one["period"] for one in told["returns"]] == ["day", "month", "year", "start"]


def test_every_day_can_be_told_and_their_fills_and_refusals_are_the_ledgers(env: str, capsys: Output) -> None:
    with ledger_of(env) as ledger:
        days = ledger.session_days(100)
        fills_kept, refused_kept = ledger.connection.execute(
            "SELECT (SELECT count(*) FROM fills), (SELECT count(*) FROM order_intents WHERE NOT approved)"
        ).fetchone()
    assert len(days) == SESSIONS
    fills = refused = 0
    for day in days:
        run_report(env, day=day.isoformat(), as_json=True)
        told = as_object(capsys)
        fills += len(told["fills"])
        refused += told["quiet"]["wishes_refused"]
        assert sum(gate["times"] for gate in told["quiet"]["gates"]) >= told["quiet"]["wishes_refused"]
    assert (fills, refused) == (fills_kept, refused_kept)


def test_the_report_as_text_has_its_parts(env: str, capsys: Output) -> None:
    run_report(env, day="2026-11-18", as_json=False)
    out = capsys.readouterr().out
    assert out.startswith("SIMULATED MONEY   Wednesday 2026-11-18")
    for title in ("GREEN: ", "MONEY", "WHAT HAPPENED", "HELD AT THE DAY'S LAST TICK", "PASSED OVER", "TICKS", "home "):
        assert f"\n{title}" in out


def test_a_day_without_ticks_or_out_of_form_is_a_usage_error(env: str) -> None:
    with pytest.raises(UsageError, match="no tick of that session day is recorded"):
        run_report(env, day="2020-01-02", as_json=False)
    with pytest.raises(UsageError, match="--day takes YYYY-MM-DD"):
        run_report(env, day="yesterday", as_json=False)


def test_a_failed_tick_makes_the_day_red_and_is_named(own: str, capsys: Output) -> None:
    fail_a_tick(Path(own).parent / "home", datetime(2026, 11, 18, 20, 50, tzinfo=UTC))
    run_report(own, day="2026-11-18", as_json=False)
    out = capsys.readouterr().out
    assert "\nRED: the last tick failed" in out
    assert "tick 391 failed: the broker did not answer" in out


def test_a_failed_tick_in_the_middle_of_a_day_belongs_to_it(own: str) -> None:
    home = Path(own).parent / "home"
    fail_a_tick(home, datetime(2026, 11, 18, 20, 50, tzinfo=UTC))
    with ledger_of(own) as ledger:
        day = ticks_of_day(ledger, datetime(2026, 11, 18, tzinfo=UTC).date())
        assert [row.id for row in day][-2:] == [390, 391]
        assert len(ticks_of_day(ledger, datetime(2026, 11, 17, tzinfo=UTC).date())) == 26


def first(ledger: Ledger, chosen: Callable[[Any], bool]) -> Any:
    for row in ledger.ticks(limit=1000):
        for intent in ledger.intents_of_tick(row.id):
            if chosen(intent):
                return intent
    raise AssertionError("the simulated sessions hold no such wish")


def test_why_a_symbol_shows_the_newest_wish_with_every_gate(env: str, capsys: Output) -> None:
    with ledger_of(env) as ledger:
        intent = first(ledger, lambda one: one.status == "filled")
        newest = ledger.intents_of_symbol(intent.underlying, limit=1)[0]
        verdict = ledger.verdict_of(newest)
    run_why(env, what=intent.underlying.lower(), as_json=False)
    out = capsys.readouterr().out
    assert out.startswith(f"SIMULATED MONEY   {intent.underlying}   ")
    assert [check.gate for check in verdict.checks if check.gate not in out] == []
    assert "LAST ORDERS" in out
    assert "THE LAST 15 SESSIONS: PASSED OVER" in out


def test_why_a_contract_answers_for_its_underlying(env: str, capsys: Output) -> None:
    with ledger_of(env) as ledger:
        leg = ledger.open_legs()[0]
    run_why(env, what=leg.symbol, as_json=True)
    told = as_object(capsys)
    assert told["symbol"] == leg.underlying
    assert "put short" in told["phase"] or "call short" in told["phase"]


def test_why_an_intent_by_number_and_by_the_start_of_its_order_tells_the_same(env: str, capsys: Output) -> None:
    with ledger_of(env) as ledger:
        intent = first(ledger, lambda one: one.status == "filled")
    run_why(env, what=str(intent.id), as_json=True)
    by_number = as_object(capsys)
    run_why(env, what=intent.client_order_id[:12], as_json=True)
    assert as_object(capsys)["wish"]["intent"] == by_number["wish"]["intent"] == intent.id
    story = by_number["order"]
    assert [step["state"] for step in story["steps"]][:3] == ["planned", "sending", "working"]
    assert story["steps"][-1]["status"] == "filled"
    assert sum(int(fill["qty"]) for fill in story["fills"]) == int(story["order"]["filled_qty"])
    checks = by_number["wish"]["verdict"]["checks"]
    assert all(check["ok"] for check in checks)
    assert {"gate", "ok", "reason", "value", "limit", "unit", "distance"} == set(checks[0])
    assert floats_in(by_number) == []


def test_why_a_refused_wish_names_the_gate_first(env: str, capsys: Output) -> None:
    with ledger_of(env) as ledger:
        intent = first(ledger, lambda one: not one.approved)
    run_why(env, what=f"#{intent.id}", as_json=False)
    out = capsys.readouterr().out
    assert f"intent {intent.id}: REFUSED" in out
    assert f"{intent.refused_by[0]} refused: " in out
    assert "no order was made of it: a gate refused" in out


def test_an_unknown_word_is_a_usage_error_that_says_what_exists(env: str) -> None:
    for words in ("zzz", "99999999", "#", "ZZZ261224P00050000"):
        with pytest.raises(UsageError) as error:
            run_why(env, what=words, as_json=False)
        assert "there are the symbols EEM, EFA" in str(error.value)
        assert "order ids such as main-" in str(error.value)


def test_the_start_of_many_orders_asks_for_more(env: str) -> None:
    with pytest.raises(UsageError, match="type more of one"):
        run_why(env, what="main-", as_json=False)


def test_dump_state_is_one_object_with_every_table_newest_last(env: str, capsys: Output) -> None:
    run_dump_state(env, since="", limit=3)
    told = as_object(capsys)
    assert told["simulated"] is True
    assert {"ticks", "order_intents", "events", "orders", "fills", "equity_daily"} <= set(told["tables"])
    assert [row["id"] for row in told["tables"]["ticks"]] == [388, 389, 390]
    assert max(map(len, told["tables"].values())) <= 3


def test_dump_state_since_a_moment_leaves_out_what_is_older(env: str, capsys: Output) -> None:
    run_dump_state(env, since="2026-11-18T20:30:00+00:00", limit=100)
    assert [row["id"] for row in as_object(capsys)["tables"]["ticks"]] == [389, 390]
    run_dump_state(env, since="2026-11-18", limit=100)
    assert len(as_object(capsys)["tables"]["ticks"]) == 26
    for words in ("yesterday", "2026-11-18T20:30:00"):
        with pytest.raises(UsageError, match="--since"):
            run_dump_state(env, since=words, limit=1)


@pytest.mark.parametrize(
    "words",
    [
        "run_status({env!r}, as_json=False)", "run_report({env!r}, day='', as_json=False)",
        "run_why({env!r}, what='XLF', as_json=False)", "run_dump_state({env!r}, since='', limit=1)",
    ],
)  # fmt: skip
def test_looking_loads_nothing_heavy(made: Path, words: str) -> None:
    code = (
        f"import sys\nfrom bot.commands.looking import *\n{words.format(env=str(made))}\n"
        f"print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=made.parent, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_status_warns_where_the_settings_name_other_money_than_the_home(
    own: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_BROKER", "alpaca")
    run_status(own, as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "warning: the settings name paper money, and this home is kept for simulated: no tick runs here" in said
