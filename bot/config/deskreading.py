"""Reading a desk file: faults are collected with file and key, and missing keys with their profile's value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from bot.config.deskkeys import nearest, read_value, shown, specs_of, toml_value
from bot.config.profiles import Profile, profile_values
from bot.domain.facts import Fact

_Numbers = TypeVar("_Numbers", bound=Fact)


class Reading:
    """One pass over one file: collects faults instead of stopping at the first."""

    def __init__(self, name: str, version: int) -> None:
        self.name = name
        self.version = version
        self.written = version
        self.profile: Profile = "balanced"
        self.faults: list[str] = []
        self.missing: list[tuple[str, str, str]] = []
        """(table, key, value as TOML) of each absent key, with its profile's value."""

    def fault(self, where: str, text: str) -> None:
        """Keep one fault; `where` is the key's whole path."""
        self.faults.append(f"{self.name}: {where}: {text}")

    def unknown(self, where: str, key: str, known: tuple[str, ...] | list[str]) -> None:
        """Keep the fault of a key nobody reads, with the nearest known name."""
        path = f"{where}.{key}" if where else key
        self.faults.append(f"{self.name}: unknown key {path}{nearest(key, known)}")

    def absent(self, where: str, key: str, value: object) -> None:
        """Keep the fault of a missing key and the value its profile gives."""
        text = toml_value(value)
        self.missing.append((where, key, text))
        if self.written < self.version:
            told = f"new since config_version {self.written}; `bot config upgrade` writes {text} ({self.profile})"
        else:
            told = f'missing; the {self.profile} profile says {text}, and "off" must be said where it is allowed'
        self.fault(f"{where}.{key}", told)

    def table(self, raw: Mapping[str, Any], where: str, key: str) -> Mapping[str, Any]:
        """Give a sub-table, or an empty one after keeping the fault."""
        found = raw.get(key, {})
        path = f"{where}.{key}" if where else key
        if not isinstance(found, dict):
            self.fault(path, f"expected a table [{path}], got {shown(found)}")
            return {}
        return found


def numbers_of(
    reading: Reading,
    table: type[_Numbers],
    raw: Mapping[str, Any],
    where: str,
    *,
    frame: tuple[str, ...] = (),
    base: _Numbers | None = None,
    checks: Callable[[_Numbers], Iterable[tuple[str, str]]] | None = None,
) -> _Numbers | None:
    """Read a table of numbers; None after a fault. With `base`, absent keys keep its values (an override)."""
    specs = specs_of(table)
    before = len(reading.faults)
    for key in raw:
        if key not in specs and key not in frame:
            reading.unknown(where, key, [*specs, *frame])
    values: dict[str, Any] = {}
    for key, spec in specs.items():
        if key in raw:
            value, wrong = read_value(spec, raw[key])
            if wrong:
                reading.fault(f"{where}.{key}", wrong)
            values[key] = value
        elif base is None:
            reading.absent(where, key, getattr(profile_values(table, reading.profile), key))
    if len(reading.faults) > before:
        return None
    numbers = table(**values) if base is None else msgspec.structs.replace(base, **values)
    if checks is not None:
        for key, wrong in checks(numbers):
            reading.fault(f"{where}.{key}", wrong)
    return numbers
