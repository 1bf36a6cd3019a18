"""One exchange: its time holds whatever the other side does, and its body is bounded."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.tests.venues.loopback import Hand, Loopback, answer, cut
from bot.venues.answers import Answer
from bot.venues.wire import NoAnswer, NotStarted, TooLarge, Wire

SECONDS = 0.25
SLACK = 1.0
BYTES = 1 << 20


@contextmanager
def wire_to(*script: bytes | Hand, seconds: float = SECONDS) -> Iterator[tuple[Loopback, Wire]]:
    wire = Wire(lambda: seconds, lambda: BYTES)
    with Loopback(*script) as server:
        yield server, wire
    wire.close()


def ask(wire: Wire, server: Loopback, method: str = "GET", **rest: Any) -> Answer:
    return wire.request(method, f"{server.url}/v2/thing", headers={"X-One": "1"}, **rest)


def drip(*bits: bytes, again: bytes) -> Hand:
    """Send bits, then one more every few milliseconds until hung up on."""

    def hand(connection: socket.socket) -> None:
        for bit in bits:
            connection.sendall(bit)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            connection.sendall(again)
            time.sleep(0.005)

    return hand


def silence(connection: socket.socket) -> None:
    """Read and say nothing until hung up on."""
    connection.recv(1)


SLOW = {
    "says nothing": silence,
    "drips its status line": drip(again=b"H"),
    "drips its headers": drip(b"HTTP/1.1 200 OK\r\n", again=b"X-A: b\r\n"),
    "drips one endless header": drip(b"HTTP/1.1 200 OK\r\nX-A: ", again=b"b"),
    "drips its body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", again=b" "),
    "drips chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", again=b"1\r\n \r\n"),
    "says go on for ever": drip(again=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "never ends a body without length": drip(b"HTTP/1.1 200 OK\r\n\r\n", again=b" "),
}


@pytest.mark.parametrize("hand", SLOW.values(), ids=list(SLOW))
def test_a_server_holds_an_exchange_no_longer_than_its_time(hand: Hand) -> None:
    with wire_to(hand) as (server, wire):
        before = time.monotonic()
        with pytest.raises(NoAnswer, match=r"no whole answer within 0\.2 seconds|it took too long"):
            ask(wire, server)
        assert time.monotonic() - before < SECONDS + SLACK


def test_the_thread_of_an_exchange_given_up_on_ends() -> None:
    with wire_to(SLOW["drips its headers"]) as (server, wire):
        with pytest.raises(NoAnswer):
            ask(wire, server)
        end = time.monotonic() + 2
        while time.monotonic() < end and any("_carry" in thread.name for thread in threading.enumerate()):
            time.sleep(0.01)
        assert [thread.name for thread in threading.enumerate() if "_carry" in thread.name] == []


def test_a_name_that_is_never_looked_up_holds_an_exchange_no_longer_than_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    look_up = socket.getaddrinfo

    def slow(*args: Any, **named: Any) -> Any:
        released.wait(5)
        return look_up(*args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with wire_to(answer({})) as (server, wire):
        before = time.monotonic()
        with pytest.raises(NoAnswer, match="no whole answer"):
            ask(wire, server)
        assert time.monotonic() - before < SECONDS + SLACK
        released.set()


def test_a_request_given_up_on_while_connecting_never_leaves_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that was reported as unknown must not arrive a minute afterwards."""
    released = threading.Event()
    look_up = socket.getaddrinfo

    def slow(*args: Any, **named: Any) -> Any:
        released.wait(5)
        return look_up(*args, **named)

    with wire_to(answer({})) as (server, wire):
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with pytest.raises(NoAnswer):
            ask(wire, server, "POST", json={"qty": "1"})
        released.set()
        end = time.monotonic() + 2
        while server.connections == 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert server.connections == 1  # it did connect, once the name was known
        time.sleep(0.1)
        assert server.seen == []  # and said nothing
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert ask(wire, server, "POST", json={"qty": "1"}).status == 200
        assert len(server.seen) == 1


def test_nothing_is_begun_when_no_time_is_left() -> None:
    with wire_to(answer({}), seconds=0.0) as (server, wire):
        with pytest.raises(NotStarted):
            ask(wire, server)
        assert server.connections == 0


PREAMBLE = """
import socket, sys, time
from bot.venues.wire import NoAnswer, Wire
server = socket.create_server(("127.0.0.1", 0))
wire = Wire(lambda: 0.2, lambda: 1000)
"""
ASK = """
try:
    wire.request("GET", f"http://localhost:{server.getsockname()[1]}/", headers={})
except NoAnswer as error:
    print(error)
"""
HANGS = {
    "a server that never answers": "",
    "a name that is never looked up": "socket.getaddrinfo = lambda *a, **k: time.sleep(30)",
}


@pytest.mark.parametrize("hang", HANGS.values(), ids=list(HANGS))
def test_a_process_ends_in_time_whatever_hangs(hang: str, root: Path) -> None:
    before = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + hang + ASK], cwd=root, capture_output=True, text=True, timeout=20, check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "no whole answer" in done.stdout or "too long" in done.stdout
    assert time.monotonic() - before < 8


def counting(total: int, head: bytes) -> tuple[Hand, list[int]]:
    """Send a body of `total` bytes and count how many were taken."""
    sent = [0]

    def hand(connection: socket.socket) -> None:
        connection.sendall(head)
        block = b" " * 65_536
        while sent[0] < total:
            connection.sendall(block)
            sent[0] += len(block)

    return hand, sent


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n"],
    ids=["of unknown length", "of stated length"],
)
def test_a_body_of_20_megabytes_is_refused_while_it_is_read(head: bytes) -> None:
    hand, sent = counting(20 << 20, head)
    with wire_to(hand, seconds=5) as (server, wire), pytest.raises(TooLarge, match="larger than"):
        ask(wire, server)
    assert sent[0] < 20 << 20


def test_a_small_body_that_unpacks_to_20_megabytes_is_refused() -> None:
    packed = gzip.compress(b" " * (20 << 20))
    assert len(packed) < BYTES
    with (
        wire_to(answer(packed, headers={"Content-Encoding": "gzip"}), seconds=5) as (server, wire),
        pytest.raises(TooLarge),
    ):
        ask(wire, server)


def test_a_packed_body_is_unpacked() -> None:
    with wire_to(answer(gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})) as (server, wire):
        assert ask(wire, server).body == b'{"a": 1}'
        assert server.seen[0].headers["accept-encoding"] == "gzip"


BROKEN = {
    "is hung up on": cut,
    "ends before its stated length": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{}",
    "is no HTTP": b"SSH-2.0-OpenSSH_9\r\n\r\n",
    "is packed wrongly": answer(b"not gzip", headers={"Content-Encoding": "gzip"}),
    "has a chunk without a size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


def said_then_hung_up(said: bytes) -> Hand:
    def hand(connection: socket.socket) -> None:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_RDWR)

    return hand


@pytest.mark.parametrize("part", BROKEN.values(), ids=list(BROKEN))
def test_an_answer_that_breaks_off_or_makes_no_sense_is_no_answer(part: bytes | Hand) -> None:
    hand = said_then_hung_up(part) if isinstance(part, bytes) else part
    with wire_to(hand, seconds=5) as (server, wire):
        with pytest.raises(NoAnswer):
            ask(wire, server, "POST", json={})
        assert len(server.seen) == 1


def test_a_closed_port_and_an_unknown_name_are_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(answer({})) as server:
        url = server.url
    wire = Wire(lambda: 2.0, lambda: BYTES)
    with pytest.raises(NoAnswer, match="refused"):
        wire.request("GET", url, headers={})

    def unknown(*args: Any, **named: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoAnswer, match="name could not be looked up"):
        wire.request("GET", "http://localhost:1", headers={})


def test_https_to_a_server_without_a_certificate_is_refused() -> None:
    with wire_to(answer({}), seconds=2) as (server, wire), pytest.raises(NoAnswer):
        wire.request("GET", server.url.replace("http:", "https:"), headers={})
    assert server.seen == []


def test_a_redirect_is_given_as_it_came_and_not_followed() -> None:
    with Loopback(answer({})) as other:
        with wire_to(answer(b"", 302, {"Location": f"{other.url}/elsewhere"})) as (server, wire):
            assert ask(wire, server).status == 302
        assert other.connections == 0


def test_nothing_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy sees the keys, and no .netrc adds a name and password."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1\nlogin someone\npassword something\n")
    with Loopback(answer({"from": "proxy"})) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with wire_to(answer({"from": "server"})) as (server, wire):
            assert b"server" in ask(wire, server).body
            assert "authorization" not in server.seen[0].headers
        assert proxy.connections == 0


def test_a_connection_is_used_again_and_cookies_are_not_kept() -> None:
    with wire_to(answer({}, headers={"Set-Cookie": "a=b"})) as (server, wire):
        for _ in range(3):
            assert ask(wire, server).status == 200
        assert server.connections == 1
        assert "cookie" not in server.seen[-1].headers


def test_headers_query_and_body_arrive_as_given() -> None:
    with wire_to(answer({"ok": True}, 201, {"X-Two": "2"})) as (server, wire):
        got = ask(wire, server, "POST", json={"qty": "1"}, params={"a": "b c"})
        (request,) = server.seen
        assert (request.method, request.target, request.body) == ("POST", "/v2/thing?a=b+c", b'{"qty": "1"}')
        assert request.headers["x-one"] == "1"
        assert (got.status, got.headers["x-two"], got.body) == (201, "2", b'{"ok": true}')
