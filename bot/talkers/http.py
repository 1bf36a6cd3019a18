"""One exchange over HTTP with an address that is itself a secret: timed as a whole, capped, followed nowhere.

What comes back is a value; no exception leaves here, and no word in it repeats the address. The one thing a caller
must know after a failure is whether anything can have arrived: `left` is true from the first byte that was sent.
"""

from __future__ import annotations

import json
import logging
import socket
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

from msgspec import field

from bot.domain.facts import Fact

BODY_BYTES = 1_000_000
_CHUNK = 65_536
_THREAD = "talker"
_CHATTY = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry", "urllib3.response")


class Answer(Fact, frozen=True, kw_only=True):
    """What came back: a status (0: none), headers in small letters, the body; or, in words, why nothing did.

    `left` is false only where provably no byte of the request was sent.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    left: bool = False
    words: str = ""

    def json(self) -> Any:
        """Give the body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def exchange(
    method: str, url: str, *, seconds: float, fields: dict[str, Any] | None = None,
    data: dict[str, str] | None = None, files: dict[str, tuple[str, bytes, str]] | None = None,
) -> Answer:  # fmt: skip
    """Ask once and give the answer within `seconds`, which cover the name, the handshake, the header and the body.

    `fields` go as JSON; `data` and `files` as a form in parts. A request that is given up before its first byte is
    never sent later: whoever asks again then cannot double it.
    """
    one = _Exchange(method, url, seconds, fields, data, files)
    thread = Thread(target=one.run, name=_THREAD, daemon=True)
    thread.start()
    thread.join(seconds)
    return one.give_up(seconds)


class _Exchange:
    """One exchange in a thread of its own, which whoever waits for it may abandon."""

    def __init__(
        self, method: str, url: str, seconds: float, fields: dict[str, Any] | None, data: dict[str, str] | None,
        files: dict[str, tuple[str, bytes, str]] | None,
    ) -> None:  # fmt: skip
        import requests  # before the time runs: the first load of a process takes a while

        self._requests = requests
        self._method, self._url, self._seconds = method, url, seconds
        self._fields, self._data, self._files = fields, data, files
        self._lock = Lock()
        self._left = self._abandoned = False
        self._socket: Any = None
        self._answer: Answer | None = None

    def give_up(self, seconds: float) -> Answer:
        """Give the answer if there is one; else let nothing more be sent, hang up and say so."""
        with self._lock:
            if self._answer is not None:
                return self._answer
            self._abandoned = True
            left, held = self._left, self._socket
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        return Answer(left=left, words=f"no whole answer within {seconds:g} s")

    def run(self) -> None:
        """Ask, and keep the answer or the kind of error."""
        try:
            answer = self._ask()
        except Exception as error:  # noqa: BLE001 - its words, and a thread's traceback, would repeat the address
            kind = "the connection broke" if self._left else "it could not be reached"
            answer = Answer(left=self._left, words=f"{kind} ({type(error).__name__})")
        with self._lock:
            self._answer = answer

    def leaves(self) -> None:
        """Mark that a byte is about to leave; refuse where nobody waits any more."""
        with self._lock:
            if self._abandoned:
                raise TimeoutError("nobody waits for this request any more")
            self._left = True

    def holds(self, held: Any) -> None:
        """Keep the socket, so that it can be hung up."""
        self._socket = held

    def _ask(self) -> Answer:
        for name in _CHATTY:
            logging.getLogger(name).addFilter(_not_ours)  # a filter that stands already is not added twice
        with self._requests.Session() as session:
            session.trust_env = False  # no .netrc, no proxy of the environment: the address goes to its own host only
            adapter = self._requests.adapters.HTTPAdapter(max_retries=0)
            manager: Any = adapter.poolmanager
            manager.pool_classes_by_scheme = {
                scheme: _watched(kind, self) for scheme, kind in manager.pool_classes_by_scheme.items()
            }
            for scheme in ("https://", "http://"):
                session.mount(scheme, adapter)
            with session.request(
                self._method, self._url, json=self._fields, data=self._data, files=self._files, stream=True,
                timeout=self._seconds, allow_redirects=False,
                headers={"User-Agent": "escapement", "Accept-Encoding": "identity"},
            ) as response:  # fmt: skip
                headers = {key.lower(): value for key, value in response.headers.items()}
                body = bytearray()
                for chunk in response.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > BODY_BYTES:
                        return Answer(
                            status=response.status_code, headers=headers, left=True,
                            words=f"it answered {response.status_code} with more than {BODY_BYTES:,} bytes",
                        )  # fmt: skip
                return Answer(
                    status=response.status_code, headers=headers, body=bytes(body), left=True,
                    words=f"it answered {response.status_code}",
                )  # fmt: skip


def _not_ours(record: logging.LogRecord) -> bool:
    """Drop what the library below would log about our exchanges: it logs whole addresses."""
    return record.threadName != _THREAD


def _watched(pool: Any, one: _Exchange) -> Any:
    """Give a pool whose connections tell the exchange when the first byte leaves, and which socket it leaves by."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def _new_conn(self) -> Any:
            made = super()._new_conn()
            one.holds(made)
            return made

        def connect(self) -> None:
            super().connect()
            one.holds(self.sock)

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            one.leaves()
            super().send(data)

    return type("Pool", (pool,), {"ConnectionCls": Connection})
