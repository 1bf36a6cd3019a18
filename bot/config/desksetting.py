"""One run's own numbers: `--set KEY=VALUE` over the text of a desk file, which itself is never written."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.config.deskkeys import nearest
from bot.domain.errors import ConfigError, UsageError

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?\Z")
_OVERRIDE = re.compile(r"(strategies\.[a-z][a-z0-9_-]*)\.overrides\.([A-Z]+)\.([a-z_]+)\Z")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]+\")\s*=")


def with_settings(text: str, settings: Sequence[str]) -> str:
    """Give a desk file's text with some keys set, each written `limits.symbol_share=0.3` as `bot config show` names it.

    Values are TOML; a bare word is a text, words with commas a list where one stands. Raises UsageError naming the
    nearest key; what a value may be is checked by whoever reads the text.

    >>> with_settings("name = 'a'\\n[limits]\\nequity_min = 5 # usd\\n", ["limits.equity_min=off"])
    'name = \\'a\\'\\n[limits]\\nequity_min = "off"\\n'
    """
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UsageError(f"--set takes KEY=VALUE, such as limits.symbol_share=0.3, got {setting!r}")
        text = _with_key(text, key.strip(), value.strip())
    return text


def keys_of(text: str) -> dict[str, Any]:
    """Give every key of a desk file, dotted, with its value; lists and values in braces stay whole."""
    return dict(_leaves(_parsed(text), ""))


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"desk.toml: not valid TOML: {error}") from error


def _leaves(table: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def _with_key(text: str, key: str, value: str) -> str:
    known = keys_of(text)
    if key not in known and (own := _OVERRIDE.match(key)) and f"{own[1]}.kind" in known:
        return _with_override(text, own, _written(value, None))
    if key not in known:
        raise UsageError(f"--set {key}: desk.toml has no such key{_near(key, known)}")
    written = _written(value, known[key])
    lines = text.split("\n")
    found = _place(lines, key)
    if found is None:  # inside braces, as the names of the universe stand
        parent, _, leaf = key.rpartition(".")
        found = _place(lines, parent)
        if found is None:
            raise UsageError(f"--set {key}: it cannot be found in desk.toml as it is written; change it there")
        inside = {one.rpartition(".")[2]: _toml(value) for one, value in known.items() if one.startswith(f"{parent}.")}
        text_of_value, written = (
            written,
            f"{{ {', '.join(f'{k} = {v}' for k, v in (inside | {leaf: written}).items())} }}",
        )
    else:
        text_of_value = written
    first, after = found
    name = lines[first].partition("=")[0].rstrip()
    changed = "\n".join([*lines[:first], f"{name} = {written}", *lines[after:]])
    wanted = tomllib.loads(f"x = {text_of_value}")["x"]
    assert keys_of(changed).get(key) == wanted, f"{key} could not be set"
    return changed


def _with_override(text: str, own: re.Match[str], written: str) -> str:
    """Set one symbol's own number of a strategy, in its table or in a new one; whoever reads it knows the keys."""
    table, line = f"[{own[1]}.overrides.{own[2]}]", f"{own[3]} = {written}"
    lines = text.split("\n")
    place = next((number for number, one in enumerate(lines) if one.strip().startswith(table)), None)
    if place is None:
        return f"{text.rstrip()}\n\n{table}\n{line}\n"
    return "\n".join([*lines[: place + 1], line, *lines[place + 1 :]])


def _near(key: str, known: Mapping[str, Any]) -> str:
    """Say what was meant: the nearest whole key, else every key whose last word is near."""
    whole = nearest(key, list(known))
    last = key.rpartition(".")[2]
    same = [one for one in known if one.rpartition(".")[2] == last]
    if same:
        return f", did you mean {' or '.join(same[:3])}?"
    return whole or nearest(last, sorted({one.rpartition(".")[2] for one in known})) or "; `bot config show` names all"


def _written(value: str, before: object) -> str:
    """Write a value as TOML."""
    if isinstance(before, list) and not value.startswith("["):
        return json.dumps([part.strip() for part in value.split(",") if part.strip()])
    try:
        found = tomllib.loads(f"x = {value}")
    except tomllib.TOMLDecodeError:
        return json.dumps(value)
    return value if list(found) == ["x"] else json.dumps(value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str | list) else str(value)


def _place(lines: Sequence[str], key: str) -> tuple[int, int] | None:
    """Find the lines a key's value takes: the first one, and the one after the last."""
    table = ""
    for number, line in enumerate(lines):
        if header := _HEADER.match(line):
            table = header[1].strip() + "."
            continue
        named = _KEY.match(line)
        if named is None or f"{table}{named[1].strip(chr(34))}" != key:
            continue
        for after in range(number + 1, len(lines) + 1):
            try:
                tomllib.loads("\n".join(lines[number:after]))
            except tomllib.TOMLDecodeError:
                continue
            return number, after
    return None
