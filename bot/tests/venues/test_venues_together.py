"""Calls made at the same time: the same answers in the same order, and no thread outlives the process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.venues.together import at_once


def test_answers_come_in_the_order_of_the_calls() -> None:
    def after(seconds: float, value: int) -> Callable[[], int]:
        def call() -> int:
            time.sleep(seconds)
            return value

        return call

    assert at_once([after(0.03, 1), after(0.0, 2), after(0.015, 3)]) == [1, 2, 3]
    assert at_once([]) == []
    assert at_once([lambda: None]) == [None]


def test_calls_are_made_at_the_same_time() -> None:
    """Each waits for all the others: one after the other would never end."""
    meeting = threading.Barrier(5)
    assert sorted(at_once([lambda: meeting.wait(5)] * 5)) == [0, 1, 2, 3, 4]


def test_the_first_failure_in_the_order_of_the_calls_is_raised_when_all_have_ended() -> None:
    ended: list[int] = []

    def call(number: int) -> Callable[[], None]:
        def make() -> None:
            time.sleep(0.05 if number == 1 else 0.0)
            ended.append(number)
            if number:
                raise ValueError(f"call {number}")

        return make

    with pytest.raises(ValueError, match="call 1"):
        at_once([call(0), call(1), call(2)])
    assert sorted(ended) == [0, 1, 2]


def test_the_process_does_not_wait_for_a_call_that_hangs(root: Path) -> None:
    code = (
        "import os, threading, time\n"
        "from bot.venues.together import at_once\n"
        "calls = [lambda: time.sleep(30)] * 3\n"
        "threading.Thread(target=at_once, args=(calls,), daemon=True).start()\n"
        "time.sleep(0.1)\n"
        "print(threading.active_count())\n"
    )
    before = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "4", "")
    assert time.monotonic() - before < 8
