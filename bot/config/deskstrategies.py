"""The strategies of a desk file: wheels with their overrides, trailing stops, strategies on bars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from bot.config.deskapprovals import APPROVE_KEYS
from bot.config.deskchecks import check_bars, check_wheel
from bot.config.deskkeys import nearest, shown
from bot.config.deskreading import Reading, numbers_of
from bot.config.profiles import profile_values
from bot.domain.desk import (
    BAR_KINDS,
    BarParams,
    Limits,
    SymbolInfo,
    TrailingNumbers,
    TrailingParams,
    WheelNumbers,
    WheelParams,
)
from bot.domain.money import plain
from bot.domain.subledger import OWNERLESS

KINDS = ("wheel", "trailing_stop", *BAR_KINDS)
_WHEEL_FRAME = ("kind", "priority", "enabled", "symbols", "protect_wheel_lots", "overrides", *APPROVE_KEYS)
_STOPS_FRAME = ("kind", "priority", "enabled", "symbols", *APPROVE_KEYS)
_BARS_FRAME = _STOPS_FRAME
_STRATEGY_NAME = re.compile(r"[a-z][a-z0-9_-]{0,23}\Z")


class Frame(NamedTuple):
    """What every strategy table says beside its numbers."""

    priority: int
    enabled: bool
    symbols: tuple[str, ...]


_Wheels = list[tuple[int, bool, WheelParams]]
_Stops = list[tuple[int, bool, TrailingParams]]
_Bars = list[tuple[int, bool, BarParams]]


def read_strategies(
    raw: Mapping[str, Any], reading: Reading, universe: dict[str, SymbolInfo], limits: Limits | None
) -> tuple[_Wheels, _Stops, _Bars]:
    """Read every strategy table: (wheels, trailing stops, strategies on bars), each as (priority, enabled, numbers)."""
    tables = reading.table(raw, "", "strategies")
    wheels: _Wheels = []
    stops: list[tuple[str, Frame, TrailingNumbers]] = []
    bars: _Bars = []
    wheeled: dict[str, str] = {}
    barred: list[tuple[str, Frame]] = []
    for name in tables:
        where = f"strategies.{name}"
        table = reading.table(tables, "strategies", name)
        if not _STRATEGY_NAME.match(name):
            reading.fault(where, "expected a name of 1 to 24 lower-case letters, digits, hyphens, underscores")
        elif name in OWNERLESS:
            reading.fault(where, f"the books keep the name {name!r} for what is no strategy's: choose another")
        kind = table.get("kind")
        if kind == "wheel":
            frame = _frame(table, reading, where, universe, empty=False)
            for symbol in frame.symbols:
                if symbol in wheeled:
                    reading.fault(f"{where}.symbols", f"{symbol} already belongs to strategies.{wheeled[symbol]}")
                wheeled.setdefault(symbol, name)
            params = _wheel(table, reading, name, frame, limits, universe)
            if params is not None:
                wheels.append((frame.priority, frame.enabled, params))
        elif kind == "trailing_stop":
            frame = _frame(table, reading, where, universe, empty=True)
            numbers = numbers_of(reading, TrailingNumbers, table, where, frame=_STOPS_FRAME)
            if numbers is not None:
                stops.append((name, frame, numbers))
        elif isinstance(kind, str) and kind in BAR_KINDS:
            frame = _frame(table, reading, where, universe, empty=False)
            barred.append((where, frame))
            found = numbers_of(reading, BAR_KINDS[kind], table, where, frame=_BARS_FRAME, checks=check_bars)
            if found is not None:
                params_of = BarParams(name=name, kind=kind, numbers=found, symbols=frame.symbols)
                bars.append((frame.priority, frame.enabled, params_of))
        else:
            hint = nearest(kind, KINDS) if isinstance(kind, str) else ""
            reading.fault(f"{where}.kind", f"expected one of {', '.join(KINDS)}, got {shown(kind)}{hint}")
    _apart(barred, wheeled, reading)
    owned = frozenset(wheeled)
    protected = [
        (
            frame.priority,
            frame.enabled,
            TrailingParams(name=name, numbers=numbers, symbols=frame.symbols, wheel_symbols=owned),
        )
        for name, frame, numbers in stops
    ]
    return wheels, protected, bars


def _apart(barred: list[tuple[str, Frame]], wheeled: Mapping[str, str], reading: Reading) -> None:
    """Keep the fault of each symbol that a wheel has too: its calls would stand on shares that are sold any day."""
    for where, frame in barred:
        for symbol in frame.symbols:
            if symbol in wheeled:
                reading.fault(
                    f"{where}.symbols",
                    f"{symbol} already belongs to strategies.{wheeled[symbol]}: a wheel's shares stand under its calls",
                )


def _wheel(
    table: Mapping[str, Any],
    reading: Reading,
    name: str,
    frame: Frame,
    limits: Limits | None,
    universe: dict[str, SymbolInfo],
) -> WheelParams | None:
    where = f"strategies.{name}"
    protect = table.get("protect_wheel_lots", False)
    if not isinstance(protect, bool):
        reading.fault(f"{where}.protect_wheel_lots", f"expected true or false, got {shown(protect)}")
    base = numbers_of(reading, WheelNumbers, table, where, frame=_WHEEL_FRAME, checks=check_wheel)
    overrides = reading.table(table, where, "overrides")
    by_symbol: dict[str, WheelNumbers | None] = dict.fromkeys(frame.symbols, base)
    for symbol in overrides:
        path = f"{where}.overrides.{symbol}"
        if symbol not in by_symbol:
            reading.fault(path, f"{symbol} is not in {where}.symbols{nearest(symbol, list(by_symbol))}")
        raw = reading.table(overrides, f"{where}.overrides", symbol)
        # Against a faulty base an override is only checked key by key, or its faults would be told twice.
        against = base or profile_values(WheelNumbers, reading.profile)
        by_symbol[symbol] = numbers_of(
            reading, WheelNumbers, raw, path, base=against, checks=None if base is None else check_wheel
        )
    if limits is not None and limits.contracts_per_tick is not None:
        for symbol, numbers in by_symbol.items():
            if numbers is not None and numbers.contracts_per_order > limits.contracts_per_tick > 0:
                path = f"{where}.overrides.{symbol}" if symbol in overrides else where
                reading.fault(
                    f"{path}.contracts_per_order",
                    f"{numbers.contracts_per_order} is above limits.contracts_per_tick "
                    f"{plain(limits.contracts_per_tick)}: no such order could pass",
                )
                break
    if base is None or limits is None:
        return None
    return WheelParams(
        name=name,
        numbers={symbol: numbers for symbol, numbers in by_symbol.items() if numbers is not None},
        limits=limits,
        universe=universe,
        protect_wheel_lots=protect is True,
    )


def _frame(
    table: Mapping[str, Any], reading: Reading, where: str, universe: dict[str, SymbolInfo], *, empty: bool
) -> Frame:
    priority, enabled, symbols = table.get("priority"), table.get("enabled"), table.get("symbols")
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 1000:
        reading.fault(f"{where}.priority", f"expected a whole number from 0 to 1000, got {shown(priority)}")
        priority = 0
    if not isinstance(enabled, bool):
        reading.fault(f"{where}.enabled", f"expected true or false, got {shown(enabled)}")
        enabled = False
    if not isinstance(symbols, list) or not all(isinstance(one, str) for one in symbols):
        reading.fault(f"{where}.symbols", f'expected a list like ["SPY", "QQQ"], got {shown(symbols)}')
        symbols = []
    elif not symbols and not empty:
        reading.fault(f"{where}.symbols", "expected at least one symbol, got an empty list")
    for symbol in symbols:
        if symbol not in universe:
            known = nearest(symbol, list(universe)) or "; add it there with its group"
            reading.fault(f"{where}.symbols", f"{symbol} has no table [symbols.{symbol}]{known}")
    for symbol in sorted({one for one in symbols if symbols.count(one) > 1}):
        reading.fault(f"{where}.symbols", f"{symbol} stands there twice")
    return Frame(priority=priority, enabled=enabled, symbols=tuple(dict.fromkeys(symbols)))
