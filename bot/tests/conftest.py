"""What holds for every test: no network, a clean environment, the same examples each time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[2]
# Read before the environment is scrubbed; a folder of recorded market data beside the project's root.
MATERIAL = Path(os.environ.get("BOT_TEST_MATERIAL") or ROOT.parent / "shared")
OURS = ("BOT_", "ALPACA_", "WATCH_")

settings.register_profile(
    "default", max_examples=40, derandomize=True, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.register_profile(
    "soak", max_examples=5_000, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


class NetworkClosed(AssertionError):
    """A test tried to leave this machine."""


def _refuse_unless_local(family: int, address: Any) -> None:
    if family == socket.AF_UNIX:
        return
    host = str(address[0]) if isinstance(address, tuple) else str(address)
    if host in ("localhost", "::1") or host.startswith("127."):
        return
    raise NetworkClosed(f"a test opened a connection to {address!r}: hand it a world of its own instead")


@pytest.fixture(autouse=True)
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and name look-up that would leave this machine."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_unless_local(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_unless_local(self.family, address)
        return connect_ex(self, address)

    def guarded_look_up(host: Any, *rest: Any, **named: Any) -> Any:
        if host is not None:
            _refuse_unless_local(socket.AF_INET, (host.decode() if isinstance(host, bytes) else host, 0))
        return look_up(host, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the owner's own settings and locked accounts, and undo whatever a test leaves in the environment."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(OURS):
            del os.environ[name]
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.getbasetemp() / "state")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def material() -> Path:
    """Give the folder of recorded market data and published API documents, or skip saying how to name one."""
    if not (MATERIAL / "data").is_dir():
        pytest.skip(f"no test material at {MATERIAL}: set BOT_TEST_MATERIAL to a folder with data/ and contracts/")
    return MATERIAL
