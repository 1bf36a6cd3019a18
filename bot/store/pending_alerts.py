"""Alerts that could not be written to a ledger: one line each in a file beside it, until somebody takes them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import msgspec

from bot.domain.alerts import Alert
from bot.domain.errors import StoreError

PENDING_NAME = "alerts.pending.jsonl"
BYTES_MAX = 1_000_000
"""No more is kept: a unit that fails every minute for a year must not fill the disk."""
TAKER_SECONDS, LEAVER_SECONDS = 2.0, 20.0
"""How long the file is waited for: who takes it may be a tick, which waits for no talker that stopped with it."""


def leave_alert(home: Path, alert: Alert) -> Path:
    """Append an alert to the file, whole or not at all and on the disk; raises StoreError where it cannot be."""
    path = home / PENDING_NAME
    line = msgspec.json.encode(alert) + b"\n"
    try:
        with _held(path, os.O_CREAT, LEAVER_SECONDS) as handle:
            assert handle is not None, "a file that may be made is there"
            size = os.fstat(handle).st_size
            if size + len(line) > BYTES_MAX:
                raise StoreError(f"{path} holds {size:,} bytes that nobody took: run `bot alerts send` or `bot tick`")
            try:
                os.lseek(handle, 0, os.SEEK_END)
                if os.write(handle, line) != len(line):
                    raise OSError(28, "no room for the whole line")
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror}): free some disk space, or mend its owner") from error
    return path


@contextmanager
def taken_alerts(home: Path) -> Iterator[tuple[tuple[Alert, ...], int]]:
    """Give what lies in the file, and how many lines are no alerts; the file goes when the block ends well.

    Whoever adds a line meanwhile waits, and writes into a new file. Lines that cannot be read go into
    `alerts.pending.bad` beside it. Raises StoreError where somebody keeps the file longer than TAKER_SECONDS.
    """
    path = home / PENDING_NAME
    if not path.exists():
        yield (), 0
        return
    try:
        with _held(path, 0, TAKER_SECONDS) as handle:
            lines = [] if handle is None else os.pread(handle, os.fstat(handle).st_size, 0).splitlines()
            alerts, bad = _read(lines)
            yield alerts, len(bad)
            if bad:
                _set_aside(path.with_suffix(".bad"), bad)
            if handle is not None:
                path.unlink()
    except OSError as error:
        raise StoreError(f"cannot take {path} ({error.strerror}): mend its owner or mode") from error


def _read(lines: list[bytes]) -> tuple[tuple[Alert, ...], list[bytes]]:
    alerts, bad = [], []
    for line in lines:
        try:
            alerts.append(msgspec.json.decode(line, type=Alert))
        except msgspec.MsgspecError:
            bad.append(line)
    return tuple(alerts), bad


def _set_aside(path: Path, lines: list[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(handle, b"\n".join(lines) + b"\n")
    finally:
        os.close(handle)


@contextmanager
def _held(path: Path, flags: int, seconds: float) -> Iterator[int | None]:
    """Hold the file that the name stands for; one taken meanwhile is made anew, or is None without O_CREAT."""
    until = monotonic() + seconds
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)
        except FileNotFoundError:
            if flags:
                raise
            yield None
            return
        try:
            _lock(handle, path, until)
            if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
                yield handle
                return
        finally:
            os.close(handle)


def _lock(handle: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() >= until:
                raise StoreError(f"{path} is kept by another program, which may have stopped: `fuser {path}`") from None
            sleep(0.01)
