"""Two strategies on bars on one share, in whole ticks over a tape: whose fees are whose, and no exit is refused."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from bot.domain.fills import FillRules
from bot.domain.market import Bar, BarsRequest
from bot.domain.money import cents_up
from bot.domain.sessions import sessions_between
from bot.tests.planners.bar_scene import bars_text, desk_with, run_tape
from bot.tests.tapes.taped import a_bar, a_tape

D = Decimal
QUARTER = timedelta(minutes=15)
FEE = D("0.0035")
LIMITS: dict[str, Any] = {
    "order_loss_share": D(1), "symbol_share": D(1), "symbol_share_first": D(1), "turnover_per_day": None,
    "turnover_per_window": None, "orders_per_day": None, "exit_orders_per_day": None, "stress_loss_share": None,
}  # fmt: skip


def wandering(seed: int) -> list[Bar]:
    rng, price, found = Random(seed), 50.0, []
    for session in sessions_between(date(2026, 3, 2), date(2026, 3, 20)):
        at = session.open_at
        while at < session.close_at:
            opened, price = price, price * (1 + rng.gauss(0, 0.004))
            high, low = max(opened, price) * 1.001, min(opened, price) * 0.999
            found.append(a_bar(at, *(f"{one:.2f}" for one in (opened, high, low, price)), volume=100_000))
            at += QUARTER
    return found


def test_each_strategy_pays_the_fees_of_its_own_orders_and_its_exits_are_taken(tmp_path: Path) -> None:
    bars = wandering(1)
    quick: dict[str, Any] = {"step": "15min", "stop_percent": D(1)}
    desk = desk_with(
        bars_text("ma_cross", ["XLF"], fast=3, slow=8, order="market", **quick),
        bars_text("mean_reversion", ["XLF"], "back", window=10, entry_deviations=D("1.2"), **quick),
        symbols=("XLF",), equity=D(100_000), limits=LIMITS,
    )  # fmt: skip
    rules = FillRules(fee_per_share=FEE)
    fees: Counter[str] = Counter()
    for result in run_tape(a_tape(tmp_path, {"XLF": bars}), desk, rules, [bar.at + QUARTER for bar in bars[:-1]]):
        assert not [one for one in result.errors if "wash" in one]
        assert result.snapshot.books.drift == ()
        for fill in result.settlement.fills:
            fees[fill.strategy] += cents_up(fill.qty * FEE)  # type: ignore[assignment]
    told = {one.strategy: -one.fees for one in result.snapshot.books.strategies if one.fees}
    assert told == dict(fees)
    assert set(told) == {"cross", "back"}


def test_of_two_that_want_bars_of_one_share_each_gets_as_many_as_it_needs(tmp_path: Path) -> None:
    bars = wandering(2)[:60]
    longer = bars_text("ma_cross", ["XLF"], "long", step="15min", fast=3, slow=20, stop_percent=None)
    short = bars_text("ma_cross", ["XLF"], "short", step="15min", fast=3, slow=8, stop_percent=None)
    for number, tables in enumerate(((longer, short), (short, longer))):
        desk = desk_with(*tables, symbols=("XLF",), equity=D(100_000), limits=LIMITS)
        tape = a_tape(tmp_path, {"XLF": bars}, name=f"t{number}")
        (*_, last) = run_tape(tape, desk, FillRules(), [bar.at + QUARTER for bar in bars[:-1]])
        asked = [one for one in last.snapshot.requests if isinstance(one, BarsRequest)]
        assert [(one.symbol, one.count) for one in asked] == [("XLF", 21)]
        assert [len(one.bars) for one in last.snapshot.bars] == [21]
