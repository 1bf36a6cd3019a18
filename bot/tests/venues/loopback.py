"""A server on this machine that follows a script: whole answers, or hands that misbehave on a raw connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple

GIVE_UP_SECONDS = 5.0
REASONS = {200: "OK", 204: "No Content"}


class Seen(NamedTuple):
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Hand = Callable[[socket.socket], None]


def answer(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Spell a whole answer; a body that is not bytes goes out as JSON."""
    content = body if isinstance(body, bytes) else b"" if status == 204 else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Something')}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def cut(connection: socket.socket) -> None:
    """Hang up without a word."""
    connection.shutdown(socket.SHUT_RDWR)


class Loopback:
    """Answers request after request from its script; past its end the last entry is repeated."""

    def __init__(self, *script: bytes | Hand) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.stopped = threading.Event()
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Loopback:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stopped.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(GIVE_UP_SECONDS)
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            file = connection.makefile("rb")
            while (request := read_request(file)) is not None:
                with self._lock:
                    part = self.script[min(len(self.seen), len(self.script) - 1)]
                    self.seen.append(request)
                if isinstance(part, bytes):
                    connection.sendall(part)
                else:
                    part(connection)
        except (OSError, ValueError):
            return
        finally:
            connection.close()


def read_request(file: Any) -> Seen | None:
    """Read one request, or None at the end of the connection."""
    first = file.readline().decode().split()
    if len(first) < 2:
        return None
    headers: dict[str, str] = {}
    while line := file.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Seen(first[0], first[1], headers, file.read(int(headers.get("content-length", "0"))))
