"""The outside witness: asked for when all is well, within five seconds, and its address is a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest

from bot.config.pinging import ping_fault
from bot.config.settings import load_settings
from bot.domain.errors import ConfigError
from bot.ops import watch as watching
from bot.ops.ping import ping
from bot.tests.commands.typed import AT, Done, new_home, typed

HEALTHY = datetime.fromisoformat(AT) + timedelta(minutes=20)
CANARY = "c4n4ry-0f-the-witness"


class Witness:
    """A server on this machine that answers as told and keeps what it was asked for."""

    def __init__(self, status: int = 200, wait: float = 0.0, drip: float = 0.0, to: str = "") -> None:
        self.status, self.wait, self.drip, self.to = status, wait, drip, to
        self.asked: list[str] = []
        self.over = Event()
        self.url = ""


@contextmanager
def served(witness: Witness) -> Iterator[Witness]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            witness.asked.append(self.path)
            witness.over.wait(witness.wait)
            self.send_response(witness.status)
            if witness.to:
                self.send_header("Location", witness.to)
            self.send_header("Content-Length", "20")
            self.end_headers()
            for _ in range(20):
                if witness.over.wait(witness.drip):
                    return
                try:
                    self.wfile.write(b".")
                    self.wfile.flush()
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """Say nothing of a client that hung up."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    witness.url = f"http://127.0.0.1:{server.server_address[1]}/{CANARY}?a=1"
    try:
        yield witness
    finally:
        witness.over.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def test_a_witness_that_answers_is_asked_once_at_its_whole_address() -> None:
    with served(Witness()) as witness:
        assert ping(witness.url) == ""
    assert witness.asked == [f"/{CANARY}?a=1"]


def test_a_witness_that_says_no_or_sends_us_elsewhere_was_not_told() -> None:
    with served(Witness(status=503)) as witness:
        assert ping(witness.url) == "it answered 503"
    with served(Witness()) as other, served(Witness(status=302, to=other.url)) as witness:
        assert ping(witness.url) == "it answered 302"
    assert other.asked == []


@pytest.mark.parametrize("slow", [Witness(wait=30.0), Witness(drip=0.2)])
def test_a_slow_witness_is_given_up_body_included(slow: Witness) -> None:
    began = monotonic()
    with served(slow) as witness:
        assert ping(witness.url, 0.5) == "no whole answer within 0.5 s"
        assert monotonic() - began < 1.5


def test_a_witness_that_is_gone_is_said_without_its_address() -> None:
    with served(Witness()) as witness:
        url = witness.url
    assert ping(url) == "it could not be reached (ConnectionRefusedError)"


@pytest.mark.parametrize(
    "url",
    [
        "http://hc.example/abc", "ftp://hc.example/abc", "https://me:pw@hc.example/abc", "https://", "words",
        "https://a b/", "https://hc.example:port/",
    ],
)  # fmt: skip
def test_an_address_without_https_or_with_user_info_is_refused_and_not_shown(url: str, tmp_path: Path) -> None:
    assert ping_fault(url)
    with pytest.raises(ConfigError, match="WATCH_PING_URL: expected") as fault:
        load_settings({"WATCH_PING_URL": url}, tmp_path)
    assert url not in str(fault.value)


@pytest.mark.parametrize("url", ["https://hc.example/abc", "http://127.0.0.1:99/abc", "http://localhost/abc"])
def test_https_and_this_machine_are_taken_and_the_address_is_a_secret(url: str, tmp_path: Path) -> None:
    settings = load_settings({"WATCH_PING_URL": url}, tmp_path)
    assert settings.secrets.reveal("WATCH_PING_URL") == url
    assert url not in repr(settings)
    assert settings.secrets_missing == ()


def test_a_broker_asks_for_its_own_secrets_only(tmp_path: Path) -> None:
    settings = load_settings({"BOT_BROKER": "alpaca"}, tmp_path)
    assert [one.split()[0] for one in settings.secrets_missing] == ["ALPACA_API_KEY", "ALPACA_SECRET_KEY"]


# In `bot watch`


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--at", AT, now=HEALTHY).code == 0
    return tmp_path


def watch(folder: Path, url: str, now: datetime = HEALTHY, *words: str) -> Done:
    done = typed(folder, "watch", *words, now=now, WATCH_PING_URL=url)
    assert CANARY not in done.out + done.err
    return done


def test_the_witness_is_told_when_all_is_well(folder: Path) -> None:
    with served(Witness()) as witness:
        done = watch(folder, witness.url)
        assert (done.code, done.err) == (0, "")
        assert "the record holds, pinged" in done.out
        assert json.loads(watch(folder, witness.url, HEALTHY, "--json").out)["pinged"] is True
    assert len(witness.asked) == 2


def test_the_witness_is_not_told_when_anything_is_amiss(folder: Path) -> None:
    with served(Witness()) as witness:
        assert watch(folder, witness.url, HEALTHY + timedelta(hours=1)).code == 1
        (folder / "data" / "ledger.sqlite").unlink()
        assert watch(folder, witness.url).code == 1
    assert witness.asked == []


def test_a_ping_that_fails_is_a_warning_and_no_alarm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "ping", lambda url: ping(url, 0.3))
    with served(Witness(drip=0.1)) as witness:
        done = watch(folder, witness.url)
        assert done.code == 0
        assert "warning: the ping failed: no whole answer within 0.3 s" in done.err
        assert "all is well" in done.out
    gone = watch(folder, witness.url)
    assert gone.code == 0
    assert "warning: the ping failed: it could not be reached (ConnectionRefusedError)" in gone.err
