"""Commands as a person types them, in this process: words in, exit code and both outputs out."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from bot import wiring
from bot.__main__ import main
from bot.commands import (
    adopting,
    alerts_told,
    approving,
    backtest_running,
    checking,
    drilling,
    going_live,
    history,
    keeping,
    listening,
    logs,
    looking,
    ordering,
    owner,
    panicking,
    reporting,
    scanning,
    sending,
    setup,
    simulating,
    sweeping,
    ticking,
    upgrading,
    walking_forward,
    watching,
    weekly,
)  # fmt: skip
from bot.ops import doctor

AT = "2026-11-18T17:00:00+00:00"
"""A Wednesday, noon in New York."""
SATURDAY = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
CLOCKED: tuple[ModuleType, ...] = (
    wiring, adopting, alerts_told, approving, backtest_running, drilling, going_live, history, keeping, listening, logs,
    looking, ordering, owner, panicking, reporting, scanning, sending, setup, simulating, sweeping, ticking, upgrading,
    watching, weekly, doctor, checking, walking_forward,
)  # fmt: skip


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Let every command believe it is this moment."""
    before = [module.wall_clock for module in CLOCKED]
    for module in CLOCKED:
        module.wall_clock = lambda: moment  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, clock in zip(CLOCKED, before, strict=True):
            module.wall_clock = clock  # type: ignore[attr-defined]


def typed(folder: Path, *words: str, now: datetime = SATURDAY, **variables: str) -> Done:
    """Type `bot` and words in a folder, with variables of the process environment beside."""
    out, err = io.StringIO(), io.StringIO()
    before, argv, environ = Path.cwd(), sys.argv, dict(os.environ)
    code = 0
    os.chdir(folder)
    os.environ.update(variables)
    sys.argv = ["bot", *words]
    try:
        with redirect_stdout(out), redirect_stderr(err), clock_at(now):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(before)
    return Done(code, out.getvalue(), err.getvalue())


def new_home(folder: Path, *words: str) -> Path:
    """Make a desk of two cheap names in a folder, and give its home."""
    folder.mkdir(parents=True, exist_ok=True)
    done = typed(folder, "init", "--symbols", "XLF,EWZ", *words)
    assert done.code == 0, done.err
    return folder / "data"
