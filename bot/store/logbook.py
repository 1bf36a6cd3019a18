"""The log: one JSON line for everything worth reading later, in one file a day of UTC beside the ledger.

The ledger is the record; the log is for eyes and other programs. It never stands in a tick's way: where the disk
refuses, the line is lost, and the tick's note says so once. Secrets cannot get in: whoever opens a log hands in what
masks them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from bot.domain.accounts import account_name
from bot.store import kinds

FOLDER = "logs"
LINE_BYTES = 8192
"""Bytes of a line at most, its line feed included."""
TEXT_LETTERS = 2000
"""Letters of one text in a line at most."""
FOLLOWED = 200
"""Events of the chain told in one go at most: a program that writes more is no tick and no person."""
_ENCODE = msgspec.json.Encoder().encode


class Logbook:
    """Appends lines to the day's file: one write a line, so that two programs never mix theirs."""

    def __init__(
        self, home: Path, clock: Callable[[], datetime], mask: Callable[[str], str], *, by: str,
        keep_days: int | None = None,
    ) -> None:  # fmt: skip
        self.folder = home / FOLDER
        self.keep_days = keep_days
        self.lost = ""
        """Why a line was lost, empty while none was."""
        self._clock, self._mask, self._by = clock, mask, _masked(by, mask)
        self._lock = threading.Lock()
        self._day, self._handle = "", -1

    def say(self, kind: str, **facts: Any) -> None:
        """Write one line; facts that are empty or unknown are left out. Never raises for what the disk refuses."""
        at = self._clock().astimezone(UTC)
        told = {key: _masked(value, self._mask) for key, value in facts.items() if _told(value)}
        line = _line(at, kind, self._by, told)
        with self._lock:
            try:
                self._append(f"{at:%Y-%m-%d}", line)
            except OSError as error:
                self.lost = self.lost or (error.strerror or str(error))
                self._close()

    def today(self) -> date:
        """Give the day of UTC whose file is written to."""
        return self._clock().astimezone(UTC).date()

    def error(self, error: BaseException) -> None:
        """Write down what went wrong, with its class."""
        self.say("error", error=type(error).__name__, message=str(error))

    def follow(self, connection: sqlite3.Connection, after: int) -> int:
        """Tell what the hash chain gained since an event, ticks aside: they have lines of their own; gives its end."""
        try:
            rows = connection.execute(
                "SELECT id, ts, kind, payload_json FROM events WHERE id > ? ORDER BY id LIMIT ?", (after, FOLLOWED)
            ).fetchall()
        except sqlite3.Error as error:
            self.lost = self.lost or str(error)
            return after
        for number, ts, kind, payload_json in rows:
            after = number
            if kind == kinds.TICK:
                continue
            try:
                what = msgspec.json.decode(payload_json)
            except msgspec.DecodeError:
                what = payload_json
            if kind == kinds.STAMP:
                what["account"] = account_name(what["account"], simulated=what["environment"] == "simulated")
            self.say(kind, event=number, moment=ts, what=what)
        return after

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    def _append(self, day: str, line: bytes) -> None:
        if day != self._day or self._handle < 0:
            self._close()
            self._open(day)
        written = os.write(self._handle, line)
        if written != len(line):
            raise OSError(28, "No space left on device")  # half a line: the next one begins on a line of its own

    def _open(self, day: str) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._handle = os.open(self.folder / f"{day}.jsonl", flags, 0o600)
        self._day = day
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":  # somebody died, or the disk was full, within a line
            os.write(self._handle, b"\n")

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._day, self._handle = "", -1


def _told(value: Any) -> bool:
    return value is not None and value != "" and value != () and value != [] and value != {}


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """Mask every text of a value, keys too, and cut it only then: half a secret would not be known again."""
    if isinstance(value, str):
        text = mask(value).encode("utf-8", "backslashreplace").decode()  # a file's broken name is no valid text
        return text if len(text) <= TEXT_LETTERS else f"{text[:TEXT_LETTERS]}... ({len(text)} letters)"
    if isinstance(value, dict):
        return {mask(str(key)): _masked(one, mask) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, mask) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return _masked(str(value), mask)


def _line(at: datetime, kind: str, by: str, facts: dict[str, Any]) -> bytes:
    """Give the bytes of a line; of one too long the longest facts are left out, and it says so."""
    head = {"ts": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z", "kind": kind, "by": by}
    line = _ENCODE({**head, **facts}) + b"\n"
    by_length = sorted(facts, key=lambda key: len(_ENCODE(facts[key])))
    while len(line) > LINE_BYTES and by_length:
        longest = by_length.pop()
        facts[longest] = f"left out: {len(_ENCODE(facts[longest]))} bytes"
        line = _ENCODE({**head, **facts}) + b"\n"
    return line if len(line) <= LINE_BYTES else _ENCODE(head) + b"\n"
