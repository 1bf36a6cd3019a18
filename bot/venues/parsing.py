"""Readers of a venue's JSON that take what is known and name what is not.

A field that is absent, null or empty reads as None (or ""); a field that is there but makes no sense reads the same
way and leaves a note, so that the caller can name it: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from bot.domain.errors import BrokerUnreachable

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|z|[+-]\d\d:?\d\d)", re.ASCII)
LONGEST_NUMBER = 100
LARGEST_EXPONENT = 20
SMALLEST_EXPONENT = -400
SHOWN = 60

Notes = list[str]


def number_of(value: Any) -> Decimal | None:
    """Give a finite, reasonable decimal from a JSON number or its text, else None. Truth values are no numbers.

    >>> number_of("12.50"), number_of(True), number_of("NaN"), number_of("1e999")
    (Decimal('12.50'), None, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
            return None
        number = Decimal(text)
    elif isinstance(value, int | Decimal):
        if isinstance(value, int) and abs(value) >= 10 ** (LARGEST_EXPONENT + 1):
            return None
        number = Decimal(value)
    else:
        return None
    if not number.is_finite() or not SMALLEST_EXPONENT <= number.adjusted() <= LARGEST_EXPONENT:
        return None
    return number


def decimal_of(raw: Mapping[str, Any], key: str, notes: Notes | None = None) -> Decimal | None:
    """Read a decimal field; None where it is absent or no number (then noted)."""
    value = raw.get(key)
    if value is None or value == "":
        return None
    number = number_of(value)
    if number is None:
        _note(notes, key, value, "a number")
    return number


def whole_of(raw: Mapping[str, Any], key: str, notes: Notes | None = None) -> int | None:
    """Read a whole number; None where it is absent or has a fraction (then noted)."""
    number = decimal_of(raw, key, notes)
    if number is None:
        return None
    if number != number.to_integral_value():
        _note(notes, key, raw.get(key), "a whole number")
        return None
    return int(number)


def float_of(raw: Mapping[str, Any], key: str, notes: Notes | None = None) -> float | None:
    """Read a score (a greek, a volatility) as a float; None where it is absent or no number (then noted)."""
    number = decimal_of(raw, key, notes)
    return None if number is None else float(number)


def flag_of(raw: Mapping[str, Any], key: str, notes: Notes | None = None) -> bool | None:
    """Read a truth value, also as the text true or false; None where it is absent or neither (then noted)."""
    value = raw.get(key)
    if isinstance(value, bool):
        return value
    if value is None or value == "":
        return None
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in ("true", "false"):
        _note(notes, key, value, "true or false")
        return None
    return word == "true"


def word_of(raw: Mapping[str, Any], key: str, notes: Notes | None = None) -> str:
    """Read a text field, trimmed; "" where it is absent or no text (then noted)."""
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        _note(notes, key, value, "text")
        return ""
    return value.strip()


def moment_of(text: Any) -> datetime | None:
    """Read an RFC 3339 moment with a zone as aware UTC, nanoseconds cut to microseconds; else None.

    >>> moment_of("2026-11-20T10:00:00.123456789-05:00").isoformat()
    '2026-11-20T15:00:00.123456+00:00'
    """
    if not isinstance(text, str):
        return None
    found = MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day_of(text: Any) -> date | None:
    """Read a day as written, YYYY-MM-DD; else None. A moment is no day: whose day it is depends on the zone.

    >>> day_of("2026-11-20"), day_of("20261120")
    (datetime.date(2026, 11, 20), None)
    """
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII):
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def rows_of(answer: Any, what: str) -> list[dict[str, Any]]:
    """Give an answer that must be a list of objects, or raise BrokerUnreachable naming what came instead."""
    if not isinstance(answer, list):
        raise BrokerUnreachable(f"{what}: expected a list, got {kind_of(answer)}; nothing is concluded from it")
    for place, row in enumerate(answer):
        if not isinstance(row, dict):
            raise BrokerUnreachable(f"{what}: expected objects in the list, entry {place + 1} is {kind_of(row)}")
    return answer


def object_of(answer: Any, what: str) -> dict[str, Any]:
    """Give an answer that must be one object, or raise BrokerUnreachable naming what came instead."""
    if not isinstance(answer, dict):
        raise BrokerUnreachable(f"{what}: expected an object, got {kind_of(answer)}; nothing is concluded from it")
    return answer


def kind_of(value: Any) -> str:
    """Name what a JSON value is, for messages.

    >>> kind_of(None), kind_of({}), kind_of(True)
    ('null', 'an object', 'a truth value')
    """
    if value is None:
        return "null"
    for kind, name in ((bool, "a truth value"), (str, "text"), (list, "a list"), (dict, "an object")):
        if isinstance(value, kind):
            return name
    return "a number"


def shown(value: Any) -> str:
    """Write a value for a message: trimmed, on one line, its insides left out where it has any."""
    if isinstance(value, list | dict):
        return kind_of(value)
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge number"
    text = "".join(letter if letter.isprintable() else "?" for letter in str(value)[: SHOWN + 1])
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")


def _note(notes: Notes | None, key: str, value: Any, expected: str) -> None:
    if notes is not None:
        notes.append(f"{key}: expected {expected}, got {shown(value)}")
