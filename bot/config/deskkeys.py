"""One configuration key at a time: its type, range and words, read from the facts it fills.

`bot.domain.desk` declares each key with unit, range and meaning; nothing here repeats them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from bot.domain.desk import Key
from bot.domain.facts import Fact
from bot.domain.money import HUNDRED, plain

OFF = "off"
LARGEST_EXPONENT = 20
_WHOLE_UNITS = frozenset(
    {"contracts", "series", "underlyings", "orders", "level", "ticks", "rolls", "days", "messages"}
)
_HOURS = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_PHRASES = {
    "fraction": "a fraction",
    "delta": "a size of delta",
    "usd": "an amount in dollars",
    "level": "a level",
    "number": "a whole number",
    "percent": "a percentage",
}


class KeySpec(NamedTuple):
    """What one key accepts. `words` are the allowed texts of a choice."""

    name: str
    key: Key
    type: type
    words: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """Say in words what the key takes: `a fraction from 0 to 5 or "off"`."""
        if self.words:
            text = " or ".join(f'"{word}"' for word in self.words)
        elif self.type is bool:
            text = "true or false"
        elif self.type is str:
            text = f"a {self.key.unit} in quotes"
        else:
            unit = _PHRASES.get(self.key.unit, ("a whole number of " if self.whole else "a number of ") + self.key.unit)
            text = f"{unit} from {self.key.low} to {self.key.high}"
        return f'{text} or "{OFF}"' if self.key.off else text

    @property
    def whole(self) -> bool:
        """Say whether only whole numbers make sense."""
        return self.type is int or self.key.unit in _WHOLE_UNITS


@lru_cache(maxsize=16)
def specs_of(table: type[Fact]) -> dict[str, KeySpec]:
    """Read the keys of a fact, in its order; fields without a `Key` are no configuration keys."""
    found = {}
    for name, hint in get_type_hints(table, include_extras=True).items():
        notes = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Key)]
        if notes:
            kind, words = _kind(get_args(hint)[0])
            found[name] = KeySpec(name, notes[0], kind, words)
    return found


def _kind(hint: Any) -> tuple[type, tuple[str, ...]]:
    if get_origin(hint) is Literal:
        return str, get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return _kind(next(one for one in get_args(hint) if one is not NoneType))
    return hint, ()


def read_value(spec: KeySpec, raw: object) -> tuple[Any, str]:
    """Give (value, "") for a usable TOML value, or (None, what was expected and what came).

    "off" gives None. Floats arrive as Decimal.
    """
    if spec.key.off and raw == OFF:
        return None, ""
    if spec.type is bool:
        return (raw, "") if isinstance(raw, bool) else (None, _wrong(spec, raw))
    if spec.type is str:
        return _read_text(spec, raw)
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        return None, _wrong(spec, raw)
    value = Decimal(raw)
    if not value.is_finite() or (value and value.adjusted() < -LARGEST_EXPONENT):
        return None, _wrong(spec, raw)  # so near zero that writing it down would fill the machine
    if not Decimal(spec.key.low) <= value <= Decimal(spec.key.high):
        return None, _wrong(spec, raw) + _percent_hint(spec, value)
    if spec.whole and value != value.to_integral_value():
        return None, _wrong(spec, raw)
    return (int(value) if spec.type is int else value), ""


def _read_text(spec: KeySpec, raw: object) -> tuple[str | None, str]:
    if not isinstance(raw, str) or (spec.words and raw not in spec.words) or not raw.strip():
        hint = nearest(raw, spec.words) if isinstance(raw, str) else ""
        return None, _wrong(spec, raw) + hint
    return raw, ""


def _wrong(spec: KeySpec, raw: object) -> str:
    text = f"expected {spec.expected}, got {shown(raw)}"
    if raw == OFF:
        return f'{text}; this key cannot be "{OFF}"'
    if (
        isinstance(raw, str)
        and spec.type in (int, Decimal)
        and raw.strip().rstrip("%").strip().replace(".", "", 1).isdigit()
    ):
        return f"{text}; write numbers without quotes" + (" and as a fraction, 0.25 for 25 %" if "%" in raw else "")
    return text


def _percent_hint(spec: KeySpec, value: Decimal) -> str:
    if abs(value.adjusted()) > LARGEST_EXPONENT:
        return ""  # no slip of the pen, and too large to be divided
    if spec.key.unit in ("fraction", "delta") and Decimal(spec.key.low) <= value / HUNDRED <= Decimal(spec.key.high):
        return f" (did you mean {plain(value / HUNDRED)}?)"
    if spec.key.unit == "delta" and -1 <= value < 0:
        return f" (deltas are sizes: did you mean {plain(-value)}?)"
    return ""


def shown(raw: object) -> str:
    """Write a TOML value as it stands in the file, cut when long."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, Decimal):
        return str(raw) if not raw.is_finite() or abs(raw.adjusted()) > LARGEST_EXPONENT else plain(raw)
    if isinstance(raw, Mapping):
        return "a table"
    if isinstance(raw, list):
        return "a list"
    text = f'"{raw}"' if isinstance(raw, str) else str(raw)
    return text if len(text) <= 40 else f"{text[:30]}... ({len(text)} characters)"


def toml_value(value: object) -> str:
    """Write a checked value as TOML: None is "off", a decimal has no exponent.

    >>> toml_value(None), toml_value(Decimal("0.250")), toml_value(True), toml_value(("SPY", "QQQ"))
    ('"off"', '0.25', 'true', '["SPY", "QQQ"]')
    """
    if value is None:
        return f'"{OFF}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml_value(one) for one in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'


def hours_fault(text: str | None) -> str:
    """Say what is wrong with a span of hours, or nothing.

    >>> hours_fault("22:00-07:00"), hours_fault(None)
    ('', '')
    >>> hours_fault("22-7")
    'expected hours as HH:MM-HH:MM with two different times, such as "22:00-07:00", got "22-7"'
    """
    found = None if text is None else _HOURS.fullmatch(text)
    if text is None or (found is not None and found[1] != found[2]):
        return ""
    return f'expected hours as HH:MM-HH:MM with two different times, such as "22:00-07:00", got {shown(text)}'


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """Give `, did you mean X?` for the nearest known word, or nothing when none is near."""
    from difflib import get_close_matches

    lowered = {one.lower(): one for one in known}
    close = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return f", did you mean {lowered[close[0]]}?" if close else ""
