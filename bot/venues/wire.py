"""One HTTP exchange within a time that holds: name look-up, connecting, sending and the last byte of the body.

Each exchange runs in a daemon thread of its own. Whoever asked waits no longer than the time allows, whatever the
server, the resolver or the operating system does, and a process that ends does not wait for such a thread. A thread
given up on can no longer send: it asks leave right before each write, and its connection is shut.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bot.venues.answers import Answer

CHUNK = 1 << 16
CONNECTIONS = 16


class NoAnswer(Exception):
    """An exchange that gave no whole answer; whether it reached the venue is not known."""


class TooLarge(NoAnswer):
    """A body larger than any answer; asking again would bring it again."""


class NotStarted(NoAnswer):
    """No time was left to begin: nothing was sent."""


class _Abandoned(Exception):
    """Nobody waits for this exchange any more."""


class Carrier(Protocol):
    """What carries a request to a venue and brings its answer: the network, or a venue in memory."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None,
        json: Any = None, allow_redirects: bool = False,
    ) -> Answer: ...  # fmt: skip

    def close(self) -> None: ...


class _Exchange:
    """What a waiting caller and the thread that carries its request share."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.done = threading.Event()
        self.answer: Answer | None = None
        self.failure: Exception | None = None
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._abandoned = False
        self._socket: socket.socket | None = None

    def may_leave(self, connected: socket.socket) -> None:
        """Give leave to write to the venue, or raise when it is too late for that."""
        with self._lock:
            if self._abandoned or time.monotonic() >= self._end:
                raise _Abandoned
            self._socket = connected

    def abandon(self) -> None:
        """Give up: nothing is written from here on, and a read that waits is woken."""
        with self._lock:
            self._abandoned = True
            connected = self._socket
        if connected is not None:
            try:
                socket.socket.shutdown(
                    connected, socket.SHUT_RDWR
                )  # below TLS: its own shutdown is not for two threads
            except OSError:
                return  # closed already


_carried = threading.local()


class _Gate:
    """Asks the exchange of this thread for leave before any byte is written. Mixed into urllib3's connections."""

    sock: Any
    connect: Callable[[], None]

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _carried.exchange.may_leave(self.sock)
        super().send(data)  # type: ignore[misc]


class Wire:
    """Stands where alpaca-py keeps its requests session; gives an `Answer` or raises NoAnswer.

    No redirect is followed, nothing is read from the environment (proxies, .netrc), no request is repeated, and a
    body, unpacked, is read no further than `body_bytes` says.
    """

    def __init__(self, seconds_left: Callable[[], float], body_bytes: Callable[[], int]) -> None:
        from requests import Session
        from requests.adapters import HTTPAdapter

        self._seconds_left = seconds_left
        self._body_bytes = body_bytes
        self._session = Session()
        self._session.trust_env = False
        self._session.headers["Accept-Encoding"] = "gzip"
        self._adapter = HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS, max_retries=0)
        manager: Any = self._adapter.poolmanager
        manager.pool_classes_by_scheme = {
            scheme: _gated(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        json: Any = None,
        allow_redirects: bool = False,
    ) -> Answer:
        """Make one exchange, once. Raises NoAnswer with the reason in words."""
        from requests import Request

        assert not allow_redirects, "alpaca-py follows no redirects, and neither do we"
        prepared = self._session.prepare_request(
            Request(method, url, headers=dict(headers), params=dict(params or {}), json=json)
        )
        seconds = self._seconds_left()
        if seconds <= 0:
            raise NotStarted("the time for requests is over")
        exchange = _Exchange(seconds)
        threading.Thread(target=self._carry, args=(exchange, prepared), daemon=True).start()
        ended = exchange.done.wait(seconds)
        if not ended:
            exchange.abandon()
        if not ended or isinstance(exchange.failure, _Abandoned):
            raise NoAnswer(f"no whole answer within {seconds:.1f} seconds")
        if exchange.answer is not None:
            return exchange.answer
        assert exchange.failure is not None
        if isinstance(exchange.failure, NoAnswer):
            raise exchange.failure
        raise NoAnswer(_why(exchange.failure)) from None

    def close(self) -> None:
        """Drop idle connections; a later request opens new ones."""
        self._adapter.close()
        self._session.close()

    def _carry(self, exchange: _Exchange, prepared: Any) -> None:
        _carried.exchange = exchange
        try:
            response = self._adapter.send(prepared, stream=True, timeout=exchange.seconds, verify=True, proxies={})
            try:
                body = _whole_body(response, self._body_bytes())
            finally:
                response.close()
            exchange.answer = Answer(response.status_code, response.headers, body)
        except Exception as failure:  # noqa: BLE001 - whatever it was, the caller is told why
            exchange.failure = failure
        finally:
            exchange.done.set()


def _gated(pool: Any) -> Any:
    """Make a pool class whose connections ask for leave before they write."""
    connection = type(pool.ConnectionCls.__name__, (_Gate, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def _whole_body(response: Any, most: int) -> bytes:
    """Read a body to its end, unpacked, or raise TooLarge as soon as it is."""
    declared = response.headers.get("Content-Length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > most):
        raise TooLarge(f"the answer is larger than {most:,} bytes")
    parts, size = [], 0
    while part := response.raw.read(CHUNK, decode_content=True):
        size += len(part)
        if size > most:
            raise TooLarge(f"the answer is larger than {most:,} bytes")
        parts.append(part)
    return b"".join(parts)


def _why(failure: BaseException) -> str:
    """Say in a few words what went wrong: the innermost cause, without addresses and queries."""
    seen: list[BaseException] = []
    inner: BaseException | None = failure
    while inner is not None and inner not in seen:
        seen.append(inner)
        inner = inner.__cause__ or inner.__context__
    if any(isinstance(one, socket.gaierror) for one in seen):
        return "the host's name could not be looked up"
    for one in reversed(seen):
        if isinstance(one, TimeoutError):
            return "it took too long"
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
    return f"{type(seen[-1]).__name__}: {str(seen[-1])[:120]}"
