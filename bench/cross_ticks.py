"""A moving-average cross on one-minute bars through the live tick: every gate on, verdicts kept in memory.

Rivals run over all 500,000 bars of `array_path`, in environments of their own; the tick runs over the first 50,000,
for its work a bar does not grow with the run (`ten_years` counts it). The rate is bars a second of the run itself,
start-up and reading left out for everybody, as each program's own clock tells it. Limits on pace are off, so that the
tick trades what the rivals trade; their gates are asked all the same.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bench.array_path import BARS
from bench.harness import ROOT, against, finish, line, python, run_process, title
from bench.peers.environments import python_of

TICKS = 50_000
ROUNDS = 2
TARGET = 10.0
UNPACED = dict.fromkeys((
    "orders_per_day", "exit_orders_per_day", "turnover_per_window", "turnover_per_day", "losing_streak",
    "daily_loss_share", "drawdown_no_new_risk", "drawdown_reduce_only",
))  # fmt: skip
RIVALS = ("backtrader", "nautilus", "backtesting")


def main() -> None:
    """Measure and print, or be the measured process."""
    if sys.argv[1:2] == ["run"]:
        _run(Path(sys.argv[2]))
        return
    rates: dict[str, float] = {}
    with TemporaryDirectory(prefix="bench-cross-") as folder:
        bars = Path(folder) / "bars.npy"
        run_process(python("-m", "bench.array_path", "make", str(bars)))
        cases = {name: [str(python_of(name)), str(ROOT / "bench" / "peers" / f"{name}_cross.py")] for name in RIVALS}
        cases["our tick"] = python("-m", "bench.cross_ticks", "run")
        told = {}
        for _ in range(ROUNDS):
            for name, argv in cases.items():
                run = run_process([*argv, str(bars)])
                told[name] = json.loads(run.output.splitlines()[-1])
                count = told[name].get("bars", BARS)
                rates[name] = max(rates.get(name, 0.0), count / told[name]["seconds"])
    title(f"moving-average cross on one-minute bars, one at a time: {BARS:,} by rivals, {TICKS:,} through the tick")
    for name, rate in rates.items():
        line(f"{name}: {told[name]['orders']:,} orders", f"{rate:,.0f} bars/s")
    ours = told["our tick"]
    line("  gates asked, verdicts kept", f"{ours['checks']:,} / {ours['verdicts']:,}")
    for name in RIVALS[1:]:
        line(f"times as fast as {name}", f"{rates['our tick'] / rates[name]:.3f}x")
    finish([against("times as fast as backtrader", rates["our tick"] / rates["backtrader"], "x", at_least=TARGET)])


def _run(path: Path) -> None:
    """Make a tape of the bars, tick at the end of each, and print what came of it."""
    import numpy as np

    from bot.domain.fills import FillRules
    from bot.domain.sessions import always_open
    from bot.tapes.facts import TapeFacts
    from bot.tapes.keeping import drafting, keep
    from bot.tapes.tape import BarColumns, open_tape

    rows = np.load(path)[:TICKS]
    seconds = rows[:, 0].astype(np.int64)
    opened, high, low, close = (np.rint(rows[:, column] * 100).astype(np.int64) for column in range(1, 5))
    columns = BarColumns(seconds, seconds + 60, opened, high, low, close, rows[:, 5].copy(), 2)
    with TemporaryDirectory(prefix="bench-tape-") as folder, always_open():
        with drafting(Path(folder), "t", replace=True) as draft:
            draft.add_bars("SYN", columns, volume=True)
            made = datetime(2026, 11, 20, tzinfo=UTC)
            facts = TapeFacts(name="t", kinds=("bars",), step_seconds=60, imported_at=made, always_open=True)
            keep(draft, Path(folder), facts)
        rules = FillRules(spread_fraction=Decimal(0), volume_share=None, fee_fraction=Decimal("0.001"))
        print(json.dumps(_ticked(open_tape(Path(folder), "t"), rules, seconds.tolist())))


def _ticked(tape: object, rules: object, starts: list[int]) -> dict[str, object]:
    from bot.domain.fills import FillRules
    from bot.domain.orders import Verdict
    from bot.tapes.tape import Tape
    from bot.tests.planners.bar_scene import bars_text, desk_with, run_tape

    assert isinstance(tape, Tape)
    assert isinstance(rules, FillRules)
    numbers: dict[str, Any] = {
        "step": "1min", "enter_on": "level", "units": 1, "position_share": None, "order": "market",
        "stop_percent": None, "fast": 10, "slow": 50,
    }  # fmt: skip
    desk = desk_with(
        bars_text("ma_cross", ["SYN"], **numbers), symbols=("SYN",), equity=Decimal(1_000_000), limits=UNPACED
    )
    verdicts: list[Verdict] = []
    orders = 0
    minute = timedelta(seconds=60)
    moments = [datetime.fromtimestamp(start, UTC) + minute for start in starts]
    begun = perf_counter()
    for result in run_tape(tape, desk, rules, moments):
        verdicts.extend(result.verdicts)
        orders += len(result.orders)
    seconds = perf_counter() - begun
    return {
        "seconds": seconds, "bars": len(starts), "orders": orders, "verdicts": len(verdicts),
        "checks": sum(len(verdict.checks) for verdict in verdicts),
    }  # fmt: skip


if __name__ == "__main__":
    main()
