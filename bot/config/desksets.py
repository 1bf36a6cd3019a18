"""Single keys of a desk file set to other values: `--set limits.group_share=off`, read and checked as the file is."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from bot.config.deskkeys import nearest, shown, toml_value
from bot.domain.errors import ConfigError, UsageError

OPEN_TABLES = "overrides"
"""A strategy's table of overrides may be opened by a set: it is left out where there are none."""


class DeskSet(NamedTuple):
    """One key with its new value: the parts of its path, and what it is set to."""

    path: tuple[str, ...]
    value: Any

    @property
    def key(self) -> str:
        """Give the key's whole path as it is typed."""
        return ".".join(self.path)


def read_sets(words: Sequence[str]) -> tuple[DeskSet, ...]:
    """Read KEY=VALUE words; a value is TOML, and a bare word is a text. Raises UsageError.

    >>> read_sets(["limits.group_share=off", "strategies.wheel.put_delta_target=0.2"])[0]
    DeskSet(path=('limits', 'group_share'), value='off')
    """
    found = []
    for word in words:
        key, equals, value = (part.strip() for part in word.partition("="))
        try:
            table: Any = tomllib.loads(f"{key} = 0") if equals and value and "\n" not in word else None
        except ValueError:
            table = None
        if table is None or "#" in key:
            raise UsageError(f"--set takes KEY=VALUE, such as limits.group_share=0.3, got {word!r}")
        path: list[str] = []
        while isinstance(table, dict):
            (name, table), *_ = table.items()
            path.append(name)
        try:
            read = tomllib.loads(f"x = {value}", parse_float=Decimal)["x"]
        except (ValueError, ArithmeticError):
            read = value
        found.append(DeskSet(tuple(path), read))
    return tuple(found)


def with_sets(text: str, sets: Sequence[DeskSet]) -> str:
    """Write a desk file with keys set to other values; comments are lost. Raises ConfigError for an unknown table."""
    raw = tomllib.loads(text, parse_float=Decimal)
    for one in sets:
        table = raw
        for depth, name in enumerate(one.path[:-1]):
            where = ".".join(one.path[: depth + 1])
            if name not in table and OPEN_TABLES in one.path[: depth + 1] and depth > 1:
                table[name] = {}
            elif not isinstance(table.get(name), dict):
                known = [key for key, value in table.items() if isinstance(value, dict)]
                raise ConfigError(f"--set {one.key}: there is no table [{where}]{nearest(name, known)}")
            table = table[name]
        table[one.path[-1]] = one.value
    return "\n".join(_lines(raw, ())) + "\n"


def value_before(text: str, one: DeskSet) -> str:
    """Give the value a key has in a desk file, as it stands there; "not set" where it does not stand there."""
    found: Any = tomllib.loads(text, parse_float=Decimal)
    for name in one.path:
        if not isinstance(found, Mapping) or name not in found:
            return "not set"
        found = found[name]
    return toml_value(found) if isinstance(found, list) else shown(found)


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    if path:
        yield f"[{'.'.join(json.dumps(name) for name in path)}]"
    for name, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{json.dumps(name)} = {_value(value)}"
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*path, name))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{json.dumps(name)} = {_value(one)}' for name, one in value.items())}}}"
    return json.dumps(value) if isinstance(value, str) else toml_value(value)
