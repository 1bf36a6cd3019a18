"""`desk.toml` -> Desk: what and how much. Every fault of the file appears at once, with its key.

A limit is set or said to be "off": a missing key is an error, zero is zero, an unknown key is an error with the
nearest known name. Floats are read as exact decimals.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from bot.config.deskapprovals import read_approvals
from bot.config.deskchecks import check_alerts, check_limits, check_simulator
from bot.config.deskkeys import nearest, read_value, shown, specs_of
from bot.config.deskreading import Reading, numbers_of
from bot.config.deskstrategies import read_strategies
from bot.config.profiles import PROFILES
from bot.domain.desk import AlertNumbers, Desk, KeepNumbers, Limits, SimulatorNumbers, SymbolInfo, TickNumbers
from bot.domain.errors import ConfigError
from bot.domain.instruments import is_equity

CONFIG_VERSION = 2
"""The version of desk.toml this program reads. It rises when a gate brings a key."""

TOP_KEYS = (
    "config_version", "name", "profile", "benchmark", "record_chains", "symbols", "tick", "keep", "alerts", "limits",
    "simulator", "strategies",
)  # fmt: skip
RECORD_CHAINS_MAX = 20
"""Each costs two requests and some kilobytes a tick."""
DESK_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,11}\Z")
_KEY_OF_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,39})\s*[=.]")
_GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,23}\Z")


def load_desk(path: Path, *, name: str | None = None) -> Desk:
    """Read and check a desk file; `name` is what faults call it (the file's own name by default).

    Raises ConfigError with every fault found.
    """
    return read_desk(read_text(path), name=name or path.name)


def read_text(path: Path) -> str:
    """Read a configuration file, or raise ConfigError saying what to do."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file; `bot init` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {error}") from error


def read_desk(text: str, *, name: str = "desk.toml", version: int = CONFIG_VERSION) -> Desk:
    """Check the text of a desk file and give the Desk, or raise ConfigError with every fault found."""
    desk, reading = examine_desk(text, name=name, version=version)
    if desk is None:
        raise ConfigError(reading.faults)
    return desk


def examine_desk(text: str, *, name: str, version: int = CONFIG_VERSION) -> tuple[Desk | None, Reading]:
    """Check the text of a desk file; the Desk is None exactly when there are faults."""
    reading = Reading(name, version)
    raw = _parse(text, reading)
    if reading.faults or not _version_fits(raw, reading):
        return None, reading
    for key in raw:
        if key not in TOP_KEYS:
            reading.unknown("", key, TOP_KEYS)
    desk_name, benchmark = _head(raw, reading)
    limits = numbers_of(reading, Limits, reading.table(raw, "", "limits"), "limits", checks=check_limits)
    simulator = numbers_of(
        reading, SimulatorNumbers, reading.table(raw, "", "simulator"), "simulator", checks=check_simulator
    )
    tick = numbers_of(reading, TickNumbers, reading.table(raw, "", "tick"), "tick")
    keep = numbers_of(reading, KeepNumbers, reading.table(raw, "", "keep"), "keep")
    alerts = numbers_of(reading, AlertNumbers, reading.table(raw, "", "alerts"), "alerts", checks=check_alerts)
    record_chains = _record_chains(raw, reading)
    universe = _universe(raw, reading, group_needed=limits is None or limits.group_share is not None)
    wheels, stops, bars = read_strategies(raw, reading, universe, limits)
    approvals = read_approvals(raw, reading)
    if reading.faults or limits is None or simulator is None or tick is None or keep is None or alerts is None:
        return None, reading
    desk = Desk(
        config_version=version,
        name=desk_name,
        profile=reading.profile,
        universe=universe,
        limits=limits,
        simulator=simulator,
        benchmark=benchmark,
        wheels=tuple(wheels),
        trailing_stops=tuple(stops),
        bars=tuple(bars),
        tick=tick,
        keep=keep,
        alerts=alerts,
        approvals=approvals,
        record_chains=record_chains,
    )
    return desk, reading


def _parse(text: str, reading: Reading) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=_decimal)
    except (ValueError, RecursionError) as error:
        reading.faults.append(f"{reading.name}: {_key_at(text, str(error))}not valid TOML: {error}")
        return {}


def _key_at(text: str, error: str) -> str:
    """Name the key on the line that an error of the TOML reader points at, or nothing."""
    place = re.search(r"at line (\d+)", error)
    lines = text.split("\n")
    found = _KEY_OF_LINE.match(lines[min(int(place[1]), len(lines)) - 1]) if place is not None else None
    return f"{found[1]}: " if found is not None else ""


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text[:30]} is no usable number") from error


def _version_fits(raw: Mapping[str, Any], reading: Reading) -> bool:
    written = raw.get("config_version")
    if isinstance(written, bool) or not isinstance(written, int) or written < 1:
        reading.fault("config_version", f"expected a whole number from 1 to {reading.version}, got {shown(written)}")
        return False
    if written > reading.version:
        reading.fault(
            "config_version",
            f"this file is of version {written}, this program reads up to {reading.version}: update the program",
        )
        return False
    reading.written = written
    if written < reading.version:
        reading.fault("config_version", f"{written} is older than {reading.version}: run `bot config upgrade`")
    return True


def _head(raw: Mapping[str, Any], reading: Reading) -> tuple[str, str]:
    name, profile, benchmark = raw.get("name"), raw.get("profile"), raw.get("benchmark", "SPY")
    if not isinstance(name, str) or not DESK_NAME.match(name):
        reading.fault("name", f"expected 1 to 12 lower-case letters, digits or hyphens, got {shown(name)}")
        name = ""
    if isinstance(profile, str) and profile in PROFILES:
        reading.profile = PROFILES[PROFILES.index(profile)]
    else:
        hint = nearest(profile, PROFILES) if isinstance(profile, str) else ""
        reading.fault("profile", f"expected one of {', '.join(PROFILES)}, got {shown(profile)}{hint}")
    if not isinstance(benchmark, str) or not is_equity(benchmark):
        reading.fault("benchmark", f"expected a share or fund like SPY, got {shown(benchmark)}")
        benchmark = ""
    return name, benchmark


def _record_chains(raw: Mapping[str, Any], reading: Reading) -> tuple[str, ...]:
    """Read the underlyings whose chains are put on record; the key may be left out."""
    given = raw.get("record_chains", [])
    if not isinstance(given, list):
        reading.fault("record_chains", f'expected a list like ["SPY", "QQQ"], got {shown(given)}')
        return ()
    for one in given:
        if not isinstance(one, str) or not is_equity(one):
            reading.fault("record_chains", f"expected shares or funds like SPY, got {shown(one)}")
        elif given.count(one) > 1:
            reading.fault("record_chains", f"{one} stands there twice")
    if len(given) > RECORD_CHAINS_MAX:
        reading.fault("record_chains", f"expected at most {RECORD_CHAINS_MAX} names, got {len(given)}")
    return tuple(one for one in given if isinstance(one, str))


def _universe(raw: Mapping[str, Any], reading: Reading, *, group_needed: bool) -> dict[str, SymbolInfo]:
    found: dict[str, SymbolInfo] = {}
    tables = reading.table(raw, "", "symbols")
    if not tables:
        reading.fault("symbols", "expected at least one table like [symbols.SPY]")
    specs = specs_of(SymbolInfo)
    for symbol, raw_info in tables.items():
        where = f"symbols.{symbol}"
        if not is_equity(symbol):
            reading.fault(where, "expected a share or fund in capitals, like SPY or BRK.B")
        info = reading.table(tables, "symbols", symbol)
        if not isinstance(raw_info, dict):
            continue
        for key in info:
            if key not in specs:
                reading.unknown(where, key, list(specs))
        values: dict[str, Any] = {}
        for key, spec in specs.items():
            if key in info:
                values[key], wrong = read_value(spec, info[key])
                if not wrong and key == "group" and not _GROUP_NAME.match(values[key]):
                    wrong = f"expected 1 to 24 letters, digits, spaces or hyphens, got {shown(values[key])}"
                if wrong:
                    reading.fault(f"{where}.{key}", wrong)
            elif key == "group" and group_needed:
                reading.fault(f"{where}.group", "missing; limits.group_share is on and needs a group for every name")
            elif key == "kind":
                reading.fault(f"{where}.kind", f"missing; expected {spec.expected}")
        found[symbol] = SymbolInfo(
            symbol=symbol,
            group=values.get("group") or "",
            kind=values.get("kind") or "stock",
            penny=values.get("penny", True),
        )
    return found
