"""Several calls at the same time, in threads that never keep the process alive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make calls at the same time and give their answers in the order of the calls.

    When all have ended, the first failure in the order of the calls is raised. The threads are daemons: a process
    that is told to end does not wait for them. Each call bounds its own time.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    answers: dict[int, T] = {}
    failures: dict[int, BaseException] = {}

    def make(place: int) -> None:
        try:
            answers[place] = calls[place]()
        except BaseException as failure:  # noqa: BLE001 - carried to the caller, who raises it
            failures[place] = failure

    threads = [threading.Thread(target=make, args=(place,), daemon=True) for place in range(1, len(calls))]
    for thread in threads:
        thread.start()
    make(0)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[min(failures)]
    return [answers[place] for place in range(len(calls))]
