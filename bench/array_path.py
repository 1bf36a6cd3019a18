"""A moving-average cross over 500,000 one-minute bars: whole columns here, three rivals beside it, each process cold.

Every program does the same: averages of 10 and 50 closes, long one unit while the fast one is above, filled at the next
open, 0.1 % fee. Rivals run in environments of their own (bench/peers). They take turns with ours; each figure is the
best of its runs, start-up and reading the file included.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import ROOT, Run, against, finish, line, python, run_process, title
from bench.peers.environments import python_of

BARS = 500_000
SEED = 42
ROUNDS = 3
TARGETS = {"backtesting": 6.0, "nautilus": 30.0, "backtrader": 60.0}
"""How many times as long each rival may take at least."""


def make_bars(path: Path) -> None:
    """Write a random walk in cents as an array of six columns: seconds, open, high, low, close, volume."""
    import numpy as np

    chance = np.random.default_rng(SEED)
    closes = np.round(100 * np.exp(np.cumsum(chance.normal(0, 0.0005, BARS))), 2)
    opens = np.concatenate([[100.0], closes[:-1]])
    highs = np.round(np.maximum(opens, closes) + 0.01, 2)
    lows = np.round(np.minimum(opens, closes) - 0.01, 2)
    seconds = 1_577_836_800.0 + 60 * np.arange(BARS)
    np.save(path, np.column_stack([seconds, opens, highs, lows, closes, np.full(BARS, 1000.0)]))


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory(prefix="bench-arrays-") as folder:
        bars = Path(folder) / "bars.npy"
        run_process(python("-m", "bench.array_path", "make", str(bars)))
        cases = {"ours": python("-m", "bot.research.arrays", str(bars))}
        for name in TARGETS:
            cases[name] = [str(python_of(name)), str(ROOT / "bench" / "peers" / f"{name}_cross.py"), str(bars)]
        runs: dict[str, list[Run]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, argv in cases.items():
                # Ours takes a fraction of a second: more turns of it cost nothing and steady its figure.
                runs[name] += [run_process(argv) for _ in range(3 if name == "ours" else 1)]
    title(f"moving-average cross, {BARS:,} one-minute bars, whole process, cold")
    best = {name: min(run.wall for run in found) for name, found in runs.items()}
    for name, found in runs.items():
        told = json.loads(found[-1].output.splitlines()[-1])
        line(f"{name}: {told['orders']:,} orders, equity {told['equity']:,.2f}", f"{best[name]:.3f} s")
        line("  peak memory", f"{max(run.peak_mib for run in found):.0f} MiB")
    finish([
        against(f"times as fast as {name}", best[name] / best["ours"], "x", at_least=target)
        for name, target in TARGETS.items()
    ])  # fmt: skip


if __name__ == "__main__":
    import sys

    if sys.argv[1:2] == ["make"]:
        make_bars(Path(sys.argv[2]))
    else:
        main()
