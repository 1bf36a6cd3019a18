"""Answers that hold for a day, kept as files: calendar, corporate actions, levels."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

SCHEMA = 1
KEPT_SECONDS = 31 * 86_400
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class DayCache:
    """A folder with one JSON file per name: the newest day's answer and when it was made.

    Values are what JSON holds as it stands: text, whole numbers, true, false, null, lists and dicts with text keys.
    Money goes in as text. A float or a Decimal is refused (TypeError): it would not come back equal. A file that is
    missing, unreadable, damaged or of another day is made anew; a folder that cannot be written only costs the
    saving.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self.folder = folder
        self.now = now

    def get(self, name: str, day: date, make: Callable[[], Any]) -> Any:
        """Give the value kept under a name for a day, or make, keep and give it. What `make` raises passes."""
        kept = self._read(name)
        if kept is not None and kept["day"] == day.isoformat():
            return kept["value"]
        value = make()
        self._keep(name, day, value)
        return value

    def kept(self, name: str) -> Any:
        """Give the value kept under a name, whatever its day; None where there is none to be read."""
        found = self._read(name)
        return None if found is None else found["value"]

    def names(self) -> list[str]:
        """List the names something is kept under."""
        try:
            return sorted(path.stem for path in self.folder.glob("*.json") if NAME.fullmatch(path.stem))
        except OSError:
            return []

    def forget(self, name: str) -> None:
        """Drop what is kept under a name."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError:  # a folder that cannot be written keeps its file; its day will pass
            return

    def _path(self, name: str) -> Path:
        assert NAME.fullmatch(name), f"a cache name is letters, digits, dots and dashes, got {name!r}"
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            kept = json.loads(self._path(name).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(kept, dict) or kept.get("schema") != SCHEMA or "value" not in kept:
            return None
        try:
            date.fromisoformat(kept["day"])
            made_at = datetime.fromisoformat(kept["made_at"])
        except (KeyError, TypeError, ValueError):
            return None
        return kept if made_at.tzinfo is not None else None

    def _sweep(self) -> None:
        """Drop files of names that nobody has asked for in a month: a name may hold a day, and days pass."""
        oldest = self.now().timestamp() - KEPT_SECONDS
        for path in self.folder.glob("*.json"):
            if path.stat().st_mtime < oldest:
                _drop(path)

    def _keep(self, name: str, day: date, value: Any) -> None:
        check_plain(value)
        whole = {"schema": SCHEMA, "day": day.isoformat(), "made_at": self.now().isoformat(), "value": value}
        text = json.dumps(whole, ensure_ascii=True)
        path, temporary = self._path(name), ""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, temporary = tempfile.mkstemp(prefix=f".{name}-", dir=self.folder)  # 0600 by itself
            with os.fdopen(number, "w") as file:
                file.write(text)
            Path(temporary).replace(path)
            self._sweep()
        except OSError:  # full disk or read-only folder: the value is good, only its saving is lost
            if temporary:
                _drop(Path(temporary))


def check_plain(value: Any) -> None:
    """Raise TypeError for a value that would not come back from JSON as it went in."""
    if value is None or isinstance(value, str | bool | int):
        return
    if isinstance(value, list):
        for one in value:
            check_plain(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a cached dict has text keys, got {key!r}")
            check_plain(one)
    else:
        raise TypeError(f"a cached value is text, whole number, list or dict, got {type(value).__name__}: use text")


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
