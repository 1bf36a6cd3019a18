"""The log of a desk at Alpaca: slow and failed exchanges, and a canary's keys in none of its lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot.domain.errors import BotError
from bot.tests.alpaca.desk import AlpacaDesk
from bot.venues import alpaca_client

KEY, SECRET = "canary-key-0123456789", "canary/secret+0123456789=abcdefghij"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path) as opened:
        yield opened


def lines(desk: AlpacaDesk) -> list[dict[str, Any]]:
    return [json.loads(line) for path in (desk.home / "logs").iterdir() for line in path.read_text().splitlines()]


def test_a_try_that_failed_and_the_wait_after_it_have_a_line_each(desk: AlpacaDesk) -> None:
    desk.world.spoil("/v2/positions$", status=503, times=1)
    desk.tick(dry=True)
    told = [line for line in lines(desk) if line["kind"] == "venue"]
    assert [(line["what"], line.get("status")) for line in told] == [("GET v2/positions", 503), ("wait", None)]
    assert told[0]["seconds"] >= 0


def test_a_slow_answer_has_a_line_and_others_have_none(desk: AlpacaDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tick(dry=True)
    assert [line for line in lines(desk) if line["kind"] == "venue"] == []
    monkeypatch.setattr(alpaca_client, "SLOW_SECONDS", 0.0)
    desk.pass_by()
    desk.tick(dry=True)
    slow = [line for line in lines(desk) if line["kind"] == "venue"]
    assert {line["message"] for line in slow} == {"slow"}
    assert "GET v2/account" in {line["what"] for line in slow}


@pytest.mark.parametrize("secret", [KEY, SECRET])
def test_a_canary_in_the_venues_words_reaches_no_line(desk: AlpacaDesk, secret: str) -> None:
    """Plain, quoted and in base64 behind a name, in a body and in an exception's message."""
    spelled = [secret, quote(secret, safe=""), base64.b64encode(f"x:{secret}".encode()).decode()]
    words = json.dumps({"code": 40110000, "message": " ".join(spelled)}).encode()
    desk.world.spoil("/v2/account$", status=403, body=words)
    with pytest.raises(BotError):
        desk.tick(ALPACA_API_KEY=KEY, ALPACA_SECRET_KEY=SECRET)
    held = "".join(path.read_text() for path in (desk.home / "logs").iterdir())
    assert '"kind":"error"' in held
    for one in spelled:
        assert one not in held
    assert secret[:10] not in held


def test_the_accounts_number_stands_in_no_line(desk: AlpacaDesk) -> None:
    desk.tick()
    assert "PA3TEST00001" not in "".join(path.read_text() for path in (desk.home / "logs").iterdir())
