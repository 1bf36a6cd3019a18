"""Run every benchmark in a process of its own and say which targets are reached: `make bench`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

from bench.harness import ROOT

BENCHMARKS = (
    "startup", "dry_tick", "chain_pricing", "snapshot_size", "pre_send", "simulated_year", "audit", "board",
    "report_day", "array_path", "cross_ticks", "ten_years",
)  # fmt: skip


def main() -> None:
    """Run those named on the command line, or all; exit 1 when any target is missed."""
    wanted = tuple(sys.argv[1:]) or BENCHMARKS
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        raise SystemExit(f"expected some of {', '.join(BENCHMARKS)}, got {', '.join(unknown)}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}")
    missed = []
    for name in wanted:
        sys.stdout.flush()
        done = subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=ROOT, check=False)
        if done.returncode:
            missed.append(name)
    print(f"\nmissed or failed: {', '.join(missed)}" if missed else "\nevery target is reached")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
