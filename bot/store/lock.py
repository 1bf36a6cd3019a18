"""One tick a home at a time: an exclusive lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import sleep

from bot.domain.errors import StoreError, TryLater

LOCK_NAME = ".lock"


@contextmanager
def home_lock(home: Path, command: str, at: datetime) -> Iterator[None]:
    """Hold a home's lock for a block of work; `command` and `at` tell others who holds it.

    Raises TryLater when somebody else holds it, StoreError when the home cannot be written.
    """
    path = home / LOCK_NAME
    name = f"process {os.getpid()}, {command}, since {at:%Y-%m-%d %H:%M:%S} UTC\n".encode()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"cannot write {path} ({error.strerror}): make {home} writable, or name another BOT_HOME"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(handle) or "somebody who left no name"
            raise TryLater(f"{home} is in use by {holder}; nothing was done, try again when it has ended") from error
        os.pwrite(handle, name, 0)
        os.ftruncate(handle, len(name))
        yield
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    """Read who holds the lock; one who took it this very moment gets 20 ms to write its name down."""
    for _ in range(20):
        name = os.pread(handle, 500, 0).decode(errors="replace").partition("\n")[0]
        if name:
            return name
        sleep(0.001)
    return ""
