"""`bot check` on planted planners: one that peeks, one that acts before it is warm, one that remembers, one of luck."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random

import pytest

from bot.commands import backtesting, checking, checking_worlds
from bot.commands.backtest_choice import Choice, planned_from
from bot.commands.backtesting import Planned
from bot.commands.checking import looked_ahead, warmed_up
from bot.commands.checking_worlds import CutMarket, cut_world, shuffled_world, tape_of
from bot.domain.desk import BarParams
from bot.domain.errors import MarketError, UsageError
from bot.domain.market import BarsRequest, ChainRequest, QuotesRequest
from bot.domain.sessions import sessions_between
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Plan, Planner, Strategy
from bot.planners.bars import planner_of
from bot.planners.indicators import Signal
from bot.research.statistics import statistics_of
from bot.tapes.barbook import BarBook
from bot.tapes.market import TapeMarket
from bot.tests.commands.typed import Done, typed
from bot.wiring import strategies_of

D = Decimal
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
DAYS = tuple(one.day for one in sessions_between(date(2025, 1, 2), date(2025, 5, 30)))
SYMBOL = "VTI"
STRATEGY = """
[strategies.cross]
kind = "ma_cross"
priority = 5
enabled = true
symbols = ["VTI"]
approve = "never"
approve_minutes = "slot"
step = "1day"
enter_on = "level"
position_share = 0.3
units = "off"
order = "market"
stop_percent = "off"
target_percent = "off"
fast = 3
slow = 10
"""
SETTINGS = (
    "strategies.wheel.enabled=false", "strategies.stops.enabled=false", "limits.symbol_share_first=0.9",
    "limits.symbol_share=0.9", "limits.group_share=0.9",
)  # fmt: skip
CHOICE = Choice(tape="t", settings=SETTINGS)
IN = planner_of(Signal("ma_cross", lambda _: 1, lambda *_: True, lambda *_: False, lambda *_: 1))
OUT = planner_of(Signal("ma_cross", lambda _: 1, lambda *_: False, lambda *_: True, lambda *_: 1))


def noise(seed: int, drift: float = 0.0) -> list[float]:
    rng = Random(seed)
    return [drift + rng.gauss(0, 0.01) for _ in DAYS]


def trends() -> list[float]:
    """Returns that rise for twenty days and fall for twenty: the days before tell the day after."""
    rng = Random(5)
    return [(0.01 if place // 20 % 2 == 0 else -0.01) + rng.gauss(0, 0.002) for place in range(len(DAYS))]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked")
    assert typed(folder, "init", "--equity", "50000").code == 0
    desk = folder / "data/desk.toml"
    names = f'[symbols]\n{SYMBOL} = {{ group = "whole", kind = "etf", penny = true }}\n'
    desk.write_text(desk.read_text().replace("[symbols]\n", names, 1) + STRATEGY)
    assert typed(folder, "tick", "--dry").code == 0
    return folder


def taped(folder: Path, returns: list[float], name: str = "t") -> None:
    rows, close = ["time,open,high,low,close,volume"], 100.0
    for day, one in zip(DAYS, returns, strict=True):
        before, close = close, close * (1 + one)
        high, low = max(before, close) * 1.002, min(before, close) * 0.998
        rows.append(f"{day},{before:.2f},{high:.2f},{low:.2f},{close:.2f},1000000")
    (folder / "bars.csv").write_text("\n".join(rows) + "\n")
    words = ("--symbol", SYMBOL, "--step", "1day", "--zone", "America/New_York", "--replace")
    done = typed(folder, "data", "import", name, "bars.csv", *words)
    assert done.code == 0, done.out + done.err


@pytest.fixture
def env(bare: Path) -> str:
    taped(bare, noise(1))
    return str(bare / ".env")


def plant(monkeypatch: pytest.MonkeyPatch, plan: Callable[[Snapshot, BarParams], Plan], bars: int = 1) -> None:
    """Let every run of a test trade by one planted plan instead of the desk's strategies."""

    def needs(*_: object) -> tuple[QuotesRequest, BarsRequest]:
        return QuotesRequest(symbols=(SYMBOL,)), BarsRequest(symbol=SYMBOL, step="1day", count=bars)

    def planted(house: object, step: int) -> object:
        made = real(house, step)  # type: ignore[arg-type]
        return made._replace(strategies=only(house.desk))  # type: ignore[attr-defined]

    def only(desk: object) -> tuple[Strategy, ...]:
        (cross,) = [one for one in strategies_of(desk) if one.name == "cross"]  # type: ignore[arg-type]
        return (cross._replace(planner=Planner("ma_cross", BarParams, needs, plan)),)

    real = backtesting.memory_book
    monkeypatch.setattr(backtesting, "memory_book", planted)
    monkeypatch.setattr(checking_worlds, "memory_book", planted)
    monkeypatch.setattr(checking, "strategies_of", only)


def check(folder: str, what: str, *words: str) -> Done:
    sets = [word for one in SETTINGS for word in ("--set", one)]
    return typed(Path(folder).parent, "check", what, "--tape", "t", *sets, *words)


def closes(snapshot: Snapshot) -> list[Decimal]:
    return [bar.close for one in snapshot.bars for bar in one.bars]


def test_an_honest_strategy_passes_every_cut(env: str) -> None:
    done = check(env, "lookahead")
    assert done.code == 0, done.out + done.err
    assert "cut at 8 moments" in done.out
    assert "no verdict moves" in done.out


def test_a_planner_that_asks_the_market_for_a_later_day_is_caught(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    markets: list[TapeMarket] = []
    real = backtesting.memory_world

    def world(house, market, now, rules=None):  # type: ignore[no-untyped-def]
        markets.append(market)
        return real(house, market, now, rules)

    def peeks(snapshot: Snapshot, params: BarParams) -> Plan:
        ahead = snapshot.at + timedelta(days=2)
        (bars,) = markets[-1].fetch((BarsRequest(symbol=SYMBOL, step="1day", count=1),), ahead).bars
        rises = bars.bars[-1].close > closes(snapshot)[-1]
        return (IN if rises else OUT).plan(snapshot, params)

    monkeypatch.setattr(checking_worlds, "memory_world", world)
    plant(monkeypatch, peeks)
    done = check(env, "lookahead")
    assert done.code == 1
    assert "LOOKS AHEAD: verdicts moved at" in done.out
    assert "knows something that came later" in done.out
    found = looked_ahead(planned_from(env, CHOICE, NOW), 4)
    assert found.moved
    assert all(one.at <= one.cut for one in found.moved)
    assert found.moved[0].at == min(one.at for one in found.moved)


def test_a_market_that_shows_a_bar_before_it_ended_is_caught(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = BarBook.finished

    def early(self: BarBook, at: datetime) -> int:
        return min(real(self, at) + 1, len(self))

    monkeypatch.setattr(BarBook, "finished", early)
    assert looked_ahead(planned_from(env, CHOICE, NOW), 8).moved


def test_a_strategy_that_waits_for_its_bars_is_warm_with_them(env: str) -> None:
    done = check(env, "warmup")
    assert done.code == 0, done.out + done.err
    assert "cross: asks for 10 bars, warm from 10 on" in done.out
    assert "on fewer it wants nothing that it would not want on all of them" in done.out


def test_an_average_that_never_forgets_its_start_and_acts_at_once_is_caught(
    env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(snapshot: Snapshot, params: BarParams) -> Plan:
        prices = closes(snapshot)
        average = prices[0]
        for price in prices[1:]:
            average += (price - average) / 15
        return (IN if prices[-1] > average else OUT).plan(snapshot, params)

    plant(monkeypatch, slow, bars=40)
    (found,) = warmed_up(planned_from(env, CHOICE, NOW))
    assert found.asked == 40
    assert found.settled is not None
    assert 10 < found.settled <= 40
    assert found.early
    assert found.hidden
    done = check(env, "warmup")
    assert done.code == 1
    assert "ACTS EARLY on" in done.out


def test_a_planner_that_remembers_is_caught(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count()

    def remembers(snapshot: Snapshot, params: BarParams) -> Plan:
        return (IN if next(calls) % 3 else OUT).plan(snapshot, params)

    plant(monkeypatch, remembers, bars=5)
    done = check(env, "warmup")
    assert done.code == 1
    assert "REMEMBERS" in done.out


def test_a_span_that_never_fills_the_bars_asked_for_proves_nothing(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, IN.plan, bars=5_000)
    done = check(env, "warmup")
    assert done.code == 1
    assert f"asks for 5000 bars and never got more than {len(DAYS) - 1}" in done.out


def lucky(snapshot: Snapshot, params: BarParams) -> Plan:
    """In or out by the last cent of the close: nothing that could be known."""
    return (IN if int(closes(snapshot)[-1] * 100) % 2 else OUT).plan(snapshot, params)


def test_luck_on_a_rising_market_is_no_better_than_shuffled(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taped(bare, noise(3, drift=0.004))
    plant(monkeypatch, lucky)
    done = check(str(bare / ".env"), "shuffle", "--count", "24")
    assert float(done.out.split()[1].rstrip(";")) > 1, done.out  # a Sharpe ratio that would look like skill
    assert done.code == 1
    assert "NO BETTER THAN LUCK" in done.out


def test_following_trends_that_are_there_is_better_than_shuffled(bare: Path) -> None:
    taped(bare, trends())
    done = check(str(bare / ".env"), "shuffle", "--count", "24", "--block", "1")
    assert done.code == 0, done.out + done.err
    assert "0 of 24 shuffles did as well" in done.out
    assert "p 0.040" in done.out


def test_too_few_shuffles_say_that_they_cannot_tell(bare: Path) -> None:
    taped(bare, trends())
    done = check(str(bare / ".env"), "shuffle", "--count", "5", "--block", "1")
    assert done.code == 1
    assert "5 shuffles cannot show less than p 0.167" in done.out


def test_a_run_that_never_moved_has_nothing_to_explain(env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, OUT.plan)
    done = check(env, "shuffle", "--count", "5")
    assert done.code == 2
    assert "its equity never moved" in done.err


def test_what_a_run_finds_in_its_account_is_its_base_and_no_flow(env: str) -> None:
    planned = planned_from(env, Choice(days=3, settings=("strategies.cross.enabled=false",)), NOW)
    run = backtesting.backtest(planned)
    assert [one.flow for one in run.days] == [0, 0, 0]
    assert statistics_of(run).total_return == pytest.approx(float(run.days[-1].equity / run.equity_start) - 1)


def a_plan(env: str) -> Planned:
    return planned_from(env, CHOICE, NOW)


def test_a_cut_tape_ends_at_the_cut_and_is_as_it_was_before(env: str) -> None:
    planned = a_plan(env)
    cut = planned.span.sessions[50].open_at
    market = cut_world(planned, cut).market
    wanted = (BarsRequest(symbol=SYMBOL, step="1day", count=500), QuotesRequest(symbols=(SYMBOL,)))
    assert market.fetch(wanted, cut) == planned.market.fetch(wanted, cut)
    assert list(market.walk(SYMBOL, cut, cut + timedelta(days=30))) == []
    with pytest.raises(MarketError, match="knows nothing after"):
        market.fetch(wanted, cut + timedelta(seconds=1))
    assert len(planned.market.fetch(wanted, cut + timedelta(days=30)).bars[0].bars) > 50


def test_a_market_that_is_no_tape_is_barred_from_later_moments(env: str) -> None:
    planned = planned_from(env, Choice(days=3), NOW)
    cut = planned.span.sessions[1].open_at
    market = cut_world(planned, cut).market
    assert isinstance(market, CutMarket)
    assert list(market.walk("SPY", cut, cut + timedelta(hours=1))) == []
    with pytest.raises(UsageError, match="only the bars of a tape"):
        shuffled_world(planned, 1, 1)
    found = looked_ahead(planned, 2)
    assert not found.moved
    assert "this market is no tape" in "\n".join(checking.lookahead_lines(planned, found))


def test_options_modelled_on_a_tape_are_those_of_the_tape_as_it_was_cut_or_shuffled(env: str) -> None:
    planned = planned_from(env, CHOICE._replace(market="modelled"), NOW)
    cut = planned.span.sessions[60].open_at
    made = cut_world(planned, cut)
    around = {"moneyness_min": D("0.9"), "moneyness_max": D("1.1")}
    wanted = (ChainRequest(underlying=SYMBOL, right="put", dte_min=20, dte_max=45, **around),)
    known = planned.market.fetch(wanted, cut)
    assert known.chains[0].size > 0
    assert made.market.fetch(wanted, cut) == known
    other = shuffled_world(planned, 1, 7)
    assert tape_of(other) is not tape_of(planned)
    assert other.market.fetch(wanted, cut) != known  # its volatility is that of the shuffled bars
    assert not looked_ahead(planned, 3).moved


def test_a_shuffled_tape_has_the_same_steps_in_another_order(env: str) -> None:
    planned = a_plan(env)
    assert isinstance(planned.market, TapeMarket)
    shuffled = shuffled_world(planned, 4, 7).market
    assert isinstance(shuffled, TapeMarket)
    before, after = planned.market.tape.bars(SYMBOL), shuffled.tape.bars(SYMBOL)
    assert list(after.ends) == list(before.ends)
    assert list(after.close) != list(before.close)
    steps = sorted(float(b) / float(a) for a, b in zip(before.close, before.close[1:], strict=False))
    again = sorted(float(b) / float(a) for a, b in zip(after.close, after.close[1:], strict=False))
    assert again == pytest.approx(steps, abs=2e-4)  # prices are rounded to a cent
    assert float(after.close[-1]) == pytest.approx(float(before.close[-1]), rel=2e-3)
    assert (after.high >= after.close).all()
    assert (after.low <= after.open).all()
    assert sorted(after.volume) == sorted(before.volume)
