"""One at a time: exclusive locks on files, which the kernel drops when their holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import sleep

from bot.domain.errors import StoreError, TryLater

LOCK_NAME = ".lock"
HOME_ADVICE = "make {0} writable, or name another BOT_HOME"


@contextmanager
def home_lock(home: Path, command: str, at: datetime) -> Iterator[None]:
    """Hold a home's lock for a block of work; `command` and `at` tell others who holds it.

    Raises TryLater when somebody else holds it, StoreError when the home cannot be written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(home / LOCK_NAME, error, HOME_ADVICE.format(home)) from error
    who = f"{command}, since {at:%Y-%m-%d %H:%M:%S} UTC"
    with held(home / LOCK_NAME, str(home), who, HOME_ADVICE.format(home)), _folder_held(home):
        yield


@contextmanager
def _folder_held(home: Path) -> Iterator[None]:
    """Hold the folder itself too: a lock file that somebody removes must not let a second holder in."""
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TryLater(
                f"{home} is in use by somebody whose {LOCK_NAME} was removed; nothing was done, try again when it has "
                "ended"
            ) from error
        except OSError:
            pass  # a file system that locks no folders: the file alone must do
        yield
    finally:
        os.close(handle)


@contextmanager
def held(path: Path, what: str, who: str, advice: str) -> Iterator[int]:
    """Hold a file's lock for a block of work; `who` is what others are told, `advice` what mends an unwritable file.

    Raises TryLater naming `what` and its holder, StoreError when the file cannot be written.
    """
    name = f"process {os.getpid()}, {who}\n".encode()
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(path, error, advice) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(handle) or "somebody who left no name"
            raise TryLater(f"{what} is in use by {holder}; nothing was done, try again when it has ended") from error
        except OSError as error:
            raise _unwritable(path, error, advice) from error
        if not is_at(handle, path):
            raise TryLater(f"{path} was taken away this very moment; nothing was done, try again")
        with suppress(OSError):  # a full disk: the lock is held all the same, only without a name
            os.pwrite(handle, name, 0)
            os.ftruncate(handle, len(name))
        yield handle
    finally:
        os.close(handle)


def is_at(handle: int, path: Path) -> bool:
    """Say whether an open file is still the one that stands under its name."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def _unwritable(path: Path, error: OSError, advice: str) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "free some disk space"
    return StoreError(f"cannot write {path} ({error.strerror}): {advice}")


def _holder(handle: int) -> str:
    """Read who holds the lock; one who took it this very moment gets 20 ms to write its name down."""
    for _ in range(20):
        name = os.pread(handle, 4500, 0).decode(errors="replace").partition("\n")[0]
        if name:
            return name
        sleep(0.001)
    return ""
