"""Configuration in one door: `.env` says where and whether, `desk.toml` says what and how much.

The only reader of `os.environ`. Secrets stay in `Settings.secrets`; nothing here prints, hashes or stores them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bot.config.deskapprovals import approve_text, minutes_text
from bot.config.deskfile import CONFIG_VERSION, load_desk, read_desk
from bot.config.deskkeys import specs_of, toml_value
from bot.config.envfile import SECRET_NAMES
from bot.config.profiles import PROFILES, Profile, profile_values
from bot.config.secret import Secrets
from bot.config.settings import Settings, load_settings
from bot.domain.channels import Channels
from bot.domain.desk import (
    BAR_KINDS,
    AlertNumbers,
    ApproveRule,
    Desk,
    KeepNumbers,
    Limits,
    SimulatorNumbers,
    TickNumbers,
    TrailingNumbers,
    WheelNumbers,
)
from bot.domain.errors import ConfigError
from bot.domain.facts import Fact

__all__ = [
    "CONFIG_VERSION",
    "Secrets",
    "Settings",
    "Shown",
    "config_hash",
    "effective",
    "home_of_process",
    "load_desk",
    "load_settings",
    "monitored_unit",
    "read_desk",
    "settings_from_process",
    "state_folder_of_process",
]


class Shown(NamedTuple):
    """One effective value: its key, its text and where it comes from."""

    key: str
    value: str
    origin: str


def settings_from_process(env_file: Path | None = None) -> Settings:
    """Read the settings of this process: its environment over the .env in use."""
    import os

    return load_settings(os.environ, Path.cwd(), env_file)


def state_folder_of_process() -> Path:
    """Give the folder of this user where accounts are locked, made where it was missing."""
    import os

    from bot.config.statefolder import user_state_folder

    return user_state_folder(os.environ)


def state_home_of_process() -> str:
    """Give XDG_STATE_HOME of this process, or nothing: a unit of the same user must get the same."""
    import os

    return os.environ.get("XDG_STATE_HOME", "")


def home_of_process(env_file: Path | None = None) -> Path:
    """Give the home even where another setting is wrong: that of the environment, else of the .env file.

    Raises ConfigError with every fault of the settings where neither names one.
    """
    import os

    from bot.config.envfile import read_env_file

    try:
        return settings_from_process(env_file).home
    except ConfigError:
        path = env_file or Path.cwd() / ".env"
        given, folder = os.environ.get("BOT_HOME", ""), Path.cwd()
        if not given and path.is_file():
            given, folder = read_env_file(path)[0].get("BOT_HOME", ""), path.absolute().parent
        if not given:
            raise
        return (folder / Path(given).expanduser()).absolute()


def monitored_unit() -> tuple[str, str, str]:
    """Give what systemd tells a unit that another one's failure started: unit, result, exit status; else empty."""
    import os

    names = ("MONITOR_UNIT", "MONITOR_SERVICE_RESULT", "MONITOR_EXIT_STATUS")
    unit, result, status = (os.environ.get(name, "") for name in names)
    return unit, result, status


def config_hash(desk_text: str, settings: Settings) -> tuple[str, str]:
    """Give (SHA-256 of desk file and settings, the settings as JSON without secrets).

    The home and the secrets are no part of it: moving a folder or renewing a key changes no decision.
    Raises ConfigError when the desk file holds a secret, for it would be stored.
    """
    import hashlib
    import json

    leaked = settings.secrets.found_in(desk_text)
    if leaked:
        raise ConfigError(
            [f"desk.toml: holds the value of {name}; take it out, this file is stored" for name in leaked]
        )
    facts = {
        "ALPACA_ACCOUNT": settings.alpaca_account,
        "ALPACA_DATA_URL": settings.data_url,
        "ALPACA_ENV": settings.alpaca_env,
        "ALPACA_OPTION_FEED": settings.option_feed,
        "ALPACA_STOCK_FEED": settings.stock_feed,
        "ALPACA_TRADING_URL": settings.trading_url,
        "BOT_BROKER": settings.broker,
        "BOT_MARKET": settings.market_text,
        "BOT_MODE": settings.mode,
    }
    stored = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(f"{desk_text}\0{stored}".encode()).hexdigest(), stored


def effective(settings: Settings, desk: Desk) -> tuple[Shown, ...]:
    """List every effective value with its origin; a secret shows as its length.

    A number that differs from its profile's says so. A wheel's number that differs by symbol has a row for each.
    """
    return (*_settings_rows(settings), *_desk_rows(settings, desk))


def _settings_rows(settings: Settings) -> Iterator[Shown]:
    plain = {
        "BOT_HOME": str(settings.home),
        "BOT_MODE": settings.mode,
        "BOT_BROKER": settings.broker,
        "BOT_MARKET": settings.market_text,
        "ALPACA_ENV": settings.alpaca_env,
        "ALPACA_ACCOUNT": settings.alpaca_account or "not set",
        "ALPACA_STOCK_FEED": settings.stock_feed,
        "ALPACA_OPTION_FEED": settings.option_feed,
        "ALPACA_TRADING_URL": settings.trading_url,
        "ALPACA_DATA_URL": settings.data_url,
        **_channel_rows(settings.channels),
        "BOT_TAPES": str(settings.tapes_folder),
        "BOT_METRICS_FOLDER": str(settings.metrics_folder or settings.home / "metrics"),
    }
    for name, value in plain.items():
        yield Shown(name, value, settings.origins.get(name, "default"))
    for name in SECRET_NAMES:
        yield Shown(name, settings.secrets.masked(name), settings.origins.get(name, "default"))


def _channel_rows(channels: Channels) -> dict[str, str]:
    mail = channels.mail
    return {
        "TELEGRAM_CHAT_ID": channels.telegram_chat or "not set",
        "TELEGRAM_ADMINS": ", ".join(map(str, channels.admins)) or "nobody",
        "TELEGRAM_OPERATORS": ", ".join(map(str, channels.operators)) or "nobody",
        "TELEGRAM_API_URL": channels.telegram_api,
        "SMTP_HOST": "not set" if mail is None else mail.host,
        "SMTP_PORT": "not set" if mail is None else str(mail.port),
        "SMTP_SECURITY": "not set" if mail is None else mail.security,
        "SMTP_USER": "not set" if mail is None or not mail.user else mail.user,
        "SMTP_FROM": "not set" if mail is None else mail.sender,
        "SMTP_TO": "not set" if mail is None else ", ".join(mail.recipients),
    }


def _desk_rows(settings: Settings, desk: Desk) -> Iterator[Shown]:
    origin = settings.desk_file.name
    profile = PROFILES[PROFILES.index(desk.profile)]
    for key in ("config_version", "name", "profile", "benchmark"):
        yield Shown(key, str(getattr(desk, key)), origin)
    yield Shown("record_chains", ", ".join(desk.record_chains) or "none", origin)
    for symbol, info in desk.universe.items():
        yield Shown(f"symbols.{symbol}", f"{info.group}, {info.kind}, penny {toml_value(info.penny)}", origin)
    yield from _number_rows("tick", desk.tick, TickNumbers, profile, origin)
    yield from _number_rows("keep", desk.keep, KeepNumbers, profile, origin)
    yield from _number_rows("alerts", desk.alerts, AlertNumbers, profile, origin)
    yield from _number_rows("limits", desk.limits, Limits, profile, origin)
    yield from _number_rows("simulator", desk.simulator, SimulatorNumbers, profile, origin)
    for priority, enabled, wheel in desk.wheels:
        where = f"strategies.{wheel.name}"
        yield from _frame_rows(where, priority, enabled, tuple(wheel.numbers), origin)
        yield Shown(f"{where}.protect_wheel_lots", toml_value(wheel.protect_wheel_lots), origin)
        yield from _approve_rows(where, wheel.name, desk, origin)
        yield from _wheel_rows(where, wheel.numbers, profile, origin)
    for priority, enabled, stops in desk.trailing_stops:
        where = f"strategies.{stops.name}"
        yield from _frame_rows(where, priority, enabled, stops.symbols, origin)
        yield from _number_rows(where, stops.numbers, TrailingNumbers, profile, origin)
    for priority, enabled, bars in desk.bars:
        where = f"strategies.{bars.name}"
        yield Shown(f"{where}.kind", bars.kind, origin)
        yield from _frame_rows(where, priority, enabled, bars.symbols, origin)
        yield from _approve_rows(where, bars.name, desk, origin)
        yield from _number_rows(where, bars.numbers, BAR_KINDS[bars.kind], profile, origin)


def _approve_rows(where: str, name: str, desk: Desk, origin: str) -> Iterator[Shown]:
    rule = dict(desk.approvals).get(name, ApproveRule())
    yield Shown(f"{where}.approve", approve_text(rule), origin)
    yield Shown(f"{where}.approve_minutes", minutes_text(rule), origin)


def _frame_rows(where: str, priority: int, enabled: bool, symbols: tuple[str, ...], origin: str) -> Iterator[Shown]:
    yield Shown(f"{where}.priority", str(priority), origin)
    yield Shown(f"{where}.enabled", toml_value(enabled), origin)
    yield Shown(f"{where}.symbols", ", ".join(symbols) or "all other own shares", origin)


def _number_rows(where: str, numbers: Fact, table: type[Fact], profile: Profile, origin: str) -> Iterator[Shown]:
    usual = profile_values(table, profile)
    for key in specs_of(table):
        yield _number_row(f"{where}.{key}", getattr(numbers, key), getattr(usual, key), profile, origin)


def _number_row(path: str, value: object, usual: object, profile: str, origin: str) -> Shown:
    text = toml_value(value).strip('"')
    differs = "" if value == usual else f" ({profile}: {toml_value(usual).strip(chr(34))})"
    return Shown(path, text, origin + differs)


def _wheel_rows(where: str, by_symbol: dict[str, WheelNumbers], profile: Profile, origin: str) -> Iterator[Shown]:
    usual = profile_values(WheelNumbers, profile)
    for key in specs_of(WheelNumbers):
        values = {symbol: getattr(numbers, key) for symbol, numbers in by_symbol.items()}
        if len(set(values.values())) == 1:
            yield _number_row(f"{where}.{key}", next(iter(values.values())), getattr(usual, key), profile, origin)
        else:
            for symbol, value in values.items():
                yield _number_row(f"{where}.{key} for {symbol}", value, getattr(usual, key), profile, origin)
