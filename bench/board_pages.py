"""How long each page of the built board takes over a ledger, for one client at a time."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from bench.harness import ROOT, against, line

WARM_UPS, REQUESTS, P95_MILLISECONDS = 10, 50, 50.0
START_SECONDS = 30
BOARD = ROOT / "dashboard"


def page_times(home: Path) -> list[bool]:
    """Serve a home and ask for every page; say in words where there is nothing built to serve it."""
    node = shutil.which("node")
    if node is None or not (BOARD / ".next" / "BUILD_ID").exists():
        print("  the pages are not measured: the board is not built here (`make board` builds it)")
        return []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    served = subprocess.Popen(
        [node, "server/start.mjs"],
        cwd=BOARD,
        env=kept | {"NODE_ENV": "production", "BOT_HOME": str(home), "DASHBOARD_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        return _measured(port, served)
    finally:
        served.terminate()
        served.wait()


def _measured(port: int, served: subprocess.Popen[bytes]) -> list[bool]:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    _wait(port, served)
    slowest = sorted(((_p95(asking, address), address) for address in _addresses(asking)), reverse=True)
    asking.close()
    for taken, address in slowest[:5]:
        line(f"  p95 of {address}", f"{taken:.1f} ms")
    return [against(f"p95 of the slowest of {len(slowest)} pages", slowest[0][0], " ms", at_most=P95_MILLISECONDS)]


def _wait(port: int, served: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if served.poll() is not None:
            raise SystemExit(f"the board ended with {served.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the board did not answer within {START_SECONDS} seconds")


def _addresses(asking: http.client.HTTPConnection) -> list[str]:
    """Give every page of the desk, as its own navigation lists them, the newest tick's page and two filtered ones."""
    _, first = _asked(asking, "/desk")
    pages = sorted(set(re.findall(r'href="(/desk(?:/[a-z]+)?)"', first)))
    _, ticks = _asked(asking, "/desk/ticks")
    numbers = sorted({int(number) for number in re.findall(r'href="/desk/ticks/(\d+)"', ticks)})
    return [*pages, f"/desk/ticks/{numbers[-1]}", "/desk/orders?symbol=SPY", "/desk?span=All"]


def _p95(asking: http.client.HTTPConnection, address: str) -> float:
    taken = []
    for turn in range(WARM_UPS + REQUESTS):
        milliseconds, _ = _asked(asking, address)
        if turn >= WARM_UPS:
            taken.append(milliseconds)
    return sorted(taken)[int(REQUESTS * 0.95) - 1]


def _asked(asking: http.client.HTTPConnection, address: str) -> tuple[float, str]:
    begun = time.perf_counter()
    asking.request("GET", address)
    answer = asking.getresponse()
    body = answer.read()
    taken = (time.perf_counter() - begun) * 1000
    if answer.status != 200:
        raise SystemExit(f"{address} answered {answer.status}")
    return taken, body.decode()
