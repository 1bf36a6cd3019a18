"""The pretended Alpaca without a socket: it stands below the client's wire, in this process, and answers in bytes.

Everything above the socket is as it is for real: the client's reading of bytes, its retries, its allowance.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.brokers.alpaca import AlpacaBroker
from bot.tests.alpaca import data_api, trading_api
from bot.tests.alpaca.facts import Refusal, Seen
from bot.tests.alpaca.server import is_data
from bot.tests.alpaca.trading_api import Answer as Told
from bot.tests.alpaca.world import AlpacaWorld
from bot.venues import alpaca_client
from bot.venues.answers import Answer

Bend = Callable[[str, str, Any], bytes | None]
"""Given method, path and the answer's body: the bytes to answer with instead, or None to leave it."""


class Air:
    """What carries the requests of every client of this process to a world. `bend` may be changed at any time."""

    def __init__(self, world: AlpacaWorld) -> None:
        self.world = world
        self.bend: Bend | None = None
        self._one_at_a_time = Lock()

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
        """Answer one request at once, bent where it is asked for."""
        path, query = urlsplit(url).path, dict(params or {})
        with self._one_at_a_time, self.world.lock:
            told = _told(self.world, method, path, query, json)
            self.world.seen.append(Seen(method, path, query, json, told.status))
            bent = None if self.bend is None or told.status >= 400 else self.bend(method, path, told.body)
        return Answer(told.status, {}, _bytes(told.body) if bent is None else bent)

    def close(self) -> None:
        """Let go of nothing."""


def _told(world: AlpacaWorld, method: str, path: str, query: dict[str, str], sent: Any) -> Told:
    try:
        if is_data(path):
            found = data_api.answer(world, method, path, query)
        else:
            found = trading_api.answer(world, method, path.removeprefix("/v2"), query, sent)
    except Refusal as refusal:
        return Told(refusal.status, {"code": refusal.code, "message": str(refusal), **refusal.fields})
    return found if found is not None else Told(404, {"message": "Not Found"})


def _bytes(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


@contextmanager
def wireless(world: AlpacaWorld) -> Iterator[Air]:
    """Carry every request of this process to a world directly while the context lasts; nothing waits."""
    air = Air(world)

    def at_once(seconds: float) -> None:
        """Wait for nothing."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alpaca_client, "Wire", lambda seconds_left, body_bytes: air)
        for door in (alpaca_client.AlpacaClient, AlpacaBroker):
            given = door.__init__.__kwdefaults__
            assert given is not None, "both take their pause by name"
            patch.setitem(given, "pause", at_once)
        yield air
