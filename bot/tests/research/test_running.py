"""A backtest is the live tick at other moments: the same function, every gate, and nothing of its own that decides."""

from __future__ import annotations

import ast
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.commands import backtesting, ticking
from bot.commands.backtesting import Planned, backtest, memory_book, memory_world
from bot.domain.fills import FillRules
from bot.domain.market import Split
from bot.domain.sessions import session_on, sessions_between
from bot.engine import tick as live
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import World
from bot.markets.synthetic import SyntheticMarket
from bot.research import running
from bot.research.facts import RunFacts
from bot.research.running import Gathered, Span, days_of
from bot.tests.engine.test_memory_journal import a_house
from bot.tests.faults.soaking import many

FIRST = date(2025, 3, 3)
SESSIONS = tuple(sessions_between(FIRST, FIRST + timedelta(days=many(24, 400))))
ROOT = Path(running.__file__).resolve().parents[1]
OURS = [
    ROOT / "research" / "running.py",
    ROOT / "research" / "facts.py",
    *sorted((ROOT / "commands").glob("backtest*.py")),
]
DECIDES = frozenset({
    "decide", "judge", "settle", "execute", "plan_orders", "submit", "cancel", "accept", "advance", "match", "plan",
    "record_decision",
})  # fmt: skip
"""What wants, allows, sends, fills or books when it is called."""


def a_plan(folder: Path, step: timedelta = timedelta(minutes=15), sessions: int = len(SESSIONS)) -> Planned:
    house = a_house(folder)
    return Planned(house, SyntheticMarket(1), Span(SESSIONS[:sessions], step), "data", name="a run", seed=1)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> RunFacts:
    """Give a run of some weeks in which something was traded."""
    return backtest(a_plan(tmp_path_factory.mktemp("run")))


def calls(tree: ast.AST) -> set[str]:
    """Collect the names of what is called."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            found.add(called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""))
    return found


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_here_decides_or_fills(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert calls(tree) & DECIDES == set()
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in modules if name.startswith(("bot.gates", "bot.engine.settle", "bot.engine.execute"))]


def test_a_call_that_decides_is_caught() -> None:
    assert calls(ast.parse("broker.submit(order)\nx = judge(1)")) >= {"submit", "judge"}


def test_the_engine_knows_nothing_of_backtests() -> None:
    for path in sorted((ROOT / "engine").glob("*.py")):
        modules = {one.module or "" for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.ImportFrom)}
        assert not [name for name in modules if name.startswith(("bot.research", "bot.tapes", "bot.commands"))]
        names = {one.id for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Name)}
        assert not [name for name in names if "backtest" in name.lower()], path.name


def test_the_tick_is_the_live_one_and_runs_once_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vars(running)["tick"] is live.tick
    assert vars(ticking)["tick"] is live.tick
    counted: Counter[str] = Counter()

    def counting(name: str, real: Any) -> Any:
        def called(*words: Any, **named: Any) -> Any:
            counted[name] += 1
            return real(*words, **named)

        return called

    monkeypatch.setattr(running, "tick", counting("tick", live.tick))
    monkeypatch.setattr(live, "judge", counting("judge", vars(live)["judge"]))
    monkeypatch.setattr(live, "decide", counting("decide", live.decide))
    planned = a_plan(tmp_path, sessions=2)
    found = backtest(planned)
    moments = len(list(planned.span.moments()))
    assert moments == 52
    assert counted == {"tick": moments, "judge": moments, "decide": moments}
    assert found.ticks == moments


def test_books_and_account_agree_and_every_day_is_there(ran: RunFacts) -> None:
    assert ran.cash_account == ran.cash_books is not None
    assert [one.day for one in ran.days] == [one.day for one in SESSIONS]
    assert ran.fills > 5
    assert ran.trades, "nothing ended in this run: it shows too little"
    assert ran.errors == ()
    assert ran.days[-1].equity > 0
    assert sum((one.premium for one in ran.days), Decimal(0)) == sum(
        (one.pnl for one in ran.trades if one.kind != "shares"), Decimal(0)
    )


def test_a_run_twice_is_one_run_and_another_seed_another(tmp_path: Path) -> None:
    planned = a_plan(tmp_path, sessions=3)
    once, again = backtest(planned), backtest(planned)
    assert once.digest == again.digest
    assert once.days == again.days
    assert backtest(planned._replace(market=SyntheticMarket(2))).digest != once.digest


def test_a_reason_of_many_numbers_is_one_kind(ran: RunFacts) -> None:
    assert len(ran.passed_over) < 40
    assert not [words for words, _ in ran.passed_over if any(letter.isdigit() for letter in words)]


def test_a_daily_step_ticks_once_a_session() -> None:
    span = Span(SESSIONS[:3], timedelta(days=1))
    assert [at.date() for at in span.moments()] == [one.day for one in SESSIONS[:3]]
    assert next(span.moments()) == SESSIONS[0].close_at - timedelta(minutes=30)
    assert next(span._replace(at_open=True).moments()) == SESSIONS[0].open_at
    assert days_of(span) == (SESSIONS[0].day, SESSIONS[2].day)


def test_no_tick_stands_before_or_after_the_data() -> None:
    session = session_on(FIRST)
    assert session is not None
    known = (session.open_at + timedelta(hours=1), session.open_at + timedelta(hours=2))
    span = Span((session,), timedelta(minutes=30), known=known)
    assert [at - session.open_at for at in span.moments()] == [timedelta(minutes=minutes) for minutes in (60, 90, 120)]


def test_an_hourly_run_misses_no_slot(tmp_path: Path) -> None:
    found = backtest(a_plan(tmp_path, timedelta(hours=1), sessions=4))
    assert found.ticks == 28
    assert found.step_seconds == 3600
    assert found.orders > 0, "a halt for missed ticks would send nothing"


def test_a_world_in_memory_leaves_no_file(tmp_path: Path) -> None:
    house = a_house(tmp_path / "home")
    moment = SESSIONS[0].open_at
    world, journal = memory_world(house, SyntheticMarket(1), lambda: moment, FillRules())
    assert isinstance(world, World)
    assert isinstance(journal, MemoryJournal)
    live.tick(world, memory_book(house, 900))
    assert list(tmp_path.rglob("*")) == []
    assert world.broker.read_account().id == backtesting.ACCOUNT


def test_the_collector_of_rings_is_left_as_it_was(tmp_path: Path) -> None:
    import gc

    assert gc.isenabled()
    backtest(a_plan(tmp_path, sessions=1))
    assert gc.isenabled()


def test_what_is_set_beside_a_run_does_not_jump_at_a_split(ran: RunFacts, tmp_path: Path) -> None:
    planned = a_plan(tmp_path, sessions=4)
    names = planned.house.desk.universe
    day = SESSIONS[2].day
    whole, split = Gathered("SPY", names), Gathered("SPY", names, [Split(symbol="SPY", day=day, ratio=Decimal(2))])
    clock = [SESSIONS[0].open_at]
    world, _ = memory_world(planned.house, planned.market, lambda: clock[0])
    seen = []
    for moment in planned.span.moments():
        clock[0] = moment
        seen.append(live.tick(world, memory_book(planned.house, 900)))
    for result in seen:
        whole.add(result)
        split.add(result)
    whole.finish()
    split.finish()
    factors = [one.benchmark / other.benchmark for one, other in zip(split.days, whole.days, strict=True)
               if one.benchmark and other.benchmark]  # fmt: skip
    assert factors == [1, 1, 2, 2]
    assert whole.facts(name="x", desk_name="d", desk_text="", desk_hash="", code_version="", market="m",
                       step_seconds=900).halts == ()  # fmt: skip
