"""The pretended Alpaca on loopback: both APIs on one port, with keys, rate limits and faults on demand."""

from __future__ import annotations

import json
import socket
import struct
import sys
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from bot.tests.alpaca import data_api, trading_api
from bot.tests.alpaca.facts import Fault, Refusal, Seen
from bot.tests.alpaca.trading_api import Answer
from bot.tests.alpaca.world import AlpacaWorld

DRIP_BYTES = 8


def is_data(path: str) -> bool:
    """Say whether a path belongs to the market data API."""
    return path.startswith(("/v2/stocks", "/v1beta1/", "/v1/"))


class AlpacaServer:
    """Serve a world while the context lasts; `url` replaces both of Alpaca's hosts."""

    def __init__(self, world: AlpacaWorld) -> None:
        self.world = world
        self.stopped = Event()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Give the address to set as ALPACA_TRADING_URL and ALPACA_DATA_URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> AlpacaServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    owner: AlpacaServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up; any other failure of a handler is shown by the base class."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: `AlpacaWorld.seen` is the log."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def _serve(self, method: str) -> None:
        world = self.server.owner.world
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        query = {key: ",".join(values) for key, values in parse_qs(parts.query).items()}
        with world.lock:
            left, let_through = world.count_request(data=is_data(path))
            fault = world.next_fault(method, path) if let_through else None
            try:
                sent = json.loads(raw) if raw else None
            except ValueError:
                sent = raw.decode(errors="replace")
            if not let_through:
                answer = Answer(429, {"message": "too many requests."})
            elif fault is not None and not fault.processed:
                answer = Answer(fault.status or 500, {"message": "internal server error"})
            else:
                answer = self._answer(world, method, path, query, sent)
                if fault is not None and fault.again:
                    answer = self._answer(world, method, path, query, sent)
            if fault is not None and fault.status:
                answer = Answer(fault.status, {"code": fault.status * 100000, "message": "out of order"})
            if fault is not None and fault.change is not None:
                answer = Answer(answer.status, fault.change(answer.body))
            cut = fault is not None and (fault.cut or fault.reset)
            world.seen.append(Seen(method, path, query, sent, 0 if cut else answer.status))
            reset = int((world.at.replace(second=0, microsecond=0) + timedelta(minutes=1)).timestamp())
            limits = {
                "X-RateLimit-Limit": str(world.requests_a_minute), "X-RateLimit-Remaining": str(left),
                "X-RateLimit-Reset": str(reset),
            }  # fmt: skip
        self._reply(answer, limits, fault)

    def _answer(self, world: AlpacaWorld, method: str, path: str, query: dict[str, str], sent: Any) -> Answer:
        """Check the keys and ask the API the path belongs to."""
        data = is_data(path)
        key, secret = self.headers.get("APCA-API-KEY-ID"), self.headers.get("APCA-API-SECRET-KEY")
        if not key or not secret:
            return Answer(401, {"code": 40110000, "message": "request is not authorized"})
        if (key, secret) != (world.key, world.secret):
            return Answer(401 if data else 403, {"message": "forbidden."})
        try:
            if data:
                found = data_api.answer(world, method, path, query)
            elif path.startswith("/v2/"):
                found = trading_api.answer(world, method, path.removeprefix("/v2"), query, sent)
            else:
                found = None
        except Refusal as refusal:
            shown = (
                {"message": str(refusal)} if data else {"code": refusal.code, "message": str(refusal), **refusal.fields}
            )
            return Answer(refusal.status, shown)
        return found if found is not None else Answer(404, {"message": "Not Found"})

    def _reply(self, answer: Answer, limits: dict[str, str], fault: Fault | None) -> None:
        stopped = self.server.owner.stopped
        if fault is not None and fault.delay:
            stopped.wait(fault.delay)
        if fault is not None and fault.reset:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        if fault is not None and fault.cut:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = b"" if answer.body is None else json.dumps(answer.body).encode()
        if fault is not None and fault.body is not None:
            body = fault.body
        self.send_response(answer.status)
        for name, value in limits.items():
            self.send_header(name, value)
        for name, value in (fault.headers if fault is not None else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", fault.content_type if fault is not None else "application/json")
        if answer.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault is None or not fault.drip:
            self.wfile.write(body)
            return
        for start in range(0, len(body), DRIP_BYTES):
            self.wfile.write(body[start : start + DRIP_BYTES])
            if stopped.wait(fault.drip):
                return
