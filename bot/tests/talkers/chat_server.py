"""A server on this machine that stands for a chat's: it keeps what it took, and breaks in the ways the wire does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import msgspec

PNG = b"\x89PNG\r\n\x1a\n"


class Fault(msgspec.Struct, frozen=True):
    """One way an exchange breaks. `kind`: status, limit, slow, drip, hang_up, garbage, empty, large, redirect.

    `takes`: the message is kept before it breaks. `status` and `body` for kind status; `seconds` for limit and slow.
    """

    kind: str
    takes: bool = False
    status: int = 200
    body: bytes | None = None
    seconds: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    fields: dict[str, Any]
    files: dict[str, bytes]


class Reply(msgspec.Struct, frozen=True):
    """What the server says to a sound or unsound request; `kept` is what it then has."""

    status: int
    told: Any
    kept: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()


class ChatServer:
    """Keeps every request in `asked` and every message it took in `taken`; `faults` are used up in order."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.taken: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.port = 0
        self.closing = Event()

    @property
    def address(self) -> str:
        """Give where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def reply(self, asked: Asked) -> Reply:
        """Answer one request by the chat's rules."""
        raise NotImplementedError

    def limited(self, seconds: float) -> Reply:
        """Answer one request too many."""
        raise NotImplementedError

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listen on a free port of this machine until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"chat": self}))
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.closing.set()
            server.shutdown()
            server.server_close()
            thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    """One exchange with a chat, as its faults have it."""

    chat: ChatServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fields, files = _parts(self.headers.get("Content-Type", ""), body)
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, fields, files)
        self.chat.asked.append(asked)
        fault = self.chat.faults.pop(0) if self.chat.faults else None
        if fault is None or fault.takes:
            reply = self.chat.reply(asked)
            if reply.kept is not None:
                self.chat.taken.append(reply.kept)
            if fault is None:
                self._say(reply)
        if fault is not None:
            self._break(fault)

    def _break(self, fault: Fault) -> None:
        if fault.kind == "limit":
            self._say(self.chat.limited(fault.seconds))
        elif fault.kind == "status":
            self._raw(fault.status, b"{}" if fault.body is None else fault.body, dict(fault.headers))
        elif fault.kind == "garbage":
            self._raw(200, b'\xff{"id": <html>' if fault.body is None else fault.body, {})
        elif fault.kind == "empty":
            self._raw(200, b"", {})
        elif fault.kind == "large":
            self._raw(200, b'{"x": "' + b"y" * 3_000_000 + b'"}', {})
        elif fault.kind == "redirect":
            self._raw(307, b"", {"Location": f"{self.chat.address}/elsewhere"})
        elif fault.kind == "slow":
            self.chat.closing.wait(fault.seconds)
        elif fault.kind == "drip":
            self._drip(fault.seconds)
        else:
            assert fault.kind == "hang_up", fault.kind

    def _drip(self, seconds: float) -> None:
        """Send an endless header, a byte at a time: each byte comes in time, the whole never does."""
        end = time.monotonic() + seconds
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            while time.monotonic() < end and not self.chat.closing.is_set():
                self.wfile.write(b"x")
                time.sleep(0.02)
        except OSError:
            pass

    def _say(self, reply: Reply) -> None:
        body = b"" if reply.told is None else json.dumps(reply.told).encode()
        self._raw(reply.status, body, {"Content-Type": "application/json", **dict(reply.headers)})

    def _raw(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # whoever asked has hung up


def _parts(kind: str, body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read a JSON body, or a form in parts: its plain fields and its files by their names."""
    if kind.startswith("application/json"):
        return json.loads(body), {}
    fields: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    if kind.startswith("multipart/form-data"):
        whole = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        for part in whole.iter_parts():
            named = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if part.get_filename():
                files[named] = content
                fields[f"{named} filename"] = part.get_filename()
            else:
                fields[named] = content.decode()
    return fields, files
