"""`bot books` over a simulated store: its sum is the account, and each number is where the ledger has it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.commands.bookkeeping import run_books
from bot.commands.simulating import Choice, chosen_sessions, make_home, simulate
from bot.domain.errors import StoreError
from bot.store.chain import verify
from bot.store.queries import open_for_questions

NOW = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
SESSIONS = 12
BOTH = ("premium", "shares")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the .env of a home in which a dozen sessions ran."""
    folder = tmp_path_factory.mktemp("books")
    env = folder / ".env"
    env.write_text(f"BOT_HOME={folder / 'home'}\n")
    choice = Choice(
        days=SESSIONS, until="2026-11-18", home=str(folder / "home"), seed=1, profile="balanced", equity="", symbols=""
    )
    simulate(make_home(str(env), choice), chosen_sessions(choice.days, choice.until, NOW))
    return env


def said(env: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    run_books(str(env), as_json=True)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_books_sum_to_the_account(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(made, capsys)
    assert (found["cash_gap"], found["value_gap"]) == ("0", "0")
    total = sum(Decimal(one["total"]) for one in found["lines"])
    with open_for_questions(made.parent / "home") as ledger:
        newest = ledger.latest_tick()
        days = ledger.equity_days(limit=1)
        income = sum(
            (one.income for one in ledger.income(date.min, NOW.date(), "total") if one.kind in BOTH), Decimal(0)
        )
    assert newest is not None
    assert total == newest.equity == days[-1].equity
    assert sum(Decimal(one["income"]) for one in found["lines"]) == income


def test_the_words_say_that_they_agree(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_books(str(made), as_json=False)
    told = capsys.readouterr().out
    assert "The books sum to the account to the cent." in told
    assert "wheel" in told
    assert [line.split()[0] for line in told.splitlines() if line.startswith("  t")] == ["together", "the"]


def test_each_session_day_is_kept_and_the_record_holds(made: Path) -> None:
    with open_for_questions(made.parent / "home") as ledger:
        days = {day for (day,) in ledger.connection.execute("SELECT DISTINCT day FROM strategy_days")}
        assert len(days) == SESSIONS - 1
        assert list(verify(ledger.connection, made.parent / "home", snapshots=False)) == []


def test_the_invariant_is_green_at_every_tick(made: Path) -> None:
    with open_for_questions(made.parent / "home") as ledger:
        rows = ledger.connection.execute(
            "SELECT value, ok, count(*) FROM invariants WHERE name = 'strategies_minus_books' GROUP BY value, ok"
        ).fetchall()
    assert [(value, ok) for value, ok, _ in rows] == [("0", 1)]


def test_a_home_without_a_tick_says_what_to_type(made: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shutil.copy(made.parent / "home" / "desk.toml", tmp_path / "home")
    (tmp_path / ".env").write_text(f"BOT_HOME={tmp_path / 'home'}\n")
    with pytest.raises(StoreError, match="no tick has run yet"):
        run_books(str(tmp_path / ".env"), as_json=False)
