"""Desk -> `desk.toml`: the commented file `bot init` writes, and what `bot config upgrade` adds to an older one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from bot.config.deskfile import CONFIG_VERSION, examine_desk
from bot.config.deskkeys import KeySpec, specs_of, toml_value
from bot.config.profiles import EQUITY_DEFAULT, Profile, profile_values, shipped_universe, universe_with
from bot.domain.desk import (
    BAR_KINDS,
    AlertNumbers,
    BarNumbers,
    KeepNumbers,
    Limits,
    MaCrossNumbers,
    SimulatorNumbers,
    SymbolInfo,
    TickNumbers,
    TrailingNumbers,
    WheelNumbers,
)
from bot.domain.errors import ConfigError, UsageError
from bot.domain.facts import Fact

_HEADINGS: dict[str, str] = {
    "equity_min": "Money",
    "symbol_share": "How much in one place. Fractions of equity: 0.25 is a quarter",
    "contracts_per_symbol": "How many",
    "orders_per_window": "Against loops and haste",
    "daily_loss_share": "What trips a halt",
    "open_interest_min": "What is good enough to trade",
    "quote_age_share_seconds": "How old a quote may be",
    "price_collar_fraction": "When and how an order may go out",
    "covered_calls_under_no_new_risk": "Permissions",
    "put_while_holding": "Puts",
    "call_dte_min": "Calls",
    "otm_fallback": "Prices",
    "profit_share_close": "Ways out",
    "put_roll_dte": "Rolls",
    "itm_at_expiry_put": "Expiry, earnings, dividends",
    "covered_call_cap": "Size",
}

_TOP = """\
# The desk: what to trade and how much. Where, whether and the secrets are in .env.
# Every key of [tick], [limits], [simulator] and the strategies must be here. A limit is a number or "off":
# off is said, zero is zero, and a missing key is an error. Check your changes with: bot config check
"""

_APPROVE = (
    '# Which entries wait for your word (bot approve N): "always", "never" or "first N", as in "first 5".',
    "# Exits, stops and cancellations never wait.",
    'approve = "never"',
    '# How long a proposal stands: "slot" (until the next tick is due) or minutes, 1..1440.',
    'approve_minutes = "slot"',
)


_BARS = (
    "# Strategies on bars buy shares long only and sell their own alone: ma_cross, breakout, mean_reversion, momentum.",
    "# Their symbols stand in [symbols] and under no wheel. One of position_share and units is off. A priority",
    "# before that of the stops lets a sale go first where a stop would be armed in the same tick. An example:",
)


class DeskChoice(NamedTuple):
    """What a desk file is written from. `limits`, `wheel` and `stops` replace values of the profile."""

    profile: Profile = "balanced"
    equity: Decimal = EQUITY_DEFAULT
    name: str = "main"
    symbols: tuple[str, ...] | None = None
    benchmark: str = "SPY"
    limits: Mapping[str, Any] = {}
    wheel: Mapping[str, Any] = {}
    stops: Mapping[str, Any] = {}


def desk_text(
    profile: Profile,
    equity: Decimal = EQUITY_DEFAULT,
    symbols: tuple[str, ...] | None = None,
    *,
    name: str = "main",
    benchmark: str = "SPY",
) -> str:
    """Write a commented desk.toml for a profile; `symbols` None means the shipped universe."""
    choice = DeskChoice(profile=profile, equity=equity, symbols=symbols, name=name, benchmark=benchmark)
    return desk_text_of(choice)


def desk_text_of(choice: DeskChoice) -> str:
    """Write the commented desk.toml of a choice; the same choice gives the same text."""
    universe = shipped_universe() if choice.symbols is None else universe_with(choice.symbols)
    if not universe:
        raise UsageError("a desk needs at least one symbol, got none")
    lines = [_TOP]
    lines += [
        _line("config_version", str(CONFIG_VERSION), "version of this file's keys"),
        _line("name", f'"{choice.name}"', "1 to 12 lower-case letters, digits, hyphens; starts every order id"),
        _line("profile", f'"{choice.profile}"', "where the numbers came from: conservative, balanced, aggressive"),
        _line("benchmark", f'"{choice.benchmark}"', "what the results are compared with"),
        _line("record_chains", "[]", "option chains put on record though no strategy needs them"),
        "",
        "# The universe. Names of a group fall together and share one cap (limits.group_share).",
        "# kind: etf (exempt from earnings rules) or stock (needs earnings.csv in the home).",
        "# penny: whether the options quote in pennies.",
        "[symbols]",
        *(_symbol_line(info) for info in universe.values()),
        "",
        "# The tick. While orders work, follow-ups reprice them: exits and reprices only, nothing new.",
        "[tick]",
        *_numbers(TickNumbers, choice.profile, {}),
        "",
        "# What the home keeps for reading alone. Thinned Snapshots are named in the record; orders are never thinned.",
        "[keep]",
        *_numbers(KeepNumbers, choice.profile, {}),
        "",
        "# Who is told what. Addresses and secrets stand in .env; a channel without one there is told nothing.",
        "[alerts]",
        *_numbers(AlertNumbers, choice.profile, {}),
        "",
        "[limits]",
        *_numbers(Limits, choice.profile, choice.limits),
        "",
        "# The simulated account and the embedded market (BOT_BROKER=simulator).",
        "[simulator]",
        *_numbers(SimulatorNumbers, choice.profile, {"equity": choice.equity}),
        "",
        "# The wheel: sell cash-secured puts, hold what is assigned, sell calls on it.",
        "[strategies.wheel]",
        *_frame("wheel", 10, tuple(universe)),
        _line("protect_wheel_lots", "false", "may a trailing stop claim this wheel's lots"),
        *_APPROVE,
        *_numbers(WheelNumbers, choice.profile, choice.wheel),
        "",
        "# Other numbers for one symbol, any key of the wheel:",
        f"# [strategies.wheel.overrides.{next(iter(universe))}]",
        "# put_delta_target = 0.2",
        "",
        "# Trailing stops on other shares this program owns. An empty list means all of them.",
        "[strategies.stops]",
        *_frame("trailing_stop", 20, ()),
        *_numbers(TrailingNumbers, choice.profile, choice.stops),
        "",
        *_BARS,
        *_bars_example(choice.profile),
    ]
    return "\n".join(lines) + "\n"


def _bars_example(profile: Profile) -> Iterator[str]:
    """Write a strategy on bars as it would stand in the file, then the keys of the other kinds; all commented out."""
    lines = ["[strategies.cross]", 'kind = "ma_cross"', "priority = 15", "enabled = true", 'symbols = ["VTI"]']
    lines += [line for line in _APPROVE if line[0] != "#"]
    lines += _numbers(MaCrossNumbers, profile, {})
    for kind, table in BAR_KINDS.items():
        own = [key for key in specs_of(table) if key not in specs_of(BarNumbers)]
        if table is not MaCrossNumbers:
            lines.append(f'With kind = "{kind}", in place of fast and slow:')
            lines += [number_line(specs_of(table)[key], getattr(profile_values(table, profile), key)) for key in own]
    yield from (f"# {line}" for line in lines)


def _line(key: str, value: str, comment: str) -> str:
    line = f"{f'{key} = {value}':<44}# {comment}"
    return line if len(line) <= 120 else f"# {comment}:\n{key} = {value}"


def _symbol_line(info: SymbolInfo) -> str:
    key = info.symbol if "." not in info.symbol else f'"{info.symbol}"'
    return f'{key} = {{ group = "{info.group}", kind = "{info.kind}", penny = {toml_value(info.penny)} }}'


def _frame(kind: str, priority: int, symbols: tuple[str, ...]) -> Iterator[str]:
    yield _line("kind", f'"{kind}"', "which planner")
    yield _line("priority", str(priority), "lower goes first")
    yield _line("enabled", "true", "false plans nothing")
    yield f"symbols = {toml_value(symbols)}"


def _numbers(table: type[Fact], profile: Profile, given: Mapping[str, Any]) -> Iterator[str]:
    values = profile_values(table, profile)
    for key, spec in specs_of(table).items():
        if key in _HEADINGS:
            yield f"# {_HEADINGS[key]}"
        yield number_line(spec, given.get(key, getattr(values, key)))


def number_line(spec: KeySpec, value: object) -> str:
    """Write one key with its value, unit, range and meaning.

    >>> from bot.domain.desk import Limits
    >>> number_line(specs_of(Limits)["cash_buffer_share"], Decimal("0.1"))
    'cash_buffer_share = 0.1                     # fraction 0..1, or off: cash kept free, share of equity'
    """
    key = spec.key
    bounds = f"{key.unit} {key.low}..{key.high}" if key.low else key.unit
    return _line(spec.name, toml_value(value), f"{bounds}{', or off' if key.off else ''}: {key.meaning}")


def upgrade_desk(text: str, *, name: str = "desk.toml", version: int = CONFIG_VERSION) -> str:
    """Write each missing key with its profile's value and raise config_version; comments stay.

    Raises ConfigError when the file has other faults, or a key's table cannot be found in the text.
    """
    _, reading = examine_desk(text, name=name, version=version)
    upgraded = text
    for where, key, value in reading.missing:
        upgraded = _insert(upgraded, where, f"{key} = {value}".ljust(44) + f"# {reading.profile}, config {version}")
    upgraded = re.sub(r"(?m)^([ \t]*config_version[ \t]*=[ \t]*)\d+", rf"\g<1>{version}", upgraded, count=1)
    desk, after = examine_desk(upgraded, name=name, version=version)
    if desk is None:
        raise ConfigError(["the upgrade would not leave a usable file; nothing was written", *after.faults])
    return upgraded


def _insert(text: str, where: str, line: str) -> str:
    """Put a line behind the last key of a table, or open the table at the end of the text."""
    lines = text.splitlines()
    header = re.compile(r"\s*\[\s*" + re.escape(where) + r"\s*\]\s*(#.*)?$")
    start = next((n for n, one in enumerate(lines) if header.match(one)), None)
    if start is None:
        return text.rstrip("\n") + f"\n\n[{where}]\n{line}\n"
    last = start
    for n in range(start + 1, len(lines)):
        if re.match(r"\s*\[\[?\s*[A-Za-z0-9_\"]", lines[n]):
            break
        if lines[n].strip() and not lines[n].lstrip().startswith("#"):
            last = n
    return "\n".join([*lines[: last + 1], line, *lines[last + 1 :]]) + "\n"
