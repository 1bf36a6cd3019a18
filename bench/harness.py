"""Measure whole processes and calls fairly: interleaved, warmed, medians.

The rivals of a comparison take turns, so that a busy moment of the machine hits all of them alike. Keep
this module light: a child starts as a copy of its parent, and the kernel counts the parent's peak memory
as the child's floor. Linux only, like the product.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
Case = Sequence[str]


class Run(NamedTuple):
    """One process from outside: wall and processor seconds, peak memory in MiB, what it printed."""

    wall: float
    cpu: float
    peak_mib: float
    output: str


def run_process(argv: Case, *, environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> Run:
    """Run one process to its end; a failure ends the benchmark with what the process said."""
    with Path(os.devnull).open("rb") as nothing, _Spool() as printed, _Spool() as complained:
        begun = time.perf_counter()
        child = subprocess.Popen(
            list(argv), stdin=nothing, stdout=printed.handle, stderr=complained.handle, cwd=folder,
            env={**_neutral(), **(environment or {})},
        )  # fmt: skip
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(argv)}\nended with {child.returncode}:\n{complained.text()}{printed.text()}")
        return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, printed.text())


def interleave_processes(
    cases: Mapping[str, Case], rounds: int = 9, *, environment: Mapping[str, str] | None = None
) -> dict[str, Run]:
    """Run each process once unmeasured, then `rounds` times in turn; give the median of each figure."""
    found: dict[str, list[Run]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, argv in cases.items():
            run = run_process(argv, environment=environment)
            if turn:
                found[name].append(run)
    return {
        name: Run(
            median([run.wall for run in runs]), median([run.cpu for run in runs]),
            median([run.peak_mib for run in runs]), runs[-1].output,
        )
        for name, runs in found.items()
    }  # fmt: skip


def interleave_calls(cases: Mapping[str, Callable[[], object]], rounds: int = 9) -> dict[str, float]:
    """Call each function once unmeasured, then `rounds` times in turn; give the median seconds of each."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, call in cases.items():
            gc.collect()
            begun = time.perf_counter()
            call()
            if turn:
                found[name].append(time.perf_counter() - begun)
    return {name: median(times) for name, times in found.items()}


def median(values: Sequence[float]) -> float:
    """Give the middle value, or the mean of the middle two (the standard one loads half a library)."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def title(text: str) -> None:
    """Print what the following figures are about."""
    print(f"\n{text}")


def line(what: str, figure: str) -> None:
    """Print a figure that has no target."""
    print(f"  {what:<58} {figure:>14}")


def against(
    what: str, figure: float, unit: str, *, at_most: float | None = None, at_least: float | None = None
) -> bool:
    """Print a figure beside its target and whether it is reached."""
    assert (at_most is None) != (at_least is None), "a target is either a ceiling or a floor"
    if at_most is not None:
        reached, target = figure <= at_most, f"at most {at_most:g}{unit}"
    else:
        assert at_least is not None
        reached, target = figure >= at_least, f"at least {at_least:g}{unit}"
    print(f"  {what:<58} {f'{figure:,.2f}{unit}':>14}   {target:<18} {'PASS' if reached else 'MISSED'}")
    return reached


def python(*words: str) -> list[str]:
    """Give the command line of this interpreter with some words."""
    return [sys.executable, *words]


def bot(*words: str) -> list[str]:
    """Give the command line of our own command."""
    return python("-m", "bot", *words)


def finish(reached: Sequence[bool]) -> None:
    """End a benchmark: exit 1 when a target was missed."""
    raise SystemExit(0 if all(reached) else 1)


def _neutral() -> dict[str, str]:
    """Keep the caller's environment without our own variables, and let bytecode be kept as on any machine."""
    ours = ("BOT_", "ALPACA_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


class _Spool:
    """A file without a name that a child writes to, so that no pipe has to be emptied while it is timed."""

    def __enter__(self) -> _Spool:
        self.handle = os.fdopen(os.memfd_create("printed"), "w+b")
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.close()

    def text(self) -> str:
        """Read back what was written."""
        self.handle.seek(0)
        return self.handle.read().decode(errors="replace")
