"""Lines of the log as a person reads them: moment, tick, kind, and what it was about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = frozenset({"ts", "kind", "by", "tick"})
_FIRST = ("error", "message", "order", "state", "status", "note", "what")
"""What of a line comes first; the rest follows in its own order."""


def log_line(told: Mapping[str, Any]) -> str:
    """Write one line of the log for a terminal; its moment is UTC.

    >>> log_line({"ts": "2026-11-18T17:00:00.000Z", "kind": "order", "by": "bot tick", "tick": 9, "state": "sending"})
    '2026-11-18 17:00:00Z  tick 9  order    sending'
    """
    moment = f"{str(told['ts'])[:19].replace('T', ' ')}Z"
    tick = f"  tick {told['tick']}" if "tick" in told else ""
    keys = [key for key in _FIRST if key in told] + [key for key in told if key not in _HEAD and key not in _FIRST]
    words = "  ".join(_words(key, told[key]) for key in keys)
    by = "" if tick else f"  ({printable(str(told.get('by', '')))})"
    return f"{moment}{tick}  {told['kind']:<8} {words}{by}".rstrip()


def printable(text: str) -> str:
    """Take out of a text what would move a terminal's cursor; a broker's words stand in it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _words(key: str, value: Any) -> str:
    if key in _FIRST and isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return f"{key}: " + ", ".join(f"{one} {_plain(held)}" for one, held in value.items())
    if isinstance(value, list):
        return f"{key}: " + "; ".join(_plain(one) for one in value)
    return f"{key} {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{printable(str(one))} {_plain(held)}" for one, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_plain(one) for one in value) + "]"
    return printable(str(value))
