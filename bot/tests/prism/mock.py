"""Prism on Alpaca's published API documents: a mock on loopback that refuses every request the documents forbid.

The documents come from the test material; their corrections (`*.prism-overlay.json`) lie beside them. `World` is this
tree's own overlay: a present clock, a session around now, one account, fresh quotes and one chain.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from bot.domain.instruments import option_symbol
from bot.domain.sessions import NEW_YORK, session_on

HERE = Path(__file__).parent
_PAINT = re.compile(r"\x1b\[[0-9;]*m")
_RECEIVED = re.compile(r"\[HTTP SERVER\] (get|post|delete|patch) (\S+) .*Request received")
PRISM = HERE / "node_modules" / ".bin" / "prism"
START_SECONDS = 60.0
ACCOUNT = "PA3PRISM0001"
SPOT = Decimal("40.00")
PUTS = (
    (36, "0.22", "-0.12"),
    (37, "0.34", "-0.18"),
    (38, "0.52", "-0.25"),
    (39, "0.80", "-0.35"),
    (40, "1.20", "-0.48"),
)
"""Strike, mid and delta of each put listed."""


class Mocks(NamedTuple):
    """Where the two mocks listen."""

    trading: str
    data: str


class World:
    """What the mocks say at one moment; `order_id` is the client order id they confirm an order under."""

    def __init__(self, now: datetime, order: dict[str, Any] | None = None) -> None:
        self.now = now
        self.order = order
        self.today = now.astimezone(NEW_YORK).date()
        self.expiry = expiry_near(self.today)

    def trading(self) -> dict[tuple[str, str], Any]:
        """Give the trading documents' answers by method and path."""
        found: dict[tuple[str, str], Any] = {
            ("get", "/v2/account"): self._account(),
            ("get", "/v2/clock"): self._clock(),
            ("get", "/v2/calendar"): self._calendar(),
            ("get", "/v2/positions"): [],
            ("get", "/v2/orders"): [],
            ("get", "/v2/account/activities"): [],
            ("get", "/v2/options/contracts"): {
                "option_contracts": [self._contract(Decimal(strike)) for strike, _, _ in PUTS],
                "next_page_token": None,
            },
        }
        if self.order is not None:
            found["post", "/v2/orders"] = self.order
            found["get", "/v2/orders:by_client_order_id"] = self.order
        return found

    def data(self) -> dict[tuple[str, str], Any]:
        """Give the market data documents' answers by method and path."""
        chain = {self.symbol(Decimal(strike)): self._snapshot(mid, delta) for strike, mid, delta in PUTS}
        share = {
            "latestQuote": {
                "ap": 40.01, "as": 5, "ax": "V", "bp": 39.99, "bs": 4, "bx": "V", "c": ["R"], "t": self._moment(),
                "z": "B",
            },
            "latestTrade": {"c": ["@"], "i": 1, "p": 40.0, "s": 100, "t": self._moment(), "x": "V", "z": "B"},
        }  # fmt: skip
        options = {"snapshots": chain, "next_page_token": None}
        return {
            ("get", "/v2/stocks/snapshots"): {"XLF": share, "SPY": share},
            ("get", "/v1beta1/options/snapshots"): options,
            ("get", "/v1beta1/options/snapshots/{underlying_symbol}"): options,
            ("get", "/v1/corporate-actions"): {"corporate_actions": {}, "next_page_token": None},
        }

    def symbol(self, strike: Decimal) -> str:
        """Name a put of the one expiry."""
        return option_symbol("XLF", self.expiry, "put", strike)

    def confirmed(self, client_order_id: str, symbol: str, qty: str, limit_price: str) -> dict[str, Any]:
        """Give the answer to an order as Alpaca's document shapes it."""
        return {
            "id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "client_order_id": client_order_id,
            "created_at": self._moment(), "updated_at": self._moment(), "submitted_at": self._moment(),
            "filled_at": None, "expired_at": None, "canceled_at": None, "failed_at": None, "replaced_at": None,
            "replaced_by": None, "replaces": None, "asset_id": "904837e3-3b76-47ec-b432-046db621571b", "symbol": symbol,
            "asset_class": "us_option", "notional": None, "qty": qty, "filled_qty": "0", "filled_avg_price": None,
            "order_class": "simple", "order_type": "limit", "type": "limit", "side": "sell",
            "position_intent": "sell_to_open", "time_in_force": "day", "limit_price": limit_price, "stop_price": None,
            "status": "accepted", "extended_hours": False, "legs": None, "trail_percent": None, "trail_price": None,
            "hwm": None,
        }  # fmt: skip

    def _account(self) -> dict[str, Any]:
        return {
            "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98", "account_number": ACCOUNT, "status": "ACTIVE",
            "currency": "USD", "cash": "25000", "equity": "25000", "portfolio_value": "25000", "buying_power": "50000",
            "options_buying_power": "25000", "non_marginable_buying_power": "25000", "accrued_fees": "0",
            "pending_transfer_in": "0", "multiplier": "2", "options_approved_level": 3, "options_trading_level": 3,
            "trading_blocked": False, "transfers_blocked": False, "account_blocked": False,
            "trade_suspended_by_user": False, "shorting_enabled": True, "created_at": "2024-01-02T14:30:00Z",
        }  # fmt: skip

    def _clock(self) -> dict[str, Any]:
        return {
            "timestamp": self.now.astimezone(NEW_YORK).isoformat(), "is_open": True,
            "next_open": (self.now + timedelta(days=1)).isoformat(),
            "next_close": (self.now + timedelta(hours=2)).isoformat(),
        }  # fmt: skip

    def _calendar(self) -> list[dict[str, str]]:
        """Trade every day around now: today's session stands around this very moment."""
        days = [self.today + timedelta(days=one) for one in range(-10, 40)]
        return [
            {
                "date": day.isoformat(), "open": "00:00", "close": "23:59", "session_open": "0000",
                "session_close": "2359", "settlement_date": day.isoformat(),
            }
            for day in days
        ]  # fmt: skip

    def _contract(self, strike: Decimal) -> dict[str, Any]:
        symbol = self.symbol(strike)
        return {
            "id": "98359ef7-5124-49f3-85ea-5cf02df6defa", "symbol": symbol, "name": f"XLF {strike} Put",
            "status": "active", "tradable": True, "expiration_date": self.expiry.isoformat(), "root_symbol": "XLF",
            "underlying_symbol": "XLF", "underlying_asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415", "type": "put",
            "style": "american", "strike_price": str(strike), "multiplier": "100", "size": "100",
            "open_interest": "2370", "open_interest_date": (self.today - timedelta(days=1)).isoformat(),
            "deliverables": [
                {
                    "type": "equity", "symbol": "XLF", "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
                    "amount": "100", "allocation_percentage": "100", "settlement_type": "T+2",
                    "settlement_method": "CCC", "delayed_settlement": False,
                }
            ],
        }  # fmt: skip

    def _snapshot(self, mid: str, delta: str) -> dict[str, Any]:
        half = Decimal("0.01")
        return {
            "greeks": {"delta": float(delta), "gamma": 0.06, "rho": -0.01, "theta": -0.02, "vega": 0.05},
            "impliedVolatility": 0.22,
            "latestQuote": {
                "ap": float(Decimal(mid) + half), "as": 50, "ax": "C", "bp": float(Decimal(mid) - half), "bs": 40,
                "bx": "C", "c": "A", "t": self._moment(),
            },
        }  # fmt: skip

    def _moment(self) -> str:
        return self.now.astimezone(UTC).isoformat().replace("+00:00", "Z")


def expiry_near(today: date) -> date:
    """Give a session about 35 days ahead."""
    return next(day for day in (today + timedelta(days=35 + n) for n in range(9)) if session_on(day) is not None)


def corrected(material: Path, name: str, answers: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """Give a published document with its corrections and our answers; no schema of it is touched by ours."""
    folder = material / "contracts"
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    for change in json.loads((folder / f"{name}.prism-overlay.json").read_text()):
        _put(document, change["path"], change["value"])
    for (method, path), answer in answers.items():
        content = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        content.pop("examples", None)
        content["example"] = answer
    return document


def _put(document: Any, pointer: str, value: Any) -> None:
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.lstrip("/").split("/")]
    for part in way:
        document = document[int(part)] if isinstance(document, list) else document[part]
    if isinstance(document, list):
        if last == "-":
            document.append(value)
        else:
            document[int(last)] = value
    else:
        document[last] = value


@contextmanager
def mocks(material: Path, folder: Path, world: World) -> Iterator[Mocks]:
    """Run both mocks on loopback until the block ends. They start side by side: meanwhile the world's quotes age."""
    first, second = _free_ports()
    with (
        _one(corrected(material, "alpaca-trading-api", world.trading()), folder / "trading.json", first) as trading,
        _one(corrected(material, "alpaca-market-data-api", world.data()), folder / "data.json", second) as data,
    ):
        trading.await_answer("/v2/clock")
        data.await_answer(f"/v2/stocks/snapshots?symbols={quote('XLF')}")
        yield Mocks(trading.url, data.url)


class _Mock(NamedTuple):
    """One mock that was started: its process, its address and what it says."""

    server: subprocess.Popen[bytes]
    url: str
    log: Path

    def await_answer(self, probe: str) -> None:
        """Wait until it answers a request of its documents."""
        _await(self.server, self.url + probe, self.log)


def _free_ports() -> tuple[int, int]:
    """Find two ports nobody listens on; both are held while looking, so that they differ."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def _one(document: dict[str, Any], path: Path, port: int) -> Iterator[_Mock]:
    path.write_text(json.dumps(document))
    log = path.with_suffix(".log")
    with log.open("w") as said:
        server = subprocess.Popen(
            [str(PRISM), "mock", "-h", "127.0.0.1", "-p", str(port), str(path)], stdout=said, stderr=subprocess.STDOUT
        )
        try:
            yield _Mock(server, f"http://127.0.0.1:{port}", log)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(10)


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    headers = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "secret"}
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5):
                return
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{url}: {error.code} {error.read()[:500]!r}\n{log.read_text()}") from error
        except OSError:
            assert server.poll() is None, f"the mock ended by itself:\n{log.read_text()}"
            assert time.monotonic() < end, f"the mock did not answer in {START_SECONDS} s:\n{log.read_text()}"
            time.sleep(0.1)


def violations(folder: Path) -> list[str]:
    """Give what the mocks complained about in any request or answer."""
    found = []
    for path in sorted(folder.glob("*.log")):
        lines = (_PAINT.sub("", line) for line in path.read_text().splitlines())
        found += [f"{path.stem}: {line}" for line in lines if "✖" in line or "Violation" in line]
    return found


def requests_seen(folder: Path) -> list[str]:
    """Give method and path of every request both mocks received, in each mock's order."""
    found = []
    for path in sorted(folder.glob("*.log")):
        lines = (_PAINT.sub("", line) for line in path.read_text().splitlines())
        for line in lines:
            match = _RECEIVED.search(line)
            if match:
                found.append(f"{match[1]} {match[2]}")
    return found
