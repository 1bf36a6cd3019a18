"""Shapes: `bot tick` as a process against Alpaca's published documents, each request validated by Prism.

What the mock says is this tree's overlay (mock.py); the documents and their schemas are the test material's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from datetime import time as dt_time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.orders import OrderIntent, client_order_id, leg
from bot.domain.sessions import NEW_YORK, slot_of
from bot.tests.prism.mock import ACCOUNT, PRISM, Mocks, World, mocks, requests_seen, violations

ROOT = Path(__file__).resolve().parents[3]
D = Decimal
SLOT = timedelta(minutes=15)
SLOT_END_SECONDS, DAY_END_SECONDS = 45.0, 180.0


@pytest.fixture
def desk(tmp_path: Path, material: Path) -> Path:
    """Make a home for an account at Alpaca with one name and no word on when to enter."""
    if not (material / "contracts").is_dir():
        pytest.skip(f"Alpaca's published documents are not at {material / 'contracts'}")
    if shutil.which("npm") is None:
        pytest.skip("npm is not here, and with it no Prism: install Debian's nodejs and npm")
    wait_out_the_day()
    assert PRISM.exists(), "Prism is not installed: run `make test`, or `npm ci` in bot/tests/prism"
    done = bot(tmp_path, None, "init", "--broker", "alpaca", "--symbols", "XLF", "--equity", "25000")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "data" / "desk.toml"
    text = file.read_text()
    # Today's session lasts from midnight to midnight at the mock, and no follow-up waits for what never fills there.
    for key in ("entry_after_open_minutes", "entry_before_close_minutes", "follow_ups_max"):
        text = "\n".join(f"{key} = 0" if line.startswith(f"{key} =") else line for line in text.splitlines())
    file.write_text(text + "\n")
    return tmp_path


def bot(folder: Path, at: Mocks | None, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command as its user would, the keys being all that is secret about it."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "COLUMNS": "140", **more}
    if at is not None:
        env |= {"ALPACA_TRADING_URL": at.trading, "ALPACA_DATA_URL": f"{at.data}/"}
        env |= {"ALPACA_API_KEY": "PKPRISM", "ALPACA_SECRET_KEY": "a-secret-nobody-prints"}
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )


def wait_out(seconds: float, end: datetime) -> None:
    """Wait until just after a moment if it is nearer than this: what begins here must not straddle it."""
    left = (end - datetime.now(UTC)).total_seconds()
    if left < seconds:
        time.sleep(max(left, 0) + 1)


def wait_out_the_day() -> None:
    """Wait for New York's next day if this one is nearly over: the mocks' session and their expiry belong to a day."""
    here = datetime.now(UTC).astimezone(NEW_YORK)
    midnight = datetime.combine(here.date() + timedelta(days=1), dt_time(), NEW_YORK)
    wait_out(DAY_END_SECONDS, midnight.astimezone(UTC))


def ticked(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a-secret-nobody-prints" not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_dry_tick_reads_through_the_published_shapes_and_sends_nothing(
    desk: Path, material: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "prism"
    folder.mkdir()
    with mocks(material, folder, World(datetime.now(UTC))) as at:
        result = ticked(bot(desk, at, "tick", "--dry", "--json"))
    assert violations(folder) == []
    assert not [one for one in requests_seen(folder) if one.startswith(("post", "delete", "patch"))]
    wanted = [one for one in result["verdicts"] if one["purpose"] == "cash_secured_put"]
    assert [(one["symbol"][-9:], one["approved"]) for one in wanted] == [("P00038000", True)], result


def test_a_live_tick_on_paper_places_an_order_that_the_document_accepts(
    desk: Path, material: Path, tmp_path: Path
) -> None:
    """The mock confirms what it was told to: under the id this very order must have, for ids are no accident."""
    dry_folder, folder = tmp_path / "dry", tmp_path / "prism"
    dry_folder.mkdir()
    folder.mkdir()
    plain = World(datetime.now(UTC))
    with mocks(material, dry_folder, plain) as at:
        seen = ticked(bot(desk, at, "tick", "--dry", "--json"))
    intent = next(one for one in seen["verdicts"] if one["purpose"] == "cash_secured_put")
    wish = OrderIntent(
        strategy=intent["strategy"], purpose="cash_secured_put", key=intent["key"], underlying="XLF",
        legs=(leg(intent["symbol"], "sell_to_open"),), qty=D(intent["qty"]), reason="",
    )  # fmt: skip
    # The id names its slot: from here to the order both sides must stand in the same one.
    wait_out(SLOT_END_SECONDS, slot_of(datetime.now(UTC)) + SLOT)
    now = datetime.now(UTC)
    own = client_order_id("main", wish, slot_of(now), 0)
    answer = plain.confirmed(own, intent["symbol"], intent["qty"], intent["limit_price"])
    with mocks(material, folder, World(now, answer)) as at:
        result = ticked(bot(desk, at, "tick", "--live", "--json", BOT_MODE="live", ALPACA_ACCOUNT=ACCOUNT))
    assert violations(folder) == []
    seen_there = requests_seen(folder)
    assert [one for one in seen_there if not one.startswith("get")] == ["post /v2/orders"]
    assert [(one["client_order_id"], one["state"], one["status"]) for one in result["orders"]] == [
        (own, "working", "accepted")
    ]


def test_another_account_than_the_pinned_one_is_refused_before_a_second_read(
    desk: Path, material: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "prism"
    folder.mkdir()
    with mocks(material, folder, World(datetime.now(UTC))) as at:
        done = bot(desk, at, "tick", "--dry", ALPACA_ACCOUNT="PA9OTHER")
    assert done.returncode == 78, done.stdout + done.stderr
    assert "ALPACA_ACCOUNT" in done.stderr
    assert ACCOUNT[-4:] in done.stderr
    probes = ["get /v2/stocks/snapshots", "get /v2/clock"]
    assert [one for one in requests_seen(folder) if one not in probes] == ["get /v2/account"]
