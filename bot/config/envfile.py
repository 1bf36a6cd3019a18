"""The variables of `.env`: their names, the file's syntax, the commented file `bot init` writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bot.config.deskkeys import nearest


class Variable(NamedTuple):
    """One variable: allowed texts in words, default, meaning; a secret is never shown."""

    name: str
    allowed: str
    default: str
    meaning: str
    secret: bool = False


VARIABLES: tuple[Variable, ...] = (
    Variable("BOT_HOME", "folder", "data", "one desk: its desk.toml, ledger and lock; relative to this file"),
    Variable("BOT_MODE", "dry|live", "dry", "live sends orders to the broker; dry decides and sends nothing"),
    Variable("BOT_BROKER", "simulator|alpaca", "simulator", "whose account: a simulated one here, or yours at Alpaca"),
    Variable(
        "BOT_MARKET",
        "synthetic|recorded:<folder>|alpaca",
        "",
        "where prices come from; left out: alpaca with BOT_BROKER=alpaca, else synthetic",
    ),
    Variable("ALPACA_ENV", "paper|live", "paper", "live is real money and needs ALPACA_ACCOUNT"),
    Variable("ALPACA_ACCOUNT", "account number", "", "the only account this desk may trade; any other is refused"),
    Variable(
        "ALPACA_STOCK_FEED", "iex|sip", "iex", "share prices: iex is one venue and free, sip needs a subscription"
    ),
    Variable(
        "ALPACA_OPTION_FEED",
        "indicative|opra",
        "indicative",
        "option prices: indicative is delayed and free, opra needs a subscription",
    ),
    Variable("ALPACA_TRADING_URL", "url", "", "instead of Alpaca's own host: loopback only, for tests"),
    Variable("ALPACA_DATA_URL", "url", "", "the same for market data"),
    Variable("TELEGRAM_CHAT_ID", "chat id", "", "the chat that alerts and reports go to; a group's id is negative"),
    Variable("TELEGRAM_ADMINS", "user ids, with commas", "", "who may do everything by chat: stop and resume too"),
    Variable("TELEGRAM_OPERATORS", "user ids, with commas", "", "who may ask, pause and approve by chat"),
    Variable("TELEGRAM_API_URL", "url", "", "instead of Telegram's own host: loopback only, for tests"),
    Variable("SMTP_HOST", "host name", "", "mail server that alerts go through; left out: no mail"),
    Variable("SMTP_PORT", "port", "587", "its port"),
    Variable("SMTP_SECURITY", "starttls|tls|none", "starttls", "none is for a mail server on this machine only"),
    Variable("SMTP_USER", "user name", "", "log in as; left out: no login"),
    Variable("SMTP_FROM", "address", "", "mail comes from here"),
    Variable("SMTP_TO", "addresses, with commas", "", "mail goes there"),
    Variable(
        "BOT_METRICS_FOLDER", "folder", "", "where each tick writes its metrics for Prometheus; left out: in the home"
    ),
    Variable(
        "BOT_TAPES", "folder", "tapes", "market data that `bot data import` keeps for backtests; relative to this file"
    ),
    Variable("ALPACA_API_KEY", "secret", "", "key id from the broker's page", secret=True),
    Variable("ALPACA_SECRET_KEY", "secret", "", "secret key from the broker's page", secret=True),
    Variable(
        "WATCH_PING_URL",
        "secret",
        "",
        "address that `bot watch` asks for when all is well: https, or http on this machine",
        secret=True,
    ),
    Variable(
        "DISCORD_WEBHOOK_URL",
        "secret",
        "",
        "webhook of the channel that reports and alerts go to (channel settings, Integrations)",
        secret=True,
    ),
    Variable("TELEGRAM_BOT_TOKEN", "secret", "", "token that @BotFather gave for the bot", secret=True),
    Variable("SMTP_PASSWORD", "secret", "", "password at the mail server", secret=True),
)
SECRET_NAMES = tuple(one.name for one in VARIABLES if one.secret)
BROKER_SECRETS = tuple(name for name in SECRET_NAMES if name.startswith("ALPACA_"))
"""Those without which the broker cannot be asked."""
SECRETS_FILE = "SECRETS_FILE"
KNOWN_NAMES: tuple[str, ...] = (
    *(one.name for one in VARIABLES),
    *(f"{name}{ending}" for name in SECRET_NAMES for ending in ("_FILE", "_B64")),
    SECRETS_FILE,
)

_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\Z")
_SIMPLE = re.compile(r"[ \t]*(?:#.*|([A-Za-z_][A-Za-z0-9_]*)=([A-Za-z0-9_./:@%+,~=-]*)[ \t]*)?\r?\Z")

_TOP = """\
# Where and whether. What to trade and how much is in desk.toml, in the home.
# The process environment wins over this file; `bot config show` prints each value and its origin.
# Keep this file to yourself (chmod 600): it may hold secrets.
"""
_SECRETS = """\
# Each secret may instead come from NAME_FILE (a file that holds it), NAME_B64 (base64 text),
# or from a file of NAME=value lines named by SECRETS_FILE.
"""


def parse_env(text: str, name: str) -> tuple[dict[str, str], list[str]]:
    """Read NAME=value lines: (values, faults with line numbers). Values are taken as they stand.

    Nothing of a faulty line is repeated: it may be a secret in the wrong place. Plain lines are read here; a file
    with quotes, escapes or spaced values goes to python-dotenv, whose answer for plain lines is the same.
    """
    values: dict[str, str] = {}
    faults: list[str] = []
    for line, key, value in _plain_lines(text) or _dotenv_lines(text):
        where = f"{name}:{line}"
        if key is None or value is None:
            faults.append(f"{where}: expected NAME=value, got a line without it (not shown: it may be a secret)")
        elif key in values:
            faults.append(f"{where}: {safe_name(key)} stands there twice")
        else:
            values[key] = value
    return values, faults


_Line = tuple[int, str | None, str | None]


def _plain_lines(text: str) -> list[_Line] | None:
    found: list[_Line] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        match = _SIMPLE.match(line)
        if match is None:
            return None
        if match[1] is not None:
            found.append((number, match[1], match[2]))
    return found


def _dotenv_lines(text: str) -> list[_Line]:
    from io import StringIO

    from dotenv.parser import parse_stream

    # A binding starts at the blank lines before it; its own line is where its last line begins.
    found: list[_Line] = []
    for one in parse_stream(StringIO(text)):
        blank = len(one.original.string) - len(one.original.string.lstrip())
        line = one.original.line + one.original.string[:blank].count("\n")
        if one.error or (one.key is not None and one.value is None):
            found.append((line, None, None))
        elif one.key is not None:
            found.append((line, one.key, one.value))
    return found


def unknown_names(values: Mapping[str, str], name: str) -> list[str]:
    """Name each variable nobody reads, with the nearest known name."""
    return [
        f"{name}: unknown variable {safe_name(key)}{nearest(key, KNOWN_NAMES)}"
        for key in values
        if key not in KNOWN_NAMES
    ]


def safe_name(key: str) -> str:
    """Give a variable's name, unless it may be a secret pasted in the wrong place."""
    return key if _NAME.match(key) and len(key) <= 40 else "(not shown: it may be a secret)"


def env_text(values: Mapping[str, str] | None = None) -> str:
    """Write a commented .env; what is not given is commented out at its default, or left empty."""
    given = values or {}
    lines = [_TOP]
    for one in VARIABLES:
        if one.name == SECRET_NAMES[0]:
            lines.append(_SECRETS)
        lines.append(f"# {one.allowed}: {one.meaning}")
        if one.name in given:
            lines.append(f"{one.name}={quoted(given[one.name])}")
        elif one.default and one.name != "BOT_HOME":
            lines.append(f"{one.name}={one.default}")
        else:
            lines.append(f"# {one.name}={one.default}")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def quoted(value: str) -> str:
    """Write a value so that reading it back gives the same text."""
    if _SIMPLE.match(f"A={value}") and "\n" not in value:
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def read_env_file(path: Path) -> tuple[dict[str, str], list[str]]:
    """Read a file of NAME=value lines: (values, faults)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return {}, [f"{path}: cannot be read: {reason}"]
    return parse_env(text, path.name)
