"""The source system's variables -> our keys: each one converted is named, and each one not understood.

Percentages become fractions with a word about it. Nothing is raised on the way: what was live becomes dry and
paper, and the owner raises it after having seen a dry tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from bot.config.channels import webhook_fault
from bot.config.deskkeys import read_value, specs_of, toml_value
from bot.config.envfile import safe_name
from bot.config.profiles import GROUPS, UNSORTED, Profile, profile_values
from bot.domain.desk import Limits, TrailingNumbers, WheelNumbers
from bot.domain.errors import BadNumber
from bot.domain.facts import Fact
from bot.domain.instruments import is_equity
from bot.domain.money import HUNDRED, ONE, ZERO, from_text, plain

_TABLES: dict[str, type[Fact]] = {
    "limits": Limits,
    "strategies.wheel": WheelNumbers,
    "strategies.stops": TrailingNumbers,
}
_SECRETS = {
    "ALPACA_API_KEY": "ALPACA_API_KEY",
    "APCA_API_KEY_ID": "ALPACA_API_KEY",
    "ALPACA_SECRET_KEY": "ALPACA_SECRET_KEY",
    "APCA_API_SECRET_KEY": "ALPACA_SECRET_KEY",
}


class Conversion:
    """What a conversion found. `numbers` holds the values by table; `words` tell the owner line by line."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.env: dict[str, str] = {}
        self.numbers: dict[str, dict[str, Any]] = {where: {} for where in _TABLES}
        self.symbols: tuple[str, ...] | None = None
        self.words: list[str] = []
        self.not_understood: list[str] = []

    def put(self, source: str, where: str, keys: Iterable[str], value: Decimal | int, word: str = "") -> None:
        """Keep a number under one or more keys of a table, unless their range forbids it."""
        for key in keys:
            spec = specs_of(_TABLES[where])[key]
            checked, wrong = read_value(spec, value)
            if wrong:
                self.leave(source, f"{where}.{key} {wrong}; {self._stays(where, key)}")
            else:
                self.numbers[where][key] = checked
                self.words.append(f"{source} -> {where}.{key} = {toml_value(checked)}{word}")

    def leave(self, source: str, why: str) -> None:
        """Say that a variable was not converted, and why."""
        self.not_understood.append(f"{safe_name(source)}: {why}")

    def value(self, key: str) -> Any:
        """Give a wheel number as it would be written now."""
        found = self.numbers["strategies.wheel"]
        return found[key] if key in found else getattr(profile_values(WheelNumbers, self.profile), key)

    def _stays(self, where: str, key: str) -> str:
        value = getattr(profile_values(_TABLES[where], self.profile), key)
        return f"the {self.profile} profile's {toml_value(value)} stays"


def convert_source(values: Mapping[str, str], profile: Profile) -> Conversion:
    """Convert the variables of the source system's .env onto a profile; the same input gives the same answer."""
    found = Conversion(profile)
    for name, text in values.items():
        if not text.strip():
            continue
        if name in _SECRETS:
            found.env[_SECRETS[name]] = text.strip()
            found.words.append(f"{name} -> {_SECRETS[name]} ({len(text.strip())} characters, kept in .env)")
        elif name in _RULES:
            try:
                _RULES[name](found, name, text.strip())
            except BadNumber:
                found.leave(name, f"expected a number, got a text of {len(text)} characters; the profile's value stays")
        else:
            found.leave(name, "no variable of the source system that this program knows; nothing was taken from it")
    _mend(found)
    return found


def _fraction(found: Conversion, name: str, text: str) -> tuple[Decimal, str] | None:
    """Read a share: 5 is 5 %, 0.05 is a fraction; 1 is either and therefore neither."""
    value = from_text(text.rstrip("%"), name)
    if text.endswith("%") or value > ONE:
        return value / HUNDRED, f" ({plain(value)} was read as percent)"
    if value == ONE:
        found.leave(name, "1 may mean 1 % or 100 %: set it in desk.toml")
        return None
    return value, ""


def _share(where: str, *keys: str) -> Callable[[Conversion, str, str], None]:
    def rule(found: Conversion, name: str, text: str) -> None:
        read = _fraction(found, name, text)
        if read is not None:
            found.put(name, where, keys, *read)

    return rule


def _number(where: str, *keys: str) -> Callable[[Conversion, str, str], None]:
    def rule(found: Conversion, name: str, text: str) -> None:
        found.put(name, where, keys, from_text(text, name))

    return rule


def _delta(found: Conversion, name: str, text: str) -> None:
    value = from_text(text, name)
    word = ""
    if value < ZERO:
        value, word = -value, " (deltas are sizes here)"
    if value > ONE:
        value, word = value / HUNDRED, f" ({plain(value)} was read as hundredths)"
    found.put(name, "strategies.wheel", ("put_delta_target", "call_delta_target"), value, word)


def _buffer(found: Conversion, name: str, text: str) -> None:
    value = from_text(text.rstrip("%"), name)
    if value <= ONE or text.endswith("%"):
        _share("limits", "cash_buffer_share")(found, name, text)
    else:
        found.put(name, "limits", ("cash_buffer_min",), value, " (read as dollars)")


def _trail(found: Conversion, name: str, text: str) -> None:
    value = from_text(text.rstrip("%"), name)
    if ZERO < value < ONE:
        found.put(name, "strategies.stops", ("trail_percent",), value * HUNDRED, " (a fraction became percent)")
    else:
        found.put(name, "strategies.stops", ("trail_percent",), value)


def _universe(found: Conversion, name: str, text: str) -> None:
    names = [one.strip().upper() for one in text.replace(";", ",").replace(" ", ",").split(",") if one.strip()]
    good = tuple(dict.fromkeys(one for one in names if is_equity(one)))
    for bad in names:
        if not is_equity(bad):
            found.leave(name, f"{bad[:12]!r} is no share or fund")
    if not good:
        return
    found.symbols = good
    found.words.append(f"{name} -> [symbols] and strategies.wheel.symbols: {', '.join(good)}")
    shipped = " ".join(GROUPS.values()).split()
    new = [one for one in good if one not in shipped]
    if new:
        found.words.append(
            f"{', '.join(new)}: written as stocks of the group {UNSORTED!r}, which shares one cap; sort them in "
            "desk.toml, and give stocks their dates in earnings.csv"
        )


def _mode(found: Conversion, name: str, text: str) -> None:
    found.env[name] = "dry"
    word = "" if text.lower() == "dry" else f" (it was {safe_word(text)}; raise it yourself after a dry tick)"
    found.words.append(f"{name} -> {name}=dry{word}")


def _environment(found: Conversion, name: str, text: str) -> None:
    found.env[name] = "paper"
    word = "" if text.lower() == "paper" else f" (it was {safe_word(text)}; real money also needs ALPACA_ACCOUNT)"
    found.words.append(f"{name} -> {name}=paper{word}")


def _base_url(found: Conversion, name: str, text: str) -> None:
    address = text.rstrip("/").removesuffix("/v2").rstrip("/")
    kind = "paper" if "paper-api" in address else "live"
    found.words.append(
        f"{name}: no longer needed, ALPACA_ENV chooses the address (this one, without /v2, was the {kind} one)"
    )


def _account(found: Conversion, name: str, text: str) -> None:
    found.env[name] = text
    found.words.append(f"{name} -> {name}")


def _webhook(found: Conversion, name: str, text: str) -> None:
    if webhook_fault(text.strip()):
        found.leave(name, f"its {len(text)} characters are no webhook of Discord's: set DISCORD_WEBHOOK_URL yourself")
        return
    found.env["DISCORD_WEBHOOK_URL"] = text.strip()
    found.words.append(f"{name} -> DISCORD_WEBHOOK_URL ({len(text.strip())} characters, kept in .env)")


def safe_word(text: str) -> str:
    """Repeat a short word of a file; a longer text may be a secret in the wrong place."""
    return repr(text) if len(text) <= 8 else f"a text of {len(text)} characters"


_RULES: dict[str, Callable[[Conversion, str, str], None]] = {
    "BOT_MODE": _mode,
    "ALPACA_ENV": _environment,
    "ALPACA_BASE_URL": _base_url,
    "DISCORD_WEBHOOK": _webhook,
    "DISCORD_WEBHOOK_URL": _webhook,
    "ALPACA_ACCOUNT": _account,
    "WHEEL_UNIVERSE": _universe,
    "TARGET_DELTA": _delta,
    "OTM_PCT": _share("strategies.wheel", "otm_fallback"),
    "MIN_ANNUAL_YIELD": _share("strategies.wheel", "put_yield_min"),
    "MAX_SHORT_PUTS_PER_SYMBOL": _number("limits", "put_series_per_symbol"),
    "MAX_CONCURRENT_SHORT_PUTS": _number("limits", "put_series_total"),
    "MAX_POSITION_PCT": _share("limits", "symbol_share", "symbol_share_first"),
    "CASH_BUFFER": _buffer,
    "CASH_BUFFER_PCT": _share("limits", "cash_buffer_share"),
    "DTE_MIN": _number("strategies.wheel", "put_dte_min", "call_dte_min"),
    "DTE_MAX": _number("strategies.wheel", "put_dte_max", "call_dte_max"),
    "TRAIL_PERCENT": _trail,
}


def _mend(found: Conversion) -> None:
    """Bring the keys around a converted one into line, each with a word."""
    wheel = found.numbers["strategies.wheel"]

    def move(key: str, value: Any, why: str) -> None:
        wheel[key] = value
        found.words.append(f"strategies.wheel.{key} moved to {toml_value(value)}: {why}")

    for right in ("put", "call"):
        low, high = found.value(f"{right}_dte_min"), found.value(f"{right}_dte_max")
        if low > high:
            move(*((f"{right}_dte_max", low) if f"{right}_dte_min" in wheel else (f"{right}_dte_min", high)), "window")
            low, high = found.value(f"{right}_dte_min"), found.value(f"{right}_dte_max")
        if not low <= found.value(f"{right}_dte_target") <= high:
            move(f"{right}_dte_target", (low + high) // 2, "the middle of the window")
        target = found.value(f"{right}_delta_target")
        if target < found.value(f"{right}_delta_min"):
            move(f"{right}_delta_min", target, "the band holds the target")
        if target > found.value(f"{right}_delta_max"):
            move(f"{right}_delta_max", target, "the band holds the target")
    exit_dte, window = found.value("time_exit_dte"), found.value("put_dte_min")
    if exit_dte is not None and exit_dte >= window:
        move("time_exit_dte", window - 1 if window > 1 else None, "it must be below put_dte_min")
    _mend_limits(found)


def _mend_limits(found: Conversion) -> None:
    given = found.numbers["limits"]
    usual = profile_values(Limits, found.profile)
    each = given.get("put_series_per_symbol", usual.put_series_per_symbol)
    total = given.get("put_series_total", usual.put_series_total)
    if each is not None and total is not None and each > total:
        key, value = ("put_series_per_symbol", total) if "put_series_total" in given else ("put_series_total", each)
        given[key] = value
        found.words.append(f"limits.{key} moved to {plain(value)}: one symbol cannot have more than all together")
