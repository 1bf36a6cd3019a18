"""Alpaca's own hosts, what may replace them, and which keys belong to which."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from bot.domain.errors import ConfigError

TRADING_HOSTS = {"paper": "paper-api.alpaca.markets", "live": "api.alpaca.markets"}
DATA_HOST = "data.alpaca.markets"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
KEY_STARTS = {"paper": "PK", "live": "AK"}
VERSION_TAIL = re.compile(r"(/v[0-9]+(beta[0-9]+)?)?/*")
PRINTABLE = re.compile(r"[!-~]+")


def trading_url(environment: str, override: str = "") -> str:
    """Give the trading host's address, without version and without a slash at the end.

    `override` (ALPACA_TRADING_URL) may name Alpaca's host of the same environment or this machine; a `/v2` or a
    slash behind it is put right. Raises ConfigError saying what was expected.

    >>> trading_url("paper", "https://paper-api.alpaca.markets/v2/")
    'https://paper-api.alpaca.markets'
    """
    own = TRADING_HOSTS.get(environment)
    if own is None:
        raise ConfigError(f"ALPACA_ENV: expected paper or live, got {environment!r}")
    return _address("ALPACA_TRADING_URL", own, override, f"with ALPACA_ENV={environment} ")


def data_url(override: str = "") -> str:
    """Give the market data host's address, without version and without a slash at the end.

    `override` (ALPACA_DATA_URL) may name Alpaca's data host or this machine. Raises ConfigError.

    >>> data_url("")
    'https://data.alpaca.markets'
    """
    return _address("ALPACA_DATA_URL", DATA_HOST, override, "")


def check_keys(environment: str, key: str, secret: str = "-") -> None:
    """Raise ConfigError for keys that cannot be right, before anything is sent.

    Alpaca's paper keys start with PK and its live keys with AK; other beginnings are left to Alpaca to judge.
    """
    faults = []
    for name, value in (("ALPACA_API_KEY", key), ("ALPACA_SECRET_KEY", secret)):
        if not value:
            faults.append(f"{name} is not set: put the {environment} account's key pair into .env (Alpaca, API keys)")
        elif not PRINTABLE.fullmatch(value):
            faults.append(f"{name} holds blanks or characters no key has: copy it again from Alpaca")
    for other, start in KEY_STARTS.items():
        if key.startswith(start) and other != environment:
            faults.append(
                f"ALPACA_API_KEY starts with {start}: it is a key of the {other} environment, but ALPACA_ENV is "
                f"{environment}; take the {environment} account's key pair, or set ALPACA_ENV={other}"
            )
    if faults:
        raise ConfigError(faults)


def _address(variable: str, own: str, override: str, when: str) -> str:
    """Check an override of `own`, or give `own` itself."""
    text = override.strip()
    if not text:
        return f"https://{own}"
    allowed = f"{variable}: {when}expected https://{own} or this machine (http://127.0.0.1:PORT)"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError(f"{allowed}, got an address that cannot be read ({error})") from error
    fault = _form_fault(parts, text)
    if not fault and host in LOOPBACK:
        shown = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    if not fault and host != own:
        fault = f"the host {host!r}"
    if not fault and parts.scheme != "https":
        fault = f"{parts.scheme} to Alpaca (keys travel only under https)"
    if not fault and port not in (None, 443):
        fault = f"port {port}"
    if fault:
        raise ConfigError(f"{allowed}, got {fault}")
    return f"https://{own}"


def _form_fault(parts: SplitResult, text: str) -> str:
    """Say what in an address belongs in none of ours; user info is never repeated."""
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        return "an address with user info"
    if not PRINTABLE.fullmatch(text) or "\\" in text:
        return "an address with blanks or odd characters"
    if parts.scheme not in ("http", "https"):
        return f"the scheme {parts.scheme!r}" if parts.scheme and parts.netloc else "text that is no http address"
    if not parts.hostname:
        return "an address without a host"
    if "?" in text or "#" in text:
        return "an address with a query or fragment"
    if not VERSION_TAIL.fullmatch(parts.path):
        return f"the path {parts.path!r} (name the host only)"
    return ""
