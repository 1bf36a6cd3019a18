"""Real processes: ticks in a child of this one that the kernel kills, and commands on a machine whose disk fails."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

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
    """How a command over a disk that may fail ended: exit code (-9: killed), what the disk was asked, what was said."""

    code: int
    asked: tuple[str, ...]
    said: str


class Machine:
    """A machine of its own whose disk may fail: each command runs in a new process of it, from programs warm in memory.

    `root` is the folder on that disk; `nth` of the operations that `kinds` names goes wrong in a `way` (see power.c).
    """

    def __init__(self, shim: Path) -> None:
        path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": path, "LD_PRELOAD": str(shim), "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_STATE_HOME": str(shim.with_name("state")), "COLUMNS": "120",
        }  # fmt: skip
        self._server = subprocess.Popen(
            [sys.executable, "-m", "bot.tests.faults.alone"], env=environment, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def start(
        self,
        root: Path,
        words: tuple[str, ...],
        at: datetime,
        *,
        folder: Path | None = None,
        nth: int = 0,
        way: str = "before",
        kinds: str = "syncs",
        spare: str = "",
        variables: dict[str, str] | None = None,
    ) -> int:
        """Start `bot` and words at a moment in a folder (the root, unless given); gives the id of its process."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        disk, count, said = (root.with_name(f"{root.name}-{what}") for what in ("disk", "count", "said"))
        shutil.rmtree(disk, ignore_errors=True)
        shutil.copytree(root, disk)
        count.write_text("")
        self._root = root
        job = {
            "folder": str(folder or root), "words": words, "at": at.isoformat(), "said": str(said),
            "variables": variables or {}, "fault": {
                "FAULT_HOME": str(root.resolve()), "FAULT_DISK": str(disk.resolve()), "FAULT_NTH": str(nth),
                "FAULT_WAY": way, "FAULT_KINDS": kinds, "FAULT_NOT": spare, "FAULT_COUNT": str(count),
            },
        }  # fmt: skip
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def wait(self) -> Ended:
        """Wait for the command that was started last."""
        assert self._server.stdout is not None
        code = int(self._server.stdout.readline())
        count, said = (self._root.with_name(f"{self._root.name}-{what}") for what in ("count", "said"))
        asked = count.read_text().splitlines()
        return Ended(code, tuple(asked), said.read_text(errors="replace") if said.exists() else "")

    def run(self, root: Path, words: tuple[str, ...], at: datetime, **how: Any) -> Ended:
        """Run a command to its end, whatever that is."""
        self.start(root, words, at, **how)
        return self.wait()

    def lose_power(self, dice: random.Random | None = None) -> None:
        """Leave of the root what the disk had when the command was killed.

        With dice each block that was never waited for is there or is not, as they fall: a disk writes in its own order.
        """
        disk = self._root.with_name(f"{self._root.name}-disk")
        if dice is not None:
            for path in sorted(disk.rglob("*")):
                written = self._root / path.relative_to(disk)
                if path.is_file() and written.is_file():
                    path.write_bytes(mixed(path.read_bytes(), written.read_bytes(), dice))
        shutil.rmtree(self._root)
        shutil.move(disk, self._root)

    def close(self) -> None:
        """Turn the machine off."""
        self._server.communicate()


def mixed(synced: bytes, written: bytes, dice: random.Random, block: int = 4096) -> bytes:
    """Give what a disk may hold of a file: each block as it was synced, or as it was written since."""
    if synced == written:
        return synced
    found = bytearray()
    for start in range(0, max(len(synced), len(written)), block):
        old, new = synced[start : start + block], written[start : start + block]
        found += dice.choice((old, new)).ljust(min(block, max(len(old), len(new))), b"\0")
    return bytes(found)
