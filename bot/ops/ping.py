"""One request to an outside witness that raises its own alarm when these stop coming."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread

SECONDS = 5.0
BODY_BYTES = 65_536


def ping(url: str, seconds: float = SECONDS) -> str:
    """Ask for an address once and give nothing when it answered 2xx in time, else why not.

    The time covers looking the name up, the handshake and the body. No word of the address is repeated; nothing is
    followed elsewhere.
    """
    one = _Ping(url, seconds)
    thread = Thread(target=one.run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        one.hang_up()
        thread.join(0.5)
        return f"no whole answer within {seconds:g} s"
    return one.fault


class _Ping:
    """One exchange in a thread of its own; whoever waits for it may hang up."""

    def __init__(self, url: str, seconds: float) -> None:
        from http.client import HTTPConnection, HTTPSConnection
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.fault = "it was never sent"

    def run(self) -> None:
        """Ask, read the answer, and keep what went wrong."""
        from http.client import HTTPException

        try:
            self._connection.request("GET", self._target, headers={"User-Agent": "escapement"})
            answer = self._connection.getresponse()
            answer.read(BODY_BYTES)
            self.fault = "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
        except (OSError, HTTPException, ValueError) as error:
            self.fault = f"it could not be reached ({type(error).__name__})"  # its words may repeat the address
        finally:
            self._connection.close()

    def hang_up(self) -> None:
        """End an exchange that takes too long."""
        held = self._connection.sock
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
