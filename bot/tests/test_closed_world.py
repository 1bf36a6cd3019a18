"""The walls around the tests themselves stand."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "paper-api.alpaca.markets"])
def test_no_test_reaches_beyond_this_machine(host: str) -> None:
    with pytest.raises(AssertionError, match="opened a connection"):
        socket.create_connection((host, 443), timeout=0.1)
    with socket.socket() as plain, pytest.raises(AssertionError, match="opened a connection"):
        plain.connect((host, 443))
    with socket.socket() as plain, pytest.raises(AssertionError, match="opened a connection"):
        plain.connect_ex((host, 443))


def test_a_server_on_this_machine_is_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_the_owners_settings_do_not_reach_a_test(root: Path, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((root / "bot/tests/conftest.py").read_text())
    (tmp_path / "test_inner.py").write_text(
        "import os\n"
        "def test_first():\n"
        "    assert not [name for name in os.environ if name.startswith(('BOT_', 'ALPACA_'))]\n"
        "    os.environ['BOT_MODE'] = 'live'\n"
        "def test_second():\n"
        "    assert 'BOT_MODE' not in os.environ\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_inner.py"],
        cwd=tmp_path, env={**os.environ, "BOT_MODE": "live", "ALPACA_API_KEY": "x"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
