"""The address that `bot watch` pings: what is allowed there. It is a secret, so no word here repeats it."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.venues.hosts import LOOPBACK, PRINTABLE


def ping_fault(url: str) -> str:
    """Say what is wrong with the address to ping, or nothing.

    >>> ping_fault("https://hc.example/abc")
    ''
    >>> ping_fault("http://hc.example/abc")
    'WATCH_PING_URL: expected https (plain http to this machine only); the address is not shown, it is a secret'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    fault = ""
    if not host or not PRINTABLE.fullmatch(url) or "\\" in url:
        fault = "expected an https address"
    elif "@" in parts.netloc:
        fault = "expected an address without user info"
    elif parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        fault = "expected https (plain http to this machine only)"
    return f"WATCH_PING_URL: {fault}; the address is not shown, it is a secret" if fault else ""
