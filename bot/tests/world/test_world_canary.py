"""Secrets stay where their owner put them: in no log, store, record, error, process list or report (canary secrets).

A whole day of commands against a pretended Alpaca that repeats our keys in its errors, its headers and its rows, with
an outside witness that does the same, and crashes besides; then every file, every value in every store and every word
that was said is searched for the secrets, plain and encoded.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import traceback
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bot.commands.ticking import run_loop
from bot.config.settings import load_settings
from bot.tests.alpaca.desk import ROOT, AlpacaDesk
from bot.tests.alpaca.world import ACCOUNT, AlpacaWorld
from bot.tests.commands.typed import typed
from bot.tests.faults.canaries import Canaries, processes_below, signs_of
from bot.tests.faults.soaking import many
from bot.venues import allowance, alpaca_client

KEY, SECRET = "cnry-K3y/7f3a+9c51d2e8", "cnry-S3cr3t/b64e+x0a1d2c3e4f5a6b7=="
TOKEN = "cnry-w1tn3ss-5d8e7a6b4c"
HOLDERS = frozenset({".env", "secret.txt"})
ECHOES = ("status", "message", "description", "reject_reason", "name", "symbol", "source", "id")
SLOT = timedelta(minutes=15)


def both(template: str = "{0} {1}") -> str:
    return template.format(KEY, SECRET)


def told(status: int, code: int = 0) -> dict[str, Any]:
    """Let an answer be an error that repeats the request's own headers, plain and encoded."""
    basic = b64encode(f"{KEY}:{SECRET}".encode()).decode()
    words = f"APCA-API-KEY-ID: {KEY} APCA-API-SECRET-KEY: {SECRET} Basic {basic} {SECRET.encode().hex()}"
    body = json.dumps({"code": code or status * 100000, "message": words}).encode()
    headers = {"X-Request-Id": KEY, "WWW-Authenticate": f"Basic {basic}", "Location": f"http://127.0.0.1:9/?k={SECRET}"}
    return {"status": status, "body": body, "headers": headers}


def echo(value: Any) -> Any:
    """Let an answer's rows repeat the secrets in the fields that hold words."""
    if isinstance(value, list):
        return [echo(one) for one in value]
    if isinstance(value, dict):
        return {key: both("{1}") if key in ECHOES[:4] else echo(one) for key, one in value.items()} | {"echo": both()}
    return value


class CanaryDesk(AlpacaDesk):
    """A desk whose secrets stand in its `.env` alone."""

    @property
    def variables(self) -> dict[str, str]:
        """Give nothing: the file says it all."""
        return {}

    def write(self, ping: str) -> None:
        """Write the `.env`: one secret plain, one in a file of its own, the witness in base64."""
        (self.folder / "secret.txt").write_text(SECRET + "\n")
        (self.folder / ".env").write_text(
            f"BOT_MODE=live\nBOT_BROKER=alpaca\nALPACA_ENV=paper\nALPACA_ACCOUNT={ACCOUNT}\nALPACA_API_KEY={KEY}\n"
            f"ALPACA_SECRET_KEY_FILE=secret.txt\nALPACA_TRADING_URL={self.server.url}/v2/\n"
            f"ALPACA_DATA_URL={self.server.url}\nWATCH_PING_URL_B64={b64encode(ping.encode()).decode()}\n"
        )
        for name in HOLDERS:
            (self.folder / name).chmod(0o600)


@contextmanager
def witness() -> Iterator[str]:
    """Serve an outside witness that fails and repeats the address it was asked at."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500, f"no {TOKEN}")
            self.send_header("Location", self.path)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(self.path.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/ping/{TOKEN}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CanaryDesk]:
    monkeypatch.setattr(alpaca_client, "_backoff", lambda path, attempt: 0.0)
    monkeypatch.setattr(allowance, "WINDOW_SECONDS", 0.01)
    world = AlpacaWorld()
    world.key, world.secret = KEY, SECRET
    made = CanaryDesk(tmp_path / "desk", world)
    with made, witness() as ping:
        made.write(ping)
        file = made.home / "desk.toml"
        file.write_text(re.sub(r"(?m)^follow_ups_max = \d+", "follow_ups_max = 0", file.read_text()))
        yield made


class Day:
    """Commands typed one after the other, and every word they said."""

    def __init__(self, desk: CanaryDesk) -> None:
        self.desk = desk
        self.said: list[tuple[str, str]] = []
        self.codes: dict[str, set[int]] = {}

    def type(self, *words: str) -> None:
        """Type a command at the world's moment; a crash is told as Python would tell it."""
        try:
            done = typed(self.desk.folder, *words, now=self.desk.world.at)
            code, text = done.code, done.out + done.err
        except AssertionError:
            code, text = -1, traceback.format_exc()
        self.codes.setdefault(words[0], set()).add(code)
        self.said.append((" ".join(words), text))

    def looks(self) -> None:
        """Look at everything in every way."""
        for words in (
            ("doctor",), ("doctor", "--json"), ("config", "show"), ("config", "show", "--json"), ("config", "check"),
            ("status",), ("status", "--json"), ("report",), ("why", "EWZ"), ("scan",), ("week",), ("import-history",),
            ("audit", "verify"), ("audit", "head"), ("backup",), ("watch",), ("watch", "--json"), ("dump-state",),
        ):  # fmt: skip
            self.type(*words)

    def pass_by(self) -> None:
        """Let a slot pass."""
        self.desk.pass_by(SLOT)

    def loop(self) -> None:
        """Run one round of `bot loop` on the hour."""
        env = str(self.desk.folder / ".env")
        run_loop(env, dry=False, ticks=1, clock=self.desk.world.now, sleep=lambda _: None)


def spoiled(world: AlpacaWorld) -> Iterator[None]:
    """Let one kind of failure after the other rule every exchange; each repeats our secrets."""
    ways = (told(403), {"change": echo}, told(500), told(429), told(401), told(422), told(302))
    for how in ways[: many(2, len(ways))]:
        for method in ("GET", "POST", "DELETE"):
            world.spoil("/", method, times=10_000, **how)
        yield
        world.faults.clear()


def test_no_secret_is_left_behind_by_a_day_of_commands(
    desk: CanaryDesk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = Canaries(key=KEY, secret=SECRET, witness=TOKEN)
    day = Day(desk)
    monkeypatch.setenv("TMPDIR", str(desk.folder / "tmp"))
    (desk.folder / "tmp").mkdir()
    for words in (("tick", "--dry"), ("tick",), ("tick", "--json")):
        day.type(*words)
        day.pass_by()
    for _ in spoiled(desk.world):
        for words in (("tick", "--dry"), ("tick",), ("tick", "--all"), ("panic",), ("doctor",)):
            day.type(*words)
        day.pass_by()
        day.type("resume")
    for method in ("POST", "DELETE"):
        desk.world.spoil("/", method, times=3, **told(403, 40310000))
    day.type("tick")
    desk.world.faults.clear()
    day.pass_by()
    day.loop()
    crash(day, monkeypatch)
    day.type("halt", "reduce_only", "--reason", "a look")
    day.looks()
    assert {0, -1} < day.codes["tick"], f"ticks must go well, go wrong and crash: {day.codes}"
    assert len(desk.world.orders) >= 1
    day.said.append(("this process", "".join(capfd.readouterr())))
    leaks = [f"{words}: {one}" for words, text in day.said for one in canaries.found_in(text.encode())]
    leaks += canaries.found_below(desk.folder, HOLDERS) + canaries.found_below(Path(os.environ["XDG_STATE_HOME"]))
    searched = f"{canaries.looked} pieces of {canaries.bytes:,} bytes searched"
    print(f"\n| canary secrets | {len(day.said)} commands | {searched} | {len(leaks)} leaks |")
    assert leaks == []


def crash(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our own code fail in the middle of a request, with the secrets within reach."""
    real = alpaca_client.AlpacaClient.read

    def fails(self: alpaca_client.AlpacaClient, *given: Any, **named: Any) -> Any:
        raise AssertionError(f"a bug of ours at {self!r}, {given!r}, {named!r}")

    monkeypatch.setattr(alpaca_client.AlpacaClient, "read", fails)
    for words in (("tick",), ("doctor",), ("import-history",)):
        day.type(*words)
    monkeypatch.setattr(alpaca_client.AlpacaClient, "read", real)


def test_no_secret_stands_in_a_command_line_or_in_what_children_inherit(desk: CanaryDesk) -> None:
    """The process list shows command lines to everybody; the environment of a process to its user."""
    canaries = Canaries(key=KEY, secret=SECRET, witness=TOKEN)
    slow = desk.world.spoil("/v2/account$", "GET", delay=0.3)
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "tick", "--dry"], cwd=desk.folder, env=given,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        found: dict[int, tuple[bytes, bytes]] = {}
        while slow in desk.world.faults and process.poll() is None:
            found |= processes_below(process.pid)
        found |= processes_below(process.pid)
        said = process.communicate(timeout=60)[0]
    assert process.pid in found
    assert b"tick" in found[process.pid][0]
    leaks = [one for parts in found.values() for part in parts for one in canaries.found_in(part)]
    assert leaks + canaries.found_in(said) == []


def test_a_crash_of_a_real_process_shows_no_secret(desk: CanaryDesk) -> None:
    canaries = Canaries(key=KEY, secret=SECRET, witness=TOKEN)
    program = (
        "from alpaca.common.rest import RESTClient\n"
        "def get(self, *given, **named):\n    raise AssertionError('a bug of ours')\n"
        "RESTClient.get = get\n"
        "from bot.__main__ import main\nmain()\n"
    )
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
    done = subprocess.run(
        [sys.executable, "-c", program, "tick"],
        cwd=desk.folder,
        env=given,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"a bug of ours" in done.stderr
    assert canaries.found_in(done.stdout + done.stderr) == []
    assert canaries.found_below(desk.folder, HOLDERS) == []


def test_settings_show_no_secret_however_they_are_shown(desk: CanaryDesk) -> None:
    canaries = Canaries(key=KEY, secret=SECRET, witness=TOKEN)
    settings = load_settings({}, desk.folder, desk.folder / ".env")
    assert settings.secrets.reveal("ALPACA_SECRET_KEY") == SECRET
    assert canaries.found_in(f"{settings} {settings!r} {settings.secrets!r}".encode()) == []


@pytest.mark.parametrize("written", sorted(one.decode() for one in signs_of(SECRET)))
def test_each_way_of_writing_a_secret_would_be_found(tmp_path: Path, written: str) -> None:
    import gzip
    import zlib

    canaries = Canaries(secret=SECRET)
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(f"x {written} y".encode()))
    (tmp_path / "b.bin").write_bytes(b"1234" + zlib.compress(f"x {written} y".encode(), 1) + b"5678")
    (tmp_path / "c.txt").write_text(f"x {written} y")
    assert len({one.split(":")[0] for one in canaries.found_below(tmp_path)}) == 3
