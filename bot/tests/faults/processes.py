"""Real processes: ticks in a child of this one that the kernel kills, and in a new one whose disk loses power."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.domain.errors import BotError

SOURCE = Path(__file__).with_name("power.c")
ROOT = Path(__file__).resolve().parents[3]


def child(work: Callable[[], None]) -> int:
    """Start a process of its own that does some work and ends with its exit code; give its id."""
    number = os.fork()
    if number:
        return number
    code = 99
    try:
        work()
        code = 0
    except BotError as error:
        code = error.exit_code
    finally:
        os._exit(code)


def killed(number: int) -> bool:
    """Kill a child with SIGKILL and say whether that is what ended it."""
    os.kill(number, signal.SIGKILL)
    _, status = os.waitpid(number, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def exit_of(number: int) -> int:
    """Wait for a child and give its exit code (negative: the signal that ended it)."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def build_shim(folder: Path) -> Path:
    """Compile the disk that can lose power, or skip where there is no C compiler or no Linux loader."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("power loss needs Linux and a C compiler (cc): none is here")
    made = folder / "power.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", made, SOURCE, "-ldl", "-lpthread"], check=True)
    return made


class Ended(NamedTuple):
    """How a process over a disk that may lose power ended: its exit code, and how many syncs and renames it made."""

    code: int
    syncs: int
    said: str


def powered(shim: Path, home: Path, words: tuple[str, ...], *, nth: int = 0, after: bool = False) -> Ended:
    """Run `bot` over a home; at its nth sync or rename the power fails, and what was not synced is gone."""
    disk, count = home.with_name(f"{home.name}-disk"), home.with_name(f"{home.name}-count")
    shutil.rmtree(disk, ignore_errors=True)
    shutil.copytree(home, disk)
    count.write_text("0")
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "BOT_HOME": str(home), "BOT_MODE": "live",
        "LD_PRELOAD": str(shim), "FAULT_HOME": str(home.resolve()), "FAULT_DISK": str(disk.resolve()),
        "FAULT_NTH": str(nth), "FAULT_AFTER": "1" if after else "0", "FAULT_COUNT": str(count),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words], env=environment, cwd=home.parent, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    if done.returncode == -signal.SIGKILL:
        shutil.rmtree(home)
        shutil.move(disk, home)
    return Ended(done.returncode, int(count.read_text()), done.stdout + done.stderr)
